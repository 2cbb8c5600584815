//! The entries that must stay for the kept commands to work, each with its reason.
//!
//! Computed from bytes inside the root, never by running anything of the image. Seeds come from the policy
//! (`closure/seeds.rs`), the walk adds what each entry needs (`closure/walk.rs`, libraries in
//! `closure/load.rs`). [`removable`] decides which other entries may be removed.

mod applets;
pub(crate) mod evidence;
mod load;
mod name_service;
pub(crate) mod objects;
mod pam;
pub(crate) mod removable;
mod seeds;
mod uses;
mod walk;

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

pub(crate) use seeds::matching;

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Diagnostic, Origin};
use crate::facts::commands::Commands;
use crate::facts::packages::Packages;
use crate::policy::Policy;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};

/// Functions of the C library that run `/bin/sh`.
const SHELL_FUNCTIONS: [&str; 3] = ["system", "popen", "wordexp"];

/// Beginnings of the names of the C library's parts, and of the loader.
const C_LIBRARY: [&[u8]; 10] =
    [b"libc.", b"ld-", b"ld64", b"libpthread.", b"libdl.", b"librt.", b"libm.", b"libutil.", b"libresolv.", b"libanl."];

/// Programs of many names: which of them calls a function is written nowhere.
const MULTICALL: [&[u8]; 3] = [b"busybox", b"toybox", b"coreutils"];

/// Why one entry stays: one edge of the chain back to the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The entry that needs this one; `None` for what the policy names itself.
    pub from: Option<Id>,
    /// How it comes to stay.
    pub why: Why,
}

/// How an entry comes to stay. Written out it is a clause: `target of`, `library libssl.so.3 of`, `command in harden.toml:7:3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Another entry needs it.
    Needed(String),
    /// Another entry holds its name: it may start it, one day.
    MayStart(String),
    /// Another entry maps or reads it, and does not start it.
    Read(String),
    /// Another entry names it as its interpreter or loader.
    Interpreter,
    /// The policy names it: how, the clause, and where it is written.
    Named(Seed, String, Origin),
    /// `busybox` as a whole is named there.
    Applet(Origin),
    /// unix_chkpwd(8), which PAM runs.
    PamChecker,
}

/// How the policy names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    /// As a word of the image's command.
    Word,
    /// By the image's command in another way: its shell, or an applet that it calls.
    Command,
    /// With `keep.commands`, by its profile, or with an option.
    Entry,
    /// With `keep.paths`.
    Path,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Needed(clause) | Self::MayStart(clause) | Self::Read(clause) | Self::Named(_, clause, _) => {
                f.write_str(clause)
            }
            Self::Interpreter => f.write_str("interpreter of"),
            Self::Applet(origin) => write!(f, "applet of busybox in {origin}"),
            Self::PamChecker => f.write_str("run by PAM to check accounts for"),
        }
    }
}

impl Why {
    /// The same for a link on the way to what stays.
    fn on_the_way(&self) -> Self {
        let clause = format!("directory link in a path: {self}");
        match self {
            Self::Named(seed, _, origin) => Self::Named(*seed, clause, origin.clone()),
            Self::Applet(origin) => Self::Named(Seed::Entry, clause, origin.clone()),
            Self::MayStart(_) => Self::MayStart(clause),
            Self::Needed(_) | Self::Read(_) | Self::Interpreter | Self::PamChecker => Self::Needed(clause),
        }
    }
}

impl From<&str> for Why {
    fn from(clause: &str) -> Self {
        Self::Needed(clause.to_owned())
    }
}

impl From<&String> for Why {
    fn from(clause: &String) -> Self {
        Self::Needed(clause.clone())
    }
}

impl From<&Why> for Why {
    fn from(why: &Why) -> Self {
        why.clone()
    }
}

impl Reason {
    /// The reason with what it speaks of, escaped for a terminal: `target of /usr/bin/sh`.
    #[must_use]
    pub fn clause(&self, tree: &Tree) -> String {
        match self.from {
            Some(from) => format!("{} {}", self.why, crate::diag::escape::escaped(&tree.path(from))),
            None => self.why.to_string(),
        }
    }
}

