//! files.writable: nothing is world-writable but the two directories made for that, with the sticky bit.
//!
//! /tmp and /var/tmp become 0o1777 root:root, the one place where a mode is loosened (hier(7)). Links are never
//! looked at: their 0o777 means nothing. Source: CIS Debian 12 §7.1.11, SSG dir_perms_world_writable_sticky_bits.

use crate::diag::escape;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::{Id, Kind};

const STICKY: u32 = 0o1000;
const OTHERS: u32 = 0o002;
const GROUP: u32 = 0o020;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let shared: Vec<Id> =
        [&b"/tmp"[..], b"/var/tmp"].iter().filter_map(|path| tree.lookup(path)).filter(|&id| tree.is_dir(id)).collect();
    for &id in &shared {
        draft.set_owner(id, Some(0), Some(0), "root owns directories for temporary files of all users");
        draft.set_mode(id, 0o1777, "every user may create files here, but not remove those of others");
    }
    for id in tree.ids() {
        if draft.is_removed(id) || shared.contains(&id) || cx.zones.kernel.contains(id) {
            continue;
        }
        if cx.zones.application.contains(id) || tree.is_link(id) {
            continue;
        }
        let mode = draft.mode(id);
        let variable = cx.zones.variable.contains(id);
        match tree.kind(id) {
            Kind::Directory if mode & OTHERS != 0 && mode & STICKY == 0 => {
                if cx.zones.system.contains(id) {
                    draft.set_mode(id, mode & !OTHERS, "only its owner can write in a system directory");
                } else {
                    draft.set_mode(id, mode | STICKY, "a world-writable directory has the sticky bit");
                }
            }
            Kind::File if (variable || cx.zones.system.contains(id)) && mode & (OTHERS | GROUP) != 0 => {
                draft.set_mode(id, mode & !(OTHERS | GROUP), "only its owner can write the file");
            }
            Kind::File if mode & OTHERS != 0 => {
                draft.warn(
                    format!("every user may write {}", escape::quoted(&tree.path(id))),
                    "not changed, because it lies outside the system directories: fix its mode where it is created, or name it in [files]",
                );
            }
            _ => {}
        }
    }
}
