//! The JSON schema of harden.toml, for editors. It comes from the key table and knows nothing besides.

use serde_json::{Map, Value, json};

use super::Known;
use super::keys::{
    CHECK_KEYS, DATABASES, EXCEPTION_KEYS, KEYS, Key, Kind, LONGEST_CHECK, OWN_CHECK_KEYS, RULES, SECTIONS, STARTS,
    SWITCHES,
};
use super::profile::PROFILE_NAMES;

/// The schema as text, as docs/harden.schema.json holds it. `ids` are the rules and checks that exist.
#[must_use]
pub fn schema(ids: &Known) -> String {
    let mut top = properties("", ids);
    for (section, doc) in SECTIONS {
        let properties = if *section == RULES { rules(&ids.rules) } else { properties(section, ids) };
        let table = json!({
            "description": doc, "type": "object", "additionalProperties": false, "properties": properties,
        });
        top.insert((*section).to_owned(), table);
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "harden.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": top,
        "$defs": { "entry": entry(""), "command-entry": entry("setid"), "path-entry": entry("change") },
    });
    format!("{schema:#}\n")
}

fn properties(section: &str, ids: &Known) -> Map<String, Value> {
    let keys = KEYS.iter().filter(|key| key.section == section);
    keys.map(|key| (key.name.to_owned(), property(key, ids))).collect()
}

fn property(key: &Key, ids: &Known) -> Value {
    let mut value = match &key.kind {
        Kind::Profile => json!({ "enum": PROFILE_NAMES }),
        Kind::User => json!({ "type": "string", "pattern": "^[^:/,\\s]+(:[0-9]+){0,2}$" }),
        Kind::Path(_) => path(),
        Kind::Command => json!({ "oneOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "minItems": 1, "items": { "type": "string" } },
            { "type": "array", "minItems": 1, "items": { "type": "array", "minItems": 1, "items": { "type": "string" } } },
        ] }),
        Kind::PathList => json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": path() }] }),
        Kind::Volumes => json!({ "type": "array", "items": path() }),
        Kind::Commands => list("#/$defs/command-entry"),
        Kind::List(_, _) if key.path() == "keep.paths" => list("#/$defs/path-entry"),
        Kind::List(_, _) => list("#/$defs/entry"),
        Kind::Switch(_) => json!({ "type": "boolean" }),
        Kind::Word(words, _) => names(words),
        Kind::Data(_) => json!({ "enum": [true, false, "auto"] }),
        Kind::Checks => json!({ "type": "array", "uniqueItems": true, "items": check() }),
        Kind::Exceptions => json!({ "type": "array", "items": exception(&ids.checks) }),
        Kind::OwnChecks => json!({ "type": "array", "items": own_check() }),
        Kind::Number(most, _) => number(*most),
        Kind::Start => names(STARTS),
        Kind::Database => names(DATABASES),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("description".to_owned(), json!(key.doc));
    }
    value
}

fn rules(ids: &[&str]) -> Map<String, Value> {
    ids.iter().map(|id| ((*id).to_owned(), names(SWITCHES))).collect()
}

fn names<T>(names: &[(&str, T)]) -> Value {
    json!({ "enum": names.iter().map(|(name, _)| *name).collect::<Vec<_>>() })
}

fn path() -> Value {
    json!({ "type": "string", "pattern": "^/" })
}

fn list(reference: &str) -> Value {
    json!({ "type": "array", "uniqueItems": true, "items": { "$ref": reference } })
}

fn number(most: u32) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": most })
}

fn check() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let words = json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });
    let mut properties = Map::new();
    for (name, doc) in CHECK_KEYS {
        let mut value = match name {
            "tcp" => number(65535),
            "starts" | "timeout" => number(LONGEST_CHECK),
            _ => json!({ "oneOf": [text.clone(), words.clone()] }),
        };
        if let Some(object) = value.as_object_mut() {
            object.insert("description".to_owned(), json!(doc));
        }
        properties.insert(name.to_owned(), value);
    }
    json!({ "oneOf": [text, words, {
        "type": "object", "additionalProperties": false, "properties": properties,
        "anyOf": [{ "required": ["command"] }, { "required": ["tcp"] }, { "required": ["starts"] }],
        "not": { "required": ["tcp", "starts"] },
    }] })
}

fn exception(checks: &[&str]) -> Value {
    let mut properties = Map::new();
    for (name, doc) in EXCEPTION_KEYS {
        let mut value = match name {
            "id" => json!({ "enum": checks }),
            "path" => path(),
            "expires" => json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        if let Some(object) = value.as_object_mut() {
            object.insert("description".to_owned(), json!(doc));
        }
        properties.insert(name.to_owned(), value);
    }
    json!({
        "type": "object", "additionalProperties": false, "properties": properties, "required": ["id", "path", "reason"],
    })
}

fn own_check() -> Value {
    let mut properties = Map::new();
    for (name, doc) in OWN_CHECK_KEYS {
        let mut value = match name {
            "id" => json!({ "type": "string", "pattern": "^[a-z0-9-]+(\\.[a-z0-9-]+)+$" }),
            "severity" => json!({ "enum": ["info", "low", "medium", "high"] }),
            "presence" => json!({ "enum": ["required", "forbidden"] }),
            "type" => json!({ "enum": ["file", "directory", "link", "device", "fifo", "socket"] }),
            "mode" => json!({ "type": "string", "pattern": "^(0o)?[0-7]{1,5}$" }),
            "paths" => json!({ "type": "array", "minItems": 1, "items": path() }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        if let Some(object) = value.as_object_mut() {
            object.insert("description".to_owned(), json!(doc));
        }
        properties.insert(name.to_owned(), value);
    }
    json!({
        "type": "object", "additionalProperties": false, "properties": properties, "required": ["id", "severity", "title"],
        "anyOf": [{ "required": ["paths"] }, { "required": ["package"] }],
    })
}

fn entry(more: &str) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let mut properties = Map::new();
    properties.insert("name".to_owned(), text.clone());
    properties.insert("path".to_owned(), text.clone());
    properties.insert("reason".to_owned(), text.clone());
    properties.insert("optional".to_owned(), json!({ "type": "boolean" }));
    if more == "change" {
        let doc = "true: no rule removes it, but owner and mode may change";
        properties.insert("change".to_owned(), json!({ "type": "boolean", "description": doc }));
    }
    if more == "setid" {
        let doc = "false: losing a set-id bit or a file capability is intended";
        properties.insert("setid".to_owned(), json!({ "type": "boolean", "description": doc }));
    }
    json!({ "oneOf": [text, {
        "type": "object", "additionalProperties": false, "properties": properties,
        "oneOf": [{ "required": ["name"] }, { "required": ["path"] }],
    }] })
}
