//! The programs that the code of a script may run, with the files that it sources.
//!
//! Owns which words are only functions or builtins, which functions are ever called, which variables hold a program's
//! name, and which uses stand under a test for their program. It expands nothing that needs a running shell and does
//! not know which programs exist.

mod scope;
mod variables;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{LexError, Token, Word, tokens_from};
use super::parser::{Event, SimpleCommand, events};
use super::wrappers::{Ran, never, runs};
use super::{Dialect, is_builtin};
use scope::Scopes;
use variables::Variables;

/// Programs that read, write, move or name the files that they get, and start none of them.
const HANDLE: &str = "[ awk base64 basename cat chgrp chmod chown cmp confd cp curl cut dd diff dirname dos2unix du echo egrep \
    envsubst fgrep file find gawk getcap getfacl grep gunzip gzip head install less ln ls mawk md5sum mkdir more mv od patch \
    printf readlink realpath rm rmdir rsync scp sed setcap setfacl sha1sum sha256sum sha512sum shred sort split stat strip \
    tail tar tee test touch tr truncate uniq unzip wc wget which xxd zip";

/// Words at the beginning of a command that may be a program and those that start it.
const WRAPPED: usize = 4;

/// Most arguments of a command that are looked at.
const MOST_GIVEN: usize = 64;

/// Most commands of one script that are given to its reader as lines.
const MOST_LINES: usize = 1024;

/// Words of a call that are looked at for the command that the called function runs.
const MOST_ARGUMENTS: usize = 9;

/// Code inside code (`sh -c`, `eval`, `trap`) deeper than this is no code that a person wrote.
const DEEPEST: usize = 8;

/// How a script uses something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A word in command position.
    Runs,
    /// A file that a shell is given to run, or that is read by `.` or `source`.
    Reads,
    /// A directory, or a pattern of files, whose scripts may be started: `run-parts DIR`, `for f in /init.d/*.sh`.
    Directory,
    /// A file that a program gets by its whole path, which may start it: `nc -l -e /srv/handler`.
    Given,
    /// An account whose login shell is started: `su USER`.
    Login,
}

/// One use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// How.
    pub kind: Kind,
    /// Which of the files that were read, in the order of [`Code::read`].
    pub file: usize,
    /// Its line; the first is 1.
    pub line: u32,
    /// A name or a path. For [`Kind::Directory`] a path or pattern.
    pub text: String,
    /// The script tests whether it is there, and does without it.
    pub optional: bool,
}

/// What a script uses.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// In order of file and appearance; each text of a kind once a file.
    pub uses: Vec<Use>,
    /// Words in command position that only the running shell knows, as written, with file and line.
    pub unknown: Vec<(usize, u32, String)>,
}

/// A use as it was found: which function it stands in, and a word that may still have variables.
struct Found {
    kind: Kind,
    word: Word,
    file: usize,
    optional: bool,
    scope: usize,
    /// A word of `set --`: runs only where the script runs `"$@"`.
    positional: bool,
    /// A program starts it: a file, and neither a builtin nor a function.
    started: bool,
}

/// A command with arguments, whose name may be that of a function that runs them.
struct Call {
    scope: usize,
    words: Vec<Word>,
    /// Which of the words the script has made sure of.
    tested: Vec<bool>,
    file: usize,
}

/// A command with its words, as far as the script says what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Which of the files that were read.
    pub file: usize,
    /// Its line; the first is 1.
    pub line: u32,
    /// Variables are what they may hold; unknown ones are left out but for the beginning of a path, and arguments of the
    /// script stay `$@`.
    pub words: Vec<String>,
}

/// The code of one script and the files it sources.
pub struct Code {
    dialect: Dialect,
    found: Vec<Found>,
    calls: Vec<Call>,
    /// Scopes of functions that drop some of their arguments.
    shifts: BTreeSet<usize>,
    /// What the command before a pipe writes, as far as the script says it.
    piped: Option<(String, u32)>,
    /// What the last command writes, likewise.
    written: Option<(String, u32)>,
    variables: Variables,
    scopes: Scopes,
    /// Files read so far.
    files: usize,
    /// Sources that [`Code::sources`] has not given yet.
    next_source: usize,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code of {} files", self.files)
    }
}

