//! /etc/ld.so.cache: the libraries that ldconfig(8) found, with their paths, in both formats (glibc's
//! sysdeps/generic/dl-cache.h).
//!
//! The loader believes this file and never reads ld.so.conf. Flags are not looked at: the file that an entry leads to
//! shows whether the entry suits a machine.

/// First bytes of the format up to glibc 2.1, which may hold the new one behind its entries.
const OLD: &[u8] = b"ld.so-1.7.0";
/// First bytes of the format of today, with its version.
const NEW: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes before the entries, and of each entry.
const OLD_SIZES: (usize, usize) = (16, 12);
const NEW_SIZES: (usize, usize) = (48, 24);

/// One library in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cached {
    /// Where it lies.
    pub(super) path: Vec<u8>,
    /// Only some processors take it.
    pub(super) hwcaps: bool,
}

/// Every library, sorted by name; those of one name in the order of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cache(Vec<(Vec<u8>, Cached)>);

impl Cache {
    /// The libraries of a name.
    pub(super) fn get(&self, name: &[u8]) -> impl Iterator<Item = &Cached> {
        let first = self.0.partition_point(|(known, _)| &known[..] < name);
        let rest = self.0.get(first..).unwrap_or_default();
        rest.iter().take_while(move |(known, _)| known == name).map(|(_, cached)| cached)
    }
}

/// Read a cache; `None` when it is none, as the loader then goes on without.
pub(super) fn parse(data: &[u8]) -> Option<Cache> {
    if data.starts_with(NEW) {
        return parse_new(data);
    }
    if !data.starts_with(OLD) {
        return None;
    }
    let big = is_big(data, 12, OLD_SIZES);
    let count = number(data, 12, big)?;
    let strings = count.checked_mul(OLD_SIZES.1)?.checked_add(OLD_SIZES.0)?;
    let new = strings.checked_next_multiple_of(8).and_then(|at| data.get(at..)).filter(|rest| rest.starts_with(NEW));
    match new {
        Some(new) => parse_new(new),
        None => entries(data, OLD_SIZES, count, strings, big),
    }
}

fn parse_new(data: &[u8]) -> Option<Cache> {
    // cache_file_new.flags: 2 little endian, 3 big endian, 0 when an old ldconfig did not say.
    let big = match data.get(28)? & 3 {
        2 => false,
        3 => true,
        _ => is_big(data, 20, NEW_SIZES),
    };
    entries(data, NEW_SIZES, number(data, 20, big)?, 0, big)
}

/// Whether the number of entries fits the file only when read as big endian.
fn is_big(data: &[u8], at: usize, (header, entry): (usize, usize)) -> bool {
    let fits = |big| number(data, at, big).is_some_and(|count| count <= data.len().saturating_sub(header) / entry);
    !fits(false) && fits(true)
}

/// Entries of flags, name, path and, in the new format, capabilities; strings count from `strings`.
fn entries(data: &[u8], (header, size): (usize, usize), count: usize, strings: usize, big: bool) -> Option<Cache> {
    let raw = data.get(header..header.checked_add(count.checked_mul(size)?)?)?;
    let text = |entry: &[u8], at: usize| {
        let rest = data.get(strings.checked_add(number(entry, at, big)?)?..)?;
        Some(rest.get(..rest.iter().position(|&b| b == 0)?)?.to_vec())
    };
    let mut all = Vec::new();
    for entry in raw.chunks_exact(size) {
        if let (Some(name), Some(path)) = (text(entry, 4), text(entry, 8)) {
            let hwcaps = entry.get(16..).is_some_and(|bits| bits.iter().any(|&b| b != 0));
            all.push((name, Cached { path, hwcaps }));
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some(Cache(all))
}

/// A number of four bytes.
fn number(bytes: &[u8], at: usize, big: bool) -> Option<usize> {
    let bytes: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }).ok()
}

