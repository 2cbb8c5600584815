//! Texts in kept ELF programs that name programs and accounts: what is kept by them, refused, warned about, and left alone.

use crate::common::{LOADER, Rootfs, Run, Spec};

/// The image's own program, and one that stays beside it.
const OWN: &str = "[run]\nuser = 'app:1000:1000'\nstart = 'root'\ncommand = ['tool']\n";
const BESIDE: &str =
    "[run]\nuser = 'app:1000:1000'\nstart = 'root'\ncommand = ['/app/server']\n[keep]\ncommands = ['tool']\n";

/// The helper of the package never runs.
const QUIET: &str = "[remove]\ncommands = ['perl']\n";

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/libjobs.so.1";

/// What in a tree names something.
#[derive(Clone, Copy)]
struct Case<'a> {
    /// What `/usr/bin/tool` imports, and its library.
    imports: &'a [&'a str],
    library: &'a [&'a str],
    /// A text in it.
    text: &'a str,
    /// The package of `/usr/bin/other`, and what tool's package depends on.
    package: &'a str,
    depends: &'a str,
}

const CASE: Case<'_> =
    Case { imports: &["execv"], library: &["printf"], text: "/usr/bin/other", package: "other", depends: "" };

impl Case<'_> {
    fn tree(self) -> Rootfs {
        let mut tool = Spec {
            interpreter: Some(LOADER),
            imports: self.imports.to_vec(),
            needed: vec!["libjobs.so.1", "libc.so.6"],
            pie: true,
            ..Spec::default()
        }
        .build();
        tool.extend([&b"\0"[..], self.text.as_bytes(), b"\0"].concat());
        let library = Spec {
            soname: Some("libjobs.so.1"),
            imports: self.library.to_vec(),
            needed: vec!["libc.so.6"],
            ..Spec::default()
        }
        .build();
        let other = if self.package == "tool" { "/usr/bin/other\n" } else { "" };
        let mut status =
            format!("Package: tool\nStatus: install ok installed\nVersion: 1\nDepends: {}\n", self.depends);
        let mut tree = Rootfs::debian_like()
            .file("/usr/bin/tool", 0o755, 0, 0, tool)
            .file(LIBRARY, 0o644, 0, 0, library)
            .programs(&["/usr/bin/other", "/usr/bin/gcc"])
            .script("/usr/lib/tool/bin/helper", "#!/usr/bin/perl\n")
            .programs(&["/usr/bin/perl"])
            .text(
                "/var/lib/dpkg/info/tool.list",
                format!("/usr/bin/tool\n{other}/usr/lib/tool\n/usr/lib/tool/bin\n/usr/lib/tool/bin/helper\n"),
            );
        if self.package != "tool" {
            status += &format!("\nPackage: {}\nStatus: install ok installed\nVersion: 1\n", self.package);
            tree = tree.text(format!("/var/lib/dpkg/info/{}.list", self.package), "/usr/bin/other\n/usr/bin/gcc\n");
        }
        tree.text("/var/lib/dpkg/status", status)
    }
}

fn said(run: &Run, id: &str) -> usize {
    run.stderr.lines().filter(|line| line.contains(&format!("[{id}]")) && line.contains("/usr/bin/tool'")).count()
}

#[test]
fn a_program_of_the_same_package_or_of_one_that_is_needed_stays_by_its_path() {
    for (package, depends) in [("tool", ""), ("other", "libc6, other (>= 1)")] {
        for (imports, library) in [(&["execv"][..], &["printf"][..]), (&["printf"], &["posix_spawn"])] {
            for config in [OWN, BESIDE] {
                let case = Case { imports, library, package, depends, ..CASE };
                let done = case.tree().apply_config(config, &[]);
                done.assert_kept(&["/usr/bin/other"]);
                let explained =
                    case.tree().run("explain", &["--user", "app:1000", "--command", "tool", "/usr/bin/other"]);
                assert!(explained.all().contains("named by its path in /usr/bin/tool"), "{}", explained.all());
            }
        }
    }
}

