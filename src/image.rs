//! `harden image`: the plan applied to an archive, written as another archive.
//!
//! ```text
//! archive ──> tree ──> plan ──> entries that are left ──> one layer ──> OCI layout with Docker's manifest.json
//! ```
//!
//! Content of files that the plan leaves alone goes from its place in the input to the output, and is never held in memory
//! whole. Nothing is unpacked, and nothing of the image is ever started.

mod config;
mod layout;
mod result;
mod tar;
mod zstd;

use std::fs::File;
use std::io::{self, Write};

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::archive::{Compression, Files, ImageFacts, StoredLayer};
use crate::console::progress::{Progress, Unit};
use crate::digest::{Digest, hex};
use crate::plan::Plan;
use crate::tree::Tree;
use crate::tree::contents::Contents as _;
use config::{Facts, Layer};
use layout::{Blob, Layout};
pub(crate) use result::WHITEOUT;
use result::{After, Entry, What};

/// Bytes of content that are read at once.
const CHUNK: usize = 256 * 1024;

/// How the containers of an image's configuration run: USER, ONBUILD and the like.
pub(crate) fn settings(config: &[u8]) -> serde_json::Map<String, serde_json::Value> {
    config::settings(config)
}

/// The image that is written.
pub(crate) struct Hardened<'a> {
    /// The archive's tree.
    pub tree: &'a Tree,
    /// Its content.
    pub files: &'a Files,
    /// What is done to it.
    pub plan: &'a Plan,
    /// The image's configuration as JSON.
    pub config: &'a [u8],
    /// SOURCE_DATE_EPOCH in seconds.
    pub epoch: Option<i64>,
    /// `config.User` of the new configuration.
    pub user: String,
    /// The names that engines load it under.
    pub names: Vec<String>,
    /// Its documents are those of the OCI image specification, not Docker's.
    pub oci: bool,
    /// How its new layer is stored.
    pub compression: Compression,
    /// The layers of the input, if they stay as they are below the new one.
    pub kept: Option<&'a ImageFacts>,
    /// Annotations by key.
    pub annotations: Vec<(&'static str, String)>,
}

/// Why nothing was written.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The output cannot be written.
    Write(io::Error),
    /// Content of the input cannot be read: the cause.
    Read(String),
    /// The image's configuration cannot be changed.
    Config,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Digests of what was written for one platform: SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Written {
    /// OS/ARCH[/VARIANT].
    #[serde(skip)]
    pub platform: String,
    /// Of the manifest.
    pub manifest: String,
    /// Of the configuration.
    pub config: String,
    /// Of the layers as they are stored, the lowest first.
    pub layers: Vec<String>,
}

/// The archive that is written, with the image of one platform or more.
pub(crate) struct Images {
    out: Layout,
    made: Vec<Made>,
}

/// The image of one platform that was written.
struct Made {
    facts: Facts,
    document: Vec<u8>,
    config: Blob,
    manifest: Blob,
    layers: Vec<Layer>,
}

impl Images {
    /// Begin an archive in an empty file.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn begin(file: File) -> io::Result<Self> {
        Ok(Self { out: Layout::begin(file)?, made: Vec::new() })
    }

    /// Write the image of one platform.
    ///
    /// # Errors
    /// The first fault; what was written by then is no image.
    pub(crate) fn add(&mut self, hardened: &Hardened<'_>) -> Result<Written, Fault> {
        let made = hardened.write(&mut self.out)?;
        let written = Written {
            platform: config::platform_name(&made.document),
            manifest: made.manifest.digest.clone(),
            config: made.config.digest.clone(),
            layers: made.layers.iter().map(|layer| layer.blob.digest.clone()).collect(),
        };
        self.made.push(made);
        Ok(written)
    }

    /// Write what names the images: Docker's manifest.json the first one, the index all. Returns the digest of the index of
    /// several platforms.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn finish(mut self) -> Result<Option<String>, Fault> {
        let Some(first) = self.made.first() else { return Ok(None) };
        let mut platforms = None;
        let index = match self.made.as_slice() {
            [only] => config::index(&only.facts, &only.document, &only.manifest),
            all => {
                let each = all.iter().map(|made| (&made.facts, made.document.as_slice(), &made.manifest));
                let (blob, ()) = blob_of(&mut self.out, &config::platforms(each))?;
                let index = config::index_of(&first.facts, &blob);
                platforms = Some(blob.digest);
                index
            }
        };
        self.out.document("oci-layout", config::LAYOUT)?;
        self.out.document("index.json", &index)?;
        self.out.document("manifest.json", &config::docker(&first.facts, &first.config, &first.layers))?;
        self.out.end()?;
        Ok(platforms)
    }
}

