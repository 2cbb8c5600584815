//! The parts of a string table that hold the wanted strings, read without the rest of it.

use super::Bytes;
use anyhow::{Context as _, Result, bail};

/// Longest string: search paths have been seen with a hundred directories.
const MAX_STRING: u64 = 64 * 1024;
/// Strings nearer than this are read in one go.
const WINDOW: u64 = 4096;
/// A name is short: only one that does not end within this is read in full.
const SHORT: u64 = 256;
/// Most bytes read for one file.
const MAX_TOTAL: usize = 2 * 1024 * 1024;

/// Windows into a string table.
pub(super) struct Table {
    windows: Vec<(u64, Vec<u8>)>,
}

impl Table {
    /// Read what is at the `wanted` offsets of the table at file offset `start`.
    pub(super) fn read(mut wanted: Vec<u64>, start: u64, size: u64, bytes: &(impl Bytes + ?Sized)) -> Result<Self> {
        wanted.retain(|&at| at < size);
        wanted.sort_unstable();
        wanted.dedup();
        let read = |first: u64, end: u64| {
            let offset = start.checked_add(first).context("its ELF strings lie out of bounds")?;
            bytes.at(offset, usize::try_from(end.saturating_sub(first)).unwrap_or(0))
        };
        let (mut windows, mut total) = (Vec::new(), 0);
        let mut rest = wanted.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if(|&next| next - last <= WINDOW) {
                last = next;
            }
            let end = last.saturating_add(SHORT).min(size);
            let mut window = read(first, end)?;
            let tail = usize::try_from(last - first).ok().and_then(|at| window.get(at..));
            if !tail.is_some_and(|tail| tail.contains(&0)) && end < size {
                window = read(first, last.saturating_add(MAX_STRING).min(size))?;
            }
            total += window.len();
            if total > MAX_TOTAL {
                bail!("its ELF strings have an impossible size");
            }
            windows.push((first, window));
        }
        Ok(Self { windows })
    }

    /// The NUL-terminated string at an offset, when it was wanted and is complete.
    pub(super) fn string(&self, at: u64) -> Option<&[u8]> {
        let index = self.windows.partition_point(|&(first, _)| first <= at).checked_sub(1)?;
        let (first, window) = self.windows.get(index)?;
        let tail = window.get(usize::try_from(at - first).ok()?..)?;
        let end = tail.iter().position(|&b| b == 0)?;
        tail.get(..end)
    }
}
