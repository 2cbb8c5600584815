//! `harden audit` on real trees: what it finds and where, what it leaves alone, its gate, exceptions and baseline.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

#[path = "audit/checksums.rs"]
mod checksums;
#[path = "audit/clean.rs"]
mod clean;
#[path = "audit/dirty.rs"]
mod dirty;
#[path = "audit/docs.rs"]
mod docs;
#[path = "audit/gate.rs"]
mod gate;
#[path = "audit/image.rs"]
mod image;
#[path = "audit/policy.rs"]
mod policy;
#[path = "audit/schema.rs"]
mod schema;

use std::collections::BTreeSet;

use common::Run;

/// Check and path of every finding that counts, at a severity or above.
fn found(run: &Run, least: &str) -> BTreeSet<(String, String)> {
    let levels = ["info", "low", "medium", "high"];
    let place = |name: &str| levels.iter().position(|level| *level == name).unwrap();
    let report = run.json();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|f| f["state"] == "new" && place(f["severity"].as_str().unwrap()) >= place(least))
        .map(|f| (f["check"].as_str().unwrap().to_owned(), f["path"].as_str().unwrap().to_owned()))
        .collect()
}
