//! Which programs stay: sections 2.5 to 2.7.

use crate::common::{APP, LOADER, Rootfs};

/// 2.5: `find /sbin ! -type d -delete` deletes the link /sbin itself on a merged /usr.
#[test]
fn top_level_links_of_every_layout_stay() {
    for (tree, links) in [
        (Rootfs::debian_like(), &["/bin", "/sbin", "/lib", "/lib64"][..]),
        (Rootfs::alpine_merged(), &["/bin", "/sbin", "/lib", "/usr/sbin"]),
        (Rootfs::arch_like(), &["/bin", "/sbin", "/lib", "/lib64", "/usr/sbin", "/usr/lib64"]),
    ] {
        tree.apply(&APP).assert_same(links);
    }
}

/// 2.5: service programs live in sbin too, with what they need.
#[test]
fn a_kept_service_in_sbin_stays_by_either_name_of_its_directory() {
    for name in ["nginx", "/usr/sbin/nginx", "/sbin/nginx"] {
        let done = Rootfs::debian_like().programs(&["/usr/sbin/nginx"]).apply(&[&APP[..], &["--keep", name]].concat());
        done.assert_same(&[
            "/usr/sbin/nginx",
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/lib64/ld-linux-x86-64.so.2",
        ]);
        assert_eq!(done.after.names("/usr/sbin"), ["nginx"], "{name}");
    }
}

/// 2.6: the allowlist matches the link's name and not its target, so `sh` dangles.
#[test]
fn a_kept_link_keeps_its_whole_chain() {
    let done = Rootfs::debian_like()
        .programs(&["/usr/bin/python3.11", "/usr/lib/jvm/java-17/bin/java"])
        .link("/usr/bin/python3", "python3.11")
        .link("/usr/bin/java", "/etc/alternatives/java")
        .link("/etc/alternatives/java", "/usr/lib/jvm/default/bin/java")
        .link("/usr/lib/jvm/default", "java-17")
        .apply(&[&APP[..], &["--keep", "sh", "--keep", "awk", "--keep", "python3", "--keep", "java"]].concat());
    assert_eq!(done.after.names("/usr/bin"), ["awk", "dash", "java", "mawk", "python3", "python3.11", "sh"]);
    done.assert_same(&[
        "/usr/bin/sh",
        "/usr/bin/dash",
        "/etc/alternatives/awk",
        "/usr/bin/mawk",
        "/etc/alternatives/java",
        "/usr/lib/jvm/default",
        "/usr/lib/jvm/java-17/bin/java",
    ]);
}

/// 2.6: shebangs are never followed: ENOENT then names the script and not the interpreter.
#[test]
fn a_kept_script_keeps_its_interpreter() {
    let done = Rootfs::debian_like()
        .programs(&["/usr/bin/node", "/usr/bin/env"])
        .script("/usr/local/bin/one", "#!/bin/sh\nexit 0\n")
        .script("/usr/local/bin/two", "#!/usr/bin/env node\n")
        .script("/usr/local/bin/three", "#!/usr/bin/env -S perl -w\n")
        .apply(&[&APP[..], &["--keep", "one", "--keep", "two", "--keep", "three"]].concat());
    assert_eq!(done.after.names("/usr/bin"), ["dash", "env", "node", "perl", "sh"]);
    assert_eq!(done.after.names("/usr/local/bin"), ["one", "three", "two"]);
}

/// 2.6: a library is found by DT_NEEDED, through soname links and outside the default directories.
#[test]
fn a_kept_program_keeps_its_libraries_and_their_links() {
    let done = Rootfs::debian_like()
        .elf("/usr/bin/curl", LOADER, &["libcurl.so.4", "libc.so.6"])
        .file(
            "/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0",
            0o644,
            0,
            0,
            crate::common::library("libcurl.so.4", &["libz.so.1"]),
        )
        .link("/usr/lib/x86_64-linux-gnu/libcurl.so.4", "libcurl.so.4.8.0")
        .library("/usr/lib/x86_64-linux-gnu/libz.so.1", &["libc.so.6"])
        .package("libcurl4", &["/usr/lib/x86_64-linux-gnu/libcurl.so.4", "/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0"])
        .package("curl", &["/usr/bin/curl"])
        .apply(&[&APP[..], &["--keep", "curl"]].concat());
    done.assert_same(&[
        "/usr/lib/x86_64-linux-gnu/libcurl.so.4",
        "/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0",
        "/usr/lib/x86_64-linux-gnu/libz.so.1",
    ]);
}

