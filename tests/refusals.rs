//! Wrong use is refused with nothing changed: exit status 2, the message with its help, and no inode written.
#![allow(missing_docs)]

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
