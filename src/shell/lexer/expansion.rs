//! Double quotes, `$…`, backticks and parentheses: where they end, and which code is inside.

use super::{LexError, Lexer, Word};

impl Lexer<'_> {
    pub(super) fn special(&self, word: &mut Word) {
        word.special = true;
        word.expands = true;
    }

    pub(super) fn double_quoted(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        loop {
            match self.peek() {
                None => return Err(LexError { what: "\"", offset: start }),
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
                        None => return Err(LexError { what: "\"", offset: start }),
                    }
                }
                Some('$' | '`') => self.expansion(word)?,
                Some(c) => {
                    word.text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// `$…` or a backtick, in or outside double quotes.
    pub(super) fn expansion(&mut self, word: &mut Word) -> Result<(), LexError> {
        let start = self.at;
        if self.eat("`") {
            let mut inner = String::new();
            loop {
                match self.bump() {
                    None => return Err(LexError { what: "`", offset: start }),
                    Some('`') => break,
                    Some('\\') => inner.extend(self.bump().map(|c| if "`\\$".contains(c) { c } else { ' ' })),
                    Some(c) => inner.push(c),
                }
            }
            word.inner.push(inner);
            self.special(word);
        } else {
            self.at += 1;
            match self.peek() {
                Some('(') => {
                    self.special(word);
                    self.parenthesis(word, start)?;
                }
                Some('{') => {
                    self.special(word);
                    self.brace(word, start)?;
                }
                Some(c) if c.is_ascii_alphanumeric() || "_@*#?-$!".contains(c) => {
                    self.special(word);
                    if !c.is_ascii_alphabetic() && c != '_' {
                        self.at += 1;
                    }
                    while c.is_ascii_alphabetic() | (c == '_')
                        && self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
                    {
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

    /// `${…}`, at the brace; quotes and nested braces are respected, code inside is looked at too.
    fn brace(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        let open = LexError { what: "${", offset: start };
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err(open),
                Some('{') => depth += 1,
                Some('}') => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                Some('\\') => {
                    self.at += 1;
                }
                Some('\'') if !word.quoted => {
                    self.at += 1;
                    self.at += self.rest().find('\'').ok_or(LexError { what: "'", offset: self.at - 1 })?;
                }
                Some('$') if self.rest().starts_with("$(") => {
                    let inner = self.at;
                    self.at += 1;
                    self.parenthesis(word, inner)?;
                    continue;
                }
                Some(_) => {}
            }
            if self.bump().is_none() {
                return Err(open);
            }
        }
    }

    /// `(…)`, at the parenthesis: finds its end and notes the code inside.
    pub(super) fn parenthesis(&mut self, word: &mut Word, start: usize) -> Result<(), LexError> {
        let open = LexError { what: "$(", offset: start };
        let arithmetic = self.rest().starts_with("((");
        let begin = self.at + 1;
        let mut depth = 0_usize;
        loop {
            match self.bump() {
                None => return Err(open),
                Some('(') => depth += 1,
                Some(')') => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                Some('\\') => {
                    self.bump();
                }
                Some('\'') => {
                    self.at += 1 + self.rest().find('\'').ok_or_else(|| open.clone())?;
                }
                Some('"') => {
                    let mut skipped = Word::default();
                    let quote = self.at - 1;
                    self.double_quoted(&mut skipped, quote).map_err(|_| open.clone())?;
                }
                Some(_) => {}
            }
        }
        if !arithmetic {
            word.inner.push(self.text.get(begin..self.at - 1).unwrap_or("").to_owned());
        }
        Ok(())
    }
}
