//! Entries that are protected from every rule: no rule removes or changes them.

use super::context::Context;
use super::remove::this_program::IMAGE_DIRECTORIES;
use crate::draft::Draft;
use crate::facts::packages::places::RECORDS;
use crate::policy::{Database, Policy};
use crate::root::is_temporary;
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree, glob};

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

/// Licences of packages: in minimal mode they stay as long as the records, see [`crate::rules::minimal`].
const LICENCES: &[&str] = &["/usr/share/doc/*/copyright", "/usr/share/licenses/*/*"];

/// Files that programs read by fixed names, from any package: no package's loss takes them.
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

/// What no rule may remove or change, whatever it asks for.
pub(crate) fn protect(cx: &Context<'_>, draft: &mut Draft<'_>) {
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
        for id in tree.named(entry.value.as_bytes()) {
            for inside in tree.subtree(id) {
                if entry.change { draft.keep(inside) } else { draft.protect(inside) }
            }
        }
    }
    for &id in cx.facts.this_program.iter().chain(&cx.facts.this_config) {
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
    // program, nor one that the next run would take for what a killed run left.
    let own = cx.facts.this_program.map(|id| tree.parent(id));
    for id in tree.children(Id::ROOT).filter(|&id| !tree.is_file(id) && is_directory_like(tree, id)) {
        if is_temporary(tree.name(id)) {
            continue;
        }
        if Some(id) != own || IMAGE_DIRECTORIES.iter().any(|path| path.as_bytes() == tree.path(id)) {
            draft.keep(id);
        }
    }
    // Directories that the policy names: the next run asks for them too.
    for entry in &cx.policy.remove.directories {
        if let Ok(found) = tree.resolve(entry.value.as_bytes()) {
            found.links.into_iter().chain([found.node]).for_each(|id| draft.keep(id));
        }
    }
    let standing = protected_entries(tree, cx.policy);
    for id in tree.ids().filter(|&id| standing.contains(id)) {
        draft.keep_record(id);
    }
}

/// What no rule ever removes, with the reason as a clause.
fn protected(policy: &Policy) -> [(&'static [&'static str], &'static str); 4] {
    let records = if policy.database == Database::Remove { &[][..] } else { RECORDS };
    let licences = if policy.minimal.on { &[][..] } else { LICENCES };
    [
        (licences, "scanners report the licence of its package by it"),
        (IDENTITY, "scanners and the C library identify the distribution by it"),
        (COMMON, "many programs open this file by path"),
        (records, "scanners find the installed packages in it"),
    ]
}

/// What no rule ever removes, with what links among it lead to and every link on the way.
pub(crate) fn protected_entries(tree: &Tree, policy: &Policy) -> IdSet {
    let mut all = IdSet::default();
    for pattern in protected(policy).into_iter().flat_map(|(patterns, _)| patterns) {
        for id in protected_named(tree, policy, pattern) {
            all.insert(id);
            if let Ok(found) = tree.follow(id) {
                all.extend(found.links.into_iter().chain([found.node]));
            }
        }
    }
    all
}

fn protected_named(tree: &Tree, policy: &Policy, pattern: &str) -> Vec<Id> {
    let removed = policy.database == Database::Remove && pattern.starts_with("/etc/apk/");
    if removed { Vec::new() } else { glob::expand(tree, pattern) }
}

/// Why no rule removes an entry that others look for by its name; `None` for all others.
pub(crate) fn why_protected(tree: &Tree, policy: &Policy, id: Id) -> Option<&'static str> {
    let is = |at: Id| at == id || tree.follow(at).is_ok_and(|found| found.node == id || found.links.contains(&id));
    protected(policy).into_iter().find_map(|(patterns, why)| {
        let found = patterns.iter().any(|pattern| protected_named(tree, policy, pattern).into_iter().any(is));
        found.then_some(why)
    })
}

fn is_directory_like(tree: &Tree, id: Id) -> bool {
    tree.is_dir(id) || tree.follow(id).is_ok_and(|found| tree.is_dir(found.node))
}
