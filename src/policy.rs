//! The wishes of the user: flags, environment, harden.toml and profile, resolved into one value.
//!
//! This module owns the meaning of the configuration. It never looks at the root file system: the closure and
//! the guards decide later whether an entry matches anything, and point back to the entry's [`Origin`].

mod decode;
mod dump;
mod files;
mod image;
mod keys;
mod layer;
mod load;
mod options;
pub(crate) mod own;
mod pattern;
mod profile;
mod schema;
mod value;

use std::collections::BTreeMap;

use regex::bytes::Regex;

use crate::day::Day;
use crate::diag::{Origin, escape};
use crate::programs::Programs;
use crate::shell;
use crate::tree::glob::Glob;

pub use dump::{dump, pattern_text};
pub use load::{Inputs, LARGEST_INPUT, Loaded, load};
pub(crate) use options::LearnOptions;
pub use options::{Environment, Options};
pub(crate) use own::OwnCheck;
pub(crate) use profile::{PROFILE_NAMES, profile_text};
pub use schema::schema;
pub(crate) use value::variable;

/// Whether an entry of `keep.paths` can name that path.
pub(crate) fn is_literal_path(path: &str) -> bool {
    value::literal_path(path).is_ok_and(|plain| plain == path)
}

/// Ids that a policy may name.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Of rules, in `[rules]` and `--disable`.
    pub rules: Vec<&'static str>,
    /// Of checks, in `[[audit.exception]]`.
    pub checks: Vec<&'static str>,
}

/// Everything the user asked for, after precedence (flag, environment, file, profile, default).
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Name of the built-in profile whose entries were added.
    pub profile: Option<String>,
    /// The account that runs the image's program; `None` when it is not configured.
    pub user: Option<RunUser>,
    /// Where that is written.
    pub user_origin: Option<Origin>,
    /// Home directory of an account that harden creates.
    pub home: Option<String>,
    /// What the image runs.
    pub run: Run,
    /// Directory in which harden resolves relative words of the commands.
    pub workdir: Option<String>,
    /// Directories of the image's PATH, in order; empty and relative ones are dropped.
    pub path: Vec<String>,
    /// LD_LIBRARY_PATH of the image; `None` when it is unknown, as with `--root` and no image configuration.
    pub library_path: Option<Vec<String>>,
    /// Variables of the image, as far as they are known; without those that name directories of programs and libraries.
    pub environment: Vec<(String, String)>,
    /// Whether the entrypoint starts as the run user or as root.
    pub start: Start,
    /// `[keep]`.
    pub keep: Keep,
    /// `[remove]`.
    pub remove: Remove,
    /// `[files]`.
    pub files: Files,
    /// `packages.database`.
    pub database: Database,
    /// `mode = "minimal"` and `[minimal]`.
    pub minimal: Minimal,
    /// Rules that were switched on or off by name, each once; a rule that is not named has its default.
    pub rules: Vec<Switch>,
    /// Where each single value was written, by its key: `run.user`.
    pub origins: BTreeMap<String, Origin>,
    /// Warnings about scripts become refusals.
    pub strict: bool,
    /// Volumes of the image configuration (`--image-config`), absolute paths.
    pub volumes: Vec<String>,
    /// The rest of the image configuration, where there is one.
    pub image: Option<Image>,
    /// What apply runs before the first change and in the hardened root, in order.
    pub checks: Vec<Check>,
    /// `[audit]`.
    pub audit: Audit,
    /// What is known of single programs: built-in files and `[programs] files`.
    pub(crate) programs: Programs,
    /// `[programs] files`, as they were written.
    pub program_files: Vec<Entry>,
    /// For tests: neither texts nor program files are read to foresee what a program will start, so that a check alone
    /// has to show it.
    pub(crate) blind: bool,
}

/// Facts of an image configuration that decide nothing and are worth a line of a new policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The image's program starts as root.
    pub starts_as_root: bool,
    /// TCP ports of EXPOSE.
    pub ports: Vec<u16>,
}

/// What the policy says of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Its id.
    pub rule: String,
    /// Whether it runs.
    pub on: bool,
    /// Nothing stronger may switch it off.
    pub required: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// `[audit]`: what `harden audit` accepts.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// Findings that are accepted, with reasons.
    pub exceptions: Vec<Exception>,
    /// Checks beside those that are built in.
    pub checks: Vec<OwnCheck>,
    /// Ids of checks that a stronger source can neither except nor replace.
    pub required: Vec<Entry>,
}

/// One entry of `[[audit.exception]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The check.
    pub id: String,
    /// A path, or a pattern of paths, inside the root.
    pub path: String,
    /// Which of several findings at that path, as the report names it; `*` is each.
    pub subject: Option<String>,
    /// Why, in the user's words.
    pub reason: String,
    /// It stands in a file that others extend: not every image has such a finding.
    pub shared: bool,
    /// The last day on which it counts, as written and in days.
    pub expires: Option<(String, Day)>,
    /// Where it was written.
    pub origin: Origin,
}

/// One check: `--check`, or an entry of `[check]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The words of the command; those of the image's first command when none were written.
    pub argv: Vec<String>,
    /// The command is a server: it has to answer on this TCP port of the loopback interface, and is then stopped.
    pub tcp: Option<u16>,
    /// The command has to be running after that many seconds, or to end as it ended before the change.
    pub starts: Option<u32>,
    /// Time limit in seconds.
    pub timeout: u32,
    /// Where it was written.
    pub origin: Origin,
}

impl Check {
    /// Whether both do the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.argv, self.tcp, self.starts) == (&other.argv, other.tcp, other.starts)
    }
}

