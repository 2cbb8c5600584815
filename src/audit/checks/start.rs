//! Checks that an image can start: its programs exist, with their interpreters and libraries, and its user exists and
//! may read and run them. Owners and modes are judged as the kernel judges them; access lists are not read.

use std::collections::BTreeSet;

use super::accounts::sound;
use crate::audit::{Cx, Findings, ImageConfig};
use crate::diag::Origin;
use crate::diag::codes;
use crate::diag::escape::quoted;
use crate::facts::accounts::{Database, GID, MEMBERS, PRIMARY_GID, UID, members};
use crate::facts::program::Program;
use crate::tree::{Id, Unresolved};

/// PATH of a container whose image has none (github.com/moby/moby, oci/defaults.go).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Interpreters in a row that the kernel follows (execve(2)).
const MOST_INTERPRETERS: usize = 4;

/// Programs that only start the words behind them.
const STARTERS: &[&str] = &["tini", "tini-static", "dumb-init", "catatonit", "docker-init", "exec"];

/// Interpreters whose first argument is the program: it has to be there.
const INTERPRETERS: &[&str] = &["python", "python3", "node", "ruby", "perl", "php", "sh", "bash", "dash", "ash"];

const READ: u32 = 0o4;
const EXECUTE: u32 = 0o1;

/// Who starts the image's program, as far as the image says.
struct User {
    name: String,
    uid: u32,
    groups: BTreeSet<u32>,
}

pub(super) fn check(cx: &Cx<'_>, findings: &mut Findings) {
    let Some(image) = cx.image else { return };
    let mut problems: Vec<(String, String)> = Vec::new();
    let user = user(cx, image).map_err(|text| problems.push(("USER".to_owned(), text))).ok();
    let start = Start { cx, image, user: user.as_ref() };
    let what = if image.entrypoint.is_empty() { "CMD" } else { "ENTRYPOINT" };
    start.words(what, &image.command, &mut problems);
    match image.test.split_first() {
        Some((kind, words)) if kind == "CMD" => start.words("HEALTHCHECK", words, &mut problems),
        Some((kind, _)) if kind == "CMD-SHELL" => {
            let shell = image.shell.clone();
            start.words("HEALTHCHECK", &shell, &mut problems);
        }
        _ => {}
    }
    // What a kept program needs besides: libraries, and the interpreters of those that it names.
    for refusal in cx.unmet.iter().filter(|refusal| refusal.id == codes::CLOSURE) {
        if refusal.origin.as_ref().is_some_and(Origin::is_of_image) {
            problems.push((what.to_owned(), refusal.text.clone()));
        }
    }
    let mut told = BTreeSet::new();
    for (what, text) in problems {
        if told.insert(text.clone()) {
            findings.about(b"/".to_vec(), what.clone(), format!("{what}: {text}"));
        }
    }
}

/// The user of the configuration: a name has to be in the image, a number need not.
fn user(cx: &Cx<'_>, image: &ImageConfig) -> Result<User, String> {
    let (name, group) =
        image.user.split_once(':').map_or((image.user.as_str(), None), |(name, group)| (name, Some(group)));
    let name = if name.is_empty() { "0" } else { name };
    let number = |text: &str| text.parse::<u32>().ok();
    let shown = |text: &str| quoted(text.as_bytes());
    let line = sound(cx, Database::Passwd)
        .map(|(_, line)| line)
        .find(|line| line.name() == name.as_bytes() || number(name).is_some_and(|uid| line.id(UID) == Some(uid)));
    let uid = match line.and_then(|line| line.id(UID)).or_else(|| number(name)) {
        Some(uid) => uid,
        None => return Err(format!("the user {} is not in /etc/passwd", shown(name))),
    };
    let mut groups = BTreeSet::new();
    match group.filter(|group| !group.is_empty()) {
        Some(group) => {
            let found = sound(cx, Database::Group).map(|(_, line)| line).find(|line| line.name() == group.as_bytes());
            match found.and_then(|line| line.id(GID)).or_else(|| number(group)) {
                Some(gid) => drop(groups.insert(gid)),
                None => return Err(format!("the group {} is not in /etc/group", shown(group))),
            }
        }
        None => {
            groups.insert(line.and_then(|line| line.id(PRIMARY_GID)).unwrap_or(0));
            // Engines give supplementary groups only where no group is written.
            if let Some(line) = line {
                let of = sound(cx, Database::Group).map(|(_, group)| group);
                groups.extend(
                    of.filter(|group| members(group.field(MEMBERS)).any(|member| member == line.name()))
                        .filter_map(|group| group.id(GID)),
                );
            }
        }
    }
    let name = if image.user.is_empty() { "root".to_owned() } else { image.user.clone() };
    Ok(User { name, uid, groups })
}

