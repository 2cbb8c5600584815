//! Checks of the account files, by the parser that the rules use.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{Cx, Findings, Severity};
use crate::diag::escape::{escaped, quoted};
use crate::facts::accounts::{Database, Defect, GID, Line, MEMBERS, PASSWORD, PRIMARY_GID, SHELL, UID, members};
use crate::policy::RunUser;
use crate::rules::accounts::{lock, nologin};
use crate::tree::Id;

/// Accounts that lists allow the gid 0: their shells only stop or sync the machine.
const GID_0: [&[u8]; 5] = [b"root", b"sync", b"shutdown", b"halt", b"operator"];

/// Programs that lists accept as a shell: they refuse every login.
const NO_LOGIN: [&[u8]; 5] = [b"/bin/sync", b"/sbin/shutdown", b"/sbin/halt", b"/usr/bin/sync", b"/usr/sbin/shutdown"];

/// First uid of people's accounts (login.defs(5), UID_MIN).
const ORDINARY: u32 = 1000;

pub(super) fn password_in_passwd(cx: &Cx<'_>, findings: &mut Findings) {
    for (id, line) in [Database::Passwd, Database::Group].into_iter().flat_map(|db| sound(cx, db)) {
        let field = line.field(PASSWORD);
        // An empty field is the next check's; a group's empty field means that it has no password.
        if !field.is_empty() && field != b"x" && !lock::is_locked(field) {
            found(
                cx,
                findings,
                id,
                line,
                line.name(),
                format!("the password of '{}' is stored in this file", name(line)),
            );
        }
    }
}

pub(super) fn empty_password(cx: &Cx<'_>, findings: &mut Findings) {
    for (id, line) in [Database::Passwd, Database::Shadow].into_iter().flat_map(|db| readable(cx, db)) {
        if line.fields().count() > 1 && line.field(PASSWORD).is_empty() {
            found(cx, findings, id, line, line.name(), format!("'{}' has an empty password", name(line)));
        }
    }
}

pub(super) fn usable_password(cx: &Cx<'_>, findings: &mut Findings) {
    for (id, line) in [Database::Shadow, Database::Gshadow].into_iter().flat_map(|db| readable(cx, db)) {
        let field = line.field(PASSWORD);
        if !field.is_empty() && line.fields().count() > 1 && !lock::is_locked(field) {
            let name = name(line);
            let marks = field.iter().take_while(|&&byte| byte == b'!' || byte == b'*').count();
            let rest = field.get(marks..).unwrap_or_default();
            // What is locked, or what no password has as its hash, allows no login today.
            let (text, open) = match (marks > 0, lock::is_hash(rest)) {
                (false, true) => (format!("'{name}' has a password that is not locked"), true),
                (true, _) => (
                    format!(
                        "'{name}' is locked, but its hash is still stored after the lock mark: usermod -U would unlock it"
                    ),
                    false,
                ),
                (false, false) => (
                    format!(
                        "'{name}' has {} in the password field, which is neither a hash nor a lock mark",
                        quoted(field)
                    ),
                    false,
                ),
            };
            let finding = found(cx, findings, id, line, line.name(), text);
            if !open {
                finding.at_most(Severity::Low);
            }
        }
    }
}

pub(super) fn weak_hash(cx: &Cx<'_>, findings: &mut Findings) {
    let databases = [Database::Passwd, Database::Shadow, Database::Gshadow];
    for (id, line) in databases.into_iter().flat_map(|db| readable(cx, db)) {
        let field = line.field(PASSWORD);
        let start = field.iter().position(|b| !matches!(b, b'!' | b'*')).unwrap_or(field.len());
        let hash = field.get(start..).unwrap_or_default();
        // crypt(5): $1$ is MD5, $3$ NT, $sha1$ SHA-1; DES and BSDi have no mark.
        let weak = [&b"$1$"[..], b"$3$", b"$md5", b"$sha1$"].iter().any(|mark| hash.starts_with(mark));
        if weak || (lock::is_hash(hash) && hash.first() != Some(&b'$')) {
            found(
                cx,
                findings,
                id,
                line,
                line.name(),
                format!("the password of '{}' is hashed with DES, MD5 or SHA-1", name(line)),
            );
        }
    }
}

pub(super) fn uid_0(cx: &Cx<'_>, findings: &mut Findings) {
    for (id, line) in sound(cx, Database::Passwd) {
        if line.id(UID) == Some(0) && line.name() != b"root" {
            found(cx, findings, id, line, line.name(), format!("'{}' has the uid 0", name(line)));
        }
        if line.id(UID) != Some(0) && line.name() == b"root" {
            found(cx, findings, id, line, b"root", "'root' has a uid other than 0".to_owned());
        }
    }
}

