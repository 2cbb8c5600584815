//! Accounts whose login shell is needed: su(1) and runuser(1) start it, and so does sshd(8).
//!
//! accounts.shell takes every login shell but those of keep.shells, and "account is currently not available" is all that
//! a broken image says then.

use std::collections::BTreeMap;

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::facts::accounts::{Database, HOME, Line, SHELL};
use crate::rules::accounts::nologin::is_nologin;
use crate::rules::context::Context;
use crate::scripts::Reader;
use crate::shell;
use crate::tree::{Id, glob};

/// Files in which sshd finds the keys of an account (sshd_config(5), AuthorizedKeysFile).
const KEYS: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

/// Its settings.
const SETTINGS: [&str; 2] = ["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.login-shells",
    title: "an account whose login shell is started would lose it",
    settled: "[keep] shells with the account, and [keep] commands with its shell.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    kept_shells(cx, draft);
    let taken = taken(cx, draft);
    if taken.is_empty() {
        return;
    }
    let mut needed: BTreeMap<&[u8], String> = BTreeMap::new();
    let facts = cx.facts;
    let reader = cx.reader();
    for line in reader.lines() {
        for name in shell::logins(&line.words) {
            if let Some((name, _)) = taken.get_key_value(name.as_bytes()) {
                needed.entry(name).or_insert_with(|| "the image's command".to_owned());
            }
        }
    }
    for file in cx.reached().iter().filter(|file| !draft.is_removed(file.file)) {
        for (line, name) in &file.logins {
            if let Some((name, _)) = taken.get_key_value(name.as_bytes()) {
                needed.entry(name).or_insert_with(|| escape::quoted(reader.place(file.file, *line).as_bytes()));
            }
        }
    }
    let sftp = sftp(&reader);
    if let Some(sshd) = sshd(cx).filter(|_| sftp != Sftp::Only) {
        let sshd = escape::quoted(&facts.tree.path(sshd));
        for (name, line) in &taken {
            let home = [line.field(HOME), b"/"].concat();
            let has_key = |file: &&str| facts.tree.resolve(&[&home, file.as_bytes()].concat()).is_ok();
            if !KEYS.iter().any(has_key) {
                continue;
            }
            if sftp == Sftp::No {
                needed.entry(name).or_insert_with(|| format!("{sshd}, to which its authorized_keys lets it log in,"));
            } else if !needed.contains_key(name.as_slice()) {
                let name = escape::escaped(name);
                draft.warn(
                    format!(
                        "{sshd} lets '{name}' log in by its authorized_keys: without a login shell it can use sftp only"
                    ),
                    format!("write [keep] shells = [\"{name}\"] if it runs commands"),
                );
            }
        }
    }
    for (name, by) in &needed {
        let Some(line) = taken.get(*name) else { continue };
        let (name, path) = (escape::escaped(name), escape::escaped(line.field(SHELL)));
        let shell = facts.tree.resolve(line.field(SHELL));
        let goes = shell.is_ok_and(|found| found.links.iter().chain([&found.node]).any(|&id| draft.is_removed(id)));
        let commands = if goes { format!(" and commands = [\"{path}\"]") } else { String::new() };
        draft.refuse(
            format!(
                "{by} starts the login shell of '{name}', '{path}', which accounts.shell would replace with nologin"
            ),
            format!("write [keep] shells = [\"{name}\"]{commands}"),
        );
    }
}

/// Accounts that stay and lose a login shell.
fn taken<'a>(cx: &Context<'a>, draft: &Draft<'_>) -> BTreeMap<Vec<u8>, &'a Line> {
    let lost = |line: &&Line| {
        let after = draft.accounts.entry(Database::Passwd, line.name());
        !is_nologin(line.field(SHELL)) && after.is_some_and(|after| is_nologin(after.field(SHELL)))
    };
    cx.facts.accounts.passwd().filter(lost).map(|line| (line.name().to_vec(), line)).collect()
}

/// Whether sshd serves files by itself, without a shell (sshd_config(5)): every login with `ForceCommand internal-sftp`,
/// those of sftp with `Subsystem sftp internal-sftp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sftp {
    No,
    Possible,
    Only,
}

fn sftp(reader: &Reader<'_>) -> Sftp {
    let files = SETTINGS.iter().flat_map(|pattern| glob::expand_as_shell(reader.tree, pattern.as_bytes()));
    let texts = files.filter_map(|id| reader.tree.follow(id).ok()).map(|found| reader.text(found.node));
    let of_line = |line: &str| {
        let separates = |c: char| c.is_whitespace() || matches!(c, '=' | '"');
        let words: Vec<&str> = line.split(separates).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [key, "internal-sftp", ..] if key.eq_ignore_ascii_case("ForceCommand") => Sftp::Only,
            [key, _, "internal-sftp", ..] if key.eq_ignore_ascii_case("Subsystem") => Sftp::Possible,
            _ => Sftp::No,
        }
    };
    texts.flat_map(|text| text.lines().map(of_line).collect::<Vec<_>>()).max().unwrap_or(Sftp::No)
}

/// The kept ssh server.
fn sshd(cx: &Context<'_>) -> Option<Id> {
    let tree = &cx.facts.tree;
    let is = |id: &Id| matches!(tree.name(*id), b"sshd" | b"dropbear");
    cx.closure.reasons.keys().copied().filter(is).find(|&id| cx.facts.commands.directories.contains(&tree.parent(id)))
}

/// An account of keep.shells cannot log in if its shell is removed.
fn kept_shells(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let kept = |line: &Line| {
        let wanted = cx.policy.keep.shells.iter().find(|entry| entry.value.as_bytes() == line.name());
        wanted
            .filter(|_| !is_nologin(line.field(SHELL)))
            .map(|entry| (&entry.origin, line.name().to_vec(), line.field(SHELL).to_vec()))
    };
    let shells: Vec<_> = draft.accounts.entries(Database::Passwd).filter_map(kept).collect();
    for (origin, name, shell) in shells {
        // The shell may be reached by links: one of them that goes is enough.
        let Ok(found) = tree.resolve(&shell) else { continue };
        if found.links.iter().any(|&id| draft.is_removed(id)) || draft.is_removed(found.node) {
            let path = escape::escaped(&shell);
            draft.refuse_for(
                origin,
                format!(
                    "[keep] shells lets '{}' log in, but its shell '{path}' would be removed",
                    escape::escaped(&name)
                ),
                format!("write [keep] commands = [\"{path}\"], or remove the account from shells"),
            );
        }
    }
}
