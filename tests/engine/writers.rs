//! Every tar writer of Debian: the audit of its archive finds what it finds in the tree that tar(1) unpacks, and in the tree
//! that the engine makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::audit::findings;
use crate::common::{Command, Rootfs};
use crate::docker::{Container, binary, both, docker, docker_ok, unique, work};

/// Writers: a name, and a shell command that packs the working directory into `$OUT`. A writer that cannot store a name says
/// so and leaves it out: what it wrote is compared.
const WRITERS: &[(&str, &str)] = &[
    ("GNU tar, gnu", "tar --format=gnu -cf $OUT ."),
    ("GNU tar, gnu, names without ./", "tar --format=gnu -cf $OUT *"),
    ("GNU tar, gnu, appended", "tar --format=gnu -cf $OUT etc usr && tar -rf $OUT bin tmp srv opt"),
    ("GNU tar, oldgnu", "tar --format=oldgnu -cf $OUT ."),
    ("GNU tar, ustar", "tar --format=ustar -cf $OUT ."),
    ("GNU tar, v7", "tar --format=v7 -cf $OUT ."),
    ("GNU tar, pax", "tar --format=posix --xattrs --xattrs-include='*' --acls -cf $OUT ."),
    ("GNU tar, pax, sparse 0.0", "tar --format=posix -S --sparse-version=0.0 -cf $OUT ."),
    ("GNU tar, pax, sparse 0.1", "tar --format=posix -S --sparse-version=0.1 -cf $OUT ."),
    ("GNU tar, pax, sparse 1.0", "tar --format=posix -S --sparse-version=1.0 -cf $OUT ."),
    ("bsdtar, pax", "bsdtar --format=pax -cf $OUT ."),
    ("bsdtar, restricted pax", "bsdtar -cf $OUT ."),
    ("bsdtar, gnu", "bsdtar --format=gnutar -cf $OUT ."),
    ("bsdtar, ustar", "bsdtar --format=ustar -cf $OUT ."),
    ("bsdtar, v7", "bsdtar --format=v7tar -cf $OUT ."),
    ("cpio, ustar", "find . | cpio -o -H ustar >$OUT"),
    ("cpio, tar", "find . -depth | cpio -o -H tar >$OUT"),
    ("bsdcpio, pax", "find . | bsdcpio -o -H pax >$OUT"),
    ("pax, ustar", "pax -w -x ustar -f $OUT ."),
    ("pax, tar", "pax -w -x tar -f $OUT ."),
    ("busybox", "busybox tar -cf $OUT ."),
    // 7z and Archive::Tar forget the numbers of devices: engines take such an entry for a whiteout, and the audit refuses it.
    ("7z", "7z a -ttar -snl -snh -xr!null -bso0 -bsp0 $OUT ."),
    (
        "Archive::Tar",
        "perl -MArchive::Tar -MFile::Find -e 'my @f; find({no_chdir => 1, wanted => sub { push @f, $_ unless -c }}, \".\"); \
        my $t = Archive::Tar->new; $t->add_files(@f); $t->write($ENV{OUT})'",
    ),
    (
        "tarfile, ustar",
        "python3 -c 'import os, tarfile\nt = tarfile.open(os.environ[\"OUT\"], \"w\", \
        format=tarfile.USTAR_FORMAT)\nfor n in sorted(os.listdir(\".\")):\n  try: t.add(n)\n  except ValueError: pass\nt.close()'",
    ),
    (
        "tarfile, gnu",
        "python3 -c 'import os, tarfile\nt = tarfile.open(os.environ[\"OUT\"], \"w\", \
        format=tarfile.GNU_FORMAT)\nt.add(\".\")\nt.close()'",
    ),
    (
        "tarfile, pax",
        "python3 -c 'import os, tarfile\nt = tarfile.open(os.environ[\"OUT\"], \"w\", \
        format=tarfile.PAX_FORMAT)\nt.add(\".\")\nt.close()'",
    ),
];

/// Entries of whose headers engines of that age know nothing: only tar(1) is asked.
const TAR_ONLY: &[(&str, &str)] = &[
    ("GNU tar, gnu, sparse", "tar --format=gnu -S -cf $OUT ."),
    ("GNU tar, oldgnu, sparse", "tar --format=oldgnu -S -cf $OUT ."),
    ("GNU tar, gnu, with a label", "tar --format=gnu -V label -cf $OUT ."),
    ("GNU tar, gnu, incremental", "tar --format=gnu -g $OUT.list -cf $OUT ."),
];

