//! A small image whose files have the content of the hour.

use std::cell::Cell;
use std::collections::BTreeMap;

use harden::testing::closure::{Closure, Input};
use harden::testing::diag::Origin;
use harden::testing::facts::commands::Commands;
use harden::testing::facts::packages::{Manager, Packages};
use harden::testing::policy::{CommandEntry, Pattern, Policy};
use harden::testing::root::Root;
use harden::testing::tree::contents::Contents;
use harden::testing::tree::{Id, Tree};

use crate::common::{Rootfs, library, program, walk};

/// Parts of messages.
const SAID: &[&str] = &[
    "treated as data: its ELF",
    "treated as data: its dynamic",
    "treated as data: a name",
    "treated as data: its interpreter",
    "missing before this run",
    "ld.so.cache does not know",
    "needs the interpreter",
    "is run by 'env",
    "more than 5 in a row",
];

/// Package databases of every format that is read.
const DATABASES: &[&str] = &[
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/diversions",
    "/var/lib/dpkg/info/prog.list",
    "/var/lib/dpkg/info/libc6:amd64.list",
    "/var/lib/dpkg/status.d/prog",
    "/usr/lib/opkg/status",
    "/usr/lib/opkg/info/prog.list",
    "/lib/apk/db/installed",
    "/var/lib/pacman/local/prog-1-1/desc",
    "/var/lib/pacman/local/prog-1-1/files",
];

pub(crate) struct Image {
    _files: Rootfs,
    tree: Tree,
    /// Content of the files that no input replaces.
    usual: BTreeMap<Id, Vec<u8>>,
    policy: Policy,
}

/// Contents in memory, and the bytes read of them.
struct Memory<'a> {
    files: BTreeMap<Id, &'a [u8]>,
    read: Cell<usize>,
}

impl Contents for Memory<'_> {
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> anyhow::Result<Vec<u8>> {
        let content = self.read_at(tree, id, 0, usize::MAX)?;
        if content.len() as u64 > limit { Err(anyhow::anyhow!("larger than the limit")) } else { Ok(content) }
    }

    fn read_at(&self, _: &Tree, id: Id, offset: u64, len: usize) -> anyhow::Result<Vec<u8>> {
        let content = self.files.get(&id).copied().unwrap_or_default();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let found = content[start..content.len().min(start.saturating_add(len))].to_vec();
        self.read.set(self.read.get() + found.len());
        Ok(found)
    }

    fn size(&self, _: &Tree, id: Id) -> u64 {
        self.files.get(&id).map_or(0, |content| content.len() as u64)
    }
}

impl Image {
    pub(crate) fn new() -> Self {
        let bytes = [
            ("/lib/ld.so", library("ld.so", &[])),
            ("/lib/liba.so", library("liba.so", &["libb.so", "libc.so.6"])),
            ("/lib/libb.so", library("libb.so", &["liba.so", "libaux.so"])),
            ("/lib/libc.so.6", library("libc.so.6", &["ld.so"])),
            ("/lib/libaux.so", library("libaux.so", &["libgone.so"])),
            ("/opt/liba.so", library("liba.so", &[])),
            ("/lib/libnss_my.so.2", library("libnss_my.so.2", &["liba.so"])),
            ("/lib/security/pam_unix.so", library("pam_unix.so", &["libc.so.6"])),
            ("/usr/bin/prog", program("/lib/ld.so", &["liba.so"])),
            ("/usr/bin/env", program("/lib/ld.so", &["libc.so.6"])),
        ];
        let empty = [
            "/usr/bin/script",
            "/etc/ld.so.cache",
            "/etc/ld.so.conf",
            "/etc/ld.so.preload",
            "/etc/nsswitch.conf",
            "/etc/pam.d/prog",
            "/usr/lib/sysimage/rpm/rpmdb.sqlite",
            "/usr/share/rpm/Packages",
            "/var/lib/rpm/Packages.db",
        ];
        let files = Rootfs::empty().link("/bin", "usr/bin").link("/usr/bin/sh", "script");
        let files = bytes.iter().fold(files, |files, (path, content)| files.file(path, 0o755, 0, 0, content));
        let files = DATABASES.iter().fold(files, |files, path| files.text(path, ""));
        let files = empty.iter().fold(files, |files, path| files.file(path, 0o755, 0, 0, ""));
        let tree = walk(&Root::open(files.path().to_str().unwrap().as_bytes()).unwrap());
        let id = |path: &str| tree.lookup(path.as_bytes()).unwrap();
        let usual = bytes.iter().map(|(path, content)| (id(path), content.clone())).collect();
        let mut policy = Policy::default();
        policy.keep.commands = ["prog", "script"]
            .map(|name| CommandEntry {
                pattern: Pattern::Name(name.into()),
                text: name.into(),
                reason: None,
                optional: true,
                setid: None,
                origin: Origin::Flag("--keep"),
            })
            .to_vec();
        Self { _files: files, tree, usual, policy }
    }

