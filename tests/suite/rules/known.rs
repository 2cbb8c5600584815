//! Rules of what compliance lists ask besides: files.known, login.shells, remove.trust, login.defaults.

use crate::common::{APP, Applied, Rootfs};

const ON: &str = "[rules]\n'login.defaults' = 'on'\n";

fn owner_and_mode(done: &Applied, path: &str) -> (u32, u32, u32) {
    let (uid, gid) = done.after.owner(path);
    (uid, gid, done.after.mode(path))
}

fn changed_by(done: &Applied, rule: &str) -> Vec<String> {
    done.changes().into_iter().filter(|change| change.0 == rule).map(|change| change.2).collect()
}

#[test]
fn files_with_a_fixed_place_are_roots_and_no_wider_than_lists_ask() {
    let done = Rootfs::debian_like()
        .file("/etc/security/opasswd", 0o644, 0, 0, "x")
        .file("/etc/sudoers", 0o664, 60, 60, "root ALL=(ALL) ALL\n")
        .dir("/etc/sudoers.d", 0o755, 0, 0)
        .file("/etc/sudoers.d/app", 0o444, 0, 0, "x")
        .file("/etc/ssh/ssh_host_ed25519_key", 0o644, 0, 0, "x")
        .file("/etc/ssh/ssh_host_ed25519_key.pub", 0o666, 0, 0, "x")
        .file("/etc/chrony.keys", 0o644, 0, 0, "x")
        .dir("/etc/audit", 0o755, 0, 0)
        .apply(&APP);
    for (path, expected) in [
        ("/etc/security/opasswd", (0, 0, 0o600)),
        ("/etc/sudoers", (0, 0, 0o440)),
        ("/etc/sudoers.d", (0, 0, 0o750)),
        ("/etc/sudoers.d/app", (0, 0, 0o440)),
        ("/etc/ssh/ssh_host_ed25519_key", (0, 0, 0o600)),
        ("/etc/ssh/ssh_host_ed25519_key.pub", (0, 0, 0o644)),
        ("/etc/chrony.keys", (0, 0, 0o640)),
        ("/etc/audit", (0, 0, 0o750)),
    ] {
        assert_eq!(owner_and_mode(&done, path), expected, "{path}");
    }
}

/// The group of gshadow goes; what is in its place is the group that may read shadow, not one that may not.
#[test]
fn all_password_files_belong_to_one_group() {
    let tree = Rootfs::debian_like();
    let content = tree.read("/etc/gshadow");
    let done = tree.file("/etc/gshadow", 0o644, 0, 60, content).apply(&APP);
    let (uid, gid, mode) = owner_and_mode(&done, "/etc/gshadow");
    assert_eq!((uid, gid), done.after.owner("/etc/shadow"));
    assert_ne!(gid, 0, "the tree has a group for them");
    assert_eq!(mode, 0o640);
}

/// Root's group opens nothing: it stays, so that no file is copied for it.
#[test]
fn password_files_of_root_alone_stay() {
    let tree = Rootfs::debian_like();
    let content = tree.read("/etc/gshadow");
    let done = tree.file("/etc/gshadow", 0o600, 0, 0, content).apply(&APP);
    assert_eq!(owner_and_mode(&done, "/etc/gshadow"), (0, 0, 0o600));
    // A record of logins that is for all to read is in every tree.
    assert_eq!(changed_by(&done, "files.known"), ["/var/log/wtmp"]);
}

#[test]
fn a_stricter_mode_stays_and_a_second_place_is_nobodys_business() {
    let done = Rootfs::debian_like()
        .file("/etc/chrony.keys", 0o400, 0, 0, "x")
        .file("/srv/chrony.keys", 0o644, 0, 0, "x")
        .file("/etc/ssh/ssh_config", 0o644, 0, 0, "x")
        .apply(&APP);
    done.assert_same(&["/etc/chrony.keys", "/srv/chrony.keys", "/etc/ssh/ssh_config"]);
    // A record of logins that is for all to read is in every tree.
    assert_eq!(changed_by(&done, "files.known"), ["/var/log/wtmp"]);
}