/// 2.6: `cd`, `test` and `dir` in keep lists, and typos, keep nothing and nobody notices.
#[test]
fn a_keep_entry_that_is_no_file_is_refused() {
    let tree = Rootfs::debian_like();
    tree.refuse(&[&APP[..], &["--keep", "cd"]].concat()).says(&["keep.commands entry 'cd'", "matches nothing"]).alone();
    tree.refuse(&[&APP[..], &["--keep", "nologo"]].concat()).says(&["'nologo'", "help: "]).alone();
}

/// 2.6: /usr/local/bin, games and helpers outside the command directories are never covered.
#[test]
fn programs_in_local_and_games_and_helpers_of_gone_packages_go() {
    let done = Rootfs::debian_like()
        .program("/usr/local/bin/kubectl")
        .program("/usr/local/sbin/tool")
        .program("/usr/games/fortune")
        .programs(&["/usr/bin/git", "/usr/lib/git-core/git-http-fetch", "/usr/libexec/stays"])
        .package("git", &["/usr/bin/git", "/usr/lib/git-core/git-http-fetch"])
        .apply(&APP);
    done.assert_gone(&[
        "/usr/local/bin/kubectl",
        "/usr/local/sbin/tool",
        "/usr/games/fortune",
        "/usr/lib/git-core/git-http-fetch",
    ]);
    done.assert_kept(&["/usr/libexec/stays", "/usr/local/bin"]);
}

/// 2.7: `-name su -delete` in system directories takes /etc/pam.d/su as well, and stops at a directory of that name.
#[test]
fn only_programs_go_not_files_and_directories_of_their_names() {
    let done = Rootfs::debian_like()
        .text("/usr/share/misc/su", "data\n")
        .text("/usr/lib/chown/data", "x")
        .dir("/usr/bin/strings", 0o755, 0, 0)
        .text("/usr/bin/strings/data", "x")
        .file("/usr/bin/readme", 0o644, 0, 0, "no program\n")
        .apply(&APP);
    done.assert_gone(&["/usr/bin/su"]);
    done.assert_same(&[
        "/etc/pam.d/su",
        "/usr/share/misc/su",
        "/usr/lib/chown/data",
        "/usr/bin/strings/data",
        "/usr/bin/readme",
    ]);
}

/// 2.7: a list of dangerous names misses perl, bash, install, dd …: what is not kept goes, whatever its name.
#[test]
fn what_nobody_thought_of_goes_too() {
    let done = Rootfs::debian_like().programs(&["/usr/bin/install", "/usr/bin/xxd", "/usr/bin/busybox"]).apply(&APP);
    assert_eq!(done.after.names("/usr/bin"), Vec::<String>::new());
    assert_eq!(done.after.names("/usr/sbin"), Vec::<String>::new());
}

/// 2.7: deleting the links of busybox deletes names only; with no applet kept the binary itself goes.
#[test]
fn busybox_goes_with_its_last_kept_applet() {
    let done = Rootfs::alpine_like().apply(&APP);
    done.assert_gone(&["/bin/busybox", "/bin/sh", "/bin/chown", "/sbin/nologin"]);
}

/// 2.7: a kept multi-call binary still answers to every name, and the report says so.
#[test]
fn a_kept_applet_leaves_the_others_as_names_only_and_that_is_said() {
    let done = Rootfs::alpine_like().apply(&[&APP[..], &["--keep", "ls"]].concat());
    done.assert_same(&["/bin/ls", "/bin/busybox"]);
    done.assert_gone(&["/bin/sh", "/bin/su", "/bin/chown"]);
    assert_eq!(done.report["callable_applets"][0]["path"], "/bin/busybox");
}

/// 2.7: K filters `-type f`, and on Alpine all are links; hard links are as many names of one file.
#[test]
fn every_name_of_a_program_goes_link_or_hard_link() {
    let done = Rootfs::debian_like()
        .hardlink("/usr/bin/perl5.36", "/usr/bin/perl")
        .link("/usr/local/bin/p", "/usr/bin/perl5.36")
        .link("/usr/local/bin/far", "../../bin/perl")
        .apply(&APP);
    done.assert_gone(&["/usr/bin/perl5.36", "/usr/local/bin/p", "/usr/local/bin/far"]);
    let done = Rootfs::debian_like()
        .hardlink("/usr/bin/perl5.36", "/usr/bin/perl")
        .apply(&[&APP[..], &["--keep", "perl"]].concat());
    done.assert_kept(&["/usr/bin/perl"]);
    done.assert_gone(&["/usr/bin/perl5.36"]);
}
