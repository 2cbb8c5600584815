//! SHA-256 of content that comes in pieces, and MD5 as dpkg writes it down.

use sha2::Digest as _;

/// A sum under way.
#[derive(Debug, Default, Clone)]
pub(crate) struct Digest(sha2::Sha256);

impl Digest {
    /// Add a piece.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The sum of all pieces.
    #[must_use]
    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The sum of one piece, in hexadecimal.
    #[must_use]
    pub(crate) fn of(content: &[u8]) -> String {
        let mut digest = Self::default();
        digest.update(content);
        hex(&digest.finish())
    }
}

/// MD5 of content that comes in pieces, in hexadecimal: it tells a changed file from an unchanged one, and not one that
/// an attacker made to have the same sum (RFC 6151).
///
/// # Errors
/// The result of `next` when a piece cannot be read; it returns nothing at the end.
pub(crate) fn md5<E>(mut next: impl FnMut() -> Result<Vec<u8>, E>) -> Result<String, E> {
    let mut sum = md5::Md5::default();
    loop {
        let piece = next()?;
        if piece.is_empty() {
            return Ok(hex(&sum.finalize()));
        }
        sum.update(&piece);
    }
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Digest, md5};

    #[test]
    fn sums_are_those_of_fips_180() {
        assert_eq!(Digest::of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn sums_are_those_of_rfc_1321() {
        let mut pieces = ["", "c", "ab"].map(|piece| piece.as_bytes().to_vec()).to_vec();
        let sum = md5(|| pieces.pop().ok_or(())).unwrap();
        assert_eq!((sum.as_str(), pieces.len()), ("900150983cd24fb0d6963f7d28e17f72", 0));
        assert_eq!(md5::<()>(|| Ok(Vec::new())).unwrap(), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
