//! The recipes for `harden image` in docker/image/ and docs/image.md: they can be parsed, have what they need, and give harden
//! only options that it takes.

use std::path::{Path, PathBuf};

use harden::testing::cli::Cli;
use serde_json::{Value, json};

use crate::common::Command;

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/image").join(name)
}

/// The documents of a file; `yq` is another program's reader.
fn documents(name: &str) -> Vec<Value> {
    let output = Command::new("yq").args(["-s", "-c", "."]).arg(recipe(name)).output();
    let output = output.expect("yq is there: make setup");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every call of `harden image` in a shell script.
fn calls(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ").replace("\\|", "|");
    let parts = script.split(['|', '\n', ';', '`']);
    let words = parts.map(|part| part.split_whitespace().skip_while(|word| word.starts_with('$')).collect::<Vec<_>>());
    let calls = words.filter(|words| {
        words.first().is_some_and(|program| Path::new(program).file_name().is_some_and(|name| name == "harden"))
            && words.get(1) == Some(&"image")
            && words.len() > 2
    });
    let plain = |word: &str| word.trim_matches(['"', '\'', ',', ')']).replace('$', "");
    calls.map(|words| words.into_iter().map(plain).collect()).collect()
}

/// What follows the program is a command line that harden takes.
fn assert_accepted(words: &[String], place: &str) {
    let words = ["harden"].into_iter().chain(words.iter().map(String::as_str));
    let words: Vec<&str> = words.collect();
    let read = Cli::read(&words).unwrap_or_else(|error| panic!("{place}: {words:?}: {error}"));
    assert!(read.image().is_some(), "{place}: {words:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

#[test]
fn a_workflow_of_github_stops_at_a_refusal() {
    let workflow = documents("github.yml").remove(0);
    assert_eq!((&workflow["permissions"], &workflow["defaults"]["run"]["shell"]), (&json!({}), &json!("bash")));
    let job = &workflow["jobs"]["image"];
    assert!(job["runs-on"].is_string() && job["timeout-minutes"].is_number());
    let steps = array(&job["steps"]);
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(steps.iter().all(|step| step.get("run").is_some() != step.get("uses").is_some()));
    let calls: Vec<_> = runs.iter().flat_map(|run| calls(run)).collect();
    assert_eq!(calls.len(), 1, "{runs:?}");
    assert_accepted(&calls[0][1..], "github.yml");
    for run in runs {
        let checked = Command::new("bash").args(["-n", "-c", run]).status().unwrap();
        assert!(checked.success(), "{run}");
    }
}

#[test]
fn a_job_of_gitlab_gives_harden_what_it_takes() {
    let pipeline = documents("gitlab.yml").remove(0);
    let job = &pipeline["harden"];
    assert!(array(&pipeline["stages"]).contains(&job["stage"]) && job["image"].is_string());
    let lines: Vec<&str> = array(&job["before_script"]).iter().chain(array(&job["script"])).map(text).collect();
    let calls: Vec<_> = lines.iter().flat_map(|line| calls(line)).collect();
    assert_eq!(calls.len(), 1, "{lines:?}");
    assert_accepted(&calls[0][1..], "gitlab.yml");
    for file in array(&job["artifacts"]["paths"]) {
        assert!(calls[0].contains(&text(file).to_owned()), "{file}");
    }
}

/// What `restricted` of the Pod Security Standards asks of a container.
fn assert_restricted(context: &Value, place: &str) {
    assert_eq!(context["allowPrivilegeEscalation"], false, "{place}");
    assert_eq!(context["readOnlyRootFilesystem"], true, "{place}");
    assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}), "{place}");
}

