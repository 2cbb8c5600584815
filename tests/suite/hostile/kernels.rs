//! Kernels and file systems that tell less: no mount numbers, no statx(2), equal inode numbers, fuse(4).

use std::os::unix::fs::MetadataExt as _;

use crate::common::sweep::Subject;
use crate::common::{APP, Command, Rootfs, Snapshot, bare, traced};

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {arguments:?}");
}

/// Mounted until the end of a test.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn bind(from: std::path::PathBuf, to: std::path::PathBuf) -> Mounted {
    run("mount", &["--bind", from.to_str().unwrap(), to.to_str().unwrap()]);
    Mounted(to)
}

/// statx(2) as before Linux 5.8: the bit of the mount number is not in its mask.
const OLD: [&str; 5] = ["-f", "-e", "trace=statx", "-e", "inject=statx:poke_exit=@arg5=ff070000"];

#[test]
fn without_mount_numbers_files_and_directories_of_the_same_device_are_seen_to_be_mounts() {
    let outside = Rootfs::empty()
        .file("/file", 0o666, 7, 7, "x")
        .set_id("/program", 0o6777, 7)
        .dir("/directory", 0o777, 7, 7)
        .set_id("/directory/program", 0o6777, 7);
    outside.stamp();
    let names = ["/etc/odd \\name\twith\n#", "/usr/lib/a\\040b"];
    let tree = Rootfs::debian_like()
        .text("/etc/hosts", "x")
        .text("/usr/lib/program", "x")
        .text("/run/secrets/key", "x")
        .dir(names[0], 0o777, 0, 0)
        .dir(names[1], 0o777, 0, 0)
        .dir("/usr/lib/plain", 0o777, 0, 0)
        .set_id("/usr/lib/plain/program", 0o6777, 7);
    tree.stamp();
    let before = Snapshot::of(outside.path());
    let mounts = [
        bind(outside.at("/file"), tree.at("/etc/hosts")),
        bind(outside.at("/program"), tree.at("/usr/lib/program")),
        bind(outside.at("/file"), tree.at("/run/secrets/key")),
        bind(outside.at("/directory"), tree.at(names[0])),
        bind(outside.at("/directory"), tree.at(names[1])),
    ];
    let arguments = [&["apply", "--root", tree.path().to_str().unwrap()][..], &APP].concat();
    let done = traced(&OLD, &arguments);
    assert_eq!(done.status, 0, "{}", done.stderr);
    before.assert_untouched(&Snapshot::of(outside.path()), &done.stderr);
    assert_eq!(std::fs::metadata(tree.at("/usr/lib/plain/program")).unwrap().mode() & 0o7777, 0o755);
    drop(mounts);
}