#[test]
fn a_related_command_stays_by_its_bare_name_where_the_file_itself_starts_programs() {
    let named = Case { imports: &["execvp"], text: "other", ..CASE };
    for (package, depends) in [("tool", ""), ("other", "libc6, other (>= 1)")] {
        for imports in [["execvp"], ["execv"], ["posix_spawnp"], ["popen"], ["g_spawn_async"]] {
            for config in [OWN, BESIDE] {
                let case = Case { imports: &imports, package, depends, ..named };
                case.tree().apply_config(config, &[]).assert_kept(&["/usr/bin/other"]);
                let explained =
                    case.tree().run("explain", &["--user", "app:1000", "--command", "tool", "/usr/bin/other"]);
                assert!(explained.all().contains("named by its name in /usr/bin/tool"), "{}", explained.all());
            }
        }
        // What is named is not taken for started: it may go knowingly.
        let gone = format!("{OWN}[remove]\ncommands = ['other', 'perl']\n");
        Case { package, depends, ..named }.tree().apply_config(&gone, &["--strict"]).assert_gone(&["/usr/bin/other"]);
    }
    let own = Case { package: "tool", ..named };
    let config = format!("{OWN}{QUIET}");
    for (case, why) in [
        (named, "an unrelated package: any word can be a command"),
        (Case { imports: &["printf"], library: &["execvp"], ..own }, "a library starts what it is told"),
        (Case { imports: &["printf"], ..own }, "it starts nothing"),
        (Case { imports: &["execvp", "other"], ..own }, "a function that it calls has the name"),
        (Case { text: "another", ..own }, "a part of a word"),
        (Case { text: "other: %s", ..own }, "a message"),
    ] {
        let done = case.tree().apply_config(&config, &["--strict"]);
        assert_eq!(done.run.status, 0, "{why}: {}", done.run.all());
        done.assert_gone(&["/usr/bin/other"]);
    }
}

#[test]
fn a_bare_name_of_what_no_text_keeps_is_refused_where_names_are_looked_up_in_path() {
    let needs = Case { imports: &["execlp"], text: "gcc", depends: "other", ..CASE };
    let refused = needs.tree().refuse_config(OWN, &[]);
    refused.says(&["names some that would be removed: 'gcc'", "[keep] commands = [\"gcc\"]"]).alone();
    needs.tree().apply_config(&format!("{OWN}[keep]\ncommands = ['gcc']\n"), &[]).assert_kept(&["/usr/bin/gcc"]);
    needs.tree().apply_config(&format!("{OWN}[remove]\ncommands = ['gcc']\n"), &[]).assert_gone(&["/usr/bin/gcc"]);
    assert_eq!(said(&needs.tree().apply_config(BESIDE, &[]).run, "guard.starts"), 1);
    let path = Case { imports: &["execv"], ..needs };
    path.tree().apply_config(&format!("{OWN}{QUIET}"), &["--strict"]).assert_gone(&["/usr/bin/gcc"]);
    // A script would bring its interpreter along.
    let script = || {
        let case = Case { imports: &["execvp"], text: "other", package: "tool", ..CASE };
        case.tree().script("/usr/bin/other", "#!/usr/bin/perl\n")
    };
    script().refuse_config(OWN, &[]).says(&["'other'", "[keep] commands = [\"other\"]"]).alone();
    script().apply_config(&format!("{OWN}[keep]\ncommands = ['other']\n"), &[]).assert_kept(&["/usr/bin/perl"]);
    // A package of very many commands is a collection: their names are words.
    let tree = |count: usize| {
        let mut commands = vec!["/usr/bin/other".to_owned(), "/usr/bin/tool".to_owned()];
        commands.extend((2..count).map(|at| format!("/usr/bin/t{at}")));
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        let case = Case { imports: &["execvp"], text: "other", ..CASE };
        case.tree().programs(&commands[2..]).package("tool", &commands)
    };
    tree(50).apply_config(OWN, &[]).assert_kept(&["/usr/bin/other"]);
    tree(51).apply_config(OWN, &[]).assert_gone(&["/usr/bin/other"]);
}

#[test]
fn a_path_alone_is_a_warning_and_what_starts_nothing_says_nothing() {
    let done = CASE.tree().apply_config(OWN, &[]);
    done.assert_gone(&["/usr/bin/other"]);
    assert_eq!(said(&done.run, "guard.starts"), 1, "{}", done.run.all());
    CASE.tree().refuse_config(OWN, &["--strict"]).says(&["'/usr/bin/other'", "[keep] commands = [\"/usr/bin/other\"]"]);
    // The C library has every function, and a library of others starts what it is told.
    for (imports, library) in [(&["printf"][..], &["printf"][..]), (&["printf"], &["execv"])] {
        let done = Case { imports, library, ..CASE }.tree().apply_config(OWN, &[]);
        assert_eq!(said(&done.run, "guard.starts"), 0, "{}", done.run.all());
    }
    let done = Case { imports: &["printf"], package: "tool", ..CASE }.tree().apply_config(OWN, &[]);
    done.assert_gone(&["/usr/bin/other"]);
}

