//! The table `Packages` of an SQLite database (sqlite.org/fileformat2.html): b-tree pages of tables, records, overflow
//! chains. No index, no schema but the table's first page, no journal.

use super::bytes::{File, Order};
use super::{MAX_HEADER, Outcome};
use anyhow::{Context as _, anyhow, bail};

/// First bytes of every database.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of page 1 before its b-tree.
const FILE_HEADER: usize = 100;
/// Kinds of b-tree pages.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// Columns of the schema that are read: type, name, table, first page.
const COLUMNS: usize = 4;

/// Hand on the header of every package.
pub(super) fn headers(file: &mut File<'_>, each: &mut dyn FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
    let head = file.take(0, FILE_HEADER)?;
    if !head.starts_with(MAGIC) {
        bail!("it is not an SQLite database");
    }
    let page = match Order::Big.u16(&head, 16) {
        1 => 65536,
        size => size,
    };
    let usable = page.saturating_sub(usize::from(head.get(20).copied().unwrap_or_default()));
    if !page.is_power_of_two() || usable < 480 {
        bail!("its page size is impossible");
    }
    let table = Table { page, usable };
    let mut first = None;
    table.rows(file, 1, &mut |record| {
        if let [Some(b"table"), Some(b"Packages"), _, Some(page)] = columns(record) {
            first = page.iter().try_fold(0_u32, |number, &b| number.checked_mul(256)?.checked_add(b.into()));
        }
        Ok(())
    })?;
    let first = first.context("it has no table of packages")?;
    table.rows(file, first, &mut |record| match columns(record) {
        [_, Some(header), ..] => each(header),
        _ => Err(anyhow!("one of its records is damaged")),
    })
}

/// How pages are cut.
struct Table {
    /// Bytes of a page.
    page: usize,
    /// Those that b-trees use.
    usable: usize,
}

impl Table {
    /// Every record of the table whose first page this is.
    fn rows(&self, file: &mut File<'_>, first: u32, each: &mut dyn FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        let pages = file.size() / self.page as u64;
        let mut todo = vec![first];
        let mut seen = 0;
        while let Some(number) = todo.pop() {
            let page = file.take(self.offset(number)?, self.page)?;
            let start = if number == 1 { FILE_HEADER } else { 0 };
            let kind = page.get(start).copied();
            let cells = start + if kind == Some(INTERIOR) { 12 } else { 8 };
            let cell = |at: usize| Order::Big.u16(&page, cells + 2 * at);
            let count = Order::Big.u16(&page, start + 3);
            match kind {
                Some(INTERIOR) => {
                    todo.push(Order::Big.u32(&page, start + 8));
                    todo.extend((0..count).rev().map(|at| Order::Big.u32(&page, cell(at))));
                }
                Some(LEAF) => {
                    for at in 0..count {
                        each(&self.payload(file, page.get(cell(at)..).unwrap_or_default())?)?;
                    }
                }
                _ => return Err(anyhow!("one of its pages is damaged")),
            }
            seen += 1;
            // Each page has one parent: more of them than the file has means a circle.
            if seen + todo.len() as u64 > pages {
                bail!("its pages form a loop or lead beyond its end");
            }
        }
        Ok(())
    }

    /// The record of a leaf's cell, with its overflow pages.
    fn payload(&self, file: &mut File<'_>, cell: &[u8]) -> Outcome<Vec<u8>> {
        let (len, cell) = varint(cell).context("one of its records is damaged")?;
        let (_, cell) = varint(cell).context("one of its records is damaged")?;
        let len = usize::try_from(len.min(MAX_HEADER + 1)).unwrap_or(usize::MAX);
        if len as u64 > MAX_HEADER {
            bail!("one of its records is too long");
        }
        // How much of a record stays in the page (section 1.6).
        let most = self.usable - 35;
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + len.saturating_sub(least) % (self.usable - 4);
        let local = match len {
            len if len <= most => len,
            _ if fitting <= most => fitting,
            _ => least,
        };
        let (here, rest) = cell.split_at_checked(local).context("one of its records is damaged")?;
        file.charge(local)?;
        let mut payload = here.to_vec();
        let mut next = Order::Big.u32(rest, 0);
        while payload.len() < len {
            let offset = self.offset(next)?;
            next = Order::Big.u32(&file.take(offset, 4)?, 0);
            file.append(offset + 4, (len - payload.len()).min(self.usable - 4), &mut payload)?;
        }
        Ok(payload)
    }

    fn offset(&self, number: u32) -> Outcome<u64> {
        let before = number.checked_sub(1).context("one of its pages is damaged")?;
        Ok(u64::from(before) * self.page as u64)
    }
}

/// The values of the first columns of a record, as bytes; numbers without their type.
fn columns(record: &[u8]) -> [Option<&[u8]>; COLUMNS] {
    let mut found = [None; COLUMNS];
    let Some((header, mut kinds)) = varint(record) else { return found };
    let header = usize::try_from(header).unwrap_or(usize::MAX);
    let end = header.saturating_sub(record.len() - kinds.len());
    kinds = kinds.get(..end).unwrap_or_default();
    let mut values = record.get(header..).unwrap_or_default();
    for column in &mut found {
        let Some((kind, rest)) = varint(kinds) else { break };
        kinds = rest;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            _ => kind.saturating_sub(12) / 2,
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let Some((value, rest)) = values.split_at_checked(len) else { break };
        values = rest;
        *column = Some(value);
    }
    found
}

/// A number of up to nine bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, &byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            number = number << 8 | u64::from(byte);
        } else {
            number = number << 7 | u64::from(byte & 0x7f);
        }
        if at == 8 || byte < 0x80 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}
