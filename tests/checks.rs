//! Checks, run for real: apply on `/` in a small root of its own, with programs of this machine mounted into it.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "checks/directories.rs"]
mod directories;
#[path = "checks/image.rs"]
mod image;
#[path = "checks/privileges.rs"]
mod privileges;
#[path = "checks/processes.rs"]
mod processes;
#[path = "checks/refused.rs"]
mod refused;
#[path = "checks/step.rs"]
mod step;
#[path = "checks/tcp.rs"]
mod tcp;
#[path = "checks/traces.rs"]
mod traces;
