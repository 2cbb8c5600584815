//! Interpreters, and the directories in which they look for modules of packages.
//!
//! Modules are loaded by names that stand in scripts, so that no file names them, and their packages often depend on a
//! library or on another module alone. So the directory decides: a file that a package puts there is for that
//! interpreter.

use crate::rules::minimal::{Because, Decider};
use crate::tree::glob;

/// One interpreter.
#[derive(Debug)]
struct Interpreter {
    /// How the name of its command begins.
    command: &'static str,
    /// How the name of the library begins through which other programs embed it.
    library: &'static str,
    /// The ends of its modules' names, besides `.so`.
    endings: &'static [&'static str],
    /// Where it looks for modules; patterns of paths.
    directories: &'static [&'static str],
}

/// Every interpreter whose modules are known.
static INTERPRETERS: [Interpreter; 7] = [
    Interpreter {
        command: "python",
        library: "libpython",
        endings: &["py"],
        directories: &["/usr/lib/python*/*-packages", "/usr/lib64/python*/*-packages"],
    },
    Interpreter {
        command: "perl",
        library: "libperl.so",
        endings: &["pm", "pl"],
        directories: &["/usr/share/perl5", "/usr/lib/perl5", "/usr/lib64/perl5", "/usr/lib/*/perl5"],
    },
    Interpreter {
        command: "ruby",
        library: "libruby",
        endings: &["rb"],
        directories: &[
            "/usr/lib/ruby",
            "/usr/lib64/ruby",
            "/usr/lib/*/ruby",
            "/usr/lib64/gems",
            "/usr/share/gems",
            "/usr/share/ruby",
            "/usr/share/rubygems-integration",
        ],
    },
    Interpreter {
        command: "node",
        library: "libnode",
        endings: &["js", "mjs", "cjs", "json"],
        directories: &[
            "/usr/lib/node_modules",
            "/usr/lib/nodejs",
            "/usr/lib/*/nodejs",
            "/usr/share/node_modules",
            "/usr/share/nodejs",
        ],
    },
    Interpreter {
        command: "php",
        library: "libphp",
        endings: &["php"],
        directories: &["/usr/share/php", "/usr/share/php[0-9]*", "/usr/share/pear"],
    },
    Interpreter {
        command: "lua",
        library: "liblua",
        endings: &["lua"],
        directories: &["/usr/share/lua", "/usr/lib/lua", "/usr/lib64/lua", "/usr/lib/*/lua"],
    },
    Interpreter {
        command: "tclsh",
        library: "libtcl",
        endings: &["tcl"],
        directories: &["/usr/share/tcl*", "/usr/lib/tcl*", "/usr/lib64/tcl*"],
    },
];

/// The ends of names of modules that a command loads.
pub(super) fn endings(command: &[u8]) -> impl Iterator<Item = &'static str> {
    let loads = INTERPRETERS.iter().filter(move |one| command.starts_with(one.command.as_bytes()));
    loads.flat_map(|one| one.endings.iter().copied())
}

/// Endings of compiled modules, and of what is read by interpreters that have no directory for modules of packages.
const COMPILED: [&[u8]; 6] = [b"pyc", b"jar", b"class", b"phar", b"sh", b"la"];

/// Whether a file is code that an interpreter or a loader reads, by its name.
pub(crate) fn is_module(name: &[u8]) -> bool {
    let ending = name.rsplit(|&b| b == b'.').next().filter(|ending| ending.len() < name.len()).unwrap_or_default();
    let known = INTERPRETERS.iter().flat_map(|one| one.endings.iter());
    COMPILED.contains(&ending) || known.into_iter().any(|known| known.as_bytes() == ending)
}

/// What is known of each interpreter: whether it stays, and whether its modules are in.
#[derive(Debug, Default)]
pub(super) struct Interpreters {
    stays: [bool; INTERPRETERS.len()],
    done: [bool; INTERPRETERS.len()],
}

impl Interpreters {
    /// A command of that name stays.
    pub(super) fn note_command(&mut self, name: &[u8]) {
        self.note(|one| name.starts_with(one.command.as_bytes()));
    }

    /// A file of that name is in use as a library.
    pub(super) fn note_library(&mut self, name: &[u8]) {
        self.note(|one| name.starts_with(one.library.as_bytes()));
    }

    fn note(&mut self, is: impl Fn(&Interpreter) -> bool) {
        for (one, stays) in INTERPRETERS.iter().zip(&mut self.stays) {
            *stays |= is(one);
        }
    }

    /// Interpreters that stay and were not handed out before.
    fn take(&mut self) -> Vec<&'static Interpreter> {
        let all = INTERPRETERS.iter().zip(&self.stays).zip(&mut self.done);
        let new = all.filter(|((_, stays), done)| **stays && !**done);
        new.map(|((one, _), done)| {
            *done = true;
            one
        })
        .collect()
    }
}

impl Decider<'_> {
    /// Let packages stay that hold modules of interpreters that stay. Answers whether an interpreter came new.
    pub(super) fn add_modules(&mut self) -> bool {
        let (tree, packages) = (&self.cx.facts.tree, &self.cx.facts.packages);
        let new = if self.by_file() { Vec::new() } else { self.interpreters.take() };
        for interpreter in &new {
            let tops = interpreter.directories.iter().flat_map(|pattern| glob::expand(tree, pattern));
            // A module may be a link to a library.
            for id in tops.flat_map(|top| tree.subtree(top)).filter(|&id| !tree.is_dir(id)) {
                let name = tree.name(id);
                let ending = name.rsplit(|&b| b == b'.').next().unwrap_or_default();
                let module = ending == b"so" || interpreter.endings.iter().any(|known| known.as_bytes() == ending);
                if !module || self.removed.contains(id) || self.trim.of(tree, id).is_some() {
                    continue;
                }
                for owner in packages.owners(id) {
                    if packages.get(owner).is_some_and(|package| !package.is_installer()) {
                        self.stay(owner, Because::Module(id));
                    }
                }
            }
        }
        !new.is_empty()
    }
}
