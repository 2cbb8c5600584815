//! The files to remove, once everything that stays is known.

use std::collections::BTreeSet;

use crate::facts::packages::PackageIndex;
use crate::rules::minimal::{Decider, Decision, Goes, data, leads_to_directory, policy_name, trim};
use crate::rules::protected;
use crate::tree::Id;
use crate::tree::set::IdSet;

impl Decider<'_> {
    pub(super) fn finish(mut self) -> Decision {
        let cx = self.cx;
        let (tree, packages) = (&cx.facts.tree, &cx.facts.packages);
        data::always(tree).into_iter().for_each(|id| self.only(id, None));
        for (at, kind) in data::KINDS.iter().enumerate() {
            let set = cx.policy.minimal.data.get(at).copied().flatten();
            if self.wanted.get(at) == Some(&false) && (set == Some(false) || kind.generated) {
                self.decision.unwanted.extend(kind.dropped(tree).into_iter().map(|id| (id, policy_name(at))));
            }
        }
        let standing = protected::protected_entries(tree, cx.policy);
        // Packages of which something stays.
        let mut parts: BTreeSet<PackageIndex> = BTreeSet::new();
        for (index, _) in packages.iter() {
            let whole = self.decision.stays.contains_key(&index);
            let mut left = whole;
            for id in packages.files(index) {
                if tree.is_dir(id) || self.removed.contains(id) {
                    continue;
                }
                let needed = self.decision.needed.contains_key(&id) || cx.zones.application.contains(id);
                left |= (needed || standing.contains(id)) && !leads_to_directory(tree, id);
                let goes = if needed {
                    continue;
                } else if self.by_file() {
                    Goes::File(index)
                } else if packages.owners(id).any(|owner| self.decision.stays.contains_key(&owner)) {
                    let Some(what) = self.trim.of(tree, id) else { continue };
                    Goes::Trimmed(what)
                } else {
                    Goes::Package(index)
                };
                self.decision.goes.insert(id, goes);
            }
            if left {
                parts.insert(index);
                // A record that stays keeps its licence.
                for id in packages.files(index).filter(|&id| trim::is_licence(tree, id)) {
                    self.decision.goes.remove(&id);
                }
            }
        }
        // And those that a staying package depends on: php keeps its sessions in a directory of php-common.
        let whole: Vec<PackageIndex> = self.decision.stays.keys().copied().collect();
        parts.extend(whole.into_iter().flat_map(|index| packages.requirements(index)));
        for (index, _) in packages.iter() {
            for id in packages.files(index).filter(|&id| tree.is_dir(id)) {
                // A program keeps its state in the directory that its package made for it.
                let state = cx.zones.variable.contains(id) && packages.owners(id).any(|owner| parts.contains(&owner));
                if !state {
                    self.directory(id);
                }
            }
        }
        self.unowned_directories();
        self.decision
    }

    /// A directory goes when empty that only packages own which go, or that holds what is trimmed.
    fn directory(&mut self, id: Id) {
        let packages = &self.cx.facts.packages;
        let stays = packages.owners(id).any(|owner| self.decision.stays.contains_key(&owner));
        let layout = packages.owners(id).any(|owner| self.layout.contains(&owner));
        if !layout && (!stays || self.trim.of(&self.cx.facts.tree, id).is_some()) {
            self.decision.directories.push(id);
        }
    }

    /// Directories of the system that no list names, as distroless' lists do, with what they held.
    fn unowned_directories(&mut self) {
        let (tree, packages) = (&self.cx.facts.tree, &self.cx.facts.packages);
        let mut seen = IdSet::default();
        for &id in self.decision.goes.keys() {
            for at in tree.ancestors(id).skip(1) {
                let shallow = tree.parent(tree.parent(at)) == Id::ROOT;
                if shallow || packages.owner(at).is_some() || !self.cx.zones.system.contains(at) || !seen.insert(at) {
                    break;
                }
                self.decision.directories.push(at);
            }
        }
    }
}
