//! A run that is killed at any call: the next one ends where an undisturbed run ends, times included.

use crate::common::Snapshot;
use crate::common::sweep::{CHANGING, Subject, assert_readable, every, sample};

/// Killed on entering a call, which then is not made: each state of the tree between two changes is met.
#[test]
fn killed_at_any_change_a_run_is_finished_by_the_next() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let (calls, before) = subject.calls();
        let skip: usize = CHANGING.iter().filter_map(|&name| before.get(name)).sum();
        let count = calls.iter().filter(|name| CHANGING.contains(&name.as_str())).count();
        let points = sample((1..=count).map(|n| skip + n).collect(), 130);
        kill(&subject, &whole, &CHANGING.join(","), &points);
        println!("{}: killed at {} of {count} changing calls, {} entries", subject.name, points.len(), whole.0.len());
    }
}

/// Every system call whatsoever, those that change nothing included.
#[test]
fn killed_at_any_call_a_run_is_finished_by_the_next() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let (calls, before) = subject.calls();
        let skip: usize = before.values().sum();
        let points = sample((1..=calls.len()).map(|n| skip + n).collect(), 40);
        kill(&subject, &whole, "all", &points);
        println!("{}: killed at {} of {} calls", subject.name, points.len(), calls.len());
    }
}

fn kill(subject: &Subject, whole: &Snapshot, calls: &str, points: &[usize]) {
    every(points, |&n| {
        let tree = subject.tree();
        let inject = format!("inject={calls}:signal=SIGKILL:when={n}");
        let run = subject.traced(&tree, &["-f", "-e", &format!("trace={calls}"), "-e", &inject]);
        assert!(run.status == 137 || run.status == 0, "status {}: {}", run.status, run.stderr);
        let last = run.calls.iter().rev().find(|line| line.contains('(')).cloned().unwrap_or_default();
        assert_readable(&tree);
        subject.finish(&tree);
        let diff = whole.diff(&Snapshot::of(tree.path()));
        assert!(diff.is_empty(), "at {last}\n{diff:#?}");
    });
}
