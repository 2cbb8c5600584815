//! accounts.prune: the pitfalls of pruning by regular expression.

use super::bases::DEBIAN;
use super::image::{Image, entry};

fn image(passwd: &str, group: &str) -> Image {
    Image::of("debian", &[("passwd", passwd), ("group", group)])
}

const ROOT: &str = "root:x:0:0:root:/root:/usr/sbin/nologin\n";

#[test]
fn rootkit_root2_appuser2_and_nobody4_do_not_survive() {
    let passwd = format!(
        "{ROOT}rootkit:x:0:0::/:/bin/sh\nroot2:x:0:0::/:/bin/sh\nappuser:x:1000:1000::/:/usr/sbin/nologin\n\
         appuser2:x:1001:1000::/:/bin/sh\nnobody4:x:9:9::/:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
    );
    let group =
        "root:x:0:rootkit,appuser2\nrootkit:x:7:\nappuser:x:1000:\nappuser2:x:1001:\nnobody:x:65534:nobody4,nobody\n";
    let after = image(&passwd, group).user("appuser").keep_users(&["nobody"]).apply();
    assert_eq!(after.names("passwd"), ["root", "appuser", "nobody"]);
    assert_eq!(after.text("group"), "root:x:0:\nappuser:x:1000:\nnobody:x:65534:nobody\n");
    // rootkit had uid 0, which root still has.
    assert_eq!(after.pruned_uids, [9, 1001]);
    after.assert_sound();
}

#[test]
fn without_a_run_user_nothing_matches_everything() {
    let after = Image::of("debian", DEBIAN).apply();
    assert_eq!(after.names("passwd"), ["root"]);
    assert_eq!(after.names("gshadow"), ["root"]);
}

#[test]
fn names_with_regex_characters_are_literal() {
    let passwd = format!(
        "{ROOT}svc.app:x:1:1::/:/usr/sbin/nologin\nsvcxapp:x:2:2::/:/usr/sbin/nologin\na+b:x:3:3::/:/usr/sbin/nologin\n\
         aab:x:4:4::/:/usr/sbin/nologin\n.*:x:5:5::/:/usr/sbin/nologin\n"
    );
    let after = image(&passwd, "root:x:0:\nsvc.app:x:1:\nsvcxapp:x:2:\n").user("svc.app").keep_users(&["a+b"]).apply();
    assert_eq!(after.names("passwd"), ["root", "svc.app", "a+b"]);
    assert_eq!(after.names("group"), ["root", "svc.app"]);
}

#[test]
fn stale_shadow_and_gshadow_lines_go_and_missing_ones_are_added() {
    let after = image(&format!("{ROOT}app:x:1000:1000::/:/bin/sh\n"), "root:x:0:\napp:x:1000:\n")
        .file("/etc/shadow", "root:*:1::::::\nold:$6$a$b:1::::::\n")
        .file("/etc/gshadow", "old:!::\nroot:*::\n")
        .user("app")
        .apply();
    assert_eq!(after.text("shadow"), "root:*:1::::::\napp:*:::::::\n");
    assert_eq!(after.text("gshadow"), "root:*::\napp:!::\n");
    after.assert_sound();
}

#[test]
fn member_lists_lose_exactly_the_names_that_go() {
    let passwd = format!("{ROOT}app:x:1000:1000::/:/bin/sh\napp2:x:1001:1000::/:/bin/sh\nwww:x:33:1000::/:/bin/sh\n");
    let after =
        image(&passwd, "root:x:0:\napp:x:1000:\nssl-cert:x:101:app2,app,ghost,www,application\nmail:x:8:app2\n")
            .file("/etc/gshadow", "root:*::\napp:!::\nssl-cert:!:app2,www:app,app2,ghost,www\nmail:!::app2\n")
            .user("app")
            .keep_users(&["www"])
            .apply();
    assert_eq!(after.text("group"), "root:x:0:\napp:x:1000:\nssl-cert:x:101:app,www\n");
    assert_eq!(after.text("gshadow"), "root:*::\napp:!::\nssl-cert:!:www:app,www\n");
    after.assert_sound();
}

#[test]
fn gshadow_members_follow_those_of_group() {
    let after =
        image(&format!("{ROOT}app:x:1000:1000::/:/bin/sh\n"), "root:x:0:\napp:x:1000:\nssl:x:5:app\nweb:x:6:\n")
            .file("/etc/gshadow", "root:*::\napp:!::\nssl:!::root\nweb:!::root\n")
            .user("app")
            .keep_groups(&["web"])
            .apply();
    assert_eq!(after.text("gshadow"), "root:*::\napp:!::\nssl:!::app\nweb:!::\n");
    after.assert_sound();
}

