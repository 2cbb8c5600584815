//! Absolute patterns over a tree.

use super::{Id, Tree};

/// The entries that a pattern names, in order of the tree.
#[must_use]
pub fn expand(tree: &Tree, pattern: &str) -> Vec<Id> {
    let mut found = vec![Id::ROOT];
    let mut parts = pattern.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let mut next = Vec::new();
        for at in found {
            // Only directories go on; a link in between is followed inside the root.
            let Ok(directory) = tree.follow(at) else { continue };
            if part.contains('*') {
                next.extend(tree.children(directory.node).filter(|&id| matches(part.as_bytes(), tree.name(id))));
            } else {
                next.extend(tree.child(directory.node, part.as_bytes()));
            }
        }
        if !last {
            next.retain(|&id| !tree.is_file(id));
        }
        found = next;
    }
    found
}

/// Whether `name` fits `pattern`, in which `*` stands for any bytes.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|&b| b == b'*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.windows(part.len().max(1)).position(|window| part.is_empty() || window == part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None if part.is_empty() => {}
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{expand, matches};
    use crate::tree::fixture;

    #[test]
    fn a_star_stands_for_any_part_of_one_name() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*-old", "status-old", true),
            ("*-old", "status-older", false),
            ("rc*.d", "rc3.d", true),
            ("rc*.d", "rc.d", true),
            ("rc*.d", "rcd", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "acb", false),
            ("plain", "plain", true),
            ("plain", "plain2", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_merged_usr_is_met_once_and_links_stay() {
        let tree = fixture::tree(&[("/lib", "-> usr/lib"), ("/usr/lib/systemd/x", ""), ("/usr/lib/other", "")]);
        let paths: Vec<_> = expand(&tree, "/lib/systemd").into_iter().map(|id| tree.path(id)).collect();
        assert_eq!(paths, [b"/usr/lib/systemd".to_vec()]);
        assert_eq!(expand(&tree, "/usr/*/systemd/*").len(), 1);
        assert!(expand(&tree, "/usr/lib/other/deeper").is_empty());
    }
}
