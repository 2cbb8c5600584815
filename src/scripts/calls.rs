//! Programs that scripts in other languages than a shell's start: the literal first argument of the calls that those
//! languages have for it, and of the script's own functions that give an argument to one of them; where a variable
//! stands there, the value that the script assigns to it (`calls/given.rs`). A module that the script loads is not
//! read.

mod definitions;
mod given;
mod marks;
mod other;
mod pipes;
mod shells;
mod table;
mod tcl;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::CharIndices;

use crate::shell::quoted;
use definitions::definitions;
use given::{Function, Known, Open, values};
use marks::{marked, marks};
use pipes::{holders, piped};
use table::{by_shell, is_call};
use text::{LONGEST, head, pieces, tail};

/// A language with calls that start programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Perl,
    Ruby,
    JavaScript,
    Php,
    Awk,
    Gnuplot,
    Lua,
    Octave,
    R,
    Erlang,
    Elixir,
    Groovy,
    Julia,
    Ocaml,
    Prolog,
    Scheme,
    /// A shell whose grammar is its own.
    OtherShell,
    Tcl,
    /// One that is not known here.
    Other,
}

/// One thing that is started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// A program, by its name or path.
    Program(String),
    /// Code for `/bin/sh`.
    Code(String),
    /// A program with its arguments, of which one may be started in its turn: `timeout 5 wget`. It is written as code for a
    /// shell, and none reads it.
    Line(String),
}

/// Whether the language gives a text to a shell, or takes it apart by itself: Perl and Ruby look for characters that mean
/// something to a shell.
pub(super) fn needs_shell(language: Language, code: &str) -> bool {
    match language {
        Language::Tcl | Language::Julia => false,
        Language::Perl | Language::Ruby => code.contains(|c: char| "$&*(){}[]'\";\\|?<>~`\n".contains(c)),
        _ => true,
    }
}

/// The language of an interpreter's path or name: `python3.11` is `python`.
pub(super) fn of_interpreter(path: &str) -> Option<Language> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match stem {
        "python" | "pypy" => Some(Language::Python),
        "perl" => Some(Language::Perl),
        "ruby" => Some(Language::Ruby),
        "node" | "nodejs" => Some(Language::JavaScript),
        "php" => Some(Language::Php),
        "awk" | "gawk" | "mawk" | "nawk" | "original-awk" => Some(Language::Awk),
        "gnuplot" | "gnuplot-nox" | "gnuplot-qt" | "gnuplot-x" => Some(Language::Gnuplot),
        "lua" | "luajit" | "texlua" => Some(Language::Lua),
        "octave" | "octave-cli" => Some(Language::Octave),
        "Rscript" | "R" | "littler" => Some(Language::R),
        "guile" | "mcron" | "sbcl" | "clisp" | "ecl" | "racket" | "emacs" => Some(Language::Scheme),
        "fish" | "csh" | "tcsh" | "bsd-csh" | "rc" | "es" | "nu" | "elvish" | "xonsh" | "ion" => {
            Some(Language::OtherShell)
        }
        "escript" => Some(Language::Erlang),
        "elixir" => Some(Language::Elixir),
        "groovy" => Some(Language::Groovy),
        "julia" => Some(Language::Julia),
        "ocaml" => Some(Language::Ocaml),
        "swipl" | "gprolog" => Some(Language::Prolog),
        "tclsh" | "wish" | "expect" | "jimsh" => Some(Language::Tcl),
        _ => None,
    }
}

/// The language of a file by the end of its name.
pub(super) fn of_file(name: &[u8]) -> Option<Language> {
    let name = std::str::from_utf8(name).ok()?;
    let (_, end) = name.rsplit_once('.')?;
    match end {
        "py" => Some(Language::Python),
        "pl" => Some(Language::Perl),
        "rb" => Some(Language::Ruby),
        "js" | "mjs" | "cjs" => Some(Language::JavaScript),
        "php" => Some(Language::Php),
        "awk" => Some(Language::Awk),
        "gp" | "gnuplot" | "plt" => Some(Language::Gnuplot),
        "lua" => Some(Language::Lua),
        "R" | "r" => Some(Language::R),
        "scm" | "guile" | "lisp" | "cl" | "el" | "rkt" => Some(Language::Scheme),
        "fish" | "csh" | "tcsh" | "nu" | "elv" | "xsh" => Some(Language::OtherShell),
        "escript" | "erl" => Some(Language::Erlang),
        "ex" | "exs" => Some(Language::Elixir),
        "groovy" => Some(Language::Groovy),
        "jl" => Some(Language::Julia),
        "ml" => Some(Language::Ocaml),
        "tcl" | "exp" => Some(Language::Tcl),
        _ => None,
    }
}

