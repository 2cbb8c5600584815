//! Assemblies (ECMA-335, partition II, 22 to 25, and partition III): their strings, and which of them their code gives to a
//! call that starts programs. The stack is followed once through each method, in order of the code.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Flow, Made, Node, Owner, Stack, Started, Value};
use super::number;
use crate::ordered;

/// Classes, with their namespaces, and methods that start the program that they are given as their first argument.
const STARTERS: [(&str, &str, &[&str]); 4] = [
    ("System.Diagnostics", "ProcessStartInfo", &[".ctor", "set_FileName"]),
    ("System.Diagnostics", "Process", &["Start"]),
    ("CliWrap", "Cli", &["Wrap"]),
    ("SimpleExec", "Command", &["Run", "RunAsync", "Read", "ReadAsync"]),
];

/// The columns of each table: a heap (`s`, `g`, `b`), a number (`2`, `4`), a table (`@` and its number) or one of several (`!`
/// and a row of [`CODED`]).
const TABLES: [&str; 0x2c] = [
    "2 s g g g",
    "!b s s",
    "4 s s !0 @4 @6",
    "@4",
    "2 s b",
    "@6",
    "4 2 2 s b @8",
    "@8",
    "2 2 s",
    "@2 !0",
    "!5 s b",
    "2 !1 b",
    "!2 !a b",
    "!3 b",
    "2 !4 b",
    "2 4 @2",
    "4 @4",
    "b",
    "@2 @14",
    "@14",
    "2 s !0",
    "@2 @17",
    "@17",
    "2 s b",
    "2 @6 !6",
    "@2 !7 !7",
    "s",
    "b",
    "2 !8 s @1a",
    "4 @4",
    "4 4",
    "4",
    "4 2 2 2 2 4 b s s",
    "4",
    "4 4 4",
    "2 2 2 2 4 b s s b",
    "4 @23",
    "4 4 4 @23",
    "4 s b",
    "4 4 s s !9",
    "4 4 s !9",
    "@2 @2",
    "2 2 !c s",
    "!7 b",
];

/// Bits of the tag, and the tables that an index may lead to.
const CODED: [(u32, &[usize]); 13] = [
    (2, &[0x02, 0x01, 0x1b]),
    (2, &[0x04, 0x08, 0x17]),
    (
        5,
        &[
            0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27,
            0x28, 0x2a, 0x2c, 0x2b,
        ],
    ),
    (1, &[0x04, 0x08]),
    (2, &[0x02, 0x06, 0x20]),
    (3, &[0x02, 0x01, 0x1a, 0x06, 0x1b]),
    (1, &[0x14, 0x17]),
    (1, &[0x06, 0x0a]),
    (1, &[0x04, 0x06]),
    (2, &[0x26, 0x23, 0x27]),
    (3, &[0x06, 0x0a]),
    (2, &[0x00, 0x1a, 0x23, 0x01]),
    (1, &[0x02, 0x06]),
];

/// An assembly that was read.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    bytes: &'a [u8],
    names: &'a [u8],
    blobs: &'a [u8],
    user: &'a [u8],
    tables: Option<Tables<'a>>,
}

#[derive(Debug)]
struct Tables<'a> {
    bytes: &'a [u8],
    heaps: usize,
    rows: [usize; 64],
    layouts: Vec<Layout>,
}

/// Where the rows of a table are.
#[derive(Debug)]
struct Layout {
    begin: usize,
    /// Bytes of a row.
    size: usize,
    /// Where in a row each column begins, and its bytes.
    columns: Vec<(usize, usize)>,
}

/// Find the heaps and tables of an assembly.
pub(super) fn read(bytes: &[u8]) -> Option<Assembly<'_>> {
    let root = bytes.windows(4).position(|four| four == b"BSJB")?;
    let mut at = root + 16 + number(bytes, root + 12, 4)?;
    let streams = number(bytes, at + 2, 2)?;
    at += 4;
    let mut found = Assembly { bytes, names: &[], blobs: &[], user: &[], tables: None };
    for _ in 0..streams {
        let (offset, size) = (number(bytes, at, 4)?, number(bytes, at + 4, 4)?);
        let name = bytes.get(at + 8..)?.split(|&b| b == 0).next()?;
        let heap = bytes.get(root + offset..root.checked_add(offset)?.checked_add(size)?);
        match name {
            b"#Strings" => found.names = heap?,
            b"#US" => found.user = heap?,
            b"#Blob" => found.blobs = heap?,
            b"#~" | b"#-" => found.tables = heap.and_then(tables),
            _ => {}
        }
        at += 8 + (name.len() / 4 + 1) * 4;
    }
    Some(found)
}

