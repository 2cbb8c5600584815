//! accounts.user: the run user exists with the numbers it was asked for, or the plan is refused.

use super::bases::DEBIAN;
use super::image::Image;

fn debian() -> Image {
    Image::of("debian", DEBIAN)
}

fn refusal(image: Image) -> String {
    let after = image.run();
    assert_eq!(after.refusals().len(), 1, "{:?}", after.refusals());
    after.refusals()[0].clone()
}

#[test]
fn a_new_account_is_locked_without_shell_and_without_a_date() {
    let after = debian().user("app:1000:1001").policy(|policy| policy.home = Some("/app".into())).apply();
    assert_eq!(after.line("passwd", "app"), "app:x:1000:1001::/app:/usr/sbin/nologin");
    assert_eq!(after.line("group", "app"), "app:x:1001:");
    assert_eq!(after.line("shadow", "app"), "app:*:::::::");
    assert_eq!(after.line("gshadow", "app"), "app:!::");
    after.assert_sound();
}

#[test]
fn an_existing_account_with_its_numbers_is_left_alone() {
    for user in ["www-data", "www-data:33", "www-data:33:33"] {
        let after = debian().user(user).off("accounts.prune").off("accounts.shell").apply();
        assert!(after.plan.steps.is_empty(), "{user}");
    }
    let other_gid = debian().user("sync:4").apply();
    assert_eq!(other_gid.names("group"), ["root", "nogroup"]);
}

#[test]
fn an_existing_account_with_another_uid_or_gid_is_refused() {
    let expected = "run user 'www-data' is 1000:33 in the policy but 33:33 in '/etc/passwd' | \
                    write \"www-data:33:33\", or change the account in an earlier Dockerfile step";
    assert_eq!(refusal(debian().user("www-data:1000")), expected);
    assert!(refusal(debian().user("www-data:33:1000")).contains("is 33:1000 in the policy but 33:33"));
}

#[test]
fn a_uid_of_an_account_that_stays_is_refused_and_of_one_that_goes_handed_over() {
    let kept = refusal(debian().user("app:33").keep_users(&["www-data"]));
    assert_eq!(
        kept,
        "cannot create the run user 'app': uid 33 belongs to 'www-data', which is kept (keep.users, harden.toml:7:12) | \
         use another uid, or run as that account: \"www-data\""
    );
    let by_number = refusal(debian().user("app:33").keep_users(&["33"]));
    assert!(by_number.contains("which is kept (keep.users"), "{by_number}");
    let off = refusal(debian().user("app:33").off("accounts.prune"));
    assert!(off.contains("which is kept (accounts.prune is off)"), "{off}");
    let after = debian().user("app:33").apply();
    assert_eq!(after.names("passwd"), ["root", "app"]);
    assert_eq!(after.names("group"), ["root", "app"]);
    assert!(after.pruned_uids.contains(&33) && after.known_uids.contains(&33));
    after.assert_sound();
}

#[test]
fn a_gid_of_a_group_that_stays_is_the_primary_group() {
    let openshift = debian().user("app:1000:0").apply();
    assert_eq!(openshift.line("passwd", "app"), "app:x:1000:0::/nonexistent:/usr/sbin/nologin");
    assert_eq!(openshift.names("group"), ["root"]);
    let kept = debian().user("app:1000:50").keep_groups(&["staff"]).apply();
    assert_eq!(kept.names("group"), ["root", "staff"]);
    assert!(!kept.pruned_gids.contains(&50));
    kept.assert_sound();
}

#[test]
fn a_group_made_for_the_user_beforehand_is_used() {
    let groups = "root:x:0:\nold:x:1000:\napp:x:1000:\n";
    let after = Image::of("debian", &[DEBIAN[0], ("group", groups)]).user("app:1000").apply();
    assert_eq!(after.text("group"), "root:x:0:\napp:x:1000:\n");
    assert!(!after.pruned_gids.contains(&1000));
}

