//! Kept programs whose own code names other programs by path, while those go.
//!
//! A program that imports a function of the exec family and holds `/usr/bin/doveconf` as a whole string may start it, or
//! may never do so where it runs: named, not refused. Libraries are not looked into, nor static programs, which import
//! nothing; what runs `/bin/sh` through the C library is [`super::shell`]'s.

use std::collections::BTreeSet;

use super::Guard;
use crate::diag::escape::{basic_string, quoted};
use crate::draft::Draft;
use crate::facts::elf::Elf;
use crate::facts::program::{FileBytes, LONGEST, Program, search};
use crate::rules::context::Context;
use crate::tree::Id;

/// Functions that run a file: exec(3), posix_spawn(3).
const STARTERS: [&str; 9] =
    ["execv", "execve", "execvp", "execvpe", "execl", "execle", "execlp", "posix_spawn", "posix_spawnp"];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.starts",
    title: "a kept program names a program that would be removed",
    settled: "[keep] commands with the program, or [remove] commands if it never starts it.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for (&id, reason) in &cx.closure.reasons {
        let Some(program) = cx.facts.commands.known(id) else { continue };
        let Program::Elf(elf) = program else { continue };
        // Which of its applets starts something is written nowhere in a multi-call binary.
        let multicall = cx.multicall.iter().any(|(binary, _)| binary.program == id);
        if draft.is_removed(id) || multicall || !program.is_program(tree, id, true) || !starts(cx, id, elf) {
            continue;
        }
        let mut lost = paths(cx, id);
        let named = cx.closure.shell_users.iter().any(|&(user, _)| user == id);
        lost.retain(|path| goes(cx, draft, path) && !(named && path.ends_with(b"/sh")));
        if lost.is_empty() {
            continue;
        }
        let list = lost.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(", ");
        let entries =
            lost.iter().map(|path| basic_string(&String::from_utf8_lossy(path))).collect::<Vec<_>>().join(", ");
        let text = format!(
            "{} ({}) can start other programs and names some that would be removed: {list}",
            quoted(&tree.path(id)),
            reason.clause(tree)
        );
        let help = format!(
            "write [keep] commands = [{entries}] for programs that it starts, and [remove] commands for programs that it never starts"
        );
        if cx.policy.strict {
            draft.refuse_for(cx.closure.origin(id), text, help);
        } else {
            draft.warn_for(cx.closure.origin(id), text, help);
        }
    }
}

fn starts(cx: &Context<'_>, id: Id, elf: &Elf) -> bool {
    let bytes = FileBytes { contents: cx.contents, tree: &cx.facts.tree, id };
    elf.imports(&STARTERS, &bytes).is_ok_and(|found| !found.is_empty())
}

/// Whether a path leads to a command that would go, and nobody said that it should.
fn goes(cx: &Context<'_>, draft: &Draft<'_>, path: &[u8]) -> bool {
    let tree = &cx.facts.tree;
    let Ok(found) = tree.resolve(path) else { return false };
    let mut entries = found.links;
    entries.push(found.node);
    let names =
        |value: &[u8]| value == path || entries.iter().any(|&id| value == tree.name(id) || value == tree.path(id));
    tree.is_file(found.node)
        && entries.iter().any(|&id| cx.facts.commands.is_in_directory(tree, id))
        && entries.iter().any(|&id| draft.is_removed(id))
        && !cx.policy.remove.commands.iter().any(|entry| names(entry.value.as_bytes()))
}

/// Strings of the file that are absolute paths with a `bin` in them, each once. A string ends with a NUL on both sides,
/// so that no part of another one is taken.
fn paths(cx: &Context<'_>, id: Id) -> Vec<Vec<u8>> {
    let mut found = BTreeSet::new();
    search(&cx.facts.tree, cx.contents, id, &mut |piece| collect(piece, &mut found));
    found.into_iter().collect()
}

fn collect(bytes: &[u8], into: &mut BTreeSet<Vec<u8>>) {
    let mut strings = bytes.split(|&b| b == 0).skip(1).peekable();
    while let Some(string) = strings.next() {
        let whole = strings.peek().is_some() && string.len() <= LONGEST;
        if whole && string.first() == Some(&b'/') && string.windows(4).any(|part| part == b"bin/") {
            into.insert(string.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::collect;
    use std::collections::BTreeSet;

    #[test]
    fn whole_strings_are_found_and_parts_are_not() {
        let mut found = BTreeSet::new();
        collect(b"ELF\0/usr/bin/pr\0x/bin/sh\0/bin/cat -n\0/etc/passwd\0\0/sbin/init\0/bin/cut", &mut found);
        let found: Vec<_> = found.iter().map(|path| String::from_utf8_lossy(path)).collect();
        assert_eq!(found, ["/bin/cat -n", "/sbin/init", "/usr/bin/pr"]);
    }
}
