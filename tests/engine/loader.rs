//! The closure measured against the loaders themselves: every dynamic ELF file of a base, what its own ld.so maps for
//! it and what is kept for it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use harden::testing::closure::{Closure, Input};
use harden::testing::diag::Origin;
use harden::testing::facts::commands::Commands;
use harden::testing::facts::packages::Packages;
use harden::testing::policy::{Entry, Policy};
use harden::testing::root::Root;
use harden::testing::tree::contents::Contents;
use harden::testing::tree::{Id, Tree};

use crate::common::{Command, walk};
use crate::docker::docker_ok;

/// Where programs and libraries lie.
const PLACES: &[&str] = &["usr/bin", "usr/sbin", "usr/lib", "usr/libexec", "usr/local", "lib", "bin", "sbin"];

struct Reader(Root);

impl Contents for Reader {
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> anyhow::Result<Vec<u8>> {
        self.0.read(tree, id, limit).map_err(Into::into)
    }

    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> anyhow::Result<Vec<u8>> {
        self.0.read_at(tree, id, offset, len).map_err(Into::into)
    }
}

/// An image's files in a directory.
fn unpack(tag: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let tar = directory.path().join("image.tar");
    let container = docker_ok(&["create", tag, "true"]);
    docker_ok(&["export", "-o", tar.to_str().unwrap(), &container]);
    docker_ok(&["rm", &container]);
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let status = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&root).status().unwrap();
    assert!(status.success());
    fs::remove_file(tar).unwrap();
    directory
}

/// Every regular file below, as a path inside the root.
fn files(root: &Path, below: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(root.join(below)).into_iter().flatten() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            files(root, &path, into);
        } else if entry.file_type().unwrap().is_file() {
            into.insert(path);
        }
    }
}

/// What the root's loader says of a file: the paths it maps and the names that it does not find. `None` for what it
/// does not load at all.
fn ask(root: &Path, loader: &str, file: &Path) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let mut command = Command::new("chroot");
    command.arg(root);
    if loader.contains("musl") {
        command.args([loader, "--list"]);
    } else {
        // As ldd(1) does, which names all that is missing. Not for chroot itself.
        command.args(["/usr/bin/env", "LD_TRACE_LOADED_OBJECTS=1", loader]);
    }
    let output = command.arg(Path::new("/").join(file)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    if text.contains("statically linked") || text.contains("cannot dynamically load") || text.contains("Not a valid") {
        return None;
    }
    let (mut mapped, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [name, "=>", "not", "found"] => missing.extend([name.to_owned()]),
            ["Error", "loading", "shared", "library", name, ..] => {
                missing.extend([name.trim_end_matches(':').to_owned()]);
            }
            [_, "=>", path, _] | [path, _] if path.starts_with('/') => mapped.extend([path.to_owned()]),
            _ => {}
        }
    }
    Some((mapped, missing))
}

fn compare(tag: &str, loader: &str, least: usize) {
    let directory = unpack(tag);
    let root = directory.path().join("root");
    let opened = Root::open(root.as_os_str().as_bytes()).unwrap();
    let tree = walk(&opened);
    let reader = Reader(opened);
    let mut packages = Packages::collect(&tree, &reader);
    let commands = Commands::collect(&tree, &reader, &mut packages, &[], &[]);
    let mut all = BTreeSet::new();
    for place in PLACES {
        let real = tree.resolve(place.as_bytes()).map(|found| String::from_utf8(tree.path(found.node)).unwrap());
        if let Ok(real) = real {
            files(&root, Path::new(real.trim_start_matches('/')), &mut all);
        }
    }
    let path = |id: Id| String::from_utf8(tree.path(id)).unwrap();
    let real = |text: &String| tree.resolve(text.as_bytes()).map(|found| path(found.node)).unwrap();
    let mut compared = 0;
    for file in all {
        let mut head = [0; 4];
        let read = fs::File::open(root.join(&file)).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut head));
        if read.is_err() || &head != b"\x7fELF" {
            continue;
        }
        let Some((mapped, missing)) = ask(&root, loader, &file) else { continue };
        let mut policy = Policy::default();
        policy.library_path = Some(Vec::new());
        let value = format!("/{}", file.display());
        policy.keep.paths = vec![Entry {
            value: value.clone(),
            reason: None,
            optional: false,
            change: false,
            origin: Origin::Flag("--keep"),
        }];
        let closure = Closure::compute(&Input {
            tree: &tree,
            contents: &reader,
            commands: &commands,
            packages: &Packages::default(),
            accounts: &BTreeSet::new(),
            policy: &policy,
            nologin: None,
        });
        // The loader itself is mapped for a library too, though nothing of it names one.
        let mut expected: BTreeSet<String> = mapped.iter().map(real).chain([value.clone()]).collect();
        let loader = real(&loader.to_owned());
        expected.remove(&loader);
        // What the C library and PAM load later is no business of ld.so, and neither is what a program file knows.
        let later = |text: &str| ["/etc/nsswitch.conf", "PAM", "programs/"].iter().any(|part| text.contains(part));
        let later = |id: Id| closure.chain(id).iter().any(|(_, reason)| later(&reason.why.to_string()));
        for path in &expected {
            assert!(closure.contains(tree.lookup(path.as_bytes()).unwrap()), "{tag}: {value} does not keep {path}");
        }
        for id in closure.reasons.keys().copied().filter(|&id| tree.is_file(id) && !later(id)) {
            let kept = path(id);
            assert!(kept == loader || expected.contains(&kept), "{tag}: {value} keeps {kept}, which is not mapped");
        }
        for name in &missing {
            let said = format!("'{name}', which was missing before this run");
            assert!(closure.warnings.iter().any(|message| message.text.contains(&said)), "{tag}: {value}: {name}");
        }
        assert_eq!(closure.warnings.len(), missing.len(), "{tag}: {value}: {:?}", closure.warnings);
        compared += 1;
    }
    assert!(compared >= least, "{tag}: only {compared} files were compared");
}

#[test]
fn debian_12_is_loaded_as_its_ld_so_does() {
    compare("harden-test/debian:12", "/lib64/ld-linux-x86-64.so.2", 500);
}

#[test]
fn debian_13_is_loaded_as_its_ld_so_does() {
    compare("harden-test/debian:13", "/lib64/ld-linux-x86-64.so.2", 500);
}

#[test]
fn alpine_is_loaded_as_its_ld_so_does() {
    compare("harden-test/alpine:3.20", "/lib/ld-musl-x86_64.so.1", 5);
}
