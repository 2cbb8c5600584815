//! Accounts that a kept program needs by name, about to be pruned.

use std::collections::BTreeMap;

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::scripts::configurations::AccountUse;

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
        if goes && !found.looked_up {
            named.entry((found.group, &found.name)).or_default().push(found);
        }
    }
    for (&(group, name), uses) in &named {
        refuse_named(cx, draft, group, name, uses);
    }
    looked_up(cx, draft, &ids, &named);
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
            "the {what} '{shown}' would be pruned, but the kept {} is configured to use it ({}{more})",
            escape::quoted(&cx.facts.tree.path(first.program)),
            places.join(", ")
        ),
        format!("write [keep] {list} = [\"{shown}\"], or configure one that is kept"),
    );
}

/// Accounts that a program looks up by a name that is compiled in.
fn looked_up(cx: &Context<'_>, draft: &mut Draft<'_>, ids: &Ids, named: &BTreeMap<(bool, &str), Vec<&AccountUse>>) {
    for found in cx.account_uses.iter().filter(|found| found.looked_up) {
        let AccountUse { group, name, place, program, .. } = found;
        let goes = if *group { ids.prunes_group(name) } else { ids.prunes_account(name) };
        if goes && !named.contains_key(&(*group, name.as_str())) {
            let (what, list) = if *group { ("group", "groups") } else { ("account", "users") };
            let shown = escape::escaped(name.as_bytes());
            draft.refuse_for(
                cx.closure.origin(*program),
                format!(
                    "{} is kept, but the {what} '{shown}' that it needs would be pruned ({})",
                    escape::quoted(&cx.facts.tree.path(*program)),
                    escape::escaped(place.as_bytes())
                ),
                format!("write [keep] {list} = [\"{shown}\"]"),
            );
        }
    }
}
