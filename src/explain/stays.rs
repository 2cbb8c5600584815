//! The reason why an entry stays: the chain back to the policy, or the protection from every rule.

use super::Explainer;
use crate::diag::escape::quoted;
use crate::facts::program::is_library_name;
use crate::policy::Entry;
use crate::rules::minimal::Shown;
use crate::rules::protected;
use crate::tree::{Id, Tree};

/// What is said of a mount point and of what lies below it.
pub(super) fn on_mount(tree: &Tree, at: Id) -> String {
    format!("it lies on the mount {}, which harden does not examine or change", quoted(&tree.path(at)))
}

impl<'a> Explainer<'a> {
    /// Clauses, the nearest first. Never empty.
    pub(super) fn why_it_stays(&self, id: Id) -> Vec<String> {
        let (tree, examined) = (self.tree(), self.examined);
        let chain = examined.closure.explain(tree, id);
        if !chain.is_empty() {
            return chain;
        }
        if let Some((top, entry)) = self.kept_path(id) {
            let place = if top == id { String::new() } else { format!("below {}, ", quoted(&tree.path(top))) };
            return vec![format!("{place}path in {}, which no rule changes", entry.origin)];
        }
        vec![self.untouched(id)]
    }

    /// The entry of `keep.paths` that an entry lies at or below, with its place.
    pub(super) fn kept_path(&self, id: Id) -> Option<(Id, &'a Entry)> {
        let tree = self.tree();
        self.kept_paths.iter().copied().find(|&(top, _)| tree.is_within(id, top))
    }

    /// Why no rule removes what nothing keeps.
    fn untouched(&self, id: Id) -> String {
        let (tree, facts, zones) = (self.tree(), &self.examined.facts, &self.examined.zones);
        if let Some(mount) = tree.ancestors(id).find(|&at| tree.meta(at).mount && at != Id::ROOT) {
            return on_mount(tree, mount);
        }
        if let Some(path) = zones.app_path(tree, id).filter(|_| zones.application.contains(id)) {
            let list = if path.writable { "writable" } else { "read-only" };
            let shown = quoted(path.entry.value.as_bytes());
            return format!("it is the application: below {shown}, [files] {list} in {}", path.entry.origin);
        }
        if let Some(why) = protected::why_protected(tree, self.policy, id) {
            return format!("no rule removes it: {why}");
        }
        if let Some((_, rule)) = self.switched_off.iter().find(|(at, _)| *at == id) {
            let switch = self.policy.rules.iter().find(|switch| switch.rule == *rule);
            let place = switch.map_or_else(String::new, |switch| format!(" in {}", switch.origin));
            return format!("{rule} would remove it and is switched off{place}");
        }
        if id != Id::ROOT
            && let Some(inside) = self.kept_inside(id)
        {
            return format!("it holds {}, which stays", quoted(&tree.path(inside)));
        }
        if let Some(why) = self.minimal(id) {
            return why;
        }
        let owner = facts.packages.owner(id);
        let why = self.named_by_no_rule(id);
        match owner.filter(|_| !tree.is_dir(id)) {
            Some(package) => format!("{why} (package {})", quoted(package.name.as_bytes())),
            None => why.to_owned(),
        }
    }

    /// Why minimal mode leaves an entry: its own need, or its package.
    fn minimal(&self, id: Id) -> Option<String> {
        let (tree, packages) = (self.tree(), &self.examined.facts.packages);
        let decision = self.examined.minimal.as_ref().filter(|_| !tree.is_dir(id))?;
        let shown = Shown { tree, packages, closure: &self.examined.closure };
        let reason = decision.needed.get(&id).and_then(Option::as_ref);
        if reason.is_some() {
            return Some(decision.why_file(&shown, id, reason).join(", "));
        }
        for index in packages.owners(id) {
            let name = packages.get(index).map(|package| quoted(package.name.as_bytes())).unwrap_or_default();
            let why = decision.why(&shown, index);
            if !why.is_empty() {
                return Some(format!("its package {name} stays, {}", why.join(", ")));
            }
            if decision.needed.contains_key(&id) {
                return Some(format!("minimal mode keeps this data, although its package {name} is removed"));
            }
        }
        packages.owners(id).next().is_none().then(|| "no package owns it: it belongs to the application".to_owned())
    }

    /// The first entry of the closure or of `keep.paths` in a directory.
    fn kept_inside(&self, id: Id) -> Option<Id> {
        let tree = self.tree();
        if !tree.is_dir(id) {
            return None;
        }
        let inside = |at: Id| at != id && tree.is_within(at, id);
        let needed = self.examined.closure.reasons.keys().copied().find(|&at| inside(at));
        needed.or_else(|| self.kept_paths.iter().map(|&(top, _)| top).find(|&at| inside(at)))
    }

    fn named_by_no_rule(&self, id: Id) -> &'static str {
        let (tree, facts) = (self.tree(), &self.examined.facts);
        let other_path = |at: Id| {
            let is = |path: &String| tree.resolve(path.as_bytes()).is_ok_and(|found| found.node == at);
            facts.commands.other_path.iter().any(is)
        };
        if id == Id::ROOT {
            "it is the root directory"
        } else if self.examined.zones.kernel.contains(id) {
            "no rule examines /dev, /proc and /sys"
        } else if facts.report == Some(id) {
            "this report is written to it"
        } else if facts.this_program == Some(id) || facts.this_config.contains(&id) {
            "it belongs to harden, and remove.self does not remove it"
        } else if tree.parent(id) == Id::ROOT && tree.follow(id).is_ok_and(|found| tree.is_dir(found.node)) {
            "top-level directories and the links to them are the layout of the file system"
        } else if tree.ancestors(id).any(other_path) {
            "it lies in a PATH directory of the application, which is not a command directory"
        } else if facts.commands.entries.contains_key(&id) {
            "no rule removes this command"
        } else if facts.commands.helpers.contains(&id) {
            "a program outside the command directories stays while a command of its package is kept or needs it"
        } else if tree.is_dir(id) {
            "no rule removes this directory"
        } else if tree.is_file(id) && is_library_name(tree.name(id)) {
            "no rule removes libraries, whether a kept program needs them or not"
        } else {
            "no rule applies to it, and it is not left over from a package that lost its commands"
        }
    }
}
