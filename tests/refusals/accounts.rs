//! Users that cannot be made or are somebody else. More of these on account lines in tests/accounts/user.rs.

use crate::common::{APP, Rootfs};

fn user(name: &str) -> [&str; 4] {
    ["--user", name, "--command", "/app/server"]
}

#[test]
fn a_uid_of_an_account_that_stays_is_refused() {
    let tree = Rootfs::debian_like().account("ubuntu", 1000, "/home/ubuntu", "/bin/bash");
    tree.refuse_config("[keep]\nusers = ['ubuntu']\n", &APP).says(&["1000", "'ubuntu'"]).alone();
    let config = "[keep]\nusers = ['www-data']\n";
    Rootfs::debian_like().refuse_config(config, &user("app:33")).says(&["33", "'www-data'"]).alone();
}

#[test]
fn an_existing_account_with_other_ids_is_refused() {
    let tree = Rootfs::debian_like().account("app", 1001, "/app", "/bin/sh");
    tree.refuse(&APP).says(&["app", "1001", "1000"]);
    tree.refuse(&user("app:1001:1002")).says(&["app", "1001", "1002"]);
}

#[test]
fn a_name_that_no_account_may_have_is_refused_unless_it_exists() {
    let tree = Rootfs::debian_like();
    for name in ["Großer:1000", "-app:1000", "1app:1000", "a b:1000", "a/b:1000", "..:1000"] {
        tree.refuse(&[&format!("--user={name}")[..], "--command", "/app/server"]).says(&["account name"]).alone();
    }
    let long = format!("{}:1000", "a".repeat(40));
    tree.refuse(&user(&long)).says(&["account name"]).alone();
    Rootfs::debian_like().account("svc.App", 1000, "/app", "/bin/sh").apply(&user("svc.App"));
}

#[test]
fn a_name_alone_must_exist() {
    Rootfs::debian_like().refuse(&user("app")).says(&["'app'", "app:"]).alone();
}

/// mosquitto(8) drops to the account `mosquitto` when root starts it, and to no other account when anybody else does.
#[test]
fn an_account_that_a_server_drops_to_is_needed_where_it_starts_as_root() {
    let tree = || {
        Rootfs::debian_like()
            .programs(&["/usr/sbin/mosquitto"])
            .line("passwd", "mosquitto:x:105:65534::/nonexistent:/usr/sbin/nologin")
    };
    let config = |start: &str| format!("[run]\nstart = '{start}'\n[keep]\ncommands = ['mosquitto']\n");
    let refused = tree().refuse_config(&config("root"), &APP);
    refused.says(&["'/usr/sbin/mosquitto' is kept, but the account 'mosquitto'"]).alone();
    tree().apply_config(&config("user"), &APP);
}

/// sshd looks up its account when it starts.
#[test]
fn the_account_of_a_kept_sshd_is_refused_until_it_is_kept() {
    let tree = || {
        Rootfs::debian_like()
            .programs(&["/usr/sbin/sshd"])
            .line("passwd", "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin")
    };
    tree()
        .refuse(&[&APP[..], &["--keep", "sshd"]].concat())
        .says(&["'/usr/sbin/sshd' is kept, but the account 'sshd'", "[keep] users = [\"sshd\"]"])
        .alone();
    let done = tree().apply_config("[keep]\ncommands = ['sshd']\nusers = ['sshd']\n", &APP);
    assert!(done.root.read("/etc/passwd").contains("sshd:x:105:65534:"));
}
