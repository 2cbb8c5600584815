//! A file that the run user may write now and not after this run, and that a script writes.
//!
//! OpenShift starts images with a random uid in group 0, and their entrypoints add a line for it to `/etc/passwd`, which
//! is group-writable for that. `files.writable` and `files.known` take the bit.

use std::collections::BTreeSet;

use super::Guard;
use crate::diag::escape::{basic_string, first, quoted};
use crate::draft::{Draft, present};
use crate::policy::Start;
use crate::programs::{Programs, Written};
use crate::rules::context::Context;
use crate::rules::ids::{Ids, RunIds};
use crate::tree::Id;

/// Files named in one warning.
const SHOWN: usize = 8;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.written-files",
    title: "a script writes a file that the run user could no longer write",
    settled: "name the file in [files] writable, or in [keep] paths.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let ids = Ids::of(cx.policy, draft);
    let Some(run) = ids.run().filter(|run| run.uid != 0) else { return };
    let random = RunIds { uid: u32::MAX, gid: 0, groups: BTreeSet::from([0]) };
    let users: Vec<&RunIds> = std::iter::once(run).chain(cx.policy.files.openshift.then_some(&random)).collect();
    let tree = &cx.facts.tree;
    let writes = |owner: (u32, u32), mode: u32| users.iter().any(|user| user.class(mode, owner.0, owner.1) & 0o2 != 0);
    let changed = draft.attributes.iter().map(|(id, _)| id);
    let lost: Vec<Id> = changed
        .filter(|&id| tree.is_file(id) && !draft.is_removed(id))
        .filter(|&id| {
            let now = present(tree, id);
            writes(now.owner, now.mode()) && !writes(draft.owner(id), draft.mode(id))
        })
        .collect();
    if lost.is_empty() {
        return;
    }
    let mut rest = Vec::new();
    for id in lost {
        let written = if cx.policy.start == Start::Root { None } else { by_script(cx, draft, id) };
        let Some((script, place)) = written else {
            rest.push(id);
            continue;
        };
        let plain = basic_string(&String::from_utf8_lossy(&tree.path(id)));
        // A kept path of an account file would keep harden from every account.
        let accounts = cx.facts.accounts.files.values().any(|file| file.node == id);
        let keep = if accounts {
            String::new()
        } else {
            format!(", or [keep] paths = [{plain}] to leave its owner and mode as they are")
        };
        draft.refuse_for(
            cx.closure.origin(script),
            format!(
                "{} writes {}, which the run user (uid {}) could no longer write",
                quoted(place.as_bytes()),
                quoted(&tree.path(id)),
                run.uid
            ),
            format!(
                "write [files] writable = [{plain}]{keep}; if the script works without this write access, remove the write bit before this run"
            ),
        );
    }
    if rest.is_empty() {
        return;
    }
    let list = first(&rest, SHOWN, |&id| quoted(&tree.path(id)));
    let entries: Vec<String> =
        rest.iter().take(SHOWN).map(|&id| basic_string(&String::from_utf8_lossy(&tree.path(id)))).collect();
    draft.warn(
        format!("the run user (uid {}) loses its write access to {list}", run.uid),
        format!("if the program writes there, write [files] writable = [{}]", entries.join(", ")),
    );
}

/// The script that writes a file, and the line, of those that run when the image starts.
fn by_script(cx: &Context<'_>, draft: &Draft<'_>, id: Id) -> Option<(Id, String)> {
    let facts = cx.facts;
    let reader = cx.reader();
    let path = String::from_utf8(facts.tree.path(id)).ok()?;
    reader.reached().iter().filter(|file| !draft.is_removed(file.file)).find_map(|file| {
        let line = writing_line(&cx.policy.programs, &reader.text(file.file), &path)?;
        Some((file.file, reader.place(file.file, line)))
    })
}

