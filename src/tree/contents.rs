//! The content of files, read inside a root or an archive: readers need no file system of their own.

use super::access::AccessList;
use super::budget::{Budget, Budgets};
use super::{Id, Tree};
use anyhow::Result;

/// Reads file content inside the root, so that facts need no file system of their own.
pub trait Contents {
    /// The whole file.
    ///
    /// # Errors
    /// The cause, without the path, when the file cannot be read or is larger than `limit` bytes.
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>>;

    /// Up to `len` bytes from `offset`; fewer at the end of the file, none behind it.
    ///
    /// # Errors
    /// The cause, without the path, when the file cannot be read.
    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>>;

    /// The whole file, into memory that is used again: a run reads hundreds of files.
    ///
    /// # Errors
    /// As [`Contents::read`].
    fn read_into(&self, tree: &Tree, id: Id, limit: u64, into: &mut Vec<u8>) -> Result<()> {
        *into = self.read(tree, id, limit)?;
        Ok(())
    }

    /// A part of a file, into memory that is used again.
    ///
    /// # Errors
    /// As [`Contents::read_at`].
    fn read_at_into(&self, tree: &Tree, id: Id, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<()> {
        *into = self.read_at(tree, id, offset, len)?;
        Ok(())
    }

    /// The first file that could not be read, and should have been, since this was last asked: nothing that was concluded
    /// since holds. The text says what was attempted, on which path, and the cause.
    fn take_unread(&self) -> Option<String> {
        None
    }

    /// What the readers of this source have spent of their budgets; `None` where nothing is counted.
    fn budgets(&self) -> Option<&Budgets> {
        None
    }

    /// Spend so much of a reader's budget on an entry. Returns whether the reader may go on; where it may not, nothing
    /// that is concluded holds, and the budgets say so.
    fn spend(&self, budget: &'static Budget, amount: u64, tree: &Tree, id: Id) -> bool {
        self.budgets().is_none_or(|budgets| budgets.spend(budget, amount, &|| tree.path(id)))
    }

    /// The access list (acl(5)) of a file or directory, if it carries one.
    fn access_list(&self, _tree: &Tree, _id: Id) -> Option<AccessList> {
        None
    }

    /// The same files for another thread, where a processor is free for one. It counts for itself: what it cannot read has to
    /// be read from `self` to be an error of the run.
    fn twin(&self) -> Option<Box<dyn Contents + Send>> {
        None
    }

    /// Bytes of the file.
    fn size(&self, tree: &Tree, id: Id) -> u64 {
        tree.meta(id).size
    }
}

/// File contents in memory, for unit tests.
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(crate) mod memory {
    use super::{Budgets, Contents};
    use crate::tree::{Id, Tree, fixture};
    use std::collections::BTreeMap;

    /// Contents by physical path.
    #[derive(Debug, Default)]
    pub(crate) struct Memory(BTreeMap<Vec<u8>, Vec<u8>>, Budgets);

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
        fn read(&self, tree: &Tree, id: Id, limit: u64) -> anyhow::Result<Vec<u8>> {
            let content = self.0.get(&tree.path(id)).cloned().unwrap_or_default();
            if content.len() as u64 > limit { Err(anyhow::anyhow!("larger than the limit")) } else { Ok(content) }
        }

        fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> anyhow::Result<Vec<u8>> {
            let content = self.read(tree, id, u64::MAX)?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
            Ok(content[start..content.len().min(start.saturating_add(len))].to_vec())
        }

        fn budgets(&self) -> Option<&Budgets> {
            Some(&self.1)
        }

        fn size(&self, tree: &Tree, id: Id) -> u64 {
            self.0.get(&tree.path(id)).map_or(0, |content| content.len() as u64)
        }
    }
}
