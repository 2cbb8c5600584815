//! The one table of keys of harden.toml: the decoder, the suggestions and the JSON schema all come from it.

use super::layer::{Layer, Located};
use super::{DATA, Database, Entry, Start};

/// One key.
pub(super) struct Key {
    /// Table, empty for the top level.
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// One sentence for editors.
    pub(super) doc: &'static str,
}

impl Key {
    /// `section.name`, for messages.
    pub(super) fn path(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }
}

/// The values that a key takes, and where they go.
pub(super) enum Kind {
    /// The name of a built-in profile.
    Profile,
    /// `run.user`.
    User,
    /// One absolute path.
    Path(fn(&mut Layer) -> &mut Located<String>),
    /// `run.command`.
    Command,
    /// PATH: an array of directories, or one string with colons.
    PathList,
    /// Absolute paths without reasons.
    Volumes,
    /// `keep.commands`.
    Commands,
    /// Entries of one kind.
    List(Item, fn(&mut Layer) -> &mut Vec<Entry>),
    /// One of two words.
    Word(&'static [(&'static str, bool)], fn(&mut Layer) -> &mut Located<bool>),
    /// `true`, `false` or `"auto"`: data of `[minimal]`, by its place in [`DATA`].
    Data(usize),
    /// `true` or `false`.
    Switch(fn(&mut Layer) -> &mut Located<bool>),
    /// `run.start`.
    Start,
    /// `packages.database`.
    Database,
    /// `check.commands`.
    Checks,
    /// `audit.exception`.
    Exceptions,
    /// `audit.check`.
    OwnChecks,
    /// A number from 1 to this one.
    Number(u32, fn(&mut Layer) -> &mut Located<u32>),
}

/// What the entries of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// An account or group name, or a number.
    Account,
    /// An absolute path.
    Path,
    /// A command name or an absolute path.
    Command,
    /// The name of a package, or a glob.
    Package,
    /// A path beside the configuration, or a pattern of such files.
    File,
    /// A path beside the configuration.
    Extended,
    /// The id of a check.
    Check,
}

/// The values of `run.start`.
pub(super) const STARTS: &[(&str, Start)] = &[("user", Start::User), ("root", Start::Root)];

/// The values of `packages.database`.
pub(super) const DATABASES: &[(&str, Database)] =
    &[("prune", Database::Prune), ("keep", Database::Keep), ("remove", Database::Remove)];

/// The values of `mode`.
pub(super) const MODES: &[(&str, bool)] = &[("standard", false), ("minimal", true)];

/// The values of `minimal.granularity`.
pub(super) const GRANULARITIES: &[(&str, bool)] = &[("package", false), ("file", true)];

/// The word of data without a decision.
pub(super) const AUTO: &[(&str, ())] = &[("auto", ())];

/// The words that switch a rule: whether it is on, and whether nothing stronger may switch it off.
pub(super) const SWITCHES: &[(&str, (bool, bool))] =
    &[("on", (true, false)), ("off", (false, false)), ("required", (true, true))];

/// The section whose keys are rule ids.
pub(super) const RULES: &str = "rules";

/// The section of the checks.
pub(super) const CHECK: &str = "check";

/// The longest time limit of a check, in seconds.
pub(super) const LONGEST_CHECK: u32 = 3600;

/// The keys of a check that is a table.
pub(super) const CHECK_KEYS: [(&str, &str); 4] = [
    ("command", "A string of plain words, or an array in exec form; the default is the image's first command."),
    ("tcp", "The command is a server that must answer on this port of the loopback interface."),
    ("starts", "The command must be running after that many seconds, or end as it ended before the changes."),
    ("timeout", "Time limit in seconds."),
];

/// The section of what the audit accepts.
pub(super) const AUDIT: &str = "audit";

/// The keys of an exception.
pub(super) const EXCEPTION_KEYS: [(&str, &str); 5] = [
    ("id", "The check, as docs/checks.md names it."),
    (
        "path",
        "The path inside the root, or a pattern: a star stays inside one part, /** at the end is everything below.",
    ),
    (
        "subject",
        "Which of several findings at the path, as the report names it: a variable, or the digest of a secret; * means all of them.",
    ),
    ("reason", "Why the finding is accepted."),
    ("expires", "The last day of the exception, as YYYY-MM-DD; without it, the exception does not expire."),
];

