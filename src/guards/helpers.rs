//! Scripts outside of the command directories that stay with a kept command of their package, while their interpreter
//! is removed.
//!
//! No file says which of them run: a script that a kept program names by its path keeps its interpreter as part of the
//! closure. All others are reported, not refused. So are scripts of no package outside of the system directories, which
//! are the application's; those are refused where a program runs whose work is to start scripts that requests name, as
//! the program files say.

use std::collections::{BTreeMap, BTreeSet};

use super::{Guard, reach};
use crate::closure::removable::DOCUMENTATION;
use crate::diag::escape::{basic_string, quoted};
use crate::diag::{Help, Keep, List};
use crate::draft::Draft;
use crate::facts::packages::PackageIndex;
use crate::facts::program::{Program, Shebang};
use crate::rules::context::Context;
use crate::tree::Id;

/// What reportbug(1) runs, which is no part of the program.
const REPORTS: &str = "/usr/share/bug";

/// Most scripts of the application that are looked at.
const MOST: usize = 20_000;

/// Directories of the system below `/`, besides those of libraries.
const SYSTEM: [&[u8]; 8] = [b"bin", b"sbin", b"usr", b"etc", b"boot", b"run", b"proc", b"dev"];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.helpers",
    title: "a script that stays with a kept command of its package, or with the application, would lose its interpreter",
    settled: "add the interpreter to [keep] commands if the script runs, and to [remove] commands if it never does.",
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
        let told = is_told(cx, name, &entries);
        let stays = cx.facts.packages.owners(id).any(|owner| staying.contains(&owner));
        let path = tree.path(id);
        let read = |top: &str| path.strip_prefix(top.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"));
        let runs = !DOCUMENTATION.into_iter().chain([REPORTS]).any(read);
        dead.push((stays && runs && !told, package, name, id));
    }
    application(cx, draft);
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
        let help = settle(name);
        match (counts, cx.policy.strict) {
            (false, _) => draft.note(text),
            (true, true) => draft.refuse(text, help),
            (true, false) => draft.warn(text, help),
        }
    }
}

/// What to write of an interpreter.
fn settle(name: &[u8]) -> Help {
    let name = String::from_utf8_lossy(name);
    let remove = format!(" if one of them runs, [remove] commands = [{}] if none does", basic_string(&name));
    Help::write(vec![Keep::new(List::Commands, name)], &remove)
}

/// Whether the policy says that an interpreter goes knowingly.
fn is_told(cx: &Context<'_>, name: &[u8], entries: &[Id]) -> bool {
    let tree = &cx.facts.tree;
    cx.policy.remove.commands.iter().any(|entry| {
        let value = entry.value.as_bytes();
        value == name || entries.iter().any(|&id| value == tree.name(id) || value == tree.path(id))
    })
}

/// A program that starts scripts which requests name, and that runs when the image starts.
pub(super) fn starter(cx: &Context<'_>) -> Option<Id> {
    let tree = &cx.facts.tree;
    let starts_any = |id: &Id| {
        let known = cx.policy.programs.of(tree.name(*id), &tree.path(*id));
        known.iter().any(|(program, _)| program.starts_any)
    };
    cx.closure.reasons.keys().copied().find(starts_any).filter(|&id| {
        let node = tree.follow(id).map(|found| found.node);
        node.is_ok_and(|node| reach::reached(cx).contains(node))
    })
}

/// Scripts of the application: executable files of no package outside of the system directories.
pub(super) fn of_application(cx: &Context<'_>, draft: &Draft<'_>) -> Vec<(Id, Box<Shebang>)> {
    let tree = &cx.facts.tree;
    let is_candidate = |&id: &Id| {
        tree.is_file(id)
            && tree.permissions(id) & 0o111 != 0
            && !draft.is_removed(id)
            && !cx.facts.commands.is_in_directory(tree, id)
            && cx.facts.packages.owner(id).is_none()
            && is_application(cx, id)
    };
    let script = |id: Id| match cx.facts.commands.program(tree, cx.contents, id) {
        Ok(Program::Script(shebang)) => Some((id, shebang)),
        _ => None,
    };
    tree.ids().filter(is_candidate).take(MOST).filter_map(script).collect()
}

/// Scripts of the application, by the interpreter that they lose.
fn lost(cx: &Context<'_>, draft: &Draft<'_>) -> BTreeMap<Vec<u8>, Vec<Id>> {
    let mut own: BTreeMap<Vec<u8>, Vec<Id>> = BTreeMap::new();
    for (id, shebang) in of_application(cx, draft) {
        let Some(entries) = interpreter(cx, &shebang) else { continue };
        let name = shebang.env_name.as_ref().unwrap_or(&shebang.interpreter);
        if entries.iter().any(|&entry| draft.is_removed(entry)) && !is_told(cx, name, &entries) {
            own.entry(name.clone()).or_default().push(id);
        }
    }
    own
}

/// Refuse or warn about them.
fn application(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let own = lost(cx, draft);
    if own.is_empty() {
        return;
    }
    let starter = starter(cx);
    for (name, scripts) in &own {
        let Some(&id) = scripts.first() else { continue };
        let more = if scripts.len() > 1 { format!(" and {} more", scripts.len() - 1) } else { String::new() };
        let text = format!(
            "{}{more}, owned by no package, can no longer run: {} is removed",
            quoted(&tree.path(id)),
            quoted(name)
        );
        let help = settle(name);
        match starter {
            Some(starter) => {
                let text = format!("{text}, and {} starts scripts that requests name", quoted(&tree.path(starter)));
                draft.refuse_for(cx.closure.origin(starter), text, help);
            }
            None => draft.warn(text, help),
        }
    }
}

/// Whether an entry lies outside of the system directories, those for data of the system included.
fn is_application(cx: &Context<'_>, id: Id) -> bool {
    let tree = &cx.facts.tree;
    let path = tree.path(id);
    let mut parts = path.split(|&b| b == b'/').skip(1);
    let top = parts.next().unwrap_or_default();
    let data = top == b"var" && parts.next().is_some_and(|part| part != b"www");
    !(SYSTEM.contains(&top) || top.starts_with(b"lib") || data)
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
