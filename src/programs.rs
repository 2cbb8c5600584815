//! The built-in facts about single programs, one file a program: `src/programs/NAME.toml`, and the user's own.
//!
//! A file applies to every kept program that bears one of its names. This module owns the format (docs/programs.md) and
//! finds settings in the text of configurations; it sees no root file system, and does not know which programs stay.

mod claims;
mod decode;
mod settings;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use crate::tree::glob::Glob;

pub(crate) use claims::claims;
pub use claims::{Claimed, Claims};
pub(crate) use decode::{decode, schema};
pub(crate) use settings::{Part, account_settings, command_settings, through_shell};

macro_rules! built_in {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("programs/", $name, ".toml")))),*]
    };
}

/// Every built-in file, sorted by name.
const FILES: &[(&str, &str)] = built_in! {
    "acpid" "anacron" "apache2" "apcupsd" "atd" "automount" "avahi-daemon" "bcron" "chown" "chpst" "chronyd" "chroot"
    "collectd" "cp" "cron" "cups" "daemon" "dbus-daemon" "dhclient" "dhcpcd" "dnsmasq" "dotnet" "dovecot" "dropbear" "enscript" "exim"
    "fcgiwrap" "fcron" "fetchmail" "firebird" "foreman" "gcc" "ghostscript" "git" "god" "gosu" "gpg" "graphicsmagick" "groff" "gunicorn" "haproxy" "icecast"
    "ifplugd" "ifupdown" "imagemagick" "inetd" "initdb" "install" "ip" "java" "keepalived" "lighttpd" "lilypond"
    "logrotate" "make" "man" "man-db" "mariadb" "mcron" "memcached" "minidlnad" "modprobe" "monit" "mosquitto" "msmtp"
    "munin-node" "mutt" "named" "networkd-dispatcher" "networkmanager" "nginx" "ngircd" "node" "npm" "nrpe" "nsd"
    "ntpd" "nut" "ocserv" "odbc" "openbsd-inetd" "openconnect" "openjade" "openrc" "opensmtpd" "openvpn" "pdns"
    "pg_wrapper" "php" "php-fpm" "postfix" "postfix-script" "postgres" "pppd" "proftpd" "python" "r" "rabbitmq" "redis" "rpcbind"
    "rsync" "rsyslogd" "ruby" "runit" "runit-init" "runsvdir" "runuser" "s6" "s6-setuidgid" "s6-svscan" "scp" "sed"
    "setpriv" "setuidgid" "slapd" "smartd" "smbd" "snmpd" "socat" "squid" "sshd" "start-stop-daemon" "strongswan"
    "stunnel" "su" "sudo" "supercronic" "supervisord" "svscan" "systemd" "sysvinit" "tar" "tcpdump" "tee" "tesseract" "tex"
    "tinc" "tini" "tinyproxy" "ucarp" "udevd" "udhcpc" "unbound" "upstart" "uwsgi" "varnishd" "vsftpd" "wpa_cli"
    "xmlto" "xvfb" "xvfb-run" "zabbix-agentd" "zgrep"
};

/// What the value of a key or an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `www-data`.
    Account,
    /// `www-data`, a group.
    Group,
    /// `www-data` or `www-data www`.
    AccountThenGroup,
    /// `www-data`, `www-data:www` or `:www`.
    AccountColonGroup,
    /// `mail : uucp`.
    Accounts,
    /// Names of groups.
    Groups,
    /// A command line that the program starts itself.
    Command,
    /// A command line that the program hands to `/bin/sh`.
    Shell,
    /// A command line that `/bin/sh` gets when it is more than plain words.
    CommandOrShell,
    /// A command line of a systemd unit, with its prefixes.
    Unit,
    /// A file that the program loads or runs inside itself: a module, a script.
    File,
    /// A pattern of further files of the same configuration.
    Include,
}

/// The words for kinds in a file.
const KINDS: [(&str, Kind); 12] = [
    ("account", Kind::Account),
    ("group", Kind::Group),
    ("account group", Kind::AccountThenGroup),
    ("account:group", Kind::AccountColonGroup),
    ("accounts", Kind::Accounts),
    ("groups", Kind::Groups),
    ("command", Kind::Command),
    ("shell", Kind::Shell),
    ("command or shell", Kind::CommandOrShell),
    ("unit", Kind::Unit),
    ("file", Kind::File),
    ("include", Kind::Include),
];