fn tables(bytes: &[u8]) -> Option<Tables<'_>> {
    let valid = number(bytes, 8, 8)?;
    let mut found = Tables { bytes, heaps: number(bytes, 6, 1)?, rows: [0; 64], layouts: Vec::new() };
    let mut begin = 24;
    for (table, rows) in found.rows.iter_mut().enumerate() {
        if valid >> table & 1 == 1 {
            *rows = number(bytes, begin, 4)?;
            begin += 4;
        }
    }
    for (table, names) in TABLES.iter().enumerate() {
        let (mut size, mut columns) = (0, Vec::new());
        for column in names.split(' ') {
            let width = found.width(column)?;
            columns.push((size, width));
            size += width;
        }
        found.layouts.push(Layout { begin, size, columns });
        begin = begin.checked_add(size.checked_mul(*found.rows.get(table)?)?)?;
    }
    Some(found)
}

impl Tables<'_> {
    /// The bytes of a column.
    fn width(&self, column: &str) -> Option<usize> {
        let heap = |bit: usize| if self.heaps & bit == 0 { 2 } else { 4 };
        let index = |rows: usize, most: usize| if rows < most { 2 } else { 4 };
        let (kind, rest) = column.split_at_checked(1)?;
        let given = || usize::from_str_radix(rest, 16).ok();
        Some(match kind {
            "s" => heap(1),
            "g" => heap(2),
            "b" => heap(4),
            "2" => 2,
            "4" => 4,
            "@" => index(*self.rows.get(given()?)?, 1 << 16),
            _ => {
                let (bits, tables) = CODED.get(given()?)?;
                let most = tables.iter().filter_map(|&table| self.rows.get(table)).max().copied()?;
                index(most, 1 << (16 - bits))
            }
        })
    }

    /// A column of a row; rows count from 1.
    fn cell(&self, table: usize, row: usize, column: usize) -> Option<usize> {
        let layout = self.layouts.get(table)?;
        let (offset, width) = *layout.columns.get(column)?;
        let row = row.checked_sub(1).filter(|&row| self.rows.get(table).is_some_and(|&rows| row < rows))?;
        number(self.bytes, layout.begin + row * layout.size + offset, width)
    }

    fn coded(&self, kind: usize, value: usize) -> Option<(usize, usize)> {
        let (bits, tables) = CODED.get(kind)?;
        Some((*tables.get(value & ((1 << bits) - 1))?, value >> bits))
    }
}

/// The length in front of a blob or a string, and its own length.
fn packed(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(at)?);
    let next = |offset: usize| bytes.get(at + offset).copied().map(usize::from);
    Some(match first {
        0..=0x7f => (first, 1),
        0x80..=0xbf => (((first & 0x3f) << 8) + next(1)?, 2),
        _ => (((first & 0x1f) << 24) + (next(1)? << 16) + (next(2)? << 8) + next(3)?, 4),
    })
}

/// A method as its callers see it.
#[derive(Debug)]
struct Signature<'a> {
    namespace: &'a str,
    class: &'a str,
    name: &'a str,
    /// The place of its parameters and variables, if it is of this assembly.
    own: Option<usize>,
    of_object: bool,
    parameters: usize,
    result: u8,
}

impl Signature<'_> {
    fn starts(&self) -> bool {
        STARTERS.iter().any(|&(namespace, class, methods)| {
            namespace == self.namespace && class == self.class && methods.contains(&self.name)
        })
    }
}

/// Longest name and string, and most sections of a file.
const LONGEST: usize = 1024;
const MOST_SECTIONS: usize = 96;

/// The type of no result.
const VOID: u8 = 1;

/// Tables of fields, methods, and members of other classes; they and this are kinds of owners.
const FIELDS: usize = 4;
const METHODS: usize = 6;
const MEMBERS: usize = 0x0a;
const VIRTUAL: usize = 0x40;
/// Most parameters of a method, and most methods of a class whose types are given, that are looked at.
const MOST_PARAMETERS: usize = 255;
const MOST_METHODS: usize = 256;

