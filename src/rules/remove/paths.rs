//! The paths that rules remove, as patterns of absolute paths (see [`crate::tree::glob`]).
//!
//! Lists lie beside their rules as text, one pattern a line, `#` before a comment.

use crate::draft::Draft;
use crate::tree::{Id, Tree, glob};

/// Remove the entries of a list with everything below them, but what is kept.
pub(crate) fn entries(tree: &Tree, draft: &mut Draft<'_>, list: &str, reason: &str) {
    for pattern in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        for id in glob::expand(tree, pattern) {
            draft.remove_tree(id, reason);
        }
    }
}

/// Remove what lies in these directories, which stay.
pub(crate) fn content(tree: &Tree, draft: &mut Draft<'_>, directories: &[&str], reason: &str) {
    for id in directories.iter().flat_map(|pattern| glob::expand(tree, pattern)) {
        for below in tree.children(id) {
            draft.remove_tree(below, reason);
        }
    }
}

/// Remove the regular files at any depth below these directories; directories and links stay.
pub(crate) fn files(tree: &Tree, draft: &mut Draft<'_>, directories: &[&str], reason: &str) {
    for id in directories.iter().flat_map(|pattern| glob::expand(tree, pattern)) {
        for file in tree.subtree(id).filter(|&at| tree.is_file(at)).collect::<Vec<Id>>() {
            draft.remove_tree(file, reason);
        }
    }
}
