//! Relations between entries and packages, or packages and packages, as sorted pairs of numbers.
//!
//! A pair is one 64-bit number, so that every relation shares one sort, and a desktop's 300,000 file names take 2.4 MB.

use super::PackageIndex;
use crate::tree::Id;

/// Pairs, sorted by their first number once [`Pairs::sorted`] was called.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<u64>);

/// What a pair is made of.
pub(super) trait Number: Copy {
    fn to_number(self) -> u32;
    fn from_number(number: u32) -> Self;
}

impl Number for Id {
    fn to_number(self) -> u32 {
        self.number()
    }

    fn from_number(number: u32) -> Self {
        Self::from_number(number)
    }
}

impl Number for PackageIndex {
    fn to_number(self) -> u32 {
        self.0
    }

    fn from_number(number: u32) -> Self {
        Self(number)
    }
}

impl Pairs {
    /// Add a pair, in any order.
    pub(super) fn push(&mut self, first: impl Number, second: impl Number) {
        self.0.push(u64::from(first.to_number()) << 32 | u64::from(second.to_number()));
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forget every pair behind the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The same pairs in order, each once.
    pub(super) fn sorted(mut self) -> Self {
        self.0.sort_unstable();
        self.0.dedup();
        self
    }

    /// The same pairs the other way round, in order.
    pub(super) fn reversed(&self) -> Self {
        Self(self.0.iter().map(|pair| pair.rotate_left(32)).collect()).sorted()
    }

    /// Every second number that stands beside `first`, in order.
    pub(super) fn of<T: Number>(&self, first: impl Number) -> impl Iterator<Item = T> + '_ {
        let first = u64::from(first.to_number());
        let start = self.0.partition_point(|pair| pair >> 32 < first);
        let rest = self.0.get(start..).unwrap_or_default();
        // The lower half of the pair, on purpose.
        rest.iter()
            .take_while(move |&pair| pair >> 32 == first)
            .map(|&pair| T::from_number((pair & 0xffff_ffff) as u32))
    }
}
