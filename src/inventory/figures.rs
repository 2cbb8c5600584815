//! Figures of an image before and after a plan, and its accounts: for reports that are compared at a glance.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::freed::own;
use super::parts::{Owner, top};
use super::sizes::Amount;
use crate::draft::{Change, New};
use crate::facts::accounts::{Database, Line, parse};
use crate::ordered;
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::rules::minimal::leads_to_directory;
use crate::tree::Id;
use crate::tree::set::IdSet;

/// A figure before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figure {
    /// In the image as it is.
    pub before: usize,
    /// When the plan is carried out.
    pub after: usize,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Figures {
    /// Entries of the command directories that can be run.
    pub commands: Figure,
    /// Files with a set-user-ID or set-group-ID bit.
    pub setid: Figure,
    /// Files with capabilities.
    pub capabilities: Figure,
    /// Accounts of /etc/passwd.
    pub accounts: Figure,
    /// Packages that their databases record.
    pub packages: Figure,
}

/// Count. `removed` is what the plan removes.
#[must_use]
pub(crate) fn figures(examined: &Examined, removed: &IdSet) -> Figures {
    let (tree, plan) = (&examined.facts.tree, &examined.plan);
    let mut figures = Figures::default();
    let commands = &examined.facts.commands.entries;
    let own = own(examined);
    figures.commands.before = commands.keys().filter(|&&id| !own.contains(id)).count();
    figures.commands.after = commands.keys().filter(|&&id| !removed.contains(id)).count();
    let dropped = Dropped::by(examined);
    let count = |figure: &mut Figure, stays: bool| {
        figure.before += 1;
        figure.after += usize::from(stays);
    };
    for id in tree.ids().filter(|&id| tree.is_file(id)) {
        if tree.permissions(id) & 0o6000 != 0 {
            count(&mut figures.setid, !removed.contains(id) && !dropped.bits.contains(id));
        }
        if tree.meta(id).capability {
            count(&mut figures.capabilities, !removed.contains(id) && !dropped.capabilities.contains(id));
        }
    }
    let accounts = accounts(examined, Database::Passwd);
    figures.accounts.before = accounts.iter().filter(|account| account.before.is_some()).count();
    figures.accounts.after = accounts.iter().filter(|account| account.after.is_some()).count();
    let (before, after) = plan.database.packages;
    figures.packages = Figure { before, after };
    figures
}

/// Files that lend no rights any more.
struct Dropped {
    bits: IdSet,
    capabilities: IdSet,
}

impl Dropped {
    fn by(examined: &Examined) -> Self {
        let (mut bits, mut capabilities) = (IdSet::default(), IdSet::default());
        for step in &examined.plan.steps {
            let (id, wanted) = match step {
                Step::Change(id, Change::Attributes(wanted) | Change::AttributesOfCopy(wanted)) => (*id, *wanted),
                Step::Change(id, Change::Rewrite(new)) => (*id, new.attributes),
                _ => continue,
            };
            if wanted.mode() & 0o6000 == 0 {
                bits.insert(id);
            }
            if wanted.drops_capability() {
                capabilities.insert(id);
            }
        }
        Self { bits, capabilities }
    }
}

/// Kept programs that lend rights when the plan is carried out: set-id bits, or file capabilities.
pub(crate) fn lenders(examined: &Examined) -> Vec<Id> {
    let (tree, dropped) = (&examined.facts.tree, Dropped::by(examined));
    let lends = |&id: &Id| {
        let bits = tree.permissions(id) & 0o6000 != 0 && !dropped.bits.contains(id);
        tree.is_file(id) && (bits || tree.meta(id).capability && !dropped.capabilities.contains(id))
    };
    examined.closure.reasons.keys().copied().filter(lends).collect()
}

/// The bytes of all files, and what goes, by what owns it.
#[derive(Debug)]
pub(crate) struct Balance {
    /// Bytes of all files as they are.
    pub before: u64,
    /// When the plan is carried out.
    pub after: u64,
    /// What goes, the largest first.
    pub gone: Vec<(Owner, Amount)>,
}

