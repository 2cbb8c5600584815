//! The place of a command in a script: its function, and the tests for a program around it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lexer::Word;
use super::super::parser::{Event, SimpleCommand};
use super::variables::normal;

/// The result of a command that asks whether something is there.
#[derive(Debug, Clone, Default)]
struct Test {
    names: Vec<String>,
    negated: bool,
}

/// One open structure: `if`, `case`, `{`, `(`, a function's body, or the script.
#[derive(Debug, Default)]
struct Frame {
    function: Option<usize>,
    /// Its commands do not leave what is around it.
    subshell: bool,
    /// A condition is being read.
    condition: bool,
    /// There, as far as the tests of this frame say.
    assumed: Vec<String>,
    /// There, for the rest of the `&&` and `||` list.
    list: Vec<String>,
    /// What the last command of the list asked.
    last: Test,
    /// The list has an `||`: its result says nothing.
    or: bool,
    /// What the list that has just ended says when it succeeds, and when it fails.
    result: (Vec<String>, Vec<String>),
    /// What is there in the branches after this one.
    otherwise: Vec<String>,
    /// What is there from here on, if the next command leaves.
    pending: Vec<String>,
    /// A command leaves this frame without saying that something is wrong.
    leaves: bool,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Scopes {
    frames: Vec<Frame>,
    /// How many frames assume each name.
    tested: BTreeMap<String, usize>,
    /// The function whose body comes next.
    function: Option<usize>,
    /// Functions, each with the scopes of its definitions. Scope 0 is the script.
    functions: BTreeMap<String, Vec<usize>>,
    /// Functions that ask whether their argument is there.
    testers: Vec<usize>,
    scopes: usize,
    /// Which words stand in which scope.
    mentions: BTreeSet<(usize, String)>,
}

impl Default for Scopes {
    fn default() -> Self {
        Self {
            frames: vec![Frame { function: Some(0), ..Frame::default() }],
            tested: BTreeMap::new(),
            function: None,
            functions: BTreeMap::new(),
            testers: Vec::new(),
            scopes: 0,
            mentions: BTreeSet::new(),
        }
    }
}

impl Scopes {
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Close what was opened and never closed.
    pub(super) fn unwind(&mut self, depth: usize) {
        while self.frames.len() > depth.max(1) {
            self.pop();
        }
        self.end_of_list();
        self.function = None;
    }

    /// The function that a command stands in.
    pub(super) fn current(&self) -> usize {
        self.frames.last().and_then(|frame| frame.function).unwrap_or(0)
    }

    /// The scopes of a function.
    pub(super) fn definitions(&self, name: &str) -> &[usize] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// A word that may be the name of a function.
    pub(super) fn mention(&mut self, text: &str) {
        const LONGEST: usize = 64;
        if text.len() <= LONGEST && !text.starts_with(['-', '/', '$']) {
            self.mentions.insert((self.current(), text.to_owned()));
        }
    }

    pub(super) fn begin_function(&mut self, name: &str) {
        self.define(name);
        self.push();
    }

    pub(super) fn end_function(&mut self) {
        self.pop();
    }

    fn define(&mut self, name: &str) {
        self.scopes += 1;
        self.functions.entry(name.to_owned()).or_default().push(self.scopes);
        self.function = Some(self.scopes);
    }

    /// Whether the code of a scope can be reached: a function counts whose name stands anywhere in code that can.
    pub(super) fn called(&self) -> impl Fn(usize) -> bool + use<> {
        // By scope.
        let mut called = vec![false; self.scopes + 1];
        called.iter_mut().take(1).for_each(|script| *script = true);
        let mut queue = vec![0];
        while let Some(scope) = queue.pop() {
            let here = self.mentions.range((scope, String::new())..).take_while(|(of, _)| *of == scope);
            for function in here.filter_map(|(_, word)| self.functions.get(word)).flatten() {
                if let Some(known) = called.get_mut(*function).filter(|known| !**known) {
                    *known = true;
                    queue.push(*function);
                }
            }
        }
        move |scope| called.get(scope).copied().unwrap_or(false)
    }

