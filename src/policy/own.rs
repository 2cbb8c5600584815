//! The requirements of a check of `[[audit.check]]`.

use crate::diag::Origin;
use crate::diag::severity::Severity;

/// A check of one's own: what has to hold for each path that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCheck {
    /// `FAMILY.NAME`.
    pub id: String,
    /// How bad a finding is.
    pub severity: Severity,
    /// What has to hold, in one line.
    pub title: String,
    /// What to do.
    pub help: String,
    /// Paths and patterns of paths.
    pub paths: Vec<String>,
    /// Whether each of them, or the package, has to be there.
    pub presence: Option<Presence>,
    /// What the entries have to be.
    pub kind: Option<Kind>,
    /// User and group that they have to belong to: names or numbers.
    pub owner: Option<(String, Option<String>)>,
    /// The permission bits that they may have.
    pub mode: Option<u32>,
    /// A regular expression that their content has to match, and one that it must not.
    pub contains: Option<String>,
    /// See `contains`.
    pub lacks: Option<String>,
    /// The name of a package, or a pattern.
    pub package: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// Whether something has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has to.
    Required,
    /// It must not.
    Forbidden,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device node.
    Device,
    /// A fifo.
    Fifo,
    /// A socket.
    Socket,
}

impl Presence {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "required" => Some(Self::Required),
            "forbidden" => Some(Self::Forbidden),
            _ => None,
        }
    }
}

impl Presence {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Forbidden => "forbidden",
        }
    }
}

impl Kind {
    /// Each with its word.
    const WORDS: [(Self, &'static str); 6] = [
        (Self::File, "file"),
        (Self::Directory, "directory"),
        (Self::Link, "link"),
        (Self::Device, "device"),
        (Self::Fifo, "fifo"),
        (Self::Socket, "socket"),
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| *word == text).map(|&(kind, _)| kind)
    }

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("entry", |&(_, word)| word)
    }
}

impl OwnCheck {
    /// One that asks nothing yet.
    pub(super) fn at(origin: Origin) -> Self {
        Self {
            id: String::new(),
            severity: Severity::default(),
            title: String::new(),
            help: String::new(),
            paths: Vec::new(),
            presence: None,
            kind: None,
            owner: None,
            mode: None,
            contains: None,
            lacks: None,
            package: None,
            origin,
        }
    }

    /// Whether nothing has to hold.
    pub(super) fn asks_nothing(&self) -> bool {
        let of_entries = self.kind.is_some() || self.owner.is_some() || self.mode.is_some();
        !of_entries && self.presence.is_none() && self.contains.is_none() && self.lacks.is_none()
    }
}