pub(super) fn gid_0(cx: &Cx<'_>, findings: &mut Findings) {
    let run = cx.policy.user.as_ref();
    let openshift = |line: &Line| {
        cx.policy.files.openshift
            && match run {
                Some(RunUser::Named { name, .. }) => name.as_bytes() == line.name(),
                Some(RunUser::Numeric { uid, .. }) => line.id(UID) == Some(*uid),
                None => false,
            }
    };
    for (id, line) in sound(cx, Database::Passwd) {
        if line.name() == b"root" && line.id(PRIMARY_GID) != Some(0) {
            found(cx, findings, id, line, b"root", "'root' has a gid other than 0".to_owned());
        } else if line.id(PRIMARY_GID) == Some(0) && !GID_0.contains(&line.name()) && !openshift(line) {
            found(cx, findings, id, line, line.name(), format!("'{}' has the gid 0", name(line)));
        }
    }
    for (id, line) in sound(cx, Database::Group) {
        if line.id(GID) == Some(0) && line.name() != b"root" {
            found(cx, findings, id, line, line.name(), format!("the group '{}' has the gid 0", name(line)));
        }
    }
}

pub(super) fn duplicate_names(cx: &Cx<'_>, findings: &mut Findings) {
    duplicates(cx, findings, true);
}

pub(super) fn duplicate_ids(cx: &Cx<'_>, findings: &mut Findings) {
    duplicates(cx, findings, false);
}

fn duplicates(cx: &Cx<'_>, findings: &mut Findings, names: bool) {
    for (database, what) in [(Database::Passwd, "account"), (Database::Group, "group")] {
        let mut first: BTreeMap<Vec<u8>, &Line> = BTreeMap::new();
        for (id, line) in sound(cx, database) {
            let key = if names { line.name() } else { line.field(UID) };
            let number = line.id(UID).map(|number| number.to_string().into_bytes());
            let key = if names { key.to_vec() } else { number.unwrap_or_else(|| key.to_vec()) };
            let Some(before) = first.get(&key) else {
                first.insert(key, line);
                continue;
            };
            // Two lines of one account are the other check's.
            if names || before.name() != line.name() {
                let text = if names {
                    format!("the {what} '{}' is a duplicate of line {}", name(line), before.number)
                } else {
                    format!("'{}' has the same number {} as '{}'", name(line), escaped(&key), name(before))
                };
                found(cx, findings, id, line, line.name(), text);
            }
        }
    }
}

pub(super) fn missing_group(cx: &Cx<'_>, findings: &mut Findings) {
    let groups: BTreeSet<u32> = sound(cx, Database::Group).filter_map(|(_, line)| line.id(GID)).collect();
    for (id, line) in sound(cx, Database::Passwd) {
        let Some(gid) = line.id(PRIMARY_GID).filter(|gid| !groups.contains(gid)) else { continue };
        found(cx, findings, id, line, line.name(), format!("no group has the gid {gid} of '{}'", name(line)));
    }
}

pub(super) fn shadow_group(cx: &Cx<'_>, findings: &mut Findings) {
    let mut gid = None;
    for (id, line) in sound(cx, Database::Group).filter(|(_, line)| line.name() == b"shadow") {
        gid = line.id(GID);
        for member in members(line.field(MEMBERS)) {
            found(cx, findings, id, line, member, format!("'{}' is a member of the group shadow", escaped(member)));
        }
    }
    for (id, line) in sound(cx, Database::Passwd).filter(|(_, line)| gid.is_some() && line.id(PRIMARY_GID) == gid) {
        found(cx, findings, id, line, line.name(), format!("shadow is the primary group of '{}'", name(line)));
    }
}

