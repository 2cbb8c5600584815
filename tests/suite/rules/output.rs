//! What is printed where, exit statuses, and where options come from.

use std::fs;

use crate::common::{APP, Command, Rootfs, Snapshot};

#[test]
fn plan_prints_and_exits_0_with_changes_pending_and_none() {
    let tree = Rootfs::debian_like();
    let run = tree.run("plan", &APP);
    assert_eq!(run.status, 0, "{}", run.all());
    assert!(run.stdout.contains("remove /usr/bin/apt ") && run.stdout.contains(" steps to do"), "{}", run.stdout);
    let done = tree.apply(&APP);
    let run = done.root.run("plan", &APP);
    assert_eq!(run.status, 0, "{}", run.all());
    assert!(run.stdout.contains("nothing to change"), "{}", run.stdout);
}

#[test]
fn the_closing_table_names_rules_and_what_the_runtime_has_to_give() {
    let run = Rootfs::debian_like().run("apply", &APP);
    for part in [
        "remove.commands",
        "before ->",
        "the largest that go:",
        "  USER 1000\n",
        "docker run --read-only --user 1000 --cap-drop ALL --security-opt no-new-privileges",
        "writable at run time",
        "runAsNonRoot: true",
        "runAsUser: 1000",
        "runAsGroup: 1000",
        "readOnlyRootFilesystem: true",
        "drop: [\"ALL\"]",
        "allowPrivilegeEscalation: false",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

/// The whole of what is said by apply, in the order in which a build log shows it.
#[test]
fn the_closing_report_is_as_it_was_reviewed() {
    let sized = |size: usize| vec![b'x'; size];
    let tree = || {
        Rootfs::debian_like()
            .program("/app/server")
            .dir("/tmp", 0o1777, 0, 0)
            .dir("/app/it's data", 0o755, 0, 0)
            .dir("/var/lib/a:b", 0o755, 1000, 1000)
            .file("/app/it's data/first", 0o644, 0, 0, sized(2 << 20))
            .file("/usr/bin/large", 0o755, 0, 0, sized(5 << 20))
            .file("/usr/sbin/lends", 0o4755, 0, 0, sized(300_000))
            .file("/usr/share/large/data", 0o644, 0, 0, sized(1_500_000))
            .package("large", &["/.", "/usr", "/usr/bin", "/usr/bin/large", "/usr/share/large/data"])
            .file("/root/notes", 0o600, 0, 0, sized(2000))
    };
    let config = "[run]\nuser = \"app:1000\"\ncommand = [\"/app/server\"]\n[files]\nwritable = [\"/app/it's data\"]\n";
    let rights = "[keep]\ncommands = [\"lends\"]\nsetid = [\"/usr/sbin/lends\"]\n";
    let root = config.replace("[files]", "start = \"root\"\n[files]");
    for (name, config) in [("user", config), ("rights", &format!("{config}{rights}")), ("root", &root)] {
        let root = tree();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), config).unwrap();
        let shell = "\"$0\" apply --root \"$1\" --config \"$2\" 2>&1";
        let output = Command::new("sh")
            .args(["-c", shell, env!("CARGO_BIN_EXE_harden")])
            .args([root.path(), file.path()])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap().replace(file.path().to_str().unwrap(), "harden.toml");
        assert!(output.status.success(), "{text}");
        let last = text.rsplit_once("\nwarning[").unwrap_or_else(|| panic!("no warning: {text}")).1;
        assert!(!last.contains("Kubernetes:"), "warnings come last: {text}");
        crate::cli::snapshot(&format!("report-{name}.txt"), &text);
    }
}

/// A tree of many files that deserve the same warning does not push the report away.
#[test]
fn of_each_warning_the_first_ones_are_shown() {
    let tree = (0..15).fold(Rootfs::debian_like(), |tree, at| tree.file(format!("/srv/f{at}"), 0o666, 0, 0, "x"));
    let count = |run: &crate::common::Run| run.stderr.matches("every user may write '/srv/f").count();
    let run = tree.run("plan", &APP);
    assert_eq!(count(&run), 12, "{}", run.stderr);
    assert!(run.stderr.contains("warning[files.writable]: … and 3 more (-v shows all)\n"), "{}", run.stderr);
    let run = tree.run("plan", &[&APP[..], &["-v"]].concat());
    assert_eq!(count(&run), 15, "{}", run.stderr);
    let run = tree.run("plan", &[&APP[..], &["--format", "json"]].concat());
    assert_eq!(run.json()["warnings"].as_array().unwrap().len(), 15);
}

