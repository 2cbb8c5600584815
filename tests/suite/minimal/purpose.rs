//! Packages that were installed on purpose, what lets them go, and modules and configuration that follow their program.

use super::{SERVER, TRIPLET, assert_gone, assert_present, library, package, server};
use crate::common::{LOADER, Rootfs, Spec};

const STATES: &str = "/var/lib/apt/extended_states";

/// The server, a library that was asked for with its data, and what is no such package.
fn asked() -> Rootfs {
    let root = server()
        .text("/usr/share/magic/data", "0123456789")
        .text("/usr/share/gadget/data", "x")
        .text("/usr/share/base/data", "x")
        .text("/usr/share/auto/data", "x")
        .elf("/usr/bin/gadget", LOADER, &["libc.so.6"]);
    let root = library(root, "libmagic1", "libmagic.so.1", &["libc.so.6"], "Depends: libc6, libmagic-mgc, tools\n");
    let root = package(root, "libmagic-mgc", "", &["/usr/share/magic", "/usr/share/magic/data"]);
    let root = package(root, "gadget", "", &["/usr/bin/gadget", "/usr/share/gadget", "/usr/share/gadget/data"]);
    let root = package(root, "base", "Priority: important\n", &["/usr/share/base", "/usr/share/base/data"]);
    let root = package(root, "auto", "", &["/usr/share/auto", "/usr/share/auto/data"]);
    let marked = ["auto", "libspare1", "unrelated", "libbar-data", "libmagic-mgc"];
    let states: String =
        marked.iter().map(|name| format!("Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n")).collect();
    root.text(STATES, states)
}

#[test]
fn what_was_installed_on_purpose_stays_with_what_it_depends_on() {
    let done = asked().apply(&SERVER);
    assert_present(
        &done.root,
        &[
            "/usr/lib/x86_64-linux-gnu/libmagic.so.1",
            "/usr/share/magic/data",
            "/usr/share/doc/libmagic1/copyright",
            STATES,
        ],
    );
    assert_gone(
        &done.root,
        &[
            // It had commands and lost them all.
            "/usr/share/gadget",
            "/usr/share/tools",
            // Part of the base, and installed for others.
            "/usr/share/base",
            "/usr/share/auto",
            "/usr/share/unrelated",
            "/usr/lib/x86_64-linux-gnu/libspare.so.1",
            // Of what stays.
            "/usr/share/doc/libmagic1/changelog.gz",
        ],
    );
}

/// A CGI program, the plugin of a monitor: nothing of the package is a command, and nothing names what calls it.
#[test]
fn programs_of_a_package_without_commands_stay_in_both_modes() {
    let tree = |states: &str| {
        let root = asked().elf("/usr/lib/gallery/show.cgi", LOADER, &["libc.so.6"]);
        let root = package(root, "gallery", "", &["/usr/lib/gallery", "/usr/lib/gallery/show.cgi"]);
        let before = root.read(STATES);
        root.text(STATES, before + states)
    };
    let automatic = "Package: gallery\nArchitecture: amd64\nAuto-Installed: 1\n\n";
    for args in [&SERVER[..], &normal_of(&SERVER)] {
        assert_present(&tree("").apply(args).root, &["/usr/lib/gallery/show.cgi"]);
        assert_gone(&tree(automatic).apply(args).root, &["/usr/lib/gallery/show.cgi"]);
    }
    // A shell beside it: an attacker's tools, whoever installed them.
    let armed =
        asked().elf("/usr/lib/armory/sh", LOADER, &["libc.so.6"]).elf("/usr/lib/armory/nuke", LOADER, &["libc.so.6"]);
    let armed = package(armed, "armory", "", &["/usr/lib/armory", "/usr/lib/armory/sh", "/usr/lib/armory/nuke"]);
    assert_gone(&armed.apply(&normal_of(&SERVER)).root, &["/usr/lib/armory/sh", "/usr/lib/armory/nuke"]);
}

fn normal_of<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().filter(|word| *word != "--minimal").collect()
}

#[test]
fn without_the_notes_of_apt_or_with_single_files_nothing_counts() {
    let root = asked();
    std::fs::remove_file(root.at(STATES)).unwrap();
    let unnoted = root.apply(&SERVER);
    let by_file = asked().apply_config("[minimal]\ngranularity = 'file'\n", &SERVER);
    for done in [unnoted, by_file] {
        assert_gone(&done.root, &["/usr/lib/x86_64-linux-gnu/libmagic.so.1", "/usr/share/magic"]);
    }
}

