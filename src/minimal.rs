//! `mode = "minimal"`: what stays besides the commands, and why.
//!
//! The closure names files; packages say what belongs to them and what they cannot do without. A *needed file* is one of
//! the closure, of `keep.paths`, of `[files]`, of a kind of data that is wanted (`data`), or what a staying ELF file
//! needs or opens by name. Files that no package owns are the application: they stay, and what they need stays.
//!
//! Granularity "package". A package stays that
//! 1. owns a needed file (data excepted: of its package only the data stays), or holds the base layout, or is named;
//! 2. is a dependency of one that stays, unless it is *lost*: it had commands, keeps none, and holds no modules of a kept
//!    interpreter. What is left of a lost package serves nobody: its libraries would be needed files. So adduser,
//!    debconf, dpkg, perl or iproute2, which maintainer scripts and service files call, do not come along with a server,
//!    and nothing that only they depend on;
//! 3. is built from the source of one that stays, never had commands and holds modules: python's standard library is in
//!    no dependency of the package that owns the interpreter, and plugins of a library in none of the library;
//! 4. depends by name on a *host*, a package that owns a kept command (or one of the same source that depends on it),
//!    and is not lost: modules of an interpreter or server are installed for a program that nobody sees.
//!
//! Of a package that stays goes what no running program reads: `trim`. Each rule only adds, and all are followed until
//! nothing is added; so the result is closed, and a second run, which sees less, finds the same.
//!
//! Granularity "file". Needed files stay and nothing else that a package owns. What a program opens by a name that no
//! ELF file shows is not seen: `harden learn` sees it.
//!
//! This module decides; the rule `remove.unneeded` removes. It knows no distribution and reads no package database.

pub mod data;
pub mod sizes;
mod trim;

#[cfg(test)]
mod property;

use std::collections::VecDeque;
use std::rc::Rc;

use crate::closure::objects::{Objects, is_library_directory};
use crate::closure::{Input, Reason};
use crate::collect::{Map, Set, set};
use crate::facts::elf::Elf;
use crate::facts::glob;
use crate::facts::packages::PackageIndex;
use crate::facts::set::IdSet;
use crate::facts::tree::{Id, Tree};
use crate::pipeline;
use crate::policy::Origin;
use crate::report::escape::{escaped, quoted};
use crate::rules::Context;
use data::Evidence;
use trim::Trim;

/// Commands that everything depends on: what does so is no module of theirs.
const NOT_HOSTS: &str = "bash busybox busybox-static coreutils dash glibc libc-bin libc6 mksh musl musl-utils sed tar toybox \
    util-linux zsh";

/// Modules by the end of their names, and how the name of the interpreter begins that loads them.
const MODULES: [(&str, &str); 11] = [
    ("py", "python"),
    ("pm", "perl"),
    ("pl", "perl"),
    ("rb", "ruby"),
    ("js", "node"),
    ("mjs", "node"),
    ("cjs", "node"),
    ("json", "node"),
    ("php", "php"),
    ("lua", "lua"),
    ("tcl", "tclsh"),
];

/// Where a package says that it is the layout of the file system: directories that nobody else owns.
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
    pub stays: Map<PackageIndex, Because>,
    /// Needed files that are in no reason of the closure, each with its reason where it is an ELF file's need.
    pub needed: Map<Id, Option<Reason>>,
    /// Entries that go, by entry; directories are not among them.
    pub goes: Map<Id, Goes>,
    /// Trees that go with all they hold, since a kind of data is not wanted, with its name.
    pub unwanted: Vec<(Id, &'static str)>,
    /// Directories that go where that leaves them empty.
    pub directories: Vec<Id>,
    /// Packages named by the policy that do not exist: what to refuse.
    pub unknown: Vec<(String, String)>,
}

