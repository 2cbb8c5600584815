//! The account rules on real trees, judged by the shadow suite's own checkers. Needs root, pwck and grpck.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "accounts/bases.rs"]
mod bases;
#[path = "accounts/image.rs"]
mod image;
#[path = "accounts/lock.rs"]
mod lock;
#[path = "accounts/prune.rs"]
mod prune;
#[path = "accounts/shell.rs"]
mod shell;
#[path = "accounts/user.rs"]
mod user;
#[path = "accounts/whole.rs"]
mod whole;
