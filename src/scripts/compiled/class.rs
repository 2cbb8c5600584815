//! Classes (The Java Virtual Machine Specification, chapters 4 and 6): which strings their code gives to a call that starts
//! programs. The stack is followed once through each method, in order of the code.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Flow, Made, Node, Owner, Stack, Started, Value};
use crate::ordered;

/// Classes and methods that start the program that they are given as their first argument; `<init>` is a constructor.
const STARTERS: [(&str, &[&str]); 6] = [
    ("java/lang/ProcessBuilder", &["<init>", "command"]),
    ("java/lang/Runtime", &["exec"]),
    ("org/apache/commons/exec/CommandLine", &["<init>", "parse"]),
    ("org/zeroturnaround/exec/ProcessExecutor", &["<init>", "command", "commandSplit"]),
    ("scala/sys/process/Process$", &["apply"]),
    ("scala/sys/process/package$", &["stringToProcess", "stringSeqToProcess"]),
];

#[derive(Debug, Clone)]
enum Constant {
    Text(String),
    Class(usize),
    String(usize),
    /// A field or a method: its class, and its name with its type.
    Member(usize, usize),
    NameAndType(usize, usize),
    /// A method as a value, with what kind of call reaches it.
    Handle(u8, usize),
    /// The type of a method.
    Type(usize),
    /// A call that is linked as it is made first: its row of the bootstrap methods, and its name with its type.
    Dynamic(usize, usize),
    Other,
}

/// A class that was read.
#[derive(Debug)]
pub(super) struct Class {
    pub name: String,
    constants: Vec<Constant>,
    /// The class above it and its interfaces, fields by their names: numbers of constants.
    above: Vec<usize>,
    fields: Vec<usize>,
    methods: Vec<Method>,
    /// The arguments of its bootstrap methods.
    dynamic: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Method {
    name: usize,
    descriptor: usize,
    of_object: bool,
    code: Vec<u8>,
}

/// Names and contents.
type Attributes<'n, 'b> = Vec<(&'n str, &'b [u8])>;

fn be(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let piece = bytes.get(at..at.checked_add(length)?)?;
    Some(piece.iter().fold(0_usize, |sum, &b| (sum << 8) | usize::from(b)))
}

/// Read a class. One whose methods cannot be read has its strings all the same.
pub(super) fn read(bytes: &[u8]) -> Option<Class> {
    if bytes.get(..4)? != [0xca, 0xfe, 0xba, 0xbe] {
        return None;
    }
    let count = be(bytes, 8, 2)?;
    let (mut at, mut constants) = (10, vec![Constant::Other]);
    while constants.len() < count {
        let two = |offset: usize| be(bytes, at + offset, 2);
        let (constant, length) = match bytes.get(at)? {
            1 => {
                let length = two(1)?;
                let text = bytes.get(at + 3..at + 3 + length)?;
                (Constant::Text(String::from_utf8_lossy(text).into_owned()), 2 + length)
            }
            7 => (Constant::Class(two(1)?), 2),
            8 => (Constant::String(two(1)?), 2),
            9..=11 => (Constant::Member(two(1)?, two(3)?), 4),
            12 => (Constant::NameAndType(two(1)?, two(3)?), 4),
            15 => (Constant::Handle(*bytes.get(at + 1)?, two(2)?), 3),
            16 => (Constant::Type(two(1)?), 2),
            17 | 18 => (Constant::Dynamic(two(1)?, two(3)?), 4),
            19 | 20 => (Constant::Other, 2),
            3 | 4 => (Constant::Other, 4),
            5 | 6 => {
                constants.push(Constant::Other);
                (Constant::Other, 8)
            }
            _ => return None,
        };
        constants.push(constant);
        at += 1 + length;
    }
    let above = vec![be(bytes, at + 4, 2).unwrap_or_default()];
    let mut class =
        Class { name: String::new(), constants, above, fields: Vec::new(), methods: Vec::new(), dynamic: Vec::new() };
    class.name = class.class(be(bytes, at + 2, 2)?).unwrap_or_default().to_owned();
    let _ = class.members(bytes, at + 6);
    Some(class)
}

impl Class {
    /// Whether it can start programs itself.
    pub(super) fn starts(&self) -> bool {
        let has = |text: &str| self.texts().any(|own| own == text);
        // Every program may use Runtime.
        STARTERS
            .iter()
            .any(|(class, methods)| has(class) && (*class != "java/lang/Runtime" || methods.iter().any(|m| has(m))))
    }

