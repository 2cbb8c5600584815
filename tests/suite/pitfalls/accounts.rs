//! Accounts and the files that belong to them: sections 2.1 to 2.3.

use crate::common::{APP, Rootfs};

/// 2.1: `/^(root|app)/!d` keeps every name that begins alike.
#[test]
fn names_that_only_begin_like_a_kept_one_go_with_their_files_owners() {
    let done = Rootfs::debian_like()
        .account("rootkit", 900, "/", "/bin/sh")
        .line("passwd", "root2:x:0:0::/:/bin/sh")
        .account("app", 1000, "/app", "/bin/sh")
        .account("app2", 1001, "/app", "/bin/sh")
        .file("/opt/own", 0o640, 1000, 1000, "x")
        .file("/opt/other", 0o640, 1001, 1001, "x")
        .apply(&APP);
    let names = |file: &str| -> Vec<String> {
        done.root.read(file).lines().map(|line| line.split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names("/etc/passwd"), ["root", "app"]);
    assert_eq!(names("/etc/shadow"), ["root", "app"]);
    assert_eq!(names("/etc/group"), ["root", "shadow", "app"]);
    assert_eq!(names("/etc/gshadow"), ["root", "shadow", "app"]);
    assert_eq!(done.after.owner("/opt/own"), (1000, 1000));
    assert_eq!(done.after.owner("/opt/other"), (0, 0));
}

/// 2.1: pruning mail, staff and utmp leaves files of groups without a name; `find -nogroup -delete` then takes
/// /etc/shadow. Conflicts 1 and 3 of a hardener: the shadow group stays, the others' files are regrouped.
#[test]
fn files_of_pruned_groups_are_regrouped_and_the_shadow_file_keeps_its_group() {
    let done = Rootfs::debian_like()
        .file("/var/lib/mine", 0o640, 0, 50, "x")
        .apply(&[&APP[..], &["--disable", "remove.leftovers"]].concat());
    for path in ["/var/mail", "/var/local", "/var/log/wtmp", "/var/lib/mine"] {
        assert_eq!(done.after.owner(path), (0, 0), "{path}");
    }
    for path in ["/etc/shadow", "/etc/gshadow"] {
        assert_eq!((done.after.owner(path), done.after.mode(path)), ((0, 42), 0o640), "{path}");
    }
    assert!(done.root.read("/etc/group").contains("shadow:x:42:"));
    let known = [0, 42, 1000];
    for (path, entry) in &done.after.0 {
        assert!(known.contains(&entry.uid) && known.contains(&entry.gid), "{}", String::from_utf8_lossy(path));
    }
}

/// 2.1: a directory that loses its group must not hand root's group to what is made in it later.
#[test]
fn a_setgid_directory_of_a_pruned_group_passes_no_root_group_on() {
    let done = Rootfs::debian_like().dir("/srv/share", 0o2775, 0, 1000).dir("/srv/mail", 0o2775, 0, 8).apply(&APP);
    assert_eq!(done.after.mode("/var/mail") & 0o2000, 0);
    assert_eq!(done.after.mode("/srv/mail") & 0o2000, 0);
    assert_eq!(done.after.mode("/srv/share"), 0o2775, "the run group keeps its directory");
}

/// 2.1: the file of an account that goes must not become a set-user-ID file of root.
#[test]
fn a_set_id_file_of_a_pruned_account_does_not_become_roots_set_id_file() {
    let done = Rootfs::debian_like().static_program("/opt/tool", 0o6755).owner("/opt/tool", 5, 60).apply(&APP);
    assert_eq!((done.after.owner("/opt/tool"), done.after.mode("/opt/tool")), ((0, 0), 0o755));
}

/// Conflict 2 of a hardener: nobody stays, and with it the group that is its primary one.
#[test]
fn keeping_nobody_keeps_nogroup() {
    let done = Rootfs::debian_like().apply_config("[keep]\nusers = ['nobody']\n", &APP);
    assert!(done.root.read("/etc/group").contains("nogroup:x:65534:"));
}

/// 2.1: a numeric user without an account keeps its files, and no account is made.
#[test]
fn a_numeric_user_keeps_its_files() {
    let done = Rootfs::debian_like().file("/srv/data", 0o600, 1234, 4321, "x").apply(&[
        "--user",
        "1234:4321",
        "--command",
        "/app/server",
    ]);
    done.assert_same(&["/srv/data"]);
    assert!(!done.root.read("/etc/passwd").contains("1234"));
}

/// 2.1: the uid that a pruned account hands over does not hand its files over.
#[test]
fn files_of_the_former_owner_of_the_uid_go_to_root() {
    let done = Rootfs::debian_like()
        .account("ubuntu", 1000, "/home/ubuntu", "/bin/bash")
        .file("/home/ubuntu/.profile", 0o644, 1000, 1000, "x")
        .apply(&APP);
    assert_eq!(done.after.owner("/home/ubuntu/.profile"), (0, 0));
    assert!(done.root.read("/etc/passwd").contains("app:x:1000:1000:"));
}

/// 2.1: supplementary groups: postgres reads its key through ssl-cert.
#[test]
fn the_group_through_which_a_kept_account_reads_its_key_stays() {
    let done = Rootfs::debian_like()
        .account("postgres", 109, "/var/lib/postgresql", "/bin/bash")
        .text("/etc/group", "root:x:0:\nshadow:x:42:\nstaff:x:50:\nssl-cert:x:101:postgres\npostgres:x:109:\n")
        .file("/etc/ssl/private/key.pem", 0o640, 0, 101, "key")
        .apply(&["--user", "postgres", "--command", "/app/server"]);
    done.assert_same(&["/etc/ssl/private", "/etc/ssl/private/key.pem"]);
}

/// 2.2: nologin is deleted, so every account points at a missing file: ours is the distribution's path, and says it.
#[test]
fn every_shell_is_the_distributions_nologin() {
    for (tree, nologin) in [
        (Rootfs::debian_like(), "/usr/sbin/nologin"),
        (Rootfs::alpine_like(), "/sbin/nologin"),
        (Rootfs::rhel_like(), "/sbin/nologin"),
        (Rootfs::arch_like(), "/usr/bin/nologin"),
    ] {
        let done = tree.apply(&APP);
        for line in done.root.read("/etc/passwd").lines() {
            assert!(line.ends_with(&format!(":{nologin}")), "{line}");
        }
    }
}

/// 2.3: writers of account files lose mode, owner, ACL or xattrs, and leave a backup and a lock behind.
#[test]
fn account_files_keep_mode_owner_and_attributes_and_leave_no_backup() {
    let acl = [
        2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 33, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4,
        0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
    ];
    for (tree, mode, gid) in [(Rootfs::debian_like(), 0o640, 42), (Rootfs::rhel_like(), 0o000, 0)] {
        let done = tree
            .xattr("/etc/passwd", "user.note", b"kept")
            .xattr("/etc/group", "system.posix_acl_access", &acl)
            .apply(&APP);
        for path in ["/etc/shadow", "/etc/gshadow"] {
            assert_eq!((done.after.mode(path), done.after.owner(path)), (mode, (0, gid)), "{path}");
        }
        for path in ["/etc/passwd", "/etc/group"] {
            assert_eq!(done.before.get(path).xattrs, done.after.get(path).xattrs, "{path}");
            assert!(!done.after.get(path).xattrs.is_empty());
        }
        let left: Vec<String> = done.after.names("/etc");
        assert!(!left.iter().any(|name| name.ends_with('-') || name.contains("lock")), "{left:?}");
    }
}

/// 2.3: last-change set to today, so no image is built twice alike.
#[test]
fn two_runs_at_different_times_give_the_same_tree() {
    let first = Rootfs::debian_like().apply(&APP);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let second = Rootfs::debian_like().apply(&APP);
    assert_eq!(first.after.diff(&second.after), Vec::<String>::new());
    assert!(first.root.read("/etc/shadow").lines().any(|line| line.starts_with("app:!") || line.starts_with("app:*")));
}
