//! `harden learn`: runs a command, follows it and everything that it starts, and writes the files of the image
//! that it used as keep entries.
//!
//! [`crate::trace`] follows the command. The result is a file for [`crate::policy`], whose entries only add. If a path
//! may have been missed, there is an error and no file.

pub(crate) mod child;
mod file;
mod profile;
mod signals;

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::{io, thread};

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{Pid, Signal};

use crate::console::Console;
use crate::diag::escape::{escaped, quoted};
use crate::diag::{Diagnostic, Kind, codes};
use crate::facts::accounts::{self, Accounts, Database, HOME, PRIMARY_GID, UID, members, parse_id};
use crate::root::{Root, host, result_file};
use crate::trace::{self, End, Image, Lost, Seen, Way};
use crate::tree::Tree;
use file::Entries;
use profile::Calls;
use signals::{Shared, Signals};

/// Status when learn itself fails.
pub(crate) const FAILED: u8 = 125;
/// Status when CMD cannot be run.
pub(crate) const CANNOT_RUN: u8 = 126;
/// Status when CMD is not found.
pub(crate) const NOT_FOUND: u8 = 127;

/// How long processes that CMD left behind may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// Largest file that is merged, in bytes.
const LARGEST: usize = 16 << 20;

/// What to run and where to write.
#[derive(Debug)]
pub(crate) struct Request {
    /// File that gets the entries.
    pub output: String,
    /// File that gets the profile of calls; CMD stops at every call then.
    pub seccomp: Option<String>,
    /// Time limit; CMD is ended after it.
    pub timeout: Option<Duration>,
    /// Run as that account: NAME, UID or UID:GID.
    pub user: Option<String>,
    /// Add to what the files hold.
    pub merge: bool,
    /// CMD.
    pub words: Vec<OsString>,
}

/// Run CMD and write what it used; the status to end with.
#[must_use]
pub(crate) fn run(request: &Request, console: &Console) -> u8 {
    match learn(request, console) {
        Ok(status) => status,
        Err(error) => {
            console.say(Kind::Error, &error);
            FAILED
        }
    }
}

fn learn(request: &Request, console: &Console) -> Result<u8, Diagnostic> {
    if !host::exists("/proc/self/fd") {
        let error = Diagnostic::new(codes::LEARN_PROC, "cannot trace a command without /proc");
        return Err(error.help("mount it: mount -t proc proc /proc"));
    }
    let mut output = Output::open(request)?;
    traced(request, &mut output, console)
}

fn traced(request: &Request, output: &mut Output, console: &Console) -> Result<u8, Diagnostic> {
    let program = host::own_executable().ok_or_else(|| {
        Diagnostic::new(codes::LEARN_START, "cannot find this program's own file, which starts the command")
    })?;
    let signals = Signals::hold()
        .map_err(|error| Diagnostic::new(codes::LEARN_START, format!("cannot hold signals back: {error}")))?;
    output.keep_rights();
    let tree = OnceCell::new();
    let own = host::this_program().map(|program| program.path).into_iter();
    let mut image = Image::read(&tree, own.map(String::into_bytes).collect());
    let mut home = None;
    if let Some(user) = &request.user {
        // Everything is read with the rights that this program was started with.
        image.whole();
        if let Some((tree, _)) = tree.get() {
            home = become_user(user, tree)?;
        }
    }
    let every = output.profile.is_some();
    let main = start(&program, every, &request.words, home.as_deref())?;
    let shared = Shared::default();
    signals.forward(main, request.timeout, &shared);
    let way = Way {
        grace: GRACE,
        starter: "harden learn",
        job: true,
        every,
        interpreters: false,
        ended: Arc::clone(&shared.ended),
    };
    let traced = trace::follow(main, image, way).map_err(|errno| {
        let _ = rustix::process::kill_process(main, Signal::KILL);
        refused(errno)
    })?;
    let seen = traced.image.finish().map_err(|error| Diagnostic::new(codes::LEARN_LOST, error.to_string()))?;
    let Some(end) = traced.end else {
        let error = Diagnostic::new(codes::LEARN_END, "cannot tell how the command ended");
        return Err(error.help("another program collected the exit status of this process's children"));
    };
    if !traced.started {
        // The second start has said why.
        return Ok(if let End::Status(status) = end { status } else { FAILED });
    }
    if let Some((tree, _)) = tree.get() {
        finish(&seen, &traced.lost, tree, output, console)?;
        if let Some((place, calls)) = &mut output.profile {
            calls.add(&traced.made);
            place.write(&calls.text())?;
            console.phase(&format!("{} system calls allowed in {}", calls.len(), quoted(place.path.as_bytes())));
        }
    }
    Ok(status(end, shared.timed_out.load(Ordering::SeqCst)))
}