impl Kind {
    /// Whether the value names accounts or groups.
    pub(crate) fn is_account(self) -> bool {
        matches!(
            self,
            Self::Account
                | Self::Group
                | Self::AccountThenGroup
                | Self::AccountColonGroup
                | Self::Accounts
                | Self::Groups
        )
    }

    /// The names of accounts in the words of a value, with whether each is a group's. Numbers and expansions are no
    /// names.
    pub(crate) fn names(self, words: &[&str]) -> Vec<(bool, String)> {
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
            Self::Groups => words.iter().map(|&group| (true, group)).collect(),
            _ => Vec::new(),
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

/// A kind, and where in the value it stands: `command after 1`, `shell behind ,`, `command until ,`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// What it is.
    pub kind: Kind,
    /// Words before it.
    pub after: usize,
    /// The character behind the first of which it begins.
    pub behind: Option<char>,
    /// Characters at which it ends.
    pub until: Option<char>,
}

impl Value {
    /// The part of a value that the kind speaks of.
    pub(crate) fn part<'t>(&self, text: &'t str) -> &'t str {
        let mut rest = text.trim_start();
        for _ in 0..self.after {
            rest = rest.find(char::is_whitespace).and_then(|at| rest.get(at..)).unwrap_or_default().trim_start();
        }
        if let Some((_, behind)) = self.behind.and_then(|sign| rest.split_once(sign)) {
            rest = behind;
        }
        self.until.map_or(rest, |end| rest.split(end).next().unwrap_or_default())
    }
}

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `key value value;`, comments after `#`.
    Statements,
    /// `key = value` below `[sections]`, comments after `;` and `#`.
    Assignments,
    /// `Key value`, `key "value"`, `key = 'value'` and `export KEY=value`, in any case.
    Directives,
    /// `key="value"` anywhere, as in XML and in authorized_keys.
    Attributes,
    /// Tables of cron(8) with a column for the user.
    Crontab,
    /// Tables of cron(8) of one user.
    UserCrontab,
    /// `PERIOD DELAY NAME COMMAND` of anacron(8).
    Anacrontab,
    /// Executable files, each of which is started.
    Programs,
    /// execline without a first line: s6-rc's `up` and `down`.
    Execline,
    /// Recipes of make(1), of the goals that the command line names.
    Makefile,
    /// Scripts of package.json, of the names that the command line has.
    Package,
    /// `key: value`, as in a Procfile.
    Labels,
}

/// The words for syntaxes in a file.
const SYNTAXES: [(&str, Syntax); 12] = [
    ("statements", Syntax::Statements),
    ("assignments", Syntax::Assignments),
    ("directives", Syntax::Directives),
    ("attributes", Syntax::Attributes),
    ("crontab", Syntax::Crontab),
    ("user-crontab", Syntax::UserCrontab),
    ("anacrontab", Syntax::Anacrontab),
    ("programs", Syntax::Programs),
    ("execline", Syntax::Execline),
    ("makefile", Syntax::Makefile),
    ("package", Syntax::Package),
    ("labels", Syntax::Labels),
];

/// One configuration of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Where it usually is: patterns as a shell reads them, with `{version}` for the version in the program's name. One
    /// without a `/` in front lies in the working directory.
    pub files: Vec<String>,
    /// Patterns of those of these paths that are none.
    pub except: Vec<String>,
    /// Options whose value is a working directory.
    pub directory: Vec<String>,
    /// Options whose value names another file or directory instead.
    pub instead: Vec<String>,
    /// Patterns of its files below a directory that is named instead.
    pub below: Vec<String>,
    /// An argument that is no option names another one instead.
    pub argument: bool,
    /// How it is written.
    pub syntax: Syntax,
    /// Programs that its values name and that do not count.
    pub ignore: Vec<String>,
    /// Words that begin a section, where sections are not `[in brackets]`.
    pub section_words: Vec<String>,
    /// `key`, `key*` or `[section] key`, and what the value is.
    pub keys: Vec<(String, Value)>,
}

impl Configuration {
    /// Its usual places for the program of that name.
    pub(crate) fn usual(&self, version: &str) -> Vec<String> {
        let plain = version.replace('.', "");
        let mut versions = vec![version, &plain];
        versions.dedup();
        let versions = if version.is_empty() { vec!["*"] } else { versions };
        let expand = |pattern: &String| -> Vec<String> {
            if !pattern.contains("{version}") {
                return vec![pattern.clone()];
            }
            versions.iter().map(|version| pattern.replace("{version}", version)).collect()
        };
        self.files.iter().flat_map(expand).collect()
    }
}

