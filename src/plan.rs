//! The finished plan: every change once, in the order in which it is safe to be killed in between.
//!
//! 1. Attributes: files of removed accounts belong to root before their account is gone, so that a second run after a
//!    kill knows no less than the first.
//! 2. New directories and files, parents first; then rewritten files.
//! 3. Removals: links first, since a link is only known to be broken by this run while its target exists, and a link to
//!    a link before that one; then everything else, children before their directories.
//! 4. Package databases, in the order of their rule: until the file that lists the packages is rewritten, a later run
//!    knows all that this one knew; from then on it knows the leftovers.
//! 5. This program itself.

pub(crate) mod times;

use std::collections::BTreeMap;

use crate::diag::Diagnostic;
use crate::draft::record::{Record, Target, What};
use crate::draft::{Change, DatabaseChange, Draft, New, Written, present};
use crate::ordered;
use crate::tree::map::IdMap;
use crate::tree::set::IdSet;
use crate::tree::{Attributes, FileId, Id, Tree};

/// One change of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An entry that the walk saw becomes another one, or goes.
    Change(Id, Change),
    /// An entry appears.
    Create(Box<Creation>),
}

/// An entry that appears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// Its absolute path inside the root.
    pub path: Vec<u8>,
    /// What it is.
    pub new: New,
}

impl Step {
    /// The entry that it removes.
    #[must_use]
    pub fn removed(&self) -> Option<Id> {
        match self {
            Self::Change(id, Change::Remove) => Some(*id),
            _ => None,
        }
    }

    /// The path that it changes.
    #[must_use]
    pub fn path(&self, tree: &Tree) -> Vec<u8> {
        match self {
            Self::Change(id, _) => tree.path(*id),
            Self::Create(creation) => creation.path.clone(),
        }
    }
}

/// Everything apply does, and the evidence for it.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes, in order.
    pub steps: Vec<Step>,
    /// The changes of this program's own removal, after everything else and its re-check.
    pub last: Vec<Step>,
    /// Which rule changes what, and why, in the order of the rules.
    pub records: Vec<Record>,
    /// For the report only.
    pub notes: Vec<Diagnostic>,
    /// Worth knowing, stops nothing.
    pub warnings: Vec<Diagnostic>,
    /// Stops apply before the first change.
    pub refusals: Vec<Diagnostic>,
    /// What becomes of the package databases.
    pub database: DatabaseChange,
}

impl Plan {
    /// Everything that goes.
    #[must_use]
    pub fn removed(&self) -> IdSet {
        self.steps.iter().chain(&self.last).filter_map(Step::removed).collect()
    }

    /// The content that a file gets, when it gets any.
    #[must_use]
    pub fn new_content(&self, id: Id) -> Option<&[u8]> {
        let change = |of: Id| {
            self.steps.iter().find_map(|step| match step {
                Step::Change(id, change) if *id == of && *change != Change::Remove => Some(change),
                _ => None,
            })
        };
        match change(id) {
            Some(Change::Rewrite(new)) => Some(&new.content),
            Some(&Change::HardLink(of)) => match change(of) {
                Some(Change::Rewrite(new)) => Some(&new.content),
                _ => None,
            },
            _ => None,
        }
    }

