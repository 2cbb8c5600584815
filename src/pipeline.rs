//! From a root and a policy to a plan: facts, closure, protection, rules, guards. Pure but for reading the root.

use crate::closure::Closure;
use crate::facts::multicall::MultiCall;
use crate::facts::set::IdSet;
use crate::facts::tree::{Id, Tree};
use crate::facts::{Contents, Facts};
use crate::guards::GUARDS;
use crate::guards::configurations::{Input, account_uses};
use crate::minimal::Decision;
use crate::plan::steps::Plan;
use crate::plan::{DATABASE, Draft};
use crate::policy::{CommandEntry, Database, Entry, Pattern, Policy, Run};
use crate::rules::ids::Ids;
use crate::rules::remove::this_program::STANDING;
use crate::rules::remove::{applets, paths};
use crate::rules::zones::Zones;
use crate::rules::{Context, RULES, accounts, database};

/// Files by which scanners and the C library know the distribution: removed by no rule (DESIGN §6).
const IDENTITY: &[&str] = &[
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/initrd-release",
    "/etc/debian_version",
    "/etc/alpine-release",
    "/etc/lsb-release",
    "/usr/lib/lsb-release",
    "/etc/*-release",
    "/usr/lib/*-release",
    "/etc/system-release-cpe",
    "/etc/apk/repositories",
];

/// Licences of packages: in minimal mode they stay as long as the records, see [`crate::minimal`].
const LICENCES: &[&str] = &["/usr/share/doc/*/copyright", "/usr/share/licenses/*/*"];

