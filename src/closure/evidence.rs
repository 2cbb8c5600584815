//! Evidence that a kept ELF program starts other programs and looks up accounts: texts in its bytes.
//!
//! harden searches only files that can start programs for names of programs, and only files that look names up for
//! names of accounts: by their own imports, or by those of the libraries that they ask for. A program that belongs to
//! the same package, or to a package that the naming one depends on, stays; the guards report all others, with the
//! strength of the evidence.
//!
//! A bare name says less than a path: it may be a word, an option or a key. It counts for related commands only, where the
//! file itself starts programs, and not where a function that the file calls has the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::walk::Walk;
use super::{C_LIBRARY, Input, MULTICALL, SHELL_FUNCTIONS, Why};
use crate::facts::notable::is_notable;
use crate::facts::packages::PackageIndex;
use crate::facts::program::{FileBytes, Place, Program, search};
use crate::facts::texts::{Texts, command};
use crate::programs::When;
use crate::shell::{Dialect, is_builtin};
use crate::tree::{Id, Tree};

/// Functions that run a file: exec(3), posix_spawn(3).
const STARTERS: [&str; 6] = ["execv", "execve", "execl", "execle", "fexecve", "posix_spawn"];
/// Those that look a name up in PATH; of GLib, libpipeline and the Apache Portable Runtime too.
const SEARCHERS: [&str; 13] = [
    "execvp",
    "execvpe",
    "execlp",
    "posix_spawnp",
    "g_spawn_async",
    "g_spawn_sync",
    "g_spawn_async_with_pipes",
    "g_spawn_command_line_async",
    "g_spawn_command_line_sync",
    "g_subprocess_new",
    "g_subprocess_newv",
    "pipecmd_new_args",
    "apr_proc_create",
];
/// Functions that look an account up by its name.
const ACCOUNTS: [&str; 4] = ["getpwnam", "getpwnam_r", "initgroups", "getgrouplist"];
/// Functions that look a group up by its name.
const GROUPS: [&str; 2] = ["getgrnam", "getgrnam_r"];
/// Functions that make a process another account's.
const BECOMES: [&str; 8] =
    ["setuid", "setreuid", "setresuid", "seteuid", "setgid", "setresgid", "setgroups", "initgroups"];
/// Functions that take connections and datagrams of others.
const SERVES: [&str; 4] = ["accept", "accept4", "listen", "recvfrom"];
/// Most beginnings and most ends of paths that are put together.
const MOST_JOINED: usize = 64;
/// Most helpers of related packages whose names are looked for in one file.
const MOST_HELPERS: usize = 1024;
/// Most commands of a package whose names count as such: those of coreutils, util-linux and TeX Live are words and options.
const MOST_COMMANDS: u32 = 50;
/// The least letters of a name that counts without a path.
const LEAST_LETTERS: usize = 3;
/// Parts of the path of a directory that is a program's own, as `/usr/lib/git-core`.
const OWN_DIRECTORY: usize = 3;
/// What runs command lines.
const SHELL: &[u8] = b"sh";
/// Set-user-ID and set-group-ID.
const SET_ID: u32 = 0o6000;

/// What one program names.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The ELF program.
    pub file: Id,
    /// It imports a function that starts programs itself, and not only through a library.
    pub own: bool,
    /// It can become another account, itself or through a library.
    pub becomes: bool,
    /// It looks accounts up by their names, itself or through a library.
    pub looks_up: bool,
    /// It takes connections or datagrams of others itself.
    pub serves: bool,
    /// Programs, each entry once.
    pub programs: Vec<Mention>,
    /// Accounts, and groups where the first part is true.
    pub accounts: Vec<(bool, String)>,
}

/// One program that is named.
#[derive(Debug)]
pub(crate) struct Mention {
    /// The file that would run.
    pub program: Id,
    /// The path or the name, as it is looked up.
    pub word: Vec<u8>,
    /// The command line that names it; `None` for a path that stands alone.
    pub line: Option<Vec<u8>>,
    /// It is no command: it lies outside of the command directories.
    pub helper: bool,
    /// Both belong to one package, or the naming one's package depends on the other's.
    pub related: bool,
}

