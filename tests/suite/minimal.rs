//! `mode = "minimal"` on whole trees: before, after, and what is refused. The helper asserts that a second apply changes
//! nothing.

mod files;
mod packages;
mod purpose;
mod report;

use crate::common::{LOADER, Rootfs, Spec};

/// Who runs the server, and what it is.
const SERVER: [&str; 5] = ["--minimal", "--user", "app:1000", "--command", "/usr/sbin/serverd"];

const TRIPLET: &str = "/usr/lib/x86_64-linux-gnu";

/// Add a package with more fields of its record, by the files that the tree has already.
fn package(root: Rootfs, name: &str, fields: &str, files: &[&str]) -> Rootfs {
    let list: String = files.iter().map(|path| format!("{path}\n")).collect();
    let status = "/var/lib/dpkg/status";
    let before = std::fs::read_to_string(root.at(status)).unwrap_or_default();
    let record = format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n{fields}\n");
    root.text(format!("/var/lib/dpkg/info/{name}.list"), list).text(status, before + &record)
}

/// A library of a package of its own, with its licence and a manual.
fn library(root: Rootfs, package_name: &str, soname: &str, needed: &[&str], fields: &str) -> Rootfs {
    let path = format!("{TRIPLET}/{soname}");
    let licence = format!("/usr/share/doc/{package_name}/copyright");
    let changes = format!("/usr/share/doc/{package_name}/changelog.gz");
    let root = root.library(&path, needed).text(&licence, "free").text(&changes, "x");
    let directory = format!("/usr/share/doc/{package_name}");
    package(root, package_name, fields, &[&path, &directory, &licence, &changes])
}

/// A server with what its package depends on, and what is in the image besides.
fn server() -> Rootfs {
    let root = Rootfs::debian_like()
        .dir("/srv", 0o755, 0, 0)
        .elf("/usr/sbin/serverd", LOADER, &["libfoo.so.1", "libc.so.6"])
        .text("/etc/serverd/serverd.conf", "x")
        .text("/usr/share/serverd/page", "x")
        .text("/usr/share/doc/server-common/copyright", "free")
        .text("/usr/share/man/man8/serverd.8", "x")
        .text("/usr/share/locale/de/LC_MESSAGES/serverd.mo", "x")
        .text("/usr/include/serverd.h", "x")
        .text("/usr/lib/x86_64-linux-gnu/libserverd.a", "x")
        .text("/usr/share/bar/data", "x")
        .elf("/usr/bin/tool", LOADER, &["libtools.so.1", "libc.so.6"])
        .text("/usr/share/tools/data", "x")
        .text("/usr/share/unrelated/data", "x")
        .text("/usr/share/doc/unrelated/copyright", "free")
        .text("/usr/local/share/own", "x")
        .text("/opt/app/data", "x");
    let root =
        library(root, "libfoo1", "libfoo.so.1", &["libc.so.6"], "Depends: libbar-data (>= 1), debconf | debconf-2.0\n");
    let root = library(root, "libtools1", "libtools.so.1", &["libc.so.6"], "");
    let root = library(root, "libspare1", "libspare.so.1", &["libc.so.6"], "");
    let root = package(root, "base-files", "Essential: yes\n", &["/srv", "/usr/lib/os-release"]);
    let libc = format!("{TRIPLET}/libc.so.6");
    let root = package(root, "libc6", "Source: glibc\n", &["/lib", &libc, "/usr/lib64/ld-linux-x86-64.so.2"]);
    let root = package(
        root,
        "server",
        "Depends: libc6, libfoo1, server-common (= 1), tools, adduser\nRecommends: unrelated\n",
        &["/usr/sbin/serverd", "/usr/include", "/usr/include/serverd.h", "/usr/lib/x86_64-linux-gnu/libserverd.a"],
    );
    let root = package(
        root,
        "server-common",
        "",
        &[
            "/etc/serverd",
            "/etc/serverd/serverd.conf",
            "/usr/share/serverd",
            "/usr/share/serverd/page",
            "/usr/share/doc/server-common",
            "/usr/share/doc/server-common/copyright",
            "/usr/share/man/man8/serverd.8",
            "/usr/share/locale/de/LC_MESSAGES/serverd.mo",
        ],
    );
    let root = package(root, "libbar-data", "", &["/usr/share/bar", "/usr/share/bar/data"]);
    let root =
        package(root, "tools", "Depends: libtools1\n", &["/usr/bin/tool", "/usr/share/tools", "/usr/share/tools/data"]);
    package(
        root,
        "unrelated",
        "Depends: libspare1, tools\n",
        &[
            "/usr/share/unrelated",
            "/usr/share/unrelated/data",
            "/usr/share/doc/unrelated",
            "/usr/share/doc/unrelated/copyright",
        ],
    )
}

/// A program or library that opens others by name at run time.
fn opener(root: Rootfs, path: &str, soname: Option<&str>, text: &str) -> Rootfs {
    let spec = Spec {
        soname,
        interpreter: soname.is_none().then_some(LOADER),
        needed: vec!["libc.so.6"],
        imports: vec!["dlopen"],
        pie: soname.is_none(),
        ..Spec::default()
    };
    let mut bytes = spec.build();
    bytes.extend_from_slice(b"\0");
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(b"\0");
    root.file(path, 0o755, 0, 0, bytes)
}

/// Which of these paths the tree has.
fn present<'p>(root: &Rootfs, paths: &[&'p str]) -> Vec<&'p str> {
    paths.iter().copied().filter(|path| root.at(path).symlink_metadata().is_ok()).collect()
}

/// All of these are there.
#[track_caller]
fn assert_present(root: &Rootfs, paths: &[&str]) {
    assert_eq!(present(root, paths), paths);
}

/// None of these is there.
#[track_caller]
fn assert_gone(root: &Rootfs, paths: &[&str]) {
    assert_eq!(present(root, paths), [""; 0]);
}
