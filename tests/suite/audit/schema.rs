//! The JSON keeps to docs/audit.schema.json.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::common::Rootfs;

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Everything that is there is described, and everything required is there; of arrays every element.
pub(super) fn assert_fits(value: &Value, schema: &Value, place: &str) {
    if let Some(items) = schema.get("items") {
        for (at, element) in value.as_array().unwrap().iter().enumerate() {
            assert_fits(element, items, &format!("{place}[{at}]"));
        }
    }
    if let Some(allowed) = schema.get("enum") {
        assert!(allowed.as_array().unwrap().contains(value), "{place}: {value} is none of {allowed}");
    }
    if let Some(wanted) = schema.get("const") {
        assert_eq!(value, wanted, "{place}");
    }
    let types = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{place}: {other}"),
    };
    match schema.get("type") {
        Some(Value::String(name)) => assert!(types(name), "{place}: {value} is no {name}"),
        Some(Value::Array(names)) => {
            assert!(names.iter().any(|name| types(name.as_str().unwrap())), "{place}: {value}")
        }
        _ => {}
    }
    let Some(properties) = schema.get("properties") else { return };
    let unknown: Vec<&str> = keys(value).difference(&keys(properties)).copied().collect();
    assert!(unknown.is_empty(), "{place}: not in the schema: {unknown:?}");
    for required in schema["required"].as_array().unwrap() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place}: {required} is missing");
    }
    for (name, part) in value.as_object().unwrap() {
        assert_fits(part, &properties[name], &format!("{place}.{name}"));
    }
}

#[test]
fn every_field_is_in_the_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/audit.schema.json")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"/srv/\xff\x1b");
    let tree = Rootfs::debian_like().file(odd, 0o666, 0, 0, "x");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("harden.toml");
    std::fs::write(&config, "[[audit.exception]]\nid = \"files.setid\"\npath = \"/usr/bin/su\"\nreason = \"r\"\n")
        .unwrap();
    let run = tree.run("audit", &["--format", "json", "--config", config.to_str().unwrap()]);
    assert!(run.stdout.is_ascii(), "a name could forge output");
    let report = run.json();
    assert_fits(&report, &schema, "report");
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["path_hex"] == "2f7372762fff1b"));
    assert!(findings.iter().any(|f| f["state"] == "excepted"));
}
