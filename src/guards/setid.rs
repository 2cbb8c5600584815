//! A kept command that would lose a set-id bit or a file capability: it would start, and then fail.

use super::Guard;
use crate::closure::matching;
use crate::diag::escape;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.setid",
    title: "a kept command would lose a set-id bit or its file capabilities",
    settled: "[keep] setid with its path, or setid = false in its entry.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let without = said_to_need_none(cx);
    for &id in cx.closure.reasons.keys().filter(|&&id| tree.is_file(id)) {
        let lost_bits = tree.permissions(id) & 0o6000 & !draft.mode(id);
        let lost_capability = tree.meta(id).capability && draft.loses_capability(id);
        if (lost_bits == 0 && !lost_capability)
            || draft.is_removed(id)
            || without.contains(&id)
            || cx.closure.only_for_pam(id)
        {
            continue;
        }
        let path = escape::quoted(&tree.path(id));
        let what = match (lost_bits & 0o4000 != 0, lost_bits != 0) {
            (true, _) => "set-user-ID bit",
            (false, true) => "set-group-ID bit",
            _ => "file capabilities",
        };
        let plain = String::from_utf8_lossy(&tree.path(id)).into_owned();
        draft.refuse_for(
            cx.closure.origin(id),
            format!("the kept command {path} would lose its {what}"),
            format!(
                "keep it with [keep] setid = [\"{plain}\"], or declare it unnecessary with commands = [{{ name = \"{plain}\", setid = false }}]"
            ),
        );
    }
}

/// Programs whose entries say `setid = false`.
fn said_to_need_none(cx: &Context<'_>) -> Vec<Id> {
    let tree = &cx.facts.tree;
    let entries = cx.policy.keep.commands.iter().filter(|entry| entry.setid == Some(false));
    let named = entries.flat_map(|entry| matching(tree, &cx.facts.commands, &entry.pattern));
    named.filter_map(|id| tree.follow(id).ok()).map(|found| found.node).collect()
}
