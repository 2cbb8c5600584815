//! The `harden` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut environment = harden::policy::Environment::new();
    environment.extend(std::env::vars_os());
    harden::run::main(std::env::args_os().collect(), &environment).into()
}
