//! remove.applets on trees with small multi-call binaries: which applets stay, and what happens to the file.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "../src/applets/fixture.rs"]
mod binary;
mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;

use binary::{Binary, Kind};
use common::{APP, Applied, Rootfs};

const USER: [&str; 4] = ["--user", "app:1000:1000", "--command", "none"];

fn busybox() -> Vec<u8> {
    Binary::default().build()
}

/// A merged tree whose programs are all one binary.
fn tree() -> Rootfs {
    let binary = Binary::default();
    let tree = Rootfs::alpine_like().file("/bin/busybox", 0o755, 0, 0, binary.build());
    binary.names.iter().fold(tree, |tree, name| tree.link(format!("/bin/{name}"), "/bin/busybox"))
}

fn applets(done: &Applied, path: &str) -> Vec<String> {
    let data = fs::read(done.root.at(path)).unwrap();
    let found = harden::applets::read(&data).unwrap();
    let reported = done.report["callable_applets"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap();
    assert_eq!(reported["applets"], serde_json::json!(found.names), "the report says what the file holds");
    found.names
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    USER.iter().chain(more).copied().collect()
}

#[test]
fn only_kept_applets_answer_and_one_file_differs() {
    let done = tree().apply(&with(&["--keep", "sh", "--keep", "cat"]));
    assert_eq!(applets(&done, "/bin/busybox"), ["cat", "sh"]);
    done.assert_same(&["/bin/sh", "/bin/cat"]);
    done.assert_gone(&["/bin/wget", "/bin/vi", "/bin/["]);
    let (old, new) = (done.before.get("/bin/busybox"), done.after.get("/bin/busybox"));
    assert_eq!((new.mode, new.uid, new.gid, new.mtime.0), (old.mode, old.uid, old.gid, old.mtime.0 + 1));
    assert_eq!(fs::read(done.root.at("/bin/busybox")).unwrap().len(), busybox().len());
    let ours: Vec<_> = done.changes().into_iter().filter(|change| change.0 == "remove.applets").collect();
    assert_eq!(ours.len(), 1);
    let builtins = &done.report["callable_applets"][0]["builtins"];
    assert_eq!(*builtins, serde_json::json!(["echo", "kill", "test"]));
}

#[test]
fn without_an_applet_the_binary_goes_and_with_all_of_them_it_stays() {
    let done = tree().apply(&APP);
    done.assert_gone(&["/bin/busybox", "/bin/sh"]);
    let done = tree().apply(&with(&["--keep", "busybox"]));
    done.assert_same(&["/bin/busybox", "/bin/sh", "/bin/wget"]);
    let all: Vec<String> =
        Binary::default().names.iter().flat_map(|name| ["--keep".to_owned(), name.clone()]).collect();
    let done = tree().apply(&with(&all.iter().map(String::as_str).collect::<Vec<_>>()));
    done.assert_same(&["/bin/busybox"]);
    let done = tree().apply(&with(&["--keep", "sh", "--disable", "remove.applets"]));
    done.assert_same(&["/bin/busybox"]);
}

#[test]
fn hard_linked_names_stay_one_file() {
    let names = ["ash", "cat", "sh", "wget"];
    let farm = |tree: Rootfs| {
        let tree = tree.file("/bin/busybox", 0o755, 0, 0, busybox());
        names.iter().fold(tree, |tree, name| {
            let _ = fs::remove_file(tree.at(format!("/bin/{name}")));
            tree.hardlink(&format!("/bin/{name}"), "/bin/busybox")
        })
    };
    let tree = farm(Rootfs::alpine_like()).hardlink("/usr/bin/cat", "/bin/busybox");
    // A name outside the root: nothing may happen to it.
    let outside = tempfile::NamedTempFile::new_in(tree.path().parent().unwrap()).unwrap();
    fs::remove_file(outside.path()).unwrap();
    fs::hard_link(tree.at("/bin/busybox"), outside.path()).unwrap();
    let done = tree.apply(&with(&["--keep", "/bin/sh", "--keep", "cat"]));
    done.assert_gone(&["/bin/wget", "/bin/ash", "/bin/busybox"]);
    assert_eq!(applets(&done, "/bin/cat"), ["cat", "sh"]);
    let file = |path: &str| fs::metadata(done.root.at(path)).unwrap();
    for other in ["/bin/sh", "/usr/bin/cat"] {
        assert_eq!(file("/bin/cat").ino(), file(other).ino(), "{other}");
    }
    assert_eq!(file("/bin/cat").nlink(), 3);
    assert_eq!(fs::read(outside.path()).unwrap(), busybox());
    assert_eq!(fs::metadata(outside.path()).unwrap().nlink(), 1);
}

#[test]
fn an_applet_that_is_called_by_the_binarys_name_stays() {
    let done = tree().apply(&["--user", "app:1000:1000", "--command", "busybox httpd -f -p 8080"]);
    assert_eq!(applets(&done, "/bin/busybox"), ["httpd"]);
    let done = tree()
        .script("/usr/local/bin/start", "#!/bin/busybox sh\nset -e\nexec /bin/busybox nc -l -p 1 -e /app/server\n")
        .apply(&["--user", "app:1000:1000", "--command", "/usr/local/bin/start"]);
    assert_eq!(applets(&done, "/bin/busybox"), ["nc", "sh"]);
    let done = tree().script("/usr/local/bin/start", "#!/bin/sh\nexec busybox \"$@\"\n").apply(&[
        "--user",
        "app:1000:1000",
        "--command",
        "/usr/local/bin/start",
    ]);
    done.assert_same(&["/bin/busybox"]);
}

#[test]
fn several_binaries_are_judged_one_by_one() {
    let extras = Binary { version: "BusyBox v1.36.1 (extras)", ..Binary::default().with(100) };
    let done = tree()
        .file("/bin/busybox-extras", 0o755, 0, 0, extras.build())
        .link("/usr/bin/x001", "/bin/busybox-extras")
        .link("/usr/bin/x002", "/bin/busybox-extras")
        .file("/bin/busybox.static", 0o755, 0, 0, Binary { kind: Kind::Fixed, ..Binary::default() }.build())
        .apply(&with(&["--keep", "sh", "--keep", "x001"]));
    assert_eq!(applets(&done, "/bin/busybox"), ["sh"]);
    assert_eq!(applets(&done, "/bin/busybox-extras"), ["x001"]);
    done.assert_gone(&["/bin/busybox.static", "/usr/bin/x002"]);
}

#[test]
fn what_is_kept_whole_or_lies_elsewhere_is_said() {
    let config = "[keep]\npaths = ['/bin/busybox']\ncommands = ['sh']\n";
    let done = tree().apply_config(config, &USER);
    done.assert_same(&["/bin/busybox"]);
    assert!(done.run.stderr.contains("'/bin/busybox' stays as it is, and answers to 40 applets"), "{}", done.run.all());
    let done =
        tree().file("/usr/lib/initramfs-tools/bin/busybox", 0o755, 0, 0, busybox()).apply(&with(&["--keep", "sh"]));
    done.assert_same(&["/usr/lib/initramfs-tools/bin/busybox"]);
    assert!(done.run.stderr.contains("'/usr/lib/initramfs-tools/bin/busybox' stays"), "{}", done.run.all());
}

#[test]
fn what_cannot_be_shown_to_be_right_is_refused_and_unchanged() {
    let keep = with(&["--keep", "sh"]);
    let data = busybox();
    let mut corrupt = data.clone();
    let at = data.windows(6).position(|part| part == b"[\0[[\0a").unwrap();
    corrupt[at - 1] ^= 1;
    let small = common::program("/lib/ld-musl-x86_64.so.1", &[]);
    let packed = [&small[..], b"UPX!"].concat();
    let single = [&small[..], b"BusyBox v1.36.1\0"].concat();
    for (data, why) in [
        (&data[..data.len() - 64], "it is cut off"),
        (&data[..0x500], "it is cut off"),
        (&corrupt, "no table of applets is found in it"),
        (&packed, "it is packed by UPX"),
        (&single, "it was built for a single applet"),
        (&Binary { twice: true, ..Binary::default() }.build(), "no table of applets"),
    ] {
        let tree = tree().file("/bin/busybox", 0o755, 0, 0, data);
        tree.refuse(&keep).alone().says(&["/bin/busybox", why, "[keep] commands = [\"busybox\"]"]);
        // Knowingly, all or none, or not at all.
        tree.apply(&with(&["--keep", "sh", "--disable", "remove.applets"])).assert_same(&["/bin/busybox"]);
    }
    let tree = tree().file("/bin/busybox", 0o755, 0, 0, corrupt);
    tree.apply(&with(&["--keep", "busybox"])).assert_same(&["/bin/busybox"]);
}
