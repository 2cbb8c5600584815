//! Whole runs of the program on small trees that are shaped like real images: what is kept keeps working, what is not
//! kept is gone, and a second run finds nothing. Needs root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "apps/configurations.rs"]
mod configurations;
#[path = "apps/image.rs"]
mod image;
#[path = "apps/logins.rs"]
mod logins;
#[path = "apps/packages.rs"]
mod packages;
