//! `harden plan --tar` and `harden explain --tar` say what `--root` says of what the archive was written from, and explain says
//! which layer removed an entry.

use serde_json::{Value, json};

use crate::common::dirty::Dirty;
use crate::common::large::large_image;
use crate::common::{Rootfs, Run, bare};
use crate::image::{Input, base, config, layer};

/// Run a command on an archive, in a file and from a pipe.
#[track_caller]
fn on_archive(command: &str, archive: &[u8], options: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.tar");
    std::fs::write(&path, archive).unwrap();
    let read = bare(&[&[command, "--tar", path.to_str().unwrap()][..], options].concat(), &[], b"");
    let piped = bare(&[&[command, "--tar", "-"][..], options].concat(), &[], archive);
    assert_eq!(
        (read.status, &read.stdout, &read.stderr),
        (piped.status, &piped.stdout, &piped.stderr),
        "a file and a pipe"
    );
    read
}

#[track_caller]
fn same(one: &Run, other: &Run) {
    let said = |run: &Run| run.stderr.replace("harden: reading the archive\n", "");
    assert_eq!((other.status, &other.stdout), (one.status, &one.stdout));
    assert_eq!(said(other), said(one));
}

#[test]
fn an_archive_and_its_tree_have_the_same_plan() {
    for (name, tree) in [
        ("debian", Rootfs::debian_like()),
        ("alpine", Rootfs::alpine_like()),
        ("rhel", Rootfs::rhel_like()),
        ("dirty", Dirty::on(Rootfs::debian_like()).tree),
    ] {
        let tree = base(tree).xattr("/app/server", "user.note", b"x");
        // A socket is nothing that tar can hold.
        let _ = std::fs::remove_file(tree.at("/opt/socket"));
        tree.stamp();
        let exported = layer(tree.path());
        let image = std::fs::read(&Input::saved(std::slice::from_ref(&exported), &config()).path).unwrap();
        let shown = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(shown.path(), config().to_string()).unwrap();
        let given = ["--image-config", shown.path().to_str().unwrap()];
        let paths = ["/bin/sh", "/usr/bin/apt", "/etc/passwd", "/app/server", "/srv", "no-such-command", "/srv/fifo"];
        for (command, more) in [
            ("plan", &[][..]),
            ("plan", &["-v", "--minimal"]),
            ("plan", &["--format", "json"]),
            ("plan", &["--keep", "/no/such/file", "--strict"]),
            ("explain", &paths),
            ("explain", &[&paths[..], &["-v", "--format", "json"]].concat()),
        ] {
            let expected = tree.run(command, &[&given[..], more].concat());
            assert!(matches!(expected.status, 0 | 2), "{name} {more:?}: {}", expected.all());
            same(&expected, &on_archive(command, &exported, &[&given[..], more].concat()));
            let found = on_archive(command, &image, more);
            // Nobody gave that option: the archive brings it.
            let said = expected.stdout.replace("--image-config", "the image's configuration");
            assert_eq!((found.status, &found.stdout), (expected.status, &said), "{name} {command} {more:?}");
        }
    }
}

#[test]
fn reports_of_an_archive_are_those_of_its_tree() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let archive = layer(tree.path());
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let options = |name: &str| {
        let words = ["--user", "app", "--command", "/app/server", "--report", &path(&format!("{name}.json")), "--sbom"];
        words.map(str::to_owned).into_iter().chain([path(&format!("{name}.cdx"))]).collect::<Vec<_>>()
    };
    let run = tree.run("plan", &options("tree"));
    assert_eq!(run.status, 0, "{}", run.all());
    let words: Vec<String> = options("archive");
    let found = on_archive("plan", &archive, &words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(found.status, 0, "{}", found.all());
    for end in ["json", "cdx"] {
        let read = |name: &str| std::fs::read_to_string(path(&format!("{name}.{end}"))).unwrap();
        assert!(!read("tree").is_empty());
        assert_eq!(read("archive"), read("tree"), "{end}");
    }
}

