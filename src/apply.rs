//! Runs a plan on a root, one step after the other, and stops at the first that fails.
//!
//! Each step re-checks the entry it changes. Directories get their old times back at the end, also after a failure, so
//! that a layer holds no directory for its time alone. First this module removes the leftovers of a killed run, and
//! restores the times that it recorded.

use std::collections::BTreeSet;

use crate::console::progress::{Progress, Unit};
use crate::diag::{Diagnostic, codes};
use crate::draft::{Change, New, Written};
use crate::plan::Step;
use crate::plan::times::{Times, nearest};
use crate::root::edit::State;
use crate::root::{Cause, Error, Root};
use crate::stop::Stop;
use crate::tree::set::IdSet;
use crate::tree::{Attributes, Id, Tree};

/// What became of the steps.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Steps carried out.
    pub done: usize,
    /// Why the next one failed; the rest was not tried.
    pub failure: Option<Error>,
    /// The signal that ended the run before the next one.
    pub stopped: Option<&'static str>,
}

impl Outcome {
    /// Why not everything is done, as a whole message.
    #[must_use]
    pub(crate) fn reason(&self) -> Option<Diagnostic> {
        let failed = self.failure.as_ref().map(|error| Diagnostic::new(codes::STEP, error.to_string()));
        let stopped = |signal| Diagnostic::new(codes::STOPPED, format!("stopped by {signal} between two changes"));
        failed.or_else(|| self.stopped.map(stopped))
    }
}

/// Carry out `steps` in order, until `stop` asks for an end. `epoch` is SOURCE_DATE_EPOCH, in seconds, when it is set
/// (reproducible-builds.org/specs/source-date-epoch).
pub(crate) fn apply(root: &Root, tree: &Tree, steps: &[Step], epoch: Option<i64>, stop: &Stop) -> Outcome {
    let going = steps.iter().filter_map(Step::removed);
    let mut run = Run {
        root,
        tree,
        times: Times { tree, epoch },
        touched: tree.killed().remembered.iter().copied().collect(),
        above: root.is_fuse(),
        going: going.collect(),
        removed: IdSet::default(),
        created: Vec::new(),
    };
    let mut outcome = Outcome::default();
    let progress = Progress::new("changing", Unit::Things("entries"), Some(steps.len() as u64));
    let result = run.clean().and_then(|()| {
        for step in steps {
            outcome.stopped = stop.asked();
            if outcome.stopped.is_some() {
                break;
            }
            run.step(step)?;
            outcome.done += 1;
            progress.advance(1);
        }
        Ok(())
    });
    // A database that is still to be written says of these directories what is not in them any more.
    let removed = !run.removed.is_empty() || !tree.killed().remembered.is_empty();
    let open = steps.iter().skip(outcome.done).any(|step| matches!(step, Step::Change(_, Change::Rewrite(..))));
    let ended = result.is_err() || outcome.stopped.is_some();
    let restored = run.restore_times(ended && removed && open);
    outcome.failure = result.and(restored).err();
    outcome
}

/// Look at everything that the steps changed, and compare it with what they ask for.
///
/// # Errors
/// The first entry that is not as planned, or cannot be looked at.
pub(crate) fn check(root: &Root, tree: &Tree, steps: &[Step]) -> Result<(), Error> {
    let mut removed = IdSet::default();
    for step in steps {
        let now = || match step {
            Step::Change(id, _) => root.state(tree, *id),
            Step::Create(creation) => root.state_of_new(tree, &creation.path),
        };
        let right = match step {
            Step::Change(id, Change::Remove) => {
                removed.insert(*id);
                continue;
            }
            Step::Change(_, Change::HardLink(of)) => {
                let now = now()?;
                now.is_some() && now == root.state(tree, *of)?
            }
            Step::Change(id, Change::Attributes(wanted) | Change::AttributesOfCopy(wanted)) => {
                is_as_planned(now()?, tree.is_link(*id), *wanted, None)
            }
            Step::Change(_, Change::Rewrite(new)) => is_as_written(now()?, new),
            Step::Create(creation) => match &creation.new {
                New::File(new) => is_as_written(now()?, new),
                New::Directory(wanted) => is_as_planned(now()?, false, *wanted, None),
            },
        };
        if !right {
            return Err(unconfirmed(step.path(tree)));
        }
    }
    // One look at each directory that lost something and stays tells of all its entries, and of all below them.
    let parents: BTreeSet<Id> = BTreeSet::from_iter(
        tree.ids().filter(|&id| removed.contains(id)).map(|id| tree.parent(id)).filter(|&id| !removed.contains(id)),
    );
    for parent in parents {
        if let Some(left) = root.still_holds(tree, parent, &removed)? {
            return Err(unconfirmed(tree.path(left)));
        }
    }
    Ok(())
}

/// Whether a file has the attributes and the size of what was written.
fn is_as_written(now: Option<State>, new: &Written) -> bool {
    is_as_planned(now, false, new.attributes, Some(new.content.len()))
}

/// Whether an entry has these attributes, and this size where one is given. A link has no mode of its own.
fn is_as_planned(now: Option<State>, link: bool, wanted: Attributes, size: Option<usize>) -> bool {
    now.is_some_and(|now| {
        now.owner == wanted.owner
            && (link || now.mode == wanted.mode())
            && size.is_none_or(|size| now.size == size as u64)
    })
}

