//! Every test that needs neither a container engine nor minutes, in one program: the helpers are compiled once.
//!
//! Most need root and the programs of tests/setup/tools.sh; what is missing fails and says `make setup`.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod accounts;
mod applets;
mod apps;
mod archive;
mod audit;
mod budgets;
mod check_config;
mod checks;
mod cli;
mod closure;
#[path = "../common/mod.rs"]
mod common;
mod database;
mod explain;
mod formats;
mod fuzz;
mod hostile;
mod html;
mod image;
mod init;
mod layers;
mod learn;
mod links;
mod messages;
mod minimal;
mod oracle;
mod organisation;
mod pitfalls;
mod policy;
mod process;
mod programs;
mod progress;
mod recipes;
mod refusals;
mod report;
mod rpm;
mod rules;
mod runtime;
mod scripts;
mod walk;
mod wiring;
