//! What the whole source may not do but in one place: `unsafe`, which learn needs once.

use std::fs;
use std::path::{Path, PathBuf};

/// The only file with an `unsafe` block, and the only one that may switch the lint off.
const EXCEPTION: &str = "trace/resume.rs";

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// How often a word stands in code; what follows `//` is none.
fn count(text: &str, word: &str) -> usize {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).filter(|part| *part == word).count()
}

#[test]
fn there_is_one_unsafe_block_and_nothing_else_may_have_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut unsafes = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        for word in ["unsafe", "unsafe_code"] {
            unsafes.extend(std::iter::repeat_n((name.clone(), word), count(&text, word)));
        }
    }
    let one = |word| (EXCEPTION.to_owned(), word);
    unsafes.sort();
    assert_eq!(unsafes, [one("unsafe"), one("unsafe_code")]);
    let manifest = fs::read_to_string(root.join("../Cargo.toml")).unwrap();
    assert!(manifest.lines().any(|line| line == "unsafe_code = \"deny\""), "the lint is off");
    // The eye that looks.
    assert_eq!(count("unsafe { a() } // unsafe\nlet not_unsafe = unsafe_code; pub unsafe fn b()", "unsafe"), 2);
}
