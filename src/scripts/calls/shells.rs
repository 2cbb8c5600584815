//! Scripts of shells with a grammar of their own (fish, csh, rc and others), read without it: a word that begins a command,
//! by the signs and keywords in front of it that these shells share.

use std::collections::{BTreeMap, BTreeSet};

use super::Call;
use crate::shell::{Dialect, is_builtin};

/// Words behind which another command begins.
const BEFORE: [&str; 18] = [
    "and", "or", "not", "if", "else", "while", "until", "begin", "then", "do", "command", "exec", "nohup", "time",
    "builtin", "eval", "repeat", "try",
];

/// The programs that the lines of a script begin with, and those that its functions are given.
pub(super) fn programs(text: &str) -> Vec<(u32, Call)> {
    let mut functions: BTreeSet<&str> = BTreeSet::new();
    let mut function = "";
    for line in text.lines().map(str::trim) {
        if let Some(rest) = ["function ", "def ", "fn "].iter().find_map(|word| line.strip_prefix(word)) {
            function = rest.split([' ', ';', '[', '{', '(']).next().unwrap_or_default();
        }
        let runs =
            words(line).into_iter().any(|word| ["$argv", "$@", "$*", "$args"].iter().any(|all| word.starts_with(all)));
        if runs && !function.is_empty() {
            functions.insert(function);
        }
    }
    let variables = variables(text);
    let mut found = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        for (first, behind) in commands(line) {
            let word = if functions.contains(first) { behind } else { first };
            // `$tool`, `$tools[2]`, `$tools(2)`, `(external $tool)`: any of its words.
            let name = word.strip_prefix('$').map(|name| name.split(['[', '(']).next().unwrap_or(name));
            let values = name.and_then(|name| variables.get(name)).map_or(&[][..], Vec::as_slice);
            for word in values.iter().copied().chain([word]) {
                let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
                if !word.is_empty() && word.chars().all(plain) && !is_builtin(word, Dialect::Posix) {
                    found.push((number, Call::Program(word.to_owned())));
                }
            }
        }
    }
    found
}

/// Most words of one variable.
const MOST: usize = 32;

/// The words that variables are set to: `set t tac` of fish, `set t = (rev tac)` of csh, `t=(rev tac)` of rc, `var t = tac`.
fn variables(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().flat_map(|line| line.split(';')).map(str::trim) {
        let sets = ["set ", "let ", "var ", "const ", "setenv "].iter().find_map(|word| line.strip_prefix(word));
        if sets.is_none() && !line.contains('=') {
            continue;
        }
        let words = sets.unwrap_or(line).split([' ', '=', '(', ')', '[', ']', ',', '"', '\'']);
        let mut words = words.filter(|word| !word.is_empty() && !word.starts_with('-'));
        if let Some(name) = words.next() {
            let values = found.entry(name).or_default();
            values.extend(words.take(MOST.saturating_sub(values.len())));
        }
    }
    found
}

/// The words that begin the commands of a line.
fn words(line: &str) -> Vec<&str> {
    commands(line).into_iter().map(|(first, _)| first).collect()
}

/// The first two words of each command of a line.
fn commands(line: &str) -> Vec<(&str, &str)> {
    let (mut begin, mut quote, mut pieces, mut before) = (0, None, Vec::new(), ' ');
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some('"'), '(') | (None, ';' | '|' | '&' | '(' | ')' | '`' | '{' | '}') => {
                pieces.extend(line.get(begin..at));
                begin = at + 1;
            }
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before.is_whitespace() => {
                pieces.extend(line.get(begin..at));
                begin = line.len();
                break;
            }
            _ => {}
        }
        before = c;
    }
    pieces.extend(line.get(begin..));
    let mut found = Vec::new();
    for piece in pieces {
        let mut words = piece.split_whitespace().skip_while(|word| BEFORE.contains(word));
        let first = words.next().unwrap_or_default();
        found.push((first, words.next().unwrap_or_default()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Call, programs};

    #[test]
    fn of_fish_csh_and_rc() {
        let all = |text: &str| -> Vec<String> {
            let show = |(line, call): (u32, Call)| match call {
                Call::Program(name) | Call::Code(name) | Call::Line(name) => format!("{line} {name}"),
            };
            programs(text).into_iter().map(show).collect()
        };
        let fish = "function go\n  $argv\nend\ngo tac x\nset n (nproc)\nif not rev x | sort -r; and nl y\n  echo 'no; cut' # paste\nend\n";
        assert_eq!(all(fish), ["1 function", "3 end", "4 tac", "5 nproc", "6 rev", "6 sort", "6 nl", "8 end"]);
        for text in ["set t tac; $t x", "set t = (nl tac)\n$t[2] x", "t=(nl tac)\n$t(2) x", "var t = tac\n$t x"] {
            assert!(all(text).iter().any(|one| one.ends_with(" tac")), "{text}: {:?}", all(text));
        }
        let csh = "set n = `nproc`\nif ( -e x ) then\n  tac x\nendif\nforeach f (a b)\n  rev $f && $no\nend\n";
        assert!(
            ["1 nproc", "3 tac", "6 rev"].iter().all(|one| all(csh).contains(&(*one).to_owned())),
            "{:?}",
            all(csh)
        );
    }
}