/// What a file can do, by the functions that it imports.
#[derive(Debug, Clone, Copy, Default)]
struct Abilities {
    starts: bool,
    /// It starts programs by bare names.
    searches: bool,
    /// It gives command lines to a shell.
    shell: bool,
    accounts: bool,
    groups: bool,
    becomes: bool,
    serves: bool,
}

impl Abilities {
    fn with(self, other: Self) -> Self {
        Self {
            starts: self.starts || other.starts,
            searches: self.searches || other.searches,
            shell: self.shell || other.shell,
            accounts: self.accounts || other.accounts,
            groups: self.groups || other.groups,
            becomes: self.becomes || other.becomes,
            serves: self.serves || other.serves,
        }
    }
}

/// Look at every program that was not looked at yet.
pub(super) fn add(walk: &mut Walk<'_>) {
    let Input { tree, .. } = walk.input;
    let multicall = |id: Id| MULTICALL.iter().any(|name| tree.name(id).starts_with(name));
    let programs: Vec<Id> = walk
        .cache
        .iter()
        .filter(|(_, object)| object.as_ref().is_some_and(|(elf, _)| elf.interpreter.is_some()))
        .map(|(&id, _)| id)
        .filter(|&id| walk.has(id) && tree.permissions(id) & 0o111 != 0 && !multicall(id))
        .collect();
    let mut known: Option<(BTreeMap<Vec<u8>, Id>, Sizes)> = None;
    for file in programs {
        if walk.searched.insert(file) {
            let (by_name, sizes) = known.get_or_insert_with(|| (libraries(walk), sizes(walk.input)));
            look_at(walk, file, by_name, sizes);
        }
    }
}

/// How many commands the packages have.
type Sizes = BTreeMap<PackageIndex, u32>;

fn sizes(Input { packages, commands, .. }: Input<'_>) -> Sizes {
    let mut sizes = Sizes::new();
    for (&entry, command) in &commands.entries {
        for owner in packages.owners(commands.attributed(packages, entry, command.target)) {
            *sizes.entry(owner).or_default() += 1;
        }
    }
    sizes
}

/// The objects read so far, by the names that others ask for them with.
fn libraries(walk: &Walk<'_>) -> BTreeMap<Vec<u8>, Id> {
    let mut found = BTreeMap::new();
    for (&id, object) in &walk.cache {
        let Some((_, names)) = object else { continue };
        found.insert(walk.input.tree.name(id).to_vec(), id);
        found.extend(names.soname.clone().map(|soname| (soname, id)));
    }
    found
}