/// Builds caches, for tests.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod fixture {
    use super::{NEW, OLD};

    /// The new format: name, path, capabilities.
    pub(in super::super) fn new(entries: &[(&str, &str, u64)], big: bool) -> Vec<u8> {
        let int = |v: usize| {
            let v = u32::try_from(v).unwrap();
            if big { v.to_be_bytes() } else { v.to_le_bytes() }
        };
        let mut out = NEW.to_vec();
        out.extend(int(entries.len()));
        out.extend(int(0));
        out.extend([if big { 3 } else { 2 }, 0, 0, 0]);
        out.extend([0; 16]);
        let mut strings = Vec::new();
        let base = 48 + 24 * entries.len();
        for (name, path, hwcaps) in entries {
            out.extend(int(0x303));
            for text in [name, path] {
                out.extend(int(base + strings.len()));
                strings.extend([text.as_bytes(), b"\0"].concat());
            }
            out.extend(int(0));
            out.extend(if big { hwcaps.to_be_bytes() } else { hwcaps.to_le_bytes() });
        }
        out.extend(strings);
        out
    }

    /// The old format, with the new one behind its entries or without.
    pub(in super::super) fn old(entries: &[(&str, &str)], new: Option<Vec<u8>>) -> Vec<u8> {
        let int = |v: usize| u32::try_from(v).unwrap().to_le_bytes();
        let mut out = [OLD, b"\0"].concat();
        out.extend(int(entries.len()));
        let mut strings = Vec::new();
        for (name, path) in entries {
            out.extend(int(3));
            for text in [name, path] {
                out.extend(int(strings.len()));
                strings.extend([text.as_bytes(), b"\0"].concat());
            }
        }
        match new {
            Some(new) => {
                out.resize(out.len().next_multiple_of(8), 0);
                out.extend(new);
            }
            None => out.extend(strings),
        }
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::{fixture, parse};

    #[test]
    fn both_formats_say_where_a_library_is() {
        let list = [("liba.so", "/x/liba.so", 1 << 62), ("liba.so", "/lib/liba.so", 0), ("libb.so", "/lib/libb.so", 0)];
        for data in [
            fixture::new(&list, false),
            fixture::new(&list, true),
            fixture::old(&[("liba.so", "/wrong")], Some(fixture::new(&list, false))),
        ] {
            let cache = parse(&data).unwrap();
            let found: Vec<_> = cache.get(b"liba.so").map(|c| (&c.path[..], c.hwcaps)).collect();
            assert_eq!(found, [(&b"/x/liba.so"[..], true), (b"/lib/liba.so", false)]);
            assert_eq!(cache.get(b"libb.so").count(), 1);
        }
        let cache = parse(&fixture::old(&[("liba.so", "/lib/liba.so")], None)).unwrap();
        assert_eq!(cache.get(b"liba.so").next().unwrap().path, b"/lib/liba.so");
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"something else"), None);
        // More entries than the file has.
        let mut data = fixture::new(&list, false);
        data[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&data), None);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the test reads the machine's cache, not an image's")]
    fn the_cache_of_this_machine_names_its_libc() {
        let cache = parse(&std::fs::read("/etc/ld.so.cache").unwrap()).unwrap();
        assert!(cache.get(b"libc.so.6").next().is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(data in prop::collection::vec(any::<u8>(), 0..300), new in any::<bool>()) {
            let magic: &[u8] = if new { super::NEW } else { super::OLD };
            let _ = parse(&[magic, &data[..]].concat());
        }

        #[test]
        fn damaged_caches_never_panic(at in 0usize..300, byte in any::<u8>(), cut in 0usize..300) {
            let mut data = fixture::old(&[("a", "/a")], Some(fixture::new(&[("b", "/b", 1), ("c", "/c", 0)], false)));
            if let Some(slot) = data.get_mut(at) { *slot = byte; }
            data.truncate(cut);
            let _ = parse(&data);
        }
    }
}
