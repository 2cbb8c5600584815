//! The command line: the structs that clap fills, and nothing else.
//!
//! What the values mean, and what the environment adds to them, is decided in [`crate::policy`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

/// What is said below the options of `harden --help`.
const AFTER_HELP: &str = "\
Every option can come from the environment as HARDEN_<OPTION>, as HARDEN_USER or HARDEN_IMAGE_CONFIG. An option that
may be repeated takes one value per line there. A switch takes 1, true, yes, on or 0, false, no, off.

Precedence: flag, environment, file, profile, default. Lists add up, a single value is replaced. `$NAME` in a value is
refused: RUN in exec form expands nothing.

Exit status: 0 done, or nothing found; 1 audit found something; 2 usage, configuration or plan refused (explain: no such path), nothing was changed; 3 a change or a check failed part-way. learn: that of
CMD; 125 harden failed, 126 or 127 CMD could not run.";

/// Hardens a container image's root file system in place, then removes itself.
#[derive(Debug, Parser)]
#[command(
    name = "harden",
    version,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 120
)]
pub struct Cli {
    /// Options without a subcommand, for `--dump-config`.
    #[command(flatten)]
    pub bare: Common,
    /// What to do.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Plan, check, change, check again, and remove itself
    Apply(Apply),
    /// Print the plan; what is planned is exactly what apply would do
    Plan(Common),
    /// Judge the file system against rules and compliance checks; changes nothing
    Audit(Audit),
    /// Say of each PATH why it stays, or which rule removes or changes it and what would keep it
    Explain(Explain),
    /// Run CMD, record every file of the image that it uses, and write keep entries
    Learn(Learn),
    /// Print a commented harden.toml fitted to this image
    Init(Common),
}

/// `harden apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// Run although nothing shows that this is a build step
    #[arg(long)]
    pub this_is_an_image: bool,
}

/// `harden explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// A path in the image, or the name of a command
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<OsString>,
}

/// `harden audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// Judge an archive, not a directory: docker export, docker save, or an OCI layout; - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub tar: Option<PathBuf>,
    /// Compare the files of dpkg's packages with their MD5 sums too: reads all of them
    #[arg(long)]
    pub checksums: bool,
    /// Exit with 1 when a finding is at least this bad: info, low, medium or high [default: medium]
    #[arg(long, value_name = "SEVERITY", hide_possible_values = true)]
    pub fail_on: Option<Level>,
    /// Count only findings that are not in this file
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what was found to a new file, as a baseline for later runs
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Level {
    /// Everything.
    Info,
    /// What some list asks for.
    Low,
    /// What gives an attacker more than needed.
    #[default]
    Medium,
    /// Ways in or up, and secrets.
    High,
}

/// `harden learn`.
#[derive(Debug, Args)]
pub struct Learn {
    /// File that gets the entries [default: harden.learned.toml]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<OsString>,
    /// End CMD after T seconds (or 5m, 1h) with SIGTERM; that it ends by that is status 0
    #[arg(long, value_name = "T")]
    pub timeout: Option<OsString>,
    /// Run CMD as that account of the image: NAME, UID or UID:GID
    #[arg(long, value_name = "USER")]
    pub user: Option<OsString>,
    /// Add to the entries that FILE has
    #[arg(long)]
    pub merge: bool,
    /// Print errors and warnings only
    #[arg(short, long)]
    pub quiet: bool,
    /// What to run, after --
    #[arg(value_name = "CMD", required = true, last = true)]
    pub words: Vec<OsString>,
}

