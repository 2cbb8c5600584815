//! The only door to the file system: everything after start-up goes through a [`Root`].
//!
//! A `Root` is a capability for one directory tree. Entries are named by [`Id`]s of a [`Tree`] that
//! [`Root::walk`] made, so a path is never parsed twice: an entry is reached by opening its directories
//! one by one from the root's descriptor, no link followed, and the inode is compared with the one that
//! was examined. Needs neither openat2 nor /proc. Fifos, sockets and devices are never opened.

mod ahead;
mod calls;
pub(crate) mod edit;
pub(crate) mod extras;
pub(crate) mod host;
mod lock;
mod mountinfo;
pub(crate) mod result_file;
pub(crate) mod result_stream;
mod times;
mod walk;

use anyhow::{Result, anyhow, bail};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::tree::access::AccessList;
use crate::tree::budget::Budgets;
use crate::tree::contents::Contents;
use crate::tree::{Id, Meta, Tree};
use calls::stat;

pub(crate) use calls::Refused;

/// How the name of a file or directory on its way to its place begins; what makes it the run's own follows, in
/// [`DIGITS`] hexadecimal digits. A killed run may leave one behind; the next run removes it.
const TEMPORARY: &[u8] = b".harden-tmp-";
const DIGITS: usize = 16;

/// Whether a run names its temporary files so.
#[must_use]
pub fn is_temporary(name: &[u8]) -> bool {
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    name.len() == TEMPORARY.len() + DIGITS && name.strip_prefix(TEMPORARY).is_some_and(|own| own.iter().all(is_digit))
}

/// Directory descriptors kept open between calls. When there are more, only those on the way to the last one stay.
const CACHED_DIRECTORIES: usize = 64;

/// A directory tree and the right to use what is inside it.
#[derive(Debug)]
pub struct Root {
    fd: Arc<OwnedFd>,
    /// The working directory at start-up.
    home: Option<OwnedFd>,
    running: bool,
    /// Processors that this process may run on.
    processors: usize,
    /// Mount that the root lies on: entries on any other are left alone.
    mount: Mount,
    /// What is mounted below it, where no entry tells by itself.
    points: Option<mountinfo::Points>,
    /// The name of this run's temporary files.
    temporary: Vec<u8>,
    directories: RefCell<BTreeMap<Id, Arc<OwnedFd>>>,
    /// The file that was read last: what reads an ELF file asks for one piece after the other.
    last: RefCell<Option<(Id, Arc<OwnedFd>)>>,
    /// The first file that could not be read, and should have been.
    unread: RefCell<Option<Error>>,
    /// What the readers of files have spent.
    budgets: Budgets,
}

/// Which mount an entry lies on: by mount id where the kernel tells (statx(2), since 5.8), else by device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mount {
    id: Option<u64>,
    device: (u32, u32),
}

/// A file system call that failed, in words for the person who has to correct it.
#[derive(Debug, Clone)]
pub struct Error {
    /// What was attempted, as `cannot read`.
    pub action: &'static str,
    /// Absolute path inside the root.
    pub path: Vec<u8>,
    /// Why it failed.
    pub cause: Cause,
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The kernel refused a call.
    Os(Refused),
    /// The entry is of a kind that this is not done to: special files are never opened.
    Special,
    /// Nothing tells what is mounted below the root.
    Mounts,
    /// The entry is not the one that was examined: the tree was changed meanwhile.
    Changed,
    /// The change was made without an error, and yet the entry is not as it should be.
    NotAsPlanned,
    /// The file is larger than this program reads, limit in bytes.
    TooLarge(u64),
}

