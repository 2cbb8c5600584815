//! Granularity "package".

use super::{SERVER, TRIPLET, assert_gone, assert_present, library, opener, package, server};
use crate::common::{LOADER, Rootfs};

#[test]
fn what_the_server_depends_on_stays_and_the_rest_goes() {
    let done = server().apply(&SERVER);
    assert_present(
        &done.root,
        &[
            "/usr/sbin/serverd",
            "/usr/lib/x86_64-linux-gnu/libfoo.so.1",
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/share/doc/libfoo1/copyright",
            "/usr/share/bar/data",
            "/etc/serverd/serverd.conf",
            "/usr/share/serverd/page",
            "/usr/share/doc/server-common/copyright",
            "/usr/lib/os-release",
            "/srv",
            // Nobody's: the application.
            "/usr/local/share/own",
            "/opt/app/data",
            "/app/server",
        ],
    );
    assert_gone(
        &done.root,
        &[
            // A dependency that lost its commands, and what only that one needs.
            "/usr/bin/tool",
            "/usr/share/tools",
            "/usr/lib/x86_64-linux-gnu/libtools.so.1",
            "/usr/share/doc/libtools1",
            "/usr/lib/x86_64-linux-gnu/libspare.so.1",
            "/usr/share/unrelated",
            "/usr/share/doc/unrelated",
            // Of what stays.
            "/usr/share/doc/libfoo1/changelog.gz",
            "/usr/share/man/man8/serverd.8",
            "/usr/share/locale/de/LC_MESSAGES/serverd.mo",
            "/usr/include",
            "/usr/lib/x86_64-linux-gnu/libserverd.a",
        ],
    );
}

#[test]
fn without_the_mode_and_with_the_rule_off_all_of_it_stays() {
    let usual = server().apply(&SERVER[1..]);
    assert_eq!(usual.removed_by("remove.unneeded"), [""; 0]);
    let off = server().apply_config("[rules]\n\"remove.unneeded\" = \"off\"\n", &SERVER);
    for done in [usual, off] {
        assert_present(&done.root, &["/usr/lib/x86_64-linux-gnu/libspare.so.1", "/usr/share/unrelated/data"]);
    }
}

#[test]
fn a_plugin_stays_with_its_host_and_brings_its_libraries() {
    let root = server().library("/usr/lib/serverd/geo.so", &["libgeo.so.2"]);
    let root = library(root, "libgeo2", "libgeo.so.2", &["libc.so.6"], "");
    let root = package(root, "server-mod-geo", "Depends: server (>= 1)\n", &["/usr/lib/serverd/geo.so"]);
    // The same, for something that is not there to run it.
    let root = root.library("/usr/lib/other/mod.so", &["libtools.so.1"]);
    let root = package(root, "other-mod", "Depends: tools\n", &["/usr/lib/other/mod.so"]);
    let done = root.apply(&SERVER);
    assert_present(&done.root, &["/usr/lib/serverd/geo.so", "/usr/lib/x86_64-linux-gnu/libgeo.so.2"]);
    assert_gone(&done.root, &["/usr/lib/other/mod.so", "/usr/lib/x86_64-linux-gnu/libtools.so.1"]);
}

