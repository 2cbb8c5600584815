//! Checks: commands of the hardened image, run before this program removes itself, so that a broken image is never
//! built.
//!
//! Programs of an image run here, in `learn` and in the trial of a changed busybox (`run/selftest.rs`), and only on the
//! running root. A check gets no shell and no privileges (`check/child.rs`), a time limit, and an end with everything
//! that it started (`check/process.rs`). The tree is compared before and after it (`check/traces.rs`): a layer holds no
//! file of a check. This module returns the output of a check; the caller prints it.

pub(crate) mod child;
mod process;
mod tcp;
mod traces;

use anyhow::{Result, anyhow};
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Diagnostic, escape};
use crate::facts::accounts::{self, Accounts, HOME, UID, parse_id};
use crate::guards::checks::ID as GUARD;
use crate::pipeline::Examined;
use crate::policy::{Check, Policy, Start};
use crate::root::extras::Extras;
use crate::root::{Root, host};
use crate::stop::Stop;
use crate::tree::{Id, Tree};
use child::Credentials;

/// Changed paths that a message names.
const NAMED: usize = 5;

/// As whom, where and with which environment checks run.
#[derive(Debug)]
pub(crate) struct Setup {
    /// This program, which starts the check after dropping its own privileges.
    program: String,
    /// The run user; `None` when the image's program starts as root.
    credentials: Option<Credentials>,
    /// Children that this process had before the first check.
    strangers: BTreeSet<i32>,
    home: String,
    path: String,
    workdir: String,
}

/// What became of one check.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What is wrong, each the end of a sentence; nothing when it passed.
    pub failures: Vec<String>,
    /// What it printed, both streams, cut in the middle when it is long.
    pub output: Vec<u8>,
}

/// The hardened root before the first check, and how to run checks in it.
#[derive(Debug)]
pub(crate) struct Runner {
    root: Root,
    before: Tree,
    extras: BTreeMap<Id, Extras>,
    setup: Setup,
}

impl Setup {
    /// How the checks of this policy run; `None` when there is no check to run.
    ///
    /// # Errors
    /// What stands in the way of any check, and what to do about it. Nothing of the image is run for that: this program
    /// is started once, drops its privileges and ends.
    pub(crate) fn try_out(examined: &Examined, policy: &Policy, stop: &Stop) -> Result<Option<Self>, Diagnostic> {
        if policy.checks.is_empty() {
            return Ok(None);
        }
        let program = host::own_executable()
            .ok_or_else(|| cannot("cannot find this program's own file, which starts the checks"))?;
        let credentials = match (policy.start, examined.ids.run()) {
            (Start::User, Some(run)) => {
                Some(Credentials { uid: run.uid, gid: run.gid, groups: run.groups.iter().copied().collect() })
            }
            _ => None,
        };
        let setup = Self {
            program,
            credentials,
            strangers: process::adopt_orphans().map_err(|error| cannot(error.to_string()))?,
            home: "/".to_owned(),
            path: policy.path.join(":"),
            workdir: policy.workdir.clone().unwrap_or_else(|| "/".to_owned()),
        };
        let (result, output) = process::run(&setup, &[], None, crate::policy::CHECK_TIMEOUT, stop);
        result.map_err(|text| {
            let said = escape::escaped(output.trim_ascii());
            cannot(format!("cannot start a check without privileges: {text}: {said}"))
        })?;
        for port in policy.checks.iter().filter_map(|check| check.tcp) {
            tcp::is_free(port).map_err(|error| {
                Diagnostic::new(GUARD, error.to_string()).help("free the port for this step, or remove the check")
            })?;
        }
        Ok(Some(setup))
    }
}

/// No check can run here.
fn cannot(text: impl Into<String>) -> Diagnostic {
    Diagnostic::new(GUARD, text).help("run the checks in a build step that can drop capabilities, or remove them")
}

impl Runner {
    /// Look at the root as it is before the first check.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn new(mut setup: Setup) -> Result<Self> {
        // A root of its own: the other one's open directories are numbered by another tree.
        let root = Root::open(b"/")?;
        let before = root.walk_everything()?;
        let accounts = Accounts::collect(&before, |id| root.read(&before, id, accounts::MAX_SIZE).ok());
        let uid = setup.credentials.as_ref().map_or(0, |who| who.uid);
        let account = accounts.passwd().find(|line| parse_id(line.field(UID)) == Some(uid));
        if let Some(home) =
            account.and_then(|line| str::from_utf8(line.field(HOME)).ok()).filter(|home| !home.is_empty())
        {
            setup.home = home.to_owned();
        }
        let mut extras = BTreeMap::new();
        for id in before.ids().filter(|&id| before.is_dir(id) && (id == Id::ROOT || !before.meta(id).mount)) {
            let has = root.extras(&before, id)?;
            if has != Extras::default() {
                extras.insert(id, has);
            }
        }
        Ok(Self { root, before, extras, setup })
    }

    /// Run one check, end what it started, remove what it created.
    #[must_use]
    pub(crate) fn run(&self, check: &Check, stop: &Stop) -> Ran {
        let (result, output) = process::run(&self.setup, &check.argv, check.tcp, check.timeout, stop);
        let mut failures: Vec<String> = result.err().iter().map(ToString::to_string).collect();
        if let Err(failure) = self.tidy() {
            failures.push(failure.to_string());
        }
        Ran { failures, output }
    }

    /// Compare the tree with what it was, and remove what is new.
    fn tidy(&self) -> Result<()> {
        let after = self.root.walk_everything()?;
        let traces = traces::compare(&self.before, &after);
        traces.remove(&self.root, &self.before, &after, &self.extras)?;
        if traces.changed.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = traces.changed.iter().take(NAMED).map(|path| escape::quoted(path)).collect();
        let more = match traces.changed.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Err(anyhow!(
            "changed, removed, or opened for writing files that the image keeps: {}{more}; \
             a check may only create new files",
            named.join(", ")
        ))
    }
}
