//! What reaches a script, what settles a refusal, and how it is said.

use crate::common::{APP, Rootfs};

fn command(words: &str) -> Vec<&str> {
    vec!["--user", "app:1000:1000", "--command", words]
}

/// Debian with some tools and a script that the image starts.
fn image(script: &str) -> Rootfs {
    let tools = ["id", "chown", "find", "curl", "grep", "sed"].map(|name| format!("/usr/bin/{name}"));
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    Rootfs::debian_like().programs(&tools).script("/start.sh", script)
}

#[test]
fn a_program_that_goes_is_refused_with_file_and_line_and_four_ways_settle_it() {
    let tree = || image("#!/bin/sh\nset -e\nchown -R root /app\nexec /app/server\n");
    tree()
        .refuse(&command("/start.sh"))
        .says(&["'/start.sh' runs when the image starts", "'chown' (/start.sh:3)", "commands = [\"chown\"]"])
        .alone();
    for config in
        ["[keep]\ncommands = ['chown']\n", "[keep]\nfrom-scripts = true\n", "[keep]\npaths = ['/usr/bin/chown']\n"]
    {
        tree().apply_config(config, &command("/start.sh")).assert_same(&["/usr/bin/chown"]);
    }
    let done = tree().apply_config("[remove]\ncommands = ['chown']\n", &command("/start.sh"));
    done.assert_gone(&["/usr/bin/chown"]);
    let both = "[keep]\nfrom-scripts = true\n[remove]\ncommands = ['/usr/bin/chown']\n";
    tree().apply_config(both, &command("/start.sh")).assert_gone(&["/usr/bin/chown"]);
}

#[test]
fn what_is_not_in_the_image_or_only_under_a_test_is_no_refusal() {
    let script = "#!/bin/sh\nif command -v curl >/dev/null; then curl -s x; else missing y; fi\n\
                  [ -x /usr/bin/grep ] || exit 0\n/usr/bin/grep x\n";
    let done = image(script).apply(&command("/start.sh"));
    done.assert_gone(&["/usr/bin/curl", "/usr/bin/grep"]);
    image(script).apply_config("strict = true\n", &command("/start.sh"));
    let done = image(script).apply_config("[keep]\nfrom-scripts = true\n", &command("/start.sh"));
    done.assert_gone(&["/usr/bin/curl"]);
}

/// As `nc -e` and `udhcpc -s`: a program starts the script that it is given by its path.
#[test]
fn a_script_that_a_program_is_given_is_reached() {
    let tree = |line: &str| {
        image(&format!("#!/bin/sh\nHOOKS=/srv\n{line}\n"))
            .programs(&["/usr/bin/nc"])
            .script("/srv/handler", "#!/bin/sh\nsed x /srv/page\n")
            .text("/srv/plain", "#!/bin/sh\ngrep x\n")
    };
    for line in [
        "exec nc -lk -e /srv/handler",
        "nc -l --exec=/srv/handler",
        "nc -e \"$HOOKS/handler\"",
        "env A=b nc /srv/handler",
    ] {
        let words = "/start.sh nc env";
        tree(line).refuse(&command(words)).says(&["'sed' (/srv/handler:2)"]).alone();
        let done = tree(line).apply_config("[keep]\nfrom-scripts = true\n", &command(words));
        done.assert_same(&["/usr/bin/sed", "/srv/handler"]);
        done.assert_gone(&["/usr/bin/grep"]);
    }
    // A program that only handles the file, a file that is not executable, and a program of the application.
    for line in ["chmod 755 /srv/handler", "nc -e /srv/plain", "nc -e /app/server", "echo /srv/handler", "nc /srv"] {
        tree(line).apply(&command("/start.sh nc")).assert_gone(&["/usr/bin/sed"]);
    }
}

#[test]
fn scripts_are_reached_by_every_word_by_shells_by_exec_and_by_sourcing() {
    let tree = || {
        image("#!/bin/sh\n. \"$(dirname \"$0\")/opt/lib.sh\"\nprepare\nexec /opt/second\n")
            .programs(&["/usr/bin/tini"])
            .text("/opt/lib.sh", "prepare() {\n  find /x\n}\nunused() {\n curl y\n}\n")
            .script("/opt/second", "#!/bin/bash\nsed x | grep y\n")
            .text("/opt/plain.sh", "id\n")
    };
    for words in ["/start.sh", "tini -- /start.sh", "sh /start.sh a"] {
        let refused = tree().refuse(&command(words)).says(&["'find' (/opt/lib.sh:2)"]);
        let refused = refused.says(&["'sed' (/opt/second:2)", "'grep' (/opt/second:2)"]);
        assert!(!refused.run.stderr.contains("'curl'"), "{}", refused.run.stderr);
    }
    tree().refuse(&command("sh /opt/plain.sh")).says(&["'id' (/opt/plain.sh:1)"]);
    let done =
        tree().apply_config("[keep]\nfrom-scripts = true\n[remove]\ncommands = ['tini']\n", &command("/start.sh"));
    done.assert_kept(&["/usr/bin/find", "/usr/bin/sed", "/usr/bin/grep", "/usr/bin/bash", "/opt/lib.sh"]);
    done.assert_gone(&["/usr/bin/curl", "/usr/bin/id"]);
}

