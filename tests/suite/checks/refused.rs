//! What is known to be wrong with a check before anything is changed.

use super::image::{Options, apply, apply_with, root};
use crate::common::{APP, Rootfs};

#[test]
fn nothing_of_a_foreign_root_is_run() {
    let applied = Rootfs::debian_like().apply(&[&APP[..], &["--check", "/app/server"]].concat());
    let expected = serde_json::json!([{ "command": ["/app/server"], "timeout": 30, "state": "not run" }]);
    assert_eq!(applied.report["checks"], expected);
}

#[test]
fn a_program_that_goes_or_is_not_there_or_that_nobody_keeps() {
    let image = || {
        root()
            .program("/usr/bin/tool")
            .program("/usr/bin/env")
            .program("/usr/bin/goes")
            .link("/usr/bin/alias", "tool")
            .program("/app/helper")
            .text("/app/plain", "")
            .dir("/usr/bin/directory", 0o755, 0, 0)
    };
    let cases = [
        ("goes -x", "starts 'goes', which would be removed", "keep it: [keep] commands = [\"goes\"]"),
        ("/usr/bin/goes", "starts '/usr/bin/goes', which would be removed", "--keep /usr/bin/goes"),
        ("/bin/alias", "starts '/bin/alias', which would be removed", "--keep /bin/alias"),
        ("absent", "starts 'absent', which is not in PATH", "run.path"),
        ("/app/absent", "which does not exist", "correct the path"),
        ("/app/plain", "which is not an executable file", "chmod +x"),
        ("/usr/bin/directory", "which is not an executable file", "correct the path"),
        ("/app/helper", "which the policy does not keep", "--keep /app/helper"),
        ("env -i goes tool", "starts 'goes', which would be removed", "--keep goes"),
    ];
    for (check, what, help) in cases {
        let config = format!("[keep]\ncommands = [\"tool\", \"env\"]\n[check]\ncommands = [\"{check}\"]");
        let ran = apply(&image(), &config);
        ran.ends_with(2).says(&[
            &format!("refused[guard.checks] /harden.toml:8:13: the check '{check}' starts "),
            what,
            help,
            "nothing was changed",
        ]);
        ran.changed_nothing();
    }
}

#[test]
fn plan_lists_the_checks_and_runs_none() {
    let root = root().program("/usr/bin/tool");
    let config = "[keep]\ncommands = [\"tool\"]\n[check]\ncommands = [\"tool 'a b'\", { command = \"tool -d\", tcp = 80, timeout = 5 }]";
    let plan = apply_with(&root, config, Options { script: "exec /harden plan", ..Options::default() });
    plan.ends_with(0).says(&[
        "checks not run:\n",
        "  tool 'a b', at most 30 s\n",
        "  tool -d until it answers on port 80, at most 5 s\n",
    ]);
    plan.changed_nothing();
    let json =
        apply_with(&root, config, Options { script: "exec /harden plan --format json -q", ..Options::default() });
    let report: serde_json::Value = serde_json::from_str(&json.said).unwrap_or_else(|e| panic!("{e}: {}", json.said));
    let expected = serde_json::json!([
        { "command": ["tool", "a b"], "timeout": 30, "state": "not run" },
        { "command": ["tool", "-d"], "tcp": 80, "timeout": 5, "state": "not run" },
    ]);
    assert_eq!(report["checks"], expected);
}
