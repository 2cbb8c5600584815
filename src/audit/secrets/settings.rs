//! Settings `NAME=value`: tests if the name stands for a secret, and if the value is one.

/// What a name says that its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noun {
    /// A password: any text may be one.
    Password,
    /// A token or a key: it is generated, never a number or a word.
    Key,
    /// How a login is made: a secret when it holds one.
    Auth,
}

/// Last words of names, the longest first.
const NOUNS: &[(&[&str], Noun)] = &[
    (&["secret", "key", "base"], Noun::Key),
    (&["connection", "string"], Noun::Auth),
    (&["conn", "string"], Noun::Auth),
    (&["api", "key"], Noun::Key),
    (&["access", "key"], Noun::Key),
    (&["secret", "key"], Noun::Key),
    (&["private", "key"], Noun::Key),
    (&["auth", "key"], Noun::Key),
    (&["encryption", "key"], Noun::Key),
    (&["encrypt", "key"], Noun::Key),
    (&["signing", "key"], Noun::Key),
    (&["signature", "key"], Noun::Key),
    (&["master", "key"], Noun::Key),
    (&["license", "key"], Noun::Key),
    (&["app", "key"], Noun::Key),
    (&["application", "key"], Noun::Key),
    (&["session", "key"], Noun::Key),
    (&["account", "key"], Noun::Key),
    (&["storage", "key"], Noun::Key),
    (&["shared", "key"], Noun::Key),
    (&["deploy", "key"], Noun::Key),
    (&["service", "key"], Noun::Key),
    (&["hmac", "key"], Noun::Key),
    (&["jwt", "key"], Noun::Key),
    (&["webhook", "key"], Noun::Key),
    (&["admin", "key"], Noun::Key),
    (&["aes", "key"], Noun::Key),
    (&["cookie", "key"], Noun::Key),
    (&["write", "key"], Noun::Key),
    (&["consumer", "key"], Noun::Key),
    (&["subscription", "key"], Noun::Key),
    (&["fernet", "key"], Noun::Key),
    (&["cipher", "key"], Noun::Key),
    (&["crypt", "key"], Noun::Key),
    (&["decrypt", "key"], Noun::Key),
    (&["decryption", "key"], Noun::Key),
    (&["nonce", "key"], Noun::Key),
    (&["preshared", "key"], Noun::Key),
    (&["license", "secret"], Noun::Key),
    (&["psk"], Noun::Password),
    (&["salt"], Noun::Key),
    (&["integration", "key"], Noun::Key),
    (&["record", "key"], Noun::Key),
    (&["erlang", "cookie"], Noun::Key),
    (&["root", "token", "id"], Noun::Key),
    (&["sftp", "users"], Noun::Auth),
    (&["ftp", "users"], Noun::Auth),
    (&["pass", "phrase"], Noun::Password),
    (&["password"], Noun::Password),
    (&["passwd"], Noun::Password),
    (&["passphrase"], Noun::Password),
    (&["passcode"], Noun::Password),
    (&["pass"], Noun::Password),
    (&["pwd"], Noun::Password),
    (&["pw"], Noun::Password),
    (&["passwords"], Noun::Password),
    (&["secret"], Noun::Key),
    (&["secrets"], Noun::Key),
    (&["token"], Noun::Key),
    (&["tokens"], Noun::Key),
    (&["pat"], Noun::Key),
    (&["bearer"], Noun::Key),
    (&["credential"], Noun::Key),
    (&["credentials"], Noun::Key),
    (&["creds"], Noun::Key),
    (&["auth"], Noun::Auth),
    (&["authorization"], Noun::Auth),
    (&["connectionstring"], Noun::Auth),
];

/// Last words that need one before them: `PWD` alone is the working directory.
const NOT_ALONE: &str = "pwd pw pat pass secrets tokens credentials credential auth bearer";

