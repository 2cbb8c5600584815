//! What is removed besides programs: sections 2.4 and 2.11 to 2.14.

use crate::common::{APP, Rootfs};

/// 2.4: three paths of Alpine are removed, and Debian keeps its jobs and timers.
#[test]
fn jobs_and_timers_of_every_distribution_go() {
    let done = Rootfs::debian_like()
        .text("/etc/crontab", "x")
        .script("/etc/cron.hourly/x", "#!/bin/sh\n")
        .script("/etc/cron.weekly/x", "#!/bin/sh\n")
        .script("/etc/cron.monthly/x", "#!/bin/sh\n")
        .text("/etc/cron.yearly/.placeholder", "")
        .text("/etc/anacrontab", "x")
        .file("/var/spool/cron/crontabs/root", 0o600, 0, 0, "x")
        .text("/var/spool/anacron/cron.daily", "x")
        .text("/etc/at.deny", "x")
        .text("/etc/at.allow", "root\n")
        .text("/etc/systemd/system/mine.timer", "[Timer]\n")
        .link("/etc/systemd/system/timers.target.wants/apt-daily.timer", "/usr/lib/systemd/system/apt-daily.timer")
        .apply(&APP);
    done.assert_gone(&[
        "/etc/crontab",
        "/etc/cron.d/e2scrub_all",
        "/etc/cron.hourly/x",
        "/etc/cron.daily/dpkg",
        "/etc/cron.weekly/x",
        "/etc/cron.monthly/x",
        "/etc/cron.yearly/.placeholder",
        "/etc/anacrontab",
        "/var/spool/cron/crontabs/root",
        "/var/spool/anacron/cron.daily",
        "/etc/at.deny",
        "/etc/systemd/system/mine.timer",
        "/usr/lib/systemd/system/apt-daily.timer",
        "/etc/systemd/system/timers.target.wants/apt-daily.timer",
    ]);
    done.assert_same(&["/etc/at.allow"]);
    let done = Rootfs::alpine_like().apply(&APP);
    done.assert_gone(&["/etc/crontabs/root", "/etc/periodic", "/var/spool/cron/crontabs"]);
}

/// 2.4: freshclam needs its jobs: kept files stay, with their directory and without the rest.
#[test]
fn a_kept_job_stays_and_the_others_go() {
    let done = Rootfs::debian_like()
        .text("/etc/cron.d/freshclam", "0 * * * * clamav true\n")
        .apply_config("[keep]\npaths = ['/etc/cron.d/freshclam']\n", &APP);
    done.assert_same(&["/etc/cron.d/freshclam"]);
    done.assert_gone(&["/etc/cron.d/e2scrub_all"]);
}

/// 2.11: `*apt*` and `*apk*` take captoinfo, capture.py and libapt's translations of others, and user data.
#[test]
fn names_that_only_contain_a_package_managers_name_stay() {
    let paths = [
        "/usr/share/perl5/Tie/Hash/NamedCapture.pm",
        "/usr/lib/python3/requests/adapters.py",
        "/usr/share/laptop/x",
        "/usr/lib/node_modules/mapkit/index.js",
        "/usr/lib/node_modules/apk-parser/index.js",
        "/app/chapter1.txt",
        "/srv/apt/data",
        "/app/capture",
        "/usr/share/dpkg-like/x",
        "/usr/share/rpmsomething",
        "/opt/zypper/x",
    ];
    let tree = paths.iter().fold(Rootfs::debian_like(), |tree, path| tree.text(path, *path));
    tree.apply(&APP).assert_same(&paths);
}

/// 2.11: with nothing to remove `xargs rm` fails; the second run is part of every apply here.
#[test]
fn a_tree_without_a_package_manager_is_no_error() {
    Rootfs::distroless().apply(&APP);
    Rootfs::empty().program("/app/server").apply(&APP);
}

