//! The account rules on real trees, judged by the shadow suite's own checkers. Needs root, pwck and grpck.

mod bases;
mod image;
mod lock;
mod prune;
mod shell;
mod user;
mod whole;
