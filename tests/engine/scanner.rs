//! What a scanner sees of an image before and after: the truth, the whole truth. The scanner is a build of Trivy from npm
//! (setup/scanner.sh); package databases are read here once more, by code that shares nothing with `src/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::bases::{ALPINE, Base, DEBIAN_12, DEBIAN_13};
use crate::common::Command;
use crate::docker::{Builder, Context, Image, Options, binary, both, build, fixture};

/// What the scanner says of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `debian 12.11`, or `none`.
    pub os: String,
    /// Names of operating system packages.
    pub packages: BTreeSet<String>,
}

/// Ask the scanner.
pub fn scan(root: &Path) -> Seen {
    let out = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(fixture("scanner/trivy"))
        .args(["rootfs", "--quiet", "--offline-scan", "--skip-db-update", "--format", "cyclonedx", "--output"])
        .args([out.path(), root])
        .output()
        .expect("the scanner starts");
    assert!(output.status.success(), "{}", both(&output));
    let found: serde_json::Value = serde_json::from_slice(&fs::read(out.path()).expect("a report")).expect("JSON");
    let mut seen = Seen { os: "none".to_owned(), packages: BTreeSet::new() };
    for component in found["components"].as_array().expect("components") {
        let text = |key: &str| component[key].as_str().unwrap_or_default().to_owned();
        if component["type"] == "operating-system" {
            seen.os = format!("{} {}", text("name"), text("version"));
        } else if text("purl").starts_with("pkg:deb/") || text("purl").starts_with("pkg:apk/") {
            assert!(seen.packages.insert(text("name")), "{} is there twice", text("name"));
        }
    }
    seen
}

/// Paths by package, as the databases list them, directories too.
fn listed(root: &Path) -> BTreeMap<String, Vec<String>> {
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(root.join("var/lib/dpkg/info")).into_iter().flatten().map(Result::unwrap) {
        let file = entry.file_name().into_string().unwrap();
        if let Some(stem) = file.strip_suffix(".list") {
            let name = stem.split(':').next().unwrap().to_owned();
            let list = fs::read_to_string(entry.path()).unwrap();
            packages.entry(name).or_default().extend(list.lines().map(str::to_owned));
        }
    }
    let mut at = (String::new(), String::new());
    for line in fs::read_to_string(root.join("lib/apk/db/installed")).unwrap_or_default().lines() {
        match line.split_at_checked(2) {
            Some(("P:", name)) => {
                at.0 = name.to_owned();
                packages.entry(at.0.clone()).or_default();
            }
            Some(("F:", directory)) => directory.clone_into(&mut at.1),
            Some(("R:", name)) => packages.get_mut(&at.0).unwrap().push(format!("/{}/{name}", at.1)),
            _ => {}
        }
    }
    packages
}

/// Where a listed path lies once the links of a merged /usr are followed; `None` when nothing is there. Directories, and
/// links in their place, are no files.
fn file(root: &Path, listed: &str) -> Option<PathBuf> {
    let path = root.join(listed.trim_start_matches('/'));
    let path = path.parent()?.canonicalize().ok()?.join(path.file_name()?);
    let found = path.symlink_metadata().ok()?;
    let in_place = found.is_symlink() && path.parent()? == root.canonicalize().ok()?;
    (!found.is_dir() && !in_place).then_some(path)
}

fn files(root: &Path) -> BTreeMap<String, BTreeSet<PathBuf>> {
    let packages = listed(root).into_iter();
    packages.map(|(name, paths)| (name, paths.iter().filter_map(|path| file(root, path)).collect())).collect()
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    path.symlink_metadata().is_ok_and(|found| found.is_file())
        && fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == *b"\x7fELF"
}

/// Harden a base, and count its packages before and after.
pub fn counts(base: &Base) -> (Seen, Seen) {
    let image = build(Builder::Classic, &base.context_before(), &Options::default());
    judged(&image, &base.config().replace("\"keep\"", "\"prune\""))
}

