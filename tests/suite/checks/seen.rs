//! What a check uses is seen: what would go is refused before the first change, and what is missing afterwards is named.

use std::fs;

use nix::libc;

use super::image::{Options, Ran, apply, apply_with, perl, root};
use crate::common::Rootfs;

/// A program of this machine, in the image itself.
pub(super) fn with(root: Rootfs, path: &str, from: &str) -> Rootfs {
    root.file(path, 0o755, 0, 0, fs::read(from).unwrap())
}

pub(super) fn shell() -> Rootfs {
    with(root(), "/usr/bin/sh", "/bin/dash")
}

/// The lines of `[keep]` that the refusal tells.
pub(super) fn told(ran: &Ran) -> String {
    let keep = ran
        .said
        .lines()
        .filter_map(|line| line.strip_prefix("  help: write [keep] "))
        .find_map(|help| help.strip_suffix("; name programs that the check can do without in [remove] commands"))
        .unwrap_or_else(|| panic!("{}", ran.said));
    format!("[keep]\n{}", keep.replace(" and [keep] ", "\n"))
}

/// Refused before the first change with all of these; with what is told it applies and passes, in one round.
fn settles(image: impl Fn() -> Rootfs, config: &str, named: &[&str]) {
    let refused = apply(&image(), config);
    refused.ends_with(2).says(named).says(&["refused[guard.checks] /harden.toml:", "nothing was changed"]);
    refused.changed_nothing();
    assert_eq!(refused.said.matches("refused[").count(), 1, "{}", refused.said);
    apply(&image(), &format!("{config}\n{}", told(&refused))).ends_with(0).says(&["check passed: "]);
}

#[test]
fn a_shell_that_a_program_starts() {
    let code = r#"system("echo shell; true") == 0 or die"#;
    let config = format!("[check]\ncommands = [{}]", perl(code));
    settles(
        shell,
        &config,
        &["uses what the plan would remove: program '/usr/bin/sh' (started by '/tools/perl'; remove.commands)"],
    );
}

