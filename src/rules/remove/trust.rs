//! remove.trust: files by which rlogin, rsh and sshd allow a login from another host without a password.
//!
//! Keys and passwords that an application may use itself (.ssh, .netrc) are not removed: `harden audit` reports them.
//! Source: CIS Debian 12 §7.2.10, SSG no_rsh_trust_files, no_host_based_files.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

const WHY: &str = "allows a login without a password";

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    paths::entries(tree, draft, include_str!("trust.txt"), WHY);
    for home in cx.facts.accounts.homes() {
        let Ok(home) = tree.resolve(home) else { continue };
        for id in [&b".rhosts"[..], b".shosts"].iter().filter_map(|name| tree.child(home.node, name)) {
            draft.remove(id, WHY);
        }
    }
}
