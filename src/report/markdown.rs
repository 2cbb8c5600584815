//! Reports in Markdown, for the summary of a job: the facts that a person needs before opening the log.
//!
//! Every text of an image or a policy stands in code spans, in which Markdown and HTML have no meaning: no name can
//! become a link, an image that is loaded, or a mention.

use std::fmt;
use std::io;

use super::html::Planned;
use super::json::State;
use crate::audit::{Finding, Severity, State as Counted, Verdict};
use crate::diag::Diagnostic;
use crate::diag::escape;
use crate::inventory::figures::{Figure, figures};
use crate::rules::RULES;

/// Findings of one check that are listed. GitHub shows a summary of up to 1 MiB.
const SHOWN: usize = 20;

/// Write a verdict. `level` is what `--fail-on` says.
///
/// # Errors
/// Those of writing.
pub(crate) fn audit(out: &mut dyn io::Write, verdict: &Verdict, level: Severity) -> io::Result<()> {
    let word = if verdict.fails(level) { "findings" } else { "no findings" };
    writeln!(out, "## harden audit: {word} at {} or above\n\n{}\n", level.name(), Code(&verdict.judged))?;
    let counts = Severity::ALL.map(|severity| verdict.count(severity).to_string());
    let names = Severity::ALL.map(Severity::name);
    let other = verdict.findings.iter().filter(|finding| finding.state != Counted::New).count();
    writeln!(out, "| checks | {} | not counted |\n|---:|---:|---:|---:|---:|---:|", names.join(" | "))?;
    writeln!(out, "| {} | {} | {other} |", verdict.checks.len(), counts.join(" | "))?;
    for severity in Severity::ALL {
        let of_severity = |finding: &&Finding| finding.severity == severity && finding.counts();
        let found: Vec<&Finding> = verdict.findings.iter().filter(of_severity).collect();
        // What is only worth knowing is counted above.
        if found.is_empty() || severity == Severity::Info && level > severity {
            continue;
        }
        writeln!(out, "\n### {}\n", severity.name())?;
        // They are in order of their checks.
        for of_check in found.chunk_by(|one, other| one.check.id == other.check.id) {
            let Some(check) = of_check.first().map(|finding| finding.check) else { continue };
            writeln!(out, "- {}: wanted: {}", Code(check.id), Code(check.title))?;
            for finding in of_check.iter().take(SHOWN) {
                let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
                let text = format!("{}{line}: {}", escape::escaped(&finding.path), finding.detail);
                match finding.fix {
                    Some(rule) => writeln!(out, "  - {} (fixed by {})", Code(&text), Code(rule))?,
                    None => writeln!(out, "  - {}", Code(&text))?,
                }
            }
            more(out, of_check.len())?;
        }
    }
    notes(out, "Notes", verdict.notes.iter().map(String::as_str))
}

/// Write that nothing was audited, and why.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    writeln!(out, "## harden audit: nothing was audited\n\n{}", Code(text))
}

/// Write what a plan changes, or why it is refused.
///
/// # Errors
/// Those of writing.
pub(crate) fn plan(out: &mut dyn io::Write, planned: &Planned<'_>) -> io::Result<()> {
    let Planned { examined, status, judged, .. } = *planned;
    let plan = &examined.plan;
    let word = match status.state {
        State::Planned => "can be applied",
        State::Applied => "done",
        State::Refused => "refused, nothing was changed",
        State::Failed => "failed part-way",
    };
    writeln!(out, "## harden {}: {word}\n\n{}", status.command, Code(judged))?;
    let message = |message: &Diagnostic| {
        let help = message.help.to_string();
        let help = if help.is_empty() { help } else { format!("\n  - help: {}", Code(&help)) };
        format!("{}: {}{help}", Code(message.id), Code(&message.to_string()))
    };
    let refusals: Vec<String> = plan.refusals.iter().chain(&status.failure).map(message).collect();
    list(out, "Refusals and failures", &refusals)?;
    if status.state != State::Refused {
        let counted = figures(examined, &plan.removed());
        writeln!(out, "\n| | before | after |\n|---|---:|---:|")?;
        let row = |(name, figure): (&str, Figure)| format!("| {name} | {} | {} |\n", figure.before, figure.after);
        let rows = [
            ("commands", counted.commands),
            ("set-id programs", counted.setid),
            ("programs with capabilities", counted.capabilities),
            ("accounts", counted.accounts),
            ("packages", counted.packages),
        ];
        write!(out, "{}", rows.map(row).concat())?;
        writeln!(out, "\n| rule | changes |\n|---|---:|")?;
        for rule in RULES {
            let changes = plan.records.iter().filter(|record| record.rule() == rule.id).count();
            if changes > 0 {
                writeln!(out, "| {} | {changes} |", Code(rule.id))?;
            }
        }
    }
    let warnings: Vec<String> = plan.warnings.iter().map(message).collect();
    list(out, "Warnings", &warnings)?;
    notes(out, "Notes", plan.notes.iter().map(|note| note.text.as_str()))
}

fn notes<'a>(out: &mut dyn io::Write, heading: &str, notes: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let notes: Vec<String> = notes.map(|note| Code(note).to_string()).collect();
    list(out, heading, &notes)
}

fn list(out: &mut dyn io::Write, heading: &str, items: &[String]) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### {heading}\n")?;
    for item in items.iter().take(SHOWN) {
        writeln!(out, "- {item}")?;
    }
    more(out, items.len())
}

fn more(out: &mut dyn io::Write, number: usize) -> io::Result<()> {
    if number > SHOWN { writeln!(out, "  - … and {} more", number - SHOWN) } else { Ok(()) }
}

/// A text as a code span: on one line, between more backticks in a row than it has itself (CommonMark 6.1).
struct Code<'a>(&'a str);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = escape::line(self.0.as_bytes());
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest + 1);
        // One blank at both ends is taken off.
        let blank =
            if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
        write!(f, "{fence}{blank}{text}{blank}{fence}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Code, audit, failed};
    use crate::audit::Severity;
    use crate::report::fixture;

    #[test]
    fn a_verdict_is_short_and_its_names_are_code() {
        let mut out = Vec::new();
        audit(&mut out, &fixture::verdict(), Severity::Medium).unwrap();
        let text = String::from_utf8(out).unwrap();
        let checks = crate::audit::CHECKS.len();
        assert_eq!(
            text,
            format!(
                "## harden audit: findings at medium or above\n\n`the tree '/<b>'`\n\n\
                 | checks | high | medium | low | info | not counted |\n|---:|---:|---:|---:|---:|---:|\n\
                 | {checks} | 1 | 0 | 1 | 0 | 2 |\n\n### high\n\n\
                 - `accounts.empty-password`: wanted: `no account has an empty password`\n  \
                   - `/etc/shadow:3: the account 'a' has an empty password` (fixed by `accounts.lock`)\n\n### low\n\n\
                 - `accounts.empty-password`: wanted: `no account has an empty password`\n  \
                   - `/a]]><\\u{{202e}}\\n\\xff: odd`\n\n### Notes\n\n- `not looked at: '/x'`\n"
            )
        );
    }

    #[test]
    fn nothing_in_a_span_ends_it() {
        assert_eq!(Code("a`b``c").to_string(), "```a`b``c```");
        assert_eq!(Code("`").to_string(), "`` ` ``");
        assert_eq!(Code("").to_string(), "`  `");
        assert_eq!(Code("a\n# b").to_string(), "`a\\n# b`");
        let mut out = Vec::new();
        failed(&mut out, "cannot open '`'").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "## harden audit: nothing was audited\n\n``cannot open '`'``\n");
    }
}