impl<'a> Assembly<'a> {
    /// Whether it can start programs.
    pub(super) fn starts(&self) -> bool {
        let has = |name: &str| self.names.split(|&b| b == 0).any(|known| known == name.as_bytes());
        STARTERS
            .iter()
            .any(|(namespace, class, methods)| has(namespace) && has(class) && methods.iter().any(|name| has(name)))
    }

    /// Every string.
    pub(super) fn strings(&self) -> Vec<String> {
        let (mut found, mut at) = (Vec::new(), 1);
        while let Some((text, next)) = self.string(at) {
            found.push(text);
            at = next;
        }
        found.retain(|text| !text.is_empty());
        found
    }

    /// A string, and where the next one begins.
    fn string(&self, at: usize) -> Option<(String, usize)> {
        let (length, head) = packed(self.user, at)?;
        let text = self.user.get(at + head..at + head + length)?;
        let text = text.get(..2 * LONGEST).unwrap_or(text);
        let units: Vec<u16> =
            text.chunks_exact(2).filter_map(|two| Some(u16::from_le_bytes(two.try_into().ok()?))).collect();
        Some((String::from_utf16_lossy(&units), at + head + length))
    }

    /// The strings that its code starts programs by.
    pub(super) fn started(&self) -> Started {
        let mut flow = Flow::default();
        if let Some(tables) = &self.tables {
            let rows = || 1..=tables.rows.get(METHODS).copied().unwrap_or_default().min(self.bytes.len() / 14);
            let virtuals = ordered::set(rows().filter_map(|row| self.virtual_name(tables, row)));
            // Methods may share their code: no more of it is read than the file has.
            let mut left = self.bytes.len();
            for row in rows() {
                let _ = self.method(tables, row, &virtuals, &mut flow, &mut left);
            }
        }
        flow.started()
    }

    /// The name of a method that calls reach by its name, through a class above it or an interface, and its parameters.
    fn virtual_name(&self, tables: &Tables<'_>, row: usize) -> Option<(&'a str, usize)> {
        let called = (tables.cell(METHODS, row, 2)? & 0x40 != 0).then(|| self.signature(tables, (METHODS, row)))??;
        Some((last(called.name), called.parameters))
    }

