//! Ways in which a path, a file or a process may pass a tracer by: each is recorded, or an error and no file.
//!
//! Numbers of calls from 424 on are the same on every machine. perl passes numbers as they are, so that an address that
//! mmap(2) gave is one.

use std::process::Output;

use nix::libc;

use super::jail::{How, Jail, names, said};
use crate::common::Command;

/// Nothing here may wait for ever.
const LIMITED: How<'_> = How { first: false, before: "timeout -s KILL 60", options: &[] };

fn run(jail: &Jail, code: &str) -> Output {
    // Buffers, descriptors and the calls that every piece of code below needs.
    let code = format!(
        "use strict; sub map_ {{ my $p = syscall({mmap}, 0, 4096, 3, $_[1], $_[0], 0); $p > 0 or die qq(mmap: $!); $p }} \
         sub put {{ my ($at, $text) = @_; pipe my $r, my $w or die; syswrite $w, $text; \
         syscall({read}, fileno($r), $at, length $text) == length $text or die qq(put: $!) }} \
         sub bytes {{ my $fd = shift; my $b = 'x' x 99; my $n = syscall({read}, $fd, $b, 99); \
         $n > 0 or die qq(read: $!); substr $b, 0, $n }} {code}",
        mmap = libc::SYS_mmap,
        read = libc::SYS_read,
    );
    jail.run(LIMITED, &["perl", "-e", &code])
}

/// Status 0, and every one of the paths in the file.
fn recorded(jail: &Jail, code: &str, paths: &[&str]) {
    let output = run(jail, code);
    assert!(output.status.success(), "{:?}: {}", output.status, said(&output));
    let learned = jail.learned();
    for path in paths {
        assert!(names(&learned, path), "{path} is missing:\n{learned}\n{}", said(&output));
    }
}

/// Status 125, no file, and a message with that word.
fn refused(jail: &Jail, code: &str, word: &str) {
    let output = run(jail, code);
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains(word), "{}", said(&output));
    assert!(!jail.has_file());
}

