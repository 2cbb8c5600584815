//! gzip (RFC 1952): one or more members, each with its checksum and length compared.
//!
//! The deflate algorithm is miniz_oxide's. This module owns the framing, and that nothing is taken for complete which
//! is not.

use std::io::Read;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Error;
use super::store::CHUNK;

/// Flags of a member's header (RFC 1952 §2.3.1).
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Whether a file that begins so is gzip with deflate, the only method there is.
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8])
}

/// Unpack all members of `packed` into `out`.
///
/// # Errors
/// When the stream is cut off or damaged, cannot be read, or `out` fails.
pub(super) fn unpack(packed: &mut dyn Read, out: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut input = Input { from: packed, buffer: vec![0; CHUNK], at: 0, end: 0 };
    let table = crc_table();
    // The window that deflate looks back into: a power of two, so that miniz wraps around in it.
    let mut window = vec![0; CHUNK];
    let mut inflater = Box::<DecompressorOxide>::default();
    loop {
        header(&mut input)?;
        inflater.init();
        let (mut crc, mut len, mut at) = (!0_u32, 0_u32, 0);
        loop {
            input.fill()?;
            let more = if input.rest().is_empty() { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
            let (status, read, written) = decompress(&mut inflater, input.rest(), &mut window, at, more);
            input.at += read;
            let new = window.get(at..at + written).unwrap_or_default();
            crc = new.iter().fold(crc, |crc, &byte| {
                table.get((crc as u8 ^ byte) as usize).copied().unwrap_or_default() ^ (crc >> 8)
            });
            len = len.wrapping_add(written as u32);
            out(new)?;
            at = (at + written) % window.len();
            match status {
                TINFLStatus::Done => break,
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if more != 0 => {}
                TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => return Err(cut_off()),
                _ => return Err(damaged("its gzip stream holds what no compressor writes")),
            }
        }
        let mut trailer = [0; 8];
        for byte in &mut trailer {
            *byte = input.byte()?;
        }
        let [a, b, c, d, e, f, g, h] = trailer;
        if u32::from_le_bytes([a, b, c, d]) != !crc || u32::from_le_bytes([e, f, g, h]) != len {
            return Err(damaged("the checksum of its gzip stream is another one"));
        }
        // Another member, or zeros that fill a block up (gzip(1) ignores them too).
        loop {
            input.fill()?;
            let zeros = input.rest().iter().take_while(|&&byte| byte == 0).count();
            if zeros == 0 {
                break;
            }
            input.at += zeros;
        }
        if input.rest().is_empty() {
            return Ok(());
        }
    }
}

/// Read a member's header to its end.
fn header(input: &mut Input<'_>) -> Result<(), Error> {
    let mut fixed = [0; 10];
    for byte in &mut fixed {
        *byte = input.byte()?;
    }
    let flags = fixed.get(3).copied().unwrap_or_default();
    if !is_gzip(&fixed) || flags & RESERVED != 0 {
        return Err(damaged("something that is no gzip follows its gzip stream"));
    }
    if flags & EXTRA != 0 {
        let len = u16::from_le_bytes([input.byte()?, input.byte()?]);
        for _ in 0..len {
            input.byte()?;
        }
    }
    for flag in [NAME, COMMENT] {
        while flags & flag != 0 && input.byte()? != 0 {}
    }
    if flags & HEADER_CRC != 0 {
        input.byte()?;
        input.byte()?;
    }
    Ok(())
}

struct Input<'a> {
    from: &'a mut dyn Read,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

impl Input<'_> {
    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..self.end).unwrap_or_default()
    }

    /// Read on when nothing is left; afterwards nothing is left at the end only.
    fn fill(&mut self) -> Result<(), Error> {
        while self.at >= self.end {
            match self.from.read(&mut self.buffer) {
                Ok(count) => {
                    (self.at, self.end) = (0, count);
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::new(format!("cannot read the archive: {error}"), "")),
            }
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.fill()?;
        let byte = self.rest().first().copied().ok_or_else(cut_off)?;
        self.at += 1;
        Ok(byte)
    }
}

fn cut_off() -> Error {
    damaged("its gzip stream is cut off")
}

fn damaged(what: &str) -> Error {
    Error::damaged(what.to_owned())
}

/// CRC-32 of one byte for all bytes (RFC 1952 §8).
fn crc_table() -> Vec<u32> {
    let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    (0..256).map(|byte| (0..8).fold(byte, |crc, _| step(crc))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{is_gzip, unpack};

    /// A member with stored blocks (RFC 1951 §3.2.4), which need no compressor.
    pub(super) fn member(content: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, b'x', b'y', b'n', 0, b'c', 0, 9, 9];
        for chunk in content.chunks(60_000) {
            out.push(0);
            let len = u16::try_from(chunk.len()).unwrap();
            out.extend(len.to_le_bytes());
            out.extend((!len).to_le_bytes());
            out.extend(chunk);
        }
        out.extend([1, 0, 0, 0xff, 0xff]);
        let table = super::crc_table();
        let crc = !content.iter().fold(!0_u32, |crc, &byte| table[usize::from(crc as u8 ^ byte)] ^ (crc >> 8));
        out.extend(crc.to_le_bytes());
        out.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        out
    }

    fn run(packed: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let done = unpack(&mut &*packed, &mut |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        });
        done.map(|()| out).map_err(|error| error.text)
    }

    #[test]
    fn members_follow_each_other_and_zeros_end_them() {
        let content: Vec<u8> = (0..900_000_u32).map(|i| (i / 7) as u8).collect();
        let mut packed = member(&content);
        packed.extend(member(b"and more"));
        packed.extend([0; 700]);
        assert!(is_gzip(&packed));
        let out = run(&packed).unwrap();
        assert!(out[..900_000] == content[..] && out[900_000..] == *b"and more");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_seen() {
        let packed = member(b"content of a small file");
        for len in 0..packed.len() {
            assert!(run(&packed[..len]).is_err(), "cut at {len}");
        }
        // The fields before the data say nothing of the content: time, system, name.
        for at in 20..packed.len() {
            for bit in 0..8 {
                let mut damaged = packed.clone();
                damaged[at] ^= 1 << bit;
                // Deflate has bits that mean nothing, those before the length of a stored block.
                let seen = run(&damaged).map_or(true, |out| out == b"content of a small file");
                assert!(seen, "byte {at}, bit {bit}");
            }
        }
        let mut followed = packed;
        followed.extend(b"garbage of some length");
        assert_eq!(
            run(&followed).unwrap_err(),
            "the archive is damaged or cut off: something that is no gzip follows its gzip stream"
        );
    }
}
