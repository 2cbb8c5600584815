//! The command line: the structs that clap fills, and nothing else.
//!
//! [`crate::policy`] decides the meaning of the values, and adds those of the environment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::console::Format;
use crate::diag::severity::Severity;

/// What is said below the options of `harden --help`.
const AFTER_HELP: &str = "\
harden COMMAND --help lists the options of a command. Every option can also come from the
environment, as HARDEN_<OPTION>: HARDEN_USER, HARDEN_IMAGE_CONFIG. A command ignores variables of
options that it does not take. In a variable, a repeatable option takes one value per
line, and a switch takes 1, true, yes, on or 0, false, no, off.

Precedence: flag, environment, file, the files that it extends, profile, default. Lists from all
sources are combined; for a single value, the first source wins.
harden refuses `$NAME` in a value, because RUN in exec form does not expand variables.

Exit status:
  0  done, or nothing found
  1  audit found something at or above --fail-on
  2  wrong usage, a refused configuration or plan, an audit that could not run, or explain does not
     find a path: nothing was changed
  3  a change or a check failed part-way
learn returns the status of CMD, 125 if harden failed, 126 or 127 if CMD could not be run.";

/// Headings of the options.
const TARGET: &str = "Target";
const POLICY: &str = "Policy";
const OUTPUT: &str = "Output";
const AUDIT: &str = "Audit";

/// Hardens a container image's root file system in place, then removes itself.
#[derive(Debug, Parser)]
#[command(
    name = "harden",
    version,
    after_help = AFTER_HELP,
    override_usage = "harden <COMMAND> [OPTIONS]\n       harden --dump-config [OPTIONS]",
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Options without a subcommand, for `--dump-config`.
    #[command(flatten)]
    pub bare: Bare,
    /// What to do.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Plan the changes, apply them to the root file system, verify the result, and remove harden itself
    Apply(Apply),
    /// Print the changes that apply would make, and change nothing
    Plan(Plan),
    /// Check a file system against the rules and compliance lists, and change nothing
    Audit(Audit),
    /// Harden an image in an archive, and write the hardened image as an archive: no engine, no root, no Dockerfile
    Image(Image),
    /// Explain why each PATH is kept, or which rule removes or changes it and how to keep it
    Explain(Explain),
    /// Run CMD, and write a keep entry for every file of the image that it uses
    Learn(Learn),
    /// Print a commented harden.toml that fits this image
    Init(Init),
    /// Check files of the form of harden.toml without an image, and print everything that is wrong with them
    CheckConfig(CheckConfig),
    /// Print the completion script for a shell
    Completions(Completions),
}

/// `harden --dump-config`, without a command.
#[derive(Debug, Default, Args)]
pub struct Bare {
    /// The root.
    #[command(flatten)]
    pub target: Target,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// What stays.
    #[command(flatten)]
    pub selection: Selection,
    /// What is run.
    #[command(flatten)]
    pub tests: Tests,
    /// Print the effective policy as a harden.toml; takes the options of 'plan' under Policy
    #[arg(long)]
    pub dump_config: bool,
}

/// `harden apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The root.
    #[command(flatten)]
    pub target: Target,
    /// Skip the check that this is a container build
    #[arg(long, help_heading = TARGET)]
    pub this_is_an_image: bool,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// What stays.
    #[command(flatten)]
    pub selection: Selection,
    /// What is run.
    #[command(flatten)]
    pub tests: Tests,
    /// The report.
    #[command(flatten)]
    pub report: Report,
    /// Write a CycloneDX bill of materials of the hardened image to a file outside the image
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub sbom: Option<PathBuf>,
    /// Add to the JSON report the SHA-256 of the policy, of harden and of every removed file, which harden reads for it
    #[arg(long, help_heading = OUTPUT)]
    pub digests: bool,
    /// What is said.
    #[command(flatten)]
    pub talk: Talk,
}