impl Error {
    /// The cause alone, lower case.
    #[must_use]
    pub fn cause_text(&self) -> String {
        match self.cause {
            Cause::Os(refused) => self.refused(refused),
            Cause::Special => "it is not a regular file or directory".to_owned(),
            Cause::Mounts => {
                "this kernel gives no mount numbers (statx(2), before Linux 5.8), and /proc/self/mountinfo, which lists the mounts below the root, cannot be read or does not show the root; mount /proc, or use a newer kernel"
                    .to_owned()
            }
            Cause::Changed => {
                "it is not the entry that harden examined; make sure that nothing else changes the tree during the run".to_owned()
            }
            Cause::NotAsPlanned => {
                "the kernel reported no error, but the change was not made: this file system or user namespace cannot store it"
                    .to_owned()
            }
            Cause::TooLarge(limit) => format!("larger than {limit} bytes"),
        }
    }

    /// The kernel's words and its call, and what they mean where they mislead.
    fn refused(&self, Refused { call, errno }: Refused) -> String {
        let meaning = match (call, errno) {
            ("fchown" | "fchownat", Errno::INVAL | Errno::OVERFLOW) => {
                "; the uid or gid does not exist in this user namespace: give the builder more ids in /etc/subuid and \
                 /etc/subgid, or build as root"
            }
            ("fchown" | "fchownat" | "fchmod" | "fsetxattr" | "unlinkat" | "openat" | "renameat", Errno::PERM) => {
                "; the file is immutable or append-only (chattr -i, -a), belongs to an id outside this user namespace, \
                 or the builder withholds a capability"
            }
            _ => "",
        };
        format!("{}, in {call}{meaning}", lower_first(&errno.to_string()))
    }

    /// Whether this process has no right to do it (EACCES, EPERM).
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.is(Errno::ACCESS) || self.is(Errno::PERM)
    }

    /// Whether the kernel refused with that error.
    #[must_use]
    pub fn is(&self, errno: Errno) -> bool {
        matches!(self.cause, Cause::Os(refused) if refused.errno == errno)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.action, crate::diag::escape::quoted(&self.path), self.cause_text())
    }
}

