//! `packages.database = "prune"`: what the records of dpkg and apk say after a run, against what is on disk. The parsers
//! here are written apart from those of the program; what holds for every apply is asserted by common/check.rs.

mod apk;
mod dpkg;
mod sbom;
