//! files.app: the application's own directories, read-only or writable as `[files]` says; the deepest path wins.
//!
//! read-only: owner root, no write bits, execute bits stay. The run user can still read and run, through the run group,
//! everything that it could as the owner. writable: owned by the run user; created 0o700 when missing; existing modes
//! stay. openshift: group 0 with the owner's rights, for a random uid.

use std::collections::BTreeMap;

use crate::draft::{Draft, New};
use crate::rules::context::Context;
use crate::rules::ids::{Ids, RunIds};
use crate::rules::zones::AppPath;
use crate::tree::{Attributes, Id, Kind};

/// Bytes copied into the layer above which a warning is due.
const COPIED: u64 = 1024 * 1024;

/// The rule's id.
pub(crate) const ID: &str = "files.app";

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let Some(run) = ids.run() else { return };
    for path in &cx.zones.files {
        let Some(top) = path.node else { continue };
        let last = cx.zones.files.iter().rev().find(|at| at.node == path.node);
        if !last.is_some_and(|at| std::ptr::eq(at, path)) {
            continue;
        }
        let mut copied = 0;
        for id in tree.subtree(top) {
            let deepest = cx.zones.app_path(tree, id).is_some_and(|at| at.node == path.node);
            if deepest && !draft.is_removed(id) {
                let before = (draft.owner(id), draft.mode(id));
                if path.writable {
                    writable(cx, run, draft, id)
                } else {
                    read_only(cx, run, draft, id)
                }
                if tree.is_file(id) && (draft.owner(id), draft.mode(id)) != before {
                    copied += tree.meta(id).size;
                }
            }
        }
        report_copy(cx, run, draft, path, copied);
    }
    create(cx, run, draft);
}

fn read_only(cx: &Context<'_>, run: &RunIds, draft: &mut Draft<'_>, id: Id) {
    let (uid, gid) = draft.owner(id);
    if cx.facts.tree.is_link(id) {
        draft.set_owner(id, Some(0), None, "[files] read-only: owned by root");
        return;
    }
    if !matches!(cx.facts.tree.kind(id), Kind::File | Kind::Directory) {
        return;
    }
    let mode = draft.mode(id);
    let before = rights(run, mode, uid, gid);
    let mut next = mode & !0o222;
    let mut group = gid;
    let after = rights(run, next, 0, gid);
    // What is not readable for the run user gets the run group; rights of the owner become rights of the group.
    let needs = (before | 0o4 | if mode & 0o111 != 0 { 0o1 } else { 0 }) & 0o5;
    if after & needs != needs {
        group = run.gid;
        next |= needs << 3;
    }
    draft.set_owner(id, Some(0), Some(group), "[files] read-only: owned by root");
    draft.set_mode(id, next, "[files] read-only: no account can write it, the run user can read it");
}

fn writable(cx: &Context<'_>, run: &RunIds, draft: &mut Draft<'_>, id: Id) {
    let group = if cx.policy.files.openshift { 0 } else { run.gid };
    draft.set_owner(id, Some(run.uid), Some(group), "[files] writable: owned by the run user");
    if cx.policy.files.openshift && !cx.facts.tree.is_link(id) {
        let mode = draft.mode(id);
        draft.set_mode(id, mode | (mode & 0o700) >> 3, "[files] openshift: group 0 has the owner's rights");
    }
}

/// Create the missing writable paths, and the directories on the way to them as the next run would leave them.
fn create(cx: &Context<'_>, run: &RunIds, draft: &mut Draft<'_>) {
    let openshift = cx.policy.files.openshift;
    let group = if openshift { 0 } else { run.gid };
    let mut all: BTreeMap<Vec<u8>, Missing> = BTreeMap::new();
    for path in cx.zones.files.iter().filter(|path| path.writable && path.node.is_none()) {
        missing(cx, draft, path, &mut all);
    }
    for (at, &Missing { base, named }) in &all {
        let parents = at.iter().enumerate().filter(|&(_, &byte)| byte == b'/').filter_map(|(end, _)| at.get(..end));
        let below = parents.filter_map(|above| all.get(above)).any(|above| above.named);
        let writable =
            if below { Some(true) } else { cx.zones.app_path(&cx.facts.tree, base).map(|path| path.writable) };
        let (uid, gid, mode) = match (named, writable) {
            (true, _) => (run.uid, group, if openshift { 0o770 } else { 0o700 }),
            (false, Some(true)) => (run.uid, group, if openshift { 0o775 } else { 0o755 }),
            (false, Some(false)) => (0, 0, 0o555),
            (false, None) => (0, 0, 0o755),
        };
        let new = New::Directory(Attributes::new((uid, gid), mode));
        draft.create(at, new, "[files] writable: created for the run user");
    }
}

/// A directory to create.
struct Missing {
    /// The deepest directory above it that is there.
    base: Id,
    /// It is an entry of `[files]`, and not only on the way to one.
    named: bool,
}

/// Find the directories of one path that are not there, by their physical paths: the existing part may lead through links.
fn missing(cx: &Context<'_>, draft: &Draft<'_>, path: &AppPath, all: &mut BTreeMap<Vec<u8>, Missing>) {
    let tree = &cx.facts.tree;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut at: Vec<u8> = path.entry.value.trim_end_matches('/').as_bytes().to_vec();
    let base = loop {
        if let Ok(found) = tree.resolve(if at.is_empty() { b"/" } else { &at }) {
            break found.node;
        }
        let Some(slash) = at.iter().rposition(|&b| b == b'/') else { break Id::ROOT };
        parts.push(at.split_off(slash));
    };
    if !tree.is_dir(base) || draft.is_untouchable(base) {
        return;
    }
    let mut full = tree.path(base);
    if full == b"/" {
        full.clear();
    }
    while let Some(part) = parts.pop() {
        full.extend_from_slice(&part);
        let found = all.entry(full.clone()).or_insert(Missing { base, named: false });
        found.named |= parts.is_empty();
    }
}

/// Read and execute rights 0o5 that the run user has on an entry.
fn rights(run: &RunIds, mode: u32, uid: u32, gid: u32) -> u32 {
    run.class(mode, uid, gid) & 0o5
}

fn report_copy(cx: &Context<'_>, run: &RunIds, draft: &mut Draft<'_>, path: &AppPath, copied: u64) {
    if copied == 0 {
        return;
    }
    let (owner, mode) = if path.writable {
        (format!("{}:{}", run.uid, if cx.policy.files.openshift { 0 } else { run.gid }), "")
    } else {
        (format!("0:{}", run.gid), " --chmod=a-w")
    };
    let line = format!("COPY --chown={owner}{mode} … {}", path.entry.value);
    let text = format!("[files] copies {copied} bytes of '{}' into the layer", path.entry.value);
    if copied > COPIED {
        draft.warn(text, format!("copy them with their owner and mode instead: {line}"));
    } else {
        draft.note(format!("{text}; avoided by {line}"));
    }
}
