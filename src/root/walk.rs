//! One walk over everything below the root that lies on the root's own mount.
//!
//! Directories are read through descriptors, each opened from its parent's without following links. At most
//! [`OPEN_LEVELS`] levels are open at once: a tree may be deeper than the limit of open files, and a path
//! longer than PATH_MAX, since no path is ever built. Other threads read ahead where there are processors for them.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::Scope;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::ahead::{Ahead, End, Job, Listing, Ticket, Todo};
use super::calls::{self, Refused};
use super::{Cause, Error, Mount, Root, edit, error, is_temporary, times};
use crate::console::progress::{Progress, Unit};
use crate::tree::{Id, Meta, Tree};

/// Levels of directories whose descriptors stay open during the walk.
const OPEN_LEVELS: usize = 48;

/// Bytes of one getdents64 call.
pub(super) const BUFFER: usize = 64 * 1024;

/// Which files are asked for `security.capability`, at the price of a call each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Capabilities {
    /// None. The current directory stays what it is.
    None,
    /// Those that can be executed: the kernel looks at it nowhere else.
    OfPrograms,
    /// Every file.
    OfFiles,
}

struct Level {
    directory: Id,
    fd: Option<Arc<OwnedFd>>,
    /// Children still to descend into, the next one last; none without `fd`, unless that was closed to be opened again.
    todo: Vec<Todo>,
    /// So many of the next ones are read ahead.
    ahead: usize,
}

impl Root {
    /// Read every entry of the tree once; capabilities only of files that can be executed.
    ///
    /// # Errors
    /// When a directory cannot be read, or is swapped for another one meanwhile.
    pub fn walk(&self) -> Result<Tree, Error> {
        self.walk_all(false, Capabilities::OfPrograms, true).map(|(tree, _)| tree)
    }

    /// The same with every entry, those included that look like what a killed run left: nothing of the kind is there
    /// that this run does not know of.
    ///
    /// # Errors
    /// As [`Root::walk`].
    pub fn walk_everything(&self) -> Result<Tree, Error> {
        self.walk_all(false, Capabilities::OfPrograms, false).map(|(tree, _)| tree)
    }

    /// The same for a user who may not read every directory: those are in the tree without anything below them, and
    /// named in the list. With the capabilities of every file: an audit judges those of files too that can not be executed.
    ///
    /// # Errors
    /// As [`Root::walk`], and when the root itself may not be read.
    pub fn walk_readable(&self) -> Result<(Tree, Vec<(Id, Error)>), Error> {
        self.walk_all(true, Capabilities::OfFiles, true)
    }

    /// The same without file capabilities: none has any in this tree. The current directory of this process stays what it
    /// is, so that other threads may start programs meanwhile.
    ///
    /// # Errors
    /// As [`Root::walk_readable`].
    pub fn walk_beside(&self) -> Result<(Tree, Vec<(Id, Error)>), Error> {
        self.walk_all(true, Capabilities::None, true)
    }

    fn walk_all(
        &self,
        skip: bool,
        capabilities: Capabilities,
        leftovers: bool,
    ) -> Result<(Tree, Vec<(Id, Error)>), Error> {
        let fail = |refused| Error { action: "cannot examine", path: b"/".to_vec(), cause: Cause::Os(refused) };
        let root = calls::stat(self.fd.as_fd()).map_err(fail)?;
        // Descriptors are kept by the numbers of the tree of an earlier walk, which now mean other directories.
        self.directories.borrow_mut().clear();
        self.forget_content();
        let mut tree = Tree::new(meta(&root, false));
        let killed = times::remembered(self.fd.as_fd()).map_err(fail)?.is_some();
        let look = Look { mount: self.mount, killed, leftovers, capabilities };
        let mut skipped = Vec::new();
        // Where entries do not tell what is mounted, paths do, and those only the walk knows.
        let alone = !look.asks_any() || self.points.as_ref().is_some_and(|points| !points.is_empty());
        let ahead = Ahead::new(self.fd.as_fd(), look, if alone { 1 } else { self.processors });
        let result = std::thread::scope(|scope| {
            let mut walk = Walk {
                root: self,
                tree: &mut tree,
                look,
                points: Vec::new(),
                buffer: Vec::with_capacity(BUFFER),
                skipped: skip.then_some(&mut skipped),
                progress: Progress::new("reading the file system", Unit::Things("entries"), None),
            };
            let _end = End(&ahead);
            walk.descend(scope, &ahead)
        });
        // Capabilities are asked for by name in the current directory: there is no call relative to a descriptor.
        if let (Some(home), true) = (&self.home, look.asks_any()) {
            let _ = calls::chdir(home.as_fd());
        }
        result.map(|()| (tree, skipped))
    }
}

/// How an entry is looked at, the same on every thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    mount: Mount,
    /// A run was killed here: directories may remember their times.
    pub killed: bool,
    /// What killed runs left is no part of the tree.
    leftovers: bool,
    capabilities: Capabilities,
}

