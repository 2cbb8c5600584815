//! Archives of whole images: what `docker save` writes, and an OCI image layout (OCI image specification,
//! image-layout.md) in one file.
//!
//! This module owns which files of such an archive are the layers and the configuration of one image, and that each blob
//! has the content that its name is the digest of. It applies none.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Files;
use super::spool::{CHUNK, Span};
use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::digest::{Digest, hex};
use crate::tree::contents::Contents as _;
use crate::tree::{Id, Tree};

/// Largest manifest, index and configuration, in bytes: as much as registries take.
const LARGEST_DOCUMENT: u64 = 4 * 1024 * 1024;

/// Bytes of all manifests, indexes and configurations that are read of one archive.
const MOST_DOCUMENTS: u64 = 16 * LARGEST_DOCUMENT;

/// Most layers of one image: engines take 127 (overlayfs has room for 500).
const MOST_LAYERS: usize = 1000;

/// Deepest nesting of indexes.
const DEEPEST_INDEX: usize = 8;

/// Most manifests that are looked at.
const MOST_MANIFESTS: usize = 1000;

/// Directories of a root file system: an archive that has one of them is one, whatever else it holds. Without this a
/// container could be judged by an image that somebody put into its root.
const ROOT_DIRECTORIES: &[&str] = &[
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv",
    "sys", "tmp", "usr", "var",
];

/// Where blobs lie, in a layout and in what `docker save` writes since version 25.
const BLOBS: &str = "blobs/sha256/";

/// What to do when the image is not clear.
const ONE_IMAGE: &str =
    "write an archive of one image for one platform, or of its file system: docker export CONTAINER";

/// The parts of an image.
#[derive(Debug)]
pub(super) struct Image {
    /// The configuration as JSON.
    pub(super) config: Vec<u8>,
    /// Name and content of each layer, the lowest first.
    pub(super) layers: Vec<(String, Span)>,
}

/// One image of an OCI layout.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    digest: String,
    size: Option<u64>,
    name: String,
    /// Operating system and architecture, when they are named.
    platform: Option<String>,
}

/// The image that an archive holds; `None` when it holds a file system.
///
/// # Errors
/// When it is an image archive, and it is not clear what the image is, or a part is missing.
pub(super) fn recognise(tree: &Tree, files: &Files) -> Result<Option<Image>, Diagnostic> {
    let top = |name: &str| tree.child(Id::ROOT, name.as_bytes());
    if ROOT_DIRECTORIES.iter().any(|&name| top(name).is_some()) {
        return Ok(None);
    }
    let archive = Archive { tree, files, read: Cell::new(0) };
    if top("manifest.json").is_some_and(|id| tree.is_file(id))
        && let Ok(Value::Array(images)) = archive.json("manifest.json", None)
        && images.iter().all(|image| image.get("Layers").is_some())
    {
        return archive.docker(&images).map(Some);
    }
    if top("oci-layout").is_some() && top("index.json").is_some() {
        return archive.oci().map(Some);
    }
    Ok(None)
}

struct Archive<'a> {
    tree: &'a Tree,
    files: &'a Files,
    /// Bytes of documents read so far.
    read: Cell<u64>,
}