#[test]
fn everything_that_all_checks_use_is_in_one_message() {
    let image = || with(with(shell(), "/usr/bin/id", "/usr/bin/id"), "/usr/bin/stat", "/usr/bin/stat");
    let config = format!(
        "[check]\ncommands = [{}, {}]",
        perl(r#"system("id; true") == 0 or die"#),
        perl(r#"system("/usr/bin/stat", "/") == 0 or die"#)
    );
    settles(
        image,
        &config,
        &["and one more use ", "program '/usr/bin/id'", "'/usr/bin/sh'", "program '/usr/bin/stat'"],
    );
}

#[test]
fn the_interpreter_of_a_script_and_a_script_that_is_only_read() {
    let image = || {
        shell()
            .script("/app/run", "#!/usr/bin/sh\n. /usr/bin/part\n")
            .script("/usr/bin/part", "#!/usr/bin/sh\necho part\n")
    };
    let config = format!("[check]\ncommands = [{}]", perl(r#"system("/app/run") == 0 or die"#));
    settles(
        image,
        &config,
        &["program '/usr/bin/sh'", "script '/usr/bin/part' (opened by '/usr/bin/sh'; remove.commands)"],
    );
}

/// A script names its interpreter by a link, which the kernel follows without a call.
#[test]
fn the_name_by_which_a_script_calls_its_interpreter() {
    let image = || {
        with(root(), "/usr/bin/dash", "/bin/dash").link("/usr/bin/sh", "dash").script("/app/run", "#!/bin/sh\nexit 0\n")
    };
    let config = format!("[check]\ncommands = [{}]", perl(r#"system("/app/run") == 0 or exit 5"#));
    let refused = apply(&image(), &config);
    refused.ends_with(2);
    assert_eq!(told(&refused), "[keep]\ncommands = [\"sh\"]", "{}", refused.said);
    settles(image, &config, &["program '/usr/bin/sh' (started by '/tools/perl'; remove.commands)"]);
    let knowingly = format!("[remove]\ncommands = [\"sh\", \"dash\"]\n{config}");
    apply(&image(), &knowingly)
        .ends_with(3)
        .says(&[": '/usr/bin/sh' is missing for '/tools/perl': remove.commands removed it, [keep] commands = [\"sh\"] keeps it; the check "]);
}

/// In minimal mode modules go, too: a directory that goes as a whole is kept as a whole.
#[test]
fn modules_that_are_loaded() {
    let image = || {
        root()
            .text("/usr/share/perl5/Some/Thing.pm", "package Some::Thing; use Some::Other; 1;\n")
            .text("/usr/share/perl5/Some/Other.pm", "package Some::Other; 1;\n")
            .text("/usr/share/perl5/Some/unused.txt", "")
            .text(
                "/var/lib/dpkg/status",
                "Package: libsome-perl\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nDescription: x\n",
            )
            .text(
                "/var/lib/dpkg/info/libsome-perl.list",
                "/.\n/usr\n/usr/share\n/usr/share/perl5\n/usr/share/perl5/Some\n/usr/share/perl5/Some/Thing.pm\n/usr/share/perl5/Some/Other.pm\n/usr/share/perl5/Some/unused.txt\n",
            )
    };
    let check = r#"[["/tools/perl", "-I/usr/share/perl5", "-MSome::Thing", "-e", "1"]]"#;
    let config = format!("[minimal]\n[check]\ncommands = {check}").replace("[minimal]\n", "");
    let script = "exec /harden apply --minimal";
    let refused = apply_with(&image(), &config, Options { script, ..Options::default() });
    refused.ends_with(2).says(&["script '/usr/share/perl5/Some/Other.pm'", "script '/usr/share/perl5/Some/Thing.pm'"]);
    refused.changed_nothing();
    let keep = told(&refused);
    assert_eq!(keep, "[keep]\npaths = [\"/usr/share/perl5/Some\"]", "{}", refused.said);
    let passed = apply_with(&image(), &format!("{config}\n{keep}"), Options { script, ..Options::default() });
    passed.ends_with(0).says(&["check passed: "]);
}

/// One build gives the whole answer, also where something else refuses the plan; nothing is said twice.
#[test]
fn another_refusal_does_not_hide_what_a_check_uses() {
    let entry = "#!/usr/bin/sh\nid\n";
    let image = || {
        with(with(shell(), "/usr/bin/id", "/usr/bin/id"), "/usr/bin/stat", "/usr/bin/stat").script("/app/run", entry)
    };
    let config = format!(
        "[run]\nuser = \"app:1000:1000\"\nhome = \"/app\"\ncommand = [\"/app/run\"]\n[check]\ncommands = [[\"/app/run\"], {}]\n",
        perl(r#"system("/usr/bin/stat", "/") == 0 or die"#)
    );
    let options = Options { script: "exec /harden apply --config /image.toml", ..Options::default() };
    let refused = apply_with(&image().text("/image.toml", config), "", options);
    refused.ends_with(2).says(&["refused[guard.scripts]", "'id' (/app/run:2)", "refused[guard.checks]"]);
    assert_eq!(told(&refused), "[keep]\ncommands = [\"stat\"]", "{}", refused.said);
}

/// What is only looked for is no use, and what [remove] names goes knowingly: the second run decides.
#[test]
fn what_is_looked_for_or_goes_knowingly_is_no_refusal() {
    let image = || with(shell(), "/usr/bin/id", "/usr/bin/id");
    let looks = perl(r#"-e "/usr/bin/id"; -x "/bin/sh"; exit 0"#);
    let ran = apply(&image(), &format!("[check]\ncommands = [{looks}]"));
    ran.ends_with(0).says(&["passed, although this run removed files that it asked for, or denied access to them: '/usr/bin/id' (remove.commands)"]);
    let config = format!(
        "[remove]\ncommands = [\"sh\"]\n[check]\ncommands = [{}]",
        perl(r#"system("echo a; true") == 0 or exit 4"#)
    );
    apply(&image(), &config).ends_with(3).says(&[
        "failed[check.failed] /harden.toml:8:13: '/usr/bin/sh' is missing for '/tools/perl': remove.commands removed it, [keep] commands = [\"sh\"] keeps it; the check ",
        "ended with status 4",
    ]);
}

/// A path that only the second run asks for is named first, with rule and line.
#[test]
fn what_only_the_hardened_root_shows() {
    let image =
        || with(root(), "/usr/bin/id", "/usr/bin/id").dir("/usr/share/open", 0o777, 0, 0).text("/usr/share/open/a", "");
    let second =
        |code: &str| format!("[check]\ncommands = [{}]", perl(&format!(r#"exit 0 if mkdir "/scratch/first"; {code}"#)));
    apply(&image(), &second(r#"exec "/usr/bin/id" or exit 5"#)).ends_with(3).says(&[
        ": '/usr/bin/id' is missing for '/tools/perl': remove.commands removed it, [keep] commands = [\"id\"] keeps it; the check '",
        "ended with status 5",
    ]);
    apply(&image(), &second(r#"open my $f, ">", "/usr/share/open/new" or exit 6"#)).ends_with(3).says(&[
        ": access to '/usr/share/open' is denied for '/tools/perl': files.system-dirs changed its owner or mode, [keep] paths = [\"/usr/share/open\"] leaves them unchanged; the check '",
        "ended with status 6",
    ]);
    let gone = second(r#"getpwnam("nobody") or exit 8"#);
    apply(&image(), &gone).ends_with(3).says(&[
        ": '/etc/passwd', which '/tools/perl' read, has changed: accounts.prune, [keep] users = [\"nobody\"] leaves it",
        "ended with status 8",
    ]);
    apply(&image(), &format!("[keep]\nusers = [\"nobody\"]\n{gone}")).ends_with(0);
    // What was not there before either is nothing of ours.
    let ran = apply(&image(), &second(r#"exec "/usr/bin/absent" or exit 7"#));
    ran.ends_with(3);
    assert!(!ran.said.contains("is missing for"), "{}", ran.said);
}

/// A check of an account and a directory that the plan makes fails before, and counts after.
#[test]
fn what_the_plan_makes_is_there_the_second_time() {
    let code = r#"getpwuid($>) or exit 8; open my $f, ">", "/app/data/new" or exit 9"#;
    let config = format!("[files]\nwritable = [\"/app/data\"]\n[check]\ncommands = [{}]", perl(code));
    apply(&root(), &config).ends_with(0).says(&[
        "ended with status 8 before the first change; the plan creates an account or changes [files] paths",
        "check passed",
    ]);
    // On a root that has both, a check that cannot pass is refused.
    let root = root()
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:*:1000:1000::/app:/usr/sbin/nologin\n")
        .text("/etc/group", "root:x:0:\napp:x:1000:\n");
    let ran = apply(&root, &format!("[check]\ncommands = [{}]", perl("print \"why\\n\"; exit 9")));
    ran.ends_with(2).says(&[
        "refused[guard.checks] /harden.toml:6:13: the check ",
        "ended with status 9 even before the first change",
        "  | why\n",
    ]);
    ran.changed_nothing();
}

#[test]
fn a_command_that_starts_runs_or_ends_as_before() {
    let starts = |code: &str| format!("[check]\ncommands = [{{ command = {}, starts = 1 }}]", perl(code));
    apply(&root(), &starts("sleep 60")).ends_with(0).says(&["check passed: ", " for 1 s\n"]);
    apply(&root(), &starts("exit 3")).ends_with(0);
    apply(&root(), &starts(r#"sleep 60 if mkdir "/scratch/first"; exit 3"#))
        .ends_with(3)
        .says(&["ended with status 3, but before the changes it was still running at that time"]);
    apply(&root(), &starts(r#"exit 0 if mkdir "/scratch/first"; exit 3"#))
        .ends_with(3)
        .says(&["ended with status 3, and before the changes it ended with status 0"]);
    let both = "[check]\ncommands = [{ command = \"true\", starts = 1, tcp = 80 }]";
    apply(&root(), both).ends_with(2).says(&["the check has both 'tcp' and 'starts'"]);
}

/// Root in a check is root of a container, and less: no mounts, no devices, no look into harden.
#[test]
fn root_in_a_check_cannot_mount_trace_or_make_devices() {
    let code = r#"
        system("/tools/mount", "-t", "tmpfs", "none", "/run"); print "mount $?\n";
        system("/tools/mknod", "/tmp/device", "c", "1", "3"); print "mknod $?\n";
        print "mem ", (open(my $m, "<", "/proc/" . getppid() . "/mem") ? "open" : "closed"), "\n";
        open my $s, "<", "/proc/self/status"; print grep /^Cap(Prm|Eff|Bnd)/, <$s>;
    "#;
    let ran = apply(&root(), &format!("start = \"root\"\n[check]\ncommands = [{}]", perl(code)));
    ran.ends_with(0).says(&["  | mem closed\n"]);
    for lost in ["mount 0", "mknod 0"] {
        assert!(!ran.said.contains(lost), "{}", ran.said);
    }
    let sets: Vec<u64> = ran
        .said
        .lines()
        .filter_map(|line| line.strip_prefix("  | Cap")?.split_once(":\t"))
        .map(|(_, set)| u64::from_str_radix(set, 16).unwrap())
        .collect();
    let (admin, ptrace, mknod) = (1 << 21, 1 << 19, 1 << 27);
    assert_eq!(sets.len(), 3, "{}", ran.said);
    assert!(sets.iter().all(|set| set & (admin | ptrace | mknod) == 0 && set & 1 != 0), "{}", ran.said);
}

/// Where nothing can be traced, one line says so, and each check counts by its status.
#[test]
fn where_tracing_is_refused_a_check_counts_by_its_status() {
    let config = format!("[check]\ncommands = [{}]", perl(r#"system("echo a; true") == 0 or exit 4"#));
    let traced = "/tools/strace -f -o /scratch/log /harden apply --this-is-an-image; exit $?";
    for options in
        [Options { without_proc: true, ..Options::default() }, Options { script: traced, ..Options::default() }]
    {
        let ran = apply_with(&shell(), &config, options);
        ran.ends_with(3)
            .says(&["warning[check.trace]: harden cannot trace checks in this step", "ended with status 4"]);
        assert_eq!(ran.said.matches("check.trace").count(), 1, "{}", ran.said);
        let kept = format!("{config}\n[keep]\ncommands = [\"sh\"]");
        apply_with(&shell(), &kept, options).ends_with(0).says(&["check passed"]);
    }
}

/// A seccomp profile as rootless engines and sandboxes have it: it refuses these calls with that error.
fn profile(calls: &[libc::c_long], error: i32) -> String {
    let mut code = vec![(0x20, 0, 0, 0)]; // the call's number
    for (at, &call) in (1_u8..).zip(calls) {
        code.push((0x15, u8::try_from(calls.len()).unwrap() + 1 - at, 0, u32::try_from(call).unwrap()));
    }
    code.extend([(0x06, 0, 0, 0x7fff_0000), (0x06, 0, 0, 0x0005_0000 | error.cast_unsigned())]);
    let packed: Vec<String> = code.iter().map(|(op, yes, no, value)| format!("{op}, {yes}, {no}, {value}")).collect();
    format!(
        "exec /tools/perl -e 'my $code = pack(\"SCCL\" x {}, {}); my $filter = pack(\"Sx6P\", {0}, $code); \
         syscall({}, 38, 1, 0, 0, 0) == 0 && syscall({2}, 22, 2, $filter) == 0 or die $!; exec \"/harden\", \"apply\"'",
        code.len(),
        packed.join(", "),
        libc::SYS_prctl
    )
}

#[test]
fn where_a_seccomp_profile_refuses_tracing_a_check_counts_by_its_status() {
    let config = format!("[check]\ncommands = [{}]", perl(r#"system("echo a; true") == 0 or exit 4"#));
    let kept = format!("{config}\n[keep]\ncommands = [\"sh\"]");
    for (calls, error) in [
        (&[libc::SYS_ptrace][..], libc::EPERM),
        (&[libc::SYS_ptrace], libc::ENOSYS),
        (&[libc::SYS_seccomp], libc::EPERM),
        (&[libc::SYS_seccomp, libc::SYS_ptrace], libc::EINVAL),
    ] {
        let script = profile(calls, error);
        let options = Options { script: &script, ..Options::default() };
        let ran = apply_with(&shell(), &config, options);
        ran.ends_with(3)
            .says(&["warning[check.trace]: harden cannot trace checks in this step", "ended with status 4"]);
        assert_eq!(ran.said.matches("check.trace").count(), 1, "{}", ran.said);
        apply_with(&shell(), &kept, options).ends_with(0).says(&["check passed"]);
    }
    // The same without such a call in the profile is traced.
    let script = profile(&[libc::SYS_acct], libc::EPERM);
    apply_with(&shell(), &config, Options { script: &script, ..Options::default() })
        .ends_with(2)
        .says(&["program '/usr/bin/sh' (started by '/tools/perl'"]);
}

/// A check that stops itself is ended by its time limit, and harden goes on.
#[test]
fn a_check_that_stops_itself_is_ended() {
    for signal in ["STOP", "TSTP"] {
        let code = format!("kill '{signal}', $$; sleep 60");
        let ran = apply(&root(), &format!("[check]\ncommands = [{{ command = {}, timeout = 1 }}]", perl(&code)));
        ran.ends_with(3).says(&["did not end within 1 s and was killed"]);
    }
}

/// `harden init --run` proposes what a short start used, with the program that did so.
#[test]
fn init_proposes_what_a_short_start_used() {
    let image = || {
        let root = with(shell(), "/usr/bin/id", "/usr/bin/id")
            .script("/app/main", "#!/tools/perl\nsystem('id; true'); sleep 60;\n");
        root.text("/usr/share/unused", "")
    };
    let script = "exec /harden init --run 1s --user app:1000:1000 --command /app/main";
    let ran = apply_with(&image(), "", Options { script, ..Options::default() });
    ran.ends_with(0).says(&[
        "commands = [\n    { name = \"id\", reason = \"started by /usr/bin/sh\" },\n    { name = \"sh\", reason = \"started by /tools/perl\" },\n]\n",
    ]);
    ran.changed_nothing();
    for (script, said) in [
        (
            "exec /harden init --run 1s --root /app --command /app/main",
            "never starts a program of a tree given with --root",
        ),
        ("exec /harden init --run 1s", "--run has nothing to start"),
        ("exec /harden init --run soon --command /app/main", "--run: 'soon' is not a time limit"),
    ] {
        apply_with(&image(), "", Options { script, ..Options::default() }).ends_with(2).says(&[said]);
    }
}

/// The image with accounts that have a login shell.
fn accounts() -> Rootfs {
    let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n\
                  app:x:1000:1000::/app:/bin/sh\nother:x:1001:1001::/app:/bin/sh\n";
    shell().text("/etc/passwd", passwd).text("/etc/group", "root:x:0:\nnogroup:x:65534:\napp:x:1000:\nother:x:1001:\n")
}

/// A check that becomes a user and starts that program.
fn becomes(user: u32, program: &str) -> String {
    let code = format!("$( = {user}; $) = {user}; $< = {user}; $> = {user}; exec '{program}', '-c', 'echo logged in'");
    format!("start = \"root\"\n[check]\ncommands = [{}]", perl(&code))
}

/// As su and login do: which account it is tells the user, and that it is a login tells the path in the account's line.
#[test]
fn a_login_shell_that_its_account_would_lose() {
    settles(
        accounts,
        &becomes(1000, "/bin/sh"),
        &["login shell '/bin/sh' of 'app' (started by '/tools/perl'; accounts.shell)"],
    );
    settles(
        accounts,
        &becomes(1001, "/bin/sh"),
        &["login shell '/bin/sh' of 'other' (started by '/tools/perl'; accounts."],
    );
    let refused = apply(&accounts(), &becomes(1001, "/bin/sh"));
    refused.says(&["[keep] shells = [\"other\"]", "[keep] users = [\"other\"]"]);
}

/// A program that becomes an account starts a shell by another path, and one that is the account's from the beginning any.
#[test]
fn a_shell_that_is_no_login_shell() {
    let keep = "\n[keep]\ncommands = [\"sh\"]";
    for config in [becomes(1000, "/usr/bin/sh"), becomes(1002, "/bin/sh")] {
        apply(&accounts(), &format!("{config}{keep}")).ends_with(0);
    }
    let config = format!("[check]\ncommands = [{}]{keep}", perl("exec '/bin/sh', '-c', 'echo no login'"));
    apply(&accounts(), &config).ends_with(0).says(&["no login"]);
}

/// Which line a program looked for in a file is nowhere in its calls: what it says of that comes first.
#[test]
fn an_account_that_is_looked_up_by_its_name_is_named_first() {
    for (code, first) in [
        (
            "getpwnam('other') or die \"unknown user: other\\n\"",
            "account 'other' is gone for '/tools/perl': accounts.prune removed it, [keep] users = [\"other\"] keeps it; ",
        ),
        (
            "getgrnam('other') or die \"cannot find the group 'other'.\\n\"",
            "account 'other' is gone for '/tools/perl': ",
        ),
    ] {
        let ran = apply(&accounts(), &format!("[check]\ncommands = [{}]", perl(code)));
        ran.ends_with(3).says(&[&format!("failed[check.failed] /harden.toml:6:13: {first}")]);
        // Words of a line that tells of no account are words.
        let code =
            code.replace("unknown user: other", "no other").replace("cannot find the group 'other'.", "no other");
        let ran = apply(&accounts(), &format!("[check]\ncommands = [{}]", perl(&code)));
        ran.ends_with(3).says(&["which '/tools/perl' read, has changed: "]);
        assert!(!ran.said.contains("is gone for"), "{}", ran.said);
    }
    let keep = "[keep]\nusers = [\"other\"]";
    apply(&accounts(), &format!("[check]\ncommands = [{}]\n{keep}", perl("getpwnam('other') or die"))).ends_with(0);
}

/// A program that looks an account up and becomes it would find none; one that becomes a number needs no account.
#[test]
fn an_account_that_a_program_becomes() {
    let looks = |code: &str| format!("start = \"root\"\n[check]\ncommands = [{}]", perl(code));
    let user = looks("my $u = getpwnam('other') or die; $< = $> = $u; print \"became $<\"");
    settles(accounts, &user, &["account 'other' (used by '/tools/perl'; accounts.prune)"]);
    let group = looks("my $g = getgrnam('other') or die; $( = $) = $g; print \"became $(\"");
    settles(accounts, &group, &["group 'other' (used by '/tools/perl'; accounts.prune)"]);
    // A child by another program of the same process, and what another process has looked up.
    let handed = looks("my $u = getpwnam('other') or die; exec '/tools/setpriv', \"--reuid=$u\", '/tools/id', '-u'");
    settles(accounts, &handed, &["account 'other' (used by '/tools/setpriv'; accounts.prune)"]);
    apply(&accounts(), &looks("$< = $> = 1001; print \"became $<\"")).ends_with(0).says(&["became 1001"]);
    let kept = "\n[keep]\nusers = [\"other\"]\n";
    apply(&accounts(), &format!("{user}{kept}")).ends_with(0).says(&["became 1001"]);
    // No right to become it: the program does without before as well.
    let user = format!("[check]\ncommands = [{}]", perl("my $u = getpwuid(1001); $> = 1001; print \"is $>\""));
    apply(&accounts(), &user).ends_with(0).says(&["is 1000"]);
}
