//! Checks of content that no package owns: secrets by the content and the name of a file, and leftovers of developers.
//!
//! Text files up to 1 MiB are read, once for all checks of content.

use crate::audit::{Cx, Findings, Severity, secrets};
use crate::diag::escape::{first, quoted};
use crate::tree::{Id, Tree};

/// Largest file that is read, in bytes.
pub(in crate::audit) const LIMIT: u64 = 1 << 20;

/// Files that may not be read, named in one note.
const NAMED: usize = 10;

/// Bytes by which a text is told from anything else.
const HEAD: usize = 4096;

/// What was found in one file.
#[derive(Debug)]
pub(in crate::audit) struct Secret {
    id: Id,
    /// The check that speaks of it.
    check: &'static str,
    what: &'static str,
    /// Tells it from others in the same file.
    digest: String,
    line: Option<u32>,
    severity: Severity,
}

/// Files that programs keep passwords in: the end of the path, and what makes it one that holds any.
type Store = (&'static str, fn(&str) -> Vec<&str>);

/// Secrets of one file that are listed one by one.
const LISTED: usize = 100;

const STORES: &[Store] = &[
    ("/.netrc", behind_password),
    ("/.pgpass", |text| {
        fields(text).filter_map(|line| line.splitn(5, ':').nth(4)).filter(|word| secrets::is_value(word)).collect()
    }),
    ("/.npmrc", |text| values(text, &["_authToken", "_password", "_auth"])),
    ("/.yarnrc.yml", |text| values(text, &["npmAuthToken", "npmAuthIdent"])),
    ("/.pypirc", |text| values(text, &["password"])),
    ("/pip.conf", urls),
    ("/.git-credentials", urls),
    ("/.gitconfig", urls),
    ("/.my.cnf", |text| values(text, &["password"])),
    ("/.aws/credentials", |text| values(text, &["aws_secret_access_key"])),
    ("/.docker/config.json", |text| values(text, &["auth", "identitytoken", "password"])),
    ("/containers/auth.json", |text| values(text, &["auth", "identitytoken"])),
    ("/.kube/config", |text| values(text, &["client-key-data", "token", "password"])),
    ("/gradle.properties", named),
    ("/.m2/settings.xml", |text| {
        let found = text.split("<password>").skip(1).filter_map(|rest| rest.split('<').next());
        found.filter(|word| secrets::is_value(word)).collect()
    }),
    ("/NuGet.Config", |text| {
        let found = text.split("\"ClearTextPassword\"").skip(1).filter_map(|rest| rest.split('"').nth(1));
        found.filter(|word| secrets::is_value(word)).collect()
    }),
    ("/.cargo/credentials.toml", |text| values(text, &["token"])),
    ("/.config/gh/hosts.yml", |text| values(text, &["oauth_token"])),
    ("/.s3cfg", |text| values(text, &["secret_key"])),
    ("/.env", named),
    ("/composer/auth.json", |text| values(text, &["password", "token", "bearer"])),
    ("/.composer/auth.json", |text| values(text, &["password", "token", "bearer"])),
    ("/.bundle/config", configured),
    ("/rclone.conf", |text| values(text, &["pass", "password", "token", "secret_access_key", "client_secret", "key"])),
    ("/credentials.tfrc.json", |text| values(text, &["token"])),
    ("/application_default_credentials.json", |text| values(text, &["client_secret", "refresh_token"])),
    ("/.azure/accessTokens.json", |text| values(text, &["accessToken", "refreshToken"])),
    ("/.azure/msal_token_cache.json", |text| values(text, &["secret"])),
    ("/.boto", |text| values(text, &["aws_secret_access_key", "gs_secret_access_key", "gs_oauth2_refresh_token"])),
    ("/pypoetry/auth.toml", |text| values(text, &["password", "token"])),
    ("/.fly/config.yml", |text| values(text, &["access_token"])),
    ("/fetchmailrc", behind_password),
    ("/.fetchmailrc", behind_password),
    // The key that Rails decrypts its credentials with.
    ("/config/master.key", |text| {
        let key = text.trim();
        let generated = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(key).filter(|_| generated).into_iter().collect()
    }),
    ("/.vault-token", |text| Some(text.trim()).filter(|text| secrets::is_value(text)).into_iter().collect()),
    ("/.htpasswd", |text| {
        fields(text)
            .filter_map(|line| line.split_once(':'))
            .map(|(_, hash)| hash)
            .filter(|hash| secrets::is_value(hash))
            .collect()
    }),
];

fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
}

