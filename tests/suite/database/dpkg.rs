//! dpkg: status, info, triggers, diversions, statoverride, alternatives, and distroless' status.d.

use crate::common::{APP, Applied, Rootfs};

const ADMIN: &str = "/var/lib/dpkg";

/// A Debian tree whose application is /app/server; what each test adds is what it is about.
fn debian() -> Rootfs {
    Rootfs::debian_like().program("/app/server").text("/usr/share/doc/dash/copyright", "x")
}

fn info(name: &str) -> String {
    format!("{ADMIN}/info/{name}")
}

fn text(done: &Applied, path: &str) -> String {
    String::from_utf8(done.after.get(path).content.clone()).unwrap()
}

/// Names of the stanzas, by the dumbest reading.
fn recorded(done: &Applied) -> Vec<String> {
    let status = text(done, "/var/lib/dpkg/status");
    status.lines().filter_map(|line| line.strip_prefix("Package: ")).map(str::to_owned).collect()
}

#[test]
fn a_package_without_a_file_loses_its_record_and_everything_that_is_of_it() {
    let done = debian()
        .package(
            "gone",
            &["/.", "/usr", "/usr/bin", "/usr/bin/gone", "/usr/share/doc/gone", "/usr/share/doc/gone/copyright"],
        )
        .programs(&["/usr/bin/gone"])
        .text("/usr/share/doc/gone/copyright", "x")
        .text(info("gone.md5sums"), "d41d8cd98f00b204e9800998ecf8427e  usr/bin/gone\n")
        .text(info("gone.conffiles"), "/etc/gone.conf\n")
        .text(info("gone.triggers"), "interest-noawait /usr/share/gone\n")
        .text(info("gone.shlibs"), "x\n")
        .package("gone.d", &["/usr/share/gone.d/data"])
        .text("/usr/share/gone.d/data", "x")
        .text(info("gone.d.md5sums"), "d41d8cd98f00b204e9800998ecf8427e  usr/share/gone.d/data\n")
        .apply(&APP);
    let names = recorded(&done);
    assert!(!names.contains(&"gone".to_owned()) && names.contains(&"gone.d".to_owned()), "{names:?}");
    done.assert_gone(&["/usr/share/doc/gone/copyright", "/usr/share/doc/gone"]);
    for suffix in ["list", "md5sums", "conffiles", "triggers", "shlibs"] {
        done.assert_gone(&[&info(&format!("gone.{suffix}"))]);
    }
    // A package whose name begins like it is another one.
    done.assert_same(&[&info("gone.d.list"), &info("gone.d.md5sums"), "/usr/share/gone.d/data"]);
    assert_eq!(done.report["database"]["gone"].as_array().unwrap().iter().filter(|it| *it == "gone").count(), 1);
}

