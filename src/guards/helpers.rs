//! Scripts outside of the command directories that stay with a kept command of their package, while their interpreter goes.
//!
//! Which of them run is written nowhere: what a kept program names by its path keeps its interpreter as part of the closure.
//! All others are named, not refused.

use std::collections::BTreeSet;

use super::Guard;
use crate::closure::removable::DOCUMENTATION;
use crate::diag::escape::{basic_string, quoted};
use crate::draft::Draft;
use crate::facts::packages::PackageIndex;
use crate::facts::program::{Program, Shebang};
use crate::rules::context::Context;
use crate::tree::Id;

/// What reportbug(1) runs, which is no part of the program.
const REPORTS: &str = "/usr/share/bug";

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.helpers",
    title: "a script that stays with a kept command of its package would lose its interpreter",
    settled: "[keep] commands with the interpreter if the script runs, [remove] commands if it never does.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let mut dead: Vec<(bool, &str, &[u8], Id)> = Vec::new();
    let staying = staying(cx, draft);
    // A package that never had a command was there for others, which say themselves what they start.
    let had = |id: Id| {
        let packages = &cx.facts.packages;
        packages.owners(id).filter_map(|owner| packages.get(owner)).any(|package| package.had_commands)
    };
    for &id in cx.facts.commands.helpers.iter().filter(|&&id| had(id)) {
        let Some(Program::Script(shebang)) = cx.facts.commands.known(id) else { continue };
        let Some(entries) = interpreter(cx, shebang).filter(|_| !draft.is_removed(id)) else { continue };
        if !entries.iter().any(|&entry| draft.is_removed(entry)) {
            continue;
        }
        let package = cx.facts.packages.owner(id).map_or("", |package| &package.name);
        let name = shebang.env_name.as_ref().unwrap_or(&shebang.interpreter);
        let told = cx.policy.remove.commands.iter().any(|entry| {
            let value = entry.value.as_bytes();
            value == name || entries.iter().any(|&id| value == tree.name(id) || value == tree.path(id))
        });
        let stays = cx.facts.packages.owners(id).any(|owner| staying.contains(&owner));
        let path = tree.path(id);
        let read = |top: &str| path.strip_prefix(top.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"));
        let runs = !DOCUMENTATION.into_iter().chain([REPORTS]).any(read);
        dead.push((stays && runs && !told, package, name, id));
    }
    dead.sort_unstable();
    for scripts in dead.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
        let Some(&(counts, package, name, id)) = scripts.first() else { continue };
        let more = if scripts.len() > 1 { format!(" and {} more", scripts.len() - 1) } else { String::new() };
        let text = format!(
            "{}{more} of package {} can no longer run: {} is removed",
            quoted(&tree.path(id)),
            quoted(package.as_bytes()),
            quoted(name)
        );
        let entry = basic_string(&String::from_utf8_lossy(name));
        let help = format!(
            "write [keep] commands = [{entry}] if one of them runs, [remove] commands = [{entry}] if none does"
        );
        match (counts, cx.policy.strict) {
            (false, _) => draft.note(text),
            (true, true) => draft.refuse(text, help),
            (true, false) => draft.warn(text, help),
        }
    }
}

/// Packages with a command that stays.
fn staying(cx: &Context<'_>, draft: &Draft<'_>) -> BTreeSet<PackageIndex> {
    let (commands, packages) = (&cx.facts.commands, &cx.facts.packages);
    let kept = commands.entries.iter().filter(|&(&id, _)| !draft.is_removed(id) && cx.closure.contains(id));
    kept.flat_map(|(&id, command)| packages.owners(commands.attributed(packages, id, command.target))).collect()
}

/// The interpreter of a script, with the links that lead to it.
fn interpreter(cx: &Context<'_>, shebang: &Shebang) -> Option<Vec<Id>> {
    let tree = &cx.facts.tree;
    let found = match &shebang.env_name {
        Some(name) => tree.resolve(&tree.path(cx.facts.commands.find_in_path(tree, name)?)),
        None => tree.resolve(&shebang.interpreter),
    };
    found.ok().map(|found| found.links.into_iter().chain([found.node]).collect())
}