/// The words behind `password`.
fn behind_password(text: &str) -> Vec<&str> {
    let words = text.split_ascii_whitespace();
    let behind = words.clone().zip(words.skip(1)).filter(|(key, _)| *key == "password");
    behind.map(|(_, word)| word).filter(|word| secrets::is_value(word)).collect()
}

/// Lines with a URL that has a password.
fn urls(text: &str) -> Vec<&str> {
    fields(text).filter(|line| secrets::url_password(line)).collect()
}

/// `NAME=value` with the name and the value of a secret.
fn named(text: &str) -> Vec<&str> {
    let settings = fields(text).filter_map(|line| line.trim_start_matches("export ").split_once('='));
    settings.filter(|(name, value)| secrets::is_secret(name, value)).map(|(_, value)| value).collect()
}

/// The values of these keys, as INI, YAML, JSON or npm writes them.
fn values<'t>(text: &'t str, keys: &[&str]) -> Vec<&'t str> {
    let lines = text.split(['\n', ',', '{', '}']).map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let found = lines.filter_map(|line| {
        let (key, value) = key_and_value(line)?;
        let key = key.rsplit([':', '.']).next().unwrap_or_default();
        (keys.contains(&key) && secrets::is_value(value)).then_some(value)
    });
    found.collect()
}

/// Key and value of a line. A quoted key ends with its quote: its value may be base 64, which ends with `=`.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    if let Some((key, rest)) = line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return Some((key, rest.trim_start().strip_prefix([':', '='])?.trim()));
    }
    let by_colon = || line.split_once(": ").or_else(|| line.rsplit_once(':'));
    let (key, value) = match (line.find('='), line.find(": ")) {
        (Some(equals), Some(colon)) if colon < equals => by_colon(),
        _ => line.split_once('=').or_else(by_colon),
    }?;
    Some((key.trim().trim_matches(['"', '\'']), value.trim()))
}

/// Files of an application's settings: YAML, JSON, properties, and the constants of WordPress.
fn is_settings(name: &[u8]) -> bool {
    const NAMES: &str = "application bootstrap appsettings database secrets parameters wp-config local_settings";
    const ENDS: &str = "properties yml yaml json php py";
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let Some((stem, end)) = name.rsplit_once('.') else { return false };
    let listed = |words: &str, word: &str| words.split_ascii_whitespace().any(|known| known == word);
    // application-prod.yml and appsettings.Production.json; not wp-config-sample.php.
    let (first, profile) = stem.split_once(['.']).unwrap_or((stem, ""));
    let (first, profile) = match first.split_once('-') {
        Some((start, rest)) if start == "application" || start == "bootstrap" => (start, rest),
        _ => (first, profile),
    };
    // Those of Django; other files of that name are of anything.
    if name == "settings.py" {
        return true;
    }
    let shown = ["example", "sample", "template", "dist", "test"].contains(&profile);
    listed(ENDS, end) && listed(NAMES, first) && !shown
}

/// The values of every key that is named like a secret, in such a file.
fn configured(text: &str) -> Vec<&str> {
    // define('KEY', 'value');
    let defined = |line| -> Option<(&str, &str)> {
        let rest = str::strip_prefix(line, "define(")?;
        let (key, value) = rest.split_once(',')?;
        Some((key.trim_matches(['"', '\'', ' ']), value.trim_end_matches([';', ')', ' ']).trim()))
    };
    let members = |line: &'_ str| if line.trim_start().starts_with('"') { ',' } else { '\n' };
    let lines = text.split(['\n', '{', '}']).flat_map(|line| line.split(members(line)));
    let lines = lines.map(str::trim).filter(|line| !line.starts_with(['#', ';', '/', '*', '!']));
    let found = lines.filter_map(|line| {
        let (key, value) = defined(line).or_else(|| key_and_value(line))?;
        let value = value.trim_end_matches([',', ';']).trim();
        let plain = value.trim_matches(['"', '\'']);
        // A call, a reference or an expression is code that reads it from elsewhere.
        let code = plain.contains(['(', ')', '[', ']', '<', '>', '$']) && !value.starts_with(['"', '\'']);
        (!code && !key.contains(' ') && secrets::is_secret(key.trim_start_matches('$'), plain)).then_some(plain)
    });
    found.collect()
}

