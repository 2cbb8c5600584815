//! Programs that compiled code of a virtual machine starts: the strings of the application's own Java classes that use
//! ProcessBuilder or Runtime.exec, and of its .NET assemblies that use System.Diagnostics.Process. A string that the
//! code gives to such a call counts, also if it is a common word. Any other one counts too, since no reading of the
//! code is complete, if it is the path of a program, a command line, or the name of a program that is not a common
//! word.

mod assembly;
mod class;
pub(super) mod class_path;
mod flow;

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::DeflateDecoder;

use super::{FileUses, How, Named, Reader};
use crate::facts::texts::command;
use crate::shell::{Dialect, is_builtin};
use crate::tree::Id;
use crate::tree::budget::Budget;
use flow::Started;

/// Largest assembly, and the largest class with its name.
const LARGEST: u64 = 16 << 20;
const LARGEST_CLASS: u64 = 1 << 20;
/// Largest list of an archive's files.
const LARGEST_LIST: u64 = 16 << 20;
/// Most files of one application that are read.
const MOST_FILES: usize = 64;

/// What all classes and assemblies cost, in bytes.
static COMPILED: Budget = Budget {
    text: "the application's own classes and assemblies hold more bytes than",
    most: 64 << 20,
    help: "split the application, or start another one",
};

/// Names of programs that are more often words: keys, columns, parts of addresses. They count only where the code gives them to
/// a call that starts programs.
const WORDS: [&str; 34] = [
    "arch", "at", "batch", "clear", "cut", "date", "dir", "env", "expand", "expr", "file", "find", "fold", "groups",
    "head", "host", "id", "info", "install", "join", "last", "line", "link", "locale", "look", "more", "name", "reset",
    "sort", "split", "sum", "tail", "time", "users",
];

/// Whether a file is compiled code, by its name.
pub(super) fn is_compiled(name: &[u8]) -> bool {
    [&b".jar"[..], b".war", b".class", b".dll"].iter().any(|end| name.ends_with(end))
}

/// What the compiled file starts, and the other files of its application beside it.
pub(super) fn uses(reader: &Reader<'_>, id: Id) -> Vec<FileUses> {
    let tree = reader.tree;
    let name = tree.name(id);
    if !is_compiled(name) {
        // The program that starts an assembly of the same name.
        let mut other = name.to_vec();
        other.extend_from_slice(b".dll");
        let other = tree.child(tree.parent(id), &other).filter(|&other| tree.is_file(other));
        return other.map_or_else(Vec::new, |other| uses(reader, other));
    }
    uses_of_main(reader, id, None)
}

/// The same of a file that a class path names for this main class.
fn uses_of_main(reader: &Reader<'_>, id: Id, main: Option<&str>) -> Vec<FileUses> {
    let name = reader.tree.name(id);
    let Texts { started, strings } = if name.ends_with(b".dll") {
        assembly(reader, id)
    } else if name.ends_with(b".class") {
        directory(reader, id)
    } else {
        jar(reader, id, main)
    };
    let given = started.programs.iter().filter_map(|text| Some((text.split_whitespace().next()?, true)));
    let other = strings.iter().map(|text| {
        let line = command(text.as_bytes()).and_then(|program| std::str::from_utf8(program).ok());
        line.map_or((text.as_str(), false), |program| (program, true))
    });
    let mut names: Vec<Named> = Vec::new();
    for (word, started) in given.chain(other) {
        let entry = if is_name(word, started) { reader.runs(word, &[]) } else { None };
        let word = word.to_owned();
        names.extend(entry.map(|entry| Named { how: How::Runs, entry, line: 0, word, optional: false }));
    }
    for text in &started.code {
        names.extend(reader.code_at(id, 0, text));
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.entry));
    if name.ends_with(b".dll") {
        names.extend(beside(reader, id));
    }
    if names.is_empty() {
        return Vec::new();
    }
    vec![FileUses { file: id, names, logins: Vec::new(), unknown: Vec::new(), problem: None }]
}

/// What compiled code holds.
#[derive(Debug, Default)]
struct Texts {
    started: Started,
    /// Every string of code that can start programs.
    strings: Vec<String>,
}

/// Whether a string is the path of a program, or the name of one; where it is not known to be started, no word either.
fn is_name(word: &str, started: bool) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    let bare = started || (word.len() > 1 && !WORDS.contains(&word) && !is_builtin(word, Dialect::Posix));
    word.chars().all(plain) && word.len() < 256 && (word.starts_with('/') || (!word.contains('/') && bare))
}

