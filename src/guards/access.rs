//! Files that the run user needs and cannot read, run, or reach through the directories above: the image starts as root
//! and fails as this user.
//!
//! The guard judges owners and modes as they will be after this run. The user needs the words of the image's commands,
//! the files that scripts reached by them run and read, and every program, interpreter, script and library of the
//! closure; a file that stays only for a kept path is data whose reader is unknown. An access list is not read: image
//! layers do not carry any. Where a file or directory in the way has one, this warns and does not refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::Guard;
use crate::closure::{Seed, Why};
use crate::diag::escape::{basic_string, quoted};
use crate::draft::Draft;
use crate::facts::program::{Place, Program};
use crate::policy::{CommandLine, Run, RunUser, Start};
use crate::rules::context::Context;
use crate::rules::ids::{Ids, RunIds};
use crate::rules::remove::root_home;
use crate::scripts::How;
use crate::shell;
use crate::tree::{Id, Resolved};

/// Needs named in one message.
const SHOWN: usize = 4;

/// Permission bits of one class.
const READ: u32 = 0o4;
const EXECUTE: u32 = 0o1;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.access",
    title: "the run user could not read, execute or reach a file that the image needs",
    settled: "set the owner or the mode where the file is copied (COPY --chown, --chmod), or name the file itself in [keep] paths if the run user does not need it.",
    check,
};

/// What has to be possible with one entry.
#[derive(Debug, Clone, Default)]
struct Need {
    bits: u32,
    /// Why, as a clause.
    why: String,
    /// The image's command needs it: that it cannot be had is never meant.
    command: bool,
}

/// Whom the files are judged for.
struct Who {
    name: String,
    ids: RunIds,
}

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let ids = Ids::of(cx.policy, draft);
    let Some(run) = ids.run().filter(|run| run.uid != 0) else { return };
    let needs = Needs::of(cx);
    let user = Who { name: format!("the run user (uid {})", run.uid), ids: run.clone() };
    let told = judge(cx, draft, &needs, &user, &BTreeSet::new());
    // A random uid is in group 0 and owns nothing.
    if cx.policy.files.openshift {
        let ids = RunIds { uid: u32::MAX, gid: 0, groups: BTreeSet::from([0]) };
        let random = Who { name: "a random uid in group 0 ([files] openshift)".to_owned(), ids };
        judge(cx, draft, &needs, &random, &told);
    }
}

/// What is needed, by entry.
struct Needs<'a> {
    cx: &'a Context<'a>,
    of: BTreeMap<Id, Need>,
}

impl<'a> Needs<'a> {
    fn of(cx: &'a Context<'a>) -> Self {
        let mut needs = Self { cx, of: BTreeMap::new() };
        let lines: &[CommandLine] = if let Run::Commands(lines) = &cx.policy.run { lines } else { &[] };
        if cx.policy.start == Start::Root {
            needs.dropped(lines);
        } else {
            for line in lines {
                needs.words(line, &line.argv);
            }
            needs.scripts();
            needs.closure(|_, why| !matches!(why, Why::Named(Seed::Path, ..)));
        }
        needs
    }

    fn add(&mut self, id: Id, bits: u32, why: &str, command: bool) {
        let need = self.of.entry(id).or_insert_with(|| Need { why: why.to_owned(), ..Need::default() });
        if command && !need.command {
            why.clone_into(&mut need.why);
        }
        need.bits |= bits;
        need.command |= command;
    }

    /// A path with every link on the way.
    fn add_resolved(&mut self, found: &Resolved, bits: u32, why: &str, command: bool) {
        for &link in &found.links {
            self.add(link, 0, why, command);
        }
        self.add(found.node, bits, why, command);
    }

    /// What starts a file, or reads it as code or as a library.
    fn bits(&self, id: Id, runs: bool) -> u32 {
        let tree = &self.cx.facts.tree;
        let bits = match self.cx.facts.commands.program(tree, self.cx.contents, id) {
            Ok(Program::Elf(elf)) if runs || Program::Elf(elf.clone()).is_program(tree, id, Place::AnyMode) => EXECUTE,
            Ok(Program::Elf(_) | Program::Unreadable(_)) => READ,
            Ok(Program::Script(_) | Program::None) if runs => READ | EXECUTE,
            _ => READ,
        };
        // What has no x bit at all could not run before either.
        if tree.permissions(id) & 0o111 == 0 { bits & READ } else { bits }
    }

