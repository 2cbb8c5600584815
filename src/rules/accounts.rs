//! The `accounts.*` rules: which accounts exist, and which of them can log in, and how.
//!
//! Each rule transforms the working copies of the account files ([`crate::draft::account_files`]) in the order user,
//! prune, shell, lock; [`finish`] turns the result into rewrites. Any of them can be off. This file owns their shared
//! code: loading with its refusals, and the list of accounts and groups that stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Origin;
use crate::diag::escape::{escaped, quoted};
use crate::diag::suggest::did_you_mean;
use crate::draft::Draft;
use crate::draft::account_files::AccountFiles;
use crate::facts::accounts::{Database, GID, Line, MEMBERS, PRIMARY_GID, UID, members, parse_id};
use crate::policy::{Entry, RunUser};
use crate::rules::context::Context;
use crate::scripts::configurations::AccountUse;

pub(crate) mod backup;
pub(crate) mod lock;
pub(crate) mod nologin;
pub(crate) mod prune;
pub(crate) mod shell;
pub(crate) mod user;

/// Names that stay, each with the reason as a clause.
#[derive(Debug, Default)]
struct Stay {
    users: BTreeMap<Vec<u8>, String>,
    groups: BTreeMap<Vec<u8>, String>,
}

/// Turn the account files as the rules left them into rewrites and creations. Call once, after the last
/// `accounts.*` rule and before rules that ask for known or pruned ids; also when every rule is off.
pub fn finish(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let mut files = std::mem::take(&mut draft.accounts);
    if !files.is_read() {
        files.read(&cx.facts.accounts);
    }
    remember_known(cx, &mut files);
    files.finish(&cx.facts.accounts, draft);
    draft.accounts = files;
}

/// Run one rule on the working copies. Nothing runs when the files could not be read for certain: the plan
/// is refused then.
fn with_files(cx: &Context<'_>, draft: &mut Draft<'_>, rule: impl FnOnce(&mut AccountFiles, &mut Draft<'_>)) {
    let mut files = std::mem::take(&mut draft.accounts);
    if !files.is_read() {
        files.read(&cx.facts.accounts);
        load(cx, &mut files, draft);
    }
    if files.is_ready() {
        rule(&mut files, draft);
    }
    draft.accounts = files;
}

fn load(cx: &Context<'_>, files: &mut AccountFiles, draft: &mut Draft<'_>) {
    let facts = &cx.facts.accounts;
    for problem in &facts.problems {
        draft.refuse(
            format!("cannot work on the accounts: '{}' {}", escaped(&problem.path), problem.cause),
            "make it a regular file in an earlier Dockerfile step, or switch off the rules accounts.user, accounts.prune, \
             accounts.shell and accounts.lock",
        );
    }
    let tree = &cx.facts.tree;
    for &id in &facts.elsewhere {
        draft.warn(
            format!("accounts in '{}' are not read or changed", escaped(&tree.path(id))),
            "copy the lines that you need to /etc in an earlier Dockerfile step",
        );
    }
    // A kept path is not changed. The four main files only make sense together, so one freezes all.
    let kept: Vec<Database> =
        facts.files.iter().filter(|(_, file)| draft.is_untouchable(file.node)).map(|(&d, _)| d).collect();
    for &database in &kept {
        files.freeze(database);
        let what = if database.has_password() {
            Database::ALL.iter().for_each(|&each| files.freeze(each));
            "no account file is changed"
        } else {
            "it is not changed"
        };
        draft.warn(
            format!("'/etc/{}' is a kept path: {what}", database.file_name()),
            "remove it from keep.paths to let the accounts.* rules work",
        );
    }
    check_entries(cx, files, draft);
}

/// Entries of keep.users and keep.groups that match nothing.
fn check_entries(cx: &Context<'_>, files: &AccountFiles, draft: &mut Draft<'_>) {
    let keep = &cx.policy.keep;
    let lists = [
        ("keep.users", &keep.users, Database::Passwd),
        ("keep.groups", &keep.groups, Database::Group),
        ("keep.shells", &keep.shells, Database::Passwd),
    ];
    for (list, entries, database) in lists {
        let what = if database == Database::Group { "group" } else { "account" };
        let mut names = files.names(database);
        if let Some(RunUser::Named { name, uid: Some(_), .. }) = &cx.policy.user {
            names.insert(name.as_bytes().to_vec());
        }
        for entry in entries.iter().filter(|entry| !is_optional(entry)) {
            let name = entry.value.as_bytes();
            // A number needs no account: it says that files of that id are known.
            if names.contains(name) || parse_id(name).is_some() {
                continue;
            }
            let text = format!("{list} entry '{}': no such {what} in the image", escaped(name));
            draft.refuse_for(&entry.origin, text, unknown_name_help(files, database, &names, name));
        }
    }
}

fn unknown_name_help(files: &AccountFiles, database: Database, names: &BTreeSet<Vec<u8>>, name: &[u8]) -> String {
    if let Some((line, defect)) = unsound(files, database, name) {
        return format!(
            "line {} of '/etc/{}' is {defect}; fix it in an earlier Dockerfile step",
            line.number,
            database.file_name()
        );
    }
    let names: Vec<String> = names.iter().map(|name| escaped(name)).collect();
    match suggest(&escaped(name), &names) {
        Some(close) => format!("did you mean '{close}'?"),
        None => "remove the entry, or mark it optional = true".to_owned(),
    }
}

/// A line that names `name` but is no entry, when no sound line does.
fn unsound<'a>(
    files: &'a AccountFiles,
    database: Database,
    name: &[u8],
) -> Option<(&'a Line, crate::facts::accounts::Defect)> {
    if files.entry(database, name).is_some() {
        return None;
    }
    files.lines(database).find(|line| line.name() == name).and_then(|line| Some((line, line.defect?)))
}

