//! Programs whose work is to start others, and the configurations that name those: supervisord, s6, runit, cron, inits,
//! and servers whose configuration holds commands. The program files list them.

use std::collections::BTreeSet;

use super::configurations::{behind, files};
use super::{FileUses, How, Language, MOST_SCRIPTS, Named, Reader};
use super::{imports, makefile, package};
use crate::programs::{
    Configuration, Kind, Part, Program, Starts, Syntax, When, command_settings, option_values, through_shell,
};
use crate::shell::{self, Code, Dialect, SimpleCommand, is_builtin};
use crate::tree::Id;
use crate::tree::glob::Glob;

/// What the configurations of `id` name, and the options that command lines give it.
pub(super) fn uses(reader: &Reader<'_>, id: Id) -> Vec<FileUses> {
    let tree = reader.tree;
    if tree.is_dir(id) {
        return Vec::new();
    }
    let name = tree.name(id);
    let mut found = Vec::new();
    for (program, version) in reader.policy.programs.of(name, &tree.path(id)) {
        for configuration in &program.configurations {
            let files = files(reader, name, version, configuration);
            if matches!(configuration.syntax, Syntax::Makefile | Syntax::Package) {
                recipes(reader, name, &files, configuration.syntax, &mut found);
            } else {
                read(reader, id, files, configuration, &mut found);
            }
        }
        let mut code = Code::new(Dialect::Posix);
        for line in reader.lines() {
            told(reader, &mut code, program, &behind(&line.words, name), 0);
        }
        found.extend(reader.named(&[(id, None)], code).into_iter().filter(|uses| !uses.names.is_empty()));
        for starts in program.starts.iter().filter(|starts| starts.when == When::Sometimes) {
            evidence(reader, (name, program), starts, &mut found);
        }
    }
    found
}

/// What a script tells the programs that it starts: `socat … EXEC:COMMAND`.
pub(super) fn told_in(reader: &Reader<'_>, id: Id, language: Language) -> Vec<Named> {
    let text = reader.text(id);
    let commands = match language {
        Language::Shell(_) => shell::commands(&text).unwrap_or_default(),
        Language::Execline => shell::execline::commands(&text),
    };
    let mut code = Code::new(Dialect::Posix);
    for command in &commands {
        told_by(reader, &mut code, command, None);
    }
    reader.named(&[(id, None)], code).into_iter().flat_map(|uses| uses.names).collect()
}

/// The command lines that the words of one command hold, whichever of the words starts a program that takes some.
fn told_by(reader: &Reader<'_>, code: &mut Code, command: &SimpleCommand, line: Option<u32>) {
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
    for (at, word) in command.words.iter().enumerate() {
        let name = word.text.rsplit('/').next().unwrap_or_default();
        for (program, _) in reader.policy.programs.of(name.as_bytes(), word.text.as_bytes()) {
            let own = words.get(at + 1..).unwrap_or_default();
            told(reader, code, program, own, line.unwrap_or(word.line));
        }
    }
}

/// The command lines in the options of a program, whose own words these are.
fn told(reader: &Reader<'_>, code: &mut Code, program: &Program, words: &[&str], line: u32) {
    let own = words.split(|&word| word == "--").next().unwrap_or_default();
    for (option, value) in &program.options {
        for text in option_values(option, own) {
            let text = value.part(text);
            if let Some(shell) = through_shell(value.kind, text) {
                start(reader, code, (line, text, shell), &[]);
            }
        }
    }
}

/// Scripts of the application that show that a program starts another one.
fn evidence(reader: &Reader<'_>, (name, known): (&[u8], &Program), starts: &Starts, found: &mut Vec<FileUses>) {
    let programs = starts.programs(name);
    let Some((word, entry)) = programs.iter().find_map(|word| Some((word, reader.runs(word, &[])?))) else {
        return;
    };
    let mut files = application(reader, name);
    if !known.modules.is_empty() {
        let words: Vec<&str> = reader.lines().iter().flat_map(|line| &line.words).map(String::as_str).collect();
        files.extend(imports::modules(reader, &known.modules, &files, &words));
    }
    let except: Vec<Glob> = starts.except.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
    for file in files {
        if except.iter().any(|glob| glob.matches(&reader.tree.path(file))) {
            continue;
        }
        let text = reader.text(file);
        let line = (1_u32..)
            .zip(text.lines())
            .find(|(_, line)| starts.evidence.iter().any(|text| line.contains(text.as_str())));
        let Some((line, _)) = line else { continue };
        let named = Named { how: How::Runs, entry, line, word: word.clone(), optional: false };
        found.push(FileUses { file, names: vec![named], logins: Vec::new(), unknown: Vec::new(), problem: None });
        // One place shows it; the same help would stand below every other.
        break;
    }
}