    /// Every text of its constants.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.constants
            .iter()
            .filter_map(|constant| if let Constant::Text(text) = constant { Some(text.as_str()) } else { None })
    }

    /// Its strings.
    pub(super) fn strings(&self) -> impl Iterator<Item = &str> {
        // Any number of constants may be the same text.
        let texts = self
            .constants
            .iter()
            .filter_map(|constant| if let Constant::String(text) = constant { Some(*text) } else { None });
        texts.collect::<BTreeSet<usize>>().into_iter().filter_map(|text| self.text(text))
    }

    /// Bytes of all its code.
    #[cfg(test)]
    pub(super) fn code(&self) -> usize {
        self.methods.iter().map(|method| method.code.len()).sum()
    }

    /// Bytes that it takes in memory, besides its own.
    pub(super) fn cost(&self) -> u64 {
        (self.constants.len() * size_of::<Constant>()) as u64
    }

    fn text(&self, at: usize) -> Option<&str> {
        match self.constants.get(at)? {
            Constant::Text(text) => Some(text),
            _ => None,
        }
    }

    fn class(&self, at: usize) -> Option<&str> {
        match self.constants.get(at)? {
            Constant::Class(name) => self.text(*name),
            _ => None,
        }
    }

    fn string(&self, at: usize) -> Option<&str> {
        match self.constants.get(at)? {
            Constant::String(text) => self.text(*text),
            _ => None,
        }
    }

    fn named(&self, method: &Method) -> (&str, &str) {
        (self.text(method.name).unwrap_or_default(), self.text(method.descriptor).unwrap_or_default())
    }

    fn name_and_type(&self, at: usize) -> Option<(&str, &str)> {
        match self.constants.get(at)? {
            Constant::NameAndType(name, descriptor) => Some((self.text(*name)?, self.text(*descriptor)?)),
            _ => None,
        }
    }

    /// The class, the name and the type of a field or method.
    fn member(&self, at: usize) -> Option<(&str, &str, &str)> {
        let Constant::Member(class, name) = self.constants.get(at)? else { return None };
        let (name, descriptor) = self.name_and_type(*name)?;
        Some((self.class(*class)?, name, descriptor))
    }

    /// Interfaces, fields, methods and attributes, from there on.
    fn members(&mut self, bytes: &[u8], at: usize) -> Option<()> {
        let count = be(bytes, at, 2)?;
        self.above.extend((0..count).filter_map(|number| be(bytes, at + 2 + 2 * number, 2)));
        let mut at = at + 2 + 2 * count;
        for kind in 0..2 {
            let count = be(bytes, at, 2)?;
            at += 2;
            for _ in 0..count {
                let (flags, name, descriptor) = (be(bytes, at, 2)?, be(bytes, at + 2, 2)?, be(bytes, at + 4, 2)?);
                let (attributes, next) = self.attributes(bytes, at + 6)?;
                at = next;
                let code = attributes.iter().find(|(name, _)| *name == "Code").map(|&(_, body)| body);
                let code = code.and_then(|body| body.get(8..be(body, 4, 4)?.checked_add(8)?)).map(<[u8]>::to_vec);
                match code {
                    _ if kind == 0 => self.fields.push(name),
                    Some(code) => self.methods.push(Method { name, descriptor, of_object: flags & 8 == 0, code }),
                    None => {}
                }
            }
        }
        let (attributes, _) = self.attributes(bytes, at)?;
        let (_, body) = attributes.into_iter().find(|(name, _)| *name == "BootstrapMethods")?;
        let mut at = 2;
        let mut rows = Vec::new();
        for _ in 0..be(body, 0, 2)? {
            let arguments = be(body, at + 2, 2)?;
            at += 4;
            rows.push((0..arguments).map(|number| be(body, at + 2 * number, 2)).collect::<Option<_>>()?);
            at += 2 * arguments;
        }
        self.dynamic = rows;
        Some(())
    }

    /// Attributes by their names, and where the next member begins. None reaches into another one: each byte is read once.
    fn attributes<'b>(&self, bytes: &'b [u8], mut at: usize) -> Option<(Attributes<'_, 'b>, usize)> {
        let count = be(bytes, at, 2)?;
        at += 2;
        let mut found = Vec::new();
        for _ in 0..count {
            let (name, end) = (be(bytes, at, 2)?, be(bytes, at + 2, 4)?.checked_add(at + 6)?);
            found.extend(self.text(name).zip(bytes.get(at + 6..end)));
            at = end;
        }
        Some((found, at))
    }
}