    fn name(&self, at: usize) -> Option<&'a str> {
        let name = self.names.get(at..self.names.len().min(at.checked_add(LONGEST)?))?;
        std::str::from_utf8(name.split(|&b| b == 0).next()?).ok()
    }

    fn method(
        &self,
        tables: &Tables<'_>,
        row: usize,
        virtuals: &BTreeSet<(&str, usize)>,
        flow: &mut Flow,
        left: &mut usize,
    ) -> Option<()> {
        let address = tables.cell(METHODS, row, 0).filter(|&address| address > 0)?;
        let body = self.bytes.get(self.offset(address)?..)?;
        let (begin, size) = match body.first()? & 3 {
            2 => (1, usize::from(body.first()? >> 2)),
            _ => (4 * (number(body, 0, 2)? >> 12), number(body, 4, 4)?),
        };
        let code = body.get(begin..begin.checked_add(size)?)?;
        *left = left.checked_sub(size)?;
        let owner = [METHODS, row, 0];
        let (stack, addresses) = (Stack::default(), BTreeMap::new());
        let mut machine = Machine { assembly: self, tables, virtuals, flow, owner, stack, addresses };
        machine.enter(row);
        machine.run(code)
    }

    /// Where in the file an address lies.
    fn offset(&self, address: usize) -> Option<usize> {
        let header = number(self.bytes, 0x3c, 4)?;
        let begin = header + 24 + number(self.bytes, header + 20, 2)?;
        (0..number(self.bytes, header + 6, 2)?.min(MOST_SECTIONS)).find_map(|section| {
            let at = begin + 40 * section;
            let (size, from) = (number(self.bytes, at + 16, 4)?, number(self.bytes, at + 12, 4)?);
            let within = address.checked_sub(from).filter(|&within| within < size)?;
            number(self.bytes, at + 20, 4)?.checked_add(within)
        })
    }

    /// Flags, parameters and result of a method's signature.
    fn shape(&self, blob: usize) -> Option<(u8, usize, u8)> {
        let (_, mut at) = packed(self.blobs, blob)?;
        at += blob;
        let kind = *self.blobs.get(at)?;
        at += 1;
        if kind & 0x10 != 0 {
            at += packed(self.blobs, at)?.1;
        }
        let (parameters, length) = packed(self.blobs, at)?;
        Some((kind, parameters, *self.blobs.get(at + length)?))
    }

    /// The class whose types a specification gives: `Runner` of `Runner<string>`.
    fn generic(&self, tables: &Tables<'_>, row: usize) -> Option<(usize, usize)> {
        let blob = tables.cell(0x1b, row, 0)?;
        let at = blob + packed(self.blobs, blob)?.1;
        (*self.blobs.get(at)? == 0x15).then(|| tables.coded(0, packed(self.blobs, at + 2)?.0))?
    }

    /// The method of a class that has this name and as many parameters.
    fn of_class(&self, tables: &Tables<'_>, class: usize, name: usize, blob: usize) -> Option<usize> {
        let first = tables.cell(2, class, 5)?;
        let end = tables.cell(2, class + 1, 5).unwrap_or(tables.rows.get(METHODS)? + 1).min(first + MOST_METHODS);
        let parameters = self.shape(blob)?.1;
        (first..end).find(|&row| {
            let own = |column| tables.cell(METHODS, row, column);
            // The same name stands once in the heap.
            own(3) == Some(name) && own(4).and_then(|own| self.shape(own)).is_some_and(|shape| shape.1 == parameters)
        })
    }

    /// A method by its table and row.
    fn signature(&self, tables: &Tables<'_>, (table, row): (usize, usize)) -> Option<Signature<'a>> {
        let (namespace, class, name, blob, own) = match table {
            METHODS => ("", "", tables.cell(METHODS, row, 3)?, tables.cell(METHODS, row, 4)?, Some(row)),
            MEMBERS => {
                let parent = tables.coded(5, tables.cell(MEMBERS, row, 0)?)?;
                let parent = if parent.0 == 0x1b { self.generic(tables, parent.1).unwrap_or(parent) } else { parent };
                let named = (parent.0 == 1).then_some(parent.1);
                let part = |column| named.and_then(|row| self.name(tables.cell(1, row, column)?)).unwrap_or_default();
                let (name, blob) = (tables.cell(MEMBERS, row, 1)?, tables.cell(MEMBERS, row, 2)?);
                let own = (parent.0 == 2).then(|| self.of_class(tables, parent.1, name, blob)).flatten();
                (part(2), part(1), name, blob, own)
            }
            0x2b => {
                let method = tables.coded(7, tables.cell(0x2b, row, 0)?)?;
                return if method.0 == 0x2b { None } else { self.signature(tables, method) };
            }
            _ => return None,
        };
        let (kind, parameters, result) = self.shape(blob)?;
        Some(Signature {
            namespace,
            class,
            name: self.name(name)?,
            own,
            of_object: kind & 0x20 != 0,
            parameters,
            result,
        })
    }
}

/// The name of a method without the interface that it is made for: `Go` of `IRunner.Go`.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The slots of variables, behind those of parameters, and of a method's result.
const VARIABLES: usize = 1 << 16;
const RESULT: usize = usize::MAX;

struct Machine<'a, 'b> {
    assembly: &'b Assembly<'a>,
    tables: &'b Tables<'a>,
    /// Names and parameters of methods that calls reach by these.
    virtuals: &'b BTreeSet<(&'b str, usize)>,
    flow: &'b mut Flow,
    owner: Owner,
    stack: Stack,
    /// Addresses of places, with these.
    addresses: BTreeMap<Node, Node>,
}

impl Machine<'_, '_> {
    /// The parameters of a method that calls reach by its name.
    fn enter(&mut self, row: usize) {
        let Some((name, parameters)) = self.assembly.virtual_name(self.tables, row) else { return };
        let general = [VIRTUAL, self.flow.word(name), parameters];
        for slot in 1..=parameters.min(MOST_PARAMETERS) {
            let (to, from) = (self.flow.place(self.owner, slot), self.flow.place(general, slot));
            self.flow.same(to, from);
        }
        let (to, from) = (self.flow.place(general, RESULT), self.flow.place(self.owner, RESULT));
        self.flow.same(to, from);
    }

