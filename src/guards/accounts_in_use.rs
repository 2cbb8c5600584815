//! Accounts that a kept program needs by name, about to be pruned.

use std::collections::{BTreeMap, BTreeSet};

use super::{Guard, login_shells, reach};
use crate::diag::{Help, Keep, List, escape};
use crate::draft::Draft;
use crate::facts::accounts::{Database, GID, Line, PASSWORD, UID, parse_id};
use crate::facts::packages::PackageIndex;
use crate::facts::packages::makers::Makers;
use crate::facts::program::Program;
use crate::policy::{Run, Start};
use crate::rules::accounts::lock::{is_hash, is_locked};
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::scripts::configurations::AccountUse;
use crate::tree::Id;

/// Last number of accounts that every image of a distribution has, most of them with a name that means something else
/// too: mail, list, users. Packages make accounts above it.
const FIXED: u32 = 100;

/// Accounts of persons begin here (login.defs(5), UID_MIN).
const PERSONS: u32 = 1000;

/// The account and the group for nobody, as Debian and others number them.
const NOBODY: u32 = 65534;

/// Words of <syslog.h> for the parts of a system, which every program that logs holds.
const FACILITIES: [&str; 12] =
    ["auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"];

/// Largest configuration that is read.
const LIMIT: u64 = 1024 * 1024;

/// Places named in one refusal.
const SHOWN: usize = 3;

/// What to know of an account that is kept.
const LOCKED: &str = ": a kept account stays locked";

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.accounts",
    title: "a pruned account or group is used by the configuration of a kept program, or logs in through one",
    settled: "add its name to [keep] users or groups; if the account is in keep.shells, add its shell to [keep] commands.",
    check,
};

/// What one program would lose, for one reason.
struct Lost {
    program: Id,
    refused: bool,
    /// What settles it: the account or the group, or several.
    keeps: Vec<Keep>,
    /// The whole message, if the program would lose nothing else.
    text: String,
    /// What the program does with it, or where.
    how: String,
    /// What else to do than to keep it.
    then: String,
}

/// Apply the guard. All that one program would lose is one message, with one line that settles it.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let mut all: Vec<Lost> = Vec::new();
    find(cx, draft, &mut all);
    // In the order in which the first message about each was found.
    let mut of_program: BTreeMap<(Id, bool), Vec<Lost>> = BTreeMap::new();
    let mut order = Vec::new();
    for lost in all {
        let key = (lost.program, lost.refused);
        let of = of_program.entry(key).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        of.push(lost);
    }
    for (program, refused) in order {
        let of = of_program.remove(&(program, refused)).unwrap_or_default();
        let mut keeps: Vec<Keep> = of.iter().flat_map(|one| one.keeps.clone()).collect();
        keeps.sort_unstable();
        keeps.dedup();
        let then = of.first().map_or("", |one| &one.then);
        let then = if of.iter().all(|one| one.then == then) { then } else { "" };
        let text = match &of[..] {
            [one] => one.text.clone(),
            _ => {
                let path = escape::quoted(&cx.facts.tree.path(program));
                let list: Vec<String> = of.iter().map(Lost::shown).collect();
                format!("the kept {path} uses what would be pruned: {}", list.join(", "))
            }
        };
        let (origin, help) = (cx.closure.origin(program), Help::write(keeps, then));
        if refused {
            draft.refuse_for(origin, text, help);
        } else {
            draft.warn_for(origin, text, help);
        }
    }
}

impl Lost {
    /// `the account 'mail' (/etc/x.conf:3)`.
    fn shown(&self) -> String {
        let Some(first) = self.keeps.first() else { return String::new() };
        let what = if first.list == List::Groups { "group" } else { "account" };
        format!("the {what} '{}'{} ({})", escape::escaped(first.value.as_bytes()), more(self.keeps.len() - 1), self.how)
    }
}

/// ` and 2 more`.
fn more(count: usize) -> String {
    if count > 0 { format!(" and {count} more") } else { String::new() }
}

