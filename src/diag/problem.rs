//! One thing that is wrong with the configuration: where, what, and what to write instead.
//!
//! This module owns the wording's frame and the escaping of quoted text. It knows no key and no flag.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::Origin;

/// One refusal or warning about a configuration, in a form for people ([`fmt::Display`]) and programs ([`Serialize`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written; `None` when it concerns the whole.
    pub origin: Option<Origin>,
    /// What is wrong: lower case, no full stop, untrusted text quoted with [`quote`].
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with the value written at `origin`.
    pub fn at(origin: &Origin, message: impl Into<String>) -> Self {
        Self { origin: Some(origin.clone()), message: message.into(), help: None }
    }

    /// A problem that has no place of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self { origin: None, message: message.into(), help: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{}: ", plain(&origin.to_string()))?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(origin) = &self.origin {
            map.serialize_entry("at", &origin.to_string())?;
            if let Origin::File { path, line, column } = origin {
                map.serialize_entry("file", path)?;
                map.serialize_entry("line", line)?;
                map.serialize_entry("column", column)?;
            }
        }
        map.serialize_entry("message", &self.message)?;
        if let Some(help) = &self.help {
            map.serialize_entry("help", help)?;
        }
        map.end()
    }
}

/// `text` in single quotes, with everything escaped that could forge output: control characters, line
/// separators, and the invisible and direction-changing characters of Unicode. Long text is cut.
#[must_use]
pub fn quote(text: &str) -> String {
    format!("'{}'", plain(text))
}

/// `text` escaped as by [`quote`], without the quotes.
pub(crate) fn plain(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut out = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if crate::diag::escape::is_unsafe(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn prints_place_message_and_help() {
        let origin = Origin::File { path: "harden.toml".into(), line: 3, column: 7 };
        let problem = Problem::at(&origin, "unknown key 'x'").help("remove it");
        assert_eq!(problem.to_string(), "harden.toml:3:7: unknown key 'x'\n  help: remove it");
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"at":"harden.toml:3:7","file":"harden.toml","line":3,"column":7,"message":"unknown key 'x'","help":"remove it"}"#
        );
    }

    #[test]
    fn quoted_text_cannot_forge_output() {
        assert_eq!(quote("a\u{1b}[2J\n\u{202e}b"), r"'a\u{1b}[2J\n\u{202e}b'");
        assert_eq!(quote("größe"), "'größe'");
        assert!(quote(&"x".repeat(5000)).chars().count() < 210);
    }
}
