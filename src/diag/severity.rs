//! The severity of a finding: a word of the command line, of every report, and of the checks.

use clap::ValueEnum;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum)]
pub enum Severity {
    /// Worth knowing, and often intended.
    Info,
    /// Some list asks for it; nothing is open because of it.
    Low,
    /// Gives an attacker who is inside more than needed.
    #[default]
    Medium,
    /// A way in, a way up, or a secret that each copy of the image holds.
    High,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word of `--fail-on` and of all formats.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
