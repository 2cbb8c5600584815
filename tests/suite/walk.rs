//! Our walk against walkdir's: the same entries with the same attributes, whatever the tree.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use harden::testing::root::Root;
use harden::testing::tree::Kind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{APP, Command, Rootfs, try_walk, walk};
use crate::fuzz::tree::described;
use crate::hostile::trees::CASES;

/// What both say of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    mtime: (i64, i64),
    target: Option<Vec<u8>>,
}

type Entries = BTreeMap<Vec<u8>, Entry>;

fn ours(directory: &Path) -> Entries {
    let on = |processors| walk(&Root::open(directory.as_os_str().as_bytes()).unwrap().on_processors(processors));
    let tree = on(1);
    let bytes = format!("{tree:?}");
    for processors in [2, 4, 8] {
        assert!(format!("{:?}", on(processors)) == bytes, "another tree on {processors} processors");
    }
    let entry = |id| {
        let meta = tree.meta(id);
        let kind = match tree.kind(id) {
            Kind::Directory => "directory",
            Kind::File => "file",
            Kind::Link => "link",
            _ => "other",
        };
        let target = tree.link_target(id).map(<[u8]>::to_vec);
        let mtime = (meta.mtime, meta.mtime_nsec.into());
        let mode = u32::from(meta.mode);
        (tree.path(id), Entry { kind, mode, owner: (meta.uid, meta.gid), size: meta.size, mtime, target })
    };
    let entries: Entries = tree.ids().map(entry).collect();
    assert_eq!(entries.len(), tree.len(), "a path twice");
    entries
}

fn theirs(directory: &Path) -> Entries {
    let entry = |entry: walkdir::Result<walkdir::DirEntry>| {
        let entry = entry.unwrap();
        let (meta, kind) = (entry.metadata().unwrap(), entry.file_type());
        let kind = match () {
            () if kind.is_dir() => "directory",
            () if kind.is_file() => "file",
            () if kind.is_symlink() => "link",
            () => "other",
        };
        let target = (kind == "link").then(|| fs::read_link(entry.path()).unwrap().as_os_str().as_bytes().to_vec());
        let path = [b"/", entry.path().strip_prefix(directory).unwrap().as_os_str().as_bytes()].concat();
        let (owner, mtime) = ((meta.uid(), meta.gid()), (meta.mtime(), meta.mtime_nsec()));
        (path, Entry { kind, mode: meta.mode(), owner, size: meta.len(), mtime, target })
    };
    walkdir::WalkDir::new(directory).follow_links(false).same_file_system(true).into_iter().map(entry).collect()
}

/// Answers how many entries there are.
#[track_caller]
fn compare(directory: &Path, what: &str) -> usize {
    let (ours, theirs) = (ours(directory), theirs(directory));
    let paths = ours.keys().chain(theirs.keys());
    let differences: BTreeMap<_, _> = paths
        .filter(|path| ours.get(*path) != theirs.get(*path))
        .map(|path| (path.escape_ascii().to_string(), (ours.get(path), theirs.get(path))))
        .collect();
    assert!(differences.is_empty(), "{what}: {differences:#?}");
    ours.len()
}

#[test]
fn trees_of_distributions_are_what_walkdir_finds() {
    let trees = [
        ("Debian", Rootfs::debian_like()),
        ("Alpine", Rootfs::alpine_like()),
        ("Alpine, merged", Rootfs::alpine_merged()),
        ("RHEL", Rootfs::rhel_like()),
        ("openSUSE", Rootfs::suse_like()),
        ("Arch", Rootfs::arch_like()),
        ("Wolfi", Rootfs::wolfi_like()),
        ("distroless", Rootfs::distroless()),
    ];
    for (name, tree) in trees {
        assert!(compare(tree.path(), name) > 20, "{name}");
    }
}

