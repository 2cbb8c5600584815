//! remove.tunables: settings of the kernel and its modules, which belong to the host.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::entries(&cx.facts.tree, draft, include_str!("tunables.txt"), "kernel settings belong to the host");
}
