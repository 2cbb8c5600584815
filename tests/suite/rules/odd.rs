//! Trees that nobody expects, and that a builder can be given all the same.

use std::fs;

use crate::common::{APP, Command, Rootfs, Snapshot};

#[test]
fn a_files_path_may_be_a_single_file_or_lead_there_by_a_link() {
    let done = Rootfs::debian_like()
        .file("/srv/config.json", 0o666, 1000, 1000, "{}")
        .file("/srv/state.db", 0o600, 0, 0, "x")
        .link("/srv/current.db", "state.db")
        .link("/opt/app", "/srv/releases/1")
        .file("/srv/releases/1/run", 0o775, 1000, 1000, "x")
        .apply_config("[files]\nread-only = ['/srv/config.json', '/opt/app']\nwritable = ['/srv/current.db']\n", &APP);
    assert_eq!((done.after.mode("/srv/config.json"), done.after.owner("/srv/config.json")), (0o444, (0, 1000)));
    assert_eq!(done.after.owner("/srv/state.db"), (1000, 1000));
    assert_eq!((done.after.mode("/srv/releases/1/run"), done.after.owner("/srv/releases/1/run")), (0o555, (0, 1000)));
}

#[test]
fn what_lies_below_a_files_path_is_never_removed() {
    let done = Rootfs::debian_like()
        .programs(&["/usr/local/bin/app/tool", "/root/app/tool"])
        .text("/tmp/app/x", "x")
        .text("/var/cache/app/x", "x")
        .apply_config("[files]\nread-only = ['/usr/local/bin/app', '/tmp/app', '/var/cache/app', '/root/app']\n", &APP);
    done.assert_kept(&["/usr/local/bin/app/tool", "/root/app/tool", "/tmp/app/x", "/var/cache/app/x"]);
}

#[test]
fn a_kept_directory_keeps_all_of_its_content_and_where_its_links_lead() {
    let done = Rootfs::debian_like()
        .text("/etc/init.d/README", "x")
        .programs(&["/opt/keep/bin/tool"])
        .link("/opt/keep/bin/sh", "/bin/sh")
        .file("/opt/keep/open", 0o6777, 5, 60, "x")
        .fifo("/opt/keep/fifo")
        .device("/opt/keep/null", 1, 3)
        .apply_config("[keep]\npaths = ['/opt/keep', '/etc/init.d']\n", &APP);
    done.assert_same(&[
        "/opt/keep/bin/tool",
        "/opt/keep/bin/sh",
        "/opt/keep/open",
        "/opt/keep/fifo",
        "/opt/keep/null",
        "/etc/init.d/README",
    ]);
    done.assert_same(&["/usr/bin/sh", "/usr/bin/dash"]);
}

/// Deeper than PATH_MAX and than a process has descriptors: no path is ever built.
#[test]
fn a_tree_deeper_than_any_path_is_walked_and_changed() {
    let tree = Rootfs::debian_like().dir("/srv/deep", 0o755, 0, 0);
    let name = "d".repeat(200);
    let script = format!(
        "cd {}/srv/deep && i=0; while [ $i -lt 300 ]; do mkdir -m 777 {name} && cd -P ./{name} || exit 1; i=$((i+1)); done; : >f; chmod 4755 f",
        tree.path().display()
    );
    // Each step is a chdir(2) of one name; the whole would be too long a path.
    assert!(Command::new("bash").args(["-c", &script]).status().unwrap().success());
    let run = tree.run("apply", &APP);
    assert_eq!(run.status, 0, "{}", run.all());
    let check = format!(
        "cd {}/srv/deep && while cd -P ./{name} 2>/dev/null; do :; done; stat -c %a f .",
        tree.path().display()
    );
    let output = Command::new("bash").args(["-c", &check]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "755\n1777\n", "{output:?}");
    let again = tree.run("apply", &[&APP[..], &["--format", "json"]].concat());
    assert_eq!(again.json()["changes"], serde_json::json!([]));
}

#[test]
fn a_root_without_etc_or_usr_gets_what_the_user_needs_and_no_more() {
    let done = Rootfs::empty().program("/app/server").apply(&APP);
    let new: Vec<&Vec<u8>> = done.after.0.keys().filter(|path| !done.before.0.contains_key(*path)).collect();
    assert_eq!(new, [&b"/etc"[..], b"/etc/group", b"/etc/passwd"]);
    let done = Rootfs::empty().program("/app/server").apply(&["--user", "1000", "--command", "/app/server"]);
    assert_eq!(done.before.diff(&done.after), Vec::<String>::new());
}

