//! What existing harden scripts get wrong, one test each: we do not have it.
//!
//! Pitfalls of account lines are in tests/accounts: prefixes, patterns and empty names (prune.rs), nologin paths and
//! lines of six fields (shell.rs), locks, dates and backups (lock.rs, whole.rs), taken ids (user.rs), gshadow, member
//! lists and subordinate ids (prune.rs). Here the binary works on whole trees.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "pitfalls/accounts.rs"]
mod accounts;
#[path = "pitfalls/commands.rs"]
mod commands;
#[path = "pitfalls/modes.rs"]
mod modes;
#[path = "pitfalls/removals.rs"]
mod removals;
#[path = "pitfalls/whole.rs"]
mod whole;