#[test]
fn the_standard_library_of_an_interpreter_and_modules_installed_for_it_stay() {
    let root = server()
        .elf("/usr/bin/python3.11", LOADER, &["libc.so.6"])
        .link("/usr/bin/python3", "python3.11")
        .script("/usr/bin/pydoc3.11", "#!/usr/bin/python3.11\n")
        .script("/usr/bin/pygettext3", "#!/usr/bin/python3.11\n")
        .script("/usr/bin/flask", "#!/usr/bin/python3\n")
        .text("/usr/lib/python3.11/ssl.py", "x")
        .text("/usr/lib/python3.11/__pycache__/ssl.cpython-311.pyc", "x")
        .text("/usr/lib/python3/dist-packages/flask/app.py", "x")
        .text("/usr/share/debtool/debtool.py", "x")
        .text("/usr/share/debtool/__pycache__/debtool.cpython-311.pyc", "x")
        .text("/usr/lib/python3/dist-packages/__pycache__/own.cpython-311.pyc", "x")
        .library("/usr/lib/python3.11/lib-dynload/_ssl.so", &["libspare.so.1"])
        .script("/usr/bin/debtool", "#!/usr/bin/perl\n");
    let root = package(
        root,
        "python3-minimal",
        "Source: python3-defaults\nDepends: python3.11-minimal\n",
        &["/usr/bin/python3"],
    );
    let root = package(
        root,
        "python3",
        "Source: python3-defaults\nDepends: python3-minimal, python3.11\n",
        &["/usr/bin/pygettext3"],
    );
    let root = package(root, "python3.11-minimal", "Source: python3.11\n", &["/usr/bin/python3.11"]);
    let root =
        package(root, "python3.11", "Depends: python3.11-minimal, libpython3.11-stdlib\n", &["/usr/bin/pydoc3.11"]);
    let stdlib = ["/usr/lib/python3.11", "/usr/lib/python3.11/ssl.py", "/usr/lib/python3.11/lib-dynload/_ssl.so"];
    let root = package(root, "libpython3.11-stdlib", "Source: python3.11\n", &stdlib);
    let root = package(
        root,
        "python3-flask",
        "Depends: python3:any\n",
        &["/usr/bin/flask", "/usr/lib/python3/dist-packages/flask/app.py"],
    );
    let root = package(root, "debtool", "Depends: perl\n", &["/usr/bin/debtool", "/usr/share/debtool/debtool.py"]);
    let python = ["--minimal", "--user", "app:1000", "--command", "python3 /app/main.py", "--keep", "python3.11"];
    let done = root.apply(&python);
    assert_present(
        &done.root,
        &[
            "/usr/lib/python3.11/ssl.py",
            "/usr/lib/python3.11/__pycache__/ssl.cpython-311.pyc",
            "/usr/lib/python3.11/lib-dynload/_ssl.so",
            "/usr/lib/x86_64-linux-gnu/libspare.so.1",
            "/usr/lib/python3/dist-packages/flask/app.py",
            "/usr/lib/python3/dist-packages/__pycache__/own.cpython-311.pyc",
        ],
    );
    assert_gone(
        &done.root,
        &[
            "/usr/bin/flask",
            "/usr/bin/pydoc3.11",
            "/usr/share/debtool/debtool.py",
            "/usr/share/debtool/__pycache__/debtool.cpython-311.pyc",
            "/usr/sbin/serverd",
        ],
    );
}

#[test]
fn libraries_that_the_application_needs_or_opens_by_name_stay() {
    let root = server().elf("/opt/app/bin/worker", LOADER, &["libworker.so.1"]);
    let root = library(root, "libworker1", "libworker.so.1", &["libdeep.so.1"], "");
    let root = library(root, "libdeep1", "libdeep.so.1", &[], "");
    let root = opener(root, "/opt/app/native.so", Some("native.so"), "libicuuc.so.%d");
    let root = library(root, "libicu72", "libicuuc.so.72", &[], "Depends: icu-data\n");
    let root = package(root.text("/usr/share/icu/data", "x"), "icu-data", "", &["/usr/share/icu/data"]);
    let root = library(root, "libicuother", "libicuucx.so.72", &[], "");
    let done = root.apply(&SERVER);
    assert_present(
        &done.root,
        &[
            "/usr/lib/x86_64-linux-gnu/libworker.so.1",
            "/usr/lib/x86_64-linux-gnu/libdeep.so.1",
            "/usr/lib/x86_64-linux-gnu/libicuuc.so.72",
            "/usr/share/icu/data",
        ],
    );
    assert_gone(&done.root, &["/usr/lib/x86_64-linux-gnu/libicuucx.so.72"]);
}

#[test]
fn kept_paths_and_named_packages_stay_with_what_they_depend_on() {
    let config = "[keep]\npaths = ['/usr/share/unrelated/data']\n[minimal]\npackages = ['libtool*']\n";
    let done = server().apply_config(config, &SERVER);
    assert_present(
        &done.root,
        &[
            "/usr/share/unrelated/data",
            "/usr/lib/x86_64-linux-gnu/libspare.so.1",
            "/usr/lib/x86_64-linux-gnu/libtools.so.1",
        ],
    );
    assert_gone(&done.root, &["/usr/share/tools/data"]);
}