fn look_at(walk: &mut Walk<'_>, file: Id, by_name: &BTreeMap<Vec<u8>, Id>, sizes: &Sizes) {
    let Input { tree, contents, accounts, .. } = walk.input;
    let own = abilities(walk, file);
    let mut all = own;
    let (mut queue, mut seen) = (vec![file], BTreeSet::from([file]));
    while let Some(id) = queue.pop() {
        let Some(Some((_, names))) = walk.cache.get(&id) else { continue };
        let needed = names.needed.iter().filter(|name| !is_c_library(name)).filter_map(|name| by_name.get(name));
        queue.extend(needed.copied().filter(|&library| seen.insert(library)));
        if id != file {
            all = all.with(abilities(walk, id));
        }
    }
    if !(all.starts || all.accounts || all.groups) {
        return;
    }
    let mut names = if all.accounts || all.groups { accounts.clone() } else { BTreeSet::new() };
    let accounts = names.clone();
    let helpers = if all.starts { helpers(walk, file) } else { Vec::new() };
    names.extend(helpers.iter().map(|&helper| tree.name(helper).to_vec()));
    let related = if own.starts { related_commands(walk, file, sizes) } else { BTreeSet::new() };
    names.extend(related.iter().cloned());
    names.insert(SHELL.to_vec());
    let mut texts = Texts::default();
    search(tree, contents, file, &mut |piece| texts.collect(piece, &names));
    let mut evidence = Evidence {
        file,
        own: own.starts,
        becomes: all.becomes,
        looks_up: false,
        serves: own.serves,
        programs: Vec::new(),
        accounts: Vec::new(),
    };
    for name in texts.names.iter().filter(|name| accounts.contains(*name)) {
        let name = String::from_utf8_lossy(name);
        evidence.accounts.extend(all.accounts.then(|| (false, name.clone().into_owned())));
        evidence.accounts.extend(all.groups.then(|| (true, name.into_owned())));
    }
    if all.starts {
        // exec(3) splits no line: without a shell a line that names its program only is a message.
        let shell = all.shell || texts.names.contains(SHELL) || texts.paths.iter().any(|path| path.ends_with(b"/sh"));
        evidence.programs = mentions(walk, file, &texts, shell);
        for mention in &evidence.programs {
            if mention.related && is_kept(walk, mention) {
                let how = if mention.line.is_some() { "named by a command line in" } else { "named by its path in" };
                let _ = walk.add_word(file, &mention.word, how);
            }
        }
        bare_names(walk, &mut evidence, texts.names.intersection(&related), own.searches);
    }
    // A directory that stands there whole, and the name of a program in it, which are put together.
    for helper in helpers {
        let below = |path: &Vec<u8>| {
            // `/usr/lib` belongs to every package.
            let own = path.split(|&b| b == b'/').filter(|part| !part.is_empty()).count() >= OWN_DIRECTORY;
            let found = tree.resolve(path).ok().filter(|found| own && tree.is_dir(found.node));
            found.is_some_and(|found| tree.is_within(helper, found.node))
        };
        if texts.names.contains(tree.name(helper))
            && !walk.has(helper)
            && tree.permissions(helper) & SET_ID == 0
            && texts.paths.iter().any(below)
        {
            let why = Why::MayStart("named by its name and its directory in".to_owned());
            walk.add(helper, Some(file), why);
        }
    }
    evidence.looks_up = all.accounts;
    if !(evidence.programs.is_empty() && evidence.accounts.is_empty()) || (evidence.looks_up && evidence.becomes) {
        walk.closure.evidence.push(evidence);
    }
}

/// ELF programs outside of the command directories that belong to the package of a file, or to one that it depends on.
/// Scripts would bring their interpreters along, which the guard of helpers asks about.
fn helpers(walk: &Walk<'_>, file: Id) -> Vec<Id> {
    let Input { packages, commands, .. } = walk.input;
    let own: BTreeSet<PackageIndex> = packages.owners(file).collect();
    let needed: Vec<PackageIndex> = own.iter().flat_map(|&index| packages.requirements(index)).collect();
    let all: BTreeSet<PackageIndex> = own.into_iter().chain(needed).collect();
    let of = |id: Id| packages.owners(id).any(|owner| all.contains(&owner));
    let is_elf = |id: Id| matches!(commands.known(id), Some(Program::Elf(_)));
    commands.helpers.iter().copied().filter(|&id| of(id) && is_elf(id)).take(MOST_HELPERS).collect()
}

/// Names of commands that belong to the package of a file, or to one that it depends on.
fn related_commands(walk: &Walk<'_>, file: Id, sizes: &Sizes) -> BTreeSet<Vec<u8>> {
    let Input { tree, packages, commands, .. } = walk.input;
    let own: Vec<PackageIndex> = packages.owners(file).collect();
    let all = own.iter().flat_map(|&index| packages.requirements(index)).chain(own.iter().copied());
    let all: BTreeSet<PackageIndex> =
        all.filter(|index| sizes.get(index).is_some_and(|&count| count <= MOST_COMMANDS)).collect();
    let of = |entry: Id, target: Id| {
        !all.is_empty()
            && packages.owners(commands.attributed(packages, entry, target)).any(|owner| all.contains(&owner))
    };
    let names = commands.entries.iter().filter(|&(&entry, command)| of(entry, command.target));
    names.map(|(&entry, _)| tree.name(entry).to_vec()).filter(|name| name.len() >= LEAST_LETTERS).collect()
}

