//! The command line: every help page and the usage errors, byte for byte. UPDATE_SNAPSHOTS=1 writes them anew.

mod overwrite;

use std::fs;
use std::path::Path;

use crate::common::{APP, Rootfs, bare};

/// All commands; "" is the program without one.
const COMMANDS: [&str; 10] =
    ["", "apply", "plan", "audit", "image", "explain", "learn", "init", "check-config", "completions"];

/// Compares with tests/suite/cli/NAME, or writes it.
pub(crate) fn snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/cli").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: UPDATE_SNAPSHOTS=1 cargo test --test suite cli:: writes it anew");
}

#[test]
fn help_pages_are_as_they_were_reviewed() {
    for command in COMMANDS {
        let words: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let run = bare(&words, &[], b"");
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{command}");
        let usage = format!("Usage: harden {command}");
        assert!(run.stdout.contains(usage.trim_end()), "{command}: no usage line: {}", run.stdout);
        for line in run.stdout.lines() {
            assert!(line.chars().count() <= 100, "{command}: wider than 100 columns: {line}");
        }
        let asked = ["help", command].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
        assert_eq!(bare(&asked, &[], b"").stdout, run.stdout, "harden help {command} is the same page");
        let name = if command.is_empty() { "help.txt".to_owned() } else { format!("help-{command}.txt") };
        snapshot(&name, &run.stdout);
    }
}

#[test]
fn usage_errors_are_as_they_were_reviewed() {
    let mut text = String::new();
    for args in [
        &["--user", "app"][..],
        &["--user", "app", "apply"],
        &["aply"],
        &["apply", "--frobnicate"],
        &["apply", "--chek", "true"],
        &["apply", "--user"],
        &["apply", "extra"],
        &["apply", "--tar", "x.tar"],
        &["plan", "--this-is-an-image"],
        &["plan", "--format", "yaml"],
        &["plan", "--fail-on=high"],
        &["audit", "--fail-on", "fatal"],
        &["audit", "--check", "true"],
        &["audit", "--strict"],
        &["explain"],
        &["explain", "--sbom", "x.json", "sh"],
        &["init", "--report", "x.json"],
        &["init", "-q"],
        &["learn", "--root", "/", "--", "true"],
        &["learn", "true"],
        &["completions", "tcsh"],
        &["completions", "bash", "--root", "/"],
    ] {
        let run = bare(args, &[], b"");
        assert_eq!(run.status, if args[0] == "learn" { 125 } else { 2 }, "{args:?}: {}", run.all());
        assert_eq!(run.stdout, "", "{args:?}");
        text += &format!("$ harden {}\n{}\n", args.join(" "), run.stderr);
    }
    snapshot("errors.txt", &text);
}

#[test]
fn the_version_is_that_of_the_package() {
    for flag in ["--version", "-V"] {
        let run = bare(&[flag], &[], b"");
        assert_eq!((run.status, run.stdout), (0, format!("harden {}\n", env!("CARGO_PKG_VERSION"))));
    }
}

/// A RUN step inherits the variables of the base image, so that one for another command is no error. It has no effect.
#[test]
fn a_variable_that_the_command_has_no_use_for_is_ignored() {
    let tree = Rootfs::debian_like().program("/app/server");
    let others = [
        ("HARDEN_SBOM", "/no/such/directory/sbom.json"),
        ("HARDEN_REPORT", "/no/such/directory/report.json"),
        ("HARDEN_BASELINE", "/no/such/baseline.json"),
        ("HARDEN_FAIL_ON", "fatal"),
        ("HARDEN_FORMAT", "yaml"),
        ("HARDEN_CHECK", "$X"),
        ("HARDEN_THIS_IS_AN_IMAGE", "perhaps"),
    ];
    let init = tree.run_with::<&str>("init", &[], &others, b"");
    assert_eq!((init.status, init.stderr.as_str()), (0, ""), "{}", init.all());
    assert_eq!(init.stdout, tree.run::<&str>("init", &[]).stdout);
    let explain = |environment: &[(&str, &str)]| {
        tree.run_with("explain", &[&APP[..], &["/app/server"]].concat(), environment, b"")
    };
    let (plain, given) = (explain(&[]), explain(&[others[0], others[2], others[3], others[5], others[6]]));
    assert_eq!((given.status, &given.stdout, &given.stderr), (0, &plain.stdout, &plain.stderr), "{}", given.all());
    // Where it means something it counts, and a wrong value is named with its variable.
    let plan = tree.run_with("plan", &APP, &others[..1], b"");
    assert_eq!(plan.status, 2);
    assert!(plan.stderr.contains("'/no/such/directory/sbom.json'"), "{}", plan.stderr);
    let audit = tree.run_with::<&str>("audit", &[], &others[3..4], b"");
    assert!(audit.stderr.contains("HARDEN_FAIL_ON: unknown severity 'fatal'"), "{}", audit.stderr);
}

#[test]
fn completions_are_for_five_shells_and_name_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = bare(&["completions", shell], &[], b"");
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{shell}");
        for word in COMMANDS.into_iter().chain(["fail-on", "this-is-an-image"]) {
            assert!(run.stdout.contains(word), "{shell} does not know {word}");
        }
    }
}

/// The author of a Dockerfile may not know what the base image sets.
#[test]
fn a_variable_that_counts_is_printed_and_one_that_weakens_is_refused() {
    let tree = Rootfs::debian_like().program("/app/server");
    let command = ["--command", "/app/server"];
    let user = [("HARDEN_USER", "app:1000:1000")];
    let said = "harden: the variable HARDEN_USER gives 'app:1000:1000'\n";
    let given = tree.run_with("plan", &command, &user, b"");
    assert_eq!((given.status, given.stderr.matches(said).count()), (0, 1), "{}", given.all());
    let flag = tree.run_with("plan", &APP, &user, b"");
    assert!(flag.status == 0 && !flag.stderr.contains("HARDEN_USER"), "{}", flag.all());
    for name in ["HARDEN_CONFIG", "HARDEN_DISABLE", "HARDEN_EXTENDS", "HARDEN_THIS_IS_AN_IMAGE"] {
        let refused = tree.run_with("apply", &APP, &[(name, "on")], b"");
        let said = format!("{name}: the variable is not read");
        assert!(refused.status == 2 && refused.stderr.contains(&said), "{}", refused.all());
    }
}
