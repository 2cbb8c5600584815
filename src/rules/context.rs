//! The inputs of a rule: facts, content of files, policy, closure and other data, all read-only.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::minimal::Decision;
use super::remove::applets::Named;
use super::zones::Zones;
use crate::closure::Closure;
use crate::facts::Facts;
use crate::facts::multicall::MultiCall;
use crate::policy::Policy;
use crate::scripts::configurations::AccountUse;
use crate::scripts::{FileUses, Reader};
use crate::tree::contents::Contents;
use crate::tree::set::IdSet;

/// What the image's command reaches, once it was read.
#[derive(Debug, Default)]
pub struct Reached(OnceCell<Vec<FileUses>>);

/// What a rule may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The root as it is.
    pub facts: &'a Facts,
    /// The content of files.
    pub contents: &'a dyn Contents,
    /// What the user wants.
    pub policy: &'a Policy,
    /// Ids of the rules that run.
    pub on: &'a BTreeSet<&'static str>,
    /// What has to stay for that.
    pub closure: &'a Closure,
    /// Which part of the root an entry lies in.
    pub zones: &'a Zones,
    /// Files that keep their set-id bits and capabilities.
    pub setid: &'a IdSet,
    /// Accounts that configurations of kept programs name.
    pub account_uses: &'a [AccountUse],
    /// Programs that answer to many names, with the names that are asked for besides those of entries.
    pub multicall: &'a [(MultiCall, Named)],
    /// What minimal mode has decided, once its rule has run.
    pub minimal: &'a OnceCell<Decision>,
    /// What the image's command reaches, once a guard has asked for it.
    pub reached: &'a Reached,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context over {} entries", self.facts.tree.len())
    }
}

impl<'a> Context<'a> {
    /// Whether a rule runs.
    #[must_use]
    pub fn is_on(&self, id: &str) -> bool {
        self.on.contains(id)
    }

    /// Reads scripts and configurations of this root.
    #[must_use]
    pub(crate) fn reader(&self) -> Reader<'a> {
        let facts = self.facts;
        Reader { tree: &facts.tree, contents: self.contents, commands: &facts.commands, policy: self.policy }
    }

    /// Every file that runs because the image's command runs, with what it names: read once, at the first call.
    #[must_use]
    pub(crate) fn reached(&self) -> &'a [FileUses] {
        self.reached.0.get_or_init(|| self.reader().reached())
    }
}
