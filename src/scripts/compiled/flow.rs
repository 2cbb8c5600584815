//! The flow of strings through compiled code: values are nodes, with edges from their possible sources. Neither order
//! nor conditions count, so that a string reaches a call that starts programs through variables, fields, lists and the
//! code's own functions.

use std::collections::{BTreeMap, BTreeSet};

/// A value.
pub(super) type Node = usize;

/// Most nodes and edges of one application.
const MOST: usize = 1 << 20;
/// Most values that are looked at for the arguments of one call.
const MOST_ELEMENTS: usize = 256;
/// Most starts whose arguments are looked at.
const MOST_STARTS: usize = 4096;
/// Longest text, and longest word of a name, in characters.
const LONGEST: usize = 1024;
/// Most values that may be one object, and steps for all objects in looking for them.
const MOST_ALIASES: usize = 256;
const MOST_STEPS: usize = 1 << 20;
/// Deepest stack.
const DEEPEST: usize = 4096;
/// Most values of one method that are remembered for the targets of jumps.
const MOST_SAVED: usize = 1 << 18;

/// What stands on a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Unknown,
    Number(usize),
    Of(Node),
}

/// What the result of a library's method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// An object of any class: one that the list or table holds.
    Element,
    /// A text: one of those that were given.
    Text,
    /// A list, or something else that begins with what was given first.
    Other,
}

/// What the code of an application starts.
#[derive(Debug, Default)]
pub(super) struct Started {
    /// Programs and command lines.
    pub programs: BTreeSet<String>,
    /// Texts behind `-c`: code, if the program is a shell.
    pub code: BTreeSet<String>,
}

