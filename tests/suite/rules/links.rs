//! Links and hard links: what one name asks for must not happen to another.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::common::{APP, Rootfs};

/// The builder may have hard-linked the file from its cache or another root.
#[test]
fn a_file_with_a_hard_link_outside_is_changed_as_a_copy() {
    let outside = tempfile::tempdir_in("/tmp").unwrap();
    let tree =
        Rootfs::debian_like().file("/usr/share/open", 0o666, 0, 50, "content").xattr("/usr/share/open", "user.a", b"b");
    let other = outside.path().join("other");
    fs::hard_link(tree.at("/usr/share/open"), &other).unwrap();
    let done = tree.apply(&APP);
    assert_eq!((done.after.mode("/usr/share/open"), done.after.owner("/usr/share/open")), (0o644, (0, 0)));
    assert_eq!(done.after.get("/usr/share/open").content, b"content");
    let meta = fs::metadata(&other).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.gid()), (0o666, 50), "the name outside");
    assert_ne!(meta.ino(), done.after.get("/usr/share/open").ino);
}

#[test]
fn hard_links_inside_stay_hard_links_when_all_names_want_the_same() {
    let done = Rootfs::debian_like()
        .file("/usr/share/open", 0o666, 0, 0, "content")
        .hardlink("/usr/share/again", "/usr/share/open")
        .apply(&APP);
    assert_eq!(done.after.mode("/usr/share/again"), 0o644);
    assert_eq!(done.after.get("/usr/share/open").ino, done.after.get("/usr/share/again").ino);
    assert_eq!(done.before.get("/usr/share/open").ino, done.after.get("/usr/share/open").ino);
}

/// keep.paths: never changed by any rule, and so by none through another name.
#[test]
fn a_kept_path_is_not_changed_through_its_other_name() {
    let done = Rootfs::debian_like()
        .file("/srv/kept", 0o4777, 0, 50, "content")
        .hardlink("/usr/share/other", "/srv/kept")
        .apply_config("[keep]\npaths = ['/srv/kept']\n", &APP);
    assert_eq!((done.after.mode("/srv/kept"), done.after.owner("/srv/kept")), (0o4777, (0, 50)));
    assert_eq!((done.after.mode("/usr/share/other"), done.after.owner("/usr/share/other")), (0o755, (0, 0)));
}

#[test]
fn a_kept_set_id_bit_is_not_lost_through_another_name() {
    let done = Rootfs::debian_like()
        .static_program("/opt/tool", 0o4755)
        .hardlink("/srv/tool", "/opt/tool")
        .apply_config("[keep]\nsetid = ['/opt/tool']\n", &APP);
    assert_eq!(done.after.mode("/opt/tool"), 0o4755);
    assert_eq!(done.after.mode("/srv/tool"), 0o755);
}

/// A system file does not become the run user's because the application has a name for it.
#[test]
fn a_system_file_is_not_given_away_through_a_hard_link_in_the_application() {
    let done = Rootfs::debian_like()
        .text("/usr/lib/code.so", "code")
        .hardlink("/app/data/code.so", "/usr/lib/code.so")
        .link("/app/data/shadow", "/etc/shadow")
        .link("/app/data/etc", "/etc")
        .apply_config("[files]\nwritable = ['/app/data']\n", &APP);
    assert_eq!(done.after.owner("/usr/lib/code.so"), (0, 0));
    assert_eq!(done.after.owner("/app/data/code.so"), (1000, 1000));
    assert_eq!(done.after.owner("/etc/shadow"), (0, 42));
    assert_eq!(done.after.owner("/etc"), (0, 0));
    assert_eq!(done.after.owner("/app/data/shadow"), (1000, 1000), "the link itself");
}

/// A home that is somebody else's too is not root's alone.
#[test]
fn the_home_of_root_is_not_emptied_when_others_live_there() {
    let done = Rootfs::debian_like()
        .account("app", 1000, "/srv/app", "/bin/sh")
        .text("/srv/app/data", "x")
        .line("passwd", "")
        .text("/etc/passwd", "root:x:0:0:root:/srv/app:/bin/bash\napp:x:1000:1000::/srv/app:/bin/sh\n")
        .apply(&APP);
    done.assert_same(&["/srv/app/data"]);
}

#[test]
fn directories_that_are_links_are_not_followed_out_of_their_place() {
    let done = Rootfs::debian_like()
        .text("/data/log/app.log", "x")
        .link("/var/log/app", "/data/log")
        .text("/data/cron/job", "x")
        .link("/var/spool/cron", "/data/cron")
        .text("/data/cache/x", "x")
        .link("/var/cache", "/data/cache")
        .apply(&APP);
    done.assert_same(&["/data/log/app.log", "/data/cron/job", "/var/log/app"]);
}

#[test]
fn a_loop_of_links_and_a_chain_too_long_end_nowhere() {
    let tree = Rootfs::debian_like().link("/etc/cron.weekly", "cron.monthly").link("/etc/cron.monthly", "cron.weekly");
    let tree = (0..60).fold(tree, |tree, n| tree.link(format!("/opt/l{n}"), format!("l{}", n + 1)));
    let done = tree.apply(&APP);
    assert!(!done.has("/etc/cron.weekly") && done.has("/opt/l0"));
}
