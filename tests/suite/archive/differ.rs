//! Archives with headers of every kind in every order, read by three readers: a model of what engines do (Go's
//! archive/tar, and the unpacking of Docker and containerd), tar(1), and ours. Where two of them see different trees,
//! ours refuses.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::images::saved;
use super::writer::{Tar, header, pax, read, seal};
use crate::common::{Command, walk};
use harden::testing::archive::Archive;
use harden::testing::root::Root;
use harden::testing::tree::Tree;
use harden::testing::tree::contents::Contents;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Directory,
    Link(Vec<u8>),
    /// Number of a file.
    File(usize),
}

/// Mode, owner and content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct File {
    mode: u64,
    uid: u64,
    gid: u64,
    content: Vec<u8>,
    capability: bool,
}

/// A tree as engines make it of one archive.
#[derive(Debug, Default)]
struct Engine {
    nodes: BTreeMap<Vec<Vec<u8>>, Node>,
    directories: BTreeMap<Vec<Vec<u8>>, (u64, u64, u64)>,
    files: Vec<File>,
}

/// An entry as Go's reader gives it out.
#[derive(Debug, Default, Clone)]
struct Entry {
    kind: u8,
    name: Vec<u8>,
    link: Vec<u8>,
    mode: u64,
    uid: u64,
    gid: u64,
    size: u64,
    content: Vec<u8>,
    capability: bool,
}