/// The strings that the classes of an application start programs by.
pub(super) fn started(classes: &[Class]) -> Started {
    let application = Application::of(classes);
    let mut flow = Flow::default();
    for class in classes {
        let mut known = BTreeMap::new();
        for method in &class.methods {
            let (name, descriptor) = class.named(method);
            let owner = application.owner(&mut flow, &class.name, name, descriptor);
            let mut machine = Machine {
                class,
                application: &application,
                known: &mut known,
                flow: &mut flow,
                owner,
                stack: Stack::default(),
            };
            machine.enter(method);
            let _ = machine.run(&method.code);
        }
    }
    flow.started()
}

/// The application's own classes.
struct Application<'a> {
    own: BTreeMap<&'a str, &'a Class>,
    /// Their fields and methods: class, name, and the type of a method.
    members: BTreeSet<(&'a str, &'a str, &'a str)>,
    /// What other classes are below of.
    above: BTreeSet<&'a str>,
}

/// Classes of the library by which nothing of a class below is called that matters here; exceptions are others.
const PLAIN: [&str; 3] = ["java/lang/Object", "java/lang/Record", "java/lang/Enum"];

/// Most classes above one another.
const MOST_ABOVE: usize = 32;

impl<'a> Application<'a> {
    fn of(classes: &'a [Class]) -> Self {
        let own = ordered::map(classes.iter().map(|class| (class.name.as_str(), class)));
        let mut application = Self { own, members: BTreeSet::new(), above: BTreeSet::new() };
        for class in classes {
            let fields = class.fields.iter().filter_map(|&name| class.text(name));
            application.members.extend(fields.map(|name| (class.name.as_str(), name, "")));
            for method in &class.methods {
                let (name, descriptor) = class.named(method);
                application.members.insert((&class.name, name, descriptor));
            }
            application.above.extend(class.above.iter().filter_map(|&name| class.class(name)));
        }
        application
    }

    /// What has the places of a field, or of a method's parameters and variables. Code names the class that it knows; the
    /// member may be of one above it. An interface calls by name and type alone: its class is empty.
    fn owner(&self, flow: &mut Flow, class: &str, name: &str, descriptor: &str) -> Owner {
        let above = |class: &&Class| self.own.get(class.class(*class.above.first()?)?).copied();
        let mut classes = std::iter::successors(self.own.get(class).copied(), above).take(MOST_ABOVE);
        let has = |class: &&Class| self.members.contains(&(class.name.as_str(), name, descriptor));
        let class = classes.find(has).map_or(class, |class| class.name.as_str());
        [class, name, descriptor].map(|word| flow.word(word))
    }

    /// What is called of a class by libraries, which know it by a class or interface of their own; `None` for other classes.
    fn called(&self, flow: &mut Flow, class: &Class) -> Option<Node> {
        let mut above = class.above.iter().filter_map(|&name| class.class(name));
        let plain = |name: &str| PLAIN.contains(&name) || name.ends_with("Exception") || name.ends_with("Error");
        let known = above.any(|name| !plain(name) && !self.own.contains_key(name));
        let owner = [&class.name, "", ""].map(|word| flow.word(word));
        let node = known.then(|| flow.place(owner, 0))?;
        flow.callable(node);
        Some(node)
    }
}

/// Most parameters of a method, and the longest type that is read.
const MOST_PARAMETERS: usize = 255;
const LONGEST: usize = 4096;

/// The slots of each parameter, and the type of the result.
fn parameters(descriptor: &str) -> Option<(Vec<usize>, &str)> {
    let descriptor = (descriptor.len() <= LONGEST).then_some(descriptor)?;
    let (list, result) = descriptor.strip_prefix('(')?.split_once(')')?;
    let (mut slots, mut rest) = (Vec::new(), list);
    while !rest.is_empty() && slots.len() < MOST_PARAMETERS {
        let base = rest.trim_start_matches('[');
        let end = if base.starts_with('L') { base.find(';')? + 1 } else { 1 };
        let wide = base.len() == rest.len() && base.starts_with(['J', 'D']);
        slots.push(if wide { 2 } else { 1 });
        rest = base.get(end..)?;
    }
    Some((slots, result))
}