impl Code {
    /// No code yet.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            found: Vec::new(),
            calls: Vec::new(),
            shifts: BTreeSet::new(),
            piped: None,
            written: None,
            variables: Variables::default(),
            scopes: Scopes::default(),
            files: 0,
            next_source: 0,
        }
    }

    /// Read one more file, which lies at `path`. What stands before an error is read all the same.
    pub fn read(&mut self, text: &str, path: &str) -> Option<LexError> {
        self.variables.script = path.to_owned();
        let error = self.read_part(text, 1);
        self.files += 1;
        error
    }

    /// Read a part of the current file that begins at `line`: one command of a crontab.
    pub(crate) fn read_part(&mut self, text: &str, line: u32) -> Option<LexError> {
        let (tokens, error) = tokens_from(text, line, 0);
        self.tokens(tokens, 0);
        error
    }

    /// Directories that the script adds to PATH.
    #[must_use]
    pub(crate) fn path(&self) -> Vec<String> {
        self.variables.path()
    }

    /// What a variable may hold.
    #[must_use]
    pub(crate) fn variable(&self, name: &str) -> Vec<String> {
        self.variables.values(&Word { text: format!("${name}"), expands: true, ..Word::default() })
    }

    /// The commands that have one of the words that are looked for, but for those that handle files. Where variables hold
    /// more than one value, there is a line of each.
    pub(crate) fn lines(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Line> {
        let mut found = Vec::new();
        for call in &self.calls {
            if found.len() >= MOST_LINES {
                break;
            }
            if handles_files(&call.words, &is_wanted) {
                continue;
            }
            let words = call.words.iter().take(MOST_GIVEN);
            let values: Vec<Vec<Vec<String>>> = words.filter_map(|word| self.values(word)).collect();
            let wanted = values.iter().flatten().flatten().any(|word| is_wanted(word));
            let line = call.words.first().map_or(1, |word| word.line);
            let many = values.iter().map(Vec::len).max().filter(|_| wanted);
            for number in 0..many.unwrap_or_default().min(MOST_LINES - found.len()) {
                let one = values.iter().filter_map(|values| values.get(number).or(values.first()));
                found.push(Line { file: call.file, line, words: one.flatten().cloned().collect() });
            }
        }
        found
    }

    /// The words that each value of a word has; `None` for one that is not known.
    fn values(&self, word: &Word) -> Option<Vec<Vec<String>>> {
        if !word.expands || is_positional(word) {
            return Some(vec![vec![word.text.clone()]]);
        }
        let whole = word.quoted && !word.text.contains("[@]");
        let known = self.variables.values(word);
        let values =
            if known.is_empty() { self.variables.path_of(word).into_iter().collect() } else { known }.into_iter();
        let values: Vec<_> = values.map(|value| if whole { vec![value] } else { split(&value) }).collect();
        (!values.is_empty()).then_some(values)
    }

    /// The files that were found sourced since the last call, as far as their paths are certain.
    pub fn sources(&mut self) -> Vec<Use> {
        let new = self.found.get(self.next_source..).unwrap_or_default();
        let sources = new.iter().filter(|found| found.kind == Kind::Reads);
        let sources = sources.flat_map(|found| {
            let paths = self.variables.values(&found.word);
            paths.into_iter().map(|text| as_use(found, text)).collect::<Vec<_>>()
        });
        let sources = sources.collect();
        self.next_source = self.found.len();
        sources
    }

    /// Everything that the code uses.
    #[must_use]
    pub fn finish(mut self) -> Uses {
        self.arguments();
        let called = self.reached();
        let positional = self
            .found
            .iter()
            .any(|found| found.kind == Kind::Runs && is_positional(&found.word) && called(found.scope));
        let mut uses = Uses::default();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        for found in self.found.iter().filter(|found| called(found.scope) && (positional || !found.positional)) {
            let texts = self.texts(found);
            let dynamic = found.word.expands && found.kind == Kind::Runs && !self.variables.holds_argument(&found.word);
            if texts.is_empty() && dynamic && unknown.insert((found.file, found.word.text.clone())) {
                uses.unknown.push((found.file, found.word.line, found.word.text.clone()));
            }
            for text in texts {
                if text.is_empty() || (found.kind == Kind::Runs && !found.started && self.is_no_program(&text)) {
                    continue;
                }
                let one = as_use(found, text);
                let key = format!("{} {} {}", one.kind as u8, one.file, one.text);
                match seen.get(&key).copied() {
                    None => {
                        seen.insert(key, uses.uses.len());
                        uses.uses.push(one);
                    }
                    // Without a test counts more than with one.
                    Some(at) => {
                        if let Some(known) = uses.uses.get_mut(at).filter(|known| known.optional && !one.optional) {
                            *known = one;
                        }
                    }
                }
            }
        }
        uses
    }

    /// Which scopes can be reached: all of them once a word in command position is known to the running shell only, which
    /// may be the name of any function (`"${1#--}"`, as MariaDB's healthcheck.sh has it).
    fn reached(&self) -> impl Fn(usize) -> bool + use<> {
        let called = self.scopes.called();
        let any = self.found.iter().any(|found| {
            let from_outside = || is_positional(&found.word) || self.variables.holds_argument(&found.word);
            found.kind == Kind::Runs
                && found.word.expands
                && !found.started
                && called(found.scope)
                // The words that call a function stand in the script.
                && (found.scope == 0 || !from_outside())
                && self.texts(found).is_empty()
        });
        move |scope| any || called(scope)
    }

    /// The commands that functions get as arguments and run: `retry() { "$@"; }` and `retry curl -f URL`.
    fn arguments(&mut self) {
        // Whether a scope runs its arguments, and whether by way of another program.
        let mut runners: BTreeMap<usize, bool> = BTreeMap::new();
        for found in self.found.iter().filter(|found| found.kind == Kind::Runs && found.scope != 0) {
            if is_positional(&found.word) || self.variables.holds_argument(&found.word) {
                *runners.entry(found.scope).or_default() |= found.started;
            }
        }
        // A function that hands its arguments to one of these is one, too.
        let mut queue: Vec<usize> = runners.keys().copied().collect();
        let mut handed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for call in self.calls.iter().filter(|call| call.scope != 0) {
            if call.words.iter().skip(1).any(is_positional) {
                for &function in self.scopes.definitions(call.name()) {
                    handed.entry(function).or_default().push(call.scope);
                }
            }
        }
        while let Some(scope) = queue.pop() {
            let started = runners.get(&scope).copied().unwrap_or_default();
            for from in handed.remove(&scope).unwrap_or_default() {
                if let Entry::Vacant(new) = runners.entry(from) {
                    new.insert(started);
                    queue.push(from);
                }
            }
        }
        if runners.is_empty() {
            return;
        }
        let mut code = Vec::new();
        for call in std::mem::take(&mut self.calls) {
            self.files = call.file;
            self.call(&call, 0, &runners, &mut code, 0);
        }
        for (word, file) in code {
            self.files = file;
            self.code(&word, 0);
        }
    }

    /// What a call of a function that runs its arguments runs; `at` is the word of the function's name.
    fn call(
        &mut self,
        call: &Call,
        at: usize,
        runners: &BTreeMap<usize, bool>,
        code: &mut Vec<(Word, usize)>,
        depth: usize,
    ) {
        let Some(name) = call.words.get(at) else { return };
        let scopes = self.scopes.definitions(&name.text);
        let Some(started) = scopes.iter().filter_map(|scope| runners.get(scope)).copied().reduce(|a, b| a | b) else {
            return;
        };
        let shifts = scopes.iter().any(|scope| self.shifts.contains(scope));
        for first in at + 1..call.words.len().min(at + MOST_ARGUMENTS) {
            let words = call.words.get(first..).unwrap_or_default();
            let ran = runs(words, &|word| self.variables.may_be_empty(word));
            for (place, ran) in ran.into_iter().enumerate() {
                match ran {
                    // Its own words: an option, or a number of times.
                    Ran::Program(word) | Ran::Started(word) if is_value(word) => {}
                    Ran::Program(word) | Ran::Started(word) => {
                        let optional = call.tested.get(first).copied().unwrap_or_default();
                        let started = if place == 0 { started } else { matches!(ran, Ran::Started(_)) };
                        let word = Word { array: Vec::new(), here: None, ..word.clone() };
                        let (kind, scope, file) = (Kind::Runs, call.scope, call.file);
                        self.found.push(Found { kind, word, file, optional, scope, positional: false, started });
                    }
                    Ran::Code(word) => code.push((word.clone(), call.file)),
                    Ran::Script(word) => {
                        let (kind, word, scope, file) = (Kind::Reads, word.clone(), call.scope, call.file);
                        self.found.push(Found {
                            kind,
                            word,
                            file,
                            optional: false,
                            scope,
                            positional: false,
                            started: false,
                        });
                    }
                    Ran::Default(..) | Ran::Login(_) | Ran::Joined(_) | Ran::Directory(_) | Ran::Input => {}
                }
            }
            if depth < DEEPEST {
                self.call(call, first, runners, code, depth + 1);
            }
            // Where the function drops arguments, the command may stand behind them.
            if !shifts {
                break;
            }
        }
    }

    /// What the word of a use may be.
    fn texts(&self, found: &Found) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.variables.values(&found.word) {
            // A variable is split into words, the first of which runs, and perhaps what it wraps; an array has words.
            if found.kind == Kind::Runs && found.word.expands && value.contains([' ', '\t']) {
                let (tokens, _) = tokens_from(&value, found.word.line, 0);
                let words: Vec<Word> = tokens
                    .into_iter()
                    .map_while(|t| if let Token::Word(word) = t { Some(word) } else { None })
                    .collect();
                let programs = runs(&words, &|word| self.variables.may_be_empty(word)).into_iter();
                texts.extend(programs.filter_map(|ran| match ran {
                    Ran::Program(word) | Ran::Started(word) if !word.expands => Some(word.text.clone()),
                    _ => None,
                }));
            } else {
                texts.push(value);
            }
        }
        texts
    }

    fn is_no_program(&self, name: &str) -> bool {
        is_builtin(name, self.dialect) || self.scopes.is_function(name)
    }

    fn tokens(&mut self, tokens: Vec<Token>, depth: usize) {
        let base = self.scopes.depth();
        for event in events(tokens) {
            match event {
                Event::Command(command) => self.command(command, depth),
                Event::Pipe => {
                    self.piped = self.written.take();
                    self.scopes.event(Event::Pipe);
                    continue;
                }
                Event::For(words) => {
                    match words.as_slice() {
                        // `for NAME; do`: the arguments.
                        [name] => {
                            let text = "$@".to_owned();
                            self.variables.assign(&name.text, Word { text, expands: true, ..Word::default() });
                        }
                        [name, _in, list @ ..] => {
                            list.iter().for_each(|word| self.variables.assign(&name.text, word.clone()));
                        }
                        [] => {}
                    }
                    words.iter().for_each(|word| self.mention(word));
                }
                other => self.scopes.event(other),
            }
        }
        self.scopes.unwind(base);
    }

    fn command(&mut self, command: SimpleCommand, depth: usize) {
        for word in &command.assignments {
            self.assignment(word);
        }
        for word in &command.words {
            self.mention(word);
            if word.assignment {
                self.assignment(word);
            }
        }
        let name = command.words.first().map_or("", |word| if word.quoted { "" } else { word.text.as_str() });
        match name {
            "alias" => {
                for word in command.words.iter().filter(|word| word.assignment) {
                    let (name, code) = word.text.split_once('=').unwrap_or((&word.text, ""));
                    self.scopes.begin_function(name);
                    self.code(&Word { text: code.to_owned(), ..word.clone() }, depth);
                    self.scopes.end_function();
                }
            }
            // `: ${NAME:=value}`.
            ":" => command.words.iter().for_each(|word| self.variables.default_of(&word.text)),
            "shift" => {
                let scope = self.scopes.current();
                self.shifts.insert(scope);
            }
            "." | "source" => {
                if let Some(word) = command.words.iter().skip(1).find(|word| !word.text.starts_with('-')) {
                    self.add(Kind::Reads, word, false);
                }
            }
            "set" => self.set(command.words.get(1..).unwrap_or_default()),
            _ => {}
        }
        self.given(name, &command.words);
        let piped = self.piped.take();
        for ran in command.runs(&|word| self.variables.may_be_empty(word)) {
            match ran {
                Ran::Program(word) => self.add(Kind::Runs, word, false),
                Ran::Started(word) => self.start(word, false),
                Ran::Default(word, name) => self.start(&Word { text: name.to_owned(), ..word.clone() }, false),
                Ran::Script(word) => self.add(Kind::Reads, word, false),
                Ran::Directory(word) => self.add(Kind::Directory, word, false),
                Ran::Login(word) => self.add(Kind::Login, word, false),
                Ran::Code(word) => self.code(word, depth),
                Ran::Joined(words) => {
                    let line = words.first().map_or(1, |word| word.line);
                    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
                    self.code(&Word { text, line, ..Word::default() }, depth);
                }
                Ran::Input => {
                    if let Some((text, line)) = command.input.clone().or_else(|| piped.clone()) {
                        self.code(&Word { text, line, ..Word::default() }, depth);
                    }
                }
            }
        }
        self.written = written(&command);
        let alone = || matches!(command.words.as_slice(), [word] if word.expands);
        let is_call = !is_builtin(name, self.dialect) || matches!(name, "exec" | "command" | "cd" | "set");
        if is_call && (command.words.len() > 1 || alone()) {
            let tested =
                command.words.iter().take(MOST_ARGUMENTS).map(|word| self.scopes.is_tested(&word.text)).collect();
            self.calls.push(Call {
                scope: self.scopes.current(),
                words: command.words.clone(),
                tested,
                file: self.files,
            });
        }
        self.scopes.tested(&command);
    }

    /// `set -- nginx "$@"`, the idiom of entrypoint scripts.
    fn set(&mut self, words: &[Word]) {
        // An array of ksh and zsh.
        if let [option, name, values @ ..] = words
            && matches!(option.text.as_str(), "-A" | "+A")
            && let Some(first) = values.first()
        {
            self.variables.assign(&name.text, first.clone());
            let values: Vec<Token> = values.iter().cloned().map(Token::Word).collect();
            self.variables.assign_all(&name.text, &values, false);
            return;
        }
        let Some(at) = words.iter().position(|word| word.text == "--") else { return };
        for ran in runs(words.get(at + 1..).unwrap_or_default(), &never) {
            if let Ran::Program(word) | Ran::Started(word) = ran
                && !is_argument(&word.text)
                && !word.text.starts_with('-')
            {
                self.add(Kind::Runs, word, true);
            }
        }
    }

    fn assignment(&mut self, word: &Word) {
        let (name, value) = word.text.split_once('=').unwrap_or((&word.text, ""));
        let more = name.ends_with('+');
        let name = name.trim_end_matches('+');
        // `NAME[subscript]=value`.
        let name = name.split('[').next().unwrap_or(name);
        if let Some(Token::Word(first)) = word.array.first() {
            if !first.text.starts_with('[') {
                self.variables.assign(name, first.clone());
            }
            self.variables.assign_all(name, &word.array, more);
        } else {
            let value = Word { text: value.to_owned(), ..word.clone() };
            self.mention(&value);
            self.variables.assign(name, value);
        }
    }

    /// Words that may call a function, and patterns of files that a loop may start.
    fn mention(&mut self, word: &Word) {
        self.scopes.mention(&word.text);
        if word.text.contains('/') && !word.assignment && names_scripts(&word.text) {
            for text in self.variables.values(word).into_iter().filter(|text| names_scripts(text)) {
                self.add(Kind::Directory, &Word { text, line: word.line, ..Word::default() }, false);
            }
        }
    }

    /// Files that a program gets by their paths, unless it is one that handles files.
    fn given(&mut self, name: &str, words: &[Word]) {
        let builtin = self.is_no_program(name) && !matches!(name, "exec" | "command");
        if builtin || handles_files(words, |_| false) {
            return;
        }
        for word in words.iter().skip(1).take(MOST_GIVEN) {
            // An option may have the path behind it.
            let text = if word.text.starts_with('-') {
                word.text.split_once('=').map_or("", |(_, path)| path)
            } else {
                &word.text
            };
            if !text.starts_with(['/', '$']) {
                continue;
            }
            let value = Word { text: text.to_owned(), ..word.clone() };
            let paths = if value.expands { self.variables.values(&value) } else { vec![value.text] };
            for text in paths.into_iter().filter(|text| text.starts_with('/')) {
                self.add(Kind::Given, &Word { text, line: word.line, ..Word::default() }, false);
            }
        }
    }

    /// Code in a word, whose quotes the lexer has taken off.
    fn code(&mut self, word: &Word, depth: usize) {
        if depth < DEEPEST {
            let (tokens, _) = tokens_from(&word.text, word.line, 0);
            self.tokens(tokens, depth + 1);
        }
    }

    fn add(&mut self, kind: Kind, word: &Word, positional: bool) {
        self.push(kind, word, positional, false);
    }

    /// A word that another program starts.
    fn start(&mut self, word: &Word, positional: bool) {
        self.push(Kind::Runs, word, positional, true);
    }

    fn push(&mut self, kind: Kind, word: &Word, positional: bool, started: bool) {
        let optional = self.scopes.is_tested(&word.text);
        let scope = self.scopes.current();
        let word = Word { array: Vec::new(), here: None, ..word.clone() };
        self.found.push(Found { kind, word, file: self.files, optional, scope, positional, started });
    }
}

