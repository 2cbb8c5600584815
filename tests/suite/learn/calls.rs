//! Every kind of call, and every way in which a path can be meant.

use nix::libc;

use super::jail::{Jail, names};

/// A call by number, with the arguments that make it use `PATH`.
const CALLS: &[(&str, i64, &str)] = &[
    ("openat", libc::SYS_openat, "-100, PATH, 0, 0"),
    ("openat2", 437, "-100, PATH, my $b = pack('QQQ', 0, 0, 0), 24"),
    ("newfstatat", libc::SYS_newfstatat, "-100, PATH, my $b = 'x' x 512, 0"),
    ("statx", libc::SYS_statx, "-100, PATH, 0, 0xfff, my $b = 'x' x 512"),
    ("faccessat", libc::SYS_faccessat, "-100, PATH, 0"),
    ("faccessat2", 439, "-100, PATH, 0, 0"),
    ("statfs", libc::SYS_statfs, "PATH, my $b = 'x' x 512"),
    ("getxattr", libc::SYS_getxattr, "PATH, my $n = 'user.x', my $b = 'x' x 99, 99"),
    ("inotify_add_watch", libc::SYS_inotify_add_watch, "syscall(INOTIFY, 0), PATH, 1"),
    ("utimensat", libc::SYS_utimensat, "-100, PATH, 0, 0"),
    ("fchmodat", libc::SYS_fchmodat, "-100, PATH, 0644"),
    ("truncate", libc::SYS_truncate, "PATH, 0"),
    (
        "name_to_handle_at",
        libc::SYS_name_to_handle_at,
        "-100, PATH, my $h = pack('Ii', 64, 0) . 'x' x 64, my $m = 'xxxx', 0",
    ),
    #[cfg(target_arch = "x86_64")]
    ("open", libc::SYS_open, "PATH, 0"),
    #[cfg(target_arch = "x86_64")]
    ("stat", libc::SYS_stat, "PATH, my $b = 'x' x 512"),
    #[cfg(target_arch = "x86_64")]
    ("lstat", libc::SYS_lstat, "PATH, my $b = 'x' x 512"),
    #[cfg(target_arch = "x86_64")]
    ("access", libc::SYS_access, "PATH, 0"),
    #[cfg(target_arch = "x86_64")]
    ("uselib", libc::SYS_uselib, "PATH"),
    #[cfg(target_arch = "x86_64")]
    ("rename", libc::SYS_rename, "PATH, my $q = '/tmp/renamed'"),
    #[cfg(target_arch = "x86_64")]
    ("unlink", libc::SYS_unlink, "PATH"),
    ("linkat", libc::SYS_linkat, "-100, PATH, -100, my $q = '/tmp/linked', 0"),
    ("unlinkat", libc::SYS_unlinkat, "-100, PATH, 0"),
    ("renameat2", libc::SYS_renameat2, "-100, PATH, -100, my $q = '/tmp/moved', 0"),
];

#[test]
fn every_call_that_names_a_file_is_seen() {
    let jail = Jail::new();
    let mut code = String::new();
    for (name, number, arguments) in CALLS {
        jail.file(&format!("data/{name}"), name);
        // A buffer of its own: perl passes strings by address.
        let arguments = arguments
            .replace("PATH", &format!("my $p = '/data/{name}'"))
            .replace("INOTIFY", &libc::SYS_inotify_init1.to_string());
        code.push_str(&format!("{{ syscall({number}, {arguments}); }}\n"));
    }
    jail.file("data/untouched", "");
    let learned = jail.perl(&code);
    for (name, ..) in CALLS {
        assert!(names(&learned, &format!("/data/{name}")), "{name} is missing:\n{learned}");
    }
    assert!(!names(&learned, "/data/untouched"));
}

#[test]
fn relative_paths_begin_where_the_process_stands() {
    let jail = Jail::new();
    for path in ["data/sub/cwd", "data/sub/fd", "data/jail/data/inner", "data/sub/thread", "data/up"] {
        jail.file(path, "");
    }
    let at = libc::SYS_openat;
    let learned = jail.perl(&format!(
        "chdir '/data/sub' or die; open F, '<', 'cwd' or die; \
         opendir D, '/data/sub' or die; my $p = 'fd'; syscall({at}, fileno(D), $p, 0) >= 0 or die; \
         open U, '<', '../up' or die; \
         if (!fork) {{ chroot '/data/jail' or die; open F, '<', '/data/inner' or die; open G, '<', '../../cwd'; exit }} wait; $? and die"
    ));
    for path in ["/data/sub/cwd", "/data/sub/fd", "/data/jail/data/inner", "/data/up"] {
        assert!(names(&learned, path), "{path} is missing:\n{learned}");
    }
    assert!(!names(&learned, "/data/sub"), "a directory would bring all that lies in it:\n{learned}");
}

