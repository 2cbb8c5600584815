//! The system calls of a root, one thin function each: the call's name goes into the error, an interrupted call is made
//! again, and no function takes a path, only a directory descriptor and one name.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Gid, IFlags, Mode, OFlags, Statx, StatxFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

use crate::tree::Time;

/// A call that the kernel refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Name of the call, as in section 2 of the manual.
    pub call: &'static str,
    /// Why.
    pub errno: Errno,
}

impl Refused {
    pub(super) fn is(self, errno: Errno) -> bool {
        self.errno == errno
    }
}

type Result<T> = std::result::Result<T, Refused>;

/// Whether the error is one of "there is no such thing here": this file system or kernel has no such feature.
pub(super) fn unsupported(refused: Refused) -> bool {
    matches!(refused.errno, Errno::NOTSUP | Errno::NOSYS)
}

fn named<T>(call: &'static str, result: rustix::io::Result<T>) -> Result<T> {
    result.map_err(|errno| Refused { call, errno })
}

pub(super) fn open_at(at: BorrowedFd<'_>, name: &[u8], flags: OFlags, mode: u32) -> Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    named("openat", retry_on_intr(|| rustix::fs::openat(at, name, flags, Mode::from_raw_mode(mode))))
}

/// The attributes of what the descriptor itself is.
pub(super) fn stat(fd: BorrowedFd<'_>) -> Result<Statx> {
    stat_with(fd, c"", AtFlags::EMPTY_PATH)
}

/// The attributes of one entry of a directory; a link is not followed.
pub(super) fn stat_at(at: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<Statx> {
    stat_with(at, name, AtFlags::empty())
}

fn stat_with(at: BorrowedFd<'_>, name: impl Arg + Copy, flags: AtFlags) -> Result<Statx> {
    let mut flags = flags | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    loop {
        match rustix::fs::statx(at, name, flags, mask) {
            Ok(stat) => return Ok(stat),
            Err(Errno::INTR) => {}
            // gVisor has no automounts, and refuses the flag.
            Err(Errno::INVAL) if flags.contains(AtFlags::NO_AUTOMOUNT) => flags -= AtFlags::NO_AUTOMOUNT,
            Err(errno) => return Err(Refused { call: "statx", errno }),
        }
    }
}

pub(super) fn read_link<'a>(
    at: BorrowedFd<'_>,
    name: impl Arg,
    space: &'a mut [MaybeUninit<u8>; 4096],
) -> Result<&'a mut [u8]> {
    named("readlinkat", rustix::fs::readlinkat_raw(at, name, space).map(|(target, _)| target))
}

pub(super) fn unlink_at(at: BorrowedFd<'_>, name: &[u8], directory: bool) -> Result<()> {
    let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    named("unlinkat", retry_on_intr(|| rustix::fs::unlinkat(at, name, flags)))
}

/// Give a file another name; a link is not followed.
pub(super) fn link_at(from: BorrowedFd<'_>, name: &[u8], at: BorrowedFd<'_>, new: &[u8]) -> Result<()> {
    named("linkat", retry_on_intr(|| rustix::fs::linkat(from, name, at, new, AtFlags::empty())))
}

