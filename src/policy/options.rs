//! Flags and environment in one value: each given option, with its source.
//!
//! This module owns the names of the environment variables and the rule that a flag wins. The caller decides the
//! meaning of a value.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::value::{self, Fault};
use crate::cli::{Action, Cli, Flags, Learn, Report, Selection, Source, Talk, Target, Tests};
use crate::console::Format;
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::severity::Severity;
use crate::diag::suggest::did_you_mean;
use crate::diag::{Diagnostic, codes};

/// The environment, or as much of it as matters.
pub type Environment = BTreeMap<OsString, OsString>;

/// A value and whether a flag or a variable gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The value as it was given.
    pub text: String,
    /// The flag or variable.
    pub origin: Origin,
}

/// All options after flag and environment.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--root`; `None` is `/`.
    pub root: Option<PathBuf>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--extends`; no variable gives it.
    pub extends: Vec<Given>,
    /// `--image-config`; `-` is standard input.
    pub image_config: Option<PathBuf>,
    /// `--report`.
    pub report: Option<PathBuf>,
    /// `--sbom`.
    pub sbom: Option<PathBuf>,
    /// `--attestation` of image.
    pub attestation: Option<PathBuf>,
    /// `--digests` of apply and plan.
    pub digests: bool,
    /// `--format`.
    pub format: Format,
    /// `--dump-config`.
    pub dump_config: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// How often `--verbose` was given.
    pub verbose: u8,
    /// `--this-is-an-image`.
    pub this_is_an_image: bool,
    /// `--tar`.
    pub tar: Option<PathBuf>,
    /// `--max-size`, in bytes.
    pub max_size: Option<u64>,
    /// The image configuration that came with the archive of `--tar`; `--image-config` goes before it.
    pub archive_config: Option<Vec<u8>>,
    /// `--platform`.
    pub platform: Option<Given>,
    /// `--output` of image; `-` is standard output.
    pub output: Option<PathBuf>,
    /// `--tag` of image.
    pub tag: Option<Given>,
    /// `--keep-layers` of image.
    pub keep_layers: bool,
    /// `--compress` of image.
    pub compress: Option<Given>,
    /// `--checksums`.
    pub checksums: bool,
    /// `--compliance`.
    pub compliance: Option<Given>,
    /// `--fail-on`.
    pub fail_on: Severity,
    /// `--baseline`.
    pub baseline: Option<PathBuf>,
    /// `--write-baseline`.
    pub write_baseline: Option<PathBuf>,
    /// NO_COLOR is set and not empty (no-color.org).
    pub no_color: bool,
    /// `--strict`.
    pub strict: Option<(bool, Origin)>,
    /// `--minimal`.
    pub minimal: Option<(bool, Origin)>,
    /// `--profile`.
    pub profile: Option<Given>,
    /// `--user`.
    pub user: Option<Given>,
    /// `--command`: those of the flags, else those of the environment follow; lists add up.
    pub commands: Vec<Given>,
    /// `--keep`.
    pub keep: Vec<Given>,
    /// `--check`.
    pub checks: Vec<Given>,
    /// `--disable`.
    pub disable: Vec<Given>,
    /// PATH of the environment.
    pub path: Option<String>,
    /// LD_LIBRARY_PATH of the environment.
    pub library_path: Option<String>,
    /// `--run` of init, in seconds.
    pub run: Option<u32>,
    /// The whole environment, as far as it is text.
    pub environment: Vec<(String, String)>,
    /// Variables that gave one of the values above, with what they hold.
    pub variables: Vec<(&'static str, String)>,
    /// What is wrong with the values above; [`super::load()`] reports it with everything else.
    pub problems: Vec<Diagnostic>,
}

/// A flag and its variable.
type Name = (&'static str, &'static str);

const ROOT: Name = ("--root", "HARDEN_ROOT");
const CONFIG: Name = ("--config", "HARDEN_CONFIG");
const EXTENDS: Name = ("--extends", "HARDEN_EXTENDS");
const IMAGE_CONFIG: Name = ("--image-config", "HARDEN_IMAGE_CONFIG");
const REPORT: Name = ("--report", "HARDEN_REPORT");
const SBOM: Name = ("--sbom", "HARDEN_SBOM");
const ATTESTATION: Name = ("--attestation", "HARDEN_ATTESTATION");
const DIGESTS: Name = ("--digests", "HARDEN_DIGESTS");
const FORMAT: Name = ("--format", "HARDEN_FORMAT");
const DUMP_CONFIG: Name = ("--dump-config", "HARDEN_DUMP_CONFIG");
const QUIET: Name = ("--quiet", "HARDEN_QUIET");
const VERBOSE: Name = ("--verbose", "HARDEN_VERBOSE");
const THIS_IS_AN_IMAGE: Name = ("--this-is-an-image", "HARDEN_THIS_IS_AN_IMAGE");
const STRICT: Name = ("--strict", "HARDEN_STRICT");
const MINIMAL: Name = ("--minimal", "HARDEN_MINIMAL");
const PROFILE: Name = ("--profile", "HARDEN_PROFILE");
const USER: Name = ("--user", "HARDEN_USER");
const COMMAND: Name = ("--command", "HARDEN_COMMAND");
const KEEP: Name = ("--keep", "HARDEN_KEEP");
const CHECK: Name = ("--check", "HARDEN_CHECK");
const DISABLE: Name = ("--disable", "HARDEN_DISABLE");

const RUN: Name = ("--run", "HARDEN_RUN");
const TAR: Name = ("--tar", "HARDEN_TAR");
const PLATFORM: Name = ("--platform", "HARDEN_PLATFORM");
const MAX_SIZE: Name = ("--max-size", "HARDEN_MAX_SIZE");
const TAG: Name = ("--tag", "HARDEN_TAG");
const KEEP_LAYERS: Name = ("--keep-layers", "HARDEN_KEEP_LAYERS");
const COMPRESS: Name = ("--compress", "HARDEN_COMPRESS");
const CHECKSUMS: Name = ("--checksums", "HARDEN_CHECKSUMS");
const COMPLIANCE: Name = ("--compliance", "HARDEN_COMPLIANCE");
const FAIL_ON: Name = ("--fail-on", "HARDEN_FAIL_ON");
const BASELINE: Name = ("--baseline", "HARDEN_BASELINE");
const WRITE_BASELINE: Name = ("--write-baseline", "HARDEN_WRITE_BASELINE");
const OUTPUT: Name = ("--output", "HARDEN_OUTPUT");
const TIMEOUT: Name = ("--timeout", "HARDEN_TIMEOUT");
const MERGE: Name = ("--merge", "HARDEN_MERGE");
const SECCOMP: Name = ("--seccomp", "HARDEN_SECCOMP");

const NAMES: [Name; 37] = [
    ROOT,
    CONFIG,
    EXTENDS,
    IMAGE_CONFIG,
    REPORT,
    SBOM,
    ATTESTATION,
    DIGESTS,
    FORMAT,
    DUMP_CONFIG,
    QUIET,
    VERBOSE,
    THIS_IS_AN_IMAGE,
    STRICT,
    MINIMAL,
    PROFILE,
    USER,
    COMMAND,
    KEEP,
    CHECK,
    DISABLE,
    RUN,
    TAR,
    PLATFORM,
    MAX_SIZE,
    TAG,
    KEEP_LAYERS,
    COMPRESS,
    CHECKSUMS,
    COMPLIANCE,
    FAIL_ON,
    BASELINE,
    WRITE_BASELINE,
    OUTPUT,
    TIMEOUT,
    MERGE,
    SECCOMP,
];

/// Options that no variable gives, since a RUN step inherits those of its base image: they weaken the policy, choose it, or
/// say what the step is.
const FLAGS_ONLY: [Name; 4] = [CONFIG, EXTENDS, DISABLE, THIS_IS_AN_IMAGE];

impl Options {
    /// Joins the command line with the environment; a flag wins over its variable, repeatable options add up. A variable
    /// whose option the command does not take is not looked at: a RUN step inherits those of the base image.
    #[must_use]
    pub fn new(cli: &Cli, environment: &Environment) -> Self {
        let Flags { target, source, selection, tests, report, sbom, digests, talk, this_is_an_image, takes } =
            cli.flags();
        let Target { root } = target;
        let Source { config, extends, image_config, profile, user, commands } = source;
        let Selection { keep, minimal, disable } = selection;
        let Tests { strict, checks } = tests;
        let Report { format, report } = report;
        let Talk { dump_config, quiet, verbose } = talk;
        let text = |name: &str| environment.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned());
        let mut reader = Reader { environment, takes, variables: Vec::new(), problems: Vec::new() };
        reader.misspelt();
        reader.inherited();
        let mut options = Self {
            root: reader.path(ROOT, root.as_ref()),
            config: reader.path(CONFIG, config.as_ref()),
            extends: reader.flags_only(EXTENDS, &extends),
            image_config: reader.path(IMAGE_CONFIG, image_config.as_ref()),
            report: reader.path(REPORT, report.as_ref()),
            sbom: reader.path(SBOM, sbom.as_ref()),
            attestation: reader.path(ATTESTATION, cli.image().and_then(|image| image.attestation.as_ref())),
            digests: digests || reader.switch(DIGESTS).is_some_and(|(on, _)| on),
            format: reader.format(format),
            dump_config: dump_config || reader.switch(DUMP_CONFIG).is_some_and(|(on, _)| on),
            quiet: quiet || reader.switch(QUIET).is_some_and(|(on, _)| on),
            verbose: if verbose > 0 { verbose } else { reader.verbose() },
            this_is_an_image,
            tar: match cli.image() {
                Some(image) => Some(image.input.clone()),
                None => reader.path(TAR, cli.subject().and_then(|subject| subject.tar.as_ref())),
            },
            output: match cli.image() {
                Some(image) => reader.path(OUTPUT, image.output.as_ref()),
                None => None,
            },
            keep_layers: cli.image().is_some_and(|image| image.keep_layers)
                || reader.switch(KEEP_LAYERS).is_some_and(|(on, _)| on),
            tag: reader.text(TAG, cli.image().and_then(|image| image.tag.as_ref())),
            compress: reader.text(COMPRESS, cli.image().and_then(|image| image.compress.as_ref())),
            max_size: None,
            archive_config: None,
            platform: reader.text(PLATFORM, cli.archive().and_then(|archive| archive.platform.as_ref())),
            checksums: cli.audit().is_some_and(|audit| audit.checksums)
                || reader.switch(CHECKSUMS).is_some_and(|(on, _)| on),
            compliance: reader.text(COMPLIANCE, cli.audit().and_then(|audit| audit.compliance.as_ref())),
            fail_on: reader.level(cli.audit().and_then(|audit| audit.fail_on)),
            baseline: reader.path(BASELINE, cli.audit().and_then(|audit| audit.baseline.as_ref())),
            write_baseline: reader.path(WRITE_BASELINE, cli.audit().and_then(|audit| audit.write_baseline.as_ref())),
            no_color: environment.get(OsStr::new("NO_COLOR")).is_some_and(|value| !value.is_empty()),
            strict: if strict { Some((true, Origin::Flag(STRICT.0))) } else { reader.switch(STRICT) },
            minimal: if minimal { Some((true, Origin::Flag(MINIMAL.0))) } else { reader.switch(MINIMAL) },
            profile: reader.single(PROFILE, profile.as_ref()),
            user: reader.single(USER, user.as_ref()),
            commands: reader.list(COMMAND, &commands),
            keep: reader.list(KEEP, &keep),
            checks: reader.list(CHECK, &checks),
            disable: reader.list(DISABLE, &disable),
            path: text("PATH"),
            library_path: text("LD_LIBRARY_PATH"),
            environment: environment
                .iter()
                .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())))
                .collect(),
            run: None,
            variables: Vec::new(),
            problems: Vec::new(),
        };
        let max_size = cli.archive().and_then(|archive| archive.max_size.as_ref());
        if let Some(given) = reader.text(MAX_SIZE, max_size) {
            options.max_size = size(&given.text);
            if options.max_size.is_none() {
                let text = format!("{} is not a size", quote(&given.text));
                reader.fault(&given.origin, text, "write a number of bytes, or one with K, M, G or T behind it: 20G");
            }
        }
        let run = match &cli.action {
            Some(Action::Init(init)) => init.run.as_ref(),
            _ => None,
        };
        options.run = reader.time(RUN, run);
        options.variables = reader.variables;
        options.problems = reader.problems;
        options
    }
}

/// Options of `learn` after flag and environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct LearnOptions {
    /// `--output`.
    pub output: Option<String>,
    /// `--seccomp`.
    pub seccomp: Option<String>,
    /// `--timeout`, in seconds.
    pub timeout: Option<u32>,
    /// `--user`.
    pub user: Option<String>,
    /// `--merge`.
    pub merge: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// NO_COLOR is set and not empty.
    pub no_color: bool,
    /// What is wrong with the values above.
    pub problems: Vec<Diagnostic>,
}

impl LearnOptions {
    /// Joins the command line of `learn` with the environment; a flag wins over its variable.
    #[must_use]
    pub(crate) fn new(learn: &Learn, environment: &Environment) -> Self {
        let mut reader =
            Reader { environment, takes: Cli::options_of("learn"), variables: Vec::new(), problems: Vec::new() };
        reader.misspelt();
        let mut options = Self {
            output: reader.text(OUTPUT, learn.output.as_ref()).map(|given| given.text),
            seccomp: reader.text(SECCOMP, learn.seccomp.as_ref()).map(|given| given.text),
            timeout: None,
            user: reader.text(USER, learn.user.as_ref()).map(|given| given.text),
            merge: learn.merge || reader.switch(MERGE).is_some_and(|(on, _)| on),
            quiet: learn.quiet || reader.switch(QUIET).is_some_and(|(on, _)| on),
            no_color: environment.get(OsStr::new("NO_COLOR")).is_some_and(|value| !value.is_empty()),
            problems: Vec::new(),
        };
        options.timeout = reader.time(TIMEOUT, learn.timeout.as_ref());
        options.problems = reader.problems;
        options
    }
}

/// A number of bytes, or of KiB, MiB, GiB or TiB, that is not 0.
fn size(text: &str) -> Option<u64> {
    let end = text.len().saturating_sub(1);
    let (number, shift) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (text.get(..end)?, 10),
        b'M' => (text.get(..end)?, 20),
        b'G' => (text.get(..end)?, 30),
        b'T' => (text.get(..end)?, 40),
        _ => (text, 0),
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|&size| size > 0)
}

/// A number of seconds, minutes or hours that is not 0.
fn seconds(text: &str) -> Option<u32> {
    let end = text.len().saturating_sub(1);
    let (number, factor) = match text.as_bytes().last()? {
        b's' => (text.get(..end)?, 1),
        b'm' => (text.get(..end)?, 60),
        b'h' => (text.get(..end)?, 3600),
        _ => (text, 1),
    };
    number.parse::<u32>().ok()?.checked_mul(factor).filter(|&seconds| seconds > 0)
}

struct Reader<'e> {
    environment: &'e Environment,
    /// Long names of the options that the command takes.
    takes: BTreeSet<String>,
    /// Variables whose values count, in the order in which they were read.
    variables: Vec<(&'static str, String)>,
    problems: Vec<Diagnostic>,
}

impl<'e> Reader<'e> {
    /// Refuses a variable that is one slip away from one of ours; others may be the user's own, as HARDEN_VERSION.
    fn misspelt(&mut self) {
        for name in self.environment.keys().filter_map(|name| name.to_str()) {
            if !name.starts_with("HARDEN_") || NAMES.iter().any(|(_, known)| *known == name) {
                continue;
            }
            let option = name.trim_start_matches("HARDEN_");
            let known = NAMES.iter().map(|(_, known)| known.trim_start_matches("HARDEN_"));
            if let Some(meant) = did_you_mean(option, known) {
                self.problems.push(
                    Diagnostic::new(codes::ENVIRONMENT_NAME, format!("unknown environment variable {}", quote(name)))
                        .help(format!("did you mean 'HARDEN_{meant}'? Otherwise choose another name")),
                );
            }
        }
    }

    /// What the variable of an option holds, if the command takes that option.
    fn value(&mut self, name: Name) -> Option<&'e OsStr> {
        if FLAGS_ONLY.contains(&name) {
            return None;
        }
        let value = self.set(name)?;
        self.variables.push((name.1, value.to_string_lossy().into_owned()));
        Some(value)
    }

    /// What a variable holds whose option the command takes.
    fn set(&self, name: Name) -> Option<&'e OsStr> {
        let taken = self.takes.contains(name.0.trim_start_matches('-'));
        self.environment.get(OsStr::new(name.1)).filter(|_| taken).map(OsString::as_os_str)
    }

    /// Refuses the variables by which a base image would have its way with each image that is built on it.
    fn inherited(&mut self) {
        for name in FLAGS_ONLY {
            if self.set(name).is_none() {
                continue;
            }
            let text = "the variable is not read: a RUN step inherits the variables of its base image";
            let problem = Diagnostic::at(codes::ENVIRONMENT_VALUE, &Origin::Environment(name.1), text);
            self.problems
                .push(problem.help(format!("unset it, and write the flag {} if you want what it says", name.0)));
        }
    }

    fn variable(&mut self, name: Name) -> Option<Given> {
        let value = self.value(name)?;
        self.given(value, Origin::Environment(name.1))
    }

    fn given(&mut self, value: &OsStr, origin: Origin) -> Option<Given> {
        match value.to_str() {
            Some(text) => Some(Given { text: text.to_owned(), origin }),
            None => {
                let message = format!("{} is not UTF-8", quote(&value.to_string_lossy()));
                self.problems
                    .push(Diagnostic::at(codes::ENVIRONMENT_VALUE, &origin, message).help("write the value in UTF-8"));
                None
            }
        }
    }

    fn single(&mut self, name: Name, flag: Option<&OsString>) -> Option<Given> {
        match flag {
            Some(value) => self.given(value, Origin::Flag(name.0)),
            None => self.variable(name),
        }
    }

    /// A value that is not part of the policy.
    fn text(&mut self, name: Name, flag: Option<&OsString>) -> Option<Given> {
        let given = self.single(name, flag)?;
        match value::text(&given.text) {
            Ok(_) => Some(given),
            Err(fault) => {
                self.problems.push(fault.at(&given.origin, ""));
                None
            }
        }
    }

    fn list(&mut self, name: Name, flags: &[OsString]) -> Vec<Given> {
        let mut list: Vec<Given> = flags.iter().filter_map(|value| self.given(value, Origin::Flag(name.0))).collect();
        if let Some(given) = self.variable(name) {
            if given.text.trim().is_empty() {
                list.push(given);
            } else {
                let lines = given.text.lines().map(str::trim).filter(|line| !line.is_empty());
                list.extend(lines.map(|line| Given { text: line.to_owned(), origin: given.origin.clone() }));
            }
        }
        list
    }

    /// A list that the base image's environment must not add to: a RUN step inherits it.
    fn flags_only(&mut self, name: Name, flags: &[OsString]) -> Vec<Given> {
        let given = |value: &OsString| self.given(value, Origin::Flag(name.0));
        let list: Vec<Given> = flags.iter().filter_map(given).collect();
        for given in &list {
            if let Err(fault) = value::text(&given.text) {
                self.problems.push(fault.at(&given.origin, ""));
            }
        }
        list
    }

    fn path(&mut self, name: Name, flag: Option<&PathBuf>) -> Option<PathBuf> {
        let (value, origin) = match flag {
            Some(path) => (path.as_os_str(), Origin::Flag(name.0)),
            None => (self.value(name)?, Origin::Environment(name.1)),
        };
        // A path that later code could not read as text must not be taken for none: no root would mean `/`.
        let given = self.given(value, origin)?;
        if let Err(fault) = value::text(&given.text) {
            self.problems.push(fault.at(&given.origin, ""));
            return None;
        }
        Some(PathBuf::from(given.text))
    }

    fn format(&mut self, flag: Option<Format>) -> Format {
        if let Some(format) = flag {
            return format;
        }
        let Some(given) = self.variable(FORMAT) else { return Format::default() };
        <Format as clap::ValueEnum>::from_str(&given.text, false).unwrap_or_else(|_| {
            let help = "write text, json, html or markdown, and with audit also sarif, junit, github or gitlab";
            self.fault(&given.origin, format!("unknown format {}", quote(&given.text)), help);
            Format::default()
        })
    }

    fn level(&mut self, flag: Option<Severity>) -> Severity {
        if let Some(level) = flag {
            return level;
        }
        let Some(given) = self.variable(FAIL_ON) else { return Severity::default() };
        <Severity as clap::ValueEnum>::from_str(&given.text, false).unwrap_or_else(|_| {
            let message = format!("unknown severity {}", quote(&given.text));
            self.fault(&given.origin, message, "write info, low, medium or high");
            Severity::default()
        })
    }

    /// A switch; an empty variable is one that was not given.
    fn switch(&mut self, name: Name) -> Option<(bool, Origin)> {
        let given = self.variable(name)?;
        let on = match given.text.to_ascii_lowercase().as_str() {
            "" => return None,
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" => false,
            _ => {
                self.fault(&given.origin, format!("{} is neither on nor off", quote(&given.text)), "write 1 or 0");
                return None;
            }
        };
        Some((on, given.origin))
    }

    fn verbose(&mut self) -> u8 {
        match self.variable(VERBOSE).map(|given| given.text.parse::<u8>()) {
            Some(Ok(count)) => count,
            Some(Err(_)) => u8::from(self.switch(VERBOSE).is_some_and(|(on, _)| on)),
            None => 0,
        }
    }

    /// A time, in seconds.
    fn time(&mut self, name: Name, flag: Option<&OsString>) -> Option<u32> {
        let given = self.text(name, flag)?;
        let time = seconds(&given.text);
        if time.is_none() {
            let text = format!("{} is not a time limit", quote(&given.text));
            self.fault(&given.origin, text, "write seconds, such as 30, or 5m, 1h");
        }
        time
    }

    fn fault(&mut self, origin: &Origin, message: String, help: &str) {
        self.problems.push(Fault::new(message, help).at(origin, ""));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn options(args: &[&str], environment: &[(&str, &str)]) -> Options {
        let cli = Cli::read(["harden"].iter().chain(args)).unwrap();
        Options::new(&cli, &environment.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn a_flag_wins_and_lists_add_up() {
        let found = options(
            &["plan", "--user", "app", "--keep", "ls"],
            &[
                ("HARDEN_USER", "other"),
                ("HARDEN_KEEP", "cat\n\n tac \n"),
                ("HARDEN_STRICT", "yes"),
                ("HARDEN_FORMAT", "json"),
            ],
        );
        assert_eq!(found.user.unwrap(), Given { text: "app".into(), origin: Origin::Flag("--user") });
        assert_eq!(found.keep.iter().map(|given| given.text.as_str()).collect::<Vec<_>>(), ["ls", "cat", "tac"]);
        assert_eq!(found.strict, Some((true, Origin::Environment("HARDEN_STRICT"))));
        assert_eq!(found.format, Format::Json);
        assert_eq!(found.problems, []);
    }

    #[test]
    fn names_wrong_variables() {
        let found = options(
            &["plan", "--root", "$ROOT"],
            &[
                ("HARDEN_COMAND", "x"),
                ("HARDEN_VERSION", "1"),
                ("HARDEN_FORMAT", "yaml"),
                ("HARDEN_STRICT", "maybe"),
                ("HARDEN_QUIET", ""),
                ("HARDEN_CONFIG", ""),
            ],
        );
        let lines: Vec<String> = found.problems.iter().map(|problem| problem.text.clone()).collect();
        assert_eq!(
            lines,
            [
                "unknown environment variable 'HARDEN_COMAND'",
                "the variable is not read: a RUN step inherits the variables of its base image",
                "'$ROOT' holds the variable '$ROOT'",
                "unknown format 'yaml'",
                "'maybe' is neither on nor off",
            ]
        );
        assert!(!found.quiet);
    }
}
