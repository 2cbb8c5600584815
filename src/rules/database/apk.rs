//! apk's records in both places that they may lie in. The formats are in [`super::blocks`].

use super::blocks::{self, Blocks};
use super::gone::Gone;
use super::{Paths, stays_whole};
use crate::draft::Draft;
use crate::facts::packages::{Manager, Package, PackageIndex};
use crate::rules::context::Context;
use crate::tree::Id;

/// Edit the databases.
pub(super) fn prune(cx: &Context<'_>, draft: &mut Draft<'_>, gone: &Gone) {
    let tree = &cx.facts.tree;
    let packages = || cx.facts.packages.iter().filter(|(_, package)| package.manager == Manager::Apk);
    let mut databases: Vec<Id> = packages().filter_map(|(_, package)| package.record).collect();
    databases.dedup();
    // A later run reads the packages from `installed`: it is written last.
    let mut rewrites: Vec<(Id, Vec<u8>, (String, String))> = Vec::new();
    let mut last: Vec<(Id, Vec<u8>, (String, String))> = Vec::new();
    let mut paths = Paths::new(cx, draft.removed(), gone);
    for &database in &databases {
        let Ok(content) = cx.contents.read(tree, database, super::LIMIT) else {
            return stays_whole(draft, "apk", &tree.path(database), "cannot be read");
        };
        let own: Vec<PackageIndex> =
            packages().filter(|(_, package)| package.record == Some(database)).map(|(index, _)| index).collect();
        let mut asked = Asked { gone, paths: &mut paths, own: &own };
        let Ok(edited) = blocks::installed(&content, &mut asked) else {
            return stays_whole(draft, "apk", &tree.path(database), "is not understood");
        };
        let Some(left) = edited.text else { continue };
        let states = (super::records(&content, b"P:"), super::records(&left, b"P:"));
        last.push((database, left, states));
        let triggers = tree.child(tree.parent(database), b"triggers").filter(|&id| tree.is_file(id));
        if let Some(id) = triggers.filter(|&id| !draft.is_removed(id))
            && let Ok(content) = cx.contents.read(tree, id, super::LIMIT)
            && let Some(left) = blocks::triggers(&content, &edited.checksums)
        {
            rewrites.push((id, left, ("triggers of all packages".to_owned(), "of those that are left".to_owned())));
        }
    }
    // What was asked for by name would be installed again by an apk that the policy keeps.
    let named = |name: &[u8], wanted: bool| {
        let is = |(index, package): (PackageIndex, &Package)| {
            package.name.as_bytes() == name && gone.packages.contains(&index) == wanted
        };
        packages().any(is)
    };
    if let Some(id) = tree.resolve(b"/etc/apk/world").ok().map(|found| found.node)
        && tree.is_file(id)
        && !draft.is_removed(id)
        && let Ok(content) = cx.contents.read(tree, id, super::LIMIT)
        && let Some(left) = blocks::world(&content, &mut |name| named(name, true) && !named(name, false))
    {
        rewrites.push((id, left, ("every package asked for".to_owned(), "those that are left".to_owned())));
    }
    rewrites.append(&mut last);
    if let Some(&(id, ..)) = rewrites.iter().find(|(id, ..)| draft.is_kept(*id)) {
        return stays_whole(draft, "apk", &tree.path(id), "is kept as it is");
    }
    super::finish(cx, draft, gone, Manager::Apk);
    for (id, content, states) in rewrites {
        draft.rewrite_record(id, content, states, "the record follows what this run removes");
    }
}

/// What [`blocks::installed`] asks.
struct Asked<'e, 'a> {
    gone: &'e Gone,
    paths: &'e mut Paths<'a>,
    /// The packages of this database, in its order.
    own: &'e [PackageIndex],
}

impl Blocks for Asked<'_, '_> {
    fn record_goes(&mut self, block: usize) -> bool {
        self.own.get(block).is_some_and(|index| self.gone.packages.contains(index))
    }

    fn path_goes(&mut self, path: &[u8]) -> bool {
        self.paths.goes(path)
    }
}
