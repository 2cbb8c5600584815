//! The files and accounts that a check used, compared with the plan: those that the plan removes, with the rule, and
//! the policy entry that keeps each.

use std::collections::{BTreeMap, BTreeSet};

use super::Outcome;
use crate::diag::escape::{escaped, quoted};
use crate::diag::help::lines;
use crate::diag::{Diagnostic, Help, Keep, List};
use crate::draft::record::{Target, What};
use crate::explain::Explainer;
use crate::facts::accounts::{Database, GID, Line, SHELL, UID, parse_id};
use crate::facts::program::{Place, Program, is_library_name};
use crate::guards::checks::ID as GUARD;
use crate::ordered;
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::policy::{Check, Policy};
use crate::root::Root;
use crate::rules::accounts::{prune, shell, user};
use crate::rules::minimal;
use crate::trace::{self, Account, Against, How, Seen};
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

/// Paths that a message about a check names.
const NAMED: usize = 20;
/// Mounts that a note names.
const NOTED: usize = 5;

/// What one check used.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// By path.
    pub used: BTreeMap<Vec<u8>, trace::Used>,
    /// What is gone and was asked for, and by which program.
    pub missing: BTreeMap<Id, Vec<u8>>,
    /// What was refused.
    pub refused: BTreeMap<Id, Vec<u8>>,
    /// Mounts that were written to.
    pub mounts: BTreeSet<Id>,
    /// Programs that were started as another user.
    pub logins: BTreeMap<(u32, Vec<u8>), Vec<u8>>,
    /// Users and groups that a program has become.
    pub became: BTreeMap<Account, Vec<u8>>,
}

/// What a file was to the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It was started, also by the kernel for another one.
    Program,
    /// An interpreter read it as code.
    Script,
    /// It was loaded.
    Library,
    /// It was opened.
    File,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Script => "script",
            Self::Library => "library",
            Self::File => "file",
        }
    }
}

/// A file that was used and goes.
#[derive(Debug)]
struct Loss {
    kind: Kind,
    /// The entry that goes: the file, or a link that leads to it.
    entry: Id,
    /// The program that used it.
    by: Vec<u8>,
    rule: &'static str,
}

/// A login shell that was started and that its account loses.
#[derive(Debug)]
struct Login {
    shell: Vec<u8>,
    /// The program that started it.
    by: Vec<u8>,
    /// What takes it: the shell from the line, or the whole line.
    rule: &'static str,
}

/// What is known of the first runs.
#[derive(Debug, Default)]
pub(crate) struct First {
    /// Files that each check opened and that go.
    files: Vec<Vec<Id>>,
    /// How each check stood at its end, unless it failed.
    pub(crate) outcomes: Vec<Option<Outcome>>,
}

/// A plan, and what checks say of it.
pub(crate) struct Judge<'a> {
    examined: &'a Examined,
    policy: &'a Policy,
    root: &'a Root,
    explainer: Explainer<'a>,
    /// Which rule removes an entry. What the last steps remove is this program's own.
    rules: BTreeMap<Id, &'static str>,
    removed: IdSet,
    changed: IdSet,
    /// Files of accounts and groups that lose or change lines.
    edited: IdSet,
    own: Vec<Vec<u8>>,
    none: BTreeSet<Id>,
    /// What would go and stops the plan, by entry.
    lost: BTreeMap<Id, Loss>,
    /// The same of login shells, by the account's name.
    logins: BTreeMap<Vec<u8>, Login>,
    /// Entries for accounts and groups that a program has become and that go, with that program.
    accounts: BTreeMap<Keep, Vec<u8>>,
    /// The checks that use it.
    checks: Vec<&'a Check>,
    /// Files that each check opened and that go.
    files: Vec<Vec<Id>>,
}

impl<'a> Judge<'a> {
    /// The same plan in the hardened root, with what the first runs opened.
    pub(crate) fn with(self, first: &First) -> Self {
        Self { files: first.files.clone(), ..self }
    }

    /// What the second runs need to know of the first ones.
    pub(crate) fn into_first(self, outcomes: Vec<Option<Outcome>>) -> First {
        First { files: self.files, outcomes }
    }

