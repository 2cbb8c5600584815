//! Systems that cannot do what is asked: full disks, user namespaces; and what rewritten files keep.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::common::{APP, Command, Rootfs, Snapshot, bare};

fn run(program: &str, arguments: &[&str]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program} {arguments:?}");
}

#[test]
fn rewritten_files_keep_acls_and_attributes() {
    let tree = Rootfs::debian_like().xattr("/etc/passwd", "user.note", b"x").xattr("/etc/group", "trusted.note", b"y");
    for (path, acl) in [("/etc/passwd", "u:33:r"), ("/etc/group", "g:50:r")] {
        run("setfacl", &["-m", acl, tree.at(path).to_str().unwrap()]);
    }
    // As an overlay and a machine with IMA would have marked them: not ours to copy.
    let tree = tree.xattr("/etc/passwd", "trusted.overlay.origin", b"x").xattr("/etc/group", "user.overlay.x", b"x");
    tree.stamp();
    let before = Snapshot::of(tree.path());
    let done = tree.run("apply", &APP);
    assert_eq!(done.status, 0, "{}", done.all());
    let after = Snapshot::of(tree.path());
    let mut kept = 0;
    for path in ["/etc/passwd", "/etc/group", "/etc/shadow"] {
        let (old, new) = (before.get(path), after.get(path));
        assert_ne!(old.content, new.content, "{path}");
        let ours = |name: &&Vec<u8>| !name.starts_with(b"trusted.overlay.") && !name.starts_with(b"user.overlay.");
        let wanted: Vec<_> = old.xattrs.iter().filter(|(name, _)| ours(name)).collect();
        assert_eq!(new.xattrs.iter().collect::<Vec<_>>(), wanted, "{path}");
        assert_eq!((old.mode, old.uid, old.gid), (new.mode, new.uid, new.gid), "{path}");
        kept += wanted.len();
    }
    assert!(kept >= 4, "{kept}");
}

/// A real full disk, with short writes before the error.
#[test]
fn a_full_disk_costs_no_account_file() {
    let mount = tempfile::tempdir().unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=2m,mode=755", "none", mount.path().to_str().unwrap()]);
    let lines: String = (2_000..6_000).map(|n| format!("app{n}:x:{n}:{n}::/:/bin/sh\n")).collect();
    let kept: Vec<String> = (2_000..6_000).map(|n| format!("'app{n}'")).collect();
    let tree = Rootfs::debian_like().text("/etc/passwd", format!("root:x:0:0:root:/root:/bin/bash\n{lines}"));
    run("cp", &["-a", &format!("{}/.", tree.path().display()), mount.path().to_str().unwrap()]);
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(config.path(), format!("[keep]\nusers = [{}]\n", kept.join(","))).unwrap();
    let arguments = ["apply", "--root", mount.path().to_str().unwrap(), "--config", config.path().to_str().unwrap()];
    let arguments = [&arguments[..], &APP].concat();
    // All but a few blocks are taken: the new file gets a part of what it needs.
    let filler = mount.path().join("app/filler");
    let free = rustix::fs::statvfs(mount.path()).unwrap();
    fs::write(&filler, vec![0_u8; usize::try_from(free.f_bavail * free.f_bsize).unwrap() - 16_384]).unwrap();
    let before = fs::read(mount.path().join("etc/passwd")).unwrap();
    let full = bare(&arguments, &[], b"");
    assert_eq!(full.status, 3, "{}", full.all());
    assert!(full.stderr.contains("no space left on device"), "{}", full.all());
    assert!(full.stderr.contains("in write"), "{}", full.all());
    assert_eq!(fs::read(mount.path().join("etc/passwd")).unwrap(), before);
    crate::common::assert_no_temporary(&crate::common::Snapshot::of(mount.path()), "no space");
    fs::remove_file(&filler).unwrap();
    let later = bare(&arguments, &[], b"");
    assert_eq!(later.status, 0, "{}", later.all());
    run("umount", &[mount.path().to_str().unwrap()]);
}

/// Rootless engines: an id that the user namespace does not have cannot be given to a file.
#[test]
fn an_id_that_a_user_namespace_lacks_is_named_as_the_cause() {
    let tree = Rootfs::debian_like().dir("/srv/data", 0o755, 0, 0);
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(config.path(), "[files]\nwritable = ['/srv/data']\n").unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", env!("CARGO_BIN_EXE_harden"), "apply", "--root"])
        .arg(tree.path())
        .arg("--config")
        .arg(config.path())
        .args(APP)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("user namespace") && said.contains("/etc/subuid") && said.contains("in fchown"), "{said}");
    assert_eq!(fs::metadata(tree.at("/srv/data")).unwrap().uid(), 0);
}