#[test]
fn a_server_that_drops_gets_run_and_its_packages_directories_to_write() {
    let tree = Rootfs::debian_like()
        .program("/usr/sbin/served")
        .dir("/run/served", 0o755, 0, 0)
        .dir("/run/lock", 0o1777, 0, 0)
        .dir("/var/lib/served", 0o755, 0, 0)
        .dir("/var/lib/other", 0o755, 0, 0)
        .dir("/var/log/served", 0o755, 0, 0)
        .package("served", &["/.", "/usr/sbin/served", "/var", "/var/lib", "/var/lib/served", "/var/log/served"])
        .package("other", &["/.", "/var", "/var/lib", "/var/lib/other"]);
    let args = ["--user", "app:1000", "--command", "served", "--format", "json"];
    let writable = |start: &str| {
        let config = tempfile::NamedTempFile::new().unwrap();
        fs::write(config.path(), format!("[run]\nstart = '{start}'\n")).unwrap();
        let args = [&args[..], &["--config", config.path().to_str().unwrap()]].concat();
        let run = tree.run("plan", &args);
        assert_eq!(run.status, 0, "{}", run.all());
        run.json()["runtime"]["writable"].clone()
    };
    assert_eq!(
        writable("root"),
        serde_json::json!(["/run", "/run/served", "/tmp", "/var/lib/served", "/var/log/served", "/var/tmp"])
    );
    assert_eq!(writable("user"), serde_json::json!(["/tmp", "/var/tmp"]));
}

#[test]
fn a_volume_over_content_is_named_as_such() {
    let tree = Rootfs::debian_like()
        .dir("/data", 0o755, 1000, 1000)
        .file("/data/seed", 0o644, 1000, 1000, "x")
        .dir("/none", 0o755, 1000, 1000);
    let run = tree.run("plan", &APP);
    for part in [
        "- { name: writable-0, persistentVolumeClaim: { claimName: writable-0 } }  # with the files that the image has there\n",
        "- { name: writable-1, emptyDir: {} }\n",
        // The claim's directory has to be the user's.
        "fsGroup: 1000\n",
        "-v /data ",
    ] {
        assert!(run.all().contains(part), "{part}: {}", run.all());
    }
}

#[test]
fn a_report_file_is_json_whatever_is_printed() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("report.json");
    let tree = Rootfs::debian_like();
    let args = [&APP[..], &["--report", path.to_str().unwrap()]].concat();
    assert_eq!(tree.run("plan", &[&args[..], &["--format", "json"]].concat()).status, 0);
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let run = tree.run("apply", &[&args[..], &["-q"]].concat());
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "quiet");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["schema"], "harden-report-1");
    assert_eq!(
        (&report["command"], &report["state"], &report["exit"]),
        (&"apply".into(), &"applied".into(), &0.into())
    );
    assert_eq!((&plan["state"], &plan["changes"]), (&"planned".into(), &report["changes"]));
    for change in report["changes"].as_array().unwrap() {
        for key in ["rule", "action", "path", "before", "after", "reason"] {
            assert!(change[key].is_string(), "{key}: {change}");
        }
    }
}

#[test]
fn a_refusal_is_in_the_report_too_and_quiet_still_says_it() {
    let tree = Rootfs::debian_like();
    let run = tree.run("apply", &["--user", "app:1000", "--format", "json", "-q"]);
    assert_eq!(run.status, 2);
    assert_eq!(run.json()["state"], "refused");
    assert!(run.json()["refusals"][0]["text"].as_str().unwrap().contains("no command is configured"));
    assert!(run.stderr.contains("refused[guard.run]: no command is configured"), "{}", run.stderr);
}