#[test]
fn dropped_packages_go_and_an_entry_that_matches_none_is_refused() {
    for entry in ["'libmagic1'", "'libmag*'", "{ name = 'libmagic1', reason = 'a tool of the build' }"] {
        let done = asked().apply_config(&format!("[minimal]\ndrop = [{entry}]\n"), &SERVER);
        assert_gone(&done.root, &["/usr/lib/x86_64-linux-gnu/libmagic.so.1", "/usr/share/magic"]);
    }
    // What stays for another reason does so all the same.
    let done = asked().apply_config("[minimal]\ndrop = ['libfoo1']\n", &SERVER);
    assert_present(&done.root, &["/usr/lib/x86_64-linux-gnu/libfoo.so.1"]);
    asked()
        .refuse_config("[minimal]\ndrop = ['libmagic']\n", &SERVER)
        .says(&[
            "refused[remove.unneeded]",
            "minimal.drop entry 'libmagic' matches no package",
            "did you mean 'libmagic1'?",
            "delete it, or mark the entry optional",
        ])
        .alone();
    asked().apply_config("[minimal]\ndrop = [{ name = 'libmagic', optional = true }]\n", &SERVER);
}

#[test]
fn plan_lists_them_with_size_and_line_and_explain_and_json_name_the_reason() {
    let root = asked();
    let plan = root.run("plan", &SERVER).stdout;
    let (_, listed) = plan.split_once("installed on purpose, but not needed by a kept file").unwrap();
    let listed = listed.split("\n\n").next().unwrap();
    assert!(listed.contains("libmagic1: drop = [\"libmagic1\"]"), "{plan}");
    assert!(!listed.contains("libmagic-mgc") && !listed.contains("server"), "{plan}");
    let explain = |path: &str| {
        let args: Vec<&str> = SERVER.into_iter().chain([path]).collect();
        root.run("explain", &args).stdout
    };
    let said = explain("/usr/share/magic/data");
    assert!(said.contains("libmagic1 depends on it, it was installed on purpose"), "{said}");
    assert!(said.contains("[minimal] drop = [\"libmagic1\"]"), "{said}");
    let args: Vec<&str> = SERVER.into_iter().chain(["--format", "json"]).collect();
    let report = root.run("plan", &args).json();
    let packages = report["sizes"]["packages"].as_array().unwrap();
    let marked: Vec<_> =
        packages.iter().filter(|size| size["on_purpose"] == true).map(|size| &size["package"]).collect();
    assert_eq!(marked, ["libmagic1"]);
    assert!(!server().run("plan", &SERVER).stdout.contains("on purpose"));
}

#[test]
fn the_world_of_alpine_is_what_was_installed_on_purpose() {
    let installed = "P:musl\nV:1\nF:lib\nR:ld-musl-x86_64.so.1\n\n\
                     P:serverd\nV:1\nF:usr/sbin\nR:serverd\n\n\
                     P:.rundeps\nV:1\nD:so:libfoo.so.1\n\n\
                     P:libfoo\nV:1\np:so:libfoo.so.1=1\nF:usr/lib\nR:libfoo.so.1\n\n\
                     P:asked-data\nV:1\nF:usr/share/asked\nR:data\n\n\
                     P:spare\nV:1\nF:usr/share/spare\nR:data\n";
    let root = Rootfs::alpine_like()
        .elf("/usr/sbin/serverd", "/lib/ld-musl-x86_64.so.1", &[])
        .library("/usr/lib/libfoo.so.1", &[])
        .text("/usr/share/asked/data", "x")
        .text("/usr/share/spare/data", "x")
        .text("/lib/apk/db/installed", installed)
        .text("/etc/apk/world", ".rundeps=20240101\nasked-data@edge\n");
    let done = root.apply(&SERVER);
    assert_present(&done.root, &["/usr/lib/libfoo.so.1", "/usr/share/asked/data"]);
    assert_gone(&done.root, &["/usr/share/spare"]);
}