/// As on a command line, with the port.
impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.argv.iter().map(|word| shell::quoted(word)).collect();
        f.write_str(&escape::line(words.join(" ").as_bytes()))?;
        if let Some(seconds) = self.starts {
            write!(f, " (starts, {seconds} s)")?;
        }
        self.tcp.map_or(Ok(()), |port| write!(f, " (port {port})"))
    }
}

/// Time limit of a check by default, in seconds.
pub(crate) const CHECK_TIMEOUT: u32 = 30;

/// The account of `run.user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunUser {
    /// `NAME`, `NAME:UID` or `NAME:UID:GID`. Without a uid the account must exist.
    Named {
        /// Account name.
        name: String,
        /// Numeric user id, when given.
        uid: Option<u32>,
        /// Numeric group id, when given; defaults to the uid.
        gid: Option<u32>,
    },
    /// `UID` or `UID:GID`: no account is made.
    Numeric {
        /// Numeric user id.
        uid: u32,
        /// Numeric group id; defaults to the uid.
        gid: Option<u32>,
    },
}

/// What the image runs.
#[derive(Debug, Clone, Default)]
pub enum Run {
    /// It is not configured: apply refuses.
    #[default]
    Unknown,
    /// `--command none`: a base image whose program comes later.
    Nothing,
    /// ENTRYPOINT and CMD, HEALTHCHECK, exec probes.
    Commands(Vec<CommandLine>),
}

/// One command of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Exec form: the words as written. Shell form: the words in command position and absolute paths.
    pub words: Vec<String>,
    /// What is executed, word for word.
    pub argv: Vec<String>,
    /// Run through `/bin/sh -c`, which is then kept.
    pub shell_form: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// Who starts the image's program (`run.start`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The run user.
    #[default]
    User,
    /// Root; the entrypoint drops to the run user.
    Root,
}

/// `[keep]`: what no rule removes.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// Commands, by name, path, glob or regular expression.
    pub commands: Vec<CommandEntry>,
    /// Account names, or numbers that count as known.
    pub users: Vec<Entry>,
    /// Group names, or numbers that count as known.
    pub groups: Vec<Entry>,
    /// Paths that no rule removes or changes; directories with their content.
    pub paths: Vec<Entry>,
    /// Files that keep set-id bits and capabilities.
    pub setid: Vec<Entry>,
    /// Accounts that keep a login shell.
    pub shells: Vec<Entry>,
    /// Keep the programs that scripts name.
    pub from_scripts: bool,
}

/// `[remove]`: what goes knowingly.
#[derive(Debug, Clone, Default)]
pub struct Remove {
    /// Commands whose loss is intended, so that no guard refuses it.
    pub commands: Vec<Entry>,
    /// Extra command directories.
    pub directories: Vec<Entry>,
    /// Package managers of languages go although their interpreter stays.
    pub language_managers: bool,
}

/// `[files]`: the application's directories.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Owner root, no write bits.
    pub read_only: Vec<Entry>,
    /// Owned by the run user.
    pub writable: Vec<Entry>,
    /// Random uid with gid 0: group 0 gets the owner's rights on writable paths.
    pub openshift: bool,
}

/// `packages.database`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Database {
    /// Records of packages and files that are gone go too.
    #[default]
    Prune,
    /// Not touched.
    Keep,
    /// The whole database goes: scanners see nothing afterwards.
    Remove,
}

/// `mode = "minimal"`: besides commands, everything goes that nothing kept needs.
#[derive(Debug, Clone, Default)]
pub struct Minimal {
    /// The mode is on.
    pub on: bool,
    /// `granularity = "file"`: single files stay, not whole packages.
    pub files: bool,
    /// Data by kind, in the order of [`DATA`]; `None` is "auto".
    pub data: [Option<bool>; DATA.len()],
    /// Packages that stay whole, by name or glob.
    pub packages: Vec<Entry>,
    /// Packages that do not stay because they were installed on purpose, by name or glob.
    pub drop: Vec<Entry>,
}

/// Data that programs find by fixed paths, with what each word of `[minimal]` means.
pub(crate) const DATA: [(&str, &str); 6] = [
    (
        "certificates",
        "Trusted certificates and the configuration of TLS; auto: kept if a TLS library or a static program is kept.",
    ),
    ("time-zones", "The time zone database; auto: kept if it is installed."),
    (
        "locale",
        "Collations and character classes of locales; auto: kept if installed. true: also translations of kept packages.",
    ),
    (
        "nss",
        "Name service; auto: the modules that nsswitch.conf names. true: every installed module. false: no further settings.",
    ),
    ("gconv", "Character sets for iconv; auto: kept if a kept file calls iconv_open."),
    ("terminals", "Terminal descriptions; auto: kept if a terminal library is kept."),
];

/// One list entry that is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, number or absolute path.
    pub value: String,
    /// Why, in the user's words.
    pub reason: Option<String>,
    /// Matching nothing is no error.
    pub optional: bool,
    /// `change = true` of keep.paths: no rule removes it, but owner and mode may change.
    pub change: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// One entry of `keep.commands`.
#[derive(Debug, Clone)]
pub struct CommandEntry {
    /// What it matches.
    pub pattern: Pattern,
    /// As the user wrote it, for messages.
    pub text: String,
    /// Why, in the user's words.
    pub reason: Option<String>,
    /// Matching nothing is no error.
    pub optional: bool,
    /// `setid = false`: losing a set-id bit or a file capability is intended.
    pub setid: Option<bool>,
    /// Where it was written.
    pub origin: Origin,
}

/// How a command entry names its commands.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A file name in any command directory.
    Name(String),
    /// One absolute path.
    Path(String),
    /// A pattern of names; of whole paths when it begins with `/`.
    Glob(Glob),
    /// `re:EXPRESSION`, which must match the whole name.
    Regex(Regex),
}