#[test]
fn a_log_gets_no_escape_sequence() {
    for environment in [&[][..], &[("NO_COLOR", "1")], &[("CLICOLOR_FORCE", "1")]] {
        let run = Rootfs::debian_like().run_with("apply", &["--user", "app:1000"], environment, b"");
        assert!(!run.stderr.contains('\x1b') && !run.stdout.contains('\x1b'), "{}", run.all());
    }
}

#[test]
fn colour_is_for_terminals_without_no_color() {
    let tree = Rootfs::debian_like();
    let command = format!("{} apply --root {} --user app:1000", env!("CARGO_BIN_EXE_harden"), tree.path().display());
    for (no_color, coloured) in [("", true), ("1", false)] {
        let output = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("NO_COLOR", no_color)
            .stdin(std::process::Stdio::null())
            .output()
            .expect("this test needs script (Debian package bsdutils)");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.contains('\x1b'), coloured, "NO_COLOR={no_color:?}: {said}");
    }
}

#[test]
fn every_option_comes_from_the_environment_and_a_flag_wins() {
    let tree = Rootfs::debian_like();
    let environment = [
        ("HARDEN_USER", "other:2000"),
        ("HARDEN_COMMAND", "/app/server"),
        ("HARDEN_KEEP", "ls\nsh"),
        ("HARDEN_FORMAT", "json"),
    ];
    let run = tree.run_with("apply", &["--user", "app:1000", "--keep", "awk"], &environment, b"");
    assert_eq!(run.status, 0, "{}", run.all());
    assert_eq!(run.json()["runtime"]["run_as_user"], 1000);
    assert_eq!(Snapshot::of(tree.path()).names("/usr/bin"), ["awk", "dash", "ls", "mawk", "sh"]);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_image() {
    let tree = Rootfs::debian_like();
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(config.path(), "[run]\nuser = 'file:3000'\n[keep]\ncommands = ['ls']\n").unwrap();
    let image = br#"[{"Config":{"User":"image:4000","Entrypoint":["/app/server"],"Cmd":["wget"]}}]"#;
    let args = ["--config", config.path().to_str().unwrap(), "--image-config", "-", "--format", "json"];
    let run = tree.run_with("plan", &args, &[], image);
    assert_eq!(run.json()["runtime"]["run_as_user"], 3000, "{}", run.all());
    let run = tree.run_with("plan", &args, &[("HARDEN_USER", "env:5000")], image);
    assert_eq!(run.json()["runtime"]["run_as_user"], 5000, "{}", run.all());
    let kept = run.json()["kept"].to_string();
    assert!(kept.contains("\"/usr/bin/wget\"") && kept.contains("\"/usr/bin/ls\""), "{kept}");
}

/// An empty variable, or a name that is no text, must not become `/`.
#[test]
fn an_environment_that_means_nothing_is_refused() {
    for (name, value) in [
        ("HARDEN_ROOT", ""),
        ("HARDEN_ROOT", "$ROOT"),
        ("HARDEN_USER", ""),
        ("HARDEN_KEEP", "$X"),
        ("HARDEN_FORMAT", "yaml"),
        ("HARDEN_QUIET", "maybe"),
        ("HARDEN_COMMANDS", "/app/server"),
    ] {
        let run = crate::common::bare(&["plan", "--command", "none"], &[(name, value)], b"");
        assert_eq!(run.status, 2, "{name}={value}: {}", run.all());
        assert!(run.stderr.contains(name) && run.stderr.contains("help: "), "{name}={value}: {}", run.all());
        assert!(!run.stderr.contains("examining"), "{name}={value}: {}", run.all());
    }
}

/// A root that cannot be read as text must not become `/`.
#[test]
fn a_root_that_means_nothing_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    for root in [&b""[..], b" ", b"/tmp/\xff", b"$ROOT"] {
        let output = Command::new(env!("CARGO_BIN_EXE_harden"))
            .arg("plan")
            .arg("--root")
            .arg(std::ffi::OsStr::from_bytes(root))
            .args(APP)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{root:?}: {said}");
        assert!(said.contains("error[") || said.contains("error: a value is required"), "{said}");
        assert!(!said.contains("examining"), "{root:?}: {said}");
    }
}
