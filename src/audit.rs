//! `harden audit`: judges a file system against the registered checks, and changes nothing.
//!
//! A check is a pure function of a [`Subject`], so that it judges an archive in the same way as a directory. This
//! module owns the registry and the verdict; [`crate::run`] makes the subject, and [`crate::report`] writes the
//! verdict.

pub(crate) mod baseline;
mod checks;
pub(crate) mod compliance;
mod context;
pub(crate) mod exceptions;
pub(crate) mod finding;
pub(crate) mod image;
mod own;
mod secrets;

use crate::closure::Closure;
use crate::day::Day;
use crate::diag::Diagnostic;
use crate::facts::Facts;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::tree::contents::Contents;
use context::Cx;

pub(crate) use baseline::Baseline;
pub use checks::CHECKS;

/// Every control of `--compliance`: title of its list, id, title, why no image answers for it, and the ids of its checks.
#[must_use]
pub fn controls() -> Vec<(&'static str, &'static str, &'static str, &'static str, Vec<&'static str>)> {
    let row = |control: &'static compliance::Control| {
        let checks = compliance::checks(control).iter().map(|check| check.id).collect();
        (control.list.title(), control.id, control.title, control.elsewhere, checks)
    };
    compliance::CONTROLS.iter().map(row).collect()
}

/// Whether a setting `NAME=value` gives a secret, as `image.secret` tells it: for tests with labelled lists.
#[must_use]
pub fn is_secret_setting(name: &str, value: &str) -> bool {
    secrets::is_secret(name, value)
        || secrets::tokens(value.as_bytes()).iter().any(|token| token.sure)
        || value.contains([' ', '=']) && secrets::in_line(value).iter().any(|found| found.sure)
}

/// Whether a command line or an instruction holds a secret, as `image.secret` tells it: for tests with labelled lists.
#[must_use]
pub fn is_secret_line(line: &str) -> bool {
    secrets::in_line(line).iter().any(|found| found.sure)
}
pub(crate) use finding::{Finding, Findings, State};
pub(crate) use image::ImageConfig;

pub(crate) use crate::diag::severity::Severity;

/// What is judged. Everything a check looks at is here: a directory and an archive are both subjects.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Tree, accounts, distribution, packages and commands.
    pub facts: &'a Facts,
    /// The content of files.
    pub contents: &'a dyn Contents,
    /// The image's configuration, when one was given or came with the archive.
    pub image: Option<&'a ImageConfig>,
    /// What the user wants.
    pub policy: &'a Policy,
    /// What stays and why, when the policy says what the image runs.
    pub kept: Option<&'a Closure>,
    /// What the commands of the policy and of the image need and the image does not have.
    pub unmet: &'a [Diagnostic],
    /// What apply would still change, when the policy says who runs what.
    pub plan: Option<&'a Plan>,
    /// Whether files of packages are compared with their checksums, for which all of them are read.
    pub checksums: bool,
}

impl<'a> Subject<'a> {
    /// A subject of these facts, without image configuration, closure and plan.
    #[must_use]
    pub(crate) fn new(facts: &'a Facts, contents: &'a dyn Contents, policy: &'a Policy) -> Self {
        Self { facts, contents, image: None, policy, kept: None, unmet: &[], plan: None, checksums: false }
    }

    /// Whether there is what a check asks about: one that has nothing to look at says nothing, and has not passed.
    fn answers(&self, check: &Check) -> bool {
        match check.id.split_once('.') {
            Some(("image", _)) => self.image.is_some(),
            Some(("packages", "checksum")) => self.checksums,
            Some(("plan", _)) => self.plan.is_some(),
            _ => true,
        }
    }
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject of {} entries", self.facts.tree.len())
    }
}

/// One registered check.
#[derive(Debug)]
pub struct Check {
    /// Stable id, as in exceptions and formats: `accounts.empty-password`.
    pub id: &'static str,
    /// What has to hold, in one line.
    pub title: &'static str,
    /// How bad a finding is, unless the finding says that it is less.
    pub severity: Severity,
    /// Who demands it: ids of lists and of other tools' checks, no text of theirs.
    pub sources: &'static [&'static str],
    /// Of its family.
    pub(crate) topic: &'static Topic,
    /// The rule that fixes it.
    pub rule: Option<&'static str>,
    /// The check itself.
    pub(crate) run: fn(&Cx<'_>, &mut Findings),
}

/// What the checks of a family have in common.
#[derive(Debug)]
pub(crate) struct Topic {
    /// Why it matters.
    pub(crate) why: &'static str,
    /// What to do.
    pub(crate) fix: &'static str,
}

impl Check {
    /// Why it matters.
    #[must_use]
    pub const fn rationale(&self) -> &'static str {
        self.topic.why
    }

    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.topic.fix
    }
}

/// What an audit found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Every finding, the worst first, then by check, path and line. What is excepted or in the baseline is here too.
    pub findings: Vec<Finding>,
    /// What was not looked at, as whole sentences with escaped paths: a verdict does not speak of it.
    pub notes: Vec<String>,
    /// The checks that ran.
    pub checks: Vec<&'static Check>,
    /// Number of entries in the tree.
    pub entries: usize,
    /// Checks of the policy, which are none of [`CHECKS`].
    pub own: Vec<&'static Check>,
    /// What was judged, for people: the tree or the archive, and its distribution.
    pub judged: String,
}

impl Verdict {
    /// Every check that a finding may be of, in order.
    pub(crate) fn registry(&self) -> impl Iterator<Item = &'static Check> {
        CHECKS.iter().chain(self.own.iter().copied())
    }

    /// Number of findings of that severity which count: neither excepted nor in the baseline.
    #[must_use]
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.counts() && finding.severity == severity).count()
    }

    /// Whether anything that counts is at least that bad.
    #[must_use]
    pub(crate) fn fails(&self, level: Severity) -> bool {
        self.findings.iter().any(|finding| finding.counts() && finding.severity >= level)
    }
}

/// Ids of all checks, in order.
#[must_use]
pub(crate) fn ids() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.id).collect()
}

/// Run every check. `notes` are what the caller could not read; `today` decides which exceptions have expired.
#[must_use]
pub(crate) fn judge(subject: &Subject<'_>, notes: Vec<String>, baseline: Option<&Baseline>, today: Day) -> Verdict {
    let Some(first) = CHECKS.first() else { return Verdict::default() };
    let mut findings = Findings::new(first, notes);
    let cx = Cx::new(subject);
    let mut checks: Vec<&'static Check> = CHECKS.iter().filter(|check| subject.answers(check)).collect();
    for check in &checks {
        findings.begin(check);
        (check.run)(&cx, &mut findings);
    }
    let own: Vec<&'static Check> = subject.policy.audit.checks.iter().map(own::row).collect();
    for (row, asked) in own.iter().zip(&subject.policy.audit.checks) {
        findings.begin(row);
        own::run(&cx, asked, &mut findings);
    }
    checks.extend(&own);
    findings.begin(first);
    context::settle(&cx, &mut findings);
    exceptions::apply(&subject.policy.audit.exceptions, &checks, today, &mut findings);
    let (mut findings, notes) = findings.finish();
    if let Some(baseline) = baseline {
        baseline.apply(&mut findings);
    }
    let judged = String::new();
    Verdict { findings, notes, checks, entries: subject.facts.tree.len(), own, judged }
}