/// The assemblies beside one whose names begin as its own does: `Shop.Web.dll` and `Shop.Core.dll`.
fn beside(reader: &Reader<'_>, id: Id) -> Vec<Named> {
    let tree = reader.tree;
    let first = tree.name(id).split(|&b| b == b'.').next().unwrap_or_default();
    let mut found: Vec<Named> = Vec::new();
    for entry in tree.children(tree.parent(id)) {
        let name = tree.name(entry);
        let own = name.ends_with(b".dll") && name.split(|&b| b == b'.').next() == Some(first);
        if own && entry != id && tree.is_file(entry) && found.len() < MOST_FILES {
            let word = String::from_utf8_lossy(name).into_owned();
            found.push(Named { how: How::Reads, entry, line: 0, word, optional: false });
        }
    }
    found
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let piece = bytes.get(at..at.checked_add(length)?)?;
    piece.iter().rev().try_fold(0_usize, |sum, &b| sum.checked_mul(256)?.checked_add(b.into()))
}

/// A file of an archive: where its header is, its packed size, whether it is packed.
#[derive(Debug)]
struct Member {
    name: String,
    header: u64,
    size: usize,
    packed: bool,
}

/// The files in a zip archive, by its own list; empty for what is none.
fn members(reader: &Reader<'_>, id: Id) -> Option<Vec<Member>> {
    let size = reader.contents.size(reader.tree, id);
    let begin = size.saturating_sub(65_557);
    let end = reader.contents.read_at(reader.tree, id, begin, 65_557).ok()?;
    let last = end.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let (length, at) = (number(&end, last + 12, 4)?, number(&end, last + 16, 4)?);
    // A script may stand in front of the archive, and offsets count from behind it.
    let front = (begin + last as u64).checked_sub(length as u64 + at as u64)?;
    let within = (length as u64) <= LARGEST_LIST && reader.contents.spend(&COMPILED, length as u64, reader.tree, id);
    let list = within.then(|| reader.contents.read_at(reader.tree, id, front + at as u64, length).ok()).flatten()?;
    let (mut found, mut at) = (Vec::new(), 0);
    while list.get(at..at + 4) == Some(b"PK\x01\x02") {
        let (name, extra, comment) =
            (number(&list, at + 28, 2)?, number(&list, at + 30, 2)?, number(&list, at + 32, 2)?);
        let text = list.get(at + 46..at + 46 + name)?;
        found.push(Member {
            name: String::from_utf8_lossy(text).into_owned(),
            header: front + number(&list, at + 42, 4)? as u64,
            size: number(&list, at + 20, 4)?,
            packed: number(&list, at + 10, 2)? == 8,
        });
        at += 46 + name + extra + comment;
    }
    Some(found)
}

fn content(reader: &Reader<'_>, id: Id, member: &Member) -> Option<Vec<u8>> {
    let (tree, contents) = (reader.tree, reader.contents);
    if member.size as u64 > LARGEST_CLASS || !contents.spend(&COMPILED, member.size as u64 + 64, tree, id) {
        return None;
    }
    let header = contents.read_at(tree, id, member.header, 30).ok()?;
    let skipped = 30 + number(&header, 26, 2)? + number(&header, 28, 2)?;
    let packed = contents.read_at(tree, id, member.header + skipped as u64, member.size).ok()?;
    if !member.packed {
        return Some(packed);
    }
    let mut plain = Vec::new();
    DeflateDecoder::new(packed.as_slice()).take(LARGEST_CLASS).read_to_end(&mut plain).ok()?;
    contents.spend(&COMPILED, plain.len() as u64, tree, id).then_some(plain)
}

/// The strings of the application's own classes that start programs, and of those that use one of these. Its own are those
/// of the main class's package and its neighbours: `com.example.shop.Main` has all of `com.example`.
fn jar(reader: &Reader<'_>, id: Id, main: Option<&str>) -> Texts {
    let members = members(reader, id).unwrap_or_default();
    let manifest = members.iter().find(|member| member.name == "META-INF/MANIFEST.MF");
    let manifest = manifest.and_then(|member| content(reader, id, member)).unwrap_or_default();
    let manifest = String::from_utf8_lossy(&manifest).into_owned();
    let key = |key: &str| manifest.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim));
    let named = key("Start-Class").or_else(|| key("Main-Class"));
    // An archive of a class path need not name the main class.
    let own: BTreeSet<String> = named.into_iter().chain(main).map(|main| own_package(main, '.')).collect();
    let mut classes = Vec::new();
    for member in members.iter().filter(|member| member.name.ends_with(".class")) {
        let name = ["BOOT-INF/classes/", "WEB-INF/classes/"].iter().find_map(|top| member.name.strip_prefix(top));
        let name = name.unwrap_or(&member.name);
        let of_application = match name.rsplit_once('/') {
            Some((package, _)) => own.iter().any(|own| !own.is_empty() && is_below(package, own)),
            None => own.contains(""),
        };
        if of_application {
            let read = content(reader, id, member).and_then(|bytes| class::read(&bytes));
            classes.extend(read.filter(|read| reader.contents.spend(&COMPILED, read.cost(), reader.tree, id)));
        }
    }
    texts(&classes)
}

