//! Wrong input → exact messages.

use harden::testing::policy::LARGEST_INPUT;
use proptest::prelude::*;

use super::common::{file, lines, run};

fn refused(text: &str) -> Vec<String> {
    let at = "/harden.toml:";
    let found = file(text).map(|loaded| loaded.policy).unwrap_err();
    lines(found).into_iter().map(|line| line.strip_prefix(at).map_or(line.clone(), str::to_owned)).collect()
}

#[test]
fn every_bad_value_has_its_message() {
    for (text, expected) in [
        ("profil = 'x'", "1:1: unknown key 'profil'\n  help: did you mean 'profile'?"),
        ("[kep]\n", "1:2: unknown key 'kep'\n  help: did you mean 'keep'?"),
        (
            "[limits]\n",
            "1:2: unknown key 'limits'\n  help: the sections are run, keep, remove, files, programs, packages, minimal, check, audit, rules",
        ),
        ("commands = ['ls']", "1:1: unknown key 'commands'\n  help: 'commands' belongs to [keep]"),
        ("[keep]\ncomands = ['ls']", "2:1: unknown key 'comands' in [keep]\n  help: did you mean 'commands'?"),
        ("[keep]\nwritable = ['/a']", "2:1: unknown key 'writable' in [keep]\n  help: 'writable' belongs to [files]"),
        (
            "[run]\nprofile = 'node'",
            "2:1: unknown key 'profile' in [run]\n  help: 'profile' belongs above the first section",
        ),
        (
            "keep = 'ls'",
            "1:8: keep is a string and must be a table\n  help: write [keep] on a line of its own, and its keys below",
        ),
        ("profile = 'dotnett'", "1:11: profile: unknown profile 'dotnett'\n  help: did you mean 'dotnet'?"),
        (
            "profile = 'rust'",
            "1:11: profile: unknown profile 'rust'\n  help: the profiles are dotnet, java, nginx, node, php-fpm, postgres, python, redis, ruby, static",
        ),
        ("[run]\nuser = ''", "2:8: run.user: the value is empty\n  help: write a value, or leave it out"),
        (
            "[run]\nuser = 1000",
            "2:8: run.user is an integer and must be a string\n  help: write one value in double quotes",
        ),
        (
            "[run]\nuser = 'app:4294967295'",
            "2:8: run.user: the id 4294967295 is reserved: the kernel reads it as -1, \"no change\"\n  help: write a number from 0 to 4294967294",
        ),
        (
            "[run]\nhome = 'app'",
            "2:8: run.home: 'app' is not an absolute path\n  help: write the whole path, such as '/app'",
        ),
        (
            "[run]\nuser = '$APP_USER'",
            "2:8: run.user: '$APP_USER' holds the variable '$APP_USER'\n  help: harden does not expand variables; write the value",
        ),
        (
            "[run]\ncommand = ['dotnet', '${APP}']",
            "2:22: run.command: '${APP}' holds the variable '${APP}'\n  help: harden does not expand variables; write the value",
        ),
        (
            "[run]\ncommand = \"app 'x\"",
            "2:11: run.command: cannot read the command 'app \\'x': a single quote that is opened at character 5 is not closed\n  help: add the closing quote, or put a backslash before this one",
        ),
        (
            "[run]\ncommand = []",
            "2:11: run.command: the command is empty\n  help: write the command that the image runs, or \"none\" for a base image",
        ),
        (
            "[run]\ncommand = [['a'], 'b']",
            "2:19: run.command is a string and must be an array\n  help: in an array of arrays each command is an array of words",
        ),
        ("[run]\nstart = 'rot'", "2:9: run.start: unknown value 'rot'\n  help: write \"user\" or \"root\""),
        (
            "[run]\npath = '/bin:bin'",
            "2:8: run.path: 'bin' is not an absolute path\n  help: write the whole path, such as '/bin'",
        ),
        (
            "[keep]\ncommands = 'ls'",
            "2:12: keep.commands is a string and must be an array\n  help: write the entries in brackets, such as [\"one\", \"two\"]",
        ),
        (
            "[keep]\ncommands = ['ls', 'ls']",
            "2:19: keep.commands: 'ls' is already in line 2\n  help: delete one of the two",
        ),
        ("[keep]\npaths = ['/a', '/a/']", "2:16: keep.paths: '/a' is a duplicate\n  help: delete one of the two"),
        ("[keep]\npaths = ['/a/../b']", "2:10: keep.paths: '/a/../b' holds '..'\n  help: write the path without '..'"),
        (
            "[keep]\npaths = ['/a/*']",
            "2:10: keep.paths: '/a/*' is a pattern, but this list takes only paths\n  help: write each path; a directory stands for its content",
        ),
        (
            "[keep]\ncommands = [{ nam = 'ls' }]",
            "2:15: keep.commands: unknown key 'nam' in an entry\n  help: did you mean 'name'?",
        ),
        (
            "[keep]\nusers = [{ name = 'a', setid = true }]",
            "2:24: keep.users: unknown key 'setid' in an entry\n  help: the keys of an entry are name, path, reason, optional",
        ),
        ("[keep]\nusers = ['a\\u0000b']", ""),
        ("[keep]\nusers = [\"a\\u0000b\"]", "2:10: keep.users: 'a\\u{0}b' holds a NUL character\n  help: remove it"),
        ("[keep]\nusers = [\"a\\nb\"]", "2:10: keep.users: 'a\\nb' holds a line break\n  help: remove it"),
        ("[keep]\ncommands = ['re:pg_(dump']", "2:13: keep.commands: 're:pg_(dump' is not a regular expression: "),
        (
            "[keep]\ncommands = ['gosu']\n[remove]\ncommands = ['gosu']",
            "4:13: remove.commands: 'gosu' is kept by 'gosu' (/harden.toml:2:13)\n  help: delete one of the two entries: keep beats remove",
        ),
        (
            "[keep]\ncommands = ['go*']\n[remove]\ncommands = ['/usr/bin/gosu']",
            "4:13: remove.commands: '/usr/bin/gosu' is kept by 'go*' (/harden.toml:2:13)\n  help: delete one of the two entries: keep beats remove",
        ),
        (
            "[remove]\ncommands = ['go*']",
            "2:13: remove.commands: 'go*' is a pattern, but this list takes only names and absolute paths\n  help: name each command whose loss is intended",
        ),
        (
            "[files]\nread-only = ['/a']\nwritable = ['/a']",
            "3:13: files.writable: '/a' is read-only too (/harden.toml:2:14)\n  help: delete one of the two entries",
        ),
        (
            "[files]\nopenshift = 'true'",
            "2:13: files.openshift is a string and must be true or false\n  help: write true or false, without quotes",
        ),
        (
            "[packages]\ndatabase = 'purge'",
            "2:12: packages.database: unknown value 'purge'\n  help: write \"prune\", \"keep\" or \"remove\"",
        ),
        (
            "[rules]\n'remove.root-hom' = 'off'",
            "2:1: unknown rule 'remove.root-hom'\n  help: did you mean 'remove.root-home'?",
        ),
        (
            "[check]\ncommands = 'nginx -t'",
            "2:12: check.commands is a string and must be an array\n  help: write the checks in brackets, such as [\"nginx -t\"]",
        ),
        (
            "[check]\ncommands = ['nginx', '-t']",
            "2:22: check.commands: the check begins with the option '-t'\n  help: each string is a check of its own; one check in exec form is an array in the array: [[\"nginx\", \"-t\"]]",
        ),
        (
            "[check]\ncommands = ['a && b']",
            "2:13: check.commands: 'a && b' holds shell syntax, but a check runs without a shell\n  help: write plain words; or keep a shell and write it in exec form: [\"sh\", \"-c\", \"…\"]",
        ),
        (
            "[check]\ncommands = ['a $HOME']",
            "2:13: check.commands: 'a $HOME' holds the variable '$HOME'\n  help: a check runs without a shell, which would expand it; write the value",
        ),
        (
            "[check]\ncommands = [['a', '${X}']]",
            "2:13: check.commands: '${X}' holds the variable '${X}'\n  help: harden does not expand variables; write the value",
        ),
        (
            "[check]\ncommands = ['']",
            "2:13: check.commands: the check has no first word\n  help: write the program and its arguments, such as 'nginx -t'",
        ),
        (
            "[check]\ncommands = ['a', ['a']]",
            "2:18: check.commands: this check is a duplicate\n  help: delete one of the two",
        ),
        (
            "[check]\ncommands = [{ comand = 'a' }]",
            "2:15: check.commands: unknown key 'comand' in a check\n  help: did you mean 'command'?",
        ),
        (
            "[check]\ncommands = [{ timeout = 1 }]",
            "2:13: check.commands: the check has neither 'command' nor 'tcp' nor 'starts'\n  help: write \"nginx -t\", [\"nginx\", \"-t\"], or { command = [\"nginx\", \"-g\", \"daemon off;\"], tcp = 8080 }",
        ),
        (
            "[check]\ntcp = 65536",
            "2:7: check.tcp: '65536' is out of range\n  help: write a number from 1 to 65535, without quotes",
        ),
        (
            "[check]\ntimeout = '5s'",
            "2:11: check.timeout is a string and must be a number\n  help: write a number from 1 to 3600, without quotes",
        ),
        (
            "[check]\ntcp = 80",
            "2:7: the check on a TCP port has nothing to start: the policy names no command\n  help: write the image's command to run.command, or { command = [\"…\"], tcp = … } to check.commands",
        ),
        ("mode = 'minimum'", "1:8: mode: unknown value 'minimum'\n  help: write \"standard\" or \"minimal\""),
        (
            "[minimal]\ngranularity = true",
            "2:15: minimal.granularity is a boolean and must be \"package\" or \"file\"\n  help: write \"package\" or \"file\"",
        ),
        (
            "[minimal]\ngconv = 1",
            "2:9: minimal.gconv is an integer and must be true, false or \"auto\"\n  help: write true, false or \"auto\"",
        ),
        ("[minimal]\ncertificates = 'yes'", "2:16: minimal.certificates: unknown value 'yes'\n  help: write \"auto\""),
        (
            "[minimal]\npackages = ['libssl3=3.0']",
            "2:13: minimal.packages: 'libssl3=3.0' is not a package name: it holds '='\n  help: write the name alone, without version and architecture, such as 'libicu72' or 'libicu*'",
        ),
        (
            "[rules]\nremove.root-home = false",
            "2:20: rules.\"remove.root-home\" is a boolean and must be \"on\", \"off\" or \"required\"\n  help: write \"on\", \"off\" or \"required\"",
        ),
    ] {
        if expected.is_empty() {
            // In single quotes a backslash is a backslash: an odd name, and no control character.
            assert!(file(text).is_ok(), "{text}");
            continue;
        }
        let found = refused(text);
        // The wording of the regular expression library is its own.
        let wrong =
            found.len() != 1 || !(found[0] == expected || (expected.ends_with(": ") && found[0].starts_with(expected)));
        assert!(!wrong, "{text}\nfound    {found:#?}\nexpected {expected:?}");
    }
}