/// Options of all subcommands.
#[derive(Debug, Clone, Default, Args)]
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "the comments are the help text, in which brackets mean what may be left out"
)]
pub struct Common {
    /// Root of the tree to work on [default: /]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Configuration file [default: harden.toml beside the binary, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Add the keep entries of a profile: dotnet, java, nginx, node, php-fpm, postgres, python, redis, ruby, static
    #[arg(long, value_name = "NAME")]
    pub profile: Option<OsString>,
    /// The account that runs the image's program: NAME[:UID[:GID]] or UID[:GID]
    #[arg(long, value_name = "USER")]
    pub user: Option<OsString>,
    /// What the image runs, as 'CMD ARG…', or 'none' for a base image (repeatable)
    #[arg(long = "command", value_name = "CMD")]
    pub commands: Vec<OsString>,
    /// Keep a command: a name, path, glob or re:EXPRESSION; or keep any absolute path (repeatable)
    #[arg(long, value_name = "ENTRY")]
    pub keep: Vec<OsString>,
    /// Run CMD in the hardened root before harden removes itself, as the run user without privileges (repeatable)
    #[arg(long = "check", value_name = "CMD")]
    pub checks: Vec<OsString>,
    /// Switch a rule off, as 'remove.root-home' (repeatable)
    #[arg(long, value_name = "RULE")]
    pub disable: Vec<OsString>,
    /// Refuse where scripts would only be warned about
    #[arg(long)]
    pub strict: bool,
    /// Besides commands, remove everything that nothing kept needs: mode = "minimal"
    #[arg(long)]
    pub minimal: bool,
    /// Read user, commands, working directory, PATH and volumes from `docker inspect` output or an OCI image config
    #[arg(long, value_name = "FILE|-")]
    pub image_config: Option<PathBuf>,
    /// Format of the report: text or json; audit also sarif, junit or github [default: text]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Write the report to a file too
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write what is left to a file outside the image, as a CycloneDX bill of materials
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
    /// Print the effective policy as a harden.toml and do nothing else
    #[arg(long)]
    pub dump_config: bool,
    /// Print errors and warnings only
    #[arg(short, long)]
    pub quiet: bool,
    /// Print more: every change, every reason (repeatable)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema has a version.
    Json,
    /// Findings for code scanning.
    Sarif,
    /// Findings as test cases.
    Junit,
    /// Findings as annotations of a workflow.
    Github,
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
        let cli = Self::try_parse_from(args)?;
        if cli.action.is_none() && !cli.bare.dump_config {
            return Err(Self::command().error(
                ErrorKind::MissingSubcommand,
                "a command is missing: write 'harden apply', 'plan', 'audit', 'explain', 'learn' or 'init' before the options",
            ));
        }
        Ok(cli)
    }

    /// The common options, wherever they stand.
    #[must_use]
    pub fn common(&self) -> &Common {
        match &self.action {
            None | Some(Action::Learn(_)) => &self.bare,
            Some(Action::Apply(apply)) => &apply.common,
            Some(Action::Explain(explain)) => &explain.common,
            Some(Action::Audit(audit)) => &audit.common,
            Some(Action::Plan(common) | Action::Init(common)) => common,
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

    /// `--this-is-an-image`.
    #[must_use]
    pub fn this_is_an_image(&self) -> bool {
        matches!(&self.action, Some(Action::Apply(apply)) if apply.this_is_an_image)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_follow_the_command() {
        let cli = Cli::read(["harden", "apply", "--keep", "ls", "--keep=cat", "--this-is-an-image", "-vv"]).unwrap();
        assert_eq!(cli.common().keep, ["ls", "cat"]);
        assert!(cli.this_is_an_image());
        assert_eq!(cli.common().verbose, 2);
        assert!(Cli::read(["harden", "--dump-config", "--user", "app"]).unwrap().action.is_none());
    }

    #[test]
    fn wrong_usage_is_2_and_help_is_0() {
        for args in [
            vec!["harden"],
            vec!["harden", "--user", "app"],
            vec!["harden", "--user", "app", "apply"],
            vec!["harden", "audit", "--fail-on", "fatal"],
            vec!["harden", "plan", "--format", "yaml"],
            vec!["harden", "plan", "--this-is-an-image"],
            vec!["harden", "apply", "extra"],
            vec!["harden", "explain"],
        ] {
            assert_eq!(Cli::read(args.clone()).unwrap_err().exit_code(), 2, "{args:?}");
        }
        for args in [vec!["harden", "--help"], vec!["harden", "--version"], vec!["harden", "apply", "--help"]] {
            assert_eq!(Cli::read(args.clone()).unwrap_err().exit_code(), 0, "{args:?}");
        }
    }
}
