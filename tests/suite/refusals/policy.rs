//! Values that mean nothing, and configurations that cannot be meant.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::common::{APP, Rootfs};

#[test]
fn no_user_and_no_command_are_asked_for_together() {
    Rootfs::debian_like().refuse::<&str>(&[]).says(&[
        "no user is configured: harden cannot tell which account runs the image's program",
        "no command is configured",
        "--command none",
    ]);
    Rootfs::debian_like().refuse(&["--user", "app:1000"]).says(&["no command is configured"]).alone();
    Rootfs::debian_like().refuse(&["--command", "/app/server"]).says(&["no user is configured"]).alone();
}

#[test]
fn empty_values_are_refused_and_never_match_everything() {
    let tree = Rootfs::debian_like();
    for flag in ["--user", "--command", "--keep", "--disable", "--profile"] {
        for value in ["", " "] {
            let others: Vec<&str> = APP.chunks(2).filter(|pair| pair[0] != flag).flatten().copied().collect();
            tree.refuse(&[&others[..], &[flag, value]].concat()).says(&[flag]);
        }
    }
    for config in ["[run]\nuser = ''", "[keep]\nusers = ['']", "[keep]\npaths = ['']", "[files]\nread-only = ['']"] {
        tree.refuse_config(config, &APP).says(&["the value is empty"]).alone();
    }
}

/// Exec form expands nothing: the literal would be a name.
#[test]
fn variables_are_refused_wherever_they_stand() {
    let tree = Rootfs::debian_like();
    for (flag, value) in [
        ("--user", "$APP_USER"),
        ("--user", "${APP_USER}:1000"),
        ("--command", "$APP"),
        ("--keep", "$CMD"),
        ("--keep", "/opt/$X"),
    ] {
        let others: Vec<&str> = APP.chunks(2).filter(|pair| pair[0] != flag).flatten().copied().collect();
        tree.refuse(&[&others[..], &[flag, value]].concat())
            .says(&["holds the variable", "harden does not expand variables"]);
    }
    tree.refuse_config("[files]\nwritable = ['/app/$DATA']\n", &APP).says(&["holds the variable '$DATA'"]).alone();
}

#[test]
fn unknown_keys_rules_and_profiles_are_refused_with_the_nearest_name() {
    let tree = Rootfs::debian_like();
    for (config, parts) in [
        ("[keep]\ncomands = ['ls']\n", ["unknown key 'comands'", "did you mean 'commands'?"]),
        ("[rules]\n'remove.crom' = 'off'\n", ["unknown rule 'remove.crom'", "did you mean 'remove.cron'?"]),
        ("profile = 'dotnett'\n", ["unknown profile 'dotnett'", "did you mean 'dotnet'?"]),
    ] {
        tree.refuse_config(config, &APP).says(&parts).alone();
    }
    tree.refuse(&[&APP[..], &["--disable", "remove.crom"]].concat()).says(&["did you mean 'remove.cron'?"]).alone();
}

#[test]
fn every_mistake_comes_at_once_with_its_line() {
    let config = "[keep]\ncomands = ['ls']\nusers = ['']\n[files]\nwritable = ['relative']\n";
    let refused = Rootfs::debian_like().refuse_config(config, &APP).says(&[":2:1: ", ":3:10: ", ":5:13: "]);
    assert_eq!(refused.run.stderr.matches("error[config.").count(), 3);
}

#[test]
fn misspelt_keep_entries_are_refused_with_the_nearest_name() {
    let tree = Rootfs::debian_like();
    for (config, parts) in [
        ("[keep]\ncommands = ['wgett']\n", ["'wgett'", "did you mean 'wget'?"]),
        ("[keep]\ncommands = ['/usr/bin/wgett']\n", ["'/usr/bin/wgett'", "did you mean '/usr/bin/wget'?"]),
        ("[keep]\ncommands = ['re:^xx_.*$']\n", ["re:^xx_.*$", "matches nothing"]),
        ("[keep]\ncommands = ['python3*']\n", ["'python3*'", "matches nothing"]),
        ("[keep]\nusers = ['nobod']\n", ["'nobod'", "did you mean 'nobody'?"]),
        ("[keep]\ngroups = ['ssl-certs']\n", ["'ssl-certs'", "did you mean 'ssl-cert'?"]),
        ("[keep]\nshells = ['rot']\n", ["'rot'", "did you mean 'root'?"]),
        ("[keep]\npaths = ['/etc/cron.d/none']\n", ["'/etc/cron.d/none'", "help: "]),
        ("[keep]\nsetid = ['/usr/bin/none']\n", ["'/usr/bin/none' matches nothing", "help: "]),
    ] {
        tree.refuse_config(config, &APP).says(&parts).alone();
    }
}