impl Hardened<'_> {
    fn write(&self, out: &mut Layout) -> Result<Made, Fault> {
        let facts = Facts {
            user: self.user.clone(),
            created: self.epoch.map(rfc3339),
            names: self.names.clone(),
            oci: self.oci,
            annotations: self.annotations.clone(),
        };
        let mut layers = Vec::new();
        for (at, compression) in self.kept.iter().flat_map(|kept| kept.stored()) {
            let copy =
                |blob: &mut layout::BlobWriter<'_>| kept_layer(self.files, at, &mut |bytes| Ok(blob.write_all(bytes)?));
            let (blob, ()) = out.blob(copy)?;
            layers.push(Layer { blob, compression, id: None });
        }
        if self.kept.is_none() || !self.plan.steps.is_empty() {
            let (blob, id) = self.write_layer(out)?;
            layers.push(Layer {
                id: Some(id.unwrap_or_else(|| blob.digest.clone())),
                blob,
                compression: self.compression,
            });
        }
        let document = config::configuration(self.config, &facts, &layers).map_err(|_| Fault::Config)?;
        let (config, ()) = blob_of(out, &document)?;
        let (manifest, ()) = blob_of(out, &config::manifest(&facts, &config, &layers))?;
        Ok(Made { facts, document, config, manifest, layers })
    }

    /// The layer that harden writes. Returns its digest before compression, where it is compressed.
    fn write_layer(&self, out: &mut Layout) -> Result<(Blob, Option<String>), Fault> {
        out.blob(|blob| match self.compression {
            Compression::None => self.layer(&mut Plain { out: blob, digest: None }),
            Compression::Zstd => {
                let packed = zstd::Frames::new(blob);
                let mut plain = Plain { out: packed, digest: Some(Digest::default()) };
                let found = self.layer(&mut plain)?;
                plain.out.finish()?;
                Ok(found)
            }
            Compression::Gzip => {
                // No time and no name of a file: the same content gives the same bytes.
                let packed: GzEncoder<_> = GzBuilder::new().write(blob, flate2::Compression::new(6));
                let mut plain = Plain { out: packed, digest: Some(Digest::default()) };
                let found = self.layer(&mut plain)?;
                plain.out.finish()?;
                Ok(found)
            }
        })
    }

    /// The entries of a layer: all, or those that the plan changes, with the directories above them, as engines want it.
    fn layer(&self, out: &mut Plain<impl Write>) -> Result<Option<String>, Fault> {
        let mut buffer = Vec::new();
        let removed = self.plan.removed();
        let stored = self.tree.ids().filter(|&id| self.tree.is_file(id) && !removed.contains(id));
        let total = self.kept.is_none().then(|| stored.map(|id| self.tree.meta(id).size).fold(0, u64::saturating_add));
        let progress = Progress::new("writing the layer", Unit::Bytes, total);
        // Directories on the way to the entry, and the header of each that is not written yet.
        let mut above: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        let mut put = |entry: &Entry<'_>| -> Result<(), Fault> {
            if self.kept.is_some() {
                let is_above = |path: &[u8]| entry.path.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/"));
                while above.pop_if(|(path, _)| !is_above(path)).is_some() {}
                if !entry.changed {
                    if matches!(entry.what, What::Directory) {
                        above.push((entry.path.to_vec(), Some(tar::headers(entry, 0))));
                    }
                    return Ok(());
                }
                for (_, header) in &mut above {
                    out.write_all(&header.take().unwrap_or_default())?;
                }
            }
            let size = match entry.what {
                What::New(content) => content.len() as u64,
                What::Stored(id) => self.tree.meta(id).size,
                _ => 0,
            };
            out.write_all(&tar::headers(entry, size))?;
            match entry.what {
                What::New(content) => out.write_all(content)?,
                What::Stored(id) => {
                    let mut at = 0;
                    while at < size {
                        let len = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
                        let read = self.files.read_at_into(self.tree, id, at, len, &mut buffer);
                        read.map_err(|cause| Fault::Read(cause.to_string()))?;
                        if buffer.len() < len {
                            return Err(Fault::Read("a file ends before its size".to_owned()));
                        }
                        out.write_all(&buffer)?;
                        at += len as u64;
                        progress.advance(len as u64);
                    }
                }
                _ => {}
            }
            let rest = size.next_multiple_of(tar::BLOCK as u64) - size;
            let zeros = [0; tar::BLOCK];
            Ok(out.write_all(zeros.get(..usize::try_from(rest).unwrap_or(0)).unwrap_or_default())?)
        };
        After::new(self.tree, self.files, self.plan, self.epoch).each(self.kept.is_some(), &mut put)?;
        out.write_all(&tar::END)?;
        out.flush()?;
        Ok(out.digest.take().map(|digest| hex(&digest.finish())))
    }
}

/// A layer of the input as it is stored.
fn kept_layer(
    files: &Files,
    layer: StoredLayer,
    each: &mut dyn FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let progress = Progress::new("copying a layer", Unit::Bytes, None);
    let mut at = 0;
    loop {
        let bytes = files.stored(layer, at, CHUNK).map_err(|cause| Fault::Read(cause.to_string()))?;
        if bytes.is_empty() {
            return Ok(());
        }
        each(&bytes)?;
        at += bytes.len() as u64;
        progress.advance(bytes.len() as u64);
    }
}

fn blob_of(out: &mut Layout, content: &[u8]) -> Result<(Blob, ()), Fault> {
    out.blob(|blob| Ok(blob.write_all(content)?))
}

/// A layer before compression, whose digest is another one than its blob's.
struct Plain<W> {
    out: W,
    digest: Option<Digest>,
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Seconds since 1970 as a time of RFC 3339, in UTC.
fn rfc3339(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", crate::day::Day::of(day * 86_400))
}
