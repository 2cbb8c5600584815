//! Programs that an attacker looks for first and that stay all the same: shells and programs of the GTFOBins list, by
//! whatever path and for whatever reason, copies of removed ones, and programs of no package in directories of
//! programs. The report names them, with the reason; nothing is changed.

use std::collections::BTreeMap;

use crate::diag::escape::{first, quoted};
use crate::digest::Digest;
use crate::draft::Draft;
use crate::facts::notable::Wanted;
use crate::facts::program::Place;
use crate::rules::context::Context;
use crate::tree::Id;
use crate::tree::budget::Budget;

/// Directories of programs that are no commands (Filesystem Hierarchy Standard 3.0, §4.7).
const LIBEXEC: [&str; 2] = ["/usr/libexec", "/usr/local/libexec"];

/// Programs that are many: their copies count although they stay.
const MULTICALL: [&[u8]; 3] = [b"busybox", b"toybox", b"coreutils"];

/// Programs of no package that one message names.
const SHOWN: usize = 12;

/// Bytes read at once of two files that are compared.
const PIECE: usize = 256 * 1024;

/// Bytes of files that are compared with shells and programs of the GTFOBins list, since they have the same size.
static COMPARED: Budget = Budget {
    text: "files as large as shells and programs of the GTFOBins list hold more bytes than",
    most: 2 << 30,
    help: "remove them from the image",
};

/// Say it.
pub(crate) fn note(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let (tree, commands) = (&cx.facts.tree, &cx.facts.commands);
    let wanted = Wanted::new();
    let (mut named, mut unowned) = (Vec::new(), Vec::new());
    // By size: what goes, and whose copy would do the same.
    let mut originals: BTreeMap<u64, Vec<Id>> = BTreeMap::new();
    for (&id, command) in &commands.entries {
        let notable = wanted.has(tree.name(id)) || wanted.has(tree.name(command.target));
        let many = MULTICALL.iter().any(|name| tree.name(command.target).starts_with(name));
        if notable && !draft.is_removed(id) {
            named.push(id);
        }
        if many || (notable && draft.is_removed(command.target)) {
            let known = originals.entry(tree.meta(command.target).size).or_default();
            if !known.contains(&command.target) {
                known.push(command.target);
            }
        }
    }
    let below: Vec<Id> = LIBEXEC.iter().filter_map(|path| Some(tree.resolve(path.as_bytes()).ok()?.node)).collect();
    let mut copies = Vec::new();
    for id in tree.ids() {
        if !tree.is_file(id)
            || tree.permissions(id) & 0o111 == 0
            || draft.is_removed(id)
            || cx.zones.kernel.contains(id)
            || tree.meta(id).mount
            || cx.facts.this_program == Some(id)
            || commands.entries.contains_key(&id)
        {
            continue;
        }
        if let Some(original) = originals.get(&tree.meta(id).size).and_then(|all| copied(cx, id, all)) {
            copies.push((id, original));
            continue;
        }
        let notable = wanted.has(tree.name(id));
        let owned = || cx.facts.packages.owner(id).is_some();
        let inside = |top: &Id| tree.is_within(id, *top);
        let placed = || !cx.facts.packages.is_empty() && commands.directories.iter().chain(&below).any(inside);
        let counts = notable || (!cx.closure.contains(id) && placed() && !owned());
        if !counts {
            continue;
        }
        let program = commands.program(tree, cx.contents, id);
        if program.is_ok_and(|program| program.is_program(tree, id, Place::Elsewhere)) {
            if notable { named.push(id) } else { unowned.push(id) }
        }
    }
    if !named.is_empty() {
        let list: Vec<String> = named.into_iter().map(|id| reason(cx, id)).collect();
        draft.note(format!("shells and programs of the GTFOBins list that stay: {}", list.join(", ")));
    }
    if !copies.is_empty() {
        let show =
            |&(id, original): &(Id, Id)| format!("{} (of {})", quoted(&tree.path(id)), quoted(&tree.path(original)));
        let list: Vec<String> = copies.iter().map(show).collect();
        draft.note(format!("copies of shells and programs of the GTFOBins list that stay: {}", list.join(", ")));
    }
    super::language_managers::note(cx, draft);
    if !unowned.is_empty() {
        let list = first(&unowned, SHOWN, |&id| quoted(&tree.path(id)));
        draft.note(format!("programs that no package owns, left below command directories or in libexec: {list}"));
    }
}

/// A path with the reason why it stays.
fn reason(cx: &Context<'_>, id: Id) -> String {
    let tree = &cx.facts.tree;
    let why = match cx.closure.reasons.get(&id) {
        Some(reason) => reason.clause(tree),
        None if cx.zones.application.contains(id) => "it is the application".to_owned(),
        None => match cx.facts.packages.owner(id) {
            Some(package) => format!("of package {}", quoted(package.name.as_bytes())),
            None => "no package owns it".to_owned(),
        },
    };
    format!("{} ({why})", quoted(&tree.path(id)))
}

/// Which of these files, all of its size, has the content of a file.
fn copied(cx: &Context<'_>, id: Id, originals: &[Id]) -> Option<Id> {
    let tree = &cx.facts.tree;
    let mut sum = None;
    originals.iter().copied().find(|&original| {
        if original == id || tree.is_same_file(id, original) || tree.meta(id).size == 0 {
            return false;
        }
        let head = |id| cx.contents.read_at(tree, id, 0, 4096).unwrap_or_default();
        if head(id) != head(original) {
            return false;
        }
        let own = *sum.get_or_insert_with(|| digest(cx, id));
        own.is_some() && own == digest(cx, original)
    })
}

fn digest(cx: &Context<'_>, id: Id) -> Option<[u8; 32]> {
    let tree = &cx.facts.tree;
    if !cx.contents.spend(&COMPARED, tree.meta(id).size, tree, id) {
        return None;
    }
    let (mut digest, mut at) = (Digest::default(), 0);
    loop {
        let piece = cx.contents.read_at(tree, id, at, PIECE).ok()?;
        if piece.is_empty() {
            return Some(digest.finish());
        }
        digest.update(&piece);
        at += piece.len() as u64;
    }
}
