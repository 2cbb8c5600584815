//! accounts.user: the run user and its primary group exist, with the numbers that the policy asks for.
//!
//! An account that exists is never changed to fit: another uid or gid is refused. The run user takes over a number of a
//! removed account or group; if that account or group stays, harden refuses the plan.

use super::{Context, Stay, nologin, stay, suggest, unsound, with_files};
use crate::diag::escape::escaped;
use crate::draft::Draft;
use crate::draft::account_files::{AccountFiles, Verdict};
use crate::facts::accounts::{Database, GID, PRIMARY_GID, UID};
use crate::policy::RunUser;

/// Rule id.
pub const ID: &str = "accounts.user";

/// Home of a new account when run.home is not set; it is not created.
const NO_HOME: &str = "/nonexistent";

/// Longest name that useradd(8) takes.
const MAX_NAME: usize = 32;

/// Make sure that the run user and its group exist.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    with_files(cx, draft, |files, draft| {
        draft.about(cx.policy.user_origin.as_ref());
        match &cx.policy.user {
            None => {}
            Some(RunUser::Numeric { uid, gid }) => {
                if *uid == 0 {
                    refuse_root(draft, "0");
                } else if *uid == u32::MAX || *gid == Some(u32::MAX) {
                    refuse_no_id(draft);
                }
            }
            Some(RunUser::Named { name, uid, gid }) => named(cx, files, draft, name, *uid, *gid),
        }
    });
}

fn named(
    cx: &Context<'_>,
    files: &mut AccountFiles,
    draft: &mut Draft<'_>,
    name: &str,
    uid: Option<u32>,
    gid: Option<u32>,
) {
    if name == "root" || uid == Some(0) {
        refuse_root(draft, name);
        return;
    }
    if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
        refuse_no_id(draft);
        return;
    }
    let found =
        files.entry(Database::Passwd, name.as_bytes()).and_then(|line| Some((line.id(UID)?, line.id(PRIMARY_GID)?)));
    match (found, uid) {
        (Some((0, _)), _) => refuse_root(draft, name),
        (Some(has), _) => existing(files, draft, name, has, (uid, gid)),
        (None, Some(uid)) => create(cx, files, draft, name, uid, gid),
        (None, None) => {
            let shown = escaped(name.as_bytes());
            let names: Vec<String> = files.names(Database::Passwd).iter().map(|name| escaped(name)).collect();
            let help = match suggest(&shown, &names) {
                Some(close) => format!("did you mean '{close}'? To create an account write \"{shown}:1000:1000\""),
                None => format!("to create the account write its numbers: \"{shown}:1000:1000\""),
            };
            draft.refuse(format!("run user '{shown}' has no account in the image"), help);
        }
    }
}

/// The account exists: its numbers must be those that were asked for.
fn existing(
    files: &mut AccountFiles,
    draft: &mut Draft<'_>,
    name: &str,
    (uid, gid): (u32, u32),
    wanted: (Option<u32>, Option<u32>),
) {
    let asked = (wanted.0.unwrap_or(uid), wanted.1.unwrap_or(gid));
    if asked != (uid, gid) {
        let shown = escaped(name.as_bytes());
        draft.refuse(
            format!("run user '{shown}' is {}:{} in the policy but {uid}:{gid} in '/etc/passwd'", asked.0, asked.1),
            format!("write \"{shown}:{uid}:{gid}\", or change the account in an earlier Dockerfile step"),
        );
        return;
    }
    if !files.first_entries(Database::Group).any(|line| line.id(GID) == Some(gid)) {
        let help = "rename or remove that group in an earlier Dockerfile step".to_owned();
        create_group(files, draft, (name, gid), "primary group of the run user", |_| help);
    }
}

fn create(cx: &Context<'_>, files: &mut AccountFiles, draft: &mut Draft<'_>, name: &str, uid: u32, gid: Option<u32>) {
    let shown = escaped(name.as_bytes());
    if !is_valid_name(name) {
        draft.refuse(
            format!("cannot create the run user: '{shown}' is not an account name that useradd accepts"),
            "use a lower-case letter or _, then lower-case letters, digits, _ and -, at most 32 in all",
        );
        return;
    }
    if let Some((line, defect)) = unsound(files, Database::Passwd, name.as_bytes()) {
        draft.refuse(
            format!(
                "cannot create the run user: line {} of '/etc/passwd' names '{shown}' but is {defect}",
                line.number
            ),
            "fix or remove that line in an earlier Dockerfile step",
        );
        return;
    }
    let home = cx.policy.home.as_deref().unwrap_or(NO_HOME);
    if !home.starts_with('/') || home.contains(':') || home.chars().any(char::is_control) {
        draft.refuse(
            format!("cannot create the run user: home '{}' is not a usable path", escaped(home.as_bytes())),
            "write an absolute path without colons: home = \"/app\"",
        );
        return;
    }
    let stay = stay(cx, files);
    if !take_uid(files, draft, &stay, name, uid) {
        return;
    }
    let gid = gid.unwrap_or(uid);
    if !take_gid(files, draft, &stay, name, (uid, gid)) {
        return;
    }
    if files.is_frozen(Database::Passwd) {
        draft.refuse(
            format!("cannot create the run user '{shown}': '/etc/passwd' must not be changed"),
            "create the account in an earlier Dockerfile step, or remove the account files from keep.paths",
        );
        return;
    }
    let shell = nologin::path(cx.facts);
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let has_shadow = files.exists(Database::Shadow);
    let reason = "run.user has no account";
    // `x` without a shadow line allows no login either.
    let fields = [name.as_bytes(), b"x", uid.as_bytes(), gid.as_bytes(), b"", home.as_bytes(), &shell];
    files.append(ID, Database::Passwd, &fields, reason);
    if has_shadow {
        drop_stale(files, Database::Shadow, name);
        files.append(ID, Database::Shadow, &[name.as_bytes(), b"*", b"", b"", b"", b"", b"", b"", b""], reason);
    }
    let keeps_shell = super::matching(&cx.policy.keep.shells, name.as_bytes(), None);
    if let Some(entry) = keeps_shell {
        draft.warn_for(
            &entry.origin,
            format!("keep.shells entry '{shown}': the account is new and gets no login shell"),
            "create the account in an earlier Dockerfile step, with the shell it needs",
        );
    }
}

