//! files.ownerless: no file belongs to a number without an account.
//!
//! Files of accounts that this run prunes go to root first, with set-id bits cleared, wherever they are; a uid that
//! is handed over must not hand its old files over too. Numbers that had no account before have another reason:
//! they go to root in system directories only. Source: CIS Debian 12 §7.1.12, SSG no_files_unowned_by_user.

use crate::diag::escape;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::{Id, Kind};

const SET_ID: u32 = 0o6000;

/// Paths named in one warning.
const SHOWN: usize = 5;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let mut left: Vec<Id> = Vec::new();
    for id in tree.ids() {
        if cx.zones.kernel.contains(id) || draft.is_removed(id) || draft.is_untouchable(id) {
            continue;
        }
        let meta = tree.meta(id);
        let system = cx.zones.system.contains(id);
        let judge = |pruned: bool, known: bool| match (pruned, known) {
            (true, _) => Some("its account is removed"),
            (false, false) if system => Some("no account has its uid or gid"),
            _ => None,
        };
        let uid = judge(ids.pruned_user(meta.uid), ids.known_user(meta.uid));
        let gid = judge(ids.pruned_group(meta.gid), ids.known_group(meta.gid));
        if let Some(reason) = uid.or(gid) {
            let mode = draft.mode(id);
            if mode & SET_ID != 0 && matches!(tree.kind(id), Kind::File | Kind::Directory) {
                // Of a kept command guard.setid says it.
                let told = cx.closure.contains(id);
                if cx.setid.contains(id) && !told && uid.is_some() && mode & 0o4000 != 0 {
                    let path = escape::quoted(&tree.path(id));
                    draft.refuse(
                        format!(
                            "{path} would keep its set-user-ID bit and become root's: the account of uid {} is removed",
                            meta.uid
                        ),
                        "add the account to [keep] users, or take the path out of [keep] setid",
                    );
                }
                draft.set_mode(id, mode & !SET_ID, "a set-id bit must not pass to root");
            }
            draft.set_owner(id, uid.map(|_| 0), gid.map(|_| 0), reason);
        } else if !ids.known_user(meta.uid) || !ids.known_group(meta.gid) {
            left.push(id);
        }
    }
    if !left.is_empty() {
        let list = escape::first(&left, SHOWN, |&id| {
            let meta = tree.meta(id);
            format!("{} ({}:{})", escape::quoted(&tree.path(id)), meta.uid, meta.gid)
        });
        draft.warn(
            format!(
                "{} entries outside the system directories have a uid or gid without an account: {list}",
                left.len()
            ),
            "add the numbers to [keep] users or groups, or name the paths in [files]; harden does not change these entries",
        );
    }
}
