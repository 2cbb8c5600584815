//! Packages that were installed on purpose: rule 6 of granularity "package".

use crate::diag::Origin;
use crate::facts::packages::{Manager, PackageIndex};
use crate::rules::minimal::{Because, Decider};
use crate::tree::glob::Glob;

/// The programs that install packages: while one is there, the tree is as it was built.
const MANAGERS: [(Manager, &str); 5] = [
    (Manager::Dpkg, "dpkg"),
    (Manager::Apk, "apk"),
    (Manager::Pacman, "pacman"),
    (Manager::Opkg, "opkg"),
    (Manager::Rpm, "rpm"),
];

impl Decider<'_> {
    /// Let packages stay that were installed on purpose, but for those that the policy drops.
    pub(super) fn on_purpose(&mut self) {
        let cx = self.cx;
        let mut dropped: Vec<PackageIndex> = Vec::new();
        for entry in &cx.policy.minimal.drop {
            // Checked when the policy was read.
            let glob = Glob::new(&entry.value);
            let is = |name: &str| glob.as_ref().is_ok_and(|glob| glob.matches(name.as_bytes()));
            let before = dropped.len();
            dropped.extend(cx.facts.packages.iter().filter(|(_, package)| is(&package.name)).map(|(index, _)| index));
            let optional = entry.optional || matches!(entry.origin, Origin::Profile(_));
            // An earlier run has dropped it where the package manager went too.
            if dropped.len() == before && !optional && self.has_manager() {
                self.decision.unknown.push(("minimal.drop", entry.value.clone(), entry.origin.clone()));
            }
        }
        if self.by_file() {
            return;
        }
        for (index, package) in cx.facts.packages.iter().filter(|(_, package)| package.on_purpose) {
            if !package.is_installer() && !self.lost.contains(&index) && !dropped.contains(&index) {
                self.stay(index, Because::OnPurpose);
            }
        }
    }

    /// Whether the tree has the program that installed its packages.
    fn has_manager(&self) -> bool {
        let facts = self.cx.facts;
        let names =
            MANAGERS.iter().filter(|(manager, _)| facts.packages.iter().any(|(_, one)| one.manager == *manager));
        let names: Vec<&[u8]> = names.map(|(_, name)| name.as_bytes()).collect();
        facts.commands.entries.keys().any(|&id| names.contains(&facts.tree.name(id)))
    }
}
