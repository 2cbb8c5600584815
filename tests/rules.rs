//! Each rule on a real tree: before, after, and its "off" switch. What holds for every apply, a second run that
//! writes nothing included, is asserted by the helper (common/check.rs); path facts of the distributions are in
//! tests/pitfalls.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "rules/every.rs"]
mod every;
#[path = "rules/known.rs"]
mod known;
#[path = "rules/links.rs"]
mod links;
#[path = "rules/names.rs"]
mod names;
#[path = "rules/odd.rs"]
mod odd;
#[path = "rules/output.rs"]
mod output;
#[path = "rules/times.rs"]
mod times;