impl std::error::Error for Error {}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl Root {
    /// Open `path` as a root.
    ///
    /// # Errors
    /// When it is no directory or cannot be opened.
    pub fn open(path: &[u8]) -> Result<Self, Error> {
        let fail = |cause| Error { action: "cannot open root directory", path: path.to_vec(), cause: Cause::Os(cause) };
        let home = rustix::fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty());
        let fd = fd.map_err(|errno| fail(Refused { call: "open", errno }))?;
        let here = stat(fd.as_fd()).map_err(fail)?;
        let slash = rustix::fs::statx(rustix::fs::CWD, "/", AtFlags::empty(), StatxFlags::BASIC_STATS);
        let running = slash.is_ok_and(|slash| here.stx_ino == slash.stx_ino && device(&here) == device(&slash));
        let mount = Mount::of(&here);
        let unknown = Error { action: "cannot recognise mounts below", path: path.to_vec(), cause: Cause::Mounts };
        let points = if mount.id.is_none() { Some(mountinfo::Points::below(&fd).ok_or(unknown)?) } else { None };
        let own: u64 = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), rustix::process::getpid());
        Ok(Self {
            fd: Arc::new(fd),
            home,
            running,
            processors: processors(),
            mount,
            points,
            temporary: [TEMPORARY, format!("{own:0DIGITS$x}").as_bytes()].concat(),
            directories: RefCell::default(),
            last: RefCell::default(),
            unread: RefCell::default(),
            budgets: Budgets::default(),
        })
    }

    /// The same root on a machine with so many processors.
    #[must_use]
    pub fn on_processors(mut self, processors: usize) -> Self {
        self.processors = processors;
        self
    }

    /// Whether the file system that holds the root is mounted read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        rustix::fs::fstatvfs(&self.fd).is_ok_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
    }

    /// Whether a program provides the file system (fuse(4)). fuse-overlayfs makes the directories above a changed entry
    /// anew in its upper layer, and each gets the time of that moment when something is put into it.
    #[must_use]
    pub fn is_fuse(&self) -> bool {
        const FUSE_SUPER_MAGIC: u64 = 0x6573_5546;
        rustix::io::retry_on_intr(|| rustix::fs::fstatfs(&self.fd))
            .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|it| it == FUSE_SUPER_MAGIC))
    }

    /// Whether this root is the directory that the process itself has as its root.
    #[must_use]
    pub fn is_running_root(&self) -> bool {
        self.running
    }

    /// Whether a path of the running system, or what would be made there, lies in this root and on its mount. What is
    /// no regular file lies nowhere.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let examine = |path: &str| {
            rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)
                .ok()
        };
        let mut directory = path.to_owned();
        if let Some(file) = examine(path) {
            if u32::from(file.stx_mode) & 0o170_000 != 0o100_000 || !Mount::of(&file).is_same(self.mount, false) {
                return false;
            }
            directory = host::canonical(std::path::Path::new(path)).to_string_lossy().into_owned();
        }
        directory = match directory.rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((parent, _)) => parent.to_owned(),
            None => ".".to_owned(),
        };
        let Ok(top) = stat(self.fd.as_fd()) else { return false };
        let same = |a: &Statx, b: &Statx| a.stx_ino == b.stx_ino && device(a) == device(b);
        let mut last: Option<Statx> = None;
        // Upwards, until the top of the running system leads to itself.
        while let Some(here) = examine(&directory) {
            let on_mount = Mount::of(&here).is_same(self.mount, true);
            if !on_mount || last.is_some_and(|last| same(&last, &here)) {
                return false;
            }
            if same(&here, &top) {
                return true;
            }
            directory.push_str("/..");
            last = Some(here);
        }
        false
    }

    /// Inode and device of an entry as it is now, to tell whether it is a file known by another path.
    #[must_use]
    pub fn inode(&self, tree: &Tree, id: Id) -> Option<host::Inode> {
        let parent = self.directory(tree, tree.parent(id), "cannot examine").ok()?;
        calls::stat_at(parent.as_fd(), tree.name(id)).ok().map(|stat| host::Inode::of(&stat))
    }

    /// Read a whole regular file.
    ///
    /// # Errors
    /// When it is larger than `limit` bytes, is no longer the file that was examined, or cannot be read.
    pub fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        self.read_into(tree, id, limit, &mut content).map(|()| content)
    }

    fn read_into(&self, tree: &Tree, id: Id, limit: u64, into: &mut Vec<u8>) -> Result<(), Error> {
        let too_large = || error("cannot read", tree, id, Cause::TooLarge(limit));
        if tree.meta(id).size > limit {
            return Err(too_large());
        }
        self.read_at_into(tree, id, 0, usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX), into)?;
        if into.len() as u64 > limit { Err(too_large()) } else { Ok(()) }
    }

    /// Read at most `len` bytes of a regular file from `offset`; fewer at its end.
    ///
    /// # Errors
    /// When it is no longer the file that was examined, or cannot be read.
    pub fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        self.read_at_into(tree, id, offset, len, &mut content).map(|()| content)
    }

    fn read_at_into(&self, tree: &Tree, id: Id, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Error> {
        let read = self.read_range(tree, id, offset, len, into);
        if let Err(error) = &read {
            // Not root: what may not be read is a fact. Everything else would make a wrong plan look right.
            let forbidden = error.is(Errno::ACCESS) || error.is(Errno::PERM);
            // What a builder or an engine has bound over a name is no part of the image.
            let bound = tree.meta(id).mount;
            if !bound && error.cause != Cause::Special && (!forbidden || host::is_root()) {
                self.unread.borrow_mut().get_or_insert_with(|| error.clone());
            }
        }
        read
    }

    /// The first file that the kernel could not read since this was last asked: nothing that was concluded since holds.
    #[must_use]
    pub fn take_unread(&self) -> Option<Error> {
        self.unread.borrow_mut().take()
    }

    fn read_range(&self, tree: &Tree, id: Id, offset: u64, len: usize, content: &mut Vec<u8>) -> Result<(), Error> {
        content.clear();
        let fd = self.open_content(tree, id)?;
        // File offsets are signed (off_t): no file has a byte there.
        if i64::try_from(offset.saturating_add(len as u64)).is_err() {
            return Ok(());
        }
        let expected = usize::try_from(tree.meta(id).size.saturating_sub(offset)).unwrap_or(usize::MAX);
        content.resize(len.min(expected.saturating_add(1)), 0);
        let mut filled = 0;
        loop {
            if filled == content.len() && content.len() < len {
                // The file grew, or its size is not known in advance (/proc-like file systems).
                content.resize((content.len() * 2).clamp(4096, len), 0);
            }
            let Some(space) = content.get_mut(filled..).filter(|space| !space.is_empty()) else { break };
            match calls::read_at(fd.as_fd(), space, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => {
                    let short = count < space.len();
                    filled += count;
                    // Less than was asked for, and as much as the walk saw: this is the end.
                    if short && filled == expected {
                        break;
                    }
                }
                Err(refused) => return Err(error("cannot read", tree, id, Cause::Os(refused))),
            }
        }
        content.truncate(filled);
        Ok(())
    }

    /// A descriptor for the content of a file: the one that was open last, or a new one.
    fn open_content(&self, tree: &Tree, id: Id) -> Result<Arc<OwnedFd>, Error> {
        if let Some((_, fd)) = self.last.borrow().as_ref().filter(|(last, _)| *last == id) {
            return Ok(Arc::clone(fd));
        }
        let fd = Arc::new(self.open_node(tree, id, "cannot read")?);
        *self.last.borrow_mut() = Some((id, Arc::clone(&fd)));
        Ok(fd)
    }

    /// Open a regular file or directory for reading and check that it is the one that was examined.
    fn open_node(&self, tree: &Tree, id: Id, action: &'static str) -> Result<OwnedFd, Error> {
        // Every change of a file begins here, or in `remove`.
        self.forget_content();
        let fail = |cause| error(action, tree, id, cause);
        if id == Id::ROOT {
            return duplicate(&self.fd).map_err(|refused| fail(Cause::Os(refused)));
        }
        if !tree.is_file(id) && !tree.is_dir(id) {
            return Err(fail(Cause::Special));
        }
        let parent = self.directory(tree, tree.parent(id), action)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = calls::open_at(parent.as_fd(), tree.name(id), flags, 0);
        let fd = opened.map_err(|refused| fail(Cause::Os(refused)))?;
        self.check(tree, id, &stat(fd.as_fd()).map_err(|refused| fail(Cause::Os(refused)))?).map_err(fail)?;
        Ok(fd)
    }

    /// Close the file that was read last: it may change now, or its number means another entry.
    fn forget_content(&self) {
        *self.last.borrow_mut() = None;
    }

    /// A descriptor (O_PATH) of a directory, reached from the root without following any link.
    fn directory(&self, tree: &Tree, id: Id, action: &'static str) -> Result<Arc<OwnedFd>, Error> {
        let mut todo = Vec::new();
        let mut fd = Arc::clone(&self.fd);
        for at in tree.ancestors(id).take_while(|&at| at != Id::ROOT) {
            if let Some(known) = self.directories.borrow().get(&at) {
                fd = Arc::clone(known);
                break;
            }
            todo.push(at);
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        for &at in todo.iter().rev() {
            let fail = |cause| error(action, tree, at, cause);
            let next = calls::open_at(fd.as_fd(), tree.name(at), flags, 0);
            fd = Arc::new(next.map_err(|refused| fail(Cause::Os(refused)))?);
            self.check(tree, at, &stat(fd.as_fd()).map_err(|refused| fail(Cause::Os(refused)))?).map_err(fail)?;
            let mut cache = self.directories.borrow_mut();
            if cache.len() >= CACHED_DIRECTORIES {
                cache.retain(|&known, _| tree.is_within(at, known));
            }
            if cache.len() >= CACHED_DIRECTORIES {
                cache.clear();
            }
            cache.insert(at, Arc::clone(&fd));
        }
        Ok(fd)
    }

    /// Whether an entry lies on the mount of the root, as far as it tells by itself.
    fn is_on_mount(&self, stat: &Statx) -> bool {
        self.mount.has(stat)
    }

    /// Compare what is there now with what the walk saw.
    fn check(&self, tree: &Tree, id: Id, now: &Statx) -> Result<(), Cause> {
        let seen = tree.meta(id);
        let same_type = now.stx_mode & 0o170_000 == seen.mode & 0o170_000;
        if same_type && is_inode(now, &seen) && self.is_on_mount(now) { Ok(()) } else { Err(Cause::Changed) }
    }
}

impl Mount {
    fn of(stat: &Statx) -> Self {
        let has_id = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID);
        Self { id: has_id.then_some(stat.stx_mnt_id), device: device(stat) }
    }

    /// Whether an entry lies on this mount, as far as it tells by itself.
    fn has(self, stat: &Statx) -> bool {
        match (Self::of(stat).id, self.id) {
            (Some(here), Some(own)) => here == own,
            _ => true,
        }
    }

    /// Without mount ids only directories can tell: overlayfs shows files with the device of their layer.
    fn is_same(self, other: Self, directory: bool) -> bool {
        match (self.id, other.id) {
            (Some(a), Some(b)) => a == b,
            _ => !directory || self.device == other.device,
        }
    }
}

