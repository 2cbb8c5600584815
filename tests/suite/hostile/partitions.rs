//! Mounts below a root given with --root: each is named, and none is touched.

use crate::common::{APP, Command, Rootfs, Snapshot};

#[test]
fn what_is_mounted_below_a_root_is_named() {
    let partition = Rootfs::empty().set_id("/program", 0o6777, 7);
    partition.stamp();
    let before = Snapshot::of(partition.path());
    let cases =
        [("/usr/lib", true), ("/usr/local", true), ("/opt", true), ("/home", true), ("/run", false), ("/sys", false)];
    for (path, named) in cases {
        let tree = Rootfs::debian_like().dir(path, 0o755, 0, 0).dir("/home/x", 0o755, 0, 0);
        tree.stamp();
        let at = tree.at(path);
        let mounted = Command::new("mount").arg("--bind").args([partition.path(), &at]).status().unwrap();
        assert!(mounted.success());
        let runs = [
            tree.run("plan", &APP),
            tree.run("apply", &APP),
            tree.run("apply", &[&APP[..], &["--keep", path]].concat()),
        ];
        assert!(Command::new("umount").arg(&at).status().unwrap().success());
        let words = format!(
            "warning[guard.mounts]: '{path}' is a mount below this root: harden neither examines nor changes anything there"
        );
        for (run, says) in runs.iter().zip([named, named, false]) {
            assert_eq!(run.status, 0, "{}", run.all());
            assert_eq!(run.stderr.contains(&words), says, "{path}: {}", run.all());
        }
        before.assert_untouched(&Snapshot::of(partition.path()), path);
    }
}
