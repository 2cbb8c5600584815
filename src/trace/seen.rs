//! The files that a command used, as paths of the image before it ran.
//!
//! A path is looked up in the tree that was read before it started, and compared with the file that the call is about
//! to reach: where it changed links, names or mounts meanwhile, or where the path means another place for each process,
//! the file system is walked instead ([`super::trail`]). Only names of that tree are written. This module does not know
//! how calls are found.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{AtFlags, CWD, Statx, StatxFlags};
use rustix::io::Errno;

use super::trail::Trail;
use crate::facts::packages::places::RECORDS;
use crate::facts::program::is_library_name;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree, Unresolved, glob};

/// Directories whose content is made anew with each start.
const RUN_TIME: [&str; 9] =
    ["/dev", "/proc", "/sys", "/run", "/tmp", "/var/run", "/var/tmp", "/var/lock", "/.dockerenv"];

/// Mounts of the kernel, which no image has.
const KERNEL: [&[u8]; 3] = [b"/dev", b"/proc", b"/sys"];

/// Where files are what an earlier run left. A kept one has the owner and mode of that run; without it the program makes
/// its own.
const LOGS: &str = "/var/log";

/// Files that always stay and that rules edit: as kept paths they would be frozen.
const EDITED: [&str; 6] = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

/// What was done with a file; each one counts more than those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// It was looked for, or a link led over it.
    Looked,
    /// It was opened.
    Opened,
    /// It was started.
    Executed,
}

/// One path that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    /// It is a program: it goes to keep.commands.
    pub(crate) command: bool,
    /// What was done with it, the most that was.
    pub(crate) how: How,
    /// The program that did so, the first one of all by name.
    pub(crate) by: Vec<u8>,
    /// Inode that the path led to last; 0 where nobody asks.
    pub(crate) ino: u64,
}

/// How one process sees paths.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// What comes before its root, as seen from here; empty for the same root.
    pub(super) prefix: Vec<u8>,
    /// It has mounts of its own: names mean nothing here, only inodes do.
    pub(super) foreign: bool,
}

/// A number of the account files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Account {
    /// Of passwd(5).
    User(u32),
    /// Of group(5).
    Group(u32),
}

/// What has become of the tree since it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Against<'a> {
    /// Entries that are gone.
    pub(crate) removed: &'a IdSet,
    /// Entries whose owner or mode is another one.
    pub(crate) changed: &'a IdSet,
}

/// All that was used so far.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    tree: &'a Tree,
    /// Directories that could not be read.
    closed: &'a BTreeSet<Id>,
    against: Option<Against<'a>>,
    /// Never told: this program, and for learn the files that rules edit.
    left_out: BTreeSet<Id>,
    /// Paths as they were called, with the inode that they led to and who used them.
    known: BTreeMap<Vec<u8>, Used>,
    /// Entries by inode, sorted, after the first question.
    inodes: Vec<(u64, Id)>,
    /// The same file may have other names than before.
    moved: bool,
    /// What is to be told.
    pub(crate) used: BTreeMap<Vec<u8>, Used>,
    /// Programs that were started and have set-id bits or file capabilities.
    pub(crate) privileged: BTreeSet<Id>,
    /// Entries that are gone and were asked for, with the program that did so first.
    pub(crate) missing: BTreeMap<Id, Vec<u8>>,
    /// The same of entries that a process may not use as before.
    pub(crate) refused: BTreeMap<Id, Vec<u8>>,
    /// Mounts that were written to, as far as calls name a file; not those of the kernel.
    pub(crate) mounts: BTreeSet<Id>,
    /// Programs that a process has started after it became that user, as their paths were written, with the program that
    /// did so first: a login starts the shell that the account's line names.
    pub(crate) logins: BTreeMap<(u32, Vec<u8>), Vec<u8>>,
    /// Users and groups that programs have become which look accounts up, with the program that did so first.
    pub(crate) became: BTreeMap<Account, Vec<u8>>,
    /// How many uses have found no room in the list.
    pub(crate) left_over: usize,
}

/// Paths that are remembered so that they are not looked up again. What is forgotten is looked up again.
const MOST_KNOWN: usize = 1 << 17;

