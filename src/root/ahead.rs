//! Directories read ahead of the walk by other threads.
//!
//! The walk puts every entry into the tree itself, in its own order, and says which directories come next. Helpers read
//! those into [`Listing`]s. They begin at the other end, with the directories that the walk needs last, and go on with
//! the directories in those: the walk and the helpers meet in the middle. In a tree too large for that they read the
//! next directories. The walk itself reads directories that a helper could not read, or found too large: the tree and
//! the error are the same for any number and timing of threads.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

use rustix::process::Resource;

use super::walk::{BUFFER, Look};
use super::{calls, edit, times};
use crate::tree::{Id, Meta, Time};

/// Most threads of a walk, the walk's own included.
const THREADS: usize = 8;

/// Directories of one level that are read ahead, and of all levels that hold a descriptor: its parent's until it is read,
/// and its own until the walk takes it where anything in it is opened or asked by name.
const LEVEL: usize = 64;
const ALL: usize = 512;

/// So many before the walk's next directory one is read when no more may wait for the walk from the other end.
const NEAR: usize = 16;

/// Descriptors that are left to the walk and everything else.
const SPARED: usize = 128;

/// Bytes of one directory: a larger one is the walk's own, entry by entry. Of all that wait for the walk: while there are
/// so many, nothing more is read ahead. And of those that the walk needs last: a helper reads more than half of a tree
/// of a usual size, since the walk has to put every entry into its place. The memory of a walk is the tree's.
const DIRECTORY: usize = 128 * 1024;
const HELD: usize = 2 * 1024 * 1024;
const FAR: usize = HELD / 4 * 3;

/// Fewer waiting directories are read sooner by the walk itself than a thread wakes up.
const WORTH_WAKING: usize = 4;

/// Stack of a helper: a few calls deep, and no buffer of more than a page on it.
const STACK: usize = 128 * 1024;

/// The number of a directory that is read ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// A directory that the walk has still to descend into, and its number when it is read ahead.
pub(super) type Todo = (Id, Option<Ticket>);

/// A directory to read.
pub(super) struct Job {
    pub name: Vec<u8>,
    pub parent: Arc<OwnedFd>,
    /// What was seen in its place.
    pub seen: Meta,
}

/// A directory that was read.
pub(super) struct Listing {
    /// `None` where nothing in it is opened or asked by name any more.
    pub fd: Option<Arc<OwnedFd>>,
    /// Its entries have been asked for their capabilities.
    pub asked: bool,
    /// The time that a killed run left with it.
    pub remembered: Option<Time>,
    /// What was seen in its place.
    seen: Meta,
    /// Names, each with the target of its link behind it.
    names: Box<[u8]>,
    entries: Box<[Entry]>,
    /// The first number of those directories in it that are read ahead, and how many they are.
    within: (u64, usize),
}

/// Where a helper reads directories into. It is used again: memory that one thread gives back to the kernel costs every
/// other an interrupt.
#[derive(Default)]
struct Scratch {
    /// The thread has a current directory of its own: capabilities are asked for by name in it.
    asks: bool,
    buffer: Vec<u8>,
    names: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    meta: Meta,
    /// Where its name begins; its target stands behind it.
    at: u32,
    name: u16,
    target: Option<u16>,
    leftover: bool,
}

impl Entry {
    fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        let rest = names.get(self.at as usize..).unwrap_or_default();
        rest.get(..usize::from(self.name)).unwrap_or_default()
    }

    fn target<'a>(&self, names: &'a [u8]) -> Option<&'a [u8]> {
        let first = self.at as usize + usize::from(self.name);
        names.get(first..first + usize::from(self.target?))
    }

    /// Whether the walk descends into it.
    fn is_directory(&self) -> bool {
        self.meta.mode & 0o170_000 == 0o040_000 && !self.meta.mount && !self.leftover
    }

    /// Whether the walk needs the directory that it lies in; `asked`: not for its capabilities.
    fn needs_directory(&self, look: Look, asked: bool) -> bool {
        self.is_directory() || !asked && !self.leftover && look.asks(&self.meta)
    }
}

impl Listing {
    /// Bytes that it holds.
    fn size(&self) -> usize {
        size_of::<Self>() + self.names.len() + size_of_val(&*self.entries)
    }

    /// Every entry as the walk would have found it: name, attributes, target, whether a killed run left it.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], Meta, Option<&[u8]>, bool)> {
        let names = &*self.names;
        self.entries.iter().map(move |entry| (entry.name(names), entry.meta, entry.target(names), entry.leftover))
    }

    /// The numbers of its directories, in the order of their names: the first ones are read ahead.
    pub(super) fn tickets(&self) -> impl Iterator<Item = Option<Ticket>> + use<> {
        let (first, count) = self.within;
        (first..).take(count).map(|number| Some(Ticket(number))).chain(std::iter::repeat(None))
    }

    /// How many of them are read ahead.
    pub(super) fn ahead(&self) -> usize {
        self.within.1
    }
}

