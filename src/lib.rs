//! `harden`: one static binary that hardens a container image's root file system in place.
//!
//! ```text
//! argv + harden.toml ──> Policy ─┐
//! root file system ──> Root ──> Facts ──┴─> rules ──> Draft ──> Plan ──> apply(Root) ──> Outcome ──> report
//! ```
//!
//! One pipeline; `plan` and `apply` are the same pipeline cut at two points, so that what is planned is
//! what is applied. [`root`] is the only door to the file system, rules are pure functions of facts and
//! policy, every effect is a [`plan::Change`], and only [`report`] prints.
//!
//! The library has no promise of a stable interface: it exists for the binary and its tests.

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
mod inventory;
mod learn;
mod pipeline;
mod plan;
mod policy;
mod report;
mod root;
mod rules;
mod run;
mod scripts;
mod shell;
mod stop;
mod tree;

pub use policy::Environment;
pub use run::main;

/// What the tests and the fuzz targets use of the inside: no promise of any kind.
#[doc(hidden)]
pub mod testing;
