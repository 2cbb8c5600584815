//! remove.root-home: everything in root's home; the directory stays, since passwd names it and tools of a debugging
//! session (`docker exec -u 0`) begin there.

use crate::draft::Draft;
use crate::facts::accounts::{Database, HOME};
use crate::rules::context::Context;
use crate::tree::{Id, Tree};

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    if let Some(home) = home(cx, draft) {
        for child in tree.children(home) {
            draft.remove_tree(child, "an image needs no files in root's home");
        }
    }
}

/// Root's home directory, when it is one that belongs to root alone: not `/`, a system directory or shared with an account that
/// stays.
#[must_use]
pub(crate) fn home(cx: &Context<'_>, draft: &Draft<'_>) -> Option<Id> {
    let tree = &cx.facts.tree;
    let path = cx.facts.accounts.root_home().unwrap_or(b"/root");
    let home = tree.resolve(path).ok()?.node;
    let others =
        draft.accounts.entries(Database::Passwd).filter(|line| line.field(0) != b"root").map(|line| line.field(HOME));
    let shared = others.filter_map(|other| tree.resolve(other).ok()).any(|other| other.node == home);
    let private = tree.is_dir(home) && is_private(tree, home) && !cx.zones.system.contains(home);
    (private && !shared && !cx.zones.kernel.contains(home)).then_some(home)
}

fn is_private(tree: &Tree, home: Id) -> bool {
    let path = tree.path(home);
    !matches!(path.as_slice(), b"/" | b"/home" | b"/var" | b"/run" | b"/tmp" | b"/opt" | b"/srv" | b"/mnt" | b"/media")
}
