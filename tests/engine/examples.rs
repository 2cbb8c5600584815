//! The examples in docker/: built from their own Dockerfiles, served as they say.

use crate::apps::{client, eventually};
use crate::common::Command;
use crate::docker::{
    Builder, Container, Context, Image, LOCKED_DOWN, Options, binary, both, build, docker_ok, fixture, harden_image,
};
use crate::leave::traces;
use crate::matrix::assert_none;

fn options<'a>(file: &'a str, base: &str, harden: &Image) -> Options<'a> {
    let mut args = vec![("HARDEN", harden.tag.clone())];
    if !base.is_empty() {
        args.push(("BASE", base.to_owned()));
    }
    Options { file, args }
}

#[test]
fn dotnet_debian() {
    let harden = harden_image();
    let context = Context::example("dotnet-debian").add(&fixture("dotnet/app"), "app");
    for (builder, file) in [(Builder::Classic, "Dockerfile"), (Builder::BuildKitBind, "bind.Dockerfile")] {
        let image = build(builder, &context, &options(file, "harden-test/debian:12-dotnet", &harden));
        assert_none("traces", &traces(&image.export()));
        let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
        let page = container.get("/");
        assert!(page.starts_with("Hello from "), "{page}\n{}", container.logs());
        assert_eq!(container.ids(), (1000, 1000));
        for attack in ["id", "sh?-c&id", "/bin/sh", "bash", "wget", "apt", "su", "dpkg", "perl", "/usr/bin/id"] {
            let answer = container.get(&format!("/exec/{}", attack.replace("/", "%2F")));
            assert!(answer.starts_with("ENOENT"), "{builder:?}: {attack} answered: {answer}");
        }
    }
}

#[test]
fn alpine_two_phase() {
    let harden = harden_image();
    let context = Context::example("alpine-two-phase").add(&fixture("server"), "server");
    let base = build(Builder::BuildKit, &context, &options("base.Dockerfile", "harden-test/alpine:3.20", &harden));
    // The first phase leaves what the second one needs.
    let says = docker_ok(&["run", "--rm", &base.tag, "sh", "-c", "echo still here"]);
    assert_eq!(says, "still here");
    assert!(base.export().get("sbin/apk").is_some(), "the base still installs packages");

    let image = build(Builder::BuildKit, &context, &options("Dockerfile", &base.tag, &harden));
    let tree = image.export();
    assert_none("traces", &traces(&tree));
    for gone in ["sbin/apk", "bin/sh", "bin/busybox"] {
        assert!(tree.get(gone).is_none(), "/{gone} is left");
    }
    let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
    assert_eq!(container.get("/"), "Hello from 1000:1000\n");
}

#[test]
fn nginx_debian() {
    let harden = harden_image();
    let context = Context::example("nginx-debian");
    let image = build(Builder::Classic, &context, &options("Dockerfile", "harden-test/debian:12-nginx", &harden));
    let tree = image.export();
    assert_none("traces", &traces(&tree));
    for gone in ["usr/bin/apt", "usr/bin/dpkg", "usr/bin/bash", "usr/bin/dash", "usr/sbin/cron"] {
        assert!(tree.get(gone).is_none(), "/{gone} is left");
    }
    let run = [&LOCKED_DOWN[..], &["--tmpfs", "/tmp:mode=1777"]].concat();
    let container = Container::start(&image.tag, &run, &[]);
    assert!(container.get("/").contains("Hello from nginx"), "{}", container.logs());
    assert_eq!(container.ids(), (33, 33), "www-data");
}

/// One of the examples in minimal mode: one layer, no trace, and nothing of these paths.
fn minimal(example: &str, context: &Context, base: &str, gone: &[&str]) -> Image {
    let image = build(Builder::BuildKit, context, &options("Dockerfile", base, &harden_image()));
    let layers = image.layers();
    assert_eq!(layers.len(), 1, "{example} is flattened");
    assert_none("traces", &traces(&layers[0]));
    for gone in gone.iter().chain(&["usr/bin/apt", "usr/bin/dpkg", "usr/bin/perl", "usr/share/locale/de"]) {
        assert!(layers[0].get(gone).is_none(), "{example}: /{gone} is left");
    }
    assert!(layers[0].text("usr/lib/os-release").contains("Debian"), "{example}");
    image
}