#[test]
fn supplementary_groups_of_kept_accounts_survive_but_not_those_of_root() {
    let passwd = format!("{ROOT}postgres:x:101:104::/:/bin/bash\n");
    let group = "root:x:0:\nssl-cert:x:103:postgres\npostgres:x:104:\nwheel:x:10:root\n";
    let after = image(&passwd, group).user("postgres").apply();
    assert_eq!(after.names("group"), ["root", "ssl-cert", "postgres"]);
}

#[test]
fn primary_group_of_a_kept_user_survives_under_any_name() {
    let passwd = format!("{ROOT}svc:x:100:65533::/:/sbin/nologin\nlegacy:x:7:8::/:/sbin/nologin\n");
    let after =
        image(&passwd, "root:x:0:\nnogroup:x:65533:\nmail:x:8:\nnews:x:9:\n").user("svc").keep_users(&["7"]).apply();
    assert_eq!(after.names("passwd"), ["root", "svc", "legacy"]);
    assert_eq!(after.names("group"), ["root", "nogroup", "mail"]);
}

#[test]
fn openshift_root_group_stays() {
    let after = image(&format!("{ROOT}default:x:1001:0::/:/sbin/nologin\n"), "root:x:0:\nusers:x:100:\n")
        .user("1001:0")
        .apply();
    assert_eq!(after.names("passwd"), ["root", "default"]);
    assert_eq!(after.names("group"), ["root"]);
    assert_eq!(after.known_gids, [0]);
}

#[test]
fn six_field_comment_blank_and_nis_lines_go_and_are_reported() {
    let passwd = format!(
        "# accounts\n{ROOT}svc:x:5:5:x:/home/svc\n\n+::::::\n-bad\nx:x:one:1::/:/bin/sh\nnul\0:x:1:1::/:/bin/sh\n"
    );
    let after = image(&passwd, "root:x:0:\n+:::\n").file("/etc/shadow", "+::::::::\nroot:*:1::::::\n").apply();
    assert_eq!(after.text("passwd"), ROOT);
    assert_eq!(after.text("group"), "root:x:0:\n");
    assert_eq!(after.text("shadow"), "root:*:1::::::\n");
    let records = after.records().join("\n");
    for reason in [
        "line 1: comment",
        "line 3: malformed: 6 fields instead of 7",
        "line 4: blank line",
        "line 5: NIS line",
        "line 6: NIS line",
        "line 7: malformed: not a number",
        "line 8: malformed: NUL byte",
    ] {
        assert!(records.contains(&format!("({reason})")), "{reason}\n{records}");
    }
    after.assert_sound();
}

#[test]
fn a_kept_line_keeps_every_byte() {
    let line: &[u8] = b"app:x:01000:1000:M\xfcller, \"x\" ,,\x1b[31m:/home/ app:/usr/sbin/nologin\n";
    let mut passwd = ROOT.as_bytes().to_vec();
    passwd.extend_from_slice(b"games:x:5:60:::\n");
    passwd.extend_from_slice(line);
    let after = Image::of("debian", &[("group", "root:x:0:\napp:x:1000:\n")])
        .bytes("/etc/passwd", &passwd)
        .user("app:1000")
        .apply();
    assert_eq!(after.content("passwd"), [ROOT.as_bytes(), line].concat());
}

#[test]
fn crlf_files_lose_the_carriage_return_of_kept_lines() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let after = image(
        &crlf(&format!("{ROOT}app:x:1000:1000::/:/bin/sh\ngames:x:5:60::/:/bin/sh\n")),
        &crlf("root:x:0:games,app\napp:x:1000:\n"),
    )
    .file("/etc/shadow", &crlf("root:*:1::::::\napp:!:1::::::\n"))
    .file("/etc/gshadow", &crlf("root:*::games,app\napp:!::\n"))
    .user("app")
    .apply();
    assert_eq!(after.text("passwd"), format!("{ROOT}app:x:1000:1000::/:/usr/sbin/nologin\n"));
    assert_eq!(after.text("group"), "root:x:0:app\napp:x:1000:\n");
    assert_eq!(after.text("shadow"), "root:*:1::::::\napp:!:1::::::\n");
    assert_eq!(after.text("gshadow"), "root:*::app\napp:!::\n");
    assert!(after.records().iter().any(|r| r.contains("\\r -> ") && r.contains("carriage return")));
    after.assert_sound();
}

