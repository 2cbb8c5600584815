//! The part of the root in which an entry lies: rules treat the system, /var and the application differently.

use crate::policy::{Entry, Files};
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

/// Top-level directories that hold what the running kernel provides: never looked into.
const KERNEL: [&[u8]; 3] = [b"dev", b"proc", b"sys"];

/// The parts of a root file system.
#[derive(Debug, Default)]
pub struct Zones {
    /// /bin /sbin /lib* /usr /etc /boot and everything below, but the application's paths.
    pub system: IdSet,
    /// /var and /run and everything below, but the application's paths.
    pub variable: IdSet,
    /// /dev, /proc, /sys and everything below.
    pub kernel: IdSet,
    /// Everything at or below a `[files]` path.
    pub application: IdSet,
    /// The deepest `[files]` entry for each path that exists, in order of the tree.
    pub files: Vec<AppPath>,
}

/// One path of `[files]`.
#[derive(Debug, Clone)]
pub struct AppPath {
    /// The entry as written.
    pub entry: Entry,
    /// Owned by the run user, or read-only.
    pub writable: bool,
    /// Where the path leads; `None` when it does not exist.
    pub node: Option<Id>,
}

impl Zones {
    /// Sort the entries of a tree into zones.
    #[must_use]
    pub fn of(tree: &Tree, files: &Files) -> Self {
        let mut zones = Self::default();
        let list = files.read_only.iter().map(|entry| (entry, false));
        for (entry, writable) in list.chain(files.writable.iter().map(|entry| (entry, true))) {
            let node = tree.resolve(entry.value.as_bytes()).ok().map(|found| found.node);
            // The whole system is no application: the guard says so.
            let whole = |id: Id| id == Id::ROOT || (tree.parent(id) == Id::ROOT && is_system(tree.name(id)));
            if let Some(node) = node.filter(|&id| !whole(id)) {
                zones.application.extend(tree.subtree(node));
            }
            zones.files.push(AppPath { entry: entry.clone(), writable, node });
        }
        for top in tree.children(Id::ROOT) {
            let name = tree.name(top);
            if is_system(name) {
                let inside = tree.subtree(top).filter(|&id| !zones.application.contains(id));
                zones.system.extend(inside);
            } else if name == b"var" || name == b"run" {
                let inside = tree.subtree(top).filter(|&id| !zones.application.contains(id));
                zones.variable.extend(inside);
            } else if KERNEL.contains(&name) {
                zones.kernel.extend(tree.subtree(top));
            }
        }
        zones
    }

    /// The `[files]` entry that an entry obeys: of all that it lies below, the deepest.
    #[must_use]
    pub fn app_path(&self, tree: &Tree, id: Id) -> Option<&AppPath> {
        tree.ancestors(id).find_map(|at| self.files.iter().rev().find(|path| path.node == Some(at)))
    }
}

/// Whether a top-level name is a system directory (DESIGN §3).
#[must_use]
pub(crate) fn is_system(name: &[u8]) -> bool {
    matches!(name, b"bin" | b"sbin" | b"usr" | b"etc" | b"boot") || name.starts_with(b"lib")
}
