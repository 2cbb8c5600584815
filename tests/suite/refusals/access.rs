//! What the run user needs has to be readable, and reachable through the directories above; judged as after the run.

use crate::common::{APP, Command, Rootfs};

const USER: [&str; 2] = ["--user", "app:1000:1000"];

fn command(words: &str) -> Vec<&str> {
    [&USER[..], &["--command", words]].concat()
}

/// A script below two directories, its interpreter and a library of that.
fn tree() -> Rootfs {
    Rootfs::debian_like()
        .elf("/usr/bin/python3", crate::common::LOADER, &["libc.so.6"])
        .script("/srv/site/run.sh", "#!/bin/sh\n")
        .text("/srv/site/app.py", "print()\n")
}

fn set(tree: &Rootfs, path: &str, mode: u32) {
    std::fs::set_permissions(tree.at(path), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// What is in the way, the command, the words of the message, and the line that cures it, or nothing where only a mode does.
#[test]
fn each_kind_of_need_is_refused_and_the_line_from_the_help_cures_it() {
    for (path, mode, words, says, line) in [
        (
            "/srv/site/run.sh",
            0o700,
            "/srv/site/run.sh",
            "cannot read or execute '/srv/site/run.sh' (mode 0700, owner 0:0)",
            true,
        ),
        ("/srv/site/run.sh", 0o711, "/srv/site/run.sh", "cannot read '/srv/site/run.sh'", true),
        ("/srv/site/run.sh", 0o744, "/srv/site/run.sh", "cannot execute '/srv/site/run.sh'", true),
        ("/srv/site/run.sh", 0o700, "dash /srv/site/run.sh", "cannot read '/srv/site/run.sh'", true),
        ("/srv/site/app.py", 0o600, "python3 /srv/site/app.py", "cannot read '/srv/site/app.py'", true),
        ("/srv/site/app.py", 0o600, "python3 --module=/srv/site/app.py", "cannot read '/srv/site/app.py'", true),
        ("/srv/site", 0o700, "/srv/site/run.sh", "cannot enter '/srv/site' (mode 0700, owner 0:0)", true),
        ("/srv", 0o700, "/srv/site/run.sh", "cannot enter '/srv'", true),
        ("/srv", 0o700, "python3 /srv/site/app.py", "cannot enter '/srv'", true),
        ("/usr/bin/python3", 0o700, "python3 /srv/site/app.py", "cannot execute '/usr/bin/python3'", true),
        (
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            0o700,
            "python3 /srv/site/app.py",
            "cannot read '/usr/lib/x86_64-linux-gnu/libc.so.6'",
            true,
        ),
        ("/usr/bin/dash", 0o700, "/srv/site/run.sh", "cannot execute '/usr/bin/dash'", true),
        ("/usr/lib", 0o700, "python3 /srv/site/app.py", "cannot enter '/usr/lib'", false),
    ] {
        let tree = tree();
        set(&tree, path, mode);
        let refused = tree.refuse(&command(words)).says(&[says, "COPY --chmod"]).alone();
        let cure = format!("[files] read-only = [\"{path}\"]");
        assert_eq!(refused.run.stderr.contains(&cure), line, "{path} {words}: {}", refused.run.stderr);
        if line {
            let list = format!("[files]\nread-only = [\"{path}\"]\n");
            tree.apply_config(&list, &command(words));
        } else {
            set(&tree, path, mode | 0o055);
            tree.apply(&command(words));
        }
    }
}

#[test]
fn a_program_needs_no_right_to_read_and_a_script_that_is_read_none_to_run() {
    let tree = tree();
    set(&tree, "/usr/bin/python3", 0o711);
    tree.apply(&command("python3 /srv/site/app.py"));
    for mode in [0o744, 0o644] {
        let tree = self::tree();
        set(&tree, "/srv/site/run.sh", mode);
        tree.apply(&command("dash /srv/site/run.sh"));
    }
}

#[test]
fn what_scripts_of_the_command_run_and_read_is_needed() {
    let code = "#!/bin/sh\n. /srv/site/env.sh\nexec /srv/site/worker\n";
    for (path, says) in
        [("/srv/site/env.sh", "cannot read '/srv/site/env.sh'"), ("/srv/site/worker", "'/srv/site/worker'")]
    {
        let tree =
            tree().script("/srv/site/run.sh", code).script("/srv/site/env.sh", "A=1\n").program("/srv/site/worker");
        set(&tree, path, 0o700);
        tree.refuse(&command("/srv/site/run.sh")).says(&[says, "/srv/site/run.sh"]).alone();
        let list = format!("[files]\nread-only = [\"{path}\"]\n");
        tree.apply_config(&list, &command("/srv/site/run.sh"));
    }
}

#[test]
fn groups_of_the_user_count_as_the_written_form_gives_them() {
    let make = || tree().account("app", 1000, "/", "/bin/sh").line("group", "web:x:1500:app");
    let owned = |tree: Rootfs| tree.file("/srv/site/run.sh", 0o750, 0, 1500, "#!/bin/sh\n");
    owned(make()).apply(&["--user", "app", "--command", "/srv/site/run.sh"]);
    owned(make()).apply(&["--user", "1000", "--command", "/srv/site/run.sh"]);
    owned(make())
        .refuse(&["--user", "1000:1000", "--command", "/srv/site/run.sh"])
        .says(&["cannot read or execute '/srv/site/run.sh'"]);
    // The class that the user belongs to decides alone: an owner gets nothing from the others.
    tree()
        .file("/srv/site/run.sh", 0o077, 1000, 0, "#!/bin/sh\n")
        .refuse(&command("/srv/site/run.sh"))
        .says(&["cannot read or execute '/srv/site/run.sh'"])
        .alone();
}

#[test]
fn what_root_starts_may_read_everything() {
    let make = || {
        let tree = tree();
        set(&tree, "/srv/site/run.sh", 0o700);
        tree
    };
    make().apply_config("[run]\nstart = 'root'\n", &command("/srv/site/run.sh"));
}

#[test]
fn what_the_entrypoint_starts_after_it_dropped_root_is_the_users() {
    let entry = "#!/bin/sh\nset -e\nexec gosu app \"$@\"\n";
    let make = || tree().script("/entry.sh", entry).programs(&["/usr/bin/gosu"]);
    let config = "[run]\nstart = 'root'\n[keep]\ncommands = ['gosu']\n";
    for words in ["/entry.sh /srv/site/run.sh", "gosu app /srv/site/run.sh"] {
        for path in ["/srv/site", "/srv/site/run.sh"] {
            let tree = make();
            set(&tree, path, 0o700);
            tree.refuse_config(config, &command(words)).says(&[path, "[files] read-only"]).alone();
            tree.apply_config(&format!("{config}[files]\nread-only = ['{path}']\n"), &command(words));
        }
        make().apply_config(config, &command(words));
    }
    let tree = make();
    set(&tree, "/entry.sh", 0o700);
    tree.apply_config(config, &command("/entry.sh /srv/site/run.sh"));
}

#[test]
fn roots_home_is_no_place_for_the_program() {
    let tree = tree().dir("/root", 0o700, 0, 0).script("/root/app/run.sh", "#!/bin/sh\n");
    let refused = tree.refuse_config("[keep]\npaths = ['/root/app']\n", &command("/root/app/run.sh"));
    refused.says(&["cannot enter '/root'", "copy it to a directory that is not root's home"]).alone();
}

/// A kept command may be for root alone: that is said by its path. The image's own command never is.
#[test]
fn a_kept_command_that_is_for_root_is_settled_by_its_path() {
    let make = || {
        let tree = tree().program("/usr/sbin/admin").program("/app/server");
        set(&tree, "/usr/sbin/admin", 0o700);
        tree
    };
    make()
        .refuse(&[&APP[..], &["--keep", "admin"]].concat())
        .says(&["cannot execute '/usr/sbin/admin'", "[keep] paths = [\"/usr/sbin/admin\"]"])
        .alone();
    make().apply_config("[keep]\ncommands = ['admin']\npaths = ['/usr/sbin/admin']\n", &APP);
    let tree = tree();
    set(&tree, "/srv/site/run.sh", 0o700);
    tree.refuse_config("[keep]\npaths = ['/srv/site/run.sh']\n", &command("/srv/site/run.sh")).alone();
}

#[test]
fn a_random_uid_reads_what_group_0_reads() {
    let config = "[files]\nopenshift = true\n";
    let make = |gid| tree().file("/srv/site/run.sh", 0o750, 1000, gid, "#!/bin/sh\n");
    make(0).apply_config(config, &["--user", "app:1000:0", "--command", "/srv/site/run.sh"]);
    make(1000)
        .refuse_config(config, &["--user", "app:1000:0", "--command", "/srv/site/run.sh"])
        .says(&["a random uid in group 0", "'/srv/site/run.sh'"])
        .alone();
}

/// acl(5), version 2: the user 1000 may read and run, the others nothing.
#[test]
fn an_access_list_in_the_way_is_said_and_not_judged() {
    let entry =
        |tag: u16, bits: u16, id: u32| [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat();
    let none = u32::MAX;
    let list = [
        2u32.to_le_bytes().to_vec(),
        entry(1, 7, none),
        entry(2, 5, 1000),
        entry(4, 0, none),
        entry(0x10, 5, none),
        entry(0x20, 0, none),
    ]
    .concat();
    let tree = tree().xattr("/srv/site/run.sh", "system.posix_acl_access", &list);
    let done = tree.apply(&command("/srv/site/run.sh"));
    assert!(
        done.run.stderr.contains("its access list may allow the access, but harden ignores access lists here"),
        "{}",
        done.run.stderr
    );
}

/// The kernel is the judge: whatever owners and modes file and directories have, a plan passes if and only if the user
/// can read and run the script.
#[test]
fn the_guard_says_what_the_kernel_does() {
    let modes = [0o755, 0o750, 0o711, 0o700, 0o055, 0o705, 0o510, 0o111];
    let owners = [(0, 0), (1000, 0), (0, 1000), (1000, 1000)];
    let mut seen = [0; 2];
    for (at, mode) in modes.into_iter().enumerate() {
        for (of, (uid, gid)) in owners.into_iter().enumerate() {
            let (above, owner) = (modes[(at + of * 3) % modes.len()], owners[(of + at) % owners.len()]);
            let tree = tree().file("/srv/site/run.sh", mode, uid, gid, "#!/bin/sh\n");
            let tree = tree.dir("/srv/site", above, owner.0, owner.1);
            let script = tree.at("/srv/site/run.sh");
            let mut test = Command::new("setpriv");
            test.args([
                "--reuid=1000",
                "--regid=1000",
                "--clear-groups",
                "sh",
                "-c",
                "test -r \"$1\" && test -x \"$1\"",
                "x",
            ]);
            let can = test.arg(&script).status().unwrap().success();
            let run = tree.run("plan", &command("/srv/site/run.sh"));
            assert_eq!(run.status == 0, can, "{mode:o} {uid}:{gid} below {above:o} {owner:?}: {}", run.all());
            seen[usize::from(can)] += 1;
        }
    }
    assert!(seen[0] > 5 && seen[1] > 5, "{seen:?}");
}
