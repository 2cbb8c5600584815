//! The state of a traced process: its memory, its working directory, its open directories, its program.
//!
//! All of it is asked of the kernel while the process is stopped, nothing is remembered. A process that dropped to
//! another user is closed to a tracer without CAP_SYS_PTRACE (ptrace(2), "Ptrace access mode checking"), but for its
//! memory; its links are then read with its own user and group as those of file access, which needs CAP_SETUID only.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::sys::ptrace;
use nix::unistd::{self, Gid, Uid};
use rustix::io::Errno;
use rustix::process::Pid;

use super::calls::{self, Place, Stop};
use super::resume;
use crate::root::host;

/// Longest path, its NUL included (linux/limits.h, PATH_MAX).
const LONGEST: usize = 4096;

/// Read at once: most paths are shorter.
const CHUNK: usize = 256;

/// Pages are this long, or a multiple of it.
const PAGE: usize = 4096;

/// Why something about a process is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It has ended, or the call will fail by itself: nothing is lost.
    Nothing,
    /// The kernel does not tell this process.
    Refused,
    /// The memory that it is in can be read by the process itself only, or not yet (memfd_secret(2), userfaultfd(2)).
    Unreadable,
}

/// A process id as nix has it.
pub(crate) fn nix(pid: Pid) -> unistd::Pid {
    unistd::Pid::from_raw(pid.as_raw_nonzero().get())
}

/// The call at which a process is stopped by the filter, and its arguments; `None` when it names no file.
///
/// # Errors
/// When the process has ended.
pub(super) fn call(pid: Pid) -> Result<(Option<Stop>, [u64; 6]), Unknown> {
    match resume::call(pid) {
        Ok(call) => {
            let stop = calls::of(call.machine, call.number, &call.arguments);
            let narrow = matches!(stop, Some(Stop::Path(Place { narrow: true, .. })));
            let mask = if narrow { u64::from(u32::MAX) } else { u64::MAX };
            Ok((stop, call.arguments.map(|argument| argument & mask)))
        }
        Err(Errno::SRCH) => Err(Unknown::Nothing),
        // An older kernel: the filter tells, and the number has to agree, or the filter was one of CMD's.
        Err(_) => {
            let data = ptrace::getevent(nix(pid)).map_err(|_| Unknown::Nothing)?;
            let stop = calls::stop(u16::try_from(data & 0xffff).unwrap_or_default());
            let narrow = matches!(stop, Stop::Path(Place { narrow: true, .. }));
            let registers = ptrace::getregs(nix(pid)).map_err(|_| Unknown::Nothing)?;
            let arguments = of_registers(&registers, narrow);
            let known = calls::of(calls::machine(narrow), number_of(&registers), &arguments) == Some(stop);
            Ok((Some(if known { stop } else { Stop::Lost }), arguments))
        }
    }
}

/// What the call gave that a process has just made: a number not below 0, or why it failed.
pub(super) fn given(pid: Pid, narrow: bool) -> Result<Result<u64, Errno>, Unknown> {
    let registers = ptrace::getregs(nix(pid)).map_err(|_| Unknown::Nothing)?;
    let value = value_of(&registers);
    let value = if narrow { i64::from(value as i32) } else { value as i64 };
    let failed = |_| Errno::from_raw_os_error(i32::try_from(value.saturating_neg()).unwrap_or_default());
    Ok(u64::try_from(value).map_err(failed))
}

#[cfg(target_arch = "x86_64")]
fn number_of(r: &nix::libc::user_regs_struct) -> u64 {
    r.orig_rax
}

#[cfg(target_arch = "aarch64")]
fn number_of(r: &nix::libc::user_regs_struct) -> u64 {
    let [_, _, _, _, _, _, _, _, number, ..] = r.regs;
    number
}

#[cfg(target_arch = "x86_64")]
fn value_of(r: &nix::libc::user_regs_struct) -> u64 {
    r.rax
}

#[cfg(target_arch = "aarch64")]
fn value_of(r: &nix::libc::user_regs_struct) -> u64 {
    let [value, ..] = r.regs;
    value
}

#[cfg(target_arch = "x86_64")]
fn of_registers(r: &nix::libc::user_regs_struct, narrow: bool) -> [u64; 6] {
    if narrow {
        [r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp].map(|value| value & 0xffff_ffff)
    } else {
        [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9]
    }
}

#[cfg(target_arch = "aarch64")]
fn of_registers(r: &nix::libc::user_regs_struct, _narrow: bool) -> [u64; 6] {
    let [a, b, c, d, e, f, ..] = r.regs;
    [a, b, c, d, e, f]
}

/// What is known of a process from before it changed its user: its memory stays readable through a file that was opened
/// then (proc_pid_mem(5): the right is checked by open(2)).
#[derive(Debug)]
pub(super) struct Kept {
    memory: Option<File>,
    /// Its working directory; `None` once it has changed that.
    pub(super) directory: Option<Vec<u8>>,
}

/// Keep what is known of a process that is about to close.
pub(super) fn keep(pid: Pid) -> Kept {
    Kept { memory: memory(pid), directory: link(pid, "cwd").ok() }
}

/// The memory of a process, as long as it runs the same program.
pub(super) fn memory(pid: Pid) -> Option<File> {
    host::open(Path::new(&format!("/proc/{}/mem", pid.as_raw_nonzero()))).ok()
}

/// The process that a thread belongs to; the thread itself where that is not told.
pub(super) fn process(pid: Pid) -> i32 {
    innermost(pid, b"Tgid:").unwrap_or(pid.as_raw_nonzero().get())
}

