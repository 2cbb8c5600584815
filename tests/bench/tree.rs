//! Makes a root file system of a given number of entries, in the shape of a Debian one: merged /usr, account files,
//! dpkg's database, packages with programs, libraries, deep data and documentation, and beside them an application
//! that no package owns. The same number gives the same tree.
//!
//! Plain std, so that `make bench` compiles it alone and the budget tests take it as a module.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

/// `tree DIR ENTRIES`: the binary form.
#[allow(dead_code, reason = "the budget tests take this file as a module")]
fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(root), Some(entries)) = (args.next(), args.next().and_then(|n| n.to_str()?.parse().ok())) else {
        return Err(io::Error::other("usage: tree DIR ENTRIES"));
    };
    let made = generate(Path::new(&root), entries)?;
    let mut out = io::stdout();
    writeln!(out, "{made}")
}

/// Directories that every image has.
const BASE: [&str; 24] = [
    "etc",
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib64",
    "usr/share",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/local",
    "usr/local/bin",
    "var",
    "var/lib",
    "var/lib/dpkg",
    "var/lib/dpkg/info",
    "var/log",
    "var/cache",
    "run",
    "root",
    "srv",
    "srv/app",
    "proc",
];

/// Users of a Debian base that matter here: name and number, the group alike.
const ACCOUNTS: [(&str, u32); 6] =
    [("root", 0), ("daemon", 1), ("bin", 2), ("games", 5), ("www-data", 33), ("nobody", 65534)];

/// Languages of translated messages, one file for each package.
const LANGUAGES: [&str; 6] = ["de", "fr", "hi", "ja", "pt_BR", "zh_CN"];

/// A tree that counts what it makes.
struct Maker {
    root: PathBuf,
    made: usize,
    /// Paths that the package at hand owns.
    list: String,
}

/// Make `entries` entries below `root`, which is made and must not exist. Answers how many there are, the root
/// included; that is never fewer than asked for, and more by less than one package has.
///
/// # Errors
/// When the file system says no.
pub fn generate(root: &Path, entries: usize) -> io::Result<usize> {
    fs::create_dir(root)?;
    let mut maker = Maker { root: root.to_owned(), made: 1, list: String::new() };
    maker.base()?;
    // Half of the tree is the distribution's.
    let mut status = fs::File::create(root.join("var/lib/dpkg/status")).map(io::BufWriter::new)?;
    maker.made += 1;
    let mut number = 0;
    while maker.made < entries / 2 {
        maker.package(number)?;
        write!(
            status,
            "Package: part{number}\nStatus: install ok installed\nPriority: optional\nSection: utils\n\
             Installed-Size: 120\nMaintainer: Nobody <nobody@example.org>\nArchitecture: amd64\nVersion: 1.{number}-1\n\
             Depends: libc6 (>= 2.34)\nDescription: part {number} of a generated tree\n\n"
        )?;
        number += 1;
    }
    status.flush()?;
    maker.application(entries)?;
    Ok(maker.made)
}

