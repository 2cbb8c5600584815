//! The kind of file that the kernel sees when it is asked to run one: an ELF file, a script with its interpreter, or
//! neither.
//!
//! Owns the shebang as Linux parses it (fs/binfmt_script.c, execve(2)) and the definition of a program. It
//! does not know where interpreters lie; that is the closure's part.

use super::elf::{self, Buffers, Bytes, Elf, Type};
use crate::tree::budget::Budget;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};
use anyhow::Result;

/// Bytes of a script that the kernel looks at (BINPRM_BUF_SIZE).
const SHEBANG: usize = 256;

/// Interpreters whose argument is no program of its own: `env` is read by its own rules.
const MULTICALL: [&[u8]; 4] = [b"env", b"busybox", b"toybox", b"coreutils"];

/// What running a file would start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Program {
    /// An ELF file, shared objects included; see [`Program::is_program`].
    Elf(Box<Elf>),
    /// A file that begins with `#!`.
    Script(Box<Shebang>),
    /// A file that begins as an ELF file and is none that can be read, with the cause: data, as the kernel refuses it.
    Unreadable(Box<str>),
    /// Anything else.
    #[default]
    None,
}

/// Where a file lies that may be a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a command directory, where its name starts it.
    Commands,
    /// Anywhere else.
    Elsewhere,
    /// Anywhere else, and its x bit does not matter.
    AnyMode,
}

/// The first line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shebang {
    /// Path of the interpreter as written; `/bin/sh\r` when the line ends in CR LF.
    pub interpreter: Vec<u8>,
    /// The one argument, blanks inside included.
    pub argument: Option<Vec<u8>>,
    /// The name that `env` looks up in PATH, when the interpreter is `env`.
    pub env_name: Option<Vec<u8>>,
    /// Words of the argument that are no options, when the interpreter is another program: it may run them, as
    /// `#!/usr/bin/with-contenv bash` does.
    pub words: Vec<Vec<u8>>,
}

/// A file of the root as random-access bytes.
#[derive(Clone, Copy)]
pub(crate) struct FileBytes<'a> {
    /// The root's content.
    pub contents: &'a dyn Contents,
    /// The root's entries.
    pub tree: &'a Tree,
    /// The file.
    pub id: Id,
}

impl std::fmt::Debug for FileBytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({:?})", self.id)
    }
}

impl Bytes for FileBytes<'_> {
    fn at(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.contents.read_at(self.tree, self.id, offset, len)
    }

    fn at_into(&self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<()> {
        self.contents.read_at_into(self.tree, self.id, offset, len, into)
    }
}

/// Longest name or path that [`search`] shows whole, in bytes.
pub(crate) const LONGEST: usize = 255;
/// Bytes read of a file at once.
const CHUNK: usize = 1 << 20;
/// Most bytes of one file that are searched: more than any known program has, and no sparse file of terabytes takes long.
const SEARCHED: u64 = 256 << 20;

/// Zeros that are read of sparse files: they take no space, so a small tree may hold any number of them.
static HOLES: Budget = Budget {
    text: "kept programs hold more zeros than",
    most: 1 << 30,
    help: "do not keep the file: it is sparse, and no program is",
};

/// Show a file piece by piece to what looks for names in it: each piece goes on for [`LONGEST`] bytes behind its end, so
/// that no name is cut. Ends where the file cannot be read.
pub(crate) fn search(tree: &Tree, contents: &dyn Contents, id: Id, look: &mut dyn FnMut(&[u8])) {
    // Holes of sparse files, told by one comparison.
    let hole = vec![0; CHUNK + LONGEST];
    for at in (0..SEARCHED).step_by(CHUNK) {
        match contents.read_at(tree, id, at, CHUNK + LONGEST) {
            Ok(piece) if !piece.is_empty() && hole.starts_with(&piece) => {
                if !contents.spend(&HOLES, piece.len() as u64, tree, id) {
                    return;
                }
            }
            Ok(piece) if !piece.is_empty() => look(&piece),
            _ => return,
        }
    }
}

impl Program {
    /// Look at a regular file; anything else is [`Program::None`].
    ///
    /// # Errors
    /// The cause, without the path, when the file cannot be read.
    pub fn read(tree: &Tree, contents: &dyn Contents, id: Id) -> Result<Self> {
        Self::read_with(&mut Buffers::default(), tree, contents, id)
    }