/// Words that are several in one.
const FUSED: &[(&str, Noun)] = &[
    ("password", Noun::Password),
    ("passwd", Noun::Password),
    ("passphrase", Noun::Password),
    ("storepass", Noun::Password),
    ("keypass", Noun::Password),
    ("sshpass", Noun::Password),
    ("dbpass", Noun::Password),
    ("userpass", Noun::Password),
    ("rootpass", Noun::Password),
    ("adminpass", Noun::Password),
    ("smtppass", Noun::Password),
    ("mailpass", Noun::Password),
    ("requirepass", Noun::Password),
    ("ldappass", Noun::Password),
    ("ftppass", Noun::Password),
    ("vncpass", Noun::Password),
    ("mysqlpass", Noun::Password),
    ("svnpass", Noun::Password),
    ("dbpwd", Noun::Password),
    ("userpwd", Noun::Password),
    ("rootpwd", Noun::Password),
    ("adminpwd", Noun::Password),
    ("masterauth", Noun::Password),
    ("apikey", Noun::Key),
    ("secretkey", Noun::Key),
    ("accesskey", Noun::Key),
    ("privatekey", Noun::Key),
    ("authtoken", Noun::Key),
    ("accesstoken", Noun::Key),
    ("apitoken", Noun::Key),
    ("bottoken", Noun::Key),
    ("usertoken", Noun::Key),
    ("sessiontoken", Noun::Key),
    ("refreshtoken", Noun::Key),
    ("githubtoken", Noun::Key),
    ("npmtoken", Noun::Key),
    ("deploytoken", Noun::Key),
    ("authkey", Noun::Key),
    ("presharedkey", Noun::Key),
    ("encryptionkey", Noun::Key),
    ("signingkey", Noun::Key),
    ("clientsecret", Noun::Key),
    ("apisecret", Noun::Key),
    ("appsecret", Noun::Key),
    ("jwtsecret", Noun::Key),
    ("tokensecret", Noun::Key),
    ("sessionsecret", Noun::Key),
    ("cookiesecret", Noun::Key),
    ("consumersecret", Noun::Key),
    ("sharedsecret", Noun::Key),
];

/// Words behind the noun that leave it one.
const QUALIFIERS: &str = "prod production dev development test testing staging stage local default old new value val base64 b64 \
    string text plain plaintext raw primary secondary live sandbox root admin ci env current previous";

/// Words that make the name one of a setting about secrets, or of a special token of a language model.
const ABOUT: &str = "max min num count limit public with enable enabled disable disabled has is allow require requires required \
    pad eos bos unk sep cls mask stop special pull tls";

/// Words that are no secret, whatever the name.
const NO_VALUE: &str = "true false yes no on off null none nil undefined changeme change_me change-me changeit todo tbd unset \
    disabled enabled required optional auto redacted hidden removed masked placeholder dummy fake empty missing replaceme \
    replace-me replace_me fixme your insert_here";

/// Words of a value that say that it is made up: `dummy-key-for-assets`.
const MADE_UP: &str = "dummy placeholder notasecret fake bogus unused";

/// Words before `key` that make it one that everybody may have, or the name of something: its value says nothing then.
const OPEN_KEYS: &str = "gpg pgp public publishable site anon search host id primary partition sort cache object foreign idempotency project ssh";

/// Words that a token or a key is not.
const MODES: &str = "basic bearer digest jwt oauth oauth2 oidc saml ldap kerberos pam md5 sha1 sha256 sha512 hs256 rs256 es256 scram \
    scram-sha-256 plain login store cache default always never prompt ask stdin env environment file header cookie query memory redis \
    local internal vault kubernetes docker secret token password apikey key user admin anonymous trust peer ident cert strict any all \
    builtin manager plugin string random generate generated uuid hex base64 refresh access id_token access_token";

fn listed(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// The words of a name, lower case: `dbPassword2`, `DB_PASSWORD` and `db.password` are `db` and `password`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut lower) = (String::new(), false);
    let mut done = |word: &mut String| {
        let trimmed = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let kept = if matches!(word.as_str(), "base64" | "b64") { word.as_str() } else { trimmed };
        if !kept.is_empty() {
            words.push(kept.to_owned());
        }
        word.clear();
    };
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            done(&mut word);
            lower = false;
            continue;
        }
        if c.is_ascii_uppercase() && lower {
            done(&mut word);
        }
        lower = c.is_ascii_lowercase();
        word.push(c.to_ascii_lowercase());
    }
    done(&mut word);
    words
}

fn noun(name: &str) -> Option<Noun> {
    let mut words = words(name);
    let found = |words: &[String]| {
        let ends = |nouns: &&[&str]| {
            words.len() >= nouns.len() && words.iter().rev().zip(nouns.iter().rev()).all(|(a, b)| a == b)
        };
        let known = NOUNS.iter().find(|(nouns, _)| ends(nouns));
        let last = words.last()?;
        if let Some(&(nouns, noun)) = known {
            let alone = words.len() == nouns.len() && listed(NOT_ALONE, last);
            return (!alone).then_some((noun, nouns.len()));
        }
        FUSED.iter().find(|(end, _)| last.ends_with(end)).map(|&(_, noun)| (noun, 1))
    };
    for _ in 0..3 {
        if let Some((noun, len)) = found(&words) {
            let before = words.get(..words.len() - len).unwrap_or_default();
            return (!before.iter().any(|word| listed(ABOUT, word))).then_some(noun);
        }
        match words.last() {
            Some(last) if words.len() > 1 && listed(QUALIFIERS, last) => words.truncate(words.len() - 1),
            _ => break,
        }
    }
    None
}

