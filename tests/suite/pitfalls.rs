//! What existing harden scripts get wrong, one test each: we do not have it.
//!
//! Pitfalls of account lines are in accounts: prefixes, patterns and empty names (prune.rs), nologin paths and
//! lines of six fields (shell.rs), locks, dates and backups (lock.rs, whole.rs), taken ids (user.rs), gshadow, member
//! lists and subordinate ids (prune.rs). Here the binary works on whole trees.

mod accounts;
mod commands;
mod modes;
mod removals;
mod whole;
