//! Disabling applets: their names cannot be looked up, and their functions are that of `false`.
//!
//! Indices are compiled into the program, so nothing moves: a byte of each name becomes '/', which no lookup asks for
//! (callers cut paths at it, shells search names without it only), at a place that keeps the names in order. This
//! module reads the result again and proves it before it returns it.

use std::ops::Range;

use super::Patched;
use super::busybox::{Table, is_behind_all, may_be_passed};
use super::image::Image;
use super::lookup::Search;

/// Names that cannot be hidden have to run something that does nothing.
const WITHOUT_FALSE: &str = "it was built without 'false', which has to replace applets whose names cannot be hidden";

/// Disable every name that `keep` does not keep. Names that were disabled before stay so.
///
/// # Errors
/// Why this cannot be done or shown to be right, as a clause.
pub(super) fn disable(image: &Image<'_>, table: &Table, keep: &dyn Fn(&str) -> bool) -> Result<Patched, &'static str> {
    let kept = |index: usize| {
        let name = table.name(image.data, index);
        !table.is_disabled(image.data, index) && std::str::from_utf8(name).is_ok_and(keep)
    };
    let function = |index: usize| table.functions.get(index).map(|slot| slot.value);
    // Without `false`, whatever reaches a function by its number runs an applet that is kept anyway.
    let instead = || (0..table.names.len()).find(|&index| kept(index) && !is_own(table.name(image.data, index)));
    let nothing = table.nothing.or_else(|| function(instead()?)).ok_or(WITHOUT_FALSE)?;
    let mut edit = Edit { data: image.data.to_vec(), allowed: Vec::new() };
    let searches = Search::of(table.version);
    for index in (0..table.names.len()).filter(|&index| !kept(index)) {
        let Some(slot) = table.functions.get(index) else { continue };
        if slot.value != nothing {
            for (at, bytes) in image.write(slot.address, nothing).ok_or("its table of functions is not in the file")? {
                edit.write(at, &bytes);
            }
        }
        // A name that had to stay before stays, though those around it are others now.
        if !table.is_disabled(image.data, index) {
            mangle(image, table, index, searches, &mut edit);
        }
    }
    let silent = verify(image, table, &edit, nothing, &kept)?;
    if table.nothing.is_none() && !silent.is_empty() {
        return Err(WITHOUT_FALSE);
    }
    Ok(Patched { changed: !edit.allowed.is_empty(), data: edit.data, silent })
}

/// The name that only dispatches.
fn is_own(name: &[u8]) -> bool {
    name == b"busybox"
}

struct Edit {
    data: Vec<u8>,
    /// What may differ.
    allowed: Vec<Range<usize>>,
}

impl Edit {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.data.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
            self.allowed.push(at..at + bytes.len());
        }
    }
}

/// Put '/' into a name where that keeps the order. Where it cannot, and lookups begin at this name, they begin one
/// checkpoint earlier; where that cannot be either, the name stays, and its function does nothing.
fn mangle(image: &Image<'_>, table: &Table, index: usize, searches: &[Search], edit: &mut Edit) {
    let name = table.name(image.data, index);
    let Some(start) = table.names.get(index).map(|range| range.start) else { return };
    let before = index.checked_sub(1).map(|before| table.name(image.data, before)).unwrap_or_default();
    let same = name.iter().zip(before).take_while(|(a, b)| a == b).count();
    // What lies below '/' must not rise.
    if let Some(at) = (same + 1..name.len()).find(|&at| name.get(at).is_some_and(|&byte| byte > b'/')) {
        edit.write(start + at, b"/");
        return;
    }
    let Some(last) = name.len().checked_sub(1).filter(|&last| name.get(last).is_some_and(|&byte| byte > b'/')) else {
        return;
    };
    let (offsets, entries) = table.offsets;
    let checkpoint = |j: usize| (j + 1) * table.names.len() / (entries + 1);
    if let Some(j) = (0..entries).find(|&j| checkpoint(j) == index) {
        let off = |j: usize| may_be_passed(&edit.data, &table.names, checkpoint(j));
        // Most have to stay, so that the table can be found again.
        let enough = 2 * (0..entries).filter(|&other| other != j && !off(other)).count() > entries;
        let away = away(image, table).filter(|_| enough && searches == [Search::Ordered]);
        let (Some(away), Some(offsets)) = (away, offsets) else { return };
        edit.write(offsets + 2 * j, &image.bytes(u64::from(away), 2));
    }
    edit.write(start + last, b"/");
}

/// The offset of an end of a name that sorts behind all names: no lookup begins there.
fn away(image: &Image<'_>, table: &Table) -> Option<u16> {
    let base = table.names.first()?.start;
    let inside = table.names.iter().flat_map(|range| range.clone().skip(1));
    inside.filter(|&at| is_behind_all(image.data, &table.names, at)).find_map(|at| u16::try_from(at - base).ok())
}

/// Read the result again: every kept name is found where it was, with the function it had; every other one is not found,
/// or runs nothing; and no byte differs that belongs to anything else. Returns the names that are found.
fn verify(
    image: &Image<'_>,
    table: &Table,
    edit: &Edit,
    nothing: u64,
    kept: &dyn Fn(usize) -> bool,
) -> Result<Vec<String>, &'static str> {
    const WRONG: &str = "harden could not prove that the result is right";
    let new = Image::open(&edit.data).map_err(|_| WRONG)?;
    let read = Table::locate(&new, table.version).map_err(|_| WRONG)?;
    let same_places = read.offsets == table.offsets && read.names == table.names;
    if !same_places || read.functions.len() != table.functions.len() || new.data.len() != image.data.len() {
        return Err(WRONG);
    }
    let mut silent = Vec::new();
    for index in 0..table.names.len() {
        let (old, name) = (table.name(image.data, index), read.name(new.data, index));
        let function = read.functions.get(index).map(|slot| (slot.address, slot.value));
        let before = table.functions.get(index).map(|slot| (slot.address, slot.value));
        let found = |name: &[u8]| {
            Search::of(table.version).iter().map(|search| search.find(&new, &read, name)).collect::<Vec<_>>()
        };
        // Every answer is this index, or, for what is disabled, some other one that does nothing.
        let harmless = |at: Option<usize>| at.is_none_or(|at| !kept(at));
        if kept(index) {
            if name != old || function != before || found(old).iter().any(|&at| at != Some(index)) {
                return Err(WRONG);
            }
        } else {
            let empty = function.map(|(_, value)| value) == Some(nothing);
            if !empty || !found(old).into_iter().chain(found(name)).all(harmless) {
                return Err(WRONG);
            }
            if !old.contains(&b'/') && found(old).iter().any(Option::is_some) {
                silent.push(String::from_utf8_lossy(old).into_owned());
            }
        }
    }
    let mut blank = edit.data.clone();
    for range in &edit.allowed {
        if let (Some(to), Some(from)) = (blank.get_mut(range.clone()), image.data.get(range.clone())) {
            to.copy_from_slice(from);
        }
    }
    if is_same(&blank, image.data) { Ok(silent) } else { Err(WRONG) }
}

/// Whether two files of one size are the same: eight bytes at a time, where memcmp(3) of musl takes one.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (mut a, mut b) = (one.chunks_exact(8), other.chunks_exact(8));
    let eight = |chunk: &[u8]| <[u8; 8]>::try_from(chunk).map(u64::from_ne_bytes).ok();
    one.len() == other.len()
        && a.by_ref().zip(b.by_ref()).all(|(a, b)| eight(a) == eight(b))
        && a.remainder() == b.remainder()
}
