//! Accounts whose login shell is needed: su(1) and runuser(1) start it, and so does sshd(8). Some servers that start no
//! shell, such as those of FTP, accept only accounts whose shell is in /etc/shells: pam_shells(8), getusershell(3).
//!
//! accounts.shell replaces every login shell except those of keep.shells, and a broken image then prints only "account
//! is currently not available".

use std::collections::BTreeMap;

use super::accounts_in_use::with_password;
use super::{Guard, reach};
use crate::diag::{Help, Keep, List, escape};
use crate::draft::Draft;
use crate::facts::accounts::{Database, HOME, Line, SHELL};
use crate::facts::program::search;
use crate::policy::Start;
use crate::programs::{Login, Program, Syntax};
use crate::rules::accounts::nologin::is_nologin;
use crate::rules::context::Context;
use crate::scripts::Reader;
use crate::shell;
use crate::tree::{Id, Tree, glob};

/// Texts in programs that ask for valid shells.
const SHELLS: [&[u8]; 2] = [b"\0getusershell\0", b"\0/etc/shells\0"];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.login-shells",
    title: "an account would lose a login shell that the image starts",
    settled: "add the account to [keep] shells, and its shell to [keep] commands.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    kept_shells(cx, draft);
    let taken = taken(cx, draft);
    if taken.is_empty() {
        return;
    }
    let mut needed: BTreeMap<&[u8], String> = BTreeMap::new();
    let mut asked: BTreeMap<&[u8], String> = BTreeMap::new();
    let facts = cx.facts;
    let reader = cx.reader();
    for line in reader.lines() {
        for name in shell::logins(&line.words) {
            if let Some((name, _)) = taken.get_key_value(name.as_bytes()) {
                needed.entry(name).or_insert_with(|| "the image's command".to_owned());
            }
        }
    }
    for file in cx.reached().iter().filter(|file| !draft.is_removed(file.file)) {
        for (line, name) in &file.logins {
            if let Some((name, _)) = taken.get_key_value(name.as_bytes()) {
                needed.entry(name).or_insert_with(|| escape::quoted(reader.place(file.file, *line).as_bytes()));
            }
        }
    }
    for (server, program) in servers(cx) {
        let Some(login) = &program.login else { continue };
        let without = without_shell(&reader, program, login);
        if without == Without::Always {
            continue;
        }
        let server = escape::quoted(&facts.tree.path(server));
        for (name, line) in &taken {
            if key_file(&facts.tree, login, line).is_none() {
                continue;
            }
            if without == Without::Never {
                needed
                    .entry(name)
                    .or_insert_with(|| format!("{server}, which accepts the authorized_keys of the account,"));
            } else if !needed.contains_key(name.as_slice()) {
                let name = escape::escaped(name);
                draft.warn(
                    format!(
                        "{server} accepts the authorized_keys of '{name}', but without a login shell the account can only use sftp"
                    ),
                    Help::write(vec![keep(List::Shells, line.name())], " if it runs commands"),
                );
            }
        }
    }
    for &(server, service) in cx.closure.logins.iter().filter(|_| cx.policy.start == Start::Root) {
        if reach::reached(cx).contains(server) && asks_for_shells(cx, server, service) {
            let with_password = with_password(cx);
            for name in taken.keys().filter(|name| with_password.contains(name.as_slice())) {
                asked.entry(name).or_insert_with(|| escape::quoted(&facts.tree.path(server)));
            }
        }
    }
    asked.retain(|name, _| !needed.contains_key(name));
    let starts = needed.iter().map(|(name, by)| (name, by, "starts the login shell of"));
    let asks = asked
        .iter()
        .map(|(name, by)| (name, by, "accepts a password only of accounts with a login shell, so it would refuse"));
    for (name, by, what) in starts.chain(asks) {
        let Some(line) = taken.get(*name) else { continue };
        let (account, path) = (escape::escaped(name), escape::quoted(line.field(SHELL)));
        let shell = facts.tree.resolve(line.field(SHELL));
        let goes = shell.is_ok_and(|found| found.links.iter().chain([&found.node]).any(|&id| draft.is_removed(id)));
        let mut keeps = vec![keep(List::Shells, name)];
        keeps.extend(goes.then(|| keep(List::Commands, line.field(SHELL))));
        draft.refuse(
            format!("{by} {what} '{account}', {path}, which accounts.shell would replace with nologin"),
            Help::write(keeps, ""),
        );
    }
}

