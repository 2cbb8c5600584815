//! Kept programs that ask PAM for passwords, while accounts.lock takes the passwords.

use std::collections::BTreeSet;

use super::Guard;
use crate::diag::escape::{escaped, quoted};
use crate::draft::Draft;
use crate::facts::accounts::{Database, PASSWORD};
use crate::rules::accounts::lock::{self, is_hash, is_locked};
use crate::rules::context::Context;

/// Accounts named in one message.
const SHOWN: usize = 8;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.passwords",
    title: "a kept program asks for passwords that accounts.lock takes",
    settled: "[rules] \"accounts.lock\" = \"off\" if accounts log in with a password, [remove] commands with the program if it is not needed.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    if !cx.is_on(lock::ID) || cx.closure.logins.is_empty() {
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
    let more = lost.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let list = lost.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    for &(program, service) in &cx.closure.logins {
        if draft.is_removed(program) {
            continue;
        }
        let text = format!(
            "{} asks PAM for passwords ({}), but accounts.lock takes those of {list}{more}",
            quoted(&tree.path(program)),
            quoted(&tree.path(service))
        );
        let help = "write [rules] \"accounts.lock\" = \"off\" if these accounts log in with a password";
        draft.warn_for(cx.closure.origin(program), text, help);
    }
}
