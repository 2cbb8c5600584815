//! Tokens → simple commands. Owns reserved words and the wrappers that run another command; knows no quoting.

use super::lexer::{LexError, Operator, Token, Word, tokens};

/// One simple command: assignments and redirections left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimpleCommand {
    /// The command word and its arguments.
    pub words: Vec<Word>,
    /// This is no command but the beginning of a function of that name.
    pub defines: Option<String>,
}

/// The simple commands of `script` in order, those in command substitutions included.
///
/// # Errors
/// A quote, `$(`, `${` or backtick that is not closed.
pub fn commands(script: &str) -> Result<Vec<SimpleCommand>, LexError> {
    let mut parser = Parser::default();
    parser.script(script, 0)?;
    Ok(parser.done)
}

/// What a reserved word makes of the words after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    /// A command follows: `if`, `then`, `{`, `!`, …
    Command,
    /// Nothing but the end of the command follows: `fi`, `done`, `}`.
    End,
    /// `for NAME [in WORD…]`.
    For,
    /// `case WORD in PATTERN) … esac`.
    Case,
    /// `esac`.
    Esac,
    /// `function NAME`.
    Function,
}

/// The meaning of a word in command position.
pub(super) fn reserved(word: &str) -> Option<Reserved> {
    Some(match word {
        "if" | "then" | "else" | "elif" | "do" | "while" | "until" | "!" | "{" => Reserved::Command,
        "fi" | "done" | "}" => Reserved::End,
        "for" | "select" => Reserved::For,
        "case" => Reserved::Case,
        "esac" => Reserved::Esac,
        "function" => Reserved::Function,
        _ => return None,
    })
}

#[derive(Default)]
struct Parser {
    done: Vec<SimpleCommand>,
    current: SimpleCommand,
    /// Depth of open `case … esac`.
    cases: usize,
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A command word, an assignment or a reserved word.
    Command,
    /// An argument of the current command.
    Argument,
    /// Anything up to the next separator, and no command.
    Nothing,
    /// The word of `case`, up to `in`.
    CaseWord,
    /// The pattern of a case branch, up to `)`.
    Pattern,
    /// The name of a function.
    FunctionName,
}

impl Parser {
    fn script(&mut self, script: &str, depth: usize) -> Result<(), LexError> {
        // Deeper code is no code that a person wrote.
        const DEEPEST: usize = 16;
        let mut expect = Expect::Command;
        let mut redirected = false;
        let mut inner: Vec<String> = Vec::new();
        let cases = std::mem::take(&mut self.cases);
        for token in tokens(script)? {
            match token {
                Token::Word(mut word) => {
                    inner.append(&mut word.inner);
                    if std::mem::take(&mut redirected) {
                        continue;
                    }
                    expect = self.word(word, expect);
                }
                Token::Operator(Operator::Redirect) => redirected = true,
                Token::Operator(operator) => {
                    redirected = false;
                    expect = self.operator(operator, expect);
                }
            }
        }
        self.end();
        self.cases = cases;
        if depth < DEEPEST {
            for script in inner {
                // What is inside one substitution is closed, or the outer text would not have been.
                self.script(&script, depth + 1)?;
            }
        }
        Ok(())
    }

    fn word(&mut self, word: Word, expect: Expect) -> Expect {
        match expect {
            Expect::Argument => {
                self.current.words.push(word);
                Expect::Argument
            }
            Expect::Nothing => Expect::Nothing,
            Expect::CaseWord if word.text == "in" && !word.quoted => Expect::Pattern,
            Expect::CaseWord => Expect::CaseWord,
            Expect::Pattern if word.text == "esac" && !word.quoted => {
                self.cases = self.cases.saturating_sub(1);
                Expect::Nothing
            }
            Expect::Pattern => Expect::Pattern,
            Expect::FunctionName => {
                self.done.push(SimpleCommand { words: Vec::new(), defines: Some(word.text) });
                Expect::Command
            }
            Expect::Command if word.assignment => Expect::Command,
            Expect::Command => match reserved(&word.text).filter(|_| !word.quoted) {
                Some(Reserved::Command) => Expect::Command,
                Some(Reserved::End | Reserved::For) => Expect::Nothing,
                Some(Reserved::Case) => {
                    self.cases += 1;
                    Expect::CaseWord
                }
                Some(Reserved::Esac) => {
                    self.cases = self.cases.saturating_sub(1);
                    Expect::Nothing
                }
                Some(Reserved::Function) => Expect::FunctionName,
                None => {
                    self.current.words.push(word);
                    Expect::Argument
                }
            },
        }
    }

