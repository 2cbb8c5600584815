//! `extends` and `--extends`: which file wins, what is required, and which chains are refused.

use harden::testing::diag::Diagnostic;
use harden::testing::policy::{Database, Loaded, dump};

use super::common::{lines, run};

const ORG: &str = "\
[keep]
commands = [{ name = \"openssl\", optional = true }]
users = [\"nobody\"]
[run]
home = \"/org\"
workdir = \"/org\"
[packages]
database = \"keep\"
[audit]
required = [\"programs.linking\", \"org.no-core\"]
[[audit.check]]
id = \"org.no-core\"
severity = \"high\"
title = \"no core dumps\"
paths = [\"/**/core\"]
presence = \"forbidden\"
[rules]
\"files.setid\" = \"required\"
\"login.defaults\" = \"required\"
\"remove.cron\" = \"off\"
";

fn with(service: &str, more: &[&str], files: &[(&str, &str)]) -> Result<Loaded, Vec<Diagnostic>> {
    let mut all = vec![("/harden.toml", service.as_bytes()), ("/org.toml", ORG.as_bytes())];
    all.extend(files.iter().map(|(path, text)| (*path, text.as_bytes())));
    run(more, &[], &all)
}

fn refusals(service: &str, more: &[&str], files: &[(&str, &str)]) -> Vec<String> {
    lines(with(service, more, files).unwrap_err())
}

#[test]
fn lists_add_up_and_the_file_wins_over_what_it_extends() {
    let service = "extends = [\"org.toml\"]\n[run]\nhome = \"/app\"\n[keep]\ncommands = [\"ls\"]\nusers = [\"nobody\", \"app\"]\n";
    let loaded = with(service, &[], &[]).unwrap();
    let policy = loaded.policy;
    let commands: Vec<&str> = policy.keep.commands.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(commands, ["ls", "openssl"]);
    assert_eq!(policy.keep.users.len(), 2, "an entry of both files is one");
    assert_eq!((policy.home.as_deref(), policy.workdir.as_deref()), (Some("/app"), Some("/org")));
    assert_eq!(policy.database, Database::Keep);
    assert_eq!(loaded.files, [std::path::Path::new("/org.toml")], "it is removed with the configuration");
}

#[test]
fn later_files_win_and_each_is_relative_to_the_file_that_names_it() {
    let service = "extends = [\"conf/one.toml\", \"/etc/two.toml\"]\n";
    let files = [
        ("/conf/one.toml", "extends = [\"below.toml\"]\n[run]\nhome = \"/one\"\nworkdir = \"/one\"\n"),
        ("/conf/below.toml", "[run]\nhome = \"/below\"\nworkdir = \"/below\"\nuser = \"below\"\n"),
        ("/etc/two.toml", "[run]\nhome = \"/two\"\n"),
        ("/flag.toml", "[run]\nhome = \"/flag\"\n"),
    ];
    let home = |more: &[&str]| {
        let policy = with(service, more, &files).unwrap().policy;
        (policy.home.unwrap(), policy.workdir.unwrap(), policy.user.is_some())
    };
    assert_eq!(home(&[]), ("/two".into(), "/one".into(), true));
    assert_eq!(home(&["--extends", "/flag.toml"]), ("/flag".into(), "/one".into(), true));
    assert_eq!(home(&["--extends", "/flag.toml", "--extends", "/etc/two.toml"]).0, "/two");
}

#[test]
fn the_command_line_extends_where_there_is_no_configuration() {
    let loaded = run(&["--extends", "/org.toml"], &[], &[("/org.toml", ORG.as_bytes())]).unwrap();
    assert_eq!((loaded.config, loaded.policy.home.as_deref()), (None, Some("/org")));
    let found = run(&[], &[("HARDEN_EXTENDS", "/org.toml")], &[]).unwrap_err();
    assert_eq!(
        lines(found),
        ["HARDEN_EXTENDS: the variable is not read: a RUN step inherits the variables of its base image\n  \
          help: unset it, and write the flag --extends if you want what it says"]
    );
}

#[test]
fn what_two_files_extend_is_read_once() {
    let service = "extends = [\"a.toml\", \"b.toml\"]\n";
    let files = [("/a.toml", "extends = [\"org.toml\"]\n"), ("/b.toml", "extends = [\"org.toml\"]\n")];
    let loaded = with(service, &["--extends", "/org.toml"], &files).unwrap();
    assert_eq!(loaded.files.len(), 3, "{:?}", loaded.files);
}

#[test]
fn a_circle_is_refused_with_its_files() {
    let files = [("/a.toml", "extends = [\"b.toml\"]\n"), ("/b.toml", "extends = [\"a.toml\"]\n")];
    assert_eq!(
        refusals("extends = [\"a.toml\"]\n", &[], &files),
        ["/b.toml:1:12: the file extends itself: '/a.toml' extends '/b.toml' extends '/a.toml'\n  \
          help: delete one of these entries"]
    );
    let own = refusals("extends = [\"/harden.toml\"]\n", &[], &[]);
    assert!(own[0].starts_with("/harden.toml:1:12: the file extends itself: '/harden.toml' extends"), "{own:?}");
    let flag = refusals("", &["--extends", "/harden.toml"], &[]);
    assert!(flag[0].starts_with("--extends: the file extends itself: "), "{flag:?}");
}

#[test]
fn depth_and_number_of_files_are_bounded() {
    let names: Vec<String> = (0..100).map(|number| format!("/{number}.toml")).collect();
    let next: Vec<String> = (0..100).map(|number| format!("extends = [\"{}.toml\"]\n", number + 1)).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(next.iter().map(String::as_str)).collect();
    let deep = refusals("extends = [\"0.toml\"]\n", &[], &files);
    assert!(deep[0].contains(": more than 8 files extend one another: '/harden.toml' extends '/0.toml'"), "{deep:?}");
    let wide = format!("extends = {names:?}\n");
    let empty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let wide = refusals(&wide, &[], &empty);
    assert!(wide[0].contains(": the policy extends more than 64 files"), "{wide:?}");
}

#[test]
fn a_missing_file_is_refused_unless_it_is_optional() {
    let missing = refusals("extends = [\"no.toml\"]\n", &[], &[]);
    assert!(missing[0].starts_with("/harden.toml:1:12: cannot read the extended file '/no.toml': "), "{missing:?}");
    assert!(with("extends = [{ path = \"no.toml\", optional = true }]\n", &[], &[]).is_ok());
    let bad = refusals("extends = [\"bad.toml\"]\n", &[], &[("/bad.toml", "[keep]\nuser = []\n")]);
    assert!(bad[0].starts_with("/bad.toml:2:1: unknown key 'user' in [keep]"), "{bad:?}");
}

#[test]
fn nothing_stronger_switches_a_required_rule_off() {
    let on = |policy: &Loaded, rule: &str| policy.policy.rules.iter().find(|switch| switch.rule == rule).unwrap().on;
    let loaded = with("extends = [\"org.toml\"]\n[rules]\n\"files.setid\" = \"on\"\n", &[], &[]).unwrap();
    assert!(on(&loaded, "files.setid") && on(&loaded, "login.defaults") && !on(&loaded, "remove.cron"));
    let off = "extends = [\"org.toml\"]\n[rules]\n\"files.setid\" = \"off\"\n";
    assert_eq!(
        refusals(off, &[], &[]),
        ["/harden.toml:3:1: the rule 'files.setid' is switched off, and /org.toml:18:1 requires it\n  \
          help: delete this, and name in [keep] what the rule must leave alone"]
    );
    let flag = refusals("extends = [\"org.toml\"]\n", &["--disable", "files.setid"], &[]);
    assert!(flag[0].starts_with("--disable: the rule 'files.setid' is switched off, and /org.toml:18:1"), "{flag:?}");
    // Also where a file between the two switches it on, and where the file is given by the command line.
    let between = [("/team.toml", "extends = [\"org.toml\"]\n[rules]\n\"files.setid\" = \"on\"\n")];
    let found = refusals("extends = [\"team.toml\"]\n[rules]\n\"files.setid\" = \"off\"\n", &[], &between);
    assert!(found[0].contains("/org.toml:18:1 requires it"), "{found:?}");
    assert!(refusals("[rules]\nfiles.setid = \"off\"\n", &["--extends", "/org.toml"], &[])[0].contains("requires it"));
    // What is weaker may say what it likes: required is stronger.
    let weaker = [("/old.toml", "[rules]\n\"files.setid\" = \"off\"\n")];
    assert!(on(&with("extends = [\"old.toml\", \"org.toml\"]\n", &[], &weaker).unwrap(), "files.setid"));
}

#[test]
fn a_required_check_is_neither_excepted_nor_replaced() {
    let exception =
        "extends = [\"org.toml\"]\n[[audit.exception]]\nid = \"programs.linking\"\npath = \"/x\"\nreason = \"y\"\n";
    assert_eq!(
        refusals(exception, &[], &[]),
        [
            "/harden.toml:2:1: an exception is made for the check 'programs.linking', and /org.toml:10:13 requires it\n  \
          help: delete the exception and fix the finding, or ask for the exception in the file that requires the check"
        ]
    );
    let replaced = "extends = [\"org.toml\"]\n[[audit.check]]\nid = \"org.no-core\"\nseverity = \"info\"\ntitle = \"x\"\n\
                    paths = [\"/x\"]\npresence = \"required\"\n";
    let found = refusals(replaced, &[], &[]);
    assert!(
        found[0].starts_with("/harden.toml:2:1: the check 'org.no-core' is replaced, and /org.toml:10:33 requires it"),
        "{found:?}"
    );
    // The file that requires it may make exceptions itself.
    let org = format!("{ORG}[[audit.exception]]\nid = \"programs.linking\"\npath = \"/x\"\nreason = \"y\"\n");
    let loaded = with("extends = [\"/own.toml\"]\n", &[], &[("/own.toml", &org)]).unwrap();
    assert_eq!(loaded.policy.audit.exceptions.len(), 1);
    let unknown = refusals("[audit]\nrequired = [\"programs.linkin\"]\n", &[], &[]);
    assert!(
        unknown[0].contains("audit.required: unknown check 'programs.linkin'\n  help: did you mean"),
        "{unknown:?}"
    );
}

#[test]
fn the_dump_names_the_file_of_each_value() {
    let service = "extends = [\"org.toml\"]\nstrict = true\n[run]\nhome = \"/app\"\ncommand = [\"app\"]\n\
                   [minimal]\nnss = true\n[keep]\nusers = [\"app\"]\n";
    let text = dump(&with(service, &["--keep", "ls"], &[]).unwrap().policy);
    for line in [
        "strict = true  # /harden.toml:2:10",
        "home = \"/app\"  # /harden.toml:4:8",
        "command = [\"app\"]  # /harden.toml:5:11",
        "workdir = \"/org\"  # /org.toml:6:11",
        "database = \"keep\"  # /org.toml:8:12",
        "nss = true  # /harden.toml:7:7",
        "    \"ls\",  # --keep",
        "    { name = \"openssl\", optional = true },  # /org.toml:2:22",
        "    \"app\",  # /harden.toml:9:10",
        "    \"nobody\",  # /org.toml:3:10",
        "    \"programs.linking\",  # /org.toml:10:13",
        "[[audit.check]]  # /org.toml:11:1",
        "\"files.setid\" = \"required\"  # /org.toml:18:1",
        "\"remove.cron\" = \"off\"  # /org.toml:20:1",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
    }
}

#[test]
fn program_files_are_those_beside_the_file_that_names_them() {
    let program = "# x\nnames = [\"x\"]\n";
    let files = [
        ("/conf/org.toml", "[programs]\nfiles = [\"programs/*.toml\"]\n"),
        ("/conf/programs/x.toml", program),
        ("/programs/y.toml", program),
    ];
    let service = "extends = [\"conf/org.toml\"]\n[programs]\nfiles = [\"programs/*.toml\"]\n";
    let loaded = with(service, &[], &files).unwrap();
    let paths: Vec<&str> = loaded.files.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(paths, ["/programs/y.toml", "/conf/org.toml", "/conf/programs/x.toml"]);
    // As a value, the path leads there from anywhere.
    assert!(dump(&loaded.policy).contains("\"/conf/programs/*.toml\",  # /conf/org.toml:2:10"));
}
