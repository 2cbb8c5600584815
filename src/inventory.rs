//! What an image holds: the files that a run changed, what is left as a bill of materials, and sizes.

pub mod changed;
pub mod sbom;
pub mod sizes;
