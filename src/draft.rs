//! Effects as data: the changes that each rule asked for, before they are put in order.
//!
//! Rules write into a [`Draft`]. It is the one place that enforces protection: no rule can remove an entry that the
//! policy keeps or that lies on a mount, an identity file that scanners need, or a top-level link. `Plan` (src/plan.rs)
//! is the finished, ordered list that is made of it.

pub(crate) mod account_files;
pub(crate) mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::diag::{Diagnostic, Help, Origin, codes, escape};
use crate::tree::access::AccessList;
use crate::tree::map::IdMap;
use crate::tree::set::IdSet;
use crate::tree::{Attributes, Id, Kind, Tree, is_same};
use account_files::AccountFiles;
use record::{LineChange, Record, Target, What, Why};

/// One effect on an entry that exists. With [`New`], every dangerous act of this program is a variant here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Unlink a file, link or special file, or remove an empty directory.
    Remove,
    /// Change owner and group, then mode, then drop `security.capability`; each only when it differs.
    Attributes(Attributes),
    /// The same on a fresh copy renamed over the file, whose inode has other names that do not get these attributes.
    AttributesOfCopy(Attributes),
    /// Replace the content by a new file renamed over the old one, with these attributes.
    Rewrite(Box<Written>),
    /// Make the entry another name of a file that this plan has rewritten before: they were one file, and stay one.
    HardLink(Id),
}

/// A file that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its owner and mode.
    pub attributes: Attributes,
    /// Its content.
    pub content: Box<[u8]>,
}

/// What is created at a path that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum New {
    /// A file.
    File(Written),
    /// An empty directory.
    Directory(Attributes),
}

/// What a multi-call program answers to after this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppletChange {
    /// The program.
    pub program: Id,
    /// The name that the program is written under.
    pub written: Id,
    /// Applets that stay.
    pub kept: Vec<String>,
    /// Applets that it does not know any more.
    pub disabled: Vec<String>,
}

/// The rule whose changes come after all others: a run that is killed must find what it knew of the packages.
pub(crate) const DATABASE: &str = "packages.database";

/// The rule that removes this program, which no other rule touches.
pub(crate) const THIS_PROGRAM: &str = "remove.self";

/// What becomes of the package databases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseChange {
    /// Packages that the databases record, and those of them that stay.
    pub packages: (usize, usize),
    /// Packages that lose their record, sorted.
    pub gone: Vec<String>,
    /// Database files that are written anew.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What the rules have asked for so far.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(crate) tree: &'a Tree,
    rule: &'static str,
    /// Where it is written what the rule speaks of, when it speaks of one thing only.
    subject: Option<Origin>,
    /// Never removed: the closure, kept paths, identity files, and their directories.
    keep: IdSet,
    /// Removed by packages.database alone: what scanners read, and its directories.
    standing: IdSet,
    /// Rewritten or removed after everything else was removed, in this order: package databases.
    pub(crate) late: Vec<Id>,
    /// Never changed in any way: kept paths with their content, mount points.
    untouchable: IdSet,
    pub(crate) removed: IdSet,
    /// Removed by remove.self alone, so that a run that fails half-way can be repeated.
    own: IdSet,
    /// Removed after everything else: this program itself.
    pub(crate) last: Vec<Id>,
    /// Directories that go if they end up empty, with the rule that asked.
    when_empty: BTreeMap<Id, &'static str>,
    pub(crate) attributes: IdMap<Attributes>,
    pub(crate) rewrites: BTreeMap<Id, Vec<u8>>,
    /// Other names of a rewritten file, with that file.
    pub(crate) links: BTreeMap<Id, Id>,
    /// Multi-call programs that are changed.
    pub applets: Vec<AppletChange>,
    pub(crate) creations: BTreeMap<Vec<u8>, New>,
    /// The account files as the `accounts.*` rules leave them.
    pub accounts: AccountFiles,
    /// Evidence, in the order the rules ran.
    pub records: Vec<Record>,
    /// For the report only.
    pub notes: Vec<Diagnostic>,
    /// Worth knowing, stops nothing.
    pub warnings: Vec<Diagnostic>,
    /// Stops apply before the first change.
    pub refusals: Vec<Diagnostic>,
    /// The same, to find one again.
    refused: BTreeSet<Diagnostic>,
    /// What becomes of the package databases.
    pub database: DatabaseChange,
}