/// Start this program once more, which stops itself before it becomes CMD.
fn start(program: &str, every: bool, words: &[OsString], home: Option<&[u8]>) -> Result<Pid, Diagnostic> {
    #[allow(clippy::disallowed_methods, reason = "this program itself")]
    let mut command = Command::new(program);
    command.arg(if every { child::EVERY } else { child::ARGUMENT }).args(words);
    if let Some(home) = home {
        command.env("HOME", OsStr::from_bytes(home));
    }
    let child = command.spawn().map_err(|error| {
        Diagnostic::new(codes::LEARN_START, format!("cannot start {}: {error}", quoted(program.as_bytes())))
    })?;
    trace::waiting(&child)
        .ok_or_else(|| Diagnostic::new(codes::LEARN_START, "the child process ended before it could start the command"))
}

/// Write the file, and say what deserves a word.
fn finish(seen: &Seen<'_>, lost: &Lost, tree: &Tree, output: &mut Output, console: &Console) -> Result<(), Diagnostic> {
    for &id in &seen.privileged {
        let what = if tree.permissions(id) & 0o6000 == 0 { "file capabilities" } else { "a set-id bit" };
        let text =
            format!("{} has {what}, which had no effect: a traced program gains no rights", quoted(&tree.path(id)));
        console.say(
            Kind::Warning,
            &Diagnostic::new(codes::LEARN_RIGHTS, text)
                .help("if the command did less because of that, run learn as the user whose rights it needs (--user)"),
        );
    }
    if seen.left_over > 0 {
        let text = format!(
            "the command used {} files, more than learn can list, so learn writes no file",
            seen.used.len() + seen.left_over
        );
        return Err(Diagnostic::new(codes::LEARN_LOST, text).help("run learn on a smaller part of the command's work"));
    }
    if let Some((text, help)) = &lost.first {
        let count = lost.count;
        let text = format!("learn could not trace {count} calls, so it writes no file; the first: {text}");
        return Err(Diagnostic::new(codes::LEARN_LOST, text).help(*help));
    }
    output.entries.add(&seen.used);
    for (path, directory) in &output.entries.replaced {
        let (path, directory) = (quoted(path), quoted(directory.as_bytes()));
        if directory == "''" {
            let error = Diagnostic::new(codes::LEARN_NAME, format!("no entry of harden.toml can name {path}"));
            return Err(error.help("rename it: harden.toml cannot hold this name"));
        }
        let text = format!("no entry of harden.toml can name {path}: {directory} is kept with its content instead");
        let warning = Diagnostic::new(codes::LEARN_NAME, text);
        console.say(Kind::Warning, &warning.help("harden.toml takes UTF-8 without *, ? and $NAME"));
    }
    output.place.write(&output.entries.text())?;
    console.phase(&format!("{} entries in {}", output.entries.len(), quoted(output.place.path.as_bytes())));
    Ok(())
}

/// The status of CMD. A time limit is meant to end it: that it ends by that is no failure.
fn status(end: End, timed_out: bool) -> u8 {
    const BY_SIGNAL: u8 = 128;
    const TERMINATED: u8 = BY_SIGNAL + 15;
    match end {
        End::Status(TERMINATED) | End::Signal(15) if timed_out => 0,
        End::Status(status) => status,
        End::Signal(signal) => {
            signals::die(signal);
            u8::try_from(signal).map_or(FAILED, |signal| BY_SIGNAL.saturating_add(signal))
        }
    }
}

