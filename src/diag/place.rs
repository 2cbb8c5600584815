//! A place in a file that a person wrote: path, line, column, and the line itself with a mark below the word in
//! question.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::escape;

/// Longest part of a line that is shown, in characters.
const WIDEST: usize = 100;
/// Bytes of a line before and behind the mark that are looked at: a character is four bytes at most.
const NEAR: usize = 4 * (WIDEST + 1);
/// What is shown in front of the mark when the line is cut.
const BEFORE: usize = 40;

/// A text with the path that it was read from.
#[derive(PartialEq, Eq)]
pub(crate) struct Source {
    path: String,
    text: String,
    /// The beginnings of lines, and in a long line a mark for every [`STEP`] bytes, in order.
    marks: Vec<Mark>,
}

/// A byte with its 1-based line and column, and the byte at which the line begins.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    at: usize,
    line: usize,
    column: usize,
    begin: usize,
}

/// Bytes of a line between two marks: so many are counted for one place, however long the line.
const STEP: usize = 1024;

impl Source {
    /// A text, by the path that the user gave.
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let mut marks = Vec::new();
        let mut begin = 0;
        for (number, line) in text.split('\n').enumerate() {
            let mark = |at: usize, column| Mark { at: begin + at, line: number + 1, column, begin };
            marks.push(mark(0, 1));
            let mut next = STEP;
            for (column, (at, _)) in line.char_indices().enumerate() {
                if at >= next {
                    marks.push(mark(at, column + 1));
                    next = at + STEP;
                }
            }
            begin += line.len() + 1;
        }
        Arc::new(Self { path: path.into(), text, marks })
    }

    /// 1-based line and column, in characters, of a byte.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let Some(mark) = self.mark(offset) else { return (1, 1) };
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        (mark.line, mark.column + self.text.get(mark.at..end).map_or(0, |part| part.chars().count()))
    }

    fn mark(&self, offset: usize) -> Option<Mark> {
        let behind = self.marks.partition_point(|mark| mark.at <= offset);
        self.marks.get(behind.saturating_sub(1)).copied()
    }
}

/// A place in a text. Two places are equal when they print alike.
#[derive(Clone)]
pub struct Place {
    source: Arc<Source>,
    line: usize,
    column: usize,
    /// The bytes that are meant; empty when only the beginning is known.
    span: Range<usize>,
}

impl Place {
    /// A place in a text that is not at hand: 1-based line and column, in characters.
    #[must_use]
    pub fn new(path: &str, line: usize, column: usize) -> Self {
        Self { source: Source::new(path, ""), line, column, span: 0..0 }
    }

    /// The place of a span of bytes.
    pub(crate) fn of(source: &Arc<Source>, span: Range<usize>) -> Self {
        let (line, column) = source.position(span.start);
        Self { source: Arc::clone(source), line, column, span }
    }

    /// Path as the user gave it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.source.path
    }

    /// 1-based line.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// 1-based column, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The line with its number, and below it a mark under what is meant; nothing when the text is not at hand.
    pub(crate) fn excerpt(&self) -> Vec<String> {
        let text = &self.source.text;
        let start = self.span.start;
        if text.is_empty() || !text.is_char_boundary(start) {
            return Vec::new();
        }
        // No more of a long line than can be shown.
        let line = self.source.mark(start).map_or(0, |mark| mark.begin);
        let mut begin = line.max(start.saturating_sub(NEAR)).min(start);
        while !text.is_char_boundary(begin) {
            begin += 1;
        }
        let mut end = text.len().min(start + NEAR);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let near = text.get(begin..end).unwrap_or_default().split('\n').next().unwrap_or_default();
        let near = near.strip_suffix('\r').unwrap_or(near);
        let (shown, at, width) = cut(near, begin > line, start - begin..self.span.end.max(start) - begin);
        let number = self.line.to_string();
        let blank = " ".repeat(number.len());
        let gap = " ".repeat(at);
        vec![format!("{number} | {shown}"), format!("{blank} | {gap}{}", "^".repeat(width.max(1)))]
    }
}

