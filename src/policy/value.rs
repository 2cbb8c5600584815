//! Single values: text → meaning. Every check that needs no second value is here; it knows no key and no file.

use std::borrow::Cow;
use std::collections::BTreeSet;

use regex::bytes::{Regex, RegexBuilder};

use super::{CommandLine, Pattern, RunUser};
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::{Diagnostic, codes};
use crate::shell;
use crate::tree::glob::Glob;

/// What is wrong with a value, and what to write instead.
pub(super) struct Fault {
    id: &'static str,
    text: String,
    help: String,
}

impl Fault {
    pub(super) fn new(text: impl Into<String>, help: impl Into<String>) -> Self {
        Self::of(codes::VALUE, text, help)
    }

    /// As [`Fault::new`], with an id of its own.
    pub(super) fn of(id: &'static str, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { id, text: text.into(), help: help.into() }
    }

    /// A variable that is not expanded here.
    fn variable(value: &str, name: &str, help: &str) -> Self {
        Self::of(codes::VARIABLE, format!("{} holds the variable {}", quote(value), quote(name)), help)
    }

    /// The problem at its place; `subject` names the key or flag.
    pub(super) fn at(self, origin: &Origin, subject: &str) -> Diagnostic {
        let subject = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
        Diagnostic::at(self.id, origin, format!("{subject}{}", self.text)).help(self.help)
    }
}

type Checked<T> = Result<T, Fault>;

/// Refuses what no value may be: empty, with a NUL or newline, or with a variable that is not expanded here.
pub(super) fn text(value: &str) -> Checked<&str> {
    if value.trim().is_empty() {
        return Err(Fault::new("the value is empty", "write a value, or leave it out"));
    }
    if let Some(c) = value.chars().find(|c| c.is_control()) {
        let name = match c {
            '\0' => "a NUL character",
            '\n' | '\r' => "a line break",
            '\t' => "a tab",
            _ => "a control character",
        };
        return Err(Fault::new(format!("{} holds {name}", quote(value)), "remove it"));
    }
    if let Some(name) = variable(value) {
        return Err(Fault::variable(value, name, "harden does not expand variables; write the value"));
    }
    Ok(value)
}

/// The first `$NAME` or `${…` of a value.
pub(crate) fn variable(value: &str) -> Option<&str> {
    for (at, _) in value.match_indices('$') {
        let rest = value.get(at..).unwrap_or("");
        let name = rest.strip_prefix('$').unwrap_or("");
        if name.starts_with('{') {
            let end = rest.find('}').map_or(rest.len(), |end| end + 1);
            return rest.get(..end);
        }
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            return rest.get(..=length);
        }
    }
    None
}

/// An absolute path in its plain form: no `//`, no `.`, no slash at the end.
pub(super) fn path(value: &str) -> Checked<String> {
    let value = text(value)?;
    if !value.starts_with('/') {
        return Err(Fault::new(
            format!("{} is not an absolute path", quote(value)),
            format!("write the whole path, such as {}", quote(&format!("/{}", value.trim_start_matches("./")))),
        ));
    }
    if value.split('/').any(|part| part == "..") {
        return Err(Fault::new(format!("{} holds '..'", quote(value)), "write the path without '..'"));
    }
    Ok(plain_path(value))
}

/// A path of [`path`] that stands for itself, so not a pattern.
pub(super) fn literal_path(value: &str) -> Checked<String> {
    let path = path(value)?;
    if path.contains(['*', '?']) {
        return Err(Fault::new(
            format!("{} is a pattern, but this list takes only paths", quote(value)),
            "write each path; a directory stands for its content",
        ));
    }
    Ok(path)
}

/// Drops `.` parts, doubled slashes and a slash at the end of an absolute path.
pub(super) fn plain_path(value: &str) -> String {
    let parts: Vec<&str> = value.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

/// The directories of a PATH value that count: absolute, not `/`, without `..`, each once.
///
/// # Errors
/// When no program could be given so long a list: execve(2) takes 128 KiB for one variable (MAX_ARG_STRLEN).
pub(super) fn path_list<'a>(directories: impl IntoIterator<Item = &'a str>) -> Checked<Vec<String>> {
    const LONGEST: usize = 128 * 1024;
    const MOST: usize = 1000;
    let (mut list, mut seen, mut bytes): (Vec<String>, BTreeSet<String>, usize) = (Vec::new(), BTreeSet::new(), 0);
    for directory in directories {
        bytes += directory.len() + 1;
        if bytes > LONGEST || list.len() > MOST {
            return Err(Fault::of(
                codes::BUDGET,
                format!("the list has more than {LONGEST} bytes or more than {MOST} directories"),
                "write the directories that hold programs; no program starts with a variable of more than 128 KiB",
            ));
        }
        if !directory.starts_with('/') || directory.contains('\0') || directory.split('/').any(|part| part == "..") {
            continue;
        }
        let directory = plain_path(directory);
        if directory != "/" && seen.insert(directory.clone()) {
            list.push(directory);
        }
    }
    Ok(list)
}

