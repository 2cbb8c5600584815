//! remove.applets on trees with small multi-call binaries: which applets stay, and what happens to the file.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::common::busybox::{Binary, Kind};
use crate::common::{APP, Applied, Rootfs};

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
    let found = harden::testing::applets::read(&data).unwrap();
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
    assert!(notes(&done).contains("a script calls it without the name of an applet"), "{}", notes(&done));
}

fn debian_with(binary: impl AsRef<[u8]>) -> Rootfs {
    let tree = Rootfs::debian_like().file("/usr/bin/busybox", 0o755, 0, 0, binary);
    ["wget", "passwd", "su"].iter().for_each(|name| fs::remove_file(tree.at(format!("/usr/bin/{name}"))).unwrap());
    tree
}

fn notes(done: &Applied) -> String {
    done.report["notes"].to_string()
}

/// Debian's: one file without links, beside programs of the same names.
fn debian() -> Rootfs {
    let tree = debian_with(busybox());
    ["dash", "cat", "ls"]
        .iter()
        .fold(tree, |tree, name| tree.program(&format!("/usr/bin/{name}")))
        .link("/usr/bin/sh", "dash")
}

#[test]
fn an_applet_without_a_link_is_kept_by_its_name_and_one_beside_a_program_is_not() {
    let done = debian().apply(&with(&["--keep", "wget", "--keep", "sh", "--keep", "cat"]));
    assert_eq!(applets(&done, "/usr/bin/busybox"), ["wget"]);
    done.assert_same(&["/usr/bin/dash", "/usr/bin/cat"]);
    done.assert_gone(&["/usr/bin/ls"]);
    assert!(
        notes(&done).contains("'/usr/bin/busybox' loses applets that have the names of other kept programs")
            && notes(&done).contains("kept programs: cat sh"),
        "{}",
        notes(&done)
    );
    let explained = done.root.run("explain", &with(&["--keep", "wget", "wget", "/usr/bin/busybox"]));
    assert!(explained.stdout.contains("applet inside '/usr/bin/busybox'"), "{}", explained.all());
    assert!(explained.stdout.contains("it has the applet wget, command in --keep"), "{}", explained.all());
    // Each applet has a reason of its own, and what goes is told apart.
    let run = ["--user", "app:1000:1000", "--command", "busybox httpd -f", "--keep", "vi", "vi"];
    let explained = debian().run("explain", &run);
    assert!(explained.stdout.contains("callable as 'busybox vi'"), "{}", explained.all());
    assert!(explained.stdout.contains("command in --keep"), "{}", explained.all());
    assert!(!explained.stdout.contains("command of the image"), "{}", explained.all());
    let explained = debian().run("explain", &with(&["--keep", "vi", "wget"]));
    assert!(explained.stdout.contains("which will no longer run it"), "{}", explained.all());
    assert!(explained.stdout.contains("keep.commands = [\"wget\"]"), "{}", explained.all());
    // Programs have all the names: nothing asks for an applet.
    let done = debian().apply(&with(&["--keep", "sh", "--keep", "cat"]));
    done.assert_gone(&["/usr/bin/busybox"]);
    // Expressions and globs, where no command matches them.
    let done = debian().apply(&with(&["--keep", "re:^(vi|nc)$"]));
    assert_eq!(applets(&done, "/usr/bin/busybox"), ["nc", "vi"]);
    debian().refuse(&with(&["--keep", "wgett"])).alone().says(&["keep.commands entry 'wgett'", "matches nothing"]);
    let config = "[keep]\ncommands = [{ name = 'telnet', optional = true }, { name = 'vi', optional = true }]\n";
    assert_eq!(applets(&debian().apply_config(config, &USER), "/usr/bin/busybox"), ["vi"]);
}

