//! Editors of dpkg's text files: they remove the entries that a predicate names, and keep every other byte.
//!
//! Each returns `None` if there is nothing to remove, so that an unchanged file is never written. They know the formats
//! (deb(5), dpkg(1), and lib/dpkg of dpkg 1.22 for formats without a page) and nothing of packages or trees.

use crate::facts::packages::dpkg::sum_path;
use crate::facts::packages::lines;

/// Asked of one path; whether it goes.
pub(super) type Goes<'a> = &'a mut dyn FnMut(&[u8]) -> bool;

/// A text without the lines that go; their line ends are not part of what is asked.
pub(super) fn without_lines(text: &[u8], goes: Goes<'_>) -> Option<Vec<u8>> {
    let mut left = Rest::of(text);
    for line in lines(text) {
        left.next(line.len(), goes(line.strip_suffix(b"\n").unwrap_or(line)));
    }
    left.end()
}

/// What stays of a text: pieces that stay side by side are copied in one go, and nothing is before the first one goes.
struct Rest<'a> {
    text: &'a [u8],
    left: Vec<u8>,
    /// Where the pieces begin that stay and are not copied yet, and where the last piece ends.
    from: usize,
    to: usize,
}

impl<'a> Rest<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, left: Vec::new(), from: 0, to: 0 }
    }

    /// The next piece, of that length, and whether it goes.
    fn next(&mut self, length: usize, goes: bool) {
        if goes {
            self.copy();
            self.from = self.to + length;
        }
        self.to += length;
    }

    fn copy(&mut self) {
        if self.left.capacity() == 0 {
            self.left.reserve_exact(self.text.len());
        }
        self.left.extend_from_slice(self.text.get(self.from..self.to).unwrap_or_default());
    }

    /// `None` when nothing went.
    fn end(mut self) -> Option<Vec<u8>> {
        if self.from == 0 {
            return None;
        }
        self.copy();
        Some(self.left)
    }
}

/// Lines of `md5sum  path`, the path relative to the root; asked with a slash before it.
pub(super) fn without_sums(text: &[u8], goes: Goes<'_>) -> Option<Vec<u8>> {
    let mut absolute = Vec::new();
    without_lines(text, &mut |line| {
        let Some(path) = sum_path(line) else { return false };
        absolute.clear();
        absolute.push(b'/');
        absolute.extend_from_slice(path);
        goes(&absolute)
    })
}

/// info/NAME.conffiles: a path a line, since dpkg 1.20.6 after an optional flag word.
pub(super) fn without_conffiles(text: &[u8], goes: Goes<'_>) -> Option<Vec<u8>> {
    without_lines(text, &mut |line| {
        line.iter().position(|&b| b == b'/').and_then(|at| line.get(at..)).is_some_and(&mut *goes)
    })
}

/// triggers/File (`path package`) and triggers/NAME (`package`): lines whose package goes.
/// A package may have `:architecture` and `/noawait` behind it.
pub(super) fn without_interests(text: &[u8], goes: Goes<'_>) -> Option<Vec<u8>> {
    without_lines(text, &mut |line| {
        let word = line.rsplit(|&b| b == b' ').next().unwrap_or_default();
        let package = word.strip_suffix(b"/noawait").or_else(|| word.strip_suffix(b"/await")).unwrap_or(word);
        !package.is_empty() && goes(package)
    })
}

/// statoverride: `user group mode path`.
pub(super) fn without_overrides(text: &[u8], goes: Goes<'_>) -> Option<Vec<u8>> {
    without_lines(text, &mut |line| line.splitn(4, |&b| b == b' ').nth(3).is_some_and(&mut *goes))
}

