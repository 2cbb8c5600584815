//! `harden audit` on what engines write, and its reports before judges that share no code with it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::bases::{ALPINE, DEBIAN_12};
use crate::buildah::buildah;
use crate::common::Command;
use crate::docker::{Builder, Context, Image, Options, binary, both, build, docker_ok, fixture, work};

/// An image whose layers take away, replace and go through links; what the lowest layer has would be found.
fn image() -> Image {
    let dockerfile = "FROM harden-test/debian:12\n\
        RUN mkdir -p /opt/a/b /opt/hidden && echo x >/opt/a/b/bad && chmod 0666 /opt/a/b/bad && cp /bin/ls /opt/hidden/suid \
        && chmod 4755 /opt/hidden/suid && ln -s /opt/a /opt/link\n\
        RUN rm /usr/bin/chfn && rm -rf /opt/hidden && mkdir /opt/hidden && echo ok >/opt/hidden/new\n\
        RUN echo y >/opt/link/b/worse && chmod 0666 /opt/link/b/worse && ln /opt/a/b/worse /opt/a/other\n\
        ENV API_TOKEN=sVb83kQmZx71LpWr\n\
        USER root\n";
    build(Builder::Classic, &Context::new().file("Dockerfile", 0o644, dockerfile), &Options::default())
}

/// Run an audit of standard input; also its peak memory in KiB.
fn audit(stdin: impl Into<Stdio>, format: &str) -> (Output, u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let peak = dir.path().join("peak");
    let mut command = Command::new("/usr/bin/time");
    command.args(["-q", "-f", "%M", "-o"]).arg(&peak).arg(binary());
    let output =
        command.args(["audit", "-q", "--tar", "-", "--format", format]).stdin(stdin).output().expect("it starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", both(&output));
    (output, fs::read_to_string(&peak).expect("what time wrote").trim().parse().expect("a number"))
}

