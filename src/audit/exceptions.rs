//! Findings that the policy accepts: `[[audit.exception]]` of harden.toml.

use super::checks;
use super::finding::State;
use super::{Check, Findings};
use crate::facts::glob;
use crate::policy::{Exception, Origin};
use crate::report::escape::escaped;

/// A day, in days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a time in seconds since the epoch, in UTC.
    #[must_use]
    pub const fn of(seconds: i64) -> Self {
        Self(seconds.div_euclid(86_400))
    }

    /// `YYYY-MM-DD`, a day that exists (RFC 3339 §5.6, full-date).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<i64> {
            let part = text.get(range)?;
            if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
        };
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if !(1..=last).contains(&day) {
            return None;
        }
        // Days since 0000-03-01, in years that begin in March: the leap day is the last one.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Some(Self(days + (153 * month + 2) / 5 + day - 1 - 719_468))
    }
}

/// Mark what is excepted, and find exceptions that have expired or match nothing of what the checks that `ran` found.
pub(super) fn apply(exceptions: &[Exception], ran: &[&Check], today: Day, findings: &mut Findings) {
    for exception in exceptions {
        let expired = exception.expires.as_ref().is_some_and(|(_, day)| *day < today);
        let mut used = false;
        for finding in findings.list_mut() {
            if finding.check.id == exception.id && matches(exception.path.as_bytes(), &finding.path) {
                used = true;
                if !expired && finding.state == State::New {
                    finding.state = State::Excepted { reason: exception.reason.clone() };
                }
            }
        }
        let (check, what) = match (&exception.expires, used) {
            (Some((text, _)), _) if expired => ("audit.exception-expired", format!("expired on {text}")),
            (_, false) if ran.iter().any(|check| check.id == exception.id) => {
                ("audit.exception-unused", "matches no finding".to_owned())
            }
            _ => continue,
        };
        let Some(check) = checks::find(check) else { continue };
        findings.begin(check);
        let place = match &exception.origin {
            Origin::File { path, line, .. } => format!("{}:{line}: ", escaped(path.as_bytes())),
            _ => String::new(),
        };
        let (id, path) = (&exception.id, escaped(exception.path.as_bytes()));
        let what = format!("{place}the exception of {id} for '{path}' {what}");
        findings.path(b"/".to_vec(), format!("{id} {}", exception.path).as_bytes(), what);
    }
}

/// Whether a pattern names a path. `*` stays inside one part; `/**` at the end means everything below.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let Some(directory) = pattern.strip_suffix(b"/**") else { return glob::matches(pattern, path) };
    let ends = path.iter().enumerate().filter(|&(at, &byte)| at > 0 && byte == b'/').map(|(at, _)| at);
    let mut above = ends.filter_map(|at| path.get(..at));
    directory.is_empty() || above.any(|above| glob::matches(directory, above))
}

#[cfg(test)]
mod tests {
    use super::{Day, matches};

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, day) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11016)),
            ("2000-03-01", Some(11017)),
            ("2027-01-15", Some(20833)),
            ("1900-02-29", None),
            ("2027-02-29", None),
            ("2027-13-01", None),
            ("2027-00-10", None),
            ("2027-1-1", None),
            ("+027-01-01", None),
            ("2027-01-01T", None),
            ("äöü-01-01", None),
        ] {
            assert_eq!(Day::parse(text), day.map(Day), "{text}");
        }
        assert_eq!(Day::of(1_800_000_000), Day(20833));
        assert_eq!(Day::of(-1), Day(-1));
    }

    #[test]
    fn a_pattern_names_paths_or_all_below_one() {
        for (pattern, path, fits) in [
            ("/a/b", "/a/b", true),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", false),
            ("/*/b/**", "/a/b/c", true),
            ("/a/**", "/ab/c", false),
            ("/**", "/a", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), fits, "{pattern} {path}");
        }
    }
}
