//! The programs that files of the image start: shell scripts with what they source, the calls of scripts in other languages
//! (`scripts/calls.rs`), and the configurations of programs whose work is to start others (`scripts/starters.rs`, by the
//! program files).
//!
//! Finds the entries that words name, with file and line. It does not know which entries are kept.

mod calls;
mod compiled;
pub(crate) mod configurations;
mod imports;
mod makefile;
mod modules;
mod package;
mod starters;

use std::collections::BTreeSet;

use crate::diag::escape::escaped;
use crate::facts::commands::Commands;
use crate::facts::program::{Place, Program, Shebang};
use crate::policy::{CommandLine, Policy, Run};
use crate::shell::{self, Code, Dialect, Kind, Line, Use};
use crate::tree::budget::Budget;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, glob};
use compiled::class_path;

/// Largest script that is read. People write shorter ones; longer ones carry an archive.
const LIMIT: u64 = 1024 * 1024;

/// Files that one script sources, with what those source.
const MOST_SOURCES: usize = 64;

/// Files of code that are read for what the image's command reaches. Each script is read with all that it sources.
const MOST_READ: usize = 1000;

/// Directories in which one script looks for what it gives to interpreters.
const MOST_BASES: usize = 4;

/// Scripts of one directory that are looked at.
const MOST_SCRIPTS: usize = 256;

/// What readings of code cost, in bytes: each script is read with all that it sources, so a file may be read any number of
/// times. Each entry that a pattern or directory in it names counts as [`LOOK`] bytes.
static CODE: Budget = Budget {
    text: "the scripts of the image, each read again by every script that sources it, hold more bytes than",
    most: 20 << 20,
    help: "remove scripts that source each other from the image, or do not keep them",
};

/// What it costs to look at one entry that code names, in bytes of code.
const LOOK: u64 = 256;

/// What a script is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// A shell.
    Shell(Dialect),
    /// execlineb(1), with a shebang or, in s6-rc's `up` files, without.
    Execline,
}

/// How a file names another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// A word in command position: the entry that would run.
    Runs,
    /// It is read as code.
    Reads,
    /// A script in a directory that is started as a whole, or a service.
    Starts,
}

/// One name in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// How it is named.
    pub how: How,
    /// The entry, which may be a link.
    pub entry: Id,
    /// Line in the file; 0 when no line names it.
    pub line: u32,
    /// The word that names it.
    pub word: String,
    /// The file does without it when it is not there.
    pub optional: bool,
}

/// What one file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileUses {
    /// The file.
    pub file: Id,
    /// Entries that exist in this root, in order of appearance.
    pub names: Vec<Named>,
    /// Accounts whose login shells it starts, with their lines.
    pub logins: Vec<(u32, String)>,
    /// Words in command position that only the running program knows, with their lines.
    pub unknown: Vec<(u32, String)>,
    /// What cannot be read, with its line: the rest of the file was not looked at.
    pub problem: Option<(u32, String)>,
}

/// A file of code, and what in it cannot be read.
type Read = (Id, Option<(u32, String)>);

/// Reads scripts and configurations of one root.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// The content of files.
    pub contents: &'a dyn Contents,
    /// What can be run by name.
    pub commands: &'a Commands,
    /// The command lines and the working directory.
    pub policy: &'a Policy,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader over {} entries", self.tree.len())
    }
}

impl<'a> Reader<'a> {
    /// Everything that runs because `id` runs, as far as its text and its configuration say. Nothing for a program
    /// that is no script and starts no others.
    #[must_use]
    pub(crate) fn uses(&self, id: Id) -> Vec<FileUses> {
        let mut found = match self.language(id) {
            Some(Language::Shell(dialect)) => self.shell(id, dialect),
            Some(Language::Execline) => {
                let mut uses = self.execline(id);
                uses.names.extend(starters::told_in(self, id, Language::Execline));
                vec![uses]
            }
            None => self.calls(id, false),
        };
        found.extend(self.calls_in_words(id));
        found.extend(starters::uses(self, id));
        found
    }

