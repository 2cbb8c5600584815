//! Command lines and instructions of a Dockerfile: secrets among their words.

use super::settings::{is_login, is_secret, is_secret_name, is_value};
use super::{tokens, url_password};

/// A secret in a line: what it is, for people, and the secret itself, for its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Found {
    pub(in crate::audit) what: String,
    pub(in crate::audit) secret: String,
    /// Its form is that of its issuer.
    pub(in crate::audit) sure: bool,
}

/// Most secrets of one line.
const MOST: usize = 50;

/// Words of a command among which its name is looked for.
const FIRST_WORDS: usize = 16;

/// Options that take a login `USER:PASSWORD`.
const LOGINS: &[&str] = &["-u", "--user", "--proxy-user", "-U", "--creds", "--src-creds", "--dest-creds"];

/// Options of one letter that take a password, of these programs.
const SHORT: &[(&str, &str)] = &[
    ("sshpass", "-p"),
    ("docker login", "-p"),
    ("podman login", "-p"),
    ("buildah login", "-p"),
    ("skopeo login", "-p"),
    ("helm registry login", "-p"),
    ("az login", "-p"),
    ("az acr login", "-p"),
    ("mongo", "-p"),
    ("mongosh", "-p"),
    ("mongodump", "-p"),
    ("mongorestore", "-p"),
    ("nuget add", "-p"),
    ("nuget update", "-p"),
    ("cqlsh", "-p"),
    ("cypher-shell", "-p"),
    ("rabbitmqadmin", "-p"),
    ("cf login", "-p"),
    ("oc login", "-p"),
    ("unzip", "-P"),
    ("ssh-keygen", "-N"),
    ("ssh-keygen", "-P"),
    ("ldappasswd", "-s"),
    ("mysql", "-p"),
    ("redis-cli", "-a"),
    ("ldapsearch", "-w"),
    ("ldapadd", "-w"),
    ("ldapmodify", "-w"),
    ("sqlcmd", "-P"),
    ("zip", "-P"),
    ("kinit", "-w"),
];

/// Headers that hold a secret.
const HEADERS: &str = "authorization proxy-authorization private-token job-token x-api-key x-auth-token x-vault-token x-access-token api-key \
    apikey x-jfrog-art-api cookie";

/// The words of a line as a shell takes them, without quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut any) = (Vec::new(), String::new(), false);
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => (quote, any) = (Some(c), true),
            (Some('"') | None, '\\') => {
                if let Some(next) = chars.next()
                    && next != '\n'
                {
                    word.push(next);
                }
            }
            (None, ' ' | '\t' | '\n' | '\r' | ';' | '|' | '&' | '(' | ')') => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if matches!(c, ';' | '|' | '&') && words.last().is_some_and(|last| last != ";") {
                    words.push(";".to_owned());
                }
                any = false;
            }
            (_, c) => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Every secret in a line.
#[must_use]
pub(in crate::audit) fn secrets(line: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut add = |what: String, secret: &str, sure: bool| {
        if found.len() < MOST
            && !found.iter().any(|known| known.secret.contains(secret) || secret.contains(&known.secret))
        {
            found.push(Found { what, secret: secret.to_owned(), sure });
        }
    };
    for token in tokens::tokens(line.as_bytes()) {
        let text = line.get(token.at..token.at + token.len).unwrap_or_default();
        add(token.kind.to_owned(), text, token.sure);
    }
    // What the command of an image in exec form is made of is shown as an array.
    let plain = line.replace("[\"", " \"").replace("\"]", "\" ").replace("\",", "\" ");
    let words = words(&plain);
    let lower = line.to_ascii_lowercase();
    let known: Vec<(&str, &str)> =
        SHORT.iter().copied().filter(|(program, _)| program.split(' ').all(|word| lower.contains(word))).collect();
    let mut start = 0;
    for (at, word) in words.iter().enumerate() {
        if word == ";" {
            start = at + 1;
            continue;
        }
        let next = words.get(at + 1).map(String::as_str).filter(|next| !next.starts_with('-') && *next != ";");
        if is_pattern(word) {
            continue;
        }
        assignment(word, &mut add);
        if url_password(word) {
            add("a URL with a password".to_owned(), word, true);
        }
        option(word, next, words.get(start..at).unwrap_or_default(), &known, &mut add);
        // A script in one word.
        if word.contains([' ', '\n']) && word.len() < line.len() {
            header(word, &mut add);
            statement(word, &mut add);
            for inner in secrets(word) {
                add(inner.what, &inner.secret, inner.sure);
            }
        }
    }
    arguments(&words, &mut add);
    header_words(&words, &mut add);
    statement(line, &mut add);
    piped(&words, &lower, &mut add);
    found
}

