//! What the configuration, the manifest and the index of the written image say.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Input, base, config, layer};
use crate::archive::images::packed;
use crate::common::{Command, Rootfs, bare};

/// A file of an archive.
fn file(archive: &[u8], name: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("archive.tar");
    std::fs::write(&path, archive).unwrap();
    let output = Command::new("tar").arg("-xOf").arg(&path).arg(name).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn json_of(archive: &[u8], name: &str) -> Value {
    serde_json::from_slice(&file(archive, name)).unwrap()
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The parts of a written image, each compared with the digest that names it.
pub(super) struct Parts {
    pub(super) docker: Value,
    pub(super) index: Value,
    /// The index of the platforms, where they are several; else null.
    pub(super) platforms: Value,
    pub(super) manifest: Value,
    pub(super) config: Value,
}

pub(super) fn parts(archive: &[u8]) -> Parts {
    let blob = |descriptor: &Value| {
        let name = descriptor["digest"].as_str().unwrap();
        let bytes = file(archive, &name.replace("sha256:", "blobs/sha256/"));
        assert_eq!((digest(&bytes).as_str(), bytes.len() as u64), (name, descriptor["size"].as_u64().unwrap()));
        bytes
    };
    assert_eq!(json_of(archive, "oci-layout"), json!({"imageLayoutVersion": "1.0.0"}));
    let (docker, index) = (json_of(archive, "manifest.json"), json_of(archive, "index.json"));
    let mut manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0])).unwrap();
    let platforms = manifest["manifests"].clone();
    if let Some(first) = platforms.get(0) {
        manifest = serde_json::from_slice(&blob(first)).unwrap();
    }
    let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
    let layers: Vec<String> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            blob(layer);
            layer["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/")
        })
        .collect();
    assert_eq!(docker[0]["Layers"], json!(layers));
    assert_eq!(docker[0]["Config"], manifest["config"]["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/"));
    Parts { docker, index, platforms, manifest, config }
}

fn input() -> Input {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    Input::of(&tree)
}

#[test]
fn all_but_the_user_stays_and_one_step_more_is_told() {
    let parts = parts(&input().hardened(&[]));
    let (old, new) = (config(), &parts.config);
    let mut settings = old["config"].clone();
    settings["User"] = json!("1000");
    assert_eq!(new["config"], settings);
    for key in ["architecture", "os", "created"] {
        assert_eq!(new[key], old[key], "{key}");
    }
    let history = new["history"].as_array().unwrap();
    assert_eq!(
        (history.len(), &history[0]["created_by"], &history[0]["empty_layer"]),
        (2, &json!("ADD rootfs"), &json!(true))
    );
    assert!(history[1]["created_by"].as_str().unwrap().starts_with("harden "));
    assert_eq!(history[1]["created"], old["created"]);
    assert_eq!(new["rootfs"]["diff_ids"], json!([parts.manifest["layers"][0]["digest"]]));
    assert_eq!(parts.docker[0]["RepoTags"], json!(["app:1"]));
    let entry = &parts.index["manifests"][0];
    assert_eq!(entry["platform"], json!({"architecture": "amd64", "os": "linux"}));
    assert_eq!(entry["annotations"]["io.containerd.image.name"], "docker.io/library/app:1");
    assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], "1");
    assert_eq!(parts.manifest["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
}

#[test]
fn a_name_and_a_time_may_be_given() {
    let input = input();
    let output = input.output();
    let words =
        ["image", input.path.to_str().unwrap(), "-o", output.to_str().unwrap(), "--tag", "reg.example/team/app:2"];
    let run = crate::common::bare(&words, &[("SOURCE_DATE_EPOCH", "1800000000")], b"");
    assert_eq!(run.status, 0, "{}", run.all());
    let parts = parts(&std::fs::read(output).unwrap());
    assert_eq!(parts.docker[0]["RepoTags"], json!(["reg.example/team/app:2"]));
    assert_eq!(parts.index["manifests"][0]["annotations"]["io.containerd.image.name"], "reg.example/team/app:2");
    assert_eq!(parts.config["created"], "2027-01-15T08:00:00Z");
}

/// `docker load` refuses a name without a tag.
#[test]
fn a_name_without_a_tag_gets_the_usual_one() {
    let parts = parts(&input().hardened(&["--tag", "reg.example:5000/app"]));
    assert_eq!(parts.docker[0]["RepoTags"], json!(["reg.example:5000/app:latest"]));
    assert_eq!(parts.index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "latest");
}

#[test]
fn layers_that_are_kept_are_those_of_the_input_byte_for_byte() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let below = layer(tree.path());
    let input = Input::saved(std::slice::from_ref(&below), &config());
    let first = input.hardened(&["--keep-layers"]);
    let found = parts(&first);
    let layers = found.manifest["layers"].as_array().unwrap();
    assert_eq!((layers.len(), layers[0]["digest"].as_str().unwrap()), (2, digest(&below).as_str()));
    assert_eq!(found.config["rootfs"]["diff_ids"][0], config()["rootfs"]["diff_ids"][0]);
    assert_eq!(found.config["history"][0], config()["history"][0]);
    // With nothing to do no layer comes.
    std::fs::write(&input.path, &first).unwrap();
    let second = parts(&input.hardened(&["--keep-layers"]));
    assert_eq!(second.manifest["layers"], found.manifest["layers"]);
    assert_eq!(second.config["rootfs"], found.config["rootfs"]);
}