/// What pwck(8) -q and grpck(8) would say.
pub(super) fn inconsistent(cx: &Cx<'_>, findings: &mut Findings) {
    let names = |db| -> BTreeSet<&[u8]> { sound(cx, db).map(|(_, line)| line.name()).collect() };
    let accounts = names(Database::Passwd);
    for (main, shadow) in [(Database::Passwd, Database::Shadow), (Database::Group, Database::Gshadow)] {
        if !cx.facts.accounts.files.contains_key(&main) || !cx.facts.accounts.files.contains_key(&shadow) {
            continue;
        }
        let (has, has_shadow) = (names(main), names(shadow));
        for (id, line) in sound(cx, main) {
            if line.field(PASSWORD) == b"x" && !has_shadow.contains(line.name()) {
                let text = format!("'{}' has no line in /etc/{}", name(line), shadow.file_name());
                found(cx, findings, id, line, line.name(), text);
            }
        }
        for (id, line) in sound(cx, shadow).filter(|(_, line)| !has.contains(line.name())) {
            let text = format!("'{}' has no line in /etc/{}", name(line), main.file_name());
            found(cx, findings, id, line, line.name(), text);
        }
    }
    for (id, line) in [Database::Group, Database::Gshadow].into_iter().flat_map(|db| sound(cx, db)) {
        for member in members(line.field(MEMBERS)).filter(|member| !accounts.contains(member)) {
            let text = format!("the member '{}' of '{}' does not exist", escaped(member), name(line));
            let what = [line.name(), b":", member].concat();
            found(cx, findings, id, line, &what, text);
        }
    }
    for problem in &cx.facts.accounts.problems {
        if problem.cause == "cannot be read" {
            findings.note(format!("not examined: '{}' {}", escaped(&problem.path), problem.cause));
        } else {
            findings.path(problem.path.clone(), b"problem", problem.cause.clone()).no_rule();
        }
    }
}

pub(super) fn malformed(cx: &Cx<'_>, findings: &mut Findings) {
    defects(cx, findings, |defect| defect != Defect::Nis);
}

pub(super) fn legacy_plus(cx: &Cx<'_>, findings: &mut Findings) {
    defects(cx, findings, |defect| defect == Defect::Nis);
}

fn defects(cx: &Cx<'_>, findings: &mut Findings, wanted: fn(Defect) -> bool) {
    for database in Database::ALL {
        for (id, line) in lines(cx, database) {
            let Some(defect) = line.defect.filter(|&defect| wanted(defect)) else { continue };
            found(cx, findings, id, line, line.text(), defect.to_string());
        }
    }
}

pub(super) fn login_shell(cx: &Cx<'_>, findings: &mut Findings) {
    for (id, line) in sound(cx, Database::Passwd).filter(|(_, line)| line.name() != b"root") {
        if lets_in(cx, line) {
            let text = format!("'{}' has the shell '{}'", name(line), escaped(line.field(SHELL)));
            let finding = found(cx, findings, id, line, line.name(), text);
            // Lists ask about accounts of the system; a person's account is one of the application here.
            if line.id(UID).is_some_and(|uid| uid >= ORDINARY) {
                finding.at_most(Severity::Low);
            }
        }
    }
}

pub(super) fn root_shell(cx: &Cx<'_>, findings: &mut Findings) {
    for (id, line) in sound(cx, Database::Passwd).filter(|(_, line)| line.name() == b"root") {
        if lets_in(cx, line) {
            let text = format!("root has the shell '{}'", escaped(line.field(SHELL)));
            found(cx, findings, id, line, b"root", text);
        }
    }
}

/// Whether the account has a login shell, and the policy does not say that it may.
pub(super) fn lets_in(cx: &Cx<'_>, line: &Line) -> bool {
    let shell = line.field(SHELL);
    let closed = nologin::is_nologin(shell) || NO_LOGIN.contains(&shell);
    !closed && !cx.policy.keep.shells.iter().any(|entry| entry.value.as_bytes() == line.name())
}

/// Settings of login.defs(5): name, and whether a value is as lists ask.
type Setting = (&'static str, fn(&str) -> bool, &'static str);

const LOGIN_DEFS: &[Setting] = &[
    ("PASS_MAX_DAYS", |v| v.parse().is_ok_and(|days: u32| (1..=365).contains(&days)), "1 to 365"),
    ("PASS_MIN_DAYS", |v| v.parse().is_ok_and(|days: u32| days >= 1), "1 or more"),
    ("PASS_WARN_AGE", |v| v.parse().is_ok_and(|days: u32| days >= 7), "7 or more"),
    ("UMASK", |v| u32::from_str_radix(v, 8).is_ok_and(|mask| mask & 0o027 == 0o027), "027"),
    ("ENCRYPT_METHOD", |v| matches!(v, "SHA512" | "YESCRYPT" | "BCRYPT"), "SHA512 or YESCRYPT"),
];

