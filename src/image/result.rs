//! The tree that a plan leaves, entry by entry, without a file system: the result of `apply`, for an archive.
//!
//! This module decides which entries are left, and their attributes. It writes nothing.

use std::collections::BTreeMap;

use crate::archive::Files;
use crate::draft::{Change, New, Written};
use crate::plan::times::{Times, nearest};
use crate::plan::{Plan, Step};
use crate::tree::{Attributes, FileId, Id, Time, Tree, access};

/// One entry of the tree after the plan.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Its path below the root, without a slash in front.
    pub path: &'a [u8],
    /// What it is.
    pub what: What<'a>,
    /// Permission bits 0o7777.
    pub mode: u32,
    /// uid and gid.
    pub owner: (u32, u32),
    /// Seconds and nanoseconds since the epoch.
    pub mtime: Time,
    /// Extended attributes by name.
    pub attributes: Vec<(&'a [u8], &'a [u8])>,
    /// The plan makes or changes it.
    pub changed: bool,
}

/// What an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'a> {
    /// A directory.
    Directory,
    /// A file with the content of an entry of the archive.
    Stored(Id),
    /// A file with this content.
    New(&'a [u8]),
    /// A symbolic link to this target.
    Link(&'a [u8]),
    /// Another name of the file at this path.
    HardLink(&'a [u8]),
    /// A device, fifo or socket: its file type, and its major and minor number.
    Special(u32, (u32, u32)),
    /// An entry that goes with all that is below it: the path is that of its mark in a layer (OCI image specification,
    /// layer.md).
    Whiteout,
}

/// Gets each entry, directories before what is in them, names in byte order.
pub(super) type Each<'e, E> = dyn FnMut(&Entry<'_>) -> Result<(), E> + 'e;

/// The tree after a plan.
pub(super) struct After<'a> {
    tree: &'a Tree,
    files: &'a Files,
    times: Times<'a>,
    /// By the number of an entry: the place of its change in `changes`, counted from 1.
    of: Vec<u32>,
    changes: Vec<&'a Change>,
    /// New entries by the path of their directory and by their name.
    new: BTreeMap<&'a [u8], BTreeMap<&'a [u8], &'a New>>,
}

/// The file that a name belongs to after the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Inode {
    /// One of the archive.
    Old(FileId),
    /// One that the plan writes in the place of an entry.
    Written(Id),
}

/// How the name of a whiteout begins: no other entry of a layer can have such a name.
pub(crate) const WHITEOUT: &[u8] = b".wh.";

/// What is still to visit.
enum Item<'a> {
    Old(Id),
    Gone(Id),
    New(&'a [u8], &'a New),
    /// The directory ends: its name goes from the path.
    Up(usize),
}

impl<'a> After<'a> {
    /// The tree that the plan leaves of an archive's.
    pub(super) fn new(tree: &'a Tree, files: &'a Files, plan: &'a Plan, epoch: Option<i64>) -> Self {
        let (mut of, mut changes) = (vec![0; tree.len()], Vec::new());
        let mut new: BTreeMap<&[u8], BTreeMap<&[u8], &New>> = BTreeMap::new();
        for step in plan.steps.iter().chain(&plan.last) {
            match step {
                Step::Change(id, change) => {
                    changes.push(change);
                    if let Some(place) = of.get_mut(id.number() as usize) {
                        *place = u32::try_from(changes.len()).unwrap_or(u32::MAX);
                    }
                }
                Step::Create(creation) => {
                    let path = creation.path.strip_prefix(b"/").unwrap_or(&creation.path);
                    let (parent, name) = match path.iter().rposition(|&b| b == b'/') {
                        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
                        None => (&b""[..], path),
                    };
                    new.entry(parent).or_default().insert(name, &creation.new);
                }
            }
        }
        Self { tree, files, times: Times { tree, epoch }, of, changes, new }
    }

