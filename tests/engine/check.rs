//! Checks in real builds: a broken image is no image, and a passing check leaves nothing in the layer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::docker::{Builder, Container, Context, LOCKED_DOWN, Options, build, docker_ok, try_build};
use crate::layer::Stamped;
use crate::tree::Tree;

const DEBIAN: &str = "harden-test/debian:12";

/// A context that hardens `base` by this harden.toml after these steps.
fn context(base: &str, steps: &str, config: &str, builder: Builder) -> Context {
    let run = match builder {
        Builder::BuildKitBind => {
            "RUN --mount=type=bind,source=harden,target=/run/harden \
             --mount=type=bind,source=harden.toml,target=/run/harden.toml [\"/run/harden\", \"apply\"]"
        }
        Builder::Classic | Builder::BuildKit => "COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]",
    };
    Context::with_harden(config).file("Dockerfile", 0o644, &format!("FROM {base}\n{steps}\n{run}\n"))
}

/// A policy for `base` that keeps perl, a shell and a few commands, with these checks.
fn perl_policy(checks: &str) -> String {
    format!(
        "[run]\nuser = \"app:1000:1000\"\ncommand = [\"perl\", \"/app/server\"]\n\
         [keep]\ncommands = [\"sh\", \"cat\", \"sleep\"]\n[files]\nwritable = [\"/data\"]\n{checks}\n"
    )
}

/// Makes what checks can read and write, with one time in every build.
const DATA: &str = "RUN mkdir /data /app && echo one >/data/state && echo 'print qq(hello\\n)' >/app/server && \
                    touch -d @1600000000 /data/state /app/server /data /app";

fn failed(base: &str, config: &str, builder: Builder) -> String {
    match try_build(builder, &context(base, DATA, config, builder), &Options::default()) {
        Ok(image) => panic!("the build succeeded:\n{}", image.log),
        Err(log) => log,
    }
}

#[test]
fn a_check_runs_without_privileges_and_its_output_is_in_the_log() {
    let config = perl_policy("[check]\ncommands = [\"cat /proc/self/status\"]");
    let image = build(Builder::Classic, &context(DEBIAN, DATA, &config, Builder::Classic), &Options::default());
    for line in [
        "Uid:\t1000\t1000\t1000\t1000",
        "Gid:\t1000\t1000\t1000\t1000",
        "Groups:\t1000",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "check passed: cat /proc/self/status",
    ] {
        assert!(image.log.contains(line), "no {line:?} in the log:\n{}", image.log);
    }
}

/// The layer with checks is the layer without, but for directories that a check wrote in: their entries are in the
/// layer, as they were.
#[test]
fn nothing_of_a_check_is_in_the_layer() {
    let code = r#"mkdir "/tmp/d"; for my $p ("/tmp/d/a", "/tmp/b", "/data/new", "/var/tmp/c") { open my $f, ">", $p or die $!; print $f "x" x 100000 } print `cat /data/state`; fork and exit 0; sleep 1000"#;
    let checks = format!("[check]\ncommands = [[\"perl\", \"-e\", '''{code}''']]");
    for builder in Builder::ALL {
        let layer = |config: &str| -> (Tree, Tree) {
            let image = build(builder, &context(DEBIAN, DATA, config, builder), &Options::default());
            let binds: &[&str] = if builder == Builder::BuildKitBind { &["/run/harden"] } else { &[] };
            let stamped = Stamped::new(&["/harden", "/harden.toml"], binds);
            let layers = image.layers();
            (stamped.without(layers.last().expect("a layer")), stamped.without_in_export(&image.export()))
        };
        let (plain, plain_export) = layer(&perl_policy(""));
        let (checked, checked_export) = layer(&perl_policy(&checks));
        let more: BTreeSet<&String> =
            checked.entries.keys().filter(|path| !plain.entries.contains_key(*path)).collect();
        let directories = ["data", "tmp", "var", "var/tmp"];
        assert!(more.iter().all(|path| directories.contains(&path.as_str())), "{builder:?}: {more:?} are in the layer");
        for (path, entry) in &plain.entries {
            assert_eq!(Some(entry), checked.entries.get(path), "{builder:?}: /{path}");
        }
        assert_eq!(plain_export.entries, checked_export.entries, "{builder:?}");
    }
}

#[test]
fn a_failing_check_fails_the_build_and_shows_why() {
    let code = r#"print "what went wrong\n"; exit 5"#;
    let config = perl_policy(&format!("[check]\ncommands = [\"cat /data/state\", [\"perl\", \"-e\", '''{code}''']]"));
    for builder in Builder::ALL {
        let log = failed(DEBIAN, &config, builder);
        for part in ["| one", "| what went wrong", "ended with status 5", "check passed: cat", "check failed: perl"] {
            assert!(log.contains(part), "{builder:?}: no {part:?} in:\n{log}");
        }
    }
    // What a check needs goes: known before the first change.
    let log = failed(DEBIAN, &perl_policy("[check]\ncommands = [\"ls /\"]"), Builder::Classic);
    assert!(log.contains("starts 'ls', which would be removed") && log.contains("nothing was changed"), "{log}");
}

