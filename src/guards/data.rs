//! A directory for data in which the image's program could write before this run, and the run user could not after it.
//!
//! An account gets a directory in order to write there. When that account is removed, its directories become root's;
//! and an image that ran as root and now runs as a user loses root's right to write in its volumes. Neither shows in a
//! build: the program starts, and fails at its first write.

use std::collections::{BTreeMap, BTreeSet};

use super::Guard;
use crate::diag::escape::{basic_string, first, quoted};
use crate::draft::Draft;
use crate::facts::Facts;
use crate::facts::accounts::{HOME, UID, parse_id};
use crate::policy::Start;
use crate::rules::context::Context;
use crate::rules::ids::{Ids, RunIds};
use crate::tree::{Id, Tree};

/// Directories named in one refusal.
const SHOWN: usize = 8;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.data",
    title: "the run user could not write in a directory that another account was given, or in a volume",
    settled: "name the directory in [files] writable if the program writes there, else in [keep] paths; or run the program as the account that owns it.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let ids = Ids::of(cx.policy, draft);
    let Some(run) = ids.run().filter(|run| run.uid != 0 && cx.policy.start != Start::Root) else { return };
    taken(cx, draft, &ids, run);
    if cx.policy.image.as_ref().is_some_and(|image| image.starts_as_root) {
        volumes(cx, draft, run);
    }
}

/// Directories that accounts were given, with the name of the account: the topmost ones of those that `asked` wants. Those that a
/// package brought, or made for itself, are its own; a home is none for data.
pub(crate) fn given(facts: &Facts, asked: impl Fn(Id) -> bool) -> BTreeMap<Id, String> {
    let (tree, packages) = (&facts.tree, &facts.packages);
    let mut found: BTreeMap<Id, String> = BTreeMap::new();
    let candidates = tree.ids().filter(|&id| {
        let meta = tree.meta(id);
        tree.is_dir(id) && meta.uid != 0 && meta.mode & 0o200 != 0 && packages.owner(id).is_none() && asked(id)
    });
    let candidates: Vec<Id> = candidates.collect();
    if candidates.is_empty() {
        return found;
    }
    let names: BTreeSet<&[u8]> =
        packages.iter().flat_map(|(_, of)| [of.name.as_bytes(), of.source.as_bytes()]).collect();
    let mut owners: BTreeMap<u32, String> = BTreeMap::new();
    let mut homes: BTreeSet<(u32, Id)> = BTreeSet::new();
    for line in facts.accounts.passwd() {
        let Some(uid) = parse_id(line.field(UID)) else { continue };
        owners.entry(uid).or_insert_with(|| lossy(line.name()));
        homes.extend(tree.resolve(line.field(HOME)).map(|home| (uid, home.node)));
    }
    for id in candidates {
        let uid = tree.meta(id).uid;
        // A directory below one that is already named is settled by the same line.
        // What a package made below its own directory is its own, too: the caches of man-db.
        let of_package = |at: Id| packages.owner(at).is_some() && tree.meta(at).uid == uid;
        let is_other = |at: Id| found.contains_key(&at) || names.contains(tree.name(at)) || of_package(at);
        if let Some(owner) = owners.get(&uid)
            && !homes.contains(&(uid, id))
            && !tree.ancestors(id).filter(|&at| at != Id::ROOT).any(is_other)
        {
            found.insert(id, owner.clone());
        }
    }
    found
}

/// Those of accounts that go.
fn taken(cx: &Context<'_>, draft: &mut Draft<'_>, ids: &Ids, run: &RunIds) {
    let tree = &cx.facts.tree;
    let found = given(cx.facts, |id| ids.pruned_user(tree.meta(id).uid) && !is_settled(cx, draft, run, id));
    let Some(owner) = found.values().next() else { return };
    let shown = found.iter().map(|(&id, owner)| format!("{} of {}", quoted(&tree.path(id)), quoted(owner.as_bytes())));
    let text = format!(
        "the run user (uid {}) could not write in directories of accounts that go: {}",
        run.uid,
        first(&shown.collect::<Vec<_>>(), SHOWN, String::clone)
    );
    let list = paths(tree, found.keys().copied());
    let help = format!(
        "write [files] writable = [{list}] if the program writes there, or run it as the account that owns them: --user {owner}; if it does not, [keep] paths = [{list}] leaves them as they are"
    );
    draft.refuse(text, help);
}

/// Volumes of an image that runs as root. The engine makes those that are missing, for root.
fn volumes(cx: &Context<'_>, draft: &mut Draft<'_>, run: &RunIds) {
    let tree = &cx.facts.tree;
    let is_lost = |path: &&String| match tree.resolve(path.as_bytes()) {
        Ok(found) => !is_settled(cx, draft, run, found.node),
        Err(_) => !cx.zones.files.iter().any(|at| at.entry.value == **path),
    };
    let found: Vec<&String> = cx.policy.volumes.iter().filter(is_lost).collect();
    if found.is_empty() {
        return;
    }
    let text = format!(
        "the image ran as root, and the run user (uid {}) could not write in its volumes: {}",
        run.uid,
        first(&found, SHOWN, |path| quoted(path.as_bytes()))
    );
    let list = found.iter().map(|path| basic_string(path)).collect::<Vec<_>>().join(", ");
    let help = format!(
        "write [files] writable = [{list}] if the program writes there; if it does not, [keep] paths = [{list}] leaves them as they are"
    );
    draft.refuse(text, help);
}

/// The run user can write there, or the policy says what becomes of the directory, or it is none for data.
fn is_settled(cx: &Context<'_>, draft: &Draft<'_>, run: &RunIds, id: Id) -> bool {
    let (tree, zones) = (&cx.facts.tree, cx.zones);
    let (uid, gid) = draft.owner(id);
    let named = |at: Option<Id>| at.is_some_and(|at| tree.is_within(id, at) || tree.is_within(at, id));
    run.class(draft.mode(id), uid, gid) & 0o2 != 0
        || draft.is_removed(id)
        || draft.is_untouchable(id)
        || zones.system.contains(id)
        || zones.kernel.contains(id)
        || zones.files.iter().any(|path| named(path.node))
}

fn paths(tree: &Tree, ids: impl Iterator<Item = Id>) -> String {
    ids.map(|id| basic_string(&lossy(&tree.path(id)))).collect::<Vec<_>>().join(", ")
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
