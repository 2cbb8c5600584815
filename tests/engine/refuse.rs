//! Wrong use in a real container: refused with status 2, a message that helps, and nothing changed.

use std::fs;

use crate::bases::{ALPINE, DEBIAN_12};
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

/// A script that needs what a rule takes, and the one line that the refusal names: written, it works as before.
struct Cure {
    base: &'static str,
    entrypoint: &'static str,
    config: &'static str,
    /// What the message names, and what is written then.
    line: &'static str,
    /// Options of `docker run`.
    run: &'static [&'static str],
    prints: &'static str,
}

const CURES: [Cure; 4] = [
    Cure {
        base: ALPINE.tag,
        entrypoint: "#!/bin/sh\nwhoami >/dev/null 2>&1 || echo \"app:x:$(id -u):0::/:/bin/sh\" >>/etc/passwd\nwhoami\n",
        config: "[run]\nuser = \"app:1000:0\"\ncommand = [\"/entrypoint.sh\"]\n[keep]\ncommands = [\"whoami\", \"id\"]\n",
        line: "[files] writable = [\"/etc/passwd\"]",
        run: &["--user", "12345:0"],
        prints: "app",
    },
    Cure {
        base: DEBIAN_12.tag,
        entrypoint: "#!/bin/sh\nif ! whoami >/dev/null 2>&1; then\n  if [ -w /etc/passwd ]; then\n    echo \"app:x:$(id -u):0::/:/bin/sh\" >>/etc/passwd\n  fi\nfi\nexec whoami\n",
        config: "[run]\nuser = \"app:1000:0\"\ncommand = [\"/entrypoint.sh\"]\n[keep]\ncommands = [\"whoami\", \"id\"]\n",
        line: "[files] writable = [\"/etc/passwd\"]",
        run: &["--user", "12345:0"],
        prints: "app",
    },
    Cure {
        base: DEBIAN_12.tag,
        entrypoint: "#!/bin/sh\nset -e\nexec su games -c 'echo served by su'\n",
        config: "[run]\nuser = \"games\"\nstart = \"root\"\ncommand = [\"/entrypoint.sh\"]\n[keep]\ncommands = [{ name = \"su\", setid = false }, \"sh\"]\n",
        line: "[keep] shells = [\"games\"]",
        run: &[],
        prints: "served by su",
    },
    Cure {
        base: ALPINE.tag,
        entrypoint: "#!/bin/sh\nset -e\nexec su guest -c 'echo served by su'\n",
        config: "[run]\nuser = \"guest\"\nstart = \"root\"\ncommand = [\"/entrypoint.sh\"]\n[keep]\ncommands = [{ name = \"su\", setid = false }, \"sh\"]\n",
        line: "[keep] shells = [\"guest\"]",
        run: &[],
        prints: "served by su",
    },
];

#[test]
fn what_a_refusal_advises_works() {
    for Cure { base, entrypoint, config, line, run, prints } in CURES {
        let prepare = "RUN chmod g+w /etc/passwd && sed -i -E '/^(games|guest):/s|:[^:]*$|:/bin/sh|' /etc/passwd";
        let dockerfile = format!("FROM {base}\n{prepare}\nCOPY entrypoint.sh /\nENTRYPOINT [\"/entrypoint.sh\"]\n");
        let plain = Context::new().file("entrypoint.sh", 0o755, entrypoint).file("Dockerfile", 0o644, &dockerfile);
        let before = build(Builder::Classic, &plain, &Options::default());
        let said = |image: &Image| both(&docker(&[&["run", "--rm"], run, &[image.tag.as_str()]].concat()));
        assert_eq!(said(&before).trim(), prints, "{base} before: {entrypoint}");

        let hardened = |config: &str| {
            let apply = "COPY harden harden.toml /\nUSER root\nRUN [\"/harden\", \"apply\"]\n";
            let context = Context::with_harden(config).file("entrypoint.sh", 0o755, entrypoint).file(
                "Dockerfile",
                0o644,
                &format!("{dockerfile}{apply}"),
            );
            try_build(Builder::Classic, &context, &Options::default())
        };
        let log = hardened(config).expect_err("a plan that breaks the script is refused");
        assert!(log.contains(line), "{base}: {line} is not advised for {entrypoint}\n{log}");
        let (table, entry) = line.split_once(' ').expect("a table and an entry");
        // The table may stand there already.
        let cured = if config.contains(table) {
            config.replace(&format!("{table}\n"), &format!("{table}\n{entry}\n"))
        } else {
            format!("{config}{table}\n{entry}\n")
        };
        let after = hardened(&cured).unwrap_or_else(|log| panic!("{base}: {line} does not settle it\n{log}"));
        assert_eq!(said(&after).trim(), prints, "{base} after: {entrypoint}");
    }
}
