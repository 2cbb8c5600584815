//! One walk over everything below the root that lies on the root's own mount.
//!
//! Directories are read through descriptors, each opened from its parent's without following links. At most
//! [`OPEN_LEVELS`] levels are open at once: a tree may be deeper than the limit of open files, and a path
//! longer than PATH_MAX, since no path is ever built.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::calls::{self, Refused};
use super::{Cause, Error, Root, edit, error, is_temporary, times};
use crate::tree::{Id, Meta, Tree};

/// Levels of directories whose descriptors stay open during the walk.
const OPEN_LEVELS: usize = 48;

/// Bytes of one getdents64 call.
const BUFFER: usize = 64 * 1024;

struct Level {
    directory: Id,
    fd: Option<OwnedFd>,
    /// Children still to descend into, the next one last.
    todo: Vec<Id>,
}

impl Root {
    /// Read every entry of the tree once.
    ///
    /// # Errors
    /// When a directory cannot be read, or is swapped for another one meanwhile.
    pub fn walk(&self) -> Result<Tree, Error> {
        self.walk_all(false, true, true).map(|(tree, _)| tree)
    }

    /// The same with every entry, those included that look like what a killed run left: nothing of the kind is there
    /// that this run does not know of.
    ///
    /// # Errors
    /// As [`Root::walk`].
    pub fn walk_everything(&self) -> Result<Tree, Error> {
        self.walk_all(false, true, false).map(|(tree, _)| tree)
    }

    /// The same for somebody who may not read every directory: those are in the tree without anything below them, and
    /// named in the list.
    ///
    /// # Errors
    /// As [`Root::walk`], and when the root itself may not be read.
    pub fn walk_readable(&self) -> Result<(Tree, Vec<(Id, Error)>), Error> {
        self.walk_all(true, true, true)
    }

    /// The same without file capabilities, which cost a call for each file: none has any in this tree. The current
    /// directory of this process stays what it is, so that other threads may start programs meanwhile.
    ///
    /// # Errors
    /// As [`Root::walk_readable`].
    pub fn walk_beside(&self) -> Result<(Tree, Vec<(Id, Error)>), Error> {
        self.walk_all(true, false, true)
    }

    fn walk_all(&self, skip: bool, capabilities: bool, leftovers: bool) -> Result<(Tree, Vec<(Id, Error)>), Error> {
        let fail = |refused| Error { action: "cannot examine", path: b"/".to_vec(), cause: Cause::Os(refused) };
        let root = calls::stat(self.fd.as_fd()).map_err(fail)?;
        // Descriptors are kept by the numbers of the tree of an earlier walk, which now mean other directories.
        self.directories.borrow_mut().clear();
        let mut tree = Tree::new(meta(&root, false, false));
        let killed = times::remembered(self.fd.as_fd()).map_err(fail)?.is_some();
        let mut skipped = Vec::new();
        let mut walk = Walk {
            root: self,
            tree: &mut tree,
            killed,
            capabilities,
            leftovers,
            points: Vec::new(),
            buffer: Vec::with_capacity(BUFFER),
            skipped: skip.then_some(&mut skipped),
        };
        // Capabilities are asked for by name in the current directory: there is no call relative to a descriptor.
        let result = walk.descend();
        if let (Some(home), true) = (&self.home, capabilities) {
            let _ = calls::chdir(home.as_fd());
        }
        result.map(|()| (tree, skipped))
    }
}

struct Walk<'a> {
    root: &'a Root,
    tree: &'a mut Tree,
    /// A run was killed here: directories may remember their times.
    killed: bool,
    /// File capabilities are asked for.
    capabilities: bool,
    /// What killed runs left is no part of the tree.
    leftovers: bool,
    /// Names in the directory that is being read on which something is mounted, where entries do not tell.
    points: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    /// Where directories go that may not be read; `None` when that is an error.
    skipped: Option<&'a mut Vec<(Id, Error)>>,
}

