//! The content of an image: the files that a run changed, a bill of materials of the files that are left, and sizes.

pub(crate) mod changed;
pub(crate) mod sbom;
pub(crate) mod sizes;
