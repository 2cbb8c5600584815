//! Accounts that a kept program needs by name, about to be pruned.

use std::collections::BTreeMap;

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::facts::accounts::{Database, Line, SHELL};
use crate::policy::Start;
use crate::rules::accounts::nologin::is_nologin;
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

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.accounts",
    title: "a pruned account or group is used by the configuration of a kept program",
    settled: "[keep] users or groups with its name; an account of keep.shells needs its shell in [keep] commands.",
    check,
};

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
    login_shells(cx, draft);
}

fn refuse_named(cx: &Context<'_>, draft: &mut Draft<'_>, group: bool, name: &str, uses: &[&AccountUse]) {
    let Some(first) = uses.first() else { return };
    let (what, list) = if group { ("group", "groups") } else { ("account", "users") };
    let places: Vec<&str> = uses.iter().take(SHOWN).map(|found| found.place.as_str()).collect();
    let more = uses.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = escape::escaped(name.as_bytes());
    draft.refuse_for(
        cx.closure.origin(first.program),
        format!(
            "the {what} '{shown}' would be pruned, but the kept {} is told to use it ({}{more})",
            escape::quoted(&cx.facts.tree.path(first.program)),
            places.join(", ")
        ),
        format!("write [keep] {list} = [\"{shown}\"], or use one that stays"),
    );
}

/// An account of keep.shells whose shell goes cannot log in after all.
fn login_shells(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let kept = |line: &Line| {
        let wanted = cx.policy.keep.shells.iter().any(|entry| entry.value.as_bytes() == line.name());
        (wanted && !is_nologin(line.field(SHELL))).then(|| (line.name().to_vec(), line.field(SHELL).to_vec()))
    };
    let shells: Vec<_> = draft.accounts.entries(Database::Passwd).filter_map(kept).collect();
    for (name, shell) in shells {
        // The shell may be reached by links: one of them that goes is enough.
        let Ok(found) = tree.resolve(&shell) else { continue };
        if found.links.iter().any(|&id| draft.is_removed(id)) || draft.is_removed(found.node) {
            let path = escape::escaped(&shell);
            draft.refuse(
                format!("[keep] shells lets '{}' log in, but its shell '{path}' would go", escape::escaped(&name)),
                format!("write [keep] commands = [\"{path}\"], or take the account out of shells"),
            );
        }
    }
}

fn built_in(cx: &Context<'_>, draft: &mut Draft<'_>, ids: &Ids, named: &BTreeMap<(bool, &str), Vec<&AccountUse>>) {
    let tree = &cx.facts.tree;
    let drops = if cx.policy.start == Start::Root { DROPS_TO } else { &[] };
    for &id in cx.closure.reasons.keys() {
        for &(program, account) in BUILT_IN.iter().chain(drops) {
            let command = tree.name(id) == program && cx.facts.commands.directories.contains(&tree.parent(id));
            if command && ids.prunes_account(account) && !named.contains_key(&(false, account)) {
                draft.refuse_for(
                    cx.closure.origin(id),
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