fn is_optional(entry: &Entry) -> bool {
    entry.optional || matches!(entry.origin, Origin::Profile(_))
}

/// Which accounts and groups stay, given the files as they are now.
fn stay(cx: &Context<'_>, files: &AccountFiles) -> Stay {
    let mut stay = Stay::default();
    let everything = !cx.is_on(prune::ID) || files.is_frozen(Database::Passwd);
    let mut primary: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for line in files.first_entries(Database::Passwd) {
        let name = line.name();
        let reason = if everything { Some("accounts.prune is off".to_owned()) } else { account_reason(cx, line) };
        let Some(reason) = reason.filter(|_| !files.is_handed_over(Database::Passwd, name)) else { continue };
        stay.users.insert(name.to_vec(), reason);
        if let Some(gid) = line.id(PRIMARY_GID) {
            primary.entry(gid).or_insert_with(|| name.to_vec());
        }
    }
    let mut seen = BTreeSet::new();
    for line in files.first_entries(Database::Group) {
        if files.is_handed_over(Database::Group, line.name()) {
            continue;
        }
        // Of several groups with one gid, programs find the first.
        let first = line.id(GID).is_some_and(|gid| seen.insert(gid));
        let reason = if everything {
            Some("accounts.prune is off".to_owned())
        } else {
            group_reason(cx, line, first, &primary, &stay.users)
        };
        if let Some(reason) = reason {
            stay.groups.insert(line.name().to_vec(), reason);
        }
    }
    stay
}

fn account_reason(cx: &Context<'_>, line: &Line) -> Option<String> {
    let (name, uid) = (line.name(), line.id(UID));
    if name == b"root" {
        return Some("root".to_owned());
    }
    match &cx.policy.user {
        Some(RunUser::Named { name: run, .. }) if run.as_bytes() == name => return Some("run.user".to_owned()),
        Some(RunUser::Numeric { uid: run, .. }) if Some(*run) == uid => return Some("run.user".to_owned()),
        _ => {}
    }
    let entry = matching(&cx.policy.keep.users, name, uid).map(|entry| format!("keep.users, {}", entry.origin));
    entry.or_else(|| looked_up(cx, false, name).map(|found| by_default(cx, found)))
}