/// Commands whose bare names stand in a file. An ELF program stays by it. Of scripts, which bring an interpreter along, and
/// of what no text keeps, the guard asks, where the file looks names up in PATH.
fn bare_names<'n>(
    walk: &mut Walk<'_>,
    evidence: &mut Evidence,
    names: impl Iterator<Item = &'n Vec<u8>>,
    searches: bool,
) {
    let Input { tree, contents, commands, packages, .. } = walk.input;
    let file = evidence.file;
    let names: Vec<&str> = names.filter_map(|name| std::str::from_utf8(name).ok()).collect();
    let elf =
        walk.cache.get(&file).and_then(Option::as_ref).filter(|_| !names.is_empty()).map(|(elf, _)| Rc::clone(elf));
    let functions = elf.and_then(|elf| elf.imports(&names, &FileBytes { contents, tree, id: file }).ok());
    let functions = functions.unwrap_or_default();
    for name in names.iter().filter(|name| !functions.contains(name)) {
        let word = name.as_bytes();
        let Some(entry) = commands.find_in_path(tree, word) else { continue };
        let Ok(program) = tree.follow(entry).map(|found| found.node) else { continue };
        let known = evidence.programs.iter().any(|mention| mention.program == program);
        if program == file || known || walk.has(entry) || is_known(walk.input, file, word) {
            continue;
        }
        let mention = Mention { program, word: word.to_vec(), line: None, helper: false, related: true };
        // A script brings an interpreter along.
        let is_elf = matches!(commands.program(tree, contents, program), Ok(Program::Elf(_)));
        // One more name of what stays brings nothing along.
        let stays = walk.has(program) && tree.permissions(program) & SET_ID == 0 && !is_told(walk, &mention);
        if stays || (is_elf && is_kept(walk, &mention)) {
            walk.add(entry, Some(file), Why::MayStart("named by its name in".to_owned()));
        } else if tree.permissions(program) & SET_ID != 0 {
            // A program of one's own package that runs with other rights is there to be started by it: nullmailer-queue.
            let own = packages.owners(program).any(|owner| packages.owners(file).any(|of| of == owner));
            if own && is_elf && !is_notable(word) {
                evidence.programs.push(mention);
            }
        } else if searches {
            evidence.programs.push(mention);
        }
    }
}

/// The C library has functions for everything, and a program that asks for it calls those that it imports itself.
fn is_c_library(name: &[u8]) -> bool {
    C_LIBRARY.iter().any(|library| name.starts_with(library))
}

/// What a file can do.
fn abilities(walk: &mut Walk<'_>, id: Id) -> Abilities {
    let imports = imports(walk, id);
    let has = |functions: &[&str]| imports.iter().any(|name| functions.contains(name));
    Abilities {
        starts: has(&STARTERS) || has(&SEARCHERS) || has(&SHELL_FUNCTIONS),
        searches: has(&SEARCHERS),
        shell: has(&SHELL_FUNCTIONS),
        accounts: has(&ACCOUNTS),
        groups: has(&GROUPS),
        becomes: has(&BECOMES),
        serves: has(&SERVES),
    }
}

/// Which of the functions that matter a file imports, read once.
pub(super) fn imports<'w>(walk: &'w mut Walk<'_>, id: Id) -> &'w [&'static str] {
    let Input { tree, contents, .. } = walk.input;
    let elf = walk.cache.get(&id).and_then(Option::as_ref).map(|(elf, _)| Rc::clone(elf));
    walk.imports.entry(id).or_insert_with(|| {
        let names: Vec<&'static str> =
            [&STARTERS[..], &SEARCHERS, &SHELL_FUNCTIONS, &ACCOUNTS, &GROUPS, &BECOMES, &SERVES].concat();
        elf.and_then(|elf| elf.imports(&names, &FileBytes { contents, tree, id }).ok()).unwrap_or_default()
    })
}

