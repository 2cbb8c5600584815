//! Entries as bytes of a tar archive: ustar (POSIX.1-1988), and a pax header (POSIX.1-2001) only where ustar has no place.
//!
//! This module owns the format that is written. The same entries give the same bytes.

use super::result::{Entry, What};

/// Bytes of a header, and of what content is filled up to.
pub(super) const BLOCK: usize = 512;

/// The end of an archive: two blocks of zeros.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Largest numbers that have a place in ustar: 7 and 11 octal digits.
const MOST_ID: u32 = 0o7_777_777;
const MOST_SIZE: u64 = 0o77_777_777_777;

/// The pax header's own name: nothing reads it but programs that do not know pax.
const PAX_NAME: &[u8] = b"PaxHeaders.0";

/// The headers of an entry whose content has `size` bytes.
pub(super) fn headers(entry: &Entry<'_>, size: u64) -> Vec<u8> {
    let mut path = entry.path.to_vec();
    let (kind, link, device): (u8, &[u8], (u32, u32)) = match entry.what {
        What::Directory => {
            path.push(b'/');
            (b'5', b"", (0, 0))
        }
        What::Stored(_) | What::New(_) | What::Whiteout => (b'0', b"", (0, 0)),
        What::Link(target) => (b'2', target, (0, 0)),
        What::HardLink(target) => (b'1', target, (0, 0)),
        What::Special(0o020_000, device) => (b'3', b"", device),
        What::Special(0o060_000, device) => (b'4', b"", device),
        What::Special(..) => (b'6', b"", (0, 0)),
    };
    let mut pax = Vec::new();
    let (prefix, name) = split(&path).unwrap_or_else(|| {
        record(&mut pax, b"path", &path);
        (b"", tail(&path))
    });
    if link.len() > 100 {
        record(&mut pax, b"linkpath", link);
    }
    let mut number = |key: &[u8], value: u64, most: u64| {
        if value > most {
            record(&mut pax, key, value.to_string().as_bytes());
        }
        value.min(most)
    };
    let uid = number(b"uid", entry.owner.0.into(), MOST_ID.into());
    let gid = number(b"gid", entry.owner.1.into(), MOST_ID.into());
    let stored = number(b"size", size, MOST_SIZE);
    let (seconds, nanoseconds) = entry.mtime;
    let whole = u64::try_from(seconds).ok().filter(|&seconds| seconds <= MOST_SIZE && nanoseconds == 0);
    if whole.is_none() {
        record(&mut pax, b"mtime", time(seconds, nanoseconds).as_bytes());
    }
    for (name, value) in &entry.attributes {
        record(&mut pax, &[b"SCHILY.xattr.", *name].concat(), value);
    }
    let mut out = Vec::with_capacity(BLOCK);
    if !pax.is_empty() {
        let fields = Fields { size: pax.len() as u64, mode: 0o644, kind: b'x', ..Fields::default() };
        out.extend(fields.block(b"", PAX_NAME, b""));
        out.extend(&pax);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    let mtime = whole.or_else(|| u64::try_from(seconds).ok().filter(|&seconds| seconds <= MOST_SIZE)).unwrap_or(0);
    let fields = Fields { mode: entry.mode & 0o7777, uid, gid, size: stored, mtime, kind, device };
    out.extend(fields.block(prefix, name, link.get(..100).unwrap_or(link)));
    out
}

/// The header of a file in an archive of images: `name` fits. It is as long for every size, since it is filled in behind the
/// content.
pub(super) fn plain(name: &str, size: u64, directory: bool) -> [u8; BLOCK] {
    let (kind, mode) = if directory { (b'5', 0o755) } else { (b'0', 0o644) };
    Fields { mode, size, kind, ..Fields::default() }.block(b"", name.as_bytes(), b"")
}

#[derive(Default)]
struct Fields {
    mode: u32,
    uid: u64,
    gid: u64,
    size: u64,
    mtime: u64,
    kind: u8,
    device: (u32, u32),
}

impl Fields {
    fn block(&self, prefix: &[u8], name: &[u8], link: &[u8]) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = block.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, name);
        for (at, digits, value) in [(100, 7, self.mode.into()), (108, 7, self.uid), (116, 7, self.gid)] {
            put(at, octal(value, digits).as_bytes());
        }
        put(136, octal(self.mtime, 11).as_bytes());
        if self.size <= MOST_SIZE {
            put(124, octal(self.size, 11).as_bytes());
        } else {
            // To the base of 256, as GNU tar writes it and every reader of ustar reads it.
            put(124, &[0x80, 0, 0, 0]);
            put(128, &self.size.to_be_bytes());
        }
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, link);
        put(257, b"ustar\x0000");
        for (at, value) in [(329, self.device.0), (337, self.device.1)] {
            put(at, octal(value.into(), 7).as_bytes());
        }
        put(345, prefix);
        let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
        if let Some(place) = block.get_mut(148..155) {
            place.copy_from_slice(&[octal(sum, 6).as_bytes(), b"\0"].concat());
        }
        block
    }
}

