//! The text of a program file to a [`Program`]: every problem at once, each with its place. The schema for editors comes
//! from the same table of keys.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    Check, Configuration, KINDS, Kind, Login, Lookup, Program, SYNTAXES, Starts, Syntax, Value, WHENS, WRITTEN, When,
    Written,
};
use crate::diag::escape::quote;
use crate::diag::place::Source;
use crate::diag::suggest::did_you_mean;
use crate::diag::{Diagnostic, Help, Origin, Place, codes};

/// What a key takes.
enum Shape {
    /// Texts.
    Texts,
    /// Absolute paths or patterns of them.
    Paths,
    /// The same, or relative to the working directory.
    Files,
    /// One text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A port of TCP.
    Port,
    /// One of some words.
    Word(fn() -> Vec<&'static str>),
    /// A kind with its place in the value.
    Value,
    /// Keys of the program's own, each with a kind.
    Values,
    /// A table of such keys.
    Table(&'static [Key]),
    /// Any number of such tables.
    Tables(&'static [Key]),
}

struct Key {
    name: &'static str,
    shape: Shape,
    needed: bool,
    doc: &'static str,
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, needed: false, doc }
}

const fn needed(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, needed: true, doc }
}

fn syntaxes() -> Vec<&'static str> {
    SYNTAXES.iter().map(|(name, _)| *name).collect()
}

fn written() -> Vec<&'static str> {
    WRITTEN.iter().map(|(name, _)| *name).collect()
}

fn whens() -> Vec<&'static str> {
    WHENS.iter().map(|(name, _)| *name).collect()
}

/// The keys of a program file.
const KEYS: &[Key] = &[
    needed("names", Shape::Texts, "The names that the program goes by: names, patterns of names, or absolute paths."),
    key("configuration", Shape::Tables(CONFIGURATION), "What the program reads, and what the keys in it name."),
    key(
        "options",
        Shape::Values,
        "Options, or beginnings of arguments, whose value names accounts, commands or files.",
    ),
    key("options-with-value", Shape::Texts, "Other options that take the next word as their value."),
    key("drops", Shape::Flag, "It runs the rest of its command line as the account that it is given."),
    key("delivers", Shape::Flag, "It delivers mail to the accounts of the image."),
    key("first-argument", Shape::Value, "The kind of name in the first argument that is not an option."),
    key("starts", Shape::Tables(STARTS), "A program that this one starts."),
    key(
        "account",
        Shape::Tables(ACCOUNT),
        "An account or group that the program looks up by a name that is compiled in.",
    ),
    key(
        "starts-any",
        Shape::Flag,
        "It starts scripts that requests or data name, wherever they lie: CGI, hooks, jobs.",
    ),
    key(
        "jobs",
        Shape::Paths,
        "Patterns of paths of jobs, services and their settings: the program has nothing to do without them.",
    ),
    key(
        "modules",
        Shape::Paths,
        "Patterns of directories of modules that its scripts import by name: they are searched for the evidence of [[starts]], too.",
    ),
    key("opens", Shape::Paths, "Patterns of paths that the program opens by names computed at run time."),
    key(
        "writes",
        Shape::Paths,
        "Directories that the program writes: `harden init` proposes them for [files] writable.",
    ),
    key(
        "writes-arguments",
        Shape::Word(written),
        "Which of its arguments (options aside) it writes: all, or the last.",
    ),
    key("writes-with", Shape::Texts, "It writes its arguments only with one of these options: \"-i\"."),
    key("login", Shape::Table(LOGIN), "It lets accounts log in and starts their login shells."),
    key(
        "check",
        Shape::Table(CHECK),
        "The usual check of a container that runs the program: `harden init` proposes it.",
    ),
];

