//! Languages whose calls are found by texts that stand in front of literals: those of ML, Lisp, Prolog, Erlang and Groovy.

use super::{Call, LONGEST, Language, call, first_word, fixed, head, is_name, literal, newlines, tail};

/// Texts behind which a program or, where true, code for a shell stands as a literal.
pub(super) const fn marks(language: Language) -> &'static [(&'static str, bool)] {
    match language {
        // Guile and mcron; SBCL and UIOP; Emacs.
        Language::Scheme => &[
            ("(system ", true),
            ("(open-input-pipe ", true),
            ("(open-output-pipe ", true),
            ("(open-pipe ", true),
            ("(system* ", false),
            ("(open-pipe* ", false),
            ("(job ", true),
            ("run-program ", false),
            (":shell ", true),
            ("run-shell-command ", true),
            ("(shell-command ", true),
            ("(shell-command-to-string ", true),
            ("(call-process ", false),
        ],
        Language::Erlang => &[("os:cmd(", true), ("{spawn,", true), ("{spawn_executable,", false)],
        Language::Groovy => &[("ProcessBuilder(", false), (".exec(", false)],
        Language::Ocaml => &[
            ("Sys.command ", true),
            ("Unix.system ", true),
            ("Unix.open_process_in ", true),
            ("Unix.open_process_out ", true),
            ("Unix.open_process ", true),
            ("Unix.open_process_args_in ", false),
            ("Unix.execv ", false),
            ("Unix.execvp ", false),
            ("Unix.create_process ", false),
        ],
        Language::Prolog => &[("shell(", true), ("path(", false), ("process_create(", false)],
        _ => &[],
    }
}

/// The literals behind the texts of [`marks`], and in Groovy those that are executed.
pub(super) fn marked(text: &str, language: Language) -> Vec<(u32, Call)> {
    let comment = match language {
        Language::Scheme => ";",
        Language::Erlang | Language::Prolog => "%",
        Language::Ocaml => "(*",
        _ => "//",
    };
    let mut found = Vec::new();
    for &(name, code) in marks(language) {
        let (mut line, mut counted) = (1, 0);
        for (at, _) in text.match_indices(name) {
            line += newlines(text.get(counted..).unwrap_or_default(), at - counted);
            counted = at;
            let begin = tail(text.get(..at).unwrap_or_default());
            let commented = begin.rsplit('\n').next().is_some_and(|line| line.contains(comment));
            let Some(rest) = text.get(at + name.len()..).filter(|_| !commented) else { continue };
            let rest = head(rest, LONGEST);
            let whole = behind_mark(rest, language).and_then(|whole| fixed(whole, false));
            let call = whole.and_then(|whole| if code { Some(Call::Code(whole)) } else { call(&whole, false) });
            found.extend(call.map(|call| (line, call)));
        }
    }
    if language == Language::Groovy {
        for (number, line) in (1_u32..).zip(text.lines()) {
            let executed = line.split_once(".execute(").map(|(begin, _)| begin.trim_end());
            let quoted = executed.and_then(|begin| match begin.strip_suffix(']') {
                Some(list) => list.rsplit_once('[').map(|(_, list)| list.trim_start()),
                None => begin.strip_suffix(['"', '\'']).and_then(|text| begin.get(text.rfind(['"', '\''])?..)),
            });
            let program = quoted.and_then(|quoted| literal(quoted).1);
            found.extend(program.and_then(|program| first_word(&program)).map(|name| (number, Call::Program(name))));
        }
    }
    found.sort_by_key(|(line, _)| *line);
    found
}

/// The literal that stands behind a mark.
fn behind_mark(rest: &str, language: Language) -> Option<&str> {
    let begin = if language == Language::Scheme {
        // A literal of its own: one behind a procedure is that one's.
        let begin = rest.find('"')?;
        let before = rest.get(..begin)?;
        let own = !before.contains("lambda") && before.matches('(').count() == before.matches(')').count();
        own.then_some(begin)?
    } else {
        rest.find(|c: char| !c.is_whitespace() && !matches!(c, '(' | '['))?
    };
    let quoted = rest.get(begin..)?;
    if quoted.starts_with(['"', '\'']) {
        let (length, _) = literal(quoted);
        return quoted.get(1..length.checked_sub(1)?);
    }
    // An atom: `process_create(path(ls), …)`.
    let atom = quoted.split(|c| !is_name(c)).next()?;
    (language == Language::Prolog && quoted.get(atom.len()..)?.starts_with(')')).then_some(atom)
}
