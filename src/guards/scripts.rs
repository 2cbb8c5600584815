//! Programs about to be removed that scripts and configurations of kept programs name: refused where the image's
//! command reaches the script, warned about elsewhere.

use std::collections::BTreeSet;

use super::{Guard, helpers, reach, setid};
use crate::diag::{Help, Keep, List, escape};
use crate::draft::Draft;
use crate::facts::multicall::is_telling;
use crate::facts::program::Program;
use crate::rules::context::Context;
use crate::scripts::{FileUses, How, Named, Reader, is_told};
use crate::tree::{Id, Tree};

/// Places named in one message.
const SHOWN: usize = 12;

/// Files named in one message.
const FILES: usize = 3;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.scripts",
    title: "a script that runs when the image starts names a program that would be removed",
    settled: "add the program to [keep] commands, set keep.from-scripts, or name programs that never run in [remove] commands.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let reader = cx.reader();
    let mut seen = BTreeSet::new();
    let (mut refused, mut named) = (Vec::new(), Vec::new());
    for file in cx.reached() {
        seen.insert(file.file);
        if !draft.is_removed(file.file) {
            refused.extend(missing(cx, draft, &reader, file));
            say_what_is_unknown(draft, &reader, file);
        }
    }
    // Scripts that a request names: each of the application may be one.
    let (starter, mut requested) = (helpers::starter(cx), Vec::new());
    for (id, _) in starter.map(|_| helpers::of_application(cx, draft)).unwrap_or_default() {
        for file in reader.uses(id) {
            if seen.insert(file.file) && !draft.is_removed(file.file) {
                requested.extend(missing(cx, draft, &reader, &file));
            }
        }
    }
    let mut runs = None;
    for &id in cx.closure.reasons.keys() {
        for file in reader.uses(id) {
            if seen.insert(file.file) && !draft.is_removed(file.file) {
                // A helper that a program of the image starts by its path.
                let runs = runs.get_or_insert_with(|| reach::reached(cx)).contains(file.file);
                let list = if runs { &mut refused } else { &mut named };
                list.extend(missing(cx, draft, &reader, &file));
            }
        }
    }
    // Scripts among the programs that are to be kept need programs, too: they are named at once, not in the next run.
    let mut wanted: Vec<Id> = refused.iter().flat_map(|one| one.targets.clone()).collect();
    let mut asked = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        let uses = if asked.insert(id) && draft.is_removed(id) { reader.uses(id) } else { Vec::new() };
        for file in uses.iter().filter(|file| file.file == id || !seen.contains(&file.file)) {
            let more = missing(cx, draft, &reader, file);
            wanted.extend(more.iter().flat_map(|one| one.targets.clone()));
            refused.extend(more);
        }
    }
    say(cx, draft, &refused, When::Start);
    if let Some(starter) = starter {
        say(cx, draft, &requested, When::Request(starter));
    }
    for one in named {
        say(cx, draft, &[one], When::Unknown);
    }
}

/// When scripts run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// When the image starts.
    Start,
    /// When a request to this program names them.
    Request(Id),
    /// Nothing says that they do.
    Unknown,
}

/// The programs that one file names and that would go.
struct Missing {
    file: Id,
    /// It is code, and no configuration.
    code: bool,
    /// What is shown of each.
    shown: Vec<String>,
    /// What keeps each, with its entry.
    keeps: Vec<(Id, Keep)>,
    /// The files of the programs.
    targets: Vec<Id>,
    /// One is a multi-call binary.
    telling: bool,
}

fn missing(cx: &Context<'_>, draft: &mut Draft<'_>, reader: &Reader<'_>, file: &FileUses) -> Option<Missing> {
    let tree = reader.tree;
    let goes = |draft: &Draft<'_>, name: &Named| {
        leads_nowhere(draft, tree, name.entry) || lost_interpreter(cx, draft, name.entry).is_some()
    };
    if is_of_manager(cx, draft, file.file) {
        return None;
    }
    let mut lost: Vec<&Named> = Vec::new();
    for name in &file.names {
        if !goes(draft, name) || is_told(cx.policy, tree, name) {
            continue;
        }
        let word = escape::quoted(name.word.as_bytes());
        if name.optional {
            draft.note(format!("{} works without {word}, which is removed", reader.place(file.file, name.line)));
        } else if !lost.iter().any(|known| known.entry == name.entry) {
            lost.push(name);
        }
    }
    let show = |name: &&Named| {
        let what = if name.how == How::Runs { "" } else { "the code in " };
        let interpreter = lost_interpreter(cx, draft, name.entry)
            .filter(|_| !leads_nowhere(draft, tree, name.entry))
            .map_or_else(String::new, |path| format!("{}, interpreter of ", escape::quoted(&path)));
        let word = escape::quoted(name.word.as_bytes());
        format!("{interpreter}{what}{word} ({})", reader.place(file.file, name.line))
    };
    let telling = |name: &&Named| is_telling(name.word.rsplit('/').next().unwrap_or_default().as_bytes());
    (!lost.is_empty()).then(|| Missing {
        file: file.file,
        code: reader.is_code(file.file),
        shown: lost.iter().map(show).collect(),
        keeps: lost.iter().map(|name| (name.entry, Keep::new(List::Commands, entry(tree, name)))).collect(),
        targets: lost.iter().filter_map(|name| Some(tree.follow(name.entry).ok()?.node)).collect(),
        telling: lost.iter().any(telling),
    })
}