type Add<'a> = dyn FnMut(String, &str, bool) + 'a;

/// A script of sed(1) or a pattern of a search.
fn is_pattern(word: &str) -> bool {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '/' | '^'));
    let sed =
        rest.strip_prefix('s').is_some_and(|rest| rest.starts_with(['/', '|', '#', ',', '@', '!', '~', '+', '%']));
    sed && word.len() > 3
}

/// `NAME=value`, also behind dashes and `-D`.
fn assignment(word: &str, add: &mut Add<'_>) {
    // A setting of a package index is one, and a requirement `name==1.0` is none.
    let Some((name, value)) = word.split_once('=') else { return };
    if value.starts_with('=') || name.ends_with(['>', '<', '~', '!', '+', ':']) && !name.ends_with("_auth:") {
        return;
    }
    let name = name.trim_start_matches('-');
    let name = name.strip_prefix('D').filter(|rest| rest.contains('.')).unwrap_or(name);
    // The mounts of BuildKit name secrets and hold none.
    if name.contains(' ') || name == "mount" || name == "secret" && value.contains("id=") {
        return;
    }
    let last = name.rsplit(['/', ',', '{', '?', '&']).next().unwrap_or(name);
    if is_secret(last, value) {
        add(last.trim_start_matches([':', '_']).to_owned(), value, true);
    }
    // More of them in one word: `a=b,password=c`, `?user=x&token=y`, `"x;Password=y"`.
    for part in value.split([',', '&', ';', '?']) {
        if let Some((name, value)) = part.split_once('=')
            && is_secret(name, value)
        {
            add(name.trim().to_owned(), value, true);
        }
    }
}

/// An option with its value in the next word, or behind its letter.
fn option(word: &str, next: Option<&str>, before: &[String], known: &[(&str, &str)], add: &mut Add<'_>) {
    let name = word.trim_start_matches('-');
    let dashes = word.len() - name.len();
    if let Some(value) = next {
        if dashes > 0 && LOGINS.contains(&word) && is_login(value) {
            add(format!("a login behind {word}"), value, true);
        }
        let long = dashes == 2 || dashes == 1 && name.len() > 2;
        if long && !name.contains('=') && is_secret_name(name) && is_secret(name, value) {
            add(name.to_owned(), value, true);
        }
        // The value of `npm config set KEY VALUE`, `git config KEY VALUE` and ENV KEY VALUE.
        let last = before.last().map(String::as_str).unwrap_or_default();
        let key = matches!(last, "set" | "--add" | "--global" | "ENV" | "config");
        if dashes == 0 && key && !name.contains('=') && is_secret_name(name) && is_secret(name, value) {
            add(name.to_owned(), value, true);
        }
    }
    let first = before.get(..before.len().min(FIRST_WORDS)).unwrap_or_default();
    let names = || first.iter().filter_map(|word| word.rsplit('/').next());
    let of = |program: &str| match program {
        "mysql" => names().any(|word| word.starts_with("mysql") || word.starts_with("mariadb")),
        _ => program.split(' ').all(|wanted| names().any(|word| word == wanted)),
    };
    for (program, flag) in known {
        if dashes != 1 || !word.starts_with(flag) || !of(program) {
            continue;
        }
        let glued = word.get(flag.len()..).unwrap_or_default();
        let value = if glued.is_empty() && *program != "mysql" { next.unwrap_or_default() } else { glued };
        if value.len() >= 3 && is_value(value) {
            add(format!("a password behind {flag}"), value, true);
        }
    }
    // Samba's tools take USER%PASSWORD, lftp USER,PASSWORD.
    let samba = |word: &str| matches!(word, "smbclient" | "rpcclient" | "smbget" | "net" | "smbcacls" | "wmic");
    for (value, separator) in [
        next.filter(|_| matches!(word, "-U" | "--user") && names().any(samba)).map(|value| (value, '%')),
        next.filter(|_| matches!(word, "-u" | "--user") && names().any(|word| word == "lftp"))
            .map(|value| (value, ',')),
    ]
    .into_iter()
    .flatten()
    {
        if value.split_once(separator).is_some_and(|(user, password)| !user.is_empty() && is_value(password)) {
            add(format!("a login behind {word}"), value, true);
        }
    }
    // openssl(1): pass:PASSWORD.
    if let Some(value) = word.strip_prefix("pass:").filter(|value| is_value(value)) {
        add("a password behind pass:".to_owned(), value, true);
    }
}

