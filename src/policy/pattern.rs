//! The patterns by which a command entry names commands. Names are bytes: an image may hold names that are not UTF-8.

use super::Pattern;

impl Pattern {
    /// Whether an entry that names commands by their file name takes that name; one of paths takes none.
    #[must_use]
    pub fn names(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(wanted) => wanted.as_bytes() == name,
            Self::Glob(glob) => !self.is_path() && glob.matches(name),
            Self::Regex(regex) => regex.is_match(name),
            Self::Path(_) => false,
        }
    }

    /// Whether the entry keeps whatever an entry of `remove.commands` names: a name, or an absolute path.
    #[must_use]
    pub fn covers(&self, removed: &str) -> bool {
        match (self, removed.rsplit_once('/')) {
            (Self::Path(path), _) => path == removed,
            (Self::Glob(glob), Some(_)) if self.is_path() => glob.matches(removed.as_bytes()),
            (_, Some((_, name))) => self.names(name.as_bytes()),
            (_, None) => self.names(removed.as_bytes()),
        }
    }

    fn is_path(&self) -> bool {
        match self {
            Self::Path(_) => true,
            Self::Glob(glob) => glob.text().starts_with('/'),
            Self::Name(_) | Self::Regex(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::value;

    #[test]
    fn keeping_and_covering_are_one_question() {
        for (entry, name, expected) in [
            ("ls", "ls", true),
            ("python3*", "python3.11", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", false),
            ("a*c", "aéc", true),
            ("re:a|b", "a", true),
            ("re:a|b", "ab", false),
            ("re:a.*", "aéc", true),
            ("/usr/bin/*", "ls", false),
        ] {
            let Ok(pattern) = value::pattern(entry) else { panic!("{entry}") };
            assert_eq!(pattern.names(name.as_bytes()), expected, "{entry} {name}");
            assert_eq!(pattern.covers(name), expected, "{entry} {name}");
        }
        for (entry, path, expected) in [
            ("/usr/bin/*", "/usr/bin/ls", true),
            ("/usr/*", "/usr/bin/ls", false),
            ("/usr/bin/ls", "/usr/bin/ls", true),
            ("l*", "/usr/bin/ls", true),
        ] {
            let Ok(pattern) = value::pattern(entry) else { panic!("{entry}") };
            assert_eq!(pattern.covers(path), expected, "{entry} {path}");
        }
        let Ok(pattern) = value::pattern("re:^x.$") else { panic!() };
        assert!(pattern.names(b"x\xff"), "an expression matches names that are not UTF-8");
    }
}
