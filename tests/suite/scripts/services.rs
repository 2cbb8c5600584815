//! Programs whose work is to start others: their configurations name programs as scripts do.

use crate::common::Rootfs;

fn command(words: &str) -> Vec<&str> {
    vec!["--user", "app:1000:1000", "--command", words]
}

fn image() -> Rootfs {
    let tools = ["id", "chown", "find", "curl", "grep", "sed", "nginx", "sleep", "mkdir", "logger"];
    let tools = tools.map(|name| format!("/usr/bin/{name}"));
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    Rootfs::debian_like().programs(&tools)
}

const KEEP: &str = "[keep]\nfrom-scripts = true\n";

#[test]
fn programs_of_supervisord() {
    let tree = || {
        image()
            .script("/usr/bin/supervisord", "#!/usr/bin/perl\n")
            .text(
                "/etc/supervisor/supervisord.conf",
                "[supervisord]\nnodaemon=true\n\n[program:web]\ncommand=/usr/bin/nginx -g \"daemon off;\" ; x\n\
                 [program:gone]\ncommand=/opt/none %(ENV_X)s\n[include]\nfiles = more.d/*.ini\n",
            )
            .text("/etc/supervisor/more.d/a.ini", "[eventlistener:e]\ncommand = bash -c \"find / | grep x\"\n")
    };
    let args = command("supervisord -n");
    tree().refuse(&args).says(&[
        "'/usr/bin/nginx' (/etc/supervisor/supervisord.conf:5)",
        "'bash' (/etc/supervisor/more.d/a.ini:2), 'find' (/etc/supervisor/more.d/a.ini:2), 'grep'",
    ]);
    let done = tree().apply_config(KEEP, &args);
    done.assert_kept(&["/usr/bin/nginx", "/usr/bin/bash", "/usr/bin/find", "/usr/bin/grep"]);
    done.assert_gone(&["/usr/bin/sed"]);
    let other = tree().text("/srv/own.conf", "[program:x]\ncommand=sed y\n");
    other.refuse(&command("supervisord -c /srv/own.conf")).says(&["'sed' (/srv/own.conf:2)"]);
}

#[test]
fn commands_in_the_settings_of_a_server_and_the_interpreters_of_its_helpers() {
    let tree = || {
        image()
            .programs(&["/usr/sbin/lighttpd"])
            .script("/usr/share/lighttpd/mime.pl", "#!/usr/bin/perl\n")
            .text(
                "/etc/lighttpd/lighttpd.conf",
                "server.port = 80\ninclude_shell \"/usr/share/lighttpd/mime.pl \" + x\n",
            )
            .package("lighttpd", &["/.", "/usr/sbin/lighttpd", "/usr/share/lighttpd/mime.pl"])
    };
    let args = command("lighttpd -D");
    tree().refuse(&args).says(&[
        "'/usr/bin/perl', interpreter of '/usr/share/lighttpd/mime.pl' (/etc/lighttpd/lighttpd.conf:2)",
        "[keep] commands = [\"/bin/sh\", \"/usr/share/lighttpd/mime.pl\"]",
    ]);
    for config in
        ["from-scripts = true", "commands = ['sh', '/usr/share/lighttpd/mime.pl']", "commands = ['sh', 'perl']"]
    {
        let done = tree().apply_config(&format!("[keep]\n{config}\n"), &args);
        done.assert_same(&["/usr/bin/perl", "/usr/share/lighttpd/mime.pl"]);
    }
}

#[test]
fn a_starter_that_is_only_kept_is_warned_about() {
    let tree = image()
        .script("/usr/bin/supervisord", "#!/usr/bin/perl\n")
        .text("/etc/supervisord.conf", "[program:x]\ncommand=sed y\n");
    let done = tree.apply(&[&command("/app/server")[..], &["--keep", "supervisord"]].concat());
    assert!(
        done.run.stderr.contains("'/etc/supervisord.conf' is kept and names programs that would be removed: 'sed'"),
        "{}",
        done.run.stderr
    );
}