fn text(field: &[u8]) -> Vec<u8> {
    field.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

fn octal(field: &[u8]) -> Option<u64> {
    let trimmed = String::from_utf8(field.to_vec()).ok()?;
    let trimmed = trimmed.trim_matches(|c| c == ' ' || c == '\0');
    let digits = trimmed.split('\0').next().unwrap_or_default();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// Go's archive/tar, `Reader.next`, as of Go 1.24; `None` where it fails.
fn go(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (mut entries, mut at) = (Vec::new(), 0);
    let mut records: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let (mut long_name, mut long_link) = (Vec::new(), Vec::new());
    loop {
        let Some(block) = bytes.get(at..at + 512) else { return (at >= bytes.len()).then_some(entries) };
        at += 512;
        if block.iter().all(|&byte| byte == 0) {
            return match bytes.get(at..at + 512) {
                Some(next) if next.iter().any(|&byte| byte != 0) => None,
                _ => Some(entries),
            };
        }
        let sum: u64 =
            block.iter().enumerate().map(|(n, &b)| if (148..156).contains(&n) { 32 } else { u64::from(b) }).sum();
        if octal(&block[148..156])? != sum {
            return None;
        }
        let mut entry = Entry {
            kind: block[156],
            name: text(&block[0..100]),
            link: text(&block[157..257]),
            mode: octal(&block[100..108])?,
            uid: octal(&block[108..116])?,
            gid: octal(&block[116..124])?,
            size: octal(&block[124..136])?,
            ..Entry::default()
        };
        let mut prefix = Vec::new();
        if &block[257..263] == b"ustar\0" {
            prefix = text(if &block[508..512] == b"tar\0" { &block[345..476] } else { &block[345..500] });
        } else if &block[257..265] == b"ustar  \0" {
            let time = |start: usize| block[start] == 0 || octal(&block[start..start + 12]).is_some();
            if !(time(345) && time(357)) {
                let given = text(&block[345..500]);
                if given.is_ascii() {
                    prefix = given;
                }
            }
        }
        if !prefix.is_empty() {
            entry.name = [&prefix[..], b"/", &entry.name].concat();
        }
        let body = |at: &mut usize, size: u64| -> Option<Vec<u8>> {
            let size = usize::try_from(size).ok()?;
            let content = bytes.get(*at..at.checked_add(size)?)?.to_vec();
            *at = (*at + size.next_multiple_of(512)).min(bytes.len());
            Some(content)
        };
        match entry.kind {
            b'x' | b'g' => {
                let content = body(&mut at, entry.size)?;
                let mut found = BTreeMap::new();
                let mut rest = &content[..];
                while !rest.is_empty() {
                    let blank = rest.iter().position(|&b| b == b' ')?;
                    let len: usize = std::str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
                    let record = rest.get(blank + 1..len)?.strip_suffix(b"\n")?;
                    let equals = record.iter().position(|&b| b == b'=').filter(|&at| at > 0)?;
                    found.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
                    rest = &rest[len..];
                }
                if entry.kind == b'x' {
                    records = found;
                } else {
                    // Given out as an entry of its own: all that came before it is lost.
                    (records, long_name, long_link) = Default::default();
                }
            }
            b'L' => long_name = text(&body(&mut at, entry.size)?),
            b'K' => long_link = text(&body(&mut at, entry.size)?),
            _ => {
                let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse::<u64>().ok();
                for (key, value) in records.iter().filter(|(_, value)| !value.is_empty()) {
                    match &key[..] {
                        b"path" => entry.name.clone_from(value),
                        b"linkpath" => entry.link.clone_from(value),
                        b"uid" => entry.uid = number(value)?,
                        b"gid" => entry.gid = number(value)?,
                        b"size" => entry.size = number(value)?,
                        b"SCHILY.xattr.security.capability" => entry.capability = true,
                        _ => {}
                    }
                }
                if !long_name.is_empty() {
                    entry.name = std::mem::take(&mut long_name);
                }
                if !long_link.is_empty() {
                    entry.link = std::mem::take(&mut long_link);
                }
                if entry.kind == 0 {
                    entry.kind = if entry.name.ends_with(b"/") { b'5' } else { b'0' };
                }
                if !(b'1'..=b'6').contains(&entry.kind) {
                    entry.content = body(&mut at, entry.size)?;
                }
                let get = |key: &[u8]| records.get(key).filter(|value| !value.is_empty());
                let (major, minor) = (get(b"GNU.sparse.major"), get(b"GNU.sparse.minor"));
                let version = |value: Option<&Vec<u8>>| value.cloned();
                let in_records = match (version(major).as_deref(), version(minor).as_deref()) {
                    (Some(b"0"), Some(b"0" | b"1")) => true,
                    (None, None) => get(b"GNU.sparse.map").is_some(),
                    // Maps in the content are generated nowhere here.
                    (Some(b"1"), Some(b"0")) => return None,
                    _ => false,
                };
                if in_records {
                    if let Some(name) = get(b"GNU.sparse.name") {
                        entry.name.clone_from(name);
                    }
                    let size = get(b"GNU.sparse.size")
                        .or(get(b"GNU.sparse.realsize"))
                        .map_or(Some(entry.size), |v| number(v))?;
                    let blocks = number(get(b"GNU.sparse.numblocks")?)?;
                    let map = get(b"GNU.sparse.map").cloned().unwrap_or_default();
                    let numbers: Option<Vec<u64>> =
                        map.split(|&b| b == b',').filter(|part| !part.is_empty()).map(number).collect();
                    let numbers = numbers?;
                    if numbers.len() as u64 != 2 * blocks || (b'1'..=b'6').contains(&entry.kind) || size > 4096 {
                        return None;
                    }
                    let mut content = vec![0; usize::try_from(size).ok()?];
                    let mut from = 0;
                    for run in numbers.chunks(2) {
                        let (offset, len) = (usize::try_from(run[0]).ok()?, usize::try_from(run[1]).ok()?);
                        content.get_mut(offset..offset + len)?.copy_from_slice(entry.content.get(from..from + len)?);
                        from += len;
                    }
                    (entry.content, entry.size) = (content, size);
                }
                entries.push(std::mem::take(&mut entry));
                records = BTreeMap::new();
            }
        }
    }
}

impl Engine {
    /// Follow all links on the way to the directory of a path.
    fn parent(&mut self, names: &[Vec<u8>], make: bool) -> Option<Vec<Vec<u8>>> {
        let (mut at, mut steps) = (Vec::new(), 0);
        let mut todo: Vec<Vec<u8>> = names.iter().rev().cloned().collect();
        while let Some(name) = todo.pop() {
            if name == b".." {
                at.pop();
                continue;
            }
            let mut next = at.clone();
            next.push(name);
            match self.nodes.get(&next) {
                Some(Node::Directory) => at = next,
                Some(Node::Link(target)) => {
                    steps += 1;
                    if steps > 40 {
                        return None;
                    }
                    if target.starts_with(b"/") {
                        at.clear();
                    }
                    let parts = target.split(|&b| b == b'/').filter(|part| !part.is_empty() && part != b".");
                    todo.extend(parts.rev().map(<[u8]>::to_vec));
                }
                Some(Node::File(_)) => return None,
                None if make => {
                    self.nodes.insert(next.clone(), Node::Directory);
                    self.directories.insert(next.clone(), (0o755, 0, 0));
                    at = next;
                }
                None => return None,
            }
        }
        Some(at)
    }

    fn remove(&mut self, path: &[Vec<u8>]) {
        self.nodes.retain(|name, _| !name.starts_with(path));
    }

    /// `createTarFile` of github.com/moby/moby/pkg/archive; `None` where it fails.
    fn unpack(&mut self, entry: &Entry) -> Option<()> {
        // filepath.Clean, and the refusal of what leads outside.
        let clean = |path: &[u8]| -> Option<Vec<Vec<u8>>> {
            let mut names: Vec<Vec<u8>> = Vec::new();
            for part in path.split(|&byte| byte == b'/') {
                match part {
                    b"" | b"." => {}
                    b".." if path.starts_with(b"/") => drop(names.pop()),
                    b".." => drop(names.pop()?),
                    name => names.push(name.to_vec()),
                }
            }
            Some(names)
        };
        let names = clean(&entry.name)?;
        let Some((last, above)) = names.split_last() else {
            return (entry.kind == b'5').then_some(());
        };
        let mut path = self.parent(above, true)?;
        path.push(last.clone());
        let known = self.nodes.get(&path).cloned();
        if known.is_some() && !(known == Some(Node::Directory) && entry.kind == b'5') {
            self.remove(&path);
        }
        match entry.kind {
            b'5' => {
                self.nodes.insert(path.clone(), Node::Directory);
                self.directories.insert(path, (entry.mode & 0o7777, entry.uid, entry.gid));
            }
            b'0' => {
                self.nodes.insert(path, Node::File(self.files.len()));
                let (content, capability) = (entry.content.clone(), entry.capability);
                self.files.push(File {
                    mode: entry.mode & 0o7777,
                    uid: entry.uid,
                    gid: entry.gid,
                    content,
                    capability,
                });
            }
            b'2' if entry.link.is_empty() => return None,
            b'2' => drop(self.nodes.insert(path, Node::Link(entry.link.clone()))),
            b'1' => {
                let target = clean(&entry.link)?;
                let (last, above) = target.split_last()?;
                let mut target = self.parent(above, false)?;
                target.push(last.clone());
                let found = self.nodes.get(&target).cloned().filter(|found| *found != Node::Directory)?;
                if let Node::File(number) = found {
                    let file = &mut self.files[number];
                    (file.mode, file.uid, file.gid) = (entry.mode & 0o7777, entry.uid, entry.gid);
                    // chown(2) takes it away.
                    file.capability = entry.capability;
                }
                self.nodes.insert(path, found);
            }
            _ => return None,
        }
        Some(())
    }

    fn lines(&self, metadata: bool) -> Vec<String> {
        let shown = |mode: u64, uid: u64, gid: u64| {
            if metadata { format!("{mode:o} {uid}:{gid}") } else { String::new() }
        };
        let line = |(path, node): (&Vec<Vec<u8>>, &Node)| {
            let path: String = path.iter().map(|name| format!("/{}", name.escape_ascii())).collect();
            match node {
                Node::Directory => format!("{path}/"),
                Node::Link(target) => format!("{path} -> {}", target.escape_ascii()),
                Node::File(number) => {
                    let file = &self.files[*number];
                    format!("{path} {} {}", shown(file.mode, file.uid, file.gid), file.content.escape_ascii())
                }
            }
        };
        let mut lines: Vec<String> = self.nodes.iter().map(line).collect();
        lines.sort();
        lines
    }
}

/// The tree that engines make; `None` when they make none.
fn engine(bytes: &[u8]) -> Option<Vec<String>> {
    let mut engine = Engine::default();
    for entry in go(bytes)? {
        engine.unpack(&entry)?;
    }
    Some(engine.lines(true))
}

fn lines(tree: &Tree, contents: &dyn Contents) -> Vec<String> {
    let line = |id| {
        let (path, meta) = (tree.path(id), tree.meta(id));
        let path: String = path.escape_ascii().to_string();
        if let Some(target) = tree.link_target(id) {
            format!("{path} -> {}", target.escape_ascii())
        } else if tree.is_dir(id) {
            format!("{path}/")
        } else {
            let content = contents.read(tree, id, 1 << 20).unwrap();
            format!("{path} {:o} {}:{} {}", meta.mode & 0o7777, meta.uid, meta.gid, content.escape_ascii())
        }
    };
    let mut lines: Vec<String> = tree.ids().skip(1).map(line).collect();
    lines.sort();
    lines
}

/// The tree that tar(1) makes; `None` when it says that it failed.
fn gnu(bytes: &[u8]) -> Option<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("tar");
    command.args(["-x", "-p", "--numeric-owner", "-f", "-", "-C"]).arg(directory.path()).env("LC_ALL", "C");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = input.write_all(bytes);
        });
        child.wait_with_output().unwrap()
    });
    if !output.status.success() {
        return None;
    }
    let root = Root::open(directory.path().as_os_str().as_encoded_bytes()).unwrap();
    Some(lines(&walk(&root), &root))
}

