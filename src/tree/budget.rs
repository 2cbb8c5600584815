//! Budgets: how much work each reader does for one root or archive. A few kilobytes can ask for more than any machine
//! has; a reader that has spent its budget stops, and harden refuses its partial result, which it never takes for the
//! whole.
//!
//! This module counts. The definition of a step, and the number that is enough for every honest image, stand beside
//! each reader.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::console::progress::{Progress, Unit};
use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::tree::{FileId, Id, Tree};

/// How much one reader does.
#[derive(Debug)]
pub struct Budget {
    /// What is counted, with the reader as the subject's part: `scripts with all that they source take more than`.
    pub(crate) text: &'static str,
    /// The most of it.
    pub(crate) most: u64,
    /// What to do about it.
    pub(crate) help: &'static str,
}

/// Readings of one file that cost nothing: the closure, the rules and the guards each read it.
const FREE_READINGS: u32 = 8;

/// Whole readings of a file by another of its names (hard links), or once more: a kilobyte of names multiplies a megabyte of
/// content.
static LINKED: Budget = Budget {
    text: "files are read again by other names (hard links) for more bytes than",
    most: 256 << 20,
    help: "remove the hard links from the image, or make them symbolic links",
};

/// A budget, and a file by its inode or by its entry.
type Reading = (&'static str, Option<FileId>, Id);

/// What the readers of one root or archive have spent.
#[derive(Debug, Default)]
pub struct Budgets {
    /// Files of several names that were read.
    linked: RefCell<BTreeSet<FileId>>,
    /// How often each file was read that a budget counts only when it is read again and again.
    readings: RefCell<BTreeMap<Reading, u32>>,
    /// Of each budget, which is one static: they are few, and asked for often.
    spent: RefCell<Vec<(&'static Budget, u64)>>,
    refused: RefCell<Option<Diagnostic>>,
    /// The files that are read, for a person who waits.
    progress: RefCell<Option<Progress>>,
}

impl Budgets {
    /// Spend so much of a budget on the entry at a path. Returns whether the reader may go on.
    pub(crate) fn spend(&self, budget: &'static Budget, amount: u64, path: &dyn Fn() -> Vec<u8>) -> bool {
        let mut spent = self.spent.borrow_mut();
        let at = spent.iter().position(|&(known, _)| std::ptr::eq(known, budget)).unwrap_or(spent.len());
        if at == spent.len() {
            spent.push((budget, 0));
        }
        let within = spent.get_mut(at).is_some_and(|(_, sum)| {
            *sum = sum.saturating_add(amount);
            *sum <= budget.most
        });
        if within {
            return true;
        }
        self.refused.borrow_mut().get_or_insert_with(|| {
            let text = format!("stopped at {}: {} {}", quoted(&path()), budget.text, budget.most);
            Diagnostic::new(codes::BUDGET, text).help(budget.help)
        });
        false
    }

    /// Spend so much on a file that is read again: so many readings are free, since each part of a run has its own.
    pub(crate) fn spend_again(&self, budget: &'static Budget, amount: u64, tree: &Tree, id: Id) -> bool {
        let linked = tree.file_id(id).filter(|_| tree.meta(id).nlink > 1);
        let key = (budget.text, linked, if linked.is_some() { Id::ROOT } else { id });
        let count = {
            let mut readings = self.readings.borrow_mut();
            let count = readings.entry(key).or_default();
            *count = count.saturating_add(1);
            *count
        };
        self.spend(budget, if count > FREE_READINGS { amount } else { 0 }, &|| tree.path(id))
    }

    /// Begin anew: nothing is spent.
    pub(crate) fn begin(&self) {
        self.spent.borrow_mut().clear();
        self.linked.borrow_mut().clear();
        self.readings.borrow_mut().clear();
        *self.progress.borrow_mut() = Some(Progress::new("reading content", Unit::Things("files"), None));
    }

    /// Count the reading of a whole file. Returns whether it may be read.
    pub(crate) fn read(&self, tree: &Tree, id: Id) -> bool {
        if let Some(progress) = &*self.progress.borrow() {
            progress.advance(1);
        }
        let meta = tree.meta(id);
        if meta.nlink < 2 || tree.file_id(id).is_none_or(|file| self.linked.borrow_mut().insert(file)) {
            return true;
        }
        self.spend(&LINKED, meta.size, &|| tree.path(id))
    }

    /// The first budget that was spent, since this was last asked: nothing that was concluded since holds.
    pub(crate) fn take_refused(&self) -> Option<Diagnostic> {
        self.refused.borrow_mut().take()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Budget, Budgets};

    #[test]
    fn a_spent_budget_is_refused_once_and_names_the_first_entry_beyond_it() {
        static FIRST: Budget = Budget { text: "links take more steps than", most: 10, help: "remove one" };
        static SECOND: Budget = Budget { text: "names take more bytes than", most: 1, help: "" };
        let budgets = Budgets::default();
        let spend = |budget, amount, path: &'static str| budgets.spend(budget, amount, &|| path.as_bytes().to_vec());
        assert!(spend(&FIRST, 10, "/a") && spend(&SECOND, 1, "/a"));
        assert!(!spend(&FIRST, 1, "/b") && !spend(&FIRST, u64::MAX, "/c") && !spend(&SECOND, 1, "/c"));
        let refused = budgets.take_refused().unwrap();
        assert_eq!(
            refused.form(),
            "[input.budget]: stopped at '/b': links take more steps than 10\n  help: remove one"
        );
        assert!(budgets.take_refused().is_none());
        assert!(!spend(&FIRST, 1, "/a"));
        budgets.begin();
        assert!(spend(&FIRST, 10, "/a"));
    }
}