impl Maker {
    fn base(&mut self) -> io::Result<()> {
        for path in BASE {
            self.directory(path)?;
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            self.link(name, &format!("usr/{name}"))?;
        }
        for name in ["tmp", "var/tmp"] {
            self.directory(name)?;
            fs::set_permissions(self.root.join(name), fs::Permissions::from_mode(0o1777))?;
        }
        let (mut passwd, mut group, mut shadow, mut gshadow) =
            (String::new(), String::new(), String::new(), String::new());
        for (name, id) in ACCOUNTS {
            passwd += &format!("{name}:x:{id}:{id}:{name}:/:/bin/sh\n");
            group += &format!("{name}:x:{id}:\n");
            shadow += &format!("{name}:*:19700:0:99999:7:::\n");
            gshadow += &format!("{name}:*::\n");
        }
        self.file("etc/passwd", passwd.as_bytes(), 0o644)?;
        self.file("etc/group", group.as_bytes(), 0o644)?;
        self.file("etc/shadow", shadow.as_bytes(), 0o640)?;
        self.file("etc/gshadow", gshadow.as_bytes(), 0o640)?;
        self.file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\nNAME=\"Debian GNU/Linux\"\n", 0o644)?;
        self.file("etc/debian_version", b"12.5\n", 0o644)?;
        self.file("usr/bin/dash", &program(), 0o755)?;
        self.file("usr/bin/sleep", &program(), 0o755)?;
        self.link("usr/bin/sh", "dash")?;
        self.file("usr/sbin/nologin", &program(), 0o755)
    }

    /// One package: about fifty entries.
    fn package(&mut self, number: usize) -> io::Result<()> {
        self.list = "/.\n/usr\n/usr/bin\n/usr/share\n/usr/share/doc\n".to_owned();
        let name = format!("part{number}");
        // Half of the programs are scripts; some packages have none.
        if number % 5 != 4 {
            let path = format!("usr/bin/{name}");
            let mode = if number.is_multiple_of(97) { 0o4755 } else { 0o755 };
            if number.is_multiple_of(2) {
                self.file(&path, &program(), mode)?;
            } else {
                self.file(&path, b"#!/bin/sh\nexec true\n", mode)?;
            }
            self.link(&format!("usr/bin/{name}-alias"), &name)?;
        }
        let library = format!("usr/lib/x86_64-linux-gnu/lib{name}.so.1");
        self.file(&format!("{library}.0"), b"", 0o644)?;
        self.link(&library, &format!("lib{name}.so.1.0"))?;
        // Deep, as plug-ins and modules of languages lie.
        let mut directory = format!("usr/lib/{name}");
        self.directory(&directory)?;
        for level in ["modules", "core", "backend", "linux", "generic"] {
            directory = format!("{directory}/{level}");
            self.directory(&directory)?;
            for file in ["init.py", "main.py", "data.bin"] {
                self.file(&format!("{directory}/{file}"), b"", 0o644)?;
            }
        }
        let share = format!("usr/share/{name}");
        self.directory(&share)?;
        for file in 0..6 {
            self.file(&format!("{share}/table-{file}.txt"), b"", if number % 50 == 7 { 0o666 } else { 0o644 })?;
        }
        for language in LANGUAGES {
            let messages = format!("usr/share/locale/{language}/LC_MESSAGES");
            if number == 0 {
                self.directory(&format!("usr/share/locale/{language}"))?;
                self.directory(&messages)?;
            }
            self.file(&format!("{messages}/{name}.mo"), b"", 0o644)?;
        }
        let doc = format!("usr/share/doc/{name}");
        self.directory(&doc)?;
        self.file(&format!("{doc}/copyright"), b"", 0o644)?;
        self.file(&format!("{doc}/changelog.gz"), b"", 0o644)?;
        let info = format!("var/lib/dpkg/info/{name}");
        let list = std::mem::take(&mut self.list);
        self.file(&format!("{info}.list"), list.as_bytes(), 0o644)?;
        self.file(&format!("{info}.md5sums"), b"", 0o644)
    }

    /// What no package owns, up to `entries` in all: modules in modules, a little of it owned by an account that goes.
    fn application(&mut self, entries: usize) -> io::Result<()> {
        let mut number = 0_usize;
        while self.made < entries {
            let mut directory = format!("srv/app/module{number}");
            self.directory(&directory)?;
            for level in ["lib", "internal", "vendor"] {
                directory = format!("{directory}/{level}");
                self.directory(&directory)?;
                for file in 0..7 {
                    self.file(&format!("{directory}/index-{file}.js"), b"", 0o644)?;
                }
            }
            if number.is_multiple_of(100) {
                // A file: a directory of an account that goes would be asked for.
                chown(self.root.join(format!("{directory}/index-0.js")), Some(33), Some(33))?;
            }
            self.link(&format!("srv/app/module{number}/main.js"), "lib/index-0.js")?;
            number += 1;
        }
        Ok(())
    }

    fn directory(&mut self, path: &str) -> io::Result<()> {
        self.count(path);
        fs::create_dir(self.root.join(path))
    }

    fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.count(path);
        symlink(target, self.root.join(path))
    }

    fn file(&mut self, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
        self.count(path);
        let path = self.root.join(path);
        fs::write(&path, content)?;
        // What the umask of whoever runs this gives is 0644 or stricter.
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
    }

    fn count(&mut self, path: &str) {
        self.made += 1;
        self.list.push('/');
        self.list.push_str(path);
        self.list.push('\n');
    }
}

/// The smallest file that is a program by its headers: ELF, x86_64, an entry point, one segment, no interpreter.
fn program() -> Vec<u8> {
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |elf: &mut Vec<u8>, n: u16| elf.extend(n.to_le_bytes());
    half(&mut elf, 2); // ET_EXEC
    half(&mut elf, 62); // EM_X86_64
    elf.extend(1_u32.to_le_bytes());
    elf.extend(0x40_0078_u64.to_le_bytes()); // entry point
    elf.extend(64_u64.to_le_bytes()); // program headers
    elf.extend(0_u64.to_le_bytes()); // no sections
    elf.extend(0_u32.to_le_bytes());
    for n in [64, 56, 1, 64, 0, 0] {
        half(&mut elf, n);
    }
    elf.extend(1_u32.to_le_bytes()); // PT_LOAD
    elf.extend(5_u32.to_le_bytes()); // readable, executable
    for n in [0_u64, 0x40_0000, 0x40_0000, 128, 128, 0x1000] {
        elf.extend(n.to_le_bytes());
    }
    elf.extend([0x0f, 0x05, 0xc3, 0, 0, 0, 0, 0]);
    elf
}
