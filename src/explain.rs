//! `harden explain`: for each path the reason why harden keeps it, or the rule that removes or changes it and the line
//! that keeps it.
//!
//! The result comes from an examined root: the same plan that apply would carry out. This module owns the question and
//! the parts of the result. `stays` finds the reason why an entry stays, `advice` the line to write, and `near` the
//! path that a missing path may have meant. It prints nothing.

mod advice;
pub(crate) mod ids;
mod near;
mod stays;

use serde::{Serialize, Serializer};

use crate::archive::{Past, Removal};
use crate::diag::escape::{escaped, printable, quoted};
use crate::diag::{Diagnostic, Keep};
use crate::draft::record::{Record, Target, What};
use crate::facts::accounts::Database;
use crate::pipeline::Examined;
use crate::policy::{Entry, Policy};
use crate::rules::accounts::prune;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree, Unresolved};

pub(crate) use advice::Advice;

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// It stays, since the policy names it or something that it names needs it.
    Kept,
    /// It stays, since no rule removes it.
    Stays,
    /// A rule removes it.
    Removed,
    /// A rule makes it.
    Created,
    /// The image has no such entry.
    Unknown,
}

/// One change of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// Rule id.
    pub rule: &'static str,
    /// As in the report of plan: `remove`, `owner`, `mode`, `capability`, `line`, `create`.
    pub action: &'static str,
    /// State before.
    pub before: String,
    /// State after.
    pub after: String,
    /// Why, as a clause.
    pub reason: String,
}

/// What becomes of everything below a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Below {
    /// Entries that stay as they are.
    pub stay: usize,
    /// Entries that a rule changes and none removes.
    pub change: usize,
    /// Entries that go.
    pub go: usize,
}

/// Another name of the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Name {
    /// Absolute path inside the root.
    #[serde(serialize_with = "shown")]
    pub path: Vec<u8>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What there is to say of one entry.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answer {
    /// What was asked, as it was written.
    #[serde(serialize_with = "shown")]
    pub asked: Vec<u8>,
    /// What the entry is to the question: `entry`, `target` of a link, or another command of that `name`.
    pub relation: &'static str,
    /// Absolute path inside the root, no link among its directories.
    #[serde(serialize_with = "shown")]
    pub path: Vec<u8>,
    /// The exact bytes of the path when they are no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// What becomes of it.
    pub fate: Fate,
    /// Why it stays, as clauses, the nearest first; of an entry that is gone already, where it went. Escaped for a terminal.
    pub because: Vec<String>,
    /// What else needs it directly, as clauses; escaped.
    pub needed_by: Vec<String>,
    /// Every change of it, in the order of the rules.
    pub changes: Vec<Change>,
    /// What to write against each rule that changes it.
    pub advice: Vec<Advice>,
    /// Other names of the same file in this root.
    pub names: Vec<Name>,
    /// For directories, what becomes of what is below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<Below>,
    /// Other facts that matter, as sentences; escaped.
    pub notes: Vec<String>,
    /// Refusals of the plan that name the entry.
    pub refusals: Vec<Diagnostic>,
}

fn shown<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&printable(path))
}

/// A root, examined, and the policy that it was examined with.
#[derive(Debug)]
pub(crate) struct Explainer<'a> {
    examined: &'a Examined,
    policy: &'a Policy,
    switched_off: &'a [(Id, &'static str)],
    /// What layers of an image took away.
    past: Option<&'a Past>,
    removed: IdSet,
    /// What the entries of `keep.paths` name.
    kept_paths: Vec<(Id, &'a Entry)>,
    /// The numbers of all records by their entries, where many entries are asked for.
    index: Vec<(Id, usize)>,
}

