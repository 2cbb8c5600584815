//! A verdict as SARIF 2.1.0 (OASIS), in the way that GitHub's code scanning takes: one result for each finding, each
//! with a location, a path relative to the root, and a fingerprint that stays the same.
//!
//! The document is written as it goes: there may be as many findings as files. Everything outside ASCII is escaped.

use std::fmt::{self, Write as _};
use std::io;

use crate::audit::{Check, Finding, Severity, State, Verdict};
use crate::diag::escape;

/// Up to the list of rules. Locations are relative to a root that only the reader of the report knows.
const HEAD: &str = r#"{
 "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
 "version": "2.1.0",
 "runs": [{
  "originalUriBaseIds": {"ROOTPATH": {"uri": "file:///", "description": {"text": "The root of the file system that was judged."}}},
  "tool": {"driver": {"name": "harden", "version": ""#;

/// Most results of one run: GitHub refuses a file with more (docs.github.com, "SARIF support for code scanning").
const MOST_RESULTS: usize = 25_000;

/// Write what an audit found.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(out: &mut dyn io::Write, verdict: &Verdict) -> io::Result<()> {
    head(out)?;
    for (at, check) in verdict.registry().enumerate() {
        rule(out, at, check)?;
    }
    write!(out, "]}}}},\n  \"invocations\": [{{\"executionSuccessful\": true, \"toolExecutionNotifications\": [")?;
    for (at, note) in verdict.notes.iter().enumerate() {
        notification(out, at, "note", note)?;
    }
    // The worst stand first. Of those that do not count, the reader has the least.
    let counting = verdict.findings.iter().filter(|finding| finding.counts());
    let others = verdict.findings.iter().filter(|finding| !finding.counts());
    let left = verdict.findings.len().saturating_sub(MOST_RESULTS);
    if left > 0 {
        let text = format!(
            "{left} more findings are not listed, since code scanning takes {MOST_RESULTS}: --format json lists all of them"
        );
        notification(out, verdict.notes.len(), "warning", &text)?;
    }
    write!(out, "]}}],\n  \"results\": [")?;
    let listed: Vec<&Finding> =
        if left > 0 { counting.chain(others).take(MOST_RESULTS).collect() } else { verdict.findings.iter().collect() };
    for (at, finding) in listed.into_iter().enumerate() {
        result(out, at, finding, verdict)?;
    }
    writeln!(out, "]\n }}]\n}}")
}

/// Write that nothing was audited, and why.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    head(out)?;
    write!(
        out,
        "]}}}},\n  \"invocations\": [{{\"executionSuccessful\": false, \"exitCode\": {}, \"toolExecutionNotifications\": [",
        crate::exit::Exit::Refused.code()
    )?;
    notification(out, 0, "error", text)?;
    writeln!(out, "]}}],\n  \"results\": []\n }}]\n}}")
}

fn head(out: &mut dyn io::Write) -> io::Result<()> {
    write!(out, "{HEAD}{}\", \"rules\": [", env!("CARGO_PKG_VERSION"))
}

fn rule(out: &mut dyn io::Write, at: usize, check: &Check) -> io::Result<()> {
    let mut help = format!("{}.", capital(check.help()));
    if let Some(rule) = check.rule {
        let _ = write!(help, " harden apply does this with the rule {rule}.");
    }
    write!(
        out,
        "{}\n   {{\"id\": {}, \"name\": {}, \"shortDescription\": {{\"text\": {}}}, \"fullDescription\": {{\"text\": {}}}, \
         \"help\": {{\"text\": {}}}, \"helpUri\": {}, \"defaultConfiguration\": {{\"level\": \"{}\"}}, \"properties\": \
         {{\"security-severity\": \"{}\", \"precision\": \"high\", \"tags\": [\"security\"",
        if at == 0 { "" } else { "," },
        Text(check.id),
        Text(&name(check.id)),
        Text(&format!("{}.", capital(check.title))),
        Text(check.rationale()),
        Text(&help),
        Text(&super::html::page_of(check)),
        level(check.severity),
        score(check.severity),
    )?;
    // GitHub takes twenty.
    for source in check.sources.iter().take(19) {
        write!(out, ", {}", Text(source))?;
    }
    write!(out, "]}}}}")
}

fn result(out: &mut dyn io::Write, at: usize, finding: &Finding, verdict: &Verdict) -> io::Result<()> {
    let check = finding.check;
    write!(out, "{}\n   {{\"ruleId\": {}, ", if at == 0 { "" } else { "," }, Text(check.id))?;
    if let Some(index) = verdict.registry().position(|known| known.id == check.id) {
        write!(out, "\"ruleIndex\": {index}, ")?;
    }
    write!(
        out,
        "\"level\": \"{}\", \"message\": {{\"text\": {}}}, \"locations\": [{{\"physicalLocation\": {{\"artifactLocation\": \
         {{\"uri\": \"{}\", \"uriBaseId\": \"ROOTPATH\"}}, \"region\": {{\"startLine\": {}}}}}}}], \"partialFingerprints\": \
         {{\"primaryLocationLineHash\": \"{}:1\"}}, \"suppressions\": [",
        level(finding.severity),
        Text(&message(finding)),
        Uri(&finding.path),
        finding.line.unwrap_or(1).max(1),
        finding.fingerprint,
    )?;
    match &finding.state {
        State::New => {}
        State::Baseline => suppression(out, "it is in the baseline")?,
        State::Excepted { reason } => suppression(out, reason)?,
    }
    write!(out, "], \"properties\": {{\"severity\": \"{}\"", finding.severity.name())?;
    if let Some(fix) = finding.fix {
        write!(out, ", \"fix\": {}", Text(fix))?;
    }
    write!(out, "}}}}")
}

fn suppression(out: &mut dyn io::Write, reason: &str) -> io::Result<()> {
    let reason = Text(reason);
    write!(out, "{{\"kind\": \"external\", \"status\": \"accepted\", \"justification\": {reason}}}")
}

fn notification(out: &mut dyn io::Write, at: usize, level: &str, text: &str) -> io::Result<()> {
    let comma = if at == 0 { "" } else { ", " };
    write!(out, "{comma}{{\"level\": \"{level}\", \"message\": {{\"text\": {}}}}}", Text(&sentence(text)))
}

/// The path, what is wrong there, and what to do.
fn message(finding: &Finding) -> String {
    sentence(&format!("{}: {}", escape::quoted(&finding.path), finding.detail))
}

/// The text with a full stop, as SARIF wants messages.
fn sentence(text: &str) -> String {
    format!("{}.", capital(text).trim_end_matches('.'))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `accounts.empty-password` as the name that SARIF wants for a rule: `AccountsEmptyPassword`.
fn name(id: &str) -> String {
    id.split(['.', '-']).map(capital).collect()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub's scale: above 9.0 critical, from 7.0 high, from 4.0 medium, below low.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    }
}

/// A JSON string: in ASCII, so that nothing in it forges anything on a terminal.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => {
                    f.write_char('\\')?;
                    f.write_char(c)?;
                }
                ' '..='~' => f.write_char(c)?,
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        f.write_char('"')
    }
}

