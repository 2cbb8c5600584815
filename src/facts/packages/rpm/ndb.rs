//! `Packages.db`: slots that say in which blocks of 16 bytes a package's header lies (rpm's lib/backend/ndb/rpmpkg.c).
//! Little endian everywhere. Checksums are not looked at: a record's ends say whose and how long it is.

use super::bytes::{File, Order};
use super::{MAX_HEADER, Outcome};
use anyhow::bail;

/// Bytes of a page of slots.
const PAGE: u64 = 4096;
/// Bytes of a slot, of a block, and of what stands before a header.
const UNIT: u64 = 16;
/// Slots that the file's own header fills.
const FIRST_SLOT: u64 = 2;
/// Bytes behind a header: checksum, length, magic.
const TAIL: u64 = 12;

/// Hand on the header of every package.
pub(super) fn headers(file: &mut File<'_>, each: &mut dyn FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
    let head = file.take(0, 32)?;
    let number = |bytes: &[u8], at| Order::Little.u32(bytes, at);
    if !head.starts_with(b"RpmP") || number(&head, 4) != 0 {
        bail!("it is not an rpm database of a known version");
    }
    let slots = u64::from(number(&head, 12)) * (PAGE / UNIT);
    for slot in FIRST_SLOT..slots {
        let slot = file.take(slot * UNIT, UNIT as usize)?;
        let (package, start, blocks) = (number(&slot, 4), number(&slot, 8), number(&slot, 12));
        if !slot.starts_with(b"Slot") {
            bail!("one of its slots is damaged");
        }
        if package == 0 {
            continue;
        }
        let start = u64::from(start) * UNIT;
        let before = file.take(start, UNIT as usize)?;
        let len = number(&before, 12);
        let whole = (UNIT + u64::from(len) + TAIL).next_multiple_of(UNIT);
        if !before.starts_with(b"BlbS") || number(&before, 4) != package || whole != u64::from(blocks) * UNIT {
            bail!("one of its records is damaged");
        }
        if u64::from(len) > MAX_HEADER {
            bail!("one of its records is too long");
        }
        let behind = file.take(start + whole - TAIL, TAIL as usize)?;
        if !behind.ends_with(b"BlbE") || number(&behind, 4) != len {
            bail!("one of its records is damaged");
        }
        each(&file.take(start + UNIT, len as usize)?)?;
    }
    Ok(())
}
