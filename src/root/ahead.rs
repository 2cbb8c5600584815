//! Directories read ahead of the walk by other threads.
//!
//! The walk puts every entry into the tree itself, in its own order, and says which directories come next. Helpers read
//! those into [`Listing`]s. What a helper could not read, or found too large, the walk reads itself: whatever the number
//! of threads and their luck, the tree and the error are the same.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

use rustix::process::Resource;

use super::walk::{BUFFER, Look};
use super::{edit, times};
use crate::tree::{Id, Meta, Time};

/// Most threads of a walk, the walk's own included.
const THREADS: usize = 8;

/// Directories of one level that are read ahead, and of all levels: each holds a descriptor until the walk takes it, and
/// its parent's until it is read.
const LEVEL: usize = 16;
const ALL: usize = 96;

/// Descriptors that are left to the walk and everything else.
const SPARED: usize = 128;

/// Bytes of one directory: a larger one is the walk's own, entry by entry. And of all that wait for the walk: while there
/// are so many, nothing more is read ahead. The memory of a walk is the tree's.
const DIRECTORY: usize = 128 * 1024;
const HELD: usize = 1024 * 1024;

/// Most memory of listings that is kept for the next ones, and bytes of each.
const SPARE: usize = 16;
const SPARE_SIZE: usize = 32 * 1024;

/// Fewer waiting directories are read sooner by the walk itself than a thread wakes up.
const WORTH_WAKING: usize = 4;

/// Stack of a helper: a few calls deep, and no buffer of more than a page on it.
const STACK: usize = 128 * 1024;

/// A directory to read.
pub(super) struct Job {
    pub id: Id,
    pub name: Vec<u8>,
    pub parent: Arc<OwnedFd>,
    /// What the walk saw in its place.
    pub seen: Meta,
}

/// A directory that was read.
pub(super) struct Listing {
    pub fd: OwnedFd,
    /// The time that a killed run left with it.
    pub remembered: Option<Time>,
    memory: Memory,
}

/// What a listing is made of. It is used again: memory that one thread frees costs every other an interrupt.
#[derive(Default)]
pub(super) struct Memory {
    names: Vec<u8>,
    entries: Vec<Entry>,
}

impl Memory {
    fn clear(&mut self) {
        self.names.clear();
        self.entries.clear();
    }

    /// Bytes that it holds.
    fn size(&self) -> usize {
        self.names.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Bytes that it takes.
    fn capacity(&self) -> usize {
        self.names.capacity() + self.entries.capacity() * size_of::<Entry>()
    }
}

struct Entry {
    meta: Meta,
    name: usize,
    target: Option<usize>,
    leftover: bool,
}

impl Listing {
    /// Its descriptor and its memory, when its entries are in the tree.
    pub(super) fn into_parts(self) -> (OwnedFd, Memory) {
        (self.fd, self.memory)
    }

    /// Every entry as the walk would have found it: name, attributes, target, whether a killed run left it.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], Meta, Option<&[u8]>, bool)> {
        let mut rest = &self.memory.names[..];
        let mut next = move |len: usize| {
            let (text, after) = rest.split_at_checked(len).unwrap_or_default();
            rest = after;
            text
        };
        self.memory.entries.iter().map(move |entry| {
            let name = next(entry.name);
            (name, entry.meta, entry.target.map(&mut next), entry.leftover)
        })
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
    waiting: Vec<Job>,
    claimed: Vec<Id>,
    /// `None`: the walk has to read it. Not more than [`ALL`].
    finished: Vec<(Id, Option<Listing>)>,
    /// Bytes of the finished ones.
    held: usize,
    /// Memory of listings that are in the tree, for the next ones.
    spare: Vec<Memory>,
    helpers: usize,
    idle: usize,
    ended: bool,
}

impl State {
    fn finish(&mut self, id: Id, listing: Option<Listing>) {
        let Some(at) = self.claimed.iter().position(|&claimed| claimed == id) else {
            // The walk was faster.
            return;
        };
        self.claimed.swap_remove(at);
        self.held += listing.as_ref().map_or(0, |listing| listing.memory.size());
        self.finished.push((id, listing));
    }

    /// The directory that the walk needs last: it comes from the other end, and is seldom at the same one.
    fn claim(&mut self) -> Option<Job> {
        if self.held >= HELD || self.waiting.is_empty() {
            return None;
        }
        let job = self.waiting.remove(0);
        self.claimed.push(job.id);
        Some(job)
    }

    /// Directories that were offered and not taken.
    fn known(&self) -> usize {
        self.waiting.len() + self.claimed.len() + self.finished.len()
    }
}

impl Ahead {
    /// For a walk on so many processors.
    pub(super) fn new(look: Look, processors: usize) -> Self {
        let helpers = processors.min(THREADS).saturating_sub(1);
        let files = rustix::process::getrlimit(Resource::Nofile)
            .current
            .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
        let most = ALL.min(files.saturating_sub(SPARED) / 2);
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
        todo: &[Id],
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
        let new = todo.get(end - count..end).unwrap_or_default();
        if ahead == 0 {
            state.waiting.extend(new.iter().map(|&id| job(id)));
        } else {
            // Behind those that are known.
            drop(state.waiting.splice(0..0, new.iter().map(|&id| job(id))));
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

    /// What was read of a directory that was offered; `None` when the walk has to read it. `spent` is the memory of the last
    /// one.
    pub(super) fn take(&self, id: Id, spent: &mut Memory) -> Option<Listing> {
        let mut state = self.lock();
        if (1..=SPARE_SIZE).contains(&spent.capacity()) && state.spare.len() < SPARE {
            state.spare.push(std::mem::take(spent));
        }
        if let Some(at) = state.finished.iter().position(|(finished, _)| *finished == id) {
            let (_, found) = state.finished.swap_remove(at);
            state.held -= found.as_ref().map_or(0, |listing| listing.memory.size());
            return found;
        }
        // Never wait: a helper may have lost its processor to another program.
        state.claimed.retain(|&claimed| claimed != id);
        state.waiting.retain(|job| job.id != id);
        None
    }

    fn help(&self) {
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut state = self.lock();
        while !state.ended {
            let Some(job) = state.claim() else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            if state.idle > 0 && state.waiting.len() >= WORTH_WAKING {
                self.work.notify_one();
            }
            let memory = state.spare.pop().unwrap_or_default();
            drop(state);
            let listing = self.read(&job, &mut buffer, memory);
            state = self.lock();
            state.finish(job.id, listing);
        }
    }

    /// Read one directory as the walk does; `None` when anything is wrong with it.
    fn read(&self, job: &Job, buffer: &mut Vec<u8>, mut memory: Memory) -> Option<Listing> {
        let fd = edit::open_dir(job.parent.as_fd(), &job.name).ok()?;
        if !self.look.is_seen(&fd, &job.seen).ok()? {
            return None;
        }
        let remembered = if self.look.killed { times::remembered(fd.as_fd()).ok()? } else { None };
        memory.clear();
        let mut whole = true;
        let Memory { names, entries } = &mut memory;
        let read = self.look.read(fd.as_fd(), &[], buffer, &mut |name, meta, target, leftover| {
            names.extend_from_slice(name);
            names.extend_from_slice(target.unwrap_or_default());
            entries.push(Entry { meta, name: name.len(), target: target.map(<[u8]>::len), leftover });
            whole = names.len() + entries.len() * size_of::<Entry>() < DIRECTORY;
            Ok(whole)
        });
        read.ok().filter(|()| whole)?;
        Some(Listing { fd, remembered, memory })
    }
}