#[test]
fn links_are_recorded_by_name_also_those_that_the_command_made_or_changed() {
    let jail = Jail::new();
    for path in ["data/one", "data/two", "data/three", "opt/v1/conf", "opt/v2/conf"] {
        jail.file(path, "");
    }
    jail.link("data/a", "b");
    jail.link("data/b", "/data/one");
    jail.link("data/nowhere", "/does/not/exist");
    jail.link("opt/current", "v1");
    let learned = jail.learn(&[
        "sh",
        "-c",
        "cat /data/a /opt/current/conf; ln -s /data/two /tmp/new; cat /tmp/new; \
         perl -e 'readlink(q(/data/nowhere)) or die; unlink q(/opt/current); symlink q(v2), q(/opt/current)'; \
         cat /opt/current/conf; echo >/data/made; cat /data/made; cat /data/missing; exit 0",
    ]);
    for path in [
        "/data/a",
        "/data/b",
        "/data/one",
        "/data/two",
        "/data/nowhere",
        "/opt/current/conf",
        "/opt/v1/conf",
        "/opt/v2/conf",
    ] {
        assert!(names(&learned, path), "{path} is missing:\n{learned}");
    }
    for path in ["/data/three", "/data/made", "/data/missing", "/tmp/new", "/etc/passwd", "/harden"] {
        assert!(!names(&learned, path), "{path} is there:\n{learned}");
    }
}

/// A program of 32 bits: open("/data/narrow"), exit(0), by int 0x80.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_program_of_32_bits_is_followed() {
    use std::os::unix::fs::PermissionsExt as _;

    let jail = Jail::new();
    jail.file("data/narrow", "");
    let base: u32 = 0x0804_8000;
    let code = 52 + 32;
    let mut program = Vec::new();
    program.extend(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [2_u16, 3] {
        program.extend(half.to_le_bytes());
    }
    for word in [1, base + code, 52, 0, 0] {
        program.extend(word.to_le_bytes());
    }
    for half in [52_u16, 32, 1, 40, 0, 0] {
        program.extend(half.to_le_bytes());
    }
    for word in [1, 0, base, base, 0x1000, 0x1000, 5, 0x1000] {
        program.extend(word.to_le_bytes());
    }
    let path = base + code + 23;
    program.extend([0xb8, 5, 0, 0, 0, 0xbb]);
    program.extend(path.to_le_bytes());
    program.extend([0x31, 0xc9, 0xcd, 0x80, 0x31, 0xdb, 0xb0, 1, 0xcd, 0x80, 0x90, 0x90, 0x90]);
    // eax may hold an error: clear it before the number of exit.
    let at = (code + 14) as usize;
    program.splice(at..at + 9, [0x31, 0xdb, 0x31, 0xc0, 0x40, 0xcd, 0x80, 0x90, 0x90]);
    program.extend(b"/data/narrow\0");
    program.resize(0x1000, 0);
    std::fs::write(jail.at("usr/bin/narrow"), program).unwrap();
    std::fs::set_permissions(jail.at("usr/bin/narrow"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let learned = jail.learn(&["/usr/bin/narrow"]);
    assert!(names(&learned, "/data/narrow"), "{learned}");
}

/// The image is read while the command starts, and before its first change; a large one takes longer than that.
#[test]
fn what_the_command_makes_while_a_large_image_is_read_is_not_written() {
    let jail = Jail::new();
    for directory in 0..20 {
        for file in 0..500 {
            jail.file(&format!("usr/share/{directory}/{file}"), "");
        }
    }
    for name in ["moved", "linked", "gone"] {
        jail.file(&format!("zone/{name}"), "");
    }
    let (openat2, at) = (437, libc::SYS_openat);
    for (code, made) in [
        ("open F, '>', '/zone/made' or die", "/zone/made"),
        ("rename '/zone/moved', '/zone/new' or die", "/zone/new"),
        ("link '/zone/linked', '/zone/link' or die", "/zone/link"),
        ("symlink 'linked', '/zone/symlink' or die; readlink '/zone/symlink' or die", "/zone/symlink"),
        ("mkdir '/zone/empty' or die; opendir D, '/zone/empty' or die", "/zone/empty"),
        (
            &format!(
                "my $p = '/zone/two'; my $h = pack 'QQQ', 0101, 0644, 0; syscall({openat2}, -100, $p, $h, 24) >= 0 or die"
            ),
            "/zone/two",
        ),
        (&format!("my $p = '/zone/at'; syscall({at}, -100, $p, 0101, 0644) >= 0 or die"), "/zone/at"),
    ] {
        let learned = jail.perl(&format!("{code}; -e '{made}' or die; open F, '<', '{made}'; -e '/usr/share/7/7'"));
        assert!(!names(&learned, made), "{code}: {made} was made by the command:\n{learned}");
        assert!(names(&learned, "/usr/share/7/7"), "{code}:\n{learned}");
    }
    // What is taken away was there.
    let learned = jail.perl("open F, '<', '/zone/gone' or die; unlink '/zone/gone' or die");
    assert!(names(&learned, "/zone/gone"), "{learned}");
}
