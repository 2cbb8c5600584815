//! The builder of trees.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dev, FileType, Mode, Timespec, Timestamps, XattrFlags};

use super::elf::{self, Spec};

/// When everything in a tree was last changed, unless [`Rootfs::time`] says otherwise.
pub(crate) const TIME: i64 = 1_600_000_000;

/// The loader of glibc on x86_64.
pub(crate) const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// cap_net_raw=ep, as setcap(8) writes it (linux/capability.h, revision 2).
pub(crate) const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A tree being built in a temporary directory.
#[must_use]
pub(crate) struct Rootfs {
    directory: tempfile::TempDir,
    times: BTreeMap<PathBuf, i64>,
}

impl Rootfs {
    /// Nothing but the root directory.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory, times: BTreeMap::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where a path of the tree lies on this machine.
    pub(crate) fn at(&self, path: impl AsRef<OsStr>) -> PathBuf {
        let path = Path::new(path.as_ref());
        self.path().join(path.strip_prefix("/").expect("paths in a tree are absolute"))
    }

    /// The same with its directories made.
    fn new_at(&self, path: impl AsRef<OsStr>) -> PathBuf {
        let at = self.at(path);
        let parent = at.parent().unwrap();
        if !parent.exists() {
            let mut builder = fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
            builder.recursive(true).create(parent).unwrap();
        }
        at
    }

    /// A regular file, a new one where there was one before.
    pub(crate) fn file(self, path: impl AsRef<OsStr>, mode: u32, uid: u32, gid: u32, bytes: impl AsRef<[u8]>) -> Self {
        let at = self.new_at(path);
        let _ = fs::remove_file(&at);
        fs::write(&at, bytes).unwrap();
        set(&at, mode, uid, gid);
        self
    }

    /// A file 0644 root:root.
    pub(crate) fn text(self, path: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> Self {
        self.file(path, 0o644, 0, 0, content)
    }

    /// A file 0755 root:root, with its shebang in the content.
    pub(crate) fn script(self, path: impl AsRef<OsStr>, content: &str) -> Self {
        self.file(path, 0o755, 0, 0, content)
    }

    /// A static program, whose content is its own.
    pub(crate) fn program(self, path: &str) -> Self {
        self.static_program(path, 0o755)
    }

    pub(crate) fn static_program(self, path: &str, mode: u32) -> Self {
        let mut bytes = Spec { kind: 2, ..Spec::default() }.build();
        bytes.extend_from_slice(path.as_bytes());
        self.file(path, mode, 0, 0, bytes)
    }

    /// A program with an interpreter and libraries.
    pub(crate) fn elf(self, path: &str, interpreter: &str, needed: &[&str]) -> Self {
        let mut bytes = elf::program(interpreter, needed);
        bytes.extend_from_slice(path.as_bytes());
        self.file(path, 0o755, 0, 0, bytes)
    }

    pub(crate) fn library(self, path: &str, needed: &[&str]) -> Self {
        let soname = path.rsplit('/').next().unwrap();
        self.file(path, 0o644, 0, 0, elf::library(soname, needed))
    }

    pub(crate) fn link(self, path: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> Self {
        let at = self.new_at(path);
        let _ = fs::remove_file(&at);
        symlink(Path::new(target.as_ref()), at).unwrap();
        self
    }

    pub(crate) fn hardlink(self, path: &str, target: &str) -> Self {
        fs::hard_link(self.at(target), self.new_at(path)).unwrap();
        self
    }

    pub(crate) fn dir(self, path: impl AsRef<OsStr>, mode: u32, uid: u32, gid: u32) -> Self {
        let at = self.new_at(path);
        if !at.exists() {
            fs::create_dir(&at).unwrap();
        }
        set(&at, mode, uid, gid);
        self
    }

    pub(crate) fn owner(self, path: &str, uid: u32, gid: u32) -> Self {
        lchown(self.at(path), Some(uid), Some(gid)).unwrap();
        self
    }

    pub(crate) fn fifo(self, path: &str) -> Self {
        rustix::fs::mknodat(CWD, self.new_at(path), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
        self
    }

    /// A socket that nobody listens on.
    pub(crate) fn socket(self, path: &str) -> Self {
        rustix::fs::mknodat(CWD, self.new_at(path), FileType::Socket, Mode::from_raw_mode(0o755), 0).unwrap();
        self
    }

    /// A character device, as /dev/null of numbers 1, 3.
    pub(crate) fn device(self, path: &str, major: u32, minor: u32) -> Self {
        let device: Dev = rustix::fs::makedev(major, minor);
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(CWD, self.new_at(path), FileType::CharacterDevice, mode, device).unwrap();
        self
    }

    pub(crate) fn xattr(self, path: &str, name: &str, value: &[u8]) -> Self {
        rustix::fs::lsetxattr(self.at(path), name, value, XattrFlags::empty()).unwrap();
        self
    }

    pub(crate) fn capability(self, path: &str) -> Self {
        self.xattr(path, "security.capability", &CAPABILITY)
    }

    /// Lines of an account file in /etc added at its end.
    pub(crate) fn line(self, file: &str, line: &str) -> Self {
        let at = self.at(format!("/etc/{file}"));
        let mut content = fs::read_to_string(&at).unwrap();
        content.push_str(line);
        content.push('\n');
        fs::write(at, content).unwrap();
        self
    }

    /// An account with a group of its own, in all files that there are.
    pub(crate) fn account(self, name: &str, id: u32, home: &str, shell: &str) -> Self {
        let shadow = self.at("/etc/shadow").exists();
        let gshadow = self.at("/etc/gshadow").exists();
        let mut tree = self
            .line("passwd", &format!("{name}:x:{id}:{id}::{home}:{shell}"))
            .line("group", &format!("{name}:x:{id}:"));
        if shadow {
            tree = tree.line("shadow", &format!("{name}:!:19000:0:99999:7:::"));
        }
        if gshadow {
            tree = tree.line("gshadow", &format!("{name}:!::"));
        }
        tree
    }

    /// When an entry was last changed, in seconds.
    pub(crate) fn time(mut self, path: &str, seconds: i64) -> Self {
        self.times.insert(self.at(path), seconds);
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether anything has that path, a link that leads nowhere included.
    pub(crate) fn has(&self, path: impl AsRef<OsStr>) -> bool {
        self.at(path).symlink_metadata().is_ok()
    }

    /// Give every entry its time: called before each first run.
    pub(crate) fn stamp(&self) {
        self.stamp_below(self.path());
    }

    fn stamp_below(&self, at: &Path) {
        if at.symlink_metadata().unwrap().is_dir() {
            for entry in fs::read_dir(at).unwrap() {
                self.stamp_below(&entry.unwrap().path());
            }
        }
        let seconds = self.times.get(at).copied().unwrap_or(TIME);
        let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

fn set(at: &Path, mode: u32, uid: u32, gid: u32) {
    chown(at, Some(uid), Some(gid)).expect("these tests need root");
    fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
}
