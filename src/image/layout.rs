//! An OCI image layout (OCI image specification, image-layout.md) in one tar archive, with Docker's manifest.json beside it, so
//! that old engines load it, too.
//!
//! Blobs are written as they come: the header before one, which holds its digest, is filled in behind it. This module
//! owns the places of blobs, not their content.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use super::tar::{self, BLOCK};
use crate::digest::{Digest, hex};

/// Bytes of one write.
const CHUNK: usize = 256 * 1024;

/// Where blobs lie.
const BLOBS: &str = "blobs/sha256/";

/// A blob that is in the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    /// SHA-256 in hexadecimal digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

impl Blob {
    /// Its path in the archive.
    pub(super) fn path(&self) -> String {
        [BLOBS, &self.digest].concat()
    }
}

/// The archive that is written.
pub(super) struct Layout {
    out: BufWriter<File>,
    at: u64,
    blobs: BTreeSet<String>,
}

/// Gets the bytes of one blob.
pub(super) struct BlobWriter<'l> {
    layout: &'l mut Layout,
    digest: Digest,
    size: u64,
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.layout.out.write_all(bytes)?;
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.layout.out.flush()
    }
}

impl Layout {
    /// An archive that begins with its directories.
    pub(super) fn begin(file: File) -> io::Result<Self> {
        let mut layout = Self { out: BufWriter::with_capacity(CHUNK, file), at: 0, blobs: BTreeSet::new() };
        for name in ["blobs/", BLOBS] {
            layout.put(&tar::plain(name, 0, true))?;
        }
        Ok(layout)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn fill_up(&mut self) -> io::Result<()> {
        let rest = self.at.next_multiple_of(BLOCK as u64) - self.at;
        let zeros = [0; BLOCK];
        self.put(zeros.get(..usize::try_from(rest).unwrap_or(0)).unwrap_or_default())
    }

    /// Write one blob. One that is there already is not written twice.
    pub(super) fn blob<T, E: From<io::Error>>(
        &mut self,
        fill: impl FnOnce(&mut BlobWriter<'_>) -> Result<T, E>,
    ) -> Result<(Blob, T), E> {
        let start = self.at;
        self.put(&[0; BLOCK])?;
        let mut writer = BlobWriter { layout: self, digest: Digest::default(), size: 0 };
        let made = fill(&mut writer)?;
        let BlobWriter { digest, size, .. } = writer;
        let blob = Blob { digest: hex(&digest.finish()), size };
        self.out.flush()?;
        if self.blobs.insert(blob.digest.clone()) {
            self.at += size;
            self.out.get_ref().write_all_at(&tar::plain(&blob.path(), size, false), start)?;
            self.fill_up()?;
        } else {
            self.at = start;
            self.out.seek(SeekFrom::Start(start))?;
            self.out.get_ref().set_len(start)?;
        }
        Ok((blob, made))
    }

    /// Write a file that is no blob.
    pub(super) fn document(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.put(&tar::plain(name, content.len() as u64, false))?;
        self.put(content)?;
        self.fill_up()
    }

    /// Nothing follows.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.put(&tar::END)?;
        self.out.flush()
    }
}
