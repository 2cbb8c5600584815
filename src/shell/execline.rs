//! execline: the first word of each block runs the next, so only words whose place is certain are named.
//!
//! Owns the quoting of <https://skarnet.org/software/execline/el_transform.html> as far as words and blocks go. A line
//! of its own begins a command by convention; words behind it on the same line are its arguments, but for the wrappers
//! that shells use too.

use super::lexer::Word;
use super::parser::SimpleCommand;
use super::wrappers::{Ran, starts};

/// The commands of a script: each line, and each block, begins one.
#[must_use]
pub fn commands(script: &str) -> Vec<SimpleCommand> {
    let mut done = Vec::new();
    let mut current: Vec<Word> = Vec::new();
    let (mut word, mut quoted, mut open) = (String::new(), false, false);
    let mut line = 1_u32;
    let mut chars = script.chars().peekable();
    let mut begin = 1_u32;
    while let Some(c) = chars.next() {
        let blank = matches!(c, ' ' | '\t' | '\r' | '\n');
        if open {
            match c {
                '"' => open = false,
                '\\' => word.extend(chars.next()),
                _ => word.push(c),
            }
        } else if c == '"' {
            (quoted, open) = (true, true);
        } else if c == '#' && word.is_empty() && !quoted {
            while chars.peek().is_some_and(|&c| c != '\n') {
                chars.next();
            }
        } else if c == '\\' {
            word.extend(chars.next().filter(|&c| c != '\n'));
        } else if !blank {
            word.push(c);
        }
        if (blank && !open) || chars.peek().is_none() {
            let brace = !quoted && matches!(word.as_str(), "{" | "}");
            if brace || (c == '\n' && word.is_empty()) {
                end(&mut done, &mut current);
            }
            if !brace && (quoted || !word.is_empty()) {
                let expands = word.contains('$');
                let text = std::mem::take(&mut word);
                // `s6-env NAME=value`.
                let name = text.split_once('=').map_or("", |(name, _)| name);
                let assignment = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                current.push(Word { text, line: begin, quoted, expands, assignment, ..Word::default() });
            }
            word.clear();
            quoted = false;
            if c == '\n' {
                end(&mut done, &mut current);
            }
        }
        if c == '\n' {
            line = line.saturating_add(1);
        }
        if word.is_empty() && !open {
            begin = line;
        }
    }
    end(&mut done, &mut current);
    done
}

/// Line and name of every program that is certain.
#[must_use]
pub fn programs(script: &str) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    for command in commands(script) {
        for ran in starts(&command.words) {
            match ran {
                Ran::Started(word) if !word.expands => found.push((word.line, word.text.clone())),
                Ran::Default(word, name) => found.push((word.line, name.to_owned())),
                _ => {}
            }
        }
    }
    found
}

fn end(done: &mut Vec<SimpleCommand>, current: &mut Vec<Word>) {
    let words = std::mem::take(current);
    if !words.is_empty() {
        done.push(SimpleCommand { words, ..SimpleCommand::default() });
    }
}
