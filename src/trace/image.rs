//! The image as it was before the command ran: a tree that is there, or one that is read while the command starts.
//!
//! Reading the tree takes longer than most programs take to start. It goes on beside CMD until CMD is about to change
//! which entries there are; that call waits for the end of the walk. Until then paths are only collected. This module
//! does not know the meaning of a path: [`super::seen`] does.

use anyhow::{Result, anyhow};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags};
use rustix::process::Pid;

use super::seen::{self, Account, How, Seen, View};
use super::trail::{self, Start, Trail};
use crate::root::Root;
use crate::root::host::Inode;
use crate::tree::{Id, Tree};

/// A tree, and its directories that could not be read.
pub(crate) type Walked = (Tree, BTreeSet<Id>);

/// What was done with a path, and by which program.
type Use = (How, Vec<u8>);

/// What is at a path that a process is about to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is.
    Nothing,
    /// Something of the kernel.
    Elsewhere,
    /// That file.
    File(Inode),
}

/// The file that a path leads to when it means the same for every process: no link on its way is one of /proc that leads
/// to a place itself.
fn plainly(path: &[u8]) -> Option<Inode> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let file = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS).ok()?;
    let stat = rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
    Some(Inode::of(&stat))
}

/// A path as an absolute one, when it means the same for this process.
fn plain(view: &View, start: &Start, path: &[u8]) -> Option<Vec<u8>> {
    let same = view.prefix.is_empty() && start.root.is_empty() && !start.nameless;
    let relative = || [&start.at, &b"/"[..], path].concat();
    same.then(|| if path.starts_with(b"/") { path.to_vec() } else { relative() })
}

/// The image, and what was used of it.
pub(crate) struct Image<'a> {
    /// Where the tree is put that is being read.
    tree: Option<&'a OnceCell<Walked>>,
    walk: Option<JoinHandle<Result<Walked>>>,
    reading: Arc<AtomicBool>,
    /// Paths that are not the image's: this program, its file.
    own: Vec<Vec<u8>>,
    /// Paths that were used before the tree was there, with the file that each leads to: until then nothing changes them.
    early: BTreeMap<Vec<u8>, (Inode, BTreeSet<Use>)>,
    /// The same, where a path alone does not say it.
    trails: Vec<(Trail, How, Vec<u8>)>,
    /// The same file may have other names than before.
    moved: bool,
    seen: Option<Seen<'a>>,
    error: Option<String>,
}

impl<'a> Image<'a> {
    /// Begin to read the tree, which is put into `tree`. Signals have to be held back by now: a thread inherits that.
    pub(crate) fn read(tree: &'a OnceCell<Walked>, own: Vec<Vec<u8>>) -> Self {
        let reading = Arc::new(AtomicBool::new(true));
        let done = Arc::clone(&reading);
        let walk = thread::spawn(move || {
            let walked = Root::open(b"/").and_then(|root| root.walk_beside());
            done.store(false, Ordering::SeqCst);
            let (tree, unread) = walked?;
            Ok((tree, unread.into_iter().map(|(directory, _)| directory).collect()))
        });
        Self {
            tree: Some(tree),
            walk: Some(walk),
            reading,
            own,
            early: BTreeMap::new(),
            trails: Vec::new(),
            moved: false,
            seen: None,
            error: None,
        }
    }

    /// A tree that has been read.
    pub(crate) fn known(seen: Seen<'a>) -> Self {
        Self {
            tree: None,
            walk: None,
            reading: Arc::default(),
            own: Vec::new(),
            early: BTreeMap::new(),
            trails: Vec::new(),
            moved: false,
            seen: Some(seen),
            error: None,
        }
    }