    /// The same of a word of a command line, which may be a script without a first line of its own, or java with classes.
    #[must_use]
    pub(crate) fn uses_of_word(&self, id: Id) -> Vec<FileUses> {
        let mut uses = self.uses(id);
        if uses.is_empty() {
            uses = self.without_shebang(id);
        }
        uses.extend(compiled::uses(self, id));
        if self.tree.name(id) == b"java" {
            let (base, mut seen) = (self.working_directory(), BTreeSet::new());
            uses.extend(
                self.lines().iter().flat_map(|line| class_path::uses(self, &line.words, None, base, &mut seen)),
            );
        }
        uses
    }

    /// The files of code that run when `id` runs, with their languages: itself, and what it sources.
    #[must_use]
    pub(crate) fn code(&self, id: Id) -> Vec<(Id, Language)> {
        let Some(language) = self.language(id) else { return Vec::new() };
        let Language::Shell(dialect) = language else { return vec![(id, language)] };
        self.unit(id, dialect).0.into_iter().map(|(file, _)| (file, language)).collect()
    }

    /// What a script is written in; `None` for everything that is no script of a language known here.
    #[must_use]
    pub(crate) fn language(&self, id: Id) -> Option<Language> {
        if !self.tree.is_file(id) {
            return None;
        }
        match self.commands.program(self.tree, self.contents, id) {
            Ok(Program::Script(shebang)) => self.language_of(&shebang),
            _ => None,
        }
    }

    fn language_of(&self, shebang: &Shebang) -> Option<Language> {
        let interpreter = String::from_utf8_lossy(&shebang.interpreter).into_owned();
        let argument = shebang.argument.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        // Behind `env`, `busybox` or `with-contenv` the interpreter is a word of the argument.
        let words = std::iter::once(interpreter.as_str()).chain(argument.split_whitespace());
        for word in words {
            let name = word.rsplit('/').next().unwrap_or_default();
            let dialect = match name {
                "sh" => self.dialect_of_sh(word),
                "execlineb" => return Some(Language::Execline),
                "env" | "busybox" | "with-contenv" | "tini" | "dumb-init" | "chpst" => continue,
                _ if word.starts_with('-') || word.contains('=') => continue,
                name => dialect_of(name)?,
            };
            return Some(Language::Shell(dialect));
        }
        None
    }

    /// What `sh` is here, by the name of the file that it leads to.
    fn dialect_of_sh(&self, word: &str) -> Dialect {
        let path = if word.starts_with('/') { word } else { "/bin/sh" };
        let found = self.tree.resolve(path.as_bytes()).ok();
        match found.map(|found| self.tree.name(found.node)) {
            Some(b"bash") => Dialect::Bash,
            Some(b"busybox") => Dialect::Ash,
            _ => Dialect::Posix,
        }
    }

    /// Text of a file; what cannot be read is empty, and what is beyond the budget of all code.
    #[must_use]
    pub(crate) fn text(&self, id: Id) -> String {
        let size = self.contents.size(self.tree, id).min(LIMIT);
        let within = self.contents.budgets().is_none_or(|all| all.spend_again(&CODE, size + LOOK, self.tree, id));
        if !within {
            return String::new();
        }
        let content = self.contents.read(self.tree, id, LIMIT).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    }

    /// A script with every file that it sources, and the code of all of them.
    fn unit(&self, id: Id, dialect: Dialect) -> (Vec<Read>, Code) {
        let mut code = Code::new(dialect);
        let mut files = Vec::new();
        let mut seen = BTreeSet::from([id]);
        let mut queue = vec![id];
        while let Some(file) = queue.pop() {
            let path = String::from_utf8_lossy(&self.tree.path(file)).into_owned();
            let error = code.read(&self.text(file), &path);
            files.push((file, error.map(|error| (error.line, error.to_string()))));
            for source in code.sources() {
                if !self.contents.spend(&CODE, LOOK, self.tree, file) {
                    break;
                }
                let found = self.reads(file, &source).into_iter().map(|entry| self.tree.follow(entry));
                for node in found.flatten().map(|found| found.node) {
                    if seen.len() < MOST_SOURCES && self.tree.is_file(node) && seen.insert(node) {
                        queue.push(node);
                    }
                }
            }
        }
        (files, code)
    }

    fn shell(&self, id: Id, dialect: Dialect) -> Vec<FileUses> {
        let (files, code) = self.unit(id, dialect);
        let mut found = self.named(&files, code);
        for uses in found.iter_mut().take(files.len()) {
            uses.names.extend(starters::told_in(self, uses.file, Language::Shell(dialect)));
        }
        found
    }

