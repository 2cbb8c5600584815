//! dpkg's records: the files that are edited or removed, in order. The formats are in [`super::text`].
//!
//! Everything is read and edited before the first change is asked for: a database that cannot be read or understood, or
//! lies where nothing may be changed, stays whole.

use super::gone::Gone;
use super::text::{self, Stanzas};
use super::{Paths, alternatives, stays_whole};
use crate::draft::Draft;
use crate::facts::packages::dpkg::{ADMIN, Diversions, diversions, join, sums, undiverted};
use crate::facts::packages::{Manager, PackageIndex};
use crate::rules::context::Context;
use crate::tree::Id;

/// Why a database stays as it is: the file, and the reason.
type Whole = (Id, &'static str);

/// What happens to the files.
#[derive(Default)]
struct Edits {
    /// In this order: what is left of a file, and what it held and holds.
    rewrites: Vec<(Id, Vec<u8>, (String, String))>,
    /// Files that go with what they listed, with the reason.
    emptied: Vec<(Id, String)>,
    /// The file of all records, rewritten once nothing else has to know what it says: from then on its packages are gone,
    /// and what is left of them is what a run left that did not come to its end.
    status: Option<(Id, Vec<u8>, (String, String))>,
    /// Files of packages that go, after that; of those in status.d the record comes first.
    removals: Vec<(Id, String)>,
}

/// Edit the database.
pub(super) fn prune(cx: &Context<'_>, draft: &mut Draft<'_>, gone: &Gone) {
    let tree = &cx.facts.tree;
    let mut editor =
        Editor { cx, gone, paths: Paths::new(cx, draft.removed(), gone), edits: Edits::default(), lists: Vec::new() };
    let result = editor.edit();
    let Edits { rewrites, emptied, status, removals } = editor.edits;
    let rewritten = rewrites.iter().chain(&status).map(|(id, ..)| id);
    let fixed = rewritten.chain(emptied.iter().chain(&removals).map(|(id, _)| id));
    let fixed = fixed.copied().find(|&id| draft.is_kept(id)).map(|id| (id, "is kept as it is"));
    if let Some((file, why)) = result.err().or(fixed) {
        return stays_whole(draft, "dpkg", &tree.path(file), why);
    }
    super::finish(cx, draft, gone, Manager::Dpkg);
    let follows = "the record follows what this run removes";
    for (id, content, states) in rewrites {
        draft.rewrite_record(id, content, states, follows);
    }
    for (id, reason) in &emptied {
        draft.remove(*id, reason);
    }
    if let Some((id, content, states)) = status {
        draft.rewrite_record(id, content, states, follows);
    }
    for (id, reason) in &removals {
        draft.remove(*id, reason);
    }
}

struct Editor<'a> {
    cx: &'a Context<'a>,
    gone: &'a Gone,
    paths: Paths<'a>,
    edits: Edits,
    /// Packages with their lists, in order of these.
    lists: Vec<(Id, PackageIndex)>,
}