fn refused(errno: Errno) -> Diagnostic {
    Diagnostic::new(codes::LEARN_TRACE, format!("cannot trace the command: {errno}")).help(
        "allow the call ptrace(2): run with --cap-add SYS_PTRACE, or with --security-opt seccomp=unconfined if the \
         container's profile forbids it; set kernel.yama.ptrace_scope to 0 or 1; a sandbox without tracing, such as gVisor or \
         qemu-user, cannot run learn",
    )
}

/// What is written.
struct Output {
    place: Place,
    entries: Entries,
    /// The profile, when one was asked for.
    profile: Option<(Place, Calls)>,
}

/// Where a file goes.
struct Place {
    path: String,
    writer: Writer,
}

/// Who writes a file.
enum Writer {
    /// This thread.
    Here(result_file::Output),
    /// A thread that keeps the rights that this program was started with, when this one gives them up (--user): it gets
    /// the text, and tells how it went.
    There(Sender<String>, Receiver<io::Result<()>>),
    /// No process any more.
    Done,
}

impl Output {
    /// See that the files can be written before anything runs, and read them when what they hold is to stay.
    fn open(request: &Request) -> Result<Self, Diagnostic> {
        let mut entries = Entries::default();
        if let Some(text) = old(&request.output, request.merge)? {
            entries = Entries::read(&text)
                .map_err(|line| foreign(&request.output, &format!("learn did not write line {line}"), "-o FILE"))?;
        }
        let place = Place::open(&request.output, "-o FILE")?;
        let mut profile = None;
        if let Some(path) = &request.seccomp {
            if host::is_one_file(path.as_ref(), request.output.as_ref()) {
                let text = format!("the entries and the profile would be one file, {}", quoted(path.as_bytes()));
                return Err(Diagnostic::new(codes::LEARN_OUTPUT, text).help("give --seccomp another FILE than -o"));
            }
            let text = old(path, request.merge)?.unwrap_or_default();
            let calls = Calls::read(&text)
                .ok_or_else(|| foreign(path, "learn did not write this profile", "--seccomp FILE"))?;
            profile = Some((Place::open(path, "--seccomp FILE")?, calls));
        }
        Ok(Self { place, entries, profile })
    }

    /// Let threads write the files. Signals have to be held back by now: a thread inherits that.
    fn keep_rights(&mut self) {
        self.place.keep_rights();
        if let Some((place, _)) = &mut self.profile {
            place.keep_rights();
        }
    }
}

