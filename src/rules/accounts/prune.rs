//! accounts.prune: removes accounts and groups that the policy does not keep, from all six files together.
//!
//! Names are compared whole. A line that stays keeps every byte, except for names in member lists, which are removed
//! with their accounts, and a carriage return at its end. Malformed lines are removed: programs disagree about them.
//! Afterwards `pwck -qr` and `grpck -r` find nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Stay, by_default, looked_up, stay, unsound, with_files};
use crate::diag::escape::{escaped, quoted};
use crate::draft::Draft;
use crate::draft::account_files::{AccountFiles, Verdict};
use crate::facts::accounts::{ADMINISTRATORS, Database, GID, Line, MEMBERS, UID, members, parse_id};
use crate::ordered;

/// Rule id.
pub const ID: &str = "accounts.prune";

/// Remove every account and group that does not stay, with all that names them.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    with_files(cx, draft, |files, draft| {
        for (database, name) in [(Database::Passwd, b"root"), (Database::Group, b"root")] {
            if let Some((line, defect)) = unsound(files, database, name) {
                let file = database.file_name();
                draft.refuse(
                    format!("line {} of '/etc/{file}' names 'root' but is {defect}", line.number),
                    "fix that line in an earlier Dockerfile step",
                );
            }
        }
        let stay = stay(cx, files);
        if cx.is_on(ID) && !files.is_frozen(Database::Passwd) {
            name_defaults(cx, &stay, draft);
        }
        prune(files, &stay);
        let users = files.names(Database::Passwd);
        let groups = files.names(Database::Group);
        clean_members(files, &users);
        for database in Database::ALL {
            files.edit(ID, database, |line| {
                if line.has_carriage_return() {
                    let reason = "carriage return at the end of the line";
                    return Verdict::Become(line.without_carriage_return(), reason.to_owned());
                }
                Verdict::Stay
            });
        }
        add_missing(files, ID, Database::Shadow, users);
        add_missing(files, ID, Database::Gshadow, groups);
        warn_of_shared_ids(files, draft);
    });
}

/// Say which accounts and groups stay because a kept program looks them up, and for no other reason.
fn name_defaults(cx: &Context<'_>, stay: &Stay, draft: &mut Draft<'_>) {
    for (group, names) in [(false, &stay.users), (true, &stay.groups)] {
        for (name, reason) in names {
            let found = looked_up(cx, group, name).filter(|found| by_default(cx, found) == *reason);
            let Some(found) = found else { continue };
            let what = if group { "group" } else { "account" };
            draft.note(format!("the {what} {} stays: {}", quoted(name), by_default(cx, found)));
        }
    }
}

fn prune(files: &mut AccountFiles, stay: &Stay) {
    let uids: BTreeSet<u32> = BTreeSet::from_iter(
        files
            .first_entries(Database::Passwd)
            .filter(|line| stay.users.contains_key(line.name()))
            .filter_map(|line| line.id(UID)),
    );
    for database in Database::ALL {
        let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
        files.edit(ID, database, |line| {
            if let Some(defect) = line.defect {
                return Verdict::Go(defect.to_string());
            }
            let name = line.name();
            let (stays, reason) = match database {
                Database::Passwd => (stay.users.contains_key(name), "account not kept"),
                Database::Group => (stay.groups.contains_key(name), "group not kept"),
                Database::Shadow => (stay.users.contains_key(name), "account not kept or not in passwd"),
                Database::Gshadow => (stay.groups.contains_key(name), "group not kept or not in group"),
                Database::Subuid | Database::Subgid => {
                    let known = stay.users.contains_key(name) || parse_id(name).is_some_and(|uid| uids.contains(&uid));
                    (known, "ids of an account that is not kept")
                }
            };
            if !stays {
                return Verdict::Go(reason.to_owned());
            }
            // An account may have several ranges of subordinate ids.
            if database.has_password() && !seen.insert(name.to_vec()) {
                return Verdict::Go("duplicate: the first line with this name counts".to_owned());
            }
            Verdict::Stay
        });
    }
}

