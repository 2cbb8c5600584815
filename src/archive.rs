//! Archives that `harden image` and `--tar` of plan, audit and explain accept: an exported root file system, or an image with its layers.
//!
//! ```text
//! file or pipe ──> store ──> entries ──> layers ──> Tree, Files (and the image's configuration)
//! ```
//!
//! This module unpacks nothing: it builds the tree in memory from the headers, and reads content from its place in the
//! archive on demand. An archive that it cannot read completely is an error and never a smaller tree. It does not know
//! the checks of the audit.

mod directory;
mod entries;
mod gzip;
mod header;
mod image;
mod layers;
mod past;
mod sparse;
mod spool;
mod zstd;

use anyhow::{Result, anyhow, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::ordered;
use crate::tree::access::{self, AccessList};
use crate::tree::budget::Budgets;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};
use entries::{Data, Entries};
pub use image::Platform;
pub(crate) use image::{Compression, Facts as ImageFacts, StoredLayer, expect_file_system};
pub(crate) use layers::Extra;
use layers::Layers;
pub(crate) use past::{Past, Removal};
use spool::{Span, Store};

/// What to do with a layer that cannot be read, for which the user has no file.
const REPACK: &str = "write the image with gzip layers: skopeo copy --dest-compress-format gzip, or docker save";

/// What to do with a layer that engines unpack in different ways.
const EXPORT: &str = "give the tree that your engine unpacks, as docker export CONTAINER writes it; or build the layer again: COPY and \
    RUN write layers that every engine reads";

/// An archive, read.
#[derive(Debug)]
pub struct Archive {
    /// Every entry, as unpacking would make it.
    pub tree: Tree,
    /// Their content.
    pub files: Files,
    /// The image's configuration as JSON, when the archive is an image.
    pub config: Option<Vec<u8>>,
    /// What the archive says of the image besides.
    pub(crate) image: Option<ImageFacts>,
    /// What the image's layers took away, if that was asked for.
    pub(crate) past: Option<Past>,
    /// What was read otherwise than it stands there, as whole sentences.
    pub notes: Vec<String>,
}

fn damaged(what: &str) -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_DAMAGED, format!("the archive is damaged or truncated: {what}"))
        .help("write it again; a broken pipe leaves only a part of the archive")
}

/// Read an archive from an open file or pipe. What cannot be read in place goes to a temporary file in the first of
/// `directories` that can be written: at most `max_size` bytes, or as many as any image has for its size. Of an image for
/// several platforms, `platform` is the one that is read.
///
/// # Errors
/// When it is no tar archive, is cut off or damaged, could not be unpacked, or holds anything that is not understood.
pub fn read(
    file: File,
    directories: Vec<PathBuf>,
    platform: Option<&Platform>,
    max_size: Option<u64>,
) -> Result<Archive, Diagnostic> {
    read_with(file, directories, platform, max_size, Wanted::default())
}

/// How much is read of an archive: what an audit judges, and more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// All that another archive is written of: extended attributes, too. Of several platforms, any one will do when none
    /// is named.
    pub(crate) whole: bool,
    /// What the layers of the image took away.
    pub(crate) past: bool,
    /// The digest of the archive.
    pub(crate) digest: bool,
}

/// The same with more or less of the archive.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_with(
    file: File,
    directories: Vec<PathBuf>,
    platform: Option<&Platform>,
    max_size: Option<u64>,
    wanted: Wanted,
) -> Result<Archive, Diagnostic> {
    let mut store = Store::new(directories, max_size);
    let (whole, bounded) = store.open(file, wanted.digest)?;
    Input { store, whole, bounded }.read(platform, wanted)
}

/// The bytes of an archive, which may be read for more than one platform.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    store: Store,
    whole: Span,
    /// A checksum has shown that they are all there.
    bounded: bool,
}

impl Input {
    /// Read the image of a platform.
    ///
    /// # Errors
    /// As [`read`].
    pub(crate) fn read(self, platform: Option<&Platform>, wanted: Wanted) -> Result<Archive, Diagnostic> {
        read_input(self, platform, wanted)
    }
}

