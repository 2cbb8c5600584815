//! `harden image` against a build: the same tree, in an image that engines load and run.

use std::fs::File;

use crate::bases::{ALPINE, Base, DEBIAN_12, DEBIAN_13};
use crate::buildah::buildah;
use crate::common::Command;
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
fn plain(tree: &Tree) -> Tree {
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
    }
}