/// 2.11, conflict 4: scanners are blinded when the database or the release files go.
#[test]
fn scanners_find_packages_and_the_release_as_before() {
    for (tree, paths) in [
        (
            Rootfs::debian_like(),
            &[
                "/etc/os-release",
                "/usr/lib/os-release",
                "/etc/debian_version",
                "/var/lib/dpkg/status",
                "/var/lib/dpkg/info/dash.list",
            ][..],
        ),
        (
            Rootfs::alpine_like(),
            &["/etc/os-release", "/etc/alpine-release", "/etc/apk/repositories", "/lib/apk/db/installed"],
        ),
        (
            Rootfs::rhel_like(),
            &["/etc/os-release", "/etc/redhat-release", "/etc/system-release", "/var/lib/rpm/rpmdb.sqlite"],
        ),
        (Rootfs::suse_like(), &["/etc/os-release", "/usr/lib/sysimage/rpm/Packages.db"]),
        (Rootfs::arch_like(), &["/etc/os-release", "/var/lib/pacman/local/pacman-6-1/desc"]),
        (Rootfs::wolfi_like(), &["/etc/os-release", "/usr/lib/apk/db/installed", "/etc/apk/repositories"]),
        (
            Rootfs::distroless(),
            &["/etc/os-release", "/var/lib/dpkg/status.d/base-files", "/usr/share/doc/base-files/copyright"],
        ),
    ] {
        tree.apply_config("[packages]\ndatabase = 'keep'\n", &APP).assert_same(paths);
    }
}

/// 2.11: the tools to cover are more than apt and apk.
#[test]
fn package_managers_and_what_they_feed_on_go() {
    let debian = Rootfs::debian_like()
        .text("/var/lib/apt/lists/deb.debian.org_dists_bookworm_InRelease", "x")
        .text("/var/cache/apt/pkgcache.bin", "x")
        .script("/var/lib/dpkg/info/dash.postinst", "#!/bin/sh\n")
        .text("/usr/share/keyrings/debian-archive-keyring.gpg", "x")
        .apply(&APP);
    debian.assert_gone(&[
        "/usr/bin/apt",
        "/usr/bin/dpkg",
        "/etc/apt",
        "/usr/lib/apt/methods/http",
        "/var/cache/apt/pkgcache.bin",
        "/var/lib/apt/lists/deb.debian.org_dists_bookworm_InRelease",
        "/var/lib/dpkg/info/dash.postinst",
        "/usr/share/keyrings/debian-archive-keyring.gpg",
    ]);
    Rootfs::alpine_like().apply(&APP).assert_gone(&["/sbin/apk"]);
    Rootfs::rhel_like().apply(&APP).assert_gone(&["/usr/bin/microdnf", "/usr/bin/rpm", "/etc/yum.repos.d", "/etc/dnf"]);
    Rootfs::suse_like().apply(&APP).assert_gone(&["/usr/bin/zypper", "/etc/zypp"]);
    Rootfs::arch_like().apply(&APP).assert_gone(&["/usr/bin/pacman", "/etc/pacman.conf", "/var/lib/pacman/sync"]);
    Rootfs::wolfi_like().apply(&APP).assert_gone(&["/usr/bin/apk", "/etc/apk/keys"]);
}

/// 2.12: `.*-$` hits any name that ends in a dash, and misses the leftovers of package managers.
#[test]
fn backups_go_and_other_names_that_end_alike_stay() {
    let gone = [
        "/etc/passwd-",
        "/etc/shadow-",
        "/etc/group-",
        "/etc/gshadow-",
        "/etc/subuid-",
        "/etc/subgid-",
        "/etc/.pwd.lock",
        "/etc/ssh/sshd_config.dpkg-old",
        "/etc/app.conf.dpkg-dist",
        "/etc/app.conf.rpmsave",
        "/etc/app.conf.rpmnew",
        "/etc/app.conf.apk-new",
        "/etc/app.conf.ucf-old",
    ];
    let stay = ["/usr/share/icons/zoom-", "/etc/app/name-", "/app/passwd-", "/usr/lib/x.dpkg-old-reader"];
    let tree = gone.iter().chain(&stay).fold(Rootfs::debian_like(), |tree, path| tree.text(path, "x"));
    let done = tree.apply(&APP);
    done.assert_gone(&gone);
    done.assert_same(&stay);
}