/// A path relative to the root (RFC 3986), byte by byte: not all paths are UTF-8.
struct Uri<'a>(&'a [u8]);

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.strip_prefix(b"/").unwrap_or(self.0);
        if path.is_empty() {
            return f.write_char('.');
        }
        for &byte in path {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
                f.write_char(byte.into())?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::Value;

    use super::{Uri, failed, write};
    use crate::audit::Verdict;
    use crate::report::fixture;

    fn document(verdict: &Verdict) -> Value {
        let mut out = Vec::new();
        write(&mut out, verdict).unwrap();
        assert!(out.iter().all(|&byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn each_finding_is_a_result_with_a_place() {
        let document = document(&fixture::verdict());
        let run = &document["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), fixture::verdict().findings.len());
        let first = &results[0];
        assert_eq!(first["ruleId"], "accounts.empty-password");
        assert_eq!(first["level"], "error");
        assert_eq!(first["message"]["text"], "'/etc/shadow': the account 'a' has an empty password.");
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "etc/shadow");
        assert_eq!(place["region"]["startLine"], 3);
        assert_eq!(first["partialFingerprints"]["primaryLocationLineHash"], "0123:1");
        assert_eq!(first["suppressions"], serde_json::json!([]));
        assert_eq!(results[1]["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
        assert_eq!(results[2]["suppressions"][0]["justification"], "it is in the baseline");
        assert_eq!(results[3]["suppressions"][0]["justification"], "the \"user\"'s ]]> words");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
        assert_eq!(run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"], "Not looked at: '/x'.");
    }

    #[test]
    fn a_hostile_path_is_a_relative_uri() {
        let uri = |path: &[u8]| Uri(path).to_string();
        assert_eq!(uri(b"/a b%/\n\xff:?#..//\xe2\x80\xae"), "a%20b%25/%0A%FF%3A%3F%23..//%E2%80%AE");
        assert_eq!(uri(b"/"), ".");
    }

    #[test]
    fn an_error_of_the_tool_is_no_finding() {
        let mut out = Vec::new();
        failed(&mut out, "cannot open root directory '/x': no such file").unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        let run = &document["runs"][0];
        assert_eq!(run["results"], serde_json::json!([]));
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
        let notification = &run["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!(notification["message"]["text"], "Cannot open root directory '/x': no such file.");
    }
}
