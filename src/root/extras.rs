//! Attributes of a directory besides mode, owner and time: extended attributes, ACLs among them, and the flags of
//! chattr(1).
//!
//! A check may set them on a directory of its own user, and a layer would hold them.

use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::fs::IFlags;

use super::calls::{self, Refused};
use super::{Cause, Error, Root, edit, error};
use crate::tree::{Id, Tree};

/// The flags that a user may set; the others tell how the file system keeps the directory.
const FLAGS: IFlags = IFlags::APPEND
    .union(IFlags::COMPRESSED)
    .union(IFlags::DIRSYNC)
    .union(IFlags::IMMUTABLE)
    .union(IFlags::NOATIME)
    .union(IFlags::NOCOW)
    .union(IFlags::NODUMP)
    .union(IFlags::NOTAIL)
    .union(IFlags::PROJECT_INHERIT)
    .union(IFlags::SECURE_REMOVAL)
    .union(IFlags::SYNC)
    .union(IFlags::TOPDIR)
    .union(IFlags::UNRM);

/// The attributes of one directory, sorted by name, and its flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
    flags: u32,
}

impl Root {
    /// What a directory has now.
    ///
    /// # Errors
    /// When it is another directory now, or the kernel refuses.
    pub fn extras(&self, tree: &Tree, id: Id) -> Result<Extras, Error> {
        let action = "cannot read the attributes of";
        let fd = self.open_node(tree, id, action)?;
        read(fd.as_fd()).map_err(|refused| error(action, tree, id, Cause::Os(refused)))
    }

    /// Give a directory what it had; nothing is written where nothing differs.
    ///
    /// # Errors
    /// As [`Root::extras`].
    pub fn restore_extras(&self, tree: &Tree, id: Id, had: &Extras) -> Result<(), Error> {
        let action = "cannot restore the attributes of";
        let fd = self.open_node(tree, id, action)?;
        restore(fd.as_fd(), had).map_err(|refused| error(action, tree, id, Cause::Os(refused)))
    }
}

fn read(fd: BorrowedFd<'_>) -> Result<Extras, Refused> {
    let list = calls::xattrs(fd)?;
    let mut attributes = Vec::new();
    for name in list.split(|&b| b == 0).filter(|name| !name.is_empty() && !edit::is_of_the_system(name)) {
        if let Some(value) = calls::xattr(fd, name)? {
            attributes.push((name.to_vec(), value));
        }
    }
    attributes.sort_unstable();
    Ok(Extras { attributes, flags: (calls::flags(fd)? & FLAGS).bits() })
}

fn restore(fd: BorrowedFd<'_>, had: &Extras) -> Result<(), Refused> {
    let now = read(fd)?;
    // A directory that may not be changed may lose that flag only.
    if now.flags != had.flags {
        let others = calls::flags(fd)? & FLAGS.complement();
        calls::set_flags(fd, others | IFlags::from_bits_retain(had.flags))?;
    }
    for (name, _) in now.attributes.iter().filter(|(name, _)| had.attributes.iter().all(|(other, _)| other != name)) {
        calls::remove_xattr(fd, name)?;
    }
    for (name, value) in had.attributes.iter().filter(|old| !now.attributes.contains(old)) {
        calls::set_xattr(fd, name, value)?;
    }
    Ok(())
}
