//! Checks: commands of the image, run before the first change and once more in the hardened root, so that a broken
//! image is never built.
//!
//! Programs of an image run here, in `learn` and in the trial of a changed busybox (`run/selftest.rs`), and only on the
//! running root. A check gets no shell and no privileges (`check/child.rs`), a time limit, and an end with everything
//! that it started (`check/process.rs`). The tree is compared before and after it (`check/traces.rs`): a layer holds no
//! file of a check. The files that a check uses are recorded ([`crate::trace`]) and compared with the plan
//! (`check/uses.rs`). This module returns the output of a check; the caller prints it.

pub(crate) mod child;
mod process;
mod tcp;
mod traces;
mod uses;

use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Diagnostic, escape};
use crate::facts::accounts::{self, Accounts, HOME, UID, parse_id};
use crate::guards::checks::ID as GUARD;
use crate::pipeline::Examined;
use crate::policy::{Check, Policy, Start};
use crate::root::extras::Extras;
use crate::root::{Root, host};
use crate::rules::accounts::user;
use crate::rules::files::app;
use crate::stop::Stop;
use crate::trace::{Image, Seen};
use crate::tree::{Id, Killed, Tree};
use child::Credentials;
use process::{Finished, Until};

pub(crate) use process::Outcome;
pub(crate) use uses::{First, Judge, Used};

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
    /// Why checks cannot be followed here.
    pub(crate) alone: Option<String>,
}

/// What became of one check.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What is wrong, each the end of a sentence; nothing when it passed.
    pub failures: Vec<String>,
    /// How it stood at its end, unless it failed.
    pub outcome: Option<Outcome>,
    /// What it did to files that the image has, as the end of a sentence.
    pub changed: Option<String>,
    /// What it printed, both streams, cut in the middle when it is long.
    pub output: Vec<u8>,
    /// What it used, when it was followed.
    pub used: Option<Used>,
    /// What could not be followed.
    pub unseen: Option<String>,
}

/// The root before some check, and how to run checks in it.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    root: Root,
    before: Before<'a>,
    /// Of the directories that a check can give others.
    extras: BTreeMap<Id, Extras>,
    setup: &'a Setup,
    home: String,
}

/// A tree before a check.
#[derive(Debug)]
enum Before<'a> {
    /// Somebody else's, read a moment ago.
    Known(&'a Tree),
    Walked(Tree),
}

impl Before<'_> {
    const fn tree(&self) -> &Tree {
        match self {
            Self::Known(tree) => tree,
            Self::Walked(tree) => tree,
        }
    }
}

/// Whether a check passed that has to start a program: what is wrong, as the end of a sentence.
pub(crate) fn started_as_before(now: Option<Outcome>, before: Option<Outcome>) -> Option<String> {
    let Some(Outcome::Ended(end)) = now else { return None };
    match before {
        Some(Outcome::Ended(before)) if before == end => None,
        Some(Outcome::Ended(before)) => Some(format!("{}, and before the changes it {}", end.text(), before.text())),
        Some(Outcome::Runs) => {
            Some(format!("{}, but before the changes it was still running at that time", end.text()))
        }
        None => Some(end.text()),
    }
}

