//! What a check does to directories, and by the names of this program's own files.

use super::image::{Ran, apply, perl, root};
use crate::common::Snapshot;

/// Paths that differ after the run, but for those that apply itself makes.
fn differing(ran: &Ran) -> Vec<String> {
    let made = ["/etc/passwd", "/etc/group", "/harden"];
    let lines = ran.before.diff(&ran.after).into_iter();
    lines.filter(|line| !made.iter().any(|path| line.contains(path))).collect()
}

#[test]
fn a_file_with_the_name_of_a_temporary_one_goes_too() {
    let code = r#"
        for my $d ("/tmp", "/var/lib/app") {
            open my $f, ">", "$d/.harden-tmp-0123456789abcdef" or die; print $f "left";
            mkdir "$d/.harden-tmp-fedcba9876543210" or die;
            mkdir "$d/.harden-tmp" or die;
            symlink "/etc", "$d/.harden-tmp-00000000000000ff" or die;
        }
    "#;
    let ran = apply(&root(), &format!("[check]\ncommands = [{}]", perl(code)));
    ran.ends_with(0);
    assert_eq!(differing(&ran), Vec::<String>::new(), "{}", ran.said);
    crate::common::assert_no_temporary(&ran.after, &ran.said);
}

/// setxattr(2) and removexattr(2), by number.
fn calls() -> (u32, u32) {
    if cfg!(target_arch = "aarch64") { (5, 14) } else { (188, 197) }
}

/// Attributes, a default ACL and a flag that it sets are gone; an attribute that it removes or changes is there again.
#[test]
fn attributes_of_directories_are_what_they_were() {
    let (set, remove) = calls();
    let acl =
        r#"pack("V", 2) . join "", map { pack "vvV", @$_ } [1,7,~0], [2,7,65534], [4,5,~0], [16,7,~0], [32,5,~0]"#;
    let code = format!(
        r#"
        sub set {{ my ($d, $n, $v) = @_; syscall({set}, $d, $n, $v, length $v, 0) == 0 or die "$n: $!"; }}
        set("/var/lib/app", "user.left", "x");
        set("/var/lib/app", "user.changed", "other");
        my $gone = "user.gone"; my $app = "/var/lib/app"; syscall({remove}, $app, $gone) == 0 or die $!;
        set("/var/lib/app", "system.posix_acl_default", {acl});
        open my $f, "<", "/var/lib/app" or die $!; my $flags = pack "l", 0x40;
        ioctl $f, 0x40086602, $flags or die "flags: $!";
        open my $g, ">", "/var/lib/app/new" or die;
    "#
    );
    let root = root();
    let config = format!("[check]\ncommands = [{}]", perl(&code));
    let before = |name, value: &[u8]| {
        rustix::fs::setxattr(root.at("/var/lib/app"), name, value, rustix::fs::XattrFlags::empty())
    };
    before("user.changed", b"one").unwrap();
    before("user.gone", b"two").unwrap();
    let ran = apply(&root, &config);
    ran.ends_with(0);
    assert_eq!(differing(&ran), Vec::<String>::new(), "{}", ran.said);
    let had = |snapshot: &Snapshot| snapshot.get("/var/lib/app").xattrs.len();
    assert_eq!((had(&ran.before), had(&ran.after)), (2, 2));
    let directory = std::fs::File::open(root.at("/var/lib/app")).unwrap();
    assert!(!rustix::fs::ioctl_getflags(&directory).unwrap().contains(rustix::fs::IFlags::NODUMP));
}
