//! The storage of an archive's bytes: the archive's own file, and one temporary file for bytes that came through a pipe
//! or were compressed.
//!
//! This module owns reading by position, and the spool. It knows nothing of tar. Nothing is kept in memory but a
//! buffer, so an archive may be larger than memory; the temporary file has no name and disappears with the process.

use anyhow::{Result, anyhow};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;
use std::rc::Rc;

use super::directory::{Directory, Source};
use crate::console::progress::{Progress, Unit};
use crate::diag::{Diagnostic, codes};
use crate::digest::{Digest, hex};
use crate::root::host;

/// Bytes of one read or write of a stream.
pub(super) const CHUNK: usize = 256 * 1024;

/// Bytes that a [`Window`] reads at once: some headers of small files, and not much in vain before a large one.
const WINDOW: usize = 32 * 1024;

/// Most runs in the maps of all sparse files of an archive: 64 MiB of memory.
const MOST_RUNS: u64 = 4 << 20;

/// Bytes that any input may hold unpacked, and how many for each of its own bytes it may hold beyond: zeros become a
/// thousandth, what programs are made of a fifth.
const FREE_SIZE: u64 = 128 << 20;
const MOST_RATIO: u64 = 200;

/// Bytes that an input may hold unpacked where nothing else is asked for: more than any image has.
const MOST_SIZE: u64 = 64 << 30;

/// A run of bytes in one of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// In the temporary file, else in the archive itself.
    pub(super) spooled: bool,
    /// First byte.
    pub(super) start: u64,
    /// Number of bytes.
    pub(super) len: u64,
}

/// The files.
#[derive(Debug, Clone)]
pub(super) struct Store {
    archive: Option<Source>,
    spool: Option<Rc<File>>,
    spooled: u64,
    /// Directories for the temporary file, the first that works is taken.
    directories: Vec<PathBuf>,
    unread: RefCell<Option<String>>,
    /// Bytes of the input, as far as they were read.
    input: u64,
    /// The most bytes that it may hold unpacked.
    max_size: Option<u64>,
    /// What was unpacked already, by its span: an image may name one layer many times.
    unpacked: BTreeMap<Span, Span>,
    /// Runs in the maps of sparse files so far.
    runs: Cell<u64>,
    /// SHA-256 of what came through a pipe, if it was asked for.
    sum: Option<String>,
}

impl Store {
    /// A store without any bytes.
    pub(super) fn new(directories: Vec<PathBuf>, max_size: Option<u64>) -> Self {
        Self {
            archive: None,
            spool: None,
            spooled: 0,
            directories,
            unread: RefCell::default(),
            input: 0,
            max_size,
            unpacked: BTreeMap::new(),
            runs: Cell::default(),
            sum: None,
        }
    }

    /// SHA-256 of the input as it was given; `None` where it is no file, or was not asked for.
    pub(super) fn digest(&self) -> Result<Option<String>> {
        let Some(Source::File(_)) = &self.archive else { return Ok(self.sum.clone()) };
        let span = Span { spooled: false, start: 0, len: self.input };
        let progress = Progress::new("computing the digest", Unit::Bytes, Some(span.len));
        let (mut digest, mut buffer, mut at) = (Digest::default(), vec![0; CHUNK], 0);
        while at < span.len {
            buffer.truncate(usize::try_from(span.len - at).unwrap_or(CHUNK));
            self.read(span, at, &mut buffer)?;
            digest.update(&buffer);
            at += buffer.len() as u64;
            progress.advance(buffer.len() as u64);
        }
        Ok(Some(hex(&digest.finish())))
    }

    /// Count the runs of one sparse file.
    ///
    /// # Errors
    /// When all maps together have more runs than is done for one archive.
    pub(super) fn count_runs(&self, runs: u64, at: u64) -> Result<(), Diagnostic> {
        self.runs.set(self.runs.get().saturating_add(runs));
        if self.runs.get() <= MOST_RUNS {
            return Ok(());
        }
        let text =
            format!("the maps of the archive's sparse files have more runs than {MOST_RUNS}: stopped at byte {at}");
        Err(Diagnostic::new(codes::BUDGET, text).help("write the archive without sparse files: tar without --sparse"))
    }

