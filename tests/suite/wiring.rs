//! The files for pipelines (docs/ci.md), run as their runners run them: the commands that they hold, with their inputs, and
//! programs of the runner that a test machine has not (docker, curl, wget, gh) played by scripts.
//!
//! `make wiring` judges the files by the published schemas.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::common::{Command, Rootfs};
use crate::image::{Input, config, layer};

const TOP: &str = env!("CARGO_MANIFEST_DIR");

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(TOP).join(path)).unwrap()
}

/// The block of text below the first line that ends with `key |` behind `after`.
fn script(text: &str, after: &str, key: &str) -> String {
    let rest = text.split_once(after).unwrap_or_else(|| panic!("no {after}")).1;
    let begin = format!("{key} |\n");
    let body = rest.split_once(&begin).unwrap_or_else(|| panic!("no {key} after {after}")).1;
    let margin = body.len() - body.trim_start_matches(' ').len();
    let own = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() >= margin;
    body.lines().take_while(own).map(|line| line.get(margin..).unwrap_or("").to_owned() + "\n").collect()
}

/// The values of an expression in a runner's file, by its input.
fn env_of<'a>(text: &'a str, after: &str) -> Vec<(&'a str, &'a str)> {
    let rest = text.split_once(after).unwrap().1.split_once("env:\n").unwrap().1;
    let lines = rest.lines().map(str::trim).take_while(|line| !line.starts_with("run:"));
    lines.filter_map(|line| line.split_once(": ")).collect()
}

struct Runner {
    directory: tempfile::TempDir,
}

impl Runner {
    /// A directory with an image, a policy, and the programs of a runner.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runner = Self { directory };
        let tree = Rootfs::debian_like().program("/app/server").file("/usr/bin/setid", 0o4755, 0, 0, "x");
        let mut config = config();
        config["config"]["User"] = "1000".into();
        let image = Input::saved(&[layer(tree.path())], &config);
        for name in ["image.tar", "of-the-engine.tar"] {
            fs::copy(&image.path, runner.path(name)).unwrap();
        }
        fs::write(runner.path("harden.toml"), "[run]\nuser = \"1000\"\ncommand = [\"/app/server\"]\n").unwrap();
        fs::write(runner.path("org.toml"), "[rules]\n\"files.setid\" = \"required\"\n").unwrap();
        fs::create_dir_all(runner.path("bin")).unwrap();
        fs::create_dir_all(runner.path("release")).unwrap();
        runner.program(
            "docker",
            "case $2 in -o) cp \"$IMAGES/of-the-engine.tar\" \"$3\" ;; *) cat \"$IMAGES/of-the-engine.tar\" ;; esac",
        );
        // The release, as `make release-dry` lays it out.
        let name = format!("harden-0.1.0-{}-unknown-linux-musl", std::env::consts::ARCH);
        runner.sh(&format!(
            "mkdir release/{name} && cp '{}' release/{name}/harden && cd release && tar -czf {name}.tar.gz {name} && rm -r {name} && \
             sha256sum {name}.tar.gz > SHA256SUMS",
            env!("CARGO_BIN_EXE_harden")
        ));
        let fetch = "for url; do case $url in https://*/releases/download/v0.1.0/*) cp \"$IMAGES/release/${url##*/}\" . || exit 22 ;;\n\
                     https://*) exit 22 ;; esac; done";
        runner.program("curl", fetch);
        runner.program("wget", fetch);
        runner.program("gh", "printf '%s\\n' \"$@\" > \"$IMAGES/uploaded\"");
        runner.program("harden", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_harden")));
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn program(&self, name: &str, body: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn sh(&self, body: &str) {
        let done = Command::new("sh").args(["-ec", body]).current_dir(self.directory.path()).status().unwrap();
        assert!(done.success(), "{body}");
    }

    /// Run a script of a pipeline; status and everything that it said.
    fn run(&self, shell: &[&str], body: &str, environment: &[(&str, &str)]) -> (i32, String) {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display());
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg(body)
            .current_dir(self.directory.path())
            .env_clear()
            .envs([("PATH", path.as_str()), ("IMAGES", self.directory.path().to_str().unwrap())])
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().unwrap(), said)
    }

