//! Scripts and configurations that start programs: refused, warned about, kept, or left alone.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "scripts/entry.rs"]
mod entry;
#[path = "scripts/official.rs"]
mod official;
#[path = "scripts/services.rs"]
mod services;
