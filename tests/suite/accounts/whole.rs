//! All account rules together, and what holds for each of them.

use harden::testing::draft::record::Target;
use proptest::prelude::*;

use super::bases::{ALPINE, DEBIAN, DISTROLESS, UBUNTU};
use super::image::{Image, entry};

fn debian() -> Image {
    Image::of("debian", DEBIAN).group_of("/etc/shadow", 42).group_of("/etc/gshadow", 42)
}

#[test]
fn debian_keeps_root_the_run_user_and_the_shadow_group() {
    let after = debian().user("app:1000").apply();
    assert_eq!(
        after.text("passwd"),
        "root:x:0:0:root:/root:/usr/sbin/nologin\napp:x:1000:1000::/nonexistent:/usr/sbin/nologin\n"
    );
    assert_eq!(after.text("group"), "root:x:0:\nshadow:x:42:\napp:x:1000:\n");
    assert_eq!(after.text("shadow"), "root:*:19700:0:99999:7:::\napp:*:::::::\n");
    assert_eq!(after.text("gshadow"), "root:*::\nshadow:*::\napp:!::\n");
    assert_eq!(after.known_uids, [0, 1000]);
    assert_eq!(after.known_gids, [0, 42, 1000]);
    assert_eq!(after.pruned_uids, [1, 4, 5, 33, 42, 65534]);
    assert_eq!(after.pruned_gids, [1, 4, 27, 33, 43, 50, 60, 100, 65534]);
    after.assert_sound();
}

#[test]
fn alpine_has_no_gshadow_and_none_is_made() {
    let image = Image::of("alpine", ALPINE).group_of("/etc/shadow", 42).user("app:1000:1000").keep_users(&["nobody"]);
    let after = image.apply();
    assert_eq!(
        after.text("passwd"),
        "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n\
         app:x:1000:1000::/nonexistent:/sbin/nologin\n"
    );
    assert_eq!(after.text("group"), "root:x:0:root\nshadow:x:42:\nnobody:x:65534:\napp:x:1000:\n");
    assert_eq!(after.text("shadow"), "root:*::0:::::\nnobody:!::0:::::\napp:*:::::::\n");
    assert!(!after.written.contains_key("/etc/gshadow"));
    after.assert_sound();
}

#[test]
fn ubuntu_hands_uid_1000_over() {
    let image = Image::of("ubuntu", UBUNTU).group_of("/etc/shadow", 42).user("app:1000:1000");
    let after = image.apply();
    assert_eq!(after.names("passwd"), ["root", "app"]);
    assert_eq!(after.names("group"), ["root", "shadow", "app"]);
    assert_eq!((after.text("subuid"), after.text("subgid")), (String::new(), String::new()));
    // Files of uid 1000 are ubuntu's until they are root's: both pruned and known.
    assert_eq!(after.pruned_uids, [1000, 65534]);
    assert!(after.known_uids.contains(&1000) && after.known_gids.contains(&1000));
    assert!(after.pruned_gids.contains(&1000));
    after.assert_sound();
}

#[test]
fn ubuntu_stays_for_a_numeric_user_of_its_uid_with_all_its_groups() {
    let after = Image::of("ubuntu", UBUNTU).group_of("/etc/shadow", 42).user("1000").apply();
    assert_eq!(after.names("passwd"), ["root", "ubuntu"]);
    assert_eq!(after.names("group"), ["root", "adm", "sudo", "audio", "shadow", "ubuntu"]);
    assert_eq!(after.text("subuid"), "ubuntu:100000:65536\n");
    assert_eq!(after.pruned_uids, [65534]);
    after.assert_sound();
}

#[test]
fn a_numeric_user_without_account_gets_none_and_its_ids_are_known() {
    let after = debian().user("10001:10002").apply();
    assert_eq!(after.names("passwd"), ["root"]);
    assert_eq!(after.known_uids, [0, 10001]);
    assert_eq!(after.known_gids, [0, 42, 10002]);
    after.assert_sound();
}

#[test]
fn distroless_keeps_nonroot_and_writes_nothing_else() {
    let image = Image::of("debian", DISTROLESS).user("nonroot");
    let after = image.apply();
    assert_eq!(
        after.text("passwd"),
        "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
    );
    assert_eq!(after.text("group"), "root:x:0:\nnonroot:x:65532:\n");
    assert_eq!(after.written.len(), 2);
    after.assert_sound();
}

#[test]
fn a_new_account_on_distroless_has_its_nologin_path_and_no_shadow_file() {
    let after = Image::of("debian", DISTROLESS).user("app:1000").apply();
    assert_eq!(after.line("passwd", "app"), "app:x:1000:1000::/nonexistent:/sbin/nologin");
    assert!(!after.written.contains_key("/etc/shadow"));
    after.assert_sound();
}

