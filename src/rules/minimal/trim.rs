//! Files of a kept package that no running program reads: documentation, translations, files for compilers and
//! desktops.

use std::collections::BTreeMap;

use crate::closure::objects::is_library_directory;
use crate::closure::removable::{COMPLETIONS, DOCUMENTATION, LOCALES};
use crate::rules::context::Context;
use crate::rules::minimal::data::{KINDS, Kind, LOCALE};
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree, glob};

/// Directories by what they hold.
const PLACES: [(&str, &[&str]); 3] = [
    (
        "documentation",
        &[
            "/usr/share/bug",
            "/usr/share/examples",
            "/usr/share/groff",
            "/usr/share/licenses",
            "/usr/local/share/man",
            "/usr/share/reportbug",
            "/usr/share/apport",
            "/usr/share/metainfo",
            "/usr/share/appdata",
        ],
    ),
    (
        "for building programs",
        &[
            "/usr/include",
            "/usr/local/include",
            "/usr/lib/debug",
            "/usr/lib/pkgconfig",
            "/usr/lib64/pkgconfig",
            "/usr/lib/*/pkgconfig",
            "/usr/share/pkgconfig",
            "/usr/lib/cmake",
            "/usr/lib64/cmake",
            "/usr/lib/*/cmake",
            "/usr/share/cmake",
            "/usr/share/aclocal",
            "/usr/share/gir-1.0",
            "/usr/share/vala",
            "/usr/share/gdb",
            "/usr/share/gcc",
        ],
    ),
    (
        "for a whole system",
        &[
            "/etc/apparmor.d",
            "/etc/logrotate.d",
            "/etc/logcheck",
            "/etc/ufw",
            "/etc/xdg/autostart",
            "/usr/share/applications",
            "/usr/share/initramfs-tools",
            "/usr/share/menu",
            "/usr/share/pixmaps",
            "/usr/share/polkit-1",
            "/usr/share/vim",
            "/usr/share/zsh",
        ],
    ),
];

/// Archives, and libtool's notes on libraries: read when programs are linked, never when they run. libtool's loader reads
/// the notes on modules, to find the module that belongs to a name.
const ENDINGS: [&[u8]; 2] = [b".a", b".la"];

/// Beginnings of names of compilers and linkers: while one is kept, what it reads stays.
const COMPILERS: [&[u8]; 14] = [
    b"cc",
    b"c++",
    b"c89",
    b"c99",
    b"clang",
    b"cpp",
    b"g++",
    b"gcc",
    b"ghc",
    b"go",
    b"gfortran",
    b"ocaml",
    b"rustc",
    b"tcc",
];

/// The places as directories of one tree.
#[derive(Debug)]
pub(super) struct Trim {
    directories: BTreeMap<Id, &'static str>,
    /// Where archives lie.
    libraries: Vec<Id>,
    builds: bool,
    licences: IdSet,
}

impl Trim {
    pub(super) fn new(cx: &Context<'_>, removed: &IdSet) -> Self {
        let tree = &cx.facts.tree;
        let staying = cx.facts.commands.entries.keys().filter(|&&id| !removed.contains(id));
        let builds = staying.map(|&id| tree.name(id)).any(|name| COMPILERS.iter().any(|begin| is_named(name, begin)));
        let find = |pattern: &&str| glob::expand(tree, pattern);
        let mut directories = BTreeMap::new();
        for (what, patterns) in PLACES.iter().filter(|(what, _)| !builds || !what.contains("building")) {
            directories.extend(patterns.iter().flat_map(find).map(|id| (id, *what)));
        }
        for (list, what) in
            [(&DOCUMENTATION[..], "documentation"), (&COMPLETIONS, "completions of shells"), (&LOCALES, "translations")]
        {
            directories.extend(list.iter().flat_map(find).map(|id| (id, what)));
        }
        if cx.policy.minimal.data.get(LOCALE) == Some(&Some(true)) {
            directories.retain(|_, what| *what != "translations");
        }
        for kind in &KINDS {
            directories.extend(kind.dropped(tree).into_iter().map(|id| (id, "data that no kept file needs")));
        }
        let libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"].iter().flat_map(find).collect();
        let licences = glob::expand(tree, "/usr/share/doc/*").into_iter().filter(|&id| tree.is_link(id)).collect();
        Self { directories, libraries, builds, licences }
    }

    /// A kind of data is wanted: what lies there stays with its package.
    pub(super) fn leave(&mut self, tree: &Tree, kind: &Kind) {
        for id in kind.dropped(tree) {
            self.directories.remove(&id);
        }
    }

    /// What an entry is for, when no running program reads it.
    pub(super) fn of(&self, tree: &Tree, id: Id) -> Option<&'static str> {
        // Links from one package's documentation to another's lead to the licence.
        if is_licence(tree, id) || self.licences.contains(id) {
            return None;
        }
        let place = tree.ancestors(id).find_map(|at| self.directories.get(&at).copied());
        let name = tree.name(id);
        place.or_else(|| {
            let archive = !self.builds
                && ENDINGS.iter().any(|ending| name.ends_with(ending))
                && self.libraries.iter().any(|&top| tree.is_within(id, top))
                && (name.ends_with(b".a") || is_library_directory(tree, tree.parent(id)));
            archive.then_some("for building programs")
        })
    }
}

/// `gcc`, `gcc-12`, `x86_64-linux-gnu-gcc-12`, `clang-14`; not `gconftool`.
fn is_named(name: &[u8], compiler: &[u8]) -> bool {
    let mut parts = name.split(|&b| b == b'-');
    parts.any(|part| {
        part.strip_prefix(compiler).is_some_and(|rest| rest.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
    })
}

/// Whether a file is the licence of a package, which stays as long as its record.
pub(super) fn is_licence(tree: &Tree, id: Id) -> bool {
    let path = tree.path(id);
    (tree.name(id) == b"copyright" && path.starts_with(b"/usr/share/doc/")) || path.starts_with(b"/usr/share/licenses/")
}
