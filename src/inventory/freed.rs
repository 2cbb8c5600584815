//! The bytes that a run frees: those of each file once, with its last name, and none for harden itself, which was no part of
//! the image before the build step.

use std::collections::BTreeSet;

use crate::draft::THIS_PROGRAM;
use crate::draft::record::{Record, What};
use crate::ordered;
use crate::pipeline::Examined;
use crate::tree::set::IdSet;
use crate::tree::{FileId, Tree};

/// Entries of harden itself that the plan removes.
#[must_use]
pub(crate) fn own(examined: &Examined) -> IdSet {
    let removals =
        examined.plan.records.iter().filter(|record| record.rule() == THIS_PROGRAM && record.what == What::Remove);
    let mut own = IdSet::default();
    for id in removals.filter_map(Record::entry) {
        own.insert(id);
    }
    own
}

/// Adds up what removals free.
pub(crate) struct Freed<'a> {
    tree: &'a Tree,
    /// Files that a name is left of.
    left: BTreeSet<FileId>,
    seen: BTreeSet<FileId>,
}

impl<'a> Freed<'a> {
    /// `removed` is what the plan removes.
    pub(crate) fn new(examined: &'a Examined, removed: &IdSet) -> Self {
        let tree = &examined.facts.tree;
        let names = tree.ids().filter(|&id| !removed.contains(id));
        Self { tree, left: ordered::set(names.filter_map(|id| tree.file_id(id))), seen: BTreeSet::new() }
    }

    /// Bytes that this change frees, given those that were asked for before it; `None` for harden itself.
    pub(crate) fn by(&mut self, record: &Record) -> Option<u64> {
        if record.rule() == THIS_PROGRAM {
            return None;
        }
        let file = record.entry().filter(|_| record.what == What::Remove).and_then(|id| self.tree.file_id(id));
        let counts = file.is_none_or(|file| !self.left.contains(&file) && self.seen.insert(file));
        Some(if counts { record.bytes(self.tree) } else { 0 })
    }
}
