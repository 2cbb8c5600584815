//! A system directory that the run user or a kept account writes in (bitnami and OpenShift images give group 0 the
//! owner's rights): to take that away would break the image, to leave it would not harden it. A group in which there is
//! no such account loses the right without a question.

use std::collections::BTreeSet;

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::facts::{
    self,
    accounts::{Database, GID, MEMBERS, PRIMARY_GID, UID},
};
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::Id;

/// Directories named in one refusal.
const SHOWN: usize = 8;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.system-dirs",
    title: "only root could write in a system directory in which the run user or a kept account can write now",
    settled: "name the paths that the program writes in [files] writable, or in [keep] paths to leave them unchanged.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if !cx.is_on("files.system-dirs") {
        return;
    }
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let members = members(cx, draft, &ids);
    let mut found: Vec<(Id, String)> = Vec::new();
    for id in tree.ids().filter(|&id| tree.is_dir(id) && cx.zones.system.contains(id)) {
        if draft.is_removed(id) || draft.is_untouchable(id) {
            continue;
        }
        let meta = tree.meta(id);
        // World-writable directories say nothing of a group: files.writable's business.
        let group_writes = meta.mode & 0o022 == 0o020;
        let who = if meta.uid != 0 && ids.known_user(meta.uid) {
            format!("owned by uid {}", meta.uid)
        } else if group_writes && members.contains(&meta.gid) {
            format!("group-writable for gid {}", meta.gid)
        } else {
            continue;
        };
        // A directory below one that is already named is settled by the same line.
        if !found.iter().any(|(above, _)| tree.is_within(id, *above)) {
            found.push((id, who));
        }
    }
    if found.is_empty() {
        return;
    }
    let shown = escape::first(&found, SHOWN, |(id, who)| format!("{} ({who})", escape::quoted(&tree.path(*id))));
    let paths: Vec<String> =
        found.iter().map(|(id, _)| escape::basic_string(&String::from_utf8_lossy(&tree.path(*id)))).collect();
    let list = paths.join(", ");
    draft.refuse(
        format!("{} would become writable by root only, but a kept account or group writes there: {shown}", plural(found.len())),
        format!("write [files] writable = [{list}] for directories that the program writes, or [keep] paths = [{list}] to leave them as they are; if no program writes there, run chown root or chmod g-w on it before harden runs"),
    );
}

/// Groups of the run user and of kept accounts other than root. With `[files] openshift` the run user is in group 0.
fn members(cx: &Context<'_>, draft: &Draft<'_>, ids: &Ids) -> BTreeSet<u32> {
    let mut groups: BTreeSet<u32> = ids.run().map(|run| run.groups.clone()).unwrap_or_default();
    groups.extend(cx.policy.files.openshift.then_some(0));
    let mut names = BTreeSet::new();
    for line in draft.accounts.entries(Database::Passwd).filter(|line| line.id(UID) != Some(0)) {
        groups.extend(line.id(PRIMARY_GID));
        names.insert(line.name().to_vec());
    }
    for line in draft.accounts.entries(Database::Group) {
        if facts::accounts::members(line.field(MEMBERS)).any(|member| names.contains(member)) {
            groups.extend(line.id(GID));
        }
    }
    groups
}

fn plural(count: usize) -> String {
    if count == 1 { "a system directory".to_owned() } else { format!("{count} system directories") }
}
