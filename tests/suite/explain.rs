//! `harden explain`: the chain back to the policy, the rule that removes, and the line that keeps; nothing is changed.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use crate::common::{APP, Rootfs, Run, Snapshot, bare};
use serde_json::Value;

const CONFIG: &str = r#"[run]
user = "app:1000:1000"
command = ["/app/entrypoint.sh", "ls"]

[keep]
commands = [{ name = "mount", setid = false }]
paths = ["/etc/cron.d/e2scrub_all"]

[files]
read-only = ["/app"]
writable = ["/app/data"]

[rules]
"remove.fstab" = "off"
"#;

/// A Debian whose entrypoint is a script.
fn debian() -> Rootfs {
    Rootfs::debian_like()
        .script("/app/entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n")
        .library("/usr/lib/libspare.so.1", &[])
}

/// Explain by the text of a harden.toml; the tree is the same afterwards.
fn explain(root: &Rootfs, config: &str, args: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("harden.toml");
    std::fs::write(&file, config).unwrap();
    let before = Snapshot::of(root.path());
    let args: Vec<&str> = ["--config", file.to_str().unwrap()].into_iter().chain(args.iter().copied()).collect();
    let run = root.run("explain", &args);
    before.assert_untouched(&Snapshot::of(root.path()), "explain changes nothing");
    let shown = run.stdout.replace(file.to_str().unwrap(), "harden.toml");
    Run { stdout: shown, ..run }
}

/// The lines that belong to one path.
#[track_caller]
fn about(run: &Run, path: &str) -> String {
    let mut lines = run
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with(&format!("{path}: ")) && !line.starts_with(&format!("{path} (")));
    let head = lines.next().unwrap_or_else(|| panic!("nothing about {path}: {}", run.all()));
    let more = lines.take_while(|line| line.starts_with("  "));
    std::iter::once(head).chain(more).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_chain_goes_back_to_the_policy_through_links_and_scripts() {
    let run = explain(&debian(), CONFIG, &["/bin/sh"]);
    assert_eq!(run.status, 0, "{}", run.all());
    let chain = "interpreter of /app/entrypoint.sh, word '/app/entrypoint.sh' of the command in harden.toml:3:11";
    assert_eq!(
        run.stdout,
        format!(
            "/usr/bin/sh (asked as /bin/sh): kept: {chain}\n  it is a link to 'dash'\n\
             /usr/bin/dash: kept: target of /usr/bin/sh, {chain}\n"
        )
    );
    let run = explain(&debian(), CONFIG, &["-v", "/lib/x86_64-linux-gnu/libc.so.6", "mount"]);
    let libc = about(&run, "/usr/lib/x86_64-linux-gnu/libc.so.6");
    assert!(
        libc.contains("kept: library libc.so.6 of /usr/bin/ls, word 'ls' of the command in harden.toml:3:11"),
        "{libc}"
    );
    for other in ["mount", "dash"] {
        assert!(libc.contains(&format!("\n  also: library libc.so.6 of /usr/bin/{other}")), "{libc}");
    }
    assert!(about(&run, "/usr/bin/mount").contains("(asked as mount): kept: command in harden.toml:6:"));
}

#[test]
fn what_goes_says_its_rule_and_what_keeps_it() {
    let run =
        explain(&debian(), CONFIG, &["wget", "/usr/bin/awk", "/etc/apt", "/usr/lib/systemd/system/apt-daily.timer"]);
    assert_eq!(run.status, 0, "{}", run.all());
    assert_eq!(
        about(&run, "/usr/bin/wget"),
        "/usr/bin/wget (asked as wget): removed by remove.commands: no kept command needs it\n  \
         to keep it: [keep] commands = [\"wget\"], or --keep wget"
    );
    assert!(about(&run, "/usr/bin/awk").contains("it is a link to '/etc/alternatives/awk'"));
    assert!(about(&run, "/etc/alternatives/awk").contains("removed by remove.links: "));
    assert!(about(&run, "/usr/bin/mawk").contains("[keep] commands = [\"mawk\"], or --keep mawk"));
    let directory = about(&run, "/etc/apt");
    assert!(directory.contains("removed by remove.package-manager: "), "{directory}");
    assert!(directory.contains("below it: 0 entries stay, 0 change, 2 are removed"), "{directory}");
    assert!(about(&run, "/usr/lib/systemd/system/apt-daily.timer").contains(": removed by remove.cron: "));
}

