//! Tokens → simple commands and the control structure around them. Owns reserved words; knows neither quoting nor the
//! use that a command makes of its words.

use super::lexer::{LexError, Operator, Token, Word, tokens};

/// One simple command; redirections are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimpleCommand {
    /// The command word and its arguments.
    pub words: Vec<Word>,
    /// `NAME=value` before them.
    pub assignments: Vec<Word>,
    /// Behind `!`.
    pub negated: bool,
    /// Its standard input, where a here-document or a here-string says it: the text and its line.
    pub(super) input: Option<(String, u32)>,
}

/// What a script is made of, in order. What a command substitution runs stands before the command around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Command(SimpleCommand),
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|`.
    Pipe,
    /// `;`, `&` or a newline.
    End,
    /// `if`, `while`, `until`: a condition follows. `for` too, which has none.
    If,
    /// `then`, `do`.
    Then,
    /// `elif`.
    Elif,
    /// `else`.
    Else,
    /// `fi`, `done`.
    Fi,
    /// `case`.
    Case,
    /// `;;`.
    Branch,
    /// `esac`.
    Esac,
    /// `{`, or `(` and `$(`, which run in a process of their own.
    Group {
        subshell: bool,
    },
    /// `}`, `)`.
    Ungroup,
    /// The next group, or what stands in its place, is the body of a function.
    Function(String),
    /// `for NAME in WORD…`.
    For(Vec<Word>),
}

/// The simple commands of `script` in order, those in command substitutions included.
///
/// # Errors
/// A quote, `$(`, `${` or backtick that is not closed.
pub(crate) fn commands(script: &str) -> Result<Vec<SimpleCommand>, LexError> {
    let simple = |event| if let Event::Command(command) = event { Some(command) } else { None };
    Ok(events(tokens(script)?).into_iter().filter_map(simple).collect())
}

/// The structure of tokens.
pub(super) fn events(tokens: Vec<Token>) -> Vec<Event> {
    let mut parser = Parser::default();
    parser.run(tokens);
    parser.done
}

/// What a reserved word makes of the words after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    /// `if`, `while`, `until`: a command follows.
    If,
    /// `then`, `do`.
    Then,
    /// `elif`.
    Elif,
    /// `else`.
    Else,
    /// `!`.
    Not,
    /// `{`.
    Group,
    /// `}`.
    Ungroup,
    /// `fi`, `done`.
    Fi,
    /// `for NAME [in WORD…]`.
    For,
    /// `case WORD in PATTERN) … esac`.
    Case,
    /// `esac`.
    Esac,
    /// `function NAME`.
    Function,
    /// `coproc`, and `time` where it is a keyword: transparent.
    Coprocess,
}

/// The meaning of a word in command position.
pub(super) fn reserved(word: &str) -> Option<Reserved> {
    Some(match word {
        "if" | "while" | "until" => Reserved::If,
        "then" | "do" => Reserved::Then,
        "elif" => Reserved::Elif,
        "else" => Reserved::Else,
        "!" => Reserved::Not,
        "{" => Reserved::Group,
        "}" => Reserved::Ungroup,
        "fi" | "done" => Reserved::Fi,
        "for" | "select" => Reserved::For,
        "case" => Reserved::Case,
        "esac" => Reserved::Esac,
        "function" => Reserved::Function,
        "coproc" => Reserved::Coprocess,
        _ => return None,
    })
}

#[derive(Default)]
struct Parser {
    done: Vec<Event>,
    current: SimpleCommand,
    /// Words behind `for`.
    list: Vec<Word>,
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
    /// Words of `for`.
    List,
    /// The word of `case`, up to `in`.
    CaseWord,
    /// The pattern of a case branch, up to `)`.
    Pattern,
    /// The name of a function.
    FunctionName,
    /// `()` behind the name of a function.
    FunctionParentheses,
}

impl Parser {
    fn run(&mut self, tokens: Vec<Token>) {
        let mut expect = Expect::Command;
        let mut redirected: Option<Operator> = None;
        let cases = std::mem::take(&mut self.cases);
        for token in tokens {
            match token {
                Token::Word(mut word) => {
                    self.substitutions(&mut word);
                    match redirected.take() {
                        Some(Operator::HereString) => self.current.input = Some((word.text, word.line)),
                        Some(_) => self.current.input = word.here.or_else(|| self.current.input.take()),
                        None => expect = self.word(word, expect),
                    }
                }
                Token::Operator(operator @ (Operator::Redirect | Operator::HereString)) => redirected = Some(operator),
                Token::Operator(operator) => {
                    redirected = None;
                    expect = self.operator(operator, expect);
                }
            }
        }
        self.end();
        self.cases = cases;
    }

    /// The code inside a word runs before the command that the word belongs to.
    fn substitutions(&mut self, word: &mut Word) {
        word.looks_for = looked_for(&word.inner);
        for inner in std::mem::take(&mut word.inner) {
            let (current, list) = (std::mem::take(&mut self.current), std::mem::take(&mut self.list));
            self.done.push(Event::Group { subshell: true });
            self.run(inner);
            self.done.push(Event::Ungroup);
            (self.current, self.list) = (current, list);
        }
        // Elements of an array run nothing, but for the substitutions in them.
        let mut array = std::mem::take(&mut word.array);
        for token in &mut array {
            if let Token::Word(element) = token {
                self.substitutions(element);
            }
        }
        word.array = array;
    }

    fn word(&mut self, word: Word, expect: Expect) -> Expect {
        match expect {
            Expect::Argument => {
                self.current.words.push(word);
                Expect::Argument
            }
            Expect::Nothing => Expect::Nothing,
            Expect::List => {
                self.list.push(word);
                Expect::List
            }
            Expect::CaseWord if word.text == "in" && !word.quoted => Expect::Pattern,
            Expect::CaseWord => Expect::CaseWord,
            Expect::Pattern if word.text == "esac" && !word.quoted => self.esac(),
            Expect::Pattern => Expect::Pattern,
            Expect::FunctionName => {
                self.done.push(Event::Function(word.text));
                Expect::FunctionParentheses
            }
            Expect::Command if word.assignment => {
                self.current.assignments.push(word);
                Expect::Command
            }
            Expect::Command | Expect::FunctionParentheses => {
                let before = !self.current.assignments.is_empty();
                match reserved(&word.text).filter(|_| !word.quoted && !before) {
                    Some(reserved) => self.reserved(reserved),
                    None => {
                        self.current.words.push(word);
                        Expect::Argument
                    }
                }
            }
        }
    }

    fn reserved(&mut self, reserved: Reserved) -> Expect {
        let event = match reserved {
            Reserved::If => Event::If,
            Reserved::Then => Event::Then,
            Reserved::Elif => Event::Elif,
            Reserved::Else => Event::Else,
            Reserved::Fi => Event::Fi,
            Reserved::Group => Event::Group { subshell: false },
            Reserved::Ungroup => Event::Ungroup,
            Reserved::For => Event::If,
            Reserved::Case => Event::Case,
            Reserved::Esac => return self.esac(),
            Reserved::Not => {
                self.current.negated = !self.current.negated;
                return Expect::Command;
            }
            Reserved::Function => return Expect::FunctionName,
            Reserved::Coprocess => return Expect::Command,
        };
        self.done.push(event);
        match reserved {
            // What may follow is a redirection or an operator.
            Reserved::Fi | Reserved::Ungroup => Expect::Nothing,
            Reserved::For => Expect::List,
            Reserved::Case => {
                self.cases += 1;
                Expect::CaseWord
            }
            _ => Expect::Command,
        }
    }

    fn esac(&mut self) -> Expect {
        self.cases = self.cases.saturating_sub(1);
        self.done.push(Event::Esac);
        Expect::Nothing
    }

    fn operator(&mut self, operator: Operator, expect: Expect) -> Expect {
        match (operator, expect) {
            // A newline may stand between `case WORD` and `in`, and between branches.
            (Operator::Separator, Expect::CaseWord | Expect::Pattern) => return expect,
            (Operator::Open | Operator::Pipe, Expect::Pattern) => return Expect::Pattern,
            (Operator::Close, Expect::Pattern) => return Expect::Command,
            (Operator::CaseEnd, _) if self.cases > 0 => {
                self.end();
                self.done.push(Event::Branch);
                return Expect::Pattern;
            }
            (Operator::Separator, Expect::FunctionName | Expect::FunctionParentheses) => {
                return Expect::FunctionParentheses;
            }
            (Operator::Open, Expect::FunctionParentheses) => {
                // `function NAME()`: the `)` comes next, and then the body. `function NAME (…)` is read the same way.
                return Expect::FunctionParentheses;
            }
            (Operator::Close, Expect::FunctionParentheses) => return Expect::Command,
            (Operator::Open, Expect::Argument) => {
                // `name()`: what follows is its body.
                if let [name] = self.current.words.as_slice() {
                    self.done.push(Event::Function(name.text.clone()));
                    self.current = SimpleCommand::default();
                    return Expect::FunctionParentheses;
                }
            }
            _ => {}
        }
        self.end();
        self.done.push(match operator {
            Operator::And => Event::And,
            Operator::Or => Event::Or,
            Operator::Pipe => Event::Pipe,
            Operator::Open => Event::Group { subshell: true },
            Operator::Close => Event::Ungroup,
            Operator::Separator | Operator::CaseEnd | Operator::Redirect | Operator::HereString => Event::End,
        });
        if operator == Operator::Close { Expect::Nothing } else { Expect::Command }
    }

    fn end(&mut self) {
        if !self.list.is_empty() {
            self.done.push(Event::For(std::mem::take(&mut self.list)));
        }
        let command = std::mem::take(&mut self.current);
        if !command.words.is_empty() || !command.assignments.is_empty() {
            self.done.push(Event::Command(command));
        }
    }
}

/// NAME of `$(command -v NAME)`, `$(which NAME)` and `$(type -p NAME)`.
fn looked_for(inner: &[Vec<Token>]) -> Option<String> {
    let [tokens] = inner else { return None };
    let mut words = tokens.iter().map_while(|token| if let Token::Word(word) = token { Some(word) } else { None });
    let first = words.next()?;
    let name = words.find(|word| !word.text.starts_with('-'))?;
    let asks = matches!(first.text.as_str(), "command" | "which" | "type");
    (asks && !name.expands).then(|| name.text.clone())
}
