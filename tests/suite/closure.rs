//! Facts and closure over real files: programs of the machine that runs the tests, in small trees of their own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use harden::testing::closure::removable::{Removable, Selection, removable};
use harden::testing::closure::{Closure, Input};
use harden::testing::diag::Origin;
use harden::testing::facts::commands::Commands;
use harden::testing::facts::multicall::{self, Family};
use harden::testing::facts::packages::Packages;
use harden::testing::policy::{CommandEntry, Pattern, Policy};
use harden::testing::root::Root;
use harden::testing::tree::contents::Contents;
use harden::testing::tree::set::IdSet;
use harden::testing::tree::{Id, Tree};

use crate::common::{Command, walk};

/// A tree being built in a temporary directory.
struct Build(tempfile::TempDir);

impl Build {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, path: &str) -> PathBuf {
        let at = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        at
    }

    /// A file of this machine, links followed.
    fn copy(&self, from: &str, to: &str) -> &Self {
        fs::copy(from, self.at(to)).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.at(path)).unwrap();
        self
    }

    fn write(&self, path: &str, content: &str, mode: u32) -> &Self {
        let at = self.at(path);
        fs::write(&at, content).unwrap();
        fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn hard_link(&self, from: &str, to: &str) -> &Self {
        fs::hard_link(self.at(from), self.at(to)).unwrap();
        self
    }

    /// A program of this machine with everything that its own loader maps for it, at the paths it names.
    fn install(&self, program: &str) -> Vec<String> {
        self.copy(program, program);
        let mapped = libraries(program);
        for path in &mapped {
            self.copy(path, path);
        }
        mapped
    }

    fn image(&self) -> Image {
        Image::open(self.0.path())
    }
}

/// What `ldd` says: the oracle that our search is measured against.
fn libraries(program: &str) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd of this machine runs");
    let text = String::from_utf8(output.stdout).unwrap();
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    let found: Vec<String> = text.lines().filter_map(path).collect();
    assert!(!found.is_empty(), "{program} is dynamically linked: {text}");
    found
}

struct Reader(Root);

impl Contents for Reader {
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> anyhow::Result<Vec<u8>> {
        self.0.read(tree, id, limit).map_err(Into::into)
    }

    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> anyhow::Result<Vec<u8>> {
        self.0.read_at(tree, id, offset, len).map_err(Into::into)
    }
}

struct Image {
    tree: Tree,
    reader: Reader,
    packages: Packages,
    commands: Commands,
}

impl Image {
    fn open(path: &Path) -> Self {
        let root = Root::open(path.to_str().unwrap().as_bytes()).unwrap();
        let tree = walk(&root);
        let reader = Reader(root);
        let mut packages = Packages::collect(&tree, &reader);
        let commands = Commands::collect(&tree, &reader, &mut packages, &[], &[]);
        assert_eq!(commands.problems, Vec::<String>::new());
        Self { tree, reader, packages, commands }
    }

    fn closure(&self, names: &[&str]) -> Closure {
        let mut policy = Policy::default();
        policy.keep.commands = names
            .iter()
            .map(|&name| CommandEntry {
                pattern: Pattern::Name(name.into()),
                text: name.into(),
                reason: None,
                optional: false,
                setid: None,
                origin: Origin::Flag("--keep"),
            })
            .collect();
        Closure::compute(&Input {
            tree: &self.tree,
            contents: &self.reader,
            commands: &self.commands,
            packages: &self.packages,
            accounts: &std::collections::BTreeSet::new(),
            policy: &policy,
            nologin: None,
        })
    }

    fn removable(&self, closure: &Closure) -> Removable {
        let (tree, commands, packages) = (&self.tree, &self.commands, &self.packages);
        let removed = &IdSet::default();
        removable(&Selection { tree, commands, packages, closure, untouched: &[], removed })
    }

    fn path(&self, id: Id) -> String {
        String::from_utf8(self.tree.path(id)).unwrap()
    }

    fn gone(&self, found: &Removable) -> Vec<String> {
        found.commands.iter().map(|&(id, _)| self.path(id)).collect()
    }

    fn keeps(&self, closure: &Closure, path: &str) -> bool {
        let found = self.tree.resolve(path.as_bytes()).unwrap();
        closure.contains(found.node) && found.links.iter().all(|&link| closure.contains(link))
    }
}

