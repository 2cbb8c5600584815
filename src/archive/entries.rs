//! The entries of a tar archive one after the other, each put together from its headers: pax (POSIX.1-2001), GNU's long
//! names, sparse files.
//!
//! This module owns the format. It does not know the meaning of an entry for a tree: names are as written. A header
//! that it does not understand is an error, because harden cannot judge an entry that it did not read.

use super::header::{self, BLOCK, Header, Parsed, ambiguous};
use super::sparse::{self, Segment, decimal};
use super::spool::{CHUNK, Span, Store, Window};
use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::tree::access;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;

/// Largest header that describes an entry: as much as Docker's reader takes.
const LARGEST_DESCRIPTION: u64 = 1024 * 1024;

/// How the records of extended attributes begin that engines set (star(5), Go's archive/tar).
pub(super) const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// Name and value of an extended attribute.
pub(crate) type Attribute = (Box<[u8]>, Box<[u8]>);

/// What an entry is.
#[derive(Debug, Clone)]
pub(super) enum What {
    Directory,
    File(Data),
    /// Symbolic link to this target.
    Link(Vec<u8>),
    /// Another name of the file at this path.
    HardLink(Vec<u8>),
    /// Device or fifo: the file type of st_mode.
    Special(u16),
}

/// Where the content of a file lies.
#[derive(Debug, Clone)]
pub(super) struct Data {
    /// All bytes that are stored.
    pub(super) span: Span,
    /// Bytes of the file.
    pub(super) size: u64,
    /// Which of them are stored, when not all are.
    pub(super) sparse: Option<Vec<Segment>>,
}

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where its header begins.
    pub(super) at: u64,
    pub(super) path: Vec<u8>,
    pub(super) what: What,
    /// Permission bits 0o7777.
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds and nanoseconds since the epoch.
    pub(super) mtime: (i64, u32),
    /// It has the attribute `security.capability`.
    pub(super) capability: bool,
    /// Major and minor number of a device.
    pub(super) device: (u32, u32),
    /// Its extended attributes as engines set them, by name, where they are asked for.
    pub(super) attributes: Vec<Attribute>,
}

