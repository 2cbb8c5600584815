//! Small root file systems in temporary directories, the real binary run on them, and what it left behind.
//!
//! Needs root: the trees have owners, device nodes and file capabilities.
#![allow(dead_code, unused_imports, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod bases;
mod check;
pub(crate) mod dirty;
#[path = "../../src/facts/elf/fixture.rs"]
mod elf;
mod invariants;
mod rootfs;
mod run;
mod snapshot;
mod strace;

pub(crate) use check::{Applied, Refused};
pub(crate) use elf::{Spec, library, program};
pub(crate) use invariants::{assert_invariants, assert_no_temporary};
pub(crate) use rootfs::{CAPABILITY, LOADER, Rootfs, TIME};
pub(crate) use run::{Run, bare, install_binary};
pub(crate) use snapshot::{Entry, Snapshot};
pub(crate) use strace::{Traced, assert_confined, parse, traced, traced_by};

/// Options that fit most trees: who runs the image's program, and what that is.
pub(crate) const APP: [&str; 4] = ["--user", "app:1000:1000", "--command", "/app/server"];
