//! Editors of apk's text files: `installed` (apk-package(5)), `triggers`, and `world`.
//!
//! An editor removes a record with the lines that describe it; every other byte stays. The editors know nothing of
//! trees.

use super::text::{Goes, without_lines};

/// What is asked of `installed`.
pub(super) trait Blocks {
    /// Whether the record of the package goes whose block is the n-th, from 0.
    fn record_goes(&mut self, block: usize) -> bool;
    /// Whether a path goes, relative to the root.
    fn path_goes(&mut self, path: &[u8]) -> bool;
}

/// An edited database, and the checksums by which `triggers` names the packages that went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) text: Option<Vec<u8>>,
    pub(super) checksums: Vec<Vec<u8>>,
}

/// `installed` without the blocks, and the lines of directories and files (with their M:, a: and Z:), that go.
///
/// # Errors
/// When a line is no `LETTER:value`.
pub(super) fn installed(text: &[u8], ask: &mut dyn Blocks) -> Result<Edited, ()> {
    let mut edited = Edited::default();
    let mut left = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut block = 0;
    while !rest.is_empty() {
        let (one, after) = rest.split_at(end(rest));
        rest = after;
        let named = lines(one).any(|line| line.len() > 2 && line.starts_with(b"P:"));
        if named && ask.record_goes(block) {
            edited.checksums.extend(lines(one).find_map(|line| line.strip_prefix(b"C:")).map(<[u8]>::to_vec));
        } else {
            copy(&mut left, one, ask)?;
        }
        block += usize::from(named);
    }
    edited.text = (left.len() < text.len()).then_some(left);
    Ok(edited)
}

/// `triggers`: `checksum pattern…` a line.
pub(super) fn triggers(text: &[u8], checksums: &[Vec<u8>]) -> Option<Vec<u8>> {
    without_lines(text, &mut |line| {
        let first = line.split(|&b| b == b' ').next().unwrap_or_default();
        !first.is_empty() && checksums.iter().any(|sum| sum == first)
    })
}

/// `world`: what was asked for by name, one a line, each with an optional version or tag; `!name` forbids and stays.
pub(super) fn world(text: &[u8], goes: Goes<'_>) -> Option<Vec<u8>> {
    without_lines(text, &mut |line| {
        let name = line.split(|b| b"<>=~@".contains(b)).next().unwrap_or_default().trim_ascii();
        !name.is_empty() && goes(name)
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'\n')
}

/// Where the first block ends, the blank lines behind it included.
fn end(text: &[u8]) -> usize {
    let (mut at, mut closed) = (0, false);
    for line in text.split_inclusive(|&b| b == b'\n') {
        if closed && line != b"\n" {
            break;
        }
        closed = line == b"\n";
        at += line.len();
    }
    at
}

fn copy(left: &mut Vec<u8>, block: &[u8], ask: &mut dyn Blocks) -> Result<(), ()> {
    let mut path = Vec::new();
    let mut directory = 0;
    // The file or directory that the last line of such a kind named goes.
    let mut going = false;
    for line in block.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let value = text.get(2..).unwrap_or_default();
        match text.get(..2) {
            Some(b"F:") => {
                path = value.to_vec();
                directory = path.len();
                going = !path.is_empty() && ask.path_goes(&path);
            }
            Some(b"R:") => {
                path.truncate(directory);
                if directory > 0 {
                    path.push(b'/');
                }
                path.extend_from_slice(value);
                going = ask.path_goes(&path);
            }
            Some(b"M:" | b"a:" | b"Z:") => {}
            Some(&[_, b':']) => going = false,
            _ if text.is_empty() => going = false,
            _ => return Err(()),
        }
        if !going {
            left.extend_from_slice(line);
        }
    }
    Ok(())
}