/// The kept program that looks an account or a group up by a name that is compiled in.
fn looked_up<'a>(cx: &Context<'a>, group: bool, name: &[u8]) -> Option<&'a AccountUse> {
    cx.account_uses.iter().find(|found| found.looked_up && found.group == group && found.name.as_bytes() == name)
}

fn by_default(cx: &Context<'_>, found: &AccountUse) -> String {
    format!("{} looks it up, {}", quoted(&cx.facts.tree.path(found.program)), escaped(found.place.as_bytes()))
}

fn group_reason(
    cx: &Context<'_>,
    line: &Line,
    first: bool,
    primary: &BTreeMap<u32, Vec<u8>>,
    users: &BTreeMap<Vec<u8>, String>,
) -> Option<String> {
    let (name, gid) = (line.name(), line.id(GID)?);
    if name == b"root" {
        return Some("root".to_owned());
    }
    if let Some(entry) = matching(&cx.policy.keep.groups, name, Some(gid)) {
        return Some(format!("keep.groups, {}", entry.origin));
    }
    if let Some(found) = looked_up(cx, true, name) {
        return Some(by_default(cx, found));
    }
    let listed = |member: &&[u8]| *member != b"root" && (users.contains_key(*member) || is_run_user(cx, member));
    if let Some(member) = members(line.field(MEMBERS)).find(listed) {
        return Some(format!("lists '{}'", escaped(member)));
    }
    if !first {
        return None;
    }
    if let Some(user) = primary.get(&gid) {
        return Some(format!("primary group of '{}'", escaped(user)));
    }
    if let Some(RunUser::Numeric { uid, gid: run }) = cx.policy.user
        && run.unwrap_or(uid) == gid
    {
        return Some("run.user".to_owned());
    }
    let owner = cx.facts.accounts.node(Database::Shadow).map(|node| cx.facts.tree.meta(node).gid);
    (gid != 0 && owner == Some(gid)).then(|| "group of '/etc/shadow'".to_owned())
}

fn is_run_user(cx: &Context<'_>, name: &[u8]) -> bool {
    matches!(&cx.policy.user, Some(RunUser::Named { name: run, .. }) if run.as_bytes() == name)
}

fn matching<'a>(entries: &'a [Entry], name: &[u8], id: Option<u32>) -> Option<&'a Entry> {
    entries.iter().find(|entry| {
        let value = entry.value.as_bytes();
        value == name || (id.is_some() && parse_id(value) == id)
    })
}

fn remember_known(cx: &Context<'_>, files: &mut AccountFiles) {
    let numbers = |entries: &[Entry]| -> Vec<u32> {
        entries.iter().filter_map(|entry| parse_id(entry.value.as_bytes())).collect()
    };
    let mut uids: BTreeSet<u32> = BTreeSet::from_iter([0]);
    let mut gids: BTreeSet<u32> = BTreeSet::from_iter([0]);
    uids.extend(numbers(&cx.policy.keep.users));
    gids.extend(numbers(&cx.policy.keep.groups));
    match cx.policy.user {
        Some(RunUser::Numeric { uid, gid }) => {
            uids.insert(uid);
            gids.insert(gid.unwrap_or(uid));
        }
        // An account has its own gid when none was given: that is added below.
        Some(RunUser::Named { uid, gid, .. }) => {
            uids.extend(uid);
            gids.extend(gid);
        }
        None => {}
    }
    for line in files.entries(Database::Passwd) {
        uids.extend(line.id(UID));
        gids.extend(line.id(PRIMARY_GID));
    }
    gids.extend(files.entries(Database::Group).filter_map(|line| line.id(GID)));
    files.set_known(uids, gids);
}

/// The name that a misspelt one comes nearest to.
fn suggest(word: &str, candidates: &[String]) -> Option<String> {
    did_you_mean(word, candidates.iter().map(String::as_str)).map(str::to_owned)
}