impl Answer {
    fn of(asked: &[u8], relation: &'static str, path: Vec<u8>, fate: Fate) -> Self {
        Self {
            asked: asked.to_vec(),
            relation,
            path_hex: hex(&path),
            path,
            fate,
            because: Vec::new(),
            needed_by: Vec::new(),
            changes: Vec::new(),
            advice: Vec::new(),
            names: Vec::new(),
            below: None,
            notes: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

impl<'a> Explainer<'a> {
    /// Look over a plan. `switched_off` is what rules would remove that the policy switched off.
    #[must_use]
    pub(crate) fn new(examined: &'a Examined, policy: &'a Policy, switched_off: &'a [(Id, &'static str)]) -> Self {
        let tree = &examined.facts.tree;
        let mut kept_paths = Vec::new();
        for entry in &policy.keep.paths {
            kept_paths.extend(tree.named(entry.value.as_bytes()).into_iter().map(|id| (id, entry)));
        }
        let removed = examined.plan.records.iter().filter(|record| record.what == What::Remove);
        let removed = removed.filter_map(|record| concerned(record, tree)).collect();
        Self { examined, policy, switched_off, past: None, removed, kept_paths, index: Vec::new() }
    }

    /// The same of an image whose layers are known.
    #[must_use]
    pub(crate) fn with_past(self, past: Option<&'a Past>) -> Self {
        Self { past, ..self }
    }

    /// For the questions about many entries, each by [`Explainer::of`]: what the plan does with an entry is looked up.
    #[must_use]
    pub(crate) fn indexed(mut self) -> Self {
        let (records, tree) = (self.examined.plan.records.iter().enumerate(), self.tree());
        self.index = records.filter_map(|(at, record)| Some((concerned(record, tree)?, at))).collect();
        self.index.sort_unstable();
        self
    }

    /// Everything there is to say of one entry, and not of what its links lead to.
    pub(crate) fn of(&self, id: Id) -> Answer {
        self.entry(&self.tree().path(id), "entry", id)
    }

    /// Add everything there is to say of what was asked: the entry first, then what its links lead to. A word without
    /// a slash is a command, looked up in PATH, or else a path from the working directory.
    pub(crate) fn answer(&self, asked: &[u8], answers: &mut Vec<Answer>) {
        let mut named = if asked.contains(&b'/') { Vec::new() } else { self.commands(asked) };
        let tree = self.tree();
        if named.is_empty() {
            let base = self.policy.workdir.as_deref().unwrap_or("/");
            let base = tree.resolve(base.as_bytes()).map_or(Id::ROOT, |found| found.node);
            match tree.resolve_from(base, asked, false) {
                Ok(found) if !asked.is_empty() => named.push(found.node),
                Err(Unresolved::Mount(at)) => {
                    let mut answer = Answer::of(asked, "entry", asked.to_vec(), Fate::Stays);
                    answer.because.push(stays::on_mount(tree, at));
                    answers.push(answer);
                }
                other => answers.push(self.absent(asked, base, other.err())),
            }
        }
        for (at, id) in named.into_iter().enumerate() {
            self.with_targets(asked, if at == 0 { "entry" } else { "name" }, id, answers);
        }
    }

    /// What to write against each rule that changes an entry.
    pub(crate) fn against(&self, id: Id) -> Vec<Advice> {
        advice::of(self, id, &self.records(id))
    }

    /// The entry that keeps one from being removed; `None` where no entry can name it.
    pub(crate) fn keep(&self, id: Id) -> Option<Keep> {
        advice::entry(self, id)
    }

    fn tree(&self) -> &'a Tree {
        &self.examined.facts.tree
    }

    /// The entries that a name may mean as a command: the one that PATH finds first, then all others.
    fn commands(&self, name: &[u8]) -> Vec<Id> {
        let (tree, commands) = (self.tree(), &self.examined.facts.commands);
        let mut found: Vec<Id> = commands.find_in_path(tree, name).into_iter().collect();
        for id in commands.candidates(tree).filter(|&id| tree.name(id) == name) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
        found
    }

    fn with_targets(&self, asked: &[u8], relation: &'static str, id: Id, answers: &mut Vec<Answer>) {
        let tree = self.tree();
        let first = answers.len();
        answers.push(self.entry(asked, relation, id));
        let Ok(found) = tree.follow(id) else { return };
        let directory = tree.is_dir(found.node);
        for step in found.links.into_iter().chain([found.node]).filter(|&at| at != id) {
            // Links among the directories on the way are no step of the chain.
            let aside = !directory && tree.follow(step).is_ok_and(|found| tree.is_dir(found.node));
            let path = tree.path(step);
            if !aside && !answers.iter().skip(first).any(|answer| answer.path == path) {
                answers.push(self.entry(asked, "target", step));
            }
        }
    }

