//! Images with their layers: which are recognised, and what their layers make of each other.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::writer::{Tar, listed, read};
use crate::common::Command;

fn config(layers: usize) -> String {
    let ids: Vec<String> = (0..layers).map(|layer| format!("sha256:{layer}")).collect();
    json!({"architecture": "amd64", "config": {"User": "app"}, "rootfs": {"type": "layers", "diff_ids": ids}})
        .to_string()
}

fn image(layers: &[Vec<u8>]) -> Vec<u8> {
    saved(layers, &config(layers.len()))
}

/// An archive as `docker save` wrote it until version 24.
pub(crate) fn saved(layers: &[Vec<u8>], config: &str) -> Vec<u8> {
    let mut tar = Tar::default();
    let mut names = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        names.push(format!("{number}/layer.tar"));
        tar = tar.entry(b'0', names[number].as_bytes(), b"", layer);
    }
    let manifest = json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": names}]);
    tar.file("config.json", config).file("manifest.json", &manifest.to_string()).end()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    packed("gzip", bytes)
}

/// What a program makes of it.
pub(crate) fn packed(program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the packages of make setup are installed");
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        child.wait_with_output().unwrap().stdout
    })
}

/// An OCI layout of images, each with a platform.
fn layout(images: &[(&str, &[Vec<u8>])], nested: bool) -> Vec<u8> {
    let mut tar = Tar::default().file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let mut blob = |bytes: &[u8]| {
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        // A name has 100 bytes at most.
        tar = std::mem::take(&mut tar).entry(b'0', format!("blobs/sha256/{hash}").as_bytes(), b"", bytes);
        json!({"digest": format!("sha256:{hash}"), "size": bytes.len()})
    };
    let mut manifests = Vec::new();
    for (architecture, layers) in images {
        let mut parts: Vec<Value> = layers.iter().map(|layer| blob(layer)).collect();
        for part in &mut parts {
            part["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip");
        }
        let mut settings = blob(format!("{}{}", config(layers.len()), " ".repeat(architecture.len())).as_bytes());
        settings["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
        let manifest = json!({"schemaVersion": 2, "config": settings, "layers": parts, "x": architecture});
        let mut found = blob(manifest.to_string().as_bytes());
        found["platform"] = json!({"os": "linux", "architecture": architecture});
        manifests.push(found);
    }
    let attestation =
        json!({"schemaVersion": 2, "layers": [], "config": {"mediaType": "application/vnd.in-toto+json"}});
    let mut attested = blob(attestation.to_string().as_bytes());
    attested["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    manifests.push(attested);
    let mut index = json!({"schemaVersion": 2, "manifests": manifests});
    if nested {
        let mut inner = blob(index.to_string().as_bytes());
        inner["annotations"] = json!({"org.opencontainers.image.ref.name": "app:2"});
        index = json!({"schemaVersion": 2, "manifests": [inner]});
    }
    tar.file("index.json", &index.to_string()).end()
}

fn layers() -> [Vec<u8>; 3] {
    [
        Tar::default()
            .file("etc/passwd", "root")
            .file("etc/gone", "x")
            .file("opt/deep/er/old", "x")
            .file("opt/deep/kept", "x")
            .file("var/file", "x")
            .dir("srv/dir")
            .file("srv/dir/x", "x")
            .link("bin", "usr/bin")
            .end(),
        Tar::default()
            .file("etc/.wh.gone", "")
            .file("etc/.wh.never-there", "")
            .file("opt/.wh..wh..opq", "")
            .file("opt/deep/new", "new")
            .file("opt/own", "own")
            .file("var/.wh.file", "")
            .file("var/file", "again")
            .file("srv/dir", "now a file")
            .link("lib", "usr/lib")
            .file("lib/x.so", "through a link")
            .file("var/.wh..wh.plnk", "")
            .end(),
        Tar::default().file("etc/passwd", "app").end(),
    ]
}

const RESULT: &[&str] = &[
    "/bin -> usr/bin",
    "/etc/",
    "/etc/passwd app",
    "/lib -> usr/lib",
    "/opt/",
    "/opt/deep/",
    "/opt/deep/new new",
    "/opt/own own",
    "/srv/",
    "/srv/dir now a file",
    "/usr/",
    "/usr/lib/",
    "/usr/lib/x.so through a link",
    "/var/",
    "/var/file again",
];

#[test]
fn layers_lie_on_each_other() {
    let plain = layers();
    let packed = layers().map(|layer| gzip(&layer));
    let mixed = [plain[0].clone(), packed[1].clone(), plain[2].clone()];
    let ours = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let other: &[Vec<u8>] = &[Tar::default().file("etc/passwd", "another platform").end()];
    for archive in [
        image(&plain),
        image(&packed),
        image(&mixed),
        layout(&[(ours, &packed)], false),
        layout(&[("s390x", &plain)], false),
        layout(&[("s390x", other), (ours, &packed)], true),
        gzip(&image(&mixed)),
    ] {
        let image = read(&archive).unwrap();
        assert_eq!(listed(&image), RESULT);
        let config: Value = serde_json::from_slice(&image.config.unwrap()).unwrap();
        assert_eq!(config["config"]["User"], "app");
    }
}

#[test]
fn a_layer_may_lack_its_end_since_the_archive_knows_its_length() {
    let layer = Tar::default().file("a", "x").0;
    assert_eq!(listed(&read(&image(std::slice::from_ref(&layer))).unwrap()), ["/a x"]);
    assert!(read(&layer).is_err(), "alone it might be cut off");
    assert!(read(&image(&[layer[..600].to_vec()])).is_err());
}

#[test]
fn an_image_that_is_not_clear_is_refused() {
    let layer = Tar::default().file("a", "x").end();
    let one = [layer.clone()];
    let said = |archive: Vec<u8>| read(&archive).expect_err("this must be refused");
    let two = json!([{"Config": "c", "RepoTags": ["a:1", "a:2"], "Layers": []}, {"Config": "c", "RepoTags": null, "Layers": []}]);
    assert_eq!(
        said(Tar::default().file("manifest.json", &two.to_string()).end()).lines().next().unwrap(),
        "the image archive cannot be used: it holds 2 images, and harden cannot choose one: 'a:1 a:2', 'c'"
    );
    assert!(
        said(layout(&[("s390x", &one), ("riscv64", &one)], true)).contains(
            "it holds 2 images, and harden cannot choose one: 'app:2 (linux/s390x)', 'app:2 (linux/riscv64)'"
        )
    );
    let missing = json!([{"Config": "c.json", "RepoTags": ["a"], "Layers": ["../../etc/shadow"]}]);
    let archive = Tar::default()
        .file("manifest.json", &missing.to_string())
        .entry(b'0', b"c.json", b"", config(1).as_bytes())
        .end();
    assert!(said(archive).contains("'../../etc/shadow' is missing"));
    let archive = Tar::default()
        .file("manifest.json", &missing.to_string())
        .entry(b'0', b"c.json", b"", config(2).as_bytes())
        .end();
    assert!(said(archive).contains("disagree on the number of layers"));
    let xz = said(image(&[b"\xfd7zXZ\0".to_vec()]));
    assert!(xz.starts_with("layer '0/layer.tar': it is compressed with xz") && xz.contains("gzip layers"), "{xz}");
    let mut short = layout(&[("amd64", &one)], false);
    let index = short.windows(10).rposition(|bytes| bytes == b"index.json").unwrap();
    let at = index + short[index..].windows(7).position(|bytes| bytes == b"\"size\":").unwrap();
    short[at + 7] = b'9';
    assert!(said(short).contains("is missing, or its size differs from its manifest"));
    let nothing = Tar::default().file(".wh..", "").end();
    assert!(said(image(&[nothing])).contains("is a whiteout without a name"));
}

/// A layer, a configuration, a manifest and an index in which one byte is another.
#[test]
fn a_blob_with_other_content_than_its_digest_says_is_refused() {
    let layer = Tar::default().file("a", "the right content").end();
    let packed = gzip(&layer);
    for nested in [false, true] {
        let whole = layout(&[("amd64", &[layer.clone(), packed.clone()])], nested);
        assert!(read(&whole).is_ok());
        let mut kinds =
            vec![&b"the right content"[..], &packed[packed.len() - 12..], b"\"diff_ids\"", b"\"x\":\"amd64\""];
        if nested {
            kinds.push(b"\"manifests\":[{\"digest\"");
        }
        for part in kinds {
            let mut other = whole.clone();
            // The index at the end is no blob.
            let at = other.windows(part.len()).position(|bytes| bytes == part).unwrap();
            other[at + 2] ^= 1;
            let said = read(&other).expect_err("this must be refused");
            let before = other[..at].windows(13).rposition(|bytes| bytes == b"blobs/sha256/").unwrap();
            let blob = std::str::from_utf8(&other[before..before + 13 + 64]).unwrap();
            assert!(said.contains(&format!("'{blob}' has content that does not match its digest")), "{said}");
        }
    }
    // As `docker save` names them since version 25.
    let name = "blobs/sha256/0000000000000000000000000000000000000000000000000000000000000000";
    let manifest = json!([{"Config": "c.json", "RepoTags": ["a"], "Layers": [name]}]);
    let saved = Tar::default().file("manifest.json", &manifest.to_string()).file("c.json", &config(1)).entry(
        b'0',
        name.as_bytes(),
        b"",
        &layer,
    );
    assert!(read(&saved.end()).unwrap_err().contains("has content that does not match its digest"));
    // What cannot be verified.
    let text = String::from_utf8(layout(&[("amd64", &[])], false)).unwrap();
    let (blobs, index) = text.rsplit_once("index.json").unwrap();
    let other = [blobs, "index.json", &index.replacen("sha256:", "sha512:", 1)].concat();
    assert!(read(other.as_bytes()).unwrap_err().contains("is not a sha256 digest"));
}

#[test]
fn a_file_system_that_holds_an_image_is_refused() {
    let clean = Tar::default().file("etc/passwd", "clean").end();
    let mut tar = Tar(image(&[clean]));
    tar.0.truncate(tar.0.len() - 1024);
    let said = read(&tar.file("etc/shadow", "root::").end()).unwrap_err();
    assert!(said.contains("it holds an image and a root file system: engines load the image"), "{said}");
    // In a file system marks are names, and other files of these names are no image.
    let marks = Tar::default().file("etc/shadow", "root::").file("etc/.wh.x", "no mark here").file("index.json", "{}");
    assert_eq!(listed(&read(&marks.end()).unwrap()).len(), 4);
    let app = Tar::default().file("manifest.json", r#"{"name": "web app"}"#).file("app", "x").end();
    assert!(read(&app).unwrap().config.is_none());
}
