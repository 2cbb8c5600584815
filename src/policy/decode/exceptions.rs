//! `[[audit.exception]]`: findings that are accepted, each with its reason.

use std::ops::Range;

use super::super::Exception;
use super::super::keys::EXCEPTION_KEYS;
use super::super::layer::Layer;
use super::super::value::glob;
use super::{Decoder, Value, list};
use crate::day::Day;
use crate::diag::codes;
use crate::diag::escape::quote;
use crate::diag::suggest::did_you_mean;

const FORM: &str =
    "write [[audit.exception]] and below it id = \"files.setid\", path = \"/usr/bin/x\", reason = \"why\"";

impl Decoder<'_> {
    pub(super) fn exceptions(&mut self, path: &str, value: &Value<'_>, layer: &mut Layer) {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(path, value, "an array of tables", FORM);
            return;
        };
        for item in array {
            let Some(exception) = self.exception(path, item) else { continue };
            if layer.exceptions.iter().any(|other| {
                (&other.id, &other.path, &other.subject) == (&exception.id, &exception.path, &exception.subject)
            }) {
                self.problem(
                    codes::DUPLICATE,
                    &item.span(),
                    format!("{path}: this exception is a duplicate"),
                    "delete one of the two",
                );
            } else {
                layer.exceptions.push(exception);
            }
        }
    }

    fn exception(&mut self, path: &str, value: &Value<'_>) -> Option<Exception> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(path, value, "a table", FORM);
            return None;
        };
        let before = self.problems.len();
        let origin = self.origin(&value.span());
        let empty = String::new;
        let mut exception = Exception {
            id: empty(),
            path: empty(),
            subject: None,
            reason: empty(),
            shared: false,
            expires: None,
            origin,
        };
        for (name, field) in table {
            let at = format!("{path}.{}", name.get_ref());
            if !EXCEPTION_KEYS.iter().any(|(known, _)| *known == name.get_ref()) {
                let known = || EXCEPTION_KEYS.iter().map(|(name, _)| *name);
                let help = match did_you_mean(name.get_ref(), known()) {
                    Some(name) => format!("did you mean {}?", quote(name)),
                    None => format!("the keys of an exception are {}", list(known())),
                };
                let text = format!("{path}: unknown key {} in an exception", quote(name.get_ref()));
                self.problem(codes::UNKNOWN_KEY, &name.span(), text, help);
                continue;
            }
            // TOML has dates of its own.
            let text = match field.get_ref().as_str() {
                Some(text) => text.to_owned(),
                None => match field.get_ref().as_datetime() {
                    Some(date) if name.get_ref() == "expires" => date.to_string(),
                    _ => {
                        self.wrong_type(&at, field, "a string", "write it in double quotes");
                        continue;
                    }
                },
            };
            match name.get_ref().as_ref() {
                "id" if self.is_check(&at, &field.span(), &text) => exception.id = text,
                "id" => {}
                "path" if !text.starts_with('/') => {
                    self.problem(
                        codes::VALUE,
                        &field.span(),
                        format!("{at}: {} is not absolute", quote(&text)),
                        "begin it with '/'",
                    );
                }
                "path" => match glob(&text) {
                    Ok(_) => exception.path = text,
                    Err(fault) => self.problems.push(fault.at(&self.origin(&field.span()), &at)),
                },
                "subject" => exception.subject = Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
                "reason" => text.trim().clone_into(&mut exception.reason),
                _ => match Day::parse(&text) {
                    Some(day) => exception.expires = Some((text, day)),
                    None => {
                        let message = format!("{at}: {} is not a date", quote(&text));
                        self.problem(codes::VALUE, &field.span(), message, "write a date such as 2027-01-31");
                    }
                },
            }
        }
        if self.problems.len() > before {
            return None;
        }
        for (name, text) in [("id", &exception.id), ("path", &exception.path), ("reason", &exception.reason)] {
            if text.is_empty() {
                let help = if name == "reason" { "say why the finding is accepted: reason = \"…\"" } else { FORM };
                self.problem(codes::VALUE, &value.span(), format!("{path}: the exception has no '{name}'"), help);
            }
        }
        (self.problems.len() == before).then_some(exception)
    }

    /// Whether there can be a check of that id.
    pub(super) fn is_check(&mut self, at: &str, span: &Range<usize>, text: &str) -> bool {
        let known = || self.ids.checks.iter().copied();
        // One of [[audit.check]], which another file may have.
        let family = |id: &str| id.split_once('.').map(|(family, _)| family.to_owned());
        let own = family(text).is_some_and(|own| known().all(|check| family(check).as_ref() != Some(&own)));
        if own || known().any(|check| check == text) {
            return true;
        }
        let help = match did_you_mean(text, known()) {
            Some(name) => format!("did you mean {}?", quote(name)),
            None => "correct the id; docs/checks.md lists the checks".to_owned(),
        };
        self.problem(codes::UNKNOWN_CHECK, span, format!("{at}: unknown check {}", quote(text)), help);
        false
    }
}