/// diversions: triples of lines, the path, where it was diverted to, and by whom. A triple goes when both its paths are
/// not there any more and one of them goes; `state` returns (goes, is there).
pub(super) fn without_diversions(
    text: &[u8],
    state: &mut dyn FnMut(&[u8]) -> (bool, bool),
) -> Result<Option<Vec<u8>>, ()> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
    if !lines.len().is_multiple_of(3) {
        return Err(());
    }
    let mut left = Vec::with_capacity(text.len());
    for triple in lines.chunks(3) {
        let mut ask =
            |at: usize| state(triple.get(at).map(|line| line.strip_suffix(b"\n").unwrap_or(line)).unwrap_or_default());
        let (from, to) = (ask(0), ask(1));
        let goes = (from.0 || to.0) && !from.1 && !to.1;
        if !goes {
            triple.iter().for_each(|line| left.extend_from_slice(line));
        }
    }
    Ok((left.len() < text.len()).then_some(left))
}

/// What is asked of a status file.
pub(super) trait Stanzas {
    /// Whether the record of a package goes; the architecture is empty when the stanza names none.
    fn record_goes(&mut self, name: &[u8], architecture: &[u8]) -> bool;
    /// Whether a path that the package of that name lists as its configuration goes.
    fn conffile_goes(&mut self, name: &[u8], path: &[u8]) -> bool;
}

/// status, and the files of status.d: records that go with the blank lines behind them, and configuration files that go
/// in the field Conffiles of the others.
///
/// # Errors
/// When a line is neither a field nor the continuation of one, or a stanza names no package.
pub(super) fn without_records(text: &[u8], ask: &mut dyn Stanzas) -> Result<Option<Vec<u8>>, ()> {
    let mut left = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (stanza, after) = rest.split_at(stanza_end(rest));
        rest = after;
        let Some(name) = field(stanza, b"package")? else {
            if stanza.iter().all(u8::is_ascii_whitespace) {
                left.extend_from_slice(stanza);
                continue;
            }
            return Err(());
        };
        if !ask.record_goes(name, field(stanza, b"architecture")?.unwrap_or_default()) {
            copy_stanza(&mut left, stanza, name, ask);
        }
    }
    Ok((left.len() < text.len()).then_some(left))
}

/// Where the first stanza ends, the blank lines behind it included.
fn stanza_end(text: &[u8]) -> usize {
    let (mut at, mut closed) = (0, false);
    for line in lines(text) {
        let blank = matches!(line, b"\n" | b"\r\n");
        if closed && !blank {
            break;
        }
        closed = blank;
        at += line.len();
    }
    at
}

/// The first line of a field's value.
fn field<'a>(stanza: &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, ()> {
    let mut found = None;
    let mut first = true;
    for line in lines(stanza) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let continued = line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        if line.is_empty() || (continued && !first) {
            continue;
        }
        let at = line.iter().position(|&b| b == b':').filter(|_| !continued).ok_or(())?;
        let (key, value) = line.split_at(at);
        if key.eq_ignore_ascii_case(name) {
            found = Some(value.get(1..).unwrap_or_default().trim_ascii());
        }
        first = false;
    }
    Ok(found)
}

fn copy_stanza(left: &mut Vec<u8>, stanza: &[u8], name: &[u8], ask: &mut dyn Stanzas) {
    // Where the field began, while all its paths so far go.
    let mut header: Option<usize> = None;
    let mut inside = false;
    for line in lines(stanza) {
        let continued = line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        if !continued {
            // A field that lost every line goes as a whole.
            if let Some(at) = header.take().filter(|_| inside) {
                left.truncate(at);
            }
            inside = false;
            if line.get(..10).is_some_and(|key| key.eq_ignore_ascii_case(b"conffiles:")) {
                header = Some(left.len());
            }
        } else if header.is_some() || inside {
            if conffile(line).is_some_and(|path| ask.conffile_goes(name, path)) {
                inside = true;
                continue;
            }
            header = None;
            inside = true;
        }
        left.extend_from_slice(line);
    }
    if let Some(at) = header.filter(|_| inside) {
        left.truncate(at);
    }
}

/// ` path md5sum [obsolete] [remove-on-upgrade]`: the path may hold blanks, what follows it does not.
fn conffile(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line.trim_ascii();
    loop {
        let at = rest.iter().rposition(|&b| b == b' ')?;
        let word = rest.get(at + 1..)?;
        rest = rest.get(..at)?.trim_ascii_end();
        if !matches!(word, b"obsolete" | b"remove-on-upgrade") {
            return Some(rest);
        }
    }
}
