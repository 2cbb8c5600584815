//! The library search of the dynamic loader, in its real order, for glibc and musl.
//!
//! Sources: ld.so(8) and glibc's elf/dl-load.c, musl's ldso/dynlink.c. Libraries that only `ld.so.conf` names are found
//! last: the loader itself believes `ld.so.cache` alone. LD_LIBRARY_PATH is passed by a caller that knows it. This
//! module finds candidates and does not know which files are kept.

mod cache;
mod conf;
mod hwcaps;
mod tokens;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::elf::{Abi, Class, Elf, HEAD, MAGIC, Names};
use super::program::FileBytes;
use crate::tree::budget::Budget;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, glob};
use cache::Cache;
use conf::read_conf;
use tokens::{expand_list, expand_one, multiarch};

/// Largest configuration file read.
const LIMIT: u64 = 1024 * 1024;
/// Largest cache read; a desktop has 200 KiB.
const CACHE_LIMIT: u64 = 4 * 1024 * 1024;

/// Directories that are searched for libraries: each object has its own list, for each name that it asks for.
static SEARCH: Budget = Budget {
    text: "the search paths of kept programs and libraries lead to more directories than",
    most: 500_000,
    help: "do not keep the file, or shorten its DT_RPATH or DT_RUNPATH (patchelf --set-rpath), LD_LIBRARY_PATH or /etc/ld.so.conf",
};

/// Which loader maps a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loader {
    /// glibc's ld.so, and any loader that is not musl's.
    Glibc,
    /// musl, with the file that says where it searches: `PREFIX/etc/ld-musl-ARCH.path` for `PREFIX/lib/ld-musl-ARCH.so.1`.
    Musl(Vec<u8>),
}

/// One loaded object, as the loader sees it.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The file.
    pub id: Id,
    /// The directory that $ORIGIN stands for: that of a library's name as it was found, and of a program's true path.
    pub origin: Vec<u8>,
    /// Its header.
    pub elf: Rc<Elf>,
    /// Its strings.
    pub names: Rc<Names>,
    /// Index of the object that asked for it, in the same list; `None` for the program.
    pub parent: Option<usize>,
}

/// Directories in the order in which they are searched.
type Directories = Vec<Vec<u8>>;
/// Loader, machine and name of a library.
type Question = (Loader, Abi, Vec<u8>);
/// A program, an object that it maps, and the place of that in the order.
type Asking = (Id, Id, usize);
/// Where a library may be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// One path, or several when the choice depends on the processor. As the loader forms them, links unresolved.
    pub paths: Vec<Vec<u8>>,
    /// Only a directory of ld.so.conf has it, which ld.so.cache does not know of: the loader finds it once ldconfig ran.
    pub after_ldconfig: bool,
}

/// The loader's view of the root.
#[derive(Debug)]
pub(crate) struct Libraries {
    /// What /etc/ld.so.cache says.
    cache: Cache,
    /// Directories of /etc/ld.so.conf, in order.
    configured: Vec<Vec<u8>>,
    /// Names in /etc/ld.so.preload, which glibc loads into every program.
    pub preload: Vec<Vec<u8>>,
    /// Directories of LD_LIBRARY_PATH, in order; `None` when it is unknown.
    environment: Option<Vec<Vec<u8>>>,
    /// Where musl searches, by path file.
    musl: RefCell<BTreeMap<Vec<u8>, Directories>>,
    /// The loader that the root has, for objects that name none.
    default: Loader,
    /// The object that asked last, by its program, itself and its place, with the directories that it asks for.
    last: RefCell<Option<(Asking, Rc<OwnPath>)>>,
    abis: RefCell<BTreeMap<Id, Option<Abi>>>,
    /// Returns that depend on no object's own search path.
    plain: RefCell<BTreeMap<Question, Rc<Paths>>>,
}

impl Loader {
    /// The loader that a PT_INTERP names, by any link of its chain.
    #[must_use]
    pub(crate) fn at(tree: &Tree, interpreter: &[u8]) -> Self {
        let found = tree.resolve(interpreter).ok();
        let chain = found.iter().flat_map(|found| found.links.iter().copied().chain([found.node]));
        let mut names = std::iter::once(base(interpreter)).chain(chain.map(|id| tree.name(id)));
        match names.find_map(musl_architecture) {
            Some(architecture) => Self::musl(interpreter, architecture),
            None => Self::Glibc,
        }
    }