#[test]
fn a_package_that_does_not_exist_is_refused_and_an_optional_one_is_not() {
    let root = server();
    root.refuse_config("[minimal]\npackages = ['libtools']\n", &SERVER)
        .says(&["minimal.packages entry 'libtools' matches no package", "did you mean 'libtools1'?"])
        .alone();
    root.apply_config("[minimal]\npackages = [{ name = 'libtools', optional = true }]\n", &SERVER);
}

#[test]
fn a_tree_that_says_nothing_of_packages_is_refused() {
    let root = Rootfs::debian_like().elf("/usr/sbin/serverd", LOADER, &["libc.so.6"]);
    std::fs::remove_dir_all(root.at("/var/lib/dpkg")).unwrap();
    root.refuse(&SERVER)
        .says(&["this image has no package database that lists them", "remove mode = \"minimal\""])
        .alone();
}

#[test]
fn data_stays_by_its_switch() {
    let tree = || {
        let gconv = format!("{TRIPLET}/gconv/IBM850.so");
        let root = server()
            .text("/etc/ssl/certs/ca-certificates.crt", "generated")
            .text("/usr/share/ca-certificates/mozilla/One.crt", "x")
            .link("/etc/ssl/certs/One.pem", "/usr/share/ca-certificates/mozilla/One.crt")
            .text("/usr/share/zoneinfo/Europe/Berlin", "x")
            .text("/usr/lib/locale/C.utf8/LC_CTYPE", "x")
            .text("/usr/lib/locale/de_DE/LC_CTYPE", "x")
            .text("/usr/share/locale/de/LC_MESSAGES/libc.mo", "x")
            .text("/etc/gai.conf", "x")
            .library(&gconv, &[]);
        // A static program may speak TLS.
        std::fs::remove_file(root.at("/app/server")).unwrap();
        let root = package(root, "ca-certificates", "", &["/usr/share/ca-certificates/mozilla/One.crt"]);
        let root = package(root, "tzdata", "", &["/usr/share/zoneinfo/Europe/Berlin"]);
        let locale = ["/usr/lib/locale/C.utf8/LC_CTYPE", "/usr/lib/locale/de_DE/LC_CTYPE", "/etc/gai.conf"];
        let root = package(root, "libc-bin", "Source: glibc\n", &locale);
        package(root, "libc6-data", "Source: glibc\n", &[&gconv, "/usr/share/locale/de/LC_MESSAGES/libc.mo"])
    };
    let gconv = &format!("{TRIPLET}/gconv/IBM850.so")[..];
    // Nothing here speaks TLS or converts characters.
    let done = tree().apply(&SERVER);
    let always = "/usr/lib/locale/C.utf8/LC_CTYPE";
    assert_present(
        &done.root,
        &[
            always,
            "/usr/lib/locale/de_DE/LC_CTYPE",
            "/usr/share/zoneinfo/Europe/Berlin",
            "/etc/gai.conf",
            "/etc/ssl/certs/ca-certificates.crt",
        ],
    );
    assert_gone(
        &done.root,
        &[gconv, "/etc/ssl/certs/One.pem", "/usr/share/ca-certificates", "/usr/share/locale/de/LC_MESSAGES/libc.mo"],
    );
    let on = "[minimal]\ncertificates = true\ngconv = true\nlocale = true\npackages = ['libc6-data']\n";
    let done = tree().apply_config(on, &SERVER);
    assert_present(
        &done.root,
        &[
            gconv,
            "/etc/ssl/certs/One.pem",
            "/usr/share/ca-certificates/mozilla/One.crt",
            "/usr/share/locale/de/LC_MESSAGES/libc.mo",
        ],
    );
    let off = "[minimal]\ncertificates = false\ntime-zones = false\nlocale = false\nnss = false\n";
    let done = tree().apply_config(off, &SERVER);
    assert_present(&done.root, &[always]);
    assert_gone(
        &done.root,
        &[
            "/etc/ssl/certs/ca-certificates.crt",
            "/usr/share/zoneinfo/Europe/Berlin",
            "/usr/lib/locale/de_DE/LC_CTYPE",
            "/etc/gai.conf",
        ],
    );
    // A TLS library asks for certificates.
    let root = library(tree(), "libssl3", "libssl.so.3", &[], "");
    let root = root.elf("/opt/app/bin/client", LOADER, &["libssl.so.3"]);
    let done = root.apply(&SERVER);
    assert_present(&done.root, &["/etc/ssl/certs/One.pem", "/usr/share/ca-certificates/mozilla/One.crt"]);
}

