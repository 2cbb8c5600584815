//! A kernel that refuses a call: the run stops, says which call, where and why, leaves no temporary file, and a later
//! run ends where an undisturbed one ends.

use std::collections::BTreeMap;

use crate::common::Snapshot;
use crate::sweep::{Subject, every, sample};

const ERRORS: &[(&str, &str)] = &[
    ("EIO", "input/output error"),
    ("ENOSPC", "no space left on device"),
    ("EROFS", "read-only file system"),
    ("EPERM", "operation not permitted"),
    ("EDQUOT", "quota exceeded"),
    ("EINTR", ""),
];

/// Calls on files that a run makes; close(2) has nothing to report that could be acted on.
const CALLS: &[&str] = &[
    "openat",
    "statx",
    "getdents64",
    "fchdir",
    "readlinkat",
    "lgetxattr",
    "fgetxattr",
    "flistxattr",
    "fsetxattr",
    "fremovexattr",
    "pread64",
    "write",
    "fchown",
    "fchownat",
    "fchmod",
    "utimensat",
    "renameat",
    "renameat2",
    "mkdirat",
    "unlinkat",
];

#[derive(Debug, Clone, Copy)]
struct Point {
    call: &'static str,
    /// The n-th call of that name fails.
    number: usize,
    error: usize,
}

#[test]
fn refused_at_any_call_a_run_says_so_and_a_later_one_completes_it() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let (calls, before) = subject.calls();
        let mut points = Vec::new();
        let mut kinds = BTreeMap::new();
        for &call in CALLS {
            let from = before.get(call).copied().unwrap_or(0);
            let count = calls.iter().filter(|&name| name == call).count();
            // Output that cannot be written is no change of the tree; and start-up is libc's.
            let start = if ["openat", "statx", "write"].contains(&call) { from } else { 0 };
            kinds.insert(call, from + count - start);
            for number in start + 1..=from + count {
                points.push(Point { call, number, error: number % ERRORS.len() });
            }
        }
        let all = points.len();
        let points = sample(points, 200);
        every(&points, |&point| fail(&subject, &whole, point));
        println!("{}: {} of {all} faults: {kinds:?}", subject.name, points.len());
    }
}

fn fail(subject: &Subject, whole: &Snapshot, Point { call, number, error }: Point) {
    let (errno, text) = ERRORS[error];
    let tree = subject.tree();
    let before = Snapshot::of(tree.path());
    let inject = format!("inject={call}:error={errno}:when={number}");
    let run = subject.traced(&tree, &["-f", "-e", &format!("trace={call}"), "-e", &inject]);
    let hit = run.calls.iter().find(|line| line.contains("(INJECTED)")).cloned().unwrap_or_default();
    let said = format!("{hit}\nstatus {}\n{}", run.status, run.stderr);
    let after = Snapshot::of(tree.path());
    assert!(!after.0.keys().any(|path| path.ends_with(b".harden-tmp")), "a temporary file stays: {said}");
    if run.status == 127 {
        return; // The dynamic loader of this test's build, before the program.
    }
    if hit.contains("write(1") || hit.contains("write(2") {
        assert!([0, 3].contains(&run.status), "{said}");
    } else {
        match run.status {
            0 => assert!(whole.diff(&after).is_empty(), "{:#?}\n{said}", whole.diff(&after)),
            2 => before.assert_untouched(&after, &said),
            3 => {
                assert!(errno != "EINTR", "{said}");
                for part in ["failed: ", text, &format!("in {call}"), "'/", "steps are done"] {
                    assert!(run.stderr.contains(part), "no {part:?}: {said}");
                }
            }
            _ => panic!("{said}"),
        }
    }
    subject.finish(&tree);
    let diff = whole.diff(&Snapshot::of(tree.path()));
    assert!(diff.is_empty(), "{diff:#?}\n{said}");
}
