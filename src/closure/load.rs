//! Libraries that the dynamic loader maps for one program, breadth first as the loader does it.

use anyhow::anyhow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Why;
use super::walk::Walk;
use crate::diag::escape::quoted;
use crate::facts::elf::{Elf, Names};
use crate::facts::libraries::{Loader, Object, is_musl_builtin};
use crate::facts::program::{FileBytes, Program};
use crate::tree::Id;

/// Most names followed for one program; real ones have a few hundred.
const MAX_NAMES: usize = 4096;

/// What was read of each object, once for all programs.
pub(super) type Cache = BTreeMap<Id, Option<(Rc<Elf>, Rc<Names>)>>;

/// One program with what is mapped for it so far.
struct Load {
    loader: Loader,
    objects: Vec<Object>,
    ids: BTreeSet<Id>,
    /// Names that need no search any more.
    known: BTreeSet<Vec<u8>>,
}

impl Walk<'_> {
    /// Keep the interpreter and the libraries of an ELF file.
    pub(super) fn visit_elf(&mut self, id: Id, elf: &Elf) {
        if let Some(interpreter) = &elf.interpreter {
            self.needs_interpreter(id, interpreter);
        }
        if let Some((elf, names)) = self.object(id) {
            self.load(id, elf, names);
        }
    }

    fn load(&mut self, program: Id, elf: Rc<Elf>, names: Rc<Names>) {
        let tree = self.input.tree;
        let loader = self.libraries.loader(tree, &elf);
        let glibc = loader == Loader::Glibc;
        let mut known = BTreeSet::new();
        // The loader itself is mapped already, under its own soname.
        let own = elf.interpreter.as_ref().and_then(|path| tree.resolve(path).ok());
        if let Some((_, names)) = own.and_then(|found| self.object(found.node)) {
            known.extend(names.soname.clone());
        }
        let is_program = elf.interpreter.is_some();
        let origin = tree.path(tree.parent(program));
        let objects = vec![Object { id: program, origin, elf, names, parent: None }];
        let mut load = Load { loader, objects, ids: BTreeSet::from_iter([program]), known };
        if glibc && is_program {
            for name in self.libraries.preload.clone() {
                self.ask(&mut load, 0, &name, Some("that /etc/ld.so.preload loads into"));
            }
        }
        self.follow(&mut load, 0);
        let abi = load.objects.first().map(|object| object.elf.abi);
        if let Some(abi) = abi
            && load.known.contains(&b"libc.so.6"[..])
            && !self.name_service.1.contains(&abi)
        {
            self.name_service.1.push(abi);
            let next = load.objects.len();
            for name in self.name_service.0.clone() {
                self.ask(&mut load, 0, &name, Some("that /etc/nsswitch.conf names for"));
            }
            self.follow(&mut load, next);
        }
    }

    /// Ask for what every object from the `at`th on needs, those that this adds included.
    fn follow(&mut self, load: &mut Load, mut at: usize) {
        while let Some((id, names)) = load.objects.get(at).map(|object| (object.id, Rc::clone(&object.names))) {
            // Of a library that an earlier program mapped too, the needs are noted already.
            self.noting = self.noted.insert(id);
            for name in &names.needed {
                self.ask(load, at, name, None);
            }
            if load.loader == Loader::Glibc {
                for name in &names.optional {
                    self.ask(load, at, name, Some("that the loader adds to"));
                }
            }
            at += 1;
        }
        self.noting = true;
    }

    /// Find one library for the object at an index. `optional` is for what may be missing: how it belongs to the object.
    fn ask(&mut self, load: &mut Load, at: usize, name: &[u8], optional: Option<&str>) {
        let tree = self.input.tree;
        let first = load.known.insert(name.to_vec());
        if (first && load.known.len() > MAX_NAMES) || !(first || self.noting) {
            return;
        }
        let Some(asking) = load.objects.get(at).map(|object| object.id) else { return };
        let found = self.libraries.find(tree, self.input.contents, &load.loader, &load.objects, at, name);
        let shown = quoted(name);
        if first
            && found.paths.is_empty()
            && optional.is_none()
            && !(load.loader != Loader::Glibc && is_musl_builtin(name))
        {
            let text = format!("{} needs the library {shown}, which was missing before this run", self.name(asking));
            let help = "install it if the program needs it; if the image sets LD_LIBRARY_PATH, give --image-config";
            let help = if self.libraries.knows_environment() { "install it if the program needs it" } else { help };
            self.warn(asking, text, help);
        }
        if first && found.after_ldconfig && optional.is_none() {
            let text = format!(
                "{} needs the library {shown}, which /etc/ld.so.conf leads to but /etc/ld.so.cache does not list: the \
                 loader did not find it before this run either",
                self.name(asking)
            );
            self.warn(asking, text, "run ldconfig before harden");
        }
        let why = Why::Read(format!("library {} {}", shown.trim_matches('\''), optional.unwrap_or("of")));
        for path in &found.paths {
            let Ok(target) = tree.resolve(path).map(|found| found.node) else { continue };
            // What is mapped under that name already stays mapped: this object only needs it too.
            if !first && !load.ids.contains(&target) {
                continue;
            }
            // Marked first: its needs are followed here, where the program's search path is known.
            self.loaded.insert(target);
            let _ = self.add_path(Id::ROOT, path, Some(asking), &why);
            if load.ids.insert(target)
                && let Some((elf, names)) = self.object(target)
            {
                // musl compares names of files only.
                if load.loader == Loader::Glibc {
                    load.known.extend(names.soname.clone());
                }
                let origin = path.iter().rposition(|&b| b == b'/').and_then(|end| path.get(..end)).unwrap_or_default();
                load.objects.push(Object { id: target, origin: origin.to_vec(), elf, names, parent: Some(at) });
            }
        }
    }

    /// An ELF file with its strings; said once when they cannot be read.
    pub(super) fn object(&mut self, id: Id) -> Option<(Rc<Elf>, Rc<Names>)> {
        let (tree, contents) = (self.input.tree, self.input.contents);
        if let Some(known) = self.cache.get(&id) {
            return known.clone();
        }
        let read = match self.input.commands.program(tree, contents, id) {
            Ok(Program::Elf(elf)) if elf.damaged => Err(anyhow!("its dynamic section is damaged")),
            Ok(Program::Elf(elf)) => {
                let names = elf.names(&FileBytes { contents, tree, id });
                names.map(|names| Some((Rc::new(*elf), Rc::new(names))))
            }
            Ok(Program::Unreadable(cause)) => Err(anyhow!(cause)),
            Err(cause) => Err(cause),
            Ok(Program::Script(_) | Program::None) => Ok(None),
        };
        let read = read.unwrap_or_else(|cause| {
            self.unreadable(id, &cause.to_string());
            None
        });
        self.cache.insert(id, read.clone());
        read
    }
}
