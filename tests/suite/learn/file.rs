//! The file: stable, merged, and taken by plan.

use super::jail::{How, Jail, names, said};
use crate::common::Command;

const MERGE: How<'_> = How { first: false, before: "", options: &["--merge"] };

#[test]
fn two_runs_write_the_same_bytes() {
    let jail = Jail::new();
    let command = ["sh", "-c", "cat /etc/group | cat & sleep 0.2; perl -e 'exit' & wait"];
    let first = jail.learn(&command);
    assert_eq!(jail.learn(&command), first);
    assert!(first.contains("{ name = \"/usr/bin/cat\", reason = \"run by /usr/bin/sh\" },"), "{first}");
    assert!(first.contains("{ name = \"/usr/bin/sh\", reason = \"run by harden learn\" },"), "{first}");
}

#[test]
fn merging_adds_and_refuses_what_is_not_its_own() {
    let jail = Jail::new();
    jail.file("data/one", "");
    jail.file("data/two", "");
    let first = jail.learn(&["cat", "/data/one"]);
    let output = jail.run(MERGE, &["cat", "/data/two"]);
    assert!(output.status.success(), "{}", said(&output));
    let both = jail.learned();
    assert!(names(&both, "/data/one") && names(&both, "/data/two"));
    assert!(first.lines().all(|line| both.contains(line)), "{both}");
    jail.file("out/learned.toml", &format!("{both}[run]\nuser = \"app\"\n"));
    let output = jail.run(MERGE, &["cat", "/data/two"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("learn did not write line"), "{}", said(&output));
    assert!(jail.learned().contains("[run]"));
    // Without --merge the file is written anew.
    assert!(!names(&jail.learn(&["cat", "/data/two"]), "/data/one"));
}

#[test]
fn plan_takes_the_file_and_keeps_what_it_names() {
    let jail = Jail::new();
    jail.file("usr/share/app/data", "");
    jail.learn(&["sh", "-c", "cat /usr/share/app/data; sleep 0"]);
    let plan = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["plan", "-v", "--user", "app", "--command", "sh", "--config"])
        .arg(jail.at("out/learned.toml"))
        .arg("--root")
        .arg(jail.at(""))
        .env_clear()
        .output()
        .unwrap();
    let text = said(&plan);
    assert!(plan.status.success(), "{text}");
    assert!(text.contains("/usr/bin/perl"), "perl goes:\n{text}");
    for kept in ["/usr/bin/cat", "/usr/bin/sleep", "/usr/bin/sh'"] {
        assert!(!text.lines().any(|line| line.contains("remove") && line.contains(kept)), "{kept} goes:\n{text}");
    }
}
