//! Somebody changes the tree while apply runs: no access outside, whatever the timing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::common::{APP, Rootfs, Snapshot, bare};

/// Directories become links to the outside and directories again, thousands of times during each run.
#[test]
fn directories_swapped_for_links_lead_no_run_outside() {
    let outside = Rootfs::empty()
        .text("/passwd", "root:x:0:0::/:/bin/sh\n")
        .file("/shadow", 0o666, 7, 7, "x")
        .set_id("/tool", 0o6777, 7)
        .set_id("/bin/tool", 0o6777, 7)
        .dir("/share", 0o777, 7, 7)
        .set_id("/share/f0", 0o6777, 7)
        .text("/README", "x");
    let content = Snapshot::of(outside.path());
    // Read before it was stamped: from here on the time of the last access tells of every look (mount(8), relatime).
    outside.stamp();
    let before = marks(outside.path());
    let least = if std::env::var_os("HARDEN_SOAK").is_some() { 20_000 } else { 2_000 };
    let (mut runs, mut ends) = (0, [0; 4]);
    let swaps = AtomicUsize::new(0);
    while swaps.load(Ordering::Relaxed) < least || runs < 10 {
        let tree = (0..40).fold(Rootfs::debian_like(), |tree, n| tree.set_id(&format!("/usr/share/f{n}"), 0o6777, 5));
        // In every other run the swaps begin with the first change: else most runs end before it, as they should.
        let (first, late) = (inode(&tree), runs % 2 == 1);
        let done = AtomicBool::new(false);
        let run = std::thread::scope(|scope| {
            for name in ["/usr/share", "/etc", "/usr/bin", "/var/lib/dpkg"] {
                let (at, away) = (tree.at(name), tree.at(format!("{name}.away")));
                let (done, swaps, outside, tree) = (&done, &swaps, outside.path(), &tree);
                scope.spawn(move || {
                    while late && !done.load(Ordering::Relaxed) && inode(tree) == first {
                        std::thread::yield_now();
                    }
                    while !done.load(Ordering::Relaxed) {
                        // The run may have removed one of them: then there is nothing to swap.
                        if fs::rename(&at, &away).is_ok() {
                            let _ = symlink(outside, &at);
                            std::thread::yield_now();
                            let _ = fs::remove_file(&at);
                            let _ = fs::rename(&away, &at);
                            swaps.fetch_add(1, Ordering::Relaxed);
                        }
                        std::thread::sleep(std::time::Duration::from_micros(200));
                    }
                });
            }
            let run = bare(&[&["apply", "--root", tree.path().to_str().unwrap()], &APP[..]].concat(), &[], b"");
            done.store(true, Ordering::Relaxed);
            run
        });
        assert!([0, 2, 3].contains(&run.status), "{}", run.all());
        ends[usize::try_from(run.status).unwrap()] += 1;
        assert_eq!(before, marks(outside.path()), "{}", run.all());
        runs += 1;
    }
    let diff = content.diff(&Snapshot::of(outside.path()));
    assert!(diff.iter().all(|line| line.contains(" time ")), "{diff:?}");
    assert_ne!(before, marks(outside.path()), "this file system keeps no time of access: nothing was proven");
    println!("{runs} runs, {} swaps, ended with 0: {}, 2: {}, 3: {}", swaps.into_inner(), ends[0], ends[2], ends[3]);
}

/// Which file passwd is: the first that a run replaces.
fn inode(tree: &Rootfs) -> Option<u64> {
    fs::metadata(tree.at("/etc/passwd")).ok().map(|meta| meta.ino())
}

/// Times of every entry, that of the last access included, and what it is.
fn marks(at: &Path) -> BTreeMap<PathBuf, [i64; 9]> {
    let meta = at.symlink_metadata().unwrap();
    let times = [meta.atime(), meta.atime_nsec(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    let [a, b, c, d, e, f] = times;
    let owner = i64::from(meta.uid()) << 32 | i64::from(meta.gid());
    let own = [a, b, c, d, e, f, meta.mode().into(), owner, i64::try_from(meta.size()).unwrap()];
    let mut all = BTreeMap::from([(at.to_path_buf(), own)]);
    // To list a directory is an access too: only the names that the test made are looked at.
    for name in ["passwd", "shadow", "tool", "bin", "share", "README", "f0"] {
        let child = at.join(name);
        if child.symlink_metadata().is_ok() {
            all.extend(marks(&child));
        }
    }
    all
}
