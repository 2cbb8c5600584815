//! How a check ends, and that nothing that it started outlives it.

use std::time::{Duration, Instant};

use super::image::{Options, apply, apply_with, perl, root};

/// A daemon as of old: two forks, a session of its own; it writes its number to /scratch.
const DAEMON: &str = r#"
    use POSIX;
    unlink "/scratch/pid";
    if (!fork) {
        POSIX::setsid();
        if (!fork) { open my $f, ">", "/scratch/pid"; print $f $$; close $f; $SIG{TERM} = "IGNORE"; sleep 1000 }
        POSIX::_exit(0);
    }
    select undef, undef, undef, 0.01 until -s "/scratch/pid";
"#;

/// Fails while the daemon lives.
const IS_GONE: &str = r#"
    open my $f, "<", "/scratch/pid" or die "no daemon was started: $!"; my $pid = <$f>;
    exit 0 if !kill(0, $pid) && $!{ESRCH}; print "$pid lives: $!\n"; exit 1
"#;

#[test]
fn a_failing_check_fails_the_build_with_its_output() {
    let root = root();
    let code = r#"print "to stdout\n"; print STDERR "refused: \e[31mforged\n"; exit 7"#;
    let ran = apply(&root, &format!("[check]\ncommands = [{}, [\"/tools/true\"]]", perl(code)));
    ran.ends_with(3).says(&[
        "  | to stdout\n",
        "\n  | refused: \\u{1b}[31mforged\n",
        "failed[check.failed] /harden.toml:6:13: the check ",
        "ended with status 7",
        "check failed: /tools/perl",
        "check not run: /tools/true",
        "run harden again to continue",
    ]);
    // The changes are done; a second run finds only the checks to do, and runs them again.
    let again = apply(&root, "[check]\ncommands = [[\"/tools/true\"]]");
    again.ends_with(0).says(&["check passed: /tools/true"]);
    let third = apply(&root, "[check]\ncommands = [[\"/tools/false\"]]");
    third.ends_with(2).says(&["refused[guard.checks] ", "ended with status 1 even before the first change"]);
}

#[test]
fn a_check_that_cannot_be_started_fails() {
    for (check, said) in [
        ("[\"/tools/absent\"]", "cannot run '/tools/absent': No such file"),
        ("[\"/tools/perl\", \"-e\", \"kill 9, $$\"]", "was killed by signal 9"),
    ] {
        apply(&root(), &format!("[check]\ncommands = [{check}]")).ends_with(3).says(&[said]);
    }
}

#[test]
fn long_output_is_cut_in_the_middle() {
    let code = r#"print "first\n"; print "x" x 79, "\n" for 1..20000; print "last\n"; exit 1"#;
    let ran = apply(&root(), &format!("[check]\ncommands = [{}]", perl(code)));
    ran.ends_with(3).says(&["  | first\n", "bytes left out]", "  | last\n"]);
    assert!(ran.said.len() < 100_000, "{} bytes", ran.said.len());
}

#[test]
fn the_time_limit_kills_it_with_everything_it_started() {
    for options in [Options::default(), Options { without_proc: true, ..Options::default() }] {
        let root = root();
        let code =
            format!("{DAEMON} $SIG{{TERM}} = \"IGNORE\"; print \"waiting\\n\"; $| = 1; print \"\"; fork; sleep 1000");
        let config = format!("[check]\ncommands = [{{ command = {}, timeout = 5 }}]", perl(&code));
        let begin = Instant::now();
        // Process 1 goes on after harden, and looks at what is left.
        let script = "/harden apply --this-is-an-image; echo status $?; kill -0 $(cat /scratch/pid) || echo gone"
            .replace("cat ", "/tools/cat ");
        let ran = apply_with(&root, &config, Options { script: &script, ..options });
        ran.says(&["did not end within 5 s and was killed", "  | waiting\n", "status 3\n", "gone\n"]);
        assert!(begin.elapsed() < Duration::from_secs(200), "{:?}", begin.elapsed());
    }
}

/// Whether harden is process 1 (exec form) or a child of it (shell form), and with or without /proc.
#[test]
fn what_a_passing_check_left_running_is_killed_before_the_next() {
    let config = format!("[check]\ncommands = [{}, {}]", perl(DAEMON), perl(IS_GONE));
    for script in ["exec /harden apply", "/harden apply --this-is-an-image; exit $?"] {
        for without_proc in [false, true] {
            let options = Options { script, without_proc, ..Options::default() };
            let ran = apply_with(&root(), &config, options);
            ran.ends_with(0);
            assert_eq!(ran.said.matches("check passed").count(), 2, "{}", ran.said);
        }
    }
}

/// A shell that starts something and then becomes harden makes that harden's child.
#[test]
fn what_was_running_before_lives_on() {
    let is_alive = IS_GONE.replace("exit 0 if", "exit 0 unless");
    let config = format!("[check]\ncommands = [{}, {}]", perl(DAEMON), perl("exit 0"));
    let script = "/tools/sleep 1000 & echo $! >/scratch/pid2; exec /harden apply";
    let ran = apply_with(&root(), &config, Options { script, ..Options::default() });
    ran.ends_with(0);
    let still = perl(&is_alive.replace("/scratch/pid", "/scratch/pid2"));
    let config = format!("[check]\ncommands = [{}, {still}]", perl(DAEMON));
    apply_with(&root(), &config, Options { script, ..Options::default() }).ends_with(0);
}
