//! The times of the entries that a plan writes: two builds of one input give the same layer.

use crate::tree::{Id, Time, Tree};

/// Which time an entry gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times<'a> {
    /// The root as it was.
    pub tree: &'a Tree,
    /// SOURCE_DATE_EPOCH in seconds (reproducible-builds.org/specs/source-date-epoch).
    pub epoch: Option<i64>,
}

impl Times<'_> {
    /// A rewritten file is one second younger than it was: builders that compare only size and time would otherwise
    /// drop the change (vfs driver, rootless non-native diff).
    pub(crate) fn rewritten(&self, id: Id) -> Time {
        let meta = self.tree.meta(id);
        match self.epoch {
            Some(epoch) if epoch != meta.mtime => (epoch, 0),
            _ => (meta.mtime.saturating_add(1), meta.mtime_nsec),
        }
    }

    /// Something new is as old as its parent; the builder stamps `/`, /etc and what it copies, so /usr stands in for the
    /// first two, and for any parent that is younger: two builds of one input must give the same layer.
    pub(crate) fn of_new(&self, parent: Id) -> Time {
        if let Some(epoch) = self.epoch {
            return (epoch, 0);
        }
        let stamped = parent == Id::ROOT || self.tree.path(parent) == b"/etc";
        let time = |id: Id| {
            let meta = self.tree.meta(id);
            (meta.mtime, meta.mtime_nsec)
        };
        match self.tree.lookup(b"/usr").map(time) {
            Some(usr) if stamped || usr < time(parent) => usr,
            _ => time(parent),
        }
    }
}

/// The deepest directory on the way to `path` that the walk saw.
pub(crate) fn nearest(tree: &Tree, path: &[u8]) -> Id {
    let mut at = Id::ROOT;
    for part in path.split(|&b| b == b'/').filter(|part| !part.is_empty()) {
        match tree.child(at, part) {
            Some(child) if tree.is_dir(child) => at = child,
            _ => break,
        }
    }
    at
}
