//! The root file system as one value in memory: every entry with its attributes. `resolve` follows paths.
//!
//! This module owns names, attributes and the meaning of paths and links inside the root. It never
//! touches the file system: [`crate::root`] fills it in one walk, everything after that is a pure function.
//!
//! Paths are bytes, absolute, and physical: no component but the last is a link. A node is 80 bytes
//! plus its name, so that a million entries stay well below the budget of 200 bytes each.

pub(crate) mod access;
pub(crate) mod budget;
pub(crate) mod contents;
pub(crate) mod glob;
pub(crate) mod map;
mod resolve;
pub(crate) mod set;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Mutex;

use resolve::Followed;
pub(crate) use resolve::{MAX_LINKS, Resolved, Unresolved};

/// Index of a node in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u32);

impl Id {
    /// The root directory.
    pub const ROOT: Self = Self(0);

    /// The index as a number, for tables of pairs.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// The entry of a number that [`Id::number`] gave.
    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The index as a number, for bit sets and tables of one slot a node.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// File type of a node (inode(7), S_IFMT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Regular file.
    File,
    /// Directory.
    Directory,
    /// Symbolic link.
    Link,
    /// Named pipe.
    Fifo,
    /// Socket.
    Socket,
    /// Character device.
    CharDevice,
    /// Block device.
    BlockDevice,
}

/// Which file an entry is one of several names of: everything that all names of one file have in common. An inode number
/// alone says nothing, since one mount may show several devices (btrfs subvolumes, an overlay over two file systems);
/// where a device number lies too, the rest still has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    device: u64,
    ino: u64,
    size: u64,
    mtime: (i64, u32),
    owner: (u32, u32),
    nlink: u32,
    mode: u16,
}

/// What the walk learned of one entry, without its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meta {
    /// Full st_mode: type and permission bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of hard links.
    pub nlink: u32,
    /// Size in bytes.
    pub size: u64,
    /// Inode number, on its device.
    pub ino: u64,
    /// Device, as one number.
    pub device: u64,
    /// Modification time, seconds since the epoch.
    pub mtime: i64,
    /// Modification time, nanoseconds.
    pub mtime_nsec: u32,
    /// Time of the last change of anything in the inode, in nanoseconds since the epoch; no call can set it.
    pub ctime: i64,
    /// Something is mounted here: nothing below was read, nothing here is changed.
    pub mount: bool,
    /// The file carries `security.capability` (capabilities(7)).
    pub capability: bool,
}

/// The attributes an entry gets, in 12 bytes: a plan may hold them for every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Owner and group.
    pub owner: (u32, u32),
    /// Permission bits 0o7777, and above them what else is dropped.
    bits: u32,
}

impl Attributes {
    const NO_CAPABILITY: u32 = 1 << 30;
    const NO_ACCESS_LIST: u32 = 1 << 31;

    /// Owner and group, and permission bits 0o7777; nothing else changes.
    #[must_use]
    pub fn new(owner: (u32, u32), mode: u32) -> Self {
        Self { owner, bits: mode & 0o7777 }
    }

    /// Permission bits 0o7777.
    #[must_use]
    pub fn mode(self) -> u32 {
        self.bits & 0o7777
    }

    /// Whether `security.capability` is removed; otherwise a change of owner keeps the attribute.
    #[must_use]
    pub fn drops_capability(self) -> bool {
        self.bits & Self::NO_CAPABILITY != 0
    }

    /// Whether its access list (acl(5)) goes.
    #[must_use]
    pub fn drops_access_list(self) -> bool {
        self.bits & Self::NO_ACCESS_LIST != 0
    }

    /// The same with other permission bits 0o7777.
    #[must_use]
    pub fn with_mode(self, mode: u32) -> Self {
        Self { bits: (self.bits & !0o7777) | (mode & 0o7777), ..self }
    }

    /// The same, and `security.capability` is removed.
    #[must_use]
    pub fn without_capability(self) -> Self {
        Self { bits: self.bits | Self::NO_CAPABILITY, ..self }
    }

