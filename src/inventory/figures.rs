//! Figures of an image before and after a plan, and its accounts: for reports that are compared at a glance.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::draft::{Change, New};
use crate::facts::accounts::{Database, Line, parse};
use crate::pipeline::Examined;
use crate::plan::Step;
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
    figures.commands.before = commands.len();
    figures.commands.after = commands.keys().filter(|&&id| !removed.contains(id)).count();
    let (mut without_bits, mut without_capability) = (IdSet::default(), IdSet::default());
    for step in &plan.steps {
        let (id, wanted) = match step {
            Step::Change(id, Change::Attributes(wanted) | Change::AttributesOfCopy(wanted)) => (*id, *wanted),
            Step::Change(id, Change::Rewrite(new)) => (*id, new.attributes),
            _ => continue,
        };
        if wanted.mode() & 0o6000 == 0 {
            without_bits.insert(id);
        }
        if wanted.drops_capability() {
            without_capability.insert(id);
        }
    }
    let count = |figure: &mut Figure, stays: bool| {
        figure.before += 1;
        figure.after += usize::from(stays);
    };
    for id in tree.ids().filter(|&id| tree.is_file(id)) {
        if tree.permissions(id) & 0o6000 != 0 {
            count(&mut figures.setid, !removed.contains(id) && !without_bits.contains(id));
        }
        if tree.meta(id).capability {
            count(&mut figures.capabilities, !removed.contains(id) && !without_capability.contains(id));
        }
    }
    let accounts = accounts(examined, Database::Passwd);
    figures.accounts.before = accounts.iter().filter(|account| account.before.is_some()).count();
    figures.accounts.after = accounts.iter().filter(|account| account.after.is_some()).count();
    let (before, after) = plan.database.packages;
    figures.packages = Figure { before, after };
    figures
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
    let mut left = std::collections::BTreeMap::from_iter(after.iter().map(|line| (line.name().to_vec(), line.clone())));
    let mut all: Vec<Account> = Vec::new();
    for line in before {
        let after = left.remove(line.name());
        all.push(Account { before: Some(line), after });
    }
    all.extend(new.into_iter().map(|line| Account { before: None, after: Some(line) }));
    all
}