#[test]
fn alpine_and_distroless_databases_say_who_owns_what_too() {
    let installed = "P:musl\nV:1\nF:lib\nR:ld-musl-x86_64.so.1\n\nP:layout\nV:1\nF:srv\nF:home\n\n\
                     P:serverd\nV:1\nD:so:libfoo.so.1 so:libc.musl-x86_64.so.1 tools /bin/sh\nF:usr/sbin\nR:serverd\n\n\
                     P:libfoo\nV:1\np:so:libfoo.so.1=1\nD:foo-data\nF:usr/lib\nR:libfoo.so.1\n\n\
                     P:foo-data\nV:1\nF:usr/share/foo\nR:data\n\nP:tools\nV:1\nF:usr/bin\nR:tool\nF:usr/share/tools\nR:data\n\n\
                     P:spare\nV:1\nF:usr/share/spare\nR:data\n";
    let root = Rootfs::alpine_like()
        .elf("/usr/sbin/serverd", "/lib/ld-musl-x86_64.so.1", &["libfoo.so.1"])
        .library("/usr/lib/libfoo.so.1", &[])
        .text("/usr/share/foo/data", "x")
        .text("/usr/share/tools/data", "x")
        .text("/usr/share/spare/data", "x")
        .elf("/usr/bin/tool", "/lib/ld-musl-x86_64.so.1", &[])
        .text("/lib/apk/db/installed", installed);
    let done = root.apply(&SERVER);
    assert_present(&done.root, &["/usr/sbin/serverd", "/usr/lib/libfoo.so.1", "/usr/share/foo/data"]);
    assert_gone(&done.root, &["/usr/share/tools", "/usr/share/spare", "/usr/bin/tool"]);

    let root = Rootfs::debian_like()
        .elf("/usr/sbin/serverd", LOADER, &["libfoo.so.1"])
        .library("/usr/lib/x86_64-linux-gnu/libfoo.so.1", &[])
        .text("/usr/share/spare/deep/data", "x");
    std::fs::remove_dir_all(root.at("/var/lib/dpkg")).unwrap();
    let root = root
        .text("/var/lib/dpkg/status.d/serverd", "Package: serverd\nDepends: libfoo1\n")
        .text("/var/lib/dpkg/status.d/serverd.md5sums", "0  usr/sbin/serverd\n")
        .text("/var/lib/dpkg/status.d/libfoo1", "Package: libfoo1\n")
        .text("/var/lib/dpkg/status.d/libfoo1.md5sums", "0  usr/lib/x86_64-linux-gnu/libfoo.so.1\n")
        .text("/var/lib/dpkg/status.d/spare", "Package: spare\n")
        .text("/var/lib/dpkg/status.d/spare.md5sums", "0  usr/share/spare/deep/data\n");
    let done = root.apply(&SERVER);
    assert_present(&done.root, &["/usr/sbin/serverd", "/usr/lib/x86_64-linux-gnu/libfoo.so.1"]);
    assert_gone(&done.root, &["/usr/share/spare"]);
}

