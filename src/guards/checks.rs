//! A check that could not run, or would show nothing of what is kept: its program goes, or nobody keeps it.
//!
//! A check keeps nothing by itself: what it uses has to be there for the image's sake.

use crate::check;
use crate::facts::tree::{Id, Unresolved};
use crate::plan::Draft;
use crate::report::escape::quoted;
use crate::rules::Context;

/// Apply the guard.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    for check in &cx.policy.checks {
        let Some((program, arguments)) = check.argv.split_first() else { continue };
        let named = format!("the check '{}' ({})", check::named(check), check.origin);
        if let Err((what, help)) = find(cx, draft, program) {
            draft.refuse(format!("{named} starts {}, which {what}", quoted(program.as_bytes())), help);
        }
        for path in arguments.iter().filter(|word| word.starts_with('/')) {
            if goes(cx, draft, Id::ROOT, path) {
                let help = format!("keep it: [keep] paths = [\"{path}\"], or --keep {path}");
                draft.refuse(format!("{named} names {}, which would be removed", quoted(path.as_bytes())), help);
            }
        }
    }
}

/// Whether the program of a check is there in the end, and kept.
fn find(cx: &Context<'_>, draft: &Draft<'_>, word: &str) -> Result<(), (String, String)> {
    let tree = &cx.facts.tree;
    let keep = || format!("keep it: [keep] commands = [\"{word}\"], or --keep {word}");
    let executable = |id: Id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0;
    let entry = if word.contains('/') {
        let base = workdir(cx);
        match tree.resolve_from(base, word.as_bytes(), true) {
            // Not looked at; it will show.
            Err(Unresolved::Mount(_)) => return Ok(()),
            Err(_) => return Err(("does not exist".to_owned(), "correct the path".to_owned())),
            Ok(found) if !executable(found.node) => {
                return Err(("is no executable file".to_owned(), "correct the path, or chmod +x it".to_owned()));
            }
            Ok(_) if goes(cx, draft, base, word) => return Err(("would be removed".to_owned(), keep())),
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
                    "is found nowhere in PATH".to_owned(),
                    "correct it, write its absolute path, or set run.path".to_owned(),
                ));
            }
            None => return Err(("would be removed".to_owned(), keep())),
        }
    };
    if cx.closure.contains(entry) {
        return Ok(());
    }
    Err(("nothing in the policy keeps, so that its interpreter and libraries may go".to_owned(), keep()))
}

/// Whether a path leads somewhere now, and nowhere after this run.
fn goes(cx: &Context<'_>, draft: &Draft<'_>, base: Id, path: &str) -> bool {
    cx.facts
        .tree
        .resolve_from(base, path.as_bytes(), true)
        .is_ok_and(|found| draft.is_removed(found.node) || found.links.iter().any(|&link| draft.is_removed(link)))
}

fn workdir(cx: &Context<'_>) -> Id {
    let path = cx.policy.workdir.as_deref().unwrap_or("/");
    cx.facts.tree.resolve(path.as_bytes()).map_or(Id::ROOT, |found| found.node)
}