/// Check, path, line and detail of each finding that is not of the configuration, and is not about what `docker create`
/// puts into a container.
pub(crate) fn findings(output: &Output) -> BTreeSet<String> {
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let list = report["findings"].as_array().expect("findings").iter();
    let engine =
        ["/.dockerenv", "/dev", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/mtab", "/proc", "/sys"];
    list.filter(|finding| !finding["check"].as_str().expect("a check").starts_with("image."))
        .filter(|finding| !engine.iter().any(|path| finding["path"].as_str().expect("a path").starts_with(path)))
        .map(|finding| format!("{} {} {} {}", finding["check"], finding["path"], finding["line"], finding["detail"]))
        .collect()
}

fn saved(image: &Image, dir: &Path) -> File {
    let file = dir.join("saved.tar");
    docker_ok(&["save", "-o", file.to_str().expect("a path"), &image.tag]);
    File::open(file).expect("the archive")
}

/// The reports of docker save and of an OCI layout, and what is found in every form of the image: they say the same.
fn in_every_form(image: &Image) -> (Output, Output, BTreeSet<String>) {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let (from_saved, _) = audit(saved(image, dir.path()), "json");
    let layout = dir.path().join("layout.tar");
    buildah(dir.path(), &["pull", "-q", &format!("docker-archive:{}", dir.path().join("saved.tar").display())]);
    buildah(dir.path(), &["push", "-q", &image.tag, &format!("oci-archive:{}", layout.display())]);
    let (from_layout, _) = audit(File::open(&layout).expect("the layout"), "json");
    let unpacked = dir.path().join("root");
    fs::create_dir(&unpacked).expect("a directory");
    image.unpack(&unpacked);
    let from_root = Command::new(binary())
        .args(["audit", "-q", "--format", "json", "--root"])
        .arg(&unpacked)
        .output()
        .expect("it starts");
    let expected = findings(&from_root);
    assert_eq!(findings(&from_saved), expected, "{}: docker save", image.tag);
    assert_eq!(findings(&from_layout), expected, "{}: OCI layout", image.tag);
    let (exported, _) = image.exported(|pipe| audit(pipe, "json"));
    assert_eq!(findings(&exported), expected, "{}: docker export", image.tag);
    (from_saved, from_layout, expected)
}

#[test]
fn an_image_is_judged_as_its_container_and_its_unpacked_tree_are() {
    let (from_saved, from_layout, expected) = in_every_form(&image());
    assert!(expected.iter().any(|line| line.contains("/opt/a/b/worse")), "{expected:#?}");
    assert!(
        !expected.iter().any(|line| line.contains("/opt/hidden") || line.contains("/usr/bin/chfn")),
        "{expected:#?}"
    );
    for output in [&from_saved, &from_layout] {
        let report = String::from_utf8_lossy(&output.stdout);
        assert!(report.contains("\"image.user\"") && report.contains("API_TOKEN"), "{report}");
        assert!(!report.contains("sVb83kQmZx71LpWr"), "a secret is printed");
    }
}

/// Alpine here; with HARDEN_SOAK=1 (`make soak`) every image that `make setup` made.
#[test]
fn other_images_are_judged_the_same_in_every_form() {
    let all = docker_ok(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=harden-test/*"]);
    let soak = std::env::var_os("HARDEN_SOAK").is_some();
    let wanted: Vec<&str> = all.lines().filter(|tag| soak || *tag == ALPINE.tag).collect();
    assert!(!wanted.is_empty(), "no image {}; run: make setup", ALPINE.tag);
    for tag in wanted {
        let context = Context::new().file("Dockerfile", 0o644, &format!("FROM {tag}\nUSER root\n"));
        let (.., found) = in_every_form(&build(Builder::Classic, &context, &Options::default()));
        assert!(found.len() >= 10, "{tag}: {found:#?}");
    }
}

#[test]
fn a_stream_of_docker_export_takes_little_memory() {
    let image = build(
        Builder::Classic,
        &Context::new().file("Dockerfile", 0o644, &format!("FROM {}\n", DEBIAN_12.tag)),
        &Options::default(),
    );
    let (output, peak) = image.exported(|pipe| audit(pipe, "json"));
    assert!(findings(&output).len() > 10);
    assert!(peak <= 64 * 1024, "{peak} KiB");
    let (_, peak) = audit(File::open(fixture("harden-test_debian_12.tar")).expect("the archive"), "json");
    assert!(peak <= 64 * 1024, "{peak} KiB");
}

#[test]
fn the_reports_are_valid() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let judges = work().join("cache/judges");
    let image = image();
    let archives = [fixture("harden-test_debian_12.tar"), hostile(dir.path())];
    let streams = || {
        let mut all: Vec<File> = archives.iter().map(|path| File::open(path).expect("an archive")).collect();
        all.push(saved(&image, dir.path()));
        all
    };
    let sarif = dir.path().join("report.sarif");
    for stream in streams() {
        fs::write(&sarif, audit(stream, "sarif").0.stdout).expect("the report");
        judge_sarif(&judges, &sarif);
    }
    let junit = dir.path().join("report.xml");
    for stream in streams() {
        fs::write(&junit, audit(stream, "junit").0.stdout).expect("the report");
        judge_junit(&judges, &junit);
    }
    // And the reports of an audit that did not run.
    for format in ["sarif", "junit"] {
        let args = ["audit", "-q", "--tar", "/nowhere", "--format", format];
        let output = Command::new(binary()).args(args).output().expect("it starts");
        let report = dir.path().join(format!("failed.{format}"));
        fs::write(&report, output.stdout).expect("the report");
        if format == "sarif" { judge_sarif(&judges, &report) } else { judge_junit(&judges, &report) }
    }
}

/// Names with everything that the formats give a meaning to.
fn hostile(dir: &Path) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt as _;

    let path = dir.join("hostile.tar");
    let mut tar = tar::Builder::new(File::create(&path).expect("a file"));
    let names: &[&[u8]] = &[
        b"usr/bin/a]]><x y='\"&",
        b"usr/bin/b\n\r\x01\x1b",
        "usr/bin/c\u{202e}\u{fffe}".as_bytes(),
        b"usr/bin/d\xff%41 ?#:",
        b"usr/bin/e",
    ];
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o6777);
        header.set_uid(7);
        header.set_gid(0);
        header.set_size(0);
        tar.append_data(&mut header, std::ffi::OsStr::from_bytes(name), &b""[..]).expect("an entry");
    }
    tar.finish().expect("the archive");
    path
}

/// Its exit status says nothing: every line that names a rule is a complaint.
fn judge_sarif(judges: &Path, report: &Path) {
    let judge = judges.join("sarif/Sarif.Multitool");
    assert!(judge.exists(), "{} is missing; run: make setup", judge.display());
    let output = Command::new(judge)
        .arg("validate")
        .arg(report)
        .args(["--rule-kind", "Sarif;Ghas"])
        .output()
        .expect("it starts");
    let said = both(&output);
    assert!(said.contains("Analysis completed successfully."), "{said}");
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| [": error ", ": warning ", ": note "].iter().any(|kind| line.contains(kind)))
        // harden has no page of its own yet.
        .filter(|line| !(line.contains("SARIF2005") && line.contains("'informationUri'")))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

fn judge_junit(judges: &Path, report: &Path) {
    let schema = judges.join("junit/JUnit.xsd");
    assert!(schema.exists(), "{} is missing; run: make setup", schema.display());
    let output =
        Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).arg(report).output().expect("xmllint starts");
    assert!(output.status.success(), "{}", both(&output));
}
