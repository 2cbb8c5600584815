//! Arguments of calls that are not literals: a parameter of one of the script's own functions, whose callers give the
//! program, or a variable, whose assignments give it.

use std::collections::{BTreeMap, BTreeSet};

use super::definitions::Definition;
use super::text::{MOST, pieces, tail};
use super::{Call, Language, Quotes, call, first_word, is_name};

/// Most variables of one argument that are looked at.
const MOST_NAMES: usize = 8;
/// So many definitions before a call one of which may be the function that it stands in.
const NEAR: usize = 64;

/// A call that is given variables.
#[derive(Debug)]
pub(super) struct Open {
    /// Where in the text it is.
    pub at: usize,
    pub line: u32,
    /// The variables, the most important one first; `name()` is the result of a function.
    pub names: Vec<String>,
    /// It gives its text to a shell.
    pub shell: bool,
    /// The variables hold several programs, one after the other.
    pub each: bool,
    /// It starts programs and nothing else: what it starts is worth a word when nobody knows it.
    pub telling: bool,
}

/// A function of the script that starts what it is given.
#[derive(Debug, Clone, Copy)]
pub(in crate::scripts) struct Function {
    /// Which argument, from 0.
    pub argument: usize,
    pub shell: bool,
}

/// A variable whose assignments name programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variable {
    pub shell: bool,
    pub each: bool,
}

/// What is known of a script's own names.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Functions that start what they are given.
    pub functions: BTreeMap<String, Function>,
    /// The script can start programs itself.
    pub calls: bool,
    variables: BTreeMap<String, Variable>,
    /// Parameters that are started: the callers say what they are.
    parameters: BTreeSet<String>,
    /// Where functions stand whose results are started.
    returns: Vec<(usize, usize, Variable)>,
    /// It imports Python's sh, whose functions are programs.
    imports_sh: bool,
    /// Names that the script gives to modules and to what it imports of them: `sp` for `subprocess`.
    aliases: BTreeMap<String, String>,
}

