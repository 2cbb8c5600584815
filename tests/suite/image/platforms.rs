//! An image for several platforms: each is hardened, and the output is an index of them.

use serde_json::{Value, json};

use super::documents::parts;
use super::{Input, base, config, layer};
use crate::common::{Command, Rootfs, Run, bare};

/// A layout's directory with an image for each architecture and an attestation; `users` are their users.
pub(super) fn layout(users: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut manifests = Vec::new();
    for (architecture, user) in users {
        let tree = base(Rootfs::debian_like()).text("/srv/architecture", architecture);
        tree.stamp();
        let mut config = config();
        (config["architecture"], config["config"]["User"]) = (json!(architecture), json!(user));
        let input = Input::saved(&[layer(tree.path())], &config);
        let written = input.hardened(&["--tag", "app:1", "--user", "app"]);
        std::fs::write(at("archive.tar"), written).unwrap();
        let status = Command::new("tar").arg("-C").arg(directory.path()).arg("-xf").arg(at("archive.tar")).status();
        assert!(status.unwrap().success());
        let index: Value = serde_json::from_slice(&std::fs::read(at("index.json")).unwrap()).unwrap();
        manifests.push(index["manifests"][0].clone());
    }
    for name in ["archive.tar", "manifest.json"] {
        std::fs::remove_file(at(name)).unwrap();
    }
    let attested =
        json!({"digest": "sha256:aa", "size": 1, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}});
    manifests.push(attested);
    std::fs::write(at("index.json"), json!({"schemaVersion": 2, "manifests": manifests}).to_string()).unwrap();
    directory
}

pub(super) fn harden(layout: &tempfile::TempDir, options: &[&str]) -> (Run, Option<Vec<u8>>) {
    let output = tempfile::tempdir().unwrap();
    let path = output.path().join("out.tar");
    let words = [&["image", layout.path().to_str().unwrap(), "-o", path.to_str().unwrap()], options].concat();
    (bare(&words, &[], b""), std::fs::read(path).ok())
}

#[test]
fn each_platform_is_hardened_as_it_is_alone() {
    let input = layout(&[("arm64", "app"), ("amd64", "app"), ("s390x", "app")]);
    let (run, all) = harden(&input, &[]);
    assert_eq!(run.status, 0, "{}", run.all());
    assert!(run.stderr.contains("attestations and signatures") && run.stderr.contains("sha256:aa"), "{}", run.stderr);
    let written = all.unwrap();
    let all = parts(&written);
    assert_eq!(all.index["manifests"].as_array().unwrap().len(), 1, "one name");
    let entry = |architecture: &str| {
        let entries = all.platforms.as_array().unwrap();
        entries.iter().find(|entry| entry["platform"]["architecture"] == architecture).unwrap().clone()
    };
    for architecture in ["amd64", "arm64", "s390x"] {
        let (run, one) = harden(&input, &["--platform", &format!("linux/{architecture}")]);
        assert_eq!(run.status, 0, "{}", run.all());
        let one = parts(&one.unwrap());
        assert_eq!(one.config["architecture"], architecture);
        assert_eq!(entry(architecture)["digest"], one.index["manifests"][0]["digest"], "{architecture}");
        if architecture == if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" } {
            assert_eq!(all.docker, one.docker, "manifest.json has this machine's platform");
        }
    }
    // The same from a pipe.
    let mut command = Command::new("tar");
    command.arg("-C").arg(input.path()).args(["-c", "oci-layout", "index.json", "blobs"]);
    let output = input.path().join("out.tar");
    let words = ["image", "-", "-o", output.to_str().unwrap()];
    let piped = bare(&words, &[], &command.output().unwrap().stdout);
    assert_eq!(piped.status, 0, "{}", piped.all());
    assert!(std::fs::read(output).unwrap() == written);
}

#[test]
fn what_is_wrong_on_one_platform_is_said_and_nothing_is_written() {
    let input = layout(&[("amd64", "app"), ("arm64", "app")]);
    let (run, out) = harden(&input, &["--report", "/dev/null"]);
    assert_eq!((run.status, out), (2, None), "{}", run.all());
    assert!(run.stderr.contains("give --platform one of linux/"), "{}", run.all());
    // An image is refused when a guard refuses it for one platform.
    let blobs = input.path().join("blobs/sha256");
    let index: Value = serde_json::from_slice(&std::fs::read(input.path().join("index.json")).unwrap()).unwrap();
    let digest = |value: &Value| value["digest"].as_str().unwrap().replace("sha256:", "");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(blobs.join(digest(&index["manifests"][1]))).unwrap()).unwrap();
    std::fs::remove_file(blobs.join(digest(&manifest["layers"][0]))).unwrap();
    let (run, out) = harden(&input, &[]);
    // Which one fails first depends on the machine's own platform.
    assert_eq!((run.status, out), (2, None), "{}", run.all());
    assert!(run.stderr.contains("no image was written") && run.stderr.contains("is missing"), "{}", run.all());
}
