//! strace(1) around the program: what it asks of the kernel, and a kernel that answers badly.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::CpuSet;

use super::Command;

/// How a traced run ended.
#[derive(Debug)]
pub(crate) struct Traced {
    /// Exit status, or 128 + the signal.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// One line for each call.
    pub(crate) calls: Vec<String>,
}

/// Run `harden` with these arguments under strace with those, on one processor: it starts no thread there, and makes the
/// same calls in the same order each time.
pub(crate) fn traced<A: AsRef<OsStr>>(strace: &[&str], args: &[A]) -> Traced {
    on_one_processor(|| start(&mut Command::new("strace"), &[], strace, args))
}

/// The same on all processors; with `-f` in `strace`.
pub(crate) fn traced_threads<A: AsRef<OsStr>>(strace: &[&str], args: &[A]) -> Traced {
    start(&mut Command::new("strace"), &[], strace, args)
}

/// The same on all processors, with so many seconds of one, which a busy machine does not shorten.
pub(crate) fn traced_within<A: AsRef<OsStr>>(seconds: u64, strace: &[&str], args: &[A]) -> Traced {
    start(Command::new("prlimit").args([&format!("--cpu={seconds}"), "strace"]), &[], strace, args)
}

/// As [`traced`], with a program and its arguments between strace and harden.
pub(crate) fn traced_by<A: AsRef<OsStr>>(starter: &[&str], strace: &[&str], args: &[A]) -> Traced {
    on_one_processor(|| start(&mut Command::new("strace"), starter, strace, args))
}

fn start<A: AsRef<OsStr>>(command: &mut Command, starter: &[&str], strace: &[&str], args: &[A]) -> Traced {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = command
        .args(["-s", "5000", "-o"])
        .arg(log.path())
        .args(strace)
        .args(starter)
        .arg(env!("CARGO_BIN_EXE_harden"))
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .expect("strace is needed");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Traced {
        status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap()),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        calls: whole(text(fs::read(log.path()).unwrap()).lines()),
    }
}

/// What is started meanwhile gets one processor: another one each time, since tests run side by side.
fn on_one_processor(start: impl FnOnce() -> Traced) -> Traced {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let processors = rustix::thread::sched_getaffinity(None).unwrap();
    let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&number| processors.is_set(number)).collect();
    let mut one = CpuSet::new();
    one.set(all[NEXT.fetch_add(1, Ordering::Relaxed) % all.len()]);
    rustix::thread::sched_setaffinity(None, &one).unwrap();
    let traced = start();
    rustix::thread::sched_setaffinity(None, &processors).unwrap();
    traced
}

/// A call that another thread's came between is two lines. As one it stands where it ended, and a close(2) where it began:
/// another thread may get the number before it has ended.
fn whole<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let mut begun: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for line in lines {
        let thread = line.split(' ').next().unwrap_or_default();
        if let Some(first) = line.strip_suffix(" <unfinished ...>").or_else(|| line.strip_suffix("<unfinished ...>")) {
            begun.insert(thread, (whole.len(), first));
            whole.push(String::new());
        } else if let Some((_, rest)) = line.split_once(" resumed>").filter(|(start, _)| start.contains("<... ")) {
            let (at, first) = begun.remove(thread).unwrap();
            let call = format!("{first}{rest}");
            if first.contains("close(") { whole[at] = call } else { whole.push(call) }
        } else {
            whole.push(line.to_owned());
        }
    }
    whole.retain(|line| !line.is_empty());
    whole
}

/// A line of strace: the call's name, its arguments, what it returned.
pub(crate) fn parse(line: &str) -> Option<(&str, &str, i64)> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let number = result.split([' ', '<']).next()?;
    let number = match number.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some((name.rsplit(' ').next()?, arguments.trim_end().trim_end_matches(')'), number))
}

