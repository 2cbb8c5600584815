//! Rules that remove what a container image does not need.

pub mod applets;
pub mod commands;
pub mod cron;
pub mod fstab;
pub mod init;
pub mod leftovers;
pub mod links;
pub mod package_manager;
pub mod paths;
pub mod root_home;
pub mod this_program;
pub mod trust;
pub mod tunables;
pub mod unneeded;
