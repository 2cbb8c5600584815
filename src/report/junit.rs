//! A verdict as JUnit XML, valid against the schema of Ant's JUnitReport: a failed test case for each finding at or above
//! the level that was asked for, a passed one for each check without such findings. Everything that does not fail is
//! text in `system-out`. GitLab shows the text of an element and not its attributes, so that the detail is in the text.

use std::fmt::{self, Write as _};
use std::io;

use crate::audit::{Finding, Severity, State, Verdict};
use crate::diag::escape;

/// Write what an audit found.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(out: &mut dyn io::Write, verdict: &Verdict, level: Severity) -> io::Result<()> {
    let fails = |finding: &&Finding| finding.counts() && finding.severity >= level;
    let failures = verdict.findings.iter().filter(fails).count();
    let bad = |id: &str| verdict.findings.iter().any(|f| fails(&f) && f.check.id == id);
    let good = || verdict.checks.iter().filter(|check| !bad(check.id));
    head(out, failures + good().count(), failures, 0)?;
    for finding in verdict.findings.iter().filter(fails) {
        let (check, place) = (finding.check, place(finding));
        let title = format!("[{}] {place}", finding.severity.name());
        write!(
            out,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"0\">\n   <failure type=\"{}\" message=\"{}\">{}: {}\n\n{}\nhelp: {}",
            Xml(check.id),
            Xml(&title),
            finding.severity.name(),
            Xml(check.title),
            Xml(&place),
            Xml(&finding.detail),
            Xml(check.rationale()),
            Xml(check.help()),
        )?;
        if let Some(fix) = finding.fix {
            write!(out, " (rule {})", Xml(fix))?;
        }
        if !check.sources.is_empty() {
            write!(out, "\nasked by: {}", Xml(&check.sources.join(", ")))?;
        }
        writeln!(out, "</failure>\n  </testcase>")?;
    }
    for check in good() {
        // The schema has no other place for ids in a test case that passed.
        let sources = check.sources.join(", ");
        let title = if sources.is_empty() { check.title.to_owned() } else { format!("{} ({sources})", check.title) };
        let (id, title) = (Xml(check.id), Xml(&title));
        writeln!(out, "  <testcase classname=\"{id}\" name=\"{title}\" time=\"0\"/>")?;
    }
    write!(out, "  <system-out>")?;
    for finding in verdict.findings.iter().filter(|finding| !fails(finding)) {
        let why = match &finding.state {
            State::New => "does not fail",
            State::Baseline => "in the baseline",
            State::Excepted { reason } => reason,
        };
        let (id, place) = (Xml(finding.check.id), place(finding));
        let (severity, place, detail) = (finding.severity.name(), Xml(&place), Xml(&finding.detail));
        writeln!(out, "[{severity}] {id} {place}: {detail} ({})", Xml(why))?;
    }
    for note in &verdict.notes {
        writeln!(out, "note: {}", Xml(note))?;
    }
    tail(out)
}

/// Write that nothing was audited, and why: an error, which is not a failure.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    head(out, 1, 0, 1)?;
    let text = Xml(text);
    writeln!(
        out,
        "  <testcase classname=\"harden\" name=\"audit\" time=\"0\">\n   <error type=\"refused\">{text}</error>\n  </testcase>"
    )?;
    write!(out, "  <system-out>")?;
    tail(out)
}

/// Reproducible: the schema wants a time and a host, and gets the epoch and none.
pub(super) fn head(out: &mut dyn io::Write, tests: usize, failures: usize, errors: usize) -> io::Result<()> {
    writeln!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite id=\"0\" package=\"harden\" name=\"audit\" \
         timestamp=\"1970-01-01T00:00:00\" hostname=\"localhost\" time=\"0\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\">\n  <properties><property name=\"harden\" value=\"{}\"/></properties>",
        env!("CARGO_PKG_VERSION")
    )
}

pub(super) fn tail(out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "</system-out>\n  <system-err></system-err>\n </testsuite>\n</testsuites>")
}

fn place(finding: &Finding) -> String {
    let mut place = escape::escaped(&finding.path);
    if let Some(line) = finding.line {
        let _ = write!(place, ":{line}");
    }
    place
}

/// Text of an element or attribute: no markup, and no character that XML 1.0 does not have (§2.2).
pub(super) struct Xml<'a>(pub(super) &'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in escape::line(self.0.as_bytes()).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // Two of them in each plane are no characters.
                c if u32::from(c) & 0xfffe == 0xfffe => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Xml, failed, write};
    use crate::audit::Severity;
    use crate::report::fixture;

    #[test]
    fn what_fails_is_a_failure_and_the_rest_is_text() {
        let text = |level| {
            let mut out = Vec::new();
            write(&mut out, &fixture::verdict(), level).unwrap();
            String::from_utf8(out).unwrap()
        };
        let medium = text(Severity::Medium);
        assert!(medium.contains(" failures=\"1\" errors=\"0\">"), "{medium}");
        assert!(medium.contains(
            "<testcase classname=\"accounts.empty-password\" name=\"[high] /etc/shadow:3\" time=\"0\">\n   <failure \
             type=\"high\" message=\"no account has an empty password\">/etc/shadow:3: the account 'a' has an empty password\n"
        ));
        assert!(
            medium.contains("[low] accounts.empty-password /a]]&gt;&lt;\\u{202e}\\n\\xff: odd (does not fail)\n"),
            "{medium}"
        );
        assert!(medium.contains("(the &quot;user&quot;'s ]]&gt; words)\nnote: not looked at: '/x'\n</system-out>"));
        assert!(text(Severity::Low).contains(" failures=\"2\" errors=\"0\">"));
    }

    #[test]
    fn nothing_is_markup() {
        assert_eq!(
            Xml("]]> <a b='\"&\u{0}\u{1b}\u{fffe}\u{1ffff}").to_string(),
            "]]&gt; &lt;a b='&quot;&amp;\\u{0}\\u{1b}\\u{fffe}\\u{1ffff}"
        );
    }

    #[test]
    fn an_error_of_the_tool_is_no_failure() {
        let mut out = Vec::new();
        failed(&mut out, "cannot <open>").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("tests=\"1\" failures=\"0\" errors=\"1\""));
        assert!(text.contains("<error type=\"refused\">cannot &lt;open&gt;</error>"));
    }
}
