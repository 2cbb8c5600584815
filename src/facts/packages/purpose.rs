//! Packages that were installed on purpose, by the notes of the package managers.
//!
//! apt notes the packages that it installed for others, apk and dnf those that were asked for, and pacman has a field
//! in each record. In a tree without such notes, no package counts.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::{Manager, PackageIndex, Packages, Reader, lossy, stanzas};

/// Where apt notes what it installed for others.
pub(super) const APT: &str = "/var/lib/apt/extended_states";
/// Where apk notes what was asked for.
const APK: &str = "/etc/apk/world";
/// Where dnf5 notes why it installed each package: the place of today, and that of its first versions.
const DNF: [&str; 2] = ["/usr/lib/sysimage/libdnf5/packages.toml", "/var/lib/dnf/system/packages.toml"];

/// Packages that apt installed for others, by name, with their architectures.
#[derive(Debug)]
pub(super) struct Automatic(BTreeMap<String, BTreeSet<String>>);

impl Automatic {
    /// Read apt's notes; `None` where there are none.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let content = reader.file(APT.as_bytes()).map(|id| reader.read(id))?;
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mut fields in stanzas(&content) {
            let mut take = |name| fields.remove(name).unwrap_or_default();
            if take("auto-installed") == "1" {
                all.entry(take("package")).or_default().insert(take("architecture"));
            }
        }
        Some(Self(all))
    }

    /// Whether apt installed it for another package. The notes give packages for all architectures the machine's.
    pub(super) fn has(&self, name: &str, architecture: &str) -> bool {
        self.0.get(name).is_some_and(|all| matches!(architecture, "" | "all") || all.contains(architecture))
    }
}

/// Names that were asked for, as `/etc/apk/world` has them: `nginx`, `python3~3.12`, `foo@edge`; not `!conflict`.
pub(super) fn world(reader: &mut Reader<'_>) -> BTreeSet<String> {
    let content = reader.file(APK.as_bytes()).map(|id| lossy(&reader.read(id))).unwrap_or_default();
    content.split_whitespace().filter(|word| !word.starts_with('!')).map(|word| bare(word).to_owned()).collect()
}

/// A word of apk without version and repository.
pub(super) fn bare(word: &str) -> &str {
    word.split(['<', '>', '=', '~', '@']).next().unwrap_or_default()
}

/// Mark what dnf5 installed because its user asked for it: `"nginx.x86_64" = { reason = "User" }`.
pub(super) fn dnf(reader: &mut Reader<'_>) {
    for path in DNF {
        let Some(id) = reader.file(path.as_bytes()) else { continue };
        let content = lossy(&reader.read(id));
        let Ok(table) = DeTable::parse(&content) else {
            let path = crate::diag::escape::quoted(path.as_bytes());
            reader.packages.problems.push(format!("cannot read dnf's reasons in {path}: it is not TOML"));
            continue;
        };
        let reasons = table.get_ref().get("packages").and_then(|packages| packages.get_ref().as_table());
        let is_users = |state: &DeValue<'_>| {
            let reason =
                state.as_table().and_then(|state| state.get("reason")).and_then(|reason| reason.get_ref().as_str());
            reason == Some("User")
        };
        let users = reasons.into_iter().flatten().filter(|(_, state)| is_users(state.get_ref()));
        let users = users.map(|(name, _)| name.get_ref().as_ref());
        let names: BTreeSet<&str> = users.filter_map(|name| name.rsplit_once('.')).map(|(name, _)| name).collect();
        for package in &mut reader.packages.packages {
            package.on_purpose |= package.manager == Manager::Rpm && names.contains(package.name.as_str());
        }
    }
}

