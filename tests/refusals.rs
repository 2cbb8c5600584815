//! Wrong use is refused with nothing changed: exit status 2, the message with its help, and no inode written.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "refusals/accounts.rs"]
mod accounts;
#[path = "refusals/environment.rs"]
mod environment;
#[path = "refusals/files.rs"]
mod files;
#[path = "refusals/policy.rs"]
mod policy;
#[path = "refusals/programs.rs"]
mod programs;