/// The keys of a check of one's own.
pub(super) const OWN_CHECK_KEYS: [(&str, &str); 12] = [
    ("id", "FAMILY.NAME, such as org.no-debug; FAMILY must not be one of harden's own."),
    ("severity", "How bad a finding is: info, low, medium or high."),
    ("title", "The requirement, in one line."),
    ("help", "How to fix a finding."),
    ("paths", "Paths inside the root, or patterns: a star stays inside one part, ** is every depth."),
    ("presence", "Whether the paths, or the package, have to be there: required or forbidden."),
    ("type", "What the entries have to be: file, directory, link, device, fifo or socket."),
    ("owner", "USER or USER:GROUP that the entries have to belong to, names or numbers."),
    ("mode", "The permission bits that the entries may have, in octal: none beyond them."),
    ("contains", "A regular expression that the content of each file has to match, of files up to 1 MiB."),
    ("lacks", "A regular expression that the content of no file may match, of files up to 1 MiB."),
    ("package", "The name of an installed package, or a pattern, for presence."),
];

/// The sections and what they are for.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("run", "The commands that the image runs, and the account that runs them."),
    ("keep", "Entries that no rule removes."),
    ("remove", "Commands whose loss is intended, and extra command directories."),
    ("files", "The application's directories."),
    ("programs", "Your own program files, in addition to the built-in ones."),
    ("packages", "The package databases."),
    ("minimal", "Data and packages that mode = \"minimal\" keeps besides the needs of kept files."),
    (CHECK, "Commands that apply runs before the first change, and in the hardened root before it removes itself."),
    (AUDIT, "Findings that harden audit accepts, and checks of your own."),
    (
        RULES,
        "Rules by id: \"on\", \"off\", or \"required\": no file that extends this one, flag or variable can switch it off.",
    ),
];

