//! Files that a kept program needs for logins: the modules that its PAM service names (pam.conf(5)), and the programs
//! that these modules start.

use std::collections::BTreeSet;

use super::Why;
use super::walk::Walk;
use crate::diag::escape::quoted;
use crate::tree::{Id, glob};

/// Largest service file read.
const LIMIT: u64 = 256 * 1024;
/// Most files read for one service.
const MAX_FILES: usize = 100;
/// Where services are configured, the first one that has a file wins.
const SERVICES: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d"];
/// Where modules lie.
const MODULES: [&[u8]; 6] = [
    b"/lib/security",
    b"/lib64/security",
    b"/lib/*/security",
    b"/usr/lib/security",
    b"/usr/lib64/security",
    b"/usr/lib/*/security",
];
/// Modules that start a program of the command directories, as far as the login fails without it.
const HELPERS: [(&[u8], &[u8]); 3] = [
    (b"pam_mkhomedir.so", b"mkhomedir_helper"),
    (b"pam_pwhistory.so", b"pwhistory_helper"),
    (b"pam_xauth.so", b"xauth"),
];

/// What the lines of a service ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Service {
    modules: BTreeSet<Vec<u8>>,
    /// First path in the arguments of pam_exec.so.
    programs: BTreeSet<Vec<u8>>,
    /// Services read, each once: they may include one another.
    files: BTreeSet<Id>,
    /// An included service does not exist: what it names is unknown.
    unknown: bool,
}

/// Keep what the services of kept programs need: a service has the name of the program that asks for it.
pub(super) fn add(walk: &mut Walk<'_>) {
    let tree = walk.input.tree;
    let directory = |path: &&str| tree.resolve(path.as_bytes()).map(|found| found.node).ok();
    let directories: Vec<Id> = SERVICES.iter().filter_map(directory).collect();
    if directories.is_empty() {
        return;
    }
    let find = |name: &[u8]| directories.iter().find_map(|&directory| tree.child(directory, name));
    let kept: Vec<Id> = walk.kept().filter(|&id| walk.input.commands.is_in_directory(tree, id)).collect();
    for program in kept {
        let Some(service) = find(tree.name(program)) else { continue };
        if !walk.services.insert(service) {
            continue;
        }
        let mut wanted = Service::default();
        read(walk, &find, service, &mut wanted);
        keep(walk, program, service, &wanted);
        // Asked for what a service does not name.
        if let Some(other) = find(b"other") {
            walk.add(other, Some(program), "PAM fallback service (other) of");
        }
    }
}

fn keep(walk: &mut Walk<'_>, program: Id, service: Id, wanted: &Service) {
    let tree = walk.input.tree;
    walk.add(service, Some(program), "PAM service of");
    let at = quoted(&tree.path(service));
    for &file in wanted.files.iter().filter(|&&file| file != service) {
        walk.add(file, Some(program), &format!("PAM service that {at} includes for"));
    }
    let text = format!("PAM module named in {at} for");
    for module in &wanted.modules {
        let patterns: Vec<Vec<u8>> = if module.first() == Some(&b'/') {
            vec![module.clone()]
        } else {
            MODULES.iter().map(|directory| [directory, &b"/"[..], module].concat()).collect()
        };
        for pattern in patterns {
            for found in glob::expand_in(tree, walk.input.contents, service, &pattern) {
                let _ = walk.add_path(Id::ROOT, &tree.path(found), Some(program), &text);
            }
        }
    }
    let base = |module: &Vec<u8>| module.rsplit(|&b| b == b'/').next().unwrap_or_default().to_vec();
    let names: BTreeSet<Vec<u8>> = wanted.modules.iter().map(base).collect();
    let helper = |walk: &mut Walk<'_>, name: &[u8], why: &Why| {
        let found = walk.input.commands.entries.keys().copied().find(|&id| tree.name(id) == name);
        if let Some(found) = found {
            walk.add(found, Some(program), why);
        }
    };
    // pam_unix asks unix_chkpwd(8) whether an account may log in, in all programs since Linux-PAM 1.6: without it
    // nobody can.
    if wanted.unknown || names.iter().any(|name| name.starts_with(b"pam_unix")) {
        walk.closure.logins.push((program, service));
        helper(walk, b"unix_chkpwd", &Why::PamChecker);
    }
    for (module, name) in HELPERS {
        if names.contains(module) {
            helper(walk, name, &"started by PAM for a login through".into());
        }
    }
    for path in &wanted.programs {
        walk.add_word(program, path, &format!("run by pam_exec in {at} for"));
    }
}

/// Read a service with what it includes.
fn read(walk: &Walk<'_>, find: &dyn Fn(&[u8]) -> Option<Id>, file: Id, into: &mut Service) {
    if into.files.len() >= MAX_FILES || !into.files.insert(file) {
        return;
    }
    let tree = walk.input.tree;
    let target = tree.follow(file).map(|found| found.node).ok().filter(|&id| tree.is_file(id));
    let Some(text) = target.and_then(|id| walk.input.contents.read(tree, id, LIMIT).ok()) else {
        into.unknown = true;
        return;
    };
    let text = String::from_utf8_lossy(&text).replace("\\\n", " ");
    for line in text.lines() {
        let words = words(line);
        let included = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["@include", name, ..] | [_, "include" | "substack", name, ..] => name,
            [_, _, module, ref arguments @ ..] => {
                into.modules.insert(module.as_bytes().to_vec());
                if module.rsplit('/').next() == Some("pam_exec.so") {
                    let program = arguments.iter().find(|word| word.starts_with('/'));
                    into.programs.extend(program.map(|path| path.as_bytes().to_vec()));
                }
                continue;
            }
            _ => continue,
        };
        match find(included.rsplit('/').next().unwrap_or_default().as_bytes()) {
            Some(next) => read(walk, find, next, into),
            None => into.unknown = true,
        }
    }
}

/// Words of a line; what is in brackets is one.
fn words(line: &str) -> Vec<String> {
    let line = line.split('#').next().unwrap_or_default();
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    for letter in line.chars().chain([' ']) {
        match letter {
            '[' if word.is_empty() => inside = true,
            ']' if inside => inside = false,
            _ if letter.is_whitespace() && !inside => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        word.push(letter);
    }
    words
}