    /// The same with memory that is used again.
    ///
    /// # Errors
    /// As [`Program::read`].
    pub(crate) fn read_with(buffers: &mut Buffers, tree: &Tree, contents: &dyn Contents, id: Id) -> Result<Self> {
        if !tree.is_file(id) || tree.meta(id).mount {
            return Ok(Self::None);
        }
        let mut head = std::mem::take(&mut buffers.head);
        contents.read_at_into(tree, id, 0, elf::HEAD, &mut head)?;
        let program = if head.starts_with(elf::MAGIC) {
            // What the kernel would refuse to load is no program.
            let parsed = Elf::parse_with(buffers, &head, &FileBytes { contents, tree, id });
            parsed.map_or_else(|cause| Self::Unreadable(cause.to_string().into()), |elf| Self::Elf(Box::new(elf)))
        } else {
            Shebang::parse(&head).map_or(Self::None, |shebang| Self::Script(Box::new(shebang)))
        };
        buffers.head = head;
        Ok(program)
    }

    /// Whether the file, which lies at `id`, is a program: what the kernel starts. That is an executable script, an
    /// ELF file with a fixed address, or a movable one with an entry point that says that it is no library.
    ///
    /// In a command directory it needs neither its x bit (one `chmod` would bring it back) nor a sign: everything with an
    /// entry point can be started by its name there. Elsewhere a movable file needs one, since old linkers give plugins an
    /// entry point too: an interpreter and no DT_SONAME, DF_1_PIE, or no libraries to load and no `.so` in its name
    /// (static-pie).
    #[must_use]
    pub fn is_program(&self, tree: &Tree, id: Id, place: Place) -> bool {
        let executable = tree.permissions(id) & 0o111 != 0;
        match self {
            Self::None | Self::Unreadable(_) => false,
            Self::Script(_) => executable,
            Self::Elf(_) if place == Place::Elsewhere && !executable => false,
            Self::Elf(elf) => match elf.kind {
                Type::Fixed => true,
                Type::Movable if elf.entry == 0 => false,
                Type::Movable if place == Place::Commands => true,
                Type::Movable => {
                    let named = elf.interpreter.is_some() || !(elf.needs_libraries() || is_library_name(tree.name(id)));
                    elf.pie || (named && !elf.has_soname())
                }
                Type::Other => false,
            },
        }
    }

    /// Whether the kernel would run it though it may be a library: `ld.so`, `libc.so.6`.
    #[must_use]
    pub fn is_runnable_library(&self, tree: &Tree, id: Id) -> bool {
        match self {
            Self::Elf(elf) => elf.kind != Type::Other && elf.entry != 0 && tree.permissions(id) & 0o111 != 0,
            _ => false,
        }
    }
}

/// Whether a file name is that of a shared object: `NAME.so` or `NAME.so.1.2`.
#[must_use]
pub(crate) fn is_library_name(name: &[u8]) -> bool {
    name.windows(3)
        .enumerate()
        .any(|(at, part)| part == b".so" && name.get(at + 3).is_none_or(|&next| next == b'.') && at > 0)
}

impl Shebang {
    /// Parse the beginning of a file as Linux does: blanks are space and tab, the line ends at a newline
    /// or after 256 bytes, everything behind the interpreter is one argument. A line that is cut off inside
    /// the interpreter is no shebang.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Self> {
        let head = head.get(..SHEBANG).unwrap_or(head);
        let rest = head.strip_prefix(b"#!")?;
        // The kernel pads short files with NUL, which ends the interpreter's name as a newline would.
        let end = rest.iter().position(|&b| b == b'\n' || b == 0);
        let cut = end.is_none() && head.len() == SHEBANG;
        let line = rest.get(..end.unwrap_or(rest.len()))?;
        let line = trim(line);
        let split = line.iter().position(|&b| blank(b));
        if line.is_empty() || (cut && split.is_none()) {
            return None;
        }
        let (interpreter, argument) = line.split_at(split.unwrap_or(line.len()));
        let argument = Some(trim(argument)).filter(|a| !a.is_empty()).map(<[u8]>::to_vec);
        let base = interpreter.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let text = argument.as_deref().unwrap_or_default();
        let env_name = if base == b"env" { env_name(text) } else { None };
        // A multi-call program runs the applet itself.
        let words = if MULTICALL.contains(&base) { Vec::new() } else { text.split(|&b| blank(b)).collect() };
        let words = words.into_iter().filter(|word| !word.is_empty() && word.first() != Some(&b'-'));
        Some(Self { interpreter: interpreter.to_vec(), words: words.map(<[u8]>::to_vec).collect(), argument, env_name })
    }
}