    /// The entries that code names, by file.
    fn named(&self, files: &[Read], code: Code) -> Vec<FileUses> {
        let path = code.path();
        let service = code.variable("command");
        let lines = code.lines(|word| is_interpreter(word) || word == "cd" || class_path::is_option(word));
        let classes = code.variable("CLASSPATH").pop();
        let uses = code.finish();
        let mut found: Vec<FileUses> = files
            .iter()
            .map(|(file, problem)| FileUses {
                file: *file,
                names: Vec::new(),
                logins: Vec::new(),
                unknown: Vec::new(),
                problem: problem.clone(),
            })
            .collect();
        for one in &uses.uses {
            let Some(file) = found.get_mut(one.file) else { continue };
            let (how, entries) = match one.kind {
                Kind::Runs => (How::Runs, self.runs(&one.text, &path).into_iter().collect()),
                Kind::Reads => (How::Reads, self.reads(file.file, one)),
                Kind::Directory => (How::Starts, self.scripts_at(file.file, &one.text)),
                Kind::Given => (How::Starts, self.script_given(&one.text).into_iter().collect()),
                Kind::Login => {
                    file.logins.push((one.line, one.text.clone()));
                    continue;
                }
            };
            file.names.extend(entries.into_iter().map(|entry| Named {
                how,
                entry,
                line: one.line,
                word: one.text.clone(),
                optional: one.optional,
            }));
        }
        self.given_in(&lines, classes.as_deref(), &mut found);
        for (file, line, word) in uses.unknown {
            if let Some(file) = found.get_mut(file).filter(|_| !shell::is_argument(&word)) {
                file.unknown.push((line, word));
            }
        }
        // OpenRC's scripts name their daemon in a variable.
        if let Some(first) = found.first_mut()
            && self.is_service(first.file)
        {
            for word in service {
                let entries = self.runs(&word, &path).into_iter();
                first.names.extend(entries.map(|entry| Named {
                    how: How::Runs,
                    entry,
                    line: 0,
                    word: word.clone(),
                    optional: false,
                }));
            }
        }
        found
    }

    /// What the commands of a script give to interpreters: code, and classes.
    fn given_in(&self, lines: &[Line], classes: Option<&str>, found: &mut Vec<FileUses>) {
        let mut bases = vec![self.working_directory()];
        for line in lines.iter().filter(|line| line.words.first().is_some_and(|word| word == "cd")) {
            let directory = line.words.last().map_or("", String::as_str);
            bases
                .extend(self.tree.resolve_from(self.working_directory(), directory.as_bytes(), true).map(|at| at.node));
        }
        bases.retain(|&base| self.tree.is_dir(base));
        bases.truncate(MOST_BASES);
        let mut seen = BTreeSet::new();
        for line in lines {
            let Some(file) = found.get(line.file).map(|uses| uses.file) else { continue };
            // Directories that are not known are above the script, where it is of the application.
            let above = self.tree.ancestors(self.tree.parent(file)).take(2);
            let bases: Vec<Id> = bases.iter().copied().chain(above).collect();
            // The arguments of the script are those of the image's command.
            let own = line.words.iter().filter(|word| *word != "$@").map(|word| without_variables(word));
            let own: Vec<String> = own.collect();
            let arguments = if own.len() < line.words.len() { self.lines() } else { &[] };
            let arguments = arguments.iter().map(|arguments| arguments.words.get(1..).unwrap_or_default());
            for arguments in arguments.chain([&[][..]]) {
                let words = [&own, arguments].concat();
                for &base in &bases {
                    found.extend(class_path::uses(self, &words, classes, base, &mut seen));
                    let Some(file) = found.get_mut(line.file) else { continue };
                    for (word, entry) in self.interpreted(&words, base) {
                        let named = Named { how: How::Reads, entry, line: line.line, word, optional: false };
                        if !file.names.contains(&named) {
                            file.names.push(named);
                        }
                    }
                }
            }
        }
    }