#[test]
fn the_places_of_a_process_are_its_own_however_they_are_spelled() {
    let jail = Jail::new();
    let spellings = [
        "//proc/self/cwd/f",
        "/proc/./self/cwd/f",
        "/proc/self/../self/cwd/f",
        "/proc//thread-self/cwd/f",
        "/proc/thread-self/fd/$fd/f",
        "/proc/self/task/$$/cwd/f",
        "/proc/$$/cwd/f",
        "/proc/$$/root/data/f",
        "/proc/self/fd/$fd/f",
        "/dev/fd/$fd/f",
        "/opt/cur/f",
        "/opt/far/self/cwd/f",
        "/proc/self/root/data/f",
        "/proc/../data/f",
        "/sys/../data/f",
        "/dev/../data/f",
        "/dev/made/f",
        "/dev/shm-like/f",
        "self/cwd/f",
        "$$/root/proc/self/cwd/f",
    ];
    jail.link("dev/fd", "/proc/self/fd");
    jail.link("dev/shm-like", "../data");
    jail.link("opt/cur", "/proc/self/cwd");
    jail.link("opt/far", "/proc");
    let (mut code, mut paths) = (
        String::from(
            "mkdir '/sys'; chdir '/data'; opendir D, '/data'; my $fd = fileno D; \
         symlink '/proc/self/cwd', '/dev/made' or die;",
        ),
        Vec::new(),
    );
    for (number, spelling) in spellings.iter().enumerate() {
        jail.file(&format!("data/f{number}"), "");
        paths.push(format!("/data/f{number}"));
        let from = if spelling.starts_with(['/', '.']) { "/data" } else { "/proc" };
        // A path that begins in /proc has the process's own directory there, too.
        let name = spelling.replace("cwd/f", if from == "/proc" { "cwd/../data/f" } else { "cwd/f" });
        code.push_str(&format!("chdir '{from}' or die; open F, '<', qq({name}{number}) or die qq({name}: $!);"));
    }
    recorded(&jail, &code, &paths.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_opened_by_its_handle_is_recorded() {
    let jail = Jail::new();
    jail.file("data/handle", "");
    jail.file("data/moved/handle", "");
    let code = format!(
        "sub handle {{ my $p = shift; my $h = pack('Ii', 64, 0) . 'x' x 64; my $m = 'xxxx'; \
         syscall({to}, -100, $p, $h, $m, 0) == 0 or die qq(to: $!); $h }} \
         opendir D, '/data' or die; my $h = handle('/data/moved/handle'); rename '/data/moved', '/data/away' or die; \
         syscall({open}, fileno(D), $h, 0) >= 0 or die qq(open: $!)",
        to = libc::SYS_name_to_handle_at,
        open = libc::SYS_open_by_handle_at,
    );
    recorded(&jail, &code, &["/data/moved/handle"]);
    assert!(!names(&jail.learned(), "/data/handle"));
    // A handle that another process made: here it is the same one, in a file.
    let jail = Jail::new();
    jail.file("data/handle", "");
    let stored = jail.at("data/stored");
    let make = format!(
        "my $p = shift; my $h = pack('Ii', 64, 0) . 'x' x 64; my $m = 'xxxx'; \
         syscall({}, -100, $p, $h, $m, 0) == 0 or die; open F, '>', shift; print F $h",
        libc::SYS_name_to_handle_at
    );
    let made = Command::new("perl").args(["-e", &make]).arg(jail.at("data/handle")).arg(&stored).status();
    assert!(made.unwrap().success());
    let code = format!(
        "opendir D, '/data' or die; open S, '<', '/data/stored' or die; sysread S, my $h, 200; \
         syscall({}, fileno(D), $h, 0) >= 0 or die qq(open: $!)",
        libc::SYS_open_by_handle_at
    );
    recorded(&jail, &code, &["/data/handle"]);
}

#[test]
fn a_directory_in_the_place_of_the_root_is_where_paths_begin() {
    let jail = Jail::new();
    for path in ["data/in/root", "data/in/sub/up", "data/in/sub/target", "root", "up"] {
        jail.file(path, "");
    }
    jail.link("data/in/link", "/sub/target");
    let code = "opendir D, '/data/in' or die; my $how = pack 'QQQ', 0, 0, 0x10; \
                for my $c ('/root', '../../sub/../sub/up', '/link') \
                { my $p = $c; syscall(437, fileno(D), $p, $how, 24) >= 0 or die qq($p: $!) }";
    recorded(&jail, code, &["/data/in/root", "/data/in/sub/up", "/data/in/link", "/data/in/sub/target"]);
    assert!(!names(&jail.learned(), "/root") && !names(&jail.learned(), "/up"));
}

/// A filter that lets openat be answered with `answer`.
fn filter(answer: u32) -> String {
    format!(
        "my $f = pack('SCCL' x 4, 0x20, 0, 0, 0, 0x15, 0, 1, {openat}, 6, 0, 0, {answer}, 6, 0, 0, 0x7fff0000); \
         my $prog = pack('Sx6P', 4, $f); syscall({prctl}, 38, 1, 0, 0, 0) == 0 or die;",
        openat = libc::SYS_openat,
        prctl = libc::SYS_prctl,
    )
}

#[test]
fn calls_that_a_listener_answers_are_an_error_and_other_filters_are_not() {
    let jail = Jail::new();
    jail.file("data/seen", "");
    jail.file("data/trace", "");
    let open =
        format!("my $p = '/data/trace'; syscall({}, -100, $p, 0, 0) >= 0 or die qq(open: $!);", libc::SYS_openat);
    let seccomp = libc::SYS_seccomp;
    let code = format!("{} syscall({seccomp}, 1, 8, $prog) >= 0 or die qq(seccomp: $!)", filter(0x7fc0_0000));
    refused(&jail, &code, "SECCOMP_FILTER_FLAG_NEW_LISTENER");
    // One that allows the call, one that hands a number of its own to the tracer, by either call.
    let allow = format!("{} syscall({seccomp}, 1, 0, $prog) == 0 or die qq(seccomp: $!); {open}", filter(0x7fff_0000));
    recorded(&jail, &allow, &["/data/trace"]);
    for number in [7, 1 << 9] {
        let filter = filter(0x7ff0_0000 | number);
        let trace = format!("{filter} syscall({}, 22, 2, $prog) == 0 or die qq(prctl: $!); {open}", libc::SYS_prctl);
        recorded(&jail, &trace, &["/data/trace"]);
    }
}

#[test]
fn a_name_in_memory_that_nobody_else_can_read_is_told_by_the_descriptor_or_is_an_error() {
    let jail = Jail::new();
    jail.file("data/secret", "secret");
    let secret = "my $s = syscall(447, 0); $s >= 0 or exit 99; truncate_($s); \
                  sub truncate_ { syscall(TRUNCATE, $_[0], 4096) == 0 or die } my $m = map_($s, 1);"
        .replace("TRUNCATE", &libc::SYS_ftruncate.to_string());
    let there = run(&jail, &secret);
    assert!(there.status.success(), "this kernel has no memfd_secret: {}", said(&there));
    let put = format!("{secret} put($m, qq(/data/secret\\0));");
    recorded(
        &jail,
        &format!("{put} syscall({}, -100, $m, 0, 0) >= 0 or die qq(open: $!)", libc::SYS_openat),
        &["/data/secret"],
    );
    std::fs::remove_file(jail.at("out/learned.toml")).unwrap();
    refused(
        &jail,
        &format!("{put} syscall({}, -100, $m, 0) == 0 or die qq(access: $!)", libc::SYS_faccessat),
        "memfd_secret",
    );
    let code = format!("{secret} put($m, qq(/bin/cat\\0)); syscall({}, $m, 0, 0); die", libc::SYS_execve);
    refused(&jail, &code, "memfd_secret");
    // A name that is not there fails by itself, and is no error.
    let nothing = format!("syscall({}, -100, 4097, 0, 0) == -1 or die", libc::SYS_openat);
    recorded(&jail, &nothing, &[]);
}

/// The page comes from another process, which opens a file first: it must not be waited for.
#[test]
fn a_page_that_another_process_fills_is_not_waited_for() {
    let jail = Jail::new();
    jail.file("data/page", "");
    jail.file("data/other", "");
    let code = format!(
        "my $u = syscall({userfaultfd}, 0); $u >= 0 or die qq(userfaultfd: $!); \
         my $api = pack('QQQ', 0xaa, 0, 0); syscall({ioctl}, $u, 0xc018aa3f, $api) == 0 or die qq(api: $!); \
         my ($page, $copy) = (map_(-1, 0x22), map_(-1, 0x22)); \
         my $range = pack('QQQQ', $page, 4096, 1, 0); syscall({ioctl}, $u, 0xc020aa00, $range) == 0 or die qq(register: $!); \
         if (!fork) {{ my $event = 'x' x 32; syscall({read}, $u, $event, 32) == 32 or die qq(event: $!); \
         open F, '<', '/data/other' or die; put($copy, qq(/data/page\\0)); \
         my $fill = pack('QQQQq', $page, $copy, 4096, 0, 0); \
         syscall({ioctl}, $u, 0xc028aa03, $fill) == 0 or die qq(copy: $!); exit 0 }} \
         syscall({openat}, -100, $page, 0, 0) >= 0 or die qq(open: $!); wait; $? and die",
        userfaultfd = libc::SYS_userfaultfd,
        ioctl = libc::SYS_ioctl,
        read = libc::SYS_read,
        openat = libc::SYS_openat,
    );
    recorded(&jail, &code, &["/data/page", "/data/other"]);
}

#[test]
fn a_process_that_nobody_may_trace_is_an_error_whichever_call_starts_it() {
    let jail = Jail::new();
    jail.file("data/child", "");
    let clone3 = |flags: u64| {
        format!(
            "my $a = pack('Q8', {flags}, 0, 0, 0, 17, 0, 0, 0); my $p = syscall(435, $a, 64); $p >= 0 or die qq(clone3: $!); \
             if (!$p) {{ open F, '<', '/data/child' or exit 8; exit 0 }} wait; $? and exit 9"
        )
    };
    recorded(&jail, &clone3(0), &["/data/child"]);
    std::fs::remove_file(jail.at("out/learned.toml")).unwrap();
    refused(&jail, &clone3(0x0080_0000), "CLONE_UNTRACED");
    let code = format!("my $p = syscall({}, 0x800011, 0, 0, 0, 0); exit 0 if !$p; wait", libc::SYS_clone);
    refused(&jail, &code, "CLONE_UNTRACED");
}

#[test]
fn a_directory_that_is_renamed_while_in_use_keeps_its_old_name_in_the_file() {
    let jail = Jail::new();
    for path in ["data/old/cwd", "data/old/fd", "data/old/sub/full", "data/a", "data/b"] {
        jail.file(path, path);
    }
    jail.link("data/old/link", "sub/full");
    let code = format!(
        "chdir '/data/old' or die; opendir D, '/data/old' or die; rename '/data/old', '/data/new' or die; mkdir '/data/old'; \
         open F, '>', '/data/old/full' or die; open F, '<', 'cwd' or die; \
         my $p = 'fd'; syscall({}, fileno(D), $p, 0) >= 0 or die; open G, '<', '/data/new/link' or die; \
         rename '/data/a', '/data/t'; rename '/data/b', '/data/a'; open H, '<', '/data/a' or die",
        libc::SYS_openat
    );
    recorded(&jail, &code, &["/data/old/cwd", "/data/old/fd", "/data/old/link", "/data/old/sub/full", "/data/b"]);
    assert!(!names(&jail.learned(), "/data/old/full"), "the command made it");
}

/// The name that a directory has when the tracer looks may not be the one that it has when the call is made.
#[test]
fn what_is_made_while_the_image_is_read_is_no_part_of_it() {
    // With many entries the image is read still when the command has done all of this.
    for entries in [0, 5000] {
        let jail = Jail::new();
        for name in ["config", "log", "through"] {
            jail.file(&format!("data/{name}"), name);
        }
        for entry in 0..entries {
            jail.file(&format!("data/many/{}/{entry}", entry / 100), "");
        }
        let learned = jail.perl(
            "open L, '>>', '/data/log' or die; mkdir '/tmp/made' or die; open N, '>', '/tmp/made/new' or die; print N 'x'; \
             close N; rename '/tmp/made/new', '/data/config' or die; open C, '<', '/data/config' or die; \
             symlink '/data', '/tmp/link' or die; open T, '<', '/tmp/link/through' or die; \
             mkdir '/data/mine' or die; opendir D, '/data/mine' or die; open O, '>', '/data/own' or die; \
             open P, '<', '/data/own' or die; open S, '<', '/proc/self/status' or die",
        );
        for name in ["config", "log", "through"] {
            assert!(names(&learned, &format!("/data/{name}")), "{name}, {entries}: {learned}");
        }
        for none in ["mine", "/data/own", "/tmp", "/proc"] {
            assert!(!learned.contains(none), "{none}, {entries}: {learned}");
        }
    }
}

#[test]
fn a_directory_that_is_renamed_all_the_time_loses_nothing() {
    let jail = Jail::new();
    let count = 300;
    for number in 0..count {
        jail.file(&format!("data/here/f{number}"), "");
    }
    let code = format!(
        "opendir D, '/data/here' or die; my $child = fork; \
         if (!$child) {{ while (1) {{ rename '/data/here', '/data/there'; rename '/data/there', '/data/here' }} }} \
         for my $n (0 .. {count} - 1) {{ my $p = qq(f$n); syscall({}, fileno(D), $p, 0) >= 0 or die qq($p: $!) }} \
         kill 9, $child; wait",
        libc::SYS_openat
    );
    let paths: Vec<String> = (0..count).map(|number| format!("/data/here/f{number}")).collect();
    recorded(&jail, &code, &paths.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn descriptors_that_come_without_a_path_are_told_by_what_they_lead_to() {
    let jail = Jail::new();
    for path in ["data/tree/conf", "data/fetched", "data/sub/bound"] {
        jail.file(path, path);
    }
    // A copy of a mount that has no place: open_tree(2) with OPEN_TREE_CLONE.
    let code = format!(
        "my $d = '/data/tree'; my $t = syscall(428, -100, $d, 1); $t >= 0 or die qq(open_tree: $!); \
         my $p = 'conf'; syscall({}, $t, $p, 0) >= 0 or die qq(open: $!)",
        libc::SYS_openat
    );
    recorded(&jail, &code, &["/data/tree/conf"]);
    // By way of a process that has it open; its own here.
    let code = "my $p = syscall(434, $$ + 0, 0); open F, '<', '/data/fetched' or die; my $n = fileno F; \
                my $g = syscall(438, $p, $n, 0); $g >= 0 or die qq(pidfd_getfd: $!)";
    recorded(&jail, code, &["/data/fetched"]);
    // A program by its descriptor, after it lost its name.
    std::fs::copy(jail.at("usr/bin/cat"), jail.at("data/run")).unwrap();
    let code = format!(
        "my $q = '/data/run'; my $f = syscall({openat}, -100, $q, 0, 0); $f >= 0 or die; rename '/data/run', '/data/ran' or die; \
         my $e = ''; my $argv = pack('PQ', $q, 0); my $z = pack('Q', 0); syscall({execveat}, $f, $e, $argv, $z, 0x1000); die qq(exec: $!)",
        openat = libc::SYS_openat,
        execveat = libc::SYS_execveat,
    );
    std::fs::set_permissions(jail.at("data/run"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    recorded(&jail, &code, &["/data/run"]);
    assert!(jail.learned().contains("{ name = \"/data/run\", reason = \"run by"), "{}", jail.learned());
}
