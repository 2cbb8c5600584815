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

pub mod applets;
pub mod apply;
pub mod archive;
pub mod audit;
pub mod check;
pub mod cli;
pub mod closure;
pub mod console;
pub mod day;
pub mod diag;
pub mod digest;
pub mod draft;
pub mod exit;
pub mod explain;
pub mod facts;
pub mod guards;
pub mod inventory;
pub mod learn;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod report;
pub mod root;
pub mod rules;
pub mod run;
pub mod scripts;
pub mod shell;
pub mod stop;
pub mod tree;