    /// The files that an interpreter is given to run among the words of a command: those with names of code, and the first
    /// one that is no option's value.
    fn interpreted(&self, words: &[String], base: Id) -> Vec<(String, Id)> {
        let (mut found, mut value) = (Vec::new(), false);
        let at = words.iter().position(|word| is_interpreter(word) && !is_shell(word));
        // Its operands are data.
        let is_awk = at.and_then(|at| words.get(at)).is_some_and(|word| word.ends_with("awk"));
        for word in words.get(at.map_or(words.len(), |at| at + 1)..).unwrap_or_default() {
            if word.starts_with('-') {
                value = true;
                continue;
            }
            if let Some(entry) = self.code_for(word, base) {
                let name = self.tree.name(entry);
                let code = calls::of_file(name).is_some() || compiled::is_compiled(name);
                if (code || !value) && (value || !is_awk) {
                    found.push((word.clone(), entry));
                }
                if !value {
                    break;
                }
            }
            value = false;
        }
        found
    }

    /// The file that an interpreter finds for a word; Node.js looks for those of `dist/main` with its ending.
    fn code_for(&self, word: &str, base: Id) -> Option<Id> {
        let file = |end: &str| {
            let entry = self.tree.resolve_from(base, format!("{word}{end}").as_bytes(), false).ok()?.node;
            self.tree.follow(entry).is_ok_and(|found| self.tree.is_file(found.node)).then_some(entry)
        };
        ["", ".js", "/index.js"].iter().find_map(|end| file(end))
    }

    fn is_service(&self, id: Id) -> bool {
        match self.commands.program(self.tree, self.contents, id) {
            Ok(Program::Script(shebang)) => shebang.interpreter.ends_with(b"/openrc-run"),
            _ => false,
        }
    }

    fn execline(&self, id: Id) -> FileUses {
        let mut names: Vec<Named> = Vec::new();
        for (line, word) in shell::execline::programs(&self.text(id)) {
            let entry = self.runs(&word, &[]);
            if let Some(entry) = entry.filter(|&entry| !names.iter().any(|known| known.entry == entry)) {
                names.push(Named { how: How::Runs, entry, line, word, optional: false });
            }
        }
        FileUses { file: id, names, logins: Vec::new(), unknown: Vec::new(), problem: None }
    }

    /// A script in a language that is no shell: by its first line, and by its name where `named`.
    fn calls(&self, id: Id, named: bool) -> Vec<FileUses> {
        let language = match self.commands.program(self.tree, self.contents, id) {
            Ok(Program::Script(shebang)) => {
                let name = shebang.env_name.as_ref().unwrap_or(&shebang.interpreter);
                Some(calls::of_interpreter(&String::from_utf8_lossy(name)).unwrap_or(calls::Language::Other))
            }
            Ok(Program::None) if named => {
                let known = calls::of_file(self.tree.name(id)).or_else(|| self.language_given(id));
                Some(known.unwrap_or(calls::Language::Other))
            }
            _ => None,
        };
        let Some(language) = language.filter(|_| self.tree.is_file(id)) else { return Vec::new() };
        let text = self.text(id);
        let modules = modules::loaded(self, id, &text, language);
        // What modules of the application do with what they are given is known where they are called.
        let functions = modules.iter().flat_map(|&module| calls::functions(&self.text(module), language)).collect();
        let started = calls::calls(&text, language, functions);
        let mut uses = self.calls_in(id, started.calls, language);
        if !started.unknown.is_empty() || !modules.is_empty() {
            let none = FileUses { file: id, names: Vec::new(), logins: Vec::new(), unknown: Vec::new(), problem: None };
            let mut file = uses.pop().unwrap_or(none);
            file.unknown = started.unknown;
            file.names.extend(modules.into_iter().map(|entry| {
                let word = String::from_utf8_lossy(&self.tree.path(entry)).into_owned();
                Named { how: How::Reads, entry, line: 0, word, optional: false }
            }));
            uses.push(file);
        }
        uses
    }

    /// The language of the interpreter that a command line gives a file to.
    fn language_given(&self, id: Id) -> Option<calls::Language> {
        self.given_to(id, calls::of_interpreter)
    }

    /// The shell that a command line gives a file to.
    fn shell_given(&self, id: Id) -> Option<Dialect> {
        self.given_to(id, |word| match word.rsplit('/').next() {
            Some("sh") => Some(self.dialect_of_sh("/bin/sh")),
            name => dialect_of(name?),
        })
    }

