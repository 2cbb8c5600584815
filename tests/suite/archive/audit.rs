//! `harden audit --tar` gives the verdict of `--root` on what the archive was written from.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;

use super::images::saved;
use super::writer::Tar;
use crate::common::dirty::token;
use crate::common::{Command, Rootfs, Run, bare, install_binary};

fn dirty() -> Rootfs {
    let tree = Rootfs::empty()
        .text("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .text("/etc/debian_version", "12.1\n")
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nother::0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        .text("/etc/group", "root:x:0:other\nshadow:x:42:\n")
        .file("/etc/shadow", 0o644, 0, 42, "root::1::::::\nother:$1$a$b:1::::::\n")
        .file("/usr/bin/su", 0o6755, 0, 0, "su")
        .file("/usr/bin/ping", 0o755, 0, 0, "ping")
        .capability("/usr/bin/ping")
        .file("/etc/cron.d/job", 0o666, 7, 7, "* * * * * root x\n")
        .file(
            "/opt/app/id_rsa",
            0o644,
            0,
            0,
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n",
        )
        .device("/opt/null", 1, 3)
        .fifo("/srv/fifo")
        .socket("/srv/socket")
        .link("/srv/broken", "nowhere")
        .dir("/tmp", 0o777, 0, 0)
        .dir("/home/user", 0o777, 1001, 1001)
        .file("/home/user/.netrc", 0o666, 1001, 1001, "machine x login y password z\n");
    // A socket is nothing that tar can hold: both sides are judged without it.
    std::fs::remove_file(tree.at("/srv/socket")).unwrap();
    tree.stamp();
    tree
}

fn packed(tree: &Rootfs, options: &[&str]) -> Vec<u8> {
    let mut command = Command::new("tar");
    command.args(["-C"]).arg(tree.path()).args(["--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner"]);
    let output = command.args(options).args(["-c", "."]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn report(run: &Run) -> Value {
    assert!(matches!(run.status, 0 | 1), "{}", run.all());
    run.json()
}

#[test]
fn the_verdict_is_that_of_the_directory() {
    let tree = dirty();
    let policy = ["--user", "nobody", "--command", "/usr/bin/ping"];
    for more in [&[][..], &policy] {
        let json = [&["--format", "json"][..], more].concat();
        let expected = report(&tree.run("audit", &json));
        assert!(expected["findings"].as_array().unwrap().len() > 15, "{expected}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tree.tar");
        for bytes in [packed(&tree, &[]), packed(&tree, &["--gzip"])] {
            std::fs::write(&file, &bytes).unwrap();
            let name = file.to_str().unwrap();
            let found = report(&bare(&[&["audit", "--tar", name][..], &json].concat(), &[], b""));
            assert_eq!(found, expected);
            let found = report(&bare(&[&["audit", "--tar", "-"][..], &json].concat(), &[], &bytes));
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn somebody_who_is_not_root_reads_the_owners_from_the_headers() {
    let tree = dirty();
    let expected = report(&tree.run("audit", &["--format", "json"]));
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("harden");
    install_binary(&program);
    std::fs::write(directory.path().join("tree.tar"), packed(&tree, &[])).unwrap();
    let tar = std::fs::File::open(directory.path().join("tree.tar")).unwrap();
    let output = Command::new(program)
        .args(["audit", "--format", "json", "--tar", "-"])
        .env_clear()
        .uid(65534)
        .gid(65534)
        .stdin(Stdio::from(tar))
        .output()
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), expected);
}

#[test]
fn an_image_brings_its_configuration() {
    let layer = Tar::default().file("etc/passwd", "root:x:0:0::/:/bin/false\n").end();
    let image = |config: Value| {
        let document = serde_json::json!({"config": config, "rootfs": {"diff_ids": ["sha256:0"]},
            "history": [{"created_by": format!("RUN /bin/sh -c echo {} > /x", token("ghp_"))}]});
        saved(std::slice::from_ref(&layer), &document.to_string())
    };
    let run = |bytes: &[u8]| bare(&["audit", "--tar", "-", "--format", "json"], &[], bytes);
    let secret = "9aFk2lQ7xZp0RtY8uW3e";
    let bad = run(&image(serde_json::json!({"User": "", "Env": ["PATH=/bin", format!("DB_PASSWORD={secret}")]})));
    let good = run(&image(
        serde_json::json!({"User": "1000:1000", "Healthcheck": {"Test": ["CMD", "/bin/x"]}, "Cmd": ["/bin/x"]}),
    ));
    let checks = |run: &Run| -> Vec<String> {
        let document = report(run);
        let findings = document["findings"].as_array().unwrap().iter();
        findings.map(|finding| format!("{} {}", finding["check"].as_str().unwrap(), finding["detail"])).collect()
    };
    let (bad_checks, good_checks) = (checks(&bad), checks(&good));
    for wanted in ["image.user", "image.healthcheck", "image.secret"] {
        let has = |list: &[String]| list.iter().any(|line| line.starts_with(wanted));
        assert!(has(&bad_checks), "{wanted}: {bad_checks:#?}");
        if wanted != "image.secret" {
            assert!(!has(&good_checks), "{wanted}: {good_checks:#?}");
        }
    }
    assert!(!bad.stdout.contains(secret) && !bad.stdout.contains(&token("ghp_")), "{}", bad.stdout);
}

#[test]
fn what_is_not_read_completely_is_no_verdict() {
    let whole = packed(&dirty(), &[]);
    let zipped = packed(&dirty(), &["--gzip"]);
    for bytes in [&whole[..whole.len() / 2], &whole[..5120], &zipped[..zipped.len() - 1], b"", b"no archive"] {
        let run = bare(&["audit", "--tar", "-", "--fail-on", "high"], &[], bytes);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.all());
        assert!(
            run.stderr.contains("]: cannot audit standard input: ") && run.stderr.contains("\nerror[archive."),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("nothing was audited"), "{}", run.stderr);
    }
    let run = bare(&["audit", "--tar", "-", "--root", "/"], &[], &whole);
    assert!(run.status == 2 && run.stderr.contains("--tar and --root both name what is read"), "{}", run.all());
    let nowhere = [("TMPDIR", "/nowhere")];
    assert!(bare(&["audit", "--tar", "-"], &nowhere, &whole).status < 2, "another directory is taken");
}