    /// Take the bytes of an open file: a regular one is read in place, anything else is copied, unpacked when it is
    /// gzip or zstd. Returns where they are, and whether a checksum has shown that they are all there. `sum`: the digest of a
    /// pipe is asked for, which can be read once only.
    pub(super) fn open(&mut self, mut file: File, sum: bool) -> Result<(Span, bool), Diagnostic> {
        if file.metadata().is_ok_and(|meta| meta.is_dir()) {
            let directory = Directory::open(&file)?;
            let span = Span { spooled: false, start: 0, len: directory.len() };
            (self.input, self.archive) = (span.len, Some(Source::Directory(Rc::new(directory))));
            return Ok((span, true));
        }
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        let here = io::Seek::stream_position(&mut file).ok();
        if let (Some(len), Some(0)) = (size, here) {
            self.archive = Some(Source::File(Rc::new(file)));
            self.input = len;
            let span = Span { spooled: false, start: 0, len };
            return self.unpacked(span);
        }
        let mut head = Vec::with_capacity(512);
        (&mut file).take(512).read_to_end(&mut head).map_err(|error| cannot_read(&error))?;
        super::refuse_other_form(&head)?;
        let (unpack, checked) = (super::unpacker(&head), super::gzip::is_gzip(&head));
        let counted = Rc::new(Cell::new(0));
        let digest = sum.then(Digest::default);
        let progress = Progress::new("reading the archive", Unit::Bytes, None);
        let mut whole =
            Counted { input: io::Cursor::new(head).chain(file), count: Rc::clone(&counted), digest, progress };
        let start = self.spooled;
        if let Some(unpack) = unpack {
            unpack(&mut whole, &mut |bytes| {
                self.input = counted.get();
                self.append(bytes)
            })?;
        } else {
            let mut buffer = vec![0; CHUNK];
            loop {
                match whole.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        self.input = counted.get();
                        self.append(buffer.get(..count).unwrap_or_default())?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(cannot_read(&error)),
                }
            }
        }
        self.sum = whole.digest.map(|digest| hex(&digest.finish()));
        Ok((Span { spooled: true, start, len: self.spooled - start }, checked))
    }

    /// The span itself, or where its content is now when it is compressed; and whether a checksum was compared.
    pub(super) fn unpacked(&mut self, span: Span) -> Result<(Span, bool), Diagnostic> {
        let mut head = vec![0; usize::try_from(span.len.min(512)).unwrap_or(0)];
        self.read(span, 0, &mut head)
            .map_err(|cause| Diagnostic::new(codes::ARCHIVE_READ, format!("cannot read the archive: {cause}")))?;
        super::refuse_other_form(&head)?;
        let Some(unpack) = super::unpacker(&head) else { return Ok((span, false)) };
        // A frame of zstd need not have a checksum.
        let checked = super::gzip::is_gzip(&head);
        if let Some(&known) = self.unpacked.get(&span) {
            return Ok((known, checked));
        }
        let file = self
            .source(span.spooled)
            .ok_or_else(|| Diagnostic::new(codes::ARCHIVE_READ, "cannot read the archive again"))?;
        let progress = Progress::new("unpacking", Unit::Bytes, Some(span.len));
        let mut packed = SpanReader { file, span, at: 0, progress };
        let start = self.spooled;
        unpack(&mut packed, &mut |bytes| self.append(bytes))?;
        let content = Span { spooled: true, start, len: self.spooled - start };
        self.unpacked.insert(span, content);
        Ok((content, checked))
    }

    /// The file of one kind of spans.
    fn source(&self, spooled: bool) -> Option<Source> {
        if spooled { self.spool.as_ref().map(|file| Source::File(Rc::clone(file))) } else { self.archive.clone() }
    }

    /// What an input may hold unpacked: said before the disk is full.
    pub(super) fn within(&self, size: u64) -> Result<(), Diagnostic> {
        let ratio = FREE_SIZE.max(self.input.saturating_mul(MOST_RATIO)).min(MOST_SIZE);
        let most = self.max_size.unwrap_or(ratio);
        if size <= most {
            return Ok(());
        }
        let text = match self.max_size {
            Some(_) => format!("the archive unpacks to more than {most} bytes (--max-size)"),
            None if most == MOST_SIZE => format!("the archive holds more than {most} bytes unpacked"),
            None => format!(
                "the archive of {} bytes holds more than {most} bytes unpacked, which is more than {MOST_RATIO} for each of them",
                self.input
            ),
        };
        Err(Diagnostic::new(codes::BUDGET, text)
            .help("if that is right, give --max-size with the bytes that it may hold, such as --max-size 20G"))
    }

    /// Fill `space` from byte `offset` of the span.
    ///
    /// # Errors
    /// The cause, when the span is shorter or the file cannot be read.
    pub(super) fn read(&self, span: Span, offset: u64, space: &mut [u8]) -> Result<()> {
        let inside = offset.checked_add(space.len() as u64).is_some_and(|end| end <= span.len);
        let file = self.source(span.spooled);
        let result = match file {
            Some(file) if inside => {
                file.read_exact_at(space, span.start.saturating_add(offset)).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => anyhow!("the file became shorter during the run"),
                    _ => error.into(),
                })
            }
            _ if space.is_empty() => Ok(()),
            _ => Err(anyhow!("it ends before that place")),
        };
        if let Err(cause) = &result {
            self.unread.borrow_mut().get_or_insert_with(|| cause.to_string());
        }
        result
    }

    /// The first read that failed, if any did.
    pub(super) fn take_unread(&self) -> Option<String> {
        self.unread.borrow_mut().take()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Diagnostic> {
        self.within(self.spooled.saturating_add(bytes.len() as u64))?;
        if self.spool.is_none() {
            self.spool = host::unnamed_file(&self.directories).map(Rc::new);
        }
        let full = |cause: &str| {
            let places: Vec<_> = self.directories.iter().map(|path| path.to_string_lossy().into_owned()).collect();
            let text = format!("cannot keep the archive in a temporary file in {}: {cause}", places.join(", "));
            Diagnostic::new(codes::ARCHIVE_SPACE, text).help(
                "give a file that is not compressed, which is read in place, or set TMPDIR to a directory with room; \
                 in a container: docker run --tmpfs /tmp",
            )
        };
        let Some(file) = &self.spool else { return Err(full("none of them is writable")) };
        (&**file).write_all(bytes).map_err(|error| full(&error.to_string()))?;
        self.spooled += bytes.len() as u64;
        Ok(())
    }
}

