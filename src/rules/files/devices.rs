//! files.devices: device nodes, and stray fifos and sockets, outside /dev.

use crate::diag::escape::{basic_string, quoted};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Kind;

/// Directories for what running programs make: a fifo there is made anew.
const RUN: [&[u8]; 4] = [b"/run/", b"/var/run/", b"/tmp/", b"/var/tmp/"];

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for id in tree.ids().filter(|&id| !cx.zones.kernel.contains(id)) {
        match tree.kind(id) {
            Kind::CharDevice | Kind::BlockDevice => draft.remove(id, "a device node outside /dev"),
            // No program can use a socket of another one that has ended; a fifo works as it is.
            Kind::Fifo if draft.remove(id, "a fifo left over from a running program") => {
                let path = tree.path(id);
                if !RUN.iter().any(|top| path.starts_with(top)) {
                    let text = format!("harden removes the fifo {}: a program that opens it will fail", quoted(&path));
                    let keep = basic_string(&String::from_utf8_lossy(&path));
                    draft.warn(text, format!("write [keep] paths = [{keep}] if a program of the image needs it"));
                }
                true
            }
            Kind::Socket => draft.remove(id, "a socket left over from a running program"),
            Kind::Fifo | Kind::File | Kind::Directory | Kind::Link => continue,
        };
    }
}
