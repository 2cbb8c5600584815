//! Kept programs that start other programs through `/bin/sh`, while it goes.
//!
//! A program that imports system(3), popen(3) or wordexp(3) may never call them where it runs: named, not refused.

use super::Guard;
use crate::diag::escape::{escaped, quoted};
use crate::draft::Draft;
use crate::facts::program::{Program, Shebang};
use crate::rules::context::Context;
use crate::tree::Id;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.shell",
    title: "a kept program starts commands through a shell that would be removed",
    settled: "[keep] commands = [\"sh\"] if it does, [remove] commands = [\"sh\"] if it never does.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    if let Ok(shell) = tree.resolve(b"/bin/sh")
        && shell.links.iter().chain([&shell.node]).any(|&id| draft.is_removed(id))
    {
        let mut names: Vec<&[u8]> = shell.links.iter().chain([&shell.node]).map(|&id| tree.name(id)).collect();
        names.push(b"/bin/sh");
        let told = cx.policy.remove.commands.iter().any(|entry| {
            let value = entry.value.as_bytes();
            names.contains(&value) || tree.resolve(value).is_ok_and(|found| found.node == shell.node)
        });
        if !told {
            name_users(cx, draft);
        }
    }
    note_helpers(cx, draft);
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
        let help =
            "write [keep] commands = [\"sh\"] if it starts commands, or [remove] commands = [\"sh\"] if it never does";
        if cx.policy.strict {
            draft.refuse_for(cx.closure.origin(id), text, help);
        } else {
            draft.warn_for(cx.closure.origin(id), text, help);
        }
    }
}

/// Helpers that stay with their package and whose interpreter goes: for the report.
fn note_helpers(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let mut dead: Vec<(&str, &[u8], Id)> = Vec::new();
    for &id in &cx.facts.commands.helpers {
        let Some(Program::Script(shebang)) = cx.facts.commands.known(id) else { continue };
        if draft.is_removed(id) || !interpreter(cx, shebang).is_some_and(|found| draft.is_removed(found)) {
            continue;
        }
        let package = cx.facts.packages.owner(id).map_or("", |package| &package.name);
        let name = shebang.env_name.as_ref().unwrap_or(&shebang.interpreter);
        dead.push((package, name, id));
    }
    dead.sort_unstable();
    for scripts in dead.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Some(&(package, name, id)) = scripts.first() else { continue };
        let more = if scripts.len() > 1 { format!(" and {} more", scripts.len() - 1) } else { String::new() };
        draft.note(format!(
            "{}{more} of package {} can no longer run: {} is removed",
            quoted(&tree.path(id)),
            quoted(package.as_bytes()),
            escaped(name)
        ));
    }
}

fn interpreter(cx: &Context<'_>, shebang: &Shebang) -> Option<Id> {
    let tree = &cx.facts.tree;
    match &shebang.env_name {
        Some(name) => tree.follow(cx.facts.commands.find_in_path(tree, name)?),
        None => tree.resolve(&shebang.interpreter),
    }
    .ok()
    .map(|found| found.node)
}
