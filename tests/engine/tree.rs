//! File trees as values: what a tar stream, an image layer or an exported container holds, entry by entry.
//!
//! Knows nothing of harden. Two trees are compared by the fields that matter to a test.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use sha2::{Digest, Sha256};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    File,
    Directory,
    Symlink(String),
    Hardlink(String),
    Device,
    Fifo,
    /// A name that the layer deletes (`.wh.NAME`).
    Whiteout,
    /// A directory whose lower content the layer hides (`.wh..wh..opq`).
    Opaque,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    /// Permission bits with set-id and sticky, octal.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: u64,
    pub size: u64,
    pub sha256: String,
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// The bytes, kept for small files only: account files, databases' ends, scripts.
    pub content: Option<Vec<u8>>,
    /// The first four bytes of a regular file.
    pub head: Vec<u8>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {:04o} {}:{} @{} {} bytes {}",
            self.kind,
            self.mode,
            self.uid,
            self.gid,
            self.mtime,
            self.size,
            self.sha256.get(..12).unwrap_or("")
        )?;
        if !self.xattrs.is_empty() {
            write!(f, " xattrs {:?}", self.xattrs.keys())?;
        }
        Ok(())
    }
}

impl Entry {
    /// Equal but for time: the differences that justify a place in a layer.
    pub fn same_but_time(&self, other: &Entry) -> bool {
        let mut other = other.clone();
        other.mtime = self.mtime;
        *self == other
    }

    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// An executable file that a kernel can start: ELF or a script.
    pub fn is_program(&self) -> bool {
        self.is_file() && self.mode & 0o111 != 0 && (self.head.starts_with(b"\x7fELF") || self.head.starts_with(b"#!"))
    }
}

/// Paths without a leading slash; the root itself is the empty path.
#[derive(Clone, Default)]
pub struct Tree {
    pub entries: BTreeMap<String, Entry>,
}

const SMALL: u64 = 256 * 1024;

