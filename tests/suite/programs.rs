//! Program files: each case is generated from what the files say, so that a file which is added is tried too.

mod packages;

use std::io::Write as _;

use harden::testing::programs::{Known, known};

use crate::common::{APP, Rootfs};

/// A text in which a key has that value, as the syntax is written.
fn text(syntax: &str, key: &str, value: &str) -> String {
    let (section, key) = match key.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((section, key)) => (Some(section.replace('*', "x")), key.replace('*', "")),
        None if key == "*" => (None, "x".to_owned()),
        None => (None, key.replace('*', "")),
    };
    match (syntax, section) {
        ("statements", Some(section)) => format!("{section}\n{key} {value}\n"),
        ("statements", None) => format!("# first\n{key} {value};\n"),
        ("assignments", Some(section)) => format!("[{section}]\n{key} = {value}\n"),
        ("assignments", None) => format!("# first\n{key} = {value}\n"),
        ("labels", _) => format!("# first\n{key}: {value}\n"),
        ("attributes", _) => format!("<x>\n<y {key}=\"{value}\"/></x>\n"),
        _ => format!("# first\n{key} {value}\n"),
    }
}

/// What keeps other guards quiet: they have tests of their own.
const QUIET: &str = "[rules]\n'remove.init' = 'off'\n'remove.cron' = 'off'\n'remove.tunables' = 'off'\n[keep]\n\
                     users = [{ name = 'nobody', optional = true }, { name = 'sshd', optional = true }]\n";

fn at(name: &str) -> String {
    format!("/usr/sbin/{name}")
}

fn with(known: &Known) -> Rootfs {
    // Some of them are in the tree already.
    let tree = Rootfs::debian_like();
    if tree.has(format!("/usr/bin/{}", known.name)) { tree } else { tree.programs(&[&at(known.name)]) }
}

#[test]
fn what_a_program_always_starts_stays_with_it_and_the_file_is_the_reason() {
    let mut tried = 0;
    for known in known().iter().filter(|known| !known.starts.is_empty()) {
        let path = |word: &str| if word.starts_with('/') { word.to_owned() } else { format!("/usr/bin/{word}") };
        let mut tree = with(known);
        for word in &known.starts {
            let path = path(word);
            tree = if tree.has(&path) { tree } else { tree.programs(&[&path]) };
        }
        let paths: Vec<String> = known.starts.iter().map(|word| path(word)).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let config = format!("{QUIET}commands = [\"{}\"]\n", known.name);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        let args = ["--config", file.path().to_str().unwrap(), APP[0], APP[1], APP[2], APP[3]];
        for path in &paths {
            let all: Vec<&str> = args.iter().copied().chain([*path]).collect();
            let said = tree.run("explain", &all).all();
            assert!(said.contains(known.file), "{}: {said}", known.file);
        }
        tree.apply_config(&config, &APP).assert_kept(&paths);
        tried += 1;
    }
    assert!(tried >= 8, "{tried}");
}

/// A configuration of a program without a file of its own, which the command names, and what a script in it starts.
#[test]
fn paths_in_a_configuration_that_the_command_names_count() {
    let tree = |text: &str| {
        let mut helper = crate::common::Spec {
            interpreter: Some(crate::common::LOADER),
            imports: vec!["popen"],
            needed: vec!["libc.so.6"],
            pie: true,
            ..crate::common::Spec::default()
        }
        .build();
        helper.extend(b"\0/usr/bin/wget -q x\0");
        Rootfs::debian_like()
            .text("/srv/own.conf", text)
            .script("/srv/check.sh", "#!/bin/sh\n/usr/lib/checks/load\n")
            .file("/usr/lib/checks/load", 0o755, 0, 0, helper)
            .package("checks", &["/usr/lib/checks/load"])
    };
    let config = |words: &str, keep: &str| {
        format!("[run]\nuser = 'app:1000:1000'\ncommand = ['/app/server', {words}]\n[keep]\ncommands = [{keep}]\n")
    };
    let none: [&str; 0] = [];
    for words in ["'-c', '/srv/own.conf'", "'--config=/srv/own.conf'", "'/srv/own.conf'"] {
        let text = "# run /usr/bin/curl\nrun = \"/usr/bin/wget\", /no/program /etc/passwd\n";
        tree(text).refuse_config(&config(words, ""), &none).says(&["'/usr/bin/wget' (/srv/own.conf:2)"]).alone();
        tree(text).apply_config(&config(words, "'wget'"), &none);
        // A script in it, with what that starts in turn.
        let text = "run = /srv/check.sh\n";
        let refused = tree(text).refuse_config(&config(words, ""), &none);
        refused.says(&["interpreter of '/srv/check.sh' (/srv/own.conf:1)"]);
        let refused = tree(text).refuse_config(&config(words, "'/srv/check.sh'"), &none);
        refused.says(&["'/usr/lib/checks/load'", "'/usr/bin/wget'"]);
        tree(text)
            .apply_config(&config(words, "'/srv/check.sh', '/usr/bin/wget'"), &none)
            .assert_kept(&["/usr/bin/dash"]);
    }
    tree("run = /usr/bin/wget\n").apply_config(&config("'/srv/none.conf'", ""), &none).assert_gone(&["/usr/bin/wget"]);
}

