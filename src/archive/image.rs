//! Archives of whole images: the output of `docker save`, an OCI image layout (OCI image specification,
//! image-layout.md) in one file, and the directory of skopeo's transport `dir:` (containers-transports(5)) in one file.
//!
//! This module finds the layers and the configuration of one image in such an archive, and checks that the name of each
//! blob is the digest of its content. It applies no layer.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::spool::{CHUNK, Span};
use super::{Files, gzip, zstd};
use crate::console::progress::{Progress, Unit};
use crate::diag::escape::{escaped, quoted};
use crate::diag::{Diagnostic, codes};
use crate::digest::{Digest, hex};
use crate::tree::contents::Contents;
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
/// container could be judged by an image that lies in its root.
const ROOT_DIRECTORIES: &[&str] = &[
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv",
    "sys", "tmp", "usr", "var",
];

/// Directories of which two beside each other make a root file system.
const SURE_DIRECTORIES: &[&str] = &["bin", "etc", "lib", "sbin", "usr", "var"];

/// Directories of a layer of Windows.
const WINDOWS_DIRECTORIES: &[&str] = &["Files", "Hives", "UtilityVM"];

/// Deepest program that makes a tree a root file system, and the most entries looked at for it.
const DEEPEST_PROGRAM: usize = 4;

/// Where blobs lie, in a layout and in what `docker save` writes since version 25.
const BLOBS: &str = "blobs/sha256/";

/// How `dir:` names the manifests of a list.
const DIR_MANIFEST: &str = ".manifest.json";

const CHOOSE: &str = "choose one with --platform OS/ARCH";

/// What to do when the image is not clear.
const ONE_IMAGE: &str = "write an archive of one image for one platform: docker save NAME:TAG (without the tag it saves every tag), or of \
    its file system: docker export CONTAINER";

/// The parts of an image.
#[derive(Debug)]
pub(super) struct Image {
    /// The configuration as JSON.
    pub(super) config: Vec<u8>,
    /// Name and content of each layer, the lowest first.
    pub(super) layers: Vec<(String, Span)>,
    /// The directory of the archive that holds the image, unless it is the first.
    pub(super) below: Option<Vec<u8>>,
    /// What is said of it besides.
    pub(super) facts: Facts,
}

/// A platform that `--platform` asks for: operating system, architecture, and the architecture's variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Read `OS/ARCH[/VARIANT]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture, variant) = (parts.next()?, parts.next()?, parts.next());
        let all = [Some(&os), Some(&architecture), variant.as_ref()];
        let sound = all.into_iter().flatten().all(|part| !part.is_empty() && part.is_ascii());
        (sound && parts.next().is_none()).then_some(Self { os, architecture, variant })
    }

    /// This machine's.
    fn ours() -> Self {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        Self { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None }
    }

    /// That of a descriptor's `platform`, or of a configuration, which has the same members.
    fn of(value: &Value) -> Option<Self> {
        let text =
            |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self { os: text("os")?, architecture: text("architecture")?, variant: text("variant") })
    }

    /// Whether it is what was asked for.
    fn fits(&self, wanted: &Self) -> bool {
        let same = (&self.os, &self.architecture) == (&wanted.os, &wanted.architecture);
        same && (wanted.variant.is_none() || wanted.variant == self.variant)
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// What an archive says of its image besides configuration and layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The names that it is loaded under, as the archive has them.
    pub(crate) names: Vec<String>,
    /// Its manifest is one of the OCI image specification, not one of Docker's.
    pub(crate) oci: bool,
    /// Its layers as they are stored, the lowest first.
    pub(crate) layers: Vec<(StoredLayer, Compression)>,
    /// Every platform of which the archive holds this image, when they are several and none was asked for: this one first.
    pub(crate) platforms: Vec<Platform>,
    /// Attestations and signatures of it, by digest.
    pub(crate) attached: Vec<String>,
    /// SHA-256 of its manifest in hexadecimal digits, where the archive has one.
    pub(crate) manifest: Option<String>,
}

