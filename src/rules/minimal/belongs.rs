//! Packages that stay with one that stays: rules 2 to 4 of granularity "package".

use std::collections::BTreeSet;

use crate::closure::objects::{Objects, is_library_directory};
use crate::closure::removable::NOT_HOSTS;
use crate::facts::packages::PackageIndex;
use crate::rules::minimal::{Because, Decider, interpreters};
use crate::tree::Id;

/// Why a lost dependency stays.
pub(super) const DATA: &str = "depends on it and may read its configuration and data";

impl Decider<'_> {
    /// What is installed for a host: rule 4.
    pub(super) fn additions(&mut self) {
        let packages = &self.cx.facts.packages;
        let fits = |index: &PackageIndex| {
            packages.get(*index).is_some_and(|package| !NOT_HOSTS.split(' ').any(|name| name == package.name))
        };
        // A host stays itself: one that went would leave the next run without what this run kept for it.
        let mut todo: Vec<PackageIndex> = self.owners.iter().copied().filter(fits).collect();
        let mut hosts: BTreeSet<PackageIndex> = BTreeSet::from_iter(todo.iter().copied());
        while let Some(host) = todo.pop() {
            let source = packages.get(host).map(|package| &package.source);
            for added in packages.dependents(host) {
                let installer = packages.get(added).is_some_and(|package| package.is_installer());
                let same = packages.get(added).map(|package| &package.source) == source;
                if installer {
                    continue;
                } else if self.serves(added) || self.has_shared_modules(added) {
                    self.stay(added, Because::Package(host, "runs what it adds"));
                } else if same && !self.has_objects(added) {
                    let why = "is built from the same source and may read its configuration and data";
                    self.stay_as_front(added, Because::Package(host, why));
                } else {
                    continue;
                }
                if same && fits(&added) && hosts.insert(added) {
                    todo.push(added);
                }
            }
        }
    }

    /// Whether something is left of a package that others can use without running a command.
    pub(super) fn serves(&self, package: PackageIndex) -> bool {
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
        self.shared_modules(package).next().is_some()
    }

    /// The shared objects that are found by a path and not by the loader.
    fn shared_modules(&self, package: PackageIndex) -> impl Iterator<Item = Id> + '_ {
        let tree = &self.cx.facts.tree;
        self.cx.facts.packages.files(package).filter(|&id| {
            tree.is_file(id)
                && Objects::is_candidate(tree, id)
                && tree.name(id).windows(3).any(|part| part == b".so")
                && !is_library_directory(tree, tree.parent(id))
                && self.trim.of(tree, id).is_none()
        })
    }

    /// Whether both hold shared objects in one directory, which the program that loads them reads as a whole.
    fn share_a_directory(&self, one: PackageIndex, other: PackageIndex) -> bool {
        let tree = &self.cx.facts.tree;
        let directories: BTreeSet<Id> = self.shared_modules(one).map(|id| tree.parent(id)).collect();
        !directories.is_empty() && self.shared_modules(other).any(|id| directories.contains(&tree.parent(id)))
    }

    /// Whether it holds ELF files outside the command directories: programs and libraries of its own.
    fn has_objects(&mut self, package: PackageIndex) -> bool {
        let facts = self.cx.facts;
        let tree = &facts.tree;
        facts.packages.files(package).any(|id| {
            Objects::is_candidate(tree, id)
                && !facts.commands.is_in_directory(tree, id)
                && self.objects.elf(id).is_some()
        })
    }

    /// Lost packages of the same source that a package depends on: what they hold besides their commands is its own
    /// configuration and data, as exim4-config's the server's and texlive-base's the program's that sets the text.
    pub(super) fn data_of(&mut self, package: PackageIndex) -> Vec<PackageIndex> {
        let packages = &self.cx.facts.packages;
        let source = |index: PackageIndex| packages.get(index).map(|package| &package.source);
        let is_own = |needed: &PackageIndex| source(*needed) == source(package) && !self.serves(*needed);
        let own: Vec<PackageIndex> = packages.requirements(package).filter(is_own).collect();
        own.into_iter()
            .filter(|&needed| self.leaves(needed) && !self.was_interpreter(needed) && !self.has_objects(needed))
            .collect()
    }

    /// Whether something is left of it: the record of a package without files goes, and the next run would not see what it
    /// depends on.
    fn leaves(&self, package: PackageIndex) -> bool {
        let tree = &self.cx.facts.tree;
        let stays = |id: Id| !tree.is_dir(id) && !self.removed.contains(id) && self.trim.of(tree, id).is_none();
        self.cx.facts.packages.files(package).any(stays)
    }

    /// Whether it is built with an interpreter whose command went: what is left are modules, and nothing loads them.
    fn was_interpreter(&self, package: PackageIndex) -> bool {
        let facts = self.cx.facts;
        let named = |id: Id| interpreters::endings(facts.tree.name(id)).next().is_some();
        let command = |id: Id| facts.commands.entries.contains_key(&id) && named(id);
        let source = facts.packages.get(package).and_then(|package| self.sources.get(package.source.as_str()));
        let mut siblings = source.into_iter().flatten().filter(|sibling| self.lost.contains(sibling));
        siblings.any(|&sibling| facts.packages.files(sibling).any(command))
    }

    pub(super) fn package(&mut self, index: PackageIndex) {
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
        for needed in self.data_of(index) {
            self.stay_as_front(needed, Because::Package(index, DATA));
        }
        let Some(package) = packages.get(index) else { return };
        for sibling in self.sources.get(package.source.as_str()).cloned().unwrap_or_default() {
            let tool = packages.get(sibling).is_none_or(|package| package.had_commands);
            let scripts = self.owners.contains(&index) && self.has_scripts(sibling);
            let modules = if tool { self.share_a_directory(index, sibling) } else { self.has_shared_modules(sibling) };
            if modules || (scripts && !tool) {
                self.stay(sibling, Because::Package(index, "is built from the same source and may load its modules"));
            }
        }
    }
}