impl Known {
    /// The names that a script imports, with the functions of the modules of its application.
    pub(super) fn of(text: &str, language: Language, functions: BTreeMap<String, Function>) -> Self {
        // Functions of these names are common in JavaScript: what is looked for comes from modules.
        const MODULES: [&str; 6] = ["child_process", "execa", "cross-spawn", "shelljs", "zx", "Bun"];
        let calls = language != Language::JavaScript || MODULES.iter().any(|module| text.contains(module));
        let mut known = Self { functions, calls, ..Self::default() };
        if language == Language::Perl && text.contains("IPC::Run") {
            known.aliases.extend(["run", "start", "harness"].map(|name| (name.to_owned(), "run3".to_owned())));
        }
        if language != Language::Python {
            return known;
        }
        let begins = |line: &str, begin: &str| line.strip_prefix(begin).is_some_and(|rest| !rest.starts_with(is_name));
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            // `from subprocess import (`, with a name in each line.
            let more = line.strip_suffix('(').filter(|line| line.starts_with("from ")).map(|line| {
                let names = lines.by_ref().take(MOST).take_while(|line| !line.starts_with(')'));
                format!("{line}{}", names.collect::<Vec<_>>().join(" "))
            });
            let line = more.as_deref().unwrap_or(line);
            known.imports_sh |= begins(line, "import sh") || begins(line, "from sh import");
            if let Some(names) = line.strip_prefix("import ") {
                known.rename("", names);
            } else if let Some((module, names)) =
                line.strip_prefix("from ").and_then(|rest| rest.split_once(" import "))
            {
                known.rename(module, names);
            }
        }
        known
    }

    /// The names of `a, b as c` that stand for others: those of other names, and all of modules that start programs.
    fn rename(&mut self, module: &str, names: &str) {
        let starts = matches!(module, "subprocess" | "os" | "pexpect" | "pty" | "asyncio" | "sh");
        for name in names.split(',') {
            let words: Vec<&str> = name.trim_matches(['(', ')', ' ']).split_whitespace().collect();
            let (name, own) = match words.as_slice() {
                [name, "as", own] => (*name, *own),
                [name] if starts => (*name, *name),
                _ => continue,
            };
            if self.aliases.len() < MOST {
                let whole = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
                self.aliases.insert(own.to_owned(), whole);
            }
        }
    }

    /// `sh.git(…)` of Python's sh: the program that is called.
    pub(super) fn module_call(&self, name: &str) -> Option<String> {
        let program = name.strip_prefix("sh.").filter(|program| !program.contains('.') && *program != "Command")?;
        self.imports_sh.then(|| program.replace('_', "-"))
    }

    /// A name with the module that it stands for.
    pub(super) fn full(&self, name: &str) -> String {
        let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
        match (self.aliases.get(first), rest) {
            (Some(whole), Some(rest)) => format!("{whole}.{rest}"),
            (Some(whole), None) => whole.clone(),
            (None, _) => name.to_owned(),
        }
    }

    pub(super) fn function(&self, name: &str) -> Option<Function> {
        self.functions.get(name).copied()
    }

    pub(super) fn variable(&self, name: &str) -> Option<Variable> {
        self.variables.get(name).copied()
    }

    /// Whether a name is a parameter of a function, whose callers say what it is.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.parameters.contains(name)
    }

    /// The functions and variables that calls are given; whether there are new ones.
    pub(super) fn learn(&mut self, open: &[Open], names: &[(String, bool)], definitions: &[Definition]) -> bool {
        let before = (self.functions.len(), self.variables.len());
        for (name, shell) in names.iter().take(MOST.saturating_sub(self.functions.len())) {
            self.functions.entry(name.clone()).or_insert(Function { argument: 0, shell: *shell });
        }
        for open in open {
            for name in &open.names {
                let before = definitions.partition_point(|definition| definition.at < open.at);
                let around = definitions.get(..before).unwrap_or_default().iter().rev().take(NEAR);
                let given = around.into_iter().find_map(|definition| {
                    let argument = definition.parameters.iter().position(|parameter| parameter == name)?;
                    Some((definition.name.clone(), argument))
                });
                if self.functions.len() + self.variables.len() >= MOST {
                    return false;
                }
                if let Some((function, argument)) = given {
                    self.parameters.insert(name.clone());
                    let default = Variable { shell: open.shell, each: false };
                    self.variables.entry(name.clone()).or_insert(default);
                    self.functions.entry(function).or_insert(Function { argument, shell: open.shell });
                } else {
                    self.variables.entry(name.clone()).or_insert(Variable { shell: open.shell, each: open.each });
                }
            }
        }
        let ends = definitions.iter().skip(1).map(|definition| definition.at).chain([usize::MAX]);
        let returns = definitions.iter().zip(ends);
        self.returns = returns
            .filter_map(|(definition, end)| {
                Some((definition.at, end, *self.variables.get(&format!("{}()", definition.name))?))
            })
            .take(MOST)
            .collect();
        (self.functions.len(), self.variables.len()) != before
    }

    /// What is known of the result of the function that stands around a place, if it is started.
    pub(super) fn returned(&self, at: usize) -> Option<Variable> {
        let before = self.returns.partition_point(|&(begin, ..)| begin < at);
        let (_, end, variable) = self.returns.get(before.checked_sub(1)?)?;
        (at < *end).then_some(*variable)
    }
}

/// What a variable behind whose name this text stands is assigned, and whether a loop gives it one after the other.
pub(super) fn assigned<'a>(behind: &'a str, begin: &str) -> Option<(&'a str, bool)> {
    let rest = behind.trim_start_matches([' ', '\t', ')']);
    // `CMD: list[str] = …`
    let typed = rest.strip_prefix(':').filter(|rest| !rest.starts_with([':', '='])).and_then(|rest| {
        let line = rest.lines().next()?;
        rest.get(line.find('=')?..)
    });
    let rest = typed.unwrap_or(rest);
    for sign in [":=", "||=", "<-", "="] {
        let Some(value) = rest.strip_prefix(sign) else { continue };
        return (!value.starts_with(['=', '>', '~'])).then_some((value.trim_start(), false));
    }
    let line = tail(begin).rsplit('\n').next().unwrap_or_default();
    let value = ["in ", "of "].iter().find_map(|word| rest.strip_prefix(word));
    // `for my $x (…)`.
    let value = value
        .or_else(|| rest.strip_prefix('(').filter(|_| behind.starts_with(' ') && line.ends_with('$')).map(|_| rest))?;
    line.contains("for").then(|| (value.trim_start(), true))
}

/// Methods that put something at the end of a list.
pub(super) const ADDS: [&str; 4] = ["append", "extend", "push", "concat"];

