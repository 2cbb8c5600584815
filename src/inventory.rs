//! The content of an image: the files that a run changed, a bill of materials of the files that are left, sizes, figures
//! before and after, the parts that the image consists of, and digests as evidence.

pub(crate) mod changed;
pub(crate) mod evidence;
pub(crate) mod figures;
pub(crate) mod freed;
pub(crate) mod parts;
pub(crate) mod sbom;
pub(crate) mod sizes;
