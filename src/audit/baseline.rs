//! The findings of an earlier run, so that only new ones fail.
//!
//! The file is JSON with one line a finding, sorted, so that changes can be reviewed.

use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{Finding, State, Verdict};
use crate::diag::escape::escaped;

/// Name and version of the layout.
const SCHEMA: &str = "harden-baseline-1";

/// What was known before.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    fingerprints: BTreeSet<String>,
}

impl Baseline {
    /// Read a file that [`Baseline::write`] wrote; the cause when it is no such file.
    ///
    /// # Errors
    /// The cause, lower case.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let document: Value = serde_json::from_slice(bytes)?;
        if document.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
            bail!("its schema is not {SCHEMA}");
        }
        let list = document.get("findings").and_then(Value::as_array).context("it has no list of findings")?;
        let mut fingerprints = BTreeSet::new();
        for finding in list {
            let text = finding.get("fingerprint").and_then(Value::as_str).context("a finding has no fingerprint")?;
            fingerprints.insert(text.to_owned());
        }
        Ok(Self { fingerprints })
    }

    /// Everything that a verdict found and the policy does not except, as a file.
    #[must_use]
    pub(crate) fn write(verdict: &Verdict) -> String {
        let excepted = |finding: &&Finding| matches!(finding.state, State::Excepted { .. });
        let mut lines = BTreeSet::new();
        for finding in verdict.findings.iter().filter(|finding| !excepted(finding)) {
            let path = Value::from(escaped(&finding.path));
            let (check, fingerprint) = (finding.check.id, &finding.fingerprint);
            let subject = finding
                .subject
                .as_deref()
                .map_or_else(String::new, |subject| format!("\"subject\": {}, ", Value::from(subject)));
            lines.insert(format!(
                "  {{ \"check\": \"{check}\", \"path\": {path}, {subject}\"fingerprint\": \"{fingerprint}\" }}"
            ));
        }
        let mut out = format!("{{\n \"schema\": \"{SCHEMA}\",\n \"findings\": [");
        let mut separator = "\n";
        for line in lines {
            let _ = write!(out, "{separator}{line}");
            separator = ",\n";
        }
        out.push_str("\n ]\n}\n");
        out
    }

    pub(super) fn apply(&self, findings: &mut [Finding]) {
        for finding in findings {
            if finding.state == State::New && self.fingerprints.contains(&finding.fingerprint) {
                finding.state = State::Baseline;
            }
        }
    }
}
