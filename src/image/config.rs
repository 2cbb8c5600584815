//! An image's configuration, manifest and index (OCI image specification, config.md, manifest.md, image-index.md) as
//! documents, and those of the hardened image. Keys that this module does not know stay as they are.

use serde_json::{Map, Value, json};

use super::layout::Blob;
use crate::archive::Compression;

/// What is said of the image besides its layers.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// `config.User`.
    pub user: String,
    /// SOURCE_DATE_EPOCH as a time of RFC 3339; else the image's own time counts.
    pub created: Option<String>,
    /// The names that engines load it under.
    pub names: Vec<String>,
    /// Its documents are those of the OCI image specification, not Docker's.
    pub oci: bool,
    /// Annotations by key.
    pub annotations: Vec<(&'static str, String)>,
}

/// What the history says of the change.
const STEP: &str = concat!("harden ", env!("CARGO_PKG_VERSION"), " image");

/// A configuration that cannot be changed.
#[derive(Debug)]
pub(super) struct Unfit;

/// A layer of the image.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// As it is stored.
    pub blob: Blob,
    /// How it is stored.
    pub compression: Compression,
    /// SHA-256 before compression, in hexadecimal digits; `None` for one of the input, whose configuration has it.
    pub id: Option<String>,
}

/// The configuration of the image with these layers: those of the input if it keeps them, and what harden writes.
pub(super) fn configuration(old: &[u8], facts: &Facts, layers: &[Layer]) -> Result<Vec<u8>, Unfit> {
    let kept = layers.iter().any(|layer| layer.id.is_none());
    let written = layers.iter().find_map(|layer| layer.id.as_ref());
    let mut all = read(old)?;
    let config = all.entry("config").or_insert(Value::Null);
    if config.is_null() {
        *config = json!({});
    }
    let config = config.as_object_mut().ok_or(Unfit)?;
    if facts.user.is_empty() {
        config.remove("User");
    } else {
        config.insert("User".to_owned(), json!(facts.user));
    }
    let created = facts.created.clone().or_else(|| Some(all.get("created")?.as_str()?.to_owned()));
    if let Some(created) = &created {
        all.insert("created".to_owned(), json!(created));
    }
    // The steps stay as evidence; without their layers they are in the one that this step writes.
    let mut history = match all.remove("history") {
        Some(Value::Array(history)) => history,
        _ => Vec::new(),
    };
    for step in history.iter_mut().filter_map(Value::as_object_mut).filter(|_| !kept) {
        step.insert("empty_layer".to_owned(), json!(true));
    }
    let comment = if kept { "what hardening changes" } else { "all layers above in one, hardened" };
    let mut step = json!({ "created_by": STEP, "comment": comment });
    if let (None, Some(step)) = (written, step.as_object_mut()) {
        step.insert("empty_layer".to_owned(), json!(true));
    }
    if let (Some(created), Some(step)) = (created, step.as_object_mut()) {
        step.insert("created".to_owned(), json!(created));
    }
    history.push(step);
    all.insert("history".to_owned(), Value::Array(history));
    let ids = all.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array).filter(|_| kept);
    let mut ids = ids.cloned().unwrap_or_default();
    ids.extend(written.map(|id| json!(format!("sha256:{id}"))));
    all.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": ids }));
    // What Docker's configurations repeat of a container that made the image is no fact of this one.
    for key in ["container", "container_config"] {
        all.remove(key);
    }
    serde_json::to_vec(&all).map_err(|_| Unfit)
}

/// A configuration as the image specification has it, also where it is what `docker inspect` prints: a list of one object
/// whose keys begin with capitals.
fn read(old: &[u8]) -> Result<Map<String, Value>, Unfit> {
    let mut value: Value = serde_json::from_slice(old).map_err(|_| Unfit)?;
    if let Value::Array(list) = &mut value {
        value = list.pop().filter(|_| list.is_empty()).ok_or(Unfit)?;
    }
    let Value::Object(all) = value else { return Err(Unfit) };
    let Some(config) = all.get("Config") else { return Ok(all) };
    let mut found = Map::new();
    found.insert("config".to_owned(), config.clone());
    for (from, to) in [
        ("Architecture", "architecture"),
        ("Os", "os"),
        ("Variant", "variant"),
        ("Created", "created"),
        ("Author", "author"),
    ] {
        if let Some(value) = all.get(from).filter(|value| value.as_str().is_some_and(|text| !text.is_empty())) {
            found.insert(to.to_owned(), value.clone());
        }
    }
    Ok(found)
}

/// How the containers of a configuration run: its `config`.
pub(super) fn settings(old: &[u8]) -> Map<String, Value> {
    match read(old).ok().and_then(|mut all| all.remove("config")) {
        Some(Value::Object(settings)) => settings,
        _ => Map::new(),
    }
}