/// The walk is over when this goes, whichever way: the helpers end, and their scope with them.
pub(super) struct End<'a>(pub &'a Ahead);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.work.notify_all();
    }
}

/// What the threads of a walk share.
pub(super) struct Ahead {
    state: Mutex<State>,
    /// There is a directory to read, or nothing will come any more.
    work: Condvar,
    look: Look,
    /// Most helpers.
    helpers: usize,
    /// Most directories that are read ahead.
    most: usize,
}

#[derive(Default)]
struct State {
    /// The next one last.
    waiting: VecDeque<(Ticket, Job)>,
    claimed: Vec<Ticket>,
    /// `None`: the walk has to read it.
    finished: Vec<(Ticket, Option<Listing>)>,
    /// Those of them that count among [`ALL`].
    open: usize,
    /// The next number.
    next: u64,
    /// Bytes of the finished ones.
    held: usize,
    helpers: usize,
    idle: usize,
    ended: bool,
}

impl State {
    /// Put a directory where it is read before those that wait: behind them when it is needed before them.
    fn wait(&mut self, job: Job, before: bool) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        if before {
            self.waiting.push_front((ticket, job))
        } else {
            self.waiting.push_back((ticket, job))
        }
        ticket
    }

    /// A directory was read; `within`: the first ones of its directories, for as long as there is room for so many.
    fn finish(&mut self, ticket: Ticket, listing: Option<Listing>, within: Vec<Job>, room: usize) {
        let Some(at) = self.claimed.iter().position(|&claimed| claimed == ticket) else {
            // The walk was faster.
            return;
        };
        self.claimed.swap_remove(at);
        let listing = listing.map(|listing| {
            let count = room.saturating_sub(self.known()).min(within.len());
            let first = self.next;
            for job in within.into_iter().take(count) {
                self.wait(job, true);
            }
            self.held += listing.size();
            Listing { within: (first, count), ..listing }
        });
        self.open += usize::from(counts(listing.as_ref()));
        self.finished.push((ticket, listing));
    }

    /// The directory that the walk needs last, and then those in it, as long as they may wait so long: it comes from the
    /// other end. Else, with `false`, one of those that it needs soon.
    fn claim(&mut self) -> Option<(Ticket, Job, bool)> {
        let far = self.held < FAR;
        if self.held >= HELD {
            return None;
        }
        let at = if far { 0 } else { self.waiting.len().saturating_sub(NEAR) };
        let (ticket, job) = self.waiting.remove(at)?;
        self.claimed.push(ticket);
        Some((ticket, job, far))
    }

    /// Directories that were offered and not taken, but those that hold no descriptor any more.
    fn known(&self) -> usize {
        self.waiting.len() + self.claimed.len() + self.open
    }
}

/// Whether what became of a directory counts among [`ALL`].
fn counts(finished: Option<&Listing>) -> bool {
    finished.is_none_or(|listing| listing.fd.is_some())
}

impl Ahead {
    /// For a walk of `root` on so many processors.
    pub(super) fn new(root: BorrowedFd<'_>, look: Look, processors: usize) -> Self {
        let helpers = processors.min(THREADS).saturating_sub(1);
        let files = rustix::process::getrlimit(Resource::Nofile)
            .current
            .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
        let most = ALL.min(files.saturating_sub(SPARED) / 2);
        if helpers > 0 {
            // The table of descriptors grows while there is one thread: later the kernel waits for all processors each time.
            drop(rustix::io::fcntl_dupfd_cloexec(root, i32::try_from(most * 2).unwrap_or(i32::MAX)));
        }
        Self { state: Mutex::default(), work: Condvar::new(), look, helpers, most }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Have the children `todo` of one directory read, the next one last; `ahead` of them are known already. Returns how
    /// many are known now.
    pub(super) fn offer<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        todo: &mut [Todo],
        ahead: usize,
        job: &dyn Fn(Id) -> Job,
    ) -> usize {
        // Some at a time: a lock for each would cost as much as it saves.
        if self.helpers == 0 || ahead > LEVEL / 2 || ahead >= todo.len() {
            return ahead;
        }
        let mut state = self.lock();
        let count = (LEVEL - ahead).min(self.most.saturating_sub(state.known())).min(todo.len() - ahead);
        let end = todo.len() - ahead;
        let new = todo.get_mut(end - count..end).unwrap_or_default();
        let mut wait = |(id, ticket): &mut Todo, before| *ticket = Some(state.wait(job(*id), before));
        if ahead == 0 {
            new.iter_mut().for_each(|todo| wait(todo, false));
        } else {
            // Behind those that are known.
            new.iter_mut().rev().for_each(|todo| wait(todo, true));
        }
        if state.waiting.len() >= WORTH_WAKING && state.held < HELD {
            if state.idle > 0 {
                self.work.notify_one();
            } else if state.helpers < self.helpers {
                let builder = Builder::new().stack_size(STACK);
                // No thread to be had: the walk does without.
                state.helpers = match builder.spawn_scoped(scope, || self.help()) {
                    Ok(_) => state.helpers + 1,
                    Err(_) => self.helpers,
                };
            }
        }
        ahead + count
    }