fn find(cx: &Context<'_>, draft: &Draft<'_>, all: &mut Vec<Lost>) {
    let ids = Ids::of(cx.policy, draft);
    let mut named: BTreeMap<(bool, &str), Vec<&AccountUse>> = BTreeMap::new();
    for found in cx.account_uses {
        let goes = if found.group { ids.prunes_group(&found.name) } else { ids.prunes_account(&found.name) };
        if goes && !found.looked_up {
            named.entry((found.group, &found.name)).or_default().push(found);
        }
    }
    for (&(group, name), uses) in &named {
        all.extend(named_by(cx, group, name, uses));
    }
    by_keys(cx, &ids, all);
    by_names_of_others(cx, draft, &ids, all);
    let makers = Makers::read(&cx.facts.tree, cx.contents, &cx.facts.packages);
    by_texts(cx, draft, &ids, &makers, all);
    by_words(cx, draft, &ids, all);
    by_configuration(cx, draft, &ids, &makers, all);
    by_script(cx, draft, &ids, &makers, all);
}

fn named_by(cx: &Context<'_>, group: bool, name: &str, uses: &[&AccountUse]) -> Option<Lost> {
    let first = uses.first()?;
    let (what, list) = if group { ("group", List::Groups) } else { ("account", List::Users) };
    // One file may configure several programs.
    let mut seen = BTreeSet::new();
    let mut places: Vec<&str> = uses.iter().map(|found| found.place.as_str()).filter(|at| seen.insert(*at)).collect();
    let more = more(places.len().saturating_sub(SHOWN));
    places.truncate(SHOWN);
    let how = format!("{}{more}", places.join(", "));
    Some(Lost {
        program: first.program,
        refused: true,
        keeps: vec![Keep::new(list, name)],
        text: format!(
            "the {what} '{}' would be pruned, but the kept {} is configured to use it ({how})",
            escape::escaped(name.as_bytes()),
            escape::quoted(&cx.facts.tree.path(first.program)),
        ),
        how,
        then: format!(", or configure a kept {what}"),
    })
}

/// Accounts that log in with a key: a server that lets them in knows no other list of them. Only root becomes another account.
fn by_keys(cx: &Context<'_>, ids: &Ids, all: &mut Vec<Lost>) {
    let tree = &cx.facts.tree;
    if cx.policy.start != Start::Root {
        return;
    }
    let mut reached = None;
    for (server, program) in login_shells::servers(cx) {
        let Some(login) = &program.login else { continue };
        for line in cx.facts.accounts.passwd() {
            let pruned = std::str::from_utf8(line.name()).is_ok_and(|name| ids.prunes_account(name));
            let Some(key) = login_shells::key_file(tree, login, line).filter(|_| pruned) else { continue };
            let name = escape::escaped(line.name());
            let text = format!(
                "the account '{name}' would be pruned, but the kept {} lets it log in ({})",
                escape::quoted(&tree.path(server)),
                escape::escaped(&tree.path(key))
            );
            let node = tree.follow(server).map_or(server, |found| found.node);
            all.push(Lost {
                program: server,
                refused: cx.policy.strict || reached.get_or_insert_with(|| reach::reached(cx)).contains(node),
                keeps: vec![Keep::new(List::Users, String::from_utf8_lossy(line.name()))],
                text,
                how: format!("logs in with {}", escape::escaped(&tree.path(key))),
                then: format!(", or remove {} in an earlier Dockerfile step", escape::quoted(&tree.path(key))),
            });
        }
    }
}

/// The names of accounts that log in with a password.
pub(super) fn with_password<'a>(cx: &Context<'a>) -> BTreeSet<&'a [u8]> {
    let files = &cx.facts.accounts.files;
    let secrets = [Database::Shadow, Database::Passwd].into_iter().filter_map(|database| files.get(&database));
    secrets
        .flat_map(|file| &file.lines)
        .filter(|line| line.defect.is_none() && is_hash(line.field(PASSWORD)) && !is_locked(line.field(PASSWORD)))
        .map(Line::name)
        .collect()
}

