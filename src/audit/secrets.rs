//! Secrets by content: recognises them, and rejects texts that only look like one.
//!
//! This module knows bytes, not files: the checks decide where to look for secrets.

mod lines;
mod settings;
mod tokens;

use crate::digest::Digest;

pub(super) use lines::secrets as in_line;
pub(super) use settings::{is_secret, is_value};
pub(super) use tokens::tokens;

/// What a private key is protected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PrivateKey {
    /// Nothing.
    Plain,
    /// A passphrase.
    Encrypted,
}

/// Every private key in PEM form (RFC 7468): where it begins, and its length. A header without key material below it, as in
/// programs and their documentation, is none.
#[must_use]
pub(super) fn private_keys(text: &[u8]) -> Vec<(PrivateKey, usize, usize)> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some((kind, at)) = private_key(text.get(from..).unwrap_or_default()) {
        let start = from + at;
        let rest = text.get(start + 5..).unwrap_or_default();
        let end = find(rest, b"-----END").map_or(rest.len(), |end| end + 8);
        found.push((kind, start, 5 + end));
        from = start + 5 + end;
    }
    found
}

/// The first private key.
fn private_key(text: &[u8]) -> Option<(PrivateKey, usize)> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const MATERIAL: usize = 60;
    let mut at = 0;
    while let Some(found) = find(text.get(at..)?, BEGIN) {
        let start = at + found;
        at = start + BEGIN.len();
        let rest = text.get(at..)?;
        let Some(label_end) = rest.iter().take(40).position(|&b| b == b'-') else { continue };
        let label = rest.get(..label_end).unwrap_or_default();
        if !(label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK") {
            continue;
        }
        let Some(body) = rest.get(label_end..).and_then(|rest| rest.strip_prefix(b"-----")) else { continue };
        let head = body.get(..body.len().min(400)).unwrap_or_default();
        let end = find(head, b"-----END").unwrap_or(head.len());
        let head = head.get(..end).unwrap_or_default();
        let is_base64 = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'+' | b'/' | b'=');
        // Key material is one run of base64 on a line; prose and program text have blanks and quotes in between.
        let longest = head.split(|b| !is_base64(&b)).map(<[u8]>::len).max().unwrap_or_default();
        if longest < MATERIAL.min(head.len()) || longest < 40 {
            continue;
        }
        // Documentation leaves the rest of a key out: `MIIEpQIBAAKCAQEA...`. Headers of OpenPGP have dots.
        let dotted = |pair: &[u8]| matches!(pair, [before, b'.'] if is_base64(&before));
        let dotted = head.windows(2).any(dotted) || find(head, "…".as_bytes()).is_some();
        if dotted && !label.starts_with(b"PGP") {
            continue;
        }
        let encrypted = label.starts_with(b"ENCRYPTED") || find(head, b"ENCRYPTED").is_some();
        return Some((if encrypted { PrivateKey::Encrypted } else { PrivateKey::Plain }, start));
    }
    None
}

/// Whether a text has a word of the form of AWS's secret keys: 40 characters of base 64, of both cases and with digits, and
/// no path or hexadecimal digest.
#[must_use]
pub(super) fn aws_secret(text: &[u8]) -> bool {
    const LENGTH: usize = 40;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.split(|byte| !is_part(byte)).any(|word| {
        let has = |kind: fn(&u8) -> bool| word.iter().any(kind);
        word.len() == LENGTH && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
    })
}

/// Where bytes begin in a text.
#[must_use]
pub(super) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    loop {
        at += text.get(at..)?.iter().position(|&b| b == first)?;
        if text.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}

/// 1-based line of a byte.
#[must_use]
pub(super) fn line_of(text: &[u8], at: usize) -> Option<u32> {
    let before = text.get(..at)?.iter().filter(|&&b| b == b'\n').count();
    u32::try_from(before + 1).ok()
}

/// Whether a text holds a URL with a password: `scheme://user:password@host`.
#[must_use]
pub(super) fn url_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', ' ', '\t', '\n', '"', '\'', '?', '#']).next().unwrap_or_default();
        let Some((login, host)) = authority.rsplit_once('@') else { return false };
        // The DSN of Sentry has a public key and the number of a project (docs.sentry.io, "DSN").
        let path = rest.get(authority.len()..).unwrap_or_default().trim_start_matches('/');
        let path = path.split([' ', '\t', '\n', '"', '\'']).next().unwrap_or_default();
        if !login.contains(':') && !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        // A token stands alone, or as the name before what says so (x-oauth-basic).
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let token = matches!(password, "" | "x-oauth-basic") && user.len() >= 20 && settings::is_value(user);
        let token = token && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        // Proxies of a build read it out of a variable.
        !host.is_empty()
            && (token && user.bytes().any(|byte| byte.is_ascii_digit())
                || password != "x-oauth-basic" && settings::is_value(password))
    })
}

/// Rounds of a digest: who tries passwords pays for each, and a verdict with thousands of findings does not.
const ROUNDS: usize = 256;

/// A short digest of a secret, salted with where it is: enough to tell it from another one there, and of no use elsewhere.
#[must_use]
pub(super) fn digest(salt: &[u8], secret: &[u8]) -> String {
    let first = Digest::of(&[b"harden\0", salt, b"\0", secret].concat());
    let last = (0..ROUNDS).fold(first, |text, _| Digest::of(text.as_bytes()));
    last.chars().take(12).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{PrivateKey, private_key, url_password};

    #[test]
    fn a_header_alone_is_no_key() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        let key = |label: &str| format!("x\n-----BEGIN {label}-----\n{body}\n{body}\n-----END {label}-----\n");
        assert_eq!(private_key(key("RSA PRIVATE KEY").as_bytes()), Some((PrivateKey::Plain, 2)));
        assert_eq!(private_key(key("ENCRYPTED PRIVATE KEY").as_bytes()), Some((PrivateKey::Encrypted, 2)));
        assert_eq!(private_key(key("CERTIFICATE").as_bytes()), None);
        assert_eq!(
            private_key(b"if text.startswith('-----BEGIN PRIVATE KEY-----'): return load(text, password=None)"),
            None
        );
        assert_eq!(private_key(b"-----BEGIN PRIVATE KEY-----"), None);
        let left_out = format!("`-----BEGIN RSA PRIVATE KEY----- {body}.... -----END RSA PRIVATE KEY-----`");
        assert_eq!(private_key(left_out.as_bytes()), None);
        let concatenated =
            format!("'-----BEGIN RSA PRIVATE KEY-----\n'.'{body}'.'{body}'.'-----END RSA PRIVATE KEY-----'");
        assert_eq!(private_key(concatenated.as_bytes()), Some((PrivateKey::Plain, 1)));
        assert_eq!(private_key(b"-----BEGIN "), None);
    }

    #[test]
    fn urls_with_passwords() {
        assert!(url_password("index-url = https://me:s3cr3t@host/simple"));
        assert!(
            !url_password("https://host/a:b@c") && !url_password("https://me@host") && !url_password("http://u:$P@h")
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = private_key(&[b"-----BEGIN PRIVATE KEY-----", &text[..]].concat());
        }
    }
}
