//! Every rule with its effect, and the same tree with the rule off.

use crate::common::{APP, Rootfs};

/// A tree in which every rule has something to do.
fn everything() -> Rootfs {
    Rootfs::debian_like()
        .account("games2", 70, "/", "/bin/sh")
        .text("/etc/passwd-", "x")
        .text("/var/log/dpkg.log", "x")
        .text("/etc/sysctl.conf", "x")
        .script("/etc/init.d/x", "#!/bin/sh\n")
        .text("/root/.profile", "x")
        .fifo("/var/lib/fifo")
        .socket("/srv/app.sock")
        .device("/opt/null", 1, 3)
        .file("/opt/games", 0o644, 5, 60, "x")
        .dir("/usr/lib/wide", 0o757, 0, 0)
        .file("/var/lib/wide", 0o666, 0, 0, "x")
        .static_program("/opt/setid", 0o4755)
        .program("/opt/caps")
        .capability("/opt/caps")
        .link("/opt/wget", "/usr/bin/wget")
        .text("/etc/chrony.keys", "x")
        .text("/etc/shells", "/usr/sbin/nologin\n")
        .text("/etc/hosts.equiv", "+\n")
        .dir("/app/data", 0o755, 0, 0)
        .text("/etc/shadow", "root::19700:0:99999:7:::\ngames2:$6$x:19700:0:99999:7:::\n")
}

const CONFIG: &str = "[files]\nwritable = ['/app/data']\n[packages]\ndatabase = 'remove'\n";

/// What each rule changes there: one path, by which it is known.
const EFFECTS: &[(&str, &str)] = &[
    ("accounts.prune", "/etc/passwd"),
    ("accounts.lock", "/etc/shadow"),
    ("accounts.shell", "/etc/passwd"),
    ("accounts.backup", "/etc/passwd-"),
    ("remove.commands", "/usr/bin/wget"),
    ("remove.package-manager", "/etc/apt"),
    ("remove.cron", "/etc/cron.d/e2scrub_all"),
    ("remove.init", "/etc/init.d/x"),
    ("remove.tunables", "/etc/sysctl.conf"),
    ("remove.fstab", "/etc/fstab"),
    ("remove.root-home", "/root/.profile"),
    ("remove.leftovers", "/var/log/dpkg.log"),
    ("packages.database", "/var/lib/dpkg/status"),
    ("files.devices", "/opt/null"),
    ("files.ownerless", "/opt/games"),
    ("files.system-dirs", "/usr/lib/wide"),
    ("files.writable", "/var/lib/wide"),
    ("files.known", "/etc/chrony.keys"),
    ("login.shells", "/etc/shells"),
    ("remove.trust", "/etc/hosts.equiv"),
    ("files.app", "/app/data"),
    ("files.setid", "/opt/setid"),
    ("files.capabilities", "/opt/caps"),
];

#[test]
fn every_rule_changes_what_it_is_for() {
    let done = everything().apply_config(CONFIG, &APP);
    let changes = done.changes();
    for (rule, path) in EFFECTS.iter().copied().chain([("remove.links", "/opt/wget"), ("accounts.user", "/etc/passwd")])
    {
        assert!(changes.iter().any(|change| change.0 == rule && change.2 == path), "{rule} {path}: {changes:#?}");
    }
    done.assert_gone(&["/var/lib/fifo", "/srv/app.sock", "/opt/null", "/var/lib/dpkg/status", "/opt/wget"]);
}

/// A rule that is off changes nothing, and no other one takes its place.
#[test]
fn every_rule_can_be_off_alone() {
    for &(rule, path) in EFFECTS {
        let done = everything().apply_config(CONFIG, &[&APP[..], &["--disable", rule]].concat());
        assert!(done.changes().iter().all(|change| change.0 != rule), "{rule}");
        // Other rules rewrite the account files too, files.writable closes the directory as well, files.known the log.
        let others = ["files.system-dirs", "remove.leftovers"];
        if !path.starts_with("/etc/passwd") && path != "/etc/shadow" && !others.contains(&rule) {
            assert_eq!(done.before.0.get(path.as_bytes()), done.after.0.get(path.as_bytes()), "{rule}: {path}");
        }
    }
}

