//! `harden learn` on real programs in a small root of its own, as process 1 of a PID namespace and as a plain child.
//!
//! The root holds copies of this machine's sh, cat, sleep and perl with their libraries; perl makes each call by its
//! number. Needs root, for chroot and for mounting /proc.

mod calls;
mod evasion;
mod file;
mod jail;
mod oracle;
mod output;
mod processes;
mod profile;
mod source;
mod status;
mod terminal;