/// The last number of a line of /proc/PID/status, as NStgid: the process's number in its own PID namespace.
pub(super) fn innermost(pid: Pid, name: &[u8]) -> Option<i32> {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = host::read_start(path.as_ref(), 4096).ok()?;
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
    str::from_utf8(line).ok()?.split_ascii_whitespace().next_back()?.parse().ok()
}

impl Kept {
    /// As [`string`], of a process that has closed.
    pub(super) fn string(&self, address: u64) -> Result<Vec<u8>, Unknown> {
        let memory = self.memory.as_ref().ok_or(Unknown::Refused)?;
        text(address, |at, buffer| match memory.read_at(buffer, at as u64) {
            Ok(0) | Err(_) => Err(Unknown::Unreadable),
            Ok(count) => Ok(count),
        })
    }
}

/// The string at that address of a process, without its NUL. A call for each word takes ten times as long as one for the
/// whole path, and is never refused.
pub(super) fn string(pid: Pid, memory: Option<&File>, address: u64) -> Result<Vec<u8>, Unknown> {
    text(address, |at, buffer| match memory.map(|memory| memory.read_at(buffer, at as u64)) {
        Some(Ok(count)) if count > 0 => Ok(count),
        _ => word(pid, at, buffer),
    })
}

/// The number at that address of a process.
pub(super) fn number_at(pid: Pid, address: u64) -> Result<u64, Unknown> {
    let mut bytes = [0; 8];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = usize::try_from(address).ok().and_then(|at| at.checked_add(filled)).ok_or(Unknown::Nothing)?;
        filled += word(pid, at, rest)?;
    }
    Ok(u64::from_ne_bytes(bytes))
}

fn text(address: u64, mut read: impl FnMut(usize, &mut [u8]) -> Result<usize, Unknown>) -> Result<Vec<u8>, Unknown> {
    let mut text = Vec::new();
    let mut at = usize::try_from(address).map_err(|_| Unknown::Nothing)?;
    while text.len() < LONGEST {
        // Not past the end of a page: the next one may not be there.
        let mut buffer = [0; CHUNK];
        let room = (PAGE - at % PAGE).min(CHUNK);
        let count = read(at, buffer.get_mut(..room).unwrap_or(&mut []))?;
        let read = buffer.get(..count).unwrap_or(&[]);
        match read.iter().position(|&byte| byte == 0) {
            Some(end) => {
                text.extend_from_slice(read.get(..end).unwrap_or(read));
                return Ok(text);
            }
            None => text.extend_from_slice(read),
        }
        at = at.checked_add(count).ok_or(Unknown::Nothing)?;
    }
    // Too long: the call ends with ENAMETOOLONG.
    Err(Unknown::Nothing)
}

/// Read word by word: that is the one way that a tracer is not refused, and that does not wait for another thread of
/// the process, which may be waiting for its tracer (userfaultfd(2)).
fn word(pid: Pid, at: usize, buffer: &mut [u8]) -> Result<usize, Unknown> {
    let start = at & !7;
    let word = match ptrace::read(nix(pid), start as ptrace::AddressType) {
        Ok(word) => word.to_ne_bytes(),
        Err(nix::Error::ESRCH) => return Err(Unknown::Nothing),
        // NULL: the call means an open file, or will fail.
        Err(_) if at == 0 => return Err(Unknown::Nothing),
        Err(_) => {
            let path = format!("/proc/{}/exe", pid.as_raw_nonzero());
            let told = rustix::fs::readlink(&path, Vec::new());
            let closed = matches!(told, Err(Errno::ACCESS | Errno::PERM));
            return Err(if closed { Unknown::Refused } else { Unknown::Unreadable });
        }
    };
    let bytes = word.get(at - start..).unwrap_or(&[]);
    let count = bytes.len().min(buffer.len());
    if let (Some(to), Some(from)) = (buffer.get_mut(..count), bytes.get(..count)) {
        to.copy_from_slice(from);
    }
    Ok(count)
}

/// Where a link of /proc/PID leads: `exe`, `cwd`, `root`, `fd/N`.
pub(super) fn link(pid: Pid, name: &str) -> Result<Vec<u8>, Unknown> {
    let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
    let read = || rustix::fs::readlink(&path, Vec::new()).map(std::ffi::CString::into_bytes);
    match read() {
        Ok(link) => Ok(link),
        Err(Errno::ACCESS | Errno::PERM) => as_its_user(pid, read),
        // It has ended, or has no such descriptor.
        Err(_) => Err(Unknown::Nothing),
    }
}

fn as_its_user<T>(pid: Pid, act: impl FnOnce() -> Result<T, Errno>) -> Result<T, Unknown> {
    let status = host::read_start(format!("/proc/{}/status", pid.as_raw_nonzero()).as_ref(), 4096);
    let status = status.map_err(|_| Unknown::Nothing)?;
    // Real, effective, saved, and that of file access (proc_pid_status(5)).
    let effective = |name: &[u8]| -> Option<u32> {
        let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
        str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let (Some(uid), Some(gid)) = (effective(b"Uid:"), effective(b"Gid:")) else { return Err(Unknown::Refused) };
    let group = unistd::setfsgid(Gid::from_raw(gid));
    let user = unistd::setfsuid(Uid::from_raw(uid));
    let result = act();
    unistd::setfsuid(user);
    unistd::setfsgid(group);
    match result {
        Ok(value) => Ok(value),
        Err(Errno::ACCESS | Errno::PERM) => Err(Unknown::Refused),
        Err(_) => Err(Unknown::Nothing),
    }
}
