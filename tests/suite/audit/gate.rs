//! The exit status, the baseline, and what may not be read.

use super::found;
use crate::common::{Command, Rootfs, Run, bare, install_binary};

fn open_file() -> Rootfs {
    Rootfs::distroless().file("/srv/open", 0o666, 0, 0, "x")
}

#[test]
fn the_gate_is_where_fail_on_says() {
    // Medium: outside the system.
    let tree = open_file();
    for (level, status) in [("info", 1), ("low", 1), ("medium", 1), ("high", 0)] {
        let run = tree.run("audit", &["--fail-on", level]);
        assert_eq!(run.status, status, "{level}: {}", run.all());
    }
    assert_eq!(tree.run::<&str>("audit", &[]).status, 1, "medium is the default");
    let run = tree.run_with::<&str>("audit", &[], &[("HARDEN_FAIL_ON", "high")], b"");
    assert_eq!(run.status, 0);
    let run = tree.run_with::<&str>("audit", &[], &[("HARDEN_FAIL_ON", "fatal")], b"");
    assert!(run.status == 2 && run.stderr.contains("write info, low, medium or high"), "{}", run.all());
    assert_eq!(tree.run("audit", &["--fail-on", "fatal"]).status, 2);
}

#[test]
fn the_text_names_path_rule_and_counts() {
    let run = Rootfs::debian_like().run::<&str>("audit", &[]);
    assert!(run.stdout.contains("/usr/bin/su: runs as uid 0: mode 0o4755 (fixed by files.setid)"), "{}", run.stdout);
    assert!(run.stdout.contains(" at medium or above"), "{}", run.stdout);
    let hostile = Rootfs::distroless().file("/srv/\u{1b}[2Jx", 0o666, 0, 0, "x").run::<&str>("audit", &[]);
    assert!(hostile.stdout.contains("/srv/\\u{1b}[2Jx: every user may write it"), "{}", hostile.stdout);
    assert!(!hostile.stdout.contains('\u{1b}'));
}

#[test]
fn a_baseline_lets_only_new_findings_fail() {
    let tree = open_file();
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("baseline.json");
    let path = path.to_str().unwrap();
    let written = tree.run("audit", &["--write-baseline", path]);
    assert_eq!(written.status, 0, "{}", written.all());
    assert!(std::fs::read_to_string(path).unwrap().contains("\"/srv/open\""));

    let same = tree.run("audit", &["--baseline", path, "--fail-on", "info", "--format", "json"]);
    assert_eq!(same.status, 0, "{}", same.all());
    assert!(same.json()["counts"]["baseline"].as_u64().unwrap() >= 1);

    let tree = tree.file("/srv/more", 0o666, 0, 0, "x");
    let more = tree.run("audit", &["--baseline", path, "--format", "json"]);
    assert_eq!(more.status, 1);
    assert_eq!(found(&more, "medium"), [("files.world-writable".to_owned(), "/srv/more".to_owned())].into());

    let content = std::fs::read(path).unwrap();
    let again = tree.run("audit", &["--write-baseline", path]);
    assert!(again.status == 2 && again.stderr.contains("never overwrites a baseline"), "{}", again.all());
    assert_eq!(std::fs::read(path).unwrap(), content);

    std::fs::write(path, "{}").unwrap();
    let broken = tree.run("audit", &["--baseline", path]);
    assert!(broken.status == 2 && broken.stderr.contains("cannot read the baseline"), "{}", broken.all());
    assert_eq!(tree.run("audit", &["--baseline", "/none/such"]).status, 2);
}

#[test]
fn more_than_anybody_reads_is_counted_and_fails_a_baseline_that_knew_fewer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("baseline.json");
    let path = path.to_str().unwrap();
    let many = |tree: Rootfs, from: usize, to: usize| {
        (from..to).fold(tree, |tree, at| tree.file(format!("/srv/{at}"), 0o666, 0, 0, "x"))
    };
    let tree = many(Rootfs::distroless(), 0, 5002);
    let run = tree.run("audit", &["--write-baseline", path, "--format", "json"]);
    let text = run.json().to_string();
    assert!(text.contains("2 more findings are not listed"), "{}", run.stderr);
    assert_eq!(tree.run("audit", &["--baseline", path]).status, 0);
    assert_eq!(many(tree, 5002, 5003).run("audit", &["--baseline", path]).status, 1);
}

#[test]
fn a_root_that_is_none_is_no_clean_verdict() {
    let run = bare(&["audit", "--root", "/none/such"], &[], b"");
    assert!(
        run.status == 2 && run.stdout.is_empty() && run.stderr.contains("cannot open root directory"),
        "{}",
        run.all()
    );
}

/// Run as somebody without rights.
fn as_nobody(tree: &Rootfs, args: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let binary = directory.path().join("harden");
    install_binary(&binary);
    let output = Command::new(&binary)
        .args(["audit", "--root", tree.path().to_str().unwrap()])
        .args(args)
        .env_clear()
        .uid(54321)
        .gid(54321)
        .output()
        .unwrap();
    Run {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn what_may_not_be_read_is_a_note() {
    let tree = open_file()
        .dir("/srv/closed", 0o700, 0, 0)
        .file("/srv/closed/open", 0o666, 0, 0, "x")
        .dir("/srv/listed", 0o744, 0, 0)
        .text("/srv/listed/x", "x")
        .file("/srv/secret", 0o600, 0, 0, "x")
        .file("/etc/shadow", 0o600, 0, 0, "root:*:1::::::\n");
    let run = as_nobody(&tree, &["--format", "json"]);
    assert_eq!(run.status, 1, "{}", run.all());
    assert!(found(&run, "medium").contains(&("files.world-writable".to_owned(), "/srv/open".to_owned())));
    let notes = run.json()["notes"].to_string();
    for path in ["/srv/closed", "/srv/listed", "/srv/secret", "/etc/shadow", "/root"] {
        assert!(notes.contains(&format!("'{path}'")), "{path} is in no note: {notes}");
    }
    let text = as_nobody(&tree, &["--fail-on", "high"]);
    assert!(text.status == 0 && text.stdout.contains("in the entries that harden could read"), "{}", text.all());
    // Somebody who may read everything has no notes.
    assert!(tree.run("audit", &["--format", "json"]).json()["notes"].as_array().unwrap().is_empty());
}

#[test]
fn a_root_that_may_not_be_read_is_refused() {
    let tree = open_file().dir("/", 0o700, 0, 0);
    let run = as_nobody(&tree, &[]);
    assert!(run.status == 2 && run.stdout.is_empty(), "{}", run.all());
}