#[test]
fn a_tree_or_an_archive_is_named_and_must_be_one() {
    let run = bare(&["plan", "--tar", "-", "--root", "/"], &[], b"");
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("--tar and --root both name what is read"), "{}", run.all());
    for command in [&["plan"][..], &["explain", "/bin/sh"]] {
        let run = bare(&[command, &["--tar", "/no/such/file"]].concat(), &[], b"");
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.all());
        assert!(run.stderr.contains("cannot read '/no/such/file'"), "{}", run.all());
        assert!(run.stderr.ends_with("nothing was changed\n"), "{}", run.all());
    }
}

/// What of a run of explain stands on the line of a path.
#[track_caller]
fn line<'r>(run: &'r Run, path: &str) -> &'r str {
    let mut lines = run.stdout.lines().filter(|line| line.starts_with(path));
    lines.next().unwrap_or_else(|| panic!("nothing of {path}: {}", run.all()))
}

#[test]
fn explain_names_the_layer_that_removed_an_entry() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let upper = Rootfs::empty().text("/srv/.wh.mail", "").text("/opt/own", "x");
    upper.stamp();
    let mut config = config();
    config["history"] = json!([
        {"created_by": "ADD rootfs"},
        {"created_by": "ENV A=1", "empty_layer": true},
        {"created_by": "RUN rm -rf \u{1b}[31m/srv/mail"},
    ]);
    config["rootfs"]["diff_ids"] = json!(["sha256:0", "sha256:1"]);
    let input = Input::saved(&[layer(tree.path()), layer(upper.path())], &config);
    let hardened = input.hardened(&["--keep-layers"]);
    let asked = ["/usr/bin/apt", "wget", "/bin/wget", "/etc/apt/nothing", "/srv/mail", "/srv/mail/below", "/opt/own"];
    let run = on_archive("explain", &hardened, &asked);
    assert_eq!(run.status, 2, "what never was there is not in the image: {}", run.all());
    let by = format!("removed in layer 3 by 'harden {} image'", env!("CARGO_PKG_VERSION"));
    assert_eq!(line(&run, "/usr/bin/apt"), format!("/usr/bin/apt: {by}"));
    assert_eq!(line(&run, "/usr/bin/wget (asked as wget)"), format!("/usr/bin/wget (asked as wget): {by}"));
    assert_eq!(line(&run, "/usr/bin/wget (asked as /bin/wget)"), format!("/usr/bin/wget (asked as /bin/wget): {by}"));
    assert_eq!(line(&run, "/srv/mail:"), r"/srv/mail: removed in layer 2 by 'RUN rm -rf \u{1b}[31m/srv/mail'");
    for never in ["/etc/apt/nothing", "/srv/mail/below"] {
        assert!(line(&run, never).contains("not in the image"), "{}", run.all());
    }
    assert!(line(&run, "/opt/own").contains("stays"), "{}", run.all());
    let one = on_archive("explain", &hardened, &["/etc/apt", "--format", "json"]);
    let document: Value = one.json();
    assert_eq!((one.status, &document["answers"][0]["fate"]), (0, &json!("removed")), "{}", one.all());
    assert_eq!(document["answers"][0]["because"], json!([by.trim_start_matches("removed ")]));
    // A flattened image does not know.
    let flat = on_archive("explain", &input.hardened(&[]), &["/usr/bin/apt"]);
    assert!(flat.status == 2 && line(&flat, "/usr/bin/apt").contains("not in the image"), "{}", flat.all());
}

#[test]
fn a_layer_of_more_than_8_gib_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.tar");
    for pax in [false, true] {
        large_image(&path, pax);
        let words = ["plan", "--tar", path.to_str().unwrap(), "--command", "none", "--format", "json"];
        let run = bare(&words, &[], b"");
        assert_eq!(run.status, 0, "{}", run.all());
        let report = run.json();
        let removed: Vec<&Value> = report["changes"].as_array().unwrap().iter().map(|change| &change["path"]).collect();
        assert!(removed.contains(&&json!("/etc/passwd-")), "{removed:?}");
        let explained = bare(&["explain", "--tar", path.to_str().unwrap(), "--command", "none", "/large"], &[], b"");
        assert!(explained.stdout.starts_with("/large: stays"), "{}", explained.all());
    }
}
