//! What to write so that a rule leaves an entry as it is: the narrowest entry that does.
//!
//! Only what really works is said: each form is tried by the tests. A name that cannot be written in TOML, or that
//! the policy would take for something else, leaves `--disable RULE`.

use serde::Serialize;

use super::Explainer;
use crate::collect::set;
use crate::facts::accounts::{Database, GID, UID};
use crate::facts::tree::{Id, Tree};
use crate::plan::record::{Record, What};

/// One entry of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
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
        let known = all.iter().any(|advice| advice.rule == record.rule);
        let lines = matches!(record.what, What::Line(_));
        if known && (lines || !matches!(record.what, What::Owner(..))) {
            continue;
        }
        for advice in one(explainer, id, record, records) {
            if !all.contains(&advice) {
                all.push(advice);
            }
        }
    }
    all
}

/// Against the rules of these records, nothing narrower than the rule itself.
pub(super) fn of_rules(records: &[&Record]) -> Vec<Advice> {
    records.first().map(|record| vec![switch_off(record.rule)]).unwrap_or_default()
}

fn one(explainer: &Explainer<'_>, id: Id, record: &Record, records: &[&Record]) -> Vec<Advice> {
    let tree = &explainer.examined.facts.tree;
    let rule = record.rule;
    let path = || {
        let mut advice = keep(rule, "paths", tree.path(id)).unwrap_or_else(|| switch_off(rule));
        // `--keep` takes a program for a command, which keeps the file and not its mode.
        if record.what != What::Remove && tree.is_file(id) && tree.permissions(id) & 0o111 != 0 {
            advice.flag.clear();
        }
        advice
    };
    match (rule, &record.what) {
        ("packages.database", _) => {
            vec![Advice { rule, toml: "[packages] database = \"keep\"".to_owned(), flag: String::new() }]
        }
        ("remove.self" | "accounts.user" | "accounts.lock" | "login.defaults", _) => vec![switch_off(rule)],
        (_, What::Remove) if explainer.examined.facts.commands.entries.contains_key(&id) => {
            vec![command(explainer, rule, id).unwrap_or_else(path)]
        }
        ("files.setid" | "files.capabilities", _) => {
            vec![keep(rule, "setid", tree.path(id)).unwrap_or_else(|| switch_off(rule))]
        }
        ("files.ownerless", What::Owner(before, after)) => {
            let user = number(explainer, rule, Database::Passwd, before.0).filter(|_| before.0 != after.0);
            let group = number(explainer, rule, Database::Group, before.1).filter(|_| before.1 != after.1);
            user.into_iter().chain(group).collect()
        }
        // A kept path that is a [files] path too would be refused as a contradiction.
        ("files.app", _) if explainer.examined.zones.files.iter().any(|path| path.node == Some(id)) => {
            vec![switch_off(rule)]
        }
        // The bits come back with the account: its owner is the next record.
        ("files.ownerless", _) => Vec::new(),
        (_, What::Line(_)) => lines(rule, tree, id, records).into_iter().collect(),
        _ => vec![path()],
    }
}

/// Against a rule that takes or edits lines of an account file: the accounts that lose something.
fn lines(rule: &'static str, tree: &Tree, id: Id, records: &[&Record]) -> Option<Advice> {
    let group = tree.name(id).ends_with(b"group") || tree.name(id) == b"gshadow";
    let key = match rule {
        "accounts.shell" => "shells",
        "accounts.prune" if group => "groups",
        "accounts.prune" => "users",
        _ => return Some(switch_off(rule)),
    };
    let wanted = |record: &&&Record| record.rule == rule;
    let names = records.iter().filter(wanted).filter_map(|record| match &record.what {
        // A line that only becomes another one names nobody that goes.
        What::Line(states) if rule == "accounts.shell" || states.1 == "gone" => {
            states.0.split_once(':').map(|(name, _)| name).filter(|name| is_account_name(name))
        }
        _ => None,
    });
    let names: Vec<String> = set(names).into_iter().map(string).collect();
    let toml = format!("[keep] {key} = [{}]", names.join(", "));
    if names.is_empty() { Some(switch_off(rule)) } else { Some(Advice { rule, toml, flag: String::new() }) }
}

fn is_account_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// Keep the account or group of a number; the number itself when no account has it.
fn number(explainer: &Explainer<'_>, rule: &'static str, database: Database, id: u32) -> Option<Advice> {
    let field = if database == Database::Passwd { UID } else { GID };
    let file = explainer.examined.facts.accounts.files.get(&database);
    let line = file.and_then(|file| file.lines.iter().find(|line| line.id(field) == Some(id)));
    let name = line.map(|line| line.name().to_vec()).unwrap_or_else(|| id.to_string().into_bytes());
    keep(rule, if database == Database::Passwd { "users" } else { "groups" }, name)
}

/// Keep a command: by its name where that means this entry alone, else by its path.
fn command(explainer: &Explainer<'_>, rule: &'static str, id: Id) -> Option<Advice> {
    let (tree, commands) = (&explainer.examined.facts.tree, &explainer.examined.facts.commands);
    let name = tree.name(id);
    let plain = !name.iter().any(|b| b.is_ascii_whitespace() || b"*?\\".contains(b)) && !name.starts_with(b"re:");
    let alone = commands.candidates(tree).filter(|&at| tree.name(at) == name).count() == 1;
    keep(rule, "commands", if plain && alone { name.to_vec() } else { tree.path(id) })
}

/// `[keep] KEY = ["VALUE"]`, unless the value cannot be written.
fn keep(rule: &'static str, key: &str, value: Vec<u8>) -> Option<Advice> {
    // A `$` would be refused, since exec form expands nothing, and so would a pattern that is no command; one with a
    // set does not match itself. The command `[` is no pattern.
    let set = value.contains(&b'[') && value != b"[";
    let pattern = key != "commands" && (value.contains(&b'*') || value.contains(&b'?'));
    let text = String::from_utf8(value).ok().filter(|text| !text.contains('$') && !set && !pattern)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._+-,:@%=[".contains(&b);
    let flag = matches!(key, "commands" | "paths") && text.bytes().all(plain) && !text.starts_with('-');
    let toml = format!("[keep] {key} = [{}]", string(&text));
    Some(Advice { rule, toml, flag: if flag { format!("--keep {text}") } else { String::new() } })
}

fn switch_off(rule: &'static str) -> Advice {
    Advice { rule, toml: format!("[rules] \"{rule}\" = \"off\""), flag: format!("--disable {rule}") }
}

/// A TOML basic string in ASCII, so that no name forges output: `\uXXXX` and `\UXXXXXXXX` (toml.io, "String").
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
