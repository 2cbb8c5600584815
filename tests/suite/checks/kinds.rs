//! The kinds of images that broke in silence, with everything switched off that foresees them from texts: a check of the
//! image's command alone has to show what it uses, in one refusal whose lines settle it in one round.

use std::fs;

use super::image::{Options, apply_with, root};
use super::seen::{shell, told, with};
use crate::common::Rootfs;

const BLIND: &str = "export TEST_WITHOUT_EVIDENCE=1; exec /harden apply --config /image.toml";

/// One kind.
struct Kind<'a> {
    /// The image.
    image: &'a dyn Fn() -> Rootfs,
    /// Its command, and the check's; an array in TOML.
    command: &'a str,
    /// Options besides.
    options: &'a str,
    /// What the refusal names.
    named: &'a [&'a str],
    /// What the check prints in the end.
    prints: &'a str,
}

fn shows(kind: &Kind<'_>) {
    let config = format!(
        "[run]\nuser = \"app:1000:1000\"\nhome = \"/app\"\ncommand = {0}\n[check]\ncommands = [{0}]\n",
        kind.command
    );
    let run = |keep: &str| {
        let script = format!("{BLIND} {}", kind.options);
        let root = (kind.image)().text("/image.toml", format!("{config}{keep}\n"));
        apply_with(&root, "", Options { script: &script, ..Options::default() })
    };
    let refused = run("");
    refused.ends_with(2).says(kind.named).says(&["refused[guard.checks] /image.toml:6:13: ", "nothing was changed"]);
    // A check may write, and nothing of it is left.
    assert_eq!(refused.before.diff(&refused.after), Vec::<String>::new(), "{}", refused.said);
    assert_eq!(refused.said.matches("refused[").count(), 1, "{}", refused.said);
    run(&told(&refused)).ends_with(0).says(&["check passed: ", kind.prints]);
}

fn program(root: Rootfs, name: &str) -> Rootfs {
    with(root, &format!("/usr/bin/{name}"), &format!("/usr/bin/{name}"))
}

/// A package of these files, of which nothing else is kept.
fn package(root: Rootfs, name: &str, files: &[&str]) -> Rootfs {
    let mut list = String::from("/.\n");
    for file in files {
        list += &format!("{file}\n");
    }
    let status =
        format!("Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDescription: x\n");
    root.text("/var/lib/dpkg/status", status).text(format!("/var/lib/dpkg/info/{name}.list"), list)
}

const LIBRARY: &str = "/usr/local/lib/libsome.so.1";

fn library() -> Rootfs {
    let bytes = fs::read("/usr/lib/x86_64-linux-gnu/libz.so.1").expect("these tests need zlib's shared object");
    package(shell().file(LIBRARY, 0o644, 0, 0, bytes), "libsome1", &[LIBRARY])
}

#[test]
fn a_builtin_behind_a_wrapper() {
    let entry = "#!/usr/bin/sh\ntimeout 5 false || [ $? = 1 ] && echo timeout-ran\n";
    shows(&Kind {
        image: &|| program(program(shell(), "timeout"), "false").script("/app/entry.sh", entry),
        command: "[\"/app/entry.sh\"]",
        options: "",
        named: &[
            "program '/usr/bin/timeout'",
            "program '/usr/bin/false' (started by '/usr/bin/timeout'; remove.commands)",
        ],
        prints: "timeout-ran",
    });
}

#[test]
fn a_function_that_runs_its_arguments() {
    let entry = "#!/usr/bin/sh\nretry() { n=0; until \"$@\"; do n=$((n+1)); [ $n -lt 3 ] || exit 1; done; }\nretry tac /etc/os-release && echo retried\n";
    shows(&Kind {
        image: &|| program(shell(), "tac").script("/app/entry.sh", entry),
        command: "[\"/app/entry.sh\"]",
        options: "",
        named: &["program '/usr/bin/tac' (started by '/usr/bin/sh'; remove.commands)"],
        prints: "retried",
    });
}

/// As runsvdir starts runsv: a program of a kept one, by a name that is made up at run time.
#[test]
fn a_companion_process() {
    shows(&Kind {
        image: &|| {
            program(shell(), "id")
                .script("/app/main", "#!/tools/perl\n$n = join '', 'i', 'd'; system($n) == 0 or die;\n")
        },
        command: "[\"/app/main\"]",
        options: "",
        named: &["program '/usr/bin/id' (started by '/tools/perl'; remove.commands)"],
        prints: "uid=1000",
    });
}

/// As `sendmail_path`: a command line in a configuration of a language.
#[test]
fn a_command_of_a_configuration() {
    let main = "#!/tools/perl\nopen my $c, '<', '/etc/app.ini'; my $line = <$c>; open my $p, '|-', $line or die; print $p 'sent'; close $p or die;\n";
    shows(&Kind {
        image: &|| program(shell(), "tee").text("/etc/app.ini", "tee /tmp/mail; true\n").script("/app/main", main),
        command: "[\"/app/main\"]",
        options: "",
        named: &[
            "program '/usr/bin/tee' (started by '/usr/bin/sh'; remove.commands)",
            "program '/usr/bin/sh' (started by '/tools/perl'",
        ],
        prints: "sent",
    });
}

#[test]
fn a_helper_outside_the_command_directories() {
    let main = "#!/tools/perl\nexec '/usr/libexec/some/run' or die;\n";
    shows(&Kind {
        image: &|| shell().script("/usr/libexec/some/run", "#!/usr/bin/sh\necho helped\n").script("/app/main", main),
        command: "[\"/app/main\"]",
        options: "",
        named: &["program '/usr/bin/sh'"],
        prints: "helped",
    });
}

#[test]
fn a_library_by_its_literal_name() {
    let main =
        format!("#!/tools/perl\nrequire DynaLoader; DynaLoader::dl_load_file('{LIBRARY}') or die; print 'opened';\n");
    shows(&Kind {
        image: &|| library().script("/app/main", &main),
        command: "[\"/app/main\"]",
        options: "--minimal",
        named: &["library '/usr/local/lib/libsome.so.1' (opened by '/tools/perl'; "],
        prints: "opened",
    });
}

#[test]
fn a_library_that_a_pattern_finds() {
    let entry = "#!/usr/bin/sh\nfor w in /usr/local/lib/libs*.so.1; do [ -s \"$w\" ] && export LD_PRELOAD=\"$w\" && exec /tools/echo preloads; done; exit 1\n";
    shows(&Kind {
        image: &|| library().script("/app/entry.sh", entry),
        command: "[\"/app/entry.sh\"]",
        options: "--minimal",
        named: &["library '/usr/local/lib/libsome.so.1' (opened by '/tools/echo'; "],
        prints: "preloads",
    });
}

#[test]
fn modules_of_a_package() {
    let files = ["/usr/share/perl5/Some/Thing.pm", "/usr/share/perl5/Some/Other.pm"];
    let main = "#!/tools/perl -I/usr/share/perl5\nuse Some::Thing; print 'thing';\n";
    shows(&Kind {
        image: &|| {
            let root = root()
                .text(files[0], "package Some::Thing; use Some::Other; 1;\n")
                .text(files[1], "package Some::Other; 1;\n");
            package(root, "libsome-perl", &files).script("/app/main", main)
        },
        command: "[\"/app/main\"]",
        options: "--minimal",
        named: &["script '/usr/share/perl5/Some/Other.pm'", "script '/usr/share/perl5/Some/Thing.pm'"],
        prints: "thing",
    });
}
