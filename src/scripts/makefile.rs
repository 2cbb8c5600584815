//! Makefiles: the lines of recipes, as `/bin/sh` gets them (GNU make manual, "Recipe Syntax", "The shell Function").
//!
//! Read are the recipes that the goals lead to. A variable counts by its first assignment that is fixed text; a value
//! that only a running make knows becomes a variable of the shell, which names nothing.

use std::collections::{BTreeMap, BTreeSet};

/// Most expansions inside each other.
const DEEPEST: usize = 8;

/// Longest text that one line may become.
const LONGEST: usize = 16 * 1024;

/// Variables that make defines (GNU make manual, "Variables Used by Implicit Rules").
const DEFINED: [(&str, &str); 5] =
    [("MAKE", "make"), ("RM", "rm -f"), ("CC", "cc"), ("CXX", "g++"), ("SHELL", "/bin/sh")];

/// What Makefiles say.
#[derive(Debug, Default)]
struct Makefile {
    variables: BTreeMap<String, String>,
    rules: Vec<Rule>,
    /// Lines that run while make reads: `$(shell …)`, `!=`.
    read: Vec<(u32, String)>,
}

/// A rule with its recipe.
#[derive(Debug, Default)]
struct Rule {
    targets: Vec<String>,
    needs: Vec<String>,
    recipe: Vec<(u32, String)>,
}

/// The lines of shell code that make runs for the goals, or for the first target; every line where `all`.
pub(super) fn commands(text: &str, goals: &[&str], all: bool) -> Vec<(u32, String)> {
    let makefile = read(text);
    let mut found = makefile.read.clone();
    let mut wanted: Vec<String> = goals.iter().map(|&goal| goal.to_owned()).collect();
    if wanted.is_empty() {
        let first = makefile.rules.iter().flat_map(|rule| &rule.targets);
        let mut first = first.filter(|name| (!name.starts_with('.') || name.contains('/')) && !name.contains('%'));
        wanted.extend(first.next().cloned());
    }
    let (mut seen, mut used) = (BTreeSet::new(), BTreeSet::new());
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        for (at, rule) in makefile.rules.iter().enumerate() {
            if rule.targets.iter().any(|target| matches(target, &name)) && used.insert(at) {
                wanted.extend(rule.needs.iter().cloned());
            }
        }
    }
    for (at, rule) in makefile.rules.iter().enumerate() {
        if all || used.contains(&at) {
            found.extend(rule.recipe.iter().cloned());
        }
    }
    let mut code = Vec::new();
    for (line, text) in found {
        for called in shell_calls(&text) {
            code.push((line, makefile.expand(&called, DEEPEST)));
        }
        let text = makefile.expand(text.trim_start_matches(['@', '-', '+', ' ', '\t']), DEEPEST);
        code.push((line, text.trim_start_matches(['@', '-', '+', ' ', '\t']).to_owned()));
    }
    code.retain(|(_, text)| !text.trim().is_empty());
    code
}

/// Whether a target, which may hold one `%`, makes a file of that name; a pattern as a need leads to patterns alike.
fn matches(target: &str, name: &str) -> bool {
    let Some((begin, end)) = target.split_once('%') else { return target == name };
    name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
}

fn read(text: &str) -> Makefile {
    let mut makefile = Makefile::default();
    let mut lines = (1_u32..).zip(text.lines()).peekable();
    let mut in_rule = false;
    let mut defining = false;
    while let Some((number, first)) = lines.next() {
        let recipe = first.starts_with('\t') && in_rule;
        let mut line = first.to_owned();
        // A backslash goes on in the next line.
        while line.ends_with('\\') {
            let Some((_, next)) = lines.next() else { break };
            line.pop();
            line.push(' ');
            line.push_str(next.trim_start());
        }
        if recipe {
            if let Some(rule) = makefile.rules.last_mut() {
                rule.recipe.push((number, line.trim_start().to_owned()));
            }
            continue;
        }
        let line = without_comment(&line).trim();
        if line.starts_with("define ") || line == "endef" {
            defining = line != "endef";
            continue;
        }
        if line.is_empty() || defining {
            continue;
        }
        for called in shell_calls(line) {
            makefile.read.push((number, called));
        }
        let plain = line.strip_prefix("export ").or_else(|| line.strip_prefix("override ")).unwrap_or(line);
        if let Some((name, sign, value)) = assignment(plain) {
            if sign == '!' {
                makefile.read.push((number, value.to_owned()));
            } else {
                let known = makefile.variables.entry(name.to_owned());
                let held = known.or_insert_with(|| value.to_owned());
                if sign == '+' && held != value && held.len() < LONGEST {
                    held.push(' ');
                    held.push_str(value);
                }
            }
            continue;
        }
        in_rule = false;
        let Some((targets, rest)) = line.split_once(':') else { continue };
        let (needs, recipe) = rest.split_once(';').unwrap_or((rest, ""));
        let words = |text: &str| -> Vec<String> {
            let expanded = makefile.expand(text.trim_start_matches(':'), DEEPEST);
            expanded.split_whitespace().filter(|word| *word != "|").map(str::to_owned).collect()
        };
        let (targets, needs) = (words(targets), words(needs));
        let recipe = Some((number, recipe.trim().to_owned())).filter(|(_, text)| !text.is_empty());
        makefile.rules.push(Rule { targets, needs, recipe: recipe.into_iter().collect() });
        in_rule = true;
    }
    makefile
}

