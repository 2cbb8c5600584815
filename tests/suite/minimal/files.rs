//! Granularity "file".

use super::{SERVER, assert_gone, assert_present, library, opener, package, server};
use crate::common::LOADER;

const BY_FILE: &str = "[minimal]\ngranularity = 'file'\n";

#[test]
fn only_needed_files_stay_and_the_run_says_what_it_cannot_see() {
    let root = opener(server(), "/opt/app/native.so", Some("native.so"), "libplug.so.2");
    let root = library(root, "libplug2", "libplug.so.2", &["libdeep.so.1"], "");
    let root = library(root, "libdeep1", "libdeep.so.1", &[], "");
    let done = root.apply_config(BY_FILE, &SERVER);
    assert_present(
        &done.root,
        &[
            "/usr/sbin/serverd",
            "/usr/lib/x86_64-linux-gnu/libfoo.so.1",
            "/usr/share/doc/libfoo1/copyright",
            "/usr/lib/x86_64-linux-gnu/libplug.so.2",
            "/usr/lib/x86_64-linux-gnu/libdeep.so.1",
            "/opt/app/data",
            "/usr/lib/os-release",
            "/srv",
        ],
    );
    assert_gone(
        &done.root,
        &["/usr/share/bar", "/etc/serverd", "/usr/share/serverd", "/usr/lib/x86_64-linux-gnu/libspare.so.1"],
    );
    assert!(done.run.stderr.contains("run harden learn"), "{}", done.run.stderr);
}

#[test]
fn learned_paths_stay_alone() {
    let config = format!("{BY_FILE}[keep]\npaths = ['/etc/serverd/serverd.conf', '/usr/share/serverd/page']\n");
    // A directory for its state is not in what was opened.
    let root = package(
        server().dir("/var/lib/serverd", 0o755, 0, 0),
        "serverd-conf",
        "",
        &["/etc/serverd/serverd.conf", "/var/lib/serverd"],
    );
    let root = package(root.dir("/var/lib/unrelated", 0o755, 0, 0), "unrelated-state", "", &["/var/lib/unrelated"]);
    let done = root.apply_config(&config, &SERVER);
    assert_present(&done.root, &["/var/lib/serverd"]);
    assert_gone(&done.root, &["/var/lib/unrelated"]);
    assert_present(&done.root, &["/etc/serverd/serverd.conf", "/usr/share/serverd/page"]);
    assert_gone(&done.root, &["/usr/share/man/man8/serverd.8", "/usr/share/bar"]);
    assert!(!done.run.stderr.contains("harden learn"), "{}", done.run.stderr);
}

#[test]
fn a_named_package_stays_whole() {
    let root = package(server().elf("/usr/lib/x/helper", LOADER, &["libspare.so.1"]), "x", "", &["/usr/lib/x/helper"]);
    let done = root.apply_config(&format!("{BY_FILE}packages = ['x']\n"), &SERVER);
    assert_present(&done.root, &["/usr/lib/x/helper", "/usr/lib/x86_64-linux-gnu/libspare.so.1"]);
}
