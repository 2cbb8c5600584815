//! The files of an application that its scripts load: modules beside and below a script, by the names in its text.

use super::Reader;
use super::calls::Language;
use super::imports::imported;
use crate::tree::Id;

/// So many literals behind such a word may be what it loads.
const NEAR: usize = 4;

/// Most modules that one script loads itself.
const MOST: usize = 256;

/// What stands in front of the name of a file or module, and the endings that the name goes without.
const fn loads(language: Language) -> (&'static [&'static str], &'static [&'static str]) {
    match language {
        Language::JavaScript => {
            (&["require(", "import(", "from ", "import "], &["", ".js", ".mjs", ".cjs", "/index.js", "/index.mjs"])
        }
        Language::Ruby => (&["require_relative", "require ", "load "], &["", ".rb"]),
        Language::Php => (&["include", "require"], &[""]),
        Language::Lua => (&["require", "dofile", "loadfile"], &["", ".lua", "/init.lua"]),
        Language::Perl => (&["use ", "require ", "do "], &["", ".pm", ".pl"]),
        Language::R | Language::Octave | Language::Tcl => (&["source"], &[""]),
        Language::Julia => (&["include("], &[""]),
        Language::Awk => (&["@include"], &[""]),
        _ => (&[], &[]),
    }
}

/// The files beside and below a script that it loads. Modules that are installed are not among them.
pub(super) fn loaded(reader: &Reader<'_>, script: Id, text: &str, language: Language) -> Vec<Id> {
    let tree = reader.tree;
    if reader.commands.is_in_directory(tree, script) {
        return Vec::new();
    }
    let top = tree.parent(script);
    let mut found: Vec<Id> = Vec::new();
    for name in names(text, language).into_iter().take(MOST) {
        for base in ["", "lib/", "../", "../lib/"] {
            let file = tree.resolve_from(top, format!("{base}{name}").as_bytes(), true).map(|found| found.node);
            if let Ok(file) = file
                && tree.is_file(file)
                && file != script
                && !reader.commands.is_in_directory(tree, file)
                && !found.contains(&file)
            {
                found.push(file);
            }
        }
    }
    found
}

/// The paths, as seen from the script, that its text may mean.
fn names(text: &str, language: Language) -> Vec<String> {
    let mut found = Vec::new();
    if language == Language::Python {
        for name in imported(text, "") {
            // `import a.b` runs a as well.
            let parts: Vec<&str> = name.split('.').collect();
            for end in 1..=parts.len() {
                let path = parts.get(..end).unwrap_or_default().join("/");
                found.extend([format!("{path}.py"), format!("{path}/__init__.py")]);
            }
        }
        found.dedup();
        return found;
    }
    let (before, endings) = loads(language);
    // What stands behind each of these words: literals, in Perl the first word, in Tcl the last one.
    for line in text.lines() {
        for (at, word) in before.iter().flat_map(|word| line.match_indices(word)) {
            let (begin, rest) = (line.get(..at).unwrap_or_default(), line.get(at + word.len()..).unwrap_or_default());
            if begin.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            // A line without end may load something again and again.
            let quoted = rest.split(['"', '\'', '`']).take(2 * NEAR).skip(1).step_by(2);
            let mut words = rest.split([' ', ';', ']', '\t', '(']).filter(|word| !word.is_empty());
            let bare = match language {
                Language::Perl => words.next(),
                Language::Tcl => words.next_back(),
                _ => None,
            };
            for name in quoted.chain(bare) {
                let name = match language {
                    Language::Perl => name.replace("::", "/"),
                    Language::Lua if !name.ends_with(".lua") => name.replace('.', "/"),
                    _ => name.to_owned(),
                };
                let name = name.trim_start_matches('/');
                if !name.is_empty() && name.len() < 200 {
                    found.extend(endings.iter().map(|end| format!("{name}{end}")));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Language, names};

    #[test]
    fn what_scripts_load() {
        let has = |text: &str, language, path: &str| {
            let found = names(text, language);
            assert!(found.iter().any(|name| name == path), "{text}: {found:?}");
        };
        has("from a.b import c\n", Language::Python, "a/b.py");
        has("from .tools import run\n", Language::Python, "tools.py");
        has("const x = require('./lib/x')\n", Language::JavaScript, "./lib/x.js");
        has("import { run } from \"./x.mjs\";\n", Language::JavaScript, "./x.mjs");
        has("require_relative 'x/y'\n", Language::Ruby, "x/y.rb");
        has("require_once __DIR__ . '/x.php';\n", Language::Php, "x.php");
        has("local x = require(\"a.b\")\n", Language::Lua, "a/b.lua");
        has("use lib 'lib'; use My::Tools;\n", Language::Perl, "My/Tools.pm");
        has("source [file join $here x.tcl]\n", Language::Tcl, "x.tcl");
        assert!(names("print('require(\\'./x\\')')\n", Language::Python).is_empty());
    }
}
