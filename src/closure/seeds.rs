//! Seeds of the closure: the entries that the policy names, by command line, name, pattern or path.

use std::collections::BTreeSet;

use super::walk::Walk;
use super::{Seed, Why};
use crate::diag::escape::quoted;
use crate::diag::suggest::did_you_mean;
use crate::diag::{Diagnostic, Origin, codes};
use crate::facts::commands::Commands;
use crate::facts::program::{Place, Program};
use crate::ordered;
use crate::policy::{CommandEntry, CommandLine, Entry, Pattern, Run, variable};
use crate::scripts::is_interpreter;
use crate::tree::{FileId, Id, Tree, Unresolved, glob};

/// Words that a shell answers itself (POSIX XCU 2.9 and 2.14, with those of bash and ash).
const BUILTINS: &str = ". : [ [[ alias bg break case cd command continue do done echo else esac eval exec exit export false fi for if \
    local printf pwd read readonly return set shift source test then trap true type ulimit umask unset wait while";

/// What the run command and the user's own, not optional entries name.
pub(super) fn required(walk: &mut Walk<'_>) {
    let policy = walk.input.policy;
    if let Run::Commands(lines) = &policy.run {
        for line in lines {
            command_line(walk, line);
        }
    }
    for entry in policy.keep.commands.iter().filter(|entry| !may_be_missing(entry.optional, &entry.origin)) {
        command_entry(walk, entry, true);
    }
    for entry in policy.keep.paths.iter().filter(|entry| !may_be_missing(entry.optional, &entry.origin)) {
        if walk.input.tree.lookup(entry.value.as_bytes()).is_none() {
            let text = format!("keep.paths entry {} matches nothing", quoted(entry.value.as_bytes()));
            let message = Diagnostic::at(codes::KEEP_PATHS, &entry.origin, text);
            walk.problem(message.help("correct the path, or mark the entry optional"));
        }
    }
}

/// What may be missing: profile and optional entries, and the content of kept paths.
pub(super) fn optional(walk: &mut Walk<'_>) {
    let policy = walk.input.policy;
    for entry in policy.keep.commands.iter().filter(|entry| may_be_missing(entry.optional, &entry.origin)) {
        command_entry(walk, entry, false);
    }
    for entry in &policy.keep.paths {
        kept_path(walk, entry);
    }
    let origin = Origin::Environment("the image's environment");
    for (name, value) in &policy.environment {
        let text = format!("named by the variable {} in {origin}", quoted(name.as_bytes()));
        named_data(walk, value, &Why::Named(Seed::Path, text, origin.clone()));
    }
    let Run::Commands(lines) = &policy.run else { return };
    for line in lines.iter().filter(|line| !line.shell_form) {
        for word in line.argv.iter().skip(1) {
            let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
            let text = format!("named by an argument of the command in {}", line.origin);
            named_data(walk, value, &Why::Named(Seed::Path, text, line.origin.clone()));
        }
    }
}

/// Data that a variable of the image or an argument of its command names: a file, or a directory of the application with
/// what lies below and what links there lead to. Programs have reasons of their own.
fn named_data(walk: &mut Walk<'_>, value: &str, why: &Why) {
    let tree = walk.input.tree;
    let Ok(found) = tree.resolve(value.as_bytes()) else { return };
    let top = found.node;
    // `/usr/lib` belongs to every package.
    let own = value.split('/').filter(|part| !part.is_empty()).count() >= OWN_DIRECTORY;
    if !value.starts_with('/') || !(tree.is_file(top) || (own && tree.is_dir(top))) {
        return;
    }
    if !tree.is_file(top) {
        walk.add_data(top, None, why);
    } else if tree.permissions(top) & 0o111 == 0 {
        let _ = walk.add_path(Id::ROOT, value.as_bytes(), None, why);
    }
}

/// Parts of the path of a directory that is an application's own, as `/var/lib/tomcat10`.
const OWN_DIRECTORY: usize = 3;

/// Words for which a name that is like them is looked for among all names.
const MOST_SUGGESTED: usize = 100;

fn may_be_missing(optional: bool, origin: &Origin) -> bool {
    optional || matches!(origin, Origin::Profile(_))
}

