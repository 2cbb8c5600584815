//! files.capabilities: no program brings capabilities of its own (capabilities(7), `security.capability`). The kernel looks
//! at the attribute only of a file that it executes: files without an x bit are not asked for it, a call each.

use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for id in tree.ids().filter(|&id| tree.meta(id).capability && tree.permissions(id) & 0o111 != 0) {
        if !draft.is_removed(id) && !cx.setid.contains(id) {
            draft.drop_capability(id, "no file grants capabilities");
        }
    }
}