impl Call {
    /// The same for a call that gives its text to a shell, however short.
    fn into_code(self) -> Self {
        match self {
            Self::Program(text) | Self::Code(text) | Self::Line(text) => Self::Code(text),
        }
    }
}

/// What a script starts, and what only the running program knows, with 1-based lines.
#[derive(Debug, Default)]
pub(super) struct Started {
    pub calls: Vec<(u32, Call)>,
    /// Variables that a call is given and that the script does not assign.
    pub unknown: Vec<(u32, String)>,
}

/// Rounds in which functions that call functions are found.
const ROUNDS: usize = 4;

/// Functions that start what they are given, by their names.
pub(in crate::scripts) type Functions = BTreeMap<String, Function>;

/// The functions of a module that start what they are given.
pub(super) fn functions(text: &str, language: Language) -> Functions {
    if is_marked(language) || matches!(language, Language::Tcl | Language::OtherShell | Language::Other) {
        return Functions::new();
    }
    followed(text, language, Functions::new()).0.functions
}

/// Whether the calls of a language are found by texts that stand in front of literals.
const fn is_marked(language: Language) -> bool {
    !marks(language).is_empty()
}

/// Everything that a script starts; `functions` are those of modules that it loads.
pub(super) fn calls(text: &str, language: Language, functions: Functions) -> Started {
    match language {
        Language::Other => return Started { calls: other::programs(text), unknown: Vec::new() },
        Language::OtherShell => return Started { calls: shells::programs(text), unknown: Vec::new() },
        Language::Tcl => return Started { calls: tcl::calls(text), unknown: Vec::new() },
        _ if is_marked(language) => return Started { calls: marked(text, language), unknown: Vec::new() },
        _ => {}
    }
    let (known, scan) = followed(text, language, functions);
    let unknown = scan.open.iter().filter(|open| open.telling);
    let unknown = unknown.filter_map(|open| {
        let name = open.names.iter().find(|name| !name.ends_with(')'))?;
        (!open.names.iter().any(|name| known.is_given(name) || scan.assigned.contains(name)))
            .then(|| (open.line, name.clone()))
    });
    let unknown = unknown.collect();
    // A literal may be seen as a call of its own, and as what a variable is assigned.
    let (mut calls, mut seen) = (scan.found, BTreeSet::new());
    calls.retain(|found| seen.insert(found.clone()));
    Started { calls, unknown }
}

/// A script read until no more functions and variables are found.
fn followed(text: &str, language: Language, functions: Functions) -> (Known, Scan) {
    let mut known = Known::of(text, language, functions);
    let mut found = scan(text, language, &known);
    if !found.open.is_empty() || !found.names.is_empty() {
        let defined = definitions(text, language);
        for _ in 0..ROUNDS {
            if !known.learn(&found.open, &found.names, &defined) {
                break;
            }
            found = scan(text, language, &known);
        }
    }
    (known, found)
}

/// What one reading of a script finds.
#[derive(Debug, Default)]
struct Scan {
    found: Vec<(u32, Call)>,
    /// Calls that are given variables.
    open: Vec<Open>,
    /// The variables among them that the script assigns.
    assigned: BTreeSet<String>,
    /// Variables that are empty lists so far.
    empty: BTreeSet<String>,
    /// Other names of calls, and whether they give their text to a shell.
    names: Vec<(String, bool)>,
}

impl Scan {
    /// A call that is no call here: another name for it, or what somebody gives to it.
    fn passes(&mut self, (text, at, line): (&str, usize, u32), behind: &str, language: Language, shell: bool) {
        let renamed = behind.trim_start().strip_prefix(':').or_else(|| behind.trim_start().strip_prefix("as "));
        let begin = tail(text.get(..at).unwrap_or_default()).rsplit('\n').next().unwrap_or_default();
        if let Some(piece) = behind.trim_start().strip_prefix(',').filter(|_| begin.contains('(')) {
            let piece = pieces(piece, true).first().copied().unwrap_or_default();
            self.add(piece, language, (at, line), shell, (false, false));
        } else if let Some(name) = renamed {
            self.names.extend(name.trim_start().split(|c| !is_name(c)).next().map(|name| (name.to_owned(), shell)));
        }
        let name =
            begin.split_once('=').filter(|(_, value)| !value.starts_with(['=', '>'])).map(|(name, _)| name.trim());
        let name = name.and_then(|name| name.rsplit(|c| !is_name(c)).next()).filter(|name| !name.is_empty());
        self.names.extend(name.map(|name| (name.to_owned(), shell)));
    }

