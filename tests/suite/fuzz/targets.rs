//! What is fuzzed, one function for each kind of input, shared by `make test` (tests/suite/fuzz.rs) and cargo-fuzz (fuzz/).
//!
//! Each answers what happened, in words: the driver of `make test` keeps an input whose words are new. What must hold
//! of any input is asserted here.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use harden::testing::applets::{self, Family};
use harden::testing::archive::{self, Archive};
use harden::testing::cli::Cli;
use harden::testing::facts::accounts::{self, Database};
use harden::testing::facts::elf::{Bytes, Elf, HEAD};
use harden::testing::facts::program::Shebang;
use harden::testing::policy::{self, Environment, Inputs, Options};
use harden::testing::shell::{Code, Dialect, execline, names, quoted, split};

use super::image::Image;
use crate::common::{Spec, library, program};

thread_local! {
    /// Made once: it takes a walk over a directory.
    static IMAGE: Image = Image::new();
}

/// A file whose reads are counted.
struct Counted<'a>(&'a [u8], Cell<usize>);

impl Bytes for Counted<'_> {
    fn at(&self, offset: u64, len: usize) -> anyhow::Result<Vec<u8>> {
        assert!(len <= 4 << 20, "{len} bytes in one read");
        let read = self.0.at(offset, len)?;
        self.1.set(self.1.get() + read.len());
        Ok(read)
    }
}

/// Lines of passwd, group, shadow and gshadow: what is read is written again, byte for byte.
pub(crate) fn account_files(data: &[u8]) -> String {
    let mut outcome = String::new();
    for database in [Database::Passwd, Database::Group, Database::Shadow, Database::Gshadow] {
        let lines = accounts::parse(database, data);
        assert_eq!(accounts::write(&lines), data, "{database:?}");
        for line in &lines {
            assert!(!line.text().contains(&b'\n'));
            let fields: Vec<&[u8]> = line.fields().collect();
            assert_eq!(fields.join(&b':'), line.text());
            let changed = line.with_field(1, b"*");
            assert!(line.defect.is_some() || (changed.field(1) == b"*" && changed.name() == line.name()));
        }
        let defects: std::collections::BTreeSet<_> =
            lines.iter().filter_map(|line| line.defect.map(|defect| format!("{defect:?}"))).collect();
        outcome += &format!("{database:?} {} {defects:?} ", lines.len().min(3));
    }
    outcome
}

/// harden.toml: a policy, or problems that say where.
pub(crate) fn configuration(data: &[u8]) -> String {
    struct Only<'a>(&'a [u8]);
    impl Inputs for Only<'_> {
        fn read(&self, _: &Path, limit: usize) -> io::Result<Vec<u8>> {
            Ok(self.0[..self.0.len().min(limit)].to_vec())
        }

        fn stdin(&self, _: usize) -> io::Result<Vec<u8>> {
            Ok(Vec::new())
        }

        fn list(&self, _: &Path) -> io::Result<Vec<String>> {
            Ok(Vec::new())
        }

        fn canonical(&self, path: &Path) -> PathBuf {
            path.to_path_buf()
        }
    }
    let cli = Cli::read(["harden", "plan", "--config", "/harden.toml"]).unwrap();
    let options = Options::new(&cli, &Environment::new());
    match policy::load(&options, None, &harden::testing::run::known(), &Only(data)) {
        Ok(loaded) => {
            // What is dumped is a configuration that says the same; a comment tells what came from the profile.
            let again = |text: &str| {
                let again = policy::load(&options, None, &harden::testing::run::known(), &Only(text.as_bytes()));
                policy::dump(&again.unwrap_or_else(|problems| panic!("{problems:?} of\n{text}")).policy)
            };
            let once = again(&policy::dump(&loaded.policy));
            assert_eq!(again(&once), once);
            let keep = &loaded.policy.keep;
            format!("{:?} {} {}", keep.commands.len().min(4), keep.paths.len().min(4), loaded.warnings.len())
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            // The words, not the values and places in them.
            let words = |text: String| text.split(['\'', '"', ':']).next().unwrap_or_default().to_owned();
            format!("{:?}", problems.iter().map(|problem| words(format!("{problem:?}"))).collect::<Vec<_>>())
        }
    }
}

