//! Dependencies between packages: names as the records write them, resolved once all are known.
//!
//! Versions are ignored, and every alternative that is installed counts: the database was consistent when the package
//! manager wrote it. Recommended and suggested packages do not count.

use std::collections::BTreeMap;

use super::pairs::Pairs;
use super::{PackageIndex, Packages};
use crate::tree::budget::Budget;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};

/// Packages that maintainer scripts call and programs do not: needing one of them to be installed is no
/// reason to keep what it leaves behind. Names of Debian and of the package managers themselves.
const INSTALLERS: &str = "adduser apk-tools base-passwd cdebconf debconf debconf-2.0 deb-systemd-helper dnf dpkg init-system-helpers \
    install-info lsb-base microdnf opkg pacman passwd rpm tdnf ucf update-inetd yum zypper";

/// Pairs of a package and one that it needs: a name that many need and many offer multiplies.
static PAIRS: Budget = Budget {
    text: "the packages need each other in more ways than",
    most: 2_000_000,
    help: "remove the package's record: its package manager did not write it",
};

/// Whether a package serves installation alone.
pub(super) fn is_installer(name: &str) -> bool {
    INSTALLERS.split(' ').any(|known| known == name)
}

/// Names needed and names offered, by package.
#[derive(Debug, Default)]
pub(super) struct Needs {
    depends: Vec<(PackageIndex, String)>,
    provides: Vec<(String, PackageIndex)>,
}

impl Needs {
    /// Fields of a Debian control file: `libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0, perl:any`.
    pub(super) fn debian(&mut self, package: PackageIndex, depends: &str, provides: &str) {
        let name = |item: &str| item.trim().split([' ', '(', ':', '[']).next().unwrap_or_default().to_owned();
        self.depends.extend(depends.split([',', '|']).map(|item| (package, name(item))));
        self.provides.extend(provides.split(',').map(|item| (name(item), package)));
    }

    /// Words of apk and pacman: `so:libc.musl-x86_64.so.1`, `/bin/sh`, `python3~3.12`, `!conflict`.
    pub(super) fn words<'a>(
        &mut self,
        package: PackageIndex,
        depends: impl Iterator<Item = &'a str>,
        provides: impl Iterator<Item = &'a str>,
    ) {
        let name = |word: &str| word.split(['<', '>', '=', '~', '@']).next().unwrap_or_default().to_owned();
        self.depends.extend(depends.filter(|word| !word.starts_with('!')).map(|word| (package, name(word))));
        self.provides.extend(provides.map(|word| (name(word), package)));
    }

    /// Names of rpm, which may hold any character: `libc.so.6(GLIBC_2.34)(64bit)`, `/bin/sh`, `(pkg-a if pkg-b)`.
    pub(super) fn rpm(
        &mut self,
        package: PackageIndex,
        depends: impl Iterator<Item = String>,
        provides: impl Iterator<Item = String>,
    ) {
        for name in depends {
            if name.starts_with('(') {
                self.depends.extend(rich(&name).map(|name| (package, name.to_owned())));
            } else {
                self.depends.push((package, name));
            }
        }
        self.provides.extend(provides.map(|name| (name, package)));
    }

    /// How many names there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.depends.len(), self.provides.len())
    }

    /// Forget what came behind that many.
    pub(super) fn truncate(&mut self, (depends, provides): (usize, usize)) {
        self.depends.truncate(depends);
        self.provides.truncate(provides);
    }

    /// Pairs of a package and one that it needs, sorted; and of a package and one that needs it by name, which a file,
    /// a library or a command that it happens to have is not.
    pub(super) fn resolve(self, packages: &Packages, tree: &Tree, contents: &dyn Contents) -> (Pairs, Pairs) {
        let mut offered: BTreeMap<&str, Vec<PackageIndex>> = BTreeMap::new();
        for (index, package) in packages.iter() {
            offered.entry(package.name.as_str()).or_default().push(index);
        }
        for (name, index) in &self.provides {
            offered.entry(name.as_str()).or_default().push(*index);
        }
        let (mut pairs, mut named) = (Pairs::default(), Pairs::default());
        for (package, name) in &self.depends {
            if name.is_empty() || is_installer(name) {
                continue;
            }
            let offers = offered.get(name.as_str()).map_or(0, Vec::len) as u64;
            let record = packages.get(*package).and_then(|package| package.record).unwrap_or(Id::ROOT);
            if !contents.spend(&PAIRS, offers, tree, record) {
                break;
            }
            for &needed in offered.get(name.as_str()).into_iter().flatten() {
                pairs.push(*package, needed);
                if !name.contains([':', '/', '(']) {
                    named.push(needed, *package);
                }
            }
            if name.starts_with('/')
                && let Ok(found) = tree.resolve(name.as_bytes())
            {
                for needed in packages.owners(found.node) {
                    pairs.push(*package, needed);
                }
            }
        }
        (pairs.sorted(), named.sorted())
    }
}

