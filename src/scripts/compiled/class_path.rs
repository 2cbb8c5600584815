//! The class path of a command line of `java`: the place of its main class (java(1), `--class-path`).

use std::collections::BTreeSet;

use super::super::{FileUses, Reader};
use crate::tree::Id;

/// Options that take the next word, besides those of the class path.
const WITH_VALUE: [&str; 7] = [
    "--upgrade-module-path",
    "--add-modules",
    "--add-opens",
    "--add-exports",
    "--add-reads",
    "--limit-modules",
    "--enable-native-access",
];

/// Options that say the class path.
const OPTIONS: [&str; 3] = ["-cp", "-classpath", "--class-path"];

/// What a command line says of its main class.
#[derive(Debug, PartialEq, Eq)]
struct Started<'w> {
    /// Directories, archives, and `DIRECTORY/*`.
    paths: Vec<&'w str>,
    /// Directories of modules, and modules.
    modules: Vec<&'w str>,
    /// `com.example.Main`
    main: &'w str,
}

/// Whether a word is the option of a class path.
pub(in crate::scripts) fn is_option(word: &str) -> bool {
    OPTIONS.contains(&word)
}

/// The main class that the words start; `None` for an archive that names its own, and for other programs. A script may have
/// java in a variable that is not known, or put the words together first: `set -- -cp …`.
fn started<'w>(words: &'w [String], default: Option<&'w str>) -> Option<Started<'w>> {
    let is = |name: &'static str| move |word: &String| word.rsplit('/').next() == Some(name);
    let java = words.iter().position(is("java")).map(|at| at + 1);
    let option = || words.iter().position(|word| is_option(word)).filter(|_| !words.iter().any(is("javac")));
    let mut rest = words.iter().map(String::as_str).skip(java.or_else(option)?);
    let mut paths: Vec<&str> = default.unwrap_or(".").split(':').collect();
    let mut modules = Vec::new();
    while let Some(word) = rest.next() {
        let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        match option {
            "-cp" | "-classpath" | "--class-path" => paths = value.or_else(|| rest.next())?.split(':').collect(),
            "-p" | "--module-path" => modules = value.or_else(|| rest.next())?.split(':').collect(),
            "-m" | "--module" => {
                let main = value.or_else(|| rest.next())?.split_once('/')?.1;
                return Some(Started { paths, modules, main });
            }
            "-jar" => return None,
            _ if WITH_VALUE.contains(&word) => drop(rest.next()),
            _ if word.starts_with(['-', '@']) => {}
            _ => return Some(Started { paths, modules, main: word }),
        }
    }
    None
}

/// What the main class of a command line starts, and the archives that the line names, but for those that were seen before.
/// `default` is the class path of a line that has none, `base` the directory that it runs in.
pub(in crate::scripts) fn uses(
    reader: &Reader<'_>,
    words: &[String],
    default: Option<&str>,
    base: Id,
    seen: &mut BTreeSet<(Id, String)>,
) -> Vec<FileUses> {
    let environment = reader.policy.environment.iter().find(|(name, _)| name == "CLASSPATH");
    let default = default.or(environment.map(|(_, value)| value.as_str()));
    let Some(started) = started(words, default) else { return Vec::new() };
    let mut found = entries(reader, &started, base);
    found.retain(|&id| seen.insert((id, started.main.to_owned())));
    found.into_iter().flat_map(|id| super::uses_of_main(reader, id, Some(started.main))).collect()
}

/// The class file of the main class, and the archives of the class path.
fn entries(reader: &Reader<'_>, Started { paths, modules, main }: &Started<'_>, base: Id) -> BTreeSet<Id> {
    let tree = reader.tree;
    let class = format!("{}.class", main.replace('.', "/"));
    let is_archive = |&id: &Id| tree.name(id).ends_with(b".jar") && tree.is_file(id);
    let mut found = BTreeSet::new();
    for (path, module) in paths.iter().map(|path| (path, false)).chain(modules.iter().map(|path| (path, true))) {
        let directory = path.strip_suffix("/*").or(path.strip_suffix('*'));
        let at = directory.unwrap_or(path);
        let at = if at.is_empty() { "." } else { at };
        let Ok(at) = tree.resolve_from(base, at.as_bytes(), true).map(|found| found.node) else { continue };
        if directory.is_some() || module {
            found.extend(tree.children(at).filter(is_archive));
        }
        // Modules are archives and directories of classes, or lie in such a directory.
        let inside = tree.is_dir(at).then(|| tree.children(at)).into_iter().flatten().filter(|_| module);
        for top in inside.chain([at]).filter(|&top| directory.is_none() && tree.is_dir(top)) {
            let class = tree.resolve_from(top, class.as_bytes(), true).map(|found| found.node);
            found.extend(class.ok().filter(|&class| tree.is_file(class)));
        }
        if is_archive(&at) {
            found.insert(at);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::started;

    #[test]
    fn main_classes_of_command_lines() {
        for (line, expected) in [
            ("java -cp /app Main", Some((&["/app"][..], "Main"))),
            (
                "/opt/jdk/bin/java -Xmx1g -classpath a.jar:lib/* com.ex.Main x -cp y",
                Some((&["a.jar", "lib/*"], "com.ex.Main")),
            ),
            ("env A=b java --class-path=/app -Dx=y --add-opens a/b=c com.ex.Main", Some((&["/app"], "com.ex.Main"))),
            ("java com.ex.Main", Some((&["."], "com.ex.Main"))),
            ("java -p /mods -m mod/com.ex.Main", Some((&["."], "com.ex.Main"))),
            ("set -- -classpath /app/a.jar com.ex.Main $@", Some((&["/app/a.jar"], "com.ex.Main"))),
            ("set -- com.ex.Main", None),
            ("java -m mod", None),
            ("java -cp /app -jar x.jar", None),
            ("java -cp", None),
            ("java", None),
            ("javac -cp /app Main", None),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let found = started(&words, None).map(|found| (found.paths, found.main));
            assert_eq!(found, expected.map(|(paths, main)| (paths.to_vec(), main)), "{line}");
        }
    }
}
