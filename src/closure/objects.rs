//! The libraries of ELF files that harden keeps for reasons outside the closure: a module of a package, a program of
//! the application. The same search as the closure's, one file at a time; also the files that such a file opens by
//! name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::rc::Rc;

use super::walk::Walk;
use super::{Input, Reason, Why};
use crate::diag::escape::quoted;
use crate::facts::elf::{Elf, MAGIC};
use crate::facts::program::{FileBytes, LONGEST, is_library_name, search};
use crate::facts::texts::Texts;
use crate::tree::{Id, Tree};

/// What calls into the loader at run time.
const OPENERS: [&str; 2] = ["dlopen", "dlmopen"];
/// What loads modules through another library: GLib, libltdl, the Apache Portable Runtime.
const LOADERS_OF_MODULES: [&str; 7] =
    ["dlopen", "g_module_open", "g_module_open_full", "lt_dlopen", "lt_dlopenext", "lt_dlopenadvise", "apr_dso_load"];
/// Most modules of one directory.
const MOST_MODULES: usize = 4096;
/// Beginnings of names of glibc's own libraries, which open others without a call to be seen.
const C_LIBRARY: [&[u8]; 3] = [b"libc.so", b"libc-", b"libpthread"];
/// What they cannot do without: `pthread_cancel` and `pthread_exit` end the program where it is not there.
const UNWINDER: &[u8] = b"libgcc_s.so";
/// What UPX writes behind the headers of a program that it packs, and how far behind the beginning of the file.
const PACKED: &[u8] = b"UPX!";
const PACKED_WITHIN: usize = 4096;
/// Beginnings of names of loaders: glibc's and musl's.
const LOADERS: [&[u8]; 4] = [b"ld-linux", b"ld64.so.", b"ld.so.", b"ld-musl-"];
/// Endings of loadable modules besides `.so`: Node.js, OCaml.
const ENDINGS: [&[u8]; 2] = [b".node", b".cmxs"];

/// A search over the ELF files of a tree.
pub(crate) struct Objects<'a> {
    walk: Walk<'a>,
    /// Libraries of the library directories, by file name; made when first asked for.
    names: Option<BTreeMap<&'a [u8], Vec<Id>>>,
}

impl std::fmt::Debug for Objects<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}

