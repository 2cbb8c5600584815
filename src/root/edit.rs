//! Every change of the file system, each on one entry reached by (directory descriptor, last name).
//!
//! Each function compares the entry with what the walk saw, does nothing where nothing differs (an unneeded
//! write is a copy-up, a whole file in the layer), and never follows the last component.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RawDir, Statx, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::{Cause, Error, Root, error, stat_at, stat_fd};
use crate::facts::set::IdSet;
use crate::facts::tree::{Id, Kind, Tree};

/// Name of a file on its way to replace another one; a leftover of a killed run is overwritten.
const TEMPORARY: &[u8] = b".harden-tmp";

/// Bytes of one getdents64 call.
const LISTING: usize = 16 * 1024;

const CAPABILITY: &str = "security.capability";

/// The attributes an entry gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Owner and group.
    pub owner: (u32, u32),
    /// Permission bits 0o7777.
    pub mode: u32,
    /// Remove `security.capability`; without it a change of owner keeps the attribute.
    pub drop_capability: bool,
}

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

/// Seconds and nanoseconds since the epoch.
pub type Time = (i64, u32);

impl Root {
    /// Unlink an entry, or remove an empty directory. One that is gone already is no error.
    ///
    /// # Errors
    /// When it is not the entry that was examined, or the kernel refuses.
    pub fn remove(&self, tree: &Tree, id: Id) -> Result<(), Error> {
        let action = "cannot remove";
        let fail = |cause| error(action, tree, id, cause);
        let parent = match self.directory(tree, tree.parent(id), action) {
            Err(Error { cause: Cause::Os(Errno::NOENT), .. }) => return Ok(()),
            other => other?,
        };
        match stat_at(parent.as_fd(), tree.name(id), AtFlags::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(fail(Cause::Os(e))),
            Ok(now) => self.check(tree, id, &now).map_err(fail)?,
        }
        let flags = if tree.is_dir(id) { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        if tree.is_dir(id) {
            self.directories.borrow_mut().remove(&id);
        }
        match rustix::fs::unlinkat(&parent, tree.name(id), flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(fail(Cause::Os(e))),
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
        let now = stat_at(parent.as_fd(), tree.name(id), AtFlags::empty()).map_err(fail)?;
        self.check(tree, id, &now).map_err(|cause| error(action, tree, id, cause))?;
        if (now.stx_uid, now.stx_gid) == wanted.owner {
            return Ok(());
        }
        let (uid, gid) = ids(wanted.owner);
        rustix::fs::chownat(&parent, tree.name(id), Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(fail)
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
            write_all(new, content)?;
            copy_xattrs(old.as_fd(), new, wanted.drop_capability)
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
            copy_xattrs(old.as_fd(), new, wanted.drop_capability)
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
        // A leftover of a killed run.
        let _ = rustix::fs::unlinkat(&parent, TEMPORARY, AtFlags::empty());
        let linked = rustix::fs::linkat(&from, tree.name(of), &parent, TEMPORARY, AtFlags::empty())
            .and_then(|()| rustix::fs::renameat(&parent, TEMPORARY, &parent, tree.name(id)));
        discard_on_error(parent.as_fd(), linked).map_err(fail)
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
        let fill = |new: BorrowedFd<'_>| write_all(new, content);
        let result = make_temporary(parent.as_fd(), wanted, mtime, fill).and_then(|()| {
            rustix::fs::renameat_with(&parent, TEMPORARY, &parent, name, rustix::fs::RenameFlags::NOREPLACE)
                .or_else(|e| if e == Errno::INVAL { rename_if_absent(parent.as_fd(), name) } else { Err(e) })
        });
        discard_on_error(parent.as_fd(), result).map_err(fail)
    }

    /// Create a directory at an absolute path whose parent exists already.
    ///
    /// # Errors
    /// When something of that name exists, or the kernel refuses.
    pub fn create_directory(&self, tree: &Tree, path: &[u8], wanted: Attributes) -> Result<(), Error> {
        let (parent, name) = self.parent_of_new(tree, path, "cannot create directory")?;
        let fail = |e| Error { action: "cannot create directory", path: path.to_vec(), cause: Cause::Os(e) };
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o700)).map_err(fail)?;
        let fd = open_dir(parent.as_fd(), name).map_err(fail)?;
        apply_attributes(fd.as_fd(), wanted).map_err(fail)
    }

    /// How an entry that the walk saw is now; `None` when it is gone.
    ///
    /// # Errors
    /// When its directory cannot be reached, or the kernel refuses.
    pub fn state(&self, tree: &Tree, id: Id) -> Result<Option<State>, Error> {
        let action = "cannot check";
        match self.directory(tree, tree.parent(id), action) {
            Ok(parent) => state(parent.as_fd(), tree.name(id)).map_err(|e| error(action, tree, id, Cause::Os(e))),
            Err(Error { cause: Cause::Os(Errno::NOENT), .. }) => Ok(None),
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
        let mut entries = RawDir::new(&fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(fail)?;
            let known = tree.child(directory, entry.file_name().to_bytes());
            if let Some(id) = known.filter(|&id| removed.contains(id)) {
                return Ok(Some(id));
            }
        }
        Ok(None)
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

    /// Give a directory the modification time it had before its entries changed.
    ///
    /// # Errors
    /// When the directory is gone or another one, or the kernel refuses.
    pub fn restore_time(&self, tree: &Tree, id: Id) -> Result<(), Error> {
        let meta = tree.meta(id);
        self.set_directory_time(tree, id, (meta.mtime, meta.mtime_nsec))
    }

    /// Give a directory this modification time.
    ///
    /// # Errors
    /// As [`Root::restore_time`].
    pub fn set_directory_time(&self, tree: &Tree, id: Id, time: Time) -> Result<(), Error> {
        let action = "cannot restore the time of";
        let fd = self.open_node(tree, id, action)?;
        set_time(fd.as_fd(), time).map_err(|e| error(action, tree, id, Cause::Os(e)))
    }

    /// Set the time of a directory that this run created.
    ///
    /// # Errors
    /// When it cannot be opened, or the kernel refuses.
    pub fn stamp_new(&self, tree: &Tree, path: &[u8], time: Time) -> Result<(), Error> {
        let (parent, name) = self.parent_of_new(tree, path, "cannot set the time of")?;
        open_dir(parent.as_fd(), name).and_then(|fd| set_time(fd.as_fd(), time)).map_err(|e| Error {
            action: "cannot set the time of",
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
        fill: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>,
    ) -> Result<(), Error> {
        let fail = |e| error(action, tree, id, Cause::Os(e));
        let parent = self.directory(tree, tree.parent(id), action)?;
        let made = make_temporary(parent.as_fd(), wanted, mtime, fill);
        discard_on_error(parent.as_fd(), made).map_err(fail)?;
        let now = stat_at(parent.as_fd(), tree.name(id), AtFlags::empty())
            .map_err(Cause::Os)
            .and_then(|now| self.check(tree, id, &now));
        if let Err(cause) = now {
            let _ = rustix::fs::unlinkat(&parent, TEMPORARY, AtFlags::empty());
            return Err(error(action, tree, id, cause));
        }
        let renamed = rustix::fs::renameat(&parent, TEMPORARY, &parent, tree.name(id));
        discard_on_error(parent.as_fd(), renamed).map_err(fail)
    }

    /// The directory that a new entry goes into, and its name. Directories that this run made are walked by name.
    fn parent_of_new<'p>(
        &self,
        tree: &Tree,
        path: &'p [u8],
        action: &'static str,
    ) -> Result<(OwnedFd, &'p [u8]), Error> {
        let fail = |e| Error { action, path: path.to_vec(), cause: Cause::Os(e) };
        let mut names: Vec<&[u8]> = path.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect();
        let name = names.pop().ok_or_else(|| fail(Errno::INVAL))?;
        let mut at = Id::ROOT;
        let mut rest = names.iter().copied().peekable();
        while let Some(child) = rest.peek().and_then(|part| tree.child(at, part)) {
            at = child;
            rest.next();
        }
        let known = self.directory(tree, at, action)?;
        let mut fd = known.try_clone().map_err(|_| fail(Errno::MFILE))?;
        for part in rest {
            fd = open_dir(fd.as_fd(), part).map_err(fail)?;
        }
        Ok((fd, name))
    }
}

fn state(parent: BorrowedFd<'_>, name: &[u8]) -> Result<Option<State>, Errno> {
    match stat_at(parent, name, AtFlags::empty()) {
        Ok(now) => Ok(Some(State {
            owner: (now.stx_uid, now.stx_gid),
            mode: u32::from(now.stx_mode) & 0o7777,
            size: now.stx_size,
        })),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Make the temporary file in `parent`: private until its content, attributes and time are right.
fn make_temporary(
    parent: BorrowedFd<'_>,
    wanted: Attributes,
    mtime: Time,
    fill: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>,
) -> Result<(), Errno> {
    match rustix::fs::unlinkat(parent, TEMPORARY, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(e),
    }
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let new = rustix::fs::openat(parent, TEMPORARY, flags, Mode::from_raw_mode(0o600))?;
    fill(new.as_fd())?;
    apply_attributes(new.as_fd(), wanted)?;
    // No fsync: the rename is atomic for every reader and for a killed run. A machine that loses power loses the build.
    set_time(new.as_fd(), mtime)
}

fn discard_on_error(parent: BorrowedFd<'_>, result: Result<(), Errno>) -> Result<(), Errno> {
    if result.is_err() {
        let _ = rustix::fs::unlinkat(parent, TEMPORARY, AtFlags::empty());
    }
    result
}

/// For file systems without RENAME_NOREPLACE.
fn rename_if_absent(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match stat_at(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => rustix::fs::renameat(parent, TEMPORARY, parent, name),
        Ok(_) => Err(Errno::EXIST),
        Err(e) => Err(e),
    }
}

/// Owner first: chown(2) clears set-id bits and the capability, which the wanted mode may keep.
fn apply_attributes(fd: BorrowedFd<'_>, wanted: Attributes) -> Result<(), Errno> {
    let now: Statx = stat_fd(fd)?;
    let chown = (now.stx_uid, now.stx_gid) != wanted.owner;
    let capability = read_xattr(fd, CAPABILITY)?;
    if chown {
        let (uid, gid) = ids(wanted.owner);
        rustix::fs::fchown(fd, Some(uid), Some(gid))?;
    }
    if u32::from(stat_fd(fd)?.stx_mode) & 0o7777 != wanted.mode {
        rustix::fs::fchmod(fd, Mode::from_raw_mode(wanted.mode))?;
    }
    match capability {
        Some(_) if wanted.drop_capability => match rustix::fs::fremovexattr(fd, CAPABILITY) {
            Ok(()) | Err(Errno::NODATA) => Ok(()),
            Err(e) => Err(e),
        },
        Some(value) if chown => rustix::fs::fsetxattr(fd, CAPABILITY, &value, XattrFlags::empty()),
        _ => Ok(()),
    }
}

/// Copy extended attributes, ACLs included (xattr(7)). What belongs to the old inode or to the security module of
/// the machine is never copied and never an error: SELinux and IMA/EVM label new files themselves.
fn copy_xattrs(old: BorrowedFd<'_>, new: BorrowedFd<'_>, drop_capability: bool) -> Result<(), Errno> {
    let mut list = vec![0_u8; 64 * 1024];
    let len = match rustix::fs::flistxattr(old, &mut list[..]) {
        Ok(len) => len,
        Err(Errno::NOTSUP) => return Ok(()),
        Err(e) => return Err(e),
    };
    for name in list.get(..len).unwrap_or_default().split(|&b| b == 0).filter(|name| !name.is_empty()) {
        let skip = name == b"security.selinux"
            || name == b"security.ima"
            || name == b"security.evm"
            || name.starts_with(b"trusted.overlay.")
            || name.starts_with(b"user.overlay.")
            || (drop_capability && name == CAPABILITY.as_bytes());
        if skip {
            continue;
        }
        if let Some(value) = read_xattr(old, name)? {
            rustix::fs::fsetxattr(new, name, &value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

fn read_xattr<N: rustix::path::Arg + Copy>(fd: BorrowedFd<'_>, name: N) -> Result<Option<Vec<u8>>, Errno> {
    let mut value = vec![0_u8; 256];
    loop {
        match rustix::fs::fgetxattr(fd, name, &mut value[..]) {
            Ok(len) => {
                value.truncate(len);
                return Ok(Some(value));
            }
            Err(Errno::RANGE) if value.len() < 64 * 1024 => value.resize(64 * 1024, 0),
            Err(Errno::NODATA | Errno::NOTSUP) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
}

fn write_all(fd: BorrowedFd<'_>, mut content: &[u8]) -> Result<(), Errno> {
    while !content.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::write(fd, content))?;
        if count == 0 {
            return Err(Errno::IO);
        }
        content = content.get(count..).unwrap_or_default();
    }
    Ok(())
}

fn copy_content(old: BorrowedFd<'_>, new: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut buffer = vec![0_u8; 128 * 1024];
    let mut offset = 0;
    loop {
        let count = rustix::io::retry_on_intr(|| rustix::io::pread(old, &mut buffer[..], offset))?;
        if count == 0 {
            return Ok(());
        }
        write_all(new, buffer.get(..count).unwrap_or_default())?;
        offset += count as u64;
    }
}

fn set_time(fd: BorrowedFd<'_>, mtime: Time) -> Result<(), Errno> {
    let omit = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let mtime = Timespec { tv_sec: mtime.0, tv_nsec: mtime.1.into() };
    rustix::fs::futimens(fd, &Timestamps { last_access: omit, last_modification: mtime })
}

fn open_dir(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

fn ids(owner: (u32, u32)) -> (Uid, Gid) {
    (Uid::from_raw(owner.0), Gid::from_raw(owner.1))
}