impl Editor<'_> {
    fn edit(&mut self) -> Result<(), Whole> {
        let tree = &self.cx.facts.tree;
        let packages = &self.cx.facts.packages;
        let mut single = Vec::new();
        for (index, package) in packages.iter().filter(|(_, package)| package.manager == Manager::Dpkg) {
            let Some(record) = package.record else { continue };
            let listed = tree.name(record).ends_with(b".list");
            if listed { &mut self.lists } else { &mut single }.push((record, index));
        }
        let unfinished = packages.unfinished.iter().filter(|&&id| !self.paths.is_removed(id));
        self.edits.removals.extend(unfinished.map(|&id| (id, "left by a run that did not finish".to_owned())));
        if self.lists.is_empty() && single.is_empty() {
            return Ok(());
        }
        let none = Diversions::default();
        let diverted = match self.file(b"diversions") {
            Some(id) => {
                let content = self.read(id)?;
                self.edit_diversions(id, &content)?;
                diversions(&content)
            }
            None => none,
        };
        self.edit_info(&diverted)?;
        for &(record, index) in &single {
            self.edit_single(index, record)?;
        }
        if let Some(id) = self.file(b"status") {
            let content = self.read(id)?;
            let mut asked = Records { editor: self, diverted: &diverted };
            let left = text::without_records(&content, &mut asked).map_err(|()| (id, "is not understood"))?;
            let count = |text: &[u8]| super::records(text, b"Package:");
            self.edits.status = left.map(|left| (id, left.clone(), (count(&content), count(&left))));
        }
        if let Some(id) = self.file(b"statoverride") {
            let content = self.read(id)?;
            let left = text::without_overrides(&content, &mut |path| self.paths.goes(path));
            self.rewrite(id, &content, left, lines);
        }
        self.edit_triggers()?;
        self.edit_alternatives()
    }

    /// info: the lists of paths, checksums and configuration files of packages that stay; every file of those that go.
    fn edit_info(&mut self, diverted: &Diversions) -> Result<(), Whole> {
        let tree = &self.cx.facts.tree;
        let packages = &self.cx.facts.packages;
        let lists = self.lists.clone();
        let Some(info) = lists.first().map(|&(list, _)| tree.parent(list)) else { return Ok(()) };
        for (list, index) in lists {
            let name = packages.get(index).map(|package| package.name.as_str()).unwrap_or_default();
            let stem = tree.name(list).strip_suffix(b".list").unwrap_or_default();
            let file = |suffix: &[u8]| tree.child(info, &[stem, suffix].concat()).filter(|&id| tree.is_file(id));
            if self.gone.packages.contains(&index) || !self.paths.touches(packages.files(index)) {
                continue;
            }
            let content = self.read(list)?;
            let mut goes = |path: &[u8]| self.paths.goes(undiverted(path, name, diverted));
            let left = text::without_lines(&content, &mut goes);
            // What a kept package lists is a subset of this.
            if left.is_none() && !self.paths.recovers() {
                continue;
            }
            self.rewrite(list, &content, left, lines);
            if let Some(id) = sums(tree, list) {
                let content = self.read(id)?;
                let left = text::without_sums(&content, &mut |path| self.paths.goes(undiverted(path, name, diverted)));
                self.rewrite_or_remove(id, &content, left);
            }
            if let Some(id) = file(b".conffiles") {
                let content = self.read(id)?;
                let left =
                    text::without_conffiles(&content, &mut |path| self.paths.goes(undiverted(path, name, diverted)));
                self.rewrite_or_remove(id, &content, left);
            }
        }
        // As dpkg does, the name of the package ends at the last point.
        for id in tree.children(info).filter(|&id| !tree.is_dir(id)) {
            let name = tree.name(id);
            let Some(at) = name.iter().rposition(|&b| b == b'.') else { continue };
            let Some(index) = name.get(..at).and_then(|stem| self.package(stem)) else { continue };
            if self.gone.packages.contains(&index) && !self.paths.is_removed(id) {
                let reason = reason(packages.get(index).map(|package| package.name.as_str()).unwrap_or_default());
                self.edits.removals.push((id, reason));
            }
        }
        Ok(())
    }

    /// A package of status.d: its stanza, and its checksums beside it.
    fn edit_single(&mut self, index: PackageIndex, record: Id) -> Result<(), Whole> {
        let sums = sums(&self.cx.facts.tree, record);
        if self.gone.packages.contains(&index) {
            let name = self.cx.facts.packages.get(index).map(|package| package.name.as_str()).unwrap_or_default();
            self.edits.removals.push((record, reason(name)));
            self.edits.removals.extend(sums.map(|id| (id, reason(name))));
        } else if let Some(id) = sums.filter(|_| self.paths.touches(self.cx.facts.packages.files(index))) {
            let content = self.read(id)?;
            let left = text::without_sums(&content, &mut |path| self.paths.goes(path));
            self.rewrite(id, &content, left, lines);
        }
        Ok(())
    }

    fn edit_diversions(&mut self, id: Id, content: &[u8]) -> Result<(), Whole> {
        let mut state = |path: &[u8]| {
            let goes = self.paths.goes(path);
            (goes, !goes && self.paths.is_there(path))
        };
        let left = text::without_diversions(content, &mut state).map_err(|()| (id, "is not understood"))?;
        self.rewrite(id, content, left, lines);
        Ok(())
    }

    /// triggers: interests of packages that go.
    fn edit_triggers(&mut self) -> Result<(), Whole> {
        let tree = &self.cx.facts.tree;
        let Ok(directory) = tree.resolve(&join(ADMIN, b"triggers")) else { return Ok(()) };
        if self.gone.packages.is_empty() {
            return Ok(());
        }
        for id in tree.children(directory.node).filter(|&id| tree.is_file(id)) {
            if matches!(tree.name(id), b"Lock" | b"Unincorp") || self.paths.is_removed(id) {
                continue;
            }
            let content = self.read(id)?;
            let left = text::without_interests(&content, &mut |package| self.record_goes(package, b""));
            self.rewrite_or_remove(id, &content, left);
        }
        Ok(())
    }

    fn edit_alternatives(&mut self) -> Result<(), Whole> {
        let tree = &self.cx.facts.tree;
        let Ok(directory) = tree.resolve(&join(ADMIN, b"alternatives")) else { return Ok(()) };
        for id in tree.children(directory.node).filter(|&id| tree.is_file(id)) {
            if self.paths.is_removed(id) {
                continue;
            }
            let content = self.read(id)?;
            let left = alternatives::edit(&content, &mut |path| self.paths.goes(path));
            let left = left.map_err(|()| (id, "is not understood"))?;
            self.rewrite_or_remove(id, &content, left);
        }
        Ok(())
    }

    /// Whether the record of a package goes, by `NAME`, `NAME:ARCHITECTURE`, or both words.
    fn record_goes(&self, name: &[u8], architecture: &[u8]) -> bool {
        let full = [name, b":", architecture].concat();
        let bare = name.split(|&b| b == b':').next().unwrap_or_default();
        let index = [&full[..], name, bare].into_iter().find_map(|stem| self.package(stem));
        index.is_some_and(|index| self.gone.packages.contains(&index))
    }

    /// The package by the stem of its files in info: `NAME` or `NAME:ARCHITECTURE`.
    fn package(&self, stem: &[u8]) -> Option<PackageIndex> {
        let tree = &self.cx.facts.tree;
        let info = tree.parent(self.lists.first()?.0);
        let list = tree.child(info, &[stem, b".list"].concat())?;
        let at = self.lists.binary_search_by_key(&list, |&(id, _)| id).ok()?;
        self.lists.get(at).map(|&(_, index)| index)
    }

    fn file(&self, name: &[u8]) -> Option<Id> {
        let tree = &self.cx.facts.tree;
        let id = tree.resolve(&join(ADMIN, name)).ok()?.node;
        (tree.is_file(id) && !self.paths.is_removed(id)).then_some(id)
    }

    fn read(&self, id: Id) -> Result<Vec<u8>, Whole> {
        self.cx.contents.read(&self.cx.facts.tree, id, super::LIMIT).map_err(|_| (id, "cannot be read"))
    }

    fn rewrite(&mut self, id: Id, before: &[u8], left: Option<Vec<u8>>, describe: fn(&[u8]) -> String) {
        if let Some(left) = left {
            let states = (describe(before), describe(&left));
            self.edits.rewrites.push((id, left, states));
        }
    }

    /// Files that dpkg does without when they say nothing.
    fn rewrite_or_remove(&mut self, id: Id, before: &[u8], left: Option<Vec<u8>>) {
        match left {
            Some(left) if left.is_empty() => {
                self.edits.emptied.push((id, "no file that it lists is left".to_owned()));
            }
            left => self.rewrite(id, before, left, lines),
        }
    }
}

/// What [`text::without_records`] asks.
struct Records<'e, 'a> {
    editor: &'e mut Editor<'a>,
    diverted: &'e Diversions,
}

impl Stanzas for Records<'_, '_> {
    fn record_goes(&mut self, name: &[u8], architecture: &[u8]) -> bool {
        self.editor.record_goes(name, architecture)
    }

    fn conffile_goes(&mut self, name: &[u8], path: &[u8]) -> bool {
        let name = std::str::from_utf8(name).unwrap_or_default();
        self.editor.paths.goes(undiverted(path, name, self.diverted))
    }
}

fn lines(text: &[u8]) -> String {
    format!("{} lines", memchr::memchr_iter(b'\n', text).count())
}

fn reason(name: &str) -> String {
    format!("nothing is left of package {}", crate::diag::escape::quoted(name.as_bytes()))
}