    /// A plan of a root, before its first change.
    pub(crate) fn new(examined: &'a Examined, policy: &'a Policy, root: &'a Root) -> Self {
        let removed: IdSet = examined.plan.steps.iter().filter_map(Step::removed).collect();
        let (mut rules, mut changed, mut edited) = (BTreeMap::new(), IdSet::default(), IdSet::default());
        for record in &examined.plan.records {
            match (&record.target, &record.what) {
                (Target::Entry(id), What::Remove) if removed.contains(*id) => {
                    rules.insert(*id, record.rule());
                }
                (Target::Entry(id), What::Owner(..) | What::Mode(..) | What::Capability) => {
                    changed.insert(*id);
                }
                (Target::New(path), What::Line(_)) if record.rule() != user::ID => {
                    edited.extend(examined.facts.tree.lookup(path))
                }
                _ => {}
            }
        }
        let own = examined.plan.last.iter().filter_map(Step::removed).map(|id| examined.facts.tree.path(id));
        Self {
            explainer: Explainer::new(examined, policy, &[]),
            own: own.collect(),
            examined,
            policy,
            root,
            rules,
            removed,
            changed,
            edited,
            none: BTreeSet::new(),
            lost: BTreeMap::new(),
            logins: BTreeMap::new(),
            accounts: BTreeMap::new(),
            checks: Vec::new(),
            files: Vec::new(),
        }
    }

