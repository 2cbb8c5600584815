//! Counts what an image holds, from inside a container of it: what starts from a command directory or from PATH, whether the
//! interpreter of each script there exists, and what every ELF file's libraries resolve to under the image's own
//! loader; and how many regular files, ELF files and bytes of content there are. The tests copy it in as one static
//! file; it needs nothing of the image, and shares no code with harden.
//!
//! Prints lines of fields that are separated by tabs: `command PATH`, `needs PATH ANSWER`, `sum WHAT NUMBER`, sorted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const COMMAND_DIRECTORIES: [&str; 8] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games", "/usr/local/games"];

/// The loaders of glibc and musl; the first one that is there answers.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

fn main() -> io::Result<()> {
    let own = std::env::current_exe()?;
    let mut lines = BTreeSet::new();
    let path = std::env::var("PATH").unwrap_or_default();
    for directory in COMMAND_DIRECTORIES.into_iter().chain(path.split(':')) {
        // Links like /bin -> usr/bin are counted once, under the real name.
        let Ok(real) = fs::canonicalize(directory) else { continue };
        for entry in fs::read_dir(&real)? {
            let path = entry?.path();
            let runnable = path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
            let head = head(&path);
            let interpreter = interpreter(&head);
            if runnable && (head.starts_with(b"\x7fELF") || interpreter.is_some()) {
                lines.insert(format!("command\t{}", path.display()));
            }
            if let Some(interpreter) = interpreter.filter(|_| runnable) {
                let there = if Path::new(interpreter).exists() { "is there" } else { "is missing" };
                lines.insert(format!("needs\t{}\t{interpreter} {there}", path.display()));
            }
        }
    }
    let loader = LOADERS.into_iter().find(|path| Path::new(path).exists());
    let mut files = Vec::new();
    walk(Path::new("/"), &mut files);
    // Bytes by device and inode: a file of several names counts once.
    let mut sizes = BTreeMap::new();
    let mut objects = BTreeSet::new();
    for path in files.into_iter().filter(|path| *path != own) {
        let data = path.symlink_metadata()?;
        let inode = (data.dev(), data.ino());
        sizes.insert(inode, data.len());
        if head(&path).starts_with(b"\x7fELF") {
            objects.insert(inode);
            let answer = loader.map_or_else(|| "no loader".to_owned(), |loader| resolve(loader, &path));
            lines.insert(format!("needs\t{}\t{answer}", path.display()));
        }
    }
    lines.insert(format!("sum\tfiles\t{}", sizes.len()));
    lines.insert(format!("sum\tobjects\t{}", objects.len()));
    lines.insert(format!("sum\tbytes\t{}", sizes.values().sum::<u64>()));
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn head(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(256).read_to_end(&mut bytes);
    }
    bytes
}

/// The program that the first line of a script names.
fn interpreter(head: &[u8]) -> Option<&str> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line).ok()?.split_whitespace().next()
}

/// Every regular file of the image itself.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if !["/proc", "/sys", "/dev"].iter().any(|mount| path == Path::new(mount)) {
                walk(&path, files);
            }
        } else if kind.is_file() {
            files.push(path);
        }
    }
}

/// What the loader says of a file: the lines of `--list` without addresses, in their order.
fn resolve(loader: &str, path: &Path) -> String {
    // Where the file stands, as the shell of somebody who asks there: $ORIGIN is the file's own directory.
    let output = Command::new(loader).arg("--list").arg(path).stdin(Stdio::null()).output();
    let Ok(output) = output else { return format!("{loader} does not start") };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(|line| line.split(" (0x").next().unwrap_or(line).trim());
    let lines: Vec<&str> = lines.collect();
    // A loader that is given a static program says nothing.
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("; ") }
}
