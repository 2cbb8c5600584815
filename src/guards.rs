//! The registry of guards: each refuses a plan before the first change, and says what to write instead.
//!
//! A guard looks at the finished draft, so that it refuses real effects only. Users overlook a warning in a build log,
//! so a guard refuses a plan that would break the image.

pub(crate) mod access;
pub(crate) mod accounts_in_use;
pub(crate) mod app_paths;
pub(crate) mod checks;
pub(crate) mod entrypoints;
pub(crate) mod jobs;
pub(crate) mod login_shells;
pub(crate) mod mounts;
pub(crate) mod remove_directories;
pub(crate) mod root_home;
pub(crate) mod scripts;
pub(crate) mod setid;
pub(crate) mod shell;
pub(crate) mod starts;
pub(crate) mod system_dirs;

use crate::draft::Draft;
use crate::rules::context::Context;

/// One guard: its name, for messages, and the check.
pub(crate) type Guard = (&'static str, fn(&Context<'_>, &mut Draft<'_>));

/// Every guard that looks at the draft. Those of the environment are in `run::session`, guard.run is in `pipeline`.
pub(crate) static GUARDS: &[Guard] = &[
    ("guard.access", access::check),
    ("guard.accounts", accounts_in_use::check),
    ("guard.checks", checks::check),
    ("guard.entrypoints", entrypoints::check),
    ("guard.files", app_paths::check),
    ("guard.jobs", jobs::check),
    ("guard.login-shells", login_shells::check),
    ("guard.mounts", mounts::check),
    ("guard.remove-directories", remove_directories::check),
    ("guard.root-home", root_home::check),
    ("guard.scripts", scripts::check),
    ("guard.setid", setid::check),
    ("guard.shell", shell::check),
    ("guard.starts", starts::check),
    ("guard.system-dirs", system_dirs::check),
];
