//! Follows a command and everything that it starts, and tells which files of an image they used: `learn` writes them
//! down, a check compares them with a plan.
//!
//! This module and its parts are the only ones that trace. They decide nothing about an image. Only calls that name a
//! file stop, unless every call is asked for; events that could not be followed are counted, and the first one is
//! reported ([`Lost`]).
//!
//! ```text
//!             tree (image) ─┐
//! calls ──> tracer ──> places ──> trail ──> seen
//! ```

mod calls;
mod effect;
mod image;
mod made;
pub(crate) mod places;
mod resume;
mod seen;
mod tracer;
mod trail;
mod watch;

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions};

pub(crate) use calls::Stops;
pub(crate) use calls::{NAMESPACES, ODD_FAMILIES};
pub(crate) use image::Image;
pub(crate) use made::{Made, newer};
pub(crate) use seen::{Account, Against, How, Seen, Used};
pub(crate) use tracer::{End, Lost, Traced, follow};

/// How a command is followed.
#[derive(Debug)]
pub(crate) struct Way {
    /// How long processes that the command left behind may take to end after SIGTERM; zero is SIGKILL at once.
    pub grace: Duration,
    /// What is said to have used a file before the command itself runs.
    pub starter: &'static str,
    /// This process stops with the command, as one job of a shell.
    pub job: bool,
    /// Every call stops, and is told by its name.
    pub every: bool,
    /// Interpreters of scripts are told too: the kernel starts them without a call.
    pub interpreters: bool,
    /// Set once the command has ended: its number may mean another process.
    pub ended: Arc<AtomicBool>,
}

/// In the process that becomes the command: stop, so that its tracer is there before anything happens.
pub(crate) fn wait_for_tracer() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
}

/// In the process that becomes the command: from here on its calls stop.
///
/// # Errors
/// When the kernel refuses the filter.
pub(crate) fn stop_at_calls(stops: Stops) -> Result<(), seccompiler::Error> {
    seccompiler::apply_filter(&calls::filter(stops))
}

/// The process of a child that has called [`wait_for_tracer`]; `None` when it ended before.
pub(crate) fn waiting(child: &Child) -> Option<Pid> {
    let main = Pid::from_child(child);
    loop {
        match rustix::process::waitpid(Some(main), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) if status.stopped() => return Some(main),
            Err(Errno::INTR) | Ok(None) => {}
            _ => return None,
        }
    }
}