/// Files that the archives are made of, so that hidden entries are of the same kind.
const NAMES: &[&str] =
    &["a", "b", "d/", "d", "d/x", "./a", "a/", "l", "l/y", "/b", "d/../b", "e/f/g", "../a", "x/y/../a"];

/// One header, in hand-made form.
#[derive(Debug, Clone)]
struct Piece {
    kind: u8,
    name: &'static str,
    link: &'static str,
    records: Vec<(&'static str, &'static str)>,
    content: usize,
    size: Option<u64>,
    magic: usize,
    prefix: &'static str,
    mode: u64,
    uid: u64,
    hidden: bool,
}

fn piece() -> impl Strategy<Value = Piece> {
    let name = || prop::sample::select(NAMES);
    let kind = prop_oneof![
        6 => Just(b'0'), 1 => Just(0), 3 => Just(b'5'), 3 => Just(b'1'), 2 => Just(b'2'), 4 => Just(b'x'), 1 => Just(b'g'),
        2 => Just(b'L'), 1 => Just(b'K'),
    ];
    let record = prop::sample::select(
        &[
            ("path", "b"),
            ("path", "d/x"),
            ("path", "d/"),
            ("path", ""),
            ("linkpath", "a"),
            ("linkpath", "b"),
            ("size", "0"),
            ("size", "512"),
            ("size", "1024"),
            ("uid", "7"),
            ("gid", "7"),
            ("comment", "x"),
            ("mtime", "1.5"),
            ("GNU.sparse.map", "0,4"),
            ("GNU.sparse.map", ""),
            ("GNU.sparse.size", "9"),
            ("GNU.sparse.major", "0"),
            ("GNU.sparse.minor", "1"),
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.name", "b"),
            ("SCHILY.xattr.user.x", "y"),
        ][..],
    );
    let what = (kind, name(), name(), prop::collection::vec(record, 0..3), 0_usize..6);
    let how = (
        prop_oneof![8 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(512)), 1 => Just(Some(1024))],
        prop_oneof![8 => Just(0_usize), 2 => Just(1), 1 => Just(2), 1 => Just(3)],
        prop_oneof![8 => Just(""), 2 => Just("d"), 1 => Just("00000000001")],
        prop::sample::select(&[0o644_u64, 0o755, 0o4755][..]),
        prop::sample::select(&[0_u64, 7][..]),
        prop::bool::weighted(0.2),
    );
    (what, how).prop_map(|((kind, name, link, records, content), (size, magic, prefix, mode, uid, hidden))| Piece {
        kind,
        name,
        link,
        records,
        content,
        size,
        magic,
        prefix,
        mode,
        uid,
        hidden,
    })
}