/// Reads the entries of one archive.
pub(super) struct Entries<'a> {
    window: Window<'a>,
    at: u64,
    /// Something else has shown that all of the archive is there, so that its end needs no mark.
    bounded: bool,
    /// Extended attributes are asked for.
    attributes: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(store: &'a Store, span: Span, bounded: bool, attributes: bool) -> Self {
        Self { window: Window::new(store, span), at: 0, bounded, attributes }
    }

    /// The next entry; `None` at the end of the archive, which is checked to be one.
    ///
    /// # Errors
    /// When the archive ends before its end, or holds what this program does not understand.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Diagnostic> {
        let mut described = Described { keep: self.attributes, ..Described::default() };
        loop {
            let at = self.at;
            let block = self.window.bytes(at, BLOCK as usize)?;
            if block.is_empty() {
                return if described.any || !self.bounded { Err(cut_off()) } else { Ok(None) };
            }
            let Parsed::Header(mut header) = header::parse(block, at)? else {
                return if described.any { Err(cut_off()) } else { self.end().map(|()| None) };
            };
            self.at += BLOCK;
            let records = match header.kind {
                b'x' | b'X' | b'g' | b'L' | b'K' | b'V' => self.description(at, header.size)?,
                _ => Vec::new(),
            };
            let described_before = described.any;
            described.any |= matches!(header.kind, b'x' | b'X' | b'L' | b'K');
            match header.kind {
                b'x' | b'X' => described.pax(&records).map_err(|what| wrong(at, &what.to_string()))?,
                b'g' => {
                    // Go's reader gives it out as an entry, and forgets what came before it. Some engines make room for
                    // its name, and take away what has it.
                    let known = |name: &[u8]| {
                        matches!(name, b"pax_global_header" | b"@PaxHeader") || name.starts_with(b"GlobalHead.")
                    };
                    if described_before || !header.name.rsplit(|&byte| byte == b'/').next().is_some_and(known) {
                        return Err(ambiguous(
                            at,
                            "it is a global pax header between an entry and its description, or with a name of its own",
                        ));
                    }
                    global(&records).map_err(|what| wrong(at, &what.to_string()))?;
                }
                b'L' => described.long(false, &records),
                b'K' => described.long(true, &records),
                // GNU's label of a volume is no file.
                b'V' if described_before => {
                    return Err(ambiguous(at, "it is a volume label between an entry and its description"));
                }
                b'V' => {}
                _ => {
                    let described = described.over(&mut header);
                    return self.entry(at, &header, described).map(Some);
                }
            }
            if let Some(why) = described.twice {
                return Err(ambiguous(at, why));
            }
        }
    }

    /// An entry, its header changed to what the headers before it said.
    fn entry(&mut self, at: u64, header: &Header, described: Described) -> Result<Entry, Diagnostic> {
        // -1 is "leave it as it is" for chown(2): no file has it.
        let id = |id: u64, what: &str| {
            u32::try_from(id).ok().filter(|&id| id != u32::MAX).ok_or_else(|| wrong(at, &format!("{what} {id}")))
        };
        let (uid, gid) = (id(header.uid, "uid")?, id(header.gid, "gid")?);
        if let Some(why) = described.differs(header) {
            return Err(ambiguous(at, why));
        }
        let mut path = header.name.clone();
        if let Some(name) = &described.sparse.name {
            path.clone_from(name);
        }
        let what = match header.kind {
            // What came before types marked a directory so; of the types, programs read it in two ways.
            0 if path.last() == Some(&b'/') => What::Directory,
            0 | b'0' | b'7' | b'S' if path.last() == Some(&b'/') => {
                return Err(ambiguous(at, "it is a regular file whose name ends in '/'"));
            }
            0 | b'0' | b'7' if described.sparse.any => What::File(self.sparse(at, header.size, described.sparse)?),
            0 | b'0' | b'7' => {
                let span = self.content(at, header.size)?;
                What::File(Data { span, size: span.len, sparse: None })
            }
            b'S' => {
                let mut next = || {
                    let block = self.window.bytes(self.at, BLOCK as usize)?.to_vec();
                    self.at += BLOCK;
                    if block.len() < BLOCK as usize { Err(cut_off()) } else { Ok(block) }
                };
                let (segments, size) = sparse::gnu(header, &mut next)?.ok_or_else(|| wrong(at, "map of holes"))?;
                let span = self.content(at, header.size)?;
                What::File(self.with_holes(at, segments, span, size)?)
            }
            b'1' => What::HardLink(header.link.clone()),
            b'2' => What::Link(header.link.clone()),
            b'3' if header.is_whiteout() => {
                return Err(ambiguous(at, "it is a character device 0:0, which overlayfs takes for a whiteout"));
            }
            b'3' => What::Special(0o020_000),
            b'4' => What::Special(0o060_000),
            b'5' => What::Directory,
            b'6' => What::Special(0o010_000),
            // GNU's directory of an incremental archive: its content is a list of names.
            b'D' => {
                self.content(at, header.size)?;
                What::Directory
            }
            other => return Err(wrong(at, &format!("type {}", quoted(&[other])))),
        };
        let mtime = described.mtime.unwrap_or((header.mtime, 0));
        let (capability, attributes) = (described.capability, described.attributes);
        Ok(Entry { at, path, what, mode: header.mode, uid, gid, mtime, capability, device: header.device, attributes })
    }

    /// A sparse file that pax records describe.
    fn sparse(&mut self, at: u64, stored: u64, pax: sparse::Pax) -> Result<Data, Diagnostic> {
        let mut span = self.content(at, stored)?;
        let mut segments = pax.segments;
        if pax.map_in_content {
            let (start, mut read) = (span.start - self.window.span.start, 0);
            let window = &mut self.window;
            let mut byte = || {
                let found = if read < stored { window.bytes(start + read, 1)?.first().copied() } else { None };
                read += 1;
                found.ok_or_else(|| wrong(at, "map of holes"))
            };
            segments = sparse::map(&mut byte)?.ok_or_else(|| wrong(at, "map of holes"))?;
            let filled = read.next_multiple_of(BLOCK);
            (span.start, span.len) = (span.start + filled, span.len.saturating_sub(filled));
        }
        let size = pax.size.ok_or_else(|| wrong(at, "map of holes"))?;
        self.with_holes(at, segments, span, size)
    }

    fn with_holes(&self, at: u64, segments: Vec<Segment>, span: Span, size: u64) -> Result<Data, Diagnostic> {
        self.window.store.count_runs(segments.len() as u64, at)?;
        let sparse = sparse::checked(segments, span.len, size).ok_or_else(|| wrong(at, "map of holes"))?;
        Ok(Data { span, size, sparse: Some(sparse) })
    }

    /// Where the content of the entry lies; the reader goes on behind it.
    fn content(&mut self, at: u64, len: u64) -> Result<Span, Diagnostic> {
        let (whole, start) = (self.window.span, self.at);
        let end = len.checked_next_multiple_of(BLOCK).and_then(|filled| start.checked_add(filled));
        match end {
            // The last file of an archive without an end need not be filled up.
            Some(end) if end <= whole.len || self.bounded && start.saturating_add(len) == whole.len => {
                self.at = end.min(whole.len);
                Ok(Span { start: whole.start + start, len, ..whole })
            }
            _ => Err(super::damaged(&format!("it ends inside the entry at byte {at}"))),
        }
    }

    /// The content of a header that describes the next entry.
    fn description(&mut self, at: u64, len: u64) -> Result<Vec<u8>, Diagnostic> {
        if len > LARGEST_DESCRIPTION {
            return Err(wrong(at, &format!("size: {len} bytes are too much for a description of another entry")));
        }
        let start = self.at;
        self.content(at, len)?;
        Ok(self.window.bytes(start, usize::try_from(len).unwrap_or(0))?.to_vec())
    }

    /// Two blocks of zeros end an archive (one at the end of the file is enough), and nothing follows: what does is seen
    /// by some programs and not by others.
    fn end(&mut self) -> Result<(), Diagnostic> {
        let mut at = self.at;
        loop {
            let bytes = self.window.bytes(at, CHUNK)?;
            if bytes.is_empty() {
                return Ok(());
            }
            if let Some(more) = bytes.iter().position(|&byte| byte != 0) {
                let at = at + more as u64;
                let text = format!("the archive continues after its end, at byte {at}, where unpacking stops");
                return Err(Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, text)
                    .help("give one archive; harden does not read several in one file"));
            }
            at += bytes.len() as u64;
        }
    }
}

