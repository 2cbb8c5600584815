//! Trees of any number of entries, the binary that is shipped run on them, and the memory that it may take.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Command;

#[allow(unreachable_pub, reason = "a program of its own in the bench")]
#[path = "../bench/tree.rs"]
mod tree;

/// KiB of memory for `entries`: 16 MiB and 200 bytes each.
fn memory_budget(entries: usize) -> usize {
    16 * 1024 + entries * 200 / 1024
}

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

    /// A place beside the tree, gone with it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
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
        let report = self.beside("memory");
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
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command}: {error}; run: make setup"));
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
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
