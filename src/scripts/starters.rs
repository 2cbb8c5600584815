//! Programs whose work is to start others, and where they are told which: supervisord, s6, runit, cron, and inits.
//!
//! One row a program, from its manual page and the paths of the distributions and of widely used images.

use std::collections::BTreeSet;

use super::{FileUses, How, Named, Reader};
use crate::shell::{Code, Dialect};
use crate::tree::{Id, glob};

/// How a configuration names programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// `command=` below `[program:NAME]`, and `[include] files=`.
    Supervisor,
    /// A table of cron(8), with a column for the user or without.
    Crontab { user: bool },
    /// `PERIOD DELAY NAME COMMAND` of anacron(8).
    Anacrontab,
    /// Executable files, each of which is started.
    Scripts,
    /// execline without a first line: s6-rc's `up` and `down`.
    Execline,
    /// `ExecStart=` of systemd units.
    Unit,
    /// Command lines as the values of these settings, quoted or not: `KEY "COMMAND"`, `KEY = 'COMMAND'`.
    Settings(&'static str),
}

struct Row {
    /// Names of the program; an absolute path counts only there.
    programs: &'static str,
    syntax: Syntax,
    /// Globs.
    files: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        programs: "supervisord",
        syntax: Syntax::Supervisor,
        files: "/etc/supervisord.conf /etc/supervisor/supervisord.conf /etc/supervisor/conf.d/*.conf \
                /etc/supervisord.d/*.ini /etc/supervisord.d/*.conf /etc/supervisor.d/*.ini /supervisord.conf",
    },
    Row { programs: "cron crond cronie", syntax: Syntax::Crontab { user: true }, files: "/etc/crontab /etc/cron.d/*" },
    Row {
        programs: "cron crond cronie supercronic",
        syntax: Syntax::Crontab { user: false },
        files: "/etc/crontabs/* /var/spool/cron/crontabs/* /var/spool/cron/* /var/spool/cron/tabs/*",
    },
    Row { programs: "anacron", syntax: Syntax::Anacrontab, files: "/etc/anacrontab" },
    Row {
        programs: "s6-svscan s6-rc s6-rc-init s6-linux-init s6-overlay-suexec /init",
        syntax: Syntax::Scripts,
        files: "/etc/services.d/*/run /etc/services.d/*/finish /etc/services.d/*/log/run /etc/cont-init.d/* \
                /etc/cont-finish.d/* /etc/s6-overlay/s6-rc.d/*/run /etc/s6-overlay/s6-rc.d/*/finish /etc/s6/*/run \
                /etc/s6/*/finish /etc/s6-rc/*/*/run",
    },
    Row {
        programs: "s6-svscan s6-rc s6-rc-init s6-linux-init s6-overlay-suexec /init",
        syntax: Syntax::Execline,
        files: "/etc/s6-overlay/s6-rc.d/*/up /etc/s6-overlay/s6-rc.d/*/down /etc/s6-rc/*/*/up /etc/s6-rc/*/*/down",
    },
    Row {
        programs: "runsvdir runit runit-init runsvdir-start runsv svscan my_init",
        syntax: Syntax::Scripts,
        files: "/etc/service/*/run /etc/service/*/finish /etc/service/*/check /etc/service/*/log/run /service/*/run \
                /etc/runit/[123] /etc/runit/runsvdir/*/*/run /etc/my_init.d/* /etc/rc.local",
    },
    Row { programs: "openrc openrc-init", syntax: Syntax::Scripts, files: "/etc/runlevels/*/*" },
    // lighttpd's configuration: include_shell is read at every start. Debian's names two Perl scripts.
    Row {
        programs: "lighttpd",
        syntax: Syntax::Settings("include_shell"),
        files: "/etc/lighttpd/*.conf /etc/lighttpd/conf-enabled/*.conf /etc/lighttpd/conf.d/*.conf \
                /etc/lighttpd/vhosts.d/*.conf",
    },
    // postgresql.conf, "Archiving" and "Recovery".
    Row {
        programs: "postgres",
        syntax: Syntax::Settings(
            "archive_command restore_command archive_cleanup_command recovery_end_command ssl_passphrase_command",
        ),
        files: "/etc/postgresql/*/*/*.conf /etc/postgresql/*/*/conf.d/*.conf /usr/share/postgresql/postgresql.conf",
    },
    // sshd_config(5).
    Row {
        programs: "sshd",
        syntax: Syntax::Settings("ForceCommand AuthorizedKeysCommand AuthorizedPrincipalsCommand"),
        files: "/etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf",
    },
    Row {
        programs: "systemd",
        syntax: Syntax::Unit,
        files: "/etc/systemd/system/*.service /etc/systemd/system/*.wants/*.service",
    },
];