    fn tree(&self) -> &'a Tree {
        &self.examined.facts.tree
    }

    /// Whether the plan removes that entry.
    pub(crate) fn goes(&self, path: &[u8]) -> bool {
        self.tree().lookup(path).is_some_and(|id| self.removed.contains(id))
    }

    /// What the tracer fills before the first change.
    pub(crate) fn before(&self) -> Seen<'_> {
        Seen::new(self.tree(), &self.none, &self.own)
    }

    /// What the tracer fills in the hardened root.
    pub(crate) fn after(&self) -> Seen<'_> {
        self.before().against(Against { removed: &self.removed, changed: &self.changed })
    }

    /// Take what a check used in its first run; [`Self::refusal`] tells what stops the plan.
    pub(crate) fn take(&mut self, check: &'a Check, used: Option<&Used>) {
        let Some(used) = used else { return self.files.push(Vec::new()) };
        let (files, losses): (Vec<Loss>, Vec<Loss>) =
            self.losses(used).into_iter().partition(|loss| loss.kind == Kind::File);
        let (logins, accounts) = (self.lost_logins(used), self.lost_accounts(used));
        if !(losses.is_empty() && logins.is_empty() && accounts.is_empty()) {
            self.checks.push(check);
        }
        for (keep, by) in accounts {
            self.accounts.entry(keep).or_insert(by);
        }
        for (name, login) in logins {
            self.logins.entry(name).or_insert(login);
        }
        for loss in losses {
            self.lost.entry(loss.entry).or_insert(loss);
        }
        self.files.push(files.into_iter().map(|loss| loss.entry).collect());
    }

    /// The accounts whose login shells were started, as their lines name them, and that lose them.
    fn lost_logins(&self, used: &Used) -> Vec<(Vec<u8>, Login)> {
        let accounts = &self.examined.facts.accounts;
        let mut found = Vec::new();
        for ((user, path), by) in &used.logins {
            let of = |line: &&Line| parse_id(line.field(UID)) == Some(*user) && line.field(SHELL) == path.as_slice();
            for line in accounts.passwd().filter(of) {
                let goes = |rule| self.loses_line(b"passwd", line.name(), rule, false);
                if let Some(rule) = [shell::ID, prune::ID].into_iter().find(|&rule| goes(rule)) {
                    let login = Login { shell: path.clone(), by: by.clone(), rule };
                    found.push((line.name().to_vec(), login));
                }
            }
        }
        found
    }

    /// The accounts and groups that a program has become which looks names up, and that go. By its number alone it would
    /// become them in the hardened root too; that a name is not looked up, no trace shows.
    fn lost_accounts(&self, used: &Used) -> Vec<(Keep, Vec<u8>)> {
        let files = &self.examined.facts.accounts.files;
        let mut found = Vec::new();
        for (&account, by) in &used.became {
            let (database, field, number, list) = match account {
                Account::User(number) => (Database::Passwd, UID, number, List::Users),
                Account::Group(number) => (Database::Group, GID, number, List::Groups),
            };
            let lines = files.get(&database).into_iter().flat_map(|file| &file.lines);
            for line in lines.filter(|line| line.id(field) == Some(number)) {
                if self.loses_line(database.file_name().as_bytes(), line.name(), prune::ID, true) {
                    found.push((Keep::new(list, String::from_utf8_lossy(line.name())), by.clone()));
                }
            }
        }
        found
    }

    /// Whether a rule changes a line of an account file; or, as `whole`, removes it.
    fn loses_line(&self, file: &[u8], name: &[u8], rule: &str, whole: bool) -> bool {
        self.examined.plan.records.iter().any(|record| match (&record.target, &record.what) {
            (Target::New(path), What::Line(line)) => {
                record.rule() == rule
                    && path.rsplit(|&byte| byte == b'/').next() == Some(file)
                    && line.account == name
                    && !(whole && line.after.is_some())
            }
            _ => false,
        })
    }

    /// Everything that was used and goes, by its entry.
    fn losses(&self, used: &Used) -> Vec<Loss> {
        let mut losses: Vec<Loss> = Vec::new();
        let mut looked: Vec<Loss> = Vec::new();
        for (path, used) in &used.used {
            let Some((entry, node)) = self.gone(path) else { continue };
            let Some(&rule) = self.rules.get(&entry) else { continue };
            let kind = self.kind(node, used.how);
            if matches!(kind, Kind::Program | Kind::Script) && self.is_told(path, entry, node) {
                continue;
            }
            let loss = Loss { kind, entry, by: used.by.clone(), rule };
            if used.how == How::Looked { looked.push(loss) } else { losses.push(loss) }
        }
        for (path, used) in used.used.iter().filter(|(_, used)| used.how == How::Executed) {
            losses.extend(self.interpreter(path, &used.by));
        }
        // What keeps a link keeps what it leads to.
        let tree = self.tree();
        let ends: BTreeSet<Id> = losses
            .iter()
            .filter(|loss| loss.kind == Kind::Program && tree.is_link(loss.entry))
            .filter_map(|loss| tree.follow(loss.entry).ok())
            .map(|found| found.node)
            .collect();
        losses.retain(|loss| loss.kind != Kind::Program || !ends.contains(&loss.entry));
        // A module's source is looked at for its time when its compiled form is read.
        let beside: BTreeSet<Id> = losses
            .iter()
            .filter(|loss| matches!(loss.kind, Kind::Script | Kind::Library))
            .map(|loss| self.tree().parent(loss.entry))
            .flat_map(|parent| {
                let source = self.tree().name(parent) == b"__pycache__";
                [Some(parent), source.then(|| self.tree().parent(parent))]
            })
            .flatten()
            .collect();
        let code = |loss: &Loss| matches!(loss.kind, Kind::Script | Kind::Library);
        losses.extend(looked.into_iter().filter(|loss| code(loss) && beside.contains(&self.tree().parent(loss.entry))));
        losses
    }

    /// The first entry on the way of a path that goes, and the file that the path leads to.
    fn gone(&self, path: &[u8]) -> Option<(Id, Id)> {
        let tree = self.tree();
        let named = tree.lookup(path);
        let found = tree.resolve(path).ok();
        let node = found.as_ref().map(|found| found.node).or(named)?;
        let links = found.iter().flat_map(|found| found.links.iter().copied());
        let entry = named.into_iter().chain(links).chain([node]).find(|&id| self.removed.contains(id))?;
        Some((entry, node))
    }

    /// The interpreter of a program or script, which the kernel loads or starts by itself, if it goes.
    fn interpreter(&self, path: &[u8], by: &[u8]) -> Option<Loss> {
        let node = self.tree().resolve(path).ok()?.node;
        let (kind, interpreter) = match self.examined.facts.commands.program(self.tree(), self.root, node).ok()? {
            Program::Elf(elf) => (Kind::Library, elf.interpreter?),
            Program::Script(shebang) => (Kind::Program, shebang.interpreter),
            Program::Unreadable(_) | Program::None => return None,
        };
        let (entry, end) = self.gone(&interpreter)?;
        let told = kind == Kind::Program && self.is_told(&interpreter, entry, end);
        let rule = self.rules.get(&entry)?;
        (!told).then(|| Loss { kind, entry, by: by.to_vec(), rule })
    }

    fn kind(&self, node: Id, how: How) -> Kind {
        let tree = self.tree();
        if how == How::Executed {
            return Kind::Program;
        }
        if !tree.is_file(node) {
            return Kind::File;
        }
        let program = self.examined.facts.commands.program(tree, self.root, node).unwrap_or_default();
        let name = tree.name(node);
        match program {
            Program::Elf(_) if is_library_name(name) || !program.is_program(tree, node, Place::AnyMode) => {
                Kind::Library
            }
            Program::Script(_) if how == How::Opened => Kind::Script,
            _ if minimal::is_module(name) => Kind::Script,
            _ => Kind::File,
        }
    }

    /// Whether `[remove] commands` names it.
    fn is_told(&self, path: &[u8], entry: Id, node: Id) -> bool {
        let tree = self.tree();
        let names = |value: &[u8]| {
            value == path || [entry, node].iter().any(|&id| value == tree.name(id) || value == tree.path(id))
        };
        self.policy.remove.commands.iter().any(|entry| names(entry.value.as_bytes()))
    }

    /// Whether the help of another refusal keeps it, by this entry or by another name of the same.
    fn is_settled(&self, keep: &Keep) -> bool {
        let tree = self.tree();
        let commands = &self.examined.facts.commands;
        let end = |keep: &Keep| {
            let value = keep.value.as_bytes();
            let entry = if value.starts_with(b"/") { tree.lookup(value) } else { commands.find_in_path(tree, value) };
            entry.and_then(|id| tree.follow(id).ok()).map(|found| found.node)
        };
        let file = |keep: &Keep| matches!(keep.list, List::Commands | List::Paths);
        let same = |other: &Keep| {
            other == keep || (file(keep) && file(other) && end(other).is_some_and(|node| end(keep) == Some(node)))
        };
        self.examined.plan.refusals.iter().flat_map(|refusal| &refusal.help.keeps).any(same)
    }

    /// What stops the plan: everything that the checks used and that it would remove, in one message; but for what the
    /// help of another refusal names.
    pub(crate) fn refusal(&self) -> Option<Diagnostic> {
        let first = self.checks.first()?;
        let is_settled = |loss: &&Loss| self.explainer.keep(loss.entry).is_some_and(|keep| self.is_settled(&keep));
        let mut losses: Vec<&Loss> = self.lost.values().filter(|loss| !is_settled(loss)).collect();
        let shells = |name: &[u8]| Keep::new(List::Shells, String::from_utf8_lossy(name));
        let logins: Vec<(&Vec<u8>, &Login)> =
            self.logins.iter().filter(|(name, _)| !self.is_settled(&shells(name))).collect();
        let accounts: Vec<(&Keep, &Vec<u8>)> =
            self.accounts.iter().filter(|(keep, _)| !self.is_settled(keep)).collect();
        if losses.is_empty() && logins.is_empty() && accounts.is_empty() {
            return None;
        }
        losses.sort_by_key(|loss| (loss.kind, loss.entry));
        let named = losses.iter().map(|loss| {
            let how = if loss.kind == Kind::Program { "started" } else { "opened" };
            let path = quoted(&self.tree().path(loss.entry));
            format!("{} {path} ({how} by {}; {})", loss.kind.word(), shown(&loss.by), loss.rule)
        });
        let logins_named = logins.iter().map(|(name, Login { shell, by, rule })| {
            format!("login shell {} of {} (started by {}; {rule})", quoted(shell), quoted(name), shown(by))
        });
        let accounts_named = accounts.iter().map(|(keep, by)| {
            let what = if keep.list == List::Users { "account" } else { "group" };
            format!("{what} {} (used by {}; {})", quoted(keep.value.as_bytes()), shown(by), prune::ID)
        });
        let named: Vec<String> = named.chain(logins_named).chain(accounts_named).collect();
        let (who, verb) = match self.checks.len() - 1 {
            0 => (String::new(), "uses"),
            1 => (" and one more".to_owned(), "use"),
            more => (format!(" and {more} more"), "use"),
        };
        let text = format!("the check '{first}'{who} {verb} what the plan would remove: {}", named.join(", "));
        let mut keeps = self.keep(losses.iter().map(|loss| loss.entry));
        keeps.extend(logins.iter().map(|(name, _)| shells(name)));
        let pruned = logins.iter().filter(|(_, login)| login.rule == prune::ID);
        let pruned = pruned.map(|(name, _)| Keep::new(List::Users, String::from_utf8_lossy(name)));
        keeps.extend(accounts.into_iter().map(|(keep, _)| keep.clone()).chain(pruned));
        keeps.sort();
        keeps.dedup();
        let then = "; name programs that the check can do without in [remove] commands";
        Some(Diagnostic::at(GUARD, &first.origin, text).help(Help::write(keeps, then)))
    }

    /// Everything that was used and would go: the entry that keeps it, and why.
    pub(crate) fn proposals(&self) -> BTreeMap<Keep, String> {
        let named = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let mut all = BTreeMap::new();
        for (name, login) in &self.logins {
            let why = format!("its login shell is started by {}", named(&login.by));
            if login.rule == prune::ID {
                all.insert(Keep::new(List::Users, named(name)), why.clone());
            }
            all.insert(Keep::new(List::Shells, named(name)), why);
        }
        for (keep, by) in &self.accounts {
            all.entry(keep.clone()).or_insert_with(|| format!("used by {}", named(by)));
        }
        for loss in self.lost.values() {
            let how = if loss.kind == Kind::Program { "started" } else { "opened" };
            if let Some(keep) = self.explainer.keep(loss.entry) {
                all.entry(keep).or_insert_with(|| format!("{how} by {}", named(&loss.by)));
            }
        }
        all
    }

    /// The entries that keep all of this.
    fn keep(&self, entries: impl Iterator<Item = Id>) -> Vec<Keep> {
        let tree = self.tree();
        let mut keeps = BTreeSet::new();
        for entry in entries {
            let Some(keep) = self.explainer.keep(entry) else {
                keeps.extend(self.rules.get(&entry).map(|&rule| Keep::new(List::Rules, rule)));
                continue;
            };
            // A directory that goes as a whole is one module or package.
            let parent = tree.parent(entry);
            let whole = keep.list == List::Paths && self.removed.contains(parent) && !tree.is_dir(entry);
            let parent = self.explainer.keep(parent).filter(|parent| whole && parent.list == List::Paths);
            keeps.insert(parent.unwrap_or(keep));
        }
        let paths = keeps.iter().filter(|keep| keep.list == List::Paths);
        let tops: Vec<String> = paths.map(|keep| format!("{}/", keep.value)).collect();
        keeps.retain(|keep| keep.list != List::Paths || !tops.iter().any(|top| keep.value.starts_with(top.as_str())));
        keeps.into_iter().collect()
    }

    /// What a check may have failed for in the hardened root, as a clause that begins the message; `output` is what it wrote.
    pub(crate) fn cause(&self, at: usize, used: Option<&Used>, output: &[u8]) -> Option<String> {
        let found = self.found(at, used);
        if found.is_empty() {
            return None;
        }
        let readers = found.iter().filter(|(_, what, _)| *what == Fault::Edited).filter_map(|(_, _, by)| *by);
        let mut named: Vec<String> = self.pruned(readers.collect(), output).into_iter().collect();
        for &(entry, what, by) in found.iter().take(NAMED) {
            let path = quoted(&self.tree().path(entry));
            let by = by.map_or_else(String::new, |by| format!(" for {}", shown(by)));
            let advice = self.explainer.against(entry);
            let (rule, line) = advice.first().map_or(("", ""), |advice| (advice.rule, advice.toml.as_str()));
            named.push(match what {
                Fault::Missing => format!("{path} is missing{by}: {rule} removed it, {line} keeps it"),
                Fault::Refused => format!(
                    "access to {path} is denied{by}: {rule} changed its owner or mode, {line} leaves them unchanged"
                ),
                Fault::Edited => {
                    let others = advice.iter().filter(|advice| advice.rule != user::ID);
                    let lines: Vec<String> =
                        others.map(|advice| format!("{}, {} leaves it", advice.rule, advice.toml)).collect();
                    format!("{path}, which {} read, has changed: {}", by.trim_start_matches(" for "), lines.join("; "))
                }
            });
        }
        if found.len() > NAMED {
            named.push(format!("{} more files that it opened before are missing", found.len() - NAMED));
        }
        Some(named.join("; "))
    }

    /// The accounts and groups that went and that a program which read the account files names in its text, or the check in
    /// its output.
    fn pruned(&self, readers: BTreeSet<&[u8]>, output: &[u8]) -> Option<String> {
        let by = readers.first()?;
        let is_gone = |group: bool, name: &str| {
            let file: &[u8] = if group { b"group" } else { b"passwd" };
            self.loses_line(file, name.as_bytes(), prune::ID, false)
        };
        let files = readers.iter().filter_map(|path| self.tree().resolve(path).ok()).map(|found| found.node);
        let files: BTreeSet<Id> = files.collect();
        let evidence = self.examined.closure.evidence.iter().filter(|evidence| files.contains(&evidence.file));
        let mut names = ordered::set(evidence.flat_map(|evidence| evidence.accounts.clone()));
        let accounts = self.examined.facts.accounts.names();
        let output = String::from_utf8_lossy(output);
        for line in output.lines().filter(|line| speaks_of_accounts(line)) {
            let words = line.split(|c: char| !(c.is_alphanumeric() || "_.-/@".contains(c)));
            for word in words.map(|word| word.trim_end_matches('.')).filter(|word| accounts.contains(word.as_bytes())) {
                names.extend([(false, word.to_owned()), (true, word.to_owned())]);
            }
        }
        names.retain(|(group, name)| is_gone(*group, name));
        // A group of an account's own name stays with it.
        let accounts: Vec<String> = names.iter().filter(|(group, _)| !group).map(|(_, name)| name.clone()).collect();
        names.retain(|(group, name)| !group || !accounts.contains(name));
        let (mut what, mut keeps) = (Vec::new(), Vec::new());
        for (word, list, of) in [("account", List::Users, false), ("group", List::Groups, true)] {
            let names: Vec<&String> = names.iter().filter(|(group, _)| *group == of).map(|(_, name)| name).collect();
            if !names.is_empty() {
                let quoted: Vec<String> = names.iter().map(|name| quoted(name.as_bytes())).collect();
                what.push(format!("{word} {}", quoted.join(", ")));
                keeps.extend(names.into_iter().map(|name| Keep::new(list, name.as_str())));
            }
        }
        (!what.is_empty()).then(|| {
            format!(
                "{} is gone for {}: {} removed it, {} keeps it",
                what.join(" and "),
                shown(by),
                prune::ID,
                lines(&keeps)
            )
        })
    }

    /// The same of a check that passed, as a note.
    pub(crate) fn note(&self, at: usize, used: Option<&Used>) -> Option<String> {
        let mut found = self.found(at, used);
        found.retain(|&(_, what, _)| what != Fault::Edited);
        let named: Vec<String> = found
            .iter()
            .take(NAMED)
            .map(|&(entry, _, _)| {
                let advice = self.explainer.against(entry);
                format!("{} ({})", quoted(&self.tree().path(entry)), advice.first().map_or("", |advice| advice.rule))
            })
            .collect();
        let more = if found.len() > NAMED { format!(" and {} more", found.len() - NAMED) } else { String::new() };
        (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
    }

    /// The mounts that a check wrote to, which are no part of the image.
    pub(crate) fn mounts(&self, used: Option<&Used>) -> Option<String> {
        let named: Vec<String> = used?.mounts.iter().take(NOTED).map(|&id| quoted(&self.tree().path(id))).collect();
        (!named.is_empty()).then(|| named.join(", "))
    }

    /// What is not as before for that check: programs and code first, then what only the first run opened.
    fn found<'u>(&'u self, at: usize, used: Option<&'u Used>) -> Vec<(Id, Fault, Option<&'u [u8]>)> {
        let mut all: BTreeMap<Id, (Fault, Option<&[u8]>)> = BTreeMap::new();
        for &id in self.files.get(at).into_iter().flatten() {
            all.insert(id, (Fault::Missing, None));
        }
        for (&id, by) in used.iter().flat_map(|used| &used.missing) {
            all.insert(id, (Fault::Missing, Some(by)));
        }
        for (&id, by) in used.iter().flat_map(|used| &used.refused) {
            all.insert(id, (Fault::Refused, Some(by)));
        }
        for (path, used) in used.iter().flat_map(|used| &used.used).filter(|(_, used)| used.how == How::Opened) {
            if let Ok(found) = self.tree().resolve(path)
                && self.edited.contains(found.node)
            {
                all.insert(found.node, (Fault::Edited, Some(&used.by)));
            }
        }
        let mut found: Vec<(Id, Fault, Option<&[u8]>)> =
            all.into_iter().map(|(id, (what, by))| (id, what, by)).collect();
        let tree = self.tree();
        let weight = |id: Id| {
            if self.examined.facts.commands.entries.contains_key(&id) {
                0
            } else if is_library_name(tree.name(id)) || minimal::is_module(tree.name(id)) {
                1
            } else {
                2
            }
        };
        found.sort_by_key(|&(id, what, by)| (by.is_none(), what == Fault::Edited, weight(id), id));
        found
    }
}

/// How a path is not as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Missing,
    Refused,
    Edited,
}

/// Whether a line of a check's output tells of accounts or groups.
fn speaks_of_accounts(line: &str) -> bool {
    const WORDS: [&str; 8] = ["user", "group", "account", "owner", "passwd", "pwnam", "grnam", "chown"];
    let line = line.to_ascii_lowercase();
    WORDS.iter().any(|word| line.contains(word))
}

/// A program as the tracer names it.
fn shown(by: &[u8]) -> String {
    if by.starts_with(b"/") { quoted(by) } else { escaped(by) }
}