/// Files that programs read by fixed names whoever owns them: no package's loss takes them.
const COMMON: &[&str] = &[
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d/*",
    "/etc/ld-musl-*.path",
    "/etc/shells",
    "/etc/profile",
    "/etc/machine-id",
];

/// Everything that plan, apply and init work on.
#[derive(Debug)]
pub struct Examined {
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

/// The policy with every path of `keep.commands` that is no command moved to `keep.paths`: `--keep` takes both.
#[must_use]
pub fn with_kept_paths(facts: &Facts, contents: &dyn Contents, mut policy: Policy) -> Policy {
    let tree = &facts.tree;
    let is_path = |entry: &CommandEntry| {
        let Pattern::Path(path) = &entry.pattern else { return false };
        let Ok(found) = tree.resolve(path.as_bytes()) else { return false };
        let program = facts.commands.program(tree, contents, found.node);
        tree.is_dir(found.node) || program.is_ok_and(|program| !program.is_program(tree, found.node, false))
    };
    let (paths, commands) = policy.keep.commands.into_iter().partition(is_path);
    policy.keep.commands = commands;
    policy.keep.paths.extend(paths.into_iter().map(|entry| Entry {
        value: entry.text,
        reason: entry.reason,
        optional: entry.optional,
        origin: entry.origin,
    }));
    policy
}

/// Run every rule and guard over the facts of a root.
#[must_use]
pub fn examine(facts: Facts, closure: Closure, contents: &dyn Contents, policy: &Policy) -> Examined {
    let tree = &facts.tree;
    let zones = Zones::of(tree, &policy.files);
    let mut draft = Draft::new(tree);
    let setid = kept_setid(&facts, policy, &mut draft);
    let uses = account_uses(&Input { tree, contents, commands: &facts.commands, closure: &closure, policy });
    let multicall = applets::collect(&facts, contents, policy, &closure);
    let cx = Context {
        facts: &facts,
        contents,
        policy,
        closure: &closure,
        zones: &zones,
        setid: &setid,
        account_uses: &uses,
        multicall: &multicall,
    };
    protect(&cx, &mut draft);
    ask_for_what_is_missing(policy, &mut draft);
    let killed = tree.killed();
    if !killed.remembered.is_empty() || !killed.leftovers.is_empty() {
        draft.begin("remove.leftovers");
        draft.note(format!(
            "a run was killed or failed here: {} temporary files go, {} directories get back the time that they had before it",
            killed.leftovers.len(),
            killed.remembered.len()
        ));
    }
    draft.warnings.extend(closure.warnings.iter().cloned());
    draft.refusals.extend(closure.refusals.iter().cloned());
    let mut accounts_finished = false;
    for rule in RULES {
        if !accounts_finished && !rule.id.starts_with("accounts.") {
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
    for (name, check) in GUARDS {
        draft.begin(name);
        check(&cx, &mut draft);
    }
    draft.refuse_taken();
    let ids = Ids::of(policy, &draft);
    let multicall = applets::left(multicall, &mut draft);
    let minimal = draft.minimal.take();
    let plan = Plan::from_draft(draft);
    Examined { plan, ids, multicall, minimal, closure, zones, facts }
}

/// What some rules ask for whoever runs whatever: for an audit without a policy. The rules must not depend on accounts.
pub(crate) fn partial(facts: &Facts, contents: &dyn Contents, policy: &Policy, rules: &[&str]) -> Plan {
    let tree = &facts.tree;
    let (zones, closure, setid) = (Zones::of(tree, &policy.files), Closure::default(), IdSet::default());
    let mut draft = Draft::new(tree);
    let cx = Context {
        facts,
        contents,
        policy,
        closure: &closure,
        zones: &zones,
        setid: &setid,
        account_uses: &[],
        multicall: &[],
    };
    protect(&cx, &mut draft);
    for rule in RULES.iter().filter(|rule| rules.contains(&rule.id) && cx.is_on(rule.id)) {
        draft.begin(rule.id);
        (rule.check)(&cx, &mut draft);
    }
    draft.settle();
    Plan::from_draft(draft)
}

/// What no rule may remove or change, whatever it asks for.
fn protect(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    // What the kernel and the builder provide.
    for id in tree.ids().filter(|&id| cx.zones.kernel.contains(id) || tree.meta(id).mount) {
        draft.protect(id);
    }
    // The report is open already: removed, or replaced, it would be written to nowhere.
    if let Some(report) = cx.facts.report {
        draft.protect(report);
    }
    for entry in &cx.policy.keep.paths {
        for id in named(tree, entry.value.as_bytes()) {
            for inside in tree.subtree(id) {
                draft.protect(inside);
            }
        }
    }
    for id in [cx.facts.this_program, cx.facts.this_config].into_iter().flatten() {
        draft.reserve(id);
    }
    // The closure, and the application.
    for &id in cx.closure.reasons.keys() {
        draft.keep(id);
    }
    for id in tree.ids().filter(|&id| cx.zones.application.contains(id)) {
        draft.keep(id);
    }
    // Top-level entries: the shape of the file system, links as /bin -> usr/bin included; not a directory made for this
    // program.
    let own = cx.facts.this_program.map(|id| tree.parent(id));
    for id in tree.children(Id::ROOT).filter(|&id| !tree.is_file(id) && is_directory_like(tree, id)) {
        if Some(id) != own || STANDING.iter().any(|path| path.as_bytes() == tree.path(id)) {
            draft.keep(id);
        }
    }
    let standing = standing_entries(tree, cx.policy);
    for id in tree.ids().filter(|&id| standing.contains(id)) {
        draft.keep_record(id);
    }
}

/// What no rule removes whoever asks, with the reason as a clause.
fn standing(policy: &Policy) -> [(&'static [&'static str], &'static str); 4] {
    let records = if policy.database == Database::Remove { &[][..] } else { database::RECORDS };
    let licences = if policy.minimal.on { &[][..] } else { LICENCES };
    [
        (licences, "scanners report the licence of its package by it"),
        (IDENTITY, "scanners and the C library know the distribution by it"),
        (COMMON, "programs read it by its name, whoever owns it"),
        (records, "scanners find the installed packages in it"),
    ]
}

/// What no rule removes whoever asks, with what links among it lead to.
pub(crate) fn standing_entries(tree: &Tree, policy: &Policy) -> IdSet {
    let mut all = IdSet::default();
    for pattern in standing(policy).into_iter().flat_map(|(patterns, _)| patterns) {
        for id in standing_named(tree, policy, pattern) {
            all.insert(id);
            if let Ok(found) = tree.follow(id) {
                all.insert(found.node);
            }
        }
    }
    all
}

fn standing_named(tree: &Tree, policy: &Policy, pattern: &str) -> Vec<Id> {
    let removed = policy.database == Database::Remove && pattern.starts_with("/etc/apk/");
    if removed { Vec::new() } else { paths::expand(tree, pattern) }
}

/// Why no rule removes an entry that others look for by its name; `None` for all others.
pub(crate) fn why_standing(tree: &Tree, policy: &Policy, id: Id) -> Option<&'static str> {
    let is = |at: Id| at == id || tree.follow(at).is_ok_and(|found| found.node == id);
    standing(policy).into_iter().find_map(|(patterns, why)| {
        let found = patterns.iter().any(|pattern| standing_named(tree, policy, pattern).into_iter().any(is));
        found.then_some(why)
    })
}

fn is_directory_like(tree: &Tree, id: Id) -> bool {
    tree.is_dir(id) || tree.follow(id).is_ok_and(|found| tree.is_dir(found.node))
}

/// What a path of the policy names: the entry itself, and what it leads to.
pub(crate) fn named(tree: &Tree, path: &[u8]) -> Vec<Id> {
    let mut found: Vec<Id> = tree.lookup(path).into_iter().collect();
    if let Ok(target) = tree.resolve(path) {
        found.extend(target.links);
        found.push(target.node);
    }
    found
}

fn kept_setid(facts: &Facts, policy: &Policy, draft: &mut Draft<'_>) -> IdSet {
    let tree = &facts.tree;
    let mut kept = IdSet::default();
    draft.begin("keep.setid");
    for entry in &policy.keep.setid {
        match tree.resolve(entry.value.as_bytes()) {
            Ok(found) => {
                kept.extend(tree.subtree(found.node));
            }
            Err(_) if entry.optional || matches!(entry.origin, crate::policy::Origin::Profile(_)) => {}
            Err(_) => draft.refuse(
                format!("{}: [keep] setid '{}' matches nothing", entry.origin, entry.value),
                "correct the path, or write { path = …, optional = true }",
            ),
        }
    }
    kept
}

fn ask_for_what_is_missing(policy: &Policy, draft: &mut Draft<'_>) {
    draft.begin("guard.run");
    if policy.user.is_none() {
        draft.refuse(
            "nobody said which user runs the image's program",
            "write [run] user = \"app:1000:1000\", --user app:1000:1000, or give --image-config",
        );
    }
    if matches!(policy.run, Run::Unknown) {
        draft.refuse(
            "nobody said what the image runs, so nothing can be shown to keep working",
            "write [run] command = [\"…\"] with ENTRYPOINT and CMD, --command 'CMD ARG…', or --command none for a base image whose program comes later",
        );
    }
}
