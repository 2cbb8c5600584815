//! The calls that a command made, by name, for a profile of the calls that it may make.

use std::collections::BTreeSet;

use rustix::io::Errno;
use rustix::process::Pid;

use super::calls::{self, Odd, names};
use super::resume;

/// The calls of a command and of everything that it started.
#[derive(Debug, Default)]
pub(crate) struct Made {
    calls: BTreeSet<(u32, u64)>,
    /// It made processes in namespaces of their own.
    pub(crate) namespaces: bool,
    /// It made sockets of families that reach out of a container.
    pub(crate) odd_sockets: bool,
}

impl Made {
    /// Add the call at which a process is stopped.
    ///
    /// # Errors
    /// When the kernel does not tell it.
    pub(super) fn add(&mut self, pid: Pid) -> Result<(), Errno> {
        match resume::call(pid) {
            Ok(call) => {
                self.calls.insert((call.machine, call.number));
                match calls::odd(call.machine, call.number, &call.arguments) {
                    Some(Odd::Namespace) => self.namespaces = true,
                    Some(Odd::Socket) => self.odd_sockets = true,
                    None => {}
                }
                Ok(())
            }
            // Killed meanwhile.
            Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Their names. A number without one is no call.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.calls.iter().filter_map(|&(machine, number)| names::name(machine, number))
    }
}

/// Calls that have the same number on every machine, and that C libraries do without on an older kernel.
pub(crate) fn newer() -> impl Iterator<Item = &'static str> {
    /// The first of them: pidfd_send_signal(2).
    const FIRST: u64 = 424;
    names::newer(FIRST)
}
