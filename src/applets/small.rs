//! Small applet tables, which the functions alone have to prove: below 32 names the generator writes no offsets, and up
//! to 127 names it writes three, which compilers put into the code.
//!
//! The end of the names is certain: an empty one follows. Their start is certain if the first of them shares its
//! function with another (`[` and `test`, `ash` and `sh`), and nothing in front can belong to the tables: no string of
//! such bytes, or no address of code. If any other start fits, it is uncertain, and then there is no table.

use std::ops::Range;

use super::busybox::{FEWEST, LONGEST, functions, is_false, is_name_byte};
use super::image::{Image, Slot};

/// Fewest names of a table with seven offsets, which stay a table in the file.
const MOST: usize = 128;
/// Fewest names: two of one program, and another.
const LEAST: usize = 3;
/// Most ends of names that are looked at.
const MAX_ENDS: usize = 1 << 16;

/// Names and functions.
pub(super) type Small = (Vec<Range<usize>>, Vec<Slot>);

/// Every pair of tables that would fit.
pub(super) fn locate(image: &Image<'_>) -> Vec<Small> {
    let data = image.data;
    let pointers = image.code_pointers();
    let mut found = Vec::new();
    let ends = data.windows(3).enumerate().filter(|(_, part)| matches!(part, [byte, 0, 0] if is_name_byte(*byte)));
    for (end, _) in ends.take(MAX_ENDS) {
        let names = names(data, end + 1);
        let Some(first) = names.first().filter(|_| (LEAST..MOST).contains(&names.len())) else { continue };
        let open = may_begin_earlier(data, first);
        for window in functions(data, &pointers, image.word, &names) {
            let function = |slot: &Slot| slot.value;
            let first_one = window.first().map(function);
            let shares = window.iter().skip(1).map(function).any(|value| first_one == Some(value));
            let differ = window.iter().map(function).any(|value| first_one != Some(value));
            let address = window.first().and_then(|slot| slot.address.checked_sub(image.word));
            let longer = open && pointers.iter().any(|slot| Some(slot.address) == address);
            if shares
                && !has_offsets(image, &names)
                && differ
                && only_disabled_do_nothing(data, &names, &window)
                && !longer
                && image.address_of(first.start).is_some()
            {
                found.push((names.clone(), window));
            }
        }
    }
    found
}

/// How many offsets a table of so many names has, wherever they are.
pub(super) fn entries(names: usize) -> usize {
    if names < FEWEST { 0 } else { 3 }
}

/// Whether most of the offsets stand in the file after all: damaged, or in more than one place.
fn has_offsets(image: &Image<'_>, names: &[Range<usize>]) -> bool {
    let entries = entries(names.len());
    let start = |index: usize| names.get(index).map(|range| range.start);
    let offset = |j: usize| Some((start(j * names.len() / (entries + 1))? - start(0)?) as u64);
    let wanted: Vec<Option<u64>> = (1..=entries).map(offset).collect();
    entries > 0
        && (0..image.data.len()).step_by(2).any(|at| {
            let same = wanted.iter().enumerate().filter(|(j, offset)| image.int(at + 2 * j, 2) == **offset);
            same.count() + 1 >= entries
        })
}

/// Whether no name but disabled ones runs what `false` runs: tables of one address all over would fit any names.
fn only_disabled_do_nothing(data: &[u8], names: &[Range<usize>], window: &[Slot]) -> bool {
    let named = || names.iter().map(|range| data.get(range.clone()).unwrap_or_default()).zip(window);
    let nothing = named().find(|(name, _)| is_false(name)).map(|(_, slot)| slot.value);
    // A disabled name may have to stay where a search begins.
    let entries = entries(names.len());
    let begins = |index: usize| (1..=entries).any(|j| j * names.len() / (entries + 1) == index);
    named().enumerate().all(|(index, (name, slot))| {
        is_false(name) || name.contains(&b'/') || begins(index) || Some(slot.value) != nothing
    })
}

/// The names in order that end at an offset, the longest row of them.
fn names(data: &[u8], end: usize) -> Vec<Range<usize>> {
    let mut names: Vec<Range<usize>> = Vec::new();
    let mut end = end;
    // One more than a table has: a row of so many is none.
    while names.len() <= MOST {
        let text = data.get(..end).unwrap_or_default();
        let len = text.iter().rev().take_while(|byte| is_name_byte(**byte)).count();
        let name = end - len..end;
        let text = data.get(name.clone()).unwrap_or_default();
        let next = names.last().and_then(|range| data.get(range.clone()));
        let ordered = next.is_none_or(|next| is_before(text, next));
        if len == 0 || len > LONGEST || !ordered {
            break;
        }
        let begin = name.start;
        names.push(name);
        match begin.checked_sub(1) {
            Some(at) if data.get(at) == Some(&0) => end = at,
            _ => break,
        }
    }
    names.reverse();
    names
}

/// Whether some end of the string in front could be one more name, in whatever order: a damaged table has lost its own.
fn may_begin_earlier(data: &[u8], first: &Range<usize>) -> bool {
    let in_front = |back: usize| first.start.checked_sub(back).and_then(|at| data.get(at));
    in_front(1) == Some(&0) && in_front(2).is_some_and(|byte| is_name_byte(*byte))
}

/// Whether one name may stand before another: a disabled one that ends in '/' stands out of the order.
fn is_before(name: &[u8], next: &[u8]) -> bool {
    name < next || name.ends_with(b"/") || next.ends_with(b"/")
}
