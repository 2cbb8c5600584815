//! Learning in real containers, with the engine's own seccomp profile and capabilities.

use std::fs;
use std::process::Output;
use std::time::Duration;

use crate::docker::{binary, both, docker, docker_ok, unique};

/// A container that runs learn and writes to a directory of the machine.
fn learn(image: &str, options: &[&str], more: &[&str], command: &[&str]) -> (Output, Option<String>) {
    let out = tempfile::tempdir().expect("a directory");
    let harden = format!("{}:/harden:ro", binary().display());
    let mount = format!("{}:/out", out.path().display());
    let mut args = vec!["run", "--rm", "-v", &harden, "-v", &mount];
    args.extend(options);
    args.extend([image, "/harden", "learn", "-o", "/out/learned.toml"]);
    args.extend(more);
    args.push("--");
    args.extend(command);
    let output = docker(&args);
    (output, fs::read_to_string(out.path().join("learned.toml")).ok())
}

#[test]
fn a_container_learns_with_the_rights_that_it_has_anyway() {
    let command = ["/bin/sh", "-c", "cat /etc/debian_version; exit 7"];
    let unprivileged = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
    for options in [&[][..], &unprivileged[..]] {
        let (output, learned) = learn("harden-test/debian:12", options, &[], &command);
        assert_eq!(output.status.code(), Some(7), "{}", both(&output));
        let learned = learned.expect("a file");
        assert!(learned.contains("{ name = \"/usr/bin/cat\", reason = \"run by /usr/bin/dash\" }"), "{learned}");
        assert!(learned.contains("\"/etc/debian_version\""), "{learned}");
    }
}

#[test]
fn applets_are_learned_by_their_names() {
    let (output, learned) = learn("harden-test/alpine:3.20", &[], &[], &["sh", "-c", "cat /etc/issue"]);
    assert!(output.status.success(), "{}", both(&output));
    let learned = learned.expect("a file");
    assert!(learned.contains("\"/bin/cat\"") && learned.contains("\"/bin/sh\""), "{learned}");
    assert!(!learned.contains("\"/bin/busybox\","), "{learned}");
}

#[test]
fn where_ptrace_is_refused_the_message_says_what_to_allow() {
    let directory = tempfile::tempdir().expect("a directory");
    let profile = directory.path().join("profile.json");
    let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ERRNO"}]}"#;
    fs::write(&profile, text).expect("a profile");
    let option = format!("seccomp={}", profile.display());
    let (output, learned) = learn("harden-test/debian:12", &["--security-opt", &option], &[], &["/bin/true"]);
    assert_eq!(output.status.code(), Some(125), "{}", both(&output));
    assert!(both(&output).contains("--cap-add SYS_PTRACE"), "{}", both(&output));
    assert_eq!(learned, None);
}

/// A server that starts as root, with workers of another user, is stopped as an engine stops it.
#[test]
fn a_server_is_stopped_and_the_file_is_there() {
    let out = tempfile::tempdir().expect("a directory");
    let name = unique("learn");
    let harden = format!("{}:/harden:ro", binary().display());
    let mount = format!("{}:/out", out.path().display());
    docker_ok(&[
        "run",
        "-d",
        "--name",
        &name,
        "-v",
        &harden,
        "-v",
        &mount,
        "harden-test/debian:12-nginx",
        "/harden",
        "learn",
        "-o",
        "/out/learned.toml",
        "--",
        "nginx",
        "-g",
        "daemon off;",
    ]);
    let get = "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3";
    let answer = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(200));
        let output = docker(&["exec", &name, "bash", "-c", get]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text).filter(|text| text.starts_with("HTTP/"))
    });
    docker_ok(&["stop", &name]);
    let status = docker_ok(&["inspect", "-f", "{{.State.ExitCode}}", &name]);
    let log = both(&docker(&["logs", &name]));
    docker_ok(&["rm", "-f", &name]);
    assert!(answer.is_some_and(|line| line.contains("200")), "no answer: {log}");
    assert_eq!(status, "0", "{log}");
    let learned = fs::read_to_string(out.path().join("learned.toml")).expect("a file");
    for path in ["/usr/sbin/nginx", "/etc/nginx/nginx.conf"] {
        assert!(learned.contains(&format!("\"{path}\"")), "{path} is missing:\n{learned}");
    }
    // What the package's own start left; the program makes its own.
    assert!(!learned.contains("\"/var/log/nginx/error.log\""), "{learned}");
    // What only a worker opened, after it had dropped its user.
    assert!(learned.contains("/var/www/html") || learned.contains("/usr/share/nginx"), "{learned}");
}
