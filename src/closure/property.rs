//! Properties over generated trees of links, scripts and ELF files: harden removes nothing that a kept entry's chain
//! names, and each kept program that could start before can start after, with the same files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Closure, Input};
use crate::diag::Origin;
use crate::facts::Facts;
use crate::facts::commands::Commands;
use crate::facts::elf::fixture::Spec;
use crate::facts::packages::Packages;
use crate::pipeline;
use crate::plan::Step;
use crate::policy::{CommandEntry, Entry, Pattern, Policy};
use crate::tree::contents::memory::{Memory, image};
use crate::tree::{Id, Tree};

const DIRECTORIES: [&str; 7] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/opt/t/lib",
    "/etc/alternatives",
    "/usr/libexec/t",
];
/// The directories by other names.
const ALIASES: [&str; 4] = ["/bin", "/lib", "/usr/bin/../sbin", "/opt/now/lib"];
const NAMES: [&str; 9] = ["a", "b", "c", "sh", "env", "ld.so", "liba.so", "libb.so", "libc.so"];
const PACKAGES: [&str; 2] = ["one", "two"];

/// A file as it is generated: the simulation reads this, the program under test the bytes made of it.
#[derive(Debug, Clone, PartialEq)]
enum File {
    Link(String),
    Script { interpreter: String, env: Option<&'static str> },
    Elf { interpreter: Option<String>, needed: Vec<&'static str>, rpath: Option<String>, runpath: Option<String> },
    Library(Vec<&'static str>),
    Text,
}

type Files = BTreeMap<String, File>;

fn any_path() -> impl Strategy<Value = String> {
    let directory = prop::sample::select([&DIRECTORIES[..], &ALIASES].concat());
    (directory, prop::sample::select(&NAMES[..])).prop_map(|(directory, name)| format!("{directory}/{name}"))
}

fn any_directory() -> impl Strategy<Value = Option<String>> {
    let list = vec!["/opt/t/lib", "$ORIGIN/../lib", "/opt/now/lib:/usr/libexec/t", "${ORIGIN}"];
    prop::option::weighted(0.4, prop::sample::select(list).prop_map(str::to_owned))
}

fn any_file() -> impl Strategy<Value = File> {
    let names = || prop::collection::vec(prop::sample::select(&NAMES[6..]), 0..3);
    let loader = prop_oneof![Just("/lib/ld.so".to_owned()), any_path()];
    prop_oneof![
        3 => any_path().prop_map(File::Link),
        1 => prop::sample::select(&NAMES[..]).prop_map(|name| File::Link(name.to_owned())),
        2 => any_path().prop_map(|interpreter| File::Script { interpreter, env: None }),
        1 => prop::sample::select(&NAMES[..])
            .prop_map(|name| File::Script { interpreter: "/usr/bin/env".into(), env: Some(name) }),
        3 => (loader, names(), any_directory(), any_directory()).prop_map(|(loader, needed, rpath, runpath)| {
            File::Elf { interpreter: Some(loader), needed, rpath, runpath }
        }),
        1 => Just(File::Elf { interpreter: None, needed: Vec::new(), rpath: None, runpath: None }),
        3 => names().prop_map(File::Library),
        1 => Just(File::Text),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    files: Files,
    owned: Vec<(usize, String)>,
    keep: Vec<&'static str>,
    keep_path: Option<String>,
    merged: bool,
}

prop_compose! {
    fn any_case()(
        mut files in prop::collection::btree_map(
            (prop::sample::select(&DIRECTORIES[..]), prop::sample::select(&NAMES[..])).prop_map(|(d, n)| format!("{d}/{n}")),
            any_file(),
            4..30,
        ),
        owned in prop::collection::vec((0..PACKAGES.len(), any_path()), 0..12),
        keep in prop::collection::vec(prop::sample::select(&NAMES[..]), 1..4),
        keep_path in prop::option::of(prop::sample::select(&DIRECTORIES[..]).prop_map(str::to_owned)),
        merged in any::<bool>(),
        loader in any::<bool>(),
    ) -> Case {
        if loader {
            files.insert("/usr/lib/ld.so".into(), File::Elf { interpreter: None, needed: vec![], rpath: None, runpath: None });
        }
        Case { files, owned, keep, keep_path, merged }
    }
}

impl Case {
    /// The tree of these files, with what every case has.
    fn tree(&self, files: &Files) -> (Tree, Memory) {
        let mut entries: Vec<(String, String)> =
            vec![("/lib".into(), "-> usr/lib".into()), ("/opt/now".into(), "-> t".into())];
        if self.merged {
            entries.push(("/bin".into(), "-> usr/bin".into()));
        }
        entries.extend(DIRECTORIES.iter().map(|directory| (format!("{directory}/"), String::new())));
        for (index, name) in PACKAGES.iter().enumerate() {
            let list: String =
                self.owned.iter().filter(|(at, _)| *at == index).map(|(_, path)| format!("{path}\n")).collect();
            entries.push((format!("/var/lib/dpkg/info/{name}.list"), list));
        }
        for (path, file) in files {
            let text = match file {
                File::Link(target) => format!("-> {target}"),
                File::Script { interpreter, env: None } => format!("#!{interpreter} -e\n"),
                File::Script { interpreter, env: Some(name) } => format!("#!{interpreter} {name}\n"),
                File::Text | File::Elf { .. } | File::Library(_) => "text".into(),
            };
            entries.push((path.clone(), text));
        }
        let entries: Vec<(&str, &str)> = entries.iter().map(|(path, text)| (&path[..], &text[..])).collect();
        let (tree, mut memory) = image(&entries);
        for (path, file) in files {
            let spec = match file {
                File::Elf { interpreter, needed, rpath, runpath } => Spec {
                    interpreter: interpreter.as_deref(),
                    needed: needed.clone(),
                    rpath: rpath.as_deref(),
                    runpath: runpath.as_deref(),
                    pie: true,
                    ..Spec::default()
                },
                File::Library(needed) => {
                    Spec { soname: path.rsplit('/').next(), needed: needed.clone(), ..Spec::default() }
                }
                _ => continue,
            };
            memory.put(path, &spec.build());
        }
        (tree, memory)
    }

    fn policy(&self) -> Policy {
        let origin = || Origin::Flag("--keep");
        let mut policy = Policy::default();
        policy.keep.commands = self
            .keep
            .iter()
            .map(|&name| CommandEntry {
                pattern: Pattern::Name(name.into()),
                text: name.into(),
                reason: None,
                optional: true,
                setid: None,
                origin: origin(),
            })
            .collect();
        let entry = |path: &String| Entry {
            value: path.clone(),
            reason: None,
            optional: true,
            change: false,
            origin: origin(),
        };
        policy.keep.paths = self.keep_path.iter().map(entry).collect();
        policy
    }
}

/// What starting a program reads, as the kernel and glibc do it; `Err` says what is missing.
struct Machine<'a> {
    files: &'a Files,
    tree: &'a Tree,
}

impl Machine<'_> {
    fn find(&self, path: &str) -> Result<String, String> {
        let found = self.tree.resolve(path.as_bytes()).map_err(|why| format!("{path}: {why:?}"))?;
        Ok(String::from_utf8(self.tree.path(found.node)).unwrap())
    }

    fn start(&self, path: &str, depth: usize, read: &mut BTreeSet<String>) -> Result<(), String> {
        let real = self.find(path)?;
        read.insert(real.clone());
        match self.files.get(&real) {
            Some(File::Script { interpreter, env }) if depth < 5 => {
                self.start(interpreter, depth + 1, read)?;
                let Some(name) = env else { return Ok(()) };
                let directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
                let mut found = directories.iter().map(|directory| format!("{directory}/{name}"));
                let is_file = |path: &String| self.find(path).is_ok_and(|real| self.files.contains_key(&real));
                self.start(&found.find(is_file).ok_or(format!("env {name}"))?, depth + 1, read)
            }
            Some(File::Elf { interpreter, needed, rpath, runpath }) => {
                if let Some(interpreter) = interpreter {
                    let real = self.find(interpreter)?;
                    // A loader needs nothing itself.
                    let loader = match self.files.get(&real) {
                        Some(File::Elf { interpreter, needed, .. }) => interpreter.is_none() && needed.is_empty(),
                        Some(File::Library(needed)) => needed.is_empty(),
                        _ => false,
                    };
                    read.insert(real);
                    if !loader {
                        return Err(format!("{interpreter} is no loader"));
                    }
                }
                let origin = real.rsplit_once('/').unwrap().0;
                let own = if runpath.is_some() { runpath } else { rpath };
                let own: Vec<String> = own
                    .iter()
                    .flat_map(|list| list.split(':'))
                    .map(|d| d.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
                    .collect();
                self.load(needed, &own, runpath.is_none(), interpreter.as_deref(), read)
            }
            _ => Err(format!("{real} is no program")),
        }
    }

    /// Breadth first; `inherited` is whether the program's own path serves its libraries too.
    fn load(
        &self,
        needed: &[&str],
        own: &[String],
        inherited: bool,
        interpreter: Option<&str>,
        read: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        // A library may be named as the loader: it is mapped already, under its own soname.
        let loader = interpreter.and_then(|path| self.find(path).ok());
        if let Some(File::Library(_)) = loader.as_ref().and_then(|path| self.files.get(path)) {
            known.insert(NAMES.iter().find(|name| loader.as_ref().unwrap().ends_with(&format!("/{name}"))).unwrap());
        }
        let mut queue: Vec<(&str, bool)> = needed.iter().map(|&name| (name, true)).collect();
        let (mut missing, mut mapped) = (Vec::new(), BTreeSet::new());
        while !queue.is_empty() {
            let (name, of_program) = queue.remove(0);
            if !known.insert(name) {
                continue;
            }
            let system =
                ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
            let own = own.iter().map(String::as_str).filter(|_| of_program || inherited);
            let found = own.chain(system).filter_map(|directory| self.find(&format!("{directory}/{name}")).ok());
            let elf = |path: &String| matches!(self.files.get(path), Some(File::Library(_) | File::Elf { .. }));
            match found.into_iter().find(elf) {
                None => missing.push(name),
                Some(path) => {
                    read.insert(path.clone());
                    match self.files.get(&path) {
                        Some(File::Library(more)) if mapped.insert(path.clone()) => {
                            known.insert(NAMES.iter().find(|name| path.ends_with(&format!("/{name}"))).unwrap());
                            queue.extend(more.iter().map(|&name| (name, false)));
                        }
                        Some(File::Library(_)) => {}
                        // A program in a library's place: glibc refuses it.
                        _ => missing.push(name),
                    }
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(format!("missing {missing:?}")) }
    }
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let (tree, memory) = case.tree(&case.files);
    let mut packages = Packages::collect(&tree, &memory);
    let commands = Commands::collect(&tree, &memory, &mut packages, &[], &[]);
    let policy = case.policy();
    let closure = Closure::compute(&Input {
        tree: &tree,
        contents: &memory,
        commands: &commands,
        packages: &packages,
        accounts: &BTreeSet::new(),
        policy: &policy,
        nologin: None,
    });
    prop_assert_eq!(&closure.refusals, &[]);
    let facts = Facts { tree, packages, commands, ..Facts::default() };
    let examined = pipeline::examine(pipeline::Survey { facts, closure }, &memory, &policy).unwrap();
    let tree = &examined.facts.tree;
    let removed: BTreeSet<Id> = examined.plan.steps.iter().filter_map(Step::removed).collect();
    for &id in examined.closure.reasons.keys() {
        let chain = examined.closure.chain(id);
        prop_assert!(chain.last().is_some_and(|(_, reason)| reason.from.is_none()), "a chain ends at the policy");
        for (link, _) in chain {
            for at in tree.ancestors(link) {
                prop_assert!(!removed.contains(&at), "{:?} is removed", String::from_utf8(tree.path(at)));
            }
        }
    }
    let path = |id: Id| String::from_utf8(tree.path(id)).unwrap();
    let gone: BTreeSet<String> = removed.iter().map(|&id| path(id)).collect();
    let after: Files =
        case.files.iter().filter(|(path, _)| !gone.contains(*path)).map(|(p, f)| (p.clone(), f.clone())).collect();
    let (new, _) = case.tree(&after);
    let named = |id: &Id| case.keep.iter().any(|name| name.as_bytes() == tree.name(*id));
    let mut all = BTreeSet::new();
    let mut whole = case.keep_path.is_none();
    for &entry in examined.facts.commands.entries.keys().filter(|id| named(id)) {
        let (mut before_read, mut after_read) = (BTreeSet::new(), BTreeSet::new());
        let before = Machine { files: &case.files, tree }.start(&path(entry), 0, &mut before_read);
        let after = Machine { files: &after, tree: &new }.start(&path(entry), 0, &mut after_read);
        prop_assert_eq!((&before, &before_read), (&after, &after_read), "{} starts as before", path(entry));
        for read in &before_read {
            let kept = examined.closure.contains(tree.lookup(read.as_bytes()).unwrap());
            prop_assert!(kept, "{} is read by {} and not in the closure", read, path(entry));
        }
        whole &= before.is_ok();
        all.append(&mut before_read);
    }
    // And nothing more: every command that is kept was started, so every kept file was read.
    whole &= examined
        .facts
        .commands
        .candidates(tree)
        .filter(named)
        .all(|id| examined.facts.commands.entries.contains_key(&id));
    if whole {
        for &id in examined.closure.reasons.keys().filter(|&&id| tree.is_file(id)) {
            prop_assert!(all.contains(&path(id)), "{} is kept for nothing", path(id));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_chain_of_a_kept_path_holds_a_removed_one(case in any_case()) {
        check(&case)?;
    }
}
