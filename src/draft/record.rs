//! Evidence: the rule, the entry and the reason of each change.
//!
//! A rule may change every entry of a large tree, so a record holds numbers; paths and texts are made when they are shown.

use std::rc::Rc;

use crate::draft::describe;
use crate::tree::{Id, Tree};

/// What a step changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An entry that the walk saw.
    Entry(Id),
    /// An absolute path that does not exist yet.
    New(Box<[u8]>),
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What is changed.
    pub target: Target,
    /// How.
    pub what: What,
    /// The rule, and its reason: one for all the entries of which a rule says the same.
    pub why: Rc<Why>,
}

/// What a change is made for.
#[derive(Debug, PartialEq, Eq)]
pub struct Why {
    /// Rule id.
    pub rule: &'static str,
    /// Why, as a clause.
    pub reason: Box<str>,
}

/// What is done, with the state before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The entry goes.
    Remove,
    /// Owner and group.
    Owner((u32, u32), (u32, u32)),
    /// Permission bits 0o7777.
    Mode(u32, u32),
    /// `security.capability` is dropped.
    Capability,
    /// The access list (acl(5)) is dropped.
    AccessList,
    /// One line of a text file.
    Line(Box<LineChange>),
    /// The content of a file, described.
    Content(Box<(String, String)>),
    /// Something new, described.
    Create(Box<str>),
}

/// One line of a text file, as it is shown: secrets in it are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineChange {
    /// The account or group that it is about; empty in other files.
    pub account: Vec<u8>,
    /// The line, unless it is new.
    pub before: Option<String>,
    /// What becomes of it, unless it goes.
    pub after: Option<String>,
}

impl Record {
    /// Rule id.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.why.rule
    }

    /// Why, as a clause.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.why.reason
    }

    /// Absolute path inside the root.
    #[must_use]
    pub fn path(&self, tree: &Tree) -> Vec<u8> {
        match &self.target {
            Target::Entry(id) => tree.path(*id),
            Target::New(path) => path.to_vec(),
        }
    }

    /// The entry that is changed; nothing for a new path.
    #[must_use]
    pub const fn entry(&self) -> Option<Id> {
        match self.target {
            Target::Entry(id) => Some(id),
            Target::New(_) => None,
        }
    }

    /// One word: `remove`, `owner`, `mode`, `capability`, `access-list`, `line`, `content`, `create`.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self.what {
            What::Remove => "remove",
            What::Owner(..) => "owner",
            What::Mode(..) => "mode",
            What::Capability => "capability",
            What::AccessList => "access-list",
            What::Line(_) => "line",
            What::Content(_) => "content",
            What::Create(_) => "create",
        }
    }

    /// State before and after, as text.
    #[must_use]
    pub fn states(&self, tree: &Tree) -> (String, String) {
        match (&self.what, &self.target) {
            (What::Remove, Target::Entry(id)) => (describe(tree, *id), "gone".to_owned()),
            (What::Remove, Target::New(_)) => ("none".to_owned(), "gone".to_owned()),
            (What::Owner(before, after), _) => (owner(*before), owner(*after)),
            (What::Mode(before, after), _) => (format!("0o{before:o}"), format!("0o{after:o}")),
            (What::Capability | What::AccessList, _) => ("set".to_owned(), "none".to_owned()),
            (What::Line(line), _) => (
                line.before.clone().unwrap_or_else(|| "none".to_owned()),
                line.after.clone().unwrap_or_else(|| "gone".to_owned()),
            ),
            (What::Content(states), _) => (**states).clone(),
            (What::Create(after), _) => ("none".to_owned(), after.to_string()),
        }
    }

    /// Bytes of file content that go.
    #[must_use]
    pub fn bytes(&self, tree: &Tree) -> u64 {
        match (&self.what, &self.target) {
            (What::Remove, Target::Entry(id)) if tree.is_file(*id) => tree.meta(*id).size,
            _ => 0,
        }
    }
}

fn owner(ids: (u32, u32)) -> String {
    format!("{}:{}", ids.0, ids.1)
}
