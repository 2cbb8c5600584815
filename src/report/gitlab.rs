//! A verdict as a Code Quality report of GitLab: one object for each finding that counts. GitLab shows those that a merge
//! request brings, by their fingerprints.

use std::io::{self, Write as _};

use serde::Serialize;

use super::json::write_ascii;
use crate::audit::{Severity, Verdict};
use crate::diag::escape::escaped;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Write what an audit found. What is excepted or in the baseline is not shown.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(out: &mut dyn io::Write, verdict: &Verdict) -> io::Result<()> {
    let issues = verdict.findings.iter().filter(|finding| finding.counts()).map(|finding| {
        let path = escaped(&finding.path);
        let fix = finding.fix.map_or_else(String::new, |rule| format!(" (fixed by {rule})"));
        Issue {
            description: format!("{path}: {}{fix}", finding.detail),
            check_name: finding.check.id,
            fingerprint: &finding.fingerprint,
            severity: match finding.severity {
                Severity::High => "critical",
                Severity::Medium => "major",
                Severity::Low => "minor",
                Severity::Info => "info",
            },
            location: Location {
                path: path.trim_start_matches('/').to_owned(),
                lines: Lines { begin: finding.line.unwrap_or(1) },
            },
        }
    });
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &issues.collect::<Vec<_>>())?;
    out.flush()
}

/// Write that nothing was audited, and why: an empty list would be a clean verdict.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    let issue = Issue {
        description: format!("nothing was audited: {text}"),
        check_name: "harden",
        fingerprint: "harden-nothing-was-audited",
        severity: "blocker",
        location: Location { path: "harden.toml".to_owned(), lines: Lines { begin: 1 } },
    };
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &[issue])?;
    out.flush()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{failed, write};
    use crate::report::fixture;

    #[test]
    fn each_finding_that_counts_is_an_issue() {
        let mut out = Vec::new();
        write(&mut out, &fixture::verdict()).unwrap();
        let issues: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            issues,
            serde_json::json!([
                {
                    "description": "/etc/shadow: the account 'a' has an empty password (fixed by accounts.lock)",
                    "check_name": "accounts.empty-password", "fingerprint": "0123", "severity": "critical",
                    "location": { "path": "etc/shadow", "lines": { "begin": 3 } },
                },
                {
                    "description": "/a]]><\\u{202e}\\n\\xff: odd",
                    "check_name": "accounts.empty-password", "fingerprint": "0123", "severity": "minor",
                    "location": { "path": "a]]><\\u{202e}\\n\\xff", "lines": { "begin": 1 } },
                },
            ])
        );
        let mut out = Vec::new();
        failed(&mut out, "no").unwrap();
        assert!(String::from_utf8(out).unwrap().contains("\"blocker\""));
    }
}
