//! The functions that a script defines, with their parameters.

use super::text::{LONGEST, head, last_name, pieces, tail};
use super::{Language, is_name};

/// Most bytes of the parameters of a lambda that are looked at.
const LONGEST_LAMBDA: usize = 100;

/// One function's definition.
#[derive(Debug)]
pub(super) struct Definition {
    pub at: usize,
    pub name: String,
    pub parameters: Vec<String>,
}

/// The functions of a script with their parameters, in order of appearance.
pub(super) fn definitions(text: &str, language: Language) -> Vec<Definition> {
    let keyword = match language {
        Language::Python | Language::Ruby => "def",
        Language::Perl => "sub",
        _ => "function",
    };
    let mut found = Vec::new();
    for (at, _) in text.match_indices(keyword) {
        let (begin, rest) = (text.get(..at).unwrap_or_default(), text.get(at + keyword.len()..).unwrap_or_default());
        if begin.ends_with(is_name) || rest.starts_with(is_name) {
            continue;
        }
        let end = rest.find(['(', '\n', '{', ';']).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        let mut name = last_name(head.split('=').next_back().unwrap_or_default());
        let mut parameters = Vec::new();
        if let Some(inside) = tail.strip_prefix('(') {
            parameters = pieces(inside, true);
        } else if let Some((first, bare)) = head.trim().split_once(' ').filter(|_| language == Language::Ruby) {
            name = last_name(first);
            parameters = pieces(bare, false);
        }
        let mut parameters: Vec<String> = parameters.into_iter().map(parameter).collect();
        if parameters.first().is_some_and(|first| matches!(first.as_str(), "self" | "cls")) {
            parameters.remove(0);
        }
        if language == Language::Perl {
            parameters.extend(taken(tail).into_iter().skip(parameters.len()));
        }
        let name = match name {
            "" => assigned_to(begin),
            "__init__" | "initialize" | "__construct" => class_of(begin),
            name => name,
        };
        found.push(Definition { at, name: name.to_owned(), parameters });
    }
    if language == Language::JavaScript {
        arrows(text, &mut found);
    }
    if language == Language::Python {
        for (at, _) in text.match_indices("lambda ") {
            let parameters =
                text.get(at + 7..).and_then(|rest| head(rest, LONGEST_LAMBDA).split(':').next()).unwrap_or_default();
            let parameters = pieces(parameters, true).into_iter().map(parameter).collect();
            found.push(Definition { at, name: assigned_to(text.get(..at).unwrap_or_default()).to_owned(), parameters });
        }
    }
    found.retain(|definition| !definition.name.is_empty());
    found.sort_unstable_by_key(|definition| definition.at);
    found
}

/// `run = (cmd) => …` and the methods `run(cmd) {` of JavaScript.
fn arrows(text: &str, found: &mut Vec<Definition>) {
    for (at, _) in text.match_indices("=>") {
        let begin = text.get(..at).unwrap_or_default().trim_end();
        let (before, inside) = match begin.strip_suffix(')') {
            Some(list) => match tail(list).rsplit_once('(') {
                Some((_, inside)) => (list.get(..list.len() - inside.len() - 1).unwrap_or_default(), inside),
                None => continue,
            },
            None => {
                let name = last_name(begin);
                begin.split_at(begin.len() - name.len())
            }
        };
        let before = before.trim_end();
        let name = assigned_to(before.strip_suffix("async").unwrap_or(before));
        let parameters = pieces(inside, true).into_iter().map(parameter).collect();
        found.push(Definition { at: before.len(), name: name.to_owned(), parameters });
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let head = line.trim().trim_start_matches("static ").trim_start_matches("async ");
        if let Some((name, inside)) = head.split_once('(').filter(|(_, inside)| opens_body(inside))
            && !name.is_empty()
            && name.chars().all(is_name)
            && !matches!(name, "if" | "for" | "while" | "switch" | "catch" | "function")
        {
            let parameters = pieces(inside, true).into_iter().map(parameter).collect();
            let name = if name == "constructor" { class_of(text.get(..at).unwrap_or_default()) } else { name };
            found.push(Definition { at, name: name.to_owned(), parameters });
        }
        at += line.len();
    }
}

/// Whether a body begins behind the parenthesis that closes this list.
fn opens_body(inside: &str) -> bool {
    let inside = head(inside, LONGEST);
    let mut depth = 0_usize;
    let closing = inside.bytes().position(|byte| {
        let closes = byte == b')' && depth == 0;
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        closes
    });
    closing.and_then(|at| inside.get(at + 1..)).is_some_and(|behind| behind.trim_start().starts_with('{'))
}

/// The class that the end of a text stands in: a call of its name is one of its constructor.
fn class_of(begin: &str) -> &str {
    let begin = tail(begin);
    let behind = begin.rfind("class ").and_then(|at| begin.get(at + 6..)).unwrap_or_default();
    behind.split(|c| !is_name(c)).next().unwrap_or_default()
}

/// The name of a parameter: `*cmd`, `...cmd`, `$cmd = 'x'`, `string $cmd`, `cmd: str`.
fn parameter(piece: &str) -> String {
    let piece = piece.split('=').next().unwrap_or_default();
    let piece = match piece.split_once(':') {
        Some((name, _)) => name,
        None => piece.trim().rsplit(char::is_whitespace).next().unwrap_or_default(),
    };
    piece.trim().trim_start_matches(|c| !is_name(c)).to_owned()
}

/// What a function of Perl takes: `my ($a, @b) = @_;`, `my $a = shift;`, or `@_` itself.
fn taken(body: &str) -> Vec<String> {
    let body: String = body.chars().take(300).collect();
    let list = body.split_once(") = @_").and_then(|(begin, _)| begin.rsplit_once('('));
    if let Some((_, list)) = list {
        return pieces(list, true).into_iter().map(parameter).collect();
    }
    let shifted = body.split(';').filter(|line| line.contains("shift") && line.contains('='));
    let mut found: Vec<String> =
        shifted.map(|line| last_name(line.split('=').next().unwrap_or_default().trim_end()).to_owned()).collect();
    if found.is_empty() {
        found.push(if body.contains("@_") || body.contains("$_[") { "_" } else { "shift" }.to_owned());
    }
    found
}

/// The name in front of a sign of assignment.
fn assigned_to(begin: &str) -> &str {
    let begin = begin.trim_end();
    let before = ["<-", "=", ":"].iter().find_map(|sign| begin.strip_suffix(sign));
    before.map_or("", |before| last_name(before.trim_end()))
}
