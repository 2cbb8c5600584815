//! One directory of a million names, with the binary that is shipped: within the five seconds of every hostile tree.

use std::fs;
use std::time::{Duration, Instant};

use crate::budgets::{run_well, shipped};
use crate::common::{APP, Rootfs};

const NAMES: usize = 1_000_000;
/// For one hostile tree.
const LIMIT: Duration = Duration::from_secs(5);

#[test]
fn a_million_names_in_one_directory_take_less_than_five_seconds() {
    let tree = Rootfs::debian_like().dir("/usr/share/many", 0o755, 0, 0);
    let many = tree.at("/usr/share/many");
    for n in 0..NAMES {
        fs::File::create(many.join(n.to_string())).unwrap();
    }
    // The first makes the caches of the machine warm, as the builder that wrote these files did.
    for command in ["plan", "plan", "apply", "apply"] {
        let begin = Instant::now();
        let mut harden = std::process::Command::new(shipped());
        run_well(harden.args([command, "--quiet", "--root"]).arg(tree.path()).args(APP));
        let took = begin.elapsed();
        println!("{command} of {NAMES} names in one directory: {took:?}");
        assert!(took < LIMIT, "{command}: {took:?}");
    }
    assert_eq!(fs::read_dir(&many).unwrap().count(), NAMES);
}