/// Commands that take a token as their next word: the words before it.
const TOKEN_COMMANDS: &[&[&str]] = &[
    &["ngrok", "authtoken"],
    &["ngrok", "config", "add-authtoken"],
    &["vault", "login"],
    &["snyk", "auth"],
    &["pro", "attach"],
    &["ua", "attach"],
    &["cloudflared", "service", "install"],
];

/// Programs that take a password as an argument: htpasswd -b FILE USER PASSWORD, rabbitmqctl add_user USER PASSWORD,
/// openssl passwd PASSWORD, the logins of composer, poetry and bundler, and the tokens of [`TOKEN_COMMANDS`].
fn arguments(words: &[String], add: &mut Add<'_>) {
    for (at, word) in words.iter().enumerate() {
        let name = word.rsplit('/').next().unwrap_or_default();
        let behind = words.get(at + 1..).unwrap_or_default();
        let flags = behind.iter().take_while(|word| word.starts_with('-')).count();
        let operand = |n: usize| behind.get(flags + n).filter(|word| *word != ";");
        let batch = behind.iter().take(flags).any(|flag| !flag.starts_with("--") && flag.contains('b'));
        let previous = at.checked_sub(1).and_then(|at| words.get(at)).map(String::as_str);
        let found = match name {
            "htpasswd" | "mosquitto_passwd" if batch => operand(2).or_else(|| operand(1)),
            "add_user" | "change_password" => operand(1),
            "passwd" if previous == Some("openssl") => operand(0),
            // Of `composer config` and `poetry config`, whose keys name the host or the index behind a dot.
            _ if name.starts_with("http-basic.") => operand(1),
            _ if ["github-oauth.", "gitlab-token.", "bearer.", "pypi-token."]
                .iter()
                .any(|start| name.starts_with(start)) =>
            {
                operand(0)
            }
            _ => None,
        };
        if let Some(secret) = found.filter(|secret| secret.len() >= 3 && is_value(secret)) {
            add(format!("an argument of {name}"), secret, true);
        }
        let follows = |command: &&&[&str]| {
            words.get(at..at + command.len()).is_some_and(|found| {
                found.iter().zip(**command).all(|(word, wanted)| word.rsplit('/').next() == Some(*wanted))
            })
        };
        if let Some(command) = TOKEN_COMMANDS.iter().find(follows)
            && let Some(secret) = words.get(at + command.len())
            && secret.len() >= 12
            && secret.bytes().any(|byte| byte.is_ascii_digit())
            && is_value(secret)
        {
            add(format!("an argument of {name}"), secret, true);
        }
        if matches!(name, "bundle" | "bundler")
            && let Some(login) = behind
                .iter()
                .take_while(|word| *word != ";")
                .skip_while(|word| *word != "config")
                .skip_while(|word| !word.contains('.') && !word.contains("__"))
                .nth(1)
            && is_login(login)
        {
            add("a login of a gem server".to_owned(), login, true);
        }
        // Of the configuration of Redis, as it is written into the file.
        if let Some((_, value)) =
            word.split_once(' ').filter(|(key, value)| matches!(*key, "requirepass" | "masterauth") && is_value(value))
        {
            add("a password".to_owned(), value, true);
        }
    }
}

