//! Text for people: the message of a rule or guard, names made safe to print, and near misses.

pub(crate) mod escape;
pub(crate) mod problem;
pub(crate) mod severity;
pub(crate) mod suggest;

/// A message that is not a change: a warning, or a reason to refuse the whole plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Message {
    /// Rule or guard id.
    pub rule: &'static str,
    /// What is wrong, lower case, with quoted paths already escaped for a terminal.
    pub text: String,
    /// What to write instead; empty when nothing can be written.
    pub help: String,
}

/// Where an entry was written, for messages that point back at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file, 1-based line and column.
    File {
        /// Path as the user gave it.
        path: String,
        /// 1-based line.
        line: usize,
        /// 1-based column, in characters.
        column: usize,
    },
    /// A command-line flag, as `--keep`.
    Flag(&'static str),
    /// An environment variable, as `HARDEN_KEEP`.
    Environment(&'static str),
    /// A built-in profile.
    Profile(String),
    /// `--image-config`.
    ImageConfig,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Flag(name) => f.write_str(name),
            Self::Environment(name) => f.write_str(name),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::ImageConfig => f.write_str("--image-config"),
        }
    }
}
