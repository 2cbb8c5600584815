//! The functions of tests/suite/fuzz, and of tests/common what they need, for the targets of cargo-fuzz.
//!
//! What must hold of any input is written there, once: `make test` runs the same functions on the corpora.
#![allow(dead_code, missing_docs)]

mod common;
#[path = "../../tests/suite/fuzz/image.rs"]
mod image;
#[path = "../../tests/suite/fuzz/rewrite.rs"]
mod rewrite;
#[path = "../../tests/suite/fuzz/targets.rs"]
mod targets;
#[path = "../../tests/suite/fuzz/tree.rs"]
mod tree;

/// Longest input: larger files are `make soak`'s.
const MOST: usize = 64 * 1024;

/// Run the target of that name.
///
/// # Panics
/// When something that must hold does not, or there is no such target.
pub fn run(target: &str, data: &[u8]) {
    let data = &data[..data.len().min(MOST)];
    let function = match target {
        "accounts" => targets::account_files,
        "applets" => targets::multi_call,
        "archive" => targets::archive,
        "closure" => targets::programs,
        "configuration" => targets::loader,
        "elf" => targets::elf,
        "image" => hardened_image,
        "links" => targets::links,
        "packages" => targets::packages,
        "policy" => targets::configuration,
        "rpm" => targets::rpm,
        "shebang" => targets::shebang,
        "shell" => targets::shell,
        "tree" => whole_tree,
        _ => panic!("there is no target {target:?}"),
    };
    function(data);
}

/// In this process: libFuzzer is led by the code that an input reaches.
fn whole_tree(data: &[u8]) -> String {
    tree::tree(data, &run_here)
}

fn hardened_image(data: &[u8]) -> String {
    rewrite::rewrite(data, &run_here)
}

fn run_here(arguments: &[&str]) -> u8 {
    let arguments = arguments.iter().map(std::ffi::OsString::from).collect();
    harden::main(arguments, &harden::testing::policy::Environment::new()).code()
}
