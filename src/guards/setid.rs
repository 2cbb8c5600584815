//! A kept command that would lose a set-id bit or a file capability: it would start, and then fail.

use std::collections::BTreeSet;

use super::Guard;
use crate::closure::matching;
use crate::diag::escape::{self, basic_string};
use crate::diag::{Help, Keep, List, Origin};
use crate::draft::Draft;
use crate::facts::accounts::{Database, GID, UID};
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::Id;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.setid",
    title: "a kept command would lose a set-id bit or its file capabilities, or a program of [keep] setid would be removed",
    settled: "add its path to [keep] setid, or write setid = false in its entry; add the program to [keep] commands, or write optional = true.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    without_their_file(cx, draft);
    let tree = &cx.facts.tree;
    let without = said_to_need_none(cx);
    let ids = Ids::of(cx.policy, draft);
    for &id in cx.closure.reasons.keys().filter(|&&id| tree.is_file(id)) {
        let lost_bits = tree.permissions(id) & 0o6000 & !draft.mode(id);
        let lost_capability = tree.meta(id).capability && draft.loses_capability(id);
        if (lost_bits == 0 && !lost_capability)
            || draft.is_removed(id)
            || without.contains(&id)
            || cx.closure.only_for_pam(id)
        {
            continue;
        }
        let path = escape::quoted(&tree.path(id));
        let what = match (lost_bits & 0o4000 != 0, lost_bits != 0) {
            (true, _) => "set-user-ID bit",
            (false, true) => "set-group-ID bit",
            _ => "file capabilities",
        };
        let plain = String::from_utf8_lossy(&tree.path(id)).into_owned();
        let mut keeps = Vec::new();
        if !cx.setid.contains(id) {
            keeps.push(Keep::new(List::Setid, plain.as_str()));
        }
        let pruned = owners(cx, &ids, id);
        keeps.extend(pruned.iter().map(|(_, list, name)| Keep::new(*list, name.as_str())));
        let because: Vec<String> =
            pruned.iter().map(|(kind, _, name)| format!("its {kind} {}", escape::quoted(name.as_bytes()))).collect();
        let because =
            if because.is_empty() { String::new() } else { format!(": {} would be pruned", because.join(" and ")) };
        draft.refuse_for(
            cx.closure.origin(id),
            format!("the kept command {path} would lose its {what}{because}"),
            Help::begin(
                "keep it with",
                keeps,
                &format!(
                    ", or declare it unnecessary with commands = [{{ name = {}, setid = false }}]",
                    basic_string(&plain)
                ),
            ),
        );
    }
}

/// Entries of keep.setid whose program goes: they keep its bits and not the file. The next run would find no such entry.
fn without_their_file(cx: &Context<'_>, draft: &mut Draft<'_>) {
    for entry in cx.policy.keep.setid.iter().filter(|entry| !entry.optional) {
        let Ok(found) = cx.facts.tree.resolve(entry.value.as_bytes()) else { continue };
        if draft.is_removed(found.node) && !matches!(entry.origin, Origin::Profile(_)) {
            let path = escape::quoted(entry.value.as_bytes());
            let keep = Keep::new(List::Commands, entry.value.as_str());
            draft.refuse_for(
                &entry.origin,
                format!("keep.setid entry {path} keeps the set-id bits of a program that would be removed"),
                Help::begin("keep the program too with", vec![keep], ", or write { path = …, optional = true }"),
            );
        }
    }
}

/// What keeps the bits of programs that a message says to keep: otherwise the next run would be refused for them.
pub(super) fn all_with(cx: &Context<'_>, draft: &Draft<'_>, programs: &[Id]) -> BTreeSet<Keep> {
    let tree = &cx.facts.tree;
    let mut keeps = BTreeSet::new();
    for &id in programs.iter().filter(|&&id| tree.permissions(id) & 0o6000 != 0 || tree.meta(id).capability) {
        if !cx.setid.contains(id) {
            keeps.insert(Keep::new(List::Setid, String::from_utf8_lossy(&tree.path(id))));
        }
        let pruned = owners(cx, &Ids::of(cx.policy, draft), id);
        keeps.extend(pruned.iter().map(|(_, list, name)| Keep::new(*list, name.as_str())));
    }
    keeps
}

/// The account and the group of a file that would be pruned, each with the list of `[keep]` that keeps it: without them
/// the file belongs to root, and a set-id bit must not pass to root.
fn owners(cx: &Context<'_>, ids: &Ids, id: Id) -> Vec<(&'static str, List, String)> {
    let (meta, accounts) = (cx.facts.tree.meta(id), &cx.facts.accounts);
    let name = |database: Database, field: usize, number: u32| {
        let lines = accounts.files.get(&database).into_iter().flat_map(|file| &file.lines);
        let line = lines.filter(|line| line.defect.is_none()).find(|line| line.id(field) == Some(number));
        line.map_or_else(|| number.to_string(), |line| String::from_utf8_lossy(line.name()).into_owned())
    };
    let mut found = Vec::new();
    if ids.pruned_user(meta.uid) {
        found.push(("account", List::Users, name(Database::Passwd, UID, meta.uid)));
    }
    if ids.pruned_group(meta.gid) {
        found.push(("group", List::Groups, name(Database::Group, GID, meta.gid)));
    }
    found
}

/// Programs whose entries say `setid = false`.
fn said_to_need_none(cx: &Context<'_>) -> Vec<Id> {
    let tree = &cx.facts.tree;
    let entries = cx.policy.keep.commands.iter().filter(|entry| entry.setid == Some(false));
    let named = entries.flat_map(|entry| matching(tree, &cx.facts.commands, &entry.pattern));
    named.filter_map(|id| tree.follow(id).ok()).map(|found| found.node).collect()
}