/// Whether a variable of that name usually holds a secret.
#[must_use]
pub(in crate::audit) fn is_secret_name(name: &str) -> bool {
    noun(name).is_some()
}

/// The value without its quotes.
fn bare(value: &str) -> &str {
    value.trim().trim_matches(['"', '\'', '`'])
}

/// Whether a value is one, rather than a place for one or a switch.
#[must_use]
pub(in crate::audit) fn is_value(value: &str) -> bool {
    let value = bare(value);
    let lower = value.to_ascii_lowercase();
    let starts = [
        "$",
        "<",
        "{{",
        "/",
        "./",
        "../",
        "~/",
        "%",
        "@",
        "#{",
        "!",
        "*",
        "[",
        "(",
        "\\",
        "file:",
        "env:",
        "vault:",
        "ssm:",
        "arn:",
        "op://",
        "sm://",
        "ref+",
        "ref:",
        "secretref:",
        "projects/",
        "http://",
        "https://",
        "s3://",
        "gs://",
        "secrets/",
        "/run/",
        "your-",
        "your_",
        "your ",
        "yourpass",
        "yoursecret",
        "yourtoken",
        "yourkey",
        "yourapikey",
        "some-",
        "some_",
        "insert-",
        "insert_",
        "replace",
        "change-",
        "change_",
        "changethis",
        "put-",
        "enter-",
        "xxx",
        "aws:",
        "azurekeyvault",
    ];
    let inside =
        ["${", "$(", "{{", "}}", "%(", "placeholder", "change-me", "change_me", "-here", "_here", ".*", "[^", "<your"];
    let template = lower.starts_with("__") && lower.ends_with("__");
    !lower.is_empty()
        && !starts.iter().any(|start| lower.starts_with(start))
        && !inside.iter().any(|part| lower.contains(part))
        && lower.strip_prefix("changeme").is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        && !template
        && !["not-a-", "not_a_", "not-used", "not_used", "not-real", "not-needed"]
            .iter()
            .any(|start| lower.starts_with(start))
        && !listed(NO_VALUE, &lower)
        && !lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| listed(MADE_UP, word))
        && !value.contains("EXAMPLE")
        && !lower.split("example").skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && !lower.chars().all(|c| matches!(c, 'x' | '*' | '.' | '-' | '_' | '#' | '?'))
}

/// Digits, and what stands between digits in numbers, versions and times: `4096`, `15m`, `0.21.4`, `1_000`, `30 days`.
fn is_amount(value: &str) -> bool {
    let number = value.strip_prefix(['-', '+']).unwrap_or(value);
    let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '_'));
    let units = [
        "", "ms", "s", "sec", "secs", "seconds", "m", "min", "mins", "minutes", "h", "hr", "hour", "hours", "d", "day",
        "days", "w", "k", "kb", "mb", "gb", "b", "y",
    ];
    number.starts_with(|c: char| c.is_ascii_digit()) && units.contains(&unit.trim().to_ascii_lowercase().as_str())
}

/// Whether a text has a key of a connection string with its value: `Password=…;`, `AccountKey=…`.
fn connection(value: &str) -> bool {
    value.split(';').skip_while(|part| !part.contains('=')).any(|part| {
        part.split_once('=').is_some_and(|(key, value)| {
            let key = key.trim().to_ascii_lowercase();
            matches!(key.as_str(), "password" | "pwd" | "accountkey" | "sharedaccesskey" | "sharedsecretvalue")
                && is_value(value)
        })
    })
}

/// Whether a text is `USER/PASSWORD`, as `NEO4J_AUTH` has it: a password with a digit, for two words are two modes.
fn user_slash_password(value: &str) -> bool {
    let Some((user, password)) = bare(value).split_once('/') else { return false };
    let name = !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let digit = password.chars().any(|c| c.is_ascii_digit());
    name && digit && password.len() >= 6 && !password.contains('/') && is_value(password)
}

/// Whether a text is `USER:PASSWORD`, both of them there.
fn user_and_password(value: &str) -> bool {
    value.split_once(':').is_some_and(|(user, password)| {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
        !user.is_empty()
            && user.chars().all(sound)
            && is_value(password)
            && !password.contains([':', ' ', '/'])
            && !is_amount(password)
    })
}

/// Names with commas between them: `db_password,api_token`.
fn is_list(value: &str) -> bool {
    let name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.'))
    };
    value.contains(',') && value.split(',').all(|part| name(part.trim()))
}

/// Text that was generated: long, without blanks, of letters and digits.
fn is_long(value: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-' | '.');
    value.len() >= 16
        && value.chars().all(sound)
        && value.chars().any(|c| c.is_ascii_digit())
        && value.chars().any(|c| c.is_ascii_alphabetic())
}