impl<'a> Draft<'a> {
    /// An empty draft over a tree.
    #[must_use]
    pub fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            rule: "",
            subject: None,
            keep: IdSet::default(),
            standing: IdSet::default(),
            late: Vec::new(),
            database: DatabaseChange::default(),
            untouchable: IdSet::default(),
            removed: IdSet::default(),
            own: IdSet::default(),
            last: Vec::new(),
            when_empty: BTreeMap::new(),
            attributes: IdMap::default(),
            rewrites: BTreeMap::new(),
            links: BTreeMap::new(),
            applets: Vec::new(),
            creations: BTreeMap::new(),
            accounts: AccountFiles::default(),
            records: Vec::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Name the rule that speaks from now on.
    pub fn begin(&mut self, rule: &'static str) {
        self.rule = rule;
        self.subject = None;
    }

    /// Name the place in the policy that the rule speaks of from now on.
    pub(crate) fn about(&mut self, subject: Option<&Origin>) {
        self.subject = subject.cloned();
    }

    /// From now on no rule removes `id`, nor a directory it lies in.
    pub fn keep(&mut self, id: Id) {
        insert_with_ancestors(&mut self.keep, self.tree, id);
    }

    /// From now on only packages.database removes `id`, or a directory it lies in.
    pub fn keep_record(&mut self, id: Id) {
        insert_with_ancestors(&mut self.standing, self.tree, id);
    }

    /// From now on no rule removes or changes `id`.
    pub fn protect(&mut self, id: Id) {
        self.keep(id);
        self.untouchable.insert(id);
    }

    /// From now on only remove.self removes `id`: this program, which has to outlast every other change.
    pub fn reserve(&mut self, id: Id) {
        self.own.insert(id);
    }

    /// Whether a rule has already removed `id`.
    #[must_use]
    pub fn is_removed(&self, id: Id) -> bool {
        self.removed.contains(id)
    }

    /// What the rules so far remove.
    #[must_use]
    pub fn removed(&self) -> &IdSet {
        &self.removed
    }

    /// Whether `id` may be changed at all.
    #[must_use]
    pub fn is_untouchable(&self, id: Id) -> bool {
        self.untouchable.contains(id) || self.tree.meta(id).mount
    }

    /// Whether the rules so far drop the capability of `id`.
    #[must_use]
    pub fn loses_capability(&self, id: Id) -> bool {
        self.wanted(id).drops_capability()
    }

    /// Whether `id` may not be removed.
    #[must_use]
    pub fn is_kept(&self, id: Id) -> bool {
        let standing = self.rule != DATABASE && self.standing.contains(id);
        standing || self.keep.contains(id) || self.is_untouchable(id)
    }

    /// Owner and group as they will be after the rules so far.
    #[must_use]
    pub fn owner(&self, id: Id) -> (u32, u32) {
        self.wanted(id).owner
    }

    /// Permission bits 0o7777 as they will be after the rules so far.
    #[must_use]
    pub fn mode(&self, id: Id) -> u32 {
        self.wanted(id).mode()
    }

    /// Remove one entry that is no directory, or an empty directory. Returns whether it goes.
    pub fn remove(&mut self, id: Id, reason: &str) -> bool {
        if id == Id::ROOT || self.is_kept(id) || (self.own.contains(id) && self.rule != THIS_PROGRAM) {
            return false;
        }
        if self.removed.insert(id) {
            if self.rule == DATABASE {
                self.late.push(id);
            }
            self.record(Target::Entry(id), What::Remove, reason);
        }
        true
    }

    /// Remove an entry with everything below it, except what is kept. Returns whether all of it goes.
    pub fn remove_tree(&mut self, id: Id, reason: &str) -> bool {
        let mut all = true;
        // Children come after their parents in the tree's order, so the reverse is leaf first.
        let below: Vec<Id> = self.tree.subtree(id).collect();
        for &at in below.iter().rev() {
            let emptied = self.tree.children(at).all(|child| self.removed.contains(child));
            all &= emptied && self.remove(at, reason);
        }
        all
    }

    /// As [`Draft::remove`], but after every other change, in the order of the calls.
    pub fn remove_last(&mut self, id: Id, reason: &str) -> bool {
        let new = !self.is_removed(id);
        let goes = self.remove(id, reason);
        if new && goes {
            self.last.push(id);
        }
        goes
    }

