//! remove.unneeded: with `mode = "minimal"`, removes files of packages that no kept file needs.
//!
//! [`crate::rules::minimal`] decides which files those are; this module drafts their removal, with Python's compiled
//! copies of removed files. Without the mode the rule does nothing.

use crate::diag::Origin;
use crate::diag::escape::quoted;
use crate::diag::suggest::did_you_mean;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::minimal::{Goes, decide};
use crate::tree::Id;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if !cx.policy.minimal.on || !is_known(cx, draft) {
        return;
    }
    let packages = &cx.facts.packages;
    let decision = decide(cx, draft.removed());
    let name = |index| packages.get(index).map_or_else(String::new, |package| quoted(package.name.as_bytes()));
    for (&id, &goes) in &decision.goes {
        let reason = match goes {
            Goes::Package(index) => format!("no kept file needs its package {}", name(index)),
            Goes::File(index) => format!("no kept file needs it (package {})", name(index)),
            Goes::Trimmed(what) => what.to_owned(),
        };
        if draft.remove(id, &reason) {
            compiled(cx, draft, id);
        }
    }
    for &(id, kind) in &decision.unwanted {
        for at in cx.facts.tree.subtree(id).filter(|at| !decision.needed.contains_key(at)) {
            if !cx.facts.tree.is_dir(at) {
                draft.remove(at, &format!("minimal.{kind}: no kept file needs it"));
            }
        }
    }
    for &id in &decision.directories {
        draft.remove_when_empty(id);
    }
    for (key, wanted, origin) in &decision.unknown {
        let near = did_you_mean(wanted, packages.iter().map(|(_, package)| package.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("did you mean {}? ", quoted(near.as_bytes())));
        draft.refuse_for(
            origin,
            format!("{key} entry {} matches no package", quoted(wanted.as_bytes())),
            format!(
                "{near}correct the entry, {}, or mark the entry optional",
                if *key == "minimal.drop" { "delete it" } else { "install the package" }
            ),
        );
    }
    if cx.policy.minimal.packages.is_empty() {
        for &id in &decision.packed {
            draft.warn(
                format!(
                    "{} is packed with UPX: harden cannot see which libraries it needs, so it keeps the loader and the loader's dependencies",
                    quoted(&cx.facts.tree.path(id))
                ),
                "name the packages of its libraries in [minimal] packages, or do not pack it",
            );
        }
    }
    let told = cx.policy.keep.paths.iter().any(|entry| !matches!(entry.origin, Origin::Profile(_)));
    if cx.policy.minimal.files && !told {
        draft.warn(
            "granularity = \"file\" keeps only files that ELF files, links and the policy name: harden does not see modules and data that programs open themselves",
            "run harden learn while the image does its usual work and use its file, or write granularity = \"package\"",
        );
    }
    // The rule runs once, so that nothing was decided before.
    let _ = cx.minimal.set(decision);
}

/// Whether it is known who owns what; refused otherwise.
fn is_known(cx: &Context<'_>, draft: &mut Draft<'_>) -> bool {
    let packages = &cx.facts.packages;
    if let Some((_, database)) = packages.unreadable.first() {
        let database = quoted(&cx.facts.tree.path(*database));
        draft.refuse(
            format!("mode = \"minimal\" needs to know which package owns which file, but harden does not read the database {database}"),
            "remove mode = \"minimal\"",
        );
        return false;
    }
    let known = packages.iter().any(|(index, _)| packages.files(index).next().is_some());
    if !known {
        draft.refuse(
            "mode = \"minimal\" needs to know which package owns which file, but this image has no package database that lists them",
            "remove mode = \"minimal\", or run it in an image whose package database is still there",
        );
    }
    known
}

/// What Python has compiled of a file that goes, as `__pycache__/NAME.cpython-311.pyc`.
fn compiled(cx: &Context<'_>, draft: &mut Draft<'_>, source: Id) {
    let tree = &cx.facts.tree;
    let Some(stem) = tree.name(source).strip_suffix(b".py") else { return };
    let Some(cache) = tree.child(tree.parent(source), b"__pycache__") else { return };
    for id in tree.children(cache) {
        let of = tree.name(id).strip_prefix(stem).is_some_and(|rest| rest.starts_with(b".") && rest.ends_with(b".pyc"));
        if of && cx.facts.packages.owner(id).is_none() {
            draft.remove(id, "compiled from a file that is removed");
        }
    }
    draft.remove_when_empty(cache);
}
