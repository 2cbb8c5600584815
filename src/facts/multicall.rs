//! Multi-call programs (busybox, toybox, coreutils built as one file): those of a root, with their applet names.
//!
//! [`crate::applets`] reads the applet names of such a program from its bytes; this module adds files and links.
//! remove.applets disables the other applets.

pub(crate) mod calls;

use std::collections::{BTreeMap, BTreeSet};

use super::commands::Commands;
use super::packages::Packages;
use super::program::Program;
use crate::applets;
use crate::ordered;
use crate::tree::contents::Contents;
use crate::tree::{FileId, Id, Resolved, Tree};

/// Fewest links that make a program without a telling name worth reading.
const FEWEST: usize = 8;
/// Fewest links that make it a multi-call program.
const FEWEST_LINKS: usize = 3;
/// Names under which a copy of busybox is a shell.
const SHELLS: [&str; 3] = ["sh", "ash", "hush"];
/// Largest program read; coreutils of uutils has 23 MB.
pub(crate) const LIMIT: u64 = 32 * 1024 * 1024;

/// Sizes of files that no package owns, and that may be such a program under the name of one applet.
const COPIES: std::ops::RangeInclusive<u64> = 16 * 1024..=4 * 1024 * 1024;

/// How the applets were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Inside the program: `PROGRAM NAME` runs every one, links or not.
    Table(applets::Family),
    /// By the names that lead to it.
    Links,
}

/// One program that answers to many names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiCall {
    /// The ELF file; one of its names when it has several.
    pub program: Id,
    /// How the applets were found.
    pub family: Family,
    /// Entries of the command directories that run it.
    pub entries: Vec<Id>,
    /// Every applet that it answers to.
    pub applets: Vec<String>,
    /// Names of entries that the policy keeps.
    pub kept: Vec<String>,
    /// What the shell inside it answers by itself.
    pub builtins: Vec<String>,
    /// The name that it is written under, once a rule has decided to change it.
    pub changed: Option<Id>,
    /// Applets that the change makes unknown to it.
    pub disabled: Vec<String>,
    /// Why its applets cannot be told, as a clause, when it should have some.
    pub problem: Option<&'static str>,
    /// The file and its tables, unless the names alone are known.
    pub data: Vec<u8>,
    /// See there.
    pub table: Option<applets::Applets>,
    /// The same program once more, under names of its applets only.
    pub copies: Vec<Copy>,
}

/// Another file that is the same program: a copy, or one of its names that a killed run had no time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    /// The file; one of its names when it has several.
    pub program: Id,
    /// It is as the program was before an earlier run disabled applets in it.
    pub behind: bool,
}

