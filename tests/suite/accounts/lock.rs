//! accounts.lock: no password that works, no empty one, and marks and dates as they were.

use super::image::Image;

fn lock(passwd: &str, shadow: Option<&str>, group: &str, gshadow: Option<&str>) -> super::image::Outcome {
    let mut image =
        Image::of("debian", &[("passwd", passwd), ("group", group)]).off("accounts.prune").off("accounts.shell");
    for (name, content) in [("shadow", shadow), ("gshadow", gshadow)] {
        if let Some(content) = content {
            image = image.file(&format!("/etc/{name}"), content);
        }
    }
    image.apply()
}

const GROUP: &str = "root:x:0:\n";

#[test]
fn marks_stay_and_hashes_and_empty_passwords_go() {
    let fields = [
        ("a", "!", "!"),
        ("b", "!!", "!!"),
        ("c", "!*", "!*"),
        ("d", "*", "*"),
        ("e", "*LK*", "*LK*"),
        ("f", "", "*"),
        ("g", "$6$s$h", "*"),
        ("h", "!$6$s$h", "*"),
        ("i", "!!$y$j9T$s$h", "*"),
        ("j", "ab01FAX.bQRSU", "*"),
        ("k", "x", "*"),
        ("l", "!ab01FAX.bQRSU", "*"),
        ("m", "plain", "*"),
    ];
    let passwd: String =
        fields.iter().enumerate().map(|(uid, (name, ..))| format!("{name}:x:{uid}:0::/:/sbin/nologin\n")).collect();
    let shadow = |which: fn(&(&'static str, &'static str, &'static str)) -> &'static str| -> String {
        fields.iter().map(|field| format!("{}:{}:19700:0:99999:7:::\n", field.0, which(field))).collect()
    };
    let after = lock(&passwd, Some(&shadow(|field| field.1)), GROUP, None);
    assert_eq!(after.text("shadow"), shadow(|field| field.2));
    assert!(!after.written.contains_key("/etc/passwd"));
    after.assert_sound();
}

#[test]
fn last_change_is_untouched_and_nothing_is_written_twice() {
    let shadow = "root:!:0:0:99999:7:::\n";
    let after = lock("root:x:0:0::/:/sbin/nologin\n", Some(shadow), GROUP, None);
    assert!(after.plan.steps.is_empty());
}

#[test]
fn passwords_in_passwd_move_to_a_locked_shadow_line() {
    let passwd = "root:x:0:0::/:/sbin/nologin\na::1:0::/:/sbin/nologin\nb:$6$s$h:2:0::/:/sbin/nologin\n\
                  c:!x:3:0::/:/sbin/nologin\nd:*:4:0::/:/sbin/nologin\n";
    let after = lock(passwd, Some("root:*:1::::::\nb:!:1::::::\nd:*:1::::::\n"), GROUP, None);
    assert_eq!(
        after.text("passwd"),
        "root:x:0:0::/:/sbin/nologin\na:x:1:0::/:/sbin/nologin\nb:x:2:0::/:/sbin/nologin\n\
         c:x:3:0::/:/sbin/nologin\nd:*:4:0::/:/sbin/nologin\n"
    );
    assert_eq!(after.text("shadow"), "root:*:1::::::\nb:!:1::::::\nd:*:1::::::\na:*:::::::\nc:*:::::::\n");
    after.assert_sound();
}

#[test]
fn without_a_shadow_file_passwords_become_a_star() {
    let passwd = "root::0:0::/:/sbin/nologin\nb:$6$s$h:2:0::/:/sbin/nologin\nc:x:3:0::/:/sbin/nologin\n";
    let after = lock(passwd, None, "root::0:\nb:$6$s$h:2:\nc:!:3:\nd:x:4:\n", None);
    assert_eq!(
        after.text("passwd"),
        "root:*:0:0::/:/sbin/nologin\nb:*:2:0::/:/sbin/nologin\nc:x:3:0::/:/sbin/nologin\n"
    );
    assert_eq!(after.text("group"), "root:*:0:\nb:*:2:\nc:!:3:\nd:x:4:\n");
    after.assert_sound();
}

#[test]
fn group_passwords_go_too() {
    let after = lock(
        "root:x:0:0::/:/sbin/nologin\n",
        None,
        "root::0:\na:$6$s$h:1:\nb:*:2:\nc:x:3:\n",
        Some("root:::\nb:!$6$s$h::\nc:$6$s$h::\n"),
    );
    assert_eq!(after.text("group"), "root:x:0:\na:x:1:\nb:x:2:\nc:x:3:\n");
    assert_eq!(after.text("gshadow"), "root:::\nb:*::\nc:*::\na:!::\n");
    after.assert_sound();
}

#[test]
fn a_malformed_shadow_line_is_locked_as_well() {
    let after = lock("root:x:0:0::/:/sbin/nologin\n", Some("root:$6$s$h:1\n"), GROUP, None);
    assert_eq!(after.text("shadow"), "root:*:1\nroot:*:::::::\n");
}
