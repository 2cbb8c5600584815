//! Guards that look at programs: what would break an image is refused and not warned about.

use crate::common::{APP, LOADER, Rootfs};

const USER: [&str; 2] = ["--user", "app:1000:1000"];

fn command(word: &str) -> Vec<&str> {
    [&USER[..], &["--command", word]].concat()
}

#[test]
fn a_command_that_does_not_exist_is_refused() {
    let tree = Rootfs::debian_like();
    tree.refuse(&command("/app/none")).says(&["starts '/app/none', which does not exist", "--command none"]).alone();
    tree.refuse(&command("wgett -q")).says(&["starts 'wgett', which is not in PATH", "did you mean 'wget'?"]).alone();
    tree.refuse(&command("/app")).says(&["starts '/app', which is not a file"]).alone();
}

#[test]
fn a_shell_form_command_without_a_shell_is_refused() {
    Rootfs::distroless()
        .refuse(&command("/app/server && true"))
        .says(&["is in shell form, and '/bin/sh' does not exist"])
        .alone();
}

#[test]
fn a_kept_command_without_its_interpreter_is_refused() {
    let tree = Rootfs::debian_like()
        .script("/app/run", "#!/opt/none/python\n")
        .script("/app/env", "#!/usr/bin/env nodejs\n")
        .elf("/app/musl", "/lib/ld-musl-x86_64.so.1", &[])
        .elf("/app/lib", LOADER, &["libmissing.so.3"])
        .script("/app/windows", "#!/bin/sh\r\n")
        .programs(&["/usr/bin/env"]);
    for (word, part) in [
        ("/app/run", "/opt/none/python"),
        ("/app/env", "nodejs"),
        ("/app/musl", "/lib/ld-musl-x86_64.so.1"),
        ("/app/windows", "\\r"),
    ] {
        tree.refuse(&command(word)).says(&[word, part]);
    }
    // It may come from LD_LIBRARY_PATH, and this run takes nothing away: said, and no refusal.
    let done = tree.apply(&command("/app/lib"));
    assert!(
        done.run.stderr.contains("warning[closure] --command: '/app/lib'")
            && done.run.stderr.contains("libmissing.so.3")
    );
}

#[test]
fn a_kept_link_that_leads_nowhere_is_refused() {
    Rootfs::debian_like()
        .link("/usr/bin/java", "/etc/alternatives/java")
        .refuse(&[&APP[..], &["--keep", "java"]].concat())
        .says(&["'java'", "cannot be resolved"])
        .alone();
}

#[test]
fn starters_that_nobody_mentioned_are_refused_and_three_ways_settle_it() {
    for name in ["tini", "dumb-init", "gosu", "su-exec", "supervisord"] {
        let path = format!("/usr/bin/{name}");
        let tree = || Rootfs::debian_like().programs(&[&path]);
        tree()
            .refuse(&APP)
            .says(&[&format!("'{path}' would be removed"), &format!("[remove] commands = [\"{name}\"]")])
            .alone();
        tree().apply_config(&format!("[remove]\ncommands = ['{name}']\n"), &APP).assert_gone(&[&path]);
        tree().apply(&[&APP[..], &["--keep", name]].concat()).assert_same(&[&path]);
        tree().apply(&command(&format!("{name} -- /app/server"))).assert_same(&[&path]);
    }
    let tree = Rootfs::debian_like().script("/usr/local/bin/docker-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n");
    tree.refuse(&APP).says(&["'/usr/local/bin/docker-entrypoint.sh' would be removed"]).alone();
    let done = tree.apply(&command("docker-entrypoint.sh /app/server"));
    done.assert_same(&["/usr/local/bin/docker-entrypoint.sh", "/usr/bin/sh", "/usr/bin/dash"]);
}

