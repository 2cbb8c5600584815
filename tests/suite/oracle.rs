//! Others as judges: path resolution against libpathrs, account files against the shadow suite. Needs root, pwck and
//! grpck.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::{Command, Rootfs, walk};
use harden::root::Root;
use harden::tree::Tree;
use proptest::prelude::{Just, Strategy, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

/// One thing in a directory; the number is the directory among those made so far.
#[derive(Debug, Clone)]
enum Made {
    Directory(usize, &'static str),
    File(usize, &'static str),
    Link(usize, &'static str, String),
}

const NAMES: &[&str] = &["a", "b", "c", "d", "e"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES)
}

/// A path of short names, `.`, `..`, doubled slashes, from the root or from where it stands.
fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![6 => name(), 2 => Just(".."), 1 => Just("."), 1 => Just("")];
    (prop_oneof![Just(""), Just("/"), Just("/../"), Just("../../")], prop::collection::vec(part, 1..7), "/{0,2}")
        .prop_map(|(start, parts, end)| format!("{start}{}{end}", parts.join("/")))
        // A link needs a target.
        .prop_filter("empty", |path| !path.is_empty())
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        3 => (0..20_usize, name()).prop_map(|(at, name)| Made::Directory(at, name)),
        1 => (0..20_usize, name()).prop_map(|(at, name)| Made::File(at, name)),
        5 => (0..20_usize, name(), path()).prop_map(|(at, name, target)| Made::Link(at, name, target)),
    ]
}

fn build(root: &Path, all: &[Made]) {
    let mut directories = vec![root.to_path_buf()];
    for one in all {
        let (Made::Directory(at, name) | Made::File(at, name) | Made::Link(at, name, _)) = one;
        let at = directories[at % directories.len()].join(name);
        match one {
            _ if at.symlink_metadata().is_ok() => {}
            Made::Directory(..) => {
                fs::create_dir(&at).unwrap();
                directories.push(at);
            }
            Made::File(..) => fs::write(&at, "x").unwrap(),
            Made::Link(_, _, target) => symlink(target, &at).unwrap(),
        }
    }
}

/// The inode that our walk over the tree's facts leads to.
fn ours(tree: &Tree, path: &str) -> Option<u64> {
    tree.resolve(path.as_bytes()).ok().map(|found| tree.meta(found.node).ino)
}

/// The inode that libpathrs opens.
fn theirs(root: &pathrs::Root, path: &str) -> Option<u64> {
    let handle = root.resolve(path).ok()?;
    Some(rustix::fs::fstat(handle.as_fd()).unwrap().st_ino)
}

/// The same entry, or both refuse: links absolute and relative, dangling, in circles, up and out, through files.
#[test]
fn paths_lead_where_libpathrs_finds_them() {
    let trees = (prop::collection::vec(made(), 0..30), prop::collection::vec(path(), 1..30));
    let cases = std::env::var("PROPTEST_CASES").map_or(400, |text| text.parse().unwrap());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let (found, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    runner
        .run(&trees, |(all, paths)| {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("root");
            fs::create_dir(&root).unwrap();
            // What a path that leaves the root would find.
            for name in NAMES {
                fs::write(dir.path().join(name), "outside").unwrap();
            }
            build(&root, &all);
            let tree = walk(&Root::open(root.to_str().unwrap().as_bytes()).unwrap());
            let judge = pathrs::Root::open(&root).unwrap();
            for path in paths {
                let (ours, theirs) = (ours(&tree, &path), theirs(&judge, &path));
                assert_eq!(ours, theirs, "{path:?} in {all:?}");
                let count = if ours.is_some() { &found } else { &refused };
                count.set(count.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    println!("{} paths found, {} refused by both", found.get(), refused.get());
    assert!(found.get() > 500 && refused.get() > 500, "{} found, {} refused", found.get(), refused.get());
}

/// Forty links are followed (path_resolution(7)), the forty-first is not, as in the kernel.
#[test]
fn as_many_links_are_followed_as_by_the_kernel() {
    for (links, leads) in [(39, true), (40, true), (41, false)] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("l0"), "x").unwrap();
        for n in 1..=links {
            symlink(format!("l{}", n - 1), dir.path().join(format!("l{n}"))).unwrap();
        }
        let last = format!("l{links}");
        assert_eq!(fs::metadata(dir.path().join(&last)).is_ok(), leads, "{links} links, the kernel");
        let tree = walk(&Root::open(dir.path().to_str().unwrap().as_bytes()).unwrap());
        assert_eq!(ours(&tree, &last).is_some(), leads, "{links} links");
    }
}

fn field(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(choices)
}

const USERS: &[&str] = &["root", "app", "daemon", "www", "a-b", "x.y", "Z", "nobody", "", "1", "a b", "-n", "+", "ä"];
const NUMBERS: &[&str] = &["0", "1", "33", "1000", "1001", "65534", "4294967295", "4294967296", "-1", "", "01", "x"];
const WORDS: &[&str] = &["x", "", "*", "!", "!!", "$6$a$b", "!$6$a$b"];
const HOMES: &[&str] = &["/", "/root", "/nonexistent", "", "relative", "/usr"];
const SHELLS: &[&str] = &["/bin/sh", "/usr/sbin/nologin", "", "/bin/false", "/gone"];
const LISTS: &[&str] = &["", "root", "app", "www,app", "gone", "app,app", ",", "root,,daemon", " app"];

/// Lines with as many fields as there should be, or with others.
fn lines(fields: Vec<&'static [&'static str]>, number: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let whole = fields.into_iter().map(field).collect::<Vec<_>>().prop_map(|fields| fields.join(":"));
    let odd = prop_oneof![Just("# comment"), Just(""), Just("+::::::"), Just("root"), Just(":::::::::"), Just("+@net")];
    let line = prop_oneof![8 => whole, 1 => odd.prop_map(str::to_owned)];
    (prop::collection::vec(line, number), prop_oneof![4 => Just("\n"), 1 => Just("\r\n")], prop::bool::weighted(0.8))
        .prop_map(|(lines, end, last)| {
            let text = lines.join(end);
            if last && !text.is_empty() { text + end } else { text }
        })
}

/// pwck and grpck find nothing in what apply left, whatever it was made of; or apply was refused.
#[test]
fn account_files_that_apply_left_are_sound_to_the_shadow_suite() {
    let files = (
        lines(vec![USERS, WORDS, NUMBERS, NUMBERS, &["", "gecos"], HOMES, SHELLS], 0..7),
        lines(vec![USERS, WORDS, NUMBERS, LISTS], 0..7),
        prop::option::of(lines(vec![USERS, WORDS, NUMBERS, &["0", ""], &["99999"], &["7"], &[""], &[""], &[""]], 0..7)),
        prop::option::of(lines(vec![USERS, WORDS, LISTS, LISTS], 0..7)),
        prop::sample::select(vec![0_usize, 1, 2, 3]),
    );
    const KEEP: &[&str] = &[
        "",
        "[keep]\nusers = ['www']\n",
        "[keep]\ngroups = ['daemon']\n",
        "[keep]\nusers = ['nobody']\nshells = ['nobody']\n",
    ];
    // Each of them starts four programs.
    let cases = std::env::var("PROPTEST_CASES").map_or(60, |text| text.parse::<u32>().unwrap() / 10);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let (done, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    runner
        .run(&files, |(passwd, group, shadow, gshadow, keep)| {
            let root = "root:x:0:0:root:/root:/bin/bash\n";
            let mut tree = Rootfs::debian_like()
                .text("/etc/passwd", format!("{root}{passwd}"))
                .text("/etc/group", format!("root:x:0:\n{group}"));
            for (name, content) in [("shadow", &shadow), ("gshadow", &gshadow)] {
                fs::remove_file(tree.at(format!("/etc/{name}"))).unwrap();
                if let Some(content) = content {
                    let first = if name == "shadow" { "root:*:19700:0:99999:7:::\n" } else { "root:*::\n" };
                    tree = tree.file(format!("/etc/{name}"), 0o640, 0, 42, format!("{first}{content}"));
                }
            }
            let config = tempfile::NamedTempFile::new().unwrap();
            fs::write(config.path(), KEEP[keep]).unwrap();
            let options =
                ["--config", config.path().to_str().unwrap(), "--user", "app:1000:1000", "--command", "/app/server"];
            let run = tree.run("apply", &options);
            assert!([0, 2].contains(&run.status), "{}", run.all());
            if run.status == 2 {
                refused.set(refused.get() + 1);
                return Ok(());
            }
            done.set(done.get() + 1);
            for (program, arguments) in [("pwck", "-qr"), ("grpck", "-r")] {
                let output = Command::new(program)
                    .args([arguments, "-R", tree.path().to_str().unwrap()])
                    .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
                    .stdin(std::process::Stdio::null())
                    .output()
                    .unwrap_or_else(|error| panic!("this test needs {program} (Debian package passwd): {error}"));
                let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                let files = ["passwd", "group"].map(|name| tree.read(&format!("/etc/{name}")));
                assert!(output.status.success() && said.is_empty(), "{program}: {said}\n{files:?}");
            }
            Ok(())
        })
        .unwrap();
    println!("{} applied, {} refused", done.get(), refused.get());
    assert!(done.get() * 10 > cases, "{} applied, {} refused", done.get(), refused.get());
}
