//! What kept programs need at run time, by the real binary on whole trees: what is said before the first change.

use crate::common::{LOADER, Rootfs, Run, Spec};

const KEEP_AWK: &str = "[run]\nuser = \"app:1000:1000\"\ncommand = [\"/app/server\"]\n[keep]\ncommands = [\"awk\"]\n";

/// Debian whose awk can start commands, and a library of its own that does too.
fn with_shell_users() -> Rootfs {
    let spec = |imports, needed| Spec { imports, needed, ..Spec::default() };
    let awk = Spec {
        interpreter: Some(LOADER),
        ..spec(vec!["printf", "system", "popen"], vec!["libjobs.so.1", "libc.so.6"])
    };
    let library = Spec { soname: Some("libjobs.so.1"), ..spec(vec!["wordexp"], vec!["libc.so.6"]) };
    Rootfs::debian_like().file("/usr/bin/mawk", 0o755, 0, 0, awk.build()).file(
        "/usr/lib/x86_64-linux-gnu/libjobs.so.1",
        0o644,
        0,
        0,
        library.build(),
    )
}

fn lines<'a>(run: &'a Run, part: &str) -> Vec<&'a str> {
    run.stderr.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn a_kept_program_that_runs_shell_commands_is_named_while_the_shell_goes() {
    let applied = with_shell_users().apply_config(KEEP_AWK, &[]);
    assert!(!applied.root.has("/usr/bin/dash"));
    let said = lines(&applied.run, "which needs '/bin/sh', but '/bin/sh' would be removed");
    assert_eq!(said.len(), 2, "{}", applied.run.all());
    assert!(said[0].contains("'/usr/bin/mawk' (target of /etc/alternatives/awk) imports system and popen"), "{said:?}");
    assert!(said[1].contains("/libjobs.so.1' (library libjobs.so.1 of /usr/bin/mawk) imports wordexp"), "{said:?}");
    assert!(applied.run.stderr.contains("write [keep] commands = [\"sh\"]"), "{}", applied.run.all());
}

#[test]
fn strict_refuses_what_runs_shell_commands_and_the_policy_settles_it() {
    with_shell_users().refuse_config(KEEP_AWK, &["--strict"]).says(&["/mawk' (target of", "/libjobs.so.1' (library"]);
    for settled in [
        "[remove]\ncommands = [\"sh\"]\n",
        "[remove]\ncommands = [\"/bin/sh\"]\n",
        "[rules]\n\"remove.commands\" = \"off\"\n",
    ] {
        let applied = with_shell_users().apply_config(&format!("{KEEP_AWK}{settled}"), &["--strict"]);
        assert_eq!(lines(&applied.run, "which needs '/bin/sh'"), [""; 0], "{settled}");
    }
    let applied = with_shell_users().apply_config(KEEP_AWK, &["--strict", "--keep", "sh"]);
    assert!(applied.root.has("/usr/bin/dash"));
    assert_eq!(lines(&applied.run, "which needs '/bin/sh'"), [""; 0]);
}

#[test]
fn a_kept_program_that_names_the_path_of_a_command_is_named_while_that_goes() {
    let tree = |imports| {
        let mut program =
            Spec { interpreter: Some(LOADER), imports, needed: vec!["libc.so.6"], ..Spec::default() }.build();
        program.extend(b"\0/usr/bin/report\0/usr/bin/gone\0/usr/bin/mawk\0see /usr/bin/env\0/bin/sh\0");
        let report = crate::common::program(LOADER, &["libc.so.6"]);
        Rootfs::debian_like().file("/usr/bin/mawk", 0o755, 0, 0, program).file("/usr/bin/report", 0o755, 0, 0, report)
    };
    let said =
        |run: &Run| lines(run, "names some that would be removed").into_iter().map(str::to_owned).collect::<Vec<_>>();
    let applied = tree(vec!["execv"]).apply_config(KEEP_AWK, &[]);
    let found = said(&applied.run);
    assert_eq!(found.len(), 1, "{}", applied.run.all());
    assert!(found[0].ends_with("names some that would be removed: '/bin/sh', '/usr/bin/report'"), "{found:?}");
    assert!(applied.run.stderr.contains("write [keep] commands = [\"/bin/sh\", \"/usr/bin/report\"]"));
    // What starts nothing may name what it likes; so may what imports a function of another name.
    assert_eq!(said(&tree(vec!["printf"]).apply_config(KEEP_AWK, &[]).run), [""; 0]);
    tree(vec!["posix_spawn"]).refuse_config(KEEP_AWK, &["--strict"]).says(&["'/bin/sh', '/usr/bin/report'"]);
    // The shell of system(3) is named once.
    let applied = tree(vec!["execv", "system"]).apply_config(KEEP_AWK, &[]);
    assert!(
        said(&applied.run)[0].ends_with("names some that would be removed: '/usr/bin/report'"),
        "{}",
        applied.run.all()
    );
    let settled = format!("{KEEP_AWK}[remove]\ncommands = [\"report\", \"/bin/sh\"]\n");
    assert_eq!(said(&tree(vec!["execv"]).apply_config(&settled, &["--strict"]).run), [""; 0]);
    let kept = tree(vec!["execv"]).apply_config(KEEP_AWK, &["--strict", "--keep", "sh", "--keep", "/usr/bin/report"]);
    assert_eq!(said(&kept.run), [""; 0]);
    assert!(kept.root.has("/usr/bin/report") && kept.root.has("/usr/bin/dash"));
}

