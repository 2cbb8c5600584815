//! The package that owns each entry, read from the databases of dpkg, apk, rpm, pacman and opkg.
//!
//! Lists hold paths as the package was built (`/bin/sh` on a merged /usr); they are mapped to the entries they lead to
//! today. This module only reads; a rule edits the records.

mod apk;
pub(crate) mod dpkg;
pub(crate) mod makers;
mod pacman;
mod pairs;
pub(crate) mod places;
mod purpose;
mod requires;
mod rpm;

use std::collections::{BTreeMap, BTreeSet};

use memchr::{memchr, memrchr};

use super::commands::STANDARD_DIRECTORIES;
use crate::tree::budget::Budget;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, is_same};
use pairs::Pairs;

/// Largest database file read: the biggest known are a few MiB.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Paths that the records of packages list, and names that they need and offer (long ones count for several).
static LISTED: Budget = Budget {
    text: "the package databases list more paths than",
    most: 8_000_000,
    help: "remove the package's list of files: its package manager did not write it",
};
static NAMED: Budget = Budget {
    text: "the packages need and offer more names than",
    most: 1_000_000,
    help: "remove the package's record: its package manager did not write it",
};

/// Which program wrote the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// Debian, Ubuntu, distroless.
    Dpkg,
    /// Alpine, Wolfi.
    Apk,
    /// Arch.
    Pacman,
    /// OpenWrt.
    Opkg,
    /// Red Hat, Fedora, Amazon, SUSE, Azure Linux.
    Rpm,
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Binary package name, without architecture.
    pub name: String,
    /// Name of the source package it was built from; its own name when the record names none.
    pub source: String,
    /// Version as recorded; empty when unknown.
    pub version: String,
    /// Who recorded it.
    pub manager: Manager,
    /// Architecture as recorded; empty when unknown.
    pub architecture: String,
    /// It has, or had before an earlier run, an entry in a command directory that can be run.
    pub had_commands: bool,
    /// The file that tells what it owns: a list of its own, or one file for all packages.
    pub record: Option<Id>,
    /// A file that it lists is not there, other than documentation and locales, which images leave out from the start.
    pub misses_files: bool,
    /// Its record says that it is not installed: removed, with its configuration left.
    pub removed: bool,
    /// It was installed on purpose and not for another package, as the records of its manager say.
    pub on_purpose: bool,
}

/// Index of a package in [`Packages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageIndex(u32);

/// Every package, and who owns what.
#[derive(Debug, Default)]
pub struct Packages {
    packages: Vec<Package>,
    /// Sorted by entry.
    owners: Pairs,
    /// The same pairs, sorted by package.
    owned: Pairs,
    /// Which package needs which, sorted.
    requires: Pairs,
    /// Which package is needed by which by its name, sorted.
    dependents: Pairs,
    /// Databases that cannot be read: who owns what is unknown there.
    pub unreadable: Vec<(Manager, Id)>,
    /// What could not be read, as whole messages.
    pub problems: Vec<String>,
    /// Files of dpkg that a run left which did not come to its end: of packages that it had taken from the records.
    pub(crate) unfinished: Vec<Id>,
}

impl Package {
    /// Whether only maintainer scripts call it.
    #[must_use]
    pub fn is_installer(&self) -> bool {
        requires::is_installer(&self.name)
    }
}

impl Packages {
    /// Read every database of the root.
    #[must_use]
    pub fn collect(tree: &Tree, contents: &dyn Contents) -> Self {
        let mut reader = Reader::new(tree, contents);
        dpkg::read(&mut reader);
        dpkg::read_opkg(&mut reader);
        apk::read(&mut reader);
        pacman::read(&mut reader);
        rpm::read(&mut reader);
        let needs = std::mem::take(&mut reader.needs);
        let mut packages = reader.packages;
        packages.owners = std::mem::take(&mut packages.owners).sorted();
        (packages.requires, packages.dependents) = needs.resolve(&packages, tree, contents);
        packages.owned = packages.owners.reversed();
        purpose::without_dependents(&mut packages);
        packages
    }

    /// Every package with its index.
    pub fn iter(&self) -> impl Iterator<Item = (PackageIndex, &Package)> {
        self.packages
            .iter()
            .enumerate()
            .map(|(at, package)| (PackageIndex(u32::try_from(at).unwrap_or(u32::MAX)), package))
    }

    /// Whether no package is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// One package.
    #[must_use]
    pub fn get(&self, index: PackageIndex) -> Option<&Package> {
        self.packages.get(index.0 as usize)
    }

    /// The first package that owns an entry.
    #[must_use]
    pub fn owner(&self, id: Id) -> Option<&Package> {
        self.owners(id).next().and_then(|index| self.get(index))
    }