    /// musl takes the prefix from the path that it was started by, links unresolved (`__dls3` keeps PT_INTERP as its name).
    fn musl(interpreter: &[u8], architecture: &[u8]) -> Self {
        let mut prefix = interpreter;
        for _ in 0..2 {
            let end = prefix.iter().rposition(|&b| b == b'/');
            prefix = end.and_then(|end| prefix.get(..end)).unwrap_or_default();
        }
        let prefix = if interpreter.first() == Some(&b'/') { prefix } else { b"" };
        Self::Musl([prefix, b"/etc/ld-musl-", architecture, b".path"].concat())
    }
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or_default()
}

/// `x86_64` of `ld-musl-x86_64.so.1`.
fn musl_architecture(name: &[u8]) -> Option<&[u8]> {
    let rest = name.strip_prefix(b"ld-musl-")?;
    rest.get(..rest.windows(3).position(|part| part == b".so").unwrap_or(rest.len()))
}

impl Libraries {
    /// Read the loaders' configuration.
    #[must_use]
    pub(crate) fn collect(tree: &Tree, contents: &dyn Contents, library_path: Option<&[String]>) -> Self {
        let mut configured = Vec::new();
        let mut seen = BTreeSet::new();
        if let Ok(found) = tree.resolve(b"/etc/ld.so.conf") {
            read_conf(tree, contents, found.node, &mut configured, &mut seen, 0);
        }
        let text = |path: &str, limit: u64| {
            let file = tree.resolve(path.as_bytes()).ok().map(|found| found.node).filter(|&id| tree.is_file(id));
            file.and_then(|id| contents.read(tree, id, limit).ok()).unwrap_or_default()
        };
        let cache = cache::parse(&text("/etc/ld.so.cache", CACHE_LIMIT)).unwrap_or_default();
        let preload = text("/etc/ld.so.preload", LIMIT);
        let preload = preload.split(|&b| b == b'\n').filter_map(|line| line.split(|&b| b == b'#').next());
        let preload = preload.flat_map(|line| line.split(|b| b" \t:".contains(b))).filter(|name| !name.is_empty());
        let glibc = ["/lib/ld-linux*", "/lib64/ld*.so*", "/lib/ld64*", "/lib/ld.so*"];
        let has_glibc = glibc.iter().any(|pattern| !glob::expand(tree, pattern).is_empty());
        let musl = glob::expand(tree, "/lib/ld-musl-*.so.1");
        let default = match musl.first().and_then(|&id| musl_architecture(tree.name(id))) {
            Some(architecture) if !has_glibc => Loader::musl(b"/lib/ld-musl", architecture),
            _ => Loader::Glibc,
        };
        Self {
            cache,
            configured,
            preload: preload.map(<[u8]>::to_vec).collect(),
            environment: library_path.map(|list| list.iter().map(|d| d.as_bytes().to_vec()).collect()),
            musl: RefCell::default(),
            default,
            last: RefCell::default(),
            abis: RefCell::default(),
            plain: RefCell::default(),
        }
    }

    /// Whether LD_LIBRARY_PATH is known.
    #[must_use]
    pub(crate) fn knows_environment(&self) -> bool {
        self.environment.is_some()
    }

    /// The loader of a program, or of a library on its own.
    #[must_use]
    pub(crate) fn loader(&self, tree: &Tree, elf: &Elf) -> Loader {
        elf.interpreter.as_deref().map_or_else(|| self.default.clone(), |path| Loader::at(tree, path))
    }

