//! Accounts and groups that configurations of kept programs name: configuration files at their usual places, files and
//! options on the image's command lines, and kept shell scripts.
//!
//! The program files define these files, keys and options. harden sees only literal names; it does not guess the value
//! of a variable. This module does not know which accounts are removed.

mod code;

use std::collections::BTreeSet;

use crate::diag::escape::escaped;
use crate::facts::commands::Commands;
use crate::policy::{CommandLine, Policy, Run, Start};
use crate::programs::{Configuration, Lookup, Part, Syntax, When, account_settings, command_settings, option_values};
use crate::scripts::Reader;
use crate::tree::contents::Contents;
use crate::tree::glob::Glob;
use crate::tree::{Id, Tree, glob};

/// One name in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountUse {
    /// It names a group rather than an account.
    pub group: bool,
    /// The name.
    pub name: String,
    /// File and line, or the origin of a command line, fit for a message.
    pub place: String,
    /// The kept program that looks the name up.
    pub program: Id,
    /// No configuration names it: the name is compiled in, says the program file that is the place.
    pub looked_up: bool,
}

/// What all of it is read from.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// The content of files.
    pub contents: &'a dyn Contents,
    /// What can be run by name.
    pub commands: &'a Commands,
    /// What stays.
    pub kept: &'a BTreeSet<Id>,
    /// The image's command lines.
    pub policy: &'a Policy,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input over {} entries", self.tree.len())
    }
}

/// Every name that a configuration of a kept program uses, and those that it looks up when it is told of none, each
/// place once.
#[must_use]
pub(crate) fn account_uses(input: &Input<'_>) -> Vec<AccountUse> {
    let mut found: Vec<AccountUse> = Vec::new();
    let reader = Reader { tree: input.tree, contents: input.contents, commands: input.commands, policy: input.policy };
    let programs = &input.policy.programs;
    let mut scripts_read = BTreeSet::new();
    // A file that cannot be run is no program of that name: `/etc/pam.d/dovecot`.
    let runs = |id: Id| input.tree.is_link(id) || (input.tree.is_file(id) && input.tree.permissions(id) & 0o111 != 0);
    for &program in input.kept.iter().filter(|&&id| runs(id)) {
        let name = input.tree.name(program);
        for (known, version) in programs.of(name, &input.tree.path(program)) {
            let mut told: BTreeSet<String> = BTreeSet::new();
            for configuration in &known.configurations {
                let mut files = files(&reader, name, version, configuration);
                let (mut at, mut seen) = (0, BTreeSet::new());
                while let Some(&id) = files.get(at) {
                    at += 1;
                    if !input.tree.is_file(id) || !seen.insert(id) {
                        continue;
                    }
                    let (path, text) = (escaped(&input.tree.path(id)), reader.text(id));
                    for (_, part) in command_settings(configuration, &text) {
                        if let Part::Include(patterns) = part {
                            let more = included(&reader, id, &patterns).into_iter();
                            files.extend(more.filter_map(|id| input.tree.follow(id).ok()).map(|found| found.node));
                        }
                    }
                    for (line, group, name, key) in account_settings(configuration, &text) {
                        told.insert(key);
                        if !name.is_empty() {
                            let place = format!("{path}:{line}");
                            found.push(AccountUse { group, name, place, program, looked_up: false });
                        }
                    }
                }
            }
            if input.commands.is_in_directory(input.tree, program) {
                let looked_up = known.accounts.iter().filter(|account| input.looks_up(account, name, &told));
                found.extend(looked_up.map(|account| AccountUse {
                    group: account.group,
                    name: account.name.clone(),
                    place: known.file.clone(),
                    program,
                    looked_up: true,
                }));
            }
        }
        for (file, language) in reader.code(program) {
            if scripts_read.insert(file) {
                let path = escaped(&input.tree.path(file));
                let uses = code::uses(&reader.text(file), language, programs).into_iter();
                found.extend(uses.map(|(line, group, name)| {
                    let place = format!("{path}:{line}");
                    AccountUse { group, name, place, program, looked_up: false }
                }));
            }
        }
    }
    for line in reader.lines() {
        found.extend(input.command_line(line));
    }
    for (line, file) in reader.given() {
        let Some(program) = line.words.first().and_then(|word| input.program(word)) else { continue };
        let path = escaped(&input.tree.path(file));
        found.extend(settings_of_accounts(&reader.text(file)).into_iter().map(|(line, group, name)| AccountUse {
            group,
            name,
            place: format!("{path}:{line}"),
            program,
            looked_up: false,
        }));
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert(one.clone()));
    found
}

