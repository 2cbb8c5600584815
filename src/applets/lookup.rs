//! The applet lookup of busybox, carried out on the bytes of a file: libbb/appletlib.c, find_applet_by_name().

use super::busybox::{Table, string};
use super::image::Image;

/// The two searches that there have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// 1.26 to 1.33: from one checkpoint to the next, whatever the order.
    Bounded,
    /// From 1.34 on: from a checkpoint to the end, given up where the names sort behind.
    Ordered,
}

impl Search {
    /// The searches that a version may use: both when it is unknown.
    pub(super) fn of(version: Option<u32>) -> &'static [Self] {
        match version {
            Some(26..=33) => &[Self::Bounded],
            Some(34..=38) => &[Self::Ordered],
            _ => &[Self::Bounded, Self::Ordered],
        }
    }

    /// The index that a name is found at.
    pub(super) fn find(self, image: &Image<'_>, table: &Table, name: &[u8]) -> Option<usize> {
        let base = table.names.first()?.start;
        let count = table.names.len();
        let (_, entries) = table.offsets;
        let known = entries + 1;
        let (mut at, mut index, mut end) = (base, 0, count / known);
        for j in (0..entries).rev() {
            let checkpoint = table.checkpoint(image, j)?;
            if name >= string(image.data, checkpoint) {
                (at, index, end) = (checkpoint, (j + 1) * count / known, (j + 2) * count / known);
                break;
            }
        }
        loop {
            let here = string(image.data, at);
            if here.is_empty() || (self == Self::Bounded && index >= end) {
                return None;
            }
            if here == name {
                return Some(index);
            }
            if self == Self::Ordered && here > name {
                return None;
            }
            at += here.len() + 1;
            index += 1;
        }
    }
}
