//! What is true of a root file system, before any policy: one value, collected once, read by everything after it.

pub mod accounts;
pub mod os;
pub mod set;
pub mod tree;

use accounts::Accounts;
use os::Os;
use tree::{Id, Tree};

/// Everything known of the root before any rule runs.
#[derive(Debug, Default)]
pub struct Facts {
    /// Every entry with its attributes.
    pub tree: Tree,
    /// Whether the root is the file system this program runs in, not one given with `--root`.
    pub running: bool,
    /// The running program, when it lies in this root.
    pub this_program: Option<Id>,
    /// The configuration it read, when that lies in this root.
    pub this_config: Option<Id>,
    /// The account files.
    pub accounts: Accounts,
    /// The distribution, from os-release.
    pub os: Os,
}
