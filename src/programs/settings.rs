//! From the text of a configuration to the names that its keys hold: accounts, command lines, files.

use super::{Configuration, Kind, Syntax, Value};

/// What one setting asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A command line, as shell code.
    Command {
        /// The code.
        text: String,
        /// `/bin/sh` runs it.
        shell: bool,
    },
    /// A file that is loaded.
    File(String),
    /// Patterns of further files.
    Include(String),
}

/// One setting whose key is known.
struct Setting<'c> {
    line: u32,
    value: &'c Value,
    text: String,
}

/// Line, whether a group, name, and key of each account that a configuration names.
pub(crate) fn account_settings(configuration: &Configuration, text: &str) -> Vec<(u32, bool, String, String)> {
    if configuration.syntax == Syntax::Crontab {
        let lines = (1_u32..).zip(text.lines());
        let names = lines.flat_map(|(number, line)| {
            crontab_account(line.trim()).into_iter().map(move |(group, name)| (number, group, name, "user".to_owned()))
        });
        return names.collect();
    }
    let mut found = Vec::new();
    for (key, setting) in settings(configuration, text, Kind::is_account) {
        let text = match configuration.syntax {
            Syntax::Assignments => setting.text.split([';', '#']).next().unwrap_or_default(),
            _ => setting.text.as_str(),
        };
        let words: Vec<&str> =
            setting.value.part(text).split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
        if words.is_empty() {
            continue;
        }
        let names = setting.value.kind.names(&words);
        if names.is_empty() {
            // A number, or what a variable holds: no name, and no default either.
            found.push((setting.line, false, String::new(), key.clone()));
        }
        found.extend(names.into_iter().map(|(group, name)| (setting.line, group, name, key.clone())));
    }
    found
}

/// The command lines, files and further configurations that a configuration names, with their lines.
pub(crate) fn command_settings(configuration: &Configuration, text: &str) -> Vec<(u32, Part)> {
    let syntax = configuration.syntax;
    let mut found = Vec::new();
    if matches!(syntax, Syntax::Crontab | Syntax::UserCrontab | Syntax::Anacrontab) {
        for (number, line) in (1_u32..).zip(text.lines()) {
            let Some(command) = job(line.trim(), syntax) else { continue };
            // cron hands every job to a shell.
            found.push((number, Part::Command { text: command, shell: true }));
        }
        return found;
    }
    for (_, setting) in settings(configuration, text, |kind| !kind.is_account()) {
        let line = setting.line;
        let comment = if syntax == Syntax::Assignments {
            setting.text.split(" ;").next().unwrap_or_default()
        } else {
            &setting.text
        };
        let whole = if syntax == Syntax::Attributes { comment } else { unquoted(comment.trim()) };
        let text = setting.value.part(whole);
        match setting.value.kind {
            Kind::Include => found.push((line, Part::Include(text.to_owned()))),
            Kind::File => {
                let word = text.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']);
                found.push((line, Part::File(word.to_owned())));
            }
            Kind::Unit => {
                let (prefix, command) = text.split_at(text.find(|c| !"@-:+!|".contains(c)).unwrap_or(text.len()));
                // A dash: its failure is none.
                if !prefix.contains('-') {
                    found.push((line, Part::Command { text: unexpanded(command), shell: false }));
                }
            }
            kind => found
                .extend(through_shell(kind, text).map(|shell| (line, Part::Command { text: unexpanded(text), shell }))),
        }
    }
    found
}

/// Whether a command line is handed to `/bin/sh`; `None` for values that are none.
pub(crate) fn through_shell(kind: Kind, text: &str) -> Option<bool> {
    // Plain words, quoted or not, are started directly; anything else is a shell's.
    let plain = !text.contains(['&', ';', '<', '>', '|', '$', '`', '(', ')', '*', '?', '\n']);
    match kind {
        _ if text.trim().is_empty() => None,
        Kind::Shell => Some(true),
        Kind::CommandOrShell => Some(!plain),
        Kind::Command => Some(false),
        _ => None,
    }
}

