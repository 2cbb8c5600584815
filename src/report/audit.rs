//! The verdict of `harden audit`, for people and for programs.

use std::io;

use super::Format;
use crate::audit::{Severity, Verdict};
use crate::run::Request;

/// Name and version of the JSON layout: docs/audit.schema.json.
pub const SCHEMA: &str = "harden-audit-1";

/// Write a verdict in one of the formats. `level` is what `--fail-on` says.
///
/// # Errors
/// Those of writing.
pub fn write(
    out: &mut dyn io::Write,
    verdict: &Verdict,
    format: Format,
    level: Severity,
    request: &Request,
) -> io::Result<()> {
    let _ = request;
    match format {
        Format::Sarif => super::sarif::write(out, verdict),
        Format::Junit => super::junit::write(out, verdict, level),
        Format::Github => super::github::write(out, verdict),
        Format::Text | Format::Json => out.flush(),
    }
}

/// Write that nothing was judged, and why, in the formats that have a place for it: a tool that reads the report must
/// not take silence for a clean verdict.
///
/// # Errors
/// Those of writing.
pub fn failed(out: &mut dyn io::Write, text: &str, format: Format) -> io::Result<()> {
    match format {
        Format::Sarif => super::sarif::failed(out, text),
        Format::Junit => super::junit::failed(out, text),
        Format::Github => super::github::failed(out, text),
        Format::Text | Format::Json => Ok(()),
    }
}