#[test]
fn scratch_gets_etc_passwd_and_group() {
    let after = Image::empty().file("/app", "").user("app:1000").run();
    let created = after.plan.records.iter().filter(|record| record.action() == "create");
    let paths: Vec<_> = created.map(|record| record.target.clone()).collect();
    assert_eq!(paths, ["/etc", "/etc/passwd", "/etc/group"].map(|path| Target::New(path.as_bytes().into())));
    assert_eq!(after.text("passwd"), "app:x:1000:1000::/nonexistent:/sbin/nologin\n");
    assert_eq!(after.text("group"), "app:x:1000:\n");
    Image::empty().file("/app", "").user("app:1000").apply().assert_sound();
}

#[test]
fn red_hat_marks_and_empty_gshadow_fields_stay() {
    let after = Image::of(
        "rhel",
        &[
            (
                "passwd",
                "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\napp:x:1001:0::/app:/bin/bash\n",
            ),
            ("group", "root:x:0:\nbin:x:1:\nwheel:x:10:\n"),
            ("shadow", "root:!locked::0:99999:7:::\nbin:*:19760:0:99999:7:::\napp:!!:19760::::::\n"),
            ("gshadow", "root:::\nbin:::\nwheel:::\n"),
        ],
    )
    .user("app:1001:0")
    .apply();
    assert_eq!(after.text("passwd"), "root:x:0:0:root:/root:/sbin/nologin\napp:x:1001:0::/app:/sbin/nologin\n");
    assert_eq!(after.text("group"), "root:x:0:\n");
    assert_eq!(after.text("shadow"), "root:!locked::0:99999:7:::\napp:!!:19760::::::\n");
    assert_eq!(after.text("gshadow"), "root:::\n");
    after.assert_sound();
}

#[test]
fn backups_go_and_none_is_written() {
    let mut image = debian().user("app:1000").file("/etc/app/notes-", "").file("/etc/a.dpkg-dist", "");
    for name in ["passwd-", "shadow-", "group-", "gshadow-", "subuid-", "subgid-", ".pwd.lock"] {
        image = image.file(&format!("/etc/{name}"), "root:$6$old$hash:1::::::\n");
    }
    for name in ["x.dpkg-old", "x.rpmsave", "x.rpmnew", "x.apk-new", "x.ucf-dist", "x.pacnew", "x.pacsave.1"] {
        image = image.file(&format!("/etc/deep/er/{name}"), "");
    }
    image = image.file("/etc/deep/.pwd.lock", "").file("/etc/deep/.rpmnew", "").file("/var/x.rpmsave", "");
    let after = image.apply();
    let mut removed = after.removed.clone();
    removed.sort();
    assert_eq!(
        removed,
        [
            "/etc/.pwd.lock",
            "/etc/a.dpkg-dist",
            "/etc/deep/er/x.apk-new",
            "/etc/deep/er/x.dpkg-old",
            "/etc/deep/er/x.pacnew",
            "/etc/deep/er/x.pacsave.1",
            "/etc/deep/er/x.rpmnew",
            "/etc/deep/er/x.rpmsave",
            "/etc/deep/er/x.ucf-dist",
            "/etc/group-",
            "/etc/gshadow-",
            "/etc/passwd-",
            "/etc/shadow-",
            "/etc/subgid-",
            "/etc/subuid-",
        ]
    );
    assert!(!after.written.keys().any(|path| path.ends_with('-')));
    let kept = debian().user("app:1000").file("/etc/passwd-", "").protect("/etc/passwd-").run();
    assert!(kept.removed.is_empty());
}

#[test]
fn each_rule_can_be_off_alone() {
    let user = debian().user("app:1000").off("accounts.user").apply();
    assert_eq!(user.names("passwd"), ["root"]);
    let prune = debian().user("app:1000").off("accounts.prune").apply();
    assert_eq!(prune.names("passwd").len(), 8);
    assert_eq!(prune.names("shadow").len(), 8);
    assert_eq!(prune.line("passwd", "sync"), "sync:x:4:65534:sync:/bin:/usr/sbin/nologin");
    assert!(prune.pruned_uids.is_empty() && prune.pruned_gids.is_empty());
    prune.assert_sound();
    let shell = debian().user("app:1000").off("accounts.shell").apply();
    assert_eq!(shell.line("passwd", "root"), "root:x:0:0:root:/root:/bin/bash");
    shell.assert_sound();
    let lock = debian().file("/etc/shadow", "root:$6$s$h:1::::::\n").user("app:1000").off("accounts.lock").apply();
    assert_eq!(lock.text("shadow"), "root:$6$s$h:1::::::\napp:*:::::::\n");
    lock.assert_sound();
    let all = ["user", "prune", "shell", "lock", "backup"]
        .iter()
        .fold(debian().user("app:1000"), |image, rule| image.off(&format!("accounts.{rule}")))
        .apply();
    assert!(all.plan.steps.is_empty() && all.plan.records.is_empty());
    assert_eq!(all.known_uids, [0, 1, 4, 5, 33, 42, 1000, 65534]);
}