/// What headers said of the entry after them.
#[derive(Debug, Default)]
struct Described {
    any: bool,
    /// A pax header was there.
    pax: bool,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Name and target in GNU's way.
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<(i64, u32)>,
    capability: bool,
    /// Whether attributes are kept, and those that are.
    keep: bool,
    attributes: Vec<Attribute>,
    sparse: sparse::Pax,
    /// What is said twice, or without a value: the last counts for some readers, and the first for others.
    twice: Option<&'static str>,
}

impl Described {
    /// The records of a pax header.
    fn pax(&mut self, content: &[u8]) -> Result<()> {
        if std::mem::replace(&mut self.pax, true) {
            self.twice = Some("it has two pax headers");
            return Ok(());
        }
        let mut keys = BTreeSet::new();
        records(content, &mut |key, value| {
            let counts = matches!(key, b"path" | b"linkpath" | b"size" | b"uid" | b"gid");
            let sparse = key.strip_prefix(b"GNU.sparse.");
            let listed = matches!(sparse, Some(b"offset" | b"numbytes"));
            if (counts || sparse.is_some() && !listed) && !keys.insert(key.to_vec()) {
                self.twice = Some("its pax header has one record twice");
            }
            if value.is_empty() && (counts || sparse.is_some_and(|key| key != b"map")) {
                self.twice = Some("its pax header has a record without a value");
            }
            match key {
                b"path" | b"linkpath" if value.contains(&0) => return None,
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                _ if value.is_empty() && sparse.is_none() => {}
                b"size" => self.size = Some(decimal(value)?),
                b"uid" => self.uid = Some(decimal(value)?),
                b"gid" => self.gid = Some(decimal(value)?),
                b"mtime" => self.mtime = Some(time(value)?),
                // An access list is read in any case.
                _ if key.strip_prefix(ATTRIBUTE).is_some_and(|name| self.keep || name == access::ATTRIBUTE) => {
                    let name = key.get(ATTRIBUTE.len()..).unwrap_or_default();
                    self.capability |= name == b"security.capability";
                    self.attributes.retain(|(known, _)| **known != *name);
                    self.attributes.push((name.into(), value.into()));
                }
                b"SCHILY.xattr.security.capability" | b"LIBARCHIVE.xattr.security.capability" => self.capability = true,
                _ => {
                    if let Some(key) = sparse {
                        self.sparse.record(key, value)?;
                    }
                }
            }
            Some(())
        })
    }