/// Where parameters begin that take so many slots each.
fn begins(first: usize, slots: &[usize]) -> impl Iterator<Item = usize> {
    slots.iter().scan(first, |at, width| Some(std::mem::replace(at, *at + width)))
}

fn width(descriptor: &str) -> usize {
    match descriptor {
        "V" => 0,
        "J" | "D" => 2,
        _ => 1,
    }
}

struct Machine<'a, 'b> {
    class: &'a Class,
    application: &'b Application<'a>,
    /// What the members that this class names are, by the numbers of their constants.
    known: &'b mut BTreeMap<usize, Owner>,
    flow: &'b mut Flow,
    owner: Owner,
    stack: Stack,
}

impl<'a> Machine<'a, '_> {
    /// The variables of a method are first its parameters, which calls by an interface and by libraries give it too.
    fn enter(&mut self, method: &Method) {
        let (name, descriptor) = self.class.named(method);
        let Some((slots, _)) = parameters(descriptor).filter(|_| method.of_object && !name.starts_with('<')) else {
            return;
        };
        let general = self.application.owner(self.flow, "", name, descriptor);
        let called = self.application.called(self.flow, self.class);
        for slot in begins(1, &slots) {
            let (to, from) = (self.flow.place(self.owner, slot), self.flow.place(general, slot));
            self.flow.same(to, from);
            if let Some(called) = called {
                self.flow.element(to, called);
            }
        }
        let (to, from) = (self.flow.place(general, RESULT), self.flow.place(self.owner, RESULT));
        self.flow.same(to, from);
        if let Some(called) = called {
            self.flow.same(called, from);
        }
    }

    /// The owner of a member that the code names.
    fn member(&mut self, at: usize) -> Option<(&'a str, &'a str, &'a str, Owner)> {
        let class: &'a Class = self.class;
        let (class, name, descriptor) = class.member(at)?;
        let of_method = if descriptor.starts_with('(') { descriptor } else { "" };
        let owner = match self.known.get(&at) {
            Some(&owner) => owner,
            None => self.application.owner(self.flow, class, name, of_method),
        };
        self.known.insert(at, owner);
        Some((class, name, descriptor, owner))
    }

    fn constant(&mut self, at: usize) {
        let value = self.class.string(at).map_or(Value::Unknown, |text| Value::Of(self.flow.text(text)));
        self.stack.push(value);
    }

    fn run(&mut self, code: &[u8]) -> Option<()> {
        let (mut at, mut reachable) = (0, true);
        while let Some(&op) = code.get(at) {
            self.stack.begin(self.flow, at, reachable);
            let (next, goes_on) = self.step(code, at, op)?;
            reachable = goes_on;
            at = next;
        }
        Some(())
    }

    /// One instruction: where the next one begins, and whether this one goes on there.
    fn step(&mut self, code: &[u8], at: usize, op: u8) -> Option<(usize, bool)> {
        let one = || be(code, at + 1, 1);
        let two = || be(code, at + 1, 2);
        let short = |offset: usize| {
            at.checked_add_signed(isize::from(i16::from_ne_bytes(u16::try_from(offset).ok()?.to_ne_bytes())))
        };
        let long = |offset: usize| {
            at.checked_add_signed(isize::try_from(i32::from_ne_bytes(u32::try_from(offset).ok()?.to_ne_bytes())).ok()?)
        };
        let n = usize::from(op);
        let mut length = 1;
        match op {
            0x02..=0x08 => self.stack.push(if op < 3 { Value::Unknown } else { Value::Number(n - 3) }),
            0x10 => {
                self.stack.push(Value::Number(one()?));
                length = 2;
            }
            0x11 => {
                self.stack.push(Value::Number(two()?));
                length = 3;
            }
            0x12 => {
                self.constant(one()?);
                length = 2;
            }
            0x13 => {
                self.constant(two()?);
                length = 3;
            }
            0x19 => {
                self.stack.load(self.flow, self.owner, one()?);
                length = 2;
            }
            0x2a..=0x2d => self.stack.load(self.flow, self.owner, n - 0x2a),
            0x3a => {
                self.stack.store(self.flow, self.owner, one()?);
                length = 2;
            }
            0x4b..=0x4e => self.stack.store(self.flow, self.owner, n - 0x4b),
            // An element of an array.
            0x32 => self.stack.load_element(self.flow),
            0x53 => self.stack.store_element(self.flow),
            0x59..=0x5f => self.duplicate(op),
            // Jumps.
            0x99..=0xa6 | 0xc6 | 0xc7 => {
                self.stack.shift(if (0x9f..=0xa6).contains(&op) { 2 } else { 1 }, 0);
                self.stack.jump(self.flow, at, short(two()?));
                length = 3;
            }
            0xa7 => {
                self.stack.jump(self.flow, at, short(two()?));
                return Some((at + 3, false));
            }
            0xc8 => {
                self.stack.jump(self.flow, at, long(be(code, at + 1, 4)?));
                return Some((at + 5, false));
            }
            0xaa | 0xab => {
                self.stack.pop();
                let begin = (at + 4) & !3;
                let (first, step, count) = if op == 0xaa {
                    let (low, high) = (be(code, begin + 4, 4)?, be(code, begin + 8, 4)?);
                    let low = u32::try_from(low).ok()?;
                    let count = u32::try_from(high).ok()?.wrapping_sub(low).checked_add(1)?;
                    (begin + 12, 4, usize::try_from(count).ok()?)
                } else {
                    (begin + 12, 8, be(code, begin + 4, 4)?)
                };
                let end = first.checked_add(count.checked_mul(step)?)?.checked_sub(if op == 0xab { 4 } else { 0 })?;
                let end = if count == 0 { begin + if op == 0xaa { 12 } else { 8 } } else { end };
                code.get(..end)?;
                self.stack.jump(self.flow, at, long(be(code, begin, 4)?));
                for number in 0..count {
                    self.stack.jump(self.flow, at, long(be(code, first + number * step, 4)?));
                }
                return Some((end, false));
            }
            0xb0 => {
                if let Value::Of(value) = self.stack.pop() {
                    let result = self.flow.place(self.owner, RESULT);
                    self.flow.same(result, value);
                }
                return Some((at + 1, false));
            }
            0xa9 => return Some((at + 2, false)),
            0xac..=0xaf | 0xb1 | 0xbf => return Some((at + 1, false)),
            0xb2..=0xb5 => {
                self.field(op, two()?);
                length = 3;
            }
            0xb6..=0xb8 => {
                self.call(op, two()?)?;
                length = 3;
            }
            0xb9 => {
                self.call(op, two()?)?;
                length = 5;
            }
            0xba => {
                self.dynamic(two()?)?;
                length = 5;
            }
            // A new object or array, to be filled.
            0xbb | 0xbd => {
                self.stack.shift(usize::from(op == 0xbd), 0);
                let node = self.flow.object();
                let made = self.class.class(two()?).filter(|_| op == 0xbb);
                let called = made.and_then(|made| self.application.own.get(made)?.into());
                if let Some(called) = called.and_then(|class| self.application.called(self.flow, class)) {
                    self.flow.same(node, called);
                }
                self.stack.push(Value::Of(node));
                length = 3;
            }
            // A cast.
            0xc0 => length = 3,
            0xc4 => {
                let (op, slot) = (*code.get(at + 1)?, be(code, at + 2, 2)?);
                match op {
                    0x19 => self.stack.load(self.flow, self.owner, slot),
                    0x3a => self.stack.store(self.flow, self.owner, slot),
                    0x84 => return Some((at + 6, true)),
                    _ => {
                        let (pops, pushes, _) = plain(op)?;
                        self.stack.shift(pops, pushes);
                    }
                }
                length = 4;
            }
            0xc5 => {
                self.stack.shift(be(code, at + 3, 1)?, 0);
                let node = self.flow.object();
                self.stack.push(Value::Of(node));
                length = 4;
            }
            _ => {
                let (pops, pushes, size) = plain(op)?;
                self.stack.shift(pops, pushes);
                length = size;
            }
        }
        Some((at + length, true))
    }

    fn duplicate(&mut self, op: u8) {
        // How many slots are copied, and how many they are put below.
        let (copied, below) = match op {
            0x59 => (1, 0),
            0x5a => (1, 1),
            0x5b => (1, 2),
            0x5c => (2, 0),
            0x5d => (2, 1),
            0x5e => (2, 2),
            _ => {
                let (one, two) = (self.stack.pop(), self.stack.pop());
                self.stack.push(one);
                self.stack.push(two);
                return;
            }
        };
        let (top, rest) = (self.stack.take(copied), self.stack.take(below));
        top.iter().chain(&rest).chain(&top).for_each(|&value| self.stack.push(value));
    }

    fn field(&mut self, op: u8, at: usize) -> Option<()> {
        let (.., descriptor, owner) = self.member(at)?;
        let width = width(descriptor);
        if op == 0xb2 || op == 0xb4 {
            self.stack.shift(usize::from(op == 0xb4), width.saturating_sub(1));
            self.stack.load(self.flow, owner, 0);
        } else {
            self.stack.shift(width.saturating_sub(1), 0);
            self.stack.store(self.flow, owner, 0);
            self.stack.shift(usize::from(op == 0xb5), 0);
        }
        Some(())
    }

    /// The values that a call takes, in order, by the slots of its parameters.
    fn arguments(&mut self, slots: &[usize]) -> Vec<Value> {
        let mut found: Vec<Value> = slots
            .iter()
            .rev()
            .map(|&width| {
                self.stack.shift(width - 1, 0);
                self.stack.pop()
            })
            .collect();
        found.reverse();
        found
    }

    fn call(&mut self, op: u8, at: usize) -> Option<()> {
        let (class, name, descriptor, owner) = self.member(at)?;
        let (slots, result) = parameters(descriptor)?;
        let values = self.arguments(&slots);
        let of_object = op != 0xb8;
        let receiver = if of_object { self.stack.pop() } else { Value::Unknown };
        if is_starter(class, name)
            && let Some(Value::Of(value)) = values.first()
        {
            self.flow.starts(*value);
        }
        let node = self.flow.node();
        let own = self.application.own.contains_key(class);
        // The method may be that of a class below, or of a function.
        let by_name = own && (op == 0xb9 || op == 0xb6 && self.application.above.contains(class));
        let general = by_name.then(|| ["", name, descriptor].map(|word| self.flow.word(word)));
        for owner in own.then_some(owner).into_iter().chain(general) {
            for (value, slot) in values.iter().zip(begins(usize::from(of_object), &slots)) {
                if let Value::Of(value) = value {
                    let parameter = self.flow.place(owner, slot);
                    self.flow.same(parameter, *value);
                }
            }
            let from = self.flow.place(owner, RESULT);
            self.flow.same(node, from);
        }
        if !own {
            let made = match result {
                "Ljava/lang/Object;" => Made::Element,
                "Ljava/lang/String;" => Made::Text,
                _ => Made::Other,
            };
            let receiver = if let Value::Of(receiver) = receiver { Some(receiver) } else { None };
            self.flow.of_library(node, receiver, &values, made, class != "java/lang/String" || name == "<init>");
        }
        self.result(result, node);
        Some(())
    }

    fn result(&mut self, descriptor: &str, node: Node) {
        match width(descriptor) {
            0 => {}
            1 => self.stack.push(Value::Of(node)),
            _ => self.stack.shift(0, 2),
        }
    }

    /// Texts that are put together, and functions with what they keep of where they are made.
    fn dynamic(&mut self, at: usize) -> Option<()> {
        let Constant::Dynamic(row, name) = self.class.constants.get(at)? else { return None };
        let (name, descriptor) = self.class.name_and_type(*name)?;
        let (slots, result) = parameters(descriptor)?;
        let values = self.arguments(&slots);
        let given = self.class.dynamic.get(*row).map(Vec::as_slice).unwrap_or_default();
        let node = self.flow.node();
        if name.starts_with("makeConcat") {
            let recipe = given.first().and_then(|&text| self.class.string(text)).unwrap_or("\u{1}");
            let begin = recipe.split(['\u{1}', '\u{2}']).next().unwrap_or_default();
            if let (true, Some(Value::Of(value))) = (begin.is_empty(), values.first().copied()) {
                self.flow.same(node, value);
            } else {
                let text = self.flow.text(begin);
                self.flow.same(node, text);
            }
        } else {
            let _ = self.function(node, *row, name, result, &values);
        }
        self.result(result, node);
        Some(())
    }

    /// A function as an object: its first parameters are what it keeps, the others are given by who calls it.
    fn function(&mut self, node: Node, row: usize, name: &str, result: &str, values: &[Value]) -> Option<()> {
        let given = self.class.dynamic.get(row)?;
        let constant = |at: usize| self.class.constants.get(*given.get(at)?);
        let (Some(Constant::Type(general)), Some(Constant::Handle(kind, member))) = (constant(0), constant(1)) else {
            return None;
        };
        let general = self.class.text(*general)?;
        let (class, method, descriptor, owner) = self.member(*member)?;
        self.flow.callable(node);
        let own = self.application.own.contains_key(class);
        // The interface may be the application's, too.
        let interface = result.strip_prefix('L').and_then(|result| result.strip_suffix(';'));
        let interface = interface.filter(|name| self.application.own.contains_key(name));
        let interface = interface.map(|_| ["", name, general].map(|word| self.flow.word(word)));
        let of_object = !matches!(kind, 6 | 8);
        let slots: Vec<usize> = of_object
            .then_some(0)
            .into_iter()
            .chain(begins(usize::from(*kind != 6), &parameters(descriptor)?.0))
            .collect();
        let parameters = parameters(general)?.0;
        if !own {
            let program = self.flow.node();
            self.flow.element(program, node);
            if is_starter(class, method) {
                self.flow.starts(program);
            }
            return None;
        }
        for (slot, value) in slots.iter().zip(values) {
            if let Value::Of(value) = value {
                let parameter = self.flow.place(owner, *slot);
                self.flow.same(parameter, *value);
            }
        }
        for (slot, call) in slots.iter().skip(values.len()).zip(begins(1, &parameters)) {
            let parameter = self.flow.place(owner, *slot);
            self.flow.element(parameter, node);
            if let Some(interface) = interface {
                let from = self.flow.place(interface, call);
                self.flow.same(parameter, from);
            }
        }
        let from = self.flow.place(owner, RESULT);
        self.flow.same(node, from);
        if let Some(interface) = interface {
            let to = self.flow.place(interface, RESULT);
            self.flow.same(to, from);
        }
        Some(())
    }
}