/// Decide. `removed` is what goes for other reasons already.
#[must_use]
pub fn decide(cx: &Context<'_>, removed: &IdSet) -> Decision {
    let suggest = |_: &str, _: &[String]| None;
    let input = Input {
        tree: &cx.facts.tree,
        contents: cx.contents,
        commands: &cx.facts.commands,
        policy: cx.policy,
        nologin: None,
        suggest: &suggest,
    };
    let mut decider = Decider {
        cx,
        removed,
        objects: Objects::new(&input),
        trim: Trim::new(cx, removed),
        lost: Set::new(),
        suffixes: Vec::new(),
        sources: Map::new(),
        decision: Decision::default(),
        packages: VecDeque::new(),
        files: VecDeque::new(),
        scanned: IdSet::default(),
        evidence: Evidence::default(),
        wanted: [false; data::KINDS.len()],
        owners: Set::new(),
        layout: Set::new(),
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
    lost: Set<PackageIndex>,
    /// Endings of modules whose interpreter stays.
    suffixes: Vec<&'static str>,
    /// Packages by source.
    sources: Map<&'a str, Vec<PackageIndex>>,
    decision: Decision,
    packages: VecDeque<PackageIndex>,
    /// ELF candidates that wait.
    files: VecDeque<Id>,
    scanned: IdSet,
    evidence: Evidence,
    /// Kinds of data that are in already.
    wanted: [bool; data::KINDS.len()],
    /// Packages that own a kept command.
    owners: Set<PackageIndex>,
    /// Packages that hold the base layout.
    layout: Set<PackageIndex>,
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
        loop {
            self.follow();
            if !self.add_data() {
                break;
            }
        }
    }

    /// Look at every command that stays.
    fn commands(&mut self) {
        let facts = self.cx.facts;
        let (tree, packages) = (&facts.tree, &facts.packages);
        let mut keeping: Set<PackageIndex> = Set::new();
        let staying = facts.commands.entries.iter().filter(|(id, _)| !self.removed.contains(**id));
        for (&id, command) in staying {
            for at in [id, command.target] {
                keeping.extend(packages.owners(at));
                self.need(at, None);
            }
            let name = tree.name(id);
            let loads = MODULES.iter().filter(|(_, program)| name.starts_with(program.as_bytes()));
            self.suffixes.extend(loads.map(|(suffix, _)| *suffix));
        }
        let had = packages.iter().filter(|(_, package)| package.had_commands);
        self.lost = set(had.map(|(index, _)| index).filter(|index| !keeping.contains(index)));
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
            for top in pipeline::named(tree, entry.value.as_bytes()) {
                for id in tree.subtree(top) {
                    self.need(id, None);
                }
            }
        }
        let layout = LAYOUT.iter().filter_map(|path| tree.lookup(path.as_bytes()));
        self.layout = set(layout.flat_map(|id| packages.owners(id)));
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
            let is = |name: &str| glob::matches(entry.value.as_bytes(), name.as_bytes());
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
                self.decision.unknown.push((entry.value.clone(), entry.origin.to_string()));
            }
        }
    }

    /// What is installed for a host: rule 4.
    fn additions(&mut self) {
        let packages = &self.cx.facts.packages;
        let fits = |index: &PackageIndex| {
            packages.get(*index).is_some_and(|package| !NOT_HOSTS.split(' ').any(|name| name == package.name))
        };
        let mut todo: Vec<PackageIndex> = self.owners.iter().copied().collect();
        let mut hosts: Set<PackageIndex> = set(todo.iter().copied());
        while let Some(host) = todo.pop() {
            let source = packages.get(host).map(|package| &package.source);
            for added in packages.dependents(host) {
                if packages.get(added).map(|package| &package.source) == source && hosts.insert(added) {
                    todo.push(added);
                }
            }
        }
        for host in hosts.into_iter().filter(|host| fits(host)) {
            for added in packages.dependents(host) {
                let installer = packages.get(added).is_some_and(|package| package.is_installer());
                if !installer && (self.serves(added) || self.has_shared_modules(added)) {
                    self.stay(added, Because::Package(host, "runs what it adds"));
                }
            }
        }
    }

    /// Whether something is left of a package that others can use without running a command.
    fn serves(&self, package: PackageIndex) -> bool {
        !self.lost.contains(&package) || self.has_scripts(package)
    }

    /// Whether it holds modules of a kept interpreter, outside the command directories.
    fn has_scripts(&self, package: PackageIndex) -> bool {
        let facts = self.cx.facts;
        let tree = &facts.tree;
        !self.suffixes.is_empty()
            && facts.packages.files(package).any(|id| {
                let name = tree.name(id);
                let ending = name.iter().rposition(|&b| b == b'.').and_then(|at| name.get(at + 1..));
                ending.is_some_and(|ending| self.suffixes.iter().any(|suffix| suffix.as_bytes() == ending))
                    && tree.is_file(id)
                    && !facts.commands.is_in_directory(tree, id)
                    && self.trim.of(tree, id).is_none()
            })
    }

    /// Whether it holds shared objects that are found by a path and not by the loader.
    fn has_shared_modules(&self, package: PackageIndex) -> bool {
        let tree = &self.cx.facts.tree;
        self.cx.facts.packages.files(package).any(|id| {
            tree.is_file(id)
                && Objects::is_candidate(tree, id)
                && tree.name(id).windows(3).any(|part| part == b".so")
                && !is_library_directory(tree, tree.parent(id))
                && self.trim.of(tree, id).is_none()
        })
    }

    fn stay(&mut self, package: PackageIndex, because: Because) {
        let entry = self.decision.stays.entry(package);
        if entry.is_vacant() {
            entry.or_insert(because);
            self.packages.push_back(package);
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
        self.evidence.note(self.cx.facts.tree.name(id), elf, |function| self.objects.imports(id, elf, &[function]));
        for (found, reason) in self.objects.needs(id, elf) {
            self.need(found, Some(reason));
        }
        for (found, reason) in self.objects.opened(id, elf) {
            self.need(found, Some(reason));
        }
    }

    fn package(&mut self, index: PackageIndex) {
        let packages = &self.cx.facts.packages;
        let tree = &self.cx.facts.tree;
        for id in packages.files(index) {
            if !self.removed.contains(id) && self.trim.of(tree, id).is_none() {
                self.scan(id);
            }
        }
        for needed in packages.requirements(index) {
            if self.serves(needed) {
                self.stay(needed, Because::Package(index, "depends on it"));
            }
        }
        let Some(package) = packages.get(index) else { return };
        for sibling in self.sources.get(package.source.as_str()).cloned().unwrap_or_default() {
            let tool = packages.get(sibling).is_none_or(|package| package.had_commands);
            let scripts = self.owners.contains(&index) && self.has_scripts(sibling);
            if !tool && (scripts || self.has_shared_modules(sibling)) {
                self.stay(sibling, Because::Package(index, "is built from the same source and may load its modules"));
            }
        }
    }

    /// Let the kinds of data in that are wanted by now. Answers whether one came new.
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

    fn finish(mut self) -> Decision {
        let cx = self.cx;
        let (tree, packages) = (&cx.facts.tree, &cx.facts.packages);
        data::always(tree).into_iter().for_each(|id| self.only(id, None));
        for (at, kind) in data::KINDS.iter().enumerate() {
            let set = cx.policy.minimal.data.get(at).copied().flatten();
            if self.wanted.get(at) == Some(&false) && (set == Some(false) || kind.generated) {
                self.decision.unwanted.extend(kind.dropped(tree).into_iter().map(|id| (id, policy_name(at))));
            }
        }
        let standing = pipeline::standing_entries(tree, cx.policy);
        // Packages of which something stays.
        let mut parts: Set<PackageIndex> = Set::new();
        for (index, _) in packages.iter() {
            let whole = self.decision.stays.contains_key(&index);
            let mut left = whole;
            for id in packages.files(index) {
                if tree.is_dir(id) || self.removed.contains(id) {
                    continue;
                }
                let needed = self.decision.needed.contains_key(&id) || cx.zones.application.contains(id);
                left |= (needed || standing.contains(id)) && !leads_to_directory(tree, id);
                let goes = if needed {
                    continue;
                } else if self.by_file() {
                    Goes::File(index)
                } else if packages.owners(id).any(|owner| self.decision.stays.contains_key(&owner)) {
                    let Some(what) = self.trim.of(tree, id) else { continue };
                    Goes::Trimmed(what)
                } else {
                    Goes::Package(index)
                };
                self.decision.goes.insert(id, goes);
            }
            if left {
                parts.insert(index);
                // A record that stays keeps its licence.
                for id in packages.files(index).filter(|&id| trim::is_licence(tree, id)) {
                    self.decision.goes.remove(&id);
                }
            }
        }
        for (index, _) in packages.iter() {
            for id in packages.files(index).filter(|&id| tree.is_dir(id)) {
                // A program keeps its state in the directory that its package made for it.
                let state = cx.zones.variable.contains(id) && packages.owners(id).any(|owner| parts.contains(&owner));
                if !state {
                    self.directory(id);
                }
            }
        }
        self.unowned_directories();
        self.decision
    }

    /// A directory goes when empty that only packages own which go, or that holds what is trimmed.
    fn directory(&mut self, id: Id) {
        let packages = &self.cx.facts.packages;
        let stays = packages.owners(id).any(|owner| self.decision.stays.contains_key(&owner));
        let layout = packages.owners(id).any(|owner| self.layout.contains(&owner));
        if !layout && (!stays || self.trim.of(&self.cx.facts.tree, id).is_some()) {
            self.decision.directories.push(id);
        }
    }

    /// Directories of the system that no list names, as distroless' lists do, with what they held.
    fn unowned_directories(&mut self) {
        let (tree, packages) = (&self.cx.facts.tree, &self.cx.facts.packages);
        let mut seen = IdSet::default();
        for &id in self.decision.goes.keys() {
            for at in tree.ancestors(id).skip(1) {
                let shallow = tree.parent(tree.parent(at)) == Id::ROOT;
                if shallow || packages.owner(at).is_some() || !self.cx.zones.system.contains(at) || !seen.insert(at) {
                    break;
                }
                self.decision.directories.push(at);
            }
        }
    }
}

