//! Double quotes, `$…`, backticks and arithmetic: where they end, and which code is inside.

use super::{LexError, Lexer, Word, tokens_from};

/// Mark a word as one whose value only the running shell knows.
pub(super) fn special(word: &mut Word) {
    word.special = true;
    word.expands = true;
}

impl Lexer<'_> {
    pub(super) fn double_quoted(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        loop {
            match self.peek() {
                None => return Err(self.error("\"", start)),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => {
                    self.at += 1;
                    match self.bump() {
                        Some('\n') => {}
                        Some(c @ ('"' | '\\' | '$' | '`')) => word.text.push(c),
                        Some(c) => word.text.extend(['\\', c]),
                        None => return Err(self.error("\"", start)),
                    }
                }
                Some('$' | '`') => self.expansion(word, true)?,
                Some(c) => {
                    word.text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// Text that expands as in double quotes and ends with the input; stops at what is not closed.
    pub(super) fn expanding_text(&mut self, word: &mut Word) {
        while let Some(c) = self.peek() {
            match c {
                '$' | '`' => {
                    if self.expansion(word, true).is_err() {
                        return;
                    }
                    word.text.clear();
                }
                '\\' => {
                    self.at += 1;
                    self.bump();
                }
                _ => self.at += c.len_utf8(),
            }
        }
    }

    /// `$…` or a backtick, in or outside double quotes.
    pub(super) fn expansion(&mut self, word: &mut Word, quoted: bool) -> Result<(), LexError> {
        let start = self.at;
        if self.eat("`") {
            special(word);
            self.backticks(word, start)?;
        } else {
            self.at += 1;
            match self.peek() {
                Some('(') if self.rest().starts_with("((") => {
                    special(word);
                    self.at += 2;
                    self.arithmetic(word, start)?;
                }
                Some('(') => {
                    special(word);
                    self.at += 1;
                    let inner = self.until_close("$(", start)?;
                    word.inner.push(inner);
                }
                Some('{') => {
                    special(word);
                    self.at += 1;
                    self.enter(start)?;
                    self.brace(word, start, quoted)?;
                    self.leave();
                }
                // `$'…'` and `$"…"` of bash.
                Some('\'') if !quoted => {
                    self.at += 1;
                    word.quoted = true;
                    return self.escaped_quote(word, start);
                }
                Some('"') if !quoted => {
                    self.at += 1;
                    word.quoted = true;
                    return self.double_quoted(word, start);
                }
                Some(c) if c.is_ascii_alphanumeric() || "_@*#?-$!".contains(c) => {
                    special(word);
                    let name = c.is_ascii_alphabetic() || c == '_';
                    self.at += 1;
                    while name && self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                        self.at += 1;
                    }
                }
                // A dollar sign that expands nothing.
                _ => {
                    word.special = true;
                }
            }
        }
        word.text.push_str(self.text.get(start..self.at).unwrap_or(""));
        Ok(())
    }

    /// Behind the first backtick. Backslashes before `` ` ``, `\` and `$` belong to it.
    fn backticks(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        let line = self.line();
        let mut inner = String::new();
        loop {
            match self.bump() {
                None => return Err(self.error("`", start)),
                Some('`') => break,
                Some('\\') => match self.bump() {
                    Some(c @ ('`' | '\\' | '$')) => inner.push(c),
                    Some(c) => inner.extend(['\\', c]),
                    None => {}
                },
                Some(c) => inner.push(c),
            }
        }
        self.enter(start)?;
        let (tokens, error) = tokens_from(&inner, line, self.depth);
        self.leave();
        // Offsets inside are those of the unescaped text: the whole is what is wrong.
        if let Some(error) = error {
            return Err(LexError { offset: start, line: error.line, what: error.what });
        }
        word.inner.push(tokens);
        Ok(())
    }

    /// `$'…'`, behind the quote: only the escapes that end a word or a quote matter here.
    fn escaped_quote(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        loop {
            match self.bump() {
                None => return Err(self.error("'", start)),
                Some('\'') => return Ok(()),
                Some('\\') => match self.bump() {
                    Some(c @ ('\\' | '\'' | '"')) => word.text.push(c),
                    Some(c) => word.text.extend(['\\', c]),
                    None => {}
                },
                Some(c) => word.text.push(c),
            }
        }
    }

    /// `${…}`, behind the brace; code inside is looked at too.
    fn brace(&mut self, word: &mut Word, start: usize, quoted: bool) -> Result<(), LexError> {
        loop {
            match self.peek() {
                None => return Err(self.error("${", start)),
                Some('}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => {
                    self.at += 1;
                    self.bump();
                }
                Some('\'') if !quoted => {
                    let quote = self.at;
                    self.at += 1;
                    let Some(end) = self.rest().find('\'') else { return Err(self.error("'", quote)) };
                    self.at += end + 1;
                }
                Some('"') => {
                    let quote = self.at;
                    self.at += 1;
                    self.inner_only(word, |lexer, skipped| lexer.double_quoted(skipped, quote))?;
                }
                Some('$' | '`') => self.inner_only(word, |lexer, skipped| lexer.expansion(skipped, quoted))?,
                Some(c) => self.at += c.len_utf8(),
            }
        }
    }

    /// Arithmetic, behind `((`, up to its `))`; code inside is looked at too.
    fn arithmetic(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        self.enter(start)?;
        let mut open = 2_usize;
        while open > 0 {
            match self.peek() {
                None => return Err(self.error("$(", start)),
                Some('$' | '`') => {
                    self.inner_only(word, |lexer, skipped| lexer.expansion(skipped, true))?;
                    continue;
                }
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some('\\') => {
                    self.at += 1;
                }
                Some(_) => {}
            }
            self.bump();
        }
        self.leave();
        Ok(())
    }

    /// `((…))` as a command. False, with nothing read, when these are two subshells.
    pub(super) fn arithmetic_command(&mut self) -> Result<bool, LexError> {
        if self.at < self.no_arithmetic {
            return Ok(false);
        }
        let mut open = 0_usize;
        for (at, byte) in self.rest().bytes().enumerate() {
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 1 && self.rest().get(at + 1..at + 2) != Some(")") {
                        break;
                    }
                    if open == 0 {
                        let start = self.at;
                        self.at += 2;
                        let mut word = Word { line: self.line(), expands: true, quoted: true, ..Word::default() };
                        self.arithmetic(&mut word, start)?;
                        word.text = "((".to_owned();
                        self.tokens.push(super::Token::Word(word));
                        return Ok(true);
                    }
                }
                b'\n' => break,
                _ => {}
            }
        }
        self.no_arithmetic = self.at + self.rest().find('\n').unwrap_or(self.rest().len());
        Ok(false)
    }

    /// Run a part of the lexer for the code that it finds; its text is written already.
    fn inner_only(
        &mut self,
        word: &mut Word,
        read: impl FnOnce(&mut Self, &mut Word) -> Result<(), LexError>,
    ) -> Result<(), LexError> {
        let start = self.at;
        self.enter(start)?;
        let mut skipped = Word::default();
        read(self, &mut skipped)?;
        self.leave();
        word.inner.append(&mut skipped.inner);
        Ok(())
    }
}