/// Sum up. A file of several names counts once, and stays while one of them does. harden itself does not count.
pub(crate) fn balance(examined: &Examined, removed: &IdSet) -> Balance {
    let (tree, packages) = (&examined.facts.tree, &examined.facts.packages);
    let mut gone: BTreeMap<Owner, Amount> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let (mut stays, mut goes) = (0, 0);
    let own = own(examined);
    let counted =
        |&id: &Id| !tree.is_dir(id) && !tree.meta(id).mount && !examined.zones.kernel.contains(id) && !own.contains(id);
    for id in tree.ids().filter(counted).filter(|&id| !removed.contains(id)) {
        if tree.is_file(id) && tree.file_id(id).is_none_or(|file| seen.insert(file)) {
            stays += tree.meta(id).size;
        }
    }
    for id in tree.ids().filter(counted).filter(|&id| removed.contains(id)) {
        let owner = packages.owners(id).next().filter(|_| !leads_to_directory(tree, id));
        let owner = owner.map_or_else(|| Owner::Directory(top(tree, tree.parent(id))), Owner::Package);
        let amount = gone.entry(owner).or_default();
        amount.files += 1;
        if tree.is_file(id) && tree.file_id(id).is_none_or(|file| seen.insert(file)) {
            amount.bytes += tree.meta(id).size;
            goes += tree.meta(id).size;
        }
    }
    let mut gone: Vec<(Owner, Amount)> = gone.into_iter().collect();
    gone.sort_unstable_by_key(|&(owner, amount)| (std::cmp::Reverse(amount.bytes), owner));
    Balance { before: stays + goes, after: size_after(examined, stays), gone }
}

/// The bytes of all files when the plan is carried out, where those of `stays` stay: some are written anew, some are made.
#[must_use]
pub(crate) fn size_after(examined: &Examined, stays: u64) -> u64 {
    let tree = &examined.facts.tree;
    examined.plan.steps.iter().fold(stays, |sum, step| match step {
        Step::Change(id, Change::Rewrite(new)) => {
            sum.saturating_sub(tree.meta(*id).size).saturating_add(new.content.len() as u64)
        }
        Step::Create(creation) => match &creation.new {
            New::File(new) => sum.saturating_add(new.content.len() as u64),
            New::Directory(_) => sum,
        },
        Step::Change(..) => sum,
    })
}

/// One account or group.
#[derive(Debug)]
pub(crate) struct Account {
    /// Its line as it is.
    pub before: Option<Line>,
    /// Its line when the plan is carried out.
    pub after: Option<Line>,
}

/// The accounts of a file by their names, in the order of the file; what is new comes last.
#[must_use]
pub(crate) fn accounts(examined: &Examined, database: Database) -> Vec<Account> {
    let (facts, plan) = (&examined.facts, &examined.plan);
    let sound = |lines: &[Line]| -> Vec<Line> {
        let mut seen = BTreeSet::new();
        let sound = lines.iter().filter(|line| line.defect.is_none() && seen.insert(line.name().to_vec()));
        sound.cloned().collect()
    };
    let file = facts.accounts.files.get(&database);
    let before = file.map(|file| sound(&file.lines)).unwrap_or_default();
    let path =
        facts.accounts.etc.map(|etc| [&facts.tree.path(etc), &b"/"[..], database.file_name().as_bytes()].concat());
    let made = || {
        let creations = plan.steps.iter().filter_map(|step| match step {
            Step::Create(creation) => Some(creation),
            Step::Change(..) => None,
        });
        creations.filter(|creation| path.as_ref() == Some(&creation.path)).find_map(|creation| match &creation.new {
            New::File(new) => Some(&*new.content),
            New::Directory(_) => None,
        })
    };
    let written = file.map_or_else(made, |file| plan.new_content(file.node));
    let after = written.map_or_else(|| before.clone(), |content| sound(&parse(database, content)));
    let kept: BTreeSet<&[u8]> = before.iter().map(Line::name).collect();
    let new: Vec<Line> = after.iter().filter(|line| !kept.contains(line.name())).cloned().collect();
    let mut left = ordered::map(after.iter().map(|line| (line.name().to_vec(), line.clone())));
    let mut all: Vec<Account> = Vec::new();
    for line in before {
        let after = left.remove(line.name());
        all.push(Account { before: Some(line), after });
    }
    all.extend(new.into_iter().map(|line| Account { before: None, after: Some(line) }));
    all
}