impl<'a> Objects<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub(crate) fn new(input: &Input<'a>) -> Self {
        Self { walk: Walk::new(input), names: None }
    }

    /// Whether an entry can be an ELF file, as far as its name and mode tell: content is read of those only.
    #[must_use]
    pub(crate) fn is_candidate(tree: &Tree, id: Id) -> bool {
        let name = tree.name(id);
        tree.is_file(id)
            && !tree.meta(id).mount
            && (tree.permissions(id) & 0o111 != 0
                || name.windows(3).any(|part| part == b".so")
                || ENDINGS.iter().any(|ending| name.ends_with(ending)))
    }

    /// The file as ELF; `None` for anything else.
    pub(crate) fn elf(&mut self, id: Id) -> Option<Rc<Elf>> {
        let Input { tree, contents, .. } = self.walk.input;
        let magic = contents.read_at(tree, id, 0, MAGIC.len()).is_ok_and(|head| head == MAGIC);
        magic.then(|| self.walk.object(id)).flatten().map(|(elf, _)| elf)
    }

    /// Its interpreter, its libraries and theirs, with the links on the way.
    pub(crate) fn needs(&mut self, id: Id, elf: &Elf) -> Vec<(Id, Reason)> {
        self.walk.visit_elf(id, elf);
        let mut needs = self.walk.take_needs();
        // What its own search does not find is found by that of the program which loads it, wherever that looks.
        let needed = self.walk.object(id).map(|(_, names)| names.needed.clone()).unwrap_or_default();
        let found: BTreeSet<&[u8]> = needs.iter().map(|(at, _)| self.walk.input.tree.name(*at)).collect();
        let missing: Vec<Vec<u8>> = needed.into_iter().filter(|name| !found.contains(&name[..])).collect();
        for name in missing {
            needs.extend(self.named(&name, false).into_iter().map(|at| (at, reason(id, &name, "of"))));
        }
        needs
    }

    /// Libraries whose names stand in the file, when it opens libraries by name: `libssl.so.3`, and as the beginning of
    /// a name that is put together at run time, `libicuuc.so.%d`.
    pub(crate) fn opened(&mut self, id: Id, elf: &Elf) -> Vec<(Id, Reason)> {
        let Input { tree, contents, .. } = self.walk.input;
        let own = tree.name(id);
        let opens = self.imports(id, elf, &OPENERS);
        if !opens && !C_LIBRARY.iter().any(|start| own.starts_with(start)) {
            return Vec::new();
        }
        let mut names: BTreeSet<Vec<u8>> = BTreeSet::new();
        search(tree, contents, id, &mut |piece| library_names(piece, &mut names));
        if !opens {
            names.retain(|name| name.starts_with(UNWINDER));
        }
        let mut found = Vec::new();
        for name in names.into_iter().filter(|name| name != own) {
            found.extend(self.named(&name, true).into_iter().map(|at| (at, reason(id, &name, "opened by name by"))));
        }
        found
    }

    /// Modules in the directories that a library names whole, where these lie below its own: plugins of GStreamer, GIO,
    /// Qt. It opens what it finds there. What programs name so is a program's whole tree, and says less.
    pub(crate) fn plugins(&mut self, id: Id, elf: &Elf) -> Vec<(Id, Reason)> {
        let Input { tree, contents, .. } = self.walk.input;
        let own = tree.parent(id);
        if !is_library_directory(tree, own) || !self.imports(id, elf, &LOADERS_OF_MODULES) {
            return Vec::new();
        }
        let mut texts = Texts::default();
        let none = BTreeSet::new();
        search(tree, contents, id, &mut |piece| texts.collect(piece, &none));
        let mut found = Vec::new();
        for path in &texts.paths {
            let Ok(directory) = tree.resolve(path).map(|found| found.node) else { continue };
            if directory == own || !tree.is_dir(directory) || !tree.is_within(directory, own) {
                continue;
            }
            let is_module = |&at: &Id| {
                let name = tree.name(at);
                tree.is_file(at) && (name.ends_with(b".so") || ENDINGS.iter().any(|ending| name.ends_with(ending)))
            };
            let why = || Why::Read(format!("module in the directory {} that is named by", quoted(path)));
            let modules = tree.subtree(directory).filter(is_module).take(MOST_MODULES);
            found.extend(modules.map(|at| (at, Reason { from: Some(id), why: why() })));
        }
        found
    }

    /// The loaders of the tree, for a program that UPX has packed: it names its loader and libraries only in what it
    /// unpacks at run time. Empty for any other file, and in a tree without a loader.
    pub(crate) fn of_packed(&self, id: Id, elf: &Elf) -> Vec<(Id, Reason)> {
        let Input { tree, contents, .. } = self.walk.input;
        let alone = elf.interpreter.is_none() && !elf.needs_libraries() && elf.entry != 0;
        let head = if alone { contents.read_at(tree, id, 0, PACKED_WITHIN).unwrap_or_default() } else { Vec::new() };
        if !head.windows(PACKED.len()).any(|part| part == PACKED) {
            return Vec::new();
        }
        let is_loader = |&at: &Id| {
            LOADERS.iter().any(|start| tree.name(at).starts_with(start))
                && !tree.is_dir(at)
                && is_library_directory(tree, tree.parent(at))
        };
        let loaders = tree.ids().filter(is_loader);
        let with_targets = loaders.flat_map(|at| {
            let links = tree.follow(at).map(|found| found.links.into_iter().chain([found.node]).collect());
            [at].into_iter().chain(links.unwrap_or_else(|_| Vec::new()))
        });
        let why = || Why::Read("loader that may start, once it is unpacked,".to_owned());
        with_targets.map(|at| (at, Reason { from: Some(id), why: why() })).collect()
    }

    /// Whether the file takes one of these functions from a library.
    #[must_use]
    pub(crate) fn imports(&self, id: Id, elf: &Elf, functions: &[&'static str]) -> bool {
        let Input { tree, contents, .. } = self.walk.input;
        elf.imports(functions, &FileBytes { contents, tree, id }).is_ok_and(|found| !found.is_empty())
    }

    /// Entries of the library directories of that name, or that continue it behind a dot; with what links lead to.
    fn named(&mut self, name: &[u8], longer: bool) -> Vec<Id> {
        let tree = self.walk.input.tree;
        let names = self.names.get_or_insert_with(|| {
            let mut names: BTreeMap<&[u8], Vec<Id>> = BTreeMap::new();
            let libraries = tree.ids().filter(|&id| !tree.is_dir(id) && is_library_name(tree.name(id)));
            for id in libraries.filter(|&id| is_library_directory(tree, tree.parent(id))) {
                names.entry(tree.name(id)).or_default().push(id);
            }
            names
        });
        let continues = |found: &[u8]| match found.strip_prefix(name) {
            Some(rest) => rest.is_empty() || (longer && rest.first() == Some(&b'.')),
            None => false,
        };
        let from = (Bound::Included(name), Bound::Unbounded);
        let all = names.range::<[u8], _>(from).take_while(|(found, _)| found.starts_with(name));
        let ids = all.filter(|(found, _)| continues(found)).flat_map(|(_, ids)| ids.iter().copied());
        let mut with_targets = Vec::new();
        for id in ids {
            with_targets.push(id);
            if let Ok(found) = tree.follow(id) {
                with_targets.extend(found.links.into_iter().chain([found.node]).filter(|&at| at != id));
            }
        }
        with_targets
    }
}

