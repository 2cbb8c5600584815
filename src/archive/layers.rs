//! The tree that entries make, one layer on the other, as an engine unpacks them below a root: a name that is taken is
//! replaced, unless both are directories; links on the way are followed inside the root; whiteouts remove entries.
//!
//! This module owns names and their meaning. It reads no byte of any file.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::{Attribute, Data, Entry, What};
use super::header::ambiguous;
use super::past::Gone;
use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::ordered;
use crate::root::is_temporary;
use crate::tree::{Id, MAX_LINKS, Meta, Tree};

/// Marks of an image's layers (OCI image specification, layer.md): a name that goes, and a directory that hides what is
/// below it.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Longest name and path that a file system takes: NAME_MAX, and several times PATH_MAX, since trees may be deeper.
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 64 * 1024;

/// Longest target of a link (symlink(7): PATH_MAX with its zero byte).
const LONGEST_TARGET: usize = 4095;

/// Most entries of a tree: some hundred MiB.
const MOST_ENTRIES: usize = 4_000_000;

/// Parts of a path, and of the targets of links on its way, that one path may lead through for nothing, and those that all
/// paths may take beyond: each costs a look into a directory, and 40 links of PATH_MAX are 80,000 of them.
const FREE_STEPS: usize = 64;
const MOST_STEPS: usize = 1_000_000;

/// How a cause begins that is none of the entry alone.
const DIFFERS: &str = "differs: ";

const DOTS: &str = "differs: has '..' behind other names";
/// Most bytes of the names and link targets of a tree.
const MOST_BYTES: usize = 1 << 30;

/// Most bytes of the extended attributes of a tree: a signature of IMA on each file of a large image, and more.
const MOST_ATTRIBUTES: usize = 64 << 20;

const TOO_MANY: &str = "exceeds the number of entries that harden can hold";

const TOO_DEEP: &str = "lies so deep that the archive takes more steps than harden follows";

/// Number of an inode; the root's is 0.
pub(super) type Number = u32;

/// A tree that entries are put into.
#[derive(Debug)]
pub(super) struct Layers {
    /// What each directory holds, in byte order of the names.
    names: BTreeMap<(Number, Box<[u8]>), Name>,
    inodes: Vec<Inode>,
    layer: u32,
    /// Parts of paths and link targets beyond [`FREE_STEPS`] so far.
    steps: usize,
    /// Directories with content that a whiteout of this layer took away.
    taken: BTreeSet<(Number, Box<[u8]>)>,
    /// Directories above entries of this layer that stand in a directory without an entry, or were reached over a link.
    loose: BTreeSet<Number>,
    /// Whether the last path led over a link.
    followed: bool,
    /// Entries so far, those included that took the place of another.
    entries: usize,
    /// Bytes of names and link targets so far.
    bytes: usize,
    /// Bytes of extended attributes so far.
    attributes: usize,
    /// Whether these are an image's layers, in which marks mean something, and no exported file system.
    whiteouts: bool,
    /// What layers took away, where that is asked for.
    gone: Option<Gone>,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    inode: Number,
    /// The layer that had it last.
    layer: u32,
}

#[derive(Debug)]
struct Inode {
    mode: u16,
    uid: u32,
    gid: u32,
    mtime: (i64, u32),
    capability: bool,
    nlink: u32,
    /// Of a directory: the one that holds it.
    parent: Number,
    /// Of a directory: the layer that hides what lower ones have in it.
    hidden: Option<u32>,
    /// Of a directory: the layer that has an entry for it, and the one for which what is above it was looked at.
    listed: u32,
    seen: u32,
    body: Body,
    extra: Option<Box<Extra>>,
}

/// What few inodes have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// Extended attributes by name.
    pub(crate) attributes: Vec<Attribute>,
}

#[derive(Debug)]
enum Body {
    Nothing,
    File(Data),
    Link(Box<[u8]>),
}