#[test]
fn what_goes_knowingly_is_not_kept_by_a_program_file() {
    let tree = Rootfs::debian_like().programs(&["/usr/bin/runsvdir", "/usr/bin/runsv"]);
    let config = "[keep]\ncommands = ['runsvdir']\n[remove]\ncommands = ['runsv']\n[rules]\n'remove.init' = 'off'\n";
    tree.apply_config(config, &APP).assert_gone(&["/usr/bin/runsv"]);
}

/// It stays, locked and without a login shell, and plan, report and explain say for which program; what names another one,
/// or a program file of one's own, lets it go.
#[test]
fn an_account_that_is_compiled_in_stays_with_its_program() {
    let mut tried = 0;
    for known in known() {
        for &(name, group, root) in &known.accounts {
            let file = if group { "group" } else { "passwd" };
            let base = ["nobody", "daemon"].contains(&name);
            let line = if group { format!("{name}:x:778:") } else { format!("{name}:x:778:777::/:/bin/sh") };
            let tree = || if base { with(&known) } else { with(&known).line(file, &line) };
            let start = if root { "root" } else { "user" };
            // The jobs of a cron daemon are another guard's.
            let config = |start: &str| {
                format!(
                    "[rules]\n'remove.cron' = 'off'\n[run]\nstart = '{start}'\n[keep]\ncommands = ['{}']\n",
                    known.name
                )
            };
            let lines = |text: &str| text.lines().any(|line| line.starts_with(&format!("{name}:")));
            let done = tree().apply_config(&config(start), &APP);
            assert!(lines(&done.root.read(&format!("/etc/{file}"))), "{}: {name}", known.file);
            let what = if group { "group" } else { "account" };
            let said = [format!("the {what} '{name}' stays: "), format!("looks it up, {}", known.file)];
            assert!(said.iter().all(|said| done.run.stdout.contains(said)), "{said:?}\n{}", done.run.all());
            if !group {
                let entry = done.root.read("/etc/passwd");
                let entry = entry.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap().to_owned();
                assert!(entry.ends_with("/nologin"), "{entry}");
            }
            if root {
                let done = tree().apply_config(&config("user"), &APP);
                assert!(!lines(&done.root.read(&format!("/etc/{file}"))), "{}: {name}", known.file);
            }
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn an_account_by_default_gives_way_to_settings_and_to_a_file_of_ones_own() {
    let tree = || Rootfs::debian_like().programs(&["/usr/sbin/dnsmasq"]);
    let config =
        |command: &str| format!("[run]\nuser = 'app:1000:1000'\nstart = 'root'\ncommand = ['dnsmasq', {command}]\n");
    let none: [&str; 0] = [];
    let has = |text: &str| text.lines().any(|line| line.starts_with("nobody:"));
    let done = tree().apply_config(&config("'-k'"), &none);
    assert!(has(&done.root.read("/etc/passwd")) && has(&done.root.read("/etc/shadow")));
    let shadow = done.root.read("/etc/shadow");
    assert!(shadow.lines().any(|line| line.starts_with("nobody:*") || line.starts_with("nobody:!")), "{shadow}");
    for words in ["'--user=app'", "'-u', 'app'"] {
        assert!(!has(&tree().apply_config(&config(words), &none).root.read("/etc/passwd")), "{words}");
    }
    let set = tree().text("/etc/dnsmasq.conf", "user=app\n").apply_config(&config("'-k'"), &none);
    assert!(!has(&set.root.read("/etc/passwd")));
    // The run user cannot take its number.
    let taken = config("'-k'").replace("1000:1000", "65534:65534");
    tree().refuse_config(&taken, &none).says(&["uid 65534 belongs to 'nobody'", "looks it up, programs/dnsmasq.toml"]);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("dnsmasq.toml"), "names = ['dnsmasq']\n").unwrap();
    let own = directory.path().join("harden.toml");
    std::fs::write(&own, format!("{}[programs]\nfiles = ['dnsmasq.toml']\n", config("'-k'"))).unwrap();
    let own = tree().apply(&["--config", own.to_str().unwrap()]);
    assert!(!has(&own.root.read("/etc/passwd")), "{}", own.run.all());
    let said = tree().run("explain", &["--user", "app:1000:1000", "--command", "dnsmasq", "/etc/passwd"]).all();
    assert!(!said.contains("'nobody' stays"), "{said}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config("'-k'")).unwrap();
    let said = tree().run("explain", &["--config", file.path().to_str().unwrap(), "/etc/passwd"]).all();
    assert!(said.contains("the account 'nobody' stays: '/usr/sbin/dnsmasq' looks it up"), "{said}");
}

#[test]
fn a_configuration_that_the_command_names_is_read_instead_of_the_usual_one() {
    let mut tried = 0;
    for known in known() {
        for (option, usual, syntax, key) in &known.instead {
            let tree = || {
                with(&known)
                    .line("passwd", "svc:x:779:65534::/nonexistent:/usr/sbin/nologin")
                    .line("passwd", "other:x:780:65534::/nonexistent:/usr/sbin/nologin")
                    .text(usual, text(syntax, key, "svc"))
                    .text("/srv/other.conf", text(syntax, key, "other"))
                    .text("/srv/none.conf", "")
            };
            let (option, value) =
                option.split_once(' ').map_or((*option, String::new()), |(o, v)| (o, format!("{v}=")));
            let words = |file: &str| match option.strip_prefix("--") {
                Some(_) => format!("['{}', '{option}={value}{file}']", known.name),
                None => format!("['{}', '{option}', '{value}{file}']", known.name),
            };
            let config = |words: &str| format!("[run]\nuser = 'app:1000:1000'\ncommand = {words}\n{QUIET}");
            let none: [&str; 0] = [];
            let usual_counts = tree().refuse_config(&config(&format!("['{}']", known.name)), &none);
            usual_counts.says(&["'svc' would be pruned", &format!("{usual}:2")]);
            let other_counts = tree().refuse_config(&config(&words("/srv/other.conf")), &none);
            let other_counts = other_counts.says(&["'other' would be pruned", "/srv/other.conf:2"]);
            assert!(!other_counts.run.all().contains("svc"), "{}", other_counts.run.all());
            tree().apply_config(&config(&words("/srv/none.conf")), &none);
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn a_command_in_a_configuration_is_refused_until_it_is_kept() {
    let mut tried = 0;
    for known in known() {
        for (usual, syntax, key, after) in &known.commands {
            let value = format!("{}/usr/bin/wget", "x ".repeat(*after));
            let usual = if usual.starts_with('/') { usual.clone() } else { format!("/{usual}") };
            let tree = || with(&known).text(&usual, text(syntax, key, &value));
            let head = format!("[run]\nuser = 'app:1000:1000'\ncommand = ['{}']\n{QUIET}", known.name);
            let config = |keep: &str| format!("{head}{keep}");
            let none: [&str; 0] = [];
            eprintln!("{}: {key} in {usual}", known.file);
            let refused = tree().refuse_config(&config(""), &none);
            refused.says(&["/usr/bin/wget", &format!("{usual}:2")]);
            tree().apply_config(&config("commands = ['wget', 'sh']\n"), &none);
            tried += 1;
        }
    }
    assert!(tried >= 30, "{tried}");
}

/// Hooks by name, plugins, services: in the usual directory, and in the one that an option names.
#[test]
fn scripts_that_a_program_starts_by_name_are_read() {
    let mut tried = 0;
    for known in known() {
        for (usual, elsewhere) in &known.scripts {
            let (path, words) = match elsewhere {
                Some((option, below)) => (format!("/srv/net/{below}"), format!(", '{option}', '/srv/net'")),
                None => (usual.clone(), String::new()),
            };
            eprintln!("{}: {path}", known.file);
            let tree = || with(&known).script(&path, "#!/bin/sh\n/usr/bin/wget -q x\n");
            let config = |keep: &str| {
                format!("[run]\nuser = 'app:1000:1000'\ncommand = ['{}'{words}]\n{QUIET}{keep}", known.name)
            };
            let none: [&str; 0] = [];
            tree().refuse_config(&config(""), &none).says(&["/usr/bin/wget", &format!("{path}:2")]);
            // A way by a link is none of the snapshot.
            assert!(tree().apply_config(&config("commands = ['wget', 'sh']\n"), &none).root.has(&path));
            // What lies elsewhere is no script of this program.
            if elsewhere.is_some() {
                let tree = with(&known).script(usual, "#!/bin/sh\n/usr/bin/wget -q x\n");
                let tree = tree.text("/srv/net/other", "#!/bin/sh\n/usr/bin/wget\n");
                tree.apply_config(&config(""), &none).assert_gone(&["/usr/bin/wget"]);
            }
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn options_and_arguments_that_hold_a_command_count() {
    for (program, words) in [
        ("java", "'-XX:OnOutOfMemoryError=wget -q x', '-jar', '/app.jar'"),
        ("socat", "'TCP-LISTEN:80,fork', 'EXEC:wget -q x,pty'"),
        ("socat", "'-', 'SYSTEM:wget x'"),
        ("socat", "'-', 'SYSTEM:u=x; wget $u'"),
        ("socat", "'-', 'EXEC:wget $SOCAT_PEERADDR,pty'"),
    ] {
        let tree = || Rootfs::debian_like().programs(&[&format!("/usr/bin/{program}")]);
        let config = |keep: &str| format!("[run]\nuser = 'app:1000:1000'\ncommand = ['{program}', {words}]\n{keep}");
        let none: [&str; 0] = [];
        tree().refuse_config(&config(""), &none).says(&["'wget'", &format!("/usr/bin/{program}")]);
        tree().apply_config(&config("[keep]\ncommands = ['wget', 'sh']\n"), &none);
    }
}

/// What could not run before is not what this run breaks: nor does the rest of its command line count.
#[test]
fn a_command_line_that_begins_with_a_program_that_is_not_there_counts_for_nothing() {
    let lines = [
        "&quot;no-such&quot; -o `dirname &quot;%i&quot;` &quot;%i&quot;; /usr/bin/wget x",
        "&quot;display&quot; &quot;%i&quot;",
    ];
    for line in lines {
        let tree = Rootfs::debian_like()
            .programs(&["/usr/bin/convert", "/usr/bin/dirname", "/usr/bin/display"])
            .text("/etc/ImageMagick-6/delegates.xml", text("attributes", "command", line));
        tree.apply_config("[run]\nuser = 'app:1000:1000'\ncommand = ['convert', 'a', 'b']\n", &[]);
    }
}

/// What a program starts only sometimes counts where a script of the application shows it.
#[test]
fn evidence_in_the_application_counts() {
    let tree = |line: &str| {
        Rootfs::debian_like()
            .programs(&["/usr/bin/python3"])
            .text("/srv/main.py", "import lib\n")
            .text("/srv/lib/a.py", format!("import ctypes.util\n{line}\n"))
    };
    let config = |keep: &str| format!("[run]\nuser = 'app:1000:1000'\ncommand = ['python3', '/srv/main.py']\n{keep}");
    let none: [&str; 0] = [];
    let found = "x = ctypes.util.find_library('m')";
    tree(found).refuse_config(&config(""), &none).says(&["ldconfig", "/srv/lib/a.py:2"]);
    tree(found).apply_config(&config("[keep]\ncommands = ['ldconfig']\n"), &none);
    tree("x = 1").apply_config(&config(""), &none).assert_gone(&["/usr/sbin/ldconfig"]);
}

/// Modules that the script imports are read, and those that it does not import are not.
#[test]
fn evidence_in_modules_that_are_imported_counts() {
    let modules = "/usr/lib/python3/dist-packages";
    let tree = |import: &str| {
        Rootfs::debian_like()
            .programs(&["/usr/bin/python3"])
            .text("/srv/app/main.py", format!("{import}\n"))
            .text("/srv/venv/lib/python3.11/site-packages/own.py", "find_library('x')\n")
            .text(format!("{modules}/draw/__init__.py"), "from . import surface\n")
            .text(format!("{modules}/draw/surface.py"), "from ctypes.util import find_library\nfind_library('c')\n")
            .text(format!("{modules}/cffi/api.py"), "find_library('x')\n")
            .text(format!("{modules}/other.py"), "find_library('x')\n")
            .package("python3-draw", &[&format!("{modules}/draw/__init__.py"), &format!("{modules}/draw/surface.py")])
    };
    let none: [&str; 0] = [];
    let config = |words: &str| format!("[run]\nuser = 'app:1000:1000'\ncommand = [{words}]\n");
    let script = config("'python3', '/srv/app/main.py'");
    for (import, words) in [
        ("import draw", script.clone()),
        ("from draw import surface as s", script.clone()),
        ("x = 1", config("'python3', '-m', 'draw'")),
    ] {
        let refused = tree(import).refuse_config(&words, &none);
        refused.says(&["ldconfig", &format!("{modules}/draw/surface.py:2")]).alone();
        tree(import).apply_config(&format!("{words}[keep]\ncommands = ['ldconfig']\n"), &none);
    }
    let own = config("'/srv/venv/bin/python3', '/srv/app/main.py'");
    let venv = || tree("import own").link("/srv/venv/bin/python3", "/usr/bin/python3");
    venv().refuse_config(&own, &none).says(&["site-packages/own.py:1"]).alone();
    for import in ["x = 1", "import cffi.api", "# import draw"] {
        tree(import).apply_config(&script, &none).assert_gone(&["/usr/sbin/ldconfig"]);
    }
}

/// The recipes of the goals, as make would run them.
#[test]
fn recipes_of_make_are_read() {
    let text = "N = $(shell find /app)\nTOOL = wget\nall: page\npage:\n\t@$(TOOL) -q x\nclean:\n\t$(RM) page\n";
    let tree = |path: &str| {
        let tree = Rootfs::debian_like();
        let tree = ["/usr/bin/make", "/usr/bin/find", "/usr/bin/rm", "/usr/bin/sh"]
            .iter()
            .fold(tree, |tree, path| if tree.has(path) { tree } else { tree.programs(&[path]) });
        tree.text(path, text)
    };
    let config = |run: &str, keep: &str| format!("[run]\nuser = 'app:1000:1000'\n{run}\n[keep]\ncommands = [{keep}]\n");
    let none: [&str; 0] = [];
    for (path, run) in [
        ("/srv/Makefile", "workdir = '/srv'\ncommand = ['make']"),
        ("/srv/GNUmakefile", "workdir = '/srv'\ncommand = ['make', '-s', 'all', 'V=1']"),
        ("/srv/a/Makefile", "command = ['make', '-C', '/srv/a']"),
        ("/srv/a/b.mk", "command = ['make', '--directory=/srv', '-f', 'a/b.mk', 'page']"),
    ] {
        let said = [format!("'find' ({path}:1)"), format!("'wget' ({path}:5)")];
        let refused = tree(path).refuse_config(&config(run, ""), &none);
        let refused = refused.says(&[&said[0], &said[1]]);
        assert!(!refused.run.all().contains(&format!("{path}:7")), "{}", refused.run.all());
        tree(path).apply_config(&config(run, "'find', 'wget'"), &none).assert_gone(&["/usr/bin/rm"]);
    }
    let run = "workdir = '/srv'\ncommand = ['make', 'clean']";
    let refused = tree("/srv/Makefile").refuse_config(&config(run, "'find'"), &none);
    refused.says(&["'rm' (/srv/Makefile:7)"]).alone();
    // Of a make that a script starts, the goals are not known.
    let run = "workdir = '/srv'\ncommand = ['/app/start']";
    let tree = tree("/srv/Makefile").script("/app/start", "#!/bin/sh\nmake clean\n");
    let refused = tree.refuse_config(&config(run, "'make', 'find'"), &none);
    refused.says(&["'wget' (/srv/Makefile:5)", "'rm' (/srv/Makefile:7)"]).alone();
}

#[test]
fn jobs_without_which_a_program_has_nothing_to_do_are_refused() {
    let mut tried = 0;
    for known in known().iter().filter(|known| !known.jobs.is_empty()) {
        for job in &known.jobs {
            let tree = |job: &str| {
                let inside = format!("{job}/job.service");
                Rootfs::debian_like().programs(&[&format!("/usr/sbin/{}", known.name)]).text(inside, "x\n")
            };
            let config = |more: &str| {
                format!(
                    "{more}\n[run]\nuser = 'app:1000:1000'\ncommand = ['/app/server']\n[keep]\ncommands = ['{}']\n",
                    known.name
                )
            };
            let none: [&str; 0] = [];
            let removed = tree(job).run("plan", &["--user", "app:1000:1000", "--command", "/app/server", "-v"]).all();
            // A pattern may name more than the rules remove.
            if !removed.contains(job.as_str()) {
                continue;
            }
            tree(job).refuse_config(&config(""), &none).says(&["refused[guard.jobs]", known.name]);
            tree(job).apply_config(
                &config("rules.'remove.init' = 'off'\nrules.'remove.cron' = 'off'\nrules.'remove.tunables' = 'off'"),
                &none,
            );
            tried += 1;
            break;
        }
    }
    assert!(tried >= 7, "{tried}");
}

#[test]
fn a_script_that_a_request_names_is_refused_without_its_interpreter() {
    let tree = |name: &str| {
        let path = format!("/usr/sbin/{name}");
        let tree = Rootfs::debian_like();
        let tree = if tree.has(&path) { tree } else { tree.programs(&[&path]) };
        tree.programs(&["/usr/bin/perl"]).script("/srv/cgi/a", "#!/usr/bin/perl\n")
    };
    let config =
        |name: &str, more: &str| format!("[run]\nuser = 'app:1000:1000'\ncommand = ['/usr/sbin/{name}']\n{more}\n");
    let none: [&str; 0] = [];
    let mut tried = 0;
    for known in known().iter().filter(|known| known.starts_any) {
        for &name in &known.names {
            let refused = tree(name).refuse_config(&config(name, ""), &none);
            refused
                .says(&["refused[guard.helpers]", "'/srv/cgi/a', owned by no package", "'/usr/bin/perl' is removed"])
                .alone();
            tree(name).apply_config(&config(name, "[keep]\ncommands = ['/usr/bin/perl']"), &none);
            tree(name).apply_config(&config(name, "[remove]\ncommands = ['/usr/bin/perl']"), &none);
            tried += 1;
        }
    }
    assert!(tried >= 4, "{tried}");
    // Of any other program it is said.
    let done = tree("server").apply_config(&config("server", ""), &none);
    assert!(
        done.run.stderr.contains("warning[guard.helpers]: '/srv/cgi/a', owned by no package"),
        "{}",
        done.run.all()
    );
    // A script of a package is that package's, and one of the system directories nobody starts by a request.
    let packaged = tree("server").package("cgi", &["/srv/cgi/a"]).script("/usr/share/x/a", "#!/usr/bin/perl\n");
    let done = packaged.apply_config(&config("server", ""), &none);
    assert!(!done.run.stderr.contains("owned by no package"), "{}", done.run.all());
}

#[test]
fn a_server_that_lets_accounts_log_in_needs_their_shells_and_the_file_of_the_others() {
    let mut tried = 0;
    for known in known().iter().filter(|known| !known.keys.is_empty()) {
        let tree = || {
            with(known)
                .account("web", 1001, "/srv/web", "/bin/sh")
                .text(format!("/srv/web/{}", known.keys[0]), "ssh-ed25519 A x\n")
        };
        let head = format!(
            "[rules]\n'remove.cron' = 'off'\n[run]\nuser = 'app:1000:1000'\ncommand = ['/usr/sbin/{}']\n[keep]\n\
             users = ['web', {{ name = 'sshd', optional = true }}]\n",
            known.name
        );
        let none: [&str; 0] = [];
        let refused = tree().refuse_config(&head, &none);
        refused.says(&["refused[guard.login-shells]", known.name, "[keep] shells = [\"web\"]"]);
        let done = tree().apply_config(&format!("{head}shells = ['web']\ncommands = ['/bin/sh']\n"), &none);
        done.assert_kept(&["/usr/sbin/nologin"]);
        tried += 1;
    }
    assert!(tried >= 2, "{tried}");
}

/// What lets an account log in shows that it is used, where the server is root: only then it can become the account.
#[test]
fn an_account_with_a_key_is_refused_until_it_is_kept() {
    let mut tried = 0;
    for known in known().iter().filter(|known| !known.keys.is_empty()) {
        for key in &known.keys {
            let key = if key.starts_with('/') { key.replace("%u", "web") } else { format!("/srv/web/{key}") };
            let tree = || {
                let tree = with(known).account("web", 1001, "/srv/web", "/bin/sh");
                tree.text(&key, "ssh-ed25519 A x\n")
            };
            let config = |start: &str, command: &str, keep: &str| {
                format!(
                    "[run]\nuser = 'app:1000:1000'\nstart = '{start}'\ncommand = ['{command}']\n[keep]\ncommands = ['{}', 'sh']\n{keep}",
                    known.name
                )
            };
            let none: [&str; 0] = [];
            let refused = tree().refuse_config(&config("root", known.name, ""), &none);
            refused
                .says(&["refused[guard.accounts]", "'web' would be pruned", &key, "[keep] users = [\"web\"]"])
                .alone();
            tree().apply_config(&config("root", known.name, "users = ['web']\nshells = ['web']\n"), &none);
            tree().apply_config(&config("user", known.name, ""), &none);
            let beside = tree().apply_config(&config("root", "/app/server", ""), &none);
            assert!(beside.run.stderr.contains("warning[guard.accounts]"), "{}", beside.run.all());
            with(known)
                .account("web", 1001, "/srv/web", "/bin/sh")
                .apply_config(&config("root", known.name, ""), &none);
            tried += 1;
        }
    }
    assert!(tried >= 4, "{tried}");
}

/// A compiler starts programs of its own directory that belong to other packages.
#[test]
fn programs_of_a_directory_of_another_package_stay_in_minimal_mode() {
    let own = "/usr/lib/gcc/x86_64-linux-gnu/12";
    let tree = Rootfs::debian_like()
        .programs(&["/usr/bin/gcc-12", "/usr/bin/cpp-12", &format!("{own}/cc1"), &format!("{own}/collect2")])
        .text(format!("{own}/crt.o"), "x")
        .package("gcc-12", &["/usr/bin/gcc-12", &format!("{own}/collect2"), &format!("{own}/crt.o")])
        .package("cpp-12", &["/usr/bin/cpp-12", &format!("{own}/cc1")]);
    let done = tree.apply_config("mode = 'minimal'\n[keep]\ncommands = ['gcc-12']\n", &APP);
    done.assert_kept(&[&format!("{own}/cc1"), &format!("{own}/collect2"), &format!("{own}/crt.o")]);
    done.assert_gone(&["/usr/bin/cpp-12"]);
}

#[test]
fn data_that_a_program_opens_by_computed_names_is_kept() {
    let tree =
        Rootfs::debian_like().programs(&["/usr/bin/tesseract"]).package("tesseract-ocr", &["/usr/bin/tesseract"]);
    let data = "/usr/share/tesseract-ocr/5/tessdata/deu.traineddata";
    let tree = tree.text(data, "x").package("tesseract-ocr-deu", &[data]);
    let applied = tree.apply_config("mode = 'minimal'\n[keep]\ncommands = ['tesseract']\n", &APP);
    applied.assert_kept(&[data]);
}

/// A link on the way is a name, too; the settings that it leads to are read through it.
#[test]
fn links_among_data_that_a_program_opens_stay_with_the_settings_that_they_lead_to() {
    let names = ["/usr/share/groff/site-tmac", "/usr/share/groff/current", "/usr/share/groff/1/font"];
    let data = ["/etc/groff/man.local", "/usr/share/groff/1/tmac/an.tmac"];
    let tree = Rootfs::debian_like()
        .programs(&["/usr/bin/groff"])
        .package("groff-base", &["/usr/bin/groff", data[1], names[0], names[1], names[2]])
        .text(data[0], "x")
        .text(data[1], "x")
        .text("/usr/share/fonts/lots", "x")
        .link(names[0], "/etc/groff")
        .link(names[1], "1")
        .link(names[2], "../../fonts")
        .package("fonts", &["/usr/share/fonts/lots"])
        // It loses all its commands.
        .programs(&["/usr/bin/other"])
        .package("groff-settings", &["/usr/bin/other", data[0]]);
    let applied = tree.apply_config("mode = 'minimal'\n[keep]\ncommands = ['groff']\n", &APP);
    applied.assert_kept(&[names[0], names[1], data[0], data[1]]);
    applied.assert_gone(&["/usr/share/fonts/lots"]);
}

#[test]
fn program_files_of_ones_own_are_read_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("harden.toml");
    let own = directory.path().join("programs");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(
        &config,
        "[run]\nuser = 'app:1000:1000'\ncommand = ['mine']\n[programs]\nfiles = ['programs/*.toml']\n",
    )
    .unwrap();
    let say = |name: &str, text: &str| std::fs::write(own.join(name), text).unwrap();
    let args = ["--config", config.to_str().unwrap()];
    let tree = || Rootfs::debian_like().programs(&["/usr/bin/mine"]);
    tree().refuse(&args).says(&["harden.toml:5:10", "names no file"]);
    say("mine.toml", "names = ['mine']\n[[starts]]\nprogram = ['wget']\nwhen = 'allways'\nreason = 'to fetch'\n");
    tree().refuse(&args).says(&["mine.toml:4:8", "did you mean \"always\"?"]);
    say("mine.toml", "names = ['mine']\n[[starts]]\nprogram = ['wget']\nwhen = 'always'\nreason = 'to fetch'\n");
    tree().apply(&args).assert_kept(&["/usr/bin/wget"]);
    // One of the same name takes the place of what is built in.
    say("nginx.toml", "names = ['nginx']\n");
    let tree = Rootfs::debian_like()
        .programs(&["/usr/bin/mine", "/usr/sbin/nginx"])
        .text("/etc/nginx/nginx.conf", "user www-data;\n");
    let all = ["--config", config.to_str().unwrap(), "--keep", "nginx"];
    tree.apply(&all);
}

/// githooks(5): an executable file of a hook's name runs; a sample of the templates does not, and those of other programs are
/// theirs.
#[test]
fn hooks_of_a_repository_keep_their_interpreter() {
    let tree = |path: &str| {
        let tree = Rootfs::debian_like().programs(&["/usr/bin/git", "/usr/bin/hooks"]);
        tree.script(path, "#!/usr/bin/hooks\nexit 0\n")
    };
    let config = "[keep]\ncommands = ['git']\n";
    for path in [
        "/repo.git/hooks/update",
        "/srv/one.git/hooks/post-receive",
        "/srv/git/one/hooks/pre-receive",
        "/app/.git/hooks/pre-commit",
        "/var/lib/git/one.git/hooks/post-update",
    ] {
        tree(path).apply_config(config, &APP).assert_same(&["/usr/bin/hooks"]);
    }
    for path in [
        "/srv/git/one/hooks/post-receive.sample",
        "/app/.git/hooks/pre-commit.sample",
        "/usr/share/initramfs-tools/hooks/thermal",
        "/usr/lib/cups/hooks/update",
        "/etc/dhcp/hooks/update",
    ] {
        tree(path).apply_config(config, &APP).assert_gone(&["/usr/bin/hooks"]);
    }
}

/// pg_wrapper(1): the name of a tool of PostgreSQL is a link to one script, which starts the program of that name.
#[test]
fn a_wrapper_of_many_names_keeps_the_program_of_its_own_name() {
    for name in ["psql", "createdb", "pg_restore"] {
        let real = |name: &str| format!("/usr/lib/postgresql/15/bin/{name}");
        let all = ["psql", "createdb", "pg_restore"].map(real);
        let tree = Rootfs::debian_like()
            .programs(&["/usr/bin/perl", &all[0], &all[1], &all[2]])
            .script("/usr/share/postgresql-common/pg_wrapper", "#!/usr/bin/perl\nexec @cmd;\n")
            .link(format!("/usr/bin/{name}"), "../share/postgresql-common/pg_wrapper")
            .package("postgresql-client-15", &[&all[0], &all[1], &all[2]]);
        let applied = tree.apply_config(&format!("[keep]\ncommands = ['{name}', 'perl']\n"), &APP);
        applied.assert_same(&[&real(name)]);
    }
}
