//! remove.commands: only kept commands can be run; then the leftovers of packages that lost all of theirs are removed.
//!
//! [`crate::closure::removable`] selects the files to remove. Source: NIST SP 800-190 §4.1, CIS Docker §4.3.

use crate::closure::removable::{Selection, removable};
use crate::diag::escape::quoted;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let untouched: Vec<Id> = cx.zones.files.iter().filter_map(|path| path.node).collect();
    let found = removable(&Selection {
        tree: &cx.facts.tree,
        commands: &cx.facts.commands,
        packages: &cx.facts.packages,
        closure: cx.closure,
        untouched: &untouched,
        removed: draft.removed(),
    });
    for (id, reason) in found.commands.iter().chain(&found.names) {
        draft.remove(*id, reason);
    }
    super::language_managers::remove(cx, draft);
    if cx.policy.minimal.on && cx.is_on("remove.unneeded") {
        // What else of a package goes is decided there, and a second run must find the same.
        return;
    }
    for (id, reason) in &found.helpers {
        draft.remove(*id, reason);
    }
    for lost in &found.packages {
        let package = quoted(lost.name.as_bytes());
        let parts = [
            (&lost.documentation, "documentation"),
            (&lost.completions, "completions"),
            (&lost.locales, "locales"),
            (&lost.configuration, "configuration"),
        ];
        for (ids, what) in parts {
            let reason = format!("{what} of package {package}, which lost every command");
            for &id in ids {
                draft.remove(id, &reason);
            }
        }
    }
    for &id in found.packages.iter().flat_map(|lost| &lost.directories) {
        draft.remove_when_empty(id);
    }
    for problem in &cx.facts.packages.problems {
        let help = "harden cannot tell which files its packages own, so their programs outside the command directories stay; \
                    repair the database before harden (for rpm: rpm --rebuilddb)";
        draft.warn(problem.clone(), help);
    }
}
