//! `[check]`: commands to run, as strings, arrays in exec form, or tables; and numbers.

use super::super::keys::{CHECK_KEYS, LONGEST_CHECK};
use super::super::layer::Layer;
use super::super::{Check, value};
use super::{Decoder, Value, list};
use crate::diag::codes;
use crate::diag::escape::quote;
use crate::diag::suggest::did_you_mean;

const FORMS: &str =
    "write \"nginx -t\", [\"nginx\", \"-t\"], or { command = [\"nginx\", \"-g\", \"daemon off;\"], tcp = 8080 }";

impl Decoder<'_> {
    pub(super) fn checks(&mut self, path: &str, value: &Value<'_>, layer: &mut Layer) {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(path, value, "an array", "write the checks in brackets, such as [\"nginx -t\"]");
            return;
        };
        for item in array {
            let Some(check) = self.check(path, item) else { continue };
            if layer.checks.iter().any(|other| other.is_same(&check)) {
                self.problem(
                    codes::DUPLICATE,
                    &item.span(),
                    format!("{path}: this check is a duplicate"),
                    "delete one of the two",
                );
            } else {
                layer.checks.push(check);
            }
        }
    }

    fn check(&mut self, path: &str, value: &Value<'_>) -> Option<Check> {
        let mut check =
            Check { argv: Vec::new(), tcp: None, starts: None, timeout: 0, origin: self.origin(&value.span()) };
        let Some(table) = value.get_ref().as_table() else {
            check.argv = self.check_words(path, value)?;
            return Some(check);
        };
        let before = self.problems.len();
        for (name, field) in table {
            let at = format!("{path}.{}", name.get_ref());
            match name.get_ref().as_ref() {
                "command" => check.argv = self.check_words(&at, field).unwrap_or_default(),
                "tcp" => {
                    check.tcp = self.number(&at, field, u16::MAX.into()).and_then(|port| u16::try_from(port).ok());
                }
                "starts" => check.starts = self.number(&at, field, LONGEST_CHECK),
                "timeout" => check.timeout = self.number(&at, field, LONGEST_CHECK).unwrap_or_default(),
                other => {
                    let known = || CHECK_KEYS.iter().map(|(name, _)| *name);
                    let help = match did_you_mean(other, known()) {
                        Some(name) => format!("did you mean {}?", quote(name)),
                        None => format!("the keys of a check are {}", list(known())),
                    };
                    self.problem(
                        codes::UNKNOWN_KEY,
                        &name.span(),
                        format!("{path}: unknown key {} in a check", quote(other)),
                        help,
                    );
                }
            }
        }
        if self.problems.len() > before {
            return None;
        }
        let problem = match (check.tcp, check.starts) {
            (None, None) if check.argv.is_empty() => "the check has neither 'command' nor 'tcp' nor 'starts'",
            (Some(_), Some(_)) => "the check has both 'tcp' and 'starts', and either one waits for the program",
            _ => return Some(check),
        };
        self.problem(codes::VALUE, &value.span(), format!("{path}: {problem}"), FORMS);
        None
    }

    fn check_words(&mut self, path: &str, value: &Value<'_>) -> Option<Vec<String>> {
        if let Some(text) = value.get_ref().as_str() {
            return value::check(text).map_err(|fault| self.fault(&value.span(), path, fault)).ok();
        }
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(path, value, "a command", FORMS);
            return None;
        };
        let mut words = Vec::new();
        for item in array {
            match item.get_ref().as_str() {
                Some(word) => words.push(word.to_owned()),
                None => {
                    self.wrong_type(path, item, "a string", "write each word in double quotes");
                    return None;
                }
            }
        }
        value::check_words(words).map_err(|fault| self.fault(&value.span(), path, fault)).ok()
    }

    /// A whole number from 1 to `most`.
    pub(super) fn number(&mut self, path: &str, value: &Value<'_>, most: u32) -> Option<u32> {
        let help = format!("write a number from 1 to {most}, without quotes");
        let Some(number) = value.get_ref().as_integer() else {
            self.wrong_type(path, value, "a number", &help);
            return None;
        };
        let read = u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|read| (1..=most).contains(read));
        if read.is_none() {
            self.problem(
                codes::VALUE,
                &value.span(),
                format!("{path}: {} is out of range", quote(number.as_str())),
                help,
            );
        }
        read
    }
}
