//! A run that is killed at any call: the next one ends where an undisturbed run ends, times included.

use crate::common::Snapshot;
use crate::common::sweep::{CHANGING, Point, Subject, assert_readable, every, sample};

/// Killed on entering a call, which then is not made: each state of the tree between two changes is met.
#[test]
fn killed_at_any_change_a_run_is_finished_by_the_next() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let changing: Vec<Point> =
            subject.points().into_iter().filter(|(name, _)| CHANGING.contains(&name.as_str())).collect();
        let count = changing.len();
        let points = sample(changing, 130);
        kill(&subject, &whole, &points);
        println!("{}: killed at {} of {count} changing calls, {} entries", subject.name, points.len(), whole.0.len());
    }
}

/// Every system call whatsoever, those that change nothing included.
#[test]
fn killed_at_any_call_a_run_is_finished_by_the_next() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let all = subject.points();
        let count = all.len();
        let points = sample(all, 40);
        kill(&subject, &whole, &points);
        println!("{}: killed at {} of {count} calls", subject.name, points.len());
    }
}

fn kill(subject: &Subject, whole: &Snapshot, points: &[Point]) {
    every(points, |(call, n)| {
        let tree = subject.tree();
        let inject = format!("inject={call}:signal=SIGKILL:when={n}");
        let run = subject.traced(&tree, &["-f", "-e", &format!("trace={call}"), "-e", &inject]);
        assert_eq!(run.status, 137, "{call} {n} was not reached: {}", run.stderr);
        let last = run.calls.iter().rev().find(|line| line.contains('(')).cloned().unwrap_or_default();
        assert_readable(&tree);
        subject.finish(&tree);
        let diff = whole.diff(&Snapshot::of(tree.path()));
        assert!(diff.is_empty(), "at {last}\n{diff:#?}");
    });
}