#[test]
fn a_package_that_stays_loses_the_removed_paths_and_nothing_else() {
    let status = "Package: odd\nStatus: install ok installed\nX-Odd:  two  blanks \nVersion: 1:2\nConffiles:\n \
                  /etc/odd.conf 0123456789abcdef0123456789abcdef\n /etc/cron.d/odd 0123456789abcdef0123456789abcdef\n \
                  /etc/was missing 0123456789abcdef0123456789abcdef obsolete\nDescription: odd\n of two lines\n .\n end\n\n\n\
                  Package: meta\nStatus: install ok installed\nVersion: 3\n\n\
                  Package: only\nVersion: 1\nConffiles:\n /etc/cron.d/only 0123456789abcdef0123456789abcdef\nTag: last";
    let list = "/.\n/etc\n/etc/cron.d\n/etc/cron.d/odd\n/etc/odd.conf\n/usr/bin/odd\n/usr/share/odd\n/usr/share/odd/data\n\
                /usr/share/doc/odd/never-unpacked.gz\n/etc/was missing\n";
    let sums = "0123456789abcdef0123456789abcdef  usr/bin/odd\n0123456789abcdef0123456789abcdef  usr/share/odd/data\n\
                0123456789abcdef0123456789abcdef  usr/share/doc/odd/never-unpacked.gz\n";
    let done = Rootfs::debian_like()
        .program("/app/server")
        .text(format!("{ADMIN}/status"), status)
        .text(info("odd.list"), list)
        .text(info("odd.md5sums"), sums)
        .text(info("odd.conffiles"), "/etc/odd.conf\n/etc/cron.d/odd\nremove-on-upgrade /etc/was missing\n")
        .text(info("meta.list"), "/.\n/usr\n")
        .text(info("only.list"), "/etc/cron.d/only\n/usr/share/only\n")
        .text("/usr/share/only", "x")
        .text("/etc/cron.d/only", "x")
        .text("/etc/cron.d/odd", "x")
        .text("/etc/odd.conf", "x")
        .text("/usr/share/odd/data", "x")
        .programs(&["/usr/bin/odd"])
        .apply_config("[keep]\npaths = ['/etc/odd.conf']\n", &APP);
    done.assert_gone(&["/usr/bin/odd", "/etc/cron.d/odd", "/etc/cron.d/only"]);
    let without = |text: &str, lines: &[&str]| {
        lines.iter().fold(text.to_owned(), |text, line| {
            assert!(text.contains(line), "{line}");
            text.replace(line, "")
        })
    };
    let gone_directory = if done.after.has("/etc/cron.d") { "" } else { "/etc/cron.d\n" };
    assert_eq!(text(&done, &info("odd.list")), without(list, &["/etc/cron.d/odd\n", gone_directory, "/usr/bin/odd\n"]));
    assert_eq!(text(&done, &info("odd.md5sums")), without(sums, &["0123456789abcdef0123456789abcdef  usr/bin/odd\n"]));
    assert_eq!(text(&done, &info("odd.conffiles")), "/etc/odd.conf\nremove-on-upgrade /etc/was missing\n");
    let expected = without(
        status,
        &[
            " /etc/cron.d/odd 0123456789abcdef0123456789abcdef\n",
            "Conffiles:\n /etc/cron.d/only 0123456789abcdef0123456789abcdef\n",
        ],
    );
    assert_eq!(text(&done, "/var/lib/dpkg/status"), expected);
    // A package that never had a file keeps its record.
    done.assert_same(&[&info("meta.list")]);
}

#[test]
fn names_of_architectures_tell_two_packages_of_one_name_apart() {
    let stanza = |arch: &str| {
        format!("Package: twin\nStatus: install ok installed\nArchitecture: {arch}\nMulti-Arch: same\nVersion: 1\n\n")
    };
    let done = debian()
        .text(format!("{ADMIN}/status"), stanza("i386") + &stanza("amd64"))
        .text(info("twin:i386.list"), "/usr/bin/twin32\n/usr/share/doc/twin/copyright\n")
        .text(info("twin:amd64.list"), "/usr/lib/x86_64-linux-gnu/libtwin.so.1\n/usr/share/doc/twin/copyright\n")
        .text(info("twin:i386.md5sums"), "0123456789abcdef0123456789abcdef  usr/bin/twin32\n")
        .library("/usr/lib/x86_64-linux-gnu/libtwin.so.1", &[])
        .text("/usr/share/doc/twin/copyright", "x")
        .programs(&["/usr/bin/twin32"])
        .apply(&APP);
    assert_eq!(text(&done, "/var/lib/dpkg/status"), stanza("amd64"));
    done.assert_gone(&[&info("twin:i386.list"), &info("twin:i386.md5sums")]);
    // The copyright file is the other one's too.
    done.assert_same(&[&info("twin:amd64.list"), "/usr/share/doc/twin/copyright"]);
}

#[test]
fn a_merged_usr_and_diversions_are_seen_through() {
    let done = debian()
        .text(format!("{ADMIN}/diversions"), "/bin/sh\n/bin/sh.distrib\nmine\n/usr/bin/was\n/usr/bin/was.real\nlocal\n")
        .package("other", &["/.", "/bin", "/bin/sh", "/bin/other", "/usr/share/other"])
        .text("/usr/share/other", "x")
        .programs(&["/usr/bin/other", "/usr/bin/sh.distrib"])
        .package("alias", &["/bin", "/bin/alias"])
        .programs(&["/usr/bin/alias"])
        .apply(&APP);
    done.assert_gone(&["/usr/bin/sh.distrib", "/usr/bin/other", "/usr/bin/sh"]);
    // `/bin/sh` of that package lay at sh.distrib.
    assert_eq!(text(&done, &info("other.list")), "/.\n/bin\n/usr/share/other\n");
    // What was gone before this run is not its affair.
    assert_eq!(text(&done, "/var/lib/dpkg/diversions"), "/usr/bin/was\n/usr/bin/was.real\nlocal\n");
    // /bin is a link, and not a file of the package.
    assert!(!recorded(&done).contains(&"alias".to_owned()));
}