/// Accounts whose names no file of the image holds, since others send them: those of a login with a password, which PAM
/// checks, and of a mail. Only root becomes another account.
fn by_names_of_others(cx: &Context<'_>, draft: &Draft<'_>, ids: &Ids, all: &mut Vec<Lost>) {
    let tree = &cx.facts.tree;
    if cx.policy.start != Start::Root {
        return;
    }
    let prunes = |line: &&Line| std::str::from_utf8(line.name()).is_ok_and(|name| ids.prunes_account(name));
    let pruned: Vec<&Line> = cx.facts.accounts.passwd().filter(prunes).collect();
    let with_password = with_password(cx);
    let of_person = |line: &&&Line| line.id(UID).is_some_and(|id| (PERSONS..NOBODY).contains(&id));
    let named = |lines: Vec<&&Line>| lines.into_iter().map(|line| line.name().to_vec()).collect::<Vec<_>>();
    let logins: Vec<&&Line> = pruned.iter().filter(|line| with_password.contains(line.name())).collect();
    let mut found: Vec<(Id, Vec<Vec<u8>>, String)> = Vec::new();
    for &(program, service) in &cx.closure.logins {
        let why = format!("checks passwords through PAM ({})", escape::quoted(&tree.path(service)));
        found.push((program, named(logins.clone()), why));
    }
    for &program in cx.closure.reasons.keys() {
        let known = cx.policy.programs.of(tree.name(program), &tree.path(program));
        if tree.is_file(program) && known.iter().any(|(known, _)| known.delivers) {
            let why = "delivers mail to the accounts of the image".to_owned();
            found.push((program, named(pruned.iter().filter(of_person).collect()), why));
        }
    }
    let mut told: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut reached = None;
    for (program, mut names, why) in found {
        names.retain(|name| !told.contains(name));
        let Some(first) = names.first().filter(|_| !draft.is_removed(program)) else { continue };
        let text = format!(
            "the account '{}'{} would be pruned, but the kept {} {why}",
            escape::escaped(first),
            more(names.len() - 1),
            escape::quoted(&tree.path(program)),
        );
        all.push(Lost {
            program,
            refused: cx.policy.strict || reached.get_or_insert_with(|| reach::reached(cx)).contains(program),
            keeps: names.iter().map(|name| Keep::new(List::Users, String::from_utf8_lossy(name))).collect(),
            text,
            how: why,
            then: ", or remove the account in an earlier Dockerfile step".to_owned(),
        });
        told.extend(names);
    }
}

/// Accounts whose names stand in kept programs that look names up: refused where the program runs as root when the image
/// starts, can become another account, and the account is its own. Of a package that made it for something else the name is
/// a word, as `cron` and `ftp` are of syslog; the one for nobody is what a server drops to, and no tool does.
fn by_texts(cx: &Context<'_>, draft: &Draft<'_>, ids: &Ids, makers: &Makers, all: &mut Vec<Lost>) {
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
            let (what, list) = if *group { ("group", List::Groups) } else { ("account", List::Users) };
            let shown = escape::escaped(name.as_bytes());
            let text = format!(
                "the kept program {} looks up account or group names and contains '{shown}', but this {what} would be pruned",
                escape::quoted(&tree.path(evidence.file))
            );
            let mut runs = || reached.get_or_insert_with(|| reach::reached(cx)).contains(evidence.file);
            let likely = cx.policy.start == Start::Root && evidence.becomes;
            let own = || {
                let made = makers.of(name);
                match is_nobody(cx, *group, name) {
                    true => evidence.serves,
                    false => {
                        is_own(cx, evidence.file, &made) && !(made.is_empty() && FACILITIES.contains(&name.as_str()))
                    }
                }
            };
            all.push(Lost {
                program: evidence.file,
                refused: cx.policy.strict || (likely && runs() && own()),
                keeps: vec![Keep::new(list, name.as_str())],
                text,
                how: "a text in it".to_owned(),
                then: LOCKED.to_owned(),
            });
        }
    }
}