fn command_line(walk: &mut Walk<'_>, line: &CommandLine) {
    let tree = walk.input.tree;
    if line.shell_form {
        let why = Why::Named(Seed::Command, format!("shell of the command in {}", line.origin), line.origin.clone());
        if tree.resolve(b"/bin/sh").is_err() || walk.add_path(Id::ROOT, b"/bin/sh", None, &why).is_err() {
            let text = "the command is in shell form, and '/bin/sh' does not exist";
            let message = Diagnostic::at(codes::RUN_COMMAND, &line.origin, text);
            walk.problem(message.help("write it in exec form: [\"program\", \"argument\"]"));
        }
    }
    let calls = Why::Named(Seed::Command, format!("called by the command in {}", line.origin), line.origin.clone());
    unexpanded(walk, line);
    if line.shell_form {
        walk.calls_in_code(line.argv.last().map_or("", String::as_str), None, &calls);
    } else {
        walk.calls_in_words(&line.words.iter().map(|word| Some(word.as_str())).collect::<Vec<_>>(), None, &calls);
        for code in line.words.iter().filter(|word| word.contains([' ', '\n'])) {
            walk.calls_in_code(code, None, &calls);
        }
    }
    let mut interpreted = false;
    for (at, word) in line.words.iter().enumerate() {
        let read = interpreted;
        interpreted = interpreted || is_interpreter(word);
        let text = format!("word '{}' of the command in {}", quoted(word.as_bytes()).trim_matches('\''), line.origin);
        let why = Why::Named(Seed::Word, text, line.origin.clone());
        let found = find_word(walk, word);
        match found {
            Found::Executable(base) => {
                let _ = walk.add_path(base, word.as_bytes(), None, &why);
            }
            Found::InPath(entry) => walk.add(entry, None, &why),
            Found::NotExecutable if at == 0 && !line.shell_form => {
                let shown = quoted(word.as_bytes());
                let text = format!("the command starts {shown}, which is not executable");
                let message = Diagnostic::at(codes::RUN_COMMAND, &line.origin, text);
                walk.warn_of(message.help(format!("chmod +x {shown} before harden runs")));
            }
            Found::Nothing(why) if at == 0 && !line.shell_form => missing_program(walk, line, word, why),
            Found::Nothing(_)
                if line.shell_form && !word.contains('/') && !BUILTINS.split(' ').any(|known| known == word) =>
            {
                let shown = quoted(word.as_bytes());
                let text = format!("the command runs {shown}, which is not in PATH");
                walk.warn_of(Diagnostic::at(codes::RUN_COMMAND, &line.origin, text));
            }
            // What an interpreter is given to read: such a script needs no x bit.
            Found::NotExecutable | Found::Nothing(_) if read => {
                let base = walk.working_directory();
                if tree.resolve_from(base, word.as_bytes(), true).is_ok_and(|found| tree.is_file(found.node)) {
                    let _ = walk.add_path(base, word.as_bytes(), None, &why);
                }
            }
            Found::NotExecutable | Found::Nothing(_) => {}
        }
    }
}

/// Name a variable in an argument, which only the program itself can expand. Code has variables of its own.
fn unexpanded(walk: &mut Walk<'_>, line: &CommandLine) {
    let programs = &walk.input.policy.programs;
    let first = line.argv.first().filter(|_| !line.shell_form).map_or("", String::as_str);
    let name = first.rsplit('/').next().unwrap_or_default();
    let known = programs.of(name.as_bytes(), first.as_bytes());
    let is_code = |word: &str| {
        let mut options = known.iter().flat_map(|(program, _)| &program.options);
        word.contains(char::is_whitespace) || options.any(|(option, _)| word.starts_with(option.as_str()))
    };
    let found = line.argv.iter().skip(1).filter(|word| !is_code(word)).find_map(|word| Some((word, variable(word)?)));
    if let Some((word, name)) = found.filter(|_| !line.shell_form) {
        let shown = quoted(word.as_bytes());
        let text = format!("the argument {shown} of the command holds the variable '{name}'");
        let message = Diagnostic::at(codes::VARIABLE, &line.origin, text);
        walk.warn_of(
            message.help("harden does not expand variables; write the value, unless the program expands it itself"),
        );
    }
}

/// What a word of a command line names.
enum Found {
    /// A path, absolute or from that directory, of an executable file.
    Executable(Id),
    /// An entry of a PATH directory.
    InPath(Id),
    /// A file without an execute bit.
    NotExecutable,
    /// No file.
    Nothing(Option<Unresolved>),
}