/// The line of the help, written, settles the refusal: also where the owner or the group of the file would be pruned.
#[test]
fn what_is_advised_for_a_set_id_program_settles_it() {
    for (uid, gid, mode, lists) in [
        (0, 0, 0o4755, &["setid"][..]),
        (0, 33, 0o2755, &["setid", "groups"]),
        (33, 0, 0o4755, &["setid", "users"]),
        (33, 33, 0o6755, &["setid", "users", "groups"]),
    ] {
        let tree = || {
            let tree = Rootfs::debian_like().file("/usr/sbin/postdrop", 0o755, uid, gid, "x");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(tree.at("/usr/sbin/postdrop"), mode).unwrap();
            tree
        };
        let keep = [&APP[..], &["--keep", "postdrop"]].concat();
        let refused = tree().refuse(&keep).says(&["refused[guard.setid]"]).alone();
        let help =
            refused.run.stderr.split("keep it with [keep] ").nth(1).and_then(|rest| rest.split(", or declare").next());
        let lines: Vec<&str> = help.unwrap().split(" and [keep] ").collect();
        assert_eq!(lines.iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(), lists);
        let done = tree().apply_config(&format!("[keep]\n{}\n", lines.join("\n")), &keep);
        assert_eq!((done.after.mode("/usr/sbin/postdrop"), done.after.owner("/usr/sbin/postdrop")), (mode, (uid, gid)));
        // With the first of two lines the other one is asked for, and not what is there.
        for left in lines.iter().skip(1).filter(|_| lines.len() == 2) {
            let some: Vec<&str> = lines.iter().copied().filter(|line| line != left).collect();
            let refused = tree().refuse_config(&format!("[keep]\n{}\n", some.join("\n")), &keep).says(&[left]);
            assert!(!refused.run.stderr.contains("[keep] setid"), "{}", refused.run.stderr);
        }
    }
}

#[test]
fn a_kept_set_id_program_is_refused_until_somebody_decides() {
    let tree = Rootfs::debian_like();
    tree.refuse(&[&APP[..], &["--keep", "su"]].concat())
        .says(&["'/usr/bin/su' would lose its set-user-ID bit", "[keep] setid = "])
        .alone();
    tree.refuse(&[&APP[..], &["--keep", "unix_chkpwd"]].concat()).says(&["set-group-ID bit"]).alone();
    let done = tree.apply_config("[keep]\ncommands = [{ name = 'su', setid = false }]\n", &APP);
    assert_eq!(done.after.mode("/usr/bin/su"), 0o755);
    let tree = Rootfs::debian_like().programs(&["/usr/bin/ping"]).capability("/usr/bin/ping");
    tree.refuse(&[&APP[..], &["--keep", "ping"]].concat())
        .says(&["'/usr/bin/ping' would lose its file capabilities"])
        .alone();
    tree.apply_config("[keep]\ncommands = ['ping']\nsetid = ['/usr/bin/ping']\n", &APP).assert_same(&["/usr/bin/ping"]);
}

/// The entry keeps bits and no file: without it the next run would be refused for an entry that matches nothing.
#[test]
fn an_entry_of_keep_setid_whose_program_goes_is_refused() {
    let help =
        "help: keep the program too with [keep] commands = [\"/usr/bin/su\"], or write { path = …, optional = true }";
    Rootfs::debian_like()
        .refuse_config("[keep]\nsetid = ['/usr/bin/su']\n", &APP)
        .says(&["2:10: keep.setid entry '/usr/bin/su' keeps the set-id bits of a program that would be removed", help])
        .alone();
    let both = "[keep]\ncommands = ['/usr/bin/su']\nsetid = ['/usr/bin/su']\n";
    assert_eq!(Rootfs::debian_like().apply_config(both, &APP).after.mode("/usr/bin/su"), 0o4755);
    let optional = "[keep]\nsetid = [{ path = '/usr/bin/su', optional = true }]\n";
    assert!(!Rootfs::debian_like().apply_config(optional, &APP).after.has("/usr/bin/su"));
}

#[test]
fn a_cron_daemon_that_stays_without_its_jobs_is_refused() {
    for (path, job) in [
        ("/usr/sbin/cron", "/etc/cron.d/own"),
        ("/usr/sbin/crond", "/etc/crontabs/root"),
        ("/usr/sbin/anacron", "/etc/anacrontab"),
        ("/usr/sbin/atd", "/var/spool/cron/atjobs/a1"),
    ] {
        let name = path.rsplit('/').next().unwrap();
        let tree = Rootfs::debian_like().programs(&[path]).text(job, "# none\n");
        tree.refuse(&[&APP[..], &["--keep", name]].concat())
            .says(&["remove.cron would remove", path, "[rules] \"remove.cron\" = \"off\""])
            .alone();
        let done = tree.apply(&[&APP[..], &["--keep", name, "--disable", "remove.cron"]].concat());
        done.assert_same(&["/etc/cron.d/e2scrub_all", job]);
    }
}