/// Everything that stays, and why.
#[derive(Debug, Default)]
pub struct Closure {
    /// For each entry a reason with the shortest chain found.
    pub reasons: BTreeMap<Id, Reason>,
    /// Every need that was met on the way, in the order found.
    pub needs: Vec<(Id, Reason)>,
    /// Applets that stay inside a program though no command has their names, or that are called by the program's own
    /// name, each with the reason.
    pub applets: BTreeMap<(Id, String), Reason>,
    /// What cannot be kept working: stops apply before the first change.
    pub refusals: Vec<Diagnostic>,
    /// What was amiss before this run, or is kept in doubt.
    pub warnings: Vec<Diagnostic>,
    /// What kept ELF programs name that they may start or look up.
    pub(crate) evidence: Vec<evidence::Evidence>,
    /// Kept programs that ask PAM for passwords, each with its service.
    pub logins: Vec<(Id, Id)>,
    /// Kept ELF files that call functions which start `/bin/sh`, with those; looked for only where it is not kept.
    pub shell_users: Vec<(Id, Vec<&'static str>)>,
}

/// What the closure is computed from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// The content of files.
    pub contents: &'a dyn Contents,
    /// What can be run by name.
    pub commands: &'a Commands,
    /// Who owns what, and needs what.
    pub packages: &'a Packages,
    /// Names of the image's accounts and groups.
    pub accounts: &'a BTreeSet<Vec<u8>>,
    /// What the user wants.
    pub policy: &'a Policy,
    /// The distribution's nologin program, which stays when sshd does.
    pub nologin: Option<&'a [u8]>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input over {} entries", self.tree.len())
    }
}

impl Closure {
    /// Follow every need of what the policy keeps.
    ///
    /// What the policy names and does not mark optional comes first, with refusals; kept paths, optional
    /// and profile entries come after it, with warnings.
    #[must_use]
    pub fn compute(input: &Input<'_>) -> Self {
        let mut walk = walk::Walk::new(input);
        seeds::required(&mut walk);
        walk.run();
        walk.required = false;
        seeds::optional(&mut walk);
        walk.run();
        walk.finish()
    }

    /// The chain of reasons as clauses, the nearest first.
    #[must_use]
    pub fn explain(&self, tree: &Tree, id: Id) -> Vec<String> {
        self.chain(id).into_iter().map(|(_, reason)| reason.clause(tree)).collect()
    }

    /// Where the policy names what the entry stays for.
    #[must_use]
    pub fn origin(&self, id: Id) -> Option<&Origin> {
        match &self.chain(id).last()?.1.why {
            Why::Named(_, _, origin) | Why::Applet(origin) => Some(origin),
            Why::Needed(_) | Why::MayStart(_) | Why::Read(_) | Why::Interpreter | Why::PamChecker => None,
        }
    }

    /// Whether the entry stays only because `busybox` as a whole was named, not by a name of its own.
    #[must_use]
    pub fn only_as_applet(&self, id: Id) -> bool {
        self.reasons.get(&id).is_some_and(|reason| matches!(reason.why, Why::Applet(_)))
    }

    /// Whether the entry stays for PAM, whose daemons run it as root: it does its work without set-id bits.
    #[must_use]
    pub fn only_for_pam(&self, id: Id) -> bool {
        self.reasons.get(&id).is_some_and(|reason| reason.why == Why::PamChecker)
    }

    /// Everything that stays because of some of what the policy names, told by entry and reason, each with the need that
    /// led there.
    #[must_use]
    pub(crate) fn follow(&self, seed: impl Fn(Id, &Why) -> bool) -> BTreeMap<Id, &Reason> {
        let mut by: BTreeMap<Id, Vec<(Id, &Reason)>> = BTreeMap::new();
        let mut found = BTreeMap::new();
        let mut queue = Vec::new();
        for (id, reason) in &self.needs {
            match reason.from {
                Some(from) => by.entry(from).or_default().push((*id, reason)),
                None if seed(*id, &reason.why) => queue.push((*id, reason)),
                None => {}
            }
        }
        while let Some((id, reason)) = queue.pop() {
            if let std::collections::btree_map::Entry::Vacant(at) = found.entry(id) {
                at.insert(reason);
                queue.extend(by.get(&id).into_iter().flatten());
            }
        }
        found
    }

    /// Whether the entry has to stay.
    #[must_use]
    pub fn contains(&self, id: Id) -> bool {
        self.reasons.contains_key(&id)
    }

    /// The entry and what needs it, one after the other, each with its reason; the last reason is the
    /// policy's. Empty when the entry is not in the closure.
    #[must_use]
    pub fn chain(&self, id: Id) -> Vec<(Id, &Reason)> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        while let Some((at, reason)) = next.and_then(|at| Some((at, self.reasons.get(&at)?))) {
            chain.push((at, reason));
            next = reason.from;
            if chain.len() > self.reasons.len() {
                break;
            }
        }
        chain
    }
}