    /// Every package that owns an entry: several for directories and for files shared by architectures.
    pub fn owners(&self, id: Id) -> impl Iterator<Item = PackageIndex> + '_ {
        self.owners.of(id)
    }

    /// Every entry of the tree that a package owns, directories included, by id.
    pub fn files(&self, package: PackageIndex) -> impl Iterator<Item = Id> + '_ {
        self.owned.of(package)
    }

    /// These packages and every package that they cannot do without, as their records say: what a package
    /// only recommends, and what its installation alone needs, is not among them.
    #[must_use]
    pub fn with_requirements(&self, packages: BTreeSet<PackageIndex>) -> BTreeSet<PackageIndex> {
        let mut todo: Vec<PackageIndex> = packages.iter().copied().collect();
        let mut found = packages;
        while let Some(package) = todo.pop() {
            for needed in self.requires.of(package) {
                if found.insert(needed) {
                    todo.push(needed);
                }
            }
        }
        found
    }

    /// The packages that one cannot do without, itself not followed further.
    pub fn requirements(&self, package: PackageIndex) -> impl Iterator<Item = PackageIndex> + '_ {
        self.requires.of(package)
    }

    /// The packages that cannot do without this one and say so by its name, or by the name of an interface that it
    /// offers: what is added to it, as modules to an interpreter.
    pub fn dependents(&self, package: PackageIndex) -> impl Iterator<Item = PackageIndex> + '_ {
        self.dependents.of(package)
    }

    /// Note that every owner of an entry has commands.
    pub(super) fn note_command(&mut self, id: Id) {
        let owners: Vec<PackageIndex> = self.owners(id).collect();
        for owner in owners {
            if let Some(package) = self.packages.get_mut(owner.0 as usize) {
                package.had_commands = true;
            }
        }
    }
}

/// What the parsers write into.
struct Reader<'a> {
    tree: &'a Tree,
    contents: &'a dyn Contents,
    packages: Packages,
    /// What the packages say they need, by name.
    needs: requires::Needs,
    /// Directories that the standard command directories lead to.
    command_directories: BTreeSet<Id>,
    /// The way to the directory of the last path: lists name what lies side by side in a row.
    way: Way,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a Tree, contents: &'a dyn Contents) -> Self {
        let resolve = |path: &&str| tree.resolve(path.as_bytes()).ok().map(|found| found.node);
        let command_directories = BTreeSet::from_iter(STANDARD_DIRECTORIES.iter().filter_map(resolve));
        Self {
            tree,
            contents,
            packages: Packages::default(),
            needs: requires::Needs::default(),
            command_directories,
            way: Way::default(),
        }
    }

    /// The content of a database file; a problem is noted and reads as empty.
    fn read(&mut self, id: Id) -> Vec<u8> {
        let mut content = Vec::new();
        self.read_into(id, &mut content);
        content
    }

    /// The same, into memory that is used again.
    fn read_into(&mut self, id: Id, content: &mut Vec<u8>) {
        if let Err(error) = self.contents.read_into(self.tree, id, LIMIT, content) {
            let path = crate::diag::escape::quoted(&self.tree.path(id));
            self.packages.problems.push(format!("cannot read the package database file {path}: {error}"));
            content.clear();
        }
    }

    /// A regular file at a path, links followed.
    fn file(&self, path: &[u8]) -> Option<Id> {
        let id = self.tree.resolve(path).ok()?.node;
        self.tree.is_file(id).then_some(id)
    }

    fn add(&mut self, name: String, source: String, version: String, manager: Manager) -> PackageIndex {
        let index = PackageIndex(u32::try_from(self.packages.packages.len()).unwrap_or(u32::MAX));
        let source = if source.is_empty() { name.clone() } else { source };
        let architecture = String::new();
        let package = Package {
            name,
            source,
            version,
            manager,
            architecture,
            had_commands: false,
            record: None,
            misses_files: false,
            removed: false,
            on_purpose: false,
        };
        self.packages.packages.push(package);
        index
    }

    /// How much was read so far.
    fn mark(&self) -> Mark {
        Mark { packages: self.packages.packages.len(), owners: self.packages.owners.len(), needs: self.needs.len() }
    }

    /// Forget what was read since.
    fn rewind(&mut self, mark: Mark) {
        self.packages.packages.truncate(mark.packages);
        self.packages.owners.truncate(mark.owners);
        self.needs.truncate(mark.needs);
    }

    /// Add what only some records tell to a package.
    fn describe(&mut self, package: PackageIndex, record: Id, architecture: String, removed: bool) {
        if let Some(package) = self.packages.packages.get_mut(package.0 as usize) {
            (package.record, package.architecture, package.removed) = (Some(record), architecture, removed);
        }
    }

    /// Note that a package was installed on purpose.
    fn on_purpose(&mut self, package: PackageIndex) {
        if let Some(package) = self.packages.packages.get_mut(package.0 as usize) {
            package.on_purpose = true;
        }
    }

    /// Record that a package lists `path`, absolute or relative to the root. A path that is gone tells that
    /// the package had commands when it lay in a command directory.
    fn own(&mut self, package: PackageIndex, path: &[u8]) {
        self.find_own(package, path, true);
    }

    /// The same for a path that may never have been there when it was not `installed`.
    fn own_as(&mut self, package: PackageIndex, path: &[u8], installed: bool) {
        self.find_own(package, path, installed);
    }

    /// The same as [`Reader::own`] for a path that is not a directory.
    fn own_file(&mut self, package: PackageIndex, path: &[u8]) {
        if !self.find_own(package, path, true)
            && !is_left_out(path)
            && let Some(package) = self.packages.packages.get_mut(package.0 as usize)
        {
            package.misses_files = true;
        }
    }

    /// Returns whether it is there.
    fn find_own(&mut self, package: PackageIndex, path: &[u8], installed: bool) -> bool {
        let record = self.packages.get(package).and_then(|package| package.record).unwrap_or(Id::ROOT);
        if !self.contents.spend(&LISTED, 1, self.tree, record) {
            return true;
        }
        let (parent, name) = split(path);
        if matches!(name, b"" | b"." | b"..") {
            return true;
        }
        let directory = self.way.to(self.tree, parent);
        match directory.and_then(|directory| self.way.child(self.tree, directory, name)) {
            Some(id) => {
                self.packages.owners.push(id, package);
                true
            }
            None if !installed => false,
            None => {
                let textual = || {
                    STANDARD_DIRECTORIES.iter().any(|d| d.as_bytes() == parent || d.as_bytes().get(1..) == Some(parent))
                };
                if directory.map_or_else(textual, |id| self.command_directories.contains(&id))
                    && let Some(package) = self.packages.packages.get_mut(package.0 as usize)
                {
                    package.had_commands = true;
                }
                false
            }
        }
    }
}

