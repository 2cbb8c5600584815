//! image.start: an image that cannot start is found, and one that can is not.

use serde_json::{Value, json};

use crate::common::{Rootfs, Run};

fn with(tree: &Rootfs, config: &Value) -> Run {
    let document =
        json!({"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"diff_ids": []}}).to_string();
    tree.run_with("audit", &["--format", "json", "--image-config", "-"], &[], document.as_bytes())
}

/// What image.start says.
fn said(tree: &Rootfs, config: &Value) -> Vec<String> {
    let run = with(tree, config);
    assert!(run.status < 2, "{}", run.all());
    let report = run.json();
    let found = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "image.start");
    found
        .map(|finding| {
            assert_eq!(finding["severity"], "high", "{finding}");
            finding["detail"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn tree() -> Rootfs {
    Rootfs::distroless()
        .text("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\napp:x:1000:1000::/app:/sbin/nologin\n")
        .text("/etc/group", "root:x:0:\napp:x:1000:\nextra:x:2000:app\n")
        .file("/app/private", 0o700, 0, 0, "\x7fELF")
        .file("/app/run.sh", 0o755, 0, 0, "#!/bin/sh\n")
        .file("/app/run.py", 0o755, 0, 0, "#!/usr/bin/env python3\n")
        .file("/app/crlf", 0o755, 0, 0, "#!/app/server\r\n")
        .file("/app/noshebang", 0o755, 0, 0, "echo x\n")
        .file("/app/nox", 0o644, 0, 0, "x")
        .dir("/app/closed", 0o750, 0, 2000)
        .program("/app/closed/server")
}

#[test]
fn an_image_that_can_start_has_no_finding() {
    let tree = tree();
    for config in [
        json!({}),
        json!({"Cmd": ["/app/server"]}),
        json!({"Entrypoint": ["/app/server"], "Cmd": ["--flag", "nope"], "User": "1000:1000"}),
        json!({"Entrypoint": ["server"], "Env": ["PATH=/bin:/app"], "User": "app"}),
        json!({"Entrypoint": ["./server"], "WorkingDir": "/app", "User": "4711"}),
        // In a supplementary group, which a written group would take away.
        json!({"Cmd": ["/app/closed/server"], "User": "app"}),
        json!({"Cmd": ["/data/server"], "Volumes": {"/data": {}}}),
        json!({"Cmd": ["/app/server"], "Healthcheck": {"Test": ["CMD", "/app/server", "-t"]}}),
        json!({"Cmd": ["/app/server"], "Healthcheck": {"Test": ["NONE"]}}),
    ] {
        assert_eq!(said(&tree, &config), Vec::<String>::new(), "{config}");
    }
}

#[test]
fn an_image_that_cannot_start_is_found() {
    let tree = tree();
    for (config, why) in [
        (json!({"Cmd": ["/nope"]}), "CMD: '/nope' does not exist"),
        (json!({"Entrypoint": ["nope"]}), "ENTRYPOINT: 'nope' is not in PATH"),
        (json!({"Cmd": ["/app"]}), "CMD: '/app' is a directory"),
        (json!({"Cmd": ["/app/nox"]}), "CMD: '/app/nox' is not executable"),
        (json!({"Cmd": ["/bin/sh", "-c", "exec x"]}), "CMD: '/bin/sh' does not exist"),
        (json!({"Cmd": ["/app/run.sh"]}), "CMD: the interpreter '/bin/sh' of '/app/run.sh' does not exist"),
        (json!({"Cmd": ["/app/run.py"]}), "CMD: '/app/run.py' starts with env: 'python3' is not in PATH"),
        (json!({"Cmd": ["/app/crlf"]}), "CMD: the interpreter '/app/server\\r' of '/app/crlf' does not exist"),
        (json!({"Cmd": ["/app/noshebang"]}), "CMD: '/app/noshebang' is not a program that the kernel can start"),
        (json!({"Cmd": ["/app/private"], "User": "app"}), "CMD: '/app/private' cannot be executed by the user 'app'"),
        (
            json!({"Cmd": ["/app/closed/server"], "User": "app:app"}),
            "CMD: '/app/closed/server' cannot be reached by the user 'app:app': '/app/closed' has no x bit",
        ),
        (json!({"Cmd": ["/app/server"], "User": "nobody-here"}), "USER: the user 'nobody-here' is not in /etc/passwd"),
        (json!({"Cmd": ["/app/server"], "User": "app:none"}), "USER: the group 'none' is not in /etc/group"),
        (
            json!({"Cmd": ["/app/server"], "Healthcheck": {"Test": ["CMD-SHELL", "true"]}}),
            "HEALTHCHECK: '/bin/sh' does not exist",
        ),
        (
            json!({"Cmd": ["/app/server"], "Healthcheck": {"Test": ["CMD", "curl"]}}),
            "HEALTHCHECK: 'curl' is not in PATH",
        ),
    ] {
        let found = said(&tree, &config);
        assert!(found.iter().any(|text| text.starts_with(why)), "{config}: {found:#?}");
    }
    let tree =
        tree.program("/usr/bin/tini").program("/usr/bin/python3").program("/usr/bin/java").text("/app/main.py", "x");
    for (config, why) in [
        (json!({"Entrypoint": ["tini", "--", "/gone"]}), Some("ENTRYPOINT: '/gone' does not exist")),
        (json!({"Entrypoint": ["tini", "-g", "--"], "Cmd": ["python3", "/app/main.py"]}), None),
        (json!({"Cmd": ["python3", "/app/gone.py"]}), Some("CMD: the file '/app/gone.py' does not exist")),
        (json!({"Cmd": ["python3", "-m", "app"]}), None),
        (
            json!({"Cmd": ["java", "-Xmx1g", "-jar", "/app/gone.jar"]}),
            Some("CMD: the file '/app/gone.jar' does not exist"),
        ),
    ] {
        let found = said(&tree, &config);
        assert_eq!(found.is_empty(), why.is_none(), "{config}: {found:?}");
        assert!(why.is_none_or(|why| found.iter().any(|text| text.starts_with(why))), "{config}: {found:#?}");
    }
}

#[test]
fn a_dead_image_fails_and_one_exception_is_for_one_command() {
    let tree = tree();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("harden.toml");
    let image =
        json!({"config": {"User": "app", "Cmd": ["/nope"], "Healthcheck": {"Test": ["CMD", "/gone"]}}}).to_string();
    let run = |subject: &str| {
        let text =
            format!("[[audit.exception]]\nid = \"image.start\"\npath = \"/\"\n{subject}\nreason = \"it is mounted\"\n");
        std::fs::write(&config, text).unwrap();
        let args =
            ["--format", "json", "--config", config.to_str().unwrap(), "--image-config", "-", "--fail-on", "high"];
        tree.run_with("audit", &args, &[], image.as_bytes())
    };
    for (subject, status) in [("", 1), ("subject = \"CMD\"", 1), ("subject = \"*\"", 0)] {
        assert_eq!(run(subject).status, status, "{subject}: {}", run(subject).all());
    }
    let unnamed = run("").stdout;
    assert!(unnamed.contains("matches no finding: a finding there has subject = \\\"CMD\\\""), "{unnamed}");
}