/// `harden plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The root or the archive.
    #[command(flatten)]
    pub subject: Subject,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// What stays.
    #[command(flatten)]
    pub selection: Selection,
    /// What apply runs.
    #[command(flatten)]
    pub tests: Tests,
    /// The report.
    #[command(flatten)]
    pub report: Report,
    /// Write a CycloneDX bill of materials of the image after apply to a file outside the image
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub sbom: Option<PathBuf>,
    /// Add to the JSON report the SHA-256 of the policy, of harden and of every removed file, which harden reads for it
    #[arg(long, help_heading = OUTPUT)]
    pub digests: bool,
    /// What is said.
    #[command(flatten)]
    pub talk: Talk,
}

/// `harden audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// The root or the archive.
    #[command(flatten)]
    pub subject: Subject,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// What stays.
    #[command(flatten)]
    pub selection: Selection,
    /// Format of the report: text, json, html, markdown, sarif, junit, github or gitlab [default: text]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub format: Option<Format>,
    /// Also write the report to FILE, in the format of its name (.json, .html, .md, .sarif, .xml for JUnit, .txt), else of --format
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub report: Option<PathBuf>,
    /// Write a CycloneDX bill of materials of the image to a file outside the image
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub sbom: Option<PathBuf>,
    /// What is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Also compare the files of dpkg packages with their MD5 sums, which reads every file
    #[arg(long, help_heading = AUDIT)]
    pub checksums: bool,
    /// Exit with 1 if a finding is at least this severe: info, low, medium or high [default: medium]
    #[arg(long, value_name = "SEVERITY", hide_possible_values = true, help_heading = AUDIT)]
    pub fail_on: Option<Severity>,
    /// Report by compliance control instead of by check: cis-docker, stig, dockle or all
    #[arg(long, value_name = "LIST", help_heading = AUDIT)]
    pub compliance: Option<OsString>,
    /// Count only findings that are not in this file
    #[arg(long, value_name = "FILE", help_heading = AUDIT)]
    pub baseline: Option<PathBuf>,
    /// Write the findings to a new file, as a baseline for later runs
    #[arg(long, value_name = "FILE", help_heading = AUDIT)]
    pub write_baseline: Option<PathBuf>,
}

/// `harden image`.
#[derive(Debug, Args)]
pub struct Image {
    /// The archive of an image: docker save or an OCI layout, also its directory; docker export with --image-config; - is standard input
    #[arg(value_name = "IN|-", required = true)]
    pub input: PathBuf,
    /// Write the hardened image to FILE [default: standard output, unless it is a terminal]
    #[arg(short, long, value_name = "FILE|-", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,
    /// Name of the hardened image, such as app:hardened [default: the names of the input]
    #[arg(long, value_name = "NAME", help_heading = OUTPUT)]
    pub tag: Option<OsString>,
    /// Keep the layers of the input, and add one with the changes: removed bytes stay in the layers below
    #[arg(long, help_heading = OUTPUT)]
    pub keep_layers: bool,
    /// Compression of the new layer: gzip, zstd or none [default: as in the input]
    #[arg(long, value_name = "HOW", help_heading = OUTPUT)]
    pub compress: Option<OsString>,
    /// How the archive is read.
    #[command(flatten)]
    pub archive: Archive,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// What stays.
    #[command(flatten)]
    pub selection: Selection,
    /// Treat warnings about programs, shells and accounts that kept files may need as errors
    #[arg(long, help_heading = POLICY)]
    pub strict: bool,
    /// The report.
    #[command(flatten)]
    pub report: Report,
    /// Write a CycloneDX bill of materials of the hardened image to a file
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub sbom: Option<PathBuf>,
    /// Write an in-toto statement with the digests of input, output, policy, harden and every removed file, to be signed
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub attestation: Option<PathBuf>,
    /// What is said.
    #[command(flatten)]
    pub talk: Talk,
}

/// `harden explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A path in the image, the name of a command, or the id of a message
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<OsString>,
    /// The root or the archive.
    #[command(flatten)]
    pub subject: Subject,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// What stays.
    #[command(flatten)]
    pub selection: Selection,
    /// Treat warnings about programs, shells and accounts that kept files may need as errors
    #[arg(long, help_heading = POLICY)]
    pub strict: bool,
    /// Format of the report: text or json [default: text]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub format: Option<Format>,
    /// Also write the report to a file, as JSON
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub report: Option<PathBuf>,
    /// What is said.
    #[command(flatten)]
    pub talk: Talk,
}

