//! Every report, for people and for programs: planned changes, completed changes, and steps that are left to the user.
//! [`crate::console`] prints the text.

mod amount;
pub(crate) mod attestation;
pub(crate) mod audit;
mod closing;
pub(crate) mod compliance;
pub(crate) mod explain;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod runtime;
pub(crate) mod sarif;
mod sizes;
pub(crate) mod text;

/// A verdict to be written, for unit tests.
#[cfg(test)]
pub(crate) mod fixture {
    use crate::audit::{Check, Finding, Severity, State, Topic, Verdict};

    static CHECK: Check = Check {
        id: "accounts.empty-password",
        title: "no account has an empty password",
        severity: Severity::High,
        topic: &Topic { why: "An attacker who reaches a login is in.", fix: "lock the account" },
        sources: &["CIS 7.2.2"],
        rule: Some("accounts.lock"),
        run: |_, _| {},
    };

    /// One finding that fails, one that does not, one of the baseline, one that is excepted; names of an attacker
    /// with; a note.
    pub(crate) fn verdict() -> Verdict {
        let base = Finding {
            check: &CHECK,
            severity: Severity::High,
            path: b"/etc/shadow".to_vec(),
            subject: None,
            line: Some(3),
            detail: "the account 'a' has an empty password".into(),
            fix: Some("accounts.lock"),
            fingerprint: "0123".into(),
            state: State::New,
        };
        let odd = Finding {
            severity: Severity::Low,
            path: b"/a]]><\xe2\x80\xae\n\xff".to_vec(),
            line: None,
            detail: "odd".into(),
            fix: None,
            ..base.clone()
        };
        let known = Finding { state: State::Baseline, ..base.clone() };
        let excepted = Finding { state: State::Excepted { reason: "the \"user\"'s ]]> words".into() }, ..base.clone() };
        let findings = vec![base, odd, known, excepted];
        Verdict {
            findings,
            notes: vec!["not looked at: '/x'".into()],
            checks: crate::audit::CHECKS.iter().collect(),
            entries: 2,
            own: Vec::new(),
            judged: "the tree '/<b>'".into(),
        }
    }
}
