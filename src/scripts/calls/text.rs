//! Pieces of a script's text. How much is looked at has limits, so that the time is linear in the length of the script.

use super::{Quotes, is_name};

/// Most bytes of the arguments of one call that are looked at.
pub(super) const LONGEST: usize = 2000;
/// Most functions and variables of one script that are followed.
pub(super) const MOST: usize = 256;

/// The pieces of a list in front of its end, by the commas between them.
pub(super) fn pieces(inside: &str, closed: bool) -> Vec<&str> {
    let inside = head(inside, LONGEST);
    let (mut found, mut begin, mut depth, mut skip) = (Vec::new(), 0, 0_usize, 0);
    let (mut end, mut quotes) = (inside.len(), Quotes::default());
    for (at, c) in inside.char_indices() {
        if at < skip {
            continue;
        }
        match c {
            '"' | '\'' | '`' => skip = at + quotes.literal(inside, at).0,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' | ']' | '}' => {
                end = at;
                break;
            }
            '\n' | ';' if !closed && depth == 0 => {
                end = at;
                break;
            }
            ',' if depth == 0 => {
                found.extend(inside.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.extend(inside.get(begin..end));
    found
}

/// The beginning of a text, so many bytes at most.
pub(super) fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    end.and_then(|at| text.get(..at)).unwrap_or_default()
}

/// The end of a text: what stands far away belongs to nothing here.
pub(super) fn tail(text: &str) -> &str {
    let begin = (text.len().saturating_sub(LONGEST)..=text.len()).find(|&at| text.is_char_boundary(at));
    begin.and_then(|at| text.get(at..)).unwrap_or_default()
}

/// The name at the end of a text.
pub(super) fn last_name(text: &str) -> &str {
    let text = text.trim_end();
    text.rsplit(|c| !is_name(c)).next().unwrap_or_default()
}