fn octal(value: u64, digits: usize) -> String {
    format!("{value:0digits$o}")
}

/// A path as prefix and name of ustar, where it fits: both without the slash between them.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    // The slash behind a directory is no place to divide at.
    let last = path.len().saturating_sub(2).min(155);
    let at = path.get(..=last)?.iter().rposition(|&byte| byte == b'/')?;
    let (prefix, name) = (path.get(..at)?, path.get(at + 1..)?);
    (!prefix.is_empty() && name.len() <= 100).then_some((prefix, name))
}

/// The end of a path, for programs that do not know pax.
fn tail(path: &[u8]) -> &[u8] {
    path.get(path.len().saturating_sub(100)..).unwrap_or(path)
}

/// `LEN KEY=VALUE\n`, LEN its own length.
fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + rest.to_string().len();
    if len.to_string().len() > rest.to_string().len() {
        len += 1;
    }
    out.extend(format!("{len} ").bytes());
    out.extend(key);
    out.push(b'=');
    out.extend(value);
    out.push(b'\n');
}

/// A time as pax writes it: half a second after -2 is `-1.5`.
fn time(seconds: i64, nanoseconds: u32) -> String {
    let text = match (seconds, nanoseconds) {
        (seconds, 0) => return seconds.to_string(),
        (seconds, nanoseconds) if seconds < 0 => {
            format!("-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds)
        }
        (seconds, nanoseconds) => format!("{seconds}.{nanoseconds:09}"),
    };
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{plain, record, split, time};

    #[test]
    fn a_size_that_has_no_octal_digits_is_written_to_the_base_of_256() {
        let size = |size: u64| plain("blob", size, false).get(124..136).unwrap().to_vec();
        assert_eq!(size((8 << 30) - 1), b"77777777777\0");
        assert_eq!(size(8 << 30), b"\x80\0\0\0\0\0\0\x02\0\0\0\0");
        assert_eq!(size(9 << 40), b"\x80\0\0\0\0\0\x09\0\0\0\0\0");
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        for len in (0..120).chain(980..1010).chain(9_980..10_010) {
            let mut out = Vec::new();
            record(&mut out, b"path", &vec![b'x'; len]);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.split(' ').next().unwrap().parse::<usize>().unwrap(), text.len(), "{len}");
        }
    }

    #[test]
    fn times_are_those_of_pax() {
        for (at, text) in [
            ((12, 34_500_000), "12.0345"),
            ((-2, 500_000_000), "-1.5"),
            ((-1, 1), "-0.999999999"),
            ((-3, 0), "-3"),
            ((100, 0), "100"),
        ] {
            assert_eq!(time(at.0, at.1), text);
        }
    }

    #[test]
    fn a_path_is_divided_at_a_slash_where_both_parts_fit() {
        let long = |parts: &[usize]| parts.iter().map(|&len| "x".repeat(len)).collect::<Vec<_>>().join("/");
        for (path, fits) in [
            (long(&[100]), true),
            (long(&[101]), false),
            (long(&[50, 60]), true),
            (long(&[155, 100]), true),
            (long(&[156, 10]), false),
            (long(&[10, 101]), false),
            (long(&[80, 70, 90]), true),
            (long(&[110, 90]) + "/", true),
            (long(&[10, 100]) + "/", false),
        ] {
            let found = split(path.as_bytes());
            assert_eq!(found.is_some(), fits, "{path}");
            if let Some((prefix, name)) = found {
                assert!(prefix.len() <= 155 && name.len() <= 100 && !name.is_empty());
                let whole = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
                assert_eq!(whole, path.as_bytes());
            }
        }
    }
}
