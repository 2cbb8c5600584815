//! Requests of ptrace(2) that no safe crate offers: letting a stopped process go on, and asking which call it makes.
//!
//! Safe interfaces to ptrace(2) take a signal by name, and realtime signals have none: the C library uses them for
//! setuid(2) in programs with threads, and .NET to suspend threads. PTRACE_LISTEN, without which a stopped job would
//! run on, is missing there altogether, as is PTRACE_GET_SYSCALL_INFO with musl.

#![allow(unsafe_code)]

use nix::libc::{self, c_int, c_long, c_uint, c_void};
use rustix::io::Errno;
use rustix::process::Pid;

/// How a stopped process goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// It runs, after that signal when the number is not 0.
    Run(c_int),
    /// As [`Self::Run`], and stops once more when its call has been made.
    ToEnd(c_int),
    /// It stays stopped as job control wants it, until SIGCONT (ptrace(2), PTRACE_LISTEN).
    Stopped,
}

/// A call at which a process is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// The call table (linux/audit.h).
    pub(super) machine: u32,
    pub(super) number: u64,
    pub(super) arguments: [u64; 6],
}

/// `struct ptrace_syscall_info` (linux/ptrace.h): kind, machine, two addresses, number, arguments, and room for more.
const WORDS: usize = 16;

/// Let a process go on that this thread traces and that is stopped.
///
/// # Errors
/// ESRCH when it has ended meanwhile.
pub(super) fn resume(pid: Pid, how: Resume) -> Result<(), Errno> {
    let (request, signal) = match how {
        Resume::Run(signal) => (libc::PTRACE_CONT, signal),
        Resume::ToEnd(signal) => (libc::PTRACE_SYSCALL, signal),
        Resume::Stopped => (libc::PTRACE_LISTEN, 0),
    };
    ask(request as c_uint, pid, 0, Data::Number(signal)).map(drop)
}

/// The call at which a process is stopped by the filter.
///
/// # Errors
/// ESRCH when it has ended meanwhile; another where the kernel does not tell (before Linux 5.3).
pub(super) fn call(pid: Pid) -> Result<Call, Errno> {
    const GET_SYSCALL_INFO: c_uint = 0x420e;
    let mut words = [0_u64; WORDS];
    let told = ask(GET_SYSCALL_INFO, pid, size_of_val(&words), Data::Buffer(&mut words))?;
    let [kind, _, _, number, a, b, c, d, e, f, ..] = words;
    // At a stop of the filter the kernel tells at least so much.
    if told < 80 {
        return Err(Errno::INVAL);
    }
    let bytes = kind.to_ne_bytes();
    let [_, _, _, _, machine @ ..] = bytes;
    Ok(Call { machine: u32::from_ne_bytes(machine), number, arguments: [a, b, c, d, e, f] })
}

/// What a request hands over.
enum Data<'a> {
    Number(c_int),
    Buffer(&'a mut [u64; WORDS]),
}

fn ask(request: c_uint, pid: Pid, address: usize, data: Data<'_>) -> Result<c_long, Errno> {
    let data = match data {
        Data::Number(number) => number as usize as *mut c_void,
        Data::Buffer(buffer) => buffer.as_mut_ptr().cast(),
    };
    // SAFETY: the requests that resume a process take numbers only: the kernel reads and writes no memory of this
    // process. The one that tells a call writes at most `address` bytes, which is the length of the buffer that `data`
    // points to and that is borrowed until the call has returned.
    let result = unsafe { libc::ptrace(request as _, pid.as_raw_nonzero().get(), address as *mut c_void, data) };
    if result == -1 {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    } else {
        Ok(result as c_long)
    }
}
