//! Multi-call binaries of Debian, for all its processors: run before and after, on this machine and under qemu.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::common::Command;
use crate::docker::{both, fixture};

/// One binary of Debian, and how it is started here.
struct Real {
    path: PathBuf,
    /// Not of this machine's processor: by this program.
    qemu: Option<&'static str>,
    runs: bool,
}

fn every() -> Vec<Real> {
    let mut all: Vec<PathBuf> = fs::read_dir(fixture("applets")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_file());
    all.sort();
    assert!(all.len() >= 28, "only {} binaries of Debian; run: make setup", all.len());
    let real = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let here = if cfg!(target_arch = "aarch64") { "-arm64-" } else { "-amd64-" };
        let emulated = !name.contains(here) && name.contains("-arm64-") && name.ends_with("-static");
        // The C library of this machine may be older than a newer Debian's programs.
        let runs = name.contains(here) && (name.ends_with("-static") || name.starts_with("bookworm"));
        Real { path, qemu: emulated.then_some("/usr/bin/qemu-aarch64-static"), runs: runs || emulated }
    };
    all.into_iter().map(real).collect()
}

impl Real {
    fn data(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Start `program`, a copy of this binary, under a name.
    fn run(&self, program: &Path, name: &str, args: &[&str], input: &str) -> Output {
        let mut command = match self.qemu {
            Some(qemu) => {
                let mut command = Command::new(qemu);
                command.args(["-0", name]).arg(program);
                command
            }
            None => {
                let mut command = Command::new("/bin/bash");
                command.args(["-c", "exec -a \"$0\" \"$@\"", name]).arg(program);
                command
            }
        };
        command.args(args).env_clear().env("PATH", "/nonexistent").current_dir(program.parent().unwrap());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("make setup");
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }
}

fn write(dir: &Path, name: &str, data: &[u8]) -> PathBuf {
    let path = dir.join(name);
    // By a process of its own: a descriptor that another test's child inherits would keep the file busy.
    let mut child = Command::new("dd")
        .arg(format!("of={}", path.display()))
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(data).unwrap();
    assert!(child.wait().unwrap().success());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The same numbers every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

#[test]
fn random_sets_of_applets_answer_as_the_search_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(1);
    for real in every() {
        let shown = real.path.display();
        let data = real.data();
        let found = harden::testing::applets::read(&data).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(found.names.len() > 100, "{shown}: {} applets", found.names.len());
        let busybox = found.family == harden::testing::applets::Family::Busybox;
        for round in 0..if busybox { 3 } else { 1 } {
            let one_in = [2, 10, 100][round];
            let kept: Vec<&String> = found.names.iter().filter(|_| numbers.next().is_multiple_of(one_in)).collect();
            let keep = |name: &str| kept.iter().any(|other| *other == name);
            // Every name is searched in the result before it is handed out.
            let patched =
                harden::testing::applets::disable(&data, &keep).unwrap_or_else(|error| panic!("{shown}: {error}"));
            let left = harden::testing::applets::read(&patched.data).unwrap().names;
            let left: Vec<&String> = left.iter().filter(|name| busybox || *name != "false" || keep(name)).collect();
            assert_eq!(left, kept, "{shown}");
            if !real.runs || !busybox {
                continue;
            }
            let program = write(dir.path(), "busybox", &patched.data);
            let old = write(dir.path(), "old", &data);
            for name in found.names.iter().filter(|_| numbers.next().is_multiple_of(12)) {
                let answer = real.run(&program, name, &["--help"], "");
                if keep(name) {
                    assert_eq!(answer, real.run(&old, name, &["--help"], ""), "{shown}: {name}");
                } else {
                    assert!(both(&answer).ends_with(&format!("{name}: applet not found\n")), "{shown}: {name}");
                    assert_eq!(answer.status.code(), Some(127), "{shown}: {name}");
                }
            }
        }
    }
}

const TEXT: &str = "delta 4\nalpha 1\ncharlie 3\nbravo 2\nalpha 1\n";

/// What kept applets are asked, before and after.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("cat", &[]),
    ("cat", &["-n"]),
    ("sort", &[]),
    ("sort", &["-u"]),
    ("sort", &["-k2", "-n", "-r"]),
    ("uniq", &["-c"]),
    ("wc", &[]),
    ("wc", &["-l"]),
    ("head", &["-n", "2"]),
    ("tail", &["-n", "2"]),
    ("cut", &["-d", " ", "-f2"]),
    ("tr", &["a-z", "A-Z"]),
    ("tr", &["-d", "a"]),
    ("sed", &["s/a/X/g"]),
    ("sed", &["-n", "2,3p"]),
    ("sed", &["-e", "1d", "-e", "$!N"]),
    ("grep", &["alpha"]),
    ("grep", &["-c", "a"]),
    ("grep", &["-v", "-E", "^(a|b)"]),
    ("egrep", &["^(a|b)"]),
    ("fgrep", &["1"]),
    ("awk", &["{ s += $2 } END { print s, NR }"]),
    ("awk", &["{ print toupper($1) }"]),
    ("awk", &["BEGIN { printf \"%05.2f|%s\\n\", 3.14159, substr(\"hello\", 2, 3) }"]),
    ("nl", &[]),
    ("rev", &[]),
    ("tac", &[]),
    ("od", &["-c"]),
    ("hexdump", &["-C"]),
    ("md5sum", &[]),
    ("sha1sum", &[]),
    ("sha256sum", &[]),
    ("sha512sum", &[]),
    ("cksum", &[]),
    ("base64", &[]),
    ("fold", &["-w", "3"]),
    ("expr", &["2", "*", "21"]),
    ("seq", &["1", "5"]),
    ("basename", &["/usr/lib/x.so", ".so"]),
    ("dirname", &["/usr/lib/x.so"]),
    ("printf", &["%d-%s\\n", "7", "x"]),
    ("echo", &["a", "b"]),
    ("test", &["1", "-lt", "2"]),
    ("[", &["1", "-gt", "2", "]"]),
    ("false", &[]),
    ("dd", &["bs=4", "count=3", "status=none"]),
    ("sh", &["-c", "read a b; echo \"$b-$a\"; for i in 1 2 3; do echo $((i * i)); done"]),
    ("sh", &["-c", "while read -r line; do case $line in a*) echo \"${line#* }\";; esac; done; exit 3"]),
];