    /// A method as a value: a delegate of it gives it what it is given.
    fn function(&mut self, token: usize) -> Option<()> {
        let node = self.flow.node();
        self.stack.push(Value::Of(node));
        let called = self.assembly.signature(self.tables, (token >> 24, token & 0x00ff_ffff))?;
        self.flow.callable(node);
        if called.starts() {
            let program = self.flow.node();
            self.flow.element(program, node);
            self.flow.starts(program);
        }
        let owner = [METHODS, called.own?, 0];
        let first = usize::from(called.of_object);
        for slot in first..first + called.parameters.min(MOST_PARAMETERS) {
            let parameter = self.flow.place(owner, slot);
            self.flow.element(parameter, node);
        }
        let result = self.flow.place(owner, RESULT);
        self.flow.same(node, result);
        Some(())
    }

    /// Where a jump leads to.
    fn target(next: usize, offset: usize, wide: bool) -> Option<usize> {
        let backward = offset & if wide { 1 << 31 } else { 1 << 7 } != 0;
        if backward { None } else { next.checked_add(offset) }
    }

    /// The address of a place comes onto the stack: what is stored there is stored in the place.
    fn address(&mut self, owner: Owner, slot: usize) {
        let (node, place) = (self.flow.node(), self.flow.place(owner, slot));
        self.flow.same(node, place);
        self.addresses.insert(node, place);
        self.stack.push(Value::Of(node));
    }

    fn load(&mut self, slot: usize) {
        self.stack.load(self.flow, self.owner, slot);
    }

    fn store(&mut self, slot: usize) {
        self.stack.store(self.flow, self.owner, slot);
    }

    fn run(&mut self, code: &[u8]) -> Option<()> {
        let (mut at, mut reachable) = (0, true);
        while let Some(&op) = code.get(at) {
            self.stack.begin(self.flow, at, reachable);
            (at, reachable) = if op == 0xfe { self.long(code, at)? } else { self.step(code, at, op)? };
        }
        Some(())
    }