#[test]
fn every_change_is_shown_with_its_states() {
    let run = explain(
        &debian(),
        CONFIG,
        &["/usr/bin/mount", "/etc/passwd", "/app/data", "/app/entrypoint.sh", "/etc/ssl/private"],
    );
    let mount = about(&run, "/usr/bin/mount");
    assert!(mount.contains("\n  files.setid: mode 0o4755 -> 0o755: "), "{mount}");
    assert!(mount.contains("to avoid files.setid: [keep] setid = [\"/usr/bin/mount\"]"), "{mount}");
    let passwd = about(&run, "/etc/passwd");
    assert!(
        passwd.starts_with("/etc/passwd: stays: no rule removes it: many programs open this file by path"),
        "{passwd}"
    );
    assert!(
        passwd.contains("accounts.prune: line games:x:5:60:games:/usr/games:/usr/sbin/nologin -> gone: "),
        "{passwd}"
    );
    assert!(
        passwd.contains("accounts.prune: [keep] users = [\"daemon\", \"games\", \"nobody\", \"sync\", \"www-data\"]"),
        "{passwd}"
    );
    assert!(about(&run, "/app/data").contains(": made by files.app: directory 1000:1000 0o700: "));
    let script = about(&run, "/app/entrypoint.sh");
    assert!(script.contains(": kept: word '/app/entrypoint.sh' of the command"), "{script}");
    assert!(script.contains("\n  files.app: mode 0o755 -> 0o555: "), "{script}");
    let private = about(&run, "/etc/ssl/private");
    assert!(private.contains("files.ownerless: owner 0:101 -> 0:0"), "{private}");
    assert!(private.contains("to avoid files.ownerless: [keep] groups = [\"ssl-cert\"]"), "{private}");
}

#[test]
fn what_nothing_needs_and_no_rule_removes_says_why() {
    let root = debian().text("/usr/share/misc/data", "x").text("/app/lib/tool", "x").dir("/proc/1", 0o755, 0, 0);
    for (path, why) in [
        ("/usr/lib/libspare.so.1", "stays: no rule removes libraries"),
        ("/usr/share/misc/data", "stays: no rule applies to it"),
        ("/app/lib/tool", "stays: it is the application: below '/app', [files] read-only in harden.toml:10:14"),
        ("/etc/cron.d/e2scrub_all", "kept: path in harden.toml:7:10"),
        (
            "/usr/lib/os-release",
            "stays: no rule removes it: scanners and the C library identify the distribution by it",
        ),
        ("/var/lib/dpkg/status", "stays: no rule removes it: scanners find the installed packages in it"),
        ("/etc/fstab", "stays: remove.fstab would remove it and is switched off"),
        ("/proc/1", "stays: no rule examines /dev, /proc and /sys"),
        ("/usr", "stays: it holds '/usr/bin', which stays"),
        ("/", "stays: it is the root directory"),
        ("/run", "stays: top-level directories"),
    ] {
        let run = explain(&root, CONFIG, &[path]);
        assert_eq!(run.status, 0, "{path}: {}", run.all());
        assert!(about(&run, path).contains(why), "{path}: {}", run.stdout);
    }
}

