//! What CMD used, as paths of the image before CMD ran.
//!
//! A path is looked up in the tree that was read before CMD started, and compared with what the call is about to meet:
//! where CMD changed links or mounts meanwhile, the file system is walked instead. Only names of that tree are written.
//! Nothing here knows how calls are found out.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::facts::packages::places::RECORDS;
use crate::facts::program::is_library_name;
use crate::tree::{Id, MAX_LINKS, Tree, glob};
use std::collections::{BTreeMap, BTreeSet};

/// Directories whose content is made anew with each start.
const RUN_TIME: [&str; 9] =
    ["/dev", "/proc", "/sys", "/run", "/tmp", "/var/run", "/var/tmp", "/var/lock", "/.dockerenv"];

/// Where files are what an earlier run left. A kept one has the owner and mode of that run; without it the program makes
/// its own.
const LOGS: &str = "/var/log";

/// Files that always stay and that rules edit: as kept paths they would be frozen.
const EDITED: [&str; 6] = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

/// One path that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    /// It is a program: it goes to keep.commands.
    pub(super) command: bool,
    /// It was started, not only opened or looked for.
    pub(super) executed: bool,
    /// The program that did so, the first one of all by name.
    pub(super) by: Vec<u8>,
    /// Inode that the path led to last; 0 where nobody asks.
    pub(super) ino: u64,
}

/// How one process sees paths.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// What comes before its root, as seen from here; empty for the same root.
    pub(super) prefix: Vec<u8>,
    /// It has mounts of its own: names mean nothing here, only inodes do.
    pub(super) foreign: bool,
}

/// All that was used so far.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    tree: &'a Tree,
    /// Directories that could not be read.
    closed: &'a BTreeSet<Id>,
    /// Never written: this program, the files that rules edit.
    left_out: BTreeSet<Id>,
    /// Paths as they were called, with the inode that they led to and who used them.
    known: BTreeMap<Vec<u8>, Used>,
    /// Files by inode, sorted, once mounts may differ.
    inodes: Vec<(u64, Id)>,
    /// What is to be written.
    pub(super) used: BTreeMap<Vec<u8>, Used>,
    /// Programs that were started and have set-id bits or file capabilities.
    pub(super) privileged: BTreeSet<Id>,
}

impl<'a> Seen<'a> {
    /// Nothing was used so far; `own` are paths of this program's.
    pub(super) fn new(tree: &'a Tree, closed: &'a BTreeSet<Id>, own: &[Vec<u8>]) -> Self {
        let own = own.iter().filter_map(|path| tree.resolve(path).ok()).map(|found| found.node);
        let edited = EDITED.iter().filter_map(|path| tree.resolve(path.as_bytes()).ok()).map(|found| found.node);
        let records = RECORDS.iter().flat_map(|pattern| glob::expand(tree, pattern));
        let left_out = BTreeSet::from_iter(edited.chain(records).chain(own));
        Self {
            tree,
            closed,
            left_out,
            known: BTreeMap::new(),
            inodes: Vec::new(),
            used: BTreeMap::new(),
            privileged: BTreeSet::new(),
        }
    }

