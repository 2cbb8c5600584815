//! Hostile images and failing systems: nothing outside the root is touched, and nothing is lost. Needs root and strace.

mod attack;
mod confined;
mod crash;
mod endless;
mod faults;
mod kernels;
mod partitions;
mod promises;
mod races;
mod signals;
mod systems;
mod together;
pub(crate) mod trees;
