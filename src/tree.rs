//! The root file system as one value in memory: every entry with its attributes, and path resolution over it.
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
pub(crate) mod set;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most links followed in one resolution, as Linux does (path_resolution(7): ELOOP after 40).
pub(crate) const MAX_LINKS: usize = 40;

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

/// The attributes an entry gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Owner and group.
    pub owner: (u32, u32),
    /// Permission bits 0o7777.
    pub mode: u32,
    /// Remove `security.capability`; without it a change of owner keeps the attribute.
    pub drop_capability: bool,
    /// Whether its access list (acl(5)) goes.
    pub drop_access_list: bool,
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

/// Where one link leads.
#[derive(Debug, Clone)]
enum Followed {
    /// To an entry, over so many links, itself the first.
    To(Id, Arc<[Id]>),
    /// Nowhere, after so many links.
    Nowhere(Unresolved, usize),
    /// Over more than so many links.
    Beyond(usize),
}

/// A path that leads nowhere, with the number of links that were followed.
struct Stuck {
    why: Unresolved,
    links: usize,
}

/// Targets of links up to this length, in bytes, are walked again rather than remembered, unless links lie on the way.
const SHORT: usize = 256;

/// What a killed run left behind, which the next one takes away.
#[derive(Debug, Default)]
pub struct Killed {
    /// Directories that remember their time, parents before their children.
    pub remembered: Vec<Id>,
    /// Directories that hold a temporary file, and its name; the tree does not show it.
    pub leftovers: Vec<(Id, Vec<u8>)>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The entry that the path names in the end.
    pub node: Id,
    /// Every link that was followed on the way, in order.
    pub links: Vec<Id>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// A component does not exist, or is no directory.
    Missing,
    /// More than [`MAX_LINKS`] links.
    Loop,
    /// The path goes on below a mount point, where this tree does not look.
    Mount(Id),
}

