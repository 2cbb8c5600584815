//! A verdict by the controls of a list, for people and for programs.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use super::json::write_ascii;
use super::junit::Xml;
use crate::audit::compliance::{Answer, List, Outcome, answers};
use crate::audit::{Severity, Verdict};
use crate::console::Format;
use crate::diag::escape::{escaped, printable};

/// Name and version of the JSON layout: docs/compliance.schema.json.
const SCHEMA: &str = "harden-compliance-1";

/// Pieces of evidence shown for one control.
const SHOWN: usize = 10;

/// Write the controls of these lists in one of the formats; those without a form for controls are refused before. `level`
/// is what `--fail-on` says.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(
    out: &mut dyn io::Write,
    verdict: &Verdict,
    format: Format,
    level: Severity,
    lists: &[List],
) -> io::Result<()> {
    match format {
        Format::Json => json(out, verdict, lists),
        Format::Junit => junit(out, verdict, lists),
        Format::Html => super::html::audit(out, verdict, level, Some(lists)),
        _ => out.write_all(text(verdict, lists).as_bytes()),
    }
}

fn place(finding: &crate::audit::Finding) -> String {
    let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
    format!("{}{line}: {}", escaped(&finding.path), finding.detail)
}

fn text(verdict: &Verdict, lists: &[List]) -> String {
    let mut out = String::new();
    for &list in lists {
        let answers = answers(verdict, &[list]);
        let _ = writeln!(out, "{}: {}", list.name(), list.title());
        for answer in &answers {
            let control = answer.control;
            let _ = writeln!(out, "  {:<14} {:<20} {}", answer.outcome.name(), control.id, control.title);
            if !answer.why.is_empty() {
                let _ = writeln!(out, "      {}", answer.why);
            }
            for finding in answer.evidence.iter().take(SHOWN) {
                let _ = writeln!(out, "      {}  {}", finding.check.id, place(finding));
            }
            let more = answer.evidence.len().saturating_sub(SHOWN);
            if more > 0 {
                let _ = writeln!(out, "      … and {more} more (--format json has all)");
            }
            if answer.accepted > 0 {
                let _ = writeln!(out, "      not counted: {} accepted by the policy or the baseline", answer.accepted);
            }
        }
        let count = |outcome| answers.iter().filter(|answer| answer.outcome == outcome).count();
        let _ = writeln!(
            out,
            "  {} controls: {} passed, {} failed, {} not applicable\n",
            answers.len(),
            count(Outcome::Passed),
            count(Outcome::Failed),
            count(Outcome::NotApplicable)
        );
    }
    for note in &verdict.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    harden: &'static str,
    lists: Vec<Listed<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Listed<'a> {
    list: &'static str,
    title: &'static str,
    passed: usize,
    failed: usize,
    not_applicable: usize,
    controls: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'static str,
    title: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: String,
    checks: Vec<&'static str>,
    accepted: usize,
    evidence: Vec<Evidence<'a>>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    check: &'static str,
    severity: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    detail: &'a str,
}

fn json(out: &mut dyn io::Write, verdict: &Verdict, lists: &[List]) -> io::Result<()> {
    let row = |answer: Answer<'_>| -> Row<'_> {
        Row {
            id: answer.control.id,
            title: answer.control.title,
            outcome: answer.outcome.name(),
            reason: answer.why,
            checks: answer.checks.iter().map(|check| check.id).collect(),
            accepted: answer.accepted,
            evidence: Vec::new(),
        }
    };
    let listed = |&list: &List| {
        let answers = answers(verdict, &[list]);
        let count = |outcome| answers.iter().filter(|answer| answer.outcome == outcome).count();
        let (passed, failed, not_applicable) =
            (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::NotApplicable));
        let controls = answers.into_iter().map(|answer| {
            let evidence = answer.evidence.iter().map(|finding| Evidence {
                check: finding.check.id,
                severity: finding.severity.name(),
                path: printable(&finding.path),
                line: finding.line,
                detail: &finding.detail,
            });
            let evidence = evidence.collect();
            Row { evidence, ..row(answer) }
        });
        Listed { list: list.name(), title: list.title(), passed, failed, not_applicable, controls: controls.collect() }
    };
    let document = Document {
        schema: SCHEMA,
        harden: env!("CARGO_PKG_VERSION"),
        lists: lists.iter().map(listed).collect(),
        notes: &verdict.notes,
    };
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &document)?;
    io::Write::flush(&mut out)
}

/// A test case for each control; one that is not applicable is a passed one whose name says so: the schema of Ant's
/// JUnitReport has no other place for it.
fn junit(out: &mut dyn io::Write, verdict: &Verdict, lists: &[List]) -> io::Result<()> {
    let answers = answers(verdict, lists);
    let failures = answers.iter().filter(|answer| answer.outcome == Outcome::Failed).count();
    super::junit::head(out, answers.len(), failures, 0)?;
    for answer in &answers {
        let control = answer.control;
        let name = match answer.outcome {
            Outcome::NotApplicable => format!("{} {} (not applicable: {})", control.id, control.title, answer.why),
            _ => format!("{} {}", control.id, control.title),
        };
        write!(out, "  <testcase classname=\"{}\" name=\"{}\" time=\"0\"", control.list.name(), Xml(&name))?;
        if answer.outcome != Outcome::Failed {
            writeln!(out, "/>")?;
            continue;
        }
        write!(out, ">\n   <failure type=\"failed\" message=\"{}\">", Xml(control.title))?;
        for finding in answer.evidence.iter().take(SHOWN) {
            writeln!(out, "{} {}", Xml(finding.check.id), Xml(&place(finding)))?;
        }
        if answer.evidence.len() > SHOWN {
            writeln!(out, "and {} more", answer.evidence.len() - SHOWN)?;
        }
        writeln!(out, "</failure>\n  </testcase>")?;
    }
    write!(out, "  <system-out>")?;
    for note in &verdict.notes {
        writeln!(out, "note: {}", Xml(note))?;
    }
    super::junit::tail(out)
}
