//! Zstandard (RFC 8878): one or more frames, with skippable ones between them, as layers of the media type `tar+zstd` are.
//!
//! The format is ruzstd's. This module ensures that a truncated stream is an error, and limits the memory of one frame.

use std::io::{BufRead as _, BufReader, ErrorKind, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::spool::CHUNK;
use crate::diag::{Diagnostic, codes};

/// Largest window of a frame: what every decoder takes (RFC 8878 §3.1.1.1.2), and what levels up to 19 write.
const LARGEST_WINDOW: u64 = 8 << 20;

/// Whether a file that begins so is a Zstandard frame, a skippable one included.
pub(super) fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || head.first().is_some_and(|byte| byte & 0xf0 == 0x50) && head.get(1..4) == Some(&[0x2a, 0x4d, 0x18])
}

/// Unpack all frames of `packed` into `out`.
///
/// # Errors
/// When the stream is cut off or damaged, needs a larger window, cannot be read, or `out` fails.
pub(super) fn unpack(
    packed: &mut dyn Read,
    out: &mut dyn FnMut(&[u8]) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let mut input = BufReader::with_capacity(CHUNK, packed);
    let mut buffer = vec![0; CHUNK];
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(LARGEST_WINDOW);
    while !input.fill_buf().map_err(|error| cannot_read(&error))?.is_empty() {
        match decoder.reset(&mut input) {
            Ok(()) => frame(&mut decoder, &mut input, &mut buffer, out)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = std::io::copy(&mut (&mut input).take(length.into()), &mut std::io::sink());
                if skipped.map_err(|error| cannot_read(&error))? < length.into() {
                    return Err(super::damaged("its zstd stream is truncated"));
                }
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_))) => {
                return Err(super::damaged("something that is not zstd follows its zstd stream"));
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(())
}

/// One frame; its length and its checksum are compared where it states them.
fn frame(
    decoder: &mut FrameDecoder,
    input: &mut dyn Read,
    buffer: &mut [u8],
    out: &mut dyn FnMut(&[u8]) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let (stated, mut len) = (decoder.content_size(), 0_u64);
    loop {
        let done = decoder.is_finished();
        if !done {
            let upto = BlockDecodingStrategy::UptoBytes(CHUNK);
            decoder.decode_blocks(&mut *input, upto).map_err(|error| failed(&error))?;
        }
        loop {
            let count = decoder.read(buffer).map_err(|error| cannot_read(&error))?;
            if count == 0 {
                break;
            }
            len += count as u64;
            out(buffer.get(..count).unwrap_or_default())?;
        }
        if done {
            break;
        }
    }
    let checksum = decoder.get_checksum_from_data();
    if (stated > 0 && stated != len) || checksum.is_some() && checksum != decoder.get_calculated_checksum() {
        return Err(super::damaged("its zstd stream does not match its length or checksum"));
    }
    Ok(())
}

fn failed(error: &FrameDecoderError) -> Diagnostic {
    if let FrameDecoderError::WindowSizeTooBig { requested, .. } = error {
        let text = format!(
            "it is compressed with zstd and a window of {requested} bytes; harden takes at most {LARGEST_WINDOW} bytes"
        );
        return Diagnostic::new(codes::ARCHIVE_UNSUPPORTED, text)
            .help("compress it with level 19 or less, or with gzip");
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return match error.kind() {
                ErrorKind::UnexpectedEof => super::damaged("its zstd stream is truncated"),
                _ => cannot_read(error),
            };
        }
        cause = error.source();
    }
    super::damaged(&format!("its zstd stream is damaged: {error}"))
}

fn cannot_read(error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_READ, format!("cannot read the archive: {error}"))
}
