//! remove.self: this program and its configuration, and their directory if that leaves it empty.
//!
//! Found by inode, so that a start through a link removes the file and not only the link; links to it go with it. Files
//! on another mount belong to the builder: harden leaves them and reports them.

use crate::diag::escape;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// Directories that belong to the image even when they are empty.
pub(crate) const IMAGE_DIRECTORIES: &[&str] = &[
    "/",
    "/bin",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt",
    "/srv",
    "/tmp",
    "/var/tmp",
    "/var",
    "/run",
    "/root",
    "/home",
    "/etc",
    "/app",
    "/mnt",
    "/media",
    "/usr/lib",
    "/usr/libexec",
    "/usr/local/lib",
    "/usr/local/libexec",
    "/var/lib",
    "/work",
    "/build",
    "/src",
];

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    if cx.facts.this_program_on_mount {
        draft.note("harden is on a mount of the builder and stays there; it does not become part of a layer");
    }
    let own: Vec<Id> = cx.facts.this_config.iter().rev().chain(&cx.facts.this_program).copied().collect();
    for &id in &own {
        let path = tree.path(id);
        if !draft.is_kept(id) {
            // remove.links has run already, and knows nothing of this file.
            let leads_here = |&link: &Id| tree.is_link(link) && tree.follow(link).is_ok_and(|found| found.node == id);
            for link in tree.ids().filter(leads_here) {
                draft.remove_last(link, "it leads to harden, which leaves no trace of itself");
            }
        }
        if tree.meta(id).mount {
            draft.note(format!(
                "{} is on a mount of the builder and stays there; it does not become part of a layer",
                escape::quoted(&path)
            ));
        } else if !draft.remove_last(id, "harden leaves no trace of itself") {
            draft.warn(
                format!("{} stays, because the policy keeps it", escape::quoted(&path)),
                "remove it from [keep] paths",
            );
        }
    }
    // Directories below others first, which they may leave empty.
    let mut directories: Vec<Id> = own.iter().rev().map(|&id| tree.parent(id)).collect();
    directories.sort_unstable_by_key(|&id| (std::cmp::Reverse(tree.ancestors(id).count()), id));
    for directory in directories {
        let standing = IMAGE_DIRECTORIES.iter().any(|path| path.as_bytes() == tree.path(directory));
        let emptied = tree.children(directory).len() > 0 && tree.children(directory).all(|at| draft.is_removed(at));
        let changed = cx.policy.workdir.as_deref().is_some_and(|dir| dir.as_bytes() == tree.path(directory));
        if emptied && !standing && !changed && !draft.is_removed(directory) {
            draft.remove_last(directory, "harden's own directory, now empty");
        }
    }
}
