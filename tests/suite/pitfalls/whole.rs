//! The run as a whole: sections 2.16 and 2.17, and what nobody offers (section 4).

use std::fs;

use crate::common::{APP, Command, Rootfs, Snapshot, install_binary};

/// 2.16: the script stays where it was copied to, or `rm "$0"` names another file.
#[test]
fn the_binary_in_the_root_removes_itself_and_its_directory() {
    for (directory, stays) in [("/opt/harden", false), ("/usr/local/bin", true)] {
        let tree = Rootfs::debian_like().text("/srv/x", "x");
        let binary = tree.at(directory).join("harden");
        fs::create_dir_all(tree.at(directory)).unwrap();
        install_binary(&binary);
        let run = Command::new(&binary).arg("apply").arg("--root").arg(tree.path()).args(APP).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert!(!binary.exists());
        assert_eq!(tree.has(directory), stays, "{directory}");
    }
}

/// 2.16, 4.19: started through a link, the file goes and not only the link.
#[test]
fn started_through_a_link_the_file_goes_with_the_link() {
    let tree = Rootfs::debian_like();
    install_binary(&tree.at("/usr/lib/harden-1.0"));
    let tree = tree.link("/harden", "usr/lib/harden-1.0");
    let run = Command::new(tree.at("/harden")).arg("apply").arg("--root").arg(tree.path()).args(APP).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(!tree.has("/harden") && !tree.has("/usr/lib/harden-1.0"), "{run:?}");
}

