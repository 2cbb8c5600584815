//! Command directories and PATH: the programs that can be run by name in this root.
//!
//! A *command* is an entry of a command directory that is a program, or a link that leads to one, wherever that lies.
//! Links to data, directories or nothing are not commands. This module does not know which commands are kept.

use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

use super::elf::{Buffers, HEAD};
use super::packages::Packages;
use super::program::{Place, Program};
use crate::ordered;
use crate::tree::contents::Contents;
use crate::tree::{FileId, Id, Tree};

/// The directories whose programs are commands in every root; subdirectories are not.
pub(crate) const STANDARD_DIRECTORIES: [&str; 8] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games", "/usr/local/games"];

/// PATH where the image sets none, as container engines have it.
pub(crate) const USUAL_PATH: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// One entry that can be run by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// The program that runs: the entry itself, or where its links lead.
    pub target: Id,
}

/// What can be run, and where names are looked up.
#[derive(Debug, Default)]
pub struct Commands {
    /// Command directories without doubles, in the order of DESIGN: standard, PATH, extra.
    pub directories: Vec<Id>,
    /// Directories of PATH that exist, in order, without doubles.
    pub path: Vec<Id>,
    /// PATH directories that are the application's and left alone, as written.
    pub other_path: Vec<String>,
    /// Every command.
    pub entries: BTreeMap<Id, Command>,
    /// Entries of command directories that are no programs and that a shell would run as scripts, if one is there.
    pub texts: BTreeSet<Id>,
    /// Programs of packages that lie outside the command directories.
    pub helpers: BTreeSet<Id>,
    /// What could not be read, as whole messages.
    pub problems: Vec<String>,
    /// Every file looked at.
    programs: BTreeMap<Id, Program>,
    /// Files that were read before they are looked at.
    ahead: Ahead,
    buffers: Buffers,
}

/// What files are that [`read_ahead`] read.
pub(crate) type Ahead = BTreeMap<Id, Program>;

/// Read the files of the command directories that have one name, for [`Commands::with`]. What could not be read is not
/// among them.
pub(crate) fn read_ahead(tree: &Tree, contents: &dyn Contents, path: &[String], extra: &[String]) -> Ahead {
    let names = STANDARD_DIRECTORIES.into_iter().chain(path.iter().chain(extra).map(String::as_str));
    let directories: BTreeSet<Id> = names.filter_map(|name| directory(tree, name)).collect();
    let files = directories.into_iter().flat_map(|directory| tree.children(directory));
    let files = files.filter(|&id| tree.is_file(id) && tree.meta(id).nlink == 1);
    let mut buffers = Buffers::default();
    ordered::map(files.filter_map(|id| Some((id, Program::read_with(&mut buffers, tree, contents, id).ok()?))))
}

/// The directory that a name in PATH or in the policy leads to, where one is that lies on the root's mount.
fn directory(tree: &Tree, name: &str) -> Option<Id> {
    let id = tree.resolve(name.as_bytes()).ok()?.node;
    (id != Id::ROOT && tree.is_dir(id) && !tree.meta(id).mount).then_some(id)
}

impl Commands {
    /// Look at every command directory, and tell `packages` which of them have commands.
    ///
    /// `path` is the image's PATH (the usual one when empty), `extra` are the configured directories.
    #[must_use]
    pub fn collect(
        tree: &Tree,
        contents: &dyn Contents,
        packages: &mut Packages,
        path: &[String],
        extra: &[String],
    ) -> Self {
        Self::with(Ahead::new(), tree, contents, packages, path, extra)
    }