#[test]
fn a_group_of_the_same_name_with_another_gid_is_refused() {
    let groups = "root:x:0:\napp:x:999:\n";
    let text = refusal(Image::of("debian", &[DEBIAN[0], ("group", groups)]).user("app:1000"));
    assert_eq!(
        text,
        "cannot create group 'app' with gid 1000: the image has one with gid 999 | \
         write \"app:1000:999\", or remove the group in an earlier Dockerfile step"
    );
}

#[test]
fn an_existing_account_gets_its_missing_primary_group() {
    let passwd = "root:x:0:0::/:/usr/sbin/nologin\napp:x:1000:1000::/:/usr/sbin/nologin\n";
    let after = Image::of("debian", &[("passwd", passwd), ("group", "root:x:0:\n")]).user("app").apply();
    assert_eq!(after.text("group"), "root:x:0:\napp:x:1000:\n");
}

#[test]
fn a_name_alone_must_exist() {
    assert_eq!(
        refusal(debian().user("nobdy")),
        "run user 'nobdy' has no account in the image | did you mean 'nobody'? To create an account write \"nobdy:1000:1000\""
    );
    assert!(refusal(debian().user("$APP_USER")).contains("has no account"));
    assert!(!refusal(debian().user("")).is_empty());
}

#[test]
fn root_is_no_run_user() {
    for user in ["root", "root:0:0", "app:0", "0", "0:0"] {
        assert!(
            refusal(debian().user(user))
                .contains("is root: the program would run with all rights | name the user that the program runs as"),
            "{user}"
        );
    }
    let passwd = "root:x:0:0::/:/usr/sbin/nologin\ntoor:x:0:0::/:/usr/sbin/nologin\n";
    assert!(refusal(Image::of("debian", &[("passwd", passwd)]).user("toor")).contains("'toor' is root"));
}

#[test]
fn a_new_name_outside_the_rule_of_useradd_is_refused() {
    let long = "a".repeat(33);
    for name in ["App", "1app", "-app", "svc.app", "a+b", "a b", "größe", "$", &long] {
        let text = refusal(debian().user(&format!("{name}:1000")));
        assert!(text.contains("not an account name that useradd accepts"), "{text}");
    }
    for name in ["_app", "a", "a-b_9", "machine$", &"a".repeat(32)] {
        debian().user(&format!("{name}:1000")).apply().assert_sound();
    }
}

#[test]
fn numbers_that_mean_no_id_are_refused() {
    for user in ["app:4294967295", "app:1000:4294967295", "4294967295"] {
        assert!(refusal(debian().user(user)).contains("4294967295 is not an id"), "{user}");
    }
}

#[test]
fn a_home_that_would_break_the_line_is_refused() {
    for home in ["relative", "/a:b", "/a\nroot2:x:0:0::/:/bin/sh"] {
        let text = refusal(debian().user("app:1000").policy(|policy| policy.home = Some(home.to_owned())));
        assert!(text.contains("is not a usable path") && !text.contains('\n'), "{text}");
    }
}

#[test]
fn a_malformed_line_with_the_name_is_refused_not_doubled() {
    let image = Image::of("debian", &[("passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000:/home/app:/bin/sh\n")]);
    assert!(refusal(image.user("app:1000")).contains("line 2 of '/etc/passwd' names 'app' but is malformed: 6 fields"));
}

#[test]
fn a_stale_hash_is_not_inherited_by_the_new_account() {
    let image = || debian().file("/etc/shadow", "root:*:1::::::\napp:$6$known$hash:1::::::\n").user("app:1000");
    assert_eq!(image().off("accounts.lock").apply().text("shadow"), "root:*:1::::::\napp:*:::::::\n");
    image().apply().assert_sound();
}

#[test]
fn a_new_account_in_keep_shells_has_no_shell_to_keep() {
    let after = debian().user("app:1000").keep_shells(&["app"]).apply();
    assert!(after.line("passwd", "app").ends_with(":/usr/sbin/nologin"));
    assert!(after.warnings()[0].contains("the account is new and gets no login shell"));
}
