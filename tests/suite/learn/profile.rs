//! The profile of `learn --seccomp`: every call that strace(1) saw is allowed, and none besides those that every profile allows.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::jail::{How, Jail, said};
use crate::common::Command;

/// Calls of many kinds, in children and from other programs, some of them in vain.
const WORK: &str = r#"
use strict;
use Socket;
$SIG{USR1} = sub { mkdir "/data/signalled" };
socketpair(my $one, my $other, AF_UNIX, SOCK_STREAM, 0) or die;
my $child = fork // die;
if (!$child) {
    kill USR1 => getppid;
    rename "/data/none", "/data/other";
    link "/data/a", "/data/b";
    exec "sh", "-c", "cat /data/a /data/b; ulimit -n 100; cat /none 2>/dev/null; exit 3";
}
waitpid $child, 0;
die unless $? >> 8 == 3;
truncate "/data/a", 1;
symlink "a", "/data/link";
utime 1, 1, "/data/a";
chmod 0600, "/data/a";
setpriority(0, 0, 1);
my $pid = open my $pipe, "-|", "cat /data/b" or die;
print while <$pipe>;
close $pipe;
unlink "/data/b";
"#;

fn furnished() -> Jail {
    let jail = Jail::new();
    jail.file("work", WORK);
    jail.file("data/a", "text\n");
    jail
}

/// The names of calls in strace's account, from the start of perl on.
fn traced(jail: &Jail) -> BTreeSet<String> {
    let logs = tempfile::tempdir().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-ff", "-qq", "-o"]).arg(logs.path().join("log"));
    strace.arg("chroot").arg(jail.at("")).args(["perl", "/work"]);
    let output = strace.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mut names = BTreeSet::new();
    for log in fs::read_dir(logs.path()).unwrap() {
        let log = fs::read_to_string(log.unwrap().path()).unwrap();
        // The log of the first process begins with chroot(8).
        let own = log.split_once("execve(\"/usr/bin/perl\"").map_or(log.as_str(), |(_, rest)| rest);
        let calls = own.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name.to_owned());
        names.extend(calls.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')));
    }
    names
}

fn profile(jail: &Jail) -> Value {
    serde_json::from_slice(&fs::read(jail.at("out/seccomp.json")).unwrap()).unwrap()
}

/// The names of the rules with that comment; of all that allow something without one.
fn names(profile: &Value, comment: Option<&str>) -> BTreeSet<String> {
    let rules = profile["syscalls"].as_array().unwrap().iter();
    let rules = rules.filter(|rule| match comment {
        Some(comment) => rule["comment"].as_str().unwrap().contains(comment),
        None => rule["action"] == "SCMP_ACT_ALLOW",
    });
    rules.flat_map(|rule| rule["names"].as_array().unwrap()).map(|name| name.as_str().unwrap().to_owned()).collect()
}

const SECCOMP: &[&str] = &["--merge", "--seccomp", "/out/seccomp.json"];

#[test]
fn what_strace_sees_is_allowed_and_nothing_is_added() {
    for first in [false, true] {
        let seen = traced(&furnished());
        let jail = furnished();
        let output = jail.run(How { first, options: SECCOMP, ..How::default() }, &["perl", "/work"]);
        assert!(output.status.success(), "{}", said(&output));
        let profile = profile(&jail);
        let missing: Vec<_> = seen.difference(&names(&profile, None)).cloned().collect();
        assert!(missing.is_empty(), "{missing:?}: {profile}");
        let learned = names(&profile, Some("under harden learn"));
        let added: Vec<_> = learned.difference(&seen).collect();
        assert!(added.is_empty() && learned.len() > 8, "{added:?} {learned:?}");
        // Files are told as without a profile.
        assert!(
            jail.learned().contains("\"/data/a\"") && jail.learned().contains("\"/usr/bin/cat\""),
            "{}",
            jail.learned()
        );
    }
}

#[test]
fn runs_add_up_and_repeat_themselves() {
    let jail = furnished();
    let run = |code: &str| {
        let output = jail.run(How { options: SECCOMP, ..How::default() }, &["perl", "-e", code]);
        assert!(output.status.success(), "{}", said(&output));
        fs::read_to_string(jail.at("out/seccomp.json")).unwrap()
    };
    let first = run("1");
    assert_eq!(run("1"), first);
    let second = run("symlink 'a', '/tmp/x' or die; unlink '/tmp/x'");
    assert!(!first.contains("\"symlink") && second.contains("\"symlink"), "{second}");
    assert_eq!(run("1"), second);
    // Without --merge it is a profile of this run alone.
    let how = How { options: &["--seccomp", "/out/seccomp.json"], ..How::default() };
    assert!(jail.run(how, &["perl", "-e", "1"]).status.success());
    assert_eq!(fs::read_to_string(jail.at("out/seccomp.json")).unwrap(), first);
}

#[test]
fn what_is_no_profile_of_learn_is_left_alone() {
    let jail = furnished();
    let refused = |options: &[&str], says: &str| {
        let output = jail.run(How { options, ..How::default() }, &["cat", "/data/a"]);
        assert_eq!(output.status.code(), Some(125), "{}", said(&output));
        assert!(said(&output).contains(says) && !said(&output).contains("text"), "{says}: {}", said(&output));
        assert!(!jail.has_file(), "no file is written");
    };
    jail.file("out/seccomp.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    refused(SECCOMP, "cannot merge into '/out/seccomp.json': learn did not write this profile");
    refused(&["--seccomp", "/none/seccomp.json"], "cannot write '/none/seccomp.json'");
    refused(&["--seccomp", "/out/../out/learned.toml"], "the entries and the profile would be one file");
    assert_eq!(fs::read_to_string(jail.at("out/seccomp.json")).unwrap(), "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    // A run in which something was lost writes neither.
    let clone = if cfg!(target_arch = "aarch64") { 220 } else { 56 };
    let lost = format!("syscall({clone}, 0x00800000 | 17, 0, 0, 0, 0)");
    let how = How { options: &["--seccomp", "/out/new.json"], ..How::default() };
    let output = jail.run(how, &["perl", "-e", &lost]);
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(!jail.has_file() && !jail.at("out/new.json").exists());
}