    /// The same, with files that were read already.
    #[must_use]
    pub(crate) fn with(
        ahead: Ahead,
        tree: &Tree,
        contents: &dyn Contents,
        packages: &mut Packages,
        path: &[String],
        extra: &[String],
    ) -> Self {
        let mut commands = Self { ahead, ..Self::default() };
        commands.find_directories(tree, packages, path, extra);
        let mut inodes = BTreeMap::new();
        for directory in commands.directories.clone() {
            for entry in tree.children(directory) {
                if let Some(target) = commands.runs(tree, contents, entry, &mut inodes) {
                    commands.entries.insert(entry, Command { target });
                } else if commands.is_text(tree, contents, entry) {
                    commands.texts.insert(entry);
                }
            }
        }
        for (&entry, command) in &commands.entries {
            packages.note_command(commands.attributed(packages, entry, command.target));
        }
        commands.find_helpers(tree, contents, packages, &mut inodes);
        (commands.ahead, commands.buffers) = (Ahead::new(), Buffers::default());
        commands
    }

    /// Whether the entry lies directly in a command directory.
    #[must_use]
    pub fn is_in_directory(&self, tree: &Tree, id: Id) -> bool {
        id != Id::ROOT && self.directories.contains(&tree.parent(id))
    }

    /// The entry whose packages a command counts for: itself, or what it runs when no package owns it, as the
    /// links of update-alternatives. A link that a package ships counts for that package alone:
    /// `/usr/bin/pdb3` does not make a program of the library it leads into.
    #[must_use]
    pub fn attributed(&self, packages: &Packages, entry: Id, target: Id) -> Id {
        if packages.owner(entry).is_some() { entry } else { target }
    }

    /// What a file is, when it was looked at already.
    #[must_use]
    pub fn known(&self, id: Id) -> Option<&Program> {
        self.programs.get(&id)
    }

    /// What a file is; read only when it was not looked at before.
    ///
    /// # Errors
    /// The cause, without the path, when the file cannot be read.
    pub fn program(&self, tree: &Tree, contents: &dyn Contents, id: Id) -> Result<Program> {
        match self.programs.get(&id) {
            Some(known) => Ok(known.clone()),
            None => Program::read(tree, contents, id),
        }
    }

    /// Files looked at that begin as an ELF file and cannot be read as one, with the cause.
    pub fn unreadable(&self) -> impl Iterator<Item = (Id, &str)> {
        self.programs.iter().filter_map(|(&id, program)| match program {
            Program::Unreadable(cause) => Some((id, &**cause)),
            _ => None,
        })
    }

    /// The entry that `execvp` runs for a name: the first in PATH that leads to an executable file.
    #[must_use]
    pub fn find_in_path(&self, tree: &Tree, name: &[u8]) -> Option<Id> {
        let executable = |&entry: &Id| {
            tree.follow(entry).is_ok_and(|found| tree.is_file(found.node) && tree.permissions(found.node) & 0o111 != 0)
        };
        self.path.iter().filter_map(|&dir| tree.child(dir, name)).find(executable)
    }

    /// Every entry in a command or PATH directory that may be meant by a name, directories excepted.
    pub fn candidates<'a>(&'a self, tree: &'a Tree) -> impl Iterator<Item = Id> + 'a {
        let others = self.path.iter().filter(|dir| !self.directories.contains(dir));
        self.directories.iter().chain(others).flat_map(|&dir| tree.children(dir)).filter(|&id| !tree.is_dir(id))
    }

    fn find_directories(&mut self, tree: &Tree, packages: &Packages, path: &[String], extra: &[String]) {
        let find = |name: &str| directory(tree, name);
        self.directories.extend(STANDARD_DIRECTORIES.iter().filter_map(|name| find(name)));
        let usual = USUAL_PATH.map(str::to_owned);
        let path = if path.is_empty() { &usual[..] } else { path };
        let mut others = Vec::new();
        for name in path.iter().filter(|name| name.starts_with('/')) {
            let Some(id) = find(name) else { continue };
            self.path.push(id);
            if packages.owner(id).is_some() {
                self.directories.push(id);
            } else {
                others.push((name, id));
            }
        }
        self.directories.extend(extra.iter().filter_map(|name| find(name)));
        let mut seen = BTreeSet::new();
        self.directories.retain(|&id| seen.insert(id));
        for (name, id) in others {
            if seen.insert(id) {
                self.other_path.push(name.clone());
            }
        }
        let mut seen = BTreeSet::new();
        self.path.retain(|&id| seen.insert(id));
    }

