//! The second start of this program: it waits for its tracer, installs the filter, and becomes CMD.
//!
//! Between fork and exec nothing but async-signal-safe code may run, which safe Rust cannot promise; a program of its
//! own has no such limits. Standard streams, terminal, session and process group are those of the first start.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;

use nix::sys::signal::SigSet;

use super::{CANNOT_RUN, FAILED, NOT_FOUND};
use crate::console::{Console, Volume};
use crate::diag::{Diagnostic, Kind, codes, escape};
use crate::exit::Exit;
use crate::trace::{self, Stops};

/// The first argument of the second start; the words of CMD follow.
pub(super) const ARGUMENT: &str = "--become-the-learned";
/// The same, for a command that stops at every call.
pub(super) const EVERY: &str = "--become-the-learned-by-call";
/// Both.
pub(crate) const ARGUMENTS: [&str; 2] = [ARGUMENT, EVERY];

/// Become CMD. Returns only when that fails.
#[must_use]
pub(crate) fn main(args: &[OsString]) -> Exit {
    let console = Console::new(Volume::Quiet, true);
    let Some(([_, mode], [program, arguments @ ..])) = args.split_at_checked(2) else {
        let text = format!("{ARGUMENT} is for this program's own use");
        console.say(Kind::Error, &Diagnostic::new(codes::USAGE, text));
        return Exit::Command(FAILED);
    };
    // The tracer holds signals back for itself, and what it starts inherits that.
    let _ = SigSet::empty().thread_set_mask();
    // The tracer seizes a stopped process, so that nothing happens before it is there.
    trace::wait_for_tracer();
    if trace::stop_at_calls(if mode == EVERY { Stops::Every } else { Stops::Paths }).is_err() {
        let text = "the kernel refuses the seccomp filter that stops calls";
        let error = Diagnostic::new(codes::LEARN_TRACE, text);
        console.say(Kind::Error, &error.help("allow the call seccomp(2): --security-opt seccomp=unconfined does"));
        return Exit::Command(FAILED);
    }
    #[allow(clippy::disallowed_methods, reason = "this is what is learned from")]
    let error = std::process::Command::new(program).args(arguments).exec();
    let text = format!("cannot run {}: {error}", escape::quoted(program.as_bytes()));
    console.say(Kind::Error, &Diagnostic::new(codes::LEARN_START, text));
    Exit::Command(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN })
}