/// Read every text that no package owns.
pub(in crate::audit) fn collect(cx: &Cx<'_>, findings: &mut Findings) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut unread: Vec<Id> = Vec::new();
    for id in cx.tree.ids().filter(|&id| cx.tree.is_file(id)) {
        let size = cx.tree.meta(id).size;
        if size == 0 || size > LIMIT || is_binary(cx.tree.name(id)) || !cx.is_part(id) || !cx.is_unowned(id) {
            continue;
        }
        let Ok(mut text) = cx.contents.read_at(cx.tree, id, 0, HEAD) else {
            unread.push(id);
            continue;
        };
        if text.contains(&0) {
            continue;
        }
        if size > text.len() as u64 {
            match cx.contents.read(cx.tree, id, LIMIT) {
                Ok(all) if !all.contains(&0) => text = all,
                _ => continue,
            }
        }
        examine(cx.tree, id, &text, &mut found);
    }
    if !unread.is_empty() {
        let list = first(&unread, NAMED, |&id| quoted(&cx.tree.path(id)));
        findings.note(format!("not searched for secrets, because harden may not read them: {list}"));
    }
    found
}

fn examine(tree: &Tree, id: Id, text: &[u8], found: &mut Vec<Secret>) {
    let path = tree.path(id);
    // Keys of test suites are public.
    let sample = is_sample(&path);
    let mut add = |check: &'static str, what, secret: &[u8], at: Option<usize>, severity: Severity| {
        let severity = if sample { severity.min(Severity::Low) } else { severity };
        let digest = secrets::digest(&[check.as_bytes(), b"\0", &path[..]].concat(), secret);
        let line = at.and_then(|at| secrets::line_of(text, at));
        let known = |secret: &Secret| secret.id == id && secret.check == check && secret.digest == digest;
        if !found.iter().rev().take(LISTED).any(known) {
            found.push(Secret { id, check, what, digest, line, severity });
        }
    };
    for (kind, at, len) in secrets::private_keys(text).into_iter().take(LISTED) {
        let (what, severity) = match kind {
            secrets::PrivateKey::Plain => ("a private key", Severity::High),
            secrets::PrivateKey::Encrypted => ("a private key with a passphrase", Severity::Medium),
        };
        add("secrets.private-key", what, text.get(at..at + len).unwrap_or_default(), Some(at), severity);
    }
    let has_aws_secret = std::cell::OnceCell::new();
    for token in secrets::tokens(text).into_iter().take(LISTED) {
        let secret = text.get(token.at..token.at + token.len).unwrap_or_default();
        // The id of a key alone opens nothing.
        let sure = token.sure
            && (!token.kind.starts_with("AWS ") || *has_aws_secret.get_or_init(|| secrets::aws_secret(text)));
        let severity = if sure { Severity::High } else { Severity::Medium };
        add("secrets.token", token.kind, secret, Some(token.at), severity);
    }
    if !sample && !is_installed(&path) && is_settings(tree.name(id)) {
        for secret in configured(&String::from_utf8_lossy(text)).into_iter().take(LISTED) {
            add("secrets.password", "a stored password", secret.as_bytes(), None, Severity::High);
        }
    }
    for (end, holds) in STORES {
        let fits = path.ends_with(end.as_bytes()) || (*end == "/.env" && is_env(tree.name(id)));
        if !fits {
            continue;
        }
        for secret in holds(&String::from_utf8_lossy(text)).into_iter().take(LISTED) {
            add("secrets.password", "a stored password", secret.as_bytes(), None, Severity::High);
        }
    }
}

