//! Entries that may be removed once the closure is known: commands, the helpers of packages that lost all commands, and
//! the leftovers of those packages. A pure selection; the rule that uses it says so in the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::Closure;
use crate::diag::escape::quoted;
use crate::facts::commands::Commands;
use crate::facts::notable::{SHELLS, Wanted, is_listed};
use crate::facts::packages::{PackageIndex, Packages};
use crate::facts::program::{Program, Shebang, is_library_name};
use crate::tree::set::IdSet;
use crate::tree::{FileId, Id, Tree};

/// Documentation, below which nothing but a copyright file matters to a running system.
pub(crate) const DOCUMENTATION: [&str; 7] = [
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/info",
    "/usr/share/lintian",
    "/usr/share/doc-base",
    "/usr/share/help",
    "/usr/share/gtk-doc",
];

/// Shell completions.
pub(crate) const COMPLETIONS: [&str; 7] = [
    "/usr/share/bash-completion/completions",
    "/usr/share/zsh/site-functions",
    "/usr/share/zsh/vendor-completions",
    "/usr/share/fish/completions",
    "/usr/share/fish/vendor_completions.d",
    "/usr/share/fish/vendor_conf.d",
    "/etc/bash_completion.d",
];

/// Suffixes of scripts that other programs load: they stay as long as their interpreter does.
const MODULES: &str = "py pm pl rb js mjs cjs lua tcl php sh bash awk R";

/// Message catalogues.
pub(crate) const LOCALES: [&str; 1] = ["/usr/share/locale"];

/// Directories of /etc that are never a lost package's own: certificates, and apk's identity of the system.
const SHARED_DIRECTORIES: [&str; 3] = ["ssl", "pki", "apk"];

/// Commands that everything depends on: what does so is not there for them.
pub(crate) const NOT_HOSTS: &str = "bash busybox busybox-static coreutils dash glibc libc-bin libc6 mksh musl musl-utils sed tar toybox \
    util-linux zsh";

/// Files of /etc that the C library, the account tools or scanners read, from any package.
const SHARED_FILES: &str = "passwd group shadow gshadow subuid subgid hosts hostname resolv.conf nsswitch.conf services protocols \
    localtime timezone shells profile debian_version";

/// What the selection looks at.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// What can be run.
    pub commands: &'a Commands,
    /// Who owns what.
    pub packages: &'a Packages,
    /// What stays.
    pub closure: &'a Closure,
    /// Kept paths and application directories: nothing at or below them goes.
    pub untouched: &'a [Id],
    /// What goes for other reasons.
    pub removed: &'a IdSet,
}

/// What may go. Every list is sorted by entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removable {
    /// Entries of command directories, with the reason.
    pub commands: Vec<(Id, String)>,
    /// Programs elsewhere, with the reason.
    pub helpers: Vec<(Id, String)>,
    /// Other names of all these (hard links), with the reason.
    pub names: Vec<(Id, String)>,
    /// Packages that lost every command.
    pub packages: Vec<Lost>,
}

/// What a package leaves behind that lost every command.
#[derive(Debug, PartialEq, Eq)]
pub struct Lost {
    /// The package.
    pub package: PackageIndex,
    /// Its name.
    pub name: String,
    /// Manuals and the like, without copyright files.
    pub documentation: Vec<Id>,
    /// Shell completions.
    pub completions: Vec<Id>,
    /// Message catalogues.
    pub locales: Vec<Id>,
    /// Files below /etc; empty while a library or program of the same source package stays.
    pub configuration: Vec<Id>,
    /// Its directories in those places, deepest first, to be removed where that leaves them empty.
    pub directories: Vec<Id>,
}