/// How sure it is that something is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The program does not do its work without it.
    Always,
    /// As always, when it is started as root.
    Root,
    /// Where a script of the application holds the evidence.
    Sometimes,
}

/// The words for it in a file.
const WHENS: [(&str, When); 3] = [("always", When::Always), ("root", When::Root), ("sometimes", When::Sometimes)];

/// A program that another one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Starts {
    /// Its names or paths, of which the first that exists is started; a pattern of paths stands for all that match, and
    /// `{name}` for the name of the program that starts it.
    pub program: Vec<String>,
    /// When it is.
    pub when: When,
    /// Texts in a script of the application, any of which shows that it is.
    pub evidence: Vec<String>,
    /// Patterns of paths of scripts in which those texts show nothing.
    pub except: Vec<String>,
    /// What for, as a clause: `runs the scripts of package.json`.
    pub reason: String,
}

impl Starts {
    /// [`Starts::program`] for the program of that name, which `{name}` stands for.
    pub(crate) fn programs(&self, name: &[u8]) -> Vec<String> {
        let name = String::from_utf8_lossy(name);
        self.program.iter().map(|word| word.replace("{name}", &name)).collect()
    }
}

/// An account that a program looks up by a name that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// Its name.
    pub name: String,
    /// It is a group.
    pub group: bool,
    /// When it is looked up.
    pub when: When,
    /// Keys of the configuration and options that name another one instead.
    pub unless: Vec<String>,
}

/// Which of its arguments a program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// None, as far as is known.
    None,
    /// All that are no options.
    All,
    /// The last one: the others are read.
    Last,
}

/// The words for it in a file.
const WRITTEN: [(&str, Written); 2] = [("all", Written::All), ("last", Written::Last)];

/// A program that lets accounts log in and starts their login shells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    /// Files in the home of an account that let it log in.
    pub keys: Vec<String>,
    /// Settings with which no login shell is started.
    pub without_shell: Vec<String>,
    /// Settings with which a login may do without one.
    pub may_do_without: Vec<String>,
}

/// What the usual container of a program is checked by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Check {
    /// Port of TCP.
    pub port: Option<u16>,
    /// A command that ends with status 0.
    pub command: Vec<String>,
}

/// What one file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The name of the file, for reasons: `programs/nginx.toml`, or the path that the user gave.
    pub file: String,
    /// The names that it goes by: a name, an absolute path, or a pattern of names.
    pub names: Vec<String>,
    /// What it reads.
    pub configurations: Vec<Configuration>,
    /// Options and beginnings of arguments, and what their value is.
    pub options: Vec<(String, Value)>,
    /// Options with a value that says nothing, for [`Program::first`].
    pub with_value: Vec<String>,
    /// It starts the words behind its own as the account that it is given.
    pub drops: bool,
    /// It delivers mail to the accounts of the image.
    pub delivers: bool,
    /// What its first argument is that is no option.
    pub first: Option<Value>,
    /// What it starts.
    pub starts: Vec<Starts>,
    /// What it looks up.
    pub accounts: Vec<Lookup>,
    /// It starts scripts that requests or data name, wherever they lie.
    pub starts_any: bool,
    /// Patterns of paths of jobs and services, without which it has nothing to do.
    pub jobs: Vec<String>,
    /// Patterns of directories of modules that its scripts import by name.
    pub modules: Vec<String>,
    /// Patterns of paths that it opens by names computed at run time.
    pub opens: Vec<String>,
    /// Directories that it writes.
    pub writes: Vec<String>,
    /// Which of its arguments it writes.
    pub writes_arguments: Written,
    /// Options without any of which it writes none.
    pub writes_with: Vec<String>,
    /// It lets accounts log in.
    pub login: Option<Login>,
    /// How it is checked.
    pub check: Check,
}

