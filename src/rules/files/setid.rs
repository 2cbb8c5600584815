//! files.setid: no program lends its owner's rights.
//!
//! Bits are cleared, not files removed: remove.commands decides whether a program stays. Directories lose the set-gid
//! bit in system directories, and elsewhere where their group went to root. Source: CIS Docker §4.8.

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Kind;

const SET_ID: u32 = 0o6000;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for id in tree.ids() {
        let mode = draft.mode(id);
        if mode & SET_ID == 0 || draft.is_removed(id) || cx.setid.contains(id) || cx.zones.kernel.contains(id) {
            continue;
        }
        match tree.kind(id) {
            Kind::File => draft.set_mode(id, mode & !SET_ID, "no file runs with its owner's rights"),
            Kind::Directory => {
                let regrouped = draft.owner(id).1 != tree.meta(id).gid;
                if cx.zones.system.contains(id) {
                    draft.set_mode(id, mode & !SET_ID, "a system directory has no set-id bit");
                } else if regrouped {
                    draft.set_mode(
                        id,
                        mode & !SET_ID,
                        "its group is removed, and new files must not get the group root",
                    );
                }
            }
            _ => {}
        }
    }
}