#[test]
fn a_package_that_lost_its_tools_keeps_its_configuration_beside_the_program_of_its_source() {
    let tree = || {
        let root = server()
            .text("/etc/serverd/main.conf", "x")
            .script("/usr/share/server-tools/helper", "#!/bin/sh\n")
            .text("/etc/mime.types", "x")
            .script("/usr/sbin/server-enable", "#!/usr/bin/perl\n")
            .elf("/usr/bin/other-tool", LOADER, &["libc.so.6"])
            .text("/etc/other/main.conf", "x")
            .elf("/usr/lib/heavy/daemon", LOADER, &["libtools.so.1"])
            .script("/usr/bin/heavy", "#!/bin/sh\n")
            .text("/usr/share/extra/data", "x");
        let tools = ["/usr/sbin/server-enable", "/etc/serverd/main.conf", "/usr/share/server-tools/helper"];
        let root = package(root, "server-tools", "Source: server\nDepends: server, extra-data\n", &tools);
        let root = package(root, "extra-data", "", &["/usr/share/extra", "/usr/share/extra/data"]);
        let root = package(root, "mime", "", &["/etc/mime.types"]);
        // Of another source; and one with programs of its own.
        let root =
            package(root, "other", "Depends: server\n", &["/usr/bin/other-tool", "/etc/other", "/etc/other/main.conf"]);
        package(
            root,
            "heavy",
            "Depends: server\nSource: server\n",
            &["/usr/bin/heavy", "/usr/lib/heavy", "/usr/lib/heavy/daemon"],
        )
    };
    let done = tree().apply(&SERVER);
    assert_present(&done.root, &["/etc/serverd/main.conf", "/usr/share/server-tools/helper", "/etc/mime.types"]);
    assert_gone(
        &done.root,
        &["/usr/sbin/server-enable", "/usr/share/extra", "/etc/other", "/usr/bin/other-tool", "/usr/lib/heavy"],
    );
}

#[test]
fn plugins_beside_those_of_a_staying_package_stay_though_a_tool_of_theirs_goes() {
    let root = server()
        .library("/usr/lib/serverd/plugins/base.so", &["libc.so.6"])
        .library("/usr/lib/serverd/plugins/extra.so", &["libspare.so.1"])
        .library("/usr/lib/standalone/mod.so", &["libtools.so.1"])
        .elf("/usr/bin/extra-client", LOADER, &["libc.so.6"])
        .elf("/usr/bin/standalone", LOADER, &["libc.so.6"]);
    let root = package(root, "libserver", "Source: server\n", &["/usr/lib/serverd/plugins/base.so"]);
    let extra = ["/usr/lib/serverd/plugins/extra.so", "/usr/bin/extra-client"];
    let root = package(root, "server-extra", "Source: server\nDepends: libserver\n", &extra);
    let root = package(root, "standalone", "Source: server\n", &["/usr/lib/standalone/mod.so", "/usr/bin/standalone"]);
    let done = root.apply(&SERVER);
    assert_present(&done.root, &["/usr/lib/serverd/plugins/extra.so", "/usr/lib/x86_64-linux-gnu/libspare.so.1"]);
    assert_gone(&done.root, &["/usr/bin/extra-client", "/usr/lib/standalone"]);
}

/// One interpreter of each kind: its library, a module, and what names the module's package depends on.
#[test]
fn modules_stay_by_their_directory_for_an_interpreter_that_is_embedded() {
    for (library_name, module, ending) in [
        ("libpython3.11.so.1.0", "/usr/lib/python3/dist-packages/flask", "py"),
        ("libperl.so.5.36", "/usr/share/perl5/URI", "pm"),
        ("libruby-3.1.so.3.1", "/usr/share/rubygems-integration/all/gems/sinatra", "rb"),
        ("libnode.so.108", "/usr/share/nodejs/express", "js"),
        ("libphp8.2.so", "/usr/share/php/Twig", "php"),
        ("liblua5.3.so.0", "/usr/share/lua/5.3/socket", "lua"),
        ("libluajit-5.1.so.2", "/usr/lib/x86_64-linux-gnu/lua/5.1/cjson", "so"),
        ("libtcl8.6.so", "/usr/share/tcltk/tls1.7", "tcl"),
    ] {
        let file = format!("{module}/module.{ending}");
        let tree = |embeds: bool| {
            let needs: Vec<&str> = embeds.then_some(library_name).into_iter().collect();
            let root = library(server(), "lib-interpreter", library_name, &["libc.so.6"], "");
            let root = root
                .elf("/opt/app/bin/host", LOADER, &needs)
                .text(&file, "x")
                .text("/usr/share/private/module.py", "x")
                .text("/usr/share/module-data/data", "x")
                .script("/usr/bin/module-tool", "#!/bin/sh\n");
            // On another module alone; with a tool that goes.
            let root = package(root, "other-module", "", &[]);
            let root = package(root, "module-data", "", &["/usr/share/module-data", "/usr/share/module-data/data"]);
            let root =
                package(root, "module", "Depends: other-module, module-data\n", &[&file, "/usr/bin/module-tool"]);
            package(root, "private", "Depends: module\n", &["/usr/share/private", "/usr/share/private/module.py"])
        };
        let done = tree(true).apply(&SERVER);
        assert_present(&done.root, &[&file, "/usr/share/module-data/data"]);
        assert_gone(&done.root, &["/usr/bin/module-tool", "/usr/share/private"]);
        let done = tree(false).apply(&SERVER);
        assert_gone(&done.root, &[&file, "/usr/share/module-data"]);
    }
}

