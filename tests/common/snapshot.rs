//! A whole tree with everything that a change could touch, and what differs between two of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// One entry. Times are seconds and nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: &'static str,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: (i64, i64),
    pub(crate) ctime: (i64, i64),
    pub(crate) ino: u64,
    pub(crate) device: u64,
    /// Bytes of a file, target of a link.
    pub(crate) content: Vec<u8>,
    pub(crate) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Every entry by its path in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) BTreeMap<Vec<u8>, Entry>);

impl Snapshot {
    pub(crate) fn of(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        add(&mut entries, root, b"/".to_vec());
        Self(entries)
    }

    pub(crate) fn get(&self, path: &str) -> &Entry {
        self.0.get(path.as_bytes()).unwrap_or_else(|| panic!("{path} is not there"))
    }

    pub(crate) fn mode(&self, path: &str) -> u32 {
        self.get(path).mode
    }

    pub(crate) fn owner(&self, path: &str) -> (u32, u32) {
        (self.get(path).uid, self.get(path).gid)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path.as_bytes())
    }

    /// Regular files and links directly in a directory, by name.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let names = self.0.iter().filter(|(_, entry)| entry.kind != "directory");
        names
            .filter_map(|(path, _)| path.strip_prefix(prefix.as_bytes()))
            .filter(|name| !name.contains(&b'/'))
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }

    /// What differs, one line each, but for times of inodes (ctime) and inode numbers.
    pub(crate) fn diff(&self, after: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, old) in &self.0 {
            let shown = String::from_utf8_lossy(path);
            match after.0.get(path) {
                None => lines.push(format!("- {shown}")),
                Some(new) => {
                    let mut differs = |what: &str, a: String, b: String| {
                        if a != b {
                            lines.push(format!("~ {shown} {what} {a} -> {b}"));
                        }
                    };
                    differs("kind", old.kind.to_owned(), new.kind.to_owned());
                    differs("mode", format!("{:04o}", old.mode), format!("{:04o}", new.mode));
                    differs("owner", format!("{}:{}", old.uid, old.gid), format!("{}:{}", new.uid, new.gid));
                    differs("time", format!("{:?}", old.mtime), format!("{:?}", new.mtime));
                    differs("device", old.device.to_string(), new.device.to_string());
                    differs("xattrs", format!("{:?}", old.xattrs), format!("{:?}", new.xattrs));
                    if old.content != new.content {
                        lines.push(format!("~ {shown} content"));
                    }
                }
            }
        }
        let new = after.0.keys().filter(|path| !self.0.contains_key(*path));
        lines.extend(new.map(|path| format!("+ {}", String::from_utf8_lossy(path))));
        lines
    }

    /// Nothing was written at all: inodes and the kernel's own time of change are the same too.
    pub(crate) fn assert_untouched(&self, after: &Self, what: &str) {
        assert_eq!(self.diff(after), Vec::<String>::new(), "{what}");
        for (path, old) in &self.0 {
            assert_eq!(old, &after.0[path], "{what}: {} was written", String::from_utf8_lossy(path));
        }
    }
}

fn add(entries: &mut BTreeMap<Vec<u8>, Entry>, at: &Path, path: Vec<u8>) {
    let meta = at.symlink_metadata().unwrap();
    let kind = meta.file_type();
    let (kind, content) = if kind.is_dir() {
        ("directory", Vec::new())
    } else if kind.is_symlink() {
        ("link", fs::read_link(at).unwrap().as_os_str().as_bytes().to_vec())
    } else if kind.is_file() {
        ("file", fs::read(at).unwrap())
    } else if kind.is_fifo() {
        ("fifo", Vec::new())
    } else if kind.is_socket() {
        ("socket", Vec::new())
    } else {
        ("device", Vec::new())
    };
    let entry = Entry {
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        mtime: (meta.mtime(), meta.mtime_nsec()),
        ctime: (meta.ctime(), meta.ctime_nsec()),
        ino: meta.ino(),
        device: meta.rdev(),
        content,
        xattrs: xattrs(at),
    };
    let directory = kind == "directory";
    let prefix = if path == b"/" { Vec::new() } else { path.clone() };
    entries.insert(path, entry);
    if directory {
        for child in fs::read_dir(at).unwrap() {
            let child = child.unwrap();
            let path = [&prefix[..], b"/", child.file_name().as_bytes()].concat();
            add(entries, &child.path(), path);
        }
    }
}

fn xattrs(at: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0_u8; 4096];
    let len = rustix::fs::llistxattr(at, &mut names[..]).unwrap();
    let names = names[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0_u8; 4096];
            let len = rustix::fs::lgetxattr(at, name, &mut value[..]).unwrap();
            (name.to_vec(), value[..len].to_vec())
        })
        .collect()
}