/// `run.user`: `NAME[:UID[:GID]]` or `UID[:GID]`.
pub(super) fn user(value: &str) -> Checked<RunUser> {
    const FORM: &str = "write NAME, NAME:UID, NAME:UID:GID, UID or UID:GID, such as 'app:1000:1000'";
    let value = text(value)?;
    let parts: Vec<&str> = value.split(':').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(Fault::new(format!("{} has an empty part", quote(value)), FORM));
    }
    match parts.as_slice() {
        [name] if !is_number(name) => Ok(RunUser::Named { name: account(name)?, uid: None, gid: None }),
        [uid] => Ok(RunUser::Numeric { uid: id(uid)?, gid: None }),
        [uid, gid] if is_number(uid) => Ok(RunUser::Numeric { uid: id(uid)?, gid: Some(id(gid)?) }),
        [name, uid] => named(name, uid, None),
        [name, uid, gid] if !is_number(name) => named(name, uid, Some(gid)),
        _ => Err(Fault::new(format!("{} has too many parts", quote(value)), FORM)),
    }
}

fn named(name: &str, uid: &str, gid: Option<&&str>) -> Checked<RunUser> {
    let name = account(name)?;
    let uid = id(uid)?;
    let gid = gid.map(|gid| id(gid)).transpose()?;
    if (uid == 0) != (name == "root") {
        return Err(Fault::new(
            format!("{} with uid {uid}: uid 0 belongs to root, and root has no other uid", quote(&name)),
            "write another uid, such as 'app:1000'",
        ));
    }
    Ok(RunUser::Named { name, uid: Some(uid), gid })
}

/// The name of an account or group. Whether a new account may have it is decided where it is made.
pub(super) fn account(value: &str) -> Checked<String> {
    let value = text(value)?;
    if let Some(c) = value.chars().find(|c| matches!(c, ':' | '/' | ',') || c.is_whitespace()) {
        return Err(Fault::new(
            format!("{} is not an account name: it holds {}", quote(value), quote(&c.to_string())),
            "write the name exactly as in /etc/passwd or /etc/group",
        ));
    }
    if is_number(value) {
        id(value)?;
    }
    Ok(value.to_owned())
}

/// The name of a package, or a glob over names.
pub(super) fn package(value: &str) -> Checked<String> {
    let value = text(value)?;
    if let Some(c) = value.chars().find(|c| matches!(c, ':' | '/' | ',' | '=') || c.is_whitespace()) {
        return Err(Fault::new(
            format!("{} is not a package name: it holds {}", quote(value), quote(&c.to_string())),
            "write the name alone, without version and architecture, such as 'libicu72' or 'libicu*'",
        ));
    }
    glob(value).map(|_| value.to_owned())
}

/// A path beside the configuration, or a pattern of the names in one directory.
pub(super) fn file(value: &str) -> Checked<String> {
    let value = text(value)?;
    let (directory, name) = value.rsplit_once('/').unwrap_or(("", value));
    if is_glob(directory) || name.is_empty() {
        return Err(Fault::new(
            format!("{} is not a file: only the last part may be a pattern", quote(value)),
            "write a path relative to this file, such as \"programs/app.toml\" or \"programs/*.toml\"",
        ));
    }
    if is_glob(name) { glob(name).map(|_| value.to_owned()) } else { Ok(value.to_owned()) }
}

