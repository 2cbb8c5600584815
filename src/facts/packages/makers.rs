//! The package that made an account: its maintainer scripts (dpkg) or its sysusers.d(5) files hold the name.

use std::collections::BTreeSet;

use super::{PackageIndex, Packages};
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, glob};

/// Largest script that is read.
const LIMIT: u64 = 256 * 1024;

/// Scripts and files that make accounts.
const PLACES: [&str; 4] = [
    "/var/lib/dpkg/info/*.postinst",
    "/var/lib/dpkg/info/*.preinst",
    "/usr/lib/sysusers.d/*.conf",
    "/lib/sysusers.d/*.conf",
];

/// The texts that make accounts, by package.
#[derive(Debug, Default)]
pub(crate) struct Makers {
    texts: Vec<(PackageIndex, Vec<u8>)>,
}

impl Makers {
    /// Read all of them.
    pub(crate) fn read(tree: &Tree, contents: &dyn Contents, packages: &Packages) -> Self {
        let mut texts = Vec::new();
        for id in PLACES.iter().flat_map(|pattern| glob::expand(tree, pattern)) {
            let Some(index) = of_script(tree, packages, id).or_else(|| packages.owners(id).next()) else { continue };
            if tree.is_file(id) {
                texts.push((index, contents.read(tree, id, LIMIT).unwrap_or_default()));
            }
        }
        Self { texts }
    }

    /// The packages whose texts hold the name as a word; none where the root does not say.
    pub(crate) fn of(&self, name: &str) -> BTreeSet<PackageIndex> {
        let holds = |text: &[u8]| {
            let word = |b: &u8| b.is_ascii_alphanumeric() || b"_-".contains(b);
            text.split(|b| !word(b)).any(|word| word == name.as_bytes())
        };
        self.texts.iter().filter(|(_, text)| holds(text)).map(|&(index, _)| index).collect()
    }
}

/// The package of a maintainer script: `NAME.postinst`, `NAME:ARCHITECTURE.postinst`.
fn of_script(tree: &Tree, packages: &Packages, id: Id) -> Option<PackageIndex> {
    let name = std::str::from_utf8(tree.name(id)).ok()?;
    let (name, _) = name.rsplit_once('.').filter(|(_, end)| matches!(*end, "postinst" | "preinst"))?;
    let name = name.split(':').next()?;
    packages.iter().find(|(_, package)| package.name == name).map(|(index, _)| index)
}