/// Whatever writers store in different ways, each with something that the audit finds. No fifo: 7z and Archive::Tar wait for
/// one that writes into it.
fn tree() -> Rootfs {
    let long = format!("/srv/{}/{}/file", "d".repeat(90), "e".repeat(120));
    let key = crate::common::dirty::key("RSA PRIVATE KEY");
    let tree = Rootfs::empty()
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp::1000:1000::/srv:/bin/sh\n")
        .text("/etc/group", "root:x:0:\napp:x:1000:\n")
        .file("/etc/shadow", 0o644, 0, 0, "root:$6$salt$abcdefghijklmnop:19000:0:99999:7:::\n")
        .file("/usr/bin/su", 0o4755, 0, 0, "su")
        .hardlink("/usr/bin/su2", "/usr/bin/su")
        .file("/usr/bin/ping", 0o755, 0, 0, "ping")
        .capability("/usr/bin/ping")
        .link("/bin", "usr/bin")
        .link("/usr/bin/dangling", "/nonexistent/x")
        .link("/srv/far", format!("/{}", "t/".repeat(90)))
        .dir("/tmp", 0o1777, 0, 0)
        .dir("/srv/all", 0o777, 0, 0)
        .file("/srv/writable", 0o666, 0, 0, "x")
        .file("/srv/ownerless", 0o644, 4321, 4322, "x")
        .file("/srv/empty", 0o666, 0, 0, "")
        .file(&long, 0o666, 0, 0, "x")
        .file(format!("/srv/{}", "f".repeat(99)), 0o666, 0, 0, "x")
        .file(format!("/opt/{}", "g".repeat(96)), 0o666, 0, 0, "x")
        .file(format!("/opt/{}/k", "h".repeat(140)), 0o666, 0, 0, "x")
        .file("/opt/new\nline", 0o666, 0, 0, "x")
        .file("/opt/ünï", 0o666, 0, 0, "x")
        .file(std::ffi::OsStr::from_bytes(b"/opt/non\xffutf8"), 0o666, 0, 0, "x")
        .text("/opt/key.pem", &key)
        .device("/srv/null", 1, 3);
    let sparse = fs::File::create(tree.at("/srv/sparse")).expect("a file");
    sparse.set_len(400_000).expect("a size");
    std::os::unix::fs::FileExt::write_all_at(&sparse, key.as_bytes(), 300_000).expect("its content");
    tree
}

fn audit(args: &[&Path]) -> BTreeSet<String> {
    let output =
        Command::new(binary()).args(["audit", "-q", "--format", "json"]).args(args).output().expect("it starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", both(&output));
    findings(&output)
}

/// What is found in an archive, and in the tree that tar(1) makes of it.
fn packed(tree: &Rootfs, dir: &Path, name: &str, command: &str) -> (std::path::PathBuf, BTreeSet<String>) {
    let out = dir.join("out.tar");
    let _ = fs::remove_file(&out);
    let shell = Command::new("sh").args(["-c", command]).current_dir(tree.path()).env("OUT", &out).output();
    let said = both(&shell.expect("a shell starts"));
    assert!(fs::metadata(&out).is_ok_and(|meta| meta.size() > 0), "{name} wrote nothing; run: make setup\n{said}");
    let found = audit(&[Path::new("--tar"), &out]);
    assert!(found.len() >= 10, "{name}: {found:#?}");
    let unpacked = dir.join("root");
    let _ = fs::remove_dir_all(&unpacked);
    fs::create_dir(&unpacked).expect("a directory");
    fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755)).expect("a mode");
    let status = Command::new("tar")
        .args(["-x", "-p", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C"])
        .args([&unpacked, Path::new("-f"), &out])
        .output()
        .expect("tar starts");
    assert!(status.status.success(), "{name}: {}", both(&status));
    assert_eq!(found, audit(&[Path::new("--root"), &unpacked]), "{name} against tar -x");
    (out, found)
}

#[test]
fn every_writer_is_read_as_tar_and_the_engine_unpack_it() {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let tree = tree();
    for (name, command) in WRITERS {
        let (out, found) = packed(&tree, dir.path(), name, command);
        let tag = unique("writer");
        docker_ok(&["import", out.to_str().expect("a path"), &tag]);
        let exported = dir.path().join("exported.tar");
        {
            let container = Container::of(docker_ok(&["create", &tag, "/none"]));
            docker_ok(&["export", "-o", exported.to_str().expect("a path"), &container.id]);
        }
        docker(&["rmi", &tag]);
        assert_eq!(found, audit(&[Path::new("--tar"), &exported]), "{name} against docker import");
    }
}

#[test]
fn every_header_of_tar_is_read_as_tar_unpacks_it() {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let tree = tree();
    for (name, command) in TAR_ONLY {
        packed(&tree, dir.path(), name, command);
    }
}