    /// What stands where a program is expected.
    fn add(
        &mut self,
        piece: &str,
        language: Language,
        place: (usize, u32),
        shell: bool,
        (each, telling): (bool, bool),
    ) {
        let (calls, names) = values(piece, language, shell);
        let telling = telling && calls.is_empty();
        self.found.extend(calls.into_iter().map(|call| (place.1, call)));
        if !names.is_empty() {
            self.open.push(Open { at: place.0, line: place.1, names, shell, each, telling });
        }
    }
}

fn scan(text: &str, language: Language, known: &Known) -> Scan {
    let holders = if language == Language::Awk { holders(text) } else { BTreeSet::new() };
    let mut scan = Scan::default();
    let (mut line, mut chars) = (1, text.char_indices().peekable());
    let mut before: Option<char> = None;
    let mut quotes = Quotes::default();
    while let Some((at, c)) = chars.next() {
        let rest = text.get(at..).unwrap_or_default();
        match c {
            '\n' => line += 1,
            '#' if !matches!(language, Language::JavaScript | Language::Lua)
                && before.is_none_or(char::is_whitespace) =>
            {
                skip_line(&mut chars);
            }
            // The manual of a script.
            '=' if matches!(language, Language::Perl | Language::Ruby)
                && before.is_none_or(|c| c == '\n')
                && rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())) =>
            {
                let end = if language == Language::Perl { "\n=cut" } else { "\n=end" };
                let length = rest.find(end).map_or(rest.len(), |at| at + end.len());
                line += newlines(rest, length);
                while chars.next_if(|&(next, _)| next < at + length).is_some() {}
            }
            '-' if language == Language::Lua && rest.starts_with("--") => skip_line(&mut chars),
            // A line for the shell.
            '!' if language == Language::Gnuplot && before.is_none_or(|c| c == '\n') => {
                let code = rest.lines().next().and_then(|line| fixed(line.get(1..)?, false));
                scan.found.extend(code.map(|code| (line, Call::Code(code))));
                skip_line(&mut chars);
            }
            '/' if matches!(language, Language::JavaScript | Language::Php)
                && rest.starts_with("//")
                && before != Some(':') =>
            {
                skip_line(&mut chars);
            }
            // What stands in a text of the language is no call.
            '"' | '\'' | '`' => {
                let (length, content) = quotes.literal(text, at);
                let code = match language {
                    Language::Perl | Language::Ruby | Language::Php | Language::Gnuplot | Language::Julia
                        if c == '`' =>
                    {
                        let begin = rest.get(1..length.saturating_sub(1)).filter(|_| content.is_none());
                        let names: Vec<String> =
                            begin.and_then(given::first_variable).map(str::to_owned).into_iter().collect();
                        if !names.is_empty() {
                            scan.open.push(Open { at, line, names, shell: true, each: false, telling: false });
                        }
                        content
                    }
                    Language::Awk | Language::Gnuplot if c != '`' => piped((text, &holders), at, length, language),
                    // zx
                    Language::JavaScript if c == '`' && before == Some('$') => content,
                    _ => None,
                };
                scan.found.extend(code.map(|code| (line, Call::Code(code))));
                line += newlines(rest, length);
                while chars.next_if(|&(next, _)| next < at + length).is_some() {}
            }
            'q' | '%' if is_quoted_code(rest, language) && !before.is_some_and(is_name) => {
                let content = rest.get(2..).and_then(enclosed);
                scan.found.extend(content.map(|code| (line, Call::Code(code))));
            }
            _ if is_name(c) && !before.is_some_and(is_name) => {
                let end = rest.find(|c| !is_name(c) && c != '.').unwrap_or(rest.len());
                let (name, behind) = rest.split_at(end);
                let plain = !before.is_some_and(|c| c == '$' || c == '@');
                named(&mut scan, (text, at, line), (name, behind, plain), language, known);
                while chars.next_if(|&(next, _)| next < at + end).is_some() {}
                before = name.chars().next_back();
                continue;
            }
            _ => {}
        }
        before = Some(c);
    }
    scan
}