#[test]
fn an_applet_of_the_images_command_is_called_by_the_programs_name() {
    debian()
        .refuse(&["--user", "app:1000:1000", "--command", "wget -q http://a/"])
        .alone()
        .says(&["starts 'wget'", "'/usr/bin/busybox' has an applet of that name: write [\"busybox\", \"wget\"]"]);
    for (command, left) in [
        (r#"["busybox", "httpd", "-f"]"#, &["httpd"][..]),
        // Shell form, and code in exec form, say as much.
        (r#""cd /tmp && exec busybox httpd -f""#, &["httpd"]),
        (r#"["/bin/sh", "-c", "busybox httpd -f; busybox nc -l"]"#, &["httpd", "nc"]),
        (r#"["sh", "-c", "command -v busybox; busybox vi"]"#, &["vi"]),
        // Its own shell finds applets without links.
        (r#"["busybox", "sh", "-c", "exec wget -q http://a/ | wc -l"]"#, &["sh", "wc", "wget"]),
    ] {
        let config = format!("[run]\nuser = 'app:1000:1000'\ncommand = {command}\n");
        assert_eq!(applets(&debian().apply_config(&config, &[]), "/usr/bin/busybox"), left, "{command}");
    }
    for code in ["B=busybox; $B \"$1\"", "busybox \"$1\"", "busybox --install -s /x", "eval busybox"] {
        let config = "[run]\nuser = 'app:1000:1000'\ncommand = ['/usr/local/bin/start']\n[keep]\nfrom-scripts = true\n";
        // A variable names no program that the guard of scripts could see.
        let args: &[&str] = if code.starts_with("B=") { &["--keep", "nc"] } else { &[] };
        let done = debian().script("/usr/local/bin/start", &format!("#!/bin/sh\n{code}\n")).apply_config(config, args);
        done.assert_same(&["/usr/bin/busybox"]);
    }
    let tree = debian().script("/usr/local/bin/start", "#!/bin/sh\nbusybox vi /x\n");
    let run = ["--user", "app:1000:1000", "--command", "/usr/local/bin/start"];
    tree.refuse(&run)
        .alone()
        .says(&["'busybox' (/usr/local/bin/start:2)", "from-scripts only those that scripts call"]);
    let done = tree.apply_config("[keep]\nfrom-scripts = true\n", &run);
    assert_eq!(applets(&done, "/usr/bin/busybox"), ["vi"]);
}

#[test]
fn what_a_kept_applet_starts_stays_with_it() {
    let names = ["addgroup", "adduser", "crond", "passwd", "udhcpc", "xargs"];
    let binary = || {
        let mut binary = Binary::default();
        binary.names.extend(names.map(str::to_owned));
        binary.names.sort_unstable();
        binary
    };
    let tree = || {
        let tree = Rootfs::alpine_like().file("/bin/busybox", 0o755, 0, 0, binary().build());
        binary().names.iter().fold(tree, |tree, name| tree.link(format!("/bin/{name}"), "/bin/busybox"))
    };
    let done = tree().apply(&with(&["--keep", "adduser"]));
    assert_eq!(applets(&done, "/bin/busybox"), ["addgroup", "adduser", "passwd"]);
    done.assert_same(&["/bin/addgroup", "/bin/passwd"]);
    let because = done.report["kept"].as_array().unwrap().iter().find(|one| one["path"] == "/bin/passwd").unwrap();
    assert_eq!(because["because"][0], "started by applet /bin/adduser");
    let done = tree().apply(&with(&["--keep", "xargs"]));
    assert_eq!(applets(&done, "/bin/busybox"), ["echo", "xargs"]);
    // Also without links, and when it is called by the program's name.
    let done = debian_with(binary().build()).apply(&with(&["--keep", "adduser"]));
    assert_eq!(applets(&done, "/usr/bin/busybox"), ["addgroup", "adduser", "passwd"]);
    let one = debian_with(binary().build())
        .script("/etc/udhcpc/default.script", "#!/bin/busybox sh\necho $1\n")
        .program("/usr/bin/echo");
    let done = one.apply(&["--user", "app:1000:1000", "--command", "busybox udhcpc -f"]);
    assert_eq!(applets(&done, "/usr/bin/busybox"), ["sh", "udhcpc"]);
    // A program of another package is started only by a binary that knows its name.
    for (mentions, stays) in [(&b"\0ssl_client\0"[..], true), (b"", false)] {
        let data = [binary().build(), mentions.to_vec()].concat();
        let done = tree()
            .file("/bin/busybox", 0o755, 0, 0, data)
            .program("/usr/bin/ssl_client")
            .program("/usr/bin/openssl")
            .apply(&with(&["--keep", "wget"]));
        assert_eq!(done.has("/usr/bin/ssl_client"), stays);
        done.assert_gone(&["/usr/bin/openssl"]);
    }
    // Alpine's set-id wrapper runs busybox under the name that it was called by.
    let done =
        tree().program("/bin/bbsuid").link("/bin/su", "/bin/bbsuid").apply_config("[keep]\ncommands = ['su']\n", &USER);
    assert_eq!(applets(&done, "/bin/busybox"), ["sh", "su"]);
}

#[test]
fn a_copy_under_the_name_of_an_applet_is_found() {
    let done = Rootfs::empty()
        .file("/bin/sh", 0o755, 0, 0, [busybox(), vec![0; 20_000]].concat())
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        .text("/etc/group", "root:x:0:\n")
        .apply(&with(&["--keep", "sh"]));
    assert_eq!(applets(&done, "/bin/sh"), ["sh"]);
    let damaged = [busybox(), vec![0; 20_000]].concat();
    let mut damaged = damaged;
    let at = damaged.windows(6).position(|part| part == b"[\0[[\0a").unwrap();
    damaged[at - 1] ^= 1;
    let tree = Rootfs::debian_like().file("/usr/local/bin/sh", 0o755, 0, 0, &damaged);
    tree.refuse(&with(&["--keep", "/usr/local/bin/sh"])).alone().says(&["[keep] paths = [\"/usr/local/bin/sh\"]"]);
    tree.apply(
        &with(&["--keep", "/usr/local/bin/sh"]).into_iter().chain(["--disable", "remove.applets"]).collect::<Vec<_>>(),
    );
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

/// A build whose applets are in a library (CONFIG_FEATURE_SHARED_BUSYBOX): the program only starts it.
fn shared(library: impl AsRef<[u8]>) -> Rootfs {
    let launcher = crate::common::program("/lib/ld-musl-x86_64.so.1", &["libbusybox.so.1.37.0"]);
    let tree = Rootfs::alpine_like().file("/bin/busybox", 0o755, 0, 0, launcher).file(
        "/lib/libbusybox.so.1.37.0",
        0o755,
        0,
        0,
        library,
    );
    Binary::default().names.iter().fold(tree, |tree, name| tree.link(format!("/bin/{name}"), "/bin/busybox"))
}

#[test]
fn the_applets_of_a_launcher_are_disabled_in_its_library() {
    let library = "/lib/libbusybox.so.1.37.0";
    let done = shared(busybox()).apply(&with(&["--keep", "sh", "--keep", "cat"]));
    assert_eq!(applets(&done, library), ["cat", "sh"]);
    done.assert_same(&["/bin/busybox", "/bin/sh", "/bin/cat"]);
    done.assert_gone(&["/bin/wget", "/bin/vi"]);
    let (old, new) = (done.before.get(library), done.after.get(library));
    assert_eq!((new.mode, new.uid, new.gid, new.mtime.0), (old.mode, old.uid, old.gid, old.mtime.0 + 1));
    let paths: Vec<_> = done.changes().into_iter().filter(|change| change.0 == "remove.applets").collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    // By the program's name, and all of them.
    let done = shared(busybox()).apply(&["--user", "app:1000:1000", "--command", "busybox httpd -f"]);
    assert_eq!(applets(&done, library), ["httpd"]);
    shared(busybox()).apply(&with(&["--keep", "busybox"])).assert_same(&[library, "/bin/busybox", "/bin/wget"]);
    // A library that cannot be read is refused by its own name, and so is a launcher without one.
    let mut damaged = busybox();
    let at = damaged.windows(6).position(|part| part == b"[\0[[\0a").unwrap();
    damaged[at - 1] ^= 1;
    shared(damaged).refuse(&with(&["--keep", "sh"])).alone().says(&[library, "no table of applets was found in it"]);
    let tree = shared(busybox()).file("/usr/lib/libbusybox.so.1.36.1", 0o755, 0, 0, busybox());
    let done = tree.apply(&with(&["--keep", "sh"]));
    assert_eq!(applets(&done, library), ["sh"]);
}

/// GNU coreutils in one file, as `--enable-single-binary=shebangs` installs it; programs of other families beside it.
#[test]
fn coreutils_in_one_file_lose_their_stubs_and_what_stays_callable_is_said() {
    let names = "[ arch b2sum base32 base64 basename cat chmod chown cp cut date dd df echo env expr false ginstall head id ls mv rm sort";
    let mut program = crate::common::program("/lib64/ld-linux-x86-64.so.2", &[]);
    program.extend(format!("\0--coreutils-prog=\0 {names}\0").into_bytes());
    let stub = |tree: Rootfs, name: &str| {
        let _ = fs::remove_file(tree.at(format!("/usr/bin/{name}")));
        tree.script(format!("/usr/bin/{name}"), &format!("#!/usr/bin/coreutils --coreutils-prog-shebang={name}\n"))
    };
    let tree = Rootfs::debian_like().file("/usr/bin/coreutils", 0o755, 0, 0, &program);
    // `ginstall` is what the binary calls it, `install` is the file's name.
    let tree = names.replace("ginstall", "install").split(' ').fold(tree, stub);
    let done = tree.apply(&with(&["--keep", "cat", "--keep", "ls"]));
    done.assert_same(&["/usr/bin/coreutils", "/usr/bin/cat", "/usr/bin/ls"]);
    done.assert_gone(&["/usr/bin/env", "/usr/bin/dd", "/usr/bin/[", "/usr/bin/install"]);
    assert!(done.run.stderr.contains("'/usr/bin/coreutils' runs all of its 26 programs"), "{}", done.run.all());
    let reported = &done.report["callable_applets"][0];
    assert_eq!(reported["path"], "/usr/bin/coreutils");
    let callable: Vec<&str> =
        reported["applets"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(callable, format!("{names} install").split(' ').collect::<Vec<_>>());
    // Nothing of it is kept: it goes.
    done.root.apply(&APP).assert_gone(&["/usr/bin/coreutils", "/usr/bin/cat"]);
}

#[test]
fn what_is_kept_whole_or_lies_elsewhere_is_said() {
    let config = "[keep]\npaths = ['/bin/busybox']\ncommands = ['sh']\n";
    let done = tree().apply_config(config, &USER);
    done.assert_same(&["/bin/busybox"]);
    assert!(done.run.stderr.contains("'/bin/busybox' stays unchanged and still runs 40 applets"), "{}", done.run.all());
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
    let small = crate::common::program("/lib/ld-musl-x86_64.so.1", &[]);
    let packed = [&small[..], b"UPX!"].concat();
    let single = [&small[..], b"BusyBox v1.36.1\0"].concat();
    for (data, why) in [
        (&data[..data.len() - 64], "it is truncated"),
        (&data[..0x500], "it is truncated"),
        (&corrupt, "no table of applets was found in it"),
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

/// Beside the program under its own name a copy of it is the same program, and so is what a run that was killed between
/// two names of one file left as it was.
#[test]
fn a_copy_becomes_what_the_program_becomes_also_after_a_killed_run() {
    let done = tree().file("/sbin/cat", 0o755, 0, 0, busybox()).apply(&with(&["--keep", "sh", "--keep", "cat"]));
    let patched = fs::read(done.root.at("/bin/busybox")).unwrap();
    assert_eq!(applets(&done, "/bin/busybox"), ["cat", "sh"]);
    assert_eq!(fs::read(done.root.at("/sbin/cat")).unwrap(), patched);
    assert_eq!(done.changes().into_iter().filter(|change| change.0 == "remove.applets").count(), 2);
    // One of them is as it was.
    let done = done.root.file("/sbin/cat", 0o755, 0, 0, busybox()).apply(&with(&["--keep", "sh", "--keep", "cat"]));
    done.assert_same(&["/bin/busybox"]);
    assert_eq!(fs::read(done.root.at("/sbin/cat")).unwrap(), patched);
}
