//! What packages leave behind that lost every command.

use super::image::Image;

const RUN: &str = "[run]\nuser = \"app\"\ncommand = [\"app\"]\n";

#[test]
fn a_package_manager_library_does_not_hold_its_configuration_for_a_second_run() {
    let image = Image::debian()
        .programs(&["/usr/bin/app", "/usr/bin/apt"])
        .file("/usr/lib/libapt-pkg.so.6.0", "x")
        .directory("/etc/kernel/postinst.d")
        .package("Package: apt", &["/usr/bin/apt", "/etc/kernel", "/etc/kernel/postinst.d"])
        .package("Package: libapt-pkg6.0\nSource: apt", &["/usr/lib/libapt-pkg.so.6.0"])
        .config(RUN);
    image.harden();
    assert!(!image.has("/usr/lib/libapt-pkg.so.6.0"));
    assert!(!image.has("/etc/kernel"));
}

#[test]
fn helpers_of_packages_that_kept_ones_depend_on_stay() {
    let image = Image::debian()
        .programs(&[
            "/usr/bin/gcc-12",
            "/usr/bin/cpp-12",
            "/usr/lib/gcc/cc1",
            "/usr/bin/other",
            "/usr/lib/other/helper",
        ])
        .link("/usr/bin/gcc", "gcc-12")
        .package("Package: gcc\nSource: gcc-defaults\nDepends: gcc-12", &["/usr/bin/gcc"])
        .package("Package: gcc-12\nDepends: cpp-12 (>= 12)", &["/usr/bin/gcc-12"])
        .package("Package: cpp-12", &["/usr/bin/cpp-12", "/usr/lib/gcc/cc1"])
        .package("Package: other", &["/usr/bin/other", "/usr/lib/other/helper"])
        .config("[run]\nuser = \"app\"\ncommand = [\"gcc\"]\n");
    image.harden();
    assert!(image.has("/usr/lib/gcc/cc1"));
    assert!(!image.has("/usr/bin/cpp-12"));
    assert!(!image.has("/usr/lib/other/helper"));
}

#[test]
fn an_example_script_among_documentation_does_not_hold_configuration_for_a_second_run() {
    let image = Image::debian()
        .programs(&["/usr/bin/python3", "/usr/bin/visor"])
        .script("/usr/share/doc/visor/example.py", "#!/usr/bin/python3\n")
        .file("/etc/visor/visor.conf", "x")
        .package(
            "Package: visor",
            &["/usr/bin/visor", "/usr/share/doc/visor/example.py", "/etc/visor", "/etc/visor/visor.conf"],
        )
        .config("[run]\nuser = \"app\"\ncommand = [\"python3\"]\n");
    image.harden();
    assert!(!image.has("/usr/share/doc/visor/example.py"));
    assert!(!image.has("/etc/visor"));
}
