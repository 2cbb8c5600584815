//! The image as it was before CMD ran, read while CMD starts.
//!
//! Reading the tree takes longer than most programs take to start. It goes on beside CMD until CMD is about to change
//! which entries there are; that call waits for the end of the walk. Until then paths are only collected. Nothing here
//! knows what a path means: that is [`super::seen`]'s.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::thread::{self, JoinHandle};

use super::seen::{self, Seen, View};
use crate::root::Root;
use crate::tree::{Id, Tree};

/// A tree, and its directories that could not be read.
pub(super) type Walked = (Tree, BTreeSet<Id>);

/// Use of a path: the path, whether it was started, by which program.
type Use = (Vec<u8>, bool, Vec<u8>);

/// The image, and what was used of it.
pub(super) struct Image<'a> {
    tree: &'a OnceCell<Walked>,
    walk: Option<JoinHandle<Result<Walked, String>>>,
    /// Paths that are not the image's: this program, its file.
    own: Vec<Vec<u8>>,
    /// What was used before the tree was there.
    early: BTreeSet<Use>,
    seen: Option<Seen<'a>>,
    error: Option<String>,
}

impl<'a> Image<'a> {
    /// Begin to read the tree, which is put into `tree`. Signals have to be held back by now: a thread inherits that.
    pub(super) fn read(tree: &'a OnceCell<Walked>, own: Vec<Vec<u8>>) -> Self {
        let walk = thread::spawn(|| {
            let walked = Root::open(b"/").and_then(|root| root.walk_beside());
            let (tree, unread) = walked.map_err(|error| error.to_string())?;
            Ok((tree, unread.into_iter().map(|(directory, _)| directory).collect()))
        });
        Self { tree, walk: Some(walk), own, early: BTreeSet::new(), seen: None, error: None }
    }

    /// Wait for the whole tree; `None` when it could not be read.
    pub(super) fn whole(&mut self) -> Option<&mut Seen<'a>> {
        if let Some(walk) = self.walk.take() {
            match walk.join().unwrap_or_else(|_| Err("cannot examine '/'".to_owned())) {
                Ok(walked) => {
                    let (tree, closed) = self.tree.get_or_init(|| walked);
                    let mut seen = Seen::new(tree, closed, &self.own);
                    for (path, executed, by) in std::mem::take(&mut self.early) {
                        seen.path(&View::default(), &path, executed, &by);
                    }
                    self.seen = Some(seen);
                }
                Err(error) => self.error = Some(error),
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

    /// A program is about to use that absolute path.
    pub(super) fn used(&mut self, view: &View, path: &[u8], executed: bool, by: &[u8]) {
        if seen::is_uninteresting(path) {
            return;
        }
        let reads = self.walk.as_ref().is_some_and(|walk| !walk.is_finished());
        // What /proc shows of a process is gone with it.
        if reads && view.prefix.is_empty() && !path.starts_with(b"/proc/") {
            self.early.insert((path.to_vec(), executed, by.to_vec()));
        } else if let Some(seen) = self.whole() {
            seen.path(view, path, executed, by);
        }
    }

    /// Everything that was used.
    ///
    /// # Errors
    /// Why the tree could not be read.
    pub(super) fn finish(mut self) -> Result<Seen<'a>, String> {
        self.whole();
        self.seen.ok_or_else(|| self.error.unwrap_or_default())
    }
}
