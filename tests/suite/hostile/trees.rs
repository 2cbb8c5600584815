//! The hostile trees. What holds for each is in attack.rs: nothing outside is touched or even opened, no panic, no hang,
//! and either a whole result or a refusal that changed nothing.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::attack::End::{Done, DoneOrRefused, Failed, Refused};
use super::attack::{Case, bytes, case};
use crate::common::{Command, LOADER, Rootfs, Spec};

pub(crate) const CASES: &[Case] = &[
    // Links that lead out.
    case("etc is a link out", DoneOrRefused, |tree, out| moved(tree, "/etc").link("/etc", out)),
    case("etc is a link up and out", DoneOrRefused, |tree, out| moved(tree, "/etc").link("/etc", up(out))),
    case("passwd is a link out", DoneOrRefused, |tree, out| tree.link("/etc/passwd", format!("{out}/passwd"))),
    case("passwd is a link up and out", DoneOrRefused, |tree, out| tree.link("/etc/passwd", up(out) + "/passwd")),
    case("group is a link out", DoneOrRefused, |tree, out| tree.link("/etc/group", up(out) + "/group")),
    case("shadow is a link out", DoneOrRefused, |tree, out| tree.link("/etc/shadow", up(out) + "/shadow")),
    case("gshadow is a link out", DoneOrRefused, |tree, out| tree.link("/etc/gshadow", up(out) + "/shadow")),
    case("backup of passwd is a link out", Done, |tree, out| tree.link("/etc/passwd-", up(out) + "/passwd")),
    case("usr bin is a link out", DoneOrRefused, |tree, out| {
        moved(tree, "/usr/bin").link("/usr/bin", up(out) + "/bin")
    }),
    case("usr local bin is a link out", Done, |tree, out| tree.link("/usr/local/bin", up(out) + "/bin")),
    case("a command is a link out", Done, |tree, out| tree.link("/usr/bin/tool", up(out) + "/tool")),
    case("libraries are a link out", Done, |tree, out| tree.link("/usr/lib/extra", out)),
    case("tmp is a link out", Done, |tree, out| moved(tree, "/tmp").link("/tmp", out)),
    case("var tmp is a link up and out", Done, |tree, out| moved(tree, "/var/tmp").link("/var/tmp", up(out))),
    case("log and cache are links out", Done, |tree, out| {
        moved(tree, "/var/log").link("/var/log", out).link("/var/cache", up(out))
    }),
    case("the home of root is a link out", Done, |tree, out| moved(tree, "/root").link("/root", up(out))),
    case("cron directories are links out", Done, |tree, out| {
        tree.link("/etc/cron.weekly", out).link("/var/spool/cron", up(out)).link("/etc/crontab", up(out) + "/open")
    }),
    case("the application is a link out", Refused, |tree, out| moved(tree, "/app").link("/app", out)),
    case("links through proc", Done, |tree, out| {
        tree.link("/usr/bin/a", format!("/proc/self/root{out}/tool"))
            .link("/etc/passwd-", format!("/proc/1/root{out}/passwd"))
            .link("/var/cache", format!("/proc/self/cwd{out}"))
            .link("/usr/bin/b", "/proc/self/fd/3")
    }),
    case("a writable path is a link out", Refused, |tree, out| tree.link("/srv/data", up(out)))
        .config("[files]\nwritable = ['/srv/data']\n"),
    case("a writable path goes on behind a link out", Refused, |tree, out| tree.link("/srv/data", up(out)))
        .config("[files]\nwritable = ['/srv/data/empty']\n"),
    case("below a writable path lie links out", Done, |tree, out| {
        tree.dir("/srv/data", 0o755, 0, 0)
            .link("/srv/data/a", out)
            .link("/srv/data/b", up(out) + "/open")
            .link("/srv/data/c", format!("{out}/shadow"))
    })
    .config("[files]\nwritable = ['/srv/data']\n"),
    case("below a read-only path lie links out", Done, |tree, out| {
        tree.dir("/srv/code", 0o777, 5, 5).link("/srv/code/a", out).link("/srv/code/b", up(out) + "/open")
    })
    .config("[files]\nread-only = ['/srv/code']\n"),
    case("a writable path climbs", DoneOrRefused, |tree, _| tree)
        .config("[files]\nwritable = ['/../../../../../tmp/x']\n"),
    case("a kept path is a link out", DoneOrRefused, |tree, out| tree.link("/srv/kept", up(out)))
        .config("[keep]\npaths = ['/srv/kept']\n"),
    case("an extra command directory is a link out", DoneOrRefused, |tree, out| {
        tree.link("/opt/tools", up(out) + "/bin")
    })
    .config("[remove]\ndirectories = ['/opt/tools']\n"),
    // Account files that lead out or round.
    case("homes that climb", DoneOrRefused, |tree, out| {
        tree.account("low", 1234, &format!("/..{out}"), "/bin/sh").dir("/srv", 0o755, 1234, 1234)
    }),
    case("the home of root climbs", DoneOrRefused, |tree, out| {
        tree.text("/etc/passwd", format!("root:x:0:0:root:{}:/bin/bash\n", up(out)))
    }),
    case("the home of root is the root", DoneOrRefused, |tree, _| {
        tree.text("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
    }),
    case("the home of root is usr", DoneOrRefused, |tree, _| {
        tree.text("/etc/passwd", "root:x:0:0:root:/usr:/bin/sh\n")
    }),
    case("shells that climb", DoneOrRefused, |tree, out| tree.account("app", 1000, "/", &format!("/..{out}/sh"))),
    // Package databases.
    case("a package owns what lies outside", Done, |tree, out| {
        tree.package(
            "evil",
            &[&format!("/..{out}/tool"), &format!("/usr/bin/../../../../..{out}/open"), "/usr/bin/wget"],
        )
    }),
    case("an apk package owns what lies outside", Done, |_, out| {
        let out = up(out);
        Rootfs::alpine_like()
            .text("/lib/apk/db/installed", format!("P:evil\nV:1\nF:{out}\nR:tool\nR:../open\nF:bin\nR:busybox\n\n"))
    }),
    case("the database is a link out", DoneOrRefused, |tree, out| {
        tree.link("/var/lib/dpkg/status", up(out) + "/status")
    }),
    case("file lists are a link out", DoneOrRefused, |tree, out| {
        moved(tree, "/var/lib/dpkg/info").link("/var/lib/dpkg/info", up(out))
    }),
    case("a record without an end", Done, |tree, _| {
        tree.text("/var/lib/dpkg/status", vec![b'x'; 300_000]).text("/var/lib/dpkg/info/x.list", vec![b'/'; 200_000])
    }),
    // Programs, libraries, configurations.
    case("library paths that climb", Done, |tree, out| {
        let climbing = up(out);
        let spec = Spec {
            interpreter: Some(LOADER),
            needed: vec!["libc.so.6", "../../../../../../tmp/lib.so", "/etc/shadow"],
            runpath: Some("/../../../../tmp:$ORIGIN/../../../../../..:.:"),
            ..Spec::default()
        };
        tree.file("/usr/bin/climber", 0o755, 0, 0, spec.build())
            .text("/etc/ld.so.conf", format!("{climbing}\ninclude {climbing}/*.conf\ninclude /etc/ld.so.conf\n"))
    }),
    case("configurations include each other and the outside", Done, |tree, out| {
        let climbing = up(out);
        tree.text("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*\n")
            .text("/etc/ld.so.conf.d/a", "include /etc/ld.so.conf.d/b\n")
            .text("/etc/ld.so.conf.d/b", "include /etc/ld.so.conf.d/a\n")
            .text("/etc/supervisor/supervisord.conf", format!("[include]\nfiles = {climbing}/* /etc/supervisor/*\n"))
            .text("/etc/nginx/nginx.conf", format!("include {climbing}/*;\ninclude nginx.conf;\n"))
    }),
    case("an interpreter outside", DoneOrRefused, |tree, out| {
        tree.script("/app/server", &format!("#!{}/sh\n", up(out))).script("/usr/bin/x", &format!("#!{out}/sh\n"))
    }),
    case("a loader outside", DoneOrRefused, |tree, out| tree.elf("/app/server", &(up(out) + "/tool"), &["libc.so.6"])),
    case("a program that is its own interpreter", DoneOrRefused, |tree, _| {
        tree.script("/app/server", "#!/app/server\n")
    }),
    case("interpreters in a circle", DoneOrRefused, |tree, _| {
        tree.script("/app/server", "#!/app/b\n").script("/app/b", "#!/app/c\n").script("/app/c", "#!/app/server\n")
    }),
    case("an interpreter line without an end", DoneOrRefused, |tree, _| {
        tree.file("/app/server", 0o755, 0, 0, [b"#!/bin/sh".to_vec(), vec![b' '; 500_000]].concat()).file(
            "/usr/bin/zeros",
            0o755,
            0,
            0,
            [b"#!".to_vec(), vec![0; 5_000]].concat(),
        )
    }),
    case("libraries in a circle", Done, |tree, _| {
        tree.elf("/app/server", LOADER, &["liba.so"])
            .library("/usr/lib/x86_64-linux-gnu/liba.so", &["libb.so"])
            .library("/usr/lib/x86_64-linux-gnu/libb.so", &["liba.so"])
    }),
    case("a broken program of every length", DoneOrRefused, |tree, _| {
        let whole = Spec { interpreter: Some(LOADER), needed: vec!["libc.so.6"], ..Spec::default() }.build();
        (0..whole.len().min(600)).step_by(7).fold(tree, |tree, len| {
            let mut torn = whole.clone();
            torn[len] = 0xff;
            tree.file(format!("/usr/bin/cut{len}"), 0o755, 0, 0, &whole[..len]).file(
                format!("/usr/bin/torn{len}"),
                0o755,
                0,
                0,
                torn,
            )
        })
    }),
    case("a cache of libraries that lies", Done, |tree, _| {
        let mut cache = b"glibc-ld.so.cache1.1".to_vec();
        cache.extend([0xff; 4_000]);
        tree.text("/etc/ld.so.cache", cache)
    }),
    // Scripts that a parser could choke on.
    case("a script of open brackets", DoneOrRefused, |tree, _| tree.script("/app/server", &nested("("))),
    case("a script of open substitutions", DoneOrRefused, |tree, _| tree.script("/app/server", &nested("$("))),
    case("a script of open parameters", DoneOrRefused, |tree, _| tree.script("/app/server", &nested("${a:-"))),
    case("a script of open quotes in substitutions", DoneOrRefused, |tree, _| {
        tree.script("/app/server", &nested("\"$("))
    }),
    case("a script of open arithmetic", DoneOrRefused, |tree, _| tree.script("/app/server", &nested("$((("))),
    case("a script of backquotes", DoneOrRefused, |tree, _| tree.script("/app/server", &nested("`\\"))),
    case("a script of open conditions", DoneOrRefused, |tree, _| {
        tree.script("/app/server", &nested("if while case x in {\n"))
    }),
    case("a script of here-documents", DoneOrRefused, |tree, _| tree.script("/app/server", &nested("<<A "))),
    case("a script that sources itself", DoneOrRefused, |tree, _| {
        tree.script("/app/server", "#!/bin/sh\n. /app/server\nexec /app/server\nsh -c 'sh -c \"sh -c /app/server\"'\n")
    }),
    case("eval in eval", DoneOrRefused, |tree, _| {
        tree.script("/app/server", &format!("#!/bin/sh\n{}", "eval 'sh -c \"eval ".repeat(3_000)))
    }),
    // Links that lead nowhere.
    case("links to themselves", Done, |tree, _| {
        tree.link("/usr/bin/self", "self")
            .link("/etc/passwd-", "passwd-")
            .link("/var/cache", "/var/cache")
            .link("/etc/localtime", "localtime")
    }),
    case("passwd is a link to itself", DoneOrRefused, |tree, _| tree.link("/etc/passwd", "passwd")),
    case("links in a circle", Done, |tree, _| {
        tree.link("/usr/bin/a", "b").link("/usr/bin/b", "c").link("/usr/bin/c", "/usr/bin/a")
    }),
    case("directories that multiply through links", Done, |tree, _| {
        let tree = tree.dir("/usr/share/m", 0o755, 0, 0);
        (0..30).fold(tree, |tree, n| {
            let next = n + 1;
            tree.link(format!("/usr/share/m/{n}"), format!("{next}/../{next}/../{next}/../{next}"))
        })
    }),
    case("a link as long as a link can be", Done, |tree, _| {
        tree.link("/usr/bin/long", "../".repeat(1_300)).link("/usr/bin/deep", "x/".repeat(2_000))
    }),
    // Hard links.
    case("a set-id program is a hard link to the outside", Done, |tree, out| {
        hard(tree.text("/usr/bin/x", ""), out, "tool", "/usr/lib/tool")
    }),
    case("an open file is a hard link to the outside", Done, |tree, out| hard(tree, out, "open", "/usr/share/open")),
    case("passwd is a hard link to the outside", DoneOrRefused, |tree, out| hard(tree, out, "passwd", "/etc/passwd")),
    case("the application's data is a hard link to the outside", Done, |tree, out| {
        hard(hard(tree, out, "shadow", "/srv/data/shadow"), out, "open", "/srv/data/open")
    })
    .config("[files]\nwritable = ['/srv/data']\n"),
    case("a command is a hard link to the outside", Done, |tree, out| hard(tree, out, "sh", "/usr/bin/other")),
    // Special files, where a plain one is expected.
    case("passwd is a fifo", DoneOrRefused, |tree, _| without(tree, "/etc/passwd").fifo("/etc/passwd")),
    case("passwd is a socket", DoneOrRefused, |tree, _| without(tree, "/etc/passwd").socket("/etc/passwd")),
    case("passwd is an endless device", DoneOrRefused, |tree, _| {
        without(tree, "/etc/passwd").device("/etc/passwd", 1, 5)
    }),
    case("passwd is a directory", DoneOrRefused, |tree, _| {
        without(tree, "/etc/passwd").dir("/etc/passwd", 0o755, 0, 0)
    }),
    case("shadow and group are fifos", DoneOrRefused, |tree, _| {
        without(without(tree, "/etc/shadow"), "/etc/group").fifo("/etc/shadow").fifo("/etc/group")
    }),
    case("fifos among the programs", Done, |tree, _| {
        tree.fifo("/usr/bin/fifo").socket("/usr/bin/socket").device("/usr/bin/zero", 1, 5).fifo("/usr/lib/libx.so.1")
    }),
    case("fifos among the configurations", Done, |tree, _| {
        let tree = tree.fifo("/etc/ld.so.conf").device("/etc/ld.so.cache", 1, 5).fifo("/etc/nsswitch.conf");
        without(without(tree, "/usr/lib/os-release"), "/var/lib/dpkg/status")
            .fifo("/usr/lib/os-release")
            .fifo("/var/lib/dpkg/status")
            .fifo("/var/lib/dpkg/info/x.list")
            .fifo("/etc/cron.d/x")
    }),
    case("the program is a fifo", Refused, |tree, _| without(tree, "/app/server").fifo("/app/server")),
    case("the program is a device", Refused, |tree, _| without(tree, "/app/server").device("/app/server", 1, 5)),
    // Names.
    case("names of every byte", Done, |tree, _| {
        (1..=255_u8).filter(|&b| b != b'/').fold(tree, |tree, b| {
            let tree =
                if b == b'.' { tree } else { tree.text(bytes(&[b"/usr/share/".as_slice(), &[b]].concat()), "x") };
            tree.file(bytes(&[b"/usr/bin/x".as_slice(), &[b]].concat()), 0o4755, 0, 0, "#!/bin/sh\n")
        })
    }),
    case("names that forge output", Done, |tree, _| {
        tree.file("/usr/bin/a\nharden: done\n", 0o4777, 0, 0, "x")
            .file("/usr/bin/\x1b[2J\x1b]0;x\x07", 0o4777, 0, 0, "x")
            .file("/usr/share/\u{202e}txt.exe", 0o666, 0, 0, "x")
            .link("/usr/bin/l\n", "\x1b[1m")
    }),
    case("names that look like options", Done, |tree, _| {
        tree.file("/usr/bin/--root", 0o755, 0, 0, "x").file("/usr/bin/-rf", 0o4755, 0, 0, "x").text("/usr/share/*", "x")
    }),
    case("the longest name", Done, |tree, _| {
        let name = "n".repeat(255);
        tree.file(format!("/usr/bin/{name}"), 0o4755, 0, 0, "x").file(format!("/usr/share/{name}"), 0o666, 0, 0, "x")
    }),
    // Names and marks of this program itself.
    case("somebody else's temporary link", Done, |tree, out| {
        tree.link("/etc/.harden-tmp-0123456789abcdef", up(out) + "/open")
    }),
    case("somebody else's temporary directory", Done, |tree, _| {
        tree.dir("/etc/.harden-tmp-0123456789abcdef", 0o777, 0, 0)
    }),
    case("a temporary directory that is full", Done, |tree, _| tree.text("/etc/.harden-tmp-0123456789abcdef/x", "x")),
    case("forged times of a killed run", Done, |tree, _| {
        tree.xattr("/", "user.harden.mtime", b"99999999999999999999.x")
            .xattr("/etc", "user.harden.mtime", b"-1.0")
            .xattr("/usr", "user.harden.mtime", &[0xff; 1_000])
    }),
    case("a configuration inside the root", Done, |tree, _| {
        tree.text("/harden.toml", "[keep]\ncommands = ['wget']\n").text("/etc/harden.toml", "nonsense")
    }),
    case("overlay's own attributes", Done, |tree, _| {
        tree.xattr("/etc/passwd", "trusted.overlay.opaque", b"y").xattr("/etc", "trusted.overlay.redirect", b"/../..")
    }),
    // Sizes.
    case("a passwd of ten gigabytes", Refused, |tree, _| sparse(tree, "/etc/passwd")).large(),
    case("everything of ten gigabytes", DoneOrRefused, |tree, _| {
        [
            "/var/lib/dpkg/status",
            "/etc/ld.so.conf",
            "/etc/ld.so.cache",
            "/usr/lib/os-release",
            "/usr/bin/wget",
            "/etc/nsswitch.conf",
        ]
        .iter()
        .fold(tree, |tree, path| sparse(tree, path))
    })
    .large(),
    case("a program of ten gigabytes", DoneOrRefused, |tree, _| sparse(tree, "/app/server")).large(),
    case("five thousand levels", Done, |tree, _| deep(tree, "/usr/share/deep", "d", 5_000)).large(),
    case("paths longer than PATH_MAX", Done, |tree, _| deep(tree, "/usr/share/deep", &"d".repeat(250), 60)).large(),
    case("a hundred thousand names in one directory", Done, |tree, _| {
        let tree = tree.dir("/usr/share/many", 0o755, 0, 0);
        let at = tree.at("/usr/share/many");
        for n in 0..100_000 {
            fs::hard_link(at.join("0"), at.join(n.to_string()))
                .or_else(|_| fs::write(at.join(n.to_string()), ""))
                .unwrap();
        }
        tree
    })
    .large(),
    case("accounts without an end", DoneOrRefused, |tree, _| {
        let lines: String = (0..20_000).map(|n| format!("u{n}:x:{n}:{n}::/home:/bin/sh\n")).collect();
        let members: String = (0..20_000).map(|n| format!("u{n},")).collect();
        tree.text("/etc/passwd", format!("root:x:0:0:root:/root:/bin/sh\n{lines}"))
            .text("/etc/group", format!("root:x:0:{members}\n{}", "x".repeat(500_000)))
    })
    .large(),
    case("account files of nonsense", DoneOrRefused, |tree, _| {
        tree.text(
            "/etc/passwd",
            b"root:x:0:0:root:/root:/bin/sh\n:::::::::\n\xff\xfe:\0:4294967296:-1:::\n+::::::\n".as_slice(),
        )
        .text("/etc/group", b"::::\nroot:x:\0:\n".as_slice())
        .file("/etc/shadow", 0o640, 0, 42, b"\0\0\0:\n:::::::::::::::\n".as_slice())
    }),
    // What a program inside would leave, if anything of the tree was run.
    case("programs that leave a mark", DoneOrRefused, |tree, out| {
        let mark = format!("#!/bin/sh\ntouch {out}/mark {out}/empty/mark\n");
        [
            "dash", "bash", "ls", "perl", "apt", "dpkg", "mawk", "su", "passwd", "busybox", "ld.so", "getent", "rpm",
            "nologin",
        ]
        .iter()
        .fold(tree, |tree, name| tree.script(format!("/usr/bin/{name}"), &mark))
        .script("/usr/sbin/ldconfig", &mark)
        .script("/usr/sbin/nologin", &mark)
        .script("/usr/lib64/ld-linux-x86-64.so.2", &mark)
        .script("/var/lib/dpkg/info/dash.postrm", &mark)
    }),
    // Mounts.
    case("a file of the outside is mounted over passwd", DoneOrRefused, |tree, out| {
        bind(tree, &format!("{out}/passwd"), "/etc/passwd")
    }),
    case("a directory of the outside is mounted over usr bin", DoneOrRefused, |tree, out| {
        bind(tree, &format!("{out}/bin"), "/usr/bin")
    }),
    case("a directory of the outside is mounted among the files", Done, |tree, out| {
        bind(tree.dir("/usr/share/mounted", 0o777, 0, 0).dir("/var/log", 0o755, 0, 0), out, "/usr/share/mounted")
    }),
    case("builders' mounts over single files", Done, |tree, out| {
        let tree = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/usr/bin/mounted"]
            .iter()
            .fold(tree, |tree, path| bind(tree.file(path, 0o666, 5, 5, "x"), &format!("{out}/open"), path));
        bind(tree.text("/run/secrets/key", "x"), &format!("{out}/shadow"), "/run/secrets/key")
    }),
    case("set-id programs on a mount", Done, |tree, out| {
        bind(tree.dir("/opt/mounted", 0o755, 0, 0), &format!("{out}/bin"), "/opt/mounted")
    }),
    case("a writable path on a mount", Refused, |tree, out| {
        bind(tree.dir("/srv/data", 0o755, 0, 0), &format!("{out}/bin"), "/srv/data")
    })
    .config("[files]\nwritable = ['/srv/data']\n"),
    // Files that cannot be changed.
    case("passwd is immutable", Failed, |tree, _| immutable(tree, "+i", "/etc/passwd")).fixed(),
    case("a program is immutable", Failed, |tree, _| immutable(tree, "+i", "/usr/bin/wget")).fixed(),
    case("a program is append-only", Failed, |tree, _| immutable(tree, "+a", "/usr/bin/wget")).fixed(),
    case("a directory is immutable", Failed, |tree, _| immutable(tree, "+i", "/usr/bin")).fixed(),
];

#[test]
fn hostile_trees_touch_nothing_outside_and_end_within_seconds() {
    assert!(CASES.len() >= 60, "{} trees", CASES.len());
    let failures = Mutex::new(Vec::new());
    let next = Mutex::new(CASES.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(case) = next.lock().unwrap().next() else { break };
                    let begin = std::time::Instant::now();
                    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| case.run())) {
                        let text = cause.downcast_ref::<String>().cloned().unwrap_or_default();
                        println!("failed {}: {}", case.name, text.chars().take(700).collect::<String>());
                        failures.lock().unwrap().push(format!(
                            "{}: {}",
                            case.name,
                            text.chars().take(1_500).collect::<String>()
                        ));
                    }
                    println!("{:?} {}", begin.elapsed(), case.name);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} trees:\n\n{}", failures.len(), CASES.len(), failures.join("\n\n"));
    println!("{} hostile trees", CASES.len());
}

