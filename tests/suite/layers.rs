//! Imports run one way: no module of the library imports one that stands after it in the drawing (docs/architecture.md).

use std::fs;
use std::path::{Path, PathBuf};

/// The drawing of src/lib.rs as a line, from what knows nothing of the others to what knows all.
const LAYERS: &str = "diag ordered digest day exit console tree programs shell applets cli policy root stop archive facts scripts closure \
    draft rules guards plan pipeline apply image inventory audit explain trace check learn report run testing";

/// The code of a file, without comments and without unit tests, which may look at what they like.
fn code(text: &str) -> String {
    let mut lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut code = String::new();
    while let Some(line) = lines.next() {
        if line.starts_with("#[cfg(test)]") {
            let item = lines.find(|line| !line.starts_with("#["));
            let block = item.is_some_and(|item| item.ends_with('{'));
            let _ = block && lines.any(|line| line == "}");
        } else {
            code.extend([line, "\n"]);
        }
    }
    code
}

/// Modules of the crate that code names: behind `crate::`, and behind as many `super::` as lead to its root.
fn imported(code: &str, depth: usize) -> Vec<String> {
    assert!(!code.contains("crate::{"), "one `use` for each module, so that this test can read them");
    let paths = ["crate::".to_owned(), "super::".repeat(depth)];
    let named = paths.iter().flat_map(|path| code.split(path.as_str()).skip(1));
    let names = named.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
    names.filter(|name| name.starts_with(char::is_lowercase)).map(str::to_owned).collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|entry| if entry.is_dir() { files(&entry) } else { vec![entry] }).collect()
}

#[test]
fn no_module_imports_one_that_stands_after_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let place = |name: &str| LAYERS.split_whitespace().position(|layer| layer == name);
    let mut wrong = Vec::new();
    let skipped =
        |path: &str| ["lib.rs", "main.rs"].contains(&path) || path.contains("tests") || path.contains("property");
    for file in files(&source) {
        let path = file.strip_prefix(&source).unwrap().to_str().unwrap();
        if !path.ends_with(".rs") || skipped(path) {
            continue;
        }
        let module = path.split(['/', '.']).next().unwrap();
        for name in imported(&code(&fs::read_to_string(&file).unwrap()), path.split('/').count()) {
            if place(module).zip(place(&name)).is_none_or(|(own, other)| other > own) {
                wrong.push(format!("src/{path} imports {name}: it stands after {module}, or one is not in LAYERS"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
