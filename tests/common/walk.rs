//! Walks in this process.

use std::sync::{Mutex, PoisonError};

use harden::root::Root;
use harden::tree::Tree;

/// One at a time: file capabilities are asked for in the current directory, which all threads of a process share.
pub(crate) fn walk(root: &Root) -> Tree {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    root.walk().unwrap()
}
