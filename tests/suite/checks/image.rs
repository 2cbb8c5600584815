//! The root of these tests, and how harden runs in it.

use crate::common::{Command, Rootfs, Snapshot};

/// What the policy says besides its checks.
pub(crate) const RUN: &str = "[run]\nuser = \"app:1000:1000\"\nhome = \"/app\"\ncommand = \"none\"\n";

/// How a start differs from the plain one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options<'a> {
    /// Code of the shell that is process 1 and starts harden; `exec /harden apply` when empty.
    pub(crate) script: &'a str,
    /// Without /proc.
    pub(crate) without_proc: bool,
    /// With a network of its own, whose loopback interface is down.
    pub(crate) without_loopback: bool,
    /// In a user namespace that has root and nobody else.
    pub(crate) only_root: bool,
}

/// One run.
pub(crate) struct Ran {
    pub(crate) status: i32,
    /// Both streams.
    pub(crate) said: String,
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
}

/// A root with accounts and the usual directories. /tools has this machine's programs, /scratch is a tmpfs: both are
/// mounts, which harden does not look at.
pub(crate) fn root() -> Rootfs {
    let root = ["/usr/bin", "/usr/lib", "/usr/lib64", "/tools", "/scratch", "/proc", "/dev", "/etc", "/app", "/run"]
        .iter()
        .fold(Rootfs::empty(), |root, path| root.dir(path, 0o755, 0, 0));
    root.link("/lib", "usr/lib")
        .link("/lib64", "usr/lib64")
        .link("/bin", "usr/bin")
        .device("/dev/null", 1, 3)
        .dir("/tmp", 0o1777, 0, 0)
        .dir("/var/log", 0o755, 0, 0)
        .dir("/var/lib/app", 0o755, 1000, 1000)
        .file("/var/lib/app/state", 0o644, 1000, 1000, "one\n")
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        .text("/etc/group", "root:x:0:\nextra:x:77:app\nnogroup:x:65534:\n")
        .text("/etc/os-release", "ID=debian\n")
        .text("/harden", "")
}

/// A check by perl, as an array in harden.toml.
pub(crate) fn perl(code: &str) -> String {
    assert!(!code.contains("'''"));
    format!("[\"/tools/perl\", \"-e\", '''{code}''']")
}

/// Run apply with these lines of a harden.toml.
pub(crate) fn apply(root: &Rootfs, config: &str) -> Ran {
    apply_with(root, config, Options::default())
}

pub(crate) fn apply_with(root: &Rootfs, config: &str, options: Options<'_>) -> Ran {
    std::fs::write(root.at("/harden.toml"), format!("{RUN}{config}\n")).unwrap();
    root.stamp();
    let before = Snapshot::of(root.path());
    let script = if options.script.is_empty() { "exec /harden apply" } else { options.script };
    let proc = if options.without_proc { "true" } else { "mount -t proc proc $0/proc" };
    let setup = format!(
        "mount --bind /usr/lib $0/usr/lib && mount --bind /usr/lib64 $0/usr/lib64 && mount --bind /usr/bin $0/tools && \
         mount -t tmpfs -o mode=1777 tmpfs $0/scratch && mount --bind $2 $0/harden && {proc} && \
         exec chroot $0 /tools/sh -c \"$1\""
    );
    let mut namespaces = vec!["--mount", "--pid", "--fork"];
    namespaces.extend(options.without_loopback.then_some("--net"));
    namespaces.extend(options.only_root.then_some("--map-root-user"));
    let output = Command::new("unshare")
        .args(namespaces)
        .args(["sh", "-c", &setup])
        .arg(root.path())
        .args([script, env!("CARGO_BIN_EXE_harden")])
        .env("FROM_THE_STEP", "seen")
        // These are no part of the image, and the step says so.
        .env("HARDEN_KEEP", "/usr/lib\n/usr/lib64")
        .output()
        .expect("these tests need unshare (util-linux), perl, and a machine with a merged /usr");
    let said = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    Ran { status: output.status.code().unwrap(), said, before, after: Snapshot::of(root.path()) }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends_with(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "{}", self.said);
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.said.contains(part), "no {part:?} in: {}", self.said);
        }
        self
    }

    /// Nothing was written at all.
    pub(crate) fn changed_nothing(&self) {
        self.before.assert_untouched(&self.after, &self.said);
    }
}