/// A directory that is not there would keep its commands. A command that is gone already is what the entry asks for:
/// the second run of every apply.
#[test]
fn a_directory_to_clear_that_is_not_there_is_refused() {
    let tree = || Rootfs::debian_like().program("/opt/tools/bin/tool").text("/opt/file", "x");
    for path in ["/opt/tols/bin", "/opt/file", "/"] {
        let config = format!("[remove]\ndirectories = ['{path}']\n");
        tree().refuse_config(&config, &APP).says(&[&format!("[remove] directories '{path}'"), ":2:16: "]).alone();
    }
    tree().apply_config("[remove]\ndirectories = [{ path = '/opt/none', optional = true }]\n", &APP);
    tree().apply_config("[remove]\ndirectories = ['/opt/tools/bin']\n", &APP).assert_gone(&["/opt/tools/bin/tool"]);
    tree().apply_config("[remove]\ncommands = ['wget', 'none']\n", &APP);
}

#[test]
fn optional_entries_and_profiles_may_match_nothing() {
    let config = "profile = 'node'\n[keep]\ncommands = [{ name = 'none', optional = true }]\n\
                  paths = [{ path = '/none', optional = true }]\nsetid = [{ path = '/none', optional = true }]\n";
    Rootfs::debian_like().apply_config(config, &APP);
}

#[test]
fn a_configuration_larger_than_a_mebibyte_is_refused() {
    let config = format!("# {}\n", "x".repeat(1 << 20));
    Rootfs::debian_like().refuse_config(&config, &APP).says(&["is larger than 1048576 bytes"]).alone();
}

#[test]
fn a_configuration_that_is_not_there_or_no_file_is_refused() {
    let tree = Rootfs::debian_like();
    for path in ["/none/harden.toml", "/"] {
        tree.refuse(&[&APP[..], &["--config", path]].concat()).says(&["cannot read the configuration"]).alone();
    }
}

#[test]
fn arguments_that_are_not_utf8_are_refused() {
    let tree = Rootfs::debian_like();
    for flag in ["--user", "--command", "--keep", "--config", "--report", "--image-config"] {
        let mut args: Vec<&OsStr> = APP.chunks(2).filter(|pair| pair[0] != flag).flatten().map(OsStr::new).collect();
        args.extend([OsStr::new(flag), OsStr::from_bytes(b"/none/a\xff\x1b[31m")]);
        let refused = tree.refuse(&args);
        assert!(!refused.run.stderr.contains('\x1b'), "{}", refused.run.stderr);
        refused.says(&["is not UTF-8", flag]);
    }
}

#[test]
fn wrong_usage_is_exit_status_2_with_nothing_done() {
    let tree = Rootfs::debian_like();
    for args in [&["--frobnicate"][..], &["--format", "yaml"], &["extra"], &["--user"]] {
        let run = tree.run("apply", args);
        assert_eq!(run.status, 2, "{}", run.all());
        assert!(run.stderr.contains("error[usage]: ") && run.stdout.is_empty(), "{}", run.all());
    }
}

#[test]
fn an_image_configuration_that_is_none_is_refused() {
    let tree = Rootfs::debian_like();
    for input in ["", "{", "[]", "[{},{}]", "{\"Config\":7}"] {
        let run = tree.run_with("apply", &["--image-config", "-"], &[], input.as_bytes());
        assert_eq!(run.status, 2, "{input}: {}", run.all());
        assert!(run.stderr.contains("help: "), "{}", run.all());
    }
}

/// The program that gets a longer argument may expand a variable in it; nothing expands one that is the whole word.
#[test]
fn a_variable_in_a_part_of_an_argument_is_a_warning() {
    let config = |word: &str| format!("[run]\nuser = 'app:1000:1000'\ncommand = ['/app/server', {word}]\n");
    for (word, name) in [("'-Dhome=${HOME}/x'", "${HOME}"), ("'--listen=$IP:80'", "$IP")] {
        let done = Rootfs::debian_like().apply_config(&config(word), &[]);
        let text = format!("the argument {word} of the command holds the variable '{name}'");
        assert!(done.run.stderr.contains("warning[config.variable]"), "{}", done.run.all());
        assert!(done.run.stderr.contains(&text), "{}", done.run.all());
    }
    // Code for an interpreter, and what holds none.
    for word in ["'print $x'", "'100$'", "'$1'"] {
        let done = Rootfs::debian_like().apply_config(&config(word), &[]);
        assert!(!done.run.stderr.contains("holds the variable"), "{}", done.run.all());
    }
    for word in ["'$HOME'", "'${HOME}'"] {
        Rootfs::debian_like().refuse_config(&config(word), &[]).says(&["holds the variable"]).alone();
    }
    let program = "[run]\nuser = 'app:1000:1000'\ncommand = ['/app/$NAME']\n";
    Rootfs::debian_like().refuse_config(program, &[]).says(&["'/app/$NAME' holds the variable '$NAME'"]).alone();
}
