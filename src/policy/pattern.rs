//! How a command entry matches a path. Names are bytes: an image may hold names that are no UTF-8.

use super::Pattern;

impl Pattern {
    /// Whether the entry names the command at the absolute `path`. Names, expressions and globs without a slash
    /// at the beginning look at the last part only; whether its directory is a command directory is the caller's
    /// business.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
        match self {
            Self::Name(wanted) => wanted.as_bytes() == name,
            Self::Path(wanted) => wanted.as_bytes() == path,
            Self::Glob(glob) if glob.starts_with('/') => matches(glob.as_bytes(), path),
            Self::Glob(glob) => matches(glob.as_bytes(), name),
            Self::Regex(regex) => std::str::from_utf8(name).is_ok_and(|name| regex.is_match(name)),
        }
    }
}

/// `*` (anything but a slash), `?` (one character but a slash), `[…]` and `[!…]`; in time linear in glob × text.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    // Where to go on when the last `*` has to take one byte more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let byte = text.get(t).copied();
        if glob.get(g) == Some(&b'*') {
            g += 1;
            retry = Some((g, t));
            continue;
        }
        if byte.is_none() && g == glob.len() {
            return true;
        }
        if let (Some(byte), Some((after, taken))) =
            (byte, one(glob.get(g..).unwrap_or(&[]), text.get(t..).unwrap_or(&[])))
            && (byte != b'/' || glob.get(g) == Some(&b'/'))
        {
            g += after;
            t += taken;
            continue;
        }
        match retry {
            Some((after, from)) if text.get(from).is_some_and(|byte| *byte != b'/') => {
                g = after;
                t = from + 1;
                retry = Some((g, t));
            }
            _ => return false,
        }
    }
}

/// Matches one element of a glob at the beginning of `text`: the lengths of both.
fn one(glob: &[u8], text: &[u8]) -> Option<(usize, usize)> {
    let byte = *text.first()?;
    match *glob.first()? {
        b'?' => {
            // One character: the bytes that continue a UTF-8 sequence belong to it.
            let more = text.iter().skip(1).take_while(|b| **b & 0xc0 == 0x80).count();
            Some((1, 1 + if byte >= 0xc0 { more.min(3) } else { 0 }))
        }
        b'[' => match set(glob, byte) {
            Some((true, length)) => Some((length, 1)),
            Some((false, _)) => None,
            None => (byte == b'[').then_some((1, 1)),
        },
        literal => (literal == byte).then_some((1, 1)),
    }
}

/// A set at the beginning of `glob`: whether it has `byte`, and its length. `None` when it is not closed.
fn set(glob: &[u8], byte: u8) -> Option<(bool, usize)> {
    let mut at = 1;
    let negated = matches!(glob.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let first = at;
    let mut found = false;
    loop {
        let low = *glob.get(at)?;
        if low == b']' && at > first {
            return Some((found != negated, at + 1));
        }
        let range = glob.get(at + 1) == Some(&b'-') && glob.get(at + 2).is_some_and(|high| *high != b']');
        let high = if range { *glob.get(at + 2)? } else { low };
        found |= (low..=high).contains(&byte);
        at += if range { 3 } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_as_a_shell_would() {
        for (glob, text, expected) in [
            ("python3*", "python3.11", true),
            ("python3*", "python2", false),
            ("*.so", "a.so.so", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("/usr/*/ls", "/usr/bin/ls", true),
            ("/usr/*", "/usr/bin/ls", false),
            ("*", "", true),
            ("**a", "bba", true),
        ] {
            assert_eq!(matches(glob.as_bytes(), text.as_bytes()), expected, "{glob} {text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_a_star_takes_all(glob in r"[\]a*?!/\[-]{0,12}", text in r"[\]ab/-]{0,12}") {
            let _ = matches(glob.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(b"*", text.as_bytes()), !text.contains('/'));
        }
    }
}
