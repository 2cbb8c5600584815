//! Programs that are many: busybox, toybox, single-binary coreutils. Which applets of a kept one stay callable.
//!
//! Only recognised and counted here. The busybox table is found in the bytes, without symbols or sections:
//! a run of names in strcmp order, proved by the offset table that its own generator wrote
//! (applets/applet_tables.c: `applet_nameofs`, KNOWN_APPNAME_OFFSETS).

use std::collections::{BTreeMap, BTreeSet};

use super::Contents;
use super::commands::Commands;
use super::program::Program;
use super::tree::{Id, Resolved, Tree};
use crate::collect::set;

/// Fewest names in a busybox table, and of links that make a name without `box` worth reading.
const FEWEST: usize = 8;
/// Largest program read.
const LIMIT: u64 = 16 * 1024 * 1024;
/// EI_DATA of a big-endian file.
const BIG_ENDIAN: u8 = 2;
/// Most places tried as the beginning of one run of names.
const MAX_STARTS: usize = 64;

/// How the applets were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// By the table inside the program: `PROGRAM NAME` runs every one, links or not.
    Busybox,
    /// By the names that lead to it.
    Links,
}

/// One kept program that answers to many names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiCall {
    /// The ELF file.
    pub program: Id,
    /// How the applets were found.
    pub family: Family,
    /// Every applet that stays callable as long as the program stays.
    pub applets: Vec<String>,
    /// Those that the policy keeps by name.
    pub kept: Vec<String>,
}

/// Every multi-call program of which an entry is kept: one that at least three names in the command
/// directories lead to, or that holds a busybox table.
#[must_use]
pub fn kept(tree: &Tree, contents: &dyn Contents, commands: &Commands, is_kept: &dyn Fn(Id) -> bool) -> Vec<MultiCall> {
    let mut found = Vec::new();
    for (program, entries) in groups(tree, contents, commands) {
        let names = |ids: &mut dyn Iterator<Item = Id>| -> BTreeSet<String> {
            set(ids.map(|id| String::from_utf8_lossy(tree.name(id)).into_owned()))
        };
        let kept = names(&mut entries.iter().copied().filter(|&id| is_kept(id)));
        if kept.is_empty() && !is_kept(program) {
            continue;
        }
        let all = names(&mut entries.iter().copied());
        let file = tree.name(program);
        let table = if all.len() >= FEWEST || file.windows(3).any(|part| part == b"box") {
            let data = contents.read(tree, program, LIMIT).unwrap_or_default();
            busybox_applets(&data, &all)
        } else {
            None
        };
        let (family, applets) = match table {
            Some(table) => (Family::Busybox, table),
            None if all.len() >= 3 => (Family::Links, all.into_iter().collect()),
            None => continue,
        };
        found.push(MultiCall { program, family, applets, kept: kept.into_iter().collect() });
    }
    found
}

/// The entries of the command directories by the ELF file they run; hard links count as one file.
fn groups(tree: &Tree, contents: &dyn Contents, commands: &Commands) -> BTreeMap<Id, Vec<Id>> {
    let mut inodes: BTreeMap<u64, Id> = BTreeMap::new();
    let mut groups: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    let alternatives = tree.resolve(b"/etc/alternatives").ok().map(|found| found.node);
    for (&entry, command) in &commands.entries {
        // A name that update-alternatives chose is another name for a program, not one that it answers to.
        let chosen = |found: Resolved| found.links.iter().any(|&link| Some(tree.parent(link)) == alternatives);
        if tree.follow(entry).is_ok_and(chosen) {
            continue;
        }
        let mut target = command.target;
        match commands.program(tree, contents, target) {
            Ok(Program::Elf(_)) => {}
            // RHEL's coreutils-single: stubs whose interpreter is the program.
            Ok(Program::Script(shebang))
                if shebang.argument.as_deref().is_some_and(|a| a.starts_with(b"--coreutils-prog")) =>
            {
                let Ok(found) = tree.resolve(&shebang.interpreter) else { continue };
                target = found.node;
            }
            _ => continue,
        }
        let meta = tree.meta(target);
        if meta.nlink > 1 {
            target = *inodes.entry(meta.ino).or_insert(target);
        }
        groups.entry(target).or_default().push(entry);
    }
    groups
}

/// The applet names of a busybox binary; `None` when no table is proved.
///
/// `links` are names known to lead to it: they decide for builds of fewer than 32 applets, which have no
/// offset table.
#[must_use]
pub fn busybox_applets(data: &[u8], links: &BTreeSet<String>) -> Option<Vec<String>> {
    let mut run: Vec<&[u8]> = Vec::new();
    for part in data.split(|&b| b == 0) {
        let name = part.get(valid_suffix(part)..).unwrap_or_default();
        if name.is_empty() {
            let likely = || {
                links.is_empty()
                    || run.iter().any(|name| std::str::from_utf8(name).is_ok_and(|name| links.contains(name)))
            };
            if run.len() >= FEWEST
                && part.is_empty()
                && likely()
                && let Some(table) = proved(data, &run, links)
            {
                return Some(table);
            }
            run.clear();
        } else if name.len() == part.len() && run.last().is_some_and(|&last| last < name) {
            run.push(name);
        } else {
            // The table before the names may end in any byte: only what can be a name counts of the first.
            run.clear();
            run.push(name);
        }
    }
    None
}

