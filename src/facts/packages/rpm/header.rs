//! A package header as databases store it: numbers of entries and bytes, the entries (tag, type, offset, count), the
//! bytes. Big endian everywhere. Tags and types are those of rpm's rpmtag.h; digests and signatures are not looked at.

use super::Outcome;
use super::bytes::Order;
use anyhow::{Context as _, bail};

/// Tags: one string.
pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const SOURCE_RPM: u32 = 1044;
/// Tags: numbers.
pub(super) const EPOCH: u32 = 1003;
pub(super) const FILE_FLAGS: u32 = 1037;
pub(super) const REQUIRE_FLAGS: u32 = 1048;
pub(super) const DIRECTORY_INDEXES: u32 = 1116;
/// Tags: strings.
pub(super) const OLD_PATHS: u32 = 1027;
pub(super) const PROVIDE_NAMES: u32 = 1047;
pub(super) const REQUIRE_NAMES: u32 = 1049;
pub(super) const NAMES: u32 = 1117;
pub(super) const DIRECTORIES: u32 = 1118;
const LISTS: [u32; 5] = [NAMES, DIRECTORIES, OLD_PATHS, REQUIRE_NAMES, PROVIDE_NAMES];
/// Tag: one byte a file.
pub(super) const FILE_STATES: u32 = 1029;

/// States of a file that is not this package's: another one replaced it, it was left out (`--nodocs`, languages), or the
/// other architecture's is there.
pub(super) const REPLACED: u8 = 1;
pub(super) const LEFT_OUT: u8 = 2;
pub(super) const WRONG_COLOUR: u8 = 4;
/// Flag of a file that is recorded and need not be there.
pub(super) const GHOST: u32 = 1 << 6;
/// Flags of a requirement of scriptlets, of rpm itself, or that may be missing: nothing that runs needs it.
pub(super) const ONLY_INSTALLING: u32 = 1 << 5 | 1 << 7 | 0x1f << 9 | 0b111 << 19 | 1 << 24;

/// Types.
const CHAR: u32 = 1;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;

/// Bytes of an entry.
const ENTRY: usize = 16;

/// One header.
pub(super) struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// The two parts of a header, which fill it to its last byte, and the lists of files that belong together.
    pub(super) fn parse(blob: &'a [u8]) -> Outcome<Self> {
        let split = || {
            let data = usize::try_from(Order::Big.u32(blob, 4)).ok()?;
            let entries = usize::try_from(Order::Big.u32(blob, 0)).ok()?.checked_mul(ENTRY)?;
            let (entries, rest) = blob.get(8..)?.split_at_checked(entries)?;
            (rest.len() == data).then_some(Self { entries, data: rest })
        };
        let header = split().context("one of its records is not a package header")?;
        let whole = LISTS.iter().all(|&tag| header.strings(tag).count() == header.find(tag, STRING_ARRAY).1);
        let indexes = header.numbers(DIRECTORY_INDEXES).count();
        if !whole || indexes != header.strings(NAMES).count() || header.has_other_types() {
            bail!("a list in one of its records is damaged");
        }
        Ok(header)
    }

    /// Whether what says who owns what is there as something else than a list of its type.
    fn has_other_types(&self) -> bool {
        self.entries.chunks_exact(ENTRY).any(|entry| {
            let (tag, kind) = (Order::Big.u32(entry, 0), Order::Big.u32(entry, 4));
            (LISTS.contains(&tag) && kind != STRING_ARRAY) || (tag == DIRECTORY_INDEXES && kind != INT32)
        })
    }

    pub(super) fn text(&self, tag: u32) -> Option<&'a [u8]> {
        let (data, count) = self.find(tag, STRING);
        data.split(|&b| b == 0).next().filter(|_| count == 1)
    }

    pub(super) fn strings(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let (data, count) = self.find(tag, STRING_ARRAY);
        let last = data.iter().rposition(|&b| b == 0);
        data.get(..last.unwrap_or(0)).unwrap_or_default().split(|&b| b == 0).take(count.min(data.len()))
    }

    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> {
        let (data, count) = self.find(tag, INT32);
        data.chunks_exact(4).take(count).map(|word| Order::Big.u32(word, 0))
    }

    pub(super) fn bytes(&self, tag: u32) -> &'a [u8] {
        let (data, count) = self.find(tag, CHAR);
        data.get(..count).unwrap_or_default()
    }

    /// The bytes from where an entry's data begin, and how many values they are. The last entry of a tag holds: what
    /// rpm writes while it installs stands behind what the package brought.
    fn find(&self, tag: u32, kind: u32) -> (&'a [u8], usize) {
        let word = |entry: &[u8], at| Order::Big.u32(entry, at);
        let found =
            self.entries.chunks_exact(ENTRY).rev().find(|entry| word(entry, 0) == tag && word(entry, 4) == kind);
        let Some(entry) = found else { return (&[], 0) };
        let data = usize::try_from(word(entry, 8)).ok().and_then(|at| self.data.get(at..)).unwrap_or_default();
        (data, usize::try_from(word(entry, 12)).unwrap_or(usize::MAX))
    }
}