/// The settings of a text whose key is known and of such a kind, with the key.
fn settings<'c>(configuration: &'c Configuration, text: &str, wanted: fn(Kind) -> bool) -> Vec<(String, Setting<'c>)> {
    let mut found = Vec::new();
    let mut keep = |line: u32, section: &str, key: &str, text: &str| {
        for (known, value) in configuration.keys.iter().filter(|(_, value)| wanted(value.kind)) {
            if is_key(configuration.syntax, known, section, key) {
                found.push((known.clone(), Setting { line, value, text: text.to_owned() }));
            }
        }
    };
    if configuration.syntax == Syntax::Attributes {
        for (line, key, text) in attributes(text) {
            keep(line, "", &key, &text);
        }
        return found;
    }
    let mut section = "";
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        match configuration.syntax {
            Syntax::Statements => {
                for statement in statements(line) {
                    let first = statement.split_whitespace().next().unwrap_or_default();
                    if configuration.section_words.iter().any(|word| word == first) {
                        section = first;
                    }
                    let rest = statement.trim_start().get(first.len()..).unwrap_or_default();
                    keep(number, section, first.trim_matches(['"', '\'']), rest.trim());
                }
            }
            _ if line.starts_with(['#', ';']) => {}
            Syntax::Assignments => {
                if line.starts_with('[') {
                    section = line.split(']').next().unwrap_or_default().trim_start_matches('[').trim();
                } else if let Some((key, value)) = line.split_once('=') {
                    keep(number, section, key.trim(), value.trim());
                }
            }
            Syntax::Labels => {
                if let Some((key, value)) = line.split_once(':') {
                    keep(number, section, key.trim(), value.trim());
                }
            }
            Syntax::Directives => {
                let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
                let (key, value) = line.split_at(line.find([' ', '\t', '=', '"', '\'']).unwrap_or(line.len()));
                keep(number, section, key, value.trim_start_matches([' ', '\t', '=']));
            }
            _ => {}
        }
    }
    found
}

/// Whether a key of the text is one of the file: `key`, `key*`, or either behind `[section]`.
fn is_key(syntax: Syntax, known: &str, section: &str, key: &str) -> bool {
    let like = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(begin) => text.starts_with(begin),
        None if syntax == Syntax::Directives => pattern.eq_ignore_ascii_case(text),
        None => pattern == text,
    };
    match known.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((of, known)) => like(of, section) && like(known, key),
        None => like(known, key),
    }
}

/// The statements of a line: quotes that begin a word hold `;` and `#` as they are.
fn statements(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut begin, mut quote, mut before) = (0, None, ' ');
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if before.is_whitespace() && line.get(at + 1..).is_some_and(|rest| rest.contains(c)) => {
                quote = Some(c);
            }
            (None, '#') => {
                found.extend(line.get(begin..at));
                return found;
            }
            (None, ';') => {
                found.extend(line.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    found.extend(line.get(begin..));
    found
}

/// Line, name and value of every `name="value"`, outside comments of XML and lines that begin with `#`.
fn attributes(text: &str) -> Vec<(u32, String, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = text;
    let mut name = String::new();
    let mut begins = true;
    while let Some(c) = rest.chars().next() {
        let comment = if rest.starts_with("<!--") {
            Some(rest.find("-->").map_or(rest.len(), |at| at + 3))
        } else if begins && c == '#' {
            Some(rest.find('\n').unwrap_or(rest.len()))
        } else {
            None
        };
        if let Some(length) = comment {
            let (gone, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            line += count_lines(gone);
            rest = after;
            begins = false;
            continue;
        }
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let quote = after.chars().next().filter(|quote| c == '=' && matches!(quote, '"' | '\''));
        if let Some(quote) = quote {
            let inside = after.get(1..).unwrap_or_default();
            let mut end = None;
            let mut escaped = false;
            for (at, c) in inside.char_indices() {
                if c == quote && !escaped {
                    end = Some(at);
                    break;
                }
                escaped = c == '\\' && !escaped;
            }
            let Some(end) = end else { break };
            let value = inside.get(..end).unwrap_or_default();
            found.push((line, std::mem::take(&mut name), plain(value)));
            line += count_lines(value);
            rest = inside.get(end + 1..).unwrap_or_default();
            begins = false;
            continue;
        }
        if c == '\n' {
            line += 1;
        }
        begins = c == '\n' || (begins && c.is_whitespace());
        if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':') {
            name.push(c);
        } else {
            name.clear();
        }
        rest = after;
    }
    found
}

fn count_lines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|&b| b == b'\n').count()).unwrap_or(u32::MAX)
}

/// Without the entities of XML and escaped quotes.
fn plain(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        .replace("\\\"", "\"")
}

