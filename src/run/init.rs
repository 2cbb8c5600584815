//! `harden init`: a commented harden.toml fitted to this image, as a start to edit.
//!
//! Guesses are marked as such. What the image configuration or flags say is taken; nothing is asked and nothing changed.

use std::fmt::Write as _;

use super::{Request, not_opened, printed};
use crate::console::Console;
use crate::diag::escape::{basic_string, escaped};
use crate::diag::{Diagnostic, Kind};
use crate::exit::Exit;
use crate::facts::accounts::{PRIMARY_GID, UID, parse_id};
use crate::facts::{Facts, Own};
use crate::pipeline::{self, Source, Unread};
use crate::policy::{Options, PROFILE_NAMES, Policy, Run, RunUser, profile_text};
use crate::root::{Root, host};
use crate::tree::Id;

/// Programs by which a profile is guessed, with the command line to begin from.
const PROFILES: &[(&str, &[&str], &str)] = &[
    ("dotnet", &["dotnet"], "[\"dotnet\", \"/app/App.dll\"]"),
    ("node", &["node", "nodejs"], "[\"node\", \"/app/server.js\"]"),
    ("java", &["java"], "[\"java\", \"-jar\", \"/app/app.jar\"]"),
    ("nginx", &["nginx"], "[\"nginx\", \"-g\", \"daemon off;\"]"),
    ("postgres", &["postgres"], "[\"postgres\", \"-D\", \"/var/lib/postgresql/data\"]"),
    ("redis", &["redis-server", "valkey-server"], "[\"redis-server\"]"),
    ("php-fpm", &["php-fpm"], "[\"php-fpm\", \"-F\"]"),
    ("ruby", &["ruby"], "[\"ruby\", \"/app/main.rb\"]"),
    ("python", &["python3", "python"], "[\"python3\", \"/app/main.py\"]"),
];

/// Ordinary accounts begin at this uid (login.defs(5), UID_MIN), and end below nobody's.
const ORDINARY: std::ops::Range<u32> = 1000..65533;

/// Print the file.
pub(super) fn run(policy: &Policy, options: &Options, request: &Request) -> Exit {
    if let Some(text) = options.profile.as_ref().and_then(|profile| profile_text(&profile.text)) {
        return printed(text);
    }
    let console = Console::new(request.volume, request.no_color);
    let root = request.root.as_deref().unwrap_or("/");
    let own = Own { program: host::this_program(), ..Own::default() };
    let refused = |error: Diagnostic| {
        console.say(Kind::Error, &error);
        Exit::Refused
    };
    let root = match Root::open(root.as_bytes()) {
        Ok(root) => root,
        Err(error) => return refused(not_opened(&error)),
    };
    let tree = match root.walk() {
        Ok(tree) => tree,
        Err(error) => return refused(Unread::because(&error)),
    };
    let mut policy = policy.clone();
    match pipeline::survey(Source::root(&root, tree, &own), &mut policy) {
        Ok(survey) => printed(&text(&survey.facts, &policy)),
        Err(error) => refused(error.into()),
    }
}

fn text(facts: &Facts, policy: &Policy) -> String {
    let mut out = String::from("# What harden keeps; everything else goes. Check each guess, then run: harden plan\n");
    let name = if facts.os.pretty_name.is_empty() { "an image without os-release" } else { &facts.os.pretty_name };
    let _ = writeln!(out, "# Fitted to {}.\n", escaped(name.as_bytes()));
    let guess = PROFILES.iter().find(|(_, programs, _)| programs.iter().any(|name| has_command(facts, name)));
    match guess {
        Some((profile, programs, _)) => {
            let program = programs.iter().find(|name| has_command(facts, name)).unwrap_or(profile);
            let _ = writeln!(
                out,
                "profile = \"{profile}\"  # guessed: {program} is installed; `harden init --profile {profile}` shows it\n"
            );
        }
        None => {
            let _ = writeln!(out, "# profile = \"static\"  # one of: {}\n", PROFILE_NAMES.join(", "));
        }
    }
    out.push_str("[run]\n");
    user(&mut out, facts, policy);
    command(&mut out, policy, guess.map(|(_, _, line)| *line));
    out.push_str("\n[keep]\n# names, absolute paths, globs, or { name = \"sh\", reason = \"entrypoint script\" }\ncommands = []\n");
    for path in entrypoints(facts) {
        let _ = writeln!(out, "# found: {path}: if the image starts with it, name it in run.command");
    }
    out.push_str(
        "\n[files]\n# read-only = [\"/app\"]       # the application: root owns it, no account can write it\n",
    );
    let writable = owned(facts, policy);
    if writable.is_empty() {
        out.push_str("# writable = [\"/app/data\"]   # what it writes: owned by the run user\n");
    } else {
        let _ = writeln!(out, "writable = [{}]  # guessed: these belong to the run user", writable.join(", "));
    }
    out.push_str("\n[packages]\ndatabase = \"prune\"\n");
    out
}

