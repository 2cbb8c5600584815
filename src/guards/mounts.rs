//! Mounts over or below directories of the system: they hide the image's files there, which stay as they are.
//!
//! In a build step harden refuses them, except for the usual mounts of builders (DESIGN §6). Below `--root` other
//! partitions of a machine are usual, and the guard reports each.

use super::Guard;
use crate::diag::escape::quoted;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree, Unresolved};

/// What builders and container engines mount, with everything below.
const BUILDER: &[&[u8]] = &[
    b"/etc/hosts",
    b"/etc/hostname",
    b"/etc/resolv.conf",
    b"/etc/mtab",
    b"/run",
    b"/tmp",
    b"/var/cache",
    b"/var/lib/apt",
    b"/var/lib/dnf",
    b"/var/log",
    b"/var/run",
    b"/var/tmp",
    b"/root/.cache",
    b"/etc/apk/cache",
];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.mounts",
    title: "a mount hides a system directory of the image in this step",
    settled: "remove the mount from this RUN, or name it in [keep] paths.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let settled = settled(cx);
    let usual = |id: Id| cx.zones.kernel.contains(id) || settled.contains(id) || is_usual(&tree.path(id));
    let mounts: Vec<Id> = tree.ids().filter(|&id| id != Id::ROOT && tree.meta(id).mount && !usual(id)).collect();
    let commands = command_mounts(cx);
    let of_system =
        |id: Id| cx.zones.system.contains(id) || (commands.contains(id) && !cx.zones.application.contains(id));
    if !cx.facts.running {
        let Some((named, is)) = named(tree, &mounts) else { return };
        draft.warn(
            format!("{named} {is} below this root: harden neither examines nor changes anything there, set-id programs included"),
            "mount the partitions elsewhere and give each to --root with its own policy, or copy them into one tree; \
             name the mount in [keep] paths if it is meant to stay unchanged",
        );
        return;
    }
    let (system, others): (Vec<Id>, Vec<Id>) = mounts.into_iter().partition(|&id| of_system(id));
    if let Some((named, is)) = named(tree, &system) {
        draft.refuse(
            format!("{named} {is} in this step: it hides the image's own files there, which would stay unchanged"),
            "remove that mount from this RUN, or name it in [keep] paths if the image has no files there",
        );
    }
    if let Some((named, is)) = named(tree, &others) {
        draft.note(format!("{named} {is} in this step: it hides the image's own files there, which stay unchanged"));
    }
}

/// All paths, and the verb with what they are.
fn named(tree: &Tree, mounts: &[Id]) -> Option<(String, &'static str)> {
    let paths: Vec<String> = mounts.iter().map(|&id| quoted(&tree.path(id))).collect();
    let (last, rest) = paths.split_last()?;
    Some(match rest {
        [] => (last.clone(), "is a mount"),
        rest => (format!("{} and {last}", rest.join(", ")), "are mounts"),
    })
}

fn is_usual(path: &[u8]) -> bool {
    BUILDER.iter().any(|usual| path.strip_prefix(*usual).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")))
}

/// This program and its configuration, and what `[keep] paths` names.
fn settled(cx: &Context<'_>) -> IdSet {
    let tree = &cx.facts.tree;
    let own = cx.facts.own_mounts.iter().chain(&cx.facts.this_program).chain(&cx.facts.this_config).copied();
    let kept = cx.policy.keep.paths.iter().flat_map(|entry| tree.named(entry.value.as_bytes()));
    own.chain(kept).collect()
}

/// Mounts that hide a configured command directory.
fn command_mounts(cx: &Context<'_>) -> IdSet {
    let tree = &cx.facts.tree;
    let directories = cx.policy.remove.directories.iter().map(|entry| entry.value.as_bytes());
    let hidden = directories.filter_map(|path| match tree.resolve(path) {
        Err(Unresolved::Mount(id)) => Some(id),
        _ => None,
    });
    let below = tree.ids().filter(|&id| {
        let within = |&directory: &Id| id == directory || tree.parent(id) == directory;
        tree.meta(id).mount && cx.facts.commands.directories.iter().any(within)
    });
    hidden.chain(below).collect()
}
