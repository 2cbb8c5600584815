//! Archives: the tree that is read is the tree that unpacking makes, and what cannot be read is refused.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "archive/audit.rs"]
mod audit;
#[path = "archive/hostile.rs"]
mod hostile;
#[path = "archive/images.rs"]
mod images;
#[path = "archive/same.rs"]
mod same;
#[path = "archive/writer.rs"]
mod writer;
