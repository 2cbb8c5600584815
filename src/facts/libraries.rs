//! Where the dynamic loader looks for a library, in its real order, for glibc and musl.
//!
//! Sources: ld.so(8) and glibc's elf/dl-load.c, musl's ldso/dynlink.c. `ld.so.conf` stands in for
//! `ld.so.cache`, which is built from it. LD_LIBRARY_PATH is not known here; a caller that knows one
//! passes it. This module finds candidates and does not know what is kept.

mod conf;
mod tokens;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Contents;
use super::elf::{Abi, Class, Elf, HEAD, MAGIC, Names};
use super::glob;
use super::program::FileBytes;
use super::tree::{Id, Tree};
use conf::read_conf;
use tokens::{expand_list, expand_one, multiarch};

/// Largest configuration file read.
const LIMIT: u64 = 1024 * 1024;

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
type Paths = Rc<Vec<Vec<u8>>>;

/// The loader's view of the root.
#[derive(Debug)]
pub struct Libraries {
    /// Directories of /etc/ld.so.conf, in order.
    configured: Vec<Vec<u8>>,
    /// Directories of LD_LIBRARY_PATH, in order.
    environment: Vec<Vec<u8>>,
    /// `/etc/ld-musl-ARCH.path` by architecture.
    musl: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// The loader that the root has, for objects that name none.
    default: Loader,
    abis: RefCell<BTreeMap<Id, Option<Abi>>>,
    /// Answers that depend on no object's own search path.
    plain: RefCell<BTreeMap<Question, Paths>>,
}

