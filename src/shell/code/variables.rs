//! Variables that hold literal text, and words made of them: `"$BINDIR/postgres"`, `. "$(dirname "$0")/lib.sh"`.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::super::lexer::{Token, Word};

/// Variables inside variables are followed this deep.
const DEEPEST: usize = 4;

/// Bytes of an array that are followed.
const LONGEST: usize = 4096;

/// Values of one word that are followed; a loop over more is data.
const MOST: usize = 32;

/// Values that are looked at in one script, so that variables made of variables end.
const STEPS: u32 = 1 << 20;

/// What variables may hold.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// Path of the script that is being read.
    pub(super) script: String,
    values: BTreeMap<String, Vec<Value>>,
    steps: Cell<u32>,
}

#[derive(Debug, Clone)]
struct Value {
    text: String,
    expands: bool,
    looks_for: Option<String>,
}

impl Variables {
    pub(super) fn assign(&mut self, name: &str, word: Word) {
        // The directory of the script is one of its own file: bound now, for other files come later.
        let expands = word.expands;
        let text = if expands { self.with_own_directory(&word.text) } else { word.text };
        let known = self.values.entry(name.to_owned()).or_default();
        if known.len() < MOST && !known.iter().any(|value| value.text == text) {
            known.push(Value { text, expands, looks_for: word.looks_for });
        }
    }

    /// All words of an array: `NAME=(…)`, or with `more` `NAME+=(…)`. They are held as code under the name `NAME[@]`.
    pub(super) fn assign_all(&mut self, name: &str, words: &[Token], more: bool) {
        let words: Vec<&Word> =
            words.iter().filter_map(|token| if let Token::Word(word) = token { Some(word) } else { None }).collect();
        // One of them each, for `${NAME[$i]}`: which one, the shells count differently.
        for word in &words {
            let text = word.text.strip_prefix('[').and_then(|rest| rest.split_once("]=")).map(|(_, text)| text);
            let text = text.unwrap_or(&word.text).to_owned();
            self.assign(&format!("{name}[]"), Word { text, expands: word.expands, ..Word::default() });
        }
        let quoted =
            words.iter().map(|word| if word.expands { word.text.clone() } else { super::super::quoted(&word.text) });
        let text = quoted.collect::<Vec<_>>().join(" ");
        let known = self.values.entry(format!("{name}[@]")).or_default();
        if more && let Some(last) = known.last_mut() {
            if last.text.len() < LONGEST {
                last.text.extend([" ", &text]);
            }
        } else if known.len() < MOST {
            known.push(Value { text, expands: false, looks_for: None });
        }
    }

