//! Every change of the file system, each on one entry reached by (directory descriptor, last name).
//!
//! Each function compares the entry with the one that the walk saw, does nothing where nothing differs (an unneeded
//! write is a copy-up, a whole file in the layer), and never follows the last component.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, Statx};
use rustix::io::Errno;

use super::calls::{self, Refused};
use super::{Cause, Error, Root, duplicate, error, times};
use crate::tree::access;
use crate::tree::set::IdSet;
use crate::tree::{Attributes, Id, Kind, Time, Tree};

/// Bytes of one getdents64 call.
const LISTING: usize = 16 * 1024;

const CAPABILITY: &[u8] = b"security.capability";
/// The access list (acl(5)).
pub(super) const ACCESS_LIST: &[u8] = access::ATTRIBUTE;

/// How an entry is, as far as a plan can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Owner and group.
    pub owner: (u32, u32),
    /// Permission bits 0o7777.
    pub mode: u32,
    /// Size in bytes.
    pub size: u64,
}

impl Root {
    /// Unlink an entry, or remove an empty directory. One that is gone already is no error.
    ///
    /// # Errors
    /// When it is not the entry that was examined, or the kernel refuses.
    pub fn remove(&self, tree: &Tree, id: Id) -> Result<(), Error> {
        self.forget_content();
        let action = "cannot remove";
        let fail = |cause| error(action, tree, id, cause);
        let parent = match self.directory(tree, tree.parent(id), action) {
            Err(error) if error.is(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        match calls::stat_at(parent.as_fd(), tree.name(id)) {
            Err(refused) if refused.is(Errno::NOENT) => return Ok(()),
            Err(refused) => return Err(fail(Cause::Os(refused))),
            Ok(now) => self.check(tree, id, &now).map_err(fail)?,
        }
        if tree.is_dir(id) {
            self.directories.borrow_mut().remove(&id);
        }
        match calls::unlink_at(parent.as_fd(), tree.name(id), tree.is_dir(id)) {
            Err(refused) if !refused.is(Errno::NOENT) => Err(fail(Cause::Os(refused))),
            _ => Ok(()),
        }
    }

    /// Give an entry the wanted owner, then mode, then capability; each only where it differs.
    ///
    /// # Errors
    /// When it is not the entry that was examined, or the kernel refuses.
    pub fn set_attributes(&self, tree: &Tree, id: Id, wanted: Attributes) -> Result<(), Error> {
        let action = "cannot change owner or mode of";
        let fail = |e| error(action, tree, id, Cause::Os(e));
        if matches!(tree.kind(id), Kind::File | Kind::Directory) {
            let fd = self.open_node(tree, id, action)?;
            return apply_attributes(fd.as_fd(), wanted).map_err(fail);
        }
        // A link has no mode, and special files are never opened: only their owner changes.
        let parent = self.directory(tree, tree.parent(id), action)?;
        let now = calls::stat_at(parent.as_fd(), tree.name(id)).map_err(fail)?;
        self.check(tree, id, &now).map_err(|cause| error(action, tree, id, cause))?;
        if (now.stx_uid, now.stx_gid) == wanted.owner {
            return Ok(());
        }
        calls::chown_at(parent.as_fd(), tree.name(id), wanted.owner).map_err(fail)
    }

    /// Replace a regular file: a new file with the wanted attributes, the extended attributes of the old one and
    /// the given content is renamed over it. At no moment is the file missing, empty or partial.
    ///
    /// # Errors
    /// When the old file is not the one that was examined, or the kernel refuses; the temporary file is then gone.
    pub fn replace(&self, tree: &Tree, id: Id, content: &[u8], wanted: Attributes, mtime: Time) -> Result<(), Error> {
        let action = "cannot rewrite";
        let old = self.open_node(tree, id, action)?;
        self.renew(tree, id, action, wanted, mtime, |new| {
            calls::write_all(new, content)?;
            copy_xattrs(old.as_fd(), new, wanted)
        })
    }

    /// Replace a regular file by a copy of itself with other attributes: for a file that has hard links which were
    /// not found inside the root, and must therefore keep its inode untouched.
    ///
    /// # Errors
    /// As [`Root::replace`].
    pub fn replace_by_copy(&self, tree: &Tree, id: Id, wanted: Attributes) -> Result<(), Error> {
        let action = "cannot copy and replace";
        let old = self.open_node(tree, id, action)?;
        let meta = tree.meta(id);
        self.renew(tree, id, action, wanted, (meta.mtime, meta.mtime_nsec), |new| {
            copy_content(old.as_fd(), new)?;
            copy_xattrs(old.as_fd(), new, wanted)
        })
    }

    /// Replace a regular file by another name of `of`, which was rewritten before.
    ///
    /// # Errors
    /// When the file is not the one that was examined, or the kernel refuses.
    pub fn link_over(&self, tree: &Tree, id: Id, of: Id) -> Result<(), Error> {
        let action = "cannot link";
        let fail = |e| error(action, tree, id, Cause::Os(e));
        drop(self.open_node(tree, id, action)?);
        let parent = self.directory(tree, tree.parent(id), action)?;
        let from = self.directory(tree, tree.parent(of), action)?;
        let linked = calls::link_at(from.as_fd(), tree.name(of), parent.as_fd(), &self.temporary)
            .and_then(|()| calls::rename(parent.as_fd(), &self.temporary, tree.name(id)));
        self.discard_on_error(parent.as_fd(), linked).map_err(fail)
    }

    /// Create a file at an absolute path; its directory exists already.
    ///
    /// # Errors
    /// When something of that name exists, or the kernel refuses.
    pub fn create_file(
        &self,
        tree: &Tree,
        path: &[u8],
        content: &[u8],
        wanted: Attributes,
        mtime: Time,
    ) -> Result<(), Error> {
        let (parent, name) = self.parent_of_new(tree, path, "cannot create")?;
        let fail = |e| Error { action: "cannot create", path: path.to_vec(), cause: Cause::Os(e) };
        let fill = |new: BorrowedFd<'_>| calls::write_all(new, content);
        let made = self.make_temporary(parent.as_fd(), wanted, mtime, fill);
        let result = made.and_then(|()| calls::rename_new(parent.as_fd(), &self.temporary, name));
        self.discard_on_error(parent.as_fd(), result).map_err(fail)
    }

    /// Create a directory at an absolute path whose parent exists already. It appears with its attributes, and
    /// remembers the time it is to have until [`Root::stamp_new`].
    ///
    /// # Errors
    /// When something of that name exists, or the kernel refuses.
    pub fn create_directory(&self, tree: &Tree, path: &[u8], wanted: Attributes, mtime: Time) -> Result<(), Error> {
        let (parent, name) = self.parent_of_new(tree, path, "cannot create directory")?;
        let fail = |e| Error { action: "cannot create directory", path: path.to_vec(), cause: Cause::Os(e) };
        let parent = parent.as_fd();
        calls::mkdir_at(parent, &self.temporary, 0o700).map_err(fail)?;
        let made = open_dir(parent, &self.temporary).and_then(|fd| {
            times::remember(fd.as_fd(), mtime)?;
            apply_attributes(fd.as_fd(), wanted)?;
            calls::set_time(fd.as_fd(), mtime)
        });
        let placed = made.and_then(|()| calls::rename_new(parent, &self.temporary, name));
        if placed.is_err() {
            let _ = calls::unlink_at(parent, &self.temporary, true);
        }
        placed.map_err(fail)
    }

    /// How an entry that the walk saw is now; `None` when it is gone.
    ///
    /// # Errors
    /// When its directory cannot be reached, or the kernel refuses.
    pub fn state(&self, tree: &Tree, id: Id) -> Result<Option<State>, Error> {
        let action = "cannot check";
        match self.directory(tree, tree.parent(id), action) {
            Ok(parent) => state(parent.as_fd(), tree.name(id)).map_err(|e| error(action, tree, id, Cause::Os(e))),
            Err(error) if error.is(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first of `removed` that a directory still holds, by reading it once.
    ///
    /// # Errors
    /// When the directory cannot be reached or read, or is another one.
    pub fn still_holds(&self, tree: &Tree, directory: Id, removed: &IdSet) -> Result<Option<Id>, Error> {
        let action = "cannot check";
        let fail = |e| error(action, tree, directory, Cause::Os(e));
        let fd = self.open_node(tree, directory, action)?;
        let mut buffer = Vec::with_capacity(LISTING);
        let mut left = None;
        let mut look = |name: &CStr| {
            left = tree.child(directory, name.to_bytes()).filter(|&id| removed.contains(id));
            Ok(left.is_none())
        };
        calls::list(fd.as_fd(), &mut buffer, &mut look, &fail)?;
        Ok(left)
    }

    /// How an entry at a new path is now; `None` when it does not exist.
    ///
    /// # Errors
    /// As [`Root::state`].
    pub fn state_of_new(&self, tree: &Tree, path: &[u8]) -> Result<Option<State>, Error> {
        let (parent, name) = self.parent_of_new(tree, path, "cannot check")?;
        state(parent.as_fd(), name).map_err(|e| Error {
            action: "cannot check",
            path: path.to_vec(),
            cause: Cause::Os(e),
        })
    }

    /// Write a new file beside the old one and rename it over.
    fn renew(
        &self,
        tree: &Tree,
        id: Id,
        action: &'static str,
        wanted: Attributes,
        mtime: Time,
        fill: impl FnOnce(BorrowedFd<'_>) -> Result<(), Refused>,
    ) -> Result<(), Error> {
        let fail = |e| error(action, tree, id, Cause::Os(e));
        let parent = self.directory(tree, tree.parent(id), action)?;
        let made = self.make_temporary(parent.as_fd(), wanted, mtime, fill);
        self.discard_on_error(parent.as_fd(), made).map_err(fail)?;
        let now = calls::stat_at(parent.as_fd(), tree.name(id));
        let now = now.map_err(Cause::Os).and_then(|now| self.check(tree, id, &now));
        if let Err(cause) = now {
            let _ = calls::unlink_at(parent.as_fd(), &self.temporary, false);
            return Err(error(action, tree, id, cause));
        }
        let renamed = calls::rename(parent.as_fd(), &self.temporary, tree.name(id));
        self.discard_on_error(parent.as_fd(), renamed).map_err(fail)
    }

    /// Make the temporary file in `parent`: private until its content, attributes and time are right. What killed runs
    /// left is gone by now; the name is this run's own.
    fn make_temporary(
        &self,
        parent: BorrowedFd<'_>,
        wanted: Attributes,
        mtime: Time,
        fill: impl FnOnce(BorrowedFd<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let new = calls::open_at(parent, &self.temporary, flags, 0o600)?;
        let done = fill(new.as_fd()).and_then(|()| apply_attributes(new.as_fd(), wanted));
        // No fsync: the rename is atomic for every reader and for a killed run. A machine that loses power loses the build.
        let done = done.and_then(|()| calls::set_time(new.as_fd(), mtime));
        self.discard_on_error(parent, done)
    }

    /// Take the temporary file away again: the first error is the one that counts.
    fn discard_on_error(&self, parent: BorrowedFd<'_>, result: Result<(), Refused>) -> Result<(), Refused> {
        if result.is_err() {
            let _ = calls::unlink_at(parent, &self.temporary, false);
        }
        result
    }

    /// The directory that a new entry goes into, and its name. Directories that this run made are walked by name.
    pub(super) fn parent_of_new<'p>(
        &self,
        tree: &Tree,
        path: &'p [u8],
        action: &'static str,
    ) -> Result<(OwnedFd, &'p [u8]), Error> {
        let fail = |e| Error { action, path: path.to_vec(), cause: Cause::Os(e) };
        let mut names: Vec<&[u8]> = path.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect();
        let unnamed = Error { action, path: path.to_vec(), cause: Cause::Special };
        let name = names.pop().ok_or(unnamed)?;
        let mut at = Id::ROOT;
        let mut rest = names.iter().copied().peekable();
        while let Some(child) = rest.peek().and_then(|part| tree.child(at, part)) {
            at = child;
            rest.next();
        }
        let known = self.directory(tree, at, action)?;
        let mut fd = duplicate(&known).map_err(fail)?;
        for part in rest {
            fd = open_dir(fd.as_fd(), part).map_err(fail)?;
        }
        Ok((fd, name))
    }
}

fn state(parent: BorrowedFd<'_>, name: &[u8]) -> Result<Option<State>, Refused> {
    match calls::stat_at(parent, name) {
        Ok(now) => Ok(Some(State {
            owner: (now.stx_uid, now.stx_gid),
            mode: u32::from(now.stx_mode) & 0o7777,
            size: now.stx_size,
        })),
        Err(refused) if refused.is(Errno::NOENT) => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// What the mode loses goes first: whether a bit has to go may depend on the owner, and a run that is killed in between
/// must not have changed that already. Then the owner: chown(2) clears set-id bits and the capability, which the wanted
/// mode may keep.
fn apply_attributes(fd: BorrowedFd<'_>, wanted: Attributes) -> Result<(), Refused> {
    let now: Statx = calls::stat(fd)?;
    let mode = u32::from(now.stx_mode) & 0o7777;
    let chown = (now.stx_uid, now.stx_gid) != wanted.owner;
    let capability = calls::xattr(fd, CAPABILITY)?;
    if mode & !wanted.mode() != 0 {
        calls::chmod(fd, mode & wanted.mode())?;
    }
    if wanted.drops_access_list() {
        calls::remove_xattr(fd, ACCESS_LIST)?;
    }
    if chown {
        calls::chown(fd, wanted.owner)?;
    }
    if u32::from(calls::stat(fd)?.stx_mode) & 0o7777 != wanted.mode() {
        calls::chmod(fd, wanted.mode())?;
    }
    match capability {
        Some(_) if wanted.drops_capability() => calls::remove_xattr(fd, CAPABILITY),
        Some(value) if chown => calls::set_xattr(fd, CAPABILITY, &value),
        _ => Ok(()),
    }
}

/// Copy extended attributes, ACLs included (xattr(7)). What belongs to the old inode or to the security module of
/// the machine is never copied and never an error: SELinux and IMA/EVM label new files themselves.
fn copy_xattrs(old: BorrowedFd<'_>, new: BorrowedFd<'_>, wanted: Attributes) -> Result<(), Refused> {
    let list = calls::xattrs(old)?;
    for name in list.split(|&b| b == 0).filter(|name| !name.is_empty()) {
        let dropped =
            (wanted.drops_capability() && name == CAPABILITY) || (wanted.drops_access_list() && name == ACCESS_LIST);
        if is_of_the_system(name) || dropped {
            continue;
        }
        if let Some(value) = calls::xattr(old, name)? {
            calls::set_xattr(new, name, &value)?;
        }
    }
    Ok(())
}

/// Attributes that belong to one inode, or to the machine.
pub(super) fn is_of_the_system(name: &[u8]) -> bool {
    name == b"security.selinux"
        || name == b"security.ima"
        || name == b"security.evm"
        || name.starts_with(b"trusted.overlay.")
        || name.starts_with(b"user.overlay.")
}

fn copy_content(old: BorrowedFd<'_>, new: BorrowedFd<'_>) -> Result<(), Refused> {
    let mut buffer = vec![0_u8; 128 * 1024];
    let mut offset = 0;
    loop {
        let count = calls::read_at(old, &mut buffer, offset)?;
        if count == 0 {
            return Ok(());
        }
        calls::write_all(new, buffer.get(..count).unwrap_or_default())?;
        offset += count as u64;
    }
}

pub(super) fn open_dir(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Refused> {
    calls::open_at(parent, name, OFlags::RDONLY | OFlags::DIRECTORY, 0)
}
