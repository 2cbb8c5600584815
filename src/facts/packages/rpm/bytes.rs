//! Ranges of a database file: read in pieces, so that it need not fit into memory, and counted, so that a file which
//! leads in circles ends as an error after work in proportion to its size.

use anyhow::Context as _;
use std::collections::BTreeMap;

use super::Outcome;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};

/// Bytes read at once.
const PIECE: u64 = 64 * 1024;
/// Pieces held: 2 MiB.
const MAX_PIECES: usize = 32;

/// A database file.
pub(super) struct File<'a> {
    contents: &'a dyn Contents,
    tree: &'a Tree,
    id: Id,
    size: u64,
    pieces: BTreeMap<u64, Vec<u8>>,
    /// Bytes that may still be asked for. A sound database has each asked for once, and copied once more.
    work: u64,
    /// Bytes that may still be read: sixteen pages lie in a piece, and each may be asked for alone.
    reads: u64,
}

impl<'a> File<'a> {
    pub(super) fn new(contents: &'a dyn Contents, tree: &'a Tree, id: Id) -> Self {
        let size = contents.size(tree, id);
        let (work, reads) =
            (size.saturating_mul(3).saturating_add(4096), size.saturating_add(PIECE).saturating_mul(16));
        Self { contents, tree, id, size, pieces: BTreeMap::new(), work, reads }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Count work that reads nothing.
    pub(super) fn charge(&mut self, bytes: usize) -> Outcome<()> {
        self.work = self.work.checked_sub(bytes as u64).context("its records overlap or form a loop")?;
        Ok(())
    }

    /// Exactly `len` bytes from `offset`.
    pub(super) fn take(&mut self, offset: u64, len: usize) -> Outcome<Vec<u8>> {
        let mut taken = Vec::new();
        self.append(offset, len, &mut taken)?;
        Ok(taken)
    }

    /// The same, added to what is there.
    pub(super) fn append(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Outcome<()> {
        let end = offset.checked_add(len as u64).filter(|&end| end <= self.size).context("it is truncated")?;
        self.charge(len)?;
        let mut at = offset;
        while at < end {
            let (number, from) = (at / PIECE, (at % PIECE) as usize);
            if !self.pieces.contains_key(&number) {
                if self.pieces.len() >= MAX_PIECES {
                    self.pieces.clear();
                }
                self.reads = self.reads.checked_sub(PIECE).context("its pages are too scattered")?;
                let piece = self.contents.read_at(self.tree, self.id, number * PIECE, PIECE as usize)?;
                self.pieces.insert(number, piece);
            }
            let len = (end - at).min(PIECE - from as u64);
            let part = self.pieces.get(&number).and_then(|piece| piece.get(from..from + len as usize));
            into.extend_from_slice(part.context("it is truncated")?);
            at += len;
        }
        Ok(())
    }
}

/// Numbers of a file in one byte order; 0 where the bytes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> usize {
        let Some(&[a, b]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else { return 0 };
        usize::from(if self == Self::Big { u16::from_be_bytes([a, b]) } else { u16::from_le_bytes([a, b]) })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(&word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else { return 0 };
        if self == Self::Big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }
}