fn is_starter(class: &str, name: &str) -> bool {
    STARTERS.iter().any(|(known, methods)| *known == class && methods.contains(&name))
}

/// The slot of a method's result.
const RESULT: usize = usize::MAX;

/// Slots that an instruction takes and leaves, and its length, where no value of interest is among them.
fn plain(op: u8) -> Option<(usize, usize, usize)> {
    Some(match op {
        0x00 => (0, 0, 1),
        0x01 | 0x0b..=0x0d | 0x1a..=0x1d | 0x22..=0x25 => (0, 1, 1),
        0x09 | 0x0a | 0x0e | 0x0f | 0x1e..=0x21 | 0x26..=0x29 => (0, 2, 1),
        0x14 => (0, 2, 3),
        0x15 | 0x17 => (0, 1, 2),
        0x16 | 0x18 => (0, 2, 2),
        0x2f | 0x31 => (2, 2, 1),
        0x2e | 0x30 | 0x33..=0x35 => (2, 1, 1),
        0x36 | 0x38 => (1, 0, 2),
        0x37 | 0x39 => (2, 0, 2),
        0x3b..=0x3e | 0x43..=0x46 | 0x57 | 0xc2 | 0xc3 => (1, 0, 1),
        0x3f..=0x42 | 0x47..=0x4a | 0x58 => (2, 0, 1),
        0x50 | 0x52 => (4, 0, 1),
        0x4f | 0x51 | 0x54..=0x56 => (3, 0, 1),
        0x60..=0x73 | 0x7e..=0x83 if op.is_multiple_of(2) => (2, 1, 1),
        0x60..=0x73 | 0x7e..=0x83 => (4, 2, 1),
        0x78..=0x7d if op.is_multiple_of(2) => (2, 1, 1),
        0x78..=0x7d => (3, 2, 1),
        0x74 | 0x76 | 0x86 | 0x8b | 0x91..=0x93 | 0xbe => (1, 1, 1),
        0x75 | 0x77 | 0x8a | 0x8f => (2, 2, 1),
        0x84 => (0, 0, 3),
        0x85 | 0x87 | 0x8c | 0x8d => (1, 2, 1),
        0x88 | 0x89 | 0x8e | 0x90 => (2, 1, 1),
        0x94 | 0x97 | 0x98 => (4, 1, 1),
        0x95 | 0x96 => (2, 1, 1),
        0xa8 => (0, 1, 3),
        0xc9 => (0, 1, 5),
        0xbc => (1, 1, 2),
        0xc1 => (1, 1, 3),
        _ => return None,
    })
}
