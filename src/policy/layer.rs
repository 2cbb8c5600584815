//! One source of the policy (flags, environment, file, image configuration, profile) and how sources add up.
//!
//! This module owns precedence and contradictions. It reads no text.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{KEYS, Kind};
use super::{
    Audit, CHECK_TIMEOUT, Check, CommandEntry, CommandLine, DATA, Database, Entry, Exception, Files, Image, Keep,
    Minimal, OwnCheck, Pattern, Policy, Remove, Run, RunUser, Start, Switch,
};
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::{Diagnostic, codes};
use crate::ordered;
use crate::programs::{Program, Programs};

/// Most entries of all lists of a policy together.
const MOST_ENTRIES: usize = 20_000;

/// Most comparisons of a pattern that keeps commands with an entry that removes one.
const MOST_PAIRS: usize = 1_000_000;

/// A single value and where it was written.
pub(super) type Located<T> = Option<(T, Origin)>;

/// What one source says. Nothing is decided yet.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Files whose layers are weaker than this one.
    pub(super) extends: Vec<Entry>,
    pub(super) profile: Located<String>,
    pub(super) strict: Located<bool>,
    pub(super) user: Located<RunUser>,
    /// Groups that the container engine looks up by name with the user; they count only when `user` does.
    pub(super) user_groups: Vec<Entry>,
    pub(super) home: Located<String>,
    pub(super) start: Located<Start>,
    pub(super) workdir: Located<String>,
    pub(super) path: Located<Vec<String>>,
    pub(super) library_path: Option<Vec<String>>,
    /// Variables of the image.
    pub(super) environment: Vec<(String, String)>,
    pub(super) volumes: Vec<String>,
    pub(super) image: Option<Image>,
    /// `none`, and where it was written.
    pub(super) nothing: Option<Origin>,
    pub(super) commands: Vec<CommandLine>,
    pub(super) keep_commands: Vec<CommandEntry>,
    pub(super) keep_users: Vec<Entry>,
    pub(super) keep_groups: Vec<Entry>,
    pub(super) keep_paths: Vec<Entry>,
    pub(super) keep_setid: Vec<Entry>,
    pub(super) keep_shells: Vec<Entry>,
    pub(super) from_scripts: Located<bool>,
    pub(super) remove_commands: Vec<Entry>,
    pub(super) remove_directories: Vec<Entry>,
    pub(super) read_only: Vec<Entry>,
    pub(super) writable: Vec<Entry>,
    pub(super) language_managers: Located<bool>,
    pub(super) openshift: Located<bool>,
    pub(super) database: Located<Database>,
    pub(super) minimal: Located<bool>,
    pub(super) by_file: Located<bool>,
    pub(super) data: [Located<Option<bool>>; DATA.len()],
    pub(super) packages: Vec<Entry>,
    /// `minimal.drop`.
    pub(super) drop: Vec<Entry>,
    pub(super) rules: Vec<Switch>,
    /// A time limit of 0 is one that was not written.
    pub(super) checks: Vec<Check>,
    pub(super) check_tcp: Located<u32>,
    pub(super) check_starts: Located<u32>,
    pub(super) check_timeout: Located<u32>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) own_checks: Vec<OwnCheck>,
    /// `audit.required`.
    pub(super) required: Vec<Entry>,
    /// `[programs] files`, and what was read of them.
    pub(super) program_files: Vec<Entry>,
    pub(super) programs: Vec<Program>,
}

/// Resolves layers, the strongest first, into one policy.
pub(super) fn resolve(layers: impl Iterator<Item = Layer>, problems: &mut Vec<Diagnostic>) -> Policy {
    let mut all = Layer::default();
    for layer in layers {
        all.add(layer, problems);
    }
    // What a profile keeps is an offer: a remove entry takes it back.
    let removed: Vec<String> = all.remove_commands.iter().map(|entry| entry.value.clone()).collect();
    all.keep_commands.retain(|entry| {
        !matches!(entry.origin, Origin::Profile(_)) || !removed.iter().any(|value| entry.pattern.covers(value))
    });
    all.settle_checks(problems);
    all.contradictions(problems);
    all.policy()
}

