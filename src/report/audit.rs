//! The verdict of `harden audit`, for people and for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use super::json::write_ascii;
use crate::audit::{Check, Finding, Severity, State, Verdict};
use crate::console::{Format, Volume};
use crate::diag::Diagnostic;
use crate::diag::escape::{escaped, printable};

/// Name and version of the JSON layout: docs/audit.schema.json.
pub(crate) const SCHEMA: &str = "harden-audit-1";

/// Findings of one check shown without `-v`.
const SHOWN: usize = 10;

/// Write a verdict in one of the formats. `level` is what `--fail-on` says.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(
    out: &mut dyn io::Write,
    verdict: &Verdict,
    format: Format,
    level: Severity,
    volume: Volume,
) -> io::Result<()> {
    match format {
        Format::Text => out.write_all(text(verdict, level, volume).as_bytes()),
        Format::Json => json(out, verdict, level),
        Format::Sarif => super::sarif::write(out, verdict),
        Format::Junit => super::junit::write(out, verdict, level),
        Format::Github => super::github::write(out, verdict),
        Format::Html => super::html::audit(out, verdict, level, None),
        Format::Markdown => super::markdown::audit(out, verdict, level),
        Format::Gitlab => super::gitlab::write(out, verdict),
    }
}

/// Grouped by severity and check, the worst first.
fn text(verdict: &Verdict, level: Severity, volume: Volume) -> String {
    let mut out = String::new();
    for severity in Severity::ALL {
        // What is only worth knowing is counted, and told to those who ask.
        let brief =
            volume == Volume::Quiet || (severity == Severity::Info && volume == Volume::Normal && level > severity);
        let found = verdict.findings.iter().filter(|finding| finding.severity == severity && finding.counts());
        let found: Vec<&Finding> = found.collect();
        if brief || found.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{}", severity.name());
        for check in verdict.registry() {
            let of_check: Vec<&&Finding> = found.iter().filter(|f| std::ptr::eq(f.check, check)).collect();
            group(&mut out, check, &of_check, volume);
        }
        out.push('\n');
    }
    for note in &verdict.notes {
        let _ = writeln!(out, "note: {note}");
    }
    counts(&mut out, verdict, level, volume);
    out
}

fn group(out: &mut String, check: &Check, findings: &[&&Finding], volume: Volume) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {} (wanted: {})", check.id, check.title);
    let shown = if volume == Volume::Verbose { findings.len() } else { SHOWN };
    for finding in findings.iter().take(shown) {
        let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
        let fix = finding.fix.map_or_else(String::new, |rule| format!(" (fixed by {rule})"));
        let _ = writeln!(out, "    {}{line}: {}{fix}", escaped(&finding.path), finding.detail);
    }
    if findings.len() > shown {
        let _ = writeln!(out, "    … and {} more (-v shows all)", findings.len() - shown);
    }
    if findings.iter().any(|finding| finding.fix.is_none()) {
        let _ = writeln!(out, "    help: {}", check.help());
    }
    if !check.sources.is_empty() {
        let _ = writeln!(out, "    demanded by: {}", check.sources.join(", "));
    }
}

fn counts(out: &mut String, verdict: &Verdict, level: Severity, volume: Volume) {
    let words = Severity::ALL.map(|severity| format!("{} {}", verdict.count(severity), severity.name()));
    let excepted = verdict.findings.iter().filter(|finding| matches!(finding.state, State::Excepted { .. })).count();
    let known = verdict.findings.iter().filter(|finding| finding.state == State::Baseline).count();
    let _ = writeln!(out, "{} checks, {} entries: {}", verdict.checks.len(), verdict.entries, words.join(", "));
    if volume == Volume::Normal && level > Severity::Info && verdict.count(Severity::Info) > 0 {
        let _ = writeln!(out, "use -v to include informational findings");
    }
    if excepted + known > 0 {
        let _ = writeln!(out, "not counted: {excepted} excepted by the policy, {known} in the baseline");
    }
    let partly = if verdict.notes.is_empty() { "" } else { " in the entries that harden could read: see the notes" };
    let verdict = if verdict.fails(level) { "findings" } else { "no findings" };
    let _ = writeln!(out, "{verdict} at {} or above{partly}", level.name());
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    harden: &'static str,
    fail_on: &'static str,
    failed: bool,
    checks: usize,
    entries: usize,
    counts: Counts,
    findings: Vec<Row<'a>>,
    notes: &'a [String],
}

/// Findings that count, by severity, and those that do not.
#[derive(Serialize)]
struct Counts {
    high: usize,
    medium: usize,
    low: usize,
    info: usize,
    excepted: usize,
    baseline: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    check: &'static str,
    severity: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    title: &'static str,
    help: &'static str,
    sources: Vec<&'static str>,
    rule: Option<&'static str>,
    fingerprint: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

fn json(out: &mut dyn io::Write, verdict: &Verdict, level: Severity) -> io::Result<()> {
    let state = |wanted: &str| verdict.findings.iter().filter(|finding| state(finding).0 == wanted).count();
    let document = Document {
        schema: SCHEMA,
        harden: env!("CARGO_PKG_VERSION"),
        fail_on: level.name(),
        failed: verdict.fails(level),
        checks: verdict.checks.len(),
        entries: verdict.entries,
        counts: Counts {
            high: verdict.count(Severity::High),
            medium: verdict.count(Severity::Medium),
            low: verdict.count(Severity::Low),
            info: verdict.count(Severity::Info),
            excepted: state("excepted"),
            baseline: state("baseline"),
        },
        findings: verdict.findings.iter().map(row).collect(),
        notes: &verdict.notes,
    };
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &document)?;
    out.flush()
}

fn row(finding: &Finding) -> Row<'_> {
    let (state, reason) = state(finding);
    let hex = || finding.path.iter().map(|byte| format!("{byte:02x}")).collect();
    Row {
        check: finding.check.id,
        severity: finding.severity.name(),
        path: printable(&finding.path),
        path_hex: std::str::from_utf8(&finding.path).is_err().then(hex),
        line: finding.line,
        detail: &finding.detail,
        subject: finding.subject.as_deref(),
        title: finding.check.title,
        help: finding.check.help(),
        sources: finding.check.sources.to_vec(),
        rule: finding.fix,
        fingerprint: &finding.fingerprint,
        state,
        reason,
    }
}

fn state(finding: &Finding) -> (&'static str, Option<&str>) {
    match &finding.state {
        State::New => ("new", None),
        State::Baseline => ("baseline", None),
        State::Excepted { reason } => ("excepted", Some(reason)),
    }
}

/// Write that nothing was audited, and why, in the formats that have a place for it: a tool that reads the report must
/// not take silence for a clean verdict.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, error: &Diagnostic, format: Format) -> io::Result<()> {
    let text = format!("[{}] {error}", error.id);
    match format {
        Format::Sarif => super::sarif::failed(out, &text),
        Format::Junit => super::junit::failed(out, &text),
        Format::Github => super::github::failed(out, &text),
        Format::Html => super::html::failed(out, error),
        Format::Markdown => super::markdown::failed(out, &text),
        Format::Gitlab => super::gitlab::failed(out, &text),
        Format::Text | Format::Json => Ok(()),
    }
}