#[test]
fn headers_stay_for_a_kept_compiler() {
    let root = server().elf("/usr/bin/gcc-12", LOADER, &["libc.so.6"]).link("/usr/bin/gcc", "gcc-12");
    let root = package(root, "gcc-12", "Depends: libserver-dev\n", &["/usr/bin/gcc-12", "/usr/bin/gcc"]);
    let root = root.text("/usr/include/server-dev.h", "x");
    let root = package(root, "libserver-dev", "", &["/usr/include/server-dev.h"]);
    let args: Vec<&str> = SERVER.into_iter().chain(["--keep", "gcc", "--keep", "gcc-12"]).collect();
    let done = root.apply(&args);
    assert_present(&done.root, &["/usr/include/server-dev.h", "/usr/include/serverd.h"]);
}

#[test]
fn a_directory_that_loses_all_and_gains_the_programs_own_stays() {
    let root = server().text("/var/lib/state/main/data", "x");
    let owned = ["/var/lib/state", "/var/lib/state/main", "/var/lib/state/main/data"];
    let root = package(root, "state", "", &owned);
    let done = root.apply_config("[files]\nwritable = ['/var/lib/state/new/data']\n", &SERVER);
    assert_present(&done.root, &["/var/lib/state/new/data"]);
    assert_gone(&done.root, &["/var/lib/state/main"]);
}

/// Plugins lie in a directory that their library names, below its own, and nothing else leads to them.
#[test]
fn modules_in_a_directory_that_a_library_names_stay_with_what_they_need() {
    let plugins = format!("{TRIPLET}/foo-1.0");
    let tree = |text: &str| {
        let root = library(server(), "libplug1", "libplug.so.1", &["libc.so.6"], "");
        let root = opener(root, &format!("{TRIPLET}/libfoo.so.1"), Some("libfoo.so.1"), text);
        let module = format!("{plugins}/codec.so");
        let root = root.library(&module, &["libplug.so.1"]).text(format!("{plugins}/readme"), "x");
        package(root, "foo-plugins", "", &[&module, &format!("{plugins}/readme")])
    };
    let named = tree(&plugins).apply(&SERVER);
    assert_present(&named.root, &[&format!("{plugins}/codec.so"), &format!("{TRIPLET}/libplug.so.1")]);
    // Not a directory beside it, a part of another text, or its own directory.
    for text in ["/usr/lib/foo-1.0", &format!("x{plugins}"), TRIPLET] {
        let other = tree(text).apply(&SERVER);
        assert_gone(&other.root, &[&format!("{plugins}/codec.so"), &format!("{TRIPLET}/libplug.so.1")]);
    }
}

/// The program that gets such an argument reads it: a package that lost its commands keeps this much.
#[test]
fn data_that_an_argument_of_the_command_names_stays() {
    let tree = || {
        let (jar, module) = ("/usr/share/broker/bin/broker.jar", "/usr/share/broker/lib/module.jar");
        Rootfs::debian_like()
            .programs(&["/usr/bin/broker", "/usr/bin/java"])
            .text(jar, "x")
            .text("/usr/share/java/module.jar", "x")
            .link(module, "../../java/module.jar")
            .package("broker", &["/usr/bin/broker", jar, module])
            .package("libmodule-java", &["/usr/share/java/module.jar"])
            .package("jre", &["/usr/bin/java"])
    };
    let config =
        |words: &str| format!("mode = 'minimal'\n[run]\nuser = 'app:1000:1000'\ncommand = ['java', {words}]\n");
    let done = tree().apply_config(&config("'-jar', '/usr/share/broker/bin/broker.jar'"), &[]);
    done.assert_kept(&["/usr/share/broker/bin/broker.jar"]);
    done.assert_gone(&["/usr/share/broker/lib/module.jar", "/usr/share/java/module.jar"]);
    let done = tree().apply_config(&config("'-Dbroker.home=/usr/share/broker', '-v'"), &[]);
    done.assert_kept(&[
        "/usr/share/broker/bin/broker.jar",
        "/usr/share/broker/lib/module.jar",
        "/usr/share/java/module.jar",
    ]);
    let done = tree().apply_config(&config("'-v', '/usr/share'"), &[]);
    done.assert_gone(&["/usr/share/broker/bin/broker.jar"]);
}