    /// What is known of the nearest word in front of a file on a command line.
    fn given_to<T>(&self, id: Id, known: impl Fn(&str) -> Option<T>) -> Option<T> {
        let is = |word: &String| {
            let found = self.tree.resolve_from(self.working_directory(), word.as_bytes(), true);
            found.is_ok_and(|found| found.node == id)
        };
        self.lines().iter().find_map(|line| {
            let at = line.words.iter().position(is)?;
            line.words.get(..at)?.iter().rev().find_map(|word| known(word))
        })
    }

    /// The script that a word names, where a program of that name is its interpreter.
    fn run_by(&self, word: &str, program: &[u8]) -> Option<Id> {
        let script = self.tree.follow(self.runs(word, &[])?).ok()?.node;
        let Ok(Program::Script(shebang)) = self.commands.program(self.tree, self.contents, script) else { return None };
        let name = shebang.env_name.unwrap_or(shebang.interpreter);
        (name.rsplit(|&b| b == b'/').next() == Some(program)).then_some(script)
    }

    /// What the code names that a command line gives an interpreter as a word: `python3 -c CODE`, `awk PROGRAM`.
    fn calls_in_words(&self, id: Id) -> Vec<FileUses> {
        let name = self.tree.name(id);
        let Some(language) = std::str::from_utf8(name).ok().and_then(calls::of_interpreter) else { return Vec::new() };
        let mut found = Vec::new();
        for line in self.lines() {
            for word in configurations::behind(&line.words, name) {
                let code = word.contains(['(', '|', '`', '!', ' ']);
                if code && self.tree.resolve_from(self.working_directory(), word.as_bytes(), true).is_err() {
                    let calls = calls::calls(word, language, calls::Functions::new())
                        .calls
                        .into_iter()
                        .map(|(_, call)| (0, call))
                        .collect();
                    found.extend(self.calls_in(id, calls, language));
                }
            }
        }
        found
    }

    /// The entries that calls of a language name.
    fn calls_in(&self, id: Id, calls: Vec<(u32, calls::Call)>, language: calls::Language) -> Vec<FileUses> {
        let mut uses = FileUses { file: id, names: Vec::new(), logins: Vec::new(), unknown: Vec::new(), problem: None };
        for (line, call) in calls {
            let names = match call {
                calls::Call::Program(word) => {
                    let entry = self.runs(&word, &[]).into_iter();
                    entry
                        .map(|entry| Named { how: How::Runs, entry, line, word: word.clone(), optional: false })
                        .collect()
                }
                calls::Call::Line(text) => self.code_at(id, line, &text),
                calls::Call::Code(text) => {
                    let mut names = self.code_at(id, line, &text);
                    // A text that names no program may be anything, where the language is not known.
                    let is_code = !names.is_empty() || language != calls::Language::Other;
                    let needs = is_code && calls::needs_shell(language, &text);
                    let shell = self.runs("/bin/sh", &[]).filter(|_| needs);
                    let word = "/bin/sh".to_owned();
                    names.extend(shell.map(|entry| Named { how: How::Runs, entry, line, word, optional: false }));
                    names
                }
            };
            for name in names {
                if !uses.names.iter().any(|known| known.entry == name.entry) {
                    uses.names.push(name);
                }
            }
        }
        if uses.names.is_empty() { Vec::new() } else { vec![uses] }
    }

    /// The entries that code for a shell names, which stands in one line of a file.
    fn code_at(&self, id: Id, line: u32, text: &str) -> Vec<Named> {
        let mut code = Code::new(Dialect::Posix);
        let path = String::from_utf8_lossy(&self.tree.path(id)).into_owned();
        if code.read(text, &path).is_some() {
            return Vec::new();
        }
        let named = self.named(&[(id, None)], code).into_iter().flat_map(|file| file.names);
        named.map(|name| Named { line, ..name }).collect()
    }

