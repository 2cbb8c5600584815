//! The traces of a check in the tree: new entries, which harden removes, and changed entries, which it cannot restore.
//!
//! Times of inodes (ctime, inode(7)) tell of every write, and on overlayfs of every file that was only opened for
//! writing, since that copies it up into the layer. A check may write in directories, and entrypoints change their
//! owners: harden restores their owners, modes, times, extended attributes and flags. It does not look into mounts.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::root::extras::Extras;
use crate::root::{Error, Root};
use crate::tree::{Attributes, Id, Tree};

/// The difference between two trees of one root.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Paths that differ or are gone, sorted as the tree is.
    pub(super) changed: Vec<Vec<u8>>,
    /// Entries of the later tree that are new, without what lies below them.
    created: Vec<Id>,
    /// Directories, by their number in the earlier and the later tree, whose time differs or is about to.
    touched: BTreeSet<(Id, Id)>,
    /// Directories whose owner or mode differs, by the same numbers.
    handed_over: Vec<(Id, Id)>,
    /// Directories whose inode was written to in any way, by the same numbers.
    written: Vec<(Id, Id)>,
}

/// What differs between a tree before and after.
pub(super) fn compare(before: &Tree, after: &Tree) -> Traces {
    let mut traces = Traces::default();
    let mut todo = vec![(Id::ROOT, Id::ROOT)];
    while let Some((old, new)) = todo.pop() {
        let (was, is) = (before.meta(old), after.meta(new));
        if (was.device, was.ino, was.ctime) != (is.device, is.ino, is.ctime) {
            traces.written.push((old, new));
        }
        if (was.mode, was.uid, was.gid) != (is.mode, is.uid, is.gid) {
            traces.handed_over.push((old, new));
        }
        if (was.mtime, was.mtime_nsec) != (is.mtime, is.mtime_nsec) {
            traces.touched.insert((old, new));
        }
        let mut olds = before.children(old).peekable();
        let mut news = after.children(new).peekable();
        let mut below = Vec::new();
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(&a), Some(&b)) => before.name(a).cmp(after.name(b)),
            };
            let a = if order.is_le() { olds.next() } else { None };
            let b = if order.is_ge() { news.next() } else { None };
            match (a, b) {
                (Some(a), Some(b)) if before.meta(a).mount && after.meta(b).mount => {}
                (Some(a), Some(b)) if before.is_dir(a) && after.is_dir(b) => below.push((a, b)),
                (Some(a), Some(b)) => {
                    if !is_same(before, a, after, b) {
                        traces.changed.push(before.path(a));
                    }
                }
                (Some(a), None) => traces.changed.push(before.path(a)),
                (None, Some(b)) => {
                    traces.created.push(b);
                    traces.touched.insert((old, new));
                }
                (None, None) => {}
            }
        }
        todo.extend(below.into_iter().rev());
    }
    traces
}

/// Whether an entry that is no directory is what it was.
fn is_same(before: &Tree, old: Id, after: &Tree, new: Id) -> bool {
    let (a, b) = (before.meta(old), after.meta(new));
    (a.mode, a.uid, a.gid, a.nlink, a.size) == (b.mode, b.uid, b.gid, b.nlink, b.size)
        && (a.device, a.ino) == (b.device, b.ino)
        && (a.mtime, a.mtime_nsec, a.ctime) == (b.mtime, b.mtime_nsec, b.ctime)
        && before.link_target(old) == after.link_target(new)
}

