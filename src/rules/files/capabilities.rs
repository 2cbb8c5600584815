//! files.capabilities: no program brings capabilities of its own (capabilities(7), `security.capability`).

use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for id in tree.ids().filter(|&id| tree.meta(id).capability) {
        if !draft.is_removed(id) && !cx.setid.contains(id) {
            draft.drop_capability(id, "no file grants capabilities");
        }
    }
}
