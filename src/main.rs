//! The `harden` program: everything is in the library.

fn main() {}