/// Harden what an image holds, and hold what the scanner says against what is there.
fn judged(image: &Image, config: &str) -> (Seen, Seen) {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    image.unpack(root);
    let before = scan(root);
    let owned = files(root);
    let policy = tempfile::NamedTempFile::new().expect("a file");
    fs::write(policy.path(), config).expect("a configuration");
    let bill = tempfile::NamedTempFile::new().expect("a file");
    let mut harden = Command::new(binary());
    harden.args(["apply", "--root"]).arg(root).arg("--config").arg(policy.path()).arg("--sbom").arg(bill.path());
    let output = harden.output().expect("harden starts");
    assert!(output.status.success(), "{}", both(&output));
    let after = scan(root);

    assert_eq!(after.os, before.os);
    assert!(after.packages.is_subset(&before.packages) && !after.packages.is_empty());
    let left = files(root);
    assert_eq!(after.packages, left.keys().cloned().collect(), "the scanner lists what the database records");
    for name in &after.packages {
        assert!(owned[name].is_empty() || !left[name].is_empty(), "{name} is listed, and nothing of it is left");
    }
    for (name, files) in &owned {
        for path in files.iter().filter(|path| is_elf(path)) {
            assert!(after.packages.contains(name), "{} belonged to {name}, which is not listed", path.display());
            assert!(left[name].contains(path), "{} belonged to {name}", path.display());
        }
        // What is left of a package that went is at most somebody else's too.
        if !after.packages.contains(name) {
            let of_others = |path: &&PathBuf| left.values().any(|files| files.contains(*path));
            let stays: Vec<_> = files.iter().filter(|path| path.symlink_metadata().is_ok()).collect();
            assert!(stays.iter().all(of_others), "{name} is not listed, and there are {stays:?}");
        }
    }
    let bill: serde_json::Value = serde_json::from_slice(&fs::read(bill.path()).unwrap()).expect("JSON");
    let libraries = bill["components"].as_array().unwrap().iter().filter(|it| it["type"] == "library");
    let billed: BTreeSet<String> = libraries.map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(billed, after.packages, "our own bill names the same packages");
    if root.join("var/lib/dpkg").exists() {
        accepted_by_dpkg(root, after.packages.len());
    }
    (before, after)
}

/// A healthy dpkg reads the database, misses nothing of what it lists, and finds no fault.
fn accepted_by_dpkg(root: &Path, packages: usize) {
    let dpkg = |args: &[&str]| {
        let output = Command::new("dpkg").arg("--root").arg(root).args(args).output().expect("dpkg starts");
        assert!(output.status.success() && output.stderr.is_empty(), "dpkg {args:?}: {}", both(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(dpkg(&["--list"]).lines().filter(|line| line.starts_with("ii ")).count(), packages);
    assert_eq!(dpkg(&["--audit"]), "");
    let verified = dpkg(&["--verify"]);
    assert!(!verified.contains("missing"), "{verified}");
    assert!(dpkg(&["--listfiles", "base-files"]).contains("/etc/debian_version"));
}

#[test]
fn a_scanner_sees_what_is_left_and_nothing_else() {
    for base in [DEBIAN_12, DEBIAN_13, ALPINE] {
        let (before, after) = counts(&base);
        eprintln!(
            "{}: {} packages before, {} after, on {}",
            base.tag,
            before.packages.len(),
            after.packages.len(),
            after.os
        );
        assert!(after.packages.len() < before.packages.len());
    }
}

/// Programs that speak TLS or count on its library, so that this stays and has to be reported.
const MINIMAL: &[(&str, &str, &str, &str, [&str; 2])] = &[
    ("harden-test/debian:12-nginx", "www-data", r#"["nginx", "-g", "daemon off;"]"#, "package", ["libc6", "libssl3"]),
    ("harden-test/debian:13", "app:1000", r#"["sha256sum", "/etc/hosts"]"#, "package", ["libc6", "libssl3t64"]),
    ("harden-test/debian:13", "app:1000", r#"["sha256sum", "/etc/hosts"]"#, "file", ["libc6", "libssl3t64"]),
    ("harden-test/alpine:3.20", "app:1000", r#"["/usr/bin/ssl_client"]"#, "package", ["musl", "libssl3"]),
];

#[test]
fn a_scanner_sees_the_truth_in_minimal_mode() {
    for &(base, user, command, granularity, libraries) in MINIMAL {
        let context = Context::new().file("Dockerfile", 0o644, &format!("FROM {base}\nCMD []\n"));
        let image = build(Builder::Classic, &context, &Options::default());
        let config = format!(
            "mode = \"minimal\"\n[run]\nuser = \"{user}\"\nstart = \"root\"\ncommand = {command}\n\
             [minimal]\ngranularity = \"{granularity}\"\n"
        );
        let (before, after) = judged(&image, &config);
        eprintln!("{base}, by {granularity}: {} of {} packages", after.packages.len(), before.packages.len());
        for library in libraries {
            assert!(before.packages.contains(library), "{base} has no {library} from the start");
            assert!(after.packages.contains(library), "{base}, by {granularity}: {library} is not reported");
        }
        assert!(after.packages.len() * 3 < before.packages.len() * 2, "{:?}", after.packages);
    }
}
