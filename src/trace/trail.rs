//! The target of a path for a process, link by link, in the file system as it is now.
//!
//! Some links of /proc lead each process elsewhere: `self` and `thread-self` by number, `cwd`, `root`, `exe` and `fd/N`
//! to a place itself and not to its name (proc_pid_fd(5)). The tracer itself would find its own places there.

use nix::libc;
use rustix::fs::Statx;
use rustix::io::Errno;
use rustix::process::Pid;

use super::places;
use super::seen::stat;
use crate::root::host::Inode;
use crate::tree::MAX_LINKS;

/// Where a walk begins. Paths are as this process sees them, without a slash at their end.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    /// What an absolute path begins at; empty for the root of this process.
    pub(super) root: Vec<u8>,
    /// What a relative path begins at.
    pub(super) at: Vec<u8>,
    /// `at` is a link of /proc that stands for a directory without a name here.
    pub(super) nameless: bool,
}

/// The way of a path: names without links on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// Every link that was followed, in order.
    pub(super) links: Vec<Vec<u8>>,
    /// The link that the path itself names.
    pub(super) named: Option<Vec<u8>>,
    /// Where it ends; `None` when nothing is there.
    pub(super) end: Option<Vec<u8>>,
}

impl Trail {
    /// Whether it means the same for every process, now and later.
    pub(super) fn is_by_name(&self) -> bool {
        self.links.iter().chain(&self.end).all(|path| !path.starts_with(b"/proc/"))
    }

    /// What is at its end now.
    pub(super) fn stat(&self) -> Option<Statx> {
        stat(self.end.as_deref()?).ok()
    }
}

/// Follow a path for a process.
pub(super) fn follow(pid: Pid, start: &Start, path: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Start { root, at, nameless } = start;
    let mut at = if path.starts_with(b"/") { root.clone() } else { at.clone() };
    // A `..` before this length is the kernel's to resolve.
    let mut firm = if *nameless && !path.starts_with(b"/") { at.len() } else { 0 };
    let mut todo = components(path);
    let mut links = 0;
    while let Some(name) = todo.pop() {
        if name == b".." {
            if at == *root {
            } else if at.len() <= firm {
                at.extend_from_slice(b"/..");
                firm = at.len();
            } else {
                at.truncate(at.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
            }
            continue;
        }
        let here = [&at, &b"/"[..], &name].concat();
        let target = match rustix::fs::readlink(here.as_slice(), Vec::new()) {
            Ok(target) => Some(target.into_bytes()),
            Err(Errno::INVAL) => {
                at = here;
                continue;
            }
            Err(Errno::NOENT) => None,
            Err(_) => return trail,
        };
        let in_proc = is_proc(if at.is_empty() { b"/" } else { &at });
        if in_proc && matches!(name.as_slice(), b"self" | b"thread-self") {
            at = its_own(pid, &at, &name, target.as_deref());
            continue;
        }
        let Some(target) = target else { return trail };
        links += 1;
        if links > MAX_LINKS {
            return trail;
        }
        if in_proc && is_magic(&target) {
            let named = inode(&here).is_some_and(|there| inode(&target) == Some(there));
            (at, firm) = if named { (target, 0) } else { (here.clone(), here.len()) };
            if at == b"/" {
                at.clear();
            }
            continue;
        }
        if todo.is_empty() && trail.named.is_none() {
            trail.named = Some(here.clone());
        }
        trail.links.push(here);
        if target.starts_with(b"/") {
            (at, firm) = (root.clone(), 0);
        }
        todo.extend(components(&target));
    }
    trail.end = Some(if at.is_empty() { b"/".to_vec() } else { at });
    trail
}

/// The entry of a process in the /proc that is mounted at `at`, where `self` leads this process to `target`.
fn its_own(pid: Pid, at: &[u8], name: &[u8], target: Option<&[u8]>) -> Vec<u8> {
    let ours = rustix::process::getpid().as_raw_nonzero().to_string().into_bytes();
    let numbers = match target.map(|target| target.split(|&byte| byte == b'/').next() == Some(&ours)) {
        Some(true) => (Some(places::process(pid)), Some(pid.as_raw_nonzero().get())),
        // A PID namespace of its own, which this process is not in.
        None => (places::innermost(pid, b"NStgid:"), places::innermost(pid, b"NSpid:")),
        Some(false) => (None, None),
    };
    let (mount, process, thread) = match numbers {
        (Some(process), Some(thread)) => (String::from_utf8(at.to_vec()).ok(), process, thread),
        _ => (None, places::process(pid), pid.as_raw_nonzero().get()),
    };
    let mount = mount.unwrap_or_else(|| "/proc".to_owned());
    let path = if name == b"self" { format!("{mount}/{process}") } else { format!("{mount}/{process}/task/{thread}") };
    path.into_bytes()
}

/// Whether a directory is one of /proc, wherever that is mounted.
fn is_proc(directory: &[u8]) -> bool {
    rustix::fs::statfs(directory).is_ok_and(|statfs| i128::from(statfs.f_type) == i128::from(libc::PROC_SUPER_MAGIC))
}

/// Whether a link of /proc leads to a place itself: the text is its name, or says what it is.
fn is_magic(target: &[u8]) -> bool {
    target.starts_with(b"/") || target.starts_with(b"anon_inode:") || target.windows(2).any(|two| two == b":[")
}

/// Which file that is, links followed.
pub(super) fn inode(path: &[u8]) -> Option<Inode> {
    stat(path).ok().map(|stat| Inode::of(&stat))
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let mut parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    parts.reverse();
    parts
}
