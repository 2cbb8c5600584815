//! Where the dynamic loader looks for a library, in its real order, for glibc and musl.
//!
//! Sources: ld.so(8) and glibc's elf/dl-load.c, musl's ldso/dynlink.c. What only `ld.so.conf` names is found last: the
//! loader itself believes `ld.so.cache` alone. LD_LIBRARY_PATH is passed by a caller that knows it. This module finds
//! candidates and does not know what is kept.

mod cache;
mod conf;
mod hwcaps;
mod tokens;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Contents;
use super::elf::{Abi, Class, Elf, HEAD, MAGIC, Names};
use super::glob;
use super::program::FileBytes;
use super::tree::{Id, Tree};
use cache::Cache;
use conf::read_conf;
use tokens::{expand_list, expand_one, multiarch};

/// Largest configuration file read.
const LIMIT: u64 = 1024 * 1024;
/// Largest cache read; a desktop has 200 KiB.
const CACHE_LIMIT: u64 = 4 * 1024 * 1024;

/// Which loader maps a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loader {
    /// glibc's ld.so, and any loader that is not musl's.
    Glibc,
    /// musl, with the architecture in its file name, as `x86_64`.
    Musl(Vec<u8>),
}

/// One loaded object, as the loader sees it.
#[derive(Debug, Clone)]
pub struct Object {
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

/// Loader, machine and name of a library.
type Question = (Loader, Abi, Vec<u8>);
/// Where a library may be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// One path, or several when the choice depends on the processor. As the loader forms them, links unresolved.
    pub paths: Vec<Vec<u8>>,
    /// Only a directory of ld.so.conf has it, which ld.so.cache does not know of: the loader finds it once ldconfig ran.
    pub after_ldconfig: bool,
}

/// The loader's view of the root.
#[derive(Debug)]
pub struct Libraries {
    /// What /etc/ld.so.cache says.
    cache: Cache,
    /// Directories of /etc/ld.so.conf, in order.
    configured: Vec<Vec<u8>>,
    /// Names in /etc/ld.so.preload, which glibc loads into every program.
    pub preload: Vec<Vec<u8>>,
    /// Directories of LD_LIBRARY_PATH, in order; `None` when nobody said.
    environment: Option<Vec<Vec<u8>>>,
    /// `/etc/ld-musl-ARCH.path` by architecture.
    musl: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// The loader that the root has, for objects that name none.
    default: Loader,
    abis: RefCell<BTreeMap<Id, Option<Abi>>>,
    /// Answers that depend on no object's own search path.
    plain: RefCell<BTreeMap<Question, Rc<Paths>>>,
}

impl Loader {
    /// The loader that a PT_INTERP names, by any link of its chain.
    #[must_use]
    pub fn at(tree: &Tree, interpreter: &[u8]) -> Self {
        let found = tree.resolve(interpreter).ok();
        let chain = found.iter().flat_map(|found| found.links.iter().copied().chain([found.node]));
        let names = std::iter::once(interpreter).chain(chain.map(|id| tree.name(id)));
        names.map(Self::of).find(|loader| *loader != Self::Glibc).unwrap_or(Self::Glibc)
    }

    /// The loader that a file name means.
    #[must_use]
    pub fn of(interpreter: &[u8]) -> Self {
        let base = interpreter.rsplit(|&b| b == b'/').next().unwrap_or_default();
        match base.strip_prefix(b"ld-musl-") {
            Some(rest) => {
                let end = rest.windows(3).position(|part| part == b".so").unwrap_or(rest.len());
                Self::Musl(rest.get(..end).unwrap_or_default().to_vec())
            }
            None => Self::Glibc,
        }
    }
}

impl Libraries {
    /// Read the loaders' configuration.
    #[must_use]
    pub fn collect(tree: &Tree, contents: &dyn Contents, library_path: Option<&[String]>) -> Self {
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
        let mut musl = BTreeMap::new();
        for id in glob::expand(tree, b"/etc/ld-musl-*.path") {
            let arch = tree.name(id).strip_prefix(b"ld-musl-").and_then(|rest| rest.strip_suffix(b".path"));
            let file = tree.follow(id).ok().map(|found| found.node).filter(|&id| tree.is_file(id));
            if let (Some(arch), Some(file)) = (arch, file) {
                let text = contents.read(tree, file, LIMIT).unwrap_or_default();
                let list = text.split(|&b| b == b'\n' || b == b':').filter(|d| d.first() == Some(&b'/'));
                musl.insert(arch.to_vec(), list.map(<[u8]>::to_vec).collect());
            }
        }
        let glibc = ["/lib/ld-linux*", "/lib64/ld*.so*", "/lib/ld64*", "/lib/ld.so*"];
        let has_glibc = glibc.iter().any(|pattern| !glob::expand(tree, pattern.as_bytes()).is_empty());
        let default = match glob::expand(tree, b"/lib/ld-musl-*.so.1").first() {
            Some(&id) if !has_glibc => Loader::of(tree.name(id)),
            _ => Loader::Glibc,
        };
        Self {
            cache,
            configured,
            preload: preload.map(<[u8]>::to_vec).collect(),
            environment: library_path.map(|list| list.iter().map(|d| d.as_bytes().to_vec()).collect()),
            musl,
            default,
            abis: RefCell::default(),
            plain: RefCell::default(),
        }
    }

    /// Whether somebody said what LD_LIBRARY_PATH is.
    #[must_use]
    pub fn knows_environment(&self) -> bool {
        self.environment.is_some()
    }

    /// The loader of a program, or of a library on its own.
    #[must_use]
    pub fn loader(&self, tree: &Tree, elf: &Elf) -> Loader {
        elf.interpreter.as_deref().map_or_else(|| self.default.clone(), |path| Loader::at(tree, path))
    }

    /// Where the loader may find `name` for `objects[asking]`. Empty when it finds it nowhere.
    #[must_use]
    pub fn find(
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
        let own = search_path(loader, objects, asking);
        let key = (loader.clone(), abi, name.to_vec());
        if own.is_empty()
            && let Some(known) = self.plain.borrow().get(&key)
        {
            return Rc::clone(known);
        }
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
            self.cache.get(name).filter(|cached| fits(&cached.path)).any(|cached| {
                found.paths.push(cached.path.clone());
                !cached.hwcaps
            })
        };
        let done = search(&mut found, &own.rpath)
            || search(&mut found, self.environment.as_deref().unwrap_or_default())
            || search(&mut found, &own.runpath)
            || (*loader == Loader::Glibc && cached(&mut found))
            || search(&mut found, &self.system_directories(loader, abi));
        if !done && found.paths.is_empty() && *loader == Loader::Glibc {
            search(&mut found, &self.configured);
            found.after_ldconfig = !found.paths.is_empty();
        }
        let found = Rc::new(found);
        if own.is_empty() {
            self.plain.borrow_mut().insert(key, Rc::clone(&found));
        }
        found
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
    fn system_directories(&self, loader: &Loader, abi: Abi) -> Vec<Vec<u8>> {
        match loader {
            Loader::Musl(arch) => match self.musl.get(arch) {
                Some(list) => list.clone(),
                None => ["/lib", "/usr/local/lib", "/usr/lib"].map(|d| d.as_bytes().to_vec()).to_vec(),
            },
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

/// Whether musl answers the name itself, without a file (`reserved` in dynlink.c).
#[must_use]
pub fn is_musl_builtin(name: &[u8]) -> bool {
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
