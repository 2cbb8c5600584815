//! The digests in the report and in the attestation are those of what was read, written and removed.

use serde_json::{Value, json};

use super::documents::{digest, parts};
use super::platforms::{harden, layout};
use super::{Input, base, config};
use crate::archive::images::gzip;
use crate::common::{Command, Rootfs, bare};
use crate::report::{SCHEMA, assert_fits};

fn sum(bytes: &[u8]) -> Value {
    json!(digest(bytes).trim_start_matches("sha256:"))
}

fn json_at(path: &std::path::Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_report_and_the_attestation_have_the_same_digests() {
    let tree = base(Rootfs::debian_like())
        .text(std::ffi::OsStr::new("/etc/cron.d/\u{202e}x"), "hostile")
        .hardlink("/usr/bin/wget-again", "/usr/bin/wget");
    tree.stamp();
    let wget = std::fs::read(tree.at("/usr/bin/wget")).unwrap();
    let input = Input::of(&tree);
    let at = |name: &str| input.directory.path().join(name);
    let (report, attestation) = (at("report.json"), at("attestation.json"));
    let files = ["--report", report.to_str().unwrap(), "--attestation", attestation.to_str().unwrap()];
    let archive = std::fs::read(&input.path).unwrap();
    let packed = gzip(&archive);
    let output = input.output();
    let words = ["image", "-", "-o", output.to_str().unwrap()];
    for (name, given, piped) in [("file", &archive, false), ("pipe", &archive, true), ("packed pipe", &packed, true)] {
        let run = if piped { bare(&[&words[..], &files].concat(), &[], given) } else { input.run(&files) };
        assert_eq!(run.status, 0, "{name}: {}", run.all());
        let (report, statement) = (json_at(&report), json_at(&attestation));
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        assert_fits(&report, &schema, &schema, name);
        let digests = &report["digests"];
        let dumped = bare(&["image", input.path.to_str().unwrap(), "--dump-config"], &[], b"");
        assert_eq!(digests["input"]["archive"], sum(given), "{name}");
        assert_eq!(digests["input"]["config"], sum(config().to_string().as_bytes()));
        assert_eq!(digests["policy"], sum(dumped.stdout.as_bytes()), "{}", dumped.all());
        assert_eq!(digests["binary"], sum(&std::fs::read(env!("CARGO_BIN_EXE_harden")).unwrap()));
        let parts = parts(&std::fs::read(&output).unwrap());
        let named = |value: &Value| json!(value["digest"].as_str().unwrap().trim_start_matches("sha256:"));
        assert_eq!(digests["output"]["manifest"], named(&parts.index["manifests"][0]));
        assert_eq!(digests["output"]["config"], named(&parts.manifest["config"]));
        assert_eq!(digests["output"]["layers"], json!([named(&parts.manifest["layers"][0])]));
        // Every regular file that goes, and no other entry.
        let removed = digests["removed"].as_array().unwrap();
        for path in ["/usr/bin/wget", "/usr/bin/wget-again"] {
            let file = removed.iter().find(|file| file["path"] == path).unwrap();
            assert_eq!((&file["sha256"], file["bytes"].as_u64()), (&sum(&wget), Some(wget.len() as u64)));
        }
        assert!(removed.iter().any(|file| file["sha256"] == sum(b"hostile")));
        assert_eq!(digests["counts"]["removed_files"], removed.len());
        assert!(digests["counts"]["commands"]["before"].as_u64() > digests["counts"]["commands"]["after"].as_u64());
        let schema: Value = serde_json::from_str(include_str!("../../../docs/attestation.schema.json")).unwrap();
        assert_fits(&statement, &schema, &schema, name);
        assert_eq!(
            statement["subject"],
            json!([{"name": "app:1", "digest": {"sha256": digests["output"]["manifest"]}}])
        );
        let mut image = statement["predicate"]["images"][0].clone();
        assert_eq!(image.as_object_mut().unwrap().remove("platform"), Some(json!("linux/amd64")));
        assert_eq!(image, *digests, "{name}");
    }
    // What harden wrote has a manifest, of which the next report speaks.
    let manifest = json_at(&report)["digests"]["output"]["manifest"].clone();
    std::fs::rename(&output, &input.path).unwrap();
    assert_eq!(input.run(&files).status, 0);
    assert_eq!(json_at(&report)["digests"]["input"]["manifest"], manifest);
    // A refused plan has no digests, and nothing is attested.
    let refused = input.run(&[&files[..], &["--keep", "/no/such/file"]].concat());
    assert_eq!(
        (refused.status, json_at(&report).get("digests"), std::fs::read(&attestation).unwrap().len()),
        (2, None, 0)
    );
}

#[test]
fn an_attestation_of_several_platforms_names_the_index_and_each_manifest() {
    let input = layout(&[("amd64", "app"), ("arm64", "app")]);
    let path = input.path().join("attestation.json");
    let (run, written) = harden(&input, &["--attestation", path.to_str().unwrap()]);
    assert_eq!(run.status, 0, "{}", run.all());
    let (parts, statement) = (parts(&written.unwrap()), json_at(&path));
    let mut expected = vec![parts.index["manifests"][0]["digest"].clone()];
    expected.extend(parts.platforms.as_array().unwrap().iter().map(|entry| entry["digest"].clone()));
    let subject = statement["subject"].as_array().unwrap();
    let found: Vec<Value> =
        subject.iter().map(|one| json!(format!("sha256:{}", one["digest"]["sha256"].as_str().unwrap()))).collect();
    assert_eq!(found, expected);
    let platforms: Vec<&Value> =
        statement["predicate"]["images"].as_array().unwrap().iter().map(|image| &image["platform"]).collect();
    assert!(platforms.contains(&&json!("linux/amd64")) && platforms.contains(&&json!("linux/arm64")), "{platforms:?}");
    // A directory has no digest of its own; its image's manifest has one.
    let first = &statement["predicate"]["images"][0]["input"];
    assert!(first.get("archive").is_none() && first["manifest"].is_string(), "{first}");
}

#[test]
fn an_attestation_that_cannot_be_written_is_3_and_the_image_is_there() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let input = Input::of(&tree);
    let run = input.run(&["--attestation", "/dev/full"]);
    assert_eq!(run.status, 3, "{}", run.all());
    assert!(run.stderr.contains("failed[attestation.write]: cannot write the attestation: "), "{}", run.all());
    assert!(!run.stderr.contains("no image was written") && input.output().exists(), "{}", run.all());
    std::fs::remove_file(input.output()).unwrap();
    let nowhere = input.run(&["--attestation", "/no/such/directory/a.json"]);
    assert_eq!((nowhere.status, input.output().exists()), (2, false), "{}", nowhere.all());
    assert!(
        nowhere.stderr.contains("cannot write the attestation to '/no/such/directory/a.json'"),
        "{}",
        nowhere.all()
    );
    let same = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["image", "-o", "/dev/null", "--attestation"])
        .args([&input.path, &input.path])
        .output()
        .unwrap();
    assert_eq!(same.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&same.stderr).contains("--attestation would overwrite the archive that is read"));
}

