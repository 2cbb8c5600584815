//! Findings that the policy accepts: `[[audit.exception]]` of harden.toml.

use super::finding::State;
use super::{Check, Findings, checks};
use crate::day::Day;
use crate::diag::Origin;
use crate::diag::escape::escaped;
use crate::policy::Exception;
use crate::tree::glob;

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
    use super::matches;

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