pub(super) fn rename(at: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> Result<()> {
    named("renameat", retry_on_intr(|| rustix::fs::renameat(at, from, at, to)))
}

/// Rename to a name that nothing has yet.
pub(super) fn rename_new(at: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> Result<()> {
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    match named("renameat2", retry_on_intr(|| rustix::fs::renameat_with(at, from, at, to, flags))) {
        // File systems without RENAME_NOREPLACE.
        Err(refused) if refused.is(Errno::INVAL) => match stat_at(at, to) {
            Err(refused) if refused.is(Errno::NOENT) => rename(at, from, to),
            Ok(_) => Err(Refused { call: "renameat", errno: Errno::EXIST }),
            Err(refused) => Err(refused),
        },
        other => other,
    }
}

pub(super) fn mkdir_at(at: BorrowedFd<'_>, name: &[u8], mode: u32) -> Result<()> {
    named("mkdirat", retry_on_intr(|| rustix::fs::mkdirat(at, name, Mode::from_raw_mode(mode))))
}

/// Change the owner of one entry of a directory; of a link itself.
pub(super) fn chown_at(at: BorrowedFd<'_>, name: &[u8], owner: (u32, u32)) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    named("fchownat", retry_on_intr(|| rustix::fs::chownat(at, name, Some(uid), Some(gid), flags)))
}

pub(super) fn chown(fd: BorrowedFd<'_>, owner: (u32, u32)) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
    named("fchown", retry_on_intr(|| rustix::fs::fchown(fd, Some(uid), Some(gid))))
}

pub(super) fn chmod(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    named("fchmod", retry_on_intr(|| rustix::fs::fchmod(fd, Mode::from_raw_mode(mode))))
}

/// Set the modification time.
pub(super) fn set_time(fd: BorrowedFd<'_>, mtime: Time) -> Result<()> {
    let omit = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let mtime = Timespec { tv_sec: mtime.0, tv_nsec: mtime.1.into() };
    let times = Timestamps { last_access: omit, last_modification: mtime };
    named("utimensat", retry_on_intr(|| rustix::fs::futimens(fd, &times)))
}

/// The value of an extended attribute; `None` when there is none, or none can be here.
pub(super) fn xattr(fd: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut value = vec![0_u8; 256];
    loop {
        match named("fgetxattr", retry_on_intr(|| rustix::fs::fgetxattr(fd, name, &mut value[..]))) {
            Ok(len) => {
                value.truncate(len);
                return Ok(Some(value));
            }
            Err(refused) if refused.is(Errno::RANGE) && value.len() < 64 * 1024 => value.resize(64 * 1024, 0),
            Err(refused) if refused.is(Errno::NODATA) || unsupported(refused) => return Ok(None),
            Err(refused) => return Err(refused),
        }
    }
}

pub(super) fn set_xattr(fd: BorrowedFd<'_>, name: &[u8], value: &[u8]) -> Result<()> {
    named("fsetxattr", retry_on_intr(|| rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty())))
}

/// Remove an extended attribute; it may be gone already.
pub(super) fn remove_xattr(fd: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
    match named("fremovexattr", retry_on_intr(|| rustix::fs::fremovexattr(fd, name))) {
        Err(refused) if refused.is(Errno::NODATA) || unsupported(refused) => Ok(()),
        other => other,
    }
}

/// The names of the extended attributes, each ended by NUL.
pub(super) fn xattrs(fd: BorrowedFd<'_>) -> Result<Vec<u8>> {
    let mut list = vec![0_u8; 64 * 1024];
    match named("flistxattr", retry_on_intr(|| rustix::fs::flistxattr(fd, &mut list[..]))) {
        Ok(len) => list.truncate(len),
        Err(refused) if unsupported(refused) => list.clear(),
        Err(refused) => return Err(refused),
    }
    Ok(list)
}

/// The flags of chattr(1); none where the file system has none.
pub(super) fn flags(fd: BorrowedFd<'_>) -> Result<IFlags> {
    match named("ioctl", retry_on_intr(|| rustix::fs::ioctl_getflags(fd))) {
        // Which of them depends on the file system.
        Err(refused) if unsupported(refused) || matches!(refused.errno, Errno::NOTTY | Errno::INVAL | Errno::PERM) => {
            Ok(IFlags::empty())
        }
        other => other,
    }
}

pub(super) fn set_flags(fd: BorrowedFd<'_>, flags: IFlags) -> Result<()> {
    named("ioctl", retry_on_intr(|| rustix::fs::ioctl_setflags(fd, flags)))
}

/// Whether a file of the current directory carries an extended attribute. There is no such call relative to a
/// descriptor before Linux 6.13 (getxattrat); the walk makes the directory the current one by its descriptor.
pub(super) fn has_xattr_here(name: &[u8], attribute: &str) -> Result<bool> {
    let mut value = [0_u8; 64];
    match named("lgetxattr", retry_on_intr(|| rustix::fs::lgetxattr(name, attribute, &mut value[..]))) {
        Ok(_) => Ok(true),
        Err(refused) if refused.is(Errno::RANGE) => Ok(true),
        Err(refused) if unsupported(refused) || refused.is(Errno::NODATA) || refused.is(Errno::NOENT) => Ok(false),
        Err(refused) => Err(refused),
    }
}

/// From now on this thread has a current directory of its own (CLONE_FS of unshare(2)); `false` where a seccomp profile
/// does not allow that, as Docker's default one.
pub(super) fn has_own_directory() -> bool {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).is_ok()
}

pub(super) fn chdir(fd: BorrowedFd<'_>) -> Result<()> {
    named("fchdir", retry_on_intr(|| rustix::process::fchdir(fd)))
}

pub(super) fn read_at(fd: BorrowedFd<'_>, space: &mut [u8], offset: u64) -> Result<usize> {
    named("pread64", retry_on_intr(|| rustix::io::pread(fd, &mut *space, offset)))
}

pub(super) fn write_all(fd: BorrowedFd<'_>, mut content: &[u8]) -> Result<()> {
    while !content.is_empty() {
        let count = named("write", retry_on_intr(|| rustix::io::write(fd, content)))?;
        if count == 0 {
            return Err(Refused { call: "write", errno: Errno::IO });
        }
        content = content.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// Call `each` with the name of every entry of a directory, `.` and `..` left out, until it returns `false`.
pub(super) fn list(
    fd: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    each: &mut dyn FnMut(&CStr) -> std::result::Result<bool, super::Error>,
    fail: &dyn Fn(Refused) -> super::Error,
) -> std::result::Result<(), super::Error> {
    let mut entries = rustix::fs::RawDir::new(fd, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => {
                let name = entry.file_name();
                if name != c"." && name != c".." && !each(name)? {
                    break;
                }
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(fail(Refused { call: "getdents64", errno })),
        }
    }
    Ok(())
}