fn archive(pieces: &[Piece]) -> Vec<u8> {
    let mut tar = Tar::default();
    for piece in pieces {
        let content = match piece.kind {
            b'x' | b'g' => {
                let records: Vec<(&str, &[u8])> =
                    piece.records.iter().map(|&(key, value)| (key, value.as_bytes())).collect();
                let records = if piece.kind == b'g' && !piece.hidden { vec![("comment", &b"x"[..])] } else { records };
                pax(&records)
            }
            b'L' => [piece.name.as_bytes(), b"\0"].concat(),
            b'K' => [piece.link.as_bytes(), b"\0"].concat(),
            0 | b'0' if piece.hidden => {
                // What a reader who skips no content takes for an entry.
                let mut inner = header(b'0', b"b", b"", 0);
                seal(&mut inner);
                inner
            }
            0 | b'0' => b"content"[..piece.content].to_vec(),
            _ => Vec::new(),
        };
        let name = if piece.kind == b'g' { "pax_global_header" } else { piece.name };
        let link = if matches!(piece.kind, b'1' | b'2') { piece.link } else { "" };
        let meta = matches!(piece.kind, b'x' | b'g' | b'L' | b'K');
        let size = piece.size.filter(|_| !meta && piece.hidden).unwrap_or(content.len() as u64);
        let mut block = header(piece.kind, name.as_bytes(), link.as_bytes(), size);
        block[100..108].copy_from_slice(format!("{:07o}\0", piece.mode).as_bytes());
        block[108..116].copy_from_slice(format!("{:07o}\0", piece.uid).as_bytes());
        match piece.magic {
            0 => {}
            1 => block[257..265].copy_from_slice(b"ustar  \0"),
            2 => block[257..265].fill(0),
            _ => block[508..512].copy_from_slice(b"tar\0"),
        }
        block[345..345 + piece.prefix.len()].copy_from_slice(piece.prefix.as_bytes());
        seal(&mut block);
        tar = tar.raw(&block, &content);
    }
    tar.end()
}

