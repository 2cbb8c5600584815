//! Findings that the policy accepts: `[[audit.exception]]` of harden.toml.

use super::finding::State;
use super::{Check, Findings, checks};
use crate::day::Day;
use crate::diag::Origin;
use crate::diag::escape::escaped;
use crate::policy::Exception;
use crate::tree::glob::Glob;

/// Mark what is excepted, and find exceptions that have expired or match nothing of what the checks that `ran` found.
pub(super) fn apply(exceptions: &[Exception], ran: &[&Check], today: Day, findings: &mut Findings) {
    for exception in exceptions {
        let expired = exception.expires.as_ref().is_some_and(|(_, day)| *day < today);
        // Checked when the policy was read.
        let glob = Glob::new(&exception.path);
        let mut used = false;
        let mut unnamed = None;
        for finding in findings.list_mut() {
            if finding.check.id == exception.id && glob.as_ref().is_ok_and(|glob| glob.matches(&finding.path)) {
                // One of several there is not all of them.
                let named = exception.subject.as_deref();
                if named != Some("*") && named != finding.subject.as_deref() {
                    unnamed = unnamed.or_else(|| finding.subject.clone());
                    continue;
                }
                used = true;
                if !expired && finding.state == State::New {
                    finding.state = State::Excepted { reason: exception.reason.clone() };
                }
            }
        }
        let (check, what) = match (&exception.expires, used) {
            (Some((text, _)), _) if expired => ("audit.exception-expired", format!("expired on {text}")),
            (_, false) if exception.shared => continue,
            (_, false) if ran.iter().any(|check| check.id == exception.id) => {
                let what = match unnamed {
                    Some(subject) => format!("matches no finding: a finding there has subject = \"{subject}\""),
                    None => "matches no finding".to_owned(),
                };
                ("audit.exception-unused", what)
            }
            (_, false) if checks::find(&exception.id).is_none() => {
                ("audit.exception-unused", "is for a check that does not exist".to_owned())
            }
            _ => continue,
        };
        let Some(check) = checks::find(check) else { continue };
        findings.begin(check);
        let place = match &exception.origin {
            Origin::File(place) => format!("{}:{}: ", escaped(place.path().as_bytes()), place.line()),
            _ => String::new(),
        };
        let (id, path) = (&exception.id, escaped(exception.path.as_bytes()));
        let what = format!("{place}the exception of {id} for '{path}' {what}");
        let subject = exception.subject.as_deref().unwrap_or_default();
        findings.path(b"/".to_vec(), format!("{id} {} {subject}", exception.path).trim_end().as_bytes(), what);
    }
}
