//! remove.links: links that this run breaks, resolved inside the root.
//!
//! A link that led nowhere before stays: its target may come at run time (/run, /proc, a volume).

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let broken: Vec<Id> = tree
        .ids()
        .filter(|&id| tree.is_link(id) && !draft.is_removed(id) && !cx.zones.kernel.contains(id))
        .filter(|&id| {
            tree.follow(id).is_ok_and(|found| {
                draft.is_removed(found.node) || found.links.iter().any(|&link| draft.is_removed(link))
            })
        })
        .collect();
    for id in broken {
        draft.remove(id, "this run removed its target");
    }
}
