//! /etc/ld.so.conf with its includes (ldconfig(8)).

use std::collections::BTreeSet;

use super::LIMIT;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, glob};

/// Deepest nesting of `include` that is followed.
const MAX_INCLUDES: usize = 8;

/// Append the directories that a file names, in order.
pub(super) fn read_conf(
    tree: &Tree,
    contents: &dyn Contents,
    file: Id,
    into: &mut Vec<Vec<u8>>,
    seen: &mut BTreeSet<Id>,
    depth: usize,
) {
    if depth > MAX_INCLUDES || !tree.is_file(file) || !seen.insert(file) {
        return;
    }
    let text = contents.read(tree, file, LIMIT).unwrap_or_default();
    for line in text.split(|&b| b == b'\n') {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default().trim_ascii();
        let blank = line.iter().position(u8::is_ascii_whitespace);
        let (word, rest) = line.split_at(blank.unwrap_or(line.len()));
        if word == b"include" {
            for pattern in rest.split(u8::is_ascii_whitespace).filter(|p| !p.is_empty()) {
                let base = if pattern.first() == Some(&b'/') { Vec::new() } else { tree.path(tree.parent(file)) };
                for id in glob::expand_in(tree, contents, file, &[&base[..], b"/", pattern].concat()) {
                    if let Ok(found) = tree.follow(id) {
                        read_conf(tree, contents, found.node, into, seen, depth + 1);
                    }
                }
            }
        } else if word != b"hwcap" {
            let parts = line.split(|b| b.is_ascii_whitespace() || b":,".contains(b));
            // `DIRECTORY=TYPE` is an old way to name the library's kind.
            let parts = parts.map(|p| p.split(|&b| b == b'=').next().unwrap_or_default());
            into.extend(parts.filter(|p| p.first() == Some(&b'/')).map(<[u8]>::to_vec));
        }
    }
}
