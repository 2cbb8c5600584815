//! remove.leftovers: log and cache files, history, and leftovers of builds.
//!
//! Directories stay, since programs expect them. Links stay: `/var/log/nginx/access.log -> /dev/stdout` is how an image
//! logs. So do empty login records: the programs that write them do not create them (wtmp(5), faillog(8)).

use std::collections::BTreeSet;

use super::paths;
use crate::draft::Draft;
use crate::root::is_temporary;
use crate::rules::context::Context;
use crate::tree::Id;

/// Directories whose files go; they stay, and so do links, as those of logs to the standard streams.
const FILES: &[&str] = &["/var/log", "/var/cache", "/var/backups", "/var/crash"];

/// Directories whose content goes.
const CONTENT: &[&str] = &["/tmp", "/var/tmp"];

/// Histories of shells and tools, in any home directory.
pub(crate) const HISTORIES: &[&[u8]] = &[
    b".ash_history",
    b".bash_history",
    b".sh_history",
    b".zsh_history",
    b".python_history",
    b".node_repl_history",
    b".lesshst",
    b".viminfo",
    b".mysql_history",
    b".psql_history",
    b".rediscli_history",
    b".sqlite_history",
    b".wget-hsts",
];

/// Records of logins in /var/log.
const RECORDS: [&[u8]; 4] = [b"btmp", b"faillog", b"lastlog", b"wtmp"];

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let logs = tree.resolve(b"/var/log").map(|found| found.node);
    for id in RECORDS.iter().filter_map(|name| tree.child(*logs.as_ref().ok()?, name)) {
        if tree.is_file(id) && tree.meta(id).size == 0 {
            draft.keep(id);
        }
    }
    let reason = "left over from a build or an earlier run";
    paths::files(tree, draft, FILES, reason);
    paths::content(tree, draft, CONTENT, reason);
    paths::entries(tree, draft, "/run/*.pid", reason);
    // Emptied, one of these would be what a killed run left, and go with the next run.
    for id in tree.ids().filter(|&id| is_temporary(tree.name(id)) && tree.is_dir(id)) {
        draft.remove_when_empty(id);
    }
    for history in histories(cx) {
        draft.remove(history, "a command history");
    }
}

/// Histories in the home directories of all accounts.
fn histories(cx: &Context<'_>) -> BTreeSet<Id> {
    let tree = &cx.facts.tree;
    let mut found = BTreeSet::new();
    for home in cx.facts.accounts.homes() {
        let Ok(home) = tree.resolve(home) else { continue };
        for &name in HISTORIES {
            found.extend(tree.child(home.node, name).filter(|&id| tree.is_file(id)));
        }
    }
    found
}