#[test]
fn a_path_that_is_not_there_is_2_with_the_nearest_and_the_rest_is_answered() {
    let run = explain(
        &debian(),
        CONFIG,
        &["/usr/bin/wgte", "/lib/libc.so.6", "sl", "/user/bin/dash", "wget", "", "/nothing/like/it"],
    );
    assert_eq!(run.status, 2, "{}", run.all());
    for (path, meant) in [
        ("/usr/bin/wgte", "did you mean '/usr/bin/wget'?"),
        ("/lib/libc.so.6", "did you mean '/usr/lib/x86_64-linux-gnu/libc.so.6'?"),
        ("sl", "did you mean '/usr/bin/ls'?"),
        ("/user/bin/dash", "did you mean '/usr/bin/dash'?"),
    ] {
        assert_eq!(about(&run, path), format!("{path}: not in the image\n  {meant}"));
    }
    assert_eq!(about(&run, "/nothing/like/it"), "/nothing/like/it: not in the image");
    assert!(about(&run, "/usr/bin/wget").contains("removed by remove.commands"));
}

#[test]
fn applets_and_hard_links_are_told_apart() {
    let root = Rootfs::alpine_like().hardlink("/usr/bin/other", "/bin/busybox");
    let args = ["--user", "app:1000", "--command", "sh", "/bin/wget", "/bin/busybox"];
    let run = explain(&root, "", &args);
    assert_eq!(run.status, 0, "{}", run.all());
    let wget = about(&run, "/bin/wget");
    assert!(wget.contains("removed by remove.commands: no kept command needs this name of '/bin/busybox'"), "{wget}");
    assert!(wget.contains("to keep it: [keep] commands = [\"wget\"], or --keep wget"), "{wget}");
    assert!(wget.contains("the kept multi-call binary '/bin/busybox' still runs an applet of that name"), "{wget}");
    let busybox = about(&run, "/bin/busybox");
    assert!(busybox.contains(": kept: target of /bin/sh, word 'sh' of the command in --command"), "{busybox}");
    assert!(busybox.contains("same file as /usr/bin/other: removed"), "{busybox}");
}

#[test]
fn a_refused_plan_is_explained_and_a_policy_without_a_command_is_not() {
    let root = debian().script("/usr/bin/docker-entrypoint.sh", "#!/bin/sh\n");
    let run = explain(&root, "", &["--user", "nobody", "--command", "ls", "docker-entrypoint.sh", "/usr/bin/ls"]);
    assert_eq!(run.status, 0, "{}", run.all());
    let script = about(&run, "/usr/bin/docker-entrypoint.sh");
    assert!(script.contains("\n  the plan is refused: '/usr/bin/docker-entrypoint.sh' would be removed, "), "{script}");
    assert!(script.contains("\n    help: write [keep] commands = "), "{script}");
    assert!(!about(&run, "/usr/bin/ls").contains("refused"));
    assert!(run.stderr.contains("the plan is refused"), "{}", run.stderr);
    let run = explain(&root, "", &["/usr/bin/ls"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.all());
    assert!(run.stderr.contains("no command is configured"), "{}", run.stderr);
    let run = bare(&["explain"], &[], b"");
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("PATH"), "{}", run.stderr);
}

#[test]
fn relative_paths_lie_in_the_working_directory() {
    let config = CONFIG.replace("[keep]", "workdir = \"/app\"\n[keep]");
    let run = explain(&debian(), &config, &["entrypoint.sh", "./server", "../etc/hosts"]);
    assert_eq!(run.status, 2, "{}", run.all());
    assert!(about(&run, "/app/entrypoint.sh").contains("(asked as entrypoint.sh): kept: "));
    assert!(about(&run, "/app/server").contains("it is the application"));
    assert!(about(&run, "../etc/hosts").contains("not in the image"));
}

