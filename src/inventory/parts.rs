//! The parts of an image: packages, and directories for files that no package owns, each with the directories in which
//! its files lie, and the amount that harden keeps and removes.
//!
//! One pass over the directories of the tree. Of each part the largest places are known apart, so that the memory depends on
//! the number of packages and not on that of the entries.

use std::collections::{BTreeMap, BTreeSet};

use super::freed::own;
use super::sizes::Amount;
use crate::facts::packages::PackageIndex;
use crate::ordered;
use crate::pipeline::Examined;
use crate::rules::minimal::leads_to_directory;
use crate::tree::set::IdSet;
use crate::tree::{FileId, Id, Tree};

/// Places of one part that are known apart.
const PLACES: usize = 24;

/// Files of one place that are known apart.
const FILES: usize = 3;

/// Directories with more entries than these are one part, and not their entries.
const WIDE: usize = 200;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A package.
    Package(PackageIndex),
    /// A directory, for what no package owns in it.
    Directory(Id),
}

/// A package, or what no package owns in a directory.
#[derive(Debug)]
pub(crate) struct Part {
    /// What it is.
    pub owner: Owner,
    /// What stays of it.
    pub stays: Amount,
    /// What goes of it.
    pub goes: Amount,
    /// Its places, the largest first.
    pub places: Vec<Place>,
    /// What stays and goes in all other places.
    pub rest: [Rest; 2],
}

/// Files of many small places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rest {
    /// How many they are, and how large.
    pub amount: Amount,
    /// The largest of them.
    pub files: Vec<Id>,
}

impl Rest {
    /// Add more of them, of which the largest are known.
    pub(crate) fn add(&mut self, tree: &Tree, amount: Amount, files: &[Id]) {
        add(&mut self.amount, amount);
        // Three at most: a sort would be some KB of program.
        let size = |id: &Id| tree.meta(*id).size;
        for id in files {
            let at = self.files.partition_point(|other| size(other) >= size(id));
            self.files.insert(at, *id);
            self.files.truncate(FILES);
        }
    }
}

/// The files of a part in one directory that stay, or that go.
#[derive(Debug)]
pub(crate) struct Place {
    /// The directory.
    pub directory: Id,
    /// Whether they go.
    pub goes: bool,
    /// How many they are, and how large.
    pub amount: Amount,
    /// The largest of them.
    pub files: Vec<Id>,
}

/// The parts of the image, the largest first; harden itself is none. `removed` is what the plan removes.
#[must_use]
pub(crate) fn parts(examined: &Examined, removed: &IdSet) -> Vec<Part> {
    let (tree, packages) = (&examined.facts.tree, &examined.facts.packages);
    // A file of which one name stays stays, and each file counts once.
    let names = tree.ids().filter(|&id| !removed.contains(id));
    let stay: BTreeSet<FileId> = ordered::set(names.filter_map(|id| tree.file_id(id)));
    let mut seen = BTreeSet::new();
    let mut parts: BTreeMap<Owner, Part> = BTreeMap::new();
    let own = own(examined);
    for directory in tree.ids().filter(|&id| tree.is_dir(id) && !tree.meta(id).mount) {
        if examined.zones.kernel.contains(directory) {
            continue;
        }
        let mut here: BTreeMap<(Owner, bool), Place> = BTreeMap::new();
        for id in tree.children(directory).filter(|&id| !tree.is_dir(id)) {
            let meta = tree.meta(id);
            if meta.mount || examined.zones.kernel.contains(id) || own.contains(id) {
                continue;
            }
            let goes = removed.contains(id);
            let owner = packages.owners(id).next().filter(|_| !leads_to_directory(tree, id));
            let owner = owner.map_or_else(|| Owner::Directory(top(tree, directory)), Owner::Package);
            let place = here.entry((owner, goes)).or_insert_with(|| Place {
                directory,
                goes,
                amount: Amount::default(),
                files: Vec::new(),
            });
            place.amount.files += 1;
            let counts = tree.is_file(id)
                && tree.file_id(id).is_none_or(|file| (!goes || !stay.contains(&file)) && seen.insert(file));
            if counts {
                place.amount.bytes += meta.size;
            }
            let size = |id: &Id| tree.meta(*id).size;
            let at = place.files.partition_point(|other| size(other) >= meta.size);
            if at < FILES {
                place.files.insert(at, id);
                place.files.truncate(FILES);
            }
        }
        for ((owner, goes), place) in here {
            let part = parts.entry(owner).or_insert_with(|| Part {
                owner,
                stays: Amount::default(),
                goes: Amount::default(),
                places: Vec::new(),
                rest: [Rest::default(), Rest::default()],
            });
            add(if goes { &mut part.goes } else { &mut part.stays }, place.amount);
            part.places.push(place);
            if part.places.len() >= 2 * PLACES {
                part.trim(tree);
            }
        }
    }
    let mut parts: Vec<Part> = parts.into_values().collect();
    parts.iter_mut().for_each(|part| part.trim(tree));
    parts.sort_unstable_by_key(|part| (std::cmp::Reverse(part.bytes()), part.owner));
    parts
}

impl Part {
    /// All bytes of it.
    pub(crate) const fn bytes(&self) -> u64 {
        self.stays.bytes + self.goes.bytes
    }

    /// Leave the largest places.
    fn trim(&mut self, tree: &Tree) {
        self.places.sort_unstable_by_key(|place| (std::cmp::Reverse(place.amount.bytes), place.directory));
        for place in self.places.drain(PLACES.min(self.places.len())..) {
            let [stays, goes] = &mut self.rest;
            if place.goes { goes } else { stays }.add(tree, place.amount, &place.files);
        }
    }
}

/// Add an amount.
pub(crate) const fn add(sum: &mut Amount, one: Amount) {
    sum.files += one.files;
    sum.bytes += one.bytes;
}

/// The directory of the first or second level that a directory lies in.
pub(super) fn top(tree: &Tree, directory: Id) -> Id {
    let mut above: Vec<Id> = tree.ancestors(directory).collect();
    above.reverse();
    let (first, second) = (above.get(1).copied(), above.get(2).copied());
    let narrow = first.is_some_and(|first| tree.children(first).len() <= WIDE);
    second.filter(|_| narrow).or(first).unwrap_or(Id::ROOT)
}
