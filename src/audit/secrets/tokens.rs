//! Tokens of services, in the form that their issuers document: prefix, alphabet, length, and checksum where there is one.

/// A token in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) struct Token {
    /// Whose it is.
    pub(in crate::audit) kind: &'static str,
    /// Where it begins, and its length with its prefix.
    pub(in crate::audit) at: usize,
    pub(in crate::audit) len: usize,
    /// Nothing of its form is wrong: false where the issuer's checksum does not match.
    pub(in crate::audit) sure: bool,
}

/// The form of a token: what it begins with, the bytes of the rest, how many there are, and what else holds for them.
struct Form {
    prefix: &'static str,
    alphabet: fn(u8) -> bool,
    least: usize,
    most: usize,
    check: fn(&[u8]) -> Check,
    kind: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Right,
    /// Everything but the checksum.
    Doubtful,
    Wrong,
}

fn any(_: &[u8]) -> Check {
    Check::Right
}

fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

fn hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Base 32 (RFC 4648 §6), as AWS writes the ids of keys.
fn base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

/// Base 64 with the alphabet of URLs (RFC 4648 §5).
fn url64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn dotted(byte: u8) -> bool {
    url64(byte) || byte == b'.'
}

fn slashed(byte: u8) -> bool {
    alnum(byte) || byte == b'/'
}

/// Whether the parts between the separators have one of these ranges of lengths each.
fn parts(body: &[u8], separator: u8, lengths: &[(usize, usize)]) -> Check {
    let found: Vec<&[u8]> = body.split(|&byte| byte == separator).collect();
    let fits = |(part, &(least, most)): (&&[u8], &(usize, usize))| (least..=most).contains(&part.len());
    if found.len() == lengths.len() && found.iter().zip(lengths).all(fits) { Check::Right } else { Check::Wrong }
}

/// The last six characters are the CRC-32 of those before them in base 62 (github.blog, "Behind GitHub's new
/// authentication token formats"; npm took the form over).
fn crc62(body: &[u8]) -> Check {
    let Some((random, stated)) = body.split_at_checked(body.len().saturating_sub(6)) else { return Check::Wrong };
    let mut crc = flate2::Crc::new();
    crc.update(random);
    let mut number = Some(0_u64);
    for &byte in stated {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return Check::Wrong,
        };
        number = number.and_then(|number| number.checked_mul(62)?.checked_add(digit.into()));
    }
    if number == Some(crc.sum().into()) { Check::Right } else { Check::Doubtful }
}

fn both_cases(body: &[u8]) -> Check {
    let both = body.iter().any(u8::is_ascii_lowercase) && body.iter().any(u8::is_ascii_uppercase);
    if both { Check::Right } else { Check::Wrong }
}

/// `NUMBER-NUMBER-TEXT`, with more numbers in old ones.
fn slack(body: &[u8]) -> Check {
    let found: Vec<&[u8]> = body.split(|&byte| byte == b'-').collect();
    let Some((last, numbers)) = found.split_last() else { return Check::Wrong };
    let number = |part: &&[u8]| (8..=14).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    if (1..=4).contains(&numbers.len()) && numbers.iter().all(number) && last.len() >= 20 {
        Check::Right
    } else {
        Check::Wrong
    }
}

fn openai(body: &[u8]) -> Check {
    if super::find(body, b"T3BlbkFJ").is_some() { Check::Right } else { Check::Wrong }
}

const fn form(
    prefix: &'static str,
    alphabet: fn(u8) -> bool,
    length: (usize, usize),
    check: fn(&[u8]) -> Check,
    kind: &'static str,
) -> Form {
    Form { prefix, alphabet, least: length.0, most: length.1, check, kind }
}