/// Write what is advised, and the rule does as it is told: for every entry that a plan removes or changes.
#[test]
fn what_is_advised_works() {
    for (root, config) in [
        (
            debian()
                .program("/usr/bin/[")
                .program("/usr/local/bin/ls")
                .program("/usr/bin/with space")
                .program("/usr/bin/$x")
                .program("/usr/bin/a*b")
                .file("/usr/share/games", 0o664, 5, 60, "x")
                .file("/usr/share/stray", 0o646, 4711, 4712, "x")
                .text("/root/a \"b\" \u{202e}c", "x")
                .fifo("/var/fifo"),
            CONFIG,
        ),
        (Rootfs::alpine_like(), "[run]\nuser = \"app:1000\"\ncommand = [\"sh\"]\n"),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        let config_path = file.path().to_str().unwrap().to_owned();
        let changes = |args: &[&str]| -> (i32, BTreeSet<(String, String, String, String)>) {
            let all: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
            let run = root.run("plan", &all);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let list = run.json()["changes"].as_array().unwrap().clone();
            (
                run.status,
                list.iter()
                    .map(|c| (text(&c["rule"]), text(&c["action"]), text(&c["path"]), text(&c["after"])))
                    .collect(),
            )
        };
        let (status, before) = changes(&["--config", &config_path]);
        assert_eq!(status, 0);
        let paths: BTreeSet<String> = before.iter().map(|change| change.2.clone()).collect();
        assert!(paths.len() > 20, "{paths:?}");
        let mut args = vec!["--config", &config_path, "--format", "json"];
        args.extend(paths.iter().map(String::as_str));
        let answers = root.run("explain", &args).json()["answers"].as_array().unwrap().clone();
        let mut tried = BTreeSet::new();
        for answer in answers.iter().filter(|answer| answer["relation"] == "entry") {
            let path = answer["path"].as_str().unwrap();
            let rules: BTreeSet<&str> =
                answer["changes"].as_array().unwrap().iter().map(|change| change["rule"].as_str().unwrap()).collect();
            assert!(!rules.is_empty(), "{path} is changed: {answer}");
            for rule in &rules {
                let advice: Vec<&Value> =
                    answer["advice"].as_array().unwrap().iter().filter(|advice| advice["rule"] == *rule).collect();
                assert!(!advice.is_empty(), "{path}: nothing is said against {rule}: {answer}");
                tried.insert((*rule).to_owned());
                // What one rule changes may need two lines: the account and the group of a file.
                let written = advice.iter().fold(config.to_owned(), |config, advice| {
                    let (section, line) = advice["toml"].as_str().unwrap().split_once("] ").unwrap();
                    merged(&config, section, line)
                });
                let mut changed = tempfile::NamedTempFile::new().unwrap();
                changed.write_all(written.as_bytes()).unwrap();
                let mut forms = vec![vec!["--config", changed.path().to_str().unwrap()]];
                if let Some((name, value)) = advice[0]["flag"].as_str().and_then(|flag| flag.split_once(' ')) {
                    forms.push(vec![name, value, "--config", &config_path]);
                }
                for form in forms {
                    let (_, after) = changes(&form);
                    // Other lines of an account file change all the same; none goes.
                    let is = |c: &&(String, String, String, String)| {
                        c.0 == **rule && c.2 == path && (c.1 != "line" || c.3 == "gone")
                    };
                    let still = after.iter().find(is);
                    assert_eq!(still, None, "{path}: {rule} changes it with {form:?}: {advice:?}");
                }
            }
        }
        assert!(tried.len() > 5, "{tried:?}");
    }
}

/// A configuration with one more line, its values added to the list that is there already.
fn merged(config: &str, section: &str, line: &str) -> String {
    let header = format!("{section}]\n");
    let (key, value) = line.split_once(" = ").unwrap();
    let start = format!("\n{key} = [");
    match (value.strip_prefix('['), config.contains(&header)) {
        (Some(values), true) if config.contains(&start) => {
            config.replace(&start, &format!("{start}{}, ", values.strip_suffix(']').unwrap()))
        }
        (_, true) => config.replace(&header, &format!("{header}{line}\n")),
        (_, false) => format!("{config}\n{header}{line}\n"),
    }
}

const SCHEMA: &str = include_str!("../../docs/explain.schema.json");

