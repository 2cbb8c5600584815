//! `harden learn` on real programs in a small root of its own, as process 1 of a PID namespace and as a plain child.
//!
//! The root holds copies of this machine's sh, cat, sleep and perl with their libraries; perl makes each call by its
//! number. Needs root, for chroot and for mounting /proc.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "learn/calls.rs"]
mod calls;
#[path = "learn/evasion.rs"]
mod evasion;
#[path = "learn/file.rs"]
mod file;
#[path = "learn/jail.rs"]
mod jail;
#[path = "learn/oracle.rs"]
mod oracle;
#[path = "learn/output.rs"]
mod output;
#[path = "learn/processes.rs"]
mod processes;
#[path = "learn/source.rs"]
mod source;
#[path = "learn/status.rs"]
mod status;
#[path = "learn/terminal.rs"]
mod terminal;