#[test]
fn a_program_keeps_exactly_what_its_loader_maps() {
    let build = Build::new();
    let mut expected = build.install("/bin/ls");
    build.copy("/bin/cat", "/bin/cat");
    // A library that nothing kept asks for.
    build.copy(expected.iter().find(|path| path.contains("libc.so")).unwrap(), "/usr/lib/libunused.so.1");
    let image = build.image();
    let closure = image.closure(&["ls"]);
    assert_eq!((closure.refusals.len(), closure.warnings.len()), (0, 0), "{closure:?}");
    expected.push("/bin/ls".into());
    let mut kept: Vec<String> = closure.reasons.keys().map(|&id| image.path(id)).collect();
    expected.sort();
    kept.sort();
    assert_eq!(kept, expected);
    assert_eq!(image.gone(&image.removable(&closure)), ["/bin/cat"]);
    // The same tree without one library says so, and does not refuse: it was missing before.
    let libc = expected.iter().find(|path| path.contains("libc.so")).unwrap();
    fs::remove_file(build.at(libc)).unwrap();
    let closure = build.image().closure(&["ls"]);
    assert_eq!(closure.refusals, []);
    assert!(closure.warnings.iter().any(|m| m.text.contains("'libc.so.6', which was missing")), "{closure:?}");
    // Without its interpreter it is refused.
    let loader = expected.iter().find(|path| path.contains("ld-linux") || path.contains("ld64")).unwrap();
    fs::remove_file(build.at(loader)).unwrap();
    let refusals = build.image().closure(&["ls"]).refusals;
    assert!(refusals.iter().any(|m| m.text.contains("needs the interpreter")), "{refusals:?}");
}

#[test]
fn merged_usr_alternatives_and_scripts_survive_by_their_chains() {
    let build = Build::new();
    for directory in ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64"] {
        fs::create_dir_all(build.0.path().join(directory)).unwrap();
    }
    build.link("/bin", "usr/bin").link("/sbin", "usr/sbin").link("/lib", "usr/lib").link("/lib64", "usr/lib64");
    build.install("/bin/dash");
    build.install("/usr/bin/env");
    build.link("/usr/bin/sh", "dash").copy("/bin/cat", "/usr/lib/tool/pager").copy("/bin/true", "/usr/sbin/unneeded");
    build.link("/usr/bin/pager", "/etc/alternatives/pager").link("/etc/alternatives/pager", "/usr/lib/tool/pager");
    build.write("/usr/bin/run", "#!/bin/sh -e\nexit 0\n", 0o755).write(
        "/usr/bin/env-run",
        "#!/usr/bin/env run\n",
        0o755,
    );
    build.write("/usr/bin/notes", "text", 0o755).write("/usr/bin/no-x", "#!/bin/sh\n", 0o644);
    let image = build.image();
    let closure = image.closure(&["env-run", "pager"]);
    assert_eq!(closure.refusals, []);
    for path in ["/bin/sh", "/bin/env-run", "/usr/bin/pager", "/usr/bin/env", "/usr/bin/run", "/bin/dash"] {
        assert!(image.keeps(&closure, path), "{path}");
    }
    // The kept shell would run the text.
    assert_eq!(image.gone(&image.removable(&closure)), ["/usr/bin/notes", "/usr/sbin/unneeded"]);
    let chain = closure.chain(image.tree.lookup(b"/usr/bin/dash").unwrap());
    let texts: Vec<_> = chain.iter().map(|(_, reason)| reason.why.to_string()).collect();
    assert_eq!(texts, ["target of", "interpreter of", "program that env runs for", "command in --keep"]);
}

#[test]
fn hard_linked_names_are_kept_one_by_one() {
    let build = Build::new();
    build.install("/bin/ls");
    build.hard_link("/bin/ls", "/bin/dir").hard_link("/bin/ls", "/usr/bin/vdir");
    let image = build.image();
    let closure = image.closure(&["dir"]);
    assert_eq!(image.gone(&image.removable(&closure)), ["/bin/ls", "/usr/bin/vdir"]);
    let found =
        multicall::kept(&image.tree, &image.reader, &image.commands, &image.packages, &|id| closure.contains(id));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].family, &found[0].kept[..]), (Family::Links, &["dir".to_owned()][..]));
    assert_eq!(found[0].applets, ["dir", "ls", "vdir"]);
}

#[test]
fn a_program_without_x_bit_is_still_a_program_in_a_command_directory() {
    let build = Build::new();
    build.install("/bin/ls");
    build.copy("/bin/cat", "/bin/cat");
    fs::set_permissions(build.at("/bin/cat"), fs::Permissions::from_mode(0o644)).unwrap();
    let image = build.image();
    assert_eq!(image.gone(&image.removable(&image.closure(&["ls"]))), ["/bin/cat"]);
}