    /// The program that an entry of a command directory runs.
    fn runs(
        &mut self,
        tree: &Tree,
        contents: &dyn Contents,
        entry: Id,
        inodes: &mut BTreeMap<FileId, Id>,
    ) -> Option<Id> {
        if !tree.is_link(entry) {
            return self.look(tree, contents, entry, inodes).is_program(tree, entry, Place::Commands).then_some(entry);
        }
        let target = tree.follow(entry).ok()?.node;
        let inside = self.directories.contains(&tree.parent(target));
        let place = if inside { Place::Commands } else { Place::Elsewhere };
        let program = self.look(tree, contents, target, inodes);
        (program.is_program(tree, target, place) || program.is_runnable_library(tree, target)).then_some(target)
    }

    /// Whether an entry of a command directory leads to text that a shell would run: the kernel refuses it, and shells and
    /// execvp(3) then read it as a script, where its first line has no NUL (bash's own test).
    fn is_text(&self, tree: &Tree, contents: &dyn Contents, entry: Id) -> bool {
        let Ok(id) = tree.follow(entry).map(|found| found.node) else { return false };
        let read = self.programs.get(&id) == Some(&Program::None) && !tree.meta(id).mount;
        if !tree.is_file(id) || tree.permissions(id) & 0o111 == 0 || !read {
            return false;
        }
        let head = contents.read_at(tree, id, 0, HEAD).unwrap_or_default();
        let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
        !head.is_empty() && !line.contains(&0)
    }

    /// Programs of packages elsewhere.
    fn find_helpers(
        &mut self,
        tree: &Tree,
        contents: &dyn Contents,
        packages: &Packages,
        inodes: &mut BTreeMap<FileId, Id>,
    ) {
        for (index, _) in packages.iter() {
            for id in packages.files(index) {
                if tree.is_file(id)
                    && tree.permissions(id) & 0o111 != 0
                    && !self.directories.contains(&tree.parent(id))
                    && !self.helpers.contains(&id)
                    && self.look(tree, contents, id, inodes).is_program(tree, id, Place::Elsewhere)
                {
                    self.helpers.insert(id);
                }
            }
        }
    }

