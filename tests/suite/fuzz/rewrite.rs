//! An archive that is hardened and read again: what `harden image` writes can be read, is the tree that was planned, and has
//! nothing left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use harden::testing::archive::{self, Archive};
use harden::testing::tree::contents::Contents as _;
use serde_json::{Value, json};

use super::targets::with_checksums;

/// What there is of one entry: mode, owner, time, link target, content, and the first name of the same file.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u16,
    owner: (u32, u32),
    time: (i64, u32),
    link: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    first: Vec<u8>,
}

type Entries = BTreeMap<Vec<u8>, Entry>;

/// Every entry but the root, of which a layer need not have one.
fn entries(Archive { tree, files, .. }: &Archive) -> Entries {
    let mut first = BTreeMap::new();
    let mut ids: Vec<_> = tree.ids().skip(1).map(|id| (tree.path(id), id)).collect();
    ids.sort();
    let entry = |(path, id): (Vec<u8>, _)| {
        let meta = tree.meta(id);
        let first = match tree.file_id(id) {
            Some(file) if meta.nlink > 1 && !tree.is_dir(id) => {
                first.entry(file).or_insert_with(|| path.clone()).clone()
            }
            _ => path.clone(),
        };
        let content = tree.is_file(id).then(|| files.read(tree, id, 1 << 24).unwrap_or_default());
        let entry = Entry {
            mode: meta.mode,
            owner: (meta.uid, meta.gid),
            time: (meta.mtime, meta.mtime_nsec),
            link: tree.link_target(id).map(<[u8]>::to_vec),
            content,
            first,
        };
        (path, entry)
    };
    ids.into_iter().map(entry).collect()
}

fn read(path: &Path) -> Entries {
    let archive = archive::read(File::open(path).unwrap(), vec![std::env::temp_dir()], None, None);
    entries(&archive.unwrap_or_else(|error| panic!("what harden wrote cannot be read: {error}")))
}

/// The paths of the changes of a report, and whether each entry goes.
fn changes(report: &Path) -> BTreeMap<Vec<u8>, bool> {
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let path = |change: &Value| match change["path_hex"].as_str() {
        Some(hex) => {
            hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
        }
        None => change["path"].as_str().unwrap().as_bytes().to_vec(),
    };
    report["changes"].as_array().unwrap().iter().map(|change| (path(change), change["action"] == "remove")).collect()
}

/// The layers of an image: the first byte says how many blocks the lower one of two has.
fn image(data: &[u8]) -> Vec<u8> {
    let (&blocks, data) = data.split_first().unwrap_or((&0, &[]));
    let data = with_checksums(data);
    let (lower, upper) = data.split_at((usize::from(blocks) * 512).min(data.len()));
    let layers: Vec<&[u8]> = [lower, upper].into_iter().filter(|layer| !layer.is_empty()).collect();
    let ids: Vec<String> = (0..layers.len()).map(|layer| format!("sha256:{layer}")).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "1000"}, "rootfs": {"type": "layers", "diff_ids": ids}});
    let names: Vec<String> = (0..layers.len()).map(|layer| format!("{layer}.tar")).collect();
    let manifest = json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": names}]);
    let (config, manifest) = (config.to_string(), manifest.to_string());
    let files = [("config.json", config.as_bytes()), ("manifest.json", manifest.as_bytes())];
    let layers = names.iter().map(String::as_str).zip(layers.iter().copied());
    let mut tar = Vec::new();
    for (name, content) in files.into_iter().chain(layers) {
        let mut block = [0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        block[156] = b'0';
        block[257..265].copy_from_slice(b"ustar\x0000");
        tar.extend(with_checksums(&block));
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// Harden an image with these layers, flattened and with its layers kept; `run` is `harden` with these arguments.
pub(crate) fn rewrite(data: &[u8], run: &dyn Fn(&[&str]) -> u8) -> String {
    if data.len() < 2 {
        // No layer, and so none to keep.
        return String::new();
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let harden = |input: &str, output: &str, more: &[&str]| {
        let [input, output, report] = [at(input), at(output), at(&format!("{output}.json"))];
        let mut words = vec!["harden", "image", input.to_str().unwrap(), "-o", output.to_str().unwrap(), "-q"];
        words.extend(["--user", "app:1000:1000", "--command", "none", "--report", report.to_str().unwrap()]);
        words.extend(more);
        let status = run(&words);
        assert_eq!(status == 0, output.exists(), "an image is there when the status is 0, and only then");
        status
    };
    std::fs::write(at("in"), image(data)).unwrap();
    let (flat, kept) = (harden("in", "flat", &["--compress", "none"]), harden("in", "kept", &["--keep-layers"]));
    assert_eq!(flat, kept, "with layers kept and flattened");
    if flat != 0 {
        assert_eq!(flat, 2, "nothing fails that was accepted");
        return "refused".to_owned();
    }
    let (before, after) = (read(&at("in")), read(&at("flat")));
    assert_eq!(read(&at("kept")), after, "with layers kept and flattened");
    let changes = changes(&at("flat.json"));
    let goes = |path: &[u8]| {
        let above = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at]);
        above.chain([path]).any(|path| changes.get(path) == Some(&true))
    };
    // Another name of a file that changes changes, too.
    let touched: BTreeSet<&Vec<u8>> = before
        .iter()
        .filter(|(path, _)| changes.contains_key(*path) || goes(path))
        .map(|(_, entry)| &entry.first)
        .collect();
    for (path, entry) in &before {
        if goes(path) {
            assert!(!after.contains_key(path), "{} is removed", path.escape_ascii());
        } else if !touched.contains(&entry.first) {
            assert_eq!(after.get(path), Some(entry), "{}", path.escape_ascii());
        }
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        assert!(changes.contains_key(path), "{} is made by no change", path.escape_ascii());
    }
    // A second run finds nothing to do.
    for (input, output, more) in [("flat", "again", "--keep-layers"), ("kept", "once", "--compress=none")] {
        assert_eq!(harden(input, output, &[more]), 0, "{input} is hardened again");
        assert_eq!(self::changes(&at(&format!("{output}.json"))), BTreeMap::new(), "{input}");
        assert_eq!(read(&at(output)), after, "{input}");
    }
    let actions: BTreeSet<bool> = changes.values().copied().collect();
    format!("{} {} {actions:?}", before.len().min(9), after.len().min(9))
}