#[test]
fn top_level_links_that_lead_nowhere_or_round_are_left() {
    let done = Rootfs::empty()
        .program("/app/server")
        .link("/bin", "usr/bin")
        .link("/lib", "lib")
        .link("/usr", "nowhere")
        .apply(&APP);
    done.assert_same(&["/bin", "/lib", "/usr"]);
}

/// A killed run leaves a temporary file at most; the next one takes it away with its own.
#[test]
fn a_killed_run_is_continued() {
    let once = Rootfs::debian_like().apply(&APP);
    let tree = Rootfs::debian_like();
    tree.stamp();
    for step in 1..40 {
        let status = Command::new("timeout")
            .args(["-s", "KILL", &format!("0.0{step:02}"), env!("CARGO_BIN_EXE_harden"), "apply", "-q", "--root"])
            .arg(tree.path())
            .args(APP)
            .status()
            .unwrap();
        if status.success() {
            break;
        }
        if let Ok(passwd) = fs::read_to_string(tree.at("/etc/passwd")) {
            assert!(passwd.starts_with("root:x:0:0:") && passwd.ends_with('\n'), "{passwd:?}");
        }
    }
    let run = tree.run("apply", &APP);
    assert_eq!(run.status, 0, "{}", run.all());
    crate::common::assert_no_temporary(&Snapshot::of(tree.path()), "the end");
    let diff: Vec<String> =
        once.after.diff(&Snapshot::of(tree.path())).into_iter().filter(|line| !line.contains(" time ")).collect();
    assert_eq!(diff, Vec::<String>::new());
}

#[test]
fn account_files_too_large_or_full_of_zeros_are_refused_or_cleaned_and_never_panic() {
    for content in
        [vec![0_u8; 4096], b"\xff\xfe\n:::::::\nroot:x:0:0".to_vec(), b"\n\n\n".to_vec(), b"root".to_vec(), Vec::new()]
    {
        let tree = Rootfs::debian_like().text("/etc/passwd", &content);
        tree.stamp();
        let before = Snapshot::of(tree.path());
        let run = tree.run("apply", &APP);
        assert!(run.status == 0 || run.status == 2, "{}", run.all());
        if run.status == 2 {
            before.assert_untouched(&Snapshot::of(tree.path()), "refused");
            assert!(run.stderr.contains("help: "), "{}", run.all());
        } else {
            assert!(tree.read("/etc/passwd").contains("app:x:1000:1000:"));
        }
    }
}

/// Missing writable paths, whatever their order, one within another or within a read-only one: each belongs to the run user,
/// those on the way to one obey the path that they lie in, and a second run finds nothing to change.
#[test]
fn missing_writable_paths_may_lie_in_each_other() {
    let paths = ["/srv/new", "/srv/new/a/b", "/srv/data/x/y", "/app/cache/z"];
    for order in 0..paths.len() {
        let mut turned = paths;
        turned.rotate_left(order);
        for openshift in [false, true] {
            let tree = Rootfs::debian_like().program("/app/server").link("/srv/data", ".");
            let policy = format!(
                "[files]\nread-only = ['/app']\nwritable = {turned:?}\nopenshift = {openshift}\n",
                turned = turned
            );
            let done = tree.apply_config(&policy, &APP);
            let (group, own, way) = if openshift { (0, 0o770, 0o775) } else { (1000, 0o700, 0o755) };
            let is = |path: &str| (done.after.owner(path), done.after.mode(path));
            for path in ["/srv/new", "/srv/new/a/b", "/srv/x/y", "/app/cache/z"] {
                assert_eq!(is(path), ((1000, group), own), "{path}: {policy}");
            }
            assert_eq!(is("/srv/new/a"), ((1000, group), way), "{policy}");
            assert_eq!(is("/srv/x"), ((0, 0), 0o755), "{policy}");
            assert_eq!(is("/app/cache"), ((0, 0), 0o555), "{policy}");
        }
    }
    let inside = "[files]\nwritable = ['/srv/data', '/srv/data/x/y']\n";
    let done = Rootfs::debian_like().link("/srv/data", ".").apply_config(inside, &APP);
    assert_eq!((done.after.owner("/srv/x"), done.after.mode("/srv/x")), ((1000, 1000), 0o755));
}