/// One name of a script: a call, a function of the script that is given a program, or a variable that is assigned one.
fn named(
    scan: &mut Scan,
    (text, at, line): (&str, usize, u32),
    (name, behind, plain): (&str, &str, bool),
    language: Language,
    known: &Known,
) {
    let full = known.full(name);
    let last = full.rsplit('.').next().unwrap_or_default();
    if plain && known.calls && is_call(&full, language) {
        let shell = by_shell(&full, language);
        // `pattern.exec(text)` of JavaScript is none of these.
        let telling = !(language == Language::JavaScript && last == "exec");
        match argument(behind, language, &full) {
            Some(Argument::Literal(call, piece)) => {
                let closed = behind.trim_start().starts_with('(');
                scan.found.extend(line_of(&call, piece, (closed, shell)).map(|call| (line, call)));
                scan.found.push((line, call));
                let piece = pieces(piece, closed).first().copied().unwrap_or_default();
                if [" if ", "?", "||", " or ", "//"].iter().any(|sign| piece.contains(sign)) {
                    scan.add(piece, language, (at, line), shell, (false, false));
                }
            }
            Some(Argument::Piece(piece)) => scan.add(piece, language, (at, line), shell, (false, telling)),
            None => scan.passes((text, at, line), behind, language, shell),
        }
        // A pipeline has one in each argument.
        if last.starts_with("pipeline")
            && let Some(inside) = behind.strip_prefix('(')
        {
            pieces(inside, true).iter().for_each(|piece| scan.add(piece, language, (at, line), shell, (false, false)));
        }
        return;
    }
    if let Some(module) = known.module_call(&full) {
        scan.found.push((line, Call::Program(module)));
    }
    let begin = text.get(..at).unwrap_or_default();
    let defines = ["def", "function", "sub"].iter().any(|word| begin.trim_end().ends_with(word));
    // `Runner.new(…)` of Ruby, `list.append(…)`.
    let owner = full.rsplit('.').nth(1).unwrap_or_default();
    let called = if last == "new" { owner } else { last };
    if let Some(function) = known.function(called).filter(|_| plain && !defines) {
        let bare = matches!(language, Language::Perl | Language::Ruby) && behind.starts_with([' ', '\t']);
        let inside = behind.trim_start().strip_prefix('(');
        let closed = inside.is_some();
        if let Some(inside) = inside.or(bare.then_some(behind))
            && let Some(piece) = pieces(inside, closed).get(function.argument)
        {
            scan.add(piece, language, (at, line), function.shell, (false, false));
        }
    }
    let adds = given::ADDS.contains(&last) && behind.starts_with('(');
    let behind = if adds { text.get(at + name.len() - last.len() - 1..).unwrap_or_default() } else { behind };
    let last = if adds { owner } else { last };
    if last == "return"
        && let Some(variable) = known.returned(at)
    {
        let value = pieces(behind.trim_start(), false).first().copied().unwrap_or_default();
        scan.add(value, language, (at, line), variable.shell, (false, false));
        return;
    }
    let Some(variable) = known.variable(last) else { return };
    let Some((value, each)) = given::assigned(behind, begin) else {
        // What is put first into an empty list.
        let new = begin.ends_with(['@', '$']) && behind.starts_with(';');
        if new {
            scan.empty.insert(last.to_owned());
        } else if let Some(value) = given::added(behind, begin).filter(|_| scan.empty.remove(last)) {
            scan.assigned.insert(last.to_owned());
            let value = pieces(value, false).first().copied().unwrap_or_default();
            scan.add(value, language, (at, line), variable.shell, (false, false));
        }
        return;
    };
    if ["[]", "list()", "()", "new Array", "Array.new"].iter().any(|list| value.starts_with(list)) {
        scan.empty.insert(last.to_owned());
        scan.assigned.insert(last.to_owned());
        return;
    }
    scan.assigned.insert(last.to_owned());
    let each = each || variable.each;
    let words = ["qw", "(qw", "%w"].iter().find_map(|begin| value.strip_prefix(begin)).filter(|_| each);
    if let Some(words) = words.and_then(|words| words.get(1..)?.split([')', ']', '}', '/', '>']).next()) {
        scan.found.extend(words.split_whitespace().map(|word| (line, Call::Program(word.to_owned()))));
    } else if let Some(list) = value.strip_prefix(['[', '(']).filter(|_| each) {
        for piece in pieces(list, true) {
            scan.add(piece, language, (at, line), variable.shell, (false, false));
        }
    } else {
        let whole = value;
        let value = pieces(value, false).first().copied().unwrap_or_default();
        if let Some(list) = whole.strip_prefix(['[', '(']) {
            let first = values(value, language, variable.shell).0.into_iter().next();
            scan.found
                .extend(first.and_then(|call| line_of(&call, list, (true, variable.shell))).map(|call| (line, call)));
        }
        scan.add(value, language, (at, line), variable.shell, (each, false));
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn skip_line(chars: &mut Peekable<CharIndices<'_>>) {
    while chars.next_if(|&(_, c)| c != '\n').is_some() {}
}

fn newlines(text: &str, length: usize) -> u32 {
    let count = text.get(..length).map_or(0, |part| part.matches('\n').count());
    u32::try_from(count).unwrap_or_default()
}

/// `qx{…}` of Perl, `%x(…)` of Ruby.
fn is_quoted_code(text: &str, language: Language) -> bool {
    match language {
        Language::Perl => text.starts_with("qx") && text.chars().nth(2).is_some_and(|c| c.is_ascii_punctuation()),
        Language::Ruby => text.starts_with("%x") && text.chars().nth(2).is_some_and(|c| c.is_ascii_punctuation()),
        _ => false,
    }
}

/// The first word of a text that a language takes apart by itself.
fn first_word(text: &str) -> Option<String> {
    text.split_whitespace().next().map(str::to_owned)
}

/// Bytes of a text for the shell between two signs.
const LONGEST_CODE: usize = 16 * 1024;

/// The text between a sign and its partner.
fn enclosed(text: &str) -> Option<String> {
    let open = text.chars().next()?;
    let close = match open {
        '(' => ')',
        '{' => '}',
        '[' => ']',
        '<' => '>',
        other => other,
    };
    // Signs that are not closed would each look at the rest.
    let inside = head(text.get(open.len_utf8()..)?, LONGEST_CODE);
    inside.find(close).and_then(|end| fixed(inside.get(..end)?, true))
}

/// What a call is given as the program.
enum Argument<'a> {
    /// A literal, with the text that it begins.
    Literal(Call, &'a str),
    /// Something else: the text of the argument.
    Piece(&'a str),
}

/// The first literal among the first arguments of a call, or the argument where it would stand.
fn argument<'a>(text: &'a str, language: Language, name: &str) -> Option<Argument<'a>> {
    let inside = text.trim_start().strip_prefix('(');
    // Perl and Ruby call without parentheses.
    let inside = match (inside, language) {
        (Some(inside), _) => inside,
        (None, Language::Perl | Language::Ruby | Language::Gnuplot) if text.starts_with([' ', '\t']) => text,
        (None, _) => return None,
    };
    let skipped = match name.rsplit('.').next().unwrap_or_default() {
        // The mode of os.spawn*, the handle and the mode of open.
        _ if name.starts_with("os.spawn") => 1,
        "open" => 2,
        "open2" => 2,
        "open3" => 3,
        _ => 0,
    };
    // The environment of Ruby's calls.
    let inside = match inside.trim_start().starts_with('{') && language == Language::Ruby {
        true => inside.split_once('}').and_then(|(_, rest)| rest.trim_start().strip_prefix(',')).unwrap_or(inside),
        false => inside,
    };
    let (mut rest, mut piped) = (inside, false);
    for number in 0..=skipped {
        rest = rest.trim_start().trim_start_matches(['[', '(']).trim_start();
        let prefix = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(0);
        let (prefix, quoted) = rest.split_at(if language == Language::Python && prefix <= 2 { prefix } else { 0 });
        if quoted.starts_with(['"', '\'', '`']) {
            let (length, _) = literal(quoted);
            let whole = quoted.get(1..length.saturating_sub(1)).unwrap_or_default();
            let expands = match language {
                Language::Python => prefix.contains(['f', 'F']),
                Language::Awk | Language::Gnuplot | Language::Lua | Language::Octave | Language::R => false,
                _ => !quoted.starts_with('\''),
            };
            if name == "open" {
                if matches!(whole, "-|" | "|-") {
                    piped = true;
                } else if let Some(code) = whole.trim().strip_suffix('|').or_else(|| whole.trim().strip_prefix('|')) {
                    if let Some(code) = fixed(code, expands) {
                        return Some(Argument::Literal(Call::Code(code), quoted));
                    }
                    return Some(Argument::Piece(head(quoted, length)));
                } else if piped && let Some(call) = call(whole, expands) {
                    return Some(Argument::Literal(call, quoted));
                }
            } else if !given::is_taken_apart(quoted.get(length..).unwrap_or_default()) {
                let call = call(whole, expands);
                if let Some(call) = call {
                    let call = if by_shell(name, language) { call.into_code() } else { call };
                    return Some(Argument::Literal(call, quoted));
                }
            }
        }
        if number < skipped {
            rest = rest.split_once(',')?.1;
        }
    }
    let closed = text.trim_start().starts_with('(');
    let at = if name == "open" && !piped { return None } else { skipped };
    pieces(inside, closed).get(at).map(|piece| Argument::Piece(piece))
}

/// A program with the literals among its arguments; what is none may be anything.
fn line_of(call: &Call, text: &str, (closed, shell): (bool, bool)) -> Option<Call> {
    let Call::Program(_) = call else { return None };
    let text = head(text, LONGEST_LINE);
    let (mut words, mut at, mut depth, mut quotes) = (Vec::new(), 0, 0_usize, Quotes::default());
    let mut literal = None;
    // `NAME=value` of env.
    let word = |text: &str| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && name.chars().all(is_name) => format!("{name}={}", quoted(value)),
        _ => quoted(text),
    };
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()).filter(|_| words.len() < MOST_WORDS) {
        let mut length = c.len_utf8();
        match c {
            '"' | '\'' | '`' => {
                length = quotes.literal(text, at).0;
                literal = text.get(at + 1..at + length.saturating_sub(1));
            }
            '(' | '[' | '{' => depth += 1,
            // The list ends, and perhaps the call.
            ')' | ']' | '}' if depth == 0 && !text.get(at + 1..)?.trim_start().starts_with(',') => break,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' => words.push(literal.take().map_or("\"$_\"".to_owned(), word)),
            ';' | '=' => break,
            '\n' if !closed => break,
            _ => {}
        }
        at += length;
    }
    words.extend(literal.map(word));
    (words.len() > 1 && !shell).then(|| Call::Line(words.join(" ")))
}

