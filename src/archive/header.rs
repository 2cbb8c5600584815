//! One block of 512 bytes as a tar header: POSIX.1-1988 (ustar), GNU, and the format before both.
//!
//! This module owns the fields and the checksum. `entries` puts an entry together from several headers.

use crate::diag::{Diagnostic, codes};

/// Bytes of a header, and of what the content of a file is filled up to.
pub(super) const BLOCK: u64 = 512;

/// The fields of a header, as far as anything looks at them.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// The name, the prefix of ustar before it.
    pub(super) name: Vec<u8>,
    /// The target of a link.
    pub(super) link: Vec<u8>,
    /// Type of the entry; a zero byte is what came before types.
    pub(super) kind: u8,
    /// Permission bits 0o7777.
    pub(super) mode: u16,
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// Bytes that follow, before they are filled up.
    pub(super) size: u64,
    /// Seconds since the epoch.
    pub(super) mtime: i64,
    /// Major and minor number of a device.
    pub(super) device: (u32, u32),
    /// It has GNU's magic.
    pub(super) gnu: bool,
    /// The whole block, for the fields of GNU's sparse files.
    pub(super) block: Vec<u8>,
}

/// What a block is.
#[derive(Debug, Clone)]
pub(super) enum Parsed {
    /// All zeros: half of the end of the archive.
    Zero,
    /// A header.
    Header(Box<Header>),
}

impl Header {
    /// Whether a character device has the number 0:0: overlayfs shows nothing there, and hides what lower layers have
    /// (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
    pub(super) fn is_whiteout(&self) -> bool {
        let zero = |start: usize| self.block.get(start..start + 8).and_then(number).is_none_or(|number| number == 0);
        zero(329) && zero(337)
    }
}

/// Read a block that begins at byte `at` of the archive.
///
/// # Errors
/// When it is no header, or has a number that no file system can hold.
pub(super) fn parse(block: &[u8], at: u64) -> Result<Parsed, Diagnostic> {
    if block.len() < BLOCK as usize {
        return Err(super::damaged(&format!("it ends inside the header at byte {at}")));
    }
    if block.iter().all(|&byte| byte == 0) {
        return Ok(Parsed::Zero);
    }
    let field = |start: usize, len: usize| block.get(start..start + len).unwrap_or_default();
    let wrong = |what: &str| super::damaged(&format!("the header at byte {at} has a wrong {what}"));
    if !checksum(block, number(field(148, 8)).ok_or_else(|| wrong("checksum"))?) {
        return Err(wrong("checksum"));
    }
    let natural = |start, len, what| {
        number(field(start, len)).and_then(|value| u64::try_from(value).ok()).ok_or_else(|| wrong(what))
    };
    let kind = block.get(156).copied().unwrap_or_default();
    let mut name = until_zero(field(0, 100)).to_vec();
    let prefix = until_zero(field(345, 155));
    let gnu = field(257, 8) == b"ustar  \0";
    if field(257, 6) == b"ustar\0" {
        // star's prefix is shorter, and followed by two times.
        if field(508, 4) == b"tar\0" && prefix.len() > 131 {
            return Err(ambiguous(at, "it has star's mark and a prefix that is longer than star's"));
        }
        if !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
    } else if gnu && !prefix.is_empty() {
        // GNU has two times there. Where they are none, Go's reader (since Go 1.8) takes text for a prefix.
        let time = |start| field(start, 12).first() == Some(&0) || number(field(start, 12)).is_some();
        if !(time(345) && time(357)) && prefix.is_ascii() {
            return Err(ambiguous(at, "it has GNU's mark and a prefix"));
        }
    }
    // Only ustar and GNU have them; what came before has nothing there.
    let device = |start| number(field(start, 8)).and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let mode = number(field(100, 8)).filter(|&mode| mode >= 0).ok_or_else(|| wrong("mode"))?;
    Ok(Parsed::Header(Box::new(Header {
        name,
        link: until_zero(field(157, 100)).to_vec(),
        kind,
        mode: u16::try_from(mode & 0o7777).unwrap_or_default(),
        uid: natural(108, 8, "uid")?,
        gid: natural(116, 8, "gid")?,
        size: natural(124, 12, "size")?,
        mtime: number(field(136, 12)).ok_or_else(|| wrong("time"))?,
        device: (device(329), device(337)),
        gnu,
        block: block.to_vec(),
    })))
}

/// What readers of engines (Go's archive/tar) and tar(1) take for different entries.
pub(super) fn ambiguous(at: u64, why: &str) -> Diagnostic {
    let text = format!("the archive's entry at byte {at} cannot be read the same way by every engine: {why}");
    Diagnostic::new(codes::ARCHIVE_AMBIGUOUS, text)
        .help("write the archive again: docker export CONTAINER, or tar -c of the unpacked directory")
}

/// A number: octal digits between blanks and zero bytes, or binary with the highest bit of the field set (GNU, star).
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // tar(1) takes no other first byte.
        if !matches!(first, 0x80 | 0xff) {
            return None;
        }
        // Two's complement over the field but for the mark.
        let negative = first & 0x40 != 0;
        let start = i64::from(first & 0x3f) - if negative { 0x40 } else { 0 };
        return rest.iter().try_fold(start, |value, &byte| value.checked_mul(256)?.checked_add(byte.into()));
    }
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    // tar(1) forgives one zero byte before the digits, and takes more for an empty field.
    if start < field.len() && field.iter().take(start).filter(|&&byte| byte == 0).count() > 1 {
        return None;
    }
    let digits = field.get(start..)?;
    let end = digits.iter().position(blank).unwrap_or(digits.len());
    let (digits, after) = digits.split_at_checked(end)?;
    if !after.iter().all(blank) {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, &byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 8)?;
        value.checked_mul(8)?.checked_add(digit.into())
    })
}

/// The field up to its first zero byte.
pub(super) fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The sum of all bytes with the checksum's own as blanks; old programs summed signed bytes.
fn checksum(block: &[u8], stated: i64) -> bool {
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, &byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    stated == unsigned || stated == signed
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::number;

    #[test]
    fn numbers_of_all_writers() {
        for (field, expected) in [
            (&b"0000755\0"[..], Some(0o755)),
            (b"   755 \0", Some(0o755)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"0000789\0", None),
            (b"07 5\0\0\0\0", None),
            (b"77777777777\0", Some(0o77_777_777_777)),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"", None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
