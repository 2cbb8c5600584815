//! One directory of a million names, with the binary that is shipped: within the five seconds of every hostile tree; and an
//! image of more than 8 GiB.

use std::fs;

use crate::common::generated::{run_well, shipped};
use crate::common::large::{LARGE, large_image};
use crate::common::{APP, Command, Rootfs};

const NAMES: usize = 1_000_000;
/// Seconds of a processor for one hostile tree.
const LIMIT: f64 = 5.0;
/// A machine that is busy needs longer for everything: then the measure is find(1) on the same tree, as in `make bench`.
const TO_FIND: f64 = 3.0;
/// Seconds on the wall, whatever else runs: nothing hangs.
const HANGS: f64 = 60.0;

#[test]
fn a_million_names_in_one_directory_take_less_than_five_seconds() {
    let tree = Rootfs::debian_like().dir("/usr/share/many", 0o755, 0, 0);
    let many = tree.at("/usr/share/many");
    for n in 0..NAMES {
        fs::File::create(many.join(n.to_string())).unwrap();
    }
    let root = tree.path().to_str().unwrap();
    let (_, find) = seconds(&["find", root, "-xdev", "-printf", "%m %U %G %s %l\n"]);
    let harden = shipped();
    for command in ["plan", "plan", "apply", "apply"] {
        let words = [harden.to_str().unwrap(), command, "--quiet", "--root", root];
        let (wall, used) = seconds(&[&words[..], &APP[..]].concat());
        println!(
            "{command} of {NAMES} names in one directory: {used:.2} s of a processor, find {find:.2} s; {wall:.2} s"
        );
        assert!(used < LIMIT.max(TO_FIND * find), "{command}: {used} s of a processor, find {find} s");
        assert!(wall < HANGS, "{command}: {wall} s");
    }
    assert_eq!(fs::read_dir(&many).unwrap().count(), NAMES);
}

/// Seconds that a command takes: on the wall, and of a processor.
fn seconds(words: &[&str]) -> (f64, f64) {
    let report = tempfile::NamedTempFile::new().unwrap();
    run_well(Command::new("/usr/bin/time").args(["-f", "%e %U %S", "-o"]).arg(report.path()).args(words));
    let times = fs::read_to_string(report.path()).unwrap();
    let times: Vec<f64> = times.split_whitespace().map(|seconds| seconds.parse().unwrap()).collect();
    (times[0], times[1] + times[2])
}

/// ustar has no place for such a size: neither of a file in a layer, nor of the layer. Other programs read what is written.
#[test]
fn an_image_of_more_than_8_gib_is_written_as_other_programs_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (pax, options) in [(true, &["--compress", "none"][..]), (false, &["--keep-layers"])] {
        large_image(&at("in.tar"), pax);
        let mut command = Command::new(shipped());
        command.args(["image", "--quiet", "--command", "none"]).arg(at("in.tar")).arg("-o").arg(at("out.tar"));
        run_well(command.args(options));
        for program in ["tar", "bsdtar"] {
            let listed = Command::new(program).arg("-tvf").arg(at("out.tar")).output().unwrap();
            assert!(listed.status.success(), "{program}: {}", String::from_utf8_lossy(&listed.stderr));
            let listed = String::from_utf8(listed.stdout).unwrap();
            let sizes = listed.lines().flat_map(str::split_whitespace).filter_map(|word| word.parse::<u64>().ok());
            let most = sizes.max().unwrap();
            assert!((LARGE..LARGE + 65_536).contains(&most), "{program}: {listed}");
        }
        let plan =
            Command::new(shipped()).args(["plan", "--tar"]).arg(at("out.tar")).args(["--command", "none"]).output();
        let plan = String::from_utf8(plan.unwrap().stdout).unwrap();
        assert!(plan.contains("nothing to change"), "{plan}");
        fs::remove_file(at("out.tar")).unwrap();
    }
}