    /// The same, and its access list goes.
    #[must_use]
    pub fn without_access_list(self) -> Self {
        Self { bits: self.bits | Self::NO_ACCESS_LIST, ..self }
    }
}

/// Seconds and nanoseconds since the epoch.
pub(crate) type Time = (i64, u32);

#[derive(Debug, Clone, Copy)]
struct Node {
    size: u64,
    ino: u64,
    mtime: i64,
    ctime: i64,
    mtime_nsec: u32,
    uid: u32,
    gid: u32,
    nlink: u32,
    parent: u32,
    name: u32,
    /// Directory: index of the first child. Link: offset of the target in the arena.
    first: u32,
    /// Directory: number of children. Link: length of the target.
    count: u32,
    mode: u16,
    name_len: u16,
    /// Where its device stands among those of the tree.
    device: u16,
    mount: bool,
    capability: bool,
}

/// Every entry below the root, each directory's children side by side in byte order of their names.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The few devices that the entries lie on.
    devices: Vec<u64>,
    arena: Vec<u8>,
    killed: Killed,
    /// Where links lead whose resolution takes more than a glance: a few links of PATH_MAX each would otherwise be walked
    /// again for every path through them.
    followed: Mutex<BTreeMap<Id, Followed>>,
}

/// What a killed run left behind, which the next one takes away.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Killed {
    /// Directories that remember their time, parents before their children.
    pub remembered: Vec<Id>,
    /// Directories that hold a temporary file, and its name; the tree does not show it.
    pub leftovers: Vec<(Id, Vec<u8>)>,
}

impl Clone for Tree {
    /// Where links lead is found again.
    fn clone(&self) -> Self {
        let Self { nodes, devices, arena, killed, followed: _ } = self;
        Self {
            nodes: nodes.clone(),
            devices: devices.clone(),
            arena: arena.clone(),
            killed: killed.clone(),
            followed: Mutex::default(),
        }
    }
}

impl Tree {
    /// A tree that holds the root directory only.
    #[must_use]
    pub fn new(root: Meta) -> Self {
        // Room for a usual image: what is not used is never touched, and what grows is copied.
        let (nodes, arena) = (Vec::with_capacity(USUAL), Vec::with_capacity(USUAL * 32));
        let mut tree = Self { nodes, arena, ..Self::default() };
        tree.push(0, 0, 0, root);
        tree
    }

    /// What a killed run left behind.
    #[must_use]
    pub fn killed(&self) -> &Killed {
        &self.killed
    }