fn cannot_read(error: &io::Error) -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_READ, format!("cannot read the archive: {error}"))
}

/// A stream whose bytes are counted, and summed where that is asked for.
struct Counted<R> {
    input: R,
    count: Rc<Cell<u64>>,
    digest: Option<Digest>,
    progress: Progress,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(space)?;
        self.count.set(self.count.get().saturating_add(count as u64));
        self.progress.advance(count as u64);
        if let Some(digest) = &mut self.digest {
            digest.update(space.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

/// A span as a stream.
struct SpanReader {
    file: Source,
    span: Span,
    at: u64,
    progress: Progress,
}

impl Read for SpanReader {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.span.len - self.at).unwrap_or(usize::MAX);
        let len = space.len().min(left);
        let count = self.file.read_at(space.get_mut(..len).unwrap_or_default(), self.span.start + self.at)?;
        self.at += count as u64;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// Reads small pieces of a span in rising order with few calls.
pub(super) struct Window<'a> {
    pub(super) store: &'a Store,
    pub(super) span: Span,
    base: u64,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(store: &'a Store, span: Span) -> Self {
        Self { store, span, base: 0, buffer: Vec::new() }
    }

    /// `len` bytes from `offset`; fewer when the span ends before.
    pub(super) fn bytes(&mut self, offset: u64, len: usize) -> Result<&[u8], Diagnostic> {
        let left = usize::try_from(self.span.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(left);
        let start = offset.checked_sub(self.base).and_then(|start| usize::try_from(start).ok());
        let known = start.filter(|start| start.checked_add(len).is_some_and(|end| end <= self.buffer.len()));
        let start = match known {
            Some(start) => start,
            None => {
                self.buffer.resize(WINDOW.max(len).min(left), 0);
                self.base = offset;
                self.store.read(self.span, offset, &mut self.buffer).map_err(|cause| {
                    Diagnostic::new(codes::ARCHIVE_READ, format!("cannot read the archive at byte {offset}: {cause}"))
                })?;
                0
            }
        };
        Ok(self.buffer.get(start..start.saturating_add(len)).unwrap_or_default())
    }
}
