//! `harden`: one static binary that hardens a container image's root file system in place.
//!
//! ```text
//! argv + harden.toml ──> policy ─────────────────┐
//! root file system ──> root ────┐                v
//!                               ├──> tree ──> facts, closure ──> rules ──> draft ──> guards ──> plan ──> apply ──> report
//! archive of an image ─> archive┘                                                             └──> image ──> archive
//! ```
//!
//! One pipeline (`pipeline::survey` and `pipeline::examine`); `plan` and `apply` are the same pipeline cut at two
//! points, so that apply carries out exactly the plan. `root` is the only door to the file system, rules are pure
//! functions of facts and policy, every effect is a `draft::Change`, and every report is written by `report`.
//! docs/architecture.md has the whole drawing and the order in which modules may import each other.
//!
//! The library has no promise of a stable interface: it exists for the binary and its tests.

#![allow(rustdoc::private_intra_doc_links, reason = "the pages are for developers, and made with private items")]

mod applets;
mod apply;
mod archive;
mod audit;
mod check;
mod cli;
mod closure;
mod console;
mod day;
mod diag;
mod digest;
mod draft;
mod exit;
mod explain;
mod facts;
mod guards;
mod image;
mod inventory;
mod learn;
mod ordered;
mod pipeline;
mod plan;
mod policy;
mod programs;
mod report;
mod root;
mod rules;
mod run;
mod scripts;
mod shell;
mod stop;
mod trace;
mod tree;

pub use policy::Environment;
pub use run::main;

/// What the tests and the fuzz targets use of the inside: no promise of any kind.
#[doc(hidden)]
pub mod testing;