fn read_input(
    Input { store, whole, bounded }: Input,
    platform: Option<&Platform>,
    wanted: Wanted,
) -> Result<Archive, Diagnostic> {
    let attributes = wanted.whole;
    let mut outer = Layers::new(false);
    fill(&mut outer, &store, whole, bounded, attributes)?;
    if outer.is_empty() {
        let error = Diagnostic::new(codes::ARCHIVE_EMPTY, "the archive holds no file");
        return Err(error.help("write it with docker export or docker save"));
    }
    let (tree, contents, extras) = outer.finish(attributes);
    let mut files = Files { store, whole, bounded, contents, extras, budgets: Budgets::default() };
    let Some(image) = image::recognise(&tree, &files, platform, attributes)? else {
        return Ok(Archive { tree, files, config: None, image: None, past: None, notes: Vec::new() });
    };
    let note = |path: Vec<u8>| format!("the image is in the directory {} of the archive", quoted(&path));
    let notes = image.below.map(note).into_iter().collect();
    let mut layers = Layers::new(true);
    if wanted.past {
        layers.remember();
    }
    let count = image.layers.len();
    for (name, span) in image.layers {
        let within = |error: Diagnostic| {
            let text = format!("layer {}: {}", quoted(name.as_bytes()), error.text);
            // Writing the image again writes the same layer.
            let help = if error.id == codes::ARCHIVE_AMBIGUOUS { EXPORT.into() } else { error.help };
            Diagnostic { text, help, ..error }
        };
        let in_layer = |error: Diagnostic| match error.id {
            codes::ARCHIVE_UNSUPPORTED => error.help(REPACK),
            _ => error,
        };
        let (span, _) = files.store.unpacked(span).map_err(in_layer).map_err(within)?;
        layers.next_layer();
        // The archive around it has shown how long it is.
        fill(&mut layers, &files.store, span, true, attributes).map_err(within)?;
    }
    let past = layers.take_gone().map(|gone| Past::new(gone, count, &image.config));
    let (tree, contents, extras) = layers.finish(attributes);
    (files.contents, files.extras) = (contents, extras);
    Ok(Archive { tree, files, config: Some(image.config), image: Some(image.facts), past, notes })
}

fn fill(layers: &mut Layers, store: &Store, span: Span, bounded: bool, attributes: bool) -> Result<(), Diagnostic> {
    let mut entries = Entries::new(store, span, bounded, attributes);
    while let Some(entry) = entries.next()? {
        layers.put(entry)?;
    }
    Ok(())
}

/// Say no to a form of file that is no archive of this module's: the first bytes tell. Each with the program that reads it.
fn refuse_other_form(head: &[u8]) -> Result<(), Diagnostic> {
    // A file of any name may be the first of a tar archive.
    if header::parse(head, 0).is_ok() {
        return Ok(());
    }
    let compressed: [(&[u8], &str, &str); 3] =
        [(b"\xfd7zXZ\0", "xz", "xz -dc"), (b"BZh", "bzip2", "bzip2 -dc"), (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc")];
    if let Some((_, name, program)) = compressed.iter().find(|(magic, ..)| head.starts_with(magic)) {
        let text = format!("it is compressed with {name}, which harden cannot unpack");
        return Err(Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, text)
            .help(format!("unpack it first, and give what {program} FILE writes")));
    }
    let other: [(&[u8], &str, &str); 8] = [
        (b"070701", "a cpio archive", "cpio -idm"),
        (b"070702", "a cpio archive", "cpio -idm"),
        (b"070707", "a cpio archive", "cpio -idm"),
        (b"\xc7\x71", "a cpio archive", "cpio -idm"),
        (b"PK\x03\x04", "a zip archive", "unzip"),
        (b"hsqs", "a squashfs image", "unsquashfs"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
        (b"!<arch>\n", "an ar archive", "ar x"),
    ];
    if let Some((_, name, program)) = other.iter().find(|(magic, ..)| head.starts_with(magic)) {
        let text = format!("it is {name}, not a tar archive");
        return Err(Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, text)
            .help(format!("unpack it with {program}, and give the directory as tar -C DIR -c . writes it")));
    }
    let text =
        head.iter().position(|byte| !byte.is_ascii_whitespace()).and_then(|at| head.get(at..)).unwrap_or_default();
    if matches!(text.first(), Some(b'{' | b'[')) && !head.contains(&0) {
        return Err(Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, "it is a JSON document, not a tar archive")
            .help("give the archive of the image itself, not its manifest, attestation or bill of materials"));
    }
    Ok(())
}