/// Compare the three; whether ours read it.
fn compare(bytes: &[u8]) -> Result<bool, TestCaseError> {
    let Ok(flat) = read(bytes) else { return Ok(false) };
    let ours = |archive: &Archive| lines(&archive.tree, &archive.files);
    let found = ours(&flat);
    if let Some(expected) = engine(bytes) {
        prop_assert_eq!(&found, &expected, "engines see another tree");
    }
    if let Some(expected) = gnu(bytes) {
        prop_assert_eq!(&found, &expected, "tar(1) sees another tree");
    }
    Ok(true)
}

/// The same as the only layer of an image, for which tar(1) has no say.
fn layer(bytes: &[u8]) -> Result<bool, TestCaseError> {
    let config = serde_json::json!({"config": {}, "rootfs": {"diff_ids": ["sha256:0"]}}).to_string();
    let Ok(image) = read(&saved(&[bytes.to_vec()], &config)) else { return Ok(false) };
    if let Some(expected) = engine(bytes) {
        prop_assert_eq!(&lines(&image.tree, &image.files), &expected, "engines see another tree in a layer");
    }
    Ok(true)
}

#[test]
fn what_readers_see_differently_is_refused() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1500);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let (read, layers) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let run = runner.run(&prop::collection::vec(piece(), 1..6), |pieces| {
        let bytes = archive(&pieces);
        read.set(read.get() + u32::from(compare(&bytes)?));
        layers.set(layers.get() + u32::from(layer(&bytes)?));
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    // A reader that refuses everything would pass. A fifth is read, more or less.
    assert!(
        read.get() > cases / 10 && layers.get() > cases / 10,
        "{} and {} of {cases} were read",
        read.get(),
        layers.get()
    );
}

/// One entry of a layer.
fn layered() -> impl Strategy<Value = Entry> {
    let name = prop::sample::select(
        &[
            "a",
            "d/",
            "d/x",
            "d/e/",
            "d/e/y",
            "l",
            "l/z",
            ".wh.a",
            "d/.wh.x",
            ".wh.d",
            ".wh.l",
            "d/.wh..wh..opq",
            "d/.wh.e",
            "l/.wh.x",
        ][..],
    );
    let kind = prop_oneof![6 => Just(b'0'), 1 => Just(b'1'), 3 => Just(b'2')];
    (name, kind, prop::sample::select(&["a", "d", "d/x", "/d", "l"][..]), 0_u64..9).prop_map(
        |(name, kind, link, mode)| Entry {
            kind: match name {
                _ if name.ends_with('/') => b'5',
                _ if name.contains(".wh.") => b'0',
                "l" => b'2',
                _ => kind,
            },
            name: name.as_bytes().to_vec(),
            link: link.as_bytes().to_vec(),
            mode: 0o644 + mode,
            ..Entry::default()
        },
    )
}

/// How layers are unpacked: each over those below it (vfs, btrfs), or each apart, and then shown on each other (overlayfs).
fn stacked(layers: &[Vec<Entry>], apart: bool) -> Option<Vec<String>> {
    let mut whole = Engine::default();
    for layer in layers {
        let mut upper = Engine::default();
        // What a layer has unpacked, and what hides names below.
        let mut own: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut gone: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut opaque: Vec<Vec<Vec<u8>>> = Vec::new();
        for entry in layer {
            let target = if apart { &mut upper } else { &mut whole };
            let names: Vec<Vec<u8>> =
                entry.name.split(|&b| b == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect();
            let (last, above) = names.split_last()?;
            let last = last.clone();
            let mut path = target.parent(above, true)?;
            if apart && gone.iter().any(|gone| path.starts_with(gone)) {
                return None;
            }
            match last.strip_prefix(b".wh.") {
                Some(b".wh..opq") if apart => opaque.push(path),
                Some(b".wh..opq") => {
                    let below: Vec<_> = target
                        .nodes
                        .keys()
                        .filter(|name| name.len() > path.len() && name.starts_with(&path))
                        .cloned()
                        .collect();
                    for name in below {
                        // A directory that is named nowhere goes with all that is in it.
                        if !own.contains(&name) {
                            target.remove(&name);
                        }
                    }
                }
                Some(name) => {
                    path.push(name.to_vec());
                    if apart {
                        // mknod(2) of the mark fails where something is.
                        if target.nodes.contains_key(&path) || gone.contains(&path) {
                            return None;
                        }
                        gone.push(path);
                    } else {
                        target.remove(&path);
                    }
                }
                None => {
                    target.unpack(entry)?;
                    path.push(last);
                    gone.retain(|gone| *gone != path);
                    // By its name, whatever that led over.
                    own.push(names);
                }
            }
        }
        if apart {
            for path in gone {
                whole.remove(&path);
            }
            for path in opaque {
                whole.nodes.retain(|name, _| name.len() <= path.len() || !name.starts_with(&path));
            }
            let first = whole.files.len();
            whole.files.append(&mut upper.files);
            for (path, node) in upper.nodes {
                if !(node == Node::Directory && whole.nodes.get(&path) == Some(&Node::Directory)) {
                    whole.remove(&path);
                }
                let node = if let Node::File(number) = node { Node::File(first + number) } else { node };
                whole.nodes.insert(path, node);
            }
        }
    }
    Some(whole.lines(true))
}

#[test]
fn layers_that_engines_stack_differently_are_refused() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(4000);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let count = std::cell::Cell::new(0);
    let layer = || prop::collection::vec(layered(), 1..5);
    let run = runner.run(&(layer(), layer(), layer()), |(first, second, third)| {
        // A whiteout of the lowest layer takes nothing away.
        let first: Vec<Entry> =
            first.into_iter().filter(|entry| !entry.name.windows(4).any(|part| part == b".wh.")).collect();
        let layers = [first, second, third];
        let packed: Vec<Vec<u8>> = layers
            .iter()
            .map(|layer| {
                let tar = layer.iter().fold(Tar::default(), |tar, entry| {
                    let link: &[u8] = if matches!(entry.kind, b'1' | b'2') { &entry.link } else { b"" };
                    let mut block = header(entry.kind, &entry.name, link, 0);
                    block[100..108].copy_from_slice(format!("{:07o}\0", entry.mode).as_bytes());
                    seal(&mut block);
                    tar.raw(&block, b"")
                });
                tar.end()
            })
            .collect();
        let config = serde_json::json!({"config": {}, "rootfs": {"diff_ids": ["1", "2", "3"]}}).to_string();
        let Ok(image) = read(&saved(&packed, &config)) else { return Ok(()) };
        count.set(count.get() + 1);
        let found = lines(&image.tree, &image.files);
        for apart in [true, false] {
            if let Some(expected) = stacked(&layers, apart) {
                prop_assert_eq!(&found, &expected, "where layers are stored apart: {}", apart);
            }
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    assert!(count.get() > cases / 6, "{} of {cases} were read", count.get());
}