impl Layers {
    /// A root directory without anything in it.
    pub(super) fn new(whiteouts: bool) -> Self {
        let mut layers = Self {
            names: BTreeMap::new(),
            inodes: Vec::new(),
            layer: 0,
            steps: 0,
            taken: BTreeSet::new(),
            loose: BTreeSet::new(),
            followed: false,
            entries: 0,
            bytes: 0,
            attributes: 0,
            whiteouts,
            gone: None,
        };
        layers.inodes.push(Inode::directory(0));
        layers
    }

    /// Remember what layers take away.
    pub(super) fn remember(&mut self) {
        self.gone = Some(Gone::new());
    }

    /// What layers took away, if it was remembered.
    pub(super) fn take_gone(&mut self) -> Option<Gone> {
        self.gone.take()
    }

    /// From here on entries are of the next layer.
    pub(super) fn next_layer(&mut self) {
        self.layer += 1;
        self.taken.clear();
        self.loose.clear();
    }

    /// Whether nothing was put into it.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Put one entry in.
    ///
    /// # Errors
    /// When no file system could hold it, or unpacking would fail there.
    pub(super) fn put(&mut self, entry: Entry) -> Result<(), Diagnostic> {
        let fail = |why: &str| {
            if let Some(why) = why.strip_prefix(DIFFERS) {
                return ambiguous(entry.at, &format!("{} {why}", quoted(&entry.path)));
            }
            let text =
                format!("the archive cannot be unpacked: its entry {} at byte {} {why}", quoted(&entry.path), entry.at);
            Diagnostic::new(codes::ARCHIVE_ENTRY, text)
                .help("write the archive again with docker export or docker save")
        };
        self.entries += 1;
        if self.names.len().max(self.inodes.len()).max(self.entries) >= MOST_ENTRIES {
            return Err(fail(TOO_MANY));
        }
        let target = if let What::Link(target) = &entry.what { target.len() } else { 0 };
        let components = components(&entry.path).ok_or_else(|| fail(DOTS))?;
        self.bytes += target + components.last().map_or(0, |name| name.len());
        if self.bytes > MOST_BYTES {
            return Err(fail("exceeds the bytes of names and link targets that harden can hold"));
        }
        self.attributes += entry.attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.attributes > MOST_ATTRIBUTES {
            return Err(fail("exceeds the bytes of extended attributes that harden can hold"));
        }
        self.steps += components.len().saturating_sub(FREE_STEPS);
        if self.steps > MOST_STEPS {
            return Err(fail(TOO_DEEP));
        }
        if entry.path.len() > LONGEST_PATH || components.iter().any(|name| name.len() > LONGEST_NAME) {
            return Err(fail("has a name that is too long"));
        }
        let Some((&name, above)) = components.split_last() else {
            let What::Directory = entry.what else { return Err(fail("takes the place of the root directory")) };
            if let Some(root) = self.inodes.first_mut() {
                root.describe(&entry);
            }
            return Ok(());
        };
        let directory = self.directory(above).map_err(fail)?;
        if self.whiteouts {
            // A mark makes the directories on its way, too.
            self.loosen(directory);
        }
        if self.whiteouts && name.starts_with(WHITEOUT) {
            return self.whiteout(directory, name).map_err(fail);
        }
        let known = self.get(directory, name);
        if !self.whiteouts && known.is_some_and(|known| self.is_late(known.inode)) {
            return Err(fail("differs: takes the place of a symbolic link that leads upwards"));
        }
        let made = match entry.what {
            What::Directory => {
                if let Some(known) = known.filter(|known| self.is_directory(known.inode)) {
                    self.describe(known.inode, &entry);
                    self.list(known.inode);
                    self.set(directory, name, known.inode);
                    return Ok(());
                }
                self.back(directory, name).map_err(fail)?;
                Inode::directory(directory)
            }
            What::HardLink(ref target) => {
                self.remove(directory, name);
                let target = self.file(target).map_err(fail)?;
                self.link(target, &entry).map_err(fail)?;
                self.set(directory, name, target);
                return Ok(());
            }
            What::Link(ref target) if target.is_empty() || target.len() > LONGEST_TARGET => {
                return Err(fail("is a link whose target is empty or too long"));
            }
            What::Link(ref target) => Inode::other(0o120_000, Body::Link(target.as_slice().into())),
            What::File(ref data) => Inode::other(0o100_000, Body::File(data.clone())),
            What::Special(kind) => Inode::other(kind, Body::Nothing),
        };
        self.remove(directory, name);
        let number = self.push(made);
        self.describe(number, &entry);
        self.list(number);
        self.set(directory, name, number);
        Ok(())
    }