impl Tree {
    /// A tree that holds the root directory only.
    #[must_use]
    pub fn new(root: Meta) -> Self {
        let mut tree = Self::default();
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
        let mut names: Vec<&[u8]> = self.ancestors(id).filter(|&at| at != Id::ROOT).map(|at| self.name(at)).collect();
        names.reverse();
        let mut path = Vec::new();
        for name in names {
            path.push(b'/');
            path.extend_from_slice(name);
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
            match self.name(Id(middle)).cmp(name) {
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

    /// The entry that `path` names literally, the last component not followed; links in other
    /// components are.
    #[must_use]
    pub fn lookup(&self, path: &[u8]) -> Option<Id> {
        self.resolve_from(Id::ROOT, path, false).ok().map(|found| found.node)
    }

    /// The entry that `path` leads to, every link followed inside the root.
    ///
    /// # Errors
    /// [`Unresolved`] when the path leads nowhere in this tree.
    pub fn resolve(&self, path: &[u8]) -> Result<Resolved, Unresolved> {
        self.resolve_from(Id::ROOT, path, true)
    }

    /// Where a link leads in the end, the link itself first in [`Resolved::links`].
    ///
    /// # Errors
    /// [`Unresolved`] when it leads nowhere in this tree.
    pub fn follow(&self, link: Id) -> Result<Resolved, Unresolved> {
        if self.is_link(link) {
            self.resolve_from(self.parent(link), self.name(link), true)
        } else {
            Ok(Resolved { node: link, links: Vec::new() })
        }
    }

    /// Resolve `path` as seen from directory `base`: absolute paths and absolute link targets begin at the
    /// root, `..` stops at the root.
    ///
    /// # Errors
    /// [`Unresolved`] when the path leads nowhere in this tree.
    pub fn resolve_from(&self, base: Id, path: &[u8], follow_last: bool) -> Result<Resolved, Unresolved> {
        self.resolve_within(base, path, follow_last, MAX_LINKS).map_err(|stuck| stuck.why)
    }

    /// The same with at most so many links.
    fn resolve_within(&self, base: Id, path: &[u8], follow_last: bool, most: usize) -> Result<Resolved, Stuck> {
        let mut links = Vec::new();
        let stuck = |why, links: &Vec<Id>| Stuck { why, links: links.len() };
        // Components still to walk, the next one last.
        let mut todo: Vec<&[u8]> = Vec::new();
        let mut at = if path.first() == Some(&b'/') { Id::ROOT } else { base };
        push_components(&mut todo, path);
        while let Some(component) = todo.pop() {
            if !self.is_dir(at) {
                return Err(stuck(Unresolved::Missing, &links));
            }
            if self.node(at).mount && at != Id::ROOT {
                return Err(stuck(Unresolved::Mount(at), &links));
            }
            match component {
                b"" | b"." => {}
                b".." => at = self.parent(at),
                name => {
                    let child = self.child(at, name).ok_or_else(|| stuck(Unresolved::Missing, &links))?;
                    let last = todo.iter().all(|rest| rest.is_empty());
                    if self.is_link(child) && (follow_last || !last) {
                        let found = self.follow_within(child, most - links.len());
                        let found = found.map_err(|inner| Stuck { links: links.len() + inner.links, ..inner })?;
                        links.extend(found.links);
                        at = found.node;
                    } else {
                        at = child;
                    }
                }
            }
        }
        Ok(Resolved { node: at, links })
    }

    /// Where a link leads over at most `most` links, itself included.
    fn follow_within(&self, link: Id, most: usize) -> Result<Resolved, Stuck> {
        let beyond = Stuck { why: Unresolved::Loop, links: most };
        if most == 0 {
            return Err(beyond);
        }
        match self.followed().get(&link) {
            Some(Followed::To(node, links)) if links.len() <= most => {
                return Ok(Resolved { node: *node, links: links.to_vec() });
            }
            Some(Followed::Nowhere(why, links)) if *links <= most => return Err(Stuck { why: *why, links: *links }),
            Some(Followed::To(..) | Followed::Nowhere(..)) => return Err(beyond),
            Some(Followed::Beyond(tried)) if most <= *tried => return Err(beyond),
            Some(Followed::Beyond(_)) | None => {}
        }
        let target = self.link_target(link).unwrap_or_default();
        let result = self.resolve_within(self.parent(link), target, true, most - 1);
        let (result, seen) = match result {
            Ok(Resolved { node, links }) => {
                let links: Vec<Id> = std::iter::once(link).chain(links).collect();
                let seen = Followed::To(node, links.as_slice().into());
                (Ok(Resolved { node, links }), seen)
            }
            Err(Stuck { why: Unresolved::Loop, .. }) => (Err(beyond), Followed::Beyond(most)),
            Err(Stuck { why, links }) => (Err(Stuck { why, links: links + 1 }), Followed::Nowhere(why, links + 1)),
        };
        let several = match &seen {
            Followed::To(_, links) => links.len() > 1,
            Followed::Nowhere(_, links) => *links > 1,
            Followed::Beyond(_) => true,
        };
        if several || target.len() > SHORT {
            self.followed().insert(link, seen);
        }
        result
    }

    fn followed(&self) -> MutexGuard<'_, BTreeMap<Id, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a path of the policy names: the entry itself, and what it leads to.
    #[must_use]
    pub fn named(&self, path: &[u8]) -> Vec<Id> {
        let mut found: Vec<Id> = self.lookup(path).into_iter().collect();
        if let Ok(target) = self.resolve(path) {
            found.extend(target.links);
            found.push(target.node);
        }
        found
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
        let name = |n: &Node| arena.get(n.name as usize..n.name as usize + usize::from(n.name_len));
        let Some(children) = nodes.get_mut(first..) else { return };
        children.sort_unstable_by(|a, b| name(a).cmp(&name(b)));
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

fn push_components<'a>(todo: &mut Vec<&'a [u8]>, path: &'a [u8]) {
    // A trailing slash asks for a directory: an empty component, popped last, checks that.
    if path.last() == Some(&b'/') {
        todo.push(b"");
    }
    todo.extend(path.split(|&b| b == b'/').filter(|part| !part.is_empty()).rev());
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
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{Unresolved, fixture};

    fn resolved(tree: &super::Tree, path: &str) -> Result<String, Unresolved> {
        tree.resolve(path.as_bytes()).map(|found| String::from_utf8(tree.path(found.node)).unwrap())
    }

    #[test]
    fn follows_links_inside_the_root_and_names_each() {
        let tree = fixture::tree(&[
            ("/bin", "-> usr/bin"),
            ("/usr/bin/sh", "-> /bin/dash"),
            ("/usr/bin/dash", ""),
            ("/up", "-> ../../../usr"),
        ]);
        assert_eq!(resolved(&tree, "/bin/sh"), Ok("/usr/bin/dash".into()));
        assert_eq!(resolved(&tree, "/up/bin/../bin/./dash"), Ok("/usr/bin/dash".into()));
        let links: Vec<_> = tree.resolve(b"/bin/sh").unwrap().links.iter().map(|&id| tree.path(id)).collect();
        assert_eq!(links, [b"/bin".to_vec(), b"/usr/bin/sh".to_vec(), b"/bin".to_vec()]);
        assert_eq!(tree.path(tree.lookup(b"/bin/sh").unwrap()), b"/usr/bin/sh");
    }

    /// As path_resolution(7) says it, a step at a time and nothing remembered.
    fn by_steps(
        tree: &super::Tree,
        base: super::Id,
        path: &[u8],
        follow_last: bool,
    ) -> Result<super::Resolved, Unresolved> {
        let mut links = Vec::new();
        let mut todo: Vec<&[u8]> = Vec::new();
        let mut at = if path.first() == Some(&b'/') { super::Id::ROOT } else { base };
        super::push_components(&mut todo, path);
        while let Some(component) = todo.pop() {
            if !tree.is_dir(at) {
                return Err(Unresolved::Missing);
            }
            match component {
                b"" | b"." => {}
                b".." => at = tree.parent(at),
                name => {
                    let child = tree.child(at, name).ok_or(Unresolved::Missing)?;
                    match tree.link_target(child) {
                        Some(target) if follow_last || !todo.iter().all(|rest| rest.is_empty()) => {
                            links.push(child);
                            if links.len() > super::MAX_LINKS {
                                return Err(Unresolved::Loop);
                            }
                            if target.first() == Some(&b'/') {
                                at = super::Id::ROOT;
                            }
                            super::push_components(&mut todo, target);
                        }
                        _ => at = child,
                    }
                }
            }
        }
        Ok(super::Resolved { node: at, links })
    }

    /// Links to links, loops, links of many parts and chains at the limit: remembered or not, the answer is the same.
    #[test]
    fn what_is_remembered_is_what_steps_find() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..300 {
            let mut entries: Vec<(String, String)> =
                vec![("/d/".into(), String::new()), ("/d/e/".into(), String::new())];
            let number = 2 + random(60);
            for n in 0..number {
                let above = ["", "/d", "/d/e"][usize::try_from(random(3)).unwrap()];
                let mut target = String::new();
                for _ in 0..=random(4) {
                    let part = match random(9) {
                        0 => "..".to_owned(),
                        1 => "d".to_owned(),
                        2 => "e".to_owned(),
                        3 => "d/../".repeat(usize::try_from(random(80)).unwrap()) + ".",
                        4 => "/d/e".to_owned(),
                        // A long chain most of the time.
                        _ => format!("l{}", if random(4) == 0 { random(number) } else { (n + 1) % number }),
                    };
                    target += if target.is_empty() { "" } else { "/" };
                    target += &part;
                }
                entries.push((format!("{above}/l{n}"), format!("-> {target}")));
            }
            let entries: Vec<(&str, &str)> =
                entries.iter().map(|(path, what)| (path.as_str(), what.as_str())).collect();
            let tree = fixture::tree(&entries);
            for id in tree.ids().chain(tree.ids()) {
                let path = tree.path(id);
                for (path, last) in
                    [(path.clone(), true), (path.clone(), false), ([&path[..], b"/../l1"].concat(), true)]
                {
                    assert_eq!(
                        tree.resolve_from(super::Id::ROOT, &path, last),
                        by_steps(&tree, super::Id::ROOT, &path, last)
                    );
                }
            }
        }
    }

    /// Every chain of exactly the limit leads somewhere and every longer one is a loop, whichever end is asked first.
    #[test]
    fn the_limit_counts_links_of_the_whole_way() {
        let names: Vec<(String, String)> = (0..50).map(|n| (format!("/l{n}"), format!("-> l{}", n + 1))).collect();
        let mut entries: Vec<(&str, &str)> = names.iter().map(|(path, what)| (path.as_str(), what.as_str())).collect();
        entries.push(("/l50", ""));
        for order in [(0..51).collect::<Vec<u32>>(), (0..51).rev().collect()] {
            let tree = fixture::tree(&entries);
            for n in order {
                let found = resolved(&tree, &format!("/l{n}"));
                assert_eq!(found, if n >= 10 { Ok("/l50".into()) } else { Err(Unresolved::Loop) }, "l{n}");
            }
        }
    }

    #[test]
    fn says_why_a_path_leads_nowhere() {
        let tree = fixture::tree(&[("/a", "-> b"), ("/b", "-> a"), ("/file", ""), ("/d/", "")]);
        assert_eq!(resolved(&tree, "/a"), Err(Unresolved::Loop));
        assert_eq!(resolved(&tree, "/none"), Err(Unresolved::Missing));
        assert_eq!(resolved(&tree, "/file/x"), Err(Unresolved::Missing));
        assert_eq!(resolved(&tree, "/file/"), Err(Unresolved::Missing));
        assert_eq!(resolved(&tree, "/d/"), Ok("/d".into()));
        assert_eq!(resolved(&tree, "/../.."), Ok("/".into()));
    }

    #[test]
    fn children_are_sorted_and_found_by_name() {
        let tree = fixture::tree(&[("/b", ""), ("/a-", ""), ("/a/x", "")]);
        let names: Vec<_> = tree.children(super::Id::ROOT).map(|id| tree.name(id).to_vec()).collect();
        assert_eq!(names, [b"a".to_vec(), b"a-".to_vec(), b"b".to_vec()]);
        assert_eq!(tree.path(tree.lookup(b"/a/x").unwrap()), b"/a/x");
    }
}