#[test]
fn a_kept_account_file_is_not_changed_and_a_missing_run_user_is_refused() {
    let kept = debian().user("www-data").protect("/etc/passwd").apply();
    assert!(kept.plan.steps.is_empty() && kept.plan.records.is_empty());
    assert_eq!(kept.warnings(), ["'/etc/passwd' is a kept path: no account file is changed"]);
    assert_eq!(kept.known_uids, [0, 1, 4, 5, 33, 42, 65534]);
    let missing = debian().user("app:1000").protect("/etc/group").run();
    assert_eq!(missing.refusals().len(), 1);
    assert!(missing.refusals()[0].contains("must not be changed"), "{:?}", missing.refusals());
}

#[test]
fn account_files_that_are_links_or_directories_are_refused() {
    let link =
        Image::empty().link("/etc/passwd", "../usr/lib/passwd").file("/usr/lib/passwd", "root:x:0:0::/:/bin/sh\n");
    let after = link.user("app:1000").run();
    assert_eq!(after.refusals().len(), 1);
    assert!(after.refusals()[0].starts_with("cannot work on the accounts: '/etc/passwd' is a link | "));
    assert!(after.plan.steps.is_empty());
    let directory = Image::empty().file("/etc/shadow/x", "").user("app:1000").run();
    assert!(directory.refusals()[0].contains("'/etc/shadow' is not a regular file"));
}

#[test]
fn accounts_outside_etc_are_named() {
    let after = debian().file("/usr/lib/passwd", "core:x:500:500::/:/bin/sh\n").user("app:1000").apply();
    assert_eq!(after.warnings(), ["accounts in '/usr/lib/passwd' are not read or changed"]);
}

#[test]
fn evidence_names_every_line_and_no_hash() {
    let image = debian()
        .file(
            "/etc/shadow",
            "root:$6$salt$hash:19700:0:99999:7:::\nwww-data:!$y$salt$hash:19700::::::\n#old:$6$salt:\n",
        )
        .user("www-data");
    let records = image.apply().records();
    for expected in [
        "accounts.prune /etc/passwd: daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin -> gone (line 2: account not kept)",
        "accounts.prune /etc/shadow: #old:<masked> -> gone (line 3: comment)",
        "accounts.shell /etc/passwd: root:x:0:0:root:/root:/bin/bash -> root:x:0:0:root:/root:/usr/sbin/nologin (not in keep.shells)",
        "accounts.lock /etc/shadow: root:<masked>:19700:0:99999:7::: -> root:*:19700:0:99999:7::: (no password may be usable)",
        "accounts.lock /etc/shadow: www-data:!<masked>:19700:::::: -> www-data:*:19700:::::: (no password may be usable)",
    ] {
        assert!(records.iter().any(|record| record == expected), "{expected}\n{records:#?}");
    }
    assert!(!records.iter().any(|record| record.contains("salt")));
}

/// Fragments that account files are made of, sound and unsound.
fn fields() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &["root", "app", "app2", "svc.x", "+", "", "#c", "1000", "a b", "é"];
    const PASSWORDS: &[&str] = &["x", "*", "!", "!!", "", "$6$s$h", "!$6$s$h", "!*"];
    const NUMBERS: &[&str] = &["0", "1", "1000", "1001", "42", "", "x", "4294967295", "007"];
    const LISTS: &[&str] = &["", "app", "app,app2", "root,ghost,", ",", "app2, app", "app,app"];
    const ENDS: &[&str] = &["\n", "\n", "\n", "\r\n", "\r\r\n", "\n\n", ""];
    let pick = |choices: &'static [&'static str]| prop::sample::select(choices.to_vec());
    let line = (pick(NAMES), pick(PASSWORDS), pick(NUMBERS), pick(NUMBERS), pick(LISTS), pick(ENDS), 0..12_usize);
    let line = line.prop_map(|(name, password, uid, gid, list, end, kind)| match kind {
        0..=3 => format!("{name}:{password}:{uid}:{gid}:g:/:/bin/sh{end}"),
        4..=5 => format!("{name}:{password}:{uid}:{list}{end}"),
        6..=7 => format!("{name}:{password}:{list}:{list}{end}"),
        8..=9 => format!("{name}:{password}:{uid}::::::{end}"),
        10 => format!("{name}:{uid}:{gid}{end}"),
        _ => format!("{name}:{password}{end}"),
    });
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_account_files_are_refused_or_end_sound_and_stay_so(
        main in prop::collection::vec(fields(), 2),
        others in prop::collection::vec(prop::option::of(fields()), 4),
        user in prop::sample::select(vec!["app:1000", "app", "1000", "new:1001:42"]),
        keep in prop::sample::subsequence(vec!["app2", "svc.x", "1", "é"], 0..4),
    ) {
        let mut image = Image::empty().file("/etc/hostname", "").user(user);
        let files = main.iter().map(Some).chain(others.iter().map(Option::as_ref));
        for (name, content) in ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"].iter().zip(files) {
            if let Some(content) = content {
                image = image.file(&format!("/etc/{name}"), content);
            }
        }
        let image = image.policy(|policy| policy.keep.users.extend(keep.iter().map(|name| entry(name, true))));
        if image.run().refusals().is_empty() {
            let after = image.apply();
            after.assert_sound();
        }
    }
}