/// Select what may go.
#[must_use]
pub fn removable(selection: &Selection<'_>) -> Removable {
    let Selection { tree, commands, packages, closure, .. } = *selection;
    let mut found = Removable::default();
    for (&id, command) in &commands.entries {
        if selection.may_go(id) {
            let reason = if command.target == id {
                "no kept command needs it".to_owned()
            } else {
                format!("no kept command needs this name of {}", quoted(&tree.path(command.target)))
            };
            found.commands.push((id, reason));
        }
    }
    if selection.keeps_shell() {
        let texts = commands.texts.iter().filter(|&&id| selection.may_go(id));
        found
            .commands
            .extend(texts.map(|&id| (id, "a kept shell would run it, and no kept command needs it".to_owned())));
        found.commands.sort_unstable();
    }
    let staying = selection.staying_packages();
    let lost = selection.lost_packages(&staying);
    let hosts = staying.clone();
    let needed = selection.needed_packages(staying);
    let idle = selection.idle_packages(&hosts, &needed);
    let etc = tree.resolve(b"/etc").ok().map(|found| found.node).filter(|&id| id != Id::ROOT);
    for &id in &commands.helpers {
        let all_lost = packages.owners(id).all(|owner| lost.contains(&owner) || idle.contains(&owner));
        let serves = packages.owners(id).any(|owner| needed.contains(&owner)) && selection.can_run(id);
        if selection.may_go(id) && all_lost && !serves && !selection.may_be_imported(id) {
            let name = packages.owner(id).map(|package| quoted(package.name.as_bytes())).unwrap_or_default();
            let had = packages.owners(id).any(|owner| lost.contains(&owner));
            let reason = if had {
                format!("no command of its package {name} is kept")
            } else {
                format!("nothing of its package {name} is kept")
            };
            // A script of /etc is configuration: a kept program may start all of its directory.
            if had || !(etc.is_some_and(|etc| tree.is_within(id, etc)) && selection.is_script(id)) {
                found.helpers.push((id, reason));
            }
        }
    }
    let going: IdSet = found.commands.iter().chain(&found.helpers).map(|&(id, _)| id).collect();
    found.names = selection.other_names(&going, &lost, &idle);
    let mut gone: IdSet = going;
    gone.extend(found.names.iter().map(|&(id, _)| id));
    let places = Places::new(tree);
    let mut placed: Vec<(PackageIndex, Vec<(Id, Place)>)> = Vec::new();
    for &index in &lost {
        let goes = |&id: &Id| {
            !gone.contains(id) && selection.may_go(id) && packages.owners(id).all(|owner| lost.contains(&owner))
        };
        let files = packages.files(index).filter_map(|id| Some((id, places.of(tree, id)?)));
        placed.push((index, files.filter(|(id, _)| goes(id)).collect()));
    }
    // An example script of the documentation goes with it, and is no program that holds configuration.
    let all = placed.iter().flat_map(|(_, list)| list);
    gone.extend(all.filter(|&&(id, place)| place != Place::Configuration && !tree.is_dir(id)).map(|&(id, _)| id));
    let sources = selection.staying_sources(&gone);
    for (index, list) in placed {
        let Some(package) = packages.get(index) else { continue };
        let mut left = Lost {
            package: index,
            name: package.name.clone(),
            documentation: Vec::new(),
            completions: Vec::new(),
            locales: Vec::new(),
            configuration: Vec::new(),
            directories: Vec::new(),
        };
        let stays = needed.contains(&index) || sources.contains(package.source.as_str());
        for (id, place) in list {
            match place {
                Place::Configuration if stays => {}
                _ if tree.is_dir(id) => left.directories.push(id),
                Place::Documentation => left.documentation.push(id),
                Place::Completion => left.completions.push(id),
                Place::Locale => left.locales.push(id),
                Place::Configuration => left.configuration.push(id),
            }
        }
        // Children come after their parents in the tree's order.
        left.directories.reverse();
        found.packages.push(left);
    }
    debug_assert!(found.commands.iter().all(|&(id, _)| !closure.contains(id)));
    found
}