    fn entry(&self, asked: &[u8], relation: &'static str, id: Id) -> Answer {
        let tree = self.tree();
        let mut answer = Answer::of(asked, relation, tree.path(id), self.fate(id));
        let records = self.records(id);
        answer.changes = records.iter().map(|record| change(record, tree)).collect();
        answer.advice = advice::of(self, id, &records);
        if answer.fate != Fate::Removed {
            answer.because = self.why_it_stays(id);
            answer.needed_by = self.other_needs(id);
        }
        answer.names = self.other_names(id, &mut answer.notes);
        answer.below = tree.is_dir(id).then(|| self.below(id));
        if tree.is_link(id) {
            let lost = matches!(tree.follow(id), Err(Unresolved::Missing | Unresolved::Loop));
            let nowhere = if lost { ", which cannot be resolved" } else { "" };
            answer.notes.push(format!("it is a link to {}{nowhere}", quoted(target(tree, id))));
        }
        self.note_applets(id, &mut answer);
        let accounts = &self.examined.facts.accounts;
        if [Database::Passwd, Database::Group].iter().any(|&database| accounts.node(database) == Some(id)) {
            let plan = self.examined.plan.notes.iter().filter(|note| note.id == prune::ID);
            answer.notes.extend(plan.map(|note| note.text.clone()));
        }
        answer.refusals = self.refusals_of(&answer.path);
        answer
    }

    /// A path that the image does not have: one that a rule makes, an applet, or a slip of the fingers.
    fn absent(&self, asked: &[u8], base: Id, why: Option<Unresolved>) -> Answer {
        let tree = self.tree();
        let records = &self.examined.plan.records;
        let made = |record: &&Record| {
            let trimmed = asked.strip_suffix(b"/").unwrap_or(asked);
            matches!((&record.what, &record.target), (What::Create(_), Target::New(path)) if **path == *trimmed)
        };
        let mut answer = Answer::of(asked, "entry", asked.to_vec(), Fate::Unknown);
        answer.changes = records.iter().filter(made).map(|record| change(record, tree)).collect();
        answer.refusals = self.refusals_of(asked);
        let name = String::from_utf8_lossy(asked);
        let has = |names: &[String]| names.iter().any(|each| *each == name);
        let applet = self.examined.multicall.iter().find(|found| has(&found.applets) || has(&found.disabled));
        if !answer.changes.is_empty() {
            answer.fate = Fate::Created;
            answer.advice =
                records.iter().find(made).map(|record| advice::switch_off(record.rule())).into_iter().collect();
        } else if let Some(found) = applet {
            let program = tree.path(found.program);
            answer = self.entry(asked, "entry", found.program);
            let because = self.examined.closure.explain_applet(tree, found.program, &name);
            let (own, word) = (escaped(tree.name(found.program)), escaped(asked));
            let stays = if has(&found.applets) {
                format!("callable as '{own} {word}'")
            } else {
                format!("which will no longer run it; keep it with keep.commands = [\"{word}\"]")
            };
            if !because.is_empty() {
                answer.because = because;
            }
            let (asked, program) = (quoted(asked), quoted(&program));
            answer.notes.push(format!("no file has the name {asked}: it is an applet inside {program}, {stays}"));
        } else if why == Some(Unresolved::Loop) {
            answer.notes.push("its links form a loop".to_owned());
        } else if let Some(removal) = self.removal(asked, base) {
            (answer.fate, answer.path_hex) = (Fate::Removed, hex(&removal.path));
            answer.path = removal.path;
            let by = removal.step.map_or(String::new(), |step| format!(" by {step}"));
            answer.because.push(format!("in layer {}{by}", removal.layer));
        } else {
            answer.notes.extend(near::suggestion(self, asked, base));
        }
        answer
    }

    /// The layer that took away a path; a word without a slash is looked for in PATH first.
    fn removal(&self, asked: &[u8], base: Id) -> Option<Removal> {
        let (past, tree) = (self.past?, self.tree());
        let directories = self.policy.path.iter().filter(|_| !asked.contains(&b'/'));
        let commands = directories.map(|directory| [directory.as_bytes(), b"/", asked].concat());
        let mut paths = commands.chain([asked.to_vec()]);
        paths.find_map(|path| past.removal(tree, base, &path))
    }