    /// The directory of that path, made where it is missing (0755 root:root, as engines do).
    fn directory(&mut self, path: &[&[u8]]) -> Result<Number, &'static str> {
        self.walk(path, true)
    }

    /// The layer has an entry for it.
    fn list(&mut self, number: Number) {
        let layer = self.layer;
        if let Some(inode) = self.inodes.get_mut(number as usize) {
            inode.listed = layer;
        }
    }

    /// An entry comes into a directory: those above a directory that the layer does not list would lose it to an opaque
    /// mark behind it where each layer is unpacked over those below.
    fn loosen(&mut self, directory: Number) {
        let (layer, mut below, mut at) = (self.layer, self.followed, directory);
        loop {
            if below {
                self.loose.insert(at);
            }
            let Some(inode) = self.inodes.get_mut(at as usize) else { return };
            below |= at != 0 && inode.listed != layer;
            let known = std::mem::replace(&mut inode.seen, layer) == layer;
            let parent = inode.parent;
            if at == 0 || known && (!below || self.loose.contains(&parent)) {
                return;
            }
            at = parent;
        }
    }

    /// Another name of a file. Engines give the file what the header of the link says; tar(1) leaves it as it is.
    fn link(&mut self, target: Number, entry: &Entry) -> Result<(), &'static str> {
        let layered = self.whiteouts;
        let Some(inode) = self.inodes.get_mut(target as usize) else { return Ok(()) };
        inode.nlink += 1;
        let link = inode.mode & 0o170_000 == 0o120_000;
        let same = (inode.uid, inode.gid) == (entry.uid, entry.gid) && (link || inode.mode & 0o7777 == entry.mode);
        if layered {
            let before = inode.extra.take();
            inode.describe(entry);
            // The owner takes the capability away, and nothing else.
            if let Some(mut extra) = before {
                let set = inode.extra.take().map(|extra| extra.attributes).unwrap_or_default();
                let goes = |name: &[u8]| name == b"security.capability" || set.iter().any(|(new, _)| **new == *name);
                extra.attributes.retain(|(name, _)| !goes(name));
                extra.attributes.extend(set);
                inode.extra = (*extra != Extra::default()).then_some(extra);
            }
        } else if same {
            // Only some writers repeat it.
            inode.capability |= entry.capability && inode.mode & 0o170_000 == 0o100_000;
        } else {
            return Err("differs: is a hard link with another owner or mode than its file");
        }
        Ok(())
    }

    /// A directory comes back that a whiteout of the same layer took away: with what it had where layers are stored
    /// apart (overlayfs), and empty where each is unpacked over those below.
    fn back(&self, directory: Number, name: &[u8]) -> Result<(), &'static str> {
        if !self.taken.is_empty() && self.taken.contains(&(directory, name.into())) {
            return Err("differs: is a directory that a whiteout of the same layer takes away");
        }
        Ok(())
    }

    /// The file of that path, for another name of it.
    fn file(&mut self, path: &[u8]) -> Result<Number, &'static str> {
        const MISSING: &str = "is a hard link to a file that does not exist";
        let components = components(path).ok_or(DOTS)?;
        let (&name, above) = components.split_last().ok_or(MISSING)?;
        let directory = self.walk(above, false).map_err(|why| if why.starts_with(DIFFERS) { why } else { MISSING })?;
        let found = self.get(directory, name).ok_or(MISSING)?.inode;
        if self.is_directory(found) { Err("is a hard link to a directory") } else { Ok(found) }
    }

    /// Follow a path to a directory, with all links on it.
    fn walk(&mut self, path: &[&[u8]], make: bool) -> Result<Number, &'static str> {
        let mut todo: Vec<Box<[u8]>> = path.iter().rev().map(|&name| name.into()).collect();
        let (mut at, mut links, mut steps) = (0, 0, 0);
        while let Some(name) = todo.pop() {
            if &*name == b".." {
                at = self.inode(at).map_or(0, |inode| inode.parent);
                continue;
            }
            let next = match self.get(at, &name) {
                // Layers that are stored apart (overlayfs) do not see it: they have a directory in its place.
                Some(found) if found.layer != self.layer && self.is_link(found.inode) => {
                    return Err("differs: lies behind a symbolic link of a lower layer");
                }
                Some(found) => found.inode,
                None if name.len() > LONGEST_NAME => return Err("lies behind a link to a name that is too long"),
                None if self.inodes.len() >= MOST_ENTRIES => return Err(TOO_MANY),
                None if make => {
                    self.back(at, &name)?;
                    let number = self.push(Inode::directory(at));
                    self.set(at, &name, number);
                    number
                }
                None => return Err("lies in a directory that does not exist"),
            };
            match self.inode(next).map(|inode| (inode.mode & 0o170_000, &inode.body)) {
                Some((0o040_000, _)) => at = next,
                Some((_, Body::Link(target))) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err("lies behind links that form a loop");
                    }
                    if target.first() == Some(&b'/') {
                        at = 0;
                    }
                    let parts = target.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
                    let before = todo.len();
                    todo.extend(parts.rev().map(Into::into));
                    steps += todo.len() - before;
                    if steps > FREE_STEPS {
                        self.steps += todo.len() - before;
                    }
                    if self.steps > MOST_STEPS {
                        return Err("lies behind links that take more steps than harden follows in one archive");
                    }
                }
                _ => return Err("lies below an entry that is not a directory"),
            }
        }
        self.followed = links > 0;
        Ok(at)
    }

    /// Take away what a mark names.
    fn whiteout(&mut self, directory: Number, name: &[u8]) -> Result<(), &'static str> {
        if name == OPAQUE {
            if self.loose.contains(&directory) {
                return Err("differs: is an opaque mark behind an entry without an entry for its directory");
            }
            self.hide(directory);
            return Ok(());
        }
        match name.strip_prefix(WHITEOUT).unwrap_or_default() {
            b"" | b"." | b".." => Err("is a whiteout without a name"),
            // Marks of AUFS itself, which engines skip.
            other if other.starts_with(WHITEOUT) => Ok(()),
            other => {
                let Some(found) = self.get(directory, other) else { return Ok(()) };
                if self.is_new(found) {
                    return Err("differs: is a whiteout of an entry of the same layer");
                }
                if self.is_directory(found.inode) && !self.is_bare(found.inode) {
                    self.taken.insert((directory, other.into()));
                }
                self.remove(directory, other);
                Ok(())
            }
        }
    }

    /// Remove from a directory everything that is of lower layers, at every depth.
    fn hide(&mut self, directory: Number) {
        let layer = self.layer;
        // Nothing of a lower layer comes back: each directory is looked through once a layer.
        let done = |inodes: &mut Vec<Inode>, directory: Number| match inodes.get_mut(directory as usize) {
            Some(inode) => inode.hidden.replace(layer) == Some(layer),
            None => true,
        };
        if done(&mut self.inodes, directory) {
            return;
        }
        let mut all: Vec<(Number, Box<[u8]>, Name)> = Vec::new();
        let (mut current, mut next) = (directory, 0);
        loop {
            for (name, found) in self.children(current) {
                if self.is_directory(found.inode) {
                    all.push((current, name, found));
                } else if found.layer != layer {
                    self.remove(current, &name);
                }
            }
            // The next one that was not looked through.
            let rest = all.get(next..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(|(_, _, found)| !done(&mut self.inodes, found.inode)) else {
                break;
            };
            next += skipped + 1;
            let Some((_, _, found)) = all.get(next - 1) else { break };
            current = found.inode;
        }
        // The deepest first: a directory stays for what is in it.
        for (parent, name, found) in all.into_iter().rev() {
            if found.layer != layer && self.is_bare(found.inode) {
                self.remove(parent, &name);
            }
        }
    }

    fn remember_one(&mut self, directory: Number, name: &[u8], inode: Number) {
        let layer = self.layer;
        if let Some(gone) = &mut self.gone {
            gone.insert((directory, name.into()), (inode, layer));
        }
    }

    /// Remove a name, and everything below it.
    fn remove(&mut self, directory: Number, name: &[u8]) {
        let Some(found) = self.names.remove(&(directory, name.into())) else { return };
        self.remember_one(directory, name, found.inode);
        let mut gone = vec![found.inode];
        while let Some(number) = gone.pop() {
            if self.is_directory(number) {
                for (name, below) in self.children(number) {
                    self.remember_one(number, &name, below.inode);
                    self.names.remove(&(number, name));
                    gone.push(below.inode);
                }
            } else if let Some(inode) = self.inodes.get_mut(number as usize) {
                inode.nlink = inode.nlink.saturating_sub(1);
            }
        }
    }

    /// Whether a name, or anything below it, is of this layer.
    fn is_new(&self, name: Name) -> bool {
        let mut todo = vec![name];
        while let Some(name) = todo.pop() {
            if name.layer == self.layer {
                return true;
            }
            if self.is_directory(name.inode) {
                todo.extend(self.children(name.inode).into_iter().map(|(_, below)| below));
            }
        }
        false
    }

    fn is_link(&self, number: Number) -> bool {
        self.inode(number).is_some_and(|inode| matches!(inode.body, Body::Link(_)))
    }

    /// Whether tar(1) makes a link after all other entries: one that is absolute or has `..`. Where the inode of its
    /// place-holder comes back for the entry that takes its place, that entry is lost.
    fn is_late(&self, number: Number) -> bool {
        self.inode(number).is_some_and(|inode| match &inode.body {
            Body::Link(target) => {
                target.starts_with(b"/") || target.split(|&byte| byte == b'/').any(|part| part == b"..")
            }
            _ => false,
        })
    }

    fn is_bare(&self, directory: Number) -> bool {
        let first: (Number, Box<[u8]>) = (directory, Box::default());
        self.names.range(first..).next().is_none_or(|((of, _), _)| *of != directory)
    }

    fn children(&self, directory: Number) -> Vec<(Box<[u8]>, Name)> {
        let first: (Number, Box<[u8]>) = (directory, Box::default());
        let below = self.names.range(first..);
        below.take_while(|((of, _), _)| *of == directory).map(|((_, name), found)| (name.clone(), *found)).collect()
    }

    fn get(&self, directory: Number, name: &[u8]) -> Option<Name> {
        self.names.get(&(directory, name.into())).copied()
    }

    fn set(&mut self, directory: Number, name: &[u8], inode: Number) {
        self.names.insert((directory, name.into()), Name { inode, layer: self.layer });
    }

    fn push(&mut self, inode: Inode) -> Number {
        self.inodes.push(inode);
        Number::try_from(self.inodes.len() - 1).unwrap_or(Number::MAX)
    }

    fn inode(&self, number: Number) -> Option<&Inode> {
        self.inodes.get(number as usize)
    }

    fn is_directory(&self, number: Number) -> bool {
        self.inode(number).is_some_and(|inode| inode.mode & 0o170_000 == 0o040_000)
    }

    fn describe(&mut self, number: Number, entry: &Entry) {
        if let Some(inode) = self.inodes.get_mut(number as usize) {
            inode.describe(entry);
        }
    }

    /// The tree; the content of each inode: that of number `n` of the tree is at `n - 1`; and what few inodes have besides, by
    /// their number in the tree. With `as_walk` the tree knows the capabilities of files that can be executed, as the walk of
    /// a root that is to be changed does.
    pub(super) fn finish(mut self, as_walk: bool) -> (Tree, Vec<Option<Data>>, BTreeMap<u64, Extra>) {
        if as_walk {
            for inode in &mut self.inodes {
                inode.capability &= inode.mode & 0o111 != 0;
            }
        }
        let mut tree = Tree::new(self.meta(0));
        let mut todo = vec![Id::ROOT];
        while let Some(id) = todo.pop() {
            let number = Number::try_from(tree.meta(id).ino.saturating_sub(1)).unwrap_or(Number::MAX);
            let first = tree.len();
            for (name, found) in self.children(number) {
                // As the walk of a directory does it: what a killed run left behind is no part of the tree.
                if is_temporary(&name) && self.is_bare(found.inode) {
                    tree.leftover(id, &name);
                    continue;
                }
                let target = self.inode(found.inode).and_then(|inode| match &inode.body {
                    Body::Link(target) => Some(&**target),
                    _ => None,
                });
                tree.add(id, &name, self.meta(found.inode), target);
            }
            tree.seal(id, first);
            let below: Vec<Id> = tree.children(id).filter(|&child| tree.is_dir(child)).collect();
            todo.extend(below.into_iter().rev());
        }
        let extras = self.inodes.iter_mut().enumerate();
        let extras = ordered::map(extras.filter_map(|(at, inode)| Some((at as u64 + 1, *inode.extra.take()?))));
        let contents = self.inodes.into_iter().map(|inode| match inode.body {
            Body::File(data) => Some(data),
            _ => None,
        });
        (tree, contents.collect(), extras)
    }

    fn meta(&self, number: Number) -> Meta {
        let Some(inode) = self.inode(number) else { return Meta::default() };
        let size = match &inode.body {
            Body::File(data) => data.size,
            Body::Link(target) => target.len() as u64,
            Body::Nothing => 0,
        };
        let (mtime, mtime_nsec) = inode.mtime;
        Meta {
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            nlink: inode.nlink,
            size,
            ino: u64::from(number) + 1,
            device: 0,
            mtime,
            mtime_nsec,
            ctime: mtime.saturating_mul(1_000_000_000).saturating_add(mtime_nsec.into()),
            mount: false,
            capability: inode.capability,
        }
    }
}

