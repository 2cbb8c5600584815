//! The registry of guards: each refuses a plan before the first change, and names the policy entry to write instead.
//!
//! A guard looks at the finished draft, so that it refuses real effects only. Users overlook a warning in a build log,
//! so a guard refuses a plan that would break the image.

pub(crate) mod access;
pub(crate) mod accounts_in_use;
pub(crate) mod app_paths;
pub(crate) mod checks;
pub(crate) mod data;
pub(crate) mod entrypoints;
mod environment;
pub(crate) mod helpers;
pub(crate) mod jobs;
pub(crate) mod login_shells;
pub(crate) mod mounts;
pub(crate) mod passwords;
mod reach;
pub(crate) mod remove_directories;
pub(crate) mod root_home;
pub(crate) mod scripts;
pub(crate) mod setid;
pub(crate) mod shell;
pub(crate) mod starts;
pub(crate) mod system_dirs;
pub(crate) mod written_files;

use crate::draft::Draft;
use crate::rules::context::Context;

/// One guard.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Stable id.
    pub id: &'static str,
    /// The effect that is refused, as a clause.
    pub title: &'static str,
    /// The remedy, as a noun phrase.
    pub settled: &'static str,
    /// The guard itself.
    pub check: fn(&Context<'_>, &mut Draft<'_>),
}

/// The guards that foresee from texts what a program will start or load: a check shows it.
pub(crate) const FORESEE: [&str; 8] = [
    "guard.entrypoints",
    "guard.helpers",
    "guard.jobs",
    "guard.login-shells",
    "guard.scripts",
    "guard.shell",
    "guard.starts",
    "guard.written-files",
];

/// Every guard that looks at the draft. What keeps apply from running at all is in `run::session`, guard.run in `pipeline`.
pub(crate) static GUARDS: &[Guard] = &[
    access::GUARD,
    accounts_in_use::GUARD,
    checks::GUARD,
    data::GUARD,
    entrypoints::GUARD,
    environment::GUARD,
    app_paths::GUARD,
    helpers::GUARD,
    jobs::GUARD,
    login_shells::GUARD,
    mounts::GUARD,
    passwords::GUARD,
    remove_directories::GUARD,
    root_home::GUARD,
    scripts::GUARD,
    setid::GUARD,
    shell::GUARD,
    starts::GUARD,
    system_dirs::GUARD,
    written_files::GUARD,
];
