//! The registry: every check, one line each.

use super::{Check, Findings, Severity, Subject};

/// Every check, in the order of docs/checks.md.
pub static CHECKS: &[Check] = &[];

pub(super) static UNUSED_EXCEPTION: Check = Check {
    id: "audit.exception-unused",
    title: "every exception of the policy matches a finding",
    severity: Severity::Low,
    rationale: "An exception that matches nothing hides the next finding that it matches.",
    sources: &[],
    rule: None,
    help: "take the exception out of harden.toml",
    run: nothing,
};

pub(super) static EXPIRED_EXCEPTION: Check = Check {
    id: "audit.exception-expired",
    title: "no exception of the policy has expired",
    severity: Severity::Medium,
    rationale: "Somebody promised to look again by that day.",
    sources: &[],
    rule: None,
    help: "mend the finding, or take the exception out of harden.toml",
    run: nothing,
};

/// The check is made elsewhere.
fn nothing(_: &Subject<'_>, _: &mut Findings) {}