/// How compressed content is unpacked: the bytes of one, and where they go.
type Unpack = fn(&mut dyn Read, &mut dyn FnMut(&[u8]) -> Result<(), Diagnostic>) -> Result<(), Diagnostic>;

/// What unpacks a file that begins so; `None` when it is not compressed.
fn unpacker(head: &[u8]) -> Option<Unpack> {
    match head {
        _ if gzip::is_gzip(head) => Some(gzip::unpack),
        _ if zstd::is_zstd(head) => Some(zstd::unpack),
        _ => None,
    }
}

/// The content of the files of an archive.
#[derive(Debug)]
pub struct Files {
    store: Store,
    /// The archive's own bytes.
    whole: Span,
    bounded: bool,
    /// By inode number of the tree, which begins with 1.
    contents: Vec<Option<Data>>,
    /// What few inodes have besides, by their number.
    extras: BTreeMap<u64, Extra>,
    /// What the readers of its files have spent.
    budgets: Budgets,
}

impl Files {
    /// The archive that they are of, to read the image of another platform.
    pub(crate) fn input(&self) -> Input {
        Input { store: self.store.clone(), whole: self.whole, bounded: self.bounded }
    }

    /// SHA-256 of the archive as it was given, in hexadecimal digits; `None` for a directory, and for a pipe if it was not
    /// asked for.
    ///
    /// # Errors
    /// The cause, when the archive cannot be read again.
    pub(crate) fn digest(&self) -> Result<Option<String>> {
        self.store.digest()
    }

    fn data(&self, tree: &Tree, id: Id) -> Option<&Data> {
        let number = usize::try_from(tree.meta(id).ino.checked_sub(1)?).ok()?;
        self.contents.get(number)?.as_ref()
    }

    /// Bytes of a layer as it is stored, from `offset`; fewer at its end, none behind it.
    ///
    /// # Errors
    /// The cause, when the archive cannot be read.
    pub(crate) fn stored(&self, layer: StoredLayer, offset: u64, len: usize) -> Result<Vec<u8>> {
        let left = usize::try_from(layer.0.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut content = vec![0; len.min(left)];
        self.store.read(layer.0, offset, &mut content)?;
        Ok(content)
    }

    /// See that all files together are not larger than what an archive may hold unpacked: holes are written as zeros.
    ///
    /// # Errors
    /// When they are, with what allows it.
    pub(crate) fn expect_size(&self, tree: &Tree) -> Result<(), Diagnostic> {
        let sizes = tree.ids().filter_map(|id| self.data(tree, id).map(|data| (tree.meta(id).ino, data.size)));
        self.store.within(ordered::map(sizes).into_values().fold(0, u64::saturating_add))
    }

    /// Extended attributes and the numbers of a device, where the entry has any.
    pub(crate) fn extra(&self, tree: &Tree, id: Id) -> Option<&Extra> {
        self.extras.get(&tree.meta(id).ino)
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

    fn read_at_into(&self, tree: &Tree, id: Id, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<()> {
        match self.data(tree, id) {
            Some(data) if data.sparse.is_none() => {
                let left = usize::try_from(data.size.saturating_sub(offset)).unwrap_or(usize::MAX);
                into.resize(len.min(left), 0);
                self.store.read(data.span, offset, into)
            }
            _ => {
                *into = self.read_at(tree, id, offset, len)?;
                Ok(())
            }
        }
    }

    fn access_list(&self, tree: &Tree, id: Id) -> Option<AccessList> {
        let mut attributes = self.extra(tree, id)?.attributes.iter();
        AccessList::parse(&attributes.find(|(name, _)| **name == *access::ATTRIBUTE)?.1)
    }

    fn take_unread(&self) -> Option<String> {
        self.store.take_unread().map(|cause| format!("cannot read the archive: {cause}"))
    }

    fn budgets(&self) -> Option<&Budgets> {
        Some(&self.budgets)
    }
}
