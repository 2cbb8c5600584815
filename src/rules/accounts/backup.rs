//! accounts.backup: removes copies of account files, and the files that package managers leave beside configuration
//! files.
//!
//! Account backups hold password hashes and names that were pruned. Only exact names and usual endings count:
//! a file that merely ends in `-` belongs to the application.

use super::Context;
use crate::draft::Draft;
use crate::tree::{Id, Tree};

/// Rule id.
pub const ID: &str = "accounts.backup";

/// Files of accounts, directly in /etc.
const FILES: [&[u8]; 6] = [b"passwd", b"shadow", b"group", b"gshadow", b"subuid", b"subgid"];

/// The lock of shadow-utils.
const LOCK: &[u8] = b".pwd.lock";

/// What stands behind their names in backups: of shadow-utils, of editors, and of people who make one by hand.
const ENDINGS: [&[u8]; 12] =
    [b"-", b"~", b".bak", b".backup", b".old", b".org", b".orig", b".save", b".tmp", b".swp", b".edit", b".1"];

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
    if tree.parent(id) == etc && (name == LOCK || is_backup(name)) {
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

/// Whether a name is that of an account file with an ending of backups, in whatever case; vim(1) puts a dot before the
/// name, Emacs a mark on both sides.
fn is_backup(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    if let Some(inner) = name.strip_prefix(b"#").and_then(|rest| rest.strip_suffix(b"#")) {
        return FILES.contains(&inner);
    }
    let hidden = name.strip_prefix(b".");
    let swap = hidden.is_some_and(|rest| FILES.iter().any(|file| rest.strip_prefix(*file).is_some_and(is_swap)));
    let ends = |rest: &[u8]| ENDINGS.contains(&rest);
    swap || FILES.iter().any(|file| name.strip_prefix(*file).is_some_and(ends))
}

/// `.swp`, and `.swo` and so on for the next ones.
fn is_swap(ending: &[u8]) -> bool {
    ending.strip_prefix(b".sw").is_some_and(|rest| matches!(rest, [b'a'..=b'p']))
}

#[cfg(test)]
mod tests {
    use super::is_backup;

    #[test]
    fn backups_are_told_by_the_whole_name() {
        for name in
            ["passwd-", "shadow~", "shadow.bak", "Shadow.OLD", "gshadow.org", ".shadow.swp", ".passwd.swo", "#group#"]
        {
            assert!(is_backup(name.as_bytes()), "{name}");
        }
        for name in
            ["passwd", "passwd.conf", "passwd-policy", ".shadow", "shadow.bak.d", "my-shadow.bak", ".shadow.swz", "x-"]
        {
            assert!(!is_backup(name.as_bytes()), "{name}");
        }
    }
}