/// `harden init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The root or the archive.
    #[command(flatten)]
    pub subject: Subject,
    /// Where the policy comes from.
    #[command(flatten)]
    pub source: Source,
    /// Start the image's command for T (5s) inside the image, and propose entries for what it uses
    #[arg(long, value_name = "T", help_heading = "Policy")]
    pub run: Option<OsString>,
}

/// `harden check-config`.
#[derive(Debug, Args)]
pub struct CheckConfig {
    /// Files to check [default: harden.toml]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check each file as one that also extends this file, such as an organisation's policy (repeatable)
    #[arg(long, value_name = "FILE")]
    pub extends: Vec<OsString>,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

/// `harden learn`.
#[derive(Debug, Args)]
pub struct Learn {
    /// Write the entries to FILE [default: harden.learned.toml]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<OsString>,
    /// Also write FILE, a seccomp profile of the system calls that CMD made; CMD stops at every call and runs slower
    #[arg(long, value_name = "FILE")]
    pub seccomp: Option<OsString>,
    /// Stop CMD with SIGTERM after T (30, 5m, 1h); stopping this way counts as success
    #[arg(long, value_name = "T")]
    pub timeout: Option<OsString>,
    /// Run CMD as this account of the image: NAME, UID or UID:GID
    #[arg(long, value_name = "USER")]
    pub user: Option<OsString>,
    /// Keep what the files already have
    #[arg(long)]
    pub merge: bool,
    /// Print errors and warnings only
    #[arg(short, long)]
    pub quiet: bool,
    /// The command to run; write it after --
    #[arg(value_name = "CMD", required = true, last = true)]
    pub words: Vec<OsString>,
}

/// `harden completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: Shell,
}

/// What a command works on.
#[derive(Debug, Clone, Default, Args)]
pub struct Target {
    /// Root of the tree to work on [default: /]
    #[arg(long, value_name = "DIR", help_heading = TARGET)]
    pub root: Option<PathBuf>,
}

/// What a command reads that changes nothing: a tree or an archive.
#[derive(Debug, Clone, Default, Args)]
pub struct Subject {
    /// The root.
    #[command(flatten)]
    pub target: Target,
    /// Read an archive instead: docker export, docker save or an OCI layout, also its directory; - is standard input
    #[arg(long, value_name = "FILE|DIR|-", help_heading = TARGET)]
    pub tar: Option<PathBuf>,
    /// How the archive is read.
    #[command(flatten)]
    pub archive: Archive,
}

/// How the archive of an image is read.
#[derive(Debug, Clone, Default, Args)]
pub struct Archive {
    /// Platform to read from a multi-platform archive, such as linux/arm64 [default: this machine's; image: all]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", help_heading = TARGET)]
    pub platform: Option<OsString>,
    /// Refuse an archive that unpacks to more than SIZE, such as 20G [default: 128M, or 200 times its own size if that is more]
    #[arg(long, value_name = "SIZE", help_heading = TARGET)]
    pub max_size: Option<OsString>,
}

/// Where the policy comes from, and what the image runs.
#[derive(Debug, Clone, Default, Args)]
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "the comments are the help text, in which brackets mean what may be left out"
)]
pub struct Source {
    /// Configuration file [default: harden.toml beside the binary, if it exists]
    #[arg(long, value_name = "FILE", help_heading = POLICY)]
    pub config: Option<PathBuf>,
    /// Extend a file of the same form, such as an organisation's policy, as if the last line of the configuration's
    /// 'extends' named it (repeatable)
    #[arg(long, value_name = "FILE", help_heading = POLICY)]
    pub extends: Vec<OsString>,
    /// Read user, commands, working directory, PATH and volumes from `docker inspect` output or an OCI
    /// image configuration; - is standard input
    #[arg(long, value_name = "FILE|-", help_heading = POLICY)]
    pub image_config: Option<PathBuf>,
    /// Add the keep entries of a profile: dotnet, java, nginx, node, php-fpm, postgres, python, redis,
    /// ruby or static
    #[arg(long, value_name = "NAME", help_heading = POLICY)]
    pub profile: Option<OsString>,
    /// The account that runs the image's program: NAME[:UID[:GID]] or UID[:GID]
    #[arg(long, value_name = "USER", help_heading = POLICY)]
    pub user: Option<OsString>,
    /// The command that the image runs, as 'CMD ARG…', or 'none' for a base image (repeatable)
    #[arg(long = "command", value_name = "CMD", help_heading = POLICY)]
    pub commands: Vec<OsString>,
}