const CONFIGURATION: &[Key] = &[
    needed(
        "files",
        Shape::Files,
        "Where it usually is: patterns; {version} is the version in the program's name. A relative one lies in the working directory.",
    ),
    key("except", Shape::Texts, "Patterns of paths, of which none is one: \"/**/*.sample\"."),
    key(
        "directory",
        Shape::Texts,
        "Options whose value is the working directory of the program: \"-C\", \"--directory\".",
    ),
    key(
        "instead",
        Shape::Texts,
        "Options whose value names another file or directory instead: \"-c\", \"--config\", \"-c config_file\".",
    ),
    key(
        "below",
        Shape::Files,
        "Patterns of its files below a directory that is named instead: \"tinc-up\", \"hosts/*-up\". Without it every file, or of programs the scripts of services.",
    ),
    key("argument", Shape::Flag, "An argument that is not an option names another file or directory instead."),
    needed("syntax", Shape::Word(syntaxes), "How it is written."),
    key("ignore", Shape::Texts, "Programs that its values name, and that a container has no use for."),
    key("section-words", Shape::Texts, "Words that begin a section, where sections do not stand in brackets."),
    key("keys", Shape::Values, "KEY, KEY* or \"[SECTION] KEY\", and what its value names."),
];

const STARTS: &[Key] = &[
    needed(
        "program",
        Shape::Texts,
        "Names or paths, of which the first that exists is started. A pattern of paths stands for all that match, {name} for the name of the program that starts it.",
    ),
    needed(
        "when",
        Shape::Word(whens),
        "always: the program never works without it; root: the same if the image starts as root; sometimes: if a script of the application contains the evidence.",
    ),
    key("evidence", Shape::Texts, "Texts in a script of the application, any of which shows that it is started."),
    key("except", Shape::Texts, "Patterns of paths of scripts in which those texts show nothing."),
    needed("reason", Shape::Text, "What for, as a clause: \"to run the scripts of package.json\"."),
];

const ACCOUNT: &[Key] = &[
    needed("name", Shape::Text, "Its name."),
    key("group", Shape::Flag, "It is a group."),
    needed("when", Shape::Word(whens), "root: only where the image starts as root and drops."),
    key("unless", Shape::Texts, "Keys of the configuration and options that name another one."),
];

const LOGIN: &[Key] = &[
    key("keys", Shape::Texts, "Files in the home of an account that let it log in."),
    key("without-shell", Shape::Texts, "Settings of its configuration with which no login shell is started."),
    key("may-do-without", Shape::Texts, "Settings with which a login may do without a shell."),
];

const CHECK: &[Key] = &[
    key("port", Shape::Port, "The TCP port that it answers on."),
    key("command", Shape::Texts, "A command that ends with status 0, in exec form."),
];

/// What a key of a file held.
enum Got {
    Texts(Vec<String>),
    Text(String),
    Flag(bool),
    Port(u16),
    Values(Vec<(String, Value)>),
    Tables(Vec<Table>),
}

type Table = BTreeMap<&'static str, Got>;

