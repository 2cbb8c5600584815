//! Which programs a piece of shell code runs: lexer → tokens → simple commands → words.
//!
//! This module owns the grammar of POSIX shell as far as it decides which words stand in command position.
//! It expands nothing and runs nothing, and it does not know which programs exist. What it cannot see
//! (`$CMD`, `eval`) it says with [`Word::expands`].

mod lexer;
mod parser;

pub use lexer::{LexError, Operator, Token, Word, tokens};
pub use parser::{SimpleCommand, commands};

/// What a script names.
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
    let mut names = Names::default();
    let list = commands(script)?;
    let functions: Vec<&str> = list.iter().filter_map(|command| command.defines.as_deref()).collect();
    let add = |list: &mut Vec<String>, text: &str| {
        if !list.iter().any(|known| known == text) {
            list.push(text.to_owned());
        }
    };
    for command in &list {
        for word in command.programs() {
            if word.expands {
                add(&mut names.unknown, &word.text);
            } else if !is_builtin(&word.text) && !functions.contains(&word.text.as_str()) {
                add(&mut names.words, &word.text);
            }
        }
        for word in &command.words {
            if word.text.starts_with('/') && word.text.len() > 1 && !word.expands {
                add(&mut names.words, &word.text);
            }
        }
    }
    Ok(names)
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

/// Builtins that dash, busybox ash and bash have in common; they are no files even where a file has their name.
fn is_builtin(name: &str) -> bool {
    const BUILTINS: [&str; 43] = [
        ".", ":", "[", "alias", "bg", "break", "builtin", "cd", "command", "continue", "declare", "echo", "eval",
        "exec", "exit", "export", "false", "fg", "getopts", "hash", "jobs", "kill", "let", "local", "printf", "pwd",
        "read", "readonly", "return", "set", "shift", "shopt", "source", "test", "times", "trap", "true", "type",
        "typeset", "ulimit", "umask", "unalias", "unset",
    ];
    BUILTINS.contains(&name) || matches!(name, "wait" | "[[" | "((")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn never_panics(script in "[ -~\n\t\u{e9}]{0,80}") {
            let _ = names(&script);
            let _ = split(&script);
        }

        #[test]
        fn never_panics_on_shell_characters(script in "[\\\\'\"`$(){};&|<>#\n a=EOF-]{0,60}") {
            let _ = names(&script);
            let _ = split(&script);
        }

        #[test]
        fn a_quoted_word_is_read_back(words in proptest::collection::vec("[ -~\n\u{e9}]{0,12}", 1..4)) {
            let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split(&line).unwrap(), Some(words));
        }
    }
}