#[test]
fn triggers_alternatives_and_overrides_follow() {
    let awk = "auto\n/usr/bin/awk\nawk.1.gz\n/usr/share/man/man1/awk.1.gz\nnawk\n/usr/bin/nawk\n\n";
    let mawk = "/usr/bin/mawk\n5\n/usr/share/man/man1/mawk.1.gz\n/usr/bin/mawk\n";
    let gawk = "/usr/bin/gawk\n10\n/usr/share/man/man1/gawk.1.gz\n/usr/bin/gawk-n\n";
    let done = debian()
        .package("gone", &["/usr/bin/gone"])
        .programs(&["/usr/bin/gone", "/usr/bin/gawk", "/usr/bin/gawk-n", "/usr/bin/less"])
        .text(format!("{ADMIN}/triggers/File"), "/usr/share/a gone/noawait\n/usr/share/b stays\n/usr/share/c gone\n")
        .text(format!("{ADMIN}/triggers/ldconfig"), "stays:amd64/noawait\n")
        .text(format!("{ADMIN}/triggers/one"), "gone\n")
        .text(format!("{ADMIN}/triggers/Unincorp"), "")
        .text(format!("{ADMIN}/alternatives/awk"), format!("{awk}{mawk}{gawk}\n"))
        .text(format!("{ADMIN}/alternatives/pager"), "auto\n/usr/bin/pager\n\n/usr/bin/less\n77\n\n")
        .text(format!("{ADMIN}/statoverride"), "root root 4755 /usr/bin/gone\nroot root 755 /usr/bin/mawk\n")
        .apply_config("[keep]\ncommands = ['awk', 'mawk', 'gawk']\n", &APP);
    assert_eq!(text(&done, "/var/lib/dpkg/triggers/File"), "/usr/share/b stays\n");
    done.assert_gone(&["/var/lib/dpkg/triggers/one", "/var/lib/dpkg/alternatives/pager"]);
    done.assert_same(&["/var/lib/dpkg/triggers/ldconfig", "/var/lib/dpkg/triggers/Unincorp"]);
    // A follower of a choice that stays becomes blank.
    let gawk = gawk.replace("/usr/bin/gawk-n", "");
    assert_eq!(text(&done, "/var/lib/dpkg/alternatives/awk"), format!("{awk}{mawk}{gawk}\n"));
    assert_eq!(text(&done, "/var/lib/dpkg/statoverride"), "root root 755 /usr/bin/mawk\n");
}

#[test]
fn a_copyright_file_that_another_package_leads_to_stays() {
    let done = debian()
        .package("base", &["/usr/bin/base", "/usr/share/doc/base", "/usr/share/doc/base/copyright"])
        .programs(&["/usr/bin/base"])
        .text("/usr/share/doc/base/copyright", "x")
        .package("liblean", &["/usr/lib/lean.dat", "/usr/share/doc/liblean"])
        .text("/usr/lib/lean.dat", "x")
        .link("/usr/share/doc/liblean", "base")
        .package("tool", &["/usr/bin/tool", "/usr/share/doc/tool"])
        .programs(&["/usr/bin/tool"])
        .link("/usr/share/doc/tool", "base")
        .apply(&APP);
    let names = recorded(&done);
    assert!(!names.contains(&"base".to_owned()) && !names.contains(&"tool".to_owned()), "{names:?}");
    done.assert_same(&["/usr/share/doc/base/copyright", "/usr/share/doc/liblean"]);
    done.assert_gone(&["/usr/share/doc/tool"]);
}

