//! remove.fstab: what to mount is the engine's business.

use super::paths::{self, Extent, Row};
use crate::plan::Draft;
use crate::rules::Context;

const TABLE: &[Row] = &[("/etc/fstab", Extent::Whole), ("/etc/crypttab", Extent::Whole)];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "the engine mounts, not the container");
}