#[test]
fn a_command_line_is_refused_where_the_program_is_the_images_own() {
    let line = Case { text: "other -rf %s/files.db\0sh", ..CASE };
    let refused = line.tree().refuse_config(OWN, &[]);
    refused.says(&["'other' (in the command line 'other -rf %s/files.db')", "[keep] commands = [\"other\"]"]).alone();
    assert_eq!(said(&line.tree().apply_config(BESIDE, &[]).run, "guard.starts"), 1);
    line.tree()
        .apply_config(&format!("{OWN}[keep]\ncommands = ['other']\n{QUIET}"), &["--strict"])
        .assert_kept(&["/usr/bin/other"]);
    line.tree()
        .apply_config(&format!("{OWN}[remove]\ncommands = ['other', 'perl']\n"), &["--strict"])
        .assert_gone(&["/usr/bin/other"]);
    // system(3) needs the shell too: kept without it, the command does not run.
    let line = Case { imports: &["system"], text: "other -rf %s/files.db", ..line };
    line.tree().refuse_config(OWN, &[]).says(&["[keep] commands = [\"other\", \"sh\"]"]).alone();
    let half = format!("{OWN}[keep]\ncommands = ['other']\n");
    line.tree().refuse_config(&half, &[]).says(&["'/bin/sh' (which runs its command lines)"]).alone();
    line.tree().apply_config(&format!("{OWN}[keep]\ncommands = ['other', 'sh']\n{QUIET}"), &["--strict"]);
    // Sentences are no command lines.
    for text in ["other %s: not found", "other files", "other > MAX", "xother -rf x", "other -rf x"] {
        Case { text, ..CASE }
            .tree()
            .apply_config(&format!("{OWN}{QUIET}"), &["--strict"])
            .assert_gone(&["/usr/bin/other"]);
    }
}

#[test]
fn compilers_and_set_id_programs_are_never_kept_by_a_text() {
    let case = Case { text: "/usr/bin/gcc", depends: "other", ..CASE };
    case.tree().refuse_config(OWN, &[]).says(&["'/usr/bin/gcc'", "[keep] commands = [\"/usr/bin/gcc\"]"]).alone();
    case.tree().apply_config(BESIDE, &[]).assert_gone(&["/usr/bin/gcc"]);
    let other = crate::common::program(LOADER, &["libc.so.6"]);
    let tree = Case { package: "tool", ..CASE }.tree().file("/usr/bin/other", 0o4755, 0, 0, other);
    tree.refuse_config(OWN, &[]).says(&["'/usr/bin/other'"]).alone();
    // By its bare name it is named too, in its own package: nullmailer-inject starts nullmailer-queue.
    let other = || crate::common::program(LOADER, &["libc.so.6"]);
    let tree = |package| Case { package, depends: "other", text: "other", ..CASE }.tree();
    let named = tree("tool").file("/usr/bin/other", 0o4755, 0, 0, other());
    named
        .refuse_config(OWN, &[])
        .says(&["'other'", "[keep] commands = [\"other\"]", "[keep] setid = [\"/usr/bin/other\"]"])
        .alone();
    tree("other").file("/usr/bin/other", 0o4755, 0, 0, other()).apply_config(&format!("{OWN}{QUIET}"), &["--strict"]);
}

#[test]
fn a_helper_that_is_named_keeps_its_interpreter_and_any_other_is_warned_about() {
    for text in ["/usr/lib/tool/bin/helper", "%s/bin/helper\0/usr/lib/tool"] {
        let done = Case { text, ..CASE }.tree().apply_config(OWN, &["--strict"]);
        done.assert_kept(&["/usr/lib/tool/bin/helper", "/usr/bin/perl"]);
    }
    let not = Case { text: "%s/bin/helper", ..CASE };
    let done = not.tree().apply_config(OWN, &[]);
    done.assert_gone(&["/usr/bin/perl"]);
    assert!(done.run.stderr.contains("warning[guard.helpers]"), "{}", done.run.all());
    not.tree().refuse_config(OWN, &["--strict"]).says(&["/usr/lib/tool/bin/helper'", "'/usr/bin/perl'"]).alone();
    not.tree().apply_config(&format!("{OWN}[keep]\ncommands = ['perl']\n"), &["--strict"]);
    not.tree().apply_config(&format!("{OWN}[remove]\ncommands = ['perl']\n"), &["--strict"]);
}

