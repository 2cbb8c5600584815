//! `harden image` against a build: the same tree, in an image that engines load and run.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bases::{ALPINE, Base, DEBIAN_12, DEBIAN_13};
use crate::buildah::buildah;
use crate::common::{Command, Rootfs, Spec};
use crate::docker::{Builder, Container, Image, LOCKED_DOWN, Options, binary, both, build, docker_ok, flatten};
use crate::docker::{read_saved, unique, work};
use crate::layer::Stamped;
use crate::matrix::assert_none;
use crate::tree::Tree;

#[test]
fn debian_12_in_an_archive() {
    same(&DEBIAN_12);
}

#[test]
fn debian_13_in_an_archive() {
    same(&DEBIAN_13);
}

#[test]
fn alpine_in_an_archive() {
    same(&ALPINE);
}

/// What does not come from the engine, and has one time.
pub fn plain(tree: &Tree) -> Tree {
    let stamped = Stamped::new(&["/app", "/harden", "/harden.toml"], &["/run/mounts"]);
    let mut tree = stamped.without_in_export(tree).without_hardlinks();
    tree.entries.remove("");
    for (path, entry) in &mut tree.entries {
        if path.starts_with("app") {
            entry.mtime = 0;
        }
    }
    tree
}

fn same(base: &Base) {
    let built = build(Builder::Classic, &base.context(Builder::Classic), &Options::default());
    let expected = plain(&flatten(&built.layers()));

    let before = build(Builder::Classic, &base.context_to_run(), &Options::default());
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let at = |name: &str| dir.path().join(name);
    docker_ok(&["save", "-o", at("in.tar").to_str().expect("a path"), &before.tag]);
    std::fs::write(at("harden.toml"), base.config()).expect("a file");
    let forms = [
        ("one layer", &["--compress", "none"][..]),
        ("one layer of gzip", &["--compress", "gzip"]),
        ("kept layers", &["--keep-layers"]),
    ];
    for (form, options) in forms {
        let image = Image { tag: unique("image-archive"), log: String::new() };
        let output = Command::new(binary())
            .arg("image")
            .arg(at("in.tar"))
            .arg("-o")
            .arg(at("out.tar"))
            .arg("--config")
            .arg(at("harden.toml"))
            .args(["--tag", &image.tag])
            .args(options)
            .output()
            .expect("harden starts");
        assert!(output.status.success(), "{form}: {}", both(&output));
        if !options.contains(&"gzip") {
            let tree = plain(&flatten(&read_saved(File::open(at("out.tar")).expect("the archive"))));
            assert_none(&format!("{form}: the build against the archive"), &expected.differences(&tree));
        }
        docker_ok(&["load", "-q", "-i", at("out.tar").to_str().expect("a path")]);
        let loaded = plain(&flatten(&image.layers()));
        assert_none(&format!("{form}: the build against the engine"), &expected.differences(&loaded));
        let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
        assert_eq!(container.get("/"), base.answer, "{form}: {}", container.logs());
        assert_eq!(container.ids(), (1000, 1000), "{form}");
        for transport in ["docker-archive", "oci-archive"] {
            let storage = at(&format!("{transport} of {form}"));
            std::fs::create_dir(&storage).expect("a directory");
            buildah(&storage, &["pull", "-q", &format!("{transport}:{}", at("out.tar").display())]);
        }
        if !options.contains(&"gzip") {
            let unpacked = plain(&by_umoci(&at("out.tar"), &at(&format!("umoci of {form}"))));
            assert_none(&format!("{form}: the build against umoci"), &expected.differences(&unpacked));
        }
    }
}

/// The tree that umoci unpacks of an archive, which skopeo copied to the layout that umoci reads.
fn by_umoci(archive: &Path, directory: &Path) -> Tree {
    let ran = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program} {words:?}: {}", both(&output));
        output.stdout
    };
    std::fs::create_dir(directory).expect("a directory");
    let at = |name: &str| directory.join(name).to_str().expect("a path").to_owned();
    let (layout, root) = (at("layout"), at("root"));
    ran("skopeo", &["copy", "-q", &format!("oci-archive:{}", archive.display()), &format!("oci:{layout}:x")]);
    ran("umoci", &["raw", "unpack", "--image", &format!("{layout}:x"), &root]);
    let tar = ["--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", &root, "-c", "."];
    Tree::from_tar(ran("tar", &tar).as_slice())
}

