//! The `harden` program: everything is in the library.

use std::process::ExitCode;

/// Instead of musl's, for speed: docs/dependencies.md.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let mut environment = std::collections::BTreeMap::new();
    environment.extend(std::env::vars_os());
    harden::main(std::env::args_os().collect(), &environment).into()
}
