//! Patterns on names and paths: one dialect for everything that a policy or a table of ours writes, and one for the
//! patterns in an image's own files, as shells and glob(3) expand them.
//!
//! The syntax is globset's: `*` and `?` match no slash, `**` as a whole part matches any number of parts, `[a-z]` and `[!a-z]`
//! one byte of a set or outside it, `{a,b}` alternatives, and a backslash takes the next character literally. Names are
//! bytes, so `?` and a set stand for one byte.

use anyhow::{Result, anyhow};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use globset::{GlobBuilder, GlobMatcher};

use super::budget::Budget;
use super::contents::Contents;
use super::{Id, Tree};

/// Longest pattern taken from a file of the image, in bytes: no path is longer (PATH_MAX).
const LONGEST: usize = 4096;

/// Names that patterns in an image's own files look at, each pattern counted as [`COMPILED`] of them: a file of patterns
/// over a directory of many names multiplies.
static BUDGET: Budget = Budget {
    text: "the patterns in files of the image look at more names than",
    most: 4_000_000,
    help: "remove the file from the image, or do not keep what reads it",
};

/// What it costs to read a pattern, in names.
const COMPILED: u64 = 64;

/// A pattern, ready to be matched.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: Matcher,
}

/// Most patterns are a name with a star or two, or some of them; an expression is compiled for the others only, since that
/// takes as long as hundreds of names.
#[derive(Debug, Clone)]
enum Matcher {
    /// Of each alternative, what stands between the stars of its name.
    Stars(Vec<Vec<Vec<u8>>>),
    /// Everything else.
    Any(Box<GlobMatcher>),
}

impl Glob {
    /// Read a pattern.
    ///
    /// # Errors
    /// What is wrong with it, when a set or alternatives are not closed.
    pub fn new(pattern: &str) -> Result<Self> {
        let text = pattern.to_owned();
        let plain = !pattern.contains(['?', '[', ']', '\\', '/']);
        if let Some(all) =
            plain.then(|| alternatives(pattern)).flatten().filter(|all| !all.iter().any(|one| one.contains("**")))
        {
            let pieces = |one: String| one.split('*').map(|piece| piece.as_bytes().to_vec()).collect();
            return Ok(Self { text, matcher: Matcher::Stars(all.into_iter().map(pieces).collect()) });
        }
        let built = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
        let matcher = built.map(|glob| glob.compile_matcher()).map_err(|error| anyhow!("{}", error.kind()))?;
        Ok(Self { text, matcher: Matcher::Any(Box::new(matcher)) })
    }

    /// A pattern as a shell and glob(3) read it: braces are ordinary characters, and so is a `[` that is not closed.
    fn as_shell(pattern: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(pattern).ok().filter(|text| text.len() <= LONGEST)?;
        let text = text.replace('{', "\\{").replace('}', "\\}");
        Self::new(&text).or_else(|_| Self::new(&text.replace('[', "\\["))).ok()
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole of a name or path.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        match &self.matcher {
            Matcher::Stars(all) => all.iter().any(|pieces| stars(pieces, name)),
            Matcher::Any(matcher) => matcher.is_match(OsStr::from_bytes(name)),
        }
    }
}

/// A pattern without its braces, once for each alternative; `None` where they are nested, not closed, hold nothing, or
/// stand for too many.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    const MOST: usize = 16;
    if pattern.matches('{').count() > MOST {
        return None;
    }
    let Some(at) = pattern.find(['{', '}']) else { return Some(vec![pattern.to_owned()]) };
    let (before, rest) = pattern.split_at(at);
    let (inside, after) = rest.strip_prefix('{')?.split_once('}')?;
    let whole = !inside.contains('{') && inside.split(',').all(|one| !one.is_empty());
    let ends = alternatives(after).filter(|_| whole)?;
    let all = inside.split(',').flat_map(|one| ends.iter().map(move |end| format!("{before}{one}{end}")));
    Some(all.collect()).filter(|all: &Vec<String>| all.len() <= MOST)
}