/// The program that `env ARGUMENT` runs: the first word that is neither option nor `NAME=value`.
///
/// Without `-S` the kernel hands over one word, `env "python3 -u"` would look for that very name; taking its
/// first word keeps more than needed and never less.
fn env_name(argument: &[u8]) -> Option<Vec<u8>> {
    // Quotes mean something behind `-S` only, which comes first where it is used.
    let split = argument.strip_prefix(b"-").and_then(|flags| {
        let at = flags.iter().position(|b| !b.is_ascii_lowercase() || b"uCa".contains(b))?;
        flags.get(at..)?.strip_prefix(b"S").or_else(|| flags.strip_prefix(b"-split-string="))
    });
    let text = match split {
        Some(text) => split_words(text),
        None => argument.split(|&b| blank(b)).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect(),
    };
    env_words(text)
}

/// The program among the words that `env` is given.
fn env_words(words: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == b"--" {
            return words.find(|w| !w.contains(&b'='));
        }
        if let Some(rest) = word.strip_prefix(b"--") {
            if let Some(split) = rest.strip_prefix(b"split-string=") {
                let rest: Vec<Vec<u8>> = std::iter::once(split.to_vec()).chain(words).collect();
                return env_words(rest);
            }
            if matches!(rest, b"unset" | b"chdir" | b"argv0") {
                words.next();
            }
        } else if let Some(flags) = word.strip_prefix(b"-") {
            // `-S` takes the rest of the word; `-u`, `-C` and `-a` take a value, attached or the next word.
            if let Some(at) = flags.iter().position(|b| b"SuCa".contains(b)) {
                let value = flags.get(at + 1..).unwrap_or_default();
                if flags.get(at) == Some(&b'S') {
                    let rest: Vec<Vec<u8>> = std::iter::once(value.to_vec()).chain(words).collect();
                    return env_words(rest);
                }
                if value.is_empty() {
                    words.next();
                }
            }
        } else if !word.is_empty() && !word.contains(&b'=') {
            return Some(word);
        }
    }
    None
}

