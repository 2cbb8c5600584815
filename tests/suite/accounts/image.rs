//! A small root file system in a temporary directory, and the account rules run on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::rc::Rc;

use harden::testing::closure::Closure;
use harden::testing::diag::{Origin, Place};
use harden::testing::draft::{Change, Draft, New};
use harden::testing::facts::Facts;
use harden::testing::facts::accounts::{Accounts, MAX_SIZE};
use harden::testing::facts::os::Os;
use harden::testing::plan::{Plan, Step};
use harden::testing::policy::{Entry, Policy, RunUser, Switch};
use harden::testing::root::Root;
use harden::testing::rules::accounts;
use harden::testing::rules::context::Context;
use harden::testing::rules::zones::Zones;
use harden::testing::tree::set::IdSet;

use crate::common::{Command, walk};

type Check = fn(&Context<'_>, &mut Draft<'_>);

/// The rules in the order in which they run.
const RULES: &[(&str, Check)] = &[
    (accounts::user::ID, accounts::user::check),
    (accounts::prune::ID, accounts::prune::check),
    (accounts::shell::ID, accounts::shell::check),
    (accounts::lock::ID, accounts::lock::check),
    (accounts::backup::ID, accounts::backup::check),
];

#[must_use]
pub(crate) struct Image {
    directory: Rc<tempfile::TempDir>,
    policy: Policy,
    protected: Vec<String>,
}

/// What the rules asked for.
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    records: Vec<String>,
    /// Content of written files by path.
    pub(crate) written: BTreeMap<String, Vec<u8>>,
    pub(crate) removed: Vec<String>,
    pub(crate) pruned_uids: Vec<u32>,
    pub(crate) pruned_gids: Vec<u32>,
    pub(crate) known_uids: Vec<u32>,
    pub(crate) known_gids: Vec<u32>,
    directory: Rc<tempfile::TempDir>,
}

impl Image {
    pub(crate) fn empty() -> Self {
        let directory = Rc::new(tempfile::tempdir().unwrap());
        Self { directory, policy: Policy::default(), protected: Vec::new() }
    }

    /// An image of that distribution with these account files.
    pub(crate) fn of(id: &str, files: &[(&str, &str)]) -> Self {
        let mut image = Self::empty().file("/etc/os-release", &format!("ID={id}\n"));
        for (name, content) in files {
            image = image.file(&format!("/etc/{name}"), content);
        }
        image
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.bytes(path, content.as_bytes())
    }

