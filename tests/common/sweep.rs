//! Trees to break a run on, and what they must be in the end.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::busybox::Binary;
use super::{Command, Rootfs, Run, Snapshot, Spec, Traced, bare, parse, traced};

/// A tree, and how it is hardened.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    build: fn() -> Rootfs,
    config: tempfile::NamedTempFile,
}

const CONFIG: &str = "[run]\nuser = 'app:1000:1000'\ncommand = '/app/server'\n\
    [keep]\ncommands = ['keeper', { name = 'sh', optional = true }, { name = 'cat', optional = true }]\nsetid = ['/usr/bin/keeper']\n\
    [files]\nwritable = ['/srv/data', '/srv/new/deep']\nread-only = ['/srv/code']\n";

impl Subject {
    pub(crate) fn all() -> [Self; 2] {
        [("Debian", debian as fn() -> Rootfs), ("Alpine", alpine)].map(|(name, build)| {
            let config = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(config.path(), CONFIG).unwrap();
            Self { name, build, config }
        })
    }

    pub(crate) fn tree(&self) -> Rootfs {
        let tree = (self.build)();
        tree.stamp();
        tree
    }

    pub(crate) fn arguments(&self, tree: &Rootfs) -> Vec<String> {
        let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        ["apply", "--root", &text(tree.path()), "--config", &text(self.config.path())].map(str::to_owned).to_vec()
    }

    /// The tree after a run that nothing disturbed.
    pub(crate) fn whole(&self) -> Snapshot {
        let tree = self.tree();
        assert!(Snapshot::of(tree.path()).0.len() <= 400, "{} entries", Snapshot::of(tree.path()).0.len());
        self.finish(&tree);
        Snapshot::of(tree.path())
    }

    /// Run to the end.
    pub(crate) fn finish(&self, tree: &Rootfs) {
        let run = bare(&self.arguments(tree), &[], b"");
        assert_eq!(run.status, 0, "the later run: {}", run.all());
    }

