//! Every command on a tree from elsewhere: each file call is relative to the root, and nothing of the tree is executed.

use std::fs;

use crate::common::sweep::Subject;
use crate::common::{APP, Rootfs, Snapshot, assert_confined, traced, traced_threads};

/// A refusal would hide what apply does: one of the scripts has a name that has to be settled.
const KEEP: &[&str] = &["--user", "app:1000:1000", "--command", "/app/server", "--keep", "entrypoint.sh"];
const PATHS: &[&str] = &["/usr/bin/wget", "/etc/passwd", "sh", "/none"];

/// What takes `--root`; `learn` does not, since it runs a program of the image. With the exit status: a path that
/// does not exist is explain's 2. Each apply has a tree of its own.
const COMMANDS: &[(&str, i32, &[&[&str]])] = &[
    ("init", 0, &[]),
    ("plan", 0, &[KEEP]),
    ("plan", 0, &[KEEP, &["--format", "json"]]),
    ("plan", 0, &[KEEP, &["--format", "html"]]),
    ("plan", 0, &[KEEP, &["--minimal"]]),
    ("explain", 2, &[KEEP, PATHS]),
    ("explain", 2, &[KEEP, &["--minimal"], PATHS]),
    ("audit", 1, &[KEEP]),
    ("audit", 1, &[&["--format", "sarif", "--fail-on", "info"]]),
    ("apply", 0, &[KEEP]),
    ("apply", 0, &[KEEP, &["--minimal"]]),
];

/// Calls by which another program comes to run (execve(2), clone(2)).
const STARTS: &[&str] = &["execve", "execveat", "fork", "vfork", "clone", "clone3"];

/// Whether a line of strace is one of these, and no thread of harden's own.
fn starts(line: &str) -> bool {
    STARTS.iter().any(|name| line.contains(&format!("{name}("))) && !line.contains("CLONE_THREAD")
}

#[test]
fn every_command_stays_inside_the_root_and_starts_nothing() {
    let outside = tempfile::tempdir().unwrap();
    // What is kept has its interpreter.
    let debian: fn() -> Rootfs = || Rootfs::debian_like().program("/usr/bin/busybox");
    for build in [debian, Rootfs::alpine_like] {
        let made = || {
            let tree = mined(build(), outside.path().to_str().unwrap());
            tree.stamp();
            tree
        };
        let mut tree = made();
        for (command, status, more) in COMMANDS {
            let before = Snapshot::of(tree.path());
            let arguments = [&[*command, "--root", tree.path().to_str().unwrap()], &more.concat()[..]].concat();
            let run = traced_threads(&["-f", "-e", "trace=%file,%desc,%process"], &arguments);
            let said = format!("{arguments:?}: status {}\n{}", run.status, run.stderr);
            assert_eq!(run.status, *status, "{said}");
            let started: Vec<_> = run.calls.iter().filter(|line| starts(line)).collect();
            assert!(started.len() == 1 && started[0].contains("execve("), "only harden itself: {started:?}\n{said}");
            let calls: Vec<String> = run.calls.iter().filter(|line| !line.contains("execve(")).cloned().collect();
            assert!(assert_confined(&calls, tree.path()) > 100, "the root was never read: {said}");
            if *command != "apply" {
                before.assert_untouched(&Snapshot::of(tree.path()), &said);
                continue;
            }
            assert!(!before.diff(&Snapshot::of(tree.path())).is_empty(), "nothing was changed: {said}");
            tree = made();
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "a program of the tree was run");
    }
}

/// A check runs a program of the image: on a tree from elsewhere it is not run.
#[test]
fn a_check_on_a_tree_from_elsewhere_is_not_run() {
    let outside = tempfile::tempdir().unwrap();
    let tree = mined(Rootfs::debian_like(), outside.path().to_str().unwrap());
    tree.stamp();
    let before = Snapshot::of(tree.path());
    for command in ["plan", "apply"] {
        let check = ["--check", "/app/server", "--disable", "remove.commands"];
        let arguments = [&[command, "--root", tree.path().to_str().unwrap()][..], &check].concat();
        let run = traced_threads(&["-f", "-e", "trace=%process"], &[&arguments[..], &APP[..]].concat());
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(!run.stderr.contains("check passed"), "{}", run.stderr);
        let started = run.calls.iter().filter(|line| starts(line));
        assert_eq!(started.count(), 1, "{:?}", run.calls);
        if command == "plan" {
            before.assert_untouched(&Snapshot::of(tree.path()), "planned");
        }
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "a program of the tree was run");
}

/// init guesses from what it reads: a file that cannot be read is no evidence, and no file is written from it.
#[test]
fn init_refuses_to_guess_from_a_file_that_cannot_be_read() {
    for subject in Subject::all() {
        let tree = subject.tree();
        let arguments = ["init", "--root", tree.path().to_str().unwrap()];
        let whole = traced(&["-e", "trace=pread64"], &arguments);
        assert_eq!(whole.status, 0, "{}", whole.stderr);
        // The dynamic loader of this test's build reads libc so; what comes after are the tree's files.
        let reads = whole.calls.iter().filter(|line| line.contains("pread64(")).count();
        let failed =
            traced(&["-e", "trace=pread64", "-e", &format!("inject=pread64:error=EIO:when={reads}")], &arguments);
        assert_eq!(failed.status, 2, "{}{}", failed.stdout, failed.stderr);
        assert_eq!(failed.stdout, "");
        for part in ["cannot read '/", "input/output error", "in pread64", "check the file system for errors"] {
            assert!(failed.stderr.contains(part), "no {part:?}: {}", failed.stderr);
        }
    }
}

/// Every program, maintainer script, loader and shell of the tree leaves a mark outside when it runs.
fn mined(tree: Rootfs, outside: &str) -> Rootfs {
    let mark = format!("#!/bin/busybox sh\n: > {outside}/mark\n");
    ["dash", "bash", "ls", "wget", "perl", "apt", "dpkg", "rpm", "getent", "passwd", "env", "entrypoint.sh"]
        .iter()
        .fold(tree, |tree, name| tree.script(format!("/usr/bin/{name}"), &mark))
        .script("/usr/sbin/ldconfig", &mark)
        .script("/usr/sbin/nologin", &mark)
        .script("/var/lib/dpkg/info/dash.postrm", &mark)
        .script("/lib/apk/exec/x.trigger", &mark)
        .script("/etc/ld.so.preload", &mark)
        .script("/docker-entrypoint.sh", &mark)
}