/// What the services publish for secret scanners.
static FORMS: &[Form] = &[
    form("AKIA", base32, (16, 16), any, "AWS access key id"),
    form("ASIA", base32, (16, 16), any, "AWS temporary key id"),
    form("AIza", url64, (35, 35), any, "Google API key"),
    form("GOCSPX-", url64, (28, 28), any, "Google client secret"),
    form("ATATT3", |byte| url64(byte) || byte == b'=', (180, 200), any, "Atlassian token"),
    form("NRAK-", alnum, (27, 27), any, "New Relic key"),
    form(
        "PMAK-",
        |byte| hex(byte) || byte == b'-',
        (59, 59),
        |body| parts(body, b'-', &[(24, 24), (34, 34)]),
        "Postman API key",
    ),
    form("SG.", dotted, (66, 66), |body| parts(body, b'.', &[(22, 22), (43, 43)]), "SendGrid API key"),
    form("dapi", hex, (32, 32), any, "Databricks token"),
    form("dckr_pat_", url64, (27, 27), any, "Docker access token"),
    form("dckr_oat_", url64, (27, 40), any, "Docker access token"),
    form("doo_v1_", hex, (64, 64), any, "DigitalOcean token"),
    form("dop_v1_", hex, (64, 64), any, "DigitalOcean token"),
    form("dor_v1_", hex, (64, 64), any, "DigitalOcean token"),
    form("dp.pt.", alnum, (40, 44), any, "Doppler token"),
    form("ghp_", alnum, (36, 36), crc62, "GitHub token"),
    form("gho_", alnum, (36, 36), crc62, "GitHub token"),
    form("ghu_", alnum, (36, 36), crc62, "GitHub token"),
    form("ghs_", alnum, (36, 36), crc62, "GitHub token"),
    form("ghr_", alnum, (36, 76), crc62, "GitHub token"),
    form(
        "github_pat_",
        |byte| alnum(byte) || byte == b'_',
        (82, 82),
        |body| parts(body, b'_', &[(22, 22), (59, 59)]),
        "GitHub token",
    ),
    form(
        "glsa_",
        |byte| alnum(byte) || byte == b'_',
        (41, 41),
        |body| parts(body, b'_', &[(32, 32), (8, 8)]),
        "Grafana token",
    ),
    form("glpat-", url64, (20, 20), any, "GitLab token"),
    form("glpat-", dotted, (38, 320), |body| parts(body, b'.', &[(27, 300), (2, 2), (7, 7)]), "GitLab token"),
    form("gldt-", url64, (20, 20), any, "GitLab deploy token"),
    form("glrt-", url64, (20, 20), any, "GitLab runner token"),
    form("glptt-", hex, (40, 40), any, "GitLab trigger token"),
    form("gsk_", alnum, (52, 52), any, "Groq API key"),
    form("hf_", letter, (34, 34), both_cases, "Hugging Face token"),
    form("api_org_", letter, (34, 34), both_cases, "Hugging Face token"),
    form(
        "hooks.slack.com/services/T",
        slashed,
        (40, 60),
        |body| parts(body, b'/', &[(8, 12), (9, 13), (24, 24)]),
        "Slack webhook",
    ),
    form("hvs.", url64, (24, 160), any, "Vault token"),
    form("hvb.", url64, (130, 220), any, "Vault token"),
    form("lin_api_", alnum, (40, 40), any, "Linear API key"),
    form("npm_", alnum, (36, 36), crc62, "npm token"),
    form("pul-", hex, (40, 40), any, "Pulumi token"),
    form("pypi-AgEIcHlwaS5vcmc", url64, (50, 250), any, "PyPI token"),
    form("pypi-AgENdGVzdC5weXBpLm9yZw", url64, (50, 250), any, "PyPI token"),
    form("r8_", alnum, (37, 37), any, "Replicate token"),
    form("rk_live_", alnum, (24, 99), any, "Stripe key"),
    form("rubygems_", hex, (48, 48), any, "RubyGems API key"),
    form("sbp_", hex, (40, 40), any, "Supabase token"),
    form("shpat_", hex, (32, 32), any, "Shopify token"),
    form("shpss_", hex, (32, 32), any, "Shopify secret"),
    form("sk_live_", alnum, (24, 99), any, "Stripe key"),
    form("sk-ant-", url64, (80, 120), any, "Anthropic API key"),
    form("sk-", url64, (40, 180), openai, "OpenAI API key"),
    form("tskey-auth-", |byte| alnum(byte) || byte == b'-', (24, 60), any, "Tailscale key"),
    form("xoxb-", url64, (24, 90), slack, "Slack token"),
    form("xoxp-", url64, (24, 90), slack, "Slack token"),
    form("xoxa-", url64, (24, 90), slack, "Slack token"),
    form("xoxr-", url64, (24, 90), slack, "Slack token"),
    form("xoxs-", url64, (24, 90), slack, "Slack token"),
];

/// By the first byte of a prefix: a bit for each second one, by its last six bits. Most words of a text begin as none.
#[allow(clippy::indexing_slicing, reason = "the compiler makes the table: it would not compile")]
static SECOND: [u64; 256] = {
    let mut seconds = [0; 256];
    let mut at = 0;
    while at < FORMS.len() {
        let prefix = FORMS[at].prefix.as_bytes();
        assert!(prefix.len() > 1, "a prefix has two bytes");
        seconds[prefix[0] as usize] |= 1 << (prefix[1] & 63);
        at += 1;
    }
    seconds
};

