//! Owner and mode of files with a fixed place, by the table of the rule files.known.

use crate::audit::{Cx, Findings, Severity};
use crate::rules::files::known::{Family, Group, TABLE};
use crate::rules::files::system_dirs::{READ, WRITE, passwords};
use crate::rules::zones::is_system;
use crate::tree::glob::expand;
use crate::tree::{Id, Kind};

/// Distributions whose password files have no mode bits (root reads them all the same).
const NO_BITS: [&str; 5] = ["rhel", "fedora", "centos", "amzn", "rocky"];

/// Compare every row of the check that speaks.
pub(super) fn table(cx: &Cx<'_>, findings: &mut Findings) {
    let check = findings.check().id;
    for &(family, pattern, group, mask) in TABLE.iter().filter(|row| row.0.check() == check) {
        for id in expand(cx.tree, pattern) {
            if cx.is_part(id) && !cx.tree.is_link(id) {
                one(cx, findings, id, family, group, mask);
            }
        }
        // The C library follows the link; who may change where it leads may change who exists.
        if family == Family::Accounts
            && let Some(id) = cx.tree.lookup(pattern.as_bytes())
            && cx.tree.kind(id) != Kind::File
        {
            findings.at(cx.tree, id, b"kind", "is not a regular file").no_rule();
        }
    }
}

fn one(cx: &Cx<'_>, findings: &mut Findings, id: Id, family: Family, group: Group, mask: u32) {
    let (meta, mode) = (cx.tree.meta(id), cx.tree.permissions(id));
    let bare = group == Group::Shadow && cx.facts.os.is_like(&NO_BITS);
    let reader = if group == Group::Reader && meta.gid != 0 { 0o040 } else { 0 };
    let extra = mode & !(if bare { 0 } else { mask | reader });
    let mut wrong = Vec::new();
    if meta.uid != 0 {
        wrong.push(format!("belongs to uid {} instead of root", meta.uid));
    }
    let fits = match group {
        _ if meta.gid == 0 => true,
        Group::Root => false,
        Group::Shadow => cx.group_name(meta.gid) == b"shadow",
        Group::Any | Group::Reader => true,
    };
    if !fits {
        wrong.push(format!("belongs to the group {} instead of root", meta.gid));
    }
    if extra != 0 {
        wrong.push(format!("has mode 0o{mode:o}, but should not have 0o{extra:o}"));
    }
    if wrong.is_empty() {
        return;
    }
    // Root's own execute bits and a group's right to read are what lists ask about, and open nothing.
    let open = if family.is_private() { extra & 0o026 | extra & 0o004 } else { extra & 0o022 };
    let grave = meta.uid != 0 || open != 0 || (!fits && mode & 0o060 != 0 && family.is_private());
    let finding = findings.at(cx.tree, id, b"", wrong.join(" and "));
    if !grave {
        finding.at_most(Severity::Low);
    }
}

/// Access lists that give named users and groups what the mode does not show: password files to read, and system
/// directories to write. The mask stands in the group's bits of the mode, so only entries that have them are asked.
pub(super) fn access_lists(cx: &Cx<'_>, findings: &mut Findings) {
    let (tree, private) = (cx.tree, passwords(cx.tree));
    let system =
        |id: Id| tree.ancestors(id).any(|at| at != Id::ROOT && tree.parent(at) == Id::ROOT && is_system(tree.name(at)));
    for id in tree.ids().filter(|&id| matches!(tree.kind(id), Kind::File | Kind::Directory) && cx.is_part(id)) {
        let secret = private.contains(&id);
        let open = tree.permissions(id) & 0o020 != 0 && system(id);
        let bits = if secret { READ | WRITE } else { WRITE };
        if (secret || open)
            && let Some(list) = cx.contents.access_list(tree, id).filter(|list| list.gives(bits))
        {
            let named = list.users.iter().map(|(uid, _)| format!("uid {uid}"));
            let named: Vec<String> = named.chain(list.groups.iter().map(|(gid, _)| format!("gid {gid}"))).collect();
            let what = if secret { "read" } else { "write" };
            findings.at(tree, id, b"", format!("has an access list that lets others {what} it: {}", named.join(", ")));
        }
    }
}