/// apply and plan of the same tree with the same policy remove the same files, and say so on demand.
#[test]
fn apply_and_plan_have_the_digests_that_image_has() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let options = ["--user", "app", "--command", "/app/server"];
    let input = Input::of(&tree);
    let report = input.directory.path().join("report.json");
    let digests = |words: &[&str]| {
        let run = bare(&[words, &["--report", report.to_str().unwrap()]].concat(), &[], b"");
        assert_eq!(run.status, 0, "{}", run.all());
        let report = json_at(&report);
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        assert_fits(&report, &schema, &schema, words[0]);
        report["digests"].clone()
    };
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (archive, output, root) = (path(&input.path), path(&input.output()), path(tree.path()));
    let image = digests(&[&["image", &archive, "-o", &output][..], &options].concat());
    assert_eq!(digests(&[&["plan", "--root", &root][..], &options].concat()), Value::Null);
    let plan = digests(&[&["plan", "--root", &root, "--digests"][..], &options].concat());
    let apply = digests(&[&["apply", "--root", &root, "--digests"][..], &options].concat());
    assert_eq!(plan, apply);
    assert_eq!((&plan["removed"], &plan["binary"]), (&image["removed"], &image["binary"]));
    assert!(!plan["removed"].as_array().unwrap().is_empty() && plan.get("input").is_none());
    let dumped = bare(&[&["apply", "--root", &root, "--dump-config"][..], &options].concat(), &[], b"");
    assert_eq!(apply["policy"], sum(dumped.stdout.as_bytes()));
    let lost = bare(&[&["plan", "--root", &root, "--digests"][..], &options].concat(), &[], b"");
    assert!(lost.status == 2 && lost.stderr.contains("--digests is for the report in JSON"), "{}", lost.all());
}