/// What stands between the quotes that the text begins with, or the whole text.
fn unquoted(text: &str) -> &str {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    quote.and_then(|quote| text.get(1..)?.split(quote).next()).unwrap_or(text)
}

/// `%(ENV_HOME)s` as variables, whose parentheses are no shell's.
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

/// Columns of times at the beginning of a line of a table of jobs; `None` for settings and comments.
fn times(line: &str) -> Option<usize> {
    match line.as_bytes().first() {
        Some(b'@') => Some(1),
        Some(b'0'..=b'9' | b'*' | b'-') => Some(5),
        _ => None,
    }
}

fn crontab_account(line: &str) -> Vec<(bool, String)> {
    let Some(times) = times(line) else { return Vec::new() };
    let columns: Vec<&str> = line.split_whitespace().collect();
    columns.get(times).filter(|_| columns.len() > times + 1).map_or(Vec::new(), |name| Kind::Account.names(&[name]))
}

/// The command of one line of a table of jobs; `None` for settings.
fn job(line: &str, syntax: Syntax) -> Option<String> {
    let times = times(line)?;
    let columns = match syntax {
        Syntax::Crontab => times + 1,
        Syntax::Anacrontab => 3,
        _ => times,
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
    use super::super::{Programs, decode};
    use super::{Part, Syntax, account_settings, command_settings, job};

    /// What the first configuration of that syntax of a built-in program says of a text.
    fn of(program: &str, syntax: Syntax, text: &str) -> (Vec<String>, Vec<String>) {
        let known = Programs::default();
        let found = known.of(program.as_bytes(), b"");
        let configurations = found.iter().flat_map(|(program, _)| &program.configurations);
        let (mut accounts, mut commands) = (Vec::new(), Vec::new());
        for configuration in configurations.filter(|configuration| configuration.syntax == syntax).take(1) {
            let show = |(line, group, name, _): (u32, bool, String, String)| {
                format!("{line} {}{name}", if group { ":" } else { "" })
            };
            let named = account_settings(configuration, text).into_iter().filter(|(.., name, _)| !name.is_empty());
            accounts.extend(named.map(show));
            let show = |(line, part)| match part {
                Part::Command { text, shell } => format!("{line} {}{text}", if shell { "sh: " } else { "" }),
                Part::File(text) => format!("{line} file {text}"),
                Part::Include(text) => format!("{line} include {text}"),
            };
            commands.extend(command_settings(configuration, text).into_iter().map(show));
        }
        (accounts, commands)
    }

    fn own(keys: &str, syntax: &str, text: &str) -> (Vec<String>, Vec<String>) {
        let file = format!(
            "names = [\"x\"]\n[[configuration]]\nfiles = [\"/x\"]\nsyntax = \"{syntax}\"\nkeys = {{ {keys} }}\n"
        );
        let mut problems = Vec::new();
        let program = decode(&file, "x", &mut problems).unwrap();
        assert_eq!(problems, []);
        let configuration = program.configurations.first().unwrap();
        let accounts = account_settings(configuration, text).into_iter();
        let accounts = accounts.filter(|(.., name, _)| !name.is_empty());
        let show = |(line, group, name, _): (u32, bool, String, String)| {
            format!("{line} {}{name}", if group { ":" } else { "" })
        };
        let accounts = accounts.map(show).collect();
        let show = |(line, part)| match part {
            Part::Command { text, shell } => format!("{line} {}{text}", if shell { "sh: " } else { "" }),
            Part::File(text) => format!("{line} file {text}"),
            Part::Include(text) => format!("{line} include {text}"),
        };
        (accounts, command_settings(configuration, text).into_iter().map(show).collect())
    }

    #[test]
    fn statements_name_an_account_and_perhaps_a_group() {
        let text = "# user nobody;\nuser  www-data www; worker_processes 2; # user x\nlog_format main '$remote_addr; user $remote_user';\nuser_agent x;\n";
        assert_eq!(own("user = \"account group\"", "statements", text).0, ["2 www-data", "2 :www"]);
        let text = "extend a /bin/x -v\nextend b c # d\nfastcgi_param S /x.php;\n";
        let keys = "extend = \"command after 1\", fastcgi_param = \"file after 1\"";
        assert_eq!(own(keys, "statements", text).1, ["1 /bin/x -v", "2 c", "3 file /x.php"]);
    }

    #[test]
    fn pools_and_programs_assign() {
        let text = "[www]\n; user = no\nuser = www-data ; the pool\nuser=\"a\"\nlisten.group = 33\nusername = no\nchown=nobody:nogroup\nuser = %(ENV_USER)s\n[x]\nlisten.group=$pool\n";
        let keys = "user = \"account\", \"listen.group\" = \"group\", chown = \"account:group\"";
        assert_eq!(own(keys, "assignments", text).0, ["3 www-data", "4 a", "7 nobody", "7 :nogroup"]);
    }

    #[test]
    fn directives_stand_in_any_case_and_in_quotes() {
        let text = "export APACHE_RUN_USER=www-data\n: ${APACHE_RUN_GROUP:=www}\nUser ${APACHE_RUN_USER}\n# User x\n<IfModule unixd_module>\n  user daemon\n  Group #1\n  GROUP daemon\nUserDir public_html\n";
        assert_eq!(of("apache2", Syntax::Directives, text).0, ["1 www-data", "6 daemon", "8 :daemon"]);
        let text = "include_shell \"/x/m.pl \" + server.port\ninclude_shell_x \"b\"\n archive_command='cp %p /b'\nForceCommand a b\ninclude_shell \"/c.pl\"\nssl 'a | b'\nssl \"c\" d\n";
        let keys = "include_shell = \"shell\", archive_command = \"shell\", forcecommand = \"command\", ssl = \"command or shell\"";
        assert_eq!(
            own(keys, "directives", text).1,
            ["1 sh: /x/m.pl ", "3 sh: cp %p /b", "4 a b", "5 sh: /c.pl", "6 sh: a | b", "7 c"]
        );
    }

    #[test]
    fn attributes_of_xml_and_of_keys() {
        let text = "<!-- <x command=\"no\"/>\n -->\n<delegate decode=\"ps\" stealth='True'\n command=\"&quot;gs&quot; -q &quot;-s=%s&quot;\"/>\n# command=\"no\"\ncommand=\"say \\\"a\\\"\",no-pty ssh-ed25519 AAAA= x\n";
        assert_eq!(own("command = \"command\"", "attributes", text).1, ["4 \"gs\" -q \"-s=%s\"", "6 say \"a\""]);
    }

    #[test]
    fn tables_of_jobs() {
        let text = "# m h\nSHELL=/bin/bash\nPATH = /x\n*/5 * * * * root test -x /a && /a \\% 1 % in\n@reboot app b\n\n";
        let (accounts, commands) = of("cron", Syntax::Crontab, text);
        assert_eq!(commands, ["4 sh: test -x /a && /a % 1 ", "5 sh: b"]);
        assert_eq!(accounts, ["4 root", "5 app"]);
        assert_eq!(job("0 0 1 jan mon  a b", Syntax::UserCrontab).unwrap(), "a b");
        assert_eq!(job("-*/2 * * * * root a", Syntax::Crontab).unwrap(), "a");
        assert_eq!(job("1 5 cron.daily run-parts /x", Syntax::Anacrontab).unwrap(), "run-parts /x");
        assert_eq!(job("@daily 5 cron.daily a", Syntax::Anacrontab).unwrap(), "a");
        assert_eq!(job("* * *", Syntax::Crontab), None);
    }

    #[test]
    fn sections_of_their_own_kinds() {
        let text = "[supervisord]\ncommand=no\n[program:web]\ncommand = %(ENV_B)s/nginx -g 'x' ; note\n;command=no\n\
                    [eventlistener:e]\ncommand=bash -c \"a | b\"\n[include]\nfiles = conf.d/*.conf %(here)s/x.ini\n";
        assert_eq!(
            of("supervisord", Syntax::Assignments, text).1,
            ["4 ${ENV_B}/nginx -g 'x'", "7 bash -c \"a | b\"", "9 include conf.d/*.conf %(here)s/x.ini"]
        );
        let text =
            "global\n  user haproxy\n  group haproxy # x\nuserlist L\n  group G users tiger\n  user tiger password x\n";
        assert_eq!(of("haproxy", Syntax::Statements, text).0, ["2 haproxy", "3 :haproxy"]);
        let text = "[Service]\nUser=app\nExecStartPre=-/bin/no\nExecStart=@+/usr/sbin/a a -x\n";
        assert_eq!(
            of("systemd", Syntax::Assignments, text),
            (vec!["2 app".to_owned()], vec!["4 /usr/sbin/a a -x".to_owned()])
        );
    }
}