/// `.env`, `.env.production`, `prod.env`; not `.env.example`.
fn is_env(name: &[u8]) -> bool {
    let sample = [&b"example"[..], b"sample", b"template", b"dist"].iter().any(|end| name.ends_with(end));
    (name.starts_with(b".env.") || name.ends_with(b".env")) && !sample
}

/// What the parts of a test suite are called behind `test-`, and before `-test`.
const OF_TESTS: &str = "ca cert certs certificates data dir fixtures files keys key assets resources suite support util utils helpers \
    integration unit functional e2e system";

/// Whether a path is of a test suite or an example, whose secrets are public: below such a directory, or program text that
/// is named as its language's test runner wants it. A file of settings for tests (`secrets.test.json`) is none. What an
/// installed package of a language documents is public with it.
fn is_sample(path: &[u8]) -> bool {
    // An account may be called test.
    let path =
        path.strip_prefix(b"/home/").and_then(|rest| rest.splitn(2, |&byte| byte == b'/').nth(1)).unwrap_or(path);
    let mut parts = path.split(|&byte| byte == b'/');
    let file = parts.next_back().unwrap_or_default();
    parts.any(is_test_directory) || is_test_source(file) || is_installed(path) && is_document(file)
}

fn is_test_directory(part: &[u8]) -> bool {
    let Ok(part) = std::str::from_utf8(part) else { return false };
    let part = part.to_ascii_lowercase();
    let alone = ["test", "tests", "testing", "testdata", "fixture", "fixtures", "example", "examples", "spec", "specs"];
    if alone.contains(&part.trim_matches('_'))
        || matches!(part.as_str(), "mocks" | "__mocks__" | "testcases" | "molecule")
    {
        return true;
    }
    if part.strip_suffix("tests").is_some_and(|rest| rest.ends_with(['-', '_'])) {
        return true;
    }
    let known = |word: &str| OF_TESTS.split_ascii_whitespace().any(|known| known == word);
    let (first, last) = (part.split_once(['-', '_']), part.rsplit_once(['-', '_']));
    first.is_some_and(|(first, rest)| matches!(first, "test" | "tests") && known(rest))
        || last.is_some_and(|(rest, last)| matches!(last, "test" | "tests") && known(rest))
}

fn is_document(file: &[u8]) -> bool {
    let end = file.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    ["md", "markdown", "rst", "adoc"].iter().any(|known| end.eq_ignore_ascii_case(known.as_bytes()))
}

fn is_test_source(file: &[u8]) -> bool {
    const SOURCES: &str =
        "go py js cjs mjs jsx ts tsx rb java kt scala groovy php pl pm rs c cc cpp cxx h hpp cs swift ex exs erl lua";
    let Some((stem, end)) = std::str::from_utf8(file).ok().and_then(|name| name.rsplit_once('.')) else { return false };
    if end == "t" {
        return true;
    }
    if !SOURCES.split_ascii_whitespace().any(|known| known == end) {
        return false;
    }
    let lower = stem.to_ascii_lowercase();
    let word = |word: &str| matches!(word, "test" | "tests" | "spec" | "specs" | "conftest");
    let mut words = lower.split(['.', '-', '_']);
    // TestCase.java and CaseTest.php are of one word.
    let capital = ["Test", "Tests", "Spec", "TestCase"].iter().any(|known| stem.ends_with(known))
        || stem.strip_prefix("Test").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    words.next().is_some_and(word) || words.next_back().is_some_and(word) || capital
}

/// Directories of installed packages of a language: files are named there as programmers like it.
fn is_installed(path: &[u8]) -> bool {
    let part = |part: &[u8]| {
        [&b"site-packages"[..], b"dist-packages", b"node_modules", b"vendor", b"gems", b"bower_components"]
            .contains(&part)
            || part.ends_with(b".dist-info")
    };
    path.split(|&b| b == b'/').any(part)
}