/// Processors that this process may run on. The standard library would read the limits of control groups as well, from files of the running system.
pub(crate) fn processors() -> usize {
    let count = rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count());
    usize::try_from(count).unwrap_or(1)
}

fn device(stat: &Statx) -> (u32, u32) {
    (stat.stx_dev_major, stat.stx_dev_minor)
}

/// The device as one number.
fn device_number(stat: &Statx) -> u64 {
    (u64::from(stat.stx_dev_major) << 32) | u64::from(stat.stx_dev_minor)
}

/// Whether that is the inode that the walk saw.
fn is_inode(now: &Statx, seen: &Meta) -> bool {
    now.stx_ino == seen.ino && device_number(now) == seen.device
}

fn duplicate(fd: &OwnedFd) -> Result<OwnedFd, Refused> {
    fd.try_clone().map_err(|_| Refused { call: "fcntl", errno: Errno::MFILE })
}

fn error(action: &'static str, tree: &Tree, id: Id, cause: Cause) -> Error {
    Error { action, path: tree.path(id), cause }
}
impl Contents for Root {
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        Contents::read_into(self, tree, id, limit, &mut content).map(|()| content)
    }

    fn read_into(&self, tree: &Tree, id: Id, limit: u64, into: &mut Vec<u8>) -> Result<()> {
        if tree.meta(id).size <= limit && !self.budgets.read(tree, id) {
            bail!("it has too many names (hard links)");
        }
        Self::read_into(self, tree, id, limit, into).map_err(|error| anyhow!(error.cause_text()))
    }

    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>> {
        Self::read_at(self, tree, id, offset, len).map_err(|error| anyhow!(error.cause_text()))
    }

    fn read_at_into(&self, tree: &Tree, id: Id, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<()> {
        Self::read_at_into(self, tree, id, offset, len, into).map_err(|error| anyhow!(error.cause_text()))
    }

    fn take_unread(&self) -> Option<String> {
        Self::take_unread(self).map(|error| error.to_string())
    }

    fn budgets(&self) -> Option<&Budgets> {
        Some(&self.budgets)
    }

    fn twin(&self) -> Option<Box<dyn Contents + Send>> {
        // Where entries do not tell what is mounted, only one list of it is true.
        if self.processors < 2 || self.points.is_some() {
            return None;
        }
        Some(Box::new(Self {
            fd: Arc::clone(&self.fd),
            home: None,
            running: self.running,
            processors: 1,
            mount: self.mount,
            points: None,
            temporary: self.temporary.clone(),
            directories: RefCell::default(),
            last: RefCell::default(),
            unread: RefCell::default(),
            budgets: Budgets::default(),
        }))
    }

    fn access_list(&self, tree: &Tree, id: Id) -> Option<AccessList> {
        let fd = self.open_node(tree, id, "cannot read the access list of").ok()?;
        AccessList::parse(&calls::xattr(fd.as_fd(), edit::ACCESS_LIST).ok()??)
    }
}
