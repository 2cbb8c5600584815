//! files.system-dirs: system directories belong to root, and only root writes in them.
//!
//! Only ever tightens: `mode & ~0o022`, so that /etc/ssl/private stays 0o710 and /etc/sudoers.d 0o750. The group of
//! a kept group stays, since its members read through it. Source: CIS Debian 12 §7.1, SSG dir_*_binary_dirs.

use std::collections::BTreeSet;

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::{Id, Kind, Tree};

/// Group and world lose the right to write.
const OTHERS_WRITE: u32 = 0o022;

/// Of those, the group's; and bits of one class.
const GROUP_WRITES: u32 = 0o020;
pub(crate) const READ: u8 = 4;
pub(crate) const WRITE: u8 = 2;

/// Files with password hashes, which only root and a group of its own read.
#[must_use]
pub(crate) fn passwords(tree: &Tree) -> BTreeSet<Id> {
    let find = |path: &str| tree.lookup(path.as_bytes()).filter(|&id| tree.is_file(id));
    ["/etc/shadow", "/etc/gshadow", "/etc/security/opasswd"].into_iter().filter_map(find).collect()
}

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let private = passwords(tree);
    for id in tree.ids().filter(|&id| cx.zones.system.contains(id)) {
        if draft.is_removed(id) {
            continue;
        }
        let mode = draft.mode(id);
        // The mask of an access list stands in the group's bits: what it gives can be seen there.
        if (mode & GROUP_WRITES != 0 || private.contains(&id))
            && let Some(list) = cx.contents.access_list(tree, id)
        {
            if private.contains(&id) && list.gives(READ | WRITE) {
                draft.drop_access_list(id, &list, "only root and its group read password files");
            } else if list.gives(WRITE) {
                draft.drop_access_list(id, &list, "only root can write in system directories");
            }
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
