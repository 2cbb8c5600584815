//! One finding, and the list that checks write into.

use super::{Check, Severity};
use crate::tree::{Id, Tree};

/// One thing that is not as a check wants it.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// The check.
    pub check: &'static Check,
    /// How bad this one is; at most the check's own severity.
    pub severity: Severity,
    /// Absolute path inside the root, `/` for the image configuration.
    pub path: Vec<u8>,
    /// Which of several at that path, when an exception has to name it: a variable, or the digest of a secret.
    pub subject: Option<String>,
    /// 1-based line, when the finding is one of a text file.
    pub line: Option<u32>,
    /// What is wrong, as a clause in plain text: names of the image in it are escaped already.
    pub detail: String,
    /// The rule that fixes it; none where the check has one that leaves this finding alone.
    pub fix: Option<&'static str>,
    /// Tells this finding from all others and stays the same between runs: 32 hexadecimal digits.
    pub fingerprint: String,
    /// Whether it counts.
    pub state: State,
}

impl Finding {
    /// This one is less bad than its check says.
    pub(super) fn at_most(&mut self, severity: Severity) -> &mut Self {
        self.severity = self.severity.min(severity);
        self
    }

    /// The rule leaves this one alone.
    pub(super) fn no_rule(&mut self) -> &mut Self {
        self.fix = None;
        self
    }

    /// Whether it counts for the exit status.
    #[must_use]
    pub(crate) fn counts(&self) -> bool {
        self.state == State::New
    }
}

/// Whether a finding counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It does.
    New,
    /// It was there when the baseline was written.
    Baseline,
    /// The policy accepts it.
    Excepted {
        /// Why, in the user's words.
        reason: String,
    },
}

/// Findings of one check that are listed one by one: a tree may have a million entries, and no reader does.
const LISTED: usize = 5000;

/// The findings of the checks so far.
#[derive(Debug)]
pub(crate) struct Findings {
    check: &'static Check,
    list: Vec<Finding>,
    notes: Vec<String>,
    /// Findings of the check that speaks.
    count: usize,
    /// Those that are not listed: how many, and how bad the worst is.
    more: Option<(usize, Severity)>,
    /// The last of them, which its check may still change.
    spare: Option<Finding>,
}

impl Findings {
    pub(super) fn new(first: &'static Check, notes: Vec<String>) -> Self {
        Self { check: first, list: Vec::new(), notes, count: 0, more: None, spare: None }
    }

    /// Name the check that speaks from now on.
    pub(super) fn begin(&mut self, check: &'static Check) {
        self.count_spare();
        if let Some((number, severity)) = self.more.take() {
            self.count = 0;
            // The number is part of it, so that a baseline does not hide another one.
            let text = format!("{number} more findings are not listed: fix the listed ones, and run the audit again");
            self.path(b"/".to_vec(), text.clone().as_bytes(), text).at_most(severity).no_rule();
        }
        (self.check, self.count) = (check, 0);
    }

    fn count_spare(&mut self) {
        if let Some(spare) = self.spare.take() {
            let (number, worst) = self.more.unwrap_or((0, spare.severity));
            self.more = Some((number + 1, worst.max(spare.severity)));
        }
    }

    /// The check that speaks.
    #[must_use]
    pub(super) fn check(&self) -> &'static Check {
        self.check
    }

    /// Whether a check has found something at that path.
    #[must_use]
    pub(super) fn has(&self, checks: &[&str], path: &[u8]) -> bool {
        self.list.iter().any(|finding| finding.path == path && checks.contains(&finding.check.id))
    }

    /// A finding at an entry. `what` tells it from others of the same check at the same path, and is part of the
    /// fingerprint: a name rather than a line number.
    pub(super) fn at(&mut self, tree: &Tree, id: Id, what: &[u8], detail: impl Into<String>) -> &mut Finding {
        self.path(tree.path(id), what, detail)
    }

    /// A finding at a path that need not exist.
    pub(super) fn path(&mut self, path: Vec<u8>, what: &[u8], detail: impl Into<String>) -> &mut Finding {
        let check = self.check;
        let fingerprint = fingerprint(&[check.id.as_bytes(), &path, what]);
        let (severity, fix) = (check.severity, check.rule);
        let detail = detail.into();
        let finding =
            Finding { check, severity, path, subject: None, line: None, detail, fix, fingerprint, state: State::New };
        self.count += 1;
        if self.count > LISTED {
            self.count_spare();
            return self.spare.insert(finding);
        }
        let at = self.list.len();
        self.list.push(finding);
        #[allow(clippy::indexing_slicing, reason = "it was pushed one line above")]
        &mut self.list[at]
    }

    /// A finding of which there may be several at that path: an exception names its subject.
    pub(super) fn about(&mut self, path: Vec<u8>, subject: String, detail: impl Into<String>) -> &mut Finding {
        let detail = detail.into();
        let shown = if detail.contains(&subject) { detail } else { format!("{detail} [{subject}]") };
        let finding = self.path(path, subject.as_bytes(), shown);
        finding.subject = Some(subject);
        finding
    }

    /// Something that was not looked at, as a whole sentence.
    pub(super) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Every finding so far.
    pub(super) fn list_mut(&mut self) -> &mut Vec<Finding> {
        &mut self.list
    }

    /// Findings, the worst first, and notes.
    pub(super) fn finish(self) -> (Vec<Finding>, Vec<String>) {
        let Self { mut list, mut notes, .. } = self;
        // Those of the policy come last, by their ids.
        let place = |finding: &Finding| {
            let known = super::CHECKS.iter().position(|check| std::ptr::eq(check, finding.check));
            (known.unwrap_or(usize::MAX), finding.check.id)
        };
        list.sort_by(|a, b| {
            let order = |f: &Finding| (std::cmp::Reverse(f.severity), place(f));
            let key = order(a).cmp(&order(b));
            key.then_with(|| (&a.path, a.line, &a.detail).cmp(&(&b.path, b.line, &b.detail)))
        });
        notes.sort_unstable();
        notes.dedup();
        (list, notes)
    }
}

/// FNV-1a with 128 bits (Fowler, Noll, Vo; RFC 9923) over the parts, each with its length. No security hangs on it: who
/// writes the image writes the findings too.
fn fingerprint(parts: &[&[u8]]) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    let hash = parts.iter().fold(BASIS, |hash, part| {
        let hash = (part.len() as u64).to_le_bytes().iter().fold(hash, step);
        part.iter().fold(hash, step)
    });
    format!("{hash:032x}")
}