/// All keys but the rule ids, in the order in which `--dump-config` prints them.
pub(super) const KEYS: &[Key] = &[
    key(
        "",
        "extends",
        Kind::List(Item::Extended, |layer| &mut layer.extends),
        "Files of this form, relative to this one, such as an organisation's policy: lists add up; for a single value this file wins, then later ones.",
    ),
    key("", "profile", Kind::Profile, "A built-in set of keep entries."),
    key(
        "",
        "strict",
        Kind::Switch(|layer| &mut layer.strict),
        "Treat warnings about programs, shells and accounts that kept files may need as errors.",
    ),
    key(
        "",
        "mode",
        Kind::Word(MODES, |layer| &mut layer.minimal),
        "\"minimal\": also remove all files of packages that nothing kept needs.",
    ),
    key(
        "run",
        "user",
        Kind::User,
        "The account that runs the program: NAME[:UID[:GID]] or UID[:GID]; kept, and created if it is missing.",
    ),
    key("run", "home", Kind::Path(|layer| &mut layer.home), "Home directory of an account that harden creates."),
    key(
        "run",
        "command",
        Kind::Command,
        "ENTRYPOINT and CMD, HEALTHCHECK and exec probes: a string, an array in exec form, or an array of arrays; \"none\" for a base image.",
    ),
    key("run", "start", Kind::Start, "\"root\" if the entrypoint starts as root and drops to the run user."),
    key(
        "run",
        "workdir",
        Kind::Path(|layer| &mut layer.workdir),
        "Directory in which harden resolves relative words of the commands.",
    ),
    key("run", "path", Kind::PathList, "The image's PATH, as an array or as one string with colons."),
    key("run", "volumes", Kind::Volumes, "Mount points of the image's volumes."),
    key("keep", "commands", Kind::Commands, "Commands by name, absolute path, pattern or re:EXPRESSION."),
    key(
        "keep",
        "users",
        Kind::List(Item::Account, |layer| &mut layer.keep_users),
        "Accounts to keep; a number counts as a known uid.",
    ),
    key(
        "keep",
        "groups",
        Kind::List(Item::Account, |layer| &mut layer.keep_groups),
        "Groups to keep; a number counts as a known gid.",
    ),
    key(
        "keep",
        "paths",
        Kind::List(Item::Path, |layer| &mut layer.keep_paths),
        "Paths that no rule removes or changes; directories with their content.",
    ),
    key(
        "keep",
        "setid",
        Kind::List(Item::Path, |layer| &mut layer.keep_setid),
        "Files that keep set-id bits and capabilities.",
    ),
    key(
        "keep",
        "shells",
        Kind::List(Item::Account, |layer| &mut layer.keep_shells),
        "Accounts that keep a login shell.",
    ),
    key("keep", "from-scripts", Kind::Switch(|layer| &mut layer.from_scripts), "Keep the programs that scripts name."),
    key(
        "remove",
        "commands",
        Kind::List(Item::Command, |layer| &mut layer.remove_commands),
        "Commands whose loss is intended; harden does not refuse it.",
    ),
    key(
        "remove",
        "directories",
        Kind::List(Item::Path, |layer| &mut layer.remove_directories),
        "Extra command directories.",
    ),
    key(
        "remove",
        "language-managers",
        Kind::Switch(|layer| &mut layer.language_managers),
        "Remove pip, npm, CPAN's client and their kin although their interpreter stays.",
    ),
    key(
        "files",
        "read-only",
        Kind::List(Item::Path, |layer| &mut layer.read_only),
        "Paths that root owns and no account can write; the deepest path wins.",
    ),
    key(
        "files",
        "writable",
        Kind::List(Item::Path, |layer| &mut layer.writable),
        "Paths that the run user owns; a missing one is created with mode 0700.",
    ),
    key(
        "files",
        "openshift",
        Kind::Switch(|layer| &mut layer.openshift),
        "For a random uid: gid 0 gets the owner's rights on writable paths.",
    ),
    key(
        "programs",
        "files",
        Kind::List(Item::File, |layer| &mut layer.program_files),
        "Program files of your own, relative to this file; the last part may be a pattern, as \"programs/*.toml\".",
    ),
    key(
        "packages",
        "database",
        Kind::Database,
        "\"prune\" drops the records of removed files, \"keep\" changes nothing, \"remove\" removes the database: scanners find no packages.",
    ),
    key(
        "minimal",
        "granularity",
        Kind::Word(GRANULARITIES, |layer| &mut layer.by_file),
        "\"package\": keep each package that owns a needed file, with its dependencies; \"file\": keep needed files only.",
    ),
    key(
        "minimal",
        "packages",
        Kind::List(Item::Package, |layer| &mut layer.packages),
        "Packages to keep with their dependencies, by name or pattern.",
    ),
    key(
        "minimal",
        "drop",
        Kind::List(Item::Package, |layer| &mut layer.drop),
        "Packages that were installed on purpose but may be removed, by name or pattern.",
    ),
    data(0),
    data(1),
    data(2),
    data(3),
    data(4),
    data(5),
    key(
        CHECK,
        "commands",
        Kind::Checks,
        "Commands to run before and after the changes, as the run user without privileges; each must end with status 0.",
    ),
    key(
        CHECK,
        "starts",
        Kind::Number(LONGEST_CHECK, |layer| &mut layer.check_starts),
        "Start the image's first command, which must be running after that many seconds, or end as it ended before the changes.",
    ),
    key(
        CHECK,
        "tcp",
        Kind::Number(65535, |layer| &mut layer.check_tcp),
        "Start the image's first command, which must answer on this port.",
    ),
    key(
        CHECK,
        "timeout",
        Kind::Number(LONGEST_CHECK, |layer| &mut layer.check_timeout),
        "Time limit of each check in seconds; the default is 30.",
    ),
    key(
        AUDIT,
        "required",
        Kind::List(Item::Check, |layer| &mut layer.required),
        "Checks for which a file that extends this one can neither make an exception nor write a check of the same id.",
    ),
    key(AUDIT, "exception", Kind::Exceptions, "Findings that are accepted, each with its reason: [[audit.exception]]."),
    key(AUDIT, "check", Kind::OwnChecks, "Checks of your own, beside those that are built in: [[audit.check]]."),
];

#[allow(clippy::indexing_slicing, reason = "evaluated when the table is compiled")]
const fn data(at: usize) -> Key {
    key("minimal", DATA[at].0, Kind::Data(at), DATA[at].1)
}

const fn key(section: &'static str, name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { section, name, kind, doc }
}

/// Names of the keys of one section.
pub(super) fn names(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |key| key.section == section).map(|key| key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_there_once_and_in_a_known_section() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(key.section.is_empty() || SECTIONS.iter().any(|(name, _)| *name == key.section), "{}", key.path());
            assert!(!KEYS.iter().skip(at + 1).any(|other| other.path() == key.path()), "{}", key.path());
        }
    }
}