#[test]
fn all_problems_come_at_once_and_in_order() {
    let text = "\u{feff}profile = \"nodejs\"\r\n\
        [run]\r\n\
        user = \"\"\r\n\
        größe = 1\r\n\
        command = [\"a\", 7]\r\n\
        [keep]\r\n\
        commands = [\"ls\", \"ls\", \"$X\",\r\n\
        \t{ reason = \"x\" }]\r\n\
        broken = = 1\r\n\
        [keep]\r\n\
        [packages]\r\n\
        database = \"purge\"\r\n";
    let places: Vec<String> =
        refused(text).iter().map(|line| line.split("\n  help").next().unwrap().to_owned()).collect();
    assert_eq!(
        places,
        [
            "1:11: profile: unknown profile 'nodejs'",
            "3:8: run.user: the value is empty",
            "4:3: not valid TOML: invalid unquoted key, expected letters, numbers, `-`, `_`",
            "5:17: run.command is an integer and must be a string",
            "7:19: keep.commands: 'ls' is already in line 7",
            "7:25: keep.commands: '$X' holds the variable '$X'",
            "8:2: keep.commands: the entry has neither 'name' nor 'path'",
            "9:10: not valid TOML: extra `=`, expected nothing",
            "10:2: duplicate key 'keep'",
            "12:12: packages.database: unknown value 'purge'",
        ]
    );
}