/// Names of accounts, and of groups where it is true, in a configuration whose keys no file knows: the whole value of
/// a key that speaks of a user or a group of the system, as `run-as-user = nobody`.
fn settings_of_accounts(text: &str) -> Vec<(u32, bool, String)> {
    // Users of databases and of services.
    const OTHERS: [&str; 9] = ["name", "db", "sql", "auth", "pass", "ldap", "admin", "mail", "agent"];
    let mut found = Vec::new();
    for (line, text) in (1_u32..).zip(text.lines().map(str::trim)) {
        let Some((key, value)) = text.split_once(|c: char| c.is_whitespace() || "=:".contains(c)) else { continue };
        let key = key.trim_matches('"').to_ascii_lowercase();
        let group = key.contains("group") || key.ends_with("gid");
        let speaks = group || key.contains("user") || key.ends_with("uid");
        let value = value.trim_matches(|c: char| c.is_whitespace() || "=:;,\"'".contains(c));
        let is_name = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if speaks && is_name && !key.starts_with(['#', ';']) && !OTHERS.iter().any(|other| key.contains(other)) {
            found.push((line, group, value.to_owned()));
        }
    }
    found
}

impl Input<'_> {
    /// Whether a program looks an account up by itself, with these keys in its configuration.
    fn looks_up(&self, account: &Lookup, program: &[u8], told: &BTreeSet<String>) -> bool {
        let lines = match &self.policy.run {
            Run::Commands(lines) => lines.as_slice(),
            Run::Unknown | Run::Nothing => &[],
        };
        let option = |option: &String| {
            option.starts_with('-')
                && lines.iter().any(|line| {
                    let words = behind(&line.words, program);
                    words.iter().any(|word| word.starts_with(option.as_str()))
                })
        };
        (account.when != When::Root || self.policy.start == Start::Root)
            && !account.unless.iter().any(|key| told.contains(key) || option(key))
    }

    /// What the words of a command line say: options of a known program, and the words of those that drop privileges.
    fn command_line(&self, line: &CommandLine) -> Vec<AccountUse> {
        let Some(program) = line.words.iter().find_map(|word| self.program(word)) else { return Vec::new() };
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        let place = format!("the command in {}", line.origin);
        let names = code::dropped_to(&words, &self.policy.programs).into_iter();
        names.map(|(group, name)| AccountUse { group, name, place: place.clone(), program, looked_up: false }).collect()
    }

    /// The kept program that a word starts.
    fn program(&self, word: &str) -> Option<Id> {
        let entry = if word.contains('/') {
            self.tree.resolve(word.as_bytes()).ok()?.node
        } else {
            self.commands.find_in_path(self.tree, word.as_bytes())?
        };
        self.kept.contains(&entry).then_some(entry)
    }
}

/// The words behind a program in a command line; none where it is not named.
pub(super) fn behind<'w>(words: &'w [String], program: &[u8]) -> Vec<&'w str> {
    let is = |word: &&String| base_name(word).as_bytes() == program;
    words.iter().skip_while(|word| !is(word)).skip(1).map(String::as_str).collect()
}