/// Lengths of what was read.
#[derive(Debug, Clone, Copy)]
struct Mark {
    packages: usize,
    owners: usize,
    needs: (usize, usize),
}

/// Whether a path, absolute or relative to the root, lies where slim images leave files out that packages list.
#[must_use]
pub(crate) fn is_left_out(path: &[u8]) -> bool {
    const PLACES: [&[u8]; 8] = [b"doc", b"doc-base", b"man", b"info", b"locale", b"help", b"lintian", b"linda"];
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let place = path.strip_prefix(b"usr/share/").and_then(|rest| rest.split(|&b| b == b'/').next());
    place.is_some_and(|place| PLACES.contains(&place))
}

/// Finds entries by the paths of records, in a row.
#[derive(Debug)]
pub(crate) struct Locator<'a> {
    tree: &'a Tree,
    way: Way,
}

impl<'a> Locator<'a> {
    /// One that has found nothing yet.
    #[must_use]
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self { tree, way: Way::default() }
    }

    /// The entry that a record means by `path`, absolute or relative to the root: links on the way are followed, the
    /// last component is not.
    ///
    /// # Errors
    /// The deepest directory on the way, when there is no such entry.
    pub(crate) fn find(&mut self, path: &[u8]) -> Result<Id, Id> {
        let (parent, name) = split(path);
        match self.way.to(self.tree, parent) {
            Some(directory) if matches!(name, b"" | b"." | b"..") => Ok(directory),
            Some(directory) => self.way.child(self.tree, directory, name).ok_or(directory),
            None => Err(self.way.parts.iter().map_while(|&(_, found)| found).last().unwrap_or(Id::ROOT)),
        }
    }
}