fn reason(from: Id, name: &[u8], how: &str) -> Reason {
    let name = crate::diag::escape::quoted(name);
    Reason { from: Some(from), why: Why::Read(format!("library {} {how}", name.trim_matches('\''))) }
}

/// `/lib`, `/usr/lib64`, `/usr/local/lib` and the directory of an architecture below: where loaders look by name.
pub(crate) fn is_library_directory(tree: &Tree, id: Id) -> bool {
    let path = tree.path(id);
    let path = path.strip_prefix(b"/usr").unwrap_or(&path);
    let path = path.strip_prefix(b"/local").unwrap_or(path);
    let mut parts = path.split(|&b| b == b'/').skip(1);
    parts.next().is_some_and(|top| top.starts_with(b"lib") && top != b"libexec")
        && parts.next().is_none_or(|part| part.windows(6).any(|part| part == b"linux-"))
        && parts.next().is_none()
}

/// Words in bytes that begin with `lib` and hold `.so`.
fn library_names(bytes: &[u8], into: &mut BTreeSet<Vec<u8>>) {
    let part = |b: u8| b.is_ascii_alphanumeric() || b"_+-.".contains(&b);
    for (dot, _) in bytes.windows(3).enumerate().filter(|(_, window)| window == b".so") {
        let before = bytes.get(..dot).unwrap_or_default();
        let start = before.iter().rposition(|&b| !part(b)).map_or(0, |at| at + 1);
        let behind = bytes.get(dot + 3..).unwrap_or_default();
        let end = dot + 3 + behind.iter().position(|&b| !part(b)).unwrap_or(behind.len());
        let word = bytes.get(start..end).unwrap_or_default();
        let word = word.strip_suffix(b".").unwrap_or(word);
        if word.starts_with(b"lib") && word.len() <= LONGEST && is_library_name(word) {
            into.insert(word.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_library_directory, library_names};
    use crate::tree::contents::memory::image;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_found_in_bytes_whole_and_as_beginnings() {
        let mut found = BTreeSet::new();
        let bytes = b"\0/usr/lib/libssl.so.3\0libicuuc.so.%d\0lib\0x.so\0notlib.so.1\0libsound.sort\0libz.so";
        library_names(bytes, &mut found);
        let found: Vec<_> = found.iter().map(|name| String::from_utf8_lossy(name)).collect();
        assert_eq!(found, ["libicuuc.so", "libssl.so.3", "libz.so"]);
    }

    #[test]
    fn loaders_look_into_directories_of_libraries_only() {
        let (tree, _) = image(&[
            ("/lib/x86_64-linux-gnu/a", ""),
            ("/usr/lib64/a", ""),
            ("/usr/local/lib/a", ""),
            ("/usr/lib/postgresql/a", ""),
            ("/usr/lib/x86_64-linux-gnu/gconv/a", ""),
            ("/usr/libexec/a", ""),
            ("/opt/lib/a", ""),
        ]);
        let is = |path: &str| tree.lookup(path.as_bytes()).is_some_and(|id| is_library_directory(&tree, id));
        for path in ["/lib", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/lib"] {
            assert!(is(path), "{path}");
        }
        for path in ["/usr/lib/postgresql", "/usr/lib/x86_64-linux-gnu/gconv", "/usr/libexec", "/opt/lib", "/usr"] {
            assert!(!is(path), "{path}");
        }
    }
}