    /// Remove a directory in the end, if everything in it is gone by then: several packages and rules empty it together.
    pub fn remove_when_empty(&mut self, id: Id) {
        self.when_empty.entry(id).or_insert(self.rule);
    }

    /// Remove the directories that the rules have emptied. Call once, after the last rule.
    pub fn settle(&mut self) {
        // Children come after their parents in the tree's order, so the reverse is leaf first.
        for (id, rule) in std::mem::take(&mut self.when_empty).into_iter().rev() {
            if self.tree.children(id).all(|child| self.is_removed(child)) && !self.gains(id) {
                self.rule = rule;
                self.remove(id, "empty after the removals of this run");
            }
        }
    }

    /// Whether something is created below a directory.
    fn gains(&self, directory: Id) -> bool {
        let mut path = self.tree.path(directory);
        path.push(b'/');
        self.creations.keys().any(|created| created.starts_with(&path))
    }

    /// Refuse what would be created where something is: a link that leads nowhere in this root. Call after the last
    /// rule and guard, which may have said so already in its own words.
    pub fn refuse_taken(&mut self) {
        if !self.refusals.is_empty() {
            return;
        }
        let tree = self.tree;
        let taken = |path: &Vec<u8>| tree.lookup(path).filter(|&id| !self.removed.contains(id));
        let found: Vec<Id> = self.creations.keys().filter_map(taken).collect();
        self.rule = codes::GUARD_TAKEN;
        for id in found {
            let (path, what) = (escape::quoted(&tree.path(id)), describe(tree, id));
            self.refuse(
                format!("cannot create {path}: a {what} has that name, and its target does not exist in this root"),
                "remove it before this run, or create its target",
            );
        }
    }

    /// Change owner or group, keeping what is `None`.
    pub fn set_owner(&mut self, id: Id, uid: Option<u32>, gid: Option<u32>, reason: &str) {
        let now = self.wanted(id);
        let owner = (uid.unwrap_or(now.owner.0), gid.unwrap_or(now.owner.1));
        let mut next = now;
        next.owner = owner;
        if next == now || self.is_untouchable(id) {
            return;
        }
        self.attributes.insert(id, next);
        self.record(Target::Entry(id), What::Owner(now.owner, owner), reason);
    }

    /// Set the permission bits 0o7777 of a file or directory.
    pub fn set_mode(&mut self, id: Id, mode: u32, reason: &str) {
        let now = self.wanted(id);
        // Special files are never opened, and a mode is changed on a descriptor (fchmod(2)).
        let can = self.tree.is_file(id) || self.tree.is_dir(id);
        if now.mode() == mode || self.is_untouchable(id) || !can {
            return;
        }
        self.attributes.insert(id, now.with_mode(mode));
        self.record(Target::Entry(id), What::Mode(now.mode(), mode), reason);
    }

    /// Drop `security.capability`.
    pub fn drop_capability(&mut self, id: Id, reason: &str) {
        let now = self.wanted(id);
        if now.drops_capability() || !self.tree.meta(id).capability || self.is_untouchable(id) {
            return;
        }
        self.attributes.insert(id, now.without_capability());
        self.record(Target::Entry(id), What::Capability, reason);
    }

    /// Drop the access list. Without it the group's bits of the mode are the group's own, so the mode is set too.
    pub fn drop_access_list(&mut self, id: Id, list: &AccessList, reason: &str) {
        let now = self.wanted(id);
        if now.drops_access_list() || self.is_untouchable(id) {
            return;
        }
        self.set_mode(id, now.mode() & (!0o070 | u32::from(list.group() << 3)), reason);
        let now = self.wanted(id);
        self.attributes.insert(id, now.without_access_list());
        self.record(Target::Entry(id), What::AccessList, reason);
    }

    /// Replace a file's content; the caller records the lines that differ with [`Draft::record_line`].
    pub fn rewrite(&mut self, id: Id, content: Vec<u8>) {
        if !self.is_untouchable(id) {
            self.rewrites.insert(id, content);
        }
    }

    /// Replace a package database file once everything is gone that it loses; `before` and `after` say what it holds.
    pub fn rewrite_record(&mut self, id: Id, content: Vec<u8>, states: (String, String), reason: &str) {
        self.database.files += 1;
        self.database.bytes += content.len() as u64;
        self.record(Target::Entry(id), What::Content(Box::new(states)), reason);
        self.late.push(id);
        self.rewrite(id, content);
    }

