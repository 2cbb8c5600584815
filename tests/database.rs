//! `packages.database = "prune"`: what the records of dpkg and apk say after a run, against what is on disk. The parsers
//! here are written apart from those of the program; what holds for every apply is asserted by common/check.rs.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "database/apk.rs"]
mod apk;
#[path = "database/dpkg.rs"]
mod dpkg;
#[path = "database/sbom.rs"]
mod sbom;