#[test]
fn services_of_runit_and_s6() {
    let tree = || {
        image()
            .programs(&["/usr/bin/runsvdir", "/usr/bin/chpst"])
            .script("/etc/sv/web/run", "#!/bin/sh\nexec 2>&1\nexec chpst -u app nginx\n")
            .link("/etc/service/web", "/etc/sv/web")
    };
    // The services themselves go with remove.init, unless somebody says otherwise.
    let args = [&command("runsvdir -P /etc/service")[..], &["--disable", "remove.init"]].concat();
    tree().refuse(&args).says(&["'chpst' (/etc/sv/web/run:3), 'nginx' (/etc/sv/web/run:3)"]).alone();
    tree().apply_config(KEEP, &args).assert_kept(&["/usr/bin/chpst", "/usr/bin/nginx", "/usr/bin/sh"]);

    let tree = || {
        image()
            .programs(&["/usr/bin/execlineb", "/usr/bin/s6-setuidgid", "/usr/bin/foreground"])
            .script("/init", "#!/bin/sh\nexec sleep 1\n")
            .script("/etc/s6-overlay/s6-rc.d/web/run", "#!/usr/bin/execlineb -P\ns6-setuidgid app\nnginx -g x\n")
            .text("/etc/s6-overlay/s6-rc.d/prepare/up", "foreground { mkdir /x }\nchown app /x\n")
            .script("/etc/cont-init.d/10-user", "#!/usr/bin/env bash\nid -u\n")
            .programs(&["/usr/bin/env"])
    };
    tree().refuse(&command("/init")).says(&[
        "'sleep' (/init:2)",
        "'s6-setuidgid' (/etc/s6-overlay/s6-rc.d/web/run:2), 'nginx' (/etc/s6-overlay/s6-rc.d/web/run:3)",
        "'foreground' (/etc/s6-overlay/s6-rc.d/prepare/up:1), 'mkdir' (/etc/s6-overlay/s6-rc.d/prepare/up:1)",
        "'chown' (/etc/s6-overlay/s6-rc.d/prepare/up:2)",
        "'id' (/etc/cont-init.d/10-user:2)",
    ]);
    let done = tree().apply_config(KEEP, &command("/init"));
    done.assert_kept(&["/usr/bin/execlineb", "/usr/bin/nginx", "/usr/bin/mkdir", "/usr/bin/id", "/usr/bin/bash"]);
    done.assert_gone(&["/usr/bin/sed"]);
}

#[test]
fn jobs_of_a_kept_cron() {
    let tree = || {
        image()
            .programs(&["/usr/sbin/cron", "/usr/bin/run-parts"])
            .text("/etc/crontab", "PATH=/usr/bin\n17 * * * * root cd / && run-parts /etc/cron.hourly\n")
            .text("/etc/cron.d/app", "*/5 * * * * root test -x /usr/bin/curl && /usr/bin/curl x\n@reboot root id -u\n")
            .script("/etc/cron.hourly/tidy", "#!/bin/sh\n[ -x /usr/bin/logger ] || exit 0\nlogger x\nfind /tmp\n")
    };
    let args = [&command("cron -f")[..], &["--disable", "remove.cron"]].concat();
    tree().refuse(&args).says(&[
        "'run-parts' (/etc/crontab:2)",
        "'id' (/etc/cron.d/app:2)",
        "'find' (/etc/cron.hourly/tidy:4)",
    ]);
    let done = tree().apply_config(KEEP, &args);
    done.assert_kept(&["/usr/bin/sh", "/usr/bin/run-parts", "/usr/bin/id", "/usr/bin/find"]);
    done.assert_gone(&["/usr/bin/curl", "/usr/bin/sed"]);
    // Every job is a shell's.
    let one = image().programs(&["/usr/sbin/cron"]).text("/etc/cron.d/app", "* * * * * root /app/server\n");
    one.refuse(&args).says(&["'/bin/sh' (/etc/cron.d/app:1)", "commands = [\"/bin/sh\"]"]);
    // Without a daemon nobody runs them.
    tree().apply(&[&command("/app/server")[..], &["--disable", "remove.cron", "--strict"]].concat());
}

