//! remove.applets: a kept multi-call binary runs its kept applets only.
//!
//! Kept are the applets whose entries stay for any reason, and those that the command of the image and kept scripts
//! call as `busybox NAME`. The binary is replaced by one in which the others are disabled (docs/busybox.md); if harden
//! cannot prove the new binary right, it refuses the plan. Source: NIST SP 800-190 §4.1.

mod named;

pub(crate) use named::{Named, collect};

use std::collections::BTreeSet;

use crate::applets;
use crate::diag::escape::{escaped, quoted};
use crate::diag::help::lines;
use crate::diag::{Keep, List};
use crate::draft::record::LineChange;
use crate::draft::{AppletChange, Draft};
use crate::facts::multicall::{Family, MultiCall, is_telling};
use crate::rules::context::Context;
use crate::tree::{Id, Tree};

/// Most names written out in a message.
const SHOWN: usize = 12;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    for (program, named) in cx.multicall {
        one(cx, draft, program, named);
    }
}

/// What is left of multi-call programs for the report, without their bytes.
pub(crate) fn left(found: Vec<(MultiCall, Named)>, draft: &mut Draft<'_>) -> Vec<MultiCall> {
    let stays = |program: &MultiCall| {
        !draft.is_removed(program.program) || program.entries.iter().any(|&entry| !draft.is_removed(entry))
    };
    let mut left: Vec<MultiCall> = found.into_iter().map(|(program, _)| program).filter(stays).collect();
    for program in &mut left {
        program.data = Vec::new();
        program.table = None;
        if let Some(change) = draft.applets.iter_mut().find(|change| change.program == program.program) {
            program.changed = Some(change.written);
            program.applets = std::mem::take(&mut change.kept);
            program.disabled = std::mem::take(&mut change.disabled);
        }
        // The name that is shown is one that stays.
        let other = program.entries.iter().copied().find(|&entry| !draft.is_removed(entry));
        if let Some(other) = program.changed.or(other).filter(|_| draft.is_removed(program.program)) {
            program.program = other;
        }
        let has = |name: &str| program.applets.iter().any(|applet| applet == name);
        let shell = has("sh") || has("ash");
        program.builtins.retain(|builtin| shell && !program.applets.contains(builtin));
    }
    left
}

fn one(cx: &Context<'_>, draft: &mut Draft<'_>, program: &MultiCall, named: &Named) {
    let tree = &cx.facts.tree;
    let names = names(tree, program.program, draft);
    let plain = tree.path(names.first().copied().unwrap_or(program.program));
    let path = quoted(&plain);
    if names.is_empty() || (program.family == Family::Links && program.problem.is_none()) {
        return;
    }
    if let Named::All(why) = named {
        if !program.applets.is_empty() {
            draft.note(format!("{path} keeps all of its {} applets: {why}", program.applets.len()));
        }
        return;
    }
    let needed = cx.closure.contains(program.program) || program.entries.iter().any(|&id| cx.closure.contains(id));
    let owned = |id: Id| draft.is_untouchable(id) || cx.zones.application.contains(id);
    let untouched = names.iter().any(|&id| owned(id));
    if let Some(problem) = program.problem {
        if !untouched {
            return refuse(draft, &plain, problem);
        }
        let text = format!("{path} stays unchanged, and harden cannot read its applets: {problem}");
        return draft.warn(text, "delete it before harden runs if the image does not need it: it is in keep.paths, below a [files] path, or on a mount");
    }
    if !needed || untouched {
        let help = if needed {
            "keep single applets in keep.commands: harden does not change the binary in keep.paths, below a [files] path, or on a mount"
        } else {
            "name its directory in [remove] directories, or delete the file before harden runs: no kept command needs it"
        };
        let text = format!("{path} stays unchanged and still runs {} applets", program.applets.len());
        return draft.warn(text, help);
    }
    let called = kept(cx, draft, program, named);
    let keep = |name: &str| called.contains(name);
    if program.applets.iter().all(|name| keep(name)) {
        return copies(cx, draft, program, None);
    }
    if program.family == Family::Table(applets::Family::Coreutils) {
        let text = format!(
            "{path} runs all of its {} programs, under any name: it has no table that harden could change",
            program.applets.len()
        );
        return draft.warn(text, "install coreutils as separate programs, or keep none of them");
    }
    if called.is_empty() {
        return refuse(draft, &plain, "it is not known which of its applets are needed");
    }
    let Some(table) = &program.table else { return };
    match table.disable(&program.data, &keep) {
        Err(problem) => refuse(draft, &plain, problem),
        // Disabled before, as it should be.
        Ok(patched) if !patched.changed => copies(cx, draft, program, None),
        Ok(patched) => {
            let (stay, gone): (Vec<String>, Vec<String>) = program.applets.iter().cloned().partition(|name| keep(name));
            let before = format!("{} applets", program.applets.len());
            let after = format!("{} applets: {}", stay.len(), shown(&stay));
            let Some(&written) = names.first() else { return };
            record(draft, &tree.path(written), before, after);
            if !patched.silent.is_empty() {
                draft.note(format!(
                    "{path} still starts {} disabled applets, which do nothing and fail: {}",
                    patched.silent.len(),
                    shown(&patched.silent)
                ));
            }
            let others: Vec<String> = gone.iter().filter(|name| is_other(cx, draft, program, name)).cloned().collect();
            if !others.is_empty() {
                draft.note(format!(
                    "{path} loses applets that have the names of other kept programs: {}",
                    shown(&others)
                ));
            }
            let disabled = gone.into_iter().filter(|name| !patched.silent.contains(name)).collect();
            draft.applets.push(AppletChange { program: program.program, written, kept: stay, disabled });
            copies(cx, draft, program, Some(&patched.data));
            draft.rewrite_all(&names, patched.data);
        }
    }
}