impl Facts {
    /// How its layers are stored: as the last one.
    pub(crate) fn compression(&self) -> Compression {
        self.layers.last().map_or(Compression::None, |(_, compression)| *compression)
    }

    /// Its layers.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (StoredLayer, Compression)> {
        self.layers.iter().copied()
    }
}

/// Where a layer lies in the archive, as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredLayer(pub(super) Span);

/// How a layer is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Compression {
    /// As it is.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How an image lies in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `docker save`: manifest.json lists images.
    Docker,
    /// index.json, and blobs below it.
    Oci,
    /// skopeo's `dir:`: manifest.json is the manifest, and each blob is a file of its digest.
    Dir,
}

/// One image of an OCI layout.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    digest: String,
    size: Option<u64>,
    name: String,
    /// The names that engines load it under.
    names: Vec<String>,
    /// When it is named.
    platform: Option<Platform>,
}

/// The image that an archive holds; `None` when it holds no image. `any`: of several platforms, any one is read when none is
/// asked for.
///
/// # Errors
/// When it is an image archive, and it is not clear what the image is, or a part is missing.
pub(super) fn recognise(
    tree: &Tree,
    files: &Files,
    platform: Option<&Platform>,
    any: bool,
) -> Result<Option<Image>, Diagnostic> {
    let read = Cell::new(0);
    let at = |base: Id| Archive { tree, files, base, form: Form::Docker, platform, any, read: &read };
    let is_root = ROOT_DIRECTORIES
        .iter()
        .any(|&name| tree.child(Id::ROOT, name.as_bytes()).is_some_and(|id| tree.is_dir(id) || tree.is_link(id)));
    if let Some(form) = at(Id::ROOT).form() {
        if is_root {
            return Err(refused("it holds an image and a root file system: engines load the image")
                .help("give the one that is meant: the output of docker save, or that of docker export"));
        }
        return Archive { form, ..at(Id::ROOT) }.read().map(Some);
    }
    if is_root {
        return Ok(None);
    }
    let mut below = tree.children(Id::ROOT).filter(|&id| tree.is_dir(id)).filter_map(|id| Some((id, at(id).form()?)));
    match (below.next(), below.next()) {
        (Some((base, form)), None) => {
            let image = Archive { form, ..at(base) }.read()?;
            Ok(Some(Image { below: Some(tree.path(base)), ..image }))
        }
        (None, _) => Ok(None),
        (Some((first, _)), Some((second, _))) => {
            let names = [first, second].map(|id| String::from_utf8_lossy(&tree.path(id)).into_owned());
            Err(several(names.to_vec()))
        }
    }
}