impl Inode {
    fn directory(parent: Number) -> Self {
        Self { parent, mode: 0o040_755, nlink: 2, ..Self::other(0, Body::Nothing) }
    }

    fn other(mode: u16, body: Body) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
            mtime: (0, 0),
            capability: false,
            nlink: 1,
            parent: 0,
            hidden: None,
            listed: 0,
            seen: 0,
            body,
            extra: None,
        }
    }

    /// Owner, mode and time of the entry; a link has all bits, as everywhere.
    fn describe(&mut self, entry: &Entry) {
        let kind = self.mode & 0o170_000;
        self.mode = kind | if kind == 0o120_000 { 0o777 } else { entry.mode };
        (self.uid, self.gid, self.mtime) = (entry.uid, entry.gid, entry.mtime);
        self.capability = entry.capability && kind == 0o100_000;
        let device = if matches!(kind, 0o020_000 | 0o060_000) { entry.device } else { (0, 0) };
        let extra = Extra { device, attributes: entry.attributes.clone() };
        self.extra = (extra != Extra::default()).then(|| Box::new(extra));
    }
}

/// The names of a path, which never leaves the root: `..` takes the name before it away. `None` when names are left
/// before the last `..`: engines keep them, and tar(1) drops them.
fn components(path: &[u8]) -> Option<Vec<&[u8]>> {
    let mut components = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                components.pop();
                if !components.is_empty() {
                    return None;
                }
            }
            name => components.push(name),
        }
    }
    Some(components)
}