/// Whether a program that checks passwords asks whether the shell of the account is one for logins, itself or through PAM.
fn asks_for_shells(cx: &Context<'_>, program: Id, service: Id) -> bool {
    let reader = cx.reader();
    let mut asks = reader.text(service).lines().any(|line| !line.starts_with('#') && line.contains("pam_shells"));
    search(reader.tree, cx.contents, program, &mut |piece| {
        asks |= SHELLS.iter().any(|text| memchr::memmem::find(piece, text).is_some());
    });
    asks
}

fn keep(list: List, value: &[u8]) -> Keep {
    Keep::new(list, String::from_utf8_lossy(value))
}

/// Accounts that stay and lose a login shell.
fn taken<'a>(cx: &Context<'a>, draft: &Draft<'_>) -> BTreeMap<Vec<u8>, &'a Line> {
    let lost = |line: &&Line| {
        let after = draft.accounts.entry(Database::Passwd, line.name());
        !is_nologin(line.field(SHELL)) && after.is_some_and(|after| is_nologin(after.field(SHELL)))
    };
    cx.facts.accounts.passwd().filter(lost).map(|line| (line.name().to_vec(), line)).collect()
}

/// How logins do without a shell: sshd serves files by itself with internal-sftp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Without {
    Never,
    Possible,
    Always,
}

/// What the settings of a server say, which its program file knows.
fn without_shell(reader: &Reader<'_>, program: &Program, login: &Login) -> Without {
    let settings = program.configurations.iter().filter(|known| known.syntax == Syntax::Directives);
    let files = settings.flat_map(|known| known.usual("")).collect::<Vec<_>>();
    let files = files.iter().flat_map(|pattern| glob::expand_as_shell(reader.tree, pattern.as_bytes()));
    let texts = files.filter_map(|id| reader.tree.follow(id).ok()).map(|found| reader.text(found.node));
    let words = |line: &str| -> Vec<String> {
        let separates = |c: char| c.is_whitespace() || matches!(c, '=' | '"');
        let mut words = line.split(separates).filter(|word| !word.is_empty());
        let key = words.next().map(str::to_ascii_lowercase);
        key.into_iter().chain(words.map(str::to_owned)).collect()
    };
    let begins = |line: &[String], with: &[String]| with.iter().any(|with| line.starts_with(&words(with)));
    let of_line = |line: &str| match words(line) {
        line if begins(&line, &login.without_shell) => Without::Always,
        line if begins(&line, &login.may_do_without) => Without::Possible,
        _ => Without::Never,
    };
    texts.flat_map(|text| text.lines().map(of_line).collect::<Vec<_>>()).max().unwrap_or(Without::Never)
}

/// The file that lets an account log in: in its home, or at an absolute path in which `%u` stands for the name.
pub(super) fn key_file(tree: &Tree, login: &Login, line: &Line) -> Option<Id> {
    login.keys.iter().find_map(|file| {
        let path = match file.strip_prefix('/') {
            Some(_) => file.replace("%u", &String::from_utf8_lossy(line.name())).into_bytes(),
            None => [line.field(HOME), b"/", file.as_bytes()].concat(),
        };
        tree.resolve(&path).ok().map(|found| found.node)
    })
}

/// The kept programs that let accounts log in.
pub(super) fn servers<'a>(cx: &Context<'a>) -> Vec<(Id, &'a Program)> {
    let tree = &cx.facts.tree;
    let commands = cx.closure.reasons.keys().copied();
    let commands = commands.filter(|&id| cx.facts.commands.directories.contains(&tree.parent(id)));
    let known = commands.flat_map(|id| {
        let known = cx.policy.programs.of(tree.name(id), &tree.path(id));
        known.into_iter().map(move |(program, _)| (id, program))
    });
    known.filter(|(_, program)| program.login.is_some()).collect()
}

/// An account of keep.shells cannot log in if its shell is removed.
fn kept_shells(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let kept = |line: &Line| {
        let wanted = cx.policy.keep.shells.iter().find(|entry| entry.value.as_bytes() == line.name());
        wanted
            .filter(|_| !is_nologin(line.field(SHELL)))
            .map(|entry| (&entry.origin, line.name().to_vec(), line.field(SHELL).to_vec()))
    };
    let shells: Vec<_> = draft.accounts.entries(Database::Passwd).filter_map(kept).collect();
    for (origin, name, shell) in shells {
        // The shell may be reached by links: one of them that goes is enough.
        let Ok(found) = tree.resolve(&shell) else { continue };
        if found.links.iter().any(|&id| draft.is_removed(id)) || draft.is_removed(found.node) {
            draft.refuse_for(
                origin,
                format!(
                    "[keep] shells lets '{}' log in, but its shell {} would be removed",
                    escape::escaped(&name),
                    escape::quoted(&shell)
                ),
                Help::write(vec![keep(List::Commands, &shell)], ", or remove the account from shells"),
            );
        }
    }
}
