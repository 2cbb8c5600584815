//! Violations seeded in a Debian tree: one for each thing that a check can tell, and what has to be found of it.

use super::{CAPABILITY, LOADER, Rootfs, Spec};

/// Key material that is none, long enough to look like it.
pub(crate) const MATERIAL: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

/// A text that only exists when the test runs, so that scanners of this repository find nothing.
pub(crate) fn secret(start: &str) -> String {
    token(start)
}

/// A token with the checksum of GitHub and npm.
pub(crate) fn token(start: &str) -> String {
    format!("{start}{}", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC01XM6Ea")
}

pub(crate) fn key(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{MATERIAL}\n{MATERIAL}\n-----END {label}-----\n")
}

/// A tree, and the findings that it has to have: check and path.
pub(crate) struct Dirty {
    pub(crate) tree: Rootfs,
    pub(crate) seeded: Vec<(&'static str, &'static str)>,
}

impl Dirty {
    /// Every violation, seeded in a tree of Debian.
    pub(crate) fn on(tree: Rootfs) -> Self {
        lists(content(homes(modes(accounts(Self { tree, seeded: Vec::new() })))))
    }

    /// One change of the tree, and the finding that it has to be.
    fn seed(mut self, check: &'static str, path: &'static str, change: impl FnOnce(Rootfs) -> Rootfs) -> Self {
        self.tree = change(self.tree);
        self.seeded.push((check, path));
        self
    }

    fn also(mut self, check: &'static str, path: &'static str) -> Self {
        self.seeded.push((check, path));
        self
    }
}

/// Access lists, last: a file that is written anew has none.
fn lists(dirty: Dirty) -> Dirty {
    dirty.seed("accounts.access-list", "/etc/gshadow", |t| {
        // A user named in it reads: version 2, owner, user 1000, group, mask and others.
        let mut list = vec![2, 0, 0, 0];
        for (tag, bits, id) in [(1, 6, u32::MAX), (2, 4, 1000), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
        {
            list.extend([tag, 0, bits, 0].into_iter().chain(id.to_le_bytes()));
        }
        t.xattr("/etc/gshadow", "system.posix_acl_access", &list)
    })
}

fn accounts(dirty: Dirty) -> Dirty {
    dirty
        .seed("accounts.password-in-passwd", "/etc/passwd", |t| {
            t.line("passwd", "des:ab1FhWN3sGLNk:1101:1101::/home/des:/usr/sbin/nologin").line("group", "des:x:1101:")
        })
        .also("accounts.weak-hash", "/etc/passwd")
        .seed("accounts.empty-password", "/etc/shadow", |t| {
            t.line("passwd", "open:x:1102:1102::/nonexistent:/usr/sbin/nologin")
                .line("group", "open:x:1102:")
                .line("shadow", "open::19000:0:99999:7:::")
        })
        .seed("accounts.usable-password", "/etc/shadow", |t| {
            t.line("passwd", "user:x:1103:1103::/nonexistent:/usr/sbin/nologin")
                .line("group", "user:x:1103:")
                .line("shadow", "user:$6$salt$abcdefghijklmnop:19000:0:99999:7:::")
        })
        .seed("accounts.weak-hash", "/etc/shadow", |t| {
            t.line("passwd", "md5:x:1104:1104::/nonexistent:/usr/sbin/nologin")
                .line("group", "md5:x:1104:")
                .line("shadow", "md5:!$1$abc$0123456789012345678901:19000:0:99999:7:::")
        })
        .seed("accounts.uid-0", "/etc/passwd", |t| {
            t.line("passwd", "toor:x:0:0::/root:/usr/sbin/nologin").line("shadow", "toor:*:19000:0:99999:7:::")
        })
        .also("accounts.gid-0", "/etc/passwd")
        .also("accounts.duplicate-id", "/etc/passwd")
        .seed("accounts.gid-0", "/etc/group", |t| t.line("group", "wheel:x:0:"))
        .also("accounts.duplicate-id", "/etc/group")
        .seed("accounts.duplicate-name", "/etc/passwd", |t| {
            t.line("passwd", "games:x:1105:60::/nonexistent:/usr/sbin/nologin")
        })
        .seed("accounts.duplicate-name", "/etc/group", |t| t.line("group", "games:x:1106:"))
        .seed("accounts.missing-group", "/etc/passwd", |t| {
            t.line("passwd", "lost:x:1107:7777::/nonexistent:/usr/sbin/nologin").line("shadow", "lost:*:19000::::::")
        })
        .seed("accounts.shadow-group", "/etc/group", |t| {
            let group = t.read("/etc/group").replace("shadow:x:42:", "shadow:x:42:games");
            t.text("/etc/group", group)
        })
        .seed("accounts.inconsistent", "/etc/group", |t| t.line("group", "club:x:1108:nobody-there"))
        .seed("accounts.inconsistent", "/etc/passwd", |t| {
            t.line("passwd", "half:x:1109:1106::/nonexistent:/usr/sbin/nologin")
        })
        .seed("accounts.inconsistent", "/etc/shadow", |t| t.line("shadow", "ghost:*:19000:0:99999:7:::"))
        .seed("accounts.malformed", "/etc/passwd", |t| t.line("passwd", "").line("passwd", "# note"))
        .seed("accounts.malformed", "/etc/group", |t| t.line("group", "broken:x"))
        .seed("accounts.legacy-plus", "/etc/passwd", |t| t.line("passwd", "+::::::"))
        .seed("accounts.legacy-plus", "/etc/group", |t| t.line("group", "+:::"))
        .seed("accounts.login-shell", "/etc/passwd", |t| {
            t.line("passwd", "svc:x:120:1::/nonexistent:/bin/true").line("shadow", "svc:*:19000:0:99999:7:::")
        })
        .seed("accounts.backup", "/etc/passwd-", |t| t.text("/etc/passwd-", "root:x:0:0::/root:/bin/sh\n"))
        .seed("accounts.backup", "/etc/sysctl.conf.dpkg-old", |t| t.text("/etc/sysctl.conf.dpkg-old", "x\n"))
        .also("accounts.root-shell", "/etc/passwd")
}

fn modes(dirty: Dirty) -> Dirty {
    dirty
        .seed("accounts.shadow-mode", "/etc/shadow", |t| {
            let content = t.read("/etc/shadow");
            t.file("/etc/shadow", 0o644, 0, 42, content)
        })
        .seed("accounts.shadow-mode", "/etc/gshadow", |t| {
            let content = t.read("/etc/gshadow");
            t.file("/etc/gshadow", 0o640, 0, 50, content)
        })
        .seed("accounts.shadow-mode", "/etc/shadow-", |t| t.file("/etc/shadow-", 0o644, 0, 0, "root:*:1::::::\n"))
        .seed("accounts.file-mode", "/etc/passwd", |t| {
            let content = t.read("/etc/passwd");
            t.file("/etc/passwd", 0o666, 0, 0, content)
        })
        .also("files.world-writable", "/etc/passwd")
        .seed("accounts.opasswd-mode", "/etc/security/opasswd", |t| t.text("/etc/security/opasswd", "x\n"))
        .seed("files.world-writable", "/usr/bin/everybody", |t| {
            t.file("/usr/bin/everybody", 0o777, 0, 0, "#!/bin/sh\n")
        })
        .seed("files.world-writable", "/srv/open", |t| t.file("/srv/open", 0o666, 0, 0, "x"))
        .seed("files.world-writable-directory", "/opt/open", |t| t.dir("/opt/open", 0o777, 0, 0))
        .seed("files.world-writable-directory", "/etc/open", |t| t.dir("/etc/open", 0o1777, 0, 0))
        .seed("files.world-writable-owner", "/opt/theirs", |t| t.dir("/opt/theirs", 0o1777, 33, 33))
        .seed("files.system-owner", "/usr/bin/theirs", |t| t.file("/usr/bin/theirs", 0o755, 33, 0, "#!/bin/sh\n"))
        .seed("files.system-owner", "/usr/lib/theirs", |t| t.dir("/usr/lib/theirs", 0o755, 33, 0))
        .seed("files.system-group", "/usr/lib/grouped.so", |t| t.file("/usr/lib/grouped.so", 0o644, 0, 50, "x"))
        .seed("files.system-writable", "/usr/lib/group-writes", |t| t.dir("/usr/lib/group-writes", 0o775, 0, 50))
        .seed("files.unowned", "/srv/nobody", |t| t.file("/srv/nobody", 0o644, 4711, 0, "x"))
        .seed("files.unowned", "/usr/share/nogroup", |t| t.file("/usr/share/nogroup", 0o644, 0, 4712, "x"))
        .seed("files.setid", "/opt/rootshell", |t| t.file("/opt/rootshell", 0o4755, 0, 0, "x"))
        .seed("files.setid", "/opt/groupshell", |t| t.file("/opt/groupshell", 0o2755, 0, 50, "x"))
        .also("files.setid", "/usr/bin/su")
        .also("files.setgid-directory", "/var/mail")
        .seed("files.capabilities", "/opt/ping", |t| {
            t.file("/opt/ping", 0o755, 0, 0, "x").xattr("/opt/ping", "security.capability", &CAPABILITY)
        })
        .seed("files.device", "/opt/null", |t| t.device("/opt/null", 1, 3))
        .seed("files.device", "/opt/pipe", |t| t.fifo("/opt/pipe"))
        .seed("files.device", "/opt/socket", |t| t.socket("/opt/socket"))
        .seed("files.log-mode", "/var/log/app.log", |t| t.file("/var/log/app.log", 0o666, 0, 0, "x"))
        .also("files.leftovers", "/var/log/app.log")
        .seed("files.leftovers", "/tmp/build", |t| t.text("/tmp/build/out", "x"))
        .seed("files.run", "/run/app.pid", |t| t.text("/run/app.pid", "1"))
        .seed("files.dangling-link", "/opt/nowhere", |t| t.link("/opt/nowhere", "/none"))
        .seed("files.name", "/opt/a\nb", |t| t.text("/opt/a\nb", "x"))
        .seed("etc.shells", "/etc/shells", |t| t.text("/etc/shells", "/bin/sh\n/usr/sbin/nologin\n"))
        .seed("etc.banner-mode", "/etc/motd", |t| t.file("/etc/motd", 0o664, 0, 0, "hello\n"))
        .seed("etc.banner-text", "/etc/issue", |t| t.text("/etc/issue", "Debian GNU/Linux 12 \\n \\l\n"))
        .seed("etc.sudo-mode", "/etc/sudoers", |t| t.file("/etc/sudoers", 0o666, 0, 0, "root ALL=(ALL) ALL\n"))
        .seed("etc.sudo-nopasswd", "/etc/sudoers.d/app", |t| {
            t.file("/etc/sudoers.d/app", 0o440, 0, 0, "www-data ALL=(ALL) NOPASSWD: ALL\n")
        })
        .seed("etc.ssh-mode", "/etc/ssh/ssh_host_rsa_key", |t| {
            t.text("/etc/ssh/ssh_host_rsa_key", key("RSA PRIVATE KEY"))
        })
        .also("secrets.private-key", "/etc/ssh/ssh_host_rsa_key")
        .seed("etc.sensitive-mode", "/etc/crypttab", |t| t.file("/etc/crypttab", 0o666, 0, 0, "x\n"))
        .seed("etc.root-path", "/usr/local/bin", |t| t.dir("/usr/local/bin", 0o777, 0, 0))
        .seed("etc.trust-store", "/usr/local/share/ca-certificates/mine.crt", |t| {
            t.text("/usr/local/share/ca-certificates/mine.crt", key("CERTIFICATE"))
        })
}

fn homes(dirty: Dirty) -> Dirty {
    dirty
        .seed("homes.mode", "/home/dev", |t| {
            t.account("dev", 1200, "/home/dev", "/bin/bash").dir("/home/dev", 0o777, 1200, 1200)
        })
        .seed("homes.dot-file", "/home/dev/.profile", |t| t.file("/home/dev/.profile", 0o664, 1200, 1200, "x\n"))
        .seed("homes.history", "/home/dev/.bash_history", |t| {
            t.file("/home/dev/.bash_history", 0o600, 1200, 1200, "ls\n")
        })
        .seed("homes.trust-file", "/home/dev/.rhosts", |t| t.text("/home/dev/.rhosts", "+ +\n"))
        .seed("homes.trust-file", "/root/.ssh/authorized_keys", |t| {
            t.text("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA\n")
        })
        .seed("homes.trust-file", "/etc/hosts.equiv", |t| t.text("/etc/hosts.equiv", "+\n"))
        .seed("homes.root", "/root/.bashrc", |t| t.text("/root/.bashrc", "x\n"))
        .seed("jobs.mode", "/etc/crontab", |t| t.text("/etc/crontab", "* * * * * root true\n"))
        .also("jobs.present", "/etc/crontab")
        .also("jobs.present", "/etc/cron.d")
        .seed("jobs.allow", "/etc/cron.allow", |t| t.programs(&["/usr/bin/crontab"]))
        .seed("system.init", "/etc/init.d", |t| t.script("/etc/init.d/app", "#!/bin/sh\n"))
        .seed("system.tunables", "/etc/sysctl.conf", |t| t.text("/etc/sysctl.conf", "x=1\n"))
        .also("system.fstab", "/etc/fstab")
        .seed("login.defs", "/etc/login.defs", |t| t.text("/etc/login.defs", "PASS_MAX_DAYS 99999\nUMASK 022\n"))
        .seed("login.umask", "/etc/profile", |t| t.text("/etc/profile", "PATH=/bin\n"))
        .also("login.limits", "/etc/securetty")
}

fn content(dirty: Dirty) -> Dirty {
    dirty
        .seed("secrets.private-key", "/app/tls/server.key", |t| t.text("/app/tls/server.key", key("PRIVATE KEY")))
        .seed("secrets.token", "/app/config.yml", |t| t.text("/app/config.yml", format!("token: {}\n", secret("ghp_"))))
        .seed("secrets.token", "/app/aws.ini", |t| {
            t.text("/app/aws.ini", ["key = AK", "IAQ3EGRZ7HJ2KLMN4P\n"].concat())
        })
        .seed("secrets.token", "/srv/deploy.sh", |t| {
            t.text("/srv/deploy.sh", format!("curl -u {} x\n", secret("npm_")))
        })
        .seed("secrets.password", "/home/dev/.netrc", |t| {
            t.text("/home/dev/.netrc", "machine h login me password s3cr3t\n")
        })
        .seed("secrets.password", "/app/.npmrc", |t| {
            t.text("/app/.npmrc", "//registry.npmjs.org/:_authToken=deadbeef42\n")
        })
        .seed("secrets.password", "/root/.docker/config.json", |t| {
            t.text("/root/.docker/config.json", "{\"auths\":{\"r.example\":{\"auth\":\"bWU6czNjcjN0\"}}}\n")
        })
        .seed("secrets.password", "/root/.aws/credentials", |t| {
            t.text("/root/.aws/credentials", "[default]\naws_secret_access_key = c2VjcmV0c2VjcmV0\n")
        })
        .seed("secrets.password", "/root/.pgpass", |t| t.text("/root/.pgpass", "db:5432:app:app:s3cr3t\n"))
        .seed("secrets.password", "/root/.git-credentials", |t| {
            t.text("/root/.git-credentials", "https://me:s3cr3t@host\n")
        })
        .seed("secrets.password", "/etc/pip.conf", |t| {
            t.text("/etc/pip.conf", "[global]\nindex-url = https://me:s3cr3t@pypi.host/simple\n")
        })
        .seed("secrets.password", "/app/.env", |t| t.text("/app/.env", "DB_PASSWORD=s3cr3t\n"))
        .seed("secrets.file-name", "/app/keystore.jks", |t| t.text("/app/keystore.jks", "x"))
        .seed("secrets.file-name", "/app/credentials.json", |t| t.text("/app/credentials.json", "{}"))
        .seed("content.developer-file", "/app/.git", |t| t.text("/app/.git/HEAD", "ref\n"))
        .seed("content.developer-file", "/app/Dockerfile", |t| t.text("/app/Dockerfile", "FROM x\n"))
        .also("programs.package-manager", "/usr/bin/apt")
        .also("programs.privilege", "/usr/bin/su")
        .also("programs.shell", "/usr/bin/bash")
        .also("programs.network", "/usr/bin/wget")
        .also("programs.gtfobins", "/usr/bin/perl")
        .seed("programs.compiler", "/usr/bin/gcc-12", |t| t.programs(&["/usr/bin/gcc-12"]))
        .seed("programs.remote-access", "/usr/sbin/sshd", |t| {
            t.programs(&["/usr/sbin/sshd"]).package("openssh-server", &["/usr/sbin/sshd"])
        })
        .seed("programs.library-path", "/usr/bin/loads", |t| {
            let spec = Spec { interpreter: Some(LOADER), runpath: Some("/tmp/lib"), ..Spec::default() };
            t.file("/usr/bin/loads", 0o755, 0, 0, spec.build())
        })
        .also("programs.linking", "/usr/bin/loads")
        .seed("packages.ghost", "/var/lib/dpkg/status", |t| t.package("gone", &["/usr/bin/gone"]))
        .seed("packages.checksum", "/usr/lib/changed", |t| {
            t.package("changed", &["/usr/lib/changed"])
                .text("/usr/lib/changed", "changed\n")
                .text("/var/lib/dpkg/info/changed.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/lib/changed\n")
        })
        .seed("packages.identity", "/etc/debian_version", |t| {
            std::fs::remove_file(t.at("/etc/debian_version")).unwrap();
            t
        })
}
