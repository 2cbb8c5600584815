//! Accounts that shell scripts and command lines hand files or processes to: `gosu redis …`, `chown -R app:app /data`.

use std::collections::BTreeSet;

use crate::programs::{Programs, option_values};
use crate::scripts::Language;
use crate::shell;

/// Line, whether a group, and name of each use in a script. What is behind an error says nothing.
pub(super) fn uses(script: &str, language: Language, programs: &Programs) -> Vec<(usize, bool, String)> {
    let commands = match language {
        Language::Shell(_) => shell::commands(script).unwrap_or_default(),
        Language::Execline => shell::execline::commands(script),
    };
    let mut found = Vec::new();
    for command in commands {
        // What a variable holds is not known here.
        let words: Vec<&str> =
            command.words.iter().map(|word| if word.expands { "" } else { word.text.as_str() }).collect();
        for (at, group, name) in with_programs(&words, programs) {
            let line = command.words.get(at).map_or(1, |word| word.line as usize);
            found.push((line, group, name));
        }
    }
    found
}

/// Whether a group, and name, of what the words of one command drop to.
pub(super) fn dropped_to(words: &[&str], programs: &Programs) -> Vec<(bool, String)> {
    with_programs(words, programs).into_iter().map(|(_, group, name)| (group, name)).collect()
}

/// As [`dropped_to`], with the index of the word that starts each program: it may stand behind `exec` or `find`.
fn with_programs(words: &[&str], programs: &Programs) -> Vec<(usize, bool, String)> {
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let name = word.rsplit('/').next().unwrap_or_default();
        let rest = words.get(at + 1..).unwrap_or_default();
        for (program, _) in programs.of(name.as_bytes(), word.as_bytes()) {
            let own = rest.split(|&word| word == "--").next().unwrap_or_default();
            for (option, value) in program.options.iter().filter(|(_, value)| value.kind.is_account()) {
                let names = option_values(option, own).into_iter().flat_map(|text| value.kind.names(&[text]));
                found.extend(names.map(|(group, name)| (at, group, name)));
            }
            if let Some(value) = program.first.as_ref().filter(|value| value.kind.is_account()) {
                let mut skip = false;
                let first = rest.iter().find(|&&word| {
                    let value = std::mem::replace(&mut skip, false);
                    skip = program.with_value.iter().any(|option| option == word);
                    !value && (word.is_empty() || !word.starts_with('-'))
                });
                let names = first.map(|&name| value.kind.names(&[name])).unwrap_or_default().into_iter();
                found.extend(names.map(|(group, name)| (at, group, name)));
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert(one.clone()));
    found
}

#[cfg(test)]
mod tests {
    use super::{Language, uses};

    fn names(script: &str) -> Vec<String> {
        let show =
            |(line, group, name): (usize, bool, String)| format!("{line} {}{name}", if group { ":" } else { "" });
        let programs = crate::programs::Programs::default();
        uses(script, Language::Shell(crate::shell::Dialect::Posix), &programs).into_iter().map(show).collect()
    }

    #[test]
    fn official_entrypoints() {
        let redis = "#!/bin/sh\nset -e\n# chown redis\nif [ \"$1\" = 'redis-server' -a \"$(id -u)\" = '0' ]; then\n\tfind . \\! -user redis -exec chown redis '{}' +\n\texec gosu redis \"$0\" \"$@\"\nfi\n";
        assert_eq!(names(redis), ["5 redis", "6 redis"]);
        let postgres = "#!/usr/bin/env bash\nchown -R postgres:dba \"$PGDATA\" || :\nexec su-exec \"$user\" x\nexec setpriv --reuid=app --regid dba --init-groups -- id x\n";
        assert_eq!(names(postgres), ["2 postgres", "2 :dba", "4 :dba", "4 app"]);
    }

    #[test]
    fn options_numbers_and_variables_are_no_names() {
        assert_eq!(names("chown -R 1000:1000 /x\nchown \"$U:$G\" /x\nchown --reference=a b\n"), ["3 b"]);
        assert_eq!(
            names("su -s /bin/sh -c 'x y' app\nsu - web\nrunuser -u db -- true x\nchroot --userspec=a:b / x\n"),
            ["1 app", "2 web", "3 db", "4 a", "4 :b"]
        );
    }
}
