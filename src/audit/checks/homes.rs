//! Checks of home directories: their owners, and files that allow a login.

use std::collections::BTreeMap;

use super::accounts::{lets_in, sound};
use crate::audit::{Cx, Findings, Severity};
use crate::diag::escape::escaped;
use crate::facts::accounts::{Database, HOME, Line, PRIMARY_GID, UID};
use crate::rules::remove::leftovers::HISTORIES;
use crate::tree::Id;
use crate::tree::glob::expand;

/// First uid of people's accounts (login.defs(5), UID_MIN), and nobody's.
const PEOPLE: std::ops::Range<u32> = 1000..65533;

/// Files in a home that allow a login or hold a password, and how bad each is.
const TRUST: [(&[u8], Severity); 6] = [
    (b".rhosts", Severity::High),
    (b".shosts", Severity::High),
    (b".ssh/authorized_keys", Severity::High),
    (b".ssh/authorized_keys2", Severity::High),
    (b".netrc", Severity::Medium),
    (b".forward", Severity::Low),
];

/// The same for every account.
const HOSTS: [&str; 3] = ["/etc/hosts.equiv", "/etc/shosts.equiv", "/etc/ssh/shosts.equiv"];

/// Accounts that people log in to, and root.
fn people<'c>(cx: &'c Cx<'_>) -> impl Iterator<Item = (Id, &'c Line)> {
    sound(cx, Database::Passwd).filter(move |(_, line)| {
        let uid = line.id(UID).unwrap_or(u32::MAX);
        lets_in(cx, line) && (uid == 0 || PEOPLE.contains(&uid))
    })
}

/// Home directories of all accounts and of no account, by entry.
fn homes(cx: &Cx<'_>) -> BTreeMap<Id, Vec<u8>> {
    let mut found = BTreeMap::new();
    let named = cx.facts.accounts.homes().filter_map(|home| cx.tree.resolve(home).ok()).map(|found| found.node);
    let more = ["/root", "/home/*"].iter().flat_map(|pattern| expand(cx.tree, pattern));
    for id in named.chain(more).filter(|&id| id != Id::ROOT && cx.tree.is_dir(id) && cx.is_part(id)) {
        found.insert(id, cx.tree.path(id));
    }
    found
}

pub(super) fn mode(cx: &Cx<'_>, findings: &mut Findings) {
    for (passwd, line) in people(cx) {
        let home = line.field(HOME);
        let name = escaped(line.name());
        let Ok(found) = cx.tree.resolve(home) else {
            let finding = findings.at(
                cx.tree,
                passwd,
                line.name(),
                format!("the home '{}' of '{name}' does not exist", escaped(home)),
            );
            finding.line = u32::try_from(line.number).ok();
            // An account that harden makes has none on purpose.
            finding.at_most(Severity::Info);
            continue;
        };
        if found.node == Id::ROOT || !cx.is_part(found.node) {
            continue;
        }
        let (meta, mode) = (cx.tree.meta(found.node), cx.tree.permissions(found.node));
        if Some(meta.uid) != line.id(UID) || mode & 0o027 != 0 {
            let text = format!("the home of '{name}' belongs to uid {} with mode 0o{mode:o}", meta.uid);
            findings.at(cx.tree, found.node, line.name(), text);
        }
    }
}

pub(super) fn dot_files(cx: &Cx<'_>, findings: &mut Findings) {
    for (_, line) in people(cx) {
        let Ok(home) = cx.tree.resolve(line.field(HOME)) else { continue };
        if home.node == Id::ROOT {
            continue;
        }
        for id in cx.tree.children(home.node).filter(|&id| cx.tree.is_file(id) && cx.tree.name(id).starts_with(b".")) {
            let (meta, mode) = (cx.tree.meta(id), cx.tree.permissions(id));
            let owned = Some(meta.uid) == line.id(UID) && Some(meta.gid) == line.id(PRIMARY_GID);
            if !owned || mode & !0o740 != 0 {
                let text = format!("belongs to {}:{} with mode 0o{mode:o}", meta.uid, meta.gid);
                findings.at(cx.tree, id, b"", text);
            }
        }
    }
}

pub(super) fn history(cx: &Cx<'_>, findings: &mut Findings) {
    for &home in homes(cx).keys() {
        for id in HISTORIES.iter().filter_map(|name| cx.tree.child(home, name)) {
            let finding = findings.at(cx.tree, id, b"", "a command history");
            if cx.tree.meta(id).size == 0 || !cx.tree.is_file(id) {
                finding.at_most(Severity::Low);
            }
        }
    }
}

pub(super) fn trust(cx: &Cx<'_>, findings: &mut Findings) {
    for &home in homes(cx).keys() {
        for (name, severity) in TRUST {
            let Ok(found) = cx.tree.resolve_from(home, name, false) else { continue };
            if cx.tree.is_dir(found.node) || cx.tree.meta(found.node).size == 0 {
                continue;
            }
            let text = format!("'{}' allows a login without a password, or holds a password", escaped(name));
            findings.at(cx.tree, found.node, b"", text).at_most(severity);
        }
    }
    for id in HOSTS.iter().filter_map(|path| cx.tree.lookup(path.as_bytes())) {
        findings.at(cx.tree, id, b"", "a list of hosts that may log in without a password");
    }
}
