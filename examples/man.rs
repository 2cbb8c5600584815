//! `cargo run --example man DIRECTORY` writes the man pages: harden(1), harden-apply(1) and those of the other commands.
//!
//! They are made from the same command line as `--help`, and are no part of the binary.
#![allow(clippy::disallowed_methods, reason = "it writes to the machine that builds, and sees no root")]

use std::io;
use std::path::PathBuf;

use harden::testing::cli::Cli;

fn main() -> io::Result<()> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/man"), PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    // harden-help(1) would say nothing that is not in the other pages.
    clap_mangen::generate_to(Cli::whole().disable_help_subcommand(true), &directory)
}