/// All but those with something mounted in them, with a name that the walk leaves out, or deeper than a path can be.
#[test]
fn hostile_trees_are_what_walkdir_finds() {
    let mut compared = 0;
    for case in CASES.iter().filter(|case| !case.large && !case.fixed) {
        if case.name.contains("mount") || case.name.contains("temporary") {
            continue;
        }
        let outside = Rootfs::empty().text("/passwd", "x").text("/shadow", "x").program("/tool").program("/sh");
        let outside = outside.program("/bin/tool").text("/open", "x").dir("/private", 0o700, 0, 0);
        let tree = (case.build)(Rootfs::debian_like(), outside.path().to_str().unwrap());
        compare(tree.path(), case.name);
        compared += 1;
    }
    assert!(compared > 60, "{compared} trees");
}

/// More levels than the walk keeps open, with something on each.
#[test]
fn a_deep_tree_is_what_walkdir_finds() {
    let mut tree = Rootfs::empty();
    let mut path = String::new();
    for level in 0..150 {
        path += "/d";
        tree = tree.dir(&path, 0o700 + level % 8, level, 0).text(format!("{path}/after"), "x").dir(
            format!("{path}/before"),
            0o755,
            0,
            level,
        );
    }
    assert_eq!(compare(tree.path(), "150 levels"), 1 + 3 * 150);
}

/// Directories larger than what is read ahead, and more of them on one level than at once.
#[test]
fn a_wide_tree_is_what_walkdir_finds() {
    let mut tree = Rootfs::empty();
    for directory in 0..60 {
        for file in 0..[3, 40, 1100][directory % 3] / (1 + directory / 30) {
            tree = tree.text(format!("/top/{directory}/{file}/x"), "x");
        }
    }
    assert!(compare(tree.path(), "many directories") > 20_000);
}

/// More levels than a path has room for, which only a walk by descriptors reaches: the same on any number of processors.
#[test]
fn a_tree_deeper_than_a_path_is_the_same_on_any_number_of_processors() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let tree = Rootfs::empty();
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let mut at = openat(CWD, tree.path(), flags, Mode::empty()).unwrap();
    let name = "d".repeat(200);
    for _ in 0..60 {
        for other in [&name, "a", "b", "c", "e", "f"] {
            mkdirat(&at, other, Mode::RWXU).unwrap();
        }
        at = openat(&at, name.as_str(), flags, Mode::empty()).unwrap();
    }
    let on = |processors| walk(&Root::open(tree.path().as_os_str().as_bytes()).unwrap().on_processors(processors));
    let one = on(1);
    assert_eq!(one.len(), 1 + 6 * 60);
    for processors in [2, 4] {
        assert_eq!(format!("{:?}", on(processors)), format!("{one:?}"), "{processors} processors");
    }
}