    /// Replace the content of a file that has several names in the tree, under all of them that stay.
    pub fn rewrite_all(&mut self, names: &[Id], content: Vec<u8>) {
        let Some((&first, others)) = names.split_first() else { return };
        self.rewrite(first, content);
        self.links.extend(others.iter().map(|&other| (other, first)));
    }

    /// Create a file or directory at an absolute path whose parent exists or is created by this plan.
    pub fn create(&mut self, path: &[u8], new: New, reason: &str) {
        let after = match &new {
            New::Directory(new) => format!("directory {}:{} 0o{:o}", new.owner.0, new.owner.1, new.mode()),
            New::File(Written { attributes: new, content }) => {
                format!("file {}:{} 0o{:o}, {} bytes", new.owner.0, new.owner.1, new.mode(), content.len())
            }
        };
        self.record(Target::New(path.into()), What::Create(after.into()), reason);
        self.creations.insert(path.to_vec(), new);
    }

    /// Evidence for one line of a rewritten text file.
    pub fn record_line(&mut self, rule: &'static str, path: &[u8], line: LineChange, reason: &str) {
        let (target, what) = (Target::New(path.into()), What::Line(Box::new(line)));
        self.records.push(Record { target, what, why: Rc::new(Why { rule, reason: reason.into() }) });
    }

    /// Say something worth knowing that asks for no action.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(Diagnostic::new(self.rule, text));
    }

    /// Say something that stops nothing.
    pub fn warn(&mut self, text: impl Into<String>, help: impl Into<Help>) {
        self.warn_for(self.subject.clone().as_ref(), text, help);
    }

    /// Refuse the whole plan, and say what to write instead.
    pub fn refuse(&mut self, text: impl Into<String>, help: impl Into<Help>) {
        self.refuse_for(self.subject.clone().as_ref(), text, help);
    }

    /// As [`Draft::warn`], about what was written at `origin`.
    pub fn warn_for<'o>(
        &mut self,
        origin: impl Into<Option<&'o Origin>>,
        text: impl Into<String>,
        help: impl Into<Help>,
    ) {
        let message = Diagnostic { origin: origin.into().cloned(), ..Diagnostic::new(self.rule, text).help(help) };
        self.warnings.push(message);
    }

    /// As [`Draft::refuse`], for what was written at `origin`.
    pub fn refuse_for<'o>(
        &mut self,
        origin: impl Into<Option<&'o Origin>>,
        text: impl Into<String>,
        help: impl Into<Help>,
    ) {
        let message = Diagnostic { origin: origin.into().cloned(), ..Diagnostic::new(self.rule, text).help(help) };
        // A script that is read twice, by the image's command and by another script, is one thing to mend.
        if self.refused.insert(message.clone()) {
            self.refusals.push(message);
        }
    }

    fn wanted(&self, id: Id) -> Attributes {
        self.attributes.get(id).unwrap_or_else(|| present(self.tree, id))
    }

    fn record(&mut self, target: Target, what: What, reason: &str) {
        // A rule says the same of entry after entry.
        let why = match self.records.last() {
            Some(last) if last.rule() == self.rule && is_same(last.reason().as_bytes(), reason.as_bytes()) => {
                Rc::clone(&last.why)
            }
            _ => Rc::new(Why { rule: self.rule, reason: reason.into() }),
        };
        self.records.push(Record { target, what, why });
    }
}

fn insert_with_ancestors(set: &mut IdSet, tree: &Tree, id: Id) {
    for at in tree.ancestors(id) {
        if !set.insert(at) {
            break;
        }
    }
}

/// The attributes an entry has now.
pub(crate) fn present(tree: &Tree, id: Id) -> Attributes {
    let meta = tree.meta(id);
    Attributes::new((meta.uid, meta.gid), tree.permissions(id))
}

fn describe(tree: &Tree, id: Id) -> String {
    let what = match tree.kind(id) {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Link => return format!("link to '{}'", escape::escaped(tree.link_target(id).unwrap_or_default())),
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice => "character device",
        Kind::BlockDevice => "block device",
    };
    let meta = tree.meta(id);
    format!("{what} {}:{} 0o{:o}", meta.uid, meta.gid, tree.permissions(id))
}
