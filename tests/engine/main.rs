//! Tests in a real Docker engine, with the static binary that ships.
//!
//! They need root and what `make setup` makes, and fail with that word when it is missing; they are never
//! skipped. `make engine` runs them; a plain `cargo test` does not (see `test = false` in Cargo.toml).

#![allow(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::use_debug
)]

mod applets;
mod apply;
mod apps;
mod attacker;
mod audit;
mod bases;
mod buildah;
mod busybox;
mod check;
#[path = "../common/mod.rs"]
#[allow(dead_code, unused_imports, reason = "most of it is the suite's")]
mod common;
mod docker;
mod evidence;
mod examples;
mod image;
mod inspect;
mod judges;
mod layer;
mod learn;
mod leave;
mod loader;
mod matrix;
mod printed;
mod refuse;
mod scanner;
mod tree;
mod writers;
