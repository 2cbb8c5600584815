//! How configuration files write accounts and groups: a line each, comments and quotes left out.

/// What the value of a key or option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Account,
    Group,
    /// `www-data` or `www-data www`.
    AccountThenGroup,
    /// `www-data`, `www-data:www` or `:www`.
    AccountColonGroup,
    /// `mail : uucp`.
    Accounts,
}

impl Kind {
    /// The names in the words of a value, with whether each is a group's. Numbers and expansions are no names.
    pub(super) fn names(self, words: &[&str]) -> Vec<(bool, String)> {
        let first = words.first().copied().unwrap_or_default();
        let pairs = match self {
            Self::Account => vec![(false, first)],
            Self::Group => vec![(true, first)],
            Self::AccountThenGroup => vec![(false, first), (true, words.get(1).copied().unwrap_or_default())],
            Self::AccountColonGroup => {
                let (account, group) = first.split_once(':').unwrap_or((first, ""));
                vec![(false, account), (true, group)]
            }
            Self::Accounts => words.iter().flat_map(|word| word.split(':')).map(|account| (false, account)).collect(),
        };
        pairs.into_iter().filter(|(_, name)| is_name(name)).map(|(group, name)| (group, name.to_owned())).collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(['$', '{', '#', '/', '%', '*'])
        && !text.starts_with('-')
        && !text.bytes().all(|b| b.is_ascii_digit())
}

/// Keys and what their values are.
type Keys = &'static [(&'static str, Kind)];

/// The languages of the table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Syntax {
    /// No file is read.
    None,
    /// `key value value;`, comments after `#`.
    Words(Keys),
    /// `key = value` below `[sections]`, comments after `;` and `#`.
    Assignments(Keys),
    /// `User NAME` and `Group NAME` in any case, and `export APACHE_RUN_USER=NAME`.
    Apache,
    /// `user` and `group` of the section `global`; those of a userlist are no accounts of the system.
    Haproxy,
    /// The sixth column of crontab(5), or the second behind `@daily`.
    Crontab,
}

impl Syntax {
    /// Line, whether a group, and name of each use.
    pub(super) fn uses(self, text: &str) -> Vec<(usize, bool, String)> {
        let mut found = Vec::new();
        let mut section = "";
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            let names = match self {
                Self::None => Vec::new(),
                Self::Words(keys) => words(line, keys),
                Self::Assignments(keys) => assignment(line, keys),
                Self::Apache => apache(line),
                Self::Crontab => crontab(line),
                Self::Haproxy => {
                    let first = line.split_whitespace().next().unwrap_or_default();
                    section = if HAPROXY.split(' ').any(|known| known == first) { first } else { section };
                    let keys = &[("user", Kind::Account), ("group", Kind::Group)];
                    if section == "global" { words(line, keys) } else { Vec::new() }
                }
            };
            found.extend(names.into_iter().map(|(group, name)| (at + 1, group, name)));
        }
        found
    }
}

/// Words that begin a section of haproxy's configuration, which need no indentation inside.
const HAPROXY: &str = "global defaults frontend backend listen userlist peers mailers resolvers program cache ring http-errors \
    fcgi-app log-forward crt-store traces";

fn words(line: &str, keys: &[(&str, Kind)]) -> Vec<(bool, String)> {
    let line = line.split('#').next().unwrap_or_default();
    let mut found = Vec::new();
    for statement in line.split(';') {
        let mut words = statement.split_whitespace().map(unquoted);
        let key = words.next().unwrap_or_default();
        let values: Vec<&str> = words.collect();
        if let Some((_, kind)) = keys.iter().find(|(known, _)| *known == key) {
            found.extend(kind.names(&values));
        }
    }
    found
}

