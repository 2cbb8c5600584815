//! The dynamic symbol table: the functions that a file imports.

use std::collections::BTreeSet;

use super::strings::Table;
use super::{Abi, Bytes, Class};
use anyhow::Result;

/// Most bytes of symbols read. Imports come first; a program that exports more than this has them in front of it.
const MAX_SYMBOLS: u64 = 1024 * 1024;

/// Where the symbols lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symbols {
    /// File offset of the first.
    pub(super) at: u64,
    /// Bytes up to the next table.
    pub(super) len: u64,
    /// File offset of DT_GNU_HASH, which says where the exported symbols begin.
    pub(super) hash: Option<u64>,
}

impl Symbols {
    /// Which of `names` are undefined symbols.
    pub(super) fn imports<'n>(
        &self,
        abi: Abi,
        (strings, size): (u64, u64),
        names: &[&'n str],
        bytes: &(impl Bytes + ?Sized),
    ) -> Result<Vec<&'n str>> {
        // elf(5): Elf32_Sym and Elf64_Sym, with the place of st_shndx in each.
        let (entry, section) = if abi.class == Class::Bits64 { (24, 6) } else { (16, 14) };
        let mut len = self.len.min(MAX_SYMBOLS);
        if let Some(hash) = self.hash {
            let exported = number(&bytes.at(hash.saturating_add(4), 4)?, 0, 4, abi.big).unwrap_or(0);
            // The table of a file that exports nothing says 1, whatever is imported.
            if exported > 1 {
                len = len.min(exported.saturating_mul(entry as u64));
            }
        }
        let raw = bytes.at(self.at, usize::try_from(len).unwrap_or(0))?;
        let undefined = |symbol: &&[u8]| number(symbol, section, 2, abi.big) == Some(0);
        let name = |symbol: &[u8]| number(symbol, 0, 4, abi.big).filter(|&at| at != 0);
        let wanted: Vec<u64> = raw.chunks_exact(entry).filter(undefined).filter_map(name).collect();
        let table = Table::read(wanted.clone(), strings, size, bytes)?;
        let mut found: Vec<&str> = names.to_vec();
        let wanted: BTreeSet<&[u8]> = wanted.into_iter().filter_map(|at| table.string(at)).collect();
        found.retain(|name| wanted.contains(name.as_bytes()));
        Ok(found)
    }
}

/// A number of `len` bytes.
fn number(bytes: &[u8], at: usize, len: usize, big: bool) -> Option<u64> {
    let bytes = bytes.get(at..at + len)?;
    let add = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
    Some(if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
}
