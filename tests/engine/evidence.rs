//! Reports out of a build (docs/evidence.md), and policies that come from elsewhere (docs/organisation.md), with both builders.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::Command;
use crate::docker::{
    Builder, Container, Context, Image, LOCKED_DOWN, Options, both, build, client, docker, docker_ok, fixture,
    harden_image, try_build, unique,
};
use crate::leave::traces;
use crate::matrix::assert_none;

fn example() -> Context {
    Context::example("evidence").add(&fixture("server"), "server")
}

fn options<'a>(file: &'a str, harden: &Image) -> Options<'a> {
    Options { file, args: vec![("HARDEN", harden.tag.clone()), ("BASE", "harden-test/debian:12".to_owned())] }
}

/// The plan of the report is what the build did to the image.
fn tells_of(reports: &Path, image: &Image) {
    let read = |name: &str| fs::read_to_string(reports.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let plan: serde_json::Value = serde_json::from_str(&read("plan.json")).unwrap();
    assert_eq!(plan["state"], "planned", "{plan:#}");
    let tree = image.export();
    let removed: BTreeSet<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["action"] == "remove")
        .filter_map(|change| change["path"].as_str())
        .collect();
    assert!(removed.len() > 100, "{} paths", removed.len());
    for path in &removed {
        assert!(tree.get(path.trim_start_matches('/')).is_none(), "{path} is in the image");
    }
    let sbom: serde_json::Value = serde_json::from_str(&read("sbom.json")).unwrap();
    let packages: BTreeSet<&str> =
        sbom["components"].as_array().unwrap().iter().filter_map(|component| component["name"].as_str()).collect();
    assert!(packages.contains("libc6") && !packages.contains("apt"), "{packages:?}");
    assert!(read("plan.html").starts_with("<!DOCTYPE html>"));
    assert_none("traces", &traces(&tree));
    for report in ["plan.json", "plan.html", "sbom.json", "reports"] {
        assert!(tree.get(report).is_none(), "/{report} is in the image");
    }
    let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
    assert_eq!(container.get("/"), "Hello from 1000:1000\n");
}

/// Builds one target of the example, with more arguments.
fn target(builder: Builder, context: &Context, file: &str, harden: &Image, more: &[&str]) {
    let (program, host) = client();
    let mut command = Command::new(program);
    if let Some(host) = host {
        command.env("DOCKER_HOST", host);
    }
    command.env("DOCKER_BUILDKIT", if builder == Builder::Classic { "0" } else { "1" });
    command.args(["build", "--force-rm", "-f"]).arg(context.path().join(file)).args(more);
    for (name, value) in options("", harden).args {
        command.arg("--build-arg").arg(format!("{name}={value}"));
    }
    let output = command.arg(context.path()).output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
}

#[test]
fn a_second_target_gives_the_reports_with_buildkit() {
    let (harden, context) = (harden_image(), example());
    let image = build(Builder::BuildKit, &context, &options("Dockerfile", &harden));
    assert!(!image.log.contains("plan.json"), "the image waits for its reports:\n{}", image.log);
    let out = tempfile::tempdir().unwrap();
    let more = ["--target", "reports", "--output", out.path().to_str().unwrap()];
    target(Builder::BuildKit, &context, "Dockerfile", &harden, &more);
    tells_of(out.path(), &image);
    let audit = fs::read_to_string(out.path().join("audit.html")).unwrap();
    assert!(audit.contains("<title>harden audit: passed</title>"), "{audit:.900}");
}

#[test]
fn a_stage_gives_the_reports_with_the_classic_builder() {
    let (harden, context) = (harden_image(), example());
    let image = build(Builder::Classic, &context, &options("classic.Dockerfile", &harden));
    let tag = unique("reports");
    target(Builder::Classic, &context, "classic.Dockerfile", &harden, &["--target", "report", "-t", &tag]);
    let container = docker_ok(&["create", &tag]);
    let out = tempfile::tempdir().unwrap();
    let copied = docker(&["cp", &format!("{container}:/reports"), out.path().to_str().unwrap()]);
    docker_ok(&["rm", "-f", &container]);
    docker_ok(&["image", "rm", "-f", &tag]);
    assert!(copied.status.success(), "{}", both(&copied));
    tells_of(&out.path().join("reports"), &image);
}

const ORG: &str = "[keep]\ncommands = [\"ls\"]\n[rules]\n\"files.setid\" = \"required\"\n";
const SERVICE: &str = "extends = [\"org.toml\"]\n[run]\nuser = \"app:1000:1000\"\ncommand = [\"/app/server\"]\n";

/// As docs/organisation.md has it: by mounts, and by COPY; in the end no file of either policy is in the image.
#[test]
fn a_policy_of_the_organisation_reaches_the_build() {
    let harden = harden_image();
    let mounts = "RUN --mount=type=bind,from=harden,source=/harden,target=/run/harden \\\n    \
                  --mount=type=bind,from=policy,source=/org.toml,target=/run/org.toml \\\n    \
                  --mount=type=bind,source=harden.toml,target=/run/harden.toml  [\"/run/harden\", \"apply\"]\n";
    let copies = "COPY --from=harden /harden /\nCOPY --from=policy /org.toml /\nCOPY harden.toml /\nRUN [\"/harden\", \"apply\"]\n";
    let page = include_str!("../../docs/organisation.md");
    assert!(page.contains(mounts) && page.contains(copies), "docs/organisation.md has other lines");
    let built = |builder, lines: &str, service: &str| {
        let dockerfile = format!(
            "ARG HARDEN\nFROM ${{HARDEN}} AS harden\nFROM scratch AS policy\nCOPY org.toml /\nFROM harden-test/debian:12\n\
             COPY server /app/server\n{lines}USER 1000\nENTRYPOINT [\"/app/server\"]\n"
        );
        let context = Context::new()
            .add(&fixture("server"), "server")
            .file("Dockerfile", 0o644, &dockerfile)
            .file("org.toml", 0o644, ORG)
            .file("harden.toml", 0o644, service);
        let options = Options { args: vec![("HARDEN", harden.tag.clone())], ..Options::default() };
        try_build(builder, &context, &options)
    };
    for (builder, lines) in [(Builder::BuildKit, mounts), (Builder::BuildKit, copies), (Builder::Classic, copies)] {
        let image = built(builder, lines, SERVICE).unwrap_or_else(|log| panic!("{builder:?}:\n{log}"));
        let tree = image.export();
        assert!(tree.get("usr/bin/ls").is_some() && tree.get("usr/bin/cat").is_none(), "{builder:?}");
        for file in ["harden", "harden.toml", "org.toml", "run/org.toml"] {
            assert!(tree.get(file).is_none(), "{builder:?}: /{file} is left");
        }
        let log = built(builder, lines, &format!("{SERVICE}[rules]\n\"files.setid\" = \"off\"\n")).unwrap_err();
        assert!(
            log.contains("the rule 'files.setid' is switched off, and ") && log.contains("org.toml:4:1 requires it"),
            "{log}"
        );
    }
}
