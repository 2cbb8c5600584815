//! From files, flags and variables to a policy, through the library's front door.

mod common;
mod dump;
mod extends;
mod precedence;
mod refused;
mod schema;
