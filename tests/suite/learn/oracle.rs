//! What learn writes, compared with what strace(1) saw of the same run: nothing is lost, and nothing is added.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::jail::{Jail, said};
use crate::common::Command;

const DIRECTORIES: usize = 6;
const FILES: usize = 12;

/// Looks at files at random, the same ones for the same seed: from where it stands, through links, in children of
/// children, by other programs and shells.
const WORK: &str = r#"
use strict;
srand(shift);
my @ways = ("/data", "..", "../../data", "/data/../data", "/data/d0/..", "/data/back");
sub pick { $_[int rand @_] }
sub place { pick(@ways) . "/" . pick("d", "l") . int rand DIRECTORIES }
sub name { place() . "/" . pick("f", "f", "s", "gone") . int rand FILES }
sub work {
    my ($depth) = @_;
    for (1 .. 12) {
        my $what = int rand 9;
        my $path = name();
        if ($what == 0) { open my $f, "<", $path }
        elsif ($what == 1) { my @s = stat $path }
        elsif ($what == 2) { my @s = lstat $path }
        # strace does not say where this call begins, which is older than descriptors of directories.
        elsif ($what == 3) { my $t = readlink "/data/back/" . pick("d", "l") . int(rand DIRECTORIES) . "/s" . int rand FILES }
        elsif ($what == 4) { my $ok = -r $path }
        elsif ($what == 5) { chdir place() }
        elsif ($what == 6) { opendir my $d, place() }
        elsif ($what == 7) { system "sh", "-c", "cat <\"\$0\" >/dev/null 2>&1; test -e \"\$1\"", $path, name() }
        elsif ($depth < 3) {
            my $child = fork // die;
            if (!$child) {
                work($depth + 1);
                exec "cat", name() if rand() < 0.5;
                exit 0;
            }
            waitpid $child, 0;
            srand(int rand 1_000_000);
        }
    }
}
chdir "/data/d0";
open STDERR, ">", "/dev/null";
open STDOUT, ">", "/dev/null";
work(0);
"#;

fn furnished() -> Jail {
    let jail = Jail::new();
    let work = WORK.replace("DIRECTORIES", &DIRECTORIES.to_string()).replace("FILES", &FILES.to_string());
    jail.file("work", &work);
    jail.link("data/back", "../data");
    for directory in 0..DIRECTORIES {
        jail.link(&format!("data/l{directory}"), &format!("d{}", (directory + 1) % DIRECTORIES));
        for file in 0..FILES {
            jail.file(&format!("data/d{directory}/f{file}"), "text");
            jail.link(&format!("data/d{directory}/s{file}"), &format!("../d{}/f{file}", (directory + 2) % DIRECTORIES));
        }
    }
    jail
}

/// By strace's account the files below /data that calls came to, and those that calls named, also in vain.
fn traced(jail: &Jail, seed: &str) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let logs = tempfile::tempdir().unwrap();
    let mut strace = Command::new("strace");
    // A log for each process: no call is cut in two.
    strace.args(["-ff", "-y", "-qq", "-s", "4096", "-e", "trace=%file", "-o"]).arg(logs.path().join("log"));
    strace.arg("chroot").arg(jail.at("")).args(["perl", "/work", seed]);
    let output = strace.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let root = fs::canonicalize(jail.at("")).unwrap();
    let (mut came, mut named) = (BTreeSet::new(), BTreeSet::new());
    for log in fs::read_dir(logs.path()).unwrap() {
        let log = fs::read_to_string(log.unwrap().path()).unwrap();
        for Call { from, path, follows, succeeded } in log.lines().filter_map(|line| Call::of(&root, line)) {
            came.extend(file(&root, &from, path, follows).filter(|_| succeeded));
            // A link is written with its target, whoever asks for it.
            named.extend(file(&root, &from, path, true));
        }
    }
    (came, named)
}

/// A call that names a file.
struct Call<'a> {
    /// Where it begins, as a path inside the jail.
    from: PathBuf,
    path: &'a str,
    /// A link at its end is followed.
    follows: bool,
    succeeded: bool,
}

impl<'a> Call<'a> {
    /// What a line of a log says.
    fn of(root: &Path, line: &'a str) -> Option<Self> {
        let (call, result) = line.rsplit_once(" = ")?;
        let (name, arguments) = call.split_once('(')?;
        // Calls without a descriptor begin at the root here.
        let stands = arguments.strip_prefix("AT_FDCWD<").and_then(|rest| rest.split_once('>'));
        let from =
            stands.and_then(|(directory, _)| Path::new(directory).strip_prefix(root).ok()).unwrap_or(Path::new(""));
        Some(Self {
            from: Path::new("/").join(from),
            path: arguments.split('"').nth(1)?,
            follows: !name.starts_with("readlink") && name != "lstat" && !call.contains("NOFOLLOW"),
            succeeded: !result.starts_with('-'),
        })
    }
}

/// The file below /data that a path leads to inside the jail; none of anything else.
fn file(root: &Path, from: &Path, path: &str, follows: bool) -> Option<PathBuf> {
    let mut at = from.to_owned();
    let mut parts: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    if path.starts_with('/') {
        at = PathBuf::from("/");
    }
    while let Some(part) = parts.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                at.pop();
                continue;
            }
            _ => at.push(part),
        }
        let real = root.join(at.strip_prefix("/").unwrap());
        if let Some(target) = fs::read_link(real).ok().filter(|_| follows || !parts.is_empty()) {
            assert!(target.is_relative(), "{} leads to {}", at.display(), target.display());
            at.pop();
            parts.extend(target.to_str().unwrap().split('/').rev().map(str::to_owned));
        }
    }
    let meta = fs::symlink_metadata(root.join(at.strip_prefix("/").unwrap()));
    (at.starts_with("/data") && meta.is_ok_and(|meta| meta.is_file())).then_some(at)
}

#[test]
fn every_file_that_strace_saw_is_written_and_no_other() {
    for seed in 1..=8 {
        let jail = furnished();
        let seed = seed.to_string();
        let (came, named) = traced(&jail, &seed);
        assert!(came.len() > 5, "seed {seed}: this tells little: {came:?}");
        let learned = jail.learn(&["perl", "/work", &seed]);
        let root = jail.at("");
        let names = learned.split('"').filter(|word| word.starts_with("/data/"));
        let written: BTreeSet<PathBuf> = names.filter_map(|name| file(&root, Path::new("/"), name, false)).collect();
        let lost: Vec<_> = came.difference(&written).collect();
        let more: Vec<_> = written.difference(&named).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}\n{learned}");
        assert!(more.is_empty(), "seed {seed}: nobody asked for {more:?}\n{learned}");
    }
}
