//! Trees with the path facts of each distribution: few files, each at its real place.

use super::rootfs::{LOADER, Rootfs};

const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

impl Rootfs {
    /// Directories and modes of any image, /usr merged.
    fn merged() -> Self {
        Self::empty()
            .dir("/usr/bin", 0o755, 0, 0)
            .dir("/usr/sbin", 0o755, 0, 0)
            .dir("/usr/lib", 0o755, 0, 0)
            .link("/bin", "usr/bin")
            .link("/sbin", "usr/sbin")
            .link("/lib", "usr/lib")
            .common()
    }

    fn common(self) -> Self {
        self.dir("/etc", 0o755, 0, 0)
            .dir("/tmp", 0o1777, 0, 0)
            .dir("/var/tmp", 0o1777, 0, 0)
            .dir("/var/log", 0o755, 0, 0)
            .dir("/run", 0o755, 0, 0)
            .dir("/dev", 0o755, 0, 0)
            .dir("/proc", 0o755, 0, 0)
            .dir("/sys", 0o755, 0, 0)
            .dir("/root", 0o700, 0, 0)
            .program("/app/server")
    }

    /// glibc, in the directory that the distribution puts it into.
    fn glibc(self, libraries: &str) -> Self {
        self.dir("/usr/lib64", 0o755, 0, 0)
            .link("/lib64", "usr/lib64")
            .library(&format!("{libraries}/libc.so.6"), &["ld-linux-x86-64.so.2"])
            .file("/usr/lib64/ld-linux-x86-64.so.2", 0o755, 0, 0, super::library("ld-linux-x86-64.so.2", &[]))
    }

    /// Programs that need libc and the loader.
    pub(crate) fn programs(self, paths: &[&str]) -> Self {
        paths.iter().fold(self, |tree, path| tree.elf(path, LOADER, &["libc.so.6"]))
    }

    fn accounts(self, passwd: &str, group: &str, shadow: &str, gshadow: &str) -> Self {
        let tree = self.text("/etc/passwd", passwd).text("/etc/group", group);
        let tree = if shadow.is_empty() { tree } else { tree.file("/etc/shadow", 0o640, 0, 42, shadow) };
        if gshadow.is_empty() { tree } else { tree.file("/etc/gshadow", 0o640, 0, 42, gshadow) }
    }