    fn operator(&mut self, operator: Operator, expect: Expect) -> Expect {
        match (operator, expect) {
            // A newline may stand between `case WORD` and `in`, and between branches.
            (Operator::Separator, Expect::CaseWord | Expect::Pattern) => expect,
            (Operator::Open, Expect::Pattern) => Expect::Pattern,
            (Operator::CaseEnd, _) if self.cases > 0 => {
                self.end();
                Expect::Pattern
            }
            (Operator::Open, Expect::Argument) => {
                // `name()`: what follows is its body.
                if let [name] = self.current.words.as_slice() {
                    self.current.defines = Some(name.text.clone());
                    self.current.words.clear();
                }
                self.end();
                Expect::Command
            }
            _ => {
                self.end();
                Expect::Command
            }
        }
    }

    fn end(&mut self) {
        let command = std::mem::take(&mut self.current);
        if !command.words.is_empty() || command.defines.is_some() {
            self.done.push(command);
        }
    }
}

/// Options of a wrapper that take the next word as their value.
struct Wrapper {
    name: &'static str,
    with_value: &'static [&'static str],
    /// Words before the command word: `gosu USER CMD` has one.
    operands: usize,
}

/// Wrappers whose command word can be told from their own words.
const EXACT: &[Wrapper] = &[
    Wrapper { name: "exec", with_value: &["-a"], operands: 0 },
    Wrapper { name: "command", with_value: &[], operands: 0 },
    Wrapper { name: "builtin", with_value: &[], operands: 0 },
    Wrapper { name: "nohup", with_value: &[], operands: 0 },
    Wrapper { name: "time", with_value: &["-f", "-o"], operands: 0 },
    Wrapper { name: "env", with_value: &["-u", "--unset", "-C", "--chdir"], operands: 0 },
    Wrapper { name: "nice", with_value: &["-n"], operands: 0 },
    Wrapper { name: "setsid", with_value: &[], operands: 0 },
    Wrapper { name: "timeout", with_value: &["-k", "-s", "--kill-after", "--signal"], operands: 1 },
];

/// Programs that run another one behind options of many kinds: every plain word after them counts, as in exec form.
const LOOSE: &[&str] = &[
    "catatonit",
    "chpst",
    "chroot",
    "doas",
    "dumb-init",
    "gosu",
    "ionice",
    "runuser",
    "s6-setuidgid",
    "setpriv",
    "setuidgid",
    "stdbuf",
    "su-exec",
    "sudo",
    "tini",
    "tini-static",
    "unshare",
    "xargs",
];

impl SimpleCommand {
    /// The words in command position: the first, and what a wrapper (`exec`, `env`, `nohup`, `tini`) runs.
    pub fn programs(&self) -> Vec<&Word> {
        let mut found = Vec::new();
        let mut rest = self.words.as_slice();
        while let [word, tail @ ..] = rest {
            found.push(word);
            let name = word.text.rsplit('/').next().unwrap_or("");
            if LOOSE.contains(&name) {
                found.extend(tail.iter().filter(|word| is_plain(word)));
                break;
            }
            let Some(wrapper) = EXACT.iter().find(|wrapper| wrapper.name == name) else { break };
            let Some(next) = wrapper.command(tail) else { break };
            rest = next;
        }
        found
    }
}

impl Wrapper {
    /// The words from the wrapped command on.
    fn command<'w>(&self, mut words: &'w [Word]) -> Option<&'w [Word]> {
        let mut operands = self.operands;
        while let [word, tail @ ..] = words {
            let text = word.text.as_str();
            words = if self.with_value.contains(&text) {
                tail.get(1..)?
            } else if self.name == "command" && matches!(text, "-v" | "-V") {
                // Asks whether a command exists: nothing runs.
                return None;
            } else if text.starts_with('-') || (self.name == "env" && text.contains('=')) {
                tail
            } else if operands > 0 {
                operands -= 1;
                tail
            } else {
                return Some(words);
            };
        }
        None
    }
}

/// Neither an option nor something that only the running shell knows.
fn is_plain(word: &Word) -> bool {
    !word.text.is_empty() && !word.text.starts_with('-') && !word.expands
}