fn find_word(walk: &Walk<'_>, word: &str) -> Found {
    let tree = walk.input.tree;
    if !word.contains('/') {
        let entry = walk.input.commands.find_in_path(tree, word.as_bytes()).filter(|_| !word.is_empty());
        return entry.map_or(Found::Nothing(None), Found::InPath);
    }
    let base = if word.starts_with('/') { Id::ROOT } else { walk.working_directory() };
    match tree.resolve_from(base, word.as_bytes(), true) {
        Ok(found) if !tree.is_file(found.node) => Found::Nothing(None),
        Ok(found) if tree.permissions(found.node) & 0o111 == 0 => Found::NotExecutable,
        Ok(_) => Found::Executable(base),
        Err(why) => Found::Nothing(Some(why)),
    }
}

fn missing_program(walk: &mut Walk<'_>, line: &CommandLine, word: &str, why: Option<Unresolved>) {
    let tree = walk.input.tree;
    let shown = quoted(word.as_bytes());
    if let Some(Unresolved::Mount(at)) = why {
        let mount = quoted(&tree.path(at));
        let text = format!("the command starts {shown} below the mount {mount}, which harden does not examine");
        walk.warn_of(Diagnostic::at(codes::RUN_COMMAND, &line.origin, text));
        return;
    }
    let (place, help) = if word.contains('/') {
        let help = "copy it into the image before harden runs; for a base image whose program comes later, write --command none";
        match why {
            Some(_) if tree.lookup(word.as_bytes()).is_some_and(|id| tree.is_link(id)) => {
                ("is a link to a file that does not exist".to_owned(), help.to_owned())
            }
            Some(_) => ("does not exist".to_owned(), help.to_owned()),
            None => ("is not a file".to_owned(), "name a file that can be executed".to_owned()),
        }
    } else {
        let path: Vec<String> =
            walk.input.commands.path.iter().map(|&id| String::from_utf8_lossy(&tree.path(id)).into_owned()).collect();
        let place = format!("is not in PATH ({})", quoted(path.join(":").as_bytes()).trim_matches('\''));
        let near =
            near(walk, word).map_or_else(String::new, |name| format!("did you mean {}? ", quoted(name.as_bytes())));
        let help = match walk.program_with(word) {
            Some(program) => format!(
                "{} has an applet of that name: write [\"{}\", \"{word}\"]",
                quoted(&tree.path(program)),
                String::from_utf8_lossy(tree.name(program))
            ),
            None => format!("{near}install it before harden runs, write its absolute path, or set run.path"),
        };
        (place, help)
    };
    let text = format!("the command starts {shown}, which {place}");
    walk.problem(Diagnostic::at(codes::RUN_COMMAND, &line.origin, text).help(help));
}

fn command_entry(walk: &mut Walk<'_>, entry: &CommandEntry, required: bool) {
    let tree = walk.input.tree;
    let reason = entry.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let text = format!("command in {}{reason}", entry.origin);
    let why = Why::Named(Seed::Entry, text.clone(), entry.origin.clone());
    let found = matching(tree, walk.input.commands, &entry.pattern);
    let (files, other): (Vec<Id>, Vec<Id>) =
        found.into_iter().partition(|&id| tree.follow(id).is_ok_and(|found| tree.is_file(found.node)));
    for &id in &files {
        keep_entry(walk, id, entry, &why);
    }
    if let [first, ..] = files[..]
        && is_busybox_entry(&entry.pattern)
    {
        keep_applets(walk, &files, first, entry);
    }
    // A profile speaks of commands: an applet that no name leads to is none.
    if !files.is_empty()
        || (other.is_empty()
            && !matches!(entry.origin, Origin::Profile(_))
            && walk.add_applets(&entry.pattern, &text, &entry.origin))
        || !required
    {
        return;
    }
    let shown = quoted(entry.text.as_bytes());
    let head = format!("keep.commands entry {shown}");
    let (text, help) = match other.first() {
        Some(&id) if tree.is_link(id) && tree.follow(id).is_err() => {
            let target = quoted(tree.link_target(id).unwrap_or_default());
            let text = format!(
                "{head} cannot be kept: {} is a link to {target}, which cannot be resolved",
                quoted(&tree.path(id))
            );
            (text, "install its target, or do not keep the link".to_owned())
        }
        Some(&id) => {
            let text =
                format!("{head} is not a command: {} leads to a directory or special file", quoted(&tree.path(id)));
            (text, "write a directory, with its content, in keep.paths".to_owned())
        }
        None => {
            let near = near(walk, &entry.text)
                .map_or_else(String::new, |name| format!("did you mean {}? ", quoted(name.as_bytes())));
            (
                format!("{head} matches nothing"),
                format!("{near}correct the entry, install the command, or mark the entry optional"),
            )
        }
    };
    walk.problem(Diagnostic::at(codes::KEEP_COMMANDS, &entry.origin, text).help(help));
}

