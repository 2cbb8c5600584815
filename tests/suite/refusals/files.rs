//! Guards that look at directories.

use crate::common::{APP, Command, Rootfs, Snapshot};

#[test]
fn a_files_path_that_is_the_system_itself_is_refused() {
    let tree = Rootfs::debian_like().link("/srv/sys", "/usr/lib");
    for path in
        ["/", "/usr", "/etc", "/bin", "/usr/bin", "/tmp", "/var", "/usr/lib", "/var/tmp", "/proc", "/dev", "/srv/sys"]
    {
        for list in ["read-only", "writable"] {
            tree.refuse_config(&format!("[files]\n{list} = ['{path}']\n"), &APP).says(&["[files]", path]);
        }
    }
}

#[test]
fn a_read_only_path_that_does_not_exist_is_refused_but_for_a_base_image() {
    let config = "[files]\nread-only = ['/srv/app']\n";
    Rootfs::debian_like()
        .refuse_config(config, &APP)
        .says(&["read-only path '/srv/app' does not exist", "optional = true"])
        .alone();
    Rootfs::debian_like().apply_config(config, &["--user", "app:1000:1000", "--command", "none"]);
    Rootfs::debian_like().apply_config("[files]\nread-only = [{ path = '/srv/app', optional = true }]\n", &APP);
}

#[test]
fn a_path_that_is_read_only_and_writable_is_refused_under_any_name() {
    Rootfs::debian_like()
        .link("/srv/app", "/app")
        .refuse_config("[files]\nread-only = ['/app']\nwritable = ['/srv/app']\n", &APP)
        .says(&["both read-only and writable"])
        .alone();
}

#[test]
fn a_loop_of_links_is_refused() {
    let tree = Rootfs::debian_like().link("/srv/a", "b").link("/srv/b", "a");
    tree.refuse_config("[files]\nwritable = ['/srv/a/data']\n", &APP).says(&["loop of links"]).alone();
}

/// The classic builder mounts a VOLUME of the parent image: what is changed there is lost.
#[test]
fn a_files_path_on_a_mount_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    let tree = Rootfs::debian_like().dir("/data", 0o755, 0, 0);
    tree.stamp();
    let at = tree.at("/data");
    assert!(Command::new("mount").arg("--bind").args([outside.path(), &at]).status().unwrap().success());
    let mut found = Vec::new();
    for path in ["/data", "/data/db"] {
        let before = Snapshot::of(tree.path());
        let config = outside.path().join("harden.toml");
        std::fs::write(&config, format!("[files]\nwritable = ['{path}']\n")).unwrap();
        let run = tree.run("apply", &[&APP[..], &["--config", config.to_str().unwrap()]].concat());
        let after = Snapshot::of(tree.path());
        found.push((run, before, after));
    }
    assert!(Command::new("umount").arg(&at).status().unwrap().success());
    for (run, before, after) in found {
        assert_eq!(run.status, 2, "{}", run.all());
        assert!(run.stderr.contains("lies on a mount") && run.stderr.contains("use BuildKit"), "{}", run.all());
        for (path, entry) in before.0 {
            assert!(
                path.starts_with(b"/data") || after.0.get(&path) == Some(&entry),
                "{}",
                String::from_utf8_lossy(&path)
            );
        }
    }
}

#[test]
fn a_system_directory_of_the_run_user_is_refused_with_the_line_to_write() {
    for (uid, gid, mode, part) in
        [(1000, 1000, 0o755, "owned by uid 1000"), (0, 1000, 0o775, "group-writable for gid 1000")]
    {
        let tree = || {
            Rootfs::debian_like().account("app", 1000, "/app", "/bin/sh").dir("/usr/share/nginx/html", mode, uid, gid)
        };
        tree()
            .refuse(&APP)
            .says(&[&format!("'/usr/share/nginx/html' ({part})"), "[files] writable = [\"/usr/share/nginx/html\"]"])
            .alone();
        tree()
            .apply_config("[keep]\npaths = ['/usr/share/nginx/html']\n", &APP)
            .assert_same(&["/usr/share/nginx/html"]);
        let done = tree().apply_config("[files]\nwritable = ['/usr/share/nginx/html']\n", &APP);
        assert_eq!(done.after.owner("/usr/share/nginx/html"), (1000, 1000));
    }
}

/// OpenShift and bitnami images: one line settles a whole tree that group 0 may write.
#[test]
fn a_tree_that_group_0_writes_is_refused_once_with_its_top() {
    let tree = Rootfs::debian_like()
        .dir("/etc/app", 0o775, 0, 0)
        .dir("/etc/app/conf.d", 0o775, 0, 0)
        .dir("/etc/app/conf.d/deep", 0o775, 0, 0)
        .dir("/usr/share/cache", 0o2775, 1001, 0);
    let in_group_0 = ["--user", "1001:0", "--command", "/app/server"];
    for refused in [tree.refuse(&in_group_0), tree.refuse_config("[files]\nopenshift = true\n", &APP)] {
        let refused = refused.says(&["'/etc/app' (group-writable for gid 0)", "[\"/etc/app\", \"/usr/share/cache\"]"]);
        assert!(!refused.run.stderr.contains("conf.d"));
    }
}

