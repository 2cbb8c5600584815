//! SHA-256 of content that comes in pieces.

use sha2::Digest as _;

/// A sum under way.
#[derive(Debug, Default, Clone)]
pub struct Digest(sha2::Sha256);

impl Digest {
    /// Add a piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The sum of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The sum of one piece, in hexadecimal.
    #[must_use]
    pub fn of(content: &[u8]) -> String {
        let mut digest = Self::default();
        digest.update(content);
        hex(&digest.finish())
    }
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn sums_are_those_of_fips_180() {
        assert_eq!(Digest::of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