impl Tree {
    /// Reads a tar stream.
    pub fn from_tar(reader: impl Read) -> Tree {
        let mut entries = BTreeMap::new();
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().expect("a tar stream") {
            let mut entry = entry.expect("a tar entry");
            let raw = escape(&entry.path_bytes());
            let path = raw.trim_start_matches("./").trim_matches('/').to_owned();
            let path = if path == "." { String::new() } else { path };
            let mut xattrs = BTreeMap::new();
            let mut mtime = None;
            if let Ok(Some(extensions)) = entry.pax_extensions() {
                for extension in extensions.flatten() {
                    let key = extension.key().unwrap_or_default();
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        xattrs.insert(name.to_owned(), extension.value_bytes().to_vec());
                    } else if key == "mtime" {
                        mtime = extension
                            .value()
                            .ok()
                            .and_then(|value| value.split('.').next())
                            .and_then(|value| value.parse().ok());
                    }
                }
            }
            let header = entry.header();
            let target = || entry.link_name_bytes().map(|name| escape(&name)).unwrap_or_default();
            let kind = match header.entry_type() {
                tar::EntryType::Directory => Kind::Directory,
                tar::EntryType::Symlink => Kind::Symlink(target()),
                tar::EntryType::Link => Kind::Hardlink(target().trim_start_matches("./").trim_matches('/').to_owned()),
                tar::EntryType::Char | tar::EntryType::Block => Kind::Device,
                tar::EntryType::Fifo => Kind::Fifo,
                _ => Kind::File,
            };
            let mut found = Entry {
                kind,
                mode: header.mode().expect("a mode") & 0o7777,
                uid: header.uid().expect("a uid"),
                gid: header.gid().expect("a gid"),
                mtime: mtime.unwrap_or_else(|| header.mtime().expect("a time")),
                size: entry.size(),
                sha256: String::new(),
                xattrs,
                content: None,
                head: Vec::new(),
            };
            if found.is_file() {
                read_content(&mut entry, &mut found);
            }
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == ".wh..wh..opq" {
                found.kind = Kind::Opaque;
                entries.insert(join(dir, "*"), found);
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                found.kind = Kind::Whiteout;
                entries.insert(join(dir, hidden), found);
            } else {
                entries.insert(path, found);
            }
        }
        Tree { entries }
    }

    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path.trim_matches('/'))
    }

    /// The text of a small file; empty when it is missing.
    pub fn text(&self, path: &str) -> String {
        let content = self.get(path).and_then(|entry| entry.content.clone()).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    }

    /// Lays a layer over this tree.
    pub fn add_layer(&mut self, layer: &Tree) {
        for (path, entry) in &layer.entries {
            match entry.kind {
                Kind::Whiteout => self.remove(path),
                Kind::Opaque => {
                    let dir = path.trim_end_matches('*').to_owned();
                    self.entries.retain(|path, _| !path.starts_with(&dir));
                }
                _ => {}
            }
        }
        for (path, entry) in &layer.entries {
            if !matches!(entry.kind, Kind::Whiteout | Kind::Opaque) {
                if !entry.is_dir() && self.get(path).is_some_and(Entry::is_dir) {
                    self.remove(path);
                }
                self.entries.insert(path.clone(), entry.clone());
            }
        }
    }

    fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.entries.retain(|name, _| name != path && !name.starts_with(&below));
    }

    /// A copy in which every hard link is the file that it names.
    pub fn without_hardlinks(&self) -> Tree {
        let mut entries = self.entries.clone();
        for (path, entry) in &self.entries {
            if let Kind::Hardlink(target) = &entry.kind
                && let Some(file) = self.entries.get(target)
            {
                entries.insert(path.clone(), file.clone());
            }
        }
        Tree { entries }
    }

    /// Follows every link inside the tree, the last one too. `None`: it leads nowhere.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut done: Vec<String> = Vec::new();
        let mut todo: Vec<String> = parts(path).rev().map(str::to_owned).collect();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                done.pop();
                continue;
            }
            done.push(part);
            let here = done.join("/");
            match &self.entries.get(&here)?.kind {
                Kind::Symlink(target) => {
                    links += 1;
                    if links > 40 {
                        return None;
                    }
                    done.pop();
                    if target.starts_with('/') {
                        done.clear();
                    }
                    todo.extend(parts(target).rev().map(str::to_owned));
                }
                Kind::Directory => {}
                _ if todo.is_empty() => {}
                _ => return None,
            }
        }
        Some(done.join("/"))
    }

    /// The differences to another tree, one line each.
    pub fn differences(&self, other: &Tree) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, entry) in &self.entries {
            match other.entries.get(path) {
                None => lines.push(format!("only in the first: /{path} {entry:?}")),
                Some(there) if there != entry => {
                    lines.push(format!("/{path}: {entry:?} != {there:?}"));
                }
                Some(_) => {}
            }
        }
        for (path, entry) in &other.entries {
            if !self.entries.contains_key(path) {
                lines.push(format!("only in the second: /{path} {entry:?}"));
            }
        }
        lines
    }
}

fn read_content(reader: &mut impl Read, entry: &mut Entry) {
    let mut hash = Sha256::new();
    let mut kept = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = reader.read(&mut buffer).expect("file content");
        if n == 0 {
            break;
        }
        if entry.head.is_empty() {
            entry.head = buffer[..n.min(4)].to_vec();
        }
        hash.update(&buffer[..n]);
        if entry.size <= SMALL {
            kept.extend_from_slice(&buffer[..n]);
        }
    }
    entry.sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    entry.content = (entry.size <= SMALL).then_some(kept);
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// A path as text, control characters escaped. Bytes that are no UTF-8 are left out, as the engine's own tar writer does.
fn escape(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().filter(|byte| byte.is_ascii()).map(|byte| char::from(*byte)).collect(),
    };
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