/// What a file holds that is to be merged.
fn old(path: &str, merge: bool) -> Result<Option<String>, Diagnostic> {
    if !merge || !host::exists(path) {
        return Ok(None);
    }
    let bytes = host::read_start(path.as_ref(), LARGEST).map_err(|error| {
        Diagnostic::new(codes::LEARN_OUTPUT, format!("cannot read {}: {error}", quoted(path.as_bytes())))
    })?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn foreign(path: &str, why: &str, option: &str) -> Diagnostic {
    let text = format!("cannot merge into {}: {why}", quoted(path.as_bytes()));
    Diagnostic::new(codes::LEARN_OUTPUT, text)
        .help(format!("give learn a file of its own with {option}, and keep your own entries in another file"))
}

impl Place {
    fn open(path: &str, option: &str) -> Result<Self, Diagnostic> {
        let file = result_file::Output::open(path).map_err(|error| {
            let text = format!("cannot write {}: {error}", quoted(path.as_bytes()));
            let mut help = format!("name a writable file with {option}");
            if error.kind() == io::ErrorKind::PermissionDenied && !host::is_root() {
                help += "; in a container whose image has a USER, start learn as root, and let it become that user: docker run \
                         --user 0 … learn --user USER";
            }
            Diagnostic::new(codes::LEARN_OUTPUT, text).help(help)
        })?;
        Ok(Self { path: path.to_owned(), writer: Writer::Here(file) })
    }

    fn keep_rights(&mut self) {
        let Writer::Here(mut file) = std::mem::replace(&mut self.writer, Writer::Done) else { return };
        let (to, text) = mpsc::channel::<String>();
        let (told, answer) = mpsc::channel();
        thread::spawn(move || {
            if let Ok(text) = text.recv() {
                let _ = told.send(file.write(text.as_bytes()));
            }
        });
        self.writer = Writer::There(to, answer);
    }

    fn write(&mut self, text: &str) -> Result<(), Diagnostic> {
        let written = match std::mem::replace(&mut self.writer, Writer::Done) {
            Writer::Here(mut file) => file.write(text.as_bytes()),
            Writer::There(to, answer) => {
                let _ = to.send(text.to_owned());
                answer.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
            }
            Writer::Done => Ok(()),
        };
        written.map_err(|error| {
            let text = format!("cannot write {}: {error}", quoted(self.path.as_bytes()));
            Diagnostic::new(codes::LEARN_OUTPUT, text).help(
                "free some space there, or name another file with -o FILE; the old content of the file is unchanged",
            )
        })
    }
}

/// Give up what the account does not have. This process, too: a tracer of another user could not look at CMD. Returns the
/// home directory, which engines put into HOME unless the image sets HOME: `/` without an account.
fn become_user(user: &str, tree: &Tree) -> Result<Option<Vec<u8>>, Diagnostic> {
    let root = Root::open(b"/").map_err(|error| Diagnostic::new(codes::LEARN_USER, error.to_string()))?;
    let accounts = Accounts::collect(tree, |id| root.read(tree, id, accounts::MAX_SIZE).ok());
    let mut parts = user.split(':');
    let (name, group) = (parts.next().unwrap_or_default(), parts.next());
    let numbers = (name.parse::<u32>().ok(), group.map(str::parse::<u32>));
    let line = accounts.passwd().find(|line| match numbers.0 {
        Some(uid) => parse_id(line.field(UID)) == Some(uid),
        None => line.name() == name.as_bytes(),
    });
    let known = line.and_then(|line| Some((parse_id(line.field(UID))?, parse_id(line.field(PRIMARY_GID))?)));
    let (uid, gid) = match (numbers, known) {
        ((Some(uid), Some(Ok(gid))), _) | ((None, Some(Ok(gid))), Some((uid, _))) => (uid, gid),
        ((_, None), Some(ids)) => ids,
        ((Some(uid), None), None) => (uid, uid),
        _ => {
            let error = Diagnostic::new(codes::LEARN_USER, format!("there is no account {}", quoted(user.as_bytes())));
            return Err(error.help("name an account of this image, or write UID:GID"));
        }
    };
    let mut groups = vec![Gid::from_raw(gid)];
    if let Some(line) = line {
        let all = accounts.files.get(&Database::Group).into_iter().flat_map(|file| &file.lines);
        let member = |group: &&accounts::Line| members(group.field(accounts::MEMBERS)).any(|name| name == line.name());
        groups.extend(all.filter(member).filter_map(|group| parse_id(group.field(accounts::GID))).map(Gid::from_raw));
    }
    let home_of = |line: Option<&accounts::Line>| {
        line.map(|line| line.field(HOME)).filter(|home| !home.is_empty()).unwrap_or(b"/").to_vec()
    };
    let own = rustix::process::getuid().as_raw();
    let started_in = home_of(accounts.passwd().find(|line| parse_id(line.field(UID)) == Some(own)));
    let is_set = std::env::var_os("HOME").is_some_and(|set| set.as_bytes() != started_in);
    let home = (!is_set).then(|| home_of(line));
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&groups)
        .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
        .map_err(|errno| {
            let text = format!("cannot become the user '{}': {errno}", escaped(user.as_bytes()));
            Diagnostic::new(codes::LEARN_USER, text).help("start learn as root, or as that user without --user")
        })?;
    Ok(home)
}