    /// A program is about to use that absolute path. What does not exist is not used.
    pub(super) fn path(&mut self, view: &View, path: &[u8], executed: bool, by: &[u8]) {
        if !view.prefix.is_empty() {
            return self.walk(view, path, executed, by);
        }
        let stat = match stat(path) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::LOOP) => return self.dangling(path, by),
            Err(_) => return,
        };
        if let Some(known) = self.known.get(path)
            && known.ino == stat.stx_ino
            && known.by.as_slice() <= by
            && known.executed >= executed
        {
            return;
        }
        match self.tree.resolve(path) {
            Ok(found) if self.tree.meta(found.node).ino == stat.stx_ino => {
                self.record(path, found.node, &found.links, executed, by);
            }
            _ => self.walk(view, path, executed, by),
        }
        let known = Used { command: false, executed, by: by.to_vec(), ino: stat.stx_ino };
        self.known.insert(path.to_vec(), known);
    }

    /// A link that leads nowhere may be read all the same.
    fn dangling(&mut self, path: &[u8], by: &[u8]) {
        if let Some(link) = self.tree.lookup(path).filter(|&id| self.tree.is_link(id)) {
            self.add(self.tree.path(link), link, false, by, false);
        }
    }

    /// Follow the path component by component in the file system as it is now.
    fn walk(&mut self, view: &View, path: &[u8], executed: bool, by: &[u8]) {
        let mut todo: Vec<Vec<u8>> = components(path);
        let mut at: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        let full = |at: &[Vec<u8>]| {
            let mut full = view.prefix.clone();
            for name in at {
                full.push(b'/');
                full.extend_from_slice(name);
            }
            full
        };
        while let Some(name) = todo.pop() {
            if name == b".." {
                at.pop();
                continue;
            }
            at.push(name);
            let here = full(&at);
            match rustix::fs::readlink(here.as_slice(), Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return;
                    }
                    self.passed(view, &here, false, by);
                    at.pop();
                    let target = target.into_bytes();
                    if target.starts_with(b"/") {
                        at.clear();
                    }
                    todo.extend(components(&target));
                }
                // No link.
                Err(Errno::INVAL) => {}
                Err(_) => return,
            }
        }
        self.passed(view, &full(&at), executed, by);
    }

    /// The walk came to that entry.
    fn passed(&mut self, view: &View, full: &[u8], executed: bool, by: &[u8]) {
        if !view.foreign
            && let Some(id) = self.tree.lookup(full)
        {
            // What was mounted over the tree is not the image.
            if !self.tree.meta(id).mount {
                self.record(full, id, &[], executed, by);
            }
            return;
        }
        if let Some(id) = self.by_inode(full) {
            return self.record(&self.tree.path(id), id, &[], executed, by);
        }
        let parent = full.iter().rposition(|&byte| byte == b'/').and_then(|at| full.get(..at)).unwrap_or(b"/");
        let closed = self.tree.resolve(parent).is_ok_and(|found| self.closed.contains(&found.node));
        let is_file = stat(full).is_ok_and(|stat| stat.stx_mode & 0o170_000 == 0o100_000);
        if closed && is_file && !view.foreign {
            self.insert(full.to_vec(), Used { command: false, executed, by: by.to_vec(), ino: 0 });
        }
    }

    /// From here on, the same file may have other names.
    pub(super) fn moved(&mut self) {
        let tree = self.tree;
        let files = tree.ids().filter(|&id| tree.is_file(id) && !tree.meta(id).mount);
        self.inodes = files.map(|id| (tree.meta(id).ino, id)).collect();
        self.inodes.sort_unstable();
    }

    fn by_inode(&self, full: &[u8]) -> Option<Id> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, full, flags, Mode::empty()).ok()?;
        let stat = rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
        let at = self.inodes.partition_point(|&(ino, _)| ino < stat.stx_ino);
        let &(_, id) = self.inodes.get(at).filter(|&&(ino, _)| ino == stat.stx_ino)?;
        let meta = self.tree.meta(id);
        // Another file system may use the same numbers.
        let same = (meta.mode, meta.size, meta.mtime, meta.mtime_nsec)
            == (stat.stx_mode, stat.stx_size, stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec);
        same.then_some(id)
    }

    /// A path led over these links to that entry.
    fn record(&mut self, called: &[u8], node: Id, links: &[Id], executed: bool, by: &[u8]) {
        let tree = self.tree;
        if self.left_out.contains(&node) || tree.meta(node).mount {
            return;
        }
        if tree.is_dir(node) {
            // A kept directory is kept with its content, and its place is kept with what lies in it.
            let empty = tree.children(node).all(|child| self.left_out.contains(&child));
            let empty = empty && !self.closed.contains(&node) && node != Id::ROOT;
            if empty {
                self.add(tree.path(node), node, executed, by, false);
            }
            return;
        }
        if executed && (tree.permissions(node) & 0o6000 != 0 || has_capability(&tree.path(node))) {
            self.privileged.insert(node);
        }
        // One that was only looked for counts where commands are; elsewhere an x bit may mean nothing.
        let among_commands = || {
            let named = tree.lookup(called).unwrap_or(node);
            matches!(tree.name(tree.parent(named)), b"bin" | b"sbin" | b"games" | b"libexec")
        };
        let can_run = tree.is_file(node) && tree.permissions(node) & 0o111 != 0 && !is_library_name(tree.name(node));
        let is_program = can_run && (executed || among_commands());
        let named = self.plain(called, links);
        self.add(named, node, executed, by, is_program);
        if is_program {
            return;
        }
        let last = links.iter().copied().filter(|&link| tree.follow(link).is_ok_and(|found| found.node == node));
        for id in last.chain([node]) {
            self.add(tree.path(id), id, executed, by, false);
        }
    }

    /// The path that is written: as it was called where a link among its directories needs to stay, else without links.
    fn plain(&self, called: &[u8], links: &[Id]) -> Vec<u8> {
        let tree = self.tree;
        let is_far =
            |&link: &Id| tree.parent(link) != Id::ROOT && tree.follow(link).is_ok_and(|found| tree.is_dir(found.node));
        let parts = components(called);
        if links.iter().any(is_far) && !parts.iter().any(|part| part == b"..") {
            return parts.iter().rev().fold(Vec::new(), |mut path, part| {
                path.push(b'/');
                path.extend_from_slice(part);
                path
            });
        }
        tree.lookup(called).map_or_else(|| called.to_vec(), |id| tree.path(id))
    }

    fn add(&mut self, path: Vec<u8>, id: Id, executed: bool, by: &[u8], command: bool) {
        let place = self.tree.path(id);
        let below = |top: &str| {
            place.strip_prefix(top.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let kind = self.tree.is_file(id) || self.tree.is_link(id) || self.tree.is_dir(id);
        let log = self.tree.is_file(id) && below(LOGS);
        if kind && !log && !RUN_TIME.iter().any(|top| below(top)) {
            self.insert(path, Used { command, executed, by: by.to_vec(), ino: 0 });
        }
    }

    fn insert(&mut self, path: Vec<u8>, new: Used) {
        match self.used.get_mut(&path) {
            None => {
                self.used.insert(path, new);
            }
            Some(old) => {
                // The same whatever the order: started counts more than opened, then the first name.
                if (new.executed, &old.by) > (old.executed, &new.by) {
                    old.by = new.by;
                }
                old.executed |= new.executed;
                old.command |= new.command;
            }
        }
    }
}

/// What is of the kernel or of a device, whatever links lead there; but the roots and directories of processes.
pub(super) fn is_uninteresting(path: &[u8]) -> bool {
    if path.starts_with(b"/dev/") || path.starts_with(b"/sys/") {
        return true;
    }
    let Some(rest) = path.strip_prefix(b"/proc/") else { return false };
    !rest.split(|&byte| byte == b'/').skip(1).any(|part| matches!(part, b"root" | b"cwd" | b"fd"))
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let mut parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    parts.reverse();
    parts
}

fn has_capability(path: &[u8]) -> bool {
    let mut value = [0_u8; 64];
    rustix::fs::lgetxattr(path, "security.capability", &mut value).is_ok()
}

fn stat(path: &[u8]) -> Result<Statx, Errno> {
    rustix::fs::statx(CWD, path, AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}