pub(super) fn is_number(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

/// A uid or gid. 4294967295 is -1, which chown(2) and setuid(2) read as "no change".
pub(super) fn id(value: &str) -> Checked<u32> {
    if !is_number(value) {
        return Err(Fault::new(format!("{} is not a numeric id", quote(value)), "write a number from 0 to 4294967294"));
    }
    match value.parse::<u32>() {
        Ok(u32::MAX) => Err(Fault::new(
            format!("the id {value} is reserved: the kernel reads it as -1, \"no change\""),
            "write a number from 0 to 4294967294",
        )),
        Ok(id) => Ok(id),
        Err(_) => Err(Fault::new(format!("the id {value} is too large"), "write a number from 0 to 4294967294")),
    }
}

/// An entry of `keep.commands`.
pub(super) fn pattern(value: &str) -> Checked<Pattern> {
    let value = text(value)?;
    if let Some(expression) = value.strip_prefix("re:") {
        return regex(expression).map(Pattern::Regex);
    }
    let glob = is_glob(value);
    if value.contains('/') {
        let path = path(value)?;
        return if glob { self::glob(&path).map(Pattern::Glob) } else { Ok(Pattern::Path(path)) };
    }
    if value == "." || value == ".." {
        return Err(Fault::new(format!("{} is not a command", quote(value)), "write the name of a command"));
    }
    if let Some((name, _)) = value.split_once(char::is_whitespace) {
        return Err(Fault::new(
            format!("{} is one entry, but it contains blanks", quote(value)),
            format!(
                "write \"{}\"; the command that the image runs, with its arguments, belongs in run.command",
                name.escape_debug()
            ),
        ));
    }
    if glob { self::glob(value).map(Pattern::Glob) } else { Ok(Pattern::Name(value.to_owned())) }
}

/// A pattern of names or paths.
pub(super) fn glob(value: &str) -> Checked<Glob> {
    Glob::new(value).map_err(|cause| {
        Fault::new(
            format!("{} is not a pattern: {cause}", quote(value)),
            "write *, ?, [a-z] or {a,b}; a backslash takes the next character literally",
        )
    })
}

fn regex(expression: &str) -> Checked<Regex> {
    if expression.is_empty() {
        return Err(Fault::new("the regular expression behind 're:' is empty", "write re:^NAME$"));
    }
    // The group makes alternatives match the whole name as well. Checked alone first: a stray `)` must not close it.
    // Without Unicode, since names are bytes: a dot stands for one byte, `\w` for an ASCII letter, digit or `_`.
    let build = |text: &str| RegexBuilder::new(text).unicode(false).build();
    build(expression).and_then(|_| build(&format!("^(?:{expression})$"))).map_err(|error| {
        Fault::new(
            format!(
                "{} is not a regular expression: {}",
                quote(&format!("re:{expression}")),
                one_line(&error.to_string())
            ),
            "correct it; it must match the whole name",
        )
    })
}

/// The expression inside the anchors that [`pattern`] adds.
pub(super) fn expression(regex: &Regex) -> &str {
    let whole = regex.as_str();
    whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(whole)
}

/// An entry of `remove.commands`: a name or an absolute path.
pub(super) fn command_name(value: &str) -> Checked<String> {
    let value = text(value)?;
    match pattern(value)? {
        Pattern::Name(name) => Ok(name),
        Pattern::Path(path) => Ok(path),
        Pattern::Glob(_) | Pattern::Regex(_) => Err(Fault::new(
            format!("{} is a pattern, but this list takes only names and absolute paths", quote(value)),
            "name each command whose loss is intended",
        )),
    }
}

/// Whether a text is a pattern: it has `*`, `?`, `{`, a backslash or a closed `[…]`. The command `[` is a name.
pub(super) fn is_glob(value: &str) -> bool {
    let set = |at: usize| value.get(at + 1..).is_some_and(|rest| rest.get(1..).is_some_and(|rest| rest.contains(']')));
    value.contains(['*', '?', '\\']) || value.find('[').is_some_and(set) || value.contains('{')
}

/// A command as one string: split at blanks, a JSON array in exec form, or shell form.
pub(super) fn command(value: &str, origin: &Origin) -> Checked<CommandLine> {
    if value.trim().is_empty() {
        return Err(Fault::new(
            "the command is empty",
            "write the command that the image runs, or 'none' for a base image",
        ));
    }
    if value.contains('\0') {
        return Err(Fault::new("the command holds a NUL character", "remove it"));
    }
    const HELP: &str =
        "harden does not expand variables; write the value, or omit the argument: harden only needs the programs";
    let words = match json_words(value) {
        Some(words) => Some(words),
        None => shell::split(value).map_err(|error| shell_fault(value, &error))?,
    };
    match (words, variable(value)) {
        (Some(words), _) => match words.iter().enumerate().find_map(|(at, word)| unexpanded(at, word)) {
            Some(name) => Err(Fault::variable(value, name, HELP)),
            None => exec(words, origin),
        },
        (None, Some(name)) => Err(Fault::variable(value, name, HELP)),
        (None, None) => shell_form(value, origin),
    }
}

/// The variable in a word of a command in exec form that nothing expands: a whole word, or a part of the program's name. The
/// program that gets a longer argument may expand it itself, as `SYSTEM:echo $x` of socat.
pub(super) fn unexpanded(at: usize, word: &str) -> Option<&str> {
    variable(word).filter(|name| at == 0 || *name == word)
}

/// The exec form of a Dockerfile, as `["dotnet", "/app/MyApp.dll"]`.
fn json_words(value: &str) -> Option<Vec<String>> {
    let text = value.trim();
    if !text.starts_with('[') || !text.ends_with(']') {
        return None;
    }
    let words: serde_json::Value = serde_json::from_str(text).ok()?;
    words.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}

/// A command as separate words. `["/bin/sh", "-c", SCRIPT]` is what a builder makes of shell form.
pub(super) fn exec(words: Vec<String>, origin: &Origin) -> Checked<CommandLine> {
    if let [shell, flag, script] = words.as_slice()
        && shell == "/bin/sh"
        && flag == "-c"
    {
        return shell_form(script, origin);
    }
    let argv = words.clone();
    if words.first().is_none_or(|word| word.trim().is_empty()) {
        return Err(Fault::new(
            "the command has no first word",
            "write the command that the image runs, or 'none' for a base image",
        ));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(Fault::new("the command holds a NUL character", "remove it"));
    }
    let mut line = CommandLine { words, argv, shell_form: false, origin: origin.clone() };
    if let Some(script) = script(&line.words).map(str::to_owned) {
        for name in shell::names(&script).map_err(|error| shell_fault(&script, &error))?.words {
            if !line.words.contains(&name) {
                line.words.push(name);
            }
        }
    }
    Ok(line)
}

/// The code that a shell among `words` gets with `-c`.
pub(super) fn script(words: &[String]) -> Option<&str> {
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];
    let at = words.iter().position(|word| SHELLS.contains(&word.rsplit('/').next().unwrap_or("")))?;
    let options = words.get(at + 1..)?;
    let is_c = |word: &String| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
    let flag = options.iter().take_while(|word| word.starts_with('-')).position(is_c)?;
    options.get(flag + 1).map(String::as_str)
}

