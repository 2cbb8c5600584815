//! Archives: the tree that is read is the tree that unpacking makes, and what cannot be read is refused.

mod audit;
mod differ;
mod forms;
mod hostile;
pub(crate) mod images;
mod plan;
pub(crate) mod same;
pub(crate) mod writer;
