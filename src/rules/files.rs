//! Rules about owners, modes and special files.

pub mod app;
pub mod capabilities;
pub mod devices;
pub mod known;
pub mod ownerless;
pub mod setid;
pub mod system_dirs;
pub mod writable;