#[test]
fn what_was_lost_before_counts_only_for_a_package_without_any_file() {
    let sums = |path: &str| format!("0123456789abcdef0123456789abcdef  {path}\n");
    let done = debian()
        // Somebody removed its only file.
        .package("ghost", &["/usr/lib/ghost", "/usr/lib/ghost/x.so"])
        .text(info("ghost.md5sums"), sums("usr/lib/ghost/x.so"))
        // A slim image without documentation.
        .package("slim", &["/usr/share/doc/slim", "/usr/share/doc/slim/copyright", "/usr/share/doc/slim/changelog.gz"])
        .text("/usr/share/doc/slim/copyright", "x")
        .text(info("slim.md5sums"), sums("usr/share/doc/slim/changelog.gz"))
        .apply(&APP);
    let names = recorded(&done);
    assert!(!names.contains(&"ghost".to_owned()) && names.contains(&"slim".to_owned()), "{names:?}");
    done.assert_same(&["/usr/share/doc/slim/copyright", &info("slim.list"), &info("slim.md5sums")]);
}

#[test]
fn a_database_that_cannot_be_understood_or_changed_stays_whole_and_is_said() {
    let image = || debian().package("gone", &["/usr/bin/gone"]).programs(&["/usr/bin/gone"]);
    let broken = [
        ("/var/lib/dpkg/status", "Package: gone\nno field\n\n"),
        ("/var/lib/dpkg/status", " continued\nPackage: gone\n"),
        ("/var/lib/dpkg/status", "Version: 1\n\nPackage: gone\nVersion: 1\n"),
        ("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\n"),
        ("/var/lib/dpkg/alternatives/x", "auto\n/usr/bin/x\n\n/usr/bin/gone\n"),
    ];
    for (path, content) in broken {
        let done = image().text(path, content).apply(&APP);
        done.assert_gone(&["/usr/bin/gone"]);
        assert!(done.after.has(&info("gone.list")) && done.after.has("/var/lib/dpkg/status"), "{content}");
        done.assert_same(&[&info("gone.list"), path, "/var/lib/dpkg/status"]);
        let notes = done.report["notes"].to_string();
        assert!(notes.contains("the database of dpkg stays unchanged") && notes.contains(path), "{notes}");
    }
    let done = image().apply_config(&format!("[keep]\npaths = ['{}']\n", info("gone.list")), &APP);
    done.assert_same(&[&info("gone.list"), "/var/lib/dpkg/status"]);
    let done = image().apply_config("[packages]\ndatabase = 'keep'\n", &APP);
    done.assert_same(&[&info("gone.list"), "/var/lib/dpkg/status"]);
    let done = image().apply(&[&APP[..], &["--disable", "packages.database"]].concat());
    done.assert_same(&[&info("gone.list"), "/var/lib/dpkg/status"]);
}

#[test]
fn distroless_packages_are_files_of_their_own() {
    let sum = "0123456789abcdef0123456789abcdef  ";
    let done = Rootfs::empty()
        .program("/app/server")
        .text("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .text("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\n")
        .text("/etc/group", "root:x:0:\n")
        .text(format!("{ADMIN}/status.d/b3BlbnNzbA=="), "Package: openssl\nVersion: 3\n")
        .text(format!("{ADMIN}/status.d/b3BlbnNzbA==.md5sums"), format!("{sum}usr/bin/openssl\n"))
        .text(format!("{ADMIN}/status.d/both"), "Package: both\nVersion: 3\n")
        .text(format!("{ADMIN}/status.d/both.md5sums"), format!("{sum}usr/bin/both\n{sum}usr/lib/both.so\n"))
        .text(format!("{ADMIN}/status.d/netbase"), "Package: netbase\nVersion: 6\n")
        .program("/usr/bin/openssl")
        .program("/usr/bin/both")
        .library("/usr/lib/both.so", &[])
        .apply(&APP);
    done.assert_gone(&["/var/lib/dpkg/status.d/b3BlbnNzbA==", "/var/lib/dpkg/status.d/b3BlbnNzbA==.md5sums"]);
    done.assert_same(&["/var/lib/dpkg/status.d/netbase", "/var/lib/dpkg/status.d/both"]);
    assert_eq!(text(&done, "/var/lib/dpkg/status.d/both.md5sums"), format!("{sum}usr/lib/both.so\n"));
}
