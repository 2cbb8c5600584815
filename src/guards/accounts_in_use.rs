//! Accounts that a kept program needs by name, about to be pruned.

use std::collections::BTreeMap;

use crate::diag::escape;
use crate::draft::Draft;
use crate::policy::Start;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::scripts::configurations::AccountUse;

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

/// Programs that drop to an account of a fixed name when they are started as root and told of no other.
const DROPS_TO: &[(&[u8], &str)] = &[
    (b"mosquitto", "mosquitto"),
    (b"unbound", "unbound"),
    (b"squid", "proxy"),
    (b"varnishd", "vcache"),
    (b"varnishd", "varnish"),
    (b"exim4", "Debian-exim"),
    (b"dovecot", "dovecot"),
    (b"dovecot", "dovenull"),
];

/// Places named in one refusal.
const SHOWN: usize = 3;

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let ids = Ids::of(cx.policy, draft);
    let mut named: BTreeMap<(bool, &str), Vec<&AccountUse>> = BTreeMap::new();
    for found in cx.account_uses {
        let goes = if found.group { ids.prunes_group(&found.name) } else { ids.prunes_account(&found.name) };
        if goes {
            named.entry((found.group, &found.name)).or_default().push(found);
        }
    }
    for (&(group, name), uses) in &named {
        refuse_named(cx, draft, group, name, uses);
    }
    built_in(cx, draft, &ids, &named);
}

fn refuse_named(cx: &Context<'_>, draft: &mut Draft<'_>, group: bool, name: &str, uses: &[&AccountUse]) {
    let Some(first) = uses.first() else { return };
    let (what, list) = if group { ("group", "groups") } else { ("account", "users") };
    let places: Vec<&str> = uses.iter().take(SHOWN).map(|found| found.place.as_str()).collect();
    let more = uses.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = escape::escaped(name.as_bytes());
    draft.refuse(
        format!(
            "the {what} '{shown}' would be pruned, but the kept {} is configured to use it ({}{more})",
            escape::quoted(&cx.facts.tree.path(first.program)),
            places.join(", ")
        ),
        format!("write [keep] {list} = [\"{shown}\"], or configure one that is kept"),
    );
}

fn built_in(cx: &Context<'_>, draft: &mut Draft<'_>, ids: &Ids, named: &BTreeMap<(bool, &str), Vec<&AccountUse>>) {
    let tree = &cx.facts.tree;
    let drops = if cx.policy.start == Start::Root { DROPS_TO } else { &[] };
    for &id in cx.closure.reasons.keys() {
        for &(program, account) in BUILT_IN.iter().chain(drops) {
            let command = tree.name(id) == program && cx.facts.commands.directories.contains(&tree.parent(id));
            if command && ids.prunes_account(account) && !named.contains_key(&(false, account)) {
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
