//! remove.package-manager: nothing in the image installs software any more.
//!
//! By package ownership where a database tells, and by exact paths: never by substring, which takes `captoinfo` for
//! apt and `capture.py` for apk. The database itself stays for scanners (packages.database), and so do apk's
//! repositories, which name the release.

use super::paths::{self, Extent, Row};
use crate::plan::Draft;
use crate::rules::Context;

/// Packages that are a package manager, or exist for one.
const PACKAGES: &[&str] = &[
    "apt",
    "apt-utils",
    "apt-transport-https",
    "aptitude",
    "aptitude-common",
    "dpkg",
    "dselect",
    "libapt-pkg5.0",
    "libapt-pkg6.0",
    "libapt-pkg6.0t64",
    "libapt-pkg7.0",
    "libapt-inst2.0",
    "libapt-inst1.5",
    "python-apt-common",
    "python3-apt",
    "unattended-upgrades",
    "debian-archive-keyring",
    "ubuntu-keyring",
    "apk-tools",
    "apk-tools-static",
    "libapk",
    "libapk2",
    "alpine-keys",
    "wolfi-keys",
    "pacman",
    "pacman-mirrorlist",
    "archlinux-keyring",
    "opkg",
    "libopkg",
    "opkg-utils",
];

/// Programs by name in the command directories, for bases whose database is not read.
const PROGRAMS: &[&str] = &[
    "apk",
    "apt",
    "apt-cache",
    "apt-cdrom",
    "apt-config",
    "apt-extracttemplates",
    "apt-ftparchive",
    "apt-get",
    "apt-key",
    "apt-mark",
    "apt-sortpkgs",
    "aptitude",
    "dpkg",
    "dpkg-deb",
    "dpkg-divert",
    "dpkg-maintscript-helper",
    "dpkg-query",
    "dpkg-realpath",
    "dpkg-reconfigure",
    "dpkg-split",
    "dpkg-statoverride",
    "dpkg-trigger",
    "dpkg-preconfigure",
    "update-alternatives",
    "unattended-upgrade",
    "unattended-upgrades",
    "rpm",
    "rpm2archive",
    "rpm2cpio",
    "rpmbuild",
    "rpmdb",
    "rpmgraph",
    "rpmkeys",
    "rpmquery",
    "rpmsign",
    "rpmsort",
    "rpmspec",
    "rpmverify",
    "dnf",
    "dnf-3",
    "dnf4",
    "dnf5",
    "dnf-automatic",
    "dnf-automatic-3",
    "dnf5daemon-client",
    "microdnf",
    "yum",
    "yum-builddep",
    "yum-config-manager",
    "yum-debug-dump",
    "yum-debug-restore",
    "yum-groups-manager",
    "yumdownloader",
    "zypper",
    "zypper-log",
    "aptitude-curses",
    "zypp-refresh",
    "installation_sources",
    "tdnf",
    "tdnf-automatic",
    "tdnf-cache-updateinfo",
    "tdnf-config",
    "pacman",
    "pacman-conf",
    "pacman-db-upgrade",
    "pacman-key",
    "makepkg",
    "makepkg-template",
    "repo-add",
    "repo-elephant",
    "repo-remove",
    "vercmp",
    "testpkg",
    "opkg",
    "opkg-cl",
    "opkg-key",
    "opkg-check-config",
    "opkg-feed",
    "opkg-lede",
];