    /// Whether the tree is being read still, as somebody else may ask.
    pub(super) fn reading(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.reading)
    }

    /// Wait for the whole tree; `None` when it could not be read.
    pub(crate) fn whole(&mut self) -> Option<&mut Seen<'a>> {
        if let (Some(walk), Some(cell)) = (self.walk.take(), self.tree) {
            match walk.join().unwrap_or_else(|_| Err(anyhow!("cannot examine '/'"))) {
                Ok(walked) => {
                    let (tree, closed) = cell.get_or_init(|| walked);
                    let mut seen = Seen::new(tree, closed, &self.own).without_edited();
                    for (path, (_, uses)) in std::mem::take(&mut self.early) {
                        let Ok(stat) = seen::stat(&path) else { continue };
                        for (how, by) in uses {
                            if !seen.path(&path, stat.stx_ino, how, &by) {
                                let trail = trail::follow(rustix::process::getpid(), &Start::default(), &path);
                                seen.trail(&trail, trail.stat(), false, how, &by);
                            }
                        }
                    }
                    for (trail, how, by) in std::mem::take(&mut self.trails) {
                        seen.trail(&trail, trail.stat(), false, how, &by);
                    }
                    self.seen = Some(seen);
                }
                Err(error) => self.error = Some(error.to_string()),
            }
        }
        self.seen.as_mut()
    }

    /// Whether there is nothing left to wait for.
    pub(super) fn is_whole(&self) -> bool {
        self.walk.is_none()
    }

    /// Whether the tree could not be read.
    pub(super) fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// From here on, the same file may have other names.
    pub(super) fn moved(&mut self) {
        self.moved = true;
        if let Some(seen) = self.whole() {
            seen.moved();
        }
    }

    /// A process is about to use that path; what is there.
    pub(super) fn used(&mut self, pid: Pid, view: &View, start: &Start, path: &[u8], use_: (How, &[u8])) -> Found {
        let (how, by) = use_;
        if let Some(text) = plain(view, start, path) {
            if !self.moved && seen::is_uninteresting(&text) {
                return Found::Elsewhere;
            }
            if self.reads() {
                if let Some((inode, uses)) = self.early.get_mut(&text) {
                    uses.insert((how, by.to_vec()));
                    return Found::File(*inode);
                }
                if let Some(inode) = plainly(&text) {
                    self.early.insert(text, (inode, BTreeSet::from([(how, by.to_vec())])));
                    return Found::File(inode);
                }
            } else if let Some(seen) = self.whole()
                && let Ok(stat) = seen::stat(&text)
                && seen.path(&text, stat.stx_ino, how, by)
            {
                return Found::File(Inode::of(&stat));
            }
        }
        let trail = trail::follow(pid, start, path);
        // Asked once: what is said to be found is what is written, also while another process renames it.
        let is = trail.stat();
        self.came(trail, is, view.foreign, how, by);
        is.map_or(Found::Nothing, |is| Found::File(Inode::of(&is)))
    }

    /// Whether the file system is not what the tree says.
    pub(crate) fn watches(&self) -> bool {
        self.seen.as_ref().is_some_and(Seen::watches)
    }

    /// The entry that a change of the image may keep a process from using by that path, when there is one.
    pub(super) fn guarded(&self, view: &View, start: &Start, path: &[u8]) -> Option<Id> {
        let seen = self.seen.as_ref().filter(|seen| seen.watches())?;
        seen.guarded(&plain(view, start, path)?)
    }

    /// Nothing is at a path that a process asked for.
    pub(super) fn missed(&mut self, view: &View, start: &Start, path: &[u8], by: &[u8]) {
        if let Some(seen) = self.seen.as_mut().filter(|seen| seen.watches())
            && let Some(text) = plain(view, start, path)
        {
            seen.missed(&text, by);
        }
    }

    /// A process is about to write at that path.
    pub(super) fn wrote(&mut self, view: &View, start: &Start, path: &[u8]) {
        if let Some(seen) = self.seen.as_mut().filter(|seen| seen.watches())
            && let Some(text) = plain(view, start, path)
        {
            seen.wrote(&text);
        }
    }

    /// A process that has become that user is about to start the program of that path.
    pub(super) fn starts_as(&mut self, user: u32, path: &[u8], by: &[u8]) {
        if let Some(seen) = &mut self.seen {
            seen.starts_as(user, path, by);
        }
    }

    /// A process that looks accounts up has that user and that group from here on.
    pub(super) fn became(&mut self, user: Option<u32>, group: Option<u32>, by: &[u8]) {
        if let Some(seen) = &mut self.seen {
            let ids = user.map(Account::User).into_iter().chain(group.map(Account::Group));
            seen.became(ids, by);
        }
    }

    /// A process was refused what it asked for.
    pub(super) fn denied(&mut self, entry: Id, by: &[u8]) {
        if let Some(seen) = &mut self.seen {
            seen.denied(entry, by);
        }
    }

    /// A process has opened or started a file: `link` leads to it, by that name if it still has one.
    pub(super) fn opened(&mut self, link: &[u8], name: Option<Vec<u8>>, foreign: bool, use_: (How, &[u8])) {
        let (how, by) = use_;
        // Asked of the link: a name may lead to another file, or nowhere, at any moment.
        let is = seen::stat(link).ok();
        let named =
            name.filter(|name| trail::inode(name).is_some_and(|inode| is.map(|is| Inode::of(&is)) == Some(inode)));
        let end = Some(named.unwrap_or_else(|| link.to_vec()));
        self.came(Trail { end, ..Trail::default() }, is, foreign, how, by);
    }

    fn came(&mut self, trail: Trail, is: Option<Statx>, foreign: bool, how: How, by: &[u8]) {
        // What /proc shows of a process is gone with it.
        if self.reads() && !foreign && trail.is_by_name() {
            self.trails.push((trail, how, by.to_vec()));
        } else if let Some(seen) = self.whole() {
            seen.trail(&trail, is, foreign, how, by);
        }
    }

    fn reads(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| !walk.is_finished())
    }

    /// Everything that was used.
    ///
    /// # Errors
    /// Why the tree could not be read.
    pub(crate) fn finish(mut self) -> Result<Seen<'a>> {
        self.whole();
        self.seen.ok_or_else(|| anyhow!(self.error.unwrap_or_default()))
    }
}
