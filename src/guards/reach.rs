//! Programs that run when the image starts: the words of its command, and the programs that those and their scripts
//! start at once.

use crate::closure::{Seed, Why};
use crate::facts::program::Program;
use crate::rules::context::Context;
use crate::scripts::How;
use crate::tree::Id;
use crate::tree::set::IdSet;

/// The files of those programs, without links. What is named by a text in one of them is not among them.
pub(super) fn reached(cx: &Context<'_>) -> IdSet {
    let tree = &cx.facts.tree;
    let named = |why: &Why| matches!(why, Why::Named(Seed::Word | Seed::Command, ..));
    let words = cx.closure.reasons.iter().filter(|(_, reason)| reason.from.is_none() && named(&reason.why));
    let mut entries: Vec<Id> = words.map(|(&id, _)| id).collect();
    for file in cx.reached() {
        let runs = file.names.iter().filter(|name| name.how != How::Reads && !name.optional);
        entries.extend(runs.map(|name| name.entry));
    }
    let mut found: IdSet = entries.into_iter().filter_map(|id| Some(tree.follow(id).ok()?.node)).collect();
    // What runs a script reads it, and starts what stands there: the interpreter's own texts say as much as the program's.
    let started: Vec<Id> = cx
        .closure
        .reasons
        .iter()
        .filter(|(_, reason)| matches!(reason.why, Why::Needed(_)))
        .filter(|(_, reason)| reason.from.is_some_and(|from| found.contains(from) && !is_script(cx, from)))
        .map(|(&id, _)| id)
        .collect();
    found.extend(started.into_iter().filter_map(|id| Some(tree.follow(id).ok()?.node)));
    found
}

fn is_script(cx: &Context<'_>, id: Id) -> bool {
    matches!(cx.facts.commands.known(id), Some(Program::Script(_)))
}
