//! The only module that prints.

pub mod escape;