/// Whether a tree is a root file system: it has one of the directories of one, or it holds a program, as an image made
/// from scratch does.
///
/// # Errors
/// When it is not, with what it is instead.
pub(crate) fn expect_file_system(tree: &Tree, contents: &dyn Contents) -> Result<(), Diagnostic> {
    let has =
        |base: Id, name: &str| tree.child(base, name.as_bytes()).is_some_and(|id| tree.is_dir(id) || tree.is_link(id));
    let none = |text: String| Diagnostic::new(codes::ARCHIVE_IMAGE, text);
    let inner = |id: &Id| SURE_DIRECTORIES.iter().filter(|&&name| has(*id, name)).count() >= 2;
    if ROOT_DIRECTORIES.iter().any(|name| has(Id::ROOT, name)) {
        return Ok(());
    }
    let directories = || tree.children(Id::ROOT).filter(|&id| tree.is_dir(id));
    if let Some(found) = directories().find(inner) {
        let name = quoted(tree.name(found));
        return Err(none(format!("it is not a root file system, but has one in its directory {name}")).help(format!(
            "give that directory: --root DIR/{0}, or tar -C DIR/{0} -c . | harden audit --tar -",
            escaped(tree.name(found))
        )));
    }
    if WINDOWS_DIRECTORIES.iter().filter(|name| has(Id::ROOT, name)).count() >= 2 {
        return Err(windows());
    }
    if form_of(tree, Id::ROOT, &|id| contents.read(tree, id, LARGEST_DOCUMENT).ok()).is_some() {
        return Err(none("it is an image in the form of a directory, and not a root file system".to_owned())
            .help("give it as an archive: harden audit --tar DIR"));
    }
    let old = |id: Id| tree.child(id, b"layer.tar").is_some() && tree.child(id, b"json").is_some();
    if directories().any(old) {
        return Err(none("it is an image in the form of Docker before 1.10, without manifest.json".to_owned())
            .help("load it and write it again: docker load, then docker save"));
    }
    // A program of an image made from scratch.
    let program = |id: Id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0;
    let mut level: Vec<Id> = vec![Id::ROOT];
    for _ in 0..DEEPEST_PROGRAM {
        let below: Vec<Id> = level.iter().flat_map(|&id| tree.children(id)).collect();
        if below.iter().any(|&id| program(id)) {
            return Ok(());
        }
        level = below.into_iter().filter(|&id| tree.is_dir(id)).collect();
    }
    let text =
        "it is neither an image nor a root file system: it has no directory such as /etc or /usr, and no program";
    Err(none(text.to_owned()).help(
        "give the output of docker save or docker export; if it is a root file system, name its program with --command",
    ))
}

fn windows() -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_IMAGE, "it is a Windows image, and harden checks only Linux images")
        .help("give a Linux image; from a multi-platform image, choose one with --platform")
}

/// The form of the image in a directory; `read` gives the content of a file.
fn form_of(tree: &Tree, base: Id, read: &dyn Fn(Id) -> Option<Vec<u8>>) -> Option<Form> {
    let child = |name: &str| tree.child(base, name.as_bytes());
    let json = |name: &str| -> Option<Value> {
        let id = child(name).filter(|&id| tree.is_file(id))?;
        serde_json::from_slice(&read(id)?).ok()
    };
    match json("manifest.json") {
        Some(Value::Array(images)) if images.iter().all(|image| image.get("Layers").is_some()) => {
            return Some(Form::Docker);
        }
        Some(manifest)
            if manifest.get("schemaVersion").and_then(Value::as_u64) == Some(2)
                && (manifest.get("layers").or(manifest.get("manifests"))).is_some_and(Value::is_array) =>
        {
            return Some(Form::Dir);
        }
        _ => {}
    }
    let index = child("index.json").is_some_and(|id| tree.is_file(id));
    let beside = child("oci-layout").is_some() || child("blobs").is_some_and(|id| tree.is_dir(id));
    (index && beside).then_some(Form::Oci)
}

