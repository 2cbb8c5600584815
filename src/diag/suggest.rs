//! "Did you mean": the closest of some names by edit distance.

/// The candidate that is closest to `word`, when one is close enough to be a slip of the fingers:
/// at most one third of the word's letters are wrong. The first of equals wins.
pub fn did_you_mean<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    // Distances cost time by length squared; no name is that long.
    const LONGEST: usize = 100;
    if word.chars().count() > LONGEST {
        return None;
    }
    let wanted = fold(word);
    let limit = (wanted.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate == word {
            continue;
        }
        let name = fold(candidate);
        if name.len().abs_diff(wanted.len()) > limit {
            continue;
        }
        let distance = distance(&wanted, &name);
        // A name with nothing in common is no help, however short.
        if distance <= limit && distance < name.len() && best.is_none_or(|(other, _)| distance < other) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// Letters without case; `_` and `-` are one.
fn fold(word: &str) -> Vec<char> {
    word.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(a.len())
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
