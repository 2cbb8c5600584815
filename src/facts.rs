//! What is true of a root file system, before any policy: one value, collected once, read by everything after it.

pub mod commands;
pub mod elf;
pub mod glob;
pub mod libraries;
pub mod multicall;
pub mod packages;
pub mod program;
pub mod set;
pub mod tree;

use commands::Commands;
use packages::Packages;
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
    /// Who owns which entry.
    pub packages: Packages,
    /// Command directories, PATH, and what can be run from them.
    pub commands: Commands,
}

/// Reads file content inside the root, so that facts need no file system of their own.
pub trait Contents {
    /// The whole file.
    ///
    /// # Errors
    /// A whole message, path included, when the file cannot be read or is larger than `limit` bytes.
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>, String>;

    /// Up to `len` bytes from `offset`; fewer at the end of the file, none behind it.
    ///
    /// # Errors
    /// A whole message, path included, when the file cannot be read.
    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>, String>;
}

/// File contents in memory, for unit tests.
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(crate) mod memory {
    use std::collections::BTreeMap;

    use super::Contents;
    use super::tree::{Id, Tree, fixture};

    /// Contents by physical path.
    #[derive(Debug, Default)]
    pub(crate) struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Memory {
        pub(crate) fn put(&mut self, path: &str, content: &[u8]) {
            self.0.insert(path.as_bytes().to_vec(), content.to_vec());
        }
    }

    /// A tree and its contents: as [`fixture::tree`], and what is no link is the file's content.
    pub(crate) fn image(entries: &[(&str, &str)]) -> (Tree, Memory) {
        let mut memory = Memory::default();
        for (path, content) in entries {
            if !content.starts_with("-> ") {
                memory.put(path, content.as_bytes());
            }
        }
        (fixture::tree(entries), memory)
    }

    impl Contents for Memory {
        fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>, String> {
            let content = self.0.get(&tree.path(id)).cloned().unwrap_or_default();
            if content.len() as u64 > limit { Err("larger than the limit".into()) } else { Ok(content) }
        }

        fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>, String> {
            let content = self.read(tree, id, u64::MAX)?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
            Ok(content[start..content.len().min(start.saturating_add(len))].to_vec())
        }
    }
}