/// What stays, and which rules are on.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Keep a command (name, path, pattern or re:EXPRESSION) or any other absolute path (repeatable)
    #[arg(long, value_name = "ENTRY", help_heading = POLICY)]
    pub keep: Vec<OsString>,
    /// Also remove every packaged file that no kept file needs: mode = "minimal"
    #[arg(long, help_heading = POLICY)]
    pub minimal: bool,
    /// Switch a rule off, such as 'remove.root-home' (repeatable)
    #[arg(long, value_name = "RULE", help_heading = POLICY)]
    pub disable: Vec<OsString>,
}

/// What makes apply refuse or fail, and changes nothing else.
#[derive(Debug, Clone, Default, Args)]
pub struct Tests {
    /// Treat warnings about programs, shells and accounts that kept files may need as errors
    #[arg(long, help_heading = POLICY)]
    pub strict: bool,
    /// Run CMD before the first change and in the hardened root, as the run user without privileges
    /// (repeatable)
    #[arg(long = "check", value_name = "CMD", help_heading = POLICY)]
    pub checks: Vec<OsString>,
}

/// The report of a command without findings.
#[derive(Debug, Clone, Default, Args)]
pub struct Report {
    /// Format of the report: text, json, html or markdown [default: text]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub format: Option<Format>,
    /// Also write the report to FILE, in the format of its name (.json, .html, .md, .txt), else as JSON
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub report: Option<PathBuf>,
}

/// What is said besides.
#[derive(Debug, Clone, Default, Args)]
pub struct Talk {
    /// Print the effective policy as a harden.toml, and do nothing else
    #[arg(long, help_heading = OUTPUT)]
    pub dump_config: bool,
    /// Print errors and warnings only
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
    /// Print more: every change, finding and reason
    #[arg(short, long, action = ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,
}

/// The flags of any command; those that it does not take are not set.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// What it works on.
    pub target: Target,
    /// Where the policy comes from.
    pub source: Source,
    /// What stays.
    pub selection: Selection,
    /// What makes apply refuse or fail.
    pub tests: Tests,
    /// The report.
    pub report: Report,
    /// The bill of materials.
    pub sbom: Option<PathBuf>,
    /// `--digests`.
    pub digests: bool,
    /// What is said.
    pub talk: Talk,
    /// `--this-is-an-image`.
    pub this_is_an_image: bool,
    /// The long names of all options of the command, without dashes.
    pub takes: BTreeSet<String>,
}

