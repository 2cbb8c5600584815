//! remove.fstab: what to mount is the engine's business.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

const TABLE: &[&str] = &["/etc/fstab /etc/crypttab"];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "the engine mounts, not the container");
}
