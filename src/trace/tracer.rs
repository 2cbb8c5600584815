//! The loop that follows a command (CMD) and everything that it starts, from its first instruction to the end of the last process.
//!
//! A call that names a file stops before it is made; its path is read, and the process goes on. Where that does not
//! tell enough it stops once more when it has been made: when it opened a file while another process or thread was
//! there that may have changed names or the path in memory, or when it has no path, or none that can be read. Signals,
//! job control and exit statuses pass through as they come. A path that could not be read is counted as lost, and never
//! guessed.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::Way;
use super::calls::{Changes, Makes, Place, Stop};
use super::effect::{self, changes, writes};
use super::image::{Found, Image};
use super::made::Made;
use super::places::{self, Kept, Unknown};
use super::resume::{Resume, resume};
use super::seen::{How, View};
use super::trail::{self, Start};
use super::watch::Watch;
use crate::facts::program::Shebang;
use crate::root::processors;
use crate::tree::Id;

/// All children, threads and traced processes (wait(2), __WALL).
const WALL: WaitOptions = WaitOptions::from_bits_retain(0x4000_0000);

/// Every process that a traced one makes is traced too; they do not outlive their tracer.
const OPTIONS: Options = Options::PTRACE_O_TRACEFORK
    .union(Options::PTRACE_O_TRACEVFORK)
    .union(Options::PTRACE_O_TRACECLONE)
    .union(Options::PTRACE_O_TRACEEXEC)
    .union(Options::PTRACE_O_TRACESECCOMP)
    .union(Options::PTRACE_O_TRACESYSGOOD)
    .union(Options::PTRACE_O_EXITKILL);

/// Between two looks at processes that are ending.
const PAUSE: Duration = Duration::from_millis(2);

/// How long the tracer asks again and again for the next event where the last one came as soon: to wake a thread that
/// sleeps takes longer than most programs need from one path to the next.
const SOON: Duration = Duration::from_micros(100);

/// Most processes and threads whose memory stays open.
const MOST_OPEN: usize = 64;

/// The working directory in the place of a descriptor (openat(2), AT_FDCWD).
const AT_CWD: u32 = (-100_i32).cast_unsigned();

/// A stop at the end of a call (ptrace(2), PTRACE_O_TRACESYSGOOD).
const CALL_ENDED: i32 = libc::SIGTRAP | 0x80;

/// What the kernel reads of a script (BINPRM_BUF_SIZE).
const HEAD: usize = 256;

/// Where a C library looks names of accounts up (passwd(5), group(5)).
const ACCOUNTS: [&[u8]; 2] = [b"/etc/passwd", b"/etc/group"];

/// RESOLVE_IN_ROOT (openat2(2)).
const IN_ROOT: u64 = 0x10;

/// How CMD ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With that status.
    Status(u8),
    /// Killed by that signal.
    Signal(i32),
}

/// Follows one command.
pub(super) struct Tracer<'a> {
    main: Pid,
    way: Way,
    image: Image<'a>,
    calls: u64,
    /// Every traced process and thread, in no order: there are few at a time.
    alive: Vec<Process>,
    /// Some process has changed its user.
    closed: bool,
    /// Some process may have another root or other mounts than this one.
    moved: bool,
    /// Some process has given a file another name.
    renamed: bool,
    /// The interpreter of what was about to be started last, when that is a script.
    script: Option<Vec<u8>>,
    /// The entry that may keep a process from what it asked for last.
    guard: Option<Id>,
    /// Programs that have opened a file of accounts.
    account_readers: BTreeSet<Vec<u8>>,
    /// The name of this process's mounts (namespaces(7)).
    mounts: Option<Vec<u8>>,
    /// CMD itself runs: the second start of this program is over.
    started: bool,
    end: Option<End>,
    lost: Lost,
    made: Made,
    watch: Watch,
    /// The next event may come soon, and no thread of CMD needs the processor meanwhile.
    soon: bool,
    processors: usize,
}