    /// Run a step of the action with its inputs, as GitHub's runner does.
    fn step(&self, name: &str, inputs: &[(&str, &str)], binary: &str) -> (i32, String) {
        let action = text("action.yml");
        let after = format!("- name: {name}\n");
        let default = |input: &str| {
            let rest = action.split_once(&format!("  {input}:\n")).unwrap().1;
            rest.split_once("default: ").unwrap().1.lines().next().unwrap().trim_matches('"').to_owned()
        };
        let value = |expression: &str| {
            let Some(expression) = expression.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")) else {
                return expression.to_owned();
            };
            match expression {
                "steps.get.outputs.binary" => binary.to_owned(),
                "steps.harden.outputs.sarif" => self.path("harden.sarif").to_str().unwrap().to_owned(),
                "github.token" => "token".to_owned(),
                _ => {
                    let input = expression.strip_prefix("inputs.").unwrap().trim_end_matches(" || github.action_ref");
                    let given = inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| (*value).to_owned());
                    given.unwrap_or_else(|| default(input))
                }
            }
        };
        let mut environment: Vec<(&str, String)> =
            env_of(&action, &after).into_iter().map(|(name, expression)| (name, value(expression))).collect();
        for (name, file) in [("GITHUB_OUTPUT", "outputs"), ("GITHUB_STEP_SUMMARY", "summary"), ("RUNNER_TEMP", ".")] {
            environment.push((name, self.path(file).to_str().unwrap().trim_end_matches("/.").to_owned()));
        }
        for (name, value) in [
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "o/app"),
            ("GITHUB_SHA", "0f"),
            ("GITHUB_REF", "refs/heads/main"),
        ] {
            environment.push((name, value.to_owned()));
        }
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.run(
            &["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"],
            &script(&action, &after, "run:"),
            &environment,
        )
    }
}

#[test]
fn the_action_fetches_a_release_and_holds_it_to_its_sum() {
    let runner = Runner::new();
    let (status, said) = runner.step("get harden", &[("version", "v0.1.0")], "");
    assert_eq!(status, 0, "{said}");
    let outputs = runner.read("outputs");
    let binary = outputs.trim_end().strip_prefix("binary=").unwrap();
    assert!(Path::new(binary).is_file(), "{outputs}");
    assert_eq!(runner.step("get harden", &[("binary", "/x/harden")], ""), (0, String::new()));
    assert!(runner.read("outputs").ends_with("binary=/x/harden\n"));
    let (status, said) = runner.step("get harden", &[("version", "main")], "");
    assert!(status != 0 && said.contains("no release main: write its tag to 'version'"), "{said}");
    runner.sh("for file in release/*.tar.gz; do echo x >> $file; done");
    let (status, said) = runner.step("get harden", &[("version", "v0.1.0")], "");
    assert!(status != 0 && said.contains("FAILED"), "{said}");
}

#[test]
fn the_action_audits_an_image_by_name_and_by_archive() {
    for image in ["app", "image.tar"] {
        let runner = Runner::new();
        let inputs = [("image", image), ("config", "harden.toml")];
        let (status, said) = runner.step("harden", &inputs, env!("CARGO_BIN_EXE_harden"));
        assert_eq!(status, 1, "{said}");
        assert!(runner.read("summary").starts_with("## harden audit: findings at medium or above\n"), "{said}");
        let sarif: serde_json::Value = serde_json::from_str(&runner.read("harden.sarif")).unwrap();
        assert!(sarif["runs"][0]["results"].to_string().contains("files.setid"));
        // The step that uploads takes what this one wrote.
        let outputs = runner.read("outputs");
        assert!(outputs.contains(&format!("sarif={}\n", runner.path("harden.sarif").display())), "{outputs}");
        let (status, said) = runner.step("upload the findings", &[], "");
        assert_eq!(status, 0, "{said}");
        let sent = runner.read("uploaded");
        assert!(sent.contains("repos/o/app/code-scanning/sarifs\n") && sent.contains("commit_sha=0f\n"), "{sent}");
        runner.sh("base64 -d harden.sarif.gz64 | gzip -dc | cmp - harden.sarif");
    }
}

#[test]
fn the_action_hardens_an_image_and_audits_the_result() {
    let runner = Runner::new();
    let inputs = [("command", "image"), ("image", "app"), ("config", "harden.toml"), ("args", "--keep\n/app\n\n")];
    let inputs = [&inputs[..3], &[("fail-on", "high")]].concat();
    let (status, said) = runner.step("harden", &inputs, env!("CARGO_BIN_EXE_harden"));
    assert_eq!(status, 0, "{said}{}", runner.read("summary"));
    assert!(runner.path("hardened.tar").is_file() && runner.read("outputs").starts_with("image=hardened.tar\n"));
    assert!(runner.read("summary").starts_with("## harden audit: no findings at high or above\n"));
}

