//! login.defaults: what auditors ask of interactive logins. Off by default: without a login shell it only satisfies
//! checks.
//!
//! umask 027 and TMOUT for shells, core dumps limited to 0, an empty securetty, empty cron.allow and at.allow.
//! Sources: CIS Debian 12 §5.4.2.6, §5.4.3.2, §2.4.1.8, §2.4.2.1; SSG no_direct_root_logins, disable_users_coredumps.

use crate::facts::tree::Tree;
use crate::plan::{Change, Draft};
use crate::root::edit::Attributes;
use crate::rules::Context;

const PROFILE: &str = "umask 027\nTMOUT=900\nreadonly TMOUT\nexport TMOUT\n";

/// Files that satisfy one check each: path, mode, content.
const FILES: &[(&str, u32, &str)] = &[
    ("/etc/at.allow", 0o600, ""),
    ("/etc/cron.allow", 0o600, ""),
    ("/etc/profile.d/harden.sh", 0o644, PROFILE),
    ("/etc/securetty", 0o600, ""),
    ("/etc/security/limits.d/harden.conf", 0o644, "* hard core 0\n"),
];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for &(path, mode, content) in FILES {
        make_parents(tree, draft, path);
        match tree.lookup(path.as_bytes()) {
            None => {
                let new = Attributes { owner: (0, 0), mode, drop_capability: false };
                let change = Change::CreateFile(new, content.as_bytes().into());
                draft.create(&physical(tree, path), change, "asked for by auditors of login settings");
            }
            Some(id) if tree.is_file(id) && tree.meta(id).size != content.len() as u64 => {
                draft.rewrite(id, content.as_bytes().to_vec());
                let before = format!("{} bytes", tree.meta(id).size);
                let after = format!("{} bytes", content.len());
                draft.record_line(
                    "login.defaults",
                    path.as_bytes(),
                    before,
                    after,
                    "asked for by auditors of login settings",
                );
            }
            Some(_) => {}
        }
    }
}

fn make_parents(tree: &Tree, draft: &mut Draft<'_>, path: &str) {
    for (at, _) in path.match_indices('/').skip(1) {
        let Some(parent) = path.get(..at) else { continue };
        if tree.lookup(parent.as_bytes()).is_none() {
            let new = Attributes { owner: (0, 0), mode: 0o755, drop_capability: false };
            draft.create(&physical(tree, parent), Change::CreateDirectory(new), "holds a login setting");
        }
    }
}

/// The path with links in its existing directories resolved.
fn physical(tree: &Tree, path: &str) -> Vec<u8> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut full = tree.resolve(parent.as_bytes()).map_or_else(|_| parent.as_bytes().to_vec(), |at| tree.path(at.node));
    if full != b"/" {
        full.push(b'/');
    }
    full.extend_from_slice(name.as_bytes());
    full
}