struct Start<'a> {
    cx: &'a Cx<'a>,
    image: &'a ImageConfig,
    user: Option<&'a User>,
}

impl Start<'_> {
    /// The program of a command, and the file that an interpreter is given.
    fn words(&self, what: &str, words: &[String], problems: &mut Vec<(String, String)>) {
        let Some((program, rest)) = words.split_first() else { return };
        let mut add = |text: String| problems.push((what.to_owned(), text));
        // Engines expand nothing: a variable in the place of the program is none that exists.
        let Some(id) = self.find(program).map_err(&mut add).ok().flatten() else { return };
        if let Err(text) = self.runs(program, id, 0) {
            add(text);
            return;
        }
        let name = program.rsplit('/').next().unwrap_or_default();
        if STARTERS.contains(&name) {
            let behind: Vec<String> = rest.iter().skip_while(|word| word.starts_with('-')).cloned().collect();
            self.words(what, &behind, problems);
            return;
        }
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let known = INTERPRETERS.iter().any(|known| *known == name || *known == plain);
        let file = match rest {
            [first, ..] if known && !first.starts_with('-') => Some(first),
            [first, ..] if name == "dotnet" && first.ends_with(".dll") => Some(first),
            _ if name == "java" => rest.iter().skip_while(|word| *word != "-jar").nth(1),
            _ => None,
        };
        let named = |file: &&String| file.contains('/') || file.contains('.');
        if let Some(file) = file.filter(named).filter(|file| !file.contains(['*', '$', '%']))
            && let Some(text) = self.argument(file)
        {
            add(text);
        }
    }

    /// A file that an interpreter is given; `None` when it is there.
    fn argument(&self, file: &str) -> Option<String> {
        let shown = quoted(file.as_bytes());
        let path = self.absolute(file);
        // Node adds the ending itself.
        let found = [path.clone(), format!("{path}.js"), format!("{path}.cjs"), format!("{path}.mjs")]
            .iter()
            .find_map(|path| self.cx.tree.resolve(path.as_bytes()).ok());
        match found {
            Some(found) => self.may(found.node, READ).map(|why| format!("the file {shown} {why}")),
            None if self.is_elsewhere(&path) => None,
            None => Some(format!("the file {shown} does not exist")),
        }
    }

    /// The path of a word, from the working directory.
    fn absolute(&self, word: &str) -> String {
        let workdir = if self.image.workdir.is_empty() { "/" } else { &self.image.workdir };
        if word.starts_with('/') { word.to_owned() } else { format!("{workdir}/{word}") }
    }

    /// Whether a path lies in a volume, or behind a mount: its files come when the container starts.
    fn is_elsewhere(&self, path: &str) -> bool {
        let below = |volume: &String| {
            let volume = volume.trim_end_matches('/');
            path.strip_prefix(volume).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mounted = ["/proc", "/sys", "/dev"].iter().any(|place| path.starts_with(place));
        mounted
            || self.image.volumes.iter().any(below)
            || matches!(self.cx.tree.resolve(path.as_bytes()), Err(Unresolved::Mount(_)))
    }

    /// The file that a word starts. `Ok(None)` when that cannot be told.
    fn find(&self, word: &str) -> Result<Option<Id>, String> {
        let shown = quoted(word.as_bytes());
        let tree = self.cx.tree;
        if word.is_empty() {
            return Err("the program is an empty word".to_owned());
        }
        if word.contains('/') {
            let path = self.absolute(word);
            return match tree.resolve(path.as_bytes()) {
                Ok(found) if tree.is_dir(found.node) => Err(format!("{shown} is a directory")),
                Ok(found) => Ok(Some(found.node)),
                Err(_) if self.is_elsewhere(&path) => Ok(None),
                Err(_) => Err(format!("{shown} does not exist")),
            };
        }
        let path = self.image.env.iter().rev().find_map(|text| text.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        let mut other = None;
        for directory in path.split(':').filter(|directory| directory.starts_with('/')) {
            let Ok(found) = tree.resolve(format!("{directory}/{word}").as_bytes()) else { continue };
            if tree.is_file(found.node) && tree.permissions(found.node) & 0o111 != 0 {
                return Ok(Some(found.node));
            }
            other = Some(found.node);
        }
        if path.split(':').any(|directory| self.is_elsewhere(&format!("{directory}/{word}"))) {
            return Ok(None);
        }
        Err(match other {
            Some(_) => format!("{shown} in PATH ({path}) is not executable"),
            None => format!("{shown} is not in PATH ({path})"),
        })
    }

    /// Whether the kernel starts a file for the user, with its interpreter.
    fn runs(&self, word: &str, id: Id, depth: usize) -> Result<(), String> {
        let (tree, shown) = (self.cx.tree, quoted(word.as_bytes()));
        if !tree.is_file(id) {
            return Err(format!("{shown} is not a regular file"));
        }
        if tree.permissions(id) & 0o111 == 0 {
            return Err(format!("{shown} is not executable"));
        }
        if let Some(why) = self.may(id, EXECUTE) {
            return Err(format!("{shown} {why}"));
        }
        let program = self.cx.facts.commands.program(tree, self.cx.contents, id).unwrap_or_default();
        let interpreter = match &program {
            Program::Elf(elf) => elf.interpreter.clone(),
            Program::Script(shebang) => {
                if let Some(why) = self.may(id, READ) {
                    return Err(format!("{shown} {why}"));
                }
                if let Some(name) = shebang.env_name.as_ref().and_then(|name| std::str::from_utf8(name).ok()) {
                    let found = self.find(name).map_err(|text| format!("{shown} starts with env: {text}"))?;
                    if let Some(found) = found.filter(|_| depth < MOST_INTERPRETERS) {
                        self.runs(name, found, depth + 1)?;
                    }
                }
                Some(shebang.interpreter.clone())
            }
            Program::Unreadable(cause) => {
                return Err(format!("{shown} is not a program that the kernel can start: {cause}"));
            }
            // A shell runs such a file; the kernel does not.
            Program::None if depth == 0 => {
                return Err(format!(
                    "{shown} is not a program that the kernel can start: it is not ELF and does not begin with '#!'"
                ));
            }
            Program::None => None,
        };
        let Some(interpreter) = interpreter else { return Ok(()) };
        let path = String::from_utf8_lossy(&interpreter).into_owned();
        let missing = || format!("the interpreter {} of {shown} does not exist", quoted(&interpreter));
        match tree.resolve(self.absolute(&path).as_bytes()) {
            Ok(found) if depth < MOST_INTERPRETERS => {
                // The dynamic loader is started by the kernel, whatever its own head says.
                if matches!(program, Program::Elf(_)) {
                    return self.may(found.node, EXECUTE).map_or(Ok(()), |why| {
                        Err(format!("the interpreter {} of {shown} {why}", quoted(&interpreter)))
                    });
                }
                self.runs(&path, found.node, depth + 1)
            }
            Ok(_) => Err(format!("{shown} has too many interpreters in a row")),
            Err(_) if self.is_elsewhere(&path) => Ok(()),
            Err(_) => Err(missing()),
        }
    }

    /// Why the user may not do that with an entry; `None` when the user may.
    fn may(&self, id: Id, bits: u32) -> Option<String> {
        let user = self.user.filter(|user| user.uid != 0)?;
        let tree = self.cx.tree;
        let has = |id: Id, bits: u32| {
            let (meta, mode) = (tree.meta(id), tree.permissions(id));
            let class = if meta.uid == user.uid {
                mode >> 6
            } else if user.groups.contains(&meta.gid) {
                mode >> 3
            } else {
                mode
            };
            class & bits == bits
        };
        let verb = if bits == READ { "read" } else { "executed" };
        let mut directory = id;
        while directory != Id::ROOT {
            directory = tree.parent(directory);
            if !has(directory, EXECUTE) {
                let place = quoted(&tree.path(directory));
                return Some(format!(
                    "cannot be reached by the user {}: {place} has no x bit for that user",
                    quoted(user.name.as_bytes())
                ));
            }
        }
        let meta = tree.meta(id);
        (!has(id, bits)).then(|| {
            let mode = tree.permissions(id);
            format!(
                "cannot be {verb} by the user {}: it belongs to {}:{} with mode 0o{mode:o}",
                quoted(user.name.as_bytes()),
                meta.uid,
                meta.gid
            )
        })
    }
}