    pub(crate) fn bytes(self, path: &str, content: &[u8]) -> Self {
        let at = self.path(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
        self
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        let at = self.path(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, at).unwrap();
        self
    }

    pub(crate) fn group_of(self, path: &str, gid: u32) -> Self {
        chown(self.path(path), None, Some(gid)).expect("these tests need root");
        self
    }

    /// `NAME[:UID[:GID]]` or `UID[:GID]`.
    pub(crate) fn user(mut self, text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let number = |at: usize| parts.get(at).map(|part| part.parse().unwrap());
        self.policy.user = Some(match parts[0].parse() {
            Ok(uid) => RunUser::Numeric { uid, gid: number(1) },
            Err(_) => RunUser::Named { name: parts[0].to_owned(), uid: number(1), gid: number(2) },
        });
        self
    }

    pub(crate) fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub(crate) fn keep_users(self, names: &[&str]) -> Self {
        self.policy(|policy| policy.keep.users.extend(entries(names)))
    }

    pub(crate) fn keep_groups(self, names: &[&str]) -> Self {
        self.policy(|policy| policy.keep.groups.extend(entries(names)))
    }

    pub(crate) fn keep_shells(self, names: &[&str]) -> Self {
        self.policy(|policy| policy.keep.shells.extend(entries(names)))
    }

    pub(crate) fn off(self, rule: &str) -> Self {
        let origin = Origin::Flag("--disable");
        let switch = Switch { rule: rule.to_owned(), on: false, required: false, origin };
        self.policy(|policy| policy.rules.push(switch))
    }

    /// A path of keep.paths.
    pub(crate) fn protect(mut self, path: &str) -> Self {
        self.protected.push(path.to_owned());
        self
    }

    /// Run the rules and change nothing.
    pub(crate) fn run(&self) -> Outcome {
        let root = Root::open(self.directory.path().as_os_str().as_encoded_bytes()).unwrap();
        let tree = walk(&root);
        let read = |id| root.read(&tree, id, MAX_SIZE).ok();
        let (accounts, os) = (Accounts::collect(&tree, read), Os::collect(&tree, read));
        let facts = Facts { tree, accounts, os, ..Facts::default() };
        let closure = Closure::default();
        let (zones, setid) = (Zones::of(&facts.tree, &self.policy.files), IdSet::default());
        let cx = Context {
            facts: &facts,
            contents: &root,
            policy: &self.policy,
            on: &harden::testing::rules::switched_on(&self.policy),
            minimal: &Default::default(),
            reached: &Default::default(),
            closure: &closure,
            zones: &zones,
            setid: &setid,
            account_uses: &[],
            multicall: &[],
        };
        let mut draft = Draft::new(&facts.tree);
        for path in &self.protected {
            draft.protect(facts.tree.lookup(path.as_bytes()).unwrap());
        }
        for (id, check) in RULES {
            if self.policy.rules.iter().all(|switch| switch.rule != *id || switch.on) {
                draft.begin(id);
                check(&cx, &mut draft);
            }
        }
        accounts::finish(&cx, &mut draft);
        let files = &draft.accounts;
        let mut outcome = Outcome {
            plan: Plan::default(),
            records: Vec::new(),
            written: BTreeMap::new(),
            removed: Vec::new(),
            pruned_uids: files.pruned_uids().into_iter().collect(),
            pruned_gids: files.pruned_gids().into_iter().collect(),
            known_uids: files.known_uids().iter().copied().collect(),
            known_gids: files.known_gids().iter().copied().collect(),
            directory: Rc::clone(&self.directory),
        };
        outcome.plan = Plan::from_draft(draft);
        for record in &outcome.plan.records {
            let path = String::from_utf8_lossy(&record.path(&facts.tree)).into_owned();
            let (before, after) = record.states(&facts.tree);
            outcome.records.push(format!("{} {path}: {before} -> {after} ({})", record.rule(), record.reason()));
        }
        for step in &outcome.plan.steps {
            let path = String::from_utf8(step.path(&facts.tree)).unwrap();
            match step {
                Step::Change(_, Change::Rewrite(new)) => {
                    outcome.written.insert(path, new.content.to_vec());
                }
                Step::Create(creation) => {
                    if let New::File(new) = &creation.new {
                        outcome.written.insert(path, new.content.to_vec());
                    }
                }
                Step::Change(_, Change::Remove) => outcome.removed.push(path),
                other => panic!("unexpected change of {path}: {other:?}"),
            }
        }
        outcome
    }

    /// Run the rules, refuse nothing, write the result into the image, and run them again: nothing is left.
    pub(crate) fn apply(&self) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.refusals(), Vec::<String>::new());
        for (path, content) in &outcome.written {
            let at = self.path(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, content).unwrap();
        }
        for path in &outcome.removed {
            fs::remove_file(self.path(path)).unwrap();
        }
        let again = self.run();
        assert_eq!(again.refusals(), Vec::<String>::new(), "second run");
        assert!(again.plan.steps.is_empty(), "the second run changes {:?}", again.plan.records);
        assert_eq!(again.pruned_uids, [0; 0]);
        outcome
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }
}

impl Outcome {
    /// Content of a file in /etc after the run, as text.
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.content(name)).unwrap()
    }

    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        let path = format!("/etc/{name}");
        self.written.get(&path).cloned().unwrap_or_else(|| fs::read(self.directory.path().join(&path[1..])).unwrap())
    }

    /// First fields of a file in /etc after the run.
    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        self.text(name).lines().map(|line| line.split(':').next().unwrap().to_owned()).collect()
    }

    pub(crate) fn line(&self, name: &str, key: &str) -> String {
        let text = self.text(name);
        let found = text.lines().find(|line| line.split(':').next() == Some(key));
        found.unwrap_or_else(|| panic!("no {key} in {name}: {text}")).to_owned()
    }

    /// Refusals as `text | help`.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.plan.refusals.iter().map(|message| format!("{} | {}", message.text, message.help)).collect()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.plan.warnings.iter().map(|message| message.text.clone()).collect()
    }

    /// Evidence as `rule path: before -> after (reason)`.
    pub(crate) fn records(&self) -> Vec<String> {
        self.records.clone()
    }

    /// `pwck` and `grpck` of the shadow suite find nothing at all in the image.
    pub(crate) fn assert_sound(&self) {
        for (program, arguments) in [("pwck", "-qr"), ("grpck", "-r")] {
            let ran = Command::new(program)
                .args([arguments, "-R"])
                .arg(self.directory.path())
                .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
                .output()
                .unwrap_or_else(|error| panic!("this test needs {program} (Debian package passwd): {error}"));
            let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success() && said.is_empty(), "{program}: {said}{:#?}", self.records());
        }
    }
}

pub(crate) fn entries(names: &[&str]) -> Vec<Entry> {
    names.iter().map(|&name| entry(name, false)).collect()
}

pub(crate) fn entry(name: &str, optional: bool) -> Entry {
    let origin = Origin::File(Place::new("harden.toml", 7, 12));
    Entry { value: name.to_owned(), reason: None, optional, change: false, origin }
}
