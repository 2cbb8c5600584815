//! Accounts and groups that configurations of kept programs name: configuration files at their usual places, files and
//! options on the image's command lines, and kept shell scripts.
//!
//! One table row a program. Only what stands there literally is seen; what a variable holds is not guessed. This module
//! does not know which accounts go.

mod code;
mod syntax;

use std::collections::BTreeSet;

use crate::diag::escape::escaped;
use crate::facts::commands::Commands;
use crate::policy::{CommandLine, Policy, Run};
use crate::scripts::Reader;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree, glob};
use syntax::{Kind, Syntax};

/// Largest configuration or script that is read.
const LIMIT: u64 = 1024 * 1024;

/// One name in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountUse {
    /// It names a group rather than an account.
    pub group: bool,
    /// The name.
    pub name: String,
    /// File and line, or the origin of a command line, fit for a message.
    pub place: String,
    /// The kept program that looks the name up.
    pub program: Id,
}

/// Where a program is told which accounts to use.
struct Row {
    /// Names of the program; globs.
    programs: &'static [&'static str],
    /// Its configuration at the usual places; globs.
    files: &'static [&'static str],
    /// How that is written.
    syntax: Syntax,
    /// Options of the command line that take an account or a group.
    options: &'static [(&'static str, Kind)],
}

