//! accounts.shell: no account has a login shell but those of keep.shells.
//!
//! The path is the distribution's whether or not the program survives: a shell that does not exist lets
//! no login in either, and compliance checks read the name (CIS 5.4.2.7).

use super::{Context, matching, nologin, with_files};
use crate::diag::escape::escaped;
use crate::draft::Draft;
use crate::draft::account_files::Verdict;
use crate::facts::accounts::{Database, SHELL, UID};

/// Rule id.
pub const ID: &str = "accounts.shell";

/// Give every account but those of keep.shells the distribution's nologin path.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    with_files(cx, draft, |files, draft| {
        let shells = &cx.policy.keep.shells;
        let removed: Vec<Vec<u8>> = files.removed_accounts().map(<[u8]>::to_vec).collect();
        for entry in shells.iter().filter(|entry| !super::is_optional(entry)) {
            let name = entry.value.as_bytes();
            if removed.iter().any(|gone| gone == name) && files.entry(Database::Passwd, name).is_none() {
                let text = format!("keep.shells entry '{}': accounts.prune removes this account", escaped(name));
                draft.refuse_for(&entry.origin, text, format!("add '{}' to keep.users", escaped(name)));
            }
        }
        let path = nologin::path(cx.facts);
        files.edit(ID, Database::Passwd, |line| {
            let keeps = matching(shells, line.name(), line.id(UID)).is_some();
            if line.defect.is_some() || keeps || nologin::is_nologin(line.field(SHELL)) {
                return Verdict::Stay;
            }
            Verdict::Become(line.with_field(SHELL, &path), "not in keep.shells".to_owned())
        });
    });
}
