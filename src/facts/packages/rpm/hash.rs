//! A hash file of Berkeley DB (db_page.h of its sources): pages of keys and values in the byte order of the machine that
//! wrote it, long values in chains of overflow pages. Buckets are not walked: every page of the file is looked at.

use super::bytes::{File, Order};
use super::{MAX_HEADER, Outcome};
use anyhow::{Context as _, anyhow, bail};

/// Bytes of a page before its content.
const PAGE_HEADER: usize = 26;
/// Magic numbers of a hash, in the first page.
const MAGIC: u32 = 0x0006_1561;
/// Kinds of pages.
const UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const META: u8 = 8;
const SORTED: u8 = 13;
/// Kinds of items in a page.
const INLINE: u8 = 1;
const ELSEWHERE: u8 = 3;

/// Hand on the header of every package.
pub(super) fn headers(file: &mut File<'_>, each: &mut dyn FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
    let meta = file.take(0, 72)?;
    let orders = [Order::Little, Order::Big];
    let order = orders.into_iter().find(|order| order.u32(&meta, 12) == MAGIC);
    let order = order.context("it is not a Berkeley DB hash")?;
    let size = usize::try_from(order.u32(&meta, 20)).unwrap_or(usize::MAX);
    let byte = |at: usize| meta.get(at).copied().unwrap_or_default();
    // Encrypted, with checksums, or in several files: rpm never writes these.
    if !size.is_power_of_two() || !(512..=65536).contains(&size) || (byte(24), byte(25), byte(26)) != (0, META, 0) {
        bail!("its first page is damaged");
    }
    let pages = Pages { size, order };
    let last = order.u32(&meta, 32);
    if pages.offset(last) + size as u64 > file.size() {
        bail!("it is truncated");
    }
    for number in 1..=last {
        let head = pages.head(file, number)?;
        if matches!(head.kind, SORTED | UNSORTED) && head.entries > 0 {
            pages.items(file, number, head.entries, each)?;
        }
    }
    Ok(())
}

struct Pages {
    /// Bytes of a page.
    size: usize,
    order: Order,
}

/// What stands before a page's content.
struct Head {
    next: u32,
    entries: usize,
    /// Bytes of an overflow page that are used.
    used: usize,
    kind: u8,
}

impl Pages {
    fn head(&self, file: &mut File<'_>, number: u32) -> Outcome<Head> {
        let head = file.take(self.offset(number), PAGE_HEADER)?;
        let kind = head.last().copied().unwrap_or_default();
        let (next, entries) = (self.order.u32(&head, 16), self.order.u16(&head, 20));
        Ok(Head { next, entries, used: self.order.u16(&head, 22), kind })
    }

    /// The values of a page: keys and values take turns, from the end of the page backwards.
    fn items(
        &self,
        file: &mut File<'_>,
        number: u32,
        count: usize,
        each: &mut dyn FnMut(&[u8]) -> Outcome<()>,
    ) -> Outcome<()> {
        let page = file.take(self.offset(number), self.size)?;
        let start = |at: usize| self.order.u16(&page, PAGE_HEADER + 2 * at);
        let item = |at: usize| {
            let end = if at == 0 { self.size } else { start(at - 1) };
            page.get(start(at)..end).and_then(<[u8]>::split_first).context("one of its pages is damaged")
        };
        for at in (0..count).step_by(2) {
            let (_, key) = item(at)?;
            let (&kind, value) = item(at + 1)?;
            match kind {
                // Record 0 is the highest number given out.
                _ if key == [0; 4] => {}
                INLINE => each(value)?,
                ELSEWHERE => each(&self.chain(file, self.order.u32(value, 3), self.order.u32(value, 7))?)?,
                _ => return Err(anyhow!("one of its records is of an unknown kind")),
            }
        }
        Ok(())
    }

    /// A value of `len` bytes in a chain of pages.
    fn chain(&self, file: &mut File<'_>, first: u32, len: u32) -> Outcome<Vec<u8>> {
        if u64::from(len) > MAX_HEADER {
            bail!("one of its records is too long");
        }
        let mut value = Vec::new();
        let mut next = first;
        while value.len() < len as usize {
            let head = self.head(file, next)?;
            if head.kind != OVERFLOW || head.used == 0 || head.used > self.size - PAGE_HEADER {
                bail!("one of its pages is damaged");
            }
            file.append(self.offset(next) + PAGE_HEADER as u64, head.used, &mut value)?;
            next = head.next;
        }
        if value.len() != len as usize {
            bail!("one of its records is damaged");
        }
        Ok(value)
    }

    fn offset(&self, number: u32) -> u64 {
        u64::from(number) * self.size as u64
    }
}