#[test]
fn a_task_of_tekton_declares_what_it_uses() {
    let task = documents("tekton.yaml").remove(0);
    assert_eq!((&task["apiVersion"], &task["kind"]), (&json!("tekton.dev/v1"), &json!("Task")));
    assert!(task["metadata"]["name"].is_string());
    let spec = &task["spec"];
    let template = &spec["stepTemplate"];
    assert_restricted(&template["securityContext"], "stepTemplate");
    assert_eq!(template["securityContext"]["runAsNonRoot"], true);
    let names = |list: &Value| -> Vec<String> { array(list).iter().map(|one| text(&one["name"]).to_owned()).collect() };
    let steps = array(&spec["steps"]);
    let used = spec["steps"].to_string() + &template.to_string();
    for (kind, declared) in
        [("params", &spec["params"]), ("workspaces", &spec["workspaces"]), ("results", &spec["results"])]
    {
        let declared = names(declared);
        for part in used.split(&format!("$({kind}.")).skip(1) {
            let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            assert!(declared.contains(&name), "{kind}.{name}");
        }
        assert!(declared.iter().all(|name| used.contains(&format!("$({kind}.{name}"))), "{declared:?} are used");
    }
    assert_eq!(names(&template["volumeMounts"]), names(&spec["volumes"]));
    let harden = steps.iter().find(|step| step["command"] == json!(["/harden"])).unwrap();
    let words: Vec<String> = array(&harden["args"]).iter().map(|word| text(word).to_owned()).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.contains("[*]")).collect();
    assert_accepted(&words, "tekton.yaml");
}

#[test]
fn a_job_of_kubernetes_hardens_one_line_in_each_pod() {
    let [images, job] = documents("kubernetes.yaml").try_into().unwrap();
    assert_eq!((&job["apiVersion"], &job["kind"]), (&json!("batch/v1"), &json!("Job")));
    let lines: Vec<&str> = text(&images["data"]["list"]).lines().collect();
    assert!(lines.iter().all(|line| line.split(' ').count() == 2));
    assert_eq!((&job["spec"]["completionMode"], &job["spec"]["completions"]), (&json!("Indexed"), &json!(lines.len())));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!((&pod["restartPolicy"], &pod["automountServiceAccountToken"]), (&json!("Never"), &json!(false)));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"], json!({"type": "RuntimeDefault"}));
    let volumes: Vec<&Value> = array(&pod["volumes"]).iter().map(|volume| &volume["name"]).collect();
    let containers: Vec<&Value> = array(&pod["initContainers"]).iter().chain(array(&pod["containers"])).collect();
    for container in &containers {
        assert_restricted(&container["securityContext"], text(&container["name"]));
        assert!(array(&container["volumeMounts"]).iter().all(|mount| volumes.contains(&&mount["name"])), "{container}");
    }
    assert!(array(&pod["volumes"]).iter().any(|volume| volume["configMap"]["name"] == images["metadata"]["name"]));
    let words: Vec<String> = array(&containers[1]["args"]).iter().map(|word| text(word).to_owned()).collect();
    assert_accepted(&words, "kubernetes.yaml");
    // The pod with index 1 takes the second line.
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["images", "archive", "bin"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    std::fs::write(at("images/list"), text(&images["data"]["list"])).unwrap();
    std::fs::write(at("bin/skopeo"), "#!/bin/sh\necho \"$@\" >>\"$0.log\"\n").unwrap();
    let made = Command::new("chmod").args(["755"]).arg(at("bin/skopeo")).status().unwrap();
    assert!(made.success());
    let here = directory.path().to_str().unwrap();
    for container in [containers[0], containers[2]] {
        let script = text(&container["args"][0]).replace(" /images/", &format!(" {here}/images/"));
        let script = script.replace("/archive/", &format!("{here}/archive/"));
        let ran = Command::new("sh")
            .args(["-ec", &script])
            .env("JOB_COMPLETION_INDEX", "1")
            .env("PATH", format!("{here}/bin:/usr/bin:/bin"))
            .output()
            .unwrap();
        assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let (source, target) = lines[1].split_once(' ').unwrap();
    let called = std::fs::read_to_string(at("bin/skopeo.log")).unwrap().replace(here, "");
    let expected = format!(
        "copy docker://{source} docker-archive:/archive/in.tar:{target}\ncopy oci-archive:/archive/out.tar docker://{target}\n"
    );
    assert_eq!(called, expected);
}

#[test]
fn commands_on_the_page_are_commands_that_harden_takes() {
    let page = include_str!("../../docs/image.md");
    let calls = calls(page);
    assert!(calls.len() > 8, "{calls:?}");
    for words in calls {
        assert_accepted(&words[1..], "docs/image.md");
    }
    let files = std::fs::read_dir(recipe("")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    for file in files {
        assert!(page.contains(&format!("(../docker/image/{file})")), "{file} is on no page");
    }
}