#[test]
fn kept_applets_behave_as_before_and_shells_reach_no_other() {
    let dir = tempfile::tempdir().unwrap();
    for real in every().into_iter().filter(|real| real.runs) {
        let shown = real.path.display().to_string();
        let data = real.data();
        let found = harden::testing::applets::read(&data).unwrap();
        if found.family != harden::testing::applets::Family::Busybox {
            continue;
        }
        let keep = |name: &str| QUESTIONS.iter().any(|(other, _)| *other == name);
        let program = write(dir.path(), "busybox", &harden::testing::applets::disable(&data, &keep).unwrap().data);
        let old = write(dir.path(), "old", &data);
        let mut asked = 0;
        for (name, args) in QUESTIONS.iter().filter(|(name, _)| found.names.iter().any(|other| other == name)) {
            let answer = real.run(&program, name, args, TEXT);
            assert_eq!(answer, real.run(&old, name, args, TEXT), "{shown}: {name} {args:?}");
            asked += 1;
        }
        assert!(asked >= 40, "{shown}: {asked} questions");
        // PATH leads nowhere: what starts now starts inside the binary, as standalone shells do it.
        for name in ["wget", "vi", "nc", "telnet", "tftp", "ftpget", "ps", "chmod", "mount", "su"] {
            for code in [format!("{name} --help"), format!("exec {name} --help"), format!("command {name} --help")] {
                let answer = real.run(&program, "sh", &["-c", &code], "");
                assert_eq!(answer.status.code(), Some(127), "{shown}: {code}: {}", both(&answer));
            }
        }
        // It starts itself anew for cat, which the kernel does for its own processor only.
        if shown.ends_with("-static") && real.qemu.is_none() {
            let answer = real.run(&program, "sh", &["-c", "echo ok; cat; basename /a/b"], "in\n");
            assert_eq!(String::from_utf8_lossy(&answer.stdout), "ok\nin\nb\n", "{shown}: {}", both(&answer));
        }
    }
}

#[test]
fn names_that_toybox_and_uutils_lose_do_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for real in every().into_iter().filter(|real| real.runs && real.qemu.is_none()) {
        let data = real.data();
        let found = harden::testing::applets::read(&data).unwrap();
        if found.family == harden::testing::applets::Family::Busybox {
            continue;
        }
        let program = write(
            dir.path(),
            "program",
            &harden::testing::applets::disable(&data, &|name| name == "echo").unwrap().data,
        );
        let answer = real.run(&program, "echo", &["ok"], "");
        assert_eq!(String::from_utf8_lossy(&answer.stdout), "ok\n", "{}: {}", real.path.display(), both(&answer));
        for name in ["ls", "cat", "env", "id"] {
            let answer = real.run(&program, name, &[], "");
            assert_eq!(
                (answer.status.code(), both(&answer)),
                (Some(1), String::new()),
                "{} {name}",
                real.path.display()
            );
        }
        tried += 1;
    }
    assert!(tried >= 2);
}
