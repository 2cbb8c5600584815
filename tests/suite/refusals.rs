//! Wrong use is refused with nothing changed: exit status 2, the message with its help, and no inode written.

mod access;
mod accounts;
mod data;
mod environment;
mod evidence;
mod files;
mod policy;
mod programs;
mod variables;