    /// Debian 12, merged /usr.
    pub(crate) fn debian_like() -> Self {
        Self::merged()
            .glibc("/usr/lib/x86_64-linux-gnu")
            .text("/usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
            .link("/etc/os-release", "../usr/lib/os-release")
            .text("/etc/debian_version", "12.5\n")
            .programs(&["/usr/bin/dash", "/usr/bin/bash", "/usr/bin/ls", "/usr/bin/wget", "/usr/bin/perl"])
            .programs(&["/usr/bin/apt", "/usr/bin/dpkg", "/usr/bin/mawk", "/usr/sbin/nologin", "/usr/sbin/ldconfig"])
            .link("/usr/bin/sh", "dash")
            .link("/usr/bin/awk", "/etc/alternatives/awk")
            .link("/etc/alternatives/awk", "/usr/bin/mawk")
            .set_id("/usr/bin/su", 0o4755, 0)
            .set_id("/usr/bin/mount", 0o4755, 0)
            .set_id("/usr/bin/passwd", 0o4755, 0)
            .set_id("/usr/sbin/unix_chkpwd", 0o2755, 42)
            .accounts(
                "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
                 sync:x:4:65534:sync:/bin:/bin/sync\ngames:x:5:60:games:/usr/games:/usr/sbin/nologin\n\
                 www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
                "root:x:0:\ndaemon:x:1:\nmail:x:8:\nwww-data:x:33:\nshadow:x:42:\nutmp:x:43:\nstaff:x:50:\n\
                 games:x:60:\nusers:x:100:games\nssl-cert:x:101:\nnogroup:x:65534:\n",
                "root:*:19700:0:99999:7:::\ndaemon:*:19700:0:99999:7:::\nsync:*:19700:0:99999:7:::\n\
                 games:*:19700:0:99999:7:::\nwww-data:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\n",
                "root:*::\ndaemon:*::\nmail:*::\nwww-data:*::\nshadow:*::\nutmp:*::\nstaff:*::\ngames:*::\n\
                 users:*::games\nssl-cert:!::\nnogroup:*::\n",
            )
            .package("dash", &["/usr/bin/dash", "/usr/bin/sh"])
            .package("apt", &["/usr/bin/apt", "/etc/apt/apt.conf.d/01autoremove", "/usr/lib/apt/methods/http"])
            .text("/etc/apt/apt.conf.d/01autoremove", "APT {};\n")
            .programs(&["/usr/lib/apt/methods/http"])
            .text("/etc/pam.d/su", "auth sufficient pam_rootok.so\n")
            .dir("/etc/ssl/private", 0o710, 0, 101)
            .dir("/var/mail", 0o2775, 0, 8)
            .dir("/var/local", 0o2775, 0, 50)
            .file("/var/log/wtmp", 0o664, 0, 43, "")
            .text("/etc/cron.d/e2scrub_all", "30 3 * * 0 root true\n")
            .script("/etc/cron.daily/dpkg", "#!/bin/sh\n")
            .text("/usr/lib/systemd/system/apt-daily.timer", "[Timer]\n")
            .text("/etc/fstab", "# UNCONFIGURED FSTAB\n")
    }

    /// A program with a set-id bit.
    pub(crate) fn set_id(self, path: &str, mode: u32, gid: u32) -> Self {
        let mut bytes = super::program(LOADER, &["libc.so.6"]);
        bytes.extend_from_slice(path.as_bytes());
        self.file(path, mode, 0, gid, bytes)
    }

    /// A record of a Debian package.
    pub(crate) fn package(self, name: &str, files: &[&str]) -> Self {
        let list = files.iter().map(|path| format!("{path}\n")).collect::<String>();
        let record = format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n");
        let status = "/var/lib/dpkg/status";
        let before = if self.has(status) { self.read(status) } else { String::new() };
        self.text(format!("/var/lib/dpkg/info/{name}.list"), list).text(status, before + &record)
    }

    /// Alpine 3.20: /bin, /sbin and /lib are directories of their own.
    pub(crate) fn alpine_like() -> Self {
        Self::empty().common().dir("/bin", 0o755, 0, 0).dir("/sbin", 0o755, 0, 0).dir("/lib", 0o755, 0, 0).alpine()
    }

    /// Alpine 3.23: merged /usr, /usr/sbin a link to bin.
    pub(crate) fn alpine_merged() -> Self {
        Self::empty()
            .dir("/usr/bin", 0o755, 0, 0)
            .dir("/usr/lib", 0o755, 0, 0)
            .link("/usr/sbin", "bin")
            .link("/bin", "usr/bin")
            .link("/sbin", "usr/bin")
            .link("/lib", "usr/lib")
            .common()
            .alpine()
    }

    fn alpine(self) -> Self {
        let tree = self
            .file(MUSL, 0o755, 0, 0, super::library("libc.musl-x86_64.so.1", &[]))
            .link("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1")
            .elf("/bin/busybox", MUSL, &["libc.musl-x86_64.so.1"])
            .elf("/sbin/apk", MUSL, &["libc.musl-x86_64.so.1"]);
        let applets = ["sh", "ls", "su", "wget", "chown", "ln", "vi", "chmod"];
        let tree = applets.iter().fold(tree, |tree, name| tree.link(format!("/bin/{name}"), "/bin/busybox"));
        tree.link("/sbin/nologin", "/bin/busybox")
            .text("/etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
            .text("/etc/alpine-release", "3.20.3\n")
            .text("/etc/apk/repositories", "https://dl-cdn.alpinelinux.org/alpine/v3.20/main\n")
            .text("/lib/apk/db/installed", "P:busybox\nV:1\nF:bin\nR:busybox\n\nP:apk-tools\nV:2\nF:sbin\nR:apk\n\n")
            .accounts(
                "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\n\
                 nobody:x:65534:65534:nobody:/:/sbin/nologin\n",
                "root:x:0:root\nbin:x:1:root\nshadow:x:42:\nnogroup:x:65533:\nnobody:x:65534:\n",
                "root:*::0:::::\nbin:!::0:::::\nnobody:!::0:::::\n",
                "",
            )
            .text("/etc/crontabs/root", "*/15 * * * * run-parts /etc/periodic/15min\n")
            .dir("/etc/periodic/15min", 0o755, 0, 0)
            .link("/var/spool/cron/crontabs", "/etc/crontabs")
            .text("/etc/inittab", "::sysinit:/sbin/openrc sysinit\n")
            .text("/etc/sysctl.d/00-alpine.conf", "net.ipv4.tcp_syncookies = 1\n")
            .text("/etc/modprobe.d/aliases.conf", "")
            .text("/etc/fstab", "/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n")
    }

    /// RHEL 9 and UBI: merged /usr, /usr/lib64, rpm.
    pub(crate) fn rhel_like() -> Self {
        Self::merged()
            .glibc("/usr/lib64")
            .text("/etc/os-release", "ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n")
            .text("/etc/redhat-release", "Red Hat Enterprise Linux release 9.4 (Plow)\n")
            .link("/etc/system-release", "redhat-release")
            .programs(&["/usr/bin/bash", "/usr/bin/ls", "/usr/bin/rpm", "/usr/bin/microdnf", "/usr/sbin/nologin"])
            .link("/usr/bin/sh", "bash")
            .accounts(
                "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\n\
                 nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin\n",
                "root:x:0:\nbin:x:1:\nwheel:x:10:\nnobody:x:65534:\n",
                "",
                "",
            )
            .file(
                "/etc/shadow",
                0,
                0,
                0,
                "root:*:19700:0:99999:7:::\nbin:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\n",
            )
            .file("/etc/gshadow", 0, 0, 0, "root:::\nbin:::\nwheel:::\nnobody:::\n")
            .text("/var/lib/rpm/rpmdb.sqlite", include_bytes!("../data/rpm/rpmdb.sqlite"))
            .text("/etc/yum.repos.d/ubi.repo", "[ubi]\n")
            .text("/etc/dnf/dnf.conf", "[main]\n")
            .text("/etc/anacrontab", "SHELL=/bin/sh\n")
            .text("/etc/sysctl.d/99-sysctl.conf", "")
    }

    /// openSUSE: merged /usr, rpm database in /usr/lib/sysimage, zypper.
    pub(crate) fn suse_like() -> Self {
        Self::merged()
            .glibc("/usr/lib64")
            .text("/usr/lib/os-release", "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n")
            .link("/etc/os-release", "../usr/lib/os-release")
            .programs(&["/usr/bin/bash", "/usr/bin/zypper", "/usr/bin/rpm", "/usr/sbin/nologin"])
            .link("/usr/bin/sh", "bash")
            .accounts(
                "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/var/lib/nobody:/bin/bash\n",
                "root:x:0:\nshadow:x:42:\nnobody:x:65534:\n",
                "root:*:19700::::::\nnobody:!:19700::::::\n",
                "",
            )
            .text("/usr/lib/sysimage/rpm/Packages.db", include_bytes!("../data/rpm/Packages.db"))
            .text("/etc/zypp/repos.d/oss.repo", "[oss]\n")
            .text("/etc/cron.daily/suse.de-backup-rpmdb", "#!/bin/sh\n")
    }

    /// Arch: /usr/sbin and /lib64 are links too, pacman.
    pub(crate) fn arch_like() -> Self {
        Self::empty()
            .dir("/usr/bin", 0o755, 0, 0)
            .dir("/usr/lib", 0o755, 0, 0)
            .link("/usr/sbin", "bin")
            .link("/usr/lib64", "lib")
            .link("/bin", "usr/bin")
            .link("/sbin", "usr/bin")
            .link("/lib", "usr/lib")
            .link("/lib64", "usr/lib")
            .common()
            .library("/usr/lib/libc.so.6", &["ld-linux-x86-64.so.2"])
            .file("/usr/lib/ld-linux-x86-64.so.2", 0o755, 0, 0, super::library("ld-linux-x86-64.so.2", &[]))
            .text("/usr/lib/os-release", "ID=arch\n")
            .link("/etc/os-release", "../usr/lib/os-release")
            .programs(&["/usr/bin/bash", "/usr/bin/pacman", "/usr/bin/nologin", "/usr/bin/ls"])
            .link("/usr/bin/sh", "bash")
            .accounts(
                "root:x:0:0::/root:/usr/bin/bash\nnobody:x:65534:65534::/:/usr/bin/nologin\n",
                "root:x:0:root\nnobody:x:65534:\n",
                "",
                "root:::root\nnobody:!*::\n",
            )
            .file("/etc/shadow", 0o600, 0, 0, "root:*:19700::::::\nnobody:!*:19700::::::\n")
            .file("/etc/gshadow", 0o600, 0, 0, "root:::root\nnobody:!*::\n")
            .text("/etc/pacman.conf", "[options]\n")
            .text("/etc/pacman.d/mirrorlist", "")
            .text("/var/lib/pacman/local/ALPM_DB_VERSION", "9\n")
            .text("/var/lib/pacman/local/pacman-6-1/desc", "%NAME%\npacman\n\n")
            .text("/var/lib/pacman/local/pacman-6-1/files", "%FILES%\nusr/bin/pacman\netc/pacman.conf\n\n")
            .text("/var/lib/pacman/sync/core.db", "x")
    }

    /// Wolfi: glibc, merged /usr, apk's database in /usr/lib.
    pub(crate) fn wolfi_like() -> Self {
        Self::merged()
            .dir("/usr/lib64", 0o755, 0, 0)
            .link("/lib64", "usr/lib64")
            .library("/usr/lib/libc.so.6", &["ld-linux-x86-64.so.2"])
            .file("/usr/lib/ld-linux-x86-64.so.2", 0o755, 0, 0, super::library("ld-linux-x86-64.so.2", &[]))
            .link("/usr/lib64/ld-linux-x86-64.so.2", "../lib/ld-linux-x86-64.so.2")
            .text("/etc/os-release", "ID=wolfi\n")
            .programs(&["/usr/bin/busybox", "/usr/bin/apk", "/usr/bin/ls"])
            .link("/usr/bin/sh", "busybox")
            .accounts(
                "root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:Account created by apko:/home/nonroot:/bin/sh\n",
                "root:x:0:\nshadow:x:42:\nnonroot:x:65532:\n",
                "root:*::0:::::\n",
                "",
            )
            .text("/usr/lib/apk/db/installed", "P:apk-tools\nV:2\nF:usr/bin\nR:apk\n\n")
            .text("/etc/apk/repositories", "https://packages.wolfi.dev/os\n")
            .text("/etc/apk/keys/wolfi-signing.rsa.pub", "key\n")
    }

    /// distroless/base: no shell, no package manager, records in status.d.
    pub(crate) fn distroless() -> Self {
        Self::merged()
            .glibc("/usr/lib/x86_64-linux-gnu")
            .text("/usr/lib/os-release", "ID=debian\nVARIANT_ID=distroless\n")
            .link("/etc/os-release", "../usr/lib/os-release")
            .accounts(
                "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
                 nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
                "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n",
                "",
                "",
            )
            .dir("/home/nonroot", 0o700, 65532, 65532)
            .text("/var/lib/dpkg/status.d/base-files", "Package: base-files\nVersion: 12.4\n")
            .text("/usr/share/doc/base-files/copyright", "GPL\n")
    }
}