#[test]
fn who_stays_reads_what_he_read() {
    let config = "[keep]\nusers = ['chrony']\ngroups = ['jobs']\n[rules]\n'remove.cron' = 'off'\n";
    let done = Rootfs::debian_like()
        .account("chrony", 123, "/", "/usr/sbin/nologin")
        .line("group", "jobs:x:124:app")
        .file("/etc/chrony/chrony.keys", 0o644, 123, 123, "x")
        .dir("/etc/iptables", 0o755, 0, 124)
        .file("/etc/crontab", 0o644, 0, 0, "* * * * * app /app/server\n")
        .apply_config(config, &APP);
    assert_eq!(owner_and_mode(&done, "/etc/chrony/chrony.keys"), (123, 123, 0o640));
    assert_eq!(owner_and_mode(&done, "/etc/iptables"), (0, 124, 0o750));
    // The jobs stay as they are: a runner of them that is not root reads the list.
    assert_eq!(owner_and_mode(&done, "/etc/crontab"), (0, 0, 0o644));
}

#[test]
fn kept_paths_the_application_and_the_switch_stop_it() {
    let tree = || {
        Rootfs::debian_like()
            .file("/etc/chrony.keys", 0o644, 0, 0, "x")
            .file("/var/log/app/state", 0o664, 1000, 1000, "x")
            .account("app", 1000, "/", "/usr/sbin/nologin")
    };
    let config = "[keep]\npaths = ['/etc/chrony.keys']\n[files]\nwritable = ['/var/log/app']\n";
    let done = tree().apply_config(config, &APP);
    done.assert_same(&["/etc/chrony.keys", "/var/log/app/state"]);
    let done = tree().apply(&[&APP[..], &["--disable", "files.known"]].concat());
    done.assert_same(&["/etc/chrony.keys"]);
}

#[test]
fn logs_that_stay_are_not_for_others() {
    let config = "[rules]\n'remove.leftovers' = 'off'\n";
    let done = Rootfs::debian_like()
        .file("/var/log/old.log", 0o664, 0, 0, "x")
        .file("/var/log/strict.log", 0o600, 0, 0, "x")
        .link("/var/log/access.log", "/dev/stdout")
        .apply_config(config, &APP);
    assert_eq!(owner_and_mode(&done, "/var/log/old.log"), (0, 0, 0o640));
    done.assert_same(&["/var/log/strict.log", "/var/log/access.log"]);
}

#[test]
fn sshd_that_stays_keeps_its_keys_as_they_are() {
    let tree = Rootfs::debian_like()
        .programs(&["/usr/sbin/sshd"])
        .dir("/run/sshd", 0o755, 0, 0)
        .file("/etc/ssh/sshd_config", 0o644, 0, 0, "Port 2222\n")
        .file("/etc/ssh/ssh_host_rsa_key", 0o640, 0, 0, "x");
    let done = tree.apply(&["--user", "app:1000:1000", "--command", "/usr/sbin/sshd -D"]);
    done.assert_same(&["/etc/ssh/sshd_config", "/etc/ssh/ssh_host_rsa_key"]);
}

#[test]
fn nologin_is_taken_from_the_list_of_shells() {
    let done = Rootfs::debian_like()
        .text("/etc/shells", "# shells\n/bin/sh\n/usr/sbin/nologin\n# /sbin/nologin\n/sbin/nologin\n")
        .text("/etc/pam.d/chsh", "auth required pam_shells.so\n")
        .text("/etc/pam.d/other", "# auth required pam_shells.so\n")
        .apply(&APP);
    assert_eq!(done.root.read("/etc/shells"), "# shells\n/bin/sh\n# /sbin/nologin\n");
    assert_eq!(changed_by(&done, "login.shells"), ["/etc/shells"]);
}

#[test]
fn a_list_without_nologin_and_one_that_a_service_asks_stay() {
    let done = Rootfs::debian_like().text("/etc/shells", "/bin/sh\n/usr/bin/tmux").apply(&APP);
    done.assert_same(&["/etc/shells"]);
    let done = Rootfs::debian_like()
        .text("/etc/shells", "/bin/sh\n/usr/sbin/nologin\n")
        .text("/etc/pam.d/vsftpd", "auth\trequired\tpam_shells.so\n")
        .apply(&APP);
    done.assert_same(&["/etc/shells"]);
    let done = Rootfs::debian_like()
        .text("/etc/shells", "/usr/sbin/nologin\n")
        .apply_config("[keep]\npaths = ['/etc/shells']\n", &APP);
    done.assert_same(&["/etc/shells"]);
}