/// What is put at the end of the list behind whose name this text stands.
pub(super) fn added<'a>(behind: &'a str, begin: &str) -> Option<&'a str> {
    let rest = behind.trim_start();
    let method = ADDS.iter().find_map(|name| rest.strip_prefix('.')?.strip_prefix(name)?.strip_prefix('('));
    let sign = || ["+=", "<<"].iter().find_map(|sign| rest.strip_prefix(sign));
    let push =
        || rest.strip_prefix(',').filter(|_| begin.trim_end_matches(['@', '$', '{', '(', ' ']).ends_with("push"));
    method.or_else(sign).or_else(push).map(str::trim_start)
}

/// Whether a text is taken apart by what stands behind it: no shell reads it.
pub(super) fn is_taken_apart(behind: &str) -> bool {
    behind.trim_start().starts_with(".split")
}

/// What a piece of a program says where a program is expected: its literals, and its variables.
pub(super) fn values(piece: &str, language: Language, shell: bool) -> (Vec<Call>, Vec<String>) {
    let (mut calls, mut names) = (Vec::new(), Vec::new());
    let mut piece = piece.trim_start();
    // The name of the parameter: `args=…`.
    let key = piece.find(|c| !is_name(c)).and_then(|at| piece.split_at_checked(at));
    if let Some((key, value)) = key
        && let Some(value) = value
            .trim_start()
            .strip_prefix(['=', ':'])
            .filter(|value| !value.starts_with(['=', ':']) && !value.trim().is_empty())
        && !key.is_empty()
    {
        piece = value.trim_start();
    }
    // `exec { $program } …` of Perl.
    if let Some((block, _)) =
        piece.strip_prefix('{').filter(|_| language == Language::Perl).and_then(|p| p.split_once('}'))
    {
        piece = block;
    }
    // A list: its first element. Perl and Ruby have lists of words.
    loop {
        let words = ["%w", "qw"].iter().find_map(|begin| piece.strip_prefix(begin));
        if let Some(words) = words.and_then(|words| words.get(1..)) {
            calls.extend(first_word(words.trim_end_matches([']', ')', '}', '/'])).map(Call::Program));
            return (calls, names);
        }
        let lists = ["[", "(", "list(", "tuple(", "array("];
        let Some(inner) = lists.iter().find_map(|list| piece.strip_prefix(list)) else { break };
        piece = pieces(inner, true).first().copied().unwrap_or_default().trim_start();
    }
    let (mut at, mut splits, mut quotes) = (0, false, Quotes::default());
    while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty() && names.len() < MOST_NAMES) {
        let c = rest.chars().next().unwrap_or_default();
        if matches!(c, '"' | '\'' | '`') {
            let (length, _) = quotes.literal(piece, at);
            let whole = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
            let prefix = piece.get(..at).unwrap_or_default();
            let expands = match language {
                Language::Python => prefix.ends_with(['f', 'F']),
                Language::Lua | Language::Octave | Language::R | Language::Awk => false,
                _ => c != '\'',
            };
            let found = call(whole, expands).map(|call| if shell { call.into_code() } else { call });
            if found.is_none() && expands {
                names.extend(first_variable(whole).map(str::to_owned));
            }
            calls.extend(if splits || is_taken_apart(rest.get(length..).unwrap_or_default()) {
                first_word(whole).map(Call::Program)
            } else {
                found
            });
            at += length;
        } else if is_name(c) {
            let end = rest.find(|c| !is_name(c) && c != '.').unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            let parts: Vec<&str> = name.split('.').collect();
            let text = behind.starts_with(['"', '\'']);
            let called = behind.trim_start().starts_with('(');
            splits |= called && name.contains("split");
            // `cmd.split()` is what cmd is, and `self.cmd` its last part; `build()` is what a function of the script returns.
            let variable = match parts.as_slice() {
                [name] if called && !WRAPS.contains(name) => Some(format!("{name}()")),
                [first, _, ..] if called => Some((*first).to_owned()),
                _ if called => None,
                _ => parts.last().map(|&name| name.to_owned()),
            };
            let is_variable = |name: &String| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
            names.extend(variable.filter(|name| !text && is_variable(name)));
            // A constant of an enumeration: `Tool.TAC.value`.
            if let [.., name, "value"] = parts.as_slice() {
                names.push((*name).to_owned());
            }
            at += end;
        } else {
            at += c.len_utf8();
        }
    }
    (calls, names)
}

