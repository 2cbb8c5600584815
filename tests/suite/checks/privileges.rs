//! As whom a check runs, and with what.

use super::image::{Options, apply, apply_with, perl, root};

const STATUS: &str = r#"[check]
commands = [["/tools/cat", "/proc/self/status"]]
"#;

#[test]
fn as_the_run_user_without_any_privilege() {
    let ran = apply(&root(), STATUS);
    ran.ends_with(0).says(&[
        "Uid:\t1000\t1000\t1000\t1000\n",
        "Gid:\t1000\t1000\t1000\t1000\n",
        "Groups:\t77 1000 \n".trim_end(),
        "CapInh:\t0000000000000000\n",
        "CapPrm:\t0000000000000000\n",
        "CapEff:\t0000000000000000\n",
        "CapBnd:\t0000000000000000\n",
        "CapAmb:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
        "check passed: /tools/cat /proc/self/status",
    ]);
}

/// Root with its capabilities, so that an entrypoint can drop to the run user; it gains none that the step has not.
#[test]
fn as_root_when_the_image_starts_as_root() {
    let config = format!("start = \"root\"\n{STATUS}");
    let ran = apply(&root(), &config);
    ran.ends_with(0).says(&["Uid:\t0\t0\t0\t0\n", "NoNewPrivs:\t1\n"]);
    assert!(!ran.said.contains("CapEff:\t0000000000000000"), "{}", ran.said);
    let drops = perl("$) = '1000 1000'; $( = 1000; $< = 1000; $> = 1000; exit($> == 1000 && $< == 1000 ? 0 : 1)");
    apply(&root(), &format!("start = \"root\"\n[check]\ncommands = [{drops}]")).ends_with(0);
}

#[test]
fn with_the_environment_of_the_step_and_the_image() {
    let code = r#"
        open my $null, "<&", \*STDIN; my $end = sysread(STDIN, my $byte, 1);
        use Cwd; print join("|", $ENV{HOME}, $ENV{PATH}, $ENV{FROM_THE_STEP}, $end, `/tools/pwd`);
        open(my $out, ">", "/proc/self/fd/1") or die "stdout: $!"; print $out "opened again\n";
        open(my $err, ">", "/proc/self/fd/2") or die "stderr: $!"; print $err "and stderr\n";
    "#;
    let config = format!("workdir = \"/var\"\npath = \"/opt/bin:/usr/bin\"\n[check]\ncommands = [{}]", perl(code));
    let ran = apply(&root(), &config);
    ran.ends_with(0).says(&["  | /app|/opt/bin:/usr/bin|seen|0|/var\n", "  | opened again\n", "  | and stderr\n"]);
}

#[test]
fn a_directory_that_the_run_user_may_not_enter_is_named() {
    let config = "workdir = \"/secret\"\n[check]\ncommands = [[\"/tools/true\"]]";
    let ran = apply(&root().dir("/secret", 0o700, 0, 0), config);
    ran.ends_with(3).says(&["cannot enter the working directory '/secret'", "ended with status 3"]);
}

/// Standard input is at its end also where there is no /dev/null.
#[test]
fn without_dev_null() {
    let root = root();
    std::fs::remove_file(root.at("/dev/null")).unwrap();
    apply(&root, "[check]\ncommands = [[\"/tools/cat\"]]").ends_with(0);
    assert!(!root.has("/dev/null"));
}

/// A user namespace without the run user: a build that cannot run checks says so before it changes anything.
#[test]
fn where_privileges_cannot_be_dropped_nothing_is_changed() {
    let ran = apply_with(&root(), STATUS, Options { only_root: true, ..Options::default() });
    ran.ends_with(2).says(&[
        "refused[guard.checks]: cannot start a check without privileges: ",
        "cannot set the supplementary groups: ",
        "help: run the checks in a build step that can drop capabilities, or remove them",
        "nothing was changed",
    ]);
    ran.changed_nothing();
}