/// Where the longest suffix of applet characters begins.
fn valid_suffix(part: &[u8]) -> usize {
    let valid = |&b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.+-[".contains(&b);
    part.iter().rposition(|b| !valid(b)).map_or(0, |at| at + 1)
}

/// The names of a run from the one start that the offset table confirms.
fn proved(data: &[u8], run: &[&[u8]], links: &BTreeSet<String>) -> Option<Vec<String>> {
    let first = run.first()?;
    let inside = (0..first.len()).map(|cut| (0, cut));
    for (start, cut) in inside.chain((1..run.len()).map(|start| (start, 0))).take(MAX_STARTS) {
        let mut names: Vec<&[u8]> = run.get(start..)?.to_vec();
        if let Some(name) = names.first_mut() {
            *name = name.get(cut..)?;
        }
        let ordered = names.windows(2).all(|pair| pair.first() < pair.get(1));
        let count = names.len();
        if !ordered || count < FEWEST {
            continue;
        }
        let known = match count {
            0..32 => 0,
            32..128 => 4,
            _ => 8,
        };
        let text = || names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>();
        if known == 0 {
            let banner = data.windows(9).any(|part| part == b"BusyBox v");
            let all = text();
            if banner
                && links.iter().filter(|link| *link != "busybox").all(|link| all.contains(link))
                && !links.is_empty()
            {
                return Some(all);
            }
            continue;
        }
        let mut offsets = Vec::with_capacity(count);
        let mut at = 0usize;
        for name in &names {
            offsets.push(at);
            at += name.len() + 1;
        }
        let wanted: Option<Vec<u16>> =
            (1..known).map(|j| u16::try_from(*offsets.get(j * count / known)?).ok()).collect();
        let Some(wanted) = wanted else { continue };
        let pattern: Vec<u8> = if data.get(5) == Some(&BIG_ENDIAN) {
            wanted.iter().flat_map(|v| v.to_be_bytes()).collect()
        } else {
            wanted.iter().flat_map(|v| v.to_le_bytes()).collect()
        };
        let same = |at: &usize| {
            // The second byte pair is rarely zero: most places are ruled out without a comparison.
            data.get(at + 2) == pattern.get(2) && data.get(*at..at + pattern.len()) == Some(&pattern[..])
        };
        if (0..data.len()).step_by(2).filter(same).count() == 1 {
            return Some(text());
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::elf::fixture::program;
    use super::super::memory::image;
    use super::super::packages::Packages;
    use super::{Commands, Family, busybox_applets, kept};

    fn binary(count: usize) -> (Vec<u8>, Vec<String>) {
        let names: Vec<String> = (0..count).map(|n| format!("applet{n:03}")).collect();
        let mut offsets = Vec::new();
        let mut at = 0u16;
        for name in &names {
            offsets.push(at);
            at += u16::try_from(name.len()).unwrap() + 1;
        }
        let mut data = program("/lib/ld-musl-x86_64.so.1", &[]);
        data.extend(b"BusyBox v1.36.1\0abc\0abd\0");
        data.resize(data.len().next_multiple_of(2), 0);
        for j in 1..8 {
            data.extend(offsets[j * count / 8].to_le_bytes());
        }
        for name in &names {
            data.extend(name.as_bytes());
            data.push(0);
        }
        data.extend([0, 1, 2, 3]);
        (data, names)
    }

    #[test]
    fn a_table_is_proved_by_its_offsets() {
        let (mut data, names) = binary(300);
        assert_eq!(busybox_applets(&data, &BTreeSet::new()), Some(names));
        // One wrong offset, and the run of names proves nothing.
        let at = data.windows(9).position(|w| w == b"applet000").unwrap();
        data[at - 1] ^= 1;
        assert_eq!(busybox_applets(&data, &BTreeSet::new()), None);
    }

    #[test]
    fn kept_multi_call_programs_are_named_with_what_stays_callable() {
        let (tree, mut memory) = image(&[
            ("/bin/busybox", ""),
            ("/bin/sh", "-> busybox"),
            ("/bin/applet005", "-> busybox"),
            ("/bin/xz", ""),
            ("/bin/unxz", "-> xz"),
            ("/bin/xzcat", "-> xz"),
            ("/bin/other", ""),
        ]);
        let (data, names) = binary(200);
        memory.put("/bin/busybox", &data);
        memory.put("/bin/xz", &program("/lib/ld.so", &[]));
        memory.put("/bin/other", &program("/lib/ld.so", &[]));
        let mut packages = Packages::default();
        let commands = Commands::collect(&tree, &memory, &mut packages, &[], &[]);
        let found = kept(&tree, &memory, &commands, &|id| ![&b"xz"[..], b"applet005"].contains(&tree.name(id)));
        let shown: Vec<_> = found.iter().map(|m| (m.family, m.applets.clone(), m.kept.clone())).collect();
        let text = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shown,
            [
                (Family::Busybox, names, text(&["busybox", "sh"])),
                (Family::Links, text(&["unxz", "xz", "xzcat"]), text(&["unxz", "xzcat"])),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_end(data in prop::collection::vec(prop::sample::select(&b"ab[\0\0\x01"[..]), 0..400)) {
            let _ = busybox_applets(&data, &BTreeSet::from(["a".to_owned()]));
        }
    }
}