/// Shell form: the words in command position and absolute paths.
fn shell_form(value: &str, origin: &Origin) -> Checked<CommandLine> {
    let names = shell::names(value).map_err(|error| shell_fault(value, &error))?;
    let argv = ["/bin/sh", "-c", value].map(str::to_owned).to_vec();
    Ok(CommandLine { words: names.words, argv, shell_form: true, origin: origin.clone() })
}

/// A check as one string: plain words with quotes, or a JSON array in exec form.
pub(super) fn check(value: &str) -> Checked<Vec<String>> {
    if let Some(words) = json_words(value) {
        return check_words(words);
    }
    match shell::split(value).map_err(|error| shell_fault(value, &error))? {
        Some(words) => check_words(words),
        None if variable(value).is_some() => Err(Fault::variable(
            value,
            variable(value).unwrap_or_default(),
            "a check runs without a shell, which would expand it; write the value",
        )),
        None => Err(Fault::new(
            format!("{} holds shell syntax, but a check runs without a shell", quote(value)),
            "write plain words; or keep a shell and write it in exec form: [\"sh\", \"-c\", \"…\"]",
        )),
    }
}

/// The words of a check in exec form.
pub(super) fn check_words(words: Vec<String>) -> Checked<Vec<String>> {
    let Some(first) = words.first().filter(|word| !word.trim().is_empty()) else {
        return Err(Fault::new(
            "the check has no first word",
            "write the program and its arguments, such as 'nginx -t'",
        ));
    };
    if first.starts_with('-') {
        return Err(Fault::new(
            format!("the check begins with the option {}", quote(first)),
            "each string is a check of its own; one check in exec form is an array in the array: [[\"nginx\", \"-t\"]]",
        ));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(Fault::new("the check holds a NUL character", "remove it"));
    }
    // A word with blanks is code for some interpreter, whose variables are its own.
    for word in words.iter().filter(|word| !word.contains(char::is_whitespace)) {
        if let Some(name) = variable(word) {
            return Err(Fault::variable(word, name, "harden does not expand variables; write the value"));
        }
    }
    Ok(words)
}

fn shell_fault(value: &str, error: &shell::LexError) -> Fault {
    Fault::new(
        format!("cannot read the command {}: {error}", quote(value)),
        "add the closing quote, or put a backslash before this one",
    )
}

