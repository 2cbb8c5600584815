//! Here-documents: where they end, and the substitutions in those that expand.

use super::{LexError, Lexer, Operator, Token, Word};

/// A here-document whose text is still to come.
pub(super) struct Document {
    /// The line that ends it.
    end: String,
    /// Tabs before the end are dropped.
    tabs: bool,
    /// The delimiter was not quoted: `$(…)` inside is code.
    expands: bool,
    /// Which token the delimiter is.
    token: usize,
}

impl Lexer<'_> {
    /// The delimiter behind `<<` or `<<-`.
    pub(super) fn heredoc(&mut self, tabs: bool) -> Result<(), LexError> {
        while self.eat(" ") || self.eat("\t") {}
        let before = self.tokens.len();
        if !matches!(self.peek(), None | Some('\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')) {
            self.word()?;
        }
        if let Some(Token::Word(word)) = self.tokens.get(before) {
            self.heredocs.push(Document { end: word.text.clone(), tabs, expands: !word.quoted, token: before });
        }
        Ok(())
    }

    /// The texts of the here-documents of the line that has just ended.
    pub(super) fn read_heredocs(&mut self) -> Result<(), LexError> {
        for document in std::mem::take(&mut self.heredocs) {
            let line = self.line();
            let begin = self.at;
            let mut end = self.at;
            while !self.rest().is_empty() {
                let length = self.rest().find('\n').map_or(self.rest().len(), |at| at + 1);
                let line = self.rest().get(..length).unwrap_or("").trim_end_matches(['\n', '\r']);
                let line = if document.tabs { line.trim_start_matches('\t') } else { line };
                self.at += length;
                if line == document.end {
                    break;
                }
                end = self.at;
            }
            let body = self.text.get(begin..end).unwrap_or("");
            // A substitution that has ended since took its tokens along.
            if let Some(Token::Word(word)) = self.tokens.get_mut(document.token)
                && word.text == document.end
                && word.here.is_none()
            {
                word.here = Some((body.to_owned(), line));
            }
            if document.expands && body.contains(['$', '`']) {
                self.substitutions(body, line)?;
            }
        }
        Ok(())
    }

    /// The code in a text that expands: a word of a redirection, as far as the parser sees it.
    fn substitutions(&mut self, body: &str, line: u32) -> Result<(), LexError> {
        self.enter(self.at)?;
        let mut lexer = Lexer {
            text: body,
            at: 0,
            tokens: Vec::new(),
            heredocs: Vec::new(),
            counted: 0,
            line,
            depth: self.depth,
            test: false,
            no_arithmetic: 0,
        };
        let mut word = Word { line, expands: true, ..Word::default() };
        // What is not closed is text: the shell would say so, and nothing of it runs.
        lexer.expanding_text(&mut word);
        self.leave();
        if !word.inner.is_empty() {
            self.tokens.push(Token::Operator(Operator::Redirect));
            self.tokens.push(Token::Word(word));
            self.tokens.push(Token::Operator(Operator::Separator));
        }
        Ok(())
    }
}