    /// The entry that runs for a word in command position.
    fn runs(&self, word: &str, path: &[String]) -> Option<Id> {
        let tree = self.tree;
        if word.contains('/') {
            let found = tree.resolve_from(self.working_directory(), word.as_bytes(), true).ok()?;
            let runs =
                tree.is_file(found.node) && tree.permissions(found.node) & 0o111 != 0 && self.can_run(found.node);
            let entry = tree.resolve_from(self.working_directory(), word.as_bytes(), false).ok()?;
            return runs.then_some(entry.node);
        }
        let own = path.iter().filter_map(|directory| tree.resolve(directory.as_bytes()).ok());
        let mut own = own.filter_map(|found| tree.child(found.node, word.as_bytes()));
        let file = |&id: &Id| tree.follow(id).is_ok_and(|found| tree.is_file(found.node) && self.can_run(found.node));
        let found = self.commands.find_in_path(tree, word.as_bytes()).filter(file);
        found.or_else(|| own.find(file))
    }

    /// The files that are read for a word behind `.`, `source` or a shell's name.
    fn reads(&self, file: Id, one: &Use) -> Vec<Id> {
        let tree = self.tree;
        if glob::is_pattern(one.text.as_bytes()) {
            return self.scripts_at(file, &one.text);
        }
        let here = tree.resolve_from(self.working_directory(), one.text.as_bytes(), false).ok().map(|found| found.node);
        // Without a slash, PATH is searched; files there need no x bit.
        let in_path = || self.commands.path.iter().find_map(|&dir| tree.child(dir, one.text.as_bytes()));
        let found = if one.text.contains('/') { here } else { in_path().or(here) };
        found.into_iter().filter(|&id| tree.follow(id).is_ok_and(|found| tree.is_file(found.node))).collect()
    }

    /// The scripts of a directory, or of a pattern of files: what can be executed, and what has the name of a script.
    fn scripts_at(&self, file: Id, text: &str) -> Vec<Id> {
        let tree = self.tree;
        if !text.starts_with('/') || is_configuration(text) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for entry in glob::expand_in(tree, self.contents, file, text.trim_end_matches('/').as_bytes()) {
            let Ok(node) = tree.follow(entry).map(|found| found.node) else { continue };
            if tree.is_dir(node) {
                found.extend(tree.children(node));
            } else {
                found.push(entry);
            }
        }
        let script = |&id: &Id| {
            let named = tree.name(id).ends_with(b".sh") || tree.name(id).ends_with(b".envsh");
            let node = tree.follow(id).map(|found| found.node);
            node.is_ok_and(|node| {
                tree.is_file(node)
                    && !self.commands.is_in_directory(tree, node)
                    && self.can_run(node)
                    && (named || (tree.permissions(node) & 0o111 != 0 && self.is_program(node)))
            })
        };
        let within = |_: &Id| self.contents.spend(&CODE, LOOK, tree, file);
        found.into_iter().take_while(within).filter(script).take(MOST_SCRIPTS).collect()
    }

    /// The script at a path that a program gets: one that can be executed, outside of the command directories.
    fn script_given(&self, text: &str) -> Option<Id> {
        let found = self.tree.resolve(text.as_bytes()).ok()?;
        let executable = self.tree.is_file(found.node) && self.tree.permissions(found.node) & 0o111 != 0;
        if !executable || self.commands.is_in_directory(self.tree, found.node) || !self.can_run(found.node) {
            return None;
        }
        let program = self.commands.program(self.tree, self.contents, found.node).ok()?;
        matches!(program, Program::Script(_)).then_some(found.node)
    }

    /// Whether its interpreter is there: what could not run before is not what this run breaks.
    fn can_run(&self, id: Id) -> bool {
        match self.commands.program(self.tree, self.contents, id) {
            Ok(Program::Script(shebang)) => {
                let env = shebang.env_name.as_ref().filter(|name| !name.contains(&b'/'));
                self.tree.resolve_from(self.working_directory(), &shebang.interpreter, true).is_ok()
                    && env.is_none_or(|name| self.commands.find_in_path(self.tree, name).is_some())
            }
            _ => true,
        }
    }

    fn is_program(&self, id: Id) -> bool {
        let program = self.commands.program(self.tree, self.contents, id);
        program.is_ok_and(|program| program.is_program(self.tree, id, Place::Elsewhere))
    }

    fn working_directory(&self) -> Id {
        let path = self.policy.workdir.as_deref().unwrap_or("/");
        let found = self.tree.resolve(path.as_bytes()).map(|found| found.node).ok();
        found.filter(|&id| self.tree.is_dir(id)).unwrap_or(Id::ROOT)
    }

