//! What harden's step adds to an image, judged: no entry without a difference, little content, the same
//! bytes and times at every build. What engines stamp themselves is named here and nowhere else.

use std::collections::BTreeSet;

use crate::tree::{Entry, Kind, Tree};

/// Directories whose time the engine sets: it makes /etc/hosts and the like for the step, and the entries
/// that COPY and bind mounts bring.
pub struct Stamped {
    /// Directories whose time differs from build to build.
    dirs: BTreeSet<String>,
    /// Those of them that the engine touches during harden's own step.
    during: BTreeSet<String>,
}

impl Stamped {
    /// `copies` and `binds` are the paths that COPY and bind mounts write to.
    pub fn new(copies: &[&str], binds: &[&str]) -> Stamped {
        let parent = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        let trim = |path: &&str| path.trim_matches('/').to_owned();
        let mut during: BTreeSet<String> = ["", "etc"].map(str::to_owned).into();
        during.extend(binds.iter().map(trim).map(|path| parent(&path)));
        let mut dirs = during.clone();
        dirs.extend(copies.iter().map(trim).flat_map(|path| [parent(&path), path]));
        Stamped { dirs, during }
    }

    fn contains(&self, path: &str, entry: &Entry) -> bool {
        entry.is_dir() && self.dirs.contains(path)
    }

    /// The layer without the times that the engine sets.
    pub fn without(&self, layer: &Tree) -> Tree {
        let mut layer = layer.clone();
        for (path, entry) in &mut layer.entries {
            if matches!(entry.kind, Kind::Whiteout | Kind::Opaque) || self.contains(path, entry) {
                entry.mtime = 0;
            }
        }
        layer
    }

    /// An exported tree without those times and without the files that the engine makes for a container.
    pub fn without_in_export(&self, tree: &Tree) -> Tree {
        let mut tree = self.without(tree);
        let made = [".dockerenv", "dev", "proc", "sys"];
        let files = ["etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab"];
        tree.entries.retain(|path, _| {
            let top = path.split('/').next().unwrap_or("");
            !made.contains(&top) && !files.contains(&path.as_str())
        });
        tree
    }

    /// Entries of the layer that differ from what was there in nothing.
    pub fn needless(&self, layer: &Tree, below: &Tree) -> Vec<String> {
        let below = below.without_hardlinks();
        let full = layer.without_hardlinks();
        let mut needless = Vec::new();
        for (path, entry) in &full.entries {
            let old = below.entries.get(path);
            let real = match (&entry.kind, old) {
                (Kind::Whiteout | Kind::Opaque, _) => true,
                (_, None) => true,
                (Kind::Directory, Some(old)) => {
                    !entry.same_but_time(old) || self.contains(path, entry) || has_child(&full, path)
                }
                (_, Some(old)) => !entry.same_but_time(old),
            };
            if !real {
                needless.push(format!("/{path} {entry:?}"));
            }
        }
        needless
    }

    /// Directories that were there before and got another time, the engine's own excepted.
    pub fn retimed(&self, layer: &Tree, below: &Tree) -> Vec<String> {
        layer
            .entries
            .iter()
            .filter(|(path, entry)| entry.is_dir() && !self.during.contains(*path))
            .filter_map(|(path, entry)| below.entries.get(path).map(|old| (path, entry, old)))
            .filter(|(_, entry, old)| old.is_dir() && entry.mtime != old.mtime)
            .map(|(path, entry, old)| format!("/{path}: {} became {}", old.mtime, entry.mtime))
            .collect()
    }
}

/// Bytes of regular file content: (elsewhere, in package databases).
pub fn content_bytes(layer: &Tree) -> (u64, u64) {
    const DATABASES: &[&str] = &[
        "var/lib/dpkg/",
        "lib/apk/db/",
        "usr/lib/apk/db/",
        "var/lib/rpm/",
        "usr/lib/sysimage/rpm/",
        "var/lib/pacman/",
    ];
    let mut bytes = (0, 0);
    for (path, entry) in &layer.entries {
        if entry.is_file() {
            if DATABASES.iter().any(|database| path.starts_with(database)) {
                bytes.1 += entry.size;
            } else {
                bytes.0 += entry.size;
            }
        }
    }
    bytes
}

fn has_child(layer: &Tree, path: &str) -> bool {
    let below = if path.is_empty() { String::new() } else { format!("{path}/") };
    layer.entries.range(below.clone()..).take_while(|(name, _)| name.starts_with(&below)).any(|(name, _)| name != path)
}

#[test]
fn a_copied_file_without_a_difference_is_found() {
    let stamped = Stamped::new(&["/harden"], &[]);
    let file = sample(Kind::File, 0o644);
    let mut below = Tree::default();
    below.entries.insert("usr".into(), sample(Kind::Directory, 0o755));
    below.entries.insert("usr/a".into(), file.clone());
    let mut layer = Tree::default();
    layer.entries.insert("usr".into(), sample(Kind::Directory, 0o755));
    layer.entries.insert("usr/a".into(), Entry { mtime: 9, ..file.clone() });
    assert_eq!(stamped.needless(&layer, &below).len(), 1, "a new time alone is no difference");

    layer.entries.insert("usr/a".into(), Entry { mode: 0o600, ..file });
    assert_eq!(stamped.needless(&layer, &below), Vec::<String>::new());

    layer.entries.remove("usr/a");
    assert_eq!(stamped.needless(&layer, &below).len(), 1, "a directory that holds no change");
    layer.entries.insert("usr".into(), Entry { mtime: 9, ..sample(Kind::Directory, 0o755) });
    assert_eq!(stamped.retimed(&layer, &below).len(), 1);
}

#[cfg(test)]
fn sample(kind: Kind, mode: u32) -> Entry {
    Entry {
        kind,
        mode,
        uid: 0,
        gid: 0,
        mtime: 1,
        size: 0,
        sha256: String::new(),
        xattrs: std::collections::BTreeMap::new(),
        content: None,
        head: Vec::new(),
    }
}