/// Everything that is there is described, and everything required is there; of arrays every element.
fn assert_fits(value: &Value, schema: &Value, place: &str) {
    let whole: Value = serde_json::from_str(SCHEMA).unwrap();
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(name) => &whole["$defs"][name.strip_prefix("#/$defs/").unwrap()],
        None => schema,
    };
    if let Some(items) = schema.get("items") {
        for (at, element) in value.as_array().unwrap().iter().enumerate() {
            assert_fits(element, items, &format!("{place}[{at}]"));
        }
    }
    if let Some(allowed) = schema.get("enum") {
        assert!(allowed.as_array().unwrap().contains(value), "{place}: {value} is none of {allowed}");
    }
    if let Some(wanted) = schema.get("const") {
        assert_eq!(value, wanted, "{place}");
    }
    let Some(properties) = schema.get("properties") else {
        let fits = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64(),
            Some("array") => value.is_array(),
            _ => schema.get("enum").or(schema.get("const")).is_some(),
        };
        assert!(fits, "{place}: {value} is not of the type of {schema}");
        return;
    };
    for (name, part) in value.as_object().unwrap() {
        assert_fits(
            part,
            properties.get(name).unwrap_or_else(|| panic!("{place}.{name} is not in the schema")),
            &format!("{place}.{name}"),
        );
    }
    for required in schema["required"].as_array().unwrap() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place}: {required} is missing");
    }
}

#[test]
fn the_json_answers_fit_their_schema() {
    let root = debian().script("/usr/bin/docker-entrypoint.sh", "#!/bin/sh\n").hardlink("/usr/bin/ls2", "/usr/bin/ls");
    let report = tempfile::NamedTempFile::new().unwrap();
    let run = root.run(
        "explain",
        &[
            &APP[..],
            &["--keep", "mount", "--keep", "ls", "--format", "json", "--report", report.path().to_str().unwrap()],
            &["/bin/sh", "/usr/bin/mount", "/etc/passwd", "ls", "docker-entrypoint.sh", "/usr/lib", "/nothing"],
        ]
        .concat(),
    );
    assert_eq!(run.status, 2, "{}", run.all());
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let answers = run.json();
    assert_fits(&answers, &schema, "answers");
    assert_eq!(answers["schema"], schema["title"]);
    assert_eq!(answers["exit"], 2);
    let fates: BTreeSet<&str> =
        answers["answers"].as_array().unwrap().iter().map(|a| a["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, BTreeSet::from(["kept", "removed", "stays", "unknown"]));
    assert_eq!(std::fs::read_to_string(report.path()).unwrap(), run.stdout, "--report is the same document");
}

#[test]
fn hostile_names_forge_nothing() {
    let root = debian();
    let hostile: &[&[u8]] =
        &[b"/usr/bin/x\x1b[2K\nforged: kept", "/usr/bin/\u{202e}gw".as_bytes(), b"/usr/bin/\xff\xfe"];
    let root = hostile.iter().fold(root, |root, path| {
        root.script(std::ffi::OsStr::from_bytes(path), "#!/bin/sh\n")
            .link(std::ffi::OsStr::from_bytes(&[path, &b".l"[..]].concat()), std::ffi::OsStr::from_bytes(path))
    });
    for path in hostile {
        for format in ["text", "json"] {
            let link = [path, &b".l"[..]].concat();
            let mut args: Vec<&std::ffi::OsStr> = APP.iter().map(std::ffi::OsStr::new).collect();
            args.extend(["--format", format].map(std::ffi::OsStr::new));
            args.extend([
                std::ffi::OsStr::from_bytes(path),
                std::ffi::OsStr::from_bytes(&link),
                std::ffi::OsStr::from_bytes(b"/no\x1b[31m"),
            ]);
            let run = root.run("explain", &args);
            assert_eq!(run.status, 2, "{}", run.all());
            for text in [&run.stdout, &run.stderr] {
                assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
                assert!(!text.lines().any(|line| line.starts_with("forged")), "{text:?}");
            }
            assert!(format == "text" || run.stdout.is_ascii());
            assert!(run.stdout.contains("remove.commands"), "{}", run.all());
        }
    }
}
