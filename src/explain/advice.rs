//! The policy entry that stops a rule from changing or removing a path: the narrowest one that works.
//!
//! This module suggests only entries that work: the tests try each form. For a name that cannot be written in TOML, or
//! that the policy would read as something else, it suggests `--disable RULE`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Explainer;
use crate::diag::{Keep, List};
use crate::draft::record::{Record, What};
use crate::facts::accounts::{Database, GID, UID};
use crate::rules::{self, Remedy};
use crate::tree::Id;

/// One entry of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Advice {
    /// The rule that it is about.
    pub rule: &'static str,
    /// A section and a line of harden.toml, as `[keep] commands = ["wget"]`.
    pub toml: String,
    /// The same as a flag, when there is one that needs no quoting.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub flag: String,
}

/// What to write against each rule that changes an entry, in the order of the rules.
pub(super) fn of(explainer: &Explainer<'_>, id: Id, records: &[&Record]) -> Vec<Advice> {
    let mut all: Vec<Advice> = Vec::new();
    for record in records {
        // One entry answers all that a rule does, but for the owner and the group of a file.
        if !all.iter().any(|advice| advice.rule == record.rule()) {
            against(explainer, id, record, records, &mut all);
        }
    }
    all
}

/// The entry of `[keep]` that keeps an entry from being removed.
pub(super) fn entry(explainer: &Explainer<'_>, id: Id) -> Option<Keep> {
    let writable = |value: &String| !value.contains('$');
    let command = explainer.examined.facts.commands.entries.contains_key(&id).then(|| command(explainer, id));
    let command = command.into_iter().flatten().find(writable).map(|name| Keep::new(List::Commands, name));
    command.or_else(|| path(explainer, id).into_iter().find(writable).map(|path| Keep::new(List::Paths, path)))
}

/// Nothing narrower than the rule itself.
pub(super) fn switch_off(rule: &'static str) -> Advice {
    Advice { rule, toml: format!("[rules] \"{rule}\" = \"off\""), flag: format!("--disable {rule}") }
}

fn against(explainer: &Explainer<'_>, id: Id, record: &Record, records: &[&Record], all: &mut Vec<Advice>) {
    let facts = &explainer.examined.facts;
    let (tree, rule) = (&facts.tree, record.rule());
    // The list of [keep] that helps, and the entries to add to it.
    let mut entry: (&'static str, Vec<String>) = ("paths", path(explainer, id));
    let remedy = rules::by_id(rule).map_or(Remedy::Switch, |rule| rule.remedy);
    match (remedy, &record.what) {
        (Remedy::Database, _) => {
            all.push(Advice { rule, toml: "[packages] database = \"keep\"".to_owned(), flag: String::new() });
            return;
        }
        (Remedy::Switch, _) => entry.1.clear(),
        (_, What::Remove) if facts.commands.entries.contains_key(&id) => {
            let command = command(explainer, id);
            if !command.is_empty() {
                entry = ("commands", command);
            }
        }
        (Remedy::SetId, _) => entry.0 = "setid",
        // A kept path that is a [files] path too would be refused as a contradiction.
        (Remedy::Files, _) if explainer.examined.zones.files.iter().any(|path| path.node == Some(id)) => {
            entry.1.clear()
        }
        (Remedy::Owner, What::Owner(before, after)) => {
            if before.0 != after.0 {
                all.extend(keep(rule, "users", &owner(explainer, Database::Passwd, UID, before.0)));
            }
            if before.1 == after.1 {
                return;
            }
            entry = ("groups", owner(explainer, Database::Group, GID, before.1));
        }
        // The bits come back with the account: its owner is the next record.
        (Remedy::Owner, _) => return,
        (_, What::Line(_)) => {
            let group = tree.name(id).ends_with(b"group") || tree.name(id) == b"gshadow";
            let key = match remedy {
                Remedy::Shell => "shells",
                Remedy::Account if group => "groups",
                _ => "users",
            };
            entry = (key, accounts(rule, remedy, records));
        }
        _ => {}
    }
    let mut advice = keep(rule, entry.0, &entry.1).unwrap_or_else(|| switch_off(rule));
    // `--keep` takes a program for a command, which keeps the file and not its mode.
    if entry.0 == "paths" && record.what != What::Remove && tree.is_file(id) && tree.permissions(id) & 0o111 != 0 {
        advice.flag.clear();
    }
    all.push(advice);
}

/// The accounts whose lines an account rule takes. A line that only becomes another one names no account that goes, but
/// for its shell.
fn accounts(rule: &str, remedy: Remedy, records: &[&Record]) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for record in records.iter().filter(|record| record.rule() == rule) {
        let What::Line(line) = &record.what else { continue };
        let Ok(name) = std::str::from_utf8(&line.account) else { continue };
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if plain && (remedy == Remedy::Shell || line.after.is_none()) {
            names.insert(name.to_owned());
        }
    }
    names.into_iter().collect()
}

/// The account or group of a number; the number itself when no account has it.
fn owner(explainer: &Explainer<'_>, database: Database, field: usize, id: u32) -> Vec<String> {
    let file = explainer.examined.facts.accounts.files.get(&database);
    let line = file.and_then(|file| file.lines.iter().find(|line| line.id(field) == Some(id)));
    let name = line.and_then(|line| String::from_utf8(line.name().to_vec()).ok());
    vec![name.unwrap_or_else(|| id.to_string())]
}

/// The path, unless the policy would take it for a pattern.
fn path(explainer: &Explainer<'_>, id: Id) -> Vec<String> {
    let path = String::from_utf8(explainer.examined.facts.tree.path(id)).ok();
    path.into_iter().filter(|path| !path.contains(['*', '?', '['])).collect()
}

/// The name of a command where that means this entry alone, else its path, which may be a pattern that matches itself.
fn command(explainer: &Explainer<'_>, id: Id) -> Vec<String> {
    let (tree, commands) = (&explainer.examined.facts.tree, &explainer.examined.facts.commands);
    let name = tree.name(id);
    let plain = !name.iter().any(|b| b.is_ascii_whitespace() || b"*?\\".contains(b)) && !name.starts_with(b"re:");
    let alone = commands.candidates(tree).filter(|&at| tree.name(at) == name).count() == 1;
    let bytes = if plain && alone { name.to_vec() } else { tree.path(id) };
    // A set does not match itself; the command `[` is a name.
    let set = name.len() > 1 && name.contains(&b'[');
    String::from_utf8(bytes).ok().into_iter().filter(|_| !set).collect()
}

/// `[keep] KEY = ["VALUE", …]`, unless there is nothing to write or a `$` in it, which would be refused.
fn keep(rule: &'static str, key: &str, values: &[String]) -> Option<Advice> {
    let mut toml = format!("[keep] {key} = [");
    let mut flag = String::new();
    for (at, value) in values.iter().enumerate() {
        if value.contains('$') {
            return None;
        }
        toml.push_str(if at > 0 { ", \"" } else { "\"" });
        string(&mut toml, value);
        toml.push('"');
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._+-,:@%=[".contains(&b);
        if matches!(key, "commands" | "paths") && value.bytes().all(plain) && !value.starts_with('-') {
            flag = format!("--keep {value}");
        }
    }
    toml.push(']');
    (!values.is_empty()).then_some(Advice { rule, toml, flag })
}

/// The inside of a TOML basic string in ASCII, so that no name forges output: `\UXXXXXXXX` (toml.io, "String").
fn string(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
}