    /// GNU's long name, or the long target of a link.
    fn long(&mut self, link: bool, content: &[u8]) {
        let place = if link { &mut self.long_link } else { &mut self.long_path };
        let text = header::until_zero(content);
        if text.is_empty() || place.replace(text.to_vec()).is_some() {
            self.twice = Some("it has two long names, or an empty one");
        }
    }

    /// Why an entry so described is another one for another reader.
    fn differs(&self, header: &Header) -> Option<&'static str> {
        // GNU's name goes before that of pax in Go's reader, and behind it in tar(1).
        if self.path.is_some() && self.long_path.is_some() || self.link.is_some() && self.long_link.is_some() {
            return Some("it has a pax header with a name and a GNU long name");
        }
        // Go's reader sees no content behind these types; tar(1) skips it.
        if matches!(header.kind, b'1'..=b'6') && header.size > 0 {
            return Some("it is not a regular file and has a size");
        }
        if header.kind == b'S' && (!header.gnu || self.sparse.any) {
            return Some("it is a sparse file in GNU's old way, without GNU's mark or with pax records of another way");
        }
        if self.sparse.any && !(matches!(header.kind, 0 | b'0' | b'7') && self.sparse.is_known()) {
            return Some("it has pax records of a sparse file in a version that does not exist");
        }
        None
    }

    /// Put all that into the header; what has no place there is left.
    fn over(self, header: &mut Header) -> Self {
        if let Some(path) = self.path.as_ref().or(self.long_path.as_ref()) {
            header.name.clone_from(path);
        }
        if let Some(link) = self.link.as_ref().or(self.long_link.as_ref()) {
            header.link.clone_from(link);
        }
        header.size = self.size.unwrap_or(header.size);
        header.uid = self.uid.unwrap_or(header.uid);
        header.gid = self.gid.unwrap_or(header.gid);
        self
    }
}

/// A header for all entries after it. Docker's reader ignores it and tar(1) does not, so it may hold nothing that a
/// tree depends on: the comment of `git archive`, and times.
fn global(content: &[u8]) -> Result<()> {
    records(content, &mut |key, _| matches!(key, b"comment" | b"mtime" | b"atime" | b"ctime").then_some(()))
}

/// Takes a key and its value; returns `None` to what it cannot take.
type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Option<()> + 'a;

/// Each record `LEN KEY=VALUE\n`, LEN its own length.
fn records(mut content: &[u8], each: &mut Each<'_>) -> Result<()> {
    while !content.is_empty() {
        let record = record(content).context("record of pax")?;
        let (key, value, rest) = record;
        each(key, value).with_context(|| format!("record of pax: {}", quoted(key)))?;
        content = rest;
    }
    Ok(())
}

/// The first record as key and value, and what follows.
fn record(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = content.iter().take(20).position(|&byte| byte == b' ')?;
    let len = usize::try_from(decimal(content.get(..blank)?)?).ok()?;
    let text = content.get(blank + 1..len)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
    Some((text.get(..equals)?, text.get(equals + 1..)?, content.get(len..)?))
}

/// Seconds and nanoseconds of a time as pax writes it: `-1.5` is half a second after -2.
fn time(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let seconds = i64::try_from(decimal(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at| fraction.get(at).map_or(0, |byte| u32::from(byte - b'0'));
    let nanoseconds = (0..9).fold(0, |sum, at| sum * 10 + digit(at));
    Some(match (negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

fn wrong(at: u64, what: &str) -> Diagnostic {
    let text = format!("the archive has an entry at byte {at} that this program does not understand: {what}");
    Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, text)
        .help("unpack it, and give the directory as tar -C DIR -c . writes it")
}

fn cut_off() -> Diagnostic {
    super::damaged("it ends in the middle of an entry, or before the two empty blocks at its end")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{record, time};

    #[test]
    fn records_and_times_of_pax() {
        assert_eq!(record(b"12 path=a=b\nrest").unwrap(), (&b"path"[..], &b"a=b"[..], &b"rest"[..]));
        for wrong in [&b"12 path=a=b"[..], b"3 x=\n", b"99999999999999999999 a=b\n", b"6 =ab\n", b"0 \n", b" a=b\n"] {
            assert!(record(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(time(b"12.0345"), Some((12, 34_500_000)));
        assert_eq!(time(b"-1.5"), Some((-2, 500_000_000)));
        assert_eq!(time(b"-9223372036854775807"), Some((-i64::MAX, 0)));
        assert_eq!(time(b"1.x"), None);
    }
}
