//! What an image holds: the files that a run changed, what is left as a bill of materials, and sizes.

pub(crate) mod changed;
pub(crate) mod sbom;
pub(crate) mod sizes;