    /// The command lines of the image.
    pub(crate) fn lines(&self) -> &'a [CommandLine] {
        match &self.policy.run {
            Run::Commands(lines) => lines,
            Run::Unknown | Run::Nothing => &[],
        }
    }

    /// Every file that runs because the image's command runs, each with what it names: scripts, what they start, and
    /// the configurations of what they start, in the order found.
    #[must_use]
    pub(crate) fn reached(&self) -> Vec<FileUses> {
        let mut seen = BTreeSet::new();
        let mut queue = Vec::new();
        for line in self.lines() {
            let mut after_interpreter = false;
            for word in &line.words {
                let read = Use { kind: Kind::Reads, file: 0, line: 0, text: word.clone(), optional: false };
                let given = || {
                    let found = self.reads(Id::ROOT, &read).pop();
                    found.or_else(|| self.code_for(word, self.working_directory()))
                };
                let entry = self.runs(word, &[]).or_else(|| given().filter(|_| after_interpreter));
                after_interpreter = after_interpreter || is_interpreter(word);
                queue.extend(entry);
            }
        }
        let mut files = BTreeSet::new();
        let (mut found, mut read) = (self.mentioned(), 0);
        queue.extend(found.iter().flat_map(|file| &file.names).map(|name| name.entry));
        while let Some(entry) = queue.pop() {
            let Ok(node) = self.tree.follow(entry).map(|found| found.node) else { continue };
            if !seen.insert(node) {
                continue;
            }
            let mut uses = self.uses_of_word(node);
            // busybox as crond is known by the name that was written.
            if entry != node {
                uses.extend(self.calls_in_words(entry));
                uses.extend(starters::uses(self, entry));
            }
            read += uses.len();
            if read > MOST_READ
                && let Some(file) = uses.first_mut()
            {
                let problem = format!("the scripts that it leads to source more than {MOST_READ} files");
                file.problem.get_or_insert((0, problem));
                queue.clear();
            }
            for file in uses {
                if read <= MOST_READ {
                    queue.extend(file.names.iter().map(|name| name.entry));
                }
                // A program may have more than one configuration, and name services by itself.
                if file.file == node || files.insert(file.file) {
                    found.push(file);
                }
            }
        }
        found
    }

    /// What configurations that the command lines name mention by whole paths: programs and scripts. One whose keys are
    /// known, by a program file, says more than its words.
    fn mentioned(&self) -> Vec<FileUses> {
        let mut found = Vec::new();
        for (_, file) in self.given() {
            let mut names = self.paths_in(file);
            let text = self.text(file);
            if !text.contains('\0') {
                let calls = calls::calls(&text, calls::Language::Other, calls::Functions::new()).calls;
                names
                    .extend(self.calls_in(file, calls, calls::Language::Other).into_iter().flat_map(|file| file.names));
            }
            if !names.is_empty() {
                let (logins, unknown) = (Vec::new(), Vec::new());
                found.push(FileUses { file, names, logins, unknown, problem: None });
            }
        }
        found
    }

    /// Configurations that the command lines name, each once, of programs whose keys no program file knows.
    pub(crate) fn given(&self) -> Vec<(&'a CommandLine, Id)> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for line in self.lines() {
            if line.words.iter().any(|word| self.is_known(word) || is_interpreter(word)) {
                continue;
            }
            for word in line.words.iter().skip(1) {
                let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
                let Ok(file) = self.tree.resolve_from(self.working_directory(), path.as_bytes(), true) else {
                    continue;
                };
                let file = file.node;
                let plain = self.tree.is_file(file) && self.tree.permissions(file) & 0o111 == 0;
                if plain && path.contains('/') && !self.is_code(file) && seen.insert(file) {
                    found.push((line, file));
                }
            }
        }
        found
    }

    /// Whether a program file knows a configuration of the program that a word names.
    fn is_known(&self, word: &str) -> bool {
        let name = word.rsplit('/').next().unwrap_or_default();
        let known = self.policy.programs.of(name.as_bytes(), word.as_bytes());
        known.iter().any(|(program, _)| !program.configurations.is_empty())
    }

    /// The programs that a text mentions by their paths, outside of comments.
    fn paths_in(&self, file: Id) -> Vec<Named> {
        let text = self.text(file);
        if text.contains('\0') {
            return Vec::new();
        }
        let mut names: Vec<Named> = Vec::new();
        for (line, text) in (1_u32..).zip(text.lines()).filter(|(_, text)| !text.trim_start().starts_with(['#', ';'])) {
            let words = text.split(|c: char| c.is_whitespace() || "\"'=,;:()[]{}<>|&!`".contains(c));
            for word in words.filter(|word| word.starts_with('/') && word.len() > 1) {
                let entry = self
                    .runs(word, &[])
                    .filter(|&entry| self.tree.follow(entry).is_ok_and(|found| self.is_program(found.node)));
                if let Some(entry) = entry.filter(|&entry| !names.iter().any(|known| known.entry == entry)) {
                    names.push(Named { how: How::Runs, entry, line, word: word.to_owned(), optional: false });
                }
            }
        }
        names
    }

    /// A script without a first line of its own, which an interpreter was given to read.
    fn without_shebang(&self, id: Id) -> Vec<FileUses> {
        let name = self.tree.name(id);
        let script = self.tree.is_file(id) && (name.ends_with(b".sh") || name.ends_with(b".envsh"));
        let none =
            self.tree.is_file(id) && matches!(self.commands.program(self.tree, self.contents, id), Ok(Program::None));
        let dialect = if script { Some(Dialect::Bash) } else { self.shell_given(id) };
        match dialect.filter(|_| none) {
            Some(dialect) => self.shell(id, dialect),
            None => self.calls(id, true),
        }
    }

    /// Whether a file is code that runs, and no configuration of what runs.
    #[must_use]
    pub(crate) fn is_code(&self, id: Id) -> bool {
        let name = self.tree.name(id);
        self.tree.permissions(id) & 0o111 != 0
            || [&b".sh"[..], b".envsh"].iter().any(|end| name.ends_with(end))
            || calls::of_file(name).is_some()
            || self.language(id).is_some()
    }

    /// Path and line of a place, fit for a message.
    #[must_use]
    pub(crate) fn place(&self, file: Id, line: u32) -> String {
        let path = escaped(&self.tree.path(file));
        if line == 0 { path } else { format!("{path}:{line}") }
    }
}

