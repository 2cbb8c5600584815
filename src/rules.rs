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

use crate::draft::Draft;
use crate::policy::Policy;
use context::Context;

/// One registered rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Stable id, as in `--disable` and `[rules]`.
    pub id: &'static str,
    /// One line for tables and help.
    pub title: &'static str,
    /// Whether it runs by default.
    pub default: bool,
    /// Whether its result does not depend on what the image runs: an audit calls it without a policy, and has checks of its own.
    pub independent: bool,
    /// The rule itself.
    pub check: fn(&Context<'_>, &mut Draft<'_>),
}

const fn on(id: &'static str, title: &'static str, check: fn(&Context<'_>, &mut Draft<'_>)) -> Rule {
    Rule { id, title, default: true, independent: false, check }
}

const fn off(id: &'static str, title: &'static str, check: fn(&Context<'_>, &mut Draft<'_>)) -> Rule {
    Rule { id, title, default: false, independent: false, check }
}

/// A rule whose result does not depend on what the image runs.
const fn always(id: &'static str, title: &'static str, check: fn(&Context<'_>, &mut Draft<'_>)) -> Rule {
    Rule { independent: true, ..on(id, title, check) }
}

/// Every rule. Accounts come first, since owners depend on them; removals before what depends on what is left.
pub(crate) static RULES: &[Rule] = &[
    on("accounts.user", "the run user and its group exist", accounts::user::check),
    on("accounts.prune", "only kept accounts and groups exist", accounts::prune::check),
    on("accounts.shell", "no account has a login shell", accounts::shell::check),
    on("accounts.lock", "no account has a usable password", accounts::lock::check),
    always("accounts.backup", "no backups of account and configuration files", accounts::backup::check),
    // What it sets stays.
    off("login.defaults", "the login settings that server checklists ask for", login_defaults::check),
    always("remove.package-manager", "no package manager", remove::package_manager::check),
    always("remove.cron", "no cron jobs and timers", remove::cron::check),
    always("remove.init", "no init system", remove::init::check),
    always("remove.tunables", "no kernel settings", remove::tunables::check),
    always("remove.fstab", "no mount table", remove::fstab::check),
    always("remove.root-home", "root's home is empty", remove::root_home::check),
    on("remove.trust", "no host is trusted without a password", remove::trust::check),
    always("remove.leftovers", "no logs, caches and histories", remove::leftovers::check),
    // What a package leaves behind depends on what every other rule takes from it.
    on("remove.commands", "only kept commands can be run", remove::commands::check),
    on("remove.applets", "only kept applets run", remove::applets::check),
    on("remove.unneeded", "minimal mode: only what kept files need", remove::unneeded::check),
    on("login.shells", "nologin is not listed as a shell", login_shells::check),
    on("packages.database", "package records list what is left", database::check),
    on("files.devices", "no device nodes, fifos and sockets", files::devices::check),
    on("files.ownerless", "every file has an owner that exists", files::ownerless::check),
    on("files.system-dirs", "only root can write in system directories", files::system_dirs::check),
    on("files.writable", "nothing is world-writable", files::writable::check),
    on("files.known", "root owns files with a fixed place", files::known::check),
    on("files.app", "the application's files have the owners and modes of [files]", files::app::check),
    on("files.setid", "no set-id bits", files::setid::check),
    on("files.capabilities", "no file capabilities", files::capabilities::check),
    on("remove.links", "no links broken by this run", remove::links::check),
    on("remove.self", "no trace of harden", remove::this_program::check),
];

/// Ids of all rules, in order.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).collect()
}

/// Ids of the rules that run: those that the policy switches on, and by default all but the ones that say otherwise.
#[must_use]
pub fn switched_on(policy: &Policy) -> BTreeSet<&'static str> {
    let is_on = |rule: &Rule| {
        let named = policy.rules.iter().rev().find(|(name, _)| name == rule.id);
        named.map_or(rule.default, |&(_, on)| on)
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
