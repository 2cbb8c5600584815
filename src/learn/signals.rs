//! Signals that are meant for CMD, and its time limit.
//!
//! One thread waits for signals in the place of the whole process, and hands them on. A terminal sends its signals to
//! every process of the foreground group: CMD has them already.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use rustix::process::Pid;

use crate::trace::places;

/// How long CMD may take to end after the SIGTERM of its time limit.
const GRACE: Duration = Duration::from_secs(10);

/// Signals of the process itself, which are not caught.
const OWN: [Signal; 8] = [
    Signal::SIGCHLD,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGSYS,
    Signal::SIGPIPE,
];

/// Signals that wait for their reader.
pub(super) struct Signals(SignalFd);

/// What the threads share with the tracer.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    /// CMD has ended: its number may mean another process.
    pub(super) ended: Arc<AtomicBool>,
    /// The time limit has ended CMD.
    pub(super) timed_out: Arc<AtomicBool>,
}

impl Signals {
    /// Let signals wait from here on. A new process inherits that, and has to undo it.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn hold() -> Result<Self, nix::Error> {
        let mut set = SigSet::all();
        OWN.into_iter().for_each(|signal| set.remove(signal));
        set.thread_block()?;
        SignalFd::new(&set).map(Self)
    }

    /// Hand every signal on to CMD as it comes, and end CMD after `limit`.
    pub(super) fn forward(self, main: Pid, limit: Option<Duration>, shared: &Shared) {
        let main = places::nix(main);
        let ended = Arc::clone(&shared.ended);
        thread::spawn(move || {
            while let Ok(Some(info)) = self.0.read_signal() {
                let from_kernel = info.ssi_code == libc::SI_KERNEL;
                let signal = i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
                if let (Some(signal), false, false) = (signal, from_kernel, ended.load(Ordering::SeqCst)) {
                    let _ = nix::sys::signal::kill(main, signal);
                }
            }
        });
        let Some(limit) = limit else { return };
        let shared = shared.clone();
        thread::spawn(move || {
            for (pause, signal) in [(limit, Signal::SIGTERM), (GRACE, Signal::SIGKILL)] {
                thread::sleep(pause);
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                shared.timed_out.store(true, Ordering::SeqCst);
                // A stopped process sees neither.
                for signal in [signal, Signal::SIGCONT] {
                    let _ = nix::sys::signal::kill(main, signal);
                }
            }
        });
    }
}

/// End as CMD did, by that signal. Returns where that does not end this process: process 1, an ignored signal.
pub(super) fn die(signal: i32) {
    let Ok(signal) = Signal::try_from(signal) else { return };
    // What is to be seen is how CMD ended, and not a second core dump.
    let core = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, core);
    let mut set = SigSet::empty();
    set.add(signal);
    // The standard library has a handler for stack overflows, which gives way the first time.
    for _ in 0..2 {
        let _ = nix::sys::signal::raise(signal);
        let _ = set.thread_unblock();
    }
}