impl Loader {
    /// The loader that a PT_INTERP names.
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
    pub fn collect(tree: &Tree, contents: &dyn Contents, library_path: &[String]) -> Self {
        let mut configured = Vec::new();
        let mut seen = BTreeSet::new();
        if let Ok(found) = tree.resolve(b"/etc/ld.so.conf") {
            read_conf(tree, contents, found.node, &mut configured, &mut seen, 0);
        }
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
            configured,
            environment: library_path.iter().map(|d| d.as_bytes().to_vec()).collect(),
            musl,
            default,
            abis: RefCell::default(),
            plain: RefCell::default(),
        }
    }

    /// The loader of a program, or of a library on its own.
    #[must_use]
    pub fn loader(&self, elf: &Elf) -> Loader {
        elf.interpreter.as_deref().map_or_else(|| self.default.clone(), Loader::of)
    }

    /// The paths at which the loader may find `name` for `objects[asking]`: one, or several when the choice
    /// depends on the processor (glibc-hwcaps). Empty when it finds none. Paths are as the loader forms
    /// them, links unresolved.
    #[must_use]
    pub fn find(
        &self,
        tree: &Tree,
        contents: &dyn Contents,
        loader: &Loader,
        objects: &[Object],
        asking: usize,
        name: &[u8],
    ) -> Paths {
        let Some(object) = objects.get(asking) else { return Rc::default() };
        let abi = object.elf.abi;
        if name.contains(&b'/') {
            let path = expand_one(tree, object, name).into_iter().find(|p| self.fits(tree, contents, p, abi).is_some());
            return Rc::new(path.into_iter().collect());
        }
        let own = search_path(tree, loader, objects, asking);
        let key = (loader.clone(), abi, name.to_vec());
        if own.is_empty()
            && let Some(known) = self.plain.borrow().get(&key)
        {
            return Rc::clone(known);
        }
        let (before, after): (&[Vec<u8>], &[Vec<u8>]) = (&own.rpath, &own.runpath);
        let system = self.system_directories(loader, abi);
        let all = before.iter().chain(&self.environment).chain(after).chain(&system);
        let found = Rc::new(self.search(tree, contents, loader, all, name, abi));
        if own.is_empty() {
            self.plain.borrow_mut().insert(key, Rc::clone(&found));
        }
        found
    }

    fn search<'d>(
        &self,
        tree: &Tree,
        contents: &dyn Contents,
        loader: &Loader,
        directories: impl Iterator<Item = &'d Vec<u8>>,
        name: &[u8],
        abi: Abi,
    ) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for directory in directories {
            let Ok(id) = tree.resolve(directory).map(|found| found.node) else { continue };
            if *loader == Loader::Glibc
                && let Ok(hwcaps) = tree.resolve_from(id, b"glibc-hwcaps", true)
            {
                for level in tree.children(hwcaps.node) {
                    let path = [directory, &b"/glibc-hwcaps/"[..], tree.name(level), b"/", name].concat();
                    if self.fits(tree, contents, &path, abi).is_some() {
                        found.push(path);
                    }
                }
            }
            if tree.child(id, name).is_some() {
                let path = [directory, &b"/"[..], name].concat();
                if self.fits(tree, contents, &path, abi).is_some() {
                    found.push(path);
                    return found;
                }
            }
        }
        found
    }

    /// The file at a path, when it is an ELF file of that class and machine.
    fn fits(&self, tree: &Tree, contents: &dyn Contents, path: &[u8], abi: Abi) -> Option<Id> {
        let id = tree.resolve(path).ok()?.node;
        if !tree.is_file(id) {
            return None;
        }
        let read = || {
            let head = contents.read_at(tree, id, 0, HEAD).ok().filter(|head| head.starts_with(MAGIC))?;
            Elf::parse(&head, &FileBytes { contents, tree, id }).ok().map(|elf| elf.abi)
        };
        let found = *self.abis.borrow_mut().entry(id).or_insert_with(read);
        (found == Some(abi)).then_some(id)
    }

    /// Where every program's search ends.
    fn system_directories(&self, loader: &Loader, abi: Abi) -> Vec<Vec<u8>> {
        match loader {
            Loader::Musl(arch) => match self.musl.get(arch) {
                Some(list) => list.clone(),
                None => ["/lib", "/usr/local/lib", "/usr/lib"].map(|d| d.as_bytes().to_vec()).to_vec(),
            },
            Loader::Glibc => {
                let mut all = self.configured.clone();
                for base in ["/lib", "/usr/lib"] {
                    for triplet in multiarch(abi) {
                        all.push(format!("{base}/{triplet}").into_bytes());
                    }
                }
                let wide: &[&str] = match abi.class {
                    Class::Bits64 => &["/lib64", "/usr/lib64", "/lib", "/usr/lib"],
                    Class::Bits32 => &["/lib", "/usr/lib", "/lib32", "/usr/lib32", "/libx32", "/usr/libx32"],
                };
                all.extend(wide.iter().map(|d| d.as_bytes().to_vec()));
                let mut seen = BTreeSet::new();
                all.retain(|directory| seen.insert(directory.clone()));
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

fn search_path(tree: &Tree, loader: &Loader, objects: &[Object], asking: usize) -> OwnPath {
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
                own.runpath.extend(path.iter().flat_map(|path| expand_list(tree, object, path)));
            }
        }
        Loader::Glibc => {
            let runpath = objects.get(asking).and_then(|object| Some((object, object.names.runpath.as_ref()?)));
            match runpath {
                Some((object, path)) => own.runpath = expand_list(tree, object, path),
                // An object with DT_RUNPATH has its DT_RPATH ignored, also for those it loaded.
                None => {
                    for object in chain().filter(|object| object.names.runpath.is_none()) {
                        let path = object.names.rpath.iter();
                        own.rpath.extend(path.flat_map(|path| expand_list(tree, object, path)));
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
        Object { id: tree.lookup(path.as_bytes()).unwrap(), elf: Rc::new(elf), names: Rc::new(names), parent }
    }

    fn found(tree: &Tree, memory: &Memory, loader: &Loader, objects: &[Object], name: &str) -> Vec<String> {
        let libraries = Libraries::collect(tree, memory, &[]);
        let paths = libraries.find(tree, memory, loader, objects, objects.len() - 1, name.as_bytes());
        paths.iter().map(|p| String::from_utf8(p.clone()).unwrap()).collect()
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
        assert_eq!(found(&tree, &memory, &glibc, &prog(&Spec::default()), "libx.so"), ["/opt/conf/libx.so"]);
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
        assert_eq!(Libraries::collect(&tree, &memory, &[]).loader(&objects[0].elf), loader);
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