/// Every multi-call program: one that at least three names in the command directories lead to, or that says itself
/// that it is one. Of the first kind only those of which an entry is kept; of the second also those that lie elsewhere.
/// A file that no package owns is read whatever its name: `COPY --from=busybox /bin/busybox /bin/sh`.
#[must_use]
pub fn kept(
    tree: &Tree,
    contents: &dyn Contents,
    commands: &Commands,
    packages: &Packages,
    is_kept: &dyn Fn(Id) -> bool,
) -> Vec<MultiCall> {
    let mut groups = groups(tree, contents, commands);
    let known: BTreeSet<FileId> = ordered::set(groups.keys().filter_map(|&id| tree.file_id(id)));
    let is_known = |id: Id| groups.contains_key(&id) || tree.file_id(id).is_some_and(|file| known.contains(&file));
    let executable = |id: Id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0 && !tree.meta(id).mount;
    let elsewhere = |&id: &Id| executable(id) && is_telling(tree.name(id)) && !is_known(id);
    let elsewhere: Vec<Id> = tree.ids().filter(elsewhere).collect();
    groups.extend(elsewhere.into_iter().map(|id| (id, Vec::new())));
    let named = |program: Id, entries: &[Id]| entries.iter().chain([&program]).any(|&id| is_telling(tree.name(id)));
    let sizes: BTreeSet<u64> = BTreeSet::from_iter(
        groups.iter().filter(|(id, entries)| named(**id, entries)).map(|(&id, _)| tree.meta(id).size),
    );
    let mut found = Vec::new();
    for (program, entries) in groups {
        let names = |ids: &mut dyn Iterator<Item = Id>| -> BTreeSet<String> {
            BTreeSet::from_iter(ids.map(|id| String::from_utf8_lossy(tree.name(id)).into_owned()))
        };
        let kept = names(&mut entries.iter().copied().filter(|&id| is_kept(id)));
        if kept.is_empty() && !is_kept(program) && !entries.is_empty() {
            continue;
        }
        let all = names(&mut entries.iter().copied());
        let telling = named(program, &entries);
        // A text inside is no proof: a scanner has it, too, and this program. The name of a shell, or many names, are.
        let suspect = telling || all.len() >= FEWEST || all.iter().any(|name| SHELLS.contains(&name.as_str()));
        let size = tree.meta(program).size;
        let mut one = MultiCall {
            program,
            family: Family::Links,
            applets: Vec::new(),
            kept: kept.into_iter().collect(),
            builtins: Vec::new(),
            changed: None,
            disabled: Vec::new(),
            problem: None,
            data: Vec::new(),
            table: None,
            copies: Vec::new(),
            entries,
        };
        if all.len() >= FEWEST || telling {
            let mut data = contents.read(tree, program, LIMIT).unwrap_or_default();
            if applets::is_launcher(&data) {
                // The applets of a launcher are those of its library.
                let library = |&id: &Id| tree.name(id).starts_with(applets::LIBRARY) && tree.is_file(id) && is_kept(id);
                let mut found = tree.ids().filter(library);
                if let (Some(library), None) = (found.next(), found.next()) {
                    one.program = library;
                    data = contents.read(tree, library, LIMIT).unwrap_or_default();
                }
            }
            one.read(data, telling, suspect);
        } else if sizes.contains(&size) || (packages.owner(program).is_none() && COPIES.contains(&size)) {
            let data = contents.read(tree, program, LIMIT).unwrap_or_default();
            if applets::Family::of(&data).is_some() {
                one.read(data, telling, suspect);
            }
        }
        if one.family == Family::Links && one.problem.is_none() {
            if different(&all) < FEWEST_LINKS {
                continue;
            }
            one.applets = all.into_iter().collect();
        }
        found.push(one);
    }
    joined(tree, found)
}

/// Programs with their copies: what has no telling name, and is what one of that name is or was before an earlier run.
/// A run that is killed between two names of one file leaves such a copy.
fn joined(tree: &Tree, found: Vec<MultiCall>) -> Vec<MultiCall> {
    let telling = |one: &MultiCall| one.entries.iter().chain([&one.program]).any(|&id| is_telling(tree.name(id)));
    let (mut programs, others): (Vec<_>, Vec<_>) = found.into_iter().partition(telling);
    let mut rest = Vec::new();
    for one in others {
        match programs.iter_mut().find_map(|program| one.is_copy_of(program).map(|behind| (program, behind))) {
            Some((program, behind)) => {
                program.copies.push(Copy { program: one.program, behind });
                program.entries.extend(one.entries);
                program.kept = BTreeSet::from_iter(program.kept.drain(..).chain(one.kept)).into_iter().collect();
            }
            None => rest.push(one),
        }
    }
    programs.extend(rest);
    programs.sort_unstable_by_key(|one| one.program);
    programs
}

impl MultiCall {
    /// Whether it is the same program; `Some(true)` when it became that one by losing applets.
    fn is_copy_of(&self, other: &Self) -> Option<bool> {
        let table = self.table.as_ref().filter(|_| self.data.len() == other.data.len())?;
        if self.data == other.data {
            return Some(false);
        }
        let keep = |name: &str| other.applets.iter().any(|applet| applet == name);
        let lost = table.disable(&self.data, &keep).ok()?;
        (lost.data == other.data).then_some(true)
    }

