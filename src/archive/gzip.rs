//! gzip (RFC 1952): one or more members, each with its checksum and length compared.
//!
//! The format is flate2's. This module ensures that a truncated stream is an error.

use std::io::{BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::spool::CHUNK;
use crate::diag::{Diagnostic, codes};

/// Whether a file that begins so is gzip with deflate, the only method there is.
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8])
}

/// Unpack all members of `packed` into `out`.
///
/// # Errors
/// When the stream is cut off or damaged, cannot be read, or `out` fails.
pub(super) fn unpack(
    packed: &mut dyn Read,
    out: &mut dyn FnMut(&[u8]) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let mut input = BufReader::with_capacity(CHUNK, packed);
    let mut buffer = vec![0; CHUNK];
    loop {
        let mut member = GzDecoder::new(&mut input);
        loop {
            match member.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => out(buffer.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::InvalidInput && member.header().is_none() => {
                    return Err(damaged("something that is not gzip follows its gzip stream"));
                }
                Err(error) => return Err(failed(&error)),
            }
        }
        // Another member, or zeros that fill a block up (gzip(1) ignores them too).
        loop {
            let rest = input.fill_buf().map_err(|error| failed(&error))?;
            if rest.is_empty() {
                return Ok(());
            }
            let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
            if zeros == 0 {
                break;
            }
            input.consume(zeros);
        }
    }
}

fn failed(error: &std::io::Error) -> Diagnostic {
    match error.kind() {
        ErrorKind::UnexpectedEof => damaged("its gzip stream is truncated"),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => damaged(&format!("its gzip stream is damaged: {error}")),
        _ => Diagnostic::new(codes::ARCHIVE_READ, format!("cannot read the archive: {error}")),
    }
}

fn damaged(what: &str) -> Diagnostic {
    super::damaged(what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{is_gzip, unpack};

    /// A member with stored blocks (RFC 1951 §3.2.4), which need no compressor.
    pub(super) fn member(content: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, b'x', b'y', b'n', 0, b'c', 0];
        let mut crc = flate2::Crc::new();
        crc.update(&out);
        out.extend(&crc.sum().to_le_bytes()[..2]);
        for chunk in content.chunks(60_000) {
            out.push(0);
            let len = u16::try_from(chunk.len()).unwrap();
            out.extend(len.to_le_bytes());
            out.extend((!len).to_le_bytes());
            out.extend(chunk);
        }
        out.extend([1, 0, 0, 0xff, 0xff]);
        let mut crc = flate2::Crc::new();
        crc.update(content);
        out.extend(crc.sum().to_le_bytes());
        out.extend(crc.amount().to_le_bytes());
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
            "the archive is damaged or truncated: something that is not gzip follows its gzip stream"
        );
    }
}