/// The first line of a script that writes a file, or asks whether it can: a redirection to the path or to a variable that
/// holds it, a program that writes, or `test -w`.
fn writing_line(programs: &Programs, text: &str, path: &str) -> Option<u32> {
    let mut names = vec![path.to_owned()];
    for line in text.lines() {
        let Some((name, value)) = line.trim().split_once('=') else { continue };
        let value = value.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'', ';']);
        let name = name.rsplit(' ').next().unwrap_or_default();
        if value == path && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            names.extend([format!("${name}"), format!("${{{name}}}")]);
        }
    }
    let writes = |line: &str| {
        names
            .iter()
            .any(|name| line.match_indices(name.as_str()).any(|(at, _)| is_written(programs, line, at, name.len())))
    };
    let line = text.lines().position(|line| !line.trim_start().starts_with('#') && writes(line))?;
    u32::try_from(line + 1).ok()
}

/// Whether the bytes of a line at `at` are a word that is written there.
fn is_written(programs: &Programs, line: &str, at: usize, len: usize) -> bool {
    let (before, rest) = line.split_at(at);
    let after = rest.get(len..).unwrap_or_default();
    let whole = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$' | '{'));
    if !after.chars().next().is_none_or(whole) || !before.chars().next_back().is_none_or(whole) {
        return false;
    }
    let before = before.trim_end_matches(['"', '\'']).trim_end();
    if before.ends_with('>') || before.ends_with(">|") || before.ends_with(" -w") {
        return true;
    }
    // The simple command that the word belongs to.
    let command = before.rsplit(['|', ';', '&', '(', '`']).next().unwrap_or_default();
    let words: Vec<&str> = command.split_whitespace().collect();
    words.iter().enumerate().any(|(at, word)| {
        let name = word.rsplit('/').next().unwrap_or_default();
        let behind = words.get(at + 1..).unwrap_or_default();
        let known = programs.of(name.as_bytes(), word.as_bytes());
        known.iter().any(|(program, _)| {
            let with = &program.writes_with;
            let told = with.is_empty()
                || behind.iter().any(|word| with.iter().any(|option| word.starts_with(option.as_str())));
            told && match program.writes_arguments {
                Written::None => false,
                Written::All => true,
                // The source is read; what comes last is written.
                Written::Last => {
                    !after.trim_start_matches(['"', '\'']).split(['|', ';', '&', ')']).next().is_some_and(|rest| {
                        rest.split_whitespace().any(|word| !word.starts_with('-') && !word.contains('>'))
                    })
                }
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::Programs;

    fn writing_line(text: &str, path: &str) -> Option<u32> {
        super::writing_line(&Programs::default(), text, path)
    }

    #[test]
    fn what_writes_is_told_from_what_reads() {
        for line in [
            "echo x >> /etc/passwd",
            "echo x >/etc/passwd",
            "echo x >>\"/etc/passwd\"",
            "[ -w /etc/passwd ] && true",
            "if [[ -w \"/etc/passwd\" ]]; then",
            "sed -i s/a/b/ /etc/passwd",
            "cp /tmp/x /etc/passwd; true",
            "cat x | tee -a /etc/passwd > /dev/null",
            "/bin/mv -f /tmp/p '/etc/passwd'",
            "F=/etc/passwd; echo x >> $F",
        ] {
            assert_eq!(writing_line(&format!("#!/bin/sh\n{line}\n"), "/etc/passwd"), Some(2), "{line}");
        }
        assert_eq!(writing_line("export F=\"/etc/passwd\"\necho x >> \"${F}\"\n", "/etc/passwd"), Some(2));
        for line in [
            "grep x /etc/passwd > /tmp/y",
            "cp /etc/passwd /tmp/x",
            "sed s/a/b/ /etc/passwd",
            "# echo >> /etc/passwd",
            "echo x >> /etc/passwd.new",
            "echo x >> /chroot/etc/passwd",
            "cat < /etc/passwd",
            "tee /tmp/x < /etc/group",
        ] {
            assert_eq!(writing_line(line, "/etc/passwd"), None, "{line}");
        }
    }
}
