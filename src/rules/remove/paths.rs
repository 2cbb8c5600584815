//! Path tables: how rules name what they remove, and how a table meets a tree.
//!
//! A pattern is an absolute path in which `*` stands for any part of one name. Links in directories are followed
//! inside the root, the last component is not: `/lib/systemd` on a merged /usr is `/usr/lib/systemd`.

use crate::draft::Draft;
use crate::tree::paths;
use crate::tree::{Id, Tree};

/// Remove what a table names, but what is kept. A row holds patterns with blanks between: `/a` is the entry with
/// everything below it; `/a/` what is below it, and the directory stays; `/a/**` regular files at any depth below it, and
/// directories and links stay.
pub fn remove(tree: &Tree, draft: &mut Draft<'_>, table: &[&str], reason: &str) {
    for pattern in table.iter().flat_map(|row| row.split(' ')) {
        for id in paths::expand(tree, pattern.trim_end_matches("/**")) {
            let going: Vec<Id> = if pattern.ends_with("/**") {
                tree.subtree(id).filter(|&at| tree.is_file(at)).collect()
            } else if pattern.ends_with('/') {
                tree.children(id).collect()
            } else {
                vec![id]
            };
            for id in going {
                draft.remove_tree(id, reason);
            }
        }
    }
}
