//! The registry: every rule, one file and one line each, in the order they run.
//!
//! A rule is a pure function from facts, policy and closure to changes in a [`Draft`].

pub mod accounts;

use crate::closure::Closure;
use crate::facts::Facts;
use crate::plan::Draft;
use crate::policy::Policy;

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The root as it is.
    pub facts: &'a Facts,
    /// What the user wants.
    pub policy: &'a Policy,
    /// What has to stay for that.
    pub closure: &'a Closure,
}

/// One registered rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable id, as in `--disable` and `[rules]`.
    pub id: &'static str,
    /// One line for tables and help.
    pub title: &'static str,
    /// Whether it runs when nobody says otherwise.
    pub default: bool,
    /// The rule itself.
    pub check: fn(&Context<'_>, &mut Draft<'_>),
}