/// The directory and the last component of a path, slashes at its end left out.
fn split(mut path: &[u8]) -> (&[u8], &[u8]) {
    while let Some((b'/', rest)) = path.split_last() {
        path = rest;
    }
    match memrchr(b'/', path) {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// The directories on the way to one path, so that the next one is looked up only from where it parts.
#[derive(Debug, Default)]
struct Way {
    path: Vec<u8>,
    /// For each component where it ends in `path`, and the directory that it leads to, if it does.
    parts: Vec<(usize, Option<Id>)>,
    /// The entry that was found last.
    last: Option<Id>,
}

impl Way {
    /// The directory that `path` leads to, links followed.
    fn to(&mut self, tree: &Tree, path: &[u8]) -> Option<Id> {
        if is_same(&self.path, path) {
            return self.found();
        }
        let shared = self.path.iter().zip(path).take_while(|(a, b)| a == b).count();
        // A component is shared when it ends in both there.
        let ends = |end: usize| path.get(end).is_none_or(|&b| b == b'/');
        while self.parts.last().is_some_and(|&(end, _)| end > shared || !ends(end)) {
            self.parts.pop();
        }
        let mut at = self.parts.last().map_or(0, |&(end, _)| end);
        self.path.truncate(at);
        for part in path.get(at..).unwrap_or_default().split_inclusive(|&b| b == b'/') {
            let name = part.strip_suffix(b"/").unwrap_or(part);
            at += part.len();
            self.path.extend_from_slice(part);
            if !name.is_empty() {
                let from = self.parts.last().map_or(Some(Id::ROOT), |&(_, found)| found);
                let found = from.and_then(|from| step(tree, from, name));
                self.parts.push((at - (part.len() - name.len()), found));
            }
        }
        self.found()
    }

    /// The entry of that name in a directory: the one after the last is tried first, since lists are sorted.
    fn child(&mut self, tree: &Tree, directory: Id, name: &[u8]) -> Option<Id> {
        let found = match self.last.and_then(|last| tree.next_sibling(last)) {
            Some(next) if tree.parent(next) == directory && tree.name(next) == name => next,
            _ => tree.child(directory, name)?,
        };
        self.last = Some(found);
        Some(found)
    }

    fn found(&self) -> Option<Id> {
        self.parts.last().map_or(Some(Id::ROOT), |&(_, found)| found)
    }
}

/// The directory that a name in a directory leads to.
fn step(tree: &Tree, from: Id, name: &[u8]) -> Option<Id> {
    let found = match name {
        b"." => from,
        b".." => tree.parent(from),
        _ => tree.follow(tree.child(from, name)?).ok()?.node,
    };
    tree.is_dir(found).then_some(found)
}

/// Fields of a control file that are used.
const FIELDS: [&str; 11] = [
    "package",
    "status",
    "source",
    "version",
    "architecture",
    "depends",
    "pre-depends",
    "provides",
    "priority",
    "essential",
    "auto-installed",
];

/// The lines of a text, each with its end.
pub(crate) fn lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr(b'\n', text).map_or(text.len(), |at| at + 1);
        let (line, rest) = text.split_at_checked(end)?;
        text = rest;
        (!line.is_empty()).then_some(line)
    })
}

/// The fields of a stanza by name, those of [`FIELDS`].
type Fields = BTreeMap<&'static str, String>;

/// The stanzas of a control file: field names in lower case, first line of each value.
fn stanzas(text: &[u8]) -> impl Iterator<Item = Fields> + '_ {
    let mut lines = lines(text);
    std::iter::from_fn(move || {
        let mut fields = Fields::new();
        for line in lines.by_ref() {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                if fields.is_empty() {
                    continue;
                }
                return Some(fields);
            }
            if line.first().is_some_and(|b| b.is_ascii_whitespace()) {
                continue;
            }
            if let Some(at) = line.iter().position(|&b| b == b':') {
                let (name, value) = line.split_at(at);
                // Only what is used is stored: descriptions are most of a status file.
                if let Some(field) = FIELDS.iter().find(|field| field.as_bytes().eq_ignore_ascii_case(name)) {
                    let value = value.get(1..).unwrap_or_default();
                    fields.insert(field, String::from_utf8_lossy(value).trim().to_owned());
                }
            }
        }
        (!fields.is_empty()).then_some(fields)
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Way;
    use crate::tree::contents::memory::image;

    #[test]
    fn a_way_leads_where_the_path_leads_whatever_came_before() {
        let (tree, _) = image(&[
            ("/bin", "-> usr/bin"),
            ("/usr/bin/ls", ""),
            ("/usr/binary/x", ""),
            ("/usr/lib/up", "-> ../../usr"),
            ("/usr/lib/a/b/c", ""),
        ]);
        let paths = [
            "/usr/bin",
            "/bin",
            "bin",
            "",
            "/",
            "/usr/binary",
            "/usr/bin",
            "/usr/b",
            "/usr",
            "/usr/lib/a/b",
            "/usr/lib/a",
            "/usr/lib/up/bin",
            "/usr/lib/up/binary",
            "/usr/none/x",
            "/usr/none",
            "/usr//bin",
            "/usr/./bin",
            "/usr/bin/ls",
            "/usr/lib/../bin",
            "/usr/lib/..",
            "/usr/lib",
        ];
        for first in paths {
            for second in paths {
                let mut way = Way::default();
                for path in [first, second, first] {
                    let expected =
                        tree.resolve(path.as_bytes()).ok().map(|found| found.node).filter(|&id| tree.is_dir(id));
                    assert_eq!(way.to(&tree, path.as_bytes()), expected, "{first} then {second}");
                }
            }
        }
    }
}
