//! The real binary, with no environment but what a test gives it.

use std::ffi::OsStr;
use std::io::Write;
use std::process::Stdio;

use super::Command;
use super::rootfs::Rootfs;

/// How one run ended.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Copy the binary to where a test starts it. By a process of its own: a descriptor open for writing, inherited by what
/// another test starts meanwhile, would make the copy "text file busy".
pub(crate) fn install_binary(at: &std::path::Path) {
    let copied = Command::new("cp").arg("--").arg(env!("CARGO_BIN_EXE_harden")).arg(at).status().unwrap();
    assert!(copied.success(), "cannot copy the binary to {}", at.display());
}

/// Run the binary with these arguments only.
pub(crate) fn bare<A: AsRef<OsStr>>(args: &[A], environment: &[(&str, &str)], stdin: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads no standard input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Run {
        status: output.status.code().expect("harden is not killed by a signal"),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

impl Run {
    /// The report on standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }

    /// Everything that was said, for messages.
    pub(crate) fn all(&self) -> String {
        let report = if self.stdout.starts_with('{') { "(a JSON report)" } else { &self.stdout };
        format!("status {}\n{}{report}", self.status, self.stderr)
    }
}

impl Rootfs {
    /// Run `harden COMMAND --root THIS` with more arguments.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, command: &str, args: &[A]) -> Run {
        self.run_with(command, args, &[], b"")
    }

    /// The same with an environment and standard input.
    pub(crate) fn run_with<A: AsRef<OsStr>>(
        &self,
        command: &str,
        args: &[A],
        environment: &[(&str, &str)],
        stdin: &[u8],
    ) -> Run {
        let mut all = vec![OsStr::new(command), OsStr::new("--root"), self.path().as_os_str()];
        all.extend(args.iter().map(AsRef::as_ref));
        bare(&all, environment, stdin)
    }
}