#[test]
fn where_nothing_tells_mounts_every_command_is_refused() {
    let tree = Rootfs::debian_like();
    tree.stamp();
    let before = Snapshot::of(tree.path());
    for command in ["apply", "plan"] {
        let arguments = [&[command, "--root", tree.path().to_str().unwrap()][..], &APP].concat();
        // Something that looks like the list of mounts, and is no file of procfs.
        let script = "mount -t tmpfs none /proc && mkdir -p /proc/self/fd && : >/proc/self/mountinfo && exec \"$@\"";
        let output = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh", "strace", "-o", "/dev/null"])
            .args(OLD)
            .arg(env!("CARGO_BIN_EXE_harden"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in ["cannot recognise mounts below '/", "mount /proc", "nothing was changed"] {
            assert!(said.contains(part), "no {part:?}: {said}");
        }
        before.assert_untouched(&Snapshot::of(tree.path()), &said);
    }
}

#[test]
fn without_statx_nothing_is_changed() {
    let tree = Rootfs::debian_like();
    tree.stamp();
    let before = Snapshot::of(tree.path());
    let arguments = [&["apply", "--root", tree.path().to_str().unwrap()][..], &APP].concat();
    let refused = traced(&["-f", "-e", "trace=statx", "-e", "inject=statx:error=ENOSYS"], &arguments);
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("in statx"), "{}", refused.stderr);
    before.assert_untouched(&Snapshot::of(tree.path()), &refused.stderr);
}

/// An overlay over two file systems shows the device of each, and one inode number for two files.
#[test]
fn equal_inode_numbers_of_two_devices_are_two_files() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for name in ["lower", "changes", "root"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    let path = |name: &str| at(name).to_str().unwrap().to_owned();
    let mut mounts = Vec::new();
    for name in ["lower", "changes"] {
        run("mount", &["-t", "tmpfs", "-o", "mode=755", "none", &path(name)]);
        mounts.push(Mounted(at(name)));
    }
    let tree = Rootfs::alpine_like()
        .file("/bin/busybox", 0o777, 0, 0, crate::common::busybox::Binary::default().build())
        .link("/bin/cat", "/bin/busybox");
    // Everything that the changes will hold comes first there, so that the numbers of the lower one are higher.
    run("cp", &["-a", &format!("{}/.", tree.path().display()), &path("lower")]);
    std::fs::hard_link(at("lower/bin/busybox"), at("lower/bin/other")).unwrap();
    std::fs::create_dir(at("changes/upper")).unwrap();
    std::fs::create_dir(at("changes/work")).unwrap();
    let options =
        format!("lowerdir={},upperdir={},workdir={}", path("lower"), path("changes/upper"), path("changes/work"));
    run("mount", &["-t", "overlay", "-o", &options, "none", &path("root")]);
    mounts.insert(0, Mounted(at("root")));
    let program = std::fs::metadata(at("root/bin/busybox")).unwrap();
    std::fs::create_dir_all(at("root/srv/data")).unwrap();
    let found = (0..20_000).find_map(|n| {
        let file = at("root/srv/data").join(n.to_string());
        std::fs::write(&file, "precious").unwrap();
        let same = std::fs::metadata(&file).unwrap().ino() == program.ino();
        (same || std::fs::remove_file(&file).is_err()).then_some(file)
    });
    let data = found.expect("a file with the inode number of busybox");
    // Two names, as busybox has.
    std::fs::hard_link(&data, at("root/srv/data/again")).unwrap();
    let meta = std::fs::metadata(&data).unwrap();
    assert!(meta.ino() == program.ino() && meta.dev() != program.dev() && meta.nlink() == program.nlink());
    let arguments = ["apply", "--root", &path("root"), "--user", "app:1000:1000", "--command", "/bin/cat"];
    let done = bare(&arguments, &[], b"");
    assert_eq!(done.status, 0, "{}", done.all());
    assert_eq!(std::fs::read(&data).unwrap(), b"precious");
    assert_ne!(std::fs::metadata(at("root/bin/busybox")).unwrap().mode() & 0o777, 0o777, "{}", done.all());
}

/// fuse-overlayfs makes every directory above a changed entry anew: each has its time kept before the change.
#[test]
fn on_fuse_every_directory_above_a_change_keeps_its_time() {
    let [subject, _] = Subject::all();
    let (whole, tree) = (subject.whole(), subject.tree());
    // statfs.f_type: FUSE_SUPER_MAGIC, on both architectures in this order.
    let poke = "inject=fstatfs:poke_exit=@arg2=4655736500000000";
    let run = subject.traced(&tree, &["-f", "-y", "-e", "trace=fstatfs,fsetxattr,fchmod,fchown", "-e", poke]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let inside = |line: &str| -> Option<String> {
        let path = line.split_once('<')?.1.split_once(">")?.0;
        Some(path.strip_prefix(tree.path().to_str()?)?.to_owned())
    };
    let mut marked = std::collections::BTreeSet::new();
    let mut changed = 0;
    for line in &run.calls {
        let Some(path) = inside(line) else { continue };
        if line.contains("user.harden.mtime") {
            marked.insert(path);
        } else if !path.contains(".harden-tmp-") && !line.contains("fsetxattr") && line.contains("fchmod(") {
            for (at, _) in path.match_indices('/') {
                assert!(marked.contains(&path[..at]), "{} is not marked before {line}", &path[..at]);
            }
            changed += 1;
        }
    }
    assert!(changed > 5, "{changed} changes in place");
    let diff = whole.diff(&Snapshot::of(tree.path()));
    assert!(diff.is_empty(), "{diff:#?}");
}
