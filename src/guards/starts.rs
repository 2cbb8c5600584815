//! Kept programs whose own texts name other programs, while those are removed.
//!
//! A program that can start others and holds `/usr/bin/doveconf` or `rm -rf %s/files.db` may start it, or may never do
//! so where it runs. So it is refused where both are likely: the program runs when the image starts, and the text is a
//! whole command line, or the path of a program that its package depends on. All others are reported, not refused.
//! Libraries are not looked into, nor static programs, which import nothing; [`super::shell`] handles programs that run
//! `/bin/sh` through the C library.

use std::collections::BTreeMap;

use super::{Guard, reach, setid, shell};
use crate::closure::evidence::{Evidence, Mention};
use crate::diag::escape::{first, quoted};
use crate::diag::{Help, Keep, List};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// Bytes shown of a command line.
const SHOWN: usize = 60;
/// Files shown of those that name the same.
const FIRST: usize = 3;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.starts",
    title: "a kept program names a program that would be removed",
    settled: "add the program to [keep] commands, or to [remove] commands if it is never started.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let mut reached = None;
    // Files with one list are one warning, as the helpers of Git that name a shell.
    let mut warnings: BTreeMap<Said, Vec<Id>> = BTreeMap::new();
    let no_shell = shell::goes(cx, draft);
    for evidence in &cx.closure.evidence {
        // Which of its applets starts something is written nowhere in a multi-call binary.
        let multicall = cx.multicall.iter().any(|(binary, _)| binary.program == evidence.file);
        if draft.is_removed(evidence.file) || multicall {
            continue;
        }
        // A command line needs the shell besides, where the program gives it to system(3).
        let shell = no_shell && cx.closure.shell_users.iter().any(|&(user, _)| user == evidence.file);
        let counts = |mention: &&Mention| counts(cx, draft, evidence, mention, shell);
        let lost: Vec<&Mention> = evidence.programs.iter().filter(counts).collect();
        if lost.is_empty() {
            continue;
        }
        let runs = reached.get_or_insert_with(|| reach::reached(cx)).contains(evidence.file);
        let sure =
            |mention: &&Mention| !mention.is_shell(&cx.facts.tree) && (mention.line.is_some() || mention.related);
        let (refused, warned): (Vec<&Mention>, Vec<&Mention>) = lost.into_iter().partition(|one| runs && sure(one));
        if let Some(said) = said(cx, draft, &refused, shell) {
            let text = text(cx, &[evidence.file], &said);
            draft.refuse_for(cx.closure.origin(evidence.file), text, said.help);
        }
        if let Some(said) = said(cx, draft, &warned, shell) {
            warnings.entry(said).or_default().push(evidence.file);
        }
    }
    for (said, files) in warnings {
        let text = text(cx, &files, &said);
        let origin = files.first().and_then(|&file| cx.closure.origin(file));
        if cx.policy.strict {
            draft.refuse_for(origin, text, said.help);
        } else {
            draft.warn_for(origin, text, said.help);
        }
    }
}

/// What files name, and what settles it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    list: String,
    help: Help,
}

/// The message about files that name the same: the first ones, and how many more.
fn text(cx: &Context<'_>, files: &[Id], said: &Said) -> String {
    let path = |file: &Id| quoted(&cx.facts.tree.path(*file));
    let one = |file: &Id| {
        let reason = cx.closure.reasons.get(file).map_or_else(String::new, |reason| reason.clause(&cx.facts.tree));
        format!("{} ({reason}) can start other programs and names", path(file))
    };
    let head = match files {
        [file] => one(file),
        _ => {
            format!("{} can start other programs and name", first(files, FIRST, path))
        }
    };
    format!("{head} some that would be removed: {}", said.list)
}

/// Whether a mention is of a command that would go, or that needs the shell which would go, and is worth a message.
fn counts(cx: &Context<'_>, draft: &Draft<'_>, evidence: &Evidence, mention: &Mention, shell: bool) -> bool {
    if mention.helper || (shell && mention.is_shell(&cx.facts.tree)) {
        return false;
    }
    // A library starts what it is told: only a text that says more than a path tells what.
    (evidence.own || mention.related || mention.line.is_some())
        && command(cx, &mention.word).is_some_and(|entries| {
            let goes = entries.iter().any(|&id| draft.is_removed(id));
            (goes || (shell && mention.line.is_some())) && !is_told(cx, &mention.word, &entries)
        })
}

fn said(cx: &Context<'_>, draft: &Draft<'_>, lost: &[&Mention], shell: bool) -> Option<Said> {
    if lost.is_empty() {
        return None;
    }
    let show = |mention: &&Mention| {
        let word = quoted(&mention.word);
        let Some(line) = &mention.line else { return word };
        let more = if line.len() > SHOWN { "…" } else { "" };
        format!("{word} (in the command line {}{more})", quoted(line.get(..SHOWN).unwrap_or(line)))
    };
    let goes = |mention: &&&Mention| {
        command(cx, &mention.word).is_some_and(|entries| entries.iter().any(|&id| draft.is_removed(id)))
    };
    let mut words: Vec<&[u8]> = lost.iter().filter(goes).map(|mention| &mention.word[..]).collect();
    words.dedup();
    let mut list: Vec<String> = lost.iter().map(show).collect();
    if shell && lost.iter().any(|mention| mention.line.is_some()) {
        words.push(b"sh");
        list.push("'/bin/sh' (which runs its command lines)".to_owned());
    }
    let list = list.join(", ");
    let mut keeps: Vec<Keep> =
        words.iter().map(|word| Keep::new(List::Commands, String::from_utf8_lossy(word))).collect();
    let programs: Vec<Id> = words.iter().filter_map(|word| command(cx, word)?.pop()).collect();
    keeps.extend(setid::all_with(cx, draft, &programs));
    let help =
        Help::write(keeps, " for programs that it starts, and [remove] commands for programs that it never starts");
    Some(Said { list, help })
}

/// The command that a path or a name leads to, with the links on the way; `None` for what is no command.
fn command(cx: &Context<'_>, word: &[u8]) -> Option<Vec<Id>> {
    let (tree, commands) = (&cx.facts.tree, &cx.facts.commands);
    let found = if word.contains(&b'/') {
        tree.resolve(word).ok()?
    } else {
        tree.resolve(&tree.path(commands.find_in_path(tree, word)?)).ok()?
    };
    let entries: Vec<Id> = found.links.into_iter().chain([found.node]).collect();
    let is = tree.is_file(found.node) && entries.iter().any(|&id| commands.is_in_directory(tree, id));
    is.then_some(entries)
}

/// Whether the policy says that the command goes knowingly.
fn is_told(cx: &Context<'_>, word: &[u8], entries: &[Id]) -> bool {
    let tree = &cx.facts.tree;
    let names =
        |value: &[u8]| value == word || entries.iter().any(|&id| value == tree.name(id) || value == tree.path(id));
    cx.policy.remove.commands.iter().any(|entry| names(entry.value.as_bytes()))
}
