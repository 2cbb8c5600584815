//! remove.fstab: removes lists of mounts, because the engine mounts file systems.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::entries(
        &cx.facts.tree,
        draft,
        include_str!("fstab.txt"),
        "the engine mounts file systems, not the container",
    );
}
