//! Names that could forge output.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::common::{APP, Rootfs};

const NAMES: &[&[u8]] =
    &[b"line\nbreak", b"colour\x1b[31m", b"invalid\xff\xfe", "bidi\u{202e}gpj".as_bytes(), b"quote'\"\\", b"\ttab\r"];

fn tree() -> Rootfs {
    NAMES.iter().fold(Rootfs::debian_like(), |tree, name| {
        tree.text(OsStr::from_bytes(&[b"/etc/cron.d/", *name].concat()), "x").file(
            OsStr::from_bytes(&[b"/srv/open-", *name].concat()),
            0o666,
            7777,
            7777,
            "x",
        )
    })
}

#[test]
fn hostile_names_are_handled_and_shown_escaped_in_text() {
    for command in ["plan", "apply"] {
        let run = tree().run(command, &[&APP[..], &["-v"]].concat());
        assert_eq!(run.status, 0, "{}", run.all());
        for text in [&run.stdout, &run.stderr] {
            let forged = text.chars().find(|&c| c.is_control() && c != '\n' || c == '\u{202e}');
            assert_eq!(forged, None, "{text}");
        }
        for shown in ["line\\nbreak", "colour\\u{1b}[31m", "invalid\\xff\\xfe", "bidi\\u{202e}gpj"] {
            assert!(run.stdout.contains(&format!("/etc/cron.d/{shown}")), "{shown}: {}", run.stdout);
        }
        assert!(run.stderr.contains("'/srv/open-line\\nbreak'"), "{}", run.stderr);
    }
}

#[test]
fn hostile_names_are_ascii_in_json_with_their_bytes() {
    let done = tree().apply(&APP);
    assert!(done.run.stdout.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    assert!(done.after.names("/etc/cron.d").is_empty());
    let changes = done.report["changes"].as_array().unwrap();
    let invalid = changes.iter().find(|c| c["path"] == "/etc/cron.d/invalid\\xff\\xfe").unwrap();
    let hex: String = b"/etc/cron.d/invalid\xff\xfe".iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(invalid["path_hex"], hex.as_str());
}
