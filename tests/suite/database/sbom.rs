//! `--sbom`: what is left, outside the image, the same for the same tree.

use std::collections::BTreeSet;
use std::fs;

use crate::common::{APP, Command, Rootfs, bare};

fn image() -> Rootfs {
    let tree = Rootfs::debian_like()
        .program("/app/server")
        .package("gone", &["/usr/bin/gone"])
        .programs(&["/usr/bin/gone"])
        .package("libstdc++6", &["/usr/lib/libstdc++.so.6"])
        .library("/usr/lib/libstdc++.so.6", &[]);
    tree.stamp();
    tree
}

fn bill(tree: &Rootfs, command: &str) -> serde_json::Value {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sbom.json");
    let run = tree.run(command, &[&APP[..], &["--sbom", path.to_str().unwrap()]].concat());
    // That audit has findings is no matter here.
    assert!(run.status == 0 || (command, run.status) == ("audit", 1), "{}", run.all());
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_bill_names_what_is_left_and_is_the_same_before_and_after() {
    let tree = image();
    let planned = bill(&tree, "plan");
    assert_eq!(planned, bill(&image(), "plan"), "no clock, no chance");
    assert_eq!(planned, bill(&tree, "apply"));
    for (key, value) in [("bomFormat", "CycloneDX"), ("specVersion", "1.5")] {
        assert_eq!(planned[key], value);
    }
    let serial = planned["serialNumber"].as_str().unwrap();
    assert!(serial.starts_with("urn:uuid:") && serial.len() == 45, "{serial}");
    let components = planned["components"].as_array().unwrap();
    let references: BTreeSet<&str> = components.iter().map(|it| it["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(references.len(), components.len(), "each reference once");
    assert_eq!((&components[0]["name"], &components[0]["version"]), (&"debian".into(), &"12".into()));
    let purl = "pkg:deb/debian/libstdc%2B%2B6@1?arch=amd64&distro=debian-12";
    assert!(references.contains(purl), "{references:?}");
    assert!(!references.iter().any(|it| it.contains("/gone@")), "{references:?}");
    let server = components.iter().find(|it| it["name"] == "/app/server").unwrap();
    assert_eq!(server["hashes"][0]["alg"], "SHA-256");
    assert_eq!(server["hashes"][0]["content"].as_str().unwrap().len(), 64);
}

/// audit lists what it judged, whatever apply would remove; of an archive it is the same.
#[test]
fn audit_writes_the_bill_of_what_it_judged() {
    let tree = image();
    let judged = bill(&tree, "audit");
    let names = |bill: &serde_json::Value| -> BTreeSet<String> {
        bill["components"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let (there, left) = (names(&judged), names(&bill(&tree, "plan")));
    assert!(there.contains("gone") && there.contains("/app/server"), "{there:?}");
    assert!(!left.contains("gone") && left.is_subset(&there), "{left:?}");

    let outside = tempfile::tempdir().unwrap();
    let at = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    let (archive, path) = (at("root.tar"), at("archive.json"));
    let made =
        Command::new("tar").args(["--numeric-owner", "-C"]).arg(tree.path()).args(["-cf", &archive, "."]).status();
    assert!(made.unwrap().success());
    let run = bare(&["audit", "--fail-on", "high", "--tar", &archive, "--sbom", &path], &[], b"");
    assert!(run.status < 2, "{}", run.all());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&fs::read(path).unwrap()).unwrap(), judged);

    let before = fs::read(&archive).unwrap();
    for flag in ["--sbom", "--report"] {
        let run = bare(&["audit", "--tar", &archive, flag, &archive], &[], b"");
        assert_eq!(run.status, 2, "{}", run.all());
        assert!(run.stderr.contains(&format!("{flag} would overwrite the archive")), "{}", run.stderr);
    }
    assert!(fs::read(&archive).unwrap() == before, "the archive is as it was");
}

#[test]
fn a_bill_inside_the_image_is_refused_before_anything_is_written() {
    let tree = image().dir("/out", 0o755, 0, 0).link("/srv/out", "../out").text("/out/there", "x");
    for path in ["/out/sbom.json", "/srv/out/sbom.json", "/out/../out/there"] {
        let path = tree.path().join(path.trim_start_matches('/'));
        tree.refuse(&[&APP[..], &["--sbom", path.to_str().unwrap()]].concat())
            .says(&["lies in the image", "mount"])
            .alone();
        let run = tree.run("audit", &["--sbom", path.to_str().unwrap()]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.all());
        assert!(run.stderr.contains("lies in the image"), "{}", run.stderr);
        assert!(!tree.path().join("out/sbom.json").exists());
    }
    tree.refuse(&[&APP[..], &["--sbom", "/no/such/directory/sbom.json"]].concat()).says(&["/no/such/directory"]);
    let run = tree.run("audit", &["--sbom", "/no/such/directory/sbom.json"]);
    assert_eq!(run.status, 2, "{}", run.all());
}

#[test]
fn changed_files_are_summed_before_and_after() {
    let done = image().apply(&APP);
    let files = done.report["files"].as_array().unwrap();
    let status = files.iter().find(|it| it["path"] == "/var/lib/dpkg/status").unwrap();
    for (side, snapshot) in [("before", &done.before), ("after", &done.after)] {
        let content = &snapshot.get("/var/lib/dpkg/status").content;
        assert_eq!(status[side]["bytes"], content.len());
        assert_eq!(status[side]["sha256"].as_str().unwrap(), sha256(content));
    }
    let database = &done.report["database"];
    assert!(database["files"].as_u64().unwrap() > 0 && database["bytes"].as_u64().unwrap() > 0, "{database}");
    assert!(database["packages_before"].as_u64() > database["packages_after"].as_u64(), "{database}");
}

/// By coreutils.
fn sha256(content: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let output = Command::new("sha256sum").arg(file.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}