impl Walk<'_> {
    fn descend(&mut self) -> Result<(), Error> {
        let mut levels: Vec<Level> = Vec::new();
        let fd = self.open(self.root.fd.as_fd(), b".", Id::ROOT)?;
        levels.push(self.list(Id::ROOT, fd)?);
        while let Some(level) = levels.last_mut() {
            if let (Some(child), Some(fd)) = (level.todo.pop(), level.fd.as_ref()) {
                let opened = self.open(fd.as_fd(), self.tree.name(child), child);
                // A directory that may be listed and not searched fails before any entry of it is in the tree.
                match (opened.and_then(|fd| self.list(child, fd)), &mut self.skipped) {
                    (Ok(next), _) => levels.push(next),
                    (Err(error), Some(skipped)) if error.is(Errno::ACCESS) || error.is(Errno::PERM) => {
                        skipped.push((child, error));
                        continue;
                    }
                    (Err(error), _) => return Err(error),
                }
                if let Some(far) = levels.len().checked_sub(OPEN_LEVELS + 1).and_then(|i| levels.get_mut(i)) {
                    far.fd = None;
                }
                continue;
            }
            let done = levels.pop();
            if let (Some(done), Some(up)) = (done.and_then(|level| level.fd), levels.last_mut())
                && up.fd.is_none()
            {
                up.fd = Some(self.open(done.as_fd(), b"..", up.directory)?);
            }
        }
        Ok(())
    }

    /// Open a directory for reading and check that it is the one of the tree. Nothing but its attributes is looked at
    /// before: what has its place now may lie outside the root.
    fn open(&self, at: BorrowedFd<'_>, name: &[u8], id: Id) -> Result<OwnedFd, Error> {
        let fail = |cause| error("cannot open directory", self.tree, id, cause);
        let refused = |refused| fail(Cause::Os(refused));
        let check = |fd: &OwnedFd| {
            let now = calls::stat(fd.as_fd()).map_err(refused)?;
            let seen = self.tree.meta(id);
            let same = super::is_inode(&now, &seen) && self.root.is_on_mount(&now);
            if same { Ok(()) } else { Err(fail(Cause::Changed)) }
        };
        if name != b".." {
            let fd = edit::open_dir(at, name).map_err(refused)?;
            check(&fd)?;
            return Ok(fd);
        }
        let up = calls::open_at(at, name, OFlags::PATH | OFlags::DIRECTORY, 0).map_err(refused)?;
        check(&up)?;
        edit::open_dir(up.as_fd(), b".").map_err(refused)
    }

    /// Read one directory into the tree.
    fn list(&mut self, id: Id, fd: OwnedFd) -> Result<Level, Error> {
        let first = self.tree.len();
        let path = |tree: &Tree| error("cannot read directory", tree, id, Cause::Changed);
        let refused = |tree: &Tree, refused| Error { cause: Cause::Os(refused), ..path(tree) };
        if self.capabilities {
            calls::chdir(fd.as_fd()).map_err(|e| refused(self.tree, e))?;
        }
        if self.killed
            && let Some(time) = times::remembered(fd.as_fd()).map_err(|e| refused(self.tree, e))?
        {
            self.tree.remember(id, time);
        }
        if let Some(points) = self.root.points.as_ref().filter(|points| !points.is_empty()) {
            self.points = points.names(&self.tree.path(id));
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        // Which directory it was is said when it failed: to put its path together costs more than to read most.
        let fail = |refused| Error { action: "", path: Vec::new(), cause: Cause::Os(refused) };
        let listed =
            calls::list(fd.as_fd(), &mut buffer, &mut |name| self.add(id, fd.as_fd(), name).map(|()| true), &fail);
        self.buffer = buffer;
        listed.map_err(|e| if e.action.is_empty() { Error { cause: e.cause, ..path(self.tree) } } else { e })?;
        self.tree.seal(id, first);
        let tree = &*self.tree;
        let todo = tree.children(id).rev().filter(|&at| tree.is_dir(at) && !tree.meta(at).mount).collect();
        Ok(Level { directory: id, fd: Some(fd), todo })
    }

    fn add(&mut self, directory: Id, fd: BorrowedFd<'_>, name: &[u8]) -> Result<(), Error> {
        let fail = |tree: &Tree, refused| named(tree, directory, name, Cause::Os(refused));
        let stat = match calls::stat_at(fd, name) {
            Ok(stat) => stat,
            // Gone since the directory was read: it is not there.
            Err(refused) if refused.is(Errno::NOENT) => return Ok(()),
            Err(refused) => return Err(fail(self.tree, refused)),
        };
        let kind = stat.stx_mode & 0o170_000;
        let mount = !self.root.is_on_mount(&stat) || self.points.iter().any(|point| point == name);
        if self.leftovers && !mount && is_temporary(name) {
            let left = match kind {
                0o100_000 => true,
                0o040_000 => is_empty(fd, name).map_err(|e| fail(self.tree, e))?,
                _ => false,
            };
            if left {
                self.tree.leftover(directory, name);
                return Ok(());
            }
        }
        let capability = self.capabilities
            && kind == 0o100_000
            && !mount
            && calls::has_xattr_here(name, "security.capability").map_err(|e| fail(self.tree, e))?;
        let mut space = [MaybeUninit::uninit(); 4096];
        let target = if kind == 0o120_000 {
            Some(&*calls::read_link(fd, name, &mut space).map_err(|e| fail(self.tree, e))?)
        } else {
            None
        };
        self.tree.add(directory, name, meta(&stat, mount, capability), target);
        Ok(())
    }
}

/// An error about an entry that the tree does not hold.
fn named(tree: &Tree, directory: Id, name: &[u8], cause: Cause) -> Error {
    let mut path = tree.path(directory);
    if path != b"/" {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    Error { action: "cannot examine", path, cause }
}

fn is_empty(at: BorrowedFd<'_>, name: &[u8]) -> Result<bool, Refused> {
    let fd = edit::open_dir(at, name)?;
    let mut buffer = Vec::with_capacity(512);
    let mut entries = rustix::fs::RawDir::new(&fd, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| Refused { call: "getdents64", errno })?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn meta(stat: &rustix::fs::Statx, mount: bool, capability: bool) -> Meta {
    Meta {
        mode: stat.stx_mode,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        nlink: stat.stx_nlink,
        size: stat.stx_size,
        ino: stat.stx_ino,
        device: super::device_number(stat),
        mtime: stat.stx_mtime.tv_sec,
        mtime_nsec: stat.stx_mtime.tv_nsec,
        ctime: stat.stx_ctime.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(stat.stx_ctime.tv_nsec.into()),
        mount,
        capability,
    }
}
