//! Names of an untrusted image made safe to print: no escape sequence, line break or bidi control gets through.

use std::fmt::Write as _;

/// The bytes in single quotes, everything that could forge output escaped.
#[must_use]
pub(crate) fn quoted(bytes: &[u8]) -> String {
    format!("'{}'", escaped(bytes))
}

/// The bytes with everything that could forge output escaped: control characters, invalid UTF-8, bidi and
/// invisible characters, the quote and the backslash.
#[must_use]
pub fn escaped(bytes: &[u8]) -> String {
    escape(bytes, &['\\', '\''])
}

/// The first ones of a list, and how many more there are: `'a', 'b' and 3 more`.
#[must_use]
pub(crate) fn first<T>(list: &[T], most: usize, show: impl FnMut(&T) -> String) -> String {
    let shown = list.iter().take(most).map(show).collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// As [`quoted`], for text of the user's: what is long is cut.
#[must_use]
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("'{}…'", escaped(text.get(..end).unwrap_or_default().as_bytes())),
        None => quoted(text.as_bytes()),
    }
}

/// UTF-8 as it is, since JSON escapes it; anything else with `\xNN`.
pub(crate) fn printable(path: &[u8]) -> String {
    std::str::from_utf8(path).map_or_else(|_| escaped(path), str::to_owned)
}

/// A line of a program's output: as [`escaped`], but tabs, quotes and backslashes, which are common there, stay.
#[must_use]
pub(crate) fn line(bytes: &[u8]) -> String {
    escape(bytes, &[])
}

/// A string in double quotes that TOML ("Basic string") and YAML (1.2.2 §5.7) read alike; what is not shown is escaped,
/// so that what is printed is what is meant.
#[must_use]
pub(crate) fn basic_string(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn escape(bytes: &[u8], special: &[char]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' if special.is_empty() => out.push('\t'),
                '\t' => out.push_str("\\t"),
                c if special.contains(&c) => out.extend(['\\', c]),
                c if is_unsafe(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Whether a character changes how its neighbours are shown, or is not shown at all (Unicode TR36, TR9).
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
        | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::{basic_string, quote, quoted};

    #[test]
    fn long_text_is_cut() {
        assert_eq!(quote("größe"), "'größe'");
        assert_eq!(quote(&"ü".repeat(5000)), format!("'{}…'", "ü".repeat(200)));
    }

    #[test]
    fn nothing_forges_a_line_or_a_colour() {
        assert_eq!(quoted(b"/a\nb\x1b[31m\\'\xff"), r"'/a\nb\u{1b}[31m\\\'\xff'");
        assert_eq!(basic_string("/a\n\"\\\u{202e}é"), r#""/a\n\"\\\U0000202Eé""#);
        assert_eq!(quoted("/x\u{202e}txt\u{200b}é".as_bytes()), "'/x\\u{202e}txt\\u{200b}é'");
    }
}