#[test]
fn an_init_that_stays_without_its_scripts_is_refused() {
    for name in ["service", "openrc"] {
        let path = format!("/usr/sbin/{name}");
        let tree = Rootfs::debian_like().programs(&[&path]).script("/etc/init.d/nginx", "#!/bin/sh\n");
        tree.refuse(&[&APP[..], &["--keep", name]].concat()).says(&["remove.init would remove", &path]).alone();
        tree.apply(&[&APP[..], &["--keep", name, "--disable", "remove.init"]].concat())
            .assert_same(&["/etc/init.d/nginx"]);
    }
    // A supervisor of the services that its command line names reads none of them.
    let tree = Rootfs::debian_like().programs(&["/usr/sbin/runsvdir"]).script("/etc/init.d/nginx", "#!/bin/sh\n");
    tree.apply(&[&APP[..], &["--keep", "runsvdir"]].concat()).assert_gone(&["/etc/init.d/nginx"]);
    let tree = Rootfs::debian_like().script("/etc/init.d/nginx", "#!/bin/sh\nexit 0\n").text("/etc/init.d/README", "x");
    tree.refuse(&command("/etc/init.d/nginx")).says(&["remove.init", "/etc/init.d/nginx", "[keep] paths"]);
}

#[test]
fn what_lies_in_the_home_of_root_is_refused_before_it_is_emptied() {
    // Root's home that others may enter: else the user could not reach the program at all.
    let tree = || {
        let tree = Rootfs::debian_like().dir("/root", 0o711, 0, 0);
        tree.program("/root/.cargo/bin/tool").text("/root/notes", "x")
    };
    tree()
        .refuse_config("[run]\npath = '/root/.cargo/bin:/usr/bin'\n", &APP)
        .says(&["remove.root-home would empty '/root'", "'/root/.cargo/bin' is a directory of PATH"])
        .alone();
    tree()
        .refuse_config("[run]\nworkdir = '/root/.cargo'\n", &APP)
        .says(&["'/root/.cargo' is the working directory"])
        .alone();
    tree()
        .refuse(&command("/root/.cargo/bin/tool"))
        .says(&["'/root/.cargo", "needed by an entry that the policy keeps"])
        .alone();
    let done =
        tree().apply_config("[keep]\npaths = ['/root/.cargo']\n[run]\npath = '/root/.cargo/bin:/usr/bin'\n", &APP);
    done.assert_same(&["/root/.cargo/bin/tool"]);
    done.assert_gone(&["/root/notes"]);
    let tree = Rootfs::debian_like()
        .dir("/root", 0o711, 0, 0)
        .library("/root/lib/libx.so.1", &[])
        .elf("/app/linked", LOADER, &["libx.so.1"])
        .text("/etc/ld.so.conf", "/root/lib\n")
        .text("/root/notes", "x");
    tree.refuse(&command("/app/linked")).says(&["remove.root-home", "/root/lib"]).alone();
}

/// Scanners and this program hold the texts by which busybox is known. Under the name of a shell they are a suspicion.
#[test]
fn a_program_that_holds_the_texts_of_busybox_is_busybox_only_under_a_name_of_it() {
    let tree = |path: &str| {
        let mut bytes = crate::common::program(LOADER, &["libc.so.6"]);
        bytes.extend(b"\0BusyBox v1.36.1 multi-call binary\0toybox\0Toybox \0--coreutils-prog=\0");
        bytes.resize(64 * 1024, 0);
        Rootfs::debian_like().file(path, 0o755, 0, 0, bytes)
    };
    let done = tree("/app/scan").apply(&command("/app/scan"));
    assert!(!done.run.all().contains("still callable"), "{}", done.run.all());
    tree("/usr/local/bin/ash").refuse(&command("/usr/local/bin/ash")).says(&["no table of applets was found"]);
}
