//! One process with all that it starts: starts it, reads its output, traces it if asked to, and ends it.
//!
//! The tracer is the thread that has started it, and waits; another thread listens and looks at the clock meanwhile.
//!
//! No process of it outlives [`run`]. Its group is killed as one; processes that left the group become children of this
//! process, which is their reaper (PR_SET_CHILD_SUBREAPER, prctl(2)), and are found by asking the kernel of each number
//! whether it is a child: that needs no /proc, and cannot hit the process of another program.

use anyhow::{Context as _, Result, anyhow, bail};
use std::collections::BTreeSet;
use std::io::{ErrorKind, PipeReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{park_timeout, sleep};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};

use super::{Setup, child, tcp};
use crate::root::host;
use crate::stop::Stop;
use crate::trace::{self, Image, Traced, Way};

/// How long a server may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// How long killing everything may take, and how many rounds it has in any case.
const END: Duration = Duration::from_secs(10);
const ROUNDS: u32 = 5;

/// Bytes of output that are kept, from its beginning and from its end.
const KEPT: (usize, usize) = (8 * 1024, 56 * 1024);

/// The longest pause between two looks at a process.
const PAUSE: Duration = Duration::from_millis(20);

/// Numbers of processes where the kernel does not tell its limit (PID_MAX_LIMIT, linux/threads.h).
const MOST_PROCESSES: i32 = 4 * 1024 * 1024;

/// Become the parent of every process that a check leaves behind. Returns the children that there are already.
///
/// # Errors
/// When the kernel cannot do that, as a whole message.
pub(super) fn adopt_orphans() -> Result<BTreeSet<i32>> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| anyhow!("cannot become the parent of the processes that a check leaves behind: {e}"))?;
    match rustix::process::waitid(WaitId::All, LOOK) {
        Err(Errno::CHILD) => Ok(BTreeSet::new()),
        _ => Ok(BTreeSet::from_iter(children(None).map(|pid| pid.as_raw_nonzero().get()))),
    }
}

/// What a check waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The end, with status 0.
    End,
    /// An answer on that port.
    Answer(u16),
    /// That many seconds, or an end: the caller judges which.
    Time(u32),
}

/// How a check stood when it was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It had ended.
    Ended(End),
    /// It was running.
    Runs,
}

/// What became of a process.
pub(super) struct Finished<'a> {
    /// What is wrong, as the end of a sentence.
    pub(super) result: Result<Outcome>,
    pub(super) output: Vec<u8>,
    /// What there is to tell of it, when it was followed.
    pub(super) traced: Option<Traced<'a>>,
}

/// Run `argv` to its end, or until what is waited for has come, for at most `timeout` seconds; follow it with an image.
pub(super) fn run<'a>(
    (setup, home): (&Setup, &str),
    argv: &[String],
    until: Until,
    timeout: u32,
    stop: &Stop,
    image: Option<Image<'a>>,
) -> Finished<'a> {
    let mut output = Output::default();
    let limit = Duration::from_secs(timeout.into());
    let (mut traced, followed) = (None, image.is_some());
    let word = match &image {
        None => child::ALONE,
        Some(image) if image.watches() => child::AFTER,
        Some(_) => child::BEFORE,
    };
    let result = Process::start((setup, home), argv, stop, word).and_then(|process| {
        let result = match image {
            None => process.supervise(&mut output, until, limit, stop, &|| process.ended()),
            Some(image) => process.follow(&mut output, until, limit, stop, image).and_then(|(result, found)| {
                traced = Some(found);
                result
            }),
        };
        let ended = process.end(setup, followed);
        process.listen(&mut output);
        match result? {
            Outcome::Ended(end) => until.at_end(end),
            Outcome::Runs => Ok(Outcome::Runs),
        }
        .and_then(|outcome| ended.map(|()| outcome))
    });
    Finished { result, output: output.shown(), traced }
}

struct Process {
    pid: Pid,
    output: PipeReader,
}