/// The files of one configuration of a program: those at the usual places, or those that every command line that
/// starts it names instead; and files among its other arguments.
pub(crate) fn files(reader: &Reader<'_>, program: &[u8], version: &str, configuration: &Configuration) -> Vec<Id> {
    let tree = reader.tree;
    let (mut named, mut instead) = (0, 0);
    let mut given = Vec::new();
    for line in reader.lines().iter().filter(|line| line.words.iter().any(|word| base_name(word).as_bytes() == program))
    {
        named += 1;
        let words = behind(&line.words, program);
        let mut paths: Vec<&str> =
            configuration.instead.iter().flat_map(|option| option_values(option, &words)).collect();
        if configuration.argument {
            paths.extend(
                words
                    .iter()
                    .filter(|word| word.starts_with('/') || word.contains('.'))
                    .filter(|word| !word.starts_with('-')),
            );
        }
        paths.retain(|path| !path.is_empty());
        instead += usize::from(!paths.is_empty());
        let base = directory(reader, program, configuration);
        given.extend(paths.into_iter().flat_map(|path| at(reader, base, path, configuration)));
        // Any other argument that is a file may be one more.
        for word in words {
            let path = word.split_once('=').map_or(word, |(_, value)| value);
            let found = if path.starts_with('/') { at(reader, base, path, configuration) } else { Vec::new() };
            let started = configuration.syntax == Syntax::Programs;
            given.extend(found.into_iter().filter(|&id| started || tree.permissions(id) & 0o111 == 0));
        }
    }
    let mut files = Vec::new();
    if named == 0 || instead < named {
        let here = String::from_utf8_lossy(&tree.path(directory(reader, program, configuration))).into_owned();
        let whole = |pattern: String| {
            if pattern.starts_with('/') { pattern } else { format!("{}/{pattern}", here.trim_end_matches('/')) }
        };
        let usual = configuration.usual(version).into_iter().map(whole);
        files.extend(usual.flat_map(|pattern| glob::expand_as_shell(tree, pattern.as_bytes())));
    }
    let except: Vec<Glob> = configuration.except.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
    files.retain(|&id| !except.iter().any(|glob| glob.matches(&tree.path(id))));
    files.extend(given);
    let mut seen = BTreeSet::new();
    let real = |id: Id| tree.follow(id).ok().map(|found| found.node);
    files.retain(|&id| real(id).is_some_and(|id| tree.is_file(id) && !tree.meta(id).mount && seen.insert(id)));
    files
}

/// The files that a configuration includes by these patterns, relative to it.
pub(super) fn included(reader: &Reader<'_>, file: Id, patterns: &str) -> Vec<Id> {
    let directory = reader.tree.path(reader.tree.parent(file));
    let directory = String::from_utf8_lossy(&directory).into_owned();
    let whole = |pattern: &str| {
        let pattern = pattern.replace("%(here)s", &directory);
        if pattern.starts_with('/') { pattern } else { format!("{directory}/{pattern}") }
    };
    let patterns = patterns.split_whitespace().map(whole);
    patterns.flat_map(|pattern| glob::expand_in(reader.tree, reader.contents, file, pattern.as_bytes())).collect()
}

/// The directory in which relative files of a program lie: that of an option on a command line, or the image's.
fn directory(reader: &Reader<'_>, program: &[u8], configuration: &Configuration) -> Id {
    let given = reader.lines().iter().find_map(|line| {
        let words = behind(&line.words, program);
        configuration.directory.iter().find_map(|option| option_values(option, &words).last().copied())
    });
    let base = reader.working_directory();
    let found = given.and_then(|path| reader.tree.resolve_from(base, path.as_bytes(), true).ok());
    found.map_or(base, |found| found.node)
}

/// The files that a path on a command line means: itself, or what lies in the directory.
fn at(reader: &Reader<'_>, base: Id, path: &str, configuration: &Configuration) -> Vec<Id> {
    let tree = reader.tree;
    let Ok(found) = tree.resolve_from(base, path.as_bytes(), true) else { return Vec::new() };
    if tree.is_file(found.node) {
        return vec![found.node];
    }
    // Of a directory of services all that runsv(8) and s6-supervise(8) start, the logger of a service included.
    const SERVICES: [&str; 6] = ["*/run", "*/finish", "*/check", "*/log/run", "*/log/finish", "*/control/*"];
    let below: Vec<&str> = match configuration.syntax {
        _ if !configuration.below.is_empty() => configuration.below.iter().map(String::as_str).collect(),
        Syntax::Programs => SERVICES.to_vec(),
        _ => vec!["*"],
    };
    let directory = String::from_utf8_lossy(&tree.path(found.node)).into_owned();
    let directory = directory.trim_end_matches('/');
    let patterns = below.iter().map(|below| format!("{directory}/{below}"));
    patterns.flat_map(|pattern| glob::expand_as_shell(tree, pattern.as_bytes())).collect()
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}
