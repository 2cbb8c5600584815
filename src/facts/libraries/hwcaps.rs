//! Directories below a library directory that only some processors search (ld.so(8), "Hardware capabilities").

use super::join;
use crate::tree::{Id, Tree};

/// Subdirectories that glibc searched up to 2.36, each also in one another.
const LEGACY: [&[u8]; 17] = [
    b"tls",
    b"haswell",
    b"xeon_phi",
    b"avx512_1",
    b"x86_64",
    b"i386",
    b"i486",
    b"i586",
    b"i686",
    b"cmov",
    b"sse2",
    b"neon",
    b"vfp",
    b"v7l",
    b"aarch64",
    b"atomics",
    b"nosegneg",
];
/// Deepest nesting of them.
const MAX_DEPTH: usize = 4;

/// All of them that exist, the best first as far as that can be said. Which one a machine takes is not known here.
pub(super) fn directories(tree: &Tree, directory: Id, path: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if let Ok(levels) = tree.resolve_from(directory, b"glibc-hwcaps", true) {
        let path = join(path, b"glibc-hwcaps");
        found.extend(tree.children(levels.node).map(|level| join(&path, tree.name(level))));
    }
    legacy(tree, directory, path, 0, &mut found);
    found
}

fn legacy(tree: &Tree, directory: Id, path: &[u8], depth: usize, found: &mut Vec<Vec<u8>>) {
    for name in LEGACY {
        // No links: they could lead in a circle.
        if let Some(below) = tree.child(directory, name).filter(|&id| depth < MAX_DEPTH && tree.is_dir(id)) {
            let path = join(path, name);
            legacy(tree, below, &path, depth + 1, found);
            found.push(path);
        }
    }
}