    /// A run that may write files of so many bytes only (setrlimit(2), RLIMIT_FSIZE): its signal is ignored, the write
    /// ends early and the next one fails.
    pub(crate) fn limited(&self, tree: &Rootfs, bytes: usize) -> Run {
        let output = Command::new("prlimit")
            .args([&format!("--fsize={bytes}:{bytes}"), "env", "--ignore-signal=XFSZ", env!("CARGO_BIN_EXE_harden")])
            .args(self.arguments(tree))
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Run {
            status: output.status.code().expect("it is not killed by the signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same, started by another program.
    pub(crate) fn traced_by(&self, tree: &Rootfs, starter: &[&str], strace: &[&str]) -> Traced {
        crate::common::traced_by(starter, strace, &self.arguments(tree))
    }

    pub(crate) fn traced(&self, tree: &Rootfs, strace: &[&str]) -> Traced {
        traced(strace, &self.arguments(tree))
    }

    /// The calls of a whole run from the first that changes the tree on.
    pub(crate) fn points(&self) -> Vec<Point> {
        let (calls, mut before) = self.calls();
        calls
            .into_iter()
            .map(|name| {
                let count = before.entry(name.clone()).or_default();
                *count += 1;
                (name, *count)
            })
            .collect()
    }

    /// The calls of a whole run, by name and in order, from the first that changes the tree on; how many of each name
    /// come before that.
    pub(crate) fn calls(&self) -> (Vec<String>, std::collections::BTreeMap<String, usize>) {
        let run = self.traced(&self.tree(), &["-f"]);
        let names: Vec<String> =
            run.calls.iter().filter_map(|line| parse(line)).map(|(name, ..)| name.to_owned()).collect();
        let changes: BTreeSet<&str> =
            CHANGING.iter().copied().filter(|&name| name != "write" && name != "openat").collect();
        let first = names.iter().position(|name| changes.contains(name.as_str())).unwrap();
        let mut before = std::collections::BTreeMap::new();
        for name in &names[..first] {
            *before.entry(name.clone()).or_default() += 1;
        }
        (names[first..].to_vec(), before)
    }
}

/// A call: its name, and how many of that name there have been with it. strace counts each name apart.
pub(crate) type Point = (String, usize);

/// Calls that change something.
pub(crate) const CHANGING: &[&str] = &[
    "openat",
    "write",
    "fsetxattr",
    "fremovexattr",
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

fn common(tree: Rootfs) -> Rootfs {
    let program = Spec { kind: 2, ..Spec::default() }.build();
    tree.file("/usr/bin/keeper", 0o755, 4444, 4444, program)
        .account("gone", 4444, "/home/gone", "/bin/sh")
        .capability("/usr/bin/keeper")
        .file("/srv/data/state", 0o640, 4444, 4444, "state")
        .dir("/srv/code", 0o777, 4444, 4444)
        .file("/srv/code/run", 0o770, 4444, 0, "#!/bin/sh\n")
        .file("/usr/share/open", 0o666, 0, 4444, "x")
        .hardlink("/srv/open", "/usr/share/open")
        .file("/usr/share/again", 0o646, 4444, 4444, "x")
        .xattr("/etc/passwd", "user.note", b"kept")
        .device("/var/null", 1, 3)
        .fifo("/etc/pipe")
        .link("/usr/share/l", "/usr/bin/wget")
        .text("/usr/share/doc/wget/README", "x")
        .file("/usr/share/doc/wget/more/a", 0o644, 0, 0, "x")
        .text("/root/.bashrc", "x")
        .text("/var/cache/apt/x", "x")
        .text("/etc/passwd-", "root:x:0:0:root:/root:/bin/sh\n")
        .text("/etc/subuid", "gone:100000:65536\n")
        .time("/etc", 1_500_000_000)
        .time("/usr/bin", 1_500_000_001)
        .time("/", 1_500_000_002)
}

fn debian() -> Rootfs {
    common(
        Rootfs::debian_like()
            .package(
                "wget",
                &[
                    "/usr/bin/wget",
                    "/usr/share/doc/wget/README",
                    "/usr/share/doc/wget/more/a",
                    "/etc/wgetrc",
                    "/usr/lib/wget/helper",
                ],
            )
            .text("/etc/wgetrc", "x")
            .programs(&["/usr/lib/wget/helper"])
            .package("perl", &["/usr/bin/perl", "/usr/share/perl/x.pm"])
            .text("/usr/share/perl/x.pm", "x")
            .package("mixed", &["/usr/bin/ls", "/usr/bin/keeper", "/usr/share/doc/mixed/copyright"])
            .text("/usr/share/doc/mixed/copyright", "x"),
    )
}

fn alpine() -> Rootfs {
    common(Rootfs::alpine_like().text(
        "/lib/apk/db/installed",
        "P:busybox\nV:1\nF:bin\nR:busybox\n\nP:apk-tools\nV:2\nF:sbin\nR:apk\n\nP:wget\nV:3\nF:usr/bin\nR:wget\n\
         F:usr/share/doc/wget\nR:README\n\nP:keeper\nV:4\nF:usr/bin\nR:keeper\nR:extra\n\n",
    ))
    // A real table of applets, and one of them a hard link: the binary is rewritten and linked over the other name.
    .file("/bin/busybox", 0o755, 0, 0, Binary::default().build())
    .link("/bin/cat", "/bin/busybox")
    .hardlink("/sbin/cat", "/bin/busybox")
    .elf("/usr/bin/wget", "/lib/ld-musl-x86_64.so.1", &["libc.musl-x86_64.so.1"])
    .elf("/usr/bin/extra", "/lib/ld-musl-x86_64.so.1", &["libc.musl-x86_64.so.1"])
}

/// Run `each` for every point, two at a time; fails with all that failed.
pub(crate) fn every<P: Sync + std::fmt::Debug>(points: &[P], each: impl Fn(&P) + Sync) {
    let next = Mutex::new(points.iter());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(point) = next.lock().unwrap().next() else { break };
                    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| each(point))) {
                        let text = cause.downcast_ref::<String>().cloned().unwrap_or_default();
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("{point:?}: {}", text.chars().take(1_500).collect::<String>()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let shown: Vec<&String> = failures.iter().take(12).collect();
    assert!(failures.is_empty(), "{} of {} points: {shown:#?}", failures.len(), points.len());
}

/// What a reader of the tree must find at every moment: whole account files and databases.
pub(crate) fn assert_readable(tree: &Rootfs) {
    for (file, fields) in [("passwd", 7), ("group", 4), ("shadow", 9)] {
        let text = tree.read(&format!("/etc/{file}"));
        assert!(text.starts_with("root:") && text.ends_with('\n'), "{file}: {text:?}");
        assert!(text.lines().all(|line| line.split(':').count() == fields), "{file}: {text:?}");
    }
    for database in ["/var/lib/dpkg/status", "/lib/apk/db/installed"] {
        if tree.at(database).parent().unwrap().exists() {
            let text = tree.read(database);
            assert!(text.starts_with('P') && text.ends_with("\n\n"), "{database}: {text:?}");
        }
    }
}

/// A share of the points, the same in every run: each of them has its turn in `make soak`.
pub(crate) fn sample<P>(points: Vec<P>, most: usize) -> Vec<P> {
    if std::env::var_os("HARDEN_SOAK").is_some() || points.len() <= most {
        return points;
    }
    // Knuth's multiplicative hash spreads them; neighbours are much the same.
    let share = |n: usize| n.wrapping_mul(2_654_435_761) % points.len() < most;
    let chosen: Vec<bool> = (0..points.len()).map(share).collect();
    points.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(point, _)| point).collect()
}
