//! Archives that `harden audit --tar` accepts: an exported root file system, or an image with its layers.
//!
//! ```text
//! file or pipe ──> store ──> entries ──> layers ──> Tree, Files (and the image's configuration)
//! ```
//!
//! This module unpacks nothing: it builds the tree in memory from the headers, and reads content from its place in the
//! archive on demand. An archive that it cannot read completely is an error and never a smaller tree. It does not know
//! the checks of the audit.

mod entries;
mod gzip;
mod header;
mod image;
mod layers;
mod sparse;
mod spool;

use anyhow::{Result, anyhow, bail};
use std::fs::File;
use std::path::PathBuf;

use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::tree::budget::Budgets;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};
use entries::{Data, Entries};
use layers::Layers;
use spool::{Span, Store};

/// What to do with what is compressed otherwise.
const UNPACK_FIRST: &str = "unpack it first: zstd -dc FILE | harden audit --tar -";

/// An archive, read.
#[derive(Debug)]
pub struct Archive {
    /// Every entry, as unpacking would make it.
    pub tree: Tree,
    /// Their content.
    pub files: Files,
    /// The image's configuration as JSON, when the archive is an image.
    pub config: Option<Vec<u8>>,
}

fn damaged(what: &str) -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_DAMAGED, format!("the archive is damaged or truncated: {what}"))
        .help("write it again; a broken pipe leaves only a part of the archive")
}

/// Read an archive from an open file or pipe. What cannot be read in place goes to a temporary file in the first of
/// `directories` that can be written: at most `max_size` bytes, or as many as any image has for its size.
///
/// # Errors
/// When it is no tar archive, is cut off or damaged, could not be unpacked, or holds anything that is not understood.
pub fn read(file: File, directories: Vec<PathBuf>, max_size: Option<u64>) -> Result<Archive, Diagnostic> {
    let mut store = Store::new(directories, max_size);
    let (whole, bounded) = store.open(file)?;
    let mut outer = Layers::new(false);
    fill(&mut outer, &store, whole, bounded)?;
    if outer.is_empty() {
        let error = Diagnostic::new(codes::ARCHIVE_EMPTY, "the archive holds no file");
        return Err(error.help("write it with docker export or docker save"));
    }
    let (tree, contents) = outer.finish();
    let mut files = Files { store, contents, budgets: Budgets::default() };
    let Some(image) = image::recognise(&tree, &files)? else { return Ok(Archive { tree, files, config: None }) };
    let mut layers = Layers::new(true);
    for (name, span) in image.layers {
        let within = |error: Diagnostic| Diagnostic {
            text: format!("layer {}: {}", quoted(name.as_bytes()), error.text),
            ..error
        };
        let (span, _) = files.store.unpacked(span).map_err(within)?;
        layers.next_layer();
        // The archive around it has shown how long it is.
        fill(&mut layers, &files.store, span, true).map_err(within)?;
    }
    let (tree, contents) = layers.finish();
    files.contents = contents;
    Ok(Archive { tree, files, config: Some(image.config) })
}

fn fill(layers: &mut Layers, store: &Store, span: Span, bounded: bool) -> Result<(), Diagnostic> {
    let mut entries = Entries::new(store, span, bounded);
    while let Some(entry) = entries.next()? {
        layers.put(entry)?;
    }
    Ok(())
}

/// Say no to what is compressed in a way that this program does not know: its first bytes tell.
fn refuse_other_compression(head: &[u8]) -> Result<(), Diagnostic> {
    let known: [(&[u8], &str); 4] =
        [(&[0x28, 0xb5, 0x2f, 0xfd], "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"\x04\x22\x4d\x18", "lz4")];
    match known.iter().find(|(magic, _)| head.starts_with(magic)) {
        None => Ok(()),
        Some((_, name)) => {
            let text = format!("it is compressed with {name}, which this program cannot unpack");
            Err(Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, text).help(UNPACK_FIRST))
        }
    }
}

/// The content of the files of an archive.
#[derive(Debug)]
pub struct Files {
    store: Store,
    /// By inode number of the tree, which begins with 1.
    contents: Vec<Option<Data>>,
    /// What the readers of its files have spent.
    budgets: Budgets,
}

impl Files {
    fn data(&self, tree: &Tree, id: Id) -> Option<&Data> {
        let number = usize::try_from(tree.meta(id).ino.checked_sub(1)?).ok()?;
        self.contents.get(number)?.as_ref()
    }

    /// Where a file lies that has no holes.
    fn span(&self, tree: &Tree, id: Id) -> Option<Span> {
        self.data(tree, id).filter(|data| data.sparse.is_none()).map(|data| data.span)
    }
}

impl Contents for Files {
    fn read(&self, tree: &Tree, id: Id, limit: u64) -> Result<Vec<u8>> {
        let size = tree.meta(id).size;
        if size > limit {
            bail!("larger than {limit} bytes");
        }
        if !self.budgets.read(tree, id) {
            bail!("it has too many names (hard links)");
        }
        self.read_at(tree, id, 0, usize::try_from(size).unwrap_or(usize::MAX))
    }

    fn read_at(&self, tree: &Tree, id: Id, offset: u64, len: usize) -> Result<Vec<u8>> {
        let Some(data) = self.data(tree, id) else { return Err(anyhow!("it is not a regular file")) };
        let left = usize::try_from(data.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut content = vec![0; len.min(left)];
        let Some(segments) = &data.sparse else {
            self.store.read(data.span, offset, &mut content)?;
            return Ok(content);
        };
        let end = offset.saturating_add(content.len() as u64);
        let mut stored = 0;
        for segment in segments {
            let (from, to) = (segment.offset.max(offset), (segment.offset + segment.len).min(end));
            let place = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
            if from < to
                && let Some(space) = content.get_mut(place(from)..place(to))
            {
                self.store.read(data.span, stored + (from - segment.offset), space)?;
            }
            stored += segment.len;
        }
        Ok(content)
    }

    fn take_unread(&self) -> Option<String> {
        self.store.take_unread().map(|cause| format!("cannot read the archive: {cause}"))
    }

    fn budgets(&self) -> Option<&Budgets> {
        Some(&self.budgets)
    }
}