    /// Whether the script has made sure that this is there.
    pub(super) fn is_tested(&self, text: &str) -> bool {
        self.tested.get(&normal(text)).is_some_and(|&count| count > 0)
    }

    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::And => self.and_or(true),
            Event::Or => self.and_or(false),
            Event::Pipe => self.with_top(|frame| frame.last = Test::default()),
            Event::End => self.end_of_list(),
            Event::If => {
                self.push();
                self.with_top(|frame| frame.condition = true);
            }
            Event::Then => {
                self.end_of_list();
                let result = self.top().map(|frame| {
                    frame.condition = false;
                    std::mem::take(&mut frame.result)
                });
                let (then, otherwise) = result.unwrap_or_default();
                self.with_top(|frame| {
                    frame.leaves = false;
                    frame.otherwise.extend(otherwise);
                });
                self.assume(then);
            }
            Event::Elif | Event::Else => {
                self.next_branch();
                self.with_top(|frame| {
                    frame.condition = event == Event::Elif;
                    // Only a branch without alternatives leaves for certain.
                    frame.leaves = false;
                });
                let otherwise = self.top().map(|frame| frame.otherwise.clone()).unwrap_or_default();
                self.assume(otherwise);
                if event == Event::Else {
                    self.with_top(|frame| frame.otherwise.clear());
                }
            }
            Event::Fi => {
                // `if ! command -v x; then exit 0; fi`: behind it, x is there.
                let frame = self.pop();
                if frame.leaves {
                    self.assume(frame.otherwise);
                }
            }
            Event::Case => self.push(),
            Event::Branch => self.next_branch(),
            Event::Group { subshell } => {
                self.push();
                self.with_top(|frame| frame.subshell = subshell);
            }
            Event::Esac => {
                self.pop();
            }
            Event::Ungroup => {
                let frame = self.pop();
                if frame.leaves && !frame.subshell && frame.function.is_none_or(|of| of == self.current()) {
                    self.leaves();
                }
            }
            Event::Function(name) => self.define(&name),
            Event::Command(_) | Event::For(_) => {}
        }
    }

    /// Note what a command asks, and whether it leaves.
    pub(super) fn tested(&mut self, command: &SimpleCommand) {
        let test = self.test(command);
        self.with_top(|frame| frame.last = test);
        let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
        // `exit` alone hands on the failure of the test before it.
        if matches!(words.as_slice(), ["exit", "0"] | ["return" | "continue" | "break", ..]) {
            self.leaves();
        }
    }

    fn test(&mut self, command: &SimpleCommand) -> Test {
        let negated = command.negated;
        // NAME=$(command -v program).
        if let ([], [word]) = (command.words.as_slice(), command.assignments.as_slice()) {
            let variable = word.text.split_once('=').map(|(name, _)| format!("${name}"));
            let names = word.looks_for.clone().map(|name| vec![name, variable.unwrap_or_default()]);
            return Test { names: names.unwrap_or_default(), negated };
        }
        let Some((first, rest)) = command.words.split_first() else { return Test::default() };
        let asks = match first.text.as_str() {
            "command" => rest.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V")),
            "type" | "hash" | "which" => true,
            name => self.functions.get(name).is_some_and(|scopes| scopes.iter().any(|at| self.testers.contains(at))),
        };
        if asks {
            let names: Vec<String> =
                rest.iter().filter(|word| !word.text.starts_with('-')).map(|word| normal(&word.text)).collect();
            if names.iter().any(|name| matches!(name.as_str(), "$1" | "$@" | "$*")) {
                let current = self.current();
                self.testers.push(current);
            }
            return Test { names, negated };
        }
        if matches!(first.text.as_str(), "[" | "test" | "[[") { bracket(rest, negated) } else { Test::default() }
    }

    fn and_or(&mut self, and: bool) {
        let mut there = Vec::new();
        self.with_top(|frame| {
            let last = std::mem::take(&mut frame.last);
            frame.or |= !and;
            if last.negated == and {
                frame.pending.extend(last.names);
            } else {
                there = last.names;
            }
        });
        for name in &there {
            *self.tested.entry(name.clone()).or_default() += 1;
        }
        self.with_top(|frame| frame.list.append(&mut there));
    }

    fn end_of_list(&mut self) {
        let mut list = Vec::new();
        self.with_top(|frame| {
            list = std::mem::take(&mut frame.list);
            let last = std::mem::take(&mut frame.last);
            let or = std::mem::take(&mut frame.or);
            frame.pending.clear();
            if frame.condition && !(list.is_empty() && last.names.is_empty()) {
                frame.result = match (or, last.negated) {
                    (true, _) => (Vec::new(), Vec::new()),
                    (false, true) => (list.clone(), if list.is_empty() { last.names } else { Vec::new() }),
                    (false, false) => (list.iter().cloned().chain(last.names).collect(), Vec::new()),
                };
            }
        });
        self.forget(list);
    }

    fn leaves(&mut self) {
        let pending = self.top().map(|frame| {
            frame.leaves = true;
            std::mem::take(&mut frame.pending)
        });
        self.assume(pending.unwrap_or_default());
    }

    fn next_branch(&mut self) {
        self.end_of_list();
        let assumed = self.top().map(|frame| std::mem::take(&mut frame.assumed)).unwrap_or_default();
        self.forget(assumed);
    }

    fn assume(&mut self, names: Vec<String>) {
        for name in &names {
            *self.tested.entry(name.clone()).or_default() += 1;
        }
        self.with_top(|frame| frame.assumed.extend(names));
    }

    fn forget(&mut self, names: Vec<String>) {
        for name in names {
            if let Some(count) = self.tested.get_mut(&name) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn top(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    fn with_top(&mut self, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }

    fn push(&mut self) {
        let function = self.function.take().or(Some(self.current()));
        self.frames.push(Frame { function, ..Frame::default() });
    }

    fn pop(&mut self) -> Frame {
        self.end_of_list();
        // A closing word without an opening one closes nothing.
        if self.frames.len() < 2 {
            return Frame::default();
        }
        let mut frame = self.frames.pop().unwrap_or_default();
        self.forget(std::mem::take(&mut frame.assumed));
        frame
    }
}

/// The words of `[ … ]`: tests that a file is there, or that a variable or a search has a value.
fn bracket(words: &[Word], negated: bool) -> Test {
    let mut test = Test { names: Vec::new(), negated };
    let mut words = words;
    if let [first, rest @ ..] = words
        && first.text == "!"
    {
        test.negated = !negated;
        words = rest;
    }
    let value = |word: &Word| word.looks_for.clone().unwrap_or_else(|| normal(&word.text));
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match (word.text.as_str(), words.get(at + 1)) {
            // Either may be what holds.
            ("-o" | "||", _) => return Test::default(),
            ("-x" | "-e" | "-f" | "-r" | "-s" | "-h" | "-L" | "-d" | "-n", Some(next)) => {
                // `[ -x /usr/bin/x ] && x`.
                let path = word.text == "-x" && next.text.starts_with('/');
                let name = next.text.rsplit('/').next().filter(|_| path);
                test.names.extend(name.map(str::to_owned));
                test.names.push(value(next));
                at += 1;
            }
            ("-z", Some(next)) => {
                test.names.push(value(next));
                test.negated = !test.negated;
                at += 1;
            }
            _ if word.expands && matches!(words.get(at + 1).map(|w| w.text.as_str()), None | Some("]" | "]]")) => {
                test.names.push(value(word));
            }
            _ => {}
        }
        at += 1;
    }
    test
}
