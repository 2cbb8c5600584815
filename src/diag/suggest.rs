//! "Did you mean": the closest of some names by edit distance.

/// The candidate that is closest to `word`, when one is close enough to be a slip of the fingers:
/// at most one third of the word's letters are wrong. The first of equals wins.
pub(crate) fn did_you_mean<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    // Distances cost time by length squared; no name is that long.
    const LONGEST: usize = 100;
    if word.chars().count() > LONGEST {
        return None;
    }
    let wanted = fold(word);
    let limit = (wanted.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate == word {
            continue;
        }
        let name = fold(candidate);
        if name.chars().count().abs_diff(wanted.chars().count()) > limit {
            continue;
        }
        let distance = strsim::osa_distance(&wanted, &name);
        // A name with nothing in common is no help, however short.
        if distance <= limit && distance < name.chars().count() && best.is_none_or(|(other, _)| distance < other) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// Letters without case; `_` and `-` are one.
fn fold(word: &str) -> String {
    word.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_closest_name() {
        let names = ["commands", "users", "groups", "paths", "setid", "shells"];
        for (word, expected) in [
            ("comands", Some("commands")),
            ("comamnds", Some("commands")),
            ("Commands", Some("commands")),
            ("user", Some("users")),
            ("set-id", Some("setid")),
            ("volumes", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(word, names), expected, "{word}");
        }
    }

    #[test]
    fn a_short_word_needs_something_in_common() {
        assert_eq!(did_you_mean("x", ["y"]), None);
        assert_eq!(did_you_mean("nologo", ["nologin"]), Some("nologin"));
        assert_eq!(did_you_mean("sl", ["ls"]), Some("ls"));
        assert_eq!(did_you_mean(&"x".repeat(1_000_000), ["xxx"]), None);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(did_you_mean("cat", ["bat", "rat"]), Some("bat"));
    }
}
