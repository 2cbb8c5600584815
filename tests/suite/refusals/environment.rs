//! Where and as whom it is started.

use std::process::Output;

use crate::common::{APP, Command, Rootfs, Snapshot, install_binary};

const HARDEN: &str = env!("CARGO_BIN_EXE_harden");

/// Run a script as process 1 of a small root of its own, with the programs of this machine mounted into it. Nothing
/// names a user or a command, so that no start of these tests changes anything.
fn start(script: &str) -> (i32, String) {
    let root =
        Rootfs::empty().dir("/usr", 0o755, 0, 0).dir("/proc", 0o755, 0, 0).dir("/run", 0o755, 0, 0).text("/harden", "");
    let root = ["bin", "sbin", "lib", "lib64"]
        .iter()
        .fold(root, |root, name| root.link(format!("/{name}"), format!("usr/{name}")));
    let output: Output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "sh", "-c"])
        .arg("mount --bind /usr $0/usr && mount --bind $2 $0/harden && mount -t proc proc $0/proc && exec chroot $0 sh -c \"$1\"")
        .args([root.path().as_os_str(), script.as_ref(), HARDEN.as_ref()])
        .output()
        .expect("these tests need unshare (util-linux) and a machine with a merged /usr");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

const NO_BUILD_STEP: &str = "this does not look like the build step of an image";

/// A running container, a devcontainer, a host: process 1 is something else, and no parent of ours. A mark that
/// containers have while they run is no evidence of a build.
#[test]
fn outside_a_build_step_nothing_is_done() {
    for arguments in ["apply", "apply --root /", "apply --root /usr/.."] {
        // The shell in between is neither process 1 nor its child.
        let (status, said) =
            start(&format!(": >/.dockerenv; sh -c 'sh -c \"/harden {arguments}; exit \\$?\"; exit $?'; exit $?"));
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(NO_BUILD_STEP) && said.contains("--this-is-an-image"), "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
    }
}

/// Exec form and shell form of RUN, podman's mark, and the word of whoever starts it: it goes on to the next refusal.
#[test]
fn a_build_step_is_recognised() {
    for script in [
        "exec /harden apply",
        "/harden apply; exit $?",
        ": >/run/.containerenv; sh -c 'sh -c \"/harden apply; exit \\$?\"; exit $?'; exit $?",
        "sh -c 'sh -c \"/harden apply --this-is-an-image; exit \\$?\"; exit $?'; exit $?",
    ] {
        let (status, said) = start(script);
        assert_eq!(status, 2, "{said}");
        assert!(!said.contains(NO_BUILD_STEP), "{script}: {said}");
        assert!(said.contains("no user is configured"), "{said}");
    }
}

#[test]
fn apply_without_root_is_told_what_to_put_before_run() {
    let tree = Rootfs::debian_like();
    tree.stamp();
    // The binary lies where anybody can start it.
    let place = Rootfs::empty();
    install_binary(&place.at("/harden"));
    let before = Snapshot::of(tree.path());
    let output = Command::new(place.at("/harden"))
        .arg("apply")
        .arg("--root")
        .arg(tree.path())
        .args(APP)
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("refused[environment.not-root]: apply needs root")
            && said.contains("help: put USER root before this RUN"),
        "{said}"
    );
    before.assert_untouched(&Snapshot::of(tree.path()), "not root");
}

#[test]
fn a_read_only_file_system_is_refused_before_anything_is_examined() {
    let tree = Rootfs::debian_like();
    tree.stamp();
    let before = Snapshot::of(tree.path());
    let script = "mount --bind $0 $0 && mount -o remount,bind,ro $0 && exec $1 apply --root $0 --user 1000 --command /app/server";
    let output =
        Command::new("unshare").args(["--mount", "sh", "-c", script]).arg(tree.path()).arg(HARDEN).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("refused[root.read-only]: the root file system is mounted read-only\n  help: "), "{said}");
    before.assert_untouched(&Snapshot::of(tree.path()), "read-only");
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    let tree = Rootfs::empty().text("/file", "x");
    for (root, cause) in [("/none", "no such file"), ("/file", "not a directory")] {
        let output = Command::new(HARDEN).arg("apply").arg("--root").arg(tree.at(root)).args(APP).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap().to_lowercase();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("refused[root.open]: cannot open root directory")
                && said.contains(cause)
                && said.contains("help: "),
            "{said}"
        );
    }
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_first_change() {
    let tree = Rootfs::debian_like();
    for path in ["/none/report.json", "/proc/report.json", "/"] {
        tree.refuse(&[&APP[..], &["--report", path]].concat())
            .says(&[&format!("cannot write the report to '{path}'"), "a directory that exists"])
            .alone();
    }
}