/// Words with single and double quotes taken off, as `env -S` splits them: `\_` is a blank, `#` begins a comment.
fn split_words(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), Vec::new(), None, false);
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None, b'#') if word.is_empty() && !open => break,
            (None | Some(b'"'), b'\\') => match bytes.next() {
                Some(b'c') | None => break,
                Some(b'_' | b't' | b'n' | b'v' | b'f' | b'r') if quote.is_none() => {
                    words.push(std::mem::take(&mut word));
                }
                Some(other) => word.push(other),
            },
            (Some(q), b) if q == b => quote = None,
            (None, b'\'' | b'"') => (quote, open) = (Some(byte), true),
            (None, b) if blank(b) => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            _ => word.push(byte),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = text.split_first()
        && blank(first)
    {
        text = rest;
    }
    while let Some((&last, rest)) = text.split_last()
        && blank(last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::super::elf::fixture::{Spec, library, program};
    use super::{CHUNK, Contents, Id, LONGEST, Place, Program, SEARCHED, Shebang, Tree, is_library_name, search};
    use crate::tree::contents::memory::image;

    /// A file that never ends, as a sparse one of terabytes.
    struct Endless;

    impl Contents for Endless {
        fn read(&self, _: &Tree, _: Id, _: u64) -> anyhow::Result<Vec<u8>> {
            Err(anyhow::anyhow!("too large"))
        }

        fn read_at(&self, _: &Tree, _: Id, _: u64, len: usize) -> anyhow::Result<Vec<u8>> {
            Ok(vec![1; len])
        }
    }

    #[test]
    fn a_file_without_end_is_searched_up_to_a_bound() {
        let (tree, _) = image(&[]);
        let mut seen = 0;
        search(&tree, &Endless, Id::ROOT, &mut |piece| seen += piece.len() - LONGEST);
        assert_eq!(seen as u64, SEARCHED);
        assert_eq!(seen % CHUNK, 0);
    }

    fn shebang(line: &str) -> (String, Option<String>, Option<String>) {
        let s = Shebang::parse(line.as_bytes()).unwrap();
        let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
        (text(s.interpreter), s.argument.map(text), s.env_name.map(text))
    }

    #[test]
    fn the_shebang_is_read_as_linux_reads_it() {
        assert_eq!(shebang("#!/bin/sh\n"), ("/bin/sh".into(), None, None));
        assert_eq!(shebang("#! \t/bin/sh -e -u \nrest"), ("/bin/sh".into(), Some("-e -u".into()), None));
        assert_eq!(shebang("#!/bin/sh"), ("/bin/sh".into(), None, None));
        assert_eq!(shebang("#!/bin/sh\r\n"), ("/bin/sh\r".into(), None, None));
        assert_eq!(shebang("#!bin/x\n").0, "bin/x");
        assert_eq!(Shebang::parse(b"#!\n/bin/sh"), None);
        assert_eq!(Shebang::parse(b" #!/bin/sh"), None);
        assert_eq!(Shebang::parse(format!("#!/{}", "x".repeat(400)).as_bytes()), None);
        let long = format!("#!/bin/x {}", "y".repeat(400));
        assert_eq!(Shebang::parse(long.as_bytes()).unwrap().argument.unwrap().len(), 256 - 9);
    }

    #[test]
    fn env_names_its_program() {
        for (line, name) in [
            ("#!/usr/bin/env python3", Some("python3")),
            ("#!/usr/bin/env -S node --flag", Some("node")),
            ("#!/usr/bin/env -Snode --flag", Some("node")),
            ("#!/usr/bin/env -S A=b C=d 'ruby' x", Some("ruby")),
            ("#!/usr/bin/env -vS perl -w", Some("perl")),
            ("#!/usr/bin/env --split-string=perl -w", Some("perl")),
            ("#!/usr/bin/env -S -u HOME -i bash", Some("bash")),
            ("#!/usr/bin/env -S -uHOME --chdir /x -- bash", Some("bash")),
            ("#!/usr/bin/env -S VAR=1 node --flag", Some("node")),
            ("#!/usr/bin/env -S A=\"b c\" perl", Some("perl")),
            ("#!/usr/bin/env -S\\_-i\\_A=b\\_perl", Some("perl")),
            ("#!/usr/bin/env -S -i # perl", None),
            ("#!/usr/bin/env -S --ignore-signal=PIPE perl", Some("perl")),
            ("#!/usr/bin/env VAR=x python3", Some("python3")),
            ("#!/usr/bin/env -i", None),
            ("#!/usr/bin/env", None),
            ("#!/bin/environment x", None),
        ] {
            assert_eq!(shebang(line).2.as_deref(), name, "{line}");
        }
    }

    #[test]
    fn words_that_another_interpreter_may_run_are_known() {
        let words = |line: &str| {
            let words = Shebang::parse(line.as_bytes()).unwrap().words.into_iter();
            words.map(|word| String::from_utf8(word).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(words("#!/usr/bin/with-contenv bash\n"), ["bash"]);
        assert_eq!(words("#!/sbin/tini -s  -- /bin/sh\n"), ["/bin/sh"]);
        assert_eq!(words("#!/bin/busybox sh\n"), [""; 0]);
        assert_eq!(words("#!/usr/bin/env bash\n"), [""; 0]);
        assert_eq!(words("#!/bin/sh -e\n"), [""; 0]);
    }

    #[test]
    fn a_shared_object_is_never_a_program() {
        let (tree, mut memory) = image(&[
            ("/a", ""),
            ("/b", ""),
            ("/c", ""),
            ("/p.so", ""),
            ("/s", "#!/bin/sh\n"),
            ("/static", ""),
            ("/text", "x"),
        ]);
        memory.put("/a", &program("/lib/ld.so", &["libc.so.6"]));
        memory.put("/b", &library("libb.so.1", &[]));
        // A plugin of an old linker: entry point, no soname, libraries.
        memory.put("/c", &Spec { needed: vec!["libc.so.6"], ..Spec::default() }.build());
        memory.put("/p.so", &Spec::default().build());
        memory.put("/static", &Spec::default().build());
        let verdict = |path: &str| {
            let id = tree.lookup(path.as_bytes()).unwrap();
            Program::read(&tree, &memory, id).unwrap().is_program(&tree, id, Place::Elsewhere)
        };
        assert_eq!(
            ["/a", "/b", "/c", "/p.so", "/s", "/static", "/text"].map(verdict),
            [true, false, false, false, true, true, false]
        );
    }

    #[test]
    fn library_names() {
        for name in ["libc.so.6", "x.so", "libfoo-1.2.so.1.2.3"] {
            assert!(is_library_name(name.as_bytes()), "{name}");
        }
        for name in ["x.some", "so", ".so", "x.sock"] {
            assert!(!is_library_name(name.as_bytes()), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_head_is_parsed_without_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Shebang::parse(&[b"#!/usr/bin/env ", &data[..]].concat());
            let _ = Shebang::parse(&data);
        }
    }
}
