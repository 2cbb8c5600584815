//! Libraries: what the dynamic loader maps for one program, breadth first as the loader does it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::walk::Walk;
use crate::collect::set;
use crate::facts::elf::{Elf, Names};
use crate::facts::libraries::{Loader, Object, is_musl_builtin};
use crate::facts::program::{FileBytes, Program};
use crate::facts::tree::Id;
use crate::report::escape::quoted;

/// Most objects followed for one program; real ones have a few hundred.
const MAX_OBJECTS: usize = 4096;

/// What was read of each object, once for all programs.
pub(super) type Cache = BTreeMap<Id, Option<(Rc<Elf>, Rc<Names>)>>;

impl Walk<'_> {
    /// Keep the interpreter and the libraries of an ELF file.
    pub(super) fn visit_elf(&mut self, id: Id, elf: &Elf) {
        if let Some(interpreter) = &elf.interpreter {
            self.needs_interpreter(id, interpreter);
        }
        if elf.damaged {
            let text = format!("cannot say which libraries {} needs: its dynamic section is damaged", self.name(id));
            self.warn("closure", text, String::new());
        }
        if elf.needs_libraries() {
            self.load(id);
        }
    }

    fn load(&mut self, program: Id) {
        let tree = self.input.tree;
        let Some((elf, names)) = self.object(program) else { return };
        let loader = self.libraries.loader(&elf);
        // The loader itself is mapped already, under its own soname.
        let mut known: BTreeSet<Vec<u8>> = BTreeSet::new();
        let own = elf.interpreter.as_ref().and_then(|path| tree.resolve(path).ok());
        if let Some((_, names)) = own.and_then(|found| self.object(found.node)) {
            known.extend(names.soname.clone());
        }
        let mut ids = set([program]);
        let mut objects = vec![Object { id: program, elf, names, parent: None }];
        let mut at = 0;
        while let Some(object) = objects.get(at).cloned() {
            // Of a library that an earlier program mapped too, the needs are noted already.
            self.noting = self.noted.insert(object.id);
            for name in &object.names.needed {
                let first = known.insert(name.clone());
                if (first && objects.len() > MAX_OBJECTS) || !(first || self.noting) {
                    continue;
                }
                let paths = self.libraries.find(tree, self.input.contents, &loader, &objects, at, name);
                if first && paths.is_empty() && !(matches!(loader, Loader::Musl(_)) && is_musl_builtin(name)) {
                    let text = format!(
                        "{} needs the library {}, which was missing before this run",
                        self.name(object.id),
                        quoted(name)
                    );
                    self.warn("closure", text, String::new());
                }
                for path in paths.iter() {
                    let text = format!("library {} of", quoted(name).trim_matches('\''));
                    let Ok(found) = tree.resolve(path) else { continue };
                    // What is mapped under that name already stays mapped: this object only needs it too.
                    if !first && !ids.contains(&found.node) {
                        continue;
                    }
                    // Marked first: its needs are followed here, where the program's search path is known.
                    self.loaded.insert(found.node);
                    let _ = self.add_path(Id::ROOT, path, Some(object.id), &text);
                    if ids.insert(found.node)
                        && let Some((elf, names)) = self.object(found.node)
                    {
                        known.extend(names.soname.clone());
                        objects.push(Object { id: found.node, elf, names, parent: Some(at) });
                    }
                }
            }
            at += 1;
        }
        self.noting = true;
    }

    fn object(&mut self, id: Id) -> Option<(Rc<Elf>, Rc<Names>)> {
        let (tree, contents) = (self.input.tree, self.input.contents);
        if let Some(known) = self.cache.get(&id) {
            return known.clone();
        }
        let read = match self.input.commands.program(tree, contents, id) {
            Ok(Program::Elf(elf)) => {
                let names = elf.names(&FileBytes { contents, tree, id }).ok();
                names.map(|names| (Rc::new(*elf), Rc::new(names)))
            }
            _ => None,
        };
        self.cache.insert(id, read.clone());
        read
    }
}
