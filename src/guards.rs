//! The registry of guards: what is refused before the first change, each saying what to write instead.
//!
//! A guard looks at the finished draft, so that it refuses what would really happen and nothing else. A warning in a
//! build log is seen by nobody: what would break an image is a refusal.

pub mod accounts_in_use;
pub mod app_paths;
pub mod checks;
pub mod entrypoints;
pub mod jobs;
pub mod mounts;
pub mod remove_directories;
pub mod root_home;
pub mod scripts;
pub mod setid;
pub mod shell;
pub mod starts;
pub mod system_dirs;

use crate::draft::Draft;
use crate::rules::context::Context;

/// One guard: its name, for messages, and the check.
pub type Guard = (&'static str, fn(&Context<'_>, &mut Draft<'_>));

/// Every guard that looks at the draft; those of the environment are in [`crate::pipeline`].
pub static GUARDS: &[Guard] = &[
    ("guard.accounts", accounts_in_use::check),
    ("guard.checks", checks::check),
    ("guard.entrypoints", entrypoints::check),
    ("guard.files", app_paths::check),
    ("guard.jobs", jobs::check),
    ("guard.mounts", mounts::check),
    ("guard.remove-directories", remove_directories::check),
    ("guard.root-home", root_home::check),
    ("guard.scripts", scripts::check),
    ("guard.setid", setid::check),
    ("guard.shell", shell::check),
    ("guard.starts", starts::check),
    ("guard.system-dirs", system_dirs::check),
];