/// The part of a line that is shown, where in it the marked bytes begin, and how wide they are, in characters. `inside`: the
/// line goes on before what is given.
fn cut(line: &str, inside: bool, marked: Range<usize>) -> (String, usize, usize) {
    let first = line.char_indices().take_while(|&(at, _)| at < marked.start).count();
    let short = !inside && line.chars().nth(WIDEST).is_none();
    let skipped = if short { 0 } else { first.saturating_sub(BEFORE) };
    let mut shown = if skipped > 0 || inside { "…".to_owned() } else { String::new() };
    let mut length = shown.chars().count();
    let (mut at, mut width) = (None, 0);
    for (count, (byte, c)) in line.char_indices().skip(skipped).enumerate() {
        if count == WIDEST {
            shown.push('…');
            break;
        }
        if byte >= marked.start {
            at.get_or_insert(length);
        }
        let part = if c == '\t' { "    ".to_owned() } else { escape::line(c.encode_utf8(&mut [0; 4]).as_bytes()) };
        let wide = part.chars().count();
        if marked.contains(&byte) {
            width += wide;
        }
        shown.push_str(&part);
        length += wide;
    }
    (shown, at.unwrap_or(length), width)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", escape::escaped(self.path().as_bytes()), self.line, self.column)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.path(), self.line, self.column).cmp(&(other.path(), other.line, other.column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, span: Range<usize>) -> Vec<String> {
        let before = if text.is_empty() { String::new() } else { "#\n".repeat(11) };
        let source = Source::new("harden.toml", format!("{before}{text}"));
        Place::of(&source, span.start + before.len()..span.end + before.len()).excerpt()
    }

    #[test]
    fn the_line_is_shown_with_a_mark_below_what_is_meant() {
        assert_eq!(excerpt("[keep]\nusers = [\"x\"]\n", 16..19), ["13 | users = [\"x\"]", "   |          ^^^"]);
        // A value that goes on behind its line is marked up to the end of the line.
        assert_eq!(excerpt("a = [\r\n1,\r\n]\r\n", 4..12), ["12 | a = [", "   |     ^"]);
        // The end of the text, and behind it.
        assert_eq!(excerpt("a =", 3..3), ["12 | a =", "   |    ^"]);
        assert!(excerpt("a =", 7..9).is_empty() && excerpt("", 0..0).is_empty());
    }

    #[test]
    fn what_is_shown_forges_nothing_and_the_mark_stays_in_place() {
        assert_eq!(excerpt("a\t= '\x1b[31m'", 4..11), ["12 | a    = '\\u{1b}[31m'", "   |        ^^^^^^^^^^^^"]);
        assert_eq!(excerpt("ü = \"\u{202e}é\"", 5..12), ["12 | ü = \"\\u{202e}é\"", "   |     ^^^^^^^^^^^"]);
    }

    #[test]
    fn places_in_a_long_line_are_counted_right_and_in_no_time() {
        let text = format!("a\n{}\nb", "é,".repeat(100_000));
        let source = Source::new("x", text.clone());
        let begin = std::time::Instant::now();
        for (number, (at, c)) in text.char_indices().enumerate() {
            let expected = if at < 2 {
                (1, number + 1)
            } else if number < 200_003 {
                (2, number - 1)
            } else {
                (3, number - 200_002)
            };
            assert_eq!(source.position(at), expected, "{at} {c:?}");
            if number % 50 == 0 {
                assert_eq!(Place::of(&source, at..at + 1).excerpt().len(), 2);
            }
        }
        assert!(begin.elapsed().as_secs() < 30);
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("{} = \"{}\"", "k".repeat(300), "v".repeat(300));
        let lines = excerpt(&text, 303..605);
        let [line, mark] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(line.starts_with("12 | …kkk") && line.ends_with("vvv…") && line.chars().count() < 110, "{line}");
        assert_eq!(mark.find('^').and_then(|at| line.chars().nth(at)), Some('"'), "{line}\n{mark}");
        let text = format!("a = \"{}\"", "v".repeat(3000));
        assert!(excerpt(&text, 4..3006).iter().all(|line| line.chars().count() < 110));
    }
}