    /// The words of one of the image's commands: programs, and the files that others name.
    fn words(&mut self, line: &CommandLine, words: &[String]) {
        let tree = &self.cx.facts.tree;
        let code =
            line.shell_form.then(|| shell::commands(words.last().map_or("", String::as_str)).unwrap_or_default());
        let words: Vec<String> = match code {
            Some(commands) => {
                let fixed = commands.iter().filter(|command| !is_question(command.words.first()));
                fixed
                    .flat_map(|command| &command.words)
                    .filter(|word| !word.expands)
                    .map(|word| word.text.clone())
                    .collect()
            }
            None => words.to_vec(),
        };
        let base = self.working_directory();
        let mut before: Vec<&str> = Vec::new();
        for word in &words {
            let why = format!("word {} of the command in {}", quoted(word.as_bytes()), line.origin);
            let value = word.split_once('=').map(|(_, value)| value).filter(|value| value.starts_with('/'));
            let path = value.unwrap_or(word);
            let named = if path.contains('/') || !before.is_empty() {
                tree.resolve_from(base, path.as_bytes(), true).ok()
            } else {
                None
            };
            let command = || self.cx.facts.commands.find_in_path(tree, path.as_bytes());
            match named {
                Some(found) if tree.is_file(found.node) => {
                    // An interpreter reads its script and does not run it.
                    let read = value.is_some() || self.interprets(&before, found.node);
                    let runs = !read && tree.permissions(found.node) & 0o111 != 0 && path.contains('/');
                    let bits = if runs { self.bits(found.node, runs) } else { READ };
                    self.add_resolved(&found, bits, &why, true);
                }
                Some(found) if tree.is_dir(found.node) && path.contains('/') && !line.shell_form => {
                    self.add_resolved(&found, EXECUTE, &why, true);
                }
                _ => {
                    if let Some(found) = command().and_then(|entry| tree.follow(entry).ok().map(|to| (entry, to))) {
                        let bits = self.bits(found.1.node, true);
                        self.add(found.0, 0, &why, true);
                        self.add_resolved(&found.1, bits, &why, true);
                    }
                }
            }
            before.push(word);
        }
    }

    /// Whether one of the words before is the interpreter of a file, which is then read.
    fn interprets(&self, before: &[&str], id: Id) -> bool {
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let own = match self.cx.facts.commands.program(&self.cx.facts.tree, self.cx.contents, id) {
            Ok(Program::Script(shebang)) => {
                let name = shebang.env_name.unwrap_or(shebang.interpreter);
                base(&String::from_utf8_lossy(&name))
            }
            Ok(Program::None) => return true,
            _ => return false,
        };
        let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
        before.iter().map(|word| base(word)).any(|word| stem(&word) == stem(&own) || word.ends_with("sh"))
    }

    /// What scripts and configurations run and read that the image's command reaches.
    fn scripts(&mut self) {
        let cx = self.cx;
        let reader = cx.reader();
        for file in cx.reached() {
            for name in file.names.iter().filter(|name| !name.optional) {
                let why = format!("named at {}", reader.place(file.file, name.line));
                let Ok(found) = cx.facts.tree.follow(name.entry) else { continue };
                let bits = self.bits(found.node, name.how != How::Reads);
                self.add(name.entry, 0, &why, false);
                self.add_resolved(&found, bits, &why, false);
            }
        }
    }

    /// What the closure holds because of some of its seeds, which are told by entry and reason.
    fn closure(&mut self, seed: impl Fn(Id, &Why) -> bool) {
        let (tree, closure) = (&self.cx.facts.tree, self.cx.closure);
        let commanded =
            closure.follow(|id, why| seed(id, why) && matches!(why, Why::Named(Seed::Word | Seed::Command, ..)));
        for (id, reason) in closure.follow(&seed) {
            if !tree.is_file(id) || closure.only_for_pam(id) {
                self.add(id, 0, &reason.clause(tree), commanded.contains_key(&id));
                continue;
            }
            // The words of a command were looked at one by one.
            let word = matches!(reason.why, Why::Named(Seed::Word, ..));
            let bits = if word { 0 } else { self.bits(id, !matches!(reason.why, Why::Read(_)) && self.is_run(id)) };
            self.add(id, bits, &reason.clause(tree), commanded.contains_key(&id));
        }
    }

    /// Whether an entry of the closure is one that the kernel starts: the loader is a library and is started, too.
    fn is_run(&self, id: Id) -> bool {
        let (tree, facts) = (&self.cx.facts.tree, self.cx.facts);
        let interpreter = self.cx.closure.reasons.get(&id).is_some_and(|reason| reason.why == Why::Interpreter);
        let program = facts.commands.program(tree, self.cx.contents, id);
        interpreter || program.is_ok_and(|program| matches!(program, Program::Script(_)))
    }