/// What another package of dpkg depends on is there for that one, and what only maintainer scripts call for them.
pub(super) fn without_dependents(packages: &mut Packages) {
    let mut needed: BTreeSet<PackageIndex> = BTreeSet::new();
    for (index, _) in packages.iter().filter(|(_, package)| !package.removed) {
        needed.extend(packages.requirements(index).filter(|&other| other != index));
    }
    for index in needed {
        if let Some(package) = packages.packages.get_mut(index.0 as usize)
            && package.manager == Manager::Dpkg
        {
            package.on_purpose = false;
        }
    }
    for package in packages.packages.iter_mut().filter(|package| package.is_installer()) {
        package.on_purpose = false;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Packages;
    use crate::tree::contents::memory::image;

    fn on_purpose(entries: &[(&str, &str)]) -> Vec<String> {
        let (tree, memory) = image(entries);
        let packages = Packages::collect(&tree, &memory);
        assert_eq!(packages.problems, [""; 0]);
        packages.iter().filter(|(_, package)| package.on_purpose).map(|(_, package)| package.name.clone()).collect()
    }

    #[test]
    fn apt_names_what_it_installed_for_others() {
        let status = "Package: asked\nStatus: install ok installed\nArchitecture: all\nPriority: optional\nDepends: needed\n\n\
                      Package: needed\nArchitecture: amd64\n\n\
                      Package: auto\nArchitecture: amd64\n\n\
                      Package: auto-all\nArchitecture: all\n\n\
                      Package: required\nPriority: required\n\n\
                      Package: important\nPriority: important\n\n\
                      Package: essential\nPriority: optional\nEssential: yes\n\n\
                      Package: manual\nArchitecture: amd64\n\n\
                      Package: for-a-removed-one\n\n\
                      Package: removed\nStatus: deinstall ok config-files\nDepends: for-a-removed-one\n\n\
                      Package: debconf\nPriority: optional\n\n";
        let names = "asked needed auto auto-all required important essential manual for-a-removed-one removed debconf";
        let states = "Package: auto\nArchitecture: amd64\nAuto-Installed: 1\n\n\
                      Package: auto-all\nArchitecture: amd64\nAuto-Installed: 1\n\n\
                      Package: manual\nArchitecture: i386\nAuto-Installed: 1\n\n\
                      Package: asked\nArchitecture: amd64\nAuto-Installed: 0\n\n";
        let lists: Vec<String> = names.split(' ').map(|name| format!("/var/lib/dpkg/info/{name}.list")).collect();
        let mut entries: Vec<(&str, &str)> = lists.iter().map(|path| (&path[..], "/.\n")).collect();
        entries.push(("/var/lib/dpkg/status", status));
        // Without apt's notes nothing counts.
        assert_eq!(on_purpose(&entries), [""; 0]);
        entries.push((super::APT, states));
        assert_eq!(on_purpose(&entries), ["asked", "for-a-removed-one", "manual"]);
        entries.pop();
        entries.push((super::APT, ""));
        assert_eq!(on_purpose(&entries), ["asked", "auto-all", "auto", "for-a-removed-one", "manual"]);
    }

    #[test]
    fn distroless_records_say_nothing() {
        let entries = [("/var/lib/dpkg/status.d/one", "Package: one\n"), (super::APT, "")];
        assert_eq!(on_purpose(&entries), [""; 0]);
    }

    #[test]
    fn apk_pacman_and_dnf_name_what_was_asked_for() {
        let installed = "P:app\nD:so:libx.so.1\n\nP:libx\np:so:libx.so.1=1.0\n\nP:other\n\nP:real\np:virtual=2\n\nP:.deps\nD:libx\n";
        let world = "app~1.2\nvirtual>1\n.deps=2024\n!other\n";
        let apk = [("/lib/apk/db/installed", installed), ("/etc/apk/world", world)];
        assert_eq!(on_purpose(&apk), ["app", "real", ".deps"]);
        let pacman = [
            ("/var/lib/pacman/local/one-1/desc", "%NAME%\none\n\n%DEPENDS%\ntwo\n\n"),
            ("/var/lib/pacman/local/three-1/desc", "%NAME%\nthree\n\n%REASON%\n0\n\n"),
            ("/var/lib/pacman/local/two-1/desc", "%NAME%\ntwo\n\n%REASON%\n1\n\n"),
        ];
        assert_eq!(on_purpose(&pacman), ["one", "three"]);
    }
}
