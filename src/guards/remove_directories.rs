//! An entry of `[remove] directories` that is not a directory: its commands would silently stay.

use super::Guard;
use crate::diag::{Origin, escape};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.remove-directories",
    title: "an entry of [remove] directories is not a directory",
    settled: "name a directory with commands, or set optional = true.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for entry in &cx.policy.remove.directories {
        let may_be_missing = entry.optional || matches!(entry.origin, Origin::Profile(_));
        let what = match tree.resolve(entry.value.as_bytes()) {
            Ok(found) if found.node == Id::ROOT => "is the root itself",
            Ok(found) if tree.is_dir(found.node) => continue,
            Ok(_) => "is not a directory",
            Err(_) if may_be_missing => continue,
            Err(_) => "does not exist",
        };
        draft.refuse_for(
            &entry.origin,
            format!("[remove] directories {} {what}", escape::quoted(entry.value.as_bytes())),
            "name a directory with commands, or write { path = …, optional = true }",
        );
    }
}
