//! Files of packages are compared with dpkg's lists of checksums.

use super::found;
use crate::common::{Command, Rootfs};

/// Of nothing, and of `abc`.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";
const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

fn changed(tree: &Rootfs, args: &[&str]) -> Vec<String> {
    let run = tree.run("audit", &[&["--checksums", "--format", "json"], args].concat());
    let found = found(&run, "info").into_iter();
    found.filter(|(check, _)| check == "packages.checksum").map(|(_, path)| path).collect()
}

/// One package whose list of checksums says that.
fn package(name: &str, files: &[&str], sums: &str) -> impl FnOnce(Rootfs) -> Rootfs {
    let (name, sums) = (name.to_owned(), sums.to_owned());
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    move |tree| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        tree.package(&name, &files).text(format!("/var/lib/dpkg/info/{name}.md5sums"), sums)
    }
}

#[test]
fn what_differs_is_found_and_what_is_missing_is_not() {
    let sums = format!(
        "{ABC}  usr/lib/x/same\n{EMPTY}  usr/lib/x/other\n{EMPTY}  usr/lib/x/missing\n{EMPTY}  usr/lib/x/link\n\
         no sum\n0123  usr/lib/x/short\n{ABC}  bin/through\n"
    );
    let files = ["/usr/lib/x/same", "/usr/lib/x/other", "/usr/lib/x/missing", "/usr/lib/x/link", "/bin/through"];
    let tree = package("x", &files, &sums)(Rootfs::debian_like())
        .text("/usr/lib/x/same", "abc")
        .text("/usr/lib/x/other", "abc")
        .text("/usr/lib/x/short", "abc")
        .link("/usr/lib/x/link", "other")
        .text("/usr/bin/through", "changed");
    let expected = ["/usr/bin/through", "/usr/lib/x/other"];
    assert_eq!(changed(&tree, &[]), expected);
    let report = tree.run("audit", &["--checksums", "--format", "json"]).json();
    let finding = report["findings"].as_array().unwrap().iter().find(|f| f["path"] == "/usr/lib/x/other").unwrap();
    let text = finding["detail"].as_str().unwrap();
    assert!(text.contains("'x'") && text.contains(ABC) && text.contains(EMPTY), "{text}");
    assert_eq!(finding["severity"], "medium");
    // The same of an archive.
    let tar = tempfile::NamedTempFile::new().unwrap();
    let made = Command::new("tar").arg("-cf").arg(tar.path()).arg("-C").arg(tree.path()).arg(".").status();
    assert!(made.unwrap().success());
    let run = crate::common::bare(
        &["audit", "--checksums", "--tar", tar.path().to_str().unwrap(), "--format", "json"],
        &[],
        b"",
    );
    let of_tar: Vec<String> = found(&run, "info")
        .into_iter()
        .filter(|(check, _)| check == "packages.checksum")
        .map(|(_, path)| path)
        .collect();
    assert_eq!(of_tar, expected);
}

/// dpkg takes a path from the list of a package that another one replaces, and leaves its checksums.
#[test]
fn what_another_package_took_over_is_its_own() {
    let tree = package("old", &["/usr/lib/old"], &format!("{EMPTY}  usr/lib/taken\n{EMPTY}  usr/lib/away\n"))(
        Rootfs::debian_like(),
    );
    let tree = package("new", &["/usr/lib/taken", "/usr/lib/away"], &format!("{ABC}  usr/lib/taken\n"))(tree)
        .text("/usr/lib/taken", "abc")
        .text("/usr/lib/away", "abc")
        .text("/usr/lib/old", "abc")
        .text("/var/lib/dpkg/diversions", "/usr/lib/away\n/usr/lib/away.old\nnew\n");
    assert_eq!(changed(&tree, &[]), [""; 0]);
}

#[test]
fn packages_of_one_file_each_have_checksums_beside_it() {
    let tree = Rootfs::debian_like()
        .text("/var/lib/dpkg/status.d/x", "Package: x\nVersion: 1\nArchitecture: amd64\n")
        .text("/var/lib/dpkg/status.d/x.md5sums", format!("{ABC}  usr/lib/x\n{ABC}  usr/lib/y\n"))
        .text("/usr/lib/x", "abc")
        .text("/usr/lib/y", "changed");
    assert_eq!(changed(&tree, &[]), ["/usr/lib/y"]);
}

/// harden itself changes busybox: that is said, and fails no gate.
#[test]
fn a_changed_busybox_is_for_information() {
    let tree = package("busybox", &["/usr/bin/busybox"], &format!("{EMPTY}  usr/bin/busybox\n"))(Rootfs::debian_like())
        .file("/usr/bin/busybox", 0o755, 0, 0, "abc");
    assert_eq!(changed(&tree, &[]), ["/usr/bin/busybox"]);
    let report = tree.run("audit", &["--checksums", "--format", "json"]).json();
    let finding = report["findings"].as_array().unwrap().iter().find(|f| f["check"] == "packages.checksum").unwrap();
    assert_eq!(finding["severity"], "info");
}

/// Whoever made the image says how large a file is: the time does not grow with it, and what was left out is said.
#[test]
fn what_is_too_much_is_not_read_and_said() {
    let files = ["/usr/lib/a", "/usr/lib/huge"];
    let sums = format!("{EMPTY}  usr/lib/huge\n{EMPTY}  usr/lib/a\n");
    let tree = package("x", &files, &sums)(Rootfs::debian_like()).text("/usr/lib/a", "abc").text("/usr/lib/huge", "");
    std::fs::File::options().write(true).open(tree.at("/usr/lib/huge")).unwrap().set_len(10 << 40).unwrap();
    assert_eq!(changed(&tree, &[]), ["/usr/lib/a"]);
    let run = tree.run("audit", &["--checksums"]);
    assert!(
        run.all().contains("not compared with their checksums") && run.all().contains("'/usr/lib/huge'"),
        "{}",
        run.all()
    );
}

/// A check that was not asked for has neither passed nor failed.
#[test]
fn without_the_option_nothing_is_said_of_it() {
    let tree = package("x", &["/usr/lib/x"], &format!("{EMPTY}  usr/lib/x\n"))(Rootfs::debian_like())
        .text("/usr/lib/x", "abc");
    let config = tempfile::NamedTempFile::new().unwrap();
    let exception = "[[audit.exception]]\nid = \"packages.checksum\"\npath = \"/usr/lib/x\"\nreason = \"ours\"\n";
    std::fs::write(config.path(), exception).unwrap();
    let config = config.path().to_str().unwrap();
    let plain = tree.run("audit", &["--format", "json", "--config", config]);
    let asked = tree.run("audit", &["--format", "json", "--config", config, "--checksums"]);
    let found = |run: &super::Run, check: &str| run.stdout.contains(&format!("\"{check}\""));
    assert!(!found(&plain, "packages.checksum") && !found(&plain, "audit.exception-unused"), "{}", plain.stdout);
    assert!(found(&asked, "packages.checksum") && !found(&asked, "audit.exception-unused"), "{}", asked.stdout);
    assert_eq!(plain.json()["checks"].as_u64().unwrap() + 1, asked.json()["checks"].as_u64().unwrap());
    let junit = |more: &[&str]| tree.run("audit", &[&["--format", "junit"], more].concat()).stdout;
    assert!(!junit(&[]).contains("packages.checksum") && junit(&["--checksums"]).contains("packages.checksum"));
    // Nor has one about a configuration that was not given, or a plan without a user.
    assert!(!junit(&[]).contains("\"image.user\"") && !junit(&[]).contains("\"plan.pending\""));
}
