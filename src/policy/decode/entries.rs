//! Lists of entries: strings and `{ name or path, reason, optional }`, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::keys::Item;
use super::super::layer::Layer;
use super::super::{CommandEntry, Entry, value};
use super::{Decoder, Source, Value, list};
use crate::diag::codes;
use crate::diag::escape::quote;
use crate::diag::suggest::did_you_mean;

impl Decoder<'_> {
    pub(super) fn commands(&mut self, path: &str, value: &Value<'_>, layer: &mut Layer) {
        for raw in self.raw_entries(path, value, "setid") {
            match value::pattern(&raw.text) {
                Ok(pattern) => layer.keep_commands.push(CommandEntry {
                    pattern,
                    text: raw.text,
                    reason: raw.reason,
                    optional: raw.optional,
                    setid: raw.setid,
                    origin: self.origin(&raw.span),
                }),
                Err(fault) => self.fault(&raw.span, path, fault),
            }
        }
    }

    pub(super) fn entries(&mut self, path: &str, value: &Value<'_>, item: Item) -> Vec<Entry> {
        let check = match item {
            Item::Account => value::account,
            Item::Path => value::literal_path,
            Item::Command => value::command_name,
            Item::Package => value::package,
            Item::File => value::file,
            Item::Extended | Item::Check => |text: &str| value::text(text).map(str::to_owned),
        };
        let mut entries: Vec<Entry> = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        let more = if path == "keep.paths" { "change" } else { "" };
        for raw in self.raw_entries(path, value, more) {
            let origin = self.origin(&raw.span);
            match check(&raw.text) {
                // Two spellings of one path; equal texts were found before.
                Ok(value) if !known.insert(value.clone()) => {
                    self.problem(
                        codes::DUPLICATE,
                        &raw.span,
                        format!("{path}: {} is a duplicate", quote(&value)),
                        "delete one of the two",
                    );
                }
                Ok(value) if item == Item::Check && !self.is_check(path, &raw.span, &value) => {}
                Ok(value) => entries.push(Entry {
                    value,
                    reason: raw.reason,
                    optional: raw.optional,
                    change: raw.change,
                    origin,
                }),
                Err(fault) => self.fault(&raw.span, path, fault),
            }
        }
        entries
    }

    /// A list of strings and tables, each text once.
    fn raw_entries(&mut self, path: &str, value: &Value<'_>, more: &'static str) -> Vec<Raw> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(path, value, "an array", "write the entries in brackets, such as [\"one\", \"two\"]");
            return Vec::new();
        };
        let mut entries: Vec<Raw> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for item in array {
            let Some(raw) = self.raw_entry(path, item, more) else { continue };
            if let Some(&first) = known.get(&raw.text) {
                let (line, _) = self.written.position(first);
                let message = format!("{path}: {} is already in line {line}", quote(&raw.text));
                self.problem(codes::DUPLICATE, &raw.span, message, "delete one of the two");
            } else {
                known.insert(raw.text.clone(), raw.span.start);
                entries.push(raw);
            }
        }
        entries
    }

    fn raw_entry(&mut self, path: &str, value: &Value<'_>, more: &'static str) -> Option<Raw> {
        let always = matches!(self.source, Source::Profile(_));
        if let Some(text) = value.get_ref().as_str() {
            return Some(Raw {
                text: text.to_owned(),
                span: value.span(),
                reason: None,
                optional: always,
                setid: None,
                change: false,
            });
        }
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(
                path,
                value,
                "a string",
                "write a name in double quotes, or { name = \"…\", reason = \"…\" }",
            );
            return None;
        };
        let (mut text, mut reason, mut optional, mut setid, mut change) = (None, None, always, None, false);
        let mut fine = true;
        for (name, field) in table {
            let at = format!("{path}.{}", name.get_ref());
            match name.get_ref().as_ref() {
                "name" | "path" if text.is_some() => {
                    self.problem(
                        codes::VALUE,
                        &name.span(),
                        format!("{path}: an entry has both 'name' and 'path'"),
                        "delete one of the two",
                    );
                    fine = false;
                }
                "name" | "path" => match field.get_ref().as_str() {
                    Some(value) => text = Some((value.to_owned(), field.span())),
                    None => {
                        self.wrong_type(&at, field, "a string", "write one value in double quotes");
                        fine = false;
                    }
                },
                "reason" => reason = self.string(&at, field, |text| value::text(text).map(str::to_owned)),
                "optional" => optional = self.switch(&at, field).unwrap_or(optional) || always,
                "setid" if more == "setid" => setid = self.switch(&at, field),
                "change" if more == "change" => change = self.switch(&at, field).unwrap_or(change),
                other => {
                    let known = ["name", "path", "reason", "optional", more];
                    let known = if more.is_empty() { known.get(..4).unwrap_or(&[]) } else { known.as_slice() };
                    let help = match did_you_mean(other, known.iter().copied()) {
                        Some(name) => format!("did you mean {}?", quote(name)),
                        None => format!("the keys of an entry are {}", list(known.iter().copied())),
                    };
                    self.problem(
                        codes::UNKNOWN_KEY,
                        &name.span(),
                        format!("{path}: unknown key {} in an entry", quote(other)),
                        help,
                    );
                    fine = false;
                }
            }
        }
        if text.is_none() && fine {
            self.problem(
                codes::VALUE,
                &value.span(),
                format!("{path}: the entry has neither 'name' nor 'path'"),
                "write { name = \"…\" }",
            );
        }
        text.map(|(text, span)| Raw { text, span, reason, optional, setid, change })
    }
}

/// One entry as it was written.
struct Raw {
    text: String,
    span: Range<usize>,
    reason: Option<String>,
    optional: bool,
    setid: Option<bool>,
    change: bool,
}
