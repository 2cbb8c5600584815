//! `harden init`: a commented harden.toml fitted to this image, as a start to edit.
//!
//! Guesses are marked as such. Values of the image configuration and of flags are used as they are; init asks nothing
//! and changes nothing. It tries the file before it prints it: it resolves each refusal of the plan, or reports it
//! (`init/answers.rs`).

mod answers;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Request, not_opened, printed};
use crate::archive::Archive;
use crate::check::{Judge, Runner, Setup};
use crate::console::Console;
use crate::diag::escape::{basic_string, escaped};
use crate::diag::{Diagnostic, Keep, Kind, List, Origin, codes};
use crate::exit::Exit;
use crate::facts::accounts::{PRIMARY_GID, UID, parse_id};
use crate::facts::program;
use crate::facts::{Facts, Own};
use crate::guards;
use crate::ordered;
use crate::pipeline::{self, Examined, Source, Unread};
use crate::policy::{Check, CommandLine, Options, PROFILE_NAMES, Policy, Run, RunUser, profile_text};
use crate::programs::{self, Program};
use crate::root::{Root, host};
use crate::rules::zones::is_system;
use crate::scripts::{How, Reader};
use crate::stop::Stop;
use crate::tree::Id;
use crate::tree::contents::Contents;

/// A program by which a profile is guessed.
struct Known {
    profile: &'static str,
    programs: &'static [&'static str],
    /// The command line to begin from.
    command: &'static str,
    /// Accounts that packages and official images make for it.
    accounts: &'static [&'static str],
}

const fn known(
    profile: &'static str,
    programs: &'static [&'static str],
    command: &'static str,
    accounts: &'static [&'static str],
) -> Known {
    Known { profile, programs, command, accounts }
}

#[rustfmt::skip]
const PROFILES: &[Known] = &[
    known("dotnet", &["dotnet"], "[\"dotnet\", \"/app/App.dll\"]", &["app"]),
    known("node", &["node", "nodejs"], "[\"node\", \"/app/server.js\"]", &["node"]),
    known("java", &["java"], "[\"java\", \"-jar\", \"/app/app.jar\"]", &[]),
    known("nginx", &["nginx"], "[\"nginx\", \"-g\", \"daemon off;\"]", &["nginx", "www-data"]),
    known("postgres", &["postgres"], "[\"postgres\", \"-D\", \"/var/lib/postgresql/data\"]", &["postgres"]),
    known("redis", &["redis-server", "valkey-server"], "[\"redis-server\"]", &["redis", "valkey"]),
    known("php-fpm", &["php-fpm"], "[\"php-fpm\", \"-F\"]", &["www-data"]),
    known("ruby", &["ruby"], "[\"ruby\", \"/app/main.rb\"]", &[]),
    known("python", &["python3", "python"], "[\"python3\", \"/app/main.py\"]", &[]),
];

/// How often the file is tried: what an answer keeps may need something else.
const ROUNDS: usize = 5;

/// Ordinary accounts begin at this uid (login.defs(5), UID_MIN), and end below nobody's.
const ORDINARY: std::ops::Range<u32> = 1000..65533;

/// Where the image is.
enum Place<'a> {
    /// A root, and the files of this run that may lie in it.
    Root(&'a Root, Own),
    /// An archive.
    Archive(&'a Archive),
}

impl Place<'_> {
    /// The image as it is, each time anew: the file is tried more than once.
    fn source(&self) -> Result<Source<'_>, Diagnostic> {
        match self {
            Self::Root(root, own) => {
                let tree = root.walk().map_err(|error| Unread::of_walk(&error))?;
                Ok(Source::root(root, tree, own))
            }
            Self::Archive(archive) => Ok(Source::archive(archive.tree.clone(), &archive.files)),
        }
    }

    fn contents(&self) -> &dyn Contents {
        match self {
            Self::Root(root, _) => *root,
            Self::Archive(archive) => &archive.files,
        }
    }
}

