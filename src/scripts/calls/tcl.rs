//! Programs that Tcl and Expect start.

use std::collections::{BTreeMap, BTreeSet};

use super::Call;
use super::text::MOST;

/// The words behind `exec` and `spawn`, each program of a pipeline, and `open "|COMMAND"`; what a procedure of the script
/// that gives its arguments to them is called with, and what their variables are set to.
pub(super) fn calls(text: &str) -> Vec<(u32, Call)> {
    let (mut functions, mut variables) = (BTreeMap::new(), BTreeSet::new());
    loop {
        let known = functions.len() + variables.len();
        let found = tcl_with(text, &mut functions, &mut variables);
        let now = functions.len() + variables.len();
        if now == known || now > MOST {
            return found;
        }
    }
}

fn tcl_with(text: &str, functions: &mut BTreeMap<String, usize>, variables: &mut BTreeSet<String>) -> Vec<(u32, Call)> {
    let mut found = Vec::new();
    let (mut procedure, mut parameters) = (String::new(), Vec::new());
    for (number, line) in (1_u32..).zip(text.lines()) {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || c == ';').filter(|w| !w.is_empty()).collect();
        let bare = |word: &str| word.trim_matches(['[', ']', '{', '}', '"', '(', ')']).to_owned();
        let defines = words.first() == Some(&"proc");
        if defines {
            procedure = words.get(1).map(|word| bare(word)).unwrap_or_default();
            let inside = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(inside, _)| inside);
            let one = words.get(2).map(|word| bare(word)).unwrap_or_default();
            let listed = words.get(2).is_some_and(|word| word.starts_with('{'));
            let names = if listed { inside.unwrap_or_default().to_owned() } else { one };
            parameters = names.split_whitespace().map(str::to_owned).collect();
        }
        for (at, word) in words.iter().enumerate() {
            let mut rest = words.get(at + 1..).unwrap_or_default();
            let name = word.trim_start_matches(['[', '{', '"', '(']);
            match name {
                "exec" | "spawn" => {}
                "open" if rest.first().is_some_and(|word| word.trim_start_matches(['"', '{']).starts_with('|')) => {}
                "set" if rest.first().is_some_and(|name| variables.contains(*name)) => {
                    rest = rest.get(1..).unwrap_or_default();
                    rest = rest.strip_prefix(&["[list"]).unwrap_or(rest);
                    if rest.len() > 1 && rest.first().is_some_and(|word| word.starts_with('[')) {
                        continue;
                    }
                }
                _ if !defines && functions.contains_key(name) => {
                    rest = functions.get(name).and_then(|&argument| rest.get(argument..)).unwrap_or_default();
                }
                _ => continue,
            }
            while let Some((_, tail)) = rest.split_first().filter(|(word, _)| word.starts_with('-')) {
                rest = tail;
            }
            let variable =
                rest.first().map(|word| word.trim_start_matches("{*}")).and_then(|word| word.strip_prefix('$'));
            if let Some(variable) = variable.map(bare) {
                match parameters.iter().position(|parameter| *parameter == variable) {
                    Some(argument) => {
                        functions.insert(procedure.clone(), argument);
                    }
                    None => {
                        variables.insert(variable);
                    }
                }
            }
            let mut begins = true;
            for word in rest {
                let name = word.trim_matches(['"', '{', '}', ']']).trim_start_matches('|');
                let fixed = !name.is_empty() && !name.contains(['$', '[', '\\', '"', '<', '>']);
                if (begins || (word.starts_with('|') && word.len() > 1)) && fixed {
                    found.push((number, Call::Program(name.to_owned())));
                }
                begins = *word == "|" || (begins && name.is_empty());
                if word.ends_with(']') {
                    break;
                }
            }
        }
    }
    found
}