    /// What the packages of an rpm database are, or why it cannot be read; the same bytes in every format.
    pub(crate) fn rpm(&self, data: &[u8]) -> String {
        let id = |path: &str| self.tree.lookup(path.as_bytes()).unwrap();
        let paths =
            ["/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/share/rpm/Packages", "/var/lib/rpm/Packages.db"].map(id);
        let memory = Memory { files: paths.map(|id| (id, data)).into(), read: Cell::new(0) };
        let packages = Packages::collect(&self.tree, &memory);
        // Three databases, each of them read sixteen times over at most, and one piece of 64 KiB.
        assert!(memory.read.get() <= 3 * 16 * (data.len() + (64 << 10)), "{} bytes read", memory.read.get());
        let count = packages.iter().filter(|(_, package)| package.manager == Manager::Rpm).count();
        assert!(count == 0 || packages.unreadable.len() < 3);
        let causes: Vec<&str> = packages.problems.iter().filter_map(|text| text.split(": ").nth(1)).collect();
        let owned = self
            .tree
            .ids()
            .filter(|&id| packages.owner(id).is_some_and(|package| package.manager == Manager::Rpm))
            .count();
        format!("{} {} {causes:?}", count.min(4), owned.min(3))
    }

    /// What is kept and what is said, with these files replaced.
    pub(crate) fn closure(&self, replaced: &[(&str, &[u8])]) -> String {
        let mut files: BTreeMap<Id, &[u8]> = self.usual.iter().map(|(&id, content)| (id, &content[..])).collect();
        files.extend(replaced.iter().map(|(path, content)| (self.tree.lookup(path.as_bytes()).unwrap(), *content)));
        let memory = Memory { files, read: Cell::new(0) };
        let mut packages = Packages::collect(&self.tree, &memory);
        let commands = Commands::collect(&self.tree, &memory, &mut packages, &[], &[]);
        let closure = Closure::compute(&Input {
            tree: &self.tree,
            contents: &memory,
            commands: &commands,
            packages: &packages,
            accounts: &std::collections::BTreeSet::new(),
            policy: &self.policy,
            nologin: None,
        });
        assert!(memory.read.get() <= 16 << 20, "{} bytes read", memory.read.get());
        for &id in closure.reasons.keys() {
            let chain = closure.chain(id);
            assert!(chain.last().is_some_and(|(_, reason)| reason.from.is_none()), "a chain ends at the policy");
        }
        let kept: Vec<u8> = closure.reasons.keys().flat_map(|&id| [self.tree.name(id), b" "].concat()).collect();
        // What is said, without the names in it, which an input makes up.
        let said = |part: &&str| closure.warnings.iter().chain(&closure.refusals).any(|m| m.text.contains(*part));
        let said: Vec<&str> = SAID.iter().copied().filter(said).collect();
        format!("{} {said:?} {}", String::from_utf8_lossy(&kept), closure.shell_users.len())
    }

    /// Who owns what, with this as the content of every package database.
    pub(crate) fn packages(&self, data: &[u8]) -> String {
        let id = |path: &str| self.tree.lookup(path.as_bytes()).unwrap();
        let memory = Memory { files: DATABASES.iter().map(|path| (id(path), data)).collect(), read: Cell::new(0) };
        let packages = Packages::collect(&self.tree, &memory);
        let mut outcome = String::new();
        for (index, package) in packages.iter() {
            for file in packages.files(index) {
                assert!(packages.owners(file).any(|owner| owner == index), "{}: both directions agree", package.name);
            }
            let known = [&package.source, &package.version].map(|text| !text.is_empty());
            outcome += &format!("{:?} {known:?} {} ", package.manager, packages.files(index).count());
        }
        for id in self.tree.ids() {
            for owner in packages.owners(id) {
                assert!(packages.files(owner).any(|file| file == id));
            }
        }
        assert!(memory.read.get() <= DATABASES.len() * data.len().max(1) * 2, "{} bytes read", memory.read.get());
        outcome.chars().take(200).collect()
    }
}
