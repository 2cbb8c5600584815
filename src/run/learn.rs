//! `harden learn`: from its options to its exit status.

use std::time::Duration;

use crate::cli::Learn;
use crate::console::{Console, Volume};
use crate::diag::Kind;
use crate::exit::Exit;
use crate::learn::{self, FAILED, Request};
use crate::policy::{Environment, LearnOptions};

/// The file that is written by default.
const OUTPUT: &str = "harden.learned.toml";

/// Run the command.
pub(super) fn run(asked: &Learn, environment: &Environment) -> Exit {
    let options = LearnOptions::new(asked, environment);
    let volume = if options.quiet { Volume::Quiet } else { Volume::Normal };
    let console = Console::new(volume, options.no_color);
    for problem in &options.problems {
        console.say(Kind::Error, problem);
    }
    if !options.problems.is_empty() {
        return Exit::Command(FAILED);
    }
    let request = Request {
        output: options.output.unwrap_or_else(|| OUTPUT.to_owned()),
        seccomp: options.seccomp,
        timeout: options.timeout.map(|seconds| Duration::from_secs(seconds.into())),
        user: options.user,
        merge: options.merge,
        words: asked.words.clone(),
    };
    Exit::Command(learn::run(&request, &console))
}