impl Archive<'_> {
    /// `docker save`: a list of images, each with paths in the archive.
    fn docker(&self, images: &[Value]) -> Result<Image, Diagnostic> {
        let image = match images {
            [image] => image,
            [] => return Err(refused("it holds no image")),
            more => {
                let names = more.iter().map(|image| match strings(image.get("RepoTags")).as_slice() {
                    [] => image.get("Config").and_then(Value::as_str).unwrap_or("an image without a name").to_owned(),
                    tags => tags.join(" "),
                });
                return Err(several(names.collect()));
            }
        };
        let config =
            image.get("Config").and_then(Value::as_str).ok_or_else(|| refused("its manifest names no config"))?;
        let config = self.document(config, None)?;
        let layers = strings(image.get("Layers"));
        self.image(config, layers.into_iter().map(|layer| (layer, None)).collect())
    }

    /// An OCI layout: from the index over manifests to blobs, each named by its digest.
    fn oci(&self) -> Result<Image, Diagnostic> {
        let mut candidates = Vec::new();
        let index = self.json("index.json", None)?;
        self.collect(&index, "", 0, &mut BTreeSet::new(), &mut candidates)?;
        let ours = format!("linux/{}", architecture());
        let fitting: Vec<_> = candidates.iter().filter(|found| found.platform.as_ref() == Some(&ours)).collect();
        let chosen = match (candidates.as_slice(), fitting.as_slice()) {
            ([], _) => return Err(refused("it holds no image")),
            ([only], _) | (_, &[only]) => only,
            _ => {
                let platform = |found: &Candidate| found.platform.clone().unwrap_or_else(|| "no platform".to_owned());
                let name = |found: &Candidate| format!("{} ({})", found.name, platform(found));
                return Err(several(candidates.iter().map(name).collect()));
            }
        };
        let manifest = self.json(&blob(&chosen.digest)?, chosen.size)?;
        let part = |value: Option<&Value>| -> Result<(String, Option<u64>), Diagnostic> {
            let digest = value.and_then(|value| value.get("digest")).and_then(Value::as_str);
            let digest = digest.ok_or_else(|| refused("a manifest names a blob without a digest"))?;
            Ok((blob(digest)?, value.and_then(|value| value.get("size")).and_then(Value::as_u64)))
        };
        let (config, size) = part(manifest.get("config"))?;
        let config = self.document(&config, size)?;
        let layers =
            manifest.get("layers").and_then(Value::as_array).ok_or_else(|| refused("a manifest has no layers"))?;
        let layers = layers.iter().map(|layer| part(Some(layer))).collect::<Result<Vec<_>, _>>()?;
        self.image(config, layers)
    }

    /// The images of an index and of the indexes in it. Attestations and signatures are none.
    fn collect(
        &self,
        index: &Value,
        name: &str,
        depth: usize,
        seen: &mut BTreeSet<String>,
        found: &mut Vec<Candidate>,
    ) -> Result<(), Diagnostic> {
        if depth > DEEPEST_INDEX {
            return Err(refused("its indexes are nested too deeply"));
        }
        for entry in index.get("manifests").and_then(Value::as_array).into_iter().flatten() {
            let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
            let note = |key: &str| entry.get("annotations").and_then(|notes| text(notes, key));
            let platform = entry
                .get("platform")
                .and_then(|platform| Some(format!("{}/{}", text(platform, "os")?, text(platform, "architecture")?)));
            if note("vnd.docker.reference.type").is_some() || platform.as_deref() == Some("unknown/unknown") {
                continue;
            }
            let digest = text(entry, "digest").ok_or_else(|| refused("an index names a manifest without a digest"))?;
            let size = entry.get("size").and_then(Value::as_u64);
            let named = note("io.containerd.image.name").or_else(|| note("org.opencontainers.image.ref.name"));
            let name = named.unwrap_or_else(|| name.to_owned());
            // What was looked at under one name holds nothing else under another.
            if !seen.insert(digest.clone()) {
                continue;
            }
            if seen.len() > MOST_MANIFESTS {
                return Err(refused(&format!("its indexes name more than {MOST_MANIFESTS} manifests")));
            }
            let inner = self.json(&blob(&digest)?, size)?;
            if inner.get("manifests").is_some() {
                self.collect(&inner, &name, depth + 1, seen, found)?;
                continue;
            }
            // A signature or a bill of materials beside the image has a configuration of another kind.
            let kind = inner.get("config").and_then(|config| text(config, "mediaType")).unwrap_or_default();
            let image = matches!(
                kind.as_str(),
                "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
            );
            if !image {
                continue;
            }
            let name = if name.is_empty() { digest.clone() } else { name };
            found.push(Candidate { digest, size, name, platform });
        }
        Ok(())
    }

    /// All parts found, and as many layers as the configuration counts.
    fn image(&self, config: Vec<u8>, layers: Vec<(String, Option<u64>)>) -> Result<Image, Diagnostic> {
        let document: Value =
            serde_json::from_slice(&config).map_err(|_| refused("its image configuration is not valid JSON"))?;
        let counted = document.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array);
        if !document.get("config").is_some_and(Value::is_object) {
            return Err(refused("its image configuration has no 'config'"));
        }
        if counted.map(Vec::len) != Some(layers.len()) {
            return Err(refused("its manifest and its image configuration disagree on the number of layers"));
        }
        if layers.len() > MOST_LAYERS {
            let text = format!(
                "cannot judge the image archive: it has {} layers, and harden reads at most {MOST_LAYERS}",
                layers.len()
            );
            return Err(Diagnostic::new(codes::BUDGET, text).help("flatten it: docker export CONTAINER"));
        }
        let mut spans: Vec<(String, Span)> = Vec::new();
        let mut verified = BTreeSet::new();
        for (path, size) in layers {
            let span = self.file(&path, size).and_then(|id| self.files.span(self.tree, id));
            let span = span.ok_or_else(|| missing(&path))?;
            if verified.insert(path.clone()) {
                self.verify(&path, span)?;
            }
            spans.push((path, span));
        }
        Ok(Image { config, layers: spans })
    }

    fn json(&self, path: &str, size: Option<u64>) -> Result<Value, Diagnostic> {
        let content = self.document(path, size)?;
        serde_json::from_slice(&content)
            .map_err(|error| refused(&format!("{} is not valid JSON: {error}", quoted(path.as_bytes()))))
    }

    fn document(&self, path: &str, size: Option<u64>) -> Result<Vec<u8>, Diagnostic> {
        let id = self.file(path, size).ok_or_else(|| missing(path))?;
        self.read.set(self.read.get().saturating_add(self.tree.meta(id).size));
        if self.read.get() > MOST_DOCUMENTS {
            let text = format!(
                "cannot judge the image archive: its manifests, indexes and configurations hold more than {MOST_DOCUMENTS} \
                 bytes: stopped at {}",
                quoted(path.as_bytes())
            );
            return Err(Diagnostic::new(codes::BUDGET, text).help(ONE_IMAGE));
        }
        let content = self.files.read(self.tree, id, LARGEST_DOCUMENT);
        let content = content.map_err(|cause| unreadable(path, &cause.to_string()))?;
        if hash_of(path).is_some_and(|hash| hash != Digest::of(&content)) {
            return Err(other_content(path));
        }
        Ok(content)
    }

    /// A layer is too large to be held: read once for its digest, and later for its entries.
    fn verify(&self, path: &str, span: Span) -> Result<(), Diagnostic> {
        let Some(hash) = hash_of(path) else { return Ok(()) };
        let (mut digest, mut buffer, mut at) = (Digest::default(), vec![0; CHUNK], 0);
        while at < span.len {
            buffer.truncate(usize::try_from(span.len - at).unwrap_or(CHUNK));
            self.files.store.read(span, at, &mut buffer).map_err(|cause| unreadable(path, &cause.to_string()))?;
            digest.update(&buffer);
            at += buffer.len() as u64;
        }
        if hash == hex(&digest.finish()) { Ok(()) } else { Err(other_content(path)) }
    }

    /// The file of that path and, when it is stated, of that size.
    fn file(&self, path: &str, size: Option<u64>) -> Option<Id> {
        let id = self.tree.resolve(path.as_bytes()).ok()?.node;
        (self.tree.is_file(id) && size.is_none_or(|size| size == self.tree.meta(id).size)).then_some(id)
    }
}