/// Whether the program of that name and path goes by one of the known names; the version in its name, where it has one.
fn version<'k, 'n>(mut names: impl Iterator<Item = &'k str>, name: &'n str, path: &[u8]) -> Option<&'n str> {
    names.find_map(|known| {
        if known.starts_with('/') {
            return (known.as_bytes() == path).then_some("");
        }
        // Each command of each script is asked for: most names differ from the start.
        let first = known.bytes().next();
        if first != name.bytes().next() && !matches!(first, Some(b'*' | b'?' | b'[' | b'\\')) {
            return None;
        }
        let Some(at) = known.find(['*', '?', '[']) else { return (known == name).then_some("") };
        let begins = known.get(..at).is_some_and(|start| start.contains('\\') || name.starts_with(start));
        (begins && matches(known, name)).then(|| name.get(at..)).flatten()
    })
}

/// Whether a name matches a pattern, which is read once.
fn matches(pattern: &str, name: &str) -> bool {
    thread_local! {
        static READ: RefCell<BTreeMap<String, Option<Glob>>> = const { RefCell::new(BTreeMap::new()) };
    }
    READ.with_borrow_mut(|known| {
        if !known.contains_key(pattern) {
            known.insert(pattern.to_owned(), Glob::new(pattern).ok());
        }
        known.get(pattern).and_then(Option::as_ref).is_some_and(|glob| glob.matches(name.as_bytes()))
    })
}

/// The built-in files and the user's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    /// The user's, which take the place of built-in ones of the same name.
    pub own: Vec<Program>,
}

/// One built-in file: its names, which every command is compared with, and what it says, which is parsed when the first
/// command of such a name is there.
struct BuiltIn {
    file: &'static str,
    text: &'static str,
    names: Vec<&'static str>,
    program: OnceLock<Option<Program>>,
}

impl BuiltIn {
    fn program(&self) -> Option<&Program> {
        let decode = || decode(self.text, &format!("programs/{}.toml", self.file), &mut Vec::new());
        self.program.get_or_init(decode).as_ref()
    }
}

/// The built-in files by the names in them.
struct Index {
    files: Vec<BuiltIn>,
    /// By name, for names without a pattern.
    names: BTreeMap<&'static str, Vec<usize>>,
    /// Those with a pattern or a path among their names.
    patterns: Vec<usize>,
}

static BUILT_IN: LazyLock<Index> = LazyLock::new(|| {
    let read = |&(file, text)| BuiltIn { file, text, names: names(text), program: OnceLock::new() };
    let files: Vec<BuiltIn> = FILES.iter().map(read).collect();
    let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut patterns = Vec::new();
    for (at, file) in files.iter().enumerate() {
        for &name in &file.names {
            if name.contains(['*', '?', '[', '/']) {
                if patterns.last() != Some(&at) {
                    patterns.push(at);
                }
            } else {
                names.entry(name).or_default().push(at);
            }
        }
    }
    Index { files, names, patterns }
});

