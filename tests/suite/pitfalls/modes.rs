//! Owners and modes: sections 2.8 to 2.10 and 2.15.

use crate::common::{APP, Command, Rootfs, Snapshot};

const BASE: [&str; 2] = ["--disable", "remove.commands"];

/// 2.8: set-id programs are deleted, which breaks what uses them: bits are cleared, and everywhere.
#[test]
fn set_id_bits_are_cleared_and_no_file_is_deleted_for_them() {
    let done = Rootfs::debian_like()
        .static_program("/opt/x/tool", 0o4755)
        .static_program("/home/a/tool", 0o2755)
        .static_program("/app/helper", 0o6711)
        .file("/var/lib/data", 0o4640, 0, 0, "no program")
        .apply(&[&APP[..], &BASE].concat());
    for path in ["/usr/bin/su", "/usr/bin/mount", "/usr/sbin/unix_chkpwd", "/opt/x/tool", "/home/a/tool"] {
        assert_eq!(done.after.mode(path), 0o755, "{path}");
    }
    assert_eq!(done.after.mode("/app/helper"), 0o711);
    assert_eq!(done.after.mode("/var/lib/data"), 0o640);
    assert!(done.after.0.values().all(|entry| entry.kind != "file" || entry.mode & 0o6000 == 0));
}

/// 2.8: `-perm 4000` matches that mode exactly; bits are found whatever the other ones are.
#[test]
fn set_id_bits_are_found_with_any_other_mode() {
    let modes = [0o4000, 0o2000, 0o6000, 0o4755, 0o2711, 0o7777, 0o4777, 0o5755];
    let tree =
        modes.iter().fold(Rootfs::debian_like(), |tree, mode| tree.file(format!("/opt/{mode:o}"), *mode, 0, 0, "x"));
    let done = tree.apply(&APP);
    for mode in modes {
        assert_eq!(done.after.mode(&format!("/opt/{mode:o}")), mode & !0o6000);
    }
}

/// 2.8: file capabilities grant the same and nobody looks.
#[test]
fn file_capabilities_go_unless_kept() {
    let done = Rootfs::debian_like()
        .program("/opt/ping")
        .capability("/opt/ping")
        .program("/opt/caddy")
        .capability("/opt/caddy")
        .apply_config("[keep]\nsetid = ['/opt/caddy']\n", &APP);
    assert!(done.after.get("/opt/ping").xattrs.is_empty());
    done.assert_same(&["/opt/caddy"]);
}

/// The kernel never looks at the capability of a file without an x bit, and neither does the plan; an audit says that it is
/// there.
#[test]
fn the_capability_of_what_cannot_be_executed_stays_and_is_reported() {
    let tree = Rootfs::debian_like().file("/opt/data", 0o644, 0, 0, "x").capability("/opt/data");
    let report = tree.run("audit", &["--format", "json"]).json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["check"] == "files.capabilities" && f["path"] == "/opt/data"), "{findings:?}");
    tree.apply(&APP).assert_same(&["/opt/data"]);
}

/// 2.8: chown clears set-id bits and capabilities of what should keep them.
#[test]
fn a_change_of_group_keeps_a_kept_capability() {
    let done = Rootfs::debian_like()
        .program("/usr/lib/caps")
        .capability("/usr/lib/caps")
        .owner("/usr/lib/caps", 0, 50)
        .capability("/usr/lib/caps")
        .apply_config("[keep]\nsetid = ['/usr/lib/caps']\n", &APP);
    assert_eq!(done.after.owner("/usr/lib/caps"), (0, 0));
    assert_eq!(done.before.get("/usr/lib/caps").xattrs, done.after.get("/usr/lib/caps").xattrs);
    assert!(!done.after.get("/usr/lib/caps").xattrs.is_empty());
}

/// 2.8: wanted exceptions: gosu 4750 and the like keep bits, owner and mode.
#[test]
fn an_exception_keeps_its_bits() {
    let done = Rootfs::debian_like()
        .set_id("/usr/bin/newuidmap", 0o4755, 0)
        .apply_config("[keep]\ncommands = ['newuidmap']\nsetid = ['/usr/bin/newuidmap']\n", &APP);
    done.assert_same(&["/usr/bin/newuidmap"]);
}

