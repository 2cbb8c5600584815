//! Kept programs that ask PAM for passwords, while accounts.lock removes the passwords.
//!
//! The plan is refused if such a program runs when the image starts; a program that is only kept is reported. The rule
//! written in the policy, on or off, resolves both.

use std::collections::BTreeSet;

use super::{Guard, reach};
use crate::diag::escape::{escaped, first, quoted};
use crate::draft::Draft;
use crate::facts::accounts::{Database, PASSWORD};
use crate::rules::accounts::lock::{self, is_hash, is_locked};
use crate::rules::context::Context;

/// Accounts named in one message.
const SHOWN: usize = 8;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.passwords",
    title: "a kept program checks passwords that accounts.lock would lock",
    settled: "write [rules] \"accounts.lock\" = \"off\" if accounts log in with a password, and \"on\" if none does.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let told = cx.policy.rules.iter().any(|switch| switch.rule == lock::ID);
    if told || !cx.is_on(lock::ID) || cx.closure.logins.is_empty() {
        return;
    }
    let mut lost: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for database in [Database::Shadow, Database::Passwd] {
        let Some(file) = cx.facts.accounts.files.get(&database) else { continue };
        for (at, line) in file.lines.iter().enumerate() {
            let had = line.defect.is_none() && is_hash(line.field(PASSWORD)) && !is_locked(line.field(PASSWORD));
            let now = draft.accounts.entry(database, line.name());
            if had && now.is_some_and(|now| now.field(PASSWORD) != line.field(PASSWORD)) && seen.insert(line.name()) {
                lost.push(format!("{} ({}:{})", quoted(line.name()), escaped(&tree.path(file.node)), at + 1));
            }
        }
    }
    if lost.is_empty() {
        return;
    }
    let list = first(&lost, SHOWN, String::clone);
    let runs = reach::reached(cx);
    for &(program, service) in &cx.closure.logins {
        if draft.is_removed(program) {
            continue;
        }
        let text = format!(
            "{} checks passwords through PAM ({}), but accounts.lock would lock the passwords of {list}",
            quoted(&tree.path(program)),
            quoted(&tree.path(service))
        );
        let help = "write [rules] \"accounts.lock\" = \"off\" if these accounts log in with a password, and \"on\" if none does";
        if cx.policy.strict || runs.contains(program) {
            draft.refuse_for(cx.closure.origin(program), text, help);
        } else {
            draft.warn_for(cx.closure.origin(program), text, help);
        }
    }
}
