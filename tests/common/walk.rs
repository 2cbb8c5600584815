//! Walks in this process.

use std::sync::{Mutex, PoisonError};

use harden::testing::root::{Error, Root};
use harden::testing::tree::Tree;

/// One at a time: file capabilities are asked for in the current directory, which all threads of a process share.
pub(crate) fn walk(root: &Root) -> Tree {
    try_walk(root).unwrap()
}

/// The same of a tree that may change meanwhile.
pub(crate) fn try_walk(root: &Root) -> Result<Tree, Error> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    root.walk()
}