/// Print the file.
pub(super) fn run(policy: &Policy, options: &Options, request: &Request, archive: Option<Archive>) -> Exit {
    if let Some(text) = options.profile.as_ref().and_then(|profile| profile_text(&profile.text)) {
        return printed(text);
    }
    let console = Console::new(request.volume, request.no_color);
    let result = match archive {
        Some(archive) => {
            super::archive::announce(&archive, &console);
            proposal(&Place::Archive(&archive), policy, options, &console)
        }
        None => Root::open(request.root.as_deref().unwrap_or("/").as_bytes())
            .map_err(|error| not_opened(&error))
            .and_then(|root| {
                let own = Own { program: host::this_program(), ..Own::default() };
                proposal(&Place::Root(&root, own), policy, options, &console)
            }),
    };
    match result {
        Ok(text) => printed(&text),
        Err(error) => {
            console.say(Kind::Error, &error);
            Exit::Refused
        }
    }
}

/// The file that fits an image.
fn proposal(place: &Place<'_>, policy: &Policy, options: &Options, console: &Console) -> Result<String, Diagnostic> {
    let mut policy = policy.clone();
    let survey = pipeline::survey(place.source()?, &mut policy)?;
    let Some(seconds) = options.run else {
        let keeps = given(&policy);
        let image = Image { facts: &survey.facts, contents: place.contents(), policy: &policy, keeps };
        return Ok(settled(image, options, place));
    };
    let (Place::Root(root, _), None) = (place, &options.root) else {
        let text = "--run starts the image's program, but harden never starts a program of a tree given with --root, or of an archive";
        return Err(
            Diagnostic::new(codes::USAGE_CONFLICT, text).help("run init inside the image, without --root and --tar")
        );
    };
    let Run::Commands(lines) = &policy.run else {
        let text = "--run has nothing to start: no command is configured";
        return Err(Diagnostic::new(codes::USAGE_CONFLICT, text).help("give --command or --image-config"));
    };
    let argv = lines.first().map(|line| line.argv.clone()).unwrap_or_default();
    let starts = Some(seconds);
    policy.checks = vec![Check { argv, tcp: None, starts, timeout: seconds, origin: Origin::Flag("--run") }];
    let examined = pipeline::examine(survey, *root, &policy)?;
    let mut keeps = used(&examined, &policy, root, console)?;
    keeps.extend(given(&policy));
    let image = Image { facts: &examined.facts, contents: *root, policy: &policy, keeps };
    Ok(settled(image, options, place))
}

/// What the image's USER names besides an account: the engine looks the group up at every start.
fn given(policy: &Policy) -> Proposals {
    let groups = policy.keep.groups.iter().filter(|entry| entry.origin.is_of_image());
    ordered::map(groups.map(|entry| (Keep::new(List::Groups, &entry.value), "USER of the image".to_owned())))
}

/// The file, with an answer to everything that a plan by it would refuse and that keeping settles. The rest follows it as
/// comments.
fn settled(mut image: Image<'_>, options: &Options, place: &Place<'_>) -> String {
    let mut out = text(&image);
    // Without a command a plan asks for nothing else.
    if !matches!(image.policy.run, Run::Commands(_)) {
        return out;
    }
    let mut refusals = Vec::new();
    for _ in 0..ROUNDS {
        refusals = answers::refusals(&out, options, place).unwrap_or_default();
        let before = image.keeps.len();
        for refusal in &refusals {
            for keep in &refusal.help.keeps {
                image.keeps.entry(keep.clone()).or_insert_with(|| format!("asked for by {}", refusal.id));
            }
        }
        if image.keeps.len() == before {
            break;
        }
        out = text(&image);
    }
    if !refusals.is_empty() {
        out.push_str("\n# harden refuses the plan until you settle:\n");
    }
    for refusal in &refusals {
        let _ = writeln!(out, "# {}: {}\n#   {}", refusal.id, refusal.text, refusal.help);
    }
    out
}