/// The platform of a configuration, for the descriptor of its manifest.
fn platform(config: &[u8]) -> Value {
    let all: Map<String, Value> = serde_json::from_slice(config).unwrap_or_default();
    let mut platform = Map::new();
    for key in ["architecture", "os", "variant", "os.version", "os.features"] {
        if let Some(value) = all.get(key).filter(|value| !value.is_null() && **value != json!("")) {
            platform.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(platform)
}

/// The same in one word, as `--platform` takes it.
pub(super) fn platform_name(config: &[u8]) -> String {
    let platform = platform(config);
    let part = |key: &str| platform.get(key).and_then(Value::as_str).map(str::to_owned);
    [part("os"), part("architecture"), part("variant")].into_iter().flatten().collect::<Vec<_>>().join("/")
}

fn descriptor(kind: &str, blob: &Blob) -> Value {
    json!({ "mediaType": kind, "digest": format!("sha256:{}", blob.digest), "size": blob.size })
}

/// The media types of manifest and configuration.
fn types(facts: &Facts) -> (&'static str, &'static str) {
    if facts.oci {
        return ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json");
    }
    ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.container.image.v1+json")
}

/// The media type of a layer.
fn layer_type(facts: &Facts, compression: Compression) -> &'static str {
    match (facts.oci, compression) {
        (true, Compression::None) => "application/vnd.oci.image.layer.v1.tar",
        (true, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (true, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        (false, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
        (false, Compression::Gzip) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        (false, Compression::Zstd) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
    }
}

/// The manifest.
pub(super) fn manifest(facts: &Facts, config: &Blob, layers: &[Layer]) -> Vec<u8> {
    let (manifest, of_config) = types(facts);
    let layers = layers.iter().map(|layer| descriptor(layer_type(facts, layer.compression), &layer.blob));
    let mut all = json!({
        "schemaVersion": 2,
        "mediaType": manifest,
        "config": descriptor(of_config, config),
        "layers": layers.collect::<Vec<_>>(),
    });
    // Docker's manifests have none.
    if facts.oci
        && let Some(all) = all.as_object_mut()
    {
        all.insert("annotations".to_owned(), annotations(facts));
    }
    all.to_string().into_bytes()
}

fn annotations(facts: &Facts) -> Value {
    let mut all = serde_json::Map::new();
    all.extend(facts.annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    Value::Object(all)
}

/// The media type of an index.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// index.json of one image.
pub(super) fn index(facts: &Facts, config: &[u8], manifest: &Blob) -> Vec<u8> {
    list(&named(facts, &of_platform(facts, config, manifest)))
}

/// The index of an image for several platforms.
pub(super) fn platforms<'a>(images: impl Iterator<Item = (&'a Facts, &'a [u8], &'a Blob)>) -> Vec<u8> {
    let entry = |(facts, config, manifest)| {
        let mut entry = of_platform(facts, config, manifest);
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("annotations".to_owned(), annotations(facts));
        }
        entry
    };
    list(&images.map(entry).collect::<Vec<_>>())
}

/// index.json of an image for several platforms, whose index that blob is.
pub(super) fn index_of(facts: &Facts, platforms: &Blob) -> Vec<u8> {
    list(&named(facts, &descriptor(INDEX, platforms)))
}

fn of_platform(facts: &Facts, config: &[u8], manifest: &Blob) -> Value {
    let mut entry = descriptor(types(facts).0, manifest);
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("platform".to_owned(), platform(config));
    }
    entry
}

fn list(manifests: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string().into_bytes()
}

/// The descriptor once for each name.
fn named(facts: &Facts, entry: &Value) -> Vec<Value> {
    let unnamed = [String::new()];
    let names = if facts.names.is_empty() { &unnamed[..] } else { &facts.names[..] };
    names
        .iter()
        .map(|name| {
            let mut entry = entry.clone();
            let mut notes = annotations(facts);
            if let Some(notes) = notes.as_object_mut().filter(|_| !name.is_empty()) {
                notes.insert("io.containerd.image.name".to_owned(), json!(full(name)));
                notes.insert("org.opencontainers.image.ref.name".to_owned(), json!(tag(name)));
            }
            if let Some(entry) = entry.as_object_mut() {
                entry.insert("annotations".to_owned(), notes);
            }
            entry
        })
        .collect()
}

/// Docker's manifest.json.
pub(super) fn docker(facts: &Facts, config: &Blob, layers: &[Layer]) -> Vec<u8> {
    let layers: Vec<String> = layers.iter().map(|layer| layer.blob.path()).collect();
    let names: Vec<String> = facts.names.iter().map(|name| tagged(name)).collect();
    let names = if names.is_empty() { Value::Null } else { json!(names) };
    json!([{ "Config": config.path(), "RepoTags": names, "Layers": layers }]).to_string().into_bytes()
}

/// oci-layout.
pub(super) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The tag of a name: `latest` of `app`, and of `host:5000/app`.
fn tag(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or_default();
    last.split_once(':').map_or("latest", |(_, tag)| tag)
}

/// A name with its tag, as `docker load` wants it.
fn tagged(name: &str) -> String {
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { name.to_owned() } else { format!("{name}:latest") }
}

/// A name as containerd has it: with registry, library and tag.
fn full(name: &str) -> String {
    let tagged = tagged(name);
    match tagged.split_once('/') {
        None => format!("docker.io/library/{tagged}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => tagged,
        Some(_) => format!("docker.io/{tagged}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{full, tag};

    #[test]
    fn names_are_completed_as_docker_does() {
        for (name, whole, short) in [
            ("app", "docker.io/library/app:latest", "latest"),
            ("app:1", "docker.io/library/app:1", "1"),
            ("team/app:1", "docker.io/team/app:1", "1"),
            ("localhost:5000/app", "localhost:5000/app:latest", "latest"),
            ("reg.example/team/app:1.2", "reg.example/team/app:1.2", "1.2"),
        ] {
            assert_eq!((full(name).as_str(), tag(name)), (whole, short));
        }
    }
}