    /// One instruction: where the next one begins, and whether this one goes on there.
    fn step(&mut self, code: &[u8], at: usize, op: u8) -> Option<(usize, bool)> {
        let one = || number(code, at + 1, 1);
        let four = || number(code, at + 1, 4);
        let n = usize::from(op);
        let mut length = 1;
        match op {
            0x02..=0x05 => self.load(n - 0x02),
            0x06..=0x09 => self.load(VARIABLES + n - 0x06),
            0x0a..=0x0d => self.store(VARIABLES + n - 0x0a),
            0x0e => self.load(one()?),
            0x0f => self.address(self.owner, one()?),
            0x10 => self.store(one()?),
            0x11 => self.load(VARIABLES + one()?),
            0x12 => self.address(self.owner, VARIABLES + one()?),
            0x13 => self.store(VARIABLES + one()?),
            0x15..=0x1e => self.stack.push(if op == 0x15 { Value::Unknown } else { Value::Number(n - 0x16) }),
            0x1f => self.stack.push(Value::Number(one()?)),
            0x20 => self.stack.push(Value::Number(four()?)),
            0x25 => {
                let value = self.stack.pop();
                self.stack.push(value);
                self.stack.push(value);
            }
            0x2a => {
                if let Value::Of(value) = self.stack.pop() {
                    let result = self.flow.place(self.owner, RESULT);
                    self.flow.same(result, value);
                }
                return Some((at + 1, false));
            }
            0x2b => {
                self.stack.jump(self.flow, at, Self::target(at + 2, one()?, false));
                return Some((at + 2, false));
            }
            0x2c..=0x37 => {
                self.stack.shift(if op < 0x2e { 1 } else { 2 }, 0);
                self.stack.jump(self.flow, at, Self::target(at + 2, one()?, false));
            }
            0x38 => {
                self.stack.jump(self.flow, at, Self::target(at + 5, four()?, true));
                return Some((at + 5, false));
            }
            0x39..=0x44 => {
                self.stack.shift(if op < 0x3b { 1 } else { 2 }, 0);
                self.stack.jump(self.flow, at, Self::target(at + 5, four()?, true));
            }
            0x45 => {
                self.stack.pop();
                let end = at.checked_add(5)?.checked_add(four()?.checked_mul(4)?)?;
                code.get(..end)?;
                return Some((end, true));
            }
            0x28 | 0x6f | 0x73 => self.call(op, four()?)?,
            0x72 => {
                let text = self.assembly.string(four()? & 0x00ff_ffff);
                let value = text.map_or(Value::Unknown, |(text, _)| Value::Of(self.flow.text(&text)));
                self.stack.push(value);
            }
            0x7a => return Some((at + 1, false)),
            0x7b | 0x7c | 0x7e | 0x7f => {
                self.stack.shift(usize::from(op < 0x7e), 0);
                let field = self.field(four()?);
                if matches!(op, 0x7b | 0x7e) { self.stack.load(self.flow, field, 0) } else { self.address(field, 0) }
            }
            // A reference, or a value of some type, at an address.
            0x50 | 0x71 => {}
            0x51 | 0x81 => {
                if let (Value::Of(value), Value::Of(address)) = (self.stack.pop(), self.stack.pop()) {
                    let place = self.addresses.get(&address).copied().unwrap_or(address);
                    self.flow.same(place, value);
                }
            }
            0x7d | 0x80 => {
                let field = self.field(four()?);
                self.stack.store(self.flow, field, 0);
                self.stack.shift(usize::from(op == 0x7d), 0);
            }
            // A cast leaves the value what it is; a new array is to be filled.
            0x74 | 0x75 | 0x8c | 0xa5 => {}
            0x8d => {
                self.stack.pop();
                let node = self.flow.object();
                self.stack.push(Value::Of(node));
            }
            0x8f | 0x9a | 0xa3 => self.stack.load_element(self.flow),
            0xa2 | 0xa4 => self.stack.store_element(self.flow),
            0xdc => return Some((at + 1, false)),
            0xdd | 0xde => {
                self.stack.clear();
                return Some((at + if op == 0xdd { 5 } else { 2 }, false));
            }
            _ => {
                let (pops, pushes) = plain(op)?;
                self.stack.shift(pops, pushes);
            }
        }
        length += operand(op);
        Some((at + length, true))
    }

    /// One of the instructions of two bytes.
    fn long(&mut self, code: &[u8], at: usize) -> Option<(usize, bool)> {
        let op = *code.get(at + 1)?;
        let slot = || number(code, at + 2, 2);
        let length = match op {
            0x09 => {
                self.load(slot()?);
                4
            }
            0x0a => {
                self.address(self.owner, slot()?);
                4
            }
            0x0b => {
                self.store(slot()?);
                4
            }
            0x0c => {
                self.load(VARIABLES + slot()?);
                4
            }
            0x0d => {
                self.address(self.owner, VARIABLES + slot()?);
                4
            }
            0x0e => {
                self.store(VARIABLES + slot()?);
                4
            }
            0x06 | 0x07 => {
                self.stack.shift(usize::from(op == 0x07), 0);
                let _ = self.function(number(code, at + 2, 4)?);
                6
            }
            _ => {
                let (pops, pushes, length) = match op {
                    0x00 => (0, 1, 2),
                    0x01..=0x05 => (2, 1, 2),
                    0x1c => (0, 1, 6),
                    0x0f | 0x1d => (1, 1, 2),
                    0x11 => (1, 0, 2),
                    0x12 | 0x19 => (0, 0, 3),
                    0x15 => (1, 0, 6),
                    0x16 => (0, 0, 6),
                    0x17 | 0x18 => (3, 0, 2),
                    0x13 | 0x14 | 0x1e => (0, 0, 2),
                    0x1a => return Some((at + 2, false)),
                    _ => return None,
                };
                self.stack.shift(pops, pushes);
                length
            }
        };
        Some((at + length, true))
    }

    /// The owner of a field: itself, or its name, of whatever class.
    fn field(&mut self, token: usize) -> Owner {
        let (table, row) = (token >> 24, token & 0x00ff_ffff);
        if table == FIELDS {
            return [FIELDS, row, 0];
        }
        let name = self.tables.cell(table, row, 1).filter(|_| table == MEMBERS);
        let name = name.and_then(|name| self.assembly.name(name)).unwrap_or_default();
        [MEMBERS, self.flow.word(name), 0]
    }