/// The `names` of a built-in file without the rest of it. A test holds that they are what the parser finds: the array is the
/// first key, and no name has an escape.
fn names(text: &'static str) -> Vec<&'static str> {
    let array = text.split_once("\nnames = [").and_then(|(_, rest)| rest.split_once("]\n"));
    array.map(|(names, _)| names.split('"').skip(1).step_by(2).collect()).unwrap_or_default()
}

impl Programs {
    /// What is known of the program of that name and path, with the version in its name.
    pub(crate) fn of<'a, 'n>(&'a self, name: &'n [u8], path: &[u8]) -> Vec<(&'a Program, &'n str)> {
        let Ok(name) = std::str::from_utf8(name) else { return Vec::new() };
        let mut places: Vec<usize> = BUILT_IN.names.get(name).cloned().unwrap_or_default();
        places.extend(&BUILT_IN.patterns);
        places.sort_unstable();
        places.dedup();
        let built_in = places.into_iter().filter_map(|at| BUILT_IN.files.get(at));
        let found = built_in.filter_map(|file| Some((file, version(file.names.iter().copied(), name, path)?)));
        let kept = found.filter(|(file, _)| !self.own.iter().any(|own| stem(&own.file) == file.file));
        let own = self
            .own
            .iter()
            .filter_map(|program| Some((program, version(program.names.iter().map(String::as_str), name, path)?)));
        kept.filter_map(|(file, version)| Some((file.program()?, version))).chain(own).collect()
    }
}

/// What one built-in file says, as far as tests generate cases from it.
#[derive(Debug)]
pub struct Known {
    /// The file.
    pub file: &'static str,
    /// A name of the program.
    pub name: &'static str,
    /// What it always starts, the first name of each.
    pub starts: Vec<&'static str>,
    /// Names that it looks up, whether a group, and only where the image starts as root.
    pub accounts: Vec<(&'static str, bool, bool)>,
    /// Option, usual file, syntax and key of configurations that name an account and may be named instead.
    pub instead: Vec<(&'static str, String, &'static str, &'static str)>,
    /// Usual file, syntax, key and the words before it, of keys that hold command lines.
    pub commands: Vec<(String, &'static str, &'static str, usize)>,
    /// Its jobs, as paths that its patterns match.
    pub jobs: Vec<String>,
    /// It starts scripts that requests name.
    pub starts_any: bool,
    /// Files in the home of an account that let it log in.
    pub keys: Vec<&'static str>,
    /// Every name of it.
    pub names: Vec<&'static str>,
    /// Usual path of a script that it starts, and where there is one, the option that names another directory with a path
    /// below it.
    pub scripts: Vec<(String, Option<(&'static str, String)>)>,
}

/// For tests: what the built-in files say.
pub(crate) fn known() -> Vec<Known> {
    let is_plain = |text: &&String| !text.contains(['*', '?', '[', '/']);
    // A usual file of one version, for one that a pattern names.
    let usual = |configuration: &Configuration| {
        let file = configuration.files.first().cloned().unwrap_or_default();
        file.replace("{version}", "1").replace("[67]", "6").replace("[123]", "1").replace('*', "x")
    };
    let syntax = |wanted| SYNTAXES.iter().find(|(_, syntax)| *syntax == wanted).map_or("", |(name, _)| name);
    let mut all = Vec::new();
    for program in BUILT_IN.files.iter().filter_map(BuiltIn::program) {
        let Some(name) = program.names.iter().find(is_plain) else { continue };
        let always = program.starts.iter().filter(|starts| starts.when == When::Always);
        let (mut instead, mut commands, mut scripts) = (Vec::new(), Vec::new(), Vec::new());
        for configuration in &program.configurations {
            let (file, syntax) = (usual(configuration), syntax(configuration.syntax));
            if configuration.syntax == Syntax::Programs {
                let below = configuration.below.iter().map(|below| below.replace('*', "x"));
                let option = configuration.instead.first().map(String::as_str);
                let mut elsewhere: Vec<_> = below.filter_map(|below| Some(Some((option?, below)))).collect();
                elsewhere.push(None);
                scripts.extend(elsewhere.into_iter().map(|elsewhere| (file.clone(), elsewhere)));
            }
            for (key, value) in &configuration.keys {
                let option = configuration.instead.first().filter(|_| value.kind == Kind::Account);
                instead.extend(option.map(|option| (option.as_str(), file.clone(), syntax, key.as_str())));
                if matches!(value.kind, Kind::Command | Kind::Shell | Kind::CommandOrShell) {
                    commands.push((file.clone(), syntax, key.as_str(), value.after));
                }
            }
        }
        all.push(Known {
            file: &program.file,
            name,
            starts: always
                .filter_map(|starts| starts.program.first())
                .filter(|word| !word.contains(['*', '?', '[']))
                .map(String::as_str)
                .collect(),
            accounts: program
                .accounts
                .iter()
                .map(|account| (account.name.as_str(), account.group, account.when == When::Root))
                .collect(),
            instead,
            commands,
            jobs: program.jobs.iter().map(|pattern| pattern.replace('*', "x")).collect(),
            starts_any: program.starts_any,
            keys: program.login.iter().flat_map(|login| &login.keys).map(String::as_str).collect(),
            names: program.names.iter().map(String::as_str).collect(),
            scripts,
        });
    }
    all
}

/// The name of a file without its directory and ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".toml").unwrap_or(name)
}

/// `-u NAME`, `-uNAME`, `--user NAME`, `--user=NAME` and `-c KEY=NAME` among the words behind a program.
pub(crate) fn option_values<'w>(option: &str, words: &[&'w str]) -> Vec<&'w str> {
    let mut found = Vec::new();
    // `-c config_file`: the value begins with a name of its own.
    let (option, name) = option.split_once(' ').unwrap_or((option, ""));
    for (at, word) in words.iter().enumerate() {
        let Some(rest) = word.strip_prefix(option) else { continue };
        let value = match rest.strip_prefix('=') {
            Some(value) => value,
            None if rest.is_empty() => words.get(at + 1).copied().unwrap_or_default(),
            None if option.starts_with("--") => continue,
            None => rest,
        };
        if name.is_empty() {
            found.push(value);
        } else if let Some(value) = value.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            found.push(value);
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Check, FILES, Kind, Programs, decode, names, option_values};

    /// docs/matrix.md: each policy has a check, and so has the file of each program that it starts; the rest is the
    /// application's own.
    #[test]
    fn each_program_of_the_matrix_has_a_check() {
        const OWN: [&str; 3] = ["/app/server", "/entrypoint.sh", "serve"];
        let known = Programs::default();
        let page = include_str!("../docs/matrix.md");
        let policies: Vec<&str> =
            page.split("```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
        assert!(policies.len() >= 20, "{}", policies.len());
        for policy in policies {
            assert!(policy.contains("\n[check]\n"), "{policy}");
            let command = policy.lines().find_map(|line| line.strip_prefix("command = ")).unwrap();
            let words: Vec<&str> = command.split('"').skip(1).step_by(2).collect();
            let has_check = |word: &&str| {
                let name = word.rsplit('/').next().unwrap();
                known.of(name.as_bytes(), word.as_bytes()).iter().any(|(program, _)| program.check != Check::default())
            };
            assert!(words.iter().any(has_check) || OWN.contains(&words[0]), "{command}");
        }
    }

    #[test]
    fn every_built_in_file_is_listed_and_without_fault() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/programs");
        #[allow(clippy::disallowed_methods)]
        let mut there: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str().unwrap().strip_suffix(".toml").map(str::to_owned))
            .collect();
        there.sort();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), there);
        for (name, text) in FILES {
            let mut problems = Vec::new();
            let program = decode(text, &format!("programs/{name}.toml"), &mut problems);
            assert_eq!(problems, [], "{name}");
            let program = program.unwrap();
            assert_eq!(names(text), program.names, "{name}: names is the first key, and an array of plain words");
            assert!(text.starts_with("# "), "{name}: the first line says what it is");
            let known = Programs::default();
            for own in program.names.iter().filter(|own| !own.contains(['*', '?', '['])) {
                let base = own.rsplit('/').next().unwrap_or_default();
                let found = known.of(base.as_bytes(), own.as_bytes());
                assert!(found.iter().any(|(found, _)| found.file == program.file), "{name}: {own}");
            }
        }
    }

    #[test]
    fn options_take_their_value_in_every_form() {
        assert_eq!(option_values("-u", &["-p", "1", "-u", "a"]), ["a"]);
        assert_eq!(option_values("-u", &["-ub", "--user=c"]), ["b"]);
        assert_eq!(option_values("--user", &["-ub", "--user=c", "--user", "d", "--userspec=e"]), ["c", "d"]);
        assert_eq!(option_values("-u", &["-u"]), [""]);
        assert_eq!(
            option_values("-c config_file", &["-c", "a=b", "-c", "config_file=/x", "-cconfig_file=/y"]),
            ["/x", "/y"]
        );
    }

    #[test]
    fn a_php_of_one_version_does_not_read_the_pools_of_another() {
        let known = Programs::default();
        let usual = |name: &str| -> Vec<String> {
            let found = known.of(name.as_bytes(), b"");
            found
                .iter()
                .flat_map(|(program, version)| program.configurations.iter().flat_map(|c| c.usual(version)))
                .collect()
        };
        assert!(usual("php-fpm8.2").contains(&"/etc/php/8.2/fpm/pool.d/*.conf".to_owned()));
        assert!(usual("php-fpm83").contains(&"/etc/php83/php-fpm.d/*.conf".to_owned()));
        assert!(usual("php-fpm").contains(&"/etc/php/*/fpm/pool.d/*.conf".to_owned()));
        assert!(!usual("php-fpm8.2").iter().any(|path| path.contains("/php/*")));
    }

    #[test]
    fn names_in_values() {
        assert_eq!(Kind::AccountThenGroup.names(&["a", "b"]), [(false, "a".into()), (true, "b".into())]);
        assert_eq!(Kind::AccountColonGroup.names(&[":g"]), [(true, "g".into())]);
        assert_eq!(Kind::Groups.names(&["root", "b"]), [(true, "root".into()), (true, "b".into())]);
        assert_eq!(Kind::Accounts.names(&["a:b", "1", "$c"]), [(false, "a".into()), (false, "b".into())]);
    }
}
