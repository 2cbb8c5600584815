//! Job control under a real terminal: script(1) makes one, a shell in it starts learn, and this is who sits at it.

use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::jail::{Jail, names, said};
use crate::common::{Child, Command};

/// How long something may take to be seen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const INTERRUPT: &str = "\x03";
const SUSPEND: &str = "\x1a";

/// Says each signal that comes, and how many came, when it is asked to end by SIGUSR1.
const COUNTS: &str = r#"
$| = 1;
my %n;
for my $s (qw(INT TERM HUP QUIT CONT)) { $SIG{$s} = sub { $n{$s}++; print "got-$s\n" } }
$SIG{USR1} = sub {
    open F, "<", "/data/late";
    print "sum ", join(",", map { "$_=$n{$_}" } sort keys %n), " end\n";
    exit 7
};
print "ready-$$-\n";
select undef, undef, undef, 0.1 while 1
"#;

/// A terminal with a shell of the machine in it.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<String>>,
    /// How much of the screen was looked at.
    at: usize,
}

impl Terminal {
    /// In namespaces of its own for mounts and processes: what hangs goes with the value.
    fn new(jail: &Jail) -> Self {
        let root = jail.at("");
        let root = root.to_str().unwrap();
        let mut command = Command::new("unshare");
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("SHELL", "/bin/sh");
        command.args(["--mount-proc", "--fork", "--kill-child"]);
        // What ends with the terminal is not process 1, with which everything would end.
        let first = "mount -t proc proc \"$0/proc\" && script -qfc 'exec dash -i' /dev/null; sleep 60";
        command.args(["--pid", "sh", "-c", first, root]).env("ROOT", root).env("PS1", "prompt> ");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut out, shared) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let keys = child.stdin.take().unwrap();
        let mut terminal = Self { child, keys, screen, at: 0 };
        terminal.see("prompt> ");
        terminal.press("stty -echo\n");
        terminal.see("prompt> ");
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Start learn in the foreground.
    fn learn(&mut self, command: &str) {
        self.press(&format!("chroot \"$ROOT\" /harden learn -o /out/learned.toml -- {command}\n"));
    }