/// Whether the plan makes what a check may need: then a check may fail before it.
pub(crate) fn prepares(examined: &Examined) -> bool {
    examined.plan.records.iter().any(|record| [user::ID, app::ID].contains(&record.rule()))
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
        let mut setup = Self {
            program,
            credentials,
            strangers: process::adopt_orphans().map_err(|error| cannot(error.to_string()))?,
            home: policy.home.clone().unwrap_or_else(|| "/".to_owned()),
            alone: None,
            path: policy.path.join(":"),
            workdir: policy.workdir.clone().unwrap_or_else(|| "/".to_owned()),
        };
        let try_out =
            |image| process::run((&setup, &setup.home), &[], Until::End, crate::policy::CHECK_TIMEOUT, stop, image);
        let Finished { result, output, .. } = try_out(None);
        result.map_err(|text| {
            let said = escape::escaped(output.trim_ascii());
            cannot(format!("cannot start a check without privileges: {text}: {said}"))
        })?;
        let none = BTreeSet::new();
        setup.alone = if host::exists("/proc/self/fd") {
            let tried = try_out(Some(Image::known(Seen::new(&examined.facts.tree, &none, &[]))));
            let said = String::from_utf8_lossy(tried.output.trim_ascii()).into_owned();
            let calls = tried.traced.map_or(0, |traced| traced.calls);
            match tried.result {
                Ok(_) if calls > 0 => None,
                Ok(_) => Some("its calls are not reported".to_owned()),
                Err(error) if said.is_empty() => Some(format!("a first process {error}")),
                Err(error) => Some(format!("a first process {error}: {said}")),
            }
        } else {
            Some("/proc is not mounted".to_owned())
        };
        if setup.credentials.is_none() {
            // Root could look into this process, and act with its capabilities.
            let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        }
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

impl<'a> Runner<'a> {
    /// Look at the root as it is before the first check; `known` is its tree if nothing was changed since that was read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn new(setup: &'a Setup, known: Option<&'a Tree>) -> Result<Self> {
        // A root of its own: the other one's open directories are numbered by another tree.
        let root = Root::open(b"/")?;
        let kept = match known {
            // What a killed run left is not in that tree.
            Some(tree) if *tree.killed() == Killed::default() => Before::Known(tree),
            _ => Before::Walked(root.walk_everything()?),
        };
        let before = kept.tree();
        let accounts = Accounts::collect(before, |id| root.read(before, id, accounts::MAX_SIZE).ok());
        let uid = setup.credentials.as_ref().map_or(0, |who| who.uid);
        let account = accounts.passwd().find(|line| parse_id(line.field(UID)) == Some(uid));
        let home = account.and_then(|line| str::from_utf8(line.field(HOME)).ok()).filter(|home| !home.is_empty());
        let home = home.unwrap_or(&setup.home).to_owned();
        let mut extras = BTreeMap::new();
        // Extended attributes and flags are for the owner, and for who may write (xattr(7), ioctl_iflags(2)).
        let can_give = |id: Id| {
            let meta = before.meta(id);
            setup.credentials.as_ref().is_none_or(|who| meta.uid == who.uid || meta.mode & 0o022 != 0)
        };
        let is_here = |id: Id| before.is_dir(id) && (id == Id::ROOT || !before.meta(id).mount);
        for id in before.ids().filter(|&id| is_here(id) && can_give(id)) {
            extras.insert(id, root.extras(before, id)?);
        }
        Ok(Self { root, before: kept, extras, setup, home })
    }

    /// Run one check, end what it started, remove what it created. It is followed with what `seen` knows. It may write to
    /// files that go anyway.
    #[must_use]
    pub(crate) fn run(&self, check: &Check, seen: Option<Seen<'_>>, goes: &dyn Fn(&[u8]) -> bool, stop: &Stop) -> Ran {
        let until = match (check.tcp, check.starts) {
            (Some(port), _) => Until::Answer(port),
            (None, Some(seconds)) => Until::Time(seconds),
            (None, None) => Until::End,
        };
        let image = seen.map(Image::known);
        let Finished { result, output, traced } =
            process::run((self.setup, &self.home), &check.argv, until, check.timeout, stop, image);
        if traced.as_ref().is_some_and(|traced| traced.stuck) {
            // The tracer has ended it: that says nothing of the check.
            let unseen = traced.and_then(|traced| traced.lost.first).map(|(text, _)| text);
            return Ran { unseen, ..self.run(check, None, goes, stop) };
        }
        let (outcome, failure) = match result {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut unseen = None;
        let used = traced.and_then(|traced| {
            if let Some((text, help)) = &traced.lost.first {
                let more = if traced.lost.count > 1 {
                    format!("{} calls, the first: ", traced.lost.count)
                } else {
                    String::new()
                };
                unseen = Some(format!("{more}{text}; {help}"));
            }
            let seen = traced.image.finish().ok()?;
            if seen.left_over > 0 {
                unseen.get_or_insert(format!("{} more files are not listed", seen.left_over));
            }
            Some(Used {
                used: seen.used,
                missing: seen.missing,
                refused: seen.refused,
                mounts: seen.mounts,
                logins: seen.logins,
                became: seen.became,
            })
        });
        let mut failures: Vec<String> = failure.into_iter().collect();
        let changed = match self.tidy(goes) {
            Ok(changed) => changed,
            Err(error) => {
                failures.push(error.to_string());
                None
            }
        };
        failures.extend(changed.clone());
        Ran { failures, outcome, changed, output, used, unseen }
    }

    /// Compare the tree with what it was, and remove what is new.
    fn tidy(&self, goes: &dyn Fn(&[u8]) -> bool) -> Result<Option<String>> {
        let after = self.root.walk_everything()?;
        let before = self.before.tree();
        let traces = traces::compare(before, &after);
        traces.remove(&self.root, before, &after, &self.extras)?;
        // A log that goes may be written to; it has to be there still, since the plan names it.
        let is_there = |path: &[u8]| match (before.lookup(path), after.lookup(path)) {
            (Some(old), Some(new)) => before.meta(old).ino == after.meta(new).ino,
            _ => false,
        };
        let changed: Vec<&Vec<u8>> = traces.changed.iter().filter(|path| !(goes(path) && is_there(path))).collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let named = escape::first(&changed, NAMED, |path| escape::quoted(path));
        Ok(Some(format!(
            "changed, removed, or opened for writing files that the image keeps: {named}; \
             a check may only create new files"
        )))
    }
}