/// From each program's manual page, and the paths of Debian, Alpine, RHEL, SUSE and the official images.
const ROWS: &[Row] = &[
    Row {
        programs: &["nginx", "nginx-debug", "openresty", "angie"],
        files: &[
            "/etc/nginx/nginx.conf",
            "/etc/angie/angie.conf",
            "/usr/local/nginx/conf/nginx.conf",
            "/usr/local/openresty/nginx/conf/nginx.conf",
        ],
        syntax: Syntax::Words(&[("user", Kind::AccountThenGroup)]),
        options: &[],
    },
    Row {
        programs: &["php-fpm*"],
        files: &[
            "/etc/php/*/fpm/php-fpm.conf",
            "/etc/php/*/fpm/pool.d/*.conf",
            "/etc/php*/php-fpm.conf",
            "/etc/php*/php-fpm.d/*.conf",
            "/etc/php-fpm.conf",
            "/etc/php-fpm.d/*.conf",
            "/usr/local/etc/php-fpm.conf",
            "/usr/local/etc/php-fpm.d/*.conf",
        ],
        syntax: Syntax::Assignments(&[
            ("user", Kind::Account),
            ("group", Kind::Group),
            ("listen.owner", Kind::Account),
            ("listen.group", Kind::Group),
        ]),
        options: &[],
    },
    Row {
        programs: &["apache2", "apache2ctl", "apachectl", "httpd", "httpd-prefork", "httpd-worker", "httpd-foreground"],
        files: &[
            "/etc/apache2/envvars",
            "/etc/apache2/apache2.conf",
            "/etc/apache2/httpd.conf",
            "/etc/apache2/uid.conf",
            "/etc/httpd/conf/httpd.conf",
            "/usr/local/apache2/conf/httpd.conf",
        ],
        syntax: Syntax::Apache,
        options: &[],
    },
    Row {
        programs: &["haproxy"],
        files: &["/etc/haproxy/*.cfg", "/etc/haproxy/conf.d/*.cfg", "/usr/local/etc/haproxy/*.cfg"],
        syntax: Syntax::Haproxy,
        options: &[],
    },
    Row {
        programs: &["supervisord"],
        files: &[
            "/etc/supervisord.conf",
            "/etc/supervisor/supervisord.conf",
            "/etc/supervisor/conf.d/*.conf",
            "/etc/supervisord.d/*.ini",
            "/etc/supervisord.d/*.conf",
            "/etc/supervisor.d/*.ini",
        ],
        syntax: Syntax::Assignments(&[("user", Kind::Account), ("chown", Kind::AccountColonGroup)]),
        options: &[("-u", Kind::Account), ("--user", Kind::Account)],
    },
    // Its configuration file is read by a script of systemd's unit, not by the program.
    Row {
        programs: &["memcached"],
        files: &[],
        syntax: Syntax::None,
        options: &[("-u", Kind::Account), ("--user", Kind::Account)],
    },
    Row {
        programs: &["mysqld", "mariadbd", "mysqld_safe", "mariadbd-safe"],
        files: &["/etc/my.cnf", "/etc/my.cnf.d/*.cnf", "/etc/mysql/my.cnf", "/etc/mysql/*.d/*.cnf"],
        syntax: Syntax::Assignments(&[("user", Kind::Account)]),
        options: &[("--user", Kind::Account), ("-u", Kind::Account)],
    },
    Row {
        programs: &["squid"],
        files: &["/etc/squid/squid.conf", "/etc/squid/conf.d/*.conf"],
        syntax: Syntax::Words(&[("cache_effective_user", Kind::Account), ("cache_effective_group", Kind::Group)]),
        options: &[],
    },
    Row {
        programs: &["lighttpd"],
        files: &["/etc/lighttpd/lighttpd.conf"],
        syntax: Syntax::Assignments(&[("server.username", Kind::Account), ("server.groupname", Kind::Group)]),
        options: &[],
    },
    Row {
        programs: &["mosquitto"],
        files: &["/etc/mosquitto/mosquitto.conf", "/etc/mosquitto/conf.d/*.conf", "/mosquitto/config/mosquitto.conf"],
        syntax: Syntax::Words(&[("user", Kind::Account)]),
        options: &[],
    },
    Row {
        programs: &["dnsmasq"],
        files: &["/etc/dnsmasq.conf", "/etc/dnsmasq.d/*"],
        syntax: Syntax::Assignments(&[("user", Kind::Account), ("group", Kind::Group)]),
        options: &[("-u", Kind::Account), ("--user", Kind::Account), ("-g", Kind::Group), ("--group", Kind::Group)],
    },
    Row {
        programs: &["proftpd", "vsftpd"],
        files: &["/etc/proftpd/proftpd.conf", "/etc/proftpd.conf", "/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf"],
        syntax: Syntax::Apache,
        options: &[],
    },
    // The user's column of system tables; a user's own table bears its name.
    Row {
        programs: &["cron", "crond", "cronie"],
        files: &["/etc/crontab", "/etc/cron.d/*"],
        syntax: Syntax::Crontab,
        options: &[],
    },
    Row {
        programs: &["systemd"],
        files: &["/etc/systemd/system/*.service", "/etc/systemd/system/*.wants/*.service"],
        syntax: Syntax::Assignments(&[("User", Kind::Account), ("Group", Kind::Group)]),
        options: &[],
    },
    // Debian's configuration names them in macros.
    Row {
        programs: &["exim", "exim4"],
        files: &[
            "/etc/exim/exim.conf",
            "/etc/exim4/exim4.conf",
            "/etc/exim4/exim4.conf.template",
            "/etc/exim4/conf.d/*/*",
            "/var/lib/exim4/config.autogenerated",
        ],
        syntax: Syntax::Assignments(&[
            ("user", Kind::Account),
            ("group", Kind::Group),
            ("exim_user", Kind::Account),
            ("exim_group", Kind::Group),
            ("never_users", Kind::Accounts),
            ("trusted_users", Kind::Accounts),
            ("MAIN_TRUSTED_USERS", Kind::Accounts),
        ]),
        options: &[],
    },
    Row {
        programs: &["postfix", "master"],
        files: &["/etc/postfix/main.cf"],
        syntax: Syntax::Assignments(&[
            ("mail_owner", Kind::Account),
            ("default_privs", Kind::Account),
            ("setgid_group", Kind::Group),
        ]),
        options: &[],
    },
    Row {
        programs: &["dovecot"],
        files: &["/etc/dovecot/*.conf", "/etc/dovecot/conf.d/*.conf"],
        syntax: Syntax::Assignments(&[
            ("user", Kind::Account),
            ("group", Kind::Group),
            ("default_internal_user", Kind::Account),
            ("default_internal_group", Kind::Group),
            ("default_login_user", Kind::Account),
        ]),
        options: &[],
    },
    Row {
        programs: &["unbound"],
        files: &["/etc/unbound/unbound.conf", "/etc/unbound/unbound.conf.d/*.conf"],
        syntax: Syntax::Words(&[("username:", Kind::Account)]),
        options: &[],
    },
    Row {
        programs: &["tinyproxy"],
        files: &["/etc/tinyproxy/tinyproxy.conf", "/etc/tinyproxy.conf"],
        syntax: Syntax::Apache,
        options: &[],
    },
    Row { programs: &["named"], files: &[], syntax: Syntax::None, options: &[("-u", Kind::Account)] },
    Row {
        programs: &["gunicorn", "uwsgi"],
        files: &[],
        syntax: Syntax::None,
        options: &[
            ("-u", Kind::Account),
            ("--user", Kind::Account),
            ("--uid", Kind::Account),
            ("-g", Kind::Group),
            ("--group", Kind::Group),
            ("--gid", Kind::Group),
        ],
    },
];

