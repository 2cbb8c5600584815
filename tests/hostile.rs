//! Hostile images and failing systems: nothing outside the root is touched, and nothing is lost. Needs root and strace.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "../src/applets/fixture.rs"]
mod binary;
mod common;

#[path = "hostile/attack.rs"]
mod attack;
#[path = "hostile/confined.rs"]
mod confined;
#[path = "hostile/crash.rs"]
mod crash;
#[path = "hostile/faults.rs"]
mod faults;
#[path = "hostile/kernels.rs"]
mod kernels;
#[path = "hostile/partitions.rs"]
mod partitions;
#[path = "hostile/promises.rs"]
mod promises;
#[path = "hostile/races.rs"]
mod races;
#[path = "hostile/signals.rs"]
mod signals;
#[path = "hostile/sweep.rs"]
mod sweep;
#[path = "hostile/systems.rs"]
mod systems;
#[path = "hostile/together.rs"]
mod together;
#[path = "hostile/trees.rs"]
mod trees;
