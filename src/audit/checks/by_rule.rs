//! Checks that follow a rule: a finding is a change that the rule would make. So the two cannot disagree.

use std::collections::BTreeSet;

use crate::audit::context::entry;
use crate::audit::{Cx, Findings, Severity};
use crate::diag::escape::quoted;
use crate::draft::record::{Record, What};
use crate::rules::{Audit, RULES};
use crate::tree::Id;
use crate::tree::set::IdSet;

/// Paths that one finding names.
const NAMED: usize = 5;

/// One finding for each entry that the check's rule removes; a directory stands for what is in it.
pub(super) fn check(cx: &Cx<'_>, findings: &mut Findings) {
    let Some(rule) = findings.check().rule else { return };
    let records =
        || cx.plan().records.iter().filter(move |record| record.rule() == rule && record.what == What::Remove);
    let removed: IdSet = records().filter_map(entry).collect();
    for record in records() {
        let Some(id) = entry(record) else { continue };
        if id != Id::ROOT && removed.contains(cx.tree.parent(id)) {
            continue;
        }
        let finding = findings.at(cx.tree, id, b"", record.reason());
        // Of what a program left behind, only the program is more than litter.
        if !cx.facts.commands.entries.contains_key(&id) {
            finding.at_most(Severity::Low);
        }
    }
}

/// What apply would still change and no other finding says.
pub(super) fn pending(cx: &Cx<'_>, findings: &mut Findings) {
    let Some(plan) = cx.subject_plan() else { return };
    // By entry: a plan may change every entry of a large tree, and no path is made but for those that are shown.
    let (mut said, mut found) = (BTreeSet::new(), IdSet::default());
    for finding in findings.list_mut() {
        if let Some(id) = cx.tree.lookup(&finding.path) {
            said.extend(finding.check.rule.map(|rule| (id, rule)));
            found.insert(id);
        }
    }
    for rule in RULES.iter().filter(|rule| rule.audit == Audit::WithPolicy) {
        // What goes is no other finding's business; of everything else a check says so by its own id.
        let is_new = |record: &&Record| {
            record.rule() == rule.id
                && entry(record).is_none_or(|id| {
                    !(said.contains(&(id, rule.id)) || record.what == What::Remove && found.contains(id))
                })
        };
        let (mut seen, mut shown, mut number) = (IdSet::default(), Vec::new(), 0);
        for record in plan.records.iter().filter(is_new) {
            if entry(record).is_some_and(|id| !seen.insert(id)) {
                continue;
            }
            number += 1;
            if shown.len() < NAMED {
                shown.push(quoted(&record.path(cx.tree)));
            }
        }
        if number == 0 {
            continue;
        }
        let more = number - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("{} would change {}{more}: harden plan shows all", rule.id, shown.join(", "));
        findings.path(b"/".to_vec(), rule.id.as_bytes(), text).fix = Some(rule.id);
    }
    if !plan.refusals.is_empty() {
        findings.note(match plan.refusals.len() {
            1 => "apply would refuse for one reason: harden plan names it".to_owned(),
            count => format!("apply would refuse for {count} reasons: harden plan names them"),
        });
    }
}