    fn fate(&self, id: Id) -> Fate {
        if self.removed.contains(id) {
            Fate::Removed
        } else if self.examined.closure.contains(id) || self.kept_path(id).is_some() {
            Fate::Kept
        } else {
            Fate::Stays
        }
    }

    /// What the plan does with an entry.
    fn records(&self, id: Id) -> Vec<&'a Record> {
        let (records, tree) = (&self.examined.plan.records, self.tree());
        if self.index.is_empty() {
            return records.iter().filter(|record| concerned(record, tree) == Some(id)).collect();
        }
        let first = self.index.partition_point(|&(at, _)| at < id);
        let found = self.index.iter().skip(first).take_while(|&&(at, _)| at == id);
        found.filter_map(|&(_, number)| records.get(number)).collect()
    }

    /// Every other need of an entry that the closure met.
    fn other_needs(&self, id: Id) -> Vec<String> {
        let closure = &self.examined.closure;
        let chosen = closure.reasons.get(&id);
        let needs = closure.needs.iter().filter(|(of, reason)| *of == id && Some(reason) != chosen);
        needs.map(|(_, reason)| reason.clause(self.tree())).collect()
    }

    /// Hard links.
    fn other_names(&self, id: Id, notes: &mut Vec<String>) -> Vec<Name> {
        let tree = self.tree();
        let Some(file) = tree.file_id(id) else { return Vec::new() };
        let same = |&at: &Id| at != id && tree.file_id(at) == Some(file);
        let name = |at: Id| Name { path: tree.path(at), fate: self.fate(at) };
        let names: Vec<Name> = tree.ids().filter(same).map(name).collect();
        let outside = (tree.meta(id).nlink as usize).saturating_sub(names.len() + 1);
        if outside > 0 {
            notes.push(format!("{outside} more names of the file lie outside this root"));
        }
        names
    }

    fn below(&self, directory: Id) -> Below {
        let tree = self.tree();
        let records = self.examined.plan.records.iter();
        let changed: IdSet = records.filter_map(|record| concerned(record, tree)).collect();
        let mut below = Below::default();
        for id in tree.subtree(directory).skip(1) {
            let count = match (self.removed.contains(id), changed.contains(id)) {
                (true, _) => &mut below.go,
                (false, true) => &mut below.change,
                (false, false) => &mut below.stay,
            };
            *count += 1;
        }
        below
    }

    /// A kept multi-call program answers to a name whose link is gone.
    fn note_applets(&self, id: Id, answer: &mut Answer) {
        let tree = self.tree();
        let Some(command) = self.examined.facts.commands.entries.get(&id) else { return };
        let name = String::from_utf8_lossy(tree.name(id));
        for found in &self.examined.multicall {
            let same = tree.is_same_file(found.program, command.target);
            if same && answer.fate == Fate::Removed && found.applets.iter().any(|applet| *applet == name) {
                let program = quoted(&tree.path(found.program));
                answer.notes.push(format!("the kept multi-call binary {program} still runs an applet of that name"));
            }
        }
    }

    fn refusals_of(&self, path: &[u8]) -> Vec<Diagnostic> {
        let path = quoted(path);
        self.examined.plan.refusals.iter().filter(|message| message.text.contains(&path)).cloned().collect()
    }
}

/// The existing entry that a record changes.
fn concerned(record: &Record, tree: &Tree) -> Option<Id> {
    match &record.target {
        Target::Entry(id) => Some(*id),
        Target::New(path) => tree.lookup(path),
    }
}

fn change(record: &Record, tree: &Tree) -> Change {
    let (before, after) = record.states(tree);
    Change { rule: record.rule(), action: record.action(), before, after, reason: record.reason().to_string() }
}

fn hex(path: &[u8]) -> Option<String> {
    std::str::from_utf8(path).is_err().then(|| path.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn target(tree: &Tree, id: Id) -> &[u8] {
    tree.link_target(id).unwrap_or_default()
}
