//! The `harden` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    harden::run::main(std::env::args_os().collect(), &environment).into()
}
