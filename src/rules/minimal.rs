//! `mode = "minimal"`: the files that stay besides the commands, with the reasons.
//!
//! The closure names files; packages list their files and dependencies. A *needed file* is one of the closure, of
//! `keep.paths`, of `[files]`, of a kind of data that is wanted (`data`), or what a staying ELF file needs or opens by
//! name. Files that no package owns are the application: they stay, and so do the files that they need.
//!
//! Granularity "package". A package stays that
//! 1. owns a needed file (data excepted: of its package only the data stays), or holds the base layout, or is named;
//! 2. is a dependency of one that stays, unless it is *lost*: it had commands, keeps none, and holds no modules of a
//!    kept interpreter. No kept program needs the rest of a lost package: its libraries would be needed files. So
//!    adduser, debconf, dpkg, perl or iproute2, which maintainer scripts and service files call, do not come along with
//!    a server, and nothing that only they depend on. One that is built from the same source, holds no ELF file of its
//!    own and is not built with an interpreter stays for its configuration and data alone: exim4-config's tools are
//!    removed, and the files that the server reads stay. So do those of its source that it depends on;
//! 3. is built from the source of one that stays, never had commands and holds modules: python's standard library is in
//!    no dependency of the package that owns the interpreter, and plugins of a library in none of the library. One that
//!    had commands does so where both hold modules in one directory, as strongSwan's plugins with a client beside them;
//! 4. depends by name on a *host*, a package that owns a kept command (or one of the same source that so stays for it),
//!    and is not lost: modules of an interpreter or server are installed for a program that is not visible here. A lost package
//!    of the host's source that holds no ELF file of its own stays for its configuration and data alone, without what it
//!    depends on: apache2's tools go, and apache2.conf stays;
//! 5. holds files in a directory where an interpreter looks for modules (`interpreters`), while that interpreter stays
//!    as a command or as a library that a program embeds;
//! 6. was installed on purpose, as the package manager notes, unless it is lost or `minimal.drop` names it.
//!
//! harden trims a kept package: `trim` removes files that no running program reads. Each rule only adds, and all are
//! followed until nothing is added; so the result is closed, and a second run, which sees less, finds the same.
//!
//! Granularity "file". Needed files stay and nothing else that a package owns. harden does not see files that a program
//! opens by a name that no ELF file shows: `harden learn` sees them.
//!
//! This module decides; the rule `remove.unneeded` removes. It knows no distribution and reads no package database.

mod belongs;
pub(crate) mod data;
mod interpreters;
mod purpose;
mod removals;
mod trim;
mod why;

#[cfg(test)]
mod property;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use crate::closure::objects::Objects;
use crate::closure::{Input, Reason};
use crate::diag::Origin;
use crate::facts::elf::Elf;
use crate::facts::packages::PackageIndex;
use crate::rules::context::Context;
use crate::tree::glob::Glob;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};
use data::Evidence;
use interpreters::Interpreters;
use trim::Trim;

pub(crate) use interpreters::is_module;
pub(crate) use why::Shown;

/// Where a package says that it is the layout of the file system: directories that no other package owns.
const LAYOUT: [&str; 2] = ["/srv", "/home"];

/// Why a package stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// It owns an entry that stays, for this reason.
    Owns(Id, Option<Reason>),
    /// Another package, which stays, and what the two have to do with each other.
    Package(PackageIndex, &'static str),
    /// The policy or the shape of the file system says so.
    Named(String),
    /// It owns this module of an interpreter that stays.
    Module(Id),
    /// It was installed on purpose, and stays for no other reason.
    OnPurpose,
}

/// What goes, and for which reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// No kept file needs its package.
    Package(PackageIndex),
    /// Nothing needs this file; its package may stay.
    File(PackageIndex),
    /// Its package stays, and no running program reads it.
    Trimmed(&'static str),
}