/// Endings of files that hold no text, so that none of them is opened.
fn is_binary(name: &[u8]) -> bool {
    const ENDS: &str = "pyc pyo so a o dll exe jar war class gz xz bz2 zst zip whl png jpg gif ico woff2 ttf mo wasm";
    let end = name.rsplit(|&b| b == b'.').next().unwrap_or_default();
    end.len() < name.len() && ENDS.split(' ').any(|known| known.as_bytes() == end)
}

pub(super) fn private_keys(cx: &Cx<'_>, findings: &mut Findings) {
    report(cx, findings);
}

pub(super) fn tokens(cx: &Cx<'_>, findings: &mut Findings) {
    report(cx, findings);
}

pub(super) fn passwords(cx: &Cx<'_>, findings: &mut Findings) {
    report(cx, findings);
}

fn report(cx: &Cx<'_>, findings: &mut Findings) {
    let check = findings.check().id;
    for secret in cx.secrets(findings).iter().filter(|secret| secret.check == check) {
        let subject = format!("secret {}", secret.digest);
        let finding = findings.about(cx.tree.path(secret.id), subject, format!("holds {}", secret.what));
        finding.at_most(secret.severity).line = secret.line;
    }
}

/// Names that secrets usually have, and how bad a file of that name is by its name alone.
const NAMES: [(&str, Severity); 16] = [
    ("credentials.json", Severity::Medium),
    ("credential.json", Severity::Medium),
    ("credentials", Severity::Medium),
    ("credential", Severity::Medium),
    ("password.txt", Severity::Medium),
    ("id_rsa", Severity::Medium),
    ("id_dsa", Severity::Medium),
    ("id_ecdsa", Severity::Medium),
    ("id_ed25519", Severity::Medium),
    ("secret_token.rb", Severity::Medium),
    ("credentials.xml", Severity::Medium),
    (".env", Severity::Low),
    ("database.yml", Severity::Info),
    ("carrierwave.rb", Severity::Info),
    ("omniauth.rb", Severity::Info),
    ("settings.py", Severity::Info),
];

/// Endings that secrets usually have.
const ENDS: &str =
    "secret ovpn private_key cscfg rdp mdf sdf bek tpm fve jks psafe3 agilekeychain keychain pcap gnucache kdbx";

pub(super) fn names(cx: &Cx<'_>, findings: &mut Findings) {
    // Every file of the tree asks: the lists are taken apart once.
    let ends: Vec<&[u8]> = ENDS.split(' ').map(str::as_bytes).collect();
    for id in cx.tree.ids().filter(|&id| cx.tree.is_file(id) && cx.tree.meta(id).size > 0) {
        let name = cx.tree.name(id);
        let end = name.rsplit(|&b| b == b'.').next().unwrap_or_default();
        let by_end = || (end.len() < name.len() && ends.contains(&end)).then_some(Severity::Medium);
        let by_name = NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, severity)| severity);
        let Some(severity) = by_name.or_else(by_end) else { continue };
        let path = cx.tree.path(id);
        let told = findings.has(&["secrets.private-key", "secrets.token", "secrets.password"], &path);
        if told || is_installed(&path) || !cx.is_part(id) || !cx.is_unowned(id) {
            continue;
        }
        let severity = if is_sample(&path) { severity.min(Severity::Low) } else { severity };
        findings.at(cx.tree, id, b"", "has a name that is typical of files with secrets").at_most(severity);
    }
}

/// Directories and files of a developer's machine.
const DEVELOPER: &str = ".git .svn .hg .vscode .idea .aws .azure .gcp .cache .npm .gnupg Dockerfile docker-compose.yml .vimrc \
    .DS_Store .dockerignore";

