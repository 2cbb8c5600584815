//! Text → tokens. Owns quoting, comments, here-documents and where a substitution ends.
//!
//! Substitutions are read by the same lexer, so that a quote, a comment or a `case` inside `$(…)` means there what it
//! means elsewhere. Every character is read once: the time is linear, and the depth has a limit. It knows no grammar but
//! what decides whether a `)` ends something.

mod expansion;
mod here;

use std::fmt;

/// Deepest nesting of substitutions and quotes that is followed. People write three or four levels.
const DEEPEST: usize = 48;

/// One token of shell code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A word, quotes removed.
    Word(Word),
    /// An operator or a newline.
    Operator(Operator),
}

/// Operators, grouped by what they mean for command position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `;` `&` and newline: a command ends, another may begin.
    Separator,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|` `|&`.
    Pipe,
    /// `;;` `;&` `;;&`: a case branch ends.
    CaseEnd,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `<` `>` `>>` `>&` `<&` `<>` `>|` `&>` and here-documents: the next word is no argument.
    Redirect,
    /// `<<<`: the next word is no argument, but the standard input.
    HereString,
}

impl Operator {
    /// Whether the next word belongs to it, and to no command.
    fn takes_word(self) -> bool {
        matches!(self, Self::Redirect | Self::HereString)
    }
}

/// One word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The text with quotes removed; expansions as written.
    pub text: String,
    /// Line of its beginning; the first is 1.
    pub line: u32,
    /// Some of it was quoted: it is no reserved word.
    pub quoted: bool,
    /// It holds an expansion, so that its value is not known here.
    pub expands: bool,
    /// It holds a character outside quotes that only a shell understands: `$`, a backtick, a glob, `~`, `{`.
    pub special: bool,
    /// It begins with an unquoted `NAME=`.
    pub assignment: bool,
    /// Shell code inside `$(…)`, backticks and `<(…)`; the parser takes it out.
    pub inner: Vec<Vec<Token>>,
    /// The name that a `$(command -v NAME)` in it looks for.
    pub looks_for: Option<String>,
    /// The words of an array of bash, `NAME=(…)`.
    pub array: Vec<Token>,
    /// The text of the here-document that this word ends, and the line of its beginning.
    pub here: Option<(String, u32)>,
}

/// Something that begins and does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexError {
    /// What was opened: a quote, `$(`, `${` or a backtick; `(` when it lies too deep to be followed.
    pub what: &'static str,
    /// Byte offset of the opening.
    pub offset: usize,
    /// Its line; the first is 1.
    pub line: u32,
}

impl fmt::Display for LexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, wrong) = match self.what {
            "'" => ("a single quote", "is not closed"),
            "\"" => ("a double quote", "is not closed"),
            "`" => ("a backtick", "is not closed"),
            "(" => ("a substitution", "is nested too deeply"),
            "$(" => ("'$('", "is not closed"),
            _ => ("'${'", "is not closed"),
        };
        write!(f, "{name} that is opened at character {} {wrong}", self.offset + 1)
    }
}

impl std::error::Error for LexError {}

/// The tokens of `script`.
///
/// # Errors
/// A quote, `$(`, `${` or backtick that is not closed.
pub(crate) fn tokens(script: &str) -> Result<Vec<Token>, LexError> {
    let (tokens, error) = tokens_from(script, 1, 0);
    error.map_or(Ok(tokens), Err)
}

/// The tokens of `script`, whose first line has that number, up to its end or to the first error.
pub(super) fn tokens_from(script: &str, line: u32, depth: usize) -> (Vec<Token>, Option<LexError>) {
    let mut lexer = Lexer {
        text: script,
        at: 0,
        tokens: Vec::new(),
        heredocs: Vec::new(),
        counted: 0,
        line,
        depth,
        test: false,
        no_arithmetic: 0,
    };
    loop {
        match lexer.step() {
            Ok(true) => {}
            Ok(false) => return (lexer.tokens, None),
            Err(error) => return (lexer.tokens, Some(error)),
        }
    }
}

struct Lexer<'s> {
    text: &'s str,
    /// Byte offset, always on a character boundary.
    at: usize,
    tokens: Vec<Token>,
    /// Here-documents that begin after this line.
    heredocs: Vec<here::Document>,
    /// Lines are counted up to this offset.
    counted: usize,
    /// Line of `counted`.
    line: u32,
    /// Substitutions and quotes around this place.
    depth: usize,
    /// Inside `[[ … ]]`, where operators are words.
    test: bool,
    /// No `((` before this offset is arithmetic: its end was looked for already.
    no_arithmetic: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// The line that reading has come to.
    fn line(&mut self) -> u32 {
        let passed = self.text.get(self.counted..self.at).unwrap_or("");
        let lines = passed.bytes().filter(|&b| b == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.counted = self.at.max(self.counted);
        self.line
    }

    fn error(&mut self, what: &'static str, offset: usize) -> LexError {
        let line = self.line();
        LexError { what, offset, line }
    }

    /// Reads one token; false at the end.
    fn step(&mut self) -> Result<bool, LexError> {
        while self.eat(" ") || self.eat("\t") || self.eat("\r") || self.eat("\\\n") {}
        let Some(c) = self.peek() else { return Ok(false) };
        if c == '\n' {
            self.at += 1;
            if !self.test {
                self.operator(Operator::Separator);
            }
            self.read_heredocs()?;
            return Ok(true);
        }
        if self.test {
            return self.test_word();
        }
        if c == '#' {
            // A comment is a shell's business too: it reads as an empty command, never as plain words.
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            self.operator(Operator::Separator);
            return Ok(true);
        }
        if self.rest().starts_with("<(") || self.rest().starts_with(">(") {
            self.word()?;
            return Ok(true);
        }
        if self.rest().starts_with("((") && self.arithmetic_command()? {
            return Ok(true);
        }
        for (text, operator) in OPERATORS {
            if self.eat(text) {
                self.operator(*operator);
                if *text == "<<" || *text == "<<-" {
                    self.heredoc(*text == "<<-")?;
                }
                return Ok(true);
            }
        }
        let command = self.in_command_position();
        let before = self.tokens.len();
        self.word()?;
        self.test = command && matches!(self.tokens.get(before), Some(Token::Word(w)) if w.text == "[[" && !w.quoted);
        Ok(true)
    }

    /// Whether the next word begins a command, as far as the tokens so far show.
    fn in_command_position(&self) -> bool {
        match self.tokens.last() {
            None => true,
            Some(Token::Operator(operator)) => !operator.takes_word(),
            Some(Token::Word(word)) => {
                const BEFORE: [&str; 9] = ["if", "then", "else", "elif", "do", "while", "until", "!", "{"];
                !word.quoted && BEFORE.contains(&word.text.as_str())
            }
        }
    }

    /// One word of `[[ … ]]`; operators are words of it.
    fn test_word(&mut self) -> Result<bool, LexError> {
        let c = self.peek().unwrap_or(' ');
        if "();&|<>".contains(c) {
            let line = self.line();
            self.at += 1;
            self.tokens.push(Token::Word(Word { text: c.to_string(), line, quoted: true, ..Word::default() }));
            return Ok(true);
        }
        let before = self.tokens.len();
        self.word()?;
        if matches!(self.tokens.get(before), Some(Token::Word(w)) if w.text == "]]" && !w.quoted) {
            self.test = false;
        }
        Ok(true)
    }

    fn operator(&mut self, operator: Operator) {
        if operator.takes_word() {
            // `2>`: the number belongs to the operator.
            let number =
                |word: &Word| !word.quoted && !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit());
            if matches!(self.tokens.last(), Some(Token::Word(word)) if number(word) && self.touches()) {
                self.tokens.pop();
            }
        }
        self.tokens.push(Token::Operator(operator));
    }

    /// Whether the operator that was just read follows a digit without a blank.
    fn touches(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or("").trim_end_matches(['<', '>', '&', '|', '-']);
        before.ends_with(|c: char| c.is_ascii_digit())
    }

    /// Tokens up to the `)` that ends what was opened just before; the parenthesis is read too.
    fn until_close(&mut self, what: &'static str, start: usize) -> Result<Vec<Token>, LexError> {
        self.enter(start)?;
        let outer = std::mem::take(&mut self.tokens);
        let test = std::mem::take(&mut self.test);
        let mut inside = Inside::default();
        loop {
            let before = self.tokens.len();
            if !self.step()? {
                return Err(self.error(what, start));
            }
            if self.tokens.len() > before && inside.ends(&self.tokens) {
                self.tokens.pop();
                break;
            }
        }
        self.leave();
        self.test = test;
        Ok(std::mem::replace(&mut self.tokens, outer))
    }

    fn enter(&mut self, start: usize) -> Result<(), LexError> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(self.error("(", start)) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn word(&mut self) -> Result<(), LexError> {
        let mut word = Word { line: self.line(), ..Word::default() };
        // Whether a `[` before this offset opens a set.
        let mut set: Option<(usize, bool)> = None;
        // An unquoted `NAME[` was read: `NAME[subscript]=` is an assignment.
        let mut subscript = false;
        loop {
            let start = self.at;
            let Some(c) = self.peek() else { break };
            subscript |= c == '[' && !word.quoted && is_name(&word.text);
            let element = subscript && (word.text.ends_with(']') || word.text.ends_with("]+"));
            if c == '=' && !word.assignment && ((!word.quoted && is_name(&word.text)) || element) {
                word.assignment = true;
            }
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | ')' => break,
                '<' | '>' if self.rest().get(1..2) == Some("(") && word.text.is_empty() => {
                    self.at += 2;
                    expansion::special(&mut word);
                    let inner = self.until_close("$(", start)?;
                    word.inner.push(inner);
                }
                '<' | '>' => break,
                // An array of bash: NAME=(…).
                '(' if word.assignment && word.text.ends_with('=') => {
                    self.at += 1;
                    expansion::special(&mut word);
                    word.array = self.until_close("$(", start)?;
                }
                '(' => break,
                '\'' => {
                    self.at += 1;
                    word.quoted = true;
                    let Some(end) = self.rest().find('\'') else { return Err(self.error("'", start)) };
                    word.text.push_str(self.rest().get(..end).unwrap_or(""));
                    self.at += end + 1;
                }
                '"' => {
                    self.at += 1;
                    word.quoted = true;
                    self.double_quoted(&mut word, start)?;
                }
                '\\' => {
                    self.at += 1;
                    match self.bump() {
                        Some('\n') => {}
                        Some(c) => {
                            word.quoted = true;
                            word.text.push(c);
                        }
                        None => word.text.push('\\'),
                    }
                }
                '$' | '`' => self.expansion(&mut word, false)?,
                _ => {
                    let glob = match c {
                        '*' | '?' => true,
                        // `[` opens a set only when it is closed in the same word.
                        '[' => {
                            let known = set.filter(|&(end, _)| start < end).unwrap_or_else(|| self.set_closes(start));
                            set = Some(known);
                            known.1
                        }
                        '{' | '}' | '~' | '!' => word.text.is_empty(),
                        _ => false,
                    };
                    word.special |= glob;
                    word.text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
        if word.text.is_empty() && !word.quoted && word.inner.is_empty() && !word.special {
            // Only a joined line, or a character that no rule takes: go on behind it.
            if !self.text.get(..self.at).unwrap_or("").ends_with("\\\n") {
                self.bump();
            }
            return Ok(());
        }
        self.tokens.push(Token::Word(word));
        Ok(())
    }

    /// Where the characters of this word end, and whether there is a `]` among them.
    fn set_closes(&self, start: usize) -> (usize, bool) {
        let part = self.rest().split([' ', '\t', '\n', ';']).next().unwrap_or("");
        (start + part.rfind(']').unwrap_or(part.len()), part.contains(']'))
    }
}

/// What is open inside a parenthesis: decides which `)` ends it.
#[derive(Default)]
struct Inside {
    /// Parentheses.
    open: usize,
    /// `case`s.
    cases: usize,
    /// `case` was read, `in` was not.
    subject: bool,
    /// A pattern of a branch is being read.
    pattern: bool,
}

impl Inside {
    /// Whether the last token is the `)` that ends it all.
    fn ends(&mut self, tokens: &[Token]) -> bool {
        match tokens.last() {
            Some(Token::Operator(Operator::Open)) => self.open += usize::from(!self.pattern),
            Some(Token::Operator(Operator::CaseEnd)) => self.pattern = self.cases > 0,
            Some(Token::Operator(Operator::Close)) if self.pattern => self.pattern = false,
            Some(Token::Operator(Operator::Close)) if self.open == 0 => return true,
            Some(Token::Operator(Operator::Close)) => self.open -= 1,
            Some(Token::Word(word)) if !word.quoted => match word.text.as_str() {
                "in" if self.subject => (self.subject, self.pattern) = (false, true),
                "case" if begins(tokens) => {
                    self.cases += 1;
                    self.subject = true;
                }
                "esac" if self.cases > 0 && begins(tokens) => {
                    self.cases -= 1;
                    self.pattern = false;
                }
                _ => {}
            },
            _ => {}
        }
        false
    }
}

/// Whether the last token, a word, stands where a command begins.
fn begins(tokens: &[Token]) -> bool {
    match tokens.len().checked_sub(2).and_then(|at| tokens.get(at)) {
        None => true,
        Some(Token::Operator(operator)) => !operator.takes_word(),
        Some(Token::Word(word)) => {
            !word.quoted && matches!(word.text.as_str(), "then" | "else" | "do" | "{" | "!" | "if" | "elif" | "while")
        }
    }
}

/// Longest first.
const OPERATORS: &[(&str, Operator)] = &[
    (";;&", Operator::CaseEnd),
    ("<<<", Operator::HereString),
    ("<<-", Operator::Redirect),
    ("&>>", Operator::Redirect),
    (";;", Operator::CaseEnd),
    (";&", Operator::CaseEnd),
    ("&&", Operator::And),
    ("||", Operator::Or),
    ("|&", Operator::Pipe),
    ("<<", Operator::Redirect),
    (">>", Operator::Redirect),
    ("<&", Operator::Redirect),
    (">&", Operator::Redirect),
    ("<>", Operator::Redirect),
    (">|", Operator::Redirect),
    ("&>", Operator::Redirect),
    (";", Operator::Separator),
    ("&", Operator::Separator),
    ("|", Operator::Pipe),
    ("(", Operator::Open),
    (")", Operator::Close),
    ("<", Operator::Redirect),
    (">", Operator::Redirect),
];

/// A shell variable's name; `NAME+` too, for `NAME+=value`.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('+').unwrap_or(text);
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