impl Selection<'_> {
    /// Whether nothing speaks for an entry: neither the closure, nor a kept path, nor a mount.
    fn may_go(&self, id: Id) -> bool {
        !self.closure.contains(id)
            && !self.tree.meta(id).mount
            && !self.untouched.iter().any(|&top| self.tree.is_within(id, top))
    }

    /// Whether a script may be a module of a kept interpreter, for any program that imports it: `base64.py` begins with
    /// `#!` and has its x bit in some distributions.
    fn may_be_imported(&self, id: Id) -> bool {
        let name = self.tree.name(id);
        let suffix = name.iter().rposition(|&b| b == b'.').and_then(|at| name.get(at + 1..)).unwrap_or_default();
        let Some(Program::Script(shebang)) = self.commands.known(id) else { return false };
        MODULES.split(' ').any(|module| module.as_bytes() == suffix) && self.keeps_interpreter(shebang)
    }

    /// Whether a program can still be started: a script whose interpreter goes cannot.
    fn can_run(&self, id: Id) -> bool {
        match self.commands.known(id) {
            Some(Program::Script(shebang)) => self.keeps_interpreter(shebang),
            _ => true,
        }
    }

    fn is_script(&self, id: Id) -> bool {
        matches!(self.commands.known(id), Some(Program::Script(_)))
    }

    fn keeps_interpreter(&self, shebang: &Shebang) -> bool {
        let interpreter = match &shebang.env_name {
            Some(name) => self.commands.find_in_path(self.tree, name).and_then(|id| self.tree.follow(id).ok()),
            None => self.tree.resolve(&shebang.interpreter).ok(),
        };
        interpreter.is_some_and(|found| self.closure.contains(found.node))
    }

    /// Packages that keep a command that is theirs or leads to their program, or a program elsewhere that
    /// something kept runs.
    fn staying_packages(&self) -> BTreeSet<PackageIndex> {
        let mut staying: BTreeSet<PackageIndex> = BTreeSet::new();
        for (&id, command) in &self.commands.entries {
            if !self.may_go(id) {
                // The program that it runs speaks for its package too.
                staying.extend(self.packages.owners(id));
                staying.extend(self.packages.owners(command.target));
            }
        }
        for &id in &self.commands.helpers {
            if self.closure.contains(id) {
                staying.extend(self.packages.owners(id));
            }
        }
        staying
    }

    /// Packages that have or had commands, and keep none.
    fn lost_packages(&self, staying: &BTreeSet<PackageIndex>) -> BTreeSet<PackageIndex> {
        let had = self.packages.iter().filter(|(_, package)| package.had_commands);
        BTreeSet::from_iter(had.map(|(index, _)| index).filter(|index| !staying.contains(index)))
    }

    /// Packages that never had a command, and of which nothing is kept: neither they nor what is kept has a use for their
    /// programs. Those that depend by name on a package with a kept command are there for it, as postgresql-client-15 for
    /// psql's wrapper, and those that one depends on may serve it.
    fn idle_packages(&self, hosts: &BTreeSet<PackageIndex>, needed: &BTreeSet<PackageIndex>) -> BTreeSet<PackageIndex> {
        let is_host = |index: &&PackageIndex| {
            let package = self.packages.get(**index);
            package.is_some_and(|package| !NOT_HOSTS.split_ascii_whitespace().any(|name| name == package.name))
        };
        let served: BTreeSet<PackageIndex> =
            hosts.iter().filter(is_host).flat_map(|&host| self.packages.dependents(host)).collect();
        let wanted = Wanted::new();
        let arms = |index: PackageIndex| {
            let mut programs = self.packages.files(index).filter(|id| self.commands.helpers.contains(id));
            programs.any(|id| wanted.has(self.tree.name(id)))
        };
        // One that was installed on purpose has its use, whoever calls it: the CGI program of cgit, the plugins of a monitor.
        // But a shell, or what GTFOBins lists, is started by whoever finds it: klibc-utils.
        let idle = self
            .packages
            .iter()
            .filter(|&(index, package)| !package.had_commands && (!package.on_purpose || arms(index)));
        let all = idle.map(|(index, _)| index);
        BTreeSet::from_iter(all.filter(|index| !needed.contains(index) && !served.contains(index)))
    }

    /// Whether a shell stays, by the name of its command.
    fn keeps_shell(&self) -> bool {
        let is_shell = |id: Id| is_listed(SHELLS.split(' '), self.tree.name(id));
        let mut staying = self.commands.entries.iter().filter(|&(&id, _)| !self.may_go(id));
        staying.any(|(&id, command)| is_shell(id) || is_shell(command.target))
    }

    /// Names of programs that go, wherever they lie: what can be started by another name did not go. A name that a package
    /// ships of which a command stays, stays with it.
    fn other_names(
        &self,
        going: &IdSet,
        lost: &BTreeSet<PackageIndex>,
        idle: &BTreeSet<PackageIndex>,
    ) -> Vec<(Id, String)> {
        let tree = self.tree;
        let linked = |id: &Id| tree.is_file(*id) && tree.meta(*id).nlink > 1;
        let mut names: BTreeMap<FileId, (Id, Vec<Id>)> = BTreeMap::new();
        for id in tree.ids().filter(linked).filter(|&id| going.contains(id)) {
            if let Some(file) = tree.file_id(id) {
                names.entry(file).or_insert((id, Vec::new()));
            }
        }
        if names.is_empty() {
            return Vec::new();
        }
        for id in tree.ids().filter(linked).filter(|&id| !going.contains(id)) {
            if let Some((_, others)) = tree.file_id(id).and_then(|file| names.get_mut(&file)) {
                others.push(id);
            }
        }
        let goes = |owner: PackageIndex| lost.contains(&owner) || idle.contains(&owner);
        let mut found = Vec::new();
        for (first, others) in names.into_values() {
            // One kept name keeps the program: then the others open nothing more.
            if others.iter().any(|&id| self.closure.contains(id)) {
                continue;
            }
            for id in others {
                if self.may_go(id) && self.packages.owners(id).all(goes) {
                    found.push((id, format!("another name of {}, which is removed", quoted(&tree.path(first)))));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Packages that something kept may call into: those that a package with kept programs or libraries needs
    /// as its record says, and those built from one source with a package that keeps a command. `gcc` is a link
    /// of one package, its driver lies in a second and runs cc1 of a third.
    fn needed_packages(&self, staying: BTreeSet<PackageIndex>) -> BTreeSet<PackageIndex> {
        let get = |&index: &PackageIndex| self.packages.get(index);
        let sources: BTreeSet<&str> =
            BTreeSet::from_iter(staying.iter().filter_map(get).map(|package| package.source.as_str()));
        let siblings = self.packages.iter().filter(|(_, package)| sources.contains(package.source.as_str()));
        let siblings: Vec<PackageIndex> = siblings.map(|(index, _)| index).collect();
        let mut kept = staying;
        let files = self.closure.reasons.keys().filter(|&&id| self.tree.is_file(id));
        kept.extend(files.flat_map(|&id| self.packages.owners(id)));
        let mut needed = self.packages.with_requirements(kept);
        needed.extend(siblings);
        needed
    }

    /// Source packages of which a library or a program stays.
    fn staying_sources(&self, gone: &IdSet) -> BTreeSet<&str> {
        let mut sources = BTreeSet::new();
        for (index, package) in self.packages.iter() {
            if sources.contains(package.source.as_str()) {
                continue;
            }
            let stays = |id: Id| {
                !gone.contains(id)
                    && !self.removed.contains(id)
                    && !self.tree.is_dir(id)
                    && (self.commands.entries.contains_key(&id)
                        || self.commands.helpers.contains(&id)
                        || is_library_name(self.tree.name(id))
                        || (self.tree.is_file(id) && self.closure.contains(id)))
            };
            if self.packages.files(index).any(stays) {
                sources.insert(package.source.as_str());
            }
        }
        sources
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Documentation,
    Completion,
    Locale,
    Configuration,
}

/// The places as directories of this tree.
struct Places {
    directories: BTreeMap<Id, Place>,
    /// The same directories, for a quick answer.
    known: IdSet,
    etc: Option<Id>,
}

impl Places {
    fn new(tree: &Tree) -> Self {
        let find = |path: &str| {
            tree.resolve(path.as_bytes()).ok().map(|found| found.node).filter(|&id| id != Id::ROOT && tree.is_dir(id))
        };
        let etc = find("/etc");
        let mut directories = BTreeMap::new();
        directories.extend(etc.map(|id| (id, Place::Configuration)));
        for (paths, place) in
            [(&DOCUMENTATION[..], Place::Documentation), (&COMPLETIONS, Place::Completion), (&LOCALES, Place::Locale)]
        {
            directories.extend(paths.iter().filter_map(|path| find(path)).map(|id| (id, place)));
        }
        let known = directories.keys().copied().collect();
        Self { directories, known, etc }
    }

    /// The place an entry lies in, when it may go from there with its package. The nearest place counts.
    fn of(&self, tree: &Tree, id: Id) -> Option<Place> {
        let mut above = tree.ancestors(id).skip(1);
        let top = above.find(|&at| self.known.contains(at))?;
        let place = *self.directories.get(&top)?;
        if self.known.contains(id) {
            return None;
        }
        let shared = match place {
            // A directory of documentation may be a link to another package's, with its copyright file.
            Place::Documentation => tree.name(id) == b"copyright" || (tree.is_link(id) && tree.parent(id) == top),
            Place::Configuration => self.is_shared(tree, id),
            Place::Completion | Place::Locale => false,
        };
        (!shared).then_some(place)
    }

    /// Whether a file of /etc serves more than its package.
    fn is_shared(&self, tree: &Tree, id: Id) -> bool {
        // The entry directly below /etc that this one is or lies in.
        let Some(top) = tree.ancestors(id).find(|&at| Some(tree.parent(at)) == self.etc) else { return true };
        let name = tree.name(top);
        SHARED_DIRECTORIES.iter().any(|shared| shared.as_bytes() == name)
            || name.starts_with(b"ca-certificates")
            || name.starts_with(b"ld.so")
            || (name.starts_with(b"ld-musl-") && name.ends_with(b".path"))
            || (!tree.is_dir(top)
                && (name.ends_with(b"-release") || SHARED_FILES.split(' ').any(|shared| shared.as_bytes() == name)))
    }
}
