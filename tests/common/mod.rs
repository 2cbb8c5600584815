//! Small root file systems in temporary directories, the real binary run on them, and what it left behind.
//!
//! Needs root: the trees have owners, device nodes and file capabilities.

mod bases;
pub(crate) mod busybox;
mod check;
pub(crate) mod dirty;
mod elf;
pub(crate) mod generated;
mod invariants;
pub(crate) mod large;
mod process;
mod rootfs;
mod run;
mod snapshot;
mod strace;
pub(crate) mod sweep;
mod walk;

pub(crate) use check::{Applied, Refused};
pub(crate) use elf::{Spec, library, program};
pub(crate) use invariants::{assert_invariants, assert_no_temporary};
pub(crate) use process::{Child, Command};
pub(crate) use rootfs::{CAPABILITY, LOADER, Rootfs, TIME};
pub(crate) use run::{Run, bare, install_binary};
pub(crate) use snapshot::Snapshot;
pub(crate) use strace::{Traced, assert_confined, parse, traced, traced_by, traced_threads, traced_within};
pub(crate) use walk::{try_walk, walk};

/// Options that fit most trees: who runs the image's program, and what that is.
pub(crate) const APP: [&str; 4] = ["--user", "app:1000:1000", "--command", "/app/server"];