    /// Read a file once, also when it has many names.
    fn look(&mut self, tree: &Tree, contents: &dyn Contents, id: Id, inodes: &mut BTreeMap<FileId, Id>) -> &Program {
        if !self.programs.contains_key(&id) {
            let file = tree.file_id(id);
            let shared = file.and_then(|file| inodes.get(&file));
            let known = shared.and_then(|first| self.programs.get(first)).cloned();
            let program = known.or_else(|| self.ahead.remove(&id)).unwrap_or_else(|| {
                Program::read_with(&mut self.buffers, tree, contents, id).unwrap_or_else(|error| {
                    let path = crate::diag::escape::quoted(&tree.path(id));
                    self.problems.push(format!("cannot read {path}: {error}"));
                    Program::None
                })
            });
            if let Some(file) = file {
                inodes.entry(file).or_insert(id);
            }
            self.programs.insert(id, program);
        }
        self.programs.entry(id).or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::elf::fixture::{library, program};
    use super::super::packages::Packages;
    use super::Commands;
    use crate::tree::contents::memory::image;
    use crate::tree::{Id, Tree};

    fn paths(tree: &Tree, ids: impl IntoIterator<Item = Id>) -> Vec<String> {
        ids.into_iter().map(|id| String::from_utf8(tree.path(id)).unwrap()).collect()
    }

    #[test]
    fn merged_directories_count_once_and_other_path_directories_are_left() {
        let (tree, memory) = image(&[
            ("/bin", "-> usr/bin"),
            ("/sbin", "-> usr/sbin"),
            ("/usr/sbin", "-> bin"),
            ("/usr/bin/sh", "#!/x\n"),
            ("/usr/local/bin/", ""),
            ("/opt/tools/bin/", ""),
            ("/opt/pkg/bin/", ""),
            ("/venv/bin/", ""),
            ("/var/lib/dpkg/info/pkg.list", "/opt\n/opt/pkg\n/opt/pkg/bin\n"),
        ]);
        let mut packages = Packages::collect(&tree, &memory);
        let path = ["/venv/bin", "", "/", "rel", "/opt/pkg/bin", "/usr/sbin", "/bin", "/none"].map(str::to_owned);
        let commands = Commands::collect(&tree, &memory, &mut packages, &path, &["/opt/tools/bin".to_owned()]);
        assert_eq!(
            paths(&tree, commands.directories.clone()),
            ["/usr/bin", "/usr/local/bin", "/opt/pkg/bin", "/opt/tools/bin"]
        );
        assert_eq!(paths(&tree, commands.path.clone()), ["/venv/bin", "/opt/pkg/bin", "/usr/bin"]);
        assert_eq!(commands.other_path, ["/venv/bin"]);
    }

    #[test]
    fn commands_are_programs_and_links_to_programs() {
        let (tree, mut memory) = image(&[
            ("/usr/bin/dash", ""),
            ("/usr/bin/sh", "-> dash"),
            ("/usr/bin/java", "-> /etc/alternatives/java"),
            ("/etc/alternatives/java", "-> /usr/lib/jvm/bin/java"),
            ("/usr/lib/jvm/bin/java", ""),
            ("/usr/lib/jvm/lib/jexec", ""),
            ("/usr/lib/ld.so.2", ""),
            ("/usr/bin/ld.so", "-> ../lib/ld.so.2"),
            ("/usr/bin/lib.so", ""),
            ("/usr/bin/data", "text"),
            ("/usr/bin/X11", "-> ."),
            ("/usr/bin/dangling", "-> none"),
            ("/usr/bin/dir/", ""),
            ("/usr/bin/pdb", "-> ../lib/python3/pdb.py"),
            ("/usr/lib/python3/pdb.py", "#!/usr/bin/python3\n"),
            ("/var/lib/dpkg/info/python3.list", "/usr/bin/pdb\n"),
            ("/var/lib/dpkg/info/stdlib.list", "/usr/lib/python3/pdb.py\n"),
            ("/var/lib/dpkg/info/jre.list", "/usr/lib/jvm/bin/java\n/usr/lib/jvm/lib/jexec\n"),
        ]);
        for path in ["/usr/bin/dash", "/usr/lib/jvm/bin/java", "/usr/lib/jvm/lib/jexec"] {
            memory.put(path, &program("/lib/ld.so", &[]));
        }
        memory.put("/usr/lib/ld.so.2", &library("ld.so.2", &[]));
        memory.put("/usr/bin/lib.so", &library("lib.so", &[]));
        let mut packages = Packages::collect(&tree, &memory);
        let commands = Commands::collect(&tree, &memory, &mut packages, &[], &[]);
        assert_eq!(
            paths(&tree, commands.entries.keys().copied()),
            ["/usr/bin/dash", "/usr/bin/java", "/usr/bin/ld.so", "/usr/bin/lib.so", "/usr/bin/pdb", "/usr/bin/sh"]
        );
        // No package owns the link in /usr/bin: its target says which package the command is of.
        let had: Vec<_> = packages.iter().map(|(_, p)| (&p.name[..], p.had_commands)).collect();
        assert_eq!(had, [("jre", true), ("python3", true), ("stdlib", false)]);
        assert_eq!(
            paths(&tree, commands.helpers.iter().copied()),
            ["/usr/lib/jvm/bin/java", "/usr/lib/jvm/lib/jexec", "/usr/lib/python3/pdb.py"]
        );
        assert_eq!(commands.find_in_path(&tree, b"sh"), tree.lookup(b"/usr/bin/sh"));
        assert_eq!(commands.find_in_path(&tree, b"dangling"), None);
    }
}
