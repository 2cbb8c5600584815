//! A check leaves nothing, or fails.

use super::image::{Ran, apply, perl, root};
use crate::common::Snapshot;

/// Entries that differ between two snapshots, but for the account files that apply makes.
fn differing(ran: &Ran) -> Vec<String> {
    let differs = |(before, after): (&Snapshot, &Snapshot)| before.diff(after);
    let made = ["/etc/passwd", "/etc/group", "/harden"];
    let lines = differs((&ran.before, &ran.after)).into_iter();
    lines.filter(|line| !made.iter().any(|path| line.contains(path))).collect()
}

#[test]
fn what_it_made_is_gone_and_directories_have_their_times() {
    let code = r#"
        mkdir "/tmp/d"; mkdir "/tmp/d/e"; open my $f, ">", "/tmp/d/e/f"; print $f "x"; symlink "/etc", "/tmp/d/etc";
        open my $g, ">", "/var/lib/app/new"; chmod 0, "/tmp/d/e";
        open my $h, ">", "/var/lib/app/short"; unlink "/var/lib/app/short";
        system "/tools/mkfifo", "/tmp/fifo";
        open my $s, "<", "/var/lib/app/state"; my $line = <$s>;
    "#;
    let root = root();
    let ran = apply(&root, &format!("[check]\ncommands = [{}, [\"/tools/true\"]]", perl(code)));
    ran.ends_with(0);
    assert_eq!(differing(&ran), Vec::<String>::new(), "{}", ran.said);
}

#[test]
fn what_it_changed_is_named_and_fails_the_build() {
    let cases = [
        (r#"open my $f, ">>", "/var/lib/app/state"; print $f "two\n""#, "'/var/lib/app/state'"),
        (
            r#"open my $f, "+<", "/var/lib/app/state"; print $f "ONE\n"; close $f; utime 1600000000, 1600000000, "/var/lib/app/state""#,
            "'/var/lib/app/state'",
        ),
        (r#"unlink "/var/lib/app/state""#, "'/var/lib/app/state'"),
        (r#"rename "/var/lib/app/state", "/var/lib/app/other""#, "'/var/lib/app/state'"),
        (r#"chmod 0600, "/var/lib/app/state""#, "'/var/lib/app/state'"),
    ];
    for (code, named) in cases {
        let root = root();
        let ran = apply(&root, &format!("[check]\ncommands = [{}]", perl(code)));
        ran.ends_with(3).says(&[
            "changed, removed, or opened for writing files that the image keeps: ",
            named,
            "check failed",
        ]);
        assert!(!root.has("/var/lib/app/other"), "what is new goes also then");
    }
}

/// Both are said: that it failed, and what it did.
#[test]
fn a_check_that_fails_and_writes_says_both() {
    let code =
        r#"open my $f, ">>", "/var/lib/app/state"; print $f "two\n"; close $f; open my $g, ">", "/tmp/new"; exit 4"#;
    let root = root();
    let ran = apply(&root, &format!("[check]\ncommands = [{}]", perl(code)));
    ran.ends_with(3).says(&["ended with status 4; it changed, ", "'/var/lib/app/state'"]);
    assert!(!root.has("/tmp/new"));
}

/// A log of the base image goes, so that a server may write to it; in the end a new one is nobody's but the check's.
#[test]
fn what_goes_anyway_may_be_written_to() {
    let code = r#"open my $f, ">>", "/var/log/app.log" or die; print $f "started\n""#;
    let root = root().file("/var/log/app.log", 0o644, 1000, 1000, "old\n").dir("/var/log", 0o755, 1000, 0);
    let ran = apply(&root, &format!("[check]\ncommands = [{}]", perl(code)));
    ran.ends_with(0).says(&["check passed"]);
    assert!(!root.has("/var/log/app.log"));
    // Taken away, it is nothing that the plan could remove.
    let root =
        super::image::root().file("/var/log/app.log", 0o644, 1000, 1000, "old\n").dir("/var/log", 0o755, 1000, 0);
    let ran = apply(&root, &format!("[check]\ncommands = [{}]", perl(r#"unlink "/var/log/app.log""#)));
    ran.ends_with(3).says(&["'/var/log/app.log'"]);
}

/// What lies on a mount is no part of the image; harden says that it was written to.
#[test]
fn a_write_to_a_mount_is_reported() {
    let writes = perl(r#"open my $f, ">", "/scratch/new" or die; open my $n, ">", "/dev/null""#);
    apply(&root(), &format!("[check]\ncommands = [{writes}]"))
        .ends_with(0)
        .says(&["wrote to mounts, where harden removes nothing: '/scratch'\n"]);
    let ran = apply(&root(), &format!("[check]\ncommands = [{}]", perl(r#"open my $f, "<", "/scratch""#)));
    ran.ends_with(0);
    assert!(!ran.said.contains("wrote to mounts"), "{}", ran.said);
}

#[test]
fn as_root_it_may_not_touch_the_system_either() {
    let code = r#"open my $f, ">>", "/etc/os-release"; print $f "x\n""#;
    let ran = apply(&root(), &format!("start = \"root\"\n[check]\ncommands = [{}]", perl(code)));
    ran.ends_with(3).says(&["'/etc/os-release'"]);
}

/// Entrypoints hand the directories of their data over: these are what they were, and a file that is handed over is a change.
#[test]
fn a_directory_that_is_handed_over_is_what_it_was() {
    let run = |code: &str| {
        let root =
            root().dir("/data", 0o755, 0, 0).dir("/data/sub", 0o2750, 0, 0).file("/srv/state", 0o644, 0, 0, "one");
        let ran = apply(&root, &format!("start = \"root\"\n[check]\ncommands = [{}]", perl(code)));
        (root, ran)
    };
    let (_, ran) = run(r#"chmod 0700, "/data", "/data/sub" or die; chown 1000, 1000, "/data", "/data/sub" or die"#);
    ran.ends_with(0);
    for (path, mode) in [("/data", 0o755), ("/data/sub", 0o2750)] {
        let now = ran.after.get(path);
        assert_eq!((now.uid, now.gid, now.mode & 0o7777), (0, 0, mode), "{path}");
        assert_eq!(now.mtime, ran.before.get(path).mtime, "{path}");
    }
    let (_, ran) = run(r#"chown 1000, 1000, "/srv/state" or die"#);
    ran.ends_with(3).says(&["files that the image keeps: '/srv/state'"]);
}