/// The program's copies become what it is, or what it becomes when that is given.
fn copies(cx: &Context<'_>, draft: &mut Draft<'_>, program: &MultiCall, new: Option<&Vec<u8>>) {
    let tree = &cx.facts.tree;
    for copy in program.copies.iter().filter(|copy| copy.behind || new.is_some()) {
        let names = names(tree, copy.program, draft);
        let owned = |&id: &Id| draft.is_untouchable(id) || cx.zones.application.contains(id);
        let Some(&first) = names.first() else { continue };
        let path = tree.path(first);
        if names.iter().any(owned) {
            let text = format!("{} stays unchanged and runs more applets than are kept", quoted(&path));
            draft.warn(
                text,
                "delete this copy before harden runs: it is in keep.paths, below a [files] path, or on a mount",
            );
            continue;
        }
        let (before, after) = ("all its applets".to_owned(), "the applets of the program it is a copy of".to_owned());
        record(draft, &path, before, after);
        draft.rewrite_all(&names, new.unwrap_or(&program.data).clone());
    }
}

/// Every name of the file that stays.
fn names(tree: &Tree, program: Id, draft: &Draft<'_>) -> Vec<Id> {
    let mut names: Vec<Id> = match tree.file_id(program) {
        Some(file) => tree.ids().filter(|&id| tree.file_id(id) == Some(file)).collect(),
        None => vec![program],
    };
    names.retain(|&id| !draft.is_removed(id));
    names
}

/// Applets that stay: those of entries that no rule removes, and those that are asked for.
fn kept(cx: &Context<'_>, draft: &Draft<'_>, program: &MultiCall, named: &Named) -> BTreeSet<String> {
    let tree = &cx.facts.tree;
    let name = |id: Id| String::from_utf8_lossy(tree.name(id)).into_owned();
    let entries = program.entries.iter().copied().filter(|&id| !draft.is_removed(id)).map(name);
    // Alpine's bbsuid starts busybox under the name it was called by.
    let by_bbsuid = |id: Id| tree.follow(id).is_ok_and(|found| tree.name(found.node) == b"bbsuid");
    let through =
        cx.facts.commands.entries.keys().copied().filter(|&id| !draft.is_removed(id) && by_bbsuid(id)).map(name);
    let mut kept: BTreeSet<String> = entries.chain(through).collect();
    if let Named::Some(names) = named {
        kept.extend(names.iter().cloned());
    }
    kept.retain(|name| program.applets.contains(name));
    kept
}

/// Whether a kept command that does not run this program has the name of an applet.
fn is_other(cx: &Context<'_>, draft: &Draft<'_>, program: &MultiCall, name: &str) -> bool {
    let mut entries = cx.facts.commands.entries.keys().filter(|&&id| cx.facts.tree.name(id) == name.as_bytes());
    entries.any(|&id| !draft.is_removed(id) && !program.entries.contains(&id))
}

fn record(draft: &mut Draft<'_>, path: &[u8], before: String, after: String) {
    let line = LineChange { account: Vec::new(), before: Some(before), after: Some(after) };
    draft.record_line("remove.applets", path, line, "no kept command needs the others");
}

fn refuse(draft: &mut Draft<'_>, path: &[u8], problem: &str) {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let (list, value) = if is_telling(name) { (List::Commands, name) } else { (List::Paths, path) };
    let all = lines(&[Keep::new(list, String::from_utf8_lossy(value))]);
    draft.refuse(
        format!("cannot separate the removed applets of {} from the kept ones: {problem}", quoted(path)),
        // What all of them are, only a person knows.
        format!("keep all of them with {all}, keep none of them, or switch remove.applets off"),
    );
}

fn shown(names: &[String]) -> String {
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| escaped(name.as_bytes())).collect();
    let more = if names.len() > SHOWN { " …" } else { "" };
    format!("{}{more}", first.join(" "))
}
