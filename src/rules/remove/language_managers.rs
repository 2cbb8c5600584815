//! Package managers of languages, as far as their interpreter stays: pip, npm, CPAN's client and their kin install
//! anything from the network without a command of their own (`python3 -m pip`). harden reports them, and removes them
//! with `[remove] language-managers = true`; a kept one stays whole.

use std::collections::BTreeMap;

use crate::diag::escape::quoted;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::{Id, glob};

/// Those that are there and whose interpreter stays, by interpreter.
fn found(cx: &Context<'_>, draft: &Draft<'_>) -> BTreeMap<&'static str, Vec<Id>> {
    let (tree, commands) = (&cx.facts.tree, &cx.facts.commands);
    let mut found: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
    let is = |name: &[u8], interpreter: &str| {
        let rest = name.strip_prefix(interpreter.as_bytes());
        rest.is_some_and(|version| version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
    };
    let stays = |interpreter: &str| {
        let mut names = commands.entries.iter().filter(|&(&id, _)| !draft.is_removed(id));
        let other = || cx.closure.reasons.keys().any(|&id| tree.is_file(id) && is(tree.name(id), interpreter));
        names.any(|(&id, command)| is(tree.name(id), interpreter) || is(tree.name(command.target), interpreter))
            || other()
    };
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    let lines = include_str!("language_managers.txt").lines().filter(|line| !line.starts_with('#'));
    for (interpreter, pattern) in lines.filter_map(|line| line.split_once(' ')) {
        if *known.entry(interpreter).or_insert_with(|| stays(interpreter)) {
            let all = glob::expand(tree, pattern).into_iter().filter(|&id| !draft.is_removed(id));
            found.entry(interpreter).or_default().extend(all);
        }
    }
    found.retain(|_, all| !all.is_empty());
    found
}

/// Apply `[remove] language-managers`.
pub(super) fn remove(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if !cx.policy.remove.language_managers {
        return;
    }
    let tree = &cx.facts.tree;
    for (interpreter, all) in found(cx, draft) {
        for top in all {
            // A kept manager needs its modules.
            if !tree.subtree(top).any(|id| cx.closure.contains(id)) {
                draft.remove_tree(top, &format!("[remove] language-managers: it installs software for {interpreter}"));
            }
        }
    }
}

/// Name those that stay.
pub(super) fn note(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for (interpreter, all) in found(cx, draft) {
        let list: Vec<String> = all.iter().map(|&id| quoted(&tree.path(id))).collect();
        draft.note(format!(
            "package managers of {interpreter} that stay with it: {} ([remove] language-managers = true removes them)",
            list.join(", ")
        ));
    }
}