    /// With `start = "root"` the user needs what stands behind the program that drops to him.
    fn dropped(&mut self, lines: &[CommandLine]) {
        let cx = self.cx;
        let names = user_names(cx.policy.user.as_ref());
        let mut seeds = BTreeSet::new();
        let reader = cx.reader();
        let mut tails: Vec<(CommandLine, Vec<String>)> = Vec::new();
        for line in lines.iter().filter(|line| !line.shell_form) {
            tails.extend(tail(cx, &line.argv, &names).map(|words| (line.clone(), words.to_vec())));
        }
        for file in cx.reached().iter().filter(|file| cx.facts.tree.is_file(file.file)) {
            let commands =
                if reader.language(file.file).is_some() { shell::commands(&reader.text(file.file)) } else { continue };
            for command in commands.unwrap_or_default() {
                let words: Vec<String> = command.words.iter().map(|word| word.text.clone()).collect();
                let Some(rest) = tail(cx, &words, &names) else { continue };
                // What the script was given: the words behind its own.
                let given = rest.iter().any(|word| word == "$@" || word == "${@}");
                for line in lines.iter().filter(|line| !line.shell_form) {
                    let behind = if given { line.argv.get(1..).unwrap_or_default() } else { &[] };
                    let fixed = rest.iter().filter(|word| word.starts_with('/') && !word.contains('$'));
                    tails.push((line.clone(), fixed.chain(behind).cloned().collect()));
                }
            }
        }
        for (line, words) in tails {
            let before: BTreeSet<Id> = self.of.keys().copied().collect();
            self.words(&line, &words);
            seeds.extend(self.of.keys().copied().filter(|id| !before.contains(id)));
        }
        if !seeds.is_empty() {
            self.closure(|id, _| seeds.contains(&id));
        }
    }

    fn working_directory(&self) -> Id {
        let tree = &self.cx.facts.tree;
        let path = self.cx.policy.workdir.as_deref().unwrap_or("/");
        tree.resolve(path.as_bytes()).map(|found| found.node).ok().filter(|&id| tree.is_dir(id)).unwrap_or(Id::ROOT)
    }
}

/// Whether a command only asks what is there.
fn is_question(word: Option<&shell::Word>) -> bool {
    word.is_some_and(|word| matches!(word.text.as_str(), "[" | "[[" | "test"))
}

/// The words behind a program that drops to one of the names, as the program files say.
fn tail<'w>(cx: &Context<'_>, words: &'w [String], names: &[String]) -> Option<&'w [String]> {
    let drops = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or_default();
        cx.policy.programs.of(name.as_bytes(), word.as_bytes()).iter().any(|(program, _)| program.drops)
    };
    let at = words.iter().position(drops)?;
    let rest = words.get(at + 1..)?;
    let named = |word: &String| {
        let value = word.rsplit('=').next().unwrap_or_default();
        let user = value.split(':').next().unwrap_or_default();
        names.iter().any(|name| name == user)
    };
    let user = rest.iter().position(named)?;
    rest.get(user + 1..)
}

fn user_names(user: Option<&RunUser>) -> Vec<String> {
    match user {
        Some(RunUser::Named { name, uid, .. }) => {
            std::iter::once(name.clone()).chain(uid.map(|uid| uid.to_string())).collect()
        }
        Some(RunUser::Numeric { uid, .. }) => vec![uid.to_string()],
        None => Vec::new(),
    }
}

/// Refuse what cannot be had, one message for each entry in the way. Returns those entries.
fn judge(cx: &Context<'_>, draft: &mut Draft<'_>, needs: &Needs<'_>, who: &Who, told: &BTreeSet<Id>) -> BTreeSet<Id> {
    let tree = &cx.facts.tree;
    let mut blocked: BTreeMap<(Id, u32), Vec<(Id, &Need)>> = BTreeMap::new();
    for (&id, need) in &needs.of {
        if draft.is_removed(id) || tree.meta(id).mount || (!need.command && is_meant(cx, id)) {
            continue;
        }
        let mut above: Vec<Id> = tree.ancestors(id).skip(1).filter(|&at| at != Id::ROOT).collect();
        above.reverse();
        let closed = above.into_iter().find(|&at| missing(draft, at, EXECUTE, who) != 0);
        if let Some(closed) = closed {
            blocked.entry((closed, EXECUTE)).or_default().push((id, need));
            continue;
        }
        let lacks = if tree.is_link(id) { 0 } else { missing(draft, id, need.bits, who) };
        if lacks != 0 {
            blocked.entry((id, lacks)).or_default().push((id, need));
        }
    }
    let blocked: Vec<_> = blocked.into_iter().filter(|((id, _), _)| !told.contains(id)).collect();
    for ((id, lacks), needed) in &blocked {
        let (text, help) = message(cx, draft, (*id, *lacks), needed, who);
        let origin = needed.iter().find_map(|(id, _)| cx.closure.origin(*id));
        if cx.contents.access_list(tree, *id).is_some() {
            draft.warn_for(
                origin,
                text,
                format!("its access list may allow the access, but harden ignores access lists here; {help}"),
            );
        } else {
            draft.refuse_for(origin, text, help);
        }
    }
    blocked.into_iter().map(|((id, _), _)| id).collect()
}

