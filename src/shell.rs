//! The programs that a piece of shell code runs: lexer → tokens → structure → uses.
//!
//! This module owns the grammar of POSIX shell, with the parts of bash and busybox ash that decide which words stand in
//! command position. It expands nothing that needs a running shell and runs nothing, and it does not know which
//! programs exist. It reports commands that it cannot see (`$CMD`, `eval "$x"`).

mod code;
pub mod execline;
mod lexer;
mod parser;
mod wrappers;

use std::collections::BTreeSet;

pub use code::Code;
pub(crate) use code::is_argument;
pub(crate) use code::{Kind, Line, Use};
pub(crate) use lexer::{LexError, Token, Word, tokens};
pub(crate) use parser::{SimpleCommand, commands};

/// Whose builtins and keywords count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Dialect {
    /// dash, and what any `/bin/sh` has.
    #[default]
    Posix,
    /// busybox ash.
    Ash,
    /// bash, and what ksh and zsh share with it.
    Bash,
}

/// What a command line names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Words in command position and absolute paths, in order of first appearance, each once.
    /// Builtins of the shell and functions of the script are not among them.
    pub words: Vec<String>,
    /// Words in command position that only the running shell knows, as written (`$CMD`).
    pub unknown: Vec<String>,
}

/// The programs that `script` names.
///
/// # Errors
/// A quote, `$(`, `${` or backtick that is not closed.
pub fn names(script: &str) -> Result<Names, LexError> {
    let mut code = Code::new(Dialect::Posix);
    if let Some(error) = code.read(script, "") {
        return Err(error);
    }
    let found = code.finish();
    let mut names = Names { unknown: found.unknown.into_iter().map(|(_, _, text)| text).collect(), ..Names::default() };
    let mut seen = BTreeSet::new();
    let mut add = |text: &str| {
        if seen.insert(text.to_owned()) {
            names.words.push(text.to_owned());
        }
    };
    let programs: BTreeSet<String> =
        BTreeSet::from_iter(found.uses.iter().filter(|one| one.kind == Kind::Runs).map(|one| one.text.clone()));
    for command in commands(script)? {
        // Behind tini or gosu a relative path may be a script of the application, as in exec form.
        let wrapped = command.is_wrapped();
        for word in command.words.iter().filter(|word| !word.expands) {
            let path = word.text.starts_with('/') && word.text.len() > 1;
            let plain = !word.text.is_empty() && !word.text.starts_with('-');
            let behind = wrapped && plain && !is_builtin(&word.text, Dialect::Posix);
            if path || behind || programs.contains(&word.text) {
                add(&word.text);
            }
        }
    }
    // What no word says by itself: `sh -c CODE`, variables.
    for one in found.uses.iter().filter(|one| one.kind == Kind::Runs) {
        add(&one.text);
    }
    Ok(names)
}

/// The accounts whose login shells a command in exec form starts: `su USER -c CODE`.
pub(crate) fn logins(words: &[String]) -> Vec<String> {
    let code = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let mut reader = Code::new(Dialect::Posix);
    reader.read(&code, "");
    let uses = reader.finish().uses.into_iter();
    uses.filter(|one| one.kind == Kind::Login).map(|one| one.text).collect()
}

/// Splits a command that needs no shell at blanks, with quotes. `None` when it has any other character that
/// means something to a shell: it is shell form.
///
/// # Errors
/// A quote that is not closed.
pub fn split(text: &str) -> Result<Option<Vec<String>>, LexError> {
    let mut words = Vec::new();
    for token in tokens(text)? {
        match token {
            Token::Word(word) if !word.special && !is_assignment(&word, words.is_empty()) => words.push(word.text),
            _ => return Ok(None),
        }
    }
    Ok(Some(words))
}

