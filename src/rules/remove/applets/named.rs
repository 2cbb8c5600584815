//! Which applets are called through the binary's own name: `busybox httpd`, `#!/bin/busybox sh`.

use std::collections::BTreeSet;

use crate::closure::{Closure, matching};
use crate::facts::multicall::{self, MultiCall};
use crate::facts::program::Program;
use crate::facts::tree::{Id, Tree};
use crate::facts::{Contents, Facts};
use crate::policy::{Pattern, Policy, Run};
use crate::shell;

/// Largest script read.
const MAX_SCRIPT: u64 = 1 << 20;

/// Applets that are asked for besides those that entries are named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// These.
    Some(BTreeSet<String>),
    /// All of them, for that reason.
    All(&'static str),
}

/// Every multi-call program, with what is asked of it.
#[must_use]
pub fn collect(facts: &Facts, contents: &dyn Contents, policy: &Policy, closure: &Closure) -> Vec<(MultiCall, Named)> {
    let found = multicall::kept(&facts.tree, contents, &facts.commands, &|id| closure.contains(id));
    let mut asked: Vec<(MultiCall, Named)> =
        found.into_iter().map(|program| (program, Named::Some(BTreeSet::new()))).collect();
    if asked.is_empty() {
        return asked;
    }
    let mut callers = Callers { facts, asked: &mut asked };
    if let Run::Commands(lines) = &policy.run {
        for line in lines {
            let words: Vec<Option<&str>> = line.words.iter().map(|word| Some(word.as_str())).collect();
            if line.shell_form {
                callers.in_shell_form(&words);
            } else {
                callers.in_command(&words);
                for script in line.words.iter().filter(|word| word.contains([' ', '\n'])) {
                    callers.in_script(script);
                }
            }
        }
    }
    for entry in &policy.keep.commands {
        // A pattern that happens to match the binary's own name is no wish for everything in it.
        if matches!(entry.pattern, Pattern::Name(_) | Pattern::Path(_)) {
            for id in matching(&facts.tree, &facts.commands, &entry.pattern) {
                callers.asks_for_all(facts.tree.name(id), id, "it is kept by its own name");
            }
        }
    }
    for &id in closure.reasons.keys().filter(|&&id| facts.tree.is_file(id)) {
        if let Ok(Program::Script(shebang)) = facts.commands.program(&facts.tree, contents, id) {
            let mut words = vec![std::str::from_utf8(&shebang.interpreter).ok()];
            let argument = shebang.argument.unwrap_or_default();
            words.extend(std::str::from_utf8(&argument).unwrap_or_default().split_ascii_whitespace().map(Some));
            callers.in_command(&words);
            let text = contents.read(&facts.tree, id, MAX_SCRIPT).unwrap_or_default();
            callers.in_script(&String::from_utf8_lossy(&text));
        }
    }
    asked
}

struct Callers<'a> {
    facts: &'a Facts,
    asked: &'a mut Vec<(MultiCall, Named)>,
}

impl Callers<'_> {
    fn in_script(&mut self, text: &str) {
        if !["busybox", "toybox", "coreutils"].iter().any(|name| text.contains(name)) {
            return;
        }
        for command in shell::commands(text).unwrap_or_default() {
            let words: Vec<Option<&str>> =
                command.words.iter().map(|word| (!word.expands).then_some(word.text.as_str())).collect();
            self.in_command(&words);
        }
    }

    /// The words of one command; `None` is one that only the running shell knows.
    fn in_command(&mut self, words: &[Option<&str>]) {
        for (at, word) in words.iter().enumerate() {
            let Some(word) = word else { continue };
            let Some((id, program)) = self.program(word) else { continue };
            let applet =
                words.get(at + 1..).unwrap_or_default().iter().find(|word| !word.is_some_and(|w| w.starts_with('-')));
            match applet {
                Some(Some(applet)) => self.asks_for(program, applet),
                _ => self.asks_for_all(
                    word.rsplit('/').next().unwrap_or_default().as_bytes(),
                    id,
                    "it is called without saying for which applet",
                ),
            }
        }
    }

    /// Shell form: words in command position only, so what follows the binary's name is not known.
    fn in_shell_form(&mut self, words: &[Option<&str>]) {
        for word in words.iter().flatten() {
            if let Some((id, _)) = self.program(word) {
                self.asks_for_all(
                    word.rsplit('/').next().unwrap_or_default().as_bytes(),
                    id,
                    "a command in shell form calls it by its own name",
                );
            }
        }
    }

    /// The entry and the number of the multi-call program that a word calls by the program's own name.
    fn program(&self, word: &str) -> Option<(Id, usize)> {
        let Facts { tree, commands, .. } = self.facts;
        let name = word.rsplit('/').next().unwrap_or_default();
        let id = if word.contains('/') {
            tree.resolve(word.as_bytes()).ok()?.node
        } else {
            commands.find_in_path(tree, word.as_bytes())?
        };
        let target = tree.follow(id).map_or(id, |found| found.node);
        let same = |(program, _): &(MultiCall, Named)| is_same(tree, program.program, target);
        let number = self.asked.iter().position(same)?;
        let own =
            self.asked.get(number).is_some_and(|(program, _)| !program.applets.iter().any(|applet| applet == name));
        own.then_some((id, number))
    }

    fn asks_for(&mut self, number: usize, applet: &str) {
        let applet = applet.rsplit('/').next().unwrap_or_default();
        if let Some((_, Named::Some(names))) = self.asked.get_mut(number) {
            names.insert(applet.to_owned());
        }
    }

    /// Ask for everything, unless `name` is that of an applet.
    fn asks_for_all(&mut self, name: &[u8], id: Id, why: &'static str) {
        let tree = &self.facts.tree;
        let target = tree.follow(id).map_or(id, |found| found.node);
        for (program, named) in self.asked.iter_mut() {
            let applet = program.applets.iter().any(|applet| applet.as_bytes() == name)
                || (program.applets.is_empty() && !multicall::is_telling(name));
            if is_same(tree, program.program, target) && !applet {
                *named = Named::All(why);
            }
        }
    }
}

/// Whether two entries are one file.
fn is_same(tree: &Tree, one: Id, other: Id) -> bool {
    one == other || (tree.meta(one).nlink > 1 && tree.meta(one).ino == tree.meta(other).ino && tree.is_file(other))
}