impl Layer {
    /// Adds a weaker layer: lists add up, a single value stays.
    fn add(&mut self, weaker: Self, problems: &mut Vec<Diagnostic>) {
        self.against(&weaker, problems);
        or(&mut self.profile, weaker.profile);
        or(&mut self.strict, weaker.strict);
        if self.user.is_none() {
            self.user = weaker.user;
            self.user_groups = weaker.user_groups;
        }
        or(&mut self.home, weaker.home);
        or(&mut self.start, weaker.start);
        or(&mut self.workdir, weaker.workdir);
        or(&mut self.path, weaker.path);
        or(&mut self.library_path, weaker.library_path);
        self.environment.extend(weaker.environment);
        self.volumes.extend(weaker.volumes);
        self.image = self.image.take().or(weaker.image);
        if let (Some(origin), Some(command)) = (&weaker.nothing, weaker.commands.first()) {
            problems.push(
                Diagnostic::at(
                    codes::CONTRADICTION,
                    origin,
                    format!("'none' cannot be combined with a command ({})", command.origin),
                )
                .help("write the commands, or 'none' alone"),
            );
        }
        // A stronger `none` ends the matter, as does a stronger command a weaker `none`.
        if self.nothing.is_none() {
            for command in weaker.commands {
                let known =
                    |other: &CommandLine| other.words == command.words && other.shell_form == command.shell_form;
                if !self.commands.iter().any(known) {
                    self.commands.push(command);
                }
            }
            if self.commands.is_empty() {
                self.nothing = weaker.nothing;
            }
        }
        let mut seen: BTreeSet<String> = self.keep_commands.iter().map(|entry| entry.text.clone()).collect();
        self.keep_commands.extend(weaker.keep_commands.into_iter().filter(|entry| seen.insert(entry.text.clone())));
        for (list, entries) in [
            (&mut self.keep_users, weaker.keep_users),
            (&mut self.keep_groups, weaker.keep_groups),
            (&mut self.keep_paths, weaker.keep_paths),
            (&mut self.keep_setid, weaker.keep_setid),
            (&mut self.keep_shells, weaker.keep_shells),
            (&mut self.remove_commands, weaker.remove_commands),
            (&mut self.remove_directories, weaker.remove_directories),
            (&mut self.read_only, weaker.read_only),
            (&mut self.writable, weaker.writable),
            (&mut self.packages, weaker.packages),
            (&mut self.drop, weaker.drop),
            (&mut self.program_files, weaker.program_files),
            (&mut self.required, weaker.required),
        ] {
            extend(list, entries);
        }
        or(&mut self.from_scripts, weaker.from_scripts);
        or(&mut self.language_managers, weaker.language_managers);
        or(&mut self.openshift, weaker.openshift);
        or(&mut self.database, weaker.database);
        or(&mut self.minimal, weaker.minimal);
        or(&mut self.by_file, weaker.by_file);
        for (stronger, weaker) in self.data.iter_mut().zip(weaker.data) {
            or(stronger, weaker);
        }
        for switch in weaker.rules {
            match self.rules.iter_mut().find(|own| own.rule == switch.rule) {
                None => self.rules.push(switch),
                // What is required stays so whoever switches it on again.
                Some(own) if switch.required => *own = switch,
                Some(_) => {}
            }
        }
        self.exceptions.extend(weaker.exceptions);
        // One of the same id replaces what an extended file says.
        let mut weaker_checks = weaker.own_checks;
        weaker_checks.retain(|check| self.own_checks.iter().all(|own| own.id != check.id));
        self.own_checks.extend(weaker_checks);
        self.programs.extend(weaker.programs);
        for check in weaker.checks {
            if !self.checks.iter().any(|other| other.is_same(&check)) {
                self.checks.push(check);
            }
        }
        or(&mut self.check_tcp, weaker.check_tcp);
        or(&mut self.check_starts, weaker.check_starts);
        or(&mut self.check_timeout, weaker.check_timeout);
    }

    /// What a weaker layer requires and this one takes back.
    fn against(&self, weaker: &Self, problems: &mut Vec<Diagnostic>) {
        let mut refuse = |origin: &Origin, text: String, required: &Origin, help: &str| {
            let text = format!("{text}, and {required} requires it");
            problems.push(Diagnostic::at(codes::REQUIRED, origin, text).help(help));
        };
        for required in weaker.rules.iter().filter(|switch| switch.required) {
            if let Some(off) = self.rules.iter().find(|own| own.rule == required.rule && !own.on) {
                let text = format!("the rule {} is switched off", quote(&off.rule));
                let help = "delete this, and name in [keep] what the rule must leave alone";
                refuse(&off.origin, text, &required.origin, help);
            }
        }
        for required in &weaker.required {
            for exception in self.exceptions.iter().filter(|exception| exception.id == required.value) {
                let text = format!("an exception is made for the check {}", quote(&exception.id));
                let help = "delete the exception and fix the finding, or ask for the exception in the file that requires the check";
                refuse(&exception.origin, text, &required.origin, help);
            }
            let there = weaker.own_checks.iter().any(|check| check.id == required.value);
            for check in self.own_checks.iter().filter(|check| there && check.id == required.value) {
                let text = format!("the check {} is replaced", quote(&check.id));
                refuse(&check.origin, text, &required.origin, "give this check another id");
            }
        }
    }