#[test]
fn the_action_checks_files() {
    let runner = Runner::new();
    let inputs = [("command", "check-config"), ("files", "harden.toml\norg.toml\n"), ("extends", "org.toml")];
    let (status, said) = runner.step("harden", &inputs, env!("CARGO_BIN_EXE_harden"));
    // A file cannot extend itself.
    assert!(status == 2 && said.contains("'harden.toml': valid") && said.contains("extends itself"), "{said}");
    let (status, said) = runner.step("harden", &inputs[..1], env!("CARGO_BIN_EXE_harden"));
    assert_eq!((status, said.as_str()), (0, "'harden.toml': valid\n"));
}

#[test]
fn the_component_writes_both_reports() {
    let runner = Runner::new();
    let component = text("docker/ci/gitlab/templates/harden.yml");
    let body = script(&component, "  script:\n", "-");
    let variables = |fail_on| {
        [
            ("HARDEN_RELEASE", "https://github.com/OWNER/harden/releases/download/v0.1.0"),
            ("ARCHIVE", "image.tar"),
            ("CONFIG", "harden.toml"),
            ("EXTENDS", "org.toml"),
            ("FAIL_ON", fail_on),
            ("VERSION", "v0.1.0"),
        ]
    };
    // Each is one of the job.
    for (name, _) in variables("low") {
        assert!(component.contains(&format!("    {name}: ")), "{name}");
    }
    let (status, said) = runner.run(&["sh", "-c"], &body, &variables("medium"));
    assert_eq!(status, 1, "{said}");
    let issues: serde_json::Value = serde_json::from_str(&runner.read("gl-code-quality-report.json")).unwrap();
    assert!(issues.as_array().unwrap().iter().any(|issue| issue["check_name"] == "files.setid"), "{issues}");
    assert!(runner.read("harden.junit.xml").contains("<testsuite "));
}

#[test]
fn the_task_gives_harden_arguments_that_it_takes() {
    let runner = Runner::new();
    let task = text("docker/ci/tekton/task.yaml");
    let rest = task.split_once("      args:\n").unwrap().1;
    let words = rest.lines().map_while(|line| line.strip_prefix("        - "));
    let place = runner.directory.path().to_str().unwrap().to_owned();
    let config = runner.path("harden.toml");
    let mut args: Vec<String> = Vec::new();
    for word in words {
        match word {
            "$(params.args[*])" => args.extend(["--config".to_owned(), config.to_str().unwrap().to_owned()]),
            word => args.push(
                word.replace("$(workspaces.source.path)", &place)
                    .replace("$(params.archive)", "image.tar")
                    .replace("$(params.fail-on)", "medium"),
            ),
        }
    }
    assert!(args.len() == 9 && !args.iter().any(|word| word.contains("$(")), "{args:?}");
    let run = crate::common::bare(&args, &[], b"");
    assert_eq!(run.status, 1, "{}", run.all());
    assert!(runner.read("harden.sarif").contains("files.setid"));
}

#[test]
fn the_steps_of_jenkins_run() {
    let runner = Runner::new();
    let file = text("docker/ci/jenkins/Jenkinsfile");
    let body = file.split("'''").nth(1).unwrap();
    let (status, said) = runner.run(&["sh", "-xec"], body, &[("IMAGE", "app")]);
    assert!(status < 2, "{said}");
    for written in ["hardened.tar", "hardened.html", "harden.sarif", "harden.junit.xml"] {
        assert!(runner.path(written).is_file(), "{written}: {said}");
    }
}

#[test]
fn the_hooks_start_a_command_that_there_is() {
    let hooks = text(".pre-commit-hooks.yaml");
    let entries: Vec<&str> = hooks.lines().filter_map(|line| line.trim().strip_prefix("entry: ")).collect();
    assert_eq!(entries, ["harden check-config", "harden check-config"]);
    let runner = Runner::new();
    for entry in entries {
        // The names of files follow, as pre-commit gives them.
        let (status, said) = runner.run(&["sh", "-c"], &format!("{entry} harden.toml org.toml"), &[]);
        assert_eq!(status, 0, "{said}");
    }
}
