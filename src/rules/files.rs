//! Rules about owners, modes and special files.

pub(crate) mod app;
pub(crate) mod capabilities;
pub(crate) mod devices;
pub(crate) mod known;
pub(crate) mod ownerless;
pub(crate) mod setid;
pub(crate) mod system_dirs;
pub(crate) mod writable;
