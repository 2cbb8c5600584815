//! Digests of the input, the policy, harden, the output and every removed file: for reports and attestations.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde::{Serialize, Serializer};

use super::figures::{Figures, figures};
use crate::diag::escape::printable;
use crate::digest::{Digest, hex};
use crate::image::Written;
use crate::pipeline::Examined;
use crate::policy::{Policy, dump};
use crate::root::host;
use crate::tree::contents::Contents;
use crate::tree::{Id, Tree};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// The evidence of one platform's image: SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Evidence {
    /// Of the archive that was read; left out for a tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// Of the image that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Written>,
    /// Of the effective policy, as `--dump-config` prints it.
    pub policy: String,
    /// Of this program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// How much changes.
    pub counts: Counts,
    /// Every regular file that goes.
    pub removed: Vec<Removed>,
}

/// What was read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Input {
    /// The archive itself; left out for a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// The image's manifest, if the archive has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The image's configuration.
    pub config: String,
}

/// How much changes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Counts {
    /// Changes of the report.
    changes: usize,
    /// Regular files that go, and the bytes in them.
    removed_files: usize,
    removed_bytes: u64,
    #[serde(flatten)]
    figures: Figures,
}

/// A file that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Removed {
    #[serde(serialize_with = "shown")]
    path: Vec<u8>,
    /// The exact bytes of the path when they are no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    bytes: u64,
    #[serde(serialize_with = "digits")]
    sha256: [u8; 32],
}

fn shown<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&printable(path))
}

fn digits<S: Serializer>(sum: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(sum))
}

impl Evidence {
    /// Before anything is written. Each file that goes is read.
    ///
    /// # Errors
    /// The cause, when one cannot be read.
    pub(crate) fn of(
        examined: &Examined,
        contents: &dyn Contents,
        input: Option<Input>,
        policy: String,
        binary: Option<String>,
    ) -> anyhow::Result<Self> {
        let tree = &examined.facts.tree;
        let gone = examined.plan.removed();
        // Names of one file are read once.
        let mut known = BTreeMap::new();
        let mut removed = Vec::new();
        for id in tree.ids().filter(|&id| gone.contains(id) && tree.is_file(id)) {
            let sha256 = match tree.file_id(id) {
                Some(file) => match known.get(&file) {
                    Some(&sum) => sum,
                    None => *known.entry(file).or_insert(sum(tree, contents, id)?),
                },
                None => sum(tree, contents, id)?,
            };
            let path = tree.path(id);
            let path_hex = std::str::from_utf8(&path).is_err().then(|| hex(&path));
            removed.push(Removed { path, path_hex, bytes: tree.meta(id).size, sha256 });
        }
        removed.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let counts = Counts {
            changes: examined.plan.records.len(),
            removed_files: removed.len(),
            removed_bytes: removed.iter().map(|file| file.bytes).fold(0, u64::saturating_add),
            figures: figures(examined, &gone),
        };
        Ok(Self { input, output: None, policy, binary, counts, removed })
    }
}

/// Of the effective policy, as `--dump-config` prints it.
pub(crate) fn of_policy(policy: &Policy) -> String {
    Digest::of(dump(policy).as_bytes())
}

/// Of this program, where it can be read.
pub(crate) fn of_this_program() -> Option<String> {
    let mut file = host::open(Path::new(&host::own_executable()?)).ok()?;
    let (mut digest, mut buffer) = (Digest::default(), vec![0; CHUNK]);
    while let Ok(count @ 1..) = file.read(&mut buffer) {
        digest.update(buffer.get(..count).unwrap_or_default());
    }
    Some(hex(&digest.finish()))
}

fn sum(tree: &Tree, contents: &dyn Contents, id: Id) -> anyhow::Result<[u8; 32]> {
    let (size, mut at, mut buffer, mut digest) = (tree.meta(id).size, 0, Vec::new(), Digest::default());
    while at < size {
        let len = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        contents.read_at_into(tree, id, at, len, &mut buffer)?;
        if buffer.is_empty() {
            anyhow::bail!("a file ends before its size");
        }
        digest.update(&buffer);
        at += buffer.len() as u64;
    }
    Ok(digest.finish())
}
