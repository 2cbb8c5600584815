//! Accounts that a kept program needs by name, about to be pruned.

use std::collections::BTreeMap;

use super::{Guard, reach};
use crate::diag::escape;
use crate::draft::Draft;
use crate::facts::accounts::{Database, GID, Line, UID, parse_id};
use crate::policy::Start;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::scripts::configurations::AccountUse;
use crate::tree::Id;

/// Last number of accounts that every image of a distribution has, most of them with a name that means something else
/// too: mail, list, users. Packages make accounts above it.
const FIXED: u32 = 100;

/// The account and the group for nobody, as Debian and others number them.
const NOBODY: u32 = 65534;

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
    by_texts(cx, draft, &ids);
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

/// Accounts whose names stand in kept programs that look names up: refused where the program runs as root when the image
/// starts and can become another account.
fn by_texts(cx: &Context<'_>, draft: &mut Draft<'_>, ids: &Ids) {
    let tree = &cx.facts.tree;
    let mut reached = None;
    for evidence in &cx.closure.evidence {
        let multicall = cx.multicall.iter().any(|(binary, _)| binary.program == evidence.file);
        if draft.is_removed(evidence.file) || multicall || is_known(cx, evidence.file) {
            continue;
        }
        for (group, name) in &evidence.accounts {
            let goes = if *group { ids.prunes_group(name) } else { ids.prunes_account(name) };
            // A group of an account's own name goes and stays with it.
            let own = *group && ids.prunes_account(name);
            if !goes || own || !is_dynamic(cx, *group, name) || (*group && is_option(cx, name, &evidence.accounts)) {
                continue;
            }
            let (what, list) = if *group { ("group", "groups") } else { ("account", "users") };
            let shown = escape::escaped(name.as_bytes());
            let text = format!(
                "{} is kept, looks names up, and holds that of the {what} '{shown}', which would be pruned",
                escape::quoted(&tree.path(evidence.file))
            );
            let help = format!("write [keep] {list} = [\"{shown}\"]: a kept account stays locked");
            let mut runs = || reached.get_or_insert_with(|| reach::reached(cx)).contains(evidence.file);
            if cx.policy.strict || (cx.policy.start == Start::Root && evidence.becomes && runs()) {
                draft.refuse_for(cx.closure.origin(evidence.file), text, help);
            } else {
                draft.warn_for(cx.closure.origin(evidence.file), text, help);
            }
        }
    }
}

/// Whether a program file says which accounts the program uses: it knows more than a text.
fn is_known(cx: &Context<'_>, file: Id) -> bool {
    let tree = &cx.facts.tree;
    let known = cx.policy.programs.of(tree.name(file), &tree.path(file));
    known.iter().any(|(program, _)| {
        let mut keys = program.configurations.iter().flat_map(|configuration| &configuration.keys);
        !program.accounts.is_empty()
            || keys.any(|(_, value)| value.kind.is_account())
            || program.options.iter().any(|(_, value)| value.kind.is_account())
    })
}

/// Whether a package made the account for itself, or it is the one for nobody.
fn is_dynamic(cx: &Context<'_>, group: bool, name: &str) -> bool {
    let (database, field) = if group { (Database::Group, GID) } else { (Database::Passwd, UID) };
    let file = cx.facts.accounts.files.get(&database);
    let mut lines = file.into_iter().flat_map(|file| &file.lines).filter(|line| line.name() == name.as_bytes());
    lines.any(|line| parse_id(line.field(field)).is_some_and(|id| id > FIXED))
}

/// Whether the group is the one for nobody and stands alone: `-nogroup` is an option of find(1) too.
fn is_option(cx: &Context<'_>, group: &str, held: &[(bool, String)]) -> bool {
    let accounts = &cx.facts.accounts;
    let nobody = |line: &&Line| parse_id(line.field(UID)) == Some(NOBODY);
    let groups = accounts.files.get(&Database::Group).into_iter().flat_map(|file| &file.lines);
    let mut groups = groups.filter(|line| line.name() == group.as_bytes());
    let beside = |line: &Line| held.iter().any(|(group, name)| !group && name.as_bytes() == line.name());
    groups.any(|line| parse_id(line.field(GID)) == Some(NOBODY)) && !accounts.passwd().filter(nobody).any(beside)
}
