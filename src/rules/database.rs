//! packages.database: the records by which scanners know what is installed.
//!
//! `keep` leaves every record as it is. `prune` reduces those of dpkg and apk to the remaining files, after every other
//! rule: see [`prune`]. `remove` takes the whole database, and says what that means.

mod alternatives;
mod apk;
mod blocks;
mod dpkg;
mod gone;
mod text;

pub(crate) use gone::{Gone, left_over};

use memchr::memmem;

use crate::draft::Draft;
use crate::facts::packages::{Locator, Manager};
use crate::policy::Database;
use crate::rules::context::Context;
use crate::rules::remove::paths;
use crate::tree::Id;
use crate::tree::set::IdSet;

/// Largest database file edited; facts read no larger one.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Apply the rule; records that follow what all other rules removed are [`prune`]'s.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if cx.policy.database == Database::Remove {
        paths::entries(&cx.facts.tree, draft, include_str!("database.txt"), "packages.database = \"remove\"");
        draft.warn(
            "packages.database = \"remove\": scanners will find no operating system packages in this image",
            "write database = \"keep\" unless that is intended",
        );
    }
}

/// Make the records of dpkg and apk say what is left. Call after everything that removes.
///
/// A package that lost its last file loses its record; a kept one loses the paths that this run removes. Paths that were
/// missing before stay, since the reason for it is unknown; only after a run that did not come to its end does what is
/// missing from the directories that it changed count as removed.
pub(crate) fn prune(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let packages = &cx.facts.packages;
    let gone = left_over(cx.facts, cx.contents, draft.removed());
    draft.database.packages = (packages.iter().count(), packages.iter().count());
    dpkg::prune(cx, draft, &gone);
    apk::prune(cx, draft, &gone);
    draft.database.gone.sort();
    let whole = [(Manager::Rpm, "rpm"), (Manager::Pacman, "pacman"), (Manager::Opkg, "opkg")];
    for (manager, name) in whole {
        let found = packages.unreadable.iter().any(|&(of, _)| of == manager)
            || packages.iter().any(|(_, package)| package.manager == manager);
        if found {
            draft.note(format!(
                "packages.database: the database of {name} stays unchanged, so scanners still list its removed packages"
            ));
        }
    }
}

/// Say why a database is left as it is.
fn stays_whole(draft: &mut Draft<'_>, name: &str, path: &[u8], why: &str) {
    let path = crate::diag::escape::quoted(path);
    draft.note(format!("packages.database: the database of {name} stays unchanged: {path} {why}"));
}

/// What goes with the packages besides records: their licences, and the directories that this empties.
fn finish(cx: &Context<'_>, draft: &mut Draft<'_>, gone: &Gone, manager: Manager) {
    let packages = &cx.facts.packages;
    let get = |index| packages.get(index).filter(|package| package.manager == manager);
    let lost: Vec<String> = gone.packages.iter().filter_map(|&index| get(index)).map(|it| it.name.clone()).collect();
    draft.database.packages.1 -= lost.len().min(draft.database.packages.1);
    draft.database.gone.extend(lost);
    let of_manager = |id: Id| packages.owner(id).is_some_and(|package| package.manager == manager);
    for &id in gone.licences.iter().filter(|&&id| of_manager(id)) {
        draft.remove(id, "its package has no other file left");
    }
}

/// How many records a text holds, by the beginning of a line that each has.
fn records(text: &[u8], first: &[u8]) -> String {
    let begins = |&at: &usize| at == 0 || text.get(at - 1) == Some(&b'\n');
    format!("{} packages", memmem::find_iter(text, first).filter(begins).count())
}

/// Which paths of records go.
struct Paths<'a> {
    removed: IdSet,
    /// Directories that a run changed which did not come to its end: what is not in them now is what it removed.
    changed: IdSet,
    locator: Locator<'a>,
}

impl<'a> Paths<'a> {
    fn new(cx: &Context<'a>, removed: &IdSet, gone: &Gone) -> Self {
        let tree = &cx.facts.tree;
        let changed = tree.killed().remembered.iter().copied().collect();
        let mut removed = removed.clone();
        removed.extend(gone.licences.iter().copied());
        Self { removed, changed, locator: Locator::new(tree) }
    }

    /// Whether a run did not come to its end, and this one takes it there.
    fn recovers(&self) -> bool {
        !self.changed.is_empty()
    }

    fn goes(&mut self, path: &[u8]) -> bool {
        match self.locator.find(path) {
            Ok(id) => self.removed.contains(id),
            Err(above) => self.recovers() && (self.changed.contains(above) || self.removed.contains(above)),
        }
    }

    fn is_there(&mut self, path: &[u8]) -> bool {
        self.locator.find(path).is_ok_and(|id| !self.removed.contains(id))
    }

    fn is_removed(&self, id: Id) -> bool {
        self.removed.contains(id)
    }

    /// Whether any of these entries goes, or may have gone before.
    fn touches(&self, mut files: impl Iterator<Item = Id>) -> bool {
        self.recovers() || files.any(|id| self.removed.contains(id))
    }
}
