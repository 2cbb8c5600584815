//! A root with a few real programs, and learn run in it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::common::{Child, Command};

/// Programs that every root has. Debian has all of them from the start.
const PROGRAMS: &[&str] = &["/bin/sh", "/bin/cat", "/bin/sleep", "/bin/ln", "/usr/bin/perl", "/usr/bin/setpriv"];

/// A root in a temporary directory.
pub(crate) struct Jail {
    directory: tempfile::TempDir,
}

/// How a run differs from the plain one.
#[derive(Default, Clone, Copy)]
pub(crate) struct How<'a> {
    /// learn is process 1 of a PID namespace.
    pub(crate) first: bool,
    /// Words before `harden`, as `setpriv …`, of the machine.
    pub(crate) before: &'a str,
    /// Options of learn.
    pub(crate) options: &'a [&'a str],
}

impl Jail {
    pub(crate) fn new() -> Self {
        let jail = Self { directory: tempfile::tempdir().unwrap() };
        for directory in ["proc", "dev", "tmp", "etc", "data", "out", "usr/bin", "usr/lib", "usr/lib64"] {
            fs::create_dir_all(jail.at(directory)).unwrap();
        }
        for (link, target) in [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")] {
            symlink(target, jail.at(link)).unwrap();
        }
        for program in PROGRAMS {
            let real = fs::canonicalize(program).unwrap();
            jail.program(&real, Path::new(program).file_name().unwrap().to_str().unwrap());
        }
        jail.program(Path::new(env!("CARGO_BIN_EXE_harden")), "../../harden");
        for directory in
            fs::read_dir("/usr/lib/x86_64-linux-gnu").into_iter().chain(fs::read_dir("/usr/lib/aarch64-linux-gnu"))
        {
            for perl in directory.flatten().filter(|entry| entry.file_name() == "perl-base") {
                let to = jail.at(perl.path().strip_prefix("/").unwrap().to_str().unwrap());
                let status = Command::new("cp").arg("-rL").arg(perl.path()).arg(to).status().unwrap();
                assert!(status.success());
            }
        }
        let made = Command::new("mknod").args(["-m", "666"]).arg(jail.at("dev/null")).args(["c", "1", "3"]).status();
        assert!(made.unwrap().success(), "cannot make /dev/null: these tests need root");
        jail.file("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/data:/bin/sh\n");
        jail.file("etc/group", "root:x:0:\napp:x:1000:\nextra:x:1234:app\n");
        jail
    }

    /// A program of the machine, by that name in /usr/bin, with its libraries.
    pub(crate) fn program(&self, program: &Path, name: &str) {
        copy(program, &self.at(&format!("usr/bin/{name}")));
        for library in libraries(program) {
            let to = self.at(library.to_str().unwrap());
            if !to.exists() {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                copy(&library, &to);
            }
        }
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        symlink(target, self.at(path)).unwrap();
    }

    /// Start learn; its standard input is a pipe.
    pub(crate) fn start(&self, how: How<'_>, command: &[&str]) -> Child {
        let script = format!(
            "mount -t proc proc \"$0/proc\" && exec {} chroot \"$0\" /harden learn -o /out/learned.toml \"$@\"",
            how.before
        );
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        if how.first {
            unshare.args(["--pid", "--fork"]);
        }
        unshare.args(["sh", "-c", &script]).arg(self.directory.path()).args(how.options).arg("--").args(command);
        unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        unshare.spawn().unwrap()
    }

    pub(crate) fn run(&self, how: How<'_>, command: &[&str]) -> Output {
        self.start(how, command).wait_with_output().unwrap()
    }

    /// Run learn plainly, and expect status 0.
    pub(crate) fn learn(&self, command: &[&str]) -> String {
        let output = self.run(How::default(), command);
        assert!(output.status.success(), "{:?}: {}", output.status, said(&output));
        self.learned()
    }

    /// Perl code, learned from.
    pub(crate) fn perl(&self, code: &str) -> String {
        self.learn(&["perl", "-e", code])
    }

    pub(crate) fn learned(&self) -> String {
        fs::read_to_string(self.at("out/learned.toml")).unwrap()
    }

    pub(crate) fn has_file(&self) -> bool {
        self.at("out/learned.toml").exists()
    }
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether an entry names that path.
pub(crate) fn names(learned: &str, path: &str) -> bool {
    learned.contains(&format!("= \"{path}\", reason"))
}

/// By a process of its own: a descriptor open for writing, inherited by what another test starts meanwhile, would make
/// the copy "text file busy".
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-L").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cannot copy {}", from.display());
}

fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}
