//! Commands of awk and gnuplot, which no call names: texts behind or in front of a pipe.

use std::collections::BTreeSet;

use super::{LONGEST, Language, fixed, head, is_name, tail};

/// The command of `print | "COMMAND"` and `"COMMAND" | getline` of awk, of `"| COMMAND"` and `"< COMMAND"` of gnuplot.
pub(super) fn piped(all: (&str, &BTreeSet<&str>), at: usize, length: usize, language: Language) -> Option<String> {
    let (before, rest) = all.0.split_at_checked(at)?;
    let (whole, behind) = (rest.get(1..length.saturating_sub(1))?, rest.get(length..)?);
    let code = match language {
        Language::Awk => {
            // A variable holds the command in most programs: its text counts where it is assigned.
            let name = before.trim_end().strip_suffix('=').map(str::trim_end).unwrap_or_default();
            let name = name.rsplit(|c| !is_name(c)).next().unwrap_or_default();
            (is_piped(before, behind) || all.1.contains(name)).then_some(whole)
        }
        _ => whole.trim_start().strip_prefix(['|', '<']),
    };
    code.and_then(|code| fixed(code, false))
}

/// Whether a command of awk stands between these texts: `print | …` and `… | getline`, also with more behind it.
fn is_piped(before: &str, behind: &str) -> bool {
    let (before, behind) = (tail(before), head(behind, LONGEST));
    let before = before.rsplit('\n').next().unwrap_or_default().trim_end();
    let begins = before.is_empty() || before.ends_with(['(', '{', '}', ';']);
    let before = before.trim_end_matches(['&', '(', ' ']);
    let to = before.ends_with('|') && !before.ends_with("||");
    let rest = behind.split([';', '}', '\n']).next().unwrap_or_default();
    let reads = rest.split_once("getline").is_some_and(|(rest, _)| {
        let rest = rest.trim_end().trim_end_matches('&');
        rest.ends_with('|') && !rest.ends_with("||")
    });
    to || (reads && (begins || behind.trim_start_matches([')', ' ']).starts_with('|')))
}

/// Variables of awk that hold commands: `cmd | getline`, `print | cmd`, `system(cmd)`.
pub(super) fn holders(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut at = 0;
    for word in text.split(|c| !is_name(c)) {
        let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
        let begin = tail(before).lines().next_back().unwrap_or_default();
        let first = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if first && !matches!(word, "getline" | "print" | "system" | "while") {
            let called = begin.trim_end().strip_suffix('(').is_some_and(|begin| begin.trim_end().ends_with("system"));
            if called || is_piped(begin, behind) {
                found.insert(word);
            }
        }
        at += word.len() + behind.chars().next().map_or(0, char::len_utf8);
    }
    found
}
