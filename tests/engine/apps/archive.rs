//! A row hardened from the archive of its image: the same tree as the build with the same policy, in an image that engines load.

use std::fs::File;

use crate::common::Command;
use crate::docker::{Image, binary, both, docker_ok, flatten, read_saved, unique, work};
use crate::image::plain;
use crate::matrix::assert_none;
use crate::tree::Tree;

/// What `harden image` makes of the image before, loaded; its tree is that of the image which was built.
pub fn hardened(name: &str, before: &Image, policy: &str, built: &Image) -> Image {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let at = |name: &str| dir.path().join(name);
    docker_ok(&["save", "-o", at("in.tar").to_str().expect("a path"), &before.tag]);
    std::fs::write(at("harden.toml"), policy).expect("a file");
    let tag = unique("image-of-row");
    let output = Command::new(binary())
        .arg("image")
        .arg(at("in.tar"))
        .arg("-o")
        .arg(at("out.tar"))
        .arg("--config")
        .arg(at("harden.toml"))
        .args(["--tag", &tag, "--compress", "none"])
        .output()
        .expect("harden starts");
    let log = both(&output);
    assert!(output.status.success(), "{name}: {log}");
    let tree = exported(plain(&flatten(&read_saved(File::open(at("out.tar")).expect("the archive")))));
    let expected = exported(plain(&built.export()));
    assert_none(&format!("{name}: the build against the archive"), &expected.differences(&tree));
    docker_ok(&["load", "-q", "-i", at("out.tar").to_str().expect("a path")]);
    Image { tag, log }
}

/// What `docker export` carries of extended attributes; image.rs compares all of them, and takes longer.
fn exported(mut tree: Tree) -> Tree {
    tree.entries.values_mut().for_each(|entry| entry.xattrs.retain(|name, _| name == "security.capability"));
    tree
}