/// What the configurations of `id` name, if it is a program that starts others.
pub(super) fn uses(reader: &Reader<'_>, id: Id) -> Vec<FileUses> {
    let tree = reader.tree;
    let (name, path) = (tree.name(id), tree.path(id));
    if tree.is_dir(id) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let is = |known: &str| if known.starts_with('/') { known.as_bytes() == path } else { known.as_bytes() == name };
    for row in ROWS.iter().filter(|row| row.programs.split(' ').any(is)) {
        let mut files: Vec<Id> =
            row.files.split_whitespace().flat_map(|p| glob::expand_as_shell(tree, p.as_bytes())).collect();
        files.extend(given(reader, name, row.syntax));
        let mut seen = BTreeSet::new();
        let mut at = 0;
        let mut started = Vec::new();
        while let Some(&entry) = files.get(at) {
            at += 1;
            let Ok(file) = tree.follow(entry).map(|found| found.node) else { continue };
            if !tree.is_file(file) || tree.meta(file).mount || !seen.insert(file) {
                continue;
            }
            match row.syntax {
                Syntax::Scripts if tree.permissions(file) & 0o111 != 0 && reader.can_run(file) => started.push(entry),
                Syntax::Scripts => {}
                Syntax::Execline => found.push(reader.execline(file)),
                syntax => {
                    let (mut uses, included) = configuration(reader, file, syntax);
                    found.append(&mut uses);
                    files.extend(included);
                }
            }
        }
        if !started.is_empty() {
            let named = |entry| {
                let word = String::from_utf8_lossy(&tree.path(entry)).into_owned();
                Named { how: How::Starts, entry, line: 0, word, optional: false }
            };
            let names = started.into_iter().map(named).collect();
            found.push(FileUses { file: id, names, logins: Vec::new(), unknown: Vec::new(), problem: None });
        }
    }
    found
}

/// What a command line of the image gives the program: `supervisord -c FILE`, `s6-svscan DIR`.
fn given(reader: &Reader<'_>, program: &[u8], syntax: Syntax) -> Vec<Id> {
    let tree = reader.tree;
    let is = |word: &&String| word.rsplit('/').next().unwrap_or_default().as_bytes() == program;
    let mut found = Vec::new();
    for line in reader.lines() {
        for word in line.words.iter().skip_while(|word| !is(word)).skip(1) {
            let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
            let Some(node) = tree.resolve(path.as_bytes()).ok().filter(|_| path.starts_with('/')) else { continue };
            let below = match syntax {
                _ if tree.is_file(node.node) => "",
                Syntax::Scripts => "/*/run",
                Syntax::Crontab { .. } => "/*",
                _ => continue,
            };
            found.extend(glob::expand_as_shell(tree, format!("{}{below}", path.trim_end_matches('/')).as_bytes()));
        }
    }
    found
}

/// What a configuration names, and further files that it includes.
fn configuration(reader: &Reader<'_>, file: Id, syntax: Syntax) -> (Vec<FileUses>, Vec<Id>) {
    let text = reader.text(file);
    let mut code = Code::new(Dialect::Posix);
    let mut included = Vec::new();
    for (line, part) in commands(&text, syntax) {
        match part {
            Part::Command(command) => {
                code.read_part(&command, line);
            }
            Part::Include(patterns) => {
                let directory = reader.tree.path(reader.tree.parent(file));
                let directory = String::from_utf8_lossy(&directory).into_owned();
                for pattern in patterns.split_whitespace() {
                    let pattern = pattern.replace("%(here)s", &directory);
                    let whole = if pattern.starts_with('/') { pattern } else { format!("{directory}/{pattern}") };
                    included.extend(glob::expand_as_shell(reader.tree, whole.as_bytes()));
                }
            }
        }
    }
    (reader.named(&[(file, None)], code), included)
}

enum Part {
    /// A command line, as shell code.
    Command(String),
    /// Patterns of further files.
    Include(String),
}

/// The command lines of a configuration, with their lines.
fn commands(text: &str, syntax: Syntax) -> Vec<(u32, Part)> {
    let mut found = Vec::new();
    let mut section = "";
    let mut shell = false;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        match syntax {
            Syntax::Supervisor => {
                if line.starts_with('[') {
                    section = line.trim_matches(['[', ']']);
                    continue;
                }
                let Some((key, value)) = line.split_once('=') else { continue };
                let value = value.split(" ;").next().unwrap_or_default().trim();
                let program = ["program:", "eventlistener:", "fcgi-program:"].iter().any(|of| section.starts_with(of));
                match key.trim() {
                    "command" if program => found.push((number, Part::Command(unexpanded(value)))),
                    "files" if section == "include" => found.push((number, Part::Include(value.to_owned()))),
                    _ => {}
                }
            }
            Syntax::Crontab { .. } | Syntax::Anacrontab => {
                let Some(command) = job(line, syntax) else { continue };
                // cron hands every job to a shell.
                if !std::mem::replace(&mut shell, true) {
                    found.push((number, Part::Command("/bin/sh".to_owned())));
                }
                found.push((number, Part::Command(command)));
            }
            Syntax::Unit => {
                let Some((key, value)) = line.split_once('=') else { continue };
                if key.starts_with("Exec") {
                    let (prefix, command) =
                        value.split_at(value.find(|c| !"@-:+!|".contains(c)).unwrap_or(value.len()));
                    // A dash: its failure is none.
                    if !prefix.contains('-') {
                        found.push((number, Part::Command(unexpanded(command))));
                    }
                }
            }
            Syntax::Settings(keys) => {
                let (key, value) = line.split_at(line.find([' ', '\t', '=', '"', '\'']).unwrap_or(line.len()));
                if keys.split(' ').any(|known| known.eq_ignore_ascii_case(key)) {
                    let command = unquoted(value.trim_start_matches([' ', '\t', '=']));
                    // A lone path may be started directly; anything else is a shell's.
                    if command.contains(|c: char| !c.is_ascii_alphanumeric() && !"/._-+".contains(c)) {
                        found.push((number, Part::Command("/bin/sh".to_owned())));
                    }
                    found.push((number, Part::Command(command.to_owned())));
                }
            }
            Syntax::Scripts | Syntax::Execline => {}
        }
    }
    found
}