/// Quoted strings among the arguments. No name of the kernel's needs a quote of its own: strace escapes those within.
fn strings(arguments: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = arguments.chars();
    while chars.by_ref().any(|c| c == '"') {
        let mut text = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => text.extend(['\\'].into_iter().chain(chars.next())),
                c => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

/// Check that every file call after start-up is relative to a descriptor that came from the root's, by one name.
///
/// Start-up ends when the root is first read: before that, the program opens the root itself by its path, its own
/// configuration, the report, and asks who it is. After it, allowed are
/// - calls on (descriptor, one name), with `..` only as a descriptor that reads nothing (O_PATH), which is compared with
///   the directory seen on the way down before it is used;
/// - calls on a descriptor alone;
/// - lgetxattr(2) of one name after fchdir(2) into a descriptor of the root: the kernel has no call relative to a
///   descriptor before Linux 6.13 (getxattrat), and the current directory is a descriptor too;
/// - read(2) of signals that ask for an end;
/// - clone(2) of a thread;
/// - output: write(2) to standard output, standard error and the report.
///
/// Answers how many calls there were after start-up.
#[track_caller]
pub(crate) fn assert_confined(calls: &[String], root: &Path) -> usize {
    let opened = format!("\"{}\", O_RDONLY", root.display());
    let mut root_fd = None;
    let mut home = BTreeSet::new();
    let mut reports = BTreeSet::from([1, 2]);
    let mut signals = BTreeSet::new();
    let mut inside: BTreeMap<i64, ()> = BTreeMap::new();
    let (mut started, mut here, mut count) = (false, false, 0);
    for line in calls {
        let Some((name, arguments, result)) = parse(line) else {
            assert!(
                !started || ["+++ ", "--- ", "exit_group", "exit(0)"].iter().any(|part| line.contains(part)),
                "{line}"
            );
            continue;
        };
        let first = arguments.split([',', ')']).next().unwrap_or_default().trim();
        let fd: Option<i64> = first.parse().ok();
        if !started {
            match name {
                "openat" | "open" if arguments.contains(&opened) && arguments.contains("O_DIRECTORY") => {
                    root_fd = Some(result);
                    inside.insert(result, ());
                }
                "openat" | "open" if arguments.contains("\".\", ") => _ = home.insert(result),
                "openat" | "open" if arguments.contains("O_CREAT") => _ = reports.insert(result),
                "signalfd4" => _ = signals.insert(result),
                _ => {}
            }
            started = root_fd.is_some() && fd == root_fd && matches!(name, "openat" | "fchdir" | "getdents64");
            if !started {
                continue;
            }
        }
        count += 1;
        let names = strings(arguments);
        let one = |text: &String| !text.contains('/') && text != "..";
        let known = fd.is_some_and(|fd| inside.contains_key(&fd));
        let fine = match name {
            "openat" => {
                let path = names.first().cloned().unwrap_or_default();
                let up = path == ".." && arguments.contains("O_PATH");
                if result >= 0 {
                    inside.insert(result, ());
                }
                known && arguments.contains("O_NOFOLLOW") && (up || one(&path))
            }
            "statx" | "newfstatat" | "readlinkat" | "unlinkat" | "fchownat" | "mkdirat" => {
                known
                    && names.first().is_some_and(one)
                    && (name != "statx"
                        || arguments.contains("AT_EMPTY_PATH")
                        || arguments.contains("AT_SYMLINK_NOFOLLOW"))
            }
            "utimensat" => known && arguments.contains("NULL"),
            "renameat" | "renameat2" => {
                let second = arguments.split("\", ").nth(1).and_then(|rest| rest.split(',').next());
                known && names.iter().take(2).all(one) && second == Some(first)
            }
            "lgetxattr" => here && names.first().is_some_and(one),
            "fchdir" => {
                here = known;
                known || fd.is_some_and(|fd| home.contains(&fd))
            }
            "fcntl" => {
                if result >= 0 && arguments.contains("F_DUPFD") {
                    inside.insert(result, ());
                }
                known
                    || (arguments.contains("F_GETFD")
                        && fd.is_some_and(|fd| home.contains(&fd) || reports.contains(&fd) || signals.contains(&fd)))
            }
            "close" => fd.is_some_and(|fd| {
                inside.remove(&fd).is_some() || home.contains(&fd) || reports.contains(&fd) || signals.contains(&fd)
            }),
            "write" => known || fd.is_some_and(|fd| reports.contains(&fd)),
            "read" => fd.is_some_and(|fd| signals.contains(&fd)),
            "ioctl" => fd.is_some_and(|fd| reports.contains(&fd)),
            "fchmod" | "fchown" | "getdents64" | "pread64" | "fstat" | "fstatfs" | "fgetxattr" | "fsetxattr"
            | "flistxattr" | "fremovexattr" | "flock" => known,
            "clone" | "clone3" => arguments.contains("CLONE_THREAD"),
            "mmap" => arguments.contains(", -1, "),
            _ => false,
        };
        assert!(fine, "not relative to the root: {line}");
    }
    count
}
