//! Letting a stopped process go on: the one call of this program that no safe crate offers.
//!
//! Safe interfaces to ptrace(2) take a signal by name, and realtime signals have none: the C library uses them for
//! setuid(2) in programs with threads, and .NET to suspend threads. PTRACE_LISTEN, without which a stopped job would
//! run on, is missing there altogether.

#![allow(unsafe_code)]

use nix::libc::{self, c_int, c_void};
use rustix::io::Errno;
use rustix::process::Pid;

/// How a stopped process goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// It runs, after that signal when the number is not 0.
    Run(c_int),
    /// It stays stopped as job control wants it, until SIGCONT (ptrace(2), PTRACE_LISTEN).
    Stopped,
}

/// Let a process go on that this thread traces and that is stopped.
///
/// # Errors
/// ESRCH when it has ended meanwhile.
pub(super) fn resume(pid: Pid, how: Resume) -> Result<(), Errno> {
    let (request, signal) = match how {
        Resume::Run(signal) => (libc::PTRACE_CONT, signal),
        Resume::Stopped => (libc::PTRACE_LISTEN, 0),
    };
    let (address, data) = (std::ptr::null_mut::<c_void>(), signal as usize as *mut c_void);
    // SAFETY: both requests take numbers only: the kernel reads and writes no memory of this process.
    let result = unsafe { libc::ptrace(request, pid.as_raw_nonzero().get(), address, data) };
    if result == -1 { Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)) } else { Ok(()) }
}
