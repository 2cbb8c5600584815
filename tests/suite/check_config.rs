//! `harden check-config`: files without an image.

use std::path::Path;

use crate::common::{Command, bare};

fn files(texts: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// Status, standard output and standard error, started in a directory.
fn check(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    let output = command.arg("check-config").args(args).current_dir(directory).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_file_is_judged_and_everything_is_said() {
    let good = "extends = [\"org.toml\"]\n[run]\nuser = \"app\"\ncommand = [\"app\"]\n";
    let bad = "[run]\ncomand = [\"app\"]\nuser = 7\n";
    // What the image says is not known: neither a command nor a user is missed.
    let org = "[check]\nstarts = 3\n[rules]\n\"files.setid\" = \"required\"\n";
    let files = files(&[("harden.toml", good), ("bad.toml", bad), ("org.toml", org)]);
    let valid = |name: &str| format!("'{name}': valid\n");
    assert_eq!(check(files.path(), &[]), (0, valid("harden.toml"), String::new()));
    assert_eq!(check(files.path(), &["-q", "org.toml"]), (0, String::new(), String::new()));
    let (status, out, error) = check(files.path(), &["bad.toml", "no.toml", "harden.toml"]);
    assert_eq!((status, out), (2, valid("harden.toml")));
    for found in [
        "error[config.unknown-key] bad.toml:2:1: unknown key 'comand' in [run]\n",
        "error[config.type] bad.toml:3:8: run.user is an integer",
        "error[config.read]: cannot read the configuration 'no.toml': ",
    ] {
        assert!(error.contains(found), "no {found} in {error}");
    }
}

#[test]
fn a_policy_of_the_organisation_is_extended_though_the_file_does_not_say_so() {
    let off = "[rules]\n\"files.setid\" = \"off\"\n";
    let files = files(&[("harden.toml", off), ("org.toml", "[rules]\n\"files.setid\" = \"required\"\n")]);
    assert_eq!(check(files.path(), &[]).0, 0);
    let (status, _, error) = check(files.path(), &["--extends", "org.toml"]);
    assert!(status == 2 && error.contains("harden.toml:2:1: the rule 'files.setid' is switched off"), "{error}");
}

#[test]
fn every_configuration_of_the_examples_is_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker");
    let mut found = 0;
    for directory in std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for file in
            entries.map(|entry| entry.unwrap().path()).filter(|file| file.extension().is_some_and(|e| e == "toml"))
        {
            let run = bare(&["check-config", file.to_str().unwrap()], &[], b"");
            assert_eq!(run.status, 0, "{}", run.all());
            found += 1;
        }
    }
    assert!(found >= 10, "{found}");
}