/// What stays and what goes.
#[derive(Debug, Default)]
pub struct Decision {
    /// Packages that stay as a whole, each with its reason.
    pub stays: BTreeMap<PackageIndex, Because>,
    /// Needed files that are in no reason of the closure, each with its reason where it is an ELF file's need.
    pub needed: BTreeMap<Id, Option<Reason>>,
    /// Entries that go, by entry; directories are not among them.
    pub goes: BTreeMap<Id, Goes>,
    /// Trees that go with all they hold, since a kind of data is not wanted, with its name.
    pub unwanted: Vec<(Id, &'static str)>,
    /// Programs that hide what they need: UPX has packed them, and they may be dynamic.
    pub packed: BTreeSet<Id>,
    /// Directories that go where that leaves them empty.
    pub directories: Vec<Id>,
    /// Packages named by the policy that do not exist, with the key that names them: what to refuse.
    pub unknown: Vec<(&'static str, String, Origin)>,
}

/// Decide. `removed` is what goes for other reasons already.
#[must_use]
pub(crate) fn decide(cx: &Context<'_>, removed: &IdSet) -> Decision {
    let none = BTreeSet::new();
    let input = Input {
        tree: &cx.facts.tree,
        contents: cx.contents,
        commands: &cx.facts.commands,
        packages: &cx.facts.packages,
        accounts: &none,
        policy: cx.policy,
        nologin: None,
    };
    let mut decider = Decider {
        cx,
        removed,
        objects: Objects::new(&input),
        trim: Trim::new(cx, removed),
        lost: BTreeSet::new(),
        suffixes: Vec::new(),
        fronts: BTreeSet::new(),
        interpreters: Interpreters::default(),
        sources: BTreeMap::new(),
        decision: Decision::default(),
        packages: VecDeque::new(),
        files: VecDeque::new(),
        scanned: IdSet::default(),
        evidence: Evidence::default(),
        wanted: [false; data::KINDS.len()],
        owners: BTreeSet::new(),
        layout: BTreeSet::new(),
    };
    decider.run();
    decider.finish()
}

struct Decider<'a> {
    cx: &'a Context<'a>,
    removed: &'a IdSet,
    objects: Objects<'a>,
    trim: Trim,
    /// Packages that had commands and keep none.
    lost: BTreeSet<PackageIndex>,
    /// Endings of modules whose interpreter stays.
    suffixes: Vec<&'static str>,
    /// Lost packages that stay for their configuration and data: what they depend on is not followed.
    fronts: BTreeSet<PackageIndex>,
    interpreters: Interpreters,
    /// Packages by source.
    sources: BTreeMap<&'a str, Vec<PackageIndex>>,
    decision: Decision,
    packages: VecDeque<PackageIndex>,
    /// ELF candidates that wait.
    files: VecDeque<Id>,
    scanned: IdSet,
    evidence: Evidence,
    /// Kinds of data that are in already.
    wanted: [bool; data::KINDS.len()],
    /// Packages that own a kept command.
    owners: BTreeSet<PackageIndex>,
    /// Packages that hold the base layout.
    layout: BTreeSet<PackageIndex>,
}

impl<'a> Decider<'a> {
    fn by_file(&self) -> bool {
        self.cx.policy.minimal.files
    }

    fn run(&mut self) {
        self.commands();
        for (index, package) in self.cx.facts.packages.iter() {
            self.sources.entry(package.source.as_str()).or_default().push(index);
        }
        self.seeds();
        if !self.by_file() {
            self.additions();
        }
        self.settle();
        // Last, so that the reason tells what would go without it.
        self.on_purpose();
        self.settle();
    }

    /// Follow everything until nothing is added.
    fn settle(&mut self) {
        loop {
            self.follow();
            let data = self.add_data();
            if !self.add_modules() && !data {
                break;
            }
        }
    }

    /// Look at every command that stays.
    fn commands(&mut self) {
        let facts = self.cx.facts;
        let (tree, packages) = (&facts.tree, &facts.packages);
        let mut keeping: BTreeSet<PackageIndex> = BTreeSet::new();
        let staying = facts.commands.entries.iter().filter(|(id, _)| !self.removed.contains(**id));
        for (&id, command) in staying {
            for at in [id, command.target] {
                keeping.extend(packages.owners(at));
                self.need(at, None);
            }
            let name = tree.name(id);
            self.suffixes.extend(interpreters::endings(name));
            // An interpreter of the application looks into directories of its own.
            if packages.owner(command.target).is_some() {
                self.interpreters.note_command(name);
            }
        }
        let had = packages.iter().filter(|(_, package)| package.had_commands);
        self.lost = BTreeSet::from_iter(had.map(|(index, _)| index).filter(|index| !keeping.contains(index)));
        self.owners = keeping;
    }

    /// What stays whatever depends on it.
    fn seeds(&mut self) {
        let cx = self.cx;
        let (tree, packages) = (&cx.facts.tree, &cx.facts.packages);
        for &id in cx.closure.reasons.keys() {
            self.need(id, None);
        }
        for entry in &cx.policy.keep.paths {
            for top in tree.named(entry.value.as_bytes()) {
                for id in tree.subtree(top) {
                    self.need(id, None);
                }
            }
        }
        let layout = LAYOUT.iter().filter_map(|path| tree.lookup(path.as_bytes()));
        self.layout = BTreeSet::from_iter(layout.flat_map(|id| packages.owners(id)));
        for package in self.layout.clone() {
            if self.by_file() {
                packages.files(package).filter(|&id| leads_to_directory(tree, id)).for_each(|id| self.need(id, None));
            } else {
                self.stay(package, Because::Named("it holds the base layout of the file system".to_owned()));
            }
        }
        self.named();
        // The application, with what of it is not about to go.
        for id in tree.ids().filter(|&id| Objects::is_candidate(tree, id)) {
            let application = packages.owner(id).is_none() || cx.zones.application.contains(id);
            if application && !self.removed.contains(id) && !cx.zones.kernel.contains(id) {
                self.scan(id);
            }
        }
    }

