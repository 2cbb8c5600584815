//! Forms of images and root file systems: each is recognised and judged as what it is, or refused.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::images::{packed, saved};
use super::writer::Tar;
use crate::common::{Rootfs, Run, bare};

const DIRTY: &str = "root::0:0::/root:/bin/sh\n";

fn layer() -> Vec<u8> {
    Tar::default().file("etc/passwd", DIRTY).end()
}

fn config(architecture: &str) -> String {
    json!({"architecture": architecture, "os": "linux", "config": {"User": "1000", "Cmd": ["/x"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}})
    .to_string()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn part(bytes: &[u8], kind: &str) -> Value {
    json!({"digest": format!("sha256:{}", hash(bytes)), "size": bytes.len(), "mediaType": kind})
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Configuration, layer and manifest of an image.
fn blobs(architecture: &str) -> [Vec<u8>; 3] {
    let (config, layer) = (config(architecture).into_bytes(), layer());
    let manifest = json!({"schemaVersion": 2, "config": part(&config, CONFIG),
        "layers": [part(&layer, "application/vnd.oci.image.layer.v1.tar")]});
    [config, layer, manifest.to_string().into_bytes()]
}

fn index(images: &[(&str, Option<&str>)]) -> String {
    let manifests: Vec<Value> = images
        .iter()
        .map(|(architecture, platform)| {
            let mut entry = part(&blobs(architecture)[2], MANIFEST);
            if let Some(platform) = platform {
                entry["platform"] = json!({"os": "linux", "architecture": platform});
            }
            entry
        })
        .collect();
    json!({"schemaVersion": 2, "manifests": manifests}).to_string()
}

fn with_blobs(tar: Tar, below: &str, architectures: &[&str]) -> Tar {
    architectures.iter().flat_map(|architecture| blobs(architecture)).fold(tar, |tar, blob| {
        let name = format!("{below}{}", hash(&blob));
        tar.pax(&[("path", name.as_bytes())]).entry(b'0', b"blob", b"", &blob)
    })
}

fn audit(bytes: &[u8], more: &[&str]) -> Run {
    bare(&[&["audit", "--tar", "-", "--format", "json"][..], more].concat(), &[], bytes)
}

fn is_judged(run: &Run) {
    assert_eq!(run.status, 1, "{}", run.all());
    let found =
        run.json()["findings"].as_array().unwrap().iter().any(|finding| finding["check"] == "accounts.empty-password");
    assert!(found, "{}", run.all());
}

fn is_refused(run: &Run, why: &str) {
    assert_eq!(run.status, 2, "{}", run.all());
    assert!(run.stderr.contains(why), "{}", run.all());
}

#[test]
fn every_form_of_an_image_is_judged() {
    let skopeo = with_blobs(Tar::default().file("version", "Directory Transport Version: 1.1\n"), "", &["amd64"]);
    let manifest = String::from_utf8(blobs("amd64")[2].clone()).unwrap();
    is_judged(&audit(&skopeo.clone().file("manifest.json", &manifest).end(), &[]));
    let list = index(&[("amd64", Some("amd64")), ("arm64", Some("arm64"))]);
    let name = format!("{}.manifest.json", hash(&blobs("amd64")[2]));
    let all = skopeo.file("manifest.json", &list).pax(&[("path", name.as_bytes())]).file("x", &manifest);
    is_judged(&audit(&all.end(), &[]));

    for (below, mark) in [("", true), ("", false), ("image/", true), ("./a b/", false)] {
        let mut tar = with_blobs(Tar::default(), &format!("{below}blobs/sha256/"), &["amd64"]);
        if mark {
            tar = tar.file(&format!("{below}oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
        }
        let run = audit(&tar.file(&format!("{below}index.json"), &index(&[("amd64", None)])).end(), &[]);
        is_judged(&run);
        let note = run.json()["notes"].to_string().contains("the image is in the directory");
        assert_eq!(note, !below.is_empty(), "{}", run.all());
    }
    // docker save, packed with the directory around it.
    let inner = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["l.tar"]}]).to_string();
    let tar = Tar::default().file("app/c.json", &config("amd64")).file("app/manifest.json", &inner);
    is_judged(&audit(&tar.entry(b'0', b"app/l.tar", b"", &layer()).end(), &[]));
    // Two of them are not clear.
    let tar = Tar::default().file("a/manifest.json", &inner).file("b/manifest.json", &inner);
    is_refused(&audit(&tar.end(), &[]), "it holds 2 images");
}

#[test]
fn a_configuration_need_not_say_how_it_runs() {
    for config in [json!(null), json!({})] {
        let document = json!({"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"diff_ids": ["x"]}});
        is_judged(&audit(&saved(&[layer()], &document.to_string()), &[]));
    }
    let without = json!({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": ["x"]}});
    let run = audit(&saved(&[layer()], &without.to_string()), &[]);
    is_judged(&run);
    assert!(run.stdout.contains("\"check\": \"image.user\"") || run.stdout.contains("image.user"), "{}", run.stdout);
    let wrong = json!({"config": 3, "rootfs": {"diff_ids": ["x"]}});
    is_refused(&audit(&saved(&[layer()], &wrong.to_string()), &[]), "has a 'config' that is not an object");
}

#[test]
fn of_several_platforms_one_is_read_and_only_its_blobs() {
    let (ours, other) = if cfg!(target_arch = "aarch64") { ("arm64", "amd64") } else { ("amd64", "arm64") };
    let both = index(&[(other, Some(other)), (ours, Some(ours))]);
    let tar = |architectures: &[&str]| {
        let tar = Tar::default().file("oci-layout", "{}").file("index.json", &both);
        with_blobs(tar, "blobs/sha256/", architectures).end()
    };
    is_judged(&audit(&tar(&[ours]), &[]));
    // The only one that is there.
    is_judged(&audit(&tar(&[other]), &[]));
    is_judged(&audit(&tar(&[ours, other]), &["--platform", &format!("linux/{other}")]));
    is_refused(
        &audit(&tar(&[ours]), &["--platform", &format!("linux/{other}")]),
        &format!("it has no image for linux/{other}"),
    );
    is_refused(&audit(&tar(&[ours, other]), &["--platform", "linux/mips"]), "it has no image for linux/mips: it holds");
    is_refused(&audit(&tar(&[ours, other]), &["--platform", "mips"]), "'mips' is not a platform");
    is_refused(&audit(&tar(&[]), &[]), "is missing");
    // The descriptor need not name the platform: the configuration does.
    let nameless = index(&[(other, None), (ours, None)]);
    let tar = with_blobs(
        Tar::default().file("oci-layout", "{}").file("index.json", &nameless),
        "blobs/sha256/",
        &[ours, other],
    );
    is_judged(&audit(&tar.end(), &["--platform", &format!("linux/{other}")]));
    is_refused(
        &audit(&saved(&[layer()], &config(ours)), &["--platform", &format!("linux/{other}")]),
        "its image is for",
    );
}

#[test]
fn zstd_is_read() {
    let whole = packed("zstd", &Tar::default().file("etc/passwd", DIRTY).end());
    is_judged(&audit(&whole, &[]));
    let zstd = packed("zstd", &layer());
    is_judged(&audit(&saved(std::slice::from_ref(&zstd), &config("amd64")), &[]));
    // Two frames, and one that is skipped between them.
    let whole = layer();
    let (first, second) = whole.split_at(600);
    let frames = [packed("zstd", first), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), packed("zstd", second)].concat();
    is_judged(&audit(&saved(&[frames], &config("amd64")), &[]));
    for len in [5, 20, zstd.len() - 1] {
        is_refused(
            &audit(&saved(&[zstd[..len].to_vec()], &config("amd64")), &[]),
            "layer '0/layer.tar': the archive is damaged",
        );
    }
    let mut damaged = zstd.clone();
    let last = damaged.len() - 2;
    damaged[last] ^= 1;
    is_refused(&audit(&saved(&[damaged], &config("amd64")), &[]), "does not match its length or checksum");
    is_refused(
        &audit(&saved(&[[&zstd[..], b"rest"].concat()], &config("amd64")), &[]),
        "something that is not zstd follows",
    );
}

#[test]
fn what_is_not_recognised_is_no_clean_verdict() {
    let hex = "0123456789abcdef".repeat(4);
    let old = Tar::default()
        .file("repositories", r#"{"app":{"latest":"x"}}"#)
        .file(&format!("{hex}/json"), "{}")
        .file(&format!("{hex}/VERSION"), "1.0")
        .entry(b'0', format!("{hex}/layer.tar").as_bytes(), b"", &layer());
    let blobs = Tar::default().file("version", "x").entry(b'0', hex.as_bytes(), b"", &layer());
    let windows = Tar::default().file("Files/Windows/System32/cmd.exe", "MZ").dir("Hives");
    let nested = Tar::default().file("root.x86_64/etc/passwd", DIRTY).dir("root.x86_64/usr").file("version", "x");
    for (tar, why) in [
        (old, "Docker before 1.10"),
        (blobs, "it is neither an image nor a root file system"),
        (windows, "a Windows image"),
        (nested, "but has one in its directory 'root.x86_64'"),
        (Tar::default().file("etc", "a file of that name"), "it is neither an image nor a root file system"),
    ] {
        is_refused(&audit(&tar.end(), &[]), why);
    }
    let windows = json!({"architecture": "amd64", "os": "windows", "config": {}, "rootfs": {"diff_ids": ["x"]}});
    is_refused(&audit(&saved(&[layer()], &windows.to_string()), &[]), "a Windows image");
    // An image made from scratch has a program, and whoever says what it runs knows what it is.
    let mut scratch = Tar::default().file("data", "x");
    let mut header = super::writer::header(b'0', b"app/server", b"", 0);
    header[100..108].copy_from_slice(b"0000755\0");
    super::writer::seal(&mut header);
    scratch = scratch.raw(&header, b"");
    assert!(audit(&scratch.end(), &[]).status < 2);
    let run = audit(&Tar::default().file("data", "x").end(), &["--command", "none"]);
    assert!(run.status < 2, "{}", run.all());
}

/// The directory of an image is judged as the archive of it is; one that is none is refused.
#[test]
fn a_directory_of_an_image_is_read_where_it_lies() {
    let layout = with_blobs(Tar::default().file("oci-layout", "{}"), "blobs/sha256/", &["amd64"]);
    let layout = layout.file("index.json", &index(&[("amd64", None)])).end();
    let manifest = String::from_utf8(blobs("amd64")[2].clone()).unwrap();
    let skopeo = with_blobs(Tar::default(), "", &["amd64"]).file("manifest.json", &manifest).end();
    for (name, archive, below) in [("layout", layout, "blobs/sha256"), ("dir", skopeo, ".")] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x.tar"), &archive).unwrap();
        let image = directory.path().join("image");
        std::fs::create_dir(&image).unwrap();
        let mut unpack = crate::common::Command::new("tar");
        unpack.current_dir(&image).args(["-xf", "../x.tar"]);
        assert!(unpack.status().unwrap().success());
        let judge = || bare(&["audit", "--tar", image.to_str().unwrap(), "--format", "json"], &[], b"");
        let run = judge();
        is_judged(&run);
        assert_eq!(run.json()["findings"], audit(&archive, &[]).json()["findings"], "{name}");
        // A link leads out of it: what it names is not there.
        let layer = image.join(below).join(hash(&layer()));
        let elsewhere = directory.path().join("elsewhere");
        std::fs::rename(&layer, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &layer).unwrap();
        is_refused(&judge(), "is missing");
    }
    let other = Rootfs::debian_like();
    let run = bare(&["audit", "--tar", other.path().to_str().unwrap()], &[], b"");
    is_refused(&run, "neither index.json nor manifest.json");
    assert!(run.stderr.contains("--root"), "{}", run.stderr);
}

#[test]
fn a_directory_is_told_by_the_same_rules() {
    let layout = with_blobs(Tar::default().file("oci-layout", "{}"), "blobs/sha256/", &["amd64"]);
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("x.tar");
    std::fs::write(&archive, layout.file("index.json", &index(&[("amd64", None)])).end()).unwrap();
    let tree = Rootfs::empty();
    let unpacked =
        crate::common::Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(tree.path()).status().unwrap();
    assert!(unpacked.success());
    let run = tree.run("audit", &["--format", "json"]);
    is_refused(&run, "it is an image in the form of a directory");
    assert!(run.stderr.contains("harden audit --tar DIR"), "{}", run.stderr);
    is_refused(
        &Rootfs::empty().text("/x/etc/passwd", "").dir("/x/usr", 0o755, 0, 0).run::<&str>("audit", &[]),
        "directory 'x'",
    );
}