/// Start the image's command as a check is started, and see what it uses of what would go.
fn used(examined: &Examined, policy: &Policy, root: &Root, console: &Console) -> Result<Proposals, Diagnostic> {
    let stop = Stop::hold();
    let failed = |text: String| {
        Diagnostic::new(codes::CHECK_START, text)
            .help("run init as root of the container, without --run, or with ptrace(2) allowed")
    };
    let (Some(setup), Some(check)) = (Setup::try_out(examined, policy, &stop)?, policy.checks.first()) else {
        return Ok(BTreeMap::new());
    };
    if let Some(why) = &setup.alone {
        return Err(failed(format!("cannot trace the command: {why}")));
    }
    let runner = Runner::new(&setup, Some(&examined.facts.tree)).map_err(|error| failed(error.to_string()))?;
    let mut judge = Judge::new(examined, policy, root);
    let ran = runner.run(check, Some(judge.before()), &|_| false, &stop);
    if let Some(signal) = stop.asked() {
        return Err(failed(format!("{signal} asked harden to end")));
    }
    console.output(&ran.output);
    judge.take(check, ran.used.as_ref());
    for text in ran.failures.iter().map(|failure| format!("the command {failure}")).chain(ran.unseen) {
        console.say(
            Kind::Warning,
            &Diagnostic::new(codes::CHECK_START, text).help("check the entries below: some may be missing"),
        );
    }
    Ok(judge.proposals())
}

/// Entries that keep something, and why.
type Proposals = BTreeMap<Keep, String>;

/// The image, as far as init looks at it.
struct Image<'a> {
    facts: &'a Facts,
    contents: &'a dyn Contents,
    policy: &'a Policy,
    /// What a short start used, and what a plan asks for.
    keeps: Proposals,
}

fn text(image: &Image<'_>) -> String {
    let Image { facts, policy, .. } = image;
    let mut out = String::from(
        "# Policy for harden, which removes every program and account that this file does not keep.\n# Check each guess, then run: harden plan\n",
    );
    let name = if facts.os.pretty_name.is_empty() { "an image without os-release" } else { &facts.os.pretty_name };
    let _ = writeln!(out, "# Fitted to {}.\n", escaped(name.as_bytes()));
    let guess = image.guess();
    match &guess {
        Some((known, why)) => {
            let profile = known.profile;
            let _ = writeln!(
                out,
                "profile = \"{profile}\"  # guessed: {why}; `harden init --profile {profile}` shows it\n"
            );
        }
        None => {
            let _ = writeln!(out, "# profile = \"static\"  # one of: {}\n", PROFILE_NAMES.join(", "));
        }
    }
    let guess = guess.map(|(known, _)| known);
    out.push_str("[run]\n");
    image.user(&mut out, guess);
    command(&mut out, policy, guess.map(|known| known.command));
    if let Some(workdir) = policy.workdir.as_ref().filter(|path| policy.image.is_some() && *path != "/") {
        let _ = writeln!(out, "workdir = {}", basic_string(workdir));
    }
    if !policy.path.is_empty() {
        let path: Vec<String> = policy.path.iter().map(|path| basic_string(path)).collect();
        let _ = writeln!(out, "path = [{}]", path.join(", "));
    }
    if !policy.volumes.is_empty() {
        let volumes: Vec<String> = policy.volumes.iter().map(|path| basic_string(path)).collect();
        let _ = writeln!(out, "volumes = [{}]", volumes.join(", "));
    }
    out.push_str("\n[keep]\n# names, absolute paths, patterns, or { name = \"sh\", reason = \"entrypoint script\" }\n");
    for list in List::KEEP {
        let key = if matches!(list, List::Paths | List::Setid) { "path" } else { "name" };
        let entries: Vec<String> = image
            .keeps
            .iter()
            .filter(|(keep, _)| keep.list == list)
            .map(|(keep, why)| {
                let why = why.replace('$', "_");
                format!("    {{ {key} = {}, reason = {} }},\n", basic_string(&keep.value), basic_string(&why))
            })
            .collect();
        if !entries.is_empty() {
            let _ = writeln!(out, "{} = [\n{}]", list.key(), entries.concat());
        } else if list == List::Commands {
            out.push_str("commands = []\n");
        }
    }
    image.scripts(&mut out);
    let rules = image.keeps.iter().filter(|(keep, _)| keep.list == List::Rules);
    let rules: Vec<String> =
        rules.map(|(keep, why)| format!("{} = \"off\"  # {why}\n", basic_string(&keep.value))).collect();
    if !rules.is_empty() {
        let _ = write!(out, "\n[rules]\n{}", rules.concat());
    }
    image.files(&mut out);
    out.push_str("\n[packages]\ndatabase = \"prune\"\n");
    image.check(&mut out);
    out
}

