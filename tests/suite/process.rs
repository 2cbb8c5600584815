//! The helper that starts processes keeps its promises: everything else relies on them.

use std::os::unix::process::ExitStatusExt as _;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use crate::common::Command;

/// Set where this program was started with ignored signals.
const IGNORING: &str = "HARDEN_IGNORING";

/// As nohup(1) and the background of a shell have it.
#[test]
fn ignored_signals_are_not_handed_on() {
    const SIGNALS: &[(&str, i32)] = &[("HUP", 1), ("INT", 2), ("QUIT", 3), ("PIPE", 13), ("TERM", 15)];
    if std::env::var_os(IGNORING).is_none() {
        let status = Command::new("env")
            .arg("--ignore-signal=HUP,INT,QUIT,PIPE,TERM")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "process::ignored_signals_are_not_handed_on"])
            .env(IGNORING, "1")
            .status();
        return assert!(status.unwrap().success());
    }
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    assert!(own.lines().any(|line| line.starts_with("SigIgn:") && line.ends_with("5007")), "{own}");
    for (name, number) in SIGNALS {
        let ended = Command::new("sh").args(["-c", &format!("kill -{name} $$; exit 3")]).output().unwrap().status;
        assert_eq!(ended.signal(), Some(*number), "{name}");
    }
}

#[test]
fn what_does_not_end_is_killed_with_its_children_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let begin = Instant::now();
    // The child of the shell holds the pipe, and the fifo too.
    let script = "echo begun; sleep 1000 >\"$0\" & wait";
    let mut reader = Command::new("cat").arg(&fifo).spawn().unwrap();
    let run = || Command::new("sh").args(["-c", script]).arg(&fifo).limit(Duration::from_secs(2)).output();
    let text = *catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
    // The fifo has no writer any more.
    assert!(reader.wait().unwrap().success());
    assert!(text.contains("sleep 1000") && text.contains("not at its end after 2s"), "{text}");
    assert!(text.ends_with("so far:\nbegun\n"), "{text}");
    assert!(begin.elapsed() < Duration::from_secs(200));
}

#[test]
fn what_is_dropped_is_killed() {
    let child = Command::new("sleep").arg("1000").spawn().unwrap();
    let at = format!("/proc/{}/stat", child.id());
    assert!(std::fs::metadata(&at).is_ok());
    drop(child);
    assert!(std::fs::metadata(&at).is_err());
}

/// Nobody goes past it.
#[test]
fn nothing_else_starts_processes() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    // Programs of their own, and this.
    let others = ["bench", "setup", "common/process.rs", "suite/process.rs"].map(|path| tests.join(path));
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(&tests) {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|end| end != "rs") || others.iter().any(|other| path.starts_with(other)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let own = text.split(';').any(|part| {
            part.contains("process::Command") || (part.contains("use std::process::{") && part.contains("Command"))
        });
        assert!(!own, "{}: take common::Command", path.display());
        seen += 1;
    }
    assert!(seen > 100, "{seen} files");
}