/// The bits that a user lacks: the class that he belongs to decides alone (path_resolution(7)).
fn missing(draft: &Draft<'_>, id: Id, bits: u32, who: &Who) -> u32 {
    let ((uid, gid), mode) = (draft.owner(id), draft.mode(id));
    bits & !who.ids.class(mode, uid, gid)
}

/// Whether `[keep] paths` names the entry itself: it is to stay as it is.
fn is_meant(cx: &Context<'_>, id: Id) -> bool {
    let tree = &cx.facts.tree;
    cx.policy
        .keep
        .paths
        .iter()
        .filter(|path| !path.change)
        .any(|path| tree.resolve(path.value.as_bytes()).is_ok_and(|found| found.node == id) && !tree.is_dir(id))
}

fn message(
    cx: &Context<'_>,
    draft: &Draft<'_>,
    (id, lacks): (Id, u32),
    needed: &[(Id, &Need)],
    who: &Who,
) -> (String, String) {
    let tree = &cx.facts.tree;
    let path = quoted(&tree.path(id));
    let (owner, mode) = (draft.owner(id), draft.mode(id));
    let is_dir = tree.is_dir(id);
    let verb = match lacks {
        _ if is_dir => "enter",
        READ => "read",
        EXECUTE => "execute",
        _ => "read or execute",
    };
    let show = |(at, need): &(Id, &Need)| {
        let what = if *at == id { String::new() } else { format!("{}: ", quoted(&tree.path(*at))) };
        format!("{what}{}", need.why)
    };
    let mut shown: Vec<String> = needed.iter().map(show).collect();
    shown.dedup();
    let more = shown.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.truncate(SHOWN);
    let text = format!(
        "{} cannot {verb} {path} (mode {mode:04o}, owner {}:{}), but the image needs it ({}{more})",
        who.name,
        owner.0,
        owner.1,
        shown.join("; ")
    );
    let bits = match (lacks, is_dir) {
        (_, true) => "x",
        (READ, _) => "r",
        (EXECUTE, _) => "x",
        _ => "rx",
    };
    let plain = String::from_utf8_lossy(&tree.path(id)).into_owned();
    let chmod = format!("RUN chmod o+{bits} {}", shell::quoted(&plain));
    let mut ways = Vec::new();
    let home = root_home::home(cx, draft).is_some_and(|home| tree.is_within(id, home));
    if home {
        ways.push("copy it to a directory that is not root's home, such as /app".to_owned());
    } else if files_cures(cx, draft, id, who) {
        let below = if is_dir { ", which lets the run user read everything below it" } else { "" };
        ways.push(format!("write [files] read-only = [{}]{below}", basic_string(&plain)));
    }
    ways.push(format!("give it the mode before this run: COPY --chmod, or {chmod}"));
    if !needed.iter().any(|(_, need)| need.command) && needed.iter().all(|&(at, _)| at == id) {
        ways.push(format!("[keep] paths = [{}] if the run user does not need it", basic_string(&plain)));
    } else if cx.policy.start == Start::User {
        ways.push("[run] start = \"root\" if the command starts as root".to_owned());
    }
    (text, ways.join("; or "))
}

/// Whether `[files] read-only` would open the entry: not where it is the whole system's or may not be changed.
fn files_cures(cx: &Context<'_>, draft: &Draft<'_>, id: Id, who: &Who) -> bool {
    let tree = &cx.facts.tree;
    let run = Ids::of(cx.policy, draft).run().map(|run| run.gid);
    !super::app_paths::is_shared(tree, id)
        && !tree.subtree(id).any(|at| draft.is_untouchable(at))
        && !cx.zones.application.contains(id)
        && run.is_some_and(|gid| who.ids.groups.contains(&gid))
}