    /// Gives every check its command and its time limit.
    fn settle_checks(&mut self, problems: &mut Vec<Diagnostic>) {
        if let Some((port, origin)) = &self.check_tcp {
            let tcp = u16::try_from(*port).ok();
            self.checks.push(Check { argv: Vec::new(), tcp, starts: None, timeout: 0, origin: origin.clone() });
        }
        if let Some((seconds, origin)) = &self.check_starts {
            let starts = Some(*seconds);
            self.checks.push(Check { argv: Vec::new(), tcp: None, starts, timeout: 0, origin: origin.clone() });
        }
        let timeout = self.check_timeout.as_ref().map_or(CHECK_TIMEOUT, |(seconds, _)| *seconds);
        for check in &mut self.checks {
            if check.timeout == 0 {
                check.timeout = timeout;
            }
            if !check.argv.is_empty() {
                continue;
            }
            match self.commands.first() {
                Some(command) => check.argv.clone_from(&command.argv),
                None => problems.push(
                    Diagnostic::at(
                        codes::CONTRADICTION,
                        &check.origin,
                        match check.tcp {
                            Some(_) => "the check on a TCP port has nothing to start: the policy names no command",
                            None => "the check with 'starts' has nothing to start: the policy names no command",
                        },
                    )
                    .help(
                        match check.tcp {
                            Some(_) => "write the image's command to run.command, or { command = [\"…\"], tcp = … } to check.commands",
                            None => "write the image's command to run.command, or { command = [\"…\"], starts = … } to check.commands",
                        },
                    ),
                ),
            }
        }
    }

    /// The entry beyond those that a policy may have: each is compared with all names of the image, and with others.
    fn beyond(&self) -> Option<&Origin> {
        let lists = [
            &self.keep_users,
            &self.keep_groups,
            &self.keep_paths,
            &self.keep_setid,
            &self.keep_shells,
            &self.remove_commands,
            &self.remove_directories,
            &self.read_only,
            &self.writable,
            &self.packages,
            &self.drop,
        ];
        let commands = self.keep_commands.iter().map(|entry| &entry.origin);
        commands.chain(lists.into_iter().flatten().map(|entry| &entry.origin)).nth(MOST_ENTRIES)
    }

    /// Entries that cannot both hold.
    fn contradictions(&self, problems: &mut Vec<Diagnostic>) {
        if let Some(origin) = self.beyond() {
            let text = format!("the policy has more than {MOST_ENTRIES} entries");
            problems.push(
                Diagnostic::at(codes::BUDGET, origin, text)
                    .help("write patterns, or directories instead of their files"),
            );
            return;
        }
        let patterns =
            self.keep_commands.iter().filter(|kept| matches!(kept.pattern, Pattern::Glob(_) | Pattern::Regex(_)));
        if let Some(entry) =
            self.remove_commands.first().filter(|_| patterns.count() * self.remove_commands.len() > MOST_PAIRS)
        {
            let text = format!(
                "the patterns of keep.commands and the entries of remove.commands are more than {MOST_PAIRS} pairs"
            );
            problems.push(
                Diagnostic::at(codes::BUDGET, &entry.origin, text)
                    .help("write fewer patterns in keep.commands, or fewer entries in remove.commands"),
            );
            return;
        }
        for entry in &self.remove_commands {
            if let Some(kept) = self.keep_commands.iter().find(|kept| kept.pattern.covers(&entry.value)) {
                problems.push(
                    Diagnostic::at(
                        codes::CONTRADICTION,
                        &entry.origin,
                        format!(
                            "remove.commands: {} is kept by {} ({})",
                            quote(&entry.value),
                            quote(&kept.text),
                            kept.origin
                        ),
                    )
                    .help("delete one of the two entries: keep beats remove"),
                );
            }
        }
        let read_only = first_of_each(&self.read_only);
        for entry in &self.writable {
            if let Some(other) = read_only.get(entry.value.as_str()) {
                problems.push(
                    Diagnostic::at(
                        codes::CONTRADICTION,
                        &entry.origin,
                        format!("files.writable: {} is read-only too ({})", quote(&entry.value), other.origin),
                    )
                    .help("delete one of the two entries"),
                );
            }
        }
        let kept_paths = first_of_each(self.keep_paths.iter().filter(|kept| !kept.change));
        for (key, list) in [("files.writable", &self.writable), ("files.read-only", &self.read_only)] {
            for entry in list {
                if let Some(kept) = kept_paths.get(entry.value.as_str()) {
                    problems.push(
                        Diagnostic::at(
                            codes::CONTRADICTION,
                            &entry.origin,
                            format!(
                                "{key}: {} is in keep.paths ({}), so nothing may change it",
                                quote(&entry.value),
                                kept.origin
                            ),
                        )
                        .help("delete one of the two entries, or add change = true to the entry in keep.paths: then harden only keeps it from removal"),
                    );
                }
            }
        }
    }

