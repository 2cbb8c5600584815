//! Entrypoint scripts and the little programs that start others, about to be removed although the policy does not
//! mention them: the image's real ENTRYPOINT may well be one of them.

use std::collections::BTreeSet;

use super::Guard;
use crate::diag::escape::{self, basic_string};
use crate::diag::{Help, Keep, List};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

const STARTERS: &[&[u8]] = &[b"tini", b"dumb-init", b"gosu", b"su-exec", b"supervisord"];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.entrypoints",
    title: "a program that images often start with would be removed, and the policy does not mention it",
    settled: "name it in run.command or [keep] commands if the image uses it, and in [remove] commands if it does not.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let told = &cx.policy.remove.commands;
    let mut named: Option<BTreeSet<Id>> = None;
    for id in tree.ids().filter(|&id| !tree.is_dir(id)) {
        if !draft.is_removed(id) {
            continue;
        }
        let name = tree.name(id);
        let entrypoint = contains(name, b"entrypoint") && is_script_like(cx, id);
        let starter = STARTERS.contains(&name) && cx.facts.commands.directories.contains(&tree.parent(id));
        if !entrypoint && !starter {
            continue;
        }
        let path = tree.path(id);
        if told.iter().any(|entry| entry.value.as_bytes() == name || entry.value.as_bytes() == path) {
            continue;
        }
        // A script that needs it is refused with the line that says so.
        let named = named.get_or_insert_with(|| {
            let all = cx.reached().iter().flat_map(|file| &file.names);
            BTreeSet::from_iter(all.filter(|name| !name.optional).map(|name| name.entry))
        });
        if named.contains(&id) {
            continue;
        }
        let name = basic_string(&String::from_utf8_lossy(name));
        draft.refuse(
            format!(
                "{} would be removed, but images often start with it and the policy does not mention it",
                escape::quoted(&path)
            ),
            Help::write(
                vec![Keep::new(List::Commands, String::from_utf8_lossy(&path))],
                &format!(" if the image uses it, [remove] commands = [{name}] if it does not"),
            ),
        );
    }
}

/// Documentation may have the word in its name: only what could be started counts.
fn is_script_like(cx: &Context<'_>, id: Id) -> bool {
    let tree = &cx.facts.tree;
    tree.is_link(id) || (tree.is_file(id) && tree.permissions(id) & 0o111 != 0)
}

fn contains(name: &[u8], word: &[u8]) -> bool {
    name.windows(word.len()).any(|window| window == word)
}