impl Image<'_> {
    /// The profile that fits the command, or without a command the first program that is installed; and why.
    fn guess(&self) -> Option<(&'static Known, String)> {
        let Run::Commands(lines) = &self.policy.run else {
            return PROFILES.iter().find_map(|known| {
                let program = known.programs.iter().find(|name| has_command(self.facts, name))?;
                Some((known, format!("{program} is installed")))
            });
        };
        // ENTRYPOINT and CMD stand first; HEALTHCHECK says nothing of the program.
        let words = lines.first().map(|line| line.words.as_slice()).unwrap_or_default();
        let fits = |name: &str| {
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            PROFILES.iter().find(|known| known.programs.iter().any(|&program| program == name || program == stem))
        };
        let direct = |word: &String| {
            let name = word.rsplit('/').next().unwrap_or_default();
            fits(name).map(|known| (known, format!("the command starts {}", escaped(name.as_bytes()))))
        };
        let by_script = |word: &String| {
            let name = self.interpreter(word)?;
            fits(&name).map(|known| (known, format!("{} is a script of {name}", escaped(word.as_bytes()))))
        };
        words.iter().find_map(direct).or_else(|| words.iter().find_map(by_script))
    }

    /// The interpreter of a script that a word names.
    fn interpreter(&self, word: &str) -> Option<String> {
        let (tree, commands) = (&self.facts.tree, &self.facts.commands);
        let entry = if word.contains('/') {
            tree.resolve(word.as_bytes()).ok()?.node
        } else {
            commands.find_in_path(tree, word.as_bytes())?
        };
        let Ok(program::Program::Script(shebang)) =
            commands.program(tree, self.contents, tree.follow(entry).ok()?.node)
        else {
            return None;
        };
        let path = String::from_utf8(shebang.env_name.unwrap_or(shebang.interpreter)).ok()?;
        path.rsplit('/').next().map(str::to_owned)
    }

    fn user(&self, out: &mut String, guess: Option<&Known>) {
        let root = self.policy.image.as_ref().is_some_and(|image| image.starts_as_root);
        match &self.policy.user {
            Some(user) => {
                let _ = writeln!(out, "user = \"{}\"", spec(user));
            }
            None => match self.account(guess) {
                Some((name, uid, gid)) => {
                    let _ = writeln!(out, "user = \"{name}:{uid}:{gid}\"  # guessed: an account of this image");
                }
                None => out.push_str("user = \"app:1000:1000\"  # harden creates it: locked, without a login shell\n"),
            },
        }
        if root && self.policy.user.is_none() {
            out.push_str(
                "start = \"root\"  # the image has no USER: its program starts as root; delete this line once it starts as user\n",
            );
        }
    }

    /// The account of the program: that of its package, else one that was given a directory, else the first ordinary one.
    fn account(&self, guess: Option<&Known>) -> Option<(String, u32, u32)> {
        let names = guess.map(|known| known.accounts).unwrap_or_default();
        let named = names.iter().find_map(|name| {
            let line = self.facts.accounts.passwd().find(|line| line.name() == name.as_bytes())?;
            let uid = parse_id(line.field(UID)).filter(|&uid| uid != 0)?;
            Some(((*name).to_owned(), uid, parse_id(line.field(PRIMARY_GID))?))
        });
        named.or_else(|| data_account(self.facts)).or_else(|| ordinary_account(self.facts))
    }

    /// Entrypoint scripts: what they start is kept where the command is known.
    fn scripts(&self, out: &mut String) {
        let facts = self.facts;
        let reader =
            Reader { tree: &facts.tree, contents: self.contents, commands: &facts.commands, policy: self.policy };
        let reached = reader.reached();
        let mut starting = reached.iter().filter(|file| file.names.iter().any(|name| name.how != How::Reads));
        if let Some(file) = starting.next() {
            let _ = writeln!(
                out,
                "from-scripts = true  # guessed: {} starts other programs; keep those that scripts name",
                reader.place(file.file, 0)
            );
        }
        let words: Vec<&str> = reader.lines().iter().flat_map(|line| &line.words).map(String::as_str).collect();
        for path in entrypoints(facts) {
            let name = path.rsplit('/').next().unwrap_or_default();
            let is_kept = |keep: &Keep| keep.value == path;
            if !words.iter().any(|word| *word == path || *word == name) && !self.keeps.keys().any(is_kept) {
                let _ = writeln!(
                    out,
                    "# found: {path}: name it in run.command if the image starts with it, else in [remove] commands"
                );
            }
        }
    }

    /// Directories of the run user: one that holds the program is none that the program must write.
    fn files(&self, out: &mut String) {
        out.push_str("\n[files]\n");
        let (tree, policy) = (&self.facts.tree, self.policy);
        let lines: &[CommandLine] = if let Run::Commands(lines) = &policy.run { lines } else { &[] };
        let workdir = policy.workdir.as_deref().unwrap_or("/");
        let base = tree.resolve(workdir.as_bytes()).map_or(Id::ROOT, |found| found.node);
        let words = lines.iter().flat_map(|line| &line.words);
        let mut programs: Vec<Id> = words
            .filter_map(|word| tree.resolve_from(base, word.as_bytes(), true).ok())
            .map(|found| found.node)
            .collect();
        programs.extend((base != Id::ROOT).then_some(base));
        // A volume stays as it is, and the classic builder mounts those of the base image, which no build step can change.
        let volumes = policy.volumes.iter().filter_map(|path| tree.resolve(path.as_bytes()).ok());
        let volumes: Vec<Id> = volumes.map(|found| found.node).collect();
        let owned = owned(self.facts, policy).into_iter();
        let (code, data): (Vec<Id>, Vec<Id>) = owned
            .filter(|&at| !volumes.iter().any(|&volume| tree.is_within(at, volume)))
            .partition(|&at| programs.iter().any(|&id| tree.is_within(id, at)));
        let list = |ids: &[Id]| {
            let paths = ids.iter().filter_map(|&id| String::from_utf8(tree.path(id)).ok());
            paths.map(|path| basic_string(&path)).collect::<Vec<_>>().join(", ")
        };
        if code.is_empty() {
            out.push_str("# read-only = [\"/app\"]       # the application: root owns it, no account can write it\n");
        } else {
            let _ = writeln!(
                out,
                "# read-only = [{}]  # contains the program, and the run user owns it: remove the # if the program writes nothing there",
                list(&code)
            );
        }
        let written = self.programs().into_iter().find(|program| !program.writes.is_empty());
        if let Some(program) = written.filter(|_| data.is_empty()) {
            let paths: Vec<String> = program.writes.iter().map(|path| basic_string(path)).collect();
            let _ = writeln!(
                out,
                "# writable = [{}]  # {}: list the directories that the program writes in this image, and remove the #",
                paths.join(", "),
                program.file
            );
        } else if data.is_empty() {
            out.push_str("# writable = [\"/app/data\"]   # directories that it writes: the run user owns them\n");
        } else {
            let _ = writeln!(out, "writable = [{}]  # guessed: the run user owns them", list(&data));
        }
    }

    /// A check that the command starts, one by the first port of EXPOSE, and what the program file of the command says. They
    /// stay comments: a server may need others that no build step has, or write to its files.
    fn check(&self, out: &mut String) {
        const STARTS: &str =
            "# starts = 3   # the command runs after 3 seconds, or ends as it ended before the changes\n";
        let exposed = self.policy.image.as_ref().and_then(|image| image.ports.first().copied());
        let Run::Commands(lines) = &self.policy.run else { return };
        let Some(line) = lines.first() else { return };
        let known = self.programs().into_iter().find(|program| program.check != programs::Check::default());
        let port = exposed.or_else(|| known.and_then(|program| program.check.port));
        let list = |words: &[String]| words.iter().map(|word| basic_string(word)).collect::<Vec<_>>().join(", ");
        let mut checks: Vec<String> = Vec::new();
        checks.extend(port.map(|port| format!("{{ command = [{}], tcp = {port} }}", list(&line.argv))));
        // A program that is not there cannot be asked.
        let command = known.map(|program| program.check.command.as_slice()).unwrap_or_default();
        if command.first().is_some_and(|name| has_command(self.facts, name)) {
            checks.push(format!("[{}]", list(command)));
        }
        let why = match (exposed, known) {
            (Some(port), _) => format!("the image exposes port {port}: "),
            (None, Some(program)) if !checks.is_empty() => format!("{}: ", program.file),
            (None, _) => String::new(),
        };
        let _ = writeln!(out, "\n# [check]  # {why}remove the # if the program starts in a build step");
        if !checks.is_empty() {
            let _ = writeln!(out, "# commands = [{}]\n# timeout = 30", checks.join(", "));
        }
        out.push_str(STARTS);
    }

    /// What is known of the programs that the words of the image's first command start.
    fn programs(&self) -> Vec<&Program> {
        let Run::Commands(lines) = &self.policy.run else { return Vec::new() };
        let words = lines.first().map(|line| line.words.as_slice()).unwrap_or_default();
        let known = words.iter().flat_map(|word| {
            let name = word.rsplit('/').next().unwrap_or_default();
            self.policy.programs.of(name.as_bytes(), word.as_bytes())
        });
        known.map(|(program, _)| program).collect()
    }
}