/// The configuration and the data of a program often lie in a package of its source that has tools besides, as those of
/// exim4-config and texlive-base: the tools go, what the program reads stays, and what the tools depend on goes.
#[test]
fn data_of_a_dependency_of_the_same_source_stays_without_its_tools() {
    let mail = |base: &str, config: &str| {
        let root = server()
            .programs(&["/usr/sbin/maild", "/usr/sbin/mailq-stats"])
            .script("/usr/sbin/update-mail", "#!/usr/bin/perl\n")
            .text("/etc/addresses", "joe: joe@example.org\n")
            .text("/etc/maild.conf", "x")
            .text("/usr/share/maild/template", "x")
            .text("/usr/share/helper/data", "x");
        let root = package(root, "maild", "Source: mail\nDepends: mail-base\n", &["/usr/sbin/maild"]);
        let root = package(root, "mail-base", "Source: mail\nDepends: mail-config\n", &["/usr/sbin/mailq-stats", base]);
        let files = ["/usr/sbin/update-mail", "/etc/addresses", "/usr/share/maild/template"];
        let root = package(root, "mail-config", &format!("Source: {config}\nDepends: helper\n"), &files);
        package(root, "helper", "", &["/usr/share/helper/data"])
    };
    let args = ["--minimal", "--user", "app:1000", "--command", "maild"];
    let done = mail("/etc/maild.conf", "mail").apply(&args);
    assert_present(&done.root, &["/usr/sbin/maild", "/etc/addresses", "/usr/share/maild/template"]);
    assert_gone(&done.root, &["/usr/sbin/mailq-stats", "/usr/sbin/update-mail", "/usr/share/helper"]);
    // Of another source it is a tool of the system, as adduser or perl.
    assert_gone(&mail("/etc/maild.conf", "other").apply(&args).root, &["/usr/share/maild/template"]);
    // A package that leaves nothing behind leads nowhere: the next run does not see it.
    assert_gone(&mail("/usr/sbin/none", "mail").apply(&args).root, &["/usr/share/maild/template"]);
}

/// What is built with an interpreter is its modules.
#[test]
fn of_an_interpreter_that_went_no_sibling_stays() {
    let root = server()
        .elf("/usr/bin/python3.11", LOADER, &["libc.so.6"])
        .script("/usr/bin/pydoc3", "#!/usr/bin/python3.11\n")
        .text("/usr/share/python3/runtime", "x");
    let root = package(root, "venv", "Source: py\nDepends: py-tools\n", &["/usr/share/venv/data"])
        .text("/usr/share/venv/data", "x");
    let root = package(root, "py-tools", "Source: py\n", &["/usr/bin/pydoc3", "/usr/share/python3/runtime"]);
    let root = package(root, "py-minimal", "Source: py\n", &["/usr/bin/python3.11"]);
    let done = root.apply_config("[keep]\npaths = ['/usr/share/venv/data']\n", &SERVER);
    assert_present(&done.root, &["/usr/share/venv/data"]);
    assert_gone(&done.root, &["/usr/share/python3"]);
}

/// A program keeps its state in a directory of a package that it depends on: the sessions of PHP lie in one of php-common.
#[test]
fn a_directory_for_state_of_a_dependency_that_lost_its_tools_stays() {
    let root = server().dir("/var/lib/serverd/sessions", 0o1733, 0, 0).programs(&["/usr/sbin/enmod"]);
    let root = root.dir("/var/lib/other/state", 0o1733, 0, 0).programs(&["/usr/sbin/other"]);
    let root = package(root, "common", "Source: defaults\n", &["/usr/sbin/enmod", "/var/lib/serverd/sessions"]);
    let root = package(root, "other", "", &["/usr/sbin/other", "/var/lib/other/state"]);
    let root = package(root, "extra", "Depends: common\n", &["/usr/lib/serverd/extra.so"]);
    let root = root.library("/usr/lib/serverd/extra.so", &[]);
    let done = root.apply_config("[keep]\npaths = ['/usr/lib/serverd/extra.so']\n", &SERVER);
    assert_present(&done.root, &["/var/lib/serverd/sessions"]);
    assert_gone(&done.root, &["/usr/sbin/enmod", "/var/lib/other/state"]);
}