/// Put together at run time from a directory and a name, both of which stand there whole.
#[test]
fn a_helper_of_a_related_package_stays_by_its_directory_and_its_name() {
    let tree = |text: &str, depends: &str| {
        let tree = Case { text, depends, ..CASE }.tree().programs(&["/usr/lib/jobs/12/worker"]);
        let status = tree.read("/var/lib/dpkg/status");
        tree.text(
            "/var/lib/dpkg/status",
            format!("{status}\nPackage: jobs\nStatus: install ok installed\nVersion: 1\n"),
        )
        .programs(&["/usr/bin/jobs"])
        .text("/var/lib/dpkg/info/jobs.list", "/usr/bin/jobs\n/usr/lib/jobs/12/worker\n")
    };
    let config = format!("mode = 'minimal'\n{OWN}{QUIET}");
    for text in ["/usr/lib/jobs\0worker", "/usr/lib/jobs/\0worker", "worker\0/usr/lib/jobs/12"] {
        let done = tree(text, "jobs").apply_config(&config, &[]);
        done.assert_kept(&["/usr/lib/jobs/12/worker"]);
        done.assert_gone(&["/usr/bin/jobs"]);
    }
    for (text, depends) in [
        ("/usr/lib/jobs\0worker", ""),
        ("/usr/lib\0worker", "jobs"),
        ("/usr/lib/jobs\0workers", "jobs"),
        ("worker", "jobs"),
    ] {
        tree(text, depends).apply_config(&config, &[]).assert_gone(&["/usr/lib/jobs/12/worker"]);
    }
}

#[test]
fn a_helper_that_the_images_program_names_is_read_as_a_script_that_runs() {
    let tree = |text| {
        let tree = Case { text, ..CASE }.tree().programs(&["/usr/bin/sleeper"]);
        tree.script("/usr/lib/tool/bin/helper", "#!/bin/sh\nsleeper 1\n")
    };
    let named = "/usr/lib/tool/bin/helper";
    tree(named)
        .refuse_config(OWN, &[])
        .says(&["/usr/lib/tool/bin/helper:2", "[keep] commands = [\"sleeper\"]"])
        .alone();
    tree(named).apply_config(&format!("{OWN}[keep]\ncommands = ['sleeper']\n"), &[]).assert_kept(&["/usr/bin/dash"]);
    tree(named).apply_config(BESIDE, &[]).assert_kept(&["/usr/bin/dash"]);
    tree("/usr/lib/tool").apply_config(OWN, &[]).assert_gone(&["/usr/bin/dash", "/usr/bin/sleeper"]);
}

#[test]
fn an_account_whose_name_is_a_whole_text_of_the_images_program_is_refused() {
    fn tree(imports: &[&str], library: &[&str], text: &str) -> Rootfs {
        let tree = Case { imports, library, text, ..CASE }.tree();
        tree.line("passwd", "vdrop:x:779:65534::/:/usr/sbin/nologin").line("group", "vgroup:x:780:")
    }
    let none: &[&str] = &["printf"];
    for (functions, name, list) in
        [("getpwnam", "vdrop", "users"), ("getpwnam_r", "vdrop", "users"), ("getgrnam", "vgroup", "groups")]
    {
        let one = [functions, "setgid"];
        for (own, library) in [(&one[..], none), (none, &one[..])] {
            let help = format!("[keep] {list} = [\"{name}\"]");
            tree(own, library, name).refuse_config(OWN, &[]).says(&[name, &help]).alone();
            tree(own, library, name).apply_config(&format!("{OWN}[keep]\n{list} = ['{name}']\n"), &[]);
            // Who is not root when it starts becomes nobody else.
            let done = tree(own, library, name).apply_config(&OWN.replace("start = 'root'\n", ""), &[]);
            assert_eq!(said(&done.run, "guard.accounts"), 1, "{}", done.run.all());
            assert_eq!(said(&tree(own, library, name).apply_config(BESIDE, &[]).run, "guard.accounts"), 1);
            let done = tree(&[functions], none, name).apply_config(OWN, &[]);
            assert_eq!(said(&done.run, "guard.accounts"), 1, "{}", done.run.all());
        }
    }
    // Parts of other texts, groups for accounts, and what looks nothing up.
    for (imports, text) in [(&["getpwnam"][..], "xvdrop"), (&["getpwnam"], "vgroup"), (none, "vdrop")] {
        assert_eq!(said(&tree(imports, none, text).apply_config(OWN, &[]).run, "guard.accounts"), 0);
    }
    // Accounts that every image has are words of the language.
    assert_eq!(said(&tree(&["getpwnam"], none, "games").apply_config(OWN, &[]).run, "guard.accounts"), 0);
}

