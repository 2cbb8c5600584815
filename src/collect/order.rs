//! In which order the entries of a list are to be read: their numbers, in chunks, so that one is put between others without
//! moving all behind it. Once for every map, whatever it holds: what compares two entries comes as a function.

use std::cmp::Ordering;

/// Numbers in a chunk at most. Filled in order, each chunk is full; otherwise they are half full at least when they are made.
const CHUNK: usize = 256;

/// Numbers of entries, in order.
#[derive(Clone)]
pub(super) struct Order {
    /// None is empty.
    chunks: Vec<Vec<u32>>,
}

/// Where in an order a number is, or comes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    chunk: usize,
    at: usize,
}

/// The numbers from a place on.
pub(super) type Sequence<'a> = std::iter::Map<
    std::iter::Chain<std::slice::Iter<'a, u32>, std::iter::Flatten<std::slice::Iter<'a, Vec<u32>>>>,
    fn(&u32) -> usize,
>;

impl Order {
    /// Of no entries.
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// Of this many entries that are in order themselves.
    pub(super) fn of(count: usize) -> Self {
        let numbers: Vec<u32> = (0..).take(count).collect();
        Self { chunks: numbers.chunks(CHUNK).map(<[u32]>::to_vec).collect() }
    }

    /// Where what is looked for is and its number, or where it would have to be. `order` says how an entry compares with it.
    pub(super) fn find(&self, order: &dyn Fn(usize) -> Ordering) -> Result<(Place, usize), Place> {
        let starts = |chunk: &Vec<u32>| chunk.first().is_some_and(|&number| order(number as usize).is_le());
        let chunk = self.chunks.partition_point(starts).saturating_sub(1);
        let numbers = self.chunks.get(chunk).map_or(&[][..], Vec::as_slice);
        match numbers.binary_search_by(|&number| order(number as usize)) {
            Ok(at) => Ok((Place { chunk, at }, numbers.get(at).map_or(0, |&number| number as usize))),
            Err(at) => Err(Place { chunk, at }),
        }
    }

    /// The first place and its number.
    pub(super) fn first(&self) -> Option<(Place, usize)> {
        Some((Place { chunk: 0, at: 0 }, *self.chunks.first()?.first()? as usize))
    }

    /// Put a number before a place.
    #[expect(clippy::cast_possible_truncation, reason = "a list of 2^32 entries is not held in memory")]
    pub(super) fn insert(&mut self, place: Place, number: usize) {
        let Place { chunk, at } = place;
        let last = chunk + 1 == self.chunks.len();
        let Some(numbers) = self.chunks.get_mut(chunk) else {
            self.chunks.push(vec![number as u32]);
            return;
        };
        if numbers.len() < CHUNK {
            numbers.insert(at, number as u32);
            return;
        }
        // What comes at the end is likely to be followed by more: the chunk stays full.
        let mut rest = numbers.split_off(if last && at == CHUNK { CHUNK } else { CHUNK / 2 });
        match at.checked_sub(numbers.len()) {
            Some(at) => rest.insert(at, number as u32),
            None => numbers.insert(at, number as u32),
        }
        self.chunks.insert(chunk + 1, rest);
    }

    /// Another number for a place.
    #[expect(clippy::cast_possible_truncation, reason = "a list of 2^32 entries is not held in memory")]
    pub(super) fn set(&mut self, place: Place, number: usize) {
        if let Some(slot) = self.chunks.get_mut(place.chunk).and_then(|numbers| numbers.get_mut(place.at)) {
            *slot = number as u32;
        }
    }

    /// Take a place out.
    pub(super) fn remove(&mut self, place: Place) {
        let Some(numbers) = self.chunks.get_mut(place.chunk) else { return };
        numbers.remove(place.at);
        if numbers.is_empty() {
            self.chunks.remove(place.chunk);
        }
    }

    /// Have the entries themselves brought into order by swapping two at a time.
    pub(super) fn settle(&mut self, swap: &mut dyn FnMut(usize, usize)) {
        let mut numbers: Vec<usize> = self.all().collect();
        for start in 0..numbers.len() {
            let mut here = start;
            // Each round of entries that have to change places with one another, from its first.
            while let Some(next) = numbers.get_mut(here).map(|number| std::mem::replace(number, here)) {
                if next == start {
                    break;
                }
                swap(here, next);
                here = next;
            }
        }
        *self = Self::of(numbers.len());
    }

    /// Whether every number below this one is there once, and no chunk is empty or too long: for tests.
    #[cfg(test)]
    pub(super) fn is_sound(&self, count: usize) -> bool {
        let mut numbers: Vec<usize> = self.all().collect();
        numbers.sort_unstable();
        numbers.into_iter().eq(0..count) && self.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len()))
    }

    /// Every number.
    pub(super) fn all(&self) -> Sequence<'_> {
        sequence(&[], &self.chunks)
    }

    /// The numbers from a place on.
    pub(super) fn from(&self, place: Place) -> Sequence<'_> {
        let mut rest = self.chunks.get(place.chunk..).unwrap_or_default().iter();
        let first = rest.next().and_then(|numbers| numbers.get(place.at..)).unwrap_or_default();
        sequence(first, rest.as_slice())
    }
}

fn sequence<'a>(first: &'a [u32], rest: &'a [Vec<u32>]) -> Sequence<'a> {
    first.iter().chain(rest.iter().flatten()).map(|&number| number as usize)
}
