//! Files that start-up may read outside a root: the configuration, this program's own identity, the evidence for a
//! build step; and the report, whose file is opened before the first change. Also the one place that starts programs: a
//! changed multi-call binary is tried from memory, and only where this program runs in the root itself.

#![allow(
    clippy::disallowed_methods,
    reason = "start-up is excepted from the root: configuration, own binary, report, and the try of a changed program"
)]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{AtFlags, Statx, StatxFlags};

/// Bytes read of a file in /proc: a list of more than a hundred thousand mounts.
const MOST_OF_PROC: usize = 64 * 1024 * 1024;

/// The running program's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Path as the kernel gave it, resolved where /proc tells.
    pub path: String,
    /// Which file that is.
    pub inode: Inode,
}

/// One file, whatever its names: an inode number alone means another file on another file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// Inode number.
    pub number: u64,
    /// Device, major and minor.
    pub device: (u32, u32),
}

/// Find the running program: /proc/self/exe, else the path that execve(2) was given (getauxval(3), AT_EXECFN).
#[must_use]
pub(crate) fn this_program() -> Option<Program> {
    let by_proc = rustix::fs::readlink("/proc/self/exe", Vec::new()).ok().and_then(|path| path.into_string().ok());
    let given = || rustix::param::linux_execfn().to_str().ok().map(str::to_owned);
    let absolute = |path: String| {
        let full =
            if path.starts_with('/') { path } else { format!("{}/{path}", current_directory().trim_end_matches('/')) };
        // Started through a link: the configuration lies beside the file, not beside the link.
        canonical(Path::new(&full)).into_os_string().into_string().unwrap_or(full)
    };
    [by_proc, given().map(absolute)].into_iter().flatten().find_map(|path| {
        let inode = inode_of(&path)?;
        Some(Program { path, inode })
    })
}

/// A path that starts the running program once more; /proc/self/exe does also when its file has no name any longer.
#[must_use]
pub(crate) fn own_executable() -> Option<String> {
    const LINK: &str = "/proc/self/exe";
    if exists(LINK) { Some(LINK.to_owned()) } else { this_program().map(|program| program.path) }
}

/// The first `limit` bytes of a file that the user named.
///
/// # Errors
/// As std::fs.
pub(crate) fn read_start(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    start(File::open(path)?, limit)
}

/// The names in a directory that the user named, sorted; those that are no text are left out.
///
/// # Errors
/// As std::fs.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = std::fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let mut names: Vec<String> = entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// The first `limit` bytes of standard input.
///
/// # Errors
/// As std::io.
pub(crate) fn stdin_start(limit: usize) -> io::Result<Vec<u8>> {
    start(io::stdin().lock(), limit)
}

/// Open a file that the user named, for reading by position.
///
/// # Errors
/// As std::fs.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Standard input as a file, to be read in place when it is one.
///
/// # Errors
/// When it is closed.
pub(crate) fn stdin() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Standard output as a file.
///
/// # Errors
/// When it is closed.
pub(crate) fn stdout() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    io::IsTerminal::is_terminal(&io::stdout())
}

/// A new file without a name in the first of these directories that can be written: it goes with the process. Where
/// the file system has no such files (O_TMPFILE) it gets a name and loses it at once.
#[must_use]
pub(crate) fn unnamed_file(directories: &[PathBuf]) -> Option<File> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    directories.iter().find_map(|directory| {
        let unnamed = rustix::fs::open(directory, flags | OFlags::TMPFILE, mode).ok();
        let named = || {
            let path = directory.join(format!(".harden-{}", rustix::process::getpid().as_raw_nonzero()));
            let file = rustix::fs::open(&path, flags | OFlags::CREATE | OFlags::EXCL, mode).ok()?;
            rustix::fs::unlink(&path).ok()?;
            Some(file)
        };
        unnamed.or_else(named).map(File::from)
    })
}

/// The path without links, or as it is when that cannot be told.
#[must_use]
pub(crate) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Whether two paths lead to one file, which may not be there yet. A device, a pipe or `-` is no file.
#[must_use]
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    let stat = |path: &Path| rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS).ok();
    let place = |path: &Path| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        path.file_name().map(|name| canonical(directory).join(name))
    };
    match (stat(one), stat(other)) {
        (Some(one), Some(other)) => one.stx_mode & 0o170_000 == 0o100_000 && Inode::of(&one) == Inode::of(&other),
        (None, None) if one != Path::new("-") => place(one).is_some() && place(one) == place(other),
        _ => false,
    }
}

/// Whether anything exists at that path.
#[must_use]
pub(crate) fn exists(path: &str) -> bool {
    rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::TYPE).is_ok()
}

/// Create or empty the file that a report goes to.
///
/// # Errors
/// As std::fs.
pub(crate) fn create(path: &str) -> io::Result<File> {
    File::create(path)
}

/// Write a file that does not exist yet.
///
/// # Errors
/// As std::fs; when something has that name.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut File::create_new(path)?, content)
}