/// The scripts that command lines give a program, with what lies beside and below them and has the same ending; and those
/// that it runs by their first line.
fn application(reader: &Reader<'_>, program: &[u8]) -> BTreeSet<Id> {
    let tree = reader.tree;
    let mut found = BTreeSet::new();
    for line in reader.lines() {
        found.extend(line.words.iter().filter_map(|word| reader.run_by(word, program)));
        for word in behind(&line.words, program).into_iter().filter(|word| !word.starts_with('-')) {
            let Ok(script) = tree.resolve_from(reader.working_directory(), word.as_bytes(), true) else { continue };
            let (script, name) = (script.node, tree.name(script.node));
            if !tree.is_file(script) {
                continue;
            }
            found.insert(script);
            let ending = name.rsplit(|&b| b == b'.').next().unwrap_or_default();
            let top = tree.parent(script);
            if ending.len() < name.len() && top != Id::ROOT && !reader.commands.is_in_directory(tree, script) {
                let alike = |&id: &Id| tree.is_file(id) && tree.name(id).rsplit(|&b| b == b'.').next() == Some(ending);
                found.extend(tree.subtree(top).filter(alike).take(MOST_SCRIPTS));
            }
        }
    }
    found
}

/// What the recipes of Makefiles and the scripts of package.json name: of the goals on the command line, or of all where a
/// script starts make or npm.
fn recipes(reader: &Reader<'_>, program: &[u8], files: &[Id], syntax: Syntax, found: &mut Vec<FileUses>) {
    // The first of the usual names counts, and every one that is given.
    for &file in files {
        let Ok(file) = reader.tree.follow(file).map(|found| found.node) else { continue };
        let text = reader.text(file);
        let lines: Vec<_> = reader.lines().iter().map(|line| behind(&line.words, program)).collect();
        let started: Vec<_> = lines.iter().filter(|words| !words.is_empty()).collect();
        let mut code = Code::new(Dialect::Posix);
        let goals: Vec<&str> = started.iter().flat_map(|words| goals(words)).collect();
        let direct = reader.lines().iter().any(|line| line.words.iter().any(|word| names(word, program)));
        let commands = match syntax {
            Syntax::Package => package::commands(&text, &goals, !direct),
            _ => makefile::commands(&text, &goals, !direct),
        };
        if syntax == Syntax::Package {
            // npm puts the programs of packages in front of PATH.
            let top = reader.tree.path(reader.tree.parent(file));
            code.read_part(&format!("PATH={}/node_modules/.bin:$PATH", String::from_utf8_lossy(&top)), 0);
        }
        for (line, text) in commands {
            code.read_part("/bin/sh", line);
            code.read_part(&text, line);
        }
        found.extend(reader.named(&[(file, None)], code).into_iter().filter(|uses| !uses.names.is_empty()));
    }
}

fn names(word: &str, program: &[u8]) -> bool {
    word.rsplit('/').next().is_some_and(|name| name.as_bytes() == program)
}

/// The goals among the words behind make.
fn goals<'w>(words: &[&'w str]) -> Vec<&'w str> {
    const WITH_VALUE: [&str; 8] = ["-C", "-f", "-I", "-o", "-W", "--directory", "--file", "--makefile"];
    let mut skip = false;
    let is = |word: &&&str| {
        let value = std::mem::replace(&mut skip, WITH_VALUE.contains(*word));
        !value && !word.starts_with('-') && !word.contains('=') && !word.bytes().all(|b| b.is_ascii_digit())
    };
    words.iter().filter(is).copied().collect()
}

