//! A request to end: SIGTERM, SIGINT and SIGHUP wait while a root is being changed, and are asked for between two
//! steps.
//!
//! A run that such a signal killed in the middle would leave directories with wrong times. No handler is needed: the
//! signals are blocked and read from a descriptor (signalfd(2)). A signal that was ignored at the start stays ignored
//! (nohup), and one that was blocked stays blocked.

use std::sync::OnceLock;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::root::host;

const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// Signals that wait, and the first of them that came.
#[derive(Debug)]
pub(crate) struct Stop {
    waiting: Option<SignalFd>,
    held: SigSet,
    asked: OnceLock<Signal>,
}

/// From here on a file that would become larger than its limit (RLIMIT_FSIZE) is an error of the write, and ends no process:
/// the message can say which file.
pub(crate) fn let_writes_fail() {
    let mut beyond = SigSet::empty();
    beyond.add(Signal::SIGXFSZ);
    let _ = beyond.thread_block();
}

impl Stop {
    /// Let the signals wait from here on. Where the kernel cannot do that they do what they did.
    #[must_use]
    pub(crate) fn hold() -> Self {
        let ignored = host::ignored_signals();
        let blocked = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::all());
        let mut held = SigSet::empty();
        for signal in ENDING {
            let is_ignored = ignored & (1 << (signal as i32 - 1)) != 0;
            if !is_ignored && !blocked.contains(signal) {
                held.add(signal);
            }
        }
        let waiting = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok();
        let stop = Self { waiting, held, asked: OnceLock::new() };
        stop.again();
        stop
    }

    /// Nothing waits: signals do what they do.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self { waiting: None, held: SigSet::empty(), asked: OnceLock::new() }
    }

    /// Which signal asked for an end, if any did.
    #[must_use]
    pub(crate) fn asked(&self) -> Option<&'static str> {
        if self.asked.get().is_none()
            && let Some(Ok(Some(info))) = self.waiting.as_ref().map(SignalFd::read_signal)
        {
            let signal = i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
            if let Some(signal) = signal {
                let _ = self.asked.set(signal);
            }
        }
        self.asked.get().map(|signal| signal.as_str())
    }

    /// Let the signals do what they did, for a program that is started and inherits that. Nothing may be changed now.
    pub(crate) fn release(&self) {
        let _ = self.held.thread_unblock();
    }

    /// Let them wait again.
    pub(crate) fn again(&self) {
        if self.waiting.is_some() {
            let _ = self.held.thread_block();
        }
    }

    /// The signals that wait, as one word for [`release_named`].
    #[must_use]
    pub(crate) fn word(&self) -> String {
        let held: Vec<&str> = ENDING.into_iter().filter(|&s| self.held.contains(s)).map(Signal::as_str).collect();
        held.join(",")
    }
}

/// In a process that inherited waiting signals: let those of [`Stop::word`] do what they did.
pub(crate) fn release_named(word: &str) {
    let mut set = SigSet::empty();
    ENDING.into_iter().filter(|signal| word.split(',').any(|name| name == signal.as_str())).for_each(|s| set.add(s));
    let _ = set.thread_unblock();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nix::sys::signal::{SigSet, Signal, raise};

    use super::{ENDING, Stop, release_named};
    use crate::root::host;

    /// Signals are those of this thread, and of no other test.
    #[test]
    fn a_signal_waits_until_it_is_asked_for_and_a_second_one_changes_nothing() {
        // Of nohup(1) and of a shell's background a process inherits signals that are ignored, and they stay so.
        let ignored = host::ignored_signals();
        let counts = |signal: &Signal| ignored & (1 << (*signal as i32 - 1)) == 0;
        let expected: Vec<&str> = ENDING.iter().filter(|signal| counts(signal)).map(|signal| signal.as_str()).collect();
        let stop = Stop::hold();
        assert_eq!((stop.word(), stop.asked()), (expected.join(","), None));
        raise(Signal::SIGTERM).unwrap();
        raise(Signal::SIGTERM).unwrap();
        assert_eq!(stop.asked(), Some("SIGTERM"));
        raise(Signal::SIGHUP).unwrap();
        assert_eq!(stop.asked(), Some("SIGTERM"));
        // What still waits must not end the tests.
        let _ = stop.waiting.as_ref().unwrap().read_signal();
        // What waits already belongs to another part of the program.
        assert_eq!(Stop::hold().word(), "");
        release_named(&stop.word());
        assert!(!SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM));
        assert_eq!(Stop::never().asked(), None);
    }
}