/// Reads one file; `path` is what messages and reasons call it. Nothing where a problem leaves nothing to use.
pub(crate) fn decode(text: &str, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Program> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { source: Source::new(path, text), problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(20) {
        let span = error.span().unwrap_or(0..0);
        reader.problem(
            &span,
            format!("not valid TOML: {}", error.message()),
            "correct the line; examples: command = \"name\", commands = [\"one\", \"two\"], [[starts]]",
        );
    }
    let mut found = if errors.is_empty() { reader.table("", table.get_ref(), KEYS, &(0..0)) } else { Table::new() };
    let failed = !reader.problems.is_empty();
    problems.append(&mut reader.problems);
    (!failed).then(|| program(path, &mut found))
}

fn program(path: &str, table: &mut Table) -> Program {
    let configuration = |mut table: Table| Configuration {
        files: texts(&mut table, "files"),
        except: texts(&mut table, "except"),
        directory: texts(&mut table, "directory"),
        instead: texts(&mut table, "instead"),
        below: texts(&mut table, "below"),
        argument: flag(&mut table, "argument"),
        syntax: word(&text(&mut table, "syntax"), &SYNTAXES).unwrap_or(Syntax::Statements),
        ignore: texts(&mut table, "ignore"),
        section_words: texts(&mut table, "section-words"),
        keys: values(&mut table, "keys"),
    };
    let starts = |mut table: Table| Starts {
        program: texts(&mut table, "program"),
        when: word(&text(&mut table, "when"), &WHENS).unwrap_or(When::Sometimes),
        evidence: texts(&mut table, "evidence"),
        except: texts(&mut table, "except"),
        reason: text(&mut table, "reason"),
    };
    let account = |mut table: Table| Lookup {
        name: text(&mut table, "name"),
        group: flag(&mut table, "group"),
        when: word(&text(&mut table, "when"), &WHENS).unwrap_or(When::Always),
        unless: texts(&mut table, "unless"),
    };
    let login = tables(table, "login").pop().map(|mut table| Login {
        keys: texts(&mut table, "keys"),
        without_shell: texts(&mut table, "without-shell"),
        may_do_without: texts(&mut table, "may-do-without"),
    });
    let mut check = tables(table, "check").pop().unwrap_or_default();
    let port = match check.remove("port") {
        Some(Got::Port(port)) => Some(port),
        _ => None,
    };
    Program {
        file: path.to_owned(),
        names: texts(table, "names"),
        configurations: tables(table, "configuration").into_iter().map(configuration).collect(),
        options: values(table, "options"),
        with_value: texts(table, "options-with-value"),
        drops: flag(table, "drops"),
        delivers: flag(table, "delivers"),
        first: values(table, "first-argument").pop().map(|(_, value)| value),
        starts: tables(table, "starts").into_iter().map(starts).collect(),
        accounts: tables(table, "account").into_iter().map(account).collect(),
        starts_any: flag(table, "starts-any"),
        jobs: texts(table, "jobs"),
        modules: texts(table, "modules"),
        opens: texts(table, "opens"),
        writes: texts(table, "writes"),
        writes_arguments: word(&text(table, "writes-arguments"), &WRITTEN).unwrap_or(Written::None),
        writes_with: texts(table, "writes-with"),
        login,
        check: Check { port, command: texts(&mut check, "command") },
    }
}

fn texts(table: &mut Table, key: &str) -> Vec<String> {
    match table.remove(key) {
        Some(Got::Texts(texts)) => texts,
        _ => Vec::new(),
    }
}

fn text(table: &mut Table, key: &str) -> String {
    match table.remove(key) {
        Some(Got::Text(text)) => text,
        _ => String::new(),
    }
}

fn flag(table: &mut Table, key: &str) -> bool {
    matches!(table.remove(key), Some(Got::Flag(true)))
}

fn values(table: &mut Table, key: &str) -> Vec<(String, Value)> {
    match table.remove(key) {
        Some(Got::Values(values)) => values,
        _ => Vec::new(),
    }
}

fn tables(table: &mut Table, key: &str) -> Vec<Table> {
    match table.remove(key) {
        Some(Got::Tables(tables)) => tables,
        _ => Vec::new(),
    }
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(name, _)| *name == text).map(|(_, word)| *word)
}

struct Reader {
    /// Path and text.
    source: Arc<Source>,
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn problem(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<Help>) {
        let origin = Origin::File(Place::of(&self.source, span.clone()));
        self.problems.push(Diagnostic::at(codes::PROGRAM_FILE, &origin, message).help(help));
    }

