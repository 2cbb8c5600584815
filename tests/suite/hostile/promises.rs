//! Each promise of SECURITY.md names the test that shows it.

use std::path::Path;

/// Everything in the files below a directory.
fn sources(directory: &Path, all: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_security_md_names_is_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(top.join("SECURITY.md")).unwrap();
    let mut all = String::new();
    for tests in ["suite", "engine", "soak"] {
        sources(&top.join("tests").join(tests), &mut all);
    }
    let is_test =
        |name: &&str| name.matches('_').count() > 2 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(all.contains(&format!("#[test]\nfn {name}()")), "no test is named {name}");
    }
    let promised = text.split_once("## What is promised").unwrap().1.split_once("## What is not promised").unwrap().0;
    for paragraph in promised.split("\n\n").filter(|paragraph| paragraph.starts_with("**") && !paragraph.ends_with(':'))
    {
        assert!(paragraph.contains("`"), "no test is named: {paragraph}");
    }
}