/// What made the account tells whose it is; the one for nobody is a server's.
#[test]
fn an_account_of_another_package_is_a_word_and_the_one_for_nobody_a_servers() {
    let tree = |maker: &str, imports: &[&str], text: &str| {
        let case = Case { imports, text, depends: if maker == "needed" { "other" } else { "" }, ..CASE };
        let maker = if maker == "needed" { "other" } else { maker };
        let tree = case.tree().line("passwd", "vdrop:x:779:65534::/:/usr/sbin/nologin");
        let script = format!("/var/lib/dpkg/info/{maker}.postinst");
        if maker.is_empty() { tree } else { tree.text(script, "#!/bin/sh\nadduser --system vdrop\n") }
    };
    let lookup = ["getpwnam", "setuid"];
    for maker in ["", "tool", "needed"] {
        tree(maker, &lookup, "vdrop").refuse_config(OWN, &[]).says(&["'vdrop'", "[keep] users = [\"vdrop\"]"]).alone();
    }
    let done = tree("other", &lookup, "vdrop").apply_config(OWN, &[]);
    assert_eq!(said(&done.run, "guard.accounts"), 1, "{}", done.run.all());
    tree("other", &lookup, "vdrop").refuse_config(OWN, &["--strict"]).says(&["'vdrop'"]);
    // Without a word of who made it, the parts of syslog are words.
    let logs = tree("", &lookup, "cron").line("passwd", "cron:x:781:65534::/:/usr/sbin/nologin");
    assert_eq!(said(&logs.apply_config(OWN, &[]).run, "guard.accounts"), 1);
    let server = ["getpwnam", "setuid", "accept"];
    tree("", &server, "nobody").refuse_config(OWN, &[]).says(&["'nobody'", "[keep] users = [\"nobody\"]"]).alone();
    let done = tree("", &lookup, "nobody").apply_config(OWN, &[]);
    assert_eq!(said(&done.run, "guard.accounts"), 1, "{}", done.run.all());
}

/// A script tells nowhere which account its modules look up; the package that made the account is its own.
#[test]
fn an_account_that_the_package_of_a_script_made_is_refused() {
    let tree = |maker: &str| {
        let tree = CASE.tree().line("passwd", "vdrop:x:779:65534::/:/usr/sbin/nologin");
        let tree = tree.script("/usr/bin/tool", "#!/usr/bin/perl\nuse Drop;\n");
        tree.text(format!("/var/lib/dpkg/info/{maker}.postinst"), "#!/bin/sh\nadduser --system vdrop\n")
    };
    tree("tool")
        .refuse_config(OWN, &[])
        .says(&["the script '/usr/bin/tool' starts as root, and its package made the account 'vdrop'"])
        .says(&["[keep] users = [\"vdrop\"]"])
        .alone();
    tree("tool").apply_config(&format!("{OWN}[keep]\nusers = ['vdrop']\n"), &[]);
    tree("tool").apply_config(&OWN.replace("start = 'root'\n", ""), &[]);
    for config in [OWN, BESIDE] {
        tree("other").apply_config(config, &[]);
    }
    tree("tool").apply_config(BESIDE, &[]);
}