/// What the build step brings and takes away again is no part of the image: a report that counts harden tells of megabytes
/// that never were there.
#[test]
fn harden_itself_is_in_no_figure_and_a_file_of_two_names_is_in_one() {
    let tree = || Rootfs::debian_like().file("/usr/bin/big", 0o755, 0, 0, "x".repeat(50_000));
    let (plain, with, two) = (tree(), tree(), tree().hardlink("/usr/bin/big2", "/usr/bin/big"));
    install_binary(&with.at("/harden"));
    let run = |tree: &Rootfs, binary: &std::path::Path, more: &[&str]| {
        let mut command = Command::new(binary);
        let output = command.arg("plan").arg("--root").arg(tree.path()).args(APP).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let outside = std::path::Path::new(env!("CARGO_BIN_EXE_harden"));
    let line = |text: &str, begin: &str| text.lines().rfind(|line| line.starts_with(begin)).unwrap().to_owned();
    let last = |line: &str| line.rsplit("  ").next().unwrap().to_owned();
    for mode in [&[][..], &["--minimal"]] {
        let figures = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap()["figures"].clone();
        let json = [mode, &["--format", "json"]].concat();
        let expected = figures(run(&plain, outside, &json));
        assert_eq!(figures(run(&with, &with.at("/harden"), &json)), expected);
        assert!(expected["bytes"]["before"].as_u64() > expected["bytes"]["after"].as_u64(), "{expected}");
        let (said, text) = (run(&with, &with.at("/harden"), mode), run(&plain, outside, mode));
        assert_eq!(said.split_once("before ->").unwrap().1, text.split_once("before ->").unwrap().1);
        assert_eq!(last(&line(&said, "total")), last(&line(&text, "total")));
        assert!(line(&said, "remove.self").ends_with("not counted"), "{said}");
        let twice = run(&two, outside, mode);
        assert_eq!(last(&line(&twice, "remove.commands")), last(&line(&text, "remove.commands")));
    }
}

/// 2.17: a configuration inside the root that nobody named is not read: the tree is not trusted.
#[test]
fn a_configuration_inside_the_root_is_not_read() {
    let tree = Rootfs::debian_like().text("/harden.toml", "[keep]\ncommands = ['wget']\n");
    let binary = tree.at("/harden");
    install_binary(&binary);
    let run = Command::new(&binary).arg("apply").arg("--root").arg(tree.path()).args(APP).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(!tree.has("/usr/bin/wget"));
}

/// 2.17, 4.17: a half-hardened image with exit status 0: the first change that fails ends the run, and says so.
#[test]
fn a_change_that_fails_is_exit_status_3_and_a_second_run_continues() {
    let tree = Rootfs::debian_like().text("/etc/cron.d/fixed", "x");
    let chattr =
        |flag: &str| Command::new("chattr").arg(flag).arg(tree.at("/etc/cron.d/fixed")).status().unwrap().success();
    tree.stamp();
    assert!(chattr("+i"), "this test needs chattr on a file system that has it");
    let run = tree.run("apply", &APP);
    assert!(chattr("-i"));
    assert_eq!(run.status, 3, "{}", run.all());
    assert!(run.stderr.contains("failed[apply.step]: cannot remove '/etc/cron.d/fixed'"), "{}", run.all());
    assert!(run.stderr.contains("run harden again to continue"), "{}", run.all());
    let again = tree.run("apply", &APP);
    assert_eq!(again.status, 0, "{}", again.all());
    let once = Rootfs::debian_like().text("/etc/cron.d/fixed", "x").apply(&APP);
    assert_eq!(once.after.diff(&Snapshot::of(tree.path())), Vec::<String>::new(), "as if nothing had failed");
}

/// 4.9: only what differs is touched: everything else keeps inode and times, which is what a layer is made of.
#[test]
fn untouched_entries_are_not_written() {
    let done = Rootfs::debian_like().text("/srv/a", "a").text("/usr/share/zoneinfo/UTC", "TZif").apply(&APP);
    let changed: Vec<String> = done.changes().into_iter().map(|change| change.2).collect();
    // The top directory carries a mark while harden runs (root/times.rs), which shows in its ctime; it is no copy-up.
    for (path, entry) in done.before.0.iter().filter(|(path, _)| path.as_slice() != b"/") {
        let shown = String::from_utf8(path.clone()).unwrap();
        let touched = changed.iter().any(|at| {
            *at == shown || at.rsplit_once('/').is_some_and(|(up, _)| up == shown || (up.is_empty() && shown == "/"))
        });
        if !touched {
            assert_eq!(Some(entry), done.after.0.get(path), "{shown}");
        }
    }
}

/// 4.22: what builds leave behind: histories, caches, logs.
#[test]
fn histories_caches_and_logs_go_and_their_directories_stay() {
    let done = Rootfs::debian_like()
        .account("app", 1000, "/home/app", "/bin/sh")
        .file("/home/app/.bash_history", 0o600, 1000, 1000, "secret")
        .file("/home/app/.python_history", 0o600, 1000, 1000, "secret")
        .file("/home/app/.bashrc", 0o644, 1000, 1000, "x")
        .text("/var/log/dpkg.log", "x")
        .text("/var/log/nginx/error.log", "x")
        .link("/var/log/nginx/access.log", "/dev/stdout")
        .text("/var/cache/ldconfig/aux-cache", "x")
        .text("/tmp/build/x", "x")
        .apply(&APP);
    done.assert_gone(&[
        "/home/app/.bash_history",
        "/home/app/.python_history",
        "/var/log/dpkg.log",
        "/var/log/nginx/error.log",
        "/var/cache/ldconfig/aux-cache",
        "/tmp/build",
    ]);
    done.assert_same(&["/home/app/.bashrc", "/var/log/nginx/access.log"]);
    done.assert_kept(&["/var/log/nginx", "/var/cache/ldconfig", "/tmp"]);
}

/// 4.20: a random uid of group 0: the application's writable paths have the owner's rights for the group.
#[test]
fn openshift_paths_belong_to_group_0() {
    let done = Rootfs::debian_like()
        .dir("/app/data", 0o700, 0, 0)
        .file("/app/data/db", 0o600, 0, 0, "x")
        .apply_config("[files]\nwritable = ['/app/data', '/app/new']\nopenshift = true\n", &APP);
    assert_eq!((done.after.mode("/app/data"), done.after.owner("/app/data")), (0o770, (1000, 0)));
    assert_eq!((done.after.mode("/app/data/db"), done.after.owner("/app/data/db")), (0o660, (1000, 0)));
    assert_eq!((done.after.mode("/app/new"), done.after.owner("/app/new")), (0o770, (1000, 0)));
}

/// 4.15: a report inside the root is neither a leftover nor part of the plan.
#[test]
fn a_report_in_the_root_is_written_and_stays() {
    let tree = Rootfs::debian_like();
    let path = tree.at("/tmp/report.json");
    let run = tree.run("apply", &[&APP[..], &["--report", path.to_str().unwrap()]].concat());
    assert_eq!(run.status, 0, "{}", run.all());
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!((&report["schema"], &report["state"]), (&"harden-report-1".into(), &"applied".into()));
}

/// 4.19: a configuration that was named goes with the binary, wherever in the root it lies.
#[test]
fn the_configuration_in_the_root_goes_when_it_was_named() {
    let tree = Rootfs::debian_like().text("/run/setup/harden.toml", "[keep]\ncommands = ['ls']\n");
    let config = tree.at("/run/setup/harden.toml");
    let run = tree.run("apply", &[&APP[..], &["--config", config.to_str().unwrap()]].concat());
    assert_eq!(run.status, 0, "{}", run.all());
    assert!(tree.has("/usr/bin/ls") && !tree.has("/run/setup"), "{}", run.all());
}
