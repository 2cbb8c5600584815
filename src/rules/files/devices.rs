//! files.devices: device nodes, and stray fifos and sockets, outside /dev.

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Kind;

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for id in tree.ids().filter(|&id| !cx.zones.kernel.contains(id)) {
        match tree.kind(id) {
            Kind::CharDevice | Kind::BlockDevice => draft.remove(id, "a device node outside /dev"),
            Kind::Fifo | Kind::Socket => draft.remove(id, "a fifo or socket left over from a running program"),
            Kind::File | Kind::Directory | Kind::Link => continue,
        };
    }
}
