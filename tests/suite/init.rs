//! `harden init`, then `harden apply` with what it wrote and no hand on the file.

use crate::common::{Applied, Rootfs, bare};
use crate::image::{Input, layer};

fn json(words: &[&str]) -> String {
    serde_json::to_string(words).unwrap()
}

/// An image configuration of some parts.
fn config(parts: &[(&str, String)]) -> String {
    let parts: Vec<String> = parts.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
    format!("{{\"config\": {{{}}}}}", parts.join(", "))
}

fn image() -> Rootfs {
    Rootfs::debian_like()
        .account("app", 1000, "/app", "/usr/sbin/nologin")
        .programs(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/python3", "/usr/bin/node"])
        .script("/usr/bin/gunicorn", "#!/usr/bin/python3\nimport sys\n")
}

/// What init writes of this image.
fn init(tree: &Rootfs, config: &str) -> String {
    let run = tree.run_with("init", &["--image-config", "-"], &[], config.as_bytes());
    assert_eq!(run.status, 0, "{}", run.all());
    run.stdout
}

fn init_and_apply(tree: Rootfs, config: &str) -> (String, Applied) {
    let text = init(&tree, config);
    let done = tree.apply_config(&text, &[]);
    (text, done)
}

#[test]
fn a_health_check_keeps_its_shell_in_shell_form_and_its_program_in_both() {
    for (test, shell) in [
        (json(&["CMD-SHELL", "curl -f http://localhost/ || exit 1"]), true),
        (json(&["CMD-SHELL", "curl -f http://localhost:$PORT/ || exit 1"]), true),
        (json(&["CMD", "curl", "-f", "http://localhost/"]), false),
        (json(&["CMD", "/bin/sh", "-c", "curl -f http://localhost/ || exit 1"]), true),
    ] {
        let parts = [
            ("User", "\"app\"".to_owned()),
            ("Cmd", json(&["/app/server"])),
            ("Healthcheck", format!("{{\"Test\": {test}}}")),
        ];
        let (text, done) = init_and_apply(image(), &config(&parts));
        done.assert_same(&["/usr/bin/curl", "/app/server"]);
        if shell {
            done.assert_same(&["/usr/bin/sh"]);
        } else {
            done.assert_gone(&["/usr/bin/sh"]);
        }
        assert!(text.contains("user = \"app\""), "{text}");
    }
}

#[test]
fn a_command_in_shell_form_is_written_word_for_word() {
    for code in ["exec /app/server", "/app/server --port 80 || exit 1", "cd /app && exec ./server \"quoted\" 'and so'"]
    {
        let parts = [("User", "\"1000:1000\"".to_owned()), ("Cmd", json(&["/bin/sh", "-c", code]))];
        let (text, done) = init_and_apply(image(), &config(&parts));
        let line = text.lines().find(|line| line.starts_with("command = ")).unwrap();
        // Basic strings of TOML are strings of JSON.
        let words: Vec<String> = serde_json::from_str(line.strip_prefix("command = ").unwrap()).unwrap();
        assert_eq!(words, ["/bin/sh", "-c", code]);
        done.assert_same(&["/usr/bin/sh", "/app/server"]);
    }
}

/// What is installed says less than what is started.
#[test]
fn the_profile_is_that_of_the_command() {
    for (command, profile) in [
        (&["gunicorn", "app:app"][..], Some("python")),
        (&["/usr/bin/gunicorn", "app:app"], Some("python")),
        (&["python3", "/app/main.py"], Some("python")),
        (&["node", "/app/server.js"], Some("node")),
        (&["/app/server"], None),
    ] {
        let parts = [("User", "\"app\"".to_owned()), ("Cmd", json(command))];
        let (text, _) = init_and_apply(image(), &config(&parts));
        let line = text.lines().find(|line| line.starts_with("profile = "));
        assert_eq!(line.is_some(), profile.is_some(), "{command:?}\n{text}");
        assert!(profile.is_none_or(|name| line.unwrap().starts_with(&format!("profile = \"{name}\""))), "{text}");
    }
    assert!(init(&image(), &config(&[])).contains("profile = \"node\"  # guessed: node is installed"));
}

#[test]
fn an_image_without_a_user_is_said_to_start_as_root_and_keeps_doing_so() {
    let script = "#!/bin/sh\nset -e\nfind /app ! -user app -exec chown app {} +\nexec \"$@\"\n";
    let tree = image().programs(&["/usr/bin/chown"]).script("/usr/local/bin/docker-entrypoint.sh", script);
    let parts = [("Entrypoint", json(&["docker-entrypoint.sh"])), ("Cmd", json(&["/app/server"]))];
    let (text, done) = init_and_apply(tree, &config(&parts));
    assert!(text.contains("start = \"root\"  # the image has no USER"), "{text}");
    assert!(text.contains("from-scripts = true  # guessed: /usr/local/bin/docker-entrypoint.sh starts"), "{text}");
    done.assert_same(&["/usr/bin/find", "/usr/bin/chown", "/usr/bin/sh", "/usr/local/bin/docker-entrypoint.sh"]);
    // With a user there is no such line, and no script that nothing names is kept.
    let parts = [("User", "\"app\"".to_owned()), ("Cmd", json(&["/app/server"]))];
    assert!(!init(&image(), &config(&parts)).contains("start ="));
}

#[test]
fn a_directory_of_the_run_user_that_holds_the_program_is_not_proposed_for_writing() {
    let tree = image().dir("/srv/app", 0o755, 1000, 1000).file("/srv/app/main.py", 0o644, 1000, 1000, "x");
    let tree = tree.dir("/srv/data", 0o755, 1000, 1000).dir("/srv/work", 0o755, 1000, 1000);
    let parts = [
        ("User", "\"app\"".to_owned()),
        ("Cmd", json(&["python3", "main.py"])),
        ("WorkingDir", "\"/srv/app\"".to_owned()),
        ("ExposedPorts", "{\"8080/tcp\": {}, \"53/udp\": {}}".to_owned()),
    ];
    let (text, done) = init_and_apply(tree, &config(&parts));
    assert!(text.contains("# read-only = [\"/srv/app\"]  # contains the program, and the run user owns it"), "{text}");
    assert!(text.contains("writable = [\"/srv/data\", \"/srv/work\"]"), "{text}");
    assert!(text.contains("workdir = \"/srv/app\""), "{text}");
    assert!(text.contains("tcp = 8080") && !text.contains("53"), "{text}");
    assert_eq!(done.after.owner("/srv/app/main.py"), (1000, 1000));
    // The comments are what they say: without the signs the file is read.
    let check = text
        .replace("# [check]", "[check]")
        .replace("# commands = [{", "commands = [{")
        .replace("# timeout", "timeout");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, check.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let dump = crate::common::bare(&["--dump-config", "--config", &path], &[], b"");
    assert!(dump.stdout.contains("tcp = 8080"), "{}", dump.all());
}

#[test]
fn what_the_program_file_says_of_checks_and_directories_is_proposed() {
    let parts = |command: &[&str]| config(&[("User", "\"app\"".to_owned()), ("Cmd", json(command))]);
    let tree = || image().programs(&["/usr/sbin/nginx"]);
    let text = init(&tree(), &parts(&["nginx", "-g", "daemon off;"]));
    for part in [
        "# [check]  # programs/nginx.toml",
        "# commands = [{ command = [\"nginx\", \"-g\", \"daemon off;\"], tcp = 80 }, [\"nginx\", \"-t\"]]",
        "# writable = [\"/var/cache/nginx\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    tree().apply_config(&text, &[]);
    // A port of EXPOSE says more, and a program that is not known says nothing.
    let exposed = config(&[
        ("User", "\"app\"".to_owned()),
        ("Cmd", json(&["nginx"])),
        ("ExposedPorts", "{\"8080/tcp\": {}}".to_owned()),
    ]);
    assert!(init(&tree(), &exposed).contains("tcp = 8080"));
    assert!(!init(&tree(), &parts(&["/app/server"])).contains("tcp ="));
}

/// What a plan by the file would refuse, and what is settled by keeping: the file keeps it, with the guard that asks.
#[test]
fn what_a_guard_asks_to_keep_is_kept() {
    type Case<'a> = (&'a str, &'a dyn Fn() -> Rootfs, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
    let sshd = || {
        Rootfs::debian_like()
            .program("/usr/sbin/sshd")
            .account("sshd", 105, "/run/sshd", "/usr/sbin/nologin")
            .account("files", 1001, "/home/files", "/bin/sh")
            .text("/home/files/.ssh/authorized_keys", "ssh-ed25519 AAAA x\n")
    };
    let starters = || image().programs(&["/usr/bin/tini", "/usr/sbin/gosu"]);
    let script = || image().script("/usr/local/bin/other-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n");
    let setid = || image().static_program("/usr/bin/ping", 0o4755);
    let cron = || {
        image()
            .program("/usr/sbin/cron")
            .text("/etc/crontab", "* * * * * root /app/server\n")
            .script("/etc/init.d/x", "#!/bin/sh\n")
    };
    let calls = || image().text("/srv/main.py", "import subprocess\nsubprocess.run(['find', '/srv'])\n");
    let cases: [Case<'_>; 6] = [
        (
            "cron",
            &cron,
            &["cron", "-f"],
            &["[rules]\n\"remove.cron\" = \"off\"  # asked for by guard.jobs"],
            &["/usr/sbin/cron"],
        ),
        (
            "sshd",
            &sshd,
            &["/usr/sbin/sshd", "-D"],
            &["{ name = \"files\", reason = \"asked for by guard.login-shells\" }"],
            &["/usr/bin/sh"],
        ),
        (
            "starters",
            &starters,
            &["/app/server"],
            &[
                "{ name = \"/usr/bin/tini\", reason = \"asked for by guard.entrypoints\" }",
                "{ name = \"/usr/sbin/gosu\"",
            ],
            &["/usr/bin/tini", "/usr/sbin/gosu"],
        ),
        (
            "script",
            &script,
            &["/app/server"],
            &["{ name = \"/usr/local/bin/other-entrypoint.sh\""],
            &["/usr/local/bin/other-entrypoint.sh", "/usr/bin/sh"],
        ),
        (
            "setid",
            &setid,
            &["ping", "::1"],
            &["{ path = \"/usr/bin/ping\", reason = \"asked for by guard.setid\" }"],
            &["/usr/bin/ping"],
        ),
        ("calls", &calls, &["python3", "/srv/main.py"], &["from-scripts = true"], &["/usr/bin/find"]),
    ];
    for (name, image, command, lines, kept) in cases {
        let (text, done) = init_and_apply(image(), &config(&[("Cmd", json(command))]));
        for line in lines {
            assert!(text.contains(line), "{name}: {line}\n{text}");
        }
        done.assert_same(kept);
        assert!(!text.contains("until you settle"), "{name}: {text}");
    }
}

/// What keeping does not settle is told in the file, with the words of the refusal that apply prints.
#[test]
fn what_only_a_person_knows_is_told() {
    let tree = || image().file("/srv/secret.py", 0o600, 0, 0, "import os\n");
    let parts = [("User", "\"app\"".to_owned()), ("Cmd", json(&["python3", "/srv/secret.py"]))];
    let text = init(&tree(), &config(&parts));
    assert!(text.contains("# harden refuses the plan until you settle:\n# guard.access: "), "{text}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let run = tree().run("apply", &["--config", file.path().to_str().unwrap()]);
    assert_eq!(run.status, 2, "{}", run.all());
    let told = text.lines().filter(|line| line.starts_with("# guard.")).count();
    assert_eq!(run.stderr.matches("refused[").count(), told, "{text}\n{}", run.all());
}

/// `USER NAME:GROUP`: an engine cannot start an image whose group is gone.
#[test]
fn the_group_of_user_is_kept() {
    let tree = image().text("/etc/group", "root:x:0:\nshadow:x:42:\napp:x:1000:\nteam:x:2000:\n");
    let parts = [("User", "\"app:team\"".to_owned()), ("Cmd", json(&["/app/server"]))];
    let (text, done) = init_and_apply(tree, &config(&parts));
    assert!(text.contains("groups = [\n    { name = \"team\", reason = \"USER of the image\" },\n]"), "{text}");
    assert!(done.root.read("/etc/group").contains("team:x:2000:"));
}

/// What it reads from the archive of an image is what it reads inside it with the image's configuration; the program of an
/// archive is never started.
#[test]
fn an_archive_gives_the_policy_of_its_image() {
    let tree = image().file("/app/start.sh", 0o755, 0, 0, "#!/bin/sh\nfind /app\nexec python3 /app/main.py\n");
    let mut config = crate::image::config();
    config["config"]["Cmd"] = serde_json::json!(["/app/start.sh"]);
    let input = Input::saved(&[layer(tree.path())], &config);
    let path = input.path.to_str().unwrap();
    let run = bare(&["init", "--tar", path], &[], b"");
    assert_eq!((run.status, &run.stdout), (0, &init(&tree, &config.to_string())), "{}", run.all());
    assert!(run.stdout.contains("from-scripts = true"), "{}", run.stdout);
    let run = bare(&["init", "--tar", path, "--run", "1s"], &[], b"");
    assert!(run.status == 2 && run.stderr.contains("--root, or of an archive"), "{}", run.all());
}

/// An image that is refused without a policy is hardened with what the message tells to write, and no hand on the file.
#[test]
fn a_refused_image_says_how_a_policy_is_written() {
    let tree = image().file("/app/start.sh", 0o755, 0, 0, "#!/bin/sh\nfind /app\nexec python3 /app/main.py\n");
    let mut config = crate::image::config();
    config["config"]["Cmd"] = serde_json::json!(["/app/start.sh"]);
    let input = Input::saved(&[layer(tree.path())], &config);
    let path = input.path.to_str().unwrap();
    let run = input.run(&[]);
    assert!(run.status == 2 && run.stderr.contains("harden init --tar FILE > harden.toml"), "{}", run.all());
    let policy = input.directory.path().join("harden.toml");
    std::fs::write(&policy, bare(&["init", "--tar", path], &[], b"").stdout).unwrap();
    let run = input.run(&["--config", policy.to_str().unwrap()]);
    assert_eq!(run.status, 0, "{}", run.all());
}

/// An image without USER, whose Dockerfile gave an account a directory: that is the account, and what the directory is for.
#[test]
fn the_account_with_a_directory_for_data_is_the_programs() {
    let tree = || image().dir("/var/lib/notes", 0o755, 33, 0);
    let (text, done) = init_and_apply(tree(), &config(&[("Cmd", json(&["/app/server"]))]));
    assert!(text.contains("\nuser = \"www-data:33:33\"  # guessed"), "{text}");
    assert!(text.contains("\nwritable = [\"/var/lib/notes\"]"), "{text}");
    assert_eq!(done.after.owner("/var/lib/notes").0, 33);
    // The same once the program starts as the account.
    let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("start = ")).collect();
    tree().apply_config(&rest.join("\n"), &[]);
}

/// A volume that the run user owns needs no line, and the classic builder would refuse it.
#[test]
fn a_volume_of_the_run_user_is_not_proposed() {
    let tree = image().dir("/data", 0o755, 1000, 1000).dir("/srv/state", 0o755, 1000, 1000);
    let parts = [("User", "\"app\""), ("Volumes", "{\"/data\": {}}"), ("Cmd", "[\"/app/server\"]")];
    let text = init(&tree, &config(&parts.map(|(key, value)| (key, value.to_owned()))));
    assert!(text.contains("\nwritable = [\"/srv/state\"]"), "{text}");
}
