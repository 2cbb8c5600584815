//! Entries that kept scripts, and kept programs that start others, need: the code that they read, the scripts that they
//! start by themselves, and with `keep.from-scripts` the programs that they name.

use std::collections::BTreeSet;

use super::walk::Walk;
use super::{Input, Seed, Why};
use crate::facts::program::Program;
use crate::policy::Start;
use crate::programs::When;
use crate::scripts::{How, Named, Reader, is_told};
use crate::tree::{Id, glob};

/// Most entries that one directory of data leads to.
const MOST_DATA: usize = 1_000_000;

impl Walk<'_> {
    /// Keep what the text or the configuration of a file asks for.
    pub(super) fn visit_uses(&mut self, id: Id) {
        let input = self.input;
        let reader =
            Reader { tree: input.tree, contents: input.contents, commands: input.commands, policy: input.policy };
        let reason = self.closure.reasons.get(&id);
        // What an interpreter is given need have no first line that names one.
        let word = reason.is_some_and(|reason| matches!(reason.why, Why::Named(Seed::Word, ..) | Why::Read(_)));
        let uses = if word { reader.uses_of_word(id) } else { reader.uses(id) };
        for file in uses {
            for name in &file.names {
                if !(self.brings(name) || self.is_helper(name)) {
                    continue;
                }
                let (from, of) = if self.has(file.file) {
                    (file.file, "of".to_owned())
                } else {
                    (id, format!("of {}, read by", reader.place(file.file, 0)))
                };
                let clause = match (name.how, name.line) {
                    (How::Runs, 0) => format!("named by the variable 'command' {of}"),
                    (How::Runs, line) => format!("named at line {line} {of}"),
                    (How::Reads, line) => format!("read at line {line} {of}"),
                    (How::Starts, 0) => "started by".to_owned(),
                    (How::Starts, line) => format!("in the directory named at line {line} {of}"),
                };
                let why = if name.how == How::Reads { Why::Read(clause) } else { Why::Needed(clause) };
                // Links among the directories of a path stay with it.
                let base = self.working_directory();
                let path = name.how != How::Starts && name.word.contains('/');
                if !path || self.add_path(base, name.word.as_bytes(), Some(from), &why).is_err() {
                    self.add(name.entry, Some(from), &why);
                }
            }
        }
    }

    /// Keep what the program files say that a program always starts, and the data that it opens by computed names.
    pub(super) fn visit_programs(&mut self, id: Id) {
        let Input { tree, policy, .. } = self.input;
        let Some(file) = tree.follow(id).ok().map(|found| found.node) else { return };
        if !tree.is_file(file) || tree.permissions(file) & 0o111 == 0 {
            return;
        }
        for (program, _) in policy.programs.of(tree.name(id), &tree.path(id)) {
            for starts in &program.starts {
                let needed = match starts.when {
                    When::Always => true,
                    When::Root => policy.start == Start::Root,
                    When::Sometimes => false,
                };
                let told = |word: &String| {
                    let name = word.rsplit('/').next().unwrap_or_default();
                    policy.remove.commands.iter().any(|entry| entry.value == *word || entry.value == name)
                };
                let programs = starts.programs(tree.name(id));
                if !needed || programs.iter().any(told) {
                    continue;
                }
                let text = format!("started {} ({}) by", starts.reason, program.file);
                let (patterns, words): (Vec<&String>, Vec<&String>) =
                    programs.iter().partition(|word| glob::is_pattern(word.as_bytes()));
                for entry in patterns.into_iter().flat_map(|pattern| glob::expand_as_shell(tree, pattern.as_bytes())) {
                    let _ = self.add_word(id, &tree.path(entry), &text);
                }
                let _ = words.into_iter().any(|word| self.add_word(id, word.as_bytes(), &text));
            }
            let text = format!("opened by a name made at run time ({}) by", program.file);
            for pattern in &program.opens {
                for entry in glob::expand_as_shell(tree, pattern.as_bytes()) {
                    let Ok(top) = tree.follow(entry).map(|found| found.node) else { continue };
                    self.add(entry, Some(id), &text);
                    self.add_data(top, Some(id), &Why::from(&text));
                }
            }
        }
    }

    /// Keep the data below a directory, and what links there lead to. Programs among it have reasons of their own.
    pub(super) fn add_data(&mut self, top: Id, from: Option<Id>, why: &Why) {
        let tree = self.input.tree;
        let is_data = |id: Id| tree.is_file(id) && tree.permissions(id) & 0o111 == 0;
        let mut queue = vec![top];
        let mut seen = BTreeSet::from([top]);
        let mut left = MOST_DATA;
        while let Some(at) = queue.pop() {
            for id in tree.subtree(at).take(left).collect::<Vec<_>>() {
                left -= 1;
                if is_data(id) {
                    self.add(id, from, why);
                } else if tree.is_link(id)
                    && let Ok(found) = tree.follow(id)
                    && (is_data(found.node) || tree.is_dir(found.node))
                {
                    self.add(id, from, why);
                    // Settings of the system, as the `conf` of Tomcat; not the whole system.
                    let path = tree.path(found.node);
                    let own = path.split(|&b| b == b'/').filter(|part| !part.is_empty()).count() >= 2;
                    if tree.is_dir(found.node) && own && path.starts_with(b"/etc/") && seen.insert(found.node) {
                        queue.push(found.node);
                    }
                }
            }
        }
    }

    /// Whether a name is that of an ELF program outside of the command directories. It stays by any name, so it runs:
    /// what it needs and names counts. A script has its interpreter named instead.
    fn is_helper(&self, name: &Named) -> bool {
        let Input { tree, contents, commands, .. } = self.input;
        let Ok(file) = tree.follow(name.entry).map(|found| found.node) else { return false };
        let outside = !commands.is_in_directory(tree, file) && !commands.is_in_directory(tree, name.entry);
        let elf = || matches!(commands.program(tree, contents, file), Ok(Program::Elf(_)));
        name.how == How::Runs && !name.optional && outside && elf()
    }

    fn brings(&self, name: &Named) -> bool {
        let policy = self.input.policy;
        match name.how {
            How::Starts => true,
            How::Reads => !name.optional || policy.keep.from_scripts,
            How::Runs => policy.keep.from_scripts && !name.optional && !is_told(policy, self.input.tree, name),
        }
    }
}
