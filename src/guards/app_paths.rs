//! A `[files]` path that is a mistake: on a mount, missing, or a directory of the system itself.

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::policy::Run;
use crate::rules::context::Context;
use crate::rules::zones::is_system;
use crate::tree::{Id, Tree, Unresolved};

/// Directories that belong to the system as a whole, whatever is below them.
const SHARED: &[&[u8]] = &[
    b"/usr/bin",
    b"/usr/sbin",
    b"/usr/lib",
    b"/usr/lib64",
    b"/usr/libexec",
    b"/usr/share",
    b"/usr/local",
    b"/usr/local/bin",
    b"/usr/local/sbin",
    b"/usr/local/lib",
    b"/usr/local/share",
    b"/tmp",
    b"/var",
    b"/var/tmp",
    b"/var/lib",
    b"/run",
    b"/dev",
    b"/proc",
    b"/sys",
];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.files",
    title: "a [files] path lies on a mount, is missing, or is a system directory",
    settled: "name the application's own directory in [files], or set optional = true.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for path in &cx.zones.files {
        let value = &path.entry.value;
        let origin = &path.entry.origin;
        let shown = escape::quoted(value.as_bytes());
        let list = if path.writable { "writable" } else { "read-only" };
        match tree.resolve(value.as_bytes()) {
            Ok(found) if tree.ancestors(found.node).any(|at| at != Id::ROOT && tree.meta(at).mount) => {
                mount(draft, origin, &shown)
            }
            Err(Unresolved::Mount(_)) => mount(draft, origin, &shown),
            Ok(found) => {
                if is_shared(tree, found.node) {
                    draft.refuse_for(
                        origin,
                        format!("[files] {list} cannot take {shown}: it is a system directory"),
                        "name the application's own directory below it",
                    );
                }
                if path.writable && cx.zones.files.iter().any(|other| !other.writable && other.node == Some(found.node))
                {
                    draft.refuse_for(
                        origin,
                        format!("{shown} is both read-only and writable in [files]"),
                        "write it in one of the two lists",
                    );
                }
            }
            Err(Unresolved::Loop) => draft.refuse_for(
                origin,
                format!("[files] path {shown} leads into a loop of links"),
                "name the directory itself",
            ),
            Err(Unresolved::Missing) => {
                let later = matches!(cx.policy.run, Run::Nothing);
                if !path.writable && !path.entry.optional && !later {
                    draft.refuse_for(
                        origin,
                        format!("[files] read-only path {shown} does not exist"),
                        "copy the application before this RUN step, correct the path, or write { path = …, optional = true }",
                    );
                }
            }
        }
    }
    for path in cx.policy.keep.paths.iter().filter(|entry| entry.value.trim_end_matches('/').is_empty()) {
        draft.refuse_for(&path.origin, "[keep] paths cannot hold '/'", "name the paths to keep");
    }
}

/// Whether an entry is a directory of the whole system, which no application owns.
pub(super) fn is_shared(tree: &Tree, id: Id) -> bool {
    let top = tree.parent(id) == Id::ROOT && is_system(tree.name(id));
    id == Id::ROOT || top || SHARED.contains(&tree.path(id).as_slice())
}

fn mount(draft: &mut Draft<'_>, origin: &crate::diag::Origin, shown: &str) {
    draft.refuse_for(
        origin,
        format!("[files] path {shown} lies on a mount: changes there are lost after this step"),
        "use BuildKit, or set the owner before VOLUME: the classic builder mounts each VOLUME of the parent image",
    );
}