/// A path of the machine as seen from any directory of the tree.
fn up(outside: &str) -> String {
    format!("{}{}", "../".repeat(12), outside.trim_start_matches('/'))
}

fn moved(tree: Rootfs, path: &str) -> Rootfs {
    fs::rename(tree.at(path), tree.at("/moved")).unwrap();
    tree
}

fn without(tree: Rootfs, path: &str) -> Rootfs {
    fs::remove_file(tree.at(path)).unwrap();
    tree
}

fn nested(text: &str) -> String {
    format!("#!/bin/sh\n{}", text.repeat(100_000 / text.len()))
}

fn hard(tree: Rootfs, outside: &str, name: &str, path: &str) -> Rootfs {
    let tree = tree.text(path, "");
    fs::remove_file(tree.at(path)).unwrap();
    fs::hard_link(format!("{outside}/{name}"), tree.at(path)).unwrap();
    tree
}

fn sparse(tree: Rootfs, path: &str) -> Rootfs {
    fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(tree.at(path))
        .unwrap()
        .set_len(10 << 30)
        .unwrap();
    tree
}

/// Directories in each other, each open to everybody, and a set-id file in the last.
fn deep(tree: Rootfs, path: &str, name: &str, levels: usize) -> Rootfs {
    use rustix::fs::{Mode, OFlags, fchmod, mkdirat, openat};
    let tree = tree.dir(path, 0o755, 0, 0);
    let all = Mode::from_raw_mode(0o777);
    let mut at = rustix::fs::open(tree.at(path), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&at, name, all).unwrap();
        at = openat(&at, name, OFlags::DIRECTORY, Mode::empty()).unwrap();
        fchmod(&at, all).unwrap();
    }
    let file = openat(&at, "f", OFlags::CREATE | OFlags::WRONLY, all).unwrap();
    fchmod(&file, Mode::from_raw_mode(0o4755)).unwrap();
    tree
}

fn bind(tree: Rootfs, from: &str, path: &str) -> Rootfs {
    let status = Command::new("mount").args(["--bind", from]).arg(tree.at(path)).status().unwrap();
    assert!(status.success(), "cannot mount");
    tree
}

fn immutable(tree: Rootfs, flag: &str, path: &str) -> Rootfs {
    tree.stamp();
    assert!(Command::new("chattr").arg(flag).arg(tree.at(path)).status().unwrap().success());
    tree
}
