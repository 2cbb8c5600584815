//! `[[audit.check]]`: checks of one's own, without code.

use regex::bytes::RegexBuilder;

use super::super::OwnCheck;
use super::super::keys::OWN_CHECK_KEYS;
use super::super::layer::Layer;
use super::super::own::{Kind, Presence};
use super::super::value::glob;
use super::{Decoder, Value, list};
use crate::diag::codes;
use crate::diag::escape::quote;
use crate::diag::severity::Severity;
use crate::diag::suggest::did_you_mean;

const FORM: &str = "write [[audit.check]] and below it id = \"org.no-debug\", severity = \"high\", title = \"no debug server\", \
    paths = [\"/usr/bin/gdbserver\"], presence = \"forbidden\"";

/// Largest compiled pattern, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

impl Decoder<'_> {
    pub(super) fn own_checks(&mut self, path: &str, value: &Value<'_>, layer: &mut Layer) {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(path, value, "an array of tables", FORM);
            return;
        };
        for item in array {
            let Some(check) = self.own_check(path, item) else { continue };
            if layer.own_checks.iter().any(|other| other.id == check.id) {
                let text = format!("{path}: the check {} is a duplicate", quote(&check.id));
                self.problem(codes::DUPLICATE, &item.span(), text, "delete one of the two");
            } else {
                layer.own_checks.push(check);
            }
        }
    }

    fn own_check(&mut self, path: &str, value: &Value<'_>) -> Option<OwnCheck> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(path, value, "a table", FORM);
            return None;
        };
        let before = self.problems.len();
        let mut check = OwnCheck::at(self.origin(&value.span()));
        let mut severity = None;
        for (name, field) in table {
            let at = format!("{path}.{}", name.get_ref());
            let known = || OWN_CHECK_KEYS.iter().map(|(name, _)| *name);
            if !known().any(|key| key == name.get_ref()) {
                let help = match did_you_mean(name.get_ref(), known()) {
                    Some(name) => format!("did you mean {}?", quote(name)),
                    None => format!("the keys of a check are {}", list(known())),
                };
                let text = format!("{path}: unknown key {} in a check", quote(name.get_ref()));
                self.problem(codes::UNKNOWN_KEY, &name.span(), text, help);
                continue;
            }
            if name.get_ref() == "paths" {
                check.paths = self.patterns(&at, field);
                continue;
            }
            let Some(text) = field.get_ref().as_str().map(|text| text.trim().to_owned()) else {
                self.wrong_type(&at, field, "a string", "write it in double quotes");
                continue;
            };
            let wrong = |what: &str| format!("{at}: {} is not {what}", quote(&text));
            let fault = match name.get_ref().as_ref() {
                "id" => {
                    let help = match self.own_id(&text) {
                        Ok(()) => None,
                        Err(help) => Some((wrong("an id for a check of your own"), help)),
                    };
                    check.id.clone_from(&text);
                    help
                }
                "severity" => {
                    severity = Severity::ALL.into_iter().find(|severity| severity.name() == text);
                    severity.is_none().then(|| (wrong("a severity"), "write info, low, medium or high"))
                }
                "title" => {
                    check.title.clone_from(&text);
                    None
                }
                "help" => {
                    check.help.clone_from(&text);
                    None
                }
                "presence" => {
                    check.presence = Presence::parse(&text);
                    check.presence.is_none().then(|| (wrong("a presence"), "write required or forbidden"))
                }
                "type" => {
                    check.kind = Kind::parse(&text);
                    check
                        .kind
                        .is_none()
                        .then(|| (wrong("a type"), "write file, directory, link, device, fifo or socket"))
                }
                "mode" => {
                    let digits = text.strip_prefix("0o").unwrap_or(&text);
                    check.mode =
                        u32::from_str_radix(digits, 8).ok().filter(|&mode| mode <= 0o7777 && digits.len() <= 5);
                    check
                        .mode
                        .is_none()
                        .then(|| (wrong("a mode"), "write the bits that are allowed, in octal: \"0644\""))
                }
                "owner" => {
                    let sound = |part: &str| !part.is_empty() && !part.contains([':', ' ']);
                    let (user, group) =
                        text.split_once(':').map_or((&*text, None), |(user, group)| (user, Some(group)));
                    let fine = sound(user) && group.is_none_or(sound);
                    check.owner = fine.then(|| (user.to_owned(), group.map(str::to_owned)));
                    (!fine).then(|| (wrong("an owner"), "write USER or USER:GROUP, names or numbers"))
                }
                "package" => match glob(&text) {
                    Ok(_) => {
                        check.package = Some(text.clone());
                        None
                    }
                    Err(_) => {
                        Some((wrong("a pattern"), "write the name of a package, or a pattern such as \"openssh-*\""))
                    }
                },
                key => {
                    let built =
                        RegexBuilder::new(&text).unicode(false).multi_line(true).size_limit(LARGEST_PATTERN).build();
                    let fault = built
                        .is_err()
                        .then(|| (wrong("a regular expression"), "correct it: docs.rs/regex has the syntax"));
                    let slot = if key == "contains" { &mut check.contains } else { &mut check.lacks };
                    *slot = Some(text.clone());
                    fault
                }
            };
            if let Some((text, help)) = fault {
                self.problem(codes::VALUE, &field.span(), text, help);
            }
        }
        if self.problems.len() > before {
            return None;
        }
        for (name, missing) in [
            ("id", check.id.is_empty()),
            ("title", check.title.is_empty()),
            ("severity", severity.is_none()),
            ("paths' or 'package", check.paths.is_empty() && check.package.is_none()),
        ] {
            if missing {
                self.problem(codes::VALUE, &value.span(), format!("{path}: the check has no '{name}'"), FORM);
            }
        }
        check.severity = severity.unwrap_or_default();
        if check.asks_nothing() {
            let help = "add presence, type, owner, mode, contains or lacks";
            self.problem(codes::VALUE, &value.span(), format!("{path}: the check asks nothing of its paths"), help);
        }
        (self.problems.len() == before).then_some(check)
    }

    fn patterns(&mut self, at: &str, field: &Value<'_>) -> Vec<String> {
        let Some(array) = field.get_ref().as_array() else {
            self.wrong_type(at, field, "an array of paths", "write paths = [\"/etc/app/*\"]");
            return Vec::new();
        };
        let mut paths = Vec::new();
        for item in array {
            match item.get_ref().as_str() {
                Some(text) if text.starts_with('/') => match glob(text) {
                    Ok(_) => paths.push(text.to_owned()),
                    Err(fault) => self.fault(&item.span(), at, fault),
                },
                Some(text) => {
                    let text = format!("{at}: {} is not absolute", quote(text));
                    self.problem(codes::VALUE, &item.span(), text, "begin it with '/'");
                }
                None => self.wrong_type(at, item, "a string", "write it in double quotes"),
            }
        }
        paths
    }

    /// `FAMILY.NAME`, the family none of those that are built in.
    fn own_id(&self, id: &str) -> Result<(), &'static str> {
        let sound = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let Some((family, _)) = id.split_once('.').filter(|_| id.split('.').all(sound)) else {
            return Err("write FAMILY.NAME in lower case, such as org.no-debug");
        };
        let built_in = |known: &&str| known.split('.').next() == Some(family);
        if self.ids.checks.iter().any(built_in) {
            return Err("choose another family: harden's own checks use this one");
        }
        Ok(())
    }
}
