//! The tree of an archive is the tree of the directory that it was written from.

use std::path::Path;

use harden::testing::archive::Archive;
use harden::testing::root::Root;
use harden::testing::tree::Tree;
use harden::testing::tree::contents::Contents;

use super::writer::{read, read_piped};
use crate::common::{Command, Rootfs, walk};

/// Everything that tars differ in.
fn tree() -> Rootfs {
    let long = format!("/{}/{}/file", "d".repeat(90), "e".repeat(120));
    let tree = Rootfs::empty()
        .text("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .file("/usr/bin/su", 0o4755, 0, 0, "su")
        .file("/usr/bin/ping", 0o755, 0, 0, "ping")
        .capability("/usr/bin/ping")
        .hardlink("/usr/bin/ping6", "/usr/bin/ping")
        .file("/srv/data", 0o600, 1_000_000, 3_000_000_000, vec![b'x'; 70_000])
        .text("/srv/empty", "")
        .text(&long, "long")
        .text("/srv/ünï\u{202e}\n\x07", "hostile")
        .link("/bin", "usr/bin")
        .link("/srv/far", format!("/{}", "t/".repeat(150)))
        .dir("/tmp", 0o1777, 0, 0)
        .dir("/srv/mail", 0o2775, 8, 8)
        .fifo("/srv/fifo")
        .device("/srv/null", 1, 3)
        .time("/srv/data", -5)
        .text(std::str::from_utf8(b"/srv/plain").unwrap(), "last");
    let sparse = std::fs::File::create(tree.at("/srv/sparse")).unwrap();
    for at in [100_000_u64, 1_000_000, 5_000_000] {
        std::os::unix::fs::FileExt::write_all_at(&sparse, format!("at {at}").as_bytes(), at).unwrap();
    }
    sparse.set_len(9_000_000).unwrap();
    tree.stamp();
    tree
}

fn tar(directory: &Path, options: &[&str]) -> Vec<u8> {
    let mut command = Command::new("tar");
    command.arg("-C").arg(directory).args(options).args(["-c", "--numeric-owner", "."]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// One line for each entry.
fn described(tree: &Tree, contents: &dyn Contents, capabilities: bool) -> Vec<String> {
    let line = |id| {
        let meta = tree.meta(id);
        let mut line = format!("{} {:o} {}:{}", tree.path(id).escape_ascii(), meta.mode, meta.uid, meta.gid);
        if !tree.is_dir(id) {
            line += &format!(" size {} links {} time {}", meta.size, meta.nlink, meta.mtime);
        }
        if tree.is_file(id) {
            let content = contents.read(tree, id, 1 << 24).unwrap();
            let sum = content.iter().fold(0_u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            line += &format!(" content {} {sum}", content.len());
            // In parts it is the same.
            let (first, second) = (contents.read_at(tree, id, 0, 77).unwrap(), contents.read_at(tree, id, 77, 1 << 24));
            assert_eq!([first, second.unwrap()].concat(), content);
        }
        if capabilities && meta.capability {
            line += " capability";
        }
        if let Some(list) = contents.access_list(tree, id).filter(|_| capabilities) {
            line += &format!(" {list:?}");
        }
        line + &tree.link_target(id).map(|target| format!(" -> {}", target.escape_ascii())).unwrap_or_default()
    };
    tree.ids().map(line).collect()
}

/// The same with times of directories, and with the numbers of devices: all that a layer holds.
pub(crate) fn compare_whole(directory: &Path, archive: &Archive, name: &str) {
    let root = Root::open(directory.as_os_str().as_encoded_bytes()).unwrap();
    let walked = walk(&root);
    let times = |tree: &Tree| -> Vec<String> {
        let directories = tree.ids().filter(|&id| tree.is_dir(id) && !tree.path(id).eq(b"/"));
        directories.map(|id| format!("{} time {}", tree.path(id).escape_ascii(), tree.meta(id).mtime)).collect()
    };
    let all = |tree: &Tree, contents: &dyn Contents| {
        let mut lines = [described(tree, contents, true), times(tree)].concat();
        lines.retain(|line| !line.starts_with("/ "));
        lines.sort();
        lines
    };
    let (expected, found) = (all(&walked, &root), all(&archive.tree, &archive.files));
    let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
    let more: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
    assert!(missing.is_empty() && more.is_empty(), "{name}: missing {missing:#?}, more {more:#?}");
}

fn compare(directory: &Path, archive: &Archive, capabilities: bool) {
    let root = Root::open(directory.as_os_str().as_encoded_bytes()).unwrap();
    let walked = walk(&root);
    let expected = described(&walked, &root, capabilities);
    let mut found = described(&archive.tree, &archive.files, capabilities);
    // The order within the tree is not promised.
    let mut expected = expected;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_format_of_gnu_tar_gives_the_tree_that_was_packed() {
    let tree = tree();
    let xattrs = ["--xattrs", "--xattrs-include=*"];
    for (options, capabilities) in [
        (vec!["--format=gnu"], false),
        (vec!["--format=gnu", "--sparse"], false),
        (vec!["--format=pax"], false),
        ([&["--format=pax"][..], &xattrs].concat(), true),
        ([&["--format=pax", "--sparse", "--sparse-version=0.0"][..], &xattrs].concat(), true),
        ([&["--format=pax", "--sparse", "--sparse-version=0.1"][..], &xattrs].concat(), true),
        ([&["--format=pax", "--sparse", "--sparse-version=1.0"][..], &xattrs].concat(), true),
    ] {
        let packed = tar(tree.path(), &options);
        compare(tree.path(), &read(&packed).unwrap_or_else(|error| panic!("{options:?}: {error}")), capabilities);
    }
}

#[test]
fn a_pipe_and_gzip_give_the_same_as_a_file() {
    let tree = tree();
    let options = ["--format=pax", "--xattrs", "--xattrs-include=*"];
    let plain = tar(tree.path(), &options);
    let packed = tar(tree.path(), &[&options[..], &["--gzip"]].concat());
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < plain.len());
    for archive in [read_piped(&plain), read(&packed), read_piped(&packed)] {
        compare(tree.path(), &archive.unwrap(), true);
    }
}

#[test]
fn old_headers_are_read_too() {
    let tree = Rootfs::empty().text("/etc/passwd", "root").dir("/srv", 0o755, 0, 0).link("/bin", "usr/bin");
    tree.stamp();
    for format in ["--format=v7", "--format=ustar", "--format=oldgnu"] {
        compare(tree.path(), &read(&tar(tree.path(), &[format])).unwrap(), false);
    }
}
