//! A check that could not run, or would show nothing of what is kept: its program goes, or is not kept.
//!
//! A check keeps nothing by itself: what it uses has to be there for the image's sake.

use super::Guard;
use crate::diag::escape::{line, quoted};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::shell;
use crate::tree::{Id, Unresolved};

/// What is said of a program that is there now and not in the end.
const GOES: &str = "would be removed";

/// The guard's id, which refusals of the run have too.
pub(crate) const ID: &str = "guard.checks";

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: ID,
    title: "a check of [check] cannot run, fails before the first change, or uses what would be removed",
    settled: "add the entries that the message names to [keep], or change the check.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    for check in &cx.policy.checks {
        for (at, program) in programs(&check.argv).iter().enumerate() {
            let Err((what, help)) = find(cx, draft, program) else { continue };
            // Only the first word is a program for certain; of those behind a wrapper, what goes was one.
            if at == 0 || what == GOES {
                let named = check.to_string();
                let text = format!("the check '{named}' starts {}, which {what}", quoted(program.as_bytes()));
                draft.refuse_for(&check.origin, text, help);
            }
        }
    }
}

/// The words of a check in command position: the first, and what a wrapper (`env`, `tini`, `gosu`) starts.
fn programs(argv: &[String]) -> Vec<String> {
    let text: Vec<String> = argv.iter().map(|word| shell::quoted(word)).collect();
    let commands = shell::commands(&text.join(" ")).unwrap_or_default();
    let words = commands.first().map(|command| command.programs()).unwrap_or_default();
    let words: Vec<String> = words.into_iter().map(|word| word.text.clone()).collect();
    if words.is_empty() { argv.iter().take(1).cloned().collect() } else { words }
}

/// Whether the program of a check is there in the end, and kept.
fn find(cx: &Context<'_>, draft: &Draft<'_>, word: &str) -> Result<(), (&'static str, String)> {
    let tree = &cx.facts.tree;
    let shown = line(word.as_bytes());
    let keep = || format!("keep it: [keep] commands = [\"{shown}\"], or --keep {shown}");
    let executable = |id: Id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0;
    let entry = if word.contains('/') {
        let base = workdir(cx);
        match tree.resolve_from(base, word.as_bytes(), true) {
            // Not looked at; it will show.
            Err(Unresolved::Mount(_)) => return Ok(()),
            Err(_) => return Err(("does not exist", "correct the path".to_owned())),
            Ok(found) if !executable(found.node) => {
                return Err(("is not an executable file", "correct the path, or chmod +x it".to_owned()));
            }
            Ok(found) if draft.is_removed(found.node) || found.links.iter().any(|&link| draft.is_removed(link)) => {
                return Err((GOES, keep()));
            }
            Ok(found) => found.node,
        }
    } else {
        let in_path = cx.facts.commands.path.iter().filter_map(|&directory| tree.child(directory, word.as_bytes()));
        let named: Vec<Id> = in_path.filter(|&id| tree.follow(id).is_ok_and(|found| executable(found.node))).collect();
        let stays =
            |&&id: &&Id| !draft.is_removed(id) && tree.follow(id).is_ok_and(|found| !draft.is_removed(found.node));
        match named.iter().find(stays) {
            Some(&id) => tree.follow(id).map_or(id, |found| found.node),
            None if named.is_empty() => {
                return Err((
                    "is not in PATH",
                    "correct it, install it before harden runs, write its absolute path, or set run.path".to_owned(),
                ));
            }
            None => return Err((GOES, keep())),
        }
    };
    if cx.closure.contains(entry) {
        return Ok(());
    }
    Err(("the policy does not keep, so its interpreter and libraries may be removed", keep()))
}

fn workdir(cx: &Context<'_>) -> Id {
    let path = cx.policy.workdir.as_deref().unwrap_or("/");
    cx.facts.tree.resolve(path.as_bytes()).map_or(Id::ROOT, |found| found.node)
}