    /// The directory's time is the one that a killed run found.
    pub(crate) fn remember(&mut self, id: Id, mtime: (i64, u32)) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            (node.mtime, node.mtime_nsec) = mtime;
        }
        self.killed.remembered.push(id);
    }

    /// The directory holds the temporary file of a killed run.
    pub(crate) fn leftover(&mut self, directory: Id, name: &[u8]) {
        self.killed.leftovers.push((directory, name.to_vec()));
    }

    /// Number of entries, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the tree has no entry at all; a tree from [`Tree::new`] always has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Every entry, parents before their children.
    pub fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(Id)
    }

    /// Attributes of an entry.
    #[must_use]
    #[inline]
    pub fn meta(&self, id: Id) -> Meta {
        let n = self.node(id);
        Meta {
            mode: n.mode,
            uid: n.uid,
            gid: n.gid,
            nlink: n.nlink,
            size: n.size,
            ino: n.ino,
            device: self.device(n),
            mtime: n.mtime,
            mtime_nsec: n.mtime_nsec,
            ctime: n.ctime,
            mount: n.mount,
            capability: n.capability,
        }
    }

    /// File type of an entry.
    #[must_use]
    #[inline]
    pub fn kind(&self, id: Id) -> Kind {
        kind_of(self.node(id).mode)
    }

    /// Whether the entry is a directory (a link to one is not).
    #[must_use]
    #[inline]
    pub fn is_dir(&self, id: Id) -> bool {
        self.kind(id) == Kind::Directory
    }

    /// Whether the entry is a regular file.
    #[must_use]
    #[inline]
    pub fn is_file(&self, id: Id) -> bool {
        self.kind(id) == Kind::File
    }

    /// Which file the entry is a name of; `None` when it is not a regular file, has no other name, or lies on a mount.
    #[must_use]
    pub fn file_id(&self, id: Id) -> Option<FileId> {
        let n = self.node(id);
        (kind_of(n.mode) == Kind::File && n.nlink > 1 && !n.mount).then_some(FileId {
            device: self.device(n),
            ino: n.ino,
            size: n.size,
            mtime: (n.mtime, n.mtime_nsec),
            owner: (n.uid, n.gid),
            nlink: n.nlink,
            mode: n.mode,
        })
    }

    /// Whether two entries are one file: the same one, or two of its names.
    #[must_use]
    pub fn is_same_file(&self, one: Id, other: Id) -> bool {
        one == other || self.file_id(one).is_some_and(|file| self.file_id(other) == Some(file))
    }

    /// Whether the entry is a symbolic link.
    #[must_use]
    #[inline]
    pub fn is_link(&self, id: Id) -> bool {
        self.kind(id) == Kind::Link
    }

    /// Permission bits 0o7777.
    #[must_use]
    #[inline]
    pub fn permissions(&self, id: Id) -> u32 {
        u32::from(self.node(id).mode) & 0o7777
    }

    /// Last component of the entry's path; empty for the root.
    #[must_use]
    #[inline]
    pub fn name(&self, id: Id) -> &[u8] {
        let n = self.node(id);
        self.bytes(n.name, u32::from(n.name_len))
    }

    /// The directory that holds the entry; the root holds itself.
    #[must_use]
    #[inline]
    pub fn parent(&self, id: Id) -> Id {
        Id(self.node(id).parent)
    }

    /// Whether `id` is `ancestor` or lies below it.
    #[must_use]
    pub fn is_within(&self, id: Id, ancestor: Id) -> bool {
        let mut at = id;
        loop {
            if at == ancestor {
                return true;
            }
            if at == Id::ROOT {
                return false;
            }
            at = self.parent(at);
        }
    }

    /// The entry and its ancestors, from the entry up to the root.
    pub fn ancestors(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let at = next?;
            next = (at != Id::ROOT).then(|| self.parent(at));
            Some(at)
        })
    }

    /// Absolute path of an entry.
    #[must_use]
    pub fn path(&self, id: Id) -> Vec<u8> {
        if id == Id::ROOT {
            return b"/".to_vec();
        }
        // From its end, in the room that it needs: paths are asked for more often than anything else.
        let length = self.ancestors(id).filter(|&at| at != Id::ROOT).map(|at| self.name(at).len() + 1).sum();
        let mut path = vec![b'/'; length];
        let mut end = length;
        for name in self.ancestors(id).map(|at| self.name(at)) {
            let begin = end.saturating_sub(name.len());
            if let Some(place) = path.get_mut(begin..end) {
                place.copy_from_slice(name);
            }
            end = begin.saturating_sub(1);
        }
        path
    }

    /// Target of a link as stored; `None` for any other kind.
    #[must_use]
    pub fn link_target(&self, id: Id) -> Option<&[u8]> {
        let n = self.node(id);
        (kind_of(n.mode) == Kind::Link).then(|| self.bytes(n.first, n.count))
    }

    /// Children of a directory in byte order of their names; nothing for other kinds.
    #[inline]
    pub fn children(&self, id: Id) -> impl DoubleEndedIterator<Item = Id> + ExactSizeIterator + use<> {
        let n = self.node(id);
        let range = if kind_of(n.mode) == Kind::Directory { n.first..n.first + n.count } else { 0..0 };
        range.map(Id)
    }

    /// The entry that follows among the children of the same directory.
    pub(crate) fn next_sibling(&self, id: Id) -> Option<Id> {
        let directory = self.node(self.parent(id));
        let next = Id(id.0 + 1);
        (id != Id::ROOT && next.0 < directory.first + directory.count).then_some(next)
    }

    /// The child of that name.
    #[must_use]
    pub fn child(&self, id: Id, name: &[u8]) -> Option<Id> {
        let n = self.node(id);
        if kind_of(n.mode) != Kind::Directory {
            return None;
        }
        let (mut low, mut high) = (n.first, n.first + n.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match order(self.name(Id(middle)), name) {
                Ordering::Equal => return Some(Id(middle)),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The entry and everything below it, parents first.
    pub fn subtree(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let mut stack = vec![id];
        std::iter::from_fn(move || {
            let at = stack.pop()?;
            stack.extend(self.children(at).rev());
            Some(at)
        })
    }

    /// Add one entry below `parent`. All children of a directory are added in one go, then sealed.
    pub(crate) fn add(&mut self, parent: Id, name: &[u8], meta: Meta, target: Option<&[u8]>) {
        let at = self.intern(name);
        self.push(parent.0, at, u16::try_from(name.len()).unwrap_or(u16::MAX), meta);
        if let Some(target) = target {
            let offset = self.intern(target);
            if let Some(node) = self.nodes.last_mut() {
                node.first = offset;
                node.count = u32::try_from(target.len()).unwrap_or(u32::MAX);
            }
        }
    }

    /// Sort everything added since the tree had `first` entries: it becomes the children of `parent`.
    pub(crate) fn seal(&mut self, parent: Id, first: usize) {
        self.followed().clear();
        let Self { nodes, arena, .. } = self;
        let name = |n: &Node| arena.get(n.name as usize..n.name as usize + usize::from(n.name_len)).unwrap_or_default();
        let Some(children) = nodes.get_mut(first..) else { return };
        children.sort_unstable_by(|a, b| order(name(a), name(b)));
        let count = u32::try_from(children.len()).unwrap_or(u32::MAX);
        if let Some(node) = nodes.get_mut(parent.index()) {
            node.first = u32::try_from(first).unwrap_or(u32::MAX);
            node.count = count;
        }
    }

    /// The device of an entry; one beyond the 65,535th, which no tree has, is unknown.
    #[inline]
    fn device(&self, node: &Node) -> u64 {
        self.devices.get(usize::from(node.device)).copied().unwrap_or(u64::MAX)
    }

    /// Whether its names and link targets, or its entries, are too many for their numbers: what it says is wrong then.
    #[must_use]
    pub(crate) fn is_overfull(&self) -> bool {
        u32::try_from(self.arena.len()).is_err() || u32::try_from(self.nodes.len()).is_err()
    }

    fn push(&mut self, parent: u32, name: u32, name_len: u16, meta: Meta) {
        let known = self.devices.iter().position(|&device| device == meta.device).unwrap_or(self.devices.len());
        let device = u16::try_from(known).unwrap_or(u16::MAX);
        if known == self.devices.len() && device < u16::MAX {
            self.devices.push(meta.device);
        }
        self.nodes.push(Node {
            size: meta.size,
            ino: meta.ino,
            mtime: meta.mtime,
            ctime: meta.ctime,
            mtime_nsec: meta.mtime_nsec,
            uid: meta.uid,
            gid: meta.gid,
            nlink: meta.nlink,
            parent,
            name,
            first: 0,
            count: 0,
            mode: meta.mode,
            name_len,
            device,
            mount: meta.mount,
            capability: meta.capability,
        });
    }

    fn intern(&mut self, bytes: &[u8]) -> u32 {
        let offset = u32::try_from(self.arena.len()).unwrap_or(u32::MAX);
        self.arena.extend_from_slice(bytes);
        offset
    }

    #[inline]
    fn bytes(&self, offset: u32, len: u32) -> &[u8] {
        let start = offset as usize;
        self.arena.get(start..start + len as usize).unwrap_or_default()
    }

    #[allow(clippy::indexing_slicing, reason = "ids come only from this tree, which never shrinks")]
    #[inline]
    fn node(&self, id: Id) -> &Node {
        &self.nodes[id.index()]
    }
}

/// Entries of a usual image.
const USUAL: usize = 1 << 14;

/// How two names are ordered, as their bytes are: eight at a time, since names are short and most have a beginning in
/// common with those beside them.
fn order(one: &[u8], other: &[u8]) -> Ordering {
    let (mut one, mut other) = (one, other);
    while let (Some((a, rest)), Some((b, rest_other))) = (one.split_first_chunk::<8>(), other.split_first_chunk::<8>())
    {
        if a != b {
            return u64::from_be_bytes(*a).cmp(&u64::from_be_bytes(*b));
        }
        (one, other) = (rest, rest_other);
    }
    let different = one.iter().zip(other).find(|(a, b)| a != b);
    different.map_or_else(|| one.len().cmp(&other.len()), |(a, b)| a.cmp(b))
}

/// Whether two texts are equal, for those that have a long beginning in common: musl's memcmp goes by single bytes.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && order(one, other).is_eq()
}

#[inline]
fn kind_of(mode: u16) -> Kind {
    match mode & 0o170_000 {
        0o040_000 => Kind::Directory,
        0o120_000 => Kind::Link,
        0o010_000 => Kind::Fifo,
        0o140_000 => Kind::Socket,
        0o020_000 => Kind::CharDevice,
        0o060_000 => Kind::BlockDevice,
        _ => Kind::File,
    }
}

/// Builds trees in memory, for unit tests of pure functions.
#[cfg(test)]
pub(crate) mod fixture {
    use std::collections::BTreeMap;

    use super::{Id, Meta, Tree};

    /// `("/usr/bin/sh", "-> dash")` is a link, `("/etc/", "")` a directory, anything else a file 0o755.
    pub(crate) fn tree(entries: &[(&str, &str)]) -> Tree {
        let mut all: BTreeMap<String, (u16, Option<Vec<u8>>)> = BTreeMap::new();
        for (path, what) in entries {
            let trimmed = path.trim_end_matches('/');
            let mut at = 0;
            while let Some(next) = trimmed.get(at + 1..).and_then(|rest| rest.find('/')) {
                at += next + 1;
                all.entry(trimmed[..at].to_owned()).or_insert((0o040_755, None));
            }
            let value = match what.strip_prefix("-> ") {
                Some(target) => (0o120_777, Some(target.as_bytes().to_vec())),
                None if path.ends_with('/') => (0o040_755, None),
                None => (0o100_755, None),
            };
            all.insert(trimmed.to_owned(), value);
        }
        let mut tree = Tree::new(Meta { mode: 0o040_755, ..Meta::default() });
        fill(&mut tree, Id::ROOT, "", &all);
        tree
    }

    fn fill(tree: &mut Tree, dir: Id, prefix: &str, all: &BTreeMap<String, (u16, Option<Vec<u8>>)>) {
        let first = tree.len();
        for (path, (mode, target)) in all {
            if let Some(name) = path.strip_prefix(&format!("{prefix}/"))
                && !name.contains('/')
            {
                let meta = Meta { mode: *mode, nlink: 1, ..Meta::default() };
                tree.add(dir, name.as_bytes(), meta, target.as_deref());
            }
        }
        tree.seal(dir, first);
        for child in tree.children(dir).collect::<Vec<_>>() {
            if tree.is_dir(child) {
                let path = String::from_utf8(tree.path(child)).unwrap();
                fill(tree, child, &path, all);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::{fixture, order};

    proptest! {
        #[test]
        fn names_are_ordered_as_their_bytes(
            start in proptest::collection::vec(0_u8..4, 0..20),
            one in proptest::collection::vec(any::<u8>(), 0..12),
            other in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let (one, other) = ([&start[..], &one].concat(), [&start[..], &other].concat());
            prop_assert_eq!(order(&one, &other), one.cmp(&other));
            prop_assert_eq!(order(&one, &start), one.cmp(&start));
        }
    }

    #[test]
    fn children_are_sorted_and_found_by_name() {
        let tree = fixture::tree(&[("/b", ""), ("/a-", ""), ("/a/x", "")]);
        let names: Vec<_> = tree.children(super::Id::ROOT).map(|id| tree.name(id).to_vec()).collect();
        assert_eq!(names, [b"a".to_vec(), b"a-".to_vec(), b"b".to_vec()]);
        assert_eq!(tree.path(tree.lookup(b"/a/x").unwrap()), b"/a/x");
    }
}