struct Archive<'a> {
    tree: &'a Tree,
    files: &'a Files,
    /// The directory of the image.
    base: Id,
    form: Form,
    platform: Option<&'a Platform>,
    any: bool,
    /// Bytes of documents read so far.
    read: &'a Cell<u64>,
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
        let mut read = self.image(config, layers.into_iter().map(|layer| (layer, None)).collect())?;
        read.facts.names = strings(image.get("RepoTags"));
        Ok(read)
    }

    fn form(&self) -> Option<Form> {
        form_of(self.tree, self.base, &|id| self.files.read(self.tree, id, LARGEST_DOCUMENT).ok())
    }

    fn read(&self) -> Result<Image, Diagnostic> {
        match self.form {
            // Its manifest.json lists one platform, and index.json all of them.
            Form::Docker if self.platform.is_some() && self.file("index.json", None).is_some() => {
                Archive { form: Form::Oci, ..*self }.oci("index.json")
            }
            Form::Docker if self.any && self.file("index.json", None).is_some() => {
                let all = Archive { form: Form::Oci, ..*self };
                let (candidates, attached) = all.candidates(&all.json("index.json", None)?)?;
                let present = all.present(&candidates);
                if all.platforms(&present).len() > 1 {
                    return all.oci("index.json");
                }
                // Of one platform, its names are those of manifest.json.
                let mut read = Archive { any: false, ..*self }.read()?;
                read.facts.attached = attached;
                let config = format!("sha256:{}", Digest::of(&read.config));
                let manifest = present.into_iter().find(|found| all.config_of(found).is_some_and(|of| of == config));
                read.facts.manifest = manifest.and_then(|found| Some(found.digest.strip_prefix("sha256:")?.to_owned()));
                Ok(read)
            }
            Form::Docker => match self.json("manifest.json", None)? {
                Value::Array(images) => self.docker(&images),
                _ => Err(refused("its manifest.json is not a list")),
            },
            Form::Oci => self.oci("index.json"),
            Form::Dir => self.oci("manifest.json"),
        }
    }

    /// An OCI layout: from the index over manifests to blobs, each named by its digest.
    fn oci(&self, first: &str) -> Result<Image, Diagnostic> {
        let name = first;
        let first = self.json(name, None)?;
        if first.get("manifests").is_none() {
            let mut read = self.manifest(&first)?;
            read.facts.manifest = Some(Digest::of(&self.document(name, None)?));
            return Ok(read);
        }
        let (candidates, attached) = self.candidates(&first)?;
        if candidates.is_empty() {
            return Err(refused("it holds no image"));
        }
        let wanted = self.platform.cloned().unwrap_or_else(Platform::ours);
        let fits = |found: &&Candidate| self.platform_of(found).is_some_and(|platform| platform.fits(&wanted));
        let present = self.present(&candidates);
        let fitting: Vec<&Candidate> = present.iter().copied().filter(fits).collect();
        let mut platforms = if self.any && self.platform.is_none() { self.platforms(&present) } else { Vec::new() };
        let chosen = match (present.as_slice(), fitting.as_slice()) {
            (_, &[only]) => only,
            (&[first, ..], []) if platforms.len() > 1 => first,
            (&[only], _) if self.platform.is_none() => only,
            ([], _) => return Err(missing(&self.blob(candidates.first().map_or("", |found| &found.digest), true)?)),
            (all, []) if self.platform.is_some() => {
                let text = format!("it has no image for {wanted}: it holds {}", self.named(all));
                return Err(refused(&text).help("give --platform one of them"));
            }
            (all, fitting) => {
                let of = if fitting.is_empty() { all } else { fitting };
                let text = format!("it holds {} images, and harden cannot choose one: {}", of.len(), self.named(of));
                return Err(refused(&text).help(if fitting.is_empty() { CHOOSE } else { ONE_IMAGE }));
            }
        };
        let manifest = self.json(&self.blob(&chosen.digest, true)?, chosen.size)?;
        let mut read = self.manifest(&manifest)?;
        read.facts.names = chosen.names.clone();
        read.facts.manifest = chosen.digest.strip_prefix("sha256:").map(str::to_owned);
        // The one that was read goes first.
        if let Some(at) = present.iter().position(|found| *found == chosen).filter(|at| *at < platforms.len()) {
            platforms.get_mut(..=at).unwrap_or_default().rotate_right(1);
        }
        (read.facts.platforms, read.facts.attached) = (platforms, attached);
        Ok(read)
    }

    /// The images of an index, and by digest what is attached to them.
    fn candidates(&self, index: &Value) -> Result<(Vec<Candidate>, Vec<String>), Diagnostic> {
        let (mut found, mut attached) = (Vec::new(), Vec::new());
        self.collect(index, "", 0, &mut BTreeSet::new(), &mut found, &mut attached)?;
        Ok((found, attached))
    }

    /// Of an image for many platforms, an archive may hold some: what it does not hold cannot be meant.
    fn present<'c>(&self, candidates: &'c [Candidate]) -> Vec<&'c Candidate> {
        let there =
            |found: &&Candidate| self.blob(&found.digest, true).is_ok_and(|path| self.file(&path, None).is_some());
        candidates.iter().filter(there).collect()
    }

    /// The platforms of one image: none, when these are several images.
    fn platforms(&self, images: &[&Candidate]) -> Vec<Platform> {
        let one = images.iter().all(|image| images.first().is_some_and(|first| first.names == image.names));
        let all: Vec<Platform> = images.iter().filter_map(|image| self.platform_of(image)).collect();
        let distinct = all.iter().enumerate().all(|(at, one)| !all.iter().skip(at + 1).any(|other| other == one));
        if one && distinct && all.len() == images.len() && all.len() > 1 { all } else { Vec::new() }
    }

    /// The images of a list with their platforms, for messages.
    fn named(&self, images: &[&Candidate]) -> String {
        let names = images.iter().map(|found| {
            let platform = self.platform_of(found).map_or_else(|| "no platform".to_owned(), |found| found.to_string());
            quoted(format!("{} ({platform})", found.name).as_bytes())
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// The platform that the descriptor names, else the configuration.
    fn platform_of(&self, found: &Candidate) -> Option<Platform> {
        found
            .platform
            .clone()
            .or_else(|| Platform::of(&self.json(&self.blob(&self.config_of(found)?, false).ok()?, None).ok()?))
    }

    /// The digest of its configuration.
    fn config_of(&self, found: &Candidate) -> Option<String> {
        let manifest = self.json(&self.blob(&found.digest, true).ok()?, found.size).ok()?;
        Some(manifest.get("config")?.get("digest")?.as_str()?.to_owned())
    }

    /// The image of one manifest.
    fn manifest(&self, manifest: &Value) -> Result<Image, Diagnostic> {
        let part = |value: Option<&Value>| -> Result<(String, Option<u64>), Diagnostic> {
            let digest = value.and_then(|value| value.get("digest")).and_then(Value::as_str);
            let digest = digest.ok_or_else(|| refused("a manifest names a blob without a digest"))?;
            Ok((self.blob(digest, false)?, value.and_then(|value| value.get("size")).and_then(Value::as_u64)))
        };
        let kind = manifest.get("config").and_then(|config| config.get("mediaType")).and_then(Value::as_str);
        if kind.is_some_and(|kind| !is_image_config(kind)) {
            return Err(refused(&format!(
                "its manifest does not describe an image: its configuration is {}",
                quoted(kind.unwrap_or_default().as_bytes())
            )));
        }
        let (config, size) = part(manifest.get("config"))?;
        let config = self.document(&config, size)?;
        let layers =
            manifest.get("layers").and_then(Value::as_array).ok_or_else(|| refused("a manifest has no layers"))?;
        let layers = layers.iter().map(|layer| part(Some(layer))).collect::<Result<Vec<_>, _>>()?;
        let mut read = self.image(config, layers)?;
        read.facts.oci = kind == Some(OCI_CONFIG);
        Ok(read)
    }

    /// The images of an index and of the indexes in it. Attestations and signatures are none.
    fn collect(
        &self,
        index: &Value,
        name: &str,
        depth: usize,
        seen: &mut BTreeSet<String>,
        found: &mut Vec<Candidate>,
        attached: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        if depth > DEEPEST_INDEX {
            return Err(refused("its indexes are nested too deeply"));
        }
        for entry in index.get("manifests").and_then(Value::as_array).into_iter().flatten() {
            let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
            let note = |key: &str| entry.get("annotations").and_then(|notes| text(notes, key));
            let platform = entry.get("platform").and_then(Platform::of);
            let unknown =
                platform.as_ref().is_some_and(|found| found.os == "unknown" && found.architecture == "unknown");
            if note("vnd.docker.reference.type").is_some() || unknown {
                attached.extend(text(entry, "digest"));
                continue;
            }
            let digest = text(entry, "digest").ok_or_else(|| refused("an index names a manifest without a digest"))?;
            let size = entry.get("size").and_then(Value::as_u64);
            let named = note("io.containerd.image.name").or_else(|| note("org.opencontainers.image.ref.name"));
            let name = named.unwrap_or_else(|| name.to_owned());
            // What was looked at under one name holds nothing else under another.
            if !seen.insert(digest.clone()) {
                if let Some(known) = found.iter_mut().find(|known| known.digest == digest) {
                    known.names.extend(whole_name(&name).filter(|name| !known.names.contains(name)));
                }
                continue;
            }
            if seen.len() > MOST_MANIFESTS {
                return Err(refused(&format!("its indexes name more than {MOST_MANIFESTS} manifests")));
            }
            // The descriptor says what it is: the manifest of another platform need not be there.
            let manifest = text(entry, "mediaType").is_some_and(|kind| {
                kind == "application/vnd.oci.image.manifest.v1+json"
                    || kind == "application/vnd.docker.distribution.manifest.v2+json"
            });
            if !(manifest && platform.is_some()) {
                let inner = self.json(&self.blob(&digest, true)?, size)?;
                if inner.get("manifests").is_some() {
                    self.collect(&inner, &name, depth + 1, seen, found, attached)?;
                    continue;
                }
                // A signature or a bill of materials beside the image has a configuration of another kind.
                let kind = inner.get("config").and_then(|config| text(config, "mediaType")).unwrap_or_default();
                if !is_image_config(&kind) {
                    attached.push(digest);
                    continue;
                }
            }
            if found.iter().any(|known| known.digest == digest) {
                continue;
            }
            let names = Vec::from_iter(whole_name(&name));
            let name = if name.is_empty() { digest.clone() } else { name };
            found.push(Candidate { digest, size, name, names, platform });
        }
        Ok(())
    }

    /// All parts found, and as many layers as the configuration counts.
    fn image(&self, config: Vec<u8>, layers: Vec<(String, Option<u64>)>) -> Result<Image, Diagnostic> {
        let document: Value =
            serde_json::from_slice(&config).map_err(|_| refused("its image configuration is not valid JSON"))?;
        let counted = document.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array);
        // It need not say how its containers run (OCI image specification, config.md).
        if !document.get("config").is_none_or(|config| config.is_object() || config.is_null()) {
            return Err(refused("its image configuration has a 'config' that is not an object"));
        }
        if let Some(wanted) = self.platform
            && let Some(found) = Platform::of(&document).filter(|found| !found.fits(wanted))
        {
            return Err(refused(&format!("it has no image for {wanted}: its image is for {found}"))
                .help("leave --platform out, or give the archive of that platform"));
        }
        let os = document.get("os").and_then(Value::as_str);
        if os.is_some_and(|os| os.eq_ignore_ascii_case("windows")) {
            return Err(windows());
        }
        if counted.map(Vec::len) != Some(layers.len()) {
            return Err(refused("its manifest and its image configuration disagree on the number of layers"));
        }
        if layers.len() > MOST_LAYERS {
            let text = format!(
                "the image archive cannot be used: it has {} layers, and harden reads at most {MOST_LAYERS}",
                layers.len()
            );
            return Err(Diagnostic::new(codes::BUDGET, text).help("flatten it: docker export CONTAINER"));
        }
        let mut spans: Vec<(String, Span)> = Vec::new();
        let mut stored = Vec::new();
        let mut verified = BTreeSet::new();
        for (path, size) in layers {
            let span = self.file(&path, size).and_then(|id| self.files.span(self.tree, id));
            let span = span.ok_or_else(|| missing(&path))?;
            if verified.insert(path.clone()) {
                self.verify(&path, span)?;
            }
            stored.push((StoredLayer(span), self.compression(span)));
            spans.push((path, span));
        }
        Ok(Image { config, layers: spans, below: None, facts: Facts { layers: stored, ..Facts::default() } })
    }

    /// How a layer is stored, by its first bytes.
    fn compression(&self, span: Span) -> Compression {
        let mut head = vec![0; usize::try_from(span.len.min(4)).unwrap_or(0)];
        match self.files.store.read(span, 0, &mut head) {
            Ok(()) if gzip::is_gzip(&head) => Compression::Gzip,
            Ok(()) if zstd::is_zstd(&head) => Compression::Zstd,
            _ => Compression::None,
        }
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
                "the image archive cannot be used: its manifests, indexes and configurations hold more than {MOST_DOCUMENTS} \
                 bytes: stopped at {}",
                quoted(path.as_bytes())
            );
            return Err(Diagnostic::new(codes::BUDGET, text).help(ONE_IMAGE));
        }
        let content = self.files.read(self.tree, id, LARGEST_DOCUMENT);
        let content = content.map_err(|cause| unreadable(path, &cause.to_string()))?;
        if self.hash_of(path).is_some_and(|hash| hash != Digest::of(&content)) {
            return Err(other_content(path));
        }
        Ok(content)
    }

    /// A layer is too large to be held: read once for its digest, and later for its entries.
    fn verify(&self, path: &str, span: Span) -> Result<(), Diagnostic> {
        let Some(hash) = self.hash_of(path) else { return Ok(()) };
        let progress = Progress::new("comparing the layer with its digest", Unit::Bytes, Some(span.len));
        let (mut digest, mut buffer, mut at) = (Digest::default(), vec![0; CHUNK], 0);
        while at < span.len {
            buffer.truncate(usize::try_from(span.len - at).unwrap_or(CHUNK));
            self.files.store.read(span, at, &mut buffer).map_err(|cause| unreadable(path, &cause.to_string()))?;
            digest.update(&buffer);
            at += buffer.len() as u64;
            progress.advance(buffer.len() as u64);
        }
        if hash == hex(&digest.finish()) { Ok(()) } else { Err(other_content(path)) }
    }

    /// The file of that path and, when it is stated, of that size.
    fn file(&self, path: &str, size: Option<u64>) -> Option<Id> {
        let id = self.tree.resolve_from(self.base, path.as_bytes(), true).ok()?.node;
        (self.tree.is_file(id) && size.is_none_or(|size| size == self.tree.meta(id).size)).then_some(id)
    }

    /// Where the archive keeps what has that digest. What cannot be verified is not judged: of the specification's
    /// algorithms, sha256 is the one that every image has.
    fn blob(&self, digest: &str, manifest: bool) -> Result<String, Diagnostic> {
        match digest.strip_prefix("sha256:") {
            Some(hash) if !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Ok(match self.form {
                    Form::Dir if manifest => [hash, DIR_MANIFEST].concat(),
                    Form::Dir => hash.to_owned(),
                    _ => [BLOBS, hash].concat(),
                })
            }
            _ => Err(refused(&format!("{} is not a sha256 digest", quoted(digest.as_bytes())))),
        }
    }

    /// The hexadecimal digits that the content of that path has to have; `None` for a path that is no blob's.
    fn hash_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.form {
            Form::Dir => Some(path.strip_suffix(DIR_MANIFEST).unwrap_or(path)).filter(|&path| path != "manifest.json"),
            _ => path.strip_prefix(BLOBS),
        }
    }
}

/// A name that an image can be loaded under. Some writers give a layout's image a tag alone, which is no name.
fn whole_name(name: &str) -> Option<String> {
    name.contains(['/', ':']).then(|| name.to_owned())
}

/// The media type of an image's configuration (OCI image specification, config.md).
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Whether a configuration of that media type is one of an image.
fn is_image_config(kind: &str) -> bool {
    matches!(kind, OCI_CONFIG | "application/vnd.docker.container.image.v1+json")
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn refused(why: &str) -> Diagnostic {
    Diagnostic::new(codes::ARCHIVE_IMAGE, format!("the image archive cannot be used: {why}")).help(ONE_IMAGE)
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
