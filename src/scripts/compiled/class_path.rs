//! The class path of a command line of `java`: where its main class lies (java(1), `--class-path`).

use super::super::Reader;
use crate::policy::CommandLine;
use crate::tree::Id;

/// Options that take the next word, besides those of the class path.
const WITH_VALUE: [&str; 9] = [
    "-p",
    "--module-path",
    "--upgrade-module-path",
    "--add-modules",
    "--add-opens",
    "--add-exports",
    "--add-reads",
    "--limit-modules",
    "--enable-native-access",
];

/// What a command line says of its main class.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Started<'w> {
    /// Directories, archives, and `DIRECTORY/*`.
    paths: Vec<&'w str>,
    /// `com.example.Main`
    pub main: &'w str,
}

/// The main class that the words start; `None` for an archive that names its own, and for other programs.
pub(super) fn started<'w>(words: &'w [String]) -> Option<Started<'w>> {
    let is_java = |word: &String| word.rsplit('/').next() == Some("java");
    let mut rest = words.iter().map(String::as_str).skip(words.iter().position(is_java)? + 1);
    let mut paths = vec!["."];
    while let Some(word) = rest.next() {
        match word {
            "-cp" | "-classpath" | "--class-path" => paths = rest.next()?.split(':').collect(),
            "-m" | "--module" => {
                let main = rest.next()?.split_once('/')?.1;
                return Some(Started { paths, main });
            }
            "-jar" => return None,
            _ if WITH_VALUE.contains(&word) => drop(rest.next()),
            _ => match word.strip_prefix("--class-path=") {
                Some(value) => paths = value.split(':').collect(),
                None if word.starts_with(['-', '@']) => {}
                None => return Some(Started { paths, main: word }),
            },
        }
    }
    None
}

/// The class file of the main class, and the archives, that a command line names.
pub(crate) fn entries(reader: &Reader<'_>, line: &CommandLine) -> Vec<Id> {
    let tree = reader.tree;
    let Some(Started { paths, main }) = started(&line.words) else { return Vec::new() };
    let base = reader.working_directory();
    let class = format!("{}.class", main.replace('.', "/"));
    let is_archive = |&id: &Id| tree.name(id).ends_with(b".jar") && tree.is_file(id);
    let mut found = Vec::new();
    for path in paths {
        let directory = path.strip_suffix("/*").or(path.strip_suffix('*'));
        let at = directory.unwrap_or(path);
        let at = if at.is_empty() { "." } else { at };
        let Ok(at) = tree.resolve_from(base, at.as_bytes(), true).map(|found| found.node) else { continue };
        if directory.is_some() {
            found.extend(tree.children(at).filter(is_archive));
        } else if tree.is_dir(at) {
            found.extend(tree.resolve_from(at, class.as_bytes(), true).map(|found| found.node));
        } else {
            found.push(at);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Started, started};

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
            ("java -m mod", None),
            ("java -cp /app -jar x.jar", None),
            ("java -cp", None),
            ("java", None),
            ("javac -cp /app Main", None),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let expected = expected.map(|(paths, main)| Started { paths: paths.to_vec(), main });
            assert_eq!(started(&words), expected, "{line}");
        }
    }
}