/// The variable that a text begins with: `${name}`, `#{name}`, `{name}`, `$name`.
pub(super) fn first_variable(text: &str) -> Option<&str> {
    let name = text.trim_start_matches(['|', ' ']).strip_prefix(['$', '#', '{', '@'])?.trim_start_matches(['{', '@']);
    let name = name.split(|c| !is_name(c) && c != '.').next()?.rsplit('.').next()?;
    (!name.is_empty()).then_some(name)
}

/// Functions whose results are what they are given.
const WRAPS: [&str; 8] = ["list", "tuple", "str", "String", "Array", "which", "quote", "escapeshellcmd"];

#[cfg(test)]
mod tests {
    use super::super::{Call, Functions, Language, calls, functions};

    fn all(text: &str, language: Language, functions: Functions) -> (Vec<String>, Vec<String>) {
        let started = calls(text, language, functions);
        let show = |(line, call): (u32, Call)| match call {
            Call::Program(name) => format!("{line} {name}"),
            Call::Code(code) => format!("{line} sh: {}", code.trim()),
            Call::Line(text) => format!("{line} line: {text}"),
        };
        let mut found: Vec<String> = started.calls.into_iter().map(show).collect();
        found.sort();
        (found, started.unknown.into_iter().map(|(line, name)| format!("{line} {name}")).collect())
    }

