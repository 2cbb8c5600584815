//! remove.init: init systems and the units and scripts they would start.
//!
//! Libraries stay: only configuration, scripts and units are removed; files that the closure needs below these paths
//! stay too.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::entries(&cx.facts.tree, draft, include_str!("init.txt"), "a container has no init system");
}
