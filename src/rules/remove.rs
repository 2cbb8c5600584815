//! Rules that remove files that a container image does not need.

pub(crate) mod applets;
pub(crate) mod commands;
pub(crate) mod cron;
pub(crate) mod fstab;
pub(crate) mod init;
mod language_managers;
pub(crate) mod leftovers;
pub(crate) mod links;
pub(crate) mod package_manager;
pub(crate) mod paths;
pub(crate) mod remaining;
pub(crate) mod root_home;
pub(crate) mod this_program;
pub(crate) mod trust;
pub(crate) mod tunables;
pub(crate) mod unneeded;