/// Whether the uid is free, or held by accounts that go.
fn take_uid(files: &mut AccountFiles, draft: &mut Draft<'_>, stay: &Stay, name: &str, uid: u32) -> bool {
    let holders: Vec<Vec<u8>> = files
        .first_entries(Database::Passwd)
        .filter(|line| line.id(UID) == Some(uid))
        .map(|line| line.name().to_vec())
        .collect();
    for holder in &holders {
        if let Some(reason) = stay.users.get(holder) {
            let (shown, holder) = (escaped(name.as_bytes()), escaped(holder));
            draft.refuse(
                format!(
                    "cannot create the run user '{shown}': uid {uid} belongs to '{holder}', which is kept ({reason})"
                ),
                format!("use another uid, or run as that account: \"{holder}\""),
            );
            return false;
        }
    }
    files.handed_over().users.extend(holders);
    true
}

/// Make sure that a group with this gid exists: one that stays, or a new one named as the account.
fn take_gid(files: &mut AccountFiles, draft: &mut Draft<'_>, stay: &Stay, name: &str, (uid, gid): (u32, u32)) -> bool {
    let holders: Vec<Vec<u8>> = files
        .first_entries(Database::Group)
        .filter(|line| line.id(GID) == Some(gid))
        .map(|line| line.name().to_vec())
        .collect();
    let own = holders.iter().any(|holder| holder == name.as_bytes());
    if own || holders.iter().any(|holder| stay.groups.contains_key(holder)) {
        let others =
            holders.into_iter().filter(|holder| own && holder != name.as_bytes() && !stay.groups.contains_key(holder));
        files.handed_over().groups.extend(others);
        return true;
    }
    files.handed_over().groups.extend(holders);
    let shown = escaped(name.as_bytes());
    create_group(files, draft, (name, gid), "run.user has no group", |other| {
        format!("write \"{shown}:{uid}:{other}\", or remove the group in an earlier Dockerfile step")
    })
}

/// Add a group; `help` says what to write when the name has another gid.
fn create_group(
    files: &mut AccountFiles,
    draft: &mut Draft<'_>,
    (name, gid): (&str, u32),
    reason: &str,
    help: impl FnOnce(u32) -> String,
) -> bool {
    let shown = escaped(name.as_bytes());
    if let Some(other) = files.entry(Database::Group, name.as_bytes()).and_then(|line| line.id(GID)) {
        draft.refuse(
            format!("cannot create group '{shown}' with gid {gid}: the image has one with gid {other}"),
            help(other),
        );
        return false;
    }
    if files.is_frozen(Database::Group) {
        draft.refuse(
            format!("cannot create group '{shown}': '/etc/group' must not be changed"),
            "create the group in an earlier Dockerfile step, or remove the account files from keep.paths",
        );
        return false;
    }
    files.append(ID, Database::Group, &[name.as_bytes(), b"x", gid.to_string().as_bytes(), b""], reason);
    if files.exists(Database::Gshadow) {
        drop_stale(files, Database::Gshadow, name);
        files.append(ID, Database::Gshadow, &[name.as_bytes(), b"!", b"", b""], reason);
    }
    true
}

/// A shadow line that was there before its account would give the account a password that was not meant for it.
fn drop_stale(files: &mut AccountFiles, shadow: Database, name: &str) {
    files.edit(ID, shadow, |line| {
        if line.name() == name.as_bytes() { Verdict::Go("had no account".to_owned()) } else { Verdict::Stay }
    });
}

/// Names that useradd(8) and groupadd(8) take: `[a-z_][a-z0-9_-]*$?`, at most 32 characters.
fn is_valid_name(name: &str) -> bool {
    let body = name.strip_suffix('$').unwrap_or(name);
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    name.len() <= MAX_NAME
        && body.starts_with(first)
        && body.chars().all(|c| first(c) || c.is_ascii_digit() || c == '-')
}

fn refuse_root(draft: &mut Draft<'_>, name: &str) {
    draft.refuse(
        format!("the run user '{}' is root: the program would run with all rights", escaped(name.as_bytes())),
        "name the user that the program runs as: user = \"app:1000:1000\"; \
         if the entrypoint starts as root and drops to that user, add start = \"root\"",
    );
}

fn refuse_no_id(draft: &mut Draft<'_>) {
    draft.refuse(
        "run user: 4294967295 is not an id: to the kernel it means \"leave unchanged\"",
        "use a smaller number",
    );
}