/// Keep one matched entry, by the path that was written when there is one: links among its directories stay.
fn keep_entry(walk: &mut Walk<'_>, id: Id, entry: &CommandEntry, why: &Why) {
    let _ = match &entry.pattern {
        Pattern::Path(path) => walk.add_path(Id::ROOT, path.as_bytes(), None, why),
        _ => {
            walk.add(id, None, why);
            Ok(id)
        }
    };
}

/// Every entry that a pattern names.
pub(crate) fn matching(tree: &Tree, commands: &Commands, pattern: &Pattern) -> Vec<Id> {
    match pattern {
        Pattern::Path(path) => tree.lookup(path.as_bytes()).into_iter().collect(),
        Pattern::Glob(glob) if glob.text().starts_with('/') => glob::expand(tree, glob.text()),
        _ => commands.candidates(tree).filter(|&id| pattern.names(tree.name(id))).collect(),
    }
}

/// The candidate nearest to a misspelt word, for as many words as a person may have misspelt.
fn near(walk: &Walk<'_>, word: &str) -> Option<String> {
    if walk.problems() >= MOST_SUGGESTED {
        return None;
    }
    let tree = walk.input.tree;
    let path = word.starts_with('/');
    let show = |id: Id| {
        let bytes = if path { tree.path(id) } else { tree.name(id).to_vec() };
        String::from_utf8(bytes).ok()
    };
    let names: BTreeSet<String> = BTreeSet::from_iter(walk.input.commands.candidates(tree).filter_map(show));
    did_you_mean(word, names.iter().map(String::as_str)).map(str::to_owned)
}

fn is_busybox_entry(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Name(name) => name == "busybox",
        Pattern::Path(path) => path.rsplit('/').next() == Some("busybox"),
        Pattern::Glob(_) | Pattern::Regex(_) => false,
    }
}

/// `busybox` as an entry means every name that runs it.
fn keep_applets(walk: &mut Walk<'_>, files: &[Id], busybox: Id, entry: &CommandEntry) {
    let tree = walk.input.tree;
    let targets: BTreeSet<Id> =
        BTreeSet::from_iter(files.iter().filter_map(|&id| tree.follow(id).ok()).map(|found| found.node));
    let linked: BTreeSet<FileId> = ordered::set(targets.iter().filter_map(|&id| tree.file_id(id)));
    let why = Why::Applet(entry.origin.clone());
    let mut count = 0;
    for (&id, command) in &walk.input.commands.entries {
        let other_name = || tree.file_id(command.target).is_some_and(|file| linked.contains(&file));
        if targets.contains(&command.target) || other_name() {
            walk.add(id, Some(busybox), &why);
            count += 1;
        }
    }
    let text = format!("keep.commands entry 'busybox' keeps every applet: {count} commands");
    let message = Diagnostic::at(codes::KEEP_COMMANDS, &entry.origin, text);
    walk.warn_of(message.help("name the applets that are needed instead"));
}

/// A kept path with what the programs below it need.
fn kept_path(walk: &mut Walk<'_>, entry: &Entry) {
    let tree = walk.input.tree;
    let reason = entry.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let why = Why::Named(Seed::Path, format!("path in {}{reason}", entry.origin), entry.origin.clone());
    let Ok(top) = walk.add_path(Id::ROOT, entry.value.as_bytes(), None, &why) else { return };
    let Ok(top) = tree.follow(top).map(|found| found.node) else { return };
    if !tree.is_dir(top) {
        return;
    }
    walk.add(top, None, &why);
    for id in tree.subtree(top) {
        if tree.is_link(id) {
            // Where a link leads must stay too; what leads nowhere or stays inside needs nothing.
            let leads = tree.follow(id).is_ok_and(|found| tree.is_file(found.node) && !tree.is_within(found.node, top));
            if leads {
                walk.add(id, Some(top), "link below");
            }
        } else if tree.is_file(id) && tree.permissions(id) & 0o111 != 0 {
            let program = walk.input.commands.program(tree, walk.input.contents, id).unwrap_or(Program::None);
            if program.is_program(tree, id, Place::Elsewhere) {
                walk.add(id, Some(top), "program below");
            }
        }
    }
}