#[test]
fn the_rules_table_of_a_configuration_is_the_same_switch() {
    let done = Rootfs::debian_like().apply_config("[rules]\n'remove.fstab' = 'off'\n", &APP);
    done.assert_same(&["/etc/fstab"]);
}

#[test]
fn login_defaults_is_off_until_somebody_asks() {
    let done = Rootfs::debian_like().apply(&APP);
    assert!(done.changes().iter().all(|change| change.0 != "login.defaults"));
    let done = Rootfs::debian_like().apply_config("[rules]\n'login.defaults' = 'on'\n", &APP);
    assert!(done.changes().iter().any(|change| change.0 == "login.defaults"));
}

#[test]
fn every_distribution_keeps_its_shape_and_loses_its_programs() {
    for (tree, gone) in [
        (Rootfs::debian_like(), &["/usr/bin/apt", "/usr/bin/dash", "/usr/bin/sh"][..]),
        (Rootfs::alpine_like(), &["/bin/busybox", "/bin/sh", "/sbin/apk"]),
        (Rootfs::alpine_merged(), &["/usr/bin/busybox", "/usr/bin/sh", "/usr/bin/apk"]),
        (Rootfs::rhel_like(), &["/usr/bin/bash", "/usr/bin/rpm", "/usr/bin/microdnf"]),
        (Rootfs::suse_like(), &["/usr/bin/bash", "/usr/bin/zypper"]),
        (Rootfs::arch_like(), &["/usr/bin/bash", "/usr/bin/pacman"]),
        (Rootfs::wolfi_like(), &["/usr/bin/busybox", "/usr/bin/apk"]),
        (Rootfs::distroless(), &[]),
    ] {
        let done = tree.apply(&APP);
        done.assert_gone(gone);
        for (path, entry) in &done.before.0 {
            let top = path.iter().filter(|&&byte| byte == b'/').count() == 1;
            assert!(!top || done.after.0.get(path).is_some_and(|new| new.kind == entry.kind));
        }
        done.assert_same(&["/app/server", "/etc/os-release"]);
    }
}

#[test]
fn libraries_stay_when_the_programs_go() {
    let done = Rootfs::debian_like().apply(&APP);
    done.assert_same(&["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib64/ld-linux-x86-64.so.2"]);
}

/// Two phases: a base is hardened first, the application copied onto it, and the whole hardened again.
#[test]
fn a_hardened_base_takes_an_application_and_is_hardened_again() {
    let base = Rootfs::alpine_like();
    std::fs::remove_dir_all(base.at("/app")).unwrap();
    let args = ["--user", "app:1000:1000", "--command", "none"];
    let config = "[files]\nread-only = ['/srv/site']\n[keep]\ncommands = ['ls']\n";
    let done = base.apply_config(config, &args);
    let tree = done.root.program("/app/server").file("/srv/site/index.html", 0o664, 1000, 1000, "x");
    let config = "[files]\nread-only = ['/srv/site']\n[keep]\ncommands = ['ls']\n[remove]\ncommands = ['gosu']\n";
    let done = tree.apply_config(config, &APP);
    let paths: Vec<String> = done.changes().into_iter().map(|change| change.2).collect();
    assert!(paths.iter().all(|path| path.starts_with("/srv/site")), "{paths:?}");
    done.assert_kept(&["/bin/ls", "/app/server"]);
}

/// A fifo works as it lies in the image, so a program may expect it, as nullmailer has one.
#[test]
fn a_fifo_outside_the_places_of_the_run_does_not_go_without_a_word() {
    let tree = || Rootfs::debian_like().fifo("/var/spool/mailer/trigger").fifo("/run/initctl").fifo("/tmp/pipe");
    let done = tree().apply(&APP);
    done.assert_gone(&["/var/spool/mailer/trigger", "/run/initctl", "/tmp/pipe"]);
    let said = &done.run.stderr;
    assert!(said.contains("warning[files.devices]") && said.contains("'/var/spool/mailer/trigger'"), "{said}");
    assert!(!said.contains("initctl") && !said.contains("/tmp/pipe"), "{said}");
    let kept = tree().apply_config("[keep]\npaths = ['/var/spool/mailer/trigger']\n", &APP);
    kept.assert_same(&["/var/spool/mailer/trigger"]);
    assert!(!kept.run.stderr.contains("trigger"), "{}", kept.run.stderr);
}