fn is_code_option(text: &str) -> bool {
    text == "-c" || text == "-lc" || text.starts_with("-c ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// The same value.
    Same,
    /// The first element of a list.
    First,
    /// Another element of a list than the first.
    Rest,
    /// Some element of the other value.
    Element,
}

/// What has places for values, by numbers and [words](Flow::word): a method has variables, parameters and a result, a field
/// itself.
pub(super) type Owner = [usize; 3];

/// The values of one application.
#[derive(Debug, Default)]
pub(super) struct Flow {
    texts: BTreeMap<Node, String>,
    edges: Vec<Vec<(Node, Edge)>>,
    words: BTreeMap<String, usize>,
    places: BTreeMap<(Owner, usize), Node>,
    starts: Vec<Node>,
    /// Lists that were given an element.
    held: BTreeSet<Node>,
    /// What was made in the code itself, and whether a library may call it.
    objects: BTreeMap<Node, bool>,
    /// What libraries were given, with the calls.
    given: BTreeSet<(Node, Node)>,
    count: usize,
}

impl Flow {
    /// A new value.
    pub(super) fn node(&mut self) -> Node {
        if self.edges.len() < MOST {
            self.edges.push(Vec::new());
        }
        self.edges.len() - 1
    }

    /// A string.
    pub(super) fn text(&mut self, text: &str) -> Node {
        let node = self.node();
        self.texts.entry(node).or_insert_with(|| text.chars().take(LONGEST).collect());
        node
    }

    /// The number of a word.
    pub(super) fn word(&mut self, text: &str) -> usize {
        let text = text.get(..LONGEST).unwrap_or(text);
        let next = self.words.len();
        self.words.get(text).copied().unwrap_or_else(|| *self.words.entry(text.to_owned()).or_insert(next))
    }

    /// The value of a place.
    pub(super) fn place(&mut self, owner: Owner, at: usize) -> Node {
        if let Some(&node) = self.places.get(&(owner, at)) {
            return node;
        }
        let node = self.node();
        if self.edges.len() < MOST {
            self.places.insert((owner, at), node);
        }
        node
    }

    /// A new object, list or array, to be filled.
    pub(super) fn object(&mut self) -> Node {
        let node = self.node();
        self.objects.insert(node, false);
        node
    }

    /// A library that gets this value may call it, with what it has.
    pub(super) fn callable(&mut self, node: Node) {
        self.objects.insert(node, true);
    }

    fn edge(&mut self, to: Node, from: Node, edge: Edge) {
        if to != from
            && self.count < MOST
            && let Some(edges) = self.edges.get_mut(to)
        {
            self.count += 1;
            edges.push((from, edge));
        }
    }

    /// `to` may be `from`.
    pub(super) fn same(&mut self, to: Node, from: Node) {
        self.edge(to, from, Edge::Same);
    }

    /// `to` may be an element of `from`.
    pub(super) fn element(&mut self, to: Node, from: Node) {
        self.edge(to, from, Edge::Element);
    }

    /// `to` holds `from`, behind its first element.
    pub(super) fn rest(&mut self, to: Node, from: Node) {
        self.held.insert(to);
        self.edge(to, from, Edge::Rest);
    }

    /// `to` begins with `from`.
    fn first(&mut self, to: Node, from: Node) {
        self.held.insert(to);
        self.edge(to, from, Edge::First);
    }

    /// `to` holds one more: what it is given first is its first element.
    fn add(&mut self, to: Node, from: Node) {
        if self.held.contains(&to) { self.rest(to, from) } else { self.first(to, from) }
    }

    /// A program is started by a value.
    pub(super) fn starts(&mut self, value: Node) {
        self.starts.push(value);
    }

    /// What a method of a library does is not known: its object holds what it is given, and its result is made of both.
    pub(super) fn of_library(
        &mut self,
        node: Node,
        receiver: Option<Node>,
        values: &[Value],
        result: Made,
        holds: bool,
    ) {
        if let Some(receiver) = receiver {
            let edge = if result == Made::Element { Edge::Element } else { Edge::Same };
            self.edge(node, receiver, edge);
        }
        for (number, value) in values.iter().enumerate() {
            let Value::Of(value) = *value else { continue };
            self.given.insert((value, node));
            let edge = match (result, number, receiver) {
                (Made::Element | Made::Text, ..) => Edge::Same,
                (Made::Other, 0, None) => Edge::First,
                _ => Edge::Rest,
            };
            self.edge(node, value, edge);
            if let Some(receiver) = receiver.filter(|_| holds) {
                self.add(receiver, value);
            }
        }
    }

    /// A value that may be one or the other.
    fn either(&mut self, one: Value, other: Value) -> Value {
        match (one, other) {
            (one, other) if one == other => one,
            (Value::Of(one), Value::Of(other)) => {
                let node = self.node();
                self.same(node, one);
                self.same(node, other);
                Value::Of(node)
            }
            (value @ Value::Of(_), _) | (_, value @ Value::Of(_)) => value,
            _ => Value::Unknown,
        }
    }

    /// The strings that start programs.
    pub(super) fn started(mut self) -> Started {
        if self.starts.is_empty() {
            return Started::default();
        }
        self.share();
        let lists: Vec<Vec<&str>> = self.starts.iter().take(MOST_STARTS).map(|&start| self.elements(start)).collect();
        let code = lists.iter().filter(|list| list.iter().any(|text| is_code_option(text))).flatten();
        let code = code.map(|text| text.strip_prefix("-c ").unwrap_or(text).trim_matches(['"', '\'', ' ']));
        let code = code.filter(|text| !text.is_empty() && !text.starts_with('-')).map(str::to_owned).collect();
        Started { programs: self.programs(), code }
    }

    /// What an object is given by one of its names, it has by all of them: `fill(list)`. And what a library gets together with
    /// a function, it may give to the function: `list.forEach(function)`.
    fn share(&mut self) {
        let all = |(to, edges): (Node, &Vec<(Node, Edge)>)| {
            edges.iter().map(|&(from, edge)| (from, to, edge == Edge::Same)).collect::<Vec<_>>()
        };
        let mut uses: Vec<(Node, Node, bool)> = self.edges.iter().enumerate().flat_map(all).collect();
        uses.sort_unstable();
        let (mut found, mut left) = (Vec::new(), MOST_STEPS);
        for (&object, &callable) in &self.objects {
            let (mut seen, mut queue) = (BTreeSet::from([object]), vec![object]);
            while let Some(node) = queue.pop() {
                if node != object && self.held.contains(&node) {
                    found.push((object, node));
                }
                if callable {
                    let calls = self.given.range((node, 0)..=(node, usize::MAX)).take(left);
                    let before = found.len();
                    found.extend(calls.map(|&(_, call)| (object, call)));
                    left -= found.len() - before;
                }
                let from = uses.partition_point(|&(from, ..)| from < node);
                let uses = uses.get(from..).into_iter().flatten().take(left);
                for &(_, to, same) in uses.take_while(|&&(from, ..)| from == node) {
                    left = left.saturating_sub(1);
                    // A function is also called that comes out of a table.
                    if seen.len() < MOST_ALIASES && (same || callable) && seen.insert(to) {
                        queue.push(to);
                    }
                }
            }
        }
        for (to, from) in found {
            self.same(to, from);
        }
    }

    /// What stands directly in the list that a program is started by.
    fn elements(&self, start: Node) -> Vec<&str> {
        let (mut seen, mut queue, mut found) = (BTreeSet::from([start]), vec![start], Vec::new());
        while let Some(node) = queue.pop().filter(|_| seen.len() < MOST_ELEMENTS) {
            found.extend(self.texts.get(&node).map(String::as_str));
            for &(from, _) in self.edges.get(node).into_iter().flatten().take(MOST_ELEMENTS) {
                if seen.insert(from) {
                    queue.push(from);
                }
            }
        }
        found
    }

    fn programs(&self) -> BTreeSet<String> {
        let mut seen: BTreeSet<(Node, bool)> = self.starts.iter().map(|&node| (node, false)).collect();
        let mut queue: Vec<(Node, bool)> = seen.iter().copied().collect();
        let mut found = BTreeSet::new();
        while let Some((node, whole)) = queue.pop() {
            found.extend(self.texts.get(&node).cloned());
            for &(from, edge) in self.edges.get(node).into_iter().flatten() {
                let next = match edge {
                    Edge::Same | Edge::First => (from, whole),
                    Edge::Rest if whole => (from, whole),
                    Edge::Rest => continue,
                    Edge::Element => (from, true),
                };
                if seen.insert(next) {
                    queue.push(next);
                }
            }
        }
        found
    }
}

/// The stack of one method, which is followed once in order of the code.
#[derive(Debug, Default)]
pub(super) struct Stack {
    values: Vec<Value>,
    /// The stacks of jumps, by their targets.
    saved: BTreeMap<usize, Vec<Value>>,
    /// Values that were remembered.
    spent: usize,
}

impl Stack {
    pub(super) fn pop(&mut self) -> Value {
        self.values.pop().unwrap_or(Value::Unknown)
    }

    pub(super) fn push(&mut self, value: Value) {
        if self.values.len() < DEEPEST {
            self.values.push(value);
        }
    }

    /// Take and leave so many values that are of no interest.
    pub(super) fn shift(&mut self, pops: usize, pushes: usize) {
        self.values.truncate(self.values.len().saturating_sub(pops));
        (0..pushes).for_each(|_| self.push(Value::Unknown));
    }

    /// Take so many values from the top, in their order.
    pub(super) fn take(&mut self, count: usize) -> Vec<Value> {
        self.values.split_off(self.values.len().saturating_sub(count))
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    /// The stack is also that of a target further on.
    pub(super) fn jump(&mut self, flow: &mut Flow, from: usize, to: Option<usize>) {
        let Some(to) = to.filter(|&to| to > from && self.spent < MOST_SAVED) else { return };
        self.spent += self.values.len() + 1;
        let merged = match self.saved.remove(&to) {
            Some(other) => merge(flow, &self.values, other),
            None => self.values.clone(),
        };
        self.saved.insert(to, merged);
    }

    /// The instruction there begins, behind one that goes on to it or does not.
    pub(super) fn begin(&mut self, flow: &mut Flow, at: usize, reachable: bool) {
        match self.saved.remove(&at) {
            Some(saved) if reachable => self.values = merge(flow, &self.values, saved),
            Some(saved) => self.values = saved,
            // A handler finds its exception.
            None if !reachable => self.values = vec![Value::Unknown],
            None => {}
        }
    }

    /// A variable's value comes onto the stack.
    pub(super) fn load(&mut self, flow: &mut Flow, owner: Owner, slot: usize) {
        self.push(Value::Of(flow.place(owner, slot)));
    }

    /// A variable is given the value on the stack.
    pub(super) fn store(&mut self, flow: &mut Flow, owner: Owner, slot: usize) {
        if let Value::Of(value) = self.pop() {
            let node = flow.place(owner, slot);
            flow.same(node, value);
        }
    }

    /// An element of an array comes onto the stack.
    pub(super) fn load_element(&mut self, flow: &mut Flow) {
        let (index, array) = (self.pop(), self.pop());
        let node = flow.node();
        match array {
            Value::Of(array) if index == Value::Number(0) => flow.same(node, array),
            Value::Of(array) => flow.element(node, array),
            _ => {}
        }
        self.push(Value::Of(node));
    }

    /// An element of an array is given the value on the stack.
    pub(super) fn store_element(&mut self, flow: &mut Flow) {
        let (value, index, array) = (self.pop(), self.pop(), self.pop());
        if let (Value::Of(value), Value::Of(array)) = (value, array) {
            match index {
                Value::Number(number) if number > 0 => flow.rest(array, value),
                _ => flow.first(array, value),
            }
        }
    }
}

/// Two stacks that are possible in one place.
fn merge(flow: &mut Flow, one: &[Value], other: Vec<Value>) -> Vec<Value> {
    if one.len() != other.len() {
        return if one.len() < other.len() { other } else { one.to_vec() };
    }
    one.iter().zip(other).map(|(&one, other)| flow.either(one, other)).collect()
}