#[test]
fn nginx_minimal() {
    let context = Context::example("nginx-minimal");
    let image =
        minimal("nginx", &context, "harden-test/debian:12-nginx", &["usr/bin/dash", "usr/lib/x86_64-linux-gnu/gconv"]);
    let container = Container::start(&image.tag, &[&LOCKED_DOWN[..], &["--tmpfs", "/tmp:mode=1777"]].concat(), &[]);
    assert!(container.get("/").contains("Hello from nginx"), "{}", container.logs());
    assert_eq!(container.ids(), (33, 33), "www-data");
}

#[test]
fn python_minimal() {
    let context = Context::example("python-minimal");
    let image =
        minimal("python", &context, "harden-test/debian:12-apps", &["usr/bin/dash", "usr/bin/node", "usr/lib/ruby"]);
    let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
    assert_eq!(container.get("/"), "Hello from 1000, +0200, OpenSSL\n", "{}", container.logs());
}

#[test]
fn dotnet_minimal() {
    let context = Context::example("dotnet-minimal").add(&fixture("dotnet/app"), "app");
    let image = minimal("dotnet", &context, "harden-test/debian:12-dotnet", &["usr/bin/dash", "usr/bin/wget"]);
    let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
    let page = container.get("/");
    assert!(page.starts_with("Hello from "), "{page}\n{}", container.logs());
    assert_eq!(container.ids(), (1000, 1000));
}

#[test]
fn postgres_minimal() {
    // The base of the tests has gosu, which Debian's own has not.
    let policy = include_str!("../../docker/postgres-minimal/harden.toml");
    let policy = format!("{policy}\n[remove]\ncommands = [\"gosu\"]\n");
    let context = Context::example("postgres-minimal").file("harden.toml", 0o644, &policy);
    let base = "harden-test/debian:12-postgres";
    let image = minimal("postgres", &context, base, &["usr/bin/bash", "usr/lib/postgresql/15/bin/psql"]);
    let options = [&LOCKED_DOWN[..], &["-e", "POSTGRES_PASSWORD=secret"]].concat();
    let container = Container::start(&image.tag, &options, &[]);
    let address = container.address();
    let ask =
        ["psql", "-h", &address, "-U", "postgres", "-tAc", "SELECT now() AT TIME ZONE 'Europe/Vienna' > '2020-01-01'"];
    let answer = eventually(&container, || client(base, &["-e", "PGPASSWORD=secret"], &ask));
    assert_eq!(answer, "t");
    assert_ne!(container.ids().0, 0);
}

#[test]
fn static_scratch() {
    let harden = harden_image();
    let context = Context::example("static-scratch").add(&fixture("server"), "server");
    for builder in [Builder::Classic, Builder::BuildKit] {
        let image = build(builder, &context, &options("Dockerfile", "", &harden));
        let tree = image.export();
        assert_none("traces", &traces(&tree));
        assert!(tree.text("etc/passwd").contains("app:x:1000:1000:"), "{}", tree.text("etc/passwd"));
        let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
        assert_eq!(container.get("/"), "Hello from 1000:1000\n");
    }
}

/// Microsoft's base image comes from a registry that test machines do not reach. Its files are parsed, and the
/// Dockerfiles are built on plain Alpine with a static program in the application's place.
#[test]
fn dotnet_alpine_two_phase_on_plain_alpine() {
    eprintln!("dotnet-alpine-two-phase: parsed, and built on plain Alpine; not on mcr.microsoft.com's base");
    let harden = harden_image();
    let context = Context::example("dotnet-alpine-two-phase").add(&fixture("server"), "app/MyApp");
    for file in ["base.toml", "harden.toml"] {
        let output = Command::new(binary())
            .args(["plan", "--dump-config", "--config"])
            .arg(context.path().join(file))
            .output()
            .expect("harden starts");
        assert_eq!(output.status.code(), Some(0), "{file}: {}", both(&output));
    }
    let base = build(Builder::BuildKit, &context, &options("base.Dockerfile", "harden-test/alpine:3.20", &harden));
    let image = build(Builder::BuildKit, &context, &options("Dockerfile", &base.tag, &harden));
    assert!(image.export().get("sbin/apk").is_none(), "/sbin/apk is left");
    let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
    assert_eq!(container.get("/"), "Hello from 1654:1654\n");
}