/// `NAME = VALUE`, `:=`, `::=`, `?=`, `+=` and `!=`; nothing for a rule.
fn assignment(line: &str) -> Option<(&str, char, &str)> {
    let (before, value) = line.split_once('=')?;
    let name = before.trim_end_matches([':', '?', '+', '!']);
    let sign = before.get(name.len()..)?.chars().next().unwrap_or('=');
    let name = name.trim();
    let plain = !name.is_empty() && !name.contains([' ', ':', '\t', '(', '$', '"']);
    plain.then_some((name, sign, value.trim()))
}

fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before != '\\' {
            return line.get(..at).unwrap_or(line);
        }
        before = c;
    }
    line
}

/// The commands of `$(shell COMMAND)`.
fn shell_calls(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(shell ") {
        let Some((inside, behind)) = rest.get(at + 1..).and_then(enclosed) else { break };
        found.extend(inside.strip_prefix("shell ").map(|code| code.trim().to_owned()));
        rest = behind;
    }
    found
}

/// What stands between the sign that a text begins with and its partner, and what is behind.
fn enclosed(text: &str) -> Option<(&str, &str)> {
    let open = text.chars().next()?;
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some((text.get(1..at)?, text.get(at + 1..)?));
            }
        }
    }
    None
}

impl Makefile {
    /// A text with its variables expanded, as far as they are fixed. `$$` is the shell's `$`.
    fn expand(&self, text: &str, depth: usize) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if out.len() > LONGEST {
                return out;
            }
            let Some(next) = after.chars().next() else { break };
            rest = after.get(next.len_utf8()..).unwrap_or_default();
            match next {
                '$' => out.push('$'),
                '(' | '{' => {
                    let Some((name, behind)) = enclosed(after) else { continue };
                    rest = behind;
                    let known = self.variables.get(name).map(String::as_str);
                    let known = known.or_else(|| DEFINED.iter().find(|(own, _)| *own == name).map(|(_, value)| *value));
                    match known.filter(|_| depth > 0) {
                        Some(value) => out.push_str(&self.expand(value, depth - 1)),
                        None => out.push_str("${MAKE_VARIABLE}"),
                    }
                }
                // `$@`, `$<`: names of files.
                _ => out.push_str("${MAKE_VARIABLE}"),
            }
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::commands;

    fn lines(text: &str, goals: &[&str]) -> Vec<String> {
        commands(text, goals, false).into_iter().map(|(line, text)| format!("{line} {text}")).collect()
    }

    const TEXT: &str = "\
# expr no
N := $(shell expr 1 + 2)
TOOL ?= tac
LIST = a.o b.o
.PHONY: all clean
all: $(LIST) x ; @nl x
\t@$(TOOL) -x \\
\t  y $$(date) $@
x:
\t-cut -f1 $< # $(UNKNOWN)
%.o: %.c
\t$(CC) -c $<
clean:
\t$(RM) x
\t$(MAKE) -C sub
";

    #[test]
    fn recipes_of_what_the_goal_needs() {
        assert_eq!(
            lines(TEXT, &[]),
            [
                "2 expr 1 + 2",
                "6 nl x",
                "7 tac -x  y $(date) ${MAKE_VARIABLE}",
                "10 cut -f1 ${MAKE_VARIABLE} # ${MAKE_VARIABLE}",
                "12 cc -c ${MAKE_VARIABLE}"
            ]
        );
        assert_eq!(lines(TEXT, &["clean"]), ["2 expr 1 + 2", "14 rm -f x", "15 make -C sub"]);
        assert_eq!(lines(TEXT, &["nothing"]), ["2 expr 1 + 2"]);
        assert_eq!(commands(TEXT, &[], true).len(), 7);
    }

    #[test]
    fn what_names_itself_ends() {
        assert_eq!(lines("A = $(B)\nB = $(A)\nall:\n\t$(A)\n", &[]).len(), 1);
        assert_eq!(lines("all: all\n\tx\n", &[]), ["2 x"]);
        assert_eq!(lines("all:\n\techo $(shell id -u\n", &[]), ["2 echo shell id -u"]);
    }
}