/// 2.9: o-w on everything leaves /tmp 1775 or 0777: no temporary files, or no sticky bit.
#[test]
fn tmp_is_1777_and_roots_whatever_it_was() {
    for mode in [0o777, 0o1775, 0o755, 0o1777, 0o700] {
        let done = Rootfs::debian_like().dir("/tmp", mode, 1000, 1000).dir("/var/tmp", mode, 0, 0).apply(&APP);
        for path in ["/tmp", "/var/tmp"] {
            assert_eq!((done.after.mode(path), done.after.owner(path)), (0o1777, (0, 0)), "{path} was {mode:o}");
        }
    }
}

/// 2.9: a /tmp that is a link, or missing, is neither followed nor made.
#[test]
fn a_tmp_that_is_a_link_is_left_as_it_is() {
    let done = Rootfs::distroless().apply(&APP);
    assert_eq!(done.after.mode("/tmp"), 0o1777);
    let tree = Rootfs::debian_like();
    std::fs::remove_dir(tree.at("/var/tmp")).unwrap();
    let done = tree.link("/var/tmp", "../tmp").apply(&APP);
    done.assert_same(&["/var/tmp"]);
    let tree = Rootfs::debian_like();
    std::fs::remove_dir(tree.at("/tmp")).unwrap();
    assert!(!tree.apply(&APP).has("/tmp"));
}

/// 2.9: the sticky bit of other shared directories stays; without it they get it, also outside the system.
#[test]
fn world_writable_directories_are_sticky_or_closed() {
    let done = Rootfs::debian_like()
        .dir("/run/lock", 0o1777, 0, 0)
        .dir("/var/lib/php/sessions", 0o1733, 0, 0)
        .dir("/var/spool/open", 0o777, 0, 0)
        .dir("/srv/open", 0o777, 0, 0)
        .dir("/usr/share/open", 0o757, 0, 0)
        .dir("/usr/share/sticky", 0o1777, 0, 50)
        .apply(&APP);
    done.assert_same(&["/run/lock", "/var/lib/php/sessions"]);
    assert_eq!(done.after.mode("/var/spool/open"), 0o1777);
    assert_eq!(done.after.mode("/srv/open"), 0o1777);
    assert_eq!(done.after.mode("/usr/share/open"), 0o755);
    assert_eq!(done.after.mode("/usr/share/sticky") & 0o022, 0);
}

/// 2.9: chmod in /dev of a tree on the same device fails, or changes what the kernel's own nodes cover.
#[test]
fn nothing_in_dev_proc_and_sys_is_touched() {
    let done = Rootfs::debian_like()
        .dir("/dev/mqueue", 0o777, 0, 0)
        .device("/dev/null", 1, 3)
        .file("/dev/odd", 0o6777, 5, 60, "x")
        .file("/proc/odd", 0o6777, 5, 60, "x")
        .file("/sys/odd", 0o6777, 5, 60, "x")
        .apply(&APP);
    done.assert_same(&["/dev", "/dev/mqueue", "/dev/null", "/dev/odd", "/proc/odd", "/sys/odd"]);
}

/// 2.9: mounts of the builder (cache, secrets, resolv.conf) are not part of the image.
#[test]
fn a_mount_in_the_tree_is_neither_read_nor_changed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    let tree = Rootfs::debian_like().dir("/var/cache/apt", 0o777, 5, 60).text("/etc/resolv.conf", "");
    let mounts = [
        (outside.path().to_owned(), tree.at("/var/cache/apt")),
        (outside.path().join("secret"), tree.at("/etc/resolv.conf")),
    ];
    struct Unmount(Vec<std::path::PathBuf>);
    impl Drop for Unmount {
        fn drop(&mut self) {
            for at in &self.0 {
                let _ = Command::new("umount").arg(at).status();
            }
        }
    }
    let mut mounted = Unmount(Vec::new());
    tree.stamp();
    for (from, to) in mounts {
        assert!(Command::new("mount").arg("--bind").args([&from, &to]).status().unwrap().success());
        mounted.0.push(to);
    }
    let before = Snapshot::of(outside.path());
    let run = tree.run("apply", &APP);
    assert_eq!(run.status, 0, "{}", run.all());
    before.assert_untouched(&Snapshot::of(outside.path()), "the mount");
    assert!(!tree.has("/usr/bin/wget"));
}

