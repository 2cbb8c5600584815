//! One process with all that it starts: begun, listened to, ended.
//!
//! Nothing of it outlives [`run`]. Its group is killed as one; what left the group becomes a child of this process,
//! which is their reaper (PR_SET_CHILD_SUBREAPER, prctl(2)), and is found by asking the kernel of each number whether
//! it is a child: that needs no /proc, and cannot hit the process of another program.

use anyhow::{Context as _, Result, anyhow, bail};
use std::collections::BTreeSet;
use std::io::{ErrorKind, PipeReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};

use super::{Setup, child, tcp};
use crate::root::host;
use crate::stop::Stop;

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

/// Run `argv` to its end, or with a port until it answers there, for at most `timeout` seconds. Returns how it ended,
/// the error as the end of a sentence, and its output.
pub(super) fn run(
    setup: &Setup,
    argv: &[String],
    tcp: Option<u16>,
    timeout: u32,
    stop: &Stop,
) -> (Result<()>, Vec<u8>) {
    let mut output = Output::default();
    let result = Process::start(setup, argv, stop).and_then(|process| {
        let result = process.supervise(&mut output, tcp, Duration::from_secs(timeout.into()), stop);
        let ended = process.end(setup);
        process.listen(&mut output);
        result.and(ended)
    });
    (result, output.shown())
}

struct Process {
    pid: Pid,
    output: PipeReader,
}

impl Process {
    fn start(setup: &Setup, argv: &[String], stop: &Stop) -> Result<Self> {
        let fail = |error: std::io::Error| anyhow!("could not be started: {error}");
        let (output, writer) = std::io::pipe().map_err(fail)?;
        rustix::io::ioctl_fionbio(&output, true).map_err(|e| fail(e.into()))?;
        #[allow(clippy::disallowed_methods, reason = "this is what checks are")]
        let mut command = Command::new(&setup.program);
        command
            .arg0("harden")
            .arg(child::ARGUMENT)
            .arg(stop.word())
            .arg(child::written(setup.credentials.as_ref()))
            .arg(&setup.workdir)
            .args(argv)
            .env("PATH", &setup.path)
            .env("HOME", &setup.home)
            // A pipe that is closed at once: /dev/null may be missing.
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().map_err(fail)?)
            .stderr(writer);
        let child = command.spawn().map_err(fail)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.context("could not be started: it has no process number")?;
        Ok(Self { pid, output })
    }

    /// Wait until it ends, answers, or the time is over.
    fn supervise(&self, output: &mut Output, tcp: Option<u16>, limit: Duration, stop: &Stop) -> Result<()> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            self.listen(output);
            if let Some(signal) = stop.asked() {
                bail!("was ended, because {signal} asked harden to end");
            }
            match (self.ended(), tcp) {
                (Some(End::Status(0)), None) => return Ok(()),
                (Some(end), None) => return Err(anyhow!(end.text())),
                (Some(end), Some(port)) => return Err(anyhow!("{} before it answered on port {port}", end.text())),
                (None, Some(port)) if tcp::answers(port) => {
                    self.stop(output);
                    return Ok(());
                }
                (None, _) if begin.elapsed() >= limit => {
                    let what = tcp.map_or_else(|| "end".to_owned(), |port| format!("answer on port {port}"));
                    bail!("did not {what} within {} s and was killed", limit.as_secs());
                }
                (None, _) => sleep(pause),
            }
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// Ask a server to end, and give it time to.
    fn stop(&self, output: &mut Output) {
        let _ = rustix::process::kill_process_group(self.pid, Signal::TERM);
        let begin = Instant::now();
        while self.ended().is_none() && begin.elapsed() < GRACE {
            self.listen(output);
            sleep(PAUSE);
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

    /// Kill it and everything that comes from it, and collect what is left of them.
    fn end(&self, setup: &Setup) -> Result<()> {
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        // It may not have left our group yet.
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Status(i32),
    Signal(i32),
    /// Another part took its status, or none is kept (SIGCHLD is ignored).
    Unknown,
}

impl End {
    fn text(self) -> String {
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