    /// Wait until that text comes; what came before it since the last time.
    fn see(&mut self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(found) = screen[self.at..].find(text) {
                let before = screen[self.at..self.at + found].to_owned();
                self.at += found + text.len();
                return before;
            }
            assert!(begin.elapsed() < PATIENCE, "no {text:?} after {:?}\n{screen}", &screen[self.at..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the shell says when a line ran.
    fn ask(&mut self, line: &str) -> String {
        self.press(&format!("{line}; echo 'an''swered'\n"));
        let said = self.see("answered");
        self.see("prompt> ");
        said
    }

    /// Ends the job of that process, which [`COUNTS`], and returns its sum and the shell's `$?`.
    fn sum(&mut self, pid: &str) -> (String, String) {
        self.kill("USR1", pid);
        self.see("sum ");
        let sum = self.see(" end");
        self.see("prompt> ");
        let status = self.ask("echo $?");
        (sum, status.trim().to_owned())
    }

    /// Whether the terminal's foreground group is that of this process.
    fn in_front(&self, pid: &str) -> bool {
        let groups = self.outside(&["ps", "-o", "tpgid=", "-o", "pgid=", "-p", pid]);
        let groups: Vec<&str> = groups.split_whitespace().collect();
        groups[0] == groups[1]
    }

    fn kill(&self, signal: &str, pid: &str) {
        self.outside(&["kill", &format!("-{signal}"), pid]);
    }

    /// What a program says that does not sit at this terminal, in the same namespaces.
    fn outside(&self, command: &[&str]) -> String {
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["--pid", "--mount", "--target", children.trim()]).args(command);
        let output = nsenter.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

#[test]
fn what_the_terminal_sends_comes_once() {
    let jail = Jail::new();
    jail.file("data/late", "");
    jail.file("data/counts", COUNTS);
    let mut terminal = Terminal::new(&jail);
    terminal.learn("perl /data/counts");
    terminal.see("ready-");
    let pid = terminal.see("-");
    terminal.press(INTERRUPT);
    terminal.see("got-INT");
    terminal.press("\x1c");
    terminal.see("got-QUIT");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(terminal.sum(&pid), ("INT=1,QUIT=1".to_owned(), "7".to_owned()));
    assert!(names(&jail.learned(), "/data/late"));
    // One that does not catch it ends by it, and the shell is told so.
    terminal.learn("sh -c 'cat /data/late; echo ready; exec sleep 100'");
    terminal.see("ready");
    terminal.press(INTERRUPT);
    terminal.see("prompt> ");
    assert_eq!(terminal.ask("echo $?").trim(), "130");
    assert!(names(&jail.learned(), "/data/late"));
}

#[test]
fn a_job_is_stopped_and_goes_on_in_the_foreground() {
    let jail = Jail::new();
    jail.file("data/late", "");
    jail.file("data/counts", COUNTS);
    let mut terminal = Terminal::new(&jail);
    terminal.learn("perl /data/counts");
    terminal.see("ready-");
    let pid = terminal.see("-");
    for _ in 0..2 {
        terminal.press(SUSPEND);
        terminal.see("prompt> ");
        assert!(terminal.ask("jobs").contains("Stopped"));
        let state = terminal.outside(&["ps", "-o", "stat=", "-p", &pid]);
        assert!(state.starts_with(['T', 't']), "it is not stopped: {state}");
        assert!(!terminal.in_front(&pid), "the shell has not taken the terminal back");
        terminal.press("fg\n");
        terminal.see("got-CONT");
        assert!(terminal.in_front(&pid));
    }
    terminal.press(INTERRUPT);
    terminal.see("got-INT");
    let (sum, status) = terminal.sum(&pid);
    // The shell wakes the whole job, and learn hands on what it got: the command may be woken twice.
    assert!(sum.starts_with("CONT=") && sum.ends_with(",INT=1") && status == "7", "{sum} {status}");
    assert!(names(&jail.learned(), "/data/late"));
}

/// A shell that learn starts hands the terminal to its own jobs and takes it back.
#[test]
fn a_shell_under_learn_has_jobs_of_its_own() {
    let jail = Jail::new();
    jail.file("data/late", "");
    let mut terminal = Terminal::new(&jail);
    terminal.press("export PS1='inner> '\n");
    terminal.see("inner> ");
    terminal.learn("sh -i");
    terminal.see("inner> ");
    terminal.press("perl -e '$| = 1; $SIG{CONT} = sub { print \"woke\\n\" }; print \"ready\\n\"; select undef, undef, undef, 0.1 while 1'\n");
    terminal.see("ready");
    terminal.press(SUSPEND);
    terminal.see("inner> ");
    terminal.press("jobs\n");
    assert!(terminal.see("inner> ").contains("Stopped"));
    terminal.press("fg\n");
    terminal.see("woke");
    terminal.press(INTERRUPT);
    terminal.see("inner> ");
    terminal.press("echo was $?\n");
    terminal.see("was 130");
    terminal.see("inner> ");
    terminal.press("cat /data/late; exit 9\n");
    terminal.see("inner> ");
    terminal.press("echo outer $?\n");
    terminal.see("outer 9");
    assert!(names(&jail.learned(), "/data/late"));
}

#[test]
fn a_background_job_cannot_read_the_terminal_until_it_is_in_front() {
    let jail = Jail::new();
    let mut terminal = Terminal::new(&jail);
    terminal.learn("sh -c 'read line; echo had $line' &");
    terminal.see("prompt> ");
    let begin = Instant::now();
    while !terminal.ask("jobs").contains("Stopped") {
        assert!(begin.elapsed() < PATIENCE, "it reads from behind");
        std::thread::sleep(Duration::from_millis(100));
    }
    terminal.press("fg\n");
    terminal.see("learned.toml");
    terminal.press("words\n");
    terminal.see("had words");
    terminal.see("prompt> ");
    assert!(names(&jail.learned(), "/usr/bin/sh"));
}

#[test]
fn a_terminal_that_goes_away_hangs_up_the_command_and_the_file_is_written() {
    let jail = Jail::new();
    jail.file("data/late", "");
    let mut terminal = Terminal::new(&jail);
    let code = "$SIG{HUP} = sub { open F, q(<), q(/data/late); exit 0 }; $| = 1; print qq(ready\\n); sleep 1 while 1";
    terminal.learn(&format!("perl -e '{code}'"));
    terminal.see("ready");
    let script = terminal.outside(&["pgrep", "-x", "script"]);
    terminal.kill("KILL", &script);
    let begin = Instant::now();
    while !jail.has_file() || !names(&jail.learned(), "/data/late") {
        assert!(begin.elapsed() < PATIENCE, "no file, or not whole: {}", jail.has_file());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_signal_to_learn_is_handed_on_in_a_terminal_too() {
    let jail = Jail::new();
    jail.file("data/late", "");
    jail.file("data/counts", COUNTS);
    let mut terminal = Terminal::new(&jail);
    terminal.learn("perl /data/counts");
    terminal.see("ready-");
    let pid = terminal.see("-");
    let learn = terminal.outside(&["ps", "-o", "ppid=", "-p", &pid]);
    for signal in ["TERM", "HUP"] {
        terminal.kill(signal, &learn);
        terminal.see(&format!("got-{signal}"));
    }
    assert_eq!(terminal.sum(&pid), ("HUP=1,TERM=1".to_owned(), "7".to_owned()));
    assert!(names(&jail.learned(), "/data/late"));
}