/// What a shell reads, by its name; `sh` is another one everywhere.
fn dialect_of(name: &str) -> Option<Dialect> {
    match name {
        "bash" | "rbash" | "zsh" | "ksh" | "ksh93" | "mksh" | "lksh" | "yash" => Some(Dialect::Bash),
        "ash" => Some(Dialect::Ash),
        "dash" | "posh" | "openrc-run" | "runscript" => Some(Dialect::Posix),
        _ => None,
    }
}

/// The paths of a word without the variables that they begin with: `lib/x.jar` of `$APP_HOME/lib/x.jar`.
fn without_variables(word: &str) -> String {
    let part = |part: &str| match part.split_once('/') {
        Some((variable, rest)) if variable.starts_with('$') => rest.to_owned(),
        _ => part.to_owned(),
    };
    word.split(':').map(part).collect::<Vec<_>>().join(":")
}

fn is_shell(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    name == "sh" || dialect_of(name).is_some()
}

/// Whether a word names an interpreter that reads the file behind it.
#[must_use]
pub(crate) fn is_interpreter(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    is_shell(word) || matches!(name, "java" | "dotnet") || calls::of_interpreter(word).is_some()
}

/// Directories that end in `.d` and hold no scripts that this one starts: settings, and what an init would start.
fn is_configuration(path: &str) -> bool {
    const SETTINGS: [&str; 8] = ["init.d", "cron.d", "conf.d", "apt", "pam.d", "sudoers.d", "sysctl.d", "ld.so.conf.d"];
    let Some(path) = path.strip_prefix("/etc/") else { return false };
    // `cron.daily` is no part of `cron.d`; run levels are `rc3.d`.
    SETTINGS.contains(&path.split('/').next().unwrap_or_default()) || path.starts_with("rc")
}

/// Whether `[remove] commands` names it: it goes knowingly.
#[must_use]
pub(crate) fn is_told(policy: &Policy, tree: &Tree, name: &Named) -> bool {
    let path = tree.path(name.entry);
    let told = |value: &[u8]| value == tree.name(name.entry) || value == path || value == name.word.as_bytes();
    policy.remove.commands.iter().any(|entry| told(entry.value.as_bytes()))
}