/// Bytes and words of one command line that are looked at.
const LONGEST_LINE: usize = 512;
const MOST_WORDS: usize = 32;

/// A text with blanks is code, another one a program.
fn call(whole: &str, expands: bool) -> Option<Call> {
    let fixed = fixed(whole, expands)?;
    let one = !fixed.contains(|c: char| c.is_whitespace() || "|;&<>()`$".contains(c));
    Some(if one { Call::Program(fixed) } else { Call::Code(fixed) })
}

/// The part of a text in front of its first variable, when at least one whole word stands there.
fn fixed(text: &str, expands: bool) -> Option<String> {
    let end = if expands {
        text.find(['$', '{', '@']).map(|at| if text.get(..at).is_some_and(|t| t.ends_with('#')) { at - 1 } else { at })
    } else {
        None
    };
    let Some(end) = end else { return Some(text.trim().to_owned()).filter(|text| !text.is_empty()) };
    let before = text.get(..end)?;
    let words = before.get(..before.rfind(char::is_whitespace)?)?.trim();
    // What follows is not known: a blank makes it code with at least one argument.
    (!words.is_empty()).then(|| format!("{words} "))
}

/// The length of a literal with its quotes, of three where there are so many, and the text in it that is fixed.
fn literal(text: &str) -> (usize, Option<String>) {
    let Some(quote) = text.chars().next() else { return (0, None) };
    let long = quote.to_string().repeat(3);
    if text.starts_with(&long) {
        let end = text.get(3..).and_then(|rest| rest.find(&long)).map_or(text.len(), |at| at + 6);
        return (end, None);
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // An apostrophe in a comment or a pattern: no literal of these goes on behind its line.
            '\n' if quote != '`' => return (1, None),
            _ if c == quote => return (at + 1, text.get(1..at).and_then(|inside| fixed(inside, true))),
            _ => {}
        }
    }
    (1, None)
}

