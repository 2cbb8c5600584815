//! Trees and their snapshots, as tests/common has them; without what starts the binary.

#[path = "../../tests/common/bases.rs"]
mod bases;
#[path = "../../tests/common/elf.rs"]
mod elf;
#[path = "../../tests/common/invariants.rs"]
mod invariants;
#[path = "../../tests/common/rootfs.rs"]
mod rootfs;
#[path = "../../tests/common/snapshot.rs"]
mod snapshot;
#[path = "../../tests/common/walk.rs"]
mod walk;

pub(crate) use elf::{Spec, library, program};
pub(crate) use invariants::assert_invariants;
pub(crate) use rootfs::{CAPABILITY, LOADER, Rootfs};
pub(crate) use snapshot::Snapshot;
pub(crate) use walk::walk;

pub(crate) const APP: [&str; 4] = ["--user", "app:1000:1000", "--command", "/app/server"];