/// An ELF file: bounded reads, whatever its tables say.
pub(crate) fn elf(data: &[u8]) -> String {
    let bytes = Counted(data, Cell::new(0));
    let outcome = match Elf::parse(&data[..data.len().min(HEAD)], &bytes) {
        Err(error) => format!("refused: {error}"),
        Ok(elf) => {
            let names = elf.names(&bytes).map(|names| {
                let size = |list: &[Vec<u8>]| list.len().min(4);
                (size(&names.needed), size(&names.optional), names.soname.is_some(), names.runpath.is_some())
            });
            let imports = elf.imports(&["system", "popen", "wordexp"], &bytes);
            let shape = (elf.abi.class, elf.abi.big, elf.kind, elf.entry != 0, elf.interpreter.is_some());
            format!("{shape:?} {:?} {names:?} {imports:?}", (elf.pie, elf.damaged))
        }
    };
    // Tables may overlap, so that a byte is read more than once; never without bound.
    assert!(bytes.1.get() <= 8 << 20, "{} bytes read of a file of {}", bytes.1.get(), data.len());
    outcome
}

/// The same file as a program and as the library that it needs.
pub(crate) fn programs(data: &[u8]) -> String {
    IMAGE.with(|image| image.closure(&[("/usr/bin/prog", data), ("/lib/liba.so", data)]))
}

/// ld.so.cache, ld.so.conf, ld.so.preload, nsswitch.conf, a PAM service, and a script.
pub(crate) fn loader(data: &[u8]) -> String {
    let program = program("/lib/ld.so", &["liba.so", "libc.so.6"]);
    let files = ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/pam.d/prog"];
    let mut all = vec![("/usr/bin/prog", &program[..]), ("/usr/bin/script", data)];
    all.extend(files.map(|file| (file, data)));
    IMAGE.with(|image| image.closure(&all))
}

/// The first line of a script, and the whole of it in the place of a kept one.
pub(crate) fn shebang(data: &[u8]) -> String {
    let Some(found) = Shebang::parse(data) else { return "none".to_owned() };
    assert!(!found.interpreter.is_empty() && found.interpreter.len() <= 254);
    for word in found.words.iter().chain(&found.argument).chain([&found.interpreter]) {
        assert!(!word.is_empty() && !word.contains(&b'\n') && !word.contains(&0), "{word:?}");
    }
    let kept = IMAGE.with(|image| image.closure(&[("/usr/bin/script", data)]));
    format!("{} {} {kept}", found.words.len().min(4), found.env_name.is_some())
}

/// Databases of dpkg, opkg, apk and pacman: owners are entries of the tree, and both directions agree.
pub(crate) fn packages(data: &[u8]) -> String {
    IMAGE.with(|image| image.packages(data))
}

/// busybox, toybox, uutils and coreutils: refused, or right.
pub(crate) fn multi_call(data: &[u8]) -> String {
    let found = match applets::read(data) {
        Err(why) => return format!("{:?}: {why}, {}", Family::of(data), applets::claims(data, true)),
        Ok(found) => found,
    };
    let keep = |name: &str| matches!(name, "sh" | "cat" | "x001");
    let patched = match found.disable(data, &keep) {
        Err(why) => return format!("{:?}: {why}", found.family),
        Ok(patched) => patched,
    };
    assert_eq!(patched.data.len(), data.len());
    let again = applets::read(&patched.data).expect("what was handed out can be read");
    let left: Vec<&String> = found.names.iter().filter(|name| keep(name)).collect();
    assert!(again.names.iter().eq(left) || found.family != Family::Busybox, "{:?}", again.names);
    assert!(!again.disable(&patched.data, &keep).unwrap().changed || found.family != Family::Busybox);
    format!("{:?} {} {} {}", found.family, found.names.len() / 8, again.disabled / 8, patched.silent.len())
}

/// An rpm database of any kind.
pub(crate) fn rpm(data: &[u8]) -> String {
    IMAGE.with(|image| image.rpm(data))
}

/// The same bytes with the checksum that each header needs.
pub(super) fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let whole = data.len() / 512 * 512;
    for block in data[..whole].chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    data
}

