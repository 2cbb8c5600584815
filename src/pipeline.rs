//! From a root and a policy to a plan: facts, closure, protection, rules, guards. Pure but for reading the root.

use std::cell::OnceCell;

use crate::closure;
use crate::closure::Closure;
use crate::diag::{Diagnostic, Origin, codes};
use crate::draft::record::{Target, What};
use crate::draft::{DATABASE, Draft};
use crate::facts::multicall::MultiCall;
use crate::facts::program::Place;
use crate::facts::{Facts, Own};
use crate::guards::{self, GUARDS};
use crate::plan::Plan;
use crate::policy::{CommandEntry, Database, Entry, Pattern, Policy, Run};
use crate::root::{self, Root};
use crate::rules;
use crate::rules::accounts::nologin;
use crate::rules::context::{Context, Reached};
use crate::rules::ids::Ids;
use crate::rules::minimal::Decision;
use crate::rules::protected::protect;
use crate::rules::remove::{applets, remaining};
use crate::rules::zones::Zones;
use crate::rules::{Audit, Phase, RULES, accounts, database};
use crate::scripts::configurations::{Input, account_uses};
use crate::tree::budget::{Budget, Budgets};
use crate::tree::contents::Contents;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

/// Everything that plan, apply and init work on.
#[derive(Debug)]
pub(crate) struct Examined {
    /// The root as it is.
    pub facts: Facts,
    /// What has to stay.
    pub closure: Closure,
    /// Which part of the root an entry lies in.
    pub zones: Zones,
    /// What apply does.
    pub plan: Plan,
    /// The numbers that the image's program runs with.
    pub ids: Ids,
    /// Kept programs that answer to many names, with all of them.
    pub multicall: Vec<MultiCall>,
    /// What stays besides, and why, when the mode is minimal.
    pub minimal: Option<Decision>,
}

/// What is looked at: a tree and the content of its files, of a root or of an archive.
pub(crate) struct Source<'a> {
    tree: Tree,
    contents: &'a dyn Contents,
    root: Option<(&'a Root, &'a Own)>,
}

impl<'a> Source<'a> {
    /// A root with the tree that was walked in it; `own` are the files of this run that may lie in it.
    #[must_use]
    pub(crate) fn root(root: &'a Root, tree: Tree, own: &'a Own) -> Self {
        Self { tree, contents: root, root: Some((root, own)) }
    }

    /// An archive of an image.
    #[must_use]
    pub(crate) fn archive(tree: Tree, contents: &'a dyn Contents) -> Self {
        Self { tree, contents, root: None }
    }
}

/// The rule that removes programs, whose result is named in the end.
const COMMANDS: &str = "remove.commands";

/// What is there, and what of it has to stay.
pub(crate) struct Survey {
    /// The root as it is.
    pub facts: Facts,
    /// What has to stay.
    pub closure: Closure,
}

/// A file could not be read, or not to its end: whatever was concluded would be made of what is missing. The message says
/// which, and the cause.
#[derive(Debug)]
pub(crate) struct Unread(Diagnostic);

impl Unread {
    /// What to do about it.
    const HELP: &'static str =
        "check the file system for errors, and make sure that nothing else changes it during the run";

    /// The same of any other error of reading.
    pub(crate) fn because(error: &impl ToString) -> Diagnostic {
        Diagnostic::new(codes::ROOT_UNREAD, error.to_string()).help(Self::HELP)
    }

    /// What a source says that it could not read since this was last asked.
    pub(crate) fn of(contents: &dyn Contents) -> Option<Self> {
        let refused = contents.budgets().and_then(Budgets::take_refused);
        refused.or_else(|| contents.take_unread().map(|text| Self::because(&text))).map(Self)
    }

    /// The same of an entry that the walk could not read.
    pub(crate) fn of_walk(error: &root::Error) -> Diagnostic {
        let unread = Self::because(error);
        if error.is_denied() { unread.help("run harden as root: with docker run, add --user 0") } else { unread }
    }
}

impl From<Unread> for Diagnostic {
    fn from(unread: Unread) -> Self {
        unread.0
    }
}

/// Collect the facts of a source and compute what the policy keeps. The policy gets the working directory where it has
/// none, and the paths among its commands become kept paths.
///
/// # Errors
/// When a file could not be read on the way.
pub(crate) fn survey(source: Source<'_>, policy: &mut Policy) -> Result<Survey, Unread> {
    let Source { tree, contents, root } = source;
    if let Some(budgets) = contents.budgets() {
        budgets.begin();
    }
    depth(&tree, contents)?;
    let extra: Vec<String> = policy.remove.directories.iter().map(|entry| entry.value.clone()).collect();
    let mut facts = Facts::of(tree, contents, &policy.path, &extra);
    if let Some((root, own)) = root {
        facts.find_own(root, own);
        policy.workdir = policy.workdir.take().or_else(|| own.directory.clone());
    }
    *policy = with_kept_paths(&facts, contents, std::mem::take(policy));
    let nologin = nologin::path(&facts);
    let accounts = facts.accounts.names();
    let closure = Closure::compute(&closure::Input {
        tree: &facts.tree,
        contents,
        commands: &facts.commands,
        packages: &facts.packages,
        accounts: &accounts,
        policy,
        nologin: Some(&nologin),
    });
    read(contents, Survey { facts, closure })
}

