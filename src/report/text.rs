//! The report for people: the changes, rule by rule, and a closing table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::amount::{counted, number, size};
use super::closing;
use super::json::{Outcome, State, Status};
use super::runtime::Runtime;
use super::sizes;
use crate::console::Volume;
use crate::diag::escape;
use crate::draft::record::{Record, Target, What};
use crate::inventory::freed::Freed;
use crate::pipeline::Examined;
use crate::rules::RULES;
use crate::shell;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

/// Changes of one rule shown without `-v`.
const SHOWN: usize = 12;

/// The whole report.
#[must_use]
pub(crate) fn document(examined: &Examined, runtime: &Runtime, status: &Status, volume: Volume) -> String {
    let mut out = String::new();
    if status.state == State::Refused {
        return out;
    }
    if status.command == "plan" || volume == Volume::Verbose {
        changes(&mut out, examined, volume);
        kept(&mut out, examined, volume);
    }
    applets(&mut out, examined, volume);
    for path in &examined.facts.commands.other_path {
        let _ = writeln!(
            out,
            "left unchanged, as part of the application: PATH directory '{}'",
            escape::escaped(path.as_bytes())
        );
    }
    for note in &examined.plan.notes {
        let _ = writeln!(out, "note: {}", note.text);
    }
    checks(&mut out, status);
    database(&mut out, examined);
    sizes::text(&mut out, examined, volume);
    table(&mut out, examined, status);
    closing::text(&mut out, examined, runtime, status);
    out
}

/// Every rule with its first changes, a removed directory standing for what is in it.
fn changes(out: &mut String, examined: &Examined, volume: Volume) {
    for rule in RULES {
        let of_rule: Vec<&Record> = examined.plan.records.iter().filter(|record| record.rule() == rule.id).collect();
        if of_rule.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{}: {}", rule.id, rule.title);
        let tree = &examined.facts.tree;
        let entry = |record: &Record| match &record.target {
            Target::Entry(id) => Some(*id),
            Target::New(path) => tree.lookup(path),
        };
        let mut removed = IdSet::default();
        for id in of_rule.iter().filter(|record| record.what == What::Remove).filter_map(|record| entry(record)) {
            if tree.is_dir(id) {
                removed.insert(id);
            }
        }
        let inside = |record: &Record| {
            entry(record).is_some_and(|id| tree.ancestors(id).skip(1).any(|above| removed.contains(above)))
        };
        let visible = of_rule.iter().filter(|record| volume == Volume::Verbose || !inside(record));
        let visible: Vec<&&Record> = visible.collect();
        let limit = if volume == Volume::Verbose { usize::MAX } else { SHOWN };
        for record in visible.iter().take(limit) {
            let _ = writeln!(out, "  {}", line(record, tree));
        }
        if visible.len() > limit {
            let _ = writeln!(out, "  … and {} more (-v shows all)", visible.len() - limit);
        }
        out.push('\n');
    }
}

fn line(record: &Record, tree: &Tree) -> String {
    let path = escape::escaped(&record.path(tree));
    let (before, after) = record.states(tree);
    match record.action() {
        "remove" => format!("remove {path} ({before}): {}", record.reason()),
        action => format!("{action} {path}: {before} -> {after}: {}", record.reason()),
    }
}

/// Which commands stay, and why.
fn kept(out: &mut String, examined: &Examined, volume: Volume) {
    let tree = &examined.facts.tree;
    let commands = &examined.facts.commands;
    let shown = |id: &Id| volume == Volume::Verbose || commands.entries.contains_key(id);
    let ids: Vec<Id> = examined.closure.reasons.keys().copied().filter(shown).collect();
    if ids.is_empty() {
        return;
    }
    let _ = writeln!(out, "kept:");
    for id in ids {
        let because = examined.closure.explain(tree, id).join(", ");
        let _ = writeln!(out, "  {}: {because}", escape::escaped(&tree.path(id)));
    }
    out.push('\n');
}

/// A kept multi-call binary answers to all its names, whatever links are left.
fn applets(out: &mut String, examined: &Examined, volume: Volume) {
    for found in &examined.multicall {
        let names = &found.applets;
        let path = escape::escaped(&examined.facts.tree.path(found.program));
        let shown = if volume == Volume::Verbose { names.len() } else { SHOWN };
        let first: Vec<&str> = names.iter().take(shown).map(String::as_str).collect();
        let more = if names.len() > shown { " … (-v shows all)".to_string() } else { String::new() };
        let _ = writeln!(
            out,
            "still callable: {} applets inside the kept multi-call binary {path}, with or without a link: {}{more}",
            names.len(),
            first.join(" ")
        );
        if !found.builtins.is_empty() {
            let _ = writeln!(out, "still run by its shell as builtins: {}", found.builtins.join(" "));
        }
    }
}

/// What is run in the hardened root.
pub(super) fn checks(out: &mut String, status: &Status) {
    let none = status.checks.iter().all(|check| check.state == Outcome::NotRun) && !status.checks.is_empty();
    if none {
        out.push_str("checks not run:\n");
    }
    for check in &status.checks {
        let words: Vec<String> = check.command.iter().map(|word| shell::quoted(word)).collect();
        let port = check.tcp.map_or_else(String::new, |port| format!(" until it answers on port {port}"));
        let starts = check.starts.map_or_else(String::new, |seconds| format!(" for {seconds} s"));
        let words = escape::line(words.join(" ").as_bytes());
        let limit = if check.starts.is_none() { format!(", at most {} s", check.timeout) } else { String::new() };
        let head = if none { "  ".to_owned() } else { format!("check {}: ", check.state) };
        let _ = writeln!(out, "{head}{words}{port}{starts}{limit}");
    }
}

/// What becomes of the package databases, apart from all other content that is written.
fn database(out: &mut String, examined: &Examined) {
    let found = &examined.plan.database;
    if found.files > 0 || !found.gone.is_empty() {
        let (before, after) = found.packages;
        let _ = writeln!(
            out,
            "package databases: {before} packages, {after} left; {} files rewritten, {}",
            found.files,
            size(found.bytes)
        );
    }
}

fn table(out: &mut String, examined: &Examined, status: &Status) {
    let mut rows: BTreeMap<&str, (usize, Option<u64>)> = BTreeMap::new();
    let mut freed = Freed::new(examined, &examined.plan.removed());
    for record in &examined.plan.records {
        let row = rows.entry(record.rule()).or_default();
        row.0 += 1;
        row.1 = freed.by(record).map(|bytes| row.1.unwrap_or_default() + bytes);
    }
    let _ = writeln!(out, "{:<24} {:>9} {:>12}", "rule", "changes", "removed");
    for rule in RULES {
        if let Some((changes, bytes)) = rows.get(rule.id) {
            let _ = writeln!(
                out,
                "{:<24} {:>9} {:>12}",
                rule.id,
                number(*changes),
                bytes.map_or("not counted".to_owned(), size)
            );
        }
    }
    let (changes, bytes) = rows.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1.unwrap_or_default()));
    let _ = writeln!(out, "{:<24} {:>9} {:>12}", "total", number(changes), size(bytes));
    let state = match (status.state, changes) {
        (State::Applied | State::Planned, 0) => "nothing to change".to_owned(),
        (State::Applied, _) => format!("{} done", counted(status.done, "step")),
        (State::Failed, _) => {
            format!(
                "failed: {} done, {} not done; run harden again to continue",
                counted(status.done, "step"),
                status.open
            )
        }
        _ => format!("{} to do", counted(status.open, "step")),
    };
    let _ = writeln!(out, "{state}");
}