/// A process or thread.
struct Process {
    number: i32,
    /// What it runs, once asked for.
    program: Option<Vec<u8>>,
    /// Its memory, once asked for.
    memory: OnceCell<Option<File>>,
    /// What was looked up before it changed its user.
    kept: Option<Kept>,
    /// It has opened a file of accounts.
    knows_accounts: bool,
    /// What is to be looked at when its call has been made.
    open: Option<Open>,
}

/// A call that is being made.
#[derive(Debug)]
struct Open {
    place: Place,
    arguments: [u64; 6],
    /// What its path led to before.
    before: Result<Found, Unknown>,
    /// A new process has been reported.
    born: bool,
    /// It starts a script, by that interpreter.
    script: Option<Vec<u8>>,
    /// An entry that may keep the process from what it asks for.
    guard: Option<Id>,
}

/// Calls whose path is not known.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    pub(crate) count: usize,
    /// What the first one was, as a whole message, and what helps.
    pub(crate) first: Option<(String, &'static str)>,
}

/// What there is to tell at the end.
pub(crate) struct Traced<'a> {
    /// How CMD ended; `None` when nobody told.
    pub(crate) end: Option<End>,
    /// CMD was started at all.
    pub(crate) started: bool,
    pub(crate) image: Image<'a>,
    pub(crate) lost: Lost,
    /// Its calls, when every call was asked for.
    pub(crate) made: Made,
    /// Calls that stopped, so that what was followed can be told from what reports nothing.
    pub(crate) calls: u64,
    /// A look took too long, and everything was ended for that.
    pub(crate) stuck: bool,
}

const UNREADABLE: &str = "no other process can read such memory (memfd_secret, or a page that userfaultfd fills): write \
     the files that it names into [keep] paths";

const RENAMING: &str = "run it once more, or with fewer processes at a time";

const MORE_RIGHTS: &str = "without CAP_SYS_PTRACE a tracer cannot read a process that dropped to another user: run with \
     --cap-add SYS_PTRACE, or start the command as that user with --user";

/// Follow the stopped process `main` until CMD and everything that it started has ended.
///
/// # Errors
/// The kernel's when the process cannot be traced.
pub(crate) fn follow<'a>(main: Pid, image: Image<'a>, way: Way) -> Result<Traced<'a>, Errno> {
    ptrace::seize(places::nix(main), OPTIONS).map_err(|errno| Errno::from_raw_os_error(errno as i32))?;
    let mut tracer = Tracer {
        main,
        way,
        image,
        calls: 0,
        alive: Vec::new(),
        closed: false,
        moved: false,
        renamed: false,
        script: None,
        guard: None,
        account_readers: BTreeSet::new(),
        mounts: None,
        started: false,
        end: None,
        lost: Lost::default(),
        made: Made::default(),
        watch: Watch::default(),
        soon: false,
        processors: processors(),
    };
    tracer.watch.reads = tracer.image.reading();
    tracer.watch.begin();
    rustix::process::kill_process(main, Signal::CONT)?;
    while tracer.end.is_none() && !tracer.image.failed() {
        match tracer.next() {
            Ok(Some((pid, status))) => tracer.event(pid, status),
            Ok(None) | Err(Errno::INTR) => {}
            // Nothing is left, and the kernel did not say how CMD ended.
            Err(_) => break,
        }
    }
    tracer.end_the_rest();
    tracer.watch.end();
    let stuck = tracer.watch.has_passed();
    if stuck {
        tracer.lost.count += 1;
        let text = "a path did not respond for 10 seconds, so the command was ended: its file system waits for a process that waits for harden (a FUSE file system that the command serves itself)";
        tracer.lost.first = Some((text.to_owned(), "mount such a file system before you start the command"));
    }
    let Tracer { image, end, started, lost, made, calls, .. } = tracer;
    Ok(Traced { end, started, image, lost, made, calls, stuck })
}