/// Frames of zstd hold the bytes that an uncompressed layer has, and zstd stays what the input has.
#[test]
fn a_layer_is_written_as_zstd_when_the_input_is() {
    let tree = base(Rootfs::debian_like()).file("/srv/large", 0o644, 0, 0, b"0123456789 and so on\n".repeat(600_000));
    tree.stamp();
    let layers = [packed("zstd", &layer(tree.path()))];
    let input = Input::saved(&layers, &config());
    let blob = |archive: &[u8]| {
        let found = parts(archive).manifest["layers"][0].clone();
        let name = found["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/");
        (found["mediaType"].as_str().unwrap().to_owned(), file(archive, &name))
    };
    let (_, plain) = blob(&input.hardened(&["--compress", "none"]));
    let written = input.hardened(&[]);
    let (kind, frames) = blob(&written);
    assert!(kind.ends_with("zstd"), "{kind}");
    assert!(frames.len() < plain.len() / 3, "{} of {}", frames.len(), plain.len());
    let mut unpack = Command::new("zstd");
    let packed = input.directory.path().join("layer.zst");
    std::fs::write(&packed, &frames).unwrap();
    assert_eq!(unpack.arg("-dcq").arg(&packed).output().unwrap().stdout, plain);
    // harden reads what it writes.
    std::fs::write(&input.path, &written).unwrap();
    input.hardened(&[]);
}

/// A layout's directory gives the bytes that its archive gives.
#[test]
fn a_directory_is_the_archive_that_lies_in_it() {
    let input = input();
    let first = input.hardened(&["--tag", "x:1", "--compress", "gzip"]);
    let directory = input.directory.path().join("layout");
    std::fs::create_dir(&directory).unwrap();
    let mut unpack = Command::new("tar");
    assert!(unpack.arg("-xf").arg(input.output()).arg("-C").arg(&directory).status().unwrap().success());
    std::fs::write(&input.path, &first).unwrap();
    let second = input.hardened(&[]);
    let words = ["image", directory.to_str().unwrap(), "-o", input.path.to_str().unwrap()];
    let run = bare(&words, &[], b"");
    assert_eq!(run.status, 0, "{}", run.all());
    assert!(std::fs::read(&input.path).unwrap() == second);
}