#[test]
fn what_was_missing_before_is_a_warning_of_plan_and_stops_nothing() {
    let tree = Rootfs::debian_like().library("/usr/lib/x86_64-linux-gnu/libfirst.so.1", &["libsecond.so.1"]).elf(
        "/usr/bin/mawk",
        LOADER,
        &["libfirst.so.1", "libc.so.6"],
    );
    let applied = tree.apply_config(KEEP_AWK, &[]);
    let said = lines(&applied.run, "was missing before this run");
    assert_eq!(said.len(), 1, "{}", applied.run.all());
    assert!(said[0].contains("/libfirst.so.1' (library libfirst.so.1 of"), "{said:?}");
    assert!(applied.root.has("/usr/lib/x86_64-linux-gnu/libfirst.so.1"));
}

#[test]
fn hostile_elf_files_are_data_with_a_warning() {
    let good = crate::common::program(LOADER, &["libc.so.6"]);
    let mut counts = good.clone();
    counts[56..58].copy_from_slice(&[0xfe, 0xff]);
    let mut offsets = good.clone();
    offsets[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    let tree = Rootfs::debian_like()
        .file("/usr/bin/counts", 0o755, 0, 0, counts)
        .file("/usr/bin/offsets", 0o755, 0, 0, offsets)
        .file("/usr/bin/cut", 0o755, 0, 0, &good[..40])
        // Libraries that need one another.
        .library("/usr/lib/x86_64-linux-gnu/liba.so.1", &["libb.so.1", "liba.so.1"])
        .library("/usr/lib/x86_64-linux-gnu/libb.so.1", &["liba.so.1"])
        .elf("/usr/bin/mawk", LOADER, &["liba.so.1"]);
    let applied = tree.apply_config(KEEP_AWK, &[]);
    for name in ["counts", "offsets", "cut"] {
        let part = format!("'/usr/bin/{name}' is an ELF file that harden cannot read, and it is treated as data");
        assert_eq!(lines(&applied.run, &part).len(), 1, "{}", applied.run.all());
        assert!(applied.root.has(format!("/usr/bin/{name}")));
    }
}

#[test]
fn the_image_configuration_says_where_else_libraries_are() {
    let tree = || {
        Rootfs::debian_like().library("/opt/env/libextra.so.1", &["libc.so.6"]).elf(
            "/usr/bin/mawk",
            LOADER,
            &["libextra.so.1"],
        )
    };
    let applied = tree().apply_config(KEEP_AWK, &[]);
    assert_eq!(lines(&applied.run, "'libextra.so.1', which was missing before this run").len(), 1);
    assert_eq!(lines(&applied.run, "if the image sets LD_LIBRARY_PATH, give --image-config").len(), 1);
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), r#"{"Config": {"Env": ["LD_LIBRARY_PATH=/none:/opt/env"]}}"#).unwrap();
    let applied = tree().apply_config(KEEP_AWK, &["--image-config", config.path().to_str().unwrap()]);
    assert_eq!(lines(&applied.run, "libextra"), [""; 0]);
}
