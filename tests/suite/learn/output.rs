//! The file is whole or what it was before, whatever ends learn, and wherever it lies.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::jail::{How, Jail, names, said};
use crate::common::Command;

const MERGE: How<'_> = How { first: false, before: "", options: &["--merge"] };

#[test]
fn a_full_disk_takes_nothing_of_what_was_learned_before() {
    let jail = Jail::new();
    for number in 0..300 {
        jail.file(&format!("data/a-long-name-of-a-file-{number}"), "");
    }
    jail.learn(&["cat", "/etc/group"]);
    let before = jail.learned();
    // A disk of its own for the file, filled up; what is on it afterwards comes back through standard output.
    let disk = "sh -c 'mount -t tmpfs -o size=32k t \"$2/out\" && cat >\"$2/out/learned.toml\" && \
                { cat /dev/zero >\"$2/out/fill\" 2>/dev/null; \"$@\"; s=$?; cat \"$2/out/learned.toml\"; ls -A \"$2/out\"; exit $s; }' sh";
    let mut child = jail.start(How { before: disk, ..MERGE }, &["sh", "-c", "cat /data/a* >/dev/null"]);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), before.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("the old content of the file is unchanged"),
        "{}",
        said(&output)
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{before}fill\nlearned.toml\n"));
}

#[test]
fn a_killed_learn_leaves_what_was_there() {
    let jail = Jail::new();
    for merge in [false, true] {
        let mut child = jail.start(How::default(), &["sh", "-c", "echo ready; exec sleep 100"]);
        let mut line = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let before = fs::read(jail.at("out/learned.toml")).ok();
        let killed = Command::new("kill").args(["-KILL", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        child.wait().unwrap();
        assert_eq!(fs::read(jail.at("out/learned.toml")).ok(), before);
        assert_eq!(before.is_some(), merge);
        assert_eq!(fs::read_dir(jail.at("out")).unwrap().count(), usize::from(merge));
        jail.learn(&["cat", "/etc/group"]);
    }
}

#[test]
fn a_file_that_is_replaced_keeps_owner_and_mode_and_a_link_is_followed() {
    let jail = Jail::new();
    jail.learn(&["cat", "/etc/group"]);
    let path = jail.at("out/learned.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(&path, Some(1000), Some(1234)).unwrap();
    let output = jail.run(MERGE, &["sh", "-c", "cat /etc/group"]);
    assert!(output.status.success(), "{}", said(&output));
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.gid()), (0o640, 1000, 1234));
    assert!(names(&jail.learned(), "/usr/bin/sh"), "{}", jail.learned());
    fs::rename(&path, jail.at("data/far.toml")).unwrap();
    jail.link("out/learned.toml", "../data/far.toml");
    let learned = jail.learn(&["perl", "-e", "1"]);
    assert!(names(&learned, "/usr/bin/perl") && path.is_symlink(), "{learned}");
    // Standard output, which is a pipe here.
    fs::remove_file(&path).unwrap();
    jail.link("out/learned.toml", "/proc/self/fd/1");
    let output = jail.run(How::default(), &["sleep", "0"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(names(&String::from_utf8_lossy(&output.stdout), "/usr/bin/sleep"), "{}", said(&output));
    // A file that is a mount, as docker run -v FILE:FILE makes it.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    jail.file("outer.toml", &"# long\n".repeat(1000));
    let bind = "sh -c 'mount --bind \"$2/outer.toml\" \"$2/out/learned.toml\" && exec \"$@\"' sh";
    let output = jail.run(How { before: bind, ..How::default() }, &["sleep", "0"]);
    assert!(output.status.success(), "{}", said(&output));
    let outer = fs::read_to_string(jail.at("outer.toml")).unwrap();
    assert!(names(&outer, "/usr/bin/sleep") && !outer.contains("# long"), "{outer}");
}