    fn call(&mut self, op: u8, token: usize) -> Option<()> {
        let called = self.assembly.signature(self.tables, (token >> 24, token & 0x00ff_ffff))?;
        let values = self.stack.take(called.parameters);
        let node = if op == 0x73 { self.flow.object() } else { self.flow.node() };
        let receiver = match op {
            0x73 => Value::Of(node),
            // A structure is called by its address.
            _ if called.of_object => match self.stack.pop() {
                Value::Of(object) => Value::Of(self.addresses.get(&object).copied().unwrap_or(object)),
                other => other,
            },
            _ => Value::Unknown,
        };
        if called.starts()
            && let Some(Value::Of(program)) = values.first()
        {
            let line = self.flow.node();
            self.flow.same(line, *program);
            for value in values.iter().skip(1) {
                if let Value::Of(value) = value {
                    self.flow.rest(line, *value);
                }
            }
            self.flow.starts(line);
        }
        // A method that an object has may be that of a class below; one of an interface or delegate has no code.
        let name = (last(called.name), called.parameters);
        let by_name = op == 0x6f && called.class != "Object" && self.virtuals.contains(&name);
        let general = by_name.then(|| [VIRTUAL, self.flow.word(name.0), name.1]);
        let own = called.own.map(|row| [METHODS, row, 0]);
        for owner in own.into_iter().chain(general) {
            for (slot, value) in (usize::from(called.of_object)..).zip(&values) {
                if let Value::Of(value) = value {
                    let parameter = self.flow.place(owner, slot);
                    self.flow.same(parameter, *value);
                    if let Some(&place) = self.addresses.get(value) {
                        self.flow.same(place, parameter);
                    }
                }
            }
            let result = self.flow.place(owner, RESULT);
            self.flow.same(node, result);
        }
        if called.own.is_none_or(|row| self.tables.cell(METHODS, row, 0) == Some(0)) {
            let made = match called.result {
                0x13 | 0x1c | 0x1e => Made::Element,
                0x0e if called.name == "Concat" => Made::Other,
                0x0e => Made::Text,
                _ => Made::Other,
            };
            let receiver = if let Value::Of(receiver) = receiver { Some(receiver) } else { None };
            self.flow.of_library(node, receiver.filter(|&r| r != node), &values, made, called.class != "String");
            for value in &values {
                if let (Value::Of(value), Some(receiver)) = (value, receiver)
                    && let Some(&place) = self.addresses.get(value)
                {
                    self.flow.element(place, receiver);
                }
            }
        }
        if op == 0x73 || called.result != VOID {
            self.stack.push(Value::Of(node));
        }
        Some(())
    }
}

/// Bytes behind an instruction.
fn operand(op: u8) -> usize {
    match op {
        0x0e..=0x13 | 0x1f | 0x2b..=0x37 | 0xde => 1,
        0x20 | 0x22 | 0x27..=0x29 | 0x38..=0x44 | 0x6f..=0x75 | 0x79 | 0x7b..=0x81 | 0x8c | 0x8d | 0x8f => 4,
        0xa3..=0xa5 | 0xc2 | 0xc6 | 0xd0 | 0xdd => 4,
        0x21 | 0x23 => 8,
        _ => 0,
    }
}

/// Values that an instruction takes and leaves, where none of interest is among them.
fn plain(op: u8) -> Option<(usize, usize)> {
    Some(match op {
        0x00 | 0x01 | 0x27 => (0, 0),
        0x14 | 0x21..=0x23 | 0xd0 => (0, 1),
        0x26 => (1, 0),
        0x46..=0x4f | 0x65..=0x6e | 0x76 | 0x79 | 0x82..=0x8b | 0x8e => (1, 1),
        0xb3..=0xba | 0xc2 | 0xc3 | 0xc6 | 0xd1..=0xd5 | 0xe0 => (1, 1),
        0x52..=0x57 | 0x70 | 0xdf => (2, 0),
        0x58..=0x64 | 0x90..=0x99 | 0xd6..=0xdb => (2, 1),
        0x9b..=0xa1 => (3, 0),
        _ => return None,
    })
}