/// `text` quoted so that [`split`] and a shell read one word.
#[must_use]
pub fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(safe) && parser::reserved(text).is_none() {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `NAME=value` before any command word.
fn is_assignment(word: &Word, first: bool) -> bool {
    first && word.assignment
}

/// Words that begin a compound command.
pub(crate) fn is_reserved(word: &str) -> bool {
    parser::reserved(word).is_some()
}

/// Words that the shell answers itself; they are no files even where a file has their name (POSIX XCU 2.9 and 2.14,
/// and the manuals of dash, busybox and bash).
pub(crate) fn is_builtin(name: &str, dialect: Dialect) -> bool {
    const COMMON: &str = ". : [ (( [[ ]] alias bg break cd chdir command continue echo eval exec exit export false fg getopts hash \
        jobs kill local printf pwd read readonly return set shift test times trap true type ulimit umask unalias \
        unset wait fc";
    const ASH: &str = "let source history help";
    const BASH: &str = "time declare typeset builtin shopt mapfile readarray pushd popd dirs disown enable logout suspend caller \
        compgen complete compopt bind print whence autoload setopt";
    let among = |list: &str| list.split(' ').any(|known| known == name);
    among(COMMON)
        || (dialect != Dialect::Posix && among(ASH))
        || (dialect == Dialect::Bash && among(BASH))
        // No file has these names; a script for another shell is no reason to look for one.
        || among("source declare typeset builtin shopt let")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "shell/tests.rs"]
mod scripts;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<String> {
        names(script).unwrap().words
    }

    #[test]
    fn finds_words_in_command_position() {
        for (script, expected) in [
            ("nginx -g 'daemon off;'", vec!["nginx"]),
            ("cd /app && exec dotnet MyApp.dll", vec!["dotnet", "/app"]),
            ("a; b && c || d | e & f\ng", vec!["a", "b", "c", "d", "e", "f", "g"]),
            ("(a; b) ; { c; }", vec!["a", "b", "c"]),
            ("FOO=1 BAR='x y' app --x", vec!["app"]),
            ("if a; then b; elif c; then d; else e; fi", vec!["a", "b", "c", "d", "e"]),
            ("while ! a; do b; done | c", vec!["a", "b", "c"]),
            ("until a; do b; done", vec!["a", "b"]),
            ("for x in sh bash; do run $x; done", vec!["run"]),
            ("for x\ndo run; done", vec!["run"]),
            ("case \"$1\" in a|b) run;; (c) walk ;; *) stop; esac; after", vec!["run", "walk", "stop", "after"]),
            ("exec nohup time env -i A=1 B=2 app", vec!["nohup", "time", "env", "app"]),
            ("env -u HOME -C /srv app arg", vec!["env", "app", "/srv"]),
            ("exec -a name app", vec!["app"]),
            ("command -v curl", vec![]),
            ("command -p curl", vec!["curl"]),
            ("exec tini -g -- node server.js", vec!["tini", "node", "server.js"]),
            ("gosu app redis-server /etc/redis.conf", vec!["gosu", "app", "redis-server", "/etc/redis.conf"]),
            ("curl -f http://localhost/ >/dev/null 2>&1 || exit 1", vec!["curl"]),
            ("x=$(date +%s) y=`hostname`; run \"$(id -u)\"", vec!["date", "hostname", "run", "id"]),
            ("f() { real; }; f; function g { other; }; g", vec!["real", "other"]),
            ("echo hello # run; not", vec![]),
            ("cat <<EOF\nrm -rf\nEOF\nnext", vec!["cat", "next"]),
            ("cat <<-'A B'\n\tx\n\tA B\nnext", vec!["cat", "next"]),
            ("a\\\nb c", vec!["ab"]),
            ("'my app' x", vec!["my app"]),
            ("[ -f /etc/x ] && run", vec!["/etc/x", "run"]),
            ("echo $((1 + 2)); run ${X:-'a b'}", vec!["run"]),
            ("", vec![]),
            ("diff <(sort a) <(uniq b)", vec!["diff", "sort", "uniq"]),
        ] {
            let mut found = words(script);
            let mut expected: Vec<String> = expected.into_iter().map(String::from).collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{script}");
        }
    }

    #[test]
    fn says_what_it_cannot_see() {
        assert_eq!(names("exec \"$@\"").unwrap().unknown, ["$@"]);
        assert_eq!(names("$CMD --x; \"${B}/run\"").unwrap().unknown, ["$CMD", "${B}/run"]);
    }

    #[test]
    fn names_what_is_not_closed() {
        for (script, what, offset) in
            [("a 'b", "'", 2), ("a \"b", "\"", 2), ("a $(b", "$(", 2), ("`a", "`", 0), ("x ${a", "${", 2)]
        {
            let error = names(script).unwrap_err();
            assert_eq!((error.what, error.offset), (what, offset), "{script}");
        }
    }

    #[test]
    fn splits_plain_commands_and_leaves_the_rest_to_a_shell() {
        assert_eq!(
            split("tini -- node 's 1.js' \"x\\\"y\" a\\ b").unwrap().unwrap(),
            ["tini", "--", "node", "s 1.js", "x\"y", "a b"]
        );
        assert_eq!(split("dotnet /app/A.dll --urls=http://+:80 ''").unwrap().unwrap().len(), 4);
        for shell in [
            "a; b", "a && b", "a | b", "a > b", "(a)", "a *", "a ?", "a $1", "a `b`", "a\nb", "A=1 b", "~/x", "a #b",
            "ls [a]",
        ] {
            assert_eq!(split(shell).unwrap(), None, "{shell}");
        }
        assert_eq!(split("a '$1;*' --x=[").unwrap().unwrap(), ["a", "$1;*", "--x=["]);
        assert!(split("a 'b").is_err());
    }
}
