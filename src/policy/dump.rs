//! A [`Policy`] as a harden.toml that loads to the same policy.
//!
//! This module owns the writing of TOML. The order of keys is that of the key table.

use std::fmt::Write as _;

use super::keys::{DATABASES, STARTS};
use super::{CHECK_TIMEOUT, Check, CommandEntry, DATA, Entry, Policy, Run, RunUser, value};
use crate::diag::Origin;
use crate::diag::escape::basic_string as string;

/// The effective policy as TOML, each entry that is not of a file with a comment that says where it is from.
#[must_use]
pub fn dump(policy: &Policy) -> String {
    let mut out = Writer::default();
    out.single("profile", policy.profile.as_deref().map(string));
    out.single("strict", policy.strict.then(|| "true".to_owned()));
    out.single("mode", policy.minimal.on.then(|| string("minimal")));

    out.section("run");
    out.single("user", policy.user.as_ref().map(|user| string(&user_spec(user))));
    out.single("home", policy.home.as_deref().map(string));
    out.single("command", run(&policy.run));
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

    for exception in &policy.audit.exceptions {
        out.heading("[[audit.exception]]");
        out.single("id", Some(string(&exception.id)));
        out.single("path", Some(string(&exception.path)));
        out.single("subject", exception.subject.as_deref().map(string));
        out.single("reason", Some(string(&exception.reason)));
        out.single("expires", exception.expires.as_ref().map(|(text, _)| string(text)));
    }

    for check in &policy.audit.checks {
        out.heading("[[audit.check]]");
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
    for (rule, on) in &policy.rules {
        out.single(&string(rule), Some(string(if *on { "on" } else { "off" })));
    }
    out.text
}

#[derive(Default)]
struct Writer {
    text: String,
    /// A section whose line is not written yet: one without keys is left out.
    pending: Option<&'static str>,
}

impl Writer {
    fn section(&mut self, name: &'static str) {
        self.pending = Some(name);
    }

    fn heading(&mut self, text: &str) {
        let blank = if self.text.is_empty() { "" } else { "\n" };
        self.pending = None;
        let _ = writeln!(self.text, "{blank}{text}");
    }

    fn single(&mut self, key: &str, value: Option<String>) {
        let Some(value) = value else { return };
        if let Some(section) = self.pending.take() {
            let blank = if self.text.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ = writeln!(self.text, "{blank}[{section}]");
        }
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn list(&mut self, key: &str, values: Vec<(String, &Origin)>) {
        if values.is_empty() {
            return;
        }
        let mut text = String::from("[\n");
        for (value, origin) in values {
            let comment = match origin {
                Origin::File(_) => String::new(),
                other => format!("  # {}", other),
            };
            let _ = writeln!(text, "    {value},{comment}");
        }
        text.push(']');
        self.single(key, Some(text));
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

fn run(run: &Run) -> Option<String> {
    match run {
        Run::Unknown => None,
        Run::Nothing => Some(string("none")),
        Run::Commands(commands) => match commands.as_slice() {
            [one] => Some(array(&one.argv)),
            more => Some(format!(
                "[\n{}]",
                more.iter().map(|line| format!("    {},\n", array(&line.argv))).collect::<String>()
            )),
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