fn user(out: &mut String, facts: &Facts, policy: &Policy) {
    match &policy.user {
        Some(user) => {
            let _ = writeln!(out, "user = \"{}\"", spec(user));
        }
        None => match ordinary_account(facts) {
            Some((name, uid, gid)) => {
                let _ = writeln!(out, "user = \"{name}:{uid}:{gid}\"  # guessed: an account of this image");
            }
            None => out.push_str("user = \"app:1000:1000\"  # made by harden: no login, locked\n"),
        },
    }
}

fn command(out: &mut String, policy: &Policy, guess: Option<&str>) {
    match (&policy.run, guess) {
        (Run::Commands(lines), _) => {
            let lines: Vec<String> = lines
                .iter()
                .map(|line| {
                    format!("[{}]", line.words.iter().map(|word| basic_string(word)).collect::<Vec<_>>().join(", "))
                })
                .collect();
            let value = if let [one] = lines.as_slice() { one.clone() } else { format!("[{}]", lines.join(", ")) };
            let _ = writeln!(out, "command = {value}");
        }
        (_, Some(line)) => {
            let _ = writeln!(out, "command = {line}  # guessed: write ENTRYPOINT and CMD here");
        }
        (_, None) => out.push_str("command = \"none\"  # write ENTRYPOINT and CMD here, as [\"/app/server\"]\n"),
    }
}

fn spec(user: &RunUser) -> String {
    let number = |id: Option<u32>| id.map_or_else(String::new, |id| format!(":{id}"));
    match user {
        RunUser::Named { name, uid, gid } => format!("{name}{}{}", number(*uid), number(*gid)),
        RunUser::Numeric { uid, gid } => format!("{uid}{}", number(*gid)),
    }
}

fn has_command(facts: &Facts, name: &str) -> bool {
    facts.commands.entries.keys().any(|&id| facts.tree.name(id) == name.as_bytes())
}

/// The first ordinary account: images make one for their program.
fn ordinary_account(facts: &Facts) -> Option<(String, u32, u32)> {
    facts.accounts.passwd().find_map(|line| {
        let uid = parse_id(line.field(UID)).filter(|uid| ORDINARY.contains(uid))?;
        let gid = parse_id(line.field(PRIMARY_GID))?;
        let name = std::str::from_utf8(line.name()).ok()?;
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)).then(|| (name.to_owned(), uid, gid))
    })
}

/// Scripts in the places where images keep what they start with.
fn entrypoints(facts: &Facts) -> Vec<String> {
    let tree = &facts.tree;
    let likely = |id: Id| {
        tree.is_file(id)
            && tree.permissions(id) & 0o111 != 0
            && tree.name(id).windows(10).any(|part| part == b"entrypoint")
    };
    let places = facts.commands.directories.iter().copied().chain([Id::ROOT]);
    let found = places.flat_map(|directory| tree.children(directory)).filter(|&id| likely(id));
    found.map(|id| escaped(&tree.path(id))).collect()
}

/// Topmost directories that belong to the run user.
fn owned(facts: &Facts, policy: &Policy) -> Vec<String> {
    let tree = &facts.tree;
    let uid = match &policy.user {
        Some(RunUser::Named { uid: Some(uid), .. } | RunUser::Numeric { uid, .. }) => Some(*uid),
        Some(RunUser::Named { name, .. }) => facts
            .accounts
            .passwd()
            .find(|line| line.name() == name.as_bytes())
            .and_then(|line| parse_id(line.field(UID))),
        None => ordinary_account(facts).map(|(_, uid, _)| uid),
    };
    let Some(uid) = uid.filter(|&uid| uid != 0) else { return Vec::new() };
    let owns = |id: Id| tree.is_dir(id) && tree.meta(id).uid == uid;
    tree.ids()
        .filter(|&id| owns(id) && !tree.ancestors(id).skip(1).any(owns))
        .filter_map(|id| String::from_utf8(tree.path(id)).ok())
        .map(|path| basic_string(&path))
        .collect()
}
