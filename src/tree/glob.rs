//! Shell patterns on bytes: `*`, `?` and `[…]`, for names and for whole paths of a tree.

use crate::tree::{Id, Tree};

/// Whether `name` matches `pattern` as a whole. `*` and `?` match any byte but `/`; `[a-z]`, `[!a-z]` and
/// `[^a-z]` one byte of a set. A `[` that is never closed stands for itself; `\` takes the next byte literally.
#[must_use]
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where the last star stands and how much it has swallowed: the only point to go back to.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = name.get(n) {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
            continue;
        }
        if let Some(next) = one(pattern, p, byte) {
            (p, n) = (next, n + 1);
            continue;
        }
        match star {
            Some((at, swallowed)) if name.get(swallowed) != Some(&b'/') => {
                star = Some((at, swallowed + 1));
                (p, n) = (at + 1, swallowed + 1);
            }
            _ => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&b| b == b'*')
}

/// Whether the text has a character that makes it a pattern.
#[must_use]
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|b| b"*?[".contains(b))
}

/// Every entry that an absolute pattern names, the last component not followed, in the tree's order of
/// names. A `*` stays inside one component; links to directories on the way are followed.
#[must_use]
pub fn expand(tree: &Tree, pattern: &[u8]) -> Vec<Id> {
    let parts: Vec<&[u8]> = pattern.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect();
    let mut at = vec![Id::ROOT];
    for (index, part) in parts.iter().enumerate() {
        let mut next = Vec::new();
        for dir in at {
            let Ok(dir) = tree.follow(dir).map(|found| found.node) else { continue };
            if !is_pattern(part) {
                next.extend(tree.resolve_from(dir, part, false).map(|found| found.node));
                continue;
            }
            // As in a shell, a star does not match a leading dot.
            let hidden = part.first() == Some(&b'.');
            let children = tree.children(dir).filter(|&c| {
                let name = tree.name(c);
                (hidden || name.first() != Some(&b'.')) && matches(part, name)
            });
            if index + 1 < parts.len() {
                next.extend(children.filter(|&c| tree.is_dir(c) || tree.is_link(c)));
            } else {
                next.extend(children);
            }
        }
        at = next;
    }
    let mut seen = std::collections::BTreeSet::new();
    at.retain(|&id| seen.insert(id));
    at
}

/// The position behind the single-byte element at `p`, when it matches.
fn one(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => (byte != b'/').then_some(p + 1),
        b'[' => match set(pattern, p + 1, byte) {
            Some((true, end)) => Some(end),
            Some((false, _)) => None,
            None => (byte == b'[').then_some(p + 1),
        },
        b'\\' if pattern.get(p + 1).is_some() => (pattern.get(p + 1) == Some(&byte)).then_some(p + 2),
        literal => (literal == byte).then_some(p + 1),
    }
}

/// Whether a set that begins at `p` has the byte, and where it ends; `None` when it is never closed.
fn set(pattern: &[u8], mut p: usize, byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(p), Some(b'!' | b'^'));
    p += usize::from(negated);
    let (mut found, mut first) = (false, true);
    loop {
        let low = *pattern.get(p)?;
        if low == b']' && !first {
            return Some((byte != b'/' && found != negated, p + 1));
        }
        first = false;
        match (pattern.get(p + 1), pattern.get(p + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                found |= (low..=high).contains(&byte);
                p += 3;
            }
            _ => {
                found |= low == byte;
                p += 1;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::{expand, matches};
    use crate::tree::fixture;

    #[test]
    fn stars_sets_and_literals() {
        for (pattern, name, expected) in [
            ("python3*", "python3.11", true),
            ("python3*", "python3", true),
            ("python3*", "python2", false),
            ("*.so.?", "libc.so.6", true),
            ("[a-c]x[!0-9]", "bxz", true),
            ("[a-c]x[!0-9]", "bx1", false),
            ("[]x]", "]", true),
            ("a[", "a[", true),
            ("[", "[", true),
            ("*a*b", "xxaxxaxb", true),
            ("a*", "a/b", false),
            ("*", "", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn expands_whole_paths_through_links() {
        let tree = fixture::tree(&[
            ("/bin", "-> usr/bin"),
            ("/usr/bin/python3", "-> python3.11"),
            ("/usr/bin/python3.11", ""),
            ("/opt/a/bin/java", ""),
            ("/opt/b/bin/java", ""),
            ("/opt/.c/bin/java", ""),
        ]);
        let paths = |pattern: &str| -> Vec<String> {
            let ids = expand(&tree, pattern.as_bytes());
            ids.iter().map(|&id| String::from_utf8(tree.path(id)).unwrap()).collect()
        };
        assert_eq!(paths("/bin/python3*"), ["/usr/bin/python3", "/usr/bin/python3.11"]);
        assert_eq!(paths("/opt/*/bin/java"), ["/opt/a/bin/java", "/opt/b/bin/java"]);
        assert_eq!(paths("/none/*"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in prop::collection::vec(prop::sample::select(&b"*?[]!^-\\ab/"[..]), 0..24),
                            name in prop::collection::vec(prop::sample::select(&b"ab/[]"[..]), 0..24)) {
            let _ = matches(&pattern, &name);
        }
    }
}