    fn table(&mut self, section: &str, table: &DeTable<'_>, keys: &'static [Key], span: &Range<usize>) -> Table {
        let mut found = Table::new();
        let of = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            let Some(key) = keys.iter().find(|key| key.name == text) else {
                let known = || keys.iter().map(|key| key.name);
                let help = match did_you_mean(text, known()) {
                    Some(known) => format!("did you mean {}?", quote(known)),
                    None => format!("the keys are {}", known().collect::<Vec<_>>().join(", ")),
                };
                self.problem(&name.span(), format!("unknown key {}{of}", quote(text)), help);
                continue;
            };
            if let Some(got) = self.value(key, value) {
                found.insert(key.name, got);
            }
        }
        for key in keys.iter().filter(|key| key.needed && !table.keys().any(|name| name.get_ref() == key.name)) {
            self.problem(span, format!("the key {} is missing{of}", quote(key.name)), key.doc);
        }
        found
    }

    fn value(&mut self, key: &'static Key, value: &Spanned<DeValue<'_>>) -> Option<Got> {
        let inside = value.get_ref();
        let span = value.span();
        match &key.shape {
            Shape::Texts => self.texts(key, value, |_| true).map(Got::Texts),
            Shape::Paths => self.texts(key, value, |text| text.starts_with('/')).map(Got::Texts),
            Shape::Files => self.texts(key, value, |text| !text.split('/').any(|part| part == "..")).map(Got::Texts),
            Shape::Text => match inside.as_str().filter(|text| !text.trim().is_empty()) {
                Some(text) => Some(Got::Text(text.to_owned())),
                None => self.wrong(key, &span, "a string"),
            },
            Shape::Flag => match inside.as_bool() {
                Some(on) => Some(Got::Flag(on)),
                None => self.wrong(key, &span, "true or false"),
            },
            Shape::Port => {
                let number = inside.as_integer().and_then(|number| number.as_str().parse::<u16>().ok());
                match number.filter(|&port| port > 0) {
                    Some(port) => Some(Got::Port(port)),
                    None => self.wrong(key, &span, "a number from 1 to 65535"),
                }
            }
            Shape::Word(words) => {
                let Some(text) = inside.as_str() else { return self.wrong(key, &span, "a string") };
                self.one_of(key, &span, text, &words()).then(|| Got::Text(text.to_owned()))
            }
            Shape::Value => self.kind(key, value).map(|kind| Got::Values(vec![(String::new(), kind)])),
            Shape::Values => {
                let Some(table) = inside.as_table() else { return self.wrong(key, &span, "a table") };
                let mut found = Vec::new();
                for (name, value) in table {
                    let kind = self.kind(key, value)?;
                    found.push((name.get_ref().to_string(), kind));
                }
                Some(Got::Values(found))
            }
            Shape::Table(keys) => {
                let Some(table) = inside.as_table() else { return self.wrong(key, &span, "a table") };
                Some(Got::Tables(vec![self.table(key.name, table, keys, &span)]))
            }
            Shape::Tables(keys) => {
                let Some(array) = inside.as_array() else {
                    return self.wrong(key, &span, &format!("[[{}]], an array of tables", key.name));
                };
                let mut found = Vec::new();
                for item in array {
                    let Some(table) = item.get_ref().as_table() else {
                        return self.wrong(key, &item.span(), "a table");
                    };
                    found.push(self.table(key.name, table, keys, &item.span()));
                }
                Some(Got::Tables(found))
            }
        }
    }

    fn wrong(&mut self, key: &Key, span: &Range<usize>, wanted: &str) -> Option<Got> {
        self.problem(span, format!("{} must be {wanted}", key.name), key.doc);
        None
    }

    fn texts(
        &mut self,
        key: &'static Key,
        value: &Spanned<DeValue<'_>>,
        good: fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, &value.span(), "an array of strings");
            return None;
        };
        let mut found = Vec::new();
        for item in array {
            match item.get_ref().as_str().filter(|text| !text.is_empty()) {
                Some(text) if !good(text) => {
                    self.problem(
                        &item.span(),
                        match key.shape {
                            Shape::Files => format!("{}: {} holds '..'", key.name, quote(text)),
                            _ => format!("{}: {} is not an absolute path", key.name, quote(text)),
                        },
                        key.doc,
                    );
                }
                Some(text) => found.push(text.to_owned()),
                None => {
                    self.wrong(key, &item.span(), "an array of strings that are not empty");
                }
            }
        }
        Some(found)
    }

    fn one_of(&mut self, key: &Key, span: &Range<usize>, text: &str, words: &[&str]) -> bool {
        let known = words.contains(&text);
        if !known {
            let help = match did_you_mean(text, words.iter().copied()) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!(
                    "write one of {}",
                    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
                ),
            };
            self.problem(span, format!("{}: unknown value {}", key.name, quote(text)), help);
        }
        known
    }

    /// `KIND`, `KIND after N`, `KIND behind C`, `KIND until C`.
    fn kind(&mut self, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let span = value.span();
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(key, &span, "the word for what the value names");
            return None;
        };
        let (rest, until) = match text.split_once(" until ") {
            Some((rest, until)) => (rest, Some(until)),
            None => (text, None),
        };
        let (rest, behind) = match rest.split_once(" behind ") {
            Some((rest, behind)) => (rest, Some(behind)),
            None => (rest, None),
        };
        let (name, after) = match rest.split_once(" after ") {
            Some((name, after)) => (name, Some(after)),
            None => (rest, None),
        };
        let words: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        if !self.one_of(key, &span, name, &words) {
            return None;
        }
        let number = after.map(str::parse::<usize>);
        // One character where one is given.
        let one = |text: Option<&str>| match text.map(|text| (text.chars().next(), text.chars().count())) {
            None => Some(None),
            Some((sign, 1)) => Some(sign),
            Some(_) => None,
        };
        let (Some(behind), Some(until), false) = (one(behind), one(until), matches!(number, Some(Err(_)))) else {
            self.problem(
                &span,
                format!("{}: cannot read {}", key.name, quote(text)),
                "write KIND, KIND after NUMBER, KIND behind CHARACTER, or KIND until CHARACTER",
            );
            return None;
        };
        let after = number.and_then(Result::ok).unwrap_or_default();
        Some(Value { kind: word(name, &KINDS).unwrap_or(Kind::Account), after, behind, until })
    }
}