/// Bytes of the paths of all entries beyond [`USUAL_PATH`] for each: messages and reports name entries by their paths.
static PATHS: Budget = Budget {
    text: "the paths of all entries hold more bytes, beyond 256 for each, than",
    most: 64 << 20,
    help: "remove the directory: its path is longer than any program can open",
};

/// Bytes of a path that is not long.
const USUAL_PATH: u32 = 256;

/// Refuse a tree that is so deep that its paths alone take hundreds of MiB.
fn depth(tree: &Tree, contents: &dyn Contents) -> Result<(), Unread> {
    if tree.is_overfull() {
        let text = "the names and link targets of all entries hold more than 4 GiB";
        return Err(Unread(Diagnostic::new(codes::BUDGET, text).help("name a smaller tree with --root")));
    }
    let mut lengths: Vec<u32> = Vec::with_capacity(tree.len());
    for id in tree.ids() {
        // Parents come before their children.
        let above = lengths.get(tree.parent(id).index()).copied().unwrap_or_default();
        let name = u32::try_from(tree.name(id).len()).unwrap_or(u32::MAX);
        let length = if id == Id::ROOT { 0 } else { above.saturating_add(1).saturating_add(name) };
        lengths.push(length);
        if length > USUAL_PATH && !contents.spend(&PATHS, u64::from(length - USUAL_PATH), tree, id) {
            break;
        }
    }
    read(contents, ())
}

/// What was concluded, unless a file could not be read on the way.
pub(crate) fn read<T>(contents: &dyn Contents, concluded: T) -> Result<T, Unread> {
    Unread::of(contents).map_or(Ok(concluded), Err)
}

/// The policy with every path of `keep.commands` that is no command moved to `keep.paths`: `--keep` takes both.
fn with_kept_paths(facts: &Facts, contents: &dyn Contents, mut policy: Policy) -> Policy {
    let tree = &facts.tree;
    let is_path = |entry: &CommandEntry| {
        let Pattern::Path(path) = &entry.pattern else { return false };
        let Ok(found) = tree.resolve(path.as_bytes()) else { return false };
        let program = facts.commands.program(tree, contents, found.node);
        let inside = facts.commands.is_in_directory(tree, found.node);
        let place = if inside { Place::Commands } else { Place::AnyMode };
        tree.is_dir(found.node) || program.is_ok_and(|program| !program.is_program(tree, found.node, place))
    };
    let (paths, commands) = policy.keep.commands.into_iter().partition(is_path);
    policy.keep.commands = commands;
    policy.keep.paths.extend(paths.into_iter().map(|entry| Entry {
        value: entry.text,
        reason: entry.reason,
        optional: entry.optional,
        change: false,
        origin: entry.origin,
    }));
    policy
}

/// Run every rule and guard over what was surveyed.
///
/// # Errors
/// When a file could not be read on the way.
pub(crate) fn examine(survey: Survey, contents: &dyn Contents, policy: &Policy) -> Result<Examined, Unread> {
    let Survey { facts, closure } = survey;
    let tree = &facts.tree;
    let zones = Zones::of(tree, &policy.files);
    let mut draft = Draft::new(tree);
    let setid = kept_setid(&facts, policy, &mut draft);
    let kept = closure.reasons.keys().copied().collect();
    let uses = match policy.blind {
        true => Vec::new(),
        false => account_uses(&Input { tree, contents, commands: &facts.commands, kept: &kept, policy }),
    };
    let multicall = applets::collect(&facts, contents, policy, &closure);
    let (on, minimal, reached) = (rules::switched_on(policy), OnceCell::new(), Reached::default());
    let cx = Context {
        facts: &facts,
        contents,
        policy,
        on: &on,
        closure: &closure,
        zones: &zones,
        setid: &setid,
        account_uses: &uses,
        multicall: &multicall,
        minimal: &minimal,
        reached: &reached,
    };
    protect(&cx, &mut draft);
    ask_for_what_is_missing(policy, &mut draft);
    let killed = tree.killed();
    if !killed.remembered.is_empty() || !killed.leftovers.is_empty() {
        draft.begin("remove.leftovers");
        draft.note(format!(
            "an earlier run was killed or failed here: {} temporary files are removed, {} directories get their earlier times back",
            killed.leftovers.len(),
            killed.remembered.len()
        ));
    }
    draft.warnings.extend(closure.warnings.iter().cloned());
    draft.refusals.extend(closure.refusals.iter().cloned());
    let mut accounts_finished = false;
    for rule in RULES {
        if !accounts_finished && rule.phase != Phase::Accounts {
            accounts::finish(&cx, &mut draft);
            accounts_finished = true;
        }
        if cx.is_on(rule.id) {
            draft.begin(rule.id);
            (rule.check)(&cx, &mut draft);
        }
    }
    draft.settle();
    // Records follow what every rule has removed.
    if cx.is_on(DATABASE) && policy.database == Database::Prune {
        draft.begin(DATABASE);
        database::prune(&cx, &mut draft);
    }
    for guard in GUARDS.iter().filter(|guard| !policy.blind || !guards::FORESEE.contains(&guard.id)) {
        draft.begin(guard.id);
        (guard.check)(&cx, &mut draft);
    }
    if cx.is_on(COMMANDS) {
        draft.begin(COMMANDS);
        remaining::note(&cx, &mut draft);
    }
    draft.refuse_taken();
    let ids = Ids::of(policy, &draft);
    let multicall = applets::left(multicall, &mut draft);
    let plan = Plan::from_draft(draft);
    read(contents, Examined { plan, ids, multicall, minimal: minimal.into_inner(), closure, zones, facts })
}