impl Tracer<'_> {
    /// Wait for the next event.
    fn next(&mut self) -> rustix::io::Result<Option<(Pid, WaitStatus)>> {
        let begin = Instant::now();
        let mut next = Ok(None);
        while self.soon && matches!(next, Ok(None)) {
            next = rustix::process::wait(WALL | WaitOptions::NOHANG);
            self.soon = begin.elapsed() < SOON;
        }
        if matches!(next, Ok(None)) {
            next = rustix::process::wait(WALL);
        }
        // The image is read by a thread that does not sleep; those of CMD mostly do.
        let busy = self.alive.len() + if self.image.is_whole() { 0 } else { 2 };
        self.soon = self.processors > 1 && busy <= self.processors && begin.elapsed() < SOON;
        next
    }

    /// End what CMD left behind: without a tracer its calls would fail.
    fn end_the_rest(&mut self) {
        let begin = Instant::now();
        let mut signal = Some(if self.way.grace.is_zero() { Signal::KILL } else { Signal::TERM });
        loop {
            if let Some(signal) = signal.take() {
                for pid in self.alive.iter().filter_map(|process| Pid::from_raw(process.number)) {
                    let _ = rustix::process::kill_process(pid, signal);
                    let _ = rustix::process::kill_process(pid, Signal::CONT);
                }
            }
            match rustix::process::wait(WALL | WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.event(pid, status),
                Ok(None) if self.alive.is_empty() => return,
                Ok(None) => {
                    sleep(PAUSE);
                    signal = (begin.elapsed() > self.way.grace).then_some(Signal::KILL);
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn event(&mut self, pid: Pid, status: WaitStatus) {
        self.watch.step();
        self.look(pid, status);
        self.watch.step();
    }

    fn look(&mut self, pid: Pid, status: WaitStatus) {
        let Some(signal) = status.stopping_signal() else {
            self.forget(number(pid));
            if pid == self.main {
                self.way.ended.store(true, Ordering::SeqCst);
                self.end = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Some(End::Status(u8::try_from(code & 0xff).unwrap_or(u8::MAX))),
                    (None, Some(signal)) => Some(End::Signal(signal)),
                    (None, None) => None,
                };
            }
            return;
        };
        self.process(number(pid));
        let how = match status.as_raw() >> 16 {
            0 if signal == CALL_ENDED => {
                self.made(pid);
                Resume::Run(0)
            }
            // A signal on its way to the process.
            0 => Resume::Run(signal),
            libc::PTRACE_EVENT_SECCOMP => {
                self.call(pid);
                Resume::Run(0)
            }
            libc::PTRACE_EVENT_EXEC => {
                self.executed(pid);
                Resume::Run(0)
            }
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                if let Some(open) = self.process(number(pid)).open.as_mut() {
                    open.born = true;
                }
                Resume::Run(0)
            }
            libc::PTRACE_EVENT_STOP if is_stop(signal) => Resume::Stopped,
            // A new process, or one that job control lets go on.
            _ => Resume::Run(0),
        };
        let how = match how {
            Resume::Run(signal) if self.process(number(pid)).open.is_some() => Resume::ToEnd(signal),
            how => how,
        };
        // It may have been killed meanwhile; then the next wait tells.
        let _ = resume(pid, how);
        // The shell that waits for this process has to see that its job has stopped. Process 1 cannot stop.
        if self.way.job && how == Resume::Stopped && pid == self.main && signal != libc::SIGSTOP {
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
        }
    }

    fn process(&mut self, number: i32) -> &mut Process {
        let at = self.alive.iter().position(|process| process.number == number).unwrap_or(self.alive.len());
        if at == self.alive.len() {
            self.watch.born(number);
            let memory = OnceCell::new();
            self.alive.push(Process { number, program: None, memory, kept: None, knows_accounts: false, open: None });
        }
        // The position was found, or made, above.
        #[allow(clippy::indexing_slicing, reason = "the entry is there")]
        &mut self.alive[at]
    }

    fn forget(&mut self, number: i32) {
        self.watch.gone(number);
        self.alive.retain(|process| process.number != number);
    }

    /// A process runs another program from here on.
    fn executed(&mut self, pid: Pid) {
        // A thread that does so gets the number of its process.
        let before = ptrace::getevent(places::nix(pid)).ok().and_then(|old| i32::try_from(old).ok());
        if let Some(before) = before.filter(|&before| before != number(pid)) {
            self.forget(before);
        }
        let process = self.process(number(pid));
        let open = process.open.take();
        (process.program, process.memory, process.kept) = (None, OnceCell::new(), None);
        self.started |= pid == self.main;
        let Some(open) = open else { return };
        let by = self.program(pid).unwrap_or_default();
        match open.before {
            Err(Unknown::Unreadable) => self.loses(pid, "cannot read the path of a program that it starts", UNREADABLE),
            // The interpreter of a script stays because the script does.
            Ok(Found::File(_)) if open.script.is_some() && !self.way.interpreters => {}
            // The program was not there a moment ago, or the kernel starts it by another one (binfmt_misc).
            before => self.led(pid, "exe", before, &by),
        }
    }

    /// A process is about to make a call that names a file.
    fn call(&mut self, pid: Pid) {
        if self.way.every && self.started && self.made.add(pid).is_err() {
            let help = "learn without --seccomp needs no more than Linux 4.8";
            return self.loses(pid, "the kernel does not tell its number (before Linux 5.3)", help);
        }
        // Killed meanwhile, or no call of ours.
        let Ok((Some(stop), arguments)) = places::call(pid) else { return };
        self.calls += 1;
        self.guard = None;
        let place = match stop {
            Stop::Path(place) => place,
            Stop::Lost => {
                return self.loses(
                    pid,
                    "it is a program for another kind of machine (x32, 32-bit ARM), starts processes that cannot be traced (CLONE_UNTRACED), or lets a seccomp listener answer its calls \
                     (SECCOMP_FILTER_FLAG_NEW_LISTENER)",
                    "write the files of such a program into [keep] paths: learn cannot trace it",
                );
            }
        };
        if !self.image.is_whole() && changes(place, &arguments) && !self.passes(pid, place, &arguments) {
            self.image.whole();
        }
        if place.moves && !self.moved {
            self.moved = true;
            self.mounts = rustix::fs::readlink("/proc/self/ns/mnt", Vec::new()).ok().map(Into::into);
            self.image.moved();
        }
        if place.closes {
            self.closes(pid);
        }
        let before = self.path(pid, place, &arguments);
        if place.renames && !self.renamed {
            self.renamed = true;
            self.image.moved();
        }
        match before {
            Err(Unknown::Refused) => return self.loses(pid, "cannot read a path that it uses", MORE_RIGHTS),
            Err(Unknown::Nothing) if !place.starts => return,
            _ => {}
        }
        let alone = self.alive.len() < 2;
        let is_told = match before {
            // No caller could change it, and there is no second way to say it.
            Ok(Found::Elsewhere | Found::File(_)) => alone && place.path.is_some() && place.how.is_none(),
            Ok(Found::Nothing) => alone,
            Err(_) => false,
        };
        let guard = self.guard.take();
        if place.starts
            || place.executes
            || place.closes
            || guard.is_some()
            || (place.opens && place.path.is_none())
            || !(is_told || is_settled(place, before))
        {
            let script = self.script.take().filter(|_| place.executes);
            self.process(number(pid)).open = Some(Open { place, arguments, before, born: false, script, guard });
        }
    }

    /// A process has made a call that was not clear before.
    fn made(&mut self, pid: Pid) {
        let Some(Open { place, arguments, before, born, guard, script }) = self.process(number(pid)).open.take() else {
            return;
        };
        let value = match places::given(pid, place.narrow) {
            Ok(Ok(value)) => value,
            // It failed: what it named was not used.
            Ok(Err(errno)) => {
                // The kernel says the same of a script and of its interpreter.
                if let Some(interpreter) = script.filter(|_| errno == Errno::NOENT && self.image.watches())
                    && let Ok(by) = self.program(pid)
                {
                    self.image.missed(&View::default(), &Start::default(), &interpreter, &by);
                }
                if let Some(entry) = guard.filter(|_| matches!(errno, Errno::ACCESS | Errno::PERM)) {
                    let by = self.program(pid).unwrap_or_default();
                    self.image.denied(entry, &by);
                }
                return;
            }
            Err(_) => return,
        };
        // A guard was asked for its result alone.
        if guard.is_some() && is_settled(place, before) && !place.executes && !place.starts {
            return;
        }
        if place.starts {
            if !born {
                let help = "write the files of such a program into [keep] paths: learn cannot trace it";
                self.loses(pid, "it started a process that cannot be traced (CLONE_UNTRACED)", help);
            }
            return;
        }
        if place.executes {
            return;
        }
        let by = self.program(pid).unwrap_or_default();
        if place.closes {
            return self.became(pid, &by);
        }
        if place.opens {
            let descriptor = format!("fd/{value}");
            let is_closed = matches!(places::link(pid, &descriptor), Err(Unknown::Refused));
            if is_closed && self.said_the_same(pid, place, &arguments, before) {
                return;
            }
            self.led(pid, &descriptor, before, &by);
            // The links on the way may have names that are known by now.
            if before == Err(Unknown::Unreadable) {
                let _ = self.path(pid, place, &arguments);
            }
            return;
        }
        match self.path(pid, place, &arguments) {
            Err(Unknown::Unreadable) => self.loses(pid, "cannot read a path that it uses", UNREADABLE),
            Err(Unknown::Refused) => self.loses(pid, "cannot read a path that it uses", MORE_RIGHTS),
            Ok(Found::Nothing) if self.renamed && place.changes == Changes::Never => {
                self.loses(pid, "a file that it used was renamed by another process at the same moment", RENAMING);
            }
            _ => {}
        }
    }

    /// Whether a process that has closed named the same file before an open and after it. Its only thread waited
    /// meanwhile: the path cannot have been another one in between.
    fn said_the_same(&mut self, pid: Pid, place: Place, arguments: &[u64; 6], before: Result<Found, Unknown>) -> bool {
        if place.path.is_none() || places::innermost(pid, b"Threads:") != Some(1) {
            return false;
        }
        match (before, self.path(pid, place, arguments)) {
            // The call has made the file.
            (Ok(Found::Nothing), Ok(_)) => !self.renamed,
            (Ok(before), Ok(after)) => before == after,
            _ => false,
        }
    }

    /// A link of a process in /proc leads to the file that it has opened or started.
    fn led(&mut self, pid: Pid, name: &str, before: Result<Found, Unknown>, by: &[u8]) {
        let how = if name == "exe" { How::Executed } else { How::Opened };
        let link = format!("/proc/{}/{name}", pid.as_raw_nonzero()).into_bytes();
        if let (Some(inode), Ok(Found::File(known))) = (trail::inode(&link), before)
            && inode == known
        {
            return;
        }
        let name = match places::link(pid, name) {
            Ok(name) => name,
            Err(Unknown::Nothing) => return,
            Err(_) => return self.loses(pid, "cannot tell which file it opened", MORE_RIGHTS),
        };
        let foreign = self.view(pid).is_ok_and(|view| view.foreign);
        // A file of the kernel's own.
        if !foreign && (name.starts_with(b"/proc/") || name.starts_with(b"/sys/")) {
            return;
        }
        if name.starts_with(b"/") {
            self.image.opened(&link, Some(name).filter(|_| !foreign), foreign, (how, by));
        }
    }

    /// A process is about to change its user: what is asked later is looked up now.
    fn closes(&mut self, pid: Pid) {
        self.closed = true;
        let program = places::link(pid, "exe").ok();
        for number in [number(pid), places::process(pid)] {
            let process = self.process(number);
            process.program = process.program.take().or_else(|| program.clone());
            if process.kept.is_none() {
                process.kept = Some(places::keep(pid));
            }
        }
    }

    /// A process has changed its user or group: by a name that it looked up, or by number.
    fn became(&mut self, pid: Pid, by: &[u8]) {
        let knows = [number(pid), places::process(pid)].into_iter().any(|number| self.process(number).knows_accounts);
        if self.started && (knows || self.account_readers.contains(by)) {
            let id = |line: &[u8]| places::innermost(pid, line).map(i32::cast_unsigned);
            self.image.became(id(b"Uid:"), id(b"Gid:"), by);
        }
    }

    fn path(&mut self, pid: Pid, place: Place, arguments: &[u64; 6]) -> Result<Found, Unknown> {
        let mut result = self.named(pid, place, place.path, arguments);
        if let Some(second) = place.second {
            result = result.and(self.named(pid, place, Some(second), arguments));
        }
        if place.enters && self.closed {
            for number in [number(pid), places::process(pid)] {
                if let Some(kept) = self.process(number).kept.as_mut() {
                    kept.directory = None;
                }
            }
        }
        result
    }

    fn named(
        &mut self,
        pid: Pid,
        place: Place,
        argument: Option<usize>,
        arguments: &[u64; 6],
    ) -> Result<Found, Unknown> {
        let Some(argument) = argument else { return Ok(Found::Elsewhere) };
        let value = |at: usize| arguments.get(at).copied().unwrap_or_default();
        let path = match self.string(pid, value(argument)) {
            Err(Unknown::Refused) => self.kept(pid)?.string(value(argument))?,
            other => other?,
        };
        // A call on an open file, which was a path once; but a program is told from one.
        if path.is_empty() && !place.executes {
            return Ok(Found::Elsewhere);
        }
        let view = self.view(pid)?;
        let in_root = match place.how {
            // Behind flags and mode (struct open_how).
            Some(how) => places::number_at(pid, value(how).saturating_add(16))? & IN_ROOT != 0,
            None => false,
        };
        let mut start = Start { root: view.prefix.clone(), at: view.prefix.clone(), nameless: view.foreign };
        if in_root || !path.starts_with(b"/") {
            start = self.start(pid, &view, place.directory.map(value))?;
            if in_root {
                start.root = start.at.clone();
            }
        }
        if path.is_empty() {
            // The descriptor is the program.
            let by = self.program(pid)?;
            self.image.opened(&start.at, Some(start.at.clone()), view.foreign, (How::Executed, &by));
            return Ok(trail::inode(&start.at).map_or(Found::Nothing, Found::File));
        }
        let by = self.program(pid)?;
        if place.executes {
            let base = if path.starts_with(b"/") { &start.root } else { &start.at };
            self.script = interpreter(&[base, &b"/"[..], &path].concat());
            // Looked up before it changed its user: so it has done that.
            if self.started
                && self.kept(pid).is_ok()
                && let Some(user) = places::innermost(pid, b"Uid:").and_then(|user| u32::try_from(user).ok())
            {
                self.image.starts_as(user, &path, &by);
            }
        }
        if place.opens && ACCOUNTS.contains(&path.as_slice()) {
            self.process(number(pid)).knows_accounts = true;
            self.account_readers.insert(by.clone());
        }
        let how = match place {
            Place { executes: true, .. } => How::Executed,
            Place { opens: true, .. } => How::Opened,
            _ => How::Looked,
        };
        let found = self.image.used(pid, &view, &start, &path, (how, &by));
        if writes(place, arguments) {
            self.image.wrote(&view, &start, &path);
        }
        self.guard = self.guard.or_else(|| self.image.guarded(&view, &start, &path));
        if found == Found::Nothing && !changes(place, arguments) {
            self.image.missed(&view, &start, &path, &by);
        }
        Ok(found)
    }

    /// Where a relative path begins: in the directory of that descriptor, or in the working directory.
    fn start(&self, pid: Pid, view: &View, descriptor: Option<u64>) -> Result<Start, Unknown> {
        // Descriptors are ints: the upper half of the register means nothing.
        let descriptor = descriptor.map(|value| (value & 0xffff_ffff) as u32).filter(|&fd| fd != AT_CWD);
        let base = descriptor.map_or_else(|| "cwd".to_owned(), |fd| format!("fd/{fd}"));
        let name = match places::link(pid, &base) {
            Err(Unknown::Refused) if descriptor.is_none() => {
                self.kept(pid)?.directory.clone().ok_or(Unknown::Refused)?
            }
            other => other?,
        };
        let link = format!("/proc/{}/{base}", pid.as_raw_nonzero()).into_bytes();
        // The name may be another directory's by now, or gone.
        let by_name = !view.foreign
            && name.starts_with(b"/")
            && trail::inode(&link).is_none_or(|there| trail::inode(&name) == Some(there));
        let mut start = Start { root: view.prefix.clone(), at: if by_name { name } else { link }, nameless: !by_name };
        if start.at == b"/" {
            start.at.clear();
        }
        Ok(start)
    }

    /// Whether a call that makes an entry leaves everything as it is that can be written down, also when the image is
    /// being read meanwhile.
    fn passes(&mut self, pid: Pid, place: Place, arguments: &[u64; 6]) -> bool {
        let value = |at: usize| arguments.get(at).copied().unwrap_or_default();
        let (path, directory) = match (place.makes, place.changes) {
            (Some(Makes::Entry(path, directory)), _) => (Some(path), directory),
            (Some(Makes::Socket(address)), _) => {
                return places::number_at(pid, value(address)).is_ok_and(effect::is_no_path);
            }
            (None, Changes::Creating(_)) => (place.path, place.directory),
            (None, _) => return false,
        };
        let Some(Ok(path)) = path.map(|path| self.string(pid, value(path))) else { return false };
        let start = match path.starts_with(b"/") {
            true => Ok(Start::default()),
            false => self.start(pid, &View::default(), directory.map(value)),
        };
        start.is_ok_and(|start| effect::passes(pid, &start, &path))
    }

    /// What a process runs.
    fn program(&mut self, pid: Pid) -> Result<Vec<u8>, Unknown> {
        if let Some(program) = &self.process(number(pid)).program {
            return Ok(program.clone());
        }
        let program = match places::link(pid, "exe") {
            _ if !self.started => self.way.starter.as_bytes().to_vec(),
            // A thread of a process that has closed.
            Err(Unknown::Refused) => self.process(places::process(pid)).program.clone().ok_or(Unknown::Refused)?,
            other => other?,
        };
        self.process(number(pid)).program = Some(program.clone());
        Ok(program)
    }

    /// The string at that address of a process.
    fn string(&mut self, pid: Pid, address: u64) -> Result<Vec<u8>, Unknown> {
        let few = self.alive.len() <= MOST_OPEN;
        let memory = &self.process(number(pid)).memory;
        let memory = if few { memory.get_or_init(|| places::memory(pid)).as_ref() } else { None };
        places::string(pid, memory, address)
    }

    fn kept(&self, pid: Pid) -> Result<&Kept, Unknown> {
        let number = places::process(pid);
        let process = self.alive.iter().find(|process| process.number == number);
        process.and_then(|process| process.kept.as_ref()).ok_or(Unknown::Refused)
    }

    /// What paths of a process mean.
    fn view(&self, pid: Pid) -> Result<View, Unknown> {
        if !self.moved {
            return Ok(View::default());
        }
        if self.mounts.as_deref() != Some(places::link(pid, "ns/mnt")?.as_slice()) {
            let prefix = format!("/proc/{}/root", pid.as_raw_nonzero()).into_bytes();
            return Ok(View { prefix, foreign: true });
        }
        let root = places::link(pid, "root")?;
        Ok(View { prefix: if root == b"/" { Vec::new() } else { root }, foreign: false })
    }

    fn loses(&mut self, pid: Pid, what: &str, help: &'static str) {
        self.lost.count += 1;
        if self.lost.first.is_none() {
            let name = places::link(pid, "exe").unwrap_or_else(|_| comm(pid));
            let text = format!("a call of {}: {what}", crate::diag::escape::quoted(&name));
            self.lost.first = Some((text, help));
        }
    }
}

fn number(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

/// The signals of job control (signal(7), "Stop").
fn is_stop(signal: i32) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

/// Whether a call tells nothing more when it has been made.
fn is_settled(place: Place, before: Result<Found, Unknown>) -> bool {
    !place.opens && matches!(before, Ok(Found::Elsewhere | Found::File(_)))
}

/// The interpreter of a script; none of one that cannot be read.
fn interpreter(path: &[u8]) -> Option<Vec<u8>> {
    match crate::root::host::read_start(Path::new(OsStr::from_bytes(path)), HEAD) {
        Ok(begin) => Shebang::parse(&begin).map(|shebang| shebang.interpreter),
        Err(_) => Some(Vec::new()),
    }
}

/// A process's name where its program is not told.
fn comm(pid: Pid) -> Vec<u8> {
    let path = format!("/proc/{}/comm", pid.as_raw_nonzero());
    crate::root::host::read_start(path.as_ref(), 64).map_or_else(|_| b"?".to_vec(), |name| name.trim_ascii().to_vec())
}