/// Programs started as another user, and users and groups, that are remembered: the first ones.
const MOST_BECAME: usize = 1 << 10;

/// Paths that are told. An image has fewer files; a path that leads over links in circles has many names.
const MOST_USED: usize = 1 << 20;

impl<'a> Seen<'a> {
    /// Nothing was used so far; `own` are paths of this program's.
    pub(crate) fn new(tree: &'a Tree, closed: &'a BTreeSet<Id>, own: &[Vec<u8>]) -> Self {
        let own = own.iter().filter_map(|path| tree.resolve(path).ok()).map(|found| found.node);
        let left_out = own.collect();
        Self {
            tree,
            closed,
            against: None,
            left_out,
            known: BTreeMap::new(),
            inodes: Vec::new(),
            moved: false,
            used: BTreeMap::new(),
            privileged: BTreeSet::new(),
            missing: BTreeMap::new(),
            refused: BTreeMap::new(),
            mounts: BTreeSet::new(),
            logins: BTreeMap::new(),
            became: BTreeMap::new(),
            left_over: 0,
        }
    }

    /// The same without the files that always stay and that rules edit.
    pub(super) fn without_edited(mut self) -> Self {
        let tree = self.tree;
        let edited = EDITED.iter().filter_map(|path| tree.resolve(path.as_bytes()).ok()).map(|found| found.node);
        let records = RECORDS.iter().flat_map(|pattern| glob::expand(tree, pattern));
        self.left_out.extend(edited.chain(records));
        self
    }

    /// The same, of a file system that is not what the tree says: what was asked for and is not there is told too.
    pub(crate) fn against(self, against: Against<'a>) -> Self {
        Self { against: Some(against), ..self }
    }

    /// Whether anything has become of the tree.
    pub(super) fn watches(&self) -> bool {
        self.against.is_some()
    }

    /// Nothing is at that path, which was asked for. What was not there before either is not told.
    pub(super) fn missed(&mut self, path: &[u8], by: &[u8]) {
        let Some(against) = self.against else { return };
        let Ok(found) = self.tree.resolve(path) else { return };
        let gone = found.links.iter().chain([&found.node]).copied().find(|&id| against.removed.contains(id));
        if let Some(id) = gone {
            self.missing.entry(id).or_insert_with(|| by.to_vec());
        }
    }

    /// The entry on the way of that path whose owner or mode is another one; of a path that is not there, on the way to
    /// the directory that it would be in.
    pub(super) fn guarded(&self, path: &[u8]) -> Option<Id> {
        let changed = self.against.map(|against| against.changed).filter(|changed| !changed.is_empty())?;
        let mut there = path;
        let mut at = loop {
            if let Ok(found) = self.tree.resolve(there) {
                break found.node;
            }
            there = there.get(..there.iter().rposition(|&byte| byte == b'/')?)?;
        };
        loop {
            if changed.contains(at) {
                return Some(at);
            }
            if at == Id::ROOT {
                return None;
            }
            at = self.tree.parent(at);
        }
    }

    /// A process is about to write at that path.
    pub(super) fn wrote(&mut self, path: &[u8]) {
        let mount = match self.tree.resolve(path) {
            Err(Unresolved::Mount(at)) => at,
            Ok(found) if self.tree.meta(found.node).mount => found.node,
            _ => return,
        };
        if !KERNEL.iter().any(|top| self.tree.path(mount).starts_with(top)) {
            self.mounts.insert(mount);
        }
    }

    /// A process that has become that user is about to start the program of that path.
    pub(super) fn starts_as(&mut self, user: u32, path: &[u8], by: &[u8]) {
        if self.logins.len() < MOST_BECAME {
            self.logins.entry((user, path.to_vec())).or_insert_with(|| by.to_vec());
        }
    }

    /// A process that looks accounts up has become these.
    pub(super) fn became(&mut self, ids: impl Iterator<Item = Account>, by: &[u8]) {
        for id in ids {
            if self.became.len() < MOST_BECAME {
                self.became.entry(id).or_insert_with(|| by.to_vec());
            }
        }
    }

