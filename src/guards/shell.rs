//! Kept programs that start other programs through `/bin/sh`, while `/bin/sh` is removed.
//!
//! A program that imports system(3), popen(3) or wordexp(3) may never call them: the guard reports it and does not
//! refuse.

use super::Guard;
use crate::diag::escape::quoted;
use crate::diag::{Help, Keep, List};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Resolved;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.shell",
    title: "a kept program starts commands through a shell that would be removed",
    settled: "write [keep] commands = [\"sh\"] if it starts commands, and [remove] commands = [\"sh\"] if it never does.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if goes(cx, draft) {
        name_users(cx, draft);
    }
}

/// Whether `/bin/sh` would go, and the policy does not say that it should.
pub(super) fn goes(cx: &Context<'_>, draft: &Draft<'_>) -> bool {
    let tree = &cx.facts.tree;
    let found = tree.resolve(b"/bin/sh").ok();
    let goes = |shell: &Resolved| shell.links.iter().chain([&shell.node]).any(|&id| draft.is_removed(id));
    found.filter(goes).is_some_and(|shell| {
        let mut names: Vec<&[u8]> = shell.links.iter().chain([&shell.node]).map(|&id| tree.name(id)).collect();
        names.push(b"/bin/sh");
        let told = cx.policy.remove.commands.iter().any(|entry| {
            let value = entry.value.as_bytes();
            names.contains(&value) || tree.resolve(value).is_ok_and(|found| found.node == shell.node)
        });
        !told
    })
}

fn name_users(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for &(id, ref functions) in &cx.closure.shell_users {
        let why = cx.closure.explain(tree, id).into_iter().next().unwrap_or_default();
        let text = format!(
            "{} ({why}) imports {}, which needs '/bin/sh', but '/bin/sh' would be removed",
            quoted(&tree.path(id)),
            functions.join(" and ")
        );
        let help = Help::write(
            vec![Keep::new(List::Commands, "sh")],
            " if it starts commands, or [remove] commands = [\"sh\"] if it never does",
        );
        if cx.policy.strict {
            draft.refuse_for(cx.closure.origin(id), text, help);
        } else {
            draft.warn_for(cx.closure.origin(id), text, help);
        }
    }
}