/// Lists name `/lib` as a directory: a link in its place is nobody's file.
fn leads_to_directory(tree: &Tree, id: Id) -> bool {
    tree.is_link(id) && tree.follow(id).is_ok_and(|found| tree.is_dir(found.node))
}

fn policy_name(at: usize) -> &'static str {
    crate::policy::DATA.get(at).map_or("", |(name, _)| *name)
}

impl Decision {
    /// Why a package stays, as clauses, the nearest first; escaped for a terminal. Empty when it goes.
    #[must_use]
    pub fn why(&self, cx: &Shown<'_>, package: PackageIndex) -> Vec<String> {
        let name = |index: PackageIndex| {
            cx.packages.get(index).map(|package| escaped(package.name.as_bytes())).unwrap_or_default()
        };
        let mut clauses = Vec::new();
        let mut next = Some(package);
        while let Some(because) = next.take().and_then(|index| self.stays.get(&index)) {
            match because {
                Because::Named(text) => clauses.push(text.clone()),
                Because::Owns(id, reason) => {
                    clauses.push(format!("it holds {}", escaped(&cx.tree.path(*id))));
                    clauses.extend(self.why_file(cx, *id, reason.as_ref()));
                }
                Because::Package(index, text) => {
                    clauses.push(format!("{} {text}", name(*index)));
                    next = Some(*index);
                }
            }
            if clauses.len() > self.stays.len() + 2 {
                break;
            }
        }
        clauses
    }

    /// Why a needed file stays.
    #[must_use]
    pub fn why_file(&self, cx: &Shown<'_>, id: Id, reason: Option<&Reason>) -> Vec<String> {
        let mut clauses = Vec::new();
        let mut next = reason;
        let mut at = id;
        while let Some(reason) = next {
            clauses.push(reason.clause(cx.tree));
            let Some(from) = reason.from else { return clauses };
            at = from;
            next = self.needed.get(&at).and_then(Option::as_ref);
            if clauses.len() > self.needed.len() {
                break;
            }
        }
        let chain = cx.closure.explain(cx.tree, at);
        if chain.is_empty() && at != id && cx.packages.owner(at).is_none() {
            clauses.push(format!("{} is no package's: the application", quoted(&cx.tree.path(at))));
        }
        clauses.extend(chain);
        clauses
    }
}

/// What is needed to show a reason.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// Every package.
    pub packages: &'a crate::facts::packages::Packages,
    /// What the policy needs.
    pub closure: &'a crate::closure::Closure,
}
