//! harden.toml → [`Layer`]: every problem of the text at once, each with its place.
//!
//! This module owns the walk over the parsed text. `value` has the meaning of a value, `keys` the list of keys.

mod checks;
mod entries;
mod exceptions;
mod own_checks;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, AUTO, DATABASES, KEYS, Key, Kind, RULES, SECTIONS, STARTS, SWITCHES};
use super::layer::Layer;
use super::value::{self, Fault};
use super::{Known, Switch};
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::suggest::did_you_mean;
use crate::diag::{Diagnostic, Help, Place, codes, place};

/// Where the text comes from: it decides what entries say about their origin.
pub(super) enum Source<'a> {
    /// A file, by the path that the user gave.
    File(&'a str),
    /// A built-in profile: all entries are optional.
    Profile(&'a str),
}

/// A file with more broken lines than this is no harden.toml; the rest would only bury the first ones.
const MOST_SYNTAX_ERRORS: usize = 20;

/// Most errors of one text that are printed.
const MOST_PROBLEMS: usize = 200;

type Value<'i> = Spanned<DeValue<'i>>;

/// Reads one text. What could be read is returned even when there are problems.
pub(super) fn decode(text: &str, source: &Source<'_>, ids: &Known, problems: &mut Vec<Diagnostic>) -> Layer {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (Source::File(path) | Source::Profile(path)) = *source;
    let written = place::Source::new(path, text);
    let mut decoder = Decoder { text, source, written, ids, problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut broken: BTreeSet<usize> = BTreeSet::new();
    let mut layer = Layer::default();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let (line, _) = decoder.written.position(span.start);
        // One slip makes the parser stumble again on the same line.
        if broken.insert(line) && broken.len() <= MOST_SYNTAX_ERRORS {
            decoder.syntax(error.message(), span);
        }
    }
    let syntax = std::mem::take(&mut decoder.problems);
    decoder.document(table.get_ref(), &mut layer);
    // What the parser made of a broken line is not what the user wrote; nor is the section that the keys below a broken
    // header come to.
    let is_header =
        |line: usize| text.lines().nth(line.saturating_sub(1)).is_some_and(|line| line.trim_start().starts_with('['));
    let headless = broken.iter().any(|&line| is_header(line));
    decoder.problems.retain(|problem| {
        let on_broken = matches!(&problem.origin, Some(Origin::File(place)) if broken.contains(&place.line()));
        !(on_broken || headless && problem.id == codes::UNKNOWN_KEY)
    });
    let mut found = syntax;
    found.append(&mut decoder.problems);
    let found = in_order(found);
    let more = found.len().saturating_sub(MOST_PROBLEMS);
    let next = found.get(MOST_PROBLEMS).map(|problem| {
        let help = "correct the ones above, and run harden again";
        Diagnostic {
            id: problem.id,
            origin: problem.origin.clone(),
            text: format!("and {more} more errors from here on"),
            help: help.into(),
        }
    });
    problems.extend(found.into_iter().take(MOST_PROBLEMS).chain(next));
    layer
}

/// Problems by line and column; those of one place stay in the order they were found in.
fn in_order(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|problem| match &problem.origin {
        Some(Origin::File(place)) => (place.line(), place.column()),
        _ => (0, 0),
    });
    found
}

struct Decoder<'a> {
    text: &'a str,
    source: &'a Source<'a>,
    /// Path and text, for the places of entries.
    written: Arc<place::Source>,
    ids: &'a Known,
    problems: Vec<Diagnostic>,
}

/// What to write instead of a line that is not TOML.
const SYNTAX_HELP: &str = "correct the line; examples: user = \"app\", users = [\"one\", \"two\"], [run]";