/// Gets each entry: its name, its attributes, the target of a link, whether a killed run left it. Ends the reading with
/// `false`.
type Each<'a> = dyn FnMut(&[u8], Meta, Option<&[u8]>, bool) -> Result<bool, Error> + 'a;

impl Look {
    /// Whether a descriptor is what the walk saw, on the root's mount.
    pub(super) fn is_seen(&self, fd: &OwnedFd, seen: &Meta) -> Result<bool, Refused> {
        let now = calls::stat(fd.as_fd())?;
        Ok(super::is_inode(&now, seen) && self.mount.has(&now))
    }

    /// Whether any entry is asked for its capabilities.
    pub(super) fn asks_any(&self) -> bool {
        self.capabilities != Capabilities::None
    }

    /// Whether an entry is asked for its capabilities.
    pub(super) fn asks(&self, meta: &Meta) -> bool {
        let asked = match self.capabilities {
            Capabilities::None => false,
            Capabilities::OfPrograms => meta.mode & 0o111 != 0,
            Capabilities::OfFiles => true,
        };
        asked && meta.mode & 0o170_000 == 0o100_000 && !meta.mount
    }

    /// Whether an entry of the directory `fd` has capabilities; `here`: that is the current directory of this thread. An
    /// error is one of [`Look::read`].
    pub(super) fn capability(
        &self,
        fd: BorrowedFd<'_>,
        here: &mut bool,
        name: &[u8],
        meta: &Meta,
    ) -> Result<bool, Error> {
        if !self.asks(meta) {
            return Ok(false);
        }
        if !*here {
            let fail = |refused| Error { action: "", path: Vec::new(), cause: Cause::Os(refused) };
            calls::chdir(fd).map_err(fail)?;
            *here = true;
        }
        calls::has_xattr_here(name, "security.capability").map_err(|refused| cannot_examine(name, of_seen(refused)))
    }

    /// Read one directory; `points` are names in it on which something is mounted, where entries do not tell. An error
    /// has no action when it is the directory's, else the name of an entry as its path.
    pub(super) fn read(
        &self,
        fd: BorrowedFd<'_>,
        points: &[Vec<u8>],
        buffer: &mut Vec<u8>,
        each: &mut Each<'_>,
    ) -> Result<(), Error> {
        // Which directory it was is said when it failed: to put its path together costs more than to read most.
        // ENOENT is what getdents64 says of a directory that was removed.
        let fail = |refused| Error { action: "", path: Vec::new(), cause: of_seen(refused) };
        calls::list(fd, buffer, &mut |name| self.examine(fd, points, name, each), &fail)
    }

    fn examine(
        &self,
        fd: BorrowedFd<'_>,
        points: &[Vec<u8>],
        given: &CStr,
        each: &mut Each<'_>,
    ) -> Result<bool, Error> {
        let name = given.to_bytes();
        let fail = |refused| cannot_examine(name, Cause::Os(refused));
        let swapped = |refused| cannot_examine(name, of_seen(refused));
        let stat = match calls::stat_at(fd, given) {
            Ok(stat) => stat,
            // Gone since the directory was read: it is not there.
            Err(refused) if refused.is(Errno::NOENT) => return Ok(true),
            Err(refused) => return Err(fail(refused)),
        };
        let kind = stat.stx_mode & 0o170_000;
        let mount = !self.mount.has(&stat) || points.iter().any(|point| point == name);
        let meta = meta(&stat, mount);
        if self.leftovers && !mount && is_temporary(name) {
            let left = match kind {
                0o100_000 => true,
                0o040_000 => is_empty(fd, name).map_err(swapped)?,
                _ => false,
            };
            if left {
                return each(name, meta, None, true);
            }
        }
        if kind != 0o120_000 {
            return each(name, meta, None, false);
        }
        let mut space = [MaybeUninit::uninit(); 4096];
        let target = calls::read_link(fd, given, &mut space).map_err(swapped)?;
        each(name, meta, Some(target), false)
    }
}

struct Walk<'a> {
    root: &'a Root,
    tree: &'a mut Tree,
    look: Look,
    /// Names in the directory that is being read on which something is mounted, where entries do not tell.
    points: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    /// Where directories go that may not be read; `None` when that is an error.
    skipped: Option<&'a mut Vec<(Id, Error)>>,
    progress: Progress,
}