#[test]
fn a_missing_final_newline_joins_no_lines() {
    let after = image(ROOT.trim_end(), "root:x:0:")
        .file("/etc/shadow", "root:*:1::::::")
        .file("/etc/gshadow", "root:*::")
        .user("app:1000")
        .apply();
    assert_eq!(after.text("passwd"), format!("{ROOT}app:x:1000:1000::/nonexistent:/usr/sbin/nologin\n"));
    assert_eq!(after.text("group"), "root:x:0:\napp:x:1000:\n");
    assert_eq!(after.text("shadow"), "root:*:1::::::\napp:*:::::::\n");
    after.assert_sound();
    let untouched = image(ROOT.trim_end(), "root:x:0:").apply();
    assert!(untouched.written.is_empty());
}

#[test]
fn the_second_line_of_a_name_goes() {
    let passwd = format!("{ROOT}app:x:1000:1000::/:/usr/sbin/nologin\napp:x:0:0::/:/bin/sh\nroot:x:5:5::/:/bin/sh\n");
    let after = image(&passwd, "root:x:0:\napp:x:1000:\napp:x:0:\n")
        .file("/etc/shadow", "root:*:1::::::\napp:!:1::::::\napp:$6$a$b:1::::::\n")
        .file("/etc/gshadow", "root:*::\napp:!::\napp:*::\n")
        .user("app")
        .apply();
    assert_eq!(after.text("passwd"), format!("{ROOT}app:x:1000:1000::/:/usr/sbin/nologin\n"));
    assert_eq!(after.text("shadow"), "root:*:1::::::\napp:!:1::::::\n");
    assert_eq!((after.names("group").len(), after.names("gshadow").len()), (2, 2));
    after.assert_sound();
}

#[test]
fn subordinate_ids_stay_for_kept_accounts_by_name_and_number() {
    let after = image(&format!("{ROOT}app:x:1000:1000::/:/bin/sh\n"), "root:x:0:\napp:x:1000:\n")
        .file("/etc/subuid", "app:100000:65536\napp:300000:10\napp2:165536:65536\n1000:1:2\n1001:1:2\nbad:line\n")
        .file("/etc/subgid", "# none\nubuntu:100000:65536\n")
        .user("app")
        .apply();
    assert_eq!(after.text("subuid"), "app:100000:65536\napp:300000:10\n1000:1:2\n");
    assert_eq!(after.text("subgid"), "");
}

#[test]
fn a_malformed_line_of_a_kept_shadow_account_becomes_a_locked_one() {
    let after = image(&format!("{ROOT}app:x:1000:1000::/:/bin/sh\n"), "root:x:0:\napp:x:1000:\n")
        .file("/etc/shadow", "root:*:1::::::\napp:$6$salt$hash:1:0\n")
        .user("app")
        .apply();
    assert_eq!(after.text("shadow"), "root:*:1::::::\napp:*:::::::\n");
    after.assert_sound();
}

#[test]
fn a_malformed_line_of_root_is_refused() {
    let after = image("root:x:0:0:root:/root\n", "root:x:0:\n").run();
    assert_eq!(after.refusals().len(), 1);
    assert!(after.refusals()[0].starts_with("line 1 of '/etc/passwd' names 'root' but is malformed: 6 fields"));
}

#[test]
fn keep_entries_that_match_nothing_are_refused_with_a_hint() {
    let image = || Image::of("debian", DEBIAN).user("app:1000");
    let after = image().keep_users(&["nobdy"]).keep_groups(&["shadwo", "cron"]).run();
    assert_eq!(
        after.refusals(),
        [
            "keep.users entry 'nobdy': no such account in the image | did you mean 'nobody'?",
            "keep.groups entry 'shadwo': no such group in the image | did you mean 'shadow'?",
            "keep.groups entry 'cron': no such group in the image | remove the entry, or mark it optional = true",
        ]
    );
    let fine = image()
        .policy(|policy| policy.keep.users.push(entry("nobdy", true)))
        .keep_users(&["app", "4711"])
        .keep_groups(&["4712"]);
    let fine = fine.apply();
    assert!(fine.known_uids.contains(&4711) && fine.known_gids.contains(&4712));
    let malformed = image().file("/etc/passwd", &format!("{ROOT}svc:x:5:5:x:/home/svc\n")).keep_users(&["svc"]).run();
    assert!(malformed.refusals()[0].contains("line 2 of '/etc/passwd' is malformed: 6 fields instead of 7"));
}

#[test]
fn two_kept_names_of_one_id_are_named() {
    let after = image(&format!("{ROOT}toor:x:0:0::/:/usr/sbin/nologin\n"), "root:x:0:\n").keep_users(&["toor"]).apply();
    assert_eq!(after.warnings(), ["'root' and 'toor' in '/etc/passwd' share uid 0"]);
}