#[test]
fn other_kept_scripts_are_warned_about_and_strict_refuses() {
    let tree = || image("#!/bin/sh\nexec /app/server\n").script("/usr/bin/tool", "#!/bin/sh\n\nid | sed x\n");
    let args = [&APP[..], &["--keep", "tool"]].concat();
    let done = tree().apply(&args);
    assert!(
        done.run.stderr.contains(
            "warning[guard.scripts] --keep: '/usr/bin/tool' is kept and names programs that would be removed: 'id'"
        ),
        "{}",
        done.run.stderr
    );
    done.assert_gone(&["/usr/bin/id", "/usr/bin/sed"]);
    tree()
        .refuse(&[&args[..], &["--strict"]].concat())
        .says(&["'id' (/usr/bin/tool:3)", "'sed' (/usr/bin/tool:3)"])
        .alone();
    let done = tree().apply_config("strict = true\n[keep]\nfrom-scripts = true\ncommands = ['tool']\n", &APP);
    done.assert_kept(&["/usr/bin/id", "/usr/bin/sed"]);
    // Nobody keeps it, so nobody asks what it needs.
    tree().apply(&[&APP[..], &["--strict"]].concat());
}

#[test]
fn applets_are_names_like_others() {
    let tree = || {
        Rootfs::alpine_like()
            .script("/start.sh", "#!/bin/sh\nchown -R root /app\ntime sed x\nexec \"$@\"\n")
            .link("/bin/chown", "/bin/busybox")
            .link("/bin/sed", "/bin/busybox")
    };
    let args = command("/start.sh /app/server");
    tree().refuse(&args).says(&["'chown' (/start.sh:2)", "'sed' (/start.sh:3)"]).alone();
    let done = tree().apply_config("[keep]\nfrom-scripts = true\n", &args);
    done.assert_kept(&["/bin/chown", "/bin/sed", "/bin/sh", "/bin/busybox"]);
    done.assert_gone(&["/bin/wget"]);
}

#[test]
fn words_of_other_languages_are_no_commands() {
    let tree = image("#!/usr/bin/perl\ncurl;\nif (x) { chown }\n");
    tree.apply(&command("/start.sh")).assert_gone(&["/usr/bin/curl", "/usr/bin/chown"]);
    // What an interpreter is given to read brings along what it names, as the entrypoint itself does.
    let tree = image("#!/bin/sh\n").text("/opt/plain.sh", "id\n");
    tree.apply_config("[keep]\nfrom-scripts = true\n", &command("sh /opt/plain.sh")).assert_same(&["/usr/bin/id"]);
}

#[test]
fn what_cannot_be_seen_or_read_is_said() {
    let done = image("#!/bin/sh\n\"$TOOL\" x\nexec \"$@\"\n").apply(&command("/start.sh /app/server"));
    assert!(
        done.run.stderr.contains(
            "harden cannot tell which programs these words start when the script runs: '$TOOL' (/start.sh:2)"
        ),
        "{}",
        done.run.stderr
    );
    assert!(!done.run.stderr.contains("'$@'"), "{}", done.run.stderr);
    let done = image("#!/bin/sh\ntrue\necho 'x\n").apply(&command("/start.sh"));
    assert!(
        done.run.stderr.contains("cannot parse the script from /start.sh:3 on: a single quote"),
        "{}",
        done.run.stderr
    );
}

#[test]
fn a_starter_that_a_script_names_is_refused_once() {
    let tree = || image("#!/bin/sh\nexec gosu app /app/server\n").programs(&["/usr/sbin/gosu"]);
    tree().refuse(&command("/start.sh")).says(&["'gosu' (/start.sh:2)"]).alone();
    tree().refuse(&APP).says(&["'/usr/sbin/gosu' would be removed, but images"]).alone();
}

#[test]
fn reasons_name_the_line_and_lead_back_to_the_policy() {
    let config = "[keep]\nfrom-scripts = true\n";
    let tree = image("#!/bin/sh\n\nchown x\n");
    let done = tree.apply_config(config, &command("/start.sh"));
    done.assert_kept(&["/usr/bin/chown"]);
}