#[test]
fn trust_without_a_password_goes_and_keys_stay() {
    let done = Rootfs::debian_like()
        .account("app", 1000, "/srv/home", "/usr/sbin/nologin")
        .text("/etc/hosts.equiv", "+\n")
        .text("/etc/ssh/shosts.equiv", "h\n")
        .text("/home/someone/.rhosts", "+ +\n")
        .text("/srv/home/.shosts", "h\n")
        .text("/srv/home/.netrc", "machine h\n")
        .text("/srv/home/.ssh/id_ed25519", "x")
        .text("/srv/other/.rhosts", "x")
        .apply(&APP);
    done.assert_gone(&["/etc/hosts.equiv", "/etc/ssh/shosts.equiv", "/home/someone/.rhosts", "/srv/home/.shosts"]);
    done.assert_same(&["/srv/home/.netrc", "/srv/home/.ssh/id_ed25519", "/srv/other/.rhosts"]);
    assert_eq!(changed_by(&done, "remove.trust").len(), 4);
}

#[test]
fn trust_files_that_are_kept_or_the_applications_stay() {
    let config = "[keep]\npaths = ['/etc/hosts.equiv']\n[files]\nread-only = ['/srv/home']\n";
    let done = Rootfs::debian_like()
        .account("app", 1000, "/srv/home", "/usr/sbin/nologin")
        .text("/etc/hosts.equiv", "+\n")
        .text("/srv/home/.rhosts", "h\n")
        .apply_config(config, &APP);
    done.assert_kept(&["/etc/hosts.equiv", "/srv/home/.rhosts"]);
    assert!(changed_by(&done, "remove.trust").is_empty());
}

#[test]
fn login_settings_become_strict_and_stay() {
    let done = Rootfs::debian_like()
        .text("/etc/login.defs", "# note\nUMASK\t\t022\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS 7\nMAIL_DIR /var/mail\n")
        .text("/etc/profile", "PATH=/bin\numask 022\n")
        .text("/etc/bash.bashrc", "umask 077\n")
        .text("/etc/cron.deny", "x\n")
        .apply_config(ON, &APP);
    let read = |path: &str| done.root.read(path);
    let defs = "# note\nUMASK 027\nPASS_MAX_DAYS 365\nPASS_MIN_DAYS 7\nMAIL_DIR /var/mail\nPASS_WARN_AGE 7\n";
    assert_eq!(read("/etc/login.defs"), defs);
    assert_eq!(read("/etc/profile"), "PATH=/bin\numask 027\n");
    assert_eq!(read("/etc/securetty"), "\n");
    assert_eq!(read("/etc/security/limits.d/harden.conf"), "* hard core 0\n");
    for (path, mode) in [("/etc/cron.allow", 0o600), ("/etc/at.allow", 0o600), ("/etc/profile.d/harden.sh", 0o644)] {
        assert_eq!(owner_and_mode(&done, path), (0, 0, mode), "{path}");
    }
    done.assert_gone(&["/etc/cron.deny"]);
    done.assert_same(&["/etc/bash.bashrc"]);
}

#[test]
fn login_settings_that_are_strict_enough_or_kept_stay() {
    let defs = "PASS_MAX_DAYS 90\nPASS_MIN_DAYS 1\nPASS_WARN_AGE 14\nUMASK 077\n";
    let config = format!("{ON}[keep]\npaths = ['/etc/profile']\n");
    let done = Rootfs::debian_like()
        .text("/etc/login.defs", defs)
        .text("/etc/profile", "umask 022\n")
        .file("/etc/cron.allow", 0o600, 0, 0, "root\n")
        .apply_config(&config, &APP);
    done.assert_same(&["/etc/login.defs", "/etc/profile", "/etc/cron.allow"]);
}