/// What the files of one configuration name.
fn read(reader: &Reader<'_>, id: Id, mut files: Vec<Id>, configuration: &Configuration, found: &mut Vec<FileUses>) {
    let tree = reader.tree;
    let whole =
        !reader.policy.programs.of(tree.name(id), &tree.path(id)).iter().any(|(known, _)| knows_commands(known));
    let mut started = Vec::new();
    let mut at = 0;
    let mut seen = BTreeSet::new();
    while let Some(&entry) = files.get(at) {
        at += 1;
        let Ok(file) = tree.follow(entry).map(|found| found.node) else { continue };
        if !tree.is_file(file) || tree.meta(file).mount || !seen.insert(file) {
            continue;
        }
        match configuration.syntax {
            Syntax::Programs if tree.permissions(file) & 0o111 != 0 && reader.can_run(file) => started.push(entry),
            Syntax::Programs => {}
            Syntax::Execline => found.push(reader.execline(file)),
            _ => {
                let (mut uses, included) = parts(reader, file, configuration, whole);
                found.append(&mut uses);
                files.extend(included);
            }
        }
    }
    if !started.is_empty() {
        let named = |entry| {
            let word = String::from_utf8_lossy(&tree.path(entry)).into_owned();
            Named { how: How::Starts, entry, line: 0, word, optional: false }
        };
        let names = started.into_iter().map(named).collect();
        found.push(FileUses { file: id, names, logins: Vec::new(), unknown: Vec::new(), problem: None });
    }
}

/// What a configuration names, by `whole` paths of programs where no key is known to hold a command, and further files that
/// it includes.
fn parts(reader: &Reader<'_>, file: Id, configuration: &Configuration, whole: bool) -> (Vec<FileUses>, Vec<Id>) {
    if !whole && configuration.keys.iter().all(|(_, value)| value.kind.is_account()) && !is_table(configuration.syntax)
    {
        return (Vec::new(), Vec::new());
    }
    let text = reader.text(file);
    let mut code = Code::new(Dialect::Posix);
    let (mut included, mut loaded) = (Vec::new(), Vec::new());
    for (line, part) in command_settings(configuration, &text) {
        match part {
            Part::Command { text, shell } => start(reader, &mut code, (line, &text, shell), &configuration.ignore),
            Part::File(path) => {
                let entry = reader.tree.resolve(path.as_bytes()).ok().filter(|_| path.starts_with('/'));
                let is_file = |id: &Id| reader.tree.is_file(*id);
                loaded.extend(entry.map(|found| found.node).filter(is_file).map(|entry| Named {
                    how: How::Reads,
                    entry,
                    line,
                    word: path.clone(),
                    optional: false,
                }));
            }
            Part::Include(patterns) => included.extend(super::configurations::included(reader, file, &patterns)),
        }
    }
    let mut uses = reader.named(&[(file, None)], code);
    if let Some(first) = uses.first_mut() {
        first.names.append(&mut loaded);
        if whole {
            first.names.extend(reader.paths_in(file));
        }
    }
    uses.retain(|uses| !whole || !uses.names.is_empty());
    (uses, included)
}

/// A command line with its line, read as code, unless the program that it begins with is not there: then it did not work
/// before.
fn start(reader: &Reader<'_>, code: &mut Code, (line, text, shell): (u32, &str, bool), ignore: &[String]) {
    let begin = text.trim_start();
    let first = match begin.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => begin.split(quote).nth(1),
        None => begin.split_whitespace().next(),
    };
    let first = first.unwrap_or_default().trim();
    // What a variable holds is not known, and `NAME=value` is no program.
    if !first.is_empty() && !first.contains(|c: char| "$`%={}()[]!&|;<>".contains(c)) {
        let name = first.rsplit('/').next().unwrap_or_default();
        let word = || is_builtin(name, Dialect::Posix) || (shell && shell::is_reserved(name));
        let there = || word() || reader.runs(first, &[]).is_some();
        // A path may lie on a volume; a name that is found nowhere starts nothing.
        if ignore.iter().any(|ignored| ignored == name) || (!first.contains('/') && !there()) {
            return;
        }
    }
    if shell {
        code.read_part("/bin/sh", line);
    }
    code.read_part(text, line);
    // Its arguments may hold one more, which is shorter.
    for command in shell::commands(text).unwrap_or_default().iter().filter(|command| command.words.len() > 1) {
        told_by(reader, code, command, Some(line));
    }
}

/// Whether its file says which settings hold commands.
fn knows_commands(program: &Program) -> bool {
    let told = |kind: Kind| !kind.is_account() && kind != Kind::Include;
    program.configurations.iter().any(|configuration| {
        is_table(configuration.syntax)
            || matches!(configuration.syntax, Syntax::Programs | Syntax::Execline | Syntax::Makefile | Syntax::Package)
            || configuration.keys.iter().any(|(_, value)| told(value.kind))
    })
}

fn is_table(syntax: Syntax) -> bool {
    matches!(syntax, Syntax::Crontab | Syntax::UserCrontab | Syntax::Anacrontab)
}
