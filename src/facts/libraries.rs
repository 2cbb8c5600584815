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
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::rc::Rc;

    use super::super::elf::fixture::{Spec, library};
    use super::super::elf::{Elf, HEAD};
    use super::super::memory::{Memory, image};
    use super::super::tree::Tree;
    use super::{Libraries, Loader, Object, is_musl_builtin};

    fn object(tree: &Tree, path: &str, spec: &Spec<'_>, parent: Option<usize>) -> Object {
        let data = spec.build();
        let elf = Elf::parse(data.get(..HEAD).unwrap_or(&data), &data[..]).unwrap();
        let names = elf.names(&data[..]).unwrap();
        let id = tree.lookup(path.as_bytes()).unwrap();
        Object { id, origin: tree.path(tree.parent(id)), elf: Rc::new(elf), names: Rc::new(names), parent }
    }

    fn found(tree: &Tree, memory: &Memory, loader: &Loader, objects: &[Object], name: &str) -> Vec<String> {
        let libraries = Libraries::collect(tree, memory, None);
        let paths = libraries.find(tree, memory, loader, objects, objects.len() - 1, name.as_bytes());
        paths.paths.iter().map(|p| String::from_utf8(p.clone()).unwrap()).collect()
    }

    #[test]
    fn glibc_looks_in_rpath_runpath_configuration_and_system_directories() {
        let libraries = [
            "/opt/app/lib/libx.so",
            "/opt/conf/libx.so",
            "/usr/lib/x86_64-linux-gnu/libx.so",
            "/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so",
            "/usr/lib64/liby.so",
            "/opt/rpath/libz.so",
        ];
        let mut entries = vec![
            ("/lib", "-> usr/lib"),
            ("/opt/app/bin/prog", ""),
            ("/etc/ld.so.conf", "include ld.so.conf.d/*.conf\n"),
            ("/etc/ld.so.conf.d/a.conf", "# comment\n/opt/conf\n"),
            ("/opt/wrong/libx.so", "text"),
        ];
        entries.extend(libraries.iter().map(|&path| (path, "")));
        let (tree, mut memory) = image(&entries);
        for path in libraries {
            memory.put(path, &library("x", &[]));
        }
        let glibc = Loader::Glibc;
        let prog = |spec: &Spec<'_>| vec![object(&tree, "/opt/app/bin/prog", spec, None)];
        let own = Spec { runpath: Some("/opt/wrong:$ORIGIN/../lib"), needed: vec!["x"], ..Spec::default() };
        assert_eq!(found(&tree, &memory, &glibc, &prog(&own), "libx.so"), ["/opt/app/bin/../lib/libx.so"]);
        // Without a cache the loader knows nothing of ld.so.conf: the system directories are all there is.
        assert_eq!(
            found(&tree, &memory, &glibc, &prog(&Spec::default()), "libx.so"),
            ["/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so", "/lib/x86_64-linux-gnu/libx.so"]
        );
        assert_eq!(found(&tree, &memory, &glibc, &prog(&Spec::default()), "liby.so"), ["/usr/lib64/liby.so"]);
        let lib = Spec { rpath: Some("/usr/$LIB"), needed: vec!["x"], ..Spec::default() };
        assert_eq!(
            found(&tree, &memory, &glibc, &prog(&lib), "libx.so"),
            ["/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so", "/usr/lib/x86_64-linux-gnu/libx.so"]
        );
        // DT_RPATH of the program serves its libraries, DT_RUNPATH does not.
        let rpath = Spec { rpath: Some("/opt/rpath"), needed: vec!["x"], ..Spec::default() };
        let mut two = prog(&rpath);
        two.push(object(&tree, "/usr/lib64/liby.so", &Spec::default(), Some(0)));
        assert_eq!(found(&tree, &memory, &glibc, &two, "libz.so"), ["/opt/rpath/libz.so"]);
        let runpath = Spec { runpath: Some("/opt/rpath"), needed: vec!["x"], ..Spec::default() };
        let mut two = prog(&runpath);
        two.push(object(&tree, "/usr/lib64/liby.so", &Spec::default(), Some(0)));
        assert_eq!(found(&tree, &memory, &glibc, &two, "libz.so"), Vec::<String>::new());
        // Another machine's library is passed over.
        let arm = Spec { machine: 183, ..Spec::default() };
        assert_eq!(found(&tree, &memory, &glibc, &prog(&arm), "liby.so"), Vec::<String>::new());
    }

    #[test]
    fn the_cache_comes_before_the_system_directories_and_the_environment_before_both() {
        let libraries =
            ["/usr/lib/libx.so", "/opt/v3/libx.so", "/opt/plain/libx.so", "/opt/conf/libz.so", "/env/libx.so"];
        let cache = super::cache::fixture::new(
            &[
                ("libx.so", "/opt/v4/libx.so", 1 << 62),
                ("libx.so", "/opt/v3/libx.so", 1 << 62),
                ("libx.so", "/opt/i386/libx.so", 0),
                ("libx.so", "/opt/plain/libx.so", 0),
                ("libx.so", "/usr/lib/libx.so", 0),
            ],
            false,
        );
        let mut entries = vec![("/bin/prog", ""), ("/etc/ld.so.conf", "/opt/conf\n"), ("/etc/ld.so.cache", "")];
        entries.extend(libraries.iter().map(|&path| (path, "")));
        entries.push(("/opt/i386/libx.so", ""));
        let (tree, mut memory) = image(&entries);
        for path in libraries {
            memory.put(path, &library("x", &[]));
        }
        memory.put("/opt/i386/libx.so", &Spec { bits64: false, machine: 3, ..Spec::default() }.build());
        memory.put("/etc/ld.so.cache", &cache);
        let objects = [object(&tree, "/bin/prog", &Spec::default(), None)];
        let find = |environment: Option<&[String]>, name: &str| {
            let libraries = Libraries::collect(&tree, &memory, environment);
            let found = libraries.find(&tree, &memory, &Loader::Glibc, &objects, 0, name.as_bytes());
            let paths = found.paths.iter().map(|path| String::from_utf8(path.clone()).unwrap());
            (paths.collect::<Vec<_>>(), found.after_ldconfig)
        };
        // What is not there, or another machine's, is passed over; what some processors take stays beside the last.
        assert_eq!(find(None, "libx.so"), (vec!["/opt/v3/libx.so".into(), "/opt/plain/libx.so".into()], false));
        assert_eq!(find(Some(&["/env".into()]), "libx.so"), (vec!["/env/libx.so".into()], false));
        // A cache older than the configuration.
        assert_eq!(find(None, "libz.so"), (vec!["/opt/conf/libz.so".into()], true));
        assert_eq!(find(None, "libnone.so"), (vec![], false));
    }

    #[test]
    fn every_directory_that_some_processor_searches_counts() {
        let libraries = [
            "/usr/lib/i386-linux-gnu/libc.so.6",
            "/usr/lib/i386-linux-gnu/i686/sse2/libc.so.6",
            "/usr/lib/i386-linux-gnu/tls/libc.so.6",
            "/usr/lib/i386-linux-gnu/other/libc.so.6",
        ];
        let mut entries: Vec<_> = libraries.iter().map(|&path| (path, "")).collect();
        entries.push(("/bin/prog", ""));
        entries.push(("/usr/lib/i386-linux-gnu/sse2", "-> ."));
        let (tree, mut memory) = image(&entries);
        let i386 = |soname| Spec { bits64: false, machine: 3, soname, ..Spec::default() };
        for path in libraries {
            memory.put(path, &i386(Some("libc.so.6")).build());
        }
        let objects = [object(&tree, "/bin/prog", &i386(None), None)];
        assert_eq!(
            found(&tree, &memory, &Loader::Glibc, &objects, "libc.so.6"),
            [libraries[2], libraries[1], libraries[0]].map(str::to_owned)
        );
    }

    #[test]
    fn a_loader_is_known_by_any_name_of_its_chain() {
        let (tree, _) = image(&[
            ("/lib64/ld-linux-x86-64.so.2", "-> ../lib/ld-musl-x86_64.so.1"),
            ("/lib/ld-musl-x86_64.so.1", "-> libc.so"),
            ("/lib/libc.so", ""),
            ("/lib/ld-linux.so.2", ""),
        ]);
        let musl = Loader::Musl(b"x86_64".to_vec());
        assert_eq!(Loader::at(&tree, b"/lib64/ld-linux-x86-64.so.2"), musl);
        assert_eq!(Loader::at(&tree, b"/lib/ld-musl-x86_64.so.1"), musl);
        assert_eq!(Loader::at(&tree, b"/lib/ld-linux.so.2"), Loader::Glibc);
        assert_eq!(Loader::at(&tree, b"/gone/ld-musl-x86_64.so.1"), musl);
    }

    #[test]
    fn musl_looks_in_its_path_file_or_three_directories() {
        let (tree, mut memory) = image(&[
            ("/lib/ld-musl-x86_64.so.1", ""),
            ("/usr/local/lib/libx.so", ""),
            ("/opt/musl/libx.so", ""),
            ("/bin/prog", ""),
        ]);
        for path in ["/usr/local/lib/libx.so", "/opt/musl/libx.so"] {
            memory.put(path, &library("x", &[]));
        }
        let loader = Loader::of(b"/lib/ld-musl-x86_64.so.1");
        assert_eq!(loader, Loader::Musl(b"x86_64".to_vec()));
        let objects = vec![object(&tree, "/bin/prog", &Spec::default(), None)];
        assert_eq!(Libraries::collect(&tree, &memory, None).loader(&tree, &objects[0].elf), loader);
        assert_eq!(found(&tree, &memory, &loader, &objects, "libx.so"), ["/usr/local/lib/libx.so"]);
        let (tree, mut memory) = image(&[
            ("/etc/ld-musl-x86_64.path", "/opt/musl:/lib\n"),
            ("/usr/local/lib/libx.so", ""),
            ("/opt/musl/libx.so", ""),
            ("/bin/prog", ""),
        ]);
        memory.put("/opt/musl/libx.so", &library("x", &[]));
        let objects = vec![object(&tree, "/bin/prog", &Spec::default(), None)];
        assert_eq!(found(&tree, &memory, &loader, &objects, "libx.so"), ["/opt/musl/libx.so"]);
        assert!(is_musl_builtin(b"libpthread.so.0") && !is_musl_builtin(b"libcrypto.so.3"));
    }
}
