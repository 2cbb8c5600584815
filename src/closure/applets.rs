//! Applets as parts of the closure: those that the policy names and that have no file, those that are called by the
//! program's own name, and those that other applets start.

use super::walk::Walk;
use super::{Closure, Reason, Seed, Why};
use crate::applets;
use crate::diag::Origin;
use crate::facts::multicall::calls::{Call, applet_in, only_looks, started_by};
use crate::facts::multicall::{LIMIT, is_telling};
use crate::facts::program::Shebang;
use crate::policy::Pattern;
use crate::shell;
use crate::tree::{Id, Tree};

/// Largest script read.
const MAX_SCRIPT: u64 = 1 << 20;

/// A multi-call program in the command directories, read.
pub(super) struct Binary {
    /// The file.
    program: Id,
    names: Vec<String>,
    data: Vec<u8>,
}

impl Closure {
    /// Why an applet stays inside a program, as clauses; empty when nothing asks for it there.
    #[must_use]
    pub fn explain_applet(&self, tree: &Tree, program: Id, name: &str) -> Vec<String> {
        let Some(reason) = self.applets.get(&(program, name.to_owned())) else { return Vec::new() };
        let above = reason.from.into_iter().flat_map(|from| self.explain(tree, from));
        std::iter::once(reason.clause(tree)).chain(above).collect()
    }
}