impl Cli {
    /// Reads the command line, the program's name first.
    ///
    /// # Errors
    /// Wrong usage, and also `--help` and `--version`: [`clap::Error::exit_code`] is 2 for the former, 0 for the latter.
    pub fn read<I, T>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let named = args.get(1).and_then(|word| word.to_str()).unwrap_or_default().to_owned();
        let mut command = Self::whole();
        let read = command.try_get_matches_from_mut(args).and_then(|matches| Self::from_arg_matches(&matches));
        let cli = read.map_err(|error| explained(error, &named, &mut command))?;
        if cli.action.is_none() && !cli.bare.dump_config {
            return Err(command.error(
                ErrorKind::MissingSubcommand,
                "a command is missing: write 'harden apply', 'plan', 'audit', 'image', 'explain', 'learn' or 'init' before the options",
            ));
        }
        Ok(cli)
    }

    /// The command line as clap knows it, for help, completions and man pages.
    #[must_use]
    pub fn whole() -> Command {
        // The options of the policy are listed by each command; the page of the program has --dump-config alone.
        let listed = |arg: Arg| {
            let hidden = arg.get_help_heading().is_some();
            arg.hide(hidden)
        };
        let help = || Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Print help");
        Self::command().mut_args(listed).mut_subcommands(|command| {
            // Where all other options stand below a heading, help does too.
            let grouped = command.get_arguments().any(|arg| arg.get_help_heading().is_some());
            if grouped { command.disable_help_flag(true).arg(help().help_heading(OUTPUT)) } else { command }
        })
    }

    /// The completion script of a shell.
    #[must_use]
    pub fn completions(shell: Shell) -> Vec<u8> {
        let mut out = Vec::new();
        clap_complete::generate(shell, &mut Self::whole(), "harden", &mut out);
        out
    }

    /// The flags, whichever command they are for.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let (name, flags) = match &self.action {
            None => {
                let Bare { target, source, selection, tests, dump_config } = &self.bare;
                let talk = Talk { dump_config: *dump_config, ..Talk::default() };
                ("", Flags { tests: tests.clone(), talk, ..Flags::of(target, source, Some(selection)) })
            }
            Some(Action::Apply(Apply {
                target,
                this_is_an_image,
                source,
                selection,
                tests,
                report,
                sbom,
                digests,
                talk,
            })) => (
                "apply",
                Flags {
                    tests: tests.clone(),
                    report: report.clone(),
                    sbom: sbom.clone(),
                    digests: *digests,
                    talk: talk.clone(),
                    this_is_an_image: *this_is_an_image,
                    ..Flags::of(target, source, Some(selection))
                },
            ),
            Some(Action::Plan(Plan { subject, source, selection, tests, report, sbom, digests, talk })) => (
                "plan",
                Flags {
                    tests: tests.clone(),
                    report: report.clone(),
                    sbom: sbom.clone(),
                    digests: *digests,
                    talk: talk.clone(),
                    ..Flags::of(&subject.target, source, Some(selection))
                },
            ),
            Some(Action::Audit(audit)) => (
                "audit",
                Flags {
                    report: Report { format: audit.format, report: audit.report.clone() },
                    sbom: audit.sbom.clone(),
                    talk: audit.talk.clone(),
                    ..Flags::of(&audit.subject.target, &audit.source, Some(&audit.selection))
                },
            ),
            Some(Action::Explain(Explain { subject, source, selection, strict, format, report, talk, .. })) => (
                "explain",
                Flags {
                    tests: Tests { strict: *strict, ..Tests::default() },
                    report: Report { format: *format, report: report.clone() },
                    talk: talk.clone(),
                    ..Flags::of(&subject.target, source, Some(selection))
                },
            ),
            Some(Action::Image(image)) => (
                "image",
                Flags {
                    tests: Tests { strict: image.strict, ..Tests::default() },
                    report: image.report.clone(),
                    sbom: image.sbom.clone(),
                    talk: image.talk.clone(),
                    ..Flags::of(&Target::default(), &image.source, Some(&image.selection))
                },
            ),
            Some(Action::Init(Init { subject, source, .. })) => ("init", Flags::of(&subject.target, source, None)),
            Some(Action::CheckConfig(CheckConfig { extends, quiet, .. })) => (
                "check-config",
                Flags {
                    source: Source { extends: extends.clone(), ..Source::default() },
                    talk: Talk { quiet: *quiet, ..Talk::default() },
                    ..Flags::default()
                },
            ),
            Some(Action::Learn(_)) => ("learn", Flags::default()),
            Some(Action::Completions(_)) => ("completions", Flags::default()),
        };
        Flags { takes: Self::options_of(name), ..flags }
    }

    /// The long names of all options of a command, without dashes; those without a command if there is none of that name.
    #[must_use]
    pub fn options_of(name: &str) -> BTreeSet<String> {
        let command = Self::command();
        let own = command.find_subcommand(name).unwrap_or(&command);
        own.get_arguments().filter_map(Arg::get_long).map(str::to_owned).collect()
    }

    /// How an archive is read, when the command reads one.
    #[must_use]
    pub fn archive(&self) -> Option<&Archive> {
        self.subject().map(|subject| &subject.archive).or(self.image().map(|image| &image.archive))
    }

    /// The tree or the archive that a command reads and does not change.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        match &self.action {
            Some(Action::Plan(plan)) => Some(&plan.subject),
            Some(Action::Audit(audit)) => Some(&audit.subject),
            Some(Action::Explain(explain)) => Some(&explain.subject),
            Some(Action::Init(init)) => Some(&init.subject),
            _ => None,
        }
    }

    /// The options of `harden image`, when that is the command.
    #[must_use]
    pub fn image(&self) -> Option<&Image> {
        match &self.action {
            Some(Action::Image(image)) => Some(image),
            _ => None,
        }
    }

    /// The options of `harden audit`, when that is the command.
    #[must_use]
    pub fn audit(&self) -> Option<&Audit> {
        match &self.action {
            Some(Action::Audit(audit)) => Some(audit),
            _ => None,
        }
    }
}