/// What an option of the command line names, where the program looks names up and can become another account.
#[test]
fn an_account_that_an_option_of_the_command_names_is_refused() {
    let tree = |imports: &[&str]| {
        let case = Case { imports, text: "other", ..CASE };
        case.tree().line("passwd", "vdrop:x:779:65534::/:/usr/sbin/nologin")
    };
    let lookup = ["getpwnam", "setuid"];
    let run = |words: &str| OWN.replace("['tool']", words);
    for words in ["['tool', '-u', 'vdrop']", "['tool', '--user=vdrop:nogroup', 'x']", "['tool', '-o', 'vdrop.x']"] {
        let refused = tree(&lookup).refuse_config(&run(words), &[]);
        refused
            .says(&["'/usr/bin/tool' looks account names up and gets 'vdrop' as the value of an option"])
            .says(&["[keep] users = [\"vdrop\"]"])
            .alone();
        tree(&lookup).apply_config(&format!("{}[keep]\nusers = ['vdrop']\n", run(words)), &[]);
        // It cannot become another account, or has nothing to do with accounts.
        tree(&lookup).apply_config(&run(words).replace("start = 'root'\n", ""), &[]);
        tree(&["getpwnam"]).apply_config(&run(words), &[]);
    }
    for words in ["['tool', 'vdrop']", "['tool', '--', '-u', 'vdrop']", "['tool', '-u', 'vdropped']"] {
        tree(&lookup).apply_config(&run(words), &[]);
    }
}

/// A group is looked up as an account is: cupsd ends where the one of `SystemGroup` is unknown.
#[test]
fn a_group_that_the_package_made_and_its_configuration_names_is_refused() {
    let case = Case { imports: &["getpwnam", "setuid"], text: "other", ..CASE };
    let (list, file) = ("/var/lib/dpkg/info/tool.list", "/etc/tool/tool.conf");
    let tree = case.tree().line("group", "tooladm:x:779:").text(file, "SystemGroup root tooladm\n");
    let files = format!("{}{file}\n", tree.read(list));
    let tree = tree.text(list, files).text("/var/lib/dpkg/info/tool.postinst", "#!/bin/sh\ngroupadd -r tooladm\n");
    let refused = tree.refuse_config(OWN, &[]);
    refused.says(&["made the group 'tooladm'", "/etc/tool/tool.conf:1", "[keep] groups = [\"tooladm\"]"]).alone();
}

/// The package made the account for its own server, and only the configuration names it.
#[test]
fn an_account_that_the_package_made_and_its_configuration_names_is_refused() {
    let tree = |file: &str, text: &str, imports: &[&str]| {
        let case = Case { imports, text: "other", ..CASE };
        let list = "/var/lib/dpkg/info/tool.list";
        let tree = case.tree().line("passwd", "vdrop:x:779:65534::/:/usr/sbin/nologin").text(file, text);
        let files = format!("{}{file}\n", tree.read(list));
        tree.text(list, files).text("/var/lib/dpkg/info/tool.postinst", "#!/bin/sh\nuseradd -r vdrop\n")
    };
    let lookup = ["getpwnam", "setuid"];
    let setting = "# vdrop\nadmin.user STRING vdrop\n";
    let refused = tree("/etc/tool/tool.conf", setting, &lookup).refuse_config(OWN, &[]);
    refused
        .says(&["its package made the account 'vdrop'", "/etc/tool/tool.conf:2", "[keep] users = [\"vdrop\"]"])
        .alone();
    let kept = format!("{OWN}[keep]\nusers = ['vdrop']\n");
    tree("/etc/tool/tool.conf", setting, &lookup).apply_config(&kept, &[]);
    tree("/etc/tool/tool.conf", setting, &lookup).apply_config(&OWN.replace("start = 'root'\n", ""), &[]);
    tree("/etc/tool/tool.conf", setting, &lookup).apply_config(BESIDE, &[]);
    for (file, text, imports) in [
        ("/etc/tool/tool.conf", "# vdrop\nx = vdrops\n", &lookup[..]),
        ("/etc/logrotate.d/tool", setting, &lookup),
        ("/etc/tool/tool.conf", setting, &["getpwnam"]),
    ] {
        tree(file, text, imports).apply_config(OWN, &[]);
    }
}