/// What all of it is read from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// The content of files.
    pub contents: &'a dyn Contents,
    /// What can be run by name.
    pub commands: &'a Commands,
    /// What stays.
    pub kept: &'a BTreeSet<Id>,
    /// The image's command lines.
    pub policy: &'a Policy,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input over {} entries", self.tree.len())
    }
}

impl Row {
    /// Whether the program of that name reads these files; a star at the end of a name of the row stands for a version.
    fn is_for(&self, name: &[u8]) -> bool {
        self.programs.iter().any(|known| match known.strip_suffix('*') {
            Some(known) => name.starts_with(known.as_bytes()),
            None => known.as_bytes() == name,
        })
    }
}

/// Every name that a configuration of a kept program uses, each place once.
#[must_use]
pub fn account_uses(input: &Input<'_>) -> Vec<AccountUse> {
    let mut found: Vec<AccountUse> = Vec::new();
    let reader = Reader { tree: input.tree, contents: input.contents, commands: input.commands, policy: input.policy };
    let mut scripts_read = BTreeSet::new();
    for &program in input.kept.iter().filter(|&&id| !input.tree.is_dir(id)) {
        let name = input.tree.name(program);
        for row in ROWS.iter().filter(|row| row.is_for(name)) {
            for id in input.files(row, name) {
                found.extend(input.read_configuration(row, program, id));
            }
        }
        for (file, language) in reader.code(program) {
            if scripts_read.insert(file) {
                let path = escaped(&input.tree.path(file));
                found.extend(
                    code::uses(&input.text(file), language).into_iter().map(|(line, group, name)| AccountUse {
                        group,
                        name,
                        place: format!("{path}:{line}"),
                        program,
                    }),
                );
            }
        }
    }
    for line in input.lines() {
        found.extend(input.command_line(line));
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert(one.clone()));
    found
}

