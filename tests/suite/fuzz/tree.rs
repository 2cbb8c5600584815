//! Whole random trees through plan and apply, and what must hold of each: what a hostile image may do to nobody.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::common::{CAPABILITY, LOADER, Rootfs, Snapshot, assert_invariants};

/// Runs the program with these arguments; answers its exit status.
pub(crate) type Run<'a> = &'a dyn Fn(&[&str]) -> u8;

/// Where things may lie: system, application, and places that rules look at.
const PLACES: &[&str] = &[
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc",
    "/etc/passwd-",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/usr/bin",
    "/usr/bin/sh",
    "/usr/bin/x",
    "/usr/bin/apt",
    "/usr/sbin/y",
    "/bin/busybox",
    "/usr/lib/z",
    "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64",
    "/etc/ld.so.conf",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/cron.d/a",
    "/etc/crontabs",
    "/root/.bashrc",
    "/root",
    "/tmp",
    "/var/tmp",
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/info/dash.list",
    "/lib/apk/db/installed",
    "/usr/share/doc/a/copyright",
    "/app/server",
    "/app/b",
    "/srv/data/c",
    "/srv/data",
    "/home/d",
    "/opt/e",
    "/dev/null",
    "/proc/f",
    "/docker-entrypoint.sh",
    "/.harden-tmp-0123456789abcdef",
];

const TARGETS: &[&str] = &[
    "/",
    ".",
    "..",
    "../../../../../..",
    "sh",
    "/usr/bin/sh",
    "/etc/passwd",
    "../bin/busybox",
    "/proc/self/root",
    "x",
    "/app/server",
    "/usr",
    "/bin/busybox",
    "/tmp",
    "/nowhere",
    "c/../c",
];

const MODES: &[u32] = &[0o644, 0o755, 0o666, 0o777, 0o4755, 0o6777, 0o1777, 0, 0o2775, 0o600, 0o640, 0o111];

const IDS: &[u32] = &[0, 1000, 33, 42, 4444, 65534, 1, 4_000_000_000];

const CONTENTS: &[&str] = &[
    "",
    "#!/bin/sh\nexec wget http://x\n",
    "#!/usr/bin/env -S python3 -u\n",
    "#!/usr/bin/x\n",
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n",
    "root:x:0:0:root:/:/bin/sh\r\n\n# x\n+::::::\n",
    "root:*:1:0:99999:7:::\nx::1::::::\n",
    "root:x:0:app,root\nx:x:42:\nx:x:42:\n",
    "/usr/bin/x\n/usr/bin/sh\n/app/server\n/..\n",
    "Package: dash\nStatus: install ok installed\nVersion: 1\n\n",
    "P:x\nV:1\nF:usr/bin\nR:x\nF:\nR:app\n\n",
    "include /etc/ld.so.conf\n/opt\n",
    "ID=alpine\nPRETTY_NAME=\"a\x1b[31m\"\n",
    "ID=debian\n",
    "* * * * * root /usr/bin/x\n",
    "x",
];

const POLICIES: &[&str] = &[
    "",
    "[keep]\ncommands = ['sh']\n",
    "[keep]\ncommands = ['re:.*']\n",
    "[files]\nwritable = ['/srv/data']\n",
    "[files]\nread-only = ['/app']\nwritable = ['/app/b']\n",
    "[files]\nwritable = ['/srv/data', '/srv/new/deep']\nopenshift = true\n",
    "[keep]\nusers = ['nobody', '33']\ngroups = ['staff']\n",
    "[packages]\ndatabase = 'remove'\n",
    "[keep]\npaths = ['/opt/e', '/etc/cron.d']\n",
    "[rules]\n'login.defaults' = 'on'\n",
    "[keep]\nsetid = ['/usr/bin/x', '/usr/bin/su']\n",
    "[remove]\ndirectories = ['/opt']\ncommands = ['x']\n",
];

/// For inputs of some lengths one more: the inputs of the corpus go on to mean what they meant.
const MORE_POLICIES: &[&str] = &[
    "[remove]\ndirectories = ['/usr/lib/apt', '/usr/bin/x']\n",
    "[files]\nread-only = ['/usr/bin/ls']\nwritable = ['/etc/apt', '/var/lib/dpkg/info']\n",
    "[minimal]\nenabled = true\n",
    "[keep]\npaths = ['/usr/share/doc/a']\nshells = ['app']\n",
];

/// What an input says, byte by byte; zeros at its end.
struct Script<'a>(std::slice::Iter<'a, u8>);

