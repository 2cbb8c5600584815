//! Real images instead of small trees: runs killed at every call of their last tenth and at a sample of those before,
//! each on an overlay of the same layer.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::sweep::{CHANGING, Point, every};
use crate::common::{Command, Snapshot, bare, parse, traced};

/// Kills on each image before its last tenth.
const POINTS: usize = 400;

const OPTIONS: &[&str] = &["--user", "app:1000:1000", "--command", "none", "--keep", "cat"];

/// In minimal mode most is removed, and packages are judged by what others need of them; in normal mode licences are the
/// last that goes of them.
const MODES: [&[&str]; 2] = [&[], &["--minimal"]];

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {arguments:?}");
}

/// An image's files, unpacked once, with the layers of each run beside them in memory.
struct Image {
    directory: tempfile::TempDir,
}

impl Image {
    fn export(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", "mode=755", "none", directory.path().to_str().unwrap()]);
        let image = Self { directory };
        fs::create_dir(image.at("lower")).unwrap();
        // What `make setup` says of the engine: its client, and where it listens.
        let engine = crate::work().join("engine.env");
        assert!(engine.exists(), "{} is missing; run: make setup", engine.display());
        let script = "set -e -o pipefail; . \"$0\"; id=$(\"$CLIENT\" create \"$1\" x); trap '\"$CLIENT\" rm \"$id\" >/dev/null' EXIT; \
            \"$CLIENT\" export \"$id\" | tar -x --numeric-owner -C \"$2\"";
        run("bash", &["-c", script, engine.to_str().unwrap(), name, image.at("lower").to_str().unwrap()]);
        image
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The image as it was, in a layer of its own.
    fn layer(&self, number: usize, mode: &'static [&'static str]) -> Layer {
        let base = self.at(&number.to_string());
        for name in ["upper", "work", "root"] {
            fs::create_dir_all(base.join(name)).unwrap();
        }
        let [lower, upper, work] =
            [self.at("lower"), base.join("upper"), base.join("work")].map(|p| p.display().to_string());
        // The root of an overlay has the time of its upper directory.
        run("touch", &["--reference", &lower, &upper]);
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        run("mount", &["-t", "overlay", "-o", &options, "none", base.join("root").to_str().unwrap()]);
        Layer { base, mode }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.directory.path()).status().unwrap();
    }
}

struct Layer {
    base: PathBuf,
    mode: &'static [&'static str],
}

impl Layer {
    fn root(&self) -> PathBuf {
        self.base.join("root")
    }

    fn arguments(&self) -> Vec<String> {
        let root = self.root().to_str().unwrap().to_owned();
        let words = ["apply", "--quiet", "--root", &root].into_iter().chain(OPTIONS.iter().chain(self.mode).copied());
        words.map(str::to_owned).collect()
    }

    fn finish(&self) {
        let run = bare(&self.arguments(), &[], b"");
        assert_eq!(run.status, 0, "{}", run.all());
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.root()).status().unwrap();
        fs::remove_dir_all(&self.base).unwrap();
    }
}

/// Account files and databases are whole at the moment of the kill.
fn assert_whole(root: &Path) {
    for (file, fields) in [("passwd", 7), ("group", 4), ("shadow", 9)] {
        let text = fs::read_to_string(root.join("etc").join(file)).unwrap();
        assert!(text.starts_with("root:") && text.ends_with('\n'), "{file}: {text:?}");
        assert!(text.lines().all(|line| line.split(':').count() == fields), "{file}: {text:?}");
    }
    for (path, begin) in [("var/lib/dpkg/status", "Package: "), ("lib/apk/db/installed", "C:")] {
        if root.join(path).parent().unwrap().exists() {
            let text = fs::read_to_string(root.join(path)).unwrap();
            assert!(text.starts_with(begin) && text.ends_with("\n\n"), "{path}");
        }
    }
}

/// Number calls, as [`Point`] does.
fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Point> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    names
        .map(|name| {
            let count = counts.entry(name).or_default();
            *count += 1;
            (name.to_owned(), *count)
        })
        .collect()
}

fn sweep(name: &str) {
    let image = Image::export(name);
    MODES.iter().for_each(|mode| sweep_mode(name, &image, mode));
}

fn sweep_mode(name: &str, image: &Image, mode: &'static [&'static str]) {
    let layer = image.layer(0, mode);
    layer.finish();
    let whole = Snapshot::of(&layer.root());
    drop(layer);
    // A kill at a call that changes nothing leaves what one at the next changing call leaves.
    let trace = CHANGING.join(",");
    let layer = image.layer(0, mode);
    let all = traced(&["-f", "-e", &format!("trace={trace}")], &layer.arguments());
    assert_eq!(all.status, 0, "{}", all.stderr);
    drop(layer);
    let names: Vec<&str> = all.calls.iter().filter_map(|line| parse(line)).map(|(name, ..)| name).collect();
    let first = names.iter().position(|name| !["openat", "write"].contains(name)).unwrap();
    let all = numbered(names.iter().copied()).split_off(first);
    let open = all.len();
    let late = open - open / 10;
    // The same sample in every run: steps of a size that has no factor in common with what repeats in a run.
    let early: std::collections::BTreeSet<usize> = (0..POINTS).map(|n| (n * 7_919) % late).collect();
    let points: Vec<usize> = early.into_iter().chain(late..open).collect();
    every(&points, |&n| {
        let layer = image.layer(n + 1, mode);
        // strace counts each name apart, and with --seccomp-bpf it injects no signal.
        let (call, count) = &all[n];
        let inject = format!("inject={call}:signal=SIGKILL:when={count}");
        let run = traced(&["-f", "-e", &format!("trace={call}"), "-e", &inject], &layer.arguments());
        assert_eq!(run.status, 137, "{call} {count} was not reached: {}", run.stderr);
        let last = run.calls.iter().rev().find(|line| line.contains('(')).cloned().unwrap_or_default();
        assert_whole(&layer.root());
        layer.finish();
        let diff = whole.diff(&Snapshot::of(&layer.root()));
        assert!(diff.is_empty(), "at {last}\n{:#?}", diff.iter().take(20).collect::<Vec<_>>());
    });
    println!(
        "{name} {}: killed at {} of {open} changing calls, {} of them the last; {} entries left",
        mode.first().unwrap_or(&"normal"),
        points.len(),
        open - late,
        whole.0.len()
    );
}

#[test]
fn killed_anywhere_on_debian_a_run_is_finished_by_the_next() {
    sweep("harden-test/debian:12");
}

#[test]
fn killed_anywhere_on_alpine_a_run_is_finished_by_the_next() {
    sweep("harden-test/alpine:3.20");
}
