//! What is true of a root file system, before any policy: one value, collected once, read by everything after it.

pub mod accounts;
pub mod commands;
pub mod elf;
pub mod glob;
pub mod libraries;
pub mod multicall;
pub mod os;
pub mod packages;
pub mod program;
pub mod set;
pub mod tree;

use accounts::Accounts;
use commands::Commands;
use os::Os;
use packages::Packages;
use tree::{Id, Tree, Unresolved};

use crate::policy::Policy;
use crate::root::{Error, Root, host};

/// Everything known of the root before any rule runs.
#[derive(Debug, Default)]
pub struct Facts {
    /// Every entry with its attributes.
    pub tree: Tree,
    /// Whether the root is the file system this program runs in, not one given with `--root`.
    pub running: bool,
    /// The running program, when it lies in this root.
    pub this_program: Option<Id>,
    /// The running program lies below a mount in this root, where nothing is looked at.
    pub this_program_on_mount: bool,
    /// The mounts that it and its configuration lie on.
    pub own_mounts: Vec<Id>,
    /// The configuration it read, when that lies in this root.
    pub this_config: Option<Id>,
    /// The file that the report goes to, when it lies in this root.
    pub report: Option<Id>,
    /// The account files.
    pub accounts: Accounts,
    /// The distribution, from os-release.
    pub os: Os,
    /// Who owns which entry.
    pub packages: Packages,
    /// Command directories, PATH, and what can be run from them.
    pub commands: Commands,
}

/// Files of this run itself, which may lie in the root.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// The running program.
    pub program: Option<host::Program>,
    /// The configuration.
    pub config: Option<host::Inode>,
    /// Its path without links.
    pub config_path: Option<Vec<u8>>,
    /// The report.
    pub report: Option<host::Inode>,
}

impl Facts {
    /// Walk a root and read what rules need of it.
    ///
    /// # Errors
    /// When a directory cannot be read. Files that cannot be read are facts too, and become refusals where they matter.
    pub fn collect(root: &Root, policy: &Policy, own: &Own) -> Result<Self, Error> {
        let mut facts = Self::of(root.walk()?, root, policy);
        facts.running = root.is_running_root();
        facts.find_own(root, own);
        Ok(facts)
    }

    /// What a tree and the content of its files tell, wherever they come from.
    #[must_use]
    pub fn of(tree: Tree, contents: &dyn Contents, policy: &Policy) -> Self {
        let read = |id| contents.read(&tree, id, accounts::MAX_SIZE).ok();
        let accounts = Accounts::collect(&tree, read);
        let os = Os::collect(&tree, read);
        let mut packages = Packages::collect(&tree, contents);
        let extra: Vec<String> = policy.remove.directories.iter().map(|entry| entry.value.clone()).collect();
        let commands = Commands::collect(&tree, contents, &mut packages, &policy.path, &extra);
        Self { tree, accounts, os, packages, commands, ..Self::default() }
    }

    /// What of this run lies in the root: by inode and device, since a path may name a link or be hidden by a mount.
    pub(crate) fn find_own(&mut self, root: &Root, own: &Own) {
        let tree = &self.tree;
        let is = |id: Id, wanted: host::Inode| {
            tree.is_file(id) && tree.meta(id).ino == wanted.number && root.inode(tree, id) == Some(wanted)
        };
        let find = |wanted: host::Inode| tree.ids().find(|&id| is(id, wanted));
        self.this_program = own.program.as_ref().and_then(|program| {
            let named = tree.resolve(program.path.as_bytes()).ok().map(|found| found.node);
            named.filter(|&id| is(id, program.inode)).or_else(|| find(program.inode))
        });
        let paths = own.program.iter().map(|program| program.path.as_bytes()).chain(own.config_path.as_deref());
        let mount = |path: &[u8]| match tree.resolve(path) {
            Err(Unresolved::Mount(id)) => Some(id),
            Ok(found) if tree.meta(found.node).mount => Some(found.node),
            _ => None,
        };
        self.own_mounts = paths.filter_map(mount).filter(|_| self.running).collect();
        self.this_program_on_mount = self.running && own.program.is_some() && self.this_program.is_none();
        self.this_config = own.config.and_then(find);
        self.report = own.report.and_then(find);
    }
}

impl Contents for Root {
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>, String> {
        Self::read(self, tree, id, limit).map_err(|error| error.cause_text())
    }

    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>, String> {
        Self::read_at(self, tree, id, offset, len).map_err(|error| error.cause_text())
    }
}

/// Reads file content inside the root, so that facts need no file system of their own.
pub trait Contents {
    /// The whole file.
    ///
    /// # Errors
    /// The cause, without the path, when the file cannot be read or is larger than `limit` bytes.
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>, String>;

    /// Up to `len` bytes from `offset`; fewer at the end of the file, none behind it.
    ///
    /// # Errors
    /// The cause, without the path, when the file cannot be read.
    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>, String>;

    /// Bytes of the file.
    fn size(&self, tree: &Tree, id: Id) -> u64 {
        tree.meta(id).size
    }
}

/// File contents in memory, for unit tests.
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(crate) mod memory {
    use super::Contents;
    use super::tree::{Id, Tree, fixture};
    use crate::collect::Map;

    /// Contents by physical path.
    #[derive(Debug, Default)]
    pub(crate) struct Memory(Map<Vec<u8>, Vec<u8>>);

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

        fn size(&self, tree: &Tree, id: Id) -> u64 {
            self.0.get(&tree.path(id)).map_or(0, |content| content.len() as u64)
        }
    }
}