/// The number that the written form gives has the groups of the account, or says which it has not.
#[test]
fn the_user_is_a_number_that_engines_read_in_one_way() {
    for (user, options, expected) in [
        ("app", &[][..], "1000"),
        ("1000", &[], "1000"),
        ("1000:1000", &[], "1000:1000"),
        ("app:app", &[], "1000"),
        ("4711", &[], "4711"),
        ("", &["--user", "app"], "1000"),
        ("", &["--user", "web:4000:4000"], "4000"),
        ("", &["--user", "4000:5000"], "4000:5000"),
    ] {
        let tree = base(Rootfs::debian_like());
        tree.stamp();
        let mut config = config();
        config["config"]["User"] = json!(user);
        let written = parts(&Input::saved(&[layer(tree.path())], &config).hardened(options));
        assert_eq!(written.config["config"]["User"], expected, "{user:?} {options:?}");
    }
}

/// What --image-config says is for the policy: the image keeps a configuration of its own.
#[test]
fn the_configuration_of_the_archive_is_the_one_that_is_written() {
    let input = input();
    let other = input.directory.path().join("other.json");
    std::fs::write(&other, json!({"config": {"User": "app", "Cmd": ["/app/server", "--other"]}}).to_string()).unwrap();
    let parts = parts(&input.hardened(&["--image-config", other.to_str().unwrap()]));
    assert_eq!(parts.config["config"]["Cmd"], config()["config"]["Cmd"]);
    assert_eq!(parts.config["config"]["Labels"], config()["config"]["Labels"]);
}

/// `docker inspect` has other names for the same.
#[test]
fn an_export_is_an_image_with_the_output_of_inspect() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("export.tar"), layer(tree.path())).unwrap();
    let inspected = json!([{
        "Id": "sha256:1", "RepoTags": ["app:1"], "Created": "2024-05-06T07:08:09Z", "Architecture": "arm64", "Os": "linux",
        "Config": config()["config"],
    }]);
    std::fs::write(at("inspect.json"), inspected.to_string()).unwrap();
    let words =
        ["image", &at("export.tar"), "-o", &at("out.tar"), "--image-config", &at("inspect.json"), "--tag", "app:3"];
    let run = crate::common::bare(&words, &[], b"");
    assert_eq!(run.status, 0, "{}", run.all());
    let parts = parts(&std::fs::read(at("out.tar")).unwrap());
    assert_eq!(parts.config["architecture"], "arm64");
    assert_eq!(parts.config["config"]["Cmd"], config()["config"]["Cmd"]);
    assert_eq!(parts.index["manifests"][0]["platform"]["architecture"], "arm64");
}

/// An OCI layout names an image as often as it has names, and some writers give a tag alone, which is no name.
#[test]
fn the_names_of_a_layout_are_names_that_engines_load() {
    let input = input();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let unpack = |archive: &[u8]| {
        std::fs::write(at("archive.tar"), archive).unwrap();
        let status = Command::new("tar").arg("-C").arg(directory.path()).arg("-xf").arg(at("archive.tar")).status();
        assert!(status.unwrap().success());
    };
    unpack(&input.hardened(&[]));
    std::fs::remove_file(at("manifest.json")).unwrap();
    let mut index: Value = serde_json::from_slice(&std::fs::read(at("index.json")).unwrap()).unwrap();
    let entry = index["manifests"][0].clone();
    let named = |names: &[&str], index: &mut Value| -> Value {
        let entries = names.iter().map(|name| {
            let mut entry = entry.clone();
            entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
            entry
        });
        index["manifests"] = entries.collect();
        std::fs::write(at("index.json"), index.to_string()).unwrap();
        let mut command = Command::new("tar");
        command.arg("-C").arg(directory.path()).args(["-c", "oci-layout", "index.json", "blobs"]);
        std::fs::write(&input.path, command.output().unwrap().stdout).unwrap();
        parts(&input.hardened(&[])).docker[0]["RepoTags"].clone()
    };
    for (names, expected) in [
        (&["localhost/app:1"][..], json!(["localhost/app:1"])),
        (&["localhost/app:1", "localhost/app:2"], json!(["localhost/app:1", "localhost/app:2"])),
        (&["1.0"], Value::Null),
        (&["latest", "app:1"], json!(["app:1"])),
    ] {
        assert_eq!(named(names, &mut index), expected, "{names:?}");
    }
}
