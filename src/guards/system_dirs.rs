//! A system directory that the run user or a kept account writes in (bitnami and OpenShift images give group 0 the
//! owner's rights): taking that away would break the image, leaving it would be no hardening.

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::Id;

/// Directories named in one refusal.
const SHOWN: usize = 8;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.system-dirs",
    title: "a system directory would become root's alone though the run user or a kept account writes there",
    settled: "[files] writable for the files that the program writes, or [keep] paths.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if !cx.is_on("files.system-dirs") {
        return;
    }
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let mut found: Vec<(Id, String)> = Vec::new();
    for id in tree.ids().filter(|&id| tree.is_dir(id) && cx.zones.system.contains(id)) {
        if draft.is_removed(id) || draft.is_untouchable(id) {
            continue;
        }
        let meta = tree.meta(id);
        // What everybody may write says nothing of a group: files.writable's business.
        let group_writes = meta.mode & 0o022 == 0o020;
        let who = if meta.uid != 0 && ids.known_user(meta.uid) {
            format!("owned by uid {}", meta.uid)
        } else if group_writes && meta.gid == 0 {
            "group-writable for gid 0".to_owned()
        } else if group_writes && ids.known_group(meta.gid) {
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
    let shown: Vec<String> =
        found.iter().take(SHOWN).map(|(id, who)| format!("{} ({who})", escape::quoted(&tree.path(*id)))).collect();
    let more = found.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let paths: Vec<String> =
        found.iter().map(|(id, _)| escape::basic_string(&String::from_utf8_lossy(&tree.path(*id)))).collect();
    let list = paths.join(", ");
    draft.refuse(
        format!("{} would become writable by root only, but a kept account or group writes there: {}{more}", plural(found.len()), shown.join(", ")),
        format!("write [files] writable = [{list}] for directories that the program writes, or [keep] paths = [{list}] to leave them as they are"),
    );
}

fn plural(count: usize) -> String {
    if count == 1 { "a system directory".to_owned() } else { format!("{count} system directories") }
}