    /// Packages that the policy names.
    fn named(&mut self) {
        let cx = self.cx;
        for entry in &cx.policy.minimal.packages {
            // Checked when the policy was read.
            let glob = Glob::new(&entry.value);
            let is = |name: &str| glob.as_ref().is_ok_and(|glob| glob.matches(name.as_bytes()));
            let found = cx.facts.packages.iter().filter(|(_, package)| is(&package.name));
            let found: Vec<PackageIndex> = found.map(|(index, _)| index).collect();
            for &index in &found {
                let why = entry.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
                self.stay(index, Because::Named(format!("minimal.packages in {}{why}", entry.origin)));
                if self.by_file() {
                    cx.facts.packages.files(index).for_each(|id| self.need(id, None));
                }
            }
            if found.is_empty() && !entry.optional && !matches!(entry.origin, Origin::Profile(_)) {
                self.decision.unknown.push(("minimal.packages", entry.value.clone(), entry.origin.clone()));
            }
        }
    }

    fn stay(&mut self, package: PackageIndex, because: Because) {
        let front = self.fronts.remove(&package);
        match self.decision.stays.entry(package) {
            Entry::Occupied(_) if !front => return,
            Entry::Occupied(mut entry) => drop(entry.insert(because)),
            Entry::Vacant(entry) => drop(entry.insert(because)),
        }
        self.packages.push_back(package);
    }

    /// A package stays for its configuration and data, with those of its source that it depends on for theirs.
    fn stay_as_front(&mut self, package: PackageIndex, because: Because) {
        let mut todo = vec![(package, because)];
        while let Some((package, because)) = todo.pop() {
            let Entry::Vacant(entry) = self.decision.stays.entry(package) else { continue };
            entry.insert(because);
            self.fronts.insert(package);
            let needed = self.data_of(package).into_iter();
            todo.extend(needed.map(|needed| (needed, Because::Package(package, belongs::DATA))));
        }
    }

    /// A file stays; with its package, by that granularity.
    fn need(&mut self, id: Id, reason: Option<Reason>) {
        let facts = self.cx.facts;
        if facts.tree.is_dir(id) || self.removed.contains(id) {
            return;
        }
        if !self.by_file() && !leads_to_directory(&facts.tree, id) {
            for owner in facts.packages.owners(id) {
                self.stay(owner, Because::Owns(id, reason.clone()));
            }
        }
        self.only(id, reason);
    }

    /// A file stays, its package only as far as other files need it.
    fn only(&mut self, id: Id, reason: Option<Reason>) {
        if !self.cx.facts.tree.is_dir(id) && !self.decision.needed.contains_key(&id) {
            self.decision.needed.insert(id, reason);
            self.scan(id);
        }
    }

    /// Look at a file when its turn comes, if it may be an ELF file.
    fn scan(&mut self, id: Id) {
        if Objects::is_candidate(&self.cx.facts.tree, id) && self.scanned.insert(id) {
            self.files.push_back(id);
        }
    }

    fn follow(&mut self) {
        loop {
            if let Some(id) = self.files.pop_front() {
                if let Some(elf) = self.objects.elf(id) {
                    self.file(id, &elf);
                }
            } else if let Some(package) = self.packages.pop_front() {
                if !self.by_file() {
                    self.package(package);
                }
            } else {
                break;
            }
        }
    }

    fn file(&mut self, id: Id, elf: &Rc<Elf>) {
        if self.cx.facts.packages.owner(id).is_some() {
            self.interpreters.note_library(self.cx.facts.tree.name(id));
        }
        self.evidence.note(self.cx.facts.tree.name(id), elf, |function| self.objects.imports(id, elf, &[function]));
        let packed = self.objects.of_packed(id, elf);
        if !packed.is_empty() {
            self.decision.packed.insert(id);
        }
        for (found, reason) in packed {
            self.need(found, Some(reason));
        }
        for (found, reason) in self.objects.needs(id, elf) {
            self.need(found, Some(reason));
        }
        for (found, reason) in self.objects.opened(id, elf) {
            self.need(found, Some(reason));
        }
        for (found, reason) in self.objects.plugins(id, elf) {
            self.need(found, Some(reason));
        }
    }

    /// Let the kinds of data in that are wanted by now. Returns whether one came new.
    fn add_data(&mut self) -> bool {
        let tree = &self.cx.facts.tree;
        let mut more = false;
        for at in 0..data::KINDS.len() {
            let (Some(kind), Some(done)) = (data::KINDS.get(at), self.wanted.get_mut(at)) else { continue };
            let set = self.cx.policy.minimal.data.get(at).copied().flatten();
            if *done || !set.unwrap_or_else(|| kind.is_found(&self.evidence)) {
                continue;
            }
            *done = true;
            more = true;
            self.trim.leave(tree, kind);
            for id in kind.files(tree, set == Some(true)) {
                // Links in a tree of data lead to other data.
                let found = tree.follow(id).map(|found| (found.node, found.links)).unwrap_or((id, Vec::new()));
                self.only(id, None);
                found.1.into_iter().chain([found.0]).for_each(|id| self.only(id, None));
            }
        }
        more
    }
}
/// Lists name `/lib` as a directory: a link in its place is unowned.
pub(crate) fn leads_to_directory(tree: &Tree, id: Id) -> bool {
    tree.is_link(id) && tree.follow(id).is_ok_and(|found| tree.is_dir(found.node))
}

fn policy_name(at: usize) -> &'static str {
    crate::policy::DATA.get(at).map_or("", |(name, _)| *name)
}
