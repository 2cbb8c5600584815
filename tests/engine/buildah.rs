//! buildah with its plainest storage: whole copies of the tree, compared by size and time only.

use std::fs::File;
use std::path::Path;
use std::process::Output;

use crate::bases::{ALPINE, Base, DEBIAN_12};
use crate::common::Command;
use crate::docker::{Builder, Options, both, build, docker_ok, flatten, read_saved, work};
use crate::layer::Stamped;
use crate::matrix::assert_none;

#[test]
fn the_same_dockerfile_ends_with_the_same_tree() {
    same(&DEBIAN_12, "usr/bin/apt");
}

/// The binary has the size it had before, and would be lost if it had its time too.
#[test]
fn the_same_busybox_without_its_other_applets() {
    same(&ALPINE, "sbin/apk");
}

fn same(base_image: &Base, gone: &str) {
    let context = base_image.context(Builder::Classic);
    let docker = flatten(&build(Builder::Classic, &context, &Options::default()).layers());

    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let base = dir.path().join("base.tar");
    docker_ok(&["save", "-o", base.to_str().expect("a path"), base_image.tag]);
    // The archive carries the name, so FROM finds it without a registry.
    buildah(dir.path(), &["pull", "-q", &format!("docker-archive:{}", base.display())]);
    buildah(
        dir.path(),
        &[
            "bud",
            "--isolation",
            "chroot",
            "--pull-never",
            "--format",
            "docker",
            "-t",
            "localhost/result",
            context.path().to_str().expect("a path"),
        ],
    );
    let saved = dir.path().join("result.tar");
    buildah(dir.path(), &["push", "-q", "localhost/result", &format!("docker-archive:{}", saved.display())]);
    let buildah = flatten(&read_saved(File::open(&saved).expect("the saved image")));

    assert!(buildah.get(gone).is_none(), "buildah's image was not hardened");
    let stamped = Stamped::new(&["/app", "/harden", "/harden.toml"], &["/run/mounts"]);
    let (mut first, mut second) = (stamped.without_in_export(&docker), stamped.without_in_export(&buildah));
    for tree in [&mut first, &mut second] {
        *tree = tree.without_hardlinks();
        // Either engine has its own time for the root, and the application's files came at two times.
        tree.entries.remove("");
        for (path, entry) in &mut tree.entries {
            if path.starts_with("app") {
                entry.mtime = 0;
            }
        }
    }
    assert_none("docker against buildah", &first.differences(&second));
}

pub fn buildah(dir: &Path, args: &[&str]) -> Output {
    let output = Command::new("buildah")
        .arg("--root")
        .arg(dir.join("storage"))
        .arg("--runroot")
        .arg(dir.join("run"))
        .args(["--storage-driver", "vfs"])
        .args(args)
        .output()
        .expect("buildah starts; run: make setup");
    assert!(output.status.success(), "buildah {args:?} failed:\n{}", both(&output));
    output
}