/// `/etc/cron.daily` begins as `/etc/cron.d` does, and holds scripts. What looks after a package manager goes with it.
#[test]
fn jobs_of_every_directory_of_cron_are_read() {
    for directory in ["/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.hourly"] {
        let job = format!("{directory}/tidy");
        let dpkg = format!("{directory}/dpkg");
        let tree = image()
            .programs(&["/usr/sbin/anacron", "/usr/bin/run-parts", "/usr/bin/dpkg", "/usr/bin/savelog"])
            .text("/etc/anacrontab", format!("1 5 job run-parts --report {directory}\n"))
            .script(&job, "#!/bin/sh\nfind /tmp\n")
            .script(&dpkg, "#!/bin/sh\nsavelog x\n")
            .package("dpkg", &["/usr/bin/dpkg", &dpkg]);
        let args = [&command("anacron -d")[..], &["--disable", "remove.cron"]].concat();
        let refused = tree.refuse(&args).says(&[&format!("'find' ({job}:2)")]);
        assert!(!refused.run.stderr.contains("savelog"), "{}", refused.run.all());
    }
}

/// `postfix start-fg` is a shell script of the package, which nothing in the program names whole.
#[test]
fn the_script_that_starts_postfix_stays_and_is_read() {
    let script = "/usr/lib/postfix/sbin/postfix-script";
    let tree = || image().program("/usr/sbin/postfix").script(script, "#!/bin/sh\nfind /var/spool/postfix\n");
    let args = command("postfix start-fg");
    tree().refuse(&args).says(&["'find' (/usr/lib/postfix/sbin/postfix-script:2)"]);
    tree().apply_config(KEEP, &args).assert_kept(&[script, "/usr/bin/sh", "/usr/bin/find"]);
}

#[test]
fn an_applet_as_cron_reads_the_tables_of_its_users() {
    let tree = || {
        Rootfs::alpine_like()
            .link("/usr/sbin/crond", "/bin/busybox")
            .link("/bin/sed", "/bin/busybox")
            .text("/etc/crontabs/root", "# x\n*/15 * * * *\tsed x\n")
    };
    let args = [&command("crond -f")[..], &["--disable", "remove.cron"]].concat();
    tree().refuse(&args).says(&["'sed' (/etc/crontabs/root:2)"]);
    tree().apply_config(KEEP, &args).assert_kept(&["/bin/sed", "/bin/sh"]);
}

#[test]
fn accounts_of_services_and_jobs_are_in_use() {
    let tree = image()
        .programs(&["/usr/sbin/cron", "/usr/bin/chpst", "/usr/bin/runsvdir"])
        .account("worker", 500, "/", "/usr/sbin/nologin")
        .account("queue", 501, "/", "/usr/sbin/nologin")
        .text("/etc/cron.d/app", "*/5 * * * * queue /app/server\n")
        .script("/etc/service/web/run", "#!/bin/sh\nexec chpst -u worker /app/server\n");
    let args = ["--user", "app:1000:1000", "--command", "runsvdir /etc/service", "--command", "cron -f"];
    let args = [&args[..], &["--disable", "remove.cron"]].concat();
    tree.refuse_config(KEEP, &args)
        .says(&["'queue' would be pruned", "/etc/cron.d/app:1"])
        .says(&["'worker' would be pruned", "/etc/service/web/run:2"]);
}

/// An `env` that goes stops a script whose interpreter stays; what a script tells the programs that it starts counts.
#[test]
fn what_a_service_needs_besides_its_programs() {
    let tree = |run: &str| {
        Rootfs::debian_like()
            .script("/usr/bin/supervisord", "#!/usr/bin/perl\n")
            .programs(&["/usr/bin/socat", "/usr/bin/tac", "/usr/bin/env"])
            .text("/etc/supervisor/supervisord.conf", format!("[program:web]\ncommand={run}\n"))
            .script("/app/env", "#!/usr/bin/env perl\n")
            .script("/app/sh", "#!/bin/bash\nexec socat - 'SYSTEM:tac x'\n")
    };
    let args = command("supervisord -n");
    tree("/app/env").refuse(&args).says(&["'/usr/bin/env', interpreter of '/app/env'"]);
    tree("/app/sh").refuse(&args).says(&["'tac' (/app/sh:2)"]);
    tree("socat - \"EXEC:tac x\"").refuse(&args).says(&["'tac' (/etc/supervisor/supervisord.conf:2)"]);
}