fn assignment(line: &str, keys: Keys) -> Vec<(bool, String)> {
    if line.starts_with([';', '#']) {
        return Vec::new();
    }
    let Some((key, value)) = line.split_once('=') else { return Vec::new() };
    let value = value.split([';', '#']).next().unwrap_or_default();
    let values: Vec<&str> = value.split_whitespace().map(unquoted).collect();
    let kind = keys.iter().find(|(known, _)| *known == key.trim()).map(|(_, kind)| kind);
    kind.map(|kind| kind.names(&values)).unwrap_or_default()
}

fn apache(line: &str) -> Vec<(bool, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (key, rest) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
    // vsftpd's spellings ride along: both programs resolve them when they start.
    let kind = match key.to_ascii_lowercase().as_str() {
        "user" | "apache_run_user" | "nopriv_user" | "ftp_username" => Kind::Account,
        "group" | "apache_run_group" => Kind::Group,
        _ => return Vec::new(),
    };
    // `: ${APACHE_RUN_USER:=www-data}` and `User ${APACHE_RUN_USER}` hold no literal name.
    let value = rest.trim_start_matches(['=', ' ']).split_whitespace().next().unwrap_or_default();
    kind.names(&[unquoted(value)])
}

fn crontab(line: &str) -> Vec<(bool, String)> {
    let times = match line.as_bytes().first() {
        Some(b'@') => 1,
        Some(b'0'..=b'9' | b'*' | b'-') => 5,
        _ => return Vec::new(),
    };
    let columns: Vec<&str> = line.split_whitespace().collect();
    columns.get(times).filter(|_| columns.len() > times + 1).map_or(Vec::new(), |name| Kind::Account.names(&[name]))
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::{Kind, Syntax};

    fn uses(syntax: Syntax, text: &str) -> Vec<String> {
        let show =
            |(line, group, name): (usize, bool, String)| format!("{line} {}{name}", if group { ":" } else { "" });
        syntax.uses(text).into_iter().map(show).collect()
    }

    #[test]
    fn nginx_names_an_account_and_perhaps_a_group() {
        let nginx = Syntax::Words(&[("user", Kind::AccountThenGroup)]);
        let text = "# user nobody;\nuser  www-data www; worker_processes 2; # user x\nlog_format main '$remote_addr - $remote_user';\nuser_agent x;\n";
        assert_eq!(uses(nginx, text), ["2 www-data", "2 :www"]);
    }

    #[test]
    fn pools_and_programs_assign() {
        let keys = &[("user", Kind::Account), ("listen.group", Kind::Group), ("chown", Kind::AccountColonGroup)];
        let text = "[www]\n; user = no\nuser = www-data ; the pool\nuser=\"a\"\nlisten.group = 33\nusername = no\nchown=nobody:nogroup\nuser = %(ENV_USER)s\n[x]\nlisten.group=$pool\n";
        let expected = ["3 www-data", "4 a", "7 nobody", "7 :nogroup"];
        assert_eq!(uses(Syntax::Assignments(keys), text), expected);
    }

    #[test]
    fn apache_names_them_in_envvars_or_in_its_configuration() {
        let text = "export APACHE_RUN_USER=www-data\n: ${APACHE_RUN_GROUP:=www}\nUser ${APACHE_RUN_USER}\n# User x\n<IfModule unixd_module>\n  user daemon\n  Group #1\n  GROUP daemon\nUserDir public_html\n";
        assert_eq!(uses(Syntax::Apache, text), ["1 www-data", "6 daemon", "8 :daemon"]);
    }

    #[test]
    fn jobs_run_as_somebody() {
        let text = "# x\nMAILTO=root\n*/5 * * * *\twww-data  run x\n@reboot app y\n0 1 * * * alone\n";
        assert_eq!(uses(Syntax::Crontab, text), ["3 www-data", "4 app"]);
    }

    #[test]
    fn users_of_a_haproxy_userlist_are_no_accounts() {
        let text =
            "global\n  user haproxy\n  group haproxy # x\nuserlist L\n  group G users tiger\n  user tiger password x\n";
        assert_eq!(uses(Syntax::Haproxy, text), ["2 haproxy", "3 :haproxy"]);
    }
}
