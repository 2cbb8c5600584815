//! The one way in which tests start processes: with the signal actions of a program that was started by hand, and with
//! a time limit after which its whole process group is killed.
//!
//! nohup(1), and a shell that puts the tests in the background, ignore signals, and what is ignored stays so over
//! execve(2): nothing started from there could be hung up or interrupted. env(1) gives every signal its default action
//! again; the mask of blocked signals is emptied by std.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Far more than any process of the suite takes on a busy machine; an engine builds images.
fn limit() -> Duration {
    Duration::from_secs(if env!("CARGO_CRATE_NAME") == "suite" { 300 } else { 1800 })
}

/// How long the pipes of a group that was killed may stay open.
const GRACE: Duration = Duration::from_secs(5);

/// As [`std::process::Command`]; standard input is empty unless a test gives one.
pub(crate) struct Command {
    command: std::process::Command,
    words: Vec<OsString>,
    limit: Duration,
    has_stdout: bool,
    has_stderr: bool,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = std::process::Command::new("/usr/bin/env");
        command.args(["--default-signal", "--"]).arg(program).process_group(0).stdin(Stdio::null());
        // That of this process moves while another test walks a tree.
        command.current_dir("/");
        Self { command, words: vec![program.to_owned()], limit: limit(), has_stdout: false, has_stderr: false }
    }

    pub(crate) fn arg(&mut self, word: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(word.as_ref());
        self.words.push(word.as_ref().to_owned());
        self
    }

    pub(crate) fn args(&mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        for word in words {
            self.arg(word);
        }
        self
    }

    pub(crate) fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        all: impl IntoIterator<Item = (N, V)>,
    ) -> &mut Self {
        self.command.envs(all);
        self
    }

    pub(crate) fn env_clear(&mut self) -> &mut Self {
        self.command.env_clear();
        self
    }

    pub(crate) fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn uid(&mut self, uid: u32) -> &mut Self {
        self.command.uid(uid);
        self
    }

    pub(crate) fn gid(&mut self, gid: u32) -> &mut Self {
        self.command.gid(gid);
        self
    }

    pub(crate) fn stdin(&mut self, from: impl Into<Stdio>) -> &mut Self {
        self.command.stdin(from);
        self
    }

    pub(crate) fn stdout(&mut self, to: impl Into<Stdio>) -> &mut Self {
        self.command.stdout(to);
        self.has_stdout = true;
        self
    }

    pub(crate) fn stderr(&mut self, to: impl Into<Stdio>) -> &mut Self {
        self.command.stderr(to);
        self.has_stderr = true;
        self
    }

    /// How long it may run.
    pub(crate) fn limit(&mut self, limit: Duration) -> &mut Self {
        self.limit = limit;
        self
    }

    pub(crate) fn spawn(&mut self) -> io::Result<Child> {
        let mut child = self.command.spawn()?;
        let watch = Arc::new(Watch::default());
        let (shared, limit, group, words) = (Arc::clone(&watch), self.limit, Pid::from_child(&child), self.to_string());
        std::thread::spawn(move || shared.watch(limit, group, &words));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Child { child, stdin, stdout, stderr, words: self.to_string(), limit: self.limit, watch })
    }

    #[track_caller]
    pub(crate) fn output(&mut self) -> io::Result<Output> {
        if !self.has_stdout {
            self.stdout(Stdio::piped());
        }
        if !self.has_stderr {
            self.stderr(Stdio::piped());
        }
        self.spawn()?.wait_with_output()
    }

    /// How it ended; what it said is shown when that is no success and the test fails.
    #[track_caller]
    pub(crate) fn status(&mut self) -> io::Result<ExitStatus> {
        let output = self.output()?;
        if !output.status.success() {
            eprintln!("{self}: {}\n{}", output.status, said(&output.stdout, &output.stderr));
        }
        Ok(output.status)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        f.write_str(&words.join(" "))
    }
}

/// As [`std::process::Child`]; what still runs when it is dropped is killed, with its process group.
pub(crate) struct Child {
    child: std::process::Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
    words: String,
    limit: Duration,
    watch: Arc<Watch>,
}

impl Child {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        if *self.watch.lock() != State::Ended {
            // It is collected under the lock: until then its number is nobody else's, and the watch may kill by it.
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            waitid(WaitId::Pid(Pid::from_child(&self.child)), ended)?;
        }
        let mut state = self.watch.lock();
        let overdue = *state == State::Overdue;
        *state = State::Ended;
        self.watch.changed.notify_all();
        let status = self.child.wait();
        drop(state);
        assert!(!overdue, "{}: not at its end after {:?}", self.words, self.limit);
        status
    }

    #[track_caller]
    pub(crate) fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = (Collected::new(self.stdout.take()), Collected::new(self.stderr.take()));
        // What has left the process group may hold a pipe for ever.
        let last = Instant::now() + self.limit + GRACE;
        let closed = stdout.ends_before(last) & stderr.ends_before(last);
        let so_far = || said(&stdout.bytes(), &stderr.bytes());
        let overdue = !closed || *self.watch.lock() == State::Overdue;
        assert!(!overdue, "{}: not at its end after {:?}; so far:\n{}", self.words, self.limit, so_far());
        let status = self.wait()?;
        Ok(Output { status, stdout: stdout.bytes(), stderr: stderr.bytes() })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let mut state = self.watch.lock();
        if *state != State::Ended {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
            *state = State::Ended;
            self.watch.changed.notify_all();
        }
    }
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    /// It was killed.
    Overdue,
    /// Its status is collected.
    Ended,
}

#[derive(Default)]
struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, limit: Duration, group: Pid, words: &str) {
        let running = self.changed.wait_timeout_while(self.lock(), limit, |state| *state == State::Running);
        let (mut state, _) = running.unwrap_or_else(PoisonError::into_inner);
        if *state == State::Running {
            *state = State::Overdue;
            eprintln!("{words}: killed after {} s", limit.as_secs());
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A pipe that a thread reads.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    open: Receiver<()>,
}

impl Collected {
    fn new(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (end, open) = channel();
        if let Some(mut pipe) = pipe {
            let shared = Arc::clone(&bytes);
            std::thread::spawn(move || {
                let _open = end;
                let mut part = [0; 16 * 1024];
                while let Ok(count @ 1..) = pipe.read(&mut part) {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&part[..count]);
                }
            });
        }
        Self { bytes, open }
    }

    fn ends_before(&self, last: Instant) -> bool {
        let left = last.saturating_duration_since(Instant::now());
        self.open.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn said(stdout: &[u8], stderr: &[u8]) -> String {
    format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}
