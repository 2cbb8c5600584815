//! Accounts that a kept program needs by name, about to be pruned.

use crate::plan::Draft;
use crate::report::escape;
use crate::rules::Context;
use crate::rules::ids::Ids;

/// Programs that look up an account of a fixed name when they start: sshd(8) privilege separation, and the like.
const BUILT_IN: &[(&[u8], &str)] = &[
    (b"sshd", "sshd"),
    (b"ntpd", "ntp"),
    (b"chronyd", "_chrony"),
    (b"dbus-daemon", "messagebus"),
    (b"rpcbind", "_rpc"),
    (b"avahi-daemon", "avahi"),
    (b"postfix", "postfix"),
    (b"dnsmasq", "dnsmasq"),
];

/// Apply the guard.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    for &id in cx.closure.reasons.keys() {
        for &(program, account) in BUILT_IN {
            let command = tree.name(id) == program && cx.facts.commands.directories.contains(&tree.parent(id));
            if command && ids.prunes_account(account) {
                draft.refuse(
                    format!(
                        "{} is kept, but the account '{account}' that it needs would be pruned",
                        escape::quoted(&tree.path(id))
                    ),
                    format!("write [keep] users = [\"{account}\"]"),
                );
            }
        }
    }
}