pub(super) fn login_defs(cx: &Cx<'_>, findings: &mut Findings) {
    let Some((id, text)) = super::paths::text(cx, "/etc/login.defs") else { return };
    for (name, fits, wanted) in LOGIN_DEFS {
        let value = text.lines().enumerate().find_map(|(at, line)| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some(*name)).then(|| (at, words.next().unwrap_or_default()))
        });
        let (line, shown) = match value {
            Some((_, value)) if fits(value) => continue,
            Some((at, value)) => (u32::try_from(at + 1).ok(), escaped(value.as_bytes())),
            None => (None, "not set".to_owned()),
        };
        let severity = optional(cx);
        let finding = findings.at(cx.tree, id, name.as_bytes(), format!("{name} is {shown} instead of {wanted}"));
        finding.at_most(severity).line = line;
    }
}

/// Lists for servers count once the policy asks for what they ask.
fn optional(cx: &Cx<'_>) -> Severity {
    if cx.is_on("login.defaults") { Severity::Low } else { Severity::Info }
}

pub(super) fn login_umask(cx: &Cx<'_>, findings: &mut Findings) {
    // Without a shell program no profile is read.
    if !super::programs::has_shell(cx) {
        return;
    }
    let files: Vec<String> = ["/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc"]
        .iter()
        .flat_map(|pattern| crate::tree::glob::expand(cx.tree, pattern))
        .filter_map(|id| super::paths::content(cx, id))
        .collect();
    let sets = |word: &str, fits: fn(&str) -> bool| {
        files
            .iter()
            .flat_map(|text| text.lines())
            .any(|line| line.trim().strip_prefix(word).is_some_and(|rest| fits(rest.trim())))
    };
    let path = || b"/etc/profile".to_vec();
    let severity = optional(cx);
    if !sets("umask ", |value| u32::from_str_radix(value, 8).is_ok_and(|mask| mask & 0o027 == 0o027)) {
        findings.path(path(), b"umask", "no profile sets umask 027").at_most(severity);
    }
    let timeout = |value: &str| value.parse().is_ok_and(|seconds: u32| (1..=900).contains(&seconds));
    if !sets("TMOUT=", timeout) && !sets("readonly TMOUT=", timeout) {
        findings.path(path(), b"TMOUT", "no profile sets TMOUT to 900 seconds or less").at_most(severity);
    }
}

pub(super) fn login_limits(cx: &Cx<'_>, findings: &mut Findings) {
    if !super::programs::has_shell(cx) {
        return;
    }
    let severity = optional(cx);
    let securetty = cx.tree.lookup(b"/etc/securetty");
    if securetty.is_none_or(|id| cx.tree.meta(id).size > 0) {
        findings.path(b"/etc/securetty".to_vec(), b"", "is missing or not empty").at_most(severity);
    }
    let limits = ["/etc/security/limits.conf", "/etc/security/limits.d/*"];
    let off = limits.iter().flat_map(|pattern| crate::tree::glob::expand(cx.tree, pattern)).any(|id| {
        super::paths::content(cx, id)
            .is_some_and(|text| text.lines().any(|line| line.split_ascii_whitespace().eq(["*", "hard", "core", "0"])))
    });
    if !off {
        let path = b"/etc/security/limits.conf".to_vec();
        findings.path(path, b"core", "no line '* hard core 0'").at_most(severity);
    }
}

/// Every line of a file, with the file.
fn lines<'c>(cx: &'c Cx<'_>, database: Database) -> impl Iterator<Item = (Id, &'c Line)> {
    let file = cx.facts.accounts.files.get(&database);
    file.into_iter().flat_map(|file| file.lines.iter().map(|line| (file.node, line)))
}

/// Lines that are entries.
pub(super) fn sound<'c>(cx: &'c Cx<'_>, database: Database) -> impl Iterator<Item = (Id, &'c Line)> {
    lines(cx, database).filter(|(_, line)| line.defect.is_none())
}

/// Lines in which some C library finds an entry all the same.
fn readable<'c>(cx: &'c Cx<'_>, database: Database) -> impl Iterator<Item = (Id, &'c Line)> {
    let skipped = |line: &Line| matches!(line.defect, Some(Defect::Blank | Defect::Comment | Defect::Nis));
    lines(cx, database).filter(move |(_, line)| !skipped(line))
}

fn found<'f>(
    cx: &Cx<'_>,
    findings: &'f mut Findings,
    id: Id,
    line: &Line,
    what: &[u8],
    detail: String,
) -> &'f mut crate::audit::Finding {
    let finding = findings.at(cx.tree, id, what, detail);
    finding.line = u32::try_from(line.number).ok();
    finding
}

fn name(line: &Line) -> String {
    escaped(line.name())
}