/// Servers of FTP let in only whom shells(5) knows: by a function of the C library, by reading it, or through PAM.
#[test]
fn a_shell_that_a_login_with_a_password_asks_for_is_kept_or_refused() {
    let config = format!("{OWN}[keep]\nusers = ['human']\n[rules]\n'accounts.lock' = 'off'\n");
    let tree = |text: &str, auth: &str| {
        let case = Case { text, imports: &["getpwnam"], ..CASE };
        case.tree()
            .program("/usr/bin/bash")
            .text("/etc/pam.d/tool", format!("auth required pam_unix.so\n{auth}"))
            .account("human", 1001, "/home/human", "/usr/bin/bash")
            .line("shadow", "human:$6$salt$hash:19000:0:99999:7:::")
    };
    let shells = "auth required pam_shells.so\n";
    for (text, auth) in [("getusershell", ""), ("/etc/shells", ""), ("x", shells)] {
        tree(text, auth)
            .refuse_config(&config, &[])
            .says(&["'/usr/bin/tool' accepts a password only of accounts with a login shell, so it would refuse 'human', '/usr/bin/bash'"])
            .says(&["[keep] shells = [\"human\"] and [keep] commands = [\"/usr/bin/bash\"]"])
            .alone();
        let kept = config.replace("['human']", "['human']\nshells = ['human']\ncommands = ['/usr/bin/bash']");
        tree(text, auth).apply_config(&kept, &[]);
    }
    for (text, auth) in [("x", ""), ("etc/shells", "# pam_shells\n")] {
        tree(text, auth).apply_config(&config, &[]);
    }
}

#[test]
fn passwords_that_a_kept_service_asks_for_are_named_when_they_are_taken() {
    let tree = |auth: &str| {
        CASE.tree()
            .text("/etc/pam.d/tool", format!("auth required {auth}\n"))
            .account("human", 1001, "/home/human", "/bin/sh")
            .line("shadow", "human:$6$salt$hash:19000:0:99999:7:::")
    };
    let config = format!("{OWN}[keep]\nusers = ['human']\n");
    let refused = tree("pam_unix.so").refuse_config(&config, &[]);
    refused
        .says(&["'/usr/bin/tool' checks passwords through PAM", "'human' (/etc/shadow:", "\"accounts.lock\" = \"off\""])
        .alone();
    let pruned = tree("pam_unix.so").refuse_config(OWN, &[]);
    pruned
        .says(&["the account 'human' would be pruned, but the kept '/usr/bin/tool' checks passwords through PAM"])
        .says(&["[keep] users = [\"human\"]"])
        .alone();
    let beside = format!("{BESIDE}users = ['human']\n");
    let done = tree("pam_unix.so").apply_config(&beside, &[]);
    assert!(done.run.stderr.contains("warning[guard.passwords]"), "{}", done.run.all());
    let on = format!("{config}[rules]\n'accounts.lock' = 'on'\n");
    let off = format!("{config}[rules]\n'accounts.lock' = 'off'\n");
    for (auth, config) in
        [("pam_unix.so", &off), ("pam_unix.so", &on), ("pam_deny.so", &config), ("pam_deny.so", &OWN.to_owned())]
    {
        let done = tree(auth).apply_config(config, &[]);
        assert!(!done.run.stderr.contains("[guard.passwords]"), "{auth}: {}", done.run.all());
    }
}

/// Helpers that are built from one library name the same programs.
#[test]
fn files_that_name_the_same_are_one_warning() {
    let mut tree = Rootfs::debian_like().programs(&["/usr/bin/other"]);
    let files: Vec<String> = (1..=5).map(|at| format!("/usr/bin/tool{at}")).collect();
    for file in &files {
        let mut tool = Spec {
            interpreter: Some(LOADER),
            imports: vec!["execv"],
            needed: vec!["libc.so.6"],
            pie: true,
            ..Spec::default()
        }
        .build();
        tool.extend(b"\0/usr/bin/other\0");
        tree = tree.file(file, 0o755, 0, 0, tool);
    }
    let config = |files: &[String]| {
        format!("[run]\nuser = 'app:1000:1000'\ncommand = ['/app/server']\n[keep]\ncommands = {files:?}\n")
    };
    let done = tree.apply_config(&config(&files), &[]);
    let lines: Vec<&str> = done.run.stderr.lines().filter(|line| line.contains("[guard.starts]")).collect();
    assert_eq!(lines.len(), 1, "{}", done.run.all());
    let list = "'/usr/bin/tool1', '/usr/bin/tool2', '/usr/bin/tool3' and 2 more can start other programs and name some that \
                would be removed: '/usr/bin/other'";
    assert!(lines[0].contains(list), "{}", lines[0]);
}