    fn change(&self, id: Id) -> Option<&'a Change> {
        let place = self.of.get(id.number() as usize).copied().unwrap_or_default();
        self.changes.get((place as usize).checked_sub(1)?).copied()
    }

    /// Whether the plan removes an entry.
    fn removes(&self, id: Id) -> bool {
        matches!(self.change(id), Some(Change::Remove))
    }

    /// Show every entry that is left but the root, and the topmost of those that go when `whiteouts` are asked for.
    ///
    /// # Errors
    /// That of `each`.
    pub(super) fn each<E>(&self, whiteouts: bool, each: &mut Each<'_, E>) -> Result<(), E> {
        let mut names: BTreeMap<Inode, Vec<u8>> = BTreeMap::new();
        let mut path: Vec<u8> = Vec::new();
        let mut todo = self.items(b"", Some(Id::ROOT), whiteouts);
        while let Some(item) = todo.pop() {
            let before = path.len();
            let name = match item {
                Item::Up(len) => {
                    path.truncate(len);
                    continue;
                }
                Item::Old(id) | Item::Gone(id) => self.tree.name(id),
                Item::New(name, _) => name,
            };
            if before > 0 {
                path.push(b'/');
            }
            if let Item::Gone(_) = item {
                path.extend_from_slice(WHITEOUT);
            }
            path.extend_from_slice(name);
            let (directory, old) = match item {
                Item::Old(id) => (self.tree.is_dir(id), Some(id)),
                Item::New(_, new) => (matches!(new, New::Directory(_)), None),
                Item::Up(_) | Item::Gone(_) => (false, None),
            };
            match item {
                Item::Old(id) => self.old(id, &path, &mut names, each)?,
                Item::New(_, new) => self.made(new, &path, each)?,
                Item::Gone(_) => each(&Entry {
                    path: &path,
                    what: What::Whiteout,
                    mode: 0o600,
                    owner: (0, 0),
                    mtime: (0, 0),
                    attributes: Vec::new(),
                    changed: true,
                })?,
                Item::Up(_) => {}
            }
            if directory {
                todo.push(Item::Up(before));
                todo.append(&mut self.items(&path, old, whiteouts));
            } else {
                path.truncate(before);
            }
        }
        Ok(())
    }

    /// What is in a directory, the first name last.
    fn items(&self, path: &[u8], id: Option<Id>, whiteouts: bool) -> Vec<Item<'a>> {
        let old = id.into_iter().flat_map(|id| self.tree.children(id)).filter_map(|id| match self.removes(id) {
            false => Some(Item::Old(id)),
            true => whiteouts.then_some(Item::Gone(id)),
        });
        let mut items: Vec<Item<'a>> = old.collect();
        if let Some(new) = self.new.get(path) {
            items.extend(new.iter().map(|(&name, &new)| Item::New(name, new)));
            items.sort_by(|a, b| self.name(a).cmp(self.name(b)));
        }
        items.reverse();
        items
    }

    fn name(&self, item: &Item<'a>) -> &'a [u8] {
        match item {
            Item::Old(id) | Item::Gone(id) => self.tree.name(*id),
            Item::New(name, _) => name,
            Item::Up(_) => b"",
        }
    }

    fn old<E>(
        &self,
        id: Id,
        path: &[u8],
        names: &mut BTreeMap<Inode, Vec<u8>>,
        each: &mut Each<'_, E>,
    ) -> Result<(), E> {
        let (tree, meta) = (self.tree, self.tree.meta(id));
        let change = self.change(id);
        let mut mtime = (meta.mtime, meta.mtime_nsec);
        let mut wanted = None;
        let mut what = match meta.mode & 0o170_000 {
            0o040_000 => What::Directory,
            0o120_000 => What::Link(tree.link_target(id).unwrap_or_default()),
            0o100_000 => What::Stored(id),
            kind => What::Special(kind.into(), self.files.extra(tree, id).map_or((0, 0), |extra| extra.device)),
        };
        let mut inode = tree.file_id(id).filter(|_| meta.nlink > 1).map(Inode::Old);
        match change {
            Some(Change::Attributes(new)) => wanted = Some(*new),
            Some(Change::AttributesOfCopy(new)) => (wanted, inode) = (Some(*new), None),
            Some(Change::Rewrite(_) | Change::HardLink(_)) => {
                let of = if let Some(Change::HardLink(of)) = change { *of } else { id };
                if let Some(Change::Rewrite(written)) = self.change(of) {
                    (wanted, mtime) = (Some(written.attributes), self.times.rewritten(of));
                    (what, inode) = (What::New(&written.content), Some(Inode::Written(of)));
                }
            }
            Some(Change::Remove) | None => {}
        }
        if let Some(inode) = inode.filter(|_| !matches!(what, What::Directory)) {
            let first = names.entry(inode).or_insert_with(|| path.to_vec());
            if first != path {
                what = What::HardLink(first);
            }
        }
        self.show(id, path, what, wanted, mtime, change.is_some(), each)
    }

    #[allow(clippy::too_many_arguments, reason = "what is known of one entry")]
    fn show<E>(
        &self,
        id: Id,
        path: &[u8],
        what: What<'_>,
        wanted: Option<Attributes>,
        mtime: Time,
        changed: bool,
        each: &mut Each<'_, E>,
    ) -> Result<(), E> {
        let meta = self.tree.meta(id);
        let (mode, owner) =
            wanted.map_or((u32::from(meta.mode & 0o7777), (meta.uid, meta.gid)), |new| (new.mode(), new.owner));
        let drops = |name: &[u8]| {
            wanted.is_some_and(|wanted| {
                wanted.drops_capability() && name == b"security.capability"
                    || wanted.drops_access_list() && *name == *access::ATTRIBUTE
            })
        };
        let extra = self.files.extra(self.tree, id).map(|extra| extra.attributes.as_slice()).unwrap_or_default();
        let attributes = extra.iter().filter(|(name, _)| !drops(name)).map(|(name, value)| (&**name, &**value));
        each(&Entry { path, what, mode, owner, mtime, attributes: attributes.collect(), changed })
    }

    fn made<E>(&self, new: &New, path: &[u8], each: &mut Each<'_, E>) -> Result<(), E> {
        let (what, wanted) = match new {
            New::File(Written { attributes, content }) => (What::New(content), attributes),
            New::Directory(attributes) => (What::Directory, attributes),
        };
        let mtime = self.times.of_new(nearest(self.tree, path));
        let (mode, owner) = (wanted.mode(), wanted.owner);
        each(&Entry { path, what, mode, owner, mtime, attributes: Vec::new(), changed: true })
    }
}