    /// Where the loader may find `name` for `objects[asking]`. Empty when it finds it nowhere.
    #[must_use]
    pub(crate) fn find(
        &self,
        tree: &Tree,
        contents: &dyn Contents,
        loader: &Loader,
        objects: &[Object],
        asking: usize,
        name: &[u8],
    ) -> Rc<Paths> {
        let Some(object) = objects.get(asking) else { return Rc::default() };
        let abi = object.elf.abi;
        let fits = |path: &[u8]| self.fits(tree, contents, path, abi);
        if name.contains(&b'/') {
            let path = expand_one(object, name).into_iter().find(|path| fits(path));
            return Rc::new(Paths { paths: path.into_iter().collect(), after_ldconfig: false });
        }
        let own = self.own_path(loader, objects, asking);
        let key = (loader.clone(), abi, name.to_vec());
        let without = *loader == Loader::Glibc && object.elf.no_default_libraries;
        let is_plain = own.is_empty() && !without;
        if is_plain && let Some(known) = self.plain.borrow().get(&key) {
            return Rc::clone(known);
        }
        let system = self.system_directories(tree, contents, loader, abi);
        let environment = self.environment.as_deref().unwrap_or_default();
        let lists = [&own.rpath, environment, &own.runpath, &system];
        let spend = |directories: usize| contents.spend(&SEARCH, directories as u64, tree, object.id);
        if !spend(lists.iter().map(|list| list.len()).sum()) {
            return Rc::default();
        }
        // What glibc's own directories have, and what lies below them, is passed over (dl-load.c, _dl_map_object).
        let is_system = |path: &[u8]| {
            system.iter().any(|d| path.strip_prefix(&d[..]).is_some_and(|rest| rest.first() == Some(&b'/')))
        };
        let mut found = Paths::default();
        let search = |found: &mut Paths, directories: &[Vec<u8>]| {
            directories.iter().any(|directory| {
                let Ok(id) = tree.resolve(directory).map(|found| found.node) else { return false };
                let hwcaps = *loader == Loader::Glibc;
                let below = if hwcaps { hwcaps::directories(tree, id, directory) } else { Vec::new() };
                let paths = below.iter().map(|directory| join(directory, name));
                found.paths.extend(paths.filter(|path| fits(path)));
                // Most directories do not have it: asked before the path is formed.
                let plain = tree.child(id, name).map(|_| join(directory, name)).filter(|path| fits(path));
                found.paths.extend(plain.iter().cloned());
                plain.is_some()
            })
        };
        let cached = |found: &mut Paths| {
            let known = self.cache.get(name).filter(|cached| !(without && is_system(&cached.path)));
            known.filter(|cached| fits(&cached.path)).any(|cached| {
                found.paths.push(cached.path.clone());
                !cached.hwcaps
            })
        };
        let done = search(&mut found, &own.rpath)
            || search(&mut found, environment)
            || search(&mut found, &own.runpath)
            || (*loader == Loader::Glibc && cached(&mut found))
            || (!without && search(&mut found, &system));
        if !done && found.paths.is_empty() && *loader == Loader::Glibc && spend(self.configured.len()) {
            search(&mut found, &self.configured);
            found.after_ldconfig = !found.paths.is_empty();
        }
        let found = Rc::new(found);
        if is_plain {
            self.plain.borrow_mut().insert(key, Rc::clone(&found));
        }
        found
    }

    /// The directories that an object itself asks for, formed once for all names that it needs in a row.
    fn own_path(&self, loader: &Loader, objects: &[Object], asking: usize) -> Rc<OwnPath> {
        let ids = objects.first().zip(objects.get(asking)).map(|(program, object)| (program.id, object.id, asking));
        let mut last = self.last.borrow_mut();
        match (&*last, ids) {
            (Some((known, own)), Some(ids)) if *known == ids => Rc::clone(own),
            (_, Some(ids)) => {
                let own = Rc::new(search_path(loader, objects, asking));
                *last = Some((ids, Rc::clone(&own)));
                own
            }
            (_, None) => Rc::default(),
        }
    }

    /// Whether a path leads to an ELF file of that class and machine.
    fn fits(&self, tree: &Tree, contents: &dyn Contents, path: &[u8], abi: Abi) -> bool {
        let Some(id) = tree.resolve(path).ok().map(|found| found.node).filter(|&id| tree.is_file(id)) else {
            return false;
        };
        let read = || {
            let head = contents.read_at(tree, id, 0, HEAD).ok().filter(|head| head.starts_with(MAGIC))?;
            Elf::parse(&head, &FileBytes { contents, tree, id }).ok().map(|elf| elf.abi)
        };
        *self.abis.borrow_mut().entry(id).or_insert_with(read) == Some(abi)
    }

