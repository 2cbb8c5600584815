//! remove.init: init systems and the units and scripts they would start.
//!
//! Libraries stay: only configuration, scripts and units go; what the closure needs below these paths stays too.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::entries(&cx.facts.tree, draft, include_str!("init.txt"), "a container has no init system");
}
