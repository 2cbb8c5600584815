//! Exit status, signals, time limit.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Instant;

use super::jail::{How, Jail, names, said};
use crate::common::Command;

const FIRST: How<'_> = How { first: true, before: "", options: &[] };

#[test]
fn the_status_is_that_of_the_command() {
    let jail = Jail::new();
    for status in [0, 1, 2, 77, 124, 125, 128, 143, 255] {
        let output = jail.run(How::default(), &["sh", "-c", &format!("exit {status}")]);
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(jail.has_file());
    }
    for (signal, how) in [(15, How::default()), (9, How::default()), (11, How::default()), (1, How::default())] {
        let output = jail.run(how, &["sh", "-c", &format!("kill -{signal} $$; exit 3")]);
        assert_eq!(output.status.signal(), Some(signal), "{}", said(&output));
    }
    // Process 1 cannot be killed by a signal of its own.
    let output = jail.run(FIRST, &["sh", "-c", "kill -15 $$; exit 3"]);
    assert_eq!(output.status.code(), Some(128 + 15), "{}", said(&output));
}

#[test]
fn a_command_that_cannot_run_leaves_no_file() {
    let jail = Jail::new();
    jail.file("data/plain", "text");
    for (command, status) in [("/none", 127), ("none", 127), ("/data/plain", 126), ("/data", 126)] {
        let output = jail.run(How::default(), &[command]);
        assert_eq!(output.status.code(), Some(status), "{command}: {}", said(&output));
        assert!(said(&output).contains("cannot run"), "{}", said(&output));
        assert!(!jail.has_file(), "{command}");
    }
    let output = jail.run(How { options: &["--merge=maybe"], ..How::default() }, &["/bin/sh"]);
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
}

/// Start a shell that says when it is ready, send learn a signal, and wait.
fn signalled(first: bool, options: &[&str], script: &str, signal: &str) -> (Jail, std::process::Output) {
    let jail = Jail::new();
    jail.file("data/late", "");
    let mut child = jail.start(How { first, before: "", options }, &["sh", "-c", script]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    if !signal.is_empty() {
        // unshare --fork stays in front of process 1.
        let pid = child.id().to_string();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let target = if first { children.trim().to_owned() } else { pid };
        let sent = Command::new("kill").args([signal, &target]).status().unwrap();
        assert!(sent.success());
    }
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    (jail, output)
}

#[test]
fn signals_reach_the_command_and_the_file_is_written() {
    let script =
        |signal: &str| format!("trap 'cat /data/late; exit 42' {signal}; echo ready; while :; do sleep 0.1; done");
    for (first, signal) in
        [(true, "TERM"), (true, "INT"), (false, "TERM"), (false, "HUP"), (false, "USR1"), (true, "QUIT")]
    {
        let (jail, output) = signalled(first, &[], &script(signal), &format!("-{signal}"));
        assert_eq!(output.status.code(), Some(42), "{signal}: {}", said(&output));
        assert!(names(&jail.learned(), "/data/late"), "{signal}");
    }
}

#[test]
fn the_time_limit_ends_the_command_and_is_no_failure() {
    let begin = Instant::now();
    let (jail, output) = signalled(true, &["--timeout", "5s"], "echo ready; cat /data/late; exec sleep 100", "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(names(&jail.learned(), "/data/late"));
    let (_, output) = signalled(false, &["--timeout", "5"], "trap 'exit 9' TERM; echo ready; sleep 100 & wait", "");
    assert_eq!(output.status.code(), Some(9), "{}", said(&output));
    assert!(begin.elapsed().as_secs() < 95, "it waited for a sleep of a hundred seconds");
}

#[test]
fn standard_input_and_stopped_jobs_pass_through() {
    let jail = Jail::new();
    let script = "read a; echo got $a; sleep 1 & kill -STOP $!; kill -CONT $!; wait $!; echo woke $?";
    let mut child = jail.start(How::default(), &["sh", "-c", script]);
    child.stdin.take().unwrap().write_all(b"words\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "got words\nwoke 0\n", "{}", said(&output));
}

/// A stopped process makes no calls: it would write the second line.
#[test]
fn a_stopped_process_stays_stopped() {
    let jail = Jail::new();
    let script = "size() { perl -e 'print -s q(/data/log), qq(\\n)'; }; \
                  (while :; do echo x >>/data/log; sleep 0.05; done) & p=$!; while ! [ -s /data/log ]; do sleep 0.1; done; \
                  kill -STOP $p; sleep 2; size; was=$(size); sleep 1; size; \
                  kill -CONT $p; while [ $(size) = $was ]; do sleep 0.1; done; size; kill $p";
    let output = jail.run(How::default(), &["sh", "-c", script]);
    let sizes: Vec<u32> = String::from_utf8_lossy(&output.stdout).lines().map(|line| line.parse().unwrap()).collect();
    assert!(sizes.len() == 3 && sizes[0] == sizes[1] && sizes[2] > sizes[1], "{sizes:?} {}", said(&output));
}