    /// Whether an unquoted word may expand to nothing, so that the word behind it runs: `${DEBUG:+strace}`, or a variable
    /// that is empty somewhere.
    pub(super) fn may_be_empty(&self, word: &Word) -> bool {
        let Some(rest) = word.text.strip_prefix('$') else { return false };
        let inner = rest.strip_prefix('{').map_or(rest, |rest| rest.strip_suffix('}').unwrap_or(rest));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, operation) = inner.split_at(inner.find(|c| !is_name(c)).unwrap_or(inner.len()));
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return false;
        }
        let empty = || self.values.get(name).is_some_and(|values| values.iter().any(|value| value.text.is_empty()));
        match operation {
            "" => empty(),
            ":-" | "-" => true,
            _ => operation.starts_with(":+") || operation.starts_with('+'),
        }
    }

    /// `${NAME:=value}` and `${NAME=value}`.
    pub(super) fn default_of(&mut self, text: &str) {
        let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        if let Some((name, value)) = inner.and_then(|inner| inner.split_once('=')) {
            let text = value.trim_matches(['"', '\'']).to_owned();
            let word = Word { expands: text.contains('$'), text, ..Word::default() };
            self.assign(name.trim_end_matches(':'), word);
        }
    }

    /// Whether a word is a variable that was set from an argument: the command line says what it is.
    pub(super) fn holds_argument(&self, word: &Word) -> bool {
        let name = normal(&word.text);
        let values = name.strip_prefix('$').and_then(|name| self.values.get(name));
        values.is_some_and(|values| values.iter().any(|value| super::is_argument(&value.text)))
    }

    /// What a word may be; nothing when only the running shell knows.
    pub(super) fn values(&self, word: &Word) -> Vec<String> {
        let value = Value { text: word.text.clone(), expands: word.expands, looks_for: word.looks_for.clone() };
        self.of(&value, 0)
    }

    /// The path, or list of paths, that a word is, with directories that only the running shell knows: `$APP_HOME/lib/x.jar`.
    pub(super) fn path_of(&self, word: &Word) -> Option<String> {
        let mut text = word.text.clone();
        for _ in 0..DEEPEST {
            let Some(more) = self.written(&text) else { break };
            text = more;
        }
        text.contains('/').then_some(text)
    }

    /// A list of paths with what their first variables are written as, where that is a path or a list.
    fn written(&self, text: &str) -> Option<String> {
        let (mut parts, mut any) = (Vec::new(), false);
        for part in text.split(':') {
            let (variable, rest) = part.split_at(part.find('/').unwrap_or(part.len()));
            let own = normal(variable);
            let values = own.strip_prefix('$').and_then(|name| self.values.get(name));
            let values = values.map(Vec::as_slice).unwrap_or_default().iter();
            let known =
                values.map(|value| value.text.as_str()).find(|text| text.contains('/') && !text.contains(['(', '`']));
            any |= known.is_some();
            parts.push(format!("{}{rest}", known.unwrap_or(variable)));
        }
        let found = parts.join(":");
        (any && found.len() < LONGEST).then_some(found)
    }

    /// The directories of all values of PATH, but for what `$PATH` held before.
    pub(super) fn path(&self) -> Vec<String> {
        let values = self.values.get("PATH").map(Vec::as_slice).unwrap_or_default();
        let parts = values.iter().flat_map(|value| value.text.split(':'));
        let values = parts.flat_map(|part| {
            self.of(&Value { text: part.to_owned(), expands: part.contains('$'), looks_for: None }, 0)
        });
        values.filter(|directory| directory.starts_with('/')).collect()
    }

    fn of(&self, value: &Value, depth: usize) -> Vec<String> {
        if !value.expands {
            return vec![value.text.clone()];
        }
        let text = self.with_own_directory(&value.text);
        let Some(at) = text.find(['$', '`']) else { return vec![text] };
        self.steps.set(self.steps.get().saturating_add(1));
        if depth > DEEPEST || self.steps.get() > STEPS {
            return Vec::new();
        }
        let (before, rest) = text.split_at(at);
        let Some((middle, after)) = self.expansion(rest, depth) else {
            let whole = before.is_empty().then(|| value.looks_for.clone()).flatten();
            return whole.into_iter().collect();
        };
        let expands = after.contains(['$', '`']);
        let after = self.of(&Value { text: after.to_owned(), expands, looks_for: None }, depth + 1);
        let mut all = Vec::new();
        for middle in &middle {
            for after in after.iter().take(MOST.saturating_sub(all.len())) {
                all.push(format!("{before}{middle}{after}"));
            }
        }
        all
    }

    /// What the expansion at the beginning of a text may be, and the text behind it.
    fn expansion<'t>(&self, text: &'t str, depth: usize) -> Option<(Vec<String>, &'t str)> {
        let rest = text.strip_prefix('$')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let Some(braced) = rest.strip_prefix('{') else {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            // `$NAME[1]` of zsh.
            if let Some((_, after)) = after.strip_prefix('[').and_then(|rest| rest.split_once(']'))
                && self.values.contains_key(&format!("{name}[]"))
            {
                return Some((self.elements(name, depth), after));
            }
            return (!name.is_empty()).then(|| (self.of_name(name, depth), after));
        };
        let (inner, after) = braced.split_once('}')?;
        let length = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
        let (name, operation) = inner.split_at(length);
        let mut values = self.of_name(name, depth);
        let default = [":-", ":=", "-", "="].iter().find_map(|operator| operation.strip_prefix(operator));
        match (operation, default) {
            ("[@]" | "[*]", _) => {
                let all = self.of_name(&format!("{name}[@]"), depth);
                values = if all.is_empty() { values } else { all };
            }
            ("", _) => {}
            (subscript, _) if subscript.starts_with('[') && subscript.ends_with(']') => {
                values = self.elements(name, depth);
            }
            // Set, or nothing.
            (operation, None) if operation.starts_with(":+") || operation.starts_with('+') => {
                let text = operation.trim_start_matches([':', '+']).trim_matches(['"', '\'']).to_owned();
                values = self.of(&Value { expands: text.contains('$'), text, looks_for: None }, depth + 1);
                values.push(String::new());
            }
            (_, Some(text)) => {
                let text = text.trim_matches(['"', '\'']).to_owned();
                values.extend(self.of(&Value { expands: text.contains('$'), text, looks_for: None }, depth + 1));
            }
            _ => return None,
        }
        Some((values, after))
    }

    /// What one element of an array may be.
    fn elements(&self, name: &str, depth: usize) -> Vec<String> {
        let mut found = self.of_name(&format!("{name}[]"), depth);
        found.extend(self.of_name(name, depth));
        found
    }

    fn of_name(&self, name: &str, depth: usize) -> Vec<String> {
        let values = self.values.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut found = Vec::new();
        for value in values {
            if found.len() < MOST {
                found.extend(self.of(value, depth + 1));
            }
        }
        found
    }

    /// The text with the spellings of the script's own directory replaced by that directory.
    fn with_own_directory(&self, text: &str) -> String {
        let directory = self.script.rsplit_once('/').map_or("", |(directory, _)| directory);
        if self.script.is_empty() {
            return text.to_owned();
        }
        for spelt in ["${0%/*}", "${BASH_SOURCE%/*}", "${BASH_SOURCE[0]%/*}"] {
            if let Some(rest) = text.strip_prefix(spelt) {
                return format!("{directory}{rest}");
            }
        }
        let end = if text.starts_with("$(") { closing(text) } else { None };
        match end.map(|end| text.split_at(end)) {
            Some((substitution, rest)) if is_own_directory(substitution) => format!("{directory}{rest}"),
            _ => text.to_owned(),
        }
    }
}

/// Where the `$(` at the beginning of a text ends.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// `$(dirname "$0")`, `$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)` and their like.
fn is_own_directory(text: &str) -> bool {
    const PARTS: [&str; 17] = [
        ">/dev/null",
        "2>&1",
        "readlink",
        "realpath",
        "dirname",
        "${BASH_SOURCE[0]}",
        "$BASH_SOURCE",
        "${BASH_SOURCE}",
        "${0}",
        "$0",
        "$(",
        "pwd",
        "&&",
        "cd",
        "--",
        "-f",
        "-P",
    ];
    let mut rest = text;
    while !rest.is_empty() {
        let short = rest.trim_start_matches([' ', '"', ')', ';']);
        let shorter = PARTS.iter().find_map(|part| short.strip_prefix(part)).unwrap_or(short);
        if shorter.len() == rest.len() {
            return false;
        }
        rest = shorter;
    }
    text.contains("dirname")
}

/// A variable spelt in one way: `$NAME` for `${NAME}`.
pub(super) fn normal(text: &str) -> String {
    match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_@*".contains(&b)) => format!("${name}"),
        _ => text.to_owned(),
    }
}