/// Every token in a text, in order.
#[must_use]
pub(in crate::audit) fn tokens(text: &[u8]) -> Vec<Token> {
    let (mut found, mut before, mut end) = (Vec::new(), b' ', 0);
    for (at, &byte) in text.iter().enumerate() {
        let is_start = SECOND.get(usize::from(byte)).is_some_and(|&seconds| {
            seconds != 0 && text.get(at + 1).is_some_and(|second| seconds >> (second & 63) & 1 == 1)
        });
        let begins = is_start && at >= end && !before.is_ascii_alphanumeric() && before != b'_';
        before = byte;
        if !begins {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        if let Some(token) = FORMS.iter().find_map(|form| form.read(rest, at)) {
            end = at + token.len;
            found.push(token);
        }
    }
    found
}

impl Form {
    fn read(&self, text: &[u8], at: usize) -> Option<Token> {
        let rest = text.strip_prefix(self.prefix.as_bytes())?;
        let run = rest.iter().take(self.most + 2).take_while(|&&byte| (self.alphabet)(byte)).count();
        let mut body = rest.get(..run)?;
        // The end of a sentence or of a URL is none of it.
        while let [before @ .., b'.' | b'/' | b'-'] = body {
            body = before;
        }
        let after = rest.get(body.len()..).unwrap_or_default();
        // A longer word, a path or a member of something is no token.
        let goes_on = match after {
            [b'.' | b'/' | b'-', next, ..] => next.is_ascii_alphanumeric(),
            [next, ..] => next.is_ascii_alphanumeric() || *next == b'_',
            [] => false,
        };
        if goes_on || !(self.least..=self.most).contains(&body.len()) || !is_random(body) {
            return None;
        }
        let sure = match (self.check)(body) {
            Check::Right => true,
            Check::Doubtful => false,
            Check::Wrong => return None,
        };
        Some(Token { kind: self.kind, at, len: self.prefix.len() + body.len(), sure })
    }
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
    let made_up =
        [&b"EXAMPLE"[..], b"XXXXX", b"0123456789", b"1234567890", b"ABCDEFGH", b"YOUR-", b"YOUR_", b"YOURTOKEN"];
    different >= 8 && !made_up.iter().any(|word| says(word))
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn tokens_are_told_from_words_and_examples() {
        // In parts, so that scanners of this repository find nothing. The first has GitHub's checksum.
        let body = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Ea";
        let other = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Eb";
        for (start, rest, expected) in [
            ("key=AKIA", "Q3EGRZ7HJ2KLMN4P", Some(("AWS access key id", true))),
            ("AKIA", "Q3EGRZ7HJ2KLMN4PQ", None),
            ("AKIA", "IOSFODNN7EXAMPLE", None),
            ("xAKIA", "Q3EGRZ7HJ2KLMN4P", None),
            ("AKIA", "", None),
            ("x ghp_", body, Some(("GitHub token", true))),
            ("x npm_", body, Some(("npm token", true))),
            // As published by GitHub's users for tests, long revoked.
            ("ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17", Some(("GitHub token", true))),
            ("x ghp_", other, Some(("GitHub token", false))),
            ("ghp_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", None),
            ("ghp_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Ea.", Some(("GitHub token", true))),
            ("ghp_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Ea.js", None),
            ("ghp_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Ea/x", None),
            ("https://ghp_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Ea@github.com", Some(("GitHub token", true))),
            ("hf_", "quantizer.quantization_config.quant_method", None),
            ("hf_", "quantization_configuration_for_the_model_x", None),
            ("npm_", "config_sharp_libvips_local_prebuilds_dir", None),
            ("npm_", "config_cache", None),
            ("hf_", "qRtYpLmNbVcXzAsDfGhJkQwErTyUiOpZxC", Some(("Hugging Face token", true))),
            (
                "https://hooks.slack.com/services/T",
                "024BE7LD/B01ABCDEF/aZ3xY8wV2uT5sR9qP1oN6mL4",
                Some(("Slack webhook", true)),
            ),
        ] {
            let text = [start, rest].concat();
            let found = tokens(text.as_bytes());
            assert_eq!(found.first().map(|token| (token.kind, token.sure)), expected, "{text}");
        }
        let two = format!("a: npm_{body}\nb: ghp_{body}\n");
        assert_eq!(
            tokens(two.as_bytes()).iter().map(|token| (token.at, token.len)).collect::<Vec<_>>(),
            [(3, 40), (47, 40)]
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = tokens(&[b"xoxb-", &text[..]].concat());
        }
    }
}