#[test]
fn flags_and_variables_are_checked_with_the_file() {
    let found = run(
        &[
            "--user",
            "",
            "--command",
            "$APP",
            "--keep",
            "bin/ls",
            "--disable",
            "remove.crom",
            "--profile",
            "go",
            "--image-config",
            "-",
        ],
        &[("HARDEN_KEEP", ""), ("HARDEN_DISABLE", "accounts.lock")],
        &[("/harden.toml", b"[keep]\nx = 1\n"), ("stdin", b"{")],
    );
    let first: Vec<String> =
        lines(found.unwrap_err()).iter().map(|line| line.split('\n').next().unwrap().to_owned()).collect();
    assert_eq!(
        first,
        [
            "HARDEN_DISABLE: the variable is not read: a RUN step inherits the variables of its base image",
            "--profile: unknown profile 'go'",
            "--user: the value is empty",
            "--command: '$APP' holds the variable '$APP'",
            "--keep: 'bin/ls' is not an absolute path",
            "HARDEN_KEEP: the value is empty",
            "--disable: unknown rule 'remove.crom'",
            "/harden.toml:2:1: unknown key 'x' in [keep]",
            "--image-config: not valid JSON: EOF while parsing an object at line 1 column 1",
        ]
    );
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let message = |args: &[&str], files: &[(&str, &[u8])]| lines(run(args, &[], files).unwrap_err()).join("\n");
    assert_eq!(
        message(&["--config", "/no.toml"], &[]),
        "cannot read the configuration '/no.toml': entity not found\n  help: correct the path of the configuration"
    );
    assert_eq!(
        message(&[], &[("/harden.toml", b"[keep]\n# \xc3\xa9\xff\n")]),
        "/harden.toml:2:4: the text is not UTF-8 from here on\n  help: save the file as UTF-8"
    );
    let large = vec![b'#'; LARGEST_INPUT + 1];
    assert_eq!(
        message(&[], &[("/harden.toml", &large)]),
        "the configuration '/harden.toml' is larger than 1048576 bytes\n  help: correct the path of the configuration"
    );
    assert!(run(&[], &[], &[("/harden.toml", &large[1..])]).is_ok());
    assert!(message(&["--image-config", "/no.json"], &[]).starts_with("--image-config: cannot read '/no.json': "));
}

#[test]
fn a_hostile_text_cannot_forge_output() {
    let found = refused("[keep]\n\"\\u001b[2Jx\\u202e\" = 1").join("\n");
    assert!(found.contains(r"'\u{1b}[2Jx\u{202e}'"), "{found}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _ = file(&text);
    }

    #[test]
    fn text_that_looks_like_a_configuration_never_panics(
        lines in proptest::collection::vec(
            "(\\[(run|keep|files|rules|remove)\\]|(commands|paths|user|command|path|\"remove.cron\") = (\\[|\\]|\"|'|\\{ name = |[a-z/:$*.]{1,6}|, ){1,6})",
            0..12,
        ),
    ) {
        let _ = file(&lines.join("\n"));
    }
}

/// Deep nesting and many errors end soon.
#[test]
fn large_and_deep_texts_end_soon() {
    let deep = format!("[run]\ncommand = {}", "[".repeat(100_000));
    assert!(file(&deep).is_err());
    let inline = format!("x = {}", "{ a = ".repeat(50_000));
    assert!(file(&inline).is_err());
    let many = "x y\n".repeat(20_000);
    assert_eq!(file(&many).unwrap_err().len(), 20);
}