/// Where a layout keeps what has that digest. What cannot be verified is not judged: of the specification's algorithms,
/// sha256 is the one that every image has.
fn blob(digest: &str) -> Result<String, Diagnostic> {
    match digest.strip_prefix("sha256:") {
        Some(hash) if !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Ok([BLOBS, hash].concat())
        }
        _ => Err(refused(&format!("{} is not a sha256 digest", quoted(digest.as_bytes())))),
    }
}

/// The hexadecimal digits that the content of that path has to have; `None` for a path that is no blob's.
fn hash_of(path: &str) -> Option<&str> {
    path.strip_prefix(BLOBS)
}

/// This machine's architecture in Go's words, which images use.
const fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn refused(why: &str) -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_IMAGE, format!("cannot judge the image archive: {why}")).help(ONE_IMAGE)
}

fn unreadable(path: &str, cause: &str) -> Diagnostic {
    refused(&format!("cannot read {}: {cause}", quoted(path.as_bytes())))
}

fn other_content(path: &str) -> Diagnostic {
    super::damaged(&format!("{} has content that does not match its digest", quoted(path.as_bytes())))
}

fn missing(path: &str) -> Diagnostic {
    refused(&format!("{} is missing, or its size differs from its manifest", quoted(path.as_bytes())))
}

fn several(names: Vec<String>) -> Diagnostic {
    let names: Vec<String> = names.iter().map(|name| quoted(name.as_bytes())).collect();
    refused(&format!("it holds {} images, and harden cannot choose one: {}", names.len(), names.join(", ")))
}
