//! A verdict as workflow commands of GitHub Actions, which shows each as an annotation: one line for each finding that
//! counts. Every line begins with `::`, so that nothing in it is taken for a command of its own.

use std::fmt::{self, Write as _};
use std::io;

use crate::audit::{Severity, Verdict};
use crate::diag::escape;

/// Write what an audit found. What is excepted or in the baseline is not shown.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(out: &mut dyn io::Write, verdict: &Verdict) -> io::Result<()> {
    for finding in verdict.findings.iter().filter(|finding| finding.counts()) {
        let kind = match finding.severity {
            Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Info => "notice",
        };
        let path = escape::escaped(&finding.path);
        write!(out, "::{kind} title={},file={}", Value(finding.check.id), Value(path.trim_start_matches('/')))?;
        if let Some(line) = finding.line {
            write!(out, ",line={line}")?;
        }
        write!(out, "::{}: {}", Message(&path), Message(&finding.detail))?;
        match finding.fix {
            Some(fix) => writeln!(out, " (rule {})", Message(fix))?,
            None => writeln!(out)?,
        }
    }
    for note in &verdict.notes {
        writeln!(out, "::notice title=harden::{}", Message(note))?;
    }
    Ok(())
}

/// Write that nothing was audited, and why.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    writeln!(out, "::error title=harden::nothing was audited: {}", Message(text))
}

/// The message of a command: percent signs and ends of lines escaped, as the runner undoes it (actions/toolkit,
/// command.ts), and control and invisible characters made visible before.
struct Message<'a>(&'a str);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(f, self.0, &['%', '\r', '\n'])
    }
}

/// A property of a command, which also ends at a colon or comma.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(f, self.0, &['%', '\r', '\n', ':', ','])
    }
}

fn escaped(f: &mut fmt::Formatter<'_>, text: &str, special: &[char]) -> fmt::Result {
    for c in escape::line(text.as_bytes()).chars() {
        if special.contains(&c) {
            write!(f, "%{:02X}", u32::from(c))?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Value, write};
    use crate::report::fixture;

    #[test]
    fn each_line_is_one_command() {
        let mut out = Vec::new();
        write(&mut out, &fixture::verdict()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::error title=accounts.empty-password,file=etc/shadow,line=3::/etc/shadow: the account 'a' has an empty password \
             (rule accounts.lock)\n\
             ::notice title=accounts.empty-password,file=a]]><\\u{202e}\\n\\xff::/a]]><\\u{202e}\\n\\xff: odd\n\
             ::notice title=harden::not looked at: '/x'\n"
        );
    }

    #[test]
    fn a_name_forges_no_command() {
        assert_eq!(Value("a::b,c=%0A\n::error::x").to_string(), "a%3A%3Ab%2Cc=%250A\\n%3A%3Aerror%3A%3Ax");
    }
}