/// Whether a name without slashes is these pieces with any bytes between them.
fn stars(pieces: &[Vec<u8>], name: &[u8]) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return false };
    let Some((last, between)) = rest.split_last() else { return first == name };
    let inside = name.strip_prefix(first.as_slice()).and_then(|rest| rest.strip_suffix(last.as_slice()));
    let Some(mut rest) = inside.filter(|_| !name.contains(&b'/')) else { return false };
    // The first place of each piece leaves most for those behind it.
    for piece in between.iter().filter(|piece| !piece.is_empty()) {
        let Some(at) = rest.windows(piece.len()).position(|part| part == piece.as_slice()) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    true
}

/// Whether the text has a character that makes it a pattern for a shell.
#[must_use]
pub(crate) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|b| b"*?[".contains(b))
}

/// Every entry that an absolute pattern of ours names, in the tree's order: `*` stands for any part of one name, a leading
/// dot included. Links in directories are followed inside the root, the last component is not: `/lib/systemd` on a merged
/// /usr is `/usr/lib/systemd`.
#[must_use]
pub(crate) fn expand(tree: &Tree, pattern: &str) -> Vec<Id> {
    let compile = |part: &[u8]| std::str::from_utf8(part).ok().and_then(|part| Glob::new(part).ok());
    walk(tree, pattern.as_bytes(), true, compile, &|_| true)
}

/// Every entry that a pattern in a file of the image names, as a shell and glob(3) would expand it: a star does not match
/// a leading dot.
#[must_use]
pub(crate) fn expand_as_shell(tree: &Tree, pattern: &[u8]) -> Vec<Id> {
    walk(tree, pattern, false, Glob::as_shell, &|_| true)
}

/// The same for a pattern that `file` has, within what patterns of files may cost together.
#[must_use]
pub(crate) fn expand_in(tree: &Tree, contents: &dyn Contents, file: Id, pattern: &[u8]) -> Vec<Id> {
    walk(tree, pattern, false, Glob::as_shell, &|names| contents.spend(&BUDGET, names, tree, file))
}

fn walk(
    tree: &Tree,
    pattern: &[u8],
    dots: bool,
    compile: impl Fn(&[u8]) -> Option<Glob>,
    spend: &dyn Fn(u64) -> bool,
) -> Vec<Id> {
    // Most patterns are paths.
    if !pattern.iter().any(|b| b"*?[]{}\\".contains(b)) {
        let end = pattern.iter().rposition(|&b| b != b'/').map_or(0, |last| last + 1);
        let within = spend(COMPILED + 4 * pattern.len() as u64);
        let path = pattern.get(..end).filter(|_| within);
        return path.and_then(|path| tree.lookup(path)).into_iter().collect();
    }
    let mut found = vec![Id::ROOT];
    let all = parts(pattern, dots);
    for (index, part) in all.iter().enumerate() {
        if !spend(COMPILED + 4 * part.len() as u64) {
            return Vec::new();
        }
        // Each directory once, by whichever links it was reached: links to one another would multiply with every star.
        let mut seen = BTreeSet::new();
        let directories = found.into_iter().filter_map(|at| tree.follow(at).ok()).map(|found| found.node);
        let directories = directories.filter(|&node| seen.insert(node));
        // What may stand for several parts is compared with whole paths; links in directories are not followed there.
        if dots && (part == b"**" || part.contains(&b'/')) {
            let rest = all.get(index..).unwrap_or_default().join(&b'/');
            let glob = compile(&rest);
            found = directories.flat_map(|directory| below(tree, directory, glob.as_ref())).collect();
            break;
        }
        let mut next = Vec::new();
        let mut glob = None;
        for directory in directories {
            if !is_pattern(part) && !part.iter().any(|b| b"{\\".contains(b)) {
                next.extend(tree.resolve_from(directory, part, false).map(|found| found.node));
                continue;
            }
            if !spend(tree.children(directory).len() as u64) {
                return Vec::new();
            }
            let dots = dots || part.first() == Some(&b'.');
            let children = tree.children(directory).filter(|&id| dots || tree.name(id).first() != Some(&b'.'));
            if part == b"*" {
                next.extend(children);
                continue;
            }
            let glob = glob.get_or_insert_with(|| compile(part));
            next.extend(children.filter(|&id| glob.as_ref().is_some_and(|glob| glob.matches(tree.name(id)))));
        }
        if index + 1 < all.len() {
            next.retain(|&id| tree.is_dir(id) || tree.is_link(id));
        }
        found = next;
    }
    let mut seen = BTreeSet::new();
    found.retain(|&id| seen.insert(id));
    found
}