/// Whether a script looks after a package manager that goes, as the daily jobs of apt and dpkg.
fn is_of_manager(cx: &Context<'_>, draft: &Draft<'_>, file: Id) -> bool {
    let facts = cx.facts;
    let mut owners = facts.packages.owners(file).filter_map(|owner| facts.packages.get(owner));
    owners.any(|package| {
        let command = || facts.commands.find_in_path(&facts.tree, package.name.as_bytes());
        (package.is_installer() || package.name == "apt") && command().is_none_or(|command| draft.is_removed(command))
    })
}

/// Refuse for all files that run, in one message whose lines settle them all, or warn about one that may run.
fn say(cx: &Context<'_>, draft: &mut Draft<'_>, files: &[Missing], when: When) {
    let Some(first) = files.first() else { return };
    let tree = &cx.facts.tree;
    let paths: Vec<String> = files.iter().take(FILES).map(|one| escape::quoted(&tree.path(one.file))).collect();
    let rest = files.len().saturating_sub(FILES);
    let who = match paths.split_last() {
        Some((last, [])) => last.clone(),
        Some(_) if rest > 0 => format!("{} and {rest} more", paths.join(", ")),
        Some((last, all)) => format!("{} and {last}", all.join(", ")),
        None => String::new(),
    };
    let code = files.iter().all(|one| one.code);
    let why = match (when, code, files.len()) {
        (When::Start, true, 1) => "runs when the image starts and needs".to_owned(),
        (When::Start, false, 1) => "is read when the image starts and names".to_owned(),
        (When::Start, true, _) => "run when the image starts and need".to_owned(),
        (When::Start, false, _) => "run or are read when the image starts and name".to_owned(),
        (When::Request(starter), _, count) => {
            let needs = if count == 1 { "needs" } else { "need" };
            format!("may run when {} gets a request and {needs}", escape::quoted(&tree.path(starter)))
        }
        (When::Unknown, ..) => "is kept and names".to_owned(),
    };
    let shown: Vec<&str> = files.iter().flat_map(|one| &one.shown).map(String::as_str).collect();
    let list = escape::first(&shown, SHOWN, |&shown| shown.to_owned());
    // `/usr/bin/find` of one file and `find` of another are one entry.
    let mut entries = BTreeSet::new();
    let first_of = files.iter().flat_map(|one| &one.keeps).filter(|(entry, _)| entries.insert(*entry));
    let mut keeps: Vec<Keep> = first_of.map(|(_, keep)| keep.clone()).collect();
    let targets: Vec<Id> = files.iter().flat_map(|one| one.targets.clone()).collect();
    keeps.extend(setid::all_with(cx, draft, &targets));
    let mut or = match when {
        // No word of the policy names such scripts: from-scripts does not speak of them.
        When::Request(_) => "; name programs that never run in [remove] commands",
        _ => ", or [keep] from-scripts = true to keep every program that scripts name; name programs that never run in [remove] commands",
    }
    .to_owned();
    if files.iter().any(|one| one.telling) {
        or.push_str(
            "; the name of a multi-call binary keeps all of its applets, from-scripts only those that scripts call",
        );
    }
    let text = format!("{who} {why} programs that would be removed: {list}");
    let help = Help::write(keeps, &or);
    let origin = cx.closure.origin(if let When::Request(starter) = when { starter } else { first.file });
    if when != When::Unknown || cx.policy.strict {
        draft.refuse_for(origin, text, help);
    } else {
        draft.warn_for(origin, text, help);
    }
}

/// Whether an entry, or what it leads to, goes.
fn leads_nowhere(draft: &Draft<'_>, tree: &Tree, entry: Id) -> bool {
    let target = tree.follow(entry).map(|found| found.node);
    draft.is_removed(entry) || target.is_ok_and(|target| draft.is_removed(target))
}

/// The interpreter of a script, or the `env` that starts it, when that goes: a script that stays does not run then.
fn lost_interpreter(cx: &Context<'_>, draft: &Draft<'_>, entry: Id) -> Option<Vec<u8>> {
    let (tree, commands) = (&cx.facts.tree, &cx.facts.commands);
    let target = tree.follow(entry).ok()?.node;
    let program = commands.program(tree, cx.contents, target).ok()?;
    let Program::Script(shebang) = program else { return None };
    let first = tree.resolve(&shebang.interpreter).ok()?.node;
    let then = shebang.env_name.as_ref().and_then(|name| commands.find_in_path(tree, name));
    [Some(first), then]
        .into_iter()
        .flatten()
        .find(|&found| leads_nowhere(draft, tree, found))
        .map(|found| tree.path(found))
}

/// What cannot be shown is said.
fn say_what_is_unknown(draft: &mut Draft<'_>, reader: &Reader<'_>, file: &FileUses) {
    if draft.is_removed(file.file) {
        return;
    }
    if let Some((line, problem)) = &file.problem {
        draft.warn(
            format!("cannot parse the script from {} on: {problem}", reader.place(file.file, *line)),
            "harden does not know which programs run after that line: name them with --keep",
        );
    }
    if file.unknown.is_empty() {
        return;
    }
    let show = |(line, word): &(u32, String)| {
        format!("{} ({})", escape::quoted(word.as_bytes()), reader.place(file.file, *line))
    };
    let more = file.unknown.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let list = file.unknown.iter().take(SHOWN).map(show).collect::<Vec<_>>().join(", ");
    draft.warn(
        format!("harden cannot tell which programs these words start when the script runs: {list}{more}"),
        "name the programs with --keep if they would be removed",
    );
}

/// A name where the script has a name, a path where it has a path.
fn entry(tree: &Tree, name: &Named) -> String {
    let entry = tree.path(name.entry);
    let as_written = !name.word.contains('/') || (name.word.starts_with('/') && !name.word.contains("/.."));
    let text = if as_written { name.word.as_bytes() } else { entry.as_slice() };
    String::from_utf8_lossy(text).into_owned()
}
