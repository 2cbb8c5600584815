//! Modules that Python scripts import, as far as their names stand in the text: which of the installed packages run.

use std::collections::BTreeSet;

use super::Reader;
use crate::tree::{Id, glob};

/// Most modules that are read for one image.
const MOST: usize = 2000;

/// The files of modules that the scripts lead to, and those that `-m` names, in the directories of modules and beside the
/// scripts. What imports by a computed name is not seen.
pub(super) fn modules(reader: &Reader<'_>, places: &[String], scripts: &BTreeSet<Id>, words: &[&str]) -> BTreeSet<Id> {
    let tree = reader.tree;
    let mut directories: Vec<Id> = Vec::new();
    for pattern in places {
        directories.extend(glob::expand_as_shell(tree, pattern.as_bytes()));
    }
    // A virtual environment has its own, beside the interpreter that the command names.
    for word in words.iter().filter(|word| word.contains("/bin/")) {
        let Some((top, _)) = word.rsplit_once("/bin/") else { continue };
        let pattern = format!("{top}/lib/python3*/site-packages");
        directories.extend(glob::expand_as_shell(tree, pattern.as_bytes()));
    }
    directories.extend(scripts.iter().map(|&id| tree.parent(id)));
    let directories: Vec<Id> = directories.into_iter().filter_map(|id| Some(tree.follow(id).ok()?.node)).collect();
    let mut names: Vec<String> = words
        .windows(2)
        .filter(|pair| pair.first() == Some(&"-m"))
        .filter_map(|pair| pair.get(1))
        .map(|&m| m.to_owned())
        .collect();
    for &script in scripts {
        names.extend(imported(&reader.text(script), ""));
    }
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    while let Some(name) = names.pop() {
        if found.len() >= MOST || !seen.insert(name.clone()) {
            continue;
        }
        for &directory in &directories {
            for (file, package) in files(reader, directory, &name) {
                if found.insert(file) {
                    names.extend(imported(&reader.text(file), &package));
                }
            }
        }
    }
    found
}

/// The files that run when a module is imported, each with the package that relative names in it begin from.
fn files(reader: &Reader<'_>, directory: Id, name: &str) -> Vec<(Id, String)> {
    let tree = reader.tree;
    let mut found = Vec::new();
    let (mut at, mut package) = (directory, String::new());
    for part in name.split('.') {
        let whole = if package.is_empty() { part.to_owned() } else { format!("{package}.{part}") };
        let plain = tree.child(at, format!("{part}.py").as_bytes()).filter(|&id| tree.is_file(id));
        found.extend(plain.map(|id| (id, package.clone())));
        let Some(inside) = tree.child(at, part.as_bytes()).filter(|&id| tree.is_dir(id)) else { break };
        for own in ["__init__.py", "__main__.py"] {
            let own = tree.child(inside, own.as_bytes()).filter(|&id| tree.is_file(id));
            found.extend(own.map(|id| (id, whole.clone())));
        }
        (at, package) = (inside, whole);
    }
    found
}

/// The names in `import a.b, c` and `from a import b`, with those that begin with dots as seen from a package.
pub(super) fn imported(text: &str, package: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("import ") {
            let names = rest.split(['#', ';']).next().unwrap_or_default().split(',');
            found.extend(names.filter_map(|name| name.split_whitespace().next()).map(str::to_owned));
        } else if let Some((from, names)) = line.strip_prefix("from ").and_then(|rest| rest.split_once(" import ")) {
            let from = from.trim();
            let dots = from.len() - from.trim_start_matches('.').len();
            let mut base: Vec<&str> = package.split('.').filter(|part| !part.is_empty()).collect();
            base.truncate(base.len().saturating_sub(dots.saturating_sub(1)));
            let own = from.trim_start_matches('.');
            let base = if dots == 0 { Vec::new() } else { base };
            let module = base.into_iter().chain(Some(own).filter(|own| !own.is_empty())).collect::<Vec<_>>().join(".");
            let names = names.split('#').next().unwrap_or_default().trim_matches(['(', ')', ' ', '\\']);
            // What is imported may be a module, too.
            let names = names.split(',').filter_map(|name| name.split_whitespace().next());
            let plain = names.filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
            found
                .extend(plain.map(|name| if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") }));
            found.extend(Some(module).filter(|module| !module.is_empty()));
        }
    }
    found.retain(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'));
    found
}

#[cfg(test)]
mod tests {
    use super::imported;

    #[test]
    fn names_of_modules() {
        let text = "import os, sys as s  # x\nfrom a.b import c as d, e\n  from . import f\nfrom ..g import h\nimport i; x\n# import no\nfrom j import (\nx = 'import no'\n";
        assert_eq!(
            imported(text, "p.q"),
            ["os", "sys", "a.b.c", "a.b.e", "a.b", "p.q.f", "p.q", "p.g.h", "p.g", "i", "j"]
        );
    }
}