/// A tar archive: a file and a pipe of the same bytes are the same tree, or the same refusal.
pub(crate) fn archive(data: &[u8]) -> String {
    let data = with_checksums(data);
    let read = |file: File| archive::read(file, vec![std::env::temp_dir()], None, None);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&data).unwrap();
    file.rewind().unwrap();
    let (from, mut to) = io::pipe().unwrap();
    let piped = std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = to.write_all(&data);
            drop(to);
        });
        read(File::from(OwnedFd::from(from)))
    });
    match (read(file), piped) {
        (Ok(one), Ok(other)) => {
            let list = |archive: &Archive| -> Vec<(Vec<u8>, u32, u64)> {
                let tree = &archive.tree;
                tree.ids().map(|id| (tree.path(id), tree.permissions(id), tree.meta(id).size)).collect()
            };
            let entries = list(&one);
            assert_eq!(entries, list(&other));
            for (path, ..) in &entries {
                assert!(!path.split(|&b| b == b'/').any(|part| part == b".." || part == b"."), "{path:?}");
            }
            format!("{} {}", entries.len().min(9), one.config.is_some())
        }
        (Err(one), Err(other)) => {
            assert_eq!((one.id, &one.text), (other.id, &other.text));
            one.text.chars().filter(char::is_ascii_alphabetic).take(80).collect()
        }
        (one, other) => panic!("a file is {:?}, and a pipe {:?}", one.err(), other.err()),
    }
}

/// Links to one another, one a line as `NAME TARGET`, and patterns over them behind an empty line: whatever they say, a
/// path leads to one entry or nowhere, and a pattern names each entry once.
pub(crate) fn links(data: &[u8]) -> String {
    let mut parts = data.splitn(2, |&byte| byte == b'\n');
    let count = usize::from(parts.next().and_then(|first| first.first()).copied().unwrap_or_default() % 64);
    let lines: Vec<&[u8]> = parts.next().unwrap_or_default().split(|&byte| byte == b'\n').collect();
    let mut tar = Vec::new();
    for (number, line) in lines.iter().take(count).enumerate() {
        let target: Vec<u8> = line.iter().copied().filter(|&byte| byte != 0).take(100).collect();
        let mut block = vec![0_u8; 512];
        let name = format!("{}l{number}", if number % 3 == 0 { "d/" } else { "" });
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000755\0");
        block[156] = if target.is_empty() { b'5' } else { b'2' };
        block[157..157 + target.len()].copy_from_slice(&target);
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(block);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&tar).unwrap();
    file.rewind().unwrap();
    let Ok(Archive { tree, .. }) = archive::read(file, vec![std::env::temp_dir()], None, None) else {
        return String::new();
    };
    let (mut found, mut leads) = (0, 0);
    for line in lines.iter().skip(count) {
        if let Ok(resolved) = tree.resolve(line) {
            assert!(!tree.is_link(resolved.node) && resolved.links.len() <= 40);
            leads += 1;
        }
        let all = harden::testing::tree::glob::expand(&tree, line);
        let once: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), once.len(), "{line:?}");
        found += all.len();
    }
    format!("{} {} {}", tree.len() / 8, leads.min(9), found.min(40))
}

/// Shell scripts, execline scripts and command lines.
pub(crate) fn shell(data: &[u8]) -> String {
    let script = String::from_utf8_lossy(data);
    let mut code = Code::new(Dialect::Bash);
    let error = code.read(&script, "/x/y").is_some();
    code.sources();
    let uses = code.finish();
    let words = split(&script);
    if let Ok(Some(words)) = &words {
        // A list of words, quoted, splits into the same list.
        let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        assert_eq!(split(&line).unwrap().as_ref(), Some(words), "{line:?}");
    }
    let found = names(&script).is_ok();
    format!(
        "{error} {found} {:?} {uses:?} {}",
        words.map(|words| words.map(|all| all.len().min(5))),
        execline::programs(&script).len().min(5)
    )
    .chars()
    .take(200)
    .collect()
}

/// Seeds for what reads ELF files.
pub(crate) fn elf_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new(), b"\x7fELF".to_vec(), library("liba.so", &["libb.so", "liba.so"])];
    for (bits64, big, machine) in [(true, false, 62), (true, true, 22), (false, false, 3), (false, true, 8)] {
        let spec = Spec {
            bits64,
            big,
            machine,
            interpreter: Some("/lib/ld.so"),
            needed: vec!["liba.so", "libb.so", "/opt/libc.so"],
            rpath: Some("/opt/lib:$ORIGIN/../lib"),
            runpath: Some("${ORIGIN}:/$LIB/$PLATFORM"),
            tags: vec![(0x7fff_fffd, "libaux.so"), (0x6fff_fefc, "a.so:b.so")],
            imports: vec!["system", "printf", "popen"],
            pie: true,
            ..Spec::default()
        };
        seeds.push(spec.build());
        seeds.push(Spec { kind: 2, ..spec }.build());
    }
    seeds.push(program("/lib/ld.so", &[]));
    seeds
}
