//! A check that could not run, or would not test the kept files: its program is removed, or is not kept.
//!
//! A check adds nothing to the keep list: the image itself has to need the files that a check uses.

use super::Guard;
use crate::diag::escape::{line, quoted};
use crate::diag::{Help, Keep, List};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::shell;
use crate::tree::{Id, Unresolved};

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
            let Err(lacks) = find(cx, draft, program) else { continue };
            // Only the first word is a program for certain; of those behind a wrapper, what goes was one.
            if at == 0 || lacks == Lacks::Removed {
                let (what, help) = lacks.say(program);
                let text = format!("the check '{check}' starts {}, which {what}", quoted(program.as_bytes()));
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

/// Why a check cannot start a program in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Path,
    Executable,
    Command,
    Removed,
    Kept,
}

impl Lacks {
    /// The end of the sentence about that program, and what to write.
    fn say(self, word: &str) -> (&'static str, Help) {
        let keep = || {
            let flag = format!(", or --keep {}", line(word.as_bytes()));
            Help::begin("keep it:", vec![Keep::new(List::Commands, word)], &flag)
        };
        match self {
            Self::Path => ("does not exist", "correct the path".into()),
            Self::Executable => ("is not an executable file", "correct the path, or chmod +x it".into()),
            Self::Command => (
                "is not in PATH",
                "correct it, install it before harden runs, write its absolute path, or set run.path".into(),
            ),
            Self::Removed => ("would be removed", keep()),
            Self::Kept => ("the policy does not keep, so its interpreter and libraries may be removed", keep()),
        }
    }
}

/// Whether the program of a check is there in the end, and kept.
fn find(cx: &Context<'_>, draft: &Draft<'_>, word: &str) -> Result<(), Lacks> {
    let tree = &cx.facts.tree;
    let executable = |id: Id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0;
    let entry = if word.contains('/') {
        let base = workdir(cx);
        match tree.resolve_from(base, word.as_bytes(), true) {
            // Not looked at; it will show.
            Err(Unresolved::Mount(_)) => return Ok(()),
            Err(_) => return Err(Lacks::Path),
            Ok(found) if !executable(found.node) => return Err(Lacks::Executable),
            Ok(found) if draft.is_removed(found.node) || found.links.iter().any(|&link| draft.is_removed(link)) => {
                return Err(Lacks::Removed);
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
            None if named.is_empty() => return Err(Lacks::Command),
            None => return Err(Lacks::Removed),
        }
    };
    if cx.closure.contains(entry) { Ok(()) } else { Err(Lacks::Kept) }
}

fn workdir(cx: &Context<'_>) -> Id {
    let path = cx.policy.workdir.as_deref().unwrap_or("/");
    cx.facts.tree.resolve(path.as_bytes()).map_or(Id::ROOT, |found| found.node)
}