/// The package of a main class, or as much of it as is the application's: `com/example` of `com.example.shop.Main`.
fn own_package(main: &str, separator: char) -> String {
    let parts: Vec<&str> = main.split(separator).collect();
    parts.get(..parts.len().saturating_sub(1).min(2)).unwrap_or_default().join("/")
}

/// Whether a package is the other one, or lies in it.
fn is_below(package: &str, other: &str) -> bool {
    package.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same of a class file in a directory of the class path.
fn directory(reader: &Reader<'_>, id: Id) -> Texts {
    let (tree, contents) = (reader.tree, reader.contents);
    let read = |id: Id| {
        let size = contents.size(tree, id);
        let within = size <= LARGEST_CLASS && contents.spend(&COMPILED, size, tree, id);
        let read = within.then(|| contents.read(tree, id, LARGEST_CLASS).ok()).flatten();
        let read = read.and_then(|bytes| class::read(&bytes));
        read.filter(|read| contents.spend(&COMPILED, read.cost(), tree, id))
    };
    let Some(main) = read(id) else { return Texts::default() };
    let own = own_package(&main.name, '/');
    // Up from the package of the class to the directory of the class path, and down to the application's own package.
    let top = tree.ancestors(id).nth(main.name.split('/').count());
    let below = top.and_then(|top| tree.resolve_from(top, own.as_bytes(), true).ok()).map(|found| found.node);
    let is_class = |&id: &Id| tree.is_file(id) && tree.name(id).ends_with(b".class");
    let classes: Vec<class::Class> = match below {
        Some(below) if own.is_empty() => tree.children(below).filter(is_class).filter_map(read).collect(),
        Some(below) => tree.subtree(below).filter(is_class).filter_map(read).collect(),
        None => vec![main],
    };
    texts(&classes)
}

/// What classes start, with the strings of those that start programs and of those that use one of these.
fn texts(classes: &[class::Class]) -> Texts {
    let starters: BTreeSet<&str> =
        classes.iter().filter(|class| class.starts()).map(|class| class.name.as_str()).collect();
    let uses = |class: &&class::Class| class.starts() || class.texts().any(|text| starters.contains(text));
    let strings = classes.iter().filter(uses).flat_map(|class| class.strings().map(str::to_owned)).collect();
    let started = if starters.is_empty() { Started::default() } else { class::started(classes) };
    Texts { started, strings }
}

/// The strings of an assembly that starts programs.
fn assembly(reader: &Reader<'_>, id: Id) -> Texts {
    let (tree, contents) = (reader.tree, reader.contents);
    let size = contents.size(tree, id);
    if size > LARGEST || !contents.spend(&COMPILED, size, tree, id) {
        return Texts::default();
    }
    let bytes = contents.read(tree, id, LARGEST).unwrap_or_default();
    let read = assembly::read(&bytes).filter(assembly::Assembly::starts);
    read.map_or_else(Texts::default, |read| Texts { started: read.started(), strings: read.strings() })
}

#[cfg(test)]
mod tests {
    use super::{assembly, class as classes, is_name};

    /// A class of the constants that are given: texts, then strings of the texts by their numbers.
    fn class(texts: &[&str], strings: &[u16]) -> Vec<u8> {
        let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61];
        let count = u16::try_from(texts.len() + strings.len() + 4).unwrap();
        bytes.extend(count.to_be_bytes());
        for text in texts {
            bytes.push(1);
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        for string in strings {
            bytes.push(8);
            bytes.extend(string.to_be_bytes());
        }
        // A long takes two numbers; the class itself is the first text's.
        bytes.push(5);
        bytes.extend([0; 8]);
        bytes.extend([7, 0, 1, 0, 33]);
        bytes.extend((count - 1).to_be_bytes());
        bytes
    }

    #[test]
    fn constants_of_a_class() {
        let bytes = class(&["com/ex/Main", "java/lang/ProcessBuilder", "tac", "word"], &[3]);
        let read = classes::read(&bytes).unwrap();
        assert_eq!((read.name.as_str(), read.strings().collect::<Vec<_>>()), ("com/ex/Main", vec!["tac"]));
        assert!(read.starts());
        assert!(!classes::read(&class(&["a/B", "exec", "java/lang/Thread"], &[])).unwrap().starts());
        assert!(classes::read(&class(&["a/B", "exec", "java/lang/Runtime"], &[])).unwrap().starts());
        for end in 0..bytes.len() {
            let _ = classes::read(&bytes[..end]).map(|class| classes::started(&[class]));
        }
    }

    /// However often a class names a text, or an attribute, each is read once.
    #[test]
    fn a_class_costs_no_more_than_its_bytes() {
        let text = "x".repeat(65_000);
        let bytes = class(&["a/B", &text, "java/lang/ProcessBuilder"], &[2; 60_000]);
        assert_eq!(classes::read(&bytes).unwrap().strings().collect::<Vec<_>>(), [text]);
        // Every attribute is the code of a method, and would be in the next one.
        let mut bytes = class(&["a/B", "Code"], &[]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0xff, 0xff]);
        bytes.extend([0, 2, 0, 0, 0, 0].repeat(65_535));
        assert_eq!(classes::read(&bytes).unwrap().code(), 0);
    }

    #[test]
    fn strings_of_an_assembly() {
        let names = b"\0ProcessStartInfo\0System.Diagnostics\0".to_vec();
        let mut strings = vec![0];
        for text in ["tac", "/usr/bin/rev"] {
            strings.push(u8::try_from(text.len() * 2 + 1).unwrap());
            strings.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            strings.push(0);
        }
        let mut bytes = b"MZ..BSJB".to_vec();
        bytes.extend([1, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0]);
        bytes.extend(b"v4.0\0\0\x02\0");
        let begin = u32::try_from(24 + 8 + 12 + 8 + 4).unwrap();
        let first = u32::try_from(names.len()).unwrap();
        bytes.extend(begin.to_le_bytes().into_iter().chain(first.to_le_bytes()).chain(*b"#Strings\0\0\0\0"));
        let second = u32::try_from(strings.len()).unwrap();
        bytes.extend((begin + first).to_le_bytes().into_iter().chain(second.to_le_bytes()).chain(*b"#US\0"));
        bytes.extend(names);
        bytes.extend(strings);
        assert_eq!(assembly::read(&bytes).unwrap().strings(), ["tac", "/usr/bin/rev"]);
        for end in 0..bytes.len() {
            let _ = assembly::read(&bytes[..end]).map(|read| (read.starts(), read.strings(), read.started()));
        }
    }

    #[test]
    fn damaged_code_is_read_as_far_as_it_goes() {
        const WHOLE: &[u8] = include_bytes!("../../tests/data/compiled/Program.dll");
        let read = |bytes: &[u8]| assembly::read(bytes).map(|read| read.started().programs).unwrap_or_default();
        assert!(read(WHOLE).contains("find") && !read(WHOLE).contains("more"));
        for at in (0..WHOLE.len()).step_by(7) {
            for with in [0, 0x7f, 0xff] {
                let mut bytes = WHOLE.to_vec();
                bytes[at] = with;
                let _ = read(&bytes);
                let _ = read(&bytes[..at]);
            }
        }
        // Classes are packed in an archive: a method of every instruction there is, with whatever stands behind it.
        for op in 0..=255_u8 {
            for behind in [0, 1, 0xff] {
                let mut bytes = class(&["a/B", "m", "()V", "Code"], &[1]);
                bytes.extend([
                    0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 2, 0, 3, 0, 1, 0, 4, 0, 0, 0, 24, 0, 9, 0, 9, 0, 0, 0, 12,
                ]);
                bytes.extend([0x12, 5, op, behind, behind, behind, behind, behind, behind, op, behind, behind]);
                bytes.extend([0; 8]);
                let _ = classes::read(&bytes).map(|class| classes::started(&[class]));
            }
        }
    }

    #[test]
    fn words_are_no_names() {
        for (text, is) in [
            ("tac", true),
            ("/usr/bin/sort", true),
            ("sort", false),
            ("test", false),
            ("a b", false),
            ("", false),
            ("x/y", false),
        ] {
            assert_eq!(is_name(text, false), is, "{text}");
        }
    }
}
