//! The commands: from the program's arguments to its exit status.
//!
//! This module reads the command line, environment and configuration, and decides which command runs. The work of a
//! command on a root is in `session` (apply, plan, explain), `audit`, `init` and `learn`.

mod archive;
mod audit;
mod check_config;
mod conflicts;
mod image;
mod init;
mod learn;
mod request;
mod selftest;
mod session;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::archive::Wanted;
use crate::check;
use crate::cli::{Action, Cli, Completions};
use crate::console;
use crate::console::{Console, Format};
use crate::diag::escape::quote;
use crate::diag::{Diagnostic, Kind, codes};
use crate::exit::Exit;
use crate::explain::ids::{self, meanings};
use crate::policy::{self, Environment, Inputs, Known, Loaded, Options};
use crate::report;
use crate::root::host;
use crate::rules;
use crate::stop::Stop;
use request::Request;

/// The variable by which the tests switch off what foresees from texts: no release has it.
#[cfg(debug_assertions)]
const BLIND: &str = "TEST_WITHOUT_EVIDENCE";

/// Run the program with its arguments (its own name first) and environment.
#[must_use]
pub fn main(args: Vec<OsString>, environment: &Environment) -> Exit {
    if args.get(1).is_some_and(|argument| argument == check::child::ARGUMENT) {
        return check::child::main(&args);
    }
    if args.get(1).is_some_and(|argument| crate::learn::child::ARGUMENTS.iter().any(|own| argument == own)) {
        return crate::learn::child::main(&args);
    }
    let learns = args.get(1).is_some_and(|argument| argument == "learn");
    let cli = match Cli::read(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error; a closed pipe changes nothing.
            return match error.exit_code() {
                0 => {
                    let _ = error.print();
                    Exit::Done
                }
                _ => {
                    console::usage(&error.render());
                    // Other statuses are those of its command.
                    if learns { Exit::Command(crate::learn::FAILED) } else { Exit::Refused }
                }
            };
        }
    };
    if let Some(Action::Learn(asked)) = &cli.action {
        return learn::run(asked, environment);
    }
    if let Some(Action::Completions(Completions { shell })) = cli.action {
        return written(console::print_with(|out| out.write_all(&Cli::completions(shell))));
    }
    let mut options = Options::new(&cli, environment);
    let mut request = Request::of(&options);
    let console = Console::new(request.volume, request.no_color);
    if let Some(Action::CheckConfig(asked)) = &cli.action {
        return check_config::run(&asked.files, &options, request.volume);
    }
    console::progress::show(request.volume);
    // A RUN step inherits the variables of its base image, which its author may not know.
    for (name, value) in &options.variables {
        console.phase(&format!("the variable {name} gives {}", quote(value)));
    }
    let binary = host::this_program().map(|program| PathBuf::from(program.path));
    // What a message means is asked after it was read: it needs no policy, which may be what the message is about.
    if let Some(Action::Explain(asked)) = &cli.action
        && options.problems.is_empty()
        && let Some(found) = meanings(asked.paths.iter().map(|word| word.as_bytes()))
    {
        return written(match request.format {
            Format::Json => console::print_with(|out| report::explain::ids(out, &found)),
            _ => console::print(&ids::text(&found)),
        });
    }
    let mut problems = Vec::new();
    request.epoch = source_date_epoch(environment).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    problems.extend(conflicts::of(&options, cli.action.as_ref()));
    // An image archive brings the configuration that the policy is made of. Nothing is read for a wrong command line.
    let mut archive = None;
    if let Some(path) = options.tar.as_deref().filter(|_| problems.is_empty() && options.problems.is_empty()) {
        let image = cli.image().is_some();
        if image {
            crate::stop::let_writes_fail();
        }
        console.phase("reading the archive");
        let wanted = Wanted {
            whole: cli.audit().is_none(),
            past: matches!(cli.action, Some(Action::Explain(_))),
            digest: image && (options.attestation.is_some() || request.writes(Format::Json)),
        };
        match archive::read(path, environment, &options, wanted) {
            Ok(found) => archive = Some(found),
            Err(error) if image => return image::refuse(&console, &error),
            Err(error) if cli.audit().is_some() => return audit::fail(&request, &console, &error),
            Err(error) => return session::refuse(&console, &error),
        }
    }
    options.archive_config = archive.as_mut().and_then(|found| found.config.take());
    let loaded = match policy::load(&options, binary.as_deref(), &known(), &Host) {
        Ok(loaded) if problems.is_empty() => loaded,
        other => {
            problems.extend(other.err().unwrap_or_default());
            for problem in &problems {
                console.say(Kind::Error, problem);
            }
            console.phase("nothing was changed");
            if let Some(problem) = problems.first().filter(|_| cli.audit().is_some()) {
                let _ = console::print_with(|out| report::audit::failed(out, problem, request.format));
            }
            return Exit::Refused;
        }
    };
    // Where a report follows they come after it, where they are seen.
    let reports = !options.dump_config && matches!(cli.action, Some(Action::Apply(_) | Action::Plan(_)));
    let say = |warnings: &[Diagnostic]| warnings.iter().for_each(|warning| console.say(Kind::Warning, warning));
    if !reports {
        say(&loaded.warnings);
    }
    #[cfg_attr(not(debug_assertions), expect(unused_mut, reason = "the switch is for tests"))]
    let Loaded { mut policy, config, files, image_config, warnings, .. } = loaded;
    request.config = config.and_then(|path| path.into_os_string().into_string().ok());
    request.files = files.into_iter().filter_map(|path| path.into_os_string().into_string().ok()).collect();
    if let Some(problem) = conflicts::with_policy(&options, request.configuration()) {
        console.say(Kind::Error, &problem);
        console.phase("nothing was changed");
        return Exit::Refused;
    }
    #[cfg(debug_assertions)]
    {
        policy.blind = environment.contains_key(&OsString::from(BLIND));
    }
    if options.dump_config {
        return printed(&policy::dump(&policy));
    }
    let exit = match cli.action {
        Some(Action::Init(_)) => init::run(&policy, &options, &request, archive),
        Some(Action::Apply(_)) => session::apply(policy, &request, &Stop::hold()),
        Some(Action::Audit(_)) => audit::run(policy, &options, &request, image_config.as_deref(), archive),
        Some(Action::Image(_)) => {
            let directories = archive::directories(environment, &options);
            let load = |options: &Options| {
                let loaded = policy::load(options, binary.as_deref(), &known(), &Host).map_err(|problems| {
                    problems.iter().for_each(|problem| console.say(Kind::Error, problem));
                    console.phase("no image was written");
                    Exit::Refused
                })?;
                say(&loaded.warnings);
                Ok(loaded.policy)
            };
            image::run(policy, options, &request, image_config.as_deref(), archive, &directories, &load)
        }
        Some(Action::Explain(asked)) => session::on(policy, &request, archive, |session| session.explain(&asked.paths)),
        // Learn, check-config and completions have their own way above.
        Some(Action::Plan(_) | Action::Learn(_) | Action::CheckConfig(_) | Action::Completions(_)) | None => {
            session::on(policy, &request, archive, |session| session.plan())
        }
    };
    if reports {
        say(&warnings);
    }
    exit
}