/// npm runs the script that the command line names, with those before and after it; foreman every line of a Procfile.
#[test]
fn scripts_of_packages_and_lines_of_procfiles() {
    let package = "{\n\"scripts\": {\n\"prestart\": \"tac x\",\n\"start\": \"tool\",\n\"test\": \"find x\"\n}}";
    let tree = Rootfs::debian_like()
        .script("/usr/bin/npm", "#!/usr/bin/perl\n")
        .script("/usr/bin/foreman", "#!/usr/bin/perl\n")
        .programs(&["/usr/bin/tac", "/usr/bin/env"])
        .script("/app/node_modules/.bin/tool", "#!/usr/bin/env perl\n")
        .text("/app/package.json", package)
        .text("/app/Procfile", "web: tool\n# find: find x\ntick: while true; do tac x; done\n");
    let said = tree.refuse(&command("npm --prefix /app start"));
    let said =
        said.says(&["'tac' (/app/package.json:3)", "'/usr/bin/env', interpreter of 'tool' (/app/package.json:4)"]);
    assert!(!said.run.all().contains("'find'"), "{}", said.run.all());
    tree.refuse(&command("foreman start -f /app/Procfile")).says(&["'tac' (/app/Procfile:3)"]);
}

/// Which keys hold commands the file of the program does not say.
#[test]
fn whole_paths_in_a_configuration_with_keys_for_accounts_only() {
    let tree = Rootfs::debian_like()
        .programs(&["/usr/bin/tac"])
        .text("/etc/own.conf", "user = app\nhelper = /usr/bin/tac\n# /usr/bin/find\n");
    let own = "names = ['own']\n[[configuration]]\nfiles = ['/etc/own.conf']\nsyntax = 'assignments'\nkeys = { user = 'account' }\n";
    let tree = tree.programs(&["/usr/sbin/own"]);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("own.toml"), own).unwrap();
    let config = directory.path().join("harden.toml");
    let text = "[run]\nuser = 'app:1000:1000'\ncommand = ['own']\n[programs]\nfiles = ['own.toml']\n";
    std::fs::write(&config, text).unwrap();
    let said = tree.refuse(&["--config", config.to_str().unwrap()]);
    let said = said.says(&["'/usr/bin/tac' (/etc/own.conf:2)"]);
    assert!(!said.run.all().contains("/usr/bin/find"), "{}", said.run.all());
}

/// Which of the application's scripts a request names is written nowhere: all are read where a server runs that starts them.
#[test]
fn scripts_that_a_request_names() {
    let tree = || {
        image()
            .programs(&["/usr/sbin/mini_httpd"])
            .script("/srv/cgi/upper.sh", "#!/bin/sh\nprintf '\\n'\ngrep x | sed y\n")
            .script("/srv/cgi/other.sh", "#!/bin/sh\nfind /srv\n")
    };
    let args = command("mini_httpd -D");
    tree()
        .refuse(&args)
        .says(&["'/srv/cgi/other.sh' and 1 more, owned by no package, can no longer run: '/bin/sh' is removed"]);
    let sh = [&args[..], &["--keep", "sh"]].concat();
    tree().refuse(&sh).says(&[
        "'/srv/cgi/other.sh' and '/srv/cgi/upper.sh' may run when '/usr/sbin/mini_httpd' gets a request and need programs that would be \
         removed: 'find' (/srv/cgi/other.sh:2), 'grep' (/srv/cgi/upper.sh:3), 'sed' (/srv/cgi/upper.sh:3)",
        "write [keep] commands = [\"find\", \"grep\", \"sed\"]; name programs that never run in [remove] commands",
    ]);
    let done = tree().apply_config("[keep]\ncommands = ['sh', 'find', 'grep']\n[remove]\ncommands = ['sed']\n", &args);
    done.assert_kept(&["/usr/bin/find", "/usr/bin/grep"]);
    // Without such a server nothing says that they run.
    tree().apply(&command("nginx"));
}