#[test]
fn a_check_that_changes_the_image_fails_the_build() {
    let check = |code: &str| perl_policy(&format!("[check]\ncommands = [[\"perl\", \"-e\", '''{code}''']]"));
    for code in [
        r#"open my $f, ">>", "/data/state" or die $!; print $f "two\n""#,
        r#"unlink "/data/state""#,
        r#"chmod 0600, "/data/state""#,
    ] {
        let log = failed(DEBIAN, &check(code), Builder::Classic);
        let said = "changed, removed, or opened for writing files that the image keeps: '/data/state'";
        assert!(log.contains(said), "{code}:\n{log}");
    }
    // On overlayfs a file that is opened for writing is copied into the layer as a whole, written to or not. It lies
    // where no rule of harden touches it.
    let opened = check(r#"open my $f, "+<", "/srv/state" or die $!"#);
    let steps = format!("{DATA}\nRUN echo one >/srv/state && chown 1000 /srv/state");
    let driver = docker_ok(&["info", "--format", "{{.Driver}}"]);
    let result = try_build(Builder::Classic, &context(DEBIAN, &steps, &opened, Builder::Classic), &Options::default());
    if driver.starts_with("overlay") {
        let log = result.expect_err("a file that was copied up is in the layer");
        assert!(log.contains("keeps: '/srv/state'"), "{log}");
    } else {
        result.expect("nothing was written");
    }
}

#[test]
fn the_time_limit_ends_everything() {
    let checks = r#"[check]
commands = [{ command = ["sh", "-c", "sleep 1000 & (sleep 1000 &) ; echo waiting; sleep 1000"], timeout = 2 }]"#;
    let begin = Instant::now();
    let log = failed(DEBIAN, &perl_policy(checks), Builder::Classic);
    assert!(log.contains("did not end within 2 s and was killed") && log.contains("| waiting"), "{log}");
    assert!(begin.elapsed() < Duration::from_secs(90), "{:?}", begin.elapsed());
}

#[test]
fn nginx_answers_as_the_run_user_and_then_as_ever() {
    let context = Context::example("nginx-debian");
    let config = std::fs::read_to_string(context.path().join("harden.toml")).expect("a policy");
    let config = format!("{config}\n[check]\ncommands = [\"nginx -t -e stderr\"]\ntcp = 8080\ntimeout = 20\n");
    let context = context.file("harden.toml", 0o644, &config);
    let harden = crate::docker::harden_image();
    let options = Options {
        args: vec![("BASE", "harden-test/debian:12-nginx".into()), ("HARDEN", harden.tag.clone())],
        ..Options::default()
    };
    let image = build(Builder::Classic, &context, &options);
    assert!(image.log.contains("syntax is ok"), "{}", image.log);
    assert_eq!(image.log.matches("check passed: ").count(), 2, "{}", image.log);
    let run = [&LOCKED_DOWN[..], &["--tmpfs", "/tmp"]].concat();
    let container = Container::start(&image.tag, &run, &[]);
    assert!(container.get("/").contains("Hello from nginx"));
}

/// The master starts as root, binds a low port and drops to www-data, under no_new_privs.
#[test]
fn nginx_starts_as_root_and_drops() {
    let config = "profile = \"nginx\"\n[run]\nuser = \"www-data\"\nstart = \"root\"\n\
        command = [\"nginx\", \"-g\", \"daemon off;\"]\n[keep]\ncommands = [\"cat\"]\n\
        [check]\ncommands = [\"nginx -t\", \"cat /proc/self/status\"]\ntcp = 80\n";
    let context = context("harden-test/debian:12-nginx", "", config, Builder::Classic);
    let image = build(Builder::Classic, &context, &Options::default());
    assert_eq!(image.log.matches("check passed: ").count(), 3, "{}", image.log);
    assert!(image.log.contains("Uid:\t0\t0\t0\t0") && image.log.contains("NoNewPrivs:\t1"), "{}", image.log);
    let tree = image.export();
    for path in ["run/nginx.pid", "var/log/nginx/access.log", "var/lib/nginx/body"] {
        assert!(tree.get(path).is_none(), "/{path} is left by a check");
    }
}

#[test]
fn busybox_answers_on_alpine() {
    let server = "#!/bin/sh\nprintf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n'\n";
    let config = "[run]\nuser = \"app:1000:1000\"\ncommand = [\"nc\", \"-lk\", \"-p\", \"8080\", \"-e\", \"/app/server\"]\n\
        [keep]\ncommands = [\"sh\", \"/app/server\"]\n[remove]\ncommands = [\"id\"]\n[check]\ncommands = [[\"sh\", \"-c\", \"id 2>/dev/null; exit 0\"]]\ntcp = 8080\n";
    for builder in Builder::ALL {
        let context = context("harden-test/alpine:3.20", "COPY server /app/server", config, builder)
            .file("server", 0o755, server);
        let image = build(builder, &context, &Options::default());
        assert_eq!(image.log.matches("check passed: ").count(), 2, "{builder:?}: {}", image.log);
    }
}