/// The names in a boolean dependency, conditions included: operators and versions match no package.
fn rich(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|word| {
        let mut word = word.trim_start_matches('(');
        // `(a or b(x86-64))`: the name's own parentheses are balanced.
        while word.ends_with(')') && word.matches(')').count() > word.matches('(').count() {
            word = word.get(..word.len() - 1).unwrap_or_default();
        }
        word
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Packages;
    use crate::tree::contents::memory::image;
    use std::collections::BTreeSet;

    fn required(packages: &Packages, name: &str) -> Vec<String> {
        let (index, _) = packages.iter().find(|(_, package)| package.name == name).unwrap();
        let all = packages.with_requirements(BTreeSet::from([index]));
        all.into_iter().map(|index| packages.get(index).unwrap().name.clone()).filter(|found| found != name).collect()
    }

    #[test]
    fn debian_dependencies_are_followed_through_alternatives_and_virtual_packages() {
        let status = "Package: app\nPre-Depends: early (>= 1:2)\nDepends: perl:any, other | mail-agent (<< 3), debconf (>= 0.5) | debconf-2.0\nRecommends: extra\n\n\
                      Package: exim\nProvides: mail-agent (= 2), smtpd\nDepends: deep\n\n\
                      Package: debconf\nProvides: debconf-2.0\n\n";
        let entries: Vec<(String, String)> = ["app", "early", "perl", "exim", "deep", "extra", "debconf", "other2"]
            .iter()
            .map(|name| (format!("/var/lib/dpkg/info/{name}.list"), "/.\n".to_owned()))
            .chain([("/var/lib/dpkg/status".to_owned(), status.to_owned())])
            .collect();
        let entries: Vec<(&str, &str)> = entries.iter().map(|(path, text)| (&path[..], &text[..])).collect();
        let (tree, memory) = image(&entries);
        let packages = Packages::collect(&tree, &memory);
        assert_eq!(required(&packages, "app"), ["deep", "early", "exim", "perl"]);
        assert_eq!(required(&packages, "extra"), [""; 0]);
    }

    #[test]
    fn apk_and_pacman_name_libraries_and_paths() {
        let installed = "P:app\nD:so:libx.so.1 lib2>=3 !bad /bin/sh\n\nP:libx\np:so:libx.so.1=1.0 cmd:x=1\nD:app\n\nP:lib2\n\nP:bad\n\nP:busybox\nF:bin\nR:sh\n";
        let (tree, memory) = image(&[
            ("/bin/sh", ""),
            ("/lib/apk/db/installed", installed),
            ("/var/lib/pacman/local/one-1/desc", "%NAME%\none\n\n%DEPENDS%\ntwo>=1\nlibt.so=1-64\n\n"),
            ("/var/lib/pacman/local/three-1/desc", "%NAME%\nthree\n\n%PROVIDES%\nlibt.so=1-64\n\n"),
            ("/var/lib/pacman/local/two-1/desc", "%NAME%\ntwo\n\n%OPTDEPENDS%\nthree: more\n\n"),
        ]);
        let packages = Packages::collect(&tree, &memory);
        assert_eq!(required(&packages, "app"), ["libx", "lib2", "busybox"]);
        assert_eq!(required(&packages, "one"), ["three", "two"]);
        assert_eq!(required(&packages, "two"), [""; 0]);
    }
}
