//! files.system-dirs: system directories belong to root, and only root writes in them.
//!
//! Only ever tightens: `mode & ~0o022`, so that /etc/ssl/private stays 0o710 and /etc/sudoers.d 0o750. The group of
//! a kept group stays, since its members read through it. Source: CIS Debian 12 §7.1, SSG dir_*_binary_dirs.

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::Kind;

/// Group and world lose the right to write.
const OTHERS_WRITE: u32 = 0o022;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    for id in tree.ids().filter(|&id| cx.zones.system.contains(id)) {
        if draft.is_removed(id) {
            continue;
        }
        let mode = draft.mode(id);
        match tree.kind(id) {
            Kind::Directory => {
                let (uid, gid) = draft.owner(id);
                let group = if ids.known_group(gid) { gid } else { 0 };
                if (uid, gid) != (0, group) {
                    draft.set_owner(id, Some(0), Some(group), "root owns system directories");
                }
                if mode & OTHERS_WRITE != 0 {
                    draft.set_mode(id, mode & !OTHERS_WRITE, "only root can write in a system directory");
                }
            }
            Kind::File if mode & OTHERS_WRITE != 0 => {
                draft.set_mode(id, mode & !OTHERS_WRITE, "only its owner can write a system file");
            }
            _ => {}
        }
    }
}