fn command(out: &mut String, policy: &Policy, guess: Option<&str>) {
    match (&policy.run, guess) {
        (Run::Commands(lines), _) => {
            // Word for word, the shell of a shell form included.
            let line = |line: &CommandLine| {
                format!("[{}]", line.argv.iter().map(|word| basic_string(word)).collect::<Vec<_>>().join(", "))
            };
            let lines: Vec<String> = lines.iter().map(line).collect();
            let value = if let [one] = lines.as_slice() { one.clone() } else { format!("[{}]", lines.join(", ")) };
            let _ = writeln!(out, "command = {value}");
        }
        (_, Some(line)) => {
            let _ = writeln!(out, "command = {line}  # guessed: write ENTRYPOINT and CMD here");
        }
        (_, None) => out.push_str("command = \"none\"  # write ENTRYPOINT and CMD here, such as [\"/app/server\"]\n"),
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

/// The account for whose data the image has a directory.
fn data_account(facts: &Facts) -> Option<(String, u32, u32)> {
    let tree = &facts.tree;
    let top = |id: Id| tree.ancestors(id).filter(|&at| at != Id::ROOT).last().unwrap_or(id);
    let given = guards::data::given(facts, |id| !is_system(tree.name(top(id))));
    let owner = given.values().next()?;
    let line = facts.accounts.passwd().find(|line| line.name() == owner.as_bytes())?;
    Some((owner.clone(), parse_id(line.field(UID))?, parse_id(line.field(PRIMARY_GID))?))
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
fn owned(facts: &Facts, policy: &Policy) -> Vec<Id> {
    let tree = &facts.tree;
    let uid = match &policy.user {
        Some(RunUser::Named { uid: Some(uid), .. } | RunUser::Numeric { uid, .. }) => Some(*uid),
        Some(RunUser::Named { name, .. }) => facts
            .accounts
            .passwd()
            .find(|line| line.name() == name.as_bytes())
            .and_then(|line| parse_id(line.field(UID))),
        None => data_account(facts).or_else(|| ordinary_account(facts)).map(|(_, uid, _)| uid),
    };
    let Some(uid) = uid.filter(|&uid| uid != 0) else { return Vec::new() };
    let owns = |id: Id| tree.is_dir(id) && tree.meta(id).uid == uid;
    tree.ids().filter(|&id| owns(id) && !tree.ancestors(id).skip(1).any(owns)).collect()
}
