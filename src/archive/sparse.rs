//! Files with holes, in the four ways that tar stores them: GNU's old header, and pax of GNU 0.0, 0.1 and 1.0
//! (GNU tar manual, "Storing Sparse Files").
//!
//! This module knows which bytes of such a file are stored; the reader knows their place in the archive.

use super::header::{Header, number};
use crate::diag::Diagnostic;

/// Most runs of one file: a map of them takes some MiB.
const MOST_SEGMENTS: usize = 1 << 18;

/// A run of bytes that is stored; all others are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// First byte in the file.
    pub(super) offset: u64,
    /// Number of bytes.
    pub(super) len: u64,
}

/// What pax records say of a sparse file.
#[derive(Debug, Default)]
pub(super) struct Pax {
    /// The records are there.
    pub(super) any: bool,
    /// The map stands before the content, not in the records (GNU 1.0).
    pub(super) map_in_content: bool,
    /// Its real name: the header has one for programs that do not know of sparse files.
    pub(super) name: Option<Vec<u8>>,
    /// Its real size.
    pub(super) size: Option<u64>,
    /// The runs, when they stand in the records.
    pub(super) segments: Vec<Segment>,
    offset: Option<u64>,
    /// The versions that the records name.
    major: Option<bool>,
    minor: Option<bool>,
    /// The map stands in a record, in one line or in many.
    map: bool,
    lines: bool,
}

impl Pax {
    /// One record, its key without `GNU.sparse.`; `None` when it makes no sense.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        self.any = true;
        match key {
            b"major" => {
                self.map_in_content = digit(value)?;
                self.major = Some(self.map_in_content);
            }
            b"minor" => self.minor = Some(digit(value)?),
            b"name" => self.name = Some(value.to_vec()),
            b"size" | b"realsize" => {
                let size = decimal(value)?;
                if self.size.replace(size).is_some_and(|before| before != size) {
                    return None;
                }
            }
            b"numblocks" => {}
            b"offset" => self.offset = Some(decimal(value)?),
            b"numbytes" if !self.map => {
                self.lines = true;
                push(&mut self.segments, self.offset.take()?, decimal(value)?)?;
            }
            b"map" if !self.lines && !self.map => {
                self.map = true;
                if value.is_empty() {
                    return Some(());
                }
                let mut numbers = value.split(|&byte| byte == b',');
                while let Some(offset) = numbers.next() {
                    push(&mut self.segments, decimal(offset)?, decimal(numbers.next()?)?)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether the records are those of one of the versions 0.0, 0.1 and 1.0: without numbers it is known by its map.
    pub(super) fn is_known(&self) -> bool {
        match (self.major, self.minor) {
            (Some(true), Some(false)) => !self.map && !self.lines,
            (Some(false), Some(_)) => true,
            (None, None) => self.map && !self.segments.is_empty() || self.lines,
            _ => false,
        }
    }
}

/// The digit of a version.
fn digit(value: &[u8]) -> Option<bool> {
    match value {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

/// The map before the content (GNU 1.0): how many, then offset and length of each, a line for each number. `byte` gives
/// the content byte by byte.
pub(super) fn map(byte: &mut dyn FnMut() -> Result<u8, Diagnostic>) -> Result<Option<Vec<Segment>>, Diagnostic> {
    let mut line = || -> Result<Option<u64>, Diagnostic> {
        let mut digits = Vec::new();
        while digits.len() < 20 {
            match byte()? {
                b'\n' => return Ok(decimal(&digits)),
                digit => digits.push(digit),
            }
        }
        Ok(None)
    };
    let mut segments = Vec::new();
    let Some(count) = line()?.filter(|&count| count <= MOST_SEGMENTS as u64) else { return Ok(None) };
    for _ in 0..count {
        let (Some(offset), Some(len)) = (line()?, line()?) else { return Ok(None) };
        segments.push(Segment { offset, len });
    }
    Ok(Some(segments))
}

/// The runs and the real size of GNU's old sparse file; `next` gives the blocks that follow its header.
pub(super) fn gnu(
    header: &Header,
    next: &mut dyn FnMut() -> Result<Vec<u8>, Diagnostic>,
) -> Result<Option<(Vec<Segment>, u64)>, Diagnostic> {
    let natural = |field: Option<&[u8]>| number(field?).and_then(|value| u64::try_from(value).ok());
    let mut segments = Vec::new();
    let Some(size) = natural(header.block.get(483..495)) else { return Ok(None) };
    // Where the runs stand in a block, how many there is room for, and the mark that another block follows.
    let (mut block, mut start, mut room, mut mark) = (header.block.clone(), 386, 4, 482);
    loop {
        for at in (0..room).map(|index| start + index * 24) {
            if block.get(at).is_none_or(|&byte| byte == 0) {
                break;
            }
            let run = natural(block.get(at..at + 12)).zip(natural(block.get(at + 12..at + 24)));
            if run.and_then(|(offset, len)| push(&mut segments, offset, len)).is_none() {
                return Ok(None);
            }
        }
        if block.get(mark).is_none_or(|&byte| byte == 0) {
            return Ok(Some((segments, size)));
        }
        block = next()?;
        (start, room, mark) = (0, 21, 504);
    }
}

/// The runs, when they are in order, inside the file, and as long as what is stored.
/// Those without a byte say nothing more.
pub(super) fn checked(mut segments: Vec<Segment>, stored: u64, size: u64) -> Option<Vec<Segment>> {
    let (mut end, mut sum) = (0, 0_u64);
    for segment in &segments {
        if segment.offset < end {
            return None;
        }
        end = segment.offset.checked_add(segment.len)?;
        sum = sum.checked_add(segment.len)?;
    }
    segments.retain(|segment| segment.len > 0);
    segments.shrink_to_fit();
    (end <= size && sum == stored).then_some(segments)
}

fn push(segments: &mut Vec<Segment>, offset: u64, len: u64) -> Option<()> {
    if segments.len() >= MOST_SEGMENTS {
        return None;
    }
    segments.push(Segment { offset, len });
    Some(())
}

/// A number as pax writes it.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|&number: &u64| i64::try_from(number).is_ok())
}