    fn read(&mut self, data: Vec<u8>, telling: bool, suspect: bool) {
        match applets::read(&data) {
            Ok(found) => {
                self.family = Family::Table(found.family);
                self.applets.clone_from(&found.names);
                self.builtins.clone_from(&found.builtins);
                self.data = data;
                self.table = Some(found);
            }
            Err(problem) if suspect && applets::claims(&data, telling) => self.problem = Some(problem),
            Err(_) => {}
        }
    }
}

/// How many names there are when those of versions count once: `python`, `python3` and `python3.11` are one program.
fn different(names: &BTreeSet<String>) -> usize {
    let stem = |name: &String| match name.find(|c: char| c.is_ascii_digit()).filter(|&at| at > 0) {
        Some(at) => name.get(..at).unwrap_or(name).trim_end_matches(['-', '.', '_']).to_owned(),
        None => name.clone(),
    };
    BTreeSet::from_iter(names.iter().map(stem)).len()
}

/// Whether a file is named as multi-call programs are.
pub(crate) fn is_telling(name: &[u8]) -> bool {
    ["busybox", "toybox", "coreutils"].iter().any(|telling| name.starts_with(telling.as_bytes()))
}

/// The entries of the command directories by the ELF file they run; hard links count as one file.
fn groups(tree: &Tree, contents: &dyn Contents, commands: &Commands) -> BTreeMap<Id, Vec<Id>> {
    let mut inodes: BTreeMap<FileId, Id> = BTreeMap::new();
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
        if let Some(file) = tree.file_id(target) {
            target = *inodes.entry(file).or_insert(target);
        }
        groups.entry(target).or_default().push(entry);
    }
    groups
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::elf::fixture::program;
    use super::super::packages::Packages;
    use super::{Commands, Family, different, kept};
    use crate::applets::fixture::Binary;
    use crate::tree::contents::memory::image;

    #[test]
    fn names_of_versions_are_one_name() {
        let count = |names: &[&str]| different(&names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(count(&["python", "python3", "python3.11"]), 1);
        assert_eq!(count(&["perl", "perl5.36.0", "perl5.36-x86_64-linux-gnu"]), 1);
        assert_eq!(count(&["xz", "unxz", "xzcat"]), 3);
        assert_eq!(count(&["7z", "7za", "7zr"]), 3);
    }

    #[test]
    fn kept_multi_call_programs_are_named_with_what_stays_callable() {
        let (tree, mut memory) = image(&[
            ("/bin/busybox", ""),
            ("/bin/sh", "-> busybox"),
            ("/bin/cat", "-> busybox"),
            ("/bin/xz", ""),
            ("/bin/unxz", "-> xz"),
            ("/bin/xzcat", "-> xz"),
            ("/bin/other", ""),
        ]);
        let binary = Binary::default();
        memory.put("/bin/busybox", &binary.build());
        memory.put("/bin/xz", &program("/lib/ld.so", &[]));
        memory.put("/bin/other", &program("/lib/ld.so", &[]));
        let mut packages = Packages::default();
        let commands = Commands::collect(&tree, &memory, &mut packages, &[], &[]);
        let found = kept(&tree, &memory, &commands, &packages, &|id| ![&b"xz"[..], b"cat"].contains(&tree.name(id)));
        let shown: Vec<_> = found.iter().map(|m| (m.family, m.applets.clone(), m.kept.clone())).collect();
        let text = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shown,
            [
                (Family::Table(crate::applets::Family::Busybox), binary.names(), text(&["busybox", "sh"])),
                (Family::Links, text(&["unxz", "xz", "xzcat"]), text(&["unxz", "xzcat"])),
            ]
        );
    }
}
