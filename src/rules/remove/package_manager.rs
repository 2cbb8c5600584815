//! remove.package-manager: nothing in the image installs software any more.
//!
//! By package ownership where a database tells, and by exact paths: never by substring, which takes `captoinfo` for
//! apt and `capture.py` for apk. The database itself stays for scanners (packages.database), and so do apk's
//! repositories, which name the release.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// Packages that are a package manager, or exist for one.
const PACKAGES: &str = "apt apt-utils apt-transport-https aptitude aptitude-common dpkg dselect libapt-pkg5.0 libapt-pkg6.0 \
    libapt-pkg6.0t64 libapt-pkg7.0 libapt-inst2.0 libapt-inst1.5 python-apt-common python3-apt \
    unattended-upgrades debian-archive-keyring ubuntu-keyring apk-tools apk-tools-static libapk libapk2 \
    alpine-keys wolfi-keys pacman pacman-mirrorlist archlinux-keyring opkg libopkg opkg-utils rpm rpm-libs \
    rpm-build rpm-build-libs rpm-sign rpm-sign-libs rpm-plugin-audit rpm-plugin-ima rpm-plugin-selinux \
    rpm-plugin-systemd-inhibit python3-rpm dnf dnf-data dnf-plugins-core dnf5 dnf5-plugins libdnf libdnf5 \
    libdnf5-cli microdnf python3-dnf python3-dnf-plugins-core python3-hawkey python3-libdnf python3-libdnf5 yum \
    yum-utils libzypp libzypp-config zypper zypper-log tdnf tdnf-cli-libs tdnf-plugin-repogpgcheck";

/// Programs by name in the command directories, for bases whose database is not read.
const PROGRAMS: &str = "apk apt apt-cache apt-cdrom apt-config apt-extracttemplates apt-ftparchive apt-get apt-key apt-mark \
    apt-sortpkgs aptitude dpkg dpkg-deb dpkg-divert dpkg-maintscript-helper dpkg-query dpkg-realpath \
    dpkg-reconfigure dpkg-split dpkg-statoverride dpkg-trigger dpkg-preconfigure update-alternatives \
    unattended-upgrade unattended-upgrades rpm rpm2archive rpm2cpio rpmbuild rpmdb rpmgraph rpmkeys rpmquery \
    rpmsign rpmsort rpmspec rpmverify dnf dnf-3 dnf4 dnf5 dnf-automatic dnf-automatic-3 dnf5daemon-client \
    microdnf yum yum-builddep yum-config-manager yum-debug-dump yum-debug-restore yum-groups-manager \
    yumdownloader zypper zypper-log aptitude-curses zypp-refresh installation_sources tdnf tdnf-automatic \
    tdnf-cache-updateinfo tdnf-config pacman pacman-conf pacman-db-upgrade pacman-key makepkg makepkg-template \
    repo-add repo-elephant repo-remove vercmp testpkg opkg opkg-cl opkg-key opkg-check-config opkg-feed opkg-lede";

/// Directories of caches: their files go, and the directories stay.
const CACHES: &[&str] = &[
    "/var/cache/apt",
    "/var/cache/apk",
    "/var/cache/dnf",
    "/var/cache/libdnf5",
    "/var/cache/yum",
    "/var/cache/zypp",
    "/var/cache/tdnf",
    "/var/cache/pacman",
];

/// What a package manager's package owns that other rules decide about.
const OTHERS: [&[u8]; 4] = [b"/etc/apk", b"/var/lib", b"/usr/lib/sysimage", b"/usr/share/rpm"];

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let reason = "a finished image needs no package manager";
    let packages = &cx.facts.packages;
    let others: Vec<Id> = OTHERS.iter().filter_map(|path| tree.lookup(path)).collect();
    for (index, _) in packages.iter().filter(|(_, package)| PACKAGES.split(' ').any(|name| name == package.name)) {
        for id in packages.files(index) {
            if !tree.is_dir(id) && !others.iter().any(|&other| tree.is_within(id, other)) {
                draft.remove(id, reason);
            }
        }
    }
    for &directory in &cx.facts.commands.directories {
        for name in PROGRAMS.split(' ') {
            if let Some(id) = tree.child(directory, name.as_bytes()).filter(|&id| !tree.is_dir(id)) {
                draft.remove(id, reason);
            }
        }
    }
    paths::entries(tree, draft, include_str!("package_manager.txt"), reason);
    paths::files(tree, draft, CACHES, reason);
}
