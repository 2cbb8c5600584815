//! Checks, run for real: apply on `/` in a small root of its own, with programs of this machine mounted into it.

mod directories;
mod image;
mod kinds;
mod privileges;
mod processes;
mod refused;
mod seen;
mod step;
mod tcp;
mod traces;