impl Decoder<'_> {
    fn origin(&self, span: &Range<usize>) -> Origin {
        match self.source {
            Source::File(_) => Origin::File(Place::of(&self.written, span.clone())),
            Source::Profile(name) => Origin::Profile((*name).to_owned()),
        }
    }

    fn problem(&mut self, id: &'static str, span: &Range<usize>, text: impl Into<String>, help: impl Into<Help>) {
        self.problems.push(Diagnostic::at(id, &self.origin(span), text).help(help));
    }

    fn fault(&mut self, span: &Range<usize>, subject: &str, fault: Fault) {
        self.problems.push(fault.at(&self.origin(span), subject));
    }

    fn syntax(&mut self, message: &str, span: Range<usize>) {
        if message.starts_with("duplicate key") {
            let name = self.text.get(span.clone()).unwrap_or("").trim().to_owned();
            self.problem(
                codes::DUPLICATE,
                &span,
                format!("duplicate key {}", quote(&name)),
                "delete one of the two; of two lists, write all entries into one",
            );
        } else {
            self.problem(codes::SYNTAX, &span, format!("not valid TOML: {message}"), SYNTAX_HELP);
        }
    }

    fn document(&mut self, table: &DeTable<'_>, layer: &mut Layer) {
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            if let Some(key) = KEYS.iter().find(|key| key.section.is_empty() && key.name == text) {
                self.key(key, value, layer);
            } else if text == RULES {
                if let Some(rules) = self.table(text, value) {
                    self.rules("", rules, layer);
                }
            } else if SECTIONS.iter().any(|(section, _)| *section == text) {
                if let Some(section) = self.table(text, value) {
                    self.section(text, section, layer);
                }
            } else {
                self.unknown_top(text, &name.span());
            }
        }
    }

    fn unknown_top(&mut self, text: &str, span: &Range<usize>) {
        let sections = SECTIONS.iter().map(|(name, _)| *name);
        let known: Vec<&str> = keys::names("").chain(sections).collect();
        let help = if let Some(name) = did_you_mean(text, known.iter().copied()) {
            format!("did you mean {}?", quote(name))
        } else if let Some(key) = KEYS.iter().find(|key| key.name == text) {
            format!("{} belongs to [{}]", quote(text), key.section)
        } else {
            format!("the sections are {}", list(SECTIONS.iter().map(|(name, _)| *name)))
        };
        self.problem(codes::UNKNOWN_KEY, span, format!("unknown key {}", quote(text)), help);
    }

    fn table<'t, 'i>(&mut self, name: &str, value: &'t Value<'i>) -> Option<&'t DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(
                name,
                value,
                "a table",
                &format!("write [{name}] on a line of its own, and its keys below"),
            );
        }
        table
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>, layer: &mut Layer) {
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            if let Some(key) = KEYS.iter().find(|key| key.section == section && key.name == text) {
                self.key(key, value, layer);
                continue;
            }
            let help = if let Some(known) = did_you_mean(text, keys::names(section)) {
                format!("did you mean {}?", quote(known))
            } else if let Some(key) = KEYS.iter().find(|key| key.name == text && key.section.is_empty()) {
                format!("{} belongs above the first section", quote(key.name))
            } else if let Some(key) = KEYS.iter().find(|key| key.name == text) {
                format!("{} belongs to [{}]", quote(text), key.section)
            } else {
                format!("the keys of [{section}] are {}", list(keys::names(section)))
            };
            self.problem(codes::UNKNOWN_KEY, &name.span(), format!("unknown key {} in [{section}]", quote(text)), help);
        }
    }

    /// `[rules]`; an id without quotes reads as tables in tables, which means the same here.
    fn rules(&mut self, before: &str, table: &DeTable<'_>, layer: &mut Layer) {
        for (name, value) in table {
            let id = format!("{before}{}", name.get_ref());
            if let Some(inner) = value.get_ref().as_table() {
                self.rules(&format!("{id}."), inner, layer);
                continue;
            }
            if let Some(fault) = unknown_rule(&id, &self.ids.rules) {
                self.fault(&name.span(), "", fault);
                continue;
            }
            if let Some((on, required)) = self.choice(&format!("rules.\"{id}\""), value, SWITCHES) {
                // One id, with and without quotes: the last counts.
                layer.rules.retain(|other| other.rule != id);
                layer.rules.push(Switch { rule: id, on, required, origin: self.origin(&name.span()) });
            }
        }
    }

    fn key(&mut self, key: &Key, value: &Value<'_>, layer: &mut Layer) {
        let path = key.path();
        let origin = self.origin(&value.span());
        match &key.kind {
            Kind::Profile => {
                if let Some(name) = self.string(&path, value, super::profile::check) {
                    layer.profile = Some((name, origin));
                }
            }
            Kind::User => {
                if let Some(user) = self.string(&path, value, value::user) {
                    layer.user = Some((user, origin));
                }
            }
            Kind::Path(slot) => {
                if let Some(text) = self.string(&path, value, value::literal_path) {
                    *slot(layer) = Some((text, origin));
                }
            }
            Kind::Switch(slot) => match value.get_ref().as_bool() {
                Some(on) => *slot(layer) = Some((on, origin)),
                None => self.wrong_type(&path, value, "true or false", "write true or false, without quotes"),
            },
            Kind::Word(words, slot) => {
                if let Some(on) = self.choice(&path, value, words) {
                    *slot(layer) = Some((on, origin));
                }
            }
            Kind::Data(at) => {
                let found = match (value.get_ref().as_bool(), value.get_ref().as_str()) {
                    (Some(on), _) => Some(Some(on)),
                    (None, Some(_)) => self.choice(&path, value, AUTO).map(|()| None),
                    (None, None) => {
                        self.wrong_type(&path, value, "true, false or \"auto\"", "write true, false or \"auto\"");
                        None
                    }
                };
                if let (Some(found), Some(slot)) = (found, layer.data.get_mut(*at)) {
                    *slot = Some((found, origin));
                }
            }
            Kind::Start => {
                if let Some(start) = self.choice(&path, value, STARTS) {
                    layer.start = Some((start, origin));
                }
            }
            Kind::Database => {
                if let Some(database) = self.choice(&path, value, DATABASES) {
                    layer.database = Some((database, origin));
                }
            }
            Kind::PathList => {
                if let Some(directories) = self.directories(&path, value, true) {
                    match value::path_list(directories.iter().map(String::as_str)) {
                        Ok(list) => layer.path = Some((list, origin)),
                        Err(fault) => self.problems.push(fault.at(&origin, &path)),
                    }
                }
            }
            Kind::Volumes => layer.volumes = self.directories(&path, value, false).unwrap_or_default(),
            Kind::Command => self.command(&path, value, layer),
            Kind::Commands => self.commands(&path, value, layer),
            Kind::Checks => self.checks(&path, value, layer),
            Kind::Exceptions => self.exceptions(&path, value, layer),
            Kind::OwnChecks => self.own_checks(&path, value, layer),
            Kind::Number(most, slot) => {
                if let Some(number) = self.number(&path, value, *most) {
                    *slot(layer) = Some((number, origin));
                }
            }
            Kind::List(item, slot) => {
                let entries = self.entries(&path, value, *item);
                *slot(layer) = entries;
            }
        }
    }

    fn string<T>(&mut self, path: &str, value: &Value<'_>, check: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(path, value, "a string", "write one value in double quotes");
            return None;
        };
        check(text).map_err(|fault| self.fault(&value.span(), path, fault)).ok()
    }

    fn choice<T: Copy>(&mut self, path: &str, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| *name);
        let all = either(&names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>());
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(path, value, &all, &format!("write {all}"));
            return None;
        };
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if found.is_none() {
            // They are few, and the nearest one may say the opposite: "of" is as near to "on" as to "off".
            let help = format!("write {all}");
            self.problem(codes::VALUE, &value.span(), format!("{path}: unknown value {}", quote(text)), help);
        }
        found
    }

    fn directories(&mut self, path: &str, value: &Value<'_>, colons: bool) -> Option<Vec<String>> {
        if let Some(text) = value.get_ref().as_str().filter(|_| colons) {
            let parts =
                text.split(':').map(|part| value::path(part).map_err(|fault| self.fault(&value.span(), path, fault)));
            return parts.collect::<Result<_, _>>().ok();
        }
        let Some(array) = value.get_ref().as_array() else {
            let colons = if colons { ", or one string with colons" } else { "" };
            self.wrong_type(path, value, "an array", &format!("write an array of absolute paths{colons}"));
            return None;
        };
        let read: Vec<Option<String>> = array.iter().map(|item| self.string(path, item, value::literal_path)).collect();
        read.into_iter().collect()
    }

    fn command(&mut self, path: &str, value: &Value<'_>, layer: &mut Layer) {
        let origin = self.origin(&value.span());
        if let Some(text) = value.get_ref().as_str() {
            if text.trim() == "none" {
                layer.nothing = Some(origin);
            } else {
                match value::command(text, &origin) {
                    Ok(line) => layer.commands.push(line),
                    Err(fault) => self.fault(&value.span(), path, fault),
                }
            }
            return;
        }
        const FORMS: &str = "write a string, an array in exec form such as [\"dotnet\", \"/app/MyApp.dll\"], or an array of such arrays";
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(path, value, "a command", FORMS);
            return;
        };
        if array.is_empty() {
            self.problem(
                codes::VALUE,
                &value.span(),
                format!("{path}: the command is empty"),
                "write the command that the image runs, or \"none\" for a base image",
            );
            return;
        }
        if !array.iter().any(|item| item.get_ref().is_array()) {
            self.exec(path, value, layer);
            return;
        }
        for item in array {
            if item.get_ref().is_array() {
                self.exec(path, item, layer);
            } else {
                self.wrong_type(path, item, "an array", "in an array of arrays each command is an array of words");
            }
        }
    }

    fn exec(&mut self, path: &str, value: &Value<'_>, layer: &mut Layer) {
        let before = self.problems.len();
        let mut words = Vec::new();
        for item in value.get_ref().as_array().into_iter().flatten() {
            match item.get_ref().as_str() {
                Some(word) => words.push((word.to_owned(), item.span())),
                None => self.wrong_type(path, item, "a string", "write each word in double quotes"),
            }
        }
        let plain: Vec<String> = words.iter().map(|(word, _)| word.clone()).collect();
        // Code for a shell is not expanded by the builder; the shell does it.
        let script = value::script(&plain).map(str::to_owned);
        for (at, (word, span)) in words.iter().enumerate() {
            if script.as_ref() != Some(word)
                && let Some(name) = value::unexpanded(at, word)
            {
                let message = format!("{path}: {} holds the variable {}", quote(word), quote(name));
                self.problem(codes::VARIABLE, span, message, "harden does not expand variables; write the value");
            }
        }
        if self.problems.len() > before {
            return;
        }
        match value::exec(plain, &self.origin(&value.span())) {
            Ok(line) => layer.commands.push(line),
            Err(fault) => self.fault(&value.span(), path, fault),
        }
    }

    fn switch(&mut self, path: &str, value: &Value<'_>) -> Option<bool> {
        let on = value.get_ref().as_bool();
        if on.is_none() {
            self.wrong_type(path, value, "true or false", "write true or false, without quotes");
        }
        on
    }

    fn wrong_type(&mut self, path: &str, value: &Value<'_>, wanted: &str, help: &str) {
        let article =
            |name: &str| if name.starts_with(['a', 'i']) { format!("an {name}") } else { format!("a {name}") };
        let found = article(value.get_ref().type_str());
        self.problem(codes::TYPE, &value.span(), format!("{path} is {found} and must be {wanted}"), help);
    }
}

/// What to say about a rule id that does not exist.
pub(super) fn unknown_rule(id: &str, rules: &[&str]) -> Option<Fault> {
    if rules.contains(&id) {
        return None;
    }
    let help = match did_you_mean(id, rules.iter().copied()) {
        Some(name) => format!("did you mean {}?", quote(name)),
        None => format!("the rules are {}", list(rules.iter().copied())),
    };
    Some(Fault::of(codes::UNKNOWN_RULE, format!("unknown rule {}", quote(id)), help))
}

/// `a, b or c`.
fn either(names: &[String]) -> String {
    match names {
        [many @ .., last] if !many.is_empty() => format!("{} or {last}", many.join(", ")),
        _ => names.concat(),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
