//! A kernel that refuses a call: the run stops, says which call, where and why, leaves no temporary file, and a later
//! run ends where an undisturbed one ends.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::Snapshot;
use crate::common::sweep::{Subject, assert_readable, every, sample};

const ERRORS: &[(&str, &str)] = &[
    ("EIO", "input/output error"),
    ("ENOSPC", "no space left on device"),
    ("EROFS", "read-only file system"),
    ("EPERM", "operation not permitted"),
    ("EDQUOT", "quota exceeded"),
    ("EINTR", ""),
];

/// All of them at each call, in `make soak`; else one, each in its turn.
fn errors(number: usize) -> std::ops::Range<usize> {
    if std::env::var_os("HARDEN_SOAK").is_some() {
        return 0..ERRORS.len();
    }
    let one = number % ERRORS.len();
    one..one + 1
}

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
    "linkat",
    "mkdirat",
    "unlinkat",
];

/// Calls that ask no file system for anything: memory, numbers of descriptors, whether a signal has come; and whether
/// the file system is fuse's, where a refusal means that it is not.
const OTHER: &[&str] = &["brk", "close", "fcntl", "fstatfs", "mmap", "mremap", "munmap", "read", "sigaltstack"];

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
                points.extend(errors(number).map(|error| Point { call, number, error }));
            }
        }
        for call in ["write", "linkat", "renameat", "renameat2", "mkdirat", "unlinkat", "fchmod", "fchown"] {
            let met = kinds.get(call).is_some_and(|&count| count > 0);
            assert!(met || (call == "linkat" && subject.name == "Debian"), "{}: no {call} in {kinds:?}", subject.name);
        }
        // A kind of call that nobody thought of would never fail here.
        let other: BTreeSet<&String> =
            calls.iter().filter(|&name| ![CALLS, OTHER].concat().contains(&&**name)).collect();
        assert!(other.is_empty(), "{}: {other:?} are not made to fail", subject.name);
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
    crate::common::assert_no_temporary(&after, &said);
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
                for part in ["failed[apply.step]: ", text, &format!("in {call}"), "'/", "steps are done"] {
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

/// A write that the kernel makes in part, and the rest of it not at all: with a limit on the size of files, at each size
/// that tells two of the new files apart. Nothing is half there, and a later run completes it.
#[test]
fn a_write_that_ends_early_leaves_no_half_file() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let tree = subject.tree();
        let before = Snapshot::of(tree.path());
        // Rewritten and new files, by their size.
        let written = whole.0.iter().filter(|(path, new)| {
            new.kind == "file" && !new.content.is_empty() && before.0.get(*path).is_none_or(|old| old.ino != new.ino)
        });
        let changed = written.filter(|(path, new)| before.0.get(*path).is_none_or(|old| old.content != new.content));
        let sizes: BTreeSet<usize> = changed.map(|(_, new)| new.content.len()).collect();
        assert!(sizes.len() >= 4, "{sizes:?}");
        let points: BTreeSet<usize> = sizes.iter().flat_map(|&size| [size - 1, size / 2, 1]).collect();
        let points: Vec<usize> = points.into_iter().collect();
        every(&points, |&limit| {
            let tree = subject.tree();
            let run = subject.limited(&tree, limit);
            let said = format!("status {}\n{}", run.status, run.stderr);
            assert_eq!(run.status, 3, "{said}");
            for part in ["failed[apply.step]: ", "file too large", "in write", "'/", "steps are done"] {
                assert!(run.stderr.contains(part), "no {part:?}: {said}");
            }
            let after = Snapshot::of(tree.path());
            crate::common::assert_no_temporary(&after, &said);
            assert_readable(&tree);
            subject.finish(&tree);
            let diff = whole.diff(&Snapshot::of(tree.path()));
            assert!(diff.is_empty(), "{diff:#?}\n{said}");
        });
        println!("{}: writes cut short at {} sizes of {} files", subject.name, points.len(), sizes.len());
    }
}