/// What stands between the quotes that the text begins with, or the whole text.
fn unquoted(text: &str) -> &str {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    quote.and_then(|quote| text.get(1..)?.split(quote).next()).unwrap_or(text)
}

/// `%(ENV_HOME)s` and `%i` as variables, whose parentheses are no shell's.
fn unexpanded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%(") {
        out.push_str(before);
        let (name, after) = after.split_once(")s").unwrap_or((after, ""));
        out.push_str("${");
        out.extend(name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_'));
        out.push('}');
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The command of one line of a table of jobs; `None` for settings.
fn job(line: &str, syntax: Syntax) -> Option<String> {
    let special = line.starts_with('@');
    // Times are digits and stars; a letter or a quote begins the name of a variable.
    if !special && !line.starts_with(|c: char| c.is_ascii_digit() || c == '*' || c == '-') {
        return None;
    }
    let times = if special { 1 } else { 5 };
    let columns = match syntax {
        Syntax::Crontab { user } => times + usize::from(user),
        _ => 3,
    };
    let mut rest = line;
    for _ in 0..columns {
        rest = rest.split_once([' ', '\t'])?.1.trim_start();
    }
    // The first `%` that is not escaped ends the command; what follows is its standard input.
    let mut command = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => break,
            '\\' => match chars.next() {
                Some('%') => command.push('%'),
                Some(next) => command.extend(['\\', next]),
                None => command.push('\\'),
            },
            _ => command.push(c),
        }
    }
    Some(command)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Part, Syntax, commands, job};

    fn lines(text: &str, syntax: Syntax) -> Vec<String> {
        let show = |(line, part)| match part {
            Part::Command(text) => format!("{line} {text}"),
            Part::Include(text) => format!("{line} include {text}"),
        };
        commands(text, syntax).into_iter().map(show).collect()
    }

    #[test]
    fn tables_of_jobs() {
        let text = "# m h\nSHELL=/bin/bash\nPATH = /x\n*/5 * * * * root test -x /a && /a \\% 1 % in\n@reboot app b\n\n";
        assert_eq!(lines(text, Syntax::Crontab { user: true }), ["4 /bin/sh", "4 test -x /a && /a % 1 ", "5 b"]);
        assert_eq!(job("0 0 1 jan mon  a b", Syntax::Crontab { user: false }).unwrap(), "a b");
        assert_eq!(job("-*/2 * * * * root a", Syntax::Crontab { user: true }).unwrap(), "a");
        assert_eq!(job("1 5 cron.daily run-parts /x", Syntax::Anacrontab).unwrap(), "run-parts /x");
        assert_eq!(job("@daily 5 cron.daily a", Syntax::Anacrontab).unwrap(), "a");
        assert_eq!(job("* * *", Syntax::Crontab { user: true }), None);
    }

    #[test]
    fn supervisor_and_units() {
        let text = "[supervisord]\ncommand=no\n[program:web]\ncommand = %(ENV_B)s/nginx -g 'x' ; note\n;command=no\n\
                    [eventlistener:e]\ncommand=bash -c \"a | b\"\n[include]\nfiles = conf.d/*.conf %(here)s/x.ini\n";
        assert_eq!(
            lines(text, Syntax::Supervisor),
            ["4 ${ENV_B}/nginx -g 'x'", "7 bash -c \"a | b\"", "9 include conf.d/*.conf %(here)s/x.ini"]
        );
        let text = "include_shell \"/x/m.pl \" + server.port\ninclude_shell_x \"b\"\n archive_command='cp %p /b'\nForceCommand a b\ninclude_shell \"/c.pl\"\n";
        assert_eq!(
            lines(text, Syntax::Settings("include_shell archive_command forcecommand")),
            ["1 /bin/sh", "1 /x/m.pl ", "3 /bin/sh", "3 cp %p /b", "4 /bin/sh", "4 a b", "5 /c.pl"]
        );
        let text = "[Service]\nUser=app\nExecStartPre=-/bin/no\nExecStart=@+/usr/sbin/a a -x\n";
        assert_eq!(lines(text, Syntax::Unit), ["4 /usr/sbin/a a -x"]);
    }
}