    /// Put what the rules asked for in order. Records of attributes that an entry loses with its removal are dropped.
    #[must_use]
    pub fn from_draft(draft: Draft<'_>) -> Self {
        let Draft {
            tree,
            removed,
            last,
            mut attributes,
            mut rewrites,
            links,
            creations,
            mut records,
            notes,
            warnings,
            refusals,
            database,
            late,
            ..
        } = draft;
        let mut steps = Vec::with_capacity(attributes.len() + removed.len() + rewrites.len() + creations.len());
        let replaced = |id: Id| removed.contains(id) || rewrites.contains_key(&id) || links.contains_key(&id);
        let shared = linked_elsewhere(tree, &attributes, replaced);
        let remove = |id| Step::Change(id, Change::Remove);
        let rewrite =
            |attributes, content: Vec<u8>| Change::Rewrite(Box::new(Written { attributes, content: content.into() }));
        let mut databases = Vec::new();
        for &id in &late {
            if removed.contains(id) {
                databases.push(remove(id));
            } else if let Some(content) = rewrites.remove(&id) {
                let wanted = attributes.remove(id).unwrap_or_else(|| present(tree, id));
                databases.push(Step::Change(id, rewrite(wanted, content)));
            }
        }
        let mut rewritten = Vec::new();
        for (id, content) in rewrites.into_iter().filter(|&(id, _)| !removed.contains(id)) {
            let wanted = attributes.remove(id).unwrap_or_else(|| present(tree, id));
            rewritten.push(Step::Change(id, rewrite(wanted, content)));
        }
        // One file has one set of attributes: that of the name which is written.
        for (id, of) in links.into_iter().filter(|&(id, _)| !removed.contains(id)) {
            attributes.remove(id);
            rewritten.push(Step::Change(id, Change::HardLink(of)));
        }
        for (id, wanted) in attributes.iter() {
            if removed.contains(id) || wanted == present(tree, id) {
                continue;
            }
            let copied = shared.contains(id) || loses_bits(tree, id, wanted);
            let change = if copied { Change::AttributesOfCopy(wanted) } else { Change::Attributes(wanted) };
            steps.push(Step::Change(id, change));
        }
        steps.extend(creations.into_iter().map(|(path, new)| Step::Create(Box::new(Creation { path, new }))));
        steps.extend(rewritten);
        let late: IdSet = last.iter().chain(&late).copied().collect();
        let gone = || tree.ids().filter(|&id| removed.contains(id) && !late.contains(id));
        let mut links: Vec<Id> = gone().filter(|&id| tree.is_link(id)).collect();
        links.sort_by_cached_key(|&id| std::cmp::Reverse(tree.follow(id).map_or(0, |found| found.links.len())));
        steps.extend(links.into_iter().map(remove));
        let mut rest: Vec<Id> = gone().filter(|&id| !tree.is_link(id)).collect();
        rest.reverse();
        steps.extend(rest.into_iter().map(remove));
        steps.extend(databases);
        // What goes needs no evidence for a change of its owner or mode before.
        let goes = |target: &Target| match target {
            Target::Entry(id) => removed.contains(*id),
            Target::New(path) => tree.lookup(path).is_some_and(|id| removed.contains(id)),
        };
        records.retain(|record| record.what == What::Remove || !goes(&record.target));
        Self { steps, last: last.into_iter().map(remove).collect(), records, notes, warnings, refusals, database }
    }
}

/// Whether a change of owner in place would, for a moment, leave the file without a set-id bit or a capability that it
/// is to keep (chown(2) clears both): a run killed then could not know them again.
fn loses_bits(tree: &Tree, id: Id, wanted: Attributes) -> bool {
    let kept = wanted.mode() & 0o6000 != 0 || (tree.meta(id).capability && !wanted.drops_capability());
    kept && tree.is_file(id) && wanted.owner != present(tree, id).owner
}

/// Which of these files have a name that does not get the same attributes: outside the root, or inside it where the
/// policy keeps the path or another rule decides. A change of the inode would be a change of that name too.
fn linked_elsewhere(tree: &Tree, wanted: &IdMap<Attributes>, replaced: impl Fn(Id) -> bool) -> IdSet {
    let files = wanted.iter().filter_map(|(id, _)| tree.file_id(id));
    let mut names: BTreeMap<FileId, Vec<Id>> = ordered::map(files.map(|file| (file, Vec::new())));
    if names.is_empty() {
        return IdSet::default();
    }
    for id in tree.ids() {
        if let Some(names) = tree.file_id(id).and_then(|file| names.get_mut(&file)) {
            names.push(id);
        }
    }
    wanted
        .iter()
        .filter(|&(id, attributes)| {
            let Some(file) = tree.file_id(id) else { return false };
            let same = |&other: &Id| {
                replaced(other) || wanted.get(other).unwrap_or_else(|| present(tree, other)) == attributes
            };
            let all = names.get(&file).map(Vec::as_slice).unwrap_or_default();
            tree.meta(id).nlink as usize > all.len() || !all.iter().all(same)
        })
        .map(|(id, _)| id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Step;
    use crate::draft::record::Record;

    /// A plan may hold as many of these as the tree has entries: the 200 bytes an entry are for all that a run knows.
    #[test]
    fn steps_and_records_are_small() {
        assert!(size_of::<Step>() <= 24, "{}", size_of::<Step>());
        assert!(size_of::<Record>() <= 48, "{}", size_of::<Record>());
    }
}
