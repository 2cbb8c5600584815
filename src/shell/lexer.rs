//! Text → tokens. Owns quoting, comments, here-documents and where a substitution ends; knows no grammar.

mod expansion;

use std::fmt;

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
    /// `;` `&` `&&` `||` `|` `|&` and newline: a command ends, another may begin.
    Separator,
    /// `;;` `;&` `;;&`: a case branch ends.
    CaseEnd,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `<` `>` `>>` `>&` `<&` `<>` `>|` `&>` `<<<` and here-documents: the next word is no argument.
    Redirect,
}

/// One word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The text with quotes removed; expansions as written.
    pub text: String,
    /// Some of it was quoted: it is no reserved word.
    pub quoted: bool,
    /// It holds an expansion, so that its value is not known here.
    pub expands: bool,
    /// It holds a character outside quotes that only a shell understands: `$`, a backtick, a glob, `~`, `{`.
    pub special: bool,
    /// It begins with an unquoted `NAME=`.
    pub assignment: bool,
    /// Shell code inside `$(…)`, backticks and `<(…)`.
    pub inner: Vec<String>,
}

/// Something that begins and does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexError {
    /// What was opened: a quote, `$(`, `${` or a backtick.
    pub what: &'static str,
    /// Byte offset of the opening.
    pub offset: usize,
}

impl fmt::Display for LexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.what {
            "'" => "a single quote".to_owned(),
            "\"" => "a double quote".to_owned(),
            "`" => "a backtick".to_owned(),
            other => format!("'{other}'"),
        };
        write!(f, "{name} that is opened at character {} is not closed", self.offset + 1)
    }
}

impl std::error::Error for LexError {}

/// The tokens of `script`.
///
/// # Errors
/// A quote, `$(`, `${` or backtick that is not closed.
pub fn tokens(script: &str) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { text: script, at: 0, tokens: Vec::new(), heredocs: Vec::new() };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

struct Lexer<'s> {
    text: &'s str,
    /// Byte offset, always on a character boundary.
    at: usize,
    tokens: Vec<Token>,
    /// Ends of here-documents that begin after this line; `true`: tabs before the end are dropped.
    heredocs: Vec<(String, bool)>,
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

    /// Reads one token; false at the end.
    fn step(&mut self) -> Result<bool, LexError> {
        while self.eat(" ") || self.eat("\t") || self.eat("\r") || self.eat("\\\n") {}
        let Some(c) = self.peek() else { return Ok(false) };
        if c == '#' {
            // A comment is a shell's business too: it reads as an empty command, never as plain words.
            let line = self.rest().find('\n').unwrap_or(self.rest().len());
            self.at += line;
            self.operator(Operator::Separator);
            return Ok(true);
        }
        if c == '\n' {
            self.at += 1;
            self.operator(Operator::Separator);
            self.skip_heredocs();
            return Ok(true);
        }
        if self.rest().starts_with("<(") || self.rest().starts_with(">(") {
            self.word()?;
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
        self.word()?;
        Ok(true)
    }

    fn operator(&mut self, operator: Operator) {
        if operator == Operator::Redirect {
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

    fn heredoc(&mut self, tabs: bool) -> Result<(), LexError> {
        while self.eat(" ") || self.eat("\t") {}
        let before = self.tokens.len();
        if !matches!(self.peek(), None | Some('\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')) {
            self.word()?;
        }
        if let Some(Token::Word(word)) = self.tokens.get(before) {
            self.heredocs.push((word.text.clone(), tabs));
        }
        Ok(())
    }

    fn skip_heredocs(&mut self) {
        for (end, tabs) in std::mem::take(&mut self.heredocs) {
            while !self.rest().is_empty() {
                let length = self.rest().find('\n').map_or(self.rest().len(), |at| at + 1);
                let line = self.rest().get(..length).unwrap_or("").trim_end_matches(['\n', '\r']);
                let line = if tabs { line.trim_start_matches('\t') } else { line };
                self.at += length;
                if line == end {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Result<(), LexError> {
        let mut word = Word::default();
        loop {
            let start = self.at;
            let Some(c) = self.peek() else { break };
            if c == '=' && !word.quoted && is_name(&word.text) {
                word.assignment = true;
            }
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | ')' => break,
                '(' if !(word.assignment && word.text.ends_with('=')) => break,
                '<' | '>' if self.rest().get(1..2) == Some("(") && word.text.is_empty() => {
                    self.at += 1;
                    self.special(&mut word);
                    self.parenthesis(&mut word, start)?;
                }
                '<' | '>' => break,
                // An array of bash: NAME=(…).
                '(' => {
                    self.special(&mut word);
                    self.parenthesis(&mut word, start)?;
                    word.inner.pop();
                }
                '\'' => {
                    self.at += 1;
                    word.quoted = true;
                    let end = self.rest().find('\'').ok_or(LexError { what: "'", offset: start })?;
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
                '$' | '`' => self.expansion(&mut word)?,
                _ => {
                    let glob = match c {
                        '*' | '?' => true,
                        // `[` opens a set only when it is closed in the same word.
                        '[' => self.rest().split([' ', '\t', '\n', ';']).next().is_some_and(|part| part.contains(']')),
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
}

/// Longest first.
const OPERATORS: &[(&str, Operator)] = &[
    (";;&", Operator::CaseEnd),
    ("<<<", Operator::Redirect),
    ("<<-", Operator::Redirect),
    ("&>>", Operator::Redirect),
    (";;", Operator::CaseEnd),
    (";&", Operator::CaseEnd),
    ("&&", Operator::Separator),
    ("||", Operator::Separator),
    ("|&", Operator::Separator),
    ("<<", Operator::Redirect),
    (">>", Operator::Redirect),
    ("<&", Operator::Redirect),
    (">&", Operator::Redirect),
    ("<>", Operator::Redirect),
    (">|", Operator::Redirect),
    ("&>", Operator::Redirect),
    (";", Operator::Separator),
    ("&", Operator::Separator),
    ("|", Operator::Separator),
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
