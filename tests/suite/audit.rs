//! `harden audit` on real trees: what it finds and where, what it leaves alone, its gate, exceptions and baseline.

mod checksums;
mod clean;
mod compliance;
mod dirty;
mod docs;
mod gate;
mod image;
mod labelled;
mod own;
mod policy;
mod schema;
mod start;

use std::collections::BTreeSet;

use crate::common::Run;

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
