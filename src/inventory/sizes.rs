//! Kept and removed files and bytes of each package: the figures of the report.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::freed::own;
use crate::draft::record::{Target, What};
use crate::pipeline::Examined;
use crate::rules::minimal::{Because, Shown, leads_to_directory};
use crate::tree::set::IdSet;

/// Files and their bytes; a file of several names counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Amount {
    /// Files, links and other entries that are no directories.
    pub files: usize,
    /// Bytes of file content.
    pub bytes: u64,
}

/// One package, or all that no package owns.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Size {
    /// Name of the package; empty for what no package owns.
    pub package: String,
    /// Its version as recorded.
    pub version: String,
    /// What stays.
    pub stays: Amount,
    /// What goes.
    pub goes: Amount,
    /// Why it stays as a whole, as clauses, the nearest first; escaped for a terminal. Empty when it does not.
    pub because: Vec<String>,
    /// It was installed on purpose and stays for no other reason: `minimal.drop` lets it go.
    pub on_purpose: bool,
}

/// All of them, what stays largest first, then what goes largest first. Empty unless the mode is minimal.
#[must_use]
pub(crate) fn sizes(examined: &Examined) -> Vec<Size> {
    let Some(decision) = &examined.minimal else { return Vec::new() };
    let facts = &examined.facts;
    let (tree, packages) = (&facts.tree, &facts.packages);
    let mut removed = IdSet::default();
    for record in examined.plan.records.iter().filter(|record| record.what == What::Remove) {
        if let Target::Entry(id) = record.target {
            removed.insert(id);
        }
    }
    let own = own(examined);
    let mut amounts = BTreeMap::new();
    let mut seen = BTreeSet::new();
    // A file of which one name stays stays.
    for goes in [false, true] {
        for id in tree.ids().filter(|&id| !tree.is_dir(id) && removed.contains(id) == goes) {
            let meta = tree.meta(id);
            if meta.mount || examined.zones.kernel.contains(id) || own.contains(id) {
                continue;
            }
            let owner = packages.owners(id).next().filter(|_| !leads_to_directory(tree, id));
            let (stay, go): &mut (Amount, Amount) = amounts.entry(owner).or_default();
            let amount = if goes { go } else { stay };
            amount.files += 1;
            if tree.is_file(id) && tree.file_id(id).is_none_or(|file| seen.insert(file)) {
                amount.bytes += meta.size;
            }
        }
    }
    let shown = Shown { tree, packages, closure: &examined.closure };
    let mut sizes: Vec<Size> = Vec::new();
    for (index, (stays, goes)) in amounts {
        let package = index.and_then(|index| packages.get(index));
        sizes.push(Size {
            package: package.map(|package| package.name.clone()).unwrap_or_default(),
            version: package.map(|package| package.version.clone()).unwrap_or_default(),
            stays,
            goes,
            because: index.map(|index| decision.why(&shown, index)).unwrap_or_default(),
            on_purpose: index.is_some_and(|index| decision.stays.get(&index) == Some(&Because::OnPurpose)),
        });
    }
    sizes.sort_by(|one, other| {
        (other.stays.bytes, other.goes.bytes, &one.package).cmp(&(one.stays.bytes, one.goes.bytes, &other.package))
    });
    sizes
}

/// The sum of them: what stays, what goes.
#[must_use]
pub(crate) fn sum(sizes: &[Size]) -> [Amount; 2] {
    let mut sum = [Amount::default(); 2];
    for size in sizes {
        for (all, one) in sum.iter_mut().zip([size.stays, size.goes]) {
            all.files += one.files;
            all.bytes += one.bytes;
        }
    }
    sum
}
