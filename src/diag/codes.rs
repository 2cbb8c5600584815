//! The ids of all messages that come from no rule and no guard: one row each, with its remedy.
//!
//! Ids of rules stand in `rules::RULES`, those of guards in `guards::GUARDS`, those of checks in `audit::CHECKS`.
//! docs/messages.md is written from these rows and those of the guards.

/// One id.
#[derive(Debug)]
pub(crate) struct Code {
    /// Stable id: what is wrong with what.
    pub id: &'static str,
    /// What it says, as a clause.
    pub title: &'static str,
    /// What to do about it.
    pub settled: &'static str,
}

/// A constant for each id, and the table of all of them.
macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $settled:literal;)+) => {
        $(#[doc = concat!("The id `", $id, "`.")] pub(crate) const $name: &str = $id;)+
        /// Every id, in the order of docs/messages.md.
        pub(crate) static CODES: &[Code] = &[$(Code { id: $id, title: $title, settled: $settled }),+];
    };
}

codes! {
    USAGE = "usage", "the command line has an option or a value that the command does not take",
        "correct the option or value; `harden COMMAND --help` lists the options of the command.";
    USAGE_CONFLICT = "usage.conflict", "two options contradict each other",
        "give only one of them, as the help line says.";
    ENVIRONMENT_NAME = "environment.name", "a variable looks like a misspelt HARDEN_ variable",
        "correct its name, or choose one that does not begin with HARDEN_.";
    ENVIRONMENT_VALUE = "environment.value", "a variable or an argument has a value that cannot be read",
        "correct the value, or unset the variable.";
    CONFIG_READ = "config.read", "harden.toml cannot be read",
        "name a file of UTF-8 text of at most 1 MiB with --config.";
    SYNTAX = "config.syntax", "harden.toml is not TOML",
        "correct the line that the message shows.";
    UNKNOWN_KEY = "config.unknown-key", "harden.toml has a key or section that does not exist",
        "correct the name; docs/harden.schema.json lists every key, and editors can complete from it.";
    DUPLICATE = "config.duplicate", "an entry, a key or a check is a duplicate",
        "delete one of the two.";
    TYPE = "config.type", "a value of harden.toml has the wrong type",
        "write what the help line says.";
    VALUE = "config.value", "a value of harden.toml, of a flag or of a variable is not valid",
        "write what the help line says.";
    VARIABLE = "config.variable", "a value holds a variable that is not expanded",
        "write the value itself: harden does not expand variables.";
    EXTENDS = "config.extends", "a file of extends cannot be read, or files extend one another in a cycle",
        "correct the path, which is relative to the file that names it, or remove one of the files.";
    REQUIRED = "config.required", "a file, flag or variable takes back what an extended file requires",
        "delete the entry, or change the file that requires the rule or check.";
    PROGRAM_FILE = "config.program-file", "a program file of [programs] cannot be read",
        "name a file that exists, relative to the configuration; docs/programs.md has the format.";
    UNKNOWN_RULE = "config.unknown-rule", "[rules] or --disable names a rule that does not exist",
        "correct the id; docs/rules.md lists the rules.";
    UNKNOWN_CHECK = "config.unknown-check", "an exception names a check that does not exist",
        "correct the id; docs/checks.md lists the checks.";
    UNKNOWN_PROFILE = "config.unknown-profile", "the profile does not exist",
        "write the name of a built-in profile; `harden plan --help` lists them.";
    CONTRADICTION = "config.contradiction", "two entries of the policy cannot both hold",
        "delete one of the two.";
    IMAGE_CONFIG = "image-config.form", "the image's configuration cannot be read, or is not an image configuration",
        "give the output of `docker inspect IMAGE` or `podman inspect IMAGE`, or an OCI image configuration.";
    IMAGE_USER = "image-config.user", "the image's user is root",
        "name the account that the image's program runs as, with --user or run.user.";
    IMAGE_WORD = "image-config.word", "a shell computes a word of the image's command at run time, so harden cannot tell its value",
        "name the program with --keep.";
    RUN_COMMAND = "run.command", "the image's command cannot be found or started",
        "correct run.command or run.path, or copy the program into the image before harden runs.";
    KEEP_COMMANDS = "keep.commands", "an entry of keep.commands matches nothing, or more than it should",
        "correct it, install the command, or mark the entry optional.";
    KEEP_PATHS = "keep.paths", "an entry of keep.paths matches nothing",
        "correct the path, or mark the entry optional.";
    KEEP_SETID = "keep.setid", "an entry of keep.setid matches nothing",
        "correct the path, or mark the entry optional.";
    CLOSURE = "closure", "a kept file needs a file that is missing or cannot be followed",
        "install the missing file, or name it with --keep.";
    GUARD_RUN = "guard.run", "the user or the command of the image is not configured",
        "write run.user and run.command, give --image-config, or write --command none for a base image.";
    GUARD_TAKEN = "guard.taken", "an entry is in the way of a file or directory that harden creates",
        "remove the entry before this run, or create the target of the link.";
    NOT_ROOT = "environment.not-root", "apply does not run as root",
        "put USER root before this RUN, and the real USER after it.";
    NOT_A_BUILD = "environment.not-a-build-step", "this does not look like the build step of an image",
        "run harden with RUN in a Dockerfile, give --root DIR for an unpacked tree, or add --this-is-an-image.";
    ROOT_OPEN = "root.open", "the root directory cannot be opened",
        "give --root the directory that holds the file system.";
    ROOT_READ_ONLY = "root.read-only", "the root file system is mounted read-only",
        "run apply in a build step, or give --root a writable copy.";
    ROOT_LOCKED = "root.locked", "another run is changing this root",
        "wait until that run has ended, then run this again.";
    ROOT_UNREAD = "root.unread", "a file or directory of the root could not be read",
        "check the file system for errors, and make sure that nothing else changes it during the run.";
    BUDGET = "input.budget", "an input exceeds a limit of harden, or that of --max-size",
        "remove the file that the message names, or name an input without it; harden draws no conclusion from an input that it did not read to the end.";
    REPORT = "report.write", "the report cannot be written",
        "give --report a file in a directory that exists.";
    SBOM = "sbom.write", "the bill of materials cannot be written, or would lie in the image",
        "write it to a mount, or outside --root DIR.";
    ATTESTATION = "attestation.write", "the attestation of a hardened image cannot be written",
        "give --attestation a file in a directory that exists.";
    STEP = "apply.step", "a change failed part-way",
        "repair the file that the message names, and run harden again: it continues.";
    STOPPED = "apply.stopped", "a signal stopped the run before its first change",
        "run it again.";
    CHECK_FAILED = "check.failed", "a check of [check] failed in the hardened root, or changed a file of the image",
        "add the lines that the message names to harden.toml, or correct the check; its output is printed above the message.";
    CHECK_START = "check.start", "a check cannot start, or cannot drop its privileges",
        "name an executable program, and run checks in a build step that can drop capabilities.";
    CHECK_TRACE = "check.trace", "harden cannot trace a check, or some of its calls",
        "allow ptrace(2) and seccomp(2) in the build step, or add the files that the check needs to [keep].";
    IMAGE_ONBUILD = "image-config.onbuild", "the image has steps for images that are built upon it",
        "keep the programs that these steps run.";
    ARCHIVE_READ = "archive.read", "the archive cannot be read",
        "give a file, or - for standard input.";
    ARCHIVE_DAMAGED = "archive.damaged", "the archive is damaged or truncated, or its content does not match its digest",
        "create the archive again; a broken pipe leaves only a part of it.";
    ARCHIVE_EMPTY = "archive.empty", "the archive holds no file",
        "write it with docker export or docker save.";
    ARCHIVE_UNSUPPORTED = "archive.unsupported", "harden does not read the compression or format of the archive",
        "decompress it first, or give the unpacked directory with --root.";
    ARCHIVE_IMAGE = "archive.image", "the archive contains no image, several images, or an incomplete image",
        "write one image with docker save, for one platform.";
    ARCHIVE_ENTRY = "archive.entry", "an entry of the archive cannot be unpacked, or cannot be in a layer of an image",
        "write the archive again with docker export or docker save.";
    ARCHIVE_AMBIGUOUS = "archive.ambiguous", "an entry of the archive cannot be read the same way by every engine",
        "give the tree that your engine unpacks, as docker export CONTAINER writes it; or write the archive again.";
    ARCHIVE_WRITE = "archive.write", "the hardened image cannot be written",
        "free disk space or give --output a file in a directory that can be written; no partial image is left.";
    ARCHIVE_SPACE = "archive.space", "no directory has room for a temporary file",
        "give a file that is not compressed, which is read in place, or set TMPDIR.";
    BASELINE = "audit.baseline", "the baseline cannot be read or written",
        "name a file that --write-baseline wrote, or one that does not exist yet.";
    LEARN_PROC = "learn.proc", "/proc is not mounted",
        "mount it: mount -t proc proc /proc.";
    LEARN_TRACE = "learn.trace", "the command cannot be traced",
        "allow ptrace(2) and seccomp(2), such as with docker run --cap-add SYS_PTRACE --security-opt seccomp=unconfined.";
    LEARN_START = "learn.start", "the command cannot be started",
        "name an executable command.";
    LEARN_END = "learn.end", "harden cannot tell how the command ended",
        "make sure that no other program collects the exit status of this process's children.";
    LEARN_LOST = "learn.lost", "learn may have missed a path, so it writes no file",
        "do what the help line says about the first call that could not be traced, and run learn again.";
    LEARN_RIGHTS = "learn.rights", "a traced program gains no rights from set-id bits or capabilities",
        "run learn as the user whose rights it needs (--user), if the command did less because of that.";
    LEARN_NAME = "learn.name", "no entry of harden.toml can name a path",
        "rename it, or keep its directory.";
    LEARN_OUTPUT = "learn.output", "the file of entries cannot be read or written",
        "name a writable file with -o FILE.";
    LEARN_USER = "learn.user", "learn cannot become the user of --user",
        "name an account of this image, or UID:GID; start learn as root.";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn every_id_is_there_once_and_says_what_settles_it() {
        let mut seen = std::collections::BTreeSet::new();
        for code in CODES {
            assert!(seen.insert(code.id), "{} is a duplicate", code.id);
            assert!(code.id.bytes().all(|b| b.is_ascii_lowercase() || b"-.".contains(&b)), "{}", code.id);
            assert!(code.settled.ends_with('.') && !code.title.ends_with('.'), "{}", code.id);
        }
    }
}