/// What rules would remove that the policy switches off, with the rule.
pub(crate) type SwitchedOff = Vec<(Id, &'static str)>;

/// As [`examine`], with what rules would remove that are switched off.
///
/// # Errors
/// When a file could not be read on the way.
pub(crate) fn examine_all(
    mut survey: Survey,
    contents: &dyn Contents,
    policy: &mut Policy,
) -> Result<(Examined, SwitchedOff), Unread> {
    let mut switched_off = SwitchedOff::new();
    let rules = std::mem::take(&mut policy.rules);
    if rules.iter().any(|switch| !switch.on) {
        let found = examine(survey, contents, policy)?;
        for record in found.plan.records.iter().filter(|record| record.what == What::Remove) {
            let off = rules.iter().any(|switch| switch.rule == record.rule() && !switch.on);
            if let (true, Target::Entry(id)) = (off, &record.target) {
                switched_off.push((*id, record.rule()));
            }
        }
        survey = Survey { facts: found.facts, closure: found.closure };
    }
    policy.rules = rules;
    Ok((examine(survey, contents, policy)?, switched_off))
}

/// What some rules ask for, whatever the image runs: for an audit without a policy. The rules must not depend on accounts.
pub(crate) fn partial(facts: &Facts, contents: &dyn Contents, policy: &Policy) -> Plan {
    let tree = &facts.tree;
    let (zones, closure, setid) = (Zones::of(tree, &policy.files), Closure::default(), IdSet::default());
    let mut draft = Draft::new(tree);
    let (on, minimal, reached) = (rules::switched_on(policy), OnceCell::new(), Reached::default());
    let cx = Context {
        facts,
        contents,
        policy,
        on: &on,
        closure: &closure,
        zones: &zones,
        setid: &setid,
        account_uses: &[],
        multicall: &[],
        minimal: &minimal,
        reached: &reached,
    };
    protect(&cx, &mut draft);
    for rule in RULES.iter().filter(|rule| rule.audit == Audit::Alone && cx.is_on(rule.id)) {
        draft.begin(rule.id);
        (rule.check)(&cx, &mut draft);
    }
    draft.settle();
    Plan::from_draft(draft)
}

fn kept_setid(facts: &Facts, policy: &Policy, draft: &mut Draft<'_>) -> IdSet {
    let tree = &facts.tree;
    let mut kept = IdSet::default();
    draft.begin(codes::KEEP_SETID);
    for entry in &policy.keep.setid {
        match tree.resolve(entry.value.as_bytes()) {
            Ok(found) => {
                kept.extend(tree.subtree(found.node));
            }
            Err(_) if entry.optional || matches!(entry.origin, Origin::Profile(_)) => {}
            Err(_) => draft.refuse_for(
                &entry.origin,
                format!("keep.setid entry '{}' matches nothing", entry.value),
                "correct the path, or write { path = …, optional = true }",
            ),
        }
    }
    kept
}

fn ask_for_what_is_missing(policy: &Policy, draft: &mut Draft<'_>) {
    draft.begin(codes::GUARD_RUN);
    if policy.user.is_none() && policy.image.is_some() {
        draft.refuse(
            "the image names no USER, so its program runs as root",
            "write --user app:1000:1000 (or [run] user); add [run] start = \"root\" if its entrypoint drops to that user; or keep root \
             knowingly: --user root --disable accounts.user",
        );
    } else if policy.user.is_none() {
        draft.refuse(
            "no user is configured: harden cannot tell which account runs the image's program",
            "write [run] user = \"app:1000:1000\", --user app:1000:1000, or give --image-config",
        );
    }
    if matches!(policy.run, Run::Unknown) {
        draft.refuse(
            "no command is configured: harden cannot tell which files the image needs",
            "write [run] command = [\"…\"] with ENTRYPOINT and CMD, --command 'CMD ARG…', or --command none for a base image whose program comes later",
        );
    }
}
