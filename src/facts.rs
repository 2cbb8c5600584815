//! Facts about a root file system, before any policy: one value, collected once, read by everything after it.

pub(crate) mod accounts;
pub(crate) mod commands;
pub(crate) mod elf;
pub(crate) mod libraries;
pub(crate) mod multicall;
pub(crate) mod notable;
pub(crate) mod os;
pub(crate) mod packages;
pub(crate) mod program;
pub(crate) mod texts;

use crate::root::{Root, host};
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, Unresolved};
use accounts::Accounts;
use commands::Commands;
use os::Os;
use packages::Packages;

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
    /// The files of the configuration it read that lie in this root.
    pub this_config: Vec<Id>,
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
pub(crate) struct Own {
    /// The running program.
    pub program: Option<host::Program>,
    /// The files of the configuration.
    pub config: Vec<host::Inode>,
    /// Their paths without links.
    pub config_paths: Vec<Vec<u8>>,
    /// The report.
    pub report: Option<host::Inode>,
    /// The working directory, when the root is the one that this program runs in and no other was named.
    pub directory: Option<String>,
}

impl Facts {
    /// What a tree and the content of its files tell, wherever they come from.
    #[must_use]
    pub fn of(tree: Tree, contents: &dyn Contents, path: &[String], extra: &[String]) -> Self {
        let read = |id| contents.read(&tree, id, accounts::MAX_SIZE).ok();
        let accounts = Accounts::collect(&tree, read);
        let os = Os::collect(&tree, read);
        // The two that read most files, side by side.
        let twin = contents.twin();
        let (mut packages, ahead) = std::thread::scope(|scope| {
            let read = |twin: Box<dyn Contents + Send>| {
                let tree = &tree;
                let read = move || commands::read_ahead(tree, &*twin, path, extra);
                std::thread::Builder::new().spawn_scoped(scope, read).ok()
            };
            let ahead = twin.and_then(read);
            let packages = Packages::collect(&tree, contents);
            (packages, ahead.and_then(|ahead| ahead.join().ok()).unwrap_or_default())
        });
        let commands = Commands::with(ahead, &tree, contents, &mut packages, path, extra);
        Self { tree, accounts, os, packages, commands, ..Self::default() }
    }

    /// What of this run lies in the root: by inode and device, since a path may name a link or be hidden by a mount.
    pub(crate) fn find_own(&mut self, root: &Root, own: &Own) {
        self.running = root.is_running_root();
        let tree = &self.tree;
        let is = |id: Id, wanted: host::Inode| {
            tree.is_file(id) && tree.meta(id).ino == wanted.number && root.inode(tree, id) == Some(wanted)
        };
        let find = |wanted: host::Inode| tree.ids().find(|&id| is(id, wanted));
        self.this_program = own.program.as_ref().and_then(|program| {
            let named = tree.resolve(program.path.as_bytes()).ok().map(|found| found.node);
            named.filter(|&id| is(id, program.inode)).or_else(|| find(program.inode))
        });
        let paths =
            own.program.iter().map(|program| program.path.as_bytes()).chain(own.config_paths.iter().map(Vec::as_slice));
        let mount = |path: &[u8]| match tree.resolve(path) {
            Err(Unresolved::Mount(id)) => Some(id),
            Ok(found) if tree.meta(found.node).mount => Some(found.node),
            _ => None,
        };
        self.own_mounts = paths.filter_map(mount).filter(|_| self.running).collect();
        self.this_program_on_mount = self.running && own.program.is_some() && self.this_program.is_none();
        self.this_config = own.config.iter().copied().filter_map(find).collect();
        self.report = own.report.and_then(find);
    }
}