impl Walk<'_> {
    fn descend<'s>(&mut self, scope: &'s Scope<'s, '_>, ahead: &'s Ahead) -> Result<(), Error> {
        let mut levels: Vec<Level> = Vec::new();
        let fd = self.open(self.root.fd.as_fd(), b".", Id::ROOT)?;
        levels.push(self.list(Id::ROOT, fd)?);
        while let Some(level) = levels.last_mut() {
            if let (Some((child, ticket)), Some(fd)) = (level.todo.pop(), level.fd.as_ref()) {
                let tree = &*self.tree;
                let listing = ticket.and_then(|ticket| ahead.take(ticket, &tree.meta(child)));
                let job = |id| Job { name: tree.name(id).to_vec(), parent: Arc::clone(fd), seen: tree.meta(id) };
                level.ahead = ahead.offer(scope, &mut level.todo, level.ahead.saturating_sub(1), &job);
                let next = match listing {
                    Some(listing) => self.adopt(child, listing),
                    None => {
                        let opened = self.open(fd.as_fd(), self.tree.name(child), child);
                        opened.and_then(|fd| self.list(child, fd))
                    }
                };
                // A directory that may be listed and not searched fails before any entry of it is in the tree.
                match (next, &mut self.skipped) {
                    (Ok(next), _) => levels.push(next),
                    (Err(error), Some(skipped)) if error.is_denied() => {
                        // The directory is what is not examined, whichever entry of it was asked first.
                        skipped.push((child, Error { path: self.tree.path(child), ..error }));
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
                up.fd = Some(Arc::new(self.open(done.as_fd(), b"..", up.directory)?));
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
            let same = self.look.is_seen(fd, &self.tree.meta(id)).map_err(refused)?;
            if same { Ok(()) } else { Err(fail(Cause::Changed)) }
        };
        if name != b".." {
            let fd = edit::open_dir(at, name).map_err(|refused| fail(of_seen(refused)))?;
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
        if self.look.killed {
            let fail = |refused| error("cannot read directory", self.tree, id, Cause::Os(refused));
            if let Some(time) = times::remembered(fd.as_fd()).map_err(fail)? {
                self.tree.remember(id, time);
            }
        }
        if let Some(points) = self.root.points.as_ref().filter(|points| !points.is_empty()) {
            self.points = points.names(&self.tree.path(id));
        }
        let (mut buffer, points) = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.points));
        let (look, mut here) = (self.look, false);
        let listed = look.read(fd.as_fd(), &points, &mut buffer, &mut |name, meta, target, leftover| {
            let capability = !leftover && look.capability(fd.as_fd(), &mut here, name, &meta)?;
            self.add(id, name, Meta { capability, ..meta }, target, leftover);
            Ok(true)
        });
        self.buffer = buffer;
        listed.map_err(|e| self.placed(id, e))?;
        Ok(self.seal(id, first, Some(Arc::new(fd)), std::iter::repeat(None)))
    }

    /// Put a directory into the tree that was read ahead.
    fn adopt(&mut self, id: Id, listing: Listing) -> Result<Level, Error> {
        let first = self.tree.len();
        if let Some(time) = listing.remembered {
            self.tree.remember(id, time);
        }
        let (look, mut here) = (self.look, false);
        for (name, mut meta, target, leftover) in listing.entries() {
            if let Some(fd) = listing.fd.as_ref().filter(|_| !listing.asked && !leftover) {
                let asked = look.capability(fd.as_fd(), &mut here, name, &meta);
                meta.capability = asked.map_err(|e| self.placed(id, e))?;
            }
            self.add(id, name, meta, target, leftover);
        }
        Ok(Level { ahead: listing.ahead(), ..self.seal(id, first, listing.fd.clone(), listing.tickets()) })
    }

    /// `tickets`: the numbers of its directories, in the order of their names.
    fn seal(
        &mut self,
        id: Id,
        first: usize,
        fd: Option<Arc<OwnedFd>>,
        tickets: impl Iterator<Item = Option<Ticket>>,
    ) -> Level {
        self.tree.seal(id, first);
        let tree = &*self.tree;
        let directories = tree.children(id).filter(|&at| tree.is_dir(at) && !tree.meta(at).mount);
        let mut todo: Vec<Todo> = directories.zip(tickets).collect();
        todo.reverse();
        Level { directory: id, fd, todo, ahead: 0 }
    }

    /// Put one entry into the tree.
    fn add(&mut self, directory: Id, name: &[u8], meta: Meta, target: Option<&[u8]>, leftover: bool) {
        self.progress.advance(1);
        if leftover {
            self.tree.leftover(directory, name);
        } else {
            self.tree.add(directory, name, meta, target);
        }
    }

    /// An error of [`Look::read`] with its whole path.
    fn placed(&self, directory: Id, Error { action, path, cause }: Error) -> Error {
        if action.is_empty() {
            return error("cannot read directory", self.tree, directory, cause);
        }
        Error { action, path: below(self.tree, directory, &path), cause }
    }
}

/// An error about an entry of the directory that is being read.
fn cannot_examine(name: &[u8], cause: Cause) -> Error {
    Error { action: "cannot examine", path: name.to_vec(), cause }
}

/// Why a call failed on an entry whose attributes were read before it: what does not fit them is another entry, which has
/// its name since then. EINVAL is what
/// readlinkat(2) says of anything but a link.
fn of_seen(refused: Refused) -> Cause {
    let other = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::INVAL];
    if other.iter().any(|&errno| refused.is(errno)) { Cause::Changed } else { Cause::Os(refused) }
}

/// The path of an entry that the tree does not hold.
fn below(tree: &Tree, directory: Id, name: &[u8]) -> Vec<u8> {
    let mut path = tree.path(directory);
    if path != b"/" {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
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

fn meta(stat: &rustix::fs::Statx, mount: bool) -> Meta {
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
        capability: false,
    }
}