impl Input<'_> {
    fn lines(&self) -> &[CommandLine] {
        match &self.policy.run {
            Run::Commands(lines) => lines,
            Run::Unknown | Run::Nothing => &[],
        }
    }

    /// The configuration files of a program: those at the usual places, and those that a command line names after it.
    fn files(&self, row: &Row, program: &[u8]) -> Vec<Id> {
        let usual = row.files.iter().flat_map(|pattern| glob::expand_as_shell(self.tree, pattern.as_bytes()));
        let mut files: Vec<Id> = usual
            .filter(|&id| is_of_version(&self.tree.path(id), program))
            .filter_map(|id| self.tree.follow(id).ok())
            .map(|found| found.node)
            .collect();
        for line in self.lines() {
            let after = line.words.iter().skip_while(|word| base_name(word).as_bytes() != program).skip(1);
            for word in after {
                let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
                if path.starts_with('/')
                    && let Ok(found) = self.tree.resolve(path.as_bytes())
                {
                    files.push(found.node);
                }
            }
        }
        files
            .retain(|&id| self.tree.is_file(id) && self.tree.permissions(id) & 0o111 == 0 && !self.tree.meta(id).mount);
        files
    }

    fn read_configuration(&self, row: &Row, program: Id, file: Id) -> Vec<AccountUse> {
        let path = escaped(&self.tree.path(file));
        let uses = row.syntax.uses(&self.text(file));
        uses.into_iter()
            .map(|(line, group, name)| AccountUse { group, name, place: format!("{path}:{line}"), program })
            .collect()
    }

    /// What the words of a command line say: options of a known program, and the words of those that drop privileges.
    fn command_line(&self, line: &CommandLine) -> Vec<AccountUse> {
        let mut names = Vec::new();
        let mut program = None;
        for (at, word) in line.words.iter().enumerate() {
            let rest = line.words.get(at + 1..).unwrap_or_default();
            let known = ROWS.iter().filter(|row| row.programs.iter().any(|name| *name == base_name(word)));
            let Some(id) = self.program(word) else { continue };
            program = program.or(Some(id));
            for row in known {
                names.extend(option_values(row.options, rest));
            }
        }
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        names.extend(code::dropped_to(&words));
        let Some(program) = program else { return Vec::new() };
        let place = format!("the command in {}", line.origin);
        names.into_iter().map(|(group, name)| AccountUse { group, name, place: place.clone(), program }).collect()
    }

    /// The kept program that a word starts.
    fn program(&self, word: &str) -> Option<Id> {
        let entry = if word.contains('/') {
            self.tree.resolve(word.as_bytes()).ok()?.node
        } else {
            self.commands.find_in_path(self.tree, word.as_bytes())?
        };
        self.kept.contains(&entry).then_some(entry)
    }

    /// What cannot be read says nothing; the program that needs it would say so at once.
    fn text(&self, id: Id) -> String {
        let content = self.contents.read(self.tree, id, LIMIT).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    }
}

/// `/etc/php/8.2/…` and `/etc/php83/…` are not read by a `php-fpm8.4`.
fn is_of_version(path: &[u8], program: &[u8]) -> bool {
    let version = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let (path, program) = (String::from_utf8_lossy(path), String::from_utf8_lossy(program));
    let Some(wanted) = program.strip_prefix("php-fpm").map(version).filter(|wanted| !wanted.is_empty()) else {
        return true;
    };
    let Some(below) = path.strip_prefix("/etc/php") else { return true };
    let found = version(below.trim_start_matches('/').split('/').next().unwrap_or_default());
    found.is_empty() || found == wanted
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

/// `-u NAME`, `-uNAME`, `--user NAME` and `--user=NAME`.
fn option_values(options: &[(&str, Kind)], words: &[String]) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for &(option, kind) in options {
        for (at, word) in words.iter().enumerate() {
            let Some(rest) = word.strip_prefix(option) else { continue };
            let value = match rest.strip_prefix('=') {
                Some(value) => value,
                None if rest.is_empty() => words.get(at + 1).map_or("", String::as_str),
                None if option.starts_with("--") => continue,
                None => rest,
            };
            found.extend(kind.names(&[value]));
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Kind, is_of_version, option_values};

    #[test]
    fn options_take_their_value_in_every_form() {
        let options = [("-u", Kind::Account), ("--user", Kind::Account)];
        let values = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            option_values(&options, &words).into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(values(&["-p", "1", "-u", "a"]), ["a"]);
        assert_eq!(values(&["-ub", "--user=c", "--user", "d", "--userspec=e"]), ["b", "c", "d"]);
        assert_eq!(values(&["-u"]), [""; 0]);
    }

    #[test]
    fn a_php_of_one_version_does_not_read_the_pools_of_another() {
        let of = |path: &str, program: &str| is_of_version(path.as_bytes(), program.as_bytes());
        assert!(of("/etc/php/8.2/fpm/pool.d/www.conf", "php-fpm8.2"));
        assert!(!of("/etc/php/8.4/fpm/pool.d/www.conf", "php-fpm8.2"));
        assert!(of("/etc/php83/php-fpm.d/www.conf", "php-fpm83"));
        assert!(!of("/etc/php82/php-fpm.d/www.conf", "php-fpm83"));
        assert!(of("/etc/php-fpm.d/www.conf", "php-fpm"));
        assert!(of("/usr/local/etc/php-fpm.d/www.conf", "php-fpm8.2"));
        assert!(of("/etc/nginx/nginx.conf", "nginx"));
    }
}