impl Traces {
    /// Remove what is new, and give directories the owners, modes, attributes and times back that they had; `extras` has those
    /// directories of the earlier tree that a check can give others.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn remove(
        &self,
        root: &Root,
        before: &Tree,
        after: &Tree,
        extras: &BTreeMap<Id, Extras>,
    ) -> Result<(), Error> {
        for &top in &self.created {
            // Children come after their parents in the tree's order, so the reverse is leaf first.
            let below: Vec<Id> = after.subtree(top).collect();
            for &id in below.iter().rev() {
                root.remove(after, id)?;
            }
        }
        for (old, new) in &self.written {
            if let Some(had) = extras.get(old) {
                root.restore_extras(after, *new, had)?;
            }
        }
        // The bits of an access list are those of the mode.
        for &(old, new) in &self.handed_over {
            let meta = before.meta(old);
            let attributes = Attributes::new((meta.uid, meta.gid), before.permissions(old));
            root.set_attributes(after, new, attributes)?;
        }
        for &(old, new) in &self.touched {
            let meta = before.meta(old);
            root.set_directory_time(after, new, (meta.mtime, meta.mtime_nsec))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::Path;

    use super::compare;
    use crate::root::Root;

    /// A small tree, what `act` does to it, and the changed paths that are found; what is new is gone afterwards.
    fn changed(act: impl FnOnce(&Path)) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        fs::create_dir_all(at.join("etc/sub")).unwrap();
        fs::create_dir(at.join("tmp")).unwrap();
        fs::write(at.join("etc/a"), "a").unwrap();
        fs::write(at.join("etc/sub/b"), "b").unwrap();
        symlink("a", at.join("etc/link")).unwrap();
        let time = |name: &str| fs::metadata(at.join(name)).map(|meta| (meta.mtime(), meta.mtime_nsec())).unwrap();
        let times = ["", "etc", "etc/sub", "tmp"].map(time);
        let root = Root::open(at.to_str().unwrap().as_bytes()).unwrap();
        let before = root.walk().unwrap();
        // The clock of inodes ticks every 10 ms at the slowest.
        std::thread::sleep(std::time::Duration::from_millis(20));
        act(at);
        let after = root.walk().unwrap();
        let traces = compare(&before, &after);
        traces.remove(&root, &before, &after, &BTreeMap::new()).unwrap();
        assert_eq!(["", "etc", "etc/sub", "tmp"].map(time), times, "times of directories");
        let left = compare(&before, &root.walk().unwrap());
        assert!(left.created.is_empty(), "something new is left");
        assert!(left.handed_over.is_empty(), "a directory has another owner or mode");
        traces.changed.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn what_is_new_goes_and_is_no_change() {
        let none = Vec::<String>::new();
        assert_eq!(changed(|_| {}), none);
        let made = |at: &Path| {
            fs::create_dir_all(at.join("tmp/x/y")).unwrap();
            fs::write(at.join("tmp/x/y/z"), "").unwrap();
            symlink("/nowhere", at.join("tmp/x/link")).unwrap();
            fs::write(at.join("etc/sub/new"), "").unwrap();
            fs::write(at.join("etc/sub/short-lived"), "").unwrap();
            fs::remove_file(at.join("etc/sub/short-lived")).unwrap();
            fs::read(at.join("etc/a")).unwrap();
            fs::set_permissions(at.join("etc/sub"), fs::Permissions::from_mode(0o2700)).unwrap();
        };
        assert_eq!(changed(made), none);
    }

    #[test]
    fn every_kind_of_change_is_found() {
        let append = |at: &Path| fs::write(at.join("etc/a"), "ab").unwrap();
        assert_eq!(changed(append), ["/etc/a"]);
        let same_size_and_time = |at: &Path| {
            let file = fs::File::options().write(true).open(at.join("etc/a")).unwrap();
            let time = file.metadata().unwrap().modified().unwrap();
            std::io::Write::write_all(&mut &file, b"x").unwrap();
            file.set_modified(time).unwrap();
        };
        assert_eq!(changed(same_size_and_time), ["/etc/a"]);
        let replaced = |at: &Path| {
            fs::write(at.join("tmp/a"), "a").unwrap();
            fs::rename(at.join("tmp/a"), at.join("etc/a")).unwrap();
        };
        assert_eq!(changed(replaced), ["/etc/a"]);
        assert_eq!(changed(|at| fs::remove_file(at.join("etc/sub/b")).unwrap()), ["/etc/sub/b"]);
        let mode = |name: &'static str| {
            move |at: &Path| fs::set_permissions(at.join(name), fs::Permissions::from_mode(0o700)).unwrap()
        };
        assert_eq!(changed(mode("etc/a")), ["/etc/a"]);
        let linked = |at: &Path| {
            fs::remove_file(at.join("etc/link")).unwrap();
            symlink("b", at.join("etc/link")).unwrap();
        };
        assert_eq!(changed(linked), ["/etc/link"]);
    }
}