    /// Where every program's search ends.
    fn system_directories(&self, tree: &Tree, contents: &dyn Contents, loader: &Loader, abi: Abi) -> Vec<Vec<u8>> {
        match loader {
            Loader::Musl(file) => {
                let mut known = self.musl.borrow_mut();
                known.entry(file.clone()).or_insert_with(|| read_musl(tree, contents, file)).clone()
            }
            Loader::Glibc => {
                let mut all = Vec::new();
                for base in ["/lib", "/usr/lib"] {
                    for triplet in multiarch(abi) {
                        all.push(format!("{base}/{triplet}").into_bytes());
                    }
                }
                let wide: &[&str] = match abi.class {
                    Class::Bits64 if abi.machine == 243 => &["/lib64/lp64d", "/usr/lib64/lp64d", "/lib", "/usr/lib"],
                    Class::Bits64 => &["/lib64", "/usr/lib64", "/lib", "/usr/lib"],
                    Class::Bits32 => &["/lib", "/usr/lib", "/lib32", "/usr/lib32", "/libx32", "/usr/libx32"],
                };
                all.extend(wide.iter().map(|d| d.as_bytes().to_vec()));
                all
            }
        }
    }
}

/// The directories that a path file of musl names, the default ones without such a file. One that cannot be read names none.
fn read_musl(tree: &Tree, contents: &dyn Contents, file: &[u8]) -> Directories {
    let text = match tree.resolve(file).map(|found| found.node) {
        Err(_) => b"/lib:/usr/local/lib:/usr/lib".to_vec(),
        Ok(id) if tree.is_file(id) => contents.read(tree, id, LIMIT).unwrap_or_default(),
        Ok(_) => Vec::new(),
    };
    let list = text.split(|&b| b == b'\n' || b == b':').filter(|d| d.first() == Some(&b'/'));
    list.map(<[u8]>::to_vec).collect()
}

/// Whether musl answers the name itself, without a file (`reserved` in dynlink.c).
#[must_use]
pub(crate) fn is_musl_builtin(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"lib") else { return false };
    ["c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."].iter().any(|part| rest.starts_with(part.as_bytes()))
}

/// The directories that the objects themselves ask for.
#[derive(Debug, Default)]
struct OwnPath {
    /// Before LD_LIBRARY_PATH.
    rpath: Vec<Vec<u8>>,
    /// Behind it.
    runpath: Vec<Vec<u8>>,
}

impl OwnPath {
    fn is_empty(&self) -> bool {
        self.rpath.is_empty() && self.runpath.is_empty()
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    [directory, b"/", name].concat()
}

fn search_path(loader: &Loader, objects: &[Object], asking: usize) -> OwnPath {
    let mut own = OwnPath::default();
    let chain = || {
        let mut next = Some(asking);
        std::iter::from_fn(move || {
            let object = objects.get(next?)?;
            next = object.parent;
            Some(object)
        })
    };
    match loader {
        // musl takes either tag, for everything that the object's dependencies ask for too.
        Loader::Musl(_) => {
            for object in chain() {
                let path = object.names.runpath.as_ref().or(object.names.rpath.as_ref());
                own.runpath.extend(path.iter().flat_map(|path| expand_list(object, path)));
            }
        }
        Loader::Glibc => {
            let runpath = objects.get(asking).and_then(|object| Some((object, object.names.runpath.as_ref()?)));
            match runpath {
                Some((object, path)) => own.runpath = expand_list(object, path),
                // An object with DT_RUNPATH has its DT_RPATH ignored, also for those it loaded.
                None => {
                    for object in chain().filter(|object| object.names.runpath.is_none()) {
                        let path = object.names.rpath.iter();
                        own.rpath.extend(path.flat_map(|path| expand_list(object, path)));
                    }
                }
            }
        }
    }
    own
}

#[cfg(test)]
mod tests;