/// The parts between slashes; in our dialect alternatives may hold slashes.
fn parts(pattern: &[u8], braces: bool) -> Vec<Vec<u8>> {
    let (mut depth, mut escaped) = (0_u32, false);
    let split = pattern.split(|&byte| {
        let literal = escaped;
        escaped = byte == b'\\' && !literal;
        match byte {
            b'{' if braces && !literal => depth += 1,
            b'}' if braces && !literal => depth = depth.saturating_sub(1),
            _ => {}
        }
        byte == b'/' && depth == 0
    });
    split.filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Everything below a directory whose path from there matches.
fn below(tree: &Tree, directory: Id, glob: Option<&Glob>) -> Vec<Id> {
    let Some(glob) = glob else { return Vec::new() };
    let above = if directory == Id::ROOT { 1 } else { tree.path(directory).len() + 1 };
    let matches = |&id: &Id| tree.path(id).get(above..).is_some_and(|path| glob.matches(path));
    tree.subtree(directory).skip(1).filter(matches).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use globset::GlobBuilder;

    use super::{Glob, expand, expand_as_shell};
    use crate::tree::fixture;

    #[test]
    fn links_to_one_another_do_not_multiply() {
        let links: Vec<String> = (0..10).map(|n| format!("/m/l{n}")).collect();
        let mut entries: Vec<(&str, &str)> = links.iter().map(|path| (path.as_str(), "-> .")).collect();
        entries.push(("/m/x.conf", ""));
        let tree = fixture::tree(&entries);
        for stars in [1, 2, 12, 100] {
            let pattern = format!("/m{}", "/*".repeat(stars));
            assert_eq!(expand_as_shell(&tree, pattern.as_bytes()).len(), 11, "{stars}");
            assert_eq!(expand(&tree, &pattern).len(), 11, "{stars}");
        }
    }

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
            ("*a*b", "xxaxxaxb", true),
            ("a*", "a/b", false),
            ("/usr/*/ls", "/usr/bin/ls", true),
            ("/usr/*", "/usr/bin/ls", false),
            ("/usr/**", "/usr/bin/ls", true),
            ("/a[!x]b", "/a/b", false),
            ("/usr/**", "/usr", false),
            ("*", "", true),
            ("*", ".hidden", true),
            ("{a,b}c", "bc", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            // Names are bytes.
            ("a?c", "aéc", false),
            ("a??c", "aéc", true),
            ("a*c", "aéc", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(name.as_bytes()), expected, "{pattern} {name}");
        }
        assert!(Glob::new("a?c*").unwrap().matches(b"a\xffc\xfe"));
        for pattern in ["[", "a[", "{a", "[z-a]"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn shells_know_no_braces_and_take_an_open_bracket_literally() {
        for (pattern, name, expected) in [
            ("a[", "a[", true),
            ("[*", "[x", true),
            ("{a,b}*", "a", false),
            ("{a,b}*", "{a,b}c", true),
            ("a\\*", "a*", true),
        ] {
            assert_eq!(
                Glob::as_shell(pattern.as_bytes()).unwrap().matches(name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn expands_whole_paths_through_links() {
        let tree = fixture::tree(&[
            ("/bin", "-> usr/bin"),
            ("/lib", "-> usr/lib"),
            ("/usr/bin/python3", "-> python3.11"),
            ("/usr/bin/python3.11", ""),
            ("/usr/lib/systemd/x", ""),
            ("/usr/lib/other", ""),
            ("/opt/a/bin/java", ""),
            ("/opt/b/bin/java", ""),
            ("/opt/.c/bin/java", ""),
        ]);
        let paths = |ids: Vec<crate::tree::Id>| -> Vec<String> {
            ids.iter().map(|&id| String::from_utf8(tree.path(id)).unwrap()).collect()
        };
        assert_eq!(paths(expand(&tree, "/bin/python3*")), ["/usr/bin/python3", "/usr/bin/python3.11"]);
        assert_eq!(paths(expand(&tree, "/opt/{a,b}/bin/java")), ["/opt/a/bin/java", "/opt/b/bin/java"]);
        assert_eq!(paths(expand_as_shell(&tree, b"/opt/*/bin/java")), ["/opt/a/bin/java", "/opt/b/bin/java"]);
        assert_eq!(expand(&tree, "/opt/*/bin/java").len(), 3);
        assert_eq!(paths(expand(&tree, "/opt/**/java")).len(), 3);
        assert_eq!(paths(expand(&tree, "/lib/**")), ["/usr/lib/other", "/usr/lib/systemd", "/usr/lib/systemd/x"]);
        assert_eq!(paths(expand(&tree, "/{usr/lib,none}/oth*")), ["/usr/lib/other"]);
        assert_eq!(paths(expand(&tree, "/**/java")), paths(expand(&tree, "/opt/**/java")));
        assert_eq!(paths(expand(&tree, "/opt/\\a/bin")), ["/opt/a/bin"]);
        assert_eq!(paths(expand(&tree, "/lib/systemd")), ["/usr/lib/systemd"]);
        assert_eq!(expand(&tree, "/usr/*/systemd/*").len(), 1);
        assert!(expand(&tree, "/usr/lib/other/deeper").is_empty());
        assert!(expand(&tree, "/none/*").is_empty());
    }

    proptest! {
        /// A keep entry is expanded, and its contradiction with a remove entry is matched: both say the same of every path.
        #[test]
        fn what_is_expanded_is_what_matches(pattern in "(/(a|b|\\*|\\?|\\*\\*|a\\*|[{](a,b|a/b,c|b)[}]|[\\[]ab[\\]]|a[\\[]!x[\\]]b)){1,4}") {
            let tree = fixture::tree(&[("/a/b/c/ab", ""), ("/b/a/b", ""), ("/a/.b", ""), ("/c/", ""), ("/ab", "")]);
            let glob = Glob::new(&pattern).unwrap();
            let mut found = expand(&tree, &pattern);
            found.sort();
            let matching: Vec<_> = tree.ids().skip(1).filter(|&id| glob.matches(&tree.path(id))).collect();
            prop_assert_eq!(found, matching, "{}", pattern);
        }

        /// Stars without an expression mean what globset's mean.
        #[test]
        fn stars_are_those_of_globset(
            pattern in "[ab.]{0,2}([*][ab.]{1,2}){0,3}[*]?([{](a|b[*]|[*]b|,)(,(a|[.]b|)){0,2}[}]){0,2}[*]?b?",
            name in "[ab./]{0,9}",
        ) {
            let globset = GlobBuilder::new(&pattern).literal_separator(true).build().unwrap().compile_matcher();
            prop_assert_eq!(Glob::new(&pattern).unwrap().matches(name.as_bytes()), globset.is_match(&name), "{}", pattern);
        }

        #[test]
        fn any_pattern_ends(pattern in prop::collection::vec(prop::sample::select(&b"*?[]!^-\\ab/{},\xff"[..]), 0..24),
                            name in prop::collection::vec(prop::sample::select(&b"ab/[]"[..]), 0..24)) {
            let tree = fixture::tree(&[("/a/b", ""), ("/b", "-> a")]);
            let _ = expand_as_shell(&tree, &pattern);
            let _ = Glob::as_shell(&pattern).map(|glob| glob.matches(&name));
            if let Ok(text) = std::str::from_utf8(&pattern)
                && let Ok(glob) = Glob::new(text)
            {
                let _ = (glob.matches(&name), expand(&tree, text));
            }
        }
    }
}