/// Whether a setting gives a secret: by its name and its value, or by its value alone.
#[must_use]
pub(in crate::audit) fn is_secret(name: &str, value: &str) -> bool {
    let value = bare(value);
    if super::url_password(value) || connection(value) || source_name(value) || document(value) {
        return true;
    }
    // Bundler takes the login of a host as BUNDLE_HOST__NAME=USER:PASSWORD.
    by_name(name, value)
        || generated_key(name, value)
        || name.starts_with("BUNDLE_") && name.contains("__") && user_and_password(value)
}

/// A key of whatever, with a value that no hand wrote: a fingerprint is hexadecimal, a name is one case.
fn generated_key(name: &str, value: &str) -> bool {
    let words = words(name);
    let Some(("key", before)) = words.split_last().map(|(last, before)| (last.as_str(), before)) else { return false };
    let has = |kind: fn(&u8) -> bool| value.bytes().any(|byte| kind(&byte));
    value.len() >= 24
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'=' | b'_'))
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && !before.iter().any(|word| listed(ABOUT, word) || listed(OPEN_KEYS, word))
        && is_value(value)
}

/// The name of a data source as Go's drivers write it, `USER:PASSWORD@tcp(HOST)/…`, and as Oracle's do,
/// `jdbc:oracle:thin:USER/PASSWORD@HOST`.
fn source_name(value: &str) -> bool {
    let login = ["@tcp(", "@unix("].iter().find_map(|mark| value.split_once(mark)).map(|(login, _)| login);
    let oracle = value.strip_prefix("jdbc:oracle:").and_then(|rest| rest.split_once('@')).map(|(login, _)| login);
    let oracle = oracle.and_then(|login| login.rsplit(':').next()).and_then(|login| login.split_once('/'));
    login.is_some_and(user_and_password)
        || oracle.is_some_and(|(user, password)| !user.is_empty() && is_value(password))
}

/// A JSON document with a member that holds a secret.
fn document(value: &str) -> bool {
    if !value.starts_with(['{', '[']) {
        return false;
    }
    let parts: Vec<&str> = value.split('"').collect();
    parts.windows(3).any(|part| match part {
        [key, between, value] => {
            between.trim() == ":" && (by_name(key, value) || *key == "auth" && value.len() >= 8 && is_value(value))
        }
        _ => false,
    })
}

/// Whether a setting gives a secret by its name and its value.
fn by_name(name: &str, value: &str) -> bool {
    let Some(noun) = noun(name).filter(|_| is_value(value)) else { return false };
    let lower = value.to_ascii_lowercase();
    let text =
        || !is_amount(value) && !listed(MODES, &lower) && !lower.contains(' ') && value.len() >= 4 && !is_list(value);
    match noun {
        Noun::Password => value.len() >= 2 && !(is_amount(value) && (value.len() < 4 || value.contains('.'))),
        Noun::Key => text() && !value.ends_with(['(', ':']),
        Noun::Auth => {
            let rest = ["basic ", "bearer ", "token "]
                .iter()
                .find_map(|kind| lower.starts_with(kind).then(|| value.get(kind.len()..)));
            match rest.flatten() {
                Some(rest) => is_value(rest) && rest.len() >= 4,
                // The ids of its account may stand behind it.
                None => {
                    let login = value.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':');
                    text()
                        && (user_and_password(value)
                            || user_and_password(login)
                            || user_slash_password(value)
                            || is_long(value))
                }
            }
        }
    }
}

/// Whether a text is `USER:PASSWORD`, as programs take it with an option of that meaning.
#[must_use]
pub(super) fn is_login(value: &str) -> bool {
    user_and_password(bare(value))
}

#[cfg(test)]
mod tests {
    use super::{is_secret, is_secret_name, is_value};

    #[test]
    fn names_and_values_of_secrets() {
        assert!(is_secret_name("db_password") && is_secret_name("GITHUB-TOKEN") && !is_secret_name("KEYBOARD"));
        assert!(is_secret_name("dbPassword2") && is_secret_name("PGPASSWORD") && !is_secret_name("PWD"));
        assert!(
            !is_secret_name("POSTGRES_PASSWORD_FILE") && !is_secret_name("MAX_TOKENS") && !is_secret_name("libsecret")
        );
        assert!(is_value("hunter2") && !is_value("${DB}") && !is_value("") && !is_value("/run/secrets/x"));
        assert!(is_secret("DB_PASS", "hunter2") && !is_secret("TOKEN_LIFETIME", "15m") && !is_secret("TOKEN", "15m"));
        assert!(is_secret("X", "postgres://app:s3cr3t@db/app") && !is_secret("X", "postgres://app:$PW@db/app"));
    }
}
