//! Wrong use in a real container: refused with status 2, a message that helps, and nothing changed.

use std::fs;

use crate::bases::ALPINE;
use crate::docker::{Builder, Container, Context, Image, Options, both, build, docker, docker_ok, try_build};

/// Alpine with harden in it, not yet run.
fn prepared() -> Image {
    let dockerfile =
        format!("FROM {}\nCOPY app /app\nCOPY harden harden.toml /\nCMD [\"/harden\", \"apply\"]\n", ALPINE.tag);
    let context = Context::with_harden(&ALPINE.config())
        .file("app/server", 0o755, "#!/bin/sh\nread forever\n")
        .file("app/broken", 0o755, "#!/usr/bin/absent-interpreter\n")
        .file("Dockerfile", 0o644, &dockerfile);
    build(Builder::Classic, &context, &Options::default())
}

#[test]
fn a_start_inside_a_running_container() {
    let image = prepared();
    let container = Container::start(&image.tag, &[], &["sleep", "1000"]);
    let before = docker_ok(&["diff", &container.id]);
    for start in [&["/harden", "apply"][..], &["sh", "-c", "/harden apply; exit $?"][..]] {
        let output = docker(&[&["exec", container.id.as_str()], start].concat());
        let said = both(&output);
        assert_eq!(output.status.code(), Some(2), "{start:?}: {said}");
        assert!(said.contains("--this-is-an-image"), "the message names no way out: {said}");
        assert_eq!(docker_ok(&["diff", &container.id]), before, "{start:?} changed something");
    }
}

#[test]
fn as_first_process_it_is_a_build_step() {
    let image = prepared();
    let container = Container::of(docker_ok(&["create", &image.tag]));
    let output = docker(&["start", "-a", &container.id]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let changed = docker_ok(&["diff", &container.id]);
    assert!(changed.lines().any(|line| line == "D /harden"), "harden is still there:\n{changed}");
}

#[test]
fn a_build_step_that_is_not_root() {
    let dockerfile =
        format!("FROM {}\nCOPY harden harden.toml /\nUSER 1000\nRUN [\"/harden\", \"apply\"]\n", ALPINE.tag);
    let context = Context::with_harden(&ALPINE.config()).file("Dockerfile", 0o644, &dockerfile);
    let log = try_build(Builder::Classic, &context, &Options::default()).expect_err("it must fail");
    assert!(log.contains("USER root"), "{log}");
}

#[test]
fn policies_that_cannot_be_meant() {
    // configuration : what the message has to name
    let run = "[run]\nuser = \"app:1000:1000\"\ncommand = [\"/app/server\"]\n";
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("no user", "[run]\ncommand = [\"/app/server\"]\n".into(), &["user"]),
        ("no command", "[run]\nuser = \"app:1000:1000\"\n".into(), &["command"]),
        ("an empty user", run.replace("app:1000:1000", ""), &["user"]),
        ("a literal variable", run.replace("app:1000:1000", "$APP_USER"), &["$APP_USER"]),
        ("an unknown key", format!("{run}[keep]\ncomands = [\"ls\"]\n"), &["comands", "commands", "5"]),
        ("a misspelt entry", format!("{run}[keep]\ncommands = [\"busyboxx\"]\n"), &["busyboxx", "busybox"]),
        (
            "a uid that a kept account has",
            format!("{}[keep]\nusers = [\"nobody\"]\n", run.replace("app:1000:1000", "app:65534")),
            &["65534", "nobody"],
        ),
        ("an account that has another uid", run.replace("app:1000:1000", "guest:1234"), &["guest", "1234"]),
        ("an account that does not exist", run.replace("app:1000:1000", "absent"), &["absent"]),
        ("a name that shadow refuses", run.replace("app:1000:1000", "App User:1000"), &["App User"]),
        ("a missing interpreter", run.replace("/app/server", "/app/broken"), &["absent-interpreter"]),
        ("a missing command", run.replace("/app/server", "/app/absent"), &["/app/absent"]),
        ("the root as application", format!("{run}[files]\nwritable = [\"/\"]\n"), &["writable"]),
        ("a system directory as application", format!("{run}[files]\nread-only = [\"/usr\"]\n"), &["/usr"]),
    ];
    let image = prepared();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut wrong = Vec::new();
    for (what, config, named) in cases {
        let file = dir.path().join("case.toml");
        fs::write(&file, &config).expect("a file");
        let create = ["create", &image.tag, "/harden", "apply", "--config", "/case.toml"];
        let container = Container::of(docker_ok(&create));
        docker_ok(&["cp", file.to_str().expect("a path"), &format!("{}:/case.toml", container.id)]);
        let before = docker_ok(&["diff", &container.id]);
        let output = docker(&["start", "-a", &container.id]);
        let said = both(&output);
        if output.status.code() != Some(2) {
            wrong.push(format!("{what}: status {:?}: {said}", output.status.code()));
        }
        if let Some(word) = named.iter().find(|word| !said.contains(**word)) {
            wrong.push(format!("{what}: the message does not name '{word}': {said}"));
        }
        let after = docker_ok(&["diff", &container.id]);
        if after != before {
            wrong.push(format!("{what}: something changed: {after}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
