//! Two runs on one root: the second is refused, and the first comes to its end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::sweep::Subject;
use crate::common::{APP, Command, Rootfs, Snapshot, bare};

/// While the first run is held back at its first change.
#[test]
fn a_second_run_is_refused_and_names_the_first() {
    for subject in Subject::all() {
        let whole = subject.whole();
        let tree = subject.tree();
        let first = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat,fsetxattr"])
            .args(["-e", "inject=renameat,fsetxattr:delay_enter=100000", env!("CARGO_BIN_EXE_harden")])
            .args(subject.arguments(&tree))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        // The root's mark is the first change.
        while rustix::fs::getxattr(tree.path(), "user.harden.mtime", &mut [0_u8; 64][..]).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the first run changes nothing");
            std::thread::sleep(Duration::from_millis(2));
        }
        let second = bare(&subject.arguments(&tree), &[], b"");
        assert_eq!(second.status, 2, "{}", second.all());
        for part in [
            "refused[root.locked]: process ",
            " (harden) has locked the root directory",
            "wait until",
            "nothing was changed",
        ] {
            assert!(second.stderr.contains(part), "no {part:?}: {}", second.all());
        }
        // What changes nothing needs no lock.
        let plan =
            subject.arguments(&tree).into_iter().map(|word| if word == "apply" { "plan".to_owned() } else { word });
        let plan = bare(&plan.collect::<Vec<_>>(), &[], b"");
        assert!(!plan.stderr.contains("lock"), "{}", plan.all());
        let first = first.wait_with_output().unwrap();
        assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
        let diff = whole.diff(&Snapshot::of(tree.path()));
        assert!(diff.is_empty(), "{diff:#?}");
    }
}

#[test]
fn a_lock_of_another_program_is_named_and_ends_with_it() {
    let tree = Rootfs::debian_like();
    tree.stamp();
    let before = Snapshot::of(tree.path());
    let directory = std::fs::File::open(tree.path()).unwrap();
    rustix::fs::flock(&directory, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let refused = tree.run("apply", &APP);
    assert_eq!(refused.status, 2, "{}", refused.all());
    assert!(refused.stderr.contains(&format!("process {} (", std::process::id())), "{}", refused.all());
    before.assert_untouched(&Snapshot::of(tree.path()), "refused");
    drop(directory);
    assert_eq!(tree.run("apply", &APP).status, 0);
}