/// A group in which neither the run user nor a kept account other than root is: the bit goes without a question.
#[test]
fn a_group_without_a_kept_account_loses_its_write_bit_without_a_question() {
    for gid in [0, 50, 100] {
        let tree = || Rootfs::debian_like().dir("/etc/app", 0o775, 0, gid).dir("/etc/app/conf.d", 0o2775, 0, gid);
        let done = tree().apply_config("[keep]\ngroups = ['staff', 'users']\n", &APP);
        assert_eq!(done.after.mode("/etc/app"), 0o755);
        assert_eq!(done.after.mode("/etc/app/conf.d") & 0o022, 0);
        if gid == 100 {
            // Of which a kept account is a member.
            tree().refuse_config("[keep]\ngroups = ['users']\nusers = ['games']\n", &APP).says(&["'/etc/app'"]);
        }
    }
}

/// A random uid in group 0 adds its line to /etc/passwd: the script that does is named with its line, and what is advised
/// works. Without such a script it is a warning.
#[test]
fn a_file_that_a_script_writes_is_not_taken_from_the_run_user() {
    let script = "#!/bin/sh\nif [ -w /etc/passwd ]; then\n  echo x:x:1001:0::/: >> /etc/passwd\nfi\nexec /app/server\n";
    let tree = |script: &str| Rootfs::debian_like().file("/app/run", 0o755, 0, 0, script);
    let tree = |script: &str| {
        let tree = tree(script);
        std::fs::set_permissions(tree.at("/etc/passwd"), std::os::unix::fs::PermissionsExt::from_mode(0o664)).unwrap();
        tree
    };
    let run = ["--command", "/app/run", "--keep", "sh"];
    for (user, files) in [("1001:0", ""), ("app:1000:1000", "[files]\nopenshift = true\n")] {
        let run = [&["--user", user][..], &run].concat();
        tree(script).refuse_config(files, &run).says(&[
            "refused[guard.written-files]",
            "'/app/run:2' writes '/etc/passwd'",
            "[files] writable = [\"/etc/passwd\"]",
        ]);
        let files = if files.is_empty() { "[files]\n" } else { files };
        let done = tree(script).apply_config(&format!("{files}writable = ['/etc/passwd']\n"), &run);
        assert_eq!((done.after.mode("/etc/passwd"), done.after.owner("/etc/passwd").1), (0o664, 0));
        let done = tree("#!/bin/sh\nexec /app/server\n").apply_config(files, &run);
        assert!(done.run.stderr.contains("loses its write access to '/etc/passwd'"), "{}", done.run.stderr);
    }
}

#[test]
fn a_kept_set_user_id_file_of_a_pruned_account_is_refused() {
    let tree = Rootfs::debian_like().file("/opt/tool", 0o755, 5, 60, "x");
    std::fs::set_permissions(tree.at("/opt/tool"), std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
    tree.refuse_config("[keep]\nsetid = ['/opt/tool']\n", &APP)
        .says(&["would keep its set-user-ID bit and become root's", "[keep] users"])
        .alone();
}

#[test]
fn the_root_directory_cannot_be_a_kept_path() {
    Rootfs::debian_like().refuse_config("[keep]\npaths = ['/']\n", &APP).says(&["[keep] paths cannot hold '/'"]);
}

#[test]
fn account_files_that_are_no_files_are_refused() {
    for name in ["passwd", "group", "shadow"] {
        let path = format!("/etc/{name}");
        let tree = Rootfs::debian_like().link(&path, "/srv/file").text("/srv/file", "root:x:0:0::/:/bin/sh\n");
        tree.refuse(&APP).says(&[&path]);
    }
}

/// A path that only has to stay, as learn writes it, and one that stays as it is.
#[test]
fn a_path_of_both_lists_is_refused_but_for_one_that_may_change() {
    let tree = || Rootfs::debian_like().file("/srv/app/a.conf", 0o666, 1000, 1000, "x");
    let config = |entry: &str| format!("[files]\nread-only = ['/srv/app/a.conf']\n[keep]\npaths = [{entry}]\n");
    tree()
        .refuse_config(&config("'/srv/app/a.conf'"), &APP)
        .says(&["'/srv/app/a.conf' is in keep.paths", "change = true"])
        .alone();
    let done = tree().apply_config(&config("{ path = '/srv/app/a.conf', change = true }"), &APP);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&done.root.at("/srv/app/a.conf").metadata().unwrap().permissions());
    assert_eq!(mode & 0o222, 0, "{mode:o}");
    // Below a path of [files] the same: as it is without the word, and of its kind with it.
    let below = |entry: &str| format!("[files]\nread-only = ['/srv/app']\n[keep]\npaths = [{entry}]\n");
    tree().apply_config(&below("'/srv/app/a.conf'"), &APP).assert_same(&["/srv/app/a.conf"]);
    let done = tree().apply_config(&below("{ path = '/srv/app/a.conf', change = true }"), &APP);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&done.root.at("/srv/app/a.conf").metadata().unwrap().permissions());
    assert_eq!(mode & 0o222, 0, "{mode:o}");
    // No rule removes it either way.
    let kept = tree()
        .text("/etc/cron.d/a", "x")
        .apply_config("[keep]\npaths = [{ path = '/etc/cron.d/a', change = true }]\n", &APP);
    kept.assert_kept(&["/etc/cron.d/a"]);
}
