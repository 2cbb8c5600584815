//! The times of directories, kept through a change of their entries and through a kill.
//!
//! A directory's modification time changes with its entries, so apply gives it back at the end. A killed run has no
//! end. So before the first change in a directory its time is put into an extended attribute of the directory itself:
//! writing that changes no modification time, and neither does removing it, so that there is no moment at which the
//! time is lost. The root directory is marked first and freed last; only below a marked root does a walk look for
//! marks. Where a file system has no user attributes a killed run costs the times of directories, and nothing else.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::calls::{self, Refused};
use super::edit::open_dir;
use super::{Cause, Error, Root, error};
use crate::tree::{Id, Time, Tree};

/// The attribute, and in it seconds and nanoseconds in decimal, with a point between.
const MARK: &[u8] = b"user.harden.mtime";

impl Root {
    /// Let a directory remember its time before its entries change.
    ///
    /// # Errors
    /// When it is another directory now, or the kernel refuses; that it has no such attributes is no error.
    pub fn remember_time(&self, tree: &Tree, id: Id) -> Result<(), Error> {
        let action = "cannot keep the time of";
        let fd = self.open_node(tree, id, action)?;
        let meta = tree.meta(id);
        remember(fd.as_fd(), (meta.mtime, meta.mtime_nsec)).map_err(|e| error(action, tree, id, Cause::Os(e)))
    }

    /// Give a directory the modification time it had before its entries changed. One that is gone needs none.
    ///
    /// # Errors
    /// When the directory is another one, or the kernel refuses.
    pub fn restore_time(&self, tree: &Tree, id: Id) -> Result<(), Error> {
        let action = "cannot restore the time of";
        let fd = match self.open_node(tree, id, action) {
            Err(error) if error.is(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        let meta = tree.meta(id);
        restore(fd.as_fd(), (meta.mtime, meta.mtime_nsec)).map_err(|e| error(action, tree, id, Cause::Os(e)))
    }

    /// Give a directory this modification time, whatever it was.
    ///
    /// # Errors
    /// As [`Root::restore_time`].
    pub fn set_directory_time(&self, tree: &Tree, id: Id, time: Time) -> Result<(), Error> {
        let action = "cannot restore the time of";
        let fd = self.open_node(tree, id, action)?;
        calls::set_time(fd.as_fd(), time).map_err(|e| error(action, tree, id, Cause::Os(e)))
    }

    /// Set the time of a directory that this run created.
    ///
    /// # Errors
    /// When it cannot be opened, or the kernel refuses.
    pub fn stamp_new(&self, tree: &Tree, path: &[u8], time: Time) -> Result<(), Error> {
        let (parent, name) = self.parent_of_new(tree, path, "cannot set the time of")?;
        open_dir(parent.as_fd(), name).and_then(|fd| restore(fd.as_fd(), time)).map_err(|e| Error {
            action: "cannot set the time of",
            path: path.to_vec(),
            cause: Cause::Os(e),
        })
    }

    /// Remove what a killed run was about to put into a directory.
    ///
    /// # Errors
    /// When the directory is another one, or the kernel refuses.
    pub fn remove_leftover(&self, tree: &Tree, directory: Id, name: &[u8]) -> Result<(), Error> {
        let action = "cannot remove the temporary file of a killed run in";
        let parent = self.directory(tree, directory, action)?;
        let removed = match calls::unlink_at(parent.as_fd(), name, false) {
            Err(refused) if refused.is(Errno::ISDIR) => calls::unlink_at(parent.as_fd(), name, true),
            other => other,
        };
        match removed {
            Err(refused) if !refused.is(Errno::NOENT) => Err(error(action, tree, directory, Cause::Os(refused))),
            _ => Ok(()),
        }
    }
}

pub(super) fn remember(fd: BorrowedFd<'_>, time: Time) -> Result<(), Refused> {
    match calls::set_xattr(fd, MARK, format!("{}.{}", time.0, time.1).as_bytes()) {
        // EPERM: a directory of an owner whom this user namespace does not know.
        Err(refused) if calls::unsupported(refused) || refused.is(Errno::PERM) => Ok(()),
        other => other,
    }
}

/// The time that a killed run left with a directory.
pub(super) fn remembered(fd: BorrowedFd<'_>) -> Result<Option<Time>, Refused> {
    Ok(calls::xattr(fd, MARK)?.and_then(|value| parse(&value)))
}

fn parse(value: &[u8]) -> Option<Time> {
    let (seconds, nanoseconds) = std::str::from_utf8(value).ok()?.split_once('.')?;
    let time = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
    (time.1 < 1_000_000_000).then_some(time)
}

fn restore(fd: BorrowedFd<'_>, time: Time) -> Result<(), Refused> {
    calls::set_time(fd, time)?;
    match calls::remove_xattr(fd, MARK) {
        // Where no mark could be set there is none to remove.
        Err(refused) if refused.is(Errno::PERM) && calls::xattr(fd, MARK)?.is_none() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_mark_is_read_as_it_is_written_and_anything_else_is_none() {
        assert_eq!(parse(b"1600000000.7"), Some((1_600_000_000, 7)));
        assert_eq!(parse(b"-1.999999999"), Some((-1, 999_999_999)));
        for wrong in [&b""[..], b"1", b"1.", b".1", b"1.1000000000", b"1.-1", b"\xff.1", b"99999999999999999999.0"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