    /// Where each single value was written, by its key.
    fn origins(&self) -> BTreeMap<String, Origin> {
        fn of<T>(located: &Located<T>) -> Option<Origin> {
            located.as_ref().map(|(_, origin)| origin.clone())
        }
        let single = [
            ("profile", of(&self.profile)),
            ("strict", of(&self.strict)),
            ("mode", of(&self.minimal)),
            ("run.user", of(&self.user)),
            ("run.home", of(&self.home)),
            ("run.start", of(&self.start)),
            ("run.workdir", of(&self.workdir)),
            ("run.path", of(&self.path)),
            ("run.command", self.nothing.clone()),
            ("keep.from-scripts", of(&self.from_scripts)),
            ("remove.language-managers", of(&self.language_managers)),
            ("files.openshift", of(&self.openshift)),
            ("packages.database", of(&self.database)),
            ("minimal.granularity", of(&self.by_file)),
        ];
        let data = KEYS.iter().filter_map(|key| match key.kind {
            Kind::Data(at) => Some((key.path(), self.data.get(at).and_then(of))),
            _ => None,
        });
        let all = single.into_iter().map(|(key, origin)| (key.to_owned(), origin)).chain(data);
        ordered::map(all.filter_map(|(key, origin)| Some((key, origin?))))
    }

    fn policy(mut self) -> Policy {
        let origins = self.origins();
        let run = if !self.commands.is_empty() {
            Run::Commands(self.commands)
        } else if self.nothing.is_some() {
            Run::Nothing
        } else {
            Run::Unknown
        };
        extend(&mut self.keep_groups, self.user_groups);
        self.rules.sort_by(|one, other| one.rule.cmp(&other.rule));
        let volumes = BTreeSet::from_iter(self.volumes).into_iter().collect();
        Policy {
            profile: value(self.profile),
            user_origin: self.user.as_ref().map(|(_, origin)| origin.clone()),
            user: value(self.user),
            home: value(self.home),
            run,
            workdir: value(self.workdir),
            path: value(self.path).unwrap_or_default(),
            library_path: self.library_path,
            environment: self.environment,
            start: value(self.start).unwrap_or_default(),
            keep: Keep {
                commands: self.keep_commands,
                users: self.keep_users,
                groups: self.keep_groups,
                paths: self.keep_paths,
                setid: self.keep_setid,
                shells: self.keep_shells,
                from_scripts: value(self.from_scripts).unwrap_or_default(),
            },
            remove: Remove {
                commands: self.remove_commands,
                directories: self.remove_directories,
                language_managers: value(self.language_managers).unwrap_or_default(),
            },
            files: Files {
                read_only: self.read_only,
                writable: self.writable,
                openshift: value(self.openshift).unwrap_or_default(),
            },
            database: value(self.database).unwrap_or_default(),
            minimal: Minimal {
                on: value(self.minimal).unwrap_or_default(),
                files: value(self.by_file).unwrap_or_default(),
                data: self.data.map(|kind| value(kind).flatten()),
                packages: self.packages,
                drop: self.drop,
            },
            rules: self.rules,
            origins,
            strict: value(self.strict).unwrap_or_default(),
            volumes,
            image: self.image,
            checks: self.checks,
            blind: false,
            audit: Audit { exceptions: self.exceptions, checks: self.own_checks, required: self.required },
            programs: Programs { own: self.programs },
            program_files: self.program_files,
        }
    }
}

fn value<T>(located: Located<T>) -> Option<T> {
    located.map(|(value, _)| value)
}

fn or<T>(stronger: &mut Option<T>, weaker: Option<T>) {
    if stronger.is_none() {
        *stronger = weaker;
    }
}

/// Entries by their values, of equal ones the first.
fn first_of_each<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> BTreeMap<&'a str, &'a Entry> {
    let mut first = BTreeMap::new();
    for entry in entries {
        first.entry(entry.value.as_str()).or_insert(entry);
    }
    first
}

/// Adds the entries that are not there yet; a stronger one stands for a weaker one of the same value.
fn extend(list: &mut Vec<Entry>, entries: Vec<Entry>) {
    let mut seen: BTreeSet<String> = list.iter().map(|entry| entry.value.clone()).collect();
    list.extend(entries.into_iter().filter(|entry| seen.insert(entry.value.clone())));
}