/// Directories that come, go and lead outside while several threads read: what lies outside is never an entry, and the walk
/// ends with a tree or with an error that says what happened.
#[test]
fn directories_that_are_swapped_lead_no_thread_outside() {
    let outside = (0..20).fold(Rootfs::empty(), |tree, n| tree.text(format!("/secret{n}/secret"), "x"));
    let tree = (0..400).fold(Rootfs::empty(), |tree, n| tree.text(format!("/top/{}/{n}/file", n % 20), "x"));
    let done = AtomicBool::new(false);
    let (mut whole, mut ended) = (0, 0);
    std::thread::scope(|scope| {
        for n in 0..2 {
            let (at, away) = (tree.at(format!("/top/{n}")), tree.at(format!("/top/{n}.away")));
            let (gone, done, outside) = (tree.at(format!("/top/19/gone{n}")), &done, outside.path());
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    fs::rename(&at, &away).unwrap();
                    std::os::unix::fs::symlink(outside, &at).unwrap();
                    fs::create_dir(&gone).unwrap();
                    std::thread::yield_now();
                    fs::remove_dir(&gone).unwrap();
                    fs::remove_file(&at).unwrap();
                    fs::rename(&away, &at).unwrap();
                    std::thread::sleep(std::time::Duration::from_micros(300));
                }
            });
        }
        for turn in 0..300 {
            let root = Root::open(tree.path().as_os_str().as_bytes()).unwrap().on_processors(1 + turn % 4);
            match try_walk(&root) {
                Ok(tree) => {
                    whole += 1;
                    let secret = tree.ids().find(|&id| tree.name(id).starts_with(b"secret"));
                    if secret.is_some() {
                        done.store(true, Ordering::Relaxed);
                    }
                    assert_eq!(secret, None);
                }
                Err(error) => {
                    ended += 1;
                    let text = error.to_string();
                    if !text.contains("is not the entry that harden examined") {
                        done.store(true, Ordering::Relaxed);
                        panic!("{text}");
                    }
                }
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(whole > 0 && ended > 0, "{whole} trees, {ended} errors");
}

/// Somebody who may not read every directory, few descriptors, no threads to be had: what is said is what one processor says.
#[test]
fn whoever_walks_with_whatever_limits_gets_the_same_answer() {
    let tree = (0..300).fold(Rootfs::debian_like(), |tree, n| {
        let directory = format!("/srv/{}/{n}", n % 10);
        let tree = tree.text(format!("{directory}/file"), "x");
        if n % 7 == 3 { tree.dir(&directory, 0o700, 0, 0) } else { tree }
    });
    fs::set_permissions(tree.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let root = tree.path().to_str().unwrap();
    let said = |starter: &[&str], command: &[&str]| {
        let words = [starter, &[env!("CARGO_BIN_EXE_harden")], command, &["--root", root]].concat();
        let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let plan = [&["plan"], &APP[..]].concat();
    for (who, status) in [(&nobody[..], [Some(1), Some(2)]), (&[], [Some(1), Some(0)])] {
        for (command, status) in [&["audit"][..], &plan].into_iter().zip(status) {
            let one = said(&[&["taskset", "1"], who].concat(), command);
            assert_eq!(one.0, status, "{one:?}");
            for limit in
                [&["prlimit", "--nproc=1"][..], &["prlimit", "--nofile=100"], &["prlimit", "--nofile=140"], &["env"]]
            {
                let other = said(&[limit, who].concat(), command);
                assert!(other == one, "{limit:?} {who:?}:\n{one:?}\n{other:?}");
            }
        }
    }
}

/// What is mounted is an entry, and nothing below it is.
#[test]
fn neither_goes_into_a_mount() {
    let tree = Rootfs::debian_like().text("/srv/mounted/hidden", "x").text("/srv/zlast", "x");
    let at = tree.at("/srv/mounted");
    let mount = ["-t", "tmpfs", "-o", "mode=750,uid=7", "tmpfs"];
    assert!(Command::new("mount").args(mount).arg(&at).status().unwrap().success());
    fs::write(at.join("below"), "x").unwrap();
    let found = std::panic::catch_unwind(|| {
        compare(tree.path(), "a mount");
        ours(tree.path())
    });
    assert!(Command::new("umount").arg(&at).status().unwrap().success());
    let found = found.unwrap();
    assert_eq!(found[&b"/srv/mounted"[..]].owner, (7, 0));
    assert!(!found.keys().any(|path| path.starts_with(b"/srv/mounted/")));
    assert!(found.contains_key(&b"/srv/zlast"[..]));
}

/// Whatever the generator of the fuzzer makes: every kind of entry, names of any bytes, hard links, owners, modes.
#[test]
fn random_trees_are_what_walkdir_finds() {
    let cases = std::env::var("PROPTEST_CASES").map_or(80, |text| text.parse().unwrap());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let entries = std::cell::Cell::new(0);
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..300), |data| {
            let tree = described(&data);
            // The one name that the walk leaves out, or refuses.
            let at = tree.at("/.harden-tmp-0123456789abcdef");
            let _ = fs::remove_file(&at);
            let _ = fs::remove_dir_all(&at);
            entries.set(entries.get() + compare(tree.path(), "a random tree"));
            Ok(())
        })
        .unwrap();
    assert!(entries.get() > 1_000, "{} entries", entries.get());
}