impl Process {
    fn start((setup, home): (&Setup, &str), argv: &[String], stop: &Stop, word: &str) -> Result<Self> {
        let fail = |error: std::io::Error| anyhow!("could not be started: {error}");
        let (output, writer) = std::io::pipe().map_err(fail)?;
        rustix::io::ioctl_fionbio(&output, true).map_err(|e| fail(e.into()))?;
        #[allow(clippy::disallowed_methods, reason = "this is what checks are")]
        let mut command = Command::new(&setup.program);
        command
            .arg0("harden")
            .arg(child::ARGUMENT)
            .arg(word)
            .arg(stop.word())
            .arg(child::written(setup.credentials.as_ref()))
            .arg(&setup.workdir)
            .args(argv)
            .env("PATH", &setup.path)
            .env("HOME", home)
            // A pipe that is closed at once: /dev/null may be missing.
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().map_err(fail)?)
            .stderr(writer);
        let child = command.spawn().map_err(fail)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.context("could not be started: it has no process number")?;
        if word != child::ALONE {
            trace::waiting(&child).context("could not be started: it ended before it could be followed")?;
        }
        Ok(Self { pid, output })
    }

    /// As [`Self::supervise`], and tell what it used.
    fn follow<'a>(
        &self,
        output: &mut Output,
        until: Until,
        limit: Duration,
        stop: &Stop,
        image: Image<'a>,
    ) -> Result<(Result<Outcome>, Traced<'a>)> {
        let ended = Arc::new(AtomicBool::new(false));
        let way = Way {
            grace: Duration::ZERO,
            starter: "the check",
            job: false,
            every: false,
            interpreters: true,
            ended: Arc::clone(&ended),
        };
        std::thread::scope(|scope| {
            let is_over = Arc::clone(&ended);
            let listener = scope.spawn(move || {
                // Only the tracer is told how it ended.
                let over = || is_over.load(Ordering::SeqCst).then_some(End::Unknown);
                let result = self.supervise(output, until, limit, stop, &over);
                if over().is_none() {
                    self.kill();
                }
                result
            });
            let traced = trace::follow(self.pid, image, way);
            if traced.is_err() {
                self.kill();
            }
            ended.store(true, Ordering::SeqCst);
            listener.thread().unpark();
            let result = listener.join().unwrap_or_else(|_| Err(anyhow!("could not be listened to")));
            let traced = traced.map_err(|e| anyhow!("could not be followed: {e}"))?;
            let end = match traced.end {
                Some(trace::End::Status(status)) => End::Status(status.into()),
                Some(trace::End::Signal(signal)) => End::Signal(signal),
                None => End::Unknown,
            };
            let result = result.map(|outcome| if outcome == Outcome::Runs { outcome } else { Outcome::Ended(end) });
            Ok((result, traced))
        })
    }

    /// Wait until it ends, answers, or the time is over.
    fn supervise(
        &self,
        output: &mut Output,
        until: Until,
        limit: Duration,
        stop: &Stop,
        ended: &dyn Fn() -> Option<End>,
    ) -> Result<Outcome> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            self.listen(output);
            if let Some(signal) = stop.asked() {
                bail!("was ended, because {signal} asked harden to end");
            }
            match (ended(), until) {
                (Some(end), _) => return Ok(Outcome::Ended(end)),
                (None, Until::Answer(port)) if tcp::answers(port) => {
                    self.stop(output, ended);
                    return Ok(Outcome::Runs);
                }
                (None, Until::Time(seconds)) if begin.elapsed() >= Duration::from_secs(seconds.into()) => {
                    self.stop(output, ended);
                    return Ok(Outcome::Runs);
                }
                (None, Until::End | Until::Answer(_)) if begin.elapsed() >= limit => {
                    let what = match until {
                        Until::Answer(port) => format!("answer on port {port}"),
                        _ => "end".to_owned(),
                    };
                    bail!("did not {what} within {} s and was killed", limit.as_secs());
                }
                // A tracer wakes this thread when it has ended.
                (None, _) => park_timeout(pause),
            }
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// Ask a server to end, and give it time to.
    fn stop(&self, output: &mut Output, ended: &dyn Fn() -> Option<End>) {
        let _ = rustix::process::kill_process_group(self.pid, Signal::TERM);
        let begin = Instant::now();
        while ended().is_none() && begin.elapsed() < GRACE {
            self.listen(output);
            park_timeout(PAUSE);
        }
    }

    /// How the process itself ended; it stays a zombie, so that its number and its group's stay its own.
    fn ended(&self) -> Option<End> {
        match rustix::process::waitid(WaitId::Pid(self.pid), LOOK) {
            Ok(None) | Err(Errno::INTR) => None,
            Ok(Some(status)) => Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(status), _) => End::Status(status),
                (None, Some(signal)) => End::Signal(signal),
                (None, None) => End::Unknown,
            }),
            Err(_) => Some(End::Unknown),
        }
    }

    fn kill(&self) {
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        // It may not have left our group yet.
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
    }

    /// Kill it and everything that comes from it, and collect what is left of them. What was followed is gone already,
    /// and its number may mean another process.
    fn end(&self, setup: &Setup, followed: bool) -> Result<()> {
        if !followed {
            self.kill();
        }
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        let mut rounds = 0;
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Err(Errno::CHILD) => return Ok(()),
                Ok(Some(_)) | Err(Errno::INTR) => continue,
                Ok(None) => {}
                Err(e) => return Err(anyhow!("left processes behind: {e}")),
            }
            // Most are gone after a moment. What is not has a group of its own.
            if pause >= PAUSE {
                let mut left = false;
                let first = self.pid.as_raw_nonzero().get();
                let between = newest(&setup.program).map(|last| (first, last));
                let strangers = &setup.strangers;
                for pid in children(between).filter(|pid| !strangers.contains(&pid.as_raw_nonzero().get())) {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                    left = true;
                }
                if !left {
                    return Ok(());
                }
                rounds += 1;
            }
            if begin.elapsed() > END && rounds > ROUNDS {
                bail!("left processes behind that cannot be ended");
            }
            sleep(pause);
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// Take what was written since the last time.
    fn listen(&self, output: &mut Output) {
        let mut buffer = [0_u8; 8192];
        loop {
            match (&self.output).read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => output.add(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

/// Look at a child without waiting for it or taking its status.
const LOOK: WaitIdOptions = WaitIdOptions::EXITED.union(WaitIdOptions::NOHANG).union(WaitIdOptions::NOWAIT);

/// Every child of this process, dead ones that were not waited for included; of numbers given away between two processes.
fn children(between: Option<(i32, i32)>) -> impl Iterator<Item = Pid> {
    let (first, last, again) = match between {
        Some((first, last)) if first <= last => (first, last, 0),
        // Numbers begin again at the end.
        Some((first, last)) => (first, most_processes(), last),
        None => (1, most_processes(), 0),
    };
    let is_child = |pid: &Pid| rustix::process::waitid(WaitId::Pid(*pid), LOOK).is_ok();
    (first..last).chain(1..again).filter_map(Pid::from_raw).filter(is_child)
}

/// One more than the largest number of a process.
fn most_processes() -> i32 {
    let told = host::read_start(std::path::Path::new("/proc/sys/kernel/pid_max"), 32).ok();
    told.and_then(|text| str::from_utf8(&text).ok()?.trim().parse().ok()).unwrap_or(MOST_PROCESSES)
}

/// The number of a process that starts now: everything older has a smaller one, until they begin again. The process is
/// this program, which ends at once; the caller collects it with the others.
fn newest(program: &str) -> Option<i32> {
    #[allow(clippy::disallowed_methods, reason = "this program itself")]
    let mut command = Command::new(program);
    command.arg(child::ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    i32::try_from(command.spawn().ok()?.id()).ok()
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Status(i32),
    Signal(i32),
    /// Another part took its status, or none is kept (SIGCHLD is ignored).
    Unknown,
}

impl Until {
    /// Whether that end is what was waited for.
    fn at_end(self, end: End) -> Result<Outcome> {
        match (self, end) {
            (Self::End, End::Status(0)) | (Self::Time(_), _) => Ok(Outcome::Ended(end)),
            (Self::End, end) => Err(anyhow!(end.text())),
            (Self::Answer(port), end) => Err(anyhow!("{} before it answered on port {port}", end.text())),
        }
    }
}

impl End {
    /// The same as the end of a sentence.
    pub(super) fn text(self) -> String {
        match self {
            Self::Status(status) => format!("ended with status {status}"),
            Self::Signal(signal) => format!("was killed by signal {signal}"),
            Self::Unknown => "ended, and its status is unknown".to_owned(),
        }
    }
}

/// The beginning and the end of what a process wrote.
#[derive(Default)]
struct Output {
    first: Vec<u8>,
    last: Vec<u8>,
    left_out: usize,
}

impl Output {
    fn add(&mut self, bytes: &[u8]) {
        let room = KEPT.0.saturating_sub(self.first.len()).min(bytes.len());
        let (first, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.first.extend_from_slice(first);
        self.last.extend_from_slice(rest);
        let over = self.last.len().saturating_sub(KEPT.1);
        self.last.drain(..over);
        self.left_out += over;
    }

    fn shown(self) -> Vec<u8> {
        let mut all = self.first;
        if self.left_out > 0 {
            all.extend_from_slice(format!("\n[{} bytes left out]\n", self.left_out).as_bytes());
        }
        all.extend_from_slice(&self.last);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Output};

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let mut output = Output::default();
        output.add(b"begin");
        for _ in 0..1000 {
            output.add(&[b'x'; 1000]);
        }
        output.add(b"end");
        let shown = String::from_utf8_lossy(&output.shown()).into_owned();
        let text = format!("[{} bytes left out]", 5 + 1_000_000 + 3 - KEPT.0 - KEPT.1);
        assert!(shown.starts_with("begin") && shown.ends_with("end") && shown.contains(&text));

        let mut short = Output::default();
        short.add(b"a\n");
        short.add(b"b\n");
        assert_eq!(short.shown(), b"a\nb\n");
    }
}
