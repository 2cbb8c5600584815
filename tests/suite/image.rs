//! `harden image`: the tree in the archive that it writes is the tree that `apply` leaves, and nothing is there after a
//! failure.

mod documents;
mod evidence;
mod failures;
mod platforms;

use std::path::{Path, PathBuf};

use crate::archive::images::saved;
use crate::archive::same;
use crate::archive::writer::read;
use crate::common::dirty::Dirty;
use crate::common::{Command, Rootfs, Run, bare};
use serde_json::{Value, json};

/// The configuration of an image with one layer, whose program runs as `app`.
pub(crate) fn config() -> Value {
    json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-05-06T07:08:09Z",
        "config": {
            "User": "app",
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["/app/server"],
            "Labels": {"team": "web"},
            "ExposedPorts": {"8080/tcp": {}},
        },
        "history": [{"created_by": "ADD rootfs"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]},
    })
}

/// A directory as one layer.
pub(crate) fn layer(directory: &Path) -> Vec<u8> {
    let mut command = Command::new("tar");
    command.arg("-C").arg(directory);
    command.args(["--format=pax", "--xattrs", "--xattrs-include=*", "--sort=name", "-c", "--numeric-owner", "."]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A file with the image of a tree, in a directory that goes with it.
pub(crate) struct Input {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Input {
    pub(crate) fn of(tree: &Rootfs) -> Self {
        Self::saved(&[layer(tree.path())], &config())
    }

    pub(crate) fn saved(layers: &[Vec<u8>], config: &Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("in.tar");
        std::fs::write(&path, saved(layers, &config.to_string())).unwrap();
        Self { directory, path }
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.directory.path().join("out.tar")
    }

    /// Run `harden image IN -o OUT` with more options.
    pub(crate) fn run(&self, options: &[&str]) -> Run {
        let (input, output) = (self.path.to_str().unwrap(), self.output());
        let mut words = vec!["image", input, "-o", output.to_str().unwrap()];
        words.extend(options);
        bare(&words, &[], b"")
    }

    /// The image that a run writes.
    pub(crate) fn hardened(&self, options: &[&str]) -> Vec<u8> {
        let run = self.run(options);
        assert_eq!(run.status, 0, "{}", run.all());
        std::fs::read(self.output()).unwrap()
    }
}

/// An image with this layer, in a file and through a pipe, is refused, and nothing is left.
#[track_caller]
pub(crate) fn refuses_layer(layer: &[u8]) {
    let input = Input::saved(&[layer.to_vec()], &config());
    let run = input.run(&["--tag", "x"]);
    assert!(matches!(run.status, 2 | 3), "{}", run.all());
    assert!(run.stderr.contains("no image was written"), "{}", run.all());
    assert_eq!(std::fs::read_dir(input.directory.path()).unwrap().count(), 1, "{}", run.all());
    let piped = bare(&["image", "-", "--tag", "x"], &[], &std::fs::read(&input.path).unwrap());
    assert_eq!((piped.status, piped.stdout.len()), (run.status, 0), "{}", piped.all());
}

/// Compare with what `apply` makes of the same tree.
fn compare(name: &str, tree: Rootfs, options: &[&str]) {
    tree.stamp();
    let input = Input::of(&tree);
    let shown = input.path.with_file_name("config.json");
    std::fs::write(&shown, config().to_string()).unwrap();
    let mut words = vec!["--image-config", shown.to_str().unwrap()];
    words.extend(options);
    let applied = tree.run("apply", &words);
    assert_eq!(applied.status, 0, "{name}: {}", applied.all());
    for form in [&["--compress", "none"][..], &["--compress", "gzip"], &["--compress", "zstd"], &["--keep-layers"]] {
        let hardened = input.hardened(&[options, form].concat());
        let archive = read(&hardened).unwrap_or_else(|error| panic!("{name} {form:?}: {error}"));
        same::compare_whole(tree.path(), &archive, &format!("{name} {form:?}"));
    }
}

pub(crate) fn base(tree: Rootfs) -> Rootfs {
    tree.program("/app/server")
        .account("app", 1000, "/app", "/bin/sh")
        .dir("/srv/mail", 0o2775, 8, 8)
        .hardlink("/usr/bin/first", "/app/server")
        .fifo("/srv/fifo")
        .device("/srv/null", 1, 3)
}

#[test]
fn the_tree_in_the_archive_is_the_tree_that_apply_leaves() {
    for (name, tree) in [
        ("debian", Rootfs::debian_like()),
        ("alpine", Rootfs::alpine_like()),
        ("rhel", Rootfs::rhel_like()),
        ("suse", Rootfs::suse_like()),
        ("arch", Rootfs::arch_like()),
        ("wolfi", Rootfs::wolfi_like()),
        ("dirty", Dirty::on(Rootfs::debian_like()).tree),
    ] {
        compare(name, base(tree), &[]);
    }
    compare("minimal", base(Rootfs::debian_like()), &["--minimal"]);
}

#[test]
fn what_has_no_place_in_a_plain_header_is_the_same_behind_it() {
    let long = format!("/srv/{}/{}/file", "d".repeat(120), "e".repeat(200));
    let tree = base(Rootfs::debian_like())
        .text(&long, "long")
        .hardlink("/srv/other-name-of-it", &long)
        .file("/srv/far-owner", 0o750, 3_000_000_000, 4_000_000_000, "owner")
        .link("/srv/far", format!("/{}", "t/".repeat(150)))
        .text(std::ffi::OsStr::new("/srv/\u{202e}\n\x07"), "hostile")
        .text(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"/srv/\xff\xfe"), "no text")
        .xattr("/srv/far-owner", "user.note", b"\0binary\n=\xff")
        .capability("/srv/far-owner")
        .time("/srv/far-owner", -5);
    let sparse = std::fs::File::create(tree.at("/srv/sparse")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 3_000_000).unwrap();
    compare("rare", tree, &["--keep", "/srv/far-owner"]);
}

#[test]
fn a_pipe_gives_the_same_bytes_as_a_file_and_a_second_run_too() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let input = Input::of(&tree);
    let first = input.hardened(&[]);
    assert_eq!(input.hardened(&[]), first);
    let bytes = std::fs::read(&input.path).unwrap();
    let piped = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["image", "-"])
        .stdin(std::fs::File::open(&input.path).unwrap())
        .output()
        .unwrap();
    assert_eq!((piped.status.code(), piped.stdout == first), (Some(0), true));
    let output = input.output();
    let run = bare(&["image", "-", "-o", output.to_str().unwrap()], &[], &bytes);
    assert_eq!((run.status, std::fs::read(&output).unwrap() == first), (0, true), "{}", run.all());
}

/// Neither root nor a capability, and no place for a temporary file but the output's directory.
#[test]
fn any_user_can_do_it() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let input = Input::of(&tree);
    let first = input.hardened(&[]);
    std::fs::remove_file(input.output()).unwrap();
    std::os::unix::fs::chown(input.directory.path(), Some(65534), Some(65534)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_harden"))
        .arg("image")
        .arg(&input.path)
        .arg("-o")
        .arg(input.output())
        .env("TMPDIR", "/proc/1")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read(input.output()).unwrap() == first);
}
