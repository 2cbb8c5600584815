//! A layer as Zstandard frames (RFC 8878 §3.1: a stream is one or more of them).
//!
//! The format is ruzstd's, whose compressor panics when its output cannot be written: each frame is made in memory.

use std::io::{self, Write};

use ruzstd::encoding::{CompressionLevel, compress};

/// Bytes of a frame's content.
const FRAME: usize = 4 << 20;

/// Compresses what is written to it.
pub(super) struct Frames<W> {
    out: W,
    content: Vec<u8>,
    frame: Vec<u8>,
}

impl<W: Write> Frames<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, content: Vec::with_capacity(FRAME), frame: Vec::new() }
    }

    /// Write the last frame, and what no frame was written for.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.end_frame()?;
        self.out.flush()
    }

    fn end_frame(&mut self) -> io::Result<()> {
        if self.content.is_empty() {
            return Ok(());
        }
        self.frame.clear();
        compress(self.content.as_slice(), &mut self.frame, CompressionLevel::Fastest);
        self.content.clear();
        self.out.write_all(&self.frame)
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(FRAME - self.content.len());
        self.content.extend_from_slice(bytes.get(..count).unwrap_or_default());
        if self.content.len() == FRAME {
            self.end_frame()?;
        }
        Ok(count)
    }

    /// A frame ends when it is full: what is written does not depend on who flushes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
