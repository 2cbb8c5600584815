//! The only module that prints: what was planned, what was done, what is still needed, for people and for programs.

pub mod audit;
pub mod escape;
pub mod explain;
pub mod github;
pub mod json;
pub mod junit;
pub mod runtime;
pub mod sarif;
mod sizes;
pub mod text;

use crate::policy::Problem;
use std::io::{self, IsTerminal as _, Write as _};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs, see [`json`].
    Json,
    /// For code scanning, see [`sarif`].
    Sarif,
    /// For test reports, see [`junit`].
    Junit,
    /// For the log of a workflow, see [`github`].
    Github,
}

impl Format {
    /// Whether only an audit has something to say in it.
    #[must_use]
    pub const fn is_for_findings(self) -> bool {
        matches!(self, Self::Sarif | Self::Junit | Self::Github)
    }
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Volume {
    /// Errors and warnings only.
    Quiet,
    /// The closing table.
    #[default]
    Normal,
    /// Every change.
    Verbose,
}

/// Where progress and messages go: standard error, so that standard output is the report alone.
#[derive(Debug)]
pub struct Console {
    volume: Volume,
    /// Whether bold and colour may be used: a terminal, and NO_COLOR not set (no-color.org).
    colour: bool,
}

impl Console {
    /// A console of that volume; `no_color` is whether NO_COLOR is set and not empty.
    #[must_use]
    pub fn new(volume: Volume, no_color: bool) -> Self {
        Self { volume, colour: !no_color && io::stderr().is_terminal() }
    }

    /// One line for a phase that begins.
    pub fn phase(&self, text: &str) {
        if self.volume > Volume::Quiet {
            let (on, off) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            self.line(&format!("{on}harden: {text}{off}"));
        }
    }

    /// A warning or refusal, with what to write instead.
    pub fn message(&self, kind: &str, text: &str, help: &str) {
        let (on, off) = match (self.colour, kind) {
            (true, "warning") => ("\x1b[33m", "\x1b[0m"),
            (true, _) => ("\x1b[31m", "\x1b[0m"),
            _ => ("", ""),
        };
        self.line(&format!("{on}{kind}{off}: {text}"));
        if !help.is_empty() {
            self.line(&format!("  help: {help}"));
        }
    }

    /// What a check printed: every line marked, so that none can be taken for one of ours.
    pub fn output(&self, bytes: &[u8]) {
        for line in bytes.trim_ascii_end().split(|&byte| byte == b'\n').filter(|_| !bytes.is_empty()) {
            self.line(&format!("  | {}", escape::line(line.trim_ascii_end())));
        }
    }

    /// A problem with the configuration.
    pub fn problem(&self, kind: &str, problem: &Problem) {
        let origin = problem.origin.as_ref().map_or_else(String::new, |origin| format!("{origin}: "));
        self.message(kind, &format!("{origin}{}", problem.message), problem.help.as_deref().unwrap_or_default());
    }

    fn line(&self, text: &str) {
        // A closed standard error is no reason to stop half-way through an image.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Let `write` write a report to standard output. A reader that went away is no error.
///
/// # Errors
/// Any other error of writing.
pub fn print_with(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Write a finished report to standard output, as [`print_with`].
///
/// # Errors
/// Those of [`print_with`].
pub fn print(text: &str) -> io::Result<()> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// A verdict to be written, for unit tests.
#[cfg(test)]
pub(crate) mod fixture {
    use crate::audit::{Check, Finding, Severity, State, Verdict};

    static CHECK: Check = Check {
        id: "accounts.empty-password",
        title: "no account has an empty password",
        severity: Severity::High,
        topic: &("Whoever reaches a login is in.", "lock the account"),
        sources: "CIS 7.2.2",
        rule: Some("accounts.lock"),
        run: |_, _| {},
    };

    /// One finding that fails, one that does not, one of the baseline, one that is excepted; names that nobody means well
    /// with; a note.
    pub(crate) fn verdict() -> Verdict {
        let base = Finding {
            check: &CHECK,
            severity: Severity::High,
            path: b"/etc/shadow".to_vec(),
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
        }
    }
}
