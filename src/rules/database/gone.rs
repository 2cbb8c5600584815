//! Removed packages: the files in their records, compared with the remaining files.
//!
//! A package is removed with its last file. Its copyright file, or the link to that of another package, is kept for
//! scanners while the package is there and does not make it stay. A package that never had files, or only documentation
//! that is still there, stays.

use std::collections::BTreeSet;

use crate::facts::Facts;
use crate::facts::packages::dpkg::{sum_path, sums};
use crate::facts::packages::{Locator, Manager, Package, PackageIndex, Packages, is_left_out};
use crate::tree::contents::Contents;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

/// Largest md5sums file read.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Packages that are gone, and what goes with them.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// The packages.
    pub packages: BTreeSet<PackageIndex>,
    /// Their copyright files, and links in the place of those, that no other package has; each directory that holds nothing
    /// else comes after them.
    pub(super) licences: Vec<Id>,
}

/// What is gone once `removed` is.
#[must_use]
pub(crate) fn left_over(facts: &Facts, contents: &dyn Contents, removed: &IdSet) -> Gone {
    let (tree, packages) = (&facts.tree, &facts.packages);
    let places = Places::of(tree);
    let files = |index| packages.files(index).filter(|&id| !tree.is_dir(id) && !places.is_alias(tree, id));
    let mut gone = Gone::default();
    for (index, package) in packages.iter() {
        if files(index).any(|id| !removed.contains(id) && !places.is_licence(tree, id)) {
            continue;
        }
        let licensed = files(index).any(|id| !removed.contains(id));
        let lost = |id: Id| removed.contains(id) && !(licensed && is_left_out(&tree.path(id)));
        if package.had_commands
            || package.misses_files
            || files(index).any(lost)
            || misses_listed(tree, contents, package, licensed)
        {
            gone.packages.insert(index);
        }
    }
    gone.licences = gone.licences(tree, packages, removed, &places);
    gone
}

impl Gone {
    fn licences(&self, tree: &Tree, packages: &Packages, removed: &IdSet, places: &Places) -> Vec<Id> {
        let all_gone = |id: Id| packages.owners(id).all(|owner| self.packages.contains(&owner));
        let owned = |id: Id| packages.owner(id).is_some();
        // A package that stays may have its copyright file in the directory of one that goes.
        let links = places.documentation.into_iter().flat_map(|doc| tree.children(doc));
        let links = links.filter(|&id| tree.is_link(id) && !removed.contains(id) && !(owned(id) && all_gone(id)));
        let led_to = links.filter_map(|id| tree.follow(id).ok());
        let needed: IdSet = led_to.flat_map(|found| found.links.into_iter().chain([found.node])).collect();
        let licence = |&id: &Id| {
            !tree.is_dir(id)
                && places.is_licence(tree, id)
                && !removed.contains(id)
                && all_gone(id)
                && !tree.ancestors(id).any(|above| needed.contains(above))
        };
        let found: BTreeSet<Id> =
            BTreeSet::from_iter(self.packages.iter().flat_map(|&index| packages.files(index)).filter(licence));
        let goes = |id: Id| removed.contains(id) || found.contains(&id);
        // A run that did not come to its end may have taken the licence and not its directory.
        let killed = !tree.killed().remembered.is_empty();
        let listed = self.packages.iter().flat_map(|&index| packages.files(index));
        let left = listed.filter(|&id| killed && tree.is_dir(id) && all_gone(id));
        let directories: BTreeSet<Id> = found.iter().map(|&id| tree.parent(id)).chain(left).collect();
        let emptied =
            |&id: &Id| tree.parent(id) != Id::ROOT && places.is_top(tree.parent(id)) && tree.children(id).all(goes);
        let mut all: Vec<Id> = found.iter().copied().collect();
        all.extend(directories.into_iter().filter(emptied));
        all
    }
}

/// Whether a file is not there that dpkg's list of checksums names, or that of configuration: its list of paths does not
/// tell files from directories. What images leave out counts where a run removed it that did not come to its end.
fn misses_listed(tree: &Tree, contents: &dyn Contents, package: &Package, licensed: bool) -> bool {
    let Some(list) = package.record.filter(|_| package.manager == Manager::Dpkg) else { return false };
    let Some(stem) = tree.name(list).strip_suffix(b".list") else { return false };
    let mut locator = Locator::new(tree);
    let killed = &tree.killed().remembered;
    let mut is_missing = |path: &[u8]| match locator.find(path) {
        Ok(_) => false,
        Err(above) => !is_left_out(path) || (!licensed && killed.contains(&above)),
    };
    let read = |id| contents.read(tree, id, LIMIT).unwrap_or_default();
    let lines = |content: &[u8], missing: &mut dyn FnMut(&[u8]) -> bool| content.split(|&b| b == b'\n').any(missing);
    let sums = sums(tree, list).map(read).unwrap_or_default();
    // An earlier run: configuration that an administrator removed is missing for another reason.
    let configuration = tree.child(tree.parent(list), &[stem, b".conffiles"].concat()).filter(|_| !killed.is_empty());
    let configuration = configuration.filter(|&id| tree.is_file(id)).map(read).unwrap_or_default();
    lines(&sums, &mut |line| sum_path(line).is_some_and(&mut is_missing))
        || lines(&configuration, &mut |line| {
            line.iter().position(|&b| b == b'/').and_then(|at| line.get(at..)).is_some_and(&mut is_missing)
        })
}

/// Directories in which copyright files lie.
struct Places {
    usr: Option<Id>,
    documentation: Option<Id>,
    licences: Option<Id>,
}

impl Places {
    fn of(tree: &Tree) -> Self {
        let find = |path: &[u8]| tree.resolve(path).ok().map(|found| found.node);
        Self { usr: find(b"/usr"), documentation: find(b"/usr/share/doc"), licences: find(b"/usr/share/licenses") }
    }

    /// A link in the place of a directory, as on a merged /usr: lists name the directory.
    fn is_alias(&self, tree: &Tree, id: Id) -> bool {
        let above = Some(tree.parent(id));
        (above == Some(Id::ROOT) || above == self.usr)
            && tree.is_link(id)
            && tree.follow(id).is_ok_and(|found| tree.is_dir(found.node))
    }

    fn is_top(&self, id: Id) -> bool {
        self.documentation == Some(id) || self.licences == Some(id)
    }

    /// `doc/NAME/copyright`, a link `doc/NAME`, or `licenses/NAME/*`.
    fn is_licence(&self, tree: &Tree, id: Id) -> bool {
        let parent = tree.parent(id);
        let above = Some(tree.parent(parent)).filter(|_| parent != Id::ROOT);
        above.is_some()
            && ((self.documentation == Some(parent) && tree.is_link(id))
                || (self.documentation == above && tree.name(id) == b"copyright")
                || self.licences == above)
    }
}