fn unconfirmed(path: Vec<u8>) -> Error {
    Error { action: "cannot confirm the change of", path, cause: Cause::NotAsPlanned }
}

struct Run<'a> {
    root: &'a Root,
    tree: &'a Tree,
    times: Times<'a>,
    /// Directories whose entries changed, or that a killed run changed.
    touched: BTreeSet<Id>,
    /// A change of an entry changes the times of all directories above it.
    above: bool,
    /// Everything that the steps remove: the times of such directories need not outlast a kill.
    going: IdSet,
    removed: IdSet,
    /// Directories made by this run, parents first.
    created: Vec<Vec<u8>>,
}

impl Run<'_> {
    /// Take away what a killed run was about to put into a place.
    fn clean(&mut self) -> Result<(), Error> {
        for (directory, name) in &self.tree.killed().leftovers {
            self.touch(*directory)?;
            self.root.remove_leftover(self.tree, *directory, name)?;
        }
        Ok(())
    }

    /// Called before the entries of a directory change. The root's mark tells a later run that there may be others.
    fn touch(&mut self, directory: Id) -> Result<(), Error> {
        if self.touched.contains(&directory) {
            return Ok(());
        }
        let mut all = vec![directory];
        if self.above {
            // To remember its time is a change, too: those above come first.
            all.extend(self.tree.ancestors(directory).skip(1));
        } else if directory != Id::ROOT {
            all.push(Id::ROOT);
        }
        for at in all.into_iter().rev() {
            if self.touched.insert(at) && !self.going.contains(at) {
                self.root.remember_time(self.tree, at)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), Error> {
        let (root, tree) = (self.root, self.tree);
        match step {
            Step::Change(id, Change::Attributes(wanted)) => {
                if self.above {
                    self.touch(tree.parent(*id))?;
                }
                root.set_attributes(tree, *id, *wanted)
            }
            Step::Change(id, Change::AttributesOfCopy(wanted)) => {
                self.touch(tree.parent(*id))?;
                root.replace_by_copy(tree, *id, *wanted)
            }
            Step::Change(id, Change::Rewrite(new)) => {
                self.touch(tree.parent(*id))?;
                root.replace(tree, *id, &new.content, new.attributes, self.times.rewritten(*id))
            }
            Step::Change(id, Change::HardLink(of)) => {
                self.touch(tree.parent(*id))?;
                root.link_over(tree, *id, *of)
            }
            Step::Change(id, Change::Remove) => {
                self.touch(tree.parent(*id))?;
                root.remove(tree, *id)?;
                self.removed.insert(*id);
                Ok(())
            }
            Step::Create(creation) => {
                let path = &creation.path;
                let parent = nearest(tree, path);
                self.touch(parent)?;
                match &creation.new {
                    New::File(new) => {
                        root.create_file(tree, path, &new.content, new.attributes, self.times.of_new(parent))
                    }
                    New::Directory(wanted) => {
                        root.create_directory(tree, path, *wanted, self.times.of_new(parent))?;
                        self.created.push(path.clone());
                        Ok(())
                    }
                }
            }
        }
    }

    /// Every directory gets its time back, whatever becomes of the others; the root's mark goes last, and only when no
    /// other can be left. `marked` leaves the marks for a later run.
    fn restore_times(&self, marked: bool) -> Result<(), Error> {
        let (root, tree) = (self.root, self.tree);
        let restore = |id: Id| {
            let meta = tree.meta(id);
            if marked {
                return root.set_directory_time(tree, id, (meta.mtime, meta.mtime_nsec));
            }
            root.restore_time(tree, id)
        };
        let created =
            self.created.iter().rev().map(|path| root.stamp_new(tree, path, self.times.of_new(nearest(tree, path))));
        let touched = self.touched.iter().filter(|&&id| id != Id::ROOT && !self.removed.contains(id));
        let restored = created.chain(touched.map(|&id| restore(id)));
        // All of them are tried before the first error is answered.
        let errors: Vec<Error> = restored.filter_map(Result::err).collect();
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None if self.touched.contains(&Id::ROOT) => restore(Id::ROOT),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::{apply, check};
    use crate::draft::{Change, New, Written};
    use crate::plan::{Creation, Step};
    use crate::root::Root;
    use crate::stop::Stop;
    use crate::tree::Attributes;

    #[test]
    fn what_was_not_done_is_not_confirmed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["gone", "kept"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let root = Root::open(dir.path().to_str().unwrap().as_bytes()).unwrap();
        let tree = root.walk().unwrap();
        let (gone, kept) = (tree.lookup(b"/gone").unwrap(), tree.lookup(b"/kept").unwrap());
        let meta = tree.meta(kept);
        let wanted = Attributes::new((meta.uid, meta.gid), 0o400);
        let steps = [
            Step::Change(kept, Change::Attributes(wanted)),
            Step::Create(Box::new(Creation {
                path: b"/new".to_vec(),
                new: New::File(Written { attributes: wanted, content: Box::from(&b"y"[..]) }),
            })),
            Step::Change(gone, Change::Remove),
        ];
        for step in &steps {
            let one = std::slice::from_ref(step);
            assert!(check(&root, &tree, one).unwrap_err().to_string().contains("cannot confirm"));
            assert_eq!(apply(&root, &tree, one, None, &Stop::never()).reason(), None);
            check(&root, &tree, one).unwrap();
        }
        check(&root, &tree, &steps).unwrap();
    }
}
