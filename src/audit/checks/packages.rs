//! Checks that scanners are told the truth: identity files and package databases.

use crate::audit::{Cx, Findings, Severity};
use crate::diag::escape::escaped;
use crate::facts::packages::Manager;
use crate::policy::Database;

/// Where the databases lie, for messages and for images that had one.
const DATABASES: [(&[&str], &[&str]); 4] = [
    (&["debian", "ubuntu"], &["/var/lib/dpkg/status", "/var/lib/dpkg/status.d"]),
    (&["alpine", "wolfi", "chainguard"], &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"]),
    (&["arch"], &["/var/lib/pacman/local"]),
    (
        &["rhel", "fedora", "centos", "amzn", "suse", "opensuse", "azurelinux"],
        &["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"],
    ),
];

/// Lists of packages that scanners read where there is no database.
const MANIFESTS: [&str; 2] = ["/var/lib/rpmmanifest/container-manifest-2", "/var/lib/rpmmanifest/container-manifest-1"];

pub(super) fn identity(cx: &Cx<'_>, findings: &mut Findings) {
    let has = |path: &str| cx.tree.resolve(path.as_bytes()).is_ok();
    let managed = !cx.facts.packages.is_empty() || !cx.facts.packages.unreadable.is_empty();
    if managed && !has("/etc/os-release") && !has("/usr/lib/os-release") {
        findings.path(b"/etc/os-release".to_vec(), b"", "is missing: scanners cannot identify the distribution");
    }
    for (id, file, database) in [
        ("debian", "/etc/debian_version", "/var/lib/dpkg/status"),
        ("alpine", "/etc/alpine-release", "/lib/apk/db/installed"),
    ] {
        if cx.facts.os.id == id && has(database) && !has(file) {
            findings.path(file.as_bytes().to_vec(), b"", "is missing: scanners read the release from it");
        }
    }
}

pub(super) fn database(cx: &Cx<'_>, findings: &mut Findings) {
    let facts = cx.facts;
    for problem in &facts.packages.problems {
        findings.note(problem.clone());
    }
    for &(manager, id) in &facts.packages.unreadable {
        if manager == Manager::Rpm {
            let path = escaped(&cx.tree.path(id));
            findings.note(format!("cannot read '{path}': files below /usr count as files of its packages"));
        }
    }
    // Azure Linux leaves its distroless images a list for scanners in place of the database.
    if MANIFESTS.iter().any(|path| cx.tree.resolve(path.as_bytes()).is_ok()) {
        return;
    }
    let empty = facts.packages.is_empty() && facts.packages.unreadable.is_empty();
    if !empty || cx.policy.database == Database::Remove {
        return;
    }
    let known = DATABASES.iter().find(|(ids, _)| facts.os.is_like(ids));
    if let Some(path) = known.and_then(|(_, paths)| paths.first()) {
        findings.path(path.as_bytes().to_vec(), b"", "no package is recorded here: scanners of packages find none");
    }
}

pub(super) fn ghosts(cx: &Cx<'_>, findings: &mut Findings) {
    let packages = &cx.facts.packages;
    for (index, package) in packages.iter().filter(|(_, package)| package.had_commands) {
        if packages.files(index).any(|id| !cx.tree.is_dir(id)) {
            continue;
        }
        let places = DATABASES.iter().flat_map(|(_, paths)| *paths);
        let path = places.copied().find(|path| cx.tree.resolve(path.as_bytes()).is_ok()).unwrap_or("/");
        let text =
            format!("the package '{}' is recorded, but none of its files exists", escaped(package.name.as_bytes()));
        findings.path(path.as_bytes().to_vec(), package.name.as_bytes(), text).at_most(Severity::Low);
    }
}
