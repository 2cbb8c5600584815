//! A place in a file that somebody wrote: path, line, column, and the line itself with a mark below what is meant.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::escape;

/// Longest part of a line that is shown, in characters.
const WIDEST: usize = 100;
/// What is shown in front of the mark when the line is cut.
const BEFORE: usize = 40;

/// A text with the path that it was read from.
#[derive(PartialEq, Eq)]
pub(crate) struct Source {
    path: String,
    text: String,
    /// Byte offsets of the beginnings of lines.
    lines: Vec<usize>,
}

impl Source {
    /// A text, by the path that the user gave.
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Arc::new(Self { path: path.into(), text, lines })
    }

    /// 1-based line and column, in characters, of a byte.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text.get(start..end).map_or(0, |part| part.chars().count());
        (line, column + 1)
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
        let Some(before) = text.get(..start).filter(|_| !text.is_empty()) else { return Vec::new() };
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(begin..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (shown, at, width) = cut(line, start - begin..self.span.end.max(start) - begin);
        let number = self.line.to_string();
        let blank = " ".repeat(number.len());
        let gap = " ".repeat(at);
        vec![format!("{number} | {shown}"), format!("{blank} | {gap}{}", "^".repeat(width.max(1)))]
    }
}

/// The part of a line that is shown, where in it the marked bytes begin, and how wide they are, in characters.
fn cut(line: &str, marked: Range<usize>) -> (String, usize, usize) {
    let first = line.char_indices().take_while(|&(at, _)| at < marked.start).count();
    let skipped = if line.chars().nth(WIDEST).is_none() { 0 } else { first.saturating_sub(BEFORE) };
    let mut shown = if skipped > 0 { "…".to_owned() } else { String::new() };
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
