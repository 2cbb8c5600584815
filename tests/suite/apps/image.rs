//! A root file system in a temporary directory, and the program run on it from outside.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::common::Command;

/// The smallest file that Linux takes for a program: an ELF header of a static executable with an entry point.
const PROGRAM: [u8; 64] = {
    let mut elf = [0; 64];
    let head = *b"\x7fELF\x02\x01\x01";
    let mut at = 0;
    while at < head.len() {
        elf[at] = head[at];
        at += 1;
    }
    elf[16] = 2; // ET_EXEC
    elf[18] = 62; // x86-64
    elf[20] = 1; // version
    elf[24] = 64; // entry
    elf[52] = 64; // size of this header
    elf[54] = 56; // size of a program header
    elf
};

pub(crate) struct Image {
    directory: tempfile::TempDir,
    config: String,
}

/// How one run ended.
pub(crate) struct Run {
    pub(crate) status: i32,
    /// Standard output and standard error, one after the other.
    pub(crate) text: String,
}

impl Image {
    /// A Debian with root, www-data and app, a merged /usr and a log directory.
    pub(crate) fn debian() -> Self {
        let image = Self { directory: tempfile::tempdir().unwrap(), config: "[run]\nuser = \"app\"\n".to_owned() };
        let image = image.link("/bin", "usr/bin").link("/sbin", "usr/sbin").link("/lib", "usr/lib");
        let image = image.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n").file("/var/log/old", "x");
        image
            .file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\ndeploy:x:34:34::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n")
            .file("/etc/group", "root:x:0:\nwww-data:x:33:\ndeploy:x:34:\napp:x:1000:\n")
            .file("/etc/shadow", "root:*:1::::::\nwww-data:*:1::::::\ndeploy:*:1::::::\napp:*:1::::::\n")
            .file("/etc/gshadow", "root:*::\nwww-data:*::\ndeploy:*::\napp:*::\n")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    fn parents(&self, path: &str) -> PathBuf {
        let at = self.path(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        at
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        let at = self.parents(path);
        fs::write(&at, content).unwrap();
        fs::set_permissions(at, fs::Permissions::from_mode(0o644)).unwrap();
        self
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    pub(crate) fn script(self, path: &str, content: &str) -> Self {
        let image = self.file(path, content);
        fs::set_permissions(image.path(path), fs::Permissions::from_mode(0o755)).unwrap();
        image
    }

    pub(crate) fn mode(self, path: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn mode_of(&self, path: &str) -> u32 {
        fs::metadata(self.path(path)).unwrap().permissions().mode() & 0o7777
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        symlink(target, self.parents(path)).unwrap();
        self
    }

    pub(crate) fn programs(self, paths: &[&str]) -> Self {
        for path in paths {
            let at = self.parents(path);
            fs::write(&at, PROGRAM).unwrap();
            fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self
    }

    /// A dpkg record with the paths that the package lists.
    pub(crate) fn package(self, record: &str, paths: &[&str]) -> Self {
        let name = record.split_whitespace().nth(1).unwrap().to_owned();
        let status = fs::read_to_string(self.path("/var/lib/dpkg/status")).unwrap_or_default();
        let record = format!("{}\nStatus: install ok installed\nVersion: 1\n\n", record.trim_end());
        self.file("/var/lib/dpkg/status", &(status + &record))
            .file(&format!("/var/lib/dpkg/info/{name}.list"), &(paths.join("\n") + "\n"))
    }

    /// Replace harden.toml.
    pub(crate) fn config(mut self, text: &str) -> Self {
        self.config = text.to_owned();
        self
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// `harden COMMAND --root` this tree.
    pub(crate) fn run(&self, command: &str) -> Run {
        let mut config = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut config, self.config.as_bytes()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_harden"))
            .arg(command)
            .arg("--root")
            .arg(self.directory.path())
            .arg("--config")
            .arg(config.path())
            .env_clear()
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        Run { status: output.status.code().unwrap(), text }
    }

    /// Apply, and apply again, which must find nothing to do.
    pub(crate) fn harden(&self) -> Run {
        let first = self.run("apply");
        assert_eq!(first.status, 0, "{}", first.text);
        let second = self.run("apply");
        assert_eq!(second.status, 0, "{}", second.text);
        let plan = self.run("plan");
        assert!(plan.text.contains("nothing to do") || !plan.text.contains("remove "), "{}", plan.text);
        first
    }
}
