//! The loop that follows CMD and everything that it starts, from its first instruction to the end of the last process.
//!
//! A call that names a file stops before it is made; its path is read, and the process goes on. Signals, job control and
//! exit statuses pass through as they come. What could not be read is counted as lost, and never guessed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::calls::{self, Changes, Place, Stop};
use super::image::Image;
use super::places::{self, Kept, Unknown};
use super::resume::{Resume, resume};
use super::seen::View;

/// All children, threads and traced processes (wait(2), __WALL).
const WALL: WaitOptions = WaitOptions::from_bits_retain(0x4000_0000);

/// Every process that a traced one makes is traced too; they do not outlive their tracer.
const OPTIONS: Options = Options::PTRACE_O_TRACEFORK
    .union(Options::PTRACE_O_TRACEVFORK)
    .union(Options::PTRACE_O_TRACECLONE)
    .union(Options::PTRACE_O_TRACEEXEC)
    .union(Options::PTRACE_O_TRACESECCOMP)
    .union(Options::PTRACE_O_EXITKILL);

/// How long processes that CMD left behind may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// Between two looks at processes that are ending.
const PAUSE: Duration = Duration::from_millis(2);

/// The working directory in the place of a descriptor (openat(2), AT_FDCWD).
const AT_CWD: u32 = (-100_i32).cast_unsigned();

/// How CMD ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With that status.
    Status(u8),
    /// Killed by that signal.
    Signal(i32),
}

/// Follows one command.
pub(super) struct Tracer<'a> {
    main: Pid,
    image: Image<'a>,
    /// Every traced process and thread, in no order: there are few at a time.
    alive: Vec<Process>,
    /// Some process has changed its user.
    closed: bool,
    /// Some process may have another root or other mounts than this one.
    moved: bool,
    /// The name of this process's mounts (namespaces(7)).
    mounts: Option<Vec<u8>>,
    /// CMD itself runs: the second start of this program is over.
    started: bool,
    end: Option<End>,
    lost: Lost,
}

/// A process or thread.
struct Process {
    number: i32,
    /// What it runs, once asked for.
    program: Option<Vec<u8>>,
    /// What was looked up before it changed its user.
    kept: Option<Kept>,
}

/// Calls whose path is not known.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) count: usize,
    /// What the first one was, as a whole message, and what helps.
    pub(super) first: Option<(String, &'static str)>,
}

/// What there is to tell at the end.
pub(super) struct Traced<'a> {
    /// How CMD ended; `None` when nobody told.
    pub(super) end: Option<End>,
    /// CMD was started at all.
    pub(super) started: bool,
    pub(super) image: Image<'a>,
    pub(super) lost: Lost,
}

const MORE_RIGHTS: &str = "a process that dropped to another user is closed to its tracer without CAP_SYS_PTRACE: run with \
     --cap-add SYS_PTRACE, or start the command as that user with --user";

