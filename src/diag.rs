//! Text for people: one form of message with its id and its place, names made safe to print, and near misses.

pub(crate) mod codes;
pub(crate) mod escape;
pub(crate) mod help;
pub(crate) mod place;
pub(crate) mod severity;
pub(crate) mod suggest;

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeMap as _;

pub(crate) use help::{Help, Keep, List};
pub use place::Place;

/// A refusal, a warning, a note or an error: which one, where it comes from, what is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Stable id: that of a rule or a guard, of the key that it is about, or one of [`codes`].
    pub id: &'static str,
    /// Where it was written what leads to this; `None` when it concerns the whole.
    pub origin: Option<Origin>,
    /// What is wrong, lower case, with quoted paths already escaped for a terminal.
    pub text: String,
    /// What to write instead; empty when nothing can be written.
    pub help: Help,
}

impl Diagnostic {
    /// A message that has no place of its own.
    pub fn new(id: &'static str, text: impl Into<String>) -> Self {
        Self { id, origin: None, text: text.into(), help: Help::default() }
    }

    /// A message about the value written at `origin`.
    pub fn at(id: &'static str, origin: &Origin, text: impl Into<String>) -> Self {
        Self { origin: Some(origin.clone()), ..Self::new(id, text) }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<Help>) -> Self {
        self.help = help.into();
        self
    }

    /// What stands behind the word `refused`, `warning`, `error` or `failed`: id, place, text, the line and the help,
    /// on as many lines as that takes.
    #[must_use]
    pub fn form(&self) -> String {
        let place = self.origin.as_ref().map_or_else(String::new, |origin| format!(" {origin}"));
        let mut form = format!("[{}]{place}: {}", self.id, self.text);
        if let Some(Origin::File(place)) = &self.origin {
            for line in place.excerpt() {
                form.push_str("\n  ");
                form.push_str(&line);
            }
        }
        if !self.help.is_empty() {
            form.push_str("\n  help: ");
            form.push_str(&self.help.to_string());
        }
        form
    }
}

/// On one line, without id and help: for a text that has this message in it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Diagnostic {}

impl Serialize for Diagnostic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        // The name of the field before it could be anything else than a rule or guard.
        map.serialize_entry("rule", self.id)?;
        if let Some(origin) = &self.origin {
            map.serialize_entry("at", &origin.to_string())?;
            if let Origin::File(place) = origin {
                map.serialize_entry("file", place.path())?;
                map.serialize_entry("line", &place.line())?;
                map.serialize_entry("column", &place.column())?;
            }
        }
        map.serialize_entry("text", &self.text)?;
        map.serialize_entry("help", &self.help)?;
        map.end()
    }
}

/// The word in front of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing is changed because of it.
    Refused,
    /// It stops nothing.
    Warning,
    /// Nothing could be planned, judged or learned.
    Error,
    /// It ended the run part-way.
    Failed,
}

impl Kind {
    /// The word.
    #[must_use]
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Failed => "failed",
        }
    }
}

/// Where an entry was written, for messages that point back at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A configuration file.
    File(Place),
    /// A command-line flag, as `--keep`.
    Flag(&'static str),
    /// An environment variable, as `HARDEN_KEEP`.
    Environment(&'static str),
    /// A built-in profile.
    Profile(String),
    /// `--image-config`.
    ImageConfig,
    /// The configuration of the image whose archive is read.
    Archive,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(place) => place.fmt(f),
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::ImageConfig => f.write_str("--image-config"),
            Self::Archive => f.write_str("the image's configuration"),
        }
    }
}

impl Origin {
    /// Whether the image itself says it.
    #[must_use]
    pub(crate) fn is_of_image(&self) -> bool {
        matches!(self, Self::ImageConfig | Self::Archive)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn prints_id_place_text_and_help() {
        let origin = Origin::File(Place::new("harden.toml", 3, 7));
        let found = Diagnostic::at(codes::UNKNOWN_KEY, &origin, "unknown key 'x'").help("remove it");
        assert_eq!(found.form(), "[config.unknown-key] harden.toml:3:7: unknown key 'x'\n  help: remove it");
        assert_eq!(found.to_string(), "harden.toml:3:7: unknown key 'x'");
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            r#"{"id":"config.unknown-key","rule":"config.unknown-key","at":"harden.toml:3:7","file":"harden.toml","line":3,"column":7,"text":"unknown key 'x'","help":"remove it"}"#
        );
        let bare = Diagnostic::new(codes::ROOT_READ_ONLY, "it is read-only");
        assert_eq!(bare.form(), "[root.read-only]: it is read-only");
        let flag = Diagnostic::at(codes::VALUE, &Origin::Flag("--user"), "'' is empty");
        assert_eq!(flag.form(), "[config.value] --user: '' is empty");
    }
}
