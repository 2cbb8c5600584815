//! Applets that are called through the binary's own name: `busybox httpd`, `#!/bin/busybox sh`.

use std::collections::BTreeSet;

use crate::closure::{Closure, matching};
use crate::facts::Facts;
use crate::facts::multicall::calls::{Call, SHELLS, applet_in, only_looks};
use crate::facts::multicall::{self, MultiCall};
use crate::facts::program::Program;
use crate::policy::{Pattern, Policy, Run};
use crate::shell;
use crate::tree::Id;
use crate::tree::contents::Contents;

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
pub(crate) fn collect(
    facts: &Facts,
    contents: &dyn Contents,
    policy: &Policy,
    closure: &Closure,
) -> Vec<(MultiCall, Named)> {
    let found = multicall::kept(&facts.tree, contents, &facts.commands, &facts.packages, &|id| closure.contains(id));
    let mut asked: Vec<(MultiCall, Named)> =
        found.into_iter().map(|program| (program, Named::Some(BTreeSet::new()))).collect();
    if asked.is_empty() {
        return asked;
    }
    let mut callers = Callers { facts, asked: &mut asked };
    if let Run::Commands(lines) = &policy.run {
        for line in lines {
            let words: Vec<Option<&str>> = line.argv.iter().map(|word| Some(word.as_str())).collect();
            callers.in_command(&words, None);
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
            callers.in_command(&words, None);
            let shell = callers.shell(&words);
            let text = contents.read(&facts.tree, id, MAX_SCRIPT).unwrap_or_default();
            callers.in_code(&String::from_utf8_lossy(&text), shell);
        }
    }
    for (program, applet) in closure.applets.keys() {
        let same = |(other, _): &(MultiCall, Named)| {
            facts.tree.is_same_file(other.program, *program) || other.entries.contains(program)
        };
        if let Some(number) = callers.asked.iter().position(same) {
            callers.asks_for(number, applet);
        }
    }
    asked
}

struct Callers<'a> {
    facts: &'a Facts,
    asked: &'a mut Vec<(MultiCall, Named)>,
}

impl Callers<'_> {
    /// Code of a shell; `shell` is the number of the program that runs it, when that has applets itself: such a shell finds
    /// them without links, if it was built so.
    fn in_code(&mut self, text: &str, shell: Option<usize>) {
        if let Some(number) = shell {
            for name in shell::names(text).unwrap_or_default().words {
                if self.facts.commands.find_in_path(&self.facts.tree, name.as_bytes()).is_none() {
                    self.asks_for(number, &name);
                }
            }
        }
        let names = ["busybox", "toybox", "coreutils"];
        if !names.iter().any(|name| text.contains(name)) {
            return;
        }
        let Ok(commands) = shell::commands(text) else {
            return names.iter().filter(|name| text.contains(**name)).for_each(|name| {
                self.asks_for_all_of(name, "a script that names it cannot be read");
            });
        };
        for command in commands {
            for held in command.assignments.iter().filter_map(|word| word.text.split_once('=')) {
                self.asks_for_all_of(held.1, "a variable of a script holds its name");
            }
            let words: Vec<Option<&str>> =
                command.words.iter().map(|word| (!word.expands).then_some(word.text.as_str())).collect();
            self.in_command(&words, shell);
        }
    }

    /// The words of one command; `None` is one that only the running shell knows.
    fn in_command(&mut self, words: &[Option<&str>], shell: Option<usize>) {
        if only_looks(words) {
            return;
        }
        let inner = self.shell(words).or(shell);
        for (at, word) in words.iter().enumerate() {
            let Some(word) = word else { continue };
            if word.contains([' ', '\n', ';', '|', '&']) {
                self.in_code(word, inner);
            }
            let Some((_, program)) = self.program(word) else { continue };
            match applet_in(words.get(at + 1..).unwrap_or_default()) {
                Call::Applet(applet, _) => self.asks_for(program, applet),
                Call::Any => self.asks_for_all_of(word, "a script calls it without the name of an applet"),
                Call::None => {}
            }
        }
    }

    /// The number of the program whose shell a command starts.
    fn shell(&self, words: &[Option<&str>]) -> Option<usize> {
        words.iter().enumerate().find_map(|(at, word)| {
            let word = (*word)?;
            if SHELLS.contains(&word.rsplit('/').next().unwrap_or_default()) {
                return self.number(word).map(|(_, number)| number);
            }
            let (_, number) = self.program(word)?;
            match applet_in(words.get(at + 1..)?) {
                Call::Applet(applet, _) => SHELLS.contains(&applet).then_some(number),
                Call::Any | Call::None => None,
            }
        })
    }

    /// The entry and the number of the multi-call program that a word calls by the program's own name.
    fn program(&self, word: &str) -> Option<(Id, usize)> {
        let name = word.rsplit('/').next().unwrap_or_default();
        let (id, number) = self.number(word)?;
        let own =
            self.asked.get(number).is_some_and(|(program, _)| !program.applets.iter().any(|applet| applet == name));
        own.then_some((id, number))
    }

    /// The entry that a word names, and the number of the multi-call program that it runs.
    fn number(&self, word: &str) -> Option<(Id, usize)> {
        let Facts { tree, commands, .. } = self.facts;
        let id = if word.contains('/') {
            tree.resolve(word.as_bytes()).ok()?.node
        } else {
            commands.find_in_path(tree, word.as_bytes())?
        };
        let target = tree.follow(id).map_or(id, |found| found.node);
        let same = |(program, _): &(MultiCall, Named)| {
            tree.is_same_file(program.program, target) || program.entries.contains(&target)
        };
        Some((id, self.asked.iter().position(same)?))
    }

    fn asks_for(&mut self, number: usize, applet: &str) {
        let applet = applet.rsplit('/').next().unwrap_or_default();
        if let Some((_, Named::Some(names))) = self.asked.get_mut(number) {
            names.insert(applet.to_owned());
        }
    }

    /// Ask for everything in the program that a word calls by the program's own name.
    fn asks_for_all_of(&mut self, word: &str, why: &'static str) {
        if let Some((id, _)) = self.program(word) {
            self.asks_for_all(word.rsplit('/').next().unwrap_or_default().as_bytes(), id, why);
        }
    }

    /// Ask for everything, unless `name` is that of an applet.
    fn asks_for_all(&mut self, name: &[u8], id: Id, why: &'static str) {
        let tree = &self.facts.tree;
        let target = tree.follow(id).map_or(id, |found| found.node);
        for (program, named) in self.asked.iter_mut() {
            let applet = program.applets.iter().any(|applet| applet.as_bytes() == name)
                || (program.applets.is_empty() && !multicall::is_telling(name));
            if (tree.is_same_file(program.program, target) || program.entries.contains(&target)) && !applet {
                *named = Named::All(why);
            }
        }
    }
}
