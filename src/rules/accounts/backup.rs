//! accounts.backup: copies of account files and what package managers leave beside configuration files.
//!
//! Account backups hold password hashes and names that were pruned. Only exact names and endings count:
//! a file that merely ends in `-` belongs to the application.

use super::Context;
use crate::draft::Draft;
use crate::tree::{Id, Tree};

/// Rule id.
pub const ID: &str = "accounts.backup";

/// Backups and the lock of shadow-utils, directly in /etc.
const BACKUPS: [&[u8]; 7] = [b"passwd-", b"shadow-", b"group-", b"gshadow-", b"subuid-", b"subgid-", b".pwd.lock"];

/// Endings that dpkg, rpm, apk, ucf and pacman give to files they set aside, anywhere below /etc.
const LEFTOVERS: [&[u8]; 13] = [
    b".dpkg-old",
    b".dpkg-dist",
    b".dpkg-new",
    b".dpkg-tmp",
    b".rpmsave",
    b".rpmnew",
    b".rpmorig",
    b".apk-new",
    b".ucf-old",
    b".ucf-dist",
    b".ucf-new",
    b".pacnew",
    b".pacsave",
];

/// Remove backups and leftovers below /etc.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let Ok(etc) = tree.resolve(b"/etc") else { return };
    for id in tree.subtree(etc.node) {
        if tree.is_dir(id) {
            continue;
        }
        if let Some(reason) = reason(tree, etc.node, id) {
            draft.remove(id, reason);
        }
    }
}

fn reason(tree: &Tree, etc: Id, id: Id) -> Option<&'static str> {
    let name = tree.name(id);
    if tree.parent(id) == etc && BACKUPS.contains(&name) {
        return Some("backup of an account file");
    }
    // pacman numbers them: .pacsave, .pacsave.1
    let stem = match name.iter().rposition(|&b| b == b'.') {
        Some(dot) if name.len() > dot + 1 && name.iter().skip(dot + 1).all(u8::is_ascii_digit) => {
            name.get(..dot).filter(|stem| stem.ends_with(b".pacsave")).unwrap_or(name)
        }
        _ => name,
    };
    let is_leftover = |ending: &&[u8]| stem.len() > ending.len() && stem.ends_with(ending);
    LEFTOVERS.iter().any(is_leftover).then_some("left beside a configuration file by a package manager")
}
