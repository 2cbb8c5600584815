//! The registry: every rule, one file and one line each, in the order they run.
//!
//! A rule is a pure function from facts, policy and closure to changes in a [`Draft`].

pub(crate) mod accounts;
pub(crate) mod context;
pub(crate) mod database;
pub(crate) mod files;
pub mod ids;
pub(crate) mod login_defaults;
pub(crate) mod login_shells;
pub(crate) mod minimal;
pub(crate) mod protected;
pub(crate) mod remove;
pub(crate) mod zones;

use std::collections::BTreeSet;

use crate::draft::{DATABASE, Draft, THIS_PROGRAM};
use crate::policy::Policy;
use context::Context;

/// One registered rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Stable id, as in `--disable` and `[rules]`.
    pub id: &'static str,
    /// One line for tables and help.
    pub title: &'static str,
    /// The kind of entry that it decides on.
    pub phase: Phase,
    /// Whether it runs by default.
    pub default: bool,
    /// How an audit asks for it.
    pub audit: Audit,
    /// The entry of the policy that keeps it from one file or account.
    pub remedy: Remedy,
    /// The rule itself.
    pub check: fn(&Context<'_>, &mut Draft<'_>),
}

/// The kind of entry that a rule decides on, in the order in which rules run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Lines of account files.
    Accounts,
    /// Lines of other settings, and records of packages.
    Settings,
    /// Which entries go.
    Removals,
    /// Owners, modes and kinds of the entries that stay.
    Files,
}

/// How an audit asks for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audit {
    /// Its result depends on what the image runs: it belongs to the plan of a policy.
    WithPolicy,
    /// Its result does not: an audit calls it without a policy, and has checks of its own.
    Alone,
    /// It concerns this program alone.
    Never,
}

/// The entry of the policy that keeps a rule from one file or account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// `keep.commands` for a command that goes, else `keep.paths`.
    Keep,
    /// `keep.setid`.
    SetId,
    /// `keep.paths`, but for a path that `[files]` names.
    Files,
    /// `keep.users` or `keep.groups`, for the owner of a file.
    Owner,
    /// `keep.users` or `keep.groups`, for a line of an account file.
    Account,
    /// `keep.shells`.
    Shell,
    /// `packages.database`.
    Database,
    /// Nothing but the rule's own switch.
    Switch,
}

const fn rule(phase: Phase, id: &'static str, title: &'static str, check: fn(&Context<'_>, &mut Draft<'_>)) -> Rule {
    Rule { id, title, phase, default: true, audit: Audit::WithPolicy, remedy: Remedy::Keep, check }
}

impl Rule {
    const fn off(self) -> Self {
        Self { default: false, ..self }
    }

    const fn alone(self) -> Self {
        Self { audit: Audit::Alone, ..self }
    }

    const fn never_audited(self) -> Self {
        Self { audit: Audit::Never, ..self }
    }

    const fn remedy(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }
}

/// Every rule. Accounts come first, since owners depend on them; removals before what depends on what is left.
#[rustfmt::skip]
pub(crate) static RULES: &[Rule] = &[
    rule(Phase::Accounts, "accounts.user", "the run user and its group exist", accounts::user::check).remedy(Remedy::Switch),
    rule(Phase::Accounts, "accounts.prune", "only kept accounts and groups exist", accounts::prune::check).remedy(Remedy::Account),
    rule(Phase::Accounts, "accounts.shell", "no account has a login shell", accounts::shell::check).remedy(Remedy::Shell),
    rule(Phase::Accounts, "accounts.lock", "no account has a usable password", accounts::lock::check).remedy(Remedy::Switch),
    rule(Phase::Accounts, "accounts.backup", "no backups of account and configuration files", accounts::backup::check).alone(),
    // What it sets stays.
    rule(Phase::Settings, "login.defaults", "the login settings that server checklists ask for", login_defaults::check).off().remedy(Remedy::Switch),
    rule(Phase::Removals, "remove.package-manager", "no package manager", remove::package_manager::check).alone(),
    rule(Phase::Removals, "remove.cron", "no cron jobs and timers", remove::cron::check).alone(),
    rule(Phase::Removals, "remove.init", "no init system", remove::init::check).alone(),
    rule(Phase::Removals, "remove.tunables", "no kernel settings", remove::tunables::check).alone(),
    rule(Phase::Removals, "remove.fstab", "no mount table", remove::fstab::check).alone(),
    rule(Phase::Removals, "remove.root-home", "root's home is empty", remove::root_home::check).alone(),
    rule(Phase::Removals, "remove.trust", "no host is trusted without a password", remove::trust::check),
    rule(Phase::Removals, "remove.leftovers", "no logs, caches and histories", remove::leftovers::check).alone(),
    // What a package leaves behind depends on what every other rule takes from it.
    rule(Phase::Removals, "remove.commands", "only kept commands can be run", remove::commands::check),
    rule(Phase::Removals, "remove.applets", "only kept applets run", remove::applets::check),
    rule(Phase::Removals, "remove.unneeded", "minimal mode: only files that kept files need", remove::unneeded::check),
    rule(Phase::Settings, "login.shells", "nologin is not listed as a shell", login_shells::check),
    rule(Phase::Settings, DATABASE, "package records list what is left", database::check).remedy(Remedy::Database),
    rule(Phase::Files, "files.devices", "no device nodes, fifos and sockets", files::devices::check),
    rule(Phase::Files, "files.ownerless", "every file has an owner that exists", files::ownerless::check).remedy(Remedy::Owner),
    rule(Phase::Files, "files.system-dirs", "only root can write in system directories", files::system_dirs::check),
    rule(Phase::Files, "files.writable", "nothing is world-writable", files::writable::check),
    rule(Phase::Files, "files.known", "files at well-known paths have strict owners and modes", files::known::check),
    rule(Phase::Files, "files.app", "the application's files have the owners and modes of [files]", files::app::check).remedy(Remedy::Files),
    rule(Phase::Files, "files.setid", "no set-id bits", files::setid::check).remedy(Remedy::SetId),
    rule(Phase::Files, "files.capabilities", "no file capabilities", files::capabilities::check).remedy(Remedy::SetId),
    rule(Phase::Removals, "remove.links", "no links broken by this run", remove::links::check),
    rule(Phase::Removals, THIS_PROGRAM, "no trace of harden", remove::this_program::check).never_audited().remedy(Remedy::Switch),
];

/// The rule of an id.
pub(crate) fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// Ids of all rules, in order.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).collect()
}

/// Ids of the rules that run: those that the policy switches on, and by default all but the ones that say otherwise.
#[must_use]
pub fn switched_on(policy: &Policy) -> BTreeSet<&'static str> {
    let is_on = |rule: &Rule| {
        let named = policy.rules.iter().find(|switch| switch.rule == rule.id);
        named.map_or(rule.default, |switch| switch.on)
    };
    RULES.iter().filter(|rule| is_on(rule)).map(|rule| rule.id).collect()
}

#[cfg(test)]
mod tests {
    use super::RULES;

    /// The page that messages and README point at.
    const PAGE: &str = include_str!("../docs/rules.md");

    #[test]
    fn every_rule_has_its_anchor_and_no_anchor_is_left_over() {
        let anchors: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        for rule in RULES {
            assert!(anchors.contains(&rule.id), "docs/rules.md has no section {}", rule.id);
        }
        assert_eq!(anchors.len(), RULES.len(), "docs/rules.md has a section for no rule");
    }
}
