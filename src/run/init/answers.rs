//! What `harden apply` would ask of a policy that init has written, and the answers that keep something.
//!
//! A refusal whose help begins with `[keep]` asks whether the image uses what would go. To keep it is always safe, so init
//! writes that line; what no such line settles is left to a person.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Proposals;
use crate::diag::Diagnostic;
use crate::facts::Own;
use crate::pipeline::{self, Source};
use crate::policy::{self, Inputs, Options};
use crate::root::Root;

/// The lists of `[keep]` that a help may name.
pub(super) const LISTS: [&str; 6] = ["commands", "users", "groups", "paths", "setid", "shells"];

/// In the place of a list: a rule that is switched off, which keeps what it would remove.
pub(super) const RULES: &str = "rules";

/// How the help of a refusal begins that keeping settles.
const BEGINNINGS: [&str; 2] = ["write [keep] ", "keep it with [keep] "];

/// The written policy in the place of a file.
struct Written<'a>(&'a str);

/// Its name in messages: the one that it is meant to be saved under.
const NAME: &str = "harden.toml";

impl Inputs for Written<'_> {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let text = self.0.as_bytes();
        if path == Path::new(NAME) {
            return Ok(text.get(..limit).unwrap_or(text).to_vec());
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn stdin(&self, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_path_buf()
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// What a plan of the root by this policy refuses; `None` where that cannot be told.
pub(super) fn refusals(text: &str, options: &Options, root: &str, own: &Own) -> Option<Vec<Diagnostic>> {
    let options = Options {
        root: options.root.clone(),
        config: Some(NAME.into()),
        path: options.path.clone(),
        library_path: options.library_path.clone(),
        environment: options.environment.clone(),
        ..Options::default()
    };
    let mut policy = policy::load(&options, None, &crate::run::known(), &Written(text)).ok()?.policy;
    let root = Root::open(root.as_bytes()).ok()?;
    let tree = root.walk().ok()?;
    let survey = pipeline::survey(Source::root(&root, tree, own), &mut policy).ok()?;
    Some(pipeline::examine(survey, &root, &policy).ok()?.plan.refusals)
}

/// The entries of `[keep]` that settle a refusal; none when something else has to be decided.
pub(super) fn keeps(refusal: &Diagnostic) -> Proposals {
    let mut found = BTreeSet::new();
    let off = refusal.help.strip_prefix("write [rules] \"").and_then(|rest| rest.split_once("\" = \"off\""));
    if let Some((rule, _)) = off {
        found.insert((RULES, rule.to_owned(), refusal.id.to_owned()));
        return found;
    }
    let Some(mut rest) = BEGINNINGS.iter().find_map(|begin| refusal.help.strip_prefix(begin)) else { return found };
    while let Some((list, values, behind)) = list(rest) {
        found.extend(values.into_iter().map(|value| (list, value, refusal.id.to_owned())));
        let Some(next) = behind.strip_prefix(" and ") else { break };
        rest = next.strip_prefix("[keep] ").unwrap_or(next);
    }
    found
}

/// `LIST = ["…", …]` at the beginning of a text: the list, its values, and what follows.
fn list(text: &str) -> Option<(&'static str, Vec<String>, &str)> {
    let list = LISTS.into_iter().find(|list| text.strip_prefix(list).is_some_and(|rest| rest.starts_with(" = [")))?;
    let end = end(text)?;
    let (line, behind) = text.split_at_checked(end)?;
    let table = DeTable::parse(line).ok()?;
    let DeValue::Array(values) = table.get_ref().get(list)?.get_ref() else { return None };
    let values = values.iter().map(|value| match value.get_ref() {
        DeValue::String(value) => Some(value.to_string()),
        _ => None,
    });
    Some((list, values.collect::<Option<_>>()?, behind))
}

/// The place behind the first `]` that stands in no string.
fn end(text: &str) -> Option<usize> {
    let (mut inside, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            ']' if !inside => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::keeps;
    use crate::diag::Diagnostic;

    fn read(help: &str) -> Vec<String> {
        let refusal = Diagnostic::new("guard.x", "x").help(help);
        keeps(&refusal).into_iter().map(|(list, value, why)| format!("{list} {value} {why}")).collect()
    }

    #[test]
    fn a_help_that_keeps_something_is_an_answer() {
        for (help, entries) in [
            ("write [keep] users = [\"sshd\"]", &["users sshd"][..]),
            ("write [keep] users = [\"a\"]: a kept account stays locked", &["users a"]),
            ("write [keep] shells = [\"a\"] and commands = [\"/bin/sh\"]", &["commands /bin/sh", "shells a"]),
            (
                "write [keep] commands = [\"x]\\\"\", \"y\"] if one runs, [remove] commands = [\"z\"] if none does",
                &["commands x]\"", "commands y"],
            ),
            ("keep it with [keep] setid = [\"/a\"] and users = [\"b\"], or declare it", &["setid /a", "users b"]),
            ("write [keep] commands = [\"a\"] and [keep] paths = [\"/b\"]", &["commands a", "paths /b"]),
            ("write [rules] \"remove.cron\" = \"off\", or name the files in [keep] paths", &["rules remove.cron"]),
        ] {
            let entries: Vec<String> = entries.iter().map(|entry| format!("{entry} guard.x")).collect();
            assert_eq!(read(help), entries, "{help}");
        }
    }

    #[test]
    fn what_a_person_has_to_decide_is_none() {
        for help in [
            "",
            "write [keep] from-scripts = true",
            "write [files] writable = [\"/a\"], or [keep] paths = [\"/a\"]",
            "write [keep] commands = [x]",
            "write [keep] commands = [\"x\"",
            "set the owner where the file is copied, or [keep] paths = [\"/a\"] if the run user does not need it",
        ] {
            assert!(read(help).is_empty(), "{help}");
        }
    }
}