/// Reads literals of one text, and none again that is not closed: each quote in it may be escaped, and would read the rest.
#[derive(Debug, Default)]
struct Quotes {
    /// For each kind of quote, the end of the line or text up to which none is closed.
    open: [usize; 3],
}

impl Quotes {
    /// As [`literal`], of the text from there on.
    fn literal(&mut self, text: &str, at: usize) -> (usize, Option<String>) {
        let rest = text.get(at..).unwrap_or_default();
        let kind = match rest.chars().next() {
            Some('"') => 0,
            Some('\'') => 1,
            _ => 2,
        };
        let Some(open) = self.open.get_mut(kind).filter(|open| **open <= at) else { return (1, None) };
        let found = literal(rest);
        if found == (1, None) {
            *open = at + rest.find('\n').filter(|_| kind < 2).unwrap_or(rest.len());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, language: Language) -> Vec<String> {
        let show = |(line, call): (u32, Call)| match call {
            Call::Program(name) => format!("{line} {name}"),
            Call::Code(code) => format!("{line} sh: {}", code.trim()),
            Call::Line(text) => format!("{line} line: {text}"),
        };
        let found = calls(text, language, Functions::new()).calls.into_iter();
        // The same programs with their arguments.
        found.filter(|(_, call)| !matches!(call, Call::Line(_))).map(show).collect()
    }

    #[test]
    fn python() {
        let text = "import subprocess, os\n\
                    # subprocess.run(['no'])\n\
                    subprocess.run(['git', 'status'])\n\
                    subprocess.check_output(\n    [\"tar\", 'x'])\n\
                    os.system(\"gzip -d x.gz && rm x\")\n\
                    x = subprocess.run(f'convert {a} b', shell=True)\n\
                    os.execvp(\"nginx\", args)\n\
                    os.spawnlp(os.P_WAIT, 'cp', 'cp')\n\
                    await asyncio.create_subprocess_exec('ffmpeg', *args)\n\
                    subprocess.run(cmd)\n\
                    run(['no'])\n\
                    print(\"subprocess.run(['no'])\")\n\
                    exec('no')\n\
                    subprocess.Popen(('sed', '-i'))\n";
        assert_eq!(
            all(text, Language::Python),
            ["3 git", "4 tar", "6 sh: gzip -d x.gz && rm x", "7 sh: convert", "8 nginx", "9 cp", "10 ffmpeg", "15 sed"]
        );
    }

    #[test]
    fn perl() {
        let text = "my $x = `date +%s`;\nsystem('tar', 'x');\nsystem \"gzip -d $f\";\nexec { $x } 'no';\nmy $y = qx{uname -a};\n\
                    open(my $f, '-|', 'git', 'log');\nopen(F, \"find . |\");\nopen(my $g, '<', 'file');\n# system('no');\n\
                    $obj->system_no('x');\nexec(\"sort\") or die;\n";
        assert_eq!(
            all(text, Language::Perl),
            ["1 sh: date +%s", "2 tar", "3 sh: gzip -d", "5 sh: uname -a", "6 git", "7 sh: find .", "11 sort"]
        );
    }

    #[test]
    fn manuals_are_no_code() {
        let text = "system('tac');\n=head1 USE\n\nIt can't `run` system('no').\n\n=cut\nsystem('rev');\n";
        assert_eq!(all(text, Language::Perl), ["1 tac", "7 rev"]);
        let text = "system('tac')\n=begin\nsystem('no')\n=end\nsystem('rev')\n";
        assert_eq!(all(text, Language::Ruby), ["1 tac", "5 rev"]);
    }

    #[test]
    fn awk_and_gnuplot() {
        let text = "BEGIN { system(\"rm -f /tmp/x\"); \"date +%Y\" | getline y; print \"b\" | \"sort -r\"\n\
                    # system(\"no\")\n\
                    if (a || \"no\" || b) print \"no\" > \"no\"; cmd = \"no\"; print 1 |& \"bc\"\n\
                    \"id \" u |& getline x; \"hostname\" |getline }\n\
                    { cmd2 = \"tac \" f; while ((cmd2 | getline x) > 0) n++; c = \"no\"; (\"nl\" x) | getline; run = \"od x\"; system(run) }\n";
        assert_eq!(
            all(text, Language::Awk),
            [
                "1 sh: rm -f /tmp/x",
                "1 sh: date +%Y",
                "1 sh: sort -r",
                "3 sh: bc",
                "4 sh: id",
                "4 sh: hostname",
                "5 sh: tac",
                "5 sh: nl",
                "5 sh: od x"
            ]
        );
        let text = "set output \"| lpr\"\nplot sin(x), '< cut -f1 a'\nx = `date`\nprint system(\"uname -a\")\n!ls\n# system(\"no\")\n\
                    set title \"no | no\"\nsystem 'tac x'\n";
        assert_eq!(
            all(text, Language::Gnuplot),
            ["1 sh: lpr", "2 sh: cut -f1 a", "3 sh: date", "4 sh: uname -a", "5 sh: ls", "8 sh: tac x"]
        );
    }

    #[test]
    fn lua_r_octave_and_tcl() {
        let text = "-- os.execute('no')\nos.execute(\"tac x\")\nlocal f = io.popen('cut -f1', 'r')\nlocal n = #t; print('#')\n";
        assert_eq!(all(text, Language::Lua), ["2 sh: tac x", "3 sh: cut -f1"]);
        let text = "x <- system(\"uname -a\", intern = TRUE)\nsystem2('sort', 'x')\n# system('no')\ny <- read.table(pipe(\"cut -f1\"))\n";
        assert_eq!(all(text, Language::R), ["1 sh: uname -a", "2 sh: sort", "4 sh: cut -f1"]);
        let erlang = "% os:cmd(\"no\")\nmain(_) -> os:cmd(\"tac x\"), open_port({spawn, \"cut -f1\"}, []).\n";
        assert_eq!(all(erlang, Language::Erlang), ["2 sh: tac x", "2 sh: cut -f1"]);
        let ocaml = "let _ = Sys.command \"tac x\";;\nlet _ = Unix.execvp \"sort\" a (* Sys.command \"no\" *)\n";
        assert_eq!(all(ocaml, Language::Ocaml), ["1 sh: tac x", "2 sort"]);
        let groovy = "println \"tac x\".execute().text\n['sort', 'x'].execute()\nnew ProcessBuilder('nl').start()\n";
        assert_eq!(all(groovy, Language::Groovy), ["1 tac", "2 sort", "3 nl"]);
        let prolog = "main :- process_create(path(tac), [x], []), shell('nl x').\n";
        assert_eq!(all(prolog, Language::Prolog), ["1 sh: nl x", "1 tac"]);
        assert_eq!(all("run(`tac x`)\n", Language::Julia), ["1 sh: tac x"]);
        assert_eq!(all("{o, 0} = System.cmd(\"tac\", [\"x\"])\n", Language::Elixir), ["1 tac"]);
        let lisp = "(sb-ext:run-program \"/usr/bin/tac\" '(\"x\"))\n(uiop:run-program \"nl x\")\n";
        assert_eq!(all(lisp, Language::Scheme), ["1 /usr/bin/tac", "2 sh: nl x"]);
        assert_eq!(all("[s, o] = system ('tac x');\n", Language::Octave), ["1 sh: tac x"]);
        let text = "set x [exec date +%s]\n# exec no\nspawn -noecho ssh host\nexec sort x | uniq -c >y\nset f [open \"|cut -f1 x\"]\nexec $no\nset f [open \"no\"]\n";
        let scheme = "(system \"tac x\") ; (system \"no\")\n(job '(next-second) \"cut -f1 $(nl x)\")\n(system* \"sort\" \"x\")\n(job 1 (lambda () \"no\"))\n(system (string-append \"no\"))\n";
        assert_eq!(all(scheme, Language::Scheme), ["1 sh: tac x", "2 sh: cut -f1 $(nl x)", "3 sort"]);
        assert_eq!(all(text, Language::Tcl), ["1 date", "3 ssh", "4 sort", "4 uniq", "5 cut"]);
    }

    #[test]
    fn ruby() {
        let text = "x = `date`\nsystem('tar', 'x')\nsystem \"gzip -d #{f}\"\nputs %x(uname -a)\nOpen3.capture3('git', 'log')\n\
                    IO.popen([\"sort\"]) { }\nspawn(\"sed -i x y\")\nexec(cmd)\n";
        assert_eq!(
            all(text, Language::Ruby),
            ["1 sh: date", "2 tar", "3 sh: gzip -d", "4 sh: uname -a", "5 git", "6 sort", "7 sh: sed -i x y"]
        );
    }

    #[test]
    fn javascript() {
        let text = "const { execSync, spawn } = require('child_process');\n// exec('no')\nexecSync('git status');\n\
                    spawn(\"tar\", ['x']);\ncp.execFile('/usr/bin/convert', []);\nexec(`gzip ${f}`);\nspawn(cmd);\n\
                    const url = 'http://x/'; cp.spawnSync('sort');\n";
        assert_eq!(
            all(text, Language::JavaScript),
            ["3 sh: git status", "4 tar", "5 /usr/bin/convert", "6 sh: gzip", "8 sort"]
        );
        assert!(all("exec('git')", Language::JavaScript).is_empty());
    }

    #[test]
    fn php() {
        let text = "<?php\n$x = shell_exec(\"pdftotext\");\nsystem('tar x');\n// exec('no');\n$y = `date`;\n# exec('no');\n\
                    proc_open(\"sort $f\", [], $p);\n$o->exec_no('x');\nfile_put_contents('no', 1);\n";
        assert_eq!(all(text, Language::Php), ["2 sh: pdftotext", "3 sh: tar x", "5 sh: date", "7 sh: sort"]);
    }

    #[test]
    fn names_tell_languages() {
        for (path, language) in [
            ("/usr/bin/python3.11", Some(Language::Python)),
            ("node", Some(Language::JavaScript)),
            ("perl", Some(Language::Perl)),
            ("ruby3.1", Some(Language::Ruby)),
            ("py", None),
            ("bash", None),
        ] {
            assert_eq!(of_interpreter(path), language, "{path}");
        }
        assert_eq!(of_file(b"x.mjs"), Some(Language::JavaScript));
        assert_eq!(of_file(b"x.cjs"), Some(Language::JavaScript));
        assert_eq!(of_file(b"x.rb"), Some(Language::Ruby));
        assert_eq!(of_file(b"x.perl"), None);
    }

    #[test]
    fn nothing_of_any_text_panics() {
        for text in
            ["system", "system(", "system('", "qx", "qx{", "open(", "`", "'''", "subprocess.run([", "%x", "é'ü\n`ß"]
        {
            for language in [Language::Python, Language::Perl, Language::Ruby, Language::JavaScript, Language::Php] {
                let _ = calls(text, language, Functions::new());
                let _ = calls(&format!("child_process {text}"), language, Functions::new());
            }
        }
    }
}
