//! docs/harden.schema.json is what the key table says.

use harden::testing::policy::schema;

use super::common::known;

/// `UPDATE_SCHEMA=1 cargo test --test suite policy::schema` writes the file.
#[test]
fn the_schema_in_docs_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/harden.schema.json");
    let schema = schema(&known());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        write(path, &schema);
    }
    let found = read(path);
    assert!(
        found == schema,
        "docs/harden.schema.json is stale: run UPDATE_SCHEMA=1 cargo test --test suite policy::schema"
    );
}

/// The same for program files.
#[test]
fn the_schema_of_program_files_in_docs_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/program.schema.json");
    let schema = harden::testing::programs::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        write(path, &schema);
    }
    assert!(
        read(path) == schema,
        "docs/program.schema.json is stale: run UPDATE_SCHEMA=1 cargo test --test suite policy::schema"
    );
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn write(path: &str, text: &str) {
    std::fs::write(path, text).unwrap();
}
