//! Each rule on a real tree: before, after, and its "off" switch. What holds for every apply, a second run that
//! writes nothing included, is asserted by the helper (common/check.rs); path facts of the distributions are in
//! pitfalls.

mod every;
mod known;
mod links;
mod names;
mod odd;
mod output;
mod startable;
mod times;