/// The root directory cannot be opened.
fn not_opened(error: &impl ToString) -> Diagnostic {
    Diagnostic::new(codes::ROOT_OPEN, error.to_string()).help("give --root the directory that holds the file system")
}

fn printed(text: &str) -> Exit {
    written(console::print(text))
}

fn written(result: io::Result<()>) -> Exit {
    if result.is_ok() { Exit::Done } else { Exit::Failed }
}

/// SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch): a number of seconds, empty as if not set.
fn source_date_epoch(environment: &Environment) -> Result<Option<i64>, Diagnostic> {
    let Some(value) = environment.get(&OsString::from("SOURCE_DATE_EPOCH")).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|text| text.parse::<u32>().ok()).map(i64::from);
    number.map(Some).ok_or_else(|| {
        let shown = quote(&value.to_string_lossy());
        Diagnostic::new(
            codes::ENVIRONMENT_VALUE,
            format!("SOURCE_DATE_EPOCH {shown} is not a number of seconds since 1970"),
        )
        .help("set it to a number, such as `git log -1 --format=%ct` prints, or unset it")
    })
}

/// Ids that a policy may name.
#[must_use]
pub fn known() -> Known {
    Known { rules: rules::ids(), checks: crate::audit::ids() }
}

/// What the policy may read, from this machine.
struct Host;

impl Inputs for Host {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        host::read_start(path, limit)
    }

    fn stdin(&self, limit: usize) -> io::Result<Vec<u8>> {
        host::stdin_start(limit)
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        host::canonical(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        host::names(directory)
    }
}
