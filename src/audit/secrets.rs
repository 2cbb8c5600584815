//! Secrets by content: what looks like one, and what only looks so.
//!
//! This module knows bytes, not files: where secrets are looked for is decided by the checks.

/// A token of a service: what it begins with, how many more characters it has at least, and whose it is.
type Token = (&'static str, usize, &'static str);

/// Prefixes that the services publish for secret scanners. Sorted by first byte.
const TOKENS: &[Token] = &[
    ("AKIA", 16, "AWS access key id"),
    ("ASIA", 16, "AWS temporary key id"),
    ("AIza", 35, "Google API key"),
    ("SG.", 60, "SendGrid API key"),
    ("dckr_pat_", 20, "Docker access token"),
    ("dop_v1_", 60, "DigitalOcean token"),
    ("ghp_", 36, "GitHub token"),
    ("gho_", 36, "GitHub token"),
    ("ghu_", 36, "GitHub token"),
    ("ghs_", 36, "GitHub token"),
    ("ghr_", 36, "GitHub token"),
    ("github_pat_", 40, "GitHub token"),
    ("glpat-", 20, "GitLab token"),
    ("hf_", 34, "Hugging Face token"),
    ("hooks.slack.com/services/T", 30, "Slack webhook"),
    ("hvs.", 60, "Vault token"),
    ("npm_", 36, "npm token"),
    ("pypi-AgEIcHlwaS5vcmc", 40, "PyPI token"),
    ("rk_live_", 20, "Stripe key"),
    ("sk_live_", 20, "Stripe key"),
    ("sk-ant-", 60, "Anthropic API key"),
    ("xoxb-", 24, "Slack token"),
    ("xoxp-", 24, "Slack token"),
    ("xoxa-", 24, "Slack token"),
    ("xoxr-", 24, "Slack token"),
    ("xoxs-", 24, "Slack token"),
];

/// The first token in a text: whose it is, and where it begins.
#[must_use]
pub(super) fn token(text: &[u8]) -> Option<(&'static str, usize)> {
    let mut starts = [false; 256];
    for (prefix, ..) in TOKENS {
        if let Some(slot) = prefix.bytes().next().and_then(|byte| starts.get_mut(usize::from(byte))) {
            *slot = true;
        }
    }
    let is_start = |byte: u8| starts.get(usize::from(byte)).copied().unwrap_or_default();
    let mut before = b' ';
    for (at, &byte) in text.iter().enumerate() {
        let begins = is_start(byte) && !before.is_ascii_alphanumeric() && before != b'_';
        before = byte;
        if !begins {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let found = TOKENS.iter().find(|(prefix, least, _)| {
            rest.strip_prefix(prefix.as_bytes()).is_some_and(|body| {
                let length = body.iter().take_while(|&&b| is_token_byte(b)).count();
                length >= *least && is_random(body.get(..length).unwrap_or_default())
            })
        });
        if let Some((_, _, kind)) = found {
            return Some((kind, at));
        }
    }
    None
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')
}

/// Whether a token's body is not made up: documentation says `EXAMPLE`, `xxxx` and `1234567890`.
fn is_random(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    for &byte in body {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    }
    let different = seen.iter().filter(|&&is| is).count();
    let upper = body.to_ascii_uppercase();
    let says = |word: &[u8]| upper.windows(word.len()).any(|window| window == word);
    different >= 8 && !says(b"EXAMPLE") && !says(b"YOUR") && !says(b"XXXX") && !says(b"0123456789")
}

/// What a private key is protected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PrivateKey {
    /// Nothing.
    Plain,
    /// A passphrase.
    Encrypted,
}

/// The first private key in PEM form (RFC 7468), and where it begins. A header without key material below it, as in
/// programs and their documentation, is none.
#[must_use]
pub(super) fn private_key(text: &[u8]) -> Option<(PrivateKey, usize)> {
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
        let encrypted = label.starts_with(b"ENCRYPTED") || find(head, b"ENCRYPTED").is_some();
        return Some((if encrypted { PrivateKey::Encrypted } else { PrivateKey::Plain }, start));
    }
    None
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

/// Words in the name of a variable that holds a secret.
const SECRET_NAMES: &str = "PASSWORD PASSWD PASSPHRASE SECRET TOKEN APIKEY API_KEY ACCESS_KEY PRIVATE_KEY CREDENTIAL AUTH_KEY \
    ENCRYPTION_KEY SIGNING_KEY CONNECTIONSTRING";

/// Ends of names that speak about a secret and do not hold it.
const ABOUT: &str = "_FILE _PATH _DIR _URL _URI _HASH _LENGTH _TTL _NAME _ENABLED _POLICY";

/// Whether a variable of that name usually holds a secret.
#[must_use]
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.trim().to_ascii_uppercase().replace('-', "_");
    SECRET_NAMES.split(' ').any(|word| name.contains(word)) && !ABOUT.split(' ').any(|end| name.ends_with(end))
}

/// Whether a value is one, rather than a place for one or a switch.
#[must_use]
pub(super) fn is_value(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let lower = value.to_ascii_lowercase();
    let place = ["$", "<", "{{", "/", "%", "file:", "env:"].iter().any(|start| value.starts_with(start));
    let word =
        ["", "true", "false", "yes", "no", "null", "none", "nil", "changeme", "todo", "unset", "disabled", "required"];
    !place
        && !word.contains(&lower.as_str())
        && !lower.contains("example")
        && !lower.chars().all(|c| matches!(c, 'x' | '*' | '.'))
}

/// Whether a text holds a URL with a password: `scheme://user:password@host`.
#[must_use]
pub(super) fn url_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', ' ', '\t', '\n', '"', '\'']).next().unwrap_or_default();
        let password =
            authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
        password.is_some_and(is_value)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{PrivateKey, is_secret_name, is_value, private_key, token, url_password};

    #[test]
    fn tokens_are_told_from_words_and_examples() {
        // In parts, so that scanners of this repository find nothing.
        let body = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6";
        for (start, rest, kind) in [
            ("key=AKIA", "Q3EGRZ7HJ2KLMN4P", Some("AWS access key id")),
            ("AKIA", "IOSFODNN7EXAMPLE", None),
            ("xAKIA", "Q3EGRZ7HJ2KLMN4P", None),
            ("AKIA", "", None),
            ("x ghp_", body, Some("GitHub token")),
            ("ghp_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", None),
            (
                "https://hooks.slack.com/services/T",
                "024BE7LD/B01ABCDEF/aZ3xY8wV2uT5sR9qP1oN6mL4",
                Some("Slack webhook"),
            ),
            ("npm_", body, Some("npm token")),
            ("npm_", "config_cache", None),
        ] {
            let text = [start, rest].concat();
            assert_eq!(token(text.as_bytes()).map(|found| found.0), kind, "{text}");
        }
    }

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
        assert_eq!(private_key(b"-----BEGIN "), None);
    }

    #[test]
    fn names_and_values_of_secrets() {
        assert!(is_secret_name("db_password") && is_secret_name("GITHUB-TOKEN") && !is_secret_name("KEYBOARD"));
        assert!(!is_secret_name("POSTGRES_PASSWORD_FILE"));
        assert!(is_value("hunter2") && !is_value("${DB}") && !is_value("") && !is_value("/run/secrets/x"));
        assert!(url_password("index-url = https://me:s3cr3t@host/simple"));
        assert!(
            !url_password("https://host/a:b@c") && !url_password("https://me@host") && !url_password("http://u:$P@h")
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = token(&text);
            let _ = private_key(&[b"-----BEGIN PRIVATE KEY-----", &text[..]].concat());
        }
    }
}