/// 2.10, conflict 5: 0755 for every directory loosens /etc/ssl/private and /etc/sudoers.d.
#[test]
fn closed_directories_stay_closed() {
    let done = Rootfs::debian_like()
        .dir("/etc/sudoers.d", 0o750, 0, 0)
        .dir("/etc/polkit-1/rules.d", 0o700, 0, 0)
        .dir("/usr/lib/open", 0o775, 0, 50)
        .dir("/usr/lib/mine", 0o2775, 5, 60)
        .apply(&APP);
    assert_eq!(done.after.mode("/etc/ssl/private"), 0o710);
    done.assert_same(&["/etc/sudoers.d", "/etc/polkit-1/rules.d"]);
    assert_eq!((done.after.mode("/usr/lib/open"), done.after.owner("/usr/lib/open")), (0o755, (0, 0)));
    assert_eq!((done.after.mode("/usr/lib/mine"), done.after.owner("/usr/lib/mine")), (0o755, (0, 0)));
}

/// 2.10: directories are closed, and a group-writable program in them stays writable.
#[test]
fn files_in_system_directories_are_closed_too() {
    let done = Rootfs::debian_like()
        .file("/usr/local/lib/x", 0o775, 0, 50, "x")
        .file("/etc/open", 0o666, 0, 0, "x")
        .file("/var/lib/open", 0o666, 0, 0, "x")
        .file("/srv/open", 0o666, 0, 0, "x")
        .apply(&APP);
    assert_eq!(done.after.mode("/usr/local/lib/x"), 0o755);
    assert_eq!(done.after.mode("/etc/open"), 0o644);
    assert_eq!(done.after.mode("/var/lib/open"), 0o644);
    done.assert_same(&["/srv/open"]);
    assert!(done.run.stderr.contains("every user may write '/srv/open'"), "{}", done.run.stderr);
}

/// 2.10: owners that programs need are lost: the directory of php-fpm or clamav is left, or refused, never taken.
#[test]
fn a_directory_of_a_kept_account_is_refused_and_not_taken() {
    let tree = Rootfs::debian_like().dir("/usr/local/etc/php-fpm.d", 0o755, 33, 33);
    tree.refuse_config("[keep]\nusers = ['www-data']\n", &APP)
        .says(&["'/usr/local/etc/php-fpm.d' (owned by uid 33)", "[files] writable", "[keep] paths"])
        .alone();
    let done = tree.apply_config("[keep]\nusers = ['www-data']\npaths = ['/usr/local/etc/php-fpm.d']\n", &APP);
    done.assert_same(&["/usr/local/etc/php-fpm.d"]);
}

/// 2.15: directories 500 and files 400 take the execute bit from the application's own programs.
#[test]
fn read_only_application_files_keep_their_execute_bits() {
    let done = Rootfs::debian_like()
        .script("/app/node_modules/.bin/tool", "#!/app/server\n")
        .file("/app/config.json", 0o664, 1000, 1000, "{}")
        .file("/app/secret", 0o600, 0, 0, "x")
        .dir("/app/data", 0o750, 0, 0)
        .file("/app/data/db", 0o640, 0, 0, "x")
        .apply_config("[files]\nread-only = ['/app']\nwritable = ['/app/data', '/app/cache']\n", &APP);
    assert_eq!(done.after.mode("/app/node_modules/.bin/tool"), 0o555);
    assert_eq!(done.after.mode("/app/server"), 0o555);
    assert_eq!((done.after.mode("/app/config.json"), done.after.owner("/app/config.json")), (0o444, (0, 1000)));
    assert_eq!((done.after.mode("/app/secret"), done.after.owner("/app/secret")), (0o440, (0, 1000)));
    assert_eq!((done.after.mode("/app/data/db"), done.after.owner("/app/data/db")), (0o640, (1000, 1000)));
    assert_eq!((done.after.mode("/app/cache"), done.after.owner("/app/cache")), (0o700, (1000, 1000)));
}