    #[test]
    fn functions_that_start_what_they_are_given() {
        for (language, text) in [
            (Language::Python, "def go(*a): return subprocess.run(list(a), check=True)\n\ngo('tac', '/x')\n"),
            (
                Language::Python,
                "class T:\n  def go(self, cmd: list[str], n=1): subprocess.run(cmd)\nT().go(['tac', 'x'])\n",
            ),
            (Language::Python, "def low(c): os.execvp(c[0], c)\ndef go(x, c): low(c)\ngo(1, ['tac'])\n"),
            (Language::Ruby, "def go(*a) = Open3.capture2(*a).first\n\nputs go('tac', 'x')\n"),
            (Language::Ruby, "def self.go *cmd\n  system(*cmd)\nend\ngo 'tac', 'x'\n"),
            (Language::Perl, "sub go { my ($n, @c) = @_; system(@c); }\n\ngo(1, 'tac', 'x');\n"),
            (Language::Perl, "sub go {\n  my $c = shift;\n  exec $c, @_; }\ngo(\"tac\");\n"),
            (Language::Perl, "sub go { system(@_) == 0 or die }\n&go('tac', 'x');\n"),
            (Language::Php, "<?php function go(string $c) { return shell_exec($c); }\n\ngo('tac x');\n"),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst go = (c, ...a) => cp.spawnSync(c, a);\ngo('tac', 'x');\n",
            ),
            (
                Language::JavaScript,
                "const { spawn } = require('child_process');\nasync function go(c, a) { return spawn(c, a) }\nawait go('tac', []);\n",
            ),
            (
                Language::JavaScript,
                "const cp = require('child_process'); class T {\n  go(n, c) {\n    cp.execFile(c); } }\nnew T().go(1, 'tac');\n",
            ),
            (Language::Lua, "local function go(c) return io.popen(c):read('a') end\n\nprint(go('tac x'))\n"),
            (Language::Tcl, "proc go {n args} { exec {*}$args }\nputs [go 1 tac x]\n"),
            (Language::R, "go <- function(c, ...) system2(c, ...)\n\ngo('tac', 'x')\n"),
        ] {
            let (found, _) = all(text, language, Functions::new());
            assert!(found.iter().any(|one| one.contains("tac")), "{text}: {found:?}");
        }
    }

    #[test]
    fn variables_that_hold_commands() {
        for (language, text) in [
            (Language::Python, "TOOL = 'tac'\nsubprocess.run([TOOL, 'x'])\n"),
            (Language::Python, "cmd: list[str] = [\n    'tac', 'x']\nsubprocess.Popen(cmd)\n"),
            (Language::Python, "cmd = os.environ.get('TOOL', 'tac')\nos.system(cmd + ' x')\n"),
            (Language::Python, "cmd = 'tac x'.split()\nsubprocess.run(cmd)\n"),
            (Language::Python, "for cmd in (['rev'], ['tac', 'x']):\n    subprocess.run(cmd)\n"),
            (Language::Python, "ALL = [['rev'], ['tac', 'x']]\nfor cmd in ALL:\n    subprocess.run(cmd)\n"),
            (Language::Python, "self.cmd = ['tac']\nsubprocess.run(self.cmd)\n"),
            (Language::Python, "from subprocess import run\nrun(args=['tac'])\n"),
            (Language::Python, "import subprocess as sp\nsp.run(shlex.split('tac x'))\n"),
            (Language::Python, "import sh\nsh.tac('x')\n"),
            (Language::Ruby, "CMD = %w[tac x]\nsystem(*CMD)\n"),
            (Language::Perl, "my @cmd = qw(tac x);\nsystem(@cmd);\n"),
            (Language::Perl, "my $cmd = 'tac';\nexec { $cmd } 'x';\n"),
            (Language::Php, "<?php $cmd = 'tac x';\npassthru($cmd);\n"),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst tool = process.env.TOOL || 'tac';\ncp.spawn(tool);\n",
            ),
            (Language::Tcl, "set cmd tac\nexec $cmd x\n"),
        ] {
            let (found, unknown) = all(text, language, Functions::new());
            assert!(found.iter().any(|one| one.contains("tac")), "{text}: {found:?}");
            assert!(
                !found.iter().any(|one| one.contains(" x ")) && unknown.is_empty(),
                "{text}: {found:?} {unknown:?}"
            );
        }
    }

    #[test]
    fn what_nobody_assigns_is_unknown_and_what_is_no_program_is_nothing() {
        let none = Vec::<String>::new();
        for (language, text, unknown) in [
            (Language::Python, "subprocess.run(cmd)\n", vec!["1 cmd".to_owned()]),
            (Language::Python, "def go(cmd): subprocess.run(cmd)\n", none.clone()),
            (Language::Python, "def go(cmd): print(cmd)\ngo('tac')\nrun(['tac'])\n", none.clone()),
            (Language::JavaScript, "const cp = require('child_process');\nconst m = /x/.exec(text);\n", none.clone()),
            (Language::JavaScript, "const tool = 'tac'; go(tool);\n", none.clone()),
            (Language::Perl, "open(my $f, '<', $name);\n", none),
        ] {
            assert_eq!(all(text, language, Functions::new()), (Vec::new(), unknown), "{text}");
        }
    }

    /// Lists that are filled, other names of calls, what is given on, results of functions, and programs that start others.
    #[test]
    fn further_ways_to_say_what_is_started() {
        for (language, text, programs) in [
            (
                Language::JavaScript,
                "const { spawn } = require('child_process');\nclass R {\n  constructor(cmd) { spawn(cmd, []); }\n}\nnew R('tac');\n",
                "tac",
            ),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nclass R { }\nR.prototype = {\n  go(cmd, n = f(1)) { cp.spawn(cmd, [n]); },\n};\nr.go('tac');\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\ncmd = []\ncmd.append('tac')\ncmd.append('/x')\nsubprocess.run(cmd)\n",
                "tac",
            ),
            (Language::Python, "import subprocess\ncmd = []\ncmd.extend(['tac', '/x'])\nsubprocess.run(cmd)\n", "tac"),
            (Language::Python, "import subprocess\ncmd = []\ncmd += ['tac', '/x']\nsubprocess.run(cmd)\n", "tac"),
            (
                Language::Python,
                "import shutil, subprocess\ntool = shutil.which('tac')\nif tool:\n    subprocess.run([tool, '/x'])\n",
                "tac",
            ),
            (Language::Python, "import shutil, subprocess\nsubprocess.run([shutil.which('tac'), '/x'])\n", "tac"),
            (
                Language::Python,
                "import subprocess\ndef build():\n    return ['tac', '/x']\nsubprocess.run(build())\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\nCMDS = {'a': ['tac', '/x'], 'b': ['rev']}\nsubprocess.run(CMDS['a'])\n",
                "tac rev",
            ),
            (
                Language::Python,
                "import subprocess\nfor name, cmd in {'a': 'tac'}.items():\n    subprocess.run(cmd)\n",
                "tac",
            ),
            (Language::Python, "from subprocess import (\n    PIPE,\n    run,\n)\nrun(['tac'])\n", "tac"),
            (
                Language::Python,
                "import subprocess\nclass A:\n    TOOL = 'tac'\n    def go(self):\n        return subprocess.check_output([self.TOOL, '-x'])\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\nclass A:\n    def __init__(self, tool='tac'):\n        self.tool = tool\n    def go(self):\n        return subprocess.check_output([self.tool, '-x'])\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\nwith subprocess.Popen(\n    args=[\n        'tac',\n    ],\n) as p:\n    pass\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess, functools\nrun = functools.partial(subprocess.run, check=True)\nrun(['tac'])\n",
                "tac",
            ),
            (Language::Python, "import subprocess\nrun = subprocess.run\nrun(['tac'])\n", "tac"),
            (Language::Python, "import subprocess\nsubprocess.run(['sh', '-c', 'tac /x'])\n", "tac"),
            (Language::Python, "import subprocess\nsubprocess.run(['bash', '-lc', 'tac /x | rev'])\n", "tac rev"),
            (Language::Python, "import subprocess\nsubprocess.run(['sudo', '-u', 'x', 'tac'])\n", "tac"),
            (Language::Python, "import subprocess\nsubprocess.run(['env', 'A=b', 'tac'])\n", "env tac"),
            (Language::Python, "import subprocess\nsubprocess.run(['timeout', '5', 'tac'])\n", "timeout tac"),
            (Language::Python, "import subprocess\nsubprocess.run([*PREFIX, 'tac'])\nPREFIX = ['nice']\n", "nice"),
            (
                Language::Python,
                "import subprocess\nx = 'ta' 'c'\nsubprocess.run(['tac' if True else 'rev', 'x'])\n",
                "tac rev",
            ),
            (
                Language::Python,
                "import subprocess\nasync def sh(cmd):\n    proc = await asyncio.create_subprocess_exec(*cmd)\nawait sh(['tac'])\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\nrun = lambda c: subprocess.run(c, shell=True)\nrun('tac /x')\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\ncmd = f'{TOOL} /x'\nTOOL='tac'\nsubprocess.run(cmd, shell=True)\n",
                "tac",
            ),
            (
                Language::Python,
                "import subprocess\ncmd = ' '.join(['tac', '/x'])\nsubprocess.run(cmd, shell=True)\n",
                "tac",
            ),
            (Language::Python, "import subprocess\nbase = ['tac']\ncmd = base + ['-x']\nsubprocess.run(cmd)\n", "tac"),
            (
                Language::Python,
                "import subprocess\nif x:\n    cmd = ['tac']\nelse:\n    cmd = ['rev']\nsubprocess.check_call(cmd)\n",
                "tac rev",
            ),
            (
                Language::Python,
                "import subprocess\nTOOLS = ('tac', 'rev')\nfor tool in TOOLS:\n    subprocess.run([tool, '--version'])\n",
                "tac rev",
            ),
            (Language::Python, "import subprocess\n[subprocess.run([t]) for t in ['tac', 'rev']]\n", "tac rev"),
            (Language::Python, "import subprocess\ncmd = dict(args=['tac'])\nsubprocess.run(**cmd)\n", "tac"),
            (
                Language::Python,
                "import pathlib, subprocess\nsubprocess.run([pathlib.Path('/usr/bin') / 'tac'])\n",
                "tac",
            ),
            (Language::Python, "import subprocess\nloop.run_in_executor(None, subprocess.run, ['tac'])\n", "tac"),
            (
                Language::Python,
                "import subprocess, threading\nthreading.Thread(target=subprocess.call, args=(['tac'],)).start()\n",
                "tac",
            ),
            (Language::Python, "import os\nos.execlp('tac', 'tac', '/x')\n", "tac"),
            (
                Language::Python,
                "from dataclasses import dataclass\nimport subprocess\n@dataclass\nclass C:\n    tool: str = 'tac'\nc = C()\nsubprocess.run([c.tool, 'x'])\n",
                "tac",
            ),
            (
                Language::Python,
                "import enum, subprocess\nclass T(enum.Enum):\n    A = 'tac'\nsubprocess.run([T.A.value])\n",
                "tac",
            ),
            (Language::Python, "import subprocess\nif (cmd := 'tac'):\n    subprocess.run(cmd)\n", "tac"),
            (
                Language::JavaScript,
                "const { spawn } = require('node:child_process');\nconst name = 'tac';\nconst p = spawn(`${name}`, ['x']);\n",
                "tac",
            ),
            (
                Language::JavaScript,
                "const { exec } = require('child_process');\nconst { promisify } = require('util');\nconst run = promisify(exec);\nasync function main() { await run('tac /x'); }\nmain();\n",
                "tac",
            ),
            (
                Language::JavaScript,
                "const util = require('util');\nconst execFile = util.promisify(require('child_process').execFile);\nexecFile('tac', ['x']).then(console.log);\n",
                "tac",
            ),
            (Language::JavaScript, "import { execa } from 'execa';\nawait execa('tac', ['x']);\n", "tac"),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst cmds = { a: 'tac', b: 'rev' };\nfor (const k of Object.keys(cmds)) cp.execSync(cmds[k] + ' x');\n",
                "tac rev",
            ),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst args = ['tac', 'x'];\ncp.spawn(args[0], args.slice(1));\n",
                "tac",
            ),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst args = 'tac x'.split(' ');\ncp.spawn(args.shift(), args);\n",
                "tac",
            ),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst cmd = process.platform === 'win32' ? 'cmd' : 'tac';\ncp.spawn(cmd);\n",
                "tac",
            ),
            (Language::JavaScript, "const { spawn: start } = require('child_process');\nstart('tac');\n", "tac"),
            (Language::JavaScript, "import { spawn as start } from 'child_process';\nstart('tac');\n", "tac"),
            (Language::JavaScript, "const start = require('child_process').spawn;\nstart('tac');\n", "tac"),
            (Language::JavaScript, "const cp = require('child_process');\ncp.spawn('sh', ['-c', 'tac x']);\n", "tac"),
            (
                Language::JavaScript,
                "const cp = require('child_process');\ncp.execSync(['tac', 'x'].join(' '));\n",
                "tac",
            ),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nexports.tool = 'tac';\ncp.fork('./x.js'); cp.execFileSync(exports.tool);\n",
                "tac",
            ),
            (Language::Ruby, "require 'open3'\nOpen3.pipeline('tac x', 'rev')\n", "tac rev"),
            (Language::Ruby, "require 'open3'\nOpen3.pipeline(['tac', 'x'], ['rev'])\n", "tac rev"),
            (Language::Ruby, "require 'open3'\nOpen3.pipeline_r('tac x', 'rev') { |o, t| }\n", "tac rev"),
            (Language::Ruby, "IO.popen(['tac', 'x']) { |io| io.read }\n", "tac"),
            (Language::Ruby, "IO.popen('tac x', 'r+')\n", "tac"),
            (Language::Ruby, "IO.popen({'A' => 'b'}, ['tac', 'x'])\n", "tac"),
            (Language::Ruby, "system({'A' => 'b'}, 'tac', 'x')\n", "tac"),
            (Language::Ruby, "system(['tac', 'argv0'], 'x')\n", "tac"),
            (Language::Ruby, "cmd = []\ncmd << 'tac'\ncmd << 'x'\nsystem(*cmd)\n", "tac"),
            (Language::Ruby, "cmd = ['tac']\ncmd.push('x')\nexec(*cmd)\n", "tac"),
            (Language::Ruby, "cmd = []\ncmd.push('tac')\nexec(*cmd)\n", "tac"),
            (Language::Ruby, "Kernel.system('tac x')\nProcess.spawn('rev')\n", "tac rev"),
            (Language::Ruby, "def run(cmd)\n  out, st = Open3.capture2e(cmd)\n  out\nend\nrun 'tac x'\n", "tac"),
            (
                Language::Ruby,
                "def run(*args, **opts)\n  system(*args, **opts)\nend\nrun('tac', 'x', exception: true)\n",
                "tac",
            ),
            (Language::Ruby, "x = %x{tac y}\ny = %x[rev y]\n", "tac rev"),
            (Language::Ruby, "open('|tac x') { |f| }\n", "tac"),
            (Language::Ruby, "system 'tac', 'x' or raise\n", "tac"),
            (
                Language::Ruby,
                "class A\n  attr_reader :tool\n  def initialize(tool) = @tool = tool\n  def go = system(@tool, 'x')\nend\nA.new('tac').go\n",
                "tac",
            ),
            (Language::Perl, "open my $f, '-|', 'tac x' or die;\n", "tac"),
            (Language::Perl, "open(my $f, '|-', 'tac x');\n", "tac"),
            (Language::Perl, "open(F, 'tac x|');\nopen(G, '| rev');\n", "tac rev"),
            (Language::Perl, "use IPC::Open3;\nmy $pid = open3(my $in, my $out, undef, 'tac', 'x');\n", "tac"),
            (Language::Perl, "use IPC::Open2;\nopen2(\\*R, \\*W, 'tac x');\n", "tac"),
            (Language::Perl, "use IPC::Run qw(run);\nrun ['tac', 'x'], \\undef, \\my $o;\n", "tac"),
            (Language::Perl, "use IPC::Run3;\nrun3(['tac', 'x'], \\undef, \\my $o);\n", "tac"),
            (Language::Perl, "my @c = ('tac', 'x');\nsystem { $c[0] } @c;\n", "tac"),
            (Language::Perl, "my @c;\npush @c, 'tac';\nsystem(@c);\n", "tac"),
            (Language::Perl, "my $out = qx(tac x);\nmy $o2 = qx{rev};\nmy $o3 = `nl`;\n", "tac rev nl"),
            (Language::Perl, "my $cmd = \"tac $x\";\nmy $o = `$cmd`;\n", "tac"),
            (Language::Perl, "my %t = (a => 'tac');\nsystem($t{a}, 'x');\n", "tac"),
            (Language::Perl, "for my $t (qw(tac rev)) { system($t) }\n", "tac rev"),
            (
                Language::Perl,
                "sub run { my ($self, %o) = @_; system(@{$o{cmd}}); }\nrun(1, cmd => ['tac', 'x']);\n",
                "tac",
            ),
            (Language::Perl, "exec 'tac', @ARGV or die;\n", "tac"),
            (Language::Perl, "exec {'tac'} 'tac', 'x';\n", "tac"),
            (Language::Perl, "use autodie qw(:all);\nsystem(\"tac\", \"x\");\n", "tac"),
            (Language::Perl, "my $tac = '/usr/bin/tac';\nopen(my $p, '-|', $tac, 'x');\n", "/usr/bin/tac"),
            (Language::Perl, "open(my $p, \"$tool x |\");\nmy $tool = 'tac';\n", "tac"),
            (Language::Perl, "my $tool = $ENV{TOOL} // 'tac';\nsystem $tool, 'x';\n", "tac"),
            (Language::Perl, "use File::Which;\nmy $t = which('tac');\nsystem($t);\n", "tac"),
        ] {
            let (found, unknown) = all(text, language, Functions::new());
            for program in programs.split(' ') {
                let is = |one: &String| one.split(' ').skip(1).any(|word| word.trim_matches('\'') == program);
                assert!(found.iter().any(is) && unknown.is_empty(), "{text}: {found:?} {unknown:?}");
            }
        }
    }

    /// What is put behind the program into a list, and what a call is not given.
    #[test]
    fn arguments_are_no_programs() {
        for (language, text, programs) in [
            (Language::Python, "cmd = ['git']\ncmd.append('diff')\ncmd += ['sort']\nsubprocess.run(cmd)\n", "1 git"),
            (Language::Python, "cmd = []\ncmd.append('git')\ncmd.append('diff')\nsubprocess.run(cmd)\n", "2 git"),
            (Language::Python, "names = []\nnames.append('tac')\nsubprocess.run(['git'])\n", "3 git"),
            (Language::Python, "def go():\n    return 'tac'\nsubprocess.run(['git', go()])\n", "3 git"),
            (Language::Ruby, "cmd = ['git']\ncmd << 'diff'\nsystem(*cmd)\n", "1 git"),
            (Language::Perl, "my @c = ('git');\npush @c, 'diff';\nsystem(@c);\n", "1 git"),
            (
                Language::JavaScript,
                "const cp = require('child_process');\nconst a = [];\na.push('diff');\ncp.spawn('git', a);\n",
                "4 git",
            ),
        ] {
            let (found, _) = all(text, language, Functions::new());
            let found: Vec<String> = found.into_iter().filter(|one| !one.contains(" line: ")).collect();
            assert_eq!(found, [programs], "{text}");
        }
    }

    #[test]
    fn functions_of_modules_are_known_where_they_are_called() {
        let module = "import subprocess as sp\ndef go(cmd, **more): return sp.run(cmd, **more)\ndef no(x): return x\n";
        let known = functions(module, Language::Python);
        assert_eq!(known.keys().collect::<Vec<_>>(), ["go"]);
        let text =
            "from lib.tools import go as g\nfrom lib import tools\ng(['rev'])\ntools.go(['tac'])\ntools.no('seq')\n";
        assert_eq!(all(text, Language::Python, known).0, ["3 rev", "4 tac"]);
    }
}