/// A whole file of the real procfs; `None` when there is none, or something else is mounted in its place.
pub(super) fn proc_file(path: &str) -> Option<Vec<u8>> {
    use rustix::fs::{Mode, OFlags};

    // What lies there without procfs may be anything: a fifo would be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    is_proc(&file).then(|| start(&file, MOST_OF_PROC).ok()).flatten()
}

/// The signals that this process ignores, one bit each, as its parent left them (proc_pid_status(5), SigIgn); none where
/// nothing tells.
pub(crate) fn ignored_signals() -> u64 {
    let status = proc_file("/proc/self/status").unwrap_or_default();
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"SigIgn:"));
    line.and_then(|text| u64::from_str_radix(str::from_utf8(text).ok()?.trim(), 16).ok()).unwrap_or(0)
}

/// Where a link of the real procfs leads.
pub(super) fn proc_link(path: &str) -> Option<Vec<u8>> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let link = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    if !is_proc(&link) {
        return None;
    }
    rustix::fs::readlinkat(&link, "", Vec::new()).ok().map(std::ffi::CString::into_bytes)
}

fn is_proc(file: impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{Mode, OFlags};

    let of = |file: std::os::fd::BorrowedFd<'_>| {
        rustix::fs::fstatfs(file).map(|found| found.f_type == rustix::fs::PROC_SUPER_MAGIC)
    };
    let device = |file: std::os::fd::BorrowedFd<'_>| {
        let stat = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
        Some((stat.stx_dev_major, stat.stx_dev_minor))
    };
    let file = file.as_fd();
    of(file).unwrap_or_else(|error| {
        // gVisor tells the kind of file system of a directory only.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = rustix::fs::open("/proc", flags, Mode::empty()).ok().filter(|_| error == rustix::io::Errno::NOSYS);
        top.is_some_and(|top| of(top.as_fd()) == Ok(true) && device(top.as_fd()) == device(file))
    })
}

/// Inode and device of an open file, to find it again in a tree.
#[must_use]
pub(crate) fn inode(file: &File) -> Option<Inode> {
    rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok().map(|stat| Inode::of(&stat))
}

/// Inode and device of the file at that path, links followed.
#[must_use]
pub(crate) fn inode_of(path: &str) -> Option<Inode> {
    rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS)
        .ok()
        .map(|stat| Inode::of(&stat))
}

impl Inode {
    /// Read it off statx(2).
    #[must_use]
    pub fn of(stat: &Statx) -> Self {
        Self { number: stat.stx_ino, device: (stat.stx_dev_major, stat.stx_dev_minor) }
    }
}

/// The directory that relative paths begin in; `/` when it cannot be told.
#[must_use]
pub(crate) fn current_directory() -> String {
    std::env::current_dir().ok().and_then(|path| path.into_os_string().into_string().ok()).unwrap_or_else(|| "/".into())
}

/// Why this process is believed to run in the build step of an image, or `None`.
///
/// A running container looks much the same; what tells is who process 1 is: the builder starts the RUN step's program,
/// or the shell around it, as process 1. /run/.containerenv is podman's and buildah's mark.
#[must_use]
pub(crate) fn build_step() -> Option<&'static str> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    if own == 1 {
        return Some("this is process 1");
    }
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent == Some(1) && read_start(Path::new("/proc/1/comm"), 64).is_ok_and(|name| is_shell(&name)) {
        return Some("process 1 is the shell that started this");
    }
    exists("/run/.containerenv").then_some("/run/.containerenv exists")
}

/// A program that lies in memory only.
#[derive(Debug)]
pub(crate) struct InMemory {
    path: Vec<u8>,
    /// Closed, the path leads nowhere.
    _file: OwnedFd,
}

impl InMemory {
    /// A path that starts it, as long as it is held.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }
}

/// Put a program into memory (memfd_create(2)); `None` where the kernel or a missing /proc does not allow that.
#[must_use]
pub(crate) fn in_memory(content: &[u8]) -> Option<InMemory> {
    let file = rustix::fs::memfd_create("harden", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
    let mut rest = content;
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest).ok()?;
        rest = rest.get(written..)?;
    }
    // Of this process: the one that starts it has the same number open.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    exists(&path).then(|| InMemory { path: path.into_bytes(), _file: file })
}

/// Start a program under a name with one argument, no environment and no input: its exit status and everything it says.
/// `None` when it cannot be started, or is killed.
#[must_use]
pub(crate) fn answer(path: &[u8], name: &str, argument: &str) -> Option<(i32, Vec<u8>)> {
    let mut command = Command::new(OsStr::from_bytes(path));
    command.arg0(name).arg(argument).env_clear().current_dir("/").stdin(Stdio::null());
    let output = command.output().ok()?;
    Some((output.status.code()?, [output.stdout, output.stderr].concat()))
}

/// Whether the effective user is root.
#[must_use]
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn is_shell(name: &[u8]) -> bool {
    matches!(name.trim_ascii(), b"sh" | b"ash" | b"bash" | b"dash" | b"busybox" | b"zsh" | b"ksh" | b"mksh")
}

fn start(from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(limit as u64).read_to_end(&mut content)?;
    Ok(content)
}
