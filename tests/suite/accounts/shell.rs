//! accounts.shell: nobody logs in, by the path that the distribution uses.

use super::image::{Image, entry};

const GROUP: (&str, &str) = ("group", "root:x:0:\n");

fn root_shell(os_release: &str, passwd: &str, existing: Option<&str>) -> String {
    let mut image =
        Image::of("", &[GROUP, ("passwd", passwd)]).file("/etc/os-release", os_release).off("accounts.prune");
    if let Some(path) = existing {
        image = image.file(path, "");
    }
    image.apply().line("passwd", "root").rsplit(':').next().unwrap().to_owned()
}

#[test]
fn every_distribution_has_its_own_path() {
    let root = "root:x:0:0::/root:/bin/sh\n";
    for (os_release, path) in [
        ("ID=debian\n", "/usr/sbin/nologin"),
        ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "/usr/sbin/nologin"),
        ("ID=alpine\n", "/sbin/nologin"),
        ("ID=\"rhel\"\nID_LIKE=\"fedora\"\n", "/sbin/nologin"),
        ("ID=\"amzn\"\nID_LIKE=\"fedora\"\n", "/sbin/nologin"),
        ("ID=\"sles\"\nID_LIKE=\"suse\"\n", "/usr/sbin/nologin"),
        ("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "/usr/sbin/nologin"),
        ("ID=wolfi\n", "/sbin/nologin"),
        ("ID=arch\n", "/usr/bin/nologin"),
        ("ID=debian\nPRETTY_NAME=\"Distroless\"\n", "/sbin/nologin"),
        ("", "/sbin/nologin"),
    ] {
        assert_eq!(root_shell(os_release, root, None), path, "{os_release}");
    }
}

#[test]
fn an_unknown_distribution_is_read_from_its_accounts_then_from_its_files() {
    let root = "root:x:0:0::/root:/bin/sh\n";
    let others = format!("{root}a:x:1:0::/:/usr/bin/nologin\nb:x:2:0::/:/usr/bin/nologin\nc:x:3:0::/:/opt/nologin\n");
    assert_eq!(root_shell("ID=own\n", &others, Some("/usr/sbin/nologin")), "/usr/bin/nologin");
    let old_suse = format!("{root}bin:x:1:1::/bin:/sbin/nologin\n");
    assert_eq!(root_shell("ID=sles\n", &old_suse, None), "/sbin/nologin");
    assert_eq!(root_shell("ID=own\n", root, Some("/usr/sbin/nologin")), "/usr/sbin/nologin");
}

#[test]
fn sync_shutdown_halt_and_empty_shells_are_login_shells() {
    let passwd = "root:x:0:0::/root:\nsync:x:5:0:sync:/sbin:/bin/sync\nshutdown:x:6:0::/sbin:/sbin/shutdown\n\
                  halt:x:7:0::/sbin:/sbin/halt\ntrue:x:8:0::/:/bin/true\nfalse:x:9:0::/:/usr/bin/false\n\
                  other:x:10:0::/:/usr/sbin/nologin\nlike:x:11:0::/:/bin/xnologin\n";
    let after = Image::of("alpine", &[GROUP, ("passwd", passwd)]).off("accounts.prune").apply();
    let shells: Vec<String> =
        after.text("passwd").lines().map(|line| line.rsplit(':').next().unwrap().to_owned()).collect();
    let nologin = "/sbin/nologin";
    assert_eq!(shells, [nologin, nologin, nologin, nologin, nologin, "/usr/bin/false", "/usr/sbin/nologin", nologin]);
}

#[test]
fn a_six_field_line_keeps_its_home_and_a_nis_line_gets_no_shell() {
    let passwd = "root:x:0:0::/root:/bin/sh\nsvc:x:5:5:x:/home/svc\n+::::::\n";
    let after = Image::of("debian", &[GROUP, ("passwd", passwd)]).off("accounts.prune").apply();
    assert_eq!(after.text("passwd"), "root:x:0:0::/root:/usr/sbin/nologin\nsvc:x:5:5:x:/home/svc\n+::::::\n");
}

#[test]
fn keep_shells_keeps_them() {
    let passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:0::/:/bin/bash\nsvc:x:5:0::/:/usr/sbin/nologin\n";
    let image = || Image::of("debian", &[GROUP, ("passwd", passwd)]).user("app");
    let after = image().keep_users(&["svc"]).keep_shells(&["app", "svc"]).apply();
    assert_eq!(
        after.text("passwd"),
        "root:x:0:0::/root:/usr/sbin/nologin\napp:x:1000:0::/:/bin/bash\nsvc:x:5:0::/:/usr/sbin/nologin\n"
    );
    let pruned = image().keep_shells(&["svc"]).run();
    assert_eq!(
        pruned.refusals(),
        ["keep.shells entry 'svc': accounts.prune removes this account | add 'svc' to keep.users"]
    );
    let unknown = image().keep_shells(&["ap"]).run();
    assert!(unknown.refusals()[0].ends_with("did you mean 'app'?"), "{:?}", unknown.refusals());
    image().policy(|policy| policy.keep.shells.push(entry("none", true))).apply();
}