pub(super) fn developer(cx: &Cx<'_>, findings: &mut Findings) {
    let known: Vec<&[u8]> = DEVELOPER.split(' ').map(str::as_bytes).collect();
    for id in cx.tree.ids().filter(|&id| !cx.tree.is_link(id)) {
        let name = cx.tree.name(id);
        if !known.contains(&name) || !cx.is_part(id) || !cx.is_unowned(id) {
            continue;
        }
        let empty = if cx.tree.is_dir(id) { cx.tree.children(id).len() == 0 } else { false };
        let path = cx.tree.path(id);
        if !empty && !is_installed(&path) {
            findings.at(cx.tree, id, b"", "is useful where the image is built, not in the image");
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::{configured, is_sample, is_settings, values};

    #[test]
    fn a_value_may_have_the_separator_of_another_format() {
        for (text, expected) in [
            (r#"{"auths":{"r":{"auth":"dTpwYXNzd29yZA=="}}}"#, "\"dTpwYXNzd29yZA==\""),
            (r#"{"auths": {"r": {"auth" : "dTpwYXNzd29yZA=="}}}"#, "\"dTpwYXNzd29yZA==\""),
            ("auth: dTpwYXNzd29yZA==", "dTpwYXNzd29yZA=="),
            ("//registry/:auth=dTpwYXNzd29yZA==", "dTpwYXNzd29yZA=="),
            ("auth = a: b", "a: b"),
        ] {
            assert_eq!(values(text, &["auth"]), [expected], "{text}");
        }
    }

    #[test]
    fn settings_of_applications() {
        for name in ["application.properties", "application-prod.yml", "appsettings.Production.json", "wp-config.php"] {
            assert!(is_settings(name.as_bytes()), "{name}");
        }
        for name in [
            "wp-config-sample.php",
            "settings.php",
            "application.example.yml",
            "appsettings.cs",
            "database.rb",
            "application",
        ] {
            assert!(!is_settings(name.as_bytes()), "{name}");
        }
        for (text, expected) in [
            ("spring.datasource.password=hunter2", "hunter2"),
            ("production:\n  password: hunter2\n", "hunter2"),
            ("define( 'DB_PASSWORD', 'hunter2' );", "hunter2"),
            (r#"{ "Jwt": { "SecretKey": "hunter2abc", "Issuer": "x" } }"#, "hunter2abc"),
            (r#""Default": "Server=db;User=sa;Password=hunter2;""#, "Server=db;User=sa;Password=hunter2;"),
            ("SECRET_KEY = 'django-insecure-hunter2'", "django-insecure-hunter2"),
        ] {
            let found = configured(text);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
        }
        for text in [
            "spring.datasource.password=${DB_PASSWORD}",
            "password: <%= ENV['DB_PASSWORD'] %>",
            "SECRET_KEY = os.environ['SECRET_KEY']",
            "define('DB_PASSWORD', getenv('DB_PASSWORD'));",
            "# password: hunter2",
            "password_reset_url: https://x.net",
            "password:",
        ] {
            assert!(configured(text).is_empty(), "{text}: {:?}", configured(text));
        }
    }

    #[test]
    fn test_suites_are_told_from_settings_of_tests() {
        for path in [
            "/usr/share/go/src/crypto/tls/example_test.go",
            "/srv/x/tests.py",
            "/srv/x/test_keys.py",
            "/srv/x/key.spec.ts",
            "/srv/x/KeyTest.java",
            "/srv/x/TestKey.java",
            "/srv/x/t/ssl.t",
            "/srv/x/test-ca/rsa/ca.key",
            "/srv/x/__tests__/a.key",
            "/srv/x/__fixtures__/a.key",
            "/srv/x/integration_tests/a.key",
            "/srv/x/Examples/a.key",
            "/srv/x/agent_tests/a.key",
            "/app/node_modules/x/README.md",
        ] {
            assert!(is_sample(path.as_bytes()), "{path}");
        }
        for path in [
            "/srv/x/config/secrets.test.json",
            "/srv/x/config/credentials/test.key",
            "/etc/ssl/private/test.pem",
            "/srv/latest/id_rsa",
            "/srv/contest/a.py",
            "/srv/x/test-server/key.pem",
            "/srv/x/attest.py",
            "/srv/x/latest_key.py",
            "/srv/x/Latest.java",
            "/srv/example.org/key.pem",
            "/root/.ssh/id_rsa",
            "/home/test/.ssh/id_rsa",
            "/app/README.md",
        ] {
            assert!(!is_sample(path.as_bytes()), "{path}");
        }
    }
}