const TABLE: &[Row] = &[
    // apt and dpkg: methods, hooks, lists, keys, maintainer scripts; not status, info/*.list, *.md5sums, *.conffiles
    ("/etc/apt", Extent::Whole),
    ("/etc/dpkg", Extent::Whole),
    ("/etc/dselect", Extent::Whole),
    ("/usr/lib/apt", Extent::Whole),
    ("/usr/lib/dpkg", Extent::Whole),
    ("/usr/libexec/dpkg", Extent::Whole),
    ("/usr/share/dpkg", Extent::Whole),
    ("/usr/share/keyrings/debian-archive*", Extent::Whole),
    ("/usr/share/keyrings/ubuntu-*", Extent::Whole),
    ("/var/lib/apt", Extent::Whole),
    ("/var/lib/dselect", Extent::Whole),
    ("/var/lib/unattended-upgrades", Extent::Whole),
    ("/var/cache/apt", Extent::Files),
    ("/var/lib/dpkg/info/*.preinst", Extent::Whole),
    ("/var/lib/dpkg/info/*.postinst", Extent::Whole),
    ("/var/lib/dpkg/info/*.prerm", Extent::Whole),
    ("/var/lib/dpkg/info/*.postrm", Extent::Whole),
    ("/var/lib/dpkg/info/*.config", Extent::Whole),
    ("/var/lib/dpkg/info/*.templates", Extent::Whole),
    ("/var/lib/dpkg/info/*.shlibs", Extent::Whole),
    ("/var/lib/dpkg/info/*.symbols", Extent::Whole),
    ("/var/lib/dpkg/available", Extent::Whole),
    ("/var/lib/dpkg/lock*", Extent::Whole),
    ("/var/lib/dpkg/updates", Extent::Whole),
    ("/var/lib/dpkg/parts", Extent::Whole),
    ("/var/lib/dpkg/methods", Extent::Whole),
    ("/var/lib/dpkg/*-old", Extent::Whole),
    // apk: keys, hooks, scripts, caches; not installed, world, repositories, arch
    ("/etc/apk/keys", Extent::Whole),
    ("/etc/apk/cache", Extent::Whole),
    ("/etc/apk/commit_hooks.d", Extent::Whole),
    ("/etc/apk/protected_paths.d", Extent::Whole),
    ("/usr/share/apk", Extent::Whole),
    ("/lib/apk/exec", Extent::Whole),
    ("/usr/lib/apk/exec", Extent::Whole),
    ("/lib/apk/db/scripts.tar*", Extent::Whole),
    ("/usr/lib/apk/db/scripts.tar*", Extent::Whole),
    ("/lib/apk/db/lock", Extent::Whole),
    ("/usr/lib/apk/db/lock", Extent::Whole),
    ("/var/cache/apk", Extent::Files),
    ("/var/lib/apk", Extent::Whole),
    // rpm, dnf, yum, zypper, tdnf
    ("/etc/rpm", Extent::Whole),
    ("/etc/dnf", Extent::Whole),
    ("/etc/yum", Extent::Whole),
    ("/etc/yum.conf", Extent::Whole),
    ("/etc/yum.repos.d", Extent::Whole),
    ("/etc/pki/rpm-gpg", Extent::Whole),
    ("/etc/zypp", Extent::Whole),
    ("/etc/tdnf", Extent::Whole),
    ("/usr/lib/rpm", Extent::Whole),
    ("/usr/lib/dnf", Extent::Whole),
    ("/usr/lib/zypp", Extent::Whole),
    ("/usr/lib/zypper", Extent::Whole),
    ("/usr/lib/tdnf", Extent::Whole),
    ("/usr/lib/python3*/site-packages/dnf", Extent::Whole),
    ("/usr/lib/python3*/site-packages/dnf-plugins", Extent::Whole),
    ("/usr/lib/python3*/site-packages/dnfpluginscore", Extent::Whole),
    ("/usr/lib/sysimage/libdnf5", Extent::Whole),
    ("/usr/lib/sysimage/dnf", Extent::Whole),
    ("/usr/share/dnf5", Extent::Whole),
    ("/usr/share/zypper", Extent::Whole),
    ("/usr/share/zypp", Extent::Whole),
    ("/var/cache/dnf", Extent::Files),
    ("/var/cache/libdnf5", Extent::Files),
    ("/var/cache/yum", Extent::Files),
    ("/var/cache/zypp", Extent::Files),
    ("/var/cache/tdnf", Extent::Files),
    ("/var/lib/dnf", Extent::Whole),
    ("/var/lib/yum", Extent::Whole),
    ("/var/lib/zypp", Extent::Whole),
    ("/var/lib/rpm/.rpm.lock", Extent::Whole),
    ("/usr/lib/sysimage/rpm/.rpm.lock", Extent::Whole),
    // pacman
    ("/etc/pacman.conf", Extent::Whole),
    ("/etc/pacman.d", Extent::Whole),
    ("/etc/makepkg.conf", Extent::Whole),
    ("/etc/makepkg.conf.d", Extent::Whole),
    ("/usr/share/pacman", Extent::Whole),
    ("/usr/share/makepkg", Extent::Whole),
    ("/usr/share/libalpm", Extent::Whole),
    ("/var/cache/pacman", Extent::Files),
    ("/var/lib/pacman/sync", Extent::Whole),
    // opkg
    ("/etc/opkg", Extent::Whole),
    ("/etc/opkg.conf", Extent::Whole),
    ("/var/opkg-lists", Extent::Whole),
    ("/usr/lib/opkg/lists", Extent::Whole),
    ("/var/lib/opkg/lists", Extent::Whole),
];

/// What a package manager's package owns that other rules decide about.
const OTHERS: [&[u8]; 2] = [b"/etc/apk/", b"/var/lib/"];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let reason = "nothing is installed into a finished image";
    let packages = &cx.facts.packages;
    for (index, _) in packages.iter().filter(|(_, package)| PACKAGES.contains(&package.name.as_str())) {
        for id in packages.files(index) {
            let path = tree.path(id);
            if !tree.is_dir(id) && !OTHERS.iter().any(|prefix| path.starts_with(prefix)) {
                draft.remove(id, reason);
            }
        }
    }
    for &directory in &cx.facts.commands.directories {
        for name in PROGRAMS {
            if let Some(id) = tree.child(directory, name.as_bytes()).filter(|&id| !tree.is_dir(id)) {
                draft.remove(id, reason);
            }
        }
    }
    paths::remove(tree, draft, TABLE, reason);
}