impl Script<'_> {
    fn more(&self) -> bool {
        self.0.len() > 0
    }

    fn byte(&mut self) -> usize {
        self.0.next().copied().unwrap_or_default().into()
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.byte() % list.len()]
    }

    /// A path, now and then one that nothing has.
    fn path(&mut self) -> String {
        let path = self.of(PLACES);
        match self.byte() {
            byte @ 0..64 => format!("{path}/{}", char::from(b'a' + u8::try_from(byte % 4).unwrap())),
            _ => path.to_owned(),
        }
    }
}

/// The tree that the script describes, on top of that of a distribution.
fn built(script: &mut Script<'_>) -> Rootfs {
    let root = match script.byte() % 6 {
        0 => Rootfs::debian_like(),
        1 => Rootfs::alpine_like(),
        2 => Rootfs::rhel_like(),
        3 => Rootfs::arch_like(),
        4 => Rootfs::distroless(),
        _ => Rootfs::empty().program("/app/server"),
    };
    let mut steps = 0;
    while script.more() && steps < 40 {
        step(root.path(), script);
        steps += 1;
    }
    root
}

/// The tree that `data` describes.
pub(crate) fn described(data: &[u8]) -> Rootfs {
    built(&mut Script(data.iter()))
}

/// Build the tree that `data` describes, plan, apply, and apply again.
///
/// # Panics
/// When a promise of DESIGN §6 does not hold.
pub(crate) fn tree(data: &[u8], run: Run<'_>) -> String {
    let mut script = Script(data.iter());
    let more = MORE_POLICIES.get(data.len() / 4 % MORE_POLICIES.len()).filter(|_| data.len() % 4 == 3);
    let policy: String = [script.of(POLICIES), script.of(POLICIES), more.unwrap_or(&"")].concat();
    let root = built(&mut script);
    root.stamp();
    let outside = tempfile::tempdir().unwrap();
    let file = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    fs::write(file("canary"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(file("harden.toml"), &policy).unwrap();
    let canary = fs::metadata(file("canary")).unwrap();
    let before = Snapshot::of(root.path());
    let harden = |command: &str| {
        let report = file("report");
        let _ = fs::remove_file(&report);
        let at = root.path().to_str().unwrap();
        let config = file("harden.toml");
        let mut all = vec!["harden", command, "--quiet", "--root", at, "--config", &config, "--report", &report];
        all.extend(crate::common::APP);
        let status = run(&all);
        let text = fs::read_to_string(&report).unwrap_or_default();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        (status, serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default())
    };
    let (planned, plan) = harden("plan");
    before.assert_untouched(&Snapshot::of(root.path()), "plan");
    let (applied, report) = harden("apply");
    let after = Snapshot::of(root.path());
    let now = fs::metadata(file("canary")).unwrap();
    assert_eq!(canary.modified().unwrap(), now.modified().unwrap());
    assert_eq!(planned, applied, "plan foretells how apply ends: {report:#}");
    match applied {
        2 => before.assert_untouched(&after, "refused"),
        0 => {
            assert_eq!(plan["changes"], report["changes"], "plan and apply differ");
            // A file or an empty directory that a killed run left is no part of the image: it goes with a note, and no rule
            // removes it. A directory with something in it is none of a run's.
            let mut image = before.clone();
            let below = |path: &[u8]| before.0.keys().any(|other| other.starts_with(&[path, b"/"].concat()));
            image.0.retain(|path, entry| {
                let left = entry.kind == "file" || (entry.kind == "directory" && !below(path));
                !(left && path.ends_with(b"/.harden-tmp-0123456789abcdef"))
            });
            assert_invariants(&image, &after, &report);
            kept_for_scanners(&before, &after, policy.contains("'remove'"));
            let (status, again) = harden("apply");
            assert_eq!((status, &again["changes"]), (0, &serde_json::json!([])), "second apply");
            after.assert_untouched(&Snapshot::of(root.path()), "second apply");
        }
        _ => panic!("status {applied}: {report:#}"),
    }
    let list = |name: &str, key: &str| -> BTreeSet<String> {
        let entries = report[name].as_array().into_iter().flatten();
        entries.filter_map(|entry| entry[key].as_str().map(str::to_owned)).collect()
    };
    format!("{applied} {:?} {:?}", list("changes", "rule"), list("refusals", "rule"))
}

/// What identifies the distribution and its packages stays, byte for byte.
fn kept_for_scanners(before: &Snapshot, after: &Snapshot, records_go: bool) {
    for path in ["/etc/os-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/alpine-release"] {
        if let Some(old) = before.0.get(path.as_bytes()).filter(|old| old.kind == "file" || old.kind == "link") {
            let new = after.0.get(path.as_bytes()).unwrap_or_else(|| panic!("{path} is gone"));
            assert_eq!(old.content, new.content, "{path}");
        }
    }
    for path in ["/var/lib/dpkg/status", "/lib/apk/db/installed"] {
        let is_file = before.0.get(path.as_bytes()).is_some_and(|old| old.kind == "file");
        assert!(records_go || !is_file || after.has(path), "{path} is gone");
    }
}

/// One thing that the builder of the image did. What cannot be done is not done.
fn step(root: &Path, script: &mut Script<'_>) {
    let kind = script.byte();
    let path = script.path();
    // Links that were made before are not followed: the test must not leave the tree either.
    let Some(at) = inside(root, &path) else { return };
    let parent = at.parent().unwrap();
    match kind % 13 {
        0 | 1 => {
            let content = script.of(CONTENTS);
            clear(&at);
            if fs::write(&at, content).is_ok() {
                set(&at, script);
            }
        }
        2 => {
            clear(&at);
            let _ = std::os::unix::fs::symlink(script.of(TARGETS), &at);
        }
        3 => {
            if let Some(of) = inside(root, &script.path()).filter(|of| of.symlink_metadata().is_ok_and(|m| !m.is_dir()))
            {
                clear(&at);
                let _ = fs::hard_link(of, &at);
            }
        }
        4 => {
            clear(&at);
            if fs::create_dir(&at).is_ok() {
                set(&at, script);
            }
        }
        5 => set(&at, script),
        6 => {
            let kind = script.of(&[
                rustix::fs::FileType::Fifo,
                rustix::fs::FileType::Socket,
                rustix::fs::FileType::CharacterDevice,
            ]);
            let mode = rustix::fs::Mode::from_raw_mode(0o666);
            clear(&at);
            let _ = rustix::fs::mknodat(rustix::fs::CWD, &at, kind, mode, rustix::fs::makedev(1, 3));
        }
        7 => {
            if at.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                let (name, value): (&str, &[u8]) = script.of(&[
                    ("security.capability", &CAPABILITY[..]),
                    ("user.note", b"x"),
                    ("user.harden.mtime", b"1.2"),
                    ("trusted.overlay.origin", b"x"),
                ]);
                let _ = rustix::fs::lsetxattr(&at, name, value, rustix::fs::XattrFlags::empty());
            }
        }
        // A program with libraries, or a static one.
        8 => {
            let content = if script.byte().is_multiple_of(2) {
                crate::common::program(LOADER, &["libc.so.6", "libx.so"])
            } else {
                crate::common::Spec { kind: 2, ..crate::common::Spec::default() }.build()
            };
            clear(&at);
            if fs::write(&at, content).is_ok() {
                set(&at, script);
            }
        }
        // Bytes of the input itself.
        9 => {
            let len = script.byte();
            let bytes: Vec<u8> = (0..len.min(80)).map(|_| u8::try_from(script.byte()).unwrap()).collect();
            clear(&at);
            let _ = fs::write(&at, bytes);
        }
        // A line more.
        10 => {
            let line = script.of(CONTENTS);
            if at.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                let mut content = fs::read(&at).unwrap();
                content.extend_from_slice(line.as_bytes());
                let _ = fs::write(&at, content);
            }
        }
        // A name of bytes that forge output.
        11 => {
            let bytes: Vec<u8> = (0..3).map(|_| u8::try_from(script.byte()).unwrap()).collect();
            let name: Vec<u8> = bytes.into_iter().filter(|b| !b"/\0".contains(b)).collect();
            if !name.is_empty() && name != b"." && name != b".." {
                let at = parent.join(std::ffi::OsStr::from_bytes(&name));
                if at.symlink_metadata().is_err() && fs::write(&at, "x").is_ok() {
                    set(&at, script);
                }
            }
        }
        _ => clear(&at),
    }
}

/// Where a path of the tree lies, its directories made; `None` when a link or file is on the way.
fn inside(root: &Path, path: &str) -> Option<std::path::PathBuf> {
    let mut at = root.to_path_buf();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (last, directories) = parts.split_last()?;
    for part in directories {
        at.push(part);
        match at.symlink_metadata() {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return None,
            Err(_) => fs::create_dir(&at).ok()?,
        }
    }
    Some(at.join(last))
}

fn clear(at: &Path) {
    if at.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        // Only an empty one: the tree keeps its shape.
        let _ = fs::remove_dir(at);
    } else {
        let _ = fs::remove_file(at);
    }
}

/// Owner and mode; of links the owner.
fn set(at: &Path, script: &mut Script<'_>) {
    let (uid, gid, mode) = (script.of(IDS), script.of(IDS), script.of(MODES));
    let _ = std::os::unix::fs::lchown(at, Some(uid), Some(gid));
    if at.symlink_metadata().is_ok_and(|meta| meta.is_dir() || meta.is_file()) {
        let _ = fs::set_permissions(at, std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
}