/// `Authorization: Bearer …` and its kin in one word.
fn header(word: &str, add: &mut Add<'_>) {
    let Some((name, value)) = word.split_once(':') else { return };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    if !HEADERS.split_ascii_whitespace().any(|known| known == name) {
        return;
    }
    let rest =
        ["Bearer ", "bearer ", "Basic ", "basic ", "token ", "Token "].iter().find_map(|kind| value.strip_prefix(kind));
    let secret = rest.unwrap_or(value).trim();
    let typed = secret.contains(' ') || secret.len() < 4;
    if !typed && is_value(secret) && (name != "cookie" || secret.contains('=')) {
        add(format!("the header {name}"), secret, true);
    }
}

/// The same where the quotes around it are gone.
fn header_words(words: &[String], add: &mut Add<'_>) {
    for (at, word) in words.iter().enumerate() {
        if word.to_ascii_lowercase().ends_with("authorization:")
            && let [kind, secret, ..] = words.get(at + 1..).unwrap_or_default()
            && matches!(kind.to_ascii_lowercase().as_str(), "bearer" | "basic" | "token")
        {
            header(&format!("authorization: {kind} {secret}"), add);
        }
    }
}

/// Statements: SQL's passwords, and a line of .netrc or .pgpass.
fn statement(text: &str, add: &mut Add<'_>) {
    let lower = text.to_ascii_lowercase();
    let sql = ["alter ", "create ", "set ", "grant "].iter().any(|word| lower.contains(word));
    let netrc = lower.contains("machine ") && lower.contains("login ");
    if !sql && !netrc {
        return;
    }
    for start in ["identified by ", "with password ", "password ", "identified with mysql_native_password by "] {
        let mut from = 0;
        while let Some(found) = lower.get(from..).and_then(|rest| rest.find(start)) {
            let behind = from + found + start.len();
            from = behind;
            let rest = text.get(behind..).unwrap_or_default().trim_start_matches('\\');
            let quoted = rest.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"', '\\']).next());
            let netrc = netrc && start == "password ";
            let value = match quoted {
                Some(value) if sql => value,
                _ if netrc => rest.split([' ', '\n', '\'', '"', '\\', '\t']).next().unwrap_or_default(),
                _ => continue,
            };
            if value.len() >= 3 && is_value(value) {
                add("a password".to_owned(), value, true);
            }
        }
    }
}

/// `echo USER:PASSWORD | chpasswd`, and a password on the standard input of a login.
fn piped(words: &[String], lower: &str, add: &mut Add<'_>) {
    let echo = words.iter().position(|word| matches!(word.rsplit('/').next(), Some("echo" | "printf")));
    let Some(start) = echo else { return };
    let text: Vec<&String> =
        words.iter().skip(start + 1).take_while(|word| *word != ";").filter(|word| !word.starts_with('-')).collect();
    if lower.contains("chpasswd") && !lower.contains("chpasswd -e") && !lower.contains("chpasswd --encrypted") {
        for line in text.iter().flat_map(|word| word.split(['\n', ' '])).flat_map(|word| word.split("\\n")) {
            if is_login(line) {
                add("a password for chpasswd".to_owned(), line, true);
            }
        }
    }
    // passwd(1), smbpasswd(8) and vncpasswd(1) ask twice.
    let asks = lower.split('|').skip(1).any(|command| {
        let command = command.trim_start();
        let name = command.split([' ', ')', ';']).next().and_then(|word| word.rsplit('/').next());
        matches!(name, Some("passwd" | "smbpasswd" | "vncpasswd" | "x11vnc" | "kadmin.local"))
    });
    if asks
        && let Some(word) = text.first().and_then(|word| word.split("\\n").next()?.split('\n').next())
        && word.len() >= 3
        && is_value(word)
    {
        add("a password on standard input".to_owned(), word, true);
    }
    let stdin = ["--password-stdin", "passwd --stdin", "| sudo -s", "gh auth login --with-token"]
        .iter()
        .any(|word| lower.contains(word));
    if stdin && let Some(word) = text.last().filter(|word| word.len() >= 3 && is_value(word)) {
        add("a password on standard input".to_owned(), word, true);
    }
}