    /// A process was refused what it asked for, on the way over that entry.
    pub(super) fn denied(&mut self, entry: Id, by: &[u8]) {
        self.refused.entry(entry).or_insert_with(|| by.to_vec());
    }

    /// A program is about to use that absolute path, which leads to a file of that inode here. Whether that is known
    /// from the tree alone; otherwise [`Self::trail`] tells.
    pub(super) fn path(&mut self, path: &[u8], ino: u64, how: How, by: &[u8]) -> bool {
        if let Some(known) = self.known.get(path)
            && known.ino == ino
            && known.by.as_slice() <= by
            && known.how >= how
        {
            return true;
        }
        let Some(found) = self.tree.resolve(path).ok().filter(|found| self.tree.meta(found.node).ino == ino) else {
            return false;
        };
        self.record(path, found.node, &found.links, how, by);
        let known = Used { command: false, how, by: by.to_vec(), ino };
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(path.to_vec(), known);
        true
    }

    /// A program is about to use a path that leads there, to a file of which `is` tells. What does not exist is not used.
    pub(super) fn trail(&mut self, trail: &Trail, is: Option<Statx>, foreign: bool, how: How, by: &[u8]) {
        match &trail.end {
            Some(end) => {
                for link in &trail.links {
                    self.passed(link, lstat(link).ok(), foreign, How::Looked, by);
                }
                self.passed(end, is, foreign, how, by);
            }
            // A link that leads nowhere may be read all the same.
            None => {
                let link = trail.named.as_ref().and_then(|link| self.tree.lookup(link));
                if let Some(link) = link.filter(|&id| !foreign && self.tree.is_link(id)) {
                    self.add(self.tree.path(link), link, How::Looked, by, false);
                }
            }
        }
    }

    /// A path led to that name, which has no links on its way.
    pub(super) fn passed(&mut self, full: &[u8], is: Option<Statx>, foreign: bool, how: How, by: &[u8]) {
        let tree = self.tree;
        let here = if foreign { None } else { tree.lookup(full) };
        // What was mounted over the tree is not the image.
        if here.is_some_and(|id| tree.meta(id).mount) {
            return;
        }
        let Some(is) = is else { return };
        let moved = self.moved || foreign || full.starts_with(b"/proc/");
        let known = here.filter(|&id| !moved || tree.meta(id).ino == is.stx_ino);
        // A file that was put in the place of another one has no other name.
        if let Some(id) = known.or_else(|| if moved { self.by_inode(&is) } else { None }).or(here) {
            let path = if here == Some(id) { full.to_vec() } else { tree.path(id) };
            return self.record(&path, id, &[], how, by);
        }
        let parent = full.iter().rposition(|&byte| byte == b'/').and_then(|at| full.get(..at)).unwrap_or(b"/");
        let closed = tree.resolve(parent).is_ok_and(|found| self.closed.contains(&found.node));
        let is_file = is.stx_mode & 0o170_000 == 0o100_000;
        if closed && is_file && !foreign {
            self.insert(full.to_vec(), Used { command: false, how, by: by.to_vec(), ino: 0 });
        }
    }

    /// From here on, the same file may have other names.
    pub(super) fn moved(&mut self) {
        self.moved = true;
    }

    fn by_inode(&mut self, is: &Statx) -> Option<Id> {
        let tree = self.tree;
        if self.inodes.is_empty() {
            self.inodes = tree.ids().filter(|&id| !tree.meta(id).mount).map(|id| (tree.meta(id).ino, id)).collect();
            self.inodes.sort_unstable();
        }
        let at = self.inodes.partition_point(|&(ino, _)| ino < is.stx_ino);
        let same = self.inodes.get(at..)?.iter().take_while(|&&(ino, _)| ino == is.stx_ino);
        // Another file system may use the same numbers, and a new file that of one that is gone. A directory may have
        // been written in meanwhile.
        let mut same = same.map(|&(_, id)| id).filter(|&id| {
            let meta = tree.meta(id);
            // What CMD has made may be in the tree where it is never told, and have another place by now.
            meta.mode == is.stx_mode
                && !is_run_time(&tree.path(id))
                && (tree.is_dir(id)
                    || (meta.size, meta.mtime, meta.mtime_nsec)
                        == (is.stx_size, is.stx_mtime.tv_sec, is.stx_mtime.tv_nsec))
        });
        same.next()
    }