impl Flags {
    fn of(target: &Target, source: &Source, selection: Option<&Selection>) -> Self {
        Self {
            target: target.clone(),
            source: source.clone(),
            selection: selection.cloned().unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Says what to write instead, where clap does not: for an option of other commands, for options before the command, and
/// for what `learn` runs.
fn explained(error: clap::Error, named: &str, command: &mut Command) -> clap::Error {
    let kind = error.kind();
    if kind == ErrorKind::ArgumentConflict && named.starts_with('-') {
        return command.error(kind, "write options after the command: 'harden apply --user app'");
    }
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(given))) = (kind, error.get(ContextKind::InvalidArg))
    else {
        return error;
    };
    let is = |arg: &Arg| {
        arg.get_long().is_some_and(|long| given.strip_prefix("--") == Some(long))
            || arg.get_short().is_some_and(|short| given.strip_prefix('-') == Some(short.to_string().as_str()))
    };
    let others = command.get_subcommands().filter(|other| other.get_arguments().any(is));
    let others: Vec<&str> = others.map(Command::get_name).collect();
    let text = match others.split_last() {
        Some((last, [])) => format!("'{given}' is an option of {last}, not of {named}: remove it"),
        Some((last, first)) => {
            format!("'{given}' is an option of {} and {last}, not of {named}: remove it", first.join(", "))
        }
        None if named == "learn" && !given.starts_with('-') => {
            format!("'{given}' is not an option: write '--' before CMD")
        }
        None => return error,
    };
    command.build();
    match command.find_subcommand_mut(named) {
        Some(own) => own.error(kind, text),
        None => error,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::whole().debug_assert();
    }

    #[test]
    fn options_follow_the_command() {
        let cli = Cli::read(["harden", "apply", "--keep", "ls", "--keep=cat", "--this-is-an-image", "-vv"]).unwrap();
        let flags = cli.flags();
        assert_eq!(flags.selection.keep, ["ls", "cat"]);
        assert!(flags.this_is_an_image);
        assert_eq!(flags.talk.verbose, 2);
        assert!(Cli::read(["harden", "--dump-config", "--user", "app"]).unwrap().action.is_none());
    }

    #[test]
    fn a_command_takes_what_means_something_to_it() {
        let every = ["config", "extends", "image-config", "profile", "user", "command"];
        for (command, more) in [
            ("", "check disable dump-config keep minimal root strict"),
            (
                "apply",
                "check digests disable dump-config format keep minimal quiet report root sbom strict this-is-an-image verbose",
            ),
            (
                "plan",
                "check digests disable dump-config format keep max-size minimal platform quiet report root sbom strict tar verbose",
            ),
            (
                "audit",
                "baseline checksums compliance disable dump-config fail-on format keep max-size minimal platform quiet report root \
                 sbom tar verbose write-baseline",
            ),
            (
                "image",
                "attestation compress disable dump-config format keep keep-layers max-size minimal output platform quiet report sbom strict tag verbose",
            ),
            (
                "explain",
                "disable dump-config format keep max-size minimal platform quiet report root strict tar verbose",
            ),
            ("init", "max-size platform root run tar"),
        ] {
            let expected: BTreeSet<String> = every.into_iter().chain(more.split(' ')).map(str::to_owned).collect();
            assert_eq!(Cli::options_of(command), expected, "{command}");
        }
        let learn = ["merge", "output", "quiet", "seccomp", "timeout", "user"].map(str::to_owned);
        assert_eq!(Cli::options_of("learn"), BTreeSet::from(learn));
        assert_eq!(Cli::options_of("check-config"), BTreeSet::from(["extends", "quiet"].map(str::to_owned)));
        assert_eq!(Cli::options_of("completions"), BTreeSet::new());
    }
}