/// Accounts that an option on the image's command line names, as in `-u www-data`: refused where the program looks names up
/// and can become another account, and no program file says what its options are.
fn by_words(cx: &Context<'_>, draft: &Draft<'_>, ids: &Ids, all: &mut Vec<Lost>) {
    let tree = &cx.facts.tree;
    let Run::Commands(lines) = &cx.policy.run else { return };
    if cx.policy.start != Start::Root {
        return;
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (line, at) in lines.iter().flat_map(|line| (0..line.words.len()).map(move |at| (line, at))) {
        let words = line.words.get(at..).unwrap_or_default();
        let program = words.first().and_then(|word| cx.facts.commands.find_in_path(tree, program_name(word)));
        let program = program.and_then(|entry| Some(tree.follow(entry).ok()?.node)).filter(|&id| !is_known(cx, id));
        let becomes = cx.closure.evidence.iter().find(|evidence| {
            program == Some(evidence.file) && evidence.looks_up && evidence.becomes && !draft.is_removed(evidence.file)
        });
        let Some(evidence) = becomes else { continue };
        for (before, word) in words.iter().zip(words.iter().skip(1)).take_while(|(_, word)| *word != "--") {
            let value = match word.split_once('=') {
                Some((option, value)) if option.starts_with('-') => value,
                _ if before.starts_with('-') => word,
                _ => continue,
            };
            let name = value.split([':', '.']).next().unwrap_or_default();
            if !ids.prunes_account(name) || !told.insert(name) {
                continue;
            }
            all.push(Lost {
                program: evidence.file,
                refused: true,
                keeps: vec![Keep::new(List::Users, name)],
                text: format!(
                    "{} looks account names up and gets '{}' as the value of an option, and this account would be pruned",
                    escape::quoted(&tree.path(evidence.file)),
                    escape::escaped(name.as_bytes())
                ),
                how: "the value of an option".to_owned(),
                then: LOCKED.to_owned(),
            });
        }
    }
}

fn program_name(word: &str) -> &[u8] {
    word.rsplit('/').next().unwrap_or_default().as_bytes()
}

/// Accounts that the package of the image's program made for itself, and that its configuration names: refused where the
/// program runs as root when the image starts, looks names up and can become another account. Which key it is, is known of
/// programs with a file only.
fn by_configuration(cx: &Context<'_>, draft: &Draft<'_>, ids: &Ids, makers: &Makers, all: &mut Vec<Lost>) {
    let (tree, packages) = (&cx.facts.tree, &cx.facts.packages);
    if cx.policy.start != Start::Root {
        return;
    }
    let mut reached = None;
    let mut told: BTreeSet<(bool, &str)> = BTreeSet::new();
    let databases = [(false, Database::Passwd), (true, Database::Group)];
    let lines: Vec<(bool, &Line)> = databases
        .iter()
        .filter_map(|(group, database)| Some((*group, cx.facts.accounts.files.get(database)?)))
        .flat_map(|(group, file)| file.lines.iter().map(move |line| (group, line)))
        .collect();
    for evidence in cx.closure.evidence.iter().filter(|evidence| evidence.looks_up && evidence.becomes) {
        let file = evidence.file;
        if draft.is_removed(file)
            || is_known(cx, file)
            || !reached.get_or_insert_with(|| reach::reached(cx)).contains(file)
        {
            continue;
        }
        for &(group, line) in &lines {
            let Some(name) = std::str::from_utf8(line.name()).ok().filter(|name| is_dynamic(cx, group, name)) else {
                continue;
            };
            let by_text = evidence.accounts.iter().any(|(of, known)| *of == group && known == name);
            let owners: BTreeSet<PackageIndex> = packages.owners(file).collect();
            // A group of an account's own name goes and stays with it.
            let goes =
                if group { ids.prunes_group(name) && !ids.prunes_account(name) } else { ids.prunes_account(name) };
            if by_text || is_nobody(cx, group, name) || !goes || makers.of(name).is_disjoint(&owners) {
                continue;
            }
            let settings = owners.iter().flat_map(|&own| packages.files(own)).filter(|&id| {
                tree.is_file(id)
                    && !draft.is_removed(id)
                    && tree.path(id).starts_with(b"/etc/")
                    && !is_job(&tree.path(id))
            });
            let place = settings.into_iter().find_map(|id| Some((id, named_at(cx, id, name)?)));
            let Some((id, at)) = place.filter(|_| told.insert((group, name))) else { continue };
            let (what, list) = if group { ("group", List::Groups) } else { ("account", List::Users) };
            let how = format!("{}:{at}", escape::escaped(&tree.path(id)));
            all.push(Lost {
                program: file,
                refused: true,
                keeps: vec![Keep::new(list, name)],
                text: format!(
                    "{} is kept and looks names up, and its package made the {what} '{}', which would be pruned and \
                     which {how} names",
                    escape::quoted(&tree.path(file)),
                    escape::escaped(name.as_bytes()),
                ),
                how,
                then: LOCKED.to_owned(),
            });
        }
    }
}

/// Accounts that the package of a script made, where the script starts as root with the image: which function of its modules
/// looks the account up no text tells, as that of prosody(8) in Lua.
fn by_script(cx: &Context<'_>, draft: &Draft<'_>, ids: &Ids, makers: &Makers, all: &mut Vec<Lost>) {
    let (tree, commands) = (&cx.facts.tree, &cx.facts.commands);
    if cx.policy.start != Start::Root {
        return;
    }
    let reached = reach::reached(cx);
    let is_script = |&id: &Id| {
        reached.contains(id)
            && commands.is_in_directory(tree, id)
            && !draft.is_removed(id)
            && matches!(commands.program(tree, cx.contents, id), Ok(Program::Script(_)))
    };
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let scripts: Vec<Id> = cx.closure.reasons.keys().copied().filter(is_script).collect();
    for file in scripts.into_iter().filter(|&file| !is_known(cx, file)) {
        let owners: BTreeSet<PackageIndex> = cx.facts.packages.owners(file).collect();
        for line in cx.facts.accounts.passwd() {
            let Ok(name) = std::str::from_utf8(line.name()) else { continue };
            let goes = is_dynamic(cx, false, name) && !is_nobody(cx, false, name) && ids.prunes_account(name);
            if !goes || makers.of(name).is_disjoint(&owners) || !told.insert(name) {
                continue;
            }
            all.push(Lost {
                program: file,
                refused: true,
                keeps: vec![Keep::new(List::Users, name)],
                text: format!(
                    "the script {} starts as root, and its package made the account '{}', which would be pruned",
                    escape::quoted(&tree.path(file)),
                    escape::escaped(name.as_bytes())
                ),
                how: "made by its package".to_owned(),
                then: LOCKED.to_owned(),
            });
        }
    }
}

/// What other programs read: jobs, rotation of logs, inits.
fn is_job(path: &[u8]) -> bool {
    const OTHERS: [&[u8]; 9] =
        [b"cron", b"logrotate.d", b"init.d", b"rc", b"systemd", b"default/", b"apparmor.d", b"tmpfiles.d", b"logcheck"];
    let own = path.get(b"/etc/".len()..).unwrap_or_default();
    OTHERS.iter().any(|other| own.starts_with(other))
}

/// The first line of a configuration that holds a name as a word of its own, outside of comments.
fn named_at(cx: &Context<'_>, id: Id, name: &str) -> Option<u32> {
    let text = cx.contents.read(&cx.facts.tree, id, LIMIT).ok()?;
    let text = String::from_utf8_lossy(&text);
    let holds = |line: &str| {
        let line = line.trim();
        !line.starts_with(['#', ';', '/', '*'])
            && line.split(|c: char| c.is_whitespace() || "=:;,\"'".contains(c)).any(|word| word == name)
    };
    (1_u32..).zip(text.lines()).find(|(_, line)| holds(line)).map(|(number, _)| number)
}

/// Whether the package of a file, or one that it depends on, is among those that made the account; or the root does not say.
fn is_own(cx: &Context<'_>, file: Id, makers: &BTreeSet<PackageIndex>) -> bool {
    let packages = &cx.facts.packages;
    let source = |index: PackageIndex| packages.get(index).map(|package| &package.source);
    makers.is_empty()
        || packages.owners(file).any(|own| {
            makers.contains(&own)
                || packages.requirements(own).any(|needed| makers.contains(&needed))
                || makers.iter().any(|&maker| source(maker) == source(own))
        })
}

/// Whether it is the account or the group for nobody.
fn is_nobody(cx: &Context<'_>, group: bool, name: &str) -> bool {
    let (database, field) = if group { (Database::Group, GID) } else { (Database::Passwd, UID) };
    let file = cx.facts.accounts.files.get(&database);
    let mut lines = file.into_iter().flat_map(|file| &file.lines).filter(|line| line.name() == name.as_bytes());
    lines.any(|line| parse_id(line.field(field)) == Some(NOBODY))
}

/// Whether a program file says which accounts the program uses, or which another program of its package does: it knows
/// more than a text.
fn is_known(cx: &Context<'_>, file: Id) -> bool {
    let packages = &cx.facts.packages;
    let others = packages.owners(file).flat_map(|own| packages.files(own));
    let others = others.filter(|&id| cx.facts.commands.is_in_directory(&cx.facts.tree, id));
    std::iter::once(file).chain(others).any(|id| says_accounts(cx, id))
}

fn says_accounts(cx: &Context<'_>, file: Id) -> bool {
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