/// 2.13: Debian's init links, units and tunables are missed; a lost newline joins two paths.
#[test]
fn init_systems_and_tunables_of_every_distribution_go() {
    let gone = [
        "/etc/init.d/hwclock.sh",
        "/etc/rc0.d/K01x",
        "/etc/rcS.d/S01x",
        "/etc/rc.local",
        "/etc/systemd/system/x.service",
        "/usr/lib/systemd/system/x.service",
        "/etc/sysctl.conf",
        "/etc/sysctl.d/99.conf",
        "/usr/lib/sysctl.d/50.conf",
        "/etc/modprobe.d/x.conf",
        "/usr/lib/modprobe.d/x.conf",
        "/etc/modules",
        "/usr/lib/modules-load.d/x.conf",
        "/etc/fstab",
        "/etc/acpi/x",
        "/etc/mdev.conf",
    ];
    let tree = gone.iter().fold(Rootfs::debian_like(), |tree, path| tree.text(path, "x"));
    tree.apply(&APP).assert_gone(&gone);
    let gone = [
        "/etc/init.d/rcS",
        "/lib/rc/sh/functions.sh",
        "/etc/conf.d/x",
        "/etc/runlevels/boot/x",
        "/etc/rc.conf",
        "/etc/inittab",
        "/lib/sysctl.d/00.conf",
        "/lib/modules-load.d/x.conf",
        "/etc/modprobe.d/aliases.conf",
    ];
    let tree = gone.iter().fold(Rootfs::alpine_like(), |tree, path| tree.text(path, "x"));
    tree.apply(&APP).assert_gone(&gone);
}

/// 2.13: without /root every root exec and many a tool fails: its content goes, the directory stays.
#[test]
fn the_home_of_root_is_emptied_and_stays() {
    let done = Rootfs::debian_like()
        .text("/root/.bashrc", "x")
        .text("/root/.cache/pip/x", "x")
        .link("/root/out", "/srv/data")
        .text("/srv/data/x", "x")
        .apply(&APP);
    assert_eq!(done.after.0.keys().filter(|path| path.starts_with(b"/root")).count(), 1);
    done.assert_same(&["/srv/data/x"]);
    assert_eq!(done.after.mode("/root"), 0o700);
}

/// 2.14: links whose target exists at run time only are deleted; links broken by the sweep stay.
#[test]
fn only_links_that_this_run_breaks_go() {
    let stay = ["/etc/mtab", "/var/run-x", "/etc/ssl/cert-later", "/var/lib/volume", "/usr/lib/never"];
    let done = Rootfs::debian_like()
        .link("/etc/mtab", "/proc/self/mounts")
        .link("/var/run-x", "/run/x.sock")
        .link("/etc/ssl/cert-later", "/etc/pki/none")
        .link("/var/lib/volume", "/data/none")
        .link("/usr/lib/never", "loop")
        .link("/usr/lib/loop", "never")
        .link("/opt/tool", "/usr/bin/wget")
        .link("/opt/tool-again", "tool")
        .apply(&APP);
    done.assert_same(&stay);
    done.assert_gone(&["/opt/tool", "/opt/tool-again"]);
}

/// 2.14: absolute links are resolved in the running system, so it works inside the image only.
#[test]
fn absolute_links_are_resolved_inside_the_root() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    let far = format!("../../../../../../../../../..{}", secret.display());
    let done = Rootfs::debian_like()
        .link("/usr/local/bin/absolute", &secret)
        .link("/usr/local/bin/relative", &far)
        .link("/var/log/app", outside.path())
        .link("/root/deep", outside.path())
        .link("/etc/cron.weekly", outside.path())
        .apply(&APP);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "x");
    done.assert_same(&["/usr/local/bin/absolute", "/usr/local/bin/relative", "/var/log/app"]);
}
