//! The help of a message: a sentence, and the policy entries in it that resolve the message by keeping a file or an
//! account.

use std::fmt;

use serde::{Serialize, Serializer};

use super::escape::basic_string;

/// The list of harden.toml that an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// `keep.commands`.
    Commands,
    /// `keep.users`.
    Users,
    /// `keep.groups`.
    Groups,
    /// `keep.paths`.
    Paths,
    /// `keep.setid`.
    Setid,
    /// `keep.shells`.
    Shells,
    /// `[rules]`: the rule is switched off, which keeps what it would remove.
    Rules,
}

impl List {
    /// The lists of `[keep]`.
    pub(crate) const KEEP: [Self; 6] =
        [Self::Commands, Self::Users, Self::Groups, Self::Paths, Self::Setid, Self::Shells];

    /// Its key; of `[rules]`, each rule is a key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Paths => "paths",
            Self::Setid => "setid",
            Self::Shells => "shells",
            Self::Rules => "rules",
        }
    }
}

/// One entry of the policy that keeps something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keep {
    /// Its list.
    pub list: List,
    /// The value; a rule's id in `[rules]`.
    pub value: String,
}

impl Keep {
    /// An entry of a list.
    pub fn new(list: List, value: impl Into<String>) -> Self {
        Self { list, value: value.into() }
    }
}

/// The lines to write, as `[keep] commands = ["a", "b"] and [keep] paths = ["/c"]`.
#[must_use]
pub(crate) fn lines(keeps: &[Keep]) -> String {
    let line = |of: &[Keep]| {
        let values: Vec<String> = of.iter().map(|keep| basic_string(&keep.value)).collect();
        match of.first().map(|keep| keep.list) {
            Some(List::Rules) => values.iter().map(|rule| format!("[rules] {rule} = \"off\"")).collect(),
            Some(list) => vec![format!("[keep] {} = [{}]", list.key(), values.join(", "))],
            None => Vec::new(),
        }
    };
    keeps.chunk_by(|a, b| a.list == b.list).flat_map(line).collect::<Vec<String>>().join(" and ")
}

/// What to write instead; empty when nothing can be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Help {
    text: Box<str>,
    /// The entries which settle it, all together, and which are the first thing to do: to keep is always safe. None where
    /// something else has to be decided.
    pub keeps: Box<[Keep]>,
}

impl Help {
    /// `write` and the lines of these entries, and what else there is to say.
    #[must_use]
    pub(crate) fn write(keeps: Vec<Keep>, then: &str) -> Self {
        Self::begin("write", keeps, then)
    }

    /// The same with other words before the lines.
    #[must_use]
    pub(crate) fn begin(before: &str, keeps: Vec<Keep>, then: &str) -> Self {
        Self { text: format!("{before} {}{then}", lines(&keeps)).into(), keeps: keeps.into() }
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl From<String> for Help {
    fn from(text: String) -> Self {
        Self { text: text.into(), keeps: Box::default() }
    }
}

impl From<&str> for Help {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Help {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_is_made_of_the_entries() {
        let keeps = vec![
            Keep::new(List::Commands, "x]\""),
            Keep::new(List::Commands, "y"),
            Keep::new(List::Paths, "/z"),
            Keep::new(List::Rules, "remove.cron"),
        ];
        let help = Help::write(keeps.clone(), "; or not");
        assert_eq!(
            help.to_string(),
            r#"write [keep] commands = ["x]\"", "y"] and [keep] paths = ["/z"] and [rules] "remove.cron" = "off"; or not"#
        );
        assert_eq!(*help.keeps, *keeps);
    }

    #[test]
    fn another_sentence_has_none() {
        let help = Help::from("write [keep] from-scripts = true");
        assert!(help.keeps.is_empty() && !help.is_empty() && Help::default().is_empty());
    }
}