/// Member lists lose the names of accounts that do not exist; gshadow's follow those of group.
fn clean_members(files: &mut AccountFiles, users: &BTreeSet<Vec<u8>>) {
    let exact = |field: &[u8]| field.is_empty() || field.split(|&b| b == b',').all(|name| users.contains(name));
    let existing = |field: &[u8]| -> Vec<u8> {
        let names: Vec<&[u8]> = members(field).filter(|&name| users.contains(name)).collect();
        names.join(&b',')
    };
    let reason = "lists accounts that do not exist";
    files.edit(ID, Database::Group, |line| {
        let field = line.field(MEMBERS);
        if exact(field) {
            return Verdict::Stay;
        }
        Verdict::Become(line.with_field(MEMBERS, &existing(field)), reason.to_owned())
    });
    let lists: BTreeMap<Vec<u8>, Vec<u8>> =
        ordered::map(files.entries(Database::Group).map(|line| (line.name().to_vec(), line.field(MEMBERS).to_vec())));
    files.edit(ID, Database::Gshadow, |line| {
        let (administrators, listed) = (line.field(ADMINISTRATORS), line.field(MEMBERS));
        let mut next: Line = line.clone();
        if !exact(administrators) {
            next = next.with_field(ADMINISTRATORS, &existing(administrators));
        }
        // group(5) is what the C library reads, so it decides.
        let group = lists.get(line.name()).map(Vec::as_slice).unwrap_or_default();
        let wanted: BTreeSet<&[u8]> = BTreeSet::from_iter(members(group));
        if !exact(listed) || BTreeSet::from_iter(members(listed)) != wanted {
            let mut names: Vec<&[u8]> = members(listed).filter(|name| wanted.contains(name)).collect();
            let missing: Vec<&[u8]> = members(group).filter(|name| !names.contains(name)).collect();
            names.extend(missing);
            next = next.with_field(MEMBERS, &names.join(&b','));
        }
        if next == *line {
            return Verdict::Stay;
        }
        Verdict::Become(next, format!("{reason}, or not those of '/etc/group'"))
    });
}

/// Give each of these names a locked line in an existing shadow or gshadow file. The date of the last
/// change stays empty: the clock would make every build differ.
pub(super) fn add_missing(
    files: &mut AccountFiles,
    rule: &'static str,
    shadow: Database,
    mut names: BTreeSet<Vec<u8>>,
) {
    if !files.exists(shadow) {
        return;
    }
    for line in files.entries(shadow) {
        names.remove(line.name());
    }
    for name in names {
        match shadow {
            // `!` is what groupadd(8) writes.
            Database::Gshadow => {
                let group = files.entry(Database::Group, &name);
                let members = group.map(|line| line.field(MEMBERS).to_vec()).unwrap_or_default();
                files.append(rule, shadow, &[&name, b"!", b"", &members], "group without a line here");
            }
            _ => {
                let fields: [&[u8]; 9] = [&name, b"*", b"", b"", b"", b"", b"", b"", b""];
                files.append(rule, shadow, &fields, "account without a line here");
            }
        }
    }
}

/// Two names for one id are legal, and which one is meant is unknown.
fn warn_of_shared_ids(files: &AccountFiles, draft: &mut Draft<'_>) {
    for (database, field, what) in [(Database::Passwd, UID, "uid"), (Database::Group, GID, "gid")] {
        let mut first: BTreeMap<u32, &[u8]> = BTreeMap::new();
        for line in files.entries(database) {
            let Some(id) = line.id(field) else { continue };
            if let Some(other) = first.get(&id) {
                draft.warn(
                    format!(
                        "'{}' and '{}' in '/etc/{}' share {what} {id}",
                        escaped(other),
                        escaped(line.name()),
                        database.file_name()
                    ),
                    "keep one of them only",
                );
            } else {
                first.insert(id, line.name());
            }
        }
    }
}
