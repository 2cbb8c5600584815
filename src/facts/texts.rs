//! Texts in the bytes of a program that show which programs it may start and which names it may look up: whole paths,
//! command lines, names.
//!
//! One pass for all of them. This module knows no tree: the closure decides whether a path or a word is a program.

use std::collections::BTreeSet;

use super::program::LONGEST;

/// Most texts of one kind that one file can have; the largest known programs hold some hundred.
const MOST: usize = 4096;

/// The texts of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    /// Absolute paths: `/usr/bin/doveconf`.
    pub paths: BTreeSet<Vec<u8>>,
    /// Ends of paths that begin with a directory filled in: `bin/R` of `%s/bin/R`.
    pub ends: BTreeSet<Vec<u8>>,
    /// Command lines, with the first words of longer ones: `rm -rf %s/files.db`.
    pub lines: BTreeSet<Vec<u8>>,
    /// Those of the names asked for that are there.
    pub names: BTreeSet<Vec<u8>>,
}

impl Texts {
    /// Take what a piece of the file holds. A text ends with a NUL on both sides, so that no part of another one is taken;
    /// of a command line the beginning is enough.
    pub(crate) fn collect(&mut self, piece: &[u8], names: &BTreeSet<Vec<u8>>) {
        let mut texts = piece.split(|&b| b == 0).skip(1).peekable();
        while let Some(text) = texts.next() {
            let Some(&first) = text.first() else { continue };
            // Whatever is cut off at the end of a piece goes on in the next one.
            let whole = texts.peek().is_some() && text.len() <= LONGEST;
            if !whole && text.len() < LONGEST {
                continue;
            }
            match first {
                b'/' if whole && is_path(text) => insert(&mut self.paths, text),
                b'%' if whole => {
                    if let Some(end) = text.strip_prefix(b"%s/").filter(|end| !end.is_empty() && is_path(end)) {
                        insert(&mut self.ends, end);
                    }
                }
                b'/' | b'a'..=b'z' | b'_' => {
                    if whole && names.contains(text) {
                        insert(&mut self.names, text);
                    }
                    let beginning = text.get(..LONGEST).unwrap_or(text);
                    if command(beginning).is_some() {
                        insert(&mut self.lines, beginning);
                    }
                }
                b'A'..=b'Z' | b'0'..=b'9' if whole && names.contains(text) => insert(&mut self.names, text),
                _ => {}
            }
        }
    }
}

fn insert(into: &mut BTreeSet<Vec<u8>>, text: &[u8]) {
    if into.len() < MOST {
        into.insert(text.to_vec());
    }
}

/// Printable, and nothing in it that has a meaning to printf(3) or a shell.
fn is_path(text: &[u8]) -> bool {
    text.iter().all(|&b| b.is_ascii_graphic() && !b"%$*?;|&<>()'\"`\\".contains(&b))
}

/// The program that a text starts if it is a command line. Sentences begin with a word that may be a program's name too:
/// `chown %s: %m`, `file not found`. So the word behind it is an option, the line begins with `exec`, a redirection or
/// another command stands in it, or the program has a whole path.
pub(crate) fn command(line: &[u8]) -> Option<&[u8]> {
    if !line.contains(&b' ') || !line.iter().all(|&b| b.is_ascii_graphic() || b == b' ') {
        return None;
    }
    let text = line.strip_prefix(b"exec ");
    let mut words = text.unwrap_or(line).split(|&b| b == b' ');
    let program = words.next()?;
    let second = words.next().unwrap_or_default();
    let named = |b: &u8| b.is_ascii_alphanumeric() || b"/._+-".contains(b);
    if program.is_empty() || !program.iter().all(named) {
        return None;
    }
    let argument = matches!(second.first(), Some(b'-' | b'%' | b'/' | b'"' | b'\'' | b'$'));
    // `gzip < %s`, and not the comparison `cc < MAXCOL`.
    let third = words.next().unwrap_or_default();
    let argument = argument
        || (matches!(second, b">" | b"<" | b">>") && matches!(third.first(), Some(b'%' | b'/' | b'"' | b'\'')));
    let option = matches!(second, [b'-', first, ..] if first.is_ascii_alphabetic());
    // A sentence or a table of options, whatever it begins with.
    let sentence = [&b" is "[..], b" the ", b" not ", b" be ", b" are ", b" was "];
    let sentence = sentence.iter().any(|word| line.windows(word.len()).any(|part| part == *word));
    let prose = sentence
        || line.windows(2).any(|two| matches!(two, b": " | b", " | b". " | b"  " | b"==" | b"!=" | b"->" | b"()"))
        || line.ends_with(b":");
    let shell = [&b" > "[..], b" >> ", b" 2>", b" >/", b" < ", b" | ", b" && ", b" || ", b"; "];
    let shell = shell.iter().any(|sign| line.windows(sign.len()).any(|part| part == *sign));
    let is = text.is_some() || (!prose && (option || (argument && (shell || program.first() == Some(&b'/')))));
    is.then_some(program)
}

#[cfg(test)]
mod tests {
    use super::{Texts, command};
    use crate::facts::program::LONGEST;
    use std::collections::BTreeSet;

    fn collect(piece: &[u8]) -> Texts {
        let mut texts = Texts::default();
        texts.collect(piece, &BTreeSet::from([b"nobody".to_vec(), b"vcache".to_vec()]));
        texts
    }

    fn shown(found: &BTreeSet<Vec<u8>>) -> Vec<String> {
        found.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    #[test]
    fn whole_texts_are_found_and_parts_are_not() {
        let found = collect(
            b"ELF\0/usr/bin/pr\0x/bin/sh\0/bin/cat -n\0/etc/passwd\0\0%s/bin/R\0%s/%d\0nobody\0xnobody\0rm -rf x\0vcache",
        );
        assert_eq!(shown(&found.paths), ["/etc/passwd", "/usr/bin/pr"]);
        assert_eq!(shown(&found.ends), ["bin/R"]);
        assert_eq!(shown(&found.lines), ["/bin/cat -n", "rm -rf x"]);
        assert_eq!(shown(&found.names), ["nobody"]);
    }

    #[test]
    fn the_beginning_of_a_long_command_line_is_enough() {
        let line = format!("\0exec gcc {}", "-O2 ".repeat(200));
        assert_eq!(shown(&collect(line.as_bytes()).lines), [line[1..=LONGEST].to_owned()]);
    }

    #[test]
    fn command_lines_are_told_from_sentences() {
        for (line, program) in [
            ("rm -rf vmod_cache", "rm"),
            ("rm -rf %s/files.db %s/art_cache", "rm"),
            ("exec x86_64-linux-gnu-gcc -g -O2 -Wl,-x -o %o %s", "x86_64-linux-gnu-gcc"),
            ("/usr/sbin/sendmail -t -i", "/usr/sbin/sendmail"),
            ("/bin/login '%s'", "/bin/login"),
            ("gzip < %s > %s", "gzip"),
            ("ps %s 2>/dev/null", "ps"),
        ] {
            assert_eq!(command(line.as_bytes()), Some(program.as_bytes()), "{line}");
        }
        for line in [
            "chown %s: %m",
            "file not found",
            "mkdir %s failed",
            "rm",
            "/bin/login",
            "/bin/mount failed",
            "stat -c: no such option",
            "ls -l  list",
            "touch (file)",
            "cc < MAXCOL",
            "ssh-keygen -Y verify is needed",
            "nl > 0 && ptr->len",
            "timeout >= 0",
            "ls -l\n",
        ] {
            assert_eq!(command(line.as_bytes()), None, "{line}");
        }
    }
}