/// The last line of a message that draws an arrow below the text.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("");
    Cow::Owned(last.trim().trim_start_matches("error: ").to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn fault<T>(checked: Checked<T>) -> String {
        checked.err().map(|fault| fault.text).unwrap_or_default()
    }

    #[test]
    fn reads_users() {
        let named = |name: &str, uid, gid| RunUser::Named { name: name.into(), uid, gid };
        for (text, expected) in [
            ("app", named("app", None, None)),
            ("app:1000", named("app", Some(1000), None)),
            ("app:1000:2000", named("app", Some(1000), Some(2000))),
            ("1000", RunUser::Numeric { uid: 1000, gid: None }),
            ("1000:0", RunUser::Numeric { uid: 1000, gid: Some(0) }),
            ("4294967294", RunUser::Numeric { uid: 4_294_967_294, gid: None }),
        ] {
            assert_eq!(user(text).ok(), Some(expected), "{text}");
        }
        for (text, expected) in [
            ("", "the value is empty"),
            ("app:", "'app:' has an empty part"),
            (":1000", "':1000' has an empty part"),
            ("app:x", "'x' is not a numeric id"),
            ("1:2:3", "'1:2:3' has too many parts"),
            ("a:1:2:3", "'a:1:2:3' has too many parts"),
            ("4294967295", "the id 4294967295 is reserved: the kernel reads it as -1, \"no change\""),
            ("app:99999999999", "the id 99999999999 is too large"),
            ("my app", "'my app' is not an account name: it holds ' '"),
            ("a/b", "'a/b' is not an account name: it holds '/'"),
            ("$APP_USER", "'$APP_USER' holds the variable '$APP_USER'"),
            ("app:${UID}", "'app:${UID}' holds the variable '${UID}'"),
            ("app:0", "'app' with uid 0: uid 0 belongs to root, and root has no other uid"),
            ("a\nb", r"'a\nb' holds a line break"),
        ] {
            assert_eq!(fault(user(text)), expected, "{text}");
        }
    }

    #[test]
    fn tells_names_paths_globs_and_expressions() {
        assert!(matches!(pattern("ls"), Ok(Pattern::Name(_))));
        assert!(matches!(pattern("["), Ok(Pattern::Name(_))));
        assert!(matches!(pattern("/usr//bin/./ls/"), Ok(Pattern::Path(path)) if path == "/usr/bin/ls"));
        assert!(matches!(pattern("python3*"), Ok(Pattern::Glob(_))));
        assert!(matches!(pattern("python[23]"), Ok(Pattern::Glob(_))));
        let Ok(Pattern::Regex(regex)) = pattern("re:^pg_(dump|restore)$") else { panic!() };
        assert!(regex.is_match(b"pg_dump") && !regex.is_match(b"pg_dumpall"));
        let Ok(Pattern::Regex(regex)) = pattern("re:a|b") else { panic!() };
        assert!(regex.is_match(b"a") && !regex.is_match(b"ab"));
        assert_eq!(expression(&regex), "a|b");
        for (text, expected) in [
            ("bin/ls", "'bin/ls' is not an absolute path"),
            ("/usr/../bin/ls", "'/usr/../bin/ls' holds '..'"),
            ("re:", "the regular expression behind 're:' is empty"),
            ("ls -l", "'ls -l' is one entry, but it contains blanks"),
        ] {
            assert_eq!(fault(pattern(text)), expected, "{text}");
        }
        assert!(fault(pattern("re:a)(b")).starts_with("'re:a)(b' is not a regular expression: "));
    }

    #[test]
    fn reads_commands() {
        let read =
            |text: &str| command(text, &Origin::Flag("--command")).ok().map(|line| (line.words, line.shell_form));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(read("tini -- node 's 1.js'"), Some((words(&["tini", "--", "node", "s 1.js"]), false)));
        assert_eq!(read(r#"["dotnet", "/app/A.dll"]"#), Some((words(&["dotnet", "/app/A.dll"]), false)));
        assert_eq!(read("cd /srv && exec app *.x"), Some((words(&["/srv", "app"]), true)));
        assert_eq!(read("/bin/sh -c 'a; b'"), Some((words(&["a", "b"]), true)));
        assert_eq!(read("bash -ec 'a; b' x"), Some((words(&["bash", "-ec", "a; b", "x", "a", "b"]), false)));
        assert_eq!(
            fault(command("app 'x", &Origin::Flag("--command"))),
            "cannot read the command 'app \\'x': a single quote that is opened at character 5 is not closed"
        );
        assert_eq!(fault(command("run $APP", &Origin::Flag("--command"))), "'run $APP' holds the variable '$APP'");
    }
}
