//! Times, by which builders and reproducible builds tell what changed.

use crate::common::{APP, Rootfs, Snapshot, TIME};

fn with_epoch(tree: &Rootfs, epoch: &str, args: &[&str]) -> (Snapshot, Snapshot) {
    tree.stamp();
    let before = Snapshot::of(tree.path());
    let run = tree.run_with("apply", args, &[("SOURCE_DATE_EPOCH", epoch)], b"");
    assert_eq!(run.status, 0, "{}", run.all());
    let after = Snapshot::of(tree.path());
    let again = tree.run_with("apply", args, &[("SOURCE_DATE_EPOCH", epoch)], b"");
    assert_eq!(again.status, 0, "{}", again.all());
    after.assert_untouched(&Snapshot::of(tree.path()), "second apply");
    (before, after)
}

#[test]
fn source_date_epoch_is_the_time_of_what_is_written_and_of_nothing_else() {
    let tree = Rootfs::debian_like();
    let (before, after) = with_epoch(&tree, "1234567890", &APP);
    for path in ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"] {
        assert_eq!(after.get(path).mtime, (1_234_567_890, 0), "{path}");
    }
    for path in ["/", "/etc", "/usr/bin", "/usr/lib", "/var/log", "/var/mail", "/app/server"] {
        assert_eq!(after.get(path).mtime, before.get(path).mtime, "{path}");
    }
}

/// A builder that compares size and time only would drop the change.
#[test]
fn an_epoch_that_the_file_has_already_gives_it_another_time() {
    let (_, after) = with_epoch(&Rootfs::debian_like(), &TIME.to_string(), &APP);
    assert_eq!(after.get("/etc/passwd").mtime.0, TIME + 1);
}

#[test]
fn an_epoch_that_is_no_number_is_refused_and_an_empty_one_is_none() {
    let tree = Rootfs::debian_like();
    tree.stamp();
    let before = Snapshot::of(tree.path());
    for value in ["yesterday", "-1", "1e9", "99999999999999999999"] {
        let run = tree.run_with("apply", &APP, &[("SOURCE_DATE_EPOCH", value)], b"");
        assert_eq!(run.status, 2, "{}", run.all());
        assert!(run.stderr.contains("SOURCE_DATE_EPOCH") && run.stderr.contains("help: "), "{}", run.all());
    }
    before.assert_untouched(&Snapshot::of(tree.path()), "refused");
    let run = tree.run_with("apply", &APP, &[("SOURCE_DATE_EPOCH", "")], b"");
    assert_eq!(run.status, 0, "{}", run.all());
}

#[test]
fn what_is_new_is_as_old_as_its_parent_or_as_usr_where_builders_stamp_the_parent() {
    let config = "[files]\nwritable = ['/srv/app/data/deep', '/new']\n";
    let done = Rootfs::debian_like()
        .dir("/srv/app", 0o755, 0, 0)
        .time("/srv/app", TIME - 500)
        .time("/usr", TIME - 900)
        .apply_config(config, &APP);
    assert_eq!(done.after.get("/srv/app/data").mtime.0, TIME - 500);
    assert_eq!(done.after.get("/srv/app/data/deep").mtime.0, TIME - 500);
    assert_eq!(done.after.get("/new").mtime.0, TIME - 900);
    let done = Rootfs::empty().program("/app/server").dir("/usr", 0o755, 0, 0).time("/usr", TIME - 900).apply(&APP);
    assert_eq!(done.after.get("/etc/passwd").mtime.0, TIME - 900);
    assert_eq!(done.after.get("/etc").mtime.0, TIME - 900);
}

#[test]
fn each_rewritten_file_is_one_second_younger_than_it_was() {
    let done = Rootfs::debian_like().time("/etc/passwd", 1000).time("/etc/group", 2000).apply(&APP);
    assert_eq!(done.after.get("/etc/passwd").mtime.0, 1001);
    assert_eq!(done.after.get("/etc/group").mtime.0, 2001);
}
