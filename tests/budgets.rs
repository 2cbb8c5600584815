//! The budgets that do not depend on the clock: memory and system calls for an entry, on trees whose shape is known.
//! Times are `make bench`'s; the size of the binary is checked where it is built, the layer's in the engine tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs
)]

#[allow(unreachable_pub, reason = "a program of its own in the bench")]
#[path = "bench/tree.rs"]
mod tree;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// KiB of memory for `entries`: 16 MiB and 200 bytes each.
fn memory_budget(entries: usize) -> usize {
    16 * 1024 + entries * 200 / 1024
}

/// System calls that plan may make for one entry, on average: two to examine a file, and what a directory takes.
const CALLS_AN_ENTRY: f64 = 3.5;

/// The binary that is shipped: a build for debugging has 7 MiB of pages of its own.
pub(crate) fn shipped() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_harden")).ancestors().nth(2).unwrap();
    let binary = target.join(format!("{}-unknown-linux-musl/release/harden", std::env::consts::ARCH));
    assert!(binary.exists(), "there is no {}; run: make build", binary.display());
    binary
}

/// A generated tree, gone with the value.
pub(crate) struct Generated {
    dir: tempfile::TempDir,
    pub(crate) entries: usize,
}

impl Generated {
    pub(crate) fn new(entries: usize) -> Self {
        // Not in /tmp, which may be memory.
        let work =
            std::env::var_os("HARDEN_WORK").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        fs::create_dir_all(&work).unwrap();
        let dir = tempfile::tempdir_in(work).unwrap();
        let entries = tree::generate(&dir.path().join("root"), entries).unwrap();
        Self { dir, entries }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// `harden COMMAND` on the tree, for a program that it has.
    pub(crate) fn harden(&self, before: &[&str], command: &str) -> Command {
        let harden = shipped();
        let mut words = before.iter().copied().chain([harden.to_str().unwrap(), command, "--quiet", "--root"]);
        let mut started = Command::new(words.next().unwrap());
        started.args(words).arg(self.root()).args(["--user", "app:1000:1000", "--command", "/bin/sleep infinity"]);
        started
    }

    /// Most resident memory of a run in KiB.
    fn memory(&self, command: &str) -> usize {
        let report = self.dir.path().join("memory");
        let mut run = self.harden(&["/usr/bin/time", "-f", "%M", "-o", report.to_str().unwrap()], command);
        run_well(&mut run);
        number(&report)
    }

    pub(crate) fn assert_memory(&self, command: &str) {
        let (used, budget) = (self.memory(command), memory_budget(self.entries));
        assert!(used <= budget, "{command}: {used} KiB for {} entries, the budget is {budget} KiB", self.entries);
        // A run that reads nothing would use less than its own names take.
        assert!(used * 1024 > self.entries * 16, "{command}: {used} KiB cannot hold {} entries", self.entries);
    }
}

pub(crate) fn run_well(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}; run: make setup", command.get_program().display()));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn number(file: &Path) -> usize {
    fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

/// Every mode of the tree below `dir`, so that each entry is changed.
pub(crate) fn open_to_everybody(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if !kind.is_symlink() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o757)).unwrap();
        }
        if kind.is_dir() {
            open_to_everybody(&entry.path());
        }
    }
}

#[test]
fn memory_stays_within_the_budget_at_a_hundred_thousand_entries() {
    let tree = Generated::new(100_000);
    tree.assert_memory("plan");
    // Every entry of the distribution's half changes, by more than one rule.
    open_to_everybody(&tree.root().join("usr"));
    tree.assert_memory("plan");
    tree.assert_memory("apply");
}

#[test]
fn system_calls_of_a_plan_stay_within_the_budget() {
    let tree = Generated::new(10_000);
    let report = tree.dir.path().join("calls");
    run_well(&mut tree.harden(&["strace", "-f", "-qq", "-o", report.to_str().unwrap()], "plan"));
    let calls = fs::read_to_string(&report).unwrap().lines().count();
    let each = calls as f64 / tree.entries as f64;
    assert!(each <= CALLS_AN_ENTRY, "{calls} system calls for {} entries: {each:.2} each", tree.entries);
    assert!(each >= 1.0, "{calls} system calls cannot examine {} entries", tree.entries);
}

/// The generator is part of the measure: it makes what it says.
#[test]
fn a_generated_tree_has_the_entries_that_it_says() {
    fn count(dir: &Path) -> usize {
        let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
        entries.map(|entry| 1 + if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 0 }).sum()
    }
    let tree = Generated::new(3_000);
    assert_eq!(count(&tree.root()) + 1, tree.entries);
    assert!((3_000..3_100).contains(&tree.entries));
}