/// Whether a command reads, writes, moves or names files, and starts none of them. awk is one that may be wanted.
fn handles_files(words: &[Word], is_wanted: impl Fn(&str) -> bool) -> bool {
    let handles = |word: &Word| {
        let name = word.text.rsplit('/').next().unwrap_or_default();
        HANDLE.split(' ').any(|known| known == name) && !is_wanted(&word.text)
    };
    words.iter().take(WRAPPED).any(handles)
}

/// The words of what a variable holds.
fn split(value: &str) -> Vec<String> {
    let (tokens, _) = tokens_from(value, 1, 0);
    tokens.into_iter().filter_map(|token| if let Token::Word(word) = token { Some(word.text) } else { None }).collect()
}

/// Whether a path is by convention a directory of scripts, or a pattern of scripts. What `run-parts` is given is one
/// under any name.
fn names_scripts(path: &str) -> bool {
    let path = path.trim_end_matches(['/', '*']).trim_end_matches('/');
    path.ends_with(".d") || path.contains(".d/") || (path.contains('*') && path.ends_with("sh"))
}

fn as_use(found: &Found, text: String) -> Use {
    Use { kind: found.kind, file: found.file, line: found.word.line, text, optional: found.optional }
}

impl Call {
    fn name(&self) -> &str {
        self.words.first().map_or("", |word| word.text.as_str())
    }
}

/// What a command writes: cat its here-document, echo and printf their words.
fn written(command: &SimpleCommand) -> Option<(String, u32)> {
    let (first, rest) = command.words.split_first()?;
    match first.text.as_str() {
        "cat" if rest.is_empty() => command.input.clone(),
        "echo" | "printf" => {
            let words: Vec<&str> =
                rest.iter().map(|word| word.text.as_str()).filter(|text| !text.starts_with('-')).collect();
            Some((words.join(" "), first.line))
        }
        _ => None,
    }
}

/// An option or a number: no program.
fn is_value(word: &Word) -> bool {
    word.text.starts_with('-') || word.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// `"$@"` and its like: the arguments of the script, which the image's command line says.
fn is_positional(word: &Word) -> bool {
    matches!(word.text.as_str(), "$@" | "$*" | "${@}" | "${*}" | "$1" | "${1}" | "${@:1}")
}

/// Whether an expansion is an argument of the script or of a function, or the script itself: the command line says.
#[must_use]
pub(crate) fn is_argument(text: &str) -> bool {
    let name = text.trim_start_matches('$').trim_start_matches('{');
    text.starts_with('$') && (name.starts_with(|c: char| "@*0123456789".contains(c)) || name.starts_with("BASH_SOURCE"))
}