#[test]
fn a_module_that_is_a_link_to_a_library_stays_with_it() {
    let (link, file) = (format!("{TRIPLET}/lua/5.3/bit.so"), format!("{TRIPLET}/liblua5.3-bit.so.0"));
    let root = library(server(), "liblua5.3-0", "liblua5.3.so.0", &["libc.so.6"], "");
    let root = root
        .elf("/opt/app/bin/host", LOADER, &["liblua5.3.so.0"])
        .library(&file, &["libspare.so.1"])
        .link(&link, "../../liblua5.3-bit.so.0");
    let done = package(root, "lua-bit", "", &[&link, &file]).apply(&SERVER);
    assert_present(&done.root, &[&link, &file, "/usr/lib/x86_64-linux-gnu/libspare.so.1"]);
}

#[test]
fn notes_on_modules_stay_and_notes_on_libraries_go() {
    let module = format!("{TRIPLET}/serverd/coders/png");
    let (so, la, archive) = (format!("{module}.so"), format!("{module}.la"), format!("{module}.a"));
    let library_la = format!("{TRIPLET}/libserverd.la");
    let root = server().library(&so, &["libc.so.6"]).text(&la, "x").text(&archive, "x").text(&library_la, "x");
    let root = package(root, "server-coders", "Source: server\n", &[&so, &la, &archive, &library_la]);
    let done = root.apply(&SERVER);
    assert_present(&done.root, &[&so, &la]);
    assert_gone(&done.root, &[&archive, &library_la]);
}

#[test]
fn the_c_library_keeps_what_it_opens_by_name_among_single_files() {
    let libc = format!("{TRIPLET}/libc.so.6");
    // It opens them without a call to dlopen.
    let mut bytes = Spec { soname: Some("libc.so.6"), ..Spec::default() }.build();
    bytes.extend_from_slice(b"\0libgcc_s.so.1\0libidn2.so.0\0");
    let root = server().file(&libc, 0o755, 0, 0, bytes);
    let root = library(root, "libidn2-0", "libidn2.so.0", &[], "");
    let root = library(root, "libgcc-s1", "libgcc_s.so.1", &[], "");
    let done = root.apply_config("[minimal]\ngranularity = 'file'\n", &SERVER);
    assert_present(&done.root, &["/usr/lib/x86_64-linux-gnu/libgcc_s.so.1"]);
    assert_gone(&done.root, &["/usr/lib/x86_64-linux-gnu/libidn2.so.0"]);
}

#[test]
fn a_packed_program_keeps_the_loader_and_says_what_is_not_seen() {
    let program = |packed: &[u8]| {
        let mut bytes = Spec { pie: true, ..Spec::default() }.build();
        bytes.extend_from_slice(packed);
        bytes
    };
    let tree = |packed: &[u8]| {
        let root = Rootfs::debian_like().dir("/srv", 0o755, 0, 0).file("/opt/app/tool", 0o755, 0, 0, program(packed));
        let root = package(root, "base-files", "Essential: yes\n", &["/srv"]);
        let libc = format!("{TRIPLET}/libc.so.6");
        let root = root.library(&libc, &[]);
        std::fs::remove_file(root.at("/app/server")).unwrap();
        package(root, "libc6", "", &["/lib", &libc, "/usr/lib64/ld-linux-x86-64.so.2"])
    };
    let args = ["--minimal", "--user", "app:1000", "--command", "/opt/app/tool"];
    let done = tree(b"UPX!").apply(&args);
    assert_present(&done.root, &["/usr/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6"]);
    assert!(done.run.stderr.contains("'/opt/app/tool' is packed with UPX"), "{}", done.run.stderr);
    let done = tree(b"").apply(&args);
    assert_gone(&done.root, &["/usr/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6"]);
    assert!(!done.run.stderr.contains("UPX"), "{}", done.run.stderr);
}