    /// What was read of a directory that was offered; `None` when the walk has to read it, or has seen another one in its
    /// place.
    pub(super) fn take(&self, ticket: Ticket, seen: &Meta) -> Option<Listing> {
        let mut state = self.lock();
        // What was read last is mostly needed first.
        if let Some(at) = state.finished.iter().rposition(|(finished, _)| *finished == ticket) {
            let (_, found) = state.finished.remove(at);
            state.held -= found.as_ref().map_or(0, Listing::size);
            state.open -= usize::from(counts(found.as_ref()));
            return found.filter(|found| (found.seen.ino, found.seen.device) == (seen.ino, seen.device));
        }
        // Never wait: a helper may have lost its processor to another program.
        state.claimed.retain(|&claimed| claimed != ticket);
        if let Some(at) = state.waiting.iter().rposition(|(waiting, _)| *waiting == ticket) {
            drop(state.waiting.remove(at));
        }
        None
    }

    fn help(&self) {
        let asks = self.look.asks_any() && calls::has_own_directory();
        let mut scratch = Scratch { asks, buffer: Vec::with_capacity(BUFFER), ..Scratch::default() };
        let mut state = self.lock();
        while !state.ended {
            let Some((ticket, job, far)) = state.claim() else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            if state.idle > 0 && state.waiting.len() >= WORTH_WAKING {
                self.work.notify_one();
            }
            drop(state);
            let listing = self.read(&job, &mut scratch);
            let within = listing.as_ref().filter(|_| far).map(within).unwrap_or_default();
            state = self.lock();
            // The rest is for what the walk comes across itself.
            state.finish(ticket, listing, within, self.most * 3 / 4);
        }
    }

    /// Read one directory as the walk does; `None` when anything is wrong with it.
    fn read(&self, job: &Job, Scratch { asks, buffer, names, entries }: &mut Scratch) -> Option<Listing> {
        let fd = edit::open_dir(job.parent.as_fd(), &job.name).ok()?;
        if !self.look.is_seen(&fd, &job.seen).ok()? {
            return None;
        }
        let remembered = if self.look.killed { times::remembered(fd.as_fd()).ok()? } else { None };
        names.clear();
        entries.clear();
        let (mut whole, mut here, asked) = (true, false, *asks);
        let read = self.look.read(fd.as_fd(), &[], buffer, &mut |name, mut meta, target, leftover| {
            meta.capability = asked && !leftover && self.look.capability(fd.as_fd(), &mut here, name, &meta)?;
            let text = |text: &[u8]| u16::try_from(text.len()).ok();
            let at = u32::try_from(names.len()).ok();
            let (Some(at), Some(len), target_len) = (at, text(name), target.map(text)) else {
                whole = false;
                return Ok(false);
            };
            names.extend_from_slice(name);
            names.extend_from_slice(target.unwrap_or_default());
            entries.push(Entry { meta, at, name: len, target: target_len.flatten(), leftover });
            whole = target_len != Some(None) && names.len() + entries.len() * size_of::<Entry>() < DIRECTORY;
            Ok(whole)
        });
        read.ok().filter(|()| whole)?;
        let fd = entries.iter().any(|entry| entry.needs_directory(self.look, asked)).then(|| Arc::new(fd));
        let (names, entries) = (names.as_slice().into(), entries.as_slice().into());
        Some(Listing { fd, asked, remembered, seen: job.seen, names, entries, within: (0, 0) })
    }
}

/// The first directories of a listing, by name.
fn within(listing: &Listing) -> Vec<Job> {
    let Some(fd) = &listing.fd else { return Vec::new() };
    let names = &*listing.names;
    let mut directories: Vec<&Entry> = listing.entries.iter().filter(|entry| entry.is_directory()).collect();
    directories.sort_unstable_by_key(|entry| entry.name(names));
    let job = |entry: &Entry| Job { name: entry.name(names).to_vec(), parent: Arc::clone(fd), seen: entry.meta };
    directories.into_iter().take(LEVEL).map(job).collect()
}
