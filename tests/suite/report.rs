//! The JSON report keeps to its published schema: docs/report.schema.json.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::Command;

pub(crate) const SCHEMA: &str = include_str!("../../docs/report.schema.json");

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Everything that is there is described, and everything required is there; of arrays every element.
pub(crate) fn assert_fits(value: &Value, whole: &Value, schema: &Value, place: &str) {
    let named = schema.get("$ref").map(|name| name.as_str().unwrap().rsplit('/').next().unwrap());
    let schema = named.map_or(schema, |name| &whole["$defs"][name]);
    if let Some(items) = schema.get("items") {
        for (at, element) in value.as_array().unwrap().iter().enumerate() {
            assert_fits(element, whole, items, &format!("{place}[{at}]"));
        }
    }
    if let Some(allowed) = schema.get("enum") {
        assert!(allowed.as_array().unwrap().contains(value), "{place}: {value} is none of {allowed}");
    }
    let Some(properties) = schema.get("properties") else { return };
    let unknown: Vec<&str> = keys(value).difference(&keys(properties)).copied().collect();
    assert!(unknown.is_empty(), "{place}: not in the schema: {unknown:?}");
    for required in schema["required"].as_array().unwrap() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place}: {required} is missing");
    }
    for (name, part) in value.as_object().unwrap() {
        assert_fits(part, whole, &properties[name], &format!("{place}.{name}"));
    }
}

fn report(root: &std::path::Path, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    let output = command.arg(args[0]).args(["--format", "json", "--root"]).arg(root).args(&args[1..]).output().unwrap();
    assert!(output.stdout.is_ascii(), "a name could forge output");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_state_fits_the_schema() {
    let root = tempfile::tempdir().unwrap();
    for directory in ["etc", "usr/bin", "tmp"] {
        std::fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    std::fs::write(root.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n# comment\n").unwrap();
    std::fs::write(root.path().join("etc/fstab-\u{202e}"), "").unwrap();
    std::fs::write(root.path().join("etc/fstab"), "").unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let run = ["--user", "app:1000", "--command", "none"];
    for (args, state) in [
        (["plan"].iter().chain(&run).copied().collect::<Vec<_>>(), "planned"),
        (vec!["plan", "--command", "none"], "refused"),
        // Refused too, and listed.
        (["plan"].iter().chain(&run).chain(&["--check", "true"]).copied().collect(), "refused"),
        (["apply"].iter().chain(&run).copied().collect(), "applied"),
    ] {
        let report = report(root.path(), &args);
        assert_eq!(report["state"], state, "{report}");
        assert_eq!(report["schema"], schema["title"]);
        assert_fits(&report, &schema, &schema, "report");
        assert_eq!(report.get("checks").is_some(), args.contains(&"--check"));
        assert!(state == "refused" || !report["changes"].as_array().unwrap().is_empty());
    }
}
