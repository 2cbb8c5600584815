//! A [`Policy`] as a harden.toml that loads to the same policy.
//!
//! This module owns the writing of TOML. The order of keys is that of the key table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::keys::{DATABASES, STARTS, SWITCHES};
use super::{CHECK_TIMEOUT, Check, CommandEntry, DATA, Entry, Policy, Run, RunUser, value};
use crate::diag::Origin;
use crate::diag::escape::basic_string as string;

/// The effective policy as TOML, each value with a comment that says where it was written. A file that was extended is
/// part of it.
#[must_use]
pub fn dump(policy: &Policy) -> String {
    let mut out = Writer { origins: Some(&policy.origins), ..Writer::default() };
    out.single("profile", policy.profile.as_deref().map(string));
    out.single("strict", policy.strict.then(|| "true".to_owned()));
    out.single("mode", policy.minimal.on.then(|| string("minimal")));

    out.section("run");
    out.single("user", policy.user.as_ref().map(|user| string(&user_spec(user))));
    out.single("home", policy.home.as_deref().map(string));
    run(&mut out, &policy.run);
    out.single("start", name_of(STARTS, policy.start));
    out.single("workdir", policy.workdir.as_deref().map(string));
    out.single("path", Some(array(&policy.path)));
    out.single("volumes", Some(array(&policy.volumes)).filter(|_| !policy.volumes.is_empty()));

    out.section("keep");
    let commands = policy.keep.commands.iter().map(|entry| (command_entry(entry), &entry.origin)).collect();
    out.list("commands", commands);
    out.entries("users", "name", &policy.keep.users);
    out.entries("groups", "name", &policy.keep.groups);
    out.entries("paths", "path", &policy.keep.paths);
    out.entries("setid", "path", &policy.keep.setid);
    out.entries("shells", "name", &policy.keep.shells);
    out.single("from-scripts", policy.keep.from_scripts.then(|| "true".to_owned()));

    out.section("remove");
    out.entries("commands", "name", &policy.remove.commands);
    out.entries("directories", "path", &policy.remove.directories);
    out.single("language-managers", policy.remove.language_managers.then(|| "true".to_owned()));

    out.section("files");
    out.entries("read-only", "path", &policy.files.read_only);
    out.entries("writable", "path", &policy.files.writable);
    out.single("openshift", policy.files.openshift.then(|| "true".to_owned()));

    out.section("programs");
    out.entries("files", "path", &policy.program_files);

    out.section("packages");
    out.single("database", name_of(DATABASES, policy.database));

    out.section("minimal");
    out.single("granularity", policy.minimal.files.then(|| string("file")));
    out.entries("packages", "name", &policy.minimal.packages);
    out.entries("drop", "name", &policy.minimal.drop);
    for ((name, _), wanted) in DATA.iter().zip(policy.minimal.data) {
        out.single(name, wanted.map(|on| on.to_string()));
    }

    out.section("check");
    let checks = policy.checks.iter().map(|check| (check_entry(check), &check.origin)).collect();
    out.list("commands", checks);

    out.section("audit");
    out.entries("required", "name", &policy.audit.required);

    for exception in &policy.audit.exceptions {
        out.heading("[[audit.exception]]", &exception.origin);
        out.single("id", Some(string(&exception.id)));
        out.single("path", Some(string(&exception.path)));
        out.single("subject", exception.subject.as_deref().map(string));
        out.single("reason", Some(string(&exception.reason)));
        out.single("expires", exception.expires.as_ref().map(|(text, _)| string(text)));
    }

    for check in &policy.audit.checks {
        out.heading("[[audit.check]]", &check.origin);
        out.single("id", Some(string(&check.id)));
        out.single("severity", Some(string(check.severity.name())));
        out.single("title", Some(string(&check.title)));
        out.single("help", Some(&check.help).filter(|help| !help.is_empty()).map(|help| string(help)));
        let paths: Vec<String> = check.paths.iter().map(|path| string(path)).collect();
        out.single("paths", (!paths.is_empty()).then(|| format!("[{}]", paths.join(", "))));
        out.single("presence", check.presence.map(|presence| string(presence.name())));
        out.single("type", check.kind.map(|kind| string(kind.name())));
        let owner = check.owner.as_ref();
        out.single(
            "owner",
            owner.map(|(user, group)| {
                string(&group.as_ref().map_or_else(|| user.clone(), |group| format!("{user}:{group}")))
            }),
        );
        out.single("mode", check.mode.map(|mode| string(&format!("{mode:04o}"))));
        out.single("contains", check.contains.as_deref().map(string));
        out.single("lacks", check.lacks.as_deref().map(string));
        out.single("package", check.package.as_deref().map(string));
    }

    out.section("rules");
    for switch in &policy.rules {
        let word = SWITCHES.iter().find(|(_, state)| *state == (switch.on, switch.required)).map(|(word, _)| *word);
        out.line(&string(&switch.rule), word.map(string), Some(&switch.origin));
    }
    out.text
}

