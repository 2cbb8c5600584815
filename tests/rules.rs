//! Each rule on a real tree: before, after, and its "off" switch.
#![allow(missing_docs)]

mod common;

#[path = "rules/every.rs"]
mod every;