/// The JSON schema of program files, as docs/program.schema.json holds it.
#[must_use]
pub(crate) fn schema() -> String {
    let mut schema = object(KEYS);
    if let Some(map) = schema.as_object_mut() {
        map.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        map.insert("title".to_owned(), json!("a program file of harden"));
    }
    format!("{schema:#}\n")
}

fn object(keys: &[Key]) -> serde_json::Value {
    let properties: Map<String, serde_json::Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let needed: Vec<&str> = keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
    json!({ "type": "object", "additionalProperties": false, "required": needed, "properties": properties })
}

fn property(key: &Key) -> serde_json::Value {
    let kinds = || {
        let words = KINDS.map(|(name, _)| name).join("|");
        json!({ "type": "string", "pattern": format!("^({words})( after [0-9]+)?( behind .)?( until .)?$") })
    };
    let mut value = match &key.shape {
        Shape::Texts | Shape::Files => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Shape::Paths => json!({ "type": "array", "items": { "type": "string", "pattern": "^/" } }),
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Shape::Word(words) => json!({ "enum": words() }),
        Shape::Value => kinds(),
        Shape::Values => json!({ "type": "object", "additionalProperties": kinds() }),
        Shape::Table(keys) => object(keys),
        Shape::Tables(keys) => json!({ "type": "array", "items": object(keys) }),
    };
    if let Some(map) = value.as_object_mut() {
        map.insert("description".to_owned(), json!(key.doc));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, decode};

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        decode(text, "x.toml", &mut problems);
        problems.iter().map(Diagnostic::form).collect()
    }

    #[test]
    fn problems_have_their_place_and_a_way_out() {
        let text = "name = [\"x\"]\nopens = [\"a\"]\n[[configuration]]\nfiles = [\"/x\"]\nsyntax = \"statement\"\nkeys = { user = \"acount\" }\n[[starts]]\nprogram = \"sh\"\n[check]\nport = 0\n";
        let found = problems(text);
        for expected in [
            "x.toml:1:1: unknown key 'name'\n  1 | name = [\"x\"]\n    | ^^^^\n  help: did you mean 'names'?",
            "x.toml:2:10: opens: 'a' is not an absolute path",
            "x.toml:5:10: syntax: unknown value 'statement'\n  5 | syntax = \"statement\"\n    |          ^^^^^^^^^^^\n  help: did you mean \"statements\"?",
            "x.toml:6:17: keys: unknown value 'acount'\n  6 | keys = { user = \"acount\" }\n    |                 ^^^^^^^^\n  help: did you mean \"account\"?",
            "x.toml:8:11: program must be an array of strings",
            "the key 'reason' is missing in [starts]",
            "x.toml:10:8: port must be a number from 1 to 65535",
            "the key 'names' is missing",
        ] {
            assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}\n{found:#?}");
        }
        assert!(problems("names = [\n").iter().any(|problem| problem.contains("not valid TOML")));
        assert!(problems("names = [\"a\"]\nfirst-argument = \"command after x\"\n")[0].contains("cannot read"));
    }
}