    /// A path led over these links to that entry.
    fn record(&mut self, called: &[u8], node: Id, links: &[Id], how: How, by: &[u8]) {
        let tree = self.tree;
        if self.left_out.contains(&node) || tree.meta(node).mount {
            return;
        }
        if tree.is_dir(node) {
            // A kept directory is kept with its content, and its place is kept with what lies in it.
            let empty = tree.children(node).all(|child| self.left_out.contains(&child));
            let empty = empty && !self.closed.contains(&node) && node != Id::ROOT;
            if empty {
                self.add(tree.path(node), node, how, by, false);
            }
            return;
        }
        if how == How::Executed && (tree.permissions(node) & 0o6000 != 0 || has_capability(&tree.path(node))) {
            self.privileged.insert(node);
        }
        // One that was only looked for counts where commands are; elsewhere an x bit may mean nothing.
        let among_commands = || {
            let named = tree.lookup(called).unwrap_or(node);
            matches!(tree.name(tree.parent(named)), b"bin" | b"sbin" | b"games" | b"libexec")
        };
        let can_run = tree.is_file(node) && tree.permissions(node) & 0o111 != 0 && !is_library_name(tree.name(node));
        let is_program = can_run && (how == How::Executed || among_commands());
        let named = self.plain(called, links);
        self.add(named, node, how, by, is_program);
        if is_program {
            return;
        }
        let last = links.iter().copied().filter(|&link| tree.follow(link).is_ok_and(|found| found.node == node));
        for id in last.chain([node]) {
            self.add(tree.path(id), id, how, by, false);
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

    fn add(&mut self, path: Vec<u8>, id: Id, how: How, by: &[u8], command: bool) {
        let place = self.tree.path(id);
        let kind = self.tree.is_file(id) || self.tree.is_link(id) || self.tree.is_dir(id);
        let log = self.tree.is_file(id) && is_below(&place, LOGS);
        if kind && !log && !is_run_time(&place) {
            self.insert(path, Used { command, how, by: by.to_vec(), ino: 0 });
        }
    }

    fn insert(&mut self, path: Vec<u8>, new: Used) {
        let full = self.used.len() >= MOST_USED;
        match self.used.get_mut(&path) {
            None if full => self.left_over += 1,
            None => {
                self.used.insert(path, new);
            }
            Some(old) => {
                // The same whatever the order: started counts more than opened, then the first name.
                if (new.how == How::Executed, &old.by) > (old.how == How::Executed, &new.by) {
                    old.by = new.by;
                }
                old.how = old.how.max(new.how);
                old.command |= new.command;
            }
        }
    }
}

fn is_below(path: &[u8], top: &str) -> bool {
    path.strip_prefix(top.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Whether that path, which has no links on its way, is a place whose content is made anew with each start.
pub(super) fn is_run_time(path: &[u8]) -> bool {
    RUN_TIME.iter().any(|top| is_below(path, top))
}

/// What is of the kernel, as the path says by itself; but the links that lead to the places of processes.
pub(super) fn is_uninteresting(path: &[u8]) -> bool {
    let Some(rest) = [&b"/sys/"[..], b"/proc/"].into_iter().find_map(|top| path.strip_prefix(top)) else {
        return false;
    };
    let leads_out = |part: &[u8]| matches!(part, b".." | b"root" | b"cwd" | b"fd" | b"exe" | b"map_files");
    !rest.split(|&byte| byte == b'/').any(leads_out)
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

/// What a path leads to, links followed.
pub(super) fn stat(path: &[u8]) -> Result<Statx, Errno> {
    rustix::fs::statx(CWD, path, AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}

/// What a path names, be it a link.
pub(super) fn lstat(path: &[u8]) -> Result<Statx, Errno> {
    rustix::fs::statx(CWD, path, AtFlags::NO_AUTOMOUNT | AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
}
