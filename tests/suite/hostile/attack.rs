//! One hostile tree beside a canary: what is run on it, and what must hold whatever it holds.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use crate::common::{APP, Command, Rootfs, Snapshot, Traced, assert_confined, traced_within};

/// Seconds of a processor for one tree; a build without optimisation takes some times longer.
const SECONDS: u64 = if cfg!(debug_assertions) { 20 } else { 5 };

/// How a run on a hostile tree ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Hardened all the same, and a second run has nothing to do.
    Done,
    /// Refused: nothing is changed.
    Refused,
    /// Stopped on the way: it says where.
    Failed,
    /// One of the first two: what the tree says cannot be told apart from nonsense.
    DoneOrRefused,
}

/// A hostile tree, named for its attack.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) end: End,
    pub(crate) build: fn(Rootfs, &str) -> Rootfs,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) config: &'static str,
    /// Too many entries for strace and for comparing each.
    pub(crate) large: bool,
    /// Something in it cannot be given a time.
    pub(crate) fixed: bool,
}

pub(crate) const fn case(name: &'static str, end: End, build: fn(Rootfs, &str) -> Rootfs) -> Case {
    Case { name, end, build, arguments: &APP, config: "", large: false, fixed: false }
}

impl Case {
    pub(crate) const fn large(self) -> Self {
        Self { large: true, ..self }
    }

    pub(crate) const fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }

    pub(crate) const fn config(self, config: &'static str) -> Self {
        Self { config, ..self }
    }

    /// Run it; answers what is wrong.
    pub(crate) fn run(&self) {
        let outside = tempfile::tempdir().unwrap();
        let canary = canary(outside.path());
        let tree = (self.build)(Rootfs::debian_like(), canary.path().to_str().unwrap());
        let _freed = Freed(tree.path());
        if !self.large && !self.fixed {
            tree.stamp();
        }
        let linked = fs::read_dir(canary.path()).unwrap().any(|entry| {
            use std::os::unix::fs::MetadataExt;
            let meta = entry.unwrap().metadata().unwrap();
            meta.is_file() && meta.nlink() > 1
        });
        let before = Snapshot::of(canary.path());
        let inside = (!self.large).then(|| Snapshot::of(tree.path()));
        let config = outside.path().join("harden.toml");
        fs::write(&config, self.config).unwrap();
        let mut arguments = vec!["apply", "--root", tree.path().to_str().unwrap()];
        arguments.extend(["--config", config.to_str().unwrap()]);
        arguments.extend(self.arguments);
        let run = if self.large {
            untraced(&arguments)
        } else {
            traced_within(SECONDS, &["-f", "-e", "trace=%file,%desc"], &arguments)
        };
        let said = format!("status {}\n{}{}", run.status, run.stderr, run.stdout);
        assert!(!run.stderr.contains("panicked"), "{said}");
        let ended = match run.status {
            0 => End::Done,
            2 => End::Refused,
            3 => End::Failed,
            _ => panic!("{said}"),
        };
        let expected = ended == self.end || (self.end == End::DoneOrRefused && ended != End::Failed);
        assert!(expected, "not {:?}: {said}", self.end);
        let printable = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
        assert!(printable(&run.stdout) && printable(&run.stderr), "{said}");
        let after = Snapshot::of(canary.path());
        assert_eq!(before.diff(&after), Vec::<String>::new(), "outside: {said}");
        if !linked {
            before.assert_untouched(&after, "outside");
        }
        if !self.large {
            let confined = assert_confined(&run.calls, tree.path());
            assert!(confined > 100 || ended == End::Refused, "the root was never read: {said}");
        }
        match ended {
            End::Refused => {
                assert!(
                    (run.stderr.contains("refused[") || run.stderr.contains("error[")) && run.stderr.contains("help: "),
                    "{said}"
                );
                if let Some(inside) = inside {
                    inside.assert_untouched(&Snapshot::of(tree.path()), "refused");
                }
            }
            End::Failed => assert!(run.stderr.contains("failed[") && run.stderr.contains("steps are done"), "{said}"),
            _ => {
                arguments.extend(["--format", "json"]);
                let again = crate::common::bare(&arguments, &[], b"");
                assert_eq!(again.json()["changes"], serde_json::json!([]), "second run: {}", again.all());
            }
        }
    }
}

/// Frees a tree also when the case fails.
struct Freed<'a>(&'a Path);

impl Drop for Freed<'_> {
    fn drop(&mut self) {
        free(self.0);
    }
}

fn untraced(arguments: &[&str]) -> Traced {
    let mut command = Command::new("prlimit");
    command.args([&format!("--cpu={SECONDS}"), env!("CARGO_BIN_EXE_harden")]).args(arguments);
    let output = command.env_clear().current_dir("/").output().unwrap();
    Traced {
        // What has used up its time ends by SIGXCPU: 152.
        status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap()),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        calls: Vec::new(),
    }
}

/// What an attack would change: private, set-id, world-writable, runnable. Everything has its time.
fn canary(outside: &Path) -> Rootfs {
    let _ = outside;
    let canary = Rootfs::empty()
        .text("/passwd", "root:x:0:0:root:/root:/bin/bash\nvictim:x:7:7::/:/bin/sh\n")
        .text("/group", "root:x:0:\nvictim:x:7:\n")
        .file("/shadow", 0o640, 0, 42, "root:$6$hash:19700:0:99999:7:::\n")
        .set_id("/tool", 0o4755, 0)
        .script("/sh", "#!/bin/sh\n")
        .file("/open", 0o666, 7, 7, "open to everybody")
        .dir("/bin", 0o777, 7, 7)
        .set_id("/bin/tool", 0o6777, 7)
        .dir("/empty", 0o777, 0, 0)
        .text("/status", "Package: x\nStatus: install ok installed\n\n")
        .link("/link", "open")
        .fifo("/fifo");
    canary.stamp();
    canary
}

/// Let the temporary directory be removed: whatever is mounted or immutable there.
fn free(root: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let prefix = format!("{}/", root.display());
    for point in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).filter(|at| at.starts_with(&prefix)) {
        Command::new("umount").arg("-l").arg(point).status().unwrap();
    }
    Command::new("chattr").args(["-R", "-f", "-i", "-a"]).arg(root).status().unwrap();
    // Deeper than remove_dir_all goes with the descriptors of a process.
    Command::new("rm")
        .arg("-rf")
        .args(fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()))
        .status()
        .unwrap();
}

/// A name made of bytes.
pub(crate) fn bytes(name: &[u8]) -> &std::ffi::OsStr {
    std::ffi::OsStr::from_bytes(name)
}
