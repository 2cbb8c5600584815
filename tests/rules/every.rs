use crate::common::{APP, Rootfs};

#[test]
fn every_distribution_is_hardened_and_stays_hardened() {
    for (name, tree) in [
        ("debian", Rootfs::debian_like()),
        ("alpine", Rootfs::alpine_like()),
        ("alpine merged", Rootfs::alpine_merged()),
        ("rhel", Rootfs::rhel_like()),
        ("suse", Rootfs::suse_like()),
        ("arch", Rootfs::arch_like()),
        ("wolfi", Rootfs::wolfi_like()),
        ("distroless", Rootfs::distroless()),
    ] {
        let done = tree.apply(&APP);
        println!("{name}:\n{}", done.before.diff(&done.after).join("\n"));
        eprintln!("{}", done.run.stderr);
    }
}
