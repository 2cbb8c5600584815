//! SIGTERM, SIGINT and SIGHUP end a run between two steps, with status 3; the next run ends where an undisturbed one does.

use std::collections::BTreeMap;

use crate::common::Snapshot;
use crate::common::sweep::{CHANGING, Point, Subject, assert_readable, every, sample};

const SIGNALS: [&str; 3] = ["SIGTERM", "SIGINT", "SIGHUP"];

/// The time of each directory.
fn times(tree: &Snapshot) -> BTreeMap<Vec<u8>, (i64, i64)> {
    let directories = tree.0.iter().filter(|(_, entry)| entry.kind == "directory");
    directories.map(|(path, entry)| (path.clone(), entry.mtime)).collect()
}

#[test]
fn a_signal_ends_a_run_between_two_steps() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let changing = subject.points().into_iter().filter(|(name, _)| CHANGING.contains(&name.as_str()));
        let points: Vec<(usize, Point)> = sample(changing.collect(), 100).into_iter().enumerate().collect();
        let stopped = std::sync::atomic::AtomicUsize::new(0);
        every(&points, |(at, (call, n))| {
            let (signal, second) = (SIGNALS[at % 3], SIGNALS[(at + 1) % 3]);
            let tree = subject.tree();
            let before = times(&Snapshot::of(tree.path()));
            // A second one later changes nothing.
            let inject = format!("inject={call}:signal={signal}:when={n}");
            let again = format!("inject=close:signal={second}:when={}+", 400);
            let run = subject.traced(&tree, &["-f", "-e", &format!("trace={call},close"), "-e", &inject, "-e", &again]);
            let said = format!("{signal} at {call} {n}: status {}\n{}", run.status, run.stderr);
            // At the last calls nothing is left to be done.
            assert!([0, 3].contains(&run.status), "{said}");
            if run.status == 3 {
                assert!(run.stderr.contains("stopped by SIG") && run.stderr.contains("run harden again"), "{said}");
                stopped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            let after = Snapshot::of(tree.path());
            crate::common::assert_no_temporary(&after, &said);
            for (path, time) in times(&after) {
                let old = before.get(&path).copied().unwrap_or(time);
                assert_eq!(old, time, "the time of {}: {said}", String::from_utf8_lossy(&path));
            }
            assert_readable(&tree);
            subject.finish(&tree);
            let diff = whole.diff(&Snapshot::of(tree.path()));
            assert!(diff.is_empty(), "{diff:#?}\n{said}");
        });
        let stopped = stopped.into_inner();
        assert!(stopped * 2 > points.len(), "only {stopped} of {} runs were stopped", points.len());
        println!("{}: {stopped} of {} runs stopped", subject.name, points.len());
    }
}

#[test]
fn a_signal_before_the_first_change_leaves_the_tree_alone() {
    let [subject, _] = Subject::all();
    for signal in SIGNALS {
        let tree = subject.tree();
        let before = Snapshot::of(tree.path());
        let inject = format!("inject=getdents64:signal={signal}:when=3");
        let run = subject.traced(&tree, &["-f", "-e", "trace=getdents64", "-e", &inject]);
        assert_eq!(run.status, 3, "{}", run.stderr);
        assert!(run.stderr.contains(&format!("stopped by {signal} before the first change")), "{}", run.stderr);
        before.assert_untouched(&Snapshot::of(tree.path()), signal);
    }
}

/// nohup(1) starts a program with SIGHUP ignored.
#[test]
fn an_ignored_signal_stays_ignored() {
    let [subject, _] = Subject::all();
    let whole = subject.whole();
    let tree = subject.tree();
    let inject = "inject=unlinkat:signal=SIGHUP:when=1+";
    let run = subject.traced_by(&tree, &["env", "--ignore-signal=HUP"], &["-f", "-e", "trace=unlinkat", "-e", inject]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let diff = whole.diff(&Snapshot::of(tree.path()));
    assert!(diff.is_empty(), "{diff:#?}");
}