impl Walk<'_> {
    /// Keep the applets with names that a pattern takes and no command has, in every program that has them. Returns whether
    /// there are any.
    pub(super) fn add_applets(&mut self, pattern: &Pattern, text: &str, origin: &Origin) -> bool {
        if matches!(pattern, Pattern::Path(_)) {
            return false;
        }
        self.read_binaries();
        let mut found = Vec::new();
        for binary in self.binaries.iter().flatten() {
            let names = binary.names.iter().filter(|name| pattern.names(name.as_bytes()) && !self.is_command(name));
            found.extend(names.map(|name| (binary.program, name.clone())));
        }
        for (program, name) in &found {
            self.add(
                *program,
                None,
                Why::Named(Seed::Entry, format!("it has the applet {name}, {text}"), origin.clone()),
            );
            self.add_applet(*program, name, None, &Why::Named(Seed::Entry, text.to_owned(), origin.clone()));
        }
        !found.is_empty()
    }

    /// The first program that has an applet of a name.
    pub(super) fn program_with(&mut self, name: &str) -> Option<Id> {
        self.read_binaries();
        let mut with = self.binaries.iter().flatten().filter(|binary| binary.names.iter().any(|other| other == name));
        with.next().map(|binary| binary.program)
    }

    /// Keep what an applet starts, when this entry runs one.
    pub(super) fn visit_applet(&mut self, id: Id) {
        let tree = self.input.tree;
        if started_by(tree.name(id)).next().is_none() {
            return;
        }
        let Ok(target) = tree.follow(id).map(|found| found.node) else { return };
        let name = tree.name(target);
        if name == b"bbsuid" {
            self.starts(id, None, tree.name(id));
        } else if let Some(program) = self.program_of(target) {
            self.starts(id, Some(program), tree.name(id));
        }
    }

    /// The words of a command of the image that call an applet by the program's own name.
    pub(super) fn calls_in_words(&mut self, words: &[Option<&str>], from: Option<Id>, why: &Why) {
        if only_looks(words) {
            return;
        }
        for (at, word) in words.iter().enumerate() {
            let Some(word) = word.filter(|word| is_telling(word.rsplit('/').next().unwrap_or_default().as_bytes()))
            else {
                continue;
            };
            let Call::Applet(applet, _) = applet_in(words.get(at + 1..).unwrap_or_default()) else { continue };
            if let Some(program) = self.program_named(word) {
                self.add_applet(program, applet, from, why);
            }
        }
    }

    /// The same in code of a shell.
    pub(super) fn calls_in_code(&mut self, code: &str, from: Option<Id>, why: &Why) {
        if !["busybox", "toybox"].iter().any(|name| code.contains(name)) {
            return;
        }
        for command in shell::commands(code).unwrap_or_default() {
            let words: Vec<Option<&str>> =
                command.words.iter().map(|word| (!word.expands).then_some(word.text.as_str())).collect();
            self.calls_in_words(&words, from, why);
        }
    }

    /// The same in a script that stays, its first line included.
    pub(super) fn calls_in_script(&mut self, id: Id, shebang: &Shebang) {
        let argument = shebang.argument.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let mut words = vec![std::str::from_utf8(&shebang.interpreter).ok()];
        words.extend(argument.split_ascii_whitespace().map(Some));
        let why = Why::from("called by");
        self.calls_in_words(&words, Some(id), &why);
        let text = self.input.contents.read(self.input.tree, id, MAX_SCRIPT).unwrap_or_default();
        self.calls_in_code(&String::from_utf8_lossy(&text), Some(id), &why);
    }

    fn add_applet(&mut self, program: Id, applet: &str, from: Option<Id>, why: &Why) {
        let key = (program, applet.to_owned());
        if !self.closure.applets.contains_key(&key) {
            self.called.push(key.clone());
            self.closure.applets.insert(key, Reason { from, why: why.clone() });
        }
    }

    /// Keep what the applets start that were called by the name of a program which stays.
    pub(super) fn start_applets(&mut self) {
        let (stay, wait) = std::mem::take(&mut self.called).into_iter().partition(|(program, _)| self.has(*program));
        self.called = wait;
        let stay: Vec<(Id, String)> = stay;
        for (program, applet) in stay {
            self.starts(program, Some(program), applet.as_bytes());
        }
    }

    /// Keep what an applet starts: as a command, or inside the same program. `from` is the entry that runs it.
    fn starts(&mut self, from: Id, program: Option<Id>, applet: &[u8]) {
        let tree = self.input.tree;
        let text = if tree.name(from) == applet {
            "started by applet".to_owned()
        } else {
            format!("started by applet {} of", String::from_utf8_lossy(applet).escape_debug())
        };
        for name in started_by(applet) {
            if name.starts_with('/') {
                let _ = self.add_path(Id::ROOT, name.as_bytes(), Some(from), &text);
                continue;
            }
            let found = self.input.commands.find_in_path(tree, name.as_bytes());
            let Some(program) = program else {
                found.into_iter().for_each(|entry| self.add(entry, Some(from), &text));
                continue;
            };
            let target = found.and_then(|entry| tree.follow(entry).ok()).map(|found| found.node);
            if let Some(entry) = found
                && (target.is_some_and(|target| tree.is_same_file(target, program)) || self.mentions(program, name))
            {
                self.add(entry, Some(from), &text);
            } else if found.is_none() && self.has_applet(program, name) {
                self.add_applet(program, name, Some(from), &Why::from(&text));
            }
        }
    }

    /// Whether a program holds a name as a string: what it does not hold it does not start.
    fn mentions(&mut self, program: Id, name: &str) -> bool {
        let wanted = [name.as_bytes(), b"\0"].concat();
        self.binary(program).is_some_and(|binary| applets::contains(&binary.data, &wanted))
    }

    fn has_applet(&mut self, program: Id, name: &str) -> bool {
        self.binary(program).is_some_and(|binary| binary.names.iter().any(|other| other == name))
    }

    fn binary(&mut self, program: Id) -> Option<&Binary> {
        self.read_binaries();
        let tree = self.input.tree;
        self.binaries.iter().flatten().find(|binary| tree.is_same_file(binary.program, program))
    }

    /// Read the programs with telling names in the command directories, once.
    fn read_binaries(&mut self) {
        if self.binaries.is_some() {
            return;
        }
        let tree = self.input.tree;
        let mut found: Vec<Binary> = Vec::new();
        for (&entry, command) in &self.input.commands.entries {
            let program = command.target;
            let known = found.iter().any(|binary| tree.is_same_file(binary.program, program));
            if known || !(is_telling(tree.name(entry)) || is_telling(tree.name(program))) {
                continue;
            }
            let data = self.input.contents.read(tree, program, LIMIT).unwrap_or_default();
            if let Ok(read) = applets::read(&data) {
                found.push(Binary { program, names: read.names, data });
            }
        }
        self.binaries = Some(found);
    }

    /// The multi-call program that a file is, by the names of the file.
    fn program_of(&self, target: Id) -> Option<Id> {
        let tree = self.input.tree;
        if is_telling(tree.name(target)) {
            return Some(target);
        }
        let entries = self.input.commands.entries.iter().filter(|_| tree.meta(target).nlink > 1);
        let mut same = entries.filter(|(_, command)| tree.is_same_file(command.target, target));
        same.any(|(&entry, _)| is_telling(tree.name(entry))).then_some(target)
    }

    /// The multi-call program that a word names by its own name.
    fn program_named(&self, word: &str) -> Option<Id> {
        let tree = self.input.tree;
        let entry = if word.contains('/') {
            tree.resolve_from(self.working_directory(), word.as_bytes(), true).ok()?.node
        } else {
            self.input.commands.find_in_path(tree, word.as_bytes())?
        };
        tree.follow(entry).ok().map(|found| found.node).filter(|&id| tree.is_file(id))
    }

    /// Whether a name is that of a command.
    fn is_command(&self, name: &str) -> bool {
        let tree = self.input.tree;
        self.input.commands.entries.keys().any(|&entry| tree.name(entry) == name.as_bytes())
    }
}