/// Follow the stopped process `main` until CMD and everything that it started has ended.
///
/// # Errors
/// The kernel's when the process cannot be traced.
pub(super) fn follow(main: Pid, image: Image<'_>) -> Result<Traced<'_>, Errno> {
    ptrace::seize(places::nix(main), OPTIONS).map_err(|errno| Errno::from_raw_os_error(errno as i32))?;
    let mut tracer = Tracer {
        main,
        image,
        alive: Vec::new(),
        closed: false,
        moved: false,
        mounts: None,
        started: false,
        end: None,
        lost: Lost::default(),
    };
    rustix::process::kill_process(main, Signal::CONT)?;
    while tracer.end.is_none() && !tracer.image.failed() {
        match rustix::process::wait(WALL) {
            Ok(Some((pid, status))) => tracer.event(pid, status),
            Ok(None) | Err(Errno::INTR) => {}
            // Nothing is left, and nobody told how CMD ended.
            Err(_) => break,
        }
    }
    tracer.end_the_rest();
    let Tracer { image, end, started, lost, .. } = tracer;
    Ok(Traced { end, started, image, lost })
}

impl Tracer<'_> {
    /// End what CMD left behind: without a tracer its calls would fail.
    fn end_the_rest(&mut self) {
        let begin = Instant::now();
        let mut signal = Some(Signal::TERM);
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
                    signal = (begin.elapsed() > GRACE).then_some(Signal::KILL);
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn event(&mut self, pid: Pid, status: WaitStatus) {
        let Some(signal) = status.stopping_signal() else {
            self.forget(number(pid));
            if pid == self.main {
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
            libc::PTRACE_EVENT_STOP if is_stop(signal) => Resume::Stopped,
            // A new process, or one that job control lets go on.
            _ => Resume::Run(0),
        };
        // It may have been killed meanwhile; then the next wait tells.
        let _ = resume(pid, how);
        // The shell that waits for this process has to see that its job has stopped. Process 1 cannot stop.
        if how == Resume::Stopped && pid == self.main && signal != libc::SIGSTOP {
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
        }
    }

    fn process(&mut self, number: i32) -> &mut Process {
        let at = self.alive.iter().position(|process| process.number == number).unwrap_or(self.alive.len());
        if at == self.alive.len() {
            self.alive.push(Process { number, program: None, kept: None });
        }
        // The position was found, or made, above.
        #[allow(clippy::indexing_slicing, reason = "the entry is there")]
        &mut self.alive[at]
    }

    fn forget(&mut self, number: i32) {
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
        (process.program, process.kept) = (None, None);
        self.started |= pid == self.main;
    }

    /// A process is about to make a call that names a file.
    fn call(&mut self, pid: Pid) {
        // Killed meanwhile.
        let Ok(data) = ptrace::getevent(places::nix(pid)) else { return };
        match calls::stop(u16::try_from(data & 0xffff).unwrap_or_default()) {
            Stop::Path(place) => {
                if !self.image.is_whole() && changes(pid, place) {
                    self.image.whole();
                }
                if place.moves && !self.moved {
                    self.moved = true;
                    self.mounts = rustix::fs::readlink("/proc/self/ns/mnt", Vec::new()).ok().map(Into::into);
                    if let Some(seen) = self.image.whole() {
                        seen.moved();
                    }
                }
                if place.closes {
                    self.closes(pid);
                }
                if self.path(pid, place) == Err(Unknown::Refused) {
                    self.loses(pid, "cannot read a path that it uses", MORE_RIGHTS);
                }
            }
            Stop::Lost => self.loses(
                pid,
                "it is a program of another kind of machine (x32, 32-bit ARM) or starts processes that nobody may trace \
                 (CLONE_UNTRACED)",
                "such a program cannot be followed: write its files into [keep] paths",
            ),
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

    fn path(&mut self, pid: Pid, place: Place) -> Result<(), Unknown> {
        let result = self.named(pid, place);
        if place.enters && self.closed {
            for number in [number(pid), places::process(pid)] {
                if let Some(kept) = self.process(number).kept.as_mut() {
                    kept.directory = None;
                }
            }
        }
        result
    }

    fn named(&mut self, pid: Pid, place: Place) -> Result<(), Unknown> {
        let Some(argument) = place.path else { return Ok(()) };
        let arguments = places::arguments(pid, place.narrow)?;
        let value = |at: usize| arguments.get(at).copied().unwrap_or_default();
        let mut path = match places::string(pid, value(argument)) {
            Err(Unknown::Refused) => self.kept(pid)?.string(value(argument))?,
            other => other?,
        };
        // A call on an open file, which was a path once; but a program is told from one.
        if path.is_empty() && !place.executes {
            return Ok(());
        }
        if !path.starts_with(b"/") {
            // Descriptors are ints: the upper half of the register means nothing.
            let descriptor = place.directory.map(|at| (value(at) & 0xffff_ffff) as u32).filter(|&fd| fd != AT_CWD);
            let mut base = match descriptor {
                Some(fd) => places::link(pid, &format!("fd/{fd}"))?,
                None => match places::link(pid, "cwd") {
                    Err(Unknown::Refused) => self.kept(pid)?.directory.clone().ok_or(Unknown::Refused)?,
                    other => other?,
                },
            };
            // A pipe, or a directory that is not there any more.
            if !base.starts_with(b"/") {
                return Ok(());
            }
            if !path.is_empty() {
                base.push(b'/');
                base.extend_from_slice(&path);
            }
            let view = self.view(pid)?;
            // What /proc tells is as seen from here.
            let inside = base.strip_prefix(view.prefix.as_slice()).filter(|_| !view.foreign).map(<[u8]>::to_vec);
            path = inside.unwrap_or(base);
            return self.used(pid, &view, &path, place.executes);
        }
        let view = self.view(pid)?;
        self.used(pid, &view, &path, place.executes)
    }

    fn used(&mut self, pid: Pid, view: &View, path: &[u8], executed: bool) -> Result<(), Unknown> {
        let program = self.program(pid)?;
        match own(pid, path) {
            Some(path) => self.image.used(view, &path, executed, &program),
            None => self.image.used(view, path, executed, &program),
        }
        Ok(())
    }

    /// What a process runs.
    fn program(&mut self, pid: Pid) -> Result<Vec<u8>, Unknown> {
        if let Some(program) = &self.process(number(pid)).program {
            return Ok(program.clone());
        }
        let program = match places::link(pid, "exe") {
            _ if !self.started => b"harden learn".to_vec(),
            // A thread of a process that has closed.
            Err(Unknown::Refused) => self.process(places::process(pid)).program.clone().ok_or(Unknown::Refused)?,
            other => other?,
        };
        self.process(number(pid)).program = Some(program.clone());
        Ok(program)
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

/// Whether a call that a process is about to make may change which entries the image has.
fn changes(pid: Pid, place: Place) -> bool {
    match place.changes {
        Changes::Never => false,
        Changes::Always => true,
        Changes::Creating(at) => {
            let flags = places::arguments(pid, place.narrow).ok().and_then(|all| all.get(at).copied());
            flags.is_none_or(|flags| flags & libc::O_CREAT as u64 != 0)
        }
    }
}

/// The path that another process means by its own entry of /proc.
fn own(pid: Pid, path: &[u8]) -> Option<Vec<u8>> {
    let rest = [&b"/proc/self/"[..], b"/proc/thread-self/"].into_iter().find_map(|own| path.strip_prefix(own))?;
    let mut named = format!("/proc/{}/", pid.as_raw_nonzero()).into_bytes();
    named.extend_from_slice(rest);
    Some(named)
}

/// A process's name where its program is not told.
fn comm(pid: Pid) -> Vec<u8> {
    let path = format!("/proc/{}/comm", pid.as_raw_nonzero());
    crate::root::host::read_start(path.as_ref(), 64).map_or_else(|_| b"?".to_vec(), |name| name.trim_ascii().to_vec())
}
