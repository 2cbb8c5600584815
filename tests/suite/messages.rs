//! Refusals, warnings and errors as they are printed, byte for byte: id, place, line and help. UPDATE_SNAPSHOTS=1 writes
//! them anew.

use super::cli::snapshot;
use crate::common::{Rootfs, bare};

/// The first lines of a policy that says who runs what.
const RUN: &str = "[run]\nuser = \"app:1000:1000\"\ncommand = [\"/app/server\"]\n";

/// What is printed besides the progress.
fn said(stderr: &str) -> String {
    stderr.lines().filter(|line| !line.starts_with("harden: ")).map(|line| format!("{line}\n")).collect()
}

/// What `harden plan` says about a tree with a harden.toml.
fn planned(tree: &Rootfs, config: &str, args: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("harden.toml");
    std::fs::write(&file, config).unwrap();
    let mut all = vec!["--config", file.to_str().unwrap()];
    all.extend(args);
    let run = tree.run("plan", &all);
    let said = said(&run.stderr);
    assert!(!said.is_empty(), "{config}: {}", run.all());
    said.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn refusals_and_warnings_of_rules_and_guards() {
    let tree = Rootfs::debian_like;
    let mut text = String::new();
    for (what, tree, config) in [
        ("setid", tree(), format!("{RUN}[keep]\ncommands = [\"ping\", \"su\"]\n")),
        ("entrypoints", tree().script("/usr/local/bin/docker-entrypoint.sh", "#!/bin/sh\n"), RUN.to_owned()),
        ("jobs", tree().programs(&["/usr/sbin/cron"]), format!("{RUN}[keep]\ncommands = [\"cron\"]\n")),
        ("remove-directories", tree(), format!("{RUN}[remove]\ndirectories = [\"/opt/none\"]\n")),
        (
            "root-home",
            tree().program("/root/.cargo/bin/tool").text("/root/notes", "x"),
            RUN.replace("/app/server", "/root/.cargo/bin/tool"),
        ),
        (
            "accounts",
            tree()
                .programs(&["/usr/sbin/mosquitto"])
                .line("passwd", "svc:x:105:65534::/nonexistent:/usr/sbin/nologin")
                .text("/etc/mosquitto/mosquitto.conf", "user svc\n"),
            format!("{RUN}[keep]\ncommands = [\"mosquitto\"]\n"),
        ),
        ("files", tree(), format!("{RUN}[files]\nwritable = [\"/usr/lib\"]\nread-only = [\"/srv/none\"]\n")),
        (
            "system-dirs",
            tree().dir("/usr/share/app", 0o755, 1000, 1000).account("app", 1000, "/app", "/usr/sbin/nologin"),
            RUN.to_owned(),
        ),
        (
            "scripts",
            tree().programs(&["/usr/bin/find"]).script("/app/start", "#!/bin/sh\nfind /app\n"),
            RUN.replace("server", "start"),
        ),
        ("shells", tree(), format!("{RUN}[keep]\nusers = [\"nobody\"]\nshells = [\"rot\"]\n")),
        ("user", tree(), RUN.replace("1000:1000", "0")),
        ("user", tree(), RUN.replace("app:1000:1000", "ap")),
        ("user", tree(), format!("{}[keep]\nusers = [\"www-data\"]\n", RUN.replace("app:1000:1000", "app:33"))),
        ("run", tree(), "[keep]\ncommands = [\"ls\"]\n".to_owned()),
        ("run.command", tree(), RUN.replace("/app/server", "sevrer")),
        ("keep", tree(), format!("{RUN}[keep]\ncommands = [\"wgett\"]\npaths = [\"/none\"]\nsetid = [\"/none\"]\n")),
        ("closure", tree().script("/app/run", "#!/opt/none/python\n"), RUN.replace("/app/server", "/app/run")),
        ("checks", tree(), format!("{RUN}[check]\ncommands = [\"wget -V\"]\n")),
        ("minimal", tree(), format!("mode = \"minimal\"\n{RUN}[minimal]\npackages = [\"none\"]\n")),
        ("a name that forges", tree(), format!("{RUN}[keep]\ncommands = [\"\\u001B[31mx\\u202E\"] # \u{202e}\u{1b}\n")),
    ] {
        text += &format!("# {what}\n{}\n", planned(&tree, &config, &[]));
    }
    snapshot("messages-plan.txt", &text);
}

#[test]
fn errors_of_the_configuration() {
    let mut text = String::new();
    for config in [
        "[keep]\nkep = [\"ls\"]\n",
        "[kep]\n",
        "[keep]\ncommands = [\"ls\", \"id\", \"ls\"]\n",
        "[keep]\ncommands = \"ls\"\n",
        "[keep]\ncommands = [\"ls -l\", \"$CMD\"]\nusers = [\"\"]\n",
        "[keep]\npaths = [\"etc/x\"]\n",
        "[rules]\n\"remove.crom\" = \"off\"\n",
        "profile = \"dotnett\"\n",
        "[keep\ncommands = 1\n",
        "[run]\nuser = \"app:x\"\ncommand = \"sh 'x\"\n",
        "[files]\nwritable = [\"/app\"]\nread-only = [\"/app\"]\n",
        "[[audit.exception]]\nid = \"files.setidd\"\npath = \"/x\"\nreason = \"y\"\n",
        "[keep]\n\tusers\t= [\"a/b\"]\n",
        "[keep]\nusers = [\"größe\", \"a b\"]\n",
    ] {
        text += &format!("# {config:?}\n{}\n", planned(&Rootfs::empty(), config, &[]));
    }
    snapshot("messages-config.txt", &text);
}

#[test]
fn errors_of_the_command_line_archives_audit_and_learn() {
    let tar = |bytes: &[u8]| bytes.to_vec();
    let mut text = String::new();
    for (args, environment, stdin) in [
        (&["plan", "--user", "$APP", "--keep", ""][..], &[][..], tar(b"")),
        (&["plan"], &[("HARDEN_KEPE", "ls"), ("SOURCE_DATE_EPOCH", "now")], tar(b"")),
        (&["plan", "--root", "/nowhere"], &[], tar(b"")),
        (&["plan", "--image-config", "-"], &[], tar(b"no JSON")),
        (&["plan", "--config", "/nowhere.toml"], &[], tar(b"")),
        (&["audit", "--tar", "/nowhere"], &[], tar(b"")),
        (&["audit", "--tar", "-"], &[], tar(b"no archive")),
        (&["audit", "--tar", "-"], &[], tar(&[0; 1024])),
        (&["audit", "--tar", "-"], &[], tar(b"\xfd7zXZ\0")),
        (&["audit", "--tar", "-", "--root", "/"], &[], tar(b"")),
        (&["audit", "--baseline", "/nowhere", "--root", "/"], &[], tar(b"")),
        (&["learn", "-o", "/nowhere/x", "--", "true"], &[], tar(b"")),
        (&["learn", "--timeout", "soon", "--", "true"], &[], tar(b"")),
    ] {
        let run = bare(args, environment, &stdin);
        assert!([2, 125].contains(&run.status), "{args:?}: {}", run.all());
        text += &format!("$ harden {}\n{}\n", args.join(" "), said(&run.stderr));
    }
    snapshot("messages-errors.txt", &text);
}

#[test]
fn explain_says_what_an_id_means() {
    let ids = ["guard.setid", "remove.cron", "config.unknown-key", "files.setid"];
    let run = bare(&[&["explain"], &ids[..]].concat(), &[], b"");
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    for id in ids {
        assert!(run.stdout.contains(&format!("{id}: ")), "{}", run.stdout);
    }
    snapshot("messages-explain.txt", &run.stdout);
    let json = bare(&["explain", "guard.setid", "--format", "json"], &[], b"").json();
    assert_eq!(json["ids"][0]["page"], "docs/messages.md#guardsetid");
}
