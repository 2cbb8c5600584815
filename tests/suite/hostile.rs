//! Hostile images and failing systems: nothing outside the root is touched, and nothing is lost. Needs root and strace.

mod attack;
mod confined;
mod crash;
mod faults;
mod races;
mod systems;
pub(crate) mod trees;