/// The image of another processor, as `docker save` writes it, with files of two formats and a package database.
fn arm64(directory: &Path) -> PathBuf {
    let server = Spec { machine: 183, kind: 2, ..Spec::default() }.build();
    let tree = Rootfs::debian_like().file("/app/server", 0o755, 0, 0, server).account("app", 1000, "/app", "/bin/sh");
    tree.stamp();
    let config = json!({"architecture": "arm64", "os": "linux", "config": {"User": "app", "Cmd": ["/app/server"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}, "history": [{"created_by": "ADD rootfs"}]});
    let manifest = json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["layer.tar"]}]);
    std::fs::write(directory.join("config.json"), config.to_string()).expect("a file");
    std::fs::write(directory.join("manifest.json"), manifest.to_string()).expect("a file");
    let pack = |out: &str, from: &Path, names: &[&str]| {
        let mut tar = Command::new("tar");
        tar.args(["--format=pax", "--sort=name", "--numeric-owner", "-cf"])
            .arg(directory.join(out))
            .arg("-C")
            .arg(from);
        assert!(tar.args(names).status().expect("tar starts").success());
    };
    pack("layer.tar", tree.path(), &["."]);
    pack("in.tar", directory, &["config.json", "manifest.json", "layer.tar"]);
    directory.join("in.tar")
}

/// What the processor of the machine is changes nothing but the digest of the binary in the index.
#[test]
#[cfg(target_arch = "x86_64")]
fn an_image_is_the_same_whichever_processor_hardens_it() {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let input = arm64(dir.path());
    let dist = binary().ancestors().nth(2).expect("a directory").to_path_buf();
    let programs =
        [vec![dist.join("amd64/harden")], vec!["/usr/bin/qemu-aarch64-static".into(), dist.join("arm64/harden")]];
    for options in [&["--compress", "none"][..], &["--compress", "gzip"], &["--compress", "zstd"], &["--keep-layers"]] {
        let written = programs.clone().map(|words| {
            let output = Command::new(&words[0])
                .args(&words[1..])
                .args(["image", "-q", "-o", "/dev/stdout"])
                .args(options)
                .arg(&input)
                .output()
                .expect("harden starts");
            assert!(output.status.success(), "{words:?} {options:?}: {}", both(&output));
            output.stdout
        });
        let [ours, other] = written.map(|archive| files(dir.path(), &archive));
        assert_eq!(ours.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{options:?}");
        for (name, content) in &ours {
            let equal = *content == other[name];
            assert!(equal || name == "index.json", "{options:?}: {name} differs");
        }
        let index = |files: &Files| -> Value {
            let mut index: Value = serde_json::from_slice(&files["index.json"]).expect("an index");
            let notes = index["manifests"][0]["annotations"].as_object_mut().expect("annotations");
            assert!(notes.remove("io.github.harden.binary").is_some());
            index
        };
        assert_eq!(index(&ours), index(&other), "{options:?}");
    }
}

type Files = std::collections::BTreeMap<String, Vec<u8>>;

/// The files of an archive.
fn files(directory: &Path, archive: &[u8]) -> Files {
    let path = directory.join("out.tar");
    std::fs::write(&path, archive).expect("a file");
    let tar = |words: &[&str]| {
        let output = Command::new("tar").args(words).output().expect("tar starts");
        assert!(output.status.success(), "{words:?}: {}", both(&output));
        output.stdout
    };
    let path = path.to_str().expect("a path");
    let names = String::from_utf8(tar(&["-tf", path])).expect("names");
    names
        .lines()
        .filter(|name| !name.ends_with('/'))
        .map(|name| (name.to_owned(), tar(&["-xOf", path, name])))
        .collect()
}
