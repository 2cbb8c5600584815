//! Data that all checks share, computed once before the first of them runs, and the steps for all findings after the
//! last.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use content::Secret;

use super::checks::content;
use super::{Findings, Severity, Subject};
use crate::draft::record::{Record, Target};
use crate::facts::accounts::{Database, GID, UID};
use crate::pipeline;
use crate::plan::Plan;
use crate::policy::{Entry, Policy, RunUser};
use crate::rules::zones::Zones;
use crate::rules::{self, Phase};
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

/// A subject with what follows from it.
pub(crate) struct Cx<'a> {
    subject: &'a Subject<'a>,
    pub(super) tree: &'a Tree,
    /// Ids of the rules that run.
    on: BTreeSet<&'static str>,
    pub(super) zones: Zones,
    /// Entries that may have set-id bits and capabilities.
    pub(super) setid: IdSet,
    /// Entries of `[keep]` paths.
    kept_paths: IdSet,
    /// What apply does as far as that can be told without a policy; empty with one.
    partial: Plan,
    /// What was found in texts, after the first question.
    secrets: OnceCell<Vec<Secret>>,
    /// Uids that have an account.
    pub(super) users: BTreeSet<u32>,
    /// Gids that mean some group.
    pub(super) groups: BTreeSet<u32>,
}

impl<'a> Deref for Cx<'a> {
    type Target = Subject<'a>;

    fn deref(&self) -> &Self::Target {
        self.subject
    }
}

impl<'a> Cx<'a> {
    pub(super) fn new(subject: &'a Subject<'a>) -> Self {
        let (facts, policy) = (subject.facts, subject.policy);
        let tree = &facts.tree;
        let mut users = ids(subject, Database::Passwd, UID, &policy.keep.users);
        let mut groups = ids(subject, Database::Group, GID, &policy.keep.groups);
        if let Some((uid, gid)) = run_numbers(policy) {
            users.extend(uid);
            groups.extend(gid.or(uid));
        }
        let partial = match subject.plan {
            Some(_) => Plan::default(),
            None => pipeline::partial(facts, subject.contents, policy),
        };
        Self {
            subject,
            tree,
            zones: Zones::of(tree, &policy.files),
            setid: below(tree, policy.keep.setid.iter()),
            kept_paths: below(tree, policy.keep.paths.iter().filter(|entry| !entry.change)),
            partial,
            secrets: OnceCell::new(),
            on: rules::switched_on(policy),
            users,
            groups,
        }
    }

    /// What was found in texts that no package owns.
    pub(super) fn secrets(&self, findings: &mut Findings) -> &[Secret] {
        self.secrets.get_or_init(|| content::collect(self, findings))
    }

    /// What apply does, when the policy says who runs what.
    pub(super) fn subject_plan(&self) -> Option<&'a Plan> {
        self.subject.plan
    }

    /// What apply does; with no policy, as far as that can be told.
    pub(super) fn plan(&self) -> &Plan {
        self.subject.plan.unwrap_or(&self.partial)
    }

    /// Whether an entry is part of the image: not what the kernel provides, and nothing that is mounted.
    pub(super) fn is_part(&self, id: Id) -> bool {
        !self.zones.kernel.contains(id) && !self.tree.meta(id).mount
    }

    /// Whether a rule is switched on, be it by name or by default.
    pub(super) fn is_on(&self, rule: &str) -> bool {
        self.on.contains(rule)
    }

    /// Whether no package knows the file. Where a database cannot be read, everything below /usr but /usr/local counts
    /// as known.
    pub(super) fn is_unowned(&self, id: Id) -> bool {
        let packages = &self.facts.packages;
        if packages.unreadable.is_empty() {
            return packages.owner(id).is_none();
        }
        let path = self.tree.path(id);
        !path.starts_with(b"/usr/") || path.starts_with(b"/usr/local/")
    }

    /// Names of the group of that number; empty when there is none.
    pub(super) fn group_name(&self, gid: u32) -> &[u8] {
        let file = self.facts.accounts.files.get(&Database::Group);
        let mut lines = file.into_iter().flat_map(|file| &file.lines).filter(|line| line.defect.is_none());
        lines.find(|line| line.id(GID) == Some(gid)).map_or(b"", |line| line.name())
    }
}

fn ids(subject: &Subject<'_>, database: Database, field: usize, keep: &[Entry]) -> BTreeSet<u32> {
    let mut known = BTreeSet::from([0]);
    if let Some(file) = subject.facts.accounts.files.get(&database) {
        known.extend(file.lines.iter().filter(|line| line.defect.is_none()).filter_map(|line| line.id(field)));
    }
    known.extend(keep.iter().filter_map(|entry| entry.value.parse::<u32>().ok()));
    known
}

fn run_numbers(policy: &Policy) -> Option<(Option<u32>, Option<u32>)> {
    match policy.user.as_ref()? {
        RunUser::Named { uid, gid, .. } => Some((*uid, *gid)),
        RunUser::Numeric { uid, gid } => Some((Some(*uid), *gid)),
    }
}

fn below<'e>(tree: &Tree, entries: impl Iterator<Item = &'e Entry>) -> IdSet {
    let mut set = IdSet::default();
    for entry in entries {
        for id in tree.named(entry.value.as_bytes()) {
            set.extend(tree.subtree(id));
        }
    }
    set
}

/// The entry that a record of a plan is about.
pub(super) fn entry(record: &Record) -> Option<Id> {
    match &record.target {
        Target::Entry(id) => Some(*id),
        Target::New(_) => None,
    }
}

/// What the policy keeps is no finding of a rule that would remove it, and which rule fixes what is read off the plan.
pub(super) fn settle(cx: &Cx<'_>, findings: &mut Findings) {
    // Only for entries that were found: a plan may have a record for every entry.
    let mut fixes: BTreeMap<Id, BTreeSet<&'static str>> = BTreeMap::new();
    if cx.subject.plan.is_some() {
        for finding in findings.list_mut() {
            if let Some(id) = cx.tree.lookup(&finding.path) {
                fixes.entry(id).or_default();
            }
        }
        let wanted: IdSet = fixes.keys().copied().collect();
        for record in &cx.plan().records {
            if let Some(id) = entry(record).filter(|&id| wanted.contains(id)) {
                fixes.entry(id).or_default().insert(record.rule());
            }
        }
    }
    let is_in = |rule: &str, phase: Phase| rules::by_id(rule).is_some_and(|rule| rule.phase == phase);
    let list = findings.list_mut();
    list.retain_mut(|finding| {
        let Some(id) = cx.tree.lookup(&finding.path).filter(|_| finding.path != b"/") else { return true };
        let removed = finding.check.rule.is_some_and(|rule| is_in(rule, Phase::Removals));
        if cx.kept_paths.contains(id) {
            // A kept path is not changed; that it is there is what the user asked for.
            finding.fix = None;
            return !removed;
        }
        if let Some(closure) = cx.kept.filter(|closure| removed && closure.contains(id)) {
            finding.severity = Severity::Info;
            finding.fix = None;
            finding.detail = format!("{}; kept: {}", finding.detail, closure.explain(cx.tree, id).join(", "));
            return true;
        }
        if cx.subject.plan.is_some() {
            let planned = fixes.get(&id);
            let own = finding.fix.filter(|rule| planned.is_some_and(|rules| rules.contains(rule)));
            let account = finding.fix.filter(|rule| is_in(rule, Phase::Accounts));
            finding.fix = own.or(account).or_else(|| planned.and_then(|rules| rules.first().copied()));
        }
        true
    });
}
