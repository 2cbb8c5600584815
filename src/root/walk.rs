//! One walk over everything below the root that lies on the root's own mount.
//!
//! Directories are read through descriptors, each opened from its parent's without following links. At most
//! [`OPEN_LEVELS`] levels are open at once: a tree may be deeper than the limit of open files, and a path
//! longer than PATH_MAX, since no path is ever built.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::{Cause, Error, Mount, Root, error, stat_at, stat_fd};
use crate::facts::tree::{Id, Meta, Tree};

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
        let root = stat_fd(self.fd.as_fd()).map_err(|e| Error {
            action: "cannot examine",
            path: b"/".to_vec(),
            cause: Cause::Os(e),
        })?;
        // Descriptors are kept by the numbers of the tree of an earlier walk, which now mean other directories.
        self.directories.borrow_mut().clear();
        let mut tree = Tree::new(meta(&root, false, false));
        let mut buffer = Vec::with_capacity(BUFFER);
        // Capabilities are asked for by name in the current directory: there is no call relative to a descriptor.
        let home = rustix::fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let result = self.descend(&mut tree, &mut buffer);
        if let Ok(home) = home {
            let _ = rustix::process::fchdir(home);
        }
        result.map(|()| tree)
    }

    fn descend(&self, tree: &mut Tree, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let mut levels: Vec<Level> = Vec::new();
        let fd = open_directory(self.fd.as_fd(), b".", tree, Id::ROOT)?;
        levels.push(self.list(tree, Id::ROOT, fd, buffer)?);
        while let Some(level) = levels.last_mut() {
            if let (Some(child), Some(fd)) = (level.todo.pop(), level.fd.as_ref()) {
                let fd = open_directory(fd.as_fd(), tree.name(child), tree, child)?;
                let next = self.list(tree, child, fd, buffer)?;
                levels.push(next);
                if let Some(far) = levels.len().checked_sub(OPEN_LEVELS + 1).and_then(|i| levels.get_mut(i)) {
                    far.fd = None;
                }
                continue;
            }
            let done = levels.pop();
            if let (Some(done), Some(up)) = (done.and_then(|level| level.fd), levels.last_mut())
                && up.fd.is_none()
            {
                up.fd = Some(open_directory(done.as_fd(), b"..", tree, up.directory)?);
            }
        }
        Ok(())
    }

    /// Read one directory into the tree.
    fn list(&self, tree: &mut Tree, id: Id, fd: OwnedFd, buffer: &mut Vec<u8>) -> Result<Level, Error> {
        let first = tree.len();
        let fail = |tree: &Tree, e| error("cannot read directory", tree, id, Cause::Os(e));
        rustix::process::fchdir(&fd).map_err(|e| fail(tree, e))?;
        let mut entries = RawDir::new(&fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|e| fail(tree, e))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                self.add(tree, id, fd.as_fd(), name)?;
            }
        }
        tree.seal(id, first);
        let todo = tree.children(id).rev().filter(|&at| tree.is_dir(at) && !tree.meta(at).mount).collect();
        Ok(Level { directory: id, fd: Some(fd), todo })
    }

    fn add(&self, tree: &mut Tree, directory: Id, fd: BorrowedFd<'_>, name: &[u8]) -> Result<(), Error> {
        let fail = |tree: &Tree, e| {
            let mut path = tree.path(directory);
            if path != b"/" {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            Error { action: "cannot examine", path, cause: Cause::Os(e) }
        };
        let stat = match stat_at(fd, name, AtFlags::empty()) {
            Ok(stat) => stat,
            // Gone since the directory was read: it is not there.
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(fail(tree, e)),
        };
        let kind = stat.stx_mode & 0o170_000;
        let mount = !Mount::of(&stat).is_same(self.mount, kind == 0o040_000);
        let capability = kind == 0o100_000 && !mount && has_capability(name);
        let mut space = [MaybeUninit::uninit(); 4096];
        let target = if kind == 0o120_000 {
            match rustix::fs::readlinkat_raw(fd, name, &mut space) {
                Ok((target, _)) => Some(&*target),
                Err(e) => return Err(fail(tree, e)),
            }
        } else {
            None
        };
        tree.add(directory, name, meta(&stat, mount, capability), target);
        Ok(())
    }
}

/// Open a directory for reading and check that it is the one of the tree.
fn open_directory(at: BorrowedFd<'_>, name: &[u8], tree: &Tree, id: Id) -> Result<OwnedFd, Error> {
    let fail = |cause| error("cannot open directory", tree, id, cause);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(at, name, flags, Mode::empty()).map_err(|e| fail(Cause::Os(e)))?;
    let stat = stat_fd(fd.as_fd()).map_err(|e| fail(Cause::Os(e)))?;
    if stat.stx_ino == tree.meta(id).ino { Ok(fd) } else { Err(fail(Cause::Changed)) }
}

/// Whether the file of that name in the current directory carries `security.capability`.
fn has_capability(name: &[u8]) -> bool {
    let mut value = [0_u8; 64];
    match rustix::fs::lgetxattr(name, "security.capability", &mut value[..]) {
        Ok(_) => true,
        Err(errno) => errno == Errno::RANGE,
    }
}

fn meta(stat: &rustix::fs::Statx, mount: bool, capability: bool) -> Meta {
    Meta {
        mode: stat.stx_mode,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        nlink: stat.stx_nlink,
        size: stat.stx_size,
        ino: stat.stx_ino,
        mtime: stat.stx_mtime.tv_sec,
        mtime_nsec: stat.stx_mtime.tv_nsec,
        ctime: stat.stx_ctime.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(stat.stx_ctime.tv_nsec.into()),
        mount,
        capability,
    }
}
