//! Whatever the kernel, or a kept shell, would start goes, or is named with the reason; and logins outside of the usual
//! files.

use crate::common::{APP, Applied, LOADER, Rootfs, Spec};

fn patched(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

fn notes(applied: &Applied) -> String {
    applied.report["notes"].to_string()
}

/// With an interpreter of scripts that is kept, as a shell is.
const SHELL: [&str; 6] = ["--user", "app:1000:1000", "--command", "/app/server", "--keep", "sh"];

#[test]
fn disguised_programs_go_from_command_directories() {
    let plain = Spec { kind: 2, ..Spec::default() }.build();
    let entry = Spec { needed: vec!["libc.so.6"], ..Spec::default() };
    let mut tree = Rootfs::debian_like();
    let mut all = Vec::new();
    for (name, bytes) in [
        ("class0", patched(plain.clone(), 4, 0)),
        ("class1", patched(plain.clone(), 4, 1)),
        ("class9", patched(plain.clone(), 4, 9)),
        ("data0", patched(plain.clone(), 5, 0)),
        ("data2", patched(plain.clone(), 5, 2)),
        ("version9", patched(plain.clone(), 6, 9)),
        ("abi9", patched(plain.clone(), 7, 9)),
        ("entry", entry.build()),
        ("entry.so", entry.build()),
        ("libx.so.9", Spec { soname: Some("libx.so.9"), ..entry.clone() }.build()),
        ("soname", Spec { soname: Some("x"), interpreter: Some(LOADER), ..entry.clone() }.build()),
        ("fixed", Spec { soname: Some("x"), kind: 2, ..entry }.build()),
    ] {
        let path = format!("/usr/bin/x-{name}");
        tree = tree.file(&path, 0o755, 0, 0, bytes);
        all.push(path);
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let library = Spec { soname: Some("liby.so.1"), ..Spec::default() }.build();
    let applied = tree.file("/usr/lib/liby.so.1", 0o755, 0, 0, library).text("/usr/bin/data", "x").apply(&APP);
    applied.assert_gone(&all);
    applied.assert_kept(&["/usr/lib/liby.so.1", "/usr/bin/data"]);
}

#[test]
fn text_goes_where_a_shell_would_run_it() {
    let tree = || {
        Rootfs::debian_like()
            .script("/usr/bin/late", "\n#!/bin/sh\necho\n")
            .script("/usr/bin/none", "echo x\n")
            .script("/usr/bin/nul", "a\0b\n")
            .text("/usr/bin/no-x", "echo x\n")
            .script("/usr/share/text", "echo x\n")
            .link("/usr/bin/link", "/usr/share/text")
    };
    let applied = tree().apply(&SHELL);
    applied.assert_gone(&["/usr/bin/late", "/usr/bin/none", "/usr/bin/link"]);
    applied.assert_kept(&["/usr/bin/nul", "/usr/bin/no-x", "/usr/share/text"]);
    // Nothing would run it.
    tree().apply(&APP).assert_kept(&["/usr/bin/late", "/usr/bin/none", "/usr/bin/link", "/usr/bin/nul"]);
    // What is kept stays.
    tree().apply(&[&SHELL[..], &["--keep", "/usr/bin/none"]].concat()).assert_kept(&["/usr/bin/none"]);
}

#[test]
fn programs_of_packages_without_commands_go_with_their_package() {
    let tree = || {
        Rootfs::debian_like()
            .programs(&[
                "/usr/lib/klibc/bin/sh",
                "/usr/lib/klibc/bin/cat",
                "/usr/lib/pg/15/bin/psql",
                "/usr/libexec/own",
            ])
            .programs(&["/usr/bin/wrap", "/usr/lib/dep/tool"])
            .script("/etc/motd.d/10-hook", "#!/bin/sh\n")
            .package("klibc-utils", &["/usr/lib/klibc/bin/sh", "/usr/lib/klibc/bin/cat", "/etc/motd.d/10-hook"])
            .package("pg-client", &["/usr/lib/pg/15/bin/psql"])
            .package("wrapper", &["/usr/bin/wrap"])
            .package("dep", &["/usr/lib/dep/tool"])
            .text(
                "/var/lib/dpkg/status",
                "Package: wrapper\nStatus: install ok installed\nDepends: dep\n\n\
                 Package: pg-client\nStatus: install ok installed\nDepends: wrapper\n\n\
                 Package: klibc-utils\nStatus: install ok installed\n\n\
                 Package: dep\nStatus: install ok installed\n\nPackage: dash\n\nPackage: apt\n\n",
            )
    };
    let applied = tree().apply(&APP);
    applied.assert_gone(&[
        "/usr/lib/klibc/bin/sh",
        "/usr/lib/klibc/bin/cat",
        "/usr/lib/pg/15/bin/psql",
        "/usr/lib/dep/tool",
    ]);
    // Of no package, and named as what an attacker may start.
    applied.assert_kept(&["/usr/libexec/own", "/etc/motd.d/10-hook"]);
    assert!(
        notes(&applied).contains(
            "programs that no package owns, left below command directories or in libexec: '/usr/libexec/own'"
        )
    );
    // What depends on a kept program by its name is there for it, and what that one depends on serves it.
    let applied = tree().apply(&[&APP[..], &["--keep", "wrap"]].concat());
    applied.assert_gone(&["/usr/lib/klibc/bin/sh"]);
    applied.assert_kept(&["/usr/lib/pg/15/bin/psql", "/usr/lib/dep/tool"]);
    assert!(notes(&applied).contains("'/usr/lib/pg/15/bin/psql' (of package 'pg-client')"), "{}", notes(&applied));
}

#[test]
fn other_names_of_a_removed_program_go_and_copies_are_named() {
    let tree = || {
        let tree = Rootfs::debian_like().dir("/opt/zz", 0o755, 0, 0).dir("/srv/zz", 0o755, 0, 0).dir(
            "/usr/lib/zz",
            0o755,
            0,
            0,
        );
        let tree = tree
            .hardlink("/opt/zz/p", "/usr/bin/perl")
            .hardlink("/srv/zz/p", "/usr/bin/dash")
            .hardlink("/usr/lib/zz/p", "/usr/bin/wget")
            .hardlink("/app/own", "/usr/bin/ls");
        let bash = std::fs::read(tree.at("/usr/bin/bash")).unwrap();
        tree.file("/opt/zz/copy", 0o755, 0, 0, bash)
    };
    let applied = tree().apply_config("[files]\nread-only = ['/app']\n", &APP);
    applied.assert_gone(&["/opt/zz/p", "/srv/zz/p", "/usr/lib/zz/p", "/usr/bin/bash"]);
    applied.assert_kept(&["/app/own", "/opt/zz/copy"]);
    assert!(notes(&applied).contains("'/opt/zz/copy' (of '/usr/bin/bash')"), "{}", notes(&applied));
    // One kept name keeps the program, and the others give nothing more.
    let applied = tree().apply(&[&APP[..], &["--keep", "perl", "--keep", "/srv/zz/p"]].concat());
    applied.assert_kept(&["/opt/zz/p", "/usr/bin/perl", "/srv/zz/p"]);
    applied.assert_gone(&["/usr/lib/zz/p"]);
    assert!(notes(&applied).contains("'/usr/bin/perl' (command in --keep)"), "{}", notes(&applied));
}

#[test]
fn package_managers_of_languages_are_named_and_go_when_asked() {
    let tree = || {
        Rootfs::debian_like()
            .program("/usr/bin/python3")
            .text("/usr/lib/python3/dist-packages/pip/__main__.py", "x")
            .text("/usr/lib/python3.11/ensurepip/__init__.py", "x")
            .text("/usr/lib/python3.11/os.py", "x")
            .text("/usr/lib/node_modules/npm/index.js", "x")
    };
    let python = [&APP[..], &["--keep", "python3"]].concat();
    let applied = tree().apply(&python);
    applied.assert_kept(&["/usr/lib/python3/dist-packages/pip/__main__.py", "/usr/lib/node_modules/npm/index.js"]);
    let said = notes(&applied);
    assert!(
        said.contains("package managers of python that stay with it: '/usr/lib/python3/dist-packages/pip'"),
        "{said}"
    );
    assert!(said.contains("language-managers = true") && !said.contains("node_modules"), "{said}");
    let config = "[remove]\nlanguage-managers = true\n";
    let applied = tree().apply_config(config, &python);
    applied.assert_gone(&["/usr/lib/python3/dist-packages/pip", "/usr/lib/python3.11/ensurepip"]);
    applied.assert_kept(&["/usr/lib/python3.11/os.py", "/usr/lib/node_modules/npm/index.js"]);
    // A kept one stays whole.
    let pip = tree()
        .script("/usr/lib/python3/dist-packages/pip/pip.py", "#!/usr/bin/python3\n")
        .link("/usr/bin/pip", "/usr/lib/python3/dist-packages/pip/pip.py");
    let applied = pip.apply_config(config, &[&python[..], &["--keep", "pip"]].concat());
    applied.assert_kept(&["/usr/lib/python3/dist-packages/pip/__main__.py"]);
}

#[test]
fn backups_of_account_files_by_any_usual_name_go_and_accounts_elsewhere_are_named() {
    let mut tree = Rootfs::debian_like();
    let gone = [
        "/etc/shadow.bak",
        "/etc/passwd.old",
        "/etc/group.org",
        "/etc/gshadow~",
        "/etc/.shadow.swp",
        "/etc/shadow.OLD",
    ];
    for path in gone {
        tree = tree.file(path, 0o600, 0, 0, "root:$6$x:1::::::\n");
    }
    let tree = tree
        .text("/etc/shadow.conf", "x")
        .file("/var/lib/extrausers/shadow", 0o640, 0, 42, "eve:$6$x:1::::::\n")
        .file("/etc/tcb/eve/shadow", 0o640, 0, 42, "eve:$6$x:1::::::\n")
        .text("/usr/etc/passwd", "eve:x:0:0::/:/bin/sh\n")
        .text("/etc/userdb/eve.user", "{}");
    let applied = tree.apply(&APP);
    applied.assert_gone(&gone);
    applied.assert_kept(&["/etc/shadow.conf"]);
    let said = applied.report["warnings"].to_string();
    for path in ["/var/lib/extrausers/shadow", "/etc/tcb/eve/shadow", "/usr/etc/passwd", "/etc/userdb/eve.user"] {
        assert!(said.contains(&format!("accounts in '{path}' are not read")), "{path}: {said}");
    }
}

/// Version 2 of the attribute: owner, a named user, the owning group, the mask and others.
fn list(user: u8, group: u8, mask: u8) -> Vec<u8> {
    let none = [0xff; 4];
    let mut value = vec![2, 0, 0, 0];
    let entries = [(1, 6, none), (2, user, 1000_u32.to_le_bytes()), (4, group, none), (16, mask, none), (32, 0, none)];
    for (tag, bits, id) in entries {
        value.extend([tag, 0, bits, 0].into_iter().chain(id));
    }
    value
}

#[test]
fn access_lists_open_neither_passwords_nor_system_directories() {
    const NAME: &str = "system.posix_acl_access";
    let tree = || {
        Rootfs::debian_like()
            .file("/etc/shadow", 0o640, 0, 42, "root:*:19700:0:99999:7:::\n")
            .xattr("/etc/shadow", NAME, &list(4, 0, 4))
            .dir("/usr/lib/open", 0o755, 0, 0)
            .xattr("/usr/lib/open", NAME, &list(7, 5, 7))
            .dir("/srv/open", 0o755, 0, 0)
            .xattr("/srv/open", NAME, &list(7, 5, 7))
            .dir("/usr/lib/read", 0o755, 0, 0)
            .xattr("/usr/lib/read", NAME, &list(5, 5, 5))
    };
    let audited = tree().run("audit", &["--format", "json"]).json();
    let found: Vec<&str> = audited["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["check"] == "accounts.access-list")
        .map(|finding| finding["path"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["/etc/shadow", "/usr/lib/open"]);
    let applied = tree().apply(&APP);
    let has = |path: &str| {
        let mut value = [0_u8; 256];
        rustix::fs::lgetxattr(applied.root.at(path), NAME, &mut value).is_ok()
    };
    assert_eq!(["/etc/shadow", "/usr/lib/open", "/srv/open", "/usr/lib/read"].map(has), [false, false, true, true]);
    // The mask stood in the group's bits: they are the group's own now.
    let mode =
        |path: &str| std::os::unix::fs::MetadataExt::mode(&applied.root.at(path).symlink_metadata().unwrap()) & 0o777;
    assert_eq!((mode("/etc/shadow"), mode("/usr/lib/open")), (0o600, 0o650));
}