#[derive(Default)]
struct Writer<'a> {
    text: String,
    section: &'static str,
    /// The line of the section is not written yet: one without keys is left out.
    pending: bool,
    /// Where each single value was written.
    origins: Option<&'a BTreeMap<String, Origin>>,
}

impl Writer<'_> {
    fn section(&mut self, name: &'static str) {
        (self.section, self.pending) = (name, true);
    }

    fn heading(&mut self, text: &'static str, origin: &Origin) {
        let blank = if self.text.is_empty() { "" } else { "\n" };
        (self.section, self.pending) = (text, false);
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{blank}{text}  # {origin}");
    }

    fn single(&mut self, key: &str, value: Option<String>) {
        let path = if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) };
        let origin = self.origins.and_then(|origins| origins.get(path.as_str()));
        self.line(key, value, origin);
    }

    fn line(&mut self, key: &str, value: Option<String>, origin: Option<&Origin>) {
        let Some(value) = value else { return };
        if std::mem::take(&mut self.pending) {
            let blank = if self.text.is_empty() { "" } else { "\n" };
            let _ = writeln!(self.text, "{blank}[{}]", self.section);
        }
        let comment = origin.map_or_else(String::new, |origin| format!("  # {origin}"));
        let _ = writeln!(self.text, "{key} = {value}{comment}");
    }

    fn list(&mut self, key: &str, values: Vec<(String, &Origin)>) {
        if values.is_empty() {
            return;
        }
        let lines = values.iter().map(|(value, origin)| format!("    {value},  # {origin}\n"));
        self.line(key, Some(format!("[\n{}]", lines.collect::<String>())), None);
    }

    fn entries(&mut self, key: &str, field: &str, entries: &[Entry]) {
        let values = entries.iter().map(|entry| {
            let text = table(
                field,
                &entry.value,
                entry.reason.as_deref(),
                entry.optional,
                entry.change.then_some(("change", true)),
            );
            (text, &entry.origin)
        });
        self.list(key, values.collect());
    }
}

fn command_entry(entry: &CommandEntry) -> String {
    table("name", &entry.text, entry.reason.as_deref(), entry.optional, entry.setid.map(|setid| ("setid", setid)))
}

fn check_entry(check: &Check) -> String {
    let words = array(&check.argv);
    if check.tcp.is_none() && check.starts.is_none() && check.timeout == CHECK_TIMEOUT {
        return words;
    }
    let tcp = check.tcp.map_or_else(String::new, |port| format!(", tcp = {port}"));
    let starts = check.starts.map_or_else(String::new, |seconds| format!(", starts = {seconds}"));
    format!("{{ command = {words}{tcp}{starts}, timeout = {} }}", check.timeout)
}

fn table(field: &str, text: &str, reason: Option<&str>, optional: bool, more: Option<(&str, bool)>) -> String {
    if reason.is_none() && !optional && more.is_none() {
        return string(text);
    }
    let mut out = format!("{{ {field} = {}", string(text));
    if let Some(reason) = reason {
        let _ = write!(out, ", reason = {}", string(reason));
    }
    if optional {
        out.push_str(", optional = true");
    }
    if let Some((key, value)) = more {
        let _ = write!(out, ", {key} = {value}");
    }
    out.push_str(" }");
    out
}

fn user_spec(user: &RunUser) -> String {
    let parts = match user {
        RunUser::Named { name, uid, gid } => {
            [Some(name.clone()), uid.map(|id| id.to_string()), gid.map(|id| id.to_string())]
        }
        RunUser::Numeric { uid, gid } => [Some(uid.to_string()), gid.map(|id| id.to_string()), None],
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(":")
}

fn run(out: &mut Writer<'_>, run: &Run) {
    match run {
        Run::Unknown => {}
        Run::Nothing => out.single("command", Some(string("none"))),
        Run::Commands(commands) => match commands.as_slice() {
            [one] => out.line("command", Some(array(&one.argv)), Some(&one.origin)),
            more => out.list("command", more.iter().map(|line| (array(&line.argv), &line.origin)).collect()),
        },
    }
}

fn name_of<T: PartialEq>(names: &[(&str, T)], value: T) -> Option<String> {
    names.iter().find(|(_, other)| *other == value).map(|(name, _)| string(name))
}

fn array(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| string(value)).collect::<Vec<_>>().join(", "))
}

/// The text that a regular expression was written as; for tests of equality.
#[must_use]
pub fn pattern_text(pattern: &super::Pattern) -> String {
    match pattern {
        super::Pattern::Name(text) | super::Pattern::Path(text) => text.clone(),
        super::Pattern::Glob(glob) => glob.text().to_owned(),
        super::Pattern::Regex(regex) => format!("re:{}", value::expression(regex)),
    }
}
