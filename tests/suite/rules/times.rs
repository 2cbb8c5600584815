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

/// The builder stamps `/`, /etc and what it copies: /usr, which it does not, stands in for what is younger.
#[test]
fn what_is_new_is_as_old_as_its_parent_or_as_usr_where_the_builder_stamped_that() {
    let config = "[files]\nwritable = ['/srv/old/data/deep', '/srv/new/data', '/new']\n";
    let done = Rootfs::debian_like()
        .dir("/srv/old", 0o755, 0, 0)
        .dir("/srv/new", 0o755, 0, 0)
        .time("/srv/old", TIME - 900)
        .time("/srv/new", TIME - 100)
        .time("/usr", TIME - 500)
        .apply_config(config, &APP);
    let time = |path: &str| done.after.get(path).mtime.0 - TIME;
    assert_eq!((time("/srv/old/data"), time("/srv/old/data/deep")), (-900, -900));
    assert_eq!((time("/srv/new/data"), time("/new")), (-500, -500));
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