/// Programs that the texts name. A path that is put together counts where both parts stand in the file.
fn mentions(walk: &Walk<'_>, file: Id, texts: &Texts, shell: bool) -> Vec<Mention> {
    let tree = walk.input.tree;
    let is_directory = |path: &&Vec<u8>| tree.resolve(path).is_ok_and(|found| tree.is_dir(found.node));
    let mut joined = Vec::new();
    if !texts.ends.is_empty() {
        for directory in texts.paths.iter().filter(is_directory).take(MOST_JOINED) {
            joined.extend(texts.ends.iter().take(MOST_JOINED).map(|end| [directory, &b"/"[..], end].concat()));
        }
    }
    // A path is also started by what splits lines itself; a builtin is no program to a shell.
    let runs = |word: &&[u8]| {
        let builtin = std::str::from_utf8(word).is_ok_and(|word| is_builtin(word, Dialect::Posix));
        word.starts_with(b"/") || (shell && !builtin)
    };
    let lines = texts.lines.iter().filter_map(|line| Some((command(line).filter(runs)?.to_vec(), Some(line.clone()))));
    let paths = texts.paths.iter().cloned().chain(joined).map(|path| (path, None));
    let mut found: Vec<Mention> = Vec::new();
    // A command line says more than the path in it.
    for (word, line) in lines.chain(paths) {
        let Some((program, helper)) = program(walk, &word) else { continue };
        if program != file
            && !is_known(walk.input, file, &word)
            && !found.iter().any(|known| known.program == program && known.word == word)
        {
            let related = is_related(walk, file, program);
            found.push(Mention { program, word, line, helper, related });
        }
    }
    found
}

/// The program that a word names, and whether it is no command.
fn program(walk: &Walk<'_>, word: &[u8]) -> Option<(Id, bool)> {
    let Input { tree, contents, commands, .. } = walk.input;
    if !word.contains(&b'/') {
        let found = tree.follow(commands.find_in_path(tree, word)?).ok()?;
        return Some((found.node, false));
    }
    let found = tree.resolve(word).ok().filter(|_| word.starts_with(b"/"))?;
    if !tree.is_file(found.node) || tree.permissions(found.node) & 0o111 == 0 {
        return None;
    }
    if found.links.iter().chain([&found.node]).any(|&id| commands.is_in_directory(tree, id)) {
        return Some((found.node, false));
    }
    let program = commands.program(tree, contents, found.node).ok()?;
    program.is_program(tree, found.node, Place::Elsewhere).then_some((found.node, true))
}

/// Whether both belong to one package, or the one of the file cannot do without the other's.
fn is_related(walk: &Walk<'_>, file: Id, program: Id) -> bool {
    let Input { packages, .. } = walk.input;
    let others: BTreeSet<PackageIndex> = packages.owners(program).collect();
    let mut own = packages.owners(file);
    own.any(|own| others.contains(&own) || packages.requirements(own).any(|needed| others.contains(&needed)))
}

/// Whether a text is reason enough to keep a program that is related: shells, compilers, what GTFOBins lists and what runs
/// with other rights are not kept by it, nor what goes knowingly.
fn is_kept(walk: &Walk<'_>, mention: &Mention) -> bool {
    let tree = walk.input.tree;
    let name = mention.word.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let free = mention.helper || !(is_notable(name) || is_notable(tree.name(mention.program)));
    free && !is_told(walk, mention) && tree.permissions(mention.program) & SET_ID == 0
}

/// Whether it goes knowingly.
fn is_told(walk: &Walk<'_>, mention: &Mention) -> bool {
    let Input { tree, policy, .. } = walk.input;
    let name = mention.word.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let target = tree.name(mention.program);
    policy.remove.commands.iter().any(|entry| {
        let value = entry.value.as_bytes();
        value == name || value == target || value == mention.word || value == tree.path(mention.program)
    })
}

/// Whether a program file says when the program is started: it knows more than a text.
fn is_known(input: Input<'_>, file: Id, word: &[u8]) -> bool {
    let Input { tree, policy, .. } = input;
    let name = |word: &[u8]| word.rsplit(|&b| b == b'/').next().unwrap_or_default().to_vec();
    let known = policy.programs.of(tree.name(file), &tree.path(file));
    let mut starts = known.iter().flat_map(|(program, _)| &program.starts).filter(|starts| starts.when != When::Always);
    starts.any(|starts| starts.programs(tree.name(file)).iter().any(|known| name(known.as_bytes()) == name(word)))
}

impl Mention {
    /// Whether it is the shell, which the guard of the shell speaks of.
    pub(crate) fn is_shell(&self, tree: &Tree) -> bool {
        let name = self.word.rsplit(|&b| b == b'/').next().unwrap_or_default();
        name == b"sh" || MULTICALL.iter().any(|multicall| tree.name(self.program).starts_with(multicall))
    }
}
