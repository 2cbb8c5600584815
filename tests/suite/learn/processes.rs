//! Many processes and threads, processes that change their user, and those that stay behind.

use std::collections::BTreeSet;
use std::time::Instant;

use super::jail::{How, Jail, names, said};

/// Without CAP_SYS_PTRACE, as in a container.
const CONTAINED: &str = "setpriv --bounding-set -sys_ptrace,-sys_admin --inh-caps -sys_ptrace,-sys_admin";

/// A thousand at a time; every hundredth becomes another program.
#[test]
fn ten_thousand_forks_survive() {
    let jail = Jail::new();
    jail.file("data/last", "");
    for number in (0..10_000).step_by(100) {
        jail.file(&format!("data/{number}"), "");
    }
    let learned = jail.perl(
        "for my $round (0..9) { pipe R, W or die; my @p; for my $i (0..999) { my $n = $round * 1000 + $i; my $p = fork // die; \
         if (!$p) { close W; sysread R, my $b, 1; $n % 100 or open F, '<', \"/data/$n\" or exit 1; \
         $n % 100 == 50 and exec 'cat', '/data/last'; exit 0 } push @p, $p } \
         close R; close W; for (@p) { waitpid $_, 0; $? and die $? } }",
    );
    for number in (0..10_000).step_by(100) {
        assert!(names(&learned, &format!("/data/{number}")), "{number} is missing:\n{learned}");
    }
    assert!(names(&learned, "/data/last"), "{learned}");
}

/// Set where this program of tests is the command that is learned from.
const THREADS: &str = "HARDEN_THREADS";

/// All at once, each with files of its own.
#[test]
fn two_hundred_threads_survive() {
    const COUNT: usize = 200;
    if std::env::var_os(THREADS).is_some() {
        let all = std::sync::Barrier::new(COUNT);
        return std::thread::scope(|scope| {
            for number in 0..COUNT {
                let all = &all;
                scope.spawn(move || {
                    all.wait();
                    for part in 0..5 {
                        assert!(std::fs::metadata(format!("/data/{number}-{part}")).is_ok());
                    }
                    all.wait();
                });
            }
        });
    }
    let jail = Jail::new();
    jail.program(&std::env::current_exe().unwrap(), "threads");
    let all = (0..COUNT).flat_map(|number| (0..5).map(move |part| format!("/data/{number}-{part}")));
    let all: Vec<String> = all.collect();
    all.iter().for_each(|path| jail.file(path, ""));
    let script = format!("{THREADS}=1 exec threads --exact learn::processes::two_hundred_threads_survive");
    let learned = jail.learn(&["sh", "-c", &script]);
    let found: BTreeSet<&str> = learned.split('"').collect();
    for path in &all {
        assert!(found.contains(path.as_str()), "{path} is missing");
    }
}

#[test]
fn what_stays_behind_is_ended_and_what_it_used_is_written() {
    let jail = Jail::new();
    jail.file("data/daemon", "");
    for first in [false, true] {
        let begin = Instant::now();
        let script = "(trap '' TERM; cat /data/daemon; echo >/out/began; exec sleep 1000) >/dev/null 2>&1 & \
                      while ! [ -e /out/began ]; do sleep 0.1; done; exit 5";
        let output = jail.run(How { first, ..How::default() }, &["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(5), "{}", said(&output));
        assert!(begin.elapsed().as_secs() < 200, "it waited for the sleep of a thousand seconds");
        assert!(names(&jail.learned(), "/data/daemon"));
        std::fs::remove_file(jail.at("out/began")).unwrap();
    }
}

#[test]
fn a_program_started_as_another_user_is_followed_without_more_rights() {
    let jail = Jail::new();
    jail.file("data/sub/mine", "");
    let how = How { before: CONTAINED, ..How::default() };
    let script = "cd /data/sub && exec setpriv --reuid 1000 --regid 1000 --clear-groups cat mine";
    let output = jail.run(how, &["sh", "-c", script]);
    assert!(output.status.success(), "{}", said(&output));
    let learned = jail.learned();
    assert!(names(&learned, "/data/sub/mine") && learned.contains("opened by /usr/bin/cat"), "{learned}");
}

/// A server that drops its user by itself.
#[test]
fn a_process_that_changes_its_user_is_followed_without_more_rights() {
    let jail = Jail::new();
    jail.file("data/mine", "");
    jail.file("data/sub/near", "");
    let code = format!(
        "chdir '/data/sub'; syscall({}, 1000) and die; open F, '<', '/data/mine' or die; open G, '<', 'near' or die",
        nix::libc::SYS_setuid
    );
    let output = jail.run(How { before: CONTAINED, ..How::default() }, &["perl", "-e", &code]);
    assert!(output.status.success(), "{}", said(&output));
    let learned = jail.learned();
    assert!(names(&learned, "/data/mine") && names(&learned, "/data/sub/near"), "{learned}");
    assert!(learned.contains("opened by /usr/bin/perl"), "{learned}");
}

/// A child of such a process is closed to a tracer without CAP_SYS_PTRACE from its first instruction.
#[test]
fn what_cannot_be_read_is_an_error_and_no_file() {
    let jail = Jail::new();
    jail.file("data/mine", "");
    let code = format!(
        "syscall({}, 1000) and die; if (!fork) {{ open F, '<', '/data/mine' or die; exit 0 }} wait; exit $?",
        nix::libc::SYS_setuid
    );
    let how = How { before: CONTAINED, ..How::default() };
    let output = jail.run(how, &["perl", "-e", &code]);
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains("--cap-add SYS_PTRACE"), "{}", said(&output));
    assert!(!jail.has_file());
    // With it, nothing is lost.
    let learned = jail.perl(&code);
    assert!(names(&learned, "/data/mine"), "{learned}");
}

#[test]
fn the_command_runs_as_the_account_that_was_named() {
    let jail = Jail::new();
    jail.file("data/mine", "");
    let code = "print \"$< $> $( $ENV{HOME}\\n\"; open F, '<', '/data/mine' or die";
    for (user, says) in [
        ("app", "1000 1000 1000 1000 1234 /data\n"),
        ("1000", "1000 1000 1000 1000 1234 /data\n"),
        ("77:88", "77 77 88 88 /\n"),
    ] {
        for before in ["", CONTAINED] {
            let output = jail.run(How { before, options: &["--user", user], ..How::default() }, &["perl", "-e", code]);
            assert!(output.status.success(), "{user}: {}", said(&output));
            assert!(said(&output).starts_with(says), "{user}: {}", said(&output));
            assert!(names(&jail.learned(), "/data/mine"));
        }
    }
    let output = jail.run(How { options: &["--user", "nobody-here"], ..How::default() }, &["perl", "-e", code]);
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("no account 'nobody-here'"), "{}", said(&output));
}

#[test]
fn set_id_bits_that_gave_nothing_are_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let jail = Jail::new();
    std::fs::copy(jail.at("usr/bin/cat"), jail.at("usr/bin/rise")).unwrap();
    std::fs::set_permissions(jail.at("usr/bin/rise"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let output = jail.run(How::default(), &["rise", "/etc/group"]);
    assert!(output.status.success());
    assert!(said(&output).contains("'/usr/bin/rise' has a set-id bit, which had no effect"), "{}", said(&output));
}

/// io_uring opens files past every filter: it is not there.
#[test]
fn rings_are_answered_as_if_the_kernel_had_none() {
    let jail = Jail::new();
    let code = "my $b = 'x' x 256; syscall(425, 8, $b) == -1 or die; $! == 38 or die $! + 0";
    jail.perl(code);
}
